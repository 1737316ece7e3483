//! Messages that could not be processed, kept whole with the error (FETCH-6).

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::raw::{self, Packed};
use super::schema::{accounts, fates, positions, quarantine, raws};
use super::{Database, clean, fate, lock, next_number};
use crate::fault::{Class, Fault};
use crate::words::{AccountId, Fate, PositionId};

/// A message in quarantine. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    pub id: i64,
    pub account: String,
    pub mailbox: String,
    pub uid: i64,
    /// Bytes.
    pub size: i64,
    #[serde(serialize_with = "crate::clock::time")]
    pub since: i64,
    pub error: String,
    #[serde(skip)]
    pub account_id: AccountId,
    #[serde(skip)]
    pub position: PositionId,
    #[serde(skip)]
    pub internal_date: Option<i64>,
}

/// Keeps a message in quarantine and gives it its fate. Call it in a transaction: it takes the lock row.
pub fn keep(
    db: &mut Database,
    position: PositionId,
    uid: i64,
    internal_date: Option<i64>,
    packed: &Packed,
    error: &str,
    now: i64,
) -> Result<()> {
    lock(db)?;
    let rows = raw::store(db, &[packed])?;
    let raw_id = rows.get(&packed.digest).copied().context("a raw message was not stored")?;
    let error = clean(error);
    diesel::insert_into(quarantine::table)
        .values((
            quarantine::id.eq(next_number(db, "quarantine")?),
            quarantine::position_id.eq(position.0),
            quarantine::uid.eq(uid),
            quarantine::raw_id.eq(raw_id),
            quarantine::error.eq(error.as_ref()),
            quarantine::internal_date.eq(internal_date),
            quarantine::created_at.eq(now),
        ))
        .execute(db)
        .with_context(|| format!("putting UID {uid} into quarantine"))?;
    let why = serde_json::json!({ "fate": Fate::Quarantined, "error": error.as_ref() }).to_string();
    fate::record_fates(db, position, &[(uid, Fate::Quarantined, None, why)], now)
}

/// Lists what is in quarantine, oldest first; all of it, or the messages with these numbers.
pub fn list(db: &mut Database, ids: Option<&[i64]>) -> Result<Vec<Kept>> {
    let mut query = quarantine::table
        .inner_join(positions::table.on(positions::id.eq(quarantine::position_id)))
        .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
        .inner_join(raws::table.on(raws::id.eq(quarantine::raw_id)))
        .order(quarantine::id)
        .select((
            (quarantine::id, accounts::id, accounts::name, positions::id, positions::mailbox),
            (quarantine::uid, raws::size, quarantine::internal_date, quarantine::created_at, quarantine::error),
        ))
        .into_boxed();
    if let Some(ids) = ids {
        query = query.filter(quarantine::id.eq_any(ids.to_vec()));
    }
    type Row = ((i64, i64, String, i64, String), (i64, i64, Option<i64>, i64, String));
    let kept = |((id, account_id, account, position, mailbox), (uid, size, internal_date, since, error)): Row| Kept {
        id,
        account,
        mailbox,
        uid,
        size,
        since,
        error,
        account_id: AccountId(account_id),
        position: PositionId(position),
        internal_date,
    };
    Ok(query.load::<Row>(db)?.into_iter().map(kept).collect())
}

/// Finds a message in quarantine by its number.
pub fn find(db: &mut Database, id: i64) -> Result<Kept> {
    list(db, Some(&[id]))?.pop().ok_or_else(|| {
        Fault::new(Class::Data, format!("there is no message {id} in quarantine")).hint("try: espomail quarantine list").into()
    })
}

/// Returns the bytes of a message in quarantine.
pub fn raw_of(db: &mut Database, id: i64) -> Result<Vec<u8>> {
    let (packed, size) = quarantine::table
        .inner_join(raws::table.on(raws::id.eq(quarantine::raw_id)))
        .filter(quarantine::id.eq(id))
        .select((raws::packed, raws::size))
        .first::<(Vec<u8>, i64)>(db)?;
    raw::unpack(&packed, size.unsigned_abs()).with_context(|| format!("message {id} in quarantine"))
}

/// Takes a message out of quarantine, its fate too: it is about to get another one in the same transaction.
pub fn release(db: &mut Database, kept: &Kept) -> Result<()> {
    diesel::delete(quarantine::table.find(kept.id)).execute(db)?;
    diesel::delete(fates::table.find((kept.position.0, kept.uid))).execute(db)?;
    Ok(())
}

/// Says why a message is still in quarantine.
pub fn note_error(db: &mut Database, id: i64, error: &str) -> Result<()> {
    diesel::update(quarantine::table.find(id)).set(quarantine::error.eq(clean(error).as_ref())).execute(db)?;
    Ok(())
}

/// Drops a message for good; its fate stays, so that it does not come back (FETCH-2).
pub fn remove(db: &mut Database, id: i64) -> Result<()> {
    let raw_id: i64 = quarantine::table.find(id).select(quarantine::raw_id).first(db)?;
    diesel::delete(quarantine::table.find(id)).execute(db)?;
    raw::drop_unused(db, raw_id)
}

/// Returns how many messages are in quarantine.
pub fn count(db: &mut Database) -> Result<i64> {
    Ok(quarantine::table.count().get_result(db)?)
}
