//! Teams and their members.

use std::collections::HashMap;

use anyhow::Result;
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::noun::{find, free, gathered, in_lists, linked, not_found, number, once, taken};
use super::schema::{accounts, record_teams, records, roles, team_members, team_roles, teams, users};
use super::{Database, access, naming, user};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::plural::doing;
use crate::words::{CaseStatus, RecordKind, TeamId, UserId};

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Team {
    pub id: TeamId,
    pub name: String,
    pub members: Vec<TeamMember>,
    pub roles: Vec<String>,
}

/// A member of a team.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable)]
pub struct TeamMember {
    pub login: String,
    pub position: Option<String>,
    pub active: bool,
}

/// Adds a team.
pub fn add(db: &mut Database, permit: &Permit<'_>, name: &str, now: i64) -> Result<TeamId> {
    free!(db, "team", teams.name, name);
    let id = TeamId(number(db, "team")?);
    diesel::insert_into(teams::table).values((teams::id.eq(id), teams::name.eq(name))).execute(db)?;
    access::record(db, permit, "team add", &format!("team:{name}"), "", now)?;
    Ok(id)
}

/// Finds a team by name or number.
pub fn find(db: &mut Database, wanted: &str) -> Result<TeamId> {
    find!(db, "team", teams.name, wanted)
}

/// Returns every team's name by number.
pub fn names(db: &mut Database) -> Result<HashMap<TeamId, String>> {
    Ok(teams::table.select((teams::id, teams::name)).load(db)?.into_iter().collect())
}

/// Finds teams by name or number; one that is named twice counts once.
pub fn find_all(db: &mut Database, wanted: &[String]) -> Result<Vec<TeamId>> {
    Ok(once(wanted.iter().map(|name| find(db, name)).collect::<Result<_>>()?))
}

/// Lists all teams by name.
pub fn list(db: &mut Database) -> Result<Vec<Team>> {
    let ids: Vec<TeamId> = teams::table.order(teams::name).select(teams::id).load(db)?;
    in_lists(db, &ids, load)
}

/// Shows one team.
pub fn show(db: &mut Database, id: TeamId) -> Result<Team> {
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

/// Reads teams by name, in as many queries as for one.
fn load(db: &mut Database, ids: &[TeamId]) -> Result<Vec<Team>> {
    let members = team_members::table
        .inner_join(users::table.on(users::id.eq(team_members::user_id)))
        .filter(team_members::team_id.eq_any(ids))
        .order(users::login)
        .select((team_members::team_id, (users::login, team_members::position, users::active)))
        .load::<(TeamId, TeamMember)>(db)?;
    let mut held = linked!(db, team_roles.team_id: TeamId, role_id of roles.name, ids);
    let mut members = gathered(members);
    let teams = teams::table.filter(teams::id.eq_any(ids)).order(teams::name).load::<(TeamId, String)>(db)?;
    let team = |(id, name)| Team {
        members: members.remove(&id).unwrap_or_default(),
        roles: held.remove(&id).unwrap_or_default(),
        id,
        name,
    };
    Ok(teams.into_iter().map(team).collect())
}

/// Gives a team another name; says whether it is one.
pub fn rename(db: &mut Database, permit: &Permit<'_>, id: TeamId, name: &str, now: i64) -> Result<bool> {
    let before = self::name(db, id)?;
    if before == name {
        return Ok(false);
    }
    free!(db, "team", teams.name, name, but id);
    diesel::update(teams::table.find(id)).set(teams::name.eq(name)).execute(db)?;
    access::record(db, permit, "team set", &format!("team:{before}"), &format!("name: {before} -> {name}"), now)?;
    Ok(true)
}

/// Removes a team; its members, records and e-mails stay. Not one that an account, a filter or a group folder
/// gives mail to, nor one that alone has open cases which nobody has: they would be nobody's. Returns what the audit calls it, and the users
/// whose default team it was.
pub fn remove(db: &mut Database, _permit: &Permit<'_>, id: TeamId) -> Result<(String, Vec<String>)> {
    let name = name(db, id)?;
    let handing = accounts::table.filter(accounts::case_team_id.eq(id)).filter(accounts::make_cases.eq(true));
    if let Some(account) = handing.order(accounts::name).select(accounts::name).first::<String>(db).optional()? {
        return Err(Fault::new(Class::Data, format!("the account {account} hands its cases to team {name}"))
            .hint(format!("try first: espomail account set {account} --case-team ANOTHER"))
            .into());
    }
    if let Some((naming, remedy)) = naming::of_team(db, id)? {
        return Err(Fault::new(Class::Data, format!("mail goes to team {name} by {naming}"))
            .hint(format!("change that first: {remedy}"))
            .into());
    }
    let left = left_to_nobody(db, id)?;
    if left > 0 {
        let what = doing(left, "open case", "that nobody has is of", "that nobody has are of");
        return Err(Fault::new(Class::Data, format!("{what} team {name} alone"))
            .hint(format!(
                "try first: espomail case list --team {name} --unassigned; then: espomail case set CASE --team ANOTHER"
            ))
            .into());
    }
    let without = users::table.filter(users::default_team_id.eq(id)).order(users::login).select(users::login).load(db)?;
    diesel::delete(teams::table.find(id)).execute(db)?;
    Ok((format!("team:{name}"), without))
}

/// How many open cases that nobody has are of this team and of no other.
fn left_to_nobody(db: &mut Database, id: TeamId) -> Result<i64> {
    let others = diesel::alias!(record_teams as others);
    let of_others = others.filter(others.field(record_teams::record_id).eq(records::id));
    let of_others = of_others.filter(others.field(record_teams::team_id).ne(id));
    let of = records::table.inner_join(record_teams::table.on(record_teams::record_id.eq(records::id)));
    let of = of.filter(record_teams::team_id.eq(id)).filter(records::kind.eq(RecordKind::Case));
    let of = of.filter(records::status.eq_any(CaseStatus::open())).filter(records::assigned_user_id.is_null());
    Ok(of.filter(not(exists(of_others))).count().get_result(db)?)
}

/// Makes a user a member, or gives a member another position; says whether anything is otherwise now.
pub fn join(
    db: &mut Database,
    permit: &Permit<'_>,
    team: TeamId,
    user: UserId,
    position: Option<&str>,
    now: i64,
) -> Result<bool> {
    let before = team_members::table.find((team, user)).select(team_members::position).first::<Option<String>>(db).optional()?;
    let position = position.or(before.as_ref().and_then(|before| before.as_deref()));
    if before.as_ref().is_some_and(|before| before.as_deref() == position) {
        return Ok(false);
    }
    diesel::delete(team_members::table.find((team, user))).execute(db)?;
    diesel::insert_into(team_members::table)
        .values((team_members::team_id.eq(team), team_members::user_id.eq(user), team_members::position.eq(position)))
        .execute(db)?;
    let (subject, login) = (subject(db, team)?, user::login(db, user)?);
    let who = position.map_or_else(|| login.clone(), |position| format!("{login} ({position})"));
    access::record(db, permit, "team join", &subject, &who, now)?;
    Ok(true)
}

/// Ends a membership; returns what the audit says of it, where there was one.
pub fn leave(db: &mut Database, _permit: &Permit<'_>, team: TeamId, user: UserId) -> Result<Option<(String, String)>> {
    let left = diesel::delete(team_members::table.find((team, user))).execute(db)? > 0;
    Ok(if left { Some((subject(db, team)?, user::login(db, user)?)) } else { None })
}

/// What the audit calls a team.
pub(super) fn subject(db: &mut Database, id: TeamId) -> Result<String> {
    Ok(format!("team:{}", name(db, id)?))
}

/// Returns a team's name.
pub fn name(db: &mut Database, id: TeamId) -> Result<String> {
    Ok(teams::table.find(id).select(teams::name).first(db)?)
}
