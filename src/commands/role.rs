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
    /// Remove a role from everybody and everywhere
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
        let out = &context.out;
        match self.command {
            RoleCommand::Add { name } => {
                let role = store.transaction(|db| role::add(db, &name).and_then(|id| role::show(db, id)))?;
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
                    lines(&[
                        ("role", role.name.clone()),
                        ("rights", rights(&role, ", ")),
                        ("users", role.users.join(", ")),
                        ("teams", role.teams.join(", ")),
                    ])
                });
            }
            RoleCommand::Remove { role: wanted } => {
                store.transaction(|db| {
                    let id = role::find(db, &wanted)?;
                    role::remove(db, id)
                })?;
                out.say(&format!("Role {wanted} removed."));
            }
            RoleCommand::Grant { role: wanted, scope, action, level } => {
                store.transaction(|db| {
                    let id = role::find(db, &wanted)?;
                    role::grant(db, id, scope, action, level)
                })?;
                out.say(&format!("Role {wanted}: {action} {scope}: {level}."));
            }
            RoleCommand::Give(hold) => {
                store.transaction(|db| {
                    let (id, holder) = (role::find(db, &hold.role)?, hold.holder.find(db)?);
                    role::give(db, id, holder)
                })?;
                out.say(&format!("Role {} given.", hold.role));
            }
            RoleCommand::Take(hold) => {
                let taken = store.transaction(|db| {
                    let (id, holder) = (role::find(db, &hold.role)?, hold.holder.find(db)?);
                    role::take(db, id, holder)
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
