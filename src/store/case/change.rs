//! What people change on a case: who has it, how far it is, what it says, and what they note.

use anyhow::Result;
use diesel::prelude::*;

use super::subject;
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::store::note::{self, NewNote};
use crate::store::noun::number;
use crate::store::record::name_of;
use crate::store::schema::{emails, record_teams, records, users};
use crate::store::{Database, access, clean, follow, lock, notification};
use crate::words::{CaseStatus, NoteKind, Priority, RecordId, TeamId, UserId};

/// What to change; what is not given stays. An inner none clears.
#[derive(Debug, Clone, Default)]
pub struct CaseChanges {
    pub name: Option<String>,
    pub priority: Option<Priority>,
    pub teams: Option<Vec<TeamId>>,
    pub account: Option<Option<RecordId>>,
    pub contact: Option<Option<RecordId>>,
}

/// Hands a case to a user: no turn of a rotation is used up (DIST-2), and the user follows the case (FOLLOW-1). False when
/// the user has it already.
pub fn assign(db: &mut Database, permit: &Permit<'_>, case: RecordId, user: UserId, now: i64) -> Result<bool> {
    lock(db)?;
    let (login, active): (String, bool) = users::table.find(user.0).select((users::login, users::active)).first(db)?;
    if !active {
        return Err(Fault::new(Class::Data, format!("{login} is not active"))
            .hint(format!("try: espomail user set {login} --active true"))
            .into());
    }
    let before: Option<i64> = records::table.find(case.0).select(records::assigned_user_id).first(db)?;
    if before == Some(user.0) {
        return Ok(false);
    }
    hand_to(db, case, user, permit.actor().user, now)?;
    follow::end_lost(db, case)?;
    let subject = subject(db, case)?;
    access::record(db, permit, "case assign", &subject, &login, now)?;
    Ok(true)
}

pub(super) fn hand_to(db: &mut Database, case: RecordId, user: UserId, author: Option<UserId>, now: i64) -> Result<()> {
    let assignment = number(db, "assignment")?;
    let login: String = users::table.find(user.0).select(users::login).first(db)?;
    diesel::update(records::table.find(case.0)).set(records::assigned_user_id.eq(user.0)).execute(db)?;
    diesel::update(records::table.find(case.0).filter(records::status.eq(CaseStatus::New.as_str())))
        .set(records::status.eq(CaseStatus::Assigned.as_str()))
        .execute(db)?;
    diesel::update(users::table.find(user.0)).set(users::last_assignment.eq(assignment)).execute(db)?;
    follow::add(db, case, user)?;
    notification::assigned(db, case, user, author, now)?;
    note::add(db, &NewNote { record: case, kind: NoteKind::Assigned, email: None, detail: &login, author, at: now })?;
    Ok(())
}

/// Sets a case's status; none re-opens it: Assigned when somebody has it, else New (CASE-4). Closing says when, and anything
/// else forgets it. Returns the status; false when it was so before.
pub fn set_status(
    db: &mut Database,
    permit: &Permit<'_>,
    case: RecordId,
    status: Option<CaseStatus>,
    now: i64,
) -> Result<(CaseStatus, bool)> {
    lock(db)?;
    let (before, assigned, merged): (Option<String>, Option<i64>, Option<i64>) =
        records::table.find(case.0).select((records::status, records::assigned_user_id, records::merged_into_id)).first(db)?;
    let named = subject(db, case)?;
    if let Some(into) = name_of(db, merged)? {
        let hint = format!("try: espomail case show {}", into.number);
        return Err(Fault::new(Class::Data, format!("{named} was merged into {into}")).hint(hint).into());
    }
    let reopened = if assigned.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
    let (verb, status) = match status {
        Some(CaseStatus::Closed) => ("case close", CaseStatus::Closed),
        Some(status) => ("case status", status),
        None if before.as_deref().and_then(|before| before.parse().ok()).is_some_and(CaseStatus::is_open) => {
            return Err(Fault::new(Class::Data, format!("{named} is open")).into());
        }
        None => ("case reopen", reopened),
    };
    if before.as_deref() == Some(status.as_str()) {
        return Ok((status, false));
    }
    let closed_at = (status == CaseStatus::Closed).then_some(now);
    diesel::update(records::table.find(case.0))
        .set((records::status.eq(status.as_str()), records::closed_at.eq(closed_at)))
        .execute(db)?;
    let author = permit.actor().user;
    let note = NewNote { record: case, kind: NoteKind::Status, email: None, detail: status.as_str(), author, at: now };
    note::add(db, &note)?;
    access::record(db, permit, verb, &named, status.as_str(), now)?;
    Ok((status, true))
}

/// Writes a person's words into the stream of a record.
pub fn note(db: &mut Database, permit: &Permit<'_>, case: RecordId, words: &str, now: i64) -> Result<()> {
    let author = permit.actor().user;
    let id = note::add(db, &NewNote { record: case, kind: NoteKind::Note, email: None, detail: words, author, at: now })?;
    notification::noted(db, case, id, author, now)?;
    let subject = subject(db, case)?;
    access::record(db, permit, "case note", &subject, &format!("note {id}"), now)
}

/// Changes what a case says. Its e-mails' Account follows its own (LINK-6).
pub fn change(db: &mut Database, permit: &Permit<'_>, case: RecordId, changes: &CaseChanges, now: i64) -> Result<()> {
    lock(db)?;
    let row = records::table.find(case.0);
    let mut told = Vec::new();
    if let Some(name) = &changes.name {
        diesel::update(row).set(records::name.eq(clean(name))).execute(db)?;
        told.push("name");
    }
    if let Some(priority) = changes.priority {
        diesel::update(row).set(records::priority.eq(priority.as_str())).execute(db)?;
        told.push("priority");
    }
    if let Some(account) = changes.account {
        let account = account.map(|account| account.0);
        diesel::update(row).set(records::account_id.eq(account)).execute(db)?;
        diesel::update(emails::table.filter(emails::parent_id.eq(case.0)))
            .set(emails::account_record_id.eq(account))
            .execute(db)?;
        told.push("account");
    }
    if let Some(contact) = changes.contact {
        diesel::update(row).set(records::contact_id.eq(contact.map(|contact| contact.0))).execute(db)?;
        told.push("contact");
    }
    if let Some(teams) = &changes.teams {
        diesel::delete(record_teams::table.filter(record_teams::record_id.eq(case.0))).execute(db)?;
        for team in teams {
            diesel::insert_into(record_teams::table)
                .values((record_teams::record_id.eq(case.0), record_teams::team_id.eq(team.0)))
                .execute(db)?;
        }
        follow::end_lost(db, case)?;
        told.push("team");
    }
    let subject = subject(db, case)?;
    access::record(db, permit, "case set", &subject, &told.join(", "), now)
}
