//! What beside e-mails is somebody's: the records that are that person, cases about them, and where else their address stands.

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::Database;
use super::erase::{Person, is_full};
use super::named::RecordName;
use super::quarantine as kept;
use super::schema::{emails, filters, participants, quarantine, record_addresses, records, users};
use crate::decide::access::Permit;
use crate::mail::{Redaction, untagged};
use crate::words::{RecordId, RecordKind};

/// The records of somebody.
#[derive(Debug, Default)]
pub struct Belongings {
    /// Contacts and Leads that are this person, and what was merged into or converted to them.
    pub records: Vec<(RecordId, RecordName)>,
    /// Their names, by which they are looked for.
    pub names: Vec<String>,
    /// Cases of those.
    pub cases: Vec<RecordId>,
    /// Accounts and Opportunities that have the address; they stay.
    pub others: Vec<RecordId>,
    /// What else these records have of the person.
    pub other_addresses: Vec<String>,
}

/// Finds the records of somebody.
pub fn of(db: &mut Database, person: &Person) -> Result<Belongings> {
    let having =
        record_addresses::table.filter(record_addresses::address.eq(&person.address)).select(record_addresses::record_id);
    let having: Vec<RecordId> = having.load(db)?;
    let columns = (records::id, records::kind, records::number, records::name);
    type Row = (RecordId, RecordKind, i64, String);
    let is_person = || records::kind.eq_any([RecordKind::Contact, RecordKind::Lead]);
    let mut rows: Vec<Row> = records::table.filter(records::id.eq_any(&having)).filter(is_person()).select(columns).load(db)?;
    let others: Vec<RecordId> = having.into_iter().filter(|id| rows.iter().all(|row| row.0 != *id)).collect();
    // Who was merged into them or became them is the same person.
    let mut new: Vec<RecordId> = rows.iter().map(|row| row.0).collect();
    while !new.is_empty() {
        let became = records::merged_into_id.eq_any(new.clone()).or(records::converted_contact_id.eq_any(new.clone()));
        let more: Vec<Row> = records::table.filter(became.nullable()).filter(is_person()).select(columns).load(db)?;
        let more: Vec<Row> = more.into_iter().filter(|one| rows.iter().all(|row| row.0 != one.0)).collect();
        new = more.iter().map(|row| row.0).collect();
        rows.extend(more);
    }
    let ours: Vec<String> = users::table.select(users::name).load(db)?;
    let ids: Vec<RecordId> = rows.iter().map(|row| row.0).collect();
    let about = records::contact_id.eq_any(ids.clone()).or(records::lead_id.eq_any(ids.clone()));
    let cases =
        records::table.filter(records::kind.eq(RecordKind::Case)).filter(about.nullable()).select(records::id).load(db)?;
    let also = record_addresses::table.filter(record_addresses::record_id.eq_any(&ids));
    let also = also.filter(record_addresses::address.ne(&person.address)).select(record_addresses::address).distinct();
    Ok(Belongings {
        names: rows.iter().map(|row| row.3.clone()).filter(|name| is_full(name) && !ours.contains(name)).collect(),
        records: rows.into_iter().map(|(id, kind, number, _)| (id, RecordName { kind, number })).collect(),
        cases,
        others,
        other_addresses: also.load(db)?,
    })
}

/// Takes them away, with every row that is of the address: the last step, as by these records the person's names are known.
pub fn erase(db: &mut Database, person: &Person, of: &Belongings) -> Result<()> {
    let ids: Vec<RecordId> = of.records.iter().map(|(id, _)| *id).collect();
    let erased = records::name.eq("(erased)");
    diesel::update(records::table.filter(records::id.eq_any(&of.cases))).set(erased).execute(db)?;
    let described = records::table.filter(records::id.eq_any(&of.cases)).filter(records::description.ne(""));
    diesel::update(described).set(records::description.eq("(erased)")).execute(db)?;
    for (_, named) in &of.records {
        let audit = "UPDATE audit SET detail = '(erased)', why = NULL WHERE subject = $1";
        diesel::sql_query(audit).bind::<Text, _>(named.to_string()).execute(db)?;
    }
    let of_them = emails::table.filter(emails::parent_id.eq_any(&ids));
    diesel::update(of_them).set((emails::parent_id.eq(None::<RecordId>), emails::parent_by.eq(None::<String>))).execute(db)?;
    diesel::delete(records::table.filter(records::id.eq_any(&ids))).execute(db)?;
    diesel::delete(record_addresses::table.filter(record_addresses::address.eq(&person.address))).execute(db)?;
    diesel::delete(participants::table.filter(participants::address.eq(&person.address))).execute(db)?;
    for table in ["deliveries", "address_states"] {
        diesel::sql_query(format!("DELETE FROM {table} WHERE address = $1")).bind::<Text, _>(&person.address).execute(db)?;
    }
    diesel::sql_query("DELETE FROM outbox_recipients WHERE lower(address) = $1").bind::<Text, _>(&person.address).execute(db)?;
    let spendings = format!("address:{}", untagged(&person.address));
    diesel::sql_query("DELETE FROM spendings WHERE subject = $1").bind::<Text, _>(spendings).execute(db)?;
    let fields = "UPDATE record_fields SET value = '(erased)' WHERE lower(value) = $1";
    diesel::sql_query(fields).bind::<Text, _>(&person.address).execute(db)?;
    Ok(())
}

/// Finds what in quarantine has their address in it, by its number.
pub fn in_quarantine(db: &mut Database, redaction: &Redaction) -> Result<Vec<i64>> {
    let all = quarantine::table.filter(quarantine::raw_id.is_not_null()).order(quarantine::id).select(quarantine::id);
    let mut theirs = Vec::new();
    for id in all.load::<i64>(db)? {
        if redaction.is_in_bytes(&kept::raw_of(db, id)?) {
            theirs.push(id);
        }
    }
    Ok(theirs)
}

/// Drops a message in quarantine; its fate stays (FETCH-2).
pub fn drop_quarantined(db: &mut Database, permit: &Permit<'_>, id: i64, now: i64) -> Result<()> {
    kept::remove(db, permit, id, now)
}

/// Names filters that look for the address: whether they are still right a person must say.
pub fn filters_for(db: &mut Database, redaction: &Redaction) -> Result<Vec<String>> {
    let rows =
        filters::table.select((filters::name, filters::criteria, filters::sieve)).load::<(String, String, Option<String>)>(db)?;
    let named = rows
        .into_iter()
        .filter(|(_, criteria, sieve)| redaction.is_in(criteria) || sieve.iter().any(|sieve| redaction.is_in(sieve)));
    Ok(named.map(|(name, ..)| name).collect())
}
