//! THREAD: which conversation a message belongs to.

use super::{Change, Facts, Plan, merge, take};
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
}

/// The most threads that one message brings together: more of them is nobody's conversation.
const JOINS: usize = 100;

/// How long an answer without References finds what it answers (THREAD-3).
const BY_SUBJECT: i64 = 14 * 86_400;

/// THREAD-1: In-Reply-To, else the newest known id in References. All ids are remembered, so that e-mails with a common
/// ancestor we never saw, or arriving in the wrong order, join one thread.
pub fn place(mail: &Mail, arrived_at: i64, collision: bool, facts: &mut Facts, plan: &mut Plan) -> Conversation {
    // A used Message-ID says nothing about the conversation of the mail that took it (DUP-2).
    let own = mail.message_id.iter().filter(|_| !collision);
    let mut replied = mail.ancestors().find_map(|id| facts.emails_by_message_id.get(id).and_then(|found| found.last()).copied());
    let mut threads = Vec::new();
    let of_replied = replied.and_then(|email| facts.emails.get(&email)).map(|known| known.thread);
    let named = mail.ancestors().chain(own.clone()).filter_map(|id| facts.thread_of.get(id).copied());
    for thread in of_replied.into_iter().chain(named).map(|thread| facts.thread(thread)) {
        if threads.len() <= JOINS && !threads.contains(&thread) {
            threads.push(thread);
        }
    }
    match replied {
        Some(email) => plan.note(format!("THREAD-1: answers e-mail {email}")),
        None if !threads.is_empty() => plan.note("THREAD-1: joined by an id that both refer to"),
        None => {
            replied = by_subject(mail, arrived_at, facts, plan);
            let known = replied.and_then(|email| facts.emails.get(&email));
            threads.extend(known.map(|known| facts.thread(known.thread)));
        }
    }

    let mut mixed = false;
    let thread = match threads.split_first() {
        None => ThreadId(take(&mut facts.next.thread)),
        Some((first, others)) => {
            let own_thread = own.clone().next().and_then(|id| facts.thread_of.get(id)).copied();
            for other in others {
                let awaiting = own_thread.map(|thread| facts.thread(thread)).filter(|thread| thread == first || thread == other);
                let awaiting = awaiting.and_then(|thread| facts.parent_of_thread(thread));
                mixed |= join(*first, *other, mail, awaiting, facts, plan);
            }
            *first
        }
    };
    for id in mail.ancestors().chain(own).chain(&mail.thread_index) {
        if !facts.thread_of.contains_key(id) {
            facts.thread_of.insert(id.clone(), thread);
            plan.add(Change::RememberId { message_id: id.clone(), thread }, "THREAD-1: its id leads here");
        }
    }
    Conversation { thread, replied, known: !threads.is_empty(), mixed }
}

/// Joins two threads that turned out to be one; says whether loose e-mails came to a case by it. Two threads that each
/// belong to a matter of its own stay apart unless their cases can be merged: a sender who names both must not be able to
/// mix two cases.
fn join(into: ThreadId, from: ThreadId, mail: &Mail, awaiting: Option<RecordId>, facts: &mut Facts, plan: &mut Plan) -> bool {
    let parents = (facts.parent_of_thread(into), facts.parent_of_thread(from));
    let firm = |record: &_| facts.is_firm(*record);
    if let (Some(one), Some(other)) = (parents.0.filter(firm), parents.1.filter(firm))
        && one != other
        && !merge::bring_together(one, other, mail, awaiting, facts, plan)
    {
        plan.note(format!("THREAD-1: thread {from} belongs to another record and stays apart"));
        return false;
    }
    plan.add(Change::JoinThreads { from, into }, "THREAD-1: this e-mail refers to both");
    facts.joined.insert(from, into);
    facts.thread_parents.remove(&from);
    let parents = (parents.0.map(|record| facts.survivor(record)), parents.1.map(|record| facts.survivor(record)));
    let firm = |record: &_| facts.is_firm(*record);
    let chosen = parents.0.filter(firm).or(parents.1.filter(firm)).or(parents.0).or(parents.1);
    let mixed = parents.0 != parents.1 && chosen.is_some_and(|record| facts.is_case(record));
    if let Some(record) = chosen {
        facts.thread_parents.insert(into, record);
    }
    mixed
}

/// THREAD-3: the last resort for clients that send no References: an answer with the same subject, from somebody who
/// takes part in the conversation, within 14 days.
fn by_subject(mail: &Mail, arrived_at: i64, facts: &Facts, plan: &mut Plan) -> Option<EmailId> {
    let subject = subject::read(&mail.subject);
    let index = mail.thread_index.as_ref().and_then(|index| facts.thread_of.get(index)).map(|thread| facts.thread(*thread));
    if !subject.is_answer && index.is_none() {
        return None;
    }
    let found = subject_keys(mail, &subject, facts).into_iter().find_map(|key| facts.by_subject.get(&key).copied());
    let Some(email) = found else {
        plan.note("THREAD-3: it looks like an answer, but nobody wrote of this subject with its sender of late");
        return None;
    };
    let known = facts.emails.get(&email)?;
    if (arrived_at - known.arrived_at).abs() > BY_SUBJECT {
        plan.note(format!("THREAD-3: e-mail {email} has the same subject and people, but more than 14 days lie between"));
        return None;
    }
    if !subject.is_answer && index != Some(facts.thread(known.thread)) {
        plan.note(format!("THREAD-3: e-mail {email} has the same subject and people, but another Thread-Index"));
        return None;
    }
    let sign = if subject.is_answer { "the subject begins like an answer's" } else { "the Thread-Index is the same" };
    plan.note(format!("THREAD-3: answers e-mail {email}, by subject and sender: {sign}"));
    Some(email)
}

/// Where to look: mail from or to its sender; when one of us wrote it, mail from or to its first recipient.
fn subject_keys(mail: &Mail, subject: &subject::Subject, facts: &Facts) -> Vec<i64> {
    let from = mail.from.as_ref().map(Address::key);
    let is_ours = from.as_ref().is_some_and(|from| super::parent::is_internal(from, facts));
    let person = if is_ours { mail.to.first().map(Address::key) } else { from };
    person.and_then(|person| subject::key(&subject.base, &person)).into_iter().collect()
}
