//! `espomail user`.

use anyhow::Result;
use clap::{ArgAction, Subcommand};

use super::argument;
use super::show::{lines, or_empty, yes};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::store::team;
use crate::store::user::{self, NewUser, UserChanges};

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
    /// Change a user; what is not given stays
    Set(Set),
    /// Remove a user with their personal accounts; cases and e-mails stay
    Remove {
        /// Login or number
        user: String,
    },
    /// Manage absences: times in which a user gets no cases
    #[command(subcommand)]
    Absence(Absence),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Login, as in the operating system
    #[arg(value_parser = argument::name)]
    login: String,
    /// Full name [default: the login]
    #[arg(long)]
    name: Option<String>,
    /// E-mail address; may be given several times
    #[arg(long = "address", value_name = "ADDRESS", value_parser = argument::one_address)]
    addresses: Vec<String>,
    /// Team that e-mails of the user's personal accounts get
    #[arg(long, value_name = "TEAM")]
    default_team: Option<String>,
    /// Make the user an administrator
    #[arg(long)]
    administrator: bool,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Login or number
    user: String,
    /// Full name
    #[arg(long)]
    name: Option<String>,
    /// E-mail addresses, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "address", value_name = "ADDRESS", value_parser = argument::address)]
    addresses: Vec<String>,
    /// Team that e-mails of the user's personal accounts get
    #[arg(long, value_name = "TEAM")]
    default_team: Option<String>,
    /// Whether the user is active
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    active: Option<bool>,
    /// Whether the user is an administrator
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    administrator: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Absence {
    /// Add an absence
    Add {
        /// Login or number
        user: String,
        /// First moment: 2026-12-24 or RFC 3339
        #[arg(long, value_name = "TIME", default_value = "now")]
        from: String,
        /// First moment after it
        #[arg(long, value_name = "TIME")]
        until: String,
    },
    /// List absences that are not over
    List,
    /// Remove an absence
    Remove {
        /// Number, as listed
        absence: i64,
    },
}

impl User {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let out = &context.out;
        match self.command {
            UserCommand::Add(add) => {
                let user = store.transaction(|db| {
                    let default_team = add.default_team.as_deref().map(|name| team::find(db, name)).transpose()?;
                    let new = NewUser {
                        login: add.login.clone(),
                        name: add.name.clone().unwrap_or_else(|| add.login.clone()),
                        administrator: add.administrator,
                        addresses: add.addresses.clone(),
                        default_team,
                    };
                    let id = user::add(db, &new)?;
                    user::show(db, id)
                })?;
                out.made(&user, &format!("User {} added.", user.login));
            }
            UserCommand::List => {
                let users = user::list(store.connection())?;
                out.list(&users, &["login", "name", "active", "teams", "addresses"], |user| {
                    vec![
                        user.login.clone(),
                        user.name.clone(),
                        yes(user.active),
                        user.teams.join(", "),
                        user.addresses.join(", "),
                    ]
                });
            }
            UserCommand::Show { user: wanted } => {
                let id = user::find(store.connection(), &wanted)?;
                let user = user::show(store.connection(), id)?;
                out.item(&user, || {
                    lines(&[
                        ("login", user.login.clone()),
                        ("name", user.name.clone()),
                        ("active", yes(user.active)),
                        ("administrator", yes(user.administrator)),
                        ("addresses", user.addresses.join(", ")),
                        ("default team", or_empty(user.default_team.as_ref())),
                        ("teams", user.teams.join(", ")),
                        ("roles", user.roles.join(", ")),
                    ])
                });
            }
            UserCommand::Set(set) => {
                store.transaction(|db| {
                    let id = user::find(db, &set.user)?;
                    let default_team = set.default_team.as_deref().map(|name| team::find(db, name)).transpose()?;
                    let changes = UserChanges {
                        name: set.name.clone(),
                        active: set.active,
                        administrator: set.administrator,
                        addresses: argument::list(&set.addresses),
                        default_team,
                    };
                    user::set(db, id, &changes)
                })?;
                out.say(&format!("User {} changed.", set.user));
            }
            UserCommand::Remove { user: wanted } => {
                store.transaction(|db| {
                    let id = user::find(db, &wanted)?;
                    user::remove(db, id)
                })?;
                out.say(&format!("User {wanted} removed."));
            }
            UserCommand::Absence(absence) => absence.run(context)?,
        }
        Ok(())
    }
}

impl Absence {
    fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let out = &context.out;
        match self {
            Self::Add { user: wanted, from, until } => {
                let (starts_at, ends_at) = (context.time(&from)?, context.time(&until)?);
                if ends_at <= starts_at {
                    return Err(Fault::new(Class::Usage, "the absence ends before it begins").into());
                }
                let (id, login) = store.transaction(|db| {
                    let id = user::find(db, &wanted)?;
                    Ok((user::add_absence(db, id, starts_at, ends_at)?, user::show(db, id)?.login))
                })?;
                let sentence = format!("Absence {id} added: {login} from {} until {}.", rfc3339(starts_at), rfc3339(ends_at));
                out.made(&user::Absence { id, login, starts_at, ends_at }, &sentence);
            }
            Self::List => {
                let absences = user::absences(store.connection(), context.now())?;
                out.list(&absences, &["id", "user", "from", "until"], |absence| {
                    vec![absence.id.to_string(), absence.login.clone(), rfc3339(absence.starts_at), rfc3339(absence.ends_at)]
                });
            }
            Self::Remove { absence } => {
                if !store.transaction(|db| user::remove_absence(db, absence))? {
                    let fault = Fault::new(Class::Data, format!("there is no absence {absence}"));
                    return Err(fault.hint("try: espomail user absence list").into());
                }
                out.say(&format!("Absence {absence} removed."));
            }
        }
        Ok(())
    }
}
