//! Careful passes: after a death one message at a time, noted before each, so that a message that kills its reader
//! costs three passes and never the mailbox (FETCH-6). An attempt counts when its pass was found dead, and only then: whoever
//! takes the lease next judges what the last pass left under way.

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::schema::{account_states, attempts, positions};
use crate::words::{AccountId, PositionId};

/// Notes that a message is worked on from now on, and returns how many passes were found dead at it. Commit it before the attempt.
pub fn begin(db: &mut Database, position: PositionId, uid: i64) -> Result<i64> {
    if diesel::update(attempts::table.find((position, uid))).set(attempts::under_way.eq(true)).execute(db)? == 1 {
        return Ok(attempts::table.find((position, uid)).select(attempts::count).first(db)?);
    }
    diesel::insert_into(attempts::table)
        .values((attempts::position_id.eq(position), attempts::uid.eq(uid), attempts::count.eq(0), attempts::under_way.eq(true)))
        .execute(db)?;
    Ok(0)
}

/// Takes back what was begun in a mailbox: the work has ended without a death.
pub fn take_back(db: &mut Database, position: PositionId) -> Result<()> {
    let begun = attempts::table.filter(attempts::position_id.eq(position)).filter(attempts::under_way.eq(true));
    diesel::update(begun).set(attempts::under_way.eq(false)).execute(db)?;
    Ok(())
}

/// Judges what the account's last pass left under way: each counts where the pass was found dead, and none otherwise.
pub(super) fn judge(db: &mut Database, account: AccountId, died: bool) -> Result<()> {
    let of_account = positions::table.filter(positions::account_id.eq(account)).select(positions::id);
    let left = attempts::table.filter(attempts::under_way.eq(true)).filter(attempts::position_id.eq_any(of_account));
    let more = i64::from(died);
    diesel::update(left).set((attempts::count.eq(attempts::count + more), attempts::under_way.eq(false))).execute(db)?;
    Ok(())
}

/// Forgets the attempts at messages that have their fates: those up to a UID.
pub fn clear(db: &mut Database, position: PositionId, last_uid: i64) -> Result<()> {
    let done = attempts::table.filter(attempts::position_id.eq(position)).filter(attempts::uid.le(last_uid));
    diesel::delete(done).execute(db)?;
    Ok(())
}

/// Forgets all attempts of an account: a careful pass has come through.
pub fn forget(db: &mut Database, account: AccountId) -> Result<()> {
    let of_account = positions::table.filter(positions::account_id.eq(account)).select(positions::id);
    diesel::delete(attempts::table.filter(attempts::position_id.eq_any(of_account))).execute(db)?;
    Ok(())
}

/// Says whether the account's passes are careful.
pub fn set_careful(db: &mut Database, account: AccountId, careful: bool) -> Result<()> {
    diesel::update(account_states::table.find(account)).set(account_states::careful.eq(careful)).execute(db)?;
    Ok(())
}

/// Returns whether the account's passes are careful.
pub fn is_careful(db: &mut Database, account: AccountId) -> Result<bool> {
    Ok(account_states::table.find(account).select(account_states::careful).first(db).optional()?.unwrap_or(false))
}
