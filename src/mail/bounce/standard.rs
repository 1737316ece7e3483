//! Delivery status notifications as RFC 3464 and RFC 6533 have them.

use super::super::structure::{Leaf, Structure};
use super::super::{charset, header};
use super::phrase::senses;
use super::report::{Bounce, Recipient, bare_id};
use super::text;
use crate::words::DeliveryAction;

/// The most recipients that are read from one report.
const RECIPIENTS: usize = 1_000;
/// The most bytes of a diagnostic that are kept.
const DIAGNOSTIC: usize = 1_000;

/// Reads the part that a program reads.
pub fn read(structure: &Structure<'_>) -> Option<Bounce> {
    let leaf = structure.leaves.iter().find(|leaf| is_status(structure, leaf))?;
    Some(fields(&structure.head_of(leaf).encoding().decode(leaf.body)))
}

/// Reads what a gateway has put into the text.
pub fn in_text(text: &str) -> Option<Bounce> {
    let begins = |line: &str, name: &str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if begins(line, "Reporting-MTA:") || begins(line, "Final-Recipient:") || begins(line, "Original-Recipient:") {
            return Some(fields(text.get(at..)?.as_bytes())).filter(|bounce| !bounce.recipients.is_empty());
        }
        at += line.len();
    }
    None
}

fn fields(block: &[u8]) -> Bounce {
    let fields = header::fields(block)
        .map(|(name, value)| (name.to_ascii_lowercase(), header::decoded(value)))
        .filter(|(_, value)| !value.is_empty());
    let mut bounce = Bounce::default();
    let mut open = Open::default();
    for (name, value) in fields {
        match name.as_str() {
            "original-envelope-id" => bounce.envelope_id = Some(value),
            "original-recipient" => open.name(&mut bounce, true, value),
            "final-recipient" => open.name(&mut bounce, false, value),
            "action" => {
                // Some write the action before the name: a second one begins the next recipient.
                if open.action.is_some() {
                    open.close(&mut bounce);
                }
                (open.action, open.is_told) = (action(&value), open.last.is_some());
            }
            "status" => open.status = open.status.or_else(|| text::enhanced(&value)).or_else(|| text::status(&value)),
            "diagnostic-code" => {
                // Of several the first that gives a code.
                let said = diagnostic(&value);
                if open.diagnostic.as_deref().and_then(text::enhanced).is_none() {
                    open.diagnostic = Some(said);
                }
            }
            _ => {}
        }
        if bounce.recipients.len() >= RECIPIENTS {
            break;
        }
    }
    open.close(&mut bounce);
    bounce
}

/// Whether a leaf is a delivery status; some send it under another type, named or told by its first words.
fn is_status(structure: &Structure<'_>, leaf: &Leaf<'_>) -> bool {
    match leaf.media_type.as_str() {
        "message/delivery-status"
        | "message/global-delivery-status"
        | "message/xdelivery-status"
        | "message/x-delivery-status" => true,
        "text/plain" | "application/octet-stream" | "text/rfc822-headers" if is_report(structure) => {
            let begins = |word: &str| {
                leaf.body.trim_ascii_start().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            };
            begins("Reporting-MTA:") || begins("Final-Recipient:") || begins("Original-Envelope-Id:")
        }
        _ => false,
    }
}

/// Whether the message is a multipart/report.
pub fn is_report(structure: &Structure<'_>) -> bool {
    structure.head.is("multipart/report")
}

/// Whether it is a report of another kind: a receipt (RFC 8098), an abuse report (RFC 5965), a TLS report (RFC 8460).
pub fn is_other_report(structure: &Structure<'_>) -> bool {
    const OTHERS: [&str; 4] = [
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
        "application/tlsrpt+gzip",
    ];
    structure.leaves.iter().any(|leaf| OTHERS.contains(&leaf.media_type.as_str()))
}

/// Reads a rejection that its server writes in the form of a receipt (RFC 5429 allows it; Dovecot does so).
pub fn rejection(structure: &Structure<'_>, text: &str) -> Option<Bounce> {
    let leaf = structure.leaves.iter().find(|leaf| leaf.media_type == "message/disposition-notification")?;
    if !senses(text::own_words(text)).is_failure() {
        return None;
    }
    let bytes = structure.head_of(leaf).encoding().decode(leaf.body);
    let mut bounce = fields(&bytes);
    for (name, value) in header::fields(&bytes) {
        let value = header::decoded(value);
        match name.to_ascii_lowercase().as_str() {
            "disposition" => {
                let lower = value.to_ascii_lowercase();
                let (mode, kind) = lower.split_once(';')?;
                let is_refused = ["deleted", "denied", "failed"].iter().any(|word| kind.trim().starts_with(word));
                if !mode.trim().starts_with("automatic-action") || !is_refused {
                    return None;
                }
            }
            "original-message-id" => bounce.message_id = bare_id(&value),
            _ => {}
        }
    }
    (!bounce.recipients.is_empty()).then_some(bounce)
}

/// The recipient whose fields are being read.
#[derive(Default)]
struct Open {
    original: Option<String>,
    last: Option<String>,
    action: Option<DeliveryAction>,
    /// The action stood behind Final-Recipient.
    is_told: bool,
    status: Option<String>,
    diagnostic: Option<String>,
}

impl Open {
    /// A second name of the same kind begins the next recipient, also where no empty line does.
    fn name(&mut self, bounce: &mut Bounce, is_original: bool, value: String) {
        let held = if is_original { &self.original } else { &self.last };
        // Original-Recipient comes first where both are there, so behind a Final-Recipient it begins the next one.
        if held.is_some() || (is_original && self.last.is_some() && self.is_told) {
            self.close(bounce);
        }
        let address = address(&value);
        *(if is_original { &mut self.original } else { &mut self.last }) = address;
    }

    fn close(&mut self, bounce: &mut Bounce) {
        let open = std::mem::take(self);
        // A server that knows no addresses (X.400) names others: of two that which is one.
        let (is_address, same) = (|name: &String| name.contains('@'), open.original == open.last);
        let (address, also) = match (open.original, open.last) {
            (Some(original), Some(last)) if is_address(&last) && !is_address(&original) => (last, None),
            (Some(original), Some(last)) => (original, Some(last).filter(|last| !same && is_address(last))),
            (Some(only), None) | (None, Some(only)) => (only, None),
            (None, None) => return,
        };
        let action = open.action.unwrap_or(match open.status.as_deref() {
            Some(status) if status.starts_with('2') => DeliveryAction::Delivered,
            Some(status) if status.starts_with('4') => DeliveryAction::Delayed,
            _ => DeliveryAction::Failed,
        });
        bounce.recipients.push(Recipient { address, also, action, status: open.status, diagnostic: open.diagnostic });
    }
}

fn action(text: &str) -> Option<DeliveryAction> {
    let word = text.split([' ', ';', '(']).next().unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "failure" | "fail" | "bounced" | "rejected" | "undeliverable" | "expired" => Some(DeliveryAction::Failed),
        "delay" | "deferred" => Some(DeliveryAction::Delayed),
        "deliverable" => Some(DeliveryAction::Delivered),
        word => word.parse().ok(),
    }
}

/// Reads `rfc822;a@b`, `utf-8;…` (RFC 6533, section 3) and what is written without a type.
fn address(text: &str) -> Option<String> {
    let (kind, written) = text.split_once(';').map_or(("", text), |(kind, written)| (kind.trim(), written));
    let written = written.trim().trim_matches(['<', '>', '"', '\'']).trim();
    let address = if kind.eq_ignore_ascii_case("utf-8") { unescaped(written) } else { without_xtext(written) };
    let address = charset::without_nul(&address).into_owned();
    (!address.is_empty() && address.len() <= 320).then_some(address)
}

/// Reads `\x{HEX}`.
fn unescaped(text: &str) -> String {
    let mut read = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\\x{") {
        read.push_str(before);
        let code =
            behind.split_once('}').and_then(|(hex, rest)| Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, rest)));
        match code {
            Some((c, behind)) => {
                read.push(c);
                rest = behind;
            }
            None => {
                read.push_str("\\x{");
                rest = behind;
            }
        }
    }
    read.push_str(rest);
    read
}

/// Reads `+XX` (RFC 3461, section 4); a plus of an address is followed by something else than two capital digits.
fn without_xtext(text: &str) -> String {
    let mut read = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('+') {
        read.push_str(before);
        let code = behind.get(..2).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|byte| matches!(byte, b'+' | b'=' | b'@')) {
            Some(byte) => {
                read.push(char::from(byte));
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                read.push('+');
                rest = behind;
            }
        }
    }
    read.push_str(rest);
    read
}

fn diagnostic(value: &str) -> String {
    let text =
        value.split_once(';').map_or(value, |(kind, text)| if kind.len() <= 20 && !kind.contains(' ') { text } else { value });
    text.trim().chars().take(DIAGNOSTIC).collect()
}
