//! What a record or an e-mail is to the one who asks (ACCESS-2).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Result;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};

use super::Database;
use super::named::RecordName;
use super::noun::in_lists;
use super::schema::{email_teams, email_users, emails, notes, notifications, record_teams, records, reviews};
use crate::decide::access::{Actor, Relation, Sight, sight};
use crate::words::{EmailId, NoteKind, RecordId, RecordKind, UserId};

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
    match sight {
        Sight::Everything => Some(Box::new(records::id.is_not_null().nullable())),
        Sight::Teams(user, teams) => {
            let theirs = record_teams::table.filter(record_teams::team_id.eq_any(teams.clone())).select(record_teams::record_id);
            Some(Box::new(own(*user).or(records::id.eq_any(theirs).nullable())))
        }
        Sight::Own(user) => Some(Box::new(own(*user))),
        Sight::Nothing => None,
    }
}

/// Restricts a query to the e-mails that somebody may see; the same rule as [`of_email`]. None when it is no e-mail at all.
pub(super) fn visible_emails(sight: &Sight) -> Option<VisibleEmails> {
    let own = |user: UserId| email_users::table.filter(email_users::user_id.eq(user)).select(email_users::email_id);
    match sight {
        Sight::Everything => Some(Box::new(emails::id.is_not_null())),
        Sight::Teams(user, teams) => {
            let theirs = email_teams::table.filter(email_teams::team_id.eq_any(teams.clone())).select(email_teams::email_id);
            Some(Box::new(emails::id.eq_any(own(*user)).or(emails::id.eq_any(theirs))))
        }
        Sight::Own(user) => Some(Box::new(emails::id.eq_any(own(*user)))),
        Sight::Nothing => None,
    }
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
    let of_case = records::table.filter(records::id.nullable().eq(emails::parent_id)).filter(records::kind.eq(RecordKind::Case));
    let waits = exists(reviews::table.filter(reviews::email_id.eq(emails::id)).filter(reviews::decision.is_null()));
    let is_told = exists(notifications::table.filter(notifications::email_id.eq(emails::id.nullable())));
    let is_left = emails::is_ours.eq(false).and(emails::is_archived.eq(false)).and(emails::folder_id.is_null());
    Box::new(is_left.and(not(has_user)).and(not(exists(of_case))).and(not(waits)).and(not(is_told)))
}
