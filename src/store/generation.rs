//! How far this host has come with a database, written beside it: a number that only goes up, here and there, before each message goes
//! out. Where the one in the database is lower, the database was put back from a copy, and what it calls queued may have gone out
//! since (SEND-12): also from a copy that was made while mail went out. What has nothing to send costs nothing.

use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::counter::{lock, set_counter};
use super::schema::counters;
use super::{Database, Store, copied, dialect, part, setting};
use crate::fault::{Class, Fault};

/// What the names of the counters begin with: one for each file that is written.
const SENT: &str = "sent:";
/// The setting that says when the database was put back last.
const RESTORED_AT: &str = "restored-at";

/// A number that nobody comes to: what stands above it is damage.
const HIGHEST: i64 = 1 << 60;

/// The database, and where this host keeps what it knows of one that is on a server.
#[derive(Debug, Clone)]
pub struct Beside {
    pub url: String,
    pub folder: Option<PathBuf>,
}

/// What stands in the file: who writes it, and the number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Noted {
    writer: String,
    number: i64,
}

impl Noted {
    fn line(&self) -> String {
        format!("{} {}\n", self.writer, self.number)
    }
}

/// Returns the file; none where the database is on a server and has no name yet: nothing has gone out from it.
pub fn file(db: &mut Database, beside: &Beside) -> Result<Option<PathBuf>> {
    if let Some(path) = dialect::sqlite_path(&beside.url)? {
        return Ok(Some(copied::beside(path)));
    }
    let Some(store) = setting::get(db, setting::NAME)? else { return Ok(None) };
    let folder = beside.folder.as_ref().with_context(nowhere)?;
    Ok(Some(folder.join(format!("{store}.passes"))))
}

fn nowhere() -> Fault {
    Fault::new(Class::CannotCreate, "there is no folder for what this host knows of the database")
        .hint("set HOME or STATE_DIRECTORY")
}

/// Says why the database is older than what this host wrote beside it; none where it is not.
pub fn behind(db: &mut Database, beside: &Beside) -> Result<Option<String>> {
    let is_server = dialect::sqlite_path(&beside.url)?.is_none();
    // Where nothing can be written, nothing was; that is said when mail goes out.
    let file = if is_server && beside.folder.is_none() { None } else { file(db, beside)? };
    let Some(file) = file else { return Ok(None) };
    match read(&file) {
        Some(noted) => {
            let here = number(db, &noted.writer)?;
            let name = file.display();
            if here < noted.number {
                return Ok(Some(format!("{name} is at {}, the database at {here}", noted.number)));
            }
            let is_copy = setting::get(db, copied::PUT_BACK)?.is_some();
            Ok(is_copy.then(|| "it is a copy that \"db backup\" made".to_string()))
        }
        // Another host of a server begins with none.
        None if is_server => Ok(None),
        None => Ok(has_any(db)?.then(|| format!("{} is missing, which is written when mail goes out", file.display()))),
    }
}

/// Whether anybody has written a number down.
fn has_any(db: &mut Database) -> Result<bool> {
    let any = counters::table.filter(counters::name.like(format!("{SENT}%"))).select(count_star());
    Ok(any.first::<i64>(db)? > 0)
}

/// Writes the first number beside a new SQLite database: where it is missing later, the database was put back from a copy.
pub fn begin(store: &mut Store, beside: &Beside) -> Result<()> {
    let is_server = dialect::sqlite_path(&beside.url)?.is_none();
    if is_server || has_any(store.connection())? {
        return Ok(());
    }
    let writer = store.transaction(|db| raise(db, beside))?;
    note(store, beside, &writer)
}

/// Who writes the file, and where it is: found out once, for each message that goes out.
#[derive(Debug)]
pub struct Writer {
    name: String,
    file: PathBuf,
}

impl Writer {
    pub fn of(store: &mut Store, beside: &Beside, name: &str) -> Result<Self> {
        let file = file(store.connection(), beside)?.context("the database has no name")?;
        Ok(Self { name: name.to_string(), file })
    }

    /// Raises the number for one message, within the transaction that marks that as handed over, and returns it. The file is not asked:
    /// where another database came into the place of this one meanwhile, the next pass is to see that.
    pub fn raise_for_one(&self, db: &mut Database) -> Result<i64> {
        let counter = counters::table.find(format!("{SENT}{}", self.name));
        let raised = diesel::update(counter).set(counters::value.eq(counters::value + 1)).returning(counters::value);
        Ok(raised.get_result(db)?)
    }

    /// Writes the number of one message down, so that a death leaves it; only a loss of power may take it back to where the pass began.
    pub fn note_one(&self, number: i64) {
        let noted = Noted { writer: self.name.clone(), number };
        if let Err(error) = turn(&self.file).and_then(|_turn| advance(&self.file, &noted)) {
            log::debug!("the number beside the database is not written: {error:#}");
        }
    }
}

/// The first half, before anything goes out: raises the number in the database above the one in the file. Returns who will write that.
pub fn raise(db: &mut Database, beside: &Beside) -> Result<String> {
    lock(db)?;
    setting::christen(db)?;
    let noted = file(db, beside)?.and_then(|file| read(&file));
    let noted = noted.map_or_else(|| setting::random().map(|writer| Noted { writer, number: 0 }), Ok)?;
    let here = number(db, &noted.writer)?;
    set_counter(db, &format!("{SENT}{}", noted.writer), here.max(noted.number) + 1)?;
    Ok(noted.writer)
}

/// The second half: writes the number down. Of several that do so at once, the last one writes the newest: each reads it when its turn
/// has come, and nobody waits for the database.
pub fn note(store: &mut Store, beside: &Beside, writer: &str) -> Result<()> {
    let Writer { name, file } = Writer::of(store, beside, writer)?;
    let unwritable = |error: std::io::Error| Fault::unwritable(format!("cannot write {}", file.display()), &error);
    let _turn = turn(&file).map_err(unwritable)?;
    let noted = Noted { number: number(store.connection(), &name)?, writer: name };
    Ok(write(&file, &noted).map_err(unwritable)?)
}

/// Returns when the database was put back last.
pub fn restored_at(db: &mut Database) -> Result<Option<i64>> {
    Ok(setting::get(db, RESTORED_AT)?.and_then(|text| text.parse().ok()))
}

/// Notes that the database was put back: what came before is not answered again by itself.
pub fn set_restored(db: &mut Database, now: i64) -> Result<()> {
    setting::unset(db, copied::PUT_BACK)?;
    setting::set(db, RESTORED_AT, &now.to_string())
}

fn number(db: &mut Database, writer: &str) -> Result<i64> {
    let row = counters::table.find(format!("{SENT}{writer}")).select(counters::value);
    Ok(row.first(db).optional()?.unwrap_or(0))
}

/// Reads the file, while nobody writes it.
fn read(file: &Path) -> Option<Noted> {
    let folder = File::open(part::folder_of(file)).ok();
    let _turn = folder.as_ref().map(|folder| rustix::fs::flock(folder, rustix::fs::FlockOperation::LockShared));
    noted(&std::fs::read_to_string(file).ok()?)
}

/// Reads what stands in it: one line, the writer and the number. What is damaged counts as missing.
fn noted(text: &str) -> Option<Noted> {
    let (writer, number) = text.trim_end().split_once(' ')?;
    let is_sound = writer.len() == 16 && writer.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = number.parse().ok().filter(|number| (1..=HIGHEST).contains(number))?;
    Some(Noted { writer: writer.to_string(), number }).filter(|_| is_sound)
}

/// Waits for one's turn to write the file, as long as what is returned is there. The folder is made where it is missing.
fn turn(file: &Path) -> std::io::Result<File> {
    let folder = part::folder_of(file);
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let opened = File::open(folder)?;
    rustix::fs::flock(&opened, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(opened)
}

/// Writes the file whole or not at all, so that a loss of power leaves it.
fn write(file: &Path, noted: &Noted) -> std::io::Result<()> {
    let mut new = part::begin(file)?;
    new.write_all(noted.line().as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file).map(drop).map_err(|error| error.error)
}

/// Writes a higher number over a lower one, in its place: a new file for each message would make each commit of SQLite write more. The line
/// never gets shorter, and is less than what a disk writes at once.
fn advance(file: &Path, new: &Noted) -> std::io::Result<()> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut there = File::options().read(true).write(true).custom_flags(flags).open(file)?;
    let mut text = String::new();
    there.read_to_string(&mut text)?;
    match noted(&text) {
        Some(old) if old.writer == new.writer && old.number < new.number => there.write_all_at(new.line().as_bytes(), 0),
        Some(old) if old.writer == new.writer => Ok(()),
        _ => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "another writer's number stands there, or none")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deeper/x.passes");
        let noted = Noted { writer: "0123456789abcdef".to_string(), number: 42 };
        let turn = turn(&file).unwrap();
        write(&file, &noted).unwrap();
        drop(turn);
        assert_eq!(read(&file), Some(noted.clone()));
        let of = |number| Noted { number, ..noted.clone() };
        for (number, there) in [(99, 99), (98, 99), (100, 100)] {
            advance(&file, &of(number)).unwrap();
            assert_eq!(read(&file), Some(of(there)), "it only goes up");
        }
        let other = Noted { writer: "fedcba9876543210".to_string(), number: 200 };
        assert!(advance(&file, &other).is_err() && read(&file) == Some(of(100)), "another database's file stays as it is");
        for damaged in [
            "",
            "x 1",
            "0123456789abcdef",
            "0123456789abcdef x",
            "0123456789abcdeg 1",
            "0123456789abcdef 0",
            "0123456789abcdef -1",
            "0123456789abcdef 9223372036854775807",
        ] {
            std::fs::write(&file, damaged).unwrap();
            assert_eq!(read(&file), None, "{damaged}");
        }
    }
}
