//! Works through a list side by side, in its order, with so many workers at the most.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Does the work for each item; what a worker keeps from one item to its next begins with `start`. A panic in the work is the
/// caller's to catch; one that is not ends the pass.
pub fn each<T: Send, W>(workers: usize, items: Vec<T>, start: &(dyn Fn() -> W + Sync), work: &(dyn Fn(&mut W, T) + Sync)) {
    let workers = workers.clamp(1, items.len().max(1));
    let queue = Mutex::new(VecDeque::from(items));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut kept = start();
                loop {
                    // The lock must not last as long as the work.
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(item) = next else { return };
                    work(&mut kept, item);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_item_is_worked_on_once_and_none_holds_up_another() {
        let (met, meeting) = (Mutex::new(0), Condvar::new());
        each(2, vec![1, 2], &|| (), &|(), _| {
            let mut met = met.lock().expect("nobody panics");
            *met += 1;
            meeting.notify_all();
            let limit = Duration::from_secs(20);
            let (met, _) = meeting.wait_timeout_while(met, limit, |met| *met < 2).expect("nobody panics");
            assert_eq!(*met, 2, "they are worked on side by side");
        });
        let seen = Mutex::new(Vec::new());
        each(3, (0..100).collect(), &|| (), &|(), item| seen.lock().expect("nobody panics").push(item));
        let mut seen = seen.into_inner().expect("nobody panics");
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<i32>>());
        each(0, Vec::<i32>::new(), &|| (), &|(), _| ());
    }
}
