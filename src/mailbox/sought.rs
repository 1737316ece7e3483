//! Looking for somebody's mail in a mailbox (WHY-1): a search, whose finds the caller looks at, as servers find what they like.

use anyhow::Result;

use super::session::Session;
use super::{HeaderOnly, MOST_LISTED};

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
    /// Or even more than that.
    pub is_cut: bool,
}

/// A piece of a subject that has fewer bytes stands everywhere.
const SHORTEST: usize = 2;

impl Sought {
    /// What SEARCH is asked, one after the other until the server takes it: in the letters of all scripts (RFC 3501, section 6.4.4), then what of
    /// it can be said in those of ASCII, which every server knows. None where there is nothing to look for. What is found more than is looked
    /// for, the caller leaves out.
    fn criteria(&self) -> Vec<String> {
        let is_plain = |c: char| matches!(c, ' '..='~');
        let all = self.asked(&|c| !c.is_control());
        let (plain, is_whole) = (self.asked(&is_plain), all.as_ref().is_some_and(|all| all.chars().all(is_plain)));
        let wide = all.filter(|_| !is_whole).map(|all| format!("CHARSET UTF-8 {all}"));
        wide.into_iter().chain(plain).collect()
    }

    /// The same in some letters; a subject is divided at others, a sign is not to be had without them.
    fn asked(&self, may_be: &dyn Fn(char) -> bool) -> Option<String> {
        match self {
            Self::Sign(sign) => {
                let sign = Some(sign).filter(|sign| !sign.is_empty() && sign.chars().all(may_be)).map(|sign| quoted(sign))?;
                Some(format!("OR FROM {sign} HEADER Message-ID {sign}"))
            }
            Self::Subject(part) => {
                let pieces = part.split(|c: char| !may_be(c)).map(str::trim).filter(|piece| piece.len() >= SHORTEST);
                let pieces: Vec<String> = pieces.map(|piece| format!("SUBJECT {}", quoted(piece))).collect();
                (!pieces.is_empty()).then(|| pieces.join(" "))
            }
        }
    }

    /// Whether something of it is asked for in the letters that every server knows.
    pub fn is_plain_asked(&self) -> bool {
        self.criteria().iter().any(|asked| asked.is_ascii())
    }

    /// Whether servers can be asked for it.
    pub fn can_be_asked(&self) -> bool {
        !self.criteria().is_empty()
    }
}

/// Writes a quoted string; the guard makes a literal of what may not be one.
fn quoted(text: &str) -> String {
    format!("\"{}\"", crate::net::escaped(text))
}

impl Session {
    /// Looks for messages in a mailbox, which is opened for reading; so many are returned at the most, the newest.
    pub fn look_for(&mut self, mailbox: &str, sought: &Sought, most: usize) -> Result<Sighted> {
        let opened = self.examine(mailbox)?;
        let uidvalidity = opened.uidvalidity;
        if opened.exists == 0 && opened.is_counted {
            return Ok(Sighted { uidvalidity, headers: Vec::new(), more: 0, is_cut: false });
        }
        let found = self.first_taken(&sought.criteria())?;
        let newest = &found[found.len().saturating_sub(most)..];
        let headers = if newest.is_empty() { Vec::new() } else { self.headers(newest)? };
        Ok(Sighted { uidvalidity, headers, more: found.len() - newest.len(), is_cut: found.len() >= MOST_LISTED })
    }

    /// Searches by the first criteria that the server does not refuse.
    fn first_taken(&mut self, criteria: &[String]) -> Result<Vec<u32>> {
        let mut outcome = Ok(Vec::new());
        for one in criteria {
            outcome = self.search(one);
            if outcome.is_ok() || !self.trouble().is_some_and(|trouble| trouble.is_refusal()) {
                break;
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_1_a_search_says_what_is_looked_for_and_nothing_else() {
        let sign = |sign: &str| Sought::Sign(sign.to_string()).criteria();
        let subject = |part: &str| Sought::Subject(part.to_string()).criteria();
        let hard = r#"OR FROM "\"dora\\x\"@example.org" HEADER Message-ID "\"dora\\x\"@example.org""#;
        assert_eq!(sign("\"dora\\x\"@example.org"), [hard]);
        assert_eq!(
            sign("dörte@example.org"),
            [r#"CHARSET UTF-8 OR FROM "dörte@example.org" HEADER Message-ID "dörte@example.org""#]
        );
        for nothing in [sign("a@b\r\ne9 LOGOUT"), sign(""), subject("\r\n\0"), subject("x")] {
            assert_eq!(nothing, [""; 0]);
        }
        assert_eq!(subject("pump \"4\"\nx9"), [r#"SUBJECT "pump \"4\"" SUBJECT "x9""#]);
        let wide = r#"CHARSET UTF-8 SUBJECT "Ärger mit" SUBJECT "pump \"4\" für uns""#;
        let plain = r#"SUBJECT "rger mit" SUBJECT "pump \"4\" f" SUBJECT "r uns""#;
        assert_eq!(subject("Ärger mit\r\npump \"4\" für uns"), [wide, plain]);
        assert_eq!(subject("насос"), [r#"CHARSET UTF-8 SUBJECT "насос""#]);
    }
}
