//! Two cases become one: the e-mails of the one, their notes, its followers and its teams are the other's from then on.

use anyhow::Result;
use diesel::prelude::*;

use crate::fault::{Class, Fault};
use crate::store::schema::{emails, followers, notes, record_teams, records, reviews};
use crate::store::{Database, lock, reserve};
use crate::words::{CaseStatus, NoteKind, RecordId, RecordKind, UserId};

/// The case that ends, the case that goes on, and what their streams say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    pub from: RecordId,
    pub into: RecordId,
    /// The numbers of the two notes, the first for the case that ends.
    pub notes: [i64; 2],
    /// Who asked for it; nobody when mail did (THREAD-1).
    pub author: Option<UserId>,
}

/// Merges one case into another by hand.
pub fn merge(db: &mut Database, from: RecordId, into: RecordId, author: Option<UserId>, now: i64) -> Result<()> {
    lock(db)?;
    let first = reserve(db, "note", 2)?;
    merge_numbered(db, &Merge { from, into, notes: [first, first + 1], author }, now)
}

/// The same with numbers that were reserved before. What was merged into the one that ends follows it, so that a merged
/// case always names the one that is left.
pub fn merge_numbered(db: &mut Database, merge: &Merge, now: i64) -> Result<()> {
    let Merge { from, into, notes: numbers, author } = *merge;
    let of = |db: &mut Database, id: RecordId| {
        let case = records::table.find(id.0).filter(records::kind.eq(RecordKind::Case.as_str()));
        case.select((records::number, records::merged_into_id, records::account_id)).first::<(i64, Option<i64>, Option<i64>)>(db)
    };
    let (from_number, from_merged, _) = of(db, from)?;
    let (into_number, into_merged, account) = of(db, into)?;
    let refused = |what: String| Fault::new(Class::Data, what).hint(format!("try: espomail case show {into_number}"));
    if from == into {
        return Err(refused(format!("case:{from_number} cannot be merged into itself")).into());
    }
    for (number, merged) in [(from_number, from_merged), (into_number, into_merged)] {
        if merged.is_some() {
            return Err(refused(format!("case:{number} was merged into another before")).into());
        }
    }
    move_notes(db, from, into)?;
    diesel::update(emails::table.filter(emails::parent_id.eq(from.0)))
        .set((emails::parent_id.eq(into.0), emails::account_record_id.eq(account)))
        .execute(db)?;
    diesel::update(reviews::table.filter(reviews::candidate_id.eq(from.0))).set(reviews::candidate_id.eq(into.0)).execute(db)?;
    move_people(db, from, into)?;
    diesel::update(records::table.filter(records::merged_into_id.eq(from.0)))
        .set(records::merged_into_id.eq(into.0))
        .execute(db)?;
    diesel::update(records::table.find(from.0))
        .set((records::status.eq(CaseStatus::Duplicate.as_str()), records::merged_into_id.eq(into.0)))
        .execute(db)?;
    let told =
        [(from, format!("merged into case:{into_number}")), (into, format!("case:{from_number} was merged into this one"))];
    for (id, (case, detail)) in numbers.into_iter().zip(told) {
        diesel::insert_into(notes::table)
            .values((
                notes::id.eq(id),
                notes::record_id.eq(case.0),
                notes::kind.eq(NoteKind::Merged.as_str()),
                notes::detail.eq(detail),
                notes::author_id.eq(author.map(|user| user.0)),
                notes::is_quiet.eq(false),
                notes::created_at.eq(now),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// Moves the notes of e-mails that came or went; both cases may have one of the same e-mail, which then is the other's.
fn move_notes(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
    let kinds = [NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce].map(NoteKind::as_str);
    let there = notes::table
        .filter(notes::record_id.eq(into.0))
        .filter(notes::email_id.is_not_null())
        .filter(notes::kind.eq_any(kinds))
        .select(notes::email_id.assume_not_null())
        .load::<i64>(db)?;
    for some in there.chunks(crate::store::IN_LIST) {
        let doubled = notes::table.filter(notes::record_id.eq(from.0)).filter(notes::kind.eq_any(kinds));
        diesel::delete(doubled.filter(notes::email_id.eq_any(some.iter().copied().map(Some)))).execute(db)?;
    }
    diesel::update(notes::table.filter(notes::record_id.eq(from.0)).filter(notes::kind.eq_any(kinds)))
        .set(notes::record_id.eq(into.0))
        .execute(db)?;
    Ok(())
}

/// Followers move; teams are added, and those of the case that ended may still read what became of it.
fn move_people(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
    let there = followers::table.filter(followers::record_id.eq(into.0)).select(followers::user_id).load::<i64>(db)?;
    diesel::delete(followers::table.filter(followers::record_id.eq(from.0)).filter(followers::user_id.eq_any(there)))
        .execute(db)?;
    diesel::update(followers::table.filter(followers::record_id.eq(from.0))).set(followers::record_id.eq(into.0)).execute(db)?;
    let there = record_teams::table.filter(record_teams::record_id.eq(into.0)).select(record_teams::team_id).load::<i64>(db)?;
    let missing = record_teams::table
        .filter(record_teams::record_id.eq(from.0))
        .filter(record_teams::team_id.ne_all(there))
        .select(record_teams::team_id)
        .load::<i64>(db)?;
    for team in missing {
        diesel::insert_into(record_teams::table)
            .values((record_teams::record_id.eq(into.0), record_teams::team_id.eq(team)))
            .execute(db)?;
    }
    Ok(())
}
