//! `espomail folder`.

use anyhow::Result;
use clap::{ArgAction, Subcommand};

use super::argument;
use super::rehearsal::Rehearsal;
use super::setting::{Options, Setting, Shown, options, switch, way};
use super::show::{changed, lines};
use crate::context::Context;
use crate::decide::access::{self, Keeper, Kept, Permitted};
use crate::pass::verdict::Names;
use crate::settings::{FolderSettings, folder_settings};
use crate::store::folder::{self, Folder, Folders};
use crate::store::{Database, Store, access as trace, team, user};
use crate::words::UserId;

/// Manage folders: users' own, and group folders
///
/// An e-mail is in one folder of each user who has it, or in that user's inbox, and in one group folder at most.
#[derive(Debug, clap::Args)]
pub struct FolderArgs {
    #[command(subcommand)]
    command: FolderCommand,
}

#[derive(Debug, Subcommand)]
enum FolderCommand {
    /// Add a folder
    Add(Add),
    /// List folders: the user's own and the group folders
    List {
        /// This user's [default: the one who asks]
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Show a folder
    Show {
        /// Name or number
        folder: String,
        #[command(flatten)]
        of: OwnerArguments,
    },
    /// Change a folder
    Set(Set),
    /// Remove a folder; its mail goes back to the inbox. Not one that an account or a filter puts mail into
    Remove {
        /// Name or number
        folder: String,
        #[command(flatten)]
        of: OwnerArguments,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("skip_notifications", switch))]
struct Add {
    /// Name
    #[arg(value_parser = argument::name)]
    name: String,
    #[command(flatten)]
    of: OwnerArguments,
    #[command(flatten)]
    settings: FolderOptions,
    /// Team that gets the mail of a group folder; may be given several times
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Name or number
    folder: String,
    #[command(flatten)]
    of: OwnerArguments,
    /// New name
    #[arg(long, value_parser = argument::name)]
    name: Option<String>,
    #[command(flatten)]
    settings: FolderOptions,
    /// Team that gets the mail of a group folder, in place of those there are; an empty name clears them
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

folder_settings!(options FolderOptions, FolderShown of FolderSettings);

/// Whose folder.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct OwnerArguments {
    /// This user's own folder [default: of the one who asks]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// A group folder
    #[arg(long)]
    group: bool,
}

impl OwnerArguments {
    /// Returns the owner; none for a group folder. The service account has no folders of its own.
    fn owner(&self, context: &Context, db: &mut Database) -> Result<Option<UserId>> {
        match (&self.user, self.group) {
            (Some(login), _) => user::find(db, login).map(Some),
            (None, true) => Ok(None),
            (None, false) => Ok(context.actor_ref().user),
        }
    }
}

/// ACCESS-1: administrators keep group folders, users their own.
fn keep<T: Kept>(context: &Context, thing: T) -> Result<Permitted<'_, T>> {
    let keeper = thing.keeper();
    access::keep(context.actor_ref(), thing).map_err(|_| match keeper {
        Keeper::Administrators => context.refused("only administrators may do this"),
        Keeper::User(_) => context.refused("this folder is another user's"),
    })
}

/// Finds a folder for whoever may change it; those of others are not even looked for.
fn find<'a>(context: &'a Context, db: &mut Database, of: &OwnerArguments, wanted: &str) -> Result<Permitted<'a, Folder>> {
    let owner = of.owner(context, db)?;
    keep(context, Folders(owner))?;
    keep(context, folder::find(db, owner, wanted)?)
}

impl FolderArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            FolderCommand::Add(add) => add.rehearsal.over(context, &mut store, |store| add.run(context, store)),
            FolderCommand::List { user } => list(context, &mut store, user.as_deref()),
            FolderCommand::Show { folder, of } => show(context, &mut store, &folder, &of),
            FolderCommand::Set(set) => set.rehearsal.over(context, &mut store, |store| set.run(context, store)),
            FolderCommand::Remove { folder, of, rehearsal } => {
                rehearsal.over(context, &mut store, |store| remove(context, store, &folder, &of))
            }
        }
    }
}

impl Add {
    fn run(&self, context: &Context, store: &mut Store) -> Result<()> {
        let made = store.alone(|db| {
            let owner = self.of.owner(context, db)?;
            let folders = keep(context, Folders(owner))?;
            let teams = team::find_all(db, &self.teams)?;
            let mut settings = FolderSettings::default();
            self.settings.over(&mut settings, context.now(), db)?;
            folder::add(db, &folders, &self.name, (&settings, &teams), context.now())?;
            folder::find(db, owner, &self.name).map(shown)
        })?;
        context.out.made(&made, &format!("Folder {} added.", self.name));
        Ok(())
    }
}

fn list(context: &Context, store: &mut Store, login: Option<&str>) -> Result<()> {
    let db = store.connection();
    let owner = match login {
        Some(login) => Some(user::find(db, login)?),
        None => context.actor_ref().user,
    };
    if owner.is_some() {
        keep(context, Folders(owner))?;
    }
    let folders: Vec<_> = folder::list(db, owner)?.into_iter().map(shown).collect();
    context.out.list(&folders, &["id", "folder", "of", "told", "teams"], |Shown { thing: folder, .. }| {
        let of = folder.user.clone().unwrap_or_else(|| "group".to_string());
        let told = if folder.settings.skip_notifications { "nobody" } else { "yes" };
        vec![folder.id.to_string(), folder.name.clone(), of, told.to_string(), folder.teams.join(", ")]
    });
    Ok(())
}

fn show(context: &Context, store: &mut Store, wanted: &str, of: &OwnerArguments) -> Result<()> {
    let db = store.connection();
    let owner = of.owner(context, db)?;
    if owner.is_some() {
        keep(context, Folders(owner))?;
    }
    let found = shown(folder::find(db, owner, wanted)?);
    context.out.item(&found, || told(&found));
    Ok(())
}

impl Set {
    fn run(&self, context: &Context, store: &mut Store) -> Result<()> {
        let is_changed = store.alone(|db| {
            let found = find(context, db, &self.of, &self.folder)?;
            let teams = argument::list(&self.teams).map(|names| team::find_all(db, &names)).transpose()?;
            let folder = found.thing();
            let mut settings = folder.settings.clone();
            self.settings.over(&mut settings, context.now(), db)?;
            let name = self.name.as_ref().unwrap_or(&folder.name);
            folder::set(db, &found, name, &settings, teams.as_deref())?;
            let after = folder::find(db, folder.owner, &folder.id.to_string())?;
            let changes = trace::differences(&shown(folder.clone()), &shown(after))?;
            if !changes.is_empty() {
                folder::note_change(db, &found, &changes, context.now())?;
            }
            Ok(!changes.is_empty())
        })?;
        context.out.say(&format!("Folder {} {}.", self.folder, changed(is_changed)));
        Ok(())
    }
}

fn remove(context: &Context, store: &mut Store, wanted: &str, of: &OwnerArguments) -> Result<()> {
    store.alone(|db| {
        let found = find(context, db, of, wanted)?;
        folder::remove(db, &found, context.now())
    })?;
    context.out.say(&format!("Folder {wanted} removed."));
    Ok(())
}

/// A folder, as people see it.
fn shown(folder: Folder) -> Shown<Folder, FolderShown> {
    Shown { settings: FolderShown::new(&folder.settings, &Names::default()), thing: folder }
}

fn told(Shown { thing: folder, settings }: &Shown<Folder, FolderShown>) -> String {
    let mut all = vec![
        ("folder", folder.name.clone()),
        ("number", folder.id.to_string()),
        ("of", folder.user.clone().unwrap_or_else(|| "group".to_string())),
    ];
    all.extend(settings.lines());
    all.push(("teams", folder.teams.join(", ")));
    lines(&all)
}
