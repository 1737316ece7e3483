//! The events that e-mails speak of (PARSE-9): which are to come, and everything that is said of them, as far as somebody may see
//! the e-mails.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::noun::in_lists;
use super::relation::visible_emails;
use super::schema::{email_texts, email_users, emails, events};
use super::{Database, clean, dialect};
use crate::decide::access::Sight;
use crate::decide::event::Said;
use crate::mail::{Event, Mail};
use crate::words::{EmailId, UserId};

/// An event of an e-mail, by what it is looked for.
#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub struct EventRow<'a> {
    email_id: EmailId,
    place: i64,
    uid: Cow<'a, str>,
    ends_at: i64,
}

impl<'a> EventRow<'a> {
    /// Makes the rows of everything that a message's calendars say; what says no time is found by its UID alone.
    pub fn all(email: EmailId, mail: &'a Mail) -> Vec<Self> {
        let row = |(place, event): (i64, &'a Event)| {
            let uid = event.uid.as_deref().map(key).unwrap_or_default();
            Self { email_id: email, place, uid, ends_at: event.ends_at().unwrap_or(0) }
        };
        (1..).zip(&mail.calendar).map(row).collect()
    }
}

/// The longest UID that is kept as it is, in bytes: an index takes no value of any length.
const LONGEST: usize = 200;

/// Returns a UID as it is looked for.
fn key(uid: &str) -> Cow<'_, str> {
    if uid.len() > LONGEST { Cow::Owned(blake3::hash(uid.as_bytes()).to_hex().to_string()) } else { clean(uid) }
}

/// Puts what an e-mail says now in the place of what it said.
pub(super) fn rewrite(db: &mut Database, email: EmailId, rows: &[EventRow<'_>]) -> Result<()> {
    diesel::delete(events::table.filter(events::email_id.eq(email))).execute(db)?;
    dialect::insert_all!(&mut *db, events::table, rows)?;
    Ok(())
}

/// Returns the e-mails that speak of events which are not over at a time, of those that somebody may see; with a user only those that
/// are theirs.
pub fn to_come(db: &mut Database, sight: &Sight, of: Option<UserId>, since: i64) -> Result<Vec<EmailId>> {
    let Some(visible) = visible_emails(sight) else { return Ok(Vec::new()) };
    let to_come = events::table.filter(events::ends_at.ge(since)).select(events::email_id);
    let mut query = emails::table.filter(visible).filter(emails::id.eq_any(to_come)).into_boxed();
    if let Some(user) = of {
        let theirs = email_users::table.filter(email_users::user_id.eq(user)).select(email_users::email_id);
        query = query.filter(emails::id.eq_any(theirs));
    }
    Ok(query.select(emails::id).load(db)?)
}

/// Returns everything that is said of the events of some e-mails, in these and in others that somebody may see.
pub fn said_with(db: &mut Database, sight: &Sight, emails: &[EmailId]) -> Result<Vec<Said>> {
    let uids: Vec<String> = in_lists(db, emails, |db, some| {
        let of = events::table.filter(events::email_id.eq_any(some)).filter(events::uid.ne(""));
        Ok(of.select(events::uid).distinct().load(db)?)
    })?;
    let uids: HashSet<String> = uids.into_iter().collect();
    let known: Vec<String> = uids.iter().cloned().collect();
    let others: Vec<EmailId> = in_lists(db, &known, |db, some| {
        Ok(events::table.filter(events::uid.eq_any(some)).select(events::email_id).distinct().load(db)?)
    })?;
    let all: BTreeSet<EmailId> = emails.iter().copied().chain(others).collect();
    let mut said = Vec::new();
    for some in all.into_iter().collect::<Vec<_>>().chunks(super::IN_LIST) {
        said.extend(read(db, sight, some)?);
    }
    let given: HashSet<&EmailId> = emails.iter().collect();
    said.retain(|one| given.contains(&one.email) || one.event.uid.as_ref().is_some_and(|uid| uids.contains(key(uid).as_ref())));
    Ok(said)
}

fn read(db: &mut Database, sight: &Sight, ids: &[EmailId]) -> Result<Vec<Said>> {
    let Some(visible) = visible_emails(sight) else { return Ok(Vec::new()) };
    let rows = emails::table
        .filter(visible)
        .filter(emails::id.eq_any(ids))
        .select((emails::id, emails::from_address, emails::is_claimed, emails::author_id))
        .load::<(EmailId, String, bool, Option<UserId>)>(db)?;
    let of = email_texts::table.filter(email_texts::email_id.eq_any(ids)).filter(email_texts::calendar.is_not_null());
    let calendars = of.select((email_texts::email_id, email_texts::calendar.assume_not_null()));
    let mut calendars: HashMap<EmailId, String> = calendars.load(db)?.into_iter().collect();
    let mut said = Vec::new();
    for (email, from, is_claimed, author) in rows {
        let Some(calendar) = calendars.remove(&email) else { continue };
        let events: Vec<Event> = serde_json::from_str(&calendar).with_context(|| format!("the calendar of e-mail {email}"))?;
        let is_only = events.len() == 1;
        said.extend((1..).zip(events).map(|(place, event)| {
            let from = from.clone();
            let is_claimed = is_claimed || event.disowned;
            Said { email, place, is_only, event, from, is_claimed, author }
        }));
    }
    Ok(said)
}
