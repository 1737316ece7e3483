//! One place, whatever it is.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::folder::Folder;
use super::object::{Listed, Name, Trouble};
use super::s3::{Bucket, S3};
use crate::fault::{Class, Fault};
use crate::mail::digest;

/// How many requests a place gets at once, where nobody said anything else.
pub const USUAL_WORKERS: usize = 8;

/// One place.
pub struct Depot {
    /// As the configuration has it; nothing secret is in it.
    pub url: String,
    /// How many requests it gets at once.
    pub workers: usize,
    kind: Kind,
}

enum Kind {
    Folder(Folder),
    S3(Box<S3>),
}

impl Depot {
    /// A folder; it must be there already, so that a disk that is not mounted is noticed.
    pub fn folder(url: &str, path: PathBuf, workers: usize) -> Self {
        Self { url: url.to_string(), workers, kind: Kind::Folder(Folder::new(path)) }
    }

    /// A bucket of a server.
    pub fn bucket(url: &str, bucket: Bucket, workers: usize) -> Self {
        Self { url: url.to_string(), workers, kind: Kind::S3(Box::new(S3::new(bucket, workers))) }
    }

    /// The folder, where it is one.
    pub fn path(&self) -> Option<&Path> {
        if let Kind::Folder(folder) = &self.kind { Some(&folder.path) } else { None }
    }

    /// Makes ready for the objects of a database that has none here yet.
    pub fn begin(&self, folder: &str) -> Result<()> {
        let begun = match &self.kind {
            Kind::Folder(place) => place.begin(folder),
            Kind::S3(_) => Ok(()),
        };
        self.told(begun, "cannot write to it")
    }

    /// Looks whether this is the place that has the objects of a database, and not the bare mount point of its disk.
    pub fn is_there(&self, folder: &str) -> Result<()> {
        let there = match &self.kind {
            Kind::Folder(place) => place.is_there(folder).map(|_| ()),
            Kind::S3(_) => Ok(()),
        };
        self.told(there, "cannot find what it has")
    }

    /// Writes an object, for good.
    pub fn put(&self, name: &Name<'_>, bytes: &[u8]) -> Result<()> {
        let name = name.to_string();
        let written = match &self.kind {
            Kind::Folder(folder) => folder.put(&name, bytes),
            Kind::S3(bucket) => bucket.put(&name, bytes),
        };
        self.told(written, "cannot write to it")
    }

    /// Reads an object of at the most so many bytes; none where there is no such one.
    pub fn get(&self, name: &Name<'_>, most: u64) -> Result<Option<Vec<u8>>> {
        let name = name.to_string();
        let read = match &self.kind {
            Kind::Folder(folder) => folder.get(&name, most),
            Kind::S3(bucket) => bucket.get(&name, most),
        };
        self.told(read, "cannot read from it")
    }

    /// Deletes an object; one that is not there is deleted.
    pub fn delete(&self, name: &Name<'_>) -> Result<()> {
        let name = name.to_string();
        let deleted = match &self.kind {
            Kind::Folder(folder) => folder.delete(&name),
            Kind::S3(bucket) => bucket.delete(&name),
        };
        self.told(deleted, "cannot delete from it")
    }

    /// Lists what of a folder has a digest that begins with this byte, in order. What we never wrote is left out.
    pub fn list(&self, folder: &str, first: u8) -> Result<Vec<Listed>> {
        let below = format!("{folder}/{first:02x}");
        let listed = match &self.kind {
            Kind::Folder(place) => place.list(&below),
            Kind::S3(bucket) => bucket.list(&below),
        };
        let mut listed = self.told(listed, "cannot list it")?;
        listed.retain(|one| one.digest[0] == first);
        listed.sort_unstable();
        Ok(listed)
    }

    /// Looks whether it is there and lets us in, by asking for an object that nobody wrote.
    pub fn reach(&self) -> Result<()> {
        let nothing = Name { folder: "probe", digest: digest(b"nothing"), upload: 0 };
        self.get(&nothing, 1).map(drop)
    }

    /// Writes an object, reads it, and deletes it.
    pub fn probe(&self, upload: i64) -> Result<()> {
        let bytes = b"espomail looks whether it can write, read and delete here";
        let name = Name { folder: "probe", digest: digest(bytes), upload };
        self.begin(name.folder)?;
        self.put(&name, bytes)?;
        let read = self.get(&name, bytes.len() as u64);
        self.delete(&name)?;
        if read?.as_deref() == Some(&bytes[..]) {
            return Ok(());
        }
        Err(self.broken("gives other bytes back than it was given").into())
    }

    /// What it has is not what was written.
    pub fn broken(&self, what: &str) -> Fault {
        Fault::new(Class::Io, format!("the storage {} {what}", self.url)).hint("see: espomail storage check")
    }

    fn told<T>(&self, outcome: Result<T, Trouble>, doing: &str) -> Result<T> {
        outcome.map_err(|Trouble { class, what }| {
            let what = format!("the storage {}: {doing}: {what}", self.url);
            Fault::new(class, what).hint("nothing is lost; mend it, and see: espomail doctor").into()
        })
    }
}
