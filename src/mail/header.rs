//! Header fields. [`Head`] is the one reader of them: text, addresses, ids, dates and parameters are read from the bytes as
//! they stand, each by the room that knows its form.

use std::borrow::Cow;
use std::ops::Range;

use super::parameter::{self, Parameters};
use super::transfer::Encoding;
use super::{Address, address, charset, date, words};

/// A Message-ID longer than this is remembered by its digest (RFC 5322 allows 998 octets a line, databases less a key).
const LONGEST_ID: usize = 255;

/// The header of a message or of a part.
#[derive(Default)]
pub struct Head<'a> {
    block: Cow<'a, [u8]>,
    fields: Vec<(Range<usize>, Range<usize>)>,
    /// The charset in which raw 8-bit text is tried first (PARSE-3).
    pub charset: Option<String>,
    pub content_type: Option<Parameters>,
    pub disposition: Option<Parameters>,
}

impl<'a> Head<'a> {
    pub fn read(block: impl Into<Cow<'a, [u8]>>) -> Self {
        let block = block.into();
        let fields = places(&block).collect();
        let mut head = Self { block, fields, ..Self::default() };
        head.content_type = head.parameters("Content-Type");
        head.disposition = head.parameters("Content-Disposition");
        head
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns every value of a field as it stands, in order.
    pub fn values<'s>(&'s self, name: &'s str) -> impl DoubleEndedIterator<Item = &'s [u8]> {
        let is_it = |place: &Range<usize>| self.block[place.clone()].eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(move |(place, _)| is_it(place)).map(|(_, value)| &self.block[value.clone()])
    }

    /// Returns every value of a field as it stands, each on one line.
    pub fn raw<'s>(&'s self, name: &'s str) -> impl DoubleEndedIterator<Item = String> {
        self.values(name).map(|value| words::one_line(&charset::header(value, self.charset.as_deref())))
    }

    pub fn count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    /// Returns the decoded text of the first such field; empty when there is none.
    pub fn text(&self, name: &str) -> String {
        self.values(name).next().map(|value| self.decoded(value)).unwrap_or_default()
    }

    fn decoded(&self, value: &[u8]) -> String {
        words::one_line(&words::decode(value, self.charset.as_deref()))
    }

    /// Returns the addresses of all such fields, groups flattened, in order; at most `room`, which shrinks.
    pub fn addresses(&self, name: &str, room: &mut usize) -> Vec<Address> {
        let lists = self.values(name).map(|value| parameter::readable(value, self.charset.as_deref()));
        lists.flat_map(|list| address::list(&list, room)).collect()
    }

    /// Returns every Message-ID of every such field, without angle brackets, each once, in order. Old programs put it into
    /// encoded words, leave out the brackets or fold it in two.
    pub fn ids(&self, name: &str) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let mut ids = Vec::new();
        for value in self.values(name) {
            let text = self.decoded(value);
            for id in ids_in(&text).map(|id| id_of(&id)).filter(|id| !id.is_empty()) {
                if seen.insert(id.clone()) {
                    ids.push(id);
                }
            }
        }
        ids
    }

    /// Returns the date of the last such field; none inside where it cannot be read.
    pub fn date(&self, name: &str) -> Option<Option<i64>> {
        self.values(name).next_back().map(|value| date::read(&self.decoded(value)))
    }

    /// Of two such fields the last one counts (PARSE-11).
    fn parameters(&self, name: &str) -> Option<Parameters> {
        self.values(name).next_back().map(|value| Parameters::read(value, None))
    }

    /// Whether its Content-Type is such.
    pub fn is(&self, media_type: &str) -> bool {
        self.content_type.as_ref().is_some_and(|content_type| content_type.value.eq_ignore_ascii_case(media_type))
    }

    /// Returns a parameter of its Content-Type that is one word.
    pub fn token(&self, name: &str) -> Option<String> {
        self.content_type.as_ref()?.token(name)
    }

    /// How the bytes of the body are written.
    pub fn encoding(&self) -> Encoding {
        Encoding::named(self.values("Content-Transfer-Encoding").next_back().unwrap_or_default())
    }

    /// Whether the body is declared a file; what is neither that nor inline counts as one (RFC 2183, section 2.8).
    pub fn is_file(&self) -> bool {
        self.disposition.as_ref().is_some_and(|disposition| {
            let kind = disposition.value.trim_matches(['"', '\'']);
            let is_token = kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            is_token && !kind.is_empty() && !kind.eq_ignore_ascii_case("inline")
        })
    }

    /// Returns the name of the file, as it is given.
    pub fn file_name(&self) -> Option<String> {
        let given =
            |parameters: &Option<Parameters>, name: &str| parameters.as_ref()?.text(name).filter(|name| !name.trim().is_empty());
        let names = [(&self.disposition, "filename"), (&self.content_type, "name"), (&self.disposition, "name")];
        names.into_iter().find_map(|(parameters, name)| given(parameters, name))
    }

    /// Returns the Content-ID without angle brackets.
    pub fn content_id(&self) -> Option<String> {
        let id = self.text("Content-ID");
        Some(id.trim_matches(['<', '>', ' ', '"']).to_string()).filter(|id| !id.is_empty())
    }

    /// Returns where the part says it was taken from (RFC 2557).
    pub fn content_location(&self) -> Option<String> {
        let location: String = self.text("Content-Location").split_whitespace().collect();
        Some(location.trim_matches(['<', '>', '"']).to_string()).filter(|location| !location.is_empty())
    }
}

/// Tells ids apart: what stands in angle brackets, and what has an `@` and stands in none.
fn ids_in(text: &str) -> impl Iterator<Item = String> {
    let mut ids: Vec<String> = Vec::new();
    let mut outside = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        outside.push_str(before);
        outside.push(' ');
        // The end may have got lost.
        let end = behind.find(['<', '>']).unwrap_or(behind.len());
        ids.push(behind[..end].split_whitespace().collect());
        rest = behind[end..].trim_start_matches('>');
    }
    outside.push_str(rest);
    if ids.iter().all(String::is_empty) {
        let words = || outside.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        ids = words().filter(|word| word.contains('@')).map(str::to_string).collect();
        if ids.is_empty() {
            ids.extend(words().next().map(str::to_string));
        }
    }
    ids.into_iter()
}

fn id_of(text: &str) -> String {
    let id = charset::without_nul(text.trim());
    if id.len() > LONGEST_ID {
        return format!("blake3:{}", super::hex(&super::digest(id.as_bytes())));
    }
    id.into_owned()
}

/// Whether servers write a field, given in lower case, when they carry, check, pass on or fetch a message (RFC 5321, section 4.4).
pub fn is_trace(name: &str) -> bool {
    const WRITTEN: [&str; 14] = [
        "authentication-results",
        "delivered-to",
        "delivery-date",
        "envelope-to",
        "original-recipient",
        "received",
        "received-spf",
        "return-path",
        "x-apparently-to",
        "x-delivered-to",
        "x-envelope-to",
        "x-forwarded-to",
        "x-original-to",
        "x-received",
    ];
    const STARTS: [&str; 5] = ["arc-", "resent-", "x-fetchmail-", "x-ms-exchange-organization-", "x-ms-exchange-transport-"];
    WRITTEN.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}

/// Returns the header of a message: all before the first empty line (RFC 5322, section 2.1).
pub fn block(raw: &[u8]) -> &[u8] {
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| memchr::memmem::find(raw, end).map(|at| at + end.len() / 2));
    &raw[..ends.into_iter().flatten().min().unwrap_or(raw.len())]
}

/// Returns every field of a header block as (name, value as it stands, still folded), in order. What is no field is left out.
pub fn fields(block: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    places(block).filter_map(|(name, value)| Some((std::str::from_utf8(block.get(name)?).ok()?, block.get(value)?)))
}

/// Returns where the names and values of a header block stand.
fn places(block: &[u8]) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < block.len() {
            let (start, rest) = (at, &block[at..]);
            // A field goes on over lines that begin with white space (RFC 5322, section 2.2.3).
            let mut ends = memchr::memchr_iter(b'\n', rest).map(|end| end + 1);
            let end = ends.find(|end| !matches!(rest.get(*end), Some(b' ' | b'\t'))).unwrap_or(rest.len());
            at += end;
            if let Some(length) = name_of(&rest[..end]) {
                let colon = length + memchr::memchr(b':', &rest[length..end])?;
                return Some((start..start + length, start + colon + 1..at));
            }
        }
        None
    })
}

/// Returns how long the name of a field is, where a line is one. White space may stand before the colon (RFC 5322, section 4.5).
pub fn name_of(line: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name.len())
}

/// Decodes the value of a field: unfolded, encoded words (RFC 2047) and raw 8-bit text read.
pub fn decoded(value: &[u8]) -> String {
    words::one_line(&words::decode(value, None))
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
