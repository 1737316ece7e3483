//! Reads due messages from the server, in batches bounded by number and bytes. What a server does not hand over holds up nobody
//! (FETCH-6): the others of its batch come in, the position moves on, and the message is asked for again by itself (`again.rs`).

use crate::decide::reason::reason;
use std::collections::{HashMap, HashSet};

use anyhow::{Error, Result};

use super::listing::{self, HEADERS_AT_ONCE, HEADERS_SHARE};
use super::visit::{Due, Evidence, LISTED_AT_ONCE, Visit};
use crate::decide::filter;
use crate::fault::{Class, Fault, Reach};
use crate::mail;
use crate::mailbox::{Listed, RawMessage, Session, Trouble};
use crate::pass::intake::Passed;
use crate::pass::memory::Share;
use crate::store::fate::Skipped;
use crate::store::position::Mark;
use crate::words::Fate;

/// What an answer may have beside the bytes that the server lists for its messages, for each of them.
pub(super) const MARGIN: u64 = 64 << 10;

/// In how many forms a message is in memory at once: as it came, packed, and on its way into the database.
pub(super) const FORMS: u64 = 3;

/// A batch as it came from the server.
pub(super) struct RawBatch<'a> {
    pub messages: Vec<RawMessage>,
    pub passed: Vec<Passed>,
    pub last_uid: i64,
    pub share: Share<'a>,
}

/// What reads.
pub(super) struct Reader<'a, 's> {
    pub visit: &'s Visit<'a>,
    pub session: &'s mut Session,
    pub evidence: &'s mut Evidence,
    /// Messages that the server is asked for when it may be in trouble.
    probes: Vec<u32>,
}

/// What became of a batch that was asked for.
enum Asked<'a> {
    Batch(RawBatch<'a>),
    /// One of them spoils the answer: each is to be asked for by itself.
    Singly(Vec<Due>),
}

impl<'a, 's> Reader<'a, 's> {
    pub fn new(visit: &'s Visit<'a>, session: &'s mut Session, evidence: &'s mut Evidence) -> Self {
        Self { visit, session, evidence, probes: Vec::new() }
    }

    /// Hands each batch to `send`, which returns false when nobody takes any more.
    pub fn read(mut self, due: Vec<Due>, send: &mut dyn FnMut(RawBatch<'a>) -> bool) -> Result<()> {
        let mut due = due.into_iter().peekable();
        while due.peek().is_some() {
            let mut chunk: Vec<Due> = due.by_ref().take(LISTED_AT_ONCE).collect();
            if !self.visit.filters.is_empty() {
                self.screen(&mut chunk)?;
            }
            let uids = uids_of(&chunk);
            // From both ends: what is wrong with one is seldom wrong with the other.
            self.probes = uids.iter().take(2).chain(uids.iter().rev().take(3)).copied().collect();
            let listed = self.sizes(&uids)?;
            if !self.read_chunk(chunk, &listed, send)? {
                break;
            }
        }
        Ok(())
    }

    /// FILTER-6: looks at the headers first, so that the body of a skipped message is not fetched (FILTER-7).
    fn screen(&mut self, chunk: &mut [Due]) -> Result<()> {
        let mut skipped: HashMap<u32, Passed> = HashMap::new();
        for uids in uids_of(chunk).chunks(HEADERS_AT_ONCE) {
            let share = self.visit.poll.limits.memory.take(HEADERS_SHARE);
            for header in listing::headers(self.visit, self.session, uids)? {
                self.evidence.delivers = true;
                let mail = mail::parse(&header.header);
                let Some(filter) = filter::screen(&mail, header.size, self.visit.filters) else { continue };
                let why = reason!(Filter6, "the filter {:?} ({}) skips it by its header", filter.name, filter.id);
                let mark = Some(Mark::of(i64::from(header.uid), &mail, header.internal_date));
                let of = Some(Box::new(Skipped::of(&mail, filter.id)));
                skipped.insert(header.uid, Passed { mark, skipped: of, ..Passed::unread(header.uid, Fate::Filtered, why) });
            }
            drop(share);
        }
        for due in chunk {
            if let Due::Take(uid) = due
                && let Some(passed) = skipped.remove(uid)
            {
                *due = Due::Pass(passed);
            }
        }
        Ok(())
    }

    /// Asks for sizes. Where the server refuses them, they are not known, and each message is read by itself.
    fn sizes(&mut self, uids: &[u32]) -> Result<HashMap<u32, Listed>> {
        match self.session.sizes(uids) {
            Ok(listed) => Ok(listed.into_iter().map(|listed| (listed.uid, listed)).collect()),
            Err(error) => {
                let trouble = self.session.trouble().filter(Trouble::is_refusal);
                let Some(trouble) = trouble else { return Err(error) };
                if trouble.is_of_the_server() && !self.delivers(uids)? {
                    return Err(error);
                }
                log::info!("mailbox {}: {error:#}; going on without sizes", self.visit.mailbox);
                Ok(HashMap::new())
            }
        }
    }

    fn read_chunk(
        &mut self,
        chunk: Vec<Due>,
        listed: &HashMap<u32, Listed>,
        send: &mut dyn FnMut(RawBatch<'a>) -> bool,
    ) -> Result<bool> {
        let limits = self.visit.poll.limits;
        let size = |due: &Due| match due {
            Due::Take(uid) => listed.get(uid).map_or(0, |listed| listed.size),
            Due::Pass(_) => 0,
        };
        let mut left: u64 = chunk.iter().map(size).fold(0, u64::saturating_add);
        let largest = chunk.iter().map(size).max().unwrap_or_default();
        let mut chunk = chunk.into_iter().peekable();
        while let Some(first) = chunk.next() {
            if limits.spent() {
                return Ok(false);
            }
            self.deflate(left)?;
            // One that goes beyond a sample would go alone, and where a message is alone a break is judged otherwise.
            let sample = self.session.sample(left).filter(|sample| largest <= *sample);
            let most_bytes = sample.unwrap_or(u64::MAX).min(limits.batch_bytes);
            let goes_alone = |due: &Due| self.goes_alone(due, listed);
            let most = if self.visit.poll.careful || goes_alone(&first) { 1 } else { limits.batch_messages };
            let mut bytes = size(&first);
            let mut group = vec![first];
            // A giant goes alone: only its text parts are read (FETCH-8).
            let fits = |next: &Due, bytes: u64| size(next) <= limits.max_message_size && bytes + size(next) <= most_bytes;
            while bytes <= limits.max_message_size
                && group.len() < most
                && let Some(next) = chunk.next_if(|next| !goes_alone(next) && fits(next, bytes))
            {
                bytes += size(&next);
                group.push(next);
            }
            left = left.saturating_sub(bytes);
            if !self.read_group(group, listed, send)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets the rest come deflated where that is worth it. It holds up nobody: where it does not go well, the rest comes as it is.
    fn deflate(&mut self, left: u64) -> Result<()> {
        if self.evidence.deflates_badly {
            return Ok(());
        }
        let Err(error) = self.session.deflate(left) else { return Ok(()) };
        if self.visit.poll.limits.stop.requested() {
            return Err(error);
        }
        self.go_on_as_it_is(&error)
    }

    /// Whether the session broke while what came was deflated: then it may be that alone, and no message is to blame.
    fn may_be_deflating(&self) -> bool {
        let is_broken = self.session.trouble().is_some_and(|trouble| !trouble.is_refusal());
        self.session.is_deflated() && is_broken && !self.visit.poll.limits.stop.requested()
    }

    fn go_on_as_it_is(&mut self, error: &Error) -> Result<()> {
        log::info!("mailbox {}: {error:#}; going on over another connection, and nothing deflated", self.visit.mailbox);
        self.evidence.deflates_badly = true;
        self.reopen()
    }

    /// Whether a message is read by itself: its size is not known, the connection broke near it, or the server lists it beyond what it
    /// says that there is.
    fn goes_alone(&self, due: &Due, listed: &HashMap<u32, Listed>) -> bool {
        let Due::Take(uid) = due else { return false };
        let is_near = self.visit.position.broken_to.is_some_and(|broken| due.uid() <= broken);
        is_near || !listed.contains_key(uid) || self.is_beyond(*uid)
    }

    fn is_beyond(&self, uid: u32) -> bool {
        self.visit.opened.uidnext.is_some_and(|next| uid >= next)
    }

    /// Reads a group, or, where one of its messages spoils the answer, each of them by itself.
    fn read_group(
        &mut self,
        group: Vec<Due>,
        listed: &HashMap<u32, Listed>,
        send: &mut dyn FnMut(RawBatch<'a>) -> bool,
    ) -> Result<bool> {
        match self.ask(group, listed)? {
            Asked::Batch(batch) => Ok(send(batch)),
            Asked::Singly(group) => {
                for due in group {
                    if self.visit.poll.limits.spent() {
                        return Ok(false);
                    }
                    if let Asked::Batch(batch) = self.ask(vec![due], listed)?
                        && !send(batch)
                    {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    fn ask(&mut self, group: Vec<Due>, listed: &HashMap<u32, Listed>) -> Result<Asked<'a>> {
        let limits = self.visit.poll.limits;
        let uids = uids_of(&group);
        let sizes: Vec<u64> = uids.iter().filter_map(|uid| listed.get(uid)).map(|listed| listed.size).collect();
        let bytes: u64 = sizes.iter().sum();
        let giant = bytes > limits.max_message_size;
        // What is not known may be as large as any: room for that, before anything comes.
        let (room, most) = if sizes.len() < uids.len() || giant {
            (limits.max_message_size, u64::MAX)
        } else {
            (bytes, bytes + bytes / 4 + MARGIN * (1 + uids.len() as u64))
        };
        let share = limits.memory.take(FORMS * room.min(limits.max_message_size));
        let read = match uids.as_slice() {
            [] => Ok(Vec::new()),
            [uid] if giant => self.session.fetch_partial(*uid).map(|found| found.into_iter().collect()),
            uids => self.session.fetch_within(uids, most),
        };
        let (messages, why) = match read {
            Ok(messages) => (messages, "the server answers OK and hands over nothing".to_string()),
            Err(error) if self.may_be_deflating() => {
                drop(share);
                self.go_on_as_it_is(&error)?;
                return self.ask(group, listed);
            }
            Err(error) => match self.judge(error, &uids)? {
                Some(why) => (Vec::new(), why),
                None => return Ok(Asked::Singly(group)),
            },
        };
        if !messages.is_empty() {
            (self.evidence.delivers, self.evidence.was_cut) = (true, false);
        }
        self.put_together(group, messages, &why, share).map(Asked::Batch)
    }

    /// Tells whose fault it is that an answer fails. An error is the account's; none is one of several messages', and words are those
    /// for the only one.
    fn judge(&mut self, error: Error, uids: &[u32]) -> Result<Option<String>> {
        let is_cut_short = self.visit.poll.limits.stop.requested();
        let Some(trouble) = self.session.trouble().filter(|trouble| trouble.is_refusal() || !is_cut_short) else {
            return Err(error);
        };
        let (first, last) = (uids.first().copied().unwrap_or_default(), uids.last().copied().unwrap_or_default());
        let named = if first == last { format!("UID {first}") } else { format!("UIDs {first} to {last}") };
        let mailbox = self.visit.mailbox;
        let account = |error: Error| error.context(format!("mailbox {mailbox}: {named}"));
        if trouble.is_of_the_server() && !self.delivers(uids)? {
            return Err(account(error));
        }
        if matches!(trouble, Trouble::Cut | Trouble::Stalled) {
            // Until this pass or a later one has come behind them.
            self.evidence.broken_to = Some(last);
            let was_cut = std::mem::replace(&mut self.evidence.was_cut, uids.len() == 1);
            if was_cut || (trouble == Trouble::Cut && uids.len() > 1) {
                return Err(account(error));
            }
        }
        log::info!("mailbox {mailbox}: {named}: {error:#}; going on message by message");
        if !trouble.is_refusal()
            && let Err(down) = self.reopen()
        {
            log::info!("mailbox {mailbox}: {down:#}");
            return Err(account(error));
        }
        Ok((uids.len() == 1).then(|| format!("{error:#}")))
    }

    /// Whether the server hands over anything: it refuses because of its own state, and is asked for the headers of some others.
    fn delivers(&mut self, uids: &[u32]) -> Result<bool> {
        const PROBES: usize = 5;
        let some = uids.iter().rev().take(PROBES).copied().chain(std::mem::take(&mut self.probes));
        for uid in some.collect::<Vec<_>>() {
            if self.evidence.delivers {
                break;
            }
            match self.session.headers(&[uid]) {
                Ok(found) => self.evidence.delivers = !found.is_empty(),
                Err(_) if self.session.trouble().is_some_and(|trouble| trouble.is_refusal()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.evidence.delivers)
    }

    /// Gives each UID of a group its message or its fate.
    fn put_together(&mut self, group: Vec<Due>, messages: Vec<RawMessage>, why: &str, share: Share<'a>) -> Result<RawBatch<'a>> {
        let last_uid = group.last().map_or(0, Due::uid);
        let read: HashSet<u32> = messages.iter().map(|message| message.uid).collect();
        let absent: Vec<u32> = uids_of(&group).into_iter().filter(|uid| !read.contains(uid)).collect();
        let still_there = self.still_listed(&absent)?;
        let mut passed: Vec<Passed> =
            group.into_iter().filter_map(|due| if let Due::Pass(passed) = due { Some(passed) } else { None }).collect();
        for uid in absent {
            passed.push(if !still_there.contains(&uid) {
                Passed::unread(uid, Fate::Gone, reason!(Fetch2, "expunged before it could be read"))
            } else if self.is_beyond(uid) {
                // Not even a fate: the position would go to where no message is, and all later mail would be lost.
                let what = format!("the server lists UID {uid} beyond its own next UID, and does not hand it over");
                return Err(Fault::new(Class::Protocol, what).reach(Reach::Mailbox).into());
            } else {
                Passed::unread(uid, Fate::Undelivered, why)
            });
        }
        passed.sort_by_key(|other| other.uid);
        Ok(RawBatch { messages, passed, last_uid, share })
    }

    fn still_listed(&mut self, uids: &[u32]) -> Result<HashSet<u32>> {
        still_listed(self.session, uids)
    }

    fn reopen(&mut self) -> Result<()> {
        *self.session = Session::open(self.visit.poll.server)?;
        self.session.examine(self.visit.mailbox)?;
        Ok(())
    }
}

/// Returns which of some UIDs, in order, the server still has.
pub(super) fn still_listed(session: &mut Session, uids: &[u32]) -> Result<HashSet<u32>> {
    let (mut there, mut behind) = (HashSet::new(), 0);
    for uid in uids {
        if *uid > behind {
            let listed = session.uids_above(uid - 1)?;
            behind = listed.last().copied().unwrap_or(u32::MAX);
            if listed.len() < crate::mailbox::MOST_LISTED {
                behind = u32::MAX;
            }
            there = listed.into_iter().chain(there.into_iter().filter(|known| known < uid)).collect();
        }
    }
    there.retain(|uid| uids.binary_search(uid).is_ok());
    Ok(there)
}

/// The same, where no search is believed alone: what it does not find is asked for by its UID.
pub(super) fn still_there(session: &mut Session, uids: &[u32]) -> Result<HashSet<u32>> {
    let mut there = still_listed(session, uids)?;
    let absent: Vec<u32> = uids.iter().copied().filter(|uid| !there.contains(uid)).collect();
    if !absent.is_empty() {
        match session.sizes(&absent) {
            Ok(found) => there.extend(found.into_iter().map(|listed| listed.uid)),
            Err(error) if session.trouble().is_some_and(|trouble| trouble.is_refusal()) => {
                log::info!("{error:#}; going on by the search");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

fn uids_of(due: &[Due]) -> Vec<u32> {
    due.iter().filter_map(|due| if let Due::Take(uid) = due { Some(*uid) } else { None }).collect()
}
