//! What records say, field by field, as text: what templates put into letters (SEND-9).

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::noun::in_lists;
use super::schema::{record_addresses, records};
use super::{Database, case, record};
use crate::clock::rfc3339;
use crate::mail::address_key;
use crate::mail::template::Fields;
use crate::words::{RecordId, RecordKind};

const OF_ALL: [&str; 7] = ["number", "name", "email-address", "assigned-user", "teams", "created-at", "account"];
const OF_CASES: [&str; 10] =
    ["number", "name", "status", "priority", "description", "assigned-user", "teams", "created-at", "closed-at", "account"];
const MORE_OF_CASES: [&str; 2] = ["contact", "lead"];

/// Lists the fields of every kind of record.
pub fn names() -> impl Iterator<Item = (RecordKind, &'static str)> {
    RecordKind::ALL.iter().flat_map(|kind| {
        let of_case = *kind == RecordKind::Case;
        let fields = if of_case { OF_CASES.iter().chain(&MORE_OF_CASES) } else { OF_ALL.iter().chain(&[]) };
        fields.map(|field| (*kind, *field))
    })
}

/// Returns what records say, in as many queries as for one.
pub fn of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Fields>> {
    let named = |value: Option<record::RecordName>| value.map(|named| named.to_string()).unwrap_or_default();
    let list = |pairs: Vec<(&str, String)>| pairs.into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Fields>();
    let mut fields = HashMap::with_capacity(ids.len());
    let kinds: Vec<(RecordId, RecordKind)> = in_lists(db, ids, |db, some| {
        Ok(records::table.filter(records::id.eq_any(some)).select((records::id, records::kind)).load(db)?)
    })?;
    let (cases, others): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|(_, kind)| *kind == RecordKind::Case);
    let ids = |some: Vec<(RecordId, RecordKind)>| some.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    for one in in_lists(db, &ids(others), record::load)? {
        let pairs = vec![
            ("number", one.named.number.to_string()),
            ("name", one.name),
            ("email-address", one.addresses.into_iter().next().unwrap_or_default()),
            ("assigned-user", one.assigned_user.unwrap_or_default()),
            ("teams", one.teams.join(", ")),
            ("created-at", rfc3339(one.created_at)),
            ("account", named(one.account)),
        ];
        fields.insert(one.id, list(pairs));
    }
    for one in in_lists(db, &ids(cases), case::load)? {
        let pairs = vec![
            ("number", one.number.to_string()),
            ("name", one.name),
            ("status", one.status.to_string()),
            ("priority", one.priority.map(|priority| priority.to_string()).unwrap_or_default()),
            ("description", one.description),
            ("assigned-user", one.assigned_user.unwrap_or_default()),
            ("teams", one.teams.join(", ")),
            ("created-at", rfc3339(one.created_at)),
            ("closed-at", one.closed_at.map(rfc3339).unwrap_or_default()),
            ("account", named(one.account)),
            ("contact", named(one.contact)),
            ("lead", named(one.lead)),
        ];
        fields.insert(one.id, list(pairs));
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
