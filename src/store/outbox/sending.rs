//! What passes do with the outbox: claim, mark, settle, and find what one that died has left behind; what follows from messages that
//! have reached somebody (SEND-8) is noted with the outcome, and done behind it.

use std::collections::HashMap;

use anyhow::Result;
use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::super::dialect::{all_free, clock, due, first_free};
use super::super::schema::{accounts, emails, outbox, outbox_recipients};
use super::super::{Database, IN_LIST, clean, copy, lock};
use super::list::recipients;
use crate::clock::is_due;
use crate::decide::delivery::{Death, LONGEST_PAUSE, Recipient};
use crate::fault::{Class, Fault};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RecipientState, UserId};

/// What `sent_since` looks back over, and how far the clocks of two hosts may differ, in seconds.
const HOUR: i64 = 3_600;
pub(in crate::store) const SKEW: i64 = 60;

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
    /// It goes out once more (SEND-6).
    pub is_resent: bool,
    pub author: Option<UserId>,
    /// What stood there before it was claimed: when it was due, and when it was tried first.
    before: (Option<i64>, Option<i64>),
}

/// Whether a queued message is due. A time that a person chose counts as it is: nobody has tried such a message, and its time was
/// later than the one it was written at. Every other time is a pause, and none is longer than the longest.
macro_rules! is_time {
    ($now:expr) => {{
        let at_once = outbox::attempts.eq(0).and(outbox::due_at.le(outbox::created_at.nullable()));
        let rested = outbox::attempts.gt(0).and(due!(outbox::due_at, $now, LONGEST_PAUSE));
        outbox::due_at.le($now).or(at_once).or(rested)
    }};
}

/// Returns the active accounts that have something due, the one that waits longest first.
pub fn due_accounts(db: &mut Database, now: i64) -> Result<Vec<AccountId>> {
    let rows = outbox::table
        .inner_join(accounts::table.on(accounts::id.nullable().eq(outbox::account_id)))
        .filter(accounts::active.eq(true))
        .filter(is_time!(now))
        .filter(outbox::state.eq(OutboxState::Queued))
        .filter(outbox::held_because.is_null())
        .group_by(accounts::id)
        .order(min(outbox::due_at))
        .select(accounts::id)
        .load(db)?;
    Ok(rows)
}

/// How many messages were handed over through an account since a moment, whatever became of them, or are about to be (SEND-11).
/// Takes the lock row, so that what is claimed in the same transaction is counted by every other pass.
pub fn sent_since(db: &mut Database, account: AccountId, since: i64) -> Result<i64> {
    lock(db)?;
    // In one look: what is handed over meanwhile, which takes no lock, is on one side or on the other. The account stands on both, as
    // each has an index of its own.
    let of_account = || outbox::account_id.eq(account);
    // What a clock that was ahead wrote down is of no hour of today.
    let of_late = outbox::handed_over_at.ge(since).and(outbox::handed_over_at.le(since.saturating_add(HOUR + SKEW)));
    let sent = of_account().and(of_late);
    let sending = of_account().and(outbox::lease_until.is_not_null()).and(outbox::is_handed_over.eq(false));
    Ok(outbox::table.filter(sent.or(sending)).select(count_star()).first(db)?)
}

/// A message that is due and that no other pass has in hand, until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Due {
    pub id: OutgoingId,
    /// Empty is the null path.
    pub envelope_from: String,
    pub author: Option<UserId>,
    email: EmailId,
    kind: OutgoingKind,
    attempts: i64,
    first_tried_at: Option<i64>,
    due_at: Option<i64>,
    is_resent: bool,
}

/// Returns the next messages of an account that are due, by time then number (SEND-1), so many at the most, or one message by name, but
/// for those that another pass has in hand. In the same transaction they are claimed, or held.
pub fn next(db: &mut Database, account: AccountId, only: Option<OutgoingId>, most: usize, now: i64) -> Result<Vec<Due>> {
    // Every message, or just that one.
    let (first, last) = only.map_or((OutgoingId(i64::MIN), OutgoingId(i64::MAX)), |only| (only, only));
    let due = outbox::table
        .filter(outbox::account_id.eq(account))
        .filter(outbox::state.eq(OutboxState::Queued))
        .filter(is_time!(now))
        .filter(outbox::held_because.is_null())
        .filter(outbox::id.between(first, last))
        .order((outbox::due_at, outbox::id))
        .select((
            outbox::id,
            outbox::envelope_from,
            outbox::author_id,
            outbox::email_id,
            outbox::kind,
            outbox::attempts,
            outbox::first_tried_at,
            outbox::due_at,
            outbox::is_resent,
        ));
    Ok(all_free!(&mut *db, due, i64::try_from(most)?, Due)?)
}

/// Claims messages for so many seconds. Two passes never claim the same.
pub fn claim(db: &mut Database, due: Vec<Due>, owner: &str, now: i64, lease: i64) -> Result<Vec<Claimed>> {
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<OutgoingId> = due.iter().map(|one| one.id).collect();
    let until = clock(db, now)? + lease;
    diesel::update(outbox::table.filter(outbox::id.eq_any(&ids)))
        .set((
            outbox::state.eq(OutboxState::Sending),
            outbox::attempts.eq(outbox::attempts + 1),
            outbox::due_at.eq(None::<i64>),
            outbox::lease_owner.eq(owner),
            outbox::lease_until.eq(until),
            outbox::is_handed_over.eq(false),
            outbox::sent_at.eq(None::<i64>),
        ))
        .execute(db)?;
    let is_first = outbox::first_tried_at.is_null().or(outbox::first_tried_at.gt(now));
    let first = outbox::table.filter(outbox::id.eq_any(&ids)).filter(is_first);
    diesel::update(first).set(outbox::first_tried_at.eq(now)).execute(db)?;
    claimed(db, due.into_iter().map(|due| Due { attempts: due.attempts + 1, ..due }).collect(), now)
}

/// Gives back what was claimed and not begun, as if nobody had claimed it.
pub fn give_back<'a>(db: &mut Database, ahead: impl IntoIterator<Item = &'a Claimed>) -> Result<()> {
    for claimed in ahead {
        let (due_at, first_tried_at) = claimed.before;
        diesel::update(ours(claimed).filter(outbox::state.eq(OutboxState::Sending)))
            .set((
                outbox::state.eq(OutboxState::Queued),
                outbox::attempts.eq(claimed.attempts - 1),
                outbox::due_at.eq(due_at),
                outbox::lease_owner.eq(None::<String>),
                outbox::lease_until.eq(None::<i64>),
                outbox::first_tried_at.eq(first_tried_at),
            ))
            .execute(db)?;
    }
    Ok(())
}

fn claimed(db: &mut Database, due: Vec<Due>, now: i64) -> Result<Vec<Claimed>> {
    let (ids, of): (Vec<OutgoingId>, Vec<EmailId>) = due.iter().map(|one| (one.id, one.email)).unzip();
    let message_ids = emails::table.filter(emails::id.eq_any(of)).select((emails::id, emails::message_id));
    let message_ids: HashMap<EmailId, String> = message_ids.load(db)?.into_iter().collect();
    let mut all = recipients(db, &ids)?;
    let claimed = |due: Due| {
        let Due { id, envelope_from, author, email, kind, attempts, first_tried_at, due_at, is_resent } = due;
        let all = all.remove(&id).unwrap_or_default();
        let reached = all.iter().any(|one| one.state == RecipientState::Sent);
        let pending = all.into_iter().filter(|one| one.state == RecipientState::Pending);
        Claimed {
            id,
            email,
            message_id: message_ids.get(&email).cloned().unwrap_or_default(),
            kind,
            envelope_from,
            recipients: pending.map(|one| one.address).collect(),
            attempts,
            first_tried_at: first_tried_at.map_or(now, |first| first.min(now)),
            reached,
            is_resent,
            author,
            before: (due_at, first_tried_at),
        }
    };
    Ok(due.into_iter().map(claimed).collect())
}

/// Marks that the message is about to be handed over: from here on a lost answer means that it may have been sent, but not to those whom
/// the server has refused, for now or for good. Fails when another pass took it over meanwhile.
pub fn hand_over(db: &mut Database, claimed: &Claimed, refused: &[Recipient], now: i64) -> Result<()> {
    let sending = outbox::state.eq(OutboxState::Sending);
    let mark = (outbox::is_handed_over.eq(true), outbox::handed_over_at.eq(now));
    let marked = diesel::update(ours(claimed).filter(sending)).set(mark).execute(db)?;
    if marked != 1 {
        return Err(taken_over(claimed));
    }
    if claimed.attempts > 1 {
        // What was said the last time is over.
        let pending = outbox_recipients::outbox_id.eq(claimed.id).and(outbox_recipients::state.eq(RecipientState::Pending));
        let nothing = (
            outbox_recipients::code.eq(None::<i64>),
            outbox_recipients::status.eq(None::<String>),
            outbox_recipients::said.eq(None::<String>),
        );
        diesel::update(outbox_recipients::table.filter(pending)).set(nothing).execute(db)?;
    }
    refused.iter().try_for_each(|one| judge(db, claimed.id, one))
}

/// Writes down what a server says of a recipient.
pub(super) fn judge(db: &mut Database, id: OutgoingId, recipient: &Recipient) -> Result<()> {
    diesel::update(outbox_recipients::table.find((id, &recipient.address)))
        .set((
            outbox_recipients::state.eq(recipient.state),
            outbox_recipients::code.eq(recipient.code),
            outbox_recipients::status.eq(recipient.status.as_deref()),
            outbox_recipients::said.eq(recipient.said.as_deref().map(clean).as_deref()),
        ))
        .execute(db)?;
    Ok(())
}

/// The row, unless another pass has claimed it since.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn ours<'a>(claimed: &'a Claimed) -> _ {
    let (id, attempts): (OutgoingId, i64) = (claimed.id, claimed.attempts);
    outbox::table.filter(outbox::id.eq(id)).filter(outbox::attempts.eq(attempts))
}

pub(super) fn taken_over(claimed: &Claimed) -> anyhow::Error {
    Fault::new(Class::TempFail, format!("message {} of the outbox: another pass took it over", claimed.id))
        .hint(format!("see: espomail outbox show {}", claimed.id))
        .into()
}

/// A message that a pass has claimed and not settled.
pub struct Unsettled {
    pub claimed: Claimed,
    pub account: Option<AccountId>,
    /// How far it had come when its pass died.
    pub death: Death,
    owner: Option<String>,
    is_expired: bool,
}

impl Unsettled {
    /// Whether the pass that has it is dead, or has had it for too long. One that is seen to live has it, whatever the clock says.
    pub fn is_left_behind(&self, is_dead: &dyn Fn(&str) -> bool, is_alive: &dyn Fn(&str) -> bool) -> bool {
        let Some(owner) = self.owner.as_deref() else { return true };
        is_dead(owner) || (self.is_expired && !is_alive(owner))
    }
}

/// Returns the states of messages as they are now.
pub fn states(db: &mut Database, of: &[OutgoingId]) -> Result<HashMap<OutgoingId, OutboxState>> {
    let mut states = HashMap::new();
    for some in of.chunks(IN_LIST) {
        let rows = outbox::table.filter(outbox::id.eq_any(some)).select((outbox::id, outbox::state));
        states.extend(rows.load::<(OutgoingId, OutboxState)>(db)?);
    }
    Ok(states)
}

/// Returns the messages that are under way.
pub fn under_way(db: &mut Database) -> Result<Vec<OutgoingId>> {
    // In no order: the few have an index, and the order would have them looked for among all.
    let mut ids = outbox::table.filter(outbox::lease_until.is_not_null()).select(outbox::id).load::<OutgoingId>(db)?;
    ids.sort_unstable();
    Ok(ids)
}

/// Returns a message that is under way, and keeps it until the transaction ends: whoever sends it cannot mark it meanwhile. None when
/// it is settled by now, or is being so. A claim lasts `lease` seconds.
pub fn unsettled(db: &mut Database, id: OutgoingId, now: i64, lease: i64) -> Result<Option<Unsettled>> {
    type Message = (OutgoingId, EmailId, OutgoingKind, String, bool);
    type Lease = (Option<AccountId>, Option<String>, Option<i64>, bool, Option<i64>);
    type Found = (Message, (i64, Option<i64>, Option<UserId>), Lease);
    let sending = outbox::table.filter(outbox::id.eq(id)).filter(outbox::state.eq(OutboxState::Sending)).select((
        (outbox::id, outbox::email_id, outbox::kind, outbox::envelope_from, outbox::is_resent),
        (outbox::attempts, outbox::first_tried_at, outbox::author_id),
        (outbox::account_id, outbox::lease_owner, outbox::lease_until, outbox::is_handed_over, outbox::sent_at),
    ));
    let found = first_free!(&mut *db, sending, Found).optional()?;
    let Some(((id, email, kind, envelope_from, is_resent), (attempts, first_tried_at, author), rest)) = found else {
        return Ok(None);
    };
    let (account, owner, until, is_handed_over, sent_at) = rest;
    let death = match (is_handed_over, sent_at) {
        (false, _) => Death::Before,
        (true, None) => Death::After,
        (true, Some(_)) => Death::Taken,
    };
    let due = Due { id, envelope_from, author, email, kind, attempts, first_tried_at, due_at: None, is_resent };
    let Some(claimed) = claimed(db, vec![due], i64::MAX)?.pop() else { return Ok(None) };
    let clock = clock(db, now)?;
    let is_expired = until.is_none_or(|until| is_due(until, clock, lease));
    Ok(Some(Unsettled { claimed, account, death, owner, is_expired }))
}

/// A digest tells of what is in the store already: nothing follows from it (NOTIFY-3).
pub(super) const fn is_followed(kind: OutgoingKind) -> bool {
    !matches!(kind, OutgoingKind::Notification)
}

/// Notes that a message has reached somebody for the first time: what follows from that (SEND-8), and a copy where its account asks
/// for one (SEND-7). Without a time, it was sent when it was first tried.
pub(super) fn note_reached(db: &mut Database, id: OutgoingId, kind: OutgoingKind, sent_at: Option<i64>, now: i64) -> Result<()> {
    if is_followed(kind) {
        diesel::update(outbox::table.find(id)).set(outbox::reached_at.eq(now)).execute(db)?;
    }
    copy::want(db, &[id], sent_at, now)
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
