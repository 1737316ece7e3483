//! The filters that may concern a batch, and the folders that they move mail to.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::named::in_lists;
use crate::decide::Facts;
use crate::decide::filter::{Action, Filter};
use crate::store::schema::{account_mailboxes, folder_teams, folders, positions, teams, users};
use crate::store::{Database, filter};
use crate::words::{FolderId, PositionId, TeamId, UserId};

/// Gathers the import filters of the account; returns the teams that they give, by themselves or by the group folder.
pub(super) fn gather_imports(db: &mut Database, facts: &mut Facts) -> Result<HashSet<TeamId>> {
    facts.filters = filter::of_account(db, facts.account.id)?;
    let by_action = |action: &Action| if let Action::AssignTeam(team) = action { Some(*team) } else { None };
    let folders = facts.filters.iter().flat_map(moves).chain(facts.account.folder).chain(facts.account.rules.group_folder);
    let folders: HashSet<FolderId> = folders.collect();
    let of_folders = in_lists(&folders, |some| {
        folder_teams::table.filter(folder_teams::folder_id.eq_any(some)).select(folder_teams::team_id).distinct().load(db)
    })?;
    Ok(facts.filters.iter().flat_map(|filter| &filter.actions).filter_map(by_action).chain(of_folders).collect())
}

/// The folders that a filter moves mail to.
fn moves(filter: &Filter) -> Vec<FolderId> {
    let by_action = |action: &Action| if let Action::Folder(folder) = action { Some(*folder) } else { None };
    let by_script = filter.sieve.iter().flat_map(|script| script.folders.values().copied());
    filter.actions.iter().filter_map(by_action).chain(by_script).collect()
}

/// Gathers the filters of users, some of them named, and a named folder; call it when users, teams and import filters are known.
pub(super) fn gather(db: &mut Database, named: &[UserId], folder: Option<FolderId>, facts: &mut Facts) -> Result<()> {
    let mut users: HashSet<UserId> = facts.users.values().copied().collect();
    users.extend(named);
    users.extend(facts.emails.values().flat_map(|email| &email.users));
    users.extend(facts.account.owner.iter().chain(&facts.account.assigned_user));
    users.extend(facts.teams.values().flatten().map(|member| member.user));
    users.extend(facts.records.values().filter_map(|record| record.assigned_user));
    facts.user_filters = filter::of_users(db, &users)?;
    let folders_named: HashSet<FolderId> = facts
        .filters
        .iter()
        .chain(facts.user_filters.values().flatten())
        .flat_map(moves)
        .chain(facts.account.folder)
        .chain(facts.account.rules.group_folder)
        .chain(folder)
        .collect();
    let there = in_lists(&folders_named, |some| {
        folders::table
            .filter(folders::id.eq_any(some))
            .select((folders::id, folders::skip_notifications))
            .load::<(FolderId, bool)>(db)
    })?;
    facts.silent_folders = there.iter().filter(|(_, silent)| *silent).map(|(id, _)| *id).collect();
    let there: HashSet<FolderId> = there.into_iter().map(|(id, _)| id).collect();
    leave_out_what_is_gone(db, &there, facts)?;
    let teams = in_lists(&there, |some| {
        folder_teams::table
            .filter(folder_teams::folder_id.eq_any(some))
            .order(folder_teams::team_id)
            .load::<(FolderId, TeamId)>(db)
    })?;
    for (folder, team) in teams {
        facts.folder_teams.entry(folder).or_default().push(team);
    }
    Ok(())
}

/// FILTER-4: what was removed since gets no mail; the filter says so of what it matches.
fn leave_out_what_is_gone(db: &mut Database, folders: &HashSet<FolderId>, facts: &mut Facts) -> Result<()> {
    let (mut users, mut teams) = (HashSet::new(), HashSet::new());
    for action in facts.filters.iter().flat_map(|filter| &filter.actions) {
        match action {
            Action::AssignUser(user) => drop(users.insert(*user)),
            Action::AssignTeam(team) => drop(teams.insert(*team)),
            _ => {}
        }
    }
    let users: HashSet<UserId> =
        in_lists(&users, |some| users::table.filter(users::id.eq_any(some)).select(users::id).load(db))?.into_iter().collect();
    let teams: HashSet<TeamId> =
        in_lists(&teams, |some| teams::table.filter(teams::id.eq_any(some)).select(teams::id).load(db))?.into_iter().collect();
    for filter in facts.filters.iter_mut().chain(facts.user_filters.values_mut().flatten()) {
        let id = filter.id;
        filter.actions.retain(|action| {
            let (is_there, noun) = match action {
                Action::Folder(folder) => (folders.contains(folder), "folder"),
                Action::AssignUser(user) => (users.contains(user), "user"),
                Action::AssignTeam(team) => (teams.contains(team), "team"),
                _ => return true,
            };
            if !is_there {
                facts.gone.entry(id).or_default().push(noun);
            }
            is_there
        });
    }
    Ok(())
}

/// INBOX-2: returns the folder that a mailbox is mapped to: the owner's, or a group folder.
pub(super) fn mapped(db: &mut Database, position: PositionId) -> Result<Option<FolderId>> {
    let folder = positions::table
        .inner_join(
            account_mailboxes::table
                .on(account_mailboxes::account_id.eq(positions::account_id).and(account_mailboxes::name.eq(positions::mailbox))),
        )
        .filter(positions::id.eq(position))
        .select(account_mailboxes::folder_id)
        .first::<Option<FolderId>>(db)
        .optional()?;
    Ok(folder.flatten())
}
