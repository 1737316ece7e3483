//! What changes cases.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use crate::commands::argument::{self, Clearable};
use crate::commands::right;
use crate::context::{self, Context};
use crate::decide::access::{Relation, act};
use crate::fault::{Class, Fault};
use crate::store::case::{self, CaseChanges};
use crate::store::record::{self, RecordName};
use crate::store::{Store, team, user};
use crate::words::{CaseStatus, Priority, RecordKind, RoleAction, RoleScope};

/// What a note may have; the rest of a longer one belongs into a file somewhere else.
const NOTE_LIMIT: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub struct Create {
    /// Name [default: the e-mail's subject]
    #[arg(required_unless_present = "from_email")]
    name: Option<String>,
    /// E-mail to open it from; it and its thread become the case's
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    from_email: Option<String>,
    /// User to assign it to
    #[arg(long, value_name = "USER")]
    assigned_user: Option<String>,
}

impl Create {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let case = store.transaction(|db| {
            // What one makes is one's own.
            let own = Relation { own: true, team: false };
            let permit = act(&actor, RoleScope::Case, RoleAction::Edit, own)
                .map_err(|_| Fault::new(Class::Refused, "your roles do not let you open cases"))?;
            let id = match (&self.from_email, &self.name) {
                (Some(wanted), _) => {
                    let (email, _) = right::email(db, &actor, wanted, RoleAction::Edit)?;
                    case::create_from_email(db, &permit, email, now)?
                }
                (None, Some(name)) => case::create(db, &permit, name, now)?,
                (None, None) => return Err(Fault::new(Class::Usage, "give a name or --from-email").into()),
            };
            if let Some(login) = &self.assigned_user {
                let user = user::find(db, login)?;
                case::assign(db, &permit, id, user, now)?;
            }
            case::show(db, id)
        })?;
        context.out.made(&case, &format!("case:{} opened: {}.", case.number, case.name));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Number, or case:NUMBER
    case: String,
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// How urgent it is
    #[arg(long)]
    priority: Option<Priority>,
    /// Team, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Account it belongs to, such as account:3, or none
    #[arg(long, value_name = "RECORD")]
    account: Option<Clearable<RecordName>>,
    /// Contact it is about, such as contact:7, or none
    #[arg(long, value_name = "RECORD")]
    contact: Option<Clearable<RecordName>>,
}

impl Set {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let case = store.transaction(|db| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let mut of = |given: &Option<Clearable<RecordName>>, kind| {
                let of_kind = |named| {
                    record::of_kind(named, &[kind])?;
                    right::record(db, &actor, named, RoleAction::Read).map(|(id, _)| id)
                };
                given.as_ref().map(|given| given.0.map(of_kind).transpose()).transpose()
            };
            let account = of(&self.account, RecordKind::Account)?;
            let contact = of(&self.contact, RecordKind::Contact)?;
            let teams = argument::list(&self.teams);
            let teams = teams.map(|names| names.iter().map(|name| team::find(db, name)).collect()).transpose()?;
            let name = self.name.clone();
            case::change(db, &permit, id, &CaseChanges { name, priority: self.priority, teams, account, contact }, now)?;
            case::show(db, id)
        })?;
        context.out.made(&case, &format!("case:{} changed.", case.number));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Assign {
    /// Number, or case:NUMBER
    case: String,
    /// Login or number
    user: String,
}

impl Assign {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let (number, changed) = store.transaction(|db| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let user = user::find(db, &self.user)?;
            let changed = case::assign(db, &permit, id, user, now)?;
            Ok((case::show(db, id)?.number, changed))
        })?;
        let already = if changed { "" } else { " already" };
        context.out.say(&format!("case:{number} is {}'s{already}.", self.user));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Status {
    /// Number, or case:NUMBER
    case: String,
    /// New status
    status: CaseStatus,
}

#[derive(Debug, clap::Args)]
pub struct Close {
    /// Numbers, or case:NUMBER
    #[arg(required = true)]
    cases: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct Reopen {
    /// Numbers, or case:NUMBER
    #[arg(required = true)]
    cases: Vec<String>,
}

impl Status {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        set_status(context, store, &[self.case], Some(self.status))
    }
}

impl Close {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        set_status(context, store, &self.cases, Some(CaseStatus::Closed))
    }
}

impl Reopen {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        set_status(context, store, &self.cases, None)
    }
}

/// Sets the status of cases, all or none of them; no status re-opens.
fn set_status(context: &Context, store: &mut Store, cases: &[String], status: Option<CaseStatus>) -> Result<()> {
    let (actor, now) = (context.actor(), context.now());
    let done = store.transaction(|db| {
        let mut done = Vec::new();
        for wanted in cases {
            let (id, permit) = right::case(db, &actor, wanted, RoleAction::Edit)?;
            let (status, changed) = case::set_status(db, &permit, id, status, now)?;
            done.push((case::show(db, id)?.number, status, changed));
        }
        Ok(done)
    })?;
    for (number, status, changed) in done {
        context.out.say(&format!("case:{number} is {status}{}.", if changed { "" } else { " already" }));
    }
    Ok(())
}

#[derive(Debug, clap::Args)]
pub struct Note {
    /// Number, or case:NUMBER
    case: String,
    /// The note, or - to read it from standard input [default: -]
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Read it from this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "text")]
    file: Option<PathBuf>,
}

impl Note {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let bytes = match (self.text, self.file) {
            (Some(text), _) if text != "-" => text.into_bytes(),
            (_, Some(file)) => std::fs::read(&file)
                .map_err(|error| Fault::new(Class::Data, format!("cannot read {}: {error}", file.display())))?,
            (_, None) => context::read_stdin(NOTE_LIMIT)?,
        };
        let words = String::from_utf8_lossy(&bytes);
        let words = words.trim();
        if words.is_empty() {
            return Err(Fault::new(Class::Usage, "the note is empty").into());
        }
        let (actor, now) = (context.actor(), context.now());
        let number = store.transaction(|db| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            case::note(db, &permit, id, words, now)?;
            Ok(case::show(db, id)?.number)
        })?;
        context.out.say(&format!("Noted in case:{number}."));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Merge {
    /// Cases that end as duplicates: numbers, or case:NUMBER
    #[arg(required = true, value_name = "CASE")]
    from: Vec<String>,
    /// Case that is left
    #[arg(long, value_name = "CASE")]
    into: String,
}

impl Merge {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let case = store.transaction(|db| {
            let (into, _) = right::case(db, &actor, &self.into, RoleAction::Edit)?;
            for wanted in &self.from {
                let (from, permit) = right::case(db, &actor, wanted, RoleAction::Edit)?;
                case::merge(db, &permit, from, into, now)?;
            }
            case::show(db, into)
        })?;
        let noun = if self.from.len() == 1 { "case" } else { "cases" };
        context.out.made(&case, &format!("{} {noun} merged into case:{}.", self.from.len(), case.number));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
#[command(override_usage = "espomail case split <CASE> --email <ID>... [--name <NAME>]")]
pub struct Split {
    /// Number, or case:NUMBER
    case: String,
    /// E-mail that leaves it, with all that answer it; may be given several times
    #[arg(long = "email", required = true, num_args = 1.., value_name = "ID")]
    emails: Vec<String>,
    /// Name of the new case [default: the first e-mail's subject]
    #[arg(long)]
    name: Option<String>,
}

impl Split {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let case = store.transaction(|db| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let mut readable = |wanted: &String| right::email(db, &actor, wanted, RoleAction::Read).map(|(email, _)| email);
            let emails = self.emails.iter().map(&mut readable).collect::<Result<Vec<_>>>()?;
            let new = case::split(db, &permit, id, &emails, self.name.as_deref(), now)?;
            case::show(db, new)
        })?;
        context.out.made(&case, &format!("case:{} opened: {}.", case.number, case.name));
        Ok(())
    }
}
