//! One mailbox of one account: list what is due, read it in batches, take each batch in.
//! Reading, parsing and writing each have a thread, so the next batch is on its way while this one is stored.

mod read;

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use anyhow::{Context, Result};

use self::read::Reader;
use super::intake::{self, Batch, Gate, Letter, Passed, Refused};
use super::memory::{Memory, Share};
use super::witness::{Watch, Witness};
use super::{Stop, Tally};
use crate::decide::filter::{self, Filter};
use crate::decide::{Arrival, Policy};
use crate::fault::step;
use crate::mail;
use crate::mailbox::{Opened, RawMessage, Server, Session};
use crate::store::account::Account;
use crate::store::lease::Lease;
use crate::store::{self, Store, attempt, position};
use crate::words::{AccountId, EmailId, Fate, PositionId};

/// How many UIDs are asked for their sizes at once.
const LISTED_AT_ONCE: usize = 2_000;

/// The death of a pass that quarantines the message it was working on (FETCH-6).
const LAST_DEATH: i64 = 3;

/// What bounds a pass over a mailbox.
pub struct Limits<'a> {
    /// Messages per mailbox and pass (FETCH-7).
    pub messages: Option<usize>,
    /// When the account's time is over; the batch in hand is finished.
    pub until: Instant,
    pub batch_messages: usize,
    pub batch_bytes: u64,
    pub max_message_size: u64,
    pub memory: &'a Memory,
    pub stop: &'a Stop,
}

impl Limits<'_> {
    fn spent(&self) -> bool {
        self.stop.requested() || Instant::now() >= self.until
    }
}

/// Everything that one poll of a mailbox works with.
pub struct Poll<'a> {
    pub account: &'a Account,
    pub server: &'a Server,
    pub lease: &'a Lease,
    pub lease_seconds: i64,
    pub policy: &'a Policy,
    pub limits: &'a Limits<'a>,
    pub now: &'a (dyn Fn() -> i64 + Sync),
    /// After a death: one message at a time (FETCH-6).
    pub careful: bool,
    /// Who looks on while the pass is rehearsed.
    pub witness: Option<&'a Witness>,
}

/// A UID above the position.
enum Due {
    Take(u32),
    /// It gets its fate without being read.
    Pass(Passed),
}

impl Due {
    fn uid(&self) -> i64 {
        match self {
            Self::Take(uid) => i64::from(*uid),
            Self::Pass(passed) => passed.uid,
        }
    }
}

/// A batch as it came from the server.
struct RawBatch<'a> {
    messages: Vec<RawMessage>,
    passed: Vec<Passed>,
    last_uid: i64,
    share: Share<'a>,
}

/// Polls one mailbox. What is committed stays, whatever happens behind it.
pub fn poll(poll: &Poll<'_>, session: &mut Session, store: &mut Store, mailbox: &str, tally: &mut Tally) -> Result<()> {
    let opened = session.examine(mailbox)?;
    let (position, mut due) = list_due(poll, session, store, mailbox, &opened)?;
    if let Some(most) = poll.limits.messages {
        due.truncate(most);
    }
    if due.is_empty() {
        return Ok(());
    }
    let gate = Gate {
        account: poll.account.id,
        position,
        lease: Some(poll.lease),
        lease_seconds: poll.lease_seconds,
        policy: poll.policy,
        watch: poll.witness.map(|witness| Watch { account: &poll.account.name, mailbox, witness }),
    };
    let mut filters = store::filter::of_account(store.connection(), poll.account.id)?;
    // Who looks on wants to see what is skipped, too; the decision is the same (FILTER-6).
    if poll.witness.is_some() || !filter::may_screen(&filters) {
        filters.clear();
    }
    let visit = Visit { poll, mailbox, gate: &gate, filters: &filters };
    if poll.careful { carefully(&visit, session, store, due, tally) } else { pipeline(&visit, session, store, due, tally) }
}

/// Lists the UIDs above the position, oldest first, and starts the position of a mailbox seen for the first time.
fn list_due(
    poll: &Poll<'_>,
    session: &mut Session,
    store: &mut Store,
    mailbox: &str,
    opened: &Opened,
) -> Result<(PositionId, Vec<Due>)> {
    let account = poll.account.id;
    let uidvalidity = i64::from(opened.uidvalidity);
    if let Some(known) = position::position(store.connection(), account, mailbox, uidvalidity)? {
        let last = u32::try_from(known.last_uid).context("the stored position is no UID")?;
        return Ok((known.id, session.uids_above(last)?.into_iter().map(Due::Take).collect()));
    }
    let earlier = position::positions_of(store.connection(), account, mailbox)?;
    let since: HashSet<u32> = session.uids_since(poll.account.fetch_since)?.into_iter().collect();
    let start = match since.iter().min() {
        Some(first) => first - 1,
        // Nothing is due: begin behind everything that is there.
        None => match opened.uidnext {
            Some(next) => next.saturating_sub(1),
            None => session.uids_above(0)?.last().copied().unwrap_or(0),
        },
    };
    let above = if since.is_empty() { Vec::new() } else { session.uids_above(start)? };
    let mut known = HashMap::new();
    if !earlier.is_empty() {
        log::warn!(
            "account {}: mailbox {mailbox}: UIDVALIDITY changed to {uidvalidity}; matching its messages with what is stored",
            poll.account.name
        );
        known = recognise(session, store, account, mailbox, &above)?;
    }
    let id = store.transaction(|db| position::start(db, account, mailbox, uidvalidity, i64::from(start)))?.id;
    let due = above.into_iter().map(|uid| sort_out(uid, &since, &known)).collect();
    Ok((id, due))
}

fn sort_out(uid: u32, since: &HashSet<u32>, known: &HashMap<u32, EmailId>) -> Due {
    let pass = |fate, email, why: &str| Due::Pass(Passed { uid: i64::from(uid), fate, email, why: why.to_string() });
    if let Some(email) = known.get(&uid) {
        pass(
            Fate::Duplicate,
            Some(*email),
            "FETCH-5: UIDVALIDITY changed; Message-ID, INTERNALDATE and size are those of a stored e-mail",
        )
    } else if since.contains(&uid) {
        Due::Take(uid)
    } else {
        pass(Fate::Filtered, None, "FETCH-3: older than the account's fetch-since")
    }
}

/// FETCH-5: finds the stored e-mails among the messages of a mailbox whose UIDs have changed.
fn recognise(
    session: &mut Session,
    store: &mut Store,
    account: AccountId,
    mailbox: &str,
    uids: &[u32],
) -> Result<HashMap<u32, EmailId>> {
    let mut known = HashMap::new();
    for chunk in uids.chunks(LISTED_AT_ONCE) {
        let listed: Vec<_> = session
            .headers(chunk)?
            .into_iter()
            .filter_map(|header| mail::parse(&header.header).message_id.map(|id| (id, header)))
            .collect();
        let ids: Vec<String> = listed.iter().map(|(id, _)| id.clone()).collect();
        let stored: HashMap<(String, u64, i64), EmailId> = position::known_elsewhere(store.connection(), account, mailbox, &ids)?
            .into_iter()
            .map(|stored| ((stored.message_id, stored.raw_size, stored.arrived_at), stored.email))
            .collect();
        for (id, header) in listed {
            if let Some(date) = header.internal_date
                && let Some(email) = stored.get(&(id, header.size, date))
            {
                known.insert(header.uid, *email);
            }
        }
    }
    Ok(known)
}

/// One mailbox of one poll.
#[derive(Clone, Copy)]
struct Visit<'a> {
    poll: &'a Poll<'a>,
    mailbox: &'a str,
    gate: &'a Gate<'a>,
    /// Import filters, when one of them can skip a message by its header.
    filters: &'a [Filter],
}

/// Reads, parses and writes side by side.
fn pipeline(visit: &Visit<'_>, session: &mut Session, store: &mut Store, due: Vec<Due>, tally: &mut Tally) -> Result<()> {
    let Visit { poll, mailbox, gate, filters } = *visit;
    std::thread::scope(|scope| {
        let (to_parser, from_reader) = sync_channel::<RawBatch<'_>>(1);
        let (to_writer, from_parser) = sync_channel(1);
        let parser = scope.spawn(move || parse_batches(gate.position, &from_reader, &to_writer));
        let writer = scope.spawn(move || write_batches(store, gate, poll.now, &from_parser));
        let read = Reader { poll, session, mailbox, filters }.read(due, &mut |batch| to_parser.send(batch).is_ok());
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

fn parse_one(position: PositionId, message: RawMessage) -> Result<Letter, Box<Refused>> {
    let arrival =
        Arrival { position, uid: i64::from(message.uid), internal_date: message.internal_date, partial: message.partial };
    intake::prepare(arrival, &message.bytes)
}

fn write_batches(
    store: &mut Store,
    gate: &Gate<'_>,
    now: &(dyn Fn() -> i64 + Sync),
    batches: &Receiver<Parsed<'_>>,
) -> (Result<()>, Tally) {
    let mut tally = Tally::default();
    for (batch, refused, share) in batches {
        let outcome = write_one(store, gate, &batch, &refused, now());
        drop(share);
        match outcome {
            Ok(taken) => tally.merge(&taken),
            Err(error) => return (Err(error), tally),
        }
    }
    (Ok(()), tally)
}

fn write_one(store: &mut Store, gate: &Gate<'_>, batch: &Batch, refused: &[Refused], now: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    // The refused first: the batch moves the position beyond them.
    for message in refused {
        tally.merge(&intake::set_aside(store, gate, &message.arrival, &message.packed, &message.error, now)?);
    }
    tally.merge(&intake::take_in(store, gate, batch, now)?);
    Ok(tally)
}

/// FETCH-6, after a death: one message at a time, an attempt committed before each; the third death in the same message
/// quarantines it unparsed. An attempt counts when its pass was found dead.
fn carefully(visit: &Visit<'_>, session: &mut Session, store: &mut Store, due: Vec<Due>, tally: &mut Tally) -> Result<()> {
    let Visit { poll, mailbox, gate, filters } = *visit;
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
    let read = Reader { poll, session, mailbox, filters }.read(due, &mut each);
    outcome.and(read)
}

fn take_carefully(store: &mut Store, gate: &Gate<'_>, raw: RawBatch<'_>, now: i64) -> Result<Tally> {
    let mut tally = Tally::default();
    let (last_uid, passed) = (raw.last_uid, raw.passed);
    let mut letters = Vec::new();
    for message in raw.messages {
        let uid = i64::from(message.uid);
        let deaths = store.transaction(|db| attempt::begin(db, gate.position, uid))?;
        step();
        // The first death was that of the batch: it made this pass careful.
        if deaths + 1 >= LAST_DEATH {
            let arrival =
                Arrival { position: gate.position, uid, internal_date: message.internal_date, partial: message.partial };
            let packed = intake::pack_unparsed(&message.bytes);
            let error = format!("{deaths} passes died while they worked on this message alone");
            tally.merge(&intake::set_aside(store, gate, &arrival, &packed, &error, now)?);
        } else {
            match parse_one(gate.position, message) {
                Ok(letter) => letters.push(letter),
                Err(refused) => {
                    tally.merge(&intake::set_aside(store, gate, &refused.arrival, &refused.packed, &refused.error, now)?);
                }
            }
        }
    }
    tally.merge(&intake::take_in(store, gate, &Batch { letters, passed, last_uid: Some(last_uid) }, now)?);
    store.transaction(|db| attempt::clear(db, gate.position, last_uid))?;
    Ok(tally)
}
