//! `espomail team`.

use anyhow::Result;
use clap::Subcommand;

use super::rehearsal::Rehearsal;
use super::show::lines;
use super::{argument, people};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::pass::rights;
use crate::plural::counted;
use crate::store::taker::Takers;
use crate::store::team::{self, Team as Stored, TeamMember};
use crate::store::{Store, user};

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
        #[command(flatten)]
        rehearsal: Rehearsal,
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
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Remove a team; its members, records and e-mails stay. Not one that an account, a filter or a group folder gives mail or
    /// cases to, nor one that alone has open cases which nobody has
    Remove {
        /// Name or number
        team: String,
        #[command(flatten)]
        rehearsal: Rehearsal,
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
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// End the membership of users
    Leave {
        /// Name or number of the team
        team: String,
        /// Logins or numbers
        #[arg(required = true)]
        users: Vec<String>,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

impl Team {
    pub fn run(self, context: &Context) -> Result<()> {
        let store = &mut context.store()?;
        // Everybody may know the teams; only administrators change them.
        match self.command {
            TeamCommand::Add { name, rehearsal } => rehearsal.over(context, store, |store| add(context, store, &name)),
            TeamCommand::List => list(context, store),
            TeamCommand::Show { team } => show(context, store, &team),
            TeamCommand::Set { team, name, rehearsal } => {
                rehearsal.over(context, store, |store| rename(context, store, &team, &name))
            }
            TeamCommand::Remove { team, rehearsal } => rehearsal.over(context, store, |store| remove(context, store, &team)),
            TeamCommand::Join { team, users, position, rehearsal } => {
                rehearsal.over(context, store, |store| join(context, store, &team, &users, position.as_deref()))
            }
            TeamCommand::Leave { team, users, rehearsal } => {
                rehearsal.over(context, store, |store| leave(context, store, &team, &users))
            }
        }
    }
}

fn add(context: &Context, store: &mut Store, name: &str) -> Result<()> {
    let team = store.alone(|db| {
        let id = team::add(db, &context.administrator()?, name, context.now())?;
        team::show(db, id)
    })?;
    context.out.made(&team, &format!("Team {name} added. Next: espomail team join {} USER", argument::quoted(name)));
    Ok(())
}

fn list(context: &Context, store: &mut Store) -> Result<()> {
    let teams = team::list(store.connection())?;
    context.out.list(&teams, &["id", "name", "members"], |team| vec![team.id.to_string(), team.name.clone(), members(team)]);
    Ok(())
}

fn show(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let id = team::find(store.connection(), wanted)?;
    let team = team::show(store.connection(), id)?;
    context
        .out
        .item(&team, || lines(&[("team", team.name.clone()), ("members", members(&team)), ("roles", team.roles.join(", "))]));
    Ok(())
}

fn rename(context: &Context, store: &mut Store, wanted: &str, name: &str) -> Result<()> {
    let (before, is_changed) = store.alone(|db| {
        let id = team::find(db, wanted)?;
        Ok((team::name(db, id)?, team::rename(db, &context.administrator()?, id, name, context.now())?))
    })?;
    context.out.say(&match is_changed {
        true => format!("Team {before} is now {name}."),
        false => format!("Team {before} stays as it is."),
    });
    Ok(())
}

fn remove(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let (team, without) = store.alone(|db| {
        let id = team::find(db, wanted)?;
        let team = team::show(db, id)?;
        Ok((team, rights::remove_team(db, &context.administrator()?, id, context.now())?))
    })?;
    let without = |when: &str| match without.as_slice() {
        [] => String::new(),
        logins => format!(" Without a default team {when}: {}; see: espomail user set --help", logins.join(", ")),
    };
    let (name, members) = (&team.name, counted(team.members.len(), "member"));
    context.out.say_or_would(
        &format!("Team {name} removed.{}", without("now")),
        &format!("Team {name} would be removed; its {members}, records and e-mails would stay.{}", without("then")),
    );
    Ok(())
}

fn join(context: &Context, store: &mut Store, wanted: &str, users: &[String], position: Option<&str>) -> Result<()> {
    let (name, joined, members, people) = store.alone(|db| {
        let (id, before) = (team::find(db, wanted)?, Takers::of(db)?);
        let (mut joined, mut members) = (Vec::new(), Vec::new());
        for user in user::find_all(db, users)? {
            let is_changed = team::join(db, &context.administrator()?, id, user, position, context.now())?;
            if is_changed { &mut joined } else { &mut members }.push(user::login(db, user)?);
        }
        Ok((team::name(db, id)?, joined, members, people::since(db, &before, context.now())?))
    })?;
    if !joined.is_empty() {
        context.out.say(&format!("{} joined team {name}.", joined.join(", ")));
    }
    if !members.is_empty() {
        context.out.say(&format!("In team {name} already: {}.", members.join(", ")));
    }
    people.iter().for_each(|one| context.out.say(one));
    Ok(())
}

fn leave(context: &Context, store: &mut Store, wanted: &str, users: &[String]) -> Result<()> {
    let (name, left, people) = store.alone(|db| {
        let (id, before) = (team::find(db, wanted)?, Takers::of(db)?);
        let (name, mut left) = (team::name(db, id)?, Vec::new());
        for user in user::find_all(db, users)? {
            let login = user::login(db, user)?;
            if !rights::leave_team(db, &context.administrator()?, id, user, context.now())? {
                return Err(Fault::new(Class::Data, format!("{login} is no member of team {name}")).into());
            }
            left.push(login);
        }
        Ok((name, left, people::since(db, &before, context.now())?))
    })?;
    context.out.say(&format!("{} left team {name}.", left.join(", ")));
    people.iter().for_each(|one| context.out.say(one));
    Ok(())
}

fn members(team: &Stored) -> String {
    team.members.iter().map(member).collect::<Vec<_>>().join(", ")
}

fn member(member: &TeamMember) -> String {
    match &member.position {
        Some(position) => format!("{} ({position})", member.login),
        None => member.login.clone(),
    }
}
