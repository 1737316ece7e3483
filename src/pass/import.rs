//! `deliver` and `import`: messages that come from standard input or from files, through the very same road (FETCH-17).
//! They have a mailbox of their own, so that they have fates like all others.

use anyhow::Result;

use super::Tally;
use super::intake::{self, Batch, Gate, Letter};
use crate::decide::{Arrival, Policy};
use crate::store::account::Account;
use crate::store::{self, Store, position};
use crate::words::PositionId;

/// The mailbox name under which delivered messages have their fates; no IMAP mailbox is monitored under it.
pub const DELIVERED: &str = "(delivered)";
pub use crate::store::position::IMPORTED;

/// Collects messages and takes them in by batches.
pub struct Intake<'a> {
    pub account: &'a Account,
    pub policy: &'a Policy,
    pub now: &'a dyn Fn() -> i64,
    pub batch_messages: usize,
    pub batch_bytes: u64,
    position: PositionId,
    letters: Vec<Letter>,
    bytes: u64,
    tally: Tally,
}

impl<'a> Intake<'a> {
    /// Opens the account's own mailbox of that name.
    pub fn open(
        store: &mut Store,
        account: &'a Account,
        mailbox: &str,
        policy: &'a Policy,
        now: &'a dyn Fn() -> i64,
        (batch_messages, batch_bytes): (usize, u64),
    ) -> Result<Self> {
        let position = store.transaction(|db| {
            store::lock(db)?;
            match position::position(db, account.id, mailbox, 0)? {
                Some(known) => Ok(known.id),
                None => Ok(position::start(db, account.id, mailbox, 0, 0)?.id),
            }
        })?;
        Ok(Self {
            account,
            policy,
            now,
            batch_messages,
            batch_bytes,
            position,
            letters: Vec::new(),
            bytes: 0,
            tally: Tally::default(),
        })
    }

    /// Takes one message; it is committed with its batch.
    pub fn add(&mut self, store: &mut Store, internal_date: Option<i64>, bytes: &[u8]) -> Result<()> {
        let arrival = Arrival { position: self.position, uid: 0, internal_date, partial: false };
        match intake::prepare(arrival, bytes) {
            Ok(letter) => {
                self.bytes += letter.mail.size;
                self.letters.push(letter);
            }
            Err(refused) => {
                let taken =
                    intake::set_aside(store, &self.gate(), &refused.arrival, &refused.packed, &refused.error, (self.now)())?;
                self.tally.merge(&taken);
            }
        }
        if self.letters.len() >= self.batch_messages || self.bytes >= self.batch_bytes {
            self.flush(store)?;
        }
        Ok(())
    }

    /// Commits what is left and returns what became of all messages.
    pub fn finish(mut self, store: &mut Store) -> Result<Tally> {
        self.flush(store)?;
        if self.tally.of_nobody > 0 {
            super::fetch::tell_of_nobody(store, (self.now)())?;
        }
        Ok(self.tally)
    }

    fn flush(&mut self, store: &mut Store) -> Result<()> {
        if self.letters.is_empty() {
            return Ok(());
        }
        let batch = Batch { letters: std::mem::take(&mut self.letters), passed: Vec::new(), last_uid: None };
        self.bytes = 0;
        self.tally.merge(&intake::take_in(store, &self.gate(), &batch, (self.now)())?);
        Ok(())
    }

    fn gate(&self) -> Gate<'a> {
        Gate {
            account: self.account.id,
            position: self.position,
            lease: None,
            lease_seconds: 0,
            policy: self.policy,
            quiet_before: None,
            watch: None,
        }
    }
}
