//! What changes records.

use anyhow::Result;

use super::fields::Says;
use crate::commands::rehearsal::Rehearsal;
use crate::commands::show::changed;
use crate::commands::{argument, right};
use crate::context::Context;
use crate::decide::Plan;
use crate::decide::access::{Actor, Relation, act, sight};
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::pass::hand::Said;
use crate::pass::record as pass;
use crate::plural::doing;
use crate::store::record::{self, Alike, Record, RecordName};
use crate::store::{Database, Store, case};
use crate::words::{RecordId, RecordKind, RoleAction, RoleScope};

#[derive(Debug, clap::Args)]
pub struct Add {
    /// account, contact, lead or opportunity
    kind: RecordKind,
    /// Name
    #[arg(value_parser = argument::title)]
    name: String,
    #[command(flatten)]
    says: Says,
    /// Change the one that is there already
    #[arg(long)]
    or_set: bool,
    /// Add it though one of that name is there
    #[arg(long, conflicts_with = "or_set")]
    duplicate: bool,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// A record that was added or changed, and which others of its kind have an address of it.
#[derive(serde::Serialize)]
struct Done {
    #[serde(flatten)]
    record: Record,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    same_address: Vec<RecordName>,
    /// Open cases that its mail opened before it was there, and that say nothing of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    opened_cases: Vec<RecordName>,
}

/// How many such cases are named.
const NAMED: i64 = 20;

impl Done {
    fn of(db: &mut Database, actor: &Actor, id: RecordId) -> Result<Self> {
        let record = record::show(db, id)?;
        let kind = record.named.kind;
        let of = Alike { kind, sight: sight(actor, kind.scope()), addresses: &record.addresses };
        let same_address = record::sharing(db, &of, id)?;
        let keys: Vec<String> = record.addresses.iter().map(|address| address_key(address)).collect();
        let sight = sight(actor, RoleScope::Case);
        let opened_cases = case::opened_by(db, &sight, (&keys, kind), NAMED)?;
        Ok(Self { record, same_address, opened_cases })
    }

    /// What was opened before is as the rules left it: only a person says whose it is (LINK-7).
    fn tell_of_cases(&self, context: &Context) {
        let numbers: Vec<String> = self.opened_cases.iter().map(|case| case.number.to_string()).collect();
        let Record { named, account, .. } = &self.record;
        let mut set = format!("--{} {named}", named.kind);
        if let Some(account) = account.filter(|_| named.kind == RecordKind::Contact) {
            set.push_str(&format!(" --account {account}"));
        }
        let opened = doing(numbers.len(), "open case", "was", "were");
        let line = match numbers.as_slice() {
            [] => return,
            [one] => format!("{opened} opened by this address and has no {}: espomail case set {one} {set}", named.kind),
            all => format!(
                "{opened} opened by this address and have no {}: espomail case set NUMBER {set}, for {}",
                named.kind,
                all.join(", ")
            ),
        };
        context.out.say(&line);
    }

    /// LINK-4: two of one address are no error, but one of them gets its mail.
    fn tell(&self, context: &Context, sentence: &str) {
        context.out.made(self, sentence);
        if !self.same_address.is_empty() {
            let others = self.same_address.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let have = if self.same_address.len() == 1 { "has" } else { "have" };
            context.out.say(&format!("{others} {have} the same address: the oldest that is active stands for it."));
        }
        self.tell_of_cases(context);
    }
}

impl Add {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        if self.kind == RecordKind::Case {
            return Err(Fault::new(Class::Usage, "cases are made with: espomail case create").into());
        }
        let (actor, now, kind) = (context.actor(), context.now(), self.kind);
        let done = self.rehearsal.act(context, store, |db, policy| {
            // What one makes is one's own.
            let own = Relation { own: true, team: false };
            let permit = act(&actor, kind.scope(), RoleAction::Edit, own)
                .map_err(|_| context.refused(&format!("your roles do not let you add a record of the kind {kind}")))?;
            let changes = self.says.changes(db, &actor, None)?;
            let addresses = changes.addresses.clone().unwrap_or_default();
            let alike = Alike { kind, sight: sight(&actor, kind.scope()), addresses: &addresses };
            let there = if self.duplicate { None } else { record::alike(db, &alike, &self.name)? };
            let said = Said { permit: &permit, policy, now };
            let (id, plan) = match there {
                None => pass::add(db, &said, (kind, &self.name), &changes)?,
                Some(there) if self.or_set => {
                    let (id, permit) = right::record(db, &actor, there, RoleAction::Edit)?;
                    (id, pass::change(db, &Said { permit: &permit, ..said }, id, &changes)?)
                }
                Some(there) => {
                    let what = format!("{there} of the name {:?} is there already", self.name);
                    let hint =
                        format!("try: espomail record set {there}, or add --or-set, or --duplicate for another of that name");
                    return Err(Fault::new(Class::CannotCreate, what).hint(hint).into());
                }
            };
            Ok(((Done::of(db, &actor, id)?, there, !plan.steps().is_empty()), vec![plan]))
        })?;
        let Some((done, there, is_changed)) = done else { return Ok(()) };
        let named = done.record.named;
        let sentence = match there {
            Some(_) if is_changed => format!("{named} was there already, and is changed: {}.", done.record.name),
            Some(_) => format!("{named} was there already, and stays as it is: {}.", done.record.name),
            None => format!("{named} added: {}.", done.record.name),
        };
        done.tell(context, &sentence);
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Kind and number, such as contact:7
    record: RecordName,
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
        not_a_case(self.record, "set")?;
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (id, permit) = right::record(db, &actor, self.record, RoleAction::Edit)?;
            let changes = self.says.changes(db, &actor, self.name.clone())?;
            let plan: Plan = pass::change(db, &Said { permit: &permit, policy, now }, id, &changes)?;
            Ok(((Done::of(db, &actor, id)?, !plan.steps().is_empty()), vec![plan]))
        })?;
        let Some((done, is_changed)) = done else { return Ok(()) };
        done.tell(context, &format!("{} {}.", self.record, changed(is_changed)));
        Ok(())
    }
}

/// A case has a life of its own: what is done to it is told in its stream.
pub(super) fn not_a_case(named: RecordName, verb: &str) -> Result<()> {
    if named.kind == RecordKind::Case {
        let hint = format!("try: espomail case {verb} {}", named.number);
        return Err(Fault::new(Class::Usage, format!("{named} is a case")).hint(hint).into());
    }
    Ok(())
}
