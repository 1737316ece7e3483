//! What a record or an e-mail is to the one who asks (ACCESS-2).

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::schema::{email_teams, email_users, notes, record_teams, records};
use crate::decide::access::{Actor, Relation};
use crate::words::{EmailId, NoteKind, RecordId};

/// A record is one's own when it is assigned to one, or one made it; a team's when it shares one.
pub fn of_record(db: &mut Database, actor: &Actor, record: RecordId) -> Result<Relation> {
    let Some(user) = actor.user else { return Ok(Relation::default()) };
    let assigned: Option<i64> = records::table.find(record.0).select(records::assigned_user_id).first(db)?;
    let made = notes::table
        .filter(notes::record_id.eq(record.0))
        .filter(notes::kind.eq(NoteKind::Created.as_str()))
        .filter(notes::author_id.eq(user.0));
    let own = assigned == Some(user.0) || made.count().get_result::<i64>(db)? > 0;
    let teams: Vec<i64> = actor.teams.iter().map(|team| team.0).collect();
    let shared = record_teams::table.filter(record_teams::record_id.eq(record.0)).filter(record_teams::team_id.eq_any(teams));
    Ok(Relation { own, team: shared.count().get_result::<i64>(db)? > 0 })
}

/// An e-mail is one's own when it is in one's inbox; a team's when it shares one.
pub fn of_email(db: &mut Database, actor: &Actor, email: EmailId) -> Result<Relation> {
    let Some(user) = actor.user else { return Ok(Relation::default()) };
    let own = email_users::table.find((email.0, user.0)).count().get_result::<i64>(db)? > 0;
    let teams: Vec<i64> = actor.teams.iter().map(|team| team.0).collect();
    let shared = email_teams::table.filter(email_teams::email_id.eq(email.0)).filter(email_teams::team_id.eq_any(teams));
    Ok(Relation { own, team: shared.count().get_result::<i64>(db)? > 0 })
}
