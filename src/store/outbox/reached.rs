//! Messages that have reached somebody, and from which something is to follow (SEND-8): noted with the outcome, done behind it.

use anyhow::Result;
use diesel::prelude::*;

use super::super::schema::outbox;
use super::super::{Database, copy};
use super::list::recipients;
use crate::words::{AccountId, EmailId, OutgoingId, OutgoingKind};

/// Notes that a message has reached somebody for the first time: what follows from that (SEND-8), and a copy where its account asks
/// for one (SEND-7). Without a time, it was sent when it was first tried.
pub(super) fn note_reached(db: &mut Database, id: OutgoingId, kind: OutgoingKind, sent_at: Option<i64>, now: i64) -> Result<()> {
    // A digest tells of what is in the store already: nothing follows from it (NOTIFY-3).
    if kind != OutgoingKind::Notification {
        diesel::update(outbox::table.find(id)).set(outbox::reached_at.eq(now)).execute(db)?;
    }
    copy::want(db, id, sent_at, now)
}

/// A message that has reached somebody, and what follows from that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub id: OutgoingId,
    pub email: EmailId,
    /// Everybody whom it goes to, as it is written to the server.
    pub recipients: Vec<String>,
}

/// Returns such messages of an account, so many at the most, or just one of them.
pub fn reached(db: &mut Database, account: AccountId, only: Option<OutgoingId>, most: i64) -> Result<Vec<Reached>> {
    let (first, last) = only.map_or((OutgoingId(i64::MIN), OutgoingId(i64::MAX)), |only| (only, only));
    let rows = outbox::table
        .filter(outbox::account_id.eq(account))
        .filter(outbox::id.between(first, last))
        .filter(outbox::reached_at.is_not_null())
        .order(outbox::id)
        .limit(most)
        .select((outbox::id, outbox::email_id))
        .load::<(OutgoingId, EmailId)>(db)?;
    let ids: Vec<OutgoingId> = rows.iter().map(|(id, _)| *id).collect();
    let mut recipients = recipients(db, &ids)?;
    let mut of = |id| recipients.remove(&id).into_iter().flatten().map(|one| one.address).collect();
    Ok(rows.into_iter().map(|(id, email)| Reached { id, email, recipients: of(id) }).collect())
}

/// Notes that what follows from messages is done.
pub fn set_followed(db: &mut Database, messages: &[OutgoingId]) -> Result<()> {
    diesel::update(outbox::table.filter(outbox::id.eq_any(messages))).set(outbox::reached_at.eq(None::<i64>)).execute(db)?;
    Ok(())
}

/// Returns the accounts with such messages: a pass has died before what follows, or is about to do it.
pub fn reached_accounts(db: &mut Database) -> Result<Vec<AccountId>> {
    let rows = outbox::table.filter(outbox::reached_at.is_not_null()).select(outbox::account_id).distinct();
    Ok(rows.load::<Option<AccountId>>(db)?.into_iter().flatten().collect())
}
