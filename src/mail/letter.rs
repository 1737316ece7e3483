//! A message as everything else knows it.

use std::borrow::Cow;

use serde::Serialize;

use super::address::Address;
use super::attachment::Attachment;
use super::automatic::Sign;
use super::bounce::Bounce;
use super::calendar::Event;
use super::date;
use super::digest::{digest, hex};
use super::header;
use crate::words::Machine;

/// The most earlier messages that one message is read for (THREAD-1).
const ANCESTORS: usize = 1_000;

/// Everything the rules need to know of one message.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Mail {
    /// Message-ID without angle brackets; shortened to a digest when unreasonably long.
    pub message_id: Option<String>,
    /// In-Reply-To, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// References, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// The root of Microsoft's Thread-Index, written like a Message-ID (THREAD-3).
    pub thread_index: Option<String>,
    /// The author: the one address in From (PARSE-11), none when it is missing or ambiguous.
    pub from: Option<Address>,
    /// Whom From names where it has no address, such as a job of a machine: shown, never looked up, never answered.
    pub signed_by: Option<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    /// The decoded subject; `(No Subject)` when empty.
    pub subject: String,
    /// The Date header in seconds since 1970 UTC.
    pub date: Option<i64>,
    /// Plain text, derived from the HTML where there is none (PARSE-6).
    pub text: String,
    /// The new text, without the quotation and the signature (PARSE-7). The three together have every line of the text.
    pub reply_text: String,
    pub quoted_text: String,
    pub signature: String,
    /// Sanitised HTML (PARSE-6); none also where it was parsed for the rules alone.
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
    /// Why the message is automatic (AUTO-1), and what it is by each sign (AUTO-3); empty when a person wrote it.
    pub automatic: Vec<Sign>,
    /// Why the message must not be answered although a person may have written it (AUTO-1).
    pub no_answer: Vec<String>,
    /// The delivery report that it is (BOUNCE-1).
    pub bounce: Option<Bounce>,
    /// The events of its calendar parts (PARSE-9).
    pub calendar: Vec<Event>,
    /// The mailing list that it came over: its List-Id (RFC 2919), or empty when it names none.
    pub list: Option<String>,
    /// What is wrong with the message (PARSE-2), in words of [`parse`].
    pub defects: Vec<String>,
    /// Digest of what makes two messages the same (DUP-2), see [`content`].
    pub content_digest: [u8; 32],
    /// Digest of that and of the header without what each way writes there: stands in for a Message-ID (DUP-2).
    pub untraced_digest: [u8; 32],
    /// Digest of the raw bytes (PARSE-1).
    pub raw_digest: [u8; 32],
    /// Size of the raw bytes.
    pub size: u64,
    /// The header as it stands, within the limit (PARSE-2); fields are read from it on demand.
    #[serde(skip)]
    pub header: Vec<u8>,
}

impl Mail {
    /// Returns the ids of the messages before this one: In-Reply-To, then what a delivery report is about (BOUNCE-2), then
    /// References with the newest first. A chain longer than anybody's conversation counts from its newer end.
    pub fn ancestors(&self) -> impl Iterator<Item = &String> {
        let reported = self.bounce.iter().flat_map(Bounce::ids);
        let ids = self.in_reply_to.iter().chain(reported).chain(self.references.iter().rev());
        ids.filter(|id| self.message_id.as_ref() != Some(*id)).take(ANCESTORS)
    }

    /// Returns where a token of ours may stand (LINK-1): its own id, the ids of earlier messages, the newest first, then
    /// the recipients.
    pub fn token_places(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let ids = self.message_id.iter().chain(self.ancestors()).map(|id| Cow::Borrowed(id.as_str()));
        let recipients = self.to.iter().chain(&self.cc).map(|recipient| Cow::Borrowed(recipient.address.as_str()));
        // Where the message went in truth: a Bcc or an alias stands in no other field.
        let delivered = ["Delivered-To", "X-Original-To"].into_iter().flat_map(|name| self.header_values(name)).map(Cow::Owned);
        ids.chain(recipients).chain(delivered)
    }

    /// Returns when the last server on the way had the message, by the uppermost Received field (RFC 5321, section 4.4); seconds since
    /// 1970 UTC. Header fields are anybody's word.
    pub fn delivered_at(&self) -> Option<i64> {
        let stamp = self.header_values("Received").next();
        stamp.and_then(|value| date::read(value.rsplit(';').next().unwrap_or_default()))
    }

    /// What wrote it, by its strongest sign; none when a person did (AUTO-3).
    pub fn machine(&self) -> Option<&Sign> {
        self.automatic.iter().min_by_key(|sign| sign.kind)
    }

    /// The sign that it is what a machine answers with, or a report: nobody waits for it (AUTO-3).
    pub fn reply_of_machine(&self) -> Option<&Sign> {
        self.machine().filter(|sign| matches!(sign.kind, Machine::Reply | Machine::Report))
    }

    /// Returns every value of a header field, unfolded and decoded, in order.
    pub fn header_values<'m>(&'m self, name: &'m str) -> impl Iterator<Item = String> + 'm {
        header::fields(&self.header)
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| header::decoded(value))
    }

    /// Returns every header field with its value, unfolded and decoded, in order.
    pub fn header_fields(&self) -> impl Iterator<Item = (&str, String)> {
        header::fields(&self.header).map(|(name, value)| (name, header::decoded(value)))
    }

    /// Returns the identity of the message: its Message-ID, or the digest of what is the same whichever way it came (DUP-2).
    pub fn identity(&self) -> String {
        match &self.message_id {
            Some(id) => id.clone(),
            None => format!("blake3:{}", hex(&self.untraced_digest)),
        }
    }

    /// Returns by what a message without Message-ID is told from others that say the same: what the first server wrote that carried it,
    /// which it has in common with what else comes of it. None where it has a Message-ID, or no server wrote anything.
    pub fn identity_of_passage(&self) -> Option<String> {
        let first = self.message_id.is_none().then(|| self.header_values("Received").last()).flatten()?;
        Some(format!("blake3:{}", hex(&digest(format!("{} {first}", self.identity()).as_bytes()))))
    }
}
