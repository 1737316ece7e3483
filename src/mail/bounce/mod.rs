//! Delivery reports (BOUNCE-1): the standard form (RFC 3464), and those that mail systems write by their own habit. A text
//! that only speaks of a failure is none: the other forms need a sign in the header that a machine wrote them.

mod phrase;
mod standard;
#[cfg(test)]
mod tests;
mod text;

use serde::Serialize;

use super::Mail;
use super::structure::{Leaf, Structure};
use super::transfer::Encoding;
use super::{charset, header};
use crate::words::DeliveryAction;

/// A delivery report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Bounce {
    /// Whether delivery failed for good for somebody; a full mailbox may be emptied.
    pub hard: bool,
    pub recipients: Vec<Recipient>,
    /// Message-ID of the message it is about, without angle brackets.
    pub message_id: Option<String>,
    /// Original-Envelope-Id (RFC 3461).
    pub envelope_id: Option<String>,
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The address that was written to; where a report names only the one behind it, that one.
    pub address: String,
    pub action: DeliveryAction,
    /// Enhanced status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// What the other server said.
    pub diagnostic: Option<String>,
}

impl Bounce {
    /// Returns what may name the message it is about: its Message-ID, then its envelope id, which is the same where we sent it.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.message_id.iter().chain(&self.envelope_id)
    }

    /// Whether it tells of a failure or a delay, not of success.
    pub fn is_failure(&self) -> bool {
        self.recipients.is_empty()
            || self.recipients.iter().any(|one| matches!(one.action, DeliveryAction::Failed | DeliveryAction::Delayed))
    }
}

impl Recipient {
    /// Whether delivery failed for good.
    pub fn is_hard(&self) -> bool {
        if self.action != DeliveryAction::Failed {
            return false;
        }
        match &self.status {
            Some(status) => {
                status.starts_with('5') && status != "5.2.2" && !self.diagnostic.as_deref().is_some_and(text::is_full)
            }
            None => !self.diagnostic.as_deref().is_some_and(text::is_soft),
        }
    }

    /// BOUNCE-3: whether the report says that the address itself is wrong, for good.
    pub fn means_address(&self) -> bool {
        const ADDRESS: [&str; 11] =
            ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.9", "5.1.10", "5.2.1", "5.4.1", "5.4.4", "5.4.310"];
        self.action == DeliveryAction::Failed && self.status.as_deref().is_some_and(|status| ADDRESS.contains(&status))
    }
}

/// Reads a message as a delivery report.
pub fn read(structure: &Structure<'_>, mail: &Mail) -> Option<Bounce> {
    let mut bounce = match standard::read(structure) {
        Some(bounce) => bounce,
        // A receipt, an abuse report: reports, but not of delivery.
        None if standard::is_other_report(structure) => return None,
        None => text::read(mail, returned(structure).next().is_some())?,
    };
    bounce.message_id = returned_id(structure).or_else(|| text::message_id(&mail.text));
    if bounce.recipients.is_empty() {
        bounce.recipients.extend(text::recipients(mail));
    }
    for recipient in &mut bounce.recipients {
        if recipient.status.is_none() {
            recipient.status = recipient.diagnostic.as_deref().and_then(text::status);
        }
    }
    bounce.hard = bounce.recipients.iter().any(Recipient::is_hard);
    Some(bounce)
}

/// Returns the parts that hold what came back.
fn returned<'s, 'a>(structure: &'s Structure<'a>) -> impl Iterator<Item = &'s Leaf<'a>> {
    const RETURNED: [&str; 6] = [
        "message/rfc822",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "text/rfc822",
        "message/global-headers",
        "message/global",
    ];
    structure.leaves.iter().filter(|leaf| RETURNED.contains(&leaf.media_type.as_str()))
}

/// Returns the Message-ID of the message that came back.
fn returned_id(structure: &Structure<'_>) -> Option<String> {
    returned(structure).find_map(|leaf| {
        let bytes = Encoding::of(structure.head_of(leaf)).decode(leaf.body);
        let mut ids = header::fields(&bytes).filter(|(name, _)| name.eq_ignore_ascii_case("Message-ID"));
        let id = charset::decode(ids.next()?.1, None);
        bare_id(&id)
    })
}

/// Takes a Message-ID out of its angle brackets.
fn bare_id(text: &str) -> Option<String> {
    let text = text.trim();
    let id = match text.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => text.split_whitespace().next().unwrap_or_default(),
    };
    let id = id.trim();
    (!id.is_empty() && id.len() <= 255).then(|| id.to_string())
}
