//! Where the parts of a message begin and end (RFC 2046). One walk over the lines, without recursion and without
//! decoding; a message inside the message stays a leaf. The limits of PARSE-2 are kept here: the rest behind a limit is
//! left raw, and the message says so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use mail_parser::{HeaderName, Message, MessageParser, MessagePart, MimeHeaders};

use super::charset;

/// The longest header of a message or of a part, in bytes.
const HEADER: usize = 256 << 10;
/// The most body parts.
pub const PARTS: usize = 1_000;
/// The most multiparts inside one another.
const NESTING: usize = 50;
/// The most bytes in the headers of all parts together: reading parameters costs more than their length.
const PART_HEADERS: usize = 4 << 20;

/// Reads the fields that we use; all others stay raw. So does the date: mail-parser 0.11 takes a zone of one or two letters,
/// such as `UT` (RFC 5322, section 4.3), for three and reads on into the next field.
pub static ROOT_FIELDS: LazyLock<MessageParser> =
    LazyLock::new(|| MessageParser::new().with_minimal_headers().without_header(HeaderName::Date).with_message_ids());
static PART_FIELDS: LazyLock<MessageParser> = LazyLock::new(|| MessageParser::new().with_mime_headers());

/// A message, taken apart.
pub struct Structure<'a> {
    /// The fields of the message.
    pub head: Message<'a>,
    /// The header as it stands, within the limit.
    pub header: &'a [u8],
    /// What is not a multipart, in order. An attachment is named by its place here.
    pub leaves: Vec<Leaf<'a>>,
}

/// A part that is not a multipart.
pub struct Leaf<'a> {
    /// Its header fields; none when the message itself is the leaf.
    pub head: Option<Message<'a>>,
    /// Its bytes as they stand in the message.
    pub body: &'a [u8],
    /// The media type in lower case.
    pub media_type: String,
    /// The multipart/alternative that it belongs to.
    pub alternative: Option<usize>,
    /// Whether it stands in a multipart/related behind the part that refers to it.
    pub is_related: bool,
}

impl<'a> Structure<'a> {
    /// The MIME fields of a leaf.
    pub fn head_of<'s>(&'s self, leaf: &'s Leaf<'a>) -> &'s Message<'a> {
        leaf.head.as_ref().unwrap_or(&self.head)
    }
}

/// A multipart whose end has not been seen.
struct Open {
    boundary: Vec<u8>,
    /// What a part without Content-Type is.
    default_type: &'static str,
    alternative: Option<usize>,
    is_related: bool,
    parts: usize,
}

/// A line that ends a part.
struct Delimiter {
    start: usize,
    end: usize,
    level: usize,
    is_last: bool,
}

/// Takes a message apart.
pub fn of<'a>(raw: &'a [u8], defects: &mut Vec<String>) -> Structure<'a> {
    let (header, body) = split_header(raw, raw.len());
    if header > HEADER {
        defects.push(format!("limit: the header has more than {HEADER} bytes; the rest of it is left raw"));
    }
    let header = &raw[..cut(raw, header, HEADER)];
    let head = fields(header, &ROOT_FIELDS);
    let walk = Walk { raw, defects, open: Vec::new(), boundaries: HashMap::new(), leaves: Vec::new(), parts: 0, headers: 0 };
    Structure { header, ..walk.run(head, body) }
}

struct Walk<'a, 'd> {
    raw: &'a [u8],
    defects: &'d mut Vec<String>,
    open: Vec<Open>,
    /// Boundary to its place in `open`; the innermost where one is used twice.
    boundaries: HashMap<Vec<u8>, usize>,
    leaves: Vec<Leaf<'a>>,
    parts: usize,
    headers: usize,
}

impl<'a> Walk<'a, '_> {
    fn run(mut self, root: Message<'a>, body: usize) -> Structure<'a> {
        let mut at = self.entity(&root, true, body);
        while let Some(start) = at {
            self.parts += 1;
            if let Some(parent) = self.open.last_mut() {
                parent.parts += 1;
            }
            if self.parts > PARTS {
                self.defects.push(format!("limit: more than {PARTS} parts; what follows is left raw"));
                break;
            }
            // The header of a part ends at the latest where the part does.
            let end = self.delimiter(start).map_or(self.raw.len(), |found| found.start);
            let (header, body) = split_header(&self.raw[start..end], HEADER);
            self.headers += header.min(HEADER);
            if header > HEADER || self.headers > PART_HEADERS {
                self.mark("limit: the headers of the parts are too long; what follows is left raw".to_string());
                break;
            }
            let head = fields(&self.raw[start..start + header], &PART_FIELDS);
            at = self.entity(&head, false, start + body);
            if let Some(leaf) = self.leaves.last_mut().filter(|leaf| leaf.head.is_none()) {
                leaf.head = Some(head);
            }
        }
        Structure { head: root, header: &[], leaves: self.leaves }
    }

    /// Opens a multipart or adds a leaf, whose body begins at `body`. Returns where the next part begins.
    fn entity(&mut self, head: &Message<'_>, is_root: bool, body: usize) -> Option<usize> {
        let parent = self.open.last();
        let media_type = media_type(head, parent.map_or("text/plain", |open| open.default_type));
        let alternative = parent.and_then(|open| open.alternative);
        let is_related = parent.is_some_and(|open| open.is_related && open.parts > 1);
        let leaf =
            |body, media_type: &str| Leaf { head: None, body, media_type: media_type.to_string(), alternative, is_related };

        let boundary = head.content_type().and_then(|content_type| content_type.attribute("boundary"));
        if let (Some(subtype), Some(boundary)) = (media_type.strip_prefix("multipart/"), boundary.map(str::trim_end))
            && !boundary.is_empty()
            && self.open.len() < NESTING
        {
            let level = self.open.len();
            self.open.push(Open {
                boundary: boundary.as_bytes().to_vec(),
                default_type: if subtype == "digest" { "message/rfc822" } else { "text/plain" },
                // The place of its first leaf stands for the alternative.
                alternative: alternative.or((subtype == "alternative").then_some(self.leaves.len())),
                is_related: subtype == "related",
                parts: 0,
            });
            self.boundaries.insert(boundary.as_bytes().to_vec(), level);
            let next = self.delimiter(body);
            if next.as_ref().is_some_and(|next| next.level == level) {
                return self.after(next);
            }
            // No such line: what is there is shown as text.
            self.broken();
            self.close(level);
            self.leaves.push(leaf(self.body(body, next.as_ref()), "text/plain"));
            return self.after(next);
        }
        let next = self.delimiter(body);
        let bytes = self.body(body, next.as_ref());
        if media_type.starts_with("multipart/") {
            if self.open.len() < NESTING {
                self.broken();
                self.leaves.push(leaf(bytes, "text/plain"));
            } else {
                self.limit_nesting();
                self.leaves.push(leaf(bytes, "application/octet-stream"));
            }
        } else if !(is_root && bytes.is_empty() && media_type == "text/plain") {
            self.leaves.push(leaf(bytes, &media_type));
        }
        self.after(next)
    }

    /// Leaves the multiparts that a delimiter ends. Returns where the next part begins.
    fn after(&mut self, mut delimiter: Option<Delimiter>) -> Option<usize> {
        loop {
            let Some(found) = delimiter else {
                if !self.open.is_empty() {
                    self.broken();
                }
                return None;
            };
            if found.level + 1 < self.open.len() {
                self.broken();
            }
            if !found.is_last {
                self.close(found.level + 1);
                return Some(found.end);
            }
            self.close(found.level);
            if self.open.is_empty() {
                return None;
            }
            delimiter = self.delimiter(found.end);
        }
    }

    fn close(&mut self, level: usize) {
        if level >= self.open.len() {
            return;
        }
        self.open.truncate(level);
        self.boundaries = self.open.iter().enumerate().map(|(level, open)| (open.boundary.clone(), level)).collect();
    }

    /// Finds the next line at or behind `from` that delimits an open multipart.
    fn delimiter(&self, from: usize) -> Option<Delimiter> {
        if self.open.is_empty() {
            return None;
        }
        let rest = self.raw.get(from..)?;
        let first = rest.starts_with(b"--").then_some(from);
        let others = memchr::memmem::find_iter(rest, b"\n--").map(|at| from + at + 1);
        first.into_iter().chain(others).find_map(|start| self.delimiter_at(start))
    }

    fn delimiter_at(&self, start: usize) -> Option<Delimiter> {
        let line = self.raw.get(start + 2..)?;
        let length = memchr::memchr(b'\n', line);
        let end = length.map_or(self.raw.len(), |length| start + 2 + length + 1);
        let line = line.get(..length.unwrap_or(line.len()))?.trim_ascii_end();
        let (level, is_last) = match self.boundaries.get(line) {
            Some(level) => (*level, false),
            None => (*self.boundaries.get(line.strip_suffix(b"--")?)?, true),
        };
        Some(Delimiter { start, end, level, is_last })
    }

    /// The bytes of a part: the line break before a delimiter belongs to the delimiter (RFC 2046, section 5.1.1).
    fn body(&self, start: usize, next: Option<&Delimiter>) -> &'a [u8] {
        let Some(next) = next else { return self.raw.get(start..).unwrap_or_default() };
        let bytes = self.raw.get(start..next.start).unwrap_or_default();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    fn broken(&mut self) {
        self.mark("broken-mime".to_string());
    }

    fn limit_nesting(&mut self) {
        self.mark(format!("limit: more than {NESTING} multiparts inside one another; the inner ones are left raw"));
    }

    fn mark(&mut self, defect: String) {
        if !self.defects.contains(&defect) {
            self.defects.push(defect);
        }
    }
}

/// Returns the length of the header, and where the body begins: behind the first empty line, or at the end. Looks no
/// further than `limit` bytes for a part.
fn split_header(bytes: &[u8], limit: usize) -> (usize, usize) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        if matches!(&bytes[start..end], b"" | b"\r") {
            return (start, end + 1);
        }
        start = end + 1;
        if start > limit {
            return (start, start);
        }
    }
    (bytes.len(), bytes.len())
}

/// Where a header is cut: at its end, or behind the last whole line within the limit.
fn cut(bytes: &[u8], header: usize, limit: usize) -> usize {
    if header <= limit {
        return header;
    }
    memchr::memrchr(b'\n', &bytes[..limit]).map_or(limit, |end| end + 1)
}

/// Reads header fields, the raw 8-bit ones by their charset (PARSE-3).
pub fn fields<'a>(header: &'a [u8], parser: &MessageParser) -> Message<'a> {
    let mut message = match readable(header) {
        Cow::Borrowed(header) => parser.parse_headers(header).unwrap_or_default(),
        Cow::Owned(header) => parser.parse_headers(&header).unwrap_or_default().into_owned(),
    };
    if message.parts.is_empty() {
        // mail-parser 0.11 indexes the first part without looking.
        message.parts.push(MessagePart::default());
    }
    message
}

/// Reads the subject of a message inside the message.
pub fn subject(header: &[u8]) -> String {
    let (length, _) = split_header(header, HEADER);
    super::header::text(&fields(&header[..cut(header, length, HEADER)], &ROOT_FIELDS), &HeaderName::Subject)
}

/// Turns header fields that are neither ASCII nor UTF-8 into UTF-8, field by field.
fn readable(header: &[u8]) -> Cow<'_, [u8]> {
    if !charset::has_escapes(header) && std::str::from_utf8(header).is_ok() {
        return Cow::Borrowed(header);
    }
    let mut text = Vec::with_capacity(header.len());
    let mut rest = header;
    while !rest.is_empty() {
        // A field goes on over lines that begin with white space.
        let end = memchr::memchr_iter(b'\n', rest).map(|end| end + 1).find(|end| !matches!(rest.get(*end), Some(b' ' | b'\t')));
        let (field, behind) = rest.split_at(end.unwrap_or(rest.len()));
        text.extend_from_slice(charset::decode(&charset::mended_words(field), None).as_bytes());
        rest = behind;
    }
    Cow::Owned(text)
}

/// Returns the media type in lower case. One that cannot be a type, such as `<html>`, counts as none (RFC 2045, section 5.2).
fn media_type(head: &Message<'_>, default: &str) -> String {
    let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c);
    let content_type = head.content_type().filter(|content_type| content_type.ctype().chars().all(is_token));
    let Some(content_type) = content_type else { return default.to_string() };
    let subtype = content_type.subtype().unwrap_or(if content_type.ctype().eq_ignore_ascii_case("text") {
        "plain"
    } else {
        "octet-stream"
    });
    charset::without_nul(&format!("{}/{subtype}", content_type.ctype())).to_lowercase()
}
