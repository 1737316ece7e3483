//! Asking servers again for what filters skipped (FETCH-6); what no server has and is kept here is another matter.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::{FateFilter, LONGEST_SUBJECT, chosen, said};
use crate::decide::access::Permit;
use crate::decide::reason::reason;
use crate::plural::counted;
use crate::store::dialect::insert_all;
use crate::store::schema::{account_mailboxes, accounts, fates, positions, quarantine};
use crate::store::skipped::SkippedMessage;
use crate::store::{Database, IN_LIST, access, lock, reserve};
use crate::words::{AccountId, Fate, PositionId};

/// What was asked for again, and what cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Asked {
    /// The accounts whose servers are asked with their next pass.
    pub accounts: Vec<String>,
    pub messages: usize,
    /// What did not come from a server, or from a mailbox that the server has numbered anew since.
    pub out_of_reach: usize,
    /// What lies in mailboxes that no pass reads as things are: it is left as it is.
    pub unread: Vec<Unread>,
}

/// Messages in a mailbox that no pass reads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unread {
    pub account: String,
    pub mailbox: String,
    pub messages: usize,
    /// Whether the account is switched off; else it does not read the mailbox any more.
    pub account_is_off: bool,
}

/// A mailbox as a server numbers it now.
struct Within {
    id: AccountId,
    account: String,
    mailbox: String,
    is_active: bool,
    is_read: bool,
}

/// The mailboxes whose messages a server has under the numbers that they had here.
fn within(db: &mut Database) -> Result<HashMap<PositionId, Within>> {
    let latest = positions::table.group_by((positions::account_id, positions::mailbox)).select(diesel::dsl::max(positions::id));
    let latest: HashSet<PositionId> = latest.load::<Option<PositionId>>(db)?.into_iter().flatten().collect();
    let read = account_mailboxes::table.select((account_mailboxes::account_id, account_mailboxes::name));
    let read: HashSet<(AccountId, String)> = read.load(db)?.into_iter().collect();
    let all = positions::table.inner_join(accounts::table.on(accounts::id.eq(positions::account_id)));
    let columns = (positions::id, accounts::id, accounts::name, accounts::active, positions::mailbox);
    let all = all.filter(positions::uidvalidity.ne(0)).filter(positions::is_left.eq(false)).select(columns);
    let place = |(position, id, account, is_active, mailbox): (PositionId, AccountId, String, bool, String)| {
        let place = (id, mailbox);
        let is_read = read.contains(&place);
        (position, Within { id, account, mailbox: place.1, is_active, is_read })
    };
    Ok(all.load(db)?.into_iter().map(place).filter(|(position, _)| latest.contains(position)).collect())
}

/// Has the servers asked again for what a filter skipped: with the next pass they come by today's rules, as those do that a server did
/// not hand over (FETCH-6); but for what is kept here, which no server need be asked for. Call it in a transaction: it takes the lock row.
pub fn again(
    db: &mut Database,
    permit: &Permit<'_>,
    filter: &FateFilter,
    kept: &[SkippedMessage],
    (subject, now): (&str, i64),
) -> Result<Asked> {
    lock(db)?;
    let skipped = chosen(db, filter)?.filter(fates::fate.eq(Fate::Filtered)).order((fates::position_id, fates::uid));
    let mut rows = skipped.select((fates::position_id, fates::uid)).load::<(PositionId, i64)>(db)?;
    let here = places(kept);
    rows.retain(|key| !here.contains(key));
    let within = within(db)?;
    let (known, away): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(position, _)| within.contains_key(position));
    let is_asked = |position: &PositionId| within.get(position).is_some_and(|place| place.is_active && place.is_read);
    let (there, unread): (Vec<_>, Vec<_>) = known.into_iter().partition(|(position, _)| is_asked(position));
    let note = reason!(Fetch6, "the server is asked for it again by a person's word");
    let why = serde_json::json!({ "fate": Fate::Undelivered, "tries": 0, "notes": [note] }).to_string();
    if !there.is_empty() {
        let first = reserve(db, "quarantine", there.len())?;
        let rows: Vec<AskedRow> = (first..)
            .zip(&there)
            .map(|(id, (position_id, uid))| AskedRow {
                id,
                position_id: *position_id,
                uid: *uid,
                error: note.text.clone(),
                created_at: now,
                tries: 0,
                due_at: Some(now),
            })
            .collect();
        insert_all!(&mut *db, quarantine::table, &rows)?;
    }
    for position in within.keys().filter(|position| is_asked(position)) {
        let uids: Vec<i64> = there.iter().filter(|(of, _)| of == position).map(|(_, uid)| *uid).collect();
        for some in uids.chunks(IN_LIST) {
            diesel::update(fates::table.filter(fates::position_id.eq(position)).filter(fates::uid.eq_any(some)))
                // Which filter it was stays, so that it can be found until it is read.
                .set((fates::fate.eq(Fate::Undelivered), said(&why)))
                .execute(db)?;
        }
    }
    let mut names: Vec<String> =
        there.iter().filter_map(|(position, _)| within.get(position)).map(|place| place.account.clone()).collect();
    names.sort();
    names.dedup();
    let unread = unread_of(&within, &unread);
    let asked = Asked { accounts: names, messages: there.len(), out_of_reach: away.len(), unread };
    access::record(db, permit, "fate retry", subject, &counted(asked.messages + kept.len(), "message"), now)?;
    Ok(asked)
}

/// Where they stand.
fn places(kept: &[SkippedMessage]) -> HashSet<(PositionId, i64)> {
    kept.iter().map(|kept| (kept.position, kept.uid)).collect()
}

/// What is known of a message that a filter skipped: the author, and the subject as far as it was kept whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub account: AccountId,
    pub author: String,
    pub subject: Option<String>,
}

/// Returns what is known of what servers would be asked for again.
pub fn known(db: &mut Database, filter: &FateFilter, kept: &[SkippedMessage]) -> Result<Vec<Known>> {
    type Row = (PositionId, i64, Option<String>, Option<String>);
    let skipped = chosen(db, filter)?.filter(fates::fate.eq(Fate::Filtered));
    let rows: Vec<Row> = skipped.select((fates::position_id, fates::uid, fates::author, fates::subject)).load(db)?;
    let here = places(kept);
    let within = within(db)?;
    let known = |(position, uid, author, subject): Row| {
        let place = within.get(&position).filter(|place| place.is_active && place.is_read && !here.contains(&(position, uid)))?;
        let subject = subject.filter(|subject| subject.chars().count() < LONGEST_SUBJECT);
        Some(Known { account: place.id, author: author.unwrap_or_default(), subject })
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Counts messages by the mailbox that they lie in.
fn unread_of(within: &HashMap<PositionId, Within>, messages: &[(PositionId, i64)]) -> Vec<Unread> {
    let mut found: BTreeMap<(String, String), Unread> = BTreeMap::new();
    for place in messages.iter().filter_map(|(position, _)| within.get(position)) {
        let one = found.entry((place.account.clone(), place.mailbox.clone())).or_insert_with(|| Unread {
            account: place.account.clone(),
            mailbox: place.mailbox.clone(),
            messages: 0,
            account_is_off: !place.is_active,
        });
        one.messages += 1;
    }
    found.into_values().collect()
}

#[derive(Insertable)]
#[diesel(table_name = quarantine, treat_none_as_default_value = false)]
struct AskedRow {
    id: i64,
    position_id: PositionId,
    uid: i64,
    error: String,
    created_at: i64,
    tries: i64,
    due_at: Option<i64>,
}
