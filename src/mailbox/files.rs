//! Reading mail from files: a message, an mbox, a Maildir, or a folder of messages (FETCH-17).

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::custody;
use crate::fault::{Class, Fault};

/// How an mbox and each message in it begins (RFC 4155).
const MBOX: &[u8] = b"From ";
/// How long the text of a message is, in the mbox of some programs.
const LENGTH: &[u8] = b"Content-Length:";
/// The most words of a line that separates messages.
const SEPARATOR: usize = 12;

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
    if custody::check_free(path).is_err() {
        return Ok(false);
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
    custody::check_free(path)?;
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

/// Reads an mbox: a line that separates messages begins one when an empty line stands before it; one `>` is taken off quoted
/// ones.
fn read_mbox(path: &Path, mut reader: impl BufRead, max: u64, each: &mut dyn FnMut(FileMessage) -> Result<()>) -> Result<()> {
    let mut next_line = || -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(max.saturating_add(1));
        let length = limited.read_until(b'\n', &mut line).map_err(|error| unreadable(path, &error))?;
        Ok((length > 0).then_some(line))
    };
    let mut out = Numbered { path, number: 0, max, each };
    let mut current: Option<Open> = None;
    let mut after_empty = true;
    let mut ahead = next_line()?;
    while let Some(line) = ahead {
        ahead = next_line()?;
        let is_first = current.is_none();
        if after_empty && (is_first || separates(&line, ahead.as_deref())) {
            match &mut current {
                // Its Content-Length says that this is text of it.
                Some(open) if open.left() > 0 => open.mark(&line),
                _ => {
                    if let Some(open) = current.take() {
                        out.hand_on(open)?;
                    }
                    current = Some(Open { internal_date: delivered(&line), ..Open::default() });
                }
            }
            after_empty = false;
            continue;
        }
        after_empty = matches!(line.as_slice(), b"\n" | b"\r\n");
        if let Some(open) = &mut current {
            open.take(&line);
            if open.bytes.len() as u64 > max {
                // The length may have been wrong.
                current = Some(out.hand_on_marked(std::mem::take(open))?);
            }
        }
    }
    current.map_or(Ok(()), |open| out.hand_on(open))
}

/// Whether a line separates two messages (RFC 4155): it names a sender, and a day and a time as a clock of Unix writes them; or
/// the header of a message follows. `From now on` is text.
fn separates(line: &[u8], next: Option<&[u8]>) -> bool {
    let Some(rest) = line.strip_prefix(MBOX) else { return false };
    let rest = String::from_utf8_lossy(rest);
    let words: Vec<&str> = rest.split_ascii_whitespace().take(SEPARATOR).collect();
    let is_day = |word: &&str| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(word);
    let is_number = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = |word: &&str| word.split(':').count() >= 2 && word.split(':').all(|part| is_number(part, 2));
    let is_dated = words.iter().any(is_day) && words.iter().any(is_time) && words.iter().any(|word| is_number(word, 4));
    let is_sent = words.first().is_some_and(|sender| sender.contains('@') || matches!(*sender, "-" | "MAILER-DAEMON"));
    let next = next.unwrap_or_default();
    let next_is_field =
        next.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0 && next[..at].iter().all(u8::is_ascii_graphic));
    let next_is_empty = next.trim_ascii().is_empty();
    let next_is_line = next.starts_with(b">From ") || next.starts_with(MBOX);
    is_dated && (next_is_field || next_is_empty || next_is_line) || is_sent && next_is_field
}

/// A message of an mbox that is being read.
#[derive(Default)]
struct Open {
    internal_date: Option<i64>,
    bytes: Vec<u8>,
    is_in_body: bool,
    /// What its Content-Length says, and how much of that has come.
    length: Option<u64>,
    body: u64,
    /// Lines that separate messages where the length is wrong: where each stands, and its date.
    marks: Vec<(std::ops::Range<usize>, Option<i64>)>,
}

impl Open {
    /// How much of its text is still to come; an mbox may end it with an empty line of its own.
    fn left(&self) -> u64 {
        self.length.map_or(0, |length| length.saturating_sub(self.body))
    }

    /// Whether it ends where its Content-Length says.
    fn is_whole(&self) -> bool {
        self.length.is_some_and(|length| (length..=length + 4).contains(&self.body))
    }

    fn mark(&mut self, line: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.body += line.len() as u64;
        self.marks.push((start..self.bytes.len(), delivered(line)));
    }

    fn take(&mut self, line: &[u8]) {
        if self.is_in_body {
            self.body += line.len() as u64;
        } else if line.trim_ascii().is_empty() {
            self.is_in_body = true;
        } else if line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH)) {
            self.length = std::str::from_utf8(&line[LENGTH.len()..]).ok().and_then(|length| length.trim().parse().ok());
        }
        let quoted = line.iter().position(|byte| *byte != b'>').is_some_and(|at| at > 0 && line[at..].starts_with(MBOX));
        self.bytes.extend_from_slice(if quoted { &line[1..] } else { line });
    }
}

/// Hands on what is read, with its number.
struct Numbered<'a> {
    path: &'a Path,
    number: u64,
    max: u64,
    each: &'a mut dyn FnMut(FileMessage) -> Result<()>,
}

impl Numbered<'_> {
    fn hand_on(&mut self, open: Open) -> Result<()> {
        let open = if open.is_whole() { open } else { self.hand_on_marked(open)? };
        self.one(open.internal_date, &open.bytes)
    }

    /// Hands on what stands before the marks; the length was wrong. Returns what stands behind them.
    fn hand_on_marked(&mut self, mut open: Open) -> Result<Open> {
        let mut start = 0;
        for (mark, date) in std::mem::take(&mut open.marks) {
            self.one(open.internal_date, &open.bytes[start..mark.start])?;
            (open.internal_date, start) = (date, mark.end);
        }
        let bytes = open.bytes.split_off(start);
        if bytes.len() as u64 > self.max {
            return Err(too_large(&self.origin(), self.max));
        }
        // The header of it is behind us; only another message has a length.
        Ok(Open { internal_date: open.internal_date, bytes, is_in_body: true, ..Open::default() })
    }

    fn origin(&self) -> String {
        format!("{}:{}", self.path.display(), self.number + 1)
    }

    fn one(&mut self, internal_date: Option<i64>, bytes: &[u8]) -> Result<()> {
        // The empty line before the next message is the mbox's, not the message's.
        let end = bytes.strip_suffix(b"\r\n\r\n").map(|rest| rest.len() + 2);
        let end = end.or_else(|| bytes.strip_suffix(b"\n\n").map(|rest| rest.len() + 1));
        let bytes = bytes[..end.unwrap_or(bytes.len())].to_vec();
        let origin = self.origin();
        self.number += 1;
        (self.each)(FileMessage { origin, internal_date, bytes })
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
