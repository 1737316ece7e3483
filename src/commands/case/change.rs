//! What changes cases.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueHint;

use crate::commands::record::fields::{named_records, pair, values};
use crate::commands::rehearsal::Rehearsal;
use crate::commands::show::changed;
use crate::commands::{argument, right};
use crate::context::{self, Context};
use crate::custody;
use crate::decide::Plan;
use crate::decide::access::{Actor, Relation, act};
use crate::decide::hand::RecordChanges;
use crate::fault::{Class, Fault};
use crate::pass::hand::{self, Said};
use crate::pass::record;
use crate::store::case;
use crate::store::{Database, Store, rights, team, user};
use crate::words::{CaseStatus, Priority, RecordId, RecordKind, RoleAction, RoleScope};

/// What a note may have; the rest of a longer one belongs into a file somewhere else.
const NOTE_LIMIT: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub struct Create {
    /// Name [default: the e-mail's subject]
    #[arg(required_unless_present = "from_email", value_parser = argument::title)]
    name: Option<String>,
    /// E-mail to open it from; it and its thread become the case's
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    from_email: Option<String>,
    /// User to assign it to
    #[arg(long, value_name = "USER")]
    assigned_user: Option<String>,
    #[command(flatten)]
    says: Says,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// What a case says beside its name.
#[derive(Debug, clap::Args)]
struct Says {
    /// How urgent it is
    #[arg(long)]
    priority: Option<Priority>,
    /// question, incident or problem
    #[arg(long = "type", value_name = "TYPE")]
    of_type: Option<String>,
    /// What it is about; an empty text clears it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Team, in place of those there are; may be given several times, an empty one clears them
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Account it belongs to, such as account:3, or none
    #[arg(long, value_name = "RECORD")]
    account: Option<String>,
    /// Contact it is about, such as contact:7, in place of those there are; may be given several times, all may write to it; none
    /// clears them
    #[arg(long = "contact", value_name = "RECORD")]
    contacts: Vec<String>,
    /// A field, also of the configuration; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
}

impl Says {
    fn changes(&self, db: &mut Database, actor: &Actor) -> Result<RecordChanges> {
        let teams = argument::list(&self.teams);
        let teams = teams.map(|names| team::find_all(db, &names)).transpose()?;
        let of_type = self.of_type.iter().map(|value| ("type".to_string(), value.clone()));
        let account: Vec<String> = self.account.iter().cloned().collect();
        Ok(RecordChanges {
            priority: self.priority,
            description: self.description.clone(),
            teams,
            accounts: named_records(db, actor, &account, RecordKind::Account)?,
            contacts: named_records(db, actor, &self.contacts, RecordKind::Contact)?,
            values: values(of_type.chain(self.fields.iter().cloned()).collect()),
            ..RecordChanges::default()
        })
    }

    /// Whether anything is said.
    fn is_given(&self) -> bool {
        let others = self.of_type.is_some() || self.description.is_some() || self.account.is_some() || self.priority.is_some();
        others || !(self.teams.is_empty() && self.contacts.is_empty() && self.fields.is_empty())
    }
}

impl Create {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            // What one makes is one's own.
            let own = Relation { own: true, team: false };
            let permit = act(&actor, RoleScope::Case, RoleAction::Edit, own)
                .map_err(|_| Fault::new(Class::Refused, "your roles do not let you open cases"))?;
            let said = Said { permit: &permit, policy, now };
            let mut plans = vec![match (&self.from_email, &self.name) {
                (Some(wanted), _) => {
                    let (email, _) = right::email(db, &actor, wanted, RoleAction::Edit)?;
                    hand::create_from(db, &said, email)?
                }
                (None, Some(name)) => hand::create(db, &said, name)?,
                (None, None) => return Err(Fault::new(Class::Usage, "give a name or --from-email").into()),
            }];
            let id = opened(&plans)?;
            if self.says.is_given() {
                let changes = self.says.changes(db, &actor)?;
                plans.push(record::change(db, &said, id, &changes)?);
            }
            if let Some(login) = &self.assigned_user {
                let user = user::find(db, login)?;
                plans.push(hand::assign(db, &said, id, user)?);
            }
            Ok((case::show(db, id)?, plans))
        })?;
        let Some(case) = done else { return Ok(()) };
        context.out.made(&case, &format!("case:{} opened: {}.", case.number, case.name));
        Ok(())
    }
}

/// The case that a plan opens.
pub(super) fn opened(plans: &[Plan]) -> Result<RecordId> {
    plans.iter().find_map(Plan::opened).map(|case| case.id).context("no case was opened")
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Number, or case:NUMBER
    case: String,
    /// Name
    #[arg(long, value_parser = argument::title)]
    name: Option<String>,
    #[command(flatten)]
    says: Says,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Set {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let changes = RecordChanges { name: self.name.clone(), ..self.says.changes(db, &actor)? };
            let plan = record::change(db, &Said { permit: &permit, policy, now }, id, &changes)?;
            Ok(((case::show(db, id)?, !plan.steps().is_empty()), vec![plan]))
        })?;
        let Some((case, is_changed)) = done else { return Ok(()) };
        context.out.made(&case, &format!("case:{} {}.", case.number, changed(is_changed)));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Assign {
    /// Number, or case:NUMBER
    case: String,
    /// Login or number; an empty name is nobody
    user: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Assign {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let said = Said { permit: &permit, policy, now };
            let (plan, may_read) = match argument::or_none(&self.user, |login| user::find(db, login))? {
                Some(user) => {
                    let plan = hand::assign(db, &said, id, user)?;
                    let theirs = rights::actor(db, "", user, false)?;
                    (plan, right::case(db, &theirs, &self.case, RoleAction::Read).is_ok())
                }
                None => (hand::put_back(db, &said, id)?, true),
            };
            Ok(((case::show(db, id)?, !plan.steps().is_empty(), may_read), vec![plan]))
        })?;
        let Some((case, changed, may_read)) = done else { return Ok(()) };
        let already = if changed { "" } else { " already" };
        let whose = case.assigned_user.as_ref().map_or_else(|| "nobody's".to_string(), |user| format!("{user}'s"));
        let mut said = format!("case:{} is {whose}{already}.", case.number);
        if let Some(user) = case.assigned_user.as_ref().filter(|_| !may_read) {
            said.push_str(&format!("\nThe roles of {user} do not let {user} read it. See: espomail user rights {user}"));
        }
        context.out.made(&case, &said);
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Status {
    /// Number, or case:NUMBER
    case: String,
    /// New status
    status: CaseStatus,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
pub struct Close {
    /// Numbers, or case:NUMBER
    #[arg(required = true)]
    cases: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
pub struct Reopen {
    /// Numbers, or case:NUMBER
    #[arg(required = true)]
    cases: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Status {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let done = set_status(context, store, self.rehearsal, &[self.case], Some(self.status))?;
        done.iter().flatten().for_each(|(case, sentence)| context.out.made(case, sentence));
        Ok(())
    }
}

impl Close {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let done = set_status(context, store, self.rehearsal, &self.cases, Some(CaseStatus::Closed))?;
        done.iter().for_each(|done| context.out.all_made(done));
        Ok(())
    }
}

impl Reopen {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let done = set_status(context, store, self.rehearsal, &self.cases, None)?;
        done.iter().for_each(|done| context.out.all_made(done));
        Ok(())
    }
}

/// Sets the status of cases, all or none of them; no status re-opens.
fn set_status(
    context: &Context,
    store: &mut Store,
    rehearsal: Rehearsal,
    cases: &[String],
    status: Option<CaseStatus>,
) -> Result<Option<Vec<(case::Case, String)>>> {
    let (actor, now) = (context.actor(), context.now());
    rehearsal.act(context, store, |db, policy| {
        let (mut done, mut plans) = (Vec::new(), Vec::new());
        for wanted in cases {
            let (id, permit) = right::case(db, &actor, wanted, RoleAction::Edit)?;
            let plan = hand::set_status(db, &Said { permit: &permit, policy, now }, id, status)?;
            let (case, already) = (case::show(db, id)?, if plan.steps().is_empty() { " already" } else { "" });
            let sentence = format!("case:{} is {}{already}.", case.number, case.status);
            done.push((case, sentence));
            plans.push(plan);
        }
        Ok((done, plans))
    })
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
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Note {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let bytes = match (self.text, self.file) {
            (Some(text), _) if text != "-" => text.into_bytes(),
            (_, Some(file)) => {
                custody::check_free(&file)?;
                std::fs::read(&file)
                    .map_err(|error| Fault::new(Class::Data, format!("cannot read {}: {error}", file.display())))?
            }
            (_, None) => context::read_stdin(NOTE_LIMIT)?,
        };
        let words = String::from_utf8_lossy(&bytes);
        let words = words.trim();
        if words.is_empty() {
            return Err(Fault::new(Class::Usage, "the note is empty").into());
        }
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let plan = hand::note(db, &Said { permit: &permit, policy, now }, id, words)?;
            Ok((case::show(db, id)?, vec![plan]))
        })?;
        if let Some(case) = done {
            context.out.made(&case, &format!("Noted in case:{}.", case.number));
        }
        Ok(())
    }
}
