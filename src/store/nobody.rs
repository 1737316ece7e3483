//! What reaches nobody: mail that is in nobody's inbox, and of no case that somebody looks after (INBOX-1), and cases that were to be
//! somebody's when there was nobody (DIST-1). Administrators hear of either once a day.

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::relation::reaches_nobody;
use super::schema::{accounts, counters, emails, records, users};
use super::{Database, lock, notification, set_counter};
use crate::decide::digest::{for_nobody, of_nobody};
use crate::words::{CaseStatus, Distribution, NotificationKind};

/// One of the two, by its counters.
struct Kind {
    /// The first one that was not looked at yet.
    next: &'static str,
    /// When administrators were told last.
    told_at: &'static str,
    /// The number that the next one gets.
    numbers: &'static str,
    words: fn(i64, Option<i64>, i64) -> Option<String>,
}

const MAIL: Kind = Kind { next: "nobody", told_at: "nobody-told-at", numbers: "email", words: of_nobody };
const CASES: Kind = Kind { next: "unassigned", told_at: "unassigned-told-at", numbers: "record", words: for_nobody };

/// The counters of both, in one query.
fn counters(db: &mut Database) -> Result<HashMap<String, i64>> {
    let names = [MAIL, CASES].map(|kind| [kind.next, kind.told_at, kind.numbers]).concat();
    let found = counters::table.filter(counters::name.eq_any(names)).select((counters::name, counters::value));
    Ok(found.load::<(String, i64)>(db)?.into_iter().collect())
}

impl Kind {
    /// What was not looked at yet, as far as anybody is to hear of it now: the first number, the one behind the last, and when they heard.
    fn news(&self, counters: &HashMap<String, i64>, now: i64) -> Option<(i64, i64, Option<i64>)> {
        let of = |name: &str| counters.get(name).copied();
        let (first, next) = (of(self.next).unwrap_or(1), of(self.numbers).unwrap_or(1));
        let told_at = of(self.told_at);
        ((self.words)(1, told_at, now).is_some() && first < next).then_some((first, next, told_at))
    }

    fn tell(&self, db: &mut Database, count: i64, (next, told_at): (i64, Option<i64>), now: i64) -> Result<()> {
        if let Some(words) = (self.words)(count, told_at, now).filter(|_| count > 0) {
            let administrators = users::table.filter(users::administrator.eq(true)).filter(users::active.eq(true));
            for user in administrators.order(users::id).select(users::id).load(db)? {
                notification::tell(db, user, NotificationKind::Nobody, None, &words, now)?;
            }
            set_counter(db, self.told_at, now)?;
        }
        set_counter(db, self.next, next)
    }
}

/// Whether there may be something to tell, without holding up anybody.
pub fn may_tell(db: &mut Database, now: i64) -> Result<bool> {
    let counters = counters(db)?;
    Ok([MAIL, CASES].iter().any(|kind| kind.news(&counters, now).is_some()))
}

/// Tells the administrators of what reached nobody since they heard of it last; at most once a day.
pub fn tell(db: &mut Database, now: i64) -> Result<()> {
    lock(db)?;
    let counters = counters(db)?;
    if let Some((first, next, told_at)) = MAIL.news(&counters, now) {
        let new = emails::table.filter(emails::id.ge(first)).filter(reaches_nobody());
        let count = new.count().get_result::<i64>(db)?;
        MAIL.tell(db, count, (next, told_at), now)?;
    }
    if let Some((first, next, told_at)) = CASES.news(&counters, now) {
        let given = accounts::table.on(accounts::id.nullable().eq(records::through_account_id));
        let new = records::table.inner_join(given).filter(accounts::distribution.ne(Distribution::None));
        let open = new.filter(records::id.ge(first)).filter(records::status.eq_any(CaseStatus::open()));
        let count = open.filter(records::assigned_user_id.is_null()).count().get_result::<i64>(db)?;
        CASES.tell(db, count, (next, told_at), now)?;
    }
    Ok(())
}
