//! Letters. Pure: bytes in, [`Mail`] out. Parsing cannot fail and cannot panic (PARSE-2): what is wrong with a message
//! is listed on it. What goes out is made the other way round: a [`compose::Draft`] in, bytes out. Nothing here knows
//! accounts, records or the database.

mod address;
mod attachment;
mod author;
mod automatic;
pub mod body;
mod bounce;
mod calendar;
mod charset;
mod cms;
pub mod compose;
mod content;
#[cfg(test)]
mod corpus;
mod date;
pub mod dkim;
mod document;
mod flowed;
mod guess;
mod header;
mod html;
#[cfg(test)]
mod kinds;
mod markup;
mod mask;
mod nobody;
mod parameter;
mod parse;
mod quote;
pub mod reply;
#[cfg(test)]
mod roundtrip;
mod rtf;
mod structure;
pub mod subject;
pub mod template;
#[cfg(test)]
mod tests;
mod text;
mod tnef;
pub mod token;
mod transfer;
mod uuencode;
mod words;

pub use attachment::content as attachment_content;
pub use automatic::Sign;
pub use bounce::{Bounce, Recipient};
pub use calendar::Event;
pub use guess::no_message;
pub use html::to_text as text_from_html;
pub use mask::masked;
pub use parse::parse;
pub use text::as_written as text_as_written;

use std::borrow::Cow;

use serde::Serialize;

use crate::words::Machine;

/// One e-mail address with its display name, as it stood in a header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub struct Address {
    /// The display name, decoded; empty when there is none.
    pub name: String,
    /// The address as written, without angle brackets.
    pub address: String,
}

/// A file that came with a message; its content is read from the raw bytes on demand (PARSE-8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The cleaned file name; never empty.
    pub name: String,
    /// The media type in lower case, such as `image/png`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The size of the decoded content in bytes.
    pub size: u64,
    /// Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// Whether the HTML refers to it.
    pub inline: bool,
    /// Where it stands: the part's number in the parsed message, and below it the file inside a `winmail.dat`.
    pub part: String,
}

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
    /// Sanitised HTML (PARSE-6).
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
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Address {
    /// Returns the form by which addresses are compared (PARSE-4): lower case, domain in IDNA form.
    pub fn key(&self) -> String {
        address_key(&self.address)
    }

    /// Whether a program reads it, or nobody, as far as its local part says (AUTO-1).
    pub fn is_nobodys(&self) -> bool {
        nobody::reader(&self.address).is_some()
    }
}

/// Returns the form by which addresses are compared (PARSE-4): lower case, domain in IDNA form.
pub fn address_key(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    let Some((local, domain)) = lower.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii()) else { return lower };
    match idna::domain_to_ascii(domain) {
        Ok(domain) => format!("{local}@{domain}"),
        Err(_) => lower,
    }
}

/// Returns the address behind which a plus-address is (RFC 5233, section 1), in the form by which addresses are compared.
pub fn untagged(key: &str) -> Cow<'_, str> {
    let parts = key.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    match parts {
        Some((local, domain)) if !local.is_empty() => Cow::Owned(format!("{local}@{domain}")),
        _ => Cow::Borrowed(key),
    }
}

/// Returns the digest by which equal bytes are known.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// The most earlier messages that one message is read for (THREAD-1).
const ANCESTORS: usize = 1_000;

/// The most case numbers that one subject is read for.
const CASE_NUMBERS: usize = 8;

/// Returns the case numbers that a subject names as `[#123]` (LINK-3), in order; a subject is read for the first few.
pub fn case_numbers(subject: &str) -> Vec<i64> {
    let numbers = subject.split("[#").skip(1).filter_map(|rest| rest.split_once(']')?.0.trim().parse().ok());
    numbers.filter(|number| *number > 0).take(CASE_NUMBERS).collect()
}
