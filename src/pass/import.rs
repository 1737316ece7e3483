//! `deliver`, `import` and single messages that a person picks: they come from standard input, from files, or from a mailbox that no pass need
//! read, through the very same road (FETCH-17).
//! They have a mailbox of their own, so that they have fates like all others. Whoever reads them parses them as well, while another
//! thread decides and writes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Result, anyhow};

use super::intake::{self, Batch, Gate, Refused};
use super::{Tally, storage};
use crate::decide::reason::Reason;
use crate::decide::{Arrival, Policy};
use crate::store::account::Account;
use crate::store::{Database, Store, position};
use crate::words::PositionId;

/// The mailbox name under which delivered messages have their fates; no IMAP mailbox is monitored under it.
pub const DELIVERED: &str = "(delivered)";
/// The same of single messages that a person had read from a server.
pub const PICKED: &str = "(picked)";
pub use crate::store::position::IMPORTED;

/// Takes messages in by batches.
pub struct Intake<'a> {
    account: &'a Account,
    policy: &'a Policy,
    now: &'a (dyn Fn() -> i64 + Sync),
    batch_messages: usize,
    batch_bytes: u64,
    position: PositionId,
    note: Option<Reason>,
}

/// When a message arrived; seconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub enum Arrived {
    Now(i64),
    /// An mbox says so, or nobody does. A program that moves mail from one mbox to another writes the day of it, so what the last server on
    /// the way wrote counts where that is earlier: it would be work, where it is history (FETCH-14).
    Said(Option<i64>),
    /// It stood in a file of that date. Whatever copies or unpacks files gives them the day of it, so an earlier Date counts, too.
    Written(Option<i64>),
}

/// Takes one message: when it arrived, and its bytes.
pub type Add<'a> = dyn FnMut(Arrived, &[u8]) -> Result<()> + 'a;

/// Writes down who wants it.
pub type Begun<'a> = dyn FnMut(&mut Database) -> Result<()> + 'a;

/// What is parsed and not yet on its way to the writer.
struct Reading<'a> {
    intake: &'a Intake<'a>,
    writer: SyncSender<Parsed>,
    parsed: Parsed,
    bytes: u64,
}

/// Parsed messages, and those that could not be.
#[derive(Default)]
struct Parsed {
    batch: Batch,
    refused: Vec<Refused>,
}

impl<'a> Intake<'a> {
    /// Opens the account's own mailbox of that name; `begun` writes down, in the same transaction, who wants it, where somebody does.
    pub fn open(
        store: &mut Store,
        account: &'a Account,
        (mailbox, begun): (&str, &mut Begun<'_>),
        policy: &'a Policy,
        now: &'a (dyn Fn() -> i64 + Sync),
        (batch_messages, batch_bytes): (usize, u64),
    ) -> Result<Self> {
        let position = store.alone(|db| {
            begun(db)?;
            match position::position(db, account.id, mailbox, 0)? {
                Some(known) => Ok(known.id),
                None => Ok(position::start(db, account.id, mailbox, 0, 0)?.id),
            }
        })?;
        Ok(Self { account, policy, now, batch_messages, batch_bytes, position, note: None })
    }

    /// The same, with something that is noted of each message.
    pub fn noting(self, note: Reason) -> Self {
        Self { note: Some(note), ..self }
    }

    /// Takes in what `read` hands over, each with when it arrived, committed by batches. Returns what became of all of them, and how
    /// the reading ended: what was read before a fault is kept.
    pub fn take(&self, store: &mut Store, read: impl FnOnce(&mut Add<'_>) -> Result<()>) -> Result<(Tally, Result<()>)> {
        let (to_writer, parsed) = sync_channel(1);
        let (written, read) = std::thread::scope(|scope| {
            let of_store = &mut *store;
            let writer = scope.spawn(move || self.write(of_store, &parsed));
            let mut reading = Reading { intake: self, writer: to_writer, parsed: Parsed::default(), bytes: 0 };
            let read = read(&mut |arrived, bytes| reading.add(arrived, bytes));
            // Where the writer has stopped, it says why.
            let _ = reading.hand_over();
            drop(reading);
            (writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), read)
        });
        let tally = written?;
        storage::tidy(store);
        if tally.is_news_of_nobody() {
            super::fetch::tell_of_nobody(store, (self.now)())?;
        }
        Ok((tally, read))
    }

    fn write(&self, store: &mut Store, parsed: &Receiver<Parsed>) -> Result<Tally> {
        let gate = Gate {
            account: self.account.id,
            position: self.position,
            lease: None,
            lease_seconds: 0,
            policy: self.policy,
            quiet_before: None,
            watch: None,
            note: self.note.as_ref(),
        };
        let mut tally = Tally::default();
        for Parsed { mut batch, mut refused } in parsed {
            intake::put_away(store, &mut batch, &mut refused)?;
            tally.merge(&intake::take_parsed(store, &gate, &batch, &refused, (self.now)())?);
        }
        Ok(tally)
    }
}

impl Reading<'_> {
    fn add(&mut self, arrived: Arrived, bytes: &[u8]) -> Result<()> {
        let intake = self.intake;
        let internal_date = match arrived {
            Arrived::Now(now) => Some(now),
            Arrived::Said(date) | Arrived::Written(date) => date,
        };
        let arrival = Arrival { position: intake.position, uid: 0, internal_date, partial: false };
        match intake::prepare(arrival, bytes) {
            Ok(mut letter) => {
                let mail = &letter.mail;
                let earlier = match arrived {
                    Arrived::Now(_) => None,
                    Arrived::Said(_) => mail.delivered_at(),
                    Arrived::Written(_) => mail.delivered_at().or(mail.date),
                };
                letter.arrival.internal_date = earlier.into_iter().chain(internal_date).min();
                self.parsed.batch.letters.push(letter);
            }
            Err(refused) => self.parsed.refused.push(*refused),
        }
        self.bytes += bytes.len() as u64;
        let messages = self.parsed.batch.letters.len() + self.parsed.refused.len();
        if messages >= intake.batch_messages || self.bytes >= intake.batch_bytes { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<()> {
        let parsed = std::mem::take(&mut self.parsed);
        self.bytes = 0;
        if parsed.batch.letters.is_empty() && parsed.refused.is_empty() {
            return Ok(());
        }
        self.writer.send(parsed).map_err(|_| anyhow!("nothing is written any more"))
    }
}
