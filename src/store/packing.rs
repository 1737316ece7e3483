//! Packing what an earlier espomail wrote plain, window by window: reasons, the texts of e-mails, the descriptions of records.

use anyhow::{Context, Result};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Text};
use diesel::upsert::excluded;

use super::dialect::put_all;
use super::fate::FateRow;
use super::packed::{Dictionary, LEAST};
use super::reasons::Key;
use super::schema::fates;
use super::{Database, setting};
use crate::words::PositionId;

/// How many rows one transaction packs.
const WINDOW: i64 = 500;

/// What is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Reasons,
    Texts,
    Descriptions,
}

/// That all are packed, in the place of the key of the last one.
const ALL: &str = "all";

impl What {
    const ALL: [Self; 3] = [Self::Reasons, Self::Texts, Self::Descriptions];

    /// The setting that says how far old rows are packed.
    const fn setting(self) -> &'static str {
        match self {
            Self::Reasons => "reasons-packed",
            Self::Texts => "texts-packed",
            Self::Descriptions => "descriptions-packed",
        }
    }

    /// The table of texts, its key, and the column of what is plain.
    const fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Reasons => ("fates", "position_id", "why"),
            Self::Texts => ("email_texts", "email_id", "text"),
            Self::Descriptions => ("records", "id", "description"),
        }
    }
}

/// What an earlier espomail wrote plain: behind one key up to another; none behind the last.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    what: What,
    behind: Key,
    end: Option<Key>,
}

#[derive(QueryableByName)]
struct Plain {
    #[diesel(sql_type = BigInt)]
    k: i64,
    #[diesel(sql_type = Text)]
    t: String,
}

/// Finds what is to be packed next; none where all is. Nothing is locked.
pub fn next(db: &mut Database) -> Result<Option<Window>> {
    for what in What::ALL {
        let done = setting::get(db, what.setting())?.unwrap_or_default();
        if done != ALL {
            let behind = done.split_once(' ').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            let behind = behind.unwrap_or((-i64::MAX, -i64::MAX));
            let end = match what {
                What::Reasons => last_reasons(db, behind)?,
                What::Texts | What::Descriptions => plain(db, what, (behind, None))?.last().map(|row| (row.k, row.k)),
            };
            return Ok(Some(Window { what, behind, end }));
        }
    }
    Ok(None)
}

/// Packs a window, in the caller's transaction and under the lock row: what changed since it was looked at counts. Returns how many
/// it was.
pub fn pack_window(db: &mut Database, window: Window) -> Result<usize> {
    let Window { what, behind, end } = window;
    let Some((a, b)) = end else { return setting::set(db, what.setting(), ALL).map(|()| 0) };
    let packed = match what {
        What::Reasons => pack_reasons(db, behind, end)?,
        What::Texts | What::Descriptions => pack_texts(db, what, (behind, end))?,
    };
    setting::set(db, what.setting(), &format!("{a} {b}"))?;
    Ok(packed)
}

/// Reasons that are still text behind a key; only numbers of ours are put in.
fn old((a, b): Key, end: Option<Key>) -> SqlLiteral<Bool> {
    let until = end.map(|(c, d)| format!(" AND (position_id, uid) <= ({c}, {d})")).unwrap_or_default();
    sql(&format!("reasons IS NULL AND length(why) >= {LEAST} AND (position_id, uid) > ({a}, {b}){until}"))
}

fn last_reasons(db: &mut Database, behind: Key) -> Result<Option<Key>> {
    let keys = fates::table.filter(old(behind, None)).order((fates::position_id, fates::uid)).limit(WINDOW);
    let keys =
        keys.select((fates::position_id, fates::uid)).load::<(PositionId, i64)>(db).context("looking for reasons to pack")?;
    Ok(keys.last().map(|(position, uid)| (position.0, *uid)))
}

fn pack_reasons(db: &mut Database, behind: Key, end: Option<Key>) -> Result<usize> {
    let rows = fates::table.filter(old(behind, end)).select(FateRow::as_select()).load(db)?;
    let rows: Vec<FateRow> = rows.into_iter().map(FateRow::packed).collect();
    let set = (fates::why.eq(excluded(fates::why)), fates::reasons.eq(excluded(fates::reasons)));
    put_all!(&mut *db, fates::table, (fates::position_id, fates::uid), set, &rows).context("packing reasons")?;
    Ok(rows.len())
}

/// Texts that are still plain behind a key.
fn plain(db: &mut Database, what: What, ((behind, _), end): (Key, Option<Key>)) -> Result<Vec<Plain>> {
    let (table, key, column) = what.place();
    let until = end.map(|(end, _)| format!(" AND {key} <= {end}")).unwrap_or_default();
    let query = format!(
        "SELECT {key} AS k, {column} AS t FROM {table} WHERE packed IS NULL AND length({column}) >= {LEAST} AND {key} > {behind}{until}
         ORDER BY {key} LIMIT {WINDOW}"
    );
    diesel::sql_query(query).load(db).with_context(|| format!("looking for what is to be packed in {table}"))
}

fn pack_texts(db: &mut Database, what: What, within: (Key, Option<Key>)) -> Result<usize> {
    let (table, key, column) = what.place();
    let rows = plain(db, what, within)?.into_iter().filter_map(|row| Some((row.k, Dictionary::Texts.packed(&row.t)?)));
    let (ids, packed): (Vec<i64>, Vec<Vec<u8>>) = rows.unzip();
    let set = format!("UPDATE {table} SET {column} = '', packed");
    match db {
        Database::Sqlite(c) => {
            for (id, packed) in ids.iter().zip(&packed) {
                let update = diesel::sql_query(format!("{set} = $1 WHERE {key} = $2"));
                update.bind::<Binary, _>(packed).bind::<BigInt, _>(id).execute(c)?;
            }
        }
        Database::Postgresql(c) => {
            let from = format!("{set} = n.packed FROM unnest($1, $2) AS n (id, packed) WHERE {table}.{key} = n.id");
            diesel::sql_query(from).bind::<Array<BigInt>, _>(&ids).bind::<Array<Binary>, _>(&packed).execute(c)?;
        }
    }
    Ok(ids.len())
}
