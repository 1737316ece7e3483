//! What the rules ask beside, when a person says something: who made and opened a record, and what waits for another word.

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::handed;
use super::named::in_lists;
use crate::decide::Facts;
use crate::store::Database;
use crate::store::noun::gathered;
use crate::store::schema::{accounts, counters, email_users, emails, notes, outbox, reviews};
use crate::words::{EmailId, NoteKind, RecordId, RecordKind};

/// The next free number of each kind of record; one that was never given is 1.
fn numbers(db: &mut Database) -> Result<BTreeMap<RecordKind, i64>> {
    let mut numbers = BTreeMap::new();
    for kind in RecordKind::ALL {
        let value = counters::table.find(counter(*kind)).select(counters::value).first(db).optional()?;
        numbers.insert(*kind, value.unwrap_or(1));
    }
    Ok(numbers)
}

/// What the counter of a kind of record is called.
pub(in crate::store) fn counter(kind: RecordKind) -> String {
    format!("number:{kind}")
}

/// Gathers it; call it when records and e-mails are known.
pub(super) fn gather(db: &mut Database, facts: &mut Facts) -> Result<()> {
    let records: HashSet<RecordId> = facts.records.keys().copied().collect();
    let made = in_lists(&records, |some| {
        notes::table
            .filter(notes::record_id.eq_any(some))
            .filter(notes::kind.eq(NoteKind::Created))
            .filter(notes::author_id.is_not_null())
            .select((notes::record_id, notes::author_id.assume_not_null()))
            .load(db)
    })?;
    facts.made_by = made.into_iter().collect();
    facts.record_numbers = numbers(db)?;
    let opened = in_lists(&records, |some| {
        notes::table
            .inner_join(emails::table.on(emails::id.nullable().eq(notes::email_id)))
            .filter(notes::record_id.eq_any(some))
            .filter(notes::kind.eq(NoteKind::Created))
            .select((notes::record_id, emails::id, emails::from_address))
            .load::<(RecordId, EmailId, String)>(db)
    })?;
    facts.openers = opened.into_iter().map(|(record, email, from)| (record, (email, from))).collect();
    let ids: HashSet<EmailId> = facts.emails.keys().copied().collect();
    let unread = in_lists(&ids, |some| {
        email_users::table
            .filter(email_users::email_id.eq_any(some))
            .filter(email_users::is_read.eq(false))
            .select((email_users::email_id, email_users::user_id))
            .load(db)
    })?;
    facts.unread = unread.into_iter().collect();
    let letters = in_lists(&ids, |some| outbox::table.filter(outbox::email_id.eq_any(some)).select(outbox::email_id).load(db))?;
    facts.letters = letters.into_iter().collect();
    let waiting = in_lists(&ids, |some| {
        reviews::table
            .filter(reviews::email_id.eq_any(some))
            .filter(reviews::decision.is_null())
            .order(reviews::id)
            .select((reviews::email_id, reviews::id))
            .load(db)
    })?;
    facts.waiting = gathered(waiting);
    handed::gather(db, ids, facts)?;
    let group_accounts = accounts::table.filter(accounts::owner_id.is_null()).select(accounts::id).load(db)?;
    facts.group_accounts = group_accounts.into_iter().collect();
    Ok(())
}
