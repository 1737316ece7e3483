//! The facts of a world in which an e-mail never came (WHY-2): it is taken out, the facts are gathered, and everything is
//! rolled back.

use anyhow::Result;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::handed;
use super::named::{Named, subjects};
use super::{Facts, Mail, Matter, gather_addresses, gather_at};
use crate::decide::authors;
use crate::store::schema::{emails, records};
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
    handed::spread(db, &mut facts)?;
    handed::spread(db, &mut facts)?;
    Ok(facts)
}

/// The same for the account that it first came through. What came after it and leans on it says nothing of it: its place in
/// its thread by address, and e-mails of the same subject. Whether their case does is for `decide/along.rs` to say (ACCESS-2).
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
    handed::spread(db, &mut facts)?;
    Ok(facts)
}
