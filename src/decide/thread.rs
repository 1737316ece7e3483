//! THREAD: which conversation a message belongs to.

use super::{Change, Facts, Plan, take};
use crate::mail::Mail;
use crate::words::{EmailId, ThreadId};

/// A message's place in its conversation.
pub struct Conversation {
    pub thread: ThreadId,
    /// The e-mail it answers.
    pub replied: Option<EmailId>,
}

/// THREAD-1: In-Reply-To, else the newest known id in References. All ids are remembered, so that e-mails with a common
/// ancestor we never saw, or arriving in the wrong order, join one thread.
pub fn place(mail: &Mail, collision: bool, facts: &mut Facts, plan: &mut Plan) -> Conversation {
    let identity = mail.identity();
    // A used Message-ID says nothing about the conversation of the mail that took it (DUP-2).
    let own = mail.message_id.iter().filter(|_| !collision);
    let ancestors: Vec<&String> =
        mail.in_reply_to.iter().chain(mail.references.iter().rev()).filter(|id| **id != identity).collect();

    let replied = ancestors.iter().find_map(|id| facts.emails_by_message_id.get(*id).and_then(|found| found.last()).copied());
    let mut threads: Vec<ThreadId> = Vec::new();
    if let Some(known) = replied.and_then(|email| facts.emails.get(&email)) {
        threads.push(known.thread);
    }
    for id in ancestors.iter().copied().chain(own.clone()) {
        if let Some(thread) = facts.thread_of.get(id)
            && !threads.contains(thread)
        {
            threads.push(*thread);
        }
    }

    let thread = match threads.split_first() {
        None => ThreadId(take(&mut facts.next.thread)),
        Some((first, others)) => join(*first, others, facts, plan),
    };
    match replied {
        Some(email) => plan.note(format!("THREAD-1: answers e-mail {email}")),
        None if !threads.is_empty() => plan.note("THREAD-1: joined by an id that both refer to"),
        None => {}
    }
    for id in ancestors.into_iter().chain(own) {
        if !facts.thread_of.contains_key(id) {
            facts.thread_of.insert(id.clone(), thread);
            plan.add(Change::RememberId { message_id: id.clone(), thread }, "THREAD-1: its id leads here");
        }
    }
    Conversation { thread, replied }
}

/// Joins threads that turned out to be one. Two threads that each belong to another record stay apart: a sender who
/// names both must not be able to mix two cases.
fn join(first: ThreadId, others: &[ThreadId], facts: &mut Facts, plan: &mut Plan) -> ThreadId {
    for other in others {
        let parents = (facts.thread_parents.get(&first).copied(), facts.thread_parents.get(other).copied());
        if let (Some(a), Some(b)) = parents
            && a != b
        {
            plan.note(format!("THREAD-1: thread {other} belongs to another record and stays apart"));
            continue;
        }
        plan.add(Change::JoinThreads { from: *other, into: first }, "THREAD-1: this e-mail refers to both");
        if let (None, Some(record)) = parents {
            facts.thread_parents.insert(first, record);
        }
        for thread in facts.thread_of.values_mut().chain(facts.emails.values_mut().map(|email| &mut email.thread)) {
            if thread == other {
                *thread = first;
            }
        }
    }
    first
}
