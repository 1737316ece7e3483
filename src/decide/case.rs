//! CASE: e-mail-to-case.

use super::along::Brought;
use super::desk::Desk;
use super::reason::{Reason, reason};
use std::collections::HashSet;

use super::facts::{Facts, RecordFacts, take};
use super::gate::Gate;
use super::occasion::Occasion;
use super::parent::Link;
use super::plan::{Change, NewCase};
use super::thread::Conversation;
use super::{bounce, distribute, people};
use crate::mail::{Address, Mail, Sign};
use crate::words::{
    AutomaticCases, CaseStatus, EmailId, Machine, NoteKind, ParentBy, RecordId, RecordKind, ReviewId, ThreadId, UnknownSender,
    UserId,
};

/// What a message does to cases.
pub enum Course {
    /// It opens one, which may refer to another.
    Open { refers_to: Option<RecordId>, because: Reason },
    /// It opens the closed case that it belongs to again.
    Reopen { case: RecordId, status: CaseStatus, because: Reason },
    /// It waits for a person's word.
    Hold { candidate: Option<RecordId>, because: Reason },
    /// Nothing.
    Stay { because: Reason },
}

/// Chooses the course. `named` is a case that the subject or a Message-ID names although the sender takes no part in it.
pub fn course(occasion: &Occasion<'_>, parent: Option<RecordId>, named: Option<RecordId>, facts: &Facts) -> Course {
    if let Some(because) = &occasion.choices.hold {
        return Course::Hold { candidate: parent.or(named), because: because.and(" holds it for review") };
    }
    let forbidden = may_act(occasion, facts).and_then(|()| may_open(occasion, facts));
    let case = parent.filter(|record| facts.is_case(*record));
    match (case, forbidden, named) {
        (Some(case), opening, _) => follow_up(case, occasion, opening, facts),
        (None, Err(because), _) => Course::Stay { because },
        (None, Ok(()), Some(candidate)) if facts.account.unknown_sender == UnknownSender::Hold => {
            let because = reason!(Link3, "it names {}, of which its sender is no part", facts.name(candidate));
            Course::Hold { candidate: Some(candidate), because }
        }
        (None, Ok(()), Some(candidate)) => {
            let name = facts.name(candidate);
            let because = reason!(Link3, "it names {name}, of which its sender is no part, so it is a matter of its own");
            Course::Open { refers_to: Some(candidate), because }
        }
        (None, Ok(()), refers_to) => {
            let because = reason!(Case1, "the first e-mail of its thread, and the account {} makes cases", facts.account.name);
            Course::Open { refers_to, because }
        }
    }
}

/// CASE-1, CASE-4: what a message does to the case that it belongs to.
fn follow_up(case: RecordId, occasion: &Occasion<'_>, opening: Result<(), Reason>, facts: &Facts) -> Course {
    let name = facts.name(case);
    let Some(known) = facts.records.get(&case) else { return Course::Stay { because: reason!(Case1, "it belongs to {name}") } };
    let status = known.status.unwrap_or(CaseStatus::New);
    if status.is_open() {
        return Course::Stay { because: reason!(Case1, "it belongs to {name}") };
    }
    let since_closed = known.closed_at.map_or(0, |closed_at| occasion.arrived_at - closed_at);
    match (status, facts.account.reopen_within) {
        (CaseStatus::Closed, None) => {
            Course::Stay { because: reason!(Case4, "{name} is closed, and the account never re-opens") }
        }
        (CaseStatus::Closed, Some(within)) if since_closed <= within => match may_reopen(case, known, occasion, facts) {
            Ok(()) => {
                let status = if known.assigned_user.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
                Course::Reopen { case, status, because: reason!(Case4, "a follow-up to {name}, closed not long ago") }
            }
            Err(because) => Course::Stay { because },
        },
        _ => match opening {
            Ok(()) => {
                let because = reason!(Case4, "{name} is {status} for good, so this is a matter of its own that refers to it");
                Course::Open { refers_to: Some(case), because }
            }
            Err(because) => Course::Stay { because },
        },
    }
}

/// Whether the account makes cases.
fn may_open(occasion: &Occasion<'_>, facts: &Facts) -> Result<(), Reason> {
    if let Some(because) = &occasion.choices.no_case {
        return Err(because.clone());
    }
    if facts.account.make_cases { Ok(()) } else { Err(reason!(Case1, "the account {} makes none", facts.account.name)) }
}

/// FETCH-14, AUTO-2, AUTO-3: whether mail like this does anything to cases.
fn may_act(occasion: &Occasion<'_>, facts: &Facts) -> Result<(), Reason> {
    if occasion.archived {
        return Err(reason!(Fetch14, "it is older than the account's act-since"));
    }
    if let Some(sign) = forbidden(occasion.mail, facts) {
        return Err(reason!(Auto3, "it is automatic: {sign}"));
    }
    if bounce::outgoing(occasion.mail, facts).is_some() {
        return Err(reason!(Bounce2, "it reports on an e-mail of ours"));
    }
    if occasion.sent_by_us {
        return Err(reason!(Auto2, "it went out from here"));
    }
    if facts.settled.has(occasion.mail) {
        return Err(reason!(Dup1, "it was here and dealt with, and somebody deleted it, or its case"));
    }
    Ok(())
}

/// CASE-4: mail of those who work on the case leaves it closed.
fn may_reopen(case: RecordId, known: &RecordFacts, occasion: &Occasion<'_>, facts: &Facts) -> Result<(), Reason> {
    may_act(occasion, facts)?;
    match occasion.origin.author() {
        Some(user) if known.assigned_user == Some(user) || facts.followers.contains(&(case, user)) => {
            Err(reason!(Case4, "{} stays closed: one of its own people wrote this", facts.name(case)))
        }
        _ => Ok(()),
    }
}

/// AUTO-3: the sign by which the message does nothing to cases, as the account is set.
fn forbidden<'m>(mail: &'m Mail, facts: &Facts) -> Option<&'m Sign> {
    let (lists, automatic) = (facts.account.list_cases, facts.account.automatic_cases);
    let is_ours = mail.list.as_ref().is_some_and(|list| is_own_list(list, facts));
    let may = |sign: &Sign| match sign.kind {
        // Where the list is the desk's own address, it is how customers write to it.
        Machine::List | Machine::Bulk if is_ours => true,
        Machine::List => lists || automatic == AutomaticCases::All,
        Machine::Reply | Machine::Report | Machine::Bulk => automatic == AutomaticCases::All,
        Machine::Generated => automatic != AutomaticCases::None,
    };
    mail.automatic.iter().filter(|sign| !may(sign)).min_by_key(|sign| sign.kind)
}

/// Whether a List-Id is that of an address of ours: `support.example.com` (RFC 2919, section 2).
fn is_own_list(list: &str, facts: &Facts) -> bool {
    let ours = |address: &str| address.replacen('@', ".", 1) == list;
    ours(&facts.account.address) || facts.own_addresses.iter().any(|address| ours(address))
}

/// CASE-2: opens the case and hands it to somebody; returns its id. The facts know it afterwards.
pub fn open(
    occasion: &Occasion<'_>,
    customer: Option<&Address>,
    account_record: Option<RecordId>,
    refers_to: Option<RecordId>,
    because: Reason,
    desk: &mut Desk<'_>,
) -> RecordId {
    let (mail, choices) = (occasion.mail, &occasion.choices);
    let (contact, lead) = people_of(customer.or(mail.from.as_ref()), account_record, desk.facts);
    let (assigned_user, chosen) = match &choices.assign_user {
        Some((user, because)) => (Some(*user), because.clone()),
        None => distribute::choose(desk.facts),
    };
    let usual = if assigned_user.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
    let new = NewCase {
        name: mail.subject.clone(),
        status: choices.status.as_ref().map_or(usual, |(status, _)| *status),
        priority: choices.priority.as_ref().map(|(priority, _)| *priority),
        team: choices.assign_team.as_ref().map(|(team, _)| *team).or(desk.facts.account.case_team),
        account_record,
        contact,
        lead,
        assigned_user,
        through: Some(desk.facts.account.id),
        refers_to,
        email: Some(occasion.email),
        ..NewCase::numbered(desk.facts)
    };
    let id = begin(new, because, desk);
    match assigned_user {
        Some(user) => distribute::record_turn(user, &chosen, choices.assign_user.is_none(), desk),
        None => desk.plan.note(chosen),
    }
    id
}

/// CASE-2: a case begins, and those follow it who do so from the beginning (FOLLOW-1). The facts know it afterwards.
pub fn begin(new: NewCase, because: Reason, desk: &mut Desk<'_>) -> RecordId {
    let (id, number, assigned_user) = (new.id, new.number, new.assigned_user);
    let known = RecordFacts {
        account: new.account_record,
        contact: new.contact,
        lead: new.lead,
        status: Some(new.status),
        priority: new.priority,
        assigned_user,
        through: new.through,
        teams: new.team.into_iter().collect(),
        created_at: desk.facts.now,
        ..RecordFacts::new(RecordKind::Case, number, &new.name, None)
    };
    let email = new.email;
    desk.plan.add(Change::OpenCase(new), because);
    desk.add_note(id, NoteKind::Created, email, "", reason!(Case2, "the stream begins"));
    desk.facts.cases_by_number.insert(number, id);
    desk.facts.records.insert(id, known);
    desk.facts.participants.insert(id, HashSet::new());
    if let Some(user) = desk.plan.asked.and_then(|asked| asked.user) {
        desk.facts.made_by.insert(id, user);
    }
    if let Some(user) = assigned_user {
        desk.plan.add(Change::Follow { record: id, user }, reason!(Follow1, "the assigned user follows the case"));
        desk.facts.followers.insert((id, user));
    }
    auto_follow(id, desk);
    id
}

/// CASE-2: whose matter it is: the Contact with the address; a Lead where there is neither Contact nor Account.
pub fn people_of(person: Option<&Address>, account: Option<RecordId>, facts: &Facts) -> (Option<RecordId>, Option<RecordId>) {
    // LINK-5: an address of ours is nobody's record.
    let person = person.map(Address::key).filter(|person| !facts.is_internal(person)).unwrap_or_default();
    let contact = of_kind(&person, RecordKind::Contact, facts);
    (contact, of_kind(&person, RecordKind::Lead, facts).filter(|_| contact.is_none() && account.is_none()))
}

/// FOLLOW-1: users who follow every record of a kind follow this one, if they may read it.
pub fn auto_follow(record: RecordId, desk: &mut Desk<'_>) {
    let Some(kind) = desk.facts.records.get(&record).map(|known| known.kind) else { return };
    let wanted = desk.facts.people.iter().filter(|(_, person)| person.active && person.follows.contains(&kind));
    let may: Vec<UserId> = wanted.map(|(user, _)| *user).filter(|user| desk.facts.may_read(*user, record)).collect();
    for user in may {
        if desk.facts.followers.insert((record, user)) {
            desk.plan.add(Change::Follow { record, user }, reason!(Follow1, "they follow every {kind} that they may read"));
        }
    }
}

/// CASE-4: opens a closed case again.
pub fn reopen(case: RecordId, status: CaseStatus, because: Reason, desk: &mut Desk<'_>) {
    desk.plan.add(Change::Reopen { case, status }, because);
    desk.add_note(case, NoteKind::Status, None, status.as_str(), reason!(Case4, "the stream says so"));
    let Some(known) = desk.facts.records.get_mut(&case) else { return };
    (known.status, known.closed_at) = (Some(status), None);
    if let Some(load) = known.assigned_user.and_then(|user| desk.facts.load.get_mut(&user)) {
        load.open_cases += 1;
    }
}

/// LINK-3: the message waits for a person's word.
pub fn hold(email: EmailId, candidate: Option<RecordId>, because: Reason, desk: &mut Desk<'_>) {
    let review = ReviewId(take(&mut desk.facts.next.review));
    desk.plan.add(Change::Hold { review, email, account: desk.facts.account.id, candidate }, because);
}

/// THREAD-2: what is in the conversation by address alone, or belongs to nobody, comes to its case.
pub fn adopt(link: &Link, conversation: &Conversation, desk: &mut Desk<'_>) {
    let thread = conversation.thread;
    let has_case = desk.facts.case_here(thread).is_some();
    if !conversation.known || !desk.facts.is_case(link.record) || (has_case && !conversation.mixed) {
        return;
    }
    // It may have come by a token or by a number, from a desk that has no part in it: alone.
    if !desk.facts.may_enter_by_thread(link.record) {
        return;
    }
    let account = desk.facts.account_of(link.record);
    let because =
        reason!(Thread2, "e-mails of its thread and mailbox that had no record, or one by address alone, are the case's");
    let brought = brought(desk);
    desk.plan.add(Change::AdoptThread { thread, case: link.record, account, brought }, because);
    desk.facts.lead(thread, link.record);
}

/// Who brings e-mails to a case.
fn brought(desk: &Desk<'_>) -> Brought {
    desk.plan.asked.map_or(Brought::Mail(desk.facts.account.id), |_| Brought::Person)
}

/// A stored e-mail comes to a case, and the e-mails of its thread along with it (THREAD-2), if its author takes part in that
/// thread: else it comes alone.
pub fn come_to(
    email: EmailId,
    thread: ThreadId,
    case: RecordId,
    (by, because): (ParentBy, Reason),
    gate: &Gate,
    desk: &mut Desk<'_>,
) {
    let account = desk.facts.account_of(case);
    if gate.is_ours() || gate.is_in_thread(thread, desk.facts) {
        let brought = brought(desk);
        desk.plan.add(Change::SetParent { email, thread, parent: case, by, account, brought }, because);
        desk.facts.lead(thread, case);
    } else {
        desk.plan.add(Change::Relink { email, parent: Some(case), by: Some(by), account }, because);
        desk.plan.note(reason!(Thread2, "its author takes no part in its thread, so it comes alone"));
    }
    if let Some(entry) = desk.facts.emails.get_mut(&email) {
        (entry.parent, entry.parent_by) = (Some(case), Some(by));
    }
    let author = gate.sender().to_string();
    if desk.facts.is_case(case) && !author.is_empty() && !desk.facts.is_own(&author) {
        people::let_in(std::slice::from_ref(&author), Some(case), thread, desk.facts);
        desk.plan.add(Change::Invite { email, addresses: vec![author] }, reason!(Link2, "its author takes part in it"));
    }
}

/// Returns the oldest active record of a kind that has an address.
pub fn of_kind(address: &str, kind: RecordKind, facts: &Facts) -> Option<RecordId> {
    let records = facts.records_by_address.get(address)?;
    records.iter().copied().find(|id| facts.records.get(id).is_some_and(|record| record.kind == kind && record.active))
}
