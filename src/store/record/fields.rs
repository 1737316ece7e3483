//! What records say beside their columns, to what they are linked beside the first, and who follows them.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use diesel::prelude::*;

use crate::store::Database;
use crate::store::noun::gathered;
use crate::store::schema::{followers, record_addresses, record_fields, record_links, record_phones, users};
use crate::words::RecordId;

/// Returns the values of the fields of records that are none of their columns, by name.
pub(in crate::store) fn values_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, BTreeMap<String, String>>> {
    let rows = record_fields::table
        .filter(record_fields::record_id.eq_any(ids))
        .select((record_fields::record_id, (record_fields::name, record_fields::value)))
        .load::<(RecordId, (String, String))>(db)?;
    Ok(gathered(rows).into_iter().map(|(id, values)| (id, values.into_iter().collect())).collect())
}

/// Returns the addresses of records, in their order.
pub(in crate::store) fn addresses_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<String>>> {
    let of = record_addresses::table.filter(record_addresses::record_id.eq_any(ids)).order(record_addresses::place);
    Ok(gathered(of.select((record_addresses::record_id, record_addresses::address)).load(db)?))
}

/// Returns the phone numbers of records, in their order.
pub(in crate::store) fn phones_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<String>>> {
    let of = record_phones::table.filter(record_phones::record_id.eq_any(ids)).order(record_phones::place);
    Ok(gathered(of.select((record_phones::record_id, record_phones::phone)).load(db)?))
}

/// Returns the logins of those who follow records.
pub(in crate::store) fn followers_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<String>>> {
    let of = followers::table
        .inner_join(users::table.on(users::id.eq(followers::user_id)))
        .filter(followers::record_id.eq_any(ids))
        .order(users::login);
    Ok(gathered(of.select((followers::record_id, users::login)).load(db)?))
}

/// Returns the further Accounts or Contacts of records, in their order.
pub(in crate::store) fn links_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<RecordId>>> {
    let links = record_links::table.filter(record_links::record_id.eq_any(ids)).order(record_links::place);
    Ok(gathered(links.select((record_links::record_id, record_links::other_id)).load(db)?))
}
