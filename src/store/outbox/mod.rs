//! Messages that go out, and how far each has come (SEND-6). `sending` is committed before the connection and a mark before the
//! final dot; whoever finds such a row left behind knows what may have happened.

mod change;
mod list;
mod sending;
mod settle;

use anyhow::{Context, Result};
use diesel::dsl::count_star;
use diesel::prelude::*;

pub use change::{ByHand, change, drop_one, hold, hold_all_in, hold_all_of, hold_answers, hold_like, hold_restored, resend};
pub use list::{OnItsWay, OutboxFilter, Outgoing, count, is_handed_over, list, missing, of_email, on_its_way, show};
pub(super) use sending::SKEW;
pub use sending::{
    Claimed, Due, Reached, Unsettled, claim, due_accounts, give_back, hand_over, next, reached, reached_accounts, sent_since,
    set_followed, states, under_way, unsettled,
};
pub use settle::{note_taken, settle, settle_taken};

use super::dialect::insert_all;
use super::schema::{outbox, outbox_recipients};
use super::{Database, lock, reserve};
use crate::fault::{Class, Fault};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RecipientState, UserId};

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

/// Puts messages into the outbox. Returns their numbers.
pub fn add_all(db: &mut Database, new: &[NewOutgoing<'_>], now: i64) -> Result<Vec<OutgoingId>> {
    lock(db)?;
    let first = reserve(db, "outgoing", new.len())?;
    let (mut rows, mut recipients) = (Vec::new(), Vec::new());
    for (id, new) in (first..).map(OutgoingId).zip(new) {
        rows.push(OutboxRow {
            id,
            email_id: new.email,
            account_id: Some(new.account),
            kind: new.kind,
            state: new.state,
            envelope_from: new.envelope_from,
            due_at: new.due_at,
            attempts: 0,
            is_handed_over: false,
            author_id: new.author,
            created_at: now,
        });
        let state = RecipientState::Pending;
        recipients.extend(new.recipients.iter().map(|address| RecipientRow { outbox_id: id, address, state }));
    }
    insert_all!(&mut *db, outbox::table, &rows).context("writing the outbox")?;
    insert_all!(&mut *db, outbox_recipients::table, &recipients).context("writing recipients")?;
    Ok(rows.iter().map(|row| row.id).collect())
}

#[derive(Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct OutboxRow<'a> {
    id: OutgoingId,
    email_id: EmailId,
    account_id: Option<AccountId>,
    kind: OutgoingKind,
    state: OutboxState,
    envelope_from: &'a str,
    due_at: Option<i64>,
    attempts: i64,
    is_handed_over: bool,
    author_id: Option<UserId>,
    created_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = outbox_recipients, treat_none_as_default_value = false)]
struct RecipientRow<'a> {
    outbox_id: OutgoingId,
    address: &'a str,
    state: RecipientState,
}

/// How many messages wait to go out through an account, or may have gone.
pub fn waiting(db: &mut Database, account: AccountId) -> Result<i64> {
    let waiting = [OutboxState::Draft, OutboxState::Queued, OutboxState::Sending, OutboxState::MaybeSent];
    // From some that went something is to follow still.
    let is_open = outbox::state.eq_any(waiting).or(outbox::reached_at.is_not_null());
    let of_account = outbox::table.filter(outbox::account_id.eq(account)).filter(is_open);
    Ok(of_account.select(count_star()).first(db)?)
}

/// Returns the account that a message goes out through.
pub fn account_of(db: &mut Database, id: OutgoingId) -> Result<Option<AccountId>> {
    let account = outbox::table.find(id).select(outbox::account_id).first::<Option<AccountId>>(db).optional()?;
    Ok(account.flatten())
}

/// Refuses to let go of an e-mail that is on its way, or may be.
pub fn must_not_wait(db: &mut Database, email: EmailId) -> Result<()> {
    let waits = |state| matches!(state, OutboxState::Queued | OutboxState::Sending | OutboxState::MaybeSent);
    let Some(OnItsWay { message, state }) = on_its_way(db, email)?.filter(|one| waits(one.state)) else { return Ok(()) };
    Err(Fault::new(Class::Data, format!("e-mail {email} is message {message} of the outbox, which is {state}"))
        .hint(format!("see: espomail outbox show {message}, espomail outbox drop {message}"))
        .into())
}
