//! Text from bytes: the declared charset, corrected, else the detected one, else replacement characters (PARSE-3).

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, ISO_2022_JP, UTF_8, WINDOWS_1252};

/// Decodes bytes to text without NUL.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    let text = match declared.and_then(corrected) {
        Some(encoding) => match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) => text,
            None => detected(bytes),
        },
        None => detected(bytes),
    };
    without_nul(&text).into_owned()
}

/// Returns the charset that is meant by a declared name: senders say gb2312 and iso-8859-1 and mean their supersets.
fn corrected(name: &str) -> Option<&'static Encoding> {
    let name = name.trim().trim_matches(['"', '\'']);
    if name.eq_ignore_ascii_case("gb2312") || name.eq_ignore_ascii_case("gbk") {
        return Some(GB18030);
    }
    if name.eq_ignore_ascii_case("us-ascii") || name.eq_ignore_ascii_case("ascii") {
        return Some(UTF_8);
    }
    Encoding::for_label(name.as_bytes())
}

fn detected(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.contains(&0x1B) && !bytes.iter().any(|byte| *byte >= 0x80) {
        return ISO_2022_JP.decode_without_bom_handling(bytes).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut detector = chardetng::EncodingDetector::new();
    // Enough to tell; detection is slower than decoding.
    detector.feed(&bytes[..bytes.len().min(64 << 10)], true);
    let encoding = detector.guess(None, true);
    let (text, failed) = encoding.decode_without_bom_handling(bytes);
    if failed && encoding != WINDOWS_1252 { UTF_8.decode_without_bom_handling(bytes).0 } else { text }
}

/// Takes NUL out of a text: no database can store it (PARSE-3).
pub fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
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
    }
}
