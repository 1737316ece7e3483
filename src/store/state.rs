//! How fetching an account goes: last success, last error, back-off, and when to speak of it (FETCH-10, FETCH-12). The table also has who
//! works on an account (`lease.rs`), and how carefully (`attempt.rs`); what people set is `account.rs`.

use anyhow::Result;
use diesel::prelude::*;

use super::schema::account_states;
use super::{Database, hook, notification};
use crate::clock::rfc3339;
use crate::decide::access::Permit;
use crate::decide::failure::{Failing, Heard};
use crate::words::AccountId;

/// How fetching an account goes. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = account_states)]
pub struct State {
    pub last_success_at: Option<i64>,
    pub last_error: Option<String>,
    pub last_error_at: Option<i64>,
    pub failing_since: Option<i64>,
    pub failures: i64,
    pub retry_at: Option<i64>,
    pub lease_owner: Option<String>,
}

/// Begins the state of a new account.
pub(super) fn begin(db: &mut Database, account: AccountId) -> Result<()> {
    diesel::insert_into(account_states::table)
        .values((
            account_states::account_id.eq(account),
            account_states::failures.eq(0_i64),
            account_states::fence.eq(0_i64),
            account_states::careful.eq(false),
        ))
        .execute(db)?;
    Ok(())
}

/// Forgets that an account fails: it is read anew.
pub(super) fn forget_failure(db: &mut Database, account: AccountId) -> Result<()> {
    diesel::update(account_states::table.find(account))
        .set((
            account_states::failures.eq(0_i64),
            account_states::failing_since.eq(None::<i64>),
            account_states::retry_at.eq(None::<i64>),
            account_states::said_at.eq(None::<i64>),
        ))
        .execute(db)?;
    Ok(())
}

/// Notes a pass that went well; returns whether the account had been failing, to say that it works again.
pub fn note_success(db: &mut Database, account: AccountId, now: i64) -> Result<bool> {
    let row = account_states::table.find(account).select((account_states::failing_since, account_states::told_at));
    let (failed, told) = row.first::<(Option<i64>, Option<i64>)>(db).optional()?.unwrap_or_default();
    if told.is_some() {
        // Takes the lock row: it comes before the account's.
        notification::of_account(db, account, "works again", now)?;
    }
    diesel::update(account_states::table.find(account))
        .set((
            account_states::last_success_at.eq(now),
            account_states::failing_since.eq(None::<i64>),
            account_states::failures.eq(0),
            account_states::said_at.eq(None::<i64>),
            account_states::retry_at.eq(None::<i64>),
            account_states::told_at.eq(None::<i64>),
        ))
        .execute(db)?;
    Ok(failed.is_some())
}

/// Ends the rest of an account that may be mended.
pub fn try_again(db: &mut Database, _permit: &Permit<'_>, account: AccountId) -> Result<()> {
    diesel::update(account_states::table.find(account)).set(account_states::retry_at.eq(None::<i64>)).execute(db)?;
    Ok(())
}

/// Notes a failed pass; returns whether to say it now: a new failure at once, the same one hourly. `same` is what
/// it has in common with the same failure at another time. Without a time to try it again the fault is not the account's, but of what all of
/// them stand on, such as the storage: it does not rest, and whose it is are not told that it fails.
pub fn note_failure(
    db: &mut Database,
    account: AccountId,
    now: i64,
    (error, same): (&str, &str),
    retry_at: Option<i64>,
) -> Result<bool> {
    let (error, same) = (super::clean(error), super::clean(same));
    let row = account_states::table.find(account).select((
        account_states::failing_since,
        account_states::failure,
        account_states::said_at,
        account_states::told_at,
    ));
    let Some((since, last, said, told)) = row.first::<(Option<i64>, Option<String>, Option<i64>, Option<i64>)>(db).optional()?
    else {
        return Ok(true);
    };
    let failing = Failing { since, same: last, said_at: said, told_at: told };
    let Heard { say, tell_since } = failing.heard(&same, now);
    let tell_since = tell_since.filter(|_| retry_at.is_some());
    if let Some(begun) = tell_since {
        notification::of_account(db, account, &format!("has failed since {}: {error}", rfc3339(begun)), now)?;
        hook::account_fails(db, account, "fetch", &error, now)?;
    }
    diesel::update(account_states::table.find(account))
        .set((
            account_states::last_error.eq(error.as_ref()),
            account_states::failure.eq(same.as_ref()),
            account_states::last_error_at.eq(now),
            account_states::failing_since.eq(failing.begun(now)),
            account_states::failures.eq(account_states::failures + i64::from(retry_at.is_some())),
            account_states::said_at.eq(if say { Some(now) } else { said }),
            account_states::retry_at.eq(retry_at),
            account_states::told_at.eq(told.or(tell_since.map(|_| now))),
        ))
        .execute(db)?;
    Ok(say)
}
