//! THREAD: which conversation a message belongs to.

use super::desk::Desk;
use super::reason::reason;
use std::collections::HashSet;

use super::facts::{Facts, take};
use super::gate::Gate;
use super::merge;
use super::plan::{Change, Plan};
use crate::mail::{Address, Mail, subject};
use crate::words::{EmailId, RecordId, ThreadId};

/// A message's place in its conversation.
pub struct Conversation {
    pub thread: ThreadId,
    /// The e-mail it answers.
    pub replied: Option<EmailId>,
    /// Whether something was in the thread before: e-mails, or ids that others referred to.
    pub known: bool,
    /// Whether e-mails that belong to nobody or to an address came to a thread that has a case.
    pub mixed: bool,
    /// The case that it names by a Message-ID, and that the gate does not let it into (LINK-2).
    pub shut: Option<RecordId>,
    /// What it answers is only guessed, by the subject (THREAD-3): nobody gets it for that.
    pub guessed: bool,
}

/// The most threads that one message brings together: more of them is nobody's conversation.
const JOINS: usize = 100;

/// How long an answer without References finds what it answers (THREAD-3).
const BY_SUBJECT: i64 = 14 * 86_400;

impl Conversation {
    /// The conversation that a stored e-mail is in.
    pub fn of(thread: ThreadId, facts: &Facts) -> Self {
        Self { thread: facts.thread(thread), replied: None, known: true, mixed: false, shut: None, guessed: false }
    }
}

/// THREAD-1: In-Reply-To, else the newest known id in References. All ids are remembered, so that e-mails with a common
/// ancestor we never saw, or arriving in the wrong order, join one thread. Nobody enters a conversation of others by naming its
/// ids, before or after it began: see [`Gate`].
pub fn place(mail: &Mail, arrived_at: i64, collision: bool, gate: &Gate, desk: &mut Desk<'_>) -> Conversation {
    // A used Message-ID says nothing about the conversation of the mail that took it (DUP-2).
    let own = mail.message_id.iter().filter(|_| !collision);
    let (mut replied, mut shut) = answered(mail, gate, desk.facts, desk.plan);
    let (mut threads, mut guessed) = (Vec::new(), false);
    if let Some(known) = replied.and_then(|email| desk.facts.emails.get(&email)) {
        threads.push(desk.facts.thread(known.thread));
    }
    let mut closed = Vec::new();
    for id in mail.ancestors().chain(own.clone()) {
        let Some(thread) = desk.facts.thread_of.get(id).map(|thread| desk.facts.thread(*thread)) else { continue };
        if threads.len() > JOINS || threads.contains(&thread) || closed.contains(&thread) {
            continue;
        }
        if gate.admits(thread, desk.facts.emails_by_message_id.contains_key(id), desk.facts) {
            threads.push(thread);
        } else {
            desk.plan.note(reason!(Thread1, "thread {thread} has one of its ids, but its sender takes no part in that"));
            shut = shut.or_else(|| desk.facts.parent_of_thread(thread).filter(|record| desk.facts.is_case(*record)));
            closed.push(thread);
        }
    }
    match replied {
        Some(email) => desk.plan.note(reason!(Thread1, "answers e-mail {email}")),
        None if !threads.is_empty() => desk.plan.note(reason!(Thread1, "joined by an id that both refer to")),
        None => {
            let found = by_subject(mail, arrived_at, None, desk.facts, desk.plan);
            replied = found.filter(|email| is_let_in(*email, gate, &mut shut, desk.facts, desk.plan));
            guessed = replied.is_some();
            let known = replied.and_then(|email| desk.facts.emails.get(&email));
            threads.extend(known.map(|known| desk.facts.thread(known.thread)));
        }
    }

    let mut mixed = false;
    let thread = match threads.split_first() {
        None => begin(desk.facts),
        Some((first, others)) => {
            for other in others {
                mixed |= join(*first, *other, gate, desk);
            }
            *first
        }
    };
    let own_id = own.clone().next();
    for id in mail.ancestors().chain(own).chain(&mail.thread_index) {
        match desk.facts.thread_of.get(id).map(|thread| desk.facts.thread(*thread)) {
            None => {
                let change = Change::RememberId { message_id: id.clone(), thread };
                desk.plan.add(change, reason!(Thread1, "its id leads here"));
            }
            // Who named it before it came does not say where it belongs.
            Some(other) if Some(id) == own_id && other != thread => {
                let change = Change::MoveId { message_id: id.clone(), thread };
                desk.plan.add(change, reason!(Thread1, "its own id leads here, whoever named it before"));
            }
            Some(_) => continue,
        }
        desk.facts.thread_of.insert(id.clone(), thread);
    }
    Conversation { thread, replied, known: !threads.is_empty(), mixed, shut, guessed }
}

/// From now on the message's own id leads to its thread, whoever had it before (DUP-2).
pub fn take_over(mail: &Mail, thread: ThreadId, desk: &mut Desk<'_>) {
    let Some(id) = &mail.message_id else { return };
    let change = match desk.facts.thread_of.insert(id.clone(), thread) {
        Some(_) => Change::MoveId { message_id: id.clone(), thread },
        None => Change::RememberId { message_id: id.clone(), thread },
    };
    desk.plan.add(change, reason!(Dup2, "its id leads here, and not to the copy that opened nothing"));
}

/// The place of a letter of ours: behind the one that it goes on from, else behind the newest that it refers to. Strangers wrote
/// the ids that it quotes, so it brings nothing together.
pub fn place_letter(mail: &Mail, follows: Option<EmailId>, desk: &mut Desk<'_>) -> Conversation {
    let follows = follows.filter(|email| desk.facts.emails.contains_key(email));
    let sender = mail.from.as_ref().map(Address::key).unwrap_or_default();
    let replied = follows.or_else(|| mail.ancestors().find_map(|id| desk.facts.bearers(id, &sender).into_iter().next()));
    let known = replied.and_then(|email| desk.facts.emails.get(&email)).map(|known| desk.facts.thread(known.thread));
    if let Some(email) = replied {
        desk.plan.note(reason!(Thread1, "answers e-mail {email}"));
    }
    let thread = known.unwrap_or_else(|| begin(desk.facts));
    if let Some(id) = mail.message_id.as_ref().filter(|id| !desk.facts.thread_of.contains_key(*id)) {
        desk.facts.thread_of.insert(id.clone(), thread);
        desk.plan.add(Change::RememberId { message_id: id.clone(), thread }, reason!(Thread1, "its id leads here"));
    }
    Conversation { thread, replied, known: known.is_some(), mixed: false, shut: None, guessed: false }
}

/// Where an e-mail that is here would be, by what lets it in today, as any mail of this account: what it answers, also by its subject, or
/// the thread that has one of its ids. It stays in its thread, with what else came to that.
pub fn again(
    mail: &Mail,
    (email, thread): (EmailId, ThreadId),
    arrived_at: i64,
    gate: &Gate,
    desk: &mut Desk<'_>,
) -> Conversation {
    let facts = &*desk.facts;
    let (mut replied, mut shut) = answered(mail, gate, facts, desk.plan);
    let own = facts.thread(thread);
    let named = mail.ancestors().filter_map(|id| Some((id, facts.thread(*facts.thread_of.get(id)?))));
    let admitted =
        named.filter(|(id, other)| *other != own && gate.admits(*other, facts.emails_by_message_id.contains_key(*id), facts));
    let mut of_ids = admitted.map(|(_, other)| other);
    let of_id = of_ids.find(|other| facts.case_here(*other).is_some()).filter(|_| facts.case_here(own).is_none());
    let mut guessed = false;
    if replied.is_none() && of_id.is_none() {
        let found = by_subject(mail, arrived_at, Some(email), facts, desk.plan);
        replied = found.filter(|email| is_let_in(*email, gate, &mut shut, facts, desk.plan));
        guessed = replied.is_some();
    }
    Conversation { replied, shut, guessed, ..Conversation::of(of_id.unwrap_or(own), facts) }
}

/// Begins a thread.
fn begin(facts: &mut Facts) -> ThreadId {
    let thread = ThreadId(take(&mut facts.next.thread));
    facts.thread_people.insert(thread, HashSet::new());
    thread
}

/// Finds what a message answers, among what the gate lets it answer; and the first case that it does not let it into.
fn answered(mail: &Mail, gate: &Gate, facts: &Facts, plan: &mut Plan) -> (Option<EmailId>, Option<RecordId>) {
    let mut shut = None;
    for id in mail.ancestors() {
        let bearers = facts.bearers(id, gate.sender());
        let Some(first) = bearers.first() else { continue };
        if let Some(email) = bearers.iter().find(|email| gate.admits_email(**email, facts)) {
            return (Some(*email), shut);
        }
        is_let_in(*first, gate, &mut shut, facts, plan);
    }
    (None, shut)
}

/// Whether the gate lets a message answer an e-mail; else its case is named, and the trace says so (LINK-2).
fn is_let_in(email: EmailId, gate: &Gate, shut: &mut Option<RecordId>, facts: &Facts, plan: &mut Plan) -> bool {
    if gate.admits_email(email, facts) {
        return true;
    }
    if !gate.may_touch(email, facts) {
        plan.note(reason!(Access2, "it names an e-mail that the owner of the account may not have to do with"));
        return false;
    }
    let sender = gate.sender();
    let case = facts.parent_of(email).map(|(record, _)| record).filter(|record| facts.is_case(*record));
    plan.note(match case {
        Some(case) => {
            let name = facts.name(case);
            reason!(Link2, "e-mail {email}, which it names, belongs to {name}, but its sender <{sender}> takes no part in that")
        }
        None => reason!(Thread1, "it names e-mail {email}, but its sender <{sender}> takes no part in that conversation"),
    });
    *shut = shut.or(case);
    false
}

/// Joins two threads that turned out to be one; says whether loose e-mails came to a case by it. Two threads that each
/// belong to a matter of its own stay apart unless their cases can be merged: a sender who names both must not be able to
/// mix two cases.
fn join(into: ThreadId, from: ThreadId, gate: &Gate, desk: &mut Desk<'_>) -> bool {
    let parents = (desk.facts.parent_of_thread(into), desk.facts.parent_of_thread(from));
    let firm = |record: &_| desk.facts.is_firm(*record);
    if let (Some(one), Some(other)) = (parents.0.filter(firm), parents.1.filter(firm))
        && one != other
    {
        if !merge::bring_together((into, one), (from, other), gate, desk) {
            desk.plan.note(reason!(Thread1, "thread {from} belongs to another record and stays apart"));
            return false;
        }
    } else if !gate.may_join(into, from, desk.facts) {
        desk.plan.note(reason!(Thread1, "thread {from} stays apart: its sender does not take part in both"));
        return false;
    }
    desk.plan.add(Change::JoinThreads { from, into }, reason!(Thread1, "this e-mail refers to both"));
    let before: Vec<RecordId> = desk.facts.records_of(from).chain(desk.facts.records_of(into)).collect();
    desk.facts.joined.insert(from, into);
    desk.facts.thread_cases.remove(&from);
    desk.facts.thread_parents.remove(&from);
    let came: Vec<String> =
        desk.facts.in_threads.iter().filter(|(thread, _)| *thread == from).map(|(_, who)| who.clone()).collect();
    desk.facts.in_threads.extend(came.into_iter().map(|who| (into, who)));
    // Of a thread that was not gathered whole it is not known who all takes part.
    match desk.facts.thread_people.remove(&from) {
        Some(people) => drop(desk.facts.thread_people.entry(into).and_modify(|all| all.extend(people))),
        None => drop(desk.facts.thread_people.remove(&into)),
    }
    if desk.facts.peopled.remove(&from) {
        desk.facts.peopled.insert(into);
    }
    let parents = (parents.0.map(|record| desk.facts.survivor(record)), parents.1.map(|record| desk.facts.survivor(record)));
    let firm = |record: &_| desk.facts.is_firm(*record);
    let chosen = parents.0.filter(firm).or(parents.1.filter(firm)).or(parents.0).or(parents.1);
    let mixed = parents.0 != parents.1 && chosen.is_some_and(|record| desk.facts.is_case(record));
    if let Some(record) = chosen {
        desk.facts.thread_parents.insert(into, record);
        let others = before.into_iter().filter(|other| *other != record && desk.facts.is_case(*other)).collect();
        desk.facts.thread_cases.insert(into, others);
    }
    mixed
}

/// THREAD-3: the last resort for clients that send no References: an answer with the same subject, from somebody who
/// takes part in the conversation, within 14 days.
fn by_subject(mail: &Mail, arrived_at: i64, itself: Option<EmailId>, facts: &Facts, plan: &mut Plan) -> Option<EmailId> {
    let subject = subject::read(&mail.subject);
    let index = mail.thread_index.as_ref().and_then(|index| facts.thread_of.get(index)).map(|thread| facts.thread(*thread));
    if !subject.is_answer && index.is_none() {
        return None;
    }
    let keys = subject_keys(mail, &subject, facts);
    let mut found = keys.iter().filter_map(|key| facts.by_subject.get(key)).flatten().copied();
    // What others have of it is theirs to know: it is not told apart from nothing (ACCESS-2).
    let Some(email) = found.find(|email| Some(*email) != itself && facts.may_guess(*email)) else {
        plan.note(reason!(Thread3, "it looks like an answer, but nobody wrote of this subject with its sender of late"));
        return None;
    };
    let known = facts.emails.get(&email)?;
    if (arrived_at - known.arrived_at).abs() > BY_SUBJECT {
        plan.note(reason!(Thread3, "e-mail {email} has the same subject and people, but more than 14 days lie between"));
        return None;
    }
    if !subject.is_answer && index != Some(facts.thread(known.thread)) {
        plan.note(reason!(Thread3, "e-mail {email} has the same subject and people, but another Thread-Index"));
        return None;
    }
    let sign = if subject.is_answer { "the subject begins like an answer's" } else { "the Thread-Index is the same" };
    plan.note(reason!(Thread3, "answers e-mail {email}, by subject and sender: {sign}"));
    Some(email)
}

/// Where to look: mail from or to its sender; when one of us wrote it, mail from or to its first recipient.
fn subject_keys(mail: &Mail, subject: &subject::Subject, facts: &Facts) -> Vec<i64> {
    let from = mail.from.as_ref().map(Address::key);
    let is_ours = from.as_ref().is_some_and(|from| facts.is_internal(from));
    let person = if is_ours { mail.to.first().map(Address::key) } else { from };
    person.and_then(|person| subject::key(&subject.base, &person)).into_iter().collect()
}
