//! The rights to accounts that people gave at authorisation servers (FETCH-16). Tokens come and go sealed. One process renews a pair
//! of tokens at a time: its claim is a row's, so that no transaction waits for a server.

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::schema::account_grants;
use super::{Database, dialect};
use crate::clock::is_due;
use crate::decide::access::Permit;
use crate::words::AccountId;

/// What people see of such a right. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = account_grants)]
pub struct Granted {
    /// As the configuration calls the server, or the path of a file.
    pub provider: String,
    pub granted_at: i64,
    /// When the server said that it has ended.
    pub ended_at: Option<i64>,
}

impl Granted {
    /// Says who has it and how long it is old.
    pub fn told(&self, now: i64) -> String {
        let age = match (now - self.granted_at).max(0) {
            seconds if seconds < 2 * 3_600 => format!("{} min", seconds / 60),
            seconds if seconds < 2 * 86_400 => format!("{} h", seconds / 3_600),
            seconds => format!("{} days", seconds / 86_400),
        };
        format!("authorised with {} {age} ago", self.provider)
    }
}

/// A right with its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = account_grants)]
pub struct Grant {
    pub provider: String,
    /// Grows with each pair of tokens.
    pub generation: i64,
    #[diesel(embed)]
    pub tokens: Sealed,
}

/// A pair of tokens as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_grants, treat_none_as_null = true)]
pub struct Sealed {
    pub access_sealed: Vec<u8>,
    pub refresh_sealed: Option<Vec<u8>>,
    pub renew_at: Option<i64>,
    pub ends_at: Option<i64>,
}

/// Returns the right to an account.
pub fn of(db: &mut Database, account: AccountId) -> Result<Option<Grant>> {
    Ok(account_grants::table.find(account).select(Grant::as_select()).first(db).optional()?)
}

/// Returns what people see of the rights to some accounts.
pub(super) fn shown(db: &mut Database, accounts: &[AccountId]) -> Result<HashMap<AccountId, Granted>> {
    let of = account_grants::table.filter(account_grants::account_id.eq_any(accounts));
    let rows = of.select((account_grants::account_id, Granted::as_select())).load::<(AccountId, Granted)>(db)?;
    Ok(rows.into_iter().collect())
}

/// Keeps a right that a person gave just now, in the place of any earlier one.
pub fn keep(
    db: &mut Database,
    _permit: &Permit<'_>,
    account: AccountId,
    provider: &str,
    tokens: &Sealed,
    now: i64,
) -> Result<()> {
    let earlier = of(db, account)?.map_or(0, |grant| grant.generation);
    diesel::delete(account_grants::table.find(account)).execute(db)?;
    diesel::insert_into(account_grants::table)
        .values((
            tokens,
            account_grants::account_id.eq(account),
            account_grants::provider.eq(provider),
            account_grants::granted_at.eq(now),
            // Above that of one that was forgotten: whoever still renews that one must not write over this.
            account_grants::generation.eq(now.max(earlier + 1)),
        ))
        .execute(db)?;
    Ok(())
}

/// Forgets the right to an account. Says whether there was one.
pub fn forget(db: &mut Database, _permit: &Permit<'_>, account: AccountId) -> Result<bool> {
    Ok(diesel::delete(account_grants::table.find(account)).execute(db)? > 0)
}

/// Claims the renewal of a pair of tokens for some seconds; not where there is another pair already, or somebody else alive is at it.
pub fn claim(
    db: &mut Database,
    (account, generation): (AccountId, i64),
    owner: &str,
    is_dead: &dyn Fn(&str) -> bool,
    now: i64,
    seconds: i64,
) -> Result<bool> {
    let now = dialect::clock(db, now)?;
    let row = account_grants::table.find(account).filter(account_grants::generation.eq(generation));
    let seen = row.select((account_grants::renewed_by, account_grants::renewed_until));
    let Some((by, until)) = seen.first::<(Option<String>, Option<i64>)>(db).optional()? else { return Ok(false) };
    let is_alive = by.as_deref().is_some_and(|by| !is_dead(by));
    if is_alive && until.is_some_and(|until| !is_due(until, now, seconds)) {
        return Ok(false);
    }
    let claim = (account_grants::renewed_by.eq(owner), account_grants::renewed_until.eq(now.saturating_add(seconds)));
    // Of two that saw the same on PostgreSQL, the second updates no row.
    let claimed = match by {
        None => diesel::update(row.filter(account_grants::renewed_by.is_null())).set(claim).execute(db)?,
        Some(by) => diesel::update(row.filter(account_grants::renewed_by.eq(by))).set(claim).execute(db)?,
    };
    Ok(claimed == 1)
}

/// Keeps a new pair in the place of the one that was renewed. Says no where that one is gone: then the new one is nobody's.
pub fn renew(db: &mut Database, (account, generation): (AccountId, i64), tokens: &Sealed) -> Result<bool> {
    let row = account_grants::table.find(account).filter(account_grants::generation.eq(generation));
    let renewed = diesel::update(row)
        .set((
            tokens,
            account_grants::generation.eq(generation + 1),
            account_grants::renewed_by.eq(None::<String>),
            account_grants::renewed_until.eq(None::<i64>),
            account_grants::ended_at.eq(None::<i64>),
        ))
        .execute(db)?;
    Ok(renewed == 1)
}

/// Gives a claim back. `ended_at` is when the server said that the right has ended.
pub fn let_go(db: &mut Database, (account, generation): (AccountId, i64), owner: &str, ended_at: Option<i64>) -> Result<()> {
    let row = account_grants::table.find(account).filter(account_grants::generation.eq(generation));
    let own = row.filter(account_grants::renewed_by.eq(owner));
    diesel::update(own)
        .set((
            account_grants::renewed_by.eq(None::<String>),
            account_grants::renewed_until.eq(None::<i64>),
            account_grants::ended_at.eq(ended_at),
        ))
        .execute(db)?;
    Ok(())
}
