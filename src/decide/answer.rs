//! ACK: whether a message is answered by itself. Nearly every line says no: an answer too few is a pity, an answer too many may
//! be a loop. How the answer reads is for the pass that queues it.

use super::desk::Desk;
use super::facts::{Answering, Facts, Policy};
use super::occasion::Occasion;
use super::plan::Change;
use super::reason::{Reason, reason};
use super::spend;
use crate::mail::compose::checked_address;
use crate::mail::{Address, Mail};
use crate::words::{AddressState, BudgetAction, Fate, RecordId, Rule};

/// What a message is to the one who may answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It opened this case.
    Opener(RecordId),
    /// It is the first of its conversation, and there is no case.
    First,
    /// It goes on with something.
    FollowUp,
}

/// Adds the answer to the plan, or why there is none.
pub fn consider(occasion: &Occasion<'_>, role: Role, desk: &mut Desk<'_>) {
    let email = occasion.email;
    let Some(answering) = &desk.facts.account.answering else { return };
    let is_imported = desk.plan.fate == Fate::Imported || desk.plan.fate == Fate::Duplicate;
    let may = if is_imported { Ok(()) } else { Err(reason!(Ack1, "its fate is {}", desk.plan.fate)) };
    if let Err(because) = may.and_then(|()| may_answer(occasion, role, answering, desk.policy, desk.facts)) {
        desk.plan.note(reason!(Ack1, "no answer: {}", because.behind(Rule::Ack1)));
        desk.plan.no_answer.get_or_insert(because);
        return;
    }
    let (Some(from), Some(outlet)) = (&occasion.mail.from, answering.outlet) else { return };
    match spend::take(BudgetAction::Answer, 1, Some(from), desk) {
        Ok(()) => {
            let record = if let Role::Opener(record) = role { Some(record) } else { None };
            let because = match role {
                Role::Opener(_) => reason!(Ack1, "it opened a case"),
                _ => reason!(Ack1, "it is the first of its conversation"),
            };
            desk.plan.add(Change::Answer { email, to: from.clone(), record, through: outlet }, because);
            desk.facts.answered.contents.insert((occasion.mail.identity(), occasion.mail.content_digest));
        }
        Err(because) => {
            desk.plan.no_answer.get_or_insert_with(|| because.clone());
            if desk.facts.spent.is_some() {
                spend::hold(BudgetAction::Answer, email, because, desk);
            } else {
                desk.plan.note(reason!(Ack1, "no answer: {}", because.behind(Rule::Ack1)));
            }
        }
    }
}

fn may_answer(occasion: &Occasion<'_>, role: Role, answering: &Answering, policy: &Policy, facts: &Facts) -> Result<(), Reason> {
    let mail = occasion.mail;
    if occasion.archived {
        return Err(reason!(Fetch14, "it is older than the account's act-since"));
    }
    if occasion.quiet {
        return Err(reason!(Fetch5, "its mailbox was listed again, and it is older than the last pass that went well"));
    }
    if let Some(sign) = forbidden(mail) {
        return Err(reason!(Auto1, "{sign}"));
    }
    if mail.bounce.is_some() {
        return Err(reason!(Auto1, "it is a delivery report"));
    }
    if let Some(because) = &occasion.choices.no_reply {
        return Err(because.clone());
    }
    if occasion.sent_by_us {
        return Err(reason!(Auto2, "it went out from here"));
    }
    if facts.answered.has(mail) {
        return Err(reason!(Ack1, "it was answered already"));
    }
    match role {
        Role::FollowUp => return Err(reason!(Ack1, "it is a follow-up")),
        Role::First if facts.account.make_cases => return Err(reason!(Ack1, "it opened no case")),
        Role::First | Role::Opener(_) => {}
    }
    if answers_machine(mail, facts) {
        return Err(reason!(Auto2, "it answers what went out from here by itself"));
    }
    let from = mail.from.as_ref().ok_or(reason!(Ack3, "nobody says who wrote it"))?;
    can_be_written_to(from, facts)?;
    if answering.authenticated_only && !mail.is_vouched_for(&policy.authserv_ids) {
        return Err(reason!(Ack4, "our border does not vouch for <{}>", from.address));
    }
    if answering.outlet.is_none() {
        return Err(reason!(Ack2, "neither the account nor the system has a server to send through"));
    }
    Ok(())
}

/// AUTO-1: the sign that a message is to get no answer, whatever else it may do.
pub fn forbidden(mail: &Mail) -> Option<&str> {
    mail.automatic.iter().map(|sign| &sign.sign).chain(&mail.no_answer).map(String::as_str).next()
}

/// Whether it answers an answer, or another letter of ours that nobody wrote: what answers such a thing once may do so for ever.
fn answers_machine(mail: &Mail, facts: &Facts) -> bool {
    let named = mail.in_reply_to.iter().filter_map(|id| facts.emails_by_message_id.get(id)).flatten();
    named.filter_map(|email| facts.emails.get(email)).any(|known| known.ours && known.automatic)
}

fn can_be_written_to(from: &Address, facts: &Facts) -> Result<(), Reason> {
    let key = from.key();
    if facts.is_own(&key) {
        return Err(reason!(Ack3, "<{key}> is our own account"));
    }
    if from.is_nobodys() {
        return Err(reason!(Auto1, "nobody reads <{key}>"));
    }
    if facts.address_states.get(&key).is_some_and(|known| known.state == AddressState::Invalid) {
        return Err(reason!(Ack3, "<{key}> is known to be invalid"));
    }
    let bare = Address { name: String::new(), address: from.address.clone() };
    checked_address("To", &bare).map(drop).map_err(|_| reason!(Ack3, "nobody can write to its sender"))
}
