//! Notes of streams that follow their e-mails.

use std::collections::HashSet;

use anyhow::Result;
use diesel::dsl::not;
use diesel::prelude::*;

use super::Database;
use super::reached::has_reached;
use super::schema::{emails, notes, outbox};
use crate::words::{EmailId, NoteId, NoteKind, RecordId};

/// What streams tell of an e-mail that comes to a record or leaves it.
pub(super) const OF_EMAILS: [NoteKind; 3] = [NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce];

/// Of some e-mails the letters of ours that have reached nobody yet, or whose stream is about to tell of it: that is said once it is so
/// (SEND-8).
pub(super) fn unsent_among(db: &mut Database, those: &[EmailId]) -> Result<HashSet<EmailId>> {
    let waits = not(has_reached()).or(outbox::reached_at.is_not_null());
    let unsent = outbox::table.filter(outbox::email_id.eq_any(those)).filter(waits);
    Ok(unsent.select(outbox::email_id).load(db)?.into_iter().collect())
}

/// NOTE-1: moves what the streams of other records tell of an e-mail to the record it belongs to now, and tells of it where
/// none did. Without a record nothing tells of it any more. The note stands at the time the e-mail came.
pub(super) fn follow_email(
    db: &mut Database,
    email: EmailId,
    record: Option<RecordId>,
    next_note: &mut i64,
    now: i64,
) -> Result<()> {
    let kinds = OF_EMAILS;
    let told = || notes::table.filter(notes::email_id.eq(email)).filter(notes::kind.eq_any(kinds));
    let Some(record) = record else {
        diesel::delete(told()).execute(db)?;
        return Ok(());
    };
    for kind in kinds {
        let of_kind = || told().filter(notes::kind.eq(kind));
        if of_kind().filter(notes::record_id.eq(record)).count().get_result::<i64>(db)? == 0 {
            // Several records may have told of it: the first note is the one that is left.
            let first: Option<NoteId> = of_kind().order(notes::id).select(notes::id).first(db).optional()?;
            if let Some(first) = first {
                diesel::update(notes::table.find(first)).set(notes::record_id.eq(record)).execute(db)?;
            }
        }
        diesel::delete(of_kind().filter(notes::record_id.ne(record))).execute(db)?;
    }
    if told().count().get_result::<i64>(db)? == 0 {
        let (is_ours, arrived_at): (bool, i64) =
            emails::table.find(email).select((emails::is_ours, emails::arrived_at)).first(db)?;
        if is_ours && !unsent_among(db, &[email])?.is_empty() {
            return Ok(());
        }
        let kind = if is_ours { NoteKind::EmailSent } else { NoteKind::EmailReceived };
        diesel::insert_into(notes::table)
            .values((
                notes::id.eq(*next_note),
                notes::record_id.eq(record),
                notes::kind.eq(kind),
                notes::email_id.eq(email),
                notes::detail.eq(""),
                notes::is_quiet.eq(false),
                notes::created_at.eq(arrived_at.min(now)),
            ))
            .execute(db)?;
        *next_note += 1;
    }
    Ok(())
}
