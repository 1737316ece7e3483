//! Looking for somebody's mail in a mailbox (WHY-1): a search, whose finds the caller looks at, as servers find what they like.

use anyhow::Result;

use super::HeaderOnly;
use super::session::Session;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// An address or a Message-ID: both look alike.
    Sign(String),
    /// A part of the subject.
    Subject(String),
}

/// What a mailbox has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighted {
    pub uidvalidity: u32,
    /// The newest, in order.
    pub headers: Vec<HeaderOnly>,
    /// How many more were found, and not looked at.
    pub more: usize,
}

impl Sought {
    /// What SEARCH is asked; none where nothing of it can be said in the letters of a command line (RFC 3501, section 9). What it finds more
    /// than is looked for, the caller leaves out.
    fn criteria(&self) -> Option<String> {
        match self {
            Self::Sign(sign) => {
                let sign = quoted(sign)?;
                Some(format!("OR FROM {sign} HEADER Message-ID {sign}"))
            }
            Self::Subject(part) => {
                let pieces = part.split(|c: char| !matches!(c, ' '..='~')).map(str::trim).filter(|piece| piece.len() >= SHORTEST);
                let pieces: Vec<String> = pieces.filter_map(quoted).map(|piece| format!("SUBJECT {piece}")).collect();
                (!pieces.is_empty()).then(|| pieces.join(" "))
            }
        }
    }

    /// Whether servers can be asked for it.
    pub fn can_be_asked(&self) -> bool {
        self.criteria().is_some()
    }
}

/// A piece of a subject that is shorter stands everywhere.
const SHORTEST: usize = 2;

/// Writes a quoted string; none where it has other letters than a quoted string may.
fn quoted(text: &str) -> Option<String> {
    let is_plain = !text.is_empty() && text.chars().all(|c| matches!(c, ' '..='~'));
    is_plain.then(|| format!("\"{}\"", crate::net::escaped(text)))
}

impl Session {
    /// Looks for messages in a mailbox, which is opened for reading; so many are returned at the most, the newest.
    pub fn look_for(&mut self, mailbox: &str, sought: &Sought, most: usize) -> Result<Sighted> {
        let opened = self.examine(mailbox)?;
        let uidvalidity = opened.uidvalidity;
        let Some(criteria) = sought.criteria().filter(|_| opened.exists > 0 || !opened.is_counted) else {
            return Ok(Sighted { uidvalidity, headers: Vec::new(), more: 0 });
        };
        let found = self.search(&criteria)?;
        let newest = &found[found.len().saturating_sub(most)..];
        let headers = if newest.is_empty() { Vec::new() } else { self.headers(newest)? };
        Ok(Sighted { uidvalidity, headers, more: found.len() - newest.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_1_a_search_says_what_is_looked_for_and_nothing_else() {
        let sign = Sought::Sign("\"dora\\x\"@example.org".to_string()).criteria().expect("criteria");
        assert_eq!(sign, r#"OR FROM "\"dora\\x\"@example.org" HEADER Message-ID "\"dora\\x\"@example.org""#);
        assert_eq!(Sought::Sign("a@b\r\ne9 LOGOUT".to_string()).criteria(), None);
        let subject = Sought::Subject("Ärger with\r\npump \"4\" für uns".to_string()).criteria().expect("criteria");
        assert_eq!(subject, r#"SUBJECT "rger with" SUBJECT "pump \"4\" f" SUBJECT "r uns""#);
        assert!(!Sought::Subject("насос".to_string()).can_be_asked());
    }
}
