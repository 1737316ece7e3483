//! What an attempt makes of a message, and what follows from it, in one transaction: the stream, the inboxes of those of us whom it
//! went to, the author who hears of a failure (SEND-6, SEND-8).

use anyhow::{Context, Result};

use super::{Sent, Turn};
use crate::decide::delivery::{self, Attempt, Recipient, Tried, may_repeat};
use crate::decide::{Arrival, Plan, outgoing};
use crate::mail::{self, Address};
use crate::store::outbox::{self, Claimed, Outgoing, Verb};
use crate::store::{Database, apply, facts, raw};
use crate::words::{AccountId, EmailId, OutgoingId, OutgoingKind, PositionId, RecipientState, UserId};

impl Turn<'_> {
    /// Writes down what became of a message.
    pub(super) fn settle(&mut self, claimed: &Claimed, attempt: Attempt) -> Result<Sent> {
        let now = (self.setting.now)();
        let tried = Tried {
            pending: &claimed.recipients,
            reached: claimed.reached,
            attempts: claimed.attempts,
            first_tried_at: claimed.first_tried_at,
            may_repeat: may_repeat(self.setting.repeat_replies, claimed.kind, claimed.attempts),
        };
        let settled = delivery::settle(attempt, &tried, now);
        let failed: Vec<&Recipient> = settled.recipients.iter().filter(|one| one.state == RecipientState::Failed).collect();
        let account = self.account.id;
        self.store.transaction(|db| {
            outbox::settle(db, claimed, &settled, now)?;
            let of = Of { id: claimed.id, email: claimed.email, kind: claimed.kind, author: claimed.author };
            follow(db, account, &of, settled.is_first, &failed, now)
        })?;
        let (outbox, email, account) = (claimed.id, claimed.email, self.account.name.clone());
        Ok(Sent { outbox, email, account, state: settled.state, error: settled.error })
    }
}

/// A person's word that a message was sent after all: what would have followed from the server's word follows from it. In the
/// caller's transaction.
pub fn mark_sent(db: &mut Database, message: &Outgoing, now: i64) -> Result<()> {
    outbox::change(db, message.id, Verb::MarkSent, now)?;
    if message.has_reached() {
        return Ok(());
    }
    // Without its account nobody can say what follows; what it says and to whom is filed all the same.
    let Some(account) = outbox::account_of(db, message.id)? else { return Ok(()) };
    let of = Of { id: message.id, email: message.email, kind: message.kind, author: None };
    follow(db, account, &of, true, &[], now)
}

/// The message that something follows from.
struct Of {
    id: OutgoingId,
    email: EmailId,
    kind: OutgoingKind,
    /// Who hears of a failure.
    author: Option<UserId>,
}

fn follow(db: &mut Database, account: AccountId, of: &Of, is_first: bool, failed: &[&Recipient], now: i64) -> Result<()> {
    // A digest tells of what is in the store already: nothing follows from it (NOTIFY-3).
    let is_first = is_first && of.kind != OutgoingKind::Notification;
    if !is_first && failed.is_empty() {
        return Ok(());
    }
    let bytes = raw::raw_of(db, of.email)?.context("its raw bytes are gone")?;
    let mut mail = mail::parse(&bytes);
    // Whom nobody sees in the header is in the envelope alone.
    let seen: Vec<String> = mail.to.iter().chain(&mail.cc).map(Address::key).collect();
    let all = outbox::addresses(db, of.id)?.into_iter().map(|address| Address { name: String::new(), address });
    mail.bcc = all.filter(|address| !seen.contains(&address.key())).collect();
    let mut facts = facts::gather(db, account, &[&mail], now)?;
    let mut plan = if is_first { outgoing::sent(of.email, &mail, &mut facts) } else { Plan::new() };
    if let Some(author) = of.author.filter(|_| !failed.is_empty()) {
        outgoing::tell_of_failure(of.email, author, failed, &facts, &mut plan);
    }
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false };
    apply::apply_to_stored(db, &facts.next, &arrival, &mail, &plan, now).map(drop)
}
