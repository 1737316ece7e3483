//! A folder of this machine, or one that is mounted. Objects are for their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::object::{Listed, Trouble, read_name};
use crate::custody;
use crate::fault::{Class, Fault};

/// Behind the name of what is not whole yet.
const PART: &str = ".part";

pub struct Folder {
    pub path: PathBuf,
    is_trusted: OnceLock<()>,
}

impl Folder {
    pub const fn new(path: PathBuf) -> Self {
        Self { path, is_trusted: OnceLock::new() }
    }

    /// Looks, once, whether nobody else could have put something there.
    fn trust(&self) -> Result<(), Trouble> {
        if self.is_trusted.get().is_none() {
            custody::check("the storage", &self.path).map_err(|fault| {
                let next = fault.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                Trouble { class: fault.class, what: format!("{}{next}", fault.what) }
            })?;
            self.is_trusted.get_or_init(|| ());
        }
        Ok(())
    }

    /// Under another name first: what has its name is whole, and on the disk.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Trouble> {
        self.trust()?;
        let target = self.path.join(name);
        let folder = self.made(name, &target)?;
        let beside = self.beside(name);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &target)?;
            File::open(folder)?.sync_all()
        })();
        written.map_err(|error| {
            // What is left of it is listed as what nothing names.
            let _ = fs::remove_file(&beside);
            unwritable(&error)
        })
    }

    /// Where an object is written, until it is whole.
    fn beside(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{PART}"))
    }

    /// Makes the folder of a database; from then on that it is there says that this is the disk which has the objects.
    pub fn begin(&self, folder: &str) -> Result<(), Trouble> {
        self.trust()?;
        let ours = self.path.join(folder);
        match DirBuilder::new().mode(0o700).create(&ours) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.is_there(folder).map(|_| ()),
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unwritable(&error)),
            _ => File::open(&self.path).and_then(|above| above.sync_all()).map_err(|error| unwritable(&error)),
        }
    }

    /// Makes the folders of an object below that of its database, and returns the last one.
    fn made<'a>(&self, name: &str, target: &'a Path) -> Result<&'a Path, Trouble> {
        let folder = target.parent().unwrap_or(target);
        if folder.is_dir() {
            return Ok(folder);
        }
        let ours = self.is_there(name)?;
        let mut above = vec![folder];
        above.extend(folder.ancestors().skip(1).take_while(|above| **above != ours));
        for one in above.into_iter().rev() {
            match DirBuilder::new().mode(0o700).create(one) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unwritable(&error)),
                _ => {}
            }
            let parent = one.parent().unwrap_or(one);
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| unwritable(&error))?;
        }
        Ok(folder)
    }

    pub fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Trouble> {
        self.trust()?;
        let mut bytes = Vec::new();
        let read = File::open(self.path.join(name)).and_then(|file| file.take(most).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => self.is_there(name).map(|_| None),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Deletes an object, and what was written of it by whoever was killed at it.
    pub fn delete(&self, name: &str) -> Result<(), Trouble> {
        for path in [self.path.join(name), self.beside(name)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => self.is_there(name).map(|_| ())?,
                Err(error) => return Err(unwritable(&error)),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, Trouble> {
        let entries = match fs::read_dir(self.path.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.is_there(folder).map(|_| Vec::new()),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&error))?;
            let named = |name: &str| read_name(name.strip_suffix(PART).unwrap_or(name));
            let Some((digest, upload)) = entry.file_name().to_str().and_then(named) else { continue };
            match entry.metadata() {
                Ok(metadata) => {
                    listed.push(Listed { digest, upload, bytes: metadata.len(), written_at: metadata.mtime() });
                }
                // It was deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Ok(listed)
    }

    /// Returns the folder of the database that a name is of. One that is gone has no objects for the time being: its disk may not be mounted,
    /// and where it is to be there is an empty folder, as a rule.
    pub fn is_there(&self, name: &str) -> Result<PathBuf, Trouble> {
        let ours = self.path.join(name.split('/').next().unwrap_or(name));
        if ours.is_dir() {
            return Ok(ours);
        }
        let what = match self.path.is_dir() {
            true => format!(
                "there is no folder {0}; is its disk mounted? If it is, and is to be begun anew: mkdir -m 700 {0}",
                ours.display()
            ),
            false => format!("there is no folder {}; is its disk mounted?", self.path.display()),
        };
        Err(Trouble { class: Class::Unavailable, what })
    }
}

fn unwritable(error: &io::Error) -> Trouble {
    Trouble { class: Fault::unwritable("", error).class, what: error.to_string() }
}

fn unreadable(error: &io::Error) -> Trouble {
    Trouble { class: Class::Io, what: error.to_string() }
}
