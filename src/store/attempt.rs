//! Careful passes: after a death one message at a time, counted before each, so that a message that kills its reader
//! costs three passes and never the mailbox (FETCH-6).

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::schema::{accounts, attempts};
use crate::words::{AccountId, PositionId};

/// Counts one more attempt at a message and returns how many there were with this one. Commit it before the attempt.
pub fn begin(db: &mut Database, position: PositionId, uid: i64) -> Result<i64> {
    let counted =
        diesel::update(attempts::table.find((position.0, uid))).set(attempts::count.eq(attempts::count + 1)).execute(db)?;
    if counted == 1 {
        return Ok(attempts::table.find((position.0, uid)).select(attempts::count).first(db)?);
    }
    diesel::insert_into(attempts::table)
        .values((attempts::position_id.eq(position.0), attempts::uid.eq(uid), attempts::count.eq(1)))
        .execute(db)?;
    Ok(1)
}

/// Forgets the attempts at a message that has its fate.
pub fn clear(db: &mut Database, position: PositionId, uid: i64) -> Result<()> {
    diesel::delete(attempts::table.find((position.0, uid))).execute(db)?;
    Ok(())
}

/// Says whether the account's passes are careful.
pub fn set_careful(db: &mut Database, account: AccountId, careful: bool) -> Result<()> {
    diesel::update(accounts::table.find(account.0)).set(accounts::careful.eq(careful)).execute(db)?;
    Ok(())
}

/// Returns whether the account's passes are careful.
pub fn is_careful(db: &mut Database, account: AccountId) -> Result<bool> {
    Ok(accounts::table.find(account.0).select(accounts::careful).first(db).optional()?.unwrap_or(false))
}
