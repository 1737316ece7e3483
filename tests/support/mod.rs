//! What the integration tests stand on.

pub mod certificates;
pub mod dovecot;
pub mod imap;
pub mod office;
pub mod ports;
pub mod postfix;
pub mod postgres;
pub mod proxy;
pub mod smtp;
pub mod world;

use std::ops::{Deref, DerefMut};

use espomail::store::Store;

/// Whatever the umask of who runs the tests: files that their group may write are refused.
pub fn usual_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// A migrated database of its own for one test.
pub struct TestStore {
    store: Store,
    pub url: String,
    _directory: Option<tempfile::TempDir>,
}

impl TestStore {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("espomail.db").display());
        let mut store = Store::create(&url).unwrap();
        store.migrate().unwrap();
        Self { store, url, _directory: Some(directory) }
    }

    pub fn postgresql() -> Self {
        let url = postgres::fresh_database();
        Self { store: Store::open(&url).unwrap(), url, _directory: None }
    }

    /// Another connection to the same database.
    pub fn another(&self) -> Store {
        Store::open(&self.url).unwrap()
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }
}

impl Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl DerefMut for TestStore {
    fn deref_mut(&mut self) -> &mut Store {
        &mut self.store
    }
}

/// Declares tests that run on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* fn $name:ident($store:ident: &mut TestStore) $body:block)+) => { $(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn test($store: &mut $crate::support::TestStore) $body

            $(#[$meta])*
            #[test]
            fn sqlite() {
                test(&mut $crate::support::TestStore::sqlite());
            }

            $(#[$meta])*
            #[test]
            fn postgresql() {
                test(&mut $crate::support::TestStore::postgresql());
            }
        }
    )+ };
}
