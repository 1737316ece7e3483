//! What the database says of itself, by name: a value for each.

use anyhow::{Result, anyhow};
use diesel::prelude::*;

use super::database::Database;
use super::schema::settings;

/// The name by which the database is known, wherever it is.
pub const NAME: &str = "store";

/// Returns a value.
pub fn get(db: &mut Database, name: &str) -> Result<Option<String>> {
    Ok(settings::table.find(name).select(settings::value).first(db).optional()?)
}

/// Writes a value; call it under the lock row.
pub fn set(db: &mut Database, name: &str, value: &str) -> Result<()> {
    if diesel::update(settings::table.find(name)).set(settings::value.eq(value)).execute(db)? == 0 {
        diesel::insert_into(settings::table).values((settings::name.eq(name), settings::value.eq(value))).execute(db)?;
    }
    Ok(())
}

/// Takes a value away; call it under the lock row.
pub fn unset(db: &mut Database, name: &str) -> Result<()> {
    diesel::delete(settings::table.find(name)).execute(db)?;
    Ok(())
}

/// Gives the database a name, unless it has one.
pub fn christen(db: &mut Database) -> Result<()> {
    if get(db, NAME)?.is_none() { set(db, NAME, &random()?) } else { Ok(()) }
}

/// Makes a name that nobody else has: 16 digits.
pub fn random() -> Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness to be had: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
