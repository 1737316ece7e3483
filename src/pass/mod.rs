//! The order of work: loops, batches, transactions, retries. A pass prints nothing: it returns a report with counts and
//! faults. How far a fault reaches ([`crate::fault::Reach`]) is decided upon in `fetch.rs` and nowhere else.

mod afterwards;
mod answer;
mod command;
pub(crate) mod complete;
pub(crate) mod copies;
pub mod crew;
pub(crate) mod effects;
pub(crate) mod explain;
pub(crate) mod fetch;
pub mod hand;
pub(crate) mod handout;
mod heartbeat;
pub(crate) mod held;
pub(crate) mod import;
pub(crate) mod index;
mod intake;
pub(crate) mod mailbox;
mod memory;
pub(crate) mod moving;
pub(crate) mod notify;
pub mod outgoing;
pub(crate) mod person;
pub(crate) mod picked;
pub(crate) mod policy;
pub(crate) mod prune;
pub(crate) mod quarantine;
pub(crate) mod reconcile;
pub mod record;
pub(crate) mod reprocess;
pub mod restored;
pub mod rights;
pub(crate) mod send;
pub(crate) mod skipped;
pub(crate) mod storage;
pub(crate) mod token;
pub(crate) mod transfer;
pub(crate) mod verdict;
pub(crate) mod wait;
pub(crate) mod witness;

use std::collections::BTreeMap;

use crate::decide::{Plan, digest};
use crate::fault::{Class, Fault};
use crate::plural::doing;
use crate::words::Fate;

pub use crate::net::Stop;

/// How many messages came to which fate.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    #[serde(flatten)]
    fates: BTreeMap<&'static str, u64>,
    /// Cases that were not opened, or not opened again, because a budget is spent (ACK-3): nobody looks at these by themselves.
    #[serde(skip)]
    pub held: u64,
    /// E-mails that wait for a person's word (LINK-3): who may give it is told; whoever runs the pass hears of it once.
    #[serde(skip)]
    pub for_review: u64,
    /// E-mails that reached nobody (INBOX-1).
    #[serde(skip)]
    pub of_nobody: u64,
    /// Cases that were opened for nobody, though their account gives them to somebody (DIST-1).
    #[serde(skip)]
    pub for_nobody: u64,
    /// Where each message stood that went to quarantine, and why.
    #[serde(skip)]
    pub set_aside: Vec<String>,
    /// Messages of which it is said now that their server does not hand them over (FETCH-6).
    #[serde(skip)]
    pub lost: Vec<Lost>,
}

/// A message that its server lists and does not hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    pub mailbox: String,
    pub uid: i64,
    /// The server's words.
    pub error: String,
}

impl Tally {
    /// Counts messages of one fate.
    pub fn count(&mut self, fate: Fate, messages: u64) {
        *self.fates.entry(fate.as_str()).or_default() += messages;
    }

    /// Counts a message by what was decided about it.
    pub fn decided(&mut self, plan: &Plan) {
        self.count(plan.fate, 1);
        self.held += u64::from(plan.holds_a_case());
        self.for_review += u64::from(plan.waits());
        self.of_nobody += u64::from(plan.of_nobody);
        self.for_nobody += u64::from(plan.for_nobody);
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Tally) {
        for (fate, messages) in &other.fates {
            *self.fates.entry(fate).or_default() += messages;
        }
        self.held += other.held;
        self.for_review += other.for_review;
        self.of_nobody += other.of_nobody;
        self.for_nobody += other.for_nobody;
        self.set_aside.extend_from_slice(&other.set_aside);
        self.lost.extend_from_slice(&other.lost);
    }

    /// Returns how many messages came to one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.fates.get(fate.as_str()).copied().unwrap_or_default()
    }

    /// Returns the fault that tells a person of what went to quarantine: once, as it is there from now on.
    pub fn quarantined_fault(&self, account: &str) -> Option<anyhow::Error> {
        let count = self.of(Fate::Quarantined);
        if count == 0 {
            return None;
        }
        let which = self.set_aside.join(", ");
        let what = format!(
            "account {account}: {} kept whole in quarantine: {which}",
            doing(count, "message", "could not be processed and is", "could not be processed and are")
        );
        Some(Fault::new(Class::Data, what).hint("try: espomail quarantine list").into())
    }

    /// Returns the fault that tells a person of what a server does not hand over.
    pub fn lost_fault(&self, account: &str) -> Option<anyhow::Error> {
        let first = self.lost.first()?;
        let named = format!("mailbox {}: UID {}: {}", first.mailbox, first.uid, first.error);
        let what = match self.lost.len() {
            1 => "the server lists a message and does not hand it over".to_string(),
            lost => format!("the server lists {lost} messages and does not hand them over"),
        };
        let what = format!("account {account}: {what}: {named}");
        Some(Fault::new(Class::Data, what).hint("it is asked again each day; see: espomail quarantine list").into())
    }

    /// Returns the fault that tells a person of what is held.
    pub fn held_fault(&self, account: &str) -> Option<anyhow::Error> {
        let what = match self.held {
            0 => return None,
            1 => "a case is held back".to_string(),
            held => format!("{held} cases are held back"),
        };
        let what = format!("account {account}: {what}, as a budget is spent; the mail is in");
        Some(Fault::new(Class::Data, what).hint("try: espomail budget list").into())
    }
}

impl Tally {
    /// Whether something reached nobody, or was opened for nobody: administrators are to hear of it.
    pub const fn is_news_of_nobody(&self) -> bool {
        self.of_nobody > 0 || self.for_nobody > 0
    }

    /// Says that cases were opened for nobody, and what shows them.
    pub fn for_nobody(&self) -> Option<String> {
        (self.for_nobody > 0).then(|| digest::opened_for_nobody(self.for_nobody))
    }

    /// Returns whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.fates.is_empty()
    }

    /// Returns the fault that tells a person of what waits for a word.
    pub fn review_fault(&self, account: &str) -> Option<anyhow::Error> {
        let what = match self.for_review {
            0 => return None,
            1 => "an e-mail is held and waits for a person's word".to_string(),
            held => format!("{held} e-mails are held and wait for a person's word"),
        };
        Some(Fault::new(Class::Data, format!("account {account}: {what}")).hint("try: espomail review list").into())
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing new");
        }
        let parts: Vec<String> = self.fates.iter().map(|(fate, messages)| format!("{messages} {fate}")).collect();
        f.write_str(&parts.join(", "))?;
        match self.of_nobody {
            0 => Ok(()),
            of_nobody => write!(f, "; {of_nobody} reached nobody, see espomail email list --of-nobody"),
        }
    }
}
