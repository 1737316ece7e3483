//! A copy of a SQLite database bears a mark in its header until somebody works with it. So whatever way it comes into the place of a
//! database, two things are known: that it was put back (SEND-12), and that a write-ahead log beside it is of the database that was there
//! before, which SQLite would play into it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

use super::failure::classify;
use crate::fault::{Class, Fault};

/// The "application ID" of a copy: `espc`. A database in use has none.
const MARK: u32 = 0x6573_7063;
/// The setting that a marked copy has once somebody works with it, until a pass has held what is queued.
pub const PUT_BACK: &str = "put-back";
/// How long somebody else may take to begin with it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What marks a copy.
pub fn mark() -> String {
    format!("PRAGMA application_id = {MARK}")
}

/// What takes the mark away.
pub const UNMARK: &str = "PRAGMA application_id = 0";

/// Returns whether a file is a marked copy, before SQLite opens it. One beside which the log of another database lies is refused.
pub fn look(path: &Path) -> Result<bool> {
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
             COMMIT;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .map_err(|error| classify(error.into()))?;
    let end = Instant::now() + PATIENCE;
    while is_marked(path) {
        if Instant::now() >= end {
            let what = format!("others are just opening {}", path.display());
            return Err(Fault::new(Class::TempFail, what).hint("try again").into());
        }
        connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE);").map_err(|error| classify(error.into()))?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Whether the header of a file has the mark. What cannot be read is said by SQLite.
fn is_marked(path: &Path) -> bool {
    let mut header = [0_u8; 72];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok();
    is_read && header.starts_with(b"SQLite format 3\0") && header.ends_with(&MARK.to_be_bytes())
}
