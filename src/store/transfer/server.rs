//! Rows of a PostgreSQL database.

use anyhow::{Context, Result};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::row::{Field, NamedRow};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use super::table::{BYTES, Kind, Row, Table, behind};
use super::value::Value;

/// The numbers of types in the catalogue (pg_type.dat), which are for good.
mod oid {
    pub const BOOL: u32 = 16;
    pub const BYTEA: u32 = 17;
    pub const INT8: u32 = 20;
}

struct Found(Row);

impl QueryableByName<Pg> for Found {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        (0..row.field_count())
            .map(|at| diesel::row::Row::get(row, at).map_or(Ok(Value::Null), |field| value(field.value())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn value(value: Option<PgValue<'_>>) -> deserialize::Result<Value> {
    let Some(value) = value else { return Ok(Value::Null) };
    Ok(match value.get_oid().get() {
        oid::BOOL => Value::Truth(FromSql::<Bool, Pg>::from_sql(value)?),
        oid::BYTEA => Value::Bytes(FromSql::<Binary, Pg>::from_sql(value)?),
        oid::INT8 => Value::Number(FromSql::<BigInt, Pg>::from_sql(value)?),
        _ => Value::Text(FromSql::<Text, Pg>::from_sql(value)?),
    })
}

/// Reads the rows behind a key, as many as there is room for: their sizes are asked of the server, which need not read what is large for
/// that.
pub fn read(db: &mut PgConnection, table: &Table, key: Option<&[Value]>) -> Result<Vec<Row>> {
    let columns = Table::list(table.columns.iter());
    let keys = Table::list(table.keys());
    let large = table.columns.iter().filter(|column| matches!(column.kind, Kind::Text | Kind::Bytes));
    let sizes: String = large.map(|column| format!(" + COALESCE(octet_length(\"{}\"), 0)", column.name)).collect();
    let query = format!(
        "SELECT {columns} FROM (SELECT *, row_number() OVER piece AS \" row\", sum(\" size\") OVER piece AS \" size so far\"
            FROM (SELECT *, (8{sizes})::bigint AS \" size\" {}) one WINDOW piece AS (ORDER BY {keys})) one
         WHERE \" row\" = 1 OR \" size so far\" <= {BYTES} ORDER BY {keys}",
        behind(table, key)
    );
    let mut query = diesel::sql_query(query).into_boxed::<Pg>();
    for value in key.unwrap_or_default() {
        query = match value {
            Value::Number(number) => query.bind::<BigInt, _>(*number),
            Value::Truth(truth) => query.bind::<Bool, _>(*truth),
            Value::Text(text) => query.bind::<Text, _>(text.clone()),
            Value::Bytes(bytes) => query.bind::<Binary, _>(bytes.clone()),
            Value::Null => query.bind::<Nullable<Text>, _>(None::<String>),
        };
    }
    let rows = query.load::<Found>(db).with_context(|| format!("reading the table {}", table.name))?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Writes rows: one list for each column.
pub fn insert(db: &mut PgConnection, table: &Table, rows: &[Row]) -> Result<()> {
    let lists = table.columns.iter().enumerate().map(|(at, column)| {
        let kind = match column.kind {
            Kind::Number => "bigint",
            Kind::Truth => "boolean",
            Kind::Text => "text",
            Kind::Bytes => "bytea",
        };
        format!("${}::{kind}[]", at + 1)
    });
    let (columns, lists) = (Table::list(table.columns.iter()), lists.collect::<Vec<_>>().join(", "));
    let insert = format!("INSERT INTO \"{}\" ({columns}) SELECT * FROM unnest({lists})", table.name);
    let mut insert = diesel::sql_query(insert).into_boxed::<Pg>();
    for (at, column) in table.columns.iter().enumerate() {
        let values = rows.iter().map(|row| row.get(at).unwrap_or(&Value::Null));
        insert = match column.kind {
            Kind::Number => insert.bind::<Array<Nullable<BigInt>>, _>(
                values.map(|value| if let Value::Number(number) = value { Some(*number) } else { None }).collect::<Vec<_>>(),
            ),
            Kind::Truth => insert.bind::<Array<Nullable<Bool>>, _>(
                values.map(|value| if let Value::Truth(truth) = value { Some(*truth) } else { None }).collect::<Vec<_>>(),
            ),
            Kind::Text => insert.bind::<Array<Nullable<Text>>, _>(
                values.map(|value| if let Value::Text(text) = value { Some(text.as_str()) } else { None }).collect::<Vec<_>>(),
            ),
            Kind::Bytes => insert.bind::<Array<Nullable<Binary>>, _>(
                values
                    .map(|value| if let Value::Bytes(bytes) = value { Some(bytes.as_slice()) } else { None })
                    .collect::<Vec<_>>(),
            ),
        };
    }
    insert.execute(db).map(drop).with_context(|| format!("writing the table {}", table.name))
}

/// The setting with the foreign keys of a database that is being filled.
pub const KEYS: &str = "move:foreign-keys";

/// A foreign key.
#[derive(QueryableByName, serde::Serialize, serde::Deserialize)]
pub struct Foreign {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// Takes the foreign keys away, as rows name each other in every direction, and returns them.
pub fn take_foreign_keys(db: &mut PgConnection) -> Result<Vec<Foreign>> {
    let query = "SELECT t.relname::text AS \"table\", k.conname::text AS name, pg_get_constraintdef(k.oid) AS definition
         FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
         WHERE k.contype = 'f' AND t.relnamespace = current_schema()::regnamespace AND k.conparentid = 0";
    let keys = diesel::sql_query(query).load::<Foreign>(db).context("reading the foreign keys")?;
    for key in &keys {
        db.batch_execute(&format!("ALTER TABLE \"{}\" DROP CONSTRAINT \"{}\"", key.table, key.name))?;
    }
    Ok(keys)
}

/// Puts them back; every row is looked at.
pub fn put_foreign_keys(db: &mut PgConnection, keys: &[Foreign]) -> Result<()> {
    for key in keys {
        let add = format!("ALTER TABLE \"{}\" ADD CONSTRAINT \"{}\" {}", key.table, key.name, key.definition);
        db.batch_execute(&add).with_context(|| format!("the foreign key {}", key.name))?;
    }
    Ok(())
}
