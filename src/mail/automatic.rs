//! AUTO-1: the signs that nobody wrote a message by hand, and those that nobody wants an answer.

use mail_parser::{ContentType, HeaderName, Message, MimeHeaders};

use super::header;

/// Header fields whose presence is a sign.
const PRESENT: [&str; 6] = ["X-Autoreply", "X-Autorespond", "X-Autoresponse", "List-Id", "List-Unsubscribe", "List-Post"];

/// Precedence values that are a sign.
const PRECEDENCE: [&str; 4] = ["bulk", "junk", "list", "auto_reply"];

/// Values of X-Auto-Response-Suppress that ask for no answer.
const SUPPRESS: [&str; 3] = ["All", "AutoReply", "OOF"];

/// Local parts, without punctuation, that nobody reads.
const NOBODY: [&str; 3] = ["noreply", "donotreply", "nichtantworten"];

/// Returns why the message is automatic; nothing when a person wrote it.
pub fn signs(message: &Message<'_>) -> Vec<String> {
    let mut signs = Vec::new();
    for submitted in values(message, "Auto-Submitted") {
        // RFC 3834, section 5: parameters and comments follow the keyword.
        let keyword = submitted.split([';', '(', ' ', '\t']).next().unwrap_or_default();
        if !keyword.eq_ignore_ascii_case("no") {
            signs.push(format!("Auto-Submitted: {keyword}"));
        }
    }
    for name in PRESENT {
        if values(message, name).next().is_some() {
            signs.push(format!("{name} is present"));
        }
    }
    for precedence in values(message, "Precedence") {
        if PRECEDENCE.iter().any(|word| precedence.eq_ignore_ascii_case(word)) {
            signs.push(format!("Precedence: {}", precedence.to_ascii_lowercase()));
        }
    }
    if values(message, "Return-Path").any(|path| path == "<>") {
        signs.push("the Return-Path is empty".to_string());
    }
    for local in locals(message) {
        if local == "mailer-daemon" || local == "postmaster" {
            signs.push(format!("From is {local}"));
        }
    }
    let is_report = |content_type: &ContentType<'_>| {
        content_type.ctype().eq_ignore_ascii_case("multipart")
            && content_type.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
    };
    if message.content_type().is_some_and(is_report) {
        signs.push("Content-Type is multipart/report".to_string());
    }
    signs
}

/// Returns why the message must not be answered, although a person may have written it.
pub fn suppressions(message: &Message<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    for value in values(message, "X-Auto-Response-Suppress") {
        let asks = |word: &&str| SUPPRESS.iter().any(|suppress| word.eq_ignore_ascii_case(suppress));
        if let Some(word) = value.split([',', ';', ' ']).find(asks) {
            reasons.push(format!("X-Auto-Response-Suppress: {word}"));
        }
    }
    for local in locals(message) {
        let letters: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
        if NOBODY.iter().any(|nobody| letters.contains(nobody)) {
            reasons.push(format!("From is {local}"));
        }
    }
    reasons
}

/// Every value of a header field.
fn values<'m>(message: &'m Message<'_>, name: &'m str) -> impl Iterator<Item = String> + 'm {
    let headers = message.headers().iter().filter(move |header| header.name().eq_ignore_ascii_case(name));
    headers.map(|header| header::raw(message, header))
}

/// The local parts of the authors in lower case; a bounce may come from a bare `MAILER-DAEMON`.
fn locals(message: &Message<'_>) -> Vec<String> {
    let from = header::addresses(message, &HeaderName::From, &mut 10);
    let local = |address: &str| address.rsplit_once('@').map_or(address, |(local, _)| local).to_ascii_lowercase();
    from.iter().map(|from| local(if from.address.is_empty() { &from.name } else { &from.address })).collect()
}
