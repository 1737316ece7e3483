//! Letters that go out: a draft in, the bytes of RFC 5322 out (SEND-4). All of it is ASCII with CRLF, but for addresses
//! that are not; whatever would stand in a header is checked first, and refused rather than mended.

mod address;
mod field;
mod part;
#[cfg(test)]
mod tests;

use super::Address;
use crate::fault::{Class, Fault};
use crate::words::words;

pub use address::checked as checked_address;
pub use address::typed as typed_addresses;
pub use field::is_id;

/// The most recipients of one field (SEND-11).
pub const RECIPIENTS: usize = 100;
/// The longest header value that a draft may bring, in bytes.
const LONGEST: usize = 10_000;
/// What the chain of References may take, in bytes: that of one line (RFC 5322, section 2.1.1).
const CHAIN: usize = 998;

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

/// Who a letter goes to, for the dialogue with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Empty for an automatic answer (ACK-2).
    pub from: String,
    /// To, Cc and Bcc, each once.
    pub recipients: Vec<String>,
    /// Whether the server must know SMTPUTF8 (RFC 6531).
    pub needs_utf8: bool,
}

/// Writes a draft.
pub fn compose(draft: &Draft) -> anyhow::Result<Vec<u8>> {
    let mut header = field::Header::default();
    count_recipients(draft)?;
    header.date("Date", draft.date)?;
    header.addresses("From", std::slice::from_ref(&draft.from))?;
    if let Some(sender) = &draft.sender {
        header.addresses("Sender", std::slice::from_ref(sender))?;
    }
    header.addresses("Reply-To", &draft.reply_to)?;
    header.addresses("To", &draft.to)?;
    header.addresses("Cc", &draft.cc)?;
    // Bcc is checked like the others and never written.
    draft.bcc.iter().try_for_each(|recipient| checked_address("Bcc", recipient).map(drop))?;
    if draft.to.is_empty() && draft.cc.is_empty() {
        // RFC 5322, section 3.4: a group without members; some servers refuse a letter without any recipient field.
        header.raw("To", "undisclosed-recipients:;");
    }
    header.text("Subject", &draft.subject)?;
    header.ids("Message-ID", std::slice::from_ref(&draft.message_id))?;
    if let Some(id) = &draft.in_reply_to {
        header.ids("In-Reply-To", std::slice::from_ref(id))?;
    }
    header.ids("References", &chain(&draft.references))?;
    automatic(draft.automatic, &mut header);
    extra(draft, &mut header)?;
    header.raw("MIME-Version", "1.0");
    let mut message = header.into_text();
    part::write(draft, &mut message)?;
    Ok(message.into_bytes())
}

/// Returns whom a draft goes to.
pub fn envelope(draft: &Draft) -> anyhow::Result<Envelope> {
    count_recipients(draft)?;
    let from = checked_address("From", draft.sender.as_ref().unwrap_or(&draft.from))?;
    let mut recipients = Vec::new();
    let mut known = std::collections::HashSet::new();
    for (name, field) in [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)] {
        for recipient in field {
            let address = checked_address(name, recipient)?;
            if known.insert(super::address_key(&address)) {
                recipients.push(address);
            }
        }
    }
    if recipients.is_empty() {
        return Err(wrong("the letter has no recipient"));
    }
    let shown = std::iter::once(("From", &draft.from)).chain(draft.reply_to.iter().map(|address| ("Reply-To", address)));
    let shown: Vec<String> = shown.map(|(name, address)| checked_address(name, address)).collect::<anyhow::Result<_>>()?;
    let needs_utf8 = !from.is_ascii() || recipients.iter().chain(&shown).any(|address| !address.is_ascii());
    // RFC 3834, section 3.3: nobody answers an answer.
    let from = if draft.automatic == Some(AutoKind::Replied) { String::new() } else { from };
    Ok(Envelope { from, recipients, needs_utf8 })
}

/// Refuses too many recipients before anything is done with them (SEND-11).
fn count_recipients(draft: &Draft) -> anyhow::Result<()> {
    let fields = [("Reply-To", &draft.reply_to), ("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)];
    match fields.into_iter().find(|(_, field)| field.len() > RECIPIENTS) {
        None => Ok(()),
        Some((name, field)) => {
            Err(wrong(format!("{name} has {} recipients; a field may have {RECIPIENTS} at most", field.len())))
        }
    }
}

/// Returns the chain without its middle: its first one, then as many of the last as there is room for (SEND-4).
fn chain(ids: &[String]) -> Vec<String> {
    let size = |id: &String| id.len() + "<>\r\n ".len();
    let Some(first) = ids.first() else { return Vec::new() };
    let mut room = CHAIN.saturating_sub("References: ".len() + size(first));
    let last = ids.iter().skip(1).rev().take_while(|id| {
        let fits = size(id) <= room;
        room = room.saturating_sub(size(id));
        fits
    });
    let mut kept: Vec<String> = last.cloned().collect();
    kept.push(first.clone());
    kept.reverse();
    kept
}

/// Says that nobody wrote the letter and nobody shall answer (ACK-2).
fn automatic(kind: Option<AutoKind>, header: &mut field::Header) {
    let Some(kind) = kind else { return };
    header.raw("Auto-Submitted", kind.as_str());
    header.raw("X-Auto-Response-Suppress", "All");
    header.raw("Precedence", if kind == AutoKind::Replied { "auto_reply" } else { "bulk" });
}

fn extra(draft: &Draft, header: &mut field::Header) -> anyhow::Result<()> {
    for (name, value) in &draft.extra {
        let is_name = name.len() <= 70 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_ours = name.eq_ignore_ascii_case("X-Auto-Response-Suppress");
        let is_free = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-")) && name.len() > 2 && !is_ours;
        if !is_name || !(is_free || EXTRA.iter().any(|known| known.eq_ignore_ascii_case(name))) {
            return Err(wrong(format!("the header field {name:?} cannot be set")));
        }
        header.text(name, value)?;
    }
    Ok(())
}

/// Refuses what cannot stand in a header (SEND-4): a line break would begin a field of the sender's own.
fn check_value(name: &str, value: &str) -> anyhow::Result<()> {
    if let Some(c) = value.chars().find(|c| is_forbidden(*c)) {
        return Err(wrong(format!("{name} has the character U+{:04X}, which cannot stand in a header", u32::from(c))));
    }
    if value.len() > LONGEST {
        return Err(wrong(format!("{name} has {} bytes; {LONGEST} are the most", value.len())));
    }
    Ok(())
}

/// Line breaks and other controls, and what makes text run in another direction than its letters do.
pub(super) fn is_forbidden(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn wrong(what: impl Into<String>) -> anyhow::Error {
    Fault::new(Class::Data, what).into()
}
