//! The addresses and phone numbers of a record.

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::fields::digits;
use crate::mail::address_key;
use crate::store::schema::{record_addresses, record_phones};
use crate::store::{Database, clean};
use crate::words::RecordId;

/// A record has these addresses and no others; one that is given twice it has once.
pub(super) fn set_addresses(db: &mut Database, record: RecordId, addresses: &[String]) -> Result<()> {
    diesel::delete(record_addresses::table.filter(record_addresses::record_id.eq(record))).execute(db)?;
    let mut keys: Vec<String> = Vec::new();
    for key in addresses.iter().map(|address| address_key(address)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    for (place, key) in (1_i64..).zip(keys) {
        let row = (record_addresses::record_id.eq(record), record_addresses::address.eq(key), record_addresses::place.eq(place));
        diesel::insert_into(record_addresses::table).values(row).execute(db)?;
    }
    Ok(())
}

/// The same of phone numbers.
pub(super) fn set_phones(db: &mut Database, record: RecordId, phones: &[String]) -> Result<()> {
    diesel::delete(record_phones::table.filter(record_phones::record_id.eq(record))).execute(db)?;
    let mut kept: Vec<String> = Vec::new();
    for phone in phones.iter().map(|phone| clean(phone.trim()).into_owned()) {
        if !kept.contains(&phone) {
            kept.push(phone);
        }
    }
    for (place, phone) in (1_i64..).zip(kept) {
        let row = (
            record_phones::record_id.eq(record),
            record_phones::digits.eq(digits(&phone)),
            record_phones::phone.eq(phone),
            record_phones::place.eq(place),
        );
        diesel::insert_into(record_phones::table).values(row).execute(db)?;
    }
    Ok(())
}
