//! Which messages of a mailbox are due: those above the position. A mailbox seen for the first time begins with the account's
//! fetch-since (FETCH-3). One whose UIDs mean other messages than they did is listed again, and what is stored is found by its
//! header (FETCH-5): its UIDVALIDITY has changed, or it was put back from a copy and has kept it.

use crate::decide::reason::reason;
use std::collections::HashMap;

use anyhow::{Context, Result};

use super::visit::{Due, Evidence, LISTED_AT_ONCE, Poll, Visit};
use crate::mail;
use crate::mailbox::{Foreseen, HeaderOnly, MOST_LISTED, Opened, Session, Trouble};
use crate::pass::intake::Passed;
use crate::store::Store;
use crate::store::position::{self, Beginning, Mark, Position};
use crate::whereabouts;
use crate::words::{AccountId, EmailId, Fate};

/// How many headers are asked for at once, and what they may take of the memory of the pass.
pub(super) const HEADERS_AT_ONCE: usize = 500;
pub(super) const HEADERS_SHARE: u64 = 16 << 20;

/// What is due of a mailbox, in order.
pub(super) struct Listing {
    pub position: Position,
    pub due: Vec<Due>,
    /// There may be more behind.
    pub is_cut: bool,
}

/// Says what is asked of a mailbox that has nothing new; none where it was never read.
pub fn foreseen<'a>(store: &mut Store, account: AccountId, mailbox: &'a str) -> Result<Option<Foreseen<'a>>> {
    let known = position::positions_of(store.connection(), account, mailbox)?.pop().filter(|last| !last.is_left);
    let Some(known) = known else { return Ok(None) };
    let Some(Ok(mark)) = known.mark().map(|mark| u32::try_from(mark.uid)) else { return Ok(None) };
    Ok(Some(Foreseen { mailbox, last: last_of(&known)?, known: mark }))
}

/// Lists what is due, and begins the position of a mailbox whose UIDs say nothing yet.
pub(super) fn begin(
    poll: &Poll<'_>,
    session: &mut Session,
    store: &mut Store,
    mailbox: &str,
    opened: &Opened,
    evidence: &mut Evidence,
) -> Result<Listing> {
    let (account, uidvalidity) = (poll.account.id, i64::from(opened.uidvalidity));
    let known = position::position(store.connection(), account, mailbox, uidvalidity)?;
    let why = match known {
        Some(known) => {
            let last = last_of(&known)?;
            // First what is new, as servers find that sooner than they read a header.
            let listed = session.uids_above(last)?;
            match put_back(poll, session, mailbox, opened, &known, evidence)? {
                None => return above(poll, session, known, listed),
                Some(why) => Some(format!("mailbox {mailbox} was put back from a copy ({why})")),
            }
        }
        None => renumbered(store, account, mailbox, uidvalidity)?.map(|why| format!("mailbox {mailbox}: {why}")),
    };
    if let Some(why) = &why {
        log::warn!("account {}: {why}; matching its messages with what is stored", poll.account.name);
    }
    let quiet_before = why.map(|_| poll.account.state.last_success_at.unwrap_or_default().min((poll.now)()));
    begin_anew(poll, session, store, mailbox, opened, quiet_before)
}

/// Says why the UIDs of a mailbox that has no position mean other messages than they did; none where it was never read.
pub(super) fn renumbered(store: &mut Store, account: AccountId, mailbox: &str, uidvalidity: i64) -> Result<Option<String>> {
    let db = store.connection();
    Ok(match position::positions_of(db, account, mailbox)?.last() {
        Some(last) if !last.is_left => Some(format!("UIDVALIDITY changed to {uidvalidity}")),
        None if !position::has_moved(db, account)? => None,
        _ => Some("the account has moved to another server".to_string()),
    })
}

/// Lists what is due behind what was listed before.
pub(super) fn go_on(
    poll: &Poll<'_>,
    session: &mut Session,
    store: &mut Store,
    mailbox: &str,
    opened: &Opened,
) -> Result<Listing> {
    let known = position::position(store.connection(), poll.account.id, mailbox, i64::from(opened.uidvalidity))?;
    let known = known.context("the position of the mailbox is gone")?;
    let listed = session.uids_above(last_of(&known)?)?;
    above(poll, session, known, listed)
}

/// Begins behind what is older than the account's fetch-since. What is there is listed before it is asked how old it is: what comes
/// meanwhile stands above all that is judged by its age.
pub(super) fn begin_anew(
    poll: &Poll<'_>,
    session: &mut Session,
    store: &mut Store,
    mailbox: &str,
    opened: &Opened,
    quiet_before: Option<i64>,
) -> Result<Listing> {
    let (mut listed, end) = session.uids()?;
    let since = session.uids_since(poll.account.fetching.fetch_since)?;
    // Where nothing is due: behind everything that was there. UIDNEXT is not asked: where it is wrong, all later mail is lost.
    let start = since.first().map_or(end, |first| end.min(first - 1));
    if listed.len() < MOST_LISTED {
        listed.retain(|uid| *uid > start);
    } else {
        listed = if start < end { session.uids_above(start)? } else { Vec::new() };
    }
    let listed_to = opened.uidnext.map_or(end, |next| end.min(next.saturating_sub(1))).max(start);
    let beginning = Beginning {
        uidvalidity: i64::from(opened.uidvalidity),
        last_uid: i64::from(start),
        listed_to: Some(i64::from(listed_to)),
        quiet_before,
    };
    let position = store.transaction(|db| position::begin(db, poll.account.id, mailbox, &beginning))?;
    Ok(sorted_out(position, listed, &since))
}

/// Up to where a mailbox was read.
fn last_of(position: &Position) -> Result<u32> {
    u32::try_from(position.last_uid).context("the stored position is no UID")
}

/// Says what of a listing is due above a position. What was there when it began goes by fetch-since, also when an earlier pass did not come to it.
fn above(poll: &Poll<'_>, session: &mut Session, position: Position, listed: Vec<u32>) -> Result<Listing> {
    let old = listed.first().is_some_and(|uid| position.is_begun(i64::from(*uid)));
    if !old {
        let is_cut = listed.len() >= MOST_LISTED;
        return Ok(Listing { position, due: listed.into_iter().map(Due::Take).collect(), is_cut });
    }
    let since = session.uids_above_since(last_of(&position)?, poll.account.fetching.fetch_since)?;
    Ok(sorted_out(position, listed, &since))
}

/// Tells what is due from what is older than fetch-since. Both lists may be cut: behind the end of the shorter one nothing is known.
fn sorted_out(position: Position, mut listed: Vec<u32>, since: &[u32]) -> Listing {
    let mut is_cut = listed.len() >= MOST_LISTED;
    if let Some(end) = since.last().filter(|_| since.len() >= MOST_LISTED) {
        listed.retain(|uid| uid <= end);
        is_cut = true;
    }
    let judge = |uid: u32| {
        if !position.is_begun(i64::from(uid)) || since.binary_search(&uid).is_ok() {
            Due::Take(uid)
        } else {
            Due::Pass(Passed::unread(uid, Fate::Filtered, reason!(Fetch3, "older than the account's fetch-since")))
        }
    };
    let due = listed.into_iter().map(judge).collect();
    Listing { position, due, is_cut }
}

/// FETCH-5: says how a mailbox shows that it was put back from a copy; none where it does not.
pub(super) fn put_back(
    poll: &Poll<'_>,
    session: &mut Session,
    mailbox: &str,
    opened: &Opened,
    known: &Position,
    evidence: &mut Evidence,
) -> Result<Option<String>> {
    if let Some(mark) = known.mark()
        && let Some(found) = header_of(poll, session, mailbox, &mark)?
    {
        evidence.delivers = true;
        let now = Mark::of(mark.uid, &mail::parse(&found.header), found.internal_date);
        if !mark.is_same(&now) {
            return Ok(Some(format!("UID {} is another message than it was", mark.uid)));
        }
    }
    let back = opened.uidnext.filter(|next| i64::from(*next) <= known.last_uid);
    match back {
        // Where messages stand at or above it, UIDNEXT is wrong, and nothing was put back.
        Some(next) if session.uids_above(next - 1)?.is_empty() => {
            Ok(Some(format!("its next UID is {next}, and it was read up to UID {}", known.last_uid)))
        }
        _ => Ok(None),
    }
}

/// Reads the header of the last message that is known; none where it is gone, or not handed over. That alone ends nothing.
fn header_of(poll: &Poll<'_>, session: &mut Session, mailbox: &str, mark: &Mark) -> Result<Option<HeaderOnly>> {
    let uid = u32::try_from(mark.uid).context("the stored mark is no UID")?;
    let _here = whereabouts::uid(mark.uid);
    match session.headers(&[uid]) {
        Ok(mut found) => Ok(found.pop()),
        Err(error) if session.trouble().is_some_and(|trouble| trouble.is_refusal()) => {
            log::info!("mailbox {mailbox}: UID {uid}: {error:#}");
            Ok(None)
        }
        Err(error) => {
            log::info!("mailbox {mailbox}: UID {uid}: {error:#}; going on over another connection");
            *session = Session::open(poll.server)?;
            session.examine(mailbox)?;
            Ok(None)
        }
    }
}

/// What a header says of a message: Message-ID, size and INTERNALDATE.
type Sign = (String, u64, i64);

/// FETCH-5: finds the stored e-mails among messages of a mailbox that was listed again. Where several messages, or several e-mails, have
/// the same sign, as scanners write one Message-ID for ever, nobody knows by it which is which: these are read and compared whole, and so
/// is one whose e-mail another message of the mailbox was found to be before. Returns the e-mails that such messages may be.
pub(super) fn recognise(visit: &Visit<'_>, session: &mut Session, store: &mut Store, due: &mut [Due]) -> Result<Vec<EmailId>> {
    let uids: Vec<u32> = due
        .iter()
        .filter_map(|due| if let Due::Take(uid) = due { Some(*uid) } else { None })
        .filter(|uid| visit.position.is_begun(i64::from(*uid)))
        .collect();
    // On another server it may have another name.
    let has_moved = position::has_moved(store.connection(), visit.poll.account.id)?;
    let of = Some(visit.mailbox).filter(|_| !has_moved);
    let mut listed: HashMap<Sign, Vec<(u32, Mark)>> = HashMap::new();
    let mut stored: HashMap<Sign, Vec<EmailId>> = HashMap::new();
    for chunk in uids.chunks(HEADERS_AT_ONCE.min(LISTED_AT_ONCE)) {
        let share = visit.poll.limits.memory.take(HEADERS_SHARE);
        let mut ids: Vec<String> = Vec::new();
        for header in headers(visit, session, chunk)? {
            let mail = mail::parse(&header.header);
            let mark = Mark::of(i64::from(header.uid), &mail, header.internal_date);
            let Some((id, date)) = mail.message_id.zip(header.internal_date) else { continue };
            ids.push(id.clone());
            listed.entry((id, header.size, date)).or_default().push((header.uid, mark));
        }
        drop(share);
        ids.sort_unstable();
        ids.dedup();
        for known in position::known_elsewhere(store.connection(), visit.poll.account.id, of, &ids)? {
            let of_sign = stored.entry((known.message_id, known.raw_size, known.arrived_at)).or_default();
            if !of_sign.contains(&known.email) {
                of_sign.push(known.email);
            }
        }
    }
    stored.retain(|sign, _| listed.contains_key(sign));
    let candidates: Vec<EmailId> = stored.values().flatten().copied().collect();
    let answered = position::answered_for(store.connection(), visit.gate.position, &candidates)?;
    let mut known: HashMap<u32, (EmailId, Mark)> = HashMap::new();
    let mut open = Vec::new();
    for (sign, mut messages) in listed {
        match (messages.pop(), stored.get(&sign).map(Vec::as_slice)) {
            (Some((uid, mark)), Some([email])) if messages.is_empty() && !answered.contains(email) => {
                known.insert(uid, (*email, mark));
            }
            (_, emails) => open.extend(emails.unwrap_or_default()),
        }
    }
    for one in due {
        if let Due::Take(uid) = one
            && let Some((email, mark)) = known.remove(uid)
        {
            let why =
                reason!(Fetch5, "the mailbox was listed again; Message-ID, INTERNALDATE and size are those of a stored e-mail");
            let passed = Passed::unread(*uid, Fate::Duplicate, why);
            *one = Due::Pass(Passed { email: Some(email), mark: Some(mark), ..passed });
        }
    }
    Ok(open)
}

/// Reads headers; those that the server does not hand over are absent, and their messages are seen to when they are fetched.
pub(super) fn headers(visit: &Visit<'_>, session: &mut Session, uids: &[u32]) -> Result<Vec<HeaderOnly>> {
    match session.headers(uids) {
        Ok(headers) => Ok(headers),
        Err(error) => match session.trouble() {
            Some(Trouble::Refused(_)) => {
                log::info!("mailbox {}: {error:#}; going on without the headers", visit.mailbox);
                Ok(Vec::new())
            }
            Some(Trouble::Garbled) => {
                log::info!("mailbox {}: {error:#}; going on without the headers", visit.mailbox);
                *session = Session::open(visit.poll.server)?;
                session.examine(visit.mailbox)?;
                Ok(Vec::new())
            }
            _ => Err(error),
        },
    }
}
