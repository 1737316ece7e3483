//! Bodies: the plain text part or parts, and the HTML part or parts (PARSE-6). Which part is a body is decided here.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::header::Head;
use super::structure::{self, Decoded, Leaf, Structure};
use super::transfer::Encoding;
use super::{charset, flowed, html, tnef, uuencode};

/// The longest plain text that may say nothing but that there is HTML, in bytes.
const PLACEHOLDER: usize = 600;
/// How much of the HTML's text is compared with it, in bytes.
const COMPARED: usize = 64 << 10;
/// Words of such texts, in lower case.
const MARKS: [&str; 24] = [
    "html",
    "browser",
    "mail client",
    "mail program",
    "mail reader",
    "email client",
    "view this",
    "view it online",
    "online version",
    "web version",
    "webversion",
    "text version",
    "plain text",
    "cannot be displayed",
    "not be displayed",
    "multi-part",
    "mime",
    "navigateur",
    "navegador",
    "im browser",
    "ブラウザ",
    "浏览器",
    "瀏覽器",
    "브라우저",
];

/// What a part of a message is to its reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Body,
    File,
    /// It was sent as a file, and there is nothing else to read.
    BodyAndFile,
    /// Another form of what a body says, for programs of some makers.
    Form,
}

impl Role {
    pub fn is_body(self) -> bool {
        matches!(self, Role::Body | Role::BodyAndFile)
    }

    pub fn is_file(self) -> bool {
        matches!(self, Role::File | Role::BodyAndFile)
    }
}

/// The most text of a message that is read, in bytes as they stand before their charset is known; all parts together (PARSE-2).
pub const LARGEST: usize = 8 << 20;

/// What a message says.
pub struct Bodies {
    pub text: String,
    /// Sanitised; none where nobody looks.
    pub html: Option<String>,
    /// The Content-IDs that the HTML refers to.
    pub references: html::References,
}

/// One body part, decoded.
struct Body {
    alternative: Option<usize>,
    is_html: bool,
    text: String,
    /// Found once: a message may have many parts, and long ones.
    is_blank: bool,
}

impl Body {
    fn new(alternative: Option<usize>, is_html: bool, text: String) -> Self {
        let is_blank = is_blank(&text);
        Self { alternative, is_html, text, is_blank }
    }
}

/// Returns plain text and HTML of a letter of ours as they were written into it, in UTF-8.
pub fn as_written(raw: &[u8]) -> (String, Option<String>) {
    let decoded = Decoded::default();
    let structure = structure::of(raw, &decoded, &mut Vec::new());
    let roles = roles(&structure);
    let body = |media_type: &str| {
        let leaves = structure.leaves.iter().zip(&roles);
        let (leaf, _) = leaves.into_iter().find(|(leaf, role)| role.is_body() && leaf.media_type == media_type)?;
        let bytes = structure.head_of(leaf).encoding().decode(leaf.body);
        Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
    };
    (body("text/plain").unwrap_or_default(), body("text/html"))
}

/// Whether a media type is a text that people read, and whether it is HTML. An unknown subtype of text is plain text (RFC 2046,
/// section 4.1.4), but for those that are files or meant for programs.
pub fn kind(media_type: &str) -> Option<bool> {
    const FILES: [&str; 16] = [
        "calendar",
        "csv",
        "vcard",
        "x-vcard",
        "directory",
        "rtf",
        "xml",
        "css",
        "javascript",
        "x-javascript",
        "tab-separated-values",
        "rfc822-headers",
        "rfc822",
        "x-amp-html",
        "watch-html",
        "x-watch-html",
    ];
    match media_type.strip_prefix("text/") {
        Some("html") => Some(true),
        Some(subtype) => (!FILES.contains(&subtype)).then_some(false),
        None => (media_type == "application/xhtml+xml").then_some(true),
    }
}

/// Returns what each part is.
pub fn roles(structure: &Structure<'_>) -> Vec<Role> {
    let leaves = &structure.leaves;
    let is_usual = |leaf: &Leaf<'_>| matches!(leaf.media_type.as_str(), "text/plain" | "text/html");
    let is_named = |leaf: &Leaf<'_>| leaf.head.is_some() && structure.head_of(leaf).file_name().is_some();
    let is_text = |leaf: &Leaf<'_>| kind(&leaf.media_type).is_some() && !leaf.is_related;
    let role = |leaf: &Leaf<'_>| {
        let head = structure.head_of(leaf);
        if head.is_file() || is_named(leaf) && !leaf.is_form {
            return Role::File;
        }
        let is_for_programs = matches!(leaf.media_type.as_str(), "text/x-amp-html" | "text/watch-html" | "text/x-watch-html");
        let has_usual = || leaves.iter().any(|other| other.alternative == leaf.alternative && is_usual(other));
        let is_other_form = is_for_programs || is_text(leaf) && !is_usual(leaf) && has_usual();
        match leaf.is_form && is_other_form && !is_named(leaf) {
            true => Role::Form,
            false if is_text(leaf) => Role::Body,
            false => Role::File,
        }
    };
    let mut roles: Vec<Role> = leaves.iter().map(role).collect();
    if roles.iter().any(|role| role.is_body()) {
        return roles;
    }
    // Every text has a name: the first one is the body.
    if let Some(first) = leaves.iter().position(|leaf| is_text(leaf) && !structure.head_of(leaf).is_file()) {
        roles[first] = Role::Body;
        return roles;
    }
    // There is nothing but files that are texts.
    let is_signature = |leaf: &Leaf<'_>| leaf.media_type.ends_with("-signature") || leaf.media_type.ends_with("pkcs7-mime");
    if leaves.iter().all(|leaf| is_text(leaf) || is_signature(leaf))
        && let Some(first) = leaves.iter().position(is_text)
    {
        roles[first] = Role::BodyAndFile;
    }
    roles
}

/// Returns the charset of the first text, which the raw 8-bit text of the header is tried in (PARSE-3).
pub fn charset_of_first(structure: &Structure<'_>) -> Option<String> {
    let first = structure.leaves.iter().find(|leaf| leaf.media_type.starts_with("text/"))?;
    structure.head_of(first).token("charset")
}

/// Returns what a part may be named by in HTML: its Content-ID, its Content-Location, and beside HTML its file name. The first
/// one is its id.
pub fn names(structure: &Structure<'_>, leaf: &Leaf<'_>) -> Vec<String> {
    let head = structure.head_of(leaf);
    let name = if leaf.is_related { head.file_name() } else { None };
    [head.content_id(), head.content_location(), name].into_iter().flatten().collect()
}

/// Returns the bodies; several of a kind are joined. Where a text has no plain form it is derived from its HTML, and a
/// plain text beside HTML is shown with it. HTML that nobody looks at is not made (`is_shown`).
pub fn bodies(structure: &Structure<'_>, roles: &[Role], is_shown: bool, defects: &mut Vec<String>) -> Bodies {
    let parts = || structure.leaves.iter().zip(roles);
    let mut room = LARGEST;
    let mut bodies: Vec<Body> =
        parts().filter(|(_, role)| role.is_body()).map(|(leaf, _)| body(structure, leaf, &mut room, defects)).collect();
    if bodies.iter().all(|body| body.is_blank) {
        // Old programs of Microsoft put all that is said into a file of their own.
        let streams = parts().filter(|(leaf, role)| role.is_file() && tnef::is_one(&leaf.media_type, structure.head_of(leaf)));
        let found = streams.map(|(leaf, _)| tnef::body(&structure.head_of(leaf).encoding().decode(leaf.body)));
        if let Some(found) = found.flatten().next() {
            bodies.push(Body::new(None, found.is_html, found.text));
        }
    }
    let mut named = HashMap::new();
    if bodies.iter().any(|body| body.is_html) {
        for (leaf, _) in parts().filter(|(_, role)| role.is_file()) {
            let names = names(structure, leaf);
            named.extend(
                names.first().cloned().map(|id| names.into_iter().map(move |name| (name, id.clone()))).into_iter().flatten(),
            );
        }
    }
    let mut references = html::References::default();
    let (mut reasonable, mut spent) = (Vec::new(), html::Spent::default());
    for body in bodies.iter().filter(|body| body.is_html) {
        references.read(&body.text, &named);
        reasonable.push(html::bears(&body.text, &mut spent, defects));
    }
    let twin_of = |body: &Body, html: bool| {
        let alternative = body.alternative?;
        let is_twin = |other: &&Body| other.alternative == Some(alternative) && other.is_html == html && !other.is_blank;
        bodies.iter().find(is_twin)
    };
    let says: Vec<bool> = bodies
        .iter()
        .map(|body| {
            !body.is_blank && (body.is_html || !twin_of(body, true).is_some_and(|twin| says_nothing(&body.text, &twin.text)))
        })
        .collect();
    let has_plain_twin = |body: &Body| {
        let is_twin = |other: &Body| other.alternative == body.alternative && !other.is_html;
        body.alternative.is_some() && bodies.iter().zip(&says).any(|(other, says)| *says && is_twin(other))
    };
    let has_html = !reasonable.is_empty();
    let mut reasonable = reasonable.into_iter();
    let (mut texts, mut htmls) = (Vec::new(), Vec::new());
    for (body, says) in bodies.iter().zip(&says) {
        if body.is_html {
            let is_reasonable = reasonable.next().unwrap_or_default();
            let is_read = !has_plain_twin(body);
            let html =
                if is_reasonable && (is_shown || is_read) { html::sanitised(&body.text, &references) } else { String::new() };
            if is_read {
                texts.push(Cow::Owned(html::to_text(if html.is_empty() { &body.text } else { &html })));
            }
            htmls.push(html);
        } else {
            if *says || body.is_blank {
                texts.push(Cow::Borrowed(body.text.as_str()));
            }
            if is_shown && has_html && twin_of(body, true).is_none() && !body.is_blank {
                htmls.push(html::from_text(&body.text));
            }
        }
    }
    if texts.len() > 1 {
        texts.retain(|text| !is_blank(text));
    }
    Bodies { text: texts.join("\n"), html: (is_shown && has_html).then(|| htmls.join("\n")), references }
}

fn body(structure: &Structure<'_>, leaf: &Leaf<'_>, room: &mut usize, defects: &mut Vec<String>) -> Body {
    let mut mark = |defect: &str| {
        if !defects.iter().any(|other| other == defect) {
            defects.push(defect.to_string());
        }
    };
    let head = structure.head_of(leaf);
    let declared = head.token("charset");
    if declared.as_deref().is_some_and(|name| !charset::is_known(name)) {
        mark("unknown-charset");
    }
    let encoding = head.encoding();
    // PARSE-11: what is no base64 is passed over.
    if encoding == Encoding::Base64 && !encoding.measure(leaf.body).1 {
        mark("mime-ambiguous");
    }
    let is_html = kind(&leaf.media_type).unwrap_or_default();
    let (bytes, footer) = encoding.split(leaf.body);
    let bytes = if is_html { bytes } else { uuencode::without_files(bytes) };
    let within = within(&bytes, *room);
    *room -= within.len();
    if within.len() < bytes.len() {
        mark(&format!("limit: the text has more than {} MiB; the rest of it is left raw", LARGEST >> 20));
    }
    let text = decoded(head, is_html, within, footer);
    let mut text = if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text };
    match leaf.media_type.as_str() {
        "text/plain" if head.token("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) => {
            let deletes = head.token("delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
            text = flowed::joined(&text, deletes);
        }
        "text/enriched" | "text/richtext" => text = without_commands(&text),
        _ => {}
    }
    Body::new(leaf.alternative, is_html, text)
}

/// Decodes the bytes of a text, and those that something on the way has put behind them.
pub fn decoded(head: &Head<'_>, is_html: bool, bytes: &[u8], footer: &[u8]) -> String {
    let declared = head.token("charset");
    let declared = declared.as_deref().filter(|name| charset::is_known(name));
    let declared = declared.or_else(|| if is_html { charset::of_html(bytes) } else { None });
    let mut text = charset::decode(bytes, declared);
    if !footer.is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&charset::decode(footer, declared));
    }
    text
}

/// Returns as much of a text as there is room for: whole lines, as a character that is cut spoils the charset.
fn within(bytes: &[u8], room: usize) -> &[u8] {
    match bytes.get(..room).filter(|_| bytes.len() > room) {
        None => bytes,
        Some(first) => {
            let end = memchr::memrchr(b'\n', first).map_or(first.len(), |end| end + 1);
            &first[..end]
        }
    }
}

/// Whether nothing of a text can be seen.
fn is_blank(text: &str) -> bool {
    let is_invisible = |c: char| {
        matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFFC}')
    };
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Returns at most so many bytes of a text, whole characters.
pub fn shorter(text: &str, most: usize) -> &str {
    let end = (0..=text.len().min(most)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Whether a plain text only says that its message is HTML: it is short, has words of such texts, and hardly any of them
/// stands in the HTML.
fn says_nothing(plain: &str, html: &str) -> bool {
    let plain = plain.trim();
    if plain.len() > PLACEHOLDER {
        return false;
    }
    let lower = plain.to_lowercase();
    // A thumb that is up is an answer; a line of dashes is none.
    let has_letters = lower.chars().any(|c| c.is_alphanumeric() || matches!(c, '\u{2600}'..='\u{27BF}' | '\u{1F000}'..));
    if has_letters && !MARKS.iter().any(|mark| lower.contains(mark)) {
        return false;
    }
    let text = html::to_text(shorter(html, COMPARED)).to_lowercase();
    if !text.chars().any(char::is_alphanumeric) {
        return false;
    }
    let words = |text: &str| -> HashSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| word.chars().count() > 3 || !word.is_ascii())
            .filter(|word| !word.is_empty())
            .map(str::to_string)
            .collect()
    };
    let own = words(&lower);
    let shared = own.intersection(&words(&text)).count();
    shared * 4 <= own.len()
}

/// Takes the commands out of text/enriched (RFC 1896), in which a single line break is a space.
fn without_commands(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        plain.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('<') {
            plain.push('<');
            rest = behind;
        } else if let Some((command, behind)) = rest.split_once('>') {
            rest = behind;
            if command.eq_ignore_ascii_case("param") {
                rest = behind.split_once("</").and_then(|(_, end)| end.split_once('>')).map_or(behind, |(_, behind)| behind);
            }
        }
    }
    plain.push_str(rest);
    plain
}
