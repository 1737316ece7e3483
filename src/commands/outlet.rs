//! A file that a person names, and that is made whole beside its place and then put there: what is in that place goes. So it is looked
//! at before: only a file of the same kind that was made here is replaced, never a device, a link, a folder, or a file of ours.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::context::Context;
use crate::custody;
use crate::fault::{Class, Fault};
use crate::pass::handout::FIRST;
use crate::store::{backup, part};

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A copy of a SQLite database.
    Copy,
    /// Numbers for Prometheus.
    Metrics,
    /// What there is of a person.
    Person,
}

impl Made {
    const fn name(self) -> &'static str {
        match self {
            Self::Copy => "a SQLite database",
            Self::Metrics => "a metrics file of espomail",
            Self::Person => "an archive of a person that espomail made",
        }
    }

    /// By what such a file is known, and where that stands.
    const fn mark(self) -> (usize, &'static [u8]) {
        match self {
            Self::Copy => (0, b"SQLite format 3\0"),
            Self::Metrics => (0, b"# HELP espomail_"),
            // The name of the first file in it, behind 30 bytes (APPNOTE.TXT, section 4.3.7).
            Self::Person => (30, FIRST.as_bytes()),
        }
    }
}

/// Refuses a place that is no file's of that kind. What is not there yet may be made, but for what SQLite and passes write beside the
/// database.
pub fn check(context: &Context, file: &Path, made: Made) -> Result<()> {
    let refused = |what: &str| {
        let said = format!("{} {what}; it is left as it is", file.display());
        Err(Fault::new(Class::CannotCreate, said).hint(format!("name a new file, or {}", made.name())).into())
    };
    if is_beside_database(context, file)? {
        return refused("belongs to the database");
    }
    let there = match std::fs::symlink_metadata(file) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Fault::unwritable(format!("cannot look at {}", file.display()), &error).into()),
    };
    if there.is_symlink() {
        return refused("is a symbolic link");
    }
    if !there.is_file() {
        return refused("is no regular file");
    }
    // Another name of it.
    if custody::check_free(file).is_err() {
        return refused("belongs to the database");
    }
    let (mut begin, (place, mark)) = (Vec::new(), made.mark());
    let read = File::open(file).and_then(|file| file.take((place + mark.len()) as u64).read_to_end(&mut begin));
    if let Err(error) = read {
        return Err(Fault::unwritable(format!("cannot look at {}", file.display()), &error).into());
    }
    if begin.is_empty() || begin.get(place..) == Some(mark) { Ok(()) } else { refused(&format!("is not {}", made.name())) }
}

/// Makes a file for its owner alone, beside its place, and puts it there when it is whole; what one who was killed left behind goes. One that
/// is there is replaced where that is said.
pub fn make<T>(file: &Path, replace: bool, write: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    let unwritable = |error: &std::io::Error| {
        let fault = Fault::unwritable(format!("cannot write {}", file.display()), error);
        if error.kind() == ErrorKind::AlreadyExists { fault.hint("name another file, or say --force") } else { fault }
    };
    let mut part = part::begin(file).map_err(|error| unwritable(&error))?;
    let made = write(part.as_file_mut()).map_err(|error| {
        let is_full = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(unwritable);
        is_full.map_or(error, anyhow::Error::from)
    })?;
    part.as_file().sync_all().map_err(|error| unwritable(&error))?;
    let put = if replace { part.persist(file) } else { part.persist_noclobber(file) };
    put.map_err(|error| unwritable(&error.error))?;
    Ok(made)
}

/// Whether it is the database, or has the name of a file that is kept beside it, which need not be there now.
fn is_beside_database(context: &Context, file: &Path) -> Result<bool> {
    let Some(database) = backup::path_of(context.database())? else { return Ok(false) };
    let (Some(database), Some(file)) = (real(&database), real(file)) else { return Ok(false) };
    Ok(["", "-wal", "-shm", "-journal", "-passes"].iter().any(|ending| {
        let mut beside: OsString = database.clone().into();
        beside.push(ending);
        Path::new(&beside) == file
    }))
}

/// A path without links in the folders; the file itself need not be there.
fn real(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().or_else(|_| std::path::absolute(file)).ok()?;
    Some(file.parent()?.canonicalize().ok()?.join(file.file_name()?))
}

/// Whether both names are of one file.
pub fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
