//! Content-Transfer-Encoding (RFC 2045, section 6): what is broken in it is passed over, never refused.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Message, MimeHeaders};

/// How the bytes of a part are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    QuotedPrintable,
    Base64,
    /// Of Unix, never a standard; some programs still send it.
    Uuencode,
}

impl Encoding {
    /// Returns the encoding that a part declares; what we do not know is taken as it stands.
    pub fn of(head: &Message<'_>) -> Encoding {
        let declared = head.content_transfer_encoding().unwrap_or_default().trim();
        if declared.eq_ignore_ascii_case("base64") {
            Encoding::Base64
        } else if declared.eq_ignore_ascii_case("quoted-printable") {
            Encoding::QuotedPrintable
        } else if ["x-uuencode", "x-uue", "uuencode"].iter().any(|name| declared.eq_ignore_ascii_case(name)) {
            Encoding::Uuencode
        } else {
            Encoding::Plain
        }
    }

    /// Decodes a body.
    pub fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Encoding::Plain => Cow::Borrowed(body),
            Encoding::Base64 => {
                // To this decoder the byte FF is the end.
                let strict = if memchr::memchr(0xFF, body).is_none() { base64_decode(body) } else { None };
                Cow::Owned(strict.unwrap_or_else(|| {
                    let valid: Vec<u8> = body.iter().copied().filter(|byte| is_base64(*byte) || *byte == b'=').collect();
                    base64_decode(&valid).unwrap_or_default()
                }))
            }
            Encoding::QuotedPrintable => Cow::Owned(quoted_printable_decode(body).unwrap_or_else(|| lenient(body))),
            Encoding::Uuencode => Cow::Owned(uudecode(body)),
        }
    }

    /// Returns the decoded size, and whether the encoding is in order. Base64 is counted and not decoded.
    pub fn measure(self, body: &[u8]) -> (u64, bool) {
        match self {
            Encoding::Plain => (body.len() as u64, true),
            Encoding::QuotedPrintable => match quoted_printable_decode(body) {
                Some(bytes) => (bytes.len() as u64, true),
                None => (lenient(body).len() as u64, false),
            },
            Encoding::Uuencode => (uudecode(body).len() as u64, true),
            Encoding::Base64 => {
                let end = body.trim_ascii_end();
                let padding = end.iter().rev().take(2).filter(|byte| **byte == b'=').count();
                let end = &end[..end.len() - padding];
                let digits = count(end, is_base64);
                let blanks = count(end, |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
                if digits + blanks == end.len() && digits % 4 != 1 {
                    return (digits as u64 * 3 / 4, true);
                }
                (self.decode(body).len() as u64, false)
            }
        }
    }
}

/// Decodes lines that begin with their length, between `begin` and `end` where these are there (POSIX, uuencode).
pub fn uudecode(body: &[u8]) -> Vec<u8> {
    let lines = || body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines().position(|line| line.starts_with(b"begin ")).map_or(0, |begin| begin + 1);
    let value = |byte: u8| byte.wrapping_sub(b' ') & 63;
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3);
    for line in lines().skip(first) {
        let Some((length, digits)) = line.split_first() else { continue };
        if line == b"end" {
            break;
        }
        let whole = bytes.len() + usize::from(value(*length));
        for four in digits.chunks(4) {
            // Blanks at the end of a line, which are zeros, get lost on the way.
            let digit = |at: usize| u32::from(four.get(at).map_or(0, |byte| value(*byte)));
            let three = (digit(0) << 18 | digit(1) << 12 | digit(2) << 6 | digit(3)).to_be_bytes();
            bytes.extend_from_slice(&three[1..]);
        }
        bytes.resize(whole.min(bytes.len() + 3), 0);
    }
    bytes
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// Counts bytes in runs short enough for a compiler to count many at once.
fn count(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.chunks(255).map(|run| usize::from(run.iter().fold(0_u8, |sum, byte| sum + u8::from(is(*byte))))).sum()
}

/// Decodes quoted-printable and leaves what is not in order as it stands.
fn lenient(body: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'=', rest) {
        bytes.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [b'\n', behind @ ..] | [b'\r', b'\n', behind @ ..] => rest = behind,
            [high, low, behind @ ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = behind;
                }
                _ => bytes.push(b'='),
            },
            _ => bytes.push(b'='),
        }
    }
    bytes.extend_from_slice(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_8_a_size_is_that_of_the_decoded_content() {
        for (body, content, in_order) in [
            (b"aGVsbG8=".as_slice(), b"hello".as_slice(), true),
            (b"aGVs\r\nbG8=\r\n", b"hello", true),
            (b"aGVsbG8", b"hello", true),
            (b"aGV\xffsb!G8=", b"hello", false),
            (b"aGk=aGk=", b"hihi", false),
            (b"", b"", true),
            (b"=", b"", true),
        ] {
            let what = String::from_utf8_lossy(body);
            assert_eq!(Encoding::Base64.decode(body).as_ref(), content, "{what}");
            assert_eq!(Encoding::Base64.measure(body), (content.len() as u64, in_order), "{what}");
        }
    }

    #[test]
    fn parse_8_uuencoded_files_with_and_without_their_frame() {
        for body in [
            b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n".as_slice(),
            b"about it\nbegin 644 a.txt\n#:&5L\n\n\";&\\\n`\nend\nafter",
            b"%:&5L;&\\\n`\n",
        ] {
            assert_eq!(Encoding::Uuencode.decode(body).as_ref(), b"hello");
            assert_eq!(Encoding::Uuencode.measure(body), (5, true));
        }
        assert_eq!(Encoding::Uuencode.decode(b"%:&5L\n").as_ref(), b"hel\0\0", "the end of a line got lost");
        assert!(Encoding::Uuencode.decode(&b"_\n".repeat(1_000)).len() <= 4_000, "a length is no leave to make up bytes");
    }

    #[test]
    fn parse_2_broken_quoted_printable_keeps_what_it_says() {
        assert_eq!(Encoding::QuotedPrintable.decode(b"a=zz b=C3=A9=\r\nc=").as_ref(), "a=zz béc=".as_bytes());
        assert!(Encoding::QuotedPrintable.measure(b"=41=\r\n").1 && !Encoding::QuotedPrintable.measure(b"=zz").1);
    }
}
