//! What an attempt makes of a message (SEND-6), and what follows from it (SEND-8): the stream, the inboxes of those of us whom it
//! went to, the e-mail that it answers. The outcome is written at once; what follows is noted with it, and done for many
//! messages in one transaction.

use anyhow::Result;
use serde::Serialize;

use crate::decide::access::Permitted;
use crate::decide::delivery::{self, Recipient, Settled, Tried};
use crate::decide::{Plan, outgoing};
use crate::fault::{Class, Fault};
use crate::mail::{self, Address, Mail};
use crate::store::outbox::{self, ByHand, Claimed, Outgoing, Reached, Unsettled};
use crate::store::raw::{self, Left};
use crate::store::{self, Database, apply, facts, hook, user};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RecipientState};

/// How many messages are followed up in one transaction, and their size together, in bytes, beyond which none is added.
pub(super) const BATCH: i64 = 64;
const BATCH_BYTES: usize = 16 << 20;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub outbox: OutgoingId,
    pub email: EmailId,
    pub account: String,
    pub state: OutboxState,
    pub error: Option<String>,
}

/// A message that was tried, and what became of it.
pub(super) struct Done {
    pub claimed: Claimed,
    pub settled: Settled,
}

/// Whether an error is the database's or the storage's and not a message's.
pub(super) fn is_everybodys(error: &anyhow::Error) -> bool {
    matches!(store::class_of(error), Class::Unavailable | Class::TempFail | Class::Io | Class::Config) && !raw::is_alone(error)
}

impl Done {
    /// What becomes of a message whose pass died.
    pub fn after_death(left: Unsettled, may_repeat: bool, now: i64) -> Self {
        let Unsettled { claimed, death, .. } = left;
        let settled = delivery::after_death(death, &tried(&claimed, may_repeat), now);
        Self { claimed, settled }
    }

    /// Writes it down, and tells the author of those whom the message does not reach, or that nobody knows. In the caller's
    /// transaction.
    pub fn write(&self, db: &mut Database, account: AccountId, now: i64) -> Result<()> {
        let Self { claimed, settled } = self;
        self.write_alone(db, now)?;
        let is_doubtful = settled.state == OutboxState::MaybeSent;
        if !is_doubtful && !settled.recipients.iter().any(|one| one.state == RecipientState::Failed) {
            return Ok(());
        }
        let error = settled.error.as_deref().unwrap_or("a server refused it");
        hook::undelivered(db, claimed.email, account, settled.state.as_str(), error, now)?;
        let message = outbox::show(db, claimed.id)?;
        // Whoever wrote it may be gone meanwhile.
        let author = message.author.as_deref().map(|login| user::active(db, login)).transpose()?.flatten();
        let Some(author) = author else { return Ok(()) };
        // That it cannot be read may be why it failed.
        let mail = mail::parse_for_rules(&raw::raw_of(db, claimed.email).ok().flatten().unwrap_or_default());
        let facts = facts::gather(db, account, &[&mail], now)?;
        // All of them: what is said now takes the place of what was said before.
        let failed: Vec<&Recipient> = message.recipients.iter().filter(|one| one.state == RecipientState::Failed).collect();
        let mut plan = Plan::new();
        if is_doubtful {
            let error = settled.error.as_deref().unwrap_or_default();
            outgoing::tell_of_doubt(claimed.email, author, error, &facts, &mut plan);
        } else {
            outgoing::tell_of_failure(claimed.email, author, &failed, &facts, &mut plan);
        }
        apply::apply_sent(db, &facts.next, &[(&mail, &plan)], now)
    }

    /// Whether it was taken for everybody at the first attempt: nobody need be told of anything, and the note in its row says it all.
    pub fn is_plain(&self) -> bool {
        let Self { claimed, settled } = self;
        let is_taken = |one: &Recipient| one.state == RecipientState::Sent;
        claimed.attempts == 1 && settled.is_first && settled.recipients.iter().all(is_taken)
    }

    /// Writes down what became of several, those that are plain together. In the caller's transaction.
    pub fn write_all(all: &[Self], db: &mut Database, account: AccountId, now: i64) -> Result<()> {
        let plain: Vec<_> = all.iter().filter(|done| done.is_plain()).map(|done| (&done.claimed, &done.settled)).collect();
        for (claimed, settled) in outbox::settle_taken(db, &plain, now)? {
            outbox::settle(db, claimed, settled, now)?;
        }
        all.iter().filter(|done| !done.is_plain()).try_for_each(|done| done.write(db, account, now))
    }

    /// Writes down what became of the message, and nothing else.
    pub fn write_alone(&self, db: &mut Database, now: i64) -> Result<()> {
        outbox::settle(db, &self.claimed, &self.settled, now)
    }

    /// What somebody must do about it who reads what the pass says: find out whether it arrived, or hear of a failure of which nobody
    /// else is told, as the service account that wrote it is no user.
    pub fn fault(&self) -> Option<anyhow::Error> {
        let Self { claimed, settled } = self;
        let (id, why) = (claimed.id, settled.error.as_deref().unwrap_or_default());
        let is_written = matches!(claimed.kind, OutgoingKind::Message | OutgoingKind::Reply | OutgoingKind::Forward);
        let fault = match settled.state {
            OutboxState::MaybeSent => {
                Fault::new(Class::TempFail, format!("message {id} of the outbox may have been sent: {why}"))
                    .hint(format!("find out, then: espomail outbox mark-sent {id}, or: espomail outbox retry {id}"))
            }
            OutboxState::Failed if claimed.author.is_none() && is_written => {
                Fault::new(Class::Data, format!("message {id} of the outbox failed: {why}"))
                    .hint(format!("see: espomail outbox show {id}"))
            }
            _ => return None,
        };
        Some(fault.into())
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

pub(super) fn tried(claimed: &Claimed, may_repeat: bool) -> Tried<'_> {
    let Claimed { recipients, reached, is_resent, attempts, first_tried_at, .. } = claimed;
    Tried {
        pending: recipients,
        reached: *reached,
        is_resent: *is_resent,
        attempts: *attempts,
        first_tried_at: *first_tried_at,
        may_repeat,
    }
}

/// A person's word that a message was sent after all: what would have followed from the server's word follows from it. In the
/// caller's transaction.
pub fn mark_sent(db: &mut Database, message: &Permitted<'_, Outgoing>, now: i64) -> Result<()> {
    outbox::change(db, message, ByHand::MarkSent, now)?;
    let id = message.thing().id;
    // Without its account nobody can say what follows.
    if let Some(account) = outbox::account_of(db, id)? {
        follow(db, account, Some(id), now)?;
    }
    Ok(())
}

/// Does what follows from some messages of an account, or from one.
pub(super) fn follow(db: &mut Database, account: AccountId, only: Option<OutgoingId>, now: i64) -> Result<()> {
    store::lock(db)?;
    let mut reached = outbox::reached(db, account, only, BATCH)?;
    let mut letters: Vec<Mail> = Vec::new();
    let mut size = 0;
    for one in &reached {
        if size > BATCH_BYTES {
            break;
        }
        // A letter to one who was erased since has lost its bytes: there is nothing more to tell of it.
        let bytes = match raw::left_of(db, one.email)? {
            Some(Left::Kept(bytes)) => bytes,
            Some(Left::Pruned(_)) | None => Vec::new(),
        };
        size += bytes.len();
        letters.push(letter(&bytes, one));
    }
    reached.truncate(letters.len());
    if reached.is_empty() {
        return Ok(());
    }
    let mut facts = facts::gather(db, account, &letters.iter().collect::<Vec<_>>(), now)?;
    let plans: Vec<Plan> = reached.iter().zip(&letters).map(|(one, mail)| outgoing::sent(one.email, mail, &mut facts)).collect();
    apply::apply_sent(db, &facts.next, &letters.iter().zip(&plans).collect::<Vec<_>>(), now)?;
    outbox::set_followed(db, &reached.iter().map(|one| one.id).collect::<Vec<_>>())
}

/// Reads a message with all its recipients: whom nobody sees in the header is in the envelope alone.
fn letter(bytes: &[u8], reached: &Reached) -> Mail {
    let mut mail = mail::parse_for_rules(bytes);
    let seen: Vec<String> = mail.to.iter().chain(&mail.cc).map(Address::key).collect();
    let all = reached.recipients.iter().map(|address| Address { name: String::new(), address: address.clone() });
    mail.bcc = all.filter(|address| !seen.contains(&address.key())).collect();
    mail
}
