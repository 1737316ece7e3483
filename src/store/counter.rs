//! The lock row and the counters of numbers.

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::database::Database;
use super::schema;

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

/// How often the lock row was taken: whoever sees another number than before knows that others decide.
pub fn turn(connection: &mut Database) -> Result<i64> {
    use schema::counters::dsl;
    Ok(dsl::counters.find("lock").select(dsl::value).first::<i64>(connection).optional()?.unwrap_or_default())
}

/// Returns the next number of a kind and moves its counter; call [`lock`] first.
pub fn next_number(connection: &mut Database, name: &str) -> Result<i64> {
    reserve(connection, name, 1)
}

/// Returns the first of `count` numbers of a kind and moves its counter past them; call [`lock`] first.
pub fn reserve(connection: &mut Database, name: &str, count: usize) -> Result<i64> {
    use schema::counters::dsl;
    let next = dsl::counters.find(name).select(dsl::value).first::<i64>(connection).optional()?.unwrap_or(1);
    if count > 0 {
        let after = i64::try_from(count).ok().and_then(|count| next.checked_add(count));
        set_counter(connection, name, after.with_context(|| format!("there are no more numbers for {name}"))?)?;
    }
    Ok(next)
}

/// Sets the next free number of a kind; call [`lock`] first.
pub fn set_counter(connection: &mut Database, name: &str, value: i64) -> Result<()> {
    use schema::counters::dsl;
    if diesel::update(dsl::counters.find(name)).set(dsl::value.eq(value)).execute(connection)? == 0 {
        diesel::insert_into(dsl::counters).values((dsl::name.eq(name), dsl::value.eq(value))).execute(connection)?;
    }
    Ok(())
}
