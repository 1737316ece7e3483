//! Copies of a SQLite database, made while others work with it, and put back in one piece: SQLite's own online backup. A copy is read
//! in one transaction, so that it is of one moment, and holds up no writer; what is put back replaces the whole database in one, which
//! whoever works with it sees as a change like any other.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::{copied, dialect, part};
use crate::fault::{Class, Fault};

/// How long to wait for others.
const PATIENCE: Duration = Duration::from_secs(30);

/// Copies the database into a new file that only its owner can read, and looks whether it is whole. Nothing is there under the name
/// before that is known. Returns its size in bytes.
pub fn copy(database: &Path, to: &Path, force: bool) -> Result<u64> {
    let part = part_of(to)?;
    let source = open(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    transfer(&source, part.path())?;
    settle(part.path())?;
    set(part.path(), &copied::mark())?;
    check(part.path())?;
    part.as_file().sync_all().map_err(|error| unwritable(to, &error))?;
    let size = part.as_file().metadata().context("the size of the copy")?.len();
    let persisted = if force { part.persist(to) } else { part.persist_noclobber(to) };
    persisted.map_err(|error| unwritable(to, &error.error))?;
    sync_folder(to);
    Ok(size)
}

/// A copy that is about to be put back, beside the database that it is for; it goes when this goes.
pub struct Incoming {
    part: NamedTempFile,
    database: PathBuf,
}

impl Incoming {
    /// Takes a copy that is whole into a file of its own, which may be changed.
    pub fn take(copy: &Path, database: &Path) -> Result<Self> {
        check(copy)?;
        let part = part_of(database)?;
        transfer(&open(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?, part.path())?;
        set(part.path(), copied::UNMARK)?;
        Ok(Self { part, database: database.to_path_buf() })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.part.path().display())
    }

    /// Puts it in the place of the database, or where there is none. Nobody may have it open under its own URL any more.
    pub fn put(self) -> Result<()> {
        settle(self.part.path())?;
        self.part.as_file().sync_all().map_err(|error| unwritable(&self.database, &error))?;
        if self.database.exists() {
            transfer(&open(self.part.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?, &self.database)
        } else {
            let database = self.database;
            self.part.persist_noclobber(&database).map_err(|error| unwritable(&database, &error.error))?;
            sync_folder(&database);
            Ok(())
        }
    }
}

/// Copies all pages in one go.
fn transfer(source: &Connection, to: &Path) -> Result<()> {
    let failed = |error: rusqlite::Error| told(to, &error);
    let mut target = open(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let backup = Backup::new(source, &mut target).map_err(failed)?;
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        match backup.step(-1).map_err(failed)? {
            StepResult::Done => return Ok(()),
            _ if std::time::Instant::now() >= until => {
                return Err(Fault::new(Class::TempFail, format!("others work with {} all the time", to.display()))
                    .hint("try again when no pass runs")
                    .into());
            }
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Makes one file of a database: without a log beside it.
fn settle(path: &Path) -> Result<()> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mode = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
    let mode = mode.map_err(|error| told(path, &error))?;
    anyhow::ensure!(mode == "delete", "{} is in use", path.display());
    Ok(())
}

/// Changes something in a file that nobody else knows.
fn set(path: &Path, what: &str) -> Result<()> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?.execute_batch(what).map_err(|error| told(path, &error))
}

/// Refuses a file that is no database of ours, or is damaged.
fn check(path: &Path) -> Result<()> {
    let damaged = |what: &str| Fault::new(Class::Data, format!("{} is damaged: {what}", path.display()));
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    let found = found.map_err(|error| told(path, &error))?;
    if found != "ok" {
        return Err(damaged(&found).into());
    }
    let ours = "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('__diesel_schema_migrations', 'emails', 'outbox', 'counters')";
    let tables = connection.query_row(ours, [], |row| row.get::<_, i64>(0)).map_err(|error| told(path, &error))?;
    if tables < 4 {
        return Err(Fault::new(Class::Data, format!("{} is no database of espomail", path.display())).into());
    }
    Ok(())
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    // No name is a URI, and none makes a file.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let connection = connection.map_err(|error| told(path, &error))?;
    connection.busy_timeout(PATIENCE).map_err(|error| told(path, &error))?;
    Ok(connection)
}

/// What SQLite says of a file: what it is that failed decides what to do.
pub(super) fn told(path: &Path, error: &rusqlite::Error) -> anyhow::Error {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, ReadOnly};
    let class = match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase | CannotOpen) => Class::Data,
        Some(DatabaseBusy | DatabaseLocked) => Class::TempFail,
        Some(ReadOnly) => Class::CannotCreate,
        Some(DiskFull) | Some(_) => Class::Io,
        None => Class::Software,
    };
    Fault::new(class, format!("{}: {error}", path.display())).into()
}

/// Makes the file that is written, for its owner alone, in the folder where it will be.
fn part_of(path: &Path) -> Result<NamedTempFile> {
    part::begin(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    let fault = Fault::unwritable(format!("cannot write {}", path.display()), error);
    let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
    if is_there { fault.hint("name another file, or say --force").into() } else { fault.into() }
}

/// The name is on the disk, too; where that cannot be had, the file is whole all the same.
fn sync_folder(path: &Path) {
    let folder = part::folder_of(path);
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        log::debug!("{}: {error}", folder.display());
    }
}

/// Returns the path of a SQLite database; of one on a server none.
pub fn path_of(url: &str) -> Result<Option<PathBuf>> {
    Ok(dialect::sqlite_path(url)?.map(PathBuf::from))
}
