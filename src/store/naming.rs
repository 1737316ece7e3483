//! Who names a user or a team: accounts and filters, which would give to nobody once these are gone.

use anyhow::Result;
use diesel::prelude::*;

use super::filter::{self, Stored};
use super::schema::{account_teams, accounts, filters, folder_teams, folders};
use super::{Database, access};
use crate::decide::access::{Keeper, Kept, Permit};
use crate::decide::filter::Action;
use crate::words::{AccountId, Distribution, TeamId, UserId};

/// What names a user.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    pub filters: Vec<Stored>,
    accounts: Vec<(AccountId, String)>,
    /// Whether one of the accounts cannot be without.
    is_needed: bool,
}

/// How people read of a filter.
fn called(stored: &Stored) -> String {
    format!("the filter {:?} ({})", stored.filter.name, stored.scope)
}

impl Naming {
    pub const fn is_empty(&self) -> bool {
        self.filters.is_empty() && self.accounts.is_empty()
    }

    /// Whether all of it can name nobody instead.
    pub const fn may_be_without(&self) -> bool {
        self.filters.is_empty() && !self.is_needed
    }

    /// As people read it.
    pub fn told(&self) -> String {
        let accounts = self.accounts.iter().map(|(_, name)| format!("the account {name}"));
        self.filters.iter().map(called).chain(accounts).collect::<Vec<_>>().join(", ")
    }
}

/// Returns what names a user and does not go with that user.
pub fn of_user(db: &mut Database, user: UserId) -> Result<Naming> {
    let mut filters = filter::list(db, None)?;
    filters.retain(|one| one.keeper() != Keeper::User(user) && one.filter.actions.contains(&Action::AssignUser(user)));
    let rows = accounts::table
        .filter(accounts::assigned_user_id.eq(user))
        .filter(accounts::owner_id.is_null().or(accounts::owner_id.ne(user)))
        .order(accounts::name)
        .select((accounts::id, accounts::name, accounts::make_cases, accounts::distribution))
        .load::<(AccountId, String, bool, Distribution)>(db)?;
    let is_needed = rows.iter().any(|(_, _, make_cases, rule)| *make_cases && *rule == Distribution::Direct);
    Ok(Naming { filters, accounts: rows.into_iter().map(|(id, name, ..)| (id, name)).collect(), is_needed })
}

/// Lets what names one user name another, or of accounts nobody.
pub fn hand_on(
    db: &mut Database,
    permit: &Permit<'_>,
    naming: &Naming,
    (from, to): ((UserId, &str), Option<(UserId, &str)>),
    now: i64,
) -> Result<()> {
    let name = to.map_or("-", |(_, login)| login);
    for stored in &naming.filters {
        let mut actions = stored.filter.actions.clone();
        for action in actions.iter_mut().filter(|action| **action == Action::AssignUser(from.0)) {
            if let Some((to, _)) = to {
                *action = Action::AssignUser(to);
            }
        }
        let actions = filters::actions.eq(serde_json::to_string(&actions)?);
        diesel::update(filters::table.find(stored.filter.id)).set(actions).execute(db)?;
        let detail = format!("{}: assign: {} -> {name}", stored.scope, from.1);
        access::record(db, permit, "filter set", &format!("filter:{}", stored.filter.name), &detail, now)?;
    }
    for (id, account) in &naming.accounts {
        let assigned = accounts::assigned_user_id.eq(to.map(|(to, _)| to));
        diesel::update(accounts::table.find(id)).set(assigned).execute(db)?;
        let detail = format!("assigned-user: {} -> {name}", from.1);
        access::record(db, permit, "account set", &format!("account:{account}"), &detail, now)?;
    }
    Ok(())
}

/// Returns what gives mail to a team, and the command to look at or change the first of it.
pub fn of_team(db: &mut Database, team: TeamId) -> Result<Option<(String, String)>> {
    let mut all: Vec<(String, String)> = Vec::new();
    let of_accounts = account_teams::table
        .inner_join(accounts::table.on(accounts::id.eq(account_teams::account_id)))
        .filter(account_teams::team_id.eq(team))
        .order(accounts::name)
        .select(accounts::name);
    for name in of_accounts.load::<String>(db)? {
        all.push((format!("the account {name}"), format!("espomail account set {name} --team ANOTHER")));
    }
    let mut filters = filter::list(db, None)?;
    filters.retain(|one| one.filter.actions.contains(&Action::AssignTeam(team)));
    all.extend(filters.iter().map(|one| (called(one), format!("espomail filter show {}", one.filter.id))));
    let of_folders = folder_teams::table
        .inner_join(folders::table.on(folders::id.eq(folder_teams::folder_id)))
        .filter(folder_teams::team_id.eq(team))
        .order(folders::name)
        .select(folders::name);
    for name in of_folders.load::<String>(db)? {
        all.push((format!("the group folder {name}"), format!("espomail folder set {name} --group --team ANOTHER")));
    }
    let remedy = all.first().map(|(_, remedy)| remedy.clone());
    let told = all.into_iter().map(|(told, _)| told).collect::<Vec<_>>().join(", ");
    Ok(remedy.map(|remedy| (told, remedy)))
}
