//! Reads due messages from the server, in batches bounded by number and bytes.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};

use super::{Due, LISTED_AT_ONCE, Poll, RawBatch};
use crate::decide::filter::{self, Filter};
use crate::fault::{Class, class_of};
use crate::mail;
use crate::mailbox::{Listed, RawMessage, Session};
use crate::pass::intake::{self, Passed};
use crate::pass::memory::Share;
use crate::words::Fate;

/// What reads.
pub(super) struct Reader<'a> {
    pub poll: &'a Poll<'a>,
    pub session: &'a mut Session,
    pub mailbox: &'a str,
    /// Import filters, when one of them can skip a message by its header.
    pub filters: &'a [Filter],
}

impl<'a> Reader<'a> {
    /// Hands each batch to `send`, which returns false when nobody takes any more.
    pub fn read(mut self, due: Vec<Due>, send: &mut dyn FnMut(RawBatch<'a>) -> bool) -> Result<()> {
        let mut due = due.into_iter().peekable();
        while due.peek().is_some() {
            let mut chunk: Vec<Due> = due.by_ref().take(LISTED_AT_ONCE).collect();
            if !self.filters.is_empty() {
                self.screen(&mut chunk)?;
            }
            let uids: Vec<u32> =
                chunk.iter().filter_map(|due| if let Due::Take(uid) = due { Some(*uid) } else { None }).collect();
            let listed: HashMap<u32, Listed> =
                self.session.sizes(&uids)?.into_iter().map(|listed| (listed.uid, listed)).collect();
            if !self.read_chunk(chunk, &listed, send)? {
                break;
            }
        }
        Ok(())
    }

    /// FILTER-6: looks at the headers first, so that the body of a skipped message is not fetched (FILTER-7).
    fn screen(&mut self, chunk: &mut [Due]) -> Result<()> {
        let uids: Vec<u32> = chunk.iter().filter_map(|due| if let Due::Take(uid) = due { Some(*uid) } else { None }).collect();
        let headers = self.session.headers(&uids)?;
        let mut skipped: HashMap<u32, String> = HashMap::new();
        for header in headers {
            let mail = mail::parse(&header.header);
            if let Some(filter) = filter::screen(&mail, header.size, self.filters) {
                skipped
                    .insert(header.uid, format!("FILTER-6: the filter {:?} ({}) skips it by its header", filter.name, filter.id));
            }
        }
        for due in chunk {
            if let Due::Take(uid) = due
                && let Some(why) = skipped.remove(uid)
            {
                *due = Due::Pass(Passed { uid: i64::from(*uid), fate: Fate::Filtered, email: None, why });
            }
        }
        Ok(())
    }

    fn read_chunk(
        &mut self,
        chunk: Vec<Due>,
        listed: &HashMap<u32, Listed>,
        send: &mut dyn FnMut(RawBatch<'a>) -> bool,
    ) -> Result<bool> {
        let limits = self.poll.limits;
        let most = if self.poll.careful { 1 } else { limits.batch_messages };
        let mut chunk = chunk.into_iter().peekable();
        while let Some(first) = chunk.next() {
            if limits.spent() {
                return Ok(false);
            }
            let size = |due: &Due| match due {
                Due::Take(uid) => listed.get(uid).map_or(0, |listed| listed.size),
                Due::Pass(_) => 0,
            };
            let mut bytes = size(&first);
            let mut group = vec![first];
            // A giant goes alone: only its text parts are read (FETCH-8).
            while bytes <= limits.max_message_size
                && group.len() < most
                && let Some(next) = chunk.next_if(|next| bytes + size(next) <= limits.batch_bytes)
            {
                bytes += size(&next);
                group.push(next);
            }
            let share = limits.memory.take(bytes.min(limits.max_message_size));
            let batch = self.read_group(group, bytes > limits.max_message_size, share)?;
            if !send(batch) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read_group(&mut self, group: Vec<Due>, giant: bool, share: Share<'a>) -> Result<RawBatch<'a>> {
        let last_uid = group.last().map_or(0, Due::uid);
        let mut passed = Vec::new();
        let mut uids = Vec::new();
        for due in group {
            match due {
                Due::Take(uid) => uids.push(uid),
                Due::Pass(other) => passed.push(other),
            }
        }
        let messages = if uids.is_empty() {
            Vec::new()
        } else if giant {
            self.one_by_one(&uids, true)?
        } else {
            self.fetch(&uids)?
        };
        let absent: Vec<u32> = uids.into_iter().filter(|uid| !messages.iter().any(|message| message.uid == *uid)).collect();
        passed.extend(absent.into_iter().map(|uid| Passed {
            uid: i64::from(uid),
            fate: Fate::Gone,
            email: None,
            why: "FETCH-2: expunged before it could be read".to_string(),
        }));
        passed.sort_by_key(|other| other.uid);
        Ok(RawBatch { messages, passed, last_uid, share })
    }

    /// Fetches messages; when the answer cannot be understood, over a new session and one by one. A message that is
    /// still listed but not delivered is no expunged one: the account stops there, and nothing is lost.
    fn fetch(&mut self, uids: &[u32]) -> Result<Vec<RawMessage>> {
        let mut messages = match self.session.fetch(uids) {
            Ok(messages) => messages,
            Err(error) if class_of(&error) == Class::Protocol => {
                log::info!("mailbox {}: {error:#}; reading message by message", self.mailbox);
                self.reopen()?;
                return self.one_by_one(uids, false);
            }
            Err(error) => return Err(error.context(format!("mailbox {}: UIDs {}", self.mailbox, span(uids)))),
        };
        let absent: Vec<u32> = uids.iter().copied().filter(|uid| !messages.iter().any(|message| message.uid == *uid)).collect();
        if !absent.is_empty() {
            let listed = self.still_listed(&absent)?;
            messages.extend(self.one_by_one(&listed, false)?);
            messages.sort_by_key(|message| message.uid);
        }
        Ok(messages)
    }

    fn one_by_one(&mut self, uids: &[u32], partial: bool) -> Result<Vec<RawMessage>> {
        let mut messages = Vec::with_capacity(uids.len());
        for uid in uids {
            let read =
                if partial { self.session.fetch_partial(*uid) } else { self.session.fetch(&[*uid]).map(|mut found| found.pop()) };
            match read.with_context(|| format!("mailbox {}: UID {uid}", self.mailbox))? {
                Some(message) => messages.push(message),
                None if self.still_listed(&[*uid])?.is_empty() => {}
                None => {
                    let what = "the server lists it but does not deliver it";
                    return Err(intake::undeliverable(*uid, &anyhow::anyhow!(what)).context(format!("mailbox {}", self.mailbox)));
                }
            }
        }
        Ok(messages)
    }

    /// Returns which of some UIDs the server still has.
    fn still_listed(&mut self, uids: &[u32]) -> Result<Vec<u32>> {
        let Some(first) = uids.first() else { return Ok(Vec::new()) };
        let listed: HashSet<u32> = self.session.uids_above(first - 1)?.into_iter().collect();
        Ok(uids.iter().copied().filter(|uid| listed.contains(uid)).collect())
    }

    fn reopen(&mut self) -> Result<()> {
        *self.session = Session::open(self.poll.server)?;
        self.session.examine(self.mailbox)?;
        Ok(())
    }
}

fn span(uids: &[u32]) -> String {
    match uids {
        [] => "none".to_string(),
        [only] => only.to_string(),
        [first, .., last] => format!("{first} to {last}"),
    }
}
