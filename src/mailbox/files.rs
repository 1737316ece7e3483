//! Reading mail from files: a message, an mbox, a Maildir, or a folder of messages (FETCH-17).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::mbox::{self, Each, FileMessage, Found, MBOX, too_large, unreadable};
use crate::custody;

/// How much of a file is looked at to tell what it is, in bytes.
const BEGINNING: u64 = 256;

/// Hands everything at or below a path to `each`, in the order of names. A message larger than `max` bytes is a fault that names it.
pub fn read(path: &Path, max: u64, each: &mut Each<'_>) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(kind) if kind.is_dir() => read_folder(path, max, each),
        Ok(_) => read_file(path, max, each),
        Err(error) => each(Found::Fault(unreadable(path, &error))),
    }
}

/// A Maildir has messages in `cur` and `new`, under any names; another folder has them in files whose names or beginnings
/// say so, and in the folders below it.
fn read_folder(folder: &Path, max: u64, each: &mut Each<'_>) -> Result<()> {
    let is_maildir = is_maildir(folder);
    let folders = if is_maildir { vec![folder.join("cur"), folder.join("new")] } else { vec![folder.to_path_buf()] };
    for path in sorted(folder, each)?.into_iter().filter(|path| is_maildir && is_hidden(path) && is_maildir_of(path)) {
        each(Found::PassedOver(path))?;
    }
    for folder in folders {
        for path in sorted(&folder, each)? {
            // A link to a folder may lead back here, and what is neither file nor folder may never end.
            let kinds = path.symlink_metadata().and_then(|link| Ok((link.is_symlink(), path.metadata()?)));
            let (is_link, kind) = match kinds {
                Ok(kinds) => kinds,
                Err(error) => {
                    each(Found::Fault(unreadable(&path, &error)))?;
                    continue;
                }
            };
            if kind.is_dir() && !is_link && !is_maildir {
                read_folder(&path, max, each)?;
            } else if kind.is_file() && !is_hidden(&path) {
                match is_maildir || is_mail(&path) {
                    true => read_file(&path, max, each)?,
                    false => each(Found::PassedOver(path))?,
                }
            }
        }
    }
    Ok(())
}

/// Whether a folder is a Maildir. What copies trees may leave out `new` or `cur` where they are empty.
fn is_maildir(folder: &Path) -> bool {
    let has = |name| folder.join(name).is_dir();
    match (has("cur"), has("new")) {
        (true, true) => true,
        (false, false) => false,
        _ => has("tmp") || ["cur", "new"].iter().any(|name| is_maildir_of_one(&folder.join(name))),
    }
}

/// Whether a mailbox beside the one that was named has messages: `.Sent` of a Maildir++.
fn is_maildir_of(folder: &Path) -> bool {
    folder.join("cur").is_dir() || folder.join("new").is_dir()
}

/// Whether the files of a folder have names as in a Maildir: `1732615200.M1P2.host:2,S`.
fn is_maildir_of_one(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).any(|name| {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        name.contains(":2,") || digits > 0 && name[digits..].starts_with('.') && !name.to_ascii_lowercase().ends_with(".eml")
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Whether a file is mail, by its name or its beginning; what cannot be read may be.
fn is_mail(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let is_named = matches!(extension.as_deref(), Some("eml" | "mbox"));
    is_named
        || custody::check_free(path).is_ok()
            && File::open(path).and_then(|file| beginning(&mut &file)).map_or(true, |beginning| mbox_from(&beginning).is_some())
}

fn sorted(folder: &Path, each: &mut Each<'_>) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // One of a Maildir's folders may be missing.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return each(Found::Fault(unreadable(folder, &error))).map(|()| Vec::new()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => each(Found::Fault(unreadable(folder, &error)))?,
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads how a file begins; a pipe hands it over in pieces.
fn beginning(file: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    file.take(BEGINNING).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// Where the first message of an mbox begins; none where it is no mbox. Editors put a byte order mark or empty lines before it.
fn mbox_from(beginning: &[u8]) -> Option<usize> {
    let rest = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
    rest.starts_with(MBOX).then_some(beginning.len() - rest.len())
}

/// A file that begins with `From ` is an mbox (RFC 4155); any other one is a message.
fn read_file(path: &Path, max: u64, each: &mut Each<'_>) -> Result<()> {
    if let Err(fault) = custody::check_free(path) {
        return each(Found::Fault(fault.into()));
    }
    let opened = File::open(path).and_then(|mut file| Ok((beginning(&mut file)?, file)));
    let (mut begun, file) = match opened {
        Ok(opened) => opened,
        Err(error) => return each(Found::Fault(unreadable(path, &error))),
    };
    let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let written_at = written.and_then(|time| jiff::Timestamp::try_from(time).ok()).map(jiff::Timestamp::as_second);
    if let Some(start) = mbox_from(&begun) {
        begun.drain(..start);
        let reader = BufReader::with_capacity(128 << 10, begun.as_slice().chain(file));
        return mbox::read(path, reader, max, written_at, each);
    }
    let mut bytes = Vec::new();
    let length = begun.as_slice().chain(file).take(max.saturating_add(1)).read_to_end(&mut bytes);
    let origin = path.display().to_string();
    each(match length {
        Err(error) => Found::Fault(unreadable(path, &error)),
        Ok(_) if bytes.len() as u64 > max => Found::Fault(too_large(&origin, max)),
        Ok(_) => Found::Message(FileMessage { origin, internal_date: None, written_at, bytes }),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn all(path: &Path) -> Vec<(String, Option<i64>)> {
        let (messages, others) = whole(path);
        assert!(others.iter().all(|other| other.starts_with("passed over ")), "{others:?}");
        messages
    }

    /// The messages, and what is said of others.
    fn whole(path: &Path) -> (Vec<(String, Option<i64>)>, Vec<String>) {
        let (mut messages, mut others) = (Vec::new(), Vec::new());
        read(path, 1_000, &mut |found| {
            match found {
                Found::Message(message) => messages.push((String::from_utf8(message.bytes).unwrap(), message.internal_date)),
                Found::Fault(fault) => others.push(format!("{fault:#}")),
                Found::PassedOver(path) => others.push(format!("passed over {}", path.file_name().unwrap().display())),
            }
            Ok(())
        })
        .unwrap();
        (messages, others)
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
    fn fetch_17_from_in_a_text_separates_no_messages() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("box");
        const FROM: &str = "From dora@example.org Mon Jan  5 10:00:00 2026\n";
        for (text, number) in [
            ("Hello\n\nFrom now on we wait.\nBye\n", 1),
            ("Hello\n\nFrom: Dora\nTo: Ben\n", 1),
            ("Hello\n\nFrom 10:30 on we wait.\nNote: we do.\n", 1),
            ("Hello\n\nFrom Mon to Fri at 10:00 in 2026\nwe wait.\n", 1),
            ("Hello\n\nFrom dora@example.org I heard\nthat it works.\n", 1),
            ("Hello\n\nFrom ben@example.org Mon Jan  5 10:00 2026\nthis is a text.\n", 1),
            ("Hello\n\nFrom dora@example.org Mon Jan  5 10:00:00 2026\nSubject: 2\n\nx\n", 2),
            ("Hello\n\nFrom - Mon Jan 05 10:00:00 2026\nX-Mozilla-Status: 0001\n\nx\n", 2),
            ("Hello\n\nFrom 1779@xxx Mon Jan 05 10:00:00 +0000 2026\nSubject: 2\n\nx\n", 2),
            ("Hello\n\nFrom dora@example.org Mon Jan  5 10:00:00 2026\n\nx\n", 2),
        ] {
            std::fs::write(&mbox, format!("{FROM}Subject: 1\n\n{text}\n{FROM}Subject: last\n\nend\n")).unwrap();
            let found = all(&mbox);
            assert_eq!(found.len(), number + 1, "{text}");
            assert_eq!(found[0].0.len() > 20 + "Hello".len(), number == 1, "{text}: {:?}", found[0].0);
            assert_eq!(found[number].0, "Subject: last\n\nend\n");
        }
    }

    #[test]
    fn fetch_17_content_length_says_where_a_message_ends_when_it_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("box");
        const FROM: &str = "From dora@example.org Mon Jan  5 10:00:00 2026\n";
        let text = format!("Forwarded:\n\n{FROM}Subject: inner\n\nx\n");
        for (length, number) in [(text.len(), 2), (text.len() + 1, 2), (3, 3), (20, 3), (500, 3), (900_000, 3)] {
            std::fs::write(&mbox, format!("{FROM}Content-Length: {length}\n\n{text}\n{FROM}Subject: last\n\nend\n")).unwrap();
            let found = all(&mbox);
            assert_eq!(found.len(), number, "{length}: {found:?}");
            assert_eq!(found[number - 1], ("Subject: last\n\nend\n".to_string(), Some(1_767_607_200)), "{length}");
        }
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
        assert_eq!(whole(dir.path()).1, ["passed over index.html"]);
        let (none, missing) = whole(&dir.path().join("none"));
        assert!(none.is_empty() && missing.len() == 1 && missing[0].contains("none: No such file"), "{missing:?}");
    }

    #[test]
    fn fetch_17_a_maildir_without_its_empty_folders_and_with_mailboxes_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        for (at, text) in [("box/cur/1.M1.host:2,S", "a"), ("box/.Sent/cur/1:2,", "sent"), ("other/new/17.M2.host", "b")] {
            std::fs::create_dir_all(dir.path().join(at).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(at), text).unwrap();
        }
        // A folder of that name makes no Maildir.
        std::fs::create_dir_all(dir.path().join("2026/new")).unwrap();
        std::fs::write(dir.path().join("2026/new/c.eml"), "c").unwrap();
        std::fs::write(dir.path().join("2026/d.eml"), "d").unwrap();
        let (messages, others) = whole(dir.path());
        assert_eq!(messages.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["d", "c", "a", "b"]);
        assert_eq!(others, ["passed over .Sent"]);
        assert_eq!(all(&dir.path().join("box/.Sent"))[0].0, "sent");
    }

    #[test]
    fn fetch_17_an_mbox_is_known_however_it_begins_and_ends_its_messages() {
        const FROM: &str = "From dora@example.org Mon Jan  5 10:00:00 2026\n";
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("box");
        for between in ["\n", "", "\n\n"] {
            for before in ["", "\n", "\u{feff}", "\u{feff}\r\n\n"] {
                std::fs::write(&mbox, format!("{before}{FROM}Subject: 1\n\nx\n{between}{FROM}Subject: 2\n\ny\n")).unwrap();
                assert_eq!(all(&mbox).len(), 2, "{before:?} {between:?}");
            }
        }
        std::fs::write(&mbox, format!("{FROM}Subject: 1\n\nx\n\nFrom MAILER_DAEMON Mon, 5 Jan 2026 10:00:00\nSubject: 2\n\ny\n"))
            .unwrap();
        assert_eq!(all(&mbox).len(), 2);
        // A pipe hands over what it has.
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut pipe = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
                for piece in
                    ["Fr", "om dora@example.org Mon Jan  5 10:00:00 2026\nSubject: 1\n\nx\n\n", FROM, "Subject: 2\n\ny\n"]
                {
                    std::io::Write::write_all(&mut pipe, piece.as_bytes()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            });
            assert_eq!(all(&pipe).len(), 2);
        });
    }

    #[test]
    fn fetch_17_a_giant_is_named_and_holds_up_nothing() {
        const FROM: &str = "From dora@example.org Mon Jan  5 10:00:00 2026\n";
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("notes.txt"), vec![b'x'; 2_000]).unwrap();
        assert!(all(dir.path()).is_empty());
        std::fs::write(dir.path().join("a.eml"), vec![b'x'; 2_000]).unwrap();
        std::fs::write(dir.path().join("b.eml"), "b").unwrap();
        let giant = "x\n".repeat(1_000);
        std::fs::write(dir.path().join("c.mbox"), format!("{FROM}A: 1\n\n{giant}\n{FROM}A: 2\n\n{giant}\n{FROM}A: 3\n\nz\n"))
            .unwrap();
        let (messages, others) = whole(dir.path());
        assert_eq!(messages.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["b", "A: 3\n\nz\n"]);
        let named = ["a.eml is larger than 1000 bytes", "c.mbox:1 is larger", "c.mbox:2 is larger", "passed over notes.txt"];
        assert!(others.len() == 4 && named.iter().zip(&others).all(|(part, other)| other.contains(part)), "{others:?}");
    }
}
