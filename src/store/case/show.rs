//! One case, with all that is said of it.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use diesel::prelude::*;

use crate::store::Database;
use crate::store::named::{RecordName, names_of};
use crate::store::record::{followers_of, links_of, teams_of, values_of};
use crate::store::schema::{accounts, emails, notes, participants, records, users};
use crate::store::texts::Description;
use crate::words::{CaseStatus, NoteKind, Priority, RecordId, RecordKind};

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
    /// All that it is about, the first first.
    pub contacts: Vec<RecordName>,
    pub lead: Option<RecordName>,
    /// Whose mail opened it, in comparison form; none where no mail did.
    pub from: Option<String>,
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
    /// The usual fields and those of the configuration, also what fields say that were taken out of it.
    pub fields: BTreeMap<String, String>,
    pub description: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
struct Row {
    id: RecordId,
    number: i64,
    name: String,
    status: Option<CaseStatus>,
    priority: Option<Priority>,
    account_id: Option<RecordId>,
    contact_id: Option<RecordId>,
    lead_id: Option<RecordId>,
    merged_into_id: Option<RecordId>,
    refers_to_id: Option<RecordId>,
    created_at: i64,
    closed_at: Option<i64>,
    #[diesel(embed)]
    description: Description,
}

/// Shows one case.
pub fn show(db: &mut Database, id: RecordId) -> Result<Case> {
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

/// Reads cases in this order, in as many queries as for one.
pub(in crate::store) fn load(db: &mut Database, ids: &[RecordId]) -> Result<Vec<Case>> {
    let rows = records::table
        .left_join(users::table.on(users::id.nullable().eq(records::assigned_user_id)))
        .left_join(accounts::table.on(accounts::id.nullable().eq(records::through_account_id)))
        .filter(records::id.eq_any(ids))
        .select((Row::as_select(), users::login.nullable(), accounts::name.nullable()))
        .load::<(Row, Option<String>, Option<String>)>(db)?;
    let named =
        rows.iter().flat_map(|(row, ..)| [row.account_id, row.contact_id, row.lead_id, row.merged_into_id, row.refers_to_id]);
    let mut links = links_of(db, ids)?;
    let names = names_of(db, named.chain(links.values().flatten().copied().map(Some)))?;
    let name_of = |id: Option<RecordId>| names.get(&id?).copied();
    let (mut followers, mut teams, mut values) = (followers_of(db, ids)?, teams_of(db, ids)?, values_of(db, ids)?);
    let mut openers = openers_of(db, ids)?;
    let mut cases = HashMap::with_capacity(rows.len());
    for (row, assigned_user, through) in rows {
        let further = links.remove(&row.id).unwrap_or_default();
        let case = Case {
            id: row.id,
            number: row.number,
            status: row.status.with_context(|| format!("case:{} has no status", row.number))?,
            priority: row.priority,
            assigned_user,
            account: name_of(row.account_id),
            contact: name_of(row.contact_id),
            contacts: [row.contact_id].into_iter().chain(further.into_iter().map(Some)).filter_map(name_of).collect(),
            lead: name_of(row.lead_id),
            from: openers.remove(&row.id),
            through,
            teams: teams.remove(&row.id).unwrap_or_default(),
            followers: followers.remove(&row.id).unwrap_or_default(),
            merged_into: name_of(row.merged_into_id),
            refers_to: name_of(row.refers_to_id),
            created_at: row.created_at,
            closed_at: row.closed_at,
            fields: values.remove(&row.id).unwrap_or_default(),
            name: row.name,
            description: row.description.read_if_whole()?,
        };
        cases.insert(row.id, case);
    }
    Ok(ids.iter().filter_map(|id| cases.remove(id)).collect())
}

/// Returns whose mail opened some cases: whose matter it is (AUTO-2), else who wrote it.
fn openers_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, String>> {
    let rows = notes::table
        .inner_join(emails::table.on(emails::id.nullable().eq(notes::email_id)))
        .left_join(participants::table.on(participants::email_id.eq(emails::id)))
        .filter(notes::record_id.eq_any(ids))
        .filter(notes::kind.eq(NoteKind::Created))
        .select((notes::record_id, participants::address.nullable(), emails::from_address))
        .load::<(RecordId, Option<String>, String)>(db)?;
    let of = rows.into_iter().map(|(case, person, from)| (case, person.unwrap_or(from)));
    Ok(of.filter(|(_, from)| !from.is_empty()).collect())
}

/// Whether a record is a case.
pub fn is_one(db: &mut Database, record: RecordId) -> Result<bool> {
    let kind: RecordKind = records::table.find(record).select(records::kind).first(db)?;
    Ok(kind == RecordKind::Case)
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
