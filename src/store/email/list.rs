//! Lists of e-mails: what somebody may ask for, and a line of each.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};

use super::view::{self, Place, View};
use crate::decide::access::Sight;
use crate::mail::{Address, address_key};
use crate::store::letters::{anywhere, lower};
use crate::store::named::{RecordName, names_of};
use crate::store::noun::{counted, in_lists, is_few};
use crate::store::people::People;
use crate::store::relation::{reaches_nobody, visible_emails};
use crate::store::schema::{email_accounts, email_texts, email_users, emails, outbox};
use crate::store::{Backend, Database};
use crate::words::{AccountId, EmailId, FolderId, GroupPlace, OutboxState, RecordId, ThreadId, UserId};

/// An e-mail in a list. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    pub id: EmailId,
    pub thread: ThreadId,
    #[serde(serialize_with = "crate::clock::time")]
    pub date: i64,
    pub from: String,
    /// From is one of us, and nothing vouches for that (ACCESS-5).
    pub sender_not_verified: bool,
    pub subject: String,
    pub parent: Option<RecordName>,
    /// To whom and when it is to go out, of what has not left.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

/// To whom and when a letter of ours is to go out; a draft at no time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Waits {
    pub to: Vec<String>,
    #[serde(serialize_with = "crate::clock::optional")]
    pub goes_out_at: Option<i64>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct EmailFilter {
    pub through: Option<AccountId>,
    pub from: Option<String>,
    pub subject_part: Option<String>,
    pub since: Option<i64>,
    /// Only what came in from outside, and not before this time.
    pub received_since: Option<i64>,
    pub until: Option<i64>,
    pub parent: Option<RecordId>,
    pub thread: Option<ThreadId>,
    /// What the one who asks may see.
    pub sight: Sight,
    /// Only what one user has, as that user has it.
    pub view: Option<View>,
    /// Only what this user wrote.
    pub sent_by: Option<UserId>,
    /// Only what is in this group folder, or in its archive or trash.
    pub group_folder: Option<(FolderId, Option<GroupPlace>)>,
    /// Only what this user looks after.
    pub assigned_user: Option<UserId>,
    /// Only what reached nobody (INBOX-1).
    pub of_nobody: bool,
    /// Only what of ours has not left.
    pub unsent: Option<Unsent>,
    /// Only these, found by a search.
    pub found: Option<Vec<EmailId>>,
    pub limit: i64,
    pub offset: i64,
}

/// E-mails of ours that wait in the outbox for a person's word, or for their time.
#[derive(Debug, Clone, Copy)]
pub struct Unsent {
    pub drafts: bool,
    /// What is to go out later than this, in seconds since 1970 UTC.
    pub scheduled_after: Option<i64>,
    /// Only what this user wrote.
    pub author: Option<UserId>,
}

/// What is no letter of `notify` (NOTIFY-3).
macro_rules! no_letter {
    () => {{
        use diesel::dsl::{exists, not};
        use $crate::store::schema::{emails, outbox};
        let letters = outbox::table.filter(outbox::email_id.eq(emails::id));
        not(exists(letters.filter(outbox::kind.eq($crate::words::OutgoingKind::Notification))))
    }};
}
pub(in crate::store) use no_letter;

/// The e-mails that somebody asks for, of those that they may see; none where that is none at all.
fn chosen<'f>(db: &mut Database, filter: &'f EmailFilter) -> Result<Option<emails::BoxedQuery<'f, Backend>>> {
    let mut query = emails::table.into_boxed();
    if let Some(account) = filter.through {
        let of = email_accounts::table.filter(email_accounts::email_id.eq(emails::id));
        query = match view::through(db, account)? {
            Some(few) => query.filter(emails::id.eq_any(few)),
            None => query.filter(exists(of.filter(email_accounts::account_id.eq(account)))),
        };
    }
    let Some(visible) = visible_emails(&filter.sight) else { return Ok(None) };
    query = query.filter(visible);
    if let Some(few) = view::seen(db, &filter.sight)? {
        query = query.filter(emails::id.eq_any(few));
    }
    // A letter of `notify` tells of e-mails, and is none (NOTIFY-3).
    query = query.filter(no_letter!());
    if filter.of_nobody {
        query = query.filter(reaches_nobody());
    }
    if let Some(Unsent { drafts, scheduled_after, author }) = filter.unsent {
        let is_draft = outbox::state.eq(OutboxState::Draft).and(drafts.into_sql::<Bool>());
        let is_scheduled = outbox::state.eq(OutboxState::Queued).and(outbox::due_at.gt(scheduled_after));
        let is_theirs = outbox::author_id.eq(author).or(author.is_none().into_sql::<Nullable<Bool>>());
        let waiting = outbox::table.filter(is_draft.nullable().or(is_scheduled)).filter(is_theirs);
        query = query.filter(emails::id.eq_any(waiting.select(outbox::email_id)));
    }
    if let Some(view) = &filter.view {
        // Through this kind of connection one query cannot be put together inside another: each condition is one.
        macro_rules! only {
            ($($condition:expr),*) => {{
                let of = email_users::table.filter(email_users::email_id.eq(emails::id));
                query = query.filter(exists(of.filter(email_users::user_id.eq(view.user))$(.filter($condition))*));
            }};
        }
        let (trashed, archived) = (email_users::is_trashed, email_users::is_archived);
        match (view::of_view(db, view)?, view.place) {
            (Some(few), _) => query = query.filter(emails::id.eq_any(few)),
            (None, Place::Anywhere) => only!(),
            (None, Place::Trash) => only!(trashed.eq(true)),
            (None, Place::Archive) => only!(trashed.eq(false), archived.eq(true)),
            (None, Place::Folder(folder)) => only!(trashed.eq(false), email_users::folder_id.eq(folder)),
            (None, Place::Inbox) => only!(trashed.eq(false), archived.eq(false), email_users::folder_id.is_null()),
        }
        // What one wrote oneself, and what lies in a group folder, is elsewhere (INBOX-2).
        if view.place == Place::Inbox {
            let is_anothers = emails::author_id.is_null().nullable().or(emails::author_id.ne(view.user));
            query = query.filter(emails::folder_id.is_null()).filter(is_anothers);
        }
        if view.unread {
            only!(email_users::is_read.eq(false));
        }
        if view.important {
            only!(email_users::is_important.eq(true));
        }
    }
    if let Some(user) = filter.sent_by {
        query = query.filter(emails::author_id.eq(user));
    }
    if let Some((folder, place)) = filter.group_folder {
        query = query.filter(emails::folder_id.eq(folder));
        query = match place {
            Some(place) => query.filter(emails::group_place.eq(place)),
            None => query.filter(emails::group_place.is_null()),
        };
    }
    if let Some(user) = filter.assigned_user {
        query = query.filter(emails::assigned_user_id.eq(user));
    }
    if let Some(found) = &filter.found {
        query = match is_few(found) {
            true => query.filter(emails::id.eq_any(found.clone())),
            // In the order of the list: to read all of them and to sort them takes longer.
            false => query.filter(sql::<BigInt>("emails.id + 0").eq_any(found.clone())),
        };
    }
    if let Some(from) = &filter.from {
        query = query.filter(emails::from_address.eq(address_key(from)));
    }
    if let Some(part) = &filter.subject_part {
        query = query.filter(lower(emails::subject).like(anywhere(part)).escape('\\'));
    }
    if let Some(since) = filter.since {
        query = query.filter(emails::date.ge(since));
    }
    if let Some(since) = filter.received_since {
        query = query.filter(emails::arrived_at.ge(since)).filter(emails::is_ours.eq(false));
    }
    if let Some(until) = filter.until {
        query = query.filter(emails::date.lt(until));
    }
    if let Some(parent) = filter.parent {
        query = query.filter(emails::parent_id.eq(parent));
    }
    if let Some(thread) = filter.thread {
        query = query.filter(emails::thread_id.eq(thread));
    }
    Ok(Some(query))
}

/// Counts e-mails, no more than asked for.
pub fn count(db: &mut Database, filter: &EmailFilter, most: i64) -> Result<i64> {
    chosen(db, filter)?.map_or(Ok(0), |query| counted!(db, query, emails::id, most))
}

/// Lists e-mails, the newest first.
pub fn list(db: &mut Database, filter: &EmailFilter) -> Result<Vec<Line>> {
    let Some(query) = chosen(db, filter)? else { return Ok(Vec::new()) };
    let rows = query
        .order((emails::date.desc(), emails::id.desc()))
        .limit(filter.limit)
        .offset(filter.offset)
        .select((
            emails::id,
            emails::thread_id,
            emails::date,
            emails::from_address,
            emails::is_claimed,
            emails::subject,
            emails::parent_id,
        ))
        .load::<(EmailId, ThreadId, i64, String, bool, String, Option<RecordId>)>(db)?;
    let names = names_of(db, rows.iter().map(|(.., parent)| *parent))?;
    let line = |(id, thread, date, from, sender_not_verified, subject, parent): (_, _, _, _, _, _, Option<RecordId>)| {
        let parent = parent.and_then(|parent| names.get(&parent).copied());
        Line { id, thread, date, from, sender_not_verified, subject, parent, waits: None }
    };
    let mut lines: Vec<Line> = rows.into_iter().map(line).collect();
    if filter.unsent.is_some() {
        let ids: Vec<EmailId> = lines.iter().map(|line| line.id).collect();
        let due: HashMap<EmailId, Option<i64>> = in_lists(db, &ids, |db, some| {
            let of = outbox::table.filter(outbox::email_id.eq_any(some)).select((outbox::email_id, outbox::due_at));
            Ok(of.load(db)?)
        })?
        .into_iter()
        .collect();
        let mut to = recipients_of(db, &ids)?;
        for line in &mut lines {
            let to = to.remove(&line.id).unwrap_or_default().into_iter().collect();
            line.waits = Some(Waits { to, goes_out_at: due.get(&line.id).copied().flatten() });
        }
    }
    Ok(lines)
}

/// Returns who got e-mails openly: To and Cc, in comparison form.
pub(in crate::store) fn recipients_of(db: &mut Database, ids: &[EmailId]) -> Result<HashMap<EmailId, BTreeSet<String>>> {
    let rows = in_lists(db, ids, |db, some| {
        let of = email_texts::table.filter(email_texts::email_id.eq_any(some));
        let of = of.select((email_texts::email_id, email_texts::people));
        Ok(of.load::<(EmailId, String)>(db)?)
    })?;
    let recipients = |(id, people): (EmailId, String)| {
        let people: People = serde_json::from_str(&people).with_context(|| format!("the people of e-mail {id}"))?;
        Ok((id, people.to.iter().chain(&people.cc).map(Address::key).collect()))
    };
    rows.into_iter().map(recipients).collect()
}
