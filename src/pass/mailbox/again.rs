//! FETCH-6: asks a server again for the messages that it listed and did not hand over.
//!
//! Such a message has the fate `undelivered` from its first failure on, so that the position moves on at once and every UID below
//! it has one fate; what is still open stands beside it: in how many passes it was asked for in vain, and when it is asked for again.
//! Here it is asked for by itself: whole, without its date, then by header and text parts. After three passes it is said once and
//! asked for once a day for fourteen days.
//!
//! Whose fault it is: a message has itself to blame where the server hands over others. Where nothing proves that, a break of the
//! connection is the account's failure for as long as the three passes last, and the message is asked for hourly afterwards: an
//! outage must not cost a day.

use crate::decide::reason::reason;
use anyhow::{Error, Result};

use super::parse::{parse_carefully, parse_one};
use super::read::still_there;
use super::visit::{Evidence, Visit};
use crate::fault::step;
use crate::mailbox::{RawMessage, Session, Trouble};
use crate::pass::intake::{self, Passed};
use crate::pass::{Lost, Tally, storage};
use crate::store::quarantine::{self, Kept, Undelivered};
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
    let mut was_cut = false;
    for kept in due {
        if visit.poll.limits.spent() {
            return Ok(());
        }
        let now = (visit.poll.now)();
        let Some(uid) = u32::try_from(kept.uid).ok().filter(|uid| there.contains(uid)) else {
            let gone =
                Passed { uid: kept.uid, ..Passed::unread(0, Fate::Gone, reason!(Fetch2, "expunged before it could be read")) };
            intake::note_late(store, visit.gate, &kept, &Ok(gone), now)?;
            tally.count(Fate::Gone, 1);
            continue;
        };
        let share = visit.poll.limits.memory.take(visit.poll.limits.max_message_size);
        let answer = one(visit, session, uid, kept.tries)?;
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
fn next_try(kept: &Kept, error: String, delivers: bool, now: i64) -> Undelivered {
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
fn one(visit: &Visit<'_>, session: &mut Session, uid: u32, tries: i64) -> Result<Answer> {
    let size = session.sizes(&[uid]).ok().and_then(|listed| listed.first().map(|listed| listed.size));
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
fn take(visit: &Visit<'_>, store: &mut Store, kept: &Kept, message: RawMessage, now: i64) -> Result<Tally> {
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
