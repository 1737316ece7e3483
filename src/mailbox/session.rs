//! A session with an IMAP server. The crate `imap` does what needs no more than an answer (`guard.rs`); messages and names come past it, to
//! readers of ours. UIDs come only from our own searches, and none outside their range is handed on.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;

use super::answer::{self, Item, Taken};
use super::found::Found;
use super::guard::{Guard, Guarded};
use super::structure::Kind;
use super::talk::{SMALL_ANSWER, Said, fault, first_line, refused};
use super::{HeaderOnly, Listed, Opened, RawMessage, Trouble, name, structure};
use crate::decide::deflate;
use crate::fault::{Class, Fault, Reach};
use crate::net::text;
use crate::plural::counted;

/// The bytes that the names of all mailboxes may have: they are kept.
const NAMES: u64 = 16 << 20;
/// The bytes that the headers of one command may have: they are kept.
const HEADERS: u64 = 16 << 20;
/// How a server offers to deflate what it says.
const DEFLATE: &str = "COMPRESS=DEFLATE";
/// The bytes that the structure of a message may have.
const STRUCTURE: u64 = 1 << 20;
/// What tells a message from others.
const HEADER_ITEMS: &str = "UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]";
/// Seconds of a day; no time zone is further than that from UTC.
const DAY: i64 = 86_400;
/// The longest set of UIDs in one command: servers need not take lines over 8,192 bytes (RFC 7162, section 4).
const LONGEST_SET: usize = 7_000;

/// The longest that goes out behind a login, in bytes: servers hand it over to whoever serves the mailbox, through a buffer.
const LONGEST_FLIGHT: usize = 1_000;

/// What a mailbox will be asked first: for the UIDs above one, and for the header of a message.
#[derive(Debug, Clone, Copy)]
pub struct Foreseen<'a> {
    pub mailbox: &'a str,
    pub last: u32,
    pub known: u32,
}

impl Foreseen<'_> {
    /// The commands behind the one that opens the mailbox.
    fn questions(&self) -> Option<[String; 2]> {
        let next = self.last.checked_add(1)?;
        Some([format!("UID SEARCH {}", above(next)), fetch_command(&self.known.to_string(), HEADER_ITEMS)])
    }

    /// All of them, where they are short enough to go out behind a login.
    pub(super) fn flight(&self) -> Option<Vec<String>> {
        let opens = (!self.mailbox.chars().any(char::is_control)).then(|| format!("EXAMINE {}", name::quoted(self.mailbox)))?;
        let flight: Vec<String> = std::iter::once(opens).chain(self.questions()?).collect();
        (flight.iter().map(String::len).sum::<usize>() <= LONGEST_FLIGHT).then_some(flight)
    }
}

/// What has come of messages, and how long that took.
#[derive(Debug, Default)]
struct Came {
    bytes: u64,
    took: Duration,
}

/// A logged-in connection.
pub struct Session {
    pub(super) imap: imap::Session<Guarded>,
    pub(super) guard: Rc<RefCell<Guard>>,
    pub(super) account: String,
    pub(super) max_response: u64,
    /// The mailbox that is open, as it was when it opened.
    pub(super) opened: Option<Opened>,
    came: Came,
    /// Whether the server was asked to deflate what it says, and whether it does.
    deflates: Option<bool>,
}

impl Session {
    pub(super) fn of(imap: imap::Session<Guarded>, guard: Rc<RefCell<Guard>>, account: &str, max_response: u64) -> Self {
        let (account, came) = (account.to_string(), Came::default());
        Self { imap, guard, account, max_response, opened: None, came, deflates: None }
    }

    /// Lets the crate do a command, whose answer may have so many bytes.
    pub(super) fn ask<T>(&mut self, bytes: u64, work: impl FnOnce(&mut imap::Session<Guarded>) -> imap::Result<T>) -> Result<T> {
        self.guard.borrow_mut().talk.budget = bytes;
        let outcome = work(&mut self.imap);
        self.guard.borrow_mut().talk.judge(outcome)
    }

    /// Sends a command past the crate and hands each untagged response to `each`, until the tagged one.
    pub(super) fn command(&mut self, command: &str, bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.guard.borrow_mut().talk.command(command, bytes, each)
    }

    /// How the last command that failed did so.
    pub fn trouble(&self) -> Option<Trouble> {
        self.guard.borrow().talk.trouble.clone()
    }

    /// Says what the mailbox will be asked that is opened next: the line is crossed once for all. Where it does not open, or its UIDs mean
    /// other messages than they did, nobody asks. What has gone out behind the login is on its way already.
    pub fn foresee(&mut self, foreseen: &Foreseen<'_>) {
        let Some(questions) = foreseen.questions() else { return };
        let talk = &mut self.guard.borrow_mut().talk;
        if !talk.is_foreseen(&questions[0]) {
            questions.into_iter().for_each(|question| talk.send_behind(question));
        }
    }

    /// Lets what the server says from here on come deflated (RFC 4978), where so many bytes of messages are still to come, the line is slow
    /// and the server offers it; it is asked once. Passwords have gone over the line by now, and none go any more.
    pub fn deflate(&mut self, left: u64) -> Result<()> {
        if self.deflates.is_some() || !deflate::is_worth_it(self.came.bytes, self.came.took, left) {
            return Ok(());
        }
        self.deflates = Some(false);
        if !self.offers(DEFLATE)? {
            return Ok(());
        }
        let begun = self.command("COMPRESS DEFLATE", SMALL_ANSWER, &mut |_| {});
        if unless_said(begun)?.is_some() {
            self.guard.borrow_mut().talk.wire.deflate();
            self.deflates = Some(true);
            log::info!(
                "account {}: {} bytes came in {:?}; what follows comes deflated",
                self.account,
                self.came.bytes,
                self.came.took
            );
        }
        Ok(())
    }

    /// Whether what comes is deflated.
    pub fn is_deflated(&self) -> bool {
        self.deflates == Some(true)
    }

    /// How much a first answer is to bring where so much is to come: little, to see what the line brings; none where it does not matter.
    pub fn sample(&self, left: u64) -> Option<u64> {
        let is_offered = || self.guard.borrow().talk.offered.iter().flatten().any(|offer| offer == DEFLATE);
        deflate::sample(self.came.bytes, left).filter(|_| self.deflates.is_none() && is_offered())
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
        self.open_by(mailbox, |imap, name| imap.examine(name))
    }

    /// Opens a mailbox to change it. It is never closed again by CLOSE, which would expunge what others have marked.
    pub fn select(&mut self, mailbox: &str) -> Result<Opened> {
        self.open_by(mailbox, |imap, name| imap.select(name))
    }

    fn open_by(
        &mut self,
        mailbox: &str,
        open: impl FnOnce(&mut imap::Session<Guarded>, String) -> imap::Result<imap::types::Mailbox>,
    ) -> Result<Opened> {
        let hint = format!("try: espomail account folders {}", self.account);
        let shut = |words: &str| {
            let what = format!("mailbox {} does not open: {words}", text(mailbox.as_bytes()));
            Fault::new(Class::Unavailable, what).reach(Reach::Mailbox).hint(hint).into()
        };
        if mailbox.chars().any(char::is_control) {
            self.guard.borrow_mut().talk.behind.clear();
            // A server that repeats such a name in its answer would say more than it means to.
            return Err(shut("no name has control characters"));
        }
        self.opened = None;
        self.guard.borrow_mut().talk.exists = None;
        let heard = self.ask(SMALL_ANSWER, |imap| open(imap, name::encode(mailbox)));
        let heard = heard.map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => shut(&words),
            Err(other) => other,
        })?;
        let some = |number: Option<u32>| number.filter(|number| *number > 0);
        let Some(uidvalidity) = some(heard.uid_validity) else {
            let what = format!("mailbox {mailbox} has no UIDVALIDITY, so its UIDs mean nothing");
            return Err(Fault::new(Class::Protocol, what).reach(Reach::Mailbox).into());
        };
        let talk = &mut self.guard.borrow_mut().talk;
        // To the crate, no word of how many there are is none.
        let (uidnext, is_counted) = (some(heard.uid_next), talk.exists.is_some());
        talk.has_news = false;
        let opened = Opened { uidvalidity, uidnext, exists: heard.exists, is_counted };
        self.opened = Some(opened.clone());
        Ok(opened)
    }

    /// Lists the UIDs above one, in order; of very many, the lowest. `n:*` always names the last message, also below n (FETCH-3): an
    /// answer without any UID is believed only where the server says elsewhere, too, that there is none.
    pub fn uids_above(&mut self, last: u32) -> Result<Vec<u32>> {
        let Some(next) = last.checked_add(1) else { return Ok(Vec::new()) };
        let found = self.find(&above(next), last)?;
        if !found.is_any && self.may_have(next) {
            return Ok(self.uids_by_fetch(next, None)?.sorted());
        }
        Ok(found.uids)
    }

    /// Lists all UIDs, of very many the lowest, and says which is the highest of all; 0 where there is none.
    pub fn uids(&mut self) -> Result<(Vec<u32>, u32)> {
        let found = self.find(&above(1), 0)?;
        if !found.is_any && self.may_have(1) {
            let mut found = self.uids_by_fetch(1, None)?;
            return Ok((found.sorted(), found.highest));
        }
        Ok((found.uids, found.highest))
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
            return Ok(self.uids_by_fetch(next, Some(seconds))?.sorted());
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
    fn uids_by_fetch(&mut self, next: u32, since: Option<i64>) -> Result<Found> {
        let mut found = Found::above(next - 1);
        let items = if since.is_some() { "(UID INTERNALDATE)" } else { "(UID)" };
        // Not `n:*`: that a server may get wrong as it does SEARCH.
        self.command(&format!("UID FETCH {next}:{} {items}", u32::MAX), SMALL_ANSWER, &mut |line| {
            let Some(item) = answer::item(&line) else { return };
            let is_late = since.zip(item.internal_date).is_none_or(|(since, date)| date >= since);
            if let Some(uid) = item.uid {
                found.is_any = true;
                if is_late {
                    found.take(uid.into());
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
                    format!("the server says that the mailbox has {}, and lists none of them", counted(opened.exists, "message"))
                }
                _ => "the server does not say how many messages the mailbox has, and lists none".to_string(),
            };
            return Err(Fault::new(Class::Protocol, what).reach(Reach::Mailbox).into());
        }
        Ok(found)
    }

    /// Lists the UIDs that a search finds; of very many, the highest.
    pub(super) fn search(&mut self, criteria: &str) -> Result<Vec<u32>> {
        let found = self.find_in(criteria, Found::newest())?;
        if !found.is_answered && self.may_have(1) {
            return Err(fault(Class::Protocol, "the server does not say what UID SEARCH finds".to_string()).into());
        }
        Ok(found.uids)
    }

    /// Finds the UIDs above one, of very many the lowest.
    fn find(&mut self, criteria: &str, last: u32) -> Result<Finding> {
        self.find_in(criteria, Found::above(last))
    }

    /// The crate gets of what is found what the guard lets pass: those in their range, and of very many some.
    fn find_in(&mut self, criteria: &str, wanted: Found) -> Result<Finding> {
        self.guard.borrow_mut().found = wanted;
        let asked = self.ask(SMALL_ANSWER, |imap| imap.uid_search(criteria));
        let mut uids: Vec<u32> = asked.map_err(|error| refused("UID SEARCH", error))?.into_iter().collect();
        uids.sort_unstable();
        let guard = self.guard.borrow();
        let found = &guard.found;
        if let Some(line) = &found.unread {
            return Err(guard.talk.not_understood("the answer to UID SEARCH", line).into());
        }
        Ok(Finding { uids, highest: found.highest, is_any: found.is_any, is_answered: found.is_answered() })
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

    /// Lists the INTERNALDATEs of messages, none where the server knows none; one that is gone is absent.
    pub fn dates(&mut self, uids: &[u32]) -> Result<HashMap<u32, Option<i64>>> {
        let mut dates = HashMap::new();
        self.fetch_items(uids, "UID INTERNALDATE", SMALL_ANSWER, &mut |uid, item, _| {
            dates.insert(uid, item.internal_date);
        })?;
        Ok(dates)
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
        let began = Instant::now();
        self.fetch_items(uids, items, bytes.min(self.max_response), &mut |uid, item, line| {
            let internal_date = item.internal_date;
            match item.take("", line) {
                Taken::Bytes(bytes) => drop(messages.insert(uid, RawMessage { uid, internal_date, bytes, partial: false })),
                Taken::Nil => nothing.push((uid, internal_date)),
                Taken::Absent => {}
            }
        })?;
        self.came.took += began.elapsed();
        self.came.bytes += messages.values().map(|message: &RawMessage| message.bytes.len() as u64).sum::<u64>();
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

    /// Says goodbye; a server that does not answer any more is none of our business, and what it has not answered yet neither.
    pub fn logout(mut self) {
        self.guard.borrow_mut().talk.ahead.clear();
        let _ = self.imap.run_command("LOGOUT");
    }
}

/// What a search has found.
struct Finding {
    uids: Vec<u32>,
    /// The highest, also where it is not among these; 0 where there is none.
    highest: u32,
    /// Whether the server named any message, also one that was not looked for.
    is_any: bool,
    is_answered: bool,
}

fn above(next: u32) -> String {
    format!("UID {next}:*")
}

fn fetch_command(set: &str, items: &str) -> String {
    format!("UID FETCH {set} ({items})")
}

/// Turns a refusal into none.
fn unless_said(outcome: Result<()>) -> Result<Option<()>> {
    match outcome {
        Ok(()) => Ok(Some(())),
        Err(error) if error.is::<Said>() => Ok(None),
        Err(error) => Err(error),
    }
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
