//! Header fields, which lettre writes: what is said of others is checked first, so that nothing of it begins another field. Ready-made
//! it gets what it writes wrong: text that it leaves on one line or whose blanks it loses, and addresses, whose lists it does not fold
//! and whose names it encodes for a comma.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use email_encoding::headers::rfc2047;
use email_encoding::headers::writer::EmailWriter;
use lettre::message::header::{self, HeaderName, HeaderValue, Headers};

use super::address::checked;
use super::check::{check_value, wrong};
use crate::mail::Address;

/// The longest word that stays as it is.
const WORD: usize = 900;
/// The end of the year 9999, the last that a letter can have, in seconds since 1970.
const END: u64 = 253_402_300_800;

/// The header of a message.
#[derive(Default)]
pub struct Header(Headers);

impl Header {
    /// Writes a value that is ours and needs no encoding; it is folded where it is long.
    pub fn own(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        self.0.insert_raw(HeaderValue::new(named(name)?, value.to_string()));
        Ok(())
    }

    fn ready(&mut self, name: &str, value: String) -> anyhow::Result<()> {
        self.0.insert_raw(HeaderValue::dangerous_new_pre_encoded(named(name)?, String::new(), value));
        Ok(())
    }

    /// Writes free text.
    pub fn text(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        check_value(name, value)?;
        if is_plain(value) {
            return self.own(name, value);
        }
        let mut written = String::new();
        rfc2047::encode(value, &mut EmailWriter::new(&mut written, name.len() + 2, 0, false))?;
        self.ready(name, written)
    }

    /// Writes addresses; a field of none is left out.
    pub fn addresses(&mut self, name: &str, addresses: &[Address]) -> anyhow::Result<()> {
        let mut value = String::new();
        let mut out = EmailWriter::new(&mut value, name.len() + 2, 0, false);
        for (at, address) in addresses.iter().enumerate() {
            if at > 0 {
                out.write_str(", ")?;
            }
            let written = checked(name, address)?;
            check_value(name, &address.name)?;
            match address.name.trim() {
                "" => out.folding().write_str(&written)?,
                display => {
                    display_name(display, &mut out)?;
                    out.space();
                    out.folding().write_str(&format!("<{written}>"))?;
                }
            }
        }
        drop(out);
        if value.is_empty() { Ok(()) } else { self.ready(name, value) }
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
        self.own(name, &ids.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join(" "))
    }

    /// Writes the time of the letter, in seconds since 1970.
    pub fn date(&mut self, seconds: i64) -> anyhow::Result<()> {
        let since = u64::try_from(seconds).ok().filter(|since| *since < END);
        let since = since.ok_or_else(|| wrong(format!("Date: {seconds} is no time of a letter")))?;
        self.0.set(header::Date::new(SystemTime::UNIX_EPOCH + Duration::from_secs(since)));
        Ok(())
    }
}

impl std::fmt::Display for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn named(name: &str) -> anyhow::Result<HeaderName> {
    HeaderName::new_from_ascii(name.to_string()).map_err(|_| wrong(format!("{name:?} is no name of a header field")))
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

/// Writes a display name: as it is, in quotes, or encoded (RFC 5322, section 3.2.5).
fn display_name(name: &str, out: &mut EmailWriter<'_>) -> std::fmt::Result {
    if !is_plain(name) {
        return rfc2047::encode(name, out);
    }
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&byte)) {
        return out.folding().write_str(name);
    }
    out.folding().write_str(&format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}
