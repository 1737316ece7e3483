//! Accounts that cannot send: a row as long as one fails. When it rests, and when that is said and told, is as in reading
//! (FETCH-10, FETCH-12).

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::dsl::min;
use diesel::prelude::*;

use super::account::Resting;
use super::schema::{accounts, outbox, sending_failures};
use super::{Database, clean, hook, lock, notification};
use crate::clock::rfc3339;
use crate::decide::access::Permit;
use crate::decide::failure::{Failing, Heard, LONGEST_PAUSE, back_off_minutes};
use crate::fault::{Class, class_of_sameness};
use crate::words::{AccountId, OutboxState};

/// How an account fails to send. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sending_failures)]
pub struct Trouble {
    pub since: i64,
    pub failures: i64,
    pub last_error: String,
    pub retry_at: i64,
    said_at: Option<i64>,
    told_at: Option<i64>,
    failure: Option<String>,
}

/// Returns how an account fails to send; none where it does not.
pub fn of(db: &mut Database, account: AccountId) -> Result<Option<Trouble>> {
    Ok(sending_failures::table.find(account).select(Trouble::as_select()).first(db).optional()?)
}

/// Returns the accounts that fail to send, and how.
pub fn all(db: &mut Database) -> Result<HashMap<AccountId, Trouble>> {
    let rows = sending_failures::table.select((sending_failures::account_id, Trouble::as_select())).load(db)?;
    Ok(rows.into_iter().collect())
}

/// Returns the accounts that rest after a failure.
pub fn resting(db: &mut Database, now: i64) -> Result<HashSet<AccountId>> {
    let rests = sending_failures::retry_at.gt(now).and(sending_failures::retry_at.le(now.saturating_add(LONGEST_PAUSE)));
    let rows = sending_failures::table.filter(rests).select(sending_failures::account_id);
    Ok(rows.load(db)?.into_iter().collect())
}

/// Returns the accounts that fail to send and that messages wait for, but for some that are tried now: why, and until when.
pub fn waited_for(db: &mut Database, but: &[AccountId], now: i64) -> Result<Vec<Resting>> {
    type Row = (AccountId, String, String, Option<String>, i64);
    let rows = sending_failures::table
        .inner_join(accounts::table.on(accounts::id.eq(sending_failures::account_id)))
        .filter(accounts::active.eq(true))
        .order(accounts::name)
        .select((
            accounts::id,
            accounts::name,
            sending_failures::last_error,
            sending_failures::failure,
            sending_failures::retry_at,
        ))
        .load::<Row>(db)?;
    let failing: Vec<AccountId> = rows.iter().map(|(id, ..)| *id).filter(|id| !but.contains(id)).collect();
    let due: HashMap<AccountId, i64> = if failing.is_empty() {
        HashMap::new()
    } else {
        // What was tried before waits for the account, and not for a time that somebody chose.
        let is_waiting = outbox::attempts.gt(0).or(outbox::due_at.le(now));
        let waiting = outbox::table
            .filter(outbox::account_id.eq_any(&failing))
            .filter(outbox::state.eq(OutboxState::Queued).and(outbox::held_because.is_null()).and(is_waiting))
            .group_by(outbox::account_id)
            .select((outbox::account_id.assume_not_null(), min(outbox::due_at)));
        let waiting = waiting.load::<(AccountId, Option<i64>)>(db)?;
        waiting.into_iter().map(|(account, due)| (account, due.unwrap_or(now))).collect()
    };
    let of = |(id, name, error, failure, retry_at): Row| {
        let class = failure.as_deref().map_or(Class::Software, class_of_sameness);
        due.get(&id).map(|due| Resting { name, error, class, until: retry_at.max(*due) })
    };
    Ok(rows.into_iter().filter_map(of).collect())
}

/// Notes a failure; returns whether to say it now. `same` is what it has in common with the same failure at another time.
pub fn note(db: &mut Database, account: AccountId, (error, same): (&str, &str), now: i64) -> Result<bool> {
    lock(db)?;
    let (error, same) = (clean(error), clean(same));
    let known = of(db, account)?;
    let failing = known.as_ref().map_or_else(Failing::default, |known| Failing {
        since: Some(known.since),
        same: known.failure.clone(),
        said_at: known.said_at,
        told_at: known.told_at,
    });
    let Heard { say, tell_since } = failing.heard(&same, now);
    if let Some(begun) = tell_since {
        notification::of_account(db, account, &format!("cannot send since {}: {error}", rfc3339(begun)), now)?;
        hook::account_fails(db, account, "send", &error, now)?;
    }
    let failures = known.as_ref().map_or(0, |known| known.failures);
    let values = (
        sending_failures::since.eq(failing.begun(now)),
        sending_failures::failures.eq(failures + 1),
        sending_failures::last_error.eq(error.as_ref()),
        sending_failures::failure.eq(same.as_ref()),
        sending_failures::retry_at.eq(now + 60 * back_off_minutes(failures)),
        sending_failures::said_at.eq(if say { Some(now) } else { failing.said_at }),
        sending_failures::told_at.eq(failing.told_at.or(tell_since.map(|_| now))),
    );
    if known.is_some() {
        diesel::update(sending_failures::table.find(account)).set(values).execute(db)?;
    } else {
        diesel::insert_into(sending_failures::table).values((sending_failures::account_id.eq(account), values)).execute(db)?;
    }
    Ok(say)
}

/// Notes that a message went out before it failed again: it rests as after a first failure.
pub fn has_worked(db: &mut Database, account: AccountId) -> Result<()> {
    diesel::update(sending_failures::table.find(account)).set(sending_failures::failures.eq(0)).execute(db)?;
    Ok(())
}

/// Notes that it sends; returns whether it had been failing, to say that it works again.
pub fn over(db: &mut Database, account: AccountId, now: i64) -> Result<bool> {
    let Some(known) = of(db, account)? else { return Ok(false) };
    lock(db)?;
    if known.told_at.is_some() {
        notification::of_account(db, account, "sends again", now)?;
    }
    diesel::delete(sending_failures::table.find(account)).execute(db)?;
    Ok(true)
}

/// Ends the rest of an account whose settings have changed.
pub fn try_again(db: &mut Database, _permit: &Permit<'_>, account: AccountId, now: i64) -> Result<()> {
    diesel::update(sending_failures::table.find(account)).set(sending_failures::retry_at.eq(now)).execute(db)?;
    Ok(())
}
