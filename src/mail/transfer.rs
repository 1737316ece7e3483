//! Content-Transfer-Encoding (RFC 2045, section 6): what is broken in it is passed over, never refused.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::room;

/// What is in order: padding may be missing, and be followed by bits that nobody needs.
const IN_ORDER: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What more digits follow, which is no place for padding.
const NOT_LAST: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone));

/// How many digits are decoded at once: whole groups of four.
const PIECE: usize = 64 << 10;

/// How many blanks behind an equals sign are looked at for the end of the line.
const LINE: usize = 80;

/// The longest word that people write, in bytes, near enough.
const WORD: usize = 24;

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
    /// Reads a name, among the comments, quotes and semicolons that senders put around it.
    pub fn named(value: &[u8]) -> Encoding {
        let value = value.trim_ascii_start();
        // RFC 2045, section 6.1: a comment may stand in front, too.
        let value =
            if value.starts_with(b"(") { memchr::memchr(b')', value).map_or(value, |end| &value[end + 1..]) } else { value };
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let name = value.iter().skip_while(|byte| !is_of_name(byte)).take_while(|byte| is_of_name(byte));
        let name: Vec<u8> = name.filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
        match name.as_slice() {
            b"base64" | b"xbase64" | b"b64" | b"base" => Encoding::Base64,
            b"quotedprintable" | b"qp" | b"quoted" => Encoding::QuotedPrintable,
            b"xuuencode" | b"xuue" | b"uuencode" => Encoding::Uuencode,
            _ => Encoding::Plain,
        }
    }

    /// Decodes a body, and returns the plain text below it, which nobody encoded.
    pub fn split(self, body: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
        match self {
            Encoding::Plain => (Cow::Borrowed(body), b""),
            Encoding::Base64 => {
                if let Some(bytes) = digits_only(body) {
                    return (Cow::Owned(bytes), b"");
                }
                let (body, footer) = split_footer(body);
                // To this decoder the byte FF is the end.
                let strict = if memchr::memchr(0xFF, body).is_none() { base64_decode(body) } else { None };
                let bytes = strict.unwrap_or_else(|| {
                    let valid: Vec<u8> = body.iter().copied().filter(|byte| is_base64(*byte) || *byte == b'=').collect();
                    base64_decode(&valid).unwrap_or_default()
                });
                (Cow::Owned(bytes), footer)
            }
            Encoding::QuotedPrintable => (Cow::Owned(quoted_printable_decode(body).unwrap_or_else(|| lenient(body))), b""),
            Encoding::Uuencode => (Cow::Owned(uudecode(body)), b""),
        }
    }

    /// Decodes a body.
    pub fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        self.split(body).0
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
                // With other blanks in it there may be text below it.
                let blanks = count(end, |byte| matches!(byte, b'\r' | b'\n'));
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

/// Decodes base64 that is in order.
fn digits_only(body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = room::of(body.len() / 4 * 3 + 3);
    in_pieces(body, |piece| bytes.extend_from_slice(piece)).then_some(bytes)
}

/// Hands over base64 in which there are digits, ends of lines and padding at its end, as nearly all is, decoded piece by piece:
/// several times faster than what passes over rubbish, and in no more memory than a piece takes. Returns whether that was all;
/// otherwise the pieces are good for nothing.
pub fn in_pieces(body: &[u8], mut take: impl FnMut(&[u8])) -> bool {
    let room = PIECE.min(body.len().next_multiple_of(4));
    let mut digits = Vec::with_capacity(room);
    let mut bytes = vec![0; room / 4 * 3];
    let mut decode = |engine: &GeneralPurpose, digits: &[u8]| {
        let length = engine.decode_slice(digits, &mut bytes).ok();
        length.and_then(|length| bytes.get(..length)).map(&mut take).is_some()
    };
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', body).chain([body.len()]) {
        let line = &body[start..end];
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        start = end + 1;
        while let Some((first, rest)) = line.split_at_checked(room - digits.len()).filter(|(_, rest)| !rest.is_empty()) {
            digits.extend_from_slice(first);
            if !decode(&NOT_LAST, &digits) {
                return false;
            }
            digits.clear();
            line = rest;
        }
        digits.extend_from_slice(line);
    }
    decode(&IN_ORDER, &digits)
}

/// Tells base64 from a plain text that a list or a gateway put below it, and from one that is no base64 at all. Blanks among the
/// digits say nothing (RFC 2045, section 6.8), those between words do; behind padding or an empty line, whatever cannot be base64
/// is text.
pub fn split_footer(body: &[u8]) -> (&[u8], &[u8]) {
    let is_rule = |line: &[u8]| line.iter().all(|byte| b"-_=*~#".contains(byte));
    let (mut at, mut end, mut has_digits, mut is_padded, mut has_gap) = (0, 0, false, false, false);
    let mut in_groups = false;
    for whole in body.split_inclusive(|byte| *byte == b'\n') {
        at += whole.len();
        let line = whole.trim_ascii();
        if line.is_empty() {
            has_gap = has_digits;
            continue;
        }
        let may_end = is_padded || has_gap;
        let has_blanks = line.iter().any(is_blank);
        let is_spaced = has_blanks && (is_spaced_out(line) || in_groups && !may_end && is_of_groups(line));
        if has_blanks && !is_spaced {
            // Behind the padding nothing more is of the body.
            let word = line.split(is_blank).next().unwrap_or_default();
            if word.ends_with(b"=") && word.len().is_multiple_of(4) && is_digits(word) && !may_end {
                let start = at - whole.len() + (whole.len() - whole.trim_ascii_start().len());
                return (&body[..start + word.len()], &body[at..]);
            }
            return body.split_at(end);
        }
        let is_digits = is_spaced || is_digits(line);
        let length = || line.iter().filter(|byte| !is_blank(byte)).count();
        if !is_digits && is_rule(line) || has_digits && may_end && (!is_digits || is_padded && !length().is_multiple_of(4)) {
            return body.split_at(end);
        }
        (has_digits, is_padded, has_gap, in_groups, end) = (true, line.ends_with(b"="), false, is_spaced, at);
    }
    (body, b"")
}

/// Whether a line with blanks in it is base64, and no sentence: at most a third of it looks like words, and nothing behind padding.
fn is_spaced_out(line: &[u8]) -> bool {
    let (mut length, mut spoken, mut is_padded) = (0, 0, false);
    for word in line.split(is_blank).filter(|word| !word.is_empty()) {
        let is_word = is_spoken(word);
        if !is_digits(word) || is_padded && (is_word || !word.len().is_multiple_of(4)) {
            return false;
        }
        length += word.len();
        spoken += if is_word { word.len() } else { 0 };
        is_padded |= word.ends_with(b"=");
    }
    spoken * 3 <= length
}

/// Whether a line goes on with groups of digits, as the line above has them.
fn is_of_groups(line: &[u8]) -> bool {
    line.split(is_blank).all(|word| is_digits(word) && word.len().is_multiple_of(4))
}

/// Whether it looks like a word or a number that people write. Few groups of random digits do: capitals stand among the others.
fn is_spoken(word: &[u8]) -> bool {
    let is_capitalised = || word.iter().skip(1).all(u8::is_ascii_lowercase) && word[0].is_ascii_alphabetic();
    word.len() <= WORD && (is_capitalised() || word.iter().all(u8::is_ascii_uppercase) || word.iter().all(u8::is_ascii_digit))
}

fn is_digits(word: &[u8]) -> bool {
    word.iter().all(|byte| is_base64(*byte) || *byte == b'=')
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
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
        // Blanks get to the ends of lines on the way.
        let blanks = rest.iter().take(LINE).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        if rest.get(blanks) == Some(&b'\n') {
            rest = &rest[blanks + 1..];
            continue;
        }
        match rest {
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
    fn parse_8_what_is_decoded_in_pieces_is_the_whole() {
        // Around the ends of pieces, in lines that do not end where groups of four do.
        for length in [0, 1, 2, 3, 4, 100, PIECE / 4 * 3 - 1, PIECE / 4 * 3, PIECE / 4 * 3 + 1, PIECE * 3 + 77] {
            let content: Vec<u8> = (0..length).map(|at| (at * 7 / 3) as u8).collect();
            let digits = IN_ORDER.encode(&content);
            for end in ["\r\n", "\n"] {
                let lines: Vec<&str> =
                    digits.as_bytes().chunks(77).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
                let mut found = Vec::new();
                assert!(in_pieces(lines.join(end).as_bytes(), |piece| found.extend_from_slice(piece)), "{length}");
                assert!(found == content, "{length}");
            }
            // Padding before the end is out of order, wherever a piece ends.
            let broken = format!("{}QQ=={digits}QUJD", digits.trim_end_matches('='));
            assert!(!in_pieces(broken.as_bytes(), |_| ()), "{length}");
        }
    }

    #[test]
    fn parse_3_names_of_encodings_among_rubbish() {
        for (name, encoding) in [
            ("base64", Encoding::Base64),
            (" BASE64;", Encoding::Base64),
            ("base64 (encoded)", Encoding::Base64),
            ("(see RFC 2045) base64", Encoding::Base64),
            ("\"base64\"", Encoding::Base64),
            ("base64, base64", Encoding::Base64),
            ("base-64", Encoding::Base64),
            ("quoted-printable; charset=utf-8", Encoding::QuotedPrintable),
            ("Quoted_Printable", Encoding::QuotedPrintable),
            ("quoted printable", Encoding::QuotedPrintable),
            ("x-uuencode", Encoding::Uuencode),
            ("8bit", Encoding::Plain),
            ("7bit (base64)", Encoding::Plain),
            ("", Encoding::Plain),
            ("(", Encoding::Plain),
        ] {
            assert!(Encoding::named(name.as_bytes()) == encoding, "{name}");
        }
    }

    #[test]
    fn parse_3_a_plain_footer_below_base64_is_text() {
        for (body, content, footer) in [
            ("aGVsbG8=\r\n\r\n-- \r\nScanned by Guard.\r\n", "hello", "-- \r\nScanned by Guard.\r\n"),
            ("aGVsbG8=\nScanned by Guard.\n", "hello", "Scanned by Guard.\n"),
            ("aGVsbG9v\n\nwww.guard.example\n", "helloo", "www.guard.example\n"),
            ("aGVsbG9v\n____________\nThe list\n", "helloo", "____________\nThe list\n"),
            ("aGVsbG8= ignored\n", "hello", ""),
            ("aGVs\n\nbG8=\n", "hello", ""),
            ("aGVsbG8=\nd29ybGQ=\n", "helloworld", ""),
            ("This is no base64.\nReally.\n", "", "This is no base64.\nReally.\n"),
            ("aGV!sbG8=\n", "hello", ""),
            ("aGVsbG8gd29ybGQ= ok\n", "hello world", ""),
            ("aGVsbG9v\nThe list of pumps\nmore\n", "helloo", "The list of pumps\nmore\n"),
            ("aGVsbG9v\nSent from my iPhone\n", "helloo", "Sent from my iPhone\n"),
            ("Pump 7 stands still\n", "", "Pump 7 stands still\n"),
        ] {
            assert_eq!(Encoding::Base64.decode(body.as_bytes()).as_ref(), content.as_bytes(), "{body}");
            assert_eq!(Encoding::Base64.split(body.as_bytes()).1.trim_ascii_start(), footer.as_bytes(), "{body}");
        }
    }

    #[test]
    fn parse_8_blanks_among_digits_lose_nothing() {
        let content: Vec<u8> = (0..30_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let digits = IN_ORDER.encode(&content);
        let lines: Vec<&str> = digits.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        let broken = |at: usize, blank: &str| {
            let mut lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
            lines[50].insert_str(at, blank);
            lines.join("\r\n")
        };
        let of_four = |line: &&str| -> String {
            line.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(" ")
        };
        let in_groups: Vec<String> = lines.iter().map(of_four).collect();
        for (what, body) in [
            ("one blank", broken(30, " ")),
            ("a tab", broken(7, "\t")),
            ("two blanks at the end", broken(75, "  ")),
            ("lines joined", lines.join(" ")),
            ("groups of four", in_groups.join("\r\n")),
            ("groups of four in one line", in_groups.join(" ")),
        ] {
            let footer = "\r\n\r\n-- \r\nScanned by Guard.\r\n";
            for (below, rest) in [("", ""), (footer, footer.trim_start())] {
                let body = format!("{body}{below}");
                let (found, footer) = Encoding::Base64.split(body.as_bytes());
                assert!(found.as_ref() == content, "{what}: {} of {}", found.len(), content.len());
                assert_eq!(footer.trim_ascii_start(), rest.as_bytes(), "{what}");
                assert_eq!(Encoding::Base64.measure(body.as_bytes()).0, content.len() as u64, "{what}");
            }
        }
        for (body, content) in
            [("YQ== YmNkZWY=", "abcdef"), ("SGFsbG8g V2VsdA==", "Hallo Welt"), ("SGFs\tbG8g\r\n V2Vs dA==\r\n", "Hallo Welt")]
        {
            assert_eq!(Encoding::Base64.decode(body.as_bytes()).as_ref(), content.as_bytes(), "{body}");
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
