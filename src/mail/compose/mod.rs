//! Letters that go out: a draft in, the bytes of RFC 5322 out (SEND-4). All of it is ASCII with CRLF, but for addresses
//! that are not; whatever would stand in a header is checked first, and refused rather than mended. lettre writes header, parts
//! and bodies; not its `Message`, which wants an envelope and reads From anew.

mod address;
mod check;
mod draft;
mod field;
mod part;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use check::wrong;

pub use address::checked as checked_address;
pub use address::typed as typed_addresses;
pub(super) use check::is_forbidden;
pub use draft::{AutoKind, Calendar, Draft, EXTRA, File};
pub use field::is_id;

use super::Address;

/// The most recipients of one field (SEND-11).
pub const RECIPIENTS: usize = 100;
/// What the chain of References may take, in bytes: that of one line (RFC 5322, section 2.1.1).
const CHAIN: usize = 998;

/// Who a letter goes to, for the dialogue with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Empty for an automatic answer (ACK-2).
    pub from: String,
    /// To, Cc and Bcc, each once.
    pub recipients: Vec<String>,
    /// Whether the server must know SMTPUTF8 (RFC 6531).
    pub needs_utf8: bool,
}

/// Writes a draft.
pub fn compose(draft: &Draft) -> anyhow::Result<Vec<u8>> {
    let mut header = field::Header::default();
    count_recipients(draft)?;
    header.date(draft.date)?;
    header.addresses("From", std::slice::from_ref(&draft.from))?;
    if let Some(sender) = &draft.sender {
        header.addresses("Sender", std::slice::from_ref(sender))?;
    }
    header.addresses("Reply-To", &draft.reply_to)?;
    let mut known = HashSet::new();
    header.addresses("To", &once(&draft.to, &mut known))?;
    header.addresses("Cc", &once(&draft.cc, &mut known))?;
    // Bcc is checked like the others and never written.
    draft.bcc.iter().try_for_each(|recipient| checked_address("Bcc", recipient).map(drop))?;
    if draft.to.is_empty() && draft.cc.is_empty() {
        // RFC 5322, section 3.4: a group without members; some servers refuse a letter without any recipient field.
        header.own("To", "undisclosed-recipients:;")?;
    }
    header.text("Subject", &draft.subject)?;
    header.ids("Message-ID", std::slice::from_ref(&draft.message_id))?;
    if let Some(id) = &draft.in_reply_to {
        header.ids("In-Reply-To", std::slice::from_ref(id))?;
    }
    header.ids("References", &chain(&draft.references))?;
    automatic(draft.automatic, &mut header)?;
    extra(draft, &mut header)?;
    header.own("MIME-Version", "1.0")?;
    let mut message = header.to_string().into_bytes();
    message.extend(part::body(draft)?);
    Ok(message)
}

/// Those of a field who are not known yet: nobody stands twice among the recipients.
fn once(field: &[Address], known: &mut HashSet<String>) -> Vec<Address> {
    field.iter().filter(|recipient| known.insert(recipient.key())).cloned().collect()
}

/// Returns whom a draft goes to.
pub fn envelope(draft: &Draft) -> anyhow::Result<Envelope> {
    count_recipients(draft)?;
    let from = checked_address("From", draft.sender.as_ref().unwrap_or(&draft.from))?;
    let mut recipients = Vec::new();
    let mut known = HashSet::new();
    for (name, field) in [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)] {
        for recipient in field {
            let address = checked_address(name, recipient)?;
            if known.insert(super::address_key(&address)) {
                recipients.push(address);
            }
        }
    }
    if recipients.is_empty() {
        return Err(wrong("the letter has no recipient"));
    }
    let shown = std::iter::once(("From", &draft.from)).chain(draft.reply_to.iter().map(|address| ("Reply-To", address)));
    let shown: Vec<String> = shown.map(|(name, address)| checked_address(name, address)).collect::<anyhow::Result<_>>()?;
    let needs_utf8 = !from.is_ascii() || recipients.iter().chain(&shown).any(|address| !address.is_ascii());
    // RFC 3834, section 3.3: nobody answers an answer.
    let from = if draft.automatic == Some(AutoKind::Replied) { String::new() } else { from };
    Ok(Envelope { from, recipients, needs_utf8 })
}

/// Refuses too many recipients before anything is done with them (SEND-11).
fn count_recipients(draft: &Draft) -> anyhow::Result<()> {
    let fields = [("Reply-To", &draft.reply_to), ("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)];
    match fields.into_iter().find(|(_, field)| field.len() > RECIPIENTS) {
        None => Ok(()),
        Some((name, field)) => {
            Err(wrong(format!("{name} has {} recipients; a field may have {RECIPIENTS} at most", field.len())))
        }
    }
}

/// Returns the chain without its middle: its first one, then as many of the last as there is room for (SEND-4).
fn chain(ids: &[String]) -> Vec<String> {
    let size = |id: &String| id.len() + "<>\r\n ".len();
    let Some(first) = ids.first() else { return Vec::new() };
    let mut room = CHAIN.saturating_sub("References: ".len() + size(first));
    let last = ids.iter().skip(1).rev().take_while(|id| {
        let fits = size(id) <= room;
        room = room.saturating_sub(size(id));
        fits
    });
    let mut kept: Vec<String> = last.cloned().collect();
    kept.push(first.clone());
    kept.reverse();
    kept
}

/// Says that nobody wrote the letter and nobody shall answer (ACK-2).
fn automatic(kind: Option<AutoKind>, header: &mut field::Header) -> anyhow::Result<()> {
    let Some(kind) = kind else { return Ok(()) };
    header.own("Auto-Submitted", kind.as_str())?;
    header.own("X-Auto-Response-Suppress", "All")?;
    header.own("Precedence", if kind == AutoKind::Replied { "auto_reply" } else { "bulk" })
}

fn extra(draft: &Draft, header: &mut field::Header) -> anyhow::Result<()> {
    for (name, value) in &draft.extra {
        let is_name = name.len() <= 70 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_ours = name.eq_ignore_ascii_case("X-Auto-Response-Suppress");
        let is_free = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-")) && name.len() > 2 && !is_ours;
        if !is_name || !(is_free || EXTRA.iter().any(|known| known.eq_ignore_ascii_case(name))) {
            return Err(wrong(format!("the header field {name:?} cannot be set")));
        }
        header.text(name, value)?;
    }
    Ok(())
}
