//! A folder of this machine, or one that is mounted. Objects are for their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::object::{Listed, Trouble, read_name};
use crate::custody;
use crate::fault::{Class, Fault};

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
        let folder = self.made(&target)?;
        let mut beside = target.clone().into_os_string();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &target)?;
            File::open(folder)?.sync_all()
        })();
        written.map_err(|error| {
            // What is left of it has a name that nobody reads.
            let _ = fs::remove_file(&beside);
            unwritable(&error)
        })
    }

    /// Makes the folders of an object below ours, and returns the last one.
    fn made<'a>(&self, target: &'a Path) -> Result<&'a Path, Trouble> {
        let folder = target.parent().unwrap_or(target);
        if folder.is_dir() {
            return Ok(folder);
        }
        self.is_there()?;
        let mut above = vec![folder];
        above.extend(folder.ancestors().skip(1).take_while(|above| *above != self.path));
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
            Err(error) if error.kind() == ErrorKind::NotFound => self.is_there().map(|()| None),
            Err(error) => Err(unreadable(&error)),
        }
    }

    pub fn delete(&self, name: &str) -> Result<(), Trouble> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.is_there(),
            Err(error) => Err(unwritable(&error)),
            Ok(()) => Ok(()),
        }
    }

    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, Trouble> {
        let entries = match fs::read_dir(self.path.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.is_there().map(|()| Vec::new()),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&error))?;
            let Some((digest, upload)) = entry.file_name().to_str().and_then(read_name) else { continue };
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

    /// A folder that is gone has no objects for the time being: its disk may not be mounted.
    fn is_there(&self) -> Result<(), Trouble> {
        if self.path.is_dir() {
            return Ok(());
        }
        let what = format!("there is no folder {}; is its disk mounted?", self.path.display());
        Err(Trouble { class: Class::Unavailable, what })
    }
}

fn unwritable(error: &io::Error) -> Trouble {
    Trouble { class: Fault::unwritable("", error).class, what: error.to_string() }
}

fn unreadable(error: &io::Error) -> Trouble {
    Trouble { class: Class::Io, what: error.to_string() }
}
