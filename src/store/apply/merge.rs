//! Merging cases (THREAD-1, CASE-5): one is left, and everything that belonged to the other is found there.

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::{Asked, Belongings};
use crate::store::case::left_of;
use crate::store::schema::{emails, followers, notes, notifications, record_teams, records, reviews};
use crate::store::{Database, IN_LIST};
use crate::words::{CaseStatus, EmailId, NoteId, NoteKind, ParentBy, RecordId, TeamId, UserId};

/// One case going into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    pub from: RecordId,
    pub into: RecordId,
    /// Numbers for the note in the stream of `from` and for that of `into`: whoever asks has taken them.
    pub notes: [NoteId; 2],
    /// Who asked for it; none when mail did (THREAD-1).
    pub asked: Option<Asked>,
}

/// Merges one case into another, in the caller's transaction, under the lock row. E-mails, their notes, people's notes,
/// followers and teams go along; what the other lacks (Account, Contact, Lead) it takes over. The one merged away becomes
/// Duplicate and says where everything went (CASE-4); assignments and status changes stay in its stream.
pub fn merge(db: &mut Database, one: &Merge, now: i64) -> Result<()> {
    let (from, into) = (one.from, one.into);
    let number = |db: &mut Database, case: RecordId| records::table.find(case).select(records::number).first::<i64>(db);
    let names = (number(db, from)?, number(db, into)?);
    fill_gaps(db, from, into)?;
    move_emails(db, one)?;
    move_notes(db, from, into)?;
    let following: Vec<UserId> = followers::table.filter(followers::record_id.eq(into)).select(followers::user_id).load(db)?;
    diesel::update(followers::table.filter(followers::record_id.eq(from)).filter(followers::user_id.ne_all(following)))
        .set(followers::record_id.eq(into))
        .execute(db)?;
    diesel::delete(followers::table.filter(followers::record_id.eq(from))).execute(db)?;
    // The one merged away keeps its teams: whoever could read it still can.
    let there: Vec<TeamId> =
        record_teams::table.filter(record_teams::record_id.eq(into)).select(record_teams::team_id).load(db)?;
    let teams: Vec<TeamId> = record_teams::table
        .filter(record_teams::record_id.eq(from))
        .filter(record_teams::team_id.ne_all(there))
        .select(record_teams::team_id)
        .load(db)?;
    for team in teams {
        diesel::insert_into(record_teams::table)
            .values((record_teams::record_id.eq(into), record_teams::team_id.eq(team)))
            .execute(db)?;
    }
    diesel::update(reviews::table.filter(reviews::candidate_id.eq(from)).filter(reviews::decision.is_null()))
        .set(reviews::candidate_id.eq(into))
        .execute(db)?;
    diesel::update(notifications::table.filter(notifications::record_id.eq(from)))
        .set(notifications::record_id.eq(into))
        .execute(db)?;
    // Those that were merged into it before lead to the one that is left, in one step.
    diesel::update(records::table.filter(records::merged_into_id.eq(from))).set(records::merged_into_id.eq(into)).execute(db)?;
    diesel::update(records::table.find(from))
        .set((records::status.eq(CaseStatus::Duplicate), records::merged_into_id.eq(into), records::closed_at.eq(None::<i64>)))
        .execute(db)?;
    let [in_from, in_into] = one.notes;
    for (note, record, told) in [
        (in_from, from, format!("merged into case:{}", names.1)),
        (in_into, into, format!("case:{} was merged into it", names.0)),
    ] {
        diesel::insert_into(notes::table)
            .values((
                notes::id.eq(note),
                notes::record_id.eq(record),
                notes::kind.eq(NoteKind::Merged),
                notes::detail.eq(told),
                notes::author_id.eq(one.asked.and_then(|asked| asked.user)),
                notes::is_quiet.eq(false),
                notes::created_at.eq(now),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// What goes with a case beside its e-mails and what is told of them, in one that it is merged into.
pub fn belongings(db: &mut Database, case: RecordId) -> Result<Belongings> {
    let said = notes::table.filter(notes::record_id.eq(case)).filter(notes::kind.eq(NoteKind::Note));
    let told = notifications::table.filter(notifications::record_id.eq(case)).filter(notifications::email_id.is_null());
    let asked = reviews::table.filter(reviews::candidate_id.eq(case)).filter(reviews::decision.is_null());
    Ok(Belongings {
        notes: said.order(notes::id).select(notes::id).load(db)?,
        notifications: told.order(notifications::id).select(notifications::id).load(db)?,
        reviews: asked.order(reviews::id).select(reviews::id).load(db)?,
    })
}

/// What went along comes back to a case that was merged away, where it is still in the one that is left.
pub(super) fn give_back(db: &mut Database, case: RecordId, belongings: &Belongings) -> Result<()> {
    let Some(into) = left_of(db, case)? else { return Ok(()) };
    for some in belongings.notes.chunks(IN_LIST) {
        let there = notes::table.filter(notes::record_id.eq(into)).filter(notes::id.eq_any(some));
        diesel::update(there).set(notes::record_id.eq(case)).execute(db)?;
    }
    for some in belongings.notifications.chunks(IN_LIST) {
        let there = notifications::table.filter(notifications::record_id.eq(into)).filter(notifications::id.eq_any(some));
        diesel::update(there).set(notifications::record_id.eq(case)).execute(db)?;
    }
    for some in belongings.reviews.chunks(IN_LIST) {
        let there = reviews::table.filter(reviews::candidate_id.eq(into)).filter(reviews::id.eq_any(some));
        diesel::update(there.filter(reviews::decision.is_null())).set(reviews::candidate_id.eq(case)).execute(db)?;
    }
    Ok(())
}

fn move_emails(db: &mut Database, one: &Merge) -> Result<()> {
    let (from, into) = (one.from, one.into);
    let account: Option<RecordId> = records::table.find(into).select(records::account_id).first(db)?;
    let of = || emails::table.filter(emails::parent_id.eq(from));
    if let Some(account) = account {
        diesel::update(of()).set(emails::account_record_id.eq(account)).execute(db)?;
    }
    if one.asked.is_some() {
        // They are where a person wants them (LINK-7).
        diesel::update(of()).set(emails::parent_by.eq(ParentBy::Hand)).execute(db)?;
    }
    diesel::update(of()).set(emails::parent_id.eq(into)).execute(db)?;
    Ok(())
}

/// Moves what is told of e-mails and what people said; a note that is in both streams is left once (NOTE-1).
fn move_notes(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
    for kind in [NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce, NoteKind::Note] {
        let of = |record: RecordId| notes::table.filter(notes::record_id.eq(record)).filter(notes::kind.eq(kind));
        let told = notes::table
            .filter(notes::record_id.eq(into))
            .filter(notes::kind.eq(kind))
            .filter(notes::email_id.is_not_null())
            .select(notes::email_id)
            .load::<Option<EmailId>>(db)?;
        for some in told.chunks(IN_LIST) {
            diesel::delete(of(from).filter(notes::email_id.eq_any(some))).execute(db)?;
        }
        diesel::update(of(from)).set(notes::record_id.eq(into)).execute(db)?;
    }
    Ok(())
}

/// Gives the case that is left the people it had none of.
fn fill_gaps(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
    type People = (Option<RecordId>, Option<RecordId>, Option<RecordId>);
    let people = (records::account_id, records::contact_id, records::lead_id);
    let (account, contact, lead): People = records::table.find(into).select(people).first(db)?;
    let other: People = records::table.find(from).select(people).first(db)?;
    diesel::update(records::table.find(into))
        .set((
            records::account_id.eq(account.or(other.0)),
            records::contact_id.eq(contact.or(other.1)),
            records::lead_id.eq(lead.or(other.2)),
        ))
        .execute(db)?;
    Ok(())
}
