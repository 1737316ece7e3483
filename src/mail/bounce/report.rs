//! What a delivery report says, whatever form it came in.

use serde::Serialize;

use super::phrase::{Sense, senses};
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
    /// The messages that the report itself answers, the nearest first; where what came back is stripped, they alone name it.
    #[serde(skip)]
    pub answered: Vec<String>,
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The address that was written to; where a report names only the one behind it, that one.
    pub address: String,
    /// Its other name, where the report has two: Final-Recipient, or the address behind an alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
    pub action: DeliveryAction,
    /// Enhanced status code (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// What the other server said.
    pub diagnostic: Option<String>,
}

impl Bounce {
    /// Returns what may name the message it is about: its Message-ID, then its envelope id, which is the same where we sent it,
    /// then what the report answers.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.message_id.iter().chain(&self.envelope_id).chain(&self.answered)
    }

    /// Whether it tells of a failure or a delay, not of success.
    pub fn is_failure(&self) -> bool {
        self.recipients.is_empty()
            || self.recipients.iter().any(|one| matches!(one.action, DeliveryAction::Failed | DeliveryAction::Delayed))
    }
}

impl Recipient {
    /// Returns the names under which we may have written to it.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.address).chain(&self.also)
    }

    /// Whether delivery failed for good.
    pub fn is_hard(&self) -> bool {
        if self.action != DeliveryAction::Failed {
            return false;
        }
        let said = self.diagnostic.as_deref().map(senses).unwrap_or_default();
        match self.status.as_deref() {
            _ if said.has(Sense::NoMail) => true,
            // A full mailbox may be emptied, and a host that was not reached for days may be up again.
            Some("5.2.2" | "5.4.7" | "5.4.300" | "5.4.316") => false,
            Some(status) if status.starts_with('5') => {
                let is_late = is_vague(status) && (said.has(Sense::Expired) || said.has(Sense::Unreached));
                !said.has(Sense::Full) && (!is_late || said.has(Sense::Unknown))
            }
            Some(_) => false,
            None => !said.is_soft(),
        }
    }

    /// BOUNCE-3: whether the report says that the address itself is wrong, for good.
    pub fn means_address(&self) -> bool {
        const ADDRESS: [&str; 11] =
            ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.9", "5.1.10", "5.2.1", "5.4.1", "5.4.4", "5.4.310"];
        self.action == DeliveryAction::Failed && self.status.as_deref().is_some_and(|status| ADDRESS.contains(&status))
    }
}

/// Whether a code says little: that something is wrong, with the address, or that it was tried for too long for a reason of which
/// the other server spoke.
pub fn is_vague(code: &str) -> bool {
    code.get(1..).is_some_and(|detail| matches!(detail, ".0.0" | ".1.0" | ".4.7" | ".0" | ""))
}

/// Takes a Message-ID out of its angle brackets.
pub fn bare_id(text: &str) -> Option<String> {
    let text = text.trim();
    let id = match text.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => text.split_whitespace().next().unwrap_or_default(),
    };
    let id = id.trim();
    (!id.is_empty() && id.len() <= 255).then(|| id.to_string())
}
