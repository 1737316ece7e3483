//! Rows of a SQLite database, by its own means: they know what kind a value is, and check no foreign key before all is there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::backup::told;
use super::table::{BYTES, Column, Kind, Row, Table, behind};
use super::value::Value;
use crate::fault::{Class, Fault};

/// How long to wait for others.
const PATIENCE: Duration = Duration::from_secs(30);

/// The connection, and where it leads.
pub struct File {
    connection: Connection,
    path: PathBuf,
}

impl File {
    pub fn open(path: &Path) -> Result<Self> {
        let opened = || {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.busy_timeout(PATIENCE)?;
            connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768")?;
            Ok(connection)
        };
        let connection = opened().map_err(|error| told(path, &error))?;
        Ok(Self { connection, path: path.to_path_buf() })
    }

    fn told(&self, table: &Table, error: &rusqlite::Error) -> anyhow::Error {
        told(&self.path, error).context(format!("the table {}", table.name))
    }

    /// Reads the rows behind a key, as many as there is room for.
    pub fn read(&self, table: &Table, key: Option<&[Value]>) -> Result<Vec<Row>> {
        let failed = |error: rusqlite::Error| self.told(table, &error);
        let query = format!("SELECT {} {}", Table::list(table.columns.iter()), behind(table, key));
        let mut query = self.connection.prepare_cached(&query).map_err(failed)?;
        for (at, value) in key.unwrap_or_default().iter().enumerate() {
            query.raw_bind_parameter(at + 1, bound(value)).map_err(failed)?;
        }
        let (mut rows, mut found, mut size) = (query.raw_query(), Vec::new(), 0);
        while let Some(row) = rows.next().map_err(failed)? {
            let mut values = Vec::with_capacity(table.columns.len());
            for (at, column) in table.columns.iter().enumerate() {
                let value = row.get_ref(at).map_err(failed)?;
                values.push(exact(column, value).ok_or_else(|| odd(table, column, &values))?);
            }
            size += values.iter().map(Value::size).sum::<usize>();
            if size > BYTES && !found.is_empty() {
                break;
            }
            found.push(values);
        }
        Ok(found)
    }

    /// Writes rows, and what is noted of the table where it still is what it was, in one transaction. Returns whether it was.
    pub fn write(&mut self, table: &Table, rows: &[Row], (setting, was, is): (&str, &str, &str)) -> Result<bool> {
        let marks = vec!["?"; table.columns.len()].join(", ");
        let insert = format!("INSERT INTO \"{}\" ({}) VALUES ({marks})", table.name, Table::list(table.columns.iter()));
        let mut written = || -> rusqlite::Result<bool> {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let change = "UPDATE settings SET value = ?1 WHERE name = ?2 AND value = ?3";
            let is_ours = transaction.execute(change, [is, setting, was])? == 1;
            if is_ours {
                let mut insert = transaction.prepare_cached(&insert)?;
                for row in rows {
                    insert.execute(rusqlite::params_from_iter(row.iter().map(bound)))?;
                }
            }
            transaction.commit()?;
            Ok(is_ours)
        };
        written().map_err(|error| self.told(table, &error))
    }

    /// Says which rows name others that are not there.
    pub fn dangling(&self) -> Result<Vec<String>> {
        let found = || -> rusqlite::Result<Vec<String>> {
            let query = "SELECT \"table\" || ' names a row of ' || parent FROM pragma_foreign_key_check LIMIT 10";
            let mut query = self.connection.prepare(query)?;
            let lines = query.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect()
        };
        found().map_err(|error| told(&self.path, &error)).context("looking for rows that are missing")
    }
}

fn bound(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Number(number) => ValueRef::Integer(*number),
        Value::Truth(truth) => ValueRef::Integer(i64::from(*truth)),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Bytes(bytes) => ValueRef::Blob(bytes),
    })
}

/// The value, where it is of its column's kind and can stand in both databases as it is.
fn exact(column: &Column, value: ValueRef<'_>) -> Option<Value> {
    Some(match (column.kind, value) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Number, ValueRef::Integer(number)) => Value::Number(number),
        (Kind::Truth, ValueRef::Integer(number @ 0..=1)) => Value::Truth(number == 1),
        (Kind::Text, ValueRef::Text(text)) if !text.contains(&0) => Value::Text(std::str::from_utf8(text).ok()?.to_string()),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        _ => return None,
    })
}

/// Names a value that cannot, by what its row begins with.
fn odd(table: &Table, column: &Column, before: &[Value]) -> Fault {
    let numbers = table.columns.iter().zip(before).filter_map(|(column, value)| match value {
        Value::Number(number) => Some(format!("{} = {number}", column.name)),
        _ => None,
    });
    let row = numbers.collect::<Vec<_>>().join(", ");
    let what =
        format!("the table {}: {} is no {} that PostgreSQL takes, where {row}", table.name, column.name, column.kind.name());
    Fault::new(Class::Data, what).hint("take the move back: espomail db move --abandon; then mend the row, and begin anew")
}
