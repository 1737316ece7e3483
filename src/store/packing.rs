//! Packing the reasons that an earlier espomail wrote as text, window by window.

use anyhow::{Context, Result};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::upsert::excluded;

use super::dialect::put_all;
use super::fate::FateRow;
use super::reasons::{Key, LEAST};
use super::schema::fates;
use super::{Database, setting};
use crate::words::PositionId;

/// How many rows one transaction packs.
const WINDOW: i64 = 500;

/// How far old rows are packed: the key of the last one, or that all are.
const PACKED: &str = "reasons-packed";
const ALL: &str = "all";

/// Reasons that an earlier espomail wrote as text: those behind one key up to another; none behind the last.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    behind: Key,
    end: Option<Key>,
}

/// Finds the next reasons that are to be packed; none where all are. Nothing is locked.
pub fn next(db: &mut Database) -> Result<Option<Window>> {
    let done = setting::get(db, PACKED)?.unwrap_or_default();
    if done == ALL {
        return Ok(None);
    }
    let behind = done.split_once(' ').and_then(|(position, uid)| Some((position.parse().ok()?, uid.parse().ok()?)));
    let behind = behind.unwrap_or((-i64::MAX, -i64::MAX));
    let keys = fates::table.filter(old(behind, None)).order((fates::position_id, fates::uid)).limit(WINDOW);
    let keys =
        keys.select((fates::position_id, fates::uid)).load::<(PositionId, i64)>(db).context("looking for reasons to pack")?;
    Ok(Some(Window { behind, end: keys.last().map(|(position, uid)| (position.0, *uid)) }))
}

/// What is still text behind a key; only numbers of ours are put in.
fn old((a, b): Key, end: Option<Key>) -> SqlLiteral<Bool> {
    let until = end.map(|(c, d)| format!(" AND (position_id, uid) <= ({c}, {d})")).unwrap_or_default();
    sql(&format!("reasons IS NULL AND length(why) >= {LEAST} AND (position_id, uid) > ({a}, {b}){until}"))
}

/// Packs a window, in the caller's transaction and under the lock row: what changed since it was looked at counts. Returns how many
/// it was.
pub fn pack_window(db: &mut Database, window: Window) -> Result<usize> {
    let Window { behind, end } = window;
    let Some((position, uid)) = end else { return setting::set(db, PACKED, ALL).map(|()| 0) };
    let rows = fates::table.filter(old(behind, end)).select(FateRow::as_select()).load(db)?;
    let rows: Vec<FateRow> = rows.into_iter().map(FateRow::packed).collect();
    let set = (fates::why.eq(excluded(fates::why)), fates::reasons.eq(excluded(fates::reasons)));
    put_all!(&mut *db, fates::table, (fates::position_id, fates::uid), set, &rows).context("packing reasons")?;
    setting::set(db, PACKED, &format!("{position} {uid}"))?;
    Ok(rows.len())
}
