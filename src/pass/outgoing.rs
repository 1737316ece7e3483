//! The road of a message of ours into the outbox: draft → bytes → its place → e-mail and outbox row, in one transaction
//! (SEND-4). Message-ID and bytes are fixed here, before anything leaves.

use anyhow::{Context, Result};

use crate::decide::outgoing::{self, Order};
use crate::decide::{Plan, Policy};
use crate::mail::compose::{self, Draft, Envelope};
use crate::mail::{self, Mail, token};
use crate::store::outbox::{self, NewOutgoing};
use crate::store::raw::{Packed, pack};
use crate::store::{self, Database, apply, facts};
use crate::words::{AccountId, EmailId, OutboxState, OutgoingId, OutgoingKind, RecordId};

/// A message to put into the outbox.
pub struct Outbound {
    mail: Mail,
    packed: Packed,
    envelope: Envelope,
    order: Order,
    kind: OutgoingKind,
    due_at: Option<i64>,
}

impl Outbound {
    /// Writes a draft. `due_at` is when to send it, in seconds since 1970 UTC; none for a draft.
    pub fn new(draft: &Draft, order: Order, kind: OutgoingKind, due_at: Option<i64>) -> Result<Self> {
        let bytes = compose::compose(draft)?;
        let envelope = compose::envelope(draft)?;
        let mail = mail::parse_for_rules(&bytes);
        let packed = pack(&bytes, mail.raw_digest);
        Ok(Self { mail, packed, envelope, order, kind, due_at })
    }
}

/// A message in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    pub id: OutgoingId,
    pub email: EmailId,
}

/// Makes a Message-ID that leads answers back to the record, or just says that it is ours (LINK-1, AUTO-2). The domain is that
/// of the sender, in IDNA form.
pub fn message_id(policy: &Policy, record: Option<RecordId>, from: &str, random: [u8; 10], now: i64) -> String {
    let key = mail::address_key(from);
    let domain = key.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let token = token::make(&policy.tokens, record.unwrap_or(RecordId(0)), now);
    token::message_id(token.as_deref(), domain, random)
}

/// Puts a message into the outbox, in the caller's transaction; `account` is the one that it goes out through.
pub fn queue(db: &mut Database, account: AccountId, letter: &Outbound, now: i64) -> Result<Queued> {
    let queued = queue_all(db, account, std::slice::from_ref(letter), now)?;
    queued.into_iter().next().context("nothing was queued")
}

/// The same for many, with as many statements as for one.
pub fn queue_all(db: &mut Database, account: AccountId, letters: &[Outbound], now: i64) -> Result<Vec<Queued>> {
    store::lock(db)?;
    let mails: Vec<&Mail> = letters.iter().map(|letter| &letter.mail).collect();
    let records: Vec<RecordId> = letters.iter().filter_map(|letter| letter.order.parent).collect();
    let followed: Vec<EmailId> = letters.iter().filter_map(|letter| letter.order.follows).collect();
    let mut facts = facts::gather_for(db, account, &mails, (&records, &followed), now)?;
    let plans: Vec<Plan> = letters.iter().map(|letter| outgoing::queue(&letter.mail, &letter.order, &mut facts)).collect();
    let placed: Vec<_> = letters.iter().zip(&plans).map(|(letter, plan)| (&letter.mail, &letter.packed, plan)).collect();
    apply::apply_outgoing(db, &facts.next, &placed, now)?;
    let mut new = Vec::new();
    for (letter, plan) in letters.iter().zip(&plans) {
        new.push(NewOutgoing {
            email: plan.email.context("the plan names no e-mail")?,
            account,
            kind: letter.kind,
            state: if letter.due_at.is_some() { OutboxState::Queued } else { OutboxState::Draft },
            envelope_from: &letter.envelope.from,
            recipients: &letter.envelope.recipients,
            due_at: letter.due_at,
            author: letter.order.author,
        });
    }
    let ids = outbox::add_all(db, &new, now)?;
    Ok(ids.into_iter().zip(new).map(|(id, new)| Queued { id, email: new.email }).collect())
}
