//! Cases and their streams.

mod merge;

use anyhow::{Result, anyhow};
use diesel::prelude::*;

pub use merge::{Merge, merge, merge_numbered};

use super::noun::number;
use super::record::{RecordName, login_of, name_of, teams_of};
use super::schema::{accounts, emails, followers, notes, records, users};
use super::{Database, lock, next_number};
use crate::words::{AccountId, CaseStatus, EmailId, NoteKind, ParentBy, RecordId, RecordKind, UserId};

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Case {
    #[serde(skip)]
    pub id: RecordId,
    pub number: i64,
    pub name: String,
    pub status: CaseStatus,
    pub assigned_user: Option<String>,
    pub account: Option<RecordName>,
    pub contact: Option<RecordName>,
    pub lead: Option<RecordName>,
    /// The e-mail account it came through.
    pub through: Option<String>,
    pub teams: Vec<String>,
    pub followers: Vec<String>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    pub description: String,
}

/// One note of a stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
    pub kind: NoteKind,
    pub detail: String,
    pub email: Option<i64>,
    pub from: Option<String>,
    pub subject: Option<String>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    pub status: Option<CaseStatus>,
    /// Also those that are closed, rejected or duplicate.
    pub all: bool,
    pub assigned_user: Option<UserId>,
    pub through: Option<AccountId>,
    pub limit: i64,
}

/// Lists cases, the newest first.
pub fn list(db: &mut Database, filter: &CaseFilter) -> Result<Vec<Case>> {
    let mut query = records::table.filter(records::kind.eq(RecordKind::Case.as_str())).into_boxed();
    match filter.status {
        Some(status) => query = query.filter(records::status.eq(status.as_str())),
        None if !filter.all => {
            let open = CaseStatus::ALL.iter().filter(|status| status.is_open()).map(|status| Some(status.as_str()));
            query = query.filter(records::status.eq_any(open.collect::<Vec<_>>()));
        }
        None => {}
    }
    if let Some(user) = filter.assigned_user {
        query = query.filter(records::assigned_user_id.eq(user.0));
    }
    if let Some(account) = filter.through {
        query = query.filter(records::through_account_id.eq(account.0));
    }
    let ids = query.order(records::number.desc()).limit(filter.limit).select(records::id).load::<i64>(db)?;
    ids.into_iter().map(|id| show(db, RecordId(id))).collect()
}

/// Shows one case.
pub fn show(db: &mut Database, id: RecordId) -> Result<Case> {
    type References = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
    let (number, name, status, references, created_at, description) = records::table
        .find(id.0)
        .select((
            records::number,
            records::name,
            records::status,
            (records::assigned_user_id, records::account_id, records::contact_id, records::lead_id, records::through_account_id),
            records::created_at,
            records::description,
        ))
        .first::<(i64, String, Option<String>, References, i64, String)>(db)?;
    let (assigned, account, contact, lead, through) = references;
    let status = status.unwrap_or_default().parse().map_err(|error| anyhow!("case:{number}: {error}"))?;
    Ok(Case {
        id,
        number,
        name,
        status,
        assigned_user: login_of(db, assigned)?,
        account: name_of(db, account)?,
        contact: name_of(db, contact)?,
        lead: name_of(db, lead)?,
        through: match through {
            Some(account) => accounts::table.find(account).select(accounts::name).first(db).optional()?,
            None => None,
        },
        teams: teams_of(db, id)?,
        followers: followers::table
            .inner_join(users::table.on(users::id.eq(followers::user_id)))
            .filter(followers::record_id.eq(id.0))
            .order(users::login)
            .select(users::login)
            .load(db)?,
        created_at,
        description,
    })
}

/// Returns a record's stream, the newest note last.
pub fn stream(db: &mut Database, record: RecordId) -> Result<Vec<Note>> {
    type Row = (i64, String, String, Option<i64>, Option<String>, Option<String>);
    let rows = notes::table
        .left_join(emails::table.on(emails::id.nullable().eq(notes::email_id)))
        .filter(notes::record_id.eq(record.0))
        .order(notes::id)
        .select((
            notes::created_at,
            notes::kind,
            notes::detail,
            notes::email_id,
            emails::from_address.nullable(),
            emails::subject.nullable(),
        ))
        .load::<Row>(db)?;
    rows.into_iter()
        .map(|(at, kind, detail, email, from, subject)| {
            Ok(Note {
                at,
                kind: kind.parse().map_err(|error| anyhow!("a note of record {record}: {error}"))?,
                detail,
                email,
                from,
                subject,
            })
        })
        .collect()
}

/// Opens a case by hand, empty but for its name.
pub fn create(db: &mut Database, name: &str, now: i64) -> Result<RecordId> {
    insert(db, name, "", None, now)
}

/// Opens a case by hand from an e-mail: the e-mail and those of its thread that have no parent become the case's (CASE-5).
pub fn create_from_email(db: &mut Database, email: EmailId, now: i64) -> Result<RecordId> {
    lock(db)?;
    let (thread, subject, text, account) = emails::table
        .find(email.0)
        .select((emails::thread_id, emails::subject, emails::text, emails::account_record_id))
        .first::<(i64, String, String, Option<i64>)>(db)?;
    let case = insert(db, &subject, &text, account, now)?;
    let of_thread = emails::table
        .filter(emails::id.eq(email.0).or(emails::thread_id.eq(thread).and(emails::parent_id.is_null())))
        .order(emails::id)
        .select(emails::id)
        .load::<i64>(db)?;
    for some in of_thread.chunks(super::IN_LIST) {
        diesel::update(emails::table.filter(emails::id.eq_any(some)))
            .set((emails::parent_id.eq(case.0), emails::parent_by.eq(ParentBy::Hand.as_str())))
            .execute(db)?;
    }
    for id in of_thread {
        add_note(db, case, NoteKind::EmailReceived, Some(EmailId(id)), "", now)?;
    }
    Ok(case)
}

fn insert(db: &mut Database, name: &str, description: &str, account: Option<i64>, now: i64) -> Result<RecordId> {
    let id = number(db, "record")?;
    diesel::insert_into(records::table)
        .values((
            records::id.eq(id),
            records::kind.eq(RecordKind::Case.as_str()),
            records::number.eq(next_number(db, "number:case")?),
            records::name.eq(name),
            records::active.eq(true),
            records::status.eq(CaseStatus::New.as_str()),
            records::description.eq(description),
            records::account_id.eq(account),
            records::created_at.eq(now),
        ))
        .execute(db)?;
    add_note(db, RecordId(id), NoteKind::Created, None, "", now)?;
    Ok(RecordId(id))
}

/// Hands a case to a user by hand: no turn of a rotation is used up (DIST-2), and the user follows the case (FOLLOW-1).
pub fn assign(db: &mut Database, case: RecordId, user: UserId, now: i64) -> Result<()> {
    let assignment = number(db, "assignment")?;
    let login: String = users::table.find(user.0).select(users::login).first(db)?;
    diesel::update(records::table.find(case.0)).set(records::assigned_user_id.eq(user.0)).execute(db)?;
    diesel::update(records::table.find(case.0).filter(records::status.eq(CaseStatus::New.as_str())))
        .set(records::status.eq(CaseStatus::Assigned.as_str()))
        .execute(db)?;
    diesel::update(users::table.find(user.0)).set(users::last_assignment.eq(assignment)).execute(db)?;
    if followers::table.find((case.0, user.0)).count().get_result::<i64>(db)? == 0 {
        diesel::insert_into(followers::table)
            .values((followers::record_id.eq(case.0), followers::user_id.eq(user.0)))
            .execute(db)?;
    }
    add_note(db, case, NoteKind::Assigned, None, &login, now)
}

/// Sets a case's status.
pub fn set_status(db: &mut Database, case: RecordId, status: CaseStatus, now: i64) -> Result<()> {
    diesel::update(records::table.find(case.0)).set(records::status.eq(status.as_str())).execute(db)?;
    add_note(db, case, NoteKind::Status, None, status.as_str(), now)
}

fn add_note(db: &mut Database, record: RecordId, kind: NoteKind, email: Option<EmailId>, detail: &str, now: i64) -> Result<()> {
    diesel::insert_into(notes::table)
        .values((
            notes::id.eq(number(db, "note")?),
            notes::record_id.eq(record.0),
            notes::kind.eq(kind.as_str()),
            notes::email_id.eq(email.map(|email| email.0)),
            notes::detail.eq(detail),
            notes::is_quiet.eq(false),
            notes::created_at.eq(now),
        ))
        .execute(db)?;
    Ok(())
}
