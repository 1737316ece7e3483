//! Raw bytes that lie outside the database: where, under which names, and which objects are of no use any more.
//!
//! An object is written before the row that names it is committed, and deleted after the row that forgot it was. Its name is never given
//! again, so both may be repeated, and neither meets what another pass does. What a pass wrote and did not commit, because it died,
//! nothing names: [`held_against`] finds it.

pub mod state;

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::dialect::insert_new;
use super::schema::{emails, leavings, outbox, raws, storages};
use super::{Database, IN_LIST, next_number, setting};
use crate::depot::{self, Depot, Listed, Name};
use crate::words::OutboxState;

/// Where an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub storage: i64,
    pub upload: i64,
}

impl Place {
    pub(super) fn of(storage: Option<i64>, upload: Option<i64>) -> Option<Self> {
        Some(Self { storage: storage?, upload: upload? })
    }

    pub(super) fn columns(place: Option<Self>) -> (Option<i64>, Option<i64>) {
        place.map(|place| (place.storage, place.upload)).unzip()
    }
}

/// A storage as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Storage {
    pub id: i64,
    pub url: String,
    /// What of it is ours: a bucket may be several databases'.
    pub folder: String,
}

impl Storage {
    pub fn depot(&self) -> Result<&'static Depot> {
        depot::at(&self.url)
    }

    pub fn name(&self, digest: [u8; 32], upload: i64) -> Name<'_> {
        Name { folder: &self.folder, digest, upload }
    }
}

/// Lists all storages that anything has ever lain in.
pub fn all(db: &mut Database) -> Result<Vec<Storage>> {
    Ok(storages::table.order(storages::id).load(db)?)
}

/// Returns the row of a storage, if there is one.
pub fn find(db: &mut Database, url: &str) -> Result<Option<Storage>> {
    Ok(storages::table.filter(storages::url.eq(url)).first(db).optional()?)
}

/// Returns the row of a storage; makes it where there is none. Call it under the lock row.
pub fn known(db: &mut Database, url: &str) -> Result<Storage> {
    if let Some(storage) = find(db, url)? {
        return Ok(storage);
    }
    let folder = setting::get(db, setting::NAME)?.context("the database has no name")?;
    depot::at(url)?.begin(&folder)?;
    let id = next_number(db, "storage")?;
    let row = (storages::id.eq(id), storages::url.eq(url), storages::folder.eq(&folder));
    diesel::insert_into(storages::table).values(row).execute(db)?;
    Ok(Storage { id, url: url.to_string(), folder })
}

/// Says that a storage has another URL by now: what lay in the one lies in the other, under the same names. Where that is known already, as
/// something came meanwhile, the two are one. Call it under the lock row.
pub fn rename(db: &mut Database, from: &Storage, url: &str) -> Result<()> {
    let Some(there) = find(db, url)? else {
        diesel::update(storages::table.find(from.id)).set(storages::url.eq(url)).execute(db)?;
        return Ok(());
    };
    diesel::update(raws::table.filter(raws::storage_id.eq(from.id))).set(raws::storage_id.eq(there.id)).execute(db)?;
    diesel::update(leavings::table.filter(leavings::storage_id.eq(from.id)))
        .set(leavings::storage_id.eq(there.id))
        .execute(db)?;
    diesel::delete(storages::table.find(from.id)).execute(db)?;
    Ok(())
}

/// Makes the number of an object.
pub fn new_upload() -> Result<i64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness to be had: {error}"))?;
    Ok(i64::from_le_bytes(bytes) & i64::MAX)
}

fn of(db: &mut Database, storage: i64) -> Result<Storage> {
    Ok(storages::table.find(storage).first(db)?)
}

fn array(digest: &[u8]) -> Result<[u8; 32]> {
    digest.try_into().context("the digest of raw bytes")
}

/// Reads an object; none where there is no such one.
pub(super) fn read(db: &mut Database, digest: &[u8], place: Place, most: u64) -> Result<Option<Vec<u8>>> {
    let storage = of(db, place.storage)?;
    storage.depot()?.get(&storage.name(array(digest)?, place.upload), most)
}

/// Names an object for people.
pub(super) fn named(db: &mut Database, digest: &[u8], place: Place) -> Result<String> {
    let storage = of(db, place.storage)?;
    Ok(format!("{}: {}", storage.url, storage.name(array(digest)?, place.upload)))
}

/// Returns which of some digests have their bytes already.
pub fn stored(db: &mut Database, digests: &[[u8; 32]]) -> Result<HashSet<[u8; 32]>> {
    let mut found = HashSet::new();
    for some in digests.chunks(IN_LIST) {
        let some: Vec<&[u8]> = some.iter().map(<[u8; 32]>::as_slice).collect();
        let query = raws::table.filter(raws::digest.eq_any(some)).filter(raws::pruned_at.is_null()).select(raws::digest);
        found.extend(query.load::<Vec<u8>>(db)?.iter().filter_map(|digest| array(digest).ok()));
    }
    Ok(found)
}

#[derive(Insertable)]
#[diesel(table_name = leavings)]
struct Row {
    storage_id: i64,
    digest: Vec<u8>,
    upload: i64,
}

/// An object that nothing names any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    pub digest: [u8; 32],
    pub place: Place,
}

/// Notes that the objects of some rows are to be deleted; in the transaction that makes the rows forget them.
pub(super) fn leave(db: &mut Database, raws: &[i64]) -> Result<()> {
    for some in raws.chunks(IN_LIST) {
        let those = raws::table.filter(raws::id.eq_any(some)).filter(raws::upload.is_not_null());
        let those = those.select((raws::storage_id.assume_not_null(), raws::digest, raws::upload.assume_not_null()));
        let rows = those.load::<(i64, Vec<u8>, i64)>(db)?;
        let rows: Vec<Row> = rows.into_iter().map(|(storage_id, digest, upload)| Row { storage_id, digest, upload }).collect();
        insert_new!(&mut *db, leavings::table, &rows)?;
    }
    Ok(())
}

/// Notes that objects are to be deleted which were written for nothing.
pub fn note(db: &mut Database, those: &[Leaving]) -> Result<()> {
    let row = |one: &Leaving| Row { storage_id: one.place.storage, digest: one.digest.to_vec(), upload: one.place.upload };
    let rows: Vec<Row> = those.iter().map(row).collect();
    insert_new!(&mut *db, leavings::table, &rows)?;
    Ok(())
}

/// Notes which of some objects no row has come to name: the rules did not want the message, or its bytes are there already. In the same
/// transaction.
pub fn note_unnamed(db: &mut Database, written: impl IntoIterator<Item = Leaving>) -> Result<()> {
    let written: HashMap<i64, Leaving> = written.into_iter().map(|one| (one.place.upload, one)).collect();
    if written.is_empty() {
        return Ok(());
    }
    let mut digests: Vec<&[u8]> = written.values().map(|one| one.digest.as_slice()).collect();
    digests.sort_unstable();
    digests.dedup();
    let mut named = HashSet::new();
    for some in digests.chunks(IN_LIST) {
        let those = raws::table.filter(raws::digest.eq_any(some)).filter(raws::upload.is_not_null());
        named.extend(those.select(raws::upload.assume_not_null()).load::<i64>(db)?);
    }
    let unnamed: Vec<Leaving> = written.into_iter().filter(|(upload, _)| !named.contains(upload)).map(|(_, one)| one).collect();
    note(db, &unnamed)
}

/// Returns the next objects that are to be deleted, behind one.
pub fn leavings_behind(db: &mut Database, storage: &Storage, behind: Option<&Leaving>, most: i64) -> Result<Vec<Leaving>> {
    let mut query = leavings::table.filter(leavings::storage_id.eq(storage.id)).into_boxed();
    if let Some(last) = behind {
        let digest = last.digest.to_vec();
        let same = leavings::digest.eq(digest.clone()).and(leavings::upload.gt(last.place.upload));
        query = query.filter(leavings::digest.gt(digest).or(same));
    }
    let rows = query.order((leavings::digest, leavings::upload)).limit(most).select((leavings::digest, leavings::upload));
    let rows = rows.load::<(Vec<u8>, i64)>(db)?;
    let leaving =
        |(digest, upload): (Vec<u8>, i64)| Ok(Leaving { digest: array(&digest)?, place: Place { storage: storage.id, upload } });
    rows.into_iter().map(leaving).collect()
}

/// Forgets objects that were deleted.
pub fn forget(db: &mut Database, those: &[Leaving]) -> Result<()> {
    for one in those {
        diesel::delete(leavings::table.find((one.place.storage, one.digest.as_slice(), one.place.upload))).execute(db)?;
    }
    Ok(())
}

/// What lies in one place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Share {
    /// `database`, or the storage.
    pub place: String,
    pub messages: i64,
    /// Of the messages, before they were compressed.
    pub bytes: i64,
    /// Objects of no use any more, which `prune` deletes.
    pub to_delete: i64,
}

/// Says what lies where.
pub fn shares(db: &mut Database) -> Result<Vec<Share>> {
    type Counted = (Option<i64>, i64, Option<i64>);
    let counted = raws::table.filter(raws::pruned_at.is_null()).group_by(raws::storage_id);
    let sum = sql::<Nullable<BigInt>>("CAST(SUM(size) AS BIGINT)");
    let counted: Vec<Counted> = counted.select((raws::storage_id, count_star(), sum)).load(db)?;
    let leaving = leavings::table.group_by(leavings::storage_id).select((leavings::storage_id, count_star()));
    let leaving: HashMap<i64, i64> = leaving.load::<(i64, i64)>(db)?.into_iter().collect();
    let share = |place: String, id: Option<i64>| {
        let (_, messages, bytes) = counted.iter().find(|one| one.0 == id).copied().unwrap_or((None, 0, None));
        let to_delete = id.and_then(|id| leaving.get(&id).copied()).unwrap_or_default();
        Share { place, messages, bytes: bytes.unwrap_or_default(), to_delete }
    };
    let mut shares = vec![share("database".to_string(), None)];
    shares.extend(all(db)?.into_iter().map(|storage| share(storage.url, Some(storage.id))));
    Ok(shares)
}

/// Raw bytes that are to lie elsewhere.
#[derive(Debug, Clone, Queryable)]
pub struct Moving {
    pub id: i64,
    pub digest: Vec<u8>,
    pub size: i64,
    storage: Option<i64>,
    upload: Option<i64>,
}

impl Moving {
    pub fn place(&self) -> Option<Place> {
        Place::of(self.storage, self.upload)
    }
}

/// Letters of ours that have not gone out, or of which something still follows.
macro_rules! unsent {
    () => {
        emails::table
            .inner_join(outbox::table.on(outbox::email_id.eq(emails::id)))
            .filter(emails::raw_id.eq(raws::id))
            .filter(outbox::state.ne(OutboxState::Sent).or(outbox::reached_at.is_not_null()))
    };
}

/// Counts the raw bytes that do not lie where they are to, no more than so many: place by place, as an index has them.
fn to_move(db: &mut Database, to: Option<i64>, most: i64) -> Result<i64> {
    let mut count = 0;
    let others: Vec<i64> = all(db)?.into_iter().map(|storage| storage.id).filter(|id| Some(*id) != to).collect();
    for other in others {
        let those = raws::table.filter(raws::storage_id.eq(other)).filter(diesel::dsl::not(diesel::dsl::exists(unsent!())));
        count += i64::try_from(those.select(raws::id).limit(most).load::<i64>(db)?.len())?;
    }
    if to.is_some() {
        let here = raws::table.filter(raws::storage_id.is_null()).filter(raws::pruned_at.is_null());
        let here = here.filter(diesel::dsl::not(diesel::dsl::exists(unsent!())));
        count += i64::try_from(here.select(raws::id).limit(most).load::<i64>(db)?.len())?;
    }
    Ok(count.min(most))
}

/// Returns the next raw bytes that do not lie where they are to, behind a row, as many as there is room for. Those of letters that are not
/// sent, or of which something still follows, stay where they are: whether they go out hangs on nothing but the database.
pub fn moving_behind(db: &mut Database, to: Option<i64>, behind: i64, (most, room): (i64, i64)) -> Result<Vec<Moving>> {
    let mut query = raws::table.filter(raws::pruned_at.is_null()).filter(raws::id.gt(behind)).into_boxed();
    query = match to {
        Some(to) => query
            .filter(raws::storage_id.is_null().or(raws::storage_id.ne(to)))
            .filter(diesel::dsl::not(diesel::dsl::exists(unsent!()))),
        None => query.filter(raws::storage_id.is_not_null()),
    };
    let columns = (raws::id, raws::digest, raws::size, raws::storage_id, raws::upload);
    let mut rows = query.order(raws::id).limit(most).select(columns).load::<Moving>(db)?;
    let mut sum = 0;
    let fits = |row: &&Moving| {
        let before = sum;
        sum += row.size;
        before < room
    };
    let fit = rows.iter().take_while(fits).count();
    rows.truncate(fit);
    Ok(rows)
}

/// Returns which of some rows still lie where they were seen.
pub fn lie_as_seen(db: &mut Database, those: &[&Moving]) -> Result<HashSet<i64>> {
    if those.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<i64> = those.iter().map(|one| one.id).collect();
    let rows = raws::table.filter(raws::id.eq_any(&ids)).filter(raws::pruned_at.is_null());
    let rows = rows.select((raws::id, raws::storage_id, raws::upload)).load::<(i64, Option<i64>, Option<i64>)>(db)?;
    let places: HashMap<i64, Option<Place>> =
        rows.into_iter().map(|(id, storage, upload)| (id, Place::of(storage, upload))).collect();
    Ok(those.iter().filter(|one| places.get(&one.id) == Some(&one.place())).map(|one| one.id).collect())
}

/// Reads what some rows have in the database.
pub fn packed_of(db: &mut Database, those: &[i64]) -> Result<HashMap<i64, Vec<u8>>> {
    let rows = raws::table.filter(raws::id.eq_any(those)).select((raws::id, raws::packed));
    Ok(rows.load::<(i64, Vec<u8>)>(db)?.into_iter().collect())
}

/// Says that raw bytes lie elsewhere from now on, unless somebody else has changed that since; what is of no use any more is to be deleted.
/// Under the lock row. Returns whether it is so.
pub fn moved(db: &mut Database, from: &Moving, packed: &[u8], to: Option<Place>) -> Result<bool> {
    let digest = array(&from.digest)?;
    let (storage, upload) = Place::columns(to);
    let kept = if to.is_some() { &[][..] } else { packed };
    let ours = raws::table.filter(raws::id.eq(from.id)).filter(raws::pruned_at.is_null()).into_boxed();
    let ours = match from.place() {
        Some(place) => ours.filter(raws::storage_id.eq(place.storage)).filter(raws::upload.eq(place.upload)),
        None => ours.filter(raws::storage_id.is_null()),
    };
    let ids: Vec<i64> = ours.select(raws::id).load(db)?;
    let is_ours = !ids.is_empty();
    if is_ours {
        diesel::update(raws::table.find(from.id))
            .set((raws::packed.eq(kept), raws::storage_id.eq(storage), raws::upload.eq(upload)))
            .execute(db)?;
    }
    let left = if is_ours { from.place() } else { to };
    note(db, &left.map(|place| Leaving { digest, place }).into_iter().collect::<Vec<_>>())?;
    Ok(is_ours)
}

/// What a look at a part of a storage found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Messages that are to lie there.
    pub messages: i64,
    /// Objects that are not there, and the message of each.
    pub missing: Vec<(i64, String)>,
    /// Objects that nothing names.
    pub unnamed: Vec<Listed>,
}

/// Holds what of a storage begins with a byte against the rows: what is not there is looked at again, as it may have been moved.
pub fn held_against(db: &mut Database, storage: &Storage, first: u8) -> Result<Findings> {
    // Listed before and after the rows: what is written meanwhile is in the second, what is deleted in the first.
    let depot = storage.depot()?;
    let before = depot.list(&storage.folder, first)?;
    let rows = rows_of(db, storage, first)?;
    let there: HashSet<([u8; 32], i64)> = before.iter().map(|one| (one.digest, one.upload)).collect();
    let mut held = Findings { messages: i64::try_from(rows.len())?, ..Findings::default() };
    if rows.iter().any(|(key, _)| !there.contains(key)) {
        let after: HashSet<_> = depot.list(&storage.folder, first)?.iter().map(|one| (one.digest, one.upload)).collect();
        let still = rows_of(db, storage, first)?;
        held.missing.extend(
            still
                .iter()
                .filter(|(key, _)| !there.contains(*key) && !after.contains(*key) && rows.contains_key(*key))
                .map(|((digest, upload), raw)| (*raw, storage.name(*digest, *upload).to_string())),
        );
    }
    let named = named_in(db, first)?;
    held.unnamed.extend(before.into_iter().filter(|one| !named.contains(&(one.digest, one.upload))));
    held.missing.sort_unstable();
    Ok(held)
}

/// Where digests that begin with a byte begin, and where those behind them do.
fn bounds(first: u8) -> (Vec<u8>, Vec<u8>) {
    // Longer than any digest that begins with the last byte.
    (vec![first], first.checked_add(1).map_or_else(|| vec![u8::MAX; 33], |next| vec![next]))
}

fn rows_of(db: &mut Database, storage: &Storage, first: u8) -> Result<HashMap<([u8; 32], i64), i64>> {
    let (begin, end) = bounds(first);
    let rows = raws::table.filter(raws::storage_id.eq(storage.id)).filter(raws::digest.ge(begin)).filter(raws::digest.lt(end));
    let rows = rows.select((raws::digest, raws::upload.assume_not_null(), raws::id)).load::<(Vec<u8>, i64, i64)>(db)?;
    rows.into_iter().map(|(digest, upload, id)| Ok(((array(&digest)?, upload), id))).collect()
}

/// Returns what is named, or is to be deleted, whatever storage it is said to be in: two may be one under two names.
fn named_in(db: &mut Database, first: u8) -> Result<HashSet<([u8; 32], i64)>> {
    let (begin, end) = bounds(first);
    let rows = raws::table.filter(raws::digest.ge(&begin)).filter(raws::digest.lt(&end)).filter(raws::upload.is_not_null());
    let mut named: Vec<(Vec<u8>, i64)> = rows.select((raws::digest, raws::upload.assume_not_null())).load(db)?;
    let rows = leavings::table.filter(leavings::digest.ge(&begin)).filter(leavings::digest.lt(&end));
    named.extend(rows.select((leavings::digest, leavings::upload)).load::<(Vec<u8>, i64)>(db)?);
    named.into_iter().map(|(digest, upload)| Ok((array(&digest)?, upload))).collect()
}
