//! What stands inside a signature that is not beside the text (RFC 8551, section 3.5.2: opaque signing). The structure (RFC
//! 5652) is read as far as the content, in BER as well, which is what programs write; no key is needed. Nothing is verified.

use super::header::Head;

/// The content of `application/pkcs7-mime`.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A part of MIME that somebody signed.
    Signed(Vec<u8>),
    /// It takes a key to read it.
    Encrypted,
    Other,
}

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const EXPLICIT: u8 = 0xA0;

/// 1.2.840.113549.1.7.2, 1.2.840.113549.1.7.3, 1.2.840.113549.1.9.16.1.23.
const SIGNED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03];
const AUTH_ENVELOPED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17];

/// Whether a part is such a structure, by its type or its name.
pub fn is_one(media_type: &str, head: &Head<'_>) -> bool {
    match media_type {
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => true,
        "application/octet-stream" => head.file_name().is_some_and(|name| name.trim().to_ascii_lowercase().ends_with(".p7m")),
        _ => false,
    }
}

/// Reads a structure.
pub fn read(bytes: &[u8]) -> Content {
    content(bytes).unwrap_or(Content::Other)
}

fn content(bytes: &[u8]) -> Option<Content> {
    let info = inside(bytes, SEQUENCE)?;
    match inside(info, OBJECT)? {
        SIGNED => {}
        ENVELOPED | AUTH_ENVELOPED => return Some(Content::Encrypted),
        _ => return None,
    }
    let signed = inside(inside(behind(info)?, EXPLICIT)?, SEQUENCE)?;
    // Behind the version and the algorithms.
    let capsule = inside(behind(behind(signed)?)?, SEQUENCE)?;
    let octets = inside(behind(capsule)?, EXPLICIT)?;
    Some(Content::Signed(joined(octets)?))
}

/// Reads the start of an element: its tag, its length where it says one, and where its content begins.
fn start(bytes: &[u8]) -> Option<(u8, Option<usize>, usize)> {
    let (tag, length) = (*bytes.first()?, *bytes.get(1)?);
    // Numbers beyond 30 stand in no such structure.
    if tag & 0x1F == 0x1F {
        return None;
    }
    match length {
        0x80 => Some((tag, None, 2)),
        0..0x80 => Some((tag, Some(usize::from(length)), 2)),
        _ => {
            let count = usize::from(length & 0x7F);
            let digits = bytes.get(2..2 + count).filter(|digits| digits.len() <= 8)?;
            let length = digits.iter().fold(0_u64, |sum, digit| sum << 8 | u64::from(*digit));
            Some((tag, Some(usize::try_from(length).ok()?), 2 + count))
        }
    }
}

/// Returns the content of the first element, if it has such a tag. Of one that was cut off, what there is.
fn inside(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let (tag, length, at) = start(bytes)?;
    let content = bytes.get(at..).filter(|_| tag == wanted)?;
    Some(length.and_then(|length| content.get(..length)).unwrap_or(content))
}

/// Returns what follows the first element.
fn behind(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    let mut open = 0_usize;
    loop {
        let (tag, length, at) = start(rest)?;
        rest = match length {
            // The end of one without a length.
            Some(0) if tag == 0 && open > 0 => {
                open -= 1;
                rest.get(at..)?
            }
            Some(length) => rest.get(at.checked_add(length)?..)?,
            None => {
                open += 1;
                rest.get(at..)?
            }
        };
        if open == 0 {
            return Some(rest);
        }
    }
}

/// Reads octets, in one piece or in many.
fn joined(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    let mut rest = bytes;
    let mut is_any = false;
    while let Some((tag, length, at)) = start(rest) {
        match tag {
            OCTETS => {
                let piece = rest.get(at..)?;
                let length = length?.min(piece.len());
                whole.extend_from_slice(&piece[..length]);
                rest = &piece[length..];
                is_any = true;
            }
            OCTETS_IN_PIECES => rest = rest.get(at..)?,
            0 if length == Some(0) => rest = rest.get(at..)?,
            _ => break,
        }
    }
    is_any.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content].concat()
    }

    fn endless(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    type Made = fn(u8, &[u8]) -> Vec<u8>;

    fn signed(made: Made, octets: &[u8]) -> Vec<u8> {
        let data = element(OBJECT, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]);
        let capsule = made(SEQUENCE, &[data, made(EXPLICIT, octets)].concat());
        let set = made(0x31, &made(SEQUENCE, &[0x05, 0x00]));
        let signed = made(SEQUENCE, &[vec![0x02, 0x01, 0x01], set, capsule, element(0x31, b"")].concat());
        made(SEQUENCE, &[element(OBJECT, SIGNED), made(EXPLICIT, &signed)].concat())
    }

    #[test]
    fn parse_6_signed_content_in_der_and_ber() {
        let pieces = [element(OCTETS, b"Please "), element(OCTETS, b"call me.")].concat();
        for made in [element as Made, endless] {
            for octets in [
                element(OCTETS, b"Please call me."),
                element(OCTETS_IN_PIECES, &pieces),
                endless(OCTETS_IN_PIECES, &pieces),
                endless(OCTETS_IN_PIECES, &endless(OCTETS_IN_PIECES, &pieces)),
            ] {
                assert_eq!(read(&signed(made, &octets)), Content::Signed(b"Please call me.".to_vec()));
            }
        }
        let enveloped = element(SEQUENCE, &element(OBJECT, ENVELOPED));
        assert_eq!(read(&enveloped), Content::Encrypted);
    }

    #[test]
    fn parse_2_broken_structures_are_none() {
        let whole = signed(endless, &element(OCTETS, b"x"));
        for end in 0..whole.len() {
            read(&whole[..end]);
            let mut other = whole.clone();
            other[end] ^= 0xFF;
            read(&other);
        }
        let started = std::time::Instant::now();
        read(&[0x30, 0x80].repeat(1 << 20));
        read(&signed(endless, &[0x24, 0x80].repeat(1 << 20)));
        assert!(started.elapsed().as_secs() < 5);
    }
}
