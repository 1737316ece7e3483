//! Raw bytes outside the database: written before the transaction that names them, deleted behind the one that forgets them, and moved
//! from one place to another while all else goes on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::{Stop, crew};
use crate::decide::access::Permit;
use crate::depot::{self, Depot, Listed};
use crate::fault::{Class, Fault, Reach, reach_of, step};
use crate::store::raw::{self, Packed};
use crate::store::storage::{self, Leaving, Moving, Place, Storage, state};
use crate::store::{Store, access};

/// How many objects are deleted between two commits.
const AT_ONCE: i64 = 500;
/// How many messages are moved between two commits, and how many bytes they have at the most.
const MOVED_AT_ONCE: (i64, i64) = (256, 8 << 20);
/// An object that nothing names may be one that a pass is about to name; after so many seconds it is not.
const AGE: i64 = 86_400;
/// So many objects that are missing are named.
const FEW: usize = 3;

/// Writes the bytes of messages outside the database, side by side, where the configuration has them there: those that are not stored yet.
/// In a rehearsal nothing is written. Where one fails all have failed, and what was written is deleted later.
pub fn write(store: &mut Store, messages: Vec<&mut Packed>) -> Result<()> {
    let Some(depot) = depot::current().filter(|_| !store.is_rehearsing() && !messages.is_empty()) else { return Ok(()) };
    let storage = known(store, depot)?;
    let digests: Vec<[u8; 32]> = messages.iter().map(|message| message.digest).collect();
    let mut there = storage::stored(store.connection(), &digests)?;
    // Of two with the same bytes one is enough.
    let fresh: Vec<&mut Packed> = messages.into_iter().filter(|message| there.insert(message.digest)).collect();
    step();
    let (written, failed) = put_all(depot, &storage, fresh)?;
    step();
    let Some(error) = failed else { return Ok(()) };
    // Where this cannot be written down, `storage check` finds them.
    if let Err(also) = store.transaction(|db| storage::note(db, &written)) {
        log::info!("{also:#}");
    }
    Err(error)
}

/// Writes objects side by side; each message knows where it lies then. Returns those that were written, and the first failure.
fn put_all(depot: &Depot, storage: &Storage, messages: Vec<&mut Packed>) -> Result<(Vec<Leaving>, Option<anyhow::Error>)> {
    let numbered = messages.into_iter().map(|message| Ok((storage::new_upload()?, message))).collect::<Result<Vec<_>>>()?;
    let (written, failed) = (Mutex::new(Vec::new()), Mutex::new(None));
    crew::each(depot.workers, numbered, &|| (), &|(), (upload, message): (i64, &mut Packed)| {
        if failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        let place = Place { storage: storage.id, upload };
        match depot.put(&storage.name(message.digest, upload), &message.packed) {
            Ok(()) => {
                message.place = Some(place);
                written.lock().unwrap_or_else(PoisonError::into_inner).push(Leaving { digest: message.digest, place });
            }
            Err(error) => {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    });
    let inner = (written.into_inner(), failed.into_inner());
    Ok((inner.0.unwrap_or_else(PoisonError::into_inner), inner.1.unwrap_or_else(PoisonError::into_inner)))
}

/// Returns the row of a place; makes it the first time.
fn known(store: &mut Store, depot: &Depot) -> Result<Storage> {
    match storage::find(store.connection(), &depot.url)? {
        Some(storage) => Ok(storage),
        None => store.alone(|db| storage::known(db, &depot.url)),
    }
}

/// Deletes what nothing names any more. Returns how much that was, and what could not be deleted now: the next one tries again.
pub fn clean(store: &mut Store) -> Result<(usize, Option<anyhow::Error>)> {
    let (mut done, mut failed) = (0, None);
    for storage in storage::all(store.connection())? {
        let mut last: Option<Leaving> = None;
        loop {
            let those = storage::leavings_behind(store.connection(), &storage, last.as_ref(), AT_ONCE)?;
            let Some(newest) = those.last().cloned() else { break };
            let (gone, error) = match storage.depot() {
                Ok(depot) => delete_all(depot, &storage, those),
                Err(error) => (Vec::new(), Some(error)),
            };
            step();
            store.transaction(|db| storage::forget(db, &gone))?;
            done += gone.len();
            last = Some(newest);
            if error.is_some() {
                failed = failed.or(error);
                break;
            }
        }
    }
    Ok((done, failed))
}

/// The same behind a pass, of what it wrote for nothing: what came again, and what the rules did not want. What cannot be deleted now waits for
/// the next one, or for `prune`.
pub fn tidy(store: &mut Store) {
    if depot::current().is_none() || store.is_rehearsing() {
        return;
    }
    if let Some(error) = clean(store).map_or_else(Some, |(_, failed)| failed) {
        log::info!("{error:#}");
    }
}

fn delete_all(depot: &Depot, storage: &Storage, those: Vec<Leaving>) -> (Vec<Leaving>, Option<anyhow::Error>) {
    let (gone, failed) = (Mutex::new(Vec::new()), Mutex::new(None));
    crew::each(depot.workers, those, &|| (), &|(), one: Leaving| {
        if failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        match depot.delete(&storage.name(one.digest, one.place.upload)) {
            Ok(()) => gone.lock().unwrap_or_else(PoisonError::into_inner).push(one),
            Err(error) => {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    });
    let inner = (gone.into_inner(), failed.into_inner());
    (inner.0.unwrap_or_else(PoisonError::into_inner), inner.1.unwrap_or_else(PoisonError::into_inner))
}

/// What was moved, or would be.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Moved {
    pub to: String,
    pub messages: i64,
    pub bytes: i64,
    /// Messages that cannot be read where they lie; they stay named there.
    pub unreadable: Vec<String>,
    /// Everything is there; else it was told to stop.
    pub is_done: bool,
}

/// What a move is done with.
pub struct Setting<'a> {
    /// None for the database.
    pub to: Option<&'static Depot>,
    pub is_rehearsal: bool,
    pub permit: &'a Permit<'a>,
    pub now: i64,
    pub stop: &'a Stop,
    pub progress: &'a dyn Fn(&str),
}

/// Moves all raw bytes, some at a time: each is copied, read again and compared, then its row says where it lies, then what it was is
/// deleted. Where it was stopped, the same line goes on.
pub fn move_all(store: &mut Store, setting: &Setting<'_>) -> Result<Moved> {
    let to = match setting.to {
        None => None,
        Some(depot) if setting.is_rehearsal => storage::find(store.connection(), &depot.url)?,
        Some(depot) => Some(known(store, depot)?),
    };
    // Nothing lies yet in one that nobody has written to.
    let id = setting.to.map(|_| to.as_ref().map_or(0, |storage| storage.id));
    let mut moved = Moved { to: setting.to.map_or_else(|| "database".to_string(), |to| to.url.clone()), ..Moved::default() };
    let mut last = i64::MIN;
    while !setting.stop.requested() {
        let those = storage::moving_behind(store.connection(), id, last, MOVED_AT_ONCE)?;
        let Some(newest) = those.last() else {
            moved.is_done = true;
            break;
        };
        let is_first = last == i64::MIN;
        last = newest.id;
        if !setting.is_rehearsal && is_first {
            // Whoever is killed has said what was begun.
            store.alone(|db| access::record(db, setting.permit, "storage move", &moved.to, "begun", setting.now))?;
        }
        if setting.is_rehearsal {
            moved.messages += i64::try_from(those.len())?;
            moved.bytes += those.iter().map(|one| one.size).sum::<i64>();
            continue;
        }
        some(store, setting.to.zip(to.as_ref()), those, &mut moved)?;
        (setting.progress)(&format!("{} messages …", moved.messages));
    }
    if !setting.is_rehearsal && moved.messages > 0 {
        let detail = format!("{} messages, {} bytes", moved.messages, moved.bytes);
        store.alone(|db| access::record(db, setting.permit, "storage move", &moved.to, &detail, setting.now))?;
    }
    Ok(moved)
}

/// One of them on its way.
struct Way {
    moving: Moving,
    packed: Vec<u8>,
    upload: i64,
    outcome: Result<()>,
}

fn some(store: &mut Store, to: Option<(&Depot, &Storage)>, those: Vec<Moving>, moved: &mut Moved) -> Result<()> {
    let storages: HashMap<i64, Storage> = storage::all(store.connection())?.into_iter().map(|one| (one.id, one)).collect();
    let here: Vec<i64> = those.iter().filter(|one| one.place().is_none()).map(|one| one.id).collect();
    let mut here = storage::packed_of(store.connection(), &here)?;
    let ways = those.into_iter().map(|moving| {
        let packed = here.remove(&moving.id).unwrap_or_default();
        Ok(Way { packed, upload: storage::new_upload()?, outcome: Ok(()), moving })
    });
    let mut ways = ways.collect::<Result<Vec<Way>>>()?;
    let workers = to.map_or(depot::USUAL_WORKERS, |(depot, _)| depot.workers);
    crew::each(workers, ways.iter_mut().collect(), &|| (), &|(), way: &mut Way| way.outcome = carry(way, &storages, to));
    step();
    // One object that is not what it was holds up no other; a storage that is not reached does.
    let is_lost = |way: &Way| way.outcome.as_ref().err().is_some_and(|error| reach_of(error) == Reach::Mailbox);
    if let Some(at) = ways.iter().position(|way| way.outcome.is_err() && !is_lost(way)) {
        note_left(store, to, &ways)?;
        return ways.swap_remove(at).outcome;
    }
    let (lost, ready): (Vec<Way>, Vec<Way>) = ways.into_iter().partition(is_lost);
    // What somebody else moved or forgot meanwhile is not lost.
    let still = storage::lie_as_seen(store.connection(), &lost.iter().map(|way| &way.moving).collect::<Vec<_>>())?;
    let lost: Vec<Way> = lost.into_iter().filter(|way| still.contains(&way.moving.id)).collect();
    let told = |way: &Way| way.outcome.as_ref().err().map(|error| format!("raw {}: {error:#}", way.moving.id));
    moved.unreadable.extend(lost.iter().filter_map(told));
    let done = store.alone(|db| {
        let mut done = (0, 0);
        for way in &ready {
            let place = to.map(|(_, storage)| Place { storage: storage.id, upload: way.upload });
            if storage::moved(db, &way.moving, &way.packed, place)? {
                done = (done.0 + 1, done.1 + way.moving.size);
            }
        }
        Ok(done)
    })?;
    step();
    (moved.messages, moved.bytes) = (moved.messages + done.0, moved.bytes + done.1);
    Ok(())
}

/// What may have been written and is not named is deleted later.
fn note_left(store: &mut Store, to: Option<(&Depot, &Storage)>, ways: &[Way]) -> Result<()> {
    let Some((_, storage)) = to else { return Ok(()) };
    let left = ways.iter().filter_map(|way| {
        let digest = <[u8; 32]>::try_from(way.moving.digest.as_slice()).ok()?;
        Some(Leaving { digest, place: Place { storage: storage.id, upload: way.upload } })
    });
    let left: Vec<Leaving> = left.collect();
    store.transaction(|db| storage::note(db, &left))
}

/// Reads one where it lies and looks whether it is whole, writes it where it is to lie, and reads it there.
fn carry(way: &mut Way, storages: &HashMap<i64, Storage>, to: Option<(&Depot, &Storage)>) -> Result<()> {
    let digest = <[u8; 32]>::try_from(way.moving.digest.as_slice()).context("the digest of raw bytes")?;
    let size = way.moving.size.unsigned_abs();
    let most = raw::most_packed(size);
    if let Some(place) = way.moving.place() {
        let from = storages.get(&place.storage).context("a storage that nobody knows")?;
        let read = from.depot()?.get(&from.name(digest, place.upload), most)?;
        way.packed = read.ok_or_else(|| lost(&from.url, "there is no such object"))?;
        raw::checked(&way.packed, &digest, size).map_err(|error| lost(&from.url, &format!("{error:#}")))?;
    } else {
        raw::checked(&way.packed, &digest, size).map_err(|error| lost("the database", &format!("{error:#}")))?;
    }
    if let Some((depot, storage)) = to {
        let name = storage.name(digest, way.upload);
        depot.put(&name, &way.packed)?;
        if depot.get(&name, most)?.as_deref() != Some(way.packed.as_slice()) {
            return Err(depot.broken("gives other bytes back than it was given").into());
        }
    }
    Ok(())
}

fn lost(place: &str, why: &str) -> anyhow::Error {
    Fault::new(Class::Io, format!("{place}: {why}")).reach(Reach::Mailbox).into()
}

/// Looks at what of a storage begins with a byte: counts the messages that are to lie there, and names those that do not. Returns what nothing
/// names.
fn look(
    store: &mut Store,
    storage: &Storage,
    first: u8,
    (messages, missing): (&mut i64, &mut Vec<String>),
) -> Result<Vec<Listed>> {
    let held = storage::held_against(store.connection(), storage, first)?;
    *messages += held.messages;
    missing.extend(held.missing.into_iter().map(|(raw, name)| format!("raw {raw}: {name}")));
    Ok(held.unnamed)
}

/// What was found where a storage is said to be by now.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Renamed {
    pub from: String,
    pub to: String,
    /// Messages that are to lie there.
    pub messages: i64,
    /// Of those the ones that do not.
    pub missing: Vec<String>,
    pub dry_run: bool,
}

/// Says that a storage has another URL by now, once every object of it was seen there; `anyway` with some of them missing.
pub fn rename(
    store: &mut Store,
    permit: &Permit<'_>,
    (from, to): (&str, &Depot),
    (anyway, dry_run): (bool, bool),
    now: i64,
) -> Result<Renamed> {
    let all = storage::all(store.connection())?;
    let Some(known) = all.iter().find(|one| one.url == from) else {
        let urls: Vec<&str> = all.iter().map(|one| one.url.as_str()).collect();
        let hint = format!("the database knows: {}", urls.join(", "));
        return Err(Fault::new(Class::Data, format!("no message has ever lain in {from}")).hint(hint).into());
    };
    if depot::at(from).is_ok() {
        // What is left there would be nobody's, and no erase would reach it.
        let what = format!("the configuration names {from}, so it may be in use there");
        let hint = "take it out of [storage] and [[storage.also]], or move what lies there: espomail storage move";
        return Err(Fault::new(Class::Data, what).hint(hint).into());
    }
    if let Some(other) = all.iter().find(|one| one.url == to.url && one.folder != known.folder) {
        let what = format!("{} keeps its objects in {:?}, and those of {from} are in {:?}", to.url, other.folder, known.folder);
        return Err(Fault::new(Class::Data, what).hint("name both in the configuration: espomail.toml(5)").into());
    }
    to.is_there(&known.folder)?;
    let there = Storage { url: to.url.clone(), ..known.clone() };
    let mut found = Renamed { from: from.into(), to: to.url.clone(), messages: 0, missing: Vec::new(), dry_run };
    for first in 0..=u8::MAX {
        look(store, &there, first, (&mut found.messages, &mut found.missing))?;
    }
    if !found.missing.is_empty() && !anyway {
        let named: Vec<&str> = found.missing.iter().take(FEW).map(String::as_str).collect();
        let what = format!(
            "{} of {} messages are not in {}, such as {}; nothing was changed",
            found.missing.len(),
            found.messages,
            found.to,
            named.join(", ")
        );
        return Err(Fault::new(Class::Data, what).hint("put them there; to do without them: --anyway").into());
    }
    if !dry_run {
        store.alone(|db| {
            storage::rename(db, known, &to.url)?;
            access::record(db, permit, "storage rename", &to.url, &format!("before: {from}"), now)?;
            state::note_missing(db, found.missing.len(), now)
        })?;
    }
    Ok(found)
}

/// What a look at a storage found.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Checked {
    pub storage: String,
    /// Messages that are to lie there.
    pub messages: i64,
    /// Of those the ones that do not.
    pub missing: Vec<String>,
    /// Objects that nothing names and that are old enough for nothing to name them.
    pub unnamed: i64,
    pub unnamed_bytes: u64,
    /// Whether they are to be deleted now.
    pub deleted: bool,
}

/// Holds all that lies outside the database against what is to lie there; with `delete`, what nothing names goes.
pub fn check(store: &mut Store, delete: bool, now: i64) -> Result<Vec<Checked>> {
    let mut all = Vec::new();
    for storage in storage::all(store.connection())? {
        let mut found = Checked {
            storage: storage.url.clone(),
            messages: 0,
            missing: Vec::new(),
            unnamed: 0,
            unnamed_bytes: 0,
            deleted: delete,
        };
        for first in 0..=u8::MAX {
            let unnamed = look(store, &storage, first, (&mut found.messages, &mut found.missing))?;
            let old: Vec<_> = unnamed.into_iter().filter(|one| one.written_at < now - AGE).collect();
            found.unnamed += i64::try_from(old.len())?;
            found.unnamed_bytes += old.iter().map(|one| one.bytes).sum::<u64>();
            if delete && !old.is_empty() {
                let place = |upload| Place { storage: storage.id, upload };
                let left: Vec<Leaving> = old.iter().map(|one| Leaving { digest: one.digest, place: place(one.upload) }).collect();
                store.transaction(|db| storage::note(db, &left))?;
            }
        }
        all.push(found);
    }
    let missing = all.iter().map(|found| found.missing.len()).sum();
    store.alone(|db| state::note_missing(db, missing, now))?;
    if delete {
        let (_, failed) = clean(store)?;
        failed.map_or(Ok(()), Err)?;
    }
    Ok(all)
}
