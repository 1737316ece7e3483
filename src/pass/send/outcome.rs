//! What an attempt makes of a message (SEND-6), and what follows from it (SEND-8): the stream, the inboxes of those of us whom it
//! went to, the e-mail that it answers. The outcome is written at once; what follows is noted with it, and done for many
//! messages in one transaction.

use anyhow::Result;

use super::{Sent, Turn};
use crate::decide::delivery::{self, Attempt, Recipient, Settled, Tried, may_repeat};
use crate::decide::{Arrival, Plan, outgoing};
use crate::fault::step;
use crate::mail::{self, Address, Mail};
use crate::store::outbox::{self, Claimed, Outgoing, Reached, Verb};
use crate::store::{self, Database, apply, facts, raw};
use crate::words::{AccountId, PositionId, RecipientState};

/// How many messages are followed up in one transaction, and their size together, in bytes, beyond which none is added.
pub(super) const BATCH: i64 = 64;
const BATCH_BYTES: usize = 16 << 20;

/// A message that was tried, and what became of it.
pub(super) struct Done {
    pub claimed: Claimed,
    pub settled: Settled,
}

impl Turn<'_> {
    /// Decides what became of a message.
    pub(super) fn settled(&self, claimed: Claimed, attempt: Attempt) -> Done {
        let tried = Tried {
            pending: &claimed.recipients,
            reached: claimed.reached,
            attempts: claimed.attempts,
            first_tried_at: claimed.first_tried_at,
            may_repeat: may_repeat(self.setting.repeat_replies, claimed.kind, claimed.attempts),
        };
        let settled = delivery::settle(attempt, &tried, (self.setting.now)());
        Done { claimed, settled }
    }

    /// Does what follows from the messages that the account has sent, by this pass or by one that died.
    pub(super) fn follow_up(&mut self, faults: &mut Vec<anyhow::Error>) -> Result<()> {
        let (account, now) = (self.account.id, (self.setting.now)());
        let mut most = BATCH;
        loop {
            step();
            match self.store.transaction(|db| follow(db, account, most, now)) {
                Ok(0) => return Ok(()),
                Ok(_) => most = BATCH,
                Err(error) if !store::is_message_fault(&error) => return Err(error),
                // One of them alone is at fault: it must not keep the others.
                Err(_) if most > 1 => most = 1,
                Err(error) => {
                    let one = self.store.transaction(|db| {
                        let first = outbox::reached(db, account, 1)?;
                        outbox::set_followed(db, &first)?;
                        Ok(first)
                    })?;
                    let which: Vec<String> = one.iter().map(|one| one.email.to_string()).collect();
                    faults.push(error.context(format!("what follows from e-mail {} cannot be written", which.join(", "))));
                }
            }
        }
    }
}

impl Done {
    /// Writes it down, and tells the author of those whom the message does not reach. In the caller's transaction.
    pub fn write(&self, db: &mut Database, account: AccountId, now: i64) -> Result<()> {
        let Self { claimed, settled } = self;
        outbox::settle(db, claimed, settled, now)?;
        let failed: Vec<&Recipient> = settled.recipients.iter().filter(|one| one.state == RecipientState::Failed).collect();
        let (Some(author), false) = (claimed.author, failed.is_empty()) else { return Ok(()) };
        let Some(bytes) = raw::raw_of(db, claimed.email)? else { return Ok(()) };
        let mail = mail::parse(&bytes);
        let facts = facts::gather(db, account, &[&mail], now)?;
        let mut plan = Plan::new();
        outgoing::tell_of_failure(claimed.email, author, &failed, &facts, &mut plan);
        let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false };
        apply::apply_to_stored(db, &facts.next, &arrival, &mail, &plan, now).map(drop)
    }

    /// What is told of it.
    pub fn told(&self, account: &str) -> Sent {
        let Self { claimed, settled } = self;
        Sent {
            outbox: claimed.id,
            email: claimed.email,
            account: account.to_string(),
            state: settled.state,
            error: settled.error.clone(),
        }
    }
}

/// A person's word that a message was sent after all: what would have followed from the server's word follows from it. In the
/// caller's transaction.
pub fn mark_sent(db: &mut Database, message: &Outgoing, now: i64) -> Result<()> {
    outbox::change(db, message.id, Verb::MarkSent, now)?;
    // Without its account nobody can say what follows.
    if let Some(account) = outbox::account_of(db, message.id)? {
        while follow(db, account, BATCH, now)? > 0 {}
    }
    Ok(())
}

/// Does what follows from some messages of an account. Returns how many they were.
fn follow(db: &mut Database, account: AccountId, most: i64, now: i64) -> Result<usize> {
    store::lock(db)?;
    let mut reached = outbox::reached(db, account, most)?;
    let mut letters: Vec<Mail> = Vec::new();
    let mut size = 0;
    for one in &reached {
        if size > BATCH_BYTES {
            break;
        }
        let bytes = raw::raw_of(db, one.email)?.unwrap_or_default();
        size += bytes.len();
        letters.push(letter(&bytes, one));
    }
    reached.truncate(letters.len());
    if reached.is_empty() {
        return Ok(0);
    }
    let mut facts = facts::gather(db, account, &letters.iter().collect::<Vec<_>>(), now)?;
    let plans: Vec<Plan> = reached.iter().zip(&letters).map(|(one, mail)| outgoing::sent(one.email, mail, &mut facts)).collect();
    apply::apply_sent(db, &facts.next, &letters.iter().zip(&plans).collect::<Vec<_>>(), now)?;
    outbox::set_followed(db, &reached)?;
    Ok(reached.len())
}

/// Reads a message with all its recipients: whom nobody sees in the header is in the envelope alone.
fn letter(bytes: &[u8], reached: &Reached) -> Mail {
    let mut mail = mail::parse(bytes);
    let seen: Vec<String> = mail.to.iter().chain(&mail.cc).map(Address::key).collect();
    let all = reached.recipients.iter().map(|address| Address { name: String::new(), address: address.clone() });
    mail.bcc = all.filter(|address| !seen.contains(&address.key())).collect();
    mail
}
