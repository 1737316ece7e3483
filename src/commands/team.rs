//! `espomail team`.

use anyhow::Result;
use clap::Subcommand;

use super::show::lines;
use super::{argument, people};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::store::taker::Takers;
use crate::store::team::{self, TeamMember};
use crate::store::user;

/// Manage teams and their members
#[derive(Debug, clap::Args)]
pub struct Team {
    #[command(subcommand)]
    command: TeamCommand,
}

#[derive(Debug, Subcommand)]
enum TeamCommand {
    /// Add a team
    Add {
        /// Name
        #[arg(value_parser = argument::name)]
        name: String,
    },
    /// List all teams
    List,
    /// Show a team with its members
    Show {
        /// Name or number
        team: String,
    },
    /// Change a team
    Set {
        /// Name or number
        team: String,
        /// New name
        #[arg(long, value_parser = argument::name)]
        name: String,
    },
    /// Remove a team; its members, records and e-mails stay. Not one that an account, a filter or a group folder gives mail or
    /// cases to, nor one that alone has open cases which nobody has
    Remove {
        /// Name or number
        team: String,
    },
    /// Make users members of a team, or change their position
    Join {
        /// Name or number of the team
        team: String,
        /// Logins or numbers
        #[arg(required = true)]
        users: Vec<String>,
        /// Position in the team, such as agent [default: as it is]
        #[arg(long, value_parser = argument::name)]
        position: Option<String>,
    },
    /// End the membership of users
    Leave {
        /// Name or number of the team
        team: String,
        /// Logins or numbers
        #[arg(required = true)]
        users: Vec<String>,
    },
}

impl Team {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, now) = (&context.out, context.now());
        // Everybody may know the teams; only administrators change them.
        let permit = || context.administrator();
        match self.command {
            TeamCommand::Add { name } => {
                let team = store.alone(|db| team::add(db, &permit()?, &name, now).and_then(|id| team::show(db, id)))?;
                out.made(&team, &format!("Team {name} added. Next: espomail team join {} USER", argument::quoted(&name)));
            }
            TeamCommand::List => {
                let teams = team::list(store.connection())?;
                out.list(&teams, &["id", "name", "members"], |team| {
                    vec![team.id.to_string(), team.name.clone(), team.members.iter().map(member).collect::<Vec<_>>().join(", ")]
                });
            }
            TeamCommand::Show { team: wanted } => {
                let id = team::find(store.connection(), &wanted)?;
                let team = team::show(store.connection(), id)?;
                out.item(&team, || {
                    let members = team.members.iter().map(member).collect::<Vec<_>>().join(", ");
                    lines(&[("team", team.name.clone()), ("members", members), ("roles", team.roles.join(", "))])
                });
            }
            TeamCommand::Set { team: wanted, name } => {
                let (before, is_changed) = store.alone(|db| {
                    let id = team::find(db, &wanted)?;
                    Ok((team::name(db, id)?, team::rename(db, &permit()?, id, &name, now)?))
                })?;
                out.say(&if is_changed {
                    format!("Team {before} is now {name}.")
                } else {
                    format!("Team {before} stays as it is.")
                });
            }
            TeamCommand::Remove { team: wanted } => {
                let (name, without) = store.alone(|db| {
                    let id = team::find(db, &wanted)?;
                    Ok((team::name(db, id)?, team::remove(db, &permit()?, id, now)?))
                })?;
                let without = match without.as_slice() {
                    [] => String::new(),
                    logins => format!(" Without a default team now: {}; see: espomail user set --help", logins.join(", ")),
                };
                out.say(&format!("Team {name} removed.{without}"));
            }
            TeamCommand::Join { team: wanted, users, position } => {
                let (name, joined, members, people) = store.alone(|db| {
                    let (id, before) = (team::find(db, &wanted)?, Takers::of(db)?);
                    let (mut joined, mut members) = (Vec::new(), Vec::new());
                    for user in user::find_all(db, &users)? {
                        let is_changed = team::join(db, &permit()?, id, user, position.as_deref(), now)?;
                        if is_changed { &mut joined } else { &mut members }.push(user::login(db, user)?);
                    }
                    Ok((team::name(db, id)?, joined, members, people::since(db, &before, now)?))
                })?;
                if !joined.is_empty() {
                    out.say(&format!("{} joined team {name}.", joined.join(", ")));
                }
                if !members.is_empty() {
                    out.say(&format!("In team {name} already: {}.", members.join(", ")));
                }
                people.iter().for_each(|one| out.say(one));
            }
            TeamCommand::Leave { team: wanted, users } => {
                let (name, left, people) = store.alone(|db| {
                    let (id, before) = (team::find(db, &wanted)?, Takers::of(db)?);
                    let (name, mut left) = (team::name(db, id)?, Vec::new());
                    for user in user::find_all(db, &users)? {
                        let login = user::login(db, user)?;
                        if !team::leave(db, &permit()?, id, user, now)? {
                            return Err(Fault::new(Class::Data, format!("{login} is no member of team {name}")).into());
                        }
                        left.push(login);
                    }
                    Ok((name, left, people::since(db, &before, now)?))
                })?;
                out.say(&format!("{} left team {name}.", left.join(", ")));
                people.iter().for_each(|one| out.say(one));
            }
        }
        Ok(())
    }
}

fn member(member: &TeamMember) -> String {
    match &member.position {
        Some(position) => format!("{} ({position})", member.login),
        None => member.login.clone(),
    }
}
