//! Content lines of a calendar (RFC 5545, section 3.1): unfolded, taken apart into name, parameters and value.

use jiff::civil::DateTime;

use super::super::shorter;

/// The longest content line that is read, in bytes; the rest of a longer one is left out.
const LONGEST: usize = 16 << 10;

/// The longest text that is kept, in characters.
pub const KEPT: usize = 1_000;

/// One content line.
pub struct Property {
    /// In upper case.
    pub name: String,
    /// Names in upper case.
    parameters: Vec<(String, String)>,
    /// As it stands.
    pub value: String,
}

impl Property {
    /// Returns the value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value with its escapes read (RFC 5545, section 3.3.11).
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut characters = self.value.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => match characters.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(other) => text.push(other),
                    None => text.push('\\'),
                },
                _ => text.push(c),
            }
        }
        text
    }
}

/// Undoes the folds of a calendar, byte by byte: a fold may stand inside a character.
pub fn unfolded(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let is_fold = matches!(rest.get(end + 1), Some(b' ' | b'\t'));
        if is_fold {
            whole.extend_from_slice(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]));
        } else {
            whole.extend_from_slice(&rest[..=end]);
        }
        rest = &rest[end + if is_fold { 2 } else { 1 }..];
    }
    whole.extend_from_slice(rest);
    whole
}

/// Returns the content lines of a text that has been unfolded; what is none is left out.
pub fn properties(text: &str) -> impl Iterator<Item = Property> {
    text.lines().filter_map(|line| property(shorter(line, LONGEST)))
}

fn property(line: &str) -> Option<Property> {
    let line = line.trim_start_matches('\u{FEFF}');
    let end = line.find([':', ';'])?;
    let (name, mut rest) = line.split_at(end);
    let name = name.trim().to_ascii_uppercase();
    // Names of zones with colons in them, which belong into quotes: a time has none.
    let is_time = matches!(name.as_str(), "DTSTART" | "DTEND" | "RECURRENCE-ID");
    let last = rest.rfind(':').filter(|_| is_time);
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(';') {
        let (key, behind) = parameter.split_once('=')?;
        let (value, behind) = match behind.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some(quoted) => quoted,
            None if last.is_some() => {
                let end = behind.find(';').or_else(|| behind.rfind(':'))?;
                behind.split_at(end)
            }
            None => behind.split_at(behind.find([':', ';'])?),
        };
        parameters.push((key.trim().to_ascii_uppercase(), unescaped(value)));
        // A list of values: the first one counts.
        rest = behind.get(behind.find([':', ';'])?..)?;
    }
    let value = rest.strip_prefix(':')?;
    Some(Property { name, parameters, value: value.to_string() })
}

/// RFC 6868: how a parameter says what it must not contain.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        let meant = match (c, characters.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('\'')) => '"',
            ('^', Some('^')) => '^',
            _ => {
                text.push(c);
                continue;
            }
        };
        characters.next();
        text.push(meant);
    }
    text
}

pub fn date_time(value: &str) -> Option<DateTime> {
    DateTime::strptime("%Y%m%dT%H%M%S", value).ok()
}

/// Returns a text with its lines, no longer than anybody reads.
pub fn kept_lines(text: &str) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.replace("\r\n", "\n").chars().take(4 * KEPT).map(clean).collect::<String>().trim().to_string()
}

/// Returns a text on one line, no longer than anybody writes.
pub fn kept(text: &str) -> String {
    let text: String = text.chars().take(KEPT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
