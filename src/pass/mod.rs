//! The order of work: loops, batches, transactions, retries. A pass prints nothing: it returns a report with counts and
//! faults. How far a fault reaches ([`crate::fault::Reach`]) is decided upon in `fetch.rs` and nowhere else.

mod answer;
mod command;
pub mod complete;
pub mod copies;
mod crew;
pub mod effects;
pub mod explain;
pub mod fetch;
mod heartbeat;
pub mod held;
pub mod import;
mod intake;
mod mailbox;
mod memory;
pub mod notify;
pub mod outgoing;
pub mod policy;
pub mod quarantine;
pub mod reprocess;
pub mod review;
pub mod send;
pub mod verdict;
pub mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::words::Fate;

/// How many messages came to which fate.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    /// Counts messages of one fate.
    pub fn count(&mut self, fate: Fate, messages: u64) {
        *self.0.entry(fate.as_str()).or_default() += messages;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Tally) {
        for (fate, messages) in &other.0 {
            *self.0.entry(fate).or_default() += messages;
        }
    }

    /// Returns how many messages came to one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.0.get(fate.as_str()).copied().unwrap_or_default()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing new");
        }
        let parts: Vec<String> = self.0.iter().map(|(fate, messages)| format!("{messages} {fate}")).collect();
        f.write_str(&parts.join(", "))
    }
}

/// Set from a signal handler: the pass ends after the batch in hand.
#[derive(Debug, Default, Clone)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Returns the place for a signal handler to write the signal's number to.
    pub fn place(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    /// Returns the signal that asked the pass to end.
    pub fn signal(&self) -> Option<usize> {
        Some(self.0.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Whether the pass was asked to end.
    pub fn requested(&self) -> bool {
        self.signal().is_some()
    }
}
