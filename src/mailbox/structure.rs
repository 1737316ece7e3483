//! FETCH-8: a message above the size limit is put together from its header, the MIME headers of all parts and the bodies
//! of its text parts. What is left out keeps its header and has an empty body.

use std::collections::HashMap;

use imap_proto::types::{BodyContentCommon, BodyStructure};

/// The largest text part that is read, in bytes; a larger one is left out like a file.
const LARGEST_TEXT: u32 = 4 << 20;
/// The most parts that are asked for.
const MOST_PARTS: usize = 1_000;

/// Returns the sections to ask for, in the words of FETCH; none when there is nothing but a header to be had.
pub fn sections(structure: &BodyStructure<'_>) -> Vec<String> {
    let mut sections = Vec::new();
    collect(structure, "", &mut sections);
    sections
}

fn collect(structure: &BodyStructure<'_>, path: &str, sections: &mut Vec<String>) {
    if sections.len() >= MOST_PARTS {
        return;
    }
    match structure {
        BodyStructure::Multipart { bodies, .. } => {
            if !path.is_empty() {
                sections.push(format!("{path}.MIME"));
            }
            for (number, body) in (1..).zip(bodies) {
                collect(body, &below(path, number), sections);
            }
        }
        leaf => {
            // RFC 3501, section 6.4.5: the only part of a message without parts is 1, and its MIME header is the message's.
            if !path.is_empty() {
                sections.push(format!("{path}.MIME"));
            }
            if is_wanted(leaf) {
                sections.push(if path.is_empty() { "1".to_string() } else { path.to_string() });
            }
        }
    }
}

fn below(path: &str, number: usize) -> String {
    if path.is_empty() { number.to_string() } else { format!("{path}.{number}") }
}

/// Text that is not attached as a file.
fn is_wanted(leaf: &BodyStructure<'_>) -> bool {
    let BodyStructure::Text { common, other, .. } = leaf else { return false };
    let attached = common.disposition.as_ref().is_some_and(|disposition| disposition.ty.eq_ignore_ascii_case("attachment"));
    !attached && other.octets <= LARGEST_TEXT
}

/// Puts the message together.
pub fn assemble(header: &[u8], structure: &BodyStructure<'_>, parts: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    let mut message = header.to_vec();
    match structure {
        BodyStructure::Multipart { common, bodies, .. } => multipart(common, bodies, "", parts, &mut message),
        _ => message.extend_from_slice(parts.get("1").map(Vec::as_slice).unwrap_or_default()),
    }
    message
}

fn multipart(
    common: &BodyContentCommon<'_>,
    bodies: &[BodyStructure<'_>],
    path: &str,
    parts: &HashMap<String, Vec<u8>>,
    message: &mut Vec<u8>,
) {
    let Some(boundary) = boundary(common) else { return };
    for (number, body) in (1..).zip(bodies) {
        let path = below(path, number);
        message.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        message.extend_from_slice(parts.get(&format!("{path}.MIME")).map_or(b"\r\n".as_slice(), Vec::as_slice));
        match body {
            BodyStructure::Multipart { common, bodies, .. } => multipart(common, bodies, &path, parts, message),
            _ => message.extend_from_slice(parts.get(&path).map(Vec::as_slice).unwrap_or_default()),
        }
    }
    message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
}

fn boundary<'s>(common: &'s BodyContentCommon<'_>) -> Option<&'s str> {
    let parameters = common.ty.params.as_ref()?;
    parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, value)| value.as_ref())
}
