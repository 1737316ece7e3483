//! Delivery reports that are written for people only: of Exchange, Gmail, qmail, Exim, sendmail, Postfix, Domino and others.

use std::collections::HashSet;

use super::super::{Address, Mail, address_key};
use super::phrase::{DAEMONS, DELAYS, FAILURES, FULL, RETURNED, SOFT, SUBJECTS};
use super::{Bounce, Recipient};
use crate::words::DeliveryAction;

/// How much of a report is read, in bytes.
const READ: usize = 64 << 10;
/// The most recipients that are read from one report.
const RECIPIENTS: usize = 100;
/// The lines below an address that may say why.
const REASON: usize = 8;
/// The longest line that is searched for addresses, in bytes; of a longer one its beginning is.
const LINE: usize = 1_000;
/// How the address begins that is written where there is none.
const NOBODY: &str = "mailer-daemon";
/// The longest label before an address, in bytes.
const LABEL: usize = 40;
/// Words of labels before the address that a report is about, in lower case.
const LABELS: [&str; 5] = ["recipient", "user", "undeliverable", "failed", "error-for"];
/// The most bytes of a reason that are kept.
const DIAGNOSTIC: usize = 1_000;

/// Reads a report; a sign that a machine wrote it and what it says must come together.
pub fn read(mail: &Mail, has_returned: bool) -> Option<Bounce> {
    let has_failed_recipients = mail.header_values("X-Failed-Recipients").next().is_some();
    let author = mail.from.as_ref().map(|from| {
        let local = from.address.rsplit_once('@').map_or(from.address.as_str(), |(local, _)| local);
        (local.trim_matches('"').to_lowercase(), from.name.to_lowercase())
    });
    // Many a daemon has no address: `MAILER-DAEMON <>`.
    let author = author.or_else(|| {
        let written = mail.header_values("From").next()?.to_lowercase();
        let name = written.split('<').next()?.trim_matches(|c: char| c.is_whitespace() || c == '"');
        Some((name.to_string(), name.to_string()))
    });
    let by_daemon = author.as_ref().is_some_and(|(local, name)| {
        DAEMONS.iter().any(|daemon| local == daemon || (name.starts_with(daemon) && !local.contains("reply")))
            || local.starts_with("mailer-daemon")
    });
    let is_sent_by_nobody = ["Return-Path", "From"].iter().any(|name| mail.header_values(name).any(|path| is_nobody(&path)));
    let subject = mail.subject.to_lowercase();
    let is_answer = ["re:", "fwd:", "fw:", "aw:", "wg:", "sv:", "tr:"].iter().any(|prefix| subject.starts_with(prefix));
    let by_subject = !is_answer && SUBJECTS.iter().any(|words| subject.contains(words));
    let signs = [has_failed_recipients, by_daemon, is_sent_by_nobody, by_subject].into_iter().filter(|sign| *sign).count();
    let words = own_words(&mail.text);
    let text = words.to_lowercase();
    let says = FAILURES.iter().any(|phrase| text.contains(phrase));
    // A daemon that sends a message back needs no words that we know: its subject, or the address alone, says the rest.
    let returns = by_daemon && !is_answer && (has_returned || words.len() < mail.text.len());
    let names = || by_subject || words.lines().any(|line| addresses(line).any(|address| stands_alone(line, address)));
    let is_report = has_failed_recipients || (signs >= 2 && says) || (by_daemon && says && !is_answer) || (returns && names());
    is_report.then(Bounce::default)
}

/// Whether a path is the empty one (RFC 5321, section 4.5.5), or what sendmail writes for it.
fn is_nobody(path: &str) -> bool {
    let path = path.trim();
    let start = path.trim_start_matches('<').get(..NOBODY.len());
    path == "<>" || (path.starts_with('<') && start.is_some_and(|start| start.eq_ignore_ascii_case(NOBODY)))
}

/// Returns the recipients that a report names in its header or its own words.
pub fn recipients(mail: &Mail) -> Vec<Recipient> {
    let text = own_words(&mail.text);
    let lower = text.to_lowercase();
    let action = if DELAYS.iter().any(|phrase| lower.contains(phrase)) && !lower.contains("permanent") {
        DeliveryAction::Delayed
    } else {
        DeliveryAction::Failed
    };
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(at) = lines.iter().position(|line| introduces(line))
        && lines.iter().skip(at + 1).any(|line| addresses(line).next().is_some())
    {
        // Above it stands what the message was, with its To.
        lines.drain(..=at);
    }
    let mut found: Vec<Recipient> = Vec::new();
    // Made once: both lists may be long.
    let own: HashSet<String> = mail.to.iter().chain(&mail.cc).chain(&mail.from).map(Address::key).collect();
    let failed = mail
        .header_values("X-Failed-Recipients")
        .flat_map(|value| value.split(',').map(|one| one.trim().to_string()).collect::<Vec<_>>());
    for address in failed.filter(|address| address.contains('@')).take(RECIPIENTS) {
        let at = lines.iter().position(|line| line.contains(address.as_str()));
        add(&mut found, &own, &address, action, || at.map(|at| reason(&lines, at)));
    }
    if found.is_empty() {
        // An address that a line gives by itself, before those that a sentence mentions.
        for is_alone in [true, false] {
            for (at, line) in lines.iter().enumerate() {
                for address in addresses(line) {
                    if !is_alone || stands_alone(line, address) {
                        add(&mut found, &own, address, action, || Some(reason(&lines, at)));
                    }
                }
            }
            if !found.is_empty() {
                break;
            }
        }
    }
    if let [only] = found.as_mut_slice()
        && only.diagnostic.as_deref().and_then(status).is_none()
    {
        // What is said of the only one may stand anywhere.
        only.status = enhanced(text);
    }
    found
}

fn add(
    found: &mut Vec<Recipient>,
    own: &HashSet<String>,
    address: &str,
    action: DeliveryAction,
    diagnostic: impl FnOnce() -> Option<String>,
) {
    let key = address_key(address);
    let is_us = own.contains(&key);
    let is_service = DAEMONS.iter().any(|daemon| key.starts_with(&format!("{daemon}@")));
    if is_us || is_service || found.len() >= RECIPIENTS || found.iter().any(|one| address_key(&one.address) == key) {
        return;
    }
    let diagnostic = diagnostic().filter(|text| !text.is_empty());
    found.push(Recipient { address: address.to_string(), action, status: None, diagnostic });
}

/// What a report says itself, before the message that came back.
fn own_words(text: &str) -> &str {
    let end = (0..=text.len().min(READ)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let text = &text[..end];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let is_rule = bare.starts_with("--") || bare.starts_with("==") || bare.starts_with("__") || bare.ends_with(':')
            // A sentence of its own, such as `Message headers follow.`
            || ["follow.", "follows."].iter().any(|word| bare.ends_with(word));
        let is_header =
            ["Received:", "Return-Path:", "MIME-Version:", "DKIM-Signature:"].iter().any(|name| bare.starts_with(name));
        let lower = bare.to_lowercase();
        let is_returned = is_rule && bare.len() <= 120 && RETURNED.iter().any(|words| lower.contains(words));
        if at > 0 && (is_header || is_returned) {
            return &text[..at];
        }
        at += line.len();
    }
    text
}

/// Everything in a line that looks like an address.
fn addresses(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || "._+-=@!#$%&*/?^`{|}~'".contains(c);
    let line = line.get(..LINE).unwrap_or(if line.len() > LINE { "" } else { line });
    line.split(move |c| !is_part(c))
        .map(|word| word.trim_matches(|c| matches!(c, '.' | '\'' | '`' | '*' | '#' | '=')))
        // An address inside one of X.400: `dda:SMTP=a@b;` (RFC 2156, section 4.3).
        .map(|word| word.strip_prefix("SMTP=").unwrap_or(word))
        .filter(|word| {
            word.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && domain.contains('.')
                    && !domain.contains('@')
                    && !domain.starts_with('.')
                    && word.len() <= 320
            })
        })
}

/// Whether a line says that the recipients stand below it, such as `did not reach the following recipient(s):`.
fn introduces(line: &str) -> bool {
    let lower = line.trim_end().to_lowercase();
    lower.ends_with(':')
        && lower.len() <= LINE
        && ["following recipient", "following address"].iter().any(|words| lower.contains(words))
}

/// Whether a line is little more than the address: `<a@b>:`, `  a@b`, `a@b (user unknown)`, `Recipient: <a@b>`.
fn stands_alone(line: &str, address: &str) -> bool {
    let line = line.trim();
    let before = line.split_once(address).map_or("", |(before, _)| before);
    let is_label = before.trim_end_matches([' ', '<', '"']).ends_with(':');
    let before = before.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    before.is_empty()
        || ["to", "recipient", "final-recipient", "rfc822", "address", "user", "undeliverable to"].contains(&before.as_str())
        || (is_label && before.len() <= LABEL && LABELS.iter().any(|word| before.contains(word)))
}

/// What is said of an address: the rest of its line and the lines below it, up to an empty line behind words.
fn reason(lines: &[&str], at: usize) -> String {
    let mut text = lines.get(at).map_or("", |line| line.trim()).to_string();
    for line in lines.iter().skip(at + 1).take(REASON) {
        let line = line.trim();
        let is_next = addresses(line).any(|address| stands_alone(line, address));
        if is_next || (line.is_empty() && text.len() > 120) {
            break;
        }
        if !line.is_empty() {
            text.push(' ');
            text.push_str(line);
        }
    }
    text.chars().take(DIAGNOSTIC).collect()
}

/// Returns the Message-ID that a text quotes.
pub fn message_id(text: &str) -> Option<String> {
    let line = text
        .lines()
        .map(str::trim_start)
        .find(|line| line.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("message-id:")))?;
    super::bare_id(line.get(11..)?)
}

/// Returns the enhanced status code that a text has, else what its words or its SMTP code come to.
pub fn status(text: &str) -> Option<String> {
    said(text).or_else(|| by_reply(text))
}

/// Returns the enhanced status code that a text has, else what its words come to.
pub fn said(text: &str) -> Option<String> {
    enhanced(text).or_else(|| by_words(text))
}

fn enhanced(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.')).find_map(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        let [class, subject, detail] = parts.as_slice() else { return None };
        let sound = matches!(*class, "2" | "4" | "5") && [subject, detail].iter().all(|part| !part.is_empty() && part.len() <= 3);
        sound.then(|| word.to_string())
    })
}

fn by_words(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if says(&FULL) {
        return Some("5.2.2".to_string());
    }
    let unknown = [
        "user unknown",
        "unknown user",
        "no such user",
        "no such recipient",
        "no such address",
        "no such mailbox",
        "no mailbox here",
        "mailbox not found",
        "recipient unknown",
        "unknown recipient",
        "invalid recipient",
        "user not found",
        "recipient not found",
        "address not found",
        "account that you tried to reach does not exist",
        "does not exist",
        "doesn't exist",
        "not listed in",
        "unknown address",
        "unknown local",
        "unrouteable address",
        "unroutable address",
        "address couldn't be found",
        "recipient name is not recognized",
        "doesn't have a",
        "not a known user",
        "no account by that name",
    ];
    let no_host = [
        "host unknown",
        "host not found",
        "domain not found",
        "name or service not known",
        "no mx",
        "unknown host",
        "domain does not exist",
        "unrouteable mail domain",
    ];
    let disabled = [
        "account is disabled",
        "has been disabled",
        "account disabled",
        "mailbox disabled",
        "account has been suspended",
        "is inactive",
        "account inactive",
    ];
    if says(&no_host) {
        Some("5.1.2".to_string())
    } else if says(&disabled) {
        Some("5.2.1".to_string())
    } else if says(&unknown) {
        Some("5.1.1".to_string())
    } else if says(&["retry timeout exceeded", "connection timed out", "retry time not reached"]) {
        Some("4.4.7".to_string())
    } else {
        None
    }
}

/// Reads a reply code of SMTP (RFC 5321, section 4.2): of three digits it tells the first.
fn by_reply(text: &str) -> Option<String> {
    let code = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
        word.len() == 3
            && word.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(word.as_bytes(), [b'4' | b'5', b'0'..=b'5', _])
    })?;
    let class = code.get(..1)?;
    match code {
        "450" | "550" | "551" | "553" => Some(format!("{class}.1.0")),
        "452" | "552" => Some(format!("{class}.2.2")),
        _ => Some(format!("{class}.0.0")),
    }
}

/// Whether the words mean that the mailbox has no room.
pub fn is_full(text: &str) -> bool {
    let lower = text.to_lowercase();
    FULL.iter().any(|phrase| lower.contains(phrase))
}

/// Whether the words mean that it may pass.
pub fn is_soft(text: &str) -> bool {
    let lower = text.to_lowercase();
    SOFT.iter().any(|phrase| lower.contains(phrase))
}
