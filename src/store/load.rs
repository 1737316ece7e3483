//! How many open cases each user has (DIST-3): kept, as counting them takes the longer the more there are. Whatever changes whose a case
//! is, or whether it is open, is a change that `apply` writes; with a user the count goes.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use diesel::dsl::{auto_type, count_star, min};
use diesel::prelude::*;

use super::schema::{accounts, open_cases, records, users};
use super::{Database, IN_LIST};
use crate::words::{CaseStatus, Distribution, RecordId, UserId};

/// Returns how many open cases users have; one that had none yet is left out.
pub(super) fn of(db: &mut Database, users: &[UserId]) -> QueryResult<Vec<(UserId, i64)>> {
    let of = open_cases::table.filter(open_cases::user_id.eq_any(users));
    of.select((open_cases::user_id, open_cases::cases)).load(db)
}

/// Users who are switched off: an open case of theirs is nobody's in all but name (DIST-1).
#[auto_type]
pub(super) fn switched_off() -> _ {
    users::table.filter(users::active.eq(false)).select(users::id.nullable())
}

/// Returns how many open cases somebody has who is there.
pub(super) fn assigned(db: &mut Database) -> Result<i64> {
    let assigned: Vec<i64> =
        open_cases::table.filter(open_cases::user_id.nullable().ne_all(switched_off())).select(open_cases::cases).load(db)?;
    Ok(assigned.iter().sum())
}

/// Returns the users who are switched off and have open cases, with how many: most first.
pub fn left(db: &mut Database) -> Result<Vec<(String, i64)>> {
    let of = open_cases::table.inner_join(users::table.on(users::id.eq(open_cases::user_id)));
    let left = of.filter(users::active.eq(false)).filter(open_cases::cases.gt(0));
    Ok(left.order((open_cases::cases.desc(), users::id)).select((users::login, open_cases::cases)).load(db)?)
}

/// Returns how many open cases nobody has, or somebody who is switched off, and when the oldest of these was opened; of those that nobody
/// has, the oldest whose account gives cases to somebody.
pub(super) fn unassigned(db: &mut Database) -> Result<(i64, Option<i64>)> {
    let open = || records::table.filter(records::assigned_user_id.is_null()).filter(records::status.eq_any(CaseStatus::open()));
    let giving = accounts::table.filter(accounts::distribution.ne(Distribution::None)).select(accounts::id);
    let given = open().filter(records::through_account_id.eq_any(giving.nullable()));
    let left: i64 = left(db)?.iter().map(|(_, cases)| cases).sum();
    let (count, oldest): (i64, Option<i64>) =
        (open().select(count_star()).first(db)?, given.select(min(records::created_at)).first(db)?);
    if left == 0 {
        return Ok((count, oldest));
    }
    let theirs = records::table.filter(records::assigned_user_id.eq_any(switched_off()));
    let theirs = theirs.filter(records::status.eq_any(CaseStatus::open())).select(min(records::created_at));
    Ok((count + left, oldest.into_iter().chain(theirs.first::<Option<i64>>(db)?).min()))
}

/// Returns how many of some records are open cases of each user.
pub(super) fn among(db: &mut Database, ids: &HashSet<RecordId>) -> Result<HashMap<UserId, i64>> {
    let open = CaseStatus::open();
    let mut found = HashMap::new();
    for some in ids.iter().collect::<Vec<_>>().chunks(IN_LIST) {
        let assigned = records::table
            .filter(records::id.eq_any(some.iter().copied()))
            .filter(records::status.eq_any(&open))
            .filter(records::assigned_user_id.is_not_null())
            .group_by(records::assigned_user_id)
            .select((records::assigned_user_id.assume_not_null(), count_star()));
        for (user, cases) in assigned.load::<(UserId, i64)>(db)? {
            *found.entry(user).or_default() += cases;
        }
    }
    Ok(found)
}

/// Adds to what users have, in the order of their numbers.
pub(super) fn add(db: &mut Database, changes: &BTreeMap<UserId, i64>) -> Result<()> {
    for (user, cases) in changes.iter().filter(|(_, cases)| **cases != 0) {
        let more = diesel::update(open_cases::table.find(user)).set(open_cases::cases.eq(open_cases::cases + cases));
        if more.execute(db)? == 0 {
            diesel::insert_into(open_cases::table)
                .values((open_cases::user_id.eq(user), open_cases::cases.eq(cases)))
                .execute(db)?;
        }
    }
    Ok(())
}
