//! Mail that reaches nobody: it is in nobody's inbox, and of no case that somebody looks after (INBOX-1). Administrators hear of it once a day.

use anyhow::Result;
use diesel::prelude::*;

use super::relation::reaches_nobody;
use super::schema::{counters, emails, users};
use super::{Database, lock, notification, set_counter};
use crate::decide::digest::of_nobody;
use crate::words::NotificationKind;

/// The first e-mail that was not looked at yet, and when administrators were told last.
const NEXT: &str = "nobody";
const TOLD_AT: &str = "nobody-told-at";

fn counter(db: &mut Database, name: &str) -> Result<Option<i64>> {
    Ok(counters::table.find(name).select(counters::value).first(db).optional()?)
}

/// Whether there may be something to tell, without holding up anybody.
pub fn may_tell(db: &mut Database, now: i64) -> Result<bool> {
    let told_at = counter(db, TOLD_AT)?;
    Ok(of_nobody(1, told_at, now).is_some() && counter(db, NEXT)?.unwrap_or(1) < counter(db, "email")?.unwrap_or(1))
}

/// Tells the administrators of what reached nobody since they heard of it last; at most once a day.
pub fn tell(db: &mut Database, now: i64) -> Result<()> {
    lock(db)?;
    let told_at = counter(db, TOLD_AT)?;
    let (first, next) = (counter(db, NEXT)?.unwrap_or(1), counter(db, "email")?.unwrap_or(1));
    let new = emails::table.filter(emails::id.ge(first)).filter(reaches_nobody());
    let count = new.count().get_result::<i64>(db)?;
    let Some(words) = of_nobody(count, told_at, now) else { return Ok(()) };
    if count > 0 {
        let administrators = users::table.filter(users::administrator.eq(true)).filter(users::active.eq(true));
        for user in administrators.order(users::id).select(users::id).load(db)? {
            notification::tell(db, user, NotificationKind::Nobody, None, &words, now)?;
        }
        set_counter(db, TOLD_AT, now)?;
    }
    set_counter(db, NEXT, next)
}
