//! A session with an IMAP server: commands, and their answers one response at a time, so that a malformed one spoils only
//! itself. UIDs come only from our own searches, and none outside their range is handed on.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;

use anyhow::Result;
use imap_proto::types::Status;
use jiff::Timestamp;

use super::answer::{self, Item, Opening, Searched, Taken};
use super::structure::Kind;
use super::wire::Wire;
use super::{HeaderOnly, Listed, Opened, RawMessage, Trouble, name, structure};
use crate::fault::{Class, Fault, Reach};
use crate::net::{Secrets, text};

/// The bytes that an answer without message bodies may have.
const SMALL_ANSWER: u64 = 64 << 20;
/// The bytes that the names of all mailboxes may have: they are kept.
const NAMES: u64 = 16 << 20;
/// The bytes that the headers of one command may have: they are kept.
const HEADERS: u64 = 16 << 20;
/// The bytes that the structure of a message may have.
const STRUCTURE: u64 = 1 << 20;
/// The most UIDs that one listing returns, the lowest; the next one goes on behind them.
pub const MOST_LISTED: usize = 20_000;
/// What tells a message from others.
const HEADER_ITEMS: &str = "UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]";
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
    pub(super) secrets: Secrets,
    /// The mailbox that is open, as it was when it opened.
    pub(super) opened: Option<Opened>,
    /// The server has told of more messages than there were then. It does so once, with whatever it answers.
    pub(super) has_news: bool,
    pub(super) trouble: Option<Trouble>,
    /// What the server offers, in capitals; none before it was asked since the login.
    pub(super) offered: Option<Vec<String>>,
    /// Commands whose answers nobody has read yet, the first one first.
    pub(super) ahead: VecDeque<Ahead>,
    /// What goes out with the next command.
    pub(super) unsent: Vec<u8>,
}

/// A command that goes out before it is asked for, so that the line is crossed once for several.
pub(super) struct Ahead {
    tag: String,
    command: String,
    /// Nobody asks for its answer.
    is_dropped: bool,
}

impl Session {
    /// Sends a command and hands each untagged response to `each`, until the tagged one.
    pub(super) fn command(&mut self, command: &str, bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.converse(&[command.as_bytes().to_vec()], bytes, each)
    }

    /// Sends a command whose later parts the server has to ask for, with `+`; its words go to `each`, too.
    pub(super) fn converse(&mut self, parts: &[Vec<u8>], bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.talk(parts, bytes, each, &mut |_| {})
    }

    /// How the last command that failed did so.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The same; the numbers of the answer to a search go to `number`.
    fn talk(&mut self, parts: &[Vec<u8>], bytes: u64, each: &mut dyn FnMut(Vec<u8>), number: &mut dyn FnMut(u64)) -> Result<()> {
        let mut parts = parts.iter();
        let first = parts.next().map(Vec::as_slice).unwrap_or_default();
        let tag = self.begin(first)?;
        self.wire.allow(bytes);
        loop {
            let line = self.wire.answer(number).map_err(|error| self.broken(error))?;
            if let Some(ending) = answer::ending(&line, &tag) {
                return match ending.status {
                    Status::Ok => {
                        self.offered = answer::offered(ending.information).or(self.offered.take());
                        Ok(())
                    }
                    _ => {
                        self.trouble = Some(Trouble::Refused(ending.code()));
                        Err(Said(self.words(ending.information)).into())
                    }
                };
            }
            if let Some(words) = answer::bye(&line) {
                self.trouble = Some(Trouble::Cut);
                return Err(self.said_bye(words));
            }
            if line.starts_with(b"* ") {
                each(line);
            } else if self.ends_ahead(&line) {
                log::debug!("passed over: {}", text(first_line(&line)));
            } else if line.starts_with(b"+")
                && let Some(part) = parts.next()
            {
                each(line);
                // Not put together: a part may be a whole message.
                let sent = self.wire.send(part).and_then(|()| self.wire.send(b"\r\n"));
                sent.map_err(|error| self.broken(error))?;
            } else {
                self.trouble = Some(Trouble::Garbled);
                return Err(self.not_understood("the server's answer", &line));
            }
        }
    }

    /// Lets a command go out with the next one.
    pub(super) fn send_ahead(&mut self, command: String, is_dropped: bool) {
        self.tag += 1;
        let tag = format!("e{}", self.tag);
        self.unsent.extend(format!("{tag} {command}\r\n").into_bytes());
        self.ahead.push_back(Ahead { tag, command, is_dropped });
    }

    /// Sends a command, unless it is on its way, and returns its tag. Answers that nobody asked for after all are read and dropped first.
    fn begin(&mut self, command: &[u8]) -> Result<String> {
        let is_ahead = |one: &Ahead| !one.is_dropped && one.command.as_bytes() == command;
        // What is only said, and not asked, may be answered in between.
        let next = self.ahead.iter().position(|one| !one.is_dropped);
        let found = next.filter(|at| self.ahead.get(*at).is_some_and(is_ahead));
        let tag = match found.and_then(|at| self.ahead.remove(at)) {
            Some(Ahead { tag, .. }) => tag,
            None => {
                while self.ahead.iter().any(|one| !one.is_dropped) {
                    self.flush()?;
                    self.wire.allow(SMALL_ANSWER);
                    let line = self.wire.answer(&mut |_| {}).map_err(|error| self.broken(error))?;
                    if let Some(words) = answer::bye(&line) {
                        self.trouble = Some(Trouble::Cut);
                        return Err(self.said_bye(words));
                    }
                    if !line.starts_with(b"* ") && !self.ends_ahead(&line) {
                        self.trouble = Some(Trouble::Garbled);
                        return Err(self.not_understood("the server's answer", &line));
                    }
                }
                self.tag += 1;
                let tag = format!("e{}", self.tag);
                self.unsent.extend([tag.as_bytes(), b" ", command, b"\r\n"].concat());
                tag
            }
        };
        self.flush()?;
        Ok(tag)
    }

    fn flush(&mut self) -> Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent.is_empty() { Ok(()) } else { self.wire.send(&unsent).map_err(|error| self.broken(error)) }
    }

    /// Whether a line ends a command that went ahead: what it was answered is not known any more, and it would be asked anew.
    fn ends_ahead(&mut self, line: &[u8]) -> bool {
        let before = self.ahead.len();
        self.ahead.retain(|one| answer::ending(line, &one.tag).is_none());
        self.ahead.len() < before
    }

    /// Says that the UIDs above one and then the header of a message will be asked for next.
    pub fn foresee(&mut self, last: u32, known: u32) {
        let Some(next) = last.checked_add(1) else { return };
        self.send_ahead(search_command(&above(next)), false);
        self.send_ahead(fetch_command(&known.to_string(), HEADER_ITEMS), false);
    }

    fn broken(&mut self, error: io::Error) -> anyhow::Error {
        self.trouble = Some(match error.kind() {
            io::ErrorKind::InvalidData => Trouble::Garbled,
            io::ErrorKind::TimedOut => Trouble::Stalled,
            _ => Trouble::Cut,
        });
        broken(error)
    }

    /// Makes a server's words fit for a line of ours, and for our logs.
    pub(super) fn words(&self, bytes: &[u8]) -> String {
        text(self.secrets.hide(&String::from_utf8_lossy(bytes)).as_bytes())
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
        self.command("LIST \"\" \"*\"", NAMES, &mut |line| names.extend(answer::listed(&line)))
            .map_err(|error| refused("LIST", error))?;
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Opens a mailbox for reading.
    pub fn examine(&mut self, mailbox: &str) -> Result<Opened> {
        self.open_by("EXAMINE", mailbox)
    }

    /// Opens a mailbox by a command that says what for.
    pub(super) fn open_by(&mut self, verb: &str, mailbox: &str) -> Result<Opened> {
        let hint = format!("try: espomail account folders {}", self.account);
        let shut = |words: &str| {
            let what = format!("mailbox {} does not open: {words}", text(mailbox.as_bytes()));
            Fault::new(Class::Unavailable, what).reach(Reach::Mailbox).hint(hint).into()
        };
        if mailbox.chars().any(char::is_control) {
            // A server that repeats such a name in its answer would say more than it means to.
            return Err(shut("no name has control characters"));
        }
        (self.opened, self.has_news) = (None, false);
        let mut opening = Opening::default();
        let command = format!("{verb} {}", name::quoted(mailbox));
        let heard = self.command(&command, SMALL_ANSWER, &mut |line| opening.hear(&line));
        heard.map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => shut(&words),
            Err(other) => other,
        })?;
        let Some(uidvalidity) = opening.uidvalidity else {
            let what = format!("mailbox {mailbox} has no UIDVALIDITY, so its UIDs mean nothing");
            return Err(Fault::new(Class::Protocol, what).reach(Reach::Mailbox).into());
        };
        let (uidnext, is_counted) = (opening.uidnext, opening.exists.is_some());
        let opened = Opened { uidvalidity, uidnext, exists: opening.exists.unwrap_or_default(), is_counted };
        self.opened = Some(opened.clone());
        Ok(opened)
    }

    /// Lists the UIDs above one, in order; of very many, the lowest. `n:*` always names the last message, also below n (FETCH-3): an
    /// answer without any UID is believed only where the server says elsewhere, too, that there is none.
    pub fn uids_above(&mut self, last: u32) -> Result<Vec<u32>> {
        let Some(next) = last.checked_add(1) else { return Ok(Vec::new()) };
        let found = self.find(&above(next), last)?;
        if !found.is_any && self.may_have(next) {
            return self.uids_by_fetch(next, None);
        }
        Ok(found.uids)
    }

    /// Lists the UIDs whose INTERNALDATE is not before a moment, in order; seconds since 1970 UTC.
    pub fn uids_since(&mut self, seconds: i64) -> Result<Vec<u32>> {
        self.uids_above_since(0, seconds)
    }

    /// The same, above one UID; of very many, the lowest.
    pub fn uids_above_since(&mut self, last: u32, seconds: i64) -> Result<Vec<u32>> {
        if seconds <= 0 {
            return self.uids_above(last);
        }
        let Some(next) = last.checked_add(1) else { return Ok(Vec::new()) };
        let above = if last == 0 { String::new() } else { format!("UID {next}:* ") };
        // SINCE goes by the day of the server's zone: what is surely later needs no second look.
        let found = self.find(&format!("{above}SINCE {}", day(seconds.saturating_sub(DAY))), last)?;
        if !found.is_answered && self.may_have(next) {
            return self.uids_by_fetch(next, Some(seconds));
        }
        let mut uids = found.uids;
        let later = self.find(&format!("{above}SINCE {}", day(seconds.saturating_add(2 * DAY))), last)?.uids;
        let unsure: Vec<u32> = uids.iter().copied().filter(|uid| later.binary_search(uid).is_err()).collect();
        let mut dates: HashMap<u32, Option<i64>> = HashMap::new();
        for some in unsure.chunks(2_000) {
            self.fetch_items(some, "UID INTERNALDATE", SMALL_ANSWER, &mut |uid, item, _| {
                dates.insert(uid, item.internal_date);
            })?;
        }
        uids.retain(|uid| dates.get(uid).copied().flatten().is_none_or(|date| date >= seconds));
        Ok(uids)
    }

    /// Whether a message with this UID or a later one may be there, by what the server said when the mailbox opened.
    fn may_have(&self, uid: u32) -> bool {
        let is_new = |opened: &Opened| opened.uidnext.is_none_or(|next| next > uid);
        self.opened.as_ref().is_some_and(|opened| (opened.exists > 0 || !opened.is_counted) && is_new(opened))
    }

    /// Lists UIDs where SEARCH says nothing although there should be messages. A server that lists none in this way either, not even
    /// the last one, is not to be believed: an error, for nothing would ever be read.
    fn uids_by_fetch(&mut self, next: u32, since: Option<i64>) -> Result<Vec<u32>> {
        let mut found = Found::default();
        let items = if since.is_some() { "(UID INTERNALDATE)" } else { "(UID)" };
        // Not `n:*`: that a server may get wrong as it does SEARCH.
        self.command(&format!("UID FETCH {next}:{} {items}", u32::MAX), SMALL_ANSWER, &mut |line| {
            let Some(item) = answer::item(&line) else { return };
            let is_late = since.zip(item.internal_date).is_none_or(|(since, date)| date >= since);
            if let Some(uid) = item.uid {
                found.is_any = true;
                if is_late {
                    found.take(uid.into(), next - 1);
                }
            }
        })
        .map_err(|error| refused("UID FETCH", error))?;
        if !found.is_any {
            // Then the last message of all stands below; a server that does not even know that one is not to be believed.
            let asked = self.command("FETCH * (UID)", SMALL_ANSWER, &mut |line| {
                found.is_any |= answer::item(&line).is_some_and(|item| item.uid.is_some_and(|uid| uid < next));
            });
            unless_said(asked)?;
        }
        if !found.is_any {
            let what = match &self.opened {
                Some(opened) if opened.is_counted => {
                    format!("the server says that the mailbox has {} messages, and lists none of them", opened.exists)
                }
                _ => "the server does not say how many messages the mailbox has, and lists none".to_string(),
            };
            return Err(Fault::new(Class::Protocol, what).reach(Reach::Mailbox).into());
        }
        Ok(found.sorted())
    }

    pub(super) fn search(&mut self, criteria: &str) -> Result<Vec<u32>> {
        let found = self.find(criteria, 0)?;
        if !found.is_answered && self.may_have(1) {
            return Err(fault(Class::Protocol, "the server does not say what UID SEARCH finds".to_string()).into());
        }
        Ok(found.uids)
    }

    /// Finds the UIDs above one.
    fn find(&mut self, criteria: &str, last: u32) -> Result<Found> {
        let (mut found, mut ranges, mut is_answered, mut unread) = (Found::default(), Vec::new(), false, None);
        let command = search_command(criteria).into_bytes();
        let (mut exists, mut has_news) = (self.opened.as_ref().map_or(0, |opened| opened.exists), false);
        let mut each = |line: Vec<u8>| match answer::searched(&line) {
            Searched::Answered => is_answered = true,
            Searched::Ranges(text) => match answer::ranges(&text) {
                Some(some) => ranges.extend(some),
                None => unread = Some(line),
            },
            Searched::Unreadable => unread = Some(line),
            Searched::Other => has_news |= answer::number(&line).is_some_and(|number| number.counts_more(&mut exists)),
        };
        let asked = self.talk(&[command], SMALL_ANSWER, &mut each, &mut |number| found.take(number, last));
        asked.map_err(|error| refused("UID SEARCH", error))?;
        self.has_news |= has_news;
        if let Some(line) = unread {
            return Err(self.not_understood("the answer to UID SEARCH", &line));
        }
        for (first, end) in ranges {
            // No more than can be kept, whatever a range claims to have.
            let most = u32::try_from(MOST_LISTED).unwrap_or(u32::MAX);
            let first = first.max(last.saturating_add(1));
            (first..=end.min(first.saturating_add(most))).for_each(|uid| found.take(uid.into(), last));
        }
        found.is_answered = is_answered || found.is_any;
        found.uids = found.sorted();
        Ok(found)
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
        self.fetch_within(uids, self.max_response)
    }

    /// The same, within so many bytes: what was made room for.
    pub fn fetch_within(&mut self, uids: &[u32], bytes: u64) -> Result<Vec<RawMessage>> {
        self.fetch_whole(uids, "UID INTERNALDATE BODY.PEEK[]", bytes)
    }

    /// Fetches a message whole without its INTERNALDATE, which some servers do not know.
    pub fn fetch_undated(&mut self, uid: u32) -> Result<Option<RawMessage>> {
        Ok(self.fetch_whole(&[uid], "UID BODY.PEEK[]", self.max_response)?.pop())
    }

    fn fetch_whole(&mut self, uids: &[u32], items: &str, bytes: u64) -> Result<Vec<RawMessage>> {
        let mut messages = BTreeMap::new();
        let mut nothing = Vec::new();
        self.fetch_items(uids, items, bytes.min(self.max_response), &mut |uid, item, line| {
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
        self.fetch_items(uids, HEADER_ITEMS, HEADERS, &mut |uid, item, line| {
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
        let asked = self.fetch_raw(&[uid], "UID BODYSTRUCTURE", STRUCTURE, &mut |_, item, _| {
            structure = structure.take().or(item.structure);
        });
        if unless_said(asked)?.is_none() {
            return Ok(None);
        }
        let Some(structure) = structure else { return self.first_text(uid, header) };
        let parts = self.sections(uid, &structure::sections(&structure))?;
        Ok(parts.map(|parts| structure::assemble(header, &structure, &parts)))
    }

    /// Without a structure to go by, reads the first text: header by header down to it, as the boundaries of the headers say.
    fn first_text(&mut self, uid: u32, header: &[u8]) -> Result<Option<Vec<u8>>> {
        let (mut levels, mut path): (Vec<(String, Vec<u8>)>, String) = (Vec::new(), String::new());
        let mut kind = structure::kind_of(header);
        while let Some(Kind::Multipart(boundary)) = kind {
            if levels.len() >= structure::MOST_LEVELS {
                return Ok(None);
            }
            path = structure::below(&path, 1);
            let name = format!("{path}.MIME");
            let Some(mut parts) = self.sections(uid, std::slice::from_ref(&name))? else { return Ok(None) };
            let mime = parts.remove(&name).unwrap_or_default();
            kind = structure::kind_of(&mime).or(Some(Kind::Text));
            levels.push((boundary, mime));
        }
        if kind != Some(Kind::Text) {
            return Ok(None);
        }
        let name = if path.is_empty() { "1".to_string() } else { path };
        let items = format!("UID BODY.PEEK[{name}]<0.{}>", structure::MOST_TEXT);
        let mut text = None;
        let asked = self.fetch_raw(&[uid], &items, self.max_response, &mut |_, item, line| {
            text = item.into_sections(&line).find(|(found, _)| *found == name).map(|(_, text)| text);
        });
        let text = unless_said(asked)?.and(text);
        Ok(text.map(|text| structure::around(header, &levels, &text)))
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
            self.command(&fetch_command(&set, items), bytes, &mut |line| match answer::item(&line) {
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
        let logout = format!("e{} LOGOUT\r\n", self.tag).into_bytes();
        let _ = self.wire.send(&[std::mem::take(&mut self.unsent), logout].concat());
    }
}

/// The UIDs that were found.
#[derive(Debug, Default)]
struct Found {
    uids: Vec<u32>,
    /// Whether the server named any message, also one that was not looked for.
    is_any: bool,
    is_answered: bool,
}

impl Found {
    /// Takes a UID above `last`. RFC 3501: a UID is a non-zero number, and the last one is no message's in practice but every
    /// overflow's. Of very many, the lowest are kept: a server may find as many as it likes, in whatever order.
    fn take(&mut self, number: u64, last: u32) {
        let Some(uid) = u32::try_from(number).ok().filter(|uid| (1..u32::MAX).contains(uid)) else { return };
        self.is_any = true;
        if uid > last {
            self.uids.push(uid);
        }
        if self.uids.len() >= 2 * MOST_LISTED {
            self.uids = self.sorted();
        }
    }

    fn sorted(&mut self) -> Vec<u32> {
        let mut uids = std::mem::take(&mut self.uids);
        uids.sort_unstable();
        uids.dedup();
        uids.truncate(MOST_LISTED);
        uids
    }
}

fn above(next: u32) -> String {
    format!("UID {next}:*")
}

fn search_command(criteria: &str) -> String {
    format!("UID SEARCH {criteria}")
}

fn fetch_command(set: &str, items: &str) -> String {
    format!("UID FETCH {set} ({items})")
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
pub(super) fn sets(uids: &[u32]) -> Vec<String> {
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
