//! `explain FILE`: what would become of a message, without changing anything: the road up to the decision.

use anyhow::Result;

use crate::decide::{Arrival, Plan, Policy, decide};
use crate::mail::{self, Mail};
use crate::store::account::Account;
use crate::store::{Store, facts};
use crate::words::PositionId;

/// Parses a message and decides as if it came through the account now.
pub fn explain(store: &mut Store, account: &Account, bytes: &[u8], policy: &Policy, now: i64) -> Result<(Mail, Plan)> {
    let mail = mail::parse(bytes);
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false };
    let mut facts = store.rehearse(|db| facts::gather(db, account.id, &[&mail], now))?;
    let plan = decide(&arrival, &mail, policy, &mut facts);
    Ok((mail, plan))
}
