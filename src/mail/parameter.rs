//! Fields of a value and parameters (RFC 2045, RFC 2183), as senders write them: folded anywhere, without quotes around
//! spaces and semicolons, with quotes inside quotes, in pieces (RFC 2231), in encoded words, with a semicolon left out.

use super::words::Words;
use super::{charset, words};

/// The most parameters of one field.
const PARAMETERS: usize = 200;
/// The longest name of a parameter, in bytes.
const NAME: usize = 60;
/// Parameters before which a semicolon may be missing.
const KNOWN: [&str; 16] = [
    "boundary",
    "charset",
    "name",
    "filename",
    "type",
    "start",
    "format",
    "delsp",
    "size",
    "method",
    "report-type",
    "protocol",
    "micalg",
    "smime-type",
    "creation-date",
    "modification-date",
];

/// A value with its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// What stands before the first parameter.
    pub value: String,
    /// In order; names in lower case, with the marks of RFC 2231.
    list: Vec<(String, String)>,
}

impl Parameters {
    /// Reads a field.
    pub fn read(field: &[u8], fallback: Option<&str>) -> Self {
        let text = readable(field, fallback);
        let mut reader = Reader { text: &text, at: 0, words: Words::of(text.as_bytes()) };
        let value = reader.value();
        let mut list = Vec::new();
        while list.len() < PARAMETERS
            && let Some(parameter) = reader.parameter()
        {
            list.extend(parameter.filter(|(_, value)| !value.is_empty()));
        }
        Self { value, list }
    }

    /// Returns the first parameter of a name as it stands.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.list.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// How often a parameter stands there.
    pub fn count(&self, name: &str) -> usize {
        self.list.iter().filter(|(other, _)| other == name).count()
    }

    /// Returns a parameter that is one word, without comments.
    pub fn token(&self, name: &str) -> Option<String> {
        let value = self.text(name)?;
        let value =
            value.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().trim_matches(['"', '\'', ';', ',']);
        (!value.is_empty()).then(|| value.to_string())
    }

    /// Returns a parameter as text: the extended form before the pieces, the pieces before the plain form, which is what
    /// those get who know no better (RFC 6266, section 4.3; RFC 2231).
    pub fn text(&self, name: &str) -> Option<String> {
        let forms = [self.get(&format!("{name}*")).map(|value| extended(value.as_bytes().to_vec())), self.joined(name)];
        let form = forms.into_iter().flatten().find(|text| !text.trim().is_empty());
        form.or_else(|| self.get(name).map(|value| words::decode(value.as_bytes(), None)))
    }

    /// Puts the pieces of RFC 2231, section 3, together before they are decoded.
    fn joined(&self, name: &str) -> Option<String> {
        let mut pieces: Vec<(u32, bool, &str)> = Vec::new();
        for (other, value) in &self.list {
            let Some(mark) = other.strip_prefix(name).and_then(|rest| rest.strip_prefix('*')) else { continue };
            let (place, is_extended) = mark.strip_suffix('*').map_or((mark, false), |place| (place, true));
            if let Ok(place) = place.parse::<u32>()
                && !pieces.iter().any(|(other, ..)| *other == place)
            {
                pieces.push((place, is_extended, value));
            }
        }
        pieces.sort_by_key(|(place, ..)| *place);
        let (_, first_is_extended, first) = *pieces.first()?;
        // Some write `utf-8''` and codes without the asterisk that says so.
        let is_unmarked = has_charset(first) && pieces.iter().any(|(.., value)| value.contains('%'));
        if !first_is_extended && !is_unmarked {
            let whole: String = pieces.iter().map(|(.., value)| *value).collect();
            if pieces.iter().all(|(_, is_extended, _)| !is_extended) {
                return Some(words::decode(whole.as_bytes(), None));
            }
        }
        let mut bytes = Vec::new();
        for (_, is_extended, value) in &pieces {
            // What is not extended has no codes: a percent sign in it is one.
            let value = if *is_extended || !first_is_extended { (*value).to_string() } else { value.replace('%', "%25") };
            bytes.extend_from_slice(value.as_bytes());
        }
        Some(extended(bytes))
    }
}

/// Returns a field on one line, with its encoded words as they stand and all else as text.
pub fn readable(field: &[u8], fallback: Option<&str>) -> String {
    let text = charset::header(&charset::mended_words(field), fallback);
    if !text.contains(|c: char| c.is_control()) {
        return text;
    }
    // A fold is the white space behind it (RFC 5322, section 2.2.3).
    text.chars().filter(|c| !matches!(c, '\r' | '\n')).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a value begins like `utf-8''` or `iso-8859-1'en'`.
fn has_charset(value: &str) -> bool {
    let mut parts = value.splitn(3, '\'');
    parts.next().is_some_and(charset::is_known) && parts.next().is_some() && parts.next().is_some()
}

/// Reads `utf-8'de'M%C3%A4rz.pdf` (RFC 2231, section 4); without a charset it is UTF-8 or what looks like it.
fn extended(value: Vec<u8>) -> String {
    let mut quotes = memchr::memchr_iter(b'\'', &value);
    let (name, text) = match (quotes.next(), quotes.next()) {
        (Some(first), Some(second)) if first <= NAME => (Some(&value[..first]), &value[second + 1..]),
        _ => (None, value.as_slice()),
    };
    let name = name.map(String::from_utf8_lossy).filter(|name| !name.is_empty());
    let bytes = without_percent(text);
    // RFC 2231 allows no encoded words; they mean themselves only in programs that write both.
    if bytes.is_ascii() && memchr::memmem::find(&bytes, b"=?").is_some() {
        return words::decode(&bytes, None);
    }
    charset::decode(&bytes, name.as_deref())
}

/// Reads the codes of a URL; what is none stands for itself.
pub fn without_percent(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        let code = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => bytes.push(*first),
        }
    }
    bytes
}

/// Where we are in a field.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    words: Words<'a>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads what stands before the first parameter, which may be missing.
    fn value(&mut self) -> String {
        self.skip(&[]);
        if self.name_at(self.at, false).is_some() {
            return String::new();
        }
        let end = self.rest().find([';', ' ', '\t']).unwrap_or(self.rest().len());
        let mut value = self.rest()[..end].to_string();
        self.at += end;
        // `text / plain`, and a comment behind it.
        loop {
            self.skip(&[]);
            let rest = self.rest();
            if rest.starts_with('(') {
                self.at += rest.find(')').map_or(rest.len(), |end| end + 1);
            } else if (rest.starts_with('/') || value.ends_with('/')) && !rest.is_empty() && !rest.starts_with(';') {
                let end = rest.find([';', ' ', '\t']).unwrap_or(rest.len());
                value.push_str(&rest[..end]);
                self.at += end;
            } else if rest.is_empty() || rest.starts_with(';') || value.contains('/') || self.name_at(self.at, true).is_some() {
                return value;
            } else {
                // No value that means anything.
                let end = rest.find(';').unwrap_or(rest.len());
                value = format!("{value} {}", &rest[..end]);
                self.at += end;
            }
        }
    }

    fn skip(&mut self, others: &[char]) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || others.contains(&c)).len();
    }

    /// Returns the name of a parameter that begins at a place, and where its value does.
    fn name_at(&self, place: usize, must_be_known: bool) -> Option<(String, usize)> {
        let rest = self.text.get(place..)?.trim_start();
        let start = self.text.len() - rest.len();
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_*.".contains(byte);
        let length = rest.bytes().take(NAME + 1).take_while(is_of_name).count();
        let name = rest.get(..length)?.to_ascii_lowercase();
        let behind = rest[length..].trim_start();
        if length == 0 || length > NAME || !behind.starts_with('=') || behind.starts_with("=?") {
            return None;
        }
        let base = name.split('*').next().unwrap_or_default();
        (!must_be_known || KNOWN.contains(&base)).then(|| (name, start + (rest.len() - behind.len()) + 1))
    }

    /// Reads a parameter; what is none is passed over.
    fn parameter(&mut self) -> Option<Option<(String, String)>> {
        self.skip(&[';', ',']);
        if self.rest().is_empty() {
            return None;
        }
        let Some((name, value)) = self.name_at(self.at, false).or_else(|| self.name_before_word()) else {
            let rest = self.rest();
            let end = rest.find(';').unwrap_or(rest.len());
            // A semicolon may be missing before this one.
            let next = rest[..end].match_indices(char::is_whitespace).map(|(at, _)| self.at + at);
            let next = next.take(NAME).find(|at| self.name_at(*at, true).is_some());
            self.at = next.unwrap_or(self.at + end);
            return Some(None);
        };
        self.at = value;
        self.skip(&[]);
        let value = if self.rest().starts_with('"') { self.quoted() } else { self.bare() };
        Some(Some((name, value)))
    }

    /// `name==?utf-8?…`: the first equals sign is ours.
    fn name_before_word(&self) -> Option<(String, usize)> {
        let rest = self.rest();
        let length = rest.bytes().take(NAME + 1).position(|byte| byte == b'=')?;
        let name = rest[..length].trim_end();
        let is_name = !name.is_empty()
            && name.len() <= NAME
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte));
        is_name.then(|| (name.to_ascii_lowercase(), self.at + length + 1))
    }

    /// Reads a value in quotes. A quote ends it where a parameter or the end follows; others are part of it.
    fn quoted(&mut self) -> String {
        let start = self.at + 1;
        let mut value = String::new();
        let mut at = start;
        while let Some(c) = self.text[at..].chars().next() {
            let next = at + c.len_utf8();
            let behind = &self.text[next..];
            match c {
                '\\' if behind.starts_with(['"', '\\']) => {
                    value.push_str(&behind[..1]);
                    at = next + 1;
                    continue;
                }
                '"' => {
                    let after = behind.trim_start();
                    let ends = after.is_empty() || after.starts_with([';', ',', '(']) || self.name_at(next, false).is_some();
                    if ends {
                        self.at = next;
                        return value;
                    }
                    value.push('"');
                }
                c => value.push(c),
            }
            at = next;
        }
        // No quote ends it: then the first semicolon before a parameter does.
        let rest = &self.text[start..];
        let end = rest.match_indices(';').map(|(at, _)| start + at).take(NAME).find(|at| self.name_at(at + 1, true).is_some());
        let end = end.unwrap_or(self.text.len());
        let value = self.text[start..end].trim_end().to_string();
        self.at = end;
        value
    }

    /// Reads a value without quotes, which may hold spaces and semicolons.
    fn bare(&mut self) -> String {
        let start = self.at;
        let (mut at, mut last) = (start, ';');
        while let Some(c) = self.text[at..].chars().next() {
            let next = at + c.len_utf8();
            let before = std::mem::replace(&mut last, c);
            if c == '='
                && let Some(word) = self.words.at(at)
            {
                at += word.length;
                continue;
            }
            let ends = match c {
                ';' => {
                    let behind = self.text[next..].trim_start();
                    // What follows is no parameter where it has no equals sign.
                    behind.is_empty() || behind.starts_with(';') || self.name_at(next, false).is_some() || !is_file_name(behind)
                }
                // Of several blanks the first one looks ahead.
                c if c.is_whitespace() => !before.is_whitespace() && self.name_at(next, true).is_some(),
                _ => false,
            };
            if ends {
                break;
            }
            at = next;
        }
        let value = self.text[start..at].trim_end_matches([' ', '\t', ';']).to_string();
        self.at = at;
        value
    }
}

/// Whether what stands behind a semicolon is the rest of a file name: it has an ending.
fn is_file_name(rest: &str) -> bool {
    let rest = rest.split(';').find(|part| !part.trim().is_empty()).unwrap_or_default().trim();
    rest.len() <= 255 && rest.rsplit_once('.').is_some_and(|(_, ending)| (1..=5).contains(&ending.len()) && !ending.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn parse_8_parameters_as_senders_write_them() {
        for (field, name) in [
            ("attachment; filename=report.pdf", "report.pdf"),
            ("attachment; filename=\r\n\treport.pdf", "report.pdf"),
            ("attachment;\r\n filename\r\n =\r\n \"report 2026.pdf\"", "report 2026.pdf"),
            ("attachment; filename=report 2026.pdf", "report 2026.pdf"),
            ("attachment; filename=report 2026.pdf; size=3", "report 2026.pdf"),
            ("attachment; filename=a;b.pdf", "a;b.pdf"),
            ("attachment; filename=a; b.pdf; size=17", "a; b.pdf"),
            ("attachment; filename=a.pdf;", "a.pdf"),
            ("attachment; filename=a.pdf; ; size=3;", "a.pdf"),
            ("attachment filename=\"a.pdf\"", "a.pdf"),
            ("attachment; size=3 filename=a.pdf", "a.pdf"),
            ("filename=\"a.pdf\"", "a.pdf"),
            ("; filename=\"a.pdf\"", "a.pdf"),
            ("attachment; FileName = \"a.pdf\"", "a.pdf"),
            ("attachment; filename=\"my \"old\" report.pdf\"", "my \"old\" report.pdf"),
            ("attachment; filename=\"my \"old\" report.pdf\"; size=3", "my \"old\" report.pdf"),
            ("attachment; filename=\"my \\\"old\\\" report.pdf\"", "my \"old\" report.pdf"),
            ("attachment; filename=\"C:\\temp\\a.pdf\"", "C:\\temp\\a.pdf"),
            ("attachment; filename=\"a.pdf; size=3", "a.pdf"),
            ("attachment; filename=\"a; b=c.pdf\"", "a; b=c.pdf"),
            ("attachment; filename=\"a.pdf\" size=3", "a.pdf"),
            ("attachment; filename=\"M_rz.pdf\"; filename*=UTF-8''M%C3%A4rz.pdf", "März.pdf"),
            ("attachment; filename*=UTF-8''M%C3%A4rz.pdf; filename=\"M_rz.pdf\"", "März.pdf"),
            ("attachment; filename*=\"UTF-8'de'M%C3%A4rz.pdf\"", "März.pdf"),
            ("attachment; filename*=iso-8859-1''M%E4rz.pdf", "März.pdf"),
            ("attachment; filename*=M%C3%A4rz.pdf", "März.pdf"),
            ("attachment; filename*=; filename=a.pdf", "a.pdf"),
            ("attachment; filename*0*=utf-8''a%C3; filename*1*=%BCb.pdf", "aüb.pdf"),
            ("attachment; filename*1*=%BCb.pdf; filename*0*=utf-8''a%C3", "aüb.pdf"),
            ("attachment; filename*0*=utf-8''M%C3%A4rz; filename*1=\" 100%25.pdf\"", "März 100%25.pdf"),
            ("attachment; filename*0=\"long \"; filename*1=\"name.pdf\"", "long name.pdf"),
            ("attachment; filename*0=\"utf-8''M%C3\"; filename*1=\"%A4rz.pdf\"", "März.pdf"),
            ("attachment; filename*0=\"=?utf-8?Q?M=C3\"; filename*1=\"=A4rz.pdf?=\"", "März.pdf"),
            ("attachment; filename=\"=?utf-8?Q?Rechnung_M=C3?=\r\n =?utf-8?Q?=A4rz.pdf?=\"", "Rechnung März.pdf"),
            ("attachment; filename==?utf-8?B?TcOkcnoucGRm?=", "März.pdf"),
            ("attachment; filename==?utf-8?Q?M=C3?=\r\n =?utf-8?Q?=A4rz;_1.pdf?=; size=3", "März; 1.pdf"),
            ("attachment; filename=\"M\u{e4}rz.pdf\"", "März.pdf"),
        ] {
            let read = Parameters::read(field.as_bytes(), None);
            assert_eq!(read.text("filename").as_deref(), Some(name), "{field}: {read:?}");
        }
        let raw = Parameters::read(b"attachment; filename=\"M\xe4rz im Garten.pdf\"", None);
        assert_eq!(raw.text("filename").as_deref(), Some("März im Garten.pdf"));
    }

    #[test]
    fn parse_8_values_and_tokens() {
        for (field, value, charset) in [
            ("text/plain; charset=utf-8", "text/plain", Some("utf-8")),
            ("text/plain charset=utf-8", "text/plain", Some("utf-8")),
            ("text/plain;charset=\"utf-8\" ; format=flowed", "text/plain", Some("utf-8")),
            ("text/plain; charset=us-ascii (Plain text)", "text/plain", Some("us-ascii")),
            ("text / html; charset =\r\n utf-8", "text/html", Some("utf-8")),
            ("text/plain (a; comment); charset=utf-8", "text/plain", Some("utf-8")),
            ("text/plain; charset=utf-8 format=flowed", "text/plain", Some("utf-8")),
            ("text/plain; x; charset=utf-8", "text/plain", Some("utf-8")),
            ("text/plain; charset='utf-8'", "text/plain", Some("utf-8")),
            ("text/plain; charset*=us-ascii'en'utf-8", "text/plain", Some("utf-8")),
            ("text/plain; charset=", "text/plain", None),
            ("", "", None),
            (";;;", "", None),
            ("=?utf-8?Q?=", "=?utf-8?Q?=", None),
        ] {
            let read = Parameters::read(field.as_bytes(), None);
            assert_eq!((read.value.as_str(), read.token("charset").as_deref()), (value, charset), "{field}");
        }
    }

    #[test]
    fn parse_2_hostile_parameters_cost_in_proportion() {
        let started = std::time::Instant::now();
        for hostile in
            ["a=", "a=\"", "a=b;", ";", "\"", "a=b ", "a=b; c", "=?x?Q?", "a*0=\"x\";", "a=x; b.c", "   ", "x name=", "\\"]
        {
            let field = format!("text/plain; {}", hostile.repeat(60_000));
            Parameters::read(field.as_bytes(), None).text("a");
            let quoted = format!("text/plain; a=\"{}", hostile.repeat(60_000));
            Parameters::read(quoted.as_bytes(), None).text("a");
        }
        assert!(started.elapsed().as_secs() < 8, "{:?}", started.elapsed());
    }
}
