//! What people ask the rules for: whose turn it is, and what becomes of an e-mail that waited for their word.

use super::super::answer::Role;
use super::super::case::{self as cases, Course};
use super::super::desk::Desk;
use super::super::duplicate;
use super::super::facts::{EmailFacts, Facts, Load, Policy};
use super::super::gate::Gate;
use super::super::note::note;
use super::super::occasion::Occasion;
use super::super::plan::{Asked, Change, Plan};
use super::super::reason::{Reason, reason};
use super::super::road::{News, open_late, tell};
use super::super::thread::Conversation;
use super::super::{answer, author, bounce, choices, distribute, parent, people};
use super::link::begin;
use crate::fault::{Class, Fault};
use crate::mail::Mail;
use crate::words::{
    BudgetAction, CaseStatus, Distribution, EmailId, ParentBy, RecordId, ReviewDecision, ReviewId, ThreadId, UserId,
};

/// Who gets the next case of an account (DIST-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextCase {
    pub user: Option<UserId>,
    pub because: Reason,
    /// Everybody it could be, with how busy they are; nobody where the account does not choose.
    pub candidates: Vec<(UserId, Load)>,
}

/// Says whose turn it is; the turn stays theirs.
pub fn next_turn(facts: &Facts) -> NextCase {
    let (user, because) = distribute::choose(facts);
    let load = |user: UserId| (user, facts.load.get(&user).copied().unwrap_or_default());
    let candidates = match facts.account.distribution {
        Distribution::None | Distribution::Direct => Vec::new(),
        Distribution::RoundRobin | Distribution::LeastBusy => distribute::candidates(facts),
    };
    NextCase { user, because, candidates: candidates.into_iter().map(load).collect() }
}

/// What a person says of an e-mail that waited for it (LINK-3, FILTER-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It belongs to this record, as if its sender took part in it.
    Accept(RecordId),
    /// It opens a case by the account's rules (CASE-2, DIST-1), which refers to the one that was in question.
    Split { refers_to: Option<RecordId> },
    /// It stays as it is.
    Reject,
}

impl Word {
    const fn decision(self) -> ReviewDecision {
        match self {
            Self::Accept(_) => ReviewDecision::Accepted,
            Self::Split { .. } => ReviewDecision::Split,
            Self::Reject => ReviewDecision::Rejected,
        }
    }
}

/// Decides what becomes of an e-mail that waited, by a person's word, which is said once. What several accounts held is decided with
/// the first, unless that one was rejected.
pub fn settle(
    (review, email): (ReviewId, EmailId),
    mail: &Mail,
    word: Word,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let mut plan = begin(email, asked);
    let mut waiting = facts.waiting.remove(&email).unwrap_or_default();
    if !waiting.contains(&review) {
        return Err(Fault::new(Class::Data, format!("review {review} was decided before"))
            .hint(format!("try: espomail review show {review}")));
    }
    if word == Word::Reject {
        waiting.retain(|one| *one == review);
    } else if facts.emails.get(&email).is_some_and(|known| known.parent_by == Some(ParentBy::Hand)) {
        return Err(Fault::new(Class::Data, format!("e-mail {email} was linked or unlinked by hand meanwhile"))
            .hint(format!("try: espomail review reject {review}")));
    }
    if matches!(word, Word::Split { .. }) {
        has_no_case(review, email, mail, facts)?;
    }
    for one in waiting {
        let because = if one == review { reason!(Link3, "a person said so") } else { reason!(Link3, "with review {review}") };
        plan.add(Change::Decide { review: one, decision: word.decision() }, because);
    }
    if word != Word::Reject {
        at_desk(email, mail, &mut Desk { facts, plan: &mut plan, policy }, |occasion, known, desk| {
            follow(word, &Occasion { arrived_at: desk.facts.now, ..occasion }, known, desk);
        });
    }
    Ok(plan)
}

/// DUP-1, DUP-2: what opened a case meanwhile by another account's rules, or in another copy, opens no second one.
fn has_no_case(review: ReviewId, email: EmailId, mail: &Mail, facts: &Facts) -> Result<(), Fault> {
    let twin = duplicate::other(mail, facts).twin().filter(|twin| *twin != email);
    let case_of = |one| facts.parent_of(one).map(|(record, _)| record).filter(|record| facts.is_case(*record));
    let own = facts.emails.get(&email).and_then(|known| known.parent).map(|record| facts.survivor(record));
    let (case, what) = match (case_of(email), twin.and_then(case_of)) {
        (Some(case), _) if own == Some(case) => {
            let what = format!("e-mail {email} belongs to {} by now", facts.name(case));
            return Err(Fault::new(Class::Data, what).hint(format!("it stays there; try: espomail review reject {review}")));
        }
        (Some(case), _) => (case, format!("the conversation of e-mail {email}")),
        (None, Some(case)) => (case, format!("e-mail {}, of which e-mail {email} is another copy,", twin.unwrap_or_default())),
        (None, None) => return Ok(()),
    };
    // What was in question when it came may be the matter of others.
    let name = facts.name(case);
    let hint = format!("try: espomail review accept {review} --record {name}");
    Err(Fault::new(Class::Data, format!("{what} belongs to {name} by now")).hint(hint))
}

/// Works on a stored e-mail as it was read, with what filters chose for it when it came (FILTER-4).
fn at_desk(email: EmailId, mail: &Mail, desk: &mut Desk<'_>, work: impl FnOnce(Occasion<'_>, &EmailFacts, &mut Desk<'_>)) {
    desk.plan.email = Some(email);
    let Some(known) = desk.facts.emails.get(&email).cloned() else { return };
    let choices = choices::import(mail, desk.facts, desk.plan);
    let seen = author::see(mail, desk.policy, desk.facts, desk.plan);
    let occasion = Occasion { list: seen.list.as_ref(), ..Occasion::of_stored(email, &seen.mail, &known, choices) };
    work(occasion, &known, desk);
}

/// What a held e-mail brings when it goes on. Like the rest of [`super::super::road::decide`], it keeps the facts current.
fn follow(word: Word, occasion: &Occasion<'_>, known: &EmailFacts, desk: &mut Desk<'_>) {
    let (mail, email) = (occasion.mail, occasion.email);
    let mut role = Role::FollowUp;
    let (record, because) = match word {
        Word::Accept(record) => (accept(desk.facts.survivor(record), desk), reason!(Link7, "a person said so")),
        Word::Split { refers_to } => {
            let refers_to = refers_to.map(|record| desk.facts.survivor(record)).filter(|record| desk.facts.is_case(*record));
            let sender = || parent::by_address(mail, None, desk.policy, desk.facts, desk.plan).map(|link| link.record);
            let account = known.parent.or_else(sender).and_then(|record| desk.facts.account_of(record));
            let because = reason!(Link3, "a person said that it opens a case of its own");
            let case = cases::open(occasion, None, account, refers_to, because, desk);
            role = Role::Opener(case);
            (case, reason!(Link7, "it opened this case"))
        }
        Word::Reject => return,
    };
    let thread = desk.facts.thread(known.thread);
    let gate = Gate::without_tokens(mail, occasion.list, occasion.origin, desk.facts);
    cases::come_to(email, thread, record, (ParentBy::Hand, because), &gate, desk);
    people::join_record(record, occasion, desk);
    // The note that it has in the stream of another record comes along (NOTE-1).
    if known.parent.is_none() {
        note(record, occasion, bounce::outgoing(mail, desk.facts), desk);
    }
    answer::consider(occasion, role, desk);
    tell(Some(record), occasion, News::Old, desk);
}

/// A closed case that gets mail by a person's word is open again, however long ago it was closed (CASE-4): nobody would look
/// into it otherwise.
fn accept(record: RecordId, desk: &mut Desk<'_>) -> RecordId {
    let closed = desk.facts.records.get(&record).filter(|known| known.status == Some(CaseStatus::Closed));
    if let Some(known) = closed {
        let status = if known.assigned_user.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
        let because = reason!(Case4, "a person gave {} an e-mail, and it was closed", desk.facts.name(record));
        cases::reopen(record, status, because, desk);
    }
    record
}

/// ACK-3: does what a spent budget forbade, as far as today's rules want it. Of all budgets only that for answers is asked once
/// more where a case is opened: its opener may be a machine.
pub fn release(action: BudgetAction, email: EmailId, mail: &Mail, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    at_desk(email, mail, &mut Desk { facts, plan: &mut plan, policy }, |occasion, known, desk| {
        let parent = desk.facts.parent_of(email).map(|(record, _)| record);
        let case = parent.filter(|record| desk.facts.is_case(*record));
        match action {
            BudgetAction::Case => open_released(known.thread, &occasion, parent, desk),
            BudgetAction::Reopen => match cases::course(&occasion, parent, None, desk.facts) {
                Course::Reopen { case, status, because } => cases::reopen(case, status, because, desk),
                _ => desk.plan.note(reason!(Case4, "its case is not opened again any more")),
            },
            BudgetAction::Answer => {
                let role = match case.filter(|_| known.parent_by == Some(ParentBy::Opened)) {
                    Some(case) => Role::Opener(case),
                    None => Role::First,
                };
                answer::consider(&occasion, role, desk);
            }
            // What is to be told was decided already, and waits in the store.
            BudgetAction::Notification => {}
        }
    });
    plan
}

fn open_released(thread: ThreadId, occasion: &Occasion<'_>, parent: Option<RecordId>, desk: &mut Desk<'_>) {
    let conversation = Conversation::of(thread, desk.facts);
    let Some(case) = open_late(occasion, &conversation, parent, desk) else { return };
    people::join_record(case, occasion, desk);
    desk.facts.budgets.answers = desk.policy.budgets.answers;
    answer::consider(occasion, Role::Opener(case), desk);
    tell(Some(case), occasion, News::Old, desk);
}
