//! The wish to end, as a signal brings it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long whoever waits for a server goes on once they were asked to end: for what is on its way already.
const GRACE: Duration = Duration::from_millis(500);

/// Set from a signal handler: a pass ends after the batch in hand, and waits for no server any more.
#[derive(Debug, Default, Clone)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    /// When somebody first saw that.
    seen: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// Returns the place for a signal handler to write the signal's number to.
    pub fn place(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.signal)
    }

    /// Returns the signal that asked for the end.
    pub fn signal(&self) -> Option<usize> {
        Some(self.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Whether somebody asked for the end.
    pub fn requested(&self) -> bool {
        let is_requested = self.signal().is_some();
        if is_requested {
            self.seen.get_or_init(Instant::now);
        }
        is_requested
    }

    /// Whether nothing is waited for any more.
    pub fn is_urgent(&self) -> bool {
        self.requested() && self.seen.get().is_some_and(|seen| seen.elapsed() >= GRACE)
    }
}
