//! What a file of mail has, and an mbox (RFC 4155): one file of many messages, as a dozen programs write it.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::fault::{Class, Fault};

/// How an mbox and each message in it begins.
pub const MBOX: &[u8] = b"From ";
/// How long the text of a message is, in the mbox of some programs.
const LENGTH: &[u8] = b"Content-Length:";
/// The most words of a line that separates messages.
const SEPARATOR: usize = 12;

/// A message from a file.
pub struct FileMessage {
    /// The path; for an mbox with the message's number in it.
    pub origin: String,
    /// When the mbox says that it was delivered; seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    /// When its file was written; seconds since 1970 UTC.
    pub written_at: Option<i64>,
    pub bytes: Vec<u8>,
}

/// What stands at or below a path.
pub enum Found {
    Message(FileMessage),
    /// What cannot be read, or is too large; it holds up nothing behind it.
    Fault(anyhow::Error),
    /// What is no mail by its name and its beginning, and the mailboxes beside the one that was named.
    PassedOver(PathBuf),
}

/// Takes one thing that was found.
pub type Each<'a> = dyn FnMut(Found) -> Result<()> + 'a;

/// Reads an mbox: a line that separates messages begins one when an empty line stands before it, or when nothing else can look like
/// it; one `>` is taken off quoted ones.
pub fn read(path: &Path, mut reader: impl BufRead, max: u64, written_at: Option<i64>, each: &mut Each<'_>) -> Result<()> {
    let mut next_line = || -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let length = reader.by_ref().take(max.saturating_add(1)).read_until(b'\n', &mut line)?;
        Ok((length > 0).then_some(line))
    };
    let mut out = Numbered { path, number: 0, max, written_at, each };
    let mut current: Option<Open> = None;
    let mut after_empty = true;
    let mut fault = None;
    let mut line_or_none = |fault: &mut Option<std::io::Error>| {
        next_line().unwrap_or_else(|error| {
            *fault = Some(error);
            None
        })
    };
    let mut ahead = line_or_none(&mut fault);
    while let Some(line) = ahead {
        ahead = line_or_none(&mut fault);
        if current.is_none() || separates(&line, ahead.as_deref(), after_empty) {
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
        if let Some(open) = current.as_mut().filter(|open| !open.is_too_large) {
            open.take(&line);
            if open.bytes.len() as u64 > max {
                // The length may have been wrong.
                current = Some(out.hand_on_marked(std::mem::take(open))?);
            }
        }
    }
    match fault {
        // What was read of the last one may not be all of it.
        Some(error) => (out.each)(Found::Fault(unreadable(path, &error))),
        None => current.map_or(Ok(()), |open| out.hand_on(open)),
    }
}

/// Whether a line separates two messages (RFC 4155): it names a sender, and a day and a time as a clock of Unix writes them; or
/// the header of a message follows; both where no empty line stands before it. `From now on` is text.
fn separates(line: &[u8], next: Option<&[u8]>, after_empty: bool) -> bool {
    let Some(rest) = line.strip_prefix(MBOX) else { return false };
    let rest = String::from_utf8_lossy(rest);
    let words: Vec<&str> = rest.split_ascii_whitespace().take(SEPARATOR).collect();
    let is_day = |word: &&str| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&word.trim_end_matches(','));
    let is_number = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = |word: &&str| word.split(':').count() >= 2 && word.split(':').all(|part| is_number(part, 2));
    let is_dated = words.iter().any(is_day) && words.iter().any(is_time) && words.iter().any(|word| is_number(word, 4));
    let is_daemon = |word: &str| ["-", "MAILER-DAEMON", "MAILER_DAEMON"].contains(&word);
    let is_sent = words.first().is_some_and(|sender| sender.contains('@') || is_daemon(sender));
    let next = next.unwrap_or_default();
    let next_is_field =
        next.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0 && next[..at].iter().all(u8::is_ascii_graphic));
    if !after_empty {
        return is_dated && is_sent && next_is_field;
    }
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
    /// It was said, and what is left of it is passed over.
    is_too_large: bool,
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
    written_at: Option<i64>,
    each: &'a mut Each<'a>,
}

impl Numbered<'_> {
    fn hand_on(&mut self, open: Open) -> Result<()> {
        if open.is_too_large {
            return Ok(());
        }
        let open = if open.is_whole() { open } else { self.hand_on_marked(open)? };
        if open.is_too_large { Ok(()) } else { self.one(open.internal_date, &open.bytes) }
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
            let fault = too_large(&self.origin(), self.max);
            (self.each)(Found::Fault(fault))?;
            self.number += 1;
            return Ok(Open { is_too_large: true, is_in_body: true, ..Open::default() });
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
        (self.each)(Found::Message(FileMessage { origin, internal_date, written_at: self.written_at, bytes }))
    }
}

/// Reads the date of a line such as `From a@example.org Fri Nov 20 10:00:00 2026`.
fn delivered(line: &[u8]) -> Option<i64> {
    let line = std::str::from_utf8(line).ok()?;
    let date = line.split_ascii_whitespace().skip(2).take(5).collect::<Vec<_>>().join(" ");
    let parsed = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %Y", &date).ok()?;
    Some(parsed.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

pub fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Fault::new(Class::Data, format!("cannot read {}: {error}", path.display())).into()
}

pub fn too_large(origin: &str, max: u64) -> anyhow::Error {
    Fault::new(Class::Data, format!("{origin} is larger than {max} bytes"))
        .hint("to import it: espomail account set NAME --max-message-mib N")
        .into()
}
