//! What a record or an e-mail is to the one who asks (ACCESS-2).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Result;
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};

use super::named::RecordName;
use super::noun::{self, FEW, in_lists, is_few};
use super::reached::has_reached;
use super::schema::{
    accounts, email_teams, email_users, emails, notes, notifications, outbox, record_teams, records, reviews, users,
};
use super::{Database, load};
use crate::decide::access::{Actor, Relation, Sight, sight};
use crate::words::{CaseStatus, Distribution, EmailId, NoteKind, OutboxState, OutgoingKind, RecordId, RecordKind, UserId};

/// A record is one's own when it is assigned to one, or one made it; a team's when it shares one.
pub fn of_record(db: &mut Database, actor: &Actor, record: RecordId) -> Result<Relation> {
    let Some(user) = actor.user else { return Ok(Relation::default()) };
    let assigned: Option<UserId> = records::table.find(record).select(records::assigned_user_id).first(db)?;
    let made = notes::table
        .filter(notes::record_id.eq(record))
        .filter(notes::kind.eq(NoteKind::Created))
        .filter(notes::author_id.eq(user));
    let own = assigned == Some(user) || made.count().get_result::<i64>(db)? > 0;
    let shared =
        record_teams::table.filter(record_teams::record_id.eq(record)).filter(record_teams::team_id.eq_any(&actor.teams));
    Ok(Relation { own, team: shared.count().get_result::<i64>(db)? > 0 })
}

/// Which records somebody sees.
pub(super) type Visible = Box<dyn BoxableExpression<records::table, <Database as Connection>::Backend, SqlType = Nullable<Bool>>>;

/// Which e-mails somebody sees.
pub(super) type VisibleEmails = Box<dyn BoxableExpression<emails::table, <Database as Connection>::Backend, SqlType = Bool>>;

/// Restricts a query to the records that somebody may see; the same rule as [`of_record`]. None when it is no record at all.
pub(super) fn visible(sight: &Sight) -> Option<Visible> {
    let own = |user: UserId| {
        let made =
            notes::table.filter(notes::kind.eq(NoteKind::Created)).filter(notes::author_id.eq(user)).select(notes::record_id);
        records::assigned_user_id.eq(user).or(records::id.eq_any(made).nullable())
    };
    // Asked of each record in its turn: a team may have hundreds of thousands, and a list shows a hundred.
    match sight {
        Sight::Everything | Sight::All(_) => Some(Box::new(records::id.is_not_null().nullable())),
        Sight::Teams(user, teams) => {
            let theirs = record_teams::table.filter(record_teams::record_id.eq(records::id));
            let theirs = exists(theirs.filter(record_teams::team_id.eq_any(teams.clone())));
            Some(Box::new(own(*user).or(theirs.nullable())))
        }
        Sight::Own(user) => Some(Box::new(own(*user))),
        Sight::Nothing => None,
    }
}

/// The records that somebody may see, where they are few: found by their numbers. Where they are many, a list is soon full of them.
pub(super) fn few(db: &mut Database, sight: &Sight) -> Result<Option<Vec<RecordId>>> {
    let (user, teams) = match sight {
        Sight::Everything | Sight::All(_) | Sight::Nothing => return Ok(None),
        Sight::Own(user) => (user, &[][..]),
        Sight::Teams(user, teams) => (user, &teams[..]),
    };
    let Some(mut found) = few_assigned(db, Some(*user))? else { return Ok(None) };
    let made = notes::table.filter(notes::kind.eq(NoteKind::Created)).filter(notes::author_id.eq(user)).limit(FEW + 1);
    found.extend(made.select(notes::record_id).load::<RecordId>(db)?);
    if is_few(&found) && !teams.is_empty() {
        let theirs = record_teams::table.filter(record_teams::team_id.eq_any(teams)).limit(FEW + 1);
        found.extend(theirs.select(record_teams::record_id).load::<RecordId>(db)?);
    }
    Ok(noun::few(found))
}

/// The records that a user has, where they are few; or the cases that nobody has, with the open ones of who is switched off.
pub(super) fn few_assigned(db: &mut Database, user: Option<UserId>) -> Result<Option<Vec<RecordId>>> {
    let mut of = records::table.select(records::id).limit(FEW + 1).into_boxed();
    of = match user {
        Some(user) => of.filter(records::assigned_user_id.eq(user)),
        None => of.filter(records::assigned_user_id.is_null()).filter(records::status.is_not_null()),
    };
    let mut found: Vec<RecordId> = of.load(db)?;
    if user.is_none() && is_few(&found) {
        let left = records::table.filter(records::assigned_user_id.eq_any(load::switched_off()));
        let left = left.filter(records::status.eq_any(CaseStatus::open())).limit(FEW + 1);
        found.extend(left.select(records::id).load::<RecordId>(db)?);
    }
    Ok(noun::few(found))
}

/// Restricts a query to the e-mails that somebody may see; the same rule as [`of_email`]. None when it is no e-mail at all.
pub(super) fn visible_emails(sight: &Sight) -> Option<VisibleEmails> {
    let own = |user: UserId| {
        exists(email_users::table.filter(email_users::email_id.eq(emails::id)).filter(email_users::user_id.eq(user)))
    };
    // Asked of each e-mail in its turn: a user may have hundreds of thousands, and a list shows a hundred.
    match sight {
        Sight::Everything => Some(Box::new(emails::id.is_not_null())),
        Sight::All(user) => Some(Box::new(not(is_unsent_by_others(*user)))),
        Sight::Teams(user, teams) => {
            let theirs = email_teams::table.filter(email_teams::email_id.eq(emails::id));
            let theirs = exists(theirs.filter(email_teams::team_id.eq_any(teams.clone())));
            Some(Box::new(own(*user).or(theirs).and(not(is_unsent_by_others(*user)))))
        }
        Sight::Own(user) => Some(Box::new(own(*user).and(not(is_unsent_by_others(*user))))),
        Sight::Nothing => None,
    }
}

/// Whether somebody else wrote an e-mail and nobody has it yet: until then it is theirs alone, whatever it belongs to (SEND-1); also where
/// they are gone, or were no user. What is answered by itself has no author, and is the desk's.
fn is_unsent_by_others(user: UserId) -> VisibleEmails {
    let is_written = outbox::kind.eq_any([OutgoingKind::Message, OutgoingKind::Reply, OutgoingKind::Forward]);
    let by_another = outbox::author_id.ne(user).or(outbox::author_id.is_null().and(is_written).nullable());
    let waits = outbox::table
        .filter(outbox::email_id.eq(emails::id))
        .filter(outbox::state.eq_any([OutboxState::Draft, OutboxState::Queued, OutboxState::Failed]))
        .filter(not(has_reached()))
        .filter(by_another);
    Box::new(emails::is_ours.and(exists(waits)))
}

/// Returns those of some records that somebody may read; in as many queries as there are kinds.
pub fn readable(db: &mut Database, actor: &Actor, named: impl IntoIterator<Item = RecordName>) -> Result<HashSet<RecordName>> {
    let mut readable = HashSet::new();
    let mut wanted: BTreeMap<RecordKind, BTreeSet<i64>> = BTreeMap::new();
    for RecordName { kind, number } in named {
        wanted.entry(kind).or_default().insert(number);
    }
    for (kind, numbers) in wanted {
        let numbers: Vec<i64> = numbers.into_iter().collect();
        let sight = sight(actor, kind.scope());
        let seen = in_lists(db, &numbers, |db, some| {
            let Some(visible) = visible(&sight) else { return Ok(Vec::new()) };
            let of_kind = records::table.filter(records::kind.eq(kind)).filter(records::number.eq_any(some)).filter(visible);
            Ok(of_kind.select(records::number).load::<i64>(db)?)
        })?;
        readable.extend(seen.into_iter().map(|number| RecordName { kind, number }));
    }
    Ok(readable)
}

/// An e-mail is one's own when it is in one's inbox; a team's when it shares one.
pub fn of_email(db: &mut Database, actor: &Actor, email: EmailId) -> Result<Relation> {
    let Some(user) = actor.user else { return Ok(Relation::default()) };
    let own = email_users::table.find((email, user)).count().get_result::<i64>(db)? > 0;
    let shared = email_teams::table.filter(email_teams::email_id.eq(email)).filter(email_teams::team_id.eq_any(&actor.teams));
    Ok(Relation { own, team: shared.count().get_result::<i64>(db)? > 0 })
}

/// The e-mails that reach nobody; the same rule as `decide::people::reaches_nobody`, of those that are there.
pub(super) fn reaches_nobody() -> VisibleEmails {
    let has_user = exists(email_users::table.filter(email_users::email_id.eq(emails::id)));
    // Somebody looks after its case: it is done, an active user has it, or it is one of those that people take themselves, as their
    // account gives none to anybody.
    let assigned = exists(users::table.filter(users::id.nullable().eq(records::assigned_user_id)).filter(users::active.eq(true)));
    let handed_out = accounts::table
        .filter(accounts::id.nullable().eq(records::through_account_id))
        .filter(accounts::distribution.ne(Distribution::None));
    let taken = records::assigned_user_id.is_null().and(not(exists(handed_out)));
    let in_hands = records::status.ne_all(CaseStatus::open()).or(assigned.nullable()).or(taken.nullable());
    let of_case = records::table.filter(records::id.nullable().eq(emails::parent_id)).filter(records::kind.eq(RecordKind::Case));
    let of_case = exists(of_case.filter(in_hands));
    // What a machine answers in a case is quiet (AUTO-3).
    let case = records::table.filter(records::id.nullable().eq(emails::parent_id)).filter(records::kind.eq(RecordKind::Case));
    let is_quiet = exists(case).and(emails::automatic.ne("[]"));
    let waits = exists(reviews::table.filter(reviews::email_id.eq(emails::id)).filter(reviews::decision.is_null()));
    let is_told = exists(notifications::table.filter(notifications::email_id.eq(emails::id.nullable())));
    // As the index has it: there are few of these.
    let is_marked = sql::<Bool>("(emails.maybe_nobodys AND NOT emails.is_archived AND NOT emails.is_ours)");
    let is_left = emails::is_ours.eq(false).and(emails::is_archived.eq(false)).and(emails::folder_id.is_null());
    Box::new(is_marked.and(is_left).and(not(has_user)).and(not(of_case)).and(not(is_quiet)).and(not(waits)).and(not(is_told)))
}
