//! What may stand in a header of ours.

use crate::fault::{Class, Fault};

/// The longest header value that a draft may bring, in bytes.
const LONGEST: usize = 10_000;

/// Refuses what cannot stand in a header (SEND-4): a line break would begin a field of the sender's own.
pub fn check_value(name: &str, value: &str) -> anyhow::Result<()> {
    if let Some(c) = value.chars().find(|c| is_forbidden(*c)) {
        return Err(wrong(format!("{name} has the character U+{:04X}, which cannot stand in a header", u32::from(c))));
    }
    if value.len() > LONGEST {
        return Err(wrong(format!("{name} has {} bytes; {LONGEST} are the most", value.len())));
    }
    Ok(())
}

/// Line breaks and other controls, and what makes text run in another direction than its letters do.
pub fn is_forbidden(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

pub fn wrong(what: impl Into<String>) -> anyhow::Error {
    Fault::new(Class::Data, what).into()
}
