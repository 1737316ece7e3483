//! Delivery reports (BOUNCE-1): the standard form (RFC 3464), and those that mail systems write by their own habit. A text
//! that only speaks of a failure is none: the other forms need a sign in the header that a machine wrote them.

mod notice;
mod phrase;
mod report;
mod standard;
#[cfg(test)]
mod tests;
mod text;

use super::structure::{self, Leaf, Structure};
use super::{Mail, address_key, header};
use report::{bare_id, is_vague};
use text::{Reasons, Sender};

pub use report::{Bounce, Recipient};

/// The most messages that a report is read for as one that answers them.
const ANSWERED: usize = 20;
/// The most files of a report that are read for another one.
const WRAPPED: usize = 5;
/// The most lines of a message that came back in the text.
const HEADER: usize = 200;

/// Reads a message as a delivery report.
pub fn read(structure: &Structure<'_>, mail: &Mail) -> Option<Bounce> {
    let mut returned = Returned::of(structure);
    let mut bounce = match standard::read(structure) {
        Some(bounce) => bounce,
        // A receipt, an abuse report: reports, but seldom of delivery.
        None if standard::is_other_report(structure) => standard::rejection(structure, &mail.text)?,
        None => match notice::read(&mail.text) {
            Some(bounce) => bounce,
            None => {
                let sender = Sender::of(mail);
                match wrapped(structure, &sender) {
                    Some((bounce, inner)) => {
                        returned = inner;
                        bounce
                    }
                    None => {
                        let in_text = || standard::in_text(&mail.text);
                        let is_report = standard::is_report(structure);
                        match text::read(mail, &sender, is_report, returned.is_there) {
                            Some(bounce) => in_text().unwrap_or(bounce),
                            None if sender.may_wrap() => in_text()?,
                            None => return None,
                        }
                    }
                }
            }
        },
    };
    let own = text::own_words(&mail.text);
    returned.read_on(mail.text.get(own.len()..).unwrap_or_default());
    bounce.message_id = bounce.message_id.or(returned.message_id).or_else(|| text::message_id(&mail.text));
    name(&mut bounce, mail, &returned.to);
    let reasons = Reasons::of(&mail.text);
    let transcript = Some(text::with_transcript(&mail.text)).filter(|_| bounce.recipients.len() == 1);
    for recipient in &mut bounce.recipients {
        settle(recipient, &reasons, transcript);
    }
    bounce.hard = bounce.recipients.iter().any(Recipient::is_hard);
    bounce.answered = mail.in_reply_to.iter().chain(mail.references.iter().rev()).take(ANSWERED).cloned().collect();
    Some(bounce)
}

/// Returns why a message that is no report must not be answered all the same (AUTO-1).
pub fn suppression(mail: &Mail) -> Option<String> {
    Sender::of(mail).suppression(mail)
}

/// Finds the recipients where the part for programs names none, or one that is a file or a program behind an address.
fn name(bounce: &mut Bounce, mail: &Mail, returned_to: &[String]) {
    let is_address = |name: &String| name.contains('@') && !name.starts_with(['|', '/', '"']);
    if bounce.recipients.is_empty() {
        bounce.recipients = text::recipients(mail, returned_to);
        return;
    }
    if bounce.recipients.iter().all(|one| is_address(&one.address)) {
        return;
    }
    let known: Vec<String> = bounce.recipients.iter().map(|one| address_key(&one.address)).collect();
    let mut named = text::recipients(mail, returned_to).into_iter();
    for recipient in bounce.recipients.iter_mut().filter(|one| !is_address(&one.address)) {
        if let Some(found) = named.find(|one| !known.contains(&address_key(&one.address))) {
            recipient.address = found.address;
        }
    }
}

/// Makes a status exact that says less than what the other server said, in its diagnostic or in the words for people; where there
/// is one recipient alone, in the transcript of the session.
fn settle(recipient: &mut Recipient, reasons: &Reasons<'_>, transcript: Option<&str>) {
    let is_open = |status: &Option<String>| status.as_deref().is_none_or(is_vague);
    let diagnostic = recipient.diagnostic.as_deref();
    // Some write the same code whatever the other server said, which is what is meant.
    let told = || {
        let (code, class) = (diagnostic.and_then(text::leading)?, recipient.status.as_deref()?.get(..1)?);
        (code.starts_with(class) && !is_vague(&code)).then_some(code)
    };
    let exact = told().or_else(|| exact(recipient.status.as_deref(), diagnostic?));
    if exact.is_some() {
        recipient.status = exact;
    }
    if (is_open(&recipient.status) || recipient.diagnostic.is_none())
        && let Some(reason) = reasons.of_any(recipient.names())
    {
        if let Some(exact) = self::exact(recipient.status.as_deref(), &reason) {
            recipient.status = Some(exact);
        }
        recipient.diagnostic.get_or_insert(reason);
    }
    if is_open(&recipient.status)
        && let Some(code) = transcript.and_then(text::enhanced).and_then(|code| exact_code(recipient.status.as_deref(), &code))
    {
        recipient.status = Some(code);
    }
}

/// Returns what a text makes of a status that is missing or vague. What may pass does not become final by words: the class is the
/// report's (RFC 3464, section 2.3.4).
fn exact(status: Option<&str>, said: &str) -> Option<String> {
    let Some(vague) = status else { return text::status(said) };
    // That it was tried for too long is exact unless a code says why.
    let code = if vague.ends_with(".4.7") { text::enhanced(said) } else { text::said(said) };
    exact_code(Some(vague), &code?)
}

fn exact_code(status: Option<&str>, code: &str) -> Option<String> {
    let is_better = match status {
        None => true,
        Some(vague) => is_vague(vague) && !is_vague(code) && code.get(..1) == vague.get(..1),
    };
    is_better.then(|| code.to_string())
}

/// A report that another machine passed on as a file: a scanner, a forwarder. A person who does so asks about it.
fn wrapped(structure: &Structure<'_>, sender: &Sender) -> Option<(Bounce, Returned)> {
    if !sender.may_wrap() {
        return None;
    }
    structure.leaves.iter().filter(|leaf| leaf.media_type == "message/rfc822").take(WRAPPED).find_map(|leaf| {
        let bytes = structure.head_of(leaf).encoding().decode(leaf.body);
        let decoded = structure::Decoded::default();
        let inner = structure::of(&bytes, &decoded, &mut Vec::new());
        Some((standard::read(&inner)?, Returned::of(&inner)))
    })
}

/// What came back of the message that a report is about.
#[derive(Default)]
struct Returned {
    is_there: bool,
    message_id: Option<String>,
    to: Vec<String>,
}

impl Returned {
    fn of(structure: &Structure<'_>) -> Self {
        let mut found = Self::default();
        for leaf in returned(structure) {
            found.is_there = true;
            let bytes = structure.head_of(leaf).encoding().decode(leaf.body);
            for (name, value) in header::fields(&bytes) {
                found.field(name, || header::decoded(value));
            }
            if found.message_id.is_some() {
                break;
            }
        }
        found
    }

    /// Reads it where it stands in the text.
    fn read_on(&mut self, text: &str) {
        for line in text.lines().take(HEADER) {
            if let Some((name, value)) = line.trim_start_matches(['>', ' ', '\t']).split_once(':') {
                self.field(name, || value.trim().to_string());
            }
        }
    }

    fn field(&mut self, name: &str, value: impl Fn() -> String) {
        if self.message_id.is_none() && name.eq_ignore_ascii_case("Message-ID") {
            self.message_id = bare_id(&value());
        } else if self.to.is_empty() && name.eq_ignore_ascii_case("To") {
            self.to = text::addresses_of(&value());
        }
    }
}

/// Returns the parts that hold what came back.
fn returned<'s, 'a>(structure: &'s Structure<'a>) -> impl Iterator<Item = &'s Leaf<'a>> {
    const RETURNED: [&str; 6] = [
        "message/rfc822",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "text/rfc822",
        "message/global-headers",
        "message/global",
    ];
    structure.leaves.iter().filter(|leaf| RETURNED.contains(&leaf.media_type.as_str()))
}
