//! Merging cases (THREAD-1, CASE-5) and other records (RECORD-1): one is left, and everything that belonged to the other is found there.

use anyhow::Result;
use diesel::prelude::*;

use super::says::{set_addresses, set_phones};
use crate::decide::{Asked, Belongings};
use crate::store::case::left_of;
use crate::store::named::names_of;
use crate::store::record::values_of;
use crate::store::schema::{
    emails, followers, notes, notifications, record_addresses, record_fields, record_links, record_phones, record_teams, records,
    reviews,
};
use crate::store::texts::Description;
use crate::store::{Database, IN_LIST};
use crate::words::{CaseStatus, EmailId, NoteId, NoteKind, ParentBy, RecordId, RecordKind, TeamId, UserId};

/// One record going into another.
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
    fill_gaps(db, from, into)?;
    move_emails(db, one)?;
    move_notes(db, from, into, &[NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce, NoteKind::Note])?;
    move_people(db, from, into)?;
    // Those that were merged into it before lead to the one that is left, in one step.
    diesel::update(records::table.filter(records::merged_into_id.eq(from))).set(records::merged_into_id.eq(into)).execute(db)?;
    diesel::update(records::table.find(from))
        .set((records::status.eq(CaseStatus::Duplicate), records::merged_into_id.eq(into), records::closed_at.eq(None::<i64>)))
        .execute(db)?;
    tell(db, one, now)
}

/// Says in both streams what became of the one.
fn tell(db: &mut Database, one: &Merge, now: i64) -> Result<()> {
    let names = names_of(db, [Some(one.from), Some(one.into)])?;
    let name = |record: RecordId| names.get(&record).map(ToString::to_string).unwrap_or_default();
    let [in_from, in_into] = one.notes;
    for (note, record, told) in [
        (in_from, one.from, format!("merged into {}", name(one.into))),
        (in_into, one.into, format!("{} was merged into it", name(one.from))),
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

/// Followers, teams, and what is told or asked of a record come to the one that is left.
fn move_people(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
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
    Ok(())
}

/// Merges one record into another of its kind, which is no case. Everything that belonged to it or referred to it is found at the one
/// that is left, which says what it did not say before; the one merged away keeps what it says of itself but its addresses and phone
/// numbers, is active no longer, and says where everything went.
pub(super) fn merge_records(db: &mut Database, one: &Merge, now: i64) -> Result<()> {
    let (from, into) = (one.from, one.into);
    // It gets the mail of both addresses where one of them got any (LINK-4). An Opportunity has no address: its own stage says it.
    let is_any_active = records::table
        .filter(records::id.eq_any([from, into]))
        .filter(records::active.eq(true))
        .filter(records::kind.ne(RecordKind::Opportunity).or(records::id.eq(into)));
    let is_any_active = is_any_active.count().get_result::<i64>(db)? > 0;
    diesel::update(records::table.find(into)).set(records::active.eq(is_any_active)).execute(db)?;
    fill_gaps(db, from, into)?;
    move_what_it_says(db, from, into)?;
    move_references(db, from, into)?;
    let account: Option<RecordId> = match records::table.find(into).select((records::kind, records::account_id)).first(db)? {
        (RecordKind::Account, _) => Some(into),
        (_, account) => account,
    };
    move_notes(db, from, into, &[NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce, NoteKind::Note])?;
    let moved = emails::table.filter(emails::parent_id.eq(from));
    diesel::update(moved).set((emails::parent_id.eq(into), emails::account_record_id.eq(account))).execute(db)?;
    move_people(db, from, into)?;
    diesel::update(records::table.filter(records::merged_into_id.eq(from))).set(records::merged_into_id.eq(into)).execute(db)?;
    let ended = records::table.find(from);
    diesel::update(ended).set((records::active.eq(false), records::merged_into_id.eq(into))).execute(db)?;
    tell(db, one, now)
}

/// Addresses and phone numbers come behind those that are there, what the other does not say is taken over.
fn move_what_it_says(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
    let addresses = |db: &mut Database, record: RecordId| -> Result<Vec<String>> {
        let of = record_addresses::table.filter(record_addresses::record_id.eq(record)).order(record_addresses::place);
        Ok(of.select(record_addresses::address).load(db)?)
    };
    let phones = |db: &mut Database, record: RecordId| -> Result<Vec<String>> {
        let of = record_phones::table.filter(record_phones::record_id.eq(record)).order(record_phones::place);
        Ok(of.select(record_phones::phone).load(db)?)
    };
    let all = [addresses(db, into)?, addresses(db, from)?].concat();
    set_addresses(db, from, &[])?;
    set_addresses(db, into, &all)?;
    let all = [phones(db, into)?, phones(db, from)?].concat();
    set_phones(db, from, &[])?;
    set_phones(db, into, &all)?;
    let mut values = values_of(db, &[from, into])?;
    let there = values.remove(&into).unwrap_or_default();
    for (name, value) in values.remove(&from).unwrap_or_default().into_iter().filter(|(name, _)| !there.contains_key(name)) {
        let row = (record_fields::record_id.eq(into), record_fields::name.eq(name), record_fields::value.eq(value));
        diesel::insert_into(record_fields::table).values(row).execute(db)?;
    }
    type Own = (Description, Option<RecordId>, Option<RecordId>, Option<UserId>);
    let own = (Description::as_select(), records::converted_account_id, records::converted_contact_id, records::assigned_user_id);
    let (description, account, contact, user): Own = records::table.find(into).select(own).first(db)?;
    let other: Own = records::table.find(from).select(own).first(db)?;
    let says_something = !description.clone().read_if_whole()?.trim().is_empty();
    diesel::update(records::table.find(into))
        .set((
            if says_something { description } else { other.0 },
            records::converted_account_id.eq(account.or(other.1)),
            records::converted_contact_id.eq(contact.or(other.2)),
            records::assigned_user_id.eq(user.or(other.3)),
        ))
        .execute(db)?;
    Ok(())
}

/// What referred to one record refers to the other, once.
fn move_references(db: &mut Database, from: RecordId, into: RecordId) -> Result<()> {
    macro_rules! refer {
        ($($column:ident),+) => { $(
            diesel::update(records::table.filter(records::$column.eq(from))).set(records::$column.eq(into)).execute(db)?;
        )+ };
    }
    refer!(account_id, contact_id, lead_id, converted_account_id, converted_contact_id);
    diesel::update(emails::table.filter(emails::account_record_id.eq(from)))
        .set(emails::account_record_id.eq(into))
        .execute(db)?;
    let there: Vec<RecordId> =
        record_links::table.filter(record_links::other_id.eq(into)).select(record_links::record_id).load(db)?;
    let moved = record_links::table.filter(record_links::other_id.eq(from)).filter(record_links::record_id.ne_all(there));
    diesel::update(moved).set(record_links::other_id.eq(into)).execute(db)?;
    diesel::delete(record_links::table.filter(record_links::other_id.eq(from))).execute(db)?;
    let own: Vec<RecordId> =
        record_links::table.filter(record_links::record_id.eq(into)).select(record_links::other_id).load(db)?;
    let further = record_links::table.filter(record_links::record_id.eq(from)).filter(record_links::other_id.ne_all(own));
    diesel::update(further).set(record_links::record_id.eq(into)).execute(db)?;
    // What stands in a record itself, as the first, is none of the further ones; and nothing is its own Account.
    let first = records::table.filter(records::account_id.eq(into).or(records::contact_id.eq(into))).select(records::id);
    let twice = record_links::table.filter(record_links::other_id.eq(into)).filter(record_links::record_id.eq_any(first));
    diesel::delete(twice).execute(db)?;
    let own: (Option<RecordId>, Option<RecordId>) =
        records::table.find(into).select((records::account_id, records::contact_id)).first(db)?;
    let first: Vec<RecordId> = [own.0, own.1].into_iter().flatten().collect();
    let twice = record_links::table.filter(record_links::record_id.eq(into)).filter(record_links::other_id.eq_any(first));
    diesel::delete(twice).execute(db)?;
    let itself = records::table.find(into).filter(records::account_id.eq(into));
    diesel::update(itself).set(records::account_id.eq(None::<RecordId>)).execute(db)?;
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
pub(super) fn move_notes(db: &mut Database, from: RecordId, into: RecordId, kinds: &[NoteKind]) -> Result<()> {
    for kind in kinds {
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

/// Gives the record that is left the people it had none of.
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
