//! Where the mail of somebody is: one answer over e-mails, what filters skipped, and letters of ours.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::letters::{anywhere, lower, lowered};
use super::named::names_of;
use super::noun::{gathered, in_lists};
use super::people::People;
use super::raw::{self, Left, Row};
use super::schema::{
    accounts, deliveries, email_accounts, email_texts, email_users, emails, folders, outbox, outbox_recipients, raws,
    record_addresses, records, reviews, users,
};
use super::{Backend, Database};
use crate::words::{DeliveryState, EmailId, FolderId, OutboxState, OutgoingId, RecordId, RecordKind, ReviewId};

/// Whose mail, or which, is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An address in comparison form, or a Message-ID: both look alike.
    Sign(String),
    /// A part of the subject.
    Subject(String),
}

/// Of which time it is to be. Seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub since: Option<i64>,
    pub until: Option<i64>,
}

impl Span {
    /// Whether a time is of it.
    pub fn has(&self, at: i64) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// An e-mail, and where it is. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    pub email: EmailId,
    pub arrived_at: i64,
    pub from: String,
    /// Whether it only claims to be from there (ACCESS-5).
    pub sender_not_verified: bool,
    pub subject: String,
    /// The accounts that it came through.
    pub accounts: Vec<String>,
    /// Each in words: `case:3`, `inbox of ada`.
    pub places: Vec<String>,
    pub review: Option<ReviewId>,
    /// Of a letter of ours.
    pub letter: Option<SentLetter>,
}

/// How far a letter of ours is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentLetter {
    pub id: OutgoingId,
    pub state: OutboxState,
    pub held_because: Option<String>,
    pub last_error: Option<String>,
    pub sent_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = emails)]
struct Found {
    id: EmailId,
    arrived_at: i64,
    from_address: String,
    is_claimed: bool,
    subject: String,
    parent_id: Option<RecordId>,
    folder_id: Option<FolderId>,
}

/// Finds e-mails that somebody wrote, that a letter of ours went to, or that have this in the subject; the newest first.
pub fn emails(db: &mut Database, wanted: &Wanted, span: Span, limit: i64) -> Result<Vec<Whereabouts>> {
    // Each by an index of its own, and put together here: a database makes one slow question of them.
    let mut found: Vec<Found> = Vec::new();
    let mut of = |query: emails::BoxedQuery<'_, Backend>| {
        let query = match span.since {
            Some(since) => query.filter(emails::arrived_at.ge(since)),
            None => query,
        };
        let query = match span.until {
            Some(until) => query.filter(emails::arrived_at.lt(until)),
            None => query,
        };
        let newest = query.order((emails::date.desc(), emails::id.desc())).limit(limit);
        found.extend(newest.select(Found::as_select()).load(db)?);
        anyhow::Ok(())
    };
    match wanted {
        Wanted::Sign(sign) => {
            of(emails::table.filter(emails::from_address.eq(sign)).into_boxed())?;
            of(emails::table.filter(emails::message_id.eq(sign)).into_boxed())?;
            let to = outbox::table.inner_join(outbox_recipients::table.on(outbox_recipients::outbox_id.eq(outbox::id)));
            let to = to.filter(outbox_recipients::address.eq(sign)).select(outbox::email_id);
            of(emails::table.filter(emails::id.eq_any(to)).into_boxed())?;
        }
        Wanted::Subject(part) => {
            of(emails::table.filter(lower(emails::subject).like(anywhere(part)).escape('\\')).into_boxed())?;
        }
    }
    found.sort_by_key(|row| std::cmp::Reverse((row.arrived_at, row.id)));
    found.dedup_by_key(|row| row.id);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    told(db, found)
}

/// Finds among the e-mails of which From names several the newest for which `is_meant` says so of their bytes (PARSE-11): whom they are from
/// stands nowhere else.
pub fn of_several(db: &mut Database, span: Span, limit: i64, is_meant: &dyn Fn(&[u8]) -> bool) -> Result<Vec<Whereabouts>> {
    type Both = (Found, Row);
    let (mut found, mut last): (Vec<Found>, _) = (Vec::new(), EmailId(i64::MAX));
    loop {
        let rows = emails::table
            .inner_join(raws::table.on(raws::id.eq(emails::raw_id)))
            .inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)))
            .filter(emails::from_address.eq(""))
            .filter(email_texts::defects.like("%\"from-ambiguous\"%"))
            .filter(emails::arrived_at.ge(span.since.unwrap_or(i64::MIN)))
            .filter(emails::arrived_at.lt(span.until.unwrap_or(i64::MAX)))
            .filter(emails::id.lt(last))
            .order(emails::id.desc())
            .limit(AT_ONCE)
            .select((Found::as_select(), Row::as_select()))
            .load::<Both>(db)?;
        let Some((end, _)) = rows.last() else { break };
        last = end.id;
        for (row, bytes) in rows {
            // What cannot be read is said elsewhere.
            if matches!(raw::open(db, bytes), Ok(Left::Kept(bytes)) if is_meant(&bytes)) {
                found.push(row);
            }
        }
        if found.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            break;
        }
    }
    told(db, found)
}

/// Returns the addresses of records that are called so, no more than so many.
pub fn addresses_named(db: &mut Database, part: &str, limit: i64) -> Result<Vec<String>> {
    let named =
        records::table.filter(lower(records::name).like(anywhere(part)).escape('\\')).filter(records::kind.ne(RecordKind::Case));
    let of = record_addresses::table.filter(record_addresses::record_id.eq_any(named.select(records::id)));
    Ok(of.order(record_addresses::address).select(record_addresses::address).distinct().limit(limit).load(db)?)
}

/// Finds e-mails whose author is called so, the newest first: the names stand beside those of all others in an e-mail, so each that names
/// somebody so is looked at.
pub fn by_name(db: &mut Database, part: &str, span: Span, limit: i64) -> Result<Vec<Whereabouts>> {
    // As it is written there.
    let written = serde_json::to_string(part)?;
    let (pattern, name) = (anywhere(written.trim_matches('"')), lowered(part));
    let (mut found, mut last): (Vec<Found>, _) = (Vec::new(), EmailId(i64::MAX));
    while i64::try_from(found.len())? < limit {
        let rows = emails::table
            .inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)))
            .filter(lower(email_texts::people).like(&pattern).escape('\\'))
            .filter(emails::arrived_at.ge(span.since.unwrap_or(i64::MIN)))
            .filter(emails::arrived_at.lt(span.until.unwrap_or(i64::MAX)))
            .filter(emails::id.lt(last))
            .order(emails::id.desc())
            .limit(limit)
            .select((Found::as_select(), email_texts::people))
            .load::<(Found, String)>(db)?;
        let Some((end, _)) = rows.last() else { break };
        last = end.id;
        for (row, people) in rows {
            let people: People = serde_json::from_str(&people)?;
            if people.from.iter().any(|from| lowered(&from.name).contains(&name)) {
                found.push(row);
            }
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    told(db, found)
}

/// How many messages are read at once.
const AT_ONCE: i64 = 16;

/// Returns which of some Message-IDs are those of stored e-mails.
pub fn stored_among<'i>(db: &mut Database, ids: impl Iterator<Item = &'i str>) -> Result<HashSet<String>> {
    let ids: Vec<&str> = ids.collect();
    let found = in_lists(db, &ids, |db, some| {
        Ok(emails::table.filter(emails::message_id.eq_any(some)).select(emails::message_id).load::<String>(db)?)
    })?;
    Ok(found.into_iter().collect())
}

fn told(db: &mut Database, found: Vec<Found>) -> Result<Vec<Whereabouts>> {
    let ids: Vec<EmailId> = found.iter().map(|row| row.id).collect();
    let parents = names_of(db, found.iter().map(|row| row.parent_id))?;
    let group: HashMap<FolderId, String> = folders::table.select((folders::id, folders::name)).load(db)?.into_iter().collect();
    let mut accounts = gathered(in_lists(db, &ids, |db, some| {
        let of = email_accounts::table.inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)));
        let of = of.filter(email_accounts::email_id.eq_any(some)).order(accounts::id);
        Ok(of.select((email_accounts::email_id, accounts::name)).load::<(EmailId, String)>(db)?)
    })?);
    type Copy = (String, bool, bool, Option<FolderId>);
    let mut copies = gathered(in_lists(db, &ids, |db, some| {
        let of = email_users::table.inner_join(users::table.on(users::id.eq(email_users::user_id)));
        let of = of.filter(email_users::email_id.eq_any(some)).order(users::id);
        let columns = (users::login, email_users::is_archived, email_users::is_trashed, email_users::folder_id);
        Ok(of.select((email_users::email_id, columns)).load::<(EmailId, Copy)>(db)?)
    })?);
    let mut reviews: HashMap<EmailId, ReviewId> = in_lists(db, &ids, |db, some| {
        let of = reviews::table.filter(reviews::email_id.eq_any(some)).filter(reviews::decision.is_null());
        Ok(of.select((reviews::email_id, reviews::id)).load(db)?)
    })?
    .into_iter()
    .collect();
    let mut returned = gathered(in_lists(db, &ids, |db, some| {
        let of = deliveries::table.filter(deliveries::email_id.eq_any(some));
        let of = of.filter(deliveries::state.ne(DeliveryState::Sent));
        Ok(of
            .select((deliveries::email_id, (deliveries::address, deliveries::state)))
            .load::<(EmailId, (String, DeliveryState))>(db)?)
    })?);
    type Row = (OutgoingId, OutboxState, Option<String>, Option<String>, Option<i64>);
    let mut letters: HashMap<EmailId, Row> = in_lists(db, &ids, |db, some| {
        let of = outbox::table.filter(outbox::email_id.eq_any(some)).order(outbox::id);
        let columns = (outbox::id, outbox::state, outbox::held_because, outbox::last_error, outbox::sent_at);
        Ok(of.select((outbox::email_id, columns)).load(db)?)
    })?
    .into_iter()
    .collect();
    let whereabouts = |Found {
                           id: email,
                           arrived_at,
                           from_address: from,
                           is_claimed: sender_not_verified,
                           subject,
                           parent_id: parent,
                           folder_id: folder,
                       }| {
        let mut places: Vec<String> =
            parent.and_then(|parent| parents.get(&parent)).map(ToString::to_string).into_iter().collect();
        places.extend(folder.and_then(|id| group.get(&id)).map(|name| format!("group folder {name}")));
        let mut inboxes = Vec::new();
        for (login, archived, trashed, folder) in copies.remove(&email).unwrap_or_default() {
            match folder.and_then(|id| group.get(&id)) {
                _ if trashed => places.push(format!("trash of {login}")),
                Some(name) => places.push(format!("folder {name} of {login}")),
                None if archived => places.push(format!("archive of {login}")),
                None => inboxes.push(login),
            }
        }
        if !inboxes.is_empty() {
            places.push(format!("inbox of {}", inboxes.join(" ")));
        }
        places.extend(returned.remove(&email).unwrap_or_default().into_iter().map(|(to, state)| format!("{state} for {to}")));
        let letter = letters.remove(&email);
        let letter = letter.map(|(id, state, held_because, last_error, sent_at)| SentLetter {
            id,
            state,
            held_because,
            last_error,
            sent_at,
        });
        let accounts = accounts.remove(&email).unwrap_or_default();
        Whereabouts {
            email,
            arrived_at,
            from,
            sender_not_verified,
            subject,
            accounts,
            places,
            review: reviews.remove(&email),
            letter,
        }
    };
    Ok(found.into_iter().map(whereabouts).collect())
}
