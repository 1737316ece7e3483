//! espomail's own folders: a user's, and group folders (INBOX-2).

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::noun::{gathered, not_found, number, taken};
use super::schema::{folder_teams, folders, teams, users};
use super::{Database, access};
use crate::decide::access::{Keeper, Kept, Permitted};
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
    pub skip_notifications: bool,
    /// The teams that get the mail of a group folder (TEAM-1).
    pub teams: Vec<String>,
    #[serde(skip)]
    pub owner: Option<UserId>,
}

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
    skip_notifications: bool,
    teams: &[TeamId],
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
            folders::skip_notifications.eq(skip_notifications),
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
        .select((folders::id, folders::name, folders::user_id, users::login.nullable(), folders::skip_notifications))
        .load::<(FolderId, String, Option<UserId>, Option<String>, bool)>(db)?;
    let teams = folder_teams::table
        .inner_join(teams::table.on(teams::id.eq(folder_teams::team_id)))
        .order(teams::name)
        .select((folder_teams::folder_id, teams::name))
        .load::<(FolderId, String)>(db)?;
    let mut teams = gathered(teams);
    let folder = |(id, name, owner, user, skip_notifications)| {
        let teams = teams.remove(&id).unwrap_or_default();
        Folder { id, name, user, skip_notifications, teams, owner }
    };
    Ok(rows.into_iter().map(folder).collect())
}

/// Returns the names of all folders.
pub fn names(db: &mut Database) -> Result<HashMap<FolderId, String>> {
    Ok(folders::table.select((folders::id, folders::name)).load(db)?.into_iter().collect())
}

/// Finds a user's folder, or a group folder where there is no user, by name or number.
pub fn find(db: &mut Database, user: Option<UserId>, wanted: &str) -> Result<Folder> {
    let mut all = list(db, user)?;
    all.retain(|folder| folder.owner == user);
    let by_number = wanted.parse().ok().map(FolderId);
    let at = all
        .iter()
        .position(|folder| folder.name == wanted)
        .or_else(|| all.iter().position(|folder| Some(folder.id) == by_number));
    match at {
        Some(at) => Ok(all.swap_remove(at)),
        None => Err(not_found("folder", wanted, &all.into_iter().map(|folder| folder.name).collect::<Vec<_>>())),
    }
}

/// Changes a folder.
pub fn set(
    db: &mut Database,
    folder: &Permitted<'_, Folder>,
    name: Option<&str>,
    skip: Option<bool>,
    teams: Option<&[TeamId]>,
    now: i64,
) -> Result<()> {
    let id = folder.thing().id;
    if let Some(name) = name {
        diesel::update(folders::table.find(id)).set(folders::name.eq(name)).execute(db)?;
    }
    if let Some(skip) = skip {
        diesel::update(folders::table.find(id)).set(folders::skip_notifications.eq(skip)).execute(db)?;
    }
    teams.map_or(Ok(()), |teams| set_teams(db, id, teams))?;
    let before = folder.thing();
    let changed = list(db, before.owner)?.into_iter().find(|one| one.id == id);
    let changes = changed.map_or_else(|| Ok(String::new()), |changed| access::differences(before, &changed))?;
    let detail = format!("{}: {changes}", before.name);
    access::record(db, folder.permit(), "folder set", &format!("folder:{id}"), &detail, now)
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

/// Removes a folder; its mail goes back to the inbox.
pub fn remove(db: &mut Database, folder: &Permitted<'_, Folder>, now: i64) -> Result<()> {
    diesel::delete(folders::table.find(folder.thing().id)).execute(db)?;
    let Folder { id, name, .. } = folder.thing();
    access::record(db, folder.permit(), "folder remove", &format!("folder:{id}"), name, now)
}
