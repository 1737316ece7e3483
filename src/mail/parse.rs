//! The order of work for one message: limits, structure, headers, bodies, attachments, signs of automatic mail, digests.

use std::borrow::Cow;

use mail_parser::{DateTime, Header, HeaderName, HeaderValue, Message, MimeHeaders};

use super::structure::{self, Structure};
use super::{Address, Mail, attachment, automatic, bounce, calendar, charset, header, quote, text};

/// A Message-ID longer than this is remembered by its digest (RFC 5322 allows 998 octets a line, databases less a key).
const LONGEST_ID: usize = 255;

/// The most addresses of all headers together (PARSE-2).
const ADDRESSES: usize = 10_000;

/// Parses a message. Cannot fail; what is wrong with it is listed in [`Mail::defects`].
pub fn parse(raw: &[u8]) -> Mail {
    let mut defects = Vec::new();
    let structure = structure::of(raw, &mut defects);
    let message = &structure.head;
    let headers = message.headers();
    if headers.is_empty() && structure.leaves.is_empty() {
        defects.push("empty".to_string());
    }
    let mut mail = Mail {
        message_id: ids(headers, &HeaderName::MessageId).into_iter().next(),
        in_reply_to: ids(headers, &HeaderName::InReplyTo),
        references: ids(headers, &HeaderName::References),
        thread_index: thread_index(message),
        subject: subject(message),
        date: date(message, &mut defects),
        raw_digest: super::digest(raw),
        size: raw.len() as u64,
        header: structure.header.to_vec(),
        ..Mail::default()
    };
    let mut room = ADDRESSES;
    mail.from = author(message, &mut room, &mut defects);
    for (list, name) in [
        (&mut mail.reply_to, HeaderName::ReplyTo),
        (&mut mail.to, HeaderName::To),
        (&mut mail.cc, HeaderName::Cc),
        (&mut mail.bcc, HeaderName::Bcc),
    ] {
        *list = header::addresses(message, &name, &mut room);
    }
    if room == 0 {
        defects.push(format!("limit: more than {ADDRESSES} addresses; the rest is left raw"));
    }
    mime_defects(&structure, &mut defects);

    let bodies = text::bodies(&structure, &mut defects);
    mail.attachments = attachment::list(&structure, &bodies.references, &mut defects);
    mail.html = bodies.html;
    mail.text = bodies.text;
    let split = quote::split(&mail.text, super::subject::passes_on(&mail.subject));
    (mail.reply_text, mail.quoted_text, mail.signature) = (split.reply, split.quoted, split.signature);
    mail.automatic = automatic::signs(message);
    mail.no_answer = automatic::suppressions(message);
    mail.list = automatic::list(message);
    mail.bounce = bounce::read(&structure, &mail);
    mail.calendar = calendar::events(&structure);
    if mail.bounce.is_some() && mail.automatic.is_empty() {
        mail.automatic.push("it is a delivery report".to_string());
    }
    mail.content_digest = content_digest(&mail);
    mail.defects = defects;
    mail
}

/// DUP-2: digest of From, Date, Subject and decoded text.
fn content_digest(mail: &Mail) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let from = mail.from.as_ref().map(Address::key).unwrap_or_default();
    let date = mail.date.map(|date| date.to_string()).unwrap_or_default();
    for field in [from.as_str(), &date, &mail.subject, &mail.text] {
        // The length keeps two neighbouring fields from passing for two others.
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Returns every Message-ID of every such header, without angle brackets, each once, in order.
fn ids(headers: &[Header<'_>], name: &HeaderName<'_>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let mut ids = Vec::new();
    for header in headers.iter().filter(|header| header.name == *name) {
        let texts: Vec<&str> = match &header.value {
            HeaderValue::Text(text) => vec![text.as_ref()],
            HeaderValue::TextList(list) => list.iter().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        };
        for id in texts.into_iter().map(id_of).filter(|id| !id.is_empty()) {
            if seen.insert(id.clone()) {
                ids.push(id);
            }
        }
    }
    ids
}

fn id_of(text: &str) -> String {
    let id: Cow<'_, str> = charset::without_nul(text.trim().trim_start_matches('<').trim_end_matches('>').trim());
    if id.len() > LONGEST_ID {
        return format!("blake3:{}", super::hex(&super::digest(id.as_bytes())));
    }
    id.into_owned()
}

/// The first 22 bytes of a Thread-Index are those of the message that began the conversation ([MS-OXOMSG] 2.2.1.3).
fn thread_index(message: &Message<'_>) -> Option<String> {
    let header = message.headers().iter().find(|header| header.name().eq_ignore_ascii_case("Thread-Index"))?;
    // Base 64 of 22 bytes, without the bits that the 23rd has a part in.
    let root: String = header::raw(message, header).chars().filter(|c| !c.is_whitespace()).take(29).collect();
    (root.len() == 29 && root.is_ascii()).then(|| format!("thread-index:{root}"))
}

/// PARSE-4: decoded, trimmed; empty is `(No Subject)`.
fn subject(message: &Message<'_>) -> String {
    let text = header::text(message, &HeaderName::Subject);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "(No Subject)".to_string() } else { text }
}

/// PARSE-5: the Date header in seconds since 1970 UTC.
fn date(message: &Message<'_>, defects: &mut Vec<String>) -> Option<i64> {
    let Some(header) = message.headers().iter().rfind(|header| header.name == HeaderName::Date) else {
        defects.push("no-date".to_string());
        return None;
    };
    // mail-parser reads a zone of three bytes, whatever they are.
    let written = format!("{}  \n", header::raw(message, header));
    let date = DateTime::parse_rfc822(&written).filter(DateTime::is_valid).map(|date| date.to_timestamp());
    if date.is_none() {
        defects.push("bad-date".to_string());
    }
    date
}

/// PARSE-4, PARSE-11: the first From address. More than one From field, or one that cannot be read, names no author.
fn author(message: &Message<'_>, room: &mut usize, defects: &mut Vec<String>) -> Option<Address> {
    let fields = message.headers().iter().filter(|header| header.name == HeaderName::From).count();
    let all = header::addresses(message, &HeaderName::From, room);
    match (fields, all.into_iter().next()) {
        (0, _) => {
            defects.push("no-from".to_string());
            None
        }
        (1, Some(author)) if author.address.contains('@') => Some(author),
        _ => {
            defects.push("from-ambiguous".to_string());
            None
        }
    }
}

/// PARSE-11: structure that two programs would read in two ways. We take the last of two fields and the first of two
/// boundaries.
fn mime_defects(structure: &Structure<'_>, defects: &mut Vec<String>) {
    let is_twice =
        |head: &Message<'_>, name: HeaderName<'_>| head.headers().iter().filter(|header| header.name == name).count() > 1;
    let two_boundaries = |head: &Message<'_>| {
        let attributes = head.content_type().and_then(mail_parser::ContentType::attributes).unwrap_or_default();
        attributes.iter().filter(|attribute| attribute.name == "boundary").count() > 1
    };
    let is_ambiguous = |head: &Message<'_>| {
        is_twice(head, HeaderName::ContentType) || is_twice(head, HeaderName::ContentTransferEncoding) || two_boundaries(head)
    };
    let heads = std::iter::once(&structure.head).chain(structure.leaves.iter().filter_map(|leaf| leaf.head.as_ref()));
    if heads.into_iter().any(is_ambiguous) {
        defects.push("mime-ambiguous".to_string());
    }
}
