//! Who could change a file that we trust: the configuration, a key, the database, a command that we run. Only we, root, and the
//! service account whose configuration it is may be able to, or whoever else can is us. As sshd (StrictModes) and sudo do, that
//! is asked of the file, of every folder above it and of every symbolic link on the way. Once all of them are ours alone, nobody
//! can put another file there between this look and its use.
//!
//! A group may not write either, not even one that has one member today: who is in it is not written where we could read it for
//! certain (a directory server adds members), and changes without a word to us. What an access list (POSIX ACL) allows to other
//! users is limited by its mask, which stands where the rights of the group do: this look sees it there.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::fault::{Class, Fault};

/// How many symbolic links one path may lead over, as in Linux.
const LINKS: usize = 40;
const OTHERS_MAY_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// The service account, where root acts for it.
static SERVICE: OnceLock<u32> = OnceLock::new();

/// From now on what belongs to the owner of the configuration is trusted, too: that file says which commands are run.
pub fn trust_owner_of(configuration: &Metadata) {
    // A process has one configuration; `init` reads it twice.
    SERVICE.get_or_init(|| configuration.uid());
}

/// Refuses a path that somebody else could change. `what` says what it is for: "the configuration". What is not there, or may
/// not be looked at, is left to whoever opens it; the folders that lead there are looked at all the same.
pub fn check(what: &str, path: &Path) -> Result<(), Fault> {
    let Ok(absolute) = std::path::absolute(path) else { return Ok(()) };
    let look = Look { what, path };
    let mut ahead: VecDeque<OsString> = absolute.components().filter_map(name_of).collect();
    let mut place = PathBuf::from("/");
    let mut links = 0;
    if let Ok(root) = fs::symlink_metadata(&place) {
        look.at_folder(&place, &root)?;
    }
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            // Every folder that we stand in is real: the one above it is its parent.
            place.pop();
            continue;
        }
        let next = place.join(&part);
        let Ok(metadata) = fs::symlink_metadata(&next) else { return Ok(()) };
        if metadata.is_symlink() {
            links += 1;
            let Some(target) = fs::read_link(&next).ok().filter(|_| links <= LINKS) else { return Ok(()) };
            // In a folder like /tmp its owner could put another one in its place.
            look.is_owner_trusted(&next, &metadata)?;
            if target.is_absolute() {
                place = PathBuf::from("/");
            }
            for part in target.components().filter_map(name_of).rev() {
                ahead.push_front(part);
            }
        } else if metadata.is_dir() {
            look.at_folder(&next, &metadata)?;
            place = next;
        } else {
            return look.at_file(&next, &metadata);
        }
    }
    Ok(())
}

/// Refuses a database file, or one of the files that SQLite keeps beside it, that somebody else could change.
pub fn check_database(path: &Path) -> Result<(), Fault> {
    check("the database", path)?;
    ["-wal", "-shm", "-journal"].iter().try_for_each(|ending| {
        let mut beside = path.as_os_str().to_os_string();
        beside.push(ending);
        check("the database", Path::new(&beside))
    })
}

/// The SQLite databases that this process may have open.
static DATABASES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on nobody but SQLite opens the files of this database.
pub fn keep_off(database: &Path) {
    let mut databases = DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
    if !databases.iter().any(|known| known == database) {
        databases.push(database.to_path_buf());
    }
}

/// Refuses to read a file that is one of such a database, under whatever name: whoever closes a file takes all locks of the process from it
/// (POSIX), and SQLite counts on those. Ask before it is opened.
pub fn check_free(path: &Path) -> Result<(), Fault> {
    fs::metadata(path).map_or(Ok(()), |file| check_free_file((file.dev(), file.ino()), &path.display().to_string()))
}

/// The same of a file that is open already.
pub fn check_free_file(file: (u64, u64), name: &str) -> Result<(), Fault> {
    let databases = DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_theirs = databases.iter().any(|database| {
        ["", "-wal", "-shm", "-journal"].iter().any(|ending| {
            let mut beside = database.as_os_str().to_os_string();
            beside.push(ending);
            fs::metadata(beside).is_ok_and(|found| (found.dev(), found.ino()) == file)
        })
    });
    if is_theirs { Err(Fault::new(Class::Usage, format!("{name} is a file of espomail's database"))) } else { Ok(()) }
}

/// Refuses a command whose program, interpreter or script somebody else could change. The program is found as the system will
/// find it: by the command's PATH, in its folder.
pub fn check_command(command: &Command) -> Result<(), Fault> {
    let set = command.get_envs().find(|(name, _)| *name == "PATH").map(|(_, value)| value.map(OsStr::to_os_string));
    let path = set.unwrap_or_else(|| std::env::var_os("PATH")).unwrap_or_else(|| "/bin:/usr/bin".into());
    let folder = command.get_current_dir().map(Path::to_path_buf).or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let Some(program) = found(command.get_program(), &path, &folder) else { return Ok(()) };
    check("the command", &program)?;
    let mut interpreter = is_interpreter(&program);
    for argument in command.get_args() {
        if argument.as_bytes().starts_with(b"-") {
            continue;
        }
        // What an interpreter reads, and what `nice`, `env` and `sh -c` start.
        let file = folder.join(argument);
        if interpreter && file.is_file() {
            check("the script", &file)?;
        }
        interpreter = false;
        for word in argument.as_bytes().split(|byte| byte.is_ascii_whitespace() || b";|&()'\"".contains(byte)) {
            if let Some(started) = found(OsStr::from_bytes(word), &path, &folder) {
                check("the command", &started)?;
            }
        }
    }
    for word in first_line(&program) {
        let word = OsString::from(word);
        if word.as_bytes().starts_with(b"-") || word.as_bytes().contains(&b'=') {
            continue;
        }
        if let Some(interpreter) = found(&word, &path, &folder) {
            check("the interpreter", &interpreter)?;
        }
    }
    Ok(())
}

fn name_of(component: Component<'_>) -> Option<OsString> {
    match component {
        Component::Normal(name) => Some(name.to_os_string()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    }
}

/// What a path is looked at for.
struct Look<'a> {
    what: &'a str,
    path: &'a Path,
}

impl Look<'_> {
    fn at_folder(&self, folder: &Path, metadata: &Metadata) -> Result<(), Fault> {
        self.is_owner_trusted(folder, metadata)?;
        // In a sticky folder only its owner and root put another file in the place of ours; our own is looked at next.
        if metadata.mode() & STICKY != 0 { Ok(()) } else { self.is_ours_to_write(folder, metadata) }
    }

    fn at_file(&self, file: &Path, metadata: &Metadata) -> Result<(), Fault> {
        // A terminal or /dev/null holds nothing that somebody could have written for us.
        if metadata.file_type().is_char_device() {
            return Ok(());
        }
        self.is_owner_trusted(file, metadata)?;
        self.is_ours_to_write(file, metadata)
    }

    fn is_owner_trusted(&self, place: &Path, metadata: &Metadata) -> Result<(), Fault> {
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner == 0 || owner == us || SERVICE.get() == Some(&owner) {
            return Ok(());
        }
        let what = format!("{} belongs to another account (uid {owner})", self.named(place));
        Err(Fault::new(Class::Refused, what).hint(format!("try: chown {us} {}", quoted(place))))
    }

    fn is_ours_to_write(&self, place: &Path, metadata: &Metadata) -> Result<(), Fault> {
        let who = match metadata.mode() & OTHERS_MAY_WRITE {
            0 => return Ok(()),
            0o020 => "its group",
            _ => "others",
        };
        let what = format!("{} can be written by {who}", self.named(place));
        Err(Fault::new(Class::Refused, what).hint(format!("try: chmod go-w {}", quoted(place))))
    }

    /// What we look for, and where on the way we are.
    fn named(&self, place: &Path) -> String {
        let whole = format!("{} {}", self.what, self.path.display());
        if place == self.path { whole } else { format!("{whole}: {}", place.display()) }
    }
}

/// Returns the file that a program's name stands for, as execvp(3) finds it.
fn found(program: &OsStr, path: &OsStr, folder: &Path) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    if program.as_bytes().contains(&b'/') {
        return Some(folder.join(program)).filter(|file| is_program(file));
    }
    std::env::split_paths(path).map(|place| folder.join(place).join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
}

/// Whether a program reads what it does from the file that is its first argument.
fn is_interpreter(program: &Path) -> bool {
    const NAMES: [&str; 17] = [
        "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "busybox", "python", "perl", "ruby", "node", "php", "lua",
        "tclsh", "guile",
    ];
    let name = program.file_name().and_then(OsStr::to_str).unwrap_or_default();
    NAMES.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

/// Returns the interpreter of a script with its arguments, as its first line names them.
fn first_line(program: &Path) -> Vec<String> {
    let mut start = Vec::new();
    let read = fs::File::open(program).and_then(|file| file.take(256).read_to_end(&mut start));
    let line = start.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
    match (read, line) {
        (Ok(_), Some(line)) => String::from_utf8_lossy(line).split_ascii_whitespace().map(str::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Writes a path as it is typed in a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/-_.@+,:=".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
