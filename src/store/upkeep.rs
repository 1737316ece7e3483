//! What looks after the database as such: whether it is whole, how large it is, and giving back room.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::schema::{account_states, accounts, emails, outbox, users};
use super::{Database, clean, dialect};
use crate::words::OutboxState;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// How many findings of one kind are told.
const TOLD: usize = 100;

/// What a look at a whole SQLite database asks, each with what it begins a finding with.
const SQLITE: [(&str, &str); 2] = [
    ("", "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
    (
        "foreign key: ",
        "SELECT \"table\" || ' row ' || COALESCE(rowid, '?') || ' names a row of ' || parent || ' that is not there' AS line
         FROM pragma_foreign_key_check LIMIT 100",
    ),
];

/// The same for PostgreSQL, which looks after its pages itself.
const POSTGRESQL: [(&str, &str); 5] = [
    ("index not valid: ", "SELECT indexrelid::regclass::text AS line FROM pg_index WHERE NOT indisvalid"),
    ("constraint not validated: ", "SELECT conname::text AS line FROM pg_constraint WHERE NOT convalidated"),
    (
        "pages with a wrong checksum: ",
        "SELECT checksum_failures::text AS line FROM pg_stat_database
         WHERE datname = current_database() AND checksum_failures > 0",
    ),
    (
        "not durable: ",
        "SELECT name || ' = ' || setting AS line FROM pg_settings
         WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'",
    ),
    (
        "close to the end of its transaction numbers: age ",
        "SELECT age(datfrozenxid)::text AS line FROM pg_database WHERE datname = current_database() AND age(datfrozenxid) > 1500000000",
    ),
];

/// Says what is wrong with the database as such. A look at all of it takes as long as reading all of it.
pub fn check(db: &mut Database) -> Result<Vec<String>> {
    let questions: &[(&str, &str)] = match db {
        Database::Sqlite(_) => &SQLITE,
        Database::Postgresql(_) => &POSTGRESQL,
    };
    let mut found = Vec::new();
    for (what, query) in questions {
        let lines = diesel::sql_query(*query).load::<Line>(db).with_context(|| format!("looking for what is wrong: {what}"))?;
        found.extend(lines.into_iter().take(TOLD).map(|one| format!("{what}{}", clean(&one.line))));
    }
    Ok(found)
}

/// Returns the size of the database in bytes.
pub fn size(db: &mut Database) -> Result<i64> {
    let size = match db {
        Database::Sqlite(_) => "(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)",
        Database::Postgresql(_) => "pg_database_size(current_database())",
    };
    Ok(diesel::select(sql::<BigInt>(size)).get_result(db)?)
}

/// Gives back the room of what is gone, and counts anew what queries are planned by.
pub fn vacuum(db: &mut Database) -> Result<()> {
    match db {
        // What moved stands in the log until then.
        Database::Sqlite(c) => c.batch_execute("VACUUM; PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)")?,
        Database::Postgresql(c) => {
            c.batch_execute("SET statement_timeout = 0")?;
            c.batch_execute("VACUUM (ANALYZE)")?;
        }
    }
    Ok(())
}

/// Whether anything is in it that somebody would miss.
pub fn is_used(db: &mut Database) -> Result<bool> {
    let emails = emails::table.select(count_star()).first::<i64>(db)?;
    let accounts = accounts::table.select(count_star()).first::<i64>(db)?;
    Ok(emails + accounts + users::table.select(count_star()).first::<i64>(db)? > 0)
}

/// Names who is at work with the database: passes over accounts, and those that send.
pub fn at_work(db: &mut Database, is_dead: &dyn Fn(&str) -> bool, now: i64) -> Result<Vec<String>> {
    let now = dialect::clock(db, now)?;
    let lease = account_states::table.filter(account_states::lease_until.gt(now)).select(account_states::lease_owner);
    let mut owners = lease.load::<Option<String>>(db)?;
    let sending = outbox::table.filter(outbox::lease_until.gt(now)).filter(outbox::state.eq(OutboxState::Sending));
    owners.extend(sending.select(outbox::lease_owner).load::<Option<String>>(db)?);
    let mut owners: Vec<String> = owners.into_iter().flatten().filter(|owner| !is_dead(owner)).collect();
    owners.sort_unstable();
    owners.dedup();
    Ok(owners)
}

/// Forgets who was at work when a copy was made: nobody is, with the copy.
pub fn forget_leases(db: &mut Database) -> Result<()> {
    diesel::update(account_states::table.filter(account_states::lease_owner.is_not_null()))
        .set((account_states::lease_owner.eq(None::<String>), account_states::lease_until.eq(None::<i64>)))
        .execute(db)?;
    Ok(())
}
