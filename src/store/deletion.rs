//! What becomes of an e-mail that somebody deletes for everybody (ACCESS-2).

use anyhow::Result;
use diesel::prelude::*;

use super::raw;
use super::schema::{deletions, emails};
use super::{Database, search};
use crate::words::EmailId;

/// Deletes an e-mail for everybody. Its fates stay, so that it does not come back (FETCH-2); its Message-ID stays known to its
/// thread, so that answers find it.
pub(super) fn delete(db: &mut Database, email: EmailId, now: i64) -> Result<()> {
    let (message_id, digest): (String, Vec<u8>) =
        emails::table.find(email).select((emails::message_id, emails::content_digest)).first(db)?;
    let raws = raw::all_of(db, email)?;
    let known = deletions::table.find((&message_id, &digest));
    if known.count().get_result::<i64>(db)? == 0 {
        diesel::insert_into(deletions::table)
            .values((deletions::message_id.eq(&message_id), deletions::content_digest.eq(&digest), deletions::deleted_at.eq(now)))
            .execute(db)?;
    }
    search::forget(db, email)?;
    diesel::delete(emails::table.find(email)).execute(db)?;
    raws.into_iter().try_for_each(|raw| raw::drop_unused(db, raw))
}
