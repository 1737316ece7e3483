//! An account that goes, or is read anew, and had much: what is known of its messages goes first, some rows at a time, each lot in a transaction
//! of its own. What is left then goes with the account or its positions, and is short. Whoever is stopped half-way types it again: each
//! position begins behind what it has forgotten, so nothing is read a second time meanwhile.

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::account::Account;
use super::schema::{accounts, fates, positions, quarantine};
use super::{Database, access, former, lease, undone};
use crate::decide::access::Permit;
use crate::words::{AccountId, PositionId};

/// How many rows one transaction takes. As many count as few: they go with the rest.
const WINDOW: i64 = 1_000;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The rows that are about an account, as far as it may have many.
const OF_ACCOUNT: [&str; 3] = [
    "fates f JOIN positions p ON p.id = f.position_id WHERE p.account_id",
    "email_accounts WHERE account_id",
    "records WHERE through_account_id",
];

/// Whether an account has so much that others would wait for its removal.
pub fn has_much(db: &mut Database, account: AccountId) -> Result<bool> {
    for rows in OF_ACCOUNT {
        let few = format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM {rows} = {account} LIMIT {}) AS few", WINDOW + 1);
        if diesel::sql_query(few).load::<Number>(db)?.iter().any(|row| row.n > WINDOW) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Begins the removal of an account, unless there is anything left to do: no pass reads it any more. Returns under which number it is
/// remembered.
pub fn begin(db: &mut Database, permit: &Permit<'_>, account: &Account, now: i64) -> Result<i64> {
    undone::must_be_done(db, &[(account.id, account.name.clone())])?;
    diesel::update(accounts::table.find(account.id)).set(accounts::active.eq(false)).execute(db)?;
    lease::end(db, account.id)?;
    access::record(db, permit, "account remove", &format!("account:{}", account.name), "begun", now)?;
    former::named(db, account.id)
}

/// Lets go of the next rows about an account that goes; says whether there may be more.
pub fn let_go(db: &mut Database, account: AccountId, former: i64) -> Result<bool> {
    if forget(db, account, false)? {
        return Ok(true);
    }
    let few = format!("SELECT email_id FROM email_accounts WHERE account_id = {account} ORDER BY email_id LIMIT {WINDOW}");
    former::remember_emails(db, former, &few)?;
    let gone = format!("DELETE FROM email_accounts WHERE account_id = {account} AND email_id IN ({few})");
    if diesel::sql_query(gone).execute(db)? > 0 {
        return Ok(true);
    }
    let few = format!("SELECT id FROM records WHERE through_account_id = {account} LIMIT {WINDOW}");
    Ok(diesel::sql_query(format!("UPDATE records SET through_account_id = NULL WHERE id IN ({few})")).execute(db)? > 0)
}

/// Forgets the fates of the lowest UIDs of the account's mailboxes, or of those on servers alone; says whether there may be more.
pub fn forget(db: &mut Database, account: AccountId, is_of_servers: bool) -> Result<bool> {
    // UIDVALIDITY 0 is no server's.
    let least = if is_of_servers { 1_i64 } else { 0 };
    let all = positions::table.filter(positions::account_id.eq(account)).filter(positions::uidvalidity.ge(least));
    for position in all.order(positions::id).select(positions::id).load::<PositionId>(db)? {
        // What a server has not handed over is asked for until the end.
        let aside = quarantine::table.filter(quarantine::position_id.eq(position)).select(diesel::dsl::min(quarantine::uid));
        let aside: i64 = aside.first::<Option<i64>>(db)?.unwrap_or(i64::MAX);
        let below = || fates::table.filter(fates::position_id.eq(position)).filter(fates::uid.lt(aside));
        let lot = below().order(fates::uid).limit(WINDOW).select(fates::uid).load::<i64>(db)?;
        let Some(last) = lot.last() else { continue };
        diesel::delete(below().filter(fates::uid.le(last))).execute(db)?;
        diesel::update(positions::table.find(position).filter(positions::start_uid.lt(last)))
            .set(positions::start_uid.eq(last))
            .execute(db)?;
        return Ok(true);
    }
    Ok(false)
}
