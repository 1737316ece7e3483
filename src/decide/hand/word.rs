//! What people ask the rules for: whose turn it is, and what becomes of an e-mail that waited for their word.

use super::super::answer::Role;
use super::super::author::Origin;
use super::super::case::{self as cases, Course};
use super::super::facts::{Facts, Load, Policy};
use super::super::gate::Gate;
use super::super::note::note;
use super::super::occasion::Occasion;
use super::super::plan::Plan;
use super::super::road::{open_late, tell};
use super::super::thread::Conversation;
use super::super::{answer, author, bounce, choices, distribute, parent, people};
use crate::mail::Mail;
use crate::words::{BudgetAction, CaseStatus, Distribution, EmailId, ParentBy, RecordId, ThreadId, UserId};

/// Who gets the next case of an account (DIST-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub user: Option<UserId>,
    pub because: String,
    /// Everybody it could be, with how busy they are; nobody where the account does not choose.
    pub candidates: Vec<(UserId, Load)>,
}

/// Says whose turn it is; the turn stays theirs.
pub fn next_turn(facts: &Facts) -> Turn {
    let (user, because) = distribute::choose(facts);
    let load = |user: UserId| (user, facts.load.get(&user).copied().unwrap_or_default());
    let candidates = match facts.account.distribution {
        Distribution::None | Distribution::Direct => Vec::new(),
        Distribution::RoundRobin | Distribution::LeastBusy => distribute::candidates(facts),
    };
    Turn { user, because, candidates: candidates.into_iter().map(load).collect() }
}

/// What a person says of an e-mail that waited for it (LINK-3, FILTER-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It belongs to this record, as if its sender took part in it.
    Accept(RecordId),
    /// It opens a case by the account's rules (CASE-2, DIST-1), which refers to the one that was in question.
    Split { refers_to: Option<RecordId> },
}

/// Decides what becomes of a stored e-mail by a person's word. Like the rest of [`super::super::road::decide`], it keeps the facts current.
pub fn by_hand(email: EmailId, mail: &Mail, word: Word, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    plan.email = Some(email);
    let Some(known) = facts.emails.get(&email).cloned() else { return plan };
    // What filters chose for it beside holding it counts now (FILTER-4).
    let choices = choices::import(mail, facts, &mut plan);
    let mail = &*author::see(mail, policy, facts, &mut plan).mail;
    let origin = Origin::of_stored(&known);
    let arrived_at = facts.now;
    let occasion = Occasion { mail, archived: false, arrived_at, choices, sent_by_us: false, origin, quiet: false };
    let mut role = Role::FollowUp;
    let (record, because) = match word {
        Word::Accept(record) => (accept(facts.survivor(record), facts, &mut plan), "LINK-7: a person said so"),
        Word::Split { refers_to } => {
            let refers_to = refers_to.map(|record| facts.survivor(record)).filter(|record| facts.is_case(*record));
            let sender = || parent::by_address(mail, None, policy, facts, &mut plan).map(|link| link.record);
            let account = known.parent.or_else(sender).and_then(|record| facts.account_of(record));
            let because = "LINK-3: a person said that it opens a case of its own".to_string();
            let case = cases::open(email, &occasion, None, (account, refers_to), because, facts, &mut plan);
            role = Role::Opener(case);
            (case, "LINK-7: it opened this case")
        }
    };
    let (account, thread) = (facts.account_of(record), facts.thread(known.thread));
    let gate = Gate::without_tokens(mail, None, occasion.origin, facts);
    cases::come_to(email, thread, (record, account), (ParentBy::Hand, because), &gate, facts, &mut plan);
    people::join_record(email, record, &occasion, facts, &mut plan);
    // The note that it has in the stream of another record comes along (NOTE-1).
    if known.parent.is_none() {
        note(email, record, &occasion, bounce::outgoing(mail, facts), facts, &mut plan);
    }
    answer::consider(email, &occasion, role, policy, facts, &mut plan);
    tell(email, Some(record), &occasion, (false, false), facts, &mut plan);
    plan
}

/// A closed case that gets mail by a person's word is open again, however long ago it was closed (CASE-4): nobody would look
/// into it otherwise.
fn accept(record: RecordId, facts: &mut Facts, plan: &mut Plan) -> RecordId {
    let closed = facts.records.get(&record).filter(|known| known.status == Some(CaseStatus::Closed));
    if let Some(known) = closed {
        let status = if known.assigned_user.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
        let because = format!("CASE-4: a person gave {} an e-mail, and it was closed", facts.name(record));
        cases::reopen(record, status, because, facts, plan);
    }
    record
}

/// ACK-3: does what a spent budget forbade, as far as today's rules want it. Of all budgets only that for answers is asked once
/// more where a case is opened: its opener may be a machine.
pub fn release(action: BudgetAction, email: EmailId, mail: &Mail, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    plan.email = Some(email);
    let Some(known) = facts.emails.get(&email).cloned() else { return plan };
    let choices = choices::import(mail, facts, &mut plan);
    let mail = &*author::see(mail, policy, facts, &mut plan).mail;
    let origin = Origin::of_stored(&known);
    let arrived_at = known.arrived_at;
    let occasion = Occasion { mail, archived: false, arrived_at, choices, sent_by_us: false, origin, quiet: false };
    let parent = facts.parent_of(email).map(|(record, _)| record);
    let case = parent.filter(|record| facts.is_case(*record));
    match action {
        BudgetAction::Case => open_released(email, known.thread, &occasion, parent, policy, facts, &mut plan),
        BudgetAction::Reopen => match cases::course(&occasion, parent, None, facts) {
            Course::Reopen { case, status, because } => cases::reopen(case, status, because, facts, &mut plan),
            _ => plan.note("CASE-4: its case is not opened again any more"),
        },
        BudgetAction::Answer => {
            let role = match case.filter(|_| known.parent_by == Some(ParentBy::Opened)) {
                Some(case) => Role::Opener(case),
                None => Role::First,
            };
            answer::consider(email, &occasion, role, policy, facts, &mut plan);
        }
        // What is to be told was decided already, and waits in the store.
        BudgetAction::Notification => {}
    }
    plan
}

fn open_released(
    email: EmailId,
    thread: ThreadId,
    occasion: &Occasion<'_>,
    parent: Option<RecordId>,
    policy: &Policy,
    facts: &mut Facts,
    plan: &mut Plan,
) {
    let conversation = Conversation::of(thread, facts);
    let Some(case) = open_late(email, occasion, &conversation, parent, facts, plan) else { return };
    people::join_record(email, case, occasion, facts, plan);
    facts.budgets.answers = policy.budgets.answers;
    answer::consider(email, occasion, Role::Opener(case), policy, facts, plan);
    tell(email, Some(case), occasion, (false, false), facts, plan);
}
