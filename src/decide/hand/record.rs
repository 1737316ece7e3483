//! RECORD-1: what people say of records of all kinds, cases included: what they are, whose they are, and who follows them for that.

use std::collections::BTreeMap;

use super::super::case::auto_follow;
use super::super::desk::Desk;
use super::super::facts::{Facts, Policy, RecordFacts, take};
use super::super::fields::CLOSED_STAGES;
use super::super::plan::{Asked, Change, NewRecord, Plan, RecordFields};
use super::super::reason::{Reason, reason};
use super::case::{active, end_lost, not_merged, set_teams, take_on, unassign};
use crate::fault::{Class, Fault};
use crate::words::{NoteKind, Priority, RecordId, RecordKind, Rule, TeamId, UserId};

/// What to change; what is not given stays. An inner none clears, and so does an empty list.
#[derive(Debug, Clone, Default)]
pub struct RecordChanges {
    pub name: Option<String>,
    pub active: Option<bool>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub addresses: Option<Vec<String>>,
    pub phones: Option<Vec<String>>,
    /// The first is the one that counts (LINK-4).
    pub accounts: Option<Vec<RecordId>>,
    pub contacts: Option<Vec<RecordId>>,
    pub converted_account: Option<Option<RecordId>>,
    pub converted_contact: Option<Option<RecordId>>,
    pub assigned_user: Option<Option<UserId>>,
    pub teams: Option<Vec<TeamId>>,
    /// Fields by name, as typed.
    pub values: BTreeMap<String, Option<String>>,
}

pub(super) fn said() -> Reason {
    reason!(Record1, "a person said so")
}

/// Adds a record that is no case.
pub fn add(
    (kind, name): (RecordKind, &str),
    changes: &RecordChanges,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let record = begin_record(kind, name, said(), desk);
    say(record, (changes, &RecordChanges::default()), desk)?;
    auto_follow(record, desk);
    Ok(plan)
}

/// A record begins; the facts know it afterwards. Whoever made it keeps it, whatever it is assigned to (ACCESS-2).
pub(super) fn begin_record(kind: RecordKind, name: &str, because: Reason, desk: &mut Desk<'_>) -> RecordId {
    let id = RecordId(take(&mut desk.facts.next.record));
    let number = take(desk.facts.record_numbers.entry(kind).or_insert(1));
    desk.plan.add(Change::AddRecord(NewRecord { id, kind, number, name: name.to_string() }), because);
    desk.facts.records.insert(id, RecordFacts::new(kind, number, name, None));
    desk.add_note(id, NoteKind::Created, None, "", reason!(Record1, "the stream begins"));
    if let Some(user) = desk.plan.asked.and_then(|asked| asked.user) {
        desk.facts.made_by.insert(id, user);
    }
    id
}

/// Changes what a record says; nothing where that is what it says already. Its e-mails' Account follows its own (LINK-6).
pub fn change(
    record: RecordId,
    (changes, there): (&RecordChanges, &RecordChanges),
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    not_merged(record, desk.facts)?;
    say(record, (changes, there), desk)?;
    Ok(plan)
}

/// What a record is to say, and what it says already.
pub(super) fn say(
    record: RecordId,
    (changes, there): (&RecordChanges, &RecordChanges),
    desk: &mut Desk<'_>,
) -> Result<(), Fault> {
    let Some(known) = desk.facts.records.get(&record).cloned() else { return Ok(()) };
    let (mut fields, because) = fields_of(record, &known, changes, desk.policy)?;
    forget_same(&mut fields, &known, there);
    let assigned = changes.assigned_user.filter(|user| *user != known.assigned_user);
    if let Some(user) = assigned.flatten() {
        active(user, desk.facts)?;
    }
    if fields != RecordFields::default() {
        let entry = desk.facts.records.entry(record);
        entry.and_modify(|known| {
            known.account = fields.account.unwrap_or(known.account);
            known.contact = fields.contact.unwrap_or(known.contact);
        });
        desk.plan.add(Change::SetRecord { record, fields }, because);
    }
    // Whoever may read it by that is known before it is somebody's.
    if let Some(teams) = &changes.teams {
        set_teams(record, teams.clone(), said(), desk);
    }
    match assigned {
        Some(Some(user)) => take_on(record, user, desk),
        Some(None) => unassign(record, said(), desk),
        None => {}
    }
    if assigned.is_some() || changes.teams.is_some() {
        end_lost(record, desk);
    }
    Ok(())
}

/// What is changed of the record itself, in the form in which it is kept.
fn fields_of(
    record: RecordId,
    known: &RecordFacts,
    changes: &RecordChanges,
    policy: &Policy,
) -> Result<(RecordFields, Reason), Fault> {
    let kind = known.kind;
    let wrong = |what: &str| Err(Fault::new(Class::Usage, format!("a record of the kind {kind} has {what}")));
    match (kind, changes) {
        (RecordKind::Account | RecordKind::Contact | RecordKind::Lead, RecordChanges { contacts: Some(_), .. }) => {
            return wrong("no contacts: give them their account, with record set CONTACT --account ACCOUNT");
        }
        (RecordKind::Contact, _) => {}
        (_, RecordChanges { accounts: Some(several), .. }) if several.len() > 1 => return wrong("one account"),
        (_, RecordChanges { accounts: Some(own), .. }) if own.contains(&record) => return wrong("itself for its account"),
        _ => {}
    }
    let is_lead = kind == RecordKind::Lead;
    if !is_lead && (changes.converted_account.is_some() || changes.converted_contact.is_some()) {
        return wrong("nothing that it was converted into: a lead has");
    }
    let mut values = BTreeMap::new();
    for (name, value) in &changes.values {
        // What is empty still must have a name.
        let read = match value {
            Some(value) => Some(policy.fields.read(kind, name, value)?),
            None => policy.fields.knows(kind, name).map(|()| None)?,
        };
        values.insert(name.clone(), read);
    }
    let stage = values.get("stage").filter(|_| kind == RecordKind::Opportunity).cloned().flatten();
    let is_closed = stage.as_deref().map(|stage| CLOSED_STAGES.contains(&stage));
    let (account, more_accounts) = first_and_others(changes.accounts.as_deref());
    let (contact, more_contacts) = first_and_others(changes.contacts.as_deref());
    let fields = RecordFields {
        name: changes.name.clone(),
        active: changes.active.or_else(|| is_closed.map(|closed| !closed).filter(|active| *active != known.active)),
        description: changes.description.clone(),
        priority: changes.priority,
        account,
        contact,
        converted_account: changes.converted_account,
        converted_contact: changes.converted_contact,
        addresses: changes.addresses.clone(),
        phones: changes.phones.clone(),
        others: if kind == RecordKind::Contact { more_accounts } else { more_contacts },
        values,
        ..RecordFields::default()
    };
    let because = match is_closed {
        Some(true) => said().and(format_args!("; nothing more comes of it, so it is active no longer ({})", Rule::Link4)),
        _ => said(),
    };
    Ok((fields, because))
}

/// Leaves out what a record says already.
fn forget_same(fields: &mut RecordFields, known: &RecordFacts, there: &RecordChanges) {
    fn unless<T: PartialEq>(given: &mut Option<T>, is: &T) {
        if given.as_ref() == Some(is) {
            *given = None;
        }
    }
    unless(&mut fields.name, &known.name);
    unless(&mut fields.active, &known.active);
    unless(&mut fields.description, &there.description.clone().unwrap_or_default());
    fields.priority = fields.priority.filter(|priority| known.priority != Some(*priority));
    unless(&mut fields.account, &known.account);
    unless(&mut fields.contact, &known.contact);
    unless(&mut fields.converted_account, &known.converted_account);
    unless(&mut fields.converted_contact, &known.converted_contact);
    unless(&mut fields.addresses, &there.addresses.clone().unwrap_or_default());
    unless(&mut fields.phones, &there.phones.clone().unwrap_or_default());
    unless(&mut fields.others, &known.others);
    fields.values.retain(|name, value| there.values.get(name).cloned().flatten() != *value);
}

type First = (Option<Option<RecordId>>, Option<Vec<RecordId>>);

fn first_and_others(given: Option<&[RecordId]>) -> First {
    let Some(given) = given else { return (None, None) };
    let first = given.first().copied();
    let mut others: Vec<RecordId> = Vec::new();
    for other in given.iter().filter(|other| Some(**other) != first) {
        if !others.contains(other) {
            others.push(*other);
        }
    }
    (Some(first), Some(others))
}
