//! One mailbox of one account: list what is due, read it in batches, take each batch in.
//! Reading, parsing and writing each have a thread, so the next batch is on its way while this one is stored.

mod again;
mod compare;
mod listing;
mod parse;
mod read;
mod visit;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Result;

use self::parse::{parse_carefully, parse_one};
use self::read::{RawBatch, Reader};
use self::visit::{Due, Evidence, LISTED_AT_ONCE, Visit, gate};
use super::Tally;
use super::intake::{self, Batch, Gate, Refused};
use super::memory::Share;
use crate::decide::filter;
use crate::fault::step;
use crate::mailbox::Session;
use crate::store::{self, Store, attempt, position, server_action};
use crate::words::PositionId;

pub use self::compare::{Compared, Wanted};
pub use self::listing::foreseen;
pub use self::visit::{Limits, Poll};

/// Polls one mailbox. What is committed stays, whatever happens behind it.
pub fn poll(poll: &Poll<'_>, session: &mut Session, store: &mut Store, mailbox: &str, tally: &mut Tally) -> Result<()> {
    if let Some(foreseen) = listing::foreseen(store, poll.account.id, mailbox)? {
        session.foresee(&foreseen);
    }
    let opened = session.examine(mailbox)?;
    let mut evidence = Evidence::default();
    let mut filters = store::filter::of_account(store.connection(), poll.account.id)?;
    // Who looks on wants to see what is skipped, too; the decision is the same (FILTER-6).
    if poll.witness.is_some() || !filter::may_screen(&filters) {
        filters.clear();
    }
    let mut left = poll.limits.messages.unwrap_or(usize::MAX);
    let mut listing = listing::begin(poll, session, store, mailbox, &opened, &mut evidence)?;
    loop {
        let gate = gate(poll, mailbox, &listing.position);
        let visit = Visit { poll, mailbox, opened: &opened, position: &listing.position, gate: &gate, filters: &filters };
        let mut due = std::mem::take(&mut listing.due);
        due.truncate(left);
        left -= due.len();
        take_due(&visit, session, store, due, &mut evidence, tally)?;
        if !listing.is_cut || left == 0 || poll.limits.spent() {
            return again::ask(&visit, session, store, &mut evidence, tally);
        }
        listing = listing::go_on(poll, session, store, mailbox, &opened)?;
    }
}

/// WHY-3: compares one mailbox with what is stored, under the account's lease.
pub fn compare(poll: &Poll<'_>, session: &mut Session, store: &mut Store, mailbox: &str, wanted: Wanted) -> Result<Compared> {
    let found = compare::once(poll, session, store, mailbox, wanted)?;
    if !(wanted.import && found.replaced > 0) || poll.limits.spent() {
        return Ok(found);
    }
    // Its UIDs mean other messages than they did: it is listed again, as one that was put back from a copy (FETCH-5).
    let opened = session.examine(mailbox)?;
    let quiet_before = poll.account.state.last_success_at.unwrap_or_default().min((poll.now)());
    listing::begin_anew(poll, session, store, mailbox, &opened, Some(quiet_before))?;
    let mut taken = found.taken;
    self::poll(poll, session, store, mailbox, &mut taken)?;
    let found = compare::once(poll, session, store, mailbox, Wanted { import: false, ..wanted })?;
    Ok(Compared { taken, ..found })
}

/// Takes in what is due. Where the mailbox was listed again, some at a time: those that are stored are found first (FETCH-5).
fn take_due(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    due: Vec<Due>,
    evidence: &mut Evidence,
    tally: &mut Tally,
) -> Result<()> {
    let is_relisted = visit.position.quiet_before.is_some();
    let at_once = if is_relisted { LISTED_AT_ONCE } else { usize::MAX };
    let mut due = due.into_iter().peekable();
    while due.peek().is_some() && !visit.poll.limits.spent() {
        let mut some: Vec<Due> = due.by_ref().take(at_once).collect();
        let mut known = Vec::new();
        if is_relisted {
            known = listing::recognise(visit, session, store, &mut some)?;
            known.extend(some.iter().filter_map(Due::stored));
        }
        let work = if visit.poll.careful { carefully } else { pipeline };
        let read = work(visit, session, store, some, evidence, tally);
        if let Some(uid) = evidence.broken_to.take() {
            store.transaction(|db| position::set_broken(db, visit.gate.position, i64::from(uid)))?;
        }
        read?;
        if !known.is_empty() {
            // What was to be done with them on the server has their UIDs of now from here on (FETCH-9).
            let (lease, to, now) = (visit.poll.lease, visit.gate.position, (visit.poll.now)());
            store.transaction(|db| server_action::carry_over(db, lease, to, &known, now))?;
        }
    }
    Ok(())
}

/// Reads, parses and writes side by side.
fn pipeline(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    due: Vec<Due>,
    evidence: &mut Evidence,
    tally: &mut Tally,
) -> Result<()> {
    let Visit { poll, gate, .. } = *visit;
    std::thread::scope(|scope| {
        let (to_parser, from_reader) = sync_channel::<RawBatch<'_>>(1);
        let (to_writer, from_parser) = sync_channel(1);
        let parser = scope.spawn(move || parse_batches(gate.position, &from_reader, &to_writer));
        let writer = scope.spawn(move || write_batches(store, gate, poll.now, &from_parser));
        let read = Reader::new(visit, session, evidence).read(due, &mut |batch| to_parser.send(batch).is_ok());
        drop(to_parser);
        let parsed = parser.join();
        let (written, taken) = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        tally.merge(&taken);
        if let Err(panic) = parsed {
            std::panic::resume_unwind(panic);
        }
        // A writer that failed made the reader stop: its error is the cause.
        written.and(read)
    })
}

/// A parsed batch on its way to the writer.
type Parsed<'a> = (Batch, Vec<Refused>, Share<'a>);

fn parse_batches<'a>(position: PositionId, batches: &Receiver<RawBatch<'a>>, writer: &SyncSender<Parsed<'a>>) {
    for raw in batches {
        let mut letters = Vec::with_capacity(raw.messages.len());
        let mut refused = Vec::new();
        for message in raw.messages {
            match parse_one(position, message) {
                Ok(letter) => letters.push(letter),
                Err(message) => refused.push(*message),
            }
        }
        step();
        let batch = Batch { letters, passed: raw.passed, last_uid: Some(raw.last_uid) };
        if writer.send((batch, refused, raw.share)).is_err() {
            return;
        }
    }
}

fn write_batches(
    store: &mut Store,
    gate: &Gate<'_>,
    now: &(dyn Fn() -> i64 + Sync),
    batches: &Receiver<Parsed<'_>>,
) -> (Result<()>, Tally) {
    let mut tally = Tally::default();
    for (mut batch, mut refused, share) in batches {
        let outcome = intake::put_away(store, &mut batch, &mut refused)
            .and_then(|()| intake::take_parsed(store, gate, &batch, &refused, now()));
        drop(share);
        match outcome {
            Ok(taken) => tally.merge(&taken),
            Err(error) => return (Err(error), tally),
        }
    }
    (Ok(()), tally)
}

/// FETCH-6, after a death: one message at a time, an attempt committed before each; the third death in the same message
/// quarantines it unparsed. An attempt counts when its pass was found dead.
fn carefully(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    due: Vec<Due>,
    evidence: &mut Evidence,
    tally: &mut Tally,
) -> Result<()> {
    let Visit { poll, gate, .. } = *visit;
    let mut outcome = Ok(());
    let mut each = |raw: RawBatch<'_>| {
        let taken = take_carefully(store, gate, raw, (poll.now)());
        match taken {
            Ok(taken) => tally.merge(&taken),
            Err(error) => {
                // Nobody died. Where it cannot be written down, the lease that is given back says so.
                let _ = store.transaction(|db| attempt::take_back(db, gate.position));
                outcome = Err(error);
            }
        }
        outcome.is_ok()
    };
    let read = Reader::new(visit, session, evidence).read(due, &mut each);
    outcome.and(read)
}

fn take_carefully(store: &mut Store, gate: &Gate<'_>, raw: RawBatch<'_>, now: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    let (last_uid, passed) = (raw.last_uid, raw.passed);
    let mut letters = Vec::new();
    for message in raw.messages {
        match parse_carefully(store, gate, message)? {
            Ok(letter) => letters.push(letter),
            Err(mut refused) => {
                intake::put_away(store, &mut Batch::default(), std::slice::from_mut(&mut *refused))?;
                tally.merge(&intake::set_aside(store, gate, &refused.arrival, &refused.packed, &refused.error, now)?);
            }
        }
    }
    let mut batch = Batch { letters, passed, last_uid: Some(last_uid) };
    intake::put_away(store, &mut batch, &mut [])?;
    tally.merge(&intake::take_in(store, gate, &batch, now)?);
    store.transaction(|db| attempt::clear(db, gate.position, last_uid))?;
    Ok(tally)
}
