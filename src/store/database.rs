//! The connection to either database, and what every query needs.

use std::borrow::Cow;

use diesel::prelude::*;

/// A connection to either database. Every query goes through it: portable ones as they are, others by [`dialect`].
#[derive(diesel::MultiConnection)]
pub enum Database {
    Sqlite(diesel::SqliteConnection),
    Postgresql(diesel::PgConnection),
}

/// What queries are put together for.
pub type Backend = <Database as Connection>::Backend;

/// How many values one `IN (…)` takes: SQLite allows 32,766 in a statement, PostgreSQL 65,535.
pub const IN_LIST: usize = 30_000;

/// The limit of a list that has none; an offset may be added to it.
pub const WHOLE: i64 = i64::MAX / 2;

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

/// Takes NUL out of a text: PostgreSQL cannot store it, and one such text must not fail a batch (PARSE-3).
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}
