//! `espomail user`.

mod absence;
mod remove;

use anyhow::Result;
use clap::{ArgAction, Subcommand};

use self::absence::Absence;
use self::remove::Remove;
use super::rehearsal::Rehearsal;
use super::setting::{Lines, Options, Setting, Shown, options, switch, way};
use super::show::{changed, lines, listed, yes};
use super::{argument, people, right};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::pass::rights::note_user;
use crate::pass::verdict::Names;
use crate::plural::doing;
use crate::settings::{UserSettings, user_settings};
use crate::store::rights::{self, GivenRight};
use crate::store::taker::Takers;
use crate::store::user::{self, Lists, User as Stored};
use crate::store::{Database, Store, access as trace};
use crate::words::{RecordKind, RoleAction, RoleLevel, RoleScope, TeamId};

/// Manage users
#[derive(Debug, clap::Args)]
pub struct User {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user
    Add(Add),
    /// List all users
    List,
    /// Show a user
    Show {
        /// Login or number
        user: String,
    },
    /// Show what a user may do, and which roles say so
    Rights {
        /// Login or number [default: who asks]
        user: Option<String>,
    },
    /// Change a user; what is not given stays. What users hear of they set themselves
    Set(Set),
    /// Remove a user with their personal accounts; cases and e-mails stay, and the open cases and active records that are theirs go to
    /// another user or to nobody, as you say; what accounts and filters give to them goes to another user, too
    Remove(Remove),
    /// Manage absences: times in which a user gets no cases
    #[command(subcommand)]
    Absence(Absence),
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("administrator", switch))]
struct Add {
    /// Login, as in the operating system
    #[arg(value_parser = argument::name)]
    login: String,
    /// E-mail address; may be given several times
    #[arg(long = "address", value_name = "ADDRESS", value_parser = argument::one_address)]
    addresses: Vec<String>,
    #[command(flatten)]
    settings: UserOptions,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

user_settings!(options UserOptions, UserShown of UserSettings);

#[derive(Debug, clap::Args)]
struct Set {
    /// Login or number
    user: String,
    /// E-mail addresses, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "address", value_name = "ADDRESS", value_parser = argument::address)]
    addresses: Vec<String>,
    #[command(flatten)]
    settings: UserOptions,
    /// Kind of records that the user follows from their beginning: account, contact, lead, opportunity or case; may be given
    /// several times
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    auto_follow: Vec<RecordKind>,
    /// Kind that the user does not follow from the beginning any more; may be given several times
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    no_auto_follow: Vec<RecordKind>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl User {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            UserCommand::Add(add) => add.rehearsal.over(context, &mut store, |store| add.run(context, store)),
            UserCommand::List => list(context, &mut store),
            UserCommand::Show { user } => show(context, &mut store, &user),
            UserCommand::Rights { user } => rights(context, &mut store, user),
            UserCommand::Set(set) => set.rehearsal.over(context, &mut store, |store| set.run(context, store)),
            UserCommand::Remove(remove) => remove.run(context, &mut store),
            UserCommand::Absence(absence) => absence.run(context, &mut store),
        }
    }
}

impl Add {
    fn run(&self, context: &Context, store: &mut Store) -> Result<()> {
        let permit = context.administrator()?;
        let user = store.alone(|db| {
            let mut settings = UserSettings::default();
            self.settings.over(&mut settings, context.now(), db)?;
            if settings.name.is_empty() {
                settings.name.clone_from(&self.login);
            }
            let id = user::add(db, &permit, &self.login, (&settings, &self.addresses), context.now())?;
            user::show(db, id).and_then(|user| shown(db, user))
        })?;
        context.out.made(&user, &format!("User {} added.", user.thing.login));
        Ok(())
    }
}

/// A user, as people see them.
fn shown(db: &mut Database, user: Stored) -> Result<Shown<Stored, UserShown>> {
    let settings = UserShown::new(&user.settings, &Names::all(db)?);
    Ok(Shown { thing: user, settings })
}

fn list(context: &Context, store: &mut Store) -> Result<()> {
    let db = store.connection();
    let names = Names::all(db)?;
    let shown = |user: Stored| Shown { settings: UserShown::new(&user.settings, &names), thing: user };
    let users: Vec<_> = user::list(db)?.into_iter().map(shown).collect();
    context.out.list(&users, &["login", "name", "active", "teams", "addresses"], |Shown { thing: user, .. }| {
        let (login, name, active) = (user.login.clone(), user.settings.name.clone(), yes(user.settings.active));
        vec![login, name, active, user.teams.join(", "), user.addresses.join(", ")]
    });
    Ok(())
}

fn show(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let db = store.connection();
    let id = user::find(db, wanted)?;
    let user = user::show(db, id).and_then(|user| shown(db, user))?;
    context.out.item(&user, || {
        let Shown { thing: user, settings } = &user;
        let mut all = vec![("login", user.login.clone())];
        all.extend(settings.lines());
        all.extend([
            ("addresses", user.addresses.join(", ")),
            ("teams", user.teams.join(", ")),
            ("roles", user.roles.join(", ")),
            ("follows every", listed(&user.auto_follow)),
        ]);
        lines(&all)
    });
    Ok(())
}

impl Set {
    fn run(&self, context: &Context, store: &mut Store) -> Result<()> {
        let (is_changed, left, without) = store.alone(|db| {
            // ACCESS-1: what users hear of is their own affair; the rest is the administrators'.
            if self.settings.reserved().is_some() || !self.addresses.is_empty() {
                context.administrator()?;
            }
            let id = user::find(db, &self.user)?;
            let permit = right::own(context, id)?;
            let user = user::show(db, id)?;
            let (before, takers) = (shown(db, user.clone())?, Takers::of(db)?);
            let mut settings = user.settings.clone();
            self.settings.over(&mut settings, context.now(), db)?;
            let lists = Lists {
                addresses: argument::list(&self.addresses),
                auto_follow: self.auto_follow.clone(),
                no_auto_follow: self.no_auto_follow.clone(),
            };
            user::set(db, &permit, &user, &settings, &lists)?;
            let after = user::show(db, id).and_then(|user| shown(db, user))?;
            let changes = trace::differences(&before, &after)?;
            let is_changed = !changes.is_empty();
            if is_changed {
                note_user(db, &permit, &user, &changes, context.now())?;
            }
            let left = if self.settings.active == Some(false) { user::open_cases(db, id)? } else { 0 };
            Ok((is_changed, left, people::since(db, &takers, context.now())?))
        })?;
        context.out.say(&format!("User {} {}.", self.user, changed(is_changed)));
        if left > 0 {
            let cases = doing(left, "open case", "stays theirs", "stay theirs");
            let login = argument::quoted(&self.user);
            context.out.say(&format!("{cases}: espomail case list --assigned {login}, then: espomail case assign NUMBER USER"));
        }
        without.iter().for_each(|one| context.out.say(one));
        Ok(())
    }
}

/// One line of what a user may do.
#[derive(serde::Serialize)]
struct RightLine {
    scope: RoleScope,
    action: RoleAction,
    level: RoleLevel,
    from: Vec<GivenRight>,
}

/// Anybody may see what anybody may do: it tells whom to ask.
fn rights(context: &Context, store: &mut Store, wanted: Option<String>) -> Result<()> {
    let db = store.connection();
    let id = match (&wanted, context.actor().user) {
        (Some(wanted), _) => user::find(db, wanted)?,
        (None, Some(id)) => id,
        (None, None) => return Err(Fault::new(Class::Usage, "the service account is an administrator; name a user").into()),
    };
    let actor = rights::actor(db, "", id, false)?;
    let held = rights::rights_of(db, id)?;
    let mut shown = Vec::new();
    for scope in RoleScope::ALL {
        for action in scope.actions() {
            let level = if actor.administrator { RoleLevel::All } else { actor.rights.level(*scope, *action) };
            let gives = |held: &&GivenRight| held.scope == *scope && held.action == *action && held.level == level;
            let from = if actor.administrator { Vec::new() } else { held.iter().filter(gives).cloned().collect() };
            shown.push(RightLine { scope: *scope, action: *action, level, from });
        }
    }
    context.out.list(&shown, &["scope", "action", "level", "from"], |line| {
        let from = match line.from.as_slice() {
            [] if actor.administrator => "administrator".to_string(),
            [] => "no role says so".to_string(),
            some => some.iter().map(source).collect::<Vec<_>>().join(", "),
        };
        vec![line.scope.to_string(), line.action.to_string(), line.level.to_string(), from]
    });
    Ok(())
}

fn source(held: &GivenRight) -> String {
    match &held.team {
        Some(team) => format!("{} (team {team})", held.role),
        None => held.role.clone(),
    }
}
