//! A copy of a SQLite database bears a mark in its header until somebody works with it. So whatever way it comes into the place of a
//! database, two things are known: that it was put back (SEND-12), and that a write-ahead log beside it is of the database that was there
//! before, which SQLite would play into it.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use diesel::connection::SimpleConnection;
use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use super::failure::classify;
use crate::fault::{Class, Fault};

/// The "application ID" of a copy: `espc`. A database in use has none.
const MARK: u32 = 0x6573_7063;
/// The setting that a marked copy has once somebody works with it, until a pass has held what is queued.
pub const PUT_BACK: &str = "put-back";
/// How long somebody else may take to begin with it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The files (device and inode) that this process has looked at. A file is looked at before SQLite opens it for the first time and never
/// again: whoever closes a file takes all locks of the process from it (POSIX), also those that SQLite counts on.
static LOOKED_AT: Mutex<Option<HashSet<(u64, u64)>>> = Mutex::new(None);

/// Returns the file beside a SQLite database that says how far this host has come with it.
pub fn beside(path: &str) -> PathBuf {
    // By whatever way one comes to it, it is one database.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    PathBuf::from(format!("{}-passes", real.display()))
}

/// What marks a copy.
pub fn mark() -> String {
    format!("PRAGMA application_id = {MARK}")
}

/// What takes the mark away.
pub const UNMARK: &str = "PRAGMA application_id = 0";

/// Returns whether a file is a marked copy, before SQLite opens it. One beside which the log of another database lies is refused.
pub fn look(path: &Path) -> Result<bool> {
    // Whoever comes at the same time waits: nothing may be open yet.
    let mut looked_at = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    let looked_at = looked_at.get_or_insert_default();
    let Ok(file) = std::fs::metadata(path).map(|file| (file.dev(), file.ino())) else { return Ok(false) };
    if looked_at.contains(&file) {
        return Ok(false);
    }
    let is_copy = look_into(path)?;
    looked_at.insert(file);
    Ok(is_copy)
}

fn look_into(path: &Path) -> Result<bool> {
    let end = Instant::now() + PATIENCE;
    while is_marked(path) {
        let log = format!("{}-wal", path.display());
        if std::fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
            return Ok(true);
        }
        // Whoever opens it first takes the mark away, and needs a log for that.
        if Instant::now() >= end {
            let what =
                format!("{} is a copy that was put back, and {log} is of the database that was there before", path.display());
            return Err(Fault::new(Class::Config, what).hint(format!("type: rm -f {log} {}-shm", path.display())).into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(false)
}

/// Takes the mark away for good before anything else is written, and remembers that the database is a copy.
pub fn begin(connection: &mut SqliteConnection, path: &Path) -> Result<()> {
    connection
        .batch_execute(&format!(
            "BEGIN IMMEDIATE;
             INSERT OR REPLACE INTO settings (name, value) VALUES ('{PUT_BACK}', 'yes');
             {UNMARK};
             COMMIT;"
        ))
        .map_err(|error| classify(error.into()))?;
    let end = Instant::now() + PATIENCE;
    loop {
        let done = sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(connection);
        if done.map_err(|error| classify(error.into()))?.busy == 0 {
            return Ok(());
        }
        if Instant::now() >= end {
            let what = format!("others are just opening {}", path.display());
            return Err(Fault::new(Class::TempFail, what).hint("try again").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a checkpoint says first: whether others were in its way.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Whether the header of a file has the mark. What cannot be read is said by SQLite.
fn is_marked(path: &Path) -> bool {
    let mut header = [0_u8; 72];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok();
    is_read && header.starts_with(b"SQLite format 3\0") && header.ends_with(&MARK.to_be_bytes())
}
