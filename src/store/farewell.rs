//! Leases that a pass gives back and the database cannot take back: its disk is full, its server away. An empty file beside the
//! database (in the folder for temporary files where that is a server) says so, and the next pass of this host carries it out.
//! A pass that dies writes none, so whoever takes the lease can tell its death from a fault of the database (FETCH-6).

use std::fs::{DirEntry, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::lease::{self, Lease};
use super::{Store, dialect};
use crate::words::AccountId;

/// Leaves the file.
pub fn leave(url: &str, lease: &Lease) -> Result<()> {
    let path = folder(url)?.join(format!("{}{}-{}", prefix(url), lease.account, lease.fence));
    // It needs no room for content, and never follows a link.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    made.map(drop).with_context(|| format!("writing {}", path.display()))
}

/// Gives back what the files say, and removes them.
pub fn carry_out(store: &mut Store, url: &str) -> Result<()> {
    let prefix = prefix(url);
    // A folder that cannot be read has none of ours.
    let entries = std::fs::read_dir(folder(url)?).into_iter().flatten().flatten();
    for (entry, lease) in entries.filter_map(|entry| read(&entry, &prefix).map(|lease| (entry, lease))) {
        store.transaction(|db| lease::release(db, &lease))?;
        if let Err(error) = std::fs::remove_file(entry.path()) {
            log::debug!("removing {}: {error}", entry.path().display());
        }
    }
    Ok(())
}

/// Reads a file's name. In a folder that others may write to, a file of theirs says nothing.
fn read(entry: &DirEntry, prefix: &str) -> Option<Lease> {
    let name = entry.file_name();
    let (account, fence) = name.to_str()?.strip_prefix(prefix)?.split_once('-')?;
    let (account, fence) = (AccountId(account.parse().ok()?), fence.parse().ok()?);
    let about = entry.path().symlink_metadata().ok()?;
    let is_ours = about.is_file() && about.uid() == rustix::process::geteuid().as_raw();
    is_ours.then_some(Lease { account, fence, found_dead: false })
}

fn folder(url: &str) -> Result<PathBuf> {
    let beside = |path| Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(dialect::sqlite_path(url)?.map_or_else(std::env::temp_dir, |path| beside(path).to_path_buf()))
}

/// A name for each database: its URL may carry a password.
fn prefix(url: &str) -> String {
    format!(".espomail-{}-", &blake3::hash(url.as_bytes()).to_hex()[..16])
}
