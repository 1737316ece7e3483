//! Keeps the leases of a long pass alive while a server is slow (FETCH-11).

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::store::Store;
use crate::store::lease::{self, Lease};

/// How often leases are renewed; a lease lasts several times as long.
const BEAT: Duration = Duration::from_secs(20);

/// The leases that this process holds.
#[derive(Default)]
pub struct Heartbeat {
    held: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    leases: Vec<Lease>,
    over: bool,
}

impl Heartbeat {
    /// Keeps a lease alive from now on.
    pub fn add(&self, lease: Lease) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).leases.push(lease);
    }

    /// Lets a lease go.
    pub fn remove(&self, lease: &Lease) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.leases.retain(|other| other.account != lease.account);
    }

    /// Ends [`Heartbeat::run`].
    pub fn end(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.changed.notify_all();
    }

    /// Renews the leases until the end. A pass shorter than one beat never opens a connection for it.
    pub fn run(&self, database: &str, seconds: i64, now: &(dyn Fn() -> i64 + Sync)) {
        let mut store: Option<Store> = None;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while !held.over {
            let (guard, waited) = self.changed.wait_timeout(held, BEAT).unwrap_or_else(PoisonError::into_inner);
            held = guard;
            if held.over || !waited.timed_out() || held.leases.is_empty() {
                continue;
            }
            let leases = held.leases.clone();
            drop(held);
            if store.is_none() {
                store = Store::open(database).map_err(|error| log::warn!("leases cannot be renewed: {error:#}")).ok();
            }
            if let Some(store) = &mut store {
                for lease in &leases {
                    // A lease that was lost is noticed at the next commit; there it counts.
                    if let Err(error) = store.transaction(|db| lease::renew(db, lease, now(), seconds)) {
                        log::debug!("lease of account {}: {error:#}", lease.account);
                    }
                }
            }
            held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}
