//! Raw messages: once per content, compressed before they reach the database (PARSE-1).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::Read;

use anyhow::{Context, Result, ensure};
use diesel::prelude::*;

use super::dialect::insert_all;
use super::packed::Packable;
use super::schema::{accounts, email_copies, emails, quarantine, raws, skipped_raws};
use super::storage::{self, Leaving, Place};
use super::{Database, IN_LIST, clean, reserve};
use crate::clock::rfc3339;
use crate::fault::{Class, Fault, Reach, class_of, reach_of};
use crate::mail::digest as digest_of;
use crate::room;
use crate::words::{EmailId, UserId};

/// zstd's fastest regular level: what it saves in bytes written is worth more than what a higher one would add.
const LEVEL: i32 = 1;

/// A raw message ready for the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    pub digest: [u8; 32],
    /// The size before packing.
    pub size: u64,
    pub packed: Vec<u8>,
    /// Where it lies already, outside the database.
    pub place: Option<Place>,
    /// The text of the message, where whoever read it has packed it: the thread that writes has enough to do.
    pub(super) text: Option<Packable>,
}

impl Packed {
    /// The object that was written for it.
    pub fn written(&self) -> Option<Leaving> {
        self.place.map(|place| Leaving { digest: self.digest, place })
    }

    /// Packs the text of the message as well.
    pub fn with_text(self, text: &str) -> Self {
        Self { text: Some(Packable::text(&clean(text))), ..self }
    }

    pub(super) const fn text(&self) -> Option<&Packable> {
        self.text.as_ref()
    }

    /// What stands in the row: the bytes, unless they lie elsewhere.
    fn kept(&self) -> &[u8] {
        if self.place.is_some() { &[] } else { &self.packed }
    }
}

#[derive(Insertable)]
#[diesel(table_name = raws, treat_none_as_default_value = false)]
struct RawRow<'a> {
    id: i64,
    digest: &'a [u8],
    size: i64,
    packed: &'a [u8],
    storage_id: Option<i64>,
    upload: Option<i64>,
}

/// What a row has of raw bytes. Whoever reads them asks [`open`].
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = raws)]
pub(super) struct Row {
    pub id: i64,
    pub digest: Vec<u8>,
    size: i64,
    packed: Vec<u8>,
    pruned_at: Option<i64>,
    storage_id: Option<i64>,
    upload: Option<i64>,
}

thread_local! {
    /// Making a compressor costs more than packing a short message with it.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    /// The same of unpacking.
    static DECOMPRESSOR: RefCell<Option<zstd::zstd_safe::DCtx<'static>>> = const { RefCell::new(None) };
}

/// Compresses a message; pure, so that worker threads do it and not the one that writes.
pub fn pack(raw: &[u8], digest: [u8; 32]) -> Packed {
    let packed = COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::new(LEVEL).expect("level 1 exists")),
        };
        let mut packed = room::of(zstd::zstd_safe::compress_bound(raw.len()));
        compressor.compress_to_buffer(raw, &mut packed).expect("the output buffer has zstd's own upper bound");
        packed
    });
    Packed { digest, size: raw.len() as u64, packed, place: None, text: None }
}

/// Decompresses a message; fails when it is not exactly `size` bytes, without ever holding more.
pub fn unpack(packed: &[u8], size: u64) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let context = kept.get_or_insert_with(zstd::zstd_safe::DCtx::create);
        // The last one may have ended in its midst.
        context.reset(zstd::zstd_safe::ResetDirective::SessionOnly).expect("a session can always be ended");
        let decoder = zstd::stream::read::Decoder::with_context(packed, context);
        decoder.take(size.saturating_add(1)).read_to_end(&mut raw).context("unpacking a raw message")
    })?;
    ensure!(raw.len() as u64 == size, "a raw message does not have the {size} bytes it had when it was stored");
    Ok(raw)
}

/// What is there of the raw bytes of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    Kept(Vec<u8>),
    /// They were pruned at this time, in seconds since 1970 UTC; digest and size are there.
    Pruned(i64),
}

/// Reads raw bytes, wherever they lie: all that reads some comes here. What came from outside the database is what the row says, or an
/// error that names it.
pub(super) fn open(db: &mut Database, row: Row) -> Result<Left> {
    let mut row = row;
    // Twice, as it may have been moved between the row and the look.
    for is_last in [false, true] {
        if let Some(at) = row.pruned_at {
            return Ok(Left::Pruned(at));
        }
        let size = row.size.unsigned_abs();
        let Some(place) = Place::of(row.storage_id, row.upload) else {
            return unpack(&row.packed, size).map(Left::Kept).map_err(|error| {
                alone(format!("row {} of the database: {error:#}", row.id)).hint("see: espomail doctor --prove --deep").into()
            });
        };
        if let Some(packed) = storage::read(db, &row.digest, place, most_packed(size))? {
            return checked(&packed, &row.digest, size).map(Left::Kept).map_err(|error| {
                let what = storage::named(db, &row.digest, place).unwrap_or_default();
                alone(format!("{what}: {error:#}")).hint("see: espomail storage check").into()
            });
        }
        if is_last {
            let what = format!("{}: there is no such object", storage::named(db, &row.digest, place)?);
            return Err(alone(what).hint("see: espomail storage check").into());
        }
        row = raws::table.find(row.id).select(Row::as_select()).first(db)?;
    }
    Ok(Left::Kept(Vec::new()))
}

/// What is wrong with the bytes of one message alone: others are to be had.
fn alone(what: String) -> Fault {
    Fault::new(Class::Io, what).reach(Reach::Mailbox)
}

/// Whether the bytes of one message alone cannot be read, and those of others can.
pub fn is_alone(error: &anyhow::Error) -> bool {
    reach_of(error) == Reach::Mailbox && class_of(error) == Class::Io
}

/// Unpacks what lay elsewhere: it is the message of this digest, or an error.
pub fn checked(packed: &[u8], digest: &[u8], size: u64) -> Result<Vec<u8>> {
    let bytes = unpack(packed, size)?;
    ensure!(digest_of(&bytes)[..] == *digest, "it has other bytes than were written");
    Ok(bytes)
}

/// How many bytes a message may have when it is packed.
pub const fn most_packed(size: u64) -> u64 {
    // What cannot be compressed gets a little longer.
    size.saturating_add(size / 128).saturating_add(1 << 10)
}

/// Returns what is there of the raw bytes of an e-mail; none when there is no such e-mail.
pub fn left_of(db: &mut Database, email: EmailId) -> Result<Option<Left>> {
    let row = emails::table.inner_join(raws::table.on(raws::id.eq(emails::raw_id))).filter(emails::id.eq(email));
    let row = row.select(Row::as_select()).first(db).optional()?;
    row.map(|row| open(db, row).with_context(|| format!("e-mail {email}"))).transpose()
}

/// Returns the raw bytes of an e-mail; none when there is no such e-mail. Where they were pruned, an error that says so: whoever can do
/// without them asks [`left_of`].
pub fn raw_of(db: &mut Database, email: EmailId) -> Result<Option<Vec<u8>>> {
    match left_of(db, email)? {
        None => Ok(None),
        Some(Left::Kept(bytes)) => Ok(Some(bytes)),
        Some(Left::Pruned(at)) => Err(pruned(email, at)),
    }
}

/// Says that the raw bytes of an e-mail were pruned, and what is left.
pub fn pruned(email: EmailId, at: i64) -> anyhow::Error {
    let what = format!(
        "the raw bytes of e-mail {email} were pruned on {}; its text, subject, people and the names of its files are there",
        rfc3339(at)
    );
    Fault::new(Class::Data, what).hint(format!("see: espomail email show {email} --full")).into()
}

/// Stores what is not there yet and returns the row of each digest. Call it under the lock row.
pub(super) fn store(db: &mut Database, raw: &[&Packed]) -> Result<HashMap<[u8; 32], i64>> {
    let mut rows = HashMap::with_capacity(raw.len());
    let mut pruned = Vec::new();
    for some in raw.chunks(IN_LIST) {
        let digests: Vec<&[u8]> = some.iter().map(|packed| packed.digest.as_slice()).collect();
        let found =
            raws::table.filter(raws::digest.eq_any(digests)).select((raws::digest, raws::id, raws::pruned_at, raws::is_erased));
        for (digest, id, pruned_at, is_erased) in found.load::<(Vec<u8>, i64, Option<i64>, bool)>(db)? {
            if let Ok(digest) = <[u8; 32]>::try_from(digest) {
                rows.insert(digest, id);
                pruned.extend(pruned_at.filter(|_| !is_erased).map(|_| (digest, id)));
            }
        }
    }
    // What was pruned of another e-mail, and is needed again.
    for (digest, id) in pruned {
        if let Some(packed) = raw.iter().find(|packed| packed.digest == digest) {
            let (storage_id, upload) = Place::columns(packed.place);
            let place = (raws::storage_id.eq(storage_id), raws::upload.eq(upload));
            diesel::update(raws::table.find(id))
                .set((raws::packed.eq(packed.kept()), raws::pruned_at.eq(None::<i64>), place))
                .execute(db)?;
        }
    }
    let mut fresh: Vec<&Packed> = raw.iter().copied().filter(|packed| !rows.contains_key(&packed.digest)).collect();
    fresh.sort_by_key(|packed| packed.digest);
    fresh.dedup_by_key(|packed| packed.digest);
    let first = reserve(db, "raw", fresh.len())?;
    let mut inserts = Vec::with_capacity(fresh.len());
    for (id, packed) in (first..).zip(fresh) {
        rows.insert(packed.digest, id);
        let size = i64::try_from(packed.size).context("the size of a raw message")?;
        let (storage_id, upload) = Place::columns(packed.place);
        inserts.push(RawRow { id, digest: &packed.digest, size, packed: packed.kept(), storage_id, upload });
    }
    insert_all!(db, raws::table, &inserts)?;
    Ok(rows)
}

/// Empties those of some raw bytes that are copies of e-mails which lost their own as somebody in them was erased.
pub(super) fn keep_erased(db: &mut Database, copies: &[i64], now: i64) -> Result<()> {
    for some in copies.chunks(IN_LIST) {
        let of_erased = email_copies::table
            .inner_join(
                emails::table.inner_join(raws::table.on(raws::id.eq(emails::raw_id))).on(emails::id.eq(email_copies::email_id)),
            )
            .filter(email_copies::raw_id.eq_any(some))
            .filter(raws::is_erased.eq(true))
            .select(email_copies::raw_id);
        let erased: Vec<i64> = of_erased.load(db)?;
        erase(db, &erased, now)?;
    }
    Ok(())
}

/// Empties raw bytes for good: whatever has the same content does not bring them back.
pub(super) fn erase(db: &mut Database, those: &[i64], now: i64) -> Result<()> {
    prune(db, those, now)?;
    for some in those.chunks(IN_LIST) {
        diesel::update(raws::table.filter(raws::id.eq_any(some))).set(raws::is_erased.eq(true)).execute(db)?;
    }
    Ok(())
}

/// A copy of an e-mail whose bytes are others than those that the e-mail keeps (DUP-2).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Copy {
    /// As `email raw --copy` takes it: the e-mail's own bytes are the first.
    pub number: i64,
    /// None when the account is gone.
    pub account: Option<String>,
    /// Whose the account is; none where it is nobody's alone.
    #[serde(skip)]
    pub owner: Option<UserId>,
    #[serde(serialize_with = "crate::clock::time")]
    pub arrived_at: i64,
    pub size: i64,
    #[serde(skip)]
    raw: i64,
}

/// Lists the copies of an e-mail, the first one first.
pub fn copies_of(db: &mut Database, email: EmailId) -> Result<Vec<Copy>> {
    let rows = email_copies::table
        .inner_join(raws::table.on(raws::id.eq(email_copies::raw_id)))
        .left_join(accounts::table.on(accounts::id.nullable().eq(email_copies::account_id)))
        .filter(email_copies::email_id.eq(email))
        .order(email_copies::id)
        .select((
            accounts::name.nullable(),
            accounts::owner_id.nullable(),
            email_copies::arrived_at,
            raws::size,
            email_copies::raw_id,
        ))
        .load::<(Option<String>, Option<UserId>, i64, i64, i64)>(db)?;
    let copy = |(number, (account, owner, arrived_at, size, raw))| Copy { number, account, owner, arrived_at, size, raw };
    Ok((2..).zip(rows).map(copy).collect())
}

/// Returns the raw bytes of a copy.
pub fn raw_of_copy(db: &mut Database, copy: &Copy) -> Result<Vec<u8>> {
    let row = raws::table.find(copy.raw).select(Row::as_select()).first(db)?;
    match open(db, row).with_context(|| format!("copy {}", copy.number))? {
        Left::Kept(bytes) => Ok(bytes),
        Left::Pruned(at) => {
            let what = format!("the raw bytes of copy {} were pruned on {}", copy.number, rfc3339(at));
            Err(Fault::new(Class::Data, what).into())
        }
    }
}

/// Returns the rows of all raw bytes of e-mails, their copies' as well: for [`drop_unused`], once the e-mails are gone.
pub(super) fn all_of(db: &mut Database, of: &[EmailId]) -> Result<Vec<i64>> {
    let mut all = Vec::new();
    for some in of.chunks(IN_LIST) {
        all.extend(emails::table.filter(emails::id.eq_any(some)).select(emails::raw_id).load::<i64>(db)?);
        let copies = email_copies::table.filter(email_copies::email_id.eq_any(some)).select(email_copies::raw_id);
        all.extend(copies.load::<i64>(db)?);
    }
    Ok(all)
}

/// Drops those raw bytes that no e-mail, no copy, nothing in quarantine and nothing that a filter skipped has any more.
pub(super) fn drop_unused(db: &mut Database, those: &[i64]) -> Result<()> {
    for some in those.chunks(IN_LIST) {
        let of_emails = emails::table.filter(emails::raw_id.eq_any(some)).select(emails::raw_id);
        let mut used: HashSet<i64> = of_emails.load::<i64>(db)?.into_iter().collect();
        let of_copies = email_copies::table.filter(email_copies::raw_id.eq_any(some)).select(email_copies::raw_id);
        used.extend(of_copies.load::<i64>(db)?);
        let kept = quarantine::table.filter(quarantine::raw_id.eq_any(some)).select(quarantine::raw_id.assume_not_null());
        used.extend(kept.load::<i64>(db)?);
        let skipped = skipped_raws::table.filter(skipped_raws::raw_id.eq_any(some)).select(skipped_raws::raw_id);
        used.extend(skipped.load::<i64>(db)?);
        let unused: Vec<i64> = some.iter().copied().filter(|raw| !used.contains(raw)).collect();
        storage::leave(db, &unused)?;
        diesel::delete(raws::table.filter(raws::id.eq_any(unused))).execute(db)?;
    }
    Ok(())
}

/// Takes the bytes away that some rows have; digest, size and the time stay.
pub(super) fn prune(db: &mut Database, those: &[i64], now: i64) -> Result<()> {
    storage::leave(db, those)?;
    let nowhere = (raws::storage_id.eq(None::<i64>), raws::upload.eq(None::<i64>));
    for some in those.chunks(IN_LIST) {
        diesel::update(raws::table.filter(raws::id.eq_any(some)).filter(raws::pruned_at.is_null()))
            .set((raws::packed.eq(&[][..]), raws::pruned_at.eq(now), nowhere))
            .execute(db)?;
    }
    Ok(())
}
