//! The facts of a world in which an e-mail never came (WHY-2): it is taken out, the facts are gathered, and everything is
//! rolled back.

use anyhow::Result;
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::handed;
use super::named::{Named, subjects};
use super::{Facts, Mail, Matter, gather_addresses, gather_at};
use crate::decide::authors;
use crate::store::schema::{accounts, email_accounts, email_teams, emails, record_teams, records};
use crate::store::{Database, dialect, lock, sending};
use crate::words::{AccountId, EmailId, ParentBy, PositionId, RecordId, RecordKind, ThreadId};

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
        // Nor does their case, unless they came through the same mailbox of ours, or those of the case have it anyway: later mail may bring
        // it along by the same rule (ACCESS-2, `decide/along.rs`).
        let at_desk = email_accounts::table
            .inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)))
            .filter(email_accounts::email_id.eq(emails::id))
            .filter(email_accounts::account_id.eq(account))
            .filter(accounts::owner_id.is_null());
        let teams = email_teams::table.filter(email_teams::email_id.eq(email)).select(email_teams::team_id);
        let shared = record_teams::table
            .filter(record_teams::record_id.nullable().eq(emails::parent_id))
            .filter(record_teams::team_id.eq_any(teams));
        let elsewhere = later()
            .filter(emails::thread_id.eq(thread))
            .filter(emails::parent_id.is_not_null())
            .filter(not(exists(at_desk)))
            .filter(not(exists(shared)));
        diesel::update(elsewhere)
            .set((emails::parent_id.eq(None::<RecordId>), emails::parent_by.eq(None::<ParentBy>)))
            .execute(db)?;
        let mut ours = Facts::default();
        let answered_at = sending::answered_at(db)?;
        gather_addresses(db, &Named::by(&[mail]), &answered_at, &mut ours)?;
        let keys = subjects(mail, &authors(mail, &ours));
        diesel::update(later().filter(emails::subject_from.eq_any(&keys))).set(emails::subject_from.eq(0)).execute(db)?;
        diesel::update(later().filter(emails::subject_to.eq_any(&keys))).set(emails::subject_to.eq(0)).execute(db)?;
        diesel::delete(emails::table.find(email)).execute(db)?;
        gather_at(db, position, &Matter { account: Some(account), mails: &[mail], records, ..Matter::default() }, now)
    })?;
    handed::gather(db, [email], &mut facts)?;
    Ok(facts)
}
