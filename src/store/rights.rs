//! Who is asking, as the database knows them, with what they may do.

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::schema::{role_rights, roles, team_members, team_roles, teams, user_roles, users};
use crate::decide::access::{Actor, Rights};
use crate::words::{RoleAction, RoleLevel, RoleScope, UserId};

/// A right of a user, and how it was come by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GivenRight {
    pub scope: RoleScope,
    pub action: RoleAction,
    pub level: RoleLevel,
    pub role: String,
    /// The team that has the role, when the user has it through one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// Returns an espomail user as the one who asks, with the rights of all roles (ACCESS-2).
pub fn actor(db: &mut Database, os_account: &str, id: UserId, on_behalf: bool) -> Result<Actor> {
    let known = users::table.find(id).select((users::login, users::administrator, users::active));
    let (login, administrator, active): (String, bool, bool) = known.first(db)?;
    let teams = team_members::table.filter(team_members::user_id.eq(id)).select(team_members::team_id).load(db)?;
    let mut rights = Rights::default();
    for held in rights_of(db, id)? {
        rights.add(held.scope, held.action, held.level);
    }
    Ok(Actor {
        os_account: os_account.to_string(),
        user: Some(id),
        login: Some(login),
        on_behalf,
        administrator: administrator && active,
        teams,
        rights,
    })
}

/// Returns every right of a user, of their own roles and of their teams'.
pub fn rights_of(db: &mut Database, id: UserId) -> Result<Vec<GivenRight>> {
    let own = user_roles::table
        .inner_join(roles::table.on(roles::id.eq(user_roles::role_id)))
        .filter(user_roles::user_id.eq(id))
        .order(roles::name)
        .select((roles::id, roles::name))
        .load::<(i64, String)>(db)?;
    let of_teams = team_roles::table
        .inner_join(roles::table.on(roles::id.eq(team_roles::role_id)))
        .inner_join(teams::table.on(teams::id.eq(team_roles::team_id)))
        .inner_join(team_members::table.on(team_members::team_id.eq(team_roles::team_id)))
        .filter(team_members::user_id.eq(id))
        .order((roles::name, teams::name))
        .select((roles::id, roles::name, teams::name))
        .load::<(i64, String, String)>(db)?;
    let own = own.into_iter().map(|(id, role)| (id, role, None));
    let all: Vec<_> = own.chain(of_teams.into_iter().map(|(id, role, team)| (id, role, Some(team)))).collect();
    let ids: Vec<i64> = all.iter().map(|(id, ..)| *id).collect();
    let said = role_rights::table
        .filter(role_rights::role_id.eq_any(ids))
        .select((role_rights::role_id, role_rights::scope, role_rights::action, role_rights::level))
        .load::<(i64, RoleScope, RoleAction, RoleLevel)>(db)?;
    let mut held = Vec::new();
    for (id, role, team) in all {
        for &(_, scope, action, level) in said.iter().filter(|(of, ..)| *of == id) {
            held.push(GivenRight { scope, action, level, role: role.clone(), team: team.clone() });
        }
    }
    Ok(held)
}
