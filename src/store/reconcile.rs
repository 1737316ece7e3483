//! What is asked of the store to compare a mailbox with it, and what is written for UIDs that have no fate (WHY-3).

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::fate::{self, Settled};
use super::quarantine::{self, Undelivered};
use super::schema::{emails, fates, positions};
use super::{Database, IN_LIST};
use crate::decide::reason::reason;
use crate::words::{Fate, PositionId};

/// Returns the fates of a position above one UID and up to another, this many at the most, in order.
pub fn between(db: &mut Database, position: PositionId, above: i64, to: i64, most: i64) -> Result<Vec<(i64, Fate)>> {
    Ok(fates::table
        .filter(fates::position_id.eq(position))
        .filter(fates::uid.gt(above).and(fates::uid.le(to)))
        .order(fates::uid)
        .limit(most)
        .select((fates::uid, fates::fate))
        .load(db)?)
}

/// Returns the Message-IDs, or what stands in for them, of the messages that have these UIDs, as far as they are known.
pub fn known_as(db: &mut Database, position: PositionId, uids: &[i64]) -> Result<HashMap<i64, String>> {
    let mut known = HashMap::new();
    for some in uids.chunks(IN_LIST) {
        let rows = fates::table
            .left_join(emails::table.on(emails::id.nullable().eq(fates::email_id)))
            .filter(fates::position_id.eq(position))
            .filter(fates::uid.eq_any(some))
            .select((fates::uid, emails::message_id.nullable(), fates::message_id))
            .load::<(i64, Option<String>, Option<String>)>(db)?;
        known.extend(rows.into_iter().filter_map(|(uid, stored, skipped)| Some((uid, stored.or(skipped)?))));
    }
    Ok(known)
}

/// Gives UIDs that have no fate theirs: those that are missing are asked for again, as what a server did not hand over is (FETCH-6);
/// those that are older than the account's fetch-since are left where they are. A position that begins behind them begins before them
/// from now on. Call it in a transaction that has the lock row.
pub fn settle(db: &mut Database, position: PositionId, missing: &[i64], older: &[i64], now: i64) -> Result<()> {
    let Some(lowest) = missing.iter().chain(older).min() else { return Ok(()) };
    let later = positions::table.find(position).filter(positions::start_uid.ge(*lowest));
    // What was there when the position began is known by that from now on.
    diesel::update(later.filter(positions::listed_to.is_null()))
        .set(positions::listed_to.eq(positions::start_uid.nullable()))
        .execute(db)?;
    diesel::update(later).set(positions::start_uid.eq(lowest - 1)).execute(db)?;
    for some in missing.chunks(IN_LIST) {
        // What was gone when it was to be read, and is there again.
        let gone = fates::table.filter(fates::position_id.eq(position)).filter(fates::fate.eq(Fate::Gone));
        diesel::delete(gone.filter(fates::uid.eq_any(some))).execute(db)?;
    }
    let late: Vec<Undelivered> = missing
        .iter()
        .map(|uid| {
            let error = "no pass has been handed it; reconcile has found it".to_string();
            Undelivered { uid: *uid, error, tries: 0, due_at: Some(now) }
        })
        .collect();
    quarantine::note_undelivered(db, position, &late, now)?;
    let note = reason!(Fetch3, "older than the account's fetch-since");
    let why = serde_json::json!({ "fate": Fate::Filtered, "notes": [note] }).to_string();
    let left = older.iter().map(|uid| Settled { uid: *uid, fate: Fate::Filtered, email: None, why: why.clone(), skipped: None });
    fate::record_fates(db, position, &left.collect::<Vec<_>>(), now)
}
