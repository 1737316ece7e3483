//! What a server answers, one untagged response at a time: one that cannot be read spoils itself alone.

use std::ops::Range;

use imap_proto::types::{AttributeValue, BodyStructure, Response, Status};
use jiff::fmt::strtime;

use crate::fault::contain;

/// How deep parentheses may go: the parser calls itself for each, and the stack is finite.
const DEEPEST: usize = 100;

/// How a command ended.
pub struct Ending<'a> {
    pub status: Status,
    pub information: &'a [u8],
}

/// Reads the tagged response that ends a command; none for any other line.
pub fn ending<'a>(line: &'a [u8], tag: &str) -> Option<Ending<'a>> {
    let rest = line.strip_prefix(tag.as_bytes())?.strip_prefix(b" ")?;
    let (word, information) = rest.split_at(rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len()));
    let status = match word.to_ascii_uppercase().as_slice() {
        b"OK" => Status::Ok,
        b"NO" => Status::No,
        b"BAD" => Status::Bad,
        _ => return None,
    };
    Some(Ending { status, information })
}

/// Returns the response code that stands before the words of a status (RFC 3501, section 7.1; RFC 5530), such as `UIDNEXT 7`. It
/// is ASCII, and counts in whatever charset the words behind it are.
pub fn code(information: &[u8]) -> Option<&str> {
    let rest = information.trim_ascii_start().strip_prefix(b"[")?;
    std::str::from_utf8(&rest[..memchr::memchr(b']', rest)?]).ok().filter(|code| code.is_ascii())
}

impl Ending<'_> {
    /// Returns the word of its response code, in capitals.
    pub fn code(&self) -> Option<String> {
        Some(code(self.information)?.split(' ').next()?.to_ascii_uppercase())
    }
}

/// The bytes outside of literals that one response may have to be parsed: what a parser makes of them is many times as large.
const MOST_WORDS: usize = 256 << 10;

/// Parses one untagged response. The parser panics on some (such as `INTERNALDATE NIL`): those cannot be read either.
pub fn parse(line: &[u8]) -> Option<Response<'_>> {
    if is_too_deep(line) || has_no_date(line) {
        return None;
    }
    match contain(|| imap_proto::parser::parse_response(line)).ok()? {
        Ok(([], response)) => Some(response),
        _ => None,
    }
}

/// Whether there is more outside of literals, or parentheses outside of strings go deeper, than in any message's structure.
fn is_too_deep(line: &[u8]) -> bool {
    let (mut depth, mut at, mut literals) = (0_usize, 0, 0_usize);
    while let Some(found) = line.get(at..).and_then(|rest| rest.iter().position(|byte| b"()\"{".contains(byte))) {
        at += found + 1;
        match line.get(at - 1) {
            Some(b'(') => depth += 1,
            Some(b')') => depth = depth.saturating_sub(1),
            Some(b'"') => at += quoted_length(&line[at..]),
            _ => {
                let end = memchr::memchr(b'\n', &line[at..]).map_or(line.len(), |end| at + end + 1);
                let length = super::wire::literal_length(&line[at - 1..end]).and_then(|length| usize::try_from(length).ok());
                if let Some(length) = length {
                    literals = literals.saturating_add(length);
                    at = end.saturating_add(length);
                }
            }
        }
        if depth > DEEPEST {
            return true;
        }
    }
    line.len().saturating_sub(literals) > MOST_WORDS
}

/// Whether INTERNALDATE is NIL, outside of literals: the parser panics on it, and nobody need read of a bug.
fn has_no_date(line: &[u8]) -> bool {
    const NIL: &[u8] = b"INTERNALDATE NIL";
    if memchr::memmem::find(line, NIL).is_none() {
        return false;
    }
    let mut rest = line;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        if memchr::memmem::find(&rest[..end], NIL).is_some() {
            return true;
        }
        let literal = super::wire::literal_length(&rest[..end]).and_then(|length| usize::try_from(length).ok());
        rest = rest.get(end.saturating_add(literal.unwrap_or_default())..).unwrap_or_default();
    }
    false
}

/// Returns how many bytes a quoted string has behind its first quotation mark, with the last.
pub fn quoted_length(rest: &[u8]) -> usize {
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 1)
}

/// Whether an untagged response begins with a word.
pub fn is_about(line: &[u8], word: &str) -> bool {
    line.strip_prefix(b"* ")
        .and_then(|rest| rest.get(..word.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// What an untagged response says of the number of messages in the mailbox that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    Exists(u32),
    Expunged,
}

impl Number {
    /// Keeps count of the messages of a mailbox; says whether there are more than there were.
    pub fn counts_more(self, exists: &mut u32) -> bool {
        let before = *exists;
        *exists = match self {
            Self::Exists(count) => count,
            Self::Expunged => before.saturating_sub(1),
        };
        *exists > before
    }
}

/// The longest response of this kind: ten digits, a word, and blanks. A message may be behind others.
const LONGEST_NUMBER: usize = 40;

/// Reads such a response; none for any other.
pub fn number(line: &[u8]) -> Option<Number> {
    let line = line.strip_prefix(b"* ").filter(|line| line.len() <= LONGEST_NUMBER)?;
    let line = std::str::from_utf8(line).ok()?;
    let (number, word) = line.trim_end().split_once(' ')?;
    let number = number.parse().ok()?;
    match word.to_ascii_uppercase().as_str() {
        "EXISTS" => Some(Number::Exists(number)),
        "EXPUNGE" => Some(Number::Expunged),
        _ => None,
    }
}

/// The most words of a CAPABILITY response that are kept.
const MOST_CAPABILITIES: usize = 1_000;

/// Returns what a CAPABILITY response offers, in capitals.
pub fn capabilities(line: &[u8]) -> Vec<String> {
    let words = String::from_utf8_lossy(line).to_ascii_uppercase();
    words.split_ascii_whitespace().skip(2).take(MOST_CAPABILITIES).map(str::to_string).collect()
}

/// Returns what the response code of a status offers (`OK [CAPABILITY IMAP4rev1 …] …`); none where it speaks of something else.
pub fn offered(information: &[u8]) -> Option<Vec<String>> {
    let words = code(information)?.to_ascii_uppercase();
    let mut words = words.split_ascii_whitespace();
    (words.next() == Some("CAPABILITY")).then(|| words.take(MOST_CAPABILITIES).map(str::to_string).collect())
}

/// Whether the server says that it closes the connection; with its words.
pub fn bye(line: &[u8]) -> Option<&[u8]> {
    is_about(line, "BYE").then(|| line.get(5..)).flatten()
}

/// What a FETCH response says of one message.
#[derive(Debug, Default)]
pub struct Item {
    pub uid: Option<u32>,
    pub size: Option<u64>,
    /// Seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    sections: Vec<Section>,
    pub structure: Option<BodyStructure<'static>>,
}

/// One BODY section of a FETCH response.
#[derive(Debug)]
struct Section {
    /// As asked for, such as `1.2.MIME`; empty for the whole.
    name: String,
    content: Content,
}

/// Where a section's bytes are.
#[derive(Debug)]
enum Content {
    Nil,
    /// At this place in the response: bodies are not copied.
    Literal(Range<usize>),
    /// Out of a quoted string.
    Quoted(Vec<u8>),
}

/// A section that was looked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Bytes(Vec<u8>),
    Nil,
    Absent,
}

impl Item {
    /// Takes a section out of the response that the item was read from.
    pub fn take(self, name: &str, mut line: Vec<u8>) -> Taken {
        match self.sections.into_iter().find(|section| section.name == name).map(|section| section.content) {
            Some(Content::Literal(range)) => {
                line.truncate(range.end);
                line.drain(..range.start.min(line.len()));
                Taken::Bytes(line)
            }
            Some(Content::Quoted(bytes)) => Taken::Bytes(bytes),
            Some(Content::Nil) => Taken::Nil,
            None => Taken::Absent,
        }
    }

    /// Takes all sections, with their names.
    pub fn into_sections(self, line: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.sections.into_iter().map(|section| {
            let bytes = match section.content {
                Content::Literal(range) => line.get(range).unwrap_or_default().to_vec(),
                Content::Quoted(bytes) => bytes,
                Content::Nil => Vec::new(),
            };
            (section.name, bytes)
        })
    }
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
            // A part of a section counts as the section: only its beginning is ever asked for.
            AttributeValue::BodySection { section, index: None | Some(0), data } => {
                let name = section.as_ref().map(section_name).unwrap_or_default();
                item.sections.push(Section { name, content: content(line, data.as_deref()) });
            }
            _ => {}
        }
    }
    Some(item)
}

/// The parser lends the bytes between quotation marks as they are, and does not tell them from those of a literal; what
/// stands before them does.
fn content(line: &[u8], data: Option<&[u8]>) -> Content {
    let Some(data) = data else { return Content::Nil };
    let start = (data.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    let range = start..start.saturating_add(data.len());
    match line.get(start.wrapping_sub(1)) {
        Some(b'\n') if range.end <= line.len() => Content::Literal(range),
        _ => Content::Quoted(unescaped(data)),
    }
}

/// Takes the backslashes off quoted characters (RFC 3501, section 9: QUOTED-CHAR).
pub fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter();
    while let Some(byte) = rest.next() {
        bytes.push(if *byte == b'\\' { *rest.next().unwrap_or(byte) } else { *byte });
    }
    bytes
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

/// What an untagged response says to a search whose numbers were taken out of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Searched {
    /// It is the answer.
    Answered,
    /// It is an answer with ranges (RFC 4731), such as `1:3,7`; empty when nothing was found.
    Ranges(String),
    Unreadable,
    Other,
}

/// Reads what is left of a SEARCH response, or an ESEARCH response.
pub fn searched(line: &[u8]) -> Searched {
    if is_about(line, "ESEARCH") {
        let Ok(text) = std::str::from_utf8(line) else { return Searched::Unreadable };
        let mut words = text.split_ascii_whitespace();
        let ranges = words.by_ref().find(|word| word.eq_ignore_ascii_case("ALL")).and_then(|_| words.next());
        return Searched::Ranges(ranges.unwrap_or_default().to_string());
    }
    if !is_about(line, "SEARCH") {
        return Searched::Other;
    }
    // RFC 7162, section 3.1.5: a modification sequence may stand behind the numbers.
    let rest = line["* SEARCH".len()..].trim_ascii();
    let is_sequence = |rest: &[u8]| rest.to_ascii_uppercase().starts_with(b"(MODSEQ ") && rest.ends_with(b")");
    if rest.is_empty() || is_sequence(rest) { Searched::Answered } else { Searched::Unreadable }
}

/// Reads ranges such as `1:3,7` and hands them on as first and last; none when they cannot be read.
pub fn ranges(text: &str) -> Option<Vec<(u32, u32)>> {
    let range = |range: &str| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        Some((first.min(last), first.max(last)))
    };
    text.split(',').filter(|range| !range.is_empty()).map(range).collect()
}

/// Reads one mailbox of a LIST response; none for a name that holds no messages. One that cannot be read is shown escaped: that it
/// is there must not be hidden.
pub fn listed(line: &[u8]) -> Option<String> {
    mailbox(line).filter(|(attributes, _)| !has(attributes, "\\Noselect")).map(|(_, name)| name)
}

/// The same, only for the mailbox of what was sent (RFC 6154, section 2).
pub fn listed_as_sent(line: &[u8]) -> Option<String> {
    mailbox(line).filter(|(attributes, _)| !has(attributes, "\\Noselect") && has(attributes, "\\Sent")).map(|(_, name)| name)
}

fn has(attributes: &[u8], wanted: &str) -> bool {
    attributes.split(u8::is_ascii_whitespace).any(|word| word.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Reads attributes and name of a LIST response, as servers write them: also a name with blanks and no quotation marks, or one in
/// UTF-8 or in no charset at all.
fn mailbox(line: &[u8]) -> Option<(&[u8], String)> {
    if !is_about(line, "LIST ") {
        return None;
    }
    let rest = line["* LIST ".len()..].trim_ascii();
    let unreadable = |rest: &[u8]| (b"".as_slice(), shown(rest));
    let Some(end) = rest.strip_prefix(b"(").and_then(|rest| memchr::memchr(b')', rest)) else { return Some(unreadable(rest)) };
    let (attributes, rest) = (&rest[1..=end], rest[end + 2..].trim_ascii_start());
    // The delimiter: a quoted character, or NIL.
    let delimiter = match rest.strip_prefix(b"\"") {
        Some(behind) => 1 + quoted_length(behind),
        None => rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len()),
    };
    let name = rest.get(delimiter..).unwrap_or_default().trim_ascii_start();
    if name.is_empty() {
        return Some((attributes, unreadable(rest).1));
    }
    let bytes = match name {
        [b'"', quoted @ ..] => unescaped(quoted.strip_suffix(b"\"").unwrap_or(quoted)),
        [b'{', ..] => match memchr::memchr(b'\n', name) {
            Some(end) => name[end + 1..].to_vec(),
            None => name.to_vec(),
        },
        _ => name.to_vec(),
    };
    let name = match std::str::from_utf8(&bytes) {
        Ok(wire) => super::name::decode(wire),
        Err(_) => shown(&bytes),
    };
    Some((attributes, name))
}

/// Writes bytes that are no text so that they can be told apart.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
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
    fn a_fetch_response_with_literals_quoted_strings_and_nil() {
        let line = b"* 3 FETCH (UID 7 RFC822.SIZE 12 BODY[1.MIME] {3}\r\nabc BODY[1] \"x\\\"y\\\\\" BODY[2] \"\" BODY[] NIL)\r\n";
        let read = || item(line).expect("it is well-formed");
        assert_eq!((read().uid, read().size), (Some(7), Some(12)));
        for (name, taken) in [
            ("1.MIME", Taken::Bytes(b"abc".to_vec())),
            ("1", Taken::Bytes(b"x\"y\\".to_vec())),
            ("2", Taken::Bytes(Vec::new())),
            ("", Taken::Nil),
            ("9", Taken::Absent),
        ] {
            assert_eq!(read().take(name, line.to_vec()), taken, "{name}");
        }
    }

    #[test]
    fn what_breaks_the_parser_cannot_be_read() {
        assert!(item(b"* 3 FETCH (UID 7 INTERNALDATE NIL)\r\n").is_none());
        assert!(item(b"* 3 FETCH (UID 7 BODY[] {18}\r\nINTERNALDATE NIL\r\n)\r\n").is_some());
        let deep = |deep: usize| format!("* 3 FETCH (UID 7 BODYSTRUCTURE {}\r\n", "(".repeat(deep));
        assert!(item(deep(1_000_000).as_bytes()).is_none());
        let hidden = format!("* 3 FETCH (BODY[1] \"\\\")))\" BODY[2] {{4}}\r\n))\") BODYSTRUCTURE {}\r\n", "(".repeat(200));
        assert!(is_too_deep(hidden.as_bytes()));
        assert!(!is_too_deep(b"* 3 FETCH (BODY[] {300}\r\n((((("));
    }

    #[test]
    fn a_structure_as_deep_as_it_may_be_is_read_in_no_time() {
        let text = r#"("text" "plain" NIL NIL NIL "7bit" 2 1)"#;
        let multipart = |inner: String| format!(r#"({inner} "mixed")"#);
        let envelope = r#"(NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)"#;
        let message = |inner: String| format!(r#"("message" "rfc822" NIL NIL NIL "7bit" 9 {envelope} {inner} 1)"#);
        let started = std::time::Instant::now();
        for (broken, wrap) in [(false, true), (true, true), (false, false), (true, false)] {
            let core = if broken { text.replace("7bit\" 2", "7bit\" x") } else { text.to_string() };
            let deep = (0..DEEPEST - 3).fold(core, |inner, _| if wrap { multipart(inner) } else { message(inner) });
            let line = format!("* 1 FETCH (UID 1 BODYSTRUCTURE {deep})\r\n");
            assert!(!is_too_deep(line.as_bytes()));
            assert_eq!(item(line.as_bytes()).is_none(), broken, "{wrap}");
        }
        let extension = format!(
            "* 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 2 1 NIL NIL NIL NIL {}x))\r\n",
            "(".repeat(90)
        );
        assert!(item(extension.as_bytes()).is_none());
        assert!(started.elapsed() < std::time::Duration::from_secs(1), "{:?}", started.elapsed());
    }

    #[test]
    fn fetch_4_a_listed_name_may_have_quotation_marks() {
        assert_eq!(listed(b"* LIST (\\HasNoChildren) \"/\" \"a\\\"b\\\\c\"\r\n").as_deref(), Some("a\"b\\c"));
        assert_eq!(listed(b"* LIST () \"/\" {3}\r\na\"b\r\n").as_deref(), Some("a\"b"));
        assert_eq!(listed(b"* LIST (\\Noselect) NIL x\r\n"), None);
    }

    #[test]
    fn send_7_the_sent_mailbox_is_known_by_what_the_server_says_of_it() {
        let line = b"* LIST (\\HasNoChildren \\Sent) \"/\" \"Entw&APw-rfe\"\r\n";
        assert_eq!(listed_as_sent(line).as_deref(), Some("Entwürfe"));
        assert_eq!(listed_as_sent(b"* LIST (\\sent) \"/\" S\r\n").as_deref(), Some("S"));
        assert_eq!(listed_as_sent(b"* LIST (\\Noselect \\Sent) \"/\" Sent\r\n"), None);
        assert_eq!(listed_as_sent(b"* LIST () \"/\" Sent\r\n"), None, "its name alone says nothing");
    }

    #[test]
    fn fetch_4_names_that_cannot_be_read_are_shown_escaped_and_not_left_out() {
        for (line, name) in [
            (b"* LIST (\\HasNoChildren) \"/\" Sent Items\r\n".as_slice(), "Sent Items"),
            ("* LIST () \"/\" \"Entwürfe\"\r\n".as_bytes(), "Entwürfe"),
            (b"* LIST () NIL \"Entw\xfcrfe\"\r\n", r"Entw\xfcrfe"),
            (b"* list () \"\\\\\" {2}\r\n\xff\x1b\r\n", r"\xff\x1b"),
            (b"* LIST what is this\r\n", "what is this"),
            (b"* LIST () \"/\"\r\n", r#"\"/\""#),
        ] {
            assert_eq!(listed(line).as_deref(), Some(name), "{}", line.escape_ascii());
        }
        assert_eq!(listed(b"* LSUB () NIL x\r\n"), None);
    }

    #[test]
    fn fetch_6_response_codes_count_whatever_the_words_are() {
        let ended = |line: &'static [u8]| ending(line, "e1").and_then(|ending| ending.code());
        assert_eq!(ended(b"e1 NO [Unavailable] st\xf6rung\r\n").as_deref(), Some("UNAVAILABLE"));
        assert_eq!(ended(b"e1 NO st\xf6rung [SERVERBUG]\r\n"), None);
        assert_eq!(ended(b"e1 BAD [\xff] x\r\n"), None);
    }

    #[test]
    fn fetch_3_answers_to_a_search() {
        for (line, answer) in [
            ("* SEARCH\r\n", Searched::Answered),
            ("* SEARCH \r\n", Searched::Answered),
            ("* SEARCH (MODSEQ 917)\r\n", Searched::Answered),
            ("* SEARCH x\r\n", Searched::Unreadable),
            ("* ESEARCH (TAG \"e5\") UID ALL 1:3,7\r\n", Searched::Ranges("1:3,7".to_string())),
            ("* ESEARCH (TAG \"e5\") UID\r\n", Searched::Ranges(String::new())),
            ("* 3 EXISTS\r\n", Searched::Other),
        ] {
            assert_eq!(searched(line.as_bytes()), answer, "{line}");
        }
        assert_eq!(ranges("3:1,7"), Some(vec![(1, 3), (7, 7)]));
        assert_eq!((ranges(""), ranges("1:x")), (Some(Vec::new()), None));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(line in "\\* 1 FETCH \\([ A-Z()\"{}0-9\\\\\\[\\]]{0,60}\\)?\r\n") {
            let _ = (item(line.as_bytes()), searched(line.as_bytes()), listed(line.as_bytes()));
            let list = line.replacen("1 FETCH", "LIST", 1);
            let _ = (listed(list.as_bytes()), listed_as_sent(list.as_bytes()), ranges(&line));
        }
    }
}
