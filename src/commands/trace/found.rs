//! Something that "espomail trace" finds, and by whom a message is.

use crate::clock::rfc3339;
use crate::decide::digest::sender;
use crate::fault::contain;
use crate::mail::{self, address_key};
use crate::output::shown_line;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
    /// What it is: `e-mail 3`, `skipped`, `quarantine 2`, `deleted`.
    pub what: String,
    pub account: String,
    pub from: String,
    pub sender_not_verified: bool,
    pub subject: String,
    /// Where it is, or why it is nowhere.
    pub whereabouts: String,
    pub next: String,
    /// Of what a server was asked for: ACCOUNT/MAILBOX/UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Found {
    /// Two lines: what it is, and where; with what to type next.
    pub fn told(&self) -> String {
        let from = if self.from.is_empty() {
            String::new()
        } else {
            format!(" from {}", sender(&shown_line(&self.from), self.sender_not_verified))
        };
        let subject = if self.subject.is_empty() { String::new() } else { format!(": {}", shown_line(&self.subject)) };
        let through = if self.account.is_empty() { String::new() } else { format!("account {}; ", self.account) };
        let (at, what, place) = (rfc3339(self.at), &self.what, shown_line(&self.whereabouts));
        format!("{at} {what}{from}{subject}\n  {through}{place}; see: {}\n", shown_line(&self.next))
    }
}

/// How much of a message is looked at, in bytes.
pub const LARGEST_HEADER: usize = 64 << 10;

/// Whether an address stands in From of a message, beside others perhaps.
pub fn is_by(raw: &[u8], address: &str) -> bool {
    let header = &raw[..raw.len().min(LARGEST_HEADER)];
    let authors = contain(|| mail::claimed_authors(header)).unwrap_or_default();
    authors.iter().any(|author| author.key() == address_key(address))
}
