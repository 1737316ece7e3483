//! FETCH-8: a message above the size limit is put together from its header, the MIME headers of all parts and the bodies
//! of its text parts. What is left out keeps its header and has an empty body.

use std::collections::HashMap;

use imap_proto::types::{BodyContentCommon, BodyStructure};
use mail_parser::{MessageParser, MimeHeaders};

/// The most bytes of text that are read; the part that would go beyond is left out like a file.
pub const MOST_TEXT: u64 = 8 << 20;
/// The most parts that are asked for.
const MOST_PARTS: usize = 1_000;
/// The most multiparts inside one another that are gone through without a structure.
pub const MOST_LEVELS: usize = 5;

/// Returns the sections to ask for, in the words of FETCH; none when there is nothing but a header to be had.
pub fn sections(structure: &BodyStructure<'_>) -> Vec<String> {
    let (mut sections, mut room) = (Vec::new(), MOST_TEXT);
    collect(structure, "", &mut sections, &mut room);
    sections
}

fn collect(structure: &BodyStructure<'_>, path: &str, sections: &mut Vec<String>, room: &mut u64) {
    if sections.len() >= MOST_PARTS {
        return;
    }
    match structure {
        BodyStructure::Multipart { bodies, .. } => {
            if !path.is_empty() {
                sections.push(format!("{path}.MIME"));
            }
            for (number, body) in (1..).zip(bodies) {
                collect(body, &below(path, number), sections, room);
            }
        }
        leaf => {
            // RFC 3501, section 6.4.5: the only part of a message without parts is 1, and its MIME header is the message's.
            if !path.is_empty() {
                sections.push(format!("{path}.MIME"));
            }
            if let Some(left) = text_bytes(leaf).and_then(|bytes| room.checked_sub(bytes)) {
                *room = left;
                sections.push(if path.is_empty() { "1".to_string() } else { path.to_string() });
            }
        }
    }
}

/// The number of a part below another one.
pub fn below(path: &str, number: usize) -> String {
    if path.is_empty() { number.to_string() } else { format!("{path}.{number}") }
}

/// Returns the size of a text that is not attached as a file.
fn text_bytes(leaf: &BodyStructure<'_>) -> Option<u64> {
    let BodyStructure::Text { common, other, .. } = leaf else { return None };
    let attached = common.disposition.as_ref().is_some_and(|disposition| disposition.ty.eq_ignore_ascii_case("attachment"));
    (!attached).then_some(u64::from(other.octets))
}

/// Puts the message together.
pub fn assemble(header: &[u8], structure: &BodyStructure<'_>, parts: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    let mut message = header.to_vec();
    match structure {
        BodyStructure::Multipart { common, bodies, .. } => multipart((common, header), bodies, "", parts, &mut message),
        _ => message.extend_from_slice(parts.get("1").map(Vec::as_slice).unwrap_or_default()),
    }
    message
}

fn multipart(
    (common, header): (&BodyContentCommon<'_>, &[u8]),
    bodies: &[BodyStructure<'_>],
    path: &str,
    parts: &HashMap<String, Vec<u8>>,
    message: &mut Vec<u8>,
) {
    // Whoever reads the message goes by its own header; a server's word counts where that says nothing.
    let own = kind_of(header).and_then(|kind| if let Kind::Multipart(boundary) = kind { Some(boundary) } else { None });
    let Some(boundary) = own.or_else(|| boundary(common).map(str::to_string)) else { return };
    for (number, body) in (1..).zip(bodies) {
        let path = below(path, number);
        message.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        let mime = parts.get(&format!("{path}.MIME")).map_or(b"\r\n".as_slice(), Vec::as_slice);
        message.extend_from_slice(mime);
        match body {
            BodyStructure::Multipart { common, bodies, .. } => multipart((common, mime), bodies, &path, parts, message),
            _ => message.extend_from_slice(parts.get(&path).map(Vec::as_slice).unwrap_or_default()),
        }
    }
    message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
}

/// What a part is, by its own header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// With its boundary.
    Multipart(String),
    Text,
    Other,
}

/// Tells what a part is; none where its header does not say.
pub fn kind_of(header: &[u8]) -> Option<Kind> {
    let head = MessageParser::new().with_mime_headers().parse_headers(header)?;
    let content_type = head.content_type()?;
    if content_type.ctype().eq_ignore_ascii_case("text") {
        return Some(Kind::Text);
    }
    let boundary = content_type.attribute("boundary").map(str::trim_end).filter(|boundary| !boundary.is_empty());
    let is_multipart = content_type.ctype().eq_ignore_ascii_case("multipart");
    Some(boundary.filter(|_| is_multipart).map_or(Kind::Other, |boundary| Kind::Multipart(boundary.to_string())))
}

/// Puts a text into the multiparts around it, each with its boundary and the header of its first part.
pub fn around(header: &[u8], levels: &[(String, Vec<u8>)], text: &[u8]) -> Vec<u8> {
    let mut message = header.to_vec();
    for (boundary, mime) in levels {
        message.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        message.extend_from_slice(if mime.is_empty() { b"\r\n" } else { mime });
    }
    message.extend_from_slice(text);
    for (boundary, _) in levels.iter().rev() {
        message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    }
    message
}

fn boundary<'s>(common: &'s BodyContentCommon<'_>) -> Option<&'s str> {
    let parameters = common.ty.params.as_ref()?;
    parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, value)| value.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_8_without_a_structure_the_headers_lead_to_the_first_text() {
        let header = b"From: dora@example.org\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\
            Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\n";
        assert_eq!(kind_of(header), Some(Kind::Multipart("a b".to_string())));
        for (header, kind) in [
            ("Content-Type: TEXT/html\r\n\r\n", Some(Kind::Text)),
            ("Content-Type: application/zip\r\n\r\n", Some(Kind::Other)),
            ("Content-Type: multipart/mixed\r\n\r\n", Some(Kind::Other)),
            ("Subject: x\r\n\r\n", None),
        ] {
            assert_eq!(kind_of(header.as_bytes()), kind, "{header}");
        }
        let inner = b"Content-Type: multipart/alternative; boundary=c\r\n\r\n".to_vec();
        let levels = [("a b".to_string(), inner), ("c".to_string(), Vec::new())];
        let mail = crate::mail::parse(&around(header, &levels, b"The text"));
        assert_eq!((mail.text.trim(), mail.defects.len()), ("The text", 0), "{:?}", mail.defects);
    }

    #[test]
    fn fetch_8_text_is_asked_for_until_there_is_enough() {
        let line = format!(
            "* 1 FETCH (UID 1 BODYSTRUCTURE ({}{}{}(\"image\" \"png\" NIL NIL NIL \"base64\" 9) \"mixed\"))\r\n",
            r#"("text" "plain" NIL NIL NIL "7bit" 8000000 1)"#,
            r#"("text" "plain" NIL NIL NIL "7bit" 8000000 1)"#,
            r#"("text" "html" NIL NIL NIL "7bit" 1000 1)"#,
        );
        let structure = crate::mailbox::answer::item(line.as_bytes()).and_then(|item| item.structure).expect("it is well-formed");
        assert_eq!(sections(&structure), ["1.MIME", "1", "2.MIME", "3.MIME", "3", "4.MIME"]);
    }
}
