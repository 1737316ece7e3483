//! The order of work for one message: limits, structure, headers, bodies, attachments, signs of automatic mail, digests.

use std::borrow::Cow;

use mail_parser::{Header, HeaderName, HeaderValue, Message, MessageParser, MessagePart};

use super::{Address, Mail, attachment, automatic, charset, header, html, limit, text};

/// A Message-ID longer than this is remembered by its digest (RFC 5322 allows 998 octets a line, databases less a key).
const LONGEST_ID: usize = 255;

/// Parses a message. Cannot fail; what is wrong with it is listed in [`Mail::defects`].
pub fn parse(raw: &[u8]) -> Mail {
    let (bytes, mut defects) = limit::within(raw);
    let mut message = MessageParser::default().parse(bytes.as_ref()).unwrap_or_default();
    if message.parts.is_empty() {
        defects.push("empty".to_string());
        // mail-parser 0.11 indexes the first part without looking.
        message.parts.push(MessagePart::default());
    }
    let headers = message.headers();
    let mut mail = Mail {
        message_id: ids(headers, &HeaderName::MessageId).into_iter().next(),
        in_reply_to: ids(headers, &HeaderName::InReplyTo),
        references: ids(headers, &HeaderName::References),
        subject: subject(&message),
        date: date(headers, &mut defects),
        raw_digest: super::digest(raw),
        size: raw.len() as u64,
        ..Mail::default()
    };
    let mut room = limit::ADDRESSES;
    mail.from = author(&message, &mut room, &mut defects);
    for (list, name) in [
        (&mut mail.reply_to, HeaderName::ReplyTo),
        (&mut mail.to, HeaderName::To),
        (&mut mail.cc, HeaderName::Cc),
        (&mut mail.bcc, HeaderName::Bcc),
    ] {
        *list = header::addresses(&message, &name, &mut room);
    }
    if room == 0 {
        defects.push(format!("limit: more than {} addresses; the rest is left raw", limit::ADDRESSES));
    }
    mime_defects(&message, &mut defects);

    let bodies = text::bodies(&message, &mut defects);
    mail.attachments = attachment::list(&message, bodies.html.as_deref().unwrap_or_default());
    mail.html = bodies.html.map(|html| html::sanitise(&html, &mut defects));
    mail.text = bodies.text;
    mail.automatic = automatic::signs(&message, mail.from.as_ref());
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

/// PARSE-4: decoded, trimmed; empty is `(No Subject)`.
fn subject(message: &Message<'_>) -> String {
    let text = header::text(message, &HeaderName::Subject);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "(No Subject)".to_string() } else { text }
}

/// PARSE-5: the Date header in seconds since 1970 UTC.
fn date(headers: &[Header<'_>], defects: &mut Vec<String>) -> Option<i64> {
    let Some(header) = headers.iter().rfind(|header| header.name == HeaderName::Date) else {
        defects.push("no-date".to_string());
        return None;
    };
    let date = header.value.as_datetime().filter(|date| date.is_valid()).map(mail_parser::DateTime::to_timestamp);
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

/// PARSE-11: structure that two programs would read in two ways.
fn mime_defects(message: &Message<'_>, defects: &mut Vec<String>) {
    let twice = message.parts.iter().any(|part| {
        part.headers.iter().filter(|header| header.name == HeaderName::ContentType).count() > 1
            || part.headers.iter().filter(|header| header.name == HeaderName::ContentTransferEncoding).count() > 1
    });
    if twice || message.parts.iter().any(|part| part.is_encoding_problem) {
        defects.push("mime-ambiguous".to_string());
    }
}
