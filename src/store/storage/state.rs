//! How the places are that raw bytes lie in outside the database, for those who look after them: as little is asked as a look each minute may
//! cost.

use anyhow::Result;
use diesel::prelude::*;

use super::{Storage, all, to_move};
use crate::depot::{self, Depot};
use crate::store::schema::{leavings, raws};
use crate::store::{Database, setting};

/// So many messages that are to be moved are counted; of more it is said that there are as many.
const MOST: i64 = 1_000;
/// The name of what the last look at the objects found.
const MISSING: &str = "storage-missing";

/// How they are. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct State {
    /// Where new messages go: `database`, or the storage.
    pub goes_to: String,
    /// The storages that are not reached, or that the configuration does not name, each with what is wrong.
    pub unreached: Vec<String>,
    /// Messages that do not lie where new ones go, 1,000 at the most; "storage move" moves them.
    pub to_move: i64,
    /// Objects of no use any more, which "prune" deletes.
    pub to_delete: i64,
    /// Messages that the last "storage check" missed, and when that was.
    pub missing: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub checked_at: Option<i64>,
}

/// Looks at them; none where nothing lies outside the database and nothing is to.
pub fn state(db: &mut Database) -> Result<Option<State>> {
    let (current, storages) = (depot::current(), all(db)?);
    let mut used = Vec::new();
    for storage in storages {
        let of = raws::table.filter(raws::storage_id.eq(storage.id)).select(raws::id).first::<i64>(db).optional()?;
        if of.is_some() || current.is_some_and(|current| current.url == storage.url) {
            used.push(storage);
        }
    }
    if current.is_none() && used.is_empty() {
        return Ok(None);
    }
    let looked =
        |storage: &Storage| storage.depot().and_then(|depot| depot.reach().and_then(|()| depot.is_there(&storage.folder)));
    let mut unreached: Vec<String> = used.iter().filter_map(|storage| looked(storage).err().map(told)).collect();
    let is_new = |current: &&Depot| used.iter().all(|storage| storage.url != current.url);
    unreached.extend(current.filter(is_new).and_then(|current| current.reach().err()).map(told));
    let id = |current: &Depot| used.iter().find(|storage| storage.url == current.url).map_or(0, |storage: &Storage| storage.id);
    let to_move = to_move(db, current.map(id), MOST)?;
    let last = setting::get(db, MISSING)?;
    let last = last
        .as_deref()
        .and_then(|text| text.split_once(' '))
        .and_then(|(count, at)| Some((count.parse().ok()?, at.parse().ok()?)));
    let (missing, checked_at) = last.map_or((0, None), |(missing, at)| (missing, Some(at)));
    Ok(Some(State {
        goes_to: current.map_or_else(|| "database".to_string(), |current| current.url.clone()),
        unreached,
        to_move,
        to_delete: leavings::table.count().get_result(db)?,
        missing,
        checked_at,
    }))
}

fn told(error: anyhow::Error) -> String {
    crate::fault::one_line(&error)
}

/// Remembers what a look at all objects missed. Under the lock row.
pub fn note_missing(db: &mut Database, missing: usize, now: i64) -> Result<()> {
    setting::set(db, MISSING, &format!("{missing} {now}"))
}
