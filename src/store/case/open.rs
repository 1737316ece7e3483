//! Opening a case by hand (CASE-5).

use anyhow::Result;
use diesel::prelude::*;

use super::number_of;
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::store::note::{self, NewNote};
use crate::store::noun::number;
use crate::store::record::name_of;
use crate::store::schema::{accounts, email_accounts, emails, record_addresses, record_teams, records};
use crate::store::{Database, access, clean, follow, link, lock, next_number, participant};
use crate::words::{CaseStatus, EmailId, NoteKind, ParentBy, RecordId, RecordKind, UserId};

/// A case as a row.
#[derive(Default)]
pub(super) struct NewCase {
    pub name: String,
    pub description: String,
    pub account: Option<i64>,
    pub contact: Option<i64>,
    pub lead: Option<i64>,
    pub through: Option<i64>,
    pub priority: Option<String>,
    pub refers_to: Option<i64>,
    pub teams: Vec<i64>,
    /// The e-mail that it begins with.
    pub email: Option<EmailId>,
}

/// Opens a case, empty but for its name.
pub fn create(db: &mut Database, permit: &Permit<'_>, name: &str, now: i64) -> Result<RecordId> {
    let case = insert(db, &NewCase { name: name.to_string(), ..NewCase::default() }, permit.actor().user, now)?;
    let named = format!("case:{}", number_of(db, case)?);
    access::record(db, permit, "case create", &named, "", now)?;
    Ok(case)
}

/// Opens a case from an e-mail: name, text, Account, Contact or Lead are the e-mail's (CASE-2), and the e-mails of its thread
/// that belong to no other case go along. By hand, so that no turn of a rotation is used up (DIST-2).
pub fn create_from_email(db: &mut Database, permit: &Permit<'_>, email: EmailId, now: i64) -> Result<RecordId> {
    lock(db)?;
    let (thread, parent): (i64, Option<i64>) =
        emails::table.find(email.0).select((emails::thread_id, emails::parent_id)).first(db)?;
    if let Some(named) = name_of(db, parent)?.filter(|named| named.kind == RecordKind::Case) {
        let hint = format!("try: espomail case split {} --email {email}", named.number);
        return Err(Fault::new(Class::Data, format!("e-mail {email} belongs to {named} already")).hint(hint).into());
    }
    let new = begun_by(db, email)?;
    let case = insert(db, &new, permit.actor().user, now)?;
    let of_thread: Vec<(i64, Option<i64>, Option<String>)> = emails::table
        .filter(emails::thread_id.eq(thread))
        .order(emails::id)
        .select((emails::id, emails::parent_id, emails::parent_by))
        .load(db)?;
    let mut given = Vec::new();
    for (id, parent, by) in of_thread {
        let chosen = by.as_deref() == Some(ParentBy::Hand.as_str());
        let is_case = name_of(db, parent)?.is_some_and(|named| named.kind == RecordKind::Case);
        if id == email.0 || !(chosen || is_case) {
            given.push(EmailId(id));
        }
    }
    link::give(db, &given, case, ParentBy::Hand, now)?;
    participant::invite_author(db, email)?;
    let named = format!("case:{}", number_of(db, case)?);
    access::record(db, permit, "case create", &named, &format!("from e-mail {email}"), now)?;
    Ok(case)
}

/// CASE-2: what a case has from the e-mail it begins with.
pub(super) fn begun_by(db: &mut Database, email: EmailId) -> Result<NewCase> {
    let (name, description, from, account): (String, String, String, Option<i64>) = emails::table
        .find(email.0)
        .select((emails::subject, emails::text, emails::from_address, emails::account_record_id))
        .first(db)?;
    let contact = of_address(db, &from, RecordKind::Contact)?;
    let lead = if contact.is_none() && account.is_none() { of_address(db, &from, RecordKind::Lead)? } else { None };
    let through: Option<(i64, Option<i64>)> = email_accounts::table
        .inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)))
        .filter(email_accounts::email_id.eq(email.0))
        .filter(accounts::make_cases.eq(true))
        .order(accounts::id)
        .select((accounts::id, accounts::case_team_id))
        .first(db)
        .optional()?;
    let (through, team) = through.map_or((None, None), |(account, team)| (Some(account), team));
    let teams = team.into_iter().collect();
    Ok(NewCase { name, description, account, contact, lead, through, teams, email: Some(email), ..NewCase::default() })
}

/// Returns the Account of who wrote an e-mail, whatever record the e-mail was in.
pub(super) fn account_of_author(db: &mut Database, email: EmailId) -> Result<Option<i64>> {
    let from: String = emails::table.find(email.0).select(emails::from_address).first(db)?;
    if let Some(contact) = of_address(db, &from, RecordKind::Contact)? {
        return Ok(records::table.find(contact).select(records::account_id).first(db)?);
    }
    of_address(db, &from, RecordKind::Account)
}

/// Returns the oldest active record of a kind that has an address.
fn of_address(db: &mut Database, address: &str, kind: RecordKind) -> Result<Option<i64>> {
    Ok(record_addresses::table
        .inner_join(records::table.on(records::id.eq(record_addresses::record_id)))
        .filter(record_addresses::address.eq(address))
        .filter(records::kind.eq(kind.as_str()))
        .filter(records::active.eq(true))
        .order(records::id)
        .select(records::id)
        .first(db)
        .optional()?)
}

pub(super) fn insert(db: &mut Database, new: &NewCase, author: Option<UserId>, now: i64) -> Result<RecordId> {
    let id = number(db, "record")?;
    diesel::insert_into(records::table)
        .values((
            records::id.eq(id),
            records::kind.eq(RecordKind::Case.as_str()),
            records::number.eq(next_number(db, "number:case")?),
            records::name.eq(clean(&new.name)),
            records::active.eq(true),
            records::status.eq(CaseStatus::New.as_str()),
            records::description.eq(clean(&new.description)),
            records::account_id.eq(new.account),
            records::contact_id.eq(new.contact),
            records::lead_id.eq(new.lead),
            records::through_account_id.eq(new.through),
            records::priority.eq(&new.priority),
            records::refers_to_id.eq(new.refers_to),
            records::created_at.eq(now),
        ))
        .execute(db)?;
    for team in &new.teams {
        diesel::insert_into(record_teams::table)
            .values((record_teams::record_id.eq(id), record_teams::team_id.eq(team)))
            .execute(db)?;
    }
    let record = RecordId(id);
    note::add(db, &NewNote { record, kind: NoteKind::Created, email: new.email, detail: "", author, at: now })?;
    follow::auto(db, record, RecordKind::Case)?;
    Ok(record)
}
