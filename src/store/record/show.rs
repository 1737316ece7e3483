//! What a record is.

use std::collections::BTreeMap;

use anyhow::Result;
use diesel::prelude::*;

use super::fields::{addresses_of, followers_of, links_of, phones_of, values_of};
use super::name::teams_of;
use crate::store::Database;
use crate::store::named::{RecordName, names_of};
use crate::store::schema::{records, users};
use crate::store::texts::Description;
use crate::words::{RecordId, RecordKind};

/// A record, with the names of those it refers to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Record {
    #[serde(skip)]
    pub id: RecordId,
    #[serde(rename = "record")]
    pub named: RecordName,
    pub name: String,
    pub active: bool,
    pub addresses: Vec<String>,
    pub phones: Vec<String>,
    pub account: Option<RecordName>,
    /// Its Account, and the further ones of a Contact.
    pub accounts: Vec<RecordName>,
    /// The Contacts of an Opportunity, the first first.
    pub contacts: Vec<RecordName>,
    pub converted_account: Option<RecordName>,
    pub converted_contact: Option<RecordName>,
    /// The record that this one was merged into.
    pub merged_into: Option<RecordName>,
    pub assigned_user: Option<String>,
    pub teams: Vec<String>,
    pub followers: Vec<String>,
    /// The usual fields of its kind and those of the configuration, also what fields say that were taken out of it.
    pub fields: BTreeMap<String, String>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    pub description: String,
}

/// Shows one record.
pub fn show(db: &mut Database, id: RecordId) -> Result<Record> {
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
struct Row {
    id: RecordId,
    kind: RecordKind,
    number: i64,
    name: String,
    active: bool,
    #[diesel(embed)]
    description: Description,
    account_id: Option<RecordId>,
    contact_id: Option<RecordId>,
    converted_account_id: Option<RecordId>,
    converted_contact_id: Option<RecordId>,
    merged_into_id: Option<RecordId>,
    created_at: i64,
}

impl Row {
    fn names(&self) -> [Option<RecordId>; 5] {
        [self.account_id, self.contact_id, self.converted_account_id, self.converted_contact_id, self.merged_into_id]
    }
}

/// Reads records, the newest first, in as many queries as for one.
pub(super) fn load(db: &mut Database, ids: &[RecordId]) -> Result<Vec<Record>> {
    let rows = records::table
        .left_join(users::table.on(users::id.nullable().eq(records::assigned_user_id)))
        .filter(records::id.eq_any(ids))
        .order(records::id.desc())
        .select((Row::as_select(), users::login.nullable()))
        .load::<(Row, Option<String>)>(db)?;
    let mut links = links_of(db, ids)?;
    let linked = links.values().flatten().copied().map(Some).collect::<Vec<_>>();
    let names = names_of(db, rows.iter().flat_map(|(row, _)| row.names()).chain(linked))?;
    let (mut addresses, mut phones, mut followers) = (addresses_of(db, ids)?, phones_of(db, ids)?, followers_of(db, ids)?);
    let (mut teams, mut values) = (teams_of(db, ids)?, values_of(db, ids)?);
    let name_of = |id: Option<RecordId>| names.get(&id?).copied();
    let record = |(row, assigned_user): (Row, Option<String>)| {
        let further: Vec<RecordName> =
            links.remove(&row.id).unwrap_or_default().into_iter().filter_map(|other| name_of(Some(other))).collect();
        let all = |first: Option<RecordId>, kind: RecordKind| {
            name_of(first).into_iter().chain(further.iter().copied().filter(|other| other.kind == kind)).collect()
        };
        Ok(Record {
            id: row.id,
            named: RecordName { kind: row.kind, number: row.number },
            addresses: addresses.remove(&row.id).unwrap_or_default(),
            phones: phones.remove(&row.id).unwrap_or_default(),
            account: name_of(row.account_id),
            accounts: all(row.account_id, RecordKind::Account),
            contacts: all(row.contact_id, RecordKind::Contact),
            converted_account: name_of(row.converted_account_id),
            converted_contact: name_of(row.converted_contact_id),
            merged_into: name_of(row.merged_into_id),
            teams: teams.remove(&row.id).unwrap_or_default(),
            followers: followers.remove(&row.id).unwrap_or_default(),
            fields: values.remove(&row.id).unwrap_or_default(),
            name: row.name,
            active: row.active,
            assigned_user,
            created_at: row.created_at,
            description: row.description.read_if_whole()?,
        })
    };
    rows.into_iter().map(record).collect()
}
