//! Header fields: decoded text and address lists.

use mail_parser::{Header, HeaderName, HeaderValue, Message};

use super::{Address, charset, structure};

/// Returns a field as it stands, on one line.
pub fn raw(message: &Message<'_>, header: &Header<'_>) -> String {
    let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
    one_line(&charset::decode(bytes, None))
}

/// Returns the decoded text of the first such header; empty when there is none.
pub fn text(message: &Message<'_>, name: &HeaderName<'_>) -> String {
    let Some(header) = message.headers().iter().find(|header| header.name == *name) else { return String::new() };
    let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
    match &header.value {
        HeaderValue::Text(text) => charset::without_nul(text).into_owned(),
        HeaderValue::TextList(list) => charset::without_nul(&list.join(", ")).into_owned(),
        HeaderValue::Empty => String::new(),
        _ => charset::decode(bytes, None),
    }
}

/// Returns the addresses of all such headers, groups flattened, in order; at most `room`, which shrinks.
pub fn addresses(message: &Message<'_>, name: &HeaderName<'_>, room: &mut usize) -> Vec<Address> {
    let mut addresses = Vec::new();
    for header in message.headers().iter().filter(|header| header.name == *name) {
        let Some(list) = header.value.as_address() else { continue };
        for entry in list.iter().take(*room) {
            let written = entry.address.as_deref().unwrap_or_default().trim();
            let name = entry.name.as_deref().unwrap_or_default();
            if written.is_empty() && name.is_empty() {
                continue;
            }
            let address = charset::without_nul(written).chars().filter(|c| !c.is_control()).collect();
            addresses.push(rejoined(Address { name: one_line(name), address }));
            *room -= 1;
        }
    }
    addresses
}

/// mail-parser takes the quoted local part of a bare address, `"dora b"@example.org`, for a name.
fn rejoined(read: Address) -> Address {
    if !read.address.starts_with('@') || read.name.is_empty() {
        return read;
    }
    let is_atom = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let local = match read.name {
        name if name.chars().all(is_atom) => name,
        name => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    Address { name: String::new(), address: format!("{local}{}", read.address) }
}

/// Names are one line: a line break in one must never become a header of ours.
fn one_line(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns every field of a header block as (name, value as it stands, still folded), in order. What is no field is left out.
pub fn fields(block: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut rest = block;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            // A field goes on over lines that begin with white space (RFC 5322, section 2.2.3).
            let ends = memchr::memchr_iter(b'\n', rest).map(|end| end + 1);
            let end = ends.into_iter().find(|end| !matches!(rest.get(*end), Some(b' ' | b'\t'))).unwrap_or(rest.len());
            let (field, behind) = rest.split_at(end);
            rest = behind;
            if let Some(colon) = memchr::memchr(b':', field)
                && let Ok(name) = std::str::from_utf8(field[..colon].trim_ascii())
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_graphic())
            {
                return Some((name, &field[colon + 1..]));
            }
        }
        None
    })
}

/// Decodes the value of a field: unfolded, encoded words (RFC 2047) and raw 8-bit text read.
pub fn decoded(value: &[u8]) -> String {
    if value.is_ascii() && memchr::memmem::find(value, b"=?").is_none() {
        return one_line(&String::from_utf8_lossy(value));
    }
    // Read as the one field whose value is text and nothing else.
    let field = [b"Subject:", value].concat();
    one_line(&text(&structure::fields(&field, &structure::ROOT_FIELDS), &HeaderName::Subject))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::parse;

    #[test]
    fn parse_4_a_quoted_local_part_without_brackets_stays_an_address() {
        for (written, name, address) in [
            (r#""dora"@example.org"#, "", "dora@example.org"),
            (r#""dora b"@example.org"#, "", r#""dora b"@example.org"#),
            (r#""dora \"b\""@example.org"#, "", r#""dora \"b\""@example.org"#),
            (r#"<"dora b"@example.org>"#, "", r#""dora b"@example.org"#),
            (r#""Dora" <dora@example.org>"#, "Dora", "dora@example.org"),
        ] {
            let from = parse(format!("From: {written}\r\n\r\n").as_bytes()).from.unwrap();
            assert_eq!((from.name.as_str(), from.address.as_str()), (name, address), "{written}");
        }
    }

    #[test]
    fn fields_are_told_apart_and_decoded() {
        let block = b"Subject: a\r\n b\r\nX-Spam: =?utf-8?Q?J=C3=B6rg?=\r\n =?utf-8?Q?_x?=\r\nno field\r\nX-8: J\xF6rg\r\nx-spam:YES\r\nLast: 1";
        let fields: Vec<(&str, String)> = fields(block).map(|(name, value)| (name, decoded(value))).collect();
        let expected = [("Subject", "a b"), ("X-Spam", "J\u{f6}rg x"), ("X-8", "J\u{f6}rg"), ("x-spam", "YES"), ("Last", "1")];
        assert_eq!(fields, expected.map(|(name, value)| (name, value.to_string())));
    }
}
