//! Header fields: folded, encoded (RFC 2047, RFC 2231) and free of everything that could begin another field.

use std::fmt::Write;

use email_encoding::headers::writer::EmailWriter;
use email_encoding::headers::{rfc2047, rfc2231};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;

use super::address::checked;
use super::check::{check_value, wrong};
use crate::mail::Address;

/// Where a line is folded, in bytes (RFC 5322, section 2.1.1).
const LINE: usize = 76;
/// The longest word that stays as it is.
const WORD: usize = 900;

/// The header of a message or of a part, line by line.
#[derive(Default)]
pub struct Header(String);

impl Header {
    /// Writes a value that is ours and needs no encoding.
    pub fn raw(&mut self, name: &str, value: &str) {
        self.0.push_str(name);
        self.0.push_str(": ");
        self.0.push_str(value);
        self.0.push_str("\r\n");
    }

    /// Writes free text.
    pub fn text(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        check_value(name, value)?;
        let start = name.len() + 2;
        let value = if is_plain(value) { folded(value.split(' '), start) } else { encoded(value, start)? };
        self.raw(name, &value);
        Ok(())
    }

    /// Writes addresses; a field of none is left out.
    pub fn addresses(&mut self, name: &str, addresses: &[Address]) -> anyhow::Result<()> {
        if addresses.is_empty() {
            return Ok(());
        }
        let last = addresses.len() - 1;
        let mut words = Vec::with_capacity(addresses.len() * 2);
        for (at, address) in addresses.iter().enumerate() {
            let comma = if at == last { "" } else { "," };
            let written = checked(name, address)?;
            check_value(name, &address.name)?;
            match display_name(address.name.trim(), name)? {
                display if display.is_empty() => words.push(format!("{written}{comma}")),
                display => words.extend([display, format!("<{written}>{comma}")]),
            }
        }
        self.raw(name, &folded(words.iter().map(String::as_str), name.len() + 2));
        Ok(())
    }

    /// Writes Message-IDs; a field of none is left out.
    pub fn ids(&mut self, name: &str, ids: &[String]) -> anyhow::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        if let Some(id) = ids.iter().find(|id| !is_id(id)) {
            let shown: String = id.chars().take(80).collect();
            return Err(wrong(format!("{name}: {shown:?} is no id")));
        }
        let ids: Vec<String> = ids.iter().map(|id| format!("<{id}>")).collect();
        self.raw(name, &folded(ids.iter().map(String::as_str), name.len() + 2));
        Ok(())
    }

    /// Writes a time (RFC 5322, section 3.3).
    pub fn date(&mut self, name: &str, seconds: i64) -> anyhow::Result<()> {
        let time = Timestamp::from_second(seconds).map_err(|_| wrong(format!("{name}: {seconds} is no time")))?;
        let written = DateTimePrinter::new().zoned_to_string(&time.to_zoned(TimeZone::UTC));
        self.raw(name, &written.map_err(|_| wrong(format!("{name}: {seconds} is no time of a letter")))?);
        Ok(())
    }

    /// Writes a value with one parameter of free text.
    pub fn with_parameter(&mut self, name: &str, value: &str, key: &str, parameter: &str) -> anyhow::Result<()> {
        check_value(name, parameter)?;
        let start = name.len() + 2 + value.len() + 2;
        let mut written = String::new();
        rfc2231::encode(key, parameter, &mut EmailWriter::new(&mut written, start, 0, false))?;
        // The encoder breaks the line itself where it needs more than one.
        let space = if written.starts_with("\r\n") { "" } else { " " };
        self.raw(name, &format!("{value};{space}{written}"));
        Ok(())
    }

    /// Writes what there is, with the empty line that ends it.
    pub fn close(self, out: &mut String) {
        out.push_str(&self.0);
        out.push_str("\r\n");
    }

    /// Returns what there is; more fields follow.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Whether an id can stand between angle brackets: visible ASCII, in one word (RFC 5322, section 3.6.4).
pub fn is_id(id: &str) -> bool {
    (1..=WORD).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>')
}

/// Whether a text can stand as it is: folding keeps single spaces only, and what looks encoded would be decoded.
fn is_plain(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    is_visible && !text.contains("=?") && text.split(' ').all(|word| (1..=WORD).contains(&word.len())) || text.is_empty()
}

/// Sets words one after the other, with a line break before one that would make its line too long.
fn folded<'w>(words: impl Iterator<Item = &'w str>, start: usize) -> String {
    let mut text = String::new();
    let mut length = start;
    for (at, word) in words.enumerate() {
        let first_line = word.lines().next().unwrap_or_default();
        if at > 0 && length + 1 + first_line.len() > LINE {
            text.push_str("\r\n");
            length = 0;
        }
        if at > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length = match word.rfind('\n') {
            Some(end) => word.len() - end - 1,
            None => length + word.len(),
        };
    }
    text
}

fn encoded(text: &str, start: usize) -> anyhow::Result<String> {
    let mut written = String::new();
    rfc2047::encode(text, &mut EmailWriter::new(&mut written, start.min(LINE - 40), 0, false))?;
    Ok(written)
}

/// Writes a display name: as it is, in quotes, or encoded (RFC 5322, section 3.2.5).
fn display_name(name: &str, field: &str) -> anyhow::Result<String> {
    if !is_plain(name) {
        // Encoded words begin on any line, so the first one is made to fit on the longest.
        return encoded(name, field.len() + 2);
    }
    let is_atoms = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&byte));
    if is_atoms {
        return Ok(name.to_string());
    }
    let mut quoted = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    write!(quoted, "\"")?;
    Ok(format!("\"{quoted}"))
}
