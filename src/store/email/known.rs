//! Which e-mails are of people whom somebody knows here.

use anyhow::Result;
use diesel::dsl::{count_star, exists};
use diesel::prelude::*;

use crate::store::schema::{emails, record_addresses, records};
use crate::store::{Database, IN_LIST};
use crate::words::{CaseStatus, EmailId};

/// Counts those of some e-mails whose author has a record, or that are of an open case.
pub fn known_among(db: &mut Database, those: &[EmailId]) -> Result<i64> {
    let mut known = 0;
    for some in those.chunks(IN_LIST) {
        let of_record = record_addresses::table.filter(record_addresses::address.eq(emails::from_address));
        let of_open_case = records::table
            .filter(records::id.nullable().eq(emails::parent_id))
            .filter(records::status.eq_any(CaseStatus::open()));
        let of = emails::table.filter(emails::id.eq_any(some)).filter(exists(of_record).or(exists(of_open_case)));
        known += of.select(count_star()).first::<i64>(db)?;
    }
    Ok(known)
}
