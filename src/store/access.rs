//! Who is asking, as the database knows them, and the trace that every change by a person leaves.

use anyhow::{Result, anyhow};
use diesel::prelude::*;

use super::noun::number;
use super::schema::{audit, role_rights, team_members, team_roles, user_roles};
use super::{Database, user};
use crate::decide::access::{Actor, Permit, Rights};
use crate::words::{TeamId, UserId};

/// Returns an espomail user as the one who asks, with the rights of all roles (ACCESS-2).
pub fn actor(db: &mut Database, os_account: &str, id: UserId, on_behalf: bool) -> Result<Actor> {
    let known = user::show(db, id)?;
    let teams: Vec<i64> = team_members::table.filter(team_members::user_id.eq(id.0)).select(team_members::team_id).load(db)?;
    let mut roles: Vec<i64> = user_roles::table.filter(user_roles::user_id.eq(id.0)).select(user_roles::role_id).load(db)?;
    roles.extend(team_roles::table.filter(team_roles::team_id.eq_any(&teams)).select(team_roles::role_id).load::<i64>(db)?);
    let mut rights = Rights::default();
    for (scope, action, level) in role_rights::table
        .filter(role_rights::role_id.eq_any(roles))
        .select((role_rights::scope, role_rights::action, role_rights::level))
        .load::<(String, String, String)>(db)?
    {
        let wrong = |error: String| anyhow!("a role: {error}");
        rights.add(scope.parse().map_err(wrong)?, action.parse().map_err(wrong)?, level.parse().map_err(wrong)?);
    }
    Ok(Actor {
        os_account: os_account.to_string(),
        user: Some(id),
        login: Some(known.login),
        on_behalf,
        administrator: known.administrator && known.active,
        teams: teams.into_iter().map(TeamId).collect(),
        rights,
    })
}

/// Records who changed what, in the transaction of the change. `action` is verb and noun as typed (`case close`).
pub fn record(db: &mut Database, permit: &Permit<'_>, action: &str, subject: &str, detail: &str, now: i64) -> Result<()> {
    let actor = permit.actor();
    let id = number(db, "audit")?;
    diesel::insert_into(audit::table)
        .values((
            audit::id.eq(id),
            audit::at.eq(now),
            audit::os_account.eq(&actor.os_account),
            audit::acting.eq(&actor.login),
            audit::is_on_behalf.eq(actor.on_behalf),
            audit::action.eq(action),
            audit::subject.eq(subject),
            audit::detail.eq(detail),
        ))
        .execute(db)?;
    Ok(())
}
