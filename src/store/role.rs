//! Roles: what users and teams may do.

use anyhow::Result;
use diesel::prelude::*;

use super::noun::{find, free, gathered, in_lists, linked, not_found, number, taken};
use super::schema::{role_rights, roles, team_roles, teams, user_roles, users};
use super::{Database, access, team, user};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::words::{RoleAction, RoleLevel, RoleScope, TeamId, UserId};

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Role {
    pub id: i64,
    pub name: String,
    pub rights: Vec<Right>,
    pub users: Vec<String>,
    pub teams: Vec<String>,
}

/// One right of a role.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable)]
pub struct Right {
    pub scope: RoleScope,
    pub action: RoleAction,
    pub level: RoleLevel,
}

/// Who has a role.
#[derive(Debug, Clone, Copy)]
pub enum Holder {
    User(UserId),
    Team(TeamId),
}

/// Adds a role without rights.
pub fn add(db: &mut Database, permit: &Permit<'_>, name: &str, now: i64) -> Result<i64> {
    free!(db, "role", roles.name, name);
    let id = number(db, "role")?;
    diesel::insert_into(roles::table).values((roles::id.eq(id), roles::name.eq(name))).execute(db)?;
    access::record(db, permit, "role add", &format!("role:{name}"), "", now)?;
    Ok(id)
}

/// Finds a role by name or number.
pub fn find(db: &mut Database, wanted: &str) -> Result<i64> {
    find!(db, "role", roles.name, wanted)
}

/// Lists all roles by name.
pub fn list(db: &mut Database) -> Result<Vec<Role>> {
    let ids = roles::table.order(roles::name).select(roles::id).load::<i64>(db)?;
    in_lists(db, &ids, load)
}

/// Shows one role.
pub fn show(db: &mut Database, id: i64) -> Result<Role> {
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

/// Reads roles by name, in as many queries as for one.
fn load(db: &mut Database, ids: &[i64]) -> Result<Vec<Role>> {
    let rights = role_rights::table
        .filter(role_rights::role_id.eq_any(ids))
        .order((role_rights::scope, role_rights::action))
        .select((role_rights::role_id, (role_rights::scope, role_rights::action, role_rights::level)))
        .load::<(i64, Right)>(db)?;
    let mut users = linked!(db, user_roles.role_id: i64, user_id of users.login, ids);
    let mut teams = linked!(db, team_roles.role_id: i64, team_id of teams.name, ids);
    let mut rights = gathered(rights);
    let roles = roles::table.filter(roles::id.eq_any(ids)).order(roles::name).load::<(i64, String)>(db)?;
    let role = |(id, name)| Role {
        rights: rights.remove(&id).unwrap_or_default(),
        users: users.remove(&id).unwrap_or_default(),
        teams: teams.remove(&id).unwrap_or_default(),
        id,
        name,
    };
    Ok(roles.into_iter().map(role).collect())
}

/// Removes a role that nobody has any more.
pub fn remove(db: &mut Database, permit: &Permit<'_>, id: i64, now: i64) -> Result<()> {
    let subject = subject(db, id)?;
    let role = show(db, id)?;
    let users = role.users.iter().map(|login| (login.clone(), format!("--user {login}")));
    let mut holders = role.teams.iter().map(|team| (format!("team {team}"), format!("--team {team}"))).chain(users).peekable();
    if let Some((_, option)) = holders.peek().cloned() {
        let all = holders.map(|(told, _)| told).collect::<Vec<_>>().join(", ");
        return Err(Fault::new(Class::Data, format!("the role {} is given to {all}", role.name))
            .hint(format!("take it from them first: espomail role take {} {option}", role.name))
            .into());
    }
    diesel::delete(roles::table.find(id)).execute(db)?;
    access::record(db, permit, "role remove", &subject, "", now)
}

/// Sets one right of a role; returns what the audit says of it, where it is otherwise now.
pub fn grant(
    db: &mut Database,
    _permit: &Permit<'_>,
    id: i64,
    (scope, action, level): (RoleScope, RoleAction, RoleLevel),
) -> Result<Option<(String, String)>> {
    let right = role_rights::table.find((id, scope, action));
    let before: Option<RoleLevel> = right.select(role_rights::level).first(db).optional()?;
    if before == Some(level) {
        return Ok(None);
    }
    diesel::delete(role_rights::table.find((id, scope, action))).execute(db)?;
    diesel::insert_into(role_rights::table)
        .values((
            role_rights::role_id.eq(id),
            role_rights::scope.eq(scope),
            role_rights::action.eq(action),
            role_rights::level.eq(level),
        ))
        .execute(db)?;
    let detail = format!("{scope} {action}: {} -> {level}", before.map_or("-", RoleLevel::as_str));
    Ok(Some((subject(db, id)?, detail)))
}

/// Gives a role to a user or team; says whether they had it not.
pub fn give(db: &mut Database, permit: &Permit<'_>, id: i64, holder: Holder, now: i64) -> Result<bool> {
    let has_it: i64 = match holder {
        Holder::User(user) => user_roles::table.find((user, id)).count().get_result(db)?,
        Holder::Team(team) => team_roles::table.find((team, id)).count().get_result(db)?,
    };
    if has_it > 0 {
        return Ok(false);
    }
    match holder {
        Holder::User(user) => {
            let row = (user_roles::user_id.eq(user), user_roles::role_id.eq(id));
            diesel::insert_into(user_roles::table).values(row).execute(db)?;
        }
        Holder::Team(team) => {
            let row = (team_roles::team_id.eq(team), team_roles::role_id.eq(id));
            diesel::insert_into(team_roles::table).values(row).execute(db)?;
        }
    }
    let (subject, holder) = (subject(db, id)?, named(db, holder)?);
    access::record(db, permit, "role give", &subject, &holder, now)?;
    Ok(true)
}

/// Takes a role from a user or team; returns what the audit says of it, where they had it.
pub fn take(db: &mut Database, _permit: &Permit<'_>, id: i64, holder: Holder) -> Result<Option<(String, String)>> {
    Ok(if delete(db, id, holder)? { Some((subject(db, id)?, named(db, holder)?)) } else { None })
}

fn delete(db: &mut Database, id: i64, holder: Holder) -> Result<bool> {
    let deleted = match holder {
        Holder::User(user) => diesel::delete(user_roles::table.find((user, id))).execute(db)?,
        Holder::Team(team) => diesel::delete(team_roles::table.find((team, id))).execute(db)?,
    };
    Ok(deleted > 0)
}

fn subject(db: &mut Database, id: i64) -> Result<String> {
    Ok(format!("role:{}", roles::table.find(id).select(roles::name).first::<String>(db)?))
}

fn named(db: &mut Database, holder: Holder) -> Result<String> {
    match holder {
        Holder::User(user) => user::login(db, user).map(|login| format!("user:{login}")),
        Holder::Team(team) => team::subject(db, team),
    }
}
