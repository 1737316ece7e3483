//! Messages that go out, and how far each has come (SEND-6). `sending` is committed before the connection and a mark before the
//! final dot; whoever finds such a row left behind knows what may have happened.

use anyhow::{Context, Result, anyhow};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::copy::{self, SentCopy};
use super::dialect::{clock, first_free, insert_all};
use super::schema::{accounts, deliveries, emails, outbox, outbox_recipients, users};
use super::{Database, clean, lock, reserve};
use crate::decide::delivery::{Recipient, Settled, Tried, after_death};
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::words::{AccountId, DeliveryState, EmailId, OutboxState, OutgoingId, OutgoingKind, RecipientState, UserId};

/// A message to put into the outbox.
#[derive(Debug, Clone)]
pub struct NewOutgoing<'a> {
    pub email: EmailId,
    pub account: AccountId,
    pub kind: OutgoingKind,
    pub state: OutboxState,
    /// Empty is the null path.
    pub envelope_from: &'a str,
    pub recipients: &'a [String],
    /// When to send it; seconds since 1970 UTC.
    pub due_at: Option<i64>,
    pub author: Option<UserId>,
}

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
    pub message_id: String,
    pub subject: String,
    pub envelope_from: String,
    #[serde(serialize_with = "crate::clock::optional")]
    pub due_at: Option<i64>,
    pub held_because: Option<String>,
    pub attempts: i64,
    pub last_error: Option<String>,
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub sent_at: Option<i64>,
    pub recipients: Vec<Recipient>,
    /// The copy for the account's Sent mailbox; none where none was asked for (SEND-7).
    pub sent_copy: Option<SentCopy>,
}

impl Outgoing {
    /// Whether it waits for somebody to release it. What was held while it was on its way was held too late.
    pub fn is_held(&self) -> bool {
        self.held_because.is_some() && matches!(self.state, OutboxState::Draft | OutboxState::Queued)
    }

    /// Whether somebody has got it already.
    pub fn has_reached(&self) -> bool {
        self.recipients.iter().any(|one| one.state == RecipientState::Sent)
    }
}

/// A message that this pass sends now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub id: OutgoingId,
    pub email: EmailId,
    /// Without angle brackets.
    pub message_id: String,
    pub kind: OutgoingKind,
    pub envelope_from: String,
    /// Those that it has not reached yet.
    pub recipients: Vec<String>,
    /// How often it was tried, this time included.
    pub attempts: i64,
    pub first_tried_at: i64,
    /// It has reached somebody already.
    pub reached: bool,
    pub author: Option<UserId>,
}

/// Puts messages into the outbox. Returns their numbers.
pub fn add_all(db: &mut Database, new: &[NewOutgoing<'_>], now: i64) -> Result<Vec<OutgoingId>> {
    lock(db)?;
    let first = reserve(db, "outgoing", new.len())?;
    let (mut rows, mut recipients) = (Vec::new(), Vec::new());
    for (id, new) in (first..).zip(new) {
        rows.push(OutboxRow {
            id,
            email_id: new.email.0,
            account_id: Some(new.account.0),
            kind: new.kind.as_str(),
            state: new.state.as_str(),
            envelope_from: new.envelope_from,
            due_at: new.due_at,
            attempts: 0,
            is_handed_over: false,
            author_id: new.author.map(|user| user.0),
            created_at: now,
        });
        let state = RecipientState::Pending.as_str();
        recipients.extend(new.recipients.iter().map(|address| RecipientRow { outbox_id: id, address, state }));
    }
    insert_all!(&mut *db, outbox::table, &rows).context("writing the outbox")?;
    insert_all!(&mut *db, outbox_recipients::table, &recipients).context("writing recipients")?;
    Ok(rows.iter().map(|row| OutgoingId(row.id)).collect())
}

#[derive(Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct OutboxRow<'a> {
    id: i64,
    email_id: i64,
    account_id: Option<i64>,
    kind: &'static str,
    state: &'static str,
    envelope_from: &'a str,
    due_at: Option<i64>,
    attempts: i64,
    is_handed_over: bool,
    author_id: Option<i64>,
    created_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = outbox_recipients, treat_none_as_default_value = false)]
struct RecipientRow<'a> {
    outbox_id: i64,
    address: &'a str,
    state: &'static str,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct OutboxFilter {
    pub states: Vec<OutboxState>,
    pub account: Option<AccountId>,
    /// Only what this user wrote.
    pub author: Option<UserId>,
    pub held: bool,
    pub limit: i64,
}

type Row = (
    (i64, i64, String, String, Option<String>, Option<String>),
    (String, String, String),
    (Option<i64>, Option<String>, i64, Option<String>, i64, Option<i64>),
);

/// Lists messages, the newest first.
pub fn list(db: &mut Database, filter: &OutboxFilter) -> Result<Vec<Outgoing>> {
    let mut query = outbox::table.into_boxed();
    if !filter.states.is_empty() {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        query = query.filter(outbox::state.eq_any(states));
    }
    if let Some(account) = filter.account {
        query = query.filter(outbox::account_id.eq(account.0));
    }
    if let Some(author) = filter.author {
        query = query.filter(outbox::author_id.eq(author.0));
    }
    if filter.held {
        let waiting = [OutboxState::Draft, OutboxState::Queued].map(OutboxState::as_str);
        query = query.filter(outbox::held_because.is_not_null()).filter(outbox::state.eq_any(waiting));
    }
    let ids = query.order(outbox::id.desc()).limit(filter.limit).select(outbox::id).load::<i64>(db)?;
    ids.into_iter().map(|id| show(db, OutgoingId(id))).collect()
}

/// Shows one message.
pub fn show(db: &mut Database, id: OutgoingId) -> Result<Outgoing> {
    let row = outbox::table
        .inner_join(emails::table.on(emails::id.eq(outbox::email_id)))
        .left_join(accounts::table.on(accounts::id.nullable().eq(outbox::account_id)))
        .left_join(users::table.on(users::id.nullable().eq(outbox::author_id)))
        .filter(outbox::id.eq(id.0))
        .select((
            (outbox::id, outbox::email_id, outbox::kind, outbox::state, accounts::name.nullable(), users::login.nullable()),
            (emails::message_id, emails::subject, outbox::envelope_from),
            (outbox::due_at, outbox::held_because, outbox::attempts, outbox::last_error, outbox::created_at, outbox::sent_at),
        ))
        .first::<Row>(db)
        .optional()?;
    let Some(((id, email, kind, state, account, author), (message_id, subject, envelope_from), rest)) = row else {
        return Err(missing(id));
    };
    let (due_at, held_because, attempts, last_error, created_at, sent_at) = rest;
    let wrong = |error: String| anyhow!("message {id} of the outbox: {error}");
    Ok(Outgoing {
        id: OutgoingId(id),
        email: EmailId(email),
        kind: kind.parse().map_err(wrong)?,
        state: state.parse().map_err(wrong)?,
        account,
        author,
        message_id,
        subject,
        envelope_from,
        due_at,
        held_because,
        attempts,
        last_error,
        created_at,
        sent_at,
        recipients: recipients(db, id)?,
        sent_copy: copy::of(db, EmailId(email))?,
    })
}

/// Makes the error for a message that is not there, or not for the one who asks.
pub fn missing(id: OutgoingId) -> anyhow::Error {
    Fault::new(Class::Data, format!("there is no message {id} in the outbox")).hint("try: espomail outbox list").into()
}

fn recipients(db: &mut Database, id: i64) -> Result<Vec<Recipient>> {
    let rows = outbox_recipients::table
        .filter(outbox_recipients::outbox_id.eq(id))
        .order(outbox_recipients::address)
        .select((
            outbox_recipients::address,
            outbox_recipients::state,
            outbox_recipients::code,
            outbox_recipients::status,
            outbox_recipients::said,
        ))
        .load::<(String, String, Option<i64>, Option<String>, Option<String>)>(db)?;
    rows.into_iter()
        .map(|(address, state, code, status, said)| {
            let state = state.parse().map_err(|error: String| anyhow!("message {id} of the outbox: {error}"))?;
            Ok(Recipient { address, state, code, status, said })
        })
        .collect()
}

/// Returns the active accounts that have something due, the one that waits longest first.
pub fn due_accounts(db: &mut Database, now: i64) -> Result<Vec<AccountId>> {
    let rows = outbox::table
        .inner_join(accounts::table.on(accounts::id.nullable().eq(outbox::account_id)))
        .filter(accounts::active.eq(true))
        .filter(outbox::due_at.le(now))
        .filter(outbox::state.eq(OutboxState::Queued.as_str()))
        .filter(outbox::held_because.is_null())
        .group_by(accounts::id)
        .order(min(outbox::due_at))
        .select(accounts::id)
        .load::<i64>(db)?;
    Ok(rows.into_iter().map(AccountId).collect())
}

/// How many messages wait to go out through an account, or may have gone.
pub fn waiting(db: &mut Database, account: AccountId) -> Result<i64> {
    let waiting =
        [OutboxState::Draft, OutboxState::Queued, OutboxState::Sending, OutboxState::MaybeSent].map(OutboxState::as_str);
    let of_account = outbox::table.filter(outbox::account_id.eq(account.0)).filter(outbox::state.eq_any(waiting));
    Ok(of_account.select(count_star()).first(db)?)
}

/// Returns the account that a message goes out through.
pub fn account_of(db: &mut Database, id: OutgoingId) -> Result<Option<AccountId>> {
    let account = outbox::table.find(id.0).select(outbox::account_id).first::<Option<i64>>(db).optional()?;
    Ok(account.flatten().map(AccountId))
}

/// How many messages went out through an account since a moment, or go out now (SEND-11). Takes the lock row, so that what is
/// claimed in the same transaction is counted by every other pass.
pub fn sent_since(db: &mut Database, account: AccountId, since: i64) -> Result<i64> {
    lock(db)?;
    let of_account = outbox::table.filter(outbox::account_id.eq(account.0));
    let sent = of_account.filter(outbox::sent_at.ge(since)).select(count_star()).first::<i64>(db)?;
    let sending = of_account.filter(outbox::lease_until.is_not_null()).select(count_star()).first::<i64>(db)?;
    Ok(sent + sending)
}

/// A message that is due and that no other pass has in hand, until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub id: OutgoingId,
    /// Empty is the null path.
    pub envelope_from: String,
    pub author: Option<UserId>,
    email: i64,
    kind: String,
    attempts: i64,
    first_tried_at: Option<i64>,
}

/// Returns the next message of an account that is due, by time then number (SEND-1), or one message by name, unless another pass
/// has it in hand. In the same transaction it is claimed, or held.
pub fn next(db: &mut Database, account: AccountId, only: Option<OutgoingId>, now: i64) -> Result<Option<Due>> {
    type Found = (i64, i64, String, String, i64, Option<i64>, Option<i64>);
    // Every message, or just that one.
    let (first, last) = only.map_or((i64::MIN, i64::MAX), |only| (only.0, only.0));
    let due = outbox::table
        .filter(outbox::account_id.eq(account.0))
        .filter(outbox::state.eq(OutboxState::Queued.as_str()))
        .filter(outbox::due_at.le(now))
        .filter(outbox::held_because.is_null())
        .filter(outbox::id.between(first, last))
        .order((outbox::due_at, outbox::id))
        .select((
            outbox::id,
            outbox::email_id,
            outbox::kind,
            outbox::envelope_from,
            outbox::attempts,
            outbox::first_tried_at,
            outbox::author_id,
        ));
    let found = first_free!(&mut *db, due, Found).optional()?;
    Ok(found.map(|(id, email, kind, envelope_from, attempts, first_tried_at, author)| Due {
        id: OutgoingId(id),
        envelope_from,
        author: author.map(UserId),
        email,
        kind,
        attempts,
        first_tried_at,
    }))
}

/// Claims a message for so many seconds. Two passes never claim the same.
pub fn claim(db: &mut Database, due: Due, owner: &str, now: i64, lease: i64) -> Result<Claimed> {
    let Due { id, envelope_from, author, email, kind, attempts, first_tried_at } = due;
    let kind = kind.parse().map_err(|error: String| anyhow!("message {id} of the outbox: {error}"))?;
    let (attempts, first_tried_at) = (attempts + 1, first_tried_at.unwrap_or(now));
    let until = clock(db, now)? + lease;
    diesel::update(outbox::table.find(id.0))
        .set((
            outbox::state.eq(OutboxState::Sending.as_str()),
            outbox::attempts.eq(attempts),
            outbox::due_at.eq(None::<i64>),
            outbox::lease_owner.eq(owner),
            outbox::lease_until.eq(until),
            outbox::is_handed_over.eq(false),
            outbox::first_tried_at.eq(first_tried_at),
        ))
        .execute(db)?;
    let message_id = emails::table.find(email).select(emails::message_id).first(db)?;
    let all = recipients(db, id.0)?;
    let reached = all.iter().any(|one| one.state == RecipientState::Sent);
    let pending = all.into_iter().filter(|one| one.state == RecipientState::Pending);
    let recipients = pending.map(|one| one.address).collect();
    let email = EmailId(email);
    Ok(Claimed { id, email, message_id, kind, envelope_from, recipients, attempts, first_tried_at, reached, author })
}

/// Marks that the message is about to be handed over: from here on a lost answer means that it may have been sent. Fails when
/// another pass took it over meanwhile.
pub fn hand_over(db: &mut Database, claimed: &Claimed) -> Result<()> {
    let sending = outbox::state.eq(OutboxState::Sending.as_str());
    let marked = diesel::update(ours(claimed).filter(sending)).set(outbox::is_handed_over.eq(true)).execute(db)?;
    if marked == 1 { Ok(()) } else { Err(taken_over(claimed)) }
}

/// The row, unless another pass has claimed it since.
#[diesel::dsl::auto_type(no_type_alias)]
fn ours<'a>(claimed: &'a Claimed) -> _ {
    let (id, attempts): (i64, i64) = (claimed.id.0, claimed.attempts);
    outbox::table.filter(outbox::id.eq(id)).filter(outbox::attempts.eq(attempts))
}

fn taken_over(claimed: &Claimed) -> anyhow::Error {
    Fault::new(Class::TempFail, format!("message {} of the outbox: another pass took it over", claimed.id)).into()
}

/// Writes down what became of a message, and how far it came at each recipient (BOUNCE-2). Fails, and changes nothing, when another
/// pass has it in hand. One that was given up for dead too early still says what became of a message that may have been sent.
pub fn settle(db: &mut Database, claimed: &Claimed, settled: &Settled, now: i64) -> Result<()> {
    let is_sent = matches!(settled.state, OutboxState::Sent);
    let mut open = vec![OutboxState::Sending, OutboxState::MaybeSent];
    if is_sent {
        // A person may have wanted it tried again meanwhile: it need not be.
        open.push(OutboxState::Queued);
    }
    let open = outbox::state.eq_any(open.into_iter().map(OutboxState::as_str));
    let written = diesel::update(ours(claimed).filter(open))
        .set((
            outbox::state.eq(settled.state.as_str()),
            outbox::due_at.eq(settled.due_at),
            outbox::last_error.eq(settled.error.as_deref().map(clean).as_deref()),
            outbox::lease_owner.eq(None::<String>),
            outbox::lease_until.eq(None::<i64>),
            outbox::sent_at.eq(is_sent.then_some(now)),
        ))
        .execute(db)?;
    if written != 1 {
        return Err(taken_over(claimed));
    }
    // A digest tells of what is in the store already: nothing follows from it (NOTIFY-3).
    if settled.is_first && claimed.kind != OutgoingKind::Notification {
        note_reached(db, claimed.id, now)?;
    }
    if settled.is_first {
        copy::want(db, claimed.id, Some(now), now)?;
    }
    for recipient in &settled.recipients {
        diesel::update(outbox_recipients::table.find((claimed.id.0, &recipient.address)))
            .set((
                outbox_recipients::state.eq(recipient.state.as_str()),
                outbox_recipients::code.eq(recipient.code),
                outbox_recipients::status.eq(recipient.status.as_deref()),
                outbox_recipients::said.eq(recipient.said.as_deref().map(clean).as_deref()),
            ))
            .execute(db)?;
        let state = match recipient.state {
            RecipientState::Sent => DeliveryState::Sent,
            RecipientState::Failed => DeliveryState::Failed,
            RecipientState::Pending => continue,
        };
        write_delivery(db, claimed.email, recipient, state, now)?;
    }
    Ok(())
}

/// Notes that something is to follow from a message (SEND-8).
fn note_reached(db: &mut Database, id: OutgoingId, now: i64) -> Result<()> {
    diesel::update(outbox::table.find(id.0)).set(outbox::reached_at.eq(now)).execute(db)?;
    Ok(())
}

/// A message that has reached somebody, and what follows from that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub id: OutgoingId,
    pub email: EmailId,
    /// Everybody whom it goes to, as it is written to the server.
    pub recipients: Vec<String>,
}

/// Returns such messages of an account, so many at the most.
pub fn reached(db: &mut Database, account: AccountId, most: i64) -> Result<Vec<Reached>> {
    let rows = outbox::table
        .filter(outbox::account_id.eq(account.0))
        .filter(outbox::reached_at.is_not_null())
        .order(outbox::id)
        .limit(most)
        .select((outbox::id, outbox::email_id))
        .load::<(i64, i64)>(db)?;
    let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
    let of_messages = outbox_recipients::table.filter(outbox_recipients::outbox_id.eq_any(ids));
    let recipients = of_messages
        .order((outbox_recipients::outbox_id, outbox_recipients::address))
        .select((outbox_recipients::outbox_id, outbox_recipients::address))
        .load::<(i64, String)>(db)?;
    let of = |id| recipients.iter().filter(|(of, _)| *of == id).map(|(_, address)| address.clone()).collect();
    Ok(rows.iter().map(|(id, email)| Reached { id: OutgoingId(*id), email: EmailId(*email), recipients: of(*id) }).collect())
}

/// Notes that what follows from messages is done.
pub fn set_followed(db: &mut Database, messages: &[Reached]) -> Result<()> {
    let ids: Vec<i64> = messages.iter().map(|one| one.id.0).collect();
    diesel::update(outbox::table.filter(outbox::id.eq_any(ids))).set(outbox::reached_at.eq(None::<i64>)).execute(db)?;
    Ok(())
}

/// Returns the accounts of which a pass has died between a message and what follows from it.
pub fn reached_accounts(db: &mut Database) -> Result<Vec<AccountId>> {
    let rows = outbox::table.filter(outbox::reached_at.is_not_null()).select(outbox::account_id).distinct();
    Ok(rows.load::<Option<i64>>(db)?.into_iter().flatten().map(AccountId).collect())
}

fn write_delivery(db: &mut Database, email: EmailId, recipient: &Recipient, state: DeliveryState, now: i64) -> Result<()> {
    let address = address_key(&recipient.address);
    let there = deliveries::table.find((email.0, &address));
    let values = (
        deliveries::state.eq(state.as_str()),
        deliveries::status.eq(recipient.status.as_deref()),
        deliveries::diagnostic.eq(recipient.said.as_deref().map(clean).map(std::borrow::Cow::into_owned)),
        deliveries::changed_at.eq(now),
    );
    if there.count().get_result::<i64>(db)? == 0 {
        diesel::insert_into(deliveries::table)
            .values((deliveries::email_id.eq(email.0), deliveries::address.eq(&address), values))
            .execute(db)?;
    } else {
        diesel::update(there).set(values).execute(db)?;
    }
    Ok(())
}

/// Finds what a pass left behind that died at work, and decides what becomes of it. `repeats` says of a kind and its attempts whether
/// it goes out again although it may have been sent. Returns what waits for a person now.
pub fn recover(
    db: &mut Database,
    is_dead: &dyn Fn(&str) -> bool,
    repeats: &dyn Fn(OutgoingKind, i64) -> bool,
    now: i64,
) -> Result<Vec<(OutgoingId, OutboxState)>> {
    type Left = (i64, String, Option<String>, Option<i64>, bool, i64, Option<i64>);
    // In no order: the few that are under way have an index, and the order would have them looked for among all.
    let mut rows = outbox::table
        .filter(outbox::lease_until.is_not_null())
        .filter(outbox::state.eq(OutboxState::Sending.as_str()))
        .select((
            outbox::id,
            outbox::kind,
            outbox::lease_owner,
            outbox::lease_until,
            outbox::is_handed_over,
            outbox::attempts,
            outbox::first_tried_at,
        ))
        .load::<Left>(db)?;
    rows.sort_by_key(|(id, ..)| *id);
    let clock = if rows.is_empty() { now } else { clock(db, now)? };
    let mut unsure = Vec::new();
    for (id, kind, owner, until, handed_over, seen, first) in rows {
        let is_alive = owner.as_deref().is_some_and(|owner| !is_dead(owner)) && until.is_some_and(|until| until > clock);
        if is_alive {
            continue;
        }
        let kind = kind.parse().map_err(|error: String| anyhow!("message {id} of the outbox: {error}"))?;
        let (first_tried_at, may_repeat) = (first.unwrap_or(now), repeats(kind, seen));
        let tried = Tried { pending: &[], reached: false, attempts: seen, first_tried_at, may_repeat };
        let (state, due_at) = after_death(handed_over, &tried, now);
        let when = if handed_over { "after" } else { "before" };
        let error = format!("the pass died {when} the message was handed over");
        let as_seen = outbox::table
            .filter(outbox::id.eq(id))
            .filter(outbox::state.eq(OutboxState::Sending.as_str()))
            .filter(outbox::attempts.eq(seen));
        let recovered = diesel::update(as_seen)
            .set((
                outbox::state.eq(state.as_str()),
                outbox::due_at.eq(due_at),
                outbox::last_error.eq(error),
                outbox::lease_owner.eq(None::<String>),
                outbox::lease_until.eq(None::<i64>),
            ))
            .execute(db)?;
        if recovered == 1 && state != OutboxState::Queued {
            unsure.push((OutgoingId(id), state));
        }
    }
    Ok(unsure)
}

/// A person's word on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Try it again now, with the same Message-ID.
    Retry,
    /// It was sent after all.
    MarkSent,
    /// Not before somebody releases it.
    Hold,
    /// Let a held message, or a draft, go: at its time, where that is to come.
    Release,
}

/// Does what a person said; an error where the message is not in a state for it.
pub fn change(db: &mut Database, id: OutgoingId, verb: Verb, now: i64) -> Result<()> {
    let before = show(db, id)?;
    let held = before.is_held();
    let is_possible = match verb {
        Verb::Retry => matches!(before.state, OutboxState::Failed | OutboxState::MaybeSent | OutboxState::Queued) && !held,
        Verb::MarkSent => matches!(before.state, OutboxState::MaybeSent | OutboxState::Failed),
        Verb::Hold => before.state == OutboxState::Queued && !held,
        Verb::Release => held || before.state == OutboxState::Draft,
    };
    if !is_possible {
        return Err(not_in_a_state(&before));
    }
    if before.account.is_none() && matches!(verb, Verb::Retry | Verb::Release) {
        let what = format!("the account that message {id} of the outbox was to go out through is gone");
        return Err(Fault::new(Class::Data, what).hint(format!("write it anew, then: espomail outbox drop {id}")).into());
    }
    keep(db, &before)?;
    let row = diesel::update(outbox::table.find(id.0));
    match verb {
        Verb::Retry => {
            row.set((
                outbox::state.eq(OutboxState::Queued.as_str()),
                outbox::held_because.eq(None::<String>),
                outbox::due_at.eq(now),
                outbox::first_tried_at.eq(None::<i64>),
            ))
            .execute(db)?;
            // What was refused for good is asked once more.
            let failed = outbox_recipients::table
                .filter(outbox_recipients::outbox_id.eq(id.0))
                .filter(outbox_recipients::state.eq(RecipientState::Failed.as_str()));
            diesel::update(failed).set(outbox_recipients::state.eq(RecipientState::Pending.as_str())).execute(db)?;
        }
        Verb::MarkSent => {
            row.set((outbox::state.eq(OutboxState::Sent.as_str()), outbox::due_at.eq(None::<i64>), outbox::sent_at.eq(now)))
                .execute(db)?;
            if !before.has_reached() {
                copy::want(db, id, None, now)?;
            }
            if !before.has_reached() && before.kind != OutgoingKind::Notification {
                note_reached(db, id, now)?;
            }
            for recipient in before.recipients.iter().filter(|one| one.state == RecipientState::Pending) {
                diesel::update(outbox_recipients::table.find((id.0, &recipient.address)))
                    .set(outbox_recipients::state.eq(RecipientState::Sent.as_str()))
                    .execute(db)?;
                write_delivery(db, before.email, recipient, DeliveryState::Sent, now)?;
            }
        }
        Verb::Hold => hold(db, id, "a person holds it")?,
        Verb::Release => {
            row.set((
                outbox::state.eq(OutboxState::Queued.as_str()),
                outbox::held_because.eq(None::<String>),
                outbox::due_at.eq(before.due_at.unwrap_or(now)),
                outbox::first_tried_at.eq(None::<i64>),
            ))
            .execute(db)?;
        }
    }
    Ok(())
}

/// Takes the row as it was seen, until the transaction ends: a pass that has claimed it meanwhile comes first.
fn keep(db: &mut Database, seen: &Outgoing) -> Result<()> {
    let as_seen = outbox::table
        .filter(outbox::id.eq(seen.id.0))
        .filter(outbox::state.eq(seen.state.as_str()))
        .filter(outbox::attempts.eq(seen.attempts));
    if diesel::update(as_seen).set(outbox::attempts.eq(seen.attempts)).execute(db)? == 1 {
        return Ok(());
    }
    let now = show(db, seen.id)?;
    Err(not_in_a_state(&now))
}

fn not_in_a_state(message: &Outgoing) -> anyhow::Error {
    let held = if message.is_held() { ", held" } else { "" };
    let what = format!("message {} of the outbox is {}{held}", message.id, message.state);
    Fault::new(Class::Data, what).hint(format!("see: espomail outbox show {}", message.id)).into()
}

/// Keeps a message back until somebody releases it.
pub fn hold(db: &mut Database, id: OutgoingId, because: &str) -> Result<()> {
    diesel::update(outbox::table.find(id.0)).set(outbox::held_because.eq(because)).execute(db)?;
    Ok(())
}

/// Keeps back what a user wrote and what has not gone out: the user is removed.
pub fn hold_all_of(db: &mut Database, author: UserId, because: &str) -> Result<()> {
    let waiting = [OutboxState::Draft, OutboxState::Queued, OutboxState::Sending].map(OutboxState::as_str);
    let of_author = outbox::table.filter(outbox::author_id.eq(author.0)).filter(outbox::state.eq_any(waiting));
    diesel::update(of_author).set(outbox::held_because.eq(because)).execute(db)?;
    Ok(())
}

/// Drops a message that nobody has got, with its e-mail.
pub fn drop_one(db: &mut Database, id: OutgoingId) -> Result<()> {
    let before = show(db, id)?;
    if matches!(before.state, OutboxState::Sending | OutboxState::Sent) {
        return Err(not_in_a_state(&before));
    }
    if before.has_reached() {
        let what = format!("message {id} of the outbox has reached some of its recipients");
        let hint = format!("to end the attempts for the others: espomail outbox hold {id}");
        return Err(Fault::new(Class::Data, what).hint(hint).into());
    }
    keep(db, &before)?;
    let raw: i64 = emails::table.find(before.email.0).select(emails::raw_id).first(db).context("its e-mail is gone")?;
    diesel::delete(emails::table.find(before.email.0)).execute(db)?;
    super::raw::drop_unused(db, raw)
}

/// Refuses to let go of an e-mail that is on its way, or may be.
pub(super) fn must_not_wait(db: &mut Database, email: EmailId) -> Result<()> {
    let waiting = [OutboxState::Queued, OutboxState::Sending, OutboxState::MaybeSent].map(OutboxState::as_str);
    let row = outbox::table
        .filter(outbox::email_id.eq(email.0))
        .filter(outbox::state.eq_any(waiting))
        .select((outbox::id, outbox::state))
        .first::<(i64, String)>(db)
        .optional()?;
    match row {
        None => Ok(()),
        Some((id, state)) => {
            Err(Fault::new(Class::Data, format!("e-mail {email} is message {id} of the outbox, which is {state}"))
                .hint(format!("see: espomail outbox show {id}, espomail outbox drop {id}"))
                .into())
        }
    }
}
