//! What records say, field by field, as text: what templates put into letters (SEND-9).

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::noun::in_lists;
use super::schema::{record_addresses, records, users};
use super::texts::Description;
use super::{Database, IN_LIST, record};
use crate::clock::rfc3339;
use crate::decide::fields::{Fields as Known, OF_ALL};
use crate::mail::address_key;
use crate::mail::template::Fields;
use crate::words::{CaseStatus, Priority, RecordId, RecordKind, UserId};

/// Lists the fields of every kind of record: what all say, beside that the status of a Case, and for each kind its usual fields and
/// those of the configuration.
pub fn names(known: &Known) -> Vec<(RecordKind, String)> {
    let of_all = RecordKind::ALL.iter().flat_map(|kind| OF_ALL.iter().map(move |field| (*kind, field.to_string())));
    let own = RecordKind::ALL.iter().flat_map(|kind| known.of(*kind).into_iter().map(move |(field, _)| (*kind, field)));
    of_all.chain([(RecordKind::Case, "status".to_string())]).chain(own).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
struct Row {
    id: RecordId,
    number: i64,
    name: String,
    active: bool,
    status: Option<CaseStatus>,
    #[diesel(embed)]
    description: Description,
    account_id: Option<RecordId>,
    contact_id: Option<RecordId>,
    lead_id: Option<RecordId>,
    assigned_user_id: Option<UserId>,
    priority: Option<Priority>,
    closed_at: Option<i64>,
    created_at: i64,
}

/// Whether a record may be named where another refers to it.
pub type MayName<'a> = &'a mut dyn FnMut(&mut Database, RecordKind, RecordId) -> Result<bool>;

/// Returns what records say, in as many queries as for one; a field that says nothing, or a record that may not be named, is empty.
pub fn of(db: &mut Database, ids: &[RecordId], may_name: MayName<'_>) -> Result<HashMap<RecordId, Fields>> {
    let rows = in_lists(db, ids, |db, some| {
        Ok(records::table.filter(records::id.eq_any(some)).select(Row::as_select()).load::<Row>(db)?)
    })?;
    let others: Vec<RecordId> = rows.iter().flat_map(|row| [row.account_id, row.contact_id, row.lead_id]).flatten().collect();
    let others = in_lists(db, &others, |db, some| {
        let of = records::table.filter(records::id.eq_any(some));
        Ok(of
            .select((records::id, (records::kind, records::number, records::name)))
            .load::<(RecordId, (RecordKind, i64, String))>(db)?)
    })?;
    let mut named = HashMap::with_capacity(others.len());
    for (id, other) in others {
        if may_name(db, other.0, id)? {
            named.insert(id, other);
        }
    }
    let others = named;
    let assigned: Vec<UserId> = rows.iter().filter_map(|row| row.assigned_user_id).collect();
    let assigned = in_lists(db, &assigned, |db, some| {
        Ok(users::table.filter(users::id.eq_any(some)).select((users::id, (users::login, users::name))).load(db)?)
    })?;
    let assigned: HashMap<UserId, (String, String)> = assigned.into_iter().collect();
    let (mut addresses, mut phones) = (HashMap::new(), HashMap::new());
    let (mut values, mut teams) = (HashMap::new(), HashMap::new());
    for some in ids.chunks(IN_LIST) {
        addresses.extend(record::addresses_of(db, some)?);
        phones.extend(record::phones_of(db, some)?);
        values.extend(record::values_of(db, some)?);
        teams.extend(record::teams_of(db, some)?);
    }
    let named = |id: Option<RecordId>| id.and_then(|id| others.get(&id)).map(|(kind, number, _)| format!("{kind}:{number}"));
    let called = |id: Option<RecordId>| id.and_then(|id| others.get(&id)).map(|(.., name)| name.clone());
    let mut fields = HashMap::with_capacity(rows.len());
    for row in rows {
        let addresses = addresses.remove(&row.id).unwrap_or_default();
        let phones = phones.remove(&row.id).unwrap_or_default();
        let (login, name) = row.assigned_user_id.and_then(|user| assigned.get(&user).cloned()).unwrap_or_default();
        let said = [
            ("number", Some(row.number.to_string())),
            ("name", Some(row.name)),
            ("active", Some(row.active.to_string())),
            ("status", row.status.map(|status| status.to_string())),
            ("description", Some(row.description.read_if_whole()?)),
            ("address", addresses.first().cloned()),
            ("addresses", Some(addresses.join(", "))),
            ("phone", phones.first().cloned()),
            ("phones", Some(phones.join(", "))),
            ("account", named(row.account_id)),
            ("account-name", called(row.account_id)),
            ("contact", named(row.contact_id)),
            ("contact-name", called(row.contact_id)),
            ("lead", named(row.lead_id)),
            ("lead-name", called(row.lead_id)),
            ("assigned-user", Some(login)),
            ("assigned-user-name", Some(name)),
            ("priority", row.priority.map(|priority| priority.to_string())),
            ("teams", Some(teams.remove(&row.id).unwrap_or_default().join(", "))),
            ("created-at", Some(rfc3339(row.created_at))),
            ("closed-at", row.closed_at.map(rfc3339)),
        ];
        let said = said.into_iter().filter_map(|(field, value)| Some((field.to_string(), value?)));
        fields.insert(row.id, said.chain(values.remove(&row.id).unwrap_or_default()).collect());
    }
    Ok(fields)
}
/// Returns the Contact, else the Lead, that has an address: of several the oldest active one (LINK-4).
pub fn person(db: &mut Database, address: &str) -> Result<Option<(RecordKind, RecordId)>> {
    let known: Vec<(RecordKind, RecordId)> = record_addresses::table
        .inner_join(records::table.on(records::id.eq(record_addresses::record_id)))
        .filter(record_addresses::address.eq(address_key(address)))
        .filter(records::active.eq(true))
        .filter(records::kind.eq_any([RecordKind::Contact, RecordKind::Lead]))
        .order(records::id)
        .select((records::kind, records::id))
        .load(db)?;
    let contact = known.iter().find(|(kind, _)| *kind == RecordKind::Contact);
    Ok(contact.or(known.first()).copied())
}

/// Returns a record with those that it refers to: its Account, Contact and Lead.
pub fn around(db: &mut Database, id: RecordId) -> Result<Vec<(RecordKind, RecordId)>> {
    type Row = (RecordKind, Option<RecordId>, Option<RecordId>, Option<RecordId>);
    let (kind, account, contact, lead): Row =
        records::table.find(id).select((records::kind, records::account_id, records::contact_id, records::lead_id)).first(db)?;
    let others = [(RecordKind::Account, account), (RecordKind::Contact, contact), (RecordKind::Lead, lead)];
    let others = others.into_iter().filter(|(of, _)| *of != kind).filter_map(|(kind, id)| Some((kind, id?)));
    Ok(std::iter::once((kind, id)).chain(others).collect())
}
