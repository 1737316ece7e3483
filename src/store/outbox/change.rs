//! What people do with messages that go out. Each change holds the row as it was seen: a pass that has claimed it comes first.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::super::schema::{emails, outbox, outbox_recipients};
use super::super::{Database, access, raw};
use super::list::{Outgoing, show};
use super::sending::note_reached;
use crate::decide::access::Permitted;
use crate::decide::delivery::Recipient;
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::store::address::{self, Came, write_deliveries};
use crate::words::{DeliveryState, EmailId, OutboxState, OutgoingId, RecipientState, RecordId, Rule, UserId};

/// A person's word on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHand {
    /// Try it again now, with the same Message-ID.
    Retry,
    /// It was sent after all.
    MarkSent,
    /// Not before somebody releases it.
    Hold,
    /// Let a held message, or a draft, go: at its time, where that is to come. A draft waits for so many seconds first, as
    /// everything that people write.
    Release { delay: i64 },
}

/// Why a message waits that a person keeps back.
const BY_HAND: &str = "a person holds it";

/// What is added to why a message is held where the database was put back: it may have been released since.
const ALSO_RESTORED: &str = "; and the database was put back from a copy: it may have gone out already";

impl ByHand {
    const fn action(self) -> &'static str {
        match self {
            Self::Retry => "outbox retry",
            Self::MarkSent => "outbox mark-sent",
            Self::Hold => "outbox hold",
            Self::Release { .. } => "outbox release",
        }
    }
}

/// Does what a person said; an error where the message is not in a state for it.
pub fn change(db: &mut Database, message: &Permitted<'_, Outgoing>, verb: ByHand, now: i64) -> Result<()> {
    let id = message.thing().id;
    let before = show(db, id)?;
    let (held, is_draft) = (before.is_held(), before.state == OutboxState::Draft);
    let is_possible = match verb {
        ByHand::Retry => matches!(before.state, OutboxState::Failed | OutboxState::MaybeSent | OutboxState::Queued) && !held,
        // What is held may have gone out from another copy of the database.
        ByHand::MarkSent => matches!(before.state, OutboxState::MaybeSent | OutboxState::Failed) || (held && !is_draft),
        // What a person holds is not let go with what waits because the database was put back.
        ByHand::Hold => before.state == OutboxState::Queued && (!held || before.held_rule == Some(Rule::Send12)),
        ByHand::Release { .. } => held || before.state == OutboxState::Draft,
    };
    if !is_possible {
        return Err(not_in_a_state(&before));
    }
    if before.account.is_none() && matches!(verb, ByHand::Retry | ByHand::Release { .. }) {
        let what = format!("the account that message {id} of the outbox was to go out through is gone");
        return Err(Fault::new(Class::Data, what).hint(format!("write it anew, then: espomail outbox drop {id}")).into());
    }
    keep(db, &before)?;
    // Not a time that somebody chose: the clock may be wrong at this moment.
    let at_once = if before.attempts == 0 { before.created_at.min(now) } else { now };
    let row = diesel::update(outbox::table.find(id));
    match verb {
        ByHand::Retry => {
            row.set((
                outbox::state.eq(OutboxState::Queued),
                Hold::default(),
                outbox::due_at.eq(at_once),
                outbox::first_tried_at.eq(None::<i64>),
            ))
            .execute(db)?;
            // What was refused for good is asked once more.
            let failed = outbox_recipients::table
                .filter(outbox_recipients::outbox_id.eq(id))
                .filter(outbox_recipients::state.eq(RecipientState::Failed));
            diesel::update(failed).set(outbox_recipients::state.eq(RecipientState::Pending)).execute(db)?;
        }
        ByHand::MarkSent => {
            if !before.has_reached() {
                note_reached(db, id, before.kind, None, now)?;
            }
            // Whom the server had put off when the connection broke did not get it.
            let put_off = |one: &Recipient| one.state == RecipientState::Pending && one.code.is_some_and(|code| code / 100 == 4);
            let mut seen = before;
            let all = seen.recipients.len();
            if seen.account.is_some() {
                seen.recipients.retain(|one| !put_off(one));
            }
            let is_for_later = seen.recipients.len() < all;
            let said = address::reported(db, seen.email)?;
            end(db, &seen, (RecipientState::Sent, DeliveryState::Sent), now)?;
            // It left, and did not arrive: a report may have come before the person's word (BOUNCE-2).
            said.iter().try_for_each(|row| address::set_delivery(db, row, now))?;
            if is_for_later {
                row.set((outbox::state.eq(OutboxState::Queued), outbox::due_at.eq(now), outbox::sent_at.eq(None::<i64>)))
                    .execute(db)?;
            }
        }
        // That it may have gone out from another copy of the database is said when it is released (SEND-12).
        ByHand::Hold if before.held_restored => {
            let held_because = Some(format!("{BY_HAND}{ALSO_RESTORED}"));
            row.set(Hold { held_because, held_rule: None, held_restored: true }).execute(db)?;
        }
        ByHand::Hold => hold(db, id, &BY_HAND.into())?,
        ByHand::Release { delay } => {
            let is_late = before.state == OutboxState::Draft && delay > 0;
            let at = if is_late { now + delay } else { before.due_at.unwrap_or(at_once) };
            row.set((
                outbox::state.eq(OutboxState::Queued),
                Hold::default(),
                outbox::due_at.eq(at),
                outbox::first_tried_at.eq(None::<i64>),
            ))
            .execute(db)?;
        }
    }
    trace(db, message, verb.action(), now)
}

fn trace(db: &mut Database, message: &Permitted<'_, Outgoing>, action: &str, now: i64) -> Result<()> {
    let Outgoing { id, message_id, .. } = message.thing();
    access::record(db, message.permit(), action, &format!("outbox:{id}"), message_id, now)
}

/// Ends the attempts: what becomes of those who had no answer yet is a person's word.
fn end(db: &mut Database, message: &Outgoing, (state, delivery): (RecipientState, DeliveryState), now: i64) -> Result<()> {
    let id = message.id;
    diesel::update(outbox::table.find(id))
        .set((outbox::state.eq(OutboxState::Sent), outbox::due_at.eq(None::<i64>), outbox::sent_at.eq(now)))
        .execute(db)?;
    for recipient in message.recipients.iter().filter(|one| one.state == RecipientState::Pending) {
        diesel::update(outbox_recipients::table.find((id, &recipient.address)))
            .set(outbox_recipients::state.eq(state))
            .execute(db)?;
    }
    let pending = message.recipients.iter().filter(|one| one.state == RecipientState::Pending);
    write_deliveries(db, pending.map(|one| Came::of(message.email, one, delivery, now)))
}

/// SEND-6: lets a letter that was sent go out once more, in the same bytes and with the same Message-ID: to some of those whom it went to, or to
/// all. What followed from it then does not follow again. Returns to whom.
pub fn resend(db: &mut Database, message: &Permitted<'_, Outgoing>, to: &[String], due_at: i64, now: i64) -> Result<Vec<String>> {
    let id = message.thing().id;
    let before = show(db, id)?;
    if before.state != OutboxState::Sent {
        return Err(not_in_a_state(&before));
    }
    if before.account.is_none() {
        let what = format!("the account that message {id} of the outbox went out through is gone");
        return Err(Fault::new(Class::Data, what).hint(format!("try: espomail email forward {}", before.email)).into());
    }
    let is_of = |one: &Recipient, address: &str| address_key(&one.address) == address_key(address);
    if let Some(other) = to.iter().find(|address| !before.recipients.iter().any(|one| is_of(one, address))) {
        let all: Vec<&str> = before.recipients.iter().map(|one| one.address.as_str()).collect();
        let what = format!("e-mail {} did not go to {other}, but to {}", before.email, all.join(", "));
        return Err(Fault::new(Class::Data, what).hint(format!("try: espomail email forward {}", before.email)).into());
    }
    keep(db, &before)?;
    let chosen = before.recipients.iter().filter(|one| to.is_empty() || to.iter().any(|address| is_of(one, address)));
    let chosen: Vec<String> = chosen.map(|one| one.address.clone()).collect();
    diesel::update(outbox::table.find(id))
        .set((
            outbox::state.eq(OutboxState::Queued),
            Hold::default(),
            outbox::due_at.eq(due_at),
            outbox::first_tried_at.eq(None::<i64>),
            (outbox::was_sent_at.eq(outbox::sent_at), outbox::sent_at.eq(None::<i64>)),
            // What was only marked as sent was never tried.
            outbox::attempts.eq(before.attempts.max(1)),
            outbox::is_resent.eq(true),
        ))
        .execute(db)?;
    // What was said of them stands until something else is.
    for one in &before.recipients {
        let state = if chosen.contains(&one.address) { RecipientState::Pending } else { one.state };
        let was_failed = outbox_recipients::was_failed.eq(one.state == RecipientState::Failed);
        diesel::update(outbox_recipients::table.find((id, &one.address)))
            .set((outbox_recipients::state.eq(state), was_failed))
            .execute(db)?;
    }
    trace(db, message, "email resend", now)?;
    Ok(chosen)
}

/// Takes back that a letter goes out once more: who had it has it, as far as anybody knows, and who had been refused has not. Whom it
/// reached meanwhile it has reached.
fn take_back(db: &mut Database, before: &Outgoing) -> Result<()> {
    let not_now = outbox_recipients::outbox_id.eq(before.id).and(outbox_recipients::state.ne(RecipientState::Sent));
    for (was_failed, state) in [(false, RecipientState::Sent), (true, RecipientState::Failed)] {
        let those = outbox_recipients::table.filter(not_now).filter(outbox_recipients::was_failed.eq(was_failed));
        diesel::update(those).set(outbox_recipients::state.eq(state)).execute(db)?;
    }
    diesel::update(outbox::table.find(before.id))
        .set((
            outbox::state.eq(OutboxState::Sent),
            Hold::default(),
            outbox::due_at.eq(None::<i64>),
            outbox::sent_at.eq(outbox::was_sent_at),
        ))
        .execute(db)?;
    Ok(())
}

/// Takes the row as it was seen, until the transaction ends: a pass that has claimed it meanwhile comes first.
fn keep(db: &mut Database, seen: &Outgoing) -> Result<()> {
    let as_seen = outbox::table
        .filter(outbox::id.eq(seen.id))
        .filter(outbox::state.eq(seen.state))
        .filter(outbox::attempts.eq(seen.attempts));
    let is_kept = diesel::update(as_seen).set(outbox::attempts.eq(seen.attempts)).execute(db)? == 1;
    let now = show(db, seen.id)?;
    // A colleague may have held or released it.
    if is_kept && now.is_held() == seen.is_held() { Ok(()) } else { Err(not_in_a_state(&now)) }
}

fn not_in_a_state(message: &Outgoing) -> anyhow::Error {
    let held = if message.is_held() { ", held" } else { "" };
    let what = format!("message {} of the outbox is {}{held}", message.id, message.state);
    Fault::new(Class::Data, what).hint(format!("see: espomail outbox show {}", message.id)).into()
}

/// Why a message waits for a person's word; by default it does not.
#[derive(Default, AsChangeset)]
#[diesel(table_name = outbox, treat_none_as_null = true)]
struct Hold {
    held_because: Option<String>,
    held_rule: Option<Rule>,
    held_restored: bool,
}

impl Hold {
    fn of(because: &Reason) -> Self {
        Self {
            held_because: Some(because.to_string()),
            held_rule: because.rule,
            held_restored: because.rule == Some(Rule::Send12),
        }
    }
}

/// Keeps a message back until somebody releases it.
pub fn hold(db: &mut Database, id: OutgoingId, because: &Reason) -> Result<()> {
    diesel::update(outbox::table.find(id)).set(Hold::of(because)).execute(db)?;
    Ok(())
}

/// Keeps a message back for whatever keeps back the one in whose place it comes.
pub fn hold_like(db: &mut Database, id: OutgoingId, before: &Outgoing) -> Result<()> {
    let Outgoing { held_because, held_rule, held_restored, .. } = before.clone();
    diesel::update(outbox::table.find(id)).set(Hold { held_because, held_rule, held_restored }).execute(db)?;
    Ok(())
}

/// Keeps back what a user wrote and what has not gone out: the user is removed. What was held before stays held for what it was. Returns how
/// many messages that are.
pub fn hold_all_of(db: &mut Database, author: UserId, because: &Reason) -> Result<usize> {
    let waiting = [OutboxState::Draft, OutboxState::Queued, OutboxState::Sending];
    let of_author = || outbox::table.filter(outbox::author_id.eq(author)).filter(outbox::state.eq_any(waiting));
    let also = format!("; {because}");
    let told = outbox::held_because.eq(outbox::held_because.concat(also.into_sql::<Nullable<Text>>()));
    let held = diesel::update(of_author().filter(outbox::held_because.is_not_null())).set(told).execute(db)?;
    Ok(held + diesel::update(of_author().filter(outbox::held_because.is_null())).set(Hold::of(because)).execute(db)?)
}

/// Keeps back what is on its way, but for one message: the database was put back from a copy. What was held before stays held for what it was,
/// and this is added to that.
pub fn hold_restored(db: &mut Database, but: Option<OutgoingId>, because: &Reason) -> Result<usize> {
    let held = outbox::table
        .filter(outbox::state.eq(OutboxState::Queued))
        .filter(outbox::held_because.is_not_null())
        .filter(outbox::held_restored.eq(false));
    let told = outbox::held_because.eq(outbox::held_because.concat(ALSO_RESTORED.into_sql::<Nullable<Text>>()));
    diesel::update(held).set((told, outbox::held_restored.eq(true))).execute(db)?;
    let waiting = [OutboxState::Queued, OutboxState::Sending];
    let others = outbox::id.ne(but.unwrap_or(OutgoingId(i64::MIN)));
    let queued = outbox::table.filter(outbox::state.eq_any(waiting)).filter(others).filter(outbox::held_because.is_null());
    Ok(diesel::update(queued).set(Hold::of(because)).execute(db)?)
}

/// For how long the clock of an IMAP server may have been ahead, in seconds: so far the writer's own date counts as well.
const AHEAD: i64 = 86_400;

/// Keeps back those of answers that are to e-mails which had arrived by a moment: by the clock of their server, or else by their own date.
pub fn hold_answers(db: &mut Database, answers: &[(OutgoingId, EmailId)], until: i64, because: &Reason) -> Result<()> {
    let to: Vec<EmailId> = answers.iter().map(|(_, email)| *email).collect();
    let by_date = emails::arrived_at.le(until.saturating_add(AHEAD)).and(emails::header_date.assume_not_null().le(until));
    let by_date = emails::header_date.is_not_null().and(by_date);
    let early = emails::table.filter(emails::id.eq_any(to)).filter(emails::arrived_at.le(until).or(by_date)).select(emails::id);
    let early: HashSet<EmailId> = early.load(db)?.into_iter().collect();
    let held: Vec<OutgoingId> = answers.iter().filter(|(_, email)| early.contains(email)).map(|(id, _)| *id).collect();
    diesel::update(outbox::table.filter(outbox::id.eq_any(held))).set(Hold::of(because)).execute(db)?;
    Ok(())
}

/// The same of what was written in a record, which is deleted.
pub fn hold_all_in(db: &mut Database, record: RecordId, because: &Reason) -> Result<usize> {
    let waiting = [OutboxState::Draft, OutboxState::Queued, OutboxState::Sending];
    let letters = emails::table.filter(emails::parent_id.eq(record)).select(emails::id);
    let of_record = outbox::table.filter(outbox::email_id.eq_any(letters)).filter(outbox::state.eq_any(waiting));
    Ok(diesel::update(of_record.filter(outbox::held_because.is_null())).set(Hold::of(because)).execute(db)?)
}

/// Drops a message with its e-mail; one that somebody has got already is given up for the others, and stays. Returns whether it is
/// gone.
pub fn drop_one(db: &mut Database, message: &Permitted<'_, Outgoing>, now: i64) -> Result<bool> {
    let id = message.thing().id;
    let before = show(db, id)?;
    if matches!(before.state, OutboxState::Sending | OutboxState::Sent) {
        return Err(not_in_a_state(&before));
    }
    if before.state == OutboxState::MaybeSent {
        let what = format!("message {id} of the outbox may have been sent, so its e-mail stays");
        return Err(Fault::new(Class::Data, what)
            .hint(format!("say what is true: espomail outbox mark-sent {id}, or: espomail outbox retry {id}"))
            .into());
    }
    keep(db, &before)?;
    trace(db, message, "outbox drop", now)?;
    if before.is_resent {
        take_back(db, &before)?;
        return Ok(false);
    }
    if before.has_reached() {
        end(db, &before, (RecipientState::Failed, DeliveryState::Failed), now)?;
        return Ok(false);
    }
    let raws = raw::all_of(db, &[before.email])?;
    diesel::delete(emails::table.find(before.email)).execute(db)?;
    raw::drop_unused(db, &raws)?;
    Ok(true)
}
