//! LINK: which record a message belongs to. The first hit wins, in the order of the manual.

use super::thread::Conversation;
use super::{Facts, Plan, Policy, RecordFacts};
use crate::mail::{Address, Mail, case_numbers, token};
use crate::words::{CaseStatus, ParentBy, RecordId, RecordKind};

/// A parent and why.
pub struct Link {
    pub record: RecordId,
    pub by: ParentBy,
    pub because: String,
}

/// What was found.
pub struct Found {
    pub link: Option<Link>,
    /// The case that the subject names, of which the sender is no part (LINK-3).
    pub named: Option<RecordId>,
}

/// Finds the parent.
pub fn find(
    mail: &Mail,
    customer: Option<&Address>,
    conversation: &Conversation,
    policy: &Policy,
    facts: &Facts,
    plan: &mut Plan,
) -> Found {
    let mut named = None;
    let link = by_token(mail, policy, facts, plan)
        .or_else(|| by_thread(conversation, facts, plan))
        .or_else(|| by_number(mail, facts, plan, &mut named))
        .or_else(|| by_address(mail, customer, policy, facts, plan));
    Found { link, named }
}

/// LINK-6: the record itself when it is an Account, else the Account it belongs to.
pub fn account_of(record: RecordId, facts: &Facts) -> Option<RecordId> {
    let known = facts.records.get(&record)?;
    if known.kind == RecordKind::Account { Some(record) } else { known.account }
}

/// LINK-1: a signed token of ours, in the ids of earlier messages, the newest first, else in a recipient's plus-address.
fn by_token(mail: &Mail, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Option<Link> {
    for text in mail.token_places() {
        for part in token::parts(&text) {
            let record = match token::read(&policy.tokens, part, facts.now) {
                Ok(record) => facts.survivor(record),
                Err(token::WhyNot::NoToken) => continue,
                Err(why) => {
                    plan.note(format!("LINK-1: the token in <{text}> does not count: {why}"));
                    continue;
                }
            };
            if record.0 == 0 {
                // One of our messages that belongs to no record.
                continue;
            }
            if !facts.records.contains_key(&record) {
                plan.note(format!("LINK-1: the token in <{text}> names a record that is gone"));
                continue;
            }
            let because = format!("LINK-1: the signed token in <{text}> names {}", name(record, facts));
            plan.consider(name(record, facts), ParentBy::Token, true, because.as_str());
            return Some(Link { record, by: ParentBy::Token, because });
        }
    }
    None
}

/// LINK-2: the parent of the replied e-mail, or of its thread.
fn by_thread(conversation: &Conversation, facts: &Facts, plan: &mut Plan) -> Option<Link> {
    let of_thread = facts.parent_of_thread(conversation.thread);
    let of_replied = conversation.replied.and_then(|email| Some((email, facts.parent_of(email)?.0)));
    let (record, because) = match (of_replied, of_thread) {
        (Some((email, record)), Some(other)) if other != record && has_gone_on(record, other, facts) => {
            plan.consider(
                name(record, facts),
                ParentBy::Thread,
                false,
                format!("LINK-2: e-mail {email} belongs to it, but it is over"),
            );
            (other, format!("LINK-2: its thread has gone on in {}", name(other, facts)))
        }
        (Some((email, record)), _) => {
            (record, format!("LINK-2: the parent of e-mail {email}, which it answers, is {}", name(record, facts)))
        }
        (None, Some(record)) => (record, format!("LINK-2: its thread belongs to {}", name(record, facts))),
        (None, None) => return None,
    };
    plan.consider(name(record, facts), ParentBy::Thread, true, because.as_str());
    Some(Link { record, by: ParentBy::Thread, because })
}

/// Whether a case is over and the thread goes on in one that is not (CASE-4).
fn has_gone_on(case: RecordId, other: RecordId, facts: &Facts) -> bool {
    let status = |record: RecordId| facts.records.get(&record).and_then(|known| known.status);
    status(case).is_some_and(|status| !status.is_open()) && status(other).is_some_and(CaseStatus::is_open)
}

/// LINK-3: `[#123]` in the subject, in accounts that make cases, from somebody who takes part in that case.
fn by_number(mail: &Mail, facts: &Facts, plan: &mut Plan, named: &mut Option<RecordId>) -> Option<Link> {
    if !facts.account.make_cases {
        return None;
    }
    let sender = mail.from.as_ref().map(Address::key);
    for number in case_numbers(&mail.subject) {
        let Some(record) = facts.cases_by_number.get(&number).map(|record| facts.survivor(*record)) else {
            plan.note(format!("LINK-3: the subject names case {number}, which does not exist"));
            continue;
        };
        match sender.as_ref().and_then(|sender| role_of(sender, record, facts)) {
            Some(role) => {
                let because = format!("LINK-3: the subject names case:{number}, and the sender is {role}");
                plan.consider(name(record, facts), ParentBy::Number, true, because.as_str());
                return Some(Link { record, by: ParentBy::Number, because });
            }
            None => {
                let because = format!("LINK-3: the subject names case:{number}, but the sender takes no part in it");
                plan.consider(name(record, facts), ParentBy::Number, false, because.as_str());
                plan.note(because);
                *named = named.or(Some(record));
            }
        }
    }
    None
}

/// Says what an address is to a case: its contact, a colleague of the contact, a former correspondent, one of its people.
pub fn role_of(address: &str, case: RecordId, facts: &Facts) -> Option<&'static str> {
    let known = facts.records.get(&case)?;
    let records = facts.records_by_address.get(address).map(Vec::as_slice).unwrap_or_default();
    if known.contact.is_some_and(|contact| records.contains(&contact)) {
        return Some("its contact");
    }
    if facts.correspondents.contains(&(case, address.to_string())) {
        return Some("a former correspondent");
    }
    if let Some(user) = facts.users.get(address) {
        if known.assigned_user == Some(*user) {
            return Some("its assigned user");
        }
        if facts.followers.contains(&(case, *user)) {
            return Some("a follower");
        }
    }
    let account = known.account?;
    records.iter().any(|record| account_of(*record, facts) == Some(account)).then_some("of its Account")
}

/// LINK-4: by address: From, then the first Reply-To, then the first To. Never Cc.
pub fn by_address(mail: &Mail, customer: Option<&Address>, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Option<Link> {
    let places =
        [("the forwarded", customer), ("From", mail.from.as_ref()), ("Reply-To", mail.reply_to.first()), ("To", mail.to.first())];
    for (header, address) in places {
        let Some(address) = address.map(Address::key).filter(|key| !key.is_empty()) else { continue };
        // LINK-5: internal addresses are not looked up as records.
        if is_internal(&address, facts) {
            plan.note(format!("LINK-5: {header} <{address}> is internal"));
            continue;
        }
        if let Some((record, why)) = of_address(&address, policy, facts, plan) {
            let because = format!("LINK-4: {header} <{address}> is {why}; by address, not authenticated");
            plan.consider(name(record, facts), ParentBy::Address, true, because.as_str());
            return Some(Link { record, by: ParentBy::Address, because });
        }
        plan.note(format!("LINK-4: {header} <{address}> is no known record's"));
    }
    None
}

/// Whether an address belongs to one of us: a user or an e-mail account, or is a plus-address of theirs.
pub fn is_internal(address: &str, facts: &Facts) -> bool {
    facts.user_of(address).is_some() || facts.is_own(address)
}

/// The record kinds that an address is looked up in, the first first (LINK-4).
const LOOK_UP: [RecordKind; 3] = [RecordKind::Contact, RecordKind::Account, RecordKind::Lead];

/// How many records of one address the trace names.
const CANDIDATES: usize = 10;

/// Returns the record that an address stands for, and what was found.
fn of_address(address: &str, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Option<(RecordId, String)> {
    let all = facts.records_by_address.get(address)?;
    for kind in LOOK_UP {
        let mut found = all.iter().filter_map(|id| {
            facts.records.get(id).filter(|record| record.kind == kind && record.active).map(|record| (*id, record))
        });
        let Some((id, record)) = found.next() else { continue };
        let others: Vec<RecordId> = found.map(|(other, _)| other).collect();
        for other in others.iter().take(CANDIDATES) {
            let because = format!("LINK-4: <{address}> is its address too, and an older record has it");
            plan.consider(name(*other, facts), ParentBy::Address, false, because);
        }
        let others = others.len();
        if others > 0 {
            plan.note(format!("LINK-4: <{address}> is ambiguous: {others} more of kind {kind}; the oldest active one is taken"));
        }
        let stands_for = stands_for(id, record, policy);
        let mut why = format!("that of {}", name(id, facts));
        if stands_for != id {
            why = format!("{why}, which stands for {}", name(stands_for, facts));
        }
        return Some(
            opportunity_of(stands_for, policy, facts)
                .map_or((stands_for, why.clone()), |(opportunity, only)| (opportunity, format!("{why}, and {only}"))),
        );
    }
    None
}

/// LINK-4: a Contact stands for its Account unless b2c; a converted Lead for what was made from it.
fn stands_for(id: RecordId, record: &RecordFacts, policy: &Policy) -> RecordId {
    let other = match record.kind {
        RecordKind::Contact if !policy.b2c => record.account,
        RecordKind::Lead if policy.b2c => record.converted_contact.or(record.converted_account),
        RecordKind::Lead => record.converted_account.or(record.converted_contact),
        RecordKind::Contact | RecordKind::Account | RecordKind::Opportunity | RecordKind::Case => None,
    };
    other.unwrap_or(id)
}

/// LINK-4, setting `link-open-opportunity`: the single open Opportunity instead of its Account or Contact.
fn opportunity_of(record: RecordId, policy: &Policy, facts: &Facts) -> Option<(RecordId, String)> {
    if !policy.link_open_opportunity {
        return None;
    }
    match facts.records.get(&record)?.open_opportunities.as_slice() {
        [only] => Some((*only, format!("{} is its only open opportunity", name(*only, facts)))),
        _ => None,
    }
}

/// Names a record as people type it.
pub fn name(record: RecordId, facts: &Facts) -> String {
    match facts.records.get(&record) {
        Some(known) => format!("{}:{}", known.kind, known.number),
        None => format!("record {record}"),
    }
}
