//! LINK: which record a message belongs to. The first hit wins, in the order of the manual.

use super::facts::{Facts, Policy, RecordFacts};
use super::gate::{self, Gate, role_of};
use super::occasion::Occasion;
use super::plan::Plan;
use super::reason::{Reason, reason};
use super::thread::Conversation;
use crate::mail::{Address, Mail, case_numbers};
use crate::words::{CaseStatus, EmailId, ParentBy, RecordId, RecordKind, ThreadId};

/// A parent and why.
pub struct Link {
    pub record: RecordId,
    pub by: ParentBy,
    pub because: Reason,
}

/// What was found.
pub struct Found {
    pub link: Option<Link>,
    /// The case that the subject or a Message-ID names, of which the sender is no part (LINK-2, LINK-3).
    pub named: Option<RecordId>,
    /// The case of the conversation that is others', or that a person took an e-mail from, which it answers: one that it opens refers to it.
    pub left: Option<RecordId>,
}

/// Finds the parent.
pub fn find(
    occasion: &Occasion<'_>,
    customer: Option<&Address>,
    conversation: &Conversation,
    (gate, policy): (&Gate, &Policy),
    facts: &Facts,
    plan: &mut Plan,
) -> Found {
    let mail = occasion.mail;
    let mut named = conversation.shut;
    let mut left = None;
    let mut elsewhere = |plan: &mut Plan| match by_thread((conversation, occasion.arrived_at), gate, facts, plan, &mut named) {
        Some(link) if facts.is_case(link.record) => Some(link),
        // Somebody's conversation, and no case's.
        link => by_number(mail, gate, facts, plan, &mut named).or(link),
    };
    let link = match by_conversation(occasion, conversation, gate, facts, plan) {
        // A person may have given a letter of a case to somebody (LINK-7): its conversation is the case's all the same (CASE-1).
        Road::Leads(link) if !facts.is_case(link.record) => {
            elsewhere(plan).filter(|other| facts.is_case(other.record)).or(Some(link))
        }
        Road::Leads(link) => Some(link),
        Road::Ends(email) => {
            let link = email.and_then(|email| gone_on(email, conversation.thread, gate, facts, plan));
            if link.is_none() {
                left = facts.parent_of_thread(conversation.thread).filter(|record| facts.is_case(*record));
            }
            link
        }
        Road::GoesOn => elsewhere(plan),
    };
    // The thread may be another desk's as well: what opens for this one refers to that (ACCESS-2).
    if named.is_none() && link.as_ref().is_none_or(|link| !facts.is_case(link.record)) {
        left = left.or_else(|| facts.parent_of_thread(conversation.thread).filter(|record| facts.is_case(*record)));
    }
    let link = link.or_else(|| by_address(mail, customer, policy, facts, plan));
    Found { link, named, left }
}

/// Where the ids of a message lead.
enum Road {
    Leads(Link),
    /// To an e-mail that a person took from its record, where it is here: nothing that answers it belongs there either (LINK-7).
    Ends(Option<EmailId>),
    GoesOn,
}

/// LINK-1: a signed token of ours, in the ids of earlier messages, the newest first, else in a recipient's plus-address. An
/// e-mail that is nearer than the letter with the token, and that is in a matter of its own, says where its answers belong: it
/// may have left the letter's case since (CASE-5).
fn by_conversation(occasion: &Occasion<'_>, conversation: &Conversation, gate: &Gate, facts: &Facts, plan: &mut Plan) -> Road {
    let (mail, at) = (occasion.mail, occasion.arrived_at);
    let replied = conversation.replied;
    let bears =
        |id: &String| replied.is_some_and(|email| facts.emails_by_message_id.get(id).is_some_and(|all| all.contains(&email)));
    let has_token = |id: &String| gate.passes.iter().any(|pass| pass.text == *id);
    let nearest = mail.message_id.iter().chain(mail.ancestors()).find(|id| has_token(id) || bears(id));
    if let Some(email) = replied.filter(|_| nearest.is_none_or(|id| !has_token(id))) {
        if gate::is_taken_away(email, facts) {
            plan.note(reason!(Link7, "a person said of e-mail {email}, which it answers, that it belongs to no record"));
            return Road::Ends(Some(email));
        }
        let is_firm = facts.parent_of(email).is_some_and(|(record, _)| facts.is_firm(record));
        // Without a token the thread says it all.
        if is_firm && nearest.is_some() && !gate.passes.is_empty() {
            return match by_replied(email, (conversation.thread, at), gate, facts, plan) {
                Some(link) => Road::Leads(link),
                None => Road::GoesOn,
            };
        }
    }
    let Some(pass) = gate.passes.first() else { return Road::GoesOn };
    let text = &pass.text;
    let Some(record) = pass.record else {
        let letter = pass.letter.map(|letter| format!("e-mail {letter}, which")).unwrap_or_default();
        plan.note(reason!(Link1, "the signed token in <{text}> is that of {letter} a person took from its record"));
        return Road::Ends(pass.letter);
    };
    // The message may have brought it together with another just now.
    let record = facts.survivor(record);
    if let Some(other) = gone_on_behind(record, (conversation.thread, at), gate, facts) {
        let because = reason!(
            Link2,
            "{}, which the signed token in <{text}> names, is over, and its thread has gone on in {}",
            facts.name(record),
            facts.name(other)
        );
        plan.consider(facts.name(other), ParentBy::Thread, true, &because);
        return Road::Leads(Link { record: other, by: ParentBy::Thread, because });
    }
    let named = facts.name(record);
    let because = match pass.letter {
        Some(letter) => reason!(Link1, "the signed token in <{text}> is that of e-mail {letter}, which is in {named}"),
        None => reason!(Link1, "the signed token in <{text}> names {named}"),
    };
    let because = match role_of(gate.sender(), record, facts) {
        _ if !facts.is_case(record) => because,
        Some(role) => because.and(format_args!("; the sender is {role}")),
        None => because.and(format_args!("; <{}> takes no part in it, and comes in by the token alone", gate.sender())),
    };
    plan.consider(named, ParentBy::Token, true, &because);
    Road::Leads(Link { record, by: ParentBy::Token, because })
}

/// LINK-2: the parent of the replied e-mail, or of its thread. Into a case the gate lets only those who take part in it.
fn by_thread(
    (conversation, at): (&Conversation, i64),
    gate: &Gate,
    facts: &Facts,
    plan: &mut Plan,
    named: &mut Option<RecordId>,
) -> Option<Link> {
    let replied = conversation.replied.and_then(|email| by_replied(email, (conversation.thread, at), gate, facts, plan));
    // What a person gave to somebody, and no case, leaves the conversation where it was (CASE-1).
    if replied.as_ref().is_some_and(|link| facts.is_case(link.record)) {
        return replied;
    }
    let Some(record) = facts.parent_of_thread(conversation.thread) else { return replied };
    if facts.is_case(record) && gate.role(record, facts).is_none() {
        let because = reason!(Link2, "its thread belongs to {}, but the sender takes no part in that", facts.name(record));
        plan.consider(facts.name(record), ParentBy::Thread, false, &because);
        plan.note(because);
        *named = named.or(Some(record));
        return replied;
    }
    if replied.is_some() && !facts.is_case(record) {
        return replied;
    }
    if facts.is_case(record) && !facts.may_enter_by_thread(record) {
        plan.note(reason!(
            Access2,
            "its thread belongs to {}, but what comes through this account is others'",
            facts.name(record)
        ));
        return replied;
    }
    let because = reason!(Link2, "its thread belongs to {}{}", facts.name(record), entry(record, gate, facts));
    plan.consider(facts.name(record), ParentBy::Thread, true, &because);
    Some(Link { record, by: ParentBy::Thread, because })
}

/// LINK-2: the parent of the replied e-mail, which the gate has let the message answer.
fn by_replied(email: EmailId, (thread, at): (ThreadId, i64), gate: &Gate, facts: &Facts, plan: &mut Plan) -> Option<Link> {
    let (record, by) = facts.parent_of(email)?;
    if by == ParentBy::Hand
        && !facts.is_case(record)
        && let Some(link) = gone_on(email, thread, gate, facts, plan)
    {
        return Some(link);
    }
    // A letter of ours leads to where it is, as long as anything can become of that.
    let is_ours = facts.emails.get(&email).is_some_and(|known| known.ours);
    let other = match is_ours {
        true => gone_on_behind(record, (thread, at), gate, facts),
        false => gone_on_from(record, thread, gate, facts),
    };
    let (record, because) = match other {
        Some(other) => {
            plan.consider(
                facts.name(record),
                ParentBy::Thread,
                false,
                reason!(Link2, "e-mail {email} belongs to it, but it is over"),
            );
            (other, reason!(Link2, "its thread has gone on in {}", facts.name(other)))
        }
        None => (record, reason!(Link2, "the parent of e-mail {email}, which it answers, is {}", facts.name(record))),
    };
    let because = because.and(entry(record, gate, facts));
    plan.consider(facts.name(record), ParentBy::Thread, true, &because);
    Some(Link { record, by: ParentBy::Thread, because })
}

/// LINK-7, CASE-1: what answers an e-mail that a person took from its record, or whose case they deleted, comes to the case that a later letter of
/// the conversation has opened since, if its sender takes part in that.
fn gone_on(taken: EmailId, thread: ThreadId, gate: &Gate, facts: &Facts, plan: &mut Plan) -> Option<Link> {
    let of_thread = facts.begun.iter().filter(|(of, _)| facts.thread(**of) == facts.thread(thread)).flat_map(|(_, begun)| begun);
    // One that was merged may be in the very case that it was taken from.
    let later = of_thread.filter(|(opener, record)| *opener > taken && facts.survivor(*record) == *record).copied();
    let may_enter = |record| facts.may_enter_by_thread(record) && gate.role(record, facts).is_some();
    let open_to_it = later.filter(|(_, record)| facts.is_case(*record) && may_enter(*record));
    let (_, record) = open_to_it.max_by_key(|(opener, _)| *opener)?;
    let because = reason!(Link2, "its thread has gone on in {}{}", facts.name(record), entry(record, gate, facts));
    plan.consider(facts.name(record), ParentBy::Thread, true, &because);
    Some(Link { record, by: ParentBy::Thread, because })
}

/// What lets a message into a case, for its trace.
fn entry(record: RecordId, gate: &Gate, facts: &Facts) -> String {
    let role = gate.role(record, facts).filter(|_| facts.is_case(record));
    role.map(|role| format!(", and the sender is {role}")).unwrap_or_default()
}

/// The case in which the thread of another goes on, where that one is over for good and what came to it would open a case each time (CASE-1,
/// CASE-4).
fn gone_on_behind(case: RecordId, (thread, at): (ThreadId, i64), gate: &Gate, facts: &Facts) -> Option<RecordId> {
    let known = facts.records.get(&case)?;
    let is_over = match known.status? {
        CaseStatus::Closed => {
            let since = at - known.closed_at.unwrap_or(at);
            facts.account.reopen_within.is_some_and(|within| since > within)
        }
        status => !status.is_open(),
    };
    if is_over { gone_on_from(case, thread, gate, facts) } else { None }
}

/// The case in which a thread goes on whose other case is over, if the gate lets the message into it.
fn gone_on_from(record: RecordId, thread: ThreadId, gate: &Gate, facts: &Facts) -> Option<RecordId> {
    let of_desk = |other: RecordId| facts.are_of_one_desk(record, other) || facts.may_enter_by_thread(other);
    let mut others = facts.records_of(thread).filter(|other| *other != record && has_gone_on(record, *other, facts));
    others.find(|other| of_desk(*other) && gate.role(*other, facts).is_some())
}

/// Whether a case is over and the thread goes on in one that is not (CASE-4).
fn has_gone_on(case: RecordId, other: RecordId, facts: &Facts) -> bool {
    let status = |record: RecordId| facts.records.get(&record).and_then(|known| known.status);
    status(case).is_some_and(|status| !status.is_open()) && status(other).is_some_and(CaseStatus::is_open)
}

/// LINK-3: `[#123]` in the subject, in accounts that make cases, from somebody who takes part in that case.
fn by_number(mail: &Mail, gate: &Gate, facts: &Facts, plan: &mut Plan, named: &mut Option<RecordId>) -> Option<Link> {
    if !facts.account.make_cases {
        return None;
    }
    for number in case_numbers(&mail.subject) {
        let Some(record) = facts.cases_by_number.get(&number).map(|record| facts.survivor(*record)) else {
            plan.note(reason!(Link3, "the subject names case {number}, which does not exist"));
            continue;
        };
        let as_team = || gate::is_of_its_team(gate.sender(), record, facts).then_some(gate::AS_TEAM);
        let role = role_of(gate.sender(), record, facts).or_else(as_team);
        match role.filter(|_| gate.role(record, facts).is_some()) {
            Some(role) => {
                let because = reason!(Link3, "the subject names case:{number}, and the sender is {role}");
                plan.consider(facts.name(record), ParentBy::Number, true, &because);
                return Some(Link { record, by: ParentBy::Number, because });
            }
            None => {
                let because = reason!(Link3, "the subject names case:{number}, but the sender takes no part in it");
                plan.consider(facts.name(record), ParentBy::Number, false, &because);
                plan.note(because);
                *named = named.or(Some(record));
            }
        }
    }
    None
}

/// LINK-4: by address: From, then the first Reply-To, then the first To. Never Cc.
pub fn by_address(mail: &Mail, customer: Option<&Address>, policy: &Policy, facts: &Facts, plan: &mut Plan) -> Option<Link> {
    let places =
        [("the forwarded", customer), ("From", mail.from.as_ref()), ("Reply-To", mail.reply_to.first()), ("To", mail.to.first())];
    for (header, address) in places {
        let Some(address) = address.map(Address::key).filter(|key| !key.is_empty()) else { continue };
        // LINK-5: internal addresses are not looked up as records.
        if facts.is_internal(&address) {
            plan.note(reason!(Link5, "{header} <{address}> is internal"));
            continue;
        }
        if let Some((record, why)) = of_address(&address, policy, facts, plan) {
            let because = reason!(Link4, "{header} <{address}> is {why}; by address, not authenticated");
            plan.consider(facts.name(record), ParentBy::Address, true, &because);
            return Some(Link { record, by: ParentBy::Address, because });
        }
        plan.note(reason!(Link4, "{header} <{address}> is no known record's"));
    }
    None
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
            let because = reason!(Link4, "<{address}> is its address too, and an older record has it");
            plan.consider(facts.name(*other), ParentBy::Address, false, because);
        }
        let others = others.len();
        if others > 0 {
            plan.note(reason!(Link4, "<{address}> is ambiguous: {others} more of kind {kind}; the oldest active one is taken"));
        }
        let stands_for = stands_for(id, record, policy);
        let mut why = format!("that of {}", facts.name(id));
        if stands_for != id {
            why = format!("{why}, which stands for {}", facts.name(stands_for));
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
        [only] => Some((*only, format!("{} is its only open opportunity", facts.name(*only)))),
        _ => None,
    }
}
