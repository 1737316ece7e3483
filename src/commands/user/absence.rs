//! `espomail user absence`.

use anyhow::Result;
use clap::Subcommand;

use crate::clock::{self, rfc3339};
use crate::commands::people;
use crate::context::Context;
use crate::decide::access;
use crate::fault::{Class, Fault};
use crate::store::Store;
use crate::store::taker::{Idle, Takers};
use crate::store::user;

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
    },
    /// List absences that are not over
    List,
    /// Remove an absence
    Remove {
        /// Number, as listed
        absence: i64,
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
        let (out, actor, now) = (&context.out, context.actor(), context.now());
        let keep = |user| access::keep_own(&actor, user).map_err(|_| context.refused("only administrators do this for others"));
        match self {
            Self::Add { user: wanted, from, until } => {
                let time = |text: &str| clock::parse_from_now(text, now).map_err(|error| Fault::new(Class::Usage, error));
                let (starts_at, ends_at) = (time(&from)?, time(&until)?);
                if ends_at <= starts_at {
                    return Err(Fault::new(Class::Usage, "the absence ends before it begins").into());
                }
                let (id, login, without) = store.alone(|db| {
                    let id = user::find(db, &wanted)?;
                    let permit = keep(id)?;
                    let before = Takers::of(db)?;
                    let absence = user::add_absence(db, &permit, id, (starts_at, ends_at), now)?;
                    Ok((absence, user::login(db, id)?, Takers::of(db)?.newly_idle(&before, now)))
                })?;
                let sentence = format!("Absence {id} added: {login} from {} until {}.", rfc3339(starts_at), rfc3339(ends_at));
                let more = people::lines(&people::of_idle(&without, now));
                let absence = user::Absence { id, login, starts_at, ends_at };
                out.made(&Added { absence, without }, &(sentence + &more));
            }
            Self::List => {
                let absences = user::absences(store.connection(), now)?;
                out.list(&absences, &["id", "user", "from", "until"], |absence| {
                    vec![absence.id.to_string(), absence.login.clone(), rfc3339(absence.starts_at), rfc3339(absence.ends_at)]
                });
            }
            Self::Remove { absence } => {
                store.alone(|db| {
                    let Some(user) = user::absent(db, absence)? else {
                        let fault = Fault::new(Class::Data, format!("there is no absence {absence}"));
                        return Err(fault.hint("try: espomail user absence list").into());
                    };
                    user::remove_absence(db, &keep(user)?, absence, now)
                })?;
                out.say(&format!("Absence {absence} removed."));
            }
        }
        Ok(())
    }
}
