//! `explain FILE`: what would become of a message, without changing anything: the road up to the decision.

use anyhow::Result;

use super::verdict::Names;
use crate::decide::{Arrival, Facts, Plan, Policy, decide};
use crate::mail::{self, Mail};
use crate::store::account::Account;
use crate::store::{Store, facts, spending};
use crate::words::PositionId;

/// A message with what was decided about it.
pub struct Explained {
    pub mail: Mail,
    pub plan: Plan,
    pub names: Names,
}

/// Parses a message and decides as if it came through the account now. Without an account, as if it came through a group
/// account that has no settings into an empty store.
pub fn explain(through: Option<(&mut Store, &Account)>, bytes: &[u8], policy: &Policy, now: i64) -> Result<Explained> {
    let mail = mail::parse(bytes);
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false };
    let mut names = Names::default();
    let mut facts = match through {
        Some((store, account)) => {
            names = Names::all(store.connection())?;
            store.rehearse(|db| {
                let mut facts = facts::gather(db, account.id, &[&mail], now)?;
                // As if it stood in the first mailbox that is read.
                facts.account.mailbox = account.mailboxes.first().cloned();
                facts.budgets = policy.budgets;
                facts.spent = spending::of_late(db, &[&mail], &facts);
                Ok(facts)
            })?
        }
        None => Facts::alone(now),
    };
    facts.trace_filters = true;
    let plan = decide(&arrival, &mail, policy, &mut facts);
    names.add_records(&facts);
    Ok(Explained { mail, plan, names })
}
