//! What hangs on somebody who is to be erased: their cases, and whatever tells of their mail, cases and records.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::belongings::Belongings;
use super::erase::{Kin, Mentioned, cases_of, erase_cases, opened_by};
use super::named::names_of;
use super::schema::{notes, records};
use super::{Database, IN_LIST};
use crate::words::{CaseStatus, EmailId, NoteKind, RecordId};

/// Returns all that is theirs, or that they take part in.
pub fn kin(db: &mut Database, mentioned: &Mentioned, of: &Belongings) -> Result<Kin> {
    let emails: Vec<EmailId> = mentioned.whole.iter().chain(&mentioned.with).copied().collect();
    let mut cases: Vec<RecordId> = opened_by(db, &mentioned.whole)?.into_iter().chain(of.cases.iter().copied()).collect();
    cases.extend(cases_of(db, &emails)?);
    cases.extend(of.records.iter().map(|(id, _)| *id));
    let mut kin: Kin = emails.iter().map(|id| format!("email:{id}")).collect();
    kin.extend(cases.iter().map(|id| format!("record:{id}")));
    kin.extend(names_of(db, cases.into_iter().map(Some))?.values().map(ToString::to_string));
    Ok(kin)
}

/// Returns the cases that are theirs: those that their mail opened, and those that were made for them without mail. One that only got them as
/// contact, as another case was merged into it, stays.
pub fn cases(db: &mut Database, mentioned: &Mentioned, of: &Belongings) -> Result<Vec<RecordId>> {
    let mut cases = opened_by(db, &mentioned.whole)?;
    cases.extend(made_for(db, of)?);
    cases.sort_unstable();
    cases.dedup();
    Ok(cases)
}

/// How many of some cases are open.
pub fn open_among(db: &mut Database, those: &[RecordId]) -> Result<usize> {
    let mut open = 0;
    for some in those.chunks(IN_LIST) {
        let of = records::table.filter(records::id.eq_any(some)).filter(records::status.eq_any(CaseStatus::open()));
        open += usize::try_from(of.count().get_result::<i64>(db)?)?;
    }
    Ok(open)
}

/// Those of their cases that no mail opened.
fn made_for(db: &mut Database, of: &Belongings) -> Result<Vec<RecordId>> {
    let mut made = Vec::new();
    for some in of.cases.chunks(IN_LIST) {
        let opened = notes::table.filter(notes::kind.eq(NoteKind::Created)).filter(notes::email_id.is_not_null());
        let opened = opened.filter(notes::record_id.eq_any(some)).select(notes::record_id);
        let opened: HashSet<RecordId> = opened.load(db)?.into_iter().collect();
        made.extend(some.iter().filter(|id| !opened.contains(id)));
    }
    Ok(made)
}

/// Erases the cases that were made for them without mail.
pub fn erase_made(db: &mut Database, of: &Belongings) -> Result<()> {
    let made = made_for(db, of)?;
    erase_cases(db, &made)
}
