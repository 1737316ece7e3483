//! Who follows a record (FOLLOW-1).

use anyhow::Result;
use diesel::prelude::*;

use super::record::name_of;
use super::schema::{followers, users};
use super::{Database, access, lock};
use crate::decide::access::Permit;
use crate::words::{RecordId, UserId};

/// Makes a user follow a record; false when the user did before.
pub fn follow(db: &mut Database, permit: &Permit<'_>, record: RecordId, user: UserId, now: i64) -> Result<bool> {
    lock(db)?;
    let changed = add(db, record, user)?;
    if changed {
        tell(db, permit, "follow", record, user, now)?;
    }
    Ok(changed)
}

/// Ends it; false when the user did not follow.
pub fn unfollow(db: &mut Database, permit: &Permit<'_>, record: RecordId, user: UserId, now: i64) -> Result<bool> {
    lock(db)?;
    let changed = diesel::delete(followers::table.find((record.0, user.0))).execute(db)? > 0;
    if changed {
        tell(db, permit, "unfollow", record, user, now)?;
    }
    Ok(changed)
}

/// Adds a follower, whoever asked; false when the user followed before.
pub(super) fn add(db: &mut Database, record: RecordId, user: UserId) -> Result<bool> {
    if followers::table.find((record.0, user.0)).count().get_result::<i64>(db)? > 0 {
        return Ok(false);
    }
    diesel::insert_into(followers::table)
        .values((followers::record_id.eq(record.0), followers::user_id.eq(user.0)))
        .execute(db)?;
    Ok(true)
}

fn tell(db: &mut Database, permit: &Permit<'_>, verb: &str, record: RecordId, user: UserId, now: i64) -> Result<()> {
    let Some(named) = name_of(db, Some(record.0))? else { return Ok(()) };
    let noun = if named.to_string().starts_with("case:") { "case" } else { "record" };
    let login: String = users::table.find(user.0).select(users::login).first(db)?;
    access::record(db, permit, &format!("{noun} {verb}"), &named.to_string(), &login, now)
}
