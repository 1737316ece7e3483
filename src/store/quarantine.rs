//! Messages that could not be processed, kept whole with the error (FETCH-6).

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::raw::Packed;
use super::schema::quarantine;
use super::{Database, clean, fate, lock, raw};
use crate::words::{Fate, PositionId};

/// Keeps a message in quarantine and gives it its fate. Call it in a transaction: it takes the lock row.
pub fn keep(db: &mut Database, position: PositionId, uid: i64, packed: &Packed, error: &str, now: i64) -> Result<()> {
    lock(db)?;
    let rows = raw::store(db, &[packed])?;
    let raw_id = rows.get(&packed.digest).copied().context("a raw message was not stored")?;
    let error = clean(error);
    diesel::insert_into(quarantine::table)
        .values((
            quarantine::position_id.eq(position.0),
            quarantine::uid.eq(uid),
            quarantine::raw_id.eq(raw_id),
            quarantine::error.eq(error.as_ref()),
            quarantine::created_at.eq(now),
        ))
        .execute(db)
        .with_context(|| format!("putting UID {uid} into quarantine"))?;
    let why = serde_json::json!({ "fate": Fate::Quarantined, "error": error.as_ref() }).to_string();
    fate::record_fates(db, position, &[(uid, Fate::Quarantined, None, why)], now)
}

/// Returns how many messages are in quarantine.
pub fn count(db: &mut Database) -> Result<i64> {
    Ok(quarantine::table.count().get_result(db)?)
}
