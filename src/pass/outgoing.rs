//! The road of a message of ours into the outbox: draft → bytes → its place → e-mail and outbox row, in one transaction
//! (SEND-4). Message-ID and bytes are fixed here, before anything leaves.

use anyhow::Result;

use crate::decide::Policy;
use crate::decide::outgoing::{self, Order};
use crate::mail::compose::{self, Draft};
use crate::mail::{self, token};
use crate::store::outbox::{self, NewOutgoing};
use crate::store::raw::pack;
use crate::store::{self, Database, apply, facts};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RecordId};

/// A message to put into the outbox.
pub struct Letter<'a> {
    pub draft: &'a Draft,
    pub order: Order,
    /// The account that it goes out through.
    pub account: AccountId,
    pub kind: OutgoingKind,
    /// When to send it, seconds since 1970 UTC; none for a draft.
    pub due_at: Option<i64>,
    pub held_because: Option<&'a str>,
}

/// A message in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    pub id: OutgoingId,
    pub email: EmailId,
}

/// Makes a Message-ID that leads answers back to the record, or just says that it is ours (LINK-1, AUTO-2). The domain is that
/// of the sender.
pub fn message_id(policy: &Policy, record: Option<RecordId>, from: &str, random: [u8; 10], now: i64) -> String {
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let token = token::make(&policy.tokens, record.unwrap_or(RecordId(0)), now);
    token::message_id(token.as_deref(), domain, random)
}

/// Puts a message into the outbox, in the caller's transaction.
pub fn queue(db: &mut Database, letter: &Letter<'_>, now: i64) -> Result<Queued> {
    store::lock(db)?;
    let bytes = compose::compose(letter.draft)?;
    let envelope = compose::envelope(letter.draft)?;
    let mail = mail::parse(&bytes);
    let packed = pack(&bytes, mail.raw_digest);
    let records: Vec<RecordId> = letter.order.parent.into_iter().collect();
    let mut facts = facts::gather_with(db, letter.account, &[&mail], &records, now)?;
    let plan = outgoing::queue(&mail, &letter.order, &mut facts);
    apply::apply_outgoing(db, &facts.next, &mail, &packed, &plan, now)?;
    let Some(email) = plan.email else { anyhow::bail!("the plan names no e-mail") };
    let new = NewOutgoing {
        email,
        account: letter.account,
        kind: letter.kind,
        state: if letter.due_at.is_some() || letter.held_because.is_some() { OutboxState::Queued } else { OutboxState::Draft },
        envelope_from: &envelope.from,
        recipients: &envelope.recipients,
        due_at: letter.due_at,
        held_because: letter.held_because,
        author: letter.order.author,
    };
    let id = outbox::add(db, &new, now)?;
    Ok(Queued { id, email })
}
