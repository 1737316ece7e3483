//! Who works on an account: one pass at a time, over several hosts too (FETCH-11). The fencing number stops a pass that
//! lost its lease from committing. Times are the database's own on PostgreSQL, so that hosts need not agree.

use anyhow::Result;
use diesel::prelude::*;

use super::schema::{account_states, accounts};
use super::{Database, Store, attempt, dialect};
use crate::clock::is_due;
use crate::fault::{Class, Fault, Reach};
use crate::words::AccountId;

/// The right to work on one account for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub account: AccountId,
    pub fence: i64,
    /// The earlier owner died at work (FETCH-6).
    pub found_dead: bool,
}

/// Takes the account's lease; none while another owner is alive. `is_dead` tells owners that need not be waited for.
pub fn take(
    store: &mut Store,
    account: AccountId,
    owner: &str,
    is_dead: &dyn Fn(&str) -> bool,
    now: i64,
    seconds: i64,
) -> Result<Option<Lease>> {
    store.transaction(|db| {
        let now = dialect::clock(db, now)?;
        let row = account_states::table.find(account).select((
            account_states::fence,
            account_states::lease_owner,
            account_states::lease_until,
        ));
        let Some((fence, earlier, until)) = row.first::<(i64, Option<String>, Option<i64>)>(db).optional()? else {
            return Ok(None);
        };
        let alive = earlier.as_deref().is_some_and(|earlier| !is_dead(earlier));
        // A lease further ahead than it ever lasts was taken while the clock was wrong.
        if alive && until.is_some_and(|until| !is_due(until, now, seconds)) {
            return Ok(None);
        }
        // Of two that saw the same fence on PostgreSQL, the second updates no row.
        let taken = diesel::update(account_states::table.find(account).filter(account_states::fence.eq(fence)))
            .set((
                account_states::fence.eq(fence + 1),
                account_states::lease_owner.eq(owner),
                account_states::lease_until.eq(now.saturating_add(seconds)),
            ))
            .execute(db)?;
        if taken != 1 {
            return Ok(None);
        }
        let found_dead = earlier.is_some();
        // Who could not give the lease back because the server was away may have ended in order.
        let renewed = until.map(|until| until.saturating_sub(seconds));
        let lost_server = found_dead && dialect::has_restarted(db, renewed.unwrap_or(now))?;
        let died = found_dead && !lost_server;
        attempt::judge(db, account, died)?;
        Ok(Some(Lease { account, fence: fence + 1, found_dead }))
    })
}

/// Stays alive for another while; fails when the lease was lost.
pub fn renew(db: &mut Database, lease: &Lease, now: i64, seconds: i64) -> Result<()> {
    let now = dialect::clock(db, now)?;
    let held = diesel::update(account_states::table.find(lease.account).filter(account_states::fence.eq(lease.fence)))
        .set(account_states::lease_until.eq(now.saturating_add(seconds)))
        .execute(db)?;
    if held == 1 { Ok(()) } else { Err(lost(db, lease)) }
}

/// Holds on to the lease until the end of this transaction: fails when it was lost, and nobody takes it before the commit.
pub fn hold(db: &mut Database, lease: &Lease) -> Result<()> {
    let held = diesel::update(account_states::table.find(lease.account).filter(account_states::fence.eq(lease.fence)))
        .set(account_states::fence.eq(lease.fence))
        .execute(db)?;
    if held == 1 { Ok(()) } else { Err(lost(db, lease)) }
}

/// Gives the lease back; nothing happens when it was lost. A pass that dies leaves its name behind instead.
pub fn release(db: &mut Database, lease: &Lease) -> Result<()> {
    diesel::update(account_states::table.find(lease.account).filter(account_states::fence.eq(lease.fence)))
        .set((account_states::lease_owner.eq(None::<String>), account_states::lease_until.eq(None::<i64>)))
        .execute(db)?;
    Ok(())
}

/// Takes the lease from whoever has it: a pass that runs at this moment can write nothing more.
pub(super) fn end(db: &mut Database, account: AccountId) -> Result<()> {
    diesel::update(account_states::table.find(account))
        .set((
            account_states::fence.eq(account_states::fence + 1),
            account_states::lease_owner.eq(None::<String>),
            account_states::lease_until.eq(None::<i64>),
        ))
        .execute(db)?;
    Ok(())
}

fn lost(db: &mut Database, lease: &Lease) -> anyhow::Error {
    let name = accounts::table.find(lease.account).select(accounts::name).first::<String>(db).optional();
    let what = match name {
        Ok(Some(name)) => format!("account {name}: another pass or a reset took over"),
        Ok(None) => format!("account {} was removed meanwhile", lease.account),
        Err(error) => return error.into(),
    };
    Fault::new(Class::TempFail, what).reach(Reach::Account).hint("the next pass continues").into()
}
