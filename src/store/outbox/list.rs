//! What people see of the outbox.

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::super::case;
use super::super::copy::{self, SentCopy};
use super::super::noun::counted;
use super::super::schema::{accounts, emails, outbox, outbox_recipients, users};
use super::super::{Backend, Database, IN_LIST};
use crate::decide::access::{Keeper, Kept};
use crate::decide::delivery::Recipient;
use crate::fault::{Class, Fault};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RecipientState, Rule, UserId};

/// A message that goes out. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Outgoing {
    pub id: OutgoingId,
    pub email: EmailId,
    pub kind: OutgoingKind,
    pub state: OutboxState,
    /// The account that it goes out through.
    pub account: Option<String>,
    pub author: Option<String>,
    /// Who of us wrote it: the author, or where that was no user the account of the operating system.
    pub by: Option<String>,
    #[serde(skip)]
    author_id: Option<UserId>,
    pub message_id: String,
    pub subject: String,
    pub envelope_from: String,
    #[serde(serialize_with = "crate::clock::optional")]
    pub due_at: Option<i64>,
    /// The rule that holds it.
    pub held_rule: Option<Rule>,
    pub held_because: Option<String>,
    /// Whether it waits because the database was put back, whatever else holds it (SEND-12).
    #[serde(skip)]
    pub(super) held_restored: bool,
    pub attempts: i64,
    pub last_error: Option<String>,
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub sent_at: Option<i64>,
    pub recipients: Vec<Recipient>,
    /// The copy for the account's Sent mailbox; none where none was asked for (SEND-7).
    pub sent_copy: Option<SentCopy>,
    /// It goes out, or went out, once more.
    pub is_resent: bool,
}

impl Outgoing {
    /// Whether it waits for somebody to release it.
    pub fn is_held(&self) -> bool {
        self.held_because.is_some()
    }

    /// Whether somebody has got it already.
    pub fn has_reached(&self) -> bool {
        self.is_resent || self.recipients.iter().any(|one| one.state == RecipientState::Sent)
    }
}

impl Kept for Outgoing {
    fn keeper(&self) -> Keeper {
        self.author_id.map_or(Keeper::Administrators, Keeper::User)
    }
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct OutboxFilter {
    pub states: Vec<OutboxState>,
    pub account: Option<AccountId>,
    /// Only what this user wrote.
    pub author: Option<UserId>,
    pub held: bool,
    /// Only what is held by this rule.
    pub rule: Option<Rule>,
    pub limit: i64,
    pub offset: i64,
}

type Row = (
    (OutgoingId, EmailId, OutgoingKind, OutboxState, Option<String>, Option<String>, Option<UserId>),
    (String, String, String),
    (Option<i64>, (Option<Rule>, Option<String>, bool), i64, Option<String>, i64, Option<i64>),
    bool,
);

/// The messages that somebody asks for.
fn chosen(filter: &OutboxFilter) -> outbox::BoxedQuery<'_, Backend> {
    let mut query = outbox::table.into_boxed();
    if !filter.states.is_empty() {
        query = query.filter(outbox::state.eq_any(&filter.states));
    }
    if let Some(account) = filter.account {
        query = query.filter(outbox::account_id.eq(account));
    }
    if let Some(author) = filter.author {
        query = query.filter(outbox::author_id.eq(author));
    }
    if filter.held {
        let waiting = [OutboxState::Draft, OutboxState::Queued];
        query = query.filter(outbox::held_because.is_not_null()).filter(outbox::state.eq_any(waiting));
    }
    if let Some(rule) = filter.rule {
        query = query.filter(outbox::held_rule.eq(rule));
    }
    query
}

/// Counts messages, no more than asked for.
pub fn count(db: &mut Database, filter: &OutboxFilter, most: i64) -> Result<i64> {
    counted!(db, chosen(filter), outbox::id, most)
}

/// Lists messages, the newest first.
pub fn list(db: &mut Database, filter: &OutboxFilter) -> Result<Vec<Outgoing>> {
    let newest = chosen(filter).order(outbox::id.desc()).limit(filter.limit).offset(filter.offset);
    let ids = newest.select(outbox::id).load::<OutgoingId>(db)?;
    load(db, &ids)
}

/// Shows one message.
pub fn show(db: &mut Database, id: OutgoingId) -> Result<Outgoing> {
    load(db, &[id])?.pop().ok_or_else(|| missing(id))
}

/// Where an e-mail of ours is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct OnItsWay {
    pub message: OutgoingId,
    pub state: OutboxState,
}

/// Whether a message was handed over to its server, which has not answered (SEND-6).
pub fn is_handed_over(db: &mut Database, id: OutgoingId) -> Result<bool> {
    Ok(outbox::table.find(id).select(outbox::is_handed_over).first(db).optional()?.unwrap_or_default())
}

/// Returns where an e-mail is on its way; none where it is not one of ours, or is sent.
pub fn on_its_way(db: &mut Database, email: EmailId) -> Result<Option<OnItsWay>> {
    let row = outbox::table.filter(outbox::email_id.eq(email)).filter(outbox::state.ne(OutboxState::Sent));
    let found = row.select((outbox::id, outbox::state)).first(db).optional()?;
    Ok(found.map(|(message, state)| OnItsWay { message, state }))
}

/// Returns the message by which an e-mail went out, or is to; letters of `notify` are nobody's.
pub fn of_email(db: &mut Database, email: EmailId) -> Result<Option<OutgoingId>> {
    let row = outbox::table.filter(outbox::email_id.eq(email)).filter(outbox::kind.ne(OutgoingKind::Notification));
    Ok(row.order(outbox::id.desc()).select(outbox::id).first(db).optional()?)
}

/// Makes the error for a message that is not there, or not for the one who asks.
pub fn missing(id: OutgoingId) -> anyhow::Error {
    Fault::new(Class::Data, format!("there is no message {id} in the outbox")).hint("try: espomail outbox list").into()
}

/// Reads messages, the newest first, in as many queries as for one.
fn load(db: &mut Database, ids: &[OutgoingId]) -> Result<Vec<Outgoing>> {
    let mut messages = Vec::new();
    for some in ids.chunks(IN_LIST) {
        let rows = outbox::table
            .inner_join(emails::table.on(emails::id.eq(outbox::email_id)))
            .left_join(accounts::table.on(accounts::id.nullable().eq(outbox::account_id)))
            .left_join(users::table.on(users::id.nullable().eq(outbox::author_id)))
            .filter(outbox::id.eq_any(some))
            .order(outbox::id.desc())
            .select((
                (
                    outbox::id,
                    outbox::email_id,
                    outbox::kind,
                    outbox::state,
                    accounts::name.nullable(),
                    users::login.nullable(),
                    users::id.nullable(),
                ),
                (emails::message_id, emails::subject, outbox::envelope_from),
                (
                    outbox::due_at,
                    (outbox::held_rule, outbox::held_because, outbox::held_restored),
                    outbox::attempts,
                    outbox::last_error,
                    outbox::created_at,
                    outbox::sent_at,
                ),
                outbox::is_resent,
            ))
            .load::<Row>(db)?;
        let mut recipients = recipients(db, some)?;
        let emails: Vec<EmailId> = rows.iter().map(|((_, email, ..), ..)| *email).collect();
        let mut copies = copy::of_all(db, &emails)?;
        let unsigned: Vec<EmailId> =
            rows.iter().filter(|((.., author), ..)| author.is_none()).map(|((_, email, ..), ..)| *email).collect();
        let mut wrote = case::wrote(db, &unsigned)?;
        for row in rows {
            let ((id, email, ..), ..) = row;
            let mut message = outgoing(row, recipients.remove(&id).unwrap_or_default(), copies.remove(&email))?;
            message.by = message.by.or_else(|| wrote.remove(&email));
            messages.push(message);
        }
    }
    Ok(messages)
}

fn outgoing(row: Row, recipients: Vec<Recipient>, sent_copy: Option<SentCopy>) -> Result<Outgoing> {
    let ((id, email, kind, state, account, author, author_id), (message_id, subject, envelope_from), rest, is_resent) = row;
    let (due_at, (held_rule, held_because, held_restored), attempts, last_error, created_at, sent_at) = rest;
    // What was held while it was on its way was held too late.
    let is_held = matches!(state, OutboxState::Draft | OutboxState::Queued);
    let (held_rule, held_because) = if is_held { (held_rule, held_because) } else { (None, None) };
    Ok(Outgoing {
        id,
        email,
        kind,
        state,
        account,
        by: author.clone(),
        author,
        author_id,
        message_id,
        subject,
        envelope_from,
        due_at,
        held_rule,
        held_because,
        held_restored,
        attempts,
        last_error,
        created_at,
        sent_at,
        recipients,
        sent_copy,
        is_resent,
    })
}

/// Returns the recipients of messages, by the message.
pub(super) fn recipients(db: &mut Database, ids: &[OutgoingId]) -> Result<HashMap<OutgoingId, Vec<Recipient>>> {
    type Found = (OutgoingId, String, RecipientState, Option<i64>, Option<String>, Option<String>);
    let rows = outbox_recipients::table
        .filter(outbox_recipients::outbox_id.eq_any(ids))
        .order((outbox_recipients::outbox_id, outbox_recipients::address))
        .select((
            outbox_recipients::outbox_id,
            outbox_recipients::address,
            outbox_recipients::state,
            outbox_recipients::code,
            outbox_recipients::status,
            outbox_recipients::said,
        ))
        .load::<Found>(db)?;
    let mut recipients: HashMap<OutgoingId, Vec<Recipient>> = HashMap::new();
    for (id, address, state, code, status, said) in rows {
        recipients.entry(id).or_default().push(Recipient { address, state, code, status, said });
    }
    Ok(recipients)
}
