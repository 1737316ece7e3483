//! WHY-3: compares a mailbox with what is stored: every UID that its server lists against its fate. Some thousand at a time, so that the
//! mailbox may be as large as it likes.
//!
//! A server is not believed in one way only. What SEARCH lists is counted against what the mailbox says that it has; where it is less, the
//! UIDs are asked for one range after the other, and where that is less, too, nothing is said to be proved. That a message is older than
//! fetch-since is read from its own date and not from what SEARCH finds.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::again;
use super::listing::{self, HEADERS_AT_ONCE, HEADERS_SHARE};
use super::read::still_there;
use super::visit::{Evidence, Poll, Visit, gate};
use crate::fault::{Class, Fault, Reach, step};
use crate::mail;
use crate::mailbox::{MOST_LISTED, Opened, Session};
use crate::pass::Tally;
use crate::plural::counted;
use crate::store::position::{self, Position};
use crate::store::{self, Store, lease, reconcile};
use crate::words::Fate;

/// How many UIDs are given their fates in one transaction, and asked for then.
const SETTLED_AT_ONCE: usize = 500;
/// How many INTERNALDATEs are asked for at once.
const DATES_AT_ONCE: usize = 2_000;
/// How many ranges of missing UIDs of a mailbox are told; all are counted.
const TOLD: usize = 1_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Take in what is missing.
    pub import: bool,
    /// Read the headers, too: whether the message with a UID is the one that had it.
    pub deep: bool,
}

/// What a mailbox has, and what became of it.
#[derive(Debug, Default, serde::Serialize)]
pub struct Compared {
    pub account: String,
    pub mailbox: String,
    pub uidvalidity: u32,
    /// How many messages the server lists.
    pub on_server: u64,
    /// Those that have a fate.
    pub fates: Tally,
    /// Those that were there when the mailbox was first read, and are older than the account's fetch-since.
    pub older: u64,
    /// Those that the next pass reads.
    pub waiting: u64,
    /// Those that should have been read and were not.
    pub missing: u64,
    /// Their UIDs, as ranges.
    pub missing_uids: Vec<String>,
    /// How many of them those ranges leave out.
    pub missing_not_told: u64,
    /// Of the missing, those whose UID had another message when it was read.
    pub replaced: u64,
    /// What was taken in of what was missing.
    pub taken: Tally,
    /// Whether everything was compared that the server says it has.
    pub is_whole: bool,
    /// Why all of it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Why not everything was compared.
    #[serde(skip)]
    pub fault: Option<Fault>,
}

impl Compared {
    fn miss(&mut self, uids: &[u32]) {
        self.missing += uids.len() as u64;
        for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            if self.missing_uids.len() < TOLD {
                self.missing_uids.push(if first == last { first.to_string() } else { format!("{first}:{last}") });
            } else {
                self.missing_not_told += run.len() as u64;
            }
        }
    }
}

/// How the server is asked for its UIDs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Search,
    /// Range by range.
    Fetch,
}

/// One comparison.
struct Walk<'w> {
    poll: &'w Poll<'w>,
    session: &'w mut Session,
    store: &'w mut Store,
    mailbox: &'w str,
    opened: Opened,
    /// None where no UID means anything yet.
    position: Option<Position>,
    wanted: Wanted,
    evidence: Evidence,
    found: Compared,
    /// The highest UID that was listed.
    highest: u32,
}

/// Compares one mailbox, under the account's lease.
pub(super) fn once(poll: &Poll<'_>, session: &mut Session, store: &mut Store, mailbox: &str, wanted: Wanted) -> Result<Compared> {
    let opened = session.examine(mailbox)?;
    let mut evidence = Evidence::default();
    let (account, uidvalidity) = (poll.account.id, i64::from(opened.uidvalidity));
    let (position, because) = match position::position(store.connection(), account, mailbox, uidvalidity)? {
        Some(known) => match listing::put_back(poll, session, mailbox, &opened, &known, &mut evidence)? {
            None => (Some(known), None),
            Some(why) => (None, Some(format!("it was put back from a copy ({why})"))),
        },
        None => match listing::renumbered(store, account, mailbox, uidvalidity)? {
            None => (None, Some("no pass has read it yet".to_string())),
            Some(why) => (None, Some(why)),
        },
    };
    let found = Compared {
        account: poll.account.name.clone(),
        mailbox: mailbox.to_string(),
        uidvalidity: opened.uidvalidity,
        because,
        ..Compared::default()
    };
    let mut walk = Walk { poll, session, store, mailbox, opened, position, wanted, evidence, found, highest: 0 };
    // Where nobody says how many there are, both ways have to do.
    if walk.go(By::Search)? && (walk.lists_too_few() || !walk.opened.is_counted) {
        walk.look_closer()?;
    }
    // Whoever took the lease, or reset the account, has changed what was compared.
    walk.store.transaction(|db| lease::hold(db, poll.lease))?;
    Ok(walk.found)
}

impl Walk<'_> {
    fn lists_too_few(&self) -> bool {
        self.opened.is_counted && self.found.on_server < u64::from(self.opened.exists)
    }

    /// Goes through the mailbox again, range by range.
    fn look_closer(&mut self) -> Result<()> {
        // What was expunged meanwhile is not counted any more.
        self.opened = self.session.examine(self.mailbox)?;
        let mut again = self.begin_again();
        again.taken = std::mem::take(&mut self.found.taken);
        let before = std::mem::replace(&mut self.found, again);
        let is_whole = self.go(By::Fetch)?;
        if self.found.on_server < before.on_server {
            // It says less than SEARCH did.
            let taken = std::mem::take(&mut self.found.taken);
            self.found = Compared { taken, ..before };
        }
        if is_whole && self.lists_too_few() {
            self.found.is_whole = false;
            let what = format!(
                "account {}: mailbox {}: the server says that it has {}, and lists {}: of the others nothing is known",
                self.poll.account.name,
                self.mailbox,
                counted(self.opened.exists, "message"),
                self.found.on_server
            );
            self.found.fault = Some(Fault::new(Class::Protocol, what).reach(Reach::Mailbox));
        }
        Ok(())
    }

    fn begin_again(&self) -> Compared {
        let Compared { account, mailbox, uidvalidity, because, .. } = &self.found;
        Compared {
            account: account.clone(),
            mailbox: mailbox.clone(),
            uidvalidity: *uidvalidity,
            because: because.clone(),
            ..Compared::default()
        }
    }

    /// Goes through the mailbox. Returns whether to its end.
    fn go(&mut self, by: By) -> Result<bool> {
        let mut last = 0;
        loop {
            let Some(uids) = self.next(by, last)? else {
                let what = format!(
                    "account {}: mailbox {}: the time of the account was over behind UID {last}: the rest is not compared",
                    self.poll.account.name, self.mailbox
                );
                let hint = format!("try: espomail account set {} --max-seconds SECONDS", self.poll.account.name);
                self.found.fault = Some(Fault::new(Class::TempFail, what).reach(Reach::Mailbox).hint(hint));
                return Ok(false);
            };
            let Some(end) = uids.last().copied() else { break };
            self.highest = self.highest.max(end);
            self.sort_out(&uids)?;
            if by == By::Search && uids.len() < MOST_LISTED {
                break;
            }
            last = end;
        }
        self.found.is_whole = true;
        Ok(true)
    }

    /// Lists the next UIDs above one; none when the time is over.
    fn next(&mut self, by: By, last: u32) -> Result<Option<Vec<u32>>> {
        let at_once = u32::try_from(MOST_LISTED).unwrap_or(u32::MAX);
        let end = self.opened.uidnext.map_or(0, |next| next.saturating_sub(1)).max(self.highest);
        let mut last = last;
        loop {
            if self.poll.limits.spent() {
                return Ok(None);
            }
            if by == By::Search {
                return self.session.uids_above(last).map(Some);
            }
            if last >= end {
                return Ok(Some(Vec::new()));
            }
            let to = last.saturating_add(at_once).min(end);
            let range: Vec<u32> = (last + 1..=to).collect();
            let listed: Vec<u32> = self.session.sizes(&range)?.into_iter().map(|listed| listed.uid).collect();
            if !listed.is_empty() {
                return Ok(Some(listed));
            }
            last = to;
        }
    }

    /// Counts some UIDs, in order, by what became of them.
    fn sort_out(&mut self, uids: &[u32]) -> Result<()> {
        let Some(position) = self.position.clone() else {
            self.found.on_server += uids.len() as u64;
            self.found.waiting += uids.len() as u64;
            return Ok(());
        };
        let below = uids.partition_point(|uid| i64::from(*uid) <= position.last_uid);
        let (below, above) = uids.split_at(below);
        self.found.waiting += above.len() as u64;
        let fates = self.fates(&position, below)?;
        let (mut missing, mut bare, mut settled) = (Vec::new(), Vec::new(), Vec::new());
        for uid in below {
            match fates.get(uid) {
                None => bare.push(*uid),
                Some(Fate::Gone) => missing.push(*uid),
                Some(fate) => settled.push((*uid, *fate)),
            }
        }
        let (without, older, gone) = self.judge(&position, &bare)?;
        let replaced = if self.wanted.deep { self.replaced(&position, &settled)? } else { HashSet::new() };
        self.found.on_server += (uids.len() - gone) as u64;
        self.found.older += older.len() as u64;
        self.found.replaced += replaced.len() as u64;
        for (_, fate) in settled.iter().filter(|(uid, _)| !replaced.contains(uid)) {
            self.found.fates.count(*fate, 1);
        }
        missing.extend(without);
        if self.wanted.import {
            missing.sort_unstable();
            missing = self.take(&position, missing, &older)?;
        }
        missing.extend(replaced);
        missing.sort_unstable();
        self.found.miss(&missing);
        Ok(())
    }

    /// Returns the fates of some UIDs, in order.
    fn fates(&mut self, position: &Position, uids: &[u32]) -> Result<HashMap<u32, Fate>> {
        let mut fates = HashMap::new();
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else { return Ok(fates) };
        let (mut above, last) = (i64::from(*first) - 1, i64::from(*last));
        // Far more may have been expunged since than is there.
        while above < last {
            let most = i64::try_from(MOST_LISTED)?;
            let some = reconcile::between(self.store.connection(), position.id, above, last, most)?;
            above = some.last().filter(|_| some.len() >= MOST_LISTED).map_or(last, |(uid, _)| *uid);
            let there = some.into_iter().filter_map(|(uid, fate)| Some((u32::try_from(uid).ok()?, fate)));
            fates.extend(there.filter(|(uid, _)| uids.binary_search(uid).is_ok()));
        }
        Ok(fates)
    }

    /// Tells what is missing from what is older than the account's fetch-since, among UIDs that have no fate. Returns how many are not
    /// there any more, too.
    fn judge(&mut self, position: &Position, bare: &[u32]) -> Result<(Vec<u32>, Vec<u32>, usize)> {
        let (mut missing, mut older, mut absent) = (Vec::new(), Vec::new(), Vec::new());
        let since = self.poll.account.fetching.fetch_since;
        for some in bare.chunks(DATES_AT_ONCE) {
            let dates = self.session.dates(some)?;
            for uid in some {
                match dates.get(uid) {
                    None => absent.push(*uid),
                    Some(date) if position.is_older(i64::from(*uid), *date, since) => older.push(*uid),
                    Some(_) => missing.push(*uid),
                }
            }
        }
        let there = still_there(self.session, &absent)?;
        let gone = absent.len() - there.len();
        missing.extend(there);
        missing.sort_unstable();
        Ok((missing, older, gone))
    }

    /// Returns the UIDs that have another message than the one that is stored under them. One without a Message-ID is not compared.
    fn replaced(&mut self, position: &Position, settled: &[(u32, Fate)]) -> Result<HashSet<u32>> {
        let mut replaced = HashSet::new();
        let gate = gate(self.poll, self.mailbox, position);
        let visit = Visit { poll: self.poll, mailbox: self.mailbox, opened: &self.opened, position, gate: &gate, filters: &[] };
        for some in settled.chunks(HEADERS_AT_ONCE) {
            let keys: Vec<i64> = some.iter().map(|(uid, _)| i64::from(*uid)).collect();
            let known = reconcile::known_as(self.store.connection(), position.id, &keys)?;
            let uids: Vec<u32> = some.iter().map(|(uid, _)| *uid).filter(|uid| known.contains_key(&i64::from(*uid))).collect();
            let share = self.poll.limits.memory.take(HEADERS_SHARE);
            for header in listing::headers(&visit, self.session, &uids)? {
                let id = mail::parse(&header.header).message_id;
                let was = known.get(&i64::from(header.uid));
                if id.as_ref().zip(was).is_some_and(|(id, was)| store::clean(id).as_ref() != was.as_str()) {
                    replaced.insert(header.uid);
                }
            }
            drop(share);
        }
        Ok(replaced)
    }

    /// Takes in what is missing, by the road of what a server did not hand over (FETCH-6). Returns what is missing still, as the time is over.
    fn take(&mut self, position: &Position, missing: Vec<u32>, older: &[u32]) -> Result<Vec<u32>> {
        let lowest = missing.first().map_or(position.start_uid, |first| position.start_uid.min(i64::from(*first) - 1));
        // Behind where the position begins from now on, every UID has a fate.
        let beside: Vec<i64> = older.iter().copied().map(i64::from).filter(|uid| *uid > lowest).collect();
        for some in beside.chunks(SETTLED_AT_ONCE) {
            self.settle(position, &[], some)?;
        }
        let mut gate = gate(self.poll, self.mailbox, position);
        // It is late: what an earlier pass should have brought is not answered.
        gate.quiet_before = gate.quiet_before.max(self.poll.account.state.last_success_at);
        let mut left = missing.as_slice();
        while !left.is_empty() && !self.poll.limits.spent() {
            let (some, rest) = left.split_at(SETTLED_AT_ONCE.min(left.len()));
            self.settle(position, &some.iter().copied().map(i64::from).collect::<Vec<_>>(), &[])?;
            let opened = &self.opened;
            let visit = Visit { poll: self.poll, mailbox: self.mailbox, opened, position, gate: &gate, filters: &[] };
            again::ask(&visit, self.session, self.store, &mut self.evidence, &mut self.found.taken)?;
            left = rest;
        }
        let (taken, left) = missing.split_at(missing.len() - left.len());
        for fate in self.fates(position, taken)?.into_values() {
            self.found.fates.count(fate, 1);
        }
        if let Some(kept) = &mut self.position {
            kept.start_uid = lowest;
        }
        Ok(left.to_vec())
    }

    /// Gives UIDs their fates, under a lease that is still ours.
    fn settle(&mut self, position: &Position, missing: &[i64], older: &[i64]) -> Result<()> {
        let now = (self.poll.now)();
        self.store.transaction(|db| {
            store::lock(db)?;
            lease::hold(db, self.poll.lease)?;
            lease::renew(db, self.poll.lease, now, self.poll.lease_seconds)?;
            reconcile::settle(db, position.id, missing, older, now)
        })?;
        step();
        Ok(())
    }
}
