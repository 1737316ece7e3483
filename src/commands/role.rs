//! `espomail role`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::show::lines;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::store::role::{self, Holder};
use crate::store::{Database, team, user};
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
        let mut store = context.store()?;
        let (out, now) = (&context.out, context.now());
        // Everybody may know the roles; only administrators change them.
        let permit = || context.administrator();
        match self.command {
            RoleCommand::Add { name } => {
                let role = store.alone(|db| role::add(db, &permit()?, &name, now).and_then(|id| role::show(db, id)))?;
                let next = format!("Next: espomail role grant {} email read team", argument::quoted(&name));
                out.made(&role, &format!("Role {name} added. {next}"));
            }
            RoleCommand::List => {
                let roles = role::list(store.connection())?;
                out.list(&roles, &["name", "rights", "users", "teams"], |role| {
                    vec![role.name.clone(), rights(role, ", "), role.users.join(", "), role.teams.join(", ")]
                });
            }
            RoleCommand::Show { role: wanted } => {
                let id = role::find(store.connection(), &wanted)?;
                let role = role::show(store.connection(), id)?;
                out.item(&role, || {
                    let text =
                        lines(&[("role", role.name.clone()), ("users", role.users.join(", ")), ("teams", role.teams.join(", "))]);
                    format!("{text}\n{}", matrix(&role))
                });
            }
            RoleCommand::Remove { role: wanted } => {
                store.alone(|db| {
                    let id = role::find(db, &wanted)?;
                    role::remove(db, &permit()?, id, now)
                })?;
                out.say(&format!("Role {wanted} removed."));
            }
            RoleCommand::Grant { role: wanted, scope, action, level } => {
                sensible(scope, action, level)?;
                let is_changed = store.alone(|db| {
                    let id = role::find(db, &wanted)?;
                    role::grant(db, &permit()?, id, (scope, action, level), now)
                })?;
                let already = if is_changed { "" } else { ", as it was" };
                out.say(&format!("Role {wanted}: {action} {scope}: {level}{already}."));
            }
            RoleCommand::Give(hold) => {
                let is_new = store.alone(|db| {
                    let (id, holder) = (role::find(db, &hold.role)?, hold.holder.find(db)?);
                    role::give(db, &permit()?, id, holder, now)
                })?;
                out.say(&format!("Role {} {}.", hold.role, if is_new { "given" } else { "was given already" }));
            }
            RoleCommand::Take(hold) => {
                let taken = store.alone(|db| {
                    let (id, holder) = (role::find(db, &hold.role)?, hold.holder.find(db)?);
                    role::take(db, &permit()?, id, holder, now)
                })?;
                if !taken {
                    return Err(Fault::new(Class::Data, format!("they do not have the role {}", hold.role)).into());
                }
                out.say(&format!("Role {} taken.", hold.role));
            }
        }
        Ok(())
    }
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
