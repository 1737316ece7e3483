//! DUP-2: a copy whose content something on the way has changed: a tag in the subject, a warning in the text, a file taken out.
//! It is an e-mail of its own, filed beside the first one, so that there is one case and one answer.
//!
//! Anybody who has seen a message once can write such a copy: Message-ID, author and date are no secret, and From is only
//! claimed. So a copy brings nothing along but itself: its own references, tokens and case numbers lead nowhere; nobody takes
//! part in a case by it; it re-opens nothing and is not answered; no answer by subject finds it; and who gets it is said by the
//! account it came through and by its own To and Cc, as of any mail. The people of one copy do not come to see the other:
//! neither does the first one come to the copy's case, nor do a case's people get a copy that came through an account of others.

use super::case::Course;
use super::desk::Desk;
use super::duplicate;
use super::facts::{Facts, take};
use super::gate::Gate;
use super::parent::{Found, Link};
use super::plan::Change;
use super::reason::reason;
use super::thread::Conversation;
use crate::mail::Mail;
use crate::words::{AccountKind, EmailId, NoteId, NoteKind, ParentBy, RecordId, ThreadId};

/// The first one's conversation.
pub fn conversation(first: EmailId, facts: &mut Facts) -> Conversation {
    let thread = facts.emails.get(&first).map(|known| facts.thread(known.thread));
    let thread = thread.unwrap_or_else(|| ThreadId(take(&mut facts.next.thread)));
    Conversation::of(thread, facts)
}

/// What a copy belongs to: the case of the first one, else that of the conversation which this account may let it into, as the letter
/// itself: whoever has the first one is of another desk, or somebody alone. Else the record of the conversation, else the first one's.
pub fn find(first: EmailId, conversation: &Conversation, gate: &Gate, facts: &Facts) -> Found {
    let own = of_first(first, facts);
    if own.as_ref().is_some_and(|link| facts.is_case(link.record)) {
        return Found { link: own, named: None, left: None };
    }
    let Some(case) = facts.parent_of_thread(conversation.thread).filter(|record| facts.is_case(*record)) else {
        return Found { link: own, named: None, left: None };
    };
    let may_enter = facts.may_enter_by_thread(case) && !is_settled(first, facts);
    match gate.role(case, facts).filter(|_| may_enter) {
        Some(_) => {
            let name = facts.name(case);
            let because = reason!(Dup2, "it is another copy of e-mail {first}, and their thread belongs to {name}");
            Found { link: Some(Link { record: case, by: ParentBy::Thread, because }), named: None, left: None }
        }
        None => Found { link: own, named: None, left: Some(case) },
    }
}

/// Whether a copy is the letter itself for the people of this case, as the first one is of no case.
pub fn is_letter_here(first: EmailId, case: RecordId, facts: &Facts) -> bool {
    facts.is_case(case) && facts.parent_of(first).is_none_or(|(record, _)| !facts.is_case(record))
}

/// The case of the first one, else the record of that conversation, else its own.
pub fn of_first(first: EmailId, facts: &Facts) -> Option<Link> {
    let own = facts.parent_of(first);
    let of_thread = facts.emails.get(&first).and_then(|known| facts.parent_of_thread(known.thread));
    // What of the thread is a case's, and may be the first one's, is so already.
    let of_thread = of_thread.filter(|record| !facts.is_case(*record)).map(|record| (record, ParentBy::Thread));
    let (record, by) = own.filter(|(record, _)| facts.is_case(*record)).or(of_thread).or(own)?;
    let by = if facts.is_firm(record) { ParentBy::Thread } else { by };
    let because = reason!(Dup2, "it is another copy of e-mail {first}, which belongs to {}", facts.name(record));
    Some(Link { record, by, because })
}

/// A copy of what a case has changes nothing about the case.
pub fn course(first: EmailId, case: RecordId, facts: &Facts) -> Course {
    let because = reason!(Dup2, "it is another copy of e-mail {first} of {}", facts.name(case));
    Course::Stay { because }
}

/// Whether a person said where an e-mail belongs: perhaps they deleted its case. What only accounts had that make no cases, and whose
/// conversation has none, was of no case: there it was said of somebody's own mail, and the desk has yet to get its own (DUP-3).
pub fn is_settled(email: EmailId, facts: &Facts) -> bool {
    facts.emails.get(&email).filter(|known| known.parent_by == Some(ParentBy::Hand)).is_some_and(|known| {
        let is_case = |record: RecordId| facts.is_case(record);
        let of_case = facts.parent_of(email).is_some_and(|(record, _)| is_case(record));
        !known.is_private() || of_case || facts.parent_of_thread(known.thread).is_some_and(is_case)
    })
}

/// Whether that is so of any copy that is here of a letter.
pub fn is_any_settled(mail: &Mail, facts: &Facts) -> bool {
    duplicate::twins(mail, facts).any(|twin| is_settled(twin, facts))
}

/// Whether those who have the first one got this copy as well: it came through an account that the first one came through.
pub fn came_the_same_way(first: EmailId, facts: &Facts) -> bool {
    facts.emails.get(&first).is_some_and(|known| known.accounts.contains(&facts.account.id))
}

/// Tells the people of a case that there is another copy, and nothing of what is in it; of a person's own mail not even that.
pub fn note(email: EmailId, first: EmailId, case: RecordId, desk: &mut Desk<'_>) {
    if desk.facts.account.kind == AccountKind::Personal {
        desk.plan.note(reason!(Dup2, "the stream does not tell of it: it is a person's own copy"));
        return;
    }
    let detail = format!("e-mail {email} is another copy of e-mail {first}, came through {}", desk.facts.account.name);
    let id = NoteId(take(&mut desk.facts.next.note));
    let change = Change::AddNote { id, record: case, kind: NoteKind::Linked, email: None, detail, quiet: true };
    desk.plan.add(change, reason!(Dup2, "the people of one copy do not get the other's text and files"));
}
