//! Reading mail from files: a message, an mbox, a Maildir, or a folder of messages (FETCH-17).

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::fault::{Class, Fault};

/// How an mbox and each message in it begins (RFC 4155).
const MBOX: &[u8] = b"From ";

/// A message from a file.
pub struct FileMessage {
    /// The path; for an mbox with the message's number in it.
    pub origin: String,
    /// When the file was written or the mbox says it was delivered; seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    pub bytes: Vec<u8>,
}

/// Hands every message at or below a path to `each`, in the order of names. A message larger than `max` bytes is an error
/// that names it; nothing behind it is read.
pub fn read(path: &Path, max: u64, each: &mut dyn FnMut(FileMessage) -> Result<()>) -> Result<()> {
    let kind = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if kind.is_dir() { read_folder(path, max, each) } else { read_file(path, max, each) }
}

/// A Maildir has messages in `cur` and `new`, under any names; another folder has them in files whose names or beginnings
/// say so, and in the folders below it.
fn read_folder(folder: &Path, max: u64, each: &mut dyn FnMut(FileMessage) -> Result<()>) -> Result<()> {
    let is_maildir = folder.join("cur").is_dir() && folder.join("new").is_dir();
    let folders = if is_maildir { vec![folder.join("cur"), folder.join("new")] } else { vec![folder.to_path_buf()] };
    for folder in folders {
        for path in sorted(&folder)? {
            // A link to a folder may lead back here, and what is neither file nor folder may never end.
            let is_link = path.symlink_metadata().map_err(|error| unreadable(&path, &error))?.is_symlink();
            let kind = path.metadata().map_err(|error| unreadable(&path, &error))?;
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if kind.is_dir() && !is_link && !is_maildir {
                read_folder(&path, max, each)?;
            } else if kind.is_file() && !is_hidden && (is_maildir || is_mail(&path)?) {
                read_file(&path, max, each)?;
            }
        }
    }
    Ok(())
}

fn is_mail(path: &Path) -> Result<bool> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    if matches!(extension.as_deref(), Some("eml" | "mbox")) {
        return Ok(true);
    }
    let mut beginning = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MBOX.len() as u64).read_to_end(&mut beginning))
        .map_err(|error| unreadable(path, &error))?;
    if beginning != MBOX {
        log::info!("passed over {}: neither .eml nor an mbox", path.display());
    }
    Ok(beginning == MBOX)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| unreadable(folder, &error))?;
    paths.sort();
    Ok(paths)
}

/// A file that begins with `From ` is an mbox (RFC 4155); any other one is a message.
fn read_file(path: &Path, max: u64, each: &mut dyn FnMut(FileMessage) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let modified = file
        .metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| jiff::Timestamp::try_from(time).ok())
        .map(jiff::Timestamp::as_second);
    let mut reader = BufReader::with_capacity(128 << 10, file);
    if reader.fill_buf().map_err(|error| unreadable(path, &error))?.starts_with(MBOX) {
        return read_mbox(path, reader, max, each);
    }
    let mut bytes = Vec::new();
    reader.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > max {
        return Err(too_large(&path.display().to_string(), max));
    }
    each(FileMessage { origin: path.display().to_string(), internal_date: modified, bytes })
}

/// Reads an mbox: a `From ` line begins a message when an empty line stands before it; one `>` is taken off quoted ones.
fn read_mbox(path: &Path, mut reader: impl BufRead, max: u64, each: &mut dyn FnMut(FileMessage) -> Result<()>) -> Result<()> {
    let mut number = 0_u64;
    let mut current: Option<FileMessage> = None;
    let mut after_empty = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        let more =
            (&mut reader).take(max.saturating_add(1)).read_until(b'\n', &mut line).map_err(|error| unreadable(path, &error))? > 0;
        let begins = more && after_empty && line.starts_with(MBOX);
        if begins || !more {
            if let Some(mut message) = current.take() {
                // The empty line before the next message is the mbox's, not the message's.
                let end = message.bytes.strip_suffix(b"\r\n\r\n").map(|rest| rest.len() + 2);
                let end = end.or_else(|| message.bytes.strip_suffix(b"\n\n").map(|rest| rest.len() + 1));
                message.bytes.truncate(end.unwrap_or(message.bytes.len()));
                each(message)?;
            }
            if !more {
                return Ok(());
            }
            number += 1;
            let internal_date = delivered(&line);
            current = Some(FileMessage { origin: format!("{}:{number}", path.display()), internal_date, bytes: Vec::new() });
            after_empty = false;
            continue;
        }
        after_empty = matches!(line.as_slice(), b"\n" | b"\r\n");
        if let Some(message) = &mut current {
            let quoted = line.iter().position(|byte| *byte != b'>').is_some_and(|at| at > 0 && line[at..].starts_with(MBOX));
            message.bytes.extend_from_slice(if quoted { &line[1..] } else { &line });
            if message.bytes.len() as u64 > max {
                return Err(too_large(&message.origin, max));
            }
        }
    }
}

/// Reads the date of a line such as `From a@example.org Fri Nov 20 10:00:00 2026`.
fn delivered(line: &[u8]) -> Option<i64> {
    let line = std::str::from_utf8(line).ok()?;
    let date = line.split_ascii_whitespace().skip(2).take(5).collect::<Vec<_>>().join(" ");
    let parsed = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %Y", &date).ok()?;
    Some(parsed.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Fault::new(Class::Data, format!("cannot read {}: {error}", path.display())).into()
}

fn too_large(origin: &str, max: u64) -> anyhow::Error {
    Fault::new(Class::Data, format!("{origin} is larger than {max} bytes"))
        .hint("raise fetch.max-message-size to import it")
        .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn all(path: &Path) -> Vec<(String, Option<i64>)> {
        let mut messages = Vec::new();
        read(path, 1_000, &mut |message| {
            messages.push((String::from_utf8(message.bytes).unwrap(), message.internal_date));
            Ok(())
        })
        .unwrap();
        messages
    }

    #[test]
    fn fetch_17_an_mbox_a_maildir_a_folder_and_a_message() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("box");
        std::fs::write(
            &mbox,
            "From a@example.org Fri Nov 20 10:00:00 2026\nSubject: 1\n\nHi\nFrom here\n>From there\n>>From far\n\nFrom b@example.org Sat\nSubject: 2\n\nx\n",
        )
        .unwrap();
        let found = all(&mbox);
        assert_eq!(found[0], ("Subject: 1\n\nHi\nFrom here\nFrom there\n>From far\n".to_string(), Some(1_795_168_800)));
        assert_eq!(found[1].0, "Subject: 2\n\nx\n");

        let maildir = dir.path().join("maildir");
        for (folder, name, text) in [("cur", "1:2,S", "a"), ("new", "2", "b"), ("tmp", "3", "never")] {
            std::fs::create_dir_all(maildir.join(folder)).unwrap();
            std::fs::write(maildir.join(folder).join(name), text).unwrap();
        }
        assert_eq!(all(&maildir).iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(all(&maildir.join("cur/1:2,S"))[0].0, "a");
    }

    #[test]
    fn fetch_17_a_tree_with_links_pipes_and_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("2026/11");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("b.EML"), "b").unwrap();
        std::fs::write(below.join("box"), "From a@example.org x\n\nc\n").unwrap();
        std::fs::write(below.join("index.html"), "<html>").unwrap();
        std::fs::write(below.join(".hidden.eml"), "h").unwrap();
        std::os::unix::fs::symlink(dir.path(), below.join("round")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(below.join("pipe.eml")).status().unwrap();
        assert!(made.success());
        assert_eq!(all(dir.path()).iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["b", "\nc\n"]);
        let missing = read(&dir.path().join("none"), 1, &mut |_| Ok(())).unwrap_err();
        assert_eq!(crate::fault::class_of(&missing), Class::Data);
    }

    #[test]
    fn fetch_17_a_giant_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("notes.txt"), vec![b'x'; 2_000]).unwrap();
        assert!(all(dir.path()).is_empty());
        std::fs::write(dir.path().join("a.eml"), vec![b'x'; 2_000]).unwrap();
        let error = read(dir.path(), 1_000, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("a.eml is larger than 1000 bytes"), "{error}");
    }
}
