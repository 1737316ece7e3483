//! Delivery reports that are written for people only: of Exchange, Gmail, qmail, Exim, sendmail, Postfix, Domino and others.

use super::super::{Mail, address_key};
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
/// The most bytes of a reason that are kept.
const DIAGNOSTIC: usize = 1_000;

/// Authors of reports: local parts and names.
const DAEMONS: [&str; 14] = [
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "maildaemon",
    "postmaster",
    "mail delivery s",
    "mail delivery system",
    "mail delivery subsystem",
    "mail administrator",
    "mdaemon",
    "internet mail delivery",
    "delivery subsystem",
    "microsoft outlook",
    "system administrator",
];

/// What stands in the subject of a report, in lower case.
const SUBJECTS: [&str; 48] = [
    "undeliverable",
    "undelivered",
    "undeliver",
    "delivery status notification",
    "delivery notification",
    "delivery failure",
    "delivery failed",
    "delivery error",
    "delivery problem",
    "delivery report",
    "delivery unsuccessful",
    "delivery has failed",
    "delivery delay",
    "delivery incomplete",
    "delayed mail",
    "mail delivery failed",
    "mail delivery failure",
    "mail delivery system",
    "mail system error",
    "mail could not be delivered",
    "message could not be delivered",
    "message not delivered",
    "not delivered",
    "could not be delivered",
    "cannot be delivered",
    "returned mail",
    "returned message",
    "returned to sender",
    "failure notice",
    "failure delivery",
    "non-delivery",
    "nondeliverable",
    "non deliverable",
    "message delivery",
    "warning: could not send",
    "warning: message",
    "user unknown",
    "unzustellbar",
    "nicht zugestellt",
    "zustellung",
    "non remis",
    "échec de remise",
    "no se puede entregar",
    "no se ha podido entregar",
    "não entregue",
    "недоставлен",
    "не доставлено",
    "退信",
];

/// What the text of a report says, in lower case.
const FAILURES: [&str; 77] = [
    "error delivering",
    "failed to deliver",
    "attempting to deliver",
    "exceeds allowed",
    "failure reason",
    "送信できません",
    "配信できません",
    "did not reach the following recipient",
    "did not reach some or all",
    "could not be delivered",
    "couldn't be delivered",
    "can't be delivered",
    "cannot be delivered",
    "could not deliver",
    "couldn't deliver",
    "unable to deliver",
    "not able to deliver",
    "wasn't delivered",
    "was not delivered",
    "not been delivered",
    "has failed",
    "have failed",
    "failed permanently",
    "delivery failed",
    "delivery to the following",
    "permanent fatal errors",
    "transient non-fatal errors",
    "permanent error",
    "fatal error",
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such address",
    "no such mailbox",
    "no mailbox here",
    "mailbox unavailable",
    "mailbox not found",
    "mailbox is full",
    "mailbox full",
    "over quota",
    "quota exceeded",
    "does not exist",
    "doesn't exist",
    "do not exist",
    "not found",
    "not listed in",
    "unrouteable",
    "unroutable",
    "address rejected",
    "recipient rejected",
    "recipient address",
    "recipient unknown",
    "invalid recipient",
    "unknown recipient",
    "host unknown",
    "host not found",
    "domain not found",
    "account is disabled",
    "has been disabled",
    "account has been",
    "retry timeout exceeded",
    "retry time",
    "delivery temporarily suspended",
    "will be retried",
    "still be retried",
    "undelivered for",
    "not yet been delivered",
    "rejected",
    "relaying denied",
    "message was undeliverable",
    "nicht zugestellt",
    "konnte nicht",
    "nicht gefunden",
    "n'a pas pu être",
    "no se pudo entregar",
    "não foi possível entregar",
];

/// Phrases after which delivery may still succeed, or fail for a reason that passes.
const SOFT: [&str; 17] = [
    "mailbox full",
    "mailbox is full",
    "over quota",
    "overquota",
    "quota exceeded",
    "exceeded storage",
    "insufficient storage",
    "insufficient system storage",
    "temporarily",
    "try again",
    "will be retried",
    "still be retried",
    "greylist",
    "connection timed out",
    "too many",
    "is full",
    "delayed",
];

const FULL: [&str; 6] = ["mailbox full", "mailbox is full", "over quota", "overquota", "quota exceeded", "exceeded storage"];

/// Phrases that say that the message only waits.
const DELAYS: [&str; 9] = [
    "will be retried",
    "still be retried",
    "will continue to",
    "not yet been delivered",
    "delivery is delayed",
    "has been delayed",
    "warning message only",
    "this is a warning",
    "transient non-fatal errors",
];

/// Where the message that came back begins.
const RETURNED: [&str; 16] = [
    "this is a copy of the message",
    "this is a copy of your message",
    "below this line is a copy",
    "copy of the message",
    "original message",
    "original headers",
    "message headers",
    "returned message",
    "unsent message",
    "undelivered message",
    "transcript of session follows",
    "message follows",
    "the header of",
    "body of message",
    "message text follows",
    "headers follow",
];

/// Reads a report; a sign that a machine wrote it and what it says must come together.
pub fn read(mail: &Mail) -> Option<Bounce> {
    let has_failed_recipients = mail.header_values("X-Failed-Recipients").next().is_some();
    let author = mail.from.as_ref().map(|from| {
        let local = from.address.rsplit_once('@').map_or(from.address.as_str(), |(local, _)| local);
        (local.to_lowercase(), from.name.to_lowercase())
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
    let is_sent_by_nobody = mail.header_values("Return-Path").any(|path| path.trim() == "<>");
    let subject = mail.subject.to_lowercase();
    let is_answer = ["re:", "fwd:", "fw:", "aw:", "wg:", "sv:", "tr:"].iter().any(|prefix| subject.starts_with(prefix));
    let by_subject = !is_answer && SUBJECTS.iter().any(|words| subject.contains(words));
    let signs = [has_failed_recipients, by_daemon, is_sent_by_nobody, by_subject].into_iter().filter(|sign| *sign).count();
    let text = own_words(&mail.text).to_lowercase();
    let says = FAILURES.iter().any(|phrase| text.contains(phrase));
    let is_report = has_failed_recipients || (signs >= 2 && says) || (by_daemon && says && !is_answer);
    is_report.then(Bounce::default)
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
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<Recipient> = Vec::new();
    let failed = mail
        .header_values("X-Failed-Recipients")
        .flat_map(|value| value.split(',').map(|one| one.trim().to_string()).collect::<Vec<_>>());
    for address in failed.filter(|address| address.contains('@')) {
        let at = lines.iter().position(|line| line.contains(address.as_str()));
        add(&mut found, mail, &address, action, || at.map(|at| reason(&lines, at)));
    }
    if found.is_empty() {
        // An address that a line gives by itself, before those that a sentence mentions.
        for is_alone in [true, false] {
            for (at, line) in lines.iter().enumerate() {
                for address in addresses(line) {
                    if !is_alone || stands_alone(line, address) {
                        add(&mut found, mail, address, action, || Some(reason(&lines, at)));
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
    mail: &Mail,
    address: &str,
    action: DeliveryAction,
    diagnostic: impl FnOnce() -> Option<String>,
) {
    let key = address_key(address);
    let is_us = mail.to.iter().chain(&mail.cc).chain(&mail.from).any(|own| own.key() == key);
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
    line.split(move |c| !is_part(c)).map(|word| word.trim_matches(|c| matches!(c, '.' | '\'' | '`' | '*' | '#' | '='))).filter(
        |word| {
            word.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && domain.contains('.')
                    && !domain.contains('@')
                    && !domain.starts_with('.')
                    && word.len() <= 320
            })
        },
    )
}

/// Whether a line is little more than the address: `<a@b>:`, `  a@b`, `a@b (user unknown)`, `Recipient: <a@b>`.
fn stands_alone(line: &str, address: &str) -> bool {
    let line = line.trim();
    let before = line.split_once(address).map_or("", |(before, _)| before);
    let before = before.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    before.is_empty()
        || ["to", "recipient", "final-recipient", "rfc822", "address", "user", "failed recipient"].contains(&before.as_str())
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
