//! What a record says of itself.

use anyhow::Result;
use diesel::prelude::*;

use super::Relink;
use super::merge::{give_back, move_notes};
use super::says::{set_addresses, set_phones};
use crate::decide::RecordFields;
use crate::store::note::OF_EMAILS;
use crate::store::schema::{emails, notes, notifications, record_fields, record_links, records};
use crate::store::texts::Description;
use crate::store::{Database, clean};
use crate::words::{Priority, RecordId, RecordKind, UserId};

/// What is changed of the row.
#[derive(AsChangeset)]
#[diesel(table_name = records)]
struct RowChange {
    name: Option<String>,
    active: Option<bool>,
    description: Option<String>,
    packed: Option<Option<Vec<u8>>>,
    priority: Option<Priority>,
    account_id: Option<Option<RecordId>>,
    contact_id: Option<Option<RecordId>>,
    lead_id: Option<Option<RecordId>>,
    converted_account_id: Option<Option<RecordId>>,
    converted_contact_id: Option<Option<RecordId>>,
    assigned_user_id: Option<Option<UserId>>,
    merged_into_id: Option<Option<RecordId>>,
    closed_at: Option<Option<i64>>,
}

/// Changes what a record says. Its e-mails' Account is its own (LINK-6).
pub(super) fn set_record(db: &mut Database, record: RecordId, fields: &RecordFields) -> Result<()> {
    let text = |text: &Option<String>| text.as_deref().map(|text| clean(text).into_owned());
    let described = fields.description.as_deref().map(|text| Description::of(&clean(text)));
    let (description, packed) = described.map(|said| (said.description, said.packed)).unzip();
    let change = RowChange {
        name: text(&fields.name),
        active: fields.active,
        description,
        packed,
        priority: fields.priority,
        account_id: fields.account,
        contact_id: fields.contact,
        lead_id: fields.lead,
        converted_account_id: fields.converted_account,
        converted_contact_id: fields.converted_contact,
        assigned_user_id: fields.unassigned.then_some(None),
        merged_into_id: fields.merged_into,
        closed_at: fields.closed_at,
    };
    if let Some(belongings) = &fields.returned {
        give_back(db, record, belongings)?;
    }
    diesel::update(records::table.find(record)).set(&change).execute(db).optional_empty_changeset()?;
    if let Some(other) = fields.refers_to {
        let both = records::table.filter(records::id.eq_any([record, other])).filter(records::refers_to_id.is_not_null());
        if both.count().get_result::<i64>(db)? == 0 {
            diesel::update(records::table.find(record)).set(records::refers_to_id.eq(other)).execute(db)?;
        }
    }
    if let Some(account) = change.account_id {
        let kind: RecordKind = records::table.find(record).select(records::kind).first(db)?;
        if kind != RecordKind::Account {
            let of_record = emails::table.filter(emails::parent_id.eq(record));
            diesel::update(of_record).set(emails::account_record_id.eq(account)).execute(db)?;
        }
    }
    if let Some(addresses) = &fields.addresses {
        set_addresses(db, record, addresses)?;
    }
    if let Some(phones) = &fields.phones {
        set_phones(db, record, phones)?;
    }
    if let Some(others) = &fields.others {
        diesel::delete(record_links::table.filter(record_links::record_id.eq(record))).execute(db)?;
        for (place, other) in (1_i64..).zip(others) {
            let row = (record_links::record_id.eq(record), record_links::other_id.eq(other), record_links::place.eq(place));
            diesel::insert_into(record_links::table).values(row).execute(db)?;
        }
    }
    for (name, value) in &fields.values {
        diesel::delete(record_fields::table.find((record, name))).execute(db)?;
        if let Some(value) = value {
            let value = clean(value);
            let row = (record_fields::record_id.eq(record), record_fields::name.eq(name), record_fields::value.eq(value));
            diesel::insert_into(record_fields::table).values(row).execute(db)?;
        }
    }
    Ok(())
}

/// All e-mails of a record come to another, or to none, and what is told of them with them.
pub(super) fn move_emails(db: &mut Database, from: RecordId, place: &Relink) -> Result<()> {
    match place.parent {
        Some(into) => move_notes(db, from, into, &OF_EMAILS)?,
        None => {
            let told = notes::table.filter(notes::record_id.eq(from)).filter(notes::kind.eq_any(OF_EMAILS));
            diesel::delete(told).execute(db)?;
        }
    }
    let told = notifications::table.filter(notifications::record_id.eq(from)).filter(notifications::email_id.is_not_null());
    diesel::update(told).set(notifications::record_id.eq(place.parent)).execute(db)?;
    let of = || emails::table.filter(emails::parent_id.eq(from));
    if let Some(by) = place.by {
        diesel::update(of()).set(emails::parent_by.eq(by)).execute(db)?;
    }
    diesel::update(of()).set((emails::parent_id.eq(place.parent), emails::account_record_id.eq(place.account))).execute(db)?;
    Ok(())
}
