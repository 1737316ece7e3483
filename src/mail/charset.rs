//! Text from bytes (PARSE-3): UTF-8 where it is UTF-8, else the declared charset, corrected, else the detected one. A few bad
//! bytes are replacement characters and no reason to give up a declared charset; where most of it does not fit, it is wrong.

use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_874, WINDOWS_1252,
};
use mail_parser::decoders::charsets::map::charset_decoder;

use super::transfer::Encoding as Transfer;

/// What a declared name stands for.
#[derive(Clone, Copy)]
enum Charset {
    /// One of the encodings of the web.
    Web(&'static Encoding),
    /// RFC 1557: what stands between SO and SI is KS X 1001.
    Iso2022Kr,
    /// RFC 1922: likewise GB 2312.
    Iso2022Cn,
    /// RFC 1843: likewise between `~{` and `~}`.
    Hz,
    /// Others, such as UTF-7 and the code pages of DOS.
    Other(fn(&[u8]) -> String),
}

/// The characters of 80 to FF in code page 437 of DOS.
const DOS_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";

/// Those of code page 852.
const DOS_852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐\
     └┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{AD}˝˛ˇ˘§÷¸°¨˙űŘř■\u{A0}";

/// Decodes bytes to text without NUL.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    let text = decoded(bytes, known(declared.unwrap_or_default()));
    if text.contains('\0') { without_nul(&text).into_owned() } else { text.into_owned() }
}

/// Decodes raw 8-bit text of a header: UTF-8, or the charset of the first part where all of it fits, or the detected one.
pub fn header(bytes: &[u8], fallback: Option<&str>) -> String {
    if bytes.is_ascii() && !has_escapes(bytes) {
        return without_nul(&lossy(bytes)).into_owned();
    }
    let fits = |charset: &Charset| match charset {
        Charset::Web(encoding) if !has_shifts(Some(*charset)) => {
            encoding.decode_without_bom_handling_and_without_replacement(bytes).is_some()
        }
        _ => false,
    };
    without_nul(&decoded(bytes, fallback.and_then(known).filter(fits))).into_owned()
}

fn decoded(bytes: &[u8], charset: Option<Charset>) -> Cow<'_, str> {
    if !has_shifts(charset) && bytes.is_ascii() && memchr::memchr2(0x0E, 0x1B, bytes).is_none() {
        return lossy(bytes);
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    let is_undeclared = match charset {
        None => true,
        Some(Charset::Web(encoding)) => encoding == UTF_8,
        _ => false,
    };
    match charset {
        // Old Japanese and Korean programs declare nothing, or ASCII.
        _ if is_undeclared && has_escapes(bytes) => {
            let text = iso_2022_jp(bytes);
            let (good, bad) = count(&text);
            if bad == 0 || good > bad {
                return Cow::Owned(text);
            }
        }
        _ if is_undeclared && is_korean(bytes) => return Cow::Owned(shifted(bytes, EUC_KR)),
        Some(Charset::Iso2022Kr) => return Cow::Owned(shifted(bytes, EUC_KR)),
        Some(Charset::Iso2022Cn) => return Cow::Owned(shifted(bytes, GBK)),
        Some(Charset::Hz) => return Cow::Owned(hz(bytes)),
        Some(Charset::Other(decode)) => {
            // What is UTF-8 is none of the code pages; UTF-7 has no 8-bit bytes.
            return if is_utf_8(bytes) { lossy(bytes) } else { Cow::Owned(decode(bytes)) };
        }
        _ => {}
    }
    match charset {
        Some(Charset::Web(encoding)) => by_web(bytes, encoding),
        _ => detected(bytes),
    }
}

fn by_web<'b>(bytes: &'b [u8], encoding: &'static Encoding) -> Cow<'b, str> {
    let has_shifts = [ISO_2022_JP, UTF_16BE, UTF_16LE].contains(&encoding);
    if !has_shifts && is_utf_8(bytes) {
        let text = lossy(bytes);
        if ![GB18030, GBK, BIG5, SHIFT_JIS, EUC_KR].contains(&encoding) || is_surely_utf_8(&text) {
            return text;
        }
    }
    if encoding == ISO_2022_JP && has_escapes(bytes) {
        return Cow::Owned(iso_2022_jp(bytes));
    }
    let (text, has_errors) = encoding.decode_without_bom_handling(bytes);
    if !has_errors {
        return text;
    }
    let (good, bad) = count(&text);
    // Any character of UTF-8 in other text is a rare accident.
    let is_right = if encoding == UTF_8 { good * 4 >= bad && good > 0 } else { good >= bad };
    let is_thai = || encoding == UTF_8 && bad > good && guess(bytes) == WINDOWS_874;
    if is_right && !is_thai() { text } else { detected(bytes) }
}

/// Reads UTF-8, with replacement characters for what is none. The check of the whole is many times faster than the search for
/// what is broken.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Whether bytes are UTF-8 with something outside ASCII.
fn is_utf_8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()
}

/// Two bytes of UTF-8 are a character of the charsets of East Asia as well. It is surely UTF-8 where there are longer ones,
/// or where such a character stands in a word of Latin letters.
fn is_surely_utf_8(text: &str) -> bool {
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let near = before.is_ascii_alphabetic() || chars.peek().is_some_and(char::is_ascii_alphabetic);
        if c > '\u{7FF}' || matches!(c, '\u{C0}'..='\u{24F}') && near {
            return true;
        }
        before = c;
    }
    false
}

/// Counts the characters outside ASCII, and the replacement characters.
fn count(text: &str) -> (usize, usize) {
    let others = text.chars().filter(|c| !c.is_ascii());
    others.fold((0, 0), |(good, bad), c| if c == '\u{FFFD}' { (good, bad + 1) } else { (good + 1, bad) })
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
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+*".contains(byte);
        let charset = memchr::memchr(b'?', window).filter(|end| window[..*end].iter().all(is_of_name));
        let Some(text) = charset.map(|charset| charset + 3) else { continue };
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
    known(name).is_some()
}

/// Returns the charset that a message in HTML declares in itself, within its first bytes, as `<meta charset=…>` does.
pub fn of_html(html: &[u8]) -> Option<&str> {
    let head = html.get(..2_048).unwrap_or(html);
    memchr::memmem::find_iter(head, b"charset=").find_map(|at| {
        let name = head[at + 8..].trim_ascii_start();
        let name = name.strip_prefix(b"\"").or_else(|| name.strip_prefix(b"'")).unwrap_or(name);
        let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte)).unwrap_or(name.len());
        std::str::from_utf8(&name[..end]).ok().filter(|name| is_known(name))
    })
}

/// Whether bytes hold a shift of iso-2022-jp. Colours of terminals also begin with an escape.
pub fn has_escapes(bytes: &[u8]) -> bool {
    memchr::memchr_iter(0x1B, bytes)
        .any(|at| matches!(bytes.get(at + 1..at + 3), Some([b'$', b'@' | b'B'] | [b'(', b'J' | b'I'])))
}

/// Whether bytes hold the designation of iso-2022-kr.
fn is_korean(bytes: &[u8]) -> bool {
    memchr::memchr(0x0E, bytes).is_some() && memchr::memmem::find(bytes, b"\x1B$)C").is_some()
}

/// Whether ASCII bytes may be something else than ASCII.
fn has_shifts(charset: Option<Charset>) -> bool {
    match charset {
        Some(Charset::Web(encoding)) => encoding == UTF_16BE || encoding == UTF_16LE,
        Some(_) => true,
        None => false,
    }
}

/// Returns the charset that is meant by a declared name: senders say gb2312 and mean its superset, write the names of code
/// pages in their own way, and leave things around a name.
fn known(name: &str) -> Option<Charset> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_:.+()".contains(c);
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = name.split(|c: char| !is_of_name(c)).next().unwrap_or_default();
    // An escape that was not undone: `charset=3D"utf-8"`.
    let name = name.strip_prefix("3D").unwrap_or(name).to_ascii_lowercase();
    let encoding = match name.as_str() {
        "" => return None,
        "gb2312" | "gbk" | "gb18030" | "cp936" | "ms936" | "euc-cn" | "gb2312-80" | "gb_2312-80" | "x-gbk" | "gb-18030" => {
            GB18030
        }
        "us-ascii" | "ascii" | "utf8" | "utf-8" | "utf_8" | "utf-8n" | "utf8mb4" | "utf-8-sig" | "unicode-1-1-utf-8" => UTF_8,
        "cp932" | "ms932" | "windows-932" | "shift-jis" | "x-sjis" | "sjis-win" | "shiftjis" => SHIFT_JIS,
        "cp949" | "ms949" | "uhc" | "windows-949" | "x-windows-949" | "ks_c_5601" | "ks-c-5601" | "ksc_5601" | "euckr" => EUC_KR,
        "cp950" | "ms950" | "windows-950" | "big5-hkscs" | "x-x-big5" | "big-5" => BIG5,
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "iso-2022-jp-ms" | "cp50220" | "cp50221" | "cp50222" => ISO_2022_JP,
        "iso-2022-kr" | "csiso2022kr" | "cp50225" => return Some(Charset::Iso2022Kr),
        "iso-2022-cn" | "iso-2022-cn-ext" => return Some(Charset::Iso2022Cn),
        "hz-gb-2312" | "hz" | "hz-gb2312" => return Some(Charset::Hz),
        // Also by the name before RFC 2152; Exchange wrote it long after.
        "utf-7" | "utf7" | "csutf7" | "unicode-1-1-utf-7" | "x-unicode-2-0-utf-7" => return Some(Charset::Other(utf_7)),
        "437" | "cp437" | "cp-437" | "ibm437" | "ibm-437" | "dos-437" | "cspc8codepage437" => {
            return Some(Charset::Other(|bytes| of_dos(bytes, DOS_437)));
        }
        "852" | "cp852" | "cp-852" | "ibm852" | "ibm-852" | "dos-852" | "cspcp852" => {
            return Some(Charset::Other(|bytes| of_dos(bytes, DOS_852)));
        }
        "850" | "cp-850" | "ibm-850" | "dos-850" | "cspc850multilingual" => {
            return charset_decoder(b"cp850").map(Charset::Other);
        }
        name => match Encoding::for_label_no_replacement(name.as_bytes()).or_else(|| code_page(name)) {
            Some(encoding) => encoding,
            // It gives a replacement character for what it knows by name only.
            None => return charset_decoder(name.as_bytes()).filter(|decode| decode(b"a") == "a").map(Charset::Other),
        },
    };
    Some(Charset::Web(encoding))
}

/// Reads `cp-1252`, `win-1252`, `windows1252` and `iso8859_1`.
fn code_page(name: &str) -> Option<&'static Encoding> {
    let digits = |prefix: &str| name.strip_prefix(prefix).map(|rest| rest.trim_start_matches(['-', '_']));
    let page = ["windows", "win", "cp", "ansi", "ibm-"].into_iter().find_map(digits);
    if let Some(page) = page.filter(|page| page.len() == 4 && page.starts_with("125")) {
        return Encoding::for_label(format!("windows-{page}").as_bytes());
    }
    let part = ["iso-8859", "iso8859", "iso_8859", "iso 8859", "8859", "latin"].into_iter().find_map(digits)?;
    let of_latin = name.starts_with("latin");
    Encoding::for_label(format!("{}{part}", if of_latin { "latin" } else { "iso-8859-" }).as_bytes())
}

/// Decodes iso-2022-jp. A shift with another one right behind it does nothing; the decoder takes it for an error.
fn iso_2022_jp(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0x1B, rest) {
        plain.extend_from_slice(&rest[..at]);
        let length = if rest[at..].starts_with(b"\x1B$(") { 4 } else { 3 };
        let end = (at + length).min(rest.len());
        if rest.get(end) != Some(&0x1B) {
            plain.extend_from_slice(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    plain.extend_from_slice(rest);
    ISO_2022_JP.decode_without_bom_handling(&plain).0.into_owned()
}

/// Decodes a charset that shifts between ASCII and characters of two bytes, as the 8-bit charset of the same characters.
fn shifted(bytes: &[u8], encoding: &'static Encoding) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut is_shifted = false;
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            0x0E => is_shifted = true,
            0x0F => is_shifted = false,
            // A designation: `ESC $ ) C`.
            0x1B if matches!(behind, [b'$', b')' | b'*', _, ..]) => rest = &behind[3..],
            // RFC 1557: a line begins in ASCII.
            b'\n' => {
                is_shifted = false;
                plain.push(b'\n');
            }
            0x21..=0x7E if is_shifted => plain.push(byte | 0x80),
            byte => plain.push(*byte),
        }
    }
    encoding.decode_without_bom_handling(&plain).0.into_owned()
}

/// Decodes a code page of DOS: ASCII, and a character for each byte above.
fn of_dos(bytes: &[u8], above: &str) -> String {
    let above: Vec<char> = above.chars().collect();
    let read = |byte: &u8| byte.checked_sub(0x80).map_or(Some(char::from(*byte)), |place| above.get(usize::from(place)).copied());
    bytes.iter().filter_map(read).collect()
}

/// Decodes UTF-7. Of what ends a run of digits a minus alone is absorbed (RFC 2152, rule 2).
fn utf_7(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'+', rest) {
        text.push_str(&lossy(&rest[..at]));
        let shifted = &rest[at + 1..];
        let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let (digits, behind) = shifted.split_at(shifted.iter().take_while(is_digit).count());
        if digits.is_empty() {
            text.push('+');
        }
        // One digit more than a group of four has no whole byte.
        let whole = digits.len() - usize::from(digits.len() % 4 == 1);
        let units = Transfer::Base64.decode(&digits[..whole]);
        text.push_str(&UTF_16BE.decode_without_bom_handling(&units[..units.len() & !1]).0);
        rest = behind.strip_prefix(b"-").unwrap_or(behind);
    }
    text.push_str(&lossy(rest));
    text
}

/// Decodes RFC 1843.
fn hz(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut is_shifted = false;
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match (byte, behind.first()) {
            (b'~', Some(b'{')) => (is_shifted, rest) = (true, &behind[1..]),
            (b'~', Some(b'}')) => (is_shifted, rest) = (false, &behind[1..]),
            (b'~', Some(b'~')) if !is_shifted => {
                plain.push(b'~');
                rest = &behind[1..];
            }
            // A line that goes on.
            (b'~', Some(b'\n')) if !is_shifted => rest = &behind[1..],
            (b'\n', _) => {
                is_shifted = false;
                plain.push(b'\n');
            }
            (0x21..=0x7E, _) if is_shifted => plain.push(byte | 0x80),
            (byte, _) => plain.push(*byte),
        }
    }
    GB18030.decode_without_bom_handling(&plain).0.into_owned()
}

fn detected(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    // UTF-8 that was cut or hurt in few places is still UTF-8.
    let (good, bad) = count(&text);
    if bad == 0 || good >= bad * 4 {
        return text;
    }
    let encoding = guess(bytes);
    let (guessed, failed) = encoding.decode_without_bom_handling(bytes);
    // The letters of Thai make characters of UTF-8 by accident; those of no other charset make as many.
    let is_utf_8 = good >= bad && (failed || encoding != WINDOWS_874);
    if is_utf_8 || failed && encoding != WINDOWS_1252 {
        return text;
    }
    if encoding.is_single_byte() && encoding != WINDOWS_1252 {
        let western = WINDOWS_1252.decode_without_bom_handling(bytes).0;
        if has_signs_alone(&guessed, &western) {
            return western;
        }
    }
    guessed
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new();
    // Enough to tell; detection is slower than decoding.
    detector.feed(&bytes[..bytes.len().min(64 << 10)], true);
    detector.guess(None, true)
}

/// Whether what is no ASCII in a text are signs where they stand, such as a pound before a number, and no letters of another charset:
/// a few bytes are too few to tell charsets apart. Both texts have a character for each byte.
fn has_signs_alone(guessed: &str, western: &str) -> bool {
    let mut before = ' ';
    let mut guessed = guessed.chars().peekable();
    for western in western.chars() {
        let Some(c) = guessed.next() else { break };
        let after = guessed.peek().copied().unwrap_or(' ');
        // A capital in the middle of a word is none of its letters: `PhoneŽ`.
        let is_in_word = (before.is_alphabetic() || after.is_alphabetic()) && !(before.is_lowercase() && c.is_uppercase());
        if !c.is_ascii() && (western.is_alphabetic() || c.is_alphabetic() && is_in_word) {
            return false;
        }
        before = c;
    }
    true
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
    fn parse_3_the_end_of_an_encoded_word_begins_no_other() {
        let field = "=?utf-8?b?0JA=?= <\u{e0}@a.example>, \"?Q?\" <0@a.example>, =?utf-8?b?0JA=?= <1@a.example>";
        assert_eq!(mended_words(field.as_bytes()), field.as_bytes());
        assert_eq!(mended_words("=?utf-8?q?\u{e0}?=".as_bytes()), b"=?utf-8?q?=C3=A0?=".as_slice());
    }

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
        assert_eq!(decode(b"Bail of \xa397m, and \xa313m more", None), "Bail of £97m, and £13m more");
        assert_eq!(decode(b"The Phone\xae, 20\xb0 warm", None), "The Phone®, 20° warm");
        assert_eq!(decode(b"\xa3\xf3d\xbc, \xaf\xf3\xb3ta\xf1ski", None), "Łódź, Żółtański");
        let thai = "ตื่นตัวกับโลกธุรกิจบนอินเตอร์เน็ต เตรียมตัวกับการเปลี่ยนแปลง";
        assert_eq!(decode(&WINDOWS_874.encode(thai).0, Some("us-ascii")), thai);
        assert_eq!(decode(b"a\0b", Some("utf-8")), "ab");
        assert_eq!(decode(b"\x1b$B$3$s\x1b(B", Some("us-ascii")), "こん");
        assert_eq!(decode(b"\x1b[31mred\x1b[0m", None), "\u{1b}[31mred\u{1b}[0m", "an escape for a terminal");
        assert_eq!(decode("Grüße, schöne ß".as_bytes().split_last().unwrap().1, Some("utf-8")), "Grüße, schöne \u{FFFD}", "cut");
        assert_eq!(decode(b"\xff\xfea\0", Some("utf-16")), "a", "by its byte order mark");
        assert_eq!(decode(b"\xef\xbb\xbfa", None), "a");
        assert_eq!(decode(b"Gr+APw-n", Some("utf-7")), "Grün");
        assert_eq!(decode(b"Gr+APw-n", Some("Unicode-1-1-UTF-7")), "Grün");
        for (utf_7, text) in [
            ("A+AN8, B+APw: C", "Aß, Bü: C"),
            ("1 +- 1 +AD0- 2", "1 + 1 = 2"),
            ("+AN8A/A- +2D3eAA!", "ßü 😀!"),
            ("+AN8", "ß"),
            ("a + b", "a + b"),
            ("+AN8\n+APw-n", "ß\nün"),
        ] {
            assert_eq!(decode(utf_7.as_bytes(), Some("utf-7")), text, "{utf_7}");
        }
        for (name, bytes) in [
            ("IBM437", b"Gr\x81\xe1e"),
            ("cp437", b"Gr\x81\xe1e"),
            ("cp850", b"Gr\x81\xe1e"),
            ("850", b"Gr\x81\xe1e"),
            ("ibm852", b"Gr\x81\xe1e"),
        ] {
            assert_eq!(decode(bytes, Some(name)), "Grüße", "{name}");
        }
        assert_eq!(decode(b"\xc9\xcd\xbb \xff\x9b", Some("cp437")), "╔═╗ \u{A0}¢");
        assert_eq!(decode(b"\x9d\xa2d\xab \xa9\xfd", Some("cp852")), "Łódź ęř");
        assert_eq!(decode(b"\x8f\xe0\xa8\xa2\xa5\xe2", Some("cp866")), "Привет");
        assert!([DOS_437, DOS_852].iter().all(|above| above.chars().count() == 128));
        assert!(is_known("\"UTF-8\"") && is_known("utf-7") && !is_known("x-klingon"));
    }
}
