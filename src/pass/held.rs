//! What a spent budget forbade, done by a person's word (ACK-3): facts → decide → apply, and the answer into the outbox.

use anyhow::{Context, Result};

use crate::decide::access::Permit;
use crate::decide::{Arrival, Change, Plan, Policy, release as decide_release};
use crate::fault::{Class, Fault};
use crate::mail;
use crate::store::held::{self, HeldAction};
use crate::store::{Database, access, apply, facts, raw, spending};
use crate::words::{BudgetAction, PositionId, Rule};

use super::answer;

/// Does what is held, in the caller's transaction. Returns what was done, or why nothing was.
pub fn release(db: &mut Database, permit: &Permit<'_>, held: &HeldAction, policy: &Policy, now: i64) -> Result<String> {
    held::take(db, held)?;
    let said = ("budget release", &*format!("email:{}", held.email), held.action.as_str());
    let done = if held.action == BudgetAction::Notification {
        access::record(db, permit, said.0, said.1, said.2, now)?;
        held::tell(db, held.email, now)?;
        "people hear of it".to_string()
    } else {
        let raw = raw::raw_of(db, held.email)?.context("its raw bytes are gone")?;
        let mail = mail::parse_for_rules(&raw);
        let mut facts = facts::gather(db, held.account_id, &[&mail], now)?;
        facts.spent = spending::of_late(db, &[&mail], &facts);
        let plan = decide_release(held.action, held.email, &mail, policy, &mut facts);
        if held.action == BudgetAction::Answer && plan.no_answer.as_ref().is_some_and(|because| because.rule == Some(Rule::Ack2))
        {
            let hint = "switch the account on, or give it a server (espomail account set --smtp-host), and release it then";
            return Err(Fault::new(Class::Data, "it stays held: there is no server to send the answer through")
                .hint(hint)
                .into());
        }
        let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: None, partial: false };
        apply::apply_to_stored(db, &facts.next, &arrival, &mail, &plan, now)?;
        answer::queue(db, [(&mail, &plan)], &facts, policy, now)?;
        access::record_plan(db, permit, said, (&plan, &[held.email]), now)?;
        told(&plan)
    };
    Ok(done)
}

/// Ends the waiting without doing it.
pub fn drop_one(db: &mut Database, permit: &Permit<'_>, held: &HeldAction, now: i64) -> Result<()> {
    held::take(db, held)?;
    access::record(db, permit, "budget drop", &format!("email:{}", held.email), held.action.as_str(), now)?;
    if held.action == BudgetAction::Notification {
        held::forget(db, held.email)?;
    }
    Ok(())
}

fn told(plan: &Plan) -> String {
    let done: Vec<String> = plan.steps().iter().filter_map(|step| did(&step.change)).collect();
    match (done.is_empty(), plan.notes.last()) {
        (true, Some(note)) => format!("nothing was done: {note}"),
        (true, None) => "nothing was left to do".to_string(),
        (false, _) => done.join(", "),
    }
}

fn did(change: &Change) -> Option<String> {
    match change {
        Change::OpenCase(case) => Some(format!("it opened case:{}", case.number)),
        Change::Reopen { .. } => Some("its case is open again".to_string()),
        Change::Answer { .. } => Some("an answer is queued".to_string()),
        Change::HoldAction { action, .. } => Some(format!("{action} is held in its turn")),
        _ => None,
    }
}
