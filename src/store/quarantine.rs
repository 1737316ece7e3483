//! Messages that could not be processed, kept whole with the error (FETCH-6).

use crate::decide::reason::reason;
use anyhow::{Context, Result};
use diesel::prelude::*;

use super::dialect::due;
use super::fate::Settled;
use super::noun::in_lists;
use super::raw::{self, Left, Packed, Row};
use super::schema::{accounts, fates, positions, quarantine, raws};
use super::{Database, access, clean, fate, lock, next_number, reserve};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::words::{AccountId, Fate, PositionId};

/// A message in quarantine. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable)]
pub struct Quarantined {
    pub id: i64,
    pub account: String,
    pub mailbox: String,
    pub uid: i64,
    /// Bytes; none where the server did not hand it over.
    pub size: Option<i64>,
    #[serde(serialize_with = "crate::clock::time")]
    pub since: i64,
    pub error: String,
    /// In how many passes the server did not hand it over.
    pub tries: i64,
    /// When the server is asked again.
    #[serde(serialize_with = "crate::clock::optional")]
    pub next_attempt: Option<i64>,
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
            quarantine::position_id.eq(position),
            quarantine::uid.eq(uid),
            quarantine::raw_id.eq(raw_id),
            quarantine::error.eq(error.as_ref()),
            quarantine::internal_date.eq(internal_date),
            quarantine::created_at.eq(now),
            quarantine::tries.eq(0),
        ))
        .execute(db)
        .with_context(|| format!("putting UID {uid} into quarantine"))?;
    let why = serde_json::json!({ "fate": Fate::Quarantined, "error": error.as_ref() }).to_string();
    let settled = Settled { uid, fate: Fate::Quarantined, email: None, why, skipped: None };
    fate::record_fates(db, position, &[settled], now)
}

/// Lists what is in quarantine, oldest first; all of it, or the messages with these numbers.
pub fn list(db: &mut Database, ids: Option<&[i64]>) -> Result<Vec<Quarantined>> {
    let mut query = quarantine::table
        .inner_join(positions::table.on(positions::id.eq(quarantine::position_id)))
        .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
        .left_join(raws::table.on(raws::id.nullable().eq(quarantine::raw_id)))
        .order(quarantine::id)
        .select((
            quarantine::id,
            accounts::name,
            positions::mailbox,
            quarantine::uid,
            raws::size.nullable(),
            quarantine::created_at,
            quarantine::error,
            quarantine::tries,
            quarantine::due_at,
            accounts::id,
            positions::id,
            quarantine::internal_date,
        ))
        .into_boxed();
    if let Some(ids) = ids {
        query = query.filter(quarantine::id.eq_any(ids.to_vec()));
    }
    Ok(query.load(db)?)
}

/// Finds a message in quarantine by its number.
pub fn find(db: &mut Database, id: i64) -> Result<Quarantined> {
    list(db, Some(&[id]))?.pop().ok_or_else(|| {
        Fault::new(Class::Data, format!("there is no message {id} in quarantine")).hint("try: espomail quarantine list").into()
    })
}

/// Returns the bytes of a message in quarantine.
pub fn raw_of(db: &mut Database, id: i64) -> Result<Vec<u8>> {
    let found = quarantine::table
        .inner_join(raws::table.on(raws::id.nullable().eq(quarantine::raw_id)))
        .filter(quarantine::id.eq(id))
        .select(Row::as_select())
        .first(db)
        .optional()?;
    let Some(row) = found else {
        let what = format!("message {id} has no bytes: its server has never handed it over");
        return Err(Fault::new(Class::Data, what).hint(format!("try: espomail quarantine retry {id}")).into());
    };
    match raw::open(db, row).with_context(|| format!("message {id} in quarantine"))? {
        Left::Kept(bytes) => Ok(bytes),
        Left::Pruned(_) => Err(Fault::new(Class::Data, format!("the bytes of message {id} in quarantine were pruned")).into()),
    }
}

/// Takes a message out of quarantine, its fate too: it is about to get another one in the same transaction. Returns its bytes, which stay
/// until [`let_go`].
pub fn release(db: &mut Database, kept: &Quarantined) -> Result<Option<i64>> {
    let raw_id = quarantine::table.find(kept.id).select(quarantine::raw_id).first::<Option<i64>>(db).optional()?;
    diesel::delete(quarantine::table.find(kept.id)).execute(db)?;
    diesel::delete(fates::table.find((kept.position, kept.uid))).execute(db)?;
    Ok(raw_id.flatten())
}

/// Drops the bytes of what was released, unless what became of it has them.
pub fn let_go(db: &mut Database, raw_id: Option<i64>) -> Result<()> {
    raw_id.map_or(Ok(()), |raw_id| raw::drop_unused(db, &[raw_id]))
}

/// The server does not have it any more: takes it out of quarantine, and its fate says so.
pub fn note_gone(db: &mut Database, kept: &Quarantined, why: &str, now: i64) -> Result<()> {
    diesel::delete(quarantine::table.find(kept.id)).execute(db)?;
    fate::note_gone(db, kept.position, kept.uid, why, now)
}

/// Says why a message is still in quarantine.
pub fn note_error(db: &mut Database, id: i64, error: &str) -> Result<()> {
    diesel::update(quarantine::table.find(id)).set(quarantine::error.eq(clean(error).as_ref())).execute(db)?;
    Ok(())
}

/// Drops a message for good; its fate stays, so that it does not come back (FETCH-2).
pub fn remove(db: &mut Database, permit: &Permit<'_>, id: i64, now: i64) -> Result<()> {
    access::record(db, permit, "quarantine drop", &format!("quarantine:{id}"), "", now)?;
    let raw_id: Option<i64> = quarantine::table.find(id).select(quarantine::raw_id).first(db)?;
    diesel::delete(quarantine::table.find(id)).execute(db)?;
    let_go(db, raw_id)
}

/// A message that its server lists and does not hand over, and when it is asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    pub uid: i64,
    /// Why, in the server's words.
    pub error: String,
    pub tries: i64,
    /// Seconds since 1970 UTC; none is never.
    pub due_at: Option<i64>,
}

/// Notes that the server did not hand over some messages, and gives them their fates. Call it in a transaction.
pub fn note_undelivered(db: &mut Database, position: PositionId, those: &[Undelivered], now: i64) -> Result<()> {
    if those.is_empty() {
        return Ok(());
    }
    let first = reserve(db, "quarantine", those.len())?;
    for (id, one) in (first..).zip(those) {
        diesel::insert_into(quarantine::table)
            .values((
                quarantine::id.eq(id),
                quarantine::position_id.eq(position),
                quarantine::uid.eq(one.uid),
                quarantine::error.eq(clean(&one.error).as_ref()),
                quarantine::created_at.eq(now),
                quarantine::tries.eq(one.tries),
                quarantine::due_at.eq(one.due_at),
            ))
            .execute(db)
            .with_context(|| format!("noting UID {} as undelivered", one.uid))?;
    }
    let settled = |one: &Undelivered| Settled {
        uid: one.uid,
        fate: Fate::Undelivered,
        email: None,
        why: why_undelivered(one),
        skipped: None,
    };
    let fates: Vec<_> = those.iter().map(settled).collect();
    fate::record_fates(db, position, &fates, now)
}

/// Notes that the server did not hand a message over once more, and when it is asked again.
pub fn note_try(db: &mut Database, position: PositionId, one: &Undelivered, now: i64) -> Result<()> {
    let row = quarantine::table.filter(quarantine::position_id.eq(position)).filter(quarantine::uid.eq(one.uid));
    diesel::update(row)
        .set((
            quarantine::error.eq(clean(&one.error).as_ref()),
            quarantine::tries.eq(one.tries),
            quarantine::due_at.eq(one.due_at),
        ))
        .execute(db)?;
    // What lies ahead was written while the clock was wrong; the fourteen days begin now.
    diesel::update(row.filter(quarantine::created_at.gt(now))).set(quarantine::created_at.eq(now)).execute(db)?;
    diesel::update(fates::table.find((position, one.uid)))
        .set((fate::said(&why_undelivered(one)), fates::at.eq(now)))
        .execute(db)?;
    Ok(())
}

fn why_undelivered(one: &Undelivered) -> String {
    let note = reason!(Fetch6, "the server lists it and does not hand it over: {}", one.error);
    serde_json::json!({ "fate": Fate::Undelivered, "error": one.error, "tries": one.tries, "notes": [note] }).to_string()
}

/// Returns the messages of a position that its server is to be asked for again, in order of their UIDs.
pub fn due(db: &mut Database, position: PositionId, now: i64, longest: i64) -> Result<Vec<Quarantined>> {
    let ids = quarantine::table
        .filter(quarantine::position_id.eq(position))
        .filter(quarantine::raw_id.is_null())
        .filter(due!(quarantine::due_at, now, longest))
        .select(quarantine::id)
        .load::<i64>(db)?;
    let mut kept = in_lists(db, &ids, |db, some| list(db, Some(some)))?;
    kept.sort_by_key(|one| one.uid);
    Ok(kept)
}

/// Asks the server for a message again with the next pass, and for another fourteen days.
pub fn ask_again(db: &mut Database, _: &Permit<'_>, id: i64, now: i64) -> Result<()> {
    diesel::update(quarantine::table.find(id)).set((quarantine::due_at.eq(now), quarantine::created_at.eq(now))).execute(db)?;
    Ok(())
}
