//! The bytes of what a filter skipped and no server keeps for us: what `deliver` and `import` were given, and what was in quarantine
//! (FILTER-7). They belong to the fate that says so, and are kept for as long as the configuration says.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::dialect::insert_all;
use super::fate::{self, FateFilter};
use super::raw::{self, Left, Row};
use super::schema::{fates, positions, raws, skipped_raws};
use super::{Database, access};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::plural::counted;
use crate::words::{AccountId, Fate, PositionId};

/// How many rows are looked at in one question.
const PAGE: i64 = 2_000;

#[derive(Insertable)]
#[diesel(table_name = skipped_raws, treat_none_as_default_value = false)]
pub(super) struct KeptRow {
    pub position_id: PositionId,
    pub uid: i64,
    pub raw_id: i64,
    pub internal_date: Option<i64>,
    pub kept_at: i64,
}

/// A message that a filter skipped and whose bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct SkippedMessage {
    pub position: PositionId,
    pub uid: i64,
    pub account: AccountId,
    pub raw: i64,
    /// Bytes.
    pub size: i64,
    /// Seconds since 1970 UTC.
    pub internal_date: Option<i64>,
}

/// Keeps what is skipped in a batch, in its transaction.
pub(super) fn insert(db: &mut Database, rows: &[KeptRow]) -> Result<()> {
    insert_all!(db, skipped_raws::table, rows).context("keeping what a filter skipped")?;
    Ok(())
}

/// Selects what is kept and readable, with all that is to be known of it.
macro_rules! kept {
    () => {
        skipped_raws::table
            .inner_join(positions::table.on(positions::id.eq(skipped_raws::position_id)))
            .inner_join(raws::table.on(raws::id.eq(skipped_raws::raw_id)))
            .filter(raws::pruned_at.is_null())
            .select((
                skipped_raws::position_id,
                skipped_raws::uid,
                positions::account_id,
                skipped_raws::raw_id,
                raws::size,
                skipped_raws::internal_date,
            ))
    };
}

/// Lists those of the fates that somebody asks for whose bytes are kept, mailbox by mailbox in the order in which they came.
pub fn list(db: &mut Database, filter: &FateFilter) -> Result<Vec<SkippedMessage>> {
    let of_filter = FateFilter { fates: vec![Fate::Filtered], ..filter.clone() };
    let mut found = Vec::new();
    let places = skipped_raws::table.select(skipped_raws::position_id).distinct().order(skipped_raws::position_id);
    for position in places.load::<PositionId>(db)? {
        let mut behind = i64::MIN;
        loop {
            let page = kept!().filter(skipped_raws::position_id.eq(position)).filter(skipped_raws::uid.gt(behind));
            let page: Vec<SkippedMessage> = page.order(skipped_raws::uid).limit(PAGE).load(db)?;
            let Some(last) = page.last() else { break };
            behind = last.uid;
            let uids: Vec<i64> = page.iter().map(|kept| kept.uid).collect();
            let asked: HashSet<i64> = fate::among(db, &of_filter, position, &uids)?.into_iter().collect();
            found.extend(page.into_iter().filter(|kept| asked.contains(&kept.uid)));
        }
    }
    Ok(found)
}

/// Counts all that is kept.
pub fn count(db: &mut Database) -> Result<i64> {
    Ok(skipped_raws::table.count().get_result(db)?)
}

/// Finds what is kept of a message; none where nothing is.
pub fn find(db: &mut Database, position: PositionId, uid: i64) -> Result<Option<SkippedMessage>> {
    let one = kept!().filter(skipped_raws::position_id.eq(position)).filter(skipped_raws::uid.eq(uid));
    Ok(one.first(db).optional()?)
}

/// Bytes by UID, and what is wrong with others.
type Readable = (HashMap<i64, Vec<u8>>, Vec<anyhow::Error>);

/// Reads the bytes of some messages of one mailbox, as far as they are still kept.
pub fn bytes(db: &mut Database, those: &[SkippedMessage]) -> Result<HashMap<i64, Vec<u8>>> {
    let (read, faults) = readable(db, those)?;
    faults.into_iter().next().map_or(Ok(read), Err)
}

/// The same where one that is missing or damaged holds up no other: what is wrong with those is returned beside the others.
pub fn readable(db: &mut Database, those: &[SkippedMessage]) -> Result<Readable> {
    let Some(position) = those.first().map(|kept| kept.position) else { return Ok((HashMap::new(), Vec::new())) };
    let uids: Vec<i64> = those.iter().map(|kept| kept.uid).collect();
    let rows = skipped_raws::table
        .inner_join(raws::table.on(raws::id.eq(skipped_raws::raw_id)))
        .filter(skipped_raws::position_id.eq(position))
        .filter(skipped_raws::uid.eq_any(uids))
        .order(skipped_raws::uid)
        .select((skipped_raws::uid, Row::as_select()))
        .load::<(i64, Row)>(db)?;
    let (mut read, mut faults) = (HashMap::with_capacity(rows.len()), Vec::new());
    for (uid, row) in rows {
        match raw::open(db, row).with_context(|| format!("what a filter skipped, UID {uid}")) {
            Ok(Left::Kept(bytes)) => {
                read.insert(uid, bytes);
            }
            Ok(Left::Pruned(_)) => {}
            Err(error) if raw::is_alone(&error) => faults.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((read, faults))
}

/// Returns which of some messages of one mailbox are still kept. Call it under the lock row.
pub fn still(db: &mut Database, position: PositionId, uids: &[i64]) -> Result<HashSet<i64>> {
    let of = skipped_raws::table.filter(skipped_raws::position_id.eq(position)).filter(skipped_raws::uid.eq_any(uids));
    Ok(of.select(skipped_raws::uid).load(db)?.into_iter().collect())
}

/// Takes messages of one mailbox out, their fates too: they are about to get others in the same transaction. The bytes stay until
/// [`let_go`].
pub fn release(db: &mut Database, position: PositionId, uids: &[i64]) -> Result<()> {
    let of = skipped_raws::table.filter(skipped_raws::position_id.eq(position)).filter(skipped_raws::uid.eq_any(uids));
    diesel::delete(of).execute(db)?;
    diesel::delete(fates::table.filter(fates::position_id.eq(position)).filter(fates::uid.eq_any(uids))).execute(db)?;
    Ok(())
}

/// Drops those bytes that nothing has any more, once what was released has another fate.
pub fn let_go(db: &mut Database, raws: &[i64]) -> Result<()> {
    raw::drop_unused(db, raws)
}

/// Drops the bytes of messages; the fates stay.
pub(super) fn forget(db: &mut Database, those: &[SkippedMessage]) -> Result<()> {
    for of_position in those.chunk_by(|one, other| one.position == other.position) {
        for some in of_position.chunks(super::IN_LIST) {
            let uids: Vec<i64> = some.iter().map(|kept| kept.uid).collect();
            let of = skipped_raws::table.filter(skipped_raws::position_id.eq(some[0].position));
            diesel::delete(of.filter(skipped_raws::uid.eq_any(uids))).execute(db)?;
        }
    }
    let raws: Vec<i64> = those.iter().map(|kept| kept.raw).collect();
    raw::drop_unused(db, &raws)
}

/// Drops the bytes of messages by a person's word. Call it under the lock row.
pub fn drop(db: &mut Database, permit: &Permit<'_>, those: &[SkippedMessage], subject: &str, now: i64) -> Result<()> {
    forget(db, those)?;
    access::record(db, permit, "fate drop", subject, &counted(those.len(), "message"), now)
}

/// Returns the bytes of one message.
pub fn raw_of(db: &mut Database, position: PositionId, uid: i64) -> Result<Vec<u8>> {
    let kept = find(db, position, uid)?;
    let read = match &kept {
        Some(kept) => bytes(db, std::slice::from_ref(kept))?.remove(&uid),
        None => None,
    };
    read.ok_or_else(|| {
        let what = "its bytes are not kept here";
        Fault::new(Class::Data, what).hint("what stays on a server is read from there: espomail fate retry --filter NAME").into()
    })
}
