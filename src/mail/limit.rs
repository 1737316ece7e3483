//! What a message may ask of the parser (PARSE-2). The limits stand before it, because a hostile message costs it more
//! than its size: the rest behind a limit is left raw, and the message says so.

use std::borrow::Cow;

/// The longest header, in bytes.
const HEADER: usize = 256 << 10;
/// The most body parts.
const PARTS: usize = 1_000;
/// The most multiparts and messages inside one another. They are counted wherever they stand, which is never too few.
const NESTING: usize = 50;
/// The most addresses of all headers together.
pub const ADDRESSES: usize = 10_000;

/// Returns as much of a message as is parsed, and the limits it broke.
pub fn within(raw: &[u8]) -> (Cow<'_, [u8]>, Vec<String>) {
    let mut defects = Vec::new();
    let mut bytes = Cow::Borrowed(raw);
    let header = header_length(raw);
    if header > HEADER {
        defects.push(format!("limit: the header has more than {HEADER} bytes; the rest of it is left raw"));
        let end = raw[..HEADER].iter().rposition(|byte| *byte == b'\n').map_or(HEADER, |end| end + 1);
        bytes = Cow::Owned([&raw[..end], b"\r\n", &raw[header..]].concat());
    }
    if let Some((end, what)) = first_excess(&bytes) {
        defects.push(format!("limit: {what}; what follows is left raw"));
        bytes = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[..end]),
            Cow::Owned(mut bytes) => {
                bytes.truncate(end);
                Cow::Owned(bytes)
            }
        };
    }
    (bytes, defects)
}

/// Returns where the body begins: behind the first empty line, or at the end.
fn header_length(raw: &[u8]) -> usize {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', raw) {
        if matches!(&raw[start..end], b"" | b"\r") {
            return end + 1;
        }
        start = end + 1;
    }
    raw.len()
}

/// Finds where a message has too many parts or too many containers.
fn first_excess(bytes: &[u8]) -> Option<(usize, &'static str)> {
    let parts = memchr::memmem::find_iter(bytes, b"\n--").nth(PARTS).map(|at| (at + 1, "more than 1000 parts"));
    let multiparts = memchr::memchr_iter(b'=', bytes).filter(|at| ends_with(&bytes[..*at], b"boundary")).nth(NESTING);
    let messages = memchr::memchr_iter(b'/', bytes)
        .filter(|at| {
            let rest = &bytes[at + 1..];
            ends_with(&bytes[..*at], b"message") && (starts_with(rest, b"rfc822") || starts_with(rest, b"global"))
        })
        .nth(NESTING);
    let nesting = [multiparts, messages].into_iter().flatten().min();
    let nesting = nesting.map(|at| (line_start(bytes, at), "more than 50 multiparts or messages inside one another"));
    [parts, nesting].into_iter().flatten().min()
}

fn ends_with(bytes: &[u8], word: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_end();
    bytes.len() >= word.len() && bytes[bytes.len() - word.len()..].eq_ignore_ascii_case(word)
}

fn starts_with(bytes: &[u8], word: &[u8]) -> bool {
    bytes.len() >= word.len() && bytes[..word.len()].eq_ignore_ascii_case(word)
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_2_an_ordinary_message_is_parsed_whole_and_not_copied() {
        let (bytes, defects) = within(b"Subject: a\r\n\r\nb");
        assert!(matches!(bytes, Cow::Borrowed(b"Subject: a\r\n\r\nb")) && defects.is_empty());
    }

    #[test]
    fn parse_2_a_long_header_is_cut_and_its_body_kept() {
        let raw = [b"Subject: a\r\nX: ".as_slice(), &vec![b'x'; 2 * HEADER], b"\r\n\r\nbody"].concat();
        let (bytes, defects) = within(&raw);
        assert_eq!(bytes.as_ref(), b"Subject: a\r\n\r\nbody");
        assert_eq!(defects.len(), 1);
    }

    #[test]
    fn parse_2_parts_and_nesting_are_cut_at_the_limit() {
        let many = "\n--b\n\nx".repeat(PARTS + 5);
        assert_eq!(within(many.as_bytes()).0.len(), "\n--b\n\nx".len() * PARTS + 1);
        let deep = "Content-Type: multipart/mixed; BOUNDARY =b\n".repeat(NESTING + 5);
        assert_eq!(within(deep.as_bytes()).0.len(), 43 * NESTING);
        let nested = "Content-Type: Message/RFC822\n\n".repeat(NESTING + 5);
        assert_eq!(within(nested.as_bytes()).0.len(), 30 * NESTING);
    }
}
