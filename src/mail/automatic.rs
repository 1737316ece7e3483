//! AUTO-1: the signs that nobody wrote a message by hand.

use mail_parser::{HeaderName, Message};

use super::{Address, header};

/// Header fields whose presence is a sign.
const PRESENT: [&str; 6] = ["X-Autoreply", "X-Autorespond", "X-Autoresponse", "List-Id", "List-Unsubscribe", "List-Post"];

/// Precedence values that are a sign.
const PRECEDENCE: [&str; 4] = ["bulk", "junk", "list", "auto_reply"];

/// Returns why the message is automatic; nothing when a person wrote it.
pub fn signs(message: &Message<'_>, from: Option<&Address>) -> Vec<String> {
    let mut signs = Vec::new();
    let value = |name: &str| {
        let header = message.headers().iter().find(|header| header.name().eq_ignore_ascii_case(name))?;
        Some(header::text(message, &header.name).trim().to_string())
    };
    if let Some(submitted) = value("Auto-Submitted") {
        // RFC 3834, section 5: parameters and comments follow the keyword.
        let keyword = submitted.split([';', '(', ' ']).next().unwrap_or_default();
        if !keyword.eq_ignore_ascii_case("no") {
            signs.push(format!("Auto-Submitted: {keyword}"));
        }
    }
    for name in PRESENT {
        if value(name).is_some() {
            signs.push(format!("{name} is present"));
        }
    }
    if let Some(precedence) = value("Precedence").filter(|value| PRECEDENCE.iter().any(|word| value.eq_ignore_ascii_case(word))) {
        signs.push(format!("Precedence: {}", precedence.to_ascii_lowercase()));
    }
    if has_empty_return_path(message) {
        signs.push("the Return-Path is empty".to_string());
    }
    if let Some(local) = from.and_then(|from| from.address.rsplit_once('@')).map(|(local, _)| local.to_ascii_lowercase())
        && (local == "mailer-daemon" || local == "postmaster")
    {
        signs.push(format!("From is {local}"));
    }
    let is_report =
        message.parts.first().and_then(|root| mail_parser::MimeHeaders::content_type(root)).is_some_and(|content_type| {
            content_type.ctype().eq_ignore_ascii_case("multipart")
                && content_type.subtype().is_some_and(|s| s.eq_ignore_ascii_case("report"))
        });
    if is_report {
        signs.push("Content-Type is multipart/report".to_string());
    }
    signs
}

fn has_empty_return_path(message: &Message<'_>) -> bool {
    message.headers().iter().filter(|header| header.name == HeaderName::ReturnPath).any(|header| {
        let bytes = message.raw_message.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
        bytes.trim_ascii() == b"<>"
    })
}
