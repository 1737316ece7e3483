//! What becomes of e-mails that somebody deletes for everybody (ACCESS-2), or that lay in the trash for long enough.

use anyhow::Result;
use diesel::prelude::*;

use super::dialect::insert_new;
use super::raw;
use super::schema::{deletions, emails};
use super::{Database, IN_LIST, search};
use crate::words::EmailId;

#[derive(Insertable)]
#[diesel(table_name = deletions)]
struct DeletionRow {
    message_id: String,
    content_digest: Vec<u8>,
    deleted_at: i64,
}

/// Deletes e-mails for everybody. Their fates stay, so that they do not come back (FETCH-2); their Message-IDs stay known to their
/// threads, so that answers find them.
pub(super) fn delete(db: &mut Database, those: &[EmailId], now: i64) -> Result<()> {
    for some in those.chunks(IN_LIST) {
        let known = emails::table.filter(emails::id.eq_any(some)).select((emails::message_id, emails::content_digest));
        let known = known.load::<(String, Vec<u8>)>(db)?.into_iter();
        let rows: Vec<DeletionRow> =
            known.map(|(message_id, content_digest)| DeletionRow { message_id, content_digest, deleted_at: now }).collect();
        insert_new!(&mut *db, deletions::table, &rows)?;
    }
    remove(db, those)
}

/// Takes e-mails away with all that hangs on them.
pub(super) fn remove(db: &mut Database, those: &[EmailId]) -> Result<()> {
    let raws = raw::all_of(db, those)?;
    search::forget(db, those)?;
    for some in those.chunks(IN_LIST) {
        diesel::delete(emails::table.filter(emails::id.eq_any(some))).execute(db)?;
    }
    raw::drop_unused(db, &raws)
}
