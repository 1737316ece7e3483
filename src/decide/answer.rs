//! ACK: whether a message is answered by itself. Nearly every line says no: an answer too few is a pity, an answer too many may
//! be a loop. How the answer reads is for the pass that queues it.

use super::facts::{Answering, Facts, Policy};
use super::occasion::Occasion;
use super::plan::{Change, Plan};
use super::spend;
use crate::mail::compose::checked_address;
use crate::mail::{Address, Mail};
use crate::words::{AddressState, BudgetAction, EmailId, Fate, RecordId};

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
pub fn consider(email: EmailId, occasion: &Occasion<'_>, role: Role, policy: &Policy, facts: &mut Facts, plan: &mut Plan) {
    let Some(answering) = &facts.account.answering else { return };
    let is_imported = plan.fate == Fate::Imported || plan.fate == Fate::Duplicate;
    let may = if is_imported { Ok(()) } else { Err(format!("ACK-1: its fate is {}", plan.fate)) };
    if let Err(because) = may.and_then(|()| may_answer(occasion, role, answering, policy, facts)) {
        plan.note(format!("ACK-1: no answer: {because}"));
        plan.no_answer.get_or_insert(because);
        return;
    }
    let (Some(from), Some(outlet)) = (&occasion.mail.from, answering.outlet) else { return };
    match spend::take(BudgetAction::Answer, 1, Some(from), facts, plan) {
        Ok(()) => {
            let record = if let Role::Opener(record) = role { Some(record) } else { None };
            let because = match role {
                Role::Opener(_) => "ACK-1: it opened a case",
                _ => "ACK-1: it is the first of its conversation",
            };
            plan.add(Change::Answer { email, to: from.clone(), record, through: outlet }, because);
        }
        Err(because) => {
            plan.no_answer.get_or_insert_with(|| because.clone());
            if facts.spent.is_some() {
                spend::hold(BudgetAction::Answer, email, because, facts, plan);
            } else {
                plan.note(format!("ACK-1: no answer: {because}"));
            }
        }
    }
}

fn may_answer(occasion: &Occasion<'_>, role: Role, answering: &Answering, policy: &Policy, facts: &Facts) -> Result<(), String> {
    let mail = occasion.mail;
    if occasion.archived {
        return Err("FETCH-14: it is older than the account's act-since".to_string());
    }
    if occasion.quiet {
        return Err("FETCH-5: its mailbox was listed again, and it is older than the last pass that went well".to_string());
    }
    if let Some(sign) = forbidden(mail) {
        return Err(format!("AUTO-1: {sign}"));
    }
    if mail.bounce.is_some() {
        return Err("AUTO-1: it is a delivery report".to_string());
    }
    if let Some(because) = &occasion.choices.no_reply {
        return Err(because.clone());
    }
    if occasion.sent_by_us {
        return Err("AUTO-2: it went out from here".to_string());
    }
    match role {
        Role::FollowUp => return Err("ACK-1: it is a follow-up".to_string()),
        Role::First if facts.account.make_cases => return Err("ACK-1: it opened no case".to_string()),
        Role::First | Role::Opener(_) => {}
    }
    if answers_machine(mail, facts) {
        return Err("AUTO-2: it answers what went out from here by itself".to_string());
    }
    let from = mail.from.as_ref().ok_or("ACK-3: nobody says who wrote it")?;
    can_be_written_to(from, facts)?;
    if answering.authenticated_only && !mail.is_vouched_for(&policy.authserv_ids) {
        return Err(format!("ACK-4: our border does not vouch for <{}>", from.address));
    }
    if answering.outlet.is_none() {
        return Err("ACK-2: neither the account nor the system has a server to send through".to_string());
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

fn can_be_written_to(from: &Address, facts: &Facts) -> Result<(), String> {
    let key = from.key();
    if facts.is_own(&key) {
        return Err(format!("ACK-3: <{key}> is our own account"));
    }
    if from.is_nobodys() {
        return Err(format!("AUTO-1: nobody reads <{key}>"));
    }
    if facts.address_states.get(&key).is_some_and(|known| known.state == AddressState::Invalid) {
        return Err(format!("ACK-3: <{key}> is known to be invalid"));
    }
    let bare = Address { name: String::new(), address: from.address.clone() };
    checked_address("To", &bare).map(drop).map_err(|_| "ACK-3: nobody can write to its sender".to_string())
}
