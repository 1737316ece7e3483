//! What a filter skipped and is kept here goes through the road again, as if it were delivered anew (FILTER-7): in batches, each one transaction.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use anyhow::Result;

use super::intake::{self, Arrived, Gate, Refused, contained, decide_and_apply};
use super::{Tally, fetch, index};
use crate::decide::filter::{Filter, Foreseen};
use crate::decide::{self, Arrival, Policy};
use crate::fault;
use crate::store::fate::FateFilter;
use crate::store::fate::ask::{self, Known};
use crate::store::skipped::{self, SkippedMessage};
use crate::store::{self, Database, Store, quarantine};
use crate::words::{AccountId, Fate};

/// How many messages one transaction takes, and how many bytes they have at the most; one may have more.
const BATCH: usize = 256;
const BATCH_BYTES: i64 = 8 << 20;

/// What became of messages that were taken again.
#[derive(Default)]
pub struct Taken {
    pub tally: Tally,
    /// What is wrong with those that cannot be read, and stay as they are.
    pub unread: Vec<anyhow::Error>,
}

/// Takes messages again; each that today's rules skip once more stays as it is, and so does one that cannot be read. In a rehearsal nothing
/// is changed.
pub fn take_again(store: &mut Store, kept: &[SkippedMessage], policy: &Policy, is_rehearsal: bool, now: i64) -> Result<Taken> {
    let (mut taken, begun) = (Taken::default(), Instant::now());
    let batches = batches(kept);
    let mut each = |store: &mut Store, some: &&[SkippedMessage]| batch(store, some, policy, now, &mut taken);
    if is_rehearsal {
        store.rehearse_each(&batches, each)?;
        return Ok(taken);
    }
    batches.iter().try_for_each(|some| each(store, some))?;
    if taken.tally.is_news_of_nobody() {
        fetch::tell_of_nobody(store, now)?;
    }
    index::follow(store, begun, &|| false);
    Ok(taken)
}

/// What filters will make of what servers are asked for again, as far as that can be said before it is read.
#[derive(Debug, Default, serde::Serialize)]
pub struct Foresight {
    /// How many each filter skips once more, by its name.
    pub skipped_by: BTreeMap<String, usize>,
    /// Of how many it cannot be said.
    pub unknown: usize,
}

/// Foresees it by authors and subjects, which were kept of what was skipped.
pub fn foresee(db: &mut Database, filter: &FateFilter, kept: &[SkippedMessage]) -> Result<Foresight> {
    let mut foresight = Foresight::default();
    let mut filters: HashMap<AccountId, Vec<Filter>> = HashMap::new();
    for Known { account, author, subject } in ask::known(db, filter, kept)? {
        let of_account = match filters.entry(account) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(store::filter::of_account(db, account)?),
        };
        match subject.map_or(Foreseen::Unknown, |subject| decide::filter::foresee(&author, &subject, of_account)) {
            Foreseen::Skipped(filter) => *foresight.skipped_by.entry(filter.name.clone()).or_default() += 1,
            Foreseen::Unknown => foresight.unknown += 1,
            Foreseen::Read => {}
        }
    }
    Ok(foresight)
}

/// Puts messages of one mailbox together.
fn batches(kept: &[SkippedMessage]) -> Vec<&[SkippedMessage]> {
    let mut batches = Vec::new();
    for mut rest in kept.chunk_by(|one, other| one.position == other.position) {
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |one: &&SkippedMessage| {
                bytes += one.size;
                bytes <= BATCH_BYTES
            };
            let (some, others) = rest.split_at(rest.iter().take(BATCH).take_while(fits).count().max(1));
            batches.push(some);
            rest = others;
        }
    }
    batches
}

/// Takes a batch whole; if its content is refused, message by message, and what cannot be stored goes to quarantine.
fn batch(store: &mut Store, some: &[SkippedMessage], policy: &Policy, now: i64, taken: &mut Taken) -> Result<()> {
    let Some(first) = some.first() else { return Ok(()) };
    let (account, position) = (first.account, first.position);
    let gate = Gate { account, position, lease: None, lease_seconds: 0, policy, quiet_before: None, watch: None, note: None };
    // Before the transaction: they may lie outside the database.
    let (mut bytes, unread) = skipped::readable(store.connection(), some)?;
    taken.unread.extend(unread);
    let (mut letters, mut refused) = (Vec::new(), Vec::new());
    for kept in some {
        let Some(bytes) = bytes.remove(&kept.uid) else { continue };
        let arrival = Arrival { position, uid: kept.uid, internal_date: kept.internal_date, partial: false };
        match intake::prepare(arrival, &bytes) {
            Ok(letter) => letters.push((kept, letter)),
            Err(message) => refused.push(*message),
        }
    }
    let tally = &mut taken.tally;
    match contained(|| commit(store, &gate, &letters, now))? {
        Ok(done) => tally.merge(&done),
        Err(_) => {
            for letter in letters {
                match contained(|| commit(store, &gate, std::slice::from_ref(&letter), now))? {
                    Ok(done) => tally.merge(&done),
                    Err(error) => {
                        let Arrived { arrival, packed, .. } = letter.1;
                        refused.push(Refused { arrival, packed, error });
                    }
                }
            }
        }
    }
    for message in &refused {
        tally.merge(&set_aside(store, message, now)?);
    }
    Ok(())
}

/// One transaction: what is still kept gets another fate, and is let go of.
fn commit(store: &mut Store, gate: &Gate<'_>, those: &[(&SkippedMessage, Arrived)], now: i64) -> Result<Tally> {
    store.transaction(|db| {
        store::lock(db)?;
        let uids: Vec<i64> = those.iter().map(|(kept, _)| kept.uid).collect();
        // Somebody may have been quicker.
        let still = skipped::still(db, gate.position, &uids)?;
        let there: Vec<&(&SkippedMessage, Arrived)> = those.iter().filter(|(kept, _)| still.contains(&kept.uid)).collect();
        if there.is_empty() {
            return Ok(Tally::default());
        }
        let (uids, raws): (Vec<i64>, Vec<i64>) = there.iter().map(|(kept, _)| (kept.uid, kept.raw)).unzip();
        skipped::release(db, gate.position, &uids)?;
        let letters: Vec<&Arrived> = there.iter().map(|(_, letter)| letter).collect();
        let arrivals: Vec<Arrival> = letters.iter().map(|letter| letter.arrival.clone()).collect();
        let plans = decide_and_apply(db, gate, &letters, &arrivals, now)?;
        skipped::let_go(db, &raws)?;
        fault::step();
        let mut tally = Tally::default();
        plans.iter().for_each(|plan| tally.decided(plan));
        Ok(tally)
    })
}

/// FETCH-6: what cannot be stored because of its content is in quarantine from now on.
fn set_aside(store: &mut Store, message: &Refused, now: i64) -> Result<Tally> {
    let Refused { arrival, packed, error } = message;
    let is_there = store.transaction(|db| {
        store::lock(db)?;
        let is_there = skipped::still(db, arrival.position, &[arrival.uid])?.contains(&arrival.uid);
        if is_there {
            skipped::release(db, arrival.position, &[arrival.uid])?;
            quarantine::keep(db, arrival.position, arrival.uid, arrival.internal_date, packed, error, now)?;
        }
        Ok(is_there)
    })?;
    let mut tally = Tally::default();
    if is_there {
        tally.count(Fate::Quarantined, 1);
    }
    Ok(tally)
}
