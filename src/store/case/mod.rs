//! Cases: what they are. What people and mail do to them is decided in `decide` and written by [`super::apply`].

mod list;
mod stream;

use anyhow::{Context as _, Result};
use diesel::prelude::*;

pub use list::{CaseFilter, count, list};
pub use stream::{Entry, stream};

use super::Database;
use super::record::{RecordName, login_of, name_of, teams_of};
use super::schema::{accounts, followers, records, users};
use crate::words::{AccountId, CaseStatus, Priority, RecordId, UserId};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Case {
    #[serde(skip)]
    pub id: RecordId,
    pub number: i64,
    pub name: String,
    pub status: CaseStatus,
    pub priority: Option<Priority>,
    pub assigned_user: Option<String>,
    pub account: Option<RecordName>,
    pub contact: Option<RecordName>,
    pub lead: Option<RecordName>,
    /// The e-mail account it came through.
    pub through: Option<String>,
    pub teams: Vec<String>,
    pub followers: Vec<String>,
    /// The case that this one was merged into.
    pub merged_into: Option<RecordName>,
    /// The case that this one refers to.
    pub refers_to: Option<RecordName>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    /// When it was last closed; none while it is not.
    #[serde(serialize_with = "crate::clock::optional")]
    pub closed_at: Option<i64>,
    pub description: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
struct Row {
    number: i64,
    name: String,
    status: Option<CaseStatus>,
    priority: Option<Priority>,
    assigned_user_id: Option<UserId>,
    account_id: Option<RecordId>,
    contact_id: Option<RecordId>,
    lead_id: Option<RecordId>,
    through_account_id: Option<AccountId>,
    merged_into_id: Option<RecordId>,
    refers_to_id: Option<RecordId>,
    created_at: i64,
    closed_at: Option<i64>,
    description: String,
}

/// Shows one case.
pub fn show(db: &mut Database, id: RecordId) -> Result<Case> {
    let row = records::table.find(id).select(Row::as_select()).first::<Row>(db)?;
    Ok(Case {
        id,
        number: row.number,
        status: row.status.with_context(|| format!("case:{} has no status", row.number))?,
        priority: row.priority,
        assigned_user: login_of(db, row.assigned_user_id)?,
        account: name_of(db, row.account_id)?,
        contact: name_of(db, row.contact_id)?,
        lead: name_of(db, row.lead_id)?,
        through: match row.through_account_id {
            Some(account) => accounts::table.find(account).select(accounts::name).first(db).optional()?,
            None => None,
        },
        teams: teams_of(db, id)?,
        followers: followers::table
            .inner_join(users::table.on(users::id.eq(followers::user_id)))
            .filter(followers::record_id.eq(id))
            .order(users::login)
            .select(users::login)
            .load(db)?,
        merged_into: name_of(db, row.merged_into_id)?,
        refers_to: name_of(db, row.refers_to_id)?,
        created_at: row.created_at,
        closed_at: row.closed_at,
        name: row.name,
        description: row.description,
    })
}

/// Returns the case that a case was merged into.
pub fn left_of(db: &mut Database, case: RecordId) -> Result<Option<RecordId>> {
    Ok(records::table.find(case).select(records::merged_into_id).first(db)?)
}

/// Returns the cases that were merged into a case.
pub fn merged_into(db: &mut Database, case: RecordId) -> Result<Vec<RecordId>> {
    let ids = records::table.filter(records::merged_into_id.eq(case)).order(records::id).select(records::id);
    Ok(ids.load(db)?)
}
