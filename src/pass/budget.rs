//! The bytes of messages that all accounts together may hold in memory (FETCH-7).

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of bytes that readers take before they fetch and give back once the batch is committed.
pub struct Budget {
    total: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

/// Bytes taken from a [`Budget`]; given back when dropped.
pub struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// Makes a budget of so many bytes.
    pub fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), returned: Condvar::new() }
    }

    /// Waits until the bytes are free. One message larger than the whole budget gets all of it, so that it passes alone.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_7_a_reader_waits_until_bytes_come_back_and_a_giant_passes_alone() {
        let budget = Budget::new(10);
        let first = budget.take(8);
        std::thread::scope(|scope| {
            let giant = scope.spawn(|| drop(budget.take(1_000)));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!giant.is_finished());
            drop(first);
        });
        drop(budget.take(10));
    }
}
