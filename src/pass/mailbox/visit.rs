//! What one mailbox is polled with, and what is known of it meanwhile.

use std::time::Instant;

use crate::decide::Policy;
use crate::decide::filter::Filter;
use crate::mailbox::{Opened, Server};
use crate::pass::Stop;
use crate::pass::intake::{Gate, Passed};
use crate::pass::memory::Memory;
use crate::pass::witness::{Watch, Witness};
use crate::store::account::Account;
use crate::store::lease::Lease;
use crate::store::position::Position;
use crate::words::EmailId;

/// How many UIDs are asked for their sizes at once.
pub(super) const LISTED_AT_ONCE: usize = 2_000;

/// What bounds a pass over a mailbox.
pub struct Limits<'a> {
    /// Messages per mailbox and pass (FETCH-7).
    pub messages: Option<usize>,
    /// When the account's time is over; the batch in hand is finished.
    pub until: Instant,
    pub batch_messages: usize,
    pub batch_bytes: u64,
    pub max_message_size: u64,
    pub memory: &'a Memory,
    pub stop: &'a Stop,
}

impl Limits<'_> {
    pub fn spent(&self) -> bool {
        self.stop.requested() || Instant::now() >= self.until
    }
}

/// Everything that one poll of a mailbox works with.
pub struct Poll<'a> {
    pub account: &'a Account,
    pub server: &'a Server<'a>,
    pub lease: &'a Lease,
    pub lease_seconds: i64,
    pub policy: &'a Policy,
    pub limits: &'a Limits<'a>,
    pub now: &'a (dyn Fn() -> i64 + Sync),
    /// After a death: one message at a time (FETCH-6).
    pub careful: bool,
    /// Who looks on while the pass is rehearsed.
    pub witness: Option<&'a Witness>,
}

/// One mailbox of one poll.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    pub poll: &'a Poll<'a>,
    pub mailbox: &'a str,
    /// What the server said when it opened.
    pub opened: &'a Opened,
    pub position: &'a Position,
    pub gate: &'a Gate<'a>,
    /// Import filters, when one of them can skip a message by its header.
    pub filters: &'a [Filter],
}

/// Where a batch of a mailbox goes.
pub(super) fn gate<'a>(poll: &Poll<'a>, mailbox: &'a str, position: &Position) -> Gate<'a> {
    Gate {
        account: poll.account.id,
        position: position.id,
        lease: Some(poll.lease),
        lease_seconds: poll.lease_seconds,
        policy: poll.policy,
        quiet_before: position.quiet_before,
        watch: poll.witness.map(|witness| Watch { account: &poll.account.name, mailbox, witness }),
        note: None,
    }
}

/// A UID above the position.
pub(super) enum Due {
    Take(u32),
    /// It gets its fate without being read.
    Pass(Passed),
}

impl Due {
    /// The stored e-mail that it was found to be.
    pub fn stored(&self) -> Option<EmailId> {
        if let Self::Pass(passed) = self { passed.email } else { None }
    }

    pub fn uid(&self) -> i64 {
        match self {
            Self::Take(uid) => i64::from(*uid),
            Self::Pass(passed) => passed.uid,
        }
    }
}

/// What is known of the server and the mailbox while it is polled.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The server has handed over a message of this mailbox, so that one that it does not hand over has only itself to blame.
    pub delivers: bool,
    /// In the answer for the messages up to this UID the connection broke.
    pub broken_to: Option<u32>,
    /// It broke at the message that was asked for last: at the next one, too, it is the line's fault.
    pub was_cut: bool,
    /// It broke while what came was deflated.
    pub deflates_badly: bool,
}
