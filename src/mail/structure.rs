//! Where the parts of a message begin and end (RFC 2046). One walk over the lines; a message inside the message stays a leaf.
//! What gateways, exports and programs do to a message is undone here and nowhere else: line ends, an empty line that is
//! missing or has a blank in it, text behind a delimiter, a multipart that is encoded whole, one whose boundary is another
//! one than declared, content inside a signature. The limits of PARSE-2 are kept here: the rest behind a limit is left raw, and
//! the message says so.
//!
//! Where programs disagree about a structure, this is believed: of two fields the last; of two boundaries the first; of
//! nested multiparts with one boundary the innermost that is open; a delimiter with text behind it delimits; a multipart
//! goes on where its delimiter comes again behind its end. mail-parser reads no structure here: it lends the decoders of
//! the encodings and of a few charsets.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::cms;
use super::header::{Head, name_of};
use super::transfer::Encoding;

/// The longest header of a message or of a part, in bytes.
const HEADER: usize = 256 << 10;
/// The most body parts.
pub const PARTS: usize = 1_000;
/// The most multiparts inside one another.
const NESTING: usize = 50;
/// The most bytes in the headers of all parts together: reading parameters costs more than their length.
const PART_HEADERS: usize = 4 << 20;
/// The most encodings and signatures around a part.
const LAYERS: usize = 4;
/// The most of them in one message.
const DECODED: usize = 32;
/// How far a boundary is looked for that is another one than declared, in bytes.
const GUESSED: usize = 64 << 10;
/// The longest boundary, in bytes; RFC 2046 has 70.
const BOUNDARY: usize = 200;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";
/// The lines that are looked at to tell whether a header goes on.
const AHEAD: usize = 4;

/// Fields that tell a header from a text, in lower case; so do those that begin with one of [`FAMILIES`].
const FIELDS: [&str; 30] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "sender",
    "received",
    "return-path",
    "mime-version",
    "in-reply-to",
    "references",
    "delivered-to",
    "precedence",
    "importance",
    "priority",
    "user-agent",
    "organization",
    "errors-to",
    "mailing-list",
    "status",
    "envelope-to",
    "delivery-date",
    "received-spf",
    "feedback-id",
    "dkim-signature",
    "auto-submitted",
    "authentication-results",
];
const FAMILIES: [&str; 7] = ["content-", "x-", "list-", "arc-", "resent-", "thread-", "disposition-"];

/// Keeps what was decoded on the way as long as the parts that borrow it.
#[derive(Default)]
pub struct Decoded {
    bytes: OnceCell<Vec<u8>>,
    next: OnceCell<Box<Decoded>>,
}

impl Decoded {
    fn keep(&self, bytes: Vec<u8>) -> &[u8] {
        let mut place = self;
        while place.bytes.get().is_some() {
            place = place.next.get_or_init(Box::default);
        }
        place.bytes.get_or_init(|| bytes)
    }
}

/// A message, taken apart.
#[derive(Default)]
pub struct Structure<'a> {
    /// The fields of the message.
    pub head: Head<'a>,
    /// The header as it stands, within the limit.
    pub header: &'a [u8],
    /// What is not a multipart, in order. An attachment is named by its place here.
    pub leaves: Vec<Leaf<'a>>,
}

/// A part that is not a multipart.
pub struct Leaf<'a> {
    /// Its header fields; none when the message itself is the leaf.
    pub head: Option<Head<'a>>,
    /// Its bytes as they stand in the message.
    pub body: &'a [u8],
    /// The media type in lower case.
    pub media_type: String,
    /// The multipart/alternative that it belongs to.
    pub alternative: Option<usize>,
    /// It is one of the forms of that alternative, and not something inside one.
    pub is_form: bool,
    /// Whether it stands in a multipart/related beside the part that refers to it.
    pub is_related: bool,
    /// The part of a multipart/related that it is or stands in.
    unit: Option<usize>,
}

impl<'a> Structure<'a> {
    /// The fields of a leaf.
    pub fn head_of<'s>(&'s self, leaf: &'s Leaf<'a>) -> &'s Head<'a> {
        leaf.head.as_ref().unwrap_or(&self.head)
    }
}

/// A multipart whose end has not been seen.
struct Open {
    boundary: Vec<u8>,
    /// What a part without Content-Type is.
    default_type: &'static str,
    alternative: Option<usize>,
    /// What is right inside is a form of the alternative.
    has_forms: bool,
    /// Its place among the multipart/related.
    related: Option<usize>,
    unit: Option<usize>,
    /// Its end has been seen; it may come back.
    is_closed: bool,
}

/// A multipart/related.
struct Related {
    start: Option<String>,
    root_type: Option<String>,
}

/// A part of a multipart/related.
struct Unit {
    related: usize,
    /// The part of another multipart/related around it.
    outer: Option<usize>,
    media_type: String,
    content_id: Option<String>,
    /// Nothing refers to it: it has neither name nor id.
    is_bare: bool,
}

/// A line that ends a part.
struct Delimiter {
    start: usize,
    end: usize,
    level: usize,
    is_last: bool,
}

/// Takes a message apart.
pub fn of<'a>(raw: &'a [u8], decoded: &'a Decoded, defects: &mut Vec<String>) -> Structure<'a> {
    let raw = mended(raw, decoded);
    let raw = &raw[beginning(raw)..];
    let split = split_header(raw, raw.len());
    if split.length > HEADER {
        defects.push(format!("limit: the header has more than {HEADER} bytes; the rest of it is left raw"));
    }
    let header = &raw[..cut(raw, split.length, HEADER)];
    let head = Head::read(header);
    let mut walk = Walk {
        raw,
        decoded,
        defects,
        open: Vec::new(),
        leaves: Vec::new(),
        related: Vec::new(),
        units: Vec::new(),
        parts: 0,
        headers: 0,
        layers: 0,
        kept: 0,
    };
    // A text without any header says nothing of one.
    if split.is_damaged && !head.is_empty() {
        walk.broken();
    }
    walk.run(&head, true, split.body, false);
    walk.relate();
    let leaves = walk.leaves;
    Structure { head, header, leaves }
}

/// Undoes what was done to all lines of a message: CR CR LF, CR alone, UTF-16.
fn mended<'a>(raw: &'a [u8], decoded: &'a Decoded) -> &'a [u8] {
    if raw.starts_with(b"\xFF\xFE") || raw.starts_with(b"\xFE\xFF") {
        return decoded.keep(super::charset::decode(raw, None).into_bytes());
    }
    match memchr::memchr(b'\n', raw) {
        Some(end) if raw[..end].ends_with(b"\r\r") => {
            let mut lines = Vec::with_capacity(raw.len());
            for line in raw.split_inclusive(|byte| *byte == b'\n') {
                match line.strip_suffix(b"\r\r\n") {
                    Some(line) => {
                        lines.extend_from_slice(line);
                        lines.extend_from_slice(b"\r\n");
                    }
                    None => lines.extend_from_slice(line),
                }
            }
            decoded.keep(lines)
        }
        None if memchr::memchr(b'\r', raw).is_some() => {
            decoded.keep(raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
        }
        _ => raw,
    }
}

/// Returns where a message begins: behind a byte order mark, and behind empty lines and more marks, and the line of a mailbox file
/// above these, where a header follows.
fn beginning(raw: &[u8]) -> usize {
    let behind = |start: usize, fronts: &[&[u8]]| {
        let mut at = start;
        while let Some(front) = fronts.iter().find(|front| raw[at..].starts_with(front)) {
            at += front.len();
        }
        at
    };
    let mark = if raw.starts_with(MARK) { MARK.len() } else { 0 };
    let start = behind(mark, &[MARK, b"\r", b"\n"]);
    // RFC 4155: where the header follows at once, its reader passes over the line.
    let is_mailbox = raw[start..].starts_with(b"From ");
    let line = if is_mailbox { memchr::memchr(b'\n', &raw[start..]).map_or(raw.len(), |end| start + end + 1) } else { start };
    let begin = behind(line, &[MARK, b"\r", b"\n"]);
    if begin > mark && is_known_field(first_line(&raw[begin..])) { begin } else { mark }
}

struct Walk<'a, 'd> {
    raw: &'a [u8],
    decoded: &'a Decoded,
    defects: &'d mut Vec<String>,
    open: Vec<Open>,
    leaves: Vec<Leaf<'a>>,
    related: Vec<Related>,
    units: Vec<Unit>,
    parts: usize,
    headers: usize,
    /// Encodings and signatures around where we are, and how many there were.
    layers: usize,
    kept: usize,
}

impl<'a> Walk<'a, '_> {
    /// Reads a part and everything in it. Returns the leaf that it is.
    fn run(&mut self, root: &Head<'a>, is_message: bool, body: usize, is_decoded: bool) -> Option<usize> {
        let (mut at, place) = self.entity(root, is_message, body, is_decoded);
        while let Some(start) = at {
            self.parts += 1;
            if self.parts > PARTS {
                self.mark(format!("limit: more than {PARTS} parts; what follows is left raw"));
                break;
            }
            // The header of a part ends at the latest where the part does.
            let end = self.delimiter(start).map_or(self.raw.len(), |found| found.start);
            let split = split_header(&self.raw[start..end], HEADER);
            self.headers += split.length.min(HEADER);
            if split.length > HEADER || self.headers > PART_HEADERS {
                self.mark("limit: the headers of the parts are too long; what follows is left raw".to_string());
                break;
            }
            if split.is_damaged {
                self.broken();
            }
            let head = Head::read(&self.raw[start..start + split.length]);
            let (next, leaf) = self.entity(&head, false, start + split.body, false);
            if let Some(leaf) = leaf {
                self.leaves[leaf].head = Some(head);
            }
            at = next;
        }
        place
    }

    /// Opens a multipart or adds a leaf, whose body begins at `body`. Returns where the next part begins, and the leaf.
    fn entity(&mut self, head: &Head<'a>, is_message: bool, body: usize, is_decoded: bool) -> (Option<usize>, Option<usize>) {
        let parent = self.open.last();
        let mut media_type = media_type(head, parent.map_or("text/plain", |open| open.default_type));
        let alternative = parent.and_then(|open| open.alternative);
        let is_form = parent.is_some_and(|open| open.has_forms);
        let outer = parent.and_then(|open| open.unit);
        let unit = match parent.and_then(|open| open.related) {
            Some(_) if is_decoded => self.units.len().checked_sub(1),
            Some(related) => {
                let content_id = head.content_id();
                let is_bare = content_id.is_none() && head.content_location().is_none() && head.file_name().is_none();
                self.units.push(Unit { related, outer, media_type: media_type.clone(), content_id, is_bare });
                Some(self.units.len() - 1)
            }
            None => outer,
        };
        let leaf = |body, media_type: &str| Leaf {
            head: None,
            body,
            media_type: media_type.to_string(),
            alternative,
            is_form,
            is_related: false,
            unit,
        };

        // Parts without a word of them in the header: it got lost on the way.
        let is_undeclared = is_message && head.content_type.is_none();
        let lost = if is_undeclared { self.lost_boundary(body) } else { None };
        if lost.is_some() {
            media_type = "multipart/mixed".to_string();
        }
        let Some(subtype) = media_type.strip_prefix("multipart/") else {
            let next = self.delimiter(body);
            let bytes = self.body(body, next.as_ref());
            let place = if is_message && bytes.is_empty() && media_type == "text/plain" {
                None
            } else {
                self.leaves.push(leaf(bytes, &media_type));
                Some(self.leaves.len() - 1)
            };
            if cms::is_one(&media_type, head) {
                self.signed(head, bytes);
            }
            return (self.after(next), place);
        };
        if self.open.len() >= NESTING {
            self.mark(format!("limit: more than {NESTING} multiparts inside one another; the inner ones are left raw"));
            let next = self.delimiter(body);
            self.leaves.push(leaf(self.body(body, next.as_ref()), "application/octet-stream"));
            return (self.after(next), Some(self.leaves.len() - 1));
        }
        let parameter = |name: &str| head.content_type.as_ref().and_then(|content_type| content_type.text(name));
        // What looks like an encoded word in a boundary is none.
        let declared = head.content_type.as_ref().and_then(|content_type| content_type.get("boundary")).map(str::to_string);
        let declared = declared.or_else(|| parameter("boundary")).map(|boundary| boundary.trim_end().as_bytes().to_vec());
        let level = self.open.len();
        let is_related = subtype == "related";
        if is_related {
            let start = parameter("start").map(|start| start.trim_matches(['<', '>', ' ']).to_string());
            self.related.push(Related { start, root_type: parameter("type").map(|root| root.trim().to_ascii_lowercase()) });
        }
        self.open.push(Open {
            boundary: declared.or(lost).unwrap_or_default(),
            default_type: if subtype == "digest" { "message/rfc822" } else { "text/plain" },
            // The place of its first leaf stands for the alternative.
            alternative: alternative.or((subtype == "alternative").then_some(self.leaves.len())),
            has_forms: subtype == "alternative" || is_form && is_related,
            related: is_related.then(|| self.related.len() - 1),
            unit,
            is_closed: false,
        });
        let next = self.delimiter(body);
        let is_right = next.as_ref().is_some_and(|next| next.level == level && !next.is_last);
        let encoding = head.encoding();
        let is_encoded = !is_decoded && matches!(encoding, Encoding::Base64 | Encoding::QuotedPrintable);
        let has_layers = self.layers < LAYERS && self.kept < DECODED;
        if is_encoded && !has_layers {
            self.limit_layers();
        }
        if is_encoded && has_layers && (!is_right || self.has_encoded_header(next.as_ref(), encoding)) {
            // Encoded whole, which RFC 2045, section 6.4, forbids.
            let outer = self.delimiter_outside(body, level);
            let bytes = encoding.decode(self.body(body, outer.as_ref())).into_owned();
            let holds = |boundary: &[u8]| {
                let line = [b"--", boundary].concat();
                bytes.starts_with(&line) || memchr::memmem::find(&bytes, &[b"\n", line.as_slice()].concat()).is_some()
            };
            if (holds(&self.open[level].boundary) || guessed(&bytes).is_some())
                && let Some(bytes) = self.keep(bytes)
            {
                self.close(level);
                self.within(bytes, |walk| walk.run(head, false, 0, true));
                return (self.after(outer), None);
            }
        }
        if is_right || next.as_ref().is_some_and(|next| next.level == level) {
            return (self.after(next), None);
        }
        self.broken();
        // Its delimiters are others than it says.
        let bytes = self.body(body, next.as_ref());
        if let Some(boundary) = guessed(bytes) {
            self.open[level].boundary = boundary;
            let next = self.delimiter(body);
            if next.as_ref().is_some_and(|next| next.level == level) {
                return (self.after(next), None);
            }
        }
        // No such line: what is there is shown as text.
        self.close(level);
        if is_related {
            self.related.pop();
        }
        self.leaves.push(leaf(bytes, "text/plain"));
        (self.after(next), Some(self.leaves.len() - 1))
    }

    /// Whether the header behind a delimiter is encoded: `charset=3Dutf-8`.
    fn has_encoded_header(&self, delimiter: Option<&Delimiter>, encoding: Encoding) -> bool {
        let Some(found) = delimiter.filter(|_| encoding == Encoding::QuotedPrintable) else { return false };
        let start = &self.raw[found.end..];
        let header = split_header(&start[..start.len().min(2_048)], 2_048);
        [b"=3D", b"=2F", b"=22"].iter().any(|code| memchr::memmem::find(&start[..header.length], *code).is_some())
    }

    /// Reads the content of a signature as a part of its own (RFC 8551, section 3.5.2).
    fn signed(&mut self, head: &Head<'a>, bytes: &'a [u8]) {
        let content = match cms::read(&head.encoding().decode(bytes)) {
            cms::Content::Signed(content) => content,
            cms::Content::Encrypted => return self.mark("encrypted".to_string()),
            cms::Content::Other => return,
        };
        self.mark("signature-not-checked".to_string());
        if let Some(content) = self.keep(content) {
            let split = split_header(content, HEADER);
            if split.length > HEADER {
                return;
            }
            let head = Head::read(&content[..split.length]);
            self.within(content, |walk| {
                if let Some(place) = walk.run(&head, false, split.body, false) {
                    walk.leaves[place].head = Some(head);
                }
            });
        }
    }

    /// Keeps decoded bytes, within the limits.
    fn keep(&mut self, bytes: Vec<u8>) -> Option<&'a [u8]> {
        if self.layers >= LAYERS || self.kept >= DECODED {
            self.limit_layers();
            return None;
        }
        self.kept += 1;
        Some(self.decoded.keep(bytes))
    }

    /// Goes into decoded bytes, where no delimiter from outside counts.
    fn within<T>(&mut self, bytes: &'a [u8], read: impl FnOnce(&mut Self) -> T) {
        let context = self.open.last().map(|open| Open { boundary: Vec::new(), is_closed: true, ..*open });
        let raw = std::mem::replace(&mut self.raw, bytes);
        let open = std::mem::replace(&mut self.open, context.into_iter().collect());
        self.layers += 1;
        read(self);
        self.layers -= 1;
        (self.raw, self.open) = (raw, open);
    }

    /// Leaves the multiparts that a delimiter ends. Returns where the next part begins.
    fn after(&mut self, mut delimiter: Option<Delimiter>) -> Option<usize> {
        loop {
            let Some(found) = delimiter else {
                if self.open.iter().any(|open| !open.is_closed) {
                    self.broken();
                }
                return None;
            };
            if self.open[found.level + 1..].iter().any(|open| !open.is_closed) {
                self.broken();
            }
            self.close(found.level + 1);
            self.open[found.level].is_closed = found.is_last;
            if !found.is_last {
                return Some(found.end);
            }
            // With the boundary of one around it the next delimiter is that one's.
            let boundary = &self.open[found.level].boundary;
            if self.open[..found.level].iter().any(|open| open.boundary == *boundary) {
                self.close(found.level);
            }
            delimiter = self.delimiter(found.end);
        }
    }

    fn close(&mut self, level: usize) {
        self.open.truncate(level);
    }

    /// Finds the next line at or behind `from` that delimits an open multipart.
    fn delimiter(&self, from: usize) -> Option<Delimiter> {
        self.delimiter_outside(from, usize::MAX)
    }

    /// Likewise one of those around a level.
    fn delimiter_outside(&self, from: usize, level: usize) -> Option<Delimiter> {
        if self.open.iter().all(|open| open.boundary.is_empty()) {
            return None;
        }
        let rest = self.raw.get(from..)?;
        let first = rest.starts_with(b"--").then_some(from);
        let others = memchr::memmem::find_iter(rest, b"\n--").map(|at| from + at + 1);
        first.into_iter().chain(others).filter_map(|start| self.delimiter_at(start)).find(|found| found.level < level)
    }

    fn delimiter_at(&self, start: usize) -> Option<Delimiter> {
        let line = self.raw.get(start + 2..)?;
        // Most lines of dashes delimit nothing.
        if !self.open.iter().any(|open| line.starts_with(&open.boundary) && !open.boundary.is_empty()) {
            return None;
        }
        let length = memchr::memchr(b'\n', line);
        let end = length.map_or(self.raw.len(), |length| start + 2 + length + 1);
        let line = line.get(..length.unwrap_or(line.len()))?.trim_ascii_end();
        // Text behind it does not count, and the longest boundary does where one is the beginning of another.
        let is_over = |rest: &[u8]| rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || b"<&;\"".contains(byte));
        let of = |open: &Open| {
            let rest = line.strip_prefix(open.boundary.as_slice()).filter(|_| !open.boundary.is_empty())?;
            match rest.strip_prefix(b"--") {
                Some(rest) if is_over(rest) => Some(true),
                // The message was cut in it.
                None if rest == b"-" => Some(true),
                _ => is_over(rest).then_some(false),
            }
        };
        let open = self.open.iter().enumerate().filter_map(|(level, open)| Some((open.boundary.len(), level, of(open)?)));
        let (_, level, is_last) = open.max_by_key(|(length, level, _)| (*length, *level))?;
        Some(Delimiter { start, end, level, is_last })
    }

    /// The bytes of a part: the line break before a delimiter belongs to the delimiter (RFC 2046, section 5.1.1).
    fn body(&self, start: usize, next: Option<&Delimiter>) -> &'a [u8] {
        let Some(next) = next else { return self.raw.get(start..).unwrap_or_default() };
        let bytes = self.raw.get(start..next.start).unwrap_or_default();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    /// Finds the boundary of a message that says nothing of parts and begins with one, or with the words that are written
    /// before them.
    fn lost_boundary(&self, body: usize) -> Option<Vec<u8>> {
        let text = self.raw.get(body..)?.trim_ascii_start();
        if !text.starts_with(b"--") && !text.starts_with(b"This is a multi-part message") {
            return None;
        }
        let boundary = guessed(text)?;
        let end = [b"\n--", boundary.as_slice(), b"--"].concat();
        memchr::memmem::find(text, &end).is_some().then_some(boundary)
    }

    /// Tells the roots of all multipart/related from what they refer to (RFC 2387).
    fn relate(&mut self) {
        let is_text = |unit: &Unit| unit.media_type == "text/html" || unit.media_type == "text/plain";
        let mut is_root = vec![true; self.units.len()];
        let mut is_choice = vec![false; self.related.len()];
        for (place, related) in self.related.iter().enumerate() {
            let own: Vec<usize> = (0..self.units.len()).filter(|unit| self.units[*unit].related == place).collect();
            let find = |is: &dyn Fn(&Unit) -> bool| own.iter().copied().find(|unit| is(&self.units[*unit]));
            let is_of_text = |unit: &Unit| unit.media_type.starts_with("text/") || unit.media_type.starts_with("multipart/");
            let by_id = related.start.as_ref().and_then(|start| find(&|unit| unit.content_id.as_ref() == Some(start)));
            let by_type = || related.root_type.as_ref().and_then(|root| find(&|unit| unit.media_type == *root));
            let first = own.first().copied().filter(|first| {
                let first = &self.units[*first];
                first.media_type.starts_with("multipart/") || related.root_type.as_ref() == Some(&first.media_type)
            });
            let root = by_id.or(first).or_else(by_type).or_else(|| find(&is_of_text)).or(own.first().copied());
            for unit in own {
                // A text that nothing can refer to is another form of it: the sender took one kind for the other.
                let is_form = is_text(&self.units[unit]) && self.units[unit].is_bare;
                is_root[unit] = Some(unit) == root || is_form;
                is_choice[place] |= is_form && Some(unit) != root;
            }
        }
        let mut first_of: HashMap<usize, usize> = HashMap::new();
        for (place, leaf) in self.leaves.iter_mut().enumerate() {
            let mut unit = leaf.unit;
            if let Some(related) = unit.map(|unit| self.units[unit].related).filter(|related| is_choice[*related])
                && leaf.alternative.is_none()
            {
                leaf.alternative = Some(*first_of.entry(related).or_insert(place));
                leaf.is_form = true;
            }
            while let Some(at) = unit {
                leaf.is_related |= !is_root[at];
                unit = self.units[at].outer;
            }
        }
    }

    fn limit_layers(&mut self) {
        self.mark("limit: too much is encoded in one another; the inner parts are left raw".to_string());
    }

    fn broken(&mut self) {
        self.mark("broken-mime".to_string());
    }

    fn mark(&mut self, defect: String) {
        if !self.defects.contains(&defect) {
            self.defects.push(defect);
        }
    }
}

/// Finds the first line that begins like a delimiter and has a header of a part behind it.
fn guessed(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.get(..GUESSED).unwrap_or(bytes);
    let first = bytes.starts_with(b"--").then_some(0);
    let others = memchr::memmem::find_iter(bytes, b"\n--").map(|at| at + 1);
    first.into_iter().chain(others).find_map(|start| {
        let line = first_line(&bytes[start..]);
        let behind = bytes.get(start + line.len() + 1..)?;
        let boundary = line[2..].trim_ascii_end();
        let is_part = first_line(behind).get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"));
        (is_part && (1..=BOUNDARY).contains(&boundary.len())).then(|| boundary.to_vec())
    })
}

/// Where a header ends.
struct Split {
    /// The length of the header.
    length: usize,
    /// Where the body begins.
    body: usize,
    /// No empty line stands between them.
    is_damaged: bool,
}

/// Finds the end of a header: the first empty line, or a line that can be no field. Looks no further than `limit` bytes for
/// a part.
fn split_header(bytes: &[u8], limit: usize) -> Split {
    let mut start = 0;
    let mut has_field = false;
    while start < bytes.len() {
        let line = first_line(&bytes[start..]);
        let next = (start + line.len() + 1).min(bytes.len());
        if line.iter().all(|byte| *byte == b'\r') {
            return Split { length: start, body: next, is_damaged: false };
        }
        if line.trim_ascii().is_empty() {
            // A blank got into the empty line, or a field has an empty line of its own (RFC 5322, section 4.2).
            if !goes_on(&bytes[next..]) {
                return Split { length: start, body: next, is_damaged: false };
            }
        } else if !(has_field && matches!(line[0], b' ' | b'\t')) {
            let is_field = is_field(line);
            // A line that is none is passed over where a header goes on behind it.
            if !is_field && (line.starts_with(b"--") || !goes_on(&bytes[next..])) {
                return Split { length: start, body: start, is_damaged: true };
            }
            has_field |= is_field;
        }
        start = next;
        if start > limit {
            break;
        }
    }
    Split { length: start, body: start, is_damaged: false }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())]
}

/// Whether a line begins a field; the address of a web page does not.
fn is_field(line: &[u8]) -> bool {
    !matches!(line.first(), Some(b' ' | b'\t'))
        && name_of(line).is_some_and(|length| !line[length..].trim_ascii_start()[1..].starts_with(b"//"))
}

/// Whether a header goes on: its next field is a well-known one.
fn goes_on(rest: &[u8]) -> bool {
    let mut lines = rest.split(|byte| *byte == b'\n').take(AHEAD);
    let next = lines.find(|line| !matches!(line.first(), Some(b' ' | b'\t')));
    next.is_some_and(is_known_field)
}

fn is_known_field(line: &[u8]) -> bool {
    let Some(name) = name_of(line).and_then(|length| std::str::from_utf8(&line[..length]).ok()) else { return false };
    let name = name.to_ascii_lowercase();
    FIELDS.contains(&name.as_str()) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Where a header is cut: at its end, or behind the last whole line within the limit.
fn cut(bytes: &[u8], header: usize, limit: usize) -> usize {
    if header <= limit {
        return header;
    }
    memchr::memrchr(b'\n', &bytes[..limit]).map_or(limit, |end| end + 1)
}

/// Reads the subject of a message inside the message.
pub fn subject(message: &[u8]) -> String {
    let message = &message[beginning(message)..];
    let split = split_header(message, HEADER);
    Head::read(&message[..cut(message, split.length, HEADER)]).text("Subject")
}

/// Returns the media type in lower case. One that cannot be a type, such as `<html>`, counts as none (RFC 2045, section 5.2);
/// of a file without a type its name says what it is.
fn media_type(head: &Head<'_>, default: &str) -> String {
    let is_token =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c));
    let written = head.content_type.as_ref().map(|content_type| content_type.value.to_ascii_lowercase()).unwrap_or_default();
    let written = written.trim_end_matches(',');
    match written.split_once('/') {
        Some((kind, subtype)) if is_token(kind) && is_token(subtype) => return format!("{kind}/{subtype}"),
        None | Some((_, "")) => match written.trim_end_matches('/') {
            "text" | "plain" => return "text/plain".to_string(),
            "html" => return "text/html".to_string(),
            "multipart" => return "multipart/mixed".to_string(),
            kind if is_token(kind) => return format!("{kind}/octet-stream"),
            _ => {}
        },
        Some(_) => {}
    }
    if head.content_type.as_ref().is_some_and(|content_type| content_type.get("boundary").is_some()) {
        return "multipart/mixed".to_string();
    }
    let name = head.file_name().map(|name| name.trim().to_ascii_lowercase());
    match name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending) {
        None | Some("txt" | "text" | "log") => default.to_string(),
        Some("htm" | "html") => "text/html".to_string(),
        Some("eml") => "message/rfc822".to_string(),
        Some(_) => "application/octet-stream".to_string(),
    }
}
