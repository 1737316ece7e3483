//! FETCH-6: asks a server again for the messages that it listed and did not hand over.
//!
//! Such a message has the fate `undelivered` from its first failure on, so that the position moves on at once and every UID below
//! it has one fate; what is still open stands beside it: in how many passes it was asked for in vain, and when it is asked for again.
//! Here what is due is asked for together first, as people may want thousands back at once, and what does not come so by itself: whole,
//! without its date, then by header and text parts. After three passes it is said once and asked for once a day for fourteen days.
//!
//! Whose fault it is: a message has itself to blame where the server hands over others. Where nothing proves that, a break of the
//! connection is the account's failure for as long as the three passes last, and the message is asked for hourly afterwards: an
//! outage must not cost a day.

use std::collections::HashMap;

use crate::decide::reason::reason;
use anyhow::{Error, Result};

use super::parse::{parse_carefully, parse_one};
use super::read::{FORMS, MARGIN, still_there};
use super::visit::{Evidence, LISTED_AT_ONCE, Limits, Visit};
use crate::fault::step;
use crate::mailbox::{RawMessage, Session, Trouble};
use crate::pass::intake::{self, Passed};
use crate::pass::{Lost, Tally, storage};
use crate::store::quarantine::{self, Quarantined, Undelivered};
use crate::store::{Store, attempt};
use crate::whereabouts;
use crate::words::Fate;

/// In how many passes a message is asked for in vain before that is said.
const PASSES: i64 = 3;
/// The pauses from then on, in seconds.
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// How long it is asked for, in seconds.
const GIVE_UP: i64 = 14 * DAY;
/// A message larger than this is asked for by header and text parts first in the last pass: the whole may take longer than the account
/// has.
const LARGE: u64 = 1 << 20;

/// How one message was asked for.
enum Answer {
    Message(RawMessage),
    /// Why not, in the server's words.
    Nothing {
        error: Error,
        trouble: Option<Trouble>,
    },
}

/// The ways to ask for one message.
#[derive(Clone, Copy)]
enum Way {
    Whole,
    Undated,
    Parts,
}

/// A message to ask for, by its UID.
type Asked = (u32, Quarantined);

/// How large messages are, by UID, as far as the server says so.
type Sizes = HashMap<u32, u64>;

/// Asks for what is due again.
pub(super) fn ask(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    evidence: &mut Evidence,
    tally: &mut Tally,
) -> Result<()> {
    let due = quarantine::due(store.connection(), visit.gate.position, (visit.poll.now)(), DAY)?;
    if due.is_empty() {
        return Ok(());
    }
    let uids: Vec<u32> = due.iter().filter_map(|kept| u32::try_from(kept.uid).ok()).collect();
    let there = still_there(session, &uids)?;
    let mut here = Vec::new();
    for kept in due {
        match u32::try_from(kept.uid).ok().filter(|uid| there.contains(uid)) {
            Some(uid) => here.push((uid, kept)),
            None => {
                let why = reason!(Fetch2, "expunged before it could be read");
                let gone = Passed { uid: kept.uid, ..Passed::unread(0, Fate::Gone, why) };
                intake::note_late(store, visit.gate, &kept, &Ok(gone), (visit.poll.now)())?;
                tally.count(Fate::Gone, 1);
            }
        }
    }
    let (left, sizes) = together(visit, session, store, here, evidence, tally)?;
    singly(visit, session, store, (left, &sizes), evidence, tally)
}

/// Asks for messages in batches, as for new ones, and takes in what comes. Returns those that did not come so, and the sizes of all that
/// are known. What was asked for in vain before is not mixed with what was not: it would spoil that.
fn together(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    due: Vec<Asked>,
    evidence: &mut Evidence,
    tally: &mut Tally,
) -> Result<(Vec<Asked>, Sizes)> {
    let limits = visit.poll.limits;
    if visit.poll.careful || due.len() < 2 {
        return Ok((due, Sizes::new()));
    }
    let mut sizes = Sizes::new();
    let uids: Vec<u32> = due.iter().map(|(uid, _)| *uid).collect();
    for some in uids.chunks(LISTED_AT_ONCE) {
        match session.sizes(some) {
            Ok(listed) => sizes.extend(listed.into_iter().map(|one| (one.uid, one.size))),
            Err(error) => {
                log::info!("mailbox {}: {error:#}; going on message by message", visit.mailbox);
                if !session.trouble().is_some_and(|trouble| trouble.is_refusal()) {
                    reopen(visit, session)?;
                }
                return Ok((due, sizes));
            }
        }
    }
    let (fresh, refused): (Vec<Asked>, Vec<Asked>) = due.into_iter().partition(|(_, kept)| kept.tries == 0);
    let mut left = Vec::new();
    let mut groups = [fresh, refused].into_iter().flat_map(|some| grouped(some, &sizes, limits));
    while let Some(group) = groups.next() {
        if group.len() < 2 || limits.spent() {
            left.extend(group);
        } else if !batch(visit, session, store, (group, &sizes), (&mut *evidence, &mut *tally), &mut left)? {
            // It broke over one of them, and might over one of the next as well.
            left.extend(groups.by_ref().flatten());
        }
    }
    left.sort_unstable_by_key(|(uid, _)| *uid);
    drop(groups);
    Ok((left, sizes))
}

/// Asks for one batch; what does not come is left. Returns whether the session went on.
fn batch(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    (group, sizes): (Vec<Asked>, &Sizes),
    (evidence, tally): (&mut Evidence, &mut Tally),
    left: &mut Vec<Asked>,
) -> Result<bool> {
    let limits = visit.poll.limits;
    let uids: Vec<u32> = group.iter().map(|(uid, _)| *uid).collect();
    let bytes: u64 = uids.iter().filter_map(|uid| sizes.get(uid)).sum();
    let _share = limits.memory.take(FORMS * bytes.min(limits.max_message_size));
    match session.fetch_within(&uids, bytes + bytes / 4 + MARGIN * (1 + uids.len() as u64)) {
        Ok(messages) => {
            let mut came: HashMap<u32, RawMessage> = messages.into_iter().map(|message| (message.uid, message)).collect();
            for (uid, kept) in group {
                let Some(message) = came.remove(&uid) else {
                    left.push((uid, kept));
                    continue;
                };
                evidence.delivers = true;
                tally.merge(&take(visit, store, &kept, message, (visit.poll.now)())?);
            }
            Ok(true)
        }
        Err(error) => {
            left.extend(group);
            log::info!("mailbox {}: {error:#}; going on message by message", visit.mailbox);
            let goes_on = session.trouble().is_some_and(|trouble| trouble.is_refusal());
            if !goes_on && !limits.stop.requested() {
                reopen(visit, session)?;
            }
            Ok(goes_on)
        }
    }
}

/// Puts messages together as far as a batch goes; what is too large, or of unknown size, is alone.
fn grouped(due: Vec<Asked>, sizes: &Sizes, limits: &Limits<'_>) -> Vec<Vec<Asked>> {
    let most = limits.batch_bytes.min(limits.max_message_size);
    let (mut groups, mut room): (Vec<Vec<Asked>>, u64) = (Vec::new(), 0);
    for one in due {
        let size = sizes.get(&one.0).copied().filter(|size| *size <= limits.max_message_size);
        match (size, groups.last_mut()) {
            (Some(size), Some(group)) if size <= room && group.len() < limits.batch_messages => {
                group.push(one);
                room -= size;
            }
            (size, _) => {
                groups.push(vec![one]);
                // Nothing joins what is alone.
                room = size.map_or(0, |size| most.saturating_sub(size));
            }
        }
    }
    groups
}

/// Asks for messages one by one, in every way.
fn singly(
    visit: &Visit<'_>,
    session: &mut Session,
    store: &mut Store,
    (due, sizes): (Vec<Asked>, &Sizes),
    evidence: &mut Evidence,
    tally: &mut Tally,
) -> Result<()> {
    let mut was_cut = false;
    for (uid, kept) in due {
        if visit.poll.limits.spent() {
            return Ok(());
        }
        let now = (visit.poll.now)();
        let share = visit.poll.limits.memory.take(visit.poll.limits.max_message_size);
        let answer = one(visit, session, (uid, sizes.get(&uid).copied()), kept.tries)?;
        let (error, trouble) = match answer {
            Answer::Message(message) => {
                (evidence.delivers, was_cut) = (true, false);
                tally.merge(&take(visit, store, &kept, message, now)?);
                drop(share);
                continue;
            }
            Answer::Nothing { error, trouble } => (error, trouble),
        };
        drop(share);
        if visit.poll.limits.stop.requested() {
            // That it did not come may be ours, as nobody waits any more.
            return Ok(());
        }
        let is_cut = matches!(trouble, Some(Trouble::Cut | Trouble::Stalled));
        let named = |error: Error| error.context(format!("mailbox {}: UID {uid}", visit.mailbox));
        let is_of_the_server = trouble.as_ref().is_some_and(Trouble::is_of_the_server) && !evidence.delivers;
        if is_of_the_server || (is_cut && was_cut) {
            // Two in a row are the line's fault, and a server that speaks of its own state means no message.
            return Err(named(error));
        }
        was_cut = is_cut;
        let one = next_try(&kept, format!("{error:#}"), evidence.delivers, now);
        intake::note_late(store, visit.gate, &kept, &Err(one.clone()), now)?;
        if one.tries == PASSES {
            tally.count(Fate::Undelivered, 1);
            tally.lost.push(Lost { mailbox: visit.mailbox.to_string(), uid: kept.uid, error: one.error });
        } else if is_cut && !evidence.delivers && one.tries < PASSES {
            return Err(named(error));
        }
    }
    Ok(())
}

/// When a message is asked for again.
fn next_try(kept: &Quarantined, error: String, delivers: bool, now: i64) -> Undelivered {
    let tries = kept.tries + 1;
    let due_at = if tries < PASSES {
        Some(now)
    } else if kept.since <= now && now.saturating_sub(kept.since) >= GIVE_UP {
        None
    } else {
        Some(now.saturating_add(if delivers { DAY } else { HOUR }))
    };
    Undelivered { uid: kept.uid, error, tries, due_at }
}

/// Asks for one message in every way. An error is the account's: the server is not to be reached again.
fn one(visit: &Visit<'_>, session: &mut Session, (uid, size): (u32, Option<u64>), tries: i64) -> Result<Answer> {
    let size = size.or_else(|| session.sizes(&[uid]).ok().and_then(|listed| listed.first().map(|listed| listed.size)));
    let limits = visit.poll.limits;
    let ways: &[Way] = match size {
        Some(size) if size > limits.max_message_size => &[Way::Parts],
        Some(size) if size > LARGE && tries + 1 == PASSES => &[Way::Parts, Way::Whole],
        _ => &[Way::Whole, Way::Undated, Way::Parts],
    };
    let mut nothing = (anyhow::anyhow!("the server answers OK and hands over nothing"), None);
    let mut is_first = true;
    if size.is_none() && session.trouble().is_some_and(|trouble| !trouble.is_refusal()) {
        reopen(visit, session)?;
    }
    for way in ways {
        let asked = match way {
            Way::Whole => session.fetch(&[uid]).map(|mut found| found.pop()),
            Way::Undated => session.fetch_undated(uid),
            Way::Parts => session.fetch_partial(uid),
        };
        match asked {
            Ok(Some(message)) => return Ok(Answer::Message(message)),
            Ok(None) => {}
            Err(error) => {
                let trouble = session.trouble();
                if !trouble.as_ref().is_some_and(Trouble::is_refusal) {
                    let _here = whereabouts::uid(uid.into());
                    log::info!("mailbox {}: UID {uid}: {error:#}", visit.mailbox);
                    if let Err(down) = reopen(visit, session) {
                        return Err(down.context(format!("mailbox {}: behind UID {uid}", visit.mailbox)));
                    }
                }
                // The first words are said: they are about the whole message.
                if is_first || nothing.1.is_none() {
                    nothing = (error, trouble);
                }
            }
        }
        is_first = false;
    }
    let (error, trouble) = nothing;
    Ok(Answer::Nothing { error, trouble })
}

fn reopen(visit: &Visit<'_>, session: &mut Session) -> Result<()> {
    *session = Session::open(visit.poll.server)?;
    session.examine(visit.mailbox)?;
    Ok(())
}

/// Takes in a message that came at last.
fn take(visit: &Visit<'_>, store: &mut Store, kept: &Quarantined, message: RawMessage, now: i64) -> Result<Tally> {
    let gate = visit.gate;
    let mut parsed = if visit.poll.careful { parse_carefully(store, gate, message)? } else { parse_one(gate.position, message) };
    step();
    storage::write(store, vec![parsed.as_mut().map_or_else(|refused| &mut refused.packed, |letter| &mut letter.packed)])?;
    let taken = intake::take_late(store, gate, kept, parsed, now)?;
    if visit.poll.careful {
        store.transaction(|db| attempt::clear(db, gate.position, kept.uid))?;
    }
    Ok(taken)
}
