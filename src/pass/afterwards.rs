//! What is done with messages on their server once they are stored (FETCH-9): in the session and under the lease of the pass that has read
//! the mailboxes, set by set. Rows say what is due. Each set is written down as done when the server has said so; whoever dies in between
//! leaves a set that comes to the same when it is done again. What a server refuses rests with growing pauses, is said, and ends nothing.

mod target;

use std::collections::{BTreeMap, HashSet};

use anyhow::{Error, Result, anyhow};

use self::target::Sign;
use super::effects::{LONGEST_PAUSE, pause};
use super::mailbox::Poll;
use crate::fault::{Class, Fault, Reach, one_line, step};
use crate::mail;
use crate::mailbox::{Changed, MOST_LISTED, Session};
use crate::plural::{and_more, counted};
use crate::store::server_action::{self, Due, Known, Place};
use crate::store::{Store, position};
use crate::words::{EmailId, MoveStage, PositionId, ServerVerb};

/// How many rows are read at once.
const ROWS: usize = 2_000;

/// How many messages one command names at the most, and how many headers are read at once.
const AT_ONCE: usize = 500;

/// What a server without UIDPLUS leaves to do, as it is written down.
const ONLY_MARKED: &str = "the server cannot take away single messages (it has neither MOVE nor UIDPLUS): marked as deleted, and gone \
when a mail program expunges the mailbox";

/// What came of it.
#[derive(Debug, Default)]
pub struct Done {
    /// How many messages something was done with.
    pub done: usize,
    pub failures: Vec<Failure>,
    /// What people should hear once.
    pub words: Vec<String>,
}

/// What could not be done.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    /// Whether it should be said now: at once, then hourly.
    pub say: bool,
}

/// How some messages could not be changed.
enum Trouble {
    /// The server refuses, in these words; the session goes on.
    Refused(String),
    /// The session is of no use any more.
    Session(Error),
    /// It is ours: the database.
    Store(Error),
}

impl Trouble {
    fn of(outcome: Result<Changed>) -> Result<(), Self> {
        match outcome {
            Ok(Changed::Done) => Ok(()),
            Ok(Changed::Refused(words)) => Err(Self::Refused(words)),
            Err(error) => Err(Self::Session(error)),
        }
    }
}

/// Does what is due in those mailboxes that this pass has read without a fault: there it is known that UIDs mean what they did (FETCH-5).
pub fn act(poll: &Poll<'_>, session: &mut Session, store: &mut Store, polled: &[&String]) -> Result<Done> {
    let mut done = Done::default();
    // What was given the UIDs of now is done at once, too.
    for _ in 0..2 {
        let mut has_carried = false;
        for place in server_action::places(store.connection(), poll.account.id, (poll.now)())? {
            if !polled.contains(&&place.mailbox) {
                continue;
            }
            let mut turn = MailboxTurn { poll, session, store, place: &place, done: &mut done, has_carried: false };
            if !turn.run()? {
                return Ok(done);
            }
            has_carried |= turn.has_carried;
        }
        if !has_carried {
            break;
        }
    }
    Ok(done)
}

/// One mailbox's turn.
struct MailboxTurn<'a, 't> {
    poll: &'t Poll<'a>,
    session: &'t mut Session,
    store: &'t mut Store,
    place: &'t Place,
    done: &'t mut Done,
    /// Something was given the UIDs that its messages have now.
    has_carried: bool,
}

impl MailboxTurn<'_, '_> {
    /// Does what is due. Returns false when the session is of no use any more.
    fn run(&mut self) -> Result<bool> {
        let Place { position, mailbox, uidvalidity } = self.place;
        let mut is_open = false;
        loop {
            if self.poll.limits.spent() {
                return Ok(true);
            }
            let due = server_action::due_in(self.store.connection(), *position, (self.poll.now)(), ROWS)?;
            if due.is_empty() {
                return Ok(true);
            }
            let newest = position::position(self.store.connection(), self.poll.account.id, mailbox, *uidvalidity)?;
            if newest.as_ref().is_none_or(|newest| newest.id != *position) {
                let why = "the mailbox was put back from a copy or the account has moved since";
                self.carry_over(&due, newest.map(|newest| newest.id), why)?;
                continue;
            }
            if !is_open {
                match self.session.select(mailbox) {
                    Ok(opened) if i64::from(opened.uidvalidity) == *uidvalidity => is_open = true,
                    Ok(opened) => {
                        let (account, uidvalidity) = (self.poll.account.id, i64::from(opened.uidvalidity));
                        let newest = position::position(self.store.connection(), account, mailbox, uidvalidity)?;
                        self.carry_over(&due, newest.map(|newest| newest.id), "UIDVALIDITY has changed since")?;
                        continue;
                    }
                    // Nobody waits for the server any more.
                    Err(_) if self.poll.limits.stop.requested() => return Ok(false),
                    Err(error) => {
                        let is_shut = target::is_of_mailbox(&error);
                        self.put_off(&due, error)?;
                        return Ok(is_shut);
                    }
                }
            }
            for some in in_order(due) {
                for some in some.chunks(AT_ONCE) {
                    if self.poll.limits.spent() {
                        return Ok(true);
                    }
                    match self.do_some(some) {
                        Ok(done) => self.done.done += done,
                        Err(Trouble::Refused(words)) => {
                            let refused = Fault::new(Class::Unavailable, words).reach(Reach::Mailbox);
                            self.put_off(some, refused.into())?;
                        }
                        Err(Trouble::Session(_)) if self.poll.limits.stop.requested() => return Ok(false),
                        Err(Trouble::Session(error)) => {
                            self.put_off(some, error)?;
                            return Ok(false);
                        }
                        Err(Trouble::Store(error)) => return Err(error),
                    }
                }
            }
        }
    }

    /// Gives what is due under UIDs that mean other messages now the UIDs that its messages have now (FETCH-5). What was not found again in the
    /// mailbox is given up.
    fn carry_over(&mut self, due: &[Due], to: Option<PositionId>, why: &str) -> Result<()> {
        let (lease, now) = (self.poll.lease, (self.poll.now)());
        let emails: Vec<EmailId> = due.iter().map(|due| due.email).collect();
        let carry = |to| self.store.transaction(|db| server_action::carry_over(db, lease, to, &emails, now));
        if to.map_or(Ok(0), carry)? > 0 {
            self.has_carried = true;
            return Ok(());
        }
        self.give_up(due, &format!("{why}: its UIDs mean other messages now, and it was not found again"))
    }

    /// Does one thing with some messages, and writes it down. Returns with how many.
    fn do_some(&mut self, some: &[Due]) -> Result<usize, Trouble> {
        let Some(Due { verb, target, .. }) = some.first() else { return Ok(0) };
        let uids = uids_of(some);
        step();
        match verb {
            ServerVerb::Seen => Trouble::of(self.session.add_flag(&uids, "\\Seen"))?,
            ServerVerb::Flag => Trouble::of(self.session.add_flag(&uids, target))?,
            ServerVerb::Move | ServerVerb::Delete => {
                let same = self.looked_at(some, *verb)?;
                let same: Vec<&Same> = same.iter().collect();
                return match verb {
                    _ if same.is_empty() => Ok(0),
                    ServerVerb::Move => self.move_some(&same, target),
                    // Here whole, as was looked at.
                    ServerVerb::Delete => self.take_away(ServerVerb::Delete, &same),
                    ServerVerb::Seen | ServerVerb::Flag => Ok(0),
                };
            }
        }
        step();
        self.finish(*verb, &uids, None)?;
        Ok(uids.len())
    }

    /// Moves messages. Returns how many have gone: what a server says it has moved or copied is believed when that can be seen.
    fn move_some(&mut self, some: &[&Same], target: &str) -> Result<usize, Trouble> {
        if self.session.offers("MOVE").map_err(Trouble::Session)? {
            Trouble::of(self.session.relocate(&uids_in(some), target))?;
            step();
            return self.finish_gone(ServerVerb::Move, some, "the server says that it has moved it, and it is still there");
        }
        let of_stage = |stage| some.iter().map(|same| &same.due).filter(move |due| due.stage == Some(stage));
        let mut copied: HashSet<u32> = uids_of(of_stage(MoveStage::Copied)).into_iter().collect();
        // A pass that died may have copied them: what is there is not copied again.
        let unsure: Vec<&Due> = of_stage(MoveStage::Copying).collect();
        if !unsure.is_empty() {
            copied.extend(self.look_for(&unsure, target)?);
        }
        let fresh: Vec<&Same> = some.iter().copied().filter(|same| !copied.contains(&same.uid())).collect();
        if !fresh.is_empty() {
            copied.extend(self.copy(&fresh, target)?);
        }
        let there: Vec<&Same> = some.iter().copied().filter(|same| copied.contains(&same.uid())).collect();
        if there.is_empty() { Ok(0) } else { self.take_away(ServerVerb::Move, &there) }
    }

    /// Copies messages. Returns those that were seen where they went: no others are taken away here.
    fn copy(&mut self, fresh: &[&Same], target: &str) -> Result<Vec<u32>, Trouble> {
        let uids = uids_in(fresh);
        let before = target::before(self.session, target).map_err(Trouble::Session)?;
        self.go_back()?;
        self.set_stage(&uids, Some(MoveStage::Copying))?;
        step();
        match Trouble::of(self.session.copy(&uids, target)) {
            Ok(()) => {}
            Err(Trouble::Refused(words)) => {
                // RFC 3501, section 6.4.7: what is refused has copied nothing.
                self.set_stage(&uids, None)?;
                return Err(Trouble::Refused(words));
            }
            Err(other) => return Err(other),
        }
        step();
        let wanted: Vec<(u32, Sign)> = fresh.iter().map(|same| (same.uid(), same.sign.clone())).collect();
        let seen = target::arrived(self.session, target, before.as_ref(), &wanted).map_err(Trouble::Session)?;
        self.go_back()?;
        let (seen, unseen): (Vec<u32>, Vec<u32>) = uids.into_iter().partition(|uid| seen.contains(uid));
        self.set_stage(&seen, Some(MoveStage::Copied))?;
        step();
        let unseen = unseen.into_iter().collect();
        self.disbelieve(fresh, &unseen, "the server says that it has copied it, and it is not to be seen there")?;
        Ok(seen)
    }

    /// Opens the mailbox again, whose UIDs must mean what they did.
    fn go_back(&mut self) -> Result<(), Trouble> {
        let opened = self.session.select(&self.place.mailbox).map_err(Trouble::Session)?;
        if i64::from(opened.uidvalidity) == self.place.uidvalidity {
            return Ok(());
        }
        let changed = Fault::new(Class::Unavailable, "UIDVALIDITY has changed meanwhile").reach(Reach::Mailbox);
        Err(Trouble::Session(changed.into()))
    }

    /// Writes down that messages are gone, of those that are; the others are put off.
    fn finish_gone(&mut self, verb: ServerVerb, some: &[&Same], why: &str) -> Result<usize, Trouble> {
        let left = self.left(some)?;
        let gone: Vec<u32> = uids_in(some).into_iter().filter(|uid| !left.contains(uid)).collect();
        self.finish(verb, &gone, None)?;
        self.disbelieve(some, &left, why)?;
        Ok(gone.len())
    }

    /// Which of some messages are still there.
    fn left(&mut self, some: &[&Same]) -> Result<HashSet<u32>, Trouble> {
        match self.session.sizes(&uids_in(some)) {
            Ok(found) => Ok(found.into_iter().map(|listed| listed.uid).collect()),
            // What is gone cannot be asked for everywhere.
            Err(_) if self.session.trouble().is_some_and(|trouble| trouble.is_refusal()) => {
                let all: Vec<&Due> = some.iter().map(|same| &same.due).collect();
                Ok(self.listed(&all)?.into_iter().filter_map(|uid| u32::try_from(uid).ok()).collect())
            }
            Err(error) => Err(Trouble::Session(error)),
        }
    }

    /// Puts off those that the server has not dealt with as it says.
    fn disbelieve(&mut self, some: &[&Same], which: &HashSet<u32>, why: &str) -> Result<(), Trouble> {
        let some: Vec<Due> = some.iter().filter(|same| which.contains(&same.uid())).map(|same| same.due.clone()).collect();
        self.put_off(&some, Fault::new(Class::Unavailable, why).reach(Reach::Mailbox).into()).map_err(Trouble::Store)
    }

    /// Looks in the mailbox that messages go to for those of which nobody knows whether they were copied. It asks for each by itself, which
    /// only happens where a pass died or was cut off in the middle of a copy.
    fn look_for(&mut self, unsure: &[&Due], target: &str) -> Result<Vec<u32>, Trouble> {
        let ids: Vec<EmailId> = unsure.iter().map(|due| due.email).collect();
        let known = server_action::known(self.store.connection(), &ids).map_err(Trouble::Store)?;
        let mut there = Vec::new();
        for due in unsure {
            let known = known.get(&due.email).filter(|known| target::can_be_looked_for(&known.message_id));
            let (Some(known), Ok(uid)) = (known, u32::try_from(due.uid)) else { continue };
            // Another message may bear its id.
            let sizes = self.session.sizes_of(target, &known.message_id).map_err(Trouble::Session)?;
            if sizes.contains(&known.size) {
                there.push(uid);
            }
        }
        self.go_back()?;
        self.set_stage(&there, Some(MoveStage::Copied))?;
        Ok(there)
    }

    /// Returns those messages that are what they were when they were read: a UID may be another message's by now, whatever UIDVALIDITY says.
    /// What is gone already is done; what the server lists and does not show is put off; and what is another message stays.
    fn looked_at(&mut self, some: &[Due], verb: ServerVerb) -> Result<Vec<Same>, Trouble> {
        let ids: Vec<EmailId> = some.iter().map(|due| due.email).collect();
        let known = server_action::known(self.store.connection(), &ids).map_err(Trouble::Store)?;
        let headers = self.session.headers(&uids_of(some)).map_err(Trouble::Session)?;
        let there: BTreeMap<i64, (Option<String>, u64)> = headers
            .into_iter()
            .map(|header| (i64::from(header.uid), (mail::parse(&header.header).message_id, header.size)))
            .collect();
        let absent: Vec<&Due> = some.iter().filter(|due| !there.contains_key(&due.uid)).collect();
        let listed = self.listed(&absent)?;
        let (mut same, mut gone, mut unseen, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for due in some {
            let due = due.clone();
            let list = match (there.get(&due.uid), known.get(&due.email)) {
                (None, _) if listed.contains(&due.uid) => &mut unseen,
                (None, _) => &mut gone,
                (Some((id, size)), known) => {
                    let is_same = match known {
                        Some(Known { message_id, size: stored }) => id.as_ref().map_or(size == stored, |id| id == message_id),
                        // It is moved with what the store has not; but what is deleted is here whole.
                        None => verb == ServerVerb::Move,
                    };
                    if is_same {
                        same.push(Same { due, sign: Sign { message_id: id.clone(), size: *size } });
                        continue;
                    }
                    &mut others
                }
            };
            list.push(due);
        }
        if !others.is_empty() {
            let done = if verb == ServerVerb::Move { "moved" } else { "deleted" };
            let whole = if verb == ServerVerb::Move { "" } else { ", or not here whole" };
            let why = format!("it is not {done}: it is not the message that is stored{whole}");
            self.give_up(&others, &why).map_err(Trouble::Store)?;
        }
        if !unseen.is_empty() {
            let why = Fault::new(Class::Unavailable, "the server lists it and does not show its header").reach(Reach::Mailbox);
            self.put_off(&unseen, why.into()).map_err(Trouble::Store)?;
        }
        if !gone.is_empty() {
            self.finish(verb, &uids_of(&gone), None)?;
        }
        Ok(same)
    }

    /// Which of some messages the server lists; what may stand behind a list that is cut counts as listed.
    fn listed(&mut self, some: &[&Due]) -> Result<HashSet<i64>, Trouble> {
        let uids = uids_of(some.iter().copied());
        let Some(first) = uids.iter().min() else { return Ok(HashSet::new()) };
        let found = self.session.uids_above(first - 1).map_err(Trouble::Session)?;
        let end = found.last().copied().filter(|_| found.len() >= MOST_LISTED).unwrap_or(u32::MAX);
        let is_listed = |uid: &u32| *uid > end || found.contains(uid);
        Ok(uids.into_iter().filter(is_listed).map(i64::from).collect())
    }

    /// Marks messages as deleted, and takes them away where the server can do that with these alone.
    fn take_away(&mut self, verb: ServerVerb, some: &[&Same]) -> Result<usize, Trouble> {
        let uids = uids_in(some);
        let can_expunge = self.session.offers("UIDPLUS").map_err(Trouble::Session)?;
        Trouble::of(self.session.add_flag(&uids, "\\Deleted"))?;
        step();
        if can_expunge {
            Trouble::of(self.session.expunge(&uids))?;
            step();
            return self.finish_gone(verb, some, "the server says that it has taken it away, and it is still there");
        }
        let account = self.poll.account;
        if !server_action::was_said(self.store.connection(), account.id, ONLY_MARKED).map_err(Trouble::Store)? {
            self.done.words.push(format!("account {}: mailbox {}: {ONLY_MARKED}", account.name, self.place.mailbox));
        }
        self.finish(verb, &uids, Some(ONLY_MARKED))?;
        Ok(uids.len())
    }

    fn finish(&mut self, verb: ServerVerb, uids: &[u32], word: Option<&str>) -> Result<(), Trouble> {
        if uids.is_empty() {
            return Ok(());
        }
        let (position, lease, now) = (self.place.position, self.poll.lease, (self.poll.now)());
        let done = self.store.transaction(|db| server_action::finish(db, lease, (position, verb, uids), word, now));
        step();
        done.map_err(Trouble::Store)
    }

    fn set_stage(&mut self, uids: &[u32], stage: Option<MoveStage>) -> Result<(), Trouble> {
        if uids.is_empty() {
            return Ok(());
        }
        let (of, lease) = ((self.place.position, ServerVerb::Move, uids), self.poll.lease);
        self.store.transaction(|db| server_action::set_stage(db, lease, of, stage)).map_err(Trouble::Store)
    }

    /// It is tried again after 1, 2, 4 … 60 minutes; said at once, then hourly, with the first message that it is about.
    fn put_off(&mut self, due: &[Due], error: Error) -> Result<()> {
        let Some(first) = due.first() else { return Ok(()) };
        let minutes = pause(due.iter().map(|due| due.attempts).max().unwrap_or_default() + 1);
        let again_at = (self.poll.now)() + 60 * minutes;
        self.write_failure(due, &one_line(&error), Some(again_at))?;
        let name = &self.poll.account.name;
        let hint = format!("see: espomail account folders {name}; espomail account actions {name}");
        let class = crate::fault::class_of(&error);
        let what = format!("{}: {error:#}; tried again in {}", self.what(first, due.len()), counted(minutes, "minute"));
        let say = first.attempts == 0 || minutes == LONGEST_PAUSE;
        self.done.failures.push(Failure { error: Fault::new(class, what).hint(hint).into(), say });
        Ok(())
    }

    /// It is never done by itself: what is there is not what it was meant for.
    fn give_up(&mut self, due: &[Due], why: &str) -> Result<()> {
        let Some(first) = due.first() else { return Ok(()) };
        self.write_failure(due, why, None)?;
        let hint = format!("see: espomail account actions {}", self.poll.account.name);
        let fault = Fault::new(Class::Data, format!("{}: {why}", self.what(first, due.len()))).hint(hint);
        self.done.failures.push(Failure { error: fault.into(), say: true });
        Ok(())
    }

    fn what(&self, first: &Due, count: usize) -> String {
        let more = and_more(count.saturating_sub(1)).map(|more| format!(" {more}")).unwrap_or_default();
        let target = if first.target.is_empty() { String::new() } else { format!(" {:?}", first.target) };
        let (account, mailbox) = (&self.poll.account.name, &self.place.mailbox);
        format!("account {account}: mailbox {mailbox}: UID {}{more}: {}{target} on the server", first.uid, first.verb)
    }

    fn write_failure(&mut self, due: &[Due], error: &str, again_at: Option<i64>) -> Result<()> {
        let mut by_verb: BTreeMap<ServerVerb, Vec<u32>> = BTreeMap::new();
        for due in due {
            let uid = u32::try_from(due.uid).map_err(|_| anyhow!("UID {} is none", due.uid))?;
            by_verb.entry(due.verb).or_default().push(uid);
        }
        let (position, lease) = (self.place.position, self.poll.lease);
        self.store.transaction(|db| {
            by_verb.iter().try_for_each(|(verb, uids)| server_action::fail(db, lease, (position, *verb, uids), error, again_at))
        })
    }
}

fn uids_of<'d>(some: impl IntoIterator<Item = &'d Due>) -> Vec<u32> {
    some.into_iter().filter_map(|due| u32::try_from(due.uid).ok()).collect()
}

fn uids_in(some: &[&Same]) -> Vec<u32> {
    some.iter().map(|same| same.uid()).collect()
}

/// A message that is what it was when it was read.
struct Same {
    due: Due,
    sign: Sign,
}

impl Same {
    fn uid(&self) -> u32 {
        // Those of rows that are none were left out when they were looked at.
        u32::try_from(self.due.uid).unwrap_or_default()
    }
}

/// Puts together what one command can do: what is seen and flagged goes before what goes away.
fn in_order(due: Vec<Due>) -> Vec<Vec<Due>> {
    let mut groups: BTreeMap<(ServerVerb, String), Vec<Due>> = BTreeMap::new();
    for due in due {
        groups.entry((due.verb, due.target.clone())).or_default().push(due);
    }
    groups.into_values().collect()
}
