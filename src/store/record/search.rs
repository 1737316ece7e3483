//! Records that have a text in their name, description, addresses, phone numbers or fields, in the order of a list: no index knows parts of words,
//! and no SQL what is in a packed description, so they are looked at until enough are found.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use crate::store::Database;
use crate::store::letters::{anywhere, lower, lowered};
use crate::store::schema::{record_addresses, record_fields, record_phones, records};
use crate::store::texts::Description;
use crate::words::RecordId;

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Window {
    pub limit: i64,
    pub offset: i64,
}

/// How many are looked at before all are put in order: a word that many say is found among them.
const FIRST: i64 = 500;
/// How many are read at once.
const READ: usize = 2_000;

/// Returns the first that have a text, no more than so many; `next` reads a part of the list.
pub(in crate::store) fn first(
    db: &mut Database,
    text: &str,
    most: i64,
    mut next: impl FnMut(&mut Database, Window) -> Result<Vec<RecordId>>,
) -> Result<Vec<RecordId>> {
    let most = usize::try_from(most)?;
    let beside = beside(db, text)?;
    let text = lowered(text);
    let mut found = Vec::new();
    for window in [Window { limit: FIRST, offset: 0 }, Window { limit: i64::MAX - FIRST, offset: FIRST }] {
        let ids = next(db, window)?;
        for some in ids.chunks(READ) {
            if found.len() >= most {
                break;
            }
            found.extend(among(db, &text, &beside, some)?);
        }
        if i64::try_from(ids.len())? < FIRST {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}

/// Those that have it in an address, a phone number or a field.
fn beside(db: &mut Database, text: &str) -> Result<HashSet<RecordId>> {
    let pattern = anywhere(text);
    let address = record_addresses::table.filter(record_addresses::address.like(pattern.clone()).escape('\\'));
    let phone = record_phones::table.filter(record_phones::phone.like(pattern.clone()).escape('\\'));
    let field = record_fields::table.filter(lower(record_fields::value).like(pattern).escape('\\'));
    let mut found: HashSet<RecordId> = address.select(record_addresses::record_id).load(db)?.into_iter().collect();
    found.extend(phone.select(record_phones::record_id).load::<RecordId>(db)?);
    found.extend(field.select(record_fields::record_id).load::<RecordId>(db)?);
    Ok(found)
}

/// Those of some that have it, in their order.
fn among(db: &mut Database, text: &str, beside: &HashSet<RecordId>, some: &[RecordId]) -> Result<Vec<RecordId>> {
    let rows = records::table.filter(records::id.eq_any(some)).select((records::id, records::name, Description::as_select()));
    let mut holds = HashMap::with_capacity(some.len());
    for (id, name, description) in rows.load::<(RecordId, String, Description)>(db)? {
        let says = |said: String| lowered(&said).contains(text);
        // What is damaged is said where it is shown; here it must not hide all others.
        let described = || description.read().map_err(|error| log::warn!("record {id}: {error:#}")).is_ok_and(says);
        holds.insert(id, beside.contains(&id) || says(name) || described());
    }
    Ok(some.iter().copied().filter(|id| holds.get(id).copied().unwrap_or_default()).collect())
}
