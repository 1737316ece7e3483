//! The store: opened, migrated, and its transactions.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::database::{Database, SchemaState};
use super::{closed, dialect, failure, lock, setting};
use crate::fault::{Class, Fault, step};

/// How long a rehearsal keeps others from writing at once.
const WINDOW: Duration = Duration::from_millis(400);
/// How many things a window has however long they take.
const LEAST: usize = 20;
/// How long nobody does behind that: on SQLite, whoever waits looks every tenth of a second.
const BETWEEN_WINDOWS: Duration = Duration::from_millis(110);

/// How often a transaction is run again after a serialisation failure or deadlock.
const RETRIES: usize = 3;

/// An open database whose schema is known to fit.
pub struct Store {
    connection: Database,
    is_rehearsing: bool,
}

impl Store {
    /// Connects, and refuses a schema that is not ours (exit 78, with the line to type), and a database that is closed.
    pub fn open(url: &str) -> Result<Self> {
        let mut store = Self::open_marked(url)?;
        closed::check(&mut store.connection)?;
        Ok(store)
    }

    /// The same of one that may be closed: for the move that closed it.
    pub fn open_marked(url: &str) -> Result<Self> {
        let mut store = Self::connect(url)?;
        let (what, hint) = match store.schema_state()? {
            SchemaState::Current => return Ok(store),
            SchemaState::Empty => ("the database is empty".to_string(), "try: espomail init"),
            SchemaState::Older(missing) => (
                format!("the database schema is older than this program ({} missing)", missing.join(", ")),
                "try: espomail db migrate",
            ),
            SchemaState::Newer(unknown) => (
                format!("the database schema is newer than this program ({} unknown)", unknown.join(", ")),
                "install the espomail that made it",
            ),
        };
        Err(Fault::new(Class::Config, what).hint(hint).into())
    }

    /// Opens one of several stores that a process works with at once.
    pub fn open_one_of(url: &str, stores: usize) -> Result<Self> {
        let mut store = Self::open(url)?;
        dialect::share_cache(&mut store.connection, stores)?;
        Ok(store)
    }

    /// Connects to a database whatever its schema; a SQLite file must exist.
    pub fn connect(url: &str) -> Result<Self> {
        Ok(Self { connection: dialect::connect(url)?, is_rehearsing: false })
    }

    /// Connects, and makes the SQLite file (mode 0600) when there is none.
    pub fn create(url: &str) -> Result<Self> {
        dialect::create(url)?;
        Self::connect(url)
    }

    /// Compares the schema with the one this program was built for.
    pub fn schema_state(&mut self) -> Result<SchemaState> {
        dialect::schema_state(&mut self.connection)
    }

    /// Applies missing migrations and returns their names.
    pub fn migrate(&mut self) -> Result<Vec<String>> {
        dialect::check_encoding(&mut self.connection)?;
        let ran = dialect::migrate(&mut self.connection)?;
        self.transaction(setting::christen)?;
        Ok(ran)
    }

    /// Undoes the newest migration and returns its name. For tests and for going back a version.
    pub fn revert(&mut self) -> Result<String> {
        dialect::revert(&mut self.connection)
    }

    /// Runs reads outside any transaction.
    pub fn connection(&mut self) -> &mut Database {
        &mut self.connection
    }

    /// Runs `work` in a write transaction that is rolled back: for showing what would happen.
    pub fn rehearse<T>(&mut self, work: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
        dialect::rehearse(&mut self.connection, work)
    }

    /// Runs `work`, with all its transactions, inside one that is rolled back.
    pub fn rehearse_all<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        dialect::begin(&mut self.connection)?;
        self.is_rehearsing = true;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(self)));
        self.is_rehearsing = false;
        dialect::roll_back(&mut self.connection);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Whether all that is done is rolled back: nothing may be done outside the database.
    pub const fn is_rehearsing(&self) -> bool {
        self.is_rehearsing
    }

    /// The same for each of some things, as many at once as take less than the blink of an eye: each sees what the ones before it in its
    /// window made, and between two windows whoever waits to write comes to it.
    pub fn rehearse_each<T>(&mut self, things: &[T], mut work: impl FnMut(&mut Self, &T) -> Result<()>) -> Result<()> {
        let mut rest = things;
        while !rest.is_empty() {
            let end = Instant::now() + WINDOW;
            rest = self.rehearse_all(|store| {
                for (done, thing) in (1..).zip(rest) {
                    work(store, thing)?;
                    if done >= LEAST && Instant::now() >= end {
                        return Ok(&rest[done..]);
                    }
                }
                Ok(&rest[rest.len()..])
            })?;
            if !rest.is_empty() {
                std::thread::sleep(BETWEEN_WINDOWS);
            }
        }
        Ok(())
    }

    /// Does something to each of some things, as many at once as take less than the blink of an eye, each lot in a transaction of its own:
    /// between two whoever waits to write comes to it. `told` hears how many are done.
    pub fn each<T>(
        &mut self,
        things: &[T],
        mut work: impl FnMut(&mut Database, &T) -> Result<()>,
        told: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let mut done = 0;
        while done < things.len() {
            done += self.alone(|db| {
                let end = Instant::now() + WINDOW;
                for (count, thing) in (1..).zip(&things[done..]) {
                    work(db, thing)?;
                    if count >= LEAST && Instant::now() >= end {
                        return Ok(count);
                    }
                }
                Ok(things.len() - done)
            })?;
            told(done);
            if done < things.len() {
                self.pause();
            }
        }
        Ok(())
    }

    /// Does work lot by lot, as long as it says that there may be more: each in a transaction of its own, and others write in between.
    pub fn in_lots(&mut self, mut lot: impl FnMut(&mut Database) -> Result<bool>) -> Result<()> {
        while self.alone(&mut lot)? {
            step();
            self.pause();
        }
        Ok(())
    }

    /// Lets whoever waits to write come to it.
    fn pause(&self) {
        std::thread::sleep(BETWEEN_WINDOWS);
    }

    /// Runs what a person says in a transaction of its own, one at a time: what it looks at first is still so when it writes.
    pub fn alone<T>(&mut self, mut work: impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
        self.transaction(|db| {
            lock(db)?;
            work(db)
        })
    }

    /// Runs `work` in one write transaction; again from its start after a serialisation failure or deadlock, and once where there was no
    /// room for it, after what the log of SQLite has was moved into the database.
    pub fn transaction<T>(&mut self, mut work: impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
        let mut attempt = 0;
        // Of what a full disk did to a part nobody knows what is left of the whole.
        let mut was_full = dialect::is_part(&mut self.connection);
        loop {
            match dialect::transaction(&mut self.connection, &mut work) {
                Err(error) if !was_full && failure::is_full(&error) => {
                    was_full = true;
                    if let Err(error) = dialect::empty_log(&mut self.connection) {
                        log::debug!("emptying the log: {error}");
                    }
                }
                Err(error) if attempt < RETRIES && failure::is_serialisation_failure(&error) => {
                    attempt += 1;
                    log::debug!("transaction repeated ({attempt} of {RETRIES}): {error:#}");
                }
                Err(error) if failure::is_held(&error) => return Err(dialect::held_by_others(&mut self.connection).into()),
                outcome => return outcome.map_err(failure::classify),
            }
        }
    }

    /// Gives back the room of SQLite's log: for what takes away much, as long as a disk may be full.
    pub fn empty_log(&mut self) -> Result<()> {
        dialect::empty_log(&mut self.connection).map_err(|error| failure::classify(error.into()))
    }

    /// Runs `work` in one write transaction if nobody else writes, without waiting; returns none where somebody does.
    pub fn transaction_if_free<T>(&mut self, mut work: impl FnMut(&mut Database) -> Result<T>) -> Result<Option<T>> {
        dialect::set_patience(&mut self.connection, Some(1))?;
        let outcome = dialect::transaction(&mut self.connection, &mut work);
        dialect::set_patience(&mut self.connection, None)?;
        match outcome {
            Err(error) if failure::is_held(&error) || failure::is_serialisation_failure(&error) => Ok(None),
            outcome => outcome.map(Some).map_err(failure::classify),
        }
    }
}
