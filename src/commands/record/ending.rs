//! How records end: `record delete`, `case delete`, `record convert` and `record merge`.

use anyhow::Result;

use super::change::not_a_case;
use crate::commands::rehearsal::Rehearsal;
use crate::commands::right;
use crate::context::Context;
use crate::decide::access::{Actor, Relation, act, sight};
use crate::decide::hand::Make;
use crate::decide::{Change, Plan};
use crate::fault::{Class, Fault};
use crate::pass::hand::Said;
use crate::pass::record::{self as pass, Becomes};
use crate::plural::doing;
use crate::store::record::{self, Alike, Record, RecordName};
use crate::store::{Database, Store};
use crate::words::{RecordKind, RoleAction};

#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Kind and number, such as contact:7
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<RecordName>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Delete {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.records.iter().try_for_each(|named| not_a_case(*named, "delete"))?;
        delete(context, store, self.rehearsal, &self.records)
    }
}

/// Deletes records of any kind, all or none of them.
pub fn delete(context: &Context, store: &mut Store, rehearsal: Rehearsal, all: &[RecordName]) -> Result<()> {
    let (actor, now) = (context.actor(), context.now());
    let tell = |told: &Vec<String>| told.iter().map(|sentence| format!("{sentence}\n")).collect();
    let done = rehearsal.act_and_tell(context, store, tell, |db, policy| {
        let (mut told, mut plans) = (Vec::new(), Vec::new());
        for (place, named) in all.iter().enumerate() {
            // What is named twice counts once.
            if all.iter().take(place).any(|other| other == named) {
                continue;
            }
            let (id, permit) = right::record(db, &actor, *named, RoleAction::Delete)?;
            let (name, without) = (record::show(db, id)?.name, record::hanging_on(db, id)?);
            let (plan, emails, held) = pass::delete(db, &Said { permit: &permit, policy, now }, id)?;
            let mut sentence = format!("{named} deleted: {name}.");
            if emails > 0 {
                sentence.push_str(&mail_of(db, &plan, emails)?);
            }
            let with: Vec<&str> = plan.deleted().filter(|other| *other != named.to_string()).collect();
            if !with.is_empty() {
                sentence.push_str(&format!(" With it {}, merged into it.", with.join(", ")));
            }
            if !without.is_empty() {
                let without = without.iter().map(|(kind, count)| counted(*count, *kind)).collect::<Vec<_>>().join(", ");
                sentence.push_str(&format!(" Without it now: {without}."));
            }
            if held > 0 {
                let held = doing(held, "letter", "waits", "wait");
                sentence.push_str(&format!(" {held} for a word: espomail outbox list --held"));
            }
            told.push(sentence);
            plans.push(plan);
        }
        Ok((told, plans))
    })?;
    done.into_iter().flatten().for_each(|sentence| context.out.say(&sentence));
    Ok(())
}

/// Where the e-mails are now.
fn mail_of(db: &mut Database, plan: &Plan, count: usize) -> Result<String> {
    let into = plan.steps().iter().find_map(|step| match step.change {
        Change::MoveEmails { into, .. } => into,
        _ => None,
    });
    let (emails, stay, belong) = if count == 1 { ("e-mail", "stays", "belongs") } else { ("e-mails", "stay", "belong") };
    Ok(match record::name_of(db, into)? {
        Some(into) => format!(" Its {count} {emails} {belong} to {into} now."),
        None => format!(" Its {count} {emails} {stay} and {belong} to no record now."),
    })
}

fn counted(count: i64, kind: RecordKind) -> String {
    match (count, kind) {
        (1, kind) => format!("1 {kind}"),
        (several, RecordKind::Opportunity) => format!("{several} opportunities"),
        (several, kind) => format!("{several} {kind}s"),
    }
}

#[derive(Debug, clap::Args)]
pub struct Merge {
    /// Record that is left, such as contact:7
    keep: RecordName,
    /// Records of its kind that end; their addresses, phone numbers, e-mails, cases, followers and teams come to the one that is left
    #[arg(required = true, value_name = "OTHER")]
    others: Vec<RecordName>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Merge {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        if self.keep.kind == RecordKind::Case {
            let hint = format!("try: espomail case merge CASE --into {}", self.keep.number);
            return Err(Fault::new(Class::Usage, format!("{} is a case", self.keep)).hint(hint).into());
        }
        let (actor, now) = (context.actor(), context.now());
        let sentence = |(record, merged): &(Record, usize)| {
            let noun = if *merged == 1 { "record" } else { "records" };
            format!("{merged} {noun} merged into {}: {}.\n", self.keep, record.name)
        };
        let done = self.rehearsal.act_and_tell(context, store, sentence, |db, policy| {
            let (into, _) = right::record(db, &actor, self.keep, RoleAction::Edit)?;
            let (mut plans, mut merged) = (Vec::new(), std::collections::HashSet::new());
            for other in &self.others {
                let (from, permit) = right::record(db, &actor, *other, RoleAction::Edit)?;
                if !merged.insert(from) {
                    continue;
                }
                plans.push(pass::merge(db, &Said { permit: &permit, policy, now }, from, into)?);
            }
            Ok(((record::show(db, into)?, merged.len()), plans))
        })?;
        let Some(done) = done else { return Ok(()) };
        context.out.made(&done.0, sentence(&done).trim_end());
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Convert {
    /// Lead, such as lead:7
    lead: RecordName,
    /// Name of the account to make, one that is there such as account:3, or none [default: the lead's company, if it has one; none
    /// with link.b2c]
    #[arg(long, value_name = "NAME|RECORD")]
    account: Option<String>,
    /// Name of the contact to make, one that is there such as contact:7, or none [default: the lead's name]
    #[arg(long, value_name = "NAME|RECORD")]
    contact: Option<String>,
    /// Name of the opportunity to make, or none [default: the lead's name, if it has an amount]
    #[arg(long, value_name = "NAME")]
    opportunity: Option<String>,
    /// Make an account or contact though one of that name is there
    #[arg(long)]
    duplicate: bool,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// What a lead became, as JSON has it.
#[derive(serde::Serialize)]
struct Converted {
    #[serde(flatten)]
    lead: Record,
    made: Vec<RecordName>,
}

impl Converted {
    /// What stands for the lead now, and the opportunity.
    fn into(&self) -> String {
        let of = [self.lead.converted_account, self.lead.converted_contact].into_iter().flatten();
        let opportunities = self.made.iter().copied().filter(|made| made.kind == RecordKind::Opportunity);
        of.chain(opportunities).map(|made| made.to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Convert {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let sentence = |done: &Converted| format!("{} converted into {}.\n", self.lead, done.into());
        let done = self.rehearsal.act_and_tell(context, store, sentence, |db, policy| {
            record::of_kind(self.lead, &[RecordKind::Lead])?;
            let (id, permit) = right::record(db, &actor, self.lead, RoleAction::Edit)?;
            let lead = record::show(db, id)?;
            let field = |name: &str| lead.fields.get(name).cloned();
            let of_amount = field("amount").map(|_| lead.name.clone());
            // A second conversion is refused for that, not for what the first made.
            let becomes = if lead.converted_account.is_some() || lead.converted_contact.is_some() {
                Becomes { account: Make::Nothing, contact: Make::Nothing, opportunity: Make::Nothing }
            } else {
                Becomes {
                    account: self.make(
                        db,
                        &actor,
                        RecordKind::Account,
                        &self.account,
                        field("company").filter(|_| !policy.b2c),
                        &[],
                    )?,
                    contact: self.make(
                        db,
                        &actor,
                        RecordKind::Contact,
                        &self.contact,
                        Some(lead.name.clone()),
                        &lead.addresses,
                    )?,
                    opportunity: self.make(db, &actor, RecordKind::Opportunity, &self.opportunity, of_amount, &[])?,
                }
            };
            let plan = pass::convert(db, &Said { permit: &permit, policy, now }, id, &becomes)?;
            let mut made = Vec::new();
            for added in plan.all_added() {
                made.extend(record::name_of(db, Some(added))?);
            }
            Ok((Converted { lead: record::show(db, id)?, made }, vec![plan]))
        })?;
        let Some(done) = done else { return Ok(()) };
        context.out.made(&done, sentence(&done).trim_end());
        Ok(())
    }

    /// What becomes of the lead in one kind: what is named, else what is usual.
    fn make(
        &self,
        db: &mut Database,
        actor: &Actor,
        kind: RecordKind,
        named: &Option<String>,
        usual: Option<String>,
        addresses: &[String],
    ) -> Result<Make> {
        let name = match named.as_deref() {
            Some("none" | "") => return Ok(Make::Nothing),
            Some(text) => match text.parse::<RecordName>() {
                Ok(there) => {
                    record::of_kind(there, &[kind])?;
                    return Ok(Make::There(right::record(db, actor, there, RoleAction::Read)?.0));
                }
                Err(_) => text.to_string(),
            },
            None => match usual {
                Some(usual) => usual,
                None => return Ok(Make::Nothing),
            },
        };
        let own = Relation { own: true, team: false };
        act(actor, kind.scope(), RoleAction::Edit, own).map_err(|_| {
            Fault::new(Class::Refused, format!("your roles do not let you add a record of the kind {kind}"))
                .hint(format!("try: --{kind} none"))
        })?;
        let alike = Alike { kind, sight: sight(actor, kind.scope()), addresses };
        let there = if self.duplicate || kind == RecordKind::Opportunity { None } else { record::alike(db, &alike, &name)? };
        match there {
            Some(there) => Err(Fault::new(Class::CannotCreate, format!("{there} of the name {name:?} is there already"))
                .hint(format!("try: --{kind} {there}, or --duplicate for another of that name"))
                .into()),
            None => Ok(Make::New(name)),
        }
    }
}
