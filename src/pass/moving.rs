//! `account move`: looks what another server has of what is stored, before anything is changed. It asks as a pass does that lists a mailbox
//! again (FETCH-5), some messages at a time.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::mail;
use crate::mailbox::{MOST_LISTED, Session};
use crate::store::account::Account;
use crate::store::{Store, position};

/// How many headers are asked for at once.
const AT_ONCE: usize = 500;
/// A letter that took longer than this, in seconds, was perhaps not dated when it came.
const LONG: i64 = 2 * 86_400;

/// What a mailbox of the new server has.
#[derive(Debug, Default, serde::Serialize)]
pub struct Counted {
    pub mailbox: String,
    pub on_server: u64,
    /// What is stored: it does not come again.
    pub stored: u64,
    /// What is older than the account's fetch-since.
    pub older: u64,
    /// What would be read.
    pub new: u64,
    /// Of the new: what bears the Message-ID of a stored e-mail, with another date or size.
    pub differs: u64,
    /// Of the new: what was written long before it came.
    pub late: u64,
    /// Of the new: what a filter skipped, by its Message-ID.
    pub skipped: u64,
    /// What came through the mailbox of this name so far, and it does not have, by what it says of its messages.
    pub missing: u64,
}

/// Counts what a mailbox has.
pub fn count(session: &mut Session, store: &mut Store, account: &Account, mailbox: &str) -> Result<Counted> {
    session.examine(mailbox)?;
    let mut counted = Counted { mailbox: mailbox.to_string(), ..Counted::default() };
    let mut last = 0;
    loop {
        let listed = session.uids_above(last)?;
        for some in listed.chunks(AT_ONCE) {
            count_some(session, store, account, some, &mut counted)?;
        }
        match listed.last() {
            Some(end) if listed.len() >= MOST_LISTED => last = *end,
            _ => break,
        }
    }
    let here = u64::try_from(position::stored_of(store.connection(), account.id, mailbox)?)?;
    counted.missing = here.saturating_sub(counted.stored + counted.differs);
    Ok(counted)
}

fn count_some(session: &mut Session, store: &mut Store, account: &Account, uids: &[u32], counted: &mut Counted) -> Result<()> {
    let dates = session.dates(uids)?;
    let is_older = |uid: &u32| dates.get(uid).copied().flatten().is_some_and(|date| date < account.fetching.fetch_since);
    let (older, due): (Vec<u32>, Vec<u32>) = uids.iter().partition(|uid| is_older(uid));
    counted.on_server += uids.len() as u64;
    counted.older += older.len() as u64;
    if due.is_empty() {
        return Ok(());
    }
    let headers = session.headers(&due)?;
    let mails: Vec<_> = headers.iter().map(|header| mail::parse(&header.header)).collect();
    let ids: Vec<String> = mails.iter().filter_map(|mail| mail.message_id.clone()).collect();
    let known = position::known_elsewhere(store.connection(), account.id, None, &ids)?;
    counted.skipped += u64::try_from(position::skipped_among(store.connection(), account.id, &ids)?)?;
    let names: HashSet<&str> = known.iter().map(|known| known.message_id.as_str()).collect();
    // Each stored e-mail is one message, however many look the same by their headers.
    let mut whole: HashMap<(&str, u64, i64), u64> = HashMap::new();
    for one in &known {
        *whole.entry((one.message_id.as_str(), one.raw_size, one.arrived_at)).or_default() += 1;
    }
    let mut stored = 0;
    for (header, mail) in headers.iter().zip(&mails) {
        let (id, date) = (mail.message_id.as_deref().unwrap_or_default(), header.internal_date);
        let left = date.and_then(|date| whole.get_mut(&(id, header.size, date))).filter(|left| **left > 0);
        if let Some(left) = left {
            *left -= 1;
            stored += 1;
            continue;
        }
        counted.differs += u64::from(names.contains(id));
        counted.late += u64::from(mail.date.zip(date).is_some_and(|(written, came)| came.saturating_sub(written) > LONG));
    }
    // What the server hands over no header of is to be read, too.
    counted.stored += stored;
    counted.new += due.len() as u64 - stored;
    Ok(())
}
