//! How a move begins in the old database, and how it ends in both.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::super::closed::{self, AWAY, HERE, Mark, OF_A_MOVE};
use super::super::database::Database;
use super::super::generation::{self, Beside};
use super::super::schema::settings;
use super::super::{access, lock, setting, upkeep};
use super::server;
use super::side::Side;
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};

/// Makes a name for a move.
pub fn new_id() -> Result<String> {
    setting::random()
}

/// Closes the old database, unless somebody is at work with it. From the end of this on it takes no changes, also of those who know
/// nothing of this.
pub fn depart(from: &mut Side, mark: &Mark, is_dead: &dyn Fn(&str) -> bool, now: i64) -> Result<()> {
    let tables = from.tables()?;
    from.store.transaction(|db| {
        lock(db)?;
        closed::close(db, tables.iter().map(|table| table.name.as_str()))?;
        let owners = upkeep::at_work(db, is_dead, now)?;
        if !owners.is_empty() {
            let what = format!("a pass is at work with the database: {}", owners.join(", "));
            return Err(Fault::new(Class::TempFail, what).hint("stop cron, wait for it, and try again").into());
        }
        closed::set_mark(db, AWAY, mark)
    })
}

/// Puts back what was taken away to fill the new database: every row is looked at.
pub fn arrive(to: &mut Side) -> Result<()> {
    let dangling = to.dangling()?;
    if !dangling.is_empty() {
        let what = format!("rows are missing: {}", dangling.join("; "));
        return Err(Fault::new(Class::Data, what).hint("look at the old database: espomail db check").into());
    }
    to.store.transaction(|db| {
        let Database::Postgresql(c) = db else { return Ok(()) };
        // As long as it takes.
        c.batch_execute("SET statement_timeout = 0")?;
        let Some(keys) = setting::get(db, server::KEYS)? else { return Ok(()) };
        let keys: Vec<server::Foreign> = serde_json::from_str(&keys)?;
        if let Database::Postgresql(c) = db {
            server::put_foreign_keys(c, &keys)?;
        }
        setting::unset(db, server::KEYS)
    })?;
    // What queries are planned by.
    match to.store.connection() {
        Database::Sqlite(c) => c.batch_execute("PRAGMA optimize"),
        Database::Postgresql(c) => c.batch_execute("ANALYZE"),
    }
    .context("counting what queries are planned by")
}

/// Marks the old database as moved away for good, where this move still is the one that closed it.
pub fn finish(from: &mut Side, to: &mut Side, beside: &Beside, mark: &Mark, permit: &Permit<'_>, now: i64) -> Result<()> {
    from.store.transaction(|db| {
        let here = closed::mark(db, AWAY)?.filter(|here| here.id == mark.id);
        let here = here.context(Fault::new(Class::TempFail, "the move was taken back meanwhile"))?;
        closed::set_mark(db, AWAY, &Mark { is_done: true, ..here })
    })?;
    // SEND-12: the number beside the new database is there before anybody can look at it.
    let writer = to.store.transaction(|db| generation::raise(db, beside))?;
    generation::note(&mut to.store, beside, &writer)?;
    to.store.transaction(|db| {
        lock(db)?;
        let here = closed::mark(db, HERE)?.context("the new database has no mark")?;
        diesel::delete(settings::table.filter(settings::name.like(format!("{OF_A_MOVE}%")))).execute(db)?;
        access::record(db, permit, "db move", "db", &here.other, now)
    })
}

/// Takes a move back that has not come to its end: the old database takes changes again.
pub fn abandon(from: &mut Side, permit: &Permit<'_>, now: i64) -> Result<Option<Mark>> {
    from.store.transaction(|db| {
        let Some(mark) = closed::mark(db, AWAY)? else { return Ok(None) };
        if mark.is_done {
            let what = format!("everything was moved to {}, and others may work with that", mark.other);
            return Err(Fault::new(Class::Config, what).hint("move it back from there: espomail db move --to URL").into());
        }
        closed::reopen(db)?;
        lock(db)?;
        access::record(db, permit, "db move --abandon", "db", &mark.other, now)?;
        Ok(Some(mark))
    })
}
