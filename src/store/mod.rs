//! The database: the only room that knows diesel. Everything here works on SQLite and on PostgreSQL; what must differ is
//! a named function in [`dialect`]. Promises: a transaction either commits whole or leaves nothing; on a serialisation
//! failure or deadlock it is run again from its start, so the closure given to [`Store::transaction`] must be repeatable.

pub(crate) mod access;
pub mod account;
pub mod address;
pub(crate) mod answer;
pub mod apply;
pub mod attempt;
pub mod case;
mod column;
pub(crate) mod copy;
pub(crate) mod dialect;
pub mod effect;
pub mod email;
pub mod facts;
mod failure;
pub(crate) mod farewell;
pub mod fate;
pub(crate) mod filter;
pub mod folder;
pub(crate) mod follow;
pub(crate) mod held;
pub mod inbox;
pub mod lease;
pub(crate) mod nobody;
mod note;
pub mod notification;
mod noun;
pub(crate) mod outbox;
pub(crate) mod participant;
pub mod position;
pub mod quarantine;
pub mod raw;
pub mod record;
pub mod relation;
pub(crate) mod reprocess;
pub mod review;
pub mod role;
mod schema;
pub(crate) mod search;
pub(crate) mod sending;
pub(crate) mod spending;
pub mod status;
pub mod team;
pub(crate) mod template;
pub(crate) mod token;
pub(crate) mod trouble;
pub mod user;
pub(crate) mod vault;

pub use failure::{class_of, classify, told};

use std::borrow::Cow;

use anyhow::{Context, Result};
use diesel::prelude::*;

use crate::fault::{Class, Fault};

/// A connection to either database. Every query goes through it: portable ones as they are, others by [`dialect`].
#[derive(diesel::MultiConnection)]
pub enum Database {
    Sqlite(diesel::SqliteConnection),
    Postgresql(diesel::PgConnection),
}

/// What queries are put together for.
type Backend = <Database as Connection>::Backend;

/// How many values one `IN (…)` takes: SQLite allows 32,766 in a statement, PostgreSQL 65,535.
const IN_LIST: usize = 30_000;

/// The limit of a list that has none; an offset may be added to it.
pub const WHOLE: i64 = i64::MAX / 2;

/// How often a transaction is run again after a serialisation failure or deadlock.
const RETRIES: usize = 3;

/// An open database whose schema is known to fit.
pub struct Store {
    connection: Database,
}

/// How the database's schema compares with the one this program was built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// No table of ours at all.
    Empty,
    /// Migrations that have not run yet.
    Older(Vec<String>),
    /// Migrations that this program does not know.
    Newer(Vec<String>),
}

impl Store {
    /// Connects, and refuses a schema that is not ours (exit 78, with the line to type).
    pub fn open(url: &str) -> Result<Self> {
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
        Ok(Self { connection: dialect::connect(url)? })
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
        dialect::migrate(&mut self.connection)
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
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(self)));
        dialect::roll_back(&mut self.connection);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs `work` in one write transaction; again from its start after a serialisation failure or deadlock.
    pub fn transaction<T>(&mut self, mut work: impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
        let mut attempt = 0;
        loop {
            match dialect::transaction(&mut self.connection, &mut work) {
                Err(error) if attempt < RETRIES && failure::is_serialisation_failure(&error) => {
                    attempt += 1;
                    log::debug!("transaction repeated ({attempt} of {RETRIES}): {error:#}");
                }
                Err(error) if failure::is_held(&error) => return Err(dialect::held_by_others(&mut self.connection).into()),
                outcome => return outcome.map_err(failure::classify),
            }
        }
    }
}

/// Whether the database refused a message for its content, so that another one may still be stored (FETCH-6).
pub fn is_message_fault(error: &anyhow::Error) -> bool {
    failure::is_content_refused(error)
}

/// Takes the row that serialises every decider, first thing in a transaction that numbers anything.
pub fn lock(connection: &mut Database) -> Result<()> {
    use schema::counters::dsl;
    let locked = diesel::update(dsl::counters.filter(dsl::name.eq("lock")))
        .set(dsl::value.eq(dsl::value + 1))
        .execute(connection)
        .context("taking the lock row")?;
    anyhow::ensure!(locked == 1, "the lock row is missing from the table counters");
    Ok(())
}

/// Returns the next number of a kind and moves its counter; call [`lock`] first.
pub fn next_number(connection: &mut Database, name: &str) -> Result<i64> {
    reserve(connection, name, 1)
}

/// Returns the first of `count` numbers of a kind and moves its counter past them; call [`lock`] first.
fn reserve(connection: &mut Database, name: &str, count: usize) -> Result<i64> {
    use schema::counters::dsl;
    let next = dsl::counters.find(name).select(dsl::value).first::<i64>(connection).optional()?.unwrap_or(1);
    if count > 0 {
        let after = i64::try_from(count).ok().and_then(|count| next.checked_add(count));
        set_counter(connection, name, after.with_context(|| format!("there are no more numbers for {name}"))?)?;
    }
    Ok(next)
}

/// Sets the next free number of a kind; call [`lock`] first.
fn set_counter(connection: &mut Database, name: &str, value: i64) -> Result<()> {
    use schema::counters::dsl;
    if diesel::update(dsl::counters.find(name)).set(dsl::value.eq(value)).execute(connection)? == 0 {
        diesel::insert_into(dsl::counters).values((dsl::name.eq(name), dsl::value.eq(value))).execute(connection)?;
    }
    Ok(())
}

/// Takes NUL out of a text: PostgreSQL cannot store it, and one such text must not fail a batch (PARSE-3).
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}
