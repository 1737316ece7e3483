//! `espomail role`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::rehearsal::Rehearsal;
use super::show::lines;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::pass::rights;
use crate::store::role::{self, Holder};
use crate::store::{Database, Store, team, user};
use crate::words::{RoleAction, RoleLevel, RoleScope};

/// Manage roles: what users and teams may do
#[derive(Debug, clap::Args)]
pub struct Role {
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Debug, Subcommand)]
enum RoleCommand {
    /// Add a role without rights
    Add {
        /// Name
        #[arg(value_parser = argument::name)]
        name: String,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// List all roles
    List,
    /// Show a role: its rights and who has it
    Show {
        /// Name or number
        role: String,
    },
    /// Remove a role. Not one that a user or a team still has
    Remove {
        /// Name or number
        role: String,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Set one right of a role
    Grant {
        /// Name or number
        role: String,
        /// What it is about
        scope: RoleScope,
        /// What may be done
        action: RoleAction,
        /// On how much
        level: RoleLevel,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Give a role to a user or a team
    Give(Hold),
    /// Take a role from a user or a team
    Take(Hold),
}

#[derive(Debug, clap::Args)]
struct Hold {
    /// Name or number of the role
    role: String,
    #[command(flatten)]
    holder: HolderArguments,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct HolderArguments {
    /// Login or number of a user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Name or number of a team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
}

impl HolderArguments {
    fn find(&self, db: &mut Database) -> Result<Holder> {
        match (&self.user, &self.team) {
            (Some(login), _) => Ok(Holder::User(user::find(db, login)?)),
            (None, Some(name)) => Ok(Holder::Team(team::find(db, name)?)),
            (None, None) => Err(Fault::new(Class::Usage, "name a user or a team").into()),
        }
    }
}

impl Role {
    pub fn run(self, context: &Context) -> Result<()> {
        let store = &mut context.store()?;
        // Everybody may know the roles; only administrators change them.
        match self.command {
            RoleCommand::Add { name, rehearsal } => rehearsal.over(context, store, |store| add(context, store, &name)),
            RoleCommand::List => list(context, store),
            RoleCommand::Show { role } => show(context, store, &role),
            RoleCommand::Remove { role, rehearsal } => rehearsal.over(context, store, |store| remove(context, store, &role)),
            RoleCommand::Grant { role, scope, action, level, rehearsal } => {
                rehearsal.over(context, store, |store| grant(context, store, &role, (scope, action, level)))
            }
            RoleCommand::Give(hold) => hold.rehearsal.over(context, store, |store| give(context, store, &hold)),
            RoleCommand::Take(hold) => hold.rehearsal.over(context, store, |store| take(context, store, &hold)),
        }
    }
}

fn add(context: &Context, store: &mut Store, name: &str) -> Result<()> {
    let role = store.alone(|db| {
        let id = role::add(db, &context.administrator()?, name, context.now())?;
        role::show(db, id)
    })?;
    let next = format!("Next: espomail role grant {} email read team", argument::quoted(name));
    context.out.made(&role, &format!("Role {name} added. {next}"));
    Ok(())
}

fn list(context: &Context, store: &mut Store) -> Result<()> {
    let roles = role::list(store.connection())?;
    context.out.list(&roles, &["name", "rights", "users", "teams"], |role| {
        vec![role.name.clone(), rights(role, ", "), role.users.join(", "), role.teams.join(", ")]
    });
    Ok(())
}

fn show(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let id = role::find(store.connection(), wanted)?;
    let role = role::show(store.connection(), id)?;
    context.out.item(&role, || {
        let text = lines(&[("role", role.name.clone()), ("users", role.users.join(", ")), ("teams", role.teams.join(", "))]);
        format!("{text}\n{}", matrix(&role))
    });
    Ok(())
}

fn remove(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    store.alone(|db| {
        let id = role::find(db, wanted)?;
        role::remove(db, &context.administrator()?, id, context.now())
    })?;
    context.out.say(&format!("Role {wanted} removed."));
    Ok(())
}

fn grant(context: &Context, store: &mut Store, wanted: &str, right: (RoleScope, RoleAction, RoleLevel)) -> Result<()> {
    let (scope, action, level) = right;
    sensible(scope, action, level)?;
    let is_changed = store.alone(|db| {
        let id = role::find(db, wanted)?;
        rights::grant(db, &context.administrator()?, id, right, context.now())
    })?;
    let already = if is_changed { "" } else { ", as it was" };
    context.out.say(&format!("Role {wanted}: {action} {scope}: {level}{already}."));
    Ok(())
}

fn give(context: &Context, store: &mut Store, hold: &Hold) -> Result<()> {
    let is_new = store.alone(|db| {
        let (id, holder) = (role::find(db, &hold.role)?, hold.holder.find(db)?);
        role::give(db, &context.administrator()?, id, holder, context.now())
    })?;
    context.out.say(&format!("Role {} {}.", hold.role, if is_new { "given" } else { "was given already" }));
    Ok(())
}

fn take(context: &Context, store: &mut Store, hold: &Hold) -> Result<()> {
    let is_taken = store.alone(|db| {
        let (id, holder) = (role::find(db, &hold.role)?, hold.holder.find(db)?);
        rights::take(db, &context.administrator()?, id, holder, context.now())
    })?;
    if !is_taken {
        return Err(Fault::new(Class::Data, format!("they do not have the role {}", hold.role)).into());
    }
    context.out.say(&format!("Role {} taken.", hold.role));
    Ok(())
}

fn rights(role: &role::Role, between: &str) -> String {
    role.rights.iter().map(|right| format!("{} {}: {}", right.action, right.scope, right.level)).collect::<Vec<_>>().join(between)
}

/// Refuses a right that nothing asks for.
fn sensible(scope: RoleScope, action: RoleAction, level: RoleLevel) -> Result<()> {
    let words = |words: Vec<&str>| words.join(", ");
    let wrong = |what: String| Err(Fault::new(Class::Usage, what).into());
    if !scope.actions().contains(&action) {
        let actions = words(scope.actions().iter().map(|action| action.as_str()).collect());
        return wrong(format!("of {scope}, roles say only: {actions}"));
    }
    if !scope.levels().contains(&level) {
        let levels = words(scope.levels().iter().map(|level| level.as_str()).collect());
        return wrong(format!("{scope} {action} is one of {levels}"));
    }
    Ok(())
}

/// Writes a role as a table of what it speaks of and what it lets do; `-` is what it says nothing of.
fn matrix(role: &role::Role) -> String {
    let level = |scope: RoleScope, action: RoleAction| {
        if !scope.actions().contains(&action) {
            return "";
        }
        let said = role.rights.iter().find(|right| right.scope == scope && right.action == action);
        said.map_or("-", |right| right.level.as_str())
    };
    let heading = RoleAction::ALL.iter().map(|action| format!("{action:<8}")).collect::<String>();
    let mut text = format!("{:<18}{}\n", "", heading.trim_end());
    for scope in RoleScope::ALL {
        let cells = RoleAction::ALL.iter().map(|action| format!("{:<8}", level(*scope, *action))).collect::<String>();
        text.push_str(&format!("{scope:<18}{}\n", cells.trim_end()));
    }
    text
}
