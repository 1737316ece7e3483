//! What is inside a `winmail.dat` ([MS-OXTNEF]): a signature, a key, then attributes of level, id, length, data, checksum. Files
//! are attributes; what the message says is among the properties of MAPI, as HTML, as text or as compressed RTF.

use super::header::Head;
use super::{charset, rtf};

/// A file in the stream.
pub struct File<'a> {
    pub name: String,
    pub content: &'a [u8],
}

/// What the message says.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    pub is_html: bool,
    pub text: String,
}

const SIGNATURE: u32 = 0x223E_9F78;
const LEVEL_MESSAGE: u8 = 1;
const LEVEL_ATTACHMENT: u8 = 2;
const ATT_OEM_CODEPAGE: u32 = 0x0006_9007;
const ATT_BODY: u32 = 0x0002_800C;
const ATT_PROPERTIES: u32 = 0x0006_9003;
const ATT_ATTACH_REND_DATA: u32 = 0x0006_9002;
const ATT_ATTACH_TITLE: u32 = 0x0001_8010;
const ATT_ATTACH_DATA: u32 = 0x0006_800F;
const ATT_ATTACHMENT: u32 = 0x0006_9005;

/// [MS-OXPROPS]: PidTagBody, PidTagRtfCompressed, PidTagHtml, PidTagInternetCodepage, PidTagAttachLongFilename.
const BODY: u16 = 0x1000;
const RTF: u16 = 0x1009;
const HTML: u16 = 0x1013;
const INTERNET_CODEPAGE: u16 = 0x3FDE;
const LONG_NAME: u16 = 0x3707;

/// [MS-OXCDATA], section 2.11.1: the types that we tell apart.
const INTEGER: u16 = 0x0003;
const STRING_8: u16 = 0x001E;
const STRING: u16 = 0x001F;
const OBJECT: u16 = 0x000D;
const BINARY: u16 = 0x0102;
const MANY: u16 = 0x1000;

/// The most files that are listed: an empty one takes eleven bytes.
const FILES: usize = 1_000;
/// The most properties of a message or a file.
const PROPERTIES: u32 = 10_000;

/// Whether a part is such a stream, by its type or its name.
pub fn is_one(media_type: &str, head: &Head<'_>) -> bool {
    media_type.ends_with("/ms-tnef")
        || media_type.ends_with("/vnd.ms-tnef")
        || head.file_name().is_some_and(|name| name.trim().eq_ignore_ascii_case("winmail.dat"))
}

/// Returns the attributes; what is broken ends them.
fn attributes(stream: &[u8]) -> impl Iterator<Item = (u8, u32, &[u8])> {
    let mut rest = match u32_at(stream) {
        Some((SIGNATURE, rest)) => rest.get(2..).unwrap_or_default(),
        _ => &[],
    };
    std::iter::from_fn(move || {
        let (level, id, data, behind) = attribute(rest)?;
        rest = behind;
        Some((level, id, data))
    })
}

/// Returns the files; what is broken ends the list.
pub fn files(stream: &[u8]) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    let (mut name, mut page) = (String::new(), None);
    for (level, id, data) in attributes(stream) {
        if files.len() >= FILES {
            break;
        }
        match id {
            ATT_OEM_CODEPAGE => page = code_page(data),
            _ if level != LEVEL_ATTACHMENT => {}
            // Each file begins with its rendering data.
            ATT_ATTACH_REND_DATA => name.clear(),
            ATT_ATTACH_TITLE => name = text(data, page.as_deref()),
            ATT_ATTACH_DATA => files.push(File { name: name.clone(), content: data }),
            // Behind the data; the title may be a short name of DOS.
            ATT_ATTACHMENT => {
                if let (Some(file), Some(name)) = (files.last_mut(), long_name(data, page.as_deref())) {
                    file.name = name;
                }
            }
            _ => {}
        }
    }
    files
}

/// Returns what the message says.
pub fn body(stream: &[u8]) -> Option<Body> {
    let (mut page, mut internet_page) = (None, None);
    let (mut html, mut plain, mut rtf, mut old) = (None, None, None, None);
    for (level, id, data) in attributes(stream) {
        match id {
            ATT_OEM_CODEPAGE => page = code_page(data),
            ATT_BODY if level == LEVEL_MESSAGE => old = Some(data),
            ATT_PROPERTIES if level == LEVEL_MESSAGE => {
                for (kind, property, value) in properties(data) {
                    match property {
                        INTERNET_CODEPAGE if kind == INTEGER => internet_page = code_page(value),
                        HTML => html = Some((kind, value)),
                        BODY => plain = Some((kind, value)),
                        RTF => rtf = Some(value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let of_kind = |kind, value, page: Option<&str>| if kind == STRING { utf_16(value) } else { text(value, page) };
    let html = html.map(|(kind, value)| {
        let page = charset::of_html(value).map(str::to_string).or_else(|| internet_page.clone()).or_else(|| page.clone());
        Body { is_html: true, text: of_kind(kind, value, page.as_deref()) }
    });
    let plain = || plain.map(|(kind, value)| of_kind(kind, value, page.as_deref()));
    let rtf = || rtf.and_then(|value| rtf::to_text(&rtf::decompressed(value)?));
    let old = || old.map(|value| text(value, page.as_deref()));
    let says = |text: &String| !text.trim().is_empty();
    html.filter(|html| says(&html.text)).or_else(|| {
        let text = plain().filter(says).or_else(|| rtf().filter(says)).or_else(|| old().filter(says))?;
        Some(Body { is_html: false, text: text.replace("\r\n", "\n") })
    })
}

/// A text up to its NUL.
fn text(bytes: &[u8], page: Option<&str>) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    charset::decode(&bytes[..end], page)
}

fn utf_16(bytes: &[u8]) -> String {
    charset::decode(bytes, Some("utf-16le"))
}

/// Returns the charset of a code page of Windows that is given by number.
fn code_page(data: &[u8]) -> Option<String> {
    let (page, _) = u32_at(data)?;
    Some(match page {
        65_001 => "utf-8".to_string(),
        20_127 => "us-ascii".to_string(),
        20_866 => "koi8-r".to_string(),
        21_866 => "koi8-u".to_string(),
        28_591..=28_606 => format!("iso-8859-{}", page - 28_590),
        50_220..=50_222 => "iso-2022-jp".to_string(),
        51_932 | 20_932 => "euc-jp".to_string(),
        54_936 => "gb18030".to_string(),
        874 | 1_250..=1_258 => format!("windows-{page}"),
        932 | 936 | 949 | 950 => format!("cp{page}"),
        page => format!("ibm{page}"),
    })
}

/// Returns the properties of MAPI: type, id and the first value. What is broken ends them.
fn properties(data: &[u8]) -> impl Iterator<Item = (u16, u16, &[u8])> {
    let (count, mut rest) = u32_at(data).unwrap_or_default();
    let mut left = count.min(PROPERTIES);
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let (tag, mut behind) = u32_at(rest)?;
        let (kind, id) = ((tag & 0xFFFF) as u16, (tag >> 16) as u16);
        if id >= 0x8000 {
            // A name: a space of names, then a number or a text.
            let (form, named) = u32_at(behind.get(16..)?)?;
            let (number, named) = u32_at(named)?;
            behind = if form == 0 { named } else { named.get(padded(number)?..)? };
        }
        let is_many = kind & MANY != 0;
        let base = kind & !MANY;
        let is_variable = matches!(base, STRING_8 | STRING | OBJECT | BINARY);
        let mut values = 1;
        if is_many || is_variable {
            (values, behind) = u32_at(behind)?;
        }
        let mut first: &[u8] = &[];
        for place in 0..values.min(PROPERTIES) {
            let size = if is_variable {
                let (size, value) = u32_at(behind)?;
                behind = value;
                size
            } else {
                // Those of two bytes and of one take four.
                match base {
                    0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
                    0x0048 => 16,
                    _ => 4,
                }
            };
            if place == 0 {
                first = behind.get(..size as usize)?;
            }
            behind = behind.get(padded(size)?..).unwrap_or_default();
        }
        rest = behind;
        Some((base, id, first))
    })
}

fn padded(size: u32) -> Option<usize> {
    usize::try_from(size).ok()?.checked_next_multiple_of(4)
}

/// Finds the long name among the properties of a file; by its tag, the length in bytes behind a count of one, where the
/// properties before it cannot be read.
fn long_name(data: &[u8], page: Option<&str>) -> Option<String> {
    let read = properties(data).find(|(_, id, _)| *id == LONG_NAME).map(|(kind, _, value)| (kind, value));
    let (kind, value) = read.or_else(|| {
        [STRING, STRING_8].into_iter().find_map(|kind| {
            let tag = (u32::from(LONG_NAME) << 16 | u32::from(kind)).to_le_bytes();
            let at = memchr::memmem::find(data, &tag)?;
            let (_count, rest) = u32_at(data.get(at + 4..)?)?;
            let (length, rest) = u32_at(rest)?;
            Some((kind, rest.get(..length as usize)?))
        })
    })?;
    let name = if kind == STRING { utf_16(value) } else { text(value, page) };
    Some(name).filter(|name| !name.is_empty())
}

fn u32_at(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn attribute(bytes: &[u8]) -> Option<(u8, u32, &[u8], &[u8])> {
    let (level, rest) = bytes.split_first()?;
    let (id, rest) = u32_at(rest)?;
    let (length, rest) = u32_at(rest)?;
    let (data, rest) = rest.split_at_checked(length as usize)?;
    let (_checksum, rest) = rest.split_at_checked(2)?;
    Some((*level, id, data, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(attributes: &[(u8, u32, &[u8])]) -> Vec<u8> {
        let mut stream = SIGNATURE.to_le_bytes().to_vec();
        stream.extend([0, 0]);
        for (level, id, data) in attributes {
            stream.push(*level);
            stream.extend(id.to_le_bytes());
            stream.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
            stream.extend(*data);
            stream.extend([0, 0]);
        }
        stream
    }

    #[test]
    fn parse_8_files_of_a_winmail_dat_and_garbage() {
        let stream = stream(&[
            (LEVEL_ATTACHMENT, ATT_ATTACH_REND_DATA, b"x"),
            (LEVEL_ATTACHMENT, ATT_ATTACH_TITLE, b"LONGNA~1.TXT\0"),
            (LEVEL_ATTACHMENT, ATT_ATTACH_DATA, b"hello"),
            (LEVEL_ATTACHMENT, ATT_ATTACHMENT, b"\x01\0\0\0\x1e\0\x07\x37\x01\0\0\0\x0e\0\0\0long name.txt\0\0\0"),
        ]);
        let found = files(&stream);
        assert_eq!((found.len(), found[0].name.as_str(), found[0].content), (1, "long name.txt", b"hello".as_slice()));
        for end in 0..stream.len() {
            files(&stream[..end]);
            body(&stream[..end]);
        }
    }

    #[test]
    fn parse_8_names_in_the_code_page_that_the_stream_declares() {
        let title = [encoding_rs::BIG5.encode("測試.doc").0.as_ref(), b"\0"].concat();
        let stream = stream(&[
            (LEVEL_MESSAGE, ATT_OEM_CODEPAGE, &[0xB6, 3, 0, 0, 0, 0, 0, 0]),
            (LEVEL_ATTACHMENT, ATT_ATTACH_REND_DATA, b"x"),
            (LEVEL_ATTACHMENT, ATT_ATTACH_TITLE, &title),
            (LEVEL_ATTACHMENT, ATT_ATTACH_DATA, b"hello"),
        ]);
        assert_eq!(files(&stream)[0].name, "測試.doc");
    }

    /// A property with one value of a length of its own.
    fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
        let mut property = [kind.to_le_bytes(), id.to_le_bytes()].concat();
        if id >= 0x8000 {
            property.extend([7; 16]);
            property.extend([1, 0, 0, 0, 6, 0, 0, 0, b'a', 0, b'b', 0, 0, 0, 0, 0]);
        }
        property.extend(1_u32.to_le_bytes());
        property.extend(u32::try_from(value.len()).expect("short").to_le_bytes());
        property.extend(value);
        property.resize(property.len().next_multiple_of(4), 0);
        property
    }

    #[test]
    fn parse_6_a_body_that_is_only_in_a_winmail_dat() {
        let utf_16: Vec<u8> = "The pump – still.\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let number = [[3, 0, 0xDE, 0x3F], 65_001_u32.to_le_bytes()].concat();
        let before = [property(STRING, 0x8001, b"a\0\0\0"), property(BINARY, 0x0E01, b"odd"), number].concat();
        let rtf = rtf::stored(b"{\\rtf1\\ansi\\ansicpg1252 The pump \\'96 still.\\par}");
        let plain = |text: &str| Some(Body { is_html: false, text: text.to_string() });
        for (value, expected) in [
            (
                property(BINARY, HTML, "<p>Gr\u{fc}\u{df}e</p>\0".as_bytes()),
                Some(Body { is_html: true, text: "<p>Grüße</p>".into() }),
            ),
            (property(STRING_8, BODY, b"The pump stands still.\0"), plain("The pump stands still.")),
            (property(STRING, BODY, &utf_16), plain("The pump – still.")),
            (property(BINARY, RTF, &rtf), plain("The pump – still.\n")),
            (property(BINARY, 0x1234, b"x"), None),
        ] {
            let properties = [4_u32.to_le_bytes().to_vec(), before.clone(), value].concat();
            assert_eq!(body(&stream(&[(LEVEL_MESSAGE, ATT_PROPERTIES, &properties)])), expected);
        }
        assert_eq!(body(&stream(&[(LEVEL_MESSAGE, ATT_BODY, b"Old.\0")])), plain("Old."));
    }
}
