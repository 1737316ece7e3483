//! One of the two databases, and how far its tables have come.

use std::path::Path;

use anyhow::{Context, Result, bail};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::{Deserialize, Serialize};

use super::super::closed::{self, HERE, Mark};
use super::super::database::{Database, SchemaState};
use super::super::{Store, dialect, search, setting};
use super::file::File;
use super::server;
use super::table::{self, Row, Table, moving};
use super::value::{Sum, Value};
use crate::fault::{Class, Fault};

/// A database that rows are read from or written to.
pub struct Side {
    pub store: Store,
    file: Option<File>,
}

/// What there is at the place where everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// No table of ours.
    Empty,
    /// Tables as they were made, and nothing in them.
    Fresh,
    /// What a move has begun with.
    Begun(Mark),
    /// Somebody works with it.
    Used,
}

/// How far a table has come, as it stands in the new database.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Note {
    rows: u64,
    digest: String,
    /// The key of the last row.
    last: Option<Vec<Value>>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Noted {
    #[diesel(sql_type = Text)]
    value: String,
}

/// The setting for a table.
fn setting_of(table: &Table) -> String {
    format!("{}table:{}", closed::OF_A_MOVE, table.name)
}

impl Side {
    pub fn new(store: Store, url: &str) -> Result<Self> {
        let file = dialect::sqlite_path(url)?.map(|path| File::open(Path::new(path))).transpose()?;
        Ok(Self { store, file })
    }

    /// Opens one that must be ours and have our tables, whatever mark it has.
    pub fn open(url: &str) -> Result<Self> {
        Self::new(Store::open_marked(url)?, url)
    }

    /// The tables that move.
    pub fn tables(&mut self) -> Result<Vec<Table>> {
        table::tables(self.store.connection())
    }

    /// Says what is there.
    pub fn look(&mut self) -> Result<Target> {
        let other_version = || {
            let what = "the target has tables of another version of espomail";
            anyhow::Error::new(Fault::new(Class::Config, what).hint("name an empty database"))
        };
        // One whose making ended in the midst is older, and empty.
        let is_older = match self.store.schema_state()? {
            SchemaState::Empty => return Ok(Target::Empty),
            SchemaState::Current => false,
            SchemaState::Older(_) => true,
            SchemaState::Newer(_) => return Err(other_version()),
        };
        if let Some(mark) = closed::mark(self.store.connection(), HERE)? {
            return if is_older { Err(other_version()) } else { Ok(Target::Begun(mark)) };
        }
        for table in self.tables()? {
            // Migrations fill the one, whoever looks the other; neither is anything that somebody would miss.
            if !["counters", "settings"].contains(&table.name.as_str()) && self.count(&table)? > 0 {
                return Ok(Target::Used);
            }
        }
        Ok(Target::Fresh)
    }

    /// How many rows of a table move.
    pub fn count(&mut self, table: &Table) -> Result<u64> {
        let query = format!("SELECT COUNT(*) AS count FROM \"{}\" WHERE {}", table.name, moving(table));
        let found = diesel::sql_query(query).get_result::<Count>(self.store.connection());
        Ok(u64::try_from(found.with_context(|| format!("counting the table {}", table.name))?.count)?)
    }

    /// Makes it ready to be filled: empty, without foreign keys, with a note for each table.
    pub fn begin(&mut self, mark: &Mark) -> Result<()> {
        let tables = self.tables()?;
        if let Database::Sqlite(c) = self.store.connection() {
            // What an earlier move left goes in whatever order.
            c.batch_execute("PRAGMA foreign_keys = OFF")?;
        }
        self.store.transaction(|db| {
            let taken = setting::get(db, server::KEYS)?;
            let keys = match (taken, &mut *db) {
                (Some(taken), _) => Some(taken),
                (None, Database::Postgresql(c)) => Some(serde_json::to_string(&server::take_foreign_keys(c)?)?),
                (None, Database::Sqlite(_)) => None,
            };
            for table in &tables {
                diesel::sql_query(format!("DELETE FROM \"{}\"", table.name)).execute(db)?;
            }
            search::begin(db)?;
            if let Some(keys) = keys {
                setting::set(db, server::KEYS, &keys)?;
            }
            for table in &tables {
                setting::set(db, &setting_of(table), &serde_json::to_string(&Note::default())?)?;
            }
            closed::set_mark(db, HERE, mark)
        })
    }

    /// Returns what has come of a table, and the key of the last row.
    fn noted(&mut self, table: &Table) -> Result<(String, Note)> {
        let query = diesel::sql_query("SELECT value FROM settings WHERE name = $1").bind::<Text, _>(setting_of(table));
        let found: Vec<Noted> = match self.store.connection() {
            Database::Sqlite(c) => query.load(c)?,
            Database::Postgresql(c) => query.load(c)?,
        };
        let text = found.into_iter().next().with_context(|| format!("nothing is noted of the table {}", table.name))?.value;
        let note = serde_json::from_str(&text)?;
        Ok((text, note))
    }

    /// Returns what has come of a table.
    pub fn come(&mut self, table: &Table) -> Result<Sum> {
        let (_, note) = self.noted(table)?;
        note.sum()
    }

    /// Takes the next rows of a table from the old database, as many as there is room for; none when all are here.
    pub fn take_some(&mut self, from: &mut Self, table: &Table) -> Result<Option<Sum>> {
        let (was, note) = self.noted(table)?;
        let rows = from.read(table, note.last.as_deref())?;
        let Some(last) = rows.last() else { return Ok(None) };
        let mut sum = note.sum()?;
        rows.iter().for_each(|row| sum.add(row));
        let last = table.key.iter().filter_map(|at| last.get(*at).cloned()).collect();
        let is = serde_json::to_string(&Note { rows: sum.rows, digest: sum.digest(), last: Some(last) })?;
        self.write(table, &rows, &was, &is)?;
        Ok(Some(sum))
    }

    /// Reads a whole table and sums it up; `is_wanted` is asked between two pieces.
    pub fn sum(&mut self, table: &Table, is_wanted: &dyn Fn() -> bool) -> Result<Option<Sum>> {
        let (mut sum, mut last) = (Sum::default(), None::<Vec<Value>>);
        while is_wanted() {
            let rows = self.read(table, last.as_deref())?;
            let Some(row) = rows.last() else { return Ok(Some(sum)) };
            last = Some(table.key.iter().filter_map(|at| row.get(*at).cloned()).collect());
            rows.iter().for_each(|row| sum.add(row));
        }
        Ok(None)
    }

    fn read(&mut self, table: &Table, behind: Option<&[Value]>) -> Result<Vec<Row>> {
        match (&self.file, self.store.connection()) {
            (Some(file), _) => file.read(table, behind),
            (None, Database::Postgresql(c)) => server::read(c, table, behind),
            (None, Database::Sqlite(_)) => bail!("a SQLite database without its file"),
        }
    }

    /// Writes rows, and in the same transaction what is noted of the table, where that still is what it was.
    fn write(&mut self, table: &Table, rows: &[Row], was: &str, is: &str) -> Result<()> {
        let setting = setting_of(table);
        let is_ours = match &mut self.file {
            Some(file) => file.write(table, rows, (&setting, was, is))?,
            None => self.store.transaction(|db| {
                let Database::Postgresql(c) = db else { bail!("a SQLite database without its file") };
                let change = diesel::sql_query("UPDATE settings SET value = $1 WHERE name = $2 AND value = $3");
                let is_ours = change.bind::<Text, _>(is).bind::<Text, _>(&setting).bind::<Text, _>(was).execute(c)? == 1;
                if is_ours {
                    server::insert(c, table, rows)?;
                }
                Ok(is_ours)
            })?,
        };
        if is_ours {
            return Ok(());
        }
        let what = format!("the table {}: another \"db move\" is at work", table.name);
        Err(Fault::new(Class::TempFail, what).hint("wait for it").into())
    }

    /// Says which rows name others that did not come.
    pub(super) fn dangling(&self) -> Result<Vec<String>> {
        self.file.as_ref().map_or_else(|| Ok(Vec::new()), File::dangling)
    }
}

impl Note {
    fn sum(&self) -> Result<Sum> {
        if self.rows == 0 {
            return Ok(Sum::default());
        }
        Sum::read(self.rows, &self.digest).context("a note of a move that cannot be read")
    }
}
