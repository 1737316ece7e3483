//! The facts of a world in which an e-mail never came (WHY-2): it is taken out, the facts are gathered, and everything is
//! rolled back.

use anyhow::Result;
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::handed;
use super::named::{Named, subjects};
use super::{Facts, Mail, Matter, gather_addresses, gather_at};
use crate::decide::{Brought, Owners, authors};
use crate::store::noun::{gathered, in_lists};
use crate::store::schema::{accounts, email_accounts, email_teams, emails, record_teams, records};
use crate::store::{Database, dialect, lock, sending};
use crate::words::{AccountId, EmailId, ParentBy, PositionId, RecordId, RecordKind, TeamId, ThreadId};

/// Gathers what the rules may ask about a stored e-mail that came through a further account (DUP-1).
pub fn gather_elsewhere(
    db: &mut Database,
    email: EmailId,
    (account, position): (AccountId, Option<PositionId>),
    mail: &Mail,
    now: i64,
) -> Result<Facts> {
    let mut facts = gather_at(db, position, &Matter { account: Some(account), mails: &[mail], ..Matter::default() }, now)?;
    handed::gather(db, [email], &mut facts)?;
    Ok(facts)
}

/// The same for the account that it first came through. What came after it and leans on it says nothing of it: its place in
/// its thread by address, and e-mails of the same subject.
pub fn gather_without(
    db: &mut Database,
    email: EmailId,
    (account, position): (AccountId, Option<PositionId>),
    mail: &Mail,
    records: &[RecordId],
    now: i64,
) -> Result<Facts> {
    // Nobody else decides until the caller's transaction ends, not just until this part of it is rolled back.
    lock(db)?;
    let mut facts = dialect::rehearse(db, |db| {
        let thread: ThreadId = emails::table.find(email).select(emails::thread_id).first(db)?;
        let later = || emails::table.filter(emails::id.gt(email));
        let soft = [RecordKind::Account, RecordKind::Contact, RecordKind::Lead];
        let by_address = [ParentBy::Address, ParentBy::Thread];
        let of_soft = records::table.filter(records::kind.eq_any(soft)).select(records::id.nullable());
        let leaning = later()
            .filter(emails::thread_id.eq(thread))
            .filter(emails::parent_by.eq_any(by_address))
            .filter(emails::parent_id.eq_any(of_soft));
        diesel::update(leaning).set(emails::parent_id.eq(None::<RecordId>)).execute(db)?;
        for (record, is_all) in apart(db, email, thread, account)? {
            let came = email_accounts::table.filter(email_accounts::email_id.eq(emails::id));
            let came = came.filter(email_accounts::account_id.eq(account));
            let of_record = later().filter(emails::thread_id.eq(thread)).filter(emails::parent_id.eq(record));
            let elsewhere = of_record.filter(not(exists(came)).or(is_all.into_sql::<Bool>()));
            diesel::update(elsewhere)
                .set((emails::parent_id.eq(None::<RecordId>), emails::parent_by.eq(None::<ParentBy>)))
                .execute(db)?;
        }
        let mut ours = Facts::default();
        let answered_at = sending::answered_at(db)?;
        gather_addresses(db, &Named::by(&[mail]), &answered_at, &mut ours)?;
        let keys = subjects(mail, &authors(mail, &ours));
        diesel::update(later().filter(emails::subject_from.eq_any(&keys))).set(emails::subject_from.eq(0)).execute(db)?;
        let letters = later().filter(emails::subject_to.eq_any(&keys)).filter(sql::<Bool>("emails.is_ours"));
        diesel::update(letters).set(emails::subject_to.eq(0)).execute(db)?;
        diesel::delete(emails::table.find(email)).execute(db)?;
        gather_at(db, position, &Matter { account: Some(account), mails: &[mail], records, ..Matter::default() }, now)
    })?;
    handed::gather(db, [email], &mut facts)?;
    Ok(facts)
}

/// The records of the later e-mails of its thread that say nothing of it: those that would not bring it along by the rule for that. Each
/// with whether that is so also of what came through its account.
fn apart(db: &mut Database, email: EmailId, thread: ThreadId, account: AccountId) -> Result<Vec<(RecordId, bool)>> {
    let later = emails::table.filter(emails::id.gt(email)).filter(emails::thread_id.eq(thread));
    let records = later.filter(emails::parent_id.is_not_null()).select(emails::parent_id.assume_not_null()).distinct();
    let records = records.load::<RecordId>(db)?;
    let teams = email_teams::table.filter(email_teams::email_id.eq(email)).select(email_teams::team_id).load::<TeamId>(db)?;
    let groups = accounts::table.find(account).filter(accounts::owner_id.is_null()).select(accounts::id);
    let accounts = groups.load::<AccountId>(db)?;
    let shared = in_lists(db, &records, |db, some| {
        let of = record_teams::table.filter(record_teams::record_id.eq_any(some));
        Ok(of.select((record_teams::record_id, record_teams::team_id)).load::<(RecordId, TeamId)>(db)?)
    })?;
    let shared = gathered(shared);
    let own = Owners { accounts: &accounts, teams: &teams, ..Owners::default() };
    let lets =
        |record: &RecordId, with: Owners<'_>| Brought::Person.door(with).lets(own, shared.get(record).map_or(&[], Vec::as_slice));
    let apart = records.into_iter().filter(|record| !lets(record, Owners::default()));
    Ok(apart.map(|record| (record, !lets(&record, own))).collect())
}
