//! The order of work for one message: limits, structure, headers, bodies, attachments, signs of automatic mail, digests.

use super::content::{self, Digests};
use super::header::Head;
use super::structure::{self, Decoded, Structure};
use super::{Address, Mail, Sign, address, attachment, automatic, bounce, calendar, quote, text};
use crate::words::Machine;

/// The most addresses of all headers together (PARSE-2).
const ADDRESSES: usize = 10_000;

/// Parses a message. Cannot fail; what is wrong with it is listed in [`Mail::defects`].
pub fn parse(raw: &[u8]) -> Mail {
    read(raw, true)
}

/// Parses a message as [`parse`] does, without the HTML: no rule asks for it, and whoever looks at it finds it in the raw bytes
/// (PARSE-1). To make it takes as long as all the rest.
pub fn parse_for_rules(raw: &[u8]) -> Mail {
    read(raw, false)
}

/// Returns every address that stands in From, of as many fields as there are: more than one names no author (PARSE-11), and people look for
/// the mail of each.
pub fn claimed_authors(raw: &[u8]) -> Vec<Address> {
    let decoded = Decoded::default();
    let mut structure = structure::of(raw, &decoded, &mut Vec::new());
    structure.head.charset = text::charset_of_first(&structure);
    let found = structure.head.addresses("From", &mut ADDRESSES.clone());
    found.into_iter().filter(|one| address::is_address(&one.address)).collect()
}

fn read(raw: &[u8], is_shown: bool) -> Mail {
    let mut defects = Vec::new();
    let decoded = Decoded::default();
    let mut structure = structure::of(raw, &decoded, &mut defects);
    structure.head.charset = text::charset_of_first(&structure);
    let is_cut = defects.iter().any(|defect| defect.starts_with("limit:"));
    let message = &structure.head;
    if message.is_empty() && structure.leaves.is_empty() {
        defects.push("empty".to_string());
    }
    let mut mail = Mail {
        message_id: message.ids("Message-ID").into_iter().next(),
        in_reply_to: message.ids("In-Reply-To"),
        references: message.ids("References"),
        thread_index: thread_index(message),
        subject: subject(message),
        date: date(message, &mut defects),
        raw_digest: super::digest(raw),
        size: raw.len() as u64,
        header: structure.header.to_vec(),
        ..Mail::default()
    };
    let mut room = ADDRESSES;
    (mail.from, mail.signed_by) = author(message, &mut room, &mut defects);
    for (list, name) in [(&mut mail.reply_to, "Reply-To"), (&mut mail.to, "To"), (&mut mail.cc, "Cc"), (&mut mail.bcc, "Bcc")] {
        *list = message.addresses(name, &mut room);
    }
    if room == 0 {
        defects.push(format!("limit: more than {ADDRESSES} addresses; the rest is left raw"));
    }
    mime_defects(&structure, &mut defects);

    let roles = text::roles(&structure);
    let bodies = text::bodies(&structure, &roles, is_shown, &mut defects);
    mail.attachments = attachment::list(&structure, &roles, &bodies.references, &mut defects);
    mail.html = bodies.html;
    mail.text = bodies.text;
    let split = split(&mail.text, &mail.subject);
    (mail.reply_text, mail.quoted_text, mail.signature) = (split.reply, split.quoted, split.signature);
    mail.automatic = automatic::signs(message);
    mail.no_answer = automatic::suppressions(message);
    mail.list = automatic::list(message);
    mail.bounce = bounce::read(&structure, &mail);
    mail.calendar = calendar::events(&structure);
    if mail.bounce.is_some() && mail.automatic.iter().all(|sign| sign.kind != Machine::Report) {
        mail.automatic.push(Sign::new(Machine::Report, "it is a delivery report"));
    }
    if mail.automatic.is_empty() && mail.no_answer.is_empty() {
        mail.no_answer.extend(bounce::suppression(&mail));
    }
    let Digests { content, untraced } = content::digests(raw, &structure, &roles, &mail, is_cut);
    (mail.content_digest, mail.untraced_digest) = (content, untraced);
    mail.defects = defects;
    mail
}

/// Tells the new text of a message from its quotation and its signature (PARSE-7).
pub fn split(text: &str, subject: &str) -> quote::Split {
    quote::split(text, super::subject::passes_on(subject))
}

/// The first 22 bytes of a Thread-Index are those of the message that began the conversation ([MS-OXOMSG] 2.2.1.3).
fn thread_index(message: &Head<'_>) -> Option<String> {
    // Base 64 of 22 bytes, without the bits that the 23rd has a part in.
    let root: String = message.raw("Thread-Index").next()?.chars().filter(|c| !c.is_whitespace()).take(29).collect();
    (root.len() == 29 && root.is_ascii()).then(|| format!("thread-index:{root}"))
}

/// PARSE-4: decoded, trimmed; empty is `(No Subject)`.
fn subject(message: &Head<'_>) -> String {
    let text = message.text("Subject");
    if text.is_empty() { "(No Subject)".to_string() } else { text }
}

/// PARSE-5: the Date header in seconds since 1970 UTC.
fn date(message: &Head<'_>, defects: &mut Vec<String>) -> Option<i64> {
    let date = message.date("Date");
    match date {
        None => defects.push("no-date".to_string()),
        Some(None) => defects.push("bad-date".to_string()),
        Some(Some(_)) => {}
    }
    date.flatten()
}

/// PARSE-4, PARSE-11: the author is the one address that stands somewhere in From. More than one From field, several addresses
/// or none name no author; then the second is whom a single field names without an address.
fn author(message: &Head<'_>, room: &mut usize, defects: &mut Vec<String>) -> (Option<Address>, Option<Address>) {
    let fields = message.count("From");
    let (found, others): (Vec<Address>, Vec<Address>) =
        message.addresses("From", room).into_iter().partition(|one| address::is_address(&one.address));
    let is_one = found.iter().all(|other| other.key() == found[0].key());
    match (fields, found.into_iter().next()) {
        (0, _) => {
            defects.push("no-from".to_string());
            (None, None)
        }
        (1, Some(mut author)) if is_one => {
            // `Dora Example, dora@example.org`
            if author.name.is_empty() {
                author.name = others.into_iter().map(|other| other.name).find(|name| !name.is_empty()).unwrap_or_default();
            }
            (Some(author), None)
        }
        (fields, found) => {
            defects.push("from-ambiguous".to_string());
            (None, others.into_iter().next().filter(|_| fields == 1 && found.is_none()))
        }
    }
}

/// PARSE-11: structure that two programs would read in two ways. We take the last of two fields and the first of two
/// boundaries.
fn mime_defects(structure: &Structure<'_>, defects: &mut Vec<String>) {
    let is_ambiguous = |head: &Head<'_>| {
        head.count("Content-Type") > 1
            || head.count("Content-Transfer-Encoding") > 1
            || head.content_type.as_ref().is_some_and(|content_type| content_type.count("boundary") > 1)
    };
    let heads = std::iter::once(&structure.head).chain(structure.leaves.iter().filter_map(|leaf| leaf.head.as_ref()));
    if heads.into_iter().any(is_ambiguous) && !defects.iter().any(|defect| defect == "mime-ambiguous") {
        defects.push("mime-ambiguous".to_string());
    }
}
