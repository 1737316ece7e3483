//! What a server answers, one untagged response at a time: one that cannot be read spoils itself alone.

use imap_proto::types::{AttributeValue, BodyStructure, MailboxDatum, Response, ResponseCode, Status};
use jiff::fmt::strtime;

/// How a command ended.
pub struct Ending {
    pub status: Status,
    pub information: String,
}

/// Reads the tagged response that ends a command; none for any other line.
pub fn ending(line: &[u8], tag: &str) -> Option<Ending> {
    let rest = line.strip_prefix(tag.as_bytes())?.strip_prefix(b" ")?;
    let (word, information) = rest.split_at(rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len()));
    let status = match word.to_ascii_uppercase().as_slice() {
        b"OK" => Status::Ok,
        b"NO" => Status::No,
        b"BAD" => Status::Bad,
        _ => return None,
    };
    Some(Ending { status, information: super::session::text(information) })
}

/// Parses one untagged response.
pub fn parse(line: &[u8]) -> Option<Response<'_>> {
    match imap_proto::parser::parse_response(line) {
        Ok(([], response)) => Some(response),
        _ => None,
    }
}

/// Whether the server says that it closes the connection; with its words.
pub fn bye(line: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(b"* ")?;
    (rest.len() >= 3 && rest[..3].eq_ignore_ascii_case(b"BYE")).then(|| super::session::text(&rest[3..]))
}

/// What a FETCH response says of one message.
#[derive(Debug, Default)]
pub struct Item {
    pub uid: Option<u32>,
    pub size: Option<u64>,
    /// Seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    /// Where in the response each BODY section stands: its name, offset and length.
    pub sections: Vec<Section>,
    pub structure: Option<BodyStructure<'static>>,
}

/// One BODY section of a FETCH response.
#[derive(Debug)]
pub struct Section {
    /// As asked for, such as `1.2.MIME`; empty for the whole.
    pub name: String,
    pub bytes: std::ops::Range<usize>,
}

/// Reads a FETCH response.
pub fn item(line: &[u8]) -> Option<Item> {
    let Response::Fetch(_, attributes) = parse(line)? else { return None };
    let mut item = Item::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => item.uid = Some(uid),
            AttributeValue::Rfc822Size(size) => item.size = Some(u64::from(size)),
            AttributeValue::InternalDate(date) => item.internal_date = internal_date(&date),
            AttributeValue::BodyStructure(structure) => item.structure = Some(structure.into_owned()),
            AttributeValue::BodySection { section, data, .. } => {
                let bytes = data.as_deref().map_or(0..0, |data| place(line, data));
                item.sections.push(Section { name: section.as_ref().map(section_name).unwrap_or_default(), bytes });
            }
            _ => {}
        }
    }
    Some(item)
}

/// Returns where a part of a line stands in it. The parser borrows literals; what it copied (an escaped quoted string) is
/// looked for.
fn place(line: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    if line.get(start..start + part.len()).is_some_and(|here| here == part) {
        return start..start + part.len();
    }
    memchr::memmem::find(line, part).map_or(0..0, |at| at..at + part.len())
}

fn section_name(section: &imap_proto::types::SectionPath) -> String {
    use imap_proto::types::{MessageSection, SectionPath};
    let word = |section: &MessageSection| match section {
        MessageSection::Header => "HEADER",
        MessageSection::Mime => "MIME",
        MessageSection::Text => "TEXT",
    };
    match section {
        SectionPath::Full(section) => word(section).to_string(),
        SectionPath::Part(path, section) => {
            let path = path.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
            section.as_ref().map_or_else(|| path.clone(), |section| format!("{path}.{}", word(section)))
        }
    }
}

/// Reads ` 1-Jul-2026 02:44:25 -0700` as seconds since 1970 UTC.
pub fn internal_date(text: &str) -> Option<i64> {
    let parsed = strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?;
    Some(parsed.to_timestamp().ok()?.as_second())
}

/// Reads the UIDs of a SEARCH response.
pub fn search(line: &[u8]) -> Option<Vec<u32>> {
    match parse(line)? {
        Response::MailboxData(MailboxDatum::Search(uids)) => Some(uids),
        _ => None,
    }
}

/// Reads one mailbox of a LIST response; none for a name that holds no messages.
pub fn listed(line: &[u8]) -> Option<String> {
    use imap_proto::types::NameAttribute;
    match parse(line)? {
        Response::MailboxData(MailboxDatum::List { name_attributes, name, .. })
            if !name_attributes.contains(&NameAttribute::NoSelect) =>
        {
            Some(super::name::decode(&name))
        }
        _ => None,
    }
}

/// Reads what EXAMINE tells of a mailbox.
pub fn opened(lines: &[Vec<u8>]) -> (Option<u32>, Option<u32>, u32) {
    let (mut uidvalidity, mut uidnext, mut exists) = (None, None, 0);
    for line in lines {
        match parse(line) {
            Some(Response::Data { code: Some(ResponseCode::UidValidity(value)), .. }) => uidvalidity = Some(value),
            Some(Response::Data { code: Some(ResponseCode::UidNext(value)), .. }) => uidnext = Some(value),
            Some(Response::MailboxData(MailboxDatum::Exists(count))) => exists = count,
            _ => {}
        }
    }
    (uidvalidity, uidnext, exists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_date_with_a_padded_day_and_a_zone() {
        assert_eq!(internal_date(" 1-Jul-2026 02:44:25 -0700"), Some(1_782_899_065));
        assert_eq!(internal_date("17-Jul-1996 02:44:25 +0000"), Some(837_571_465));
        assert_eq!(internal_date("nonsense"), None);
    }

    #[test]
    fn a_fetch_response_with_two_sections() {
        let line = b"* 3 FETCH (UID 7 RFC822.SIZE 12 BODY[1.MIME] {3}\r\nabc BODY[] \"x\\\"y\")\r\n";
        let item = item(line).expect("it is well-formed");
        assert_eq!((item.uid, item.size), (Some(7), Some(12)));
        assert_eq!(item.sections[0].name, "1.MIME");
        assert_eq!(&line[item.sections[0].bytes.clone()], b"abc");
    }
}
