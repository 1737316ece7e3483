//! What records say beside their columns, and to what they are linked beside the first.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use diesel::prelude::*;

use crate::store::Database;
use crate::store::noun::gathered;
use crate::store::schema::{record_fields, record_links};
use crate::words::RecordId;

/// Returns the values of the fields of records that are none of their columns, by name.
pub(in crate::store) fn values_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, BTreeMap<String, String>>> {
    let rows = record_fields::table
        .filter(record_fields::record_id.eq_any(ids))
        .select((record_fields::record_id, (record_fields::name, record_fields::value)))
        .load::<(RecordId, (String, String))>(db)?;
    Ok(gathered(rows).into_iter().map(|(id, values)| (id, values.into_iter().collect())).collect())
}

/// Returns the further Accounts or Contacts of records, in their order.
pub(in crate::store) fn links_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<RecordId>>> {
    let links = record_links::table.filter(record_links::record_id.eq_any(ids)).order(record_links::place);
    Ok(gathered(links.select((record_links::record_id, record_links::other_id)).load(db)?))
}
