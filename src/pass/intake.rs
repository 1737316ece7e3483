//! The road of a batch into the store:
//! lock → facts → decide → apply → fates → position → commit.
//! No transaction here waits for a network: bytes that lie outside the database are written before. What cannot be stored because of its content is quarantined alone (FETCH-6).

use anyhow::Result;

use crate::decide::reason::Reason;
use crate::decide::{Arrival, Facts, Plan, Policy, decide};
use crate::fault::{self, Panicked};
use crate::mail::{self, Mail};
use crate::store::facts::Matter;
use crate::store::fate::Skipped;
use crate::store::position::Mark;
use crate::store::raw::{self, Packed, pack};
use crate::store::storage::note_unnamed;
use crate::store::{self, Database, Store, apply, facts, fate, lease, position, quarantine, spending};
use crate::words::{AccountId, EmailId, Fate, PositionId};

use super::witness::Watch;
use super::{Tally, answer, storage};

/// One message, parsed and packed: everything that could be done without the database.
pub struct Arrived {
    pub arrival: Arrival,
    pub mail: Mail,
    pub packed: Packed,
}

/// A UID that gets a fate without being read.
pub struct Passed {
    pub uid: i64,
    pub fate: Fate,
    pub email: Option<EmailId>,
    /// Why; of a message that the server does not hand over, in the server's words.
    pub why: Reason,
    /// What it is known by, where its header was read (FETCH-5).
    pub mark: Option<Mark>,
    /// Of what a filter skipped by its header.
    pub skipped: Option<Box<Skipped>>,
}

impl Passed {
    /// A UID of whose message nothing is known.
    pub fn unread(uid: u32, fate: Fate, why: impl Into<Reason>) -> Self {
        Self { uid: i64::from(uid), fate, email: None, why: why.into(), mark: None, skipped: None }
    }
}

/// Everything that one transaction takes in.
#[derive(Default)]
pub struct Batch {
    pub letters: Vec<Arrived>,
    pub passed: Vec<Passed>,
    /// The position's last UID once this batch is committed; none where we number the messages ourselves.
    pub last_uid: Option<i64>,
}

impl Batch {
    /// Returns what the last message that is known is known by.
    fn mark(&self) -> Option<Mark> {
        let letter = self.letters.last();
        let letter = letter.map(|letter| Mark::of(letter.arrival.uid, &letter.mail, letter.arrival.internal_date));
        let passed = self.passed.iter().rev().find_map(|passed| passed.mark.clone());
        letter.into_iter().chain(passed).max_by_key(|mark| mark.uid)
    }
}

/// Where a batch goes.
pub struct Gate<'a> {
    pub account: AccountId,
    pub position: PositionId,
    /// The lease that must still be ours at the commit. None for `deliver` and `import`: there is no server, and each
    /// message gets the position's next UID inside the transaction.
    pub lease: Option<&'a lease::Lease>,
    pub lease_seconds: i64,
    pub policy: &'a Policy,
    /// What is older than this is not answered (FETCH-5). Seconds since 1970 UTC.
    pub quiet_before: Option<i64>,
    /// Who looks on while the pass is rehearsed.
    pub watch: Option<Watch<'a>>,
    /// What is noted of each message beside its reasons.
    pub note: Option<&'a Reason>,
}

/// Parses and packs a message. A parser that panics is a fault of the message: it is reported for quarantine.
pub fn prepare(arrival: Arrival, bytes: &[u8]) -> Result<Arrived, Box<Refused>> {
    match fault::contain(|| mail::parse_for_rules(bytes)) {
        Ok(mail) => {
            let packed = pack(bytes, mail.raw_digest).with_text(&mail.text);
            Ok(Arrived { arrival, mail, packed })
        }
        Err(panicked) => {
            let error = format!("reading it: {panicked}");
            Err(Box::new(Refused { arrival, packed: pack_unparsed(bytes), error }))
        }
    }
}

/// A message that goes to quarantine.
pub struct Refused {
    pub arrival: Arrival,
    pub packed: Packed,
    pub error: String,
}

/// Packs bytes that were never parsed.
pub fn pack_unparsed(bytes: &[u8]) -> Packed {
    pack(bytes, mail::digest(bytes))
}

/// Writes the raw bytes of a batch where they are to lie outside the database, before anything names them.
pub fn put_away(store: &mut Store, batch: &mut Batch, refused: &mut [Refused]) -> Result<()> {
    let letters = batch.letters.iter_mut().map(|letter| &mut letter.packed);
    storage::write(store, letters.chain(refused.iter_mut().map(|message| &mut message.packed)).collect())
}

/// Takes a batch into the store, and what could not be parsed into quarantine.
pub fn take_parsed(store: &mut Store, gate: &Gate<'_>, batch: &Batch, refused: &[Refused], now: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    // The refused first: the batch moves the position beyond them.
    for message in refused {
        tally.merge(&set_aside(store, gate, &message.arrival, &message.packed, &message.error, now)?);
    }
    tally.merge(&take_in(store, gate, batch, now)?);
    Ok(tally)
}

/// Takes a batch into the store, whole. If its content is refused, takes its messages one by one and quarantines the
/// ones that cannot be stored. Returns what became of the messages.
pub fn take_in(store: &mut Store, gate: &Gate<'_>, batch: &Batch, now: i64) -> Result<Tally> {
    let whole = Part { letters: &batch.letters, passed: &batch.passed, last_uid: batch.last_uid, mark: batch.mark() };
    match contained(|| commit(store, gate, &whole, now))? {
        Ok(tally) => Ok(tally),
        Err(refused) => {
            log::info!("a batch was refused and is taken message by message: {refused}");
            one_by_one(store, gate, batch, now)
        }
    }
}

fn one_by_one(store: &mut Store, gate: &Gate<'_>, batch: &Batch, now: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut passed = batch.passed.iter().collect::<Vec<_>>();
    for letter in &batch.letters {
        let uid = letter.arrival.uid;
        // The position may only reach a UID when everything below it has its fate.
        let (below, rest): (Vec<_>, Vec<_>) = passed.into_iter().partition(|other| other.uid < uid);
        passed = rest;
        tally.merge(&commit_passed(store, gate, &below, now)?);
        let alone = Part { letters: std::slice::from_ref(letter), passed: &[], last_uid: gate.lease.map(|_| uid), mark: None };
        tally.merge(&match contained(|| commit(store, gate, &alone, now))? {
            Ok(one) => one,
            Err(refused) => set_aside(store, gate, &letter.arrival, &letter.packed, &refused, now)?,
        });
    }
    tally.merge(&commit_passed(store, gate, &passed, now)?);
    commit(store, gate, &Part { letters: &[], passed: &[], last_uid: batch.last_uid, mark: batch.mark() }, now)?;
    Ok(tally)
}

fn commit_passed(store: &mut Store, gate: &Gate<'_>, passed: &[&Passed], now: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    if let Some(last) = passed.last() {
        store.transaction(|db| {
            // Before the account's row, as everywhere.
            store::lock(db)?;
            guard(db, gate, now)?;
            write_passed(db, gate, passed, now)?;
            position::advance(db, gate.position, last.uid)
        })?;
        count_passed(&mut tally, passed.iter().copied());
    }
    Ok(tally)
}

/// A message that the server does not hand over is counted once that is said of it for good.
fn count_passed<'p>(tally: &mut Tally, passed: impl Iterator<Item = &'p Passed>) {
    passed.filter(|other| other.fate != Fate::Undelivered).for_each(|other| tally.count(other.fate, 1));
}

/// Takes a message out of quarantine and through the road again, under the UID it has; it stays where it is when it is refused
/// once more. Returns its fate, or why it stays; `said` writes down who wanted it, in the same transaction.
pub fn take_again(
    store: &mut Store,
    kept: &quarantine::Quarantined,
    policy: &Policy,
    said: &dyn Fn(&mut Database, Fate) -> Result<()>,
    now: i64,
) -> Result<Result<Fate, String>> {
    let bytes = match quarantine::raw_of(store.connection(), kept.id) {
        Ok(bytes) => bytes,
        // It holds up no other.
        Err(error) if raw::is_alone(&error) => return Ok(Err(format!("{error:#}"))),
        Err(error) => return Err(error),
    };
    let arrival = Arrival { position: kept.position, uid: kept.uid, internal_date: kept.internal_date, partial: false };
    let refused = match prepare(arrival, &bytes) {
        Ok(letter) => {
            let (account, position) = (kept.account_id, kept.position);
            let gate =
                Gate { account, position, lease: None, lease_seconds: 0, policy, quiet_before: None, watch: None, note: None };
            let work = || {
                store.transaction(|db| {
                    store::lock(db)?;
                    let bytes = quarantine::release(db, kept)?;
                    let arrivals = [letter.arrival.clone()];
                    let plans = decide_and_apply(db, &gate, &[&letter], &arrivals, now)?;
                    let fate = plans.first().map_or(Fate::Quarantined, |plan| plan.fate);
                    quarantine::let_go(db, bytes)?;
                    said(db, fate)?;
                    Ok(fate)
                })
            };
            match contained(work)? {
                Ok(fate) => return Ok(Ok(fate)),
                Err(refused) => refused,
            }
        }
        Err(refused) => refused.error,
    };
    store.transaction(|db| {
        quarantine::note_error(db, kept.id, &refused)?;
        said(db, Fate::Quarantined)
    })?;
    Ok(Err(refused))
}

/// FETCH-6: takes in a message that the server hands over at last, under the UID whose fate it has; or keeps it in quarantine, whole.
pub fn take_late(
    store: &mut Store,
    gate: &Gate<'_>,
    kept: &quarantine::Quarantined,
    message: Result<Arrived, Box<Refused>>,
    now: i64,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let refused = match message {
        Ok(letter) => {
            let work = || {
                store.transaction(|db| {
                    store::lock(db)?;
                    quarantine::release(db, kept)?;
                    let arrivals = [letter.arrival.clone()];
                    let plans = decide_and_apply(db, gate, &[&letter], &arrivals, now)?;
                    guard(db, gate, now)?;
                    note_unnamed(db, letter.packed.written())?;
                    fault::step();
                    Ok(plans)
                })
            };
            match contained(work)? {
                Ok(plans) => {
                    plans.iter().for_each(|plan| tally.decided(plan));
                    return Ok(tally);
                }
                Err(error) => Box::new(Refused { arrival: letter.arrival, packed: letter.packed, error }),
            }
        }
        Err(refused) => refused,
    };
    store.transaction(|db| {
        store::lock(db)?;
        guard(db, gate, now)?;
        quarantine::release(db, kept)?;
        let Refused { arrival, packed, error } = refused.as_ref();
        quarantine::keep(db, gate.position, arrival.uid, arrival.internal_date, packed, error, now)?;
        note_unnamed(db, packed.written())
    })?;
    tally.count(Fate::Quarantined, 1);
    Ok(tally)
}

/// FETCH-6: notes that a message was not handed over once more; or, with a fate, what else became of it.
pub fn note_late(
    store: &mut Store,
    gate: &Gate<'_>,
    kept: &quarantine::Quarantined,
    outcome: &Result<Passed, quarantine::Undelivered>,
    now: i64,
) -> Result<()> {
    store.transaction(|db| {
        store::lock(db)?;
        guard(db, gate, now)?;
        match outcome {
            Ok(passed) if passed.fate == Fate::Gone => quarantine::note_gone(db, kept, &why_passed(passed), now),
            Ok(passed) => {
                quarantine::release(db, kept)?;
                write_passed(db, gate, &[passed], now)
            }
            Err(undelivered) => quarantine::note_try(db, gate.position, undelivered, now),
        }
    })
}

/// FETCH-6: keeps a message whole in quarantine; the pass goes on behind it.
pub fn set_aside(store: &mut Store, gate: &Gate<'_>, arrival: &Arrival, packed: &Packed, error: &str, now: i64) -> Result<Tally> {
    let place = store.transaction(|db| {
        store::lock(db)?;
        guard(db, gate, now)?;
        let uid = if gate.lease.is_none() { position::last_uid(db, gate.position)? + 1 } else { arrival.uid };
        quarantine::keep(db, gate.position, uid, arrival.internal_date, packed, error, now)?;
        note_unnamed(db, packed.written())?;
        position::advance(db, gate.position, uid)?;
        Ok(format!("mailbox {}: UID {uid}", position::mailbox_of(db, gate.position)?))
    })?;
    let mut tally = Tally::default();
    tally.count(Fate::Quarantined, 1);
    tally.set_aside.push(format!("{place}: {error}"));
    Ok(tally)
}

/// Does what takes messages in. Where their content is refused, or they make it panic, it says so: one of them must never hold up the
/// others.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<Result<T, String>> {
    match fault::contain(work).unwrap_or_else(|panicked| Err(panicked.into())) {
        Ok(done) => Ok(Ok(done)),
        Err(error) if error.is::<Panicked>() || store::is_message_fault(&error) => Ok(Err(format!("{error:#}"))),
        Err(error) => Err(error),
    }
}

/// What one transaction takes in of a batch.
struct Part<'a> {
    letters: &'a [Arrived],
    passed: &'a [Passed],
    last_uid: Option<i64>,
    mark: Option<Mark>,
}

/// The one transaction of a batch.
fn commit(store: &mut Store, gate: &Gate<'_>, part: &Part<'_>, now: i64) -> Result<Tally> {
    let Part { letters, passed, last_uid, mark } = part;
    fault::step();
    let tally = store.transaction(|db| {
        let mut tally = Tally::default();
        let plans = if letters.is_empty() {
            if passed.iter().any(|passed| passed.fate == Fate::Undelivered) {
                // Before the account's row, as everywhere.
                store::lock(db)?;
            }
            Vec::new()
        } else {
            let arrivals = arrivals(db, gate, letters)?;
            decide_and_apply(db, gate, &letters.iter().collect::<Vec<_>>(), &arrivals, now)?
        };
        guard(db, gate, now)?;
        note_unnamed(db, letters.iter().filter_map(|letter| letter.packed.written()))?;
        write_passed(db, gate, &passed.iter().collect::<Vec<_>>(), now)?;
        if let Some(uid) = last_uid {
            position::advance(db, gate.position, *uid)?;
            if let Some(mark) = mark {
                position::set_mark(db, gate.position, mark)?;
            }
        }
        for plan in &plans {
            tally.decided(plan);
        }
        count_passed(&mut tally, passed.iter());
        fault::step();
        Ok(tally)
    })?;
    fault::step();
    Ok(tally)
}

/// Gathers the facts for all messages, decides each in turn, and writes everything.
pub(super) fn decide_and_apply(
    db: &mut Database,
    gate: &Gate<'_>,
    letters: &[&Arrived],
    arrivals: &[Arrival],
    now: i64,
) -> Result<Vec<Plan>> {
    // What no server handed over is nowhere else (FILTER-7).
    let is_only_one = gate.lease.is_none();
    let mails: Vec<&Mail> = letters.iter().map(|letter| &letter.mail).collect();
    let arrivals: Vec<Arrival> = mails.iter().zip(arrivals).map(|(mail, arrival)| arrival.believed(mail, now)).collect();
    let matter = Matter { account: Some(gate.account), mails: &mails, ..Matter::default() };
    let mut facts = facts::gather_at(db, Some(gate.position), &matter, now)?;
    facts.trace_filters = gate.watch.is_some();
    facts.quiet_before = gate.quiet_before;
    facts.budgets = gate.policy.budgets;
    facts.spent = spending::of_late(db, &mails, &facts);
    let mut plans: Vec<Plan> =
        letters.iter().zip(&arrivals).map(|(letter, arrival)| decide(arrival, &letter.mail, gate.policy, &mut facts)).collect();
    if let Some(note) = gate.note {
        plans.iter_mut().for_each(|plan| plan.note(note.clone()));
    }
    if let Some(watch) = &gate.watch {
        let seen = letters.iter().zip(&arrivals).zip(&plans);
        watch.see(seen.map(|((letter, arrival), plan)| (arrival.uid, &letter.mail, plan)), &facts);
    }
    let decided: Vec<apply::Decided<'_>> = letters
        .iter()
        .zip(&arrivals)
        .zip(&plans)
        .map(|((letter, arrival), plan)| apply::Decided {
            arrival,
            mail: &letter.mail,
            packed: &letter.packed,
            plan,
            is_only_one,
        })
        .collect();
    log_each(db, gate, &facts, &decided)?;
    apply::apply(db, &facts.next, &decided, now)?;
    answer::queue(db, mails.iter().copied().zip(&plans), &facts, gate.policy, now)?;
    fault::step();
    Ok(plans)
}

/// WHY-1: says what is decided about each message with `-vv`, and every reason with `-vvv`.
fn log_each(db: &mut Database, gate: &Gate<'_>, facts: &Facts, decided: &[apply::Decided<'_>]) -> Result<()> {
    if !log::log_enabled!(log::Level::Debug) {
        return Ok(());
    }
    let place = format!("account {}: mailbox {}", facts.account.name, position::mailbox_of(db, gate.position)?);
    for apply::Decided { arrival, mail, plan, .. } in decided {
        let from = mail.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
        let email = plan.email.map(|email| format!(", e-mail {email}")).unwrap_or_default();
        log::debug!("{place}: UID {}: {}{email}: from {from}: {}", arrival.uid, plan.fate, mail.subject);
        if log::log_enabled!(log::Level::Trace) {
            for step in plan.steps() {
                let change = serde_json::to_value(&step.change)?;
                log::trace!("UID {}: {}: because {}", arrival.uid, change["do"].as_str().unwrap_or_default(), step.because);
            }
            plan.notes.iter().for_each(|note| log::trace!("UID {}: note: {note}", arrival.uid));
        }
    }
    Ok(())
}

/// Returns how the letters arrived; without a server, with the position's next UIDs.
fn arrivals(db: &mut Database, gate: &Gate<'_>, letters: &[Arrived]) -> Result<Vec<Arrival>> {
    let mut arrivals: Vec<Arrival> = letters.iter().map(|letter| letter.arrival.clone()).collect();
    if gate.lease.is_none() {
        store::lock(db)?;
        let last = position::last_uid(db, gate.position)?;
        for (arrival, uid) in arrivals.iter_mut().zip(last + 1..) {
            arrival.uid = uid;
        }
    }
    Ok(arrivals)
}

/// FETCH-11, FETCH-13: nothing is committed under a lease that another pass or a reset has ended.
fn guard(db: &mut Database, gate: &Gate<'_>, now: i64) -> Result<()> {
    match gate.lease {
        Some(lease) => {
            lease::hold(db, lease)?;
            lease::renew(db, lease, now, gate.lease_seconds)
        }
        None => Ok(()),
    }
}

/// Why something was not imported, as JSON.
fn why_passed(passed: &Passed) -> String {
    serde_json::json!({ "fate": passed.fate, "notes": [passed.why] }).to_string()
}

fn write_passed(db: &mut Database, gate: &Gate<'_>, passed: &[&Passed], now: i64) -> Result<()> {
    if passed.is_empty() {
        return Ok(());
    }
    let (late, passed): (Vec<&Passed>, Vec<&Passed>) = passed.iter().partition(|other| other.fate == Fate::Undelivered);
    let settled = |other: &&Passed| {
        log::debug!("UID {}: {}: {}", other.uid, other.fate, other.why);
        let why = why_passed(other);
        fate::Settled { uid: other.uid, fate: other.fate, email: other.email, why, skipped: other.skipped.as_deref().cloned() }
    };
    let rows: Vec<fate::Settled> = passed.iter().map(settled).collect();
    fate::record_fates(db, gate.position, &rows, now)?;
    let late: Vec<quarantine::Undelivered> = late
        .iter()
        .map(|other| quarantine::Undelivered { uid: other.uid, error: other.why.to_string(), tries: 0, due_at: Some(now) })
        .collect();
    quarantine::note_undelivered(db, gate.position, &late, now)
}

/// What an answer may have beside the bytes of its messages.
pub const RESPONSE_MARGIN: u64 = 8 << 20;
