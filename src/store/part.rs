//! Files that are written beside the place where they will be, and put there in one piece. Whoever is killed meanwhile leaves one behind: the
//! next one that writes there takes it away. Which ones are still written is known by a lock, which dies with its process.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

/// How such files are called, and what SQLite puts beside them.
const PREFIX: &str = ".espomail-part-";
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// How old one is that nobody is just about to lock.
const AGE: Duration = Duration::from_secs(60);

/// Makes one for its owner alone, in the folder where it will be, and takes away what others have left there.
pub fn begin(path: &Path) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    for left in left_in(folder) {
        log::info!("{} was left behind by a process that was killed, and goes", left.display());
        for ending in BESIDE {
            let _ = std::fs::remove_file(format!("{}{ending}", left.display()));
        }
        let _ = std::fs::remove_file(left);
    }
    let part = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?;
    // Where there are no such locks, its age alone tells.
    let _ = flock(part.as_file(), FlockOperation::NonBlockingLockShared);
    Ok(part)
}

/// Returns those of a folder that nobody writes any more; only what is ours to take away.
pub fn left_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(PREFIX) && !BESIDE.iter().any(|ending| name.ends_with(ending)) && is_left(path)
    };
    entries.map(|entry| entry.path()).filter(is_ours).collect()
}

fn is_left(path: &Path) -> bool {
    let Ok(found) = std::fs::symlink_metadata(path) else { return false };
    let is_old = found.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= AGE));
    if !found.is_file() || !is_old || found.uid() != rustix::process::geteuid().as_raw() {
        return false;
    }
    File::open(path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// Returns how many bytes are free where a file is or will be.
pub fn room(path: &Path) -> io::Result<u64> {
    let status = rustix::fs::statvfs(folder_of(path))?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// The folder in which a file is or will be.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
