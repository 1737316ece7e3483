//! The bytes of messages that all accounts together may hold in memory (FETCH-7).

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of bytes that readers take before they fetch and give back once the batch is committed.
pub struct Memory {
    total: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

/// Bytes taken from a [`Memory`]; given back when dropped.
pub struct Share<'a> {
    memory: &'a Memory,
    bytes: u64,
}

impl Memory {
    /// Makes so many bytes free.
    pub fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), returned: Condvar::new() }
    }

    /// Waits until the bytes are free. One message larger than the whole of it gets all of it, so that it passes alone.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Share { memory: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.memory.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.memory.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_7_a_reader_waits_until_bytes_come_back_and_a_giant_passes_alone() {
        let memory = Memory::new(10);
        let first = memory.take(8);
        std::thread::scope(|scope| {
            let giant = scope.spawn(|| drop(memory.take(1_000)));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!giant.is_finished());
            drop(first);
        });
        drop(memory.take(10));
    }
}
