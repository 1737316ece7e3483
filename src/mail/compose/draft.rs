//! A letter as a person or a rule wants it, before it is written.

use crate::mail::Address;
use crate::words::words;

words! {
    /// Why a letter is automatic (RFC 3834, section 5).
    AutoKind {
        /// It answers a letter.
        Replied = "auto-replied",
        /// It was made by a program of its own accord.
        Generated = "auto-generated",
    }
}

/// A letter as a person or a rule wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub from: Address,
    /// Who sent it in truth, where that is not the author.
    pub sender: Option<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    /// In the envelope only.
    pub bcc: Vec<Address>,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    pub attachments: Vec<File>,
    pub calendar: Option<Calendar>,
    /// Without angle brackets.
    pub message_id: String,
    /// Seconds since 1970 UTC.
    pub date: i64,
    /// Without angle brackets.
    pub in_reply_to: Option<String>,
    /// The oldest first, without angle brackets; a long chain is cut in its middle.
    pub references: Vec<String>,
    pub automatic: Option<AutoKind>,
    /// Further fields: `X-…` and those of [`EXTRA`].
    pub extra: Vec<(String, String)>,
}

/// The fields that a draft may bring itself, besides `X-…`.
pub const EXTRA: [&str; 6] = ["Importance", "Priority", "Sensitivity", "Organization", "Keywords", "Comments"];

/// A calendar that is what the letter says, for programs (RFC 6047).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// What it wants, such as `REPLY` (RFC 5546).
    pub method: &'static str,
    pub text: String,
}

/// A file that goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub media_type: String,
    pub content: Vec<u8>,
    /// Without angle brackets.
    pub content_id: Option<String>,
    /// Whether the HTML shows it by its Content-ID.
    pub inline: bool,
}
