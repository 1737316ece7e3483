//! `espomail user absence`: times in which a user gets no cases.

use anyhow::Result;
use clap::Subcommand;

use crate::clock::{self, rfc3339};
use crate::commands::rehearsal::Rehearsal;
use crate::commands::{people, right};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::store::taker::{Idle, Takers};
use crate::store::{Store, user};

#[derive(Debug, Subcommand)]
pub enum Absence {
    /// Add an absence
    Add {
        /// Login or number
        user: String,
        /// First moment: 2026-12-24, RFC 3339, or 2d for in two days
        #[arg(long, value_name = "TIME", default_value = "now")]
        from: String,
        /// First moment after it: 2026-12-27, RFC 3339, or 2w for in two weeks
        #[arg(long, value_name = "TIME")]
        until: String,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// List absences that are not over
    List,
    /// Remove an absence
    Remove {
        /// Number, as listed
        absence: i64,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

/// An absence, with the accounts that have nobody to give a case to meanwhile (DIST-1).
#[derive(serde::Serialize)]
struct Added {
    #[serde(flatten)]
    absence: user::Absence,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    without: Vec<Idle>,
}

impl Absence {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        match self {
            Self::Add { user, from, until, rehearsal } => {
                rehearsal.over(context, store, |store| add(context, store, &user, (&from, &until)))
            }
            Self::List => list(context, store),
            Self::Remove { absence, rehearsal } => rehearsal.over(context, store, |store| remove(context, store, absence)),
        }
    }
}

fn add(context: &Context, store: &mut Store, wanted: &str, (from, until): (&str, &str)) -> Result<()> {
    let now = context.now();
    let time = |text: &str| clock::parse_from_now(text, now).map_err(|error| Fault::new(Class::Usage, error));
    let (starts_at, ends_at) = (time(from)?, time(until)?);
    if ends_at <= starts_at {
        return Err(Fault::new(Class::Usage, "the absence ends before it begins").into());
    }
    let (id, login, without) = store.alone(|db| {
        let (id, before) = (user::find(db, wanted)?, Takers::of(db)?);
        let absence = user::add_absence(db, &right::own(context, id)?, id, (starts_at, ends_at), now)?;
        Ok((absence, user::login(db, id)?, Takers::of(db)?.newly_idle(&before, now)))
    })?;
    let sentence = format!("Absence {id} added: {login} from {} until {}.", rfc3339(starts_at), rfc3339(ends_at));
    let more = people::lines(&people::of_idle(&without, now));
    let absence = user::Absence { id, login, starts_at, ends_at };
    context.out.made(&Added { absence, without }, &(sentence + &more));
    Ok(())
}

fn list(context: &Context, store: &mut Store) -> Result<()> {
    let absences = user::absences(store.connection(), context.now())?;
    context.out.list(&absences, &["id", "user", "from", "until"], |absence| {
        vec![absence.id.to_string(), absence.login.clone(), rfc3339(absence.starts_at), rfc3339(absence.ends_at)]
    });
    Ok(())
}

fn remove(context: &Context, store: &mut Store, absence: i64) -> Result<()> {
    store.alone(|db| {
        let Some(user) = user::absent(db, absence)? else {
            let fault = Fault::new(Class::Data, format!("there is no absence {absence}"));
            return Err(fault.hint("try: espomail user absence list").into());
        };
        user::remove_absence(db, &right::own(context, user)?, absence, context.now())
    })?;
    context.out.say(&format!("Absence {absence} removed."));
    Ok(())
}
