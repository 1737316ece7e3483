//! What the integration tests stand on.

pub mod certificates;
pub mod dovecot;
pub mod imap;
pub mod oauth;
pub mod office;
pub mod ports;
pub mod postfix;
pub mod postgres;
pub mod proxy;
pub mod rows;
pub mod s3;
pub mod smtp;
pub mod sqlite;
pub mod world;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use espomail::store::Store;

/// Every Rust file below a folder of the project.
pub fn source_files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found
}

/// What stands in them, one behind the other.
pub fn source_text(folders: &[&str]) -> String {
    folders.iter().flat_map(|folder| source_files(folder)).map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// Every command that does something, as it is typed: `user absence add`.
pub fn commands() -> Vec<String> {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        if command.get_subcommands().next().is_none() {
            found.push(path.trim().to_string());
        }
        command.get_subcommands().for_each(|inner| leaves(inner, &format!("{path} {}", inner.get_name()), found));
    }
    let mut found = Vec::new();
    leaves(&espomail::commands::command_line(), "", &mut found);
    found
}

/// Whatever the umask of who runs the tests: files that their group may write are refused.
pub fn usual_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// The most memory that a running espomail held at once, in kilobytes; none once it has ended. Until it runs, the process that is to
/// become it still shows the memory of the one that made it.
pub fn peak_of(process: u32) -> Option<u64> {
    let program = std::fs::read_link(format!("/proc/{process}/exe")).ok()?;
    if !program.ends_with("espomail") {
        return None;
    }
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
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
