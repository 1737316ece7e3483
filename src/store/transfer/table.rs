//! What there is to move: every table of the schema as the database itself has it, so that a new one cannot be forgotten.

use anyhow::{Context, Result, bail};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::super::closed::OF_A_MOVE;
use super::super::database::Database;
use super::value::Value;

/// How many rows are read and written at once at the most.
const ROWS: usize = 2_000;
/// How many bytes they have; one row may have more.
pub const BYTES: usize = 8 << 20;

/// Beginnings of the names of tables that stay: the search makes its index anew, and migrations note themselves.
const STAYING: [&str; 2] = ["email_search", "__diesel"];

/// What a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Truth,
    Text,
    Bytes,
}

impl Kind {
    /// What a person calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Truth => "yes or no",
            Self::Text => "text",
            Self::Bytes => "sequence of bytes",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// A table, with its columns in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The places of the primary key's columns among them, in its order.
    pub key: Vec<usize>,
}

impl Table {
    /// The names of some columns as a list.
    pub fn list<'c>(columns: impl Iterator<Item = &'c Column>) -> String {
        columns.map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }

    /// Those of its key.
    pub fn keys(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|at| self.columns.get(*at))
    }
}

/// The values of a row, in the order of its table's columns.
pub type Row = Vec<Value>;

/// Which rows of a table move: of the settings, those that are not of one database alone.
pub fn moving(table: &Table) -> String {
    match table.name.as_str() {
        "settings" => format!("name NOT LIKE '{OF_A_MOVE}%' AND name NOT LIKE 'search:%'"),
        _ => "TRUE".to_string(),
    }
}

/// The end of a question for the rows behind a key, in its order: `$1` and so on are its values.
pub fn behind(table: &Table, key: Option<&[Value]>) -> String {
    let keys = Table::list(table.keys());
    let behind = key.map_or_else(String::new, |values| {
        let values = (1..=values.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
        format!(" AND ({keys}) > ({values})")
    });
    format!("FROM \"{}\" WHERE {}{behind} ORDER BY {keys} LIMIT {ROWS}", table.name, moving(table))
}

/// A column as the database tells of it.
#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    /// Its place in the primary key; negative where it is not in it.
    #[diesel(sql_type = BigInt)]
    place: i64,
}

const SQLITE: &str = "SELECT m.name AS \"of\", c.name AS name, lower(c.type) AS kind, CAST(c.pk AS BIGINT) - 1 AS place
     FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

const POSTGRESQL: &str = "SELECT t.relname::text AS \"of\", a.attname::text AS name, format_type(a.atttypid, NULL) AS kind,
            COALESCE(array_position(x.indkey::int2[], a.attnum), -1)::bigint AS place
     FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_index x ON x.indrelid = t.oid AND x.indisprimary
     WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace";

/// Returns them, by name.
pub fn tables(db: &mut Database) -> Result<Vec<Table>> {
    let mut told = match db {
        Database::Sqlite(c) => diesel::sql_query(SQLITE).load::<Told>(c),
        Database::Postgresql(c) => diesel::sql_query(POSTGRESQL).load::<Told>(c),
    }
    .context("reading what tables there are")?;
    told.retain(|column| !STAYING.iter().any(|staying| column.of.starts_with(staying)));
    told.sort_by(|a, b| (&a.of, &a.name).cmp(&(&b.of, &b.name)));
    told.chunk_by(|a, b| a.of == b.of).map(table).collect()
}

fn table(columns: &[Told]) -> Result<Table> {
    let name = columns.first().map(|column| column.of.clone()).unwrap_or_default();
    let mut key: Vec<(i64, usize)> =
        columns.iter().enumerate().map(|(at, column)| (column.place, at)).filter(|(place, _)| *place >= 0).collect();
    key.sort_unstable();
    if key.is_empty() {
        bail!("the table {name} has no primary key");
    }
    let columns = columns.iter().map(|column| Ok(Column { name: column.name.clone(), kind: kind(column)? }));
    Ok(Table { columns: columns.collect::<Result<_>>()?, key: key.into_iter().map(|(_, at)| at).collect(), name })
}

fn kind(column: &Told) -> Result<Kind> {
    Ok(match column.kind.as_str() {
        "bigint" | "integer" => Kind::Number,
        "boolean" => Kind::Truth,
        "text" => Kind::Text,
        "blob" | "bytea" => Kind::Bytes,
        other => bail!("{}.{} is of a kind that does not move: {other}", column.of, column.name),
    })
}
