//! What Rich Text says, as plain text; and the compression of it that Outlook uses ([MS-OXRTFCP]). HTML inside RTF ([MS-OXRTFEX])
//! is read by the text that stands beside it.

use super::charset;

/// The largest RTF that is read, in bytes.
const LARGEST: usize = 4 << 20;
/// Groups in one another beyond which nothing is read.
const DEEPEST: usize = 1_000;

/// What the dictionary begins with ([MS-OXRTFCP], section 2.1.2.1).
const DICTIONARY: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans \
SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Decompresses RTF.
pub fn decompressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?));
    let (raw_size, kind) = (number(4)? as usize, number(8)?);
    let data = bytes.get(16..)?;
    if kind == u32::from_le_bytes(*b"MELA") {
        return Some(data[..data.len().min(raw_size)].to_vec());
    }
    if kind != u32::from_le_bytes(*b"LZFu") {
        return None;
    }
    let mut window = [0_u8; 4_096];
    window[..DICTIONARY.len()].copy_from_slice(DICTIONARY);
    let mut end = DICTIONARY.len();
    let mut plain = Vec::with_capacity(raw_size.min(data.len().saturating_mul(4)).min(LARGEST));
    let mut put = |plain: &mut Vec<u8>, window: &mut [u8; 4_096], byte: u8| {
        plain.push(byte);
        window[end] = byte;
        end = (end + 1) % window.len();
        end
    };
    let mut place = DICTIONARY.len();
    let mut data = data.iter();
    while let Some(control) = data.next() {
        for bit in 0..8 {
            if plain.len() >= raw_size.min(LARGEST) {
                return Some(plain);
            }
            let Some(byte) = data.next() else { return Some(plain) };
            if control >> bit & 1 == 0 {
                place = put(&mut plain, &mut window, *byte);
                continue;
            }
            let Some(low) = data.next() else { return Some(plain) };
            let reference = usize::from(*byte) << 8 | usize::from(*low);
            let (from, length) = (reference >> 4, (reference & 15) + 2);
            // A reference to the end of the window ends it all.
            if from == place {
                return Some(plain);
            }
            for at in 0..length {
                let byte = window[(from + at) % window.len()];
                place = put(&mut plain, &mut window, byte);
            }
        }
    }
    Some(plain)
}

/// What holds inside a group.
#[derive(Clone, Copy)]
struct Group {
    /// Fonts, colours and the like.
    is_hidden: bool,
    /// Text that stands there for programs without HTML.
    is_for_rtf: bool,
    /// How many characters stand in for one of Unicode.
    stand_ins: usize,
}

/// Returns what RTF says.
pub fn to_text(rtf: &[u8]) -> Option<String> {
    const HIDDEN: [&str; 12] = [
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "object",
        "header",
        "footer",
        "listtable",
        "listoverridetable",
        "generator",
        "themedata",
    ];
    let mut rest = rtf.get(..LARGEST).unwrap_or(rtf).trim_ascii_start();
    if !rest.starts_with(b"{\\rtf") {
        return None;
    }
    let mut group = Group { is_hidden: false, is_for_rtf: false, stand_ins: 1 };
    let mut outer: Vec<Group> = Vec::new();
    let mut page: Option<String> = None;
    let (mut text, mut bytes) = (String::new(), Vec::new());
    let mut skip = 0;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let shows = !group.is_hidden && !group.is_for_rtf;
        match byte {
            b'{' if outer.len() >= DEEPEST => break,
            b'{' => outer.push(group),
            b'}' => match outer.pop() {
                Some(before) => group = before,
                None => break,
            },
            b'\r' | b'\n' => {}
            b'\\' => {
                let name: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_alphabetic).take(32).collect();
                if name.is_empty() {
                    let Some((symbol, behind)) = rest.split_first() else { break };
                    rest = behind;
                    match symbol {
                        b'\'' => {
                            let code = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                            let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                            rest = behind.get(2..).unwrap_or_default();
                            if skip > 0 {
                                skip -= 1;
                            } else if let Some(code) = code.filter(|_| shows) {
                                bytes.push(code);
                            }
                        }
                        b'*' => group.is_hidden = true,
                        b'~' if shows => bytes.push(b' '),
                        b'_' if shows => bytes.push(b'-'),
                        b'\\' | b'{' | b'}' if shows => bytes.push(*symbol),
                        b'\r' | b'\n' if shows => bytes.push(b'\n'),
                        _ => {}
                    }
                    continue;
                }
                rest = &rest[name.len()..];
                let digits =
                    rest.iter().enumerate().take_while(|(at, byte)| byte.is_ascii_digit() || *at == 0 && **byte == b'-').count();
                let number: Option<i32> = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
                rest = &rest[digits..];
                rest = rest.strip_prefix(b" ").unwrap_or(rest);
                match std::str::from_utf8(&name).unwrap_or_default() {
                    "ansicpg" => page = number.map(|page| if page == 65_001 { "utf-8".into() } else { format!("cp{page}") }),
                    "uc" => group.stand_ins = number.and_then(|count| usize::try_from(count).ok()).unwrap_or(1).min(16),
                    "htmlrtf" => group.is_for_rtf = number != Some(0),
                    "bin" => rest = number.and_then(|size| rest.get(usize::try_from(size).ok()?..)).unwrap_or_default(),
                    "u" if shows => {
                        text.push_str(&charset::decode(&std::mem::take(&mut bytes), page.as_deref()));
                        // Negative numbers are those beyond 32767.
                        let code = number
                            .and_then(|code| u16::try_from(code).or_else(|_| i16::try_from(code).map(|code| code as u16)).ok());
                        text.push_str(&code.map(|code| String::from_utf16_lossy(&[code])).unwrap_or_default());
                        skip = group.stand_ins;
                    }
                    "par" | "line" | "row" | "sect" | "page" if shows => bytes.push(b'\n'),
                    "tab" | "cell" if shows => bytes.push(b'\t'),
                    "emdash" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{2014}'),
                    "endash" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{2013}'),
                    "bullet" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{2022}'),
                    "lquote" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{2018}'),
                    "rquote" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{2019}'),
                    "ldblquote" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{201C}'),
                    "rdblquote" if shows => push(&mut text, &mut bytes, page.as_deref(), '\u{201D}'),
                    word if HIDDEN.contains(&word) => group.is_hidden = true,
                    _ => {}
                }
            }
            _ if skip > 0 => skip -= 1,
            byte if shows => bytes.push(*byte),
            _ => {}
        }
    }
    text.push_str(&charset::decode(&bytes, page.as_deref()));
    Some(text)
}

fn push(text: &mut String, bytes: &mut Vec<u8>, page: Option<&str>, c: char) {
    text.push_str(&charset::decode(&std::mem::take(bytes), page));
    text.push(c);
}

/// Writes RTF in the form that is not compressed.
#[cfg(test)]
pub fn stored(rtf: &[u8]) -> Vec<u8> {
    let size = u32::try_from(rtf.len()).expect("short");
    [&(size + 12).to_le_bytes(), &size.to_le_bytes(), b"MELA".as_slice(), &[0; 4], rtf].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_6_compressed_rtf_of_the_specification() {
        // [MS-OXRTFCP], section 3.1: two examples.
        let simple = [
            0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a,
            0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20,
            0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let plain = decompressed(&simple).expect("it is in order");
        assert_eq!(String::from_utf8_lossy(&plain), "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(to_text(&plain).as_deref(), Some("hello world"));
        for end in 0..simple.len() {
            decompressed(&simple[..end]);
        }
    }

    #[test]
    fn parse_6_rtf_as_text() {
        for (rtf, text) in [
            (
                "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\generator X;}Dear \\b Dora\\b0 ,\\par\r\nbye\\par}",
                "Dear Dora,\nbye\n",
            ),
            ("{\\rtf1\\ansicpg1251 \\'cf\\'f0\\u8364?\\uc2\\u-3913ab x}", "Пр€\u{f0b7} x"),
            ("{\\rtf1\\fromhtml1 {\\*\\htmltag64 <p>}Hello\\htmlrtf\\par\\htmlrtf0 {\\*\\htmltag72 </p>}\\par}", "Hello\n"),
            ("{\\rtf1 a\\{b\\}c\\\\d\\~e}", "a{b}c\\d e"),
            ("{\\rtf1 cut", "cut"),
        ] {
            assert_eq!(to_text(rtf.as_bytes()).as_deref(), Some(text), "{rtf}");
        }
        assert_eq!(to_text(b"no rtf"), None);
    }
}
