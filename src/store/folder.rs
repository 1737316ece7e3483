//! espomail's own folders: a user's, and group folders (INBOX-2).

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::column::columns;
use super::noun::{gathered, not_found, number, taken};
use super::schema::{account_mailboxes, accounts, folder_teams, folders, teams, users};
use super::{Database, access, filter};
use crate::decide::access::{Keeper, Kept, Permitted};
use crate::decide::filter::{Action, Filter};
use crate::fault::{Class, Fault};
use crate::settings::{FolderSettings, folder_settings};
use crate::words::{FolderId, TeamId, UserId};

/// The folders of a user, or the group folders where there is no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folders(pub Option<UserId>);

impl Kept for Folders {
    fn keeper(&self) -> Keeper {
        self.0.map_or(Keeper::Administrators, Keeper::User)
    }
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Folder {
    pub id: FolderId,
    pub name: String,
    /// The login of its owner; none for a group folder.
    pub user: Option<String>,
    /// The teams that get the mail of a group folder (TEAM-1).
    pub teams: Vec<String>,
    #[serde(skip)]
    pub settings: FolderSettings,
    #[serde(skip)]
    pub owner: Option<UserId>,
}

folder_settings!(columns Row in folders is FolderSettings);

impl Kept for Folder {
    fn keeper(&self) -> Keeper {
        Folders(self.owner).keeper()
    }
}

/// Adds a folder to others.
pub fn add(
    db: &mut Database,
    to: &Permitted<'_, Folders>,
    name: &str,
    (settings, teams): (&FolderSettings, &[TeamId]),
    now: i64,
) -> Result<FolderId> {
    let Folders(user) = *to.thing();
    if list(db, user)?.iter().any(|folder| folder.name == name && folder.owner == user) {
        return Err(taken("folder", name));
    }
    let id = FolderId(number(db, "folder")?);
    diesel::insert_into(folders::table)
        .values((
            folders::id.eq(id),
            folders::user_id.eq(user),
            folders::name.eq(name),
            folders::place.eq(id.0),
            Row::from(settings),
        ))
        .execute(db)?;
    set_teams(db, id, teams)?;
    access::record(db, to.permit(), "folder add", &format!("folder:{id}"), name, now)?;
    Ok(id)
}

/// Lists group folders, and a user's own with them.
pub fn list(db: &mut Database, user: Option<UserId>) -> Result<Vec<Folder>> {
    let rows = folders::table
        .left_join(users::table.on(users::id.nullable().eq(folders::user_id)))
        .filter(folders::user_id.is_null().or(folders::user_id.eq(user)))
        .order((folders::user_id, folders::name))
        .select((folders::id, folders::name, folders::user_id, users::login.nullable(), Row::as_select()))
        .load::<(FolderId, String, Option<UserId>, Option<String>, Row)>(db)?;
    let teams = folder_teams::table
        .inner_join(teams::table.on(teams::id.eq(folder_teams::team_id)))
        .order(teams::name)
        .select((folder_teams::folder_id, teams::name))
        .load::<(FolderId, String)>(db)?;
    let mut teams = gathered(teams);
    let folder = |(id, name, owner, user, row): (FolderId, String, Option<UserId>, Option<String>, Row)| {
        let teams = teams.remove(&id).unwrap_or_default();
        Folder { id, name, user, settings: row.into(), teams, owner }
    };
    Ok(rows.into_iter().map(folder).collect())
}

/// Returns the names of all folders.
pub fn names(db: &mut Database) -> Result<HashMap<FolderId, String>> {
    Ok(folders::table.select((folders::id, folders::name)).load(db)?.into_iter().collect())
}

/// Finds a user's folder, or a group folder where there is no user, by name or number.
pub fn find(db: &mut Database, user: Option<UserId>, wanted: &str) -> Result<Folder> {
    let (mut all, others): (Vec<_>, Vec<_>) = list(db, user)?.into_iter().partition(|folder| folder.owner == user);
    let by_number = wanted.parse().ok().map(FolderId);
    let at = all
        .iter()
        .position(|folder| folder.name == wanted)
        .or_else(|| all.iter().position(|folder| Some(folder.id) == by_number));
    match at {
        Some(at) => Ok(all.swap_remove(at)),
        None if others.iter().any(|folder| folder.name == wanted) => {
            let what = format!("{wanted:?} is a group folder, and here one of the user's own is meant");
            Err(Fault::new(Class::Data, what).hint("try: espomail folder list").into())
        }
        None => Err(not_found("folder", wanted, &all.into_iter().map(|folder| folder.name).collect::<Vec<_>>())),
    }
}

/// Changes a folder; [`note_change`] writes down what that was.
pub fn set(
    db: &mut Database,
    folder: &Permitted<'_, Folder>,
    name: &str,
    settings: &FolderSettings,
    teams: Option<&[TeamId]>,
) -> Result<()> {
    let id = folder.thing().id;
    diesel::update(folders::table.find(id)).set((folders::name.eq(name), Row::from(settings))).execute(db)?;
    teams.map_or(Ok(()), |teams| set_teams(db, id, teams))
}

/// Writes down what was changed of a folder.
pub fn note_change(db: &mut Database, folder: &Permitted<'_, Folder>, changes: &str, now: i64) -> Result<()> {
    let Folder { id, name, .. } = folder.thing();
    access::record(db, folder.permit(), "folder set", &format!("folder:{id}"), &format!("{name}: {changes}"), now)
}

fn set_teams(db: &mut Database, id: FolderId, teams: &[TeamId]) -> Result<()> {
    diesel::delete(folder_teams::table.filter(folder_teams::folder_id.eq(id))).execute(db)?;
    for team in teams {
        diesel::insert_into(folder_teams::table)
            .values((folder_teams::folder_id.eq(id), folder_teams::team_id.eq(team)))
            .execute(db)?;
    }
    Ok(())
}

/// Who still puts mail into a folder: an account, or a filter.
fn used_by(db: &mut Database, folder: &Folder) -> Result<Option<(String, String)>> {
    let of_account = accounts::table.filter(accounts::group_folder_id.eq(folder.id)).select(accounts::name);
    if let Some(name) = of_account.first::<String>(db).optional()? {
        let remedy = format!("espomail account set {name} --group-folder ''");
        return Ok(Some((format!("the account {name} puts its mail into"), remedy)));
    }
    let mapped = account_mailboxes::table
        .inner_join(accounts::table.on(accounts::id.eq(account_mailboxes::account_id)))
        .filter(account_mailboxes::folder_id.eq(folder.id))
        .select((accounts::name, account_mailboxes::name));
    if let Some((account, mailbox)) = mapped.first::<(String, String)>(db).optional()? {
        let remedy = format!("espomail account set {account} --mailbox-folder '{mailbox}='");
        return Ok(Some((format!("the account {account} puts mail of its mailbox {mailbox} into"), remedy)));
    }
    let uses = |filter: &Filter| {
        let by_action = filter.actions.contains(&Action::Folder(folder.id));
        by_action || filter.sieve.iter().any(|script| script.folders.values().any(|id| *id == folder.id))
    };
    let found = filter::list(db, None)?.into_iter().find(|one| uses(&one.filter));
    Ok(found.map(|one| {
        let remedy = format!("espomail filter show {}", one.filter.id);
        (format!("the filter {:?} ({}) puts mail into", one.filter.name, one.scope), remedy)
    }))
}

/// Removes a folder; its mail goes back to the inbox. Not one that an account or a filter puts mail into.
pub fn remove(db: &mut Database, folder: &Permitted<'_, Folder>, now: i64) -> Result<()> {
    if let Some((user, remedy)) = used_by(db, folder.thing())? {
        let what = format!("{user} the folder {}", folder.thing().name);
        return Err(Fault::new(Class::Data, what).hint(format!("change that first: {remedy}")).into());
    }
    diesel::delete(folders::table.find(folder.thing().id)).execute(db)?;
    let Folder { id, name, .. } = folder.thing();
    access::record(db, folder.permit(), "folder remove", &format!("folder:{id}"), name, now)
}
