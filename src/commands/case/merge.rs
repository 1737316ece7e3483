//! What brings cases together and takes them apart.

use std::collections::BTreeMap;

use anyhow::Result;

use super::change::opened;
use crate::commands::rehearsal::Rehearsal;
use crate::commands::{argument, right};
use crate::context::Context;
use crate::output::shown_line;
use crate::pass::hand::{self, Said};
use crate::plural::counted;
use crate::store::case::{self, CaseEmail};
use crate::store::record::RecordName;
use crate::store::{Database, Store};
use crate::words::{RecordId, RecordKind, RoleAction};

/// How many e-mails a line of a case names.
const NAMED: usize = 5;

#[derive(Debug, clap::Args)]
pub struct Merge {
    /// Cases that end as duplicates: numbers, or case:NUMBER
    #[arg(required = true, value_name = "CASE")]
    from: Vec<String>,
    /// Case that is left
    #[arg(long, value_name = "CASE")]
    into: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// One of the cases that were merged, with its e-mails.
#[derive(serde::Serialize)]
struct Of {
    case: RecordName,
    emails: Vec<CaseEmail>,
}

/// What a merge brought together.
#[derive(serde::Serialize)]
struct Merged {
    #[serde(flatten)]
    case: case::Case,
    merged: Vec<Of>,
    /// Who of others wrote what is in it now.
    senders: Vec<String>,
}

impl Merged {
    fn of(db: &mut Database, into: RecordId, from: Vec<Of>) -> Result<Self> {
        let all = case::letters(db, &[into])?.remove(&into).unwrap_or_default();
        let mut senders: Vec<String> = Vec::new();
        for letter in all.into_iter().filter(|letter| !letter.is_ours) {
            if !senders.contains(&letter.from) {
                senders.push(letter.from);
            }
        }
        Ok(Self { case: case::show(db, into)?, merged: from, senders })
    }

    fn told(&self) -> String {
        let mut told = format!("{} merged into case:{}.", counted(self.merged.len(), "case"), self.case.number);
        for one in &self.merged {
            told.push_str(&format!("\n  {}: {}", one.case, letters(&one.emails)));
        }
        if self.senders.len() > 1 {
            told.push_str(&format!("\nThe senders differ: {}.", some(&self.senders)));
        }
        let undo = self.merged.iter().map(|one| format!("espomail case unmerge {}", one.case.number)).collect::<Vec<_>>();
        told + &format!("\nTo undo it: {}", undo.join("; "))
    }
}

/// E-mails by number, sender and subject; of many the first.
fn letters(all: &[CaseEmail]) -> String {
    let one =
        |letter: &CaseEmail| format!("e-mail {} ({}: {})", letter.email, shown_line(&letter.from), shown_line(&letter.subject));
    if all.is_empty() { "no e-mail".to_string() } else { some(&all.iter().map(one).collect::<Vec<_>>()) }
}

fn some(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named = all.iter().take(NAMED).map(|one| shown_line(one)).collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

impl Merge {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act_and_tell(
            context,
            store,
            |merged: &Merged| merged.told() + "\n",
            |db, policy| {
                let (into, _) = right::case(db, &actor, &self.into, RoleAction::Edit)?;
                let (mut plans, mut merged) = (Vec::new(), BTreeMap::new());
                for wanted in &self.from {
                    let (from, permit) = right::case(db, &actor, wanted, RoleAction::Edit)?;
                    if merged.contains_key(&from) {
                        continue;
                    }
                    let emails = case::letters(db, &[from])?.remove(&from).unwrap_or_default();
                    plans.push(hand::merge(db, &Said { permit: &permit, policy, now }, from, into)?);
                    let named = RecordName { kind: RecordKind::Case, number: case::show(db, from)?.number };
                    merged.insert(from, Of { case: named, emails });
                }
                Ok((Merged::of(db, into, merged.into_values().collect())?, plans))
            },
        )?;
        done.iter().for_each(|merged| context.out.made(merged, &merged.told()));
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
    #[arg(long, value_parser = argument::title)]
    name: Option<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Split {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
            let mut readable = |wanted: &String| right::email(db, &actor, wanted, RoleAction::Read).map(|(email, _)| email);
            let emails = self.emails.iter().map(&mut readable).collect::<Result<Vec<_>>>()?;
            let plans = vec![hand::split(db, &Said { permit: &permit, policy, now }, id, &emails, self.name.as_deref())?];
            Ok((case::show(db, opened(&plans)?)?, plans))
        })?;
        let Some(case) = done else { return Ok(()) };
        context.out.made(&case, &format!("case:{} opened: {}.", case.number, case.name));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Unmerge {
    /// Case that was merged into another: number, or case:NUMBER
    case: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// What a merge that was undone gave back.
#[derive(serde::Serialize)]
struct Apart {
    #[serde(flatten)]
    case: case::Case,
    /// The case that it had been merged into.
    from: Option<RecordName>,
    /// Its e-mails, and those that stay in the other.
    emails: Vec<CaseEmail>,
    staying: Vec<CaseEmail>,
}

impl Apart {
    fn told(&self) -> String {
        let mut told = format!("case:{} is a case of its own again.\n  back in it: {}", self.case.number, letters(&self.emails));
        if let Some(from) = self.from {
            told.push_str(&format!("\n  staying in {from}: {}", letters(&self.staying)));
        }
        told
    }
}

impl Unmerge {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act_and_tell(
            context,
            store,
            |apart: &Apart| apart.told() + "\n",
            |db, policy| {
                let (id, permit) = right::case(db, &actor, &self.case, RoleAction::Edit)?;
                let from = case::show(db, id)?.merged_into;
                let into = from.map(|into| right::record(db, &actor, into, RoleAction::Edit)).transpose()?.map(|(into, _)| into);
                let plan = hand::unmerge(db, &Said { permit: &permit, policy, now }, id, right::case_name(&self.case)?)?;
                let mut all = case::letters(db, &into.into_iter().chain([id]).collect::<Vec<_>>())?;
                let mut of = |case: Option<RecordId>| case.and_then(|case| all.remove(&case)).unwrap_or_default();
                let (emails, staying) = (of(Some(id)), of(into));
                Ok((Apart { case: case::show(db, id)?, from, emails, staying }, vec![plan]))
            },
        )?;
        done.iter().for_each(|apart| context.out.made(apart, &apart.told()));
        Ok(())
    }
}
