//! A session with an IMAP server: commands, and their answers one response at a time, so that a malformed one spoils only
//! itself. UIDs come only from our own searches, and none outside their range is handed on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use anyhow::Result;
use imap_proto::types::Status;
use jiff::Timestamp;

use super::answer::{self, Item, Taken};
use super::wire::Wire;
use super::{HeaderOnly, Listed, Opened, RawMessage, name, structure};
use crate::fault::{Class, Fault, Reach};
use crate::net::text;

/// The bytes that an answer without message bodies may have.
const SMALL_ANSWER: u64 = 64 << 20;
/// Seconds of a day; no time zone is further than that from UTC.
const DAY: i64 = 86_400;
/// The longest set of UIDs in one command: servers need not take lines over 8,192 bytes (RFC 7162, section 4).
const LONGEST_SET: usize = 7_000;

/// A logged-in connection.
pub struct Session {
    pub(super) wire: Wire,
    pub(super) account: String,
    pub(super) max_response: u64,
    pub(super) tag: u32,
    /// What must not be repeated when the server's words are.
    pub(super) secrets: Vec<String>,
}

impl Session {
    /// Sends a command and hands each untagged response to `each`, until the tagged one.
    pub(super) fn command(&mut self, command: &str, bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.converse(&[command.as_bytes().to_vec()], bytes, each)
    }

    /// Sends a command whose later parts the server has to ask for, with `+`.
    pub(super) fn converse(&mut self, parts: &[Vec<u8>], bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.tag += 1;
        let tag = format!("e{}", self.tag);
        self.wire.allow(bytes);
        let mut parts = parts.iter();
        let first = parts.next().map(Vec::as_slice).unwrap_or_default();
        self.wire.send(&[tag.as_bytes(), b" ", first, b"\r\n"].concat()).map_err(broken)?;
        loop {
            let line = self.wire.answer().map_err(broken)?;
            if let Some(ending) = answer::ending(&line, &tag) {
                return match ending.status {
                    Status::Ok => Ok(()),
                    _ => Err(Said(self.words(ending.information)).into()),
                };
            }
            if let Some(words) = answer::bye(&line) {
                return Err(self.said_bye(words));
            }
            if line.starts_with(b"* ") {
                each(line);
            } else if line.starts_with(b"+")
                && let Some(part) = parts.next()
            {
                // Not put together: a part may be a whole message.
                self.wire.send(part).and_then(|()| self.wire.send(b"\r\n")).map_err(broken)?;
            } else {
                return Err(self.not_understood("the server's answer", &line));
            }
        }
    }

    /// Makes a server's words fit for a line of ours, and for our logs.
    pub(super) fn words(&self, bytes: &[u8]) -> String {
        let mut words = String::from_utf8_lossy(bytes).into_owned();
        for secret in &self.secrets {
            words = words.replace(secret, "…");
        }
        text(words.as_bytes())
    }

    pub(super) fn said_bye(&self, words: &[u8]) -> anyhow::Error {
        fault(Class::Unavailable, format!("the server closes the connection: {}", self.words(words))).into()
    }

    pub(super) fn not_understood(&self, what: &str, line: &[u8]) -> anyhow::Error {
        fault(Class::Protocol, format!("{what} cannot be understood: {}", self.words(first_line(line)))).into()
    }

    /// Lists the names of all mailboxes that hold messages.
    pub fn mailboxes(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.command("LIST \"\" \"*\"", SMALL_ANSWER, &mut |line| names.extend(answer::listed(&line)))
            .map_err(|error| refused("LIST", error))?;
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Opens a mailbox for reading.
    pub fn examine(&mut self, mailbox: &str) -> Result<Opened> {
        let hint = format!("try: espomail account folders {}", self.account);
        let shut = |words: &str| {
            let what = format!("mailbox {} does not open: {words}", text(mailbox.as_bytes()));
            Fault::new(Class::Unavailable, what).reach(Reach::Mailbox).hint(hint).into()
        };
        if mailbox.chars().any(char::is_control) {
            // A server that repeats such a name in its answer would say more than it means to.
            return Err(shut("no name has control characters"));
        }
        let mut lines = Vec::new();
        let command = format!("EXAMINE {}", name::quoted(mailbox));
        self.command(&command, SMALL_ANSWER, &mut |line| lines.push(line)).map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => shut(&words),
            Err(other) => other,
        })?;
        match answer::opened(&lines) {
            (Some(uidvalidity), uidnext, exists) if uidvalidity > 0 => Ok(Opened { uidvalidity, uidnext, exists }),
            _ => Err(Fault::new(Class::Protocol, format!("mailbox {mailbox} has no UIDVALIDITY, so its UIDs mean nothing"))
                .reach(Reach::Mailbox)
                .into()),
        }
    }

    /// Lists the UIDs above one, in order. `n:*` always names the last message, also below n (FETCH-3).
    pub fn uids_above(&mut self, last: u32) -> Result<Vec<u32>> {
        let Some(next) = last.checked_add(1) else { return Ok(Vec::new()) };
        let mut uids = self.search(&format!("UID {next}:*"))?;
        uids.retain(|uid| *uid > last);
        Ok(uids)
    }

    /// Lists the UIDs whose INTERNALDATE is not before a moment, in order; seconds since 1970 UTC.
    pub fn uids_since(&mut self, seconds: i64) -> Result<Vec<u32>> {
        if seconds <= 0 {
            return self.search("ALL");
        }
        // SINCE goes by the day of the server's zone: what is surely later needs no second look.
        let mut uids = self.search(&format!("SINCE {}", day(seconds.saturating_sub(DAY))))?;
        let later: HashSet<u32> = self.search(&format!("SINCE {}", day(seconds.saturating_add(2 * DAY))))?.into_iter().collect();
        let unsure: Vec<u32> = uids.iter().copied().filter(|uid| !later.contains(uid)).collect();
        let mut dates: HashMap<u32, Option<i64>> = HashMap::new();
        for some in unsure.chunks(2_000) {
            self.fetch_items(some, "UID INTERNALDATE", SMALL_ANSWER, &mut |uid, item, _| {
                dates.insert(uid, item.internal_date);
            })?;
        }
        uids.retain(|uid| dates.get(uid).copied().flatten().is_none_or(|date| date >= seconds));
        Ok(uids)
    }

    pub(super) fn search(&mut self, criteria: &str) -> Result<Vec<u32>> {
        let mut uids = Vec::new();
        let mut unread = None;
        self.command(&format!("UID SEARCH {criteria}"), SMALL_ANSWER, &mut |line| match answer::search(&line) {
            Some(found) => uids.extend(found),
            None if answer::is_about(&line, "SEARCH") => unread = Some(line),
            None => {}
        })
        .map_err(|error| refused("UID SEARCH", error))?;
        if let Some(line) = unread {
            return Err(self.not_understood("the answer to UID SEARCH", &line));
        }
        // RFC 3501: a UID is a non-zero number, and the last one is no message's in practice but every overflow's.
        uids.retain(|uid| (1..u32::MAX).contains(uid));
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Lists the sizes of messages; one that is gone is absent.
    pub fn sizes(&mut self, uids: &[u32]) -> Result<Vec<Listed>> {
        let mut listed = BTreeMap::new();
        self.fetch_items(uids, "UID RFC822.SIZE", SMALL_ANSWER, &mut |uid, item, _| {
            if let Some(size) = item.size {
                listed.insert(uid, Listed { uid, size });
            }
        })?;
        Ok(listed.into_values().collect())
    }

    /// Fetches messages whole, in order; one that is gone, or that the server answers for in words that cannot be read, is
    /// absent.
    pub fn fetch(&mut self, uids: &[u32]) -> Result<Vec<RawMessage>> {
        let mut messages = BTreeMap::new();
        let mut nothing = Vec::new();
        self.fetch_items(uids, "UID INTERNALDATE BODY.PEEK[]", self.max_response, &mut |uid, item, line| {
            let internal_date = item.internal_date;
            match item.take("", line) {
                Taken::Bytes(bytes) => drop(messages.insert(uid, RawMessage { uid, internal_date, bytes, partial: false })),
                Taken::Nil => nothing.push((uid, internal_date)),
                Taken::Absent => {}
            }
        })?;
        if !nothing.is_empty() {
            // Some servers say NIL for an empty message, others for one that they cannot read: the size tells.
            let uids: Vec<u32> = nothing.iter().map(|(uid, _)| *uid).collect();
            let empty: HashSet<u32> =
                self.sizes(&uids)?.iter().filter(|listed| listed.size == 0).map(|listed| listed.uid).collect();
            for (uid, internal_date) in nothing.into_iter().filter(|(uid, _)| empty.contains(uid)) {
                messages.entry(uid).or_insert(RawMessage { uid, internal_date, bytes: Vec::new(), partial: false });
            }
        }
        Ok(messages.into_values().collect())
    }

    /// Fetches messages' headers (FETCH-5).
    pub fn headers(&mut self, uids: &[u32]) -> Result<Vec<HeaderOnly>> {
        let mut headers = BTreeMap::new();
        let items = "UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]";
        self.fetch_items(uids, items, self.max_response.max(SMALL_ANSWER), &mut |uid, item, line| {
            let (size, internal_date) = (item.size, item.internal_date);
            if let (Some(size), Taken::Bytes(header)) = (size, item.take("HEADER", line)) {
                headers.insert(uid, HeaderOnly { uid, size, internal_date, header });
            }
        })?;
        Ok(headers.into_values().collect())
    }

    /// Fetches a message's header and text parts only (FETCH-8); none when it is gone. What the server cannot or will not
    /// tell of the structure is left out, down to the header alone.
    pub fn fetch_partial(&mut self, uid: u32) -> Result<Option<RawMessage>> {
        let Some(found) = self.headers(&[uid])?.pop() else { return Ok(None) };
        let (internal_date, header) = (found.internal_date, found.header);
        let bytes = self.put_together(uid, &header)?.unwrap_or(header);
        Ok(Some(RawMessage { uid, internal_date, bytes, partial: true }))
    }

    /// Reads the text parts and puts them together with a header; none when there is no structure to go by.
    fn put_together(&mut self, uid: u32, header: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut structure = None;
        let asked = self.fetch_raw(&[uid], "UID BODYSTRUCTURE", SMALL_ANSWER, &mut |_, item, _| {
            structure = structure.take().or(item.structure);
        });
        if unless_said(asked)?.is_none() {
            return Ok(None);
        }
        let Some(structure) = structure else { return Ok(None) };
        let parts = self.sections(uid, &structure::sections(&structure))?;
        Ok(parts.map(|parts| structure::assemble(header, &structure, &parts)))
    }

    /// Reads sections of a message, all together within the budget of one answer; none when the server refuses.
    fn sections(&mut self, uid: u32, names: &[String]) -> Result<Option<HashMap<String, Vec<u8>>>> {
        let mut parts: HashMap<String, Vec<u8>> = HashMap::new();
        let mut left = self.max_response;
        for some in names.chunks(50) {
            let items = some.iter().map(|name| format!("BODY.PEEK[{name}]")).collect::<Vec<_>>().join(" ");
            let asked = self.fetch_raw(&[uid], &format!("UID {items}"), left, &mut |_, item, line| {
                parts.extend(item.into_sections(&line));
            });
            if unless_said(asked)?.is_none() {
                return Ok(None);
            }
            left = self.max_response.saturating_sub(parts.values().map(|part| part.len() as u64).sum());
        }
        Ok(Some(parts))
    }

    fn fetch_items(&mut self, uids: &[u32], items: &str, bytes: u64, each: &mut dyn FnMut(u32, Item, Vec<u8>)) -> Result<()> {
        self.fetch_raw(uids, items, bytes, each).map_err(|error| refused("UID FETCH", error))
    }

    /// Fetches items and hands on those of messages that were asked for. A response that cannot be read is passed over:
    /// its message is absent, and the caller sees to it.
    fn fetch_raw(&mut self, uids: &[u32], items: &str, bytes: u64, each: &mut dyn FnMut(u32, Item, Vec<u8>)) -> Result<()> {
        let asked: HashSet<u32> = uids.iter().copied().collect();
        for set in sets(uids) {
            self.command(&format!("UID FETCH {set} ({items})"), bytes, &mut |line| match answer::item(&line) {
                Some(item) => {
                    if let Some(uid) = item.uid.filter(|uid| asked.contains(uid)) {
                        each(uid, item, line);
                    }
                }
                None => log::debug!("passed over: {}", text(first_line(&line))),
            })?;
        }
        Ok(())
    }

    /// Says goodbye; a server that does not answer any more is none of our business.
    pub fn logout(mut self) {
        self.tag += 1;
        let _ = self.wire.send(format!("e{} LOGOUT\r\n", self.tag).as_bytes());
    }
}

/// A command that the server answered with NO or BAD, in its words.
#[derive(Debug)]
pub(super) struct Said(pub(super) String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

pub(super) fn fault(class: Class, what: String) -> Fault {
    Fault::new(class, what).reach(Reach::Account)
}

/// An answer larger or longer than any may be breaks the protocol; everything else is the line.
pub(super) fn broken(error: io::Error) -> anyhow::Error {
    let class = if error.kind() == io::ErrorKind::InvalidData { Class::Protocol } else { Class::Unavailable };
    fault(class, error.to_string()).into()
}

pub(super) fn refused(command: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Said>() {
        Ok(Said(words)) => fault(Class::Unavailable, format!("{command} was refused: {words}")).into(),
        Err(other) => other,
    }
}

/// Turns a refusal into none.
fn unless_said(outcome: Result<()>) -> Result<Option<()>> {
    match outcome {
        Ok(()) => Ok(Some(())),
        Err(error) if error.is::<Said>() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A response up to its first literal: bodies are not for logs.
fn first_line(response: &[u8]) -> &[u8] {
    response.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Writes ascending UIDs as sets that a command line can hold: `1:3,7`.
fn sets(uids: &[u32]) -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let range = if first == last { first.to_string() } else { format!("{first}:{last}") };
        match sets.last_mut().filter(|set| set.len() + range.len() < LONGEST_SET) {
            Some(set) => {
                set.push(',');
                set.push_str(&range);
            }
            None => sets.push(range),
        }
    }
    sets
}

/// Writes a day as SEARCH wants it: `1-Jul-2026`.
fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds.max(0)).unwrap_or(Timestamp::MAX).strftime("%-d-%b-%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_3_sets_days_and_words() {
        assert_eq!(sets(&[1, 2, 3, 7, 9, 10]), ["1:3,7,9:10"]);
        let odd: Vec<u32> = (0..10_000).map(|number| 4_000_000_001 + 2 * number).collect();
        assert!(sets(&odd).iter().all(|set| set.len() <= LONGEST_SET));
        assert_eq!(sets(&odd).join(","), odd.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
        assert_eq!(day(1_782_899_065), "1-Jul-2026");
        assert_eq!(text("\u{202E} a\x1b[31m\r\n".as_bytes()), r"\u{202e} a\u{1b}[31m");
        assert_eq!(text(&[b'x'; 5_000]).len(), 200);
    }
}
