//! Text from bytes: the declared charset, corrected, else the detected one, else replacement characters (PARSE-3).

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, ISO_2022_JP, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Decodes bytes to text without NUL.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return without_nul(&encoding.decode_without_bom_handling(&bytes[mark..]).0).into_owned();
    }
    let name = bare(declared.unwrap_or_default());
    let encoding = corrected(name);
    // Old Japanese programs send iso-2022-jp and declare nothing, or ASCII.
    if encoding.is_none_or(|encoding| encoding == UTF_8) && has_escapes(bytes) {
        let (text, has_errors) = ISO_2022_JP.decode_without_bom_handling(bytes);
        if !has_errors {
            return without_nul(&text).into_owned();
        }
    }
    let text = match encoding {
        Some(encoding) => encoding.decode_without_bom_handling_and_without_replacement(bytes),
        // Such as UTF-7 and the code pages of DOS.
        None if !name.is_empty() => charset_decoder(name.as_bytes()).map(|decode| Cow::Owned(decode(bytes))),
        None => None,
    };
    without_nul(&text.unwrap_or_else(|| detected(bytes))).into_owned()
}

/// Writes raw 8-bit bytes inside encoded words (RFC 2047, section 4.2, forbids them) as the `=XX` that was meant: they are
/// of the word's charset and not of the field's.
pub fn mended_words(field: &[u8]) -> Cow<'_, [u8]> {
    /// No sender writes longer words; the search for an end that is not there stops here.
    const WORD: usize = 1_000;
    if field.is_ascii() {
        return Cow::Borrowed(field);
    }
    let mut mended = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let (before, word) = rest.split_at(at + 2);
        mended.extend_from_slice(before);
        rest = word;
        let window = word.get(..WORD).unwrap_or(word);
        let Some(text) = memchr::memchr(b'?', window).map(|charset| charset + 3) else { continue };
        if !matches!(window.get(text - 2..text), Some(b"Q?" | b"q?")) {
            continue;
        }
        let Some(length) = memchr::memmem::find(&window[text..], b"?=") else { continue };
        let (word, behind) = word.split_at(text + length);
        for byte in word {
            if byte.is_ascii() {
                mended.push(*byte);
            } else {
                mended.extend_from_slice(format!("={byte:02X}").as_bytes());
            }
        }
        rest = behind;
    }
    mended.extend_from_slice(rest);
    Cow::Owned(mended)
}

/// Whether a declared charset is one that we can read.
pub fn is_known(name: &str) -> bool {
    let name = bare(name);
    corrected(name).is_some() || charset_decoder(name.as_bytes()).is_some()
}

fn bare(name: &str) -> &str {
    let name = name.trim().trim_matches(['"', '\'']);
    // The name before RFC 2152; Exchange wrote it long after.
    if name.eq_ignore_ascii_case("unicode-1-1-utf-7") { "utf-7" } else { name }
}

/// Whether bytes hold a shift of iso-2022-jp. Colours of terminals also begin with an escape.
pub fn has_escapes(bytes: &[u8]) -> bool {
    memchr::memchr_iter(0x1B, bytes)
        .any(|at| matches!(bytes.get(at + 1..at + 3), Some([b'$', b'@' | b'B'] | [b'(', b'J' | b'I'])))
}

/// Returns the charset that is meant by a declared name: senders say gb2312 and iso-8859-1 and mean their supersets.
fn corrected(name: &str) -> Option<&'static Encoding> {
    if name.eq_ignore_ascii_case("gb2312") || name.eq_ignore_ascii_case("gbk") {
        return Some(GB18030);
    }
    if name.eq_ignore_ascii_case("us-ascii") || name.eq_ignore_ascii_case("ascii") {
        return Some(UTF_8);
    }
    Encoding::for_label_no_replacement(name.as_bytes())
}

fn detected(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let text = String::from_utf8_lossy(bytes);
    // UTF-8 that was cut or hurt in few places is still UTF-8.
    let broken = text.chars().filter(|c| *c == '\u{FFFD}').count();
    if text.chars().filter(|c| !c.is_ascii()).count() > 3 * broken {
        return text;
    }
    let mut detector = chardetng::EncodingDetector::new();
    // Enough to tell; detection is slower than decoding.
    detector.feed(&bytes[..bytes.len().min(64 << 10)], true);
    let encoding = detector.guess(None, true);
    let (guessed, failed) = encoding.decode_without_bom_handling(bytes);
    if failed && encoding != WINDOWS_1252 { text } else { guessed }
}

/// Takes NUL out of a text: no database can store it (PARSE-3).
pub fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parse_3_declared_corrected_detected_replaced() {
        assert_eq!(decode(b"caf\xe9", Some("iso-8859-1")), "café");
        assert_eq!(decode(b"\x80", Some("iso-8859-1")), "€", "iso-8859-1 as windows-1252");
        assert_eq!(decode(&GB18030.encode("中文鎔").0, Some("gb2312")), "中文鎔");
        assert_eq!(decode(b"\x1b$B$3$s\x1b(B", None), "こん", "undeclared iso-2022-jp");
        assert_eq!(decode("Grüße".as_bytes(), None), "Grüße");
        assert_eq!(decode("Grüße".as_bytes(), Some("x-unknown")), "Grüße");
        assert_eq!(
            decode(&encoding_rs::WINDOWS_1251.encode("Добрый день, как ваши дела?").0, None),
            "Добрый день, как ваши дела?"
        );
        assert_eq!(decode(b"a\0b", Some("utf-8")), "ab");
        assert_eq!(decode(b"\x1b$B$3$s\x1b(B", Some("us-ascii")), "こん");
        assert_eq!(decode(b"\x1b[31mred\x1b[0m", None), "\u{1b}[31mred\u{1b}[0m", "an escape for a terminal");
        assert_eq!(decode("Grüße, schöne ß".as_bytes().split_last().unwrap().1, Some("utf-8")), "Grüße, schöne \u{FFFD}", "cut");
        assert_eq!(decode(b"\xff\xfea\0", Some("utf-16")), "a", "by its byte order mark");
        assert_eq!(decode(b"\xef\xbb\xbfa", None), "a");
        assert_eq!(decode(b"Gr+APw-n", Some("utf-7")), "Grün");
        assert_eq!(decode(b"Gr+APw-n", Some("Unicode-1-1-UTF-7")), "Grün");
        assert!(is_known("\"UTF-8\"") && is_known("utf-7") && !is_known("x-klingon"));
    }
}
