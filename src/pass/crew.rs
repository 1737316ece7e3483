//! Works through a list side by side, in its order, with so many workers at the most.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Does the work for each item. A panic in it is the caller's to catch.
pub fn each<T: Send>(workers: usize, items: Vec<T>, work: &(dyn Fn(T) + Sync)) {
    let workers = workers.clamp(1, items.len().max(1));
    let queue = Mutex::new(VecDeque::from(items));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    // The lock must not last as long as the work.
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(item) = next else { return };
                    work(item);
                }
            });
        }
    });
}
