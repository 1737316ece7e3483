//! Who may be told of a batch: followers, readers to be, and what each may read (NOTIFY, FOLLOW-1).

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::named::in_lists;
use crate::decide::access::Actor;
use crate::decide::filter::Action;
use crate::decide::{Facts, Person};
use crate::store::Database;
use crate::store::noun::gathered;
use crate::store::schema::{auto_follows, followers, role_rights, team_members, team_roles, user_roles, users};
use crate::words::{RecordId, RecordKind, RoleAction, RoleLevel, RoleScope, TeamId, UserId};

/// Gathers followers and people, some named; call it when records, users, teams and filters are known.
pub(super) fn gather(db: &mut Database, users: &[UserId], facts: &mut Facts) -> Result<()> {
    let records: HashSet<RecordId> = facts.records.keys().copied().collect();
    let rows = in_lists(&records, |some| followers::table.filter(followers::record_id.eq_any(some)).load(db))?;
    facts.followers = rows.into_iter().collect();
    let every: HashMap<UserId, Vec<RecordKind>> = gathered(auto_follows::table.load(db)?);
    let of_house = users::table.filter(users::administrator.eq(true)).filter(users::active.eq(true)).order(users::id);
    let administrators: Vec<UserId> = of_house.select(users::id).load(db)?;
    let mut named = concerned(facts);
    named.extend(every.keys());
    named.extend(&administrators);
    named.extend(users);
    facts.administrators = administrators;
    let rows = in_lists(&named, |some| {
        users::table
            .filter(users::id.eq_any(some))
            .select((users::id, users::login, users::active, users::administrator, users::notify_received))
            .load::<(UserId, String, bool, bool, bool)>(db)
    })?;
    for (user, login, active, administrator, notify_received) in rows {
        let actor = Actor { user: Some(user), login: Some(login), administrator: administrator && active, ..Actor::default() };
        facts
            .people
            .insert(user, Person { actor, active, notify_received, follows: every.get(&user).cloned().unwrap_or_default() });
    }
    gather_rights(db, &named, facts)
}

/// Returns everybody whom the batch may concern.
fn concerned(facts: &Facts) -> HashSet<UserId> {
    let assigned = |action: &Action| if let Action::AssignUser(user) = action { Some(*user) } else { None };
    facts
        .users
        .values()
        .chain(&facts.account.owner)
        .chain(&facts.account.assigned_user)
        .copied()
        .chain(facts.followers.iter().map(|(_, user)| *user))
        .chain(facts.teams.values().flatten().map(|member| member.user))
        .chain(facts.records.values().filter_map(|record| record.assigned_user))
        .chain(facts.emails.values().filter_map(|email| email.author))
        .chain(facts.filters.iter().flat_map(|filter| &filter.actions).filter_map(assigned))
        .collect()
}

/// Gathers what roles let people read and change, their own and their teams' (ACCESS-2).
fn gather_rights(db: &mut Database, named: &HashSet<UserId>, facts: &mut Facts) -> Result<()> {
    let teams = in_lists(named, |some| {
        team_members::table
            .filter(team_members::user_id.eq_any(some))
            .order((team_members::user_id, team_members::team_id))
            .select((team_members::user_id, team_members::team_id))
            .load::<(UserId, TeamId)>(db)
    })?;
    for (user, team) in teams {
        facts.people.entry(user).and_modify(|person| person.actor.teams.push(team));
    }
    let of_use = || role_rights::action.eq_any([RoleAction::Read, RoleAction::Edit]);
    let mut rights = in_lists(named, |some| {
        user_roles::table
            .inner_join(role_rights::table.on(role_rights::role_id.eq(user_roles::role_id)))
            .filter(user_roles::user_id.eq_any(some))
            .filter(of_use())
            .select((user_roles::user_id, role_rights::scope, role_rights::action, role_rights::level))
            .load::<(UserId, RoleScope, RoleAction, RoleLevel)>(db)
    })?;
    rights.extend(in_lists(named, |some| {
        team_roles::table
            .inner_join(team_members::table.on(team_members::team_id.eq(team_roles::team_id)))
            .inner_join(role_rights::table.on(role_rights::role_id.eq(team_roles::role_id)))
            .filter(team_members::user_id.eq_any(some))
            .filter(of_use())
            .select((team_members::user_id, role_rights::scope, role_rights::action, role_rights::level))
            .distinct()
            .load::<(UserId, RoleScope, RoleAction, RoleLevel)>(db)
    })?);
    for (user, scope, action, level) in rights {
        let add = |person: &mut Person| person.actor.rights.add(scope, action, level);
        facts.people.entry(user).and_modify(add);
    }
    Ok(())
}
