//! LINK-7: a person says which record an e-mail belongs to, or that it belongs to none. No rule overwrites that.

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::note::{self, NewNote};
use super::record::{RecordName, name_of};
use super::schema::{email_teams, email_users, emails, record_teams, records};
use super::{Database, IN_LIST, access, lock, participant};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::words::{EmailId, NoteKind, ParentBy, RecordId, RecordKind};

/// What [`link`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    pub record: RecordName,
    /// How many other e-mails of the thread came along.
    pub others: usize,
}

/// Gives an e-mail its parent, as if its author took part in it (LINK-2); of a merged case, the one that is left (CASE-4). The e-mails of its thread that have none get it
/// too (THREAD-2).
pub fn link(db: &mut Database, permit: &Permit<'_>, email: EmailId, record: RecordId, now: i64) -> Result<Linked> {
    lock(db)?;
    let left: Option<i64> = records::table.find(record.0).select(records::merged_into_id).first(db)?;
    let record = left.map_or(record, RecordId);
    let (thread, before): (i64, Option<i64>) =
        emails::table.find(email.0).select((emails::thread_id, emails::parent_id)).first(db)?;
    let orphans: Vec<i64> = emails::table
        .filter(emails::thread_id.eq(thread))
        .filter(emails::id.ne(email.0))
        .filter(emails::parent_id.is_null())
        // One without a parent by a person's choice stays so.
        .filter(emails::parent_by.is_null())
        .order(emails::id)
        .select(emails::id)
        .load(db)?;
    give(db, &[email], record, ParentBy::Hand, now)?;
    participant::invite_author(db, email)?;
    let orphans: Vec<EmailId> = orphans.into_iter().map(EmailId).collect();
    give(db, &orphans, record, ParentBy::Thread, now)?;
    let named = name_of(db, Some(record.0))?.context("the record is gone")?;
    if before != Some(record.0) {
        tell(db, permit, record, &format!("e-mail {email} was linked by hand"), now)?;
        if let Some(before) = before {
            tell(db, permit, RecordId(before), &format!("e-mail {email} was linked to {named} by hand"), now)?;
        }
    }
    access::record(db, permit, "email link", &format!("email:{email}"), &named.to_string(), now)?;
    Ok(Linked { record: named, others: orphans.len() })
}

/// Takes an e-mail's parent away.
pub fn unlink(db: &mut Database, permit: &Permit<'_>, email: EmailId, now: i64) -> Result<()> {
    lock(db)?;
    let before: Option<i64> = emails::table.find(email.0).select(emails::parent_id).first(db)?;
    let Some(before) = before else {
        return Err(Fault::new(Class::Data, format!("e-mail {email} belongs to no record")).into());
    };
    take_away(db, email, Some(ParentBy::Hand), now)?;
    tell(db, permit, RecordId(before), &format!("e-mail {email} was taken away by hand"), now)?;
    let named = name_of(db, Some(before))?.map(|named| named.to_string()).unwrap_or_default();
    access::record(db, permit, "email unlink", &format!("email:{email}"), &named, now)
}

/// Takes an e-mail from its record; `by` says whether a person did it. No stream tells of it any more.
pub(super) fn take_away(db: &mut Database, email: EmailId, by: Option<ParentBy>, now: i64) -> Result<()> {
    diesel::update(emails::table.find(email.0))
        .set((
            emails::parent_id.eq(None::<i64>),
            emails::parent_by.eq(by.map(ParentBy::as_str)),
            emails::account_record_id.eq(None::<i64>),
        ))
        .execute(db)?;
    note::follow_email(db, email, None, now)
}

fn tell(db: &mut Database, permit: &Permit<'_>, record: RecordId, detail: &str, now: i64) -> Result<()> {
    let author = permit.actor().user;
    note::add(db, &NewNote { record, kind: NoteKind::Linked, email: None, detail, author, at: now })?;
    Ok(())
}

/// Gives e-mails to a record: their Account follows (LINK-6), a case's teams and assigned user are added (CASE-1), and its
/// stream tells of them (NOTE-1).
pub(super) fn give(db: &mut Database, given: &[EmailId], record: RecordId, by: ParentBy, now: i64) -> Result<()> {
    type Row = (String, Option<i64>, Option<i64>);
    let (kind, account, assigned): Row =
        records::table.find(record.0).select((records::kind, records::account_id, records::assigned_user_id)).first(db)?;
    let is = |of: RecordKind| kind == of.as_str();
    let account = if is(RecordKind::Account) { Some(record.0) } else { account };
    let ids: Vec<i64> = given.iter().map(|email| email.0).collect();
    for some in ids.chunks(IN_LIST) {
        diesel::update(emails::table.filter(emails::id.eq_any(some)))
            .set((emails::parent_id.eq(record.0), emails::parent_by.eq(by.as_str()), emails::account_record_id.eq(account)))
            .execute(db)?;
    }
    let teams: Vec<i64> = match is(RecordKind::Case) {
        true => record_teams::table.filter(record_teams::record_id.eq(record.0)).select(record_teams::team_id).load(db)?,
        false => Vec::new(),
    };
    for email in given {
        for team in &teams {
            if email_teams::table.find((email.0, team)).count().get_result::<i64>(db)? == 0 {
                diesel::insert_into(email_teams::table)
                    .values((email_teams::email_id.eq(email.0), email_teams::team_id.eq(team)))
                    .execute(db)?;
            }
        }
        if let Some(user) = assigned.filter(|_| is(RecordKind::Case))
            && email_users::table.find((email.0, user)).count().get_result::<i64>(db)? == 0
        {
            add_reader(db, email.0, user)?;
        }
        note::follow_email(db, *email, Some(record), now)?;
    }
    Ok(())
}

/// Puts an e-mail into a user's inbox, unread.
fn add_reader(db: &mut Database, email: i64, user: i64) -> Result<()> {
    diesel::insert_into(email_users::table)
        .values((
            email_users::email_id.eq(email),
            email_users::user_id.eq(user),
            email_users::is_read.eq(false),
            email_users::is_important.eq(false),
            email_users::is_archived.eq(false),
            email_users::is_trashed.eq(false),
        ))
        .execute(db)?;
    Ok(())
}
