//! Bodies: the plain text part or parts, and the HTML part or parts (PARSE-6).

use mail_parser::MimeHeaders;

use super::structure::{Leaf, Structure};
use super::transfer::Encoding;
use super::{charset, html, uuencode};

/// The most text of a message that is read, in bytes as they stand before their charset is known; all parts together (PARSE-2).
const LARGEST: usize = 8 << 20;

/// What a message says.
pub struct Bodies {
    pub text: String,
    /// Sanitised.
    pub html: Option<String>,
    /// The Content-IDs that the HTML refers to.
    pub references: html::References,
}

/// One body part, decoded.
struct Body {
    alternative: Option<usize>,
    is_html: bool,
    text: String,
    is_blank: bool,
}

/// Whether a leaf is a body: text or HTML that is not declared a file.
pub fn is_body(structure: &Structure<'_>, leaf: &Leaf<'_>) -> bool {
    let head = structure.head_of(leaf);
    let is_text = leaf.media_type == "text/plain" || leaf.media_type == "text/html";
    let is_file = head.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
    // A message that is nothing but a text has a body, whatever its name.
    let is_named = leaf.head.is_some() && head.attachment_name().is_some_and(|name| !name.is_empty());
    is_text && !is_file && !is_named && !leaf.is_related
}

/// Returns the bodies; several of a kind are joined. Where a text has no plain form it is derived from its HTML, and a
/// plain text beside HTML is shown with it.
pub fn bodies(structure: &Structure<'_>, defects: &mut Vec<String>) -> Bodies {
    let mut room = LARGEST;
    let leaves = structure.leaves.iter().filter(|leaf| is_body(structure, leaf));
    let bodies: Vec<Body> = leaves.map(|leaf| body(structure, leaf, &mut room, defects)).collect();
    let mut references = html::References::default();
    let (mut cleaned, mut spent) = (Vec::new(), html::Spent::default());
    for body in bodies.iter().filter(|body| body.is_html) {
        references.read(&body.text);
        cleaned.push(html::sanitise(&body.text, &mut spent, defects));
    }
    let is_twin = |body: &Body, html: bool| {
        body.alternative.is_some()
            && bodies.iter().any(|other| other.alternative == body.alternative && other.is_html == html && !other.is_blank)
    };
    let has_html = !cleaned.is_empty();
    let mut cleaned = cleaned.into_iter();
    let (mut texts, mut htmls) = (Vec::new(), Vec::new());
    for body in &bodies {
        if body.is_html {
            let html = cleaned.next().unwrap_or_default();
            if !is_twin(body, false) {
                texts.push(html::to_text(if html.is_empty() { &body.text } else { &html }));
            }
            htmls.push(html);
        } else {
            texts.push(body.text.clone());
            if has_html && !is_twin(body, true) && !body.is_blank {
                htmls.push(html::from_text(&body.text));
            }
        }
    }
    if texts.len() > 1 {
        texts.retain(|text| !text.trim().is_empty());
    }
    Bodies { text: texts.join("\n"), html: has_html.then(|| htmls.join("\n")), references }
}

fn body(structure: &Structure<'_>, leaf: &Leaf<'_>, room: &mut usize, defects: &mut Vec<String>) -> Body {
    let head = structure.head_of(leaf);
    let declared = head.content_type().and_then(|content_type| content_type.attribute("charset"));
    if declared.is_some_and(|name| !charset::is_known(name)) && !defects.iter().any(|defect| defect == "unknown-charset") {
        defects.push("unknown-charset".to_string());
    }
    let encoding = Encoding::of(head);
    // PARSE-11: what is no base64 is passed over.
    if encoding == Encoding::Base64 && !encoding.measure(leaf.body).1 && !defects.iter().any(|defect| defect == "mime-ambiguous")
    {
        defects.push("mime-ambiguous".to_string());
    }
    let is_html = leaf.media_type == "text/html";
    let bytes = encoding.decode(leaf.body);
    let bytes = if is_html { bytes } else { uuencode::without_files(bytes) };
    let within = within(&bytes, *room);
    *room -= within.len();
    if within.len() < bytes.len() {
        let defect = format!("limit: the text has more than {} MiB; the rest of it is left raw", LARGEST >> 20);
        if !defects.contains(&defect) {
            defects.push(defect);
        }
    }
    let text = charset::decode(within, declared);
    let text = if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text };
    let is_blank = text.trim().is_empty();
    Body { alternative: leaf.alternative, is_html, text, is_blank }
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
