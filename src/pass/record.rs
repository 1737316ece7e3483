//! A person's word on records of all kinds (RECORD-1): facts → decide → apply, as for e-mails and cases.

use anyhow::Result;

use super::hand::Said;
use crate::decide::hand::{self, Conversion, Make, RecordChanges};
use crate::decide::{Plan, RecordFacts};
use crate::store::facts::{self, Matter};
use crate::store::record::Record;
use crate::store::{self, Database, access, case, email, outbox, record};
use crate::words::{RecordId, RecordKind, UserId};

/// Adds a record that is no case.
pub fn add(
    db: &mut Database,
    said: &Said<'_>,
    (kind, name): (RecordKind, &str),
    changes: &RecordChanges,
) -> Result<(RecordId, Plan)> {
    let users: Vec<UserId> = changes.assigned_user.flatten().into_iter().collect();
    let mut facts = facts::gather_word(db, &Matter { users: &users, ..Matter::default() }, said.now)?;
    let plan = hand::add((kind, name), changes, said.asked(), said.policy, &mut facts)?;
    let id = plan.added().unwrap_or_default();
    said.write(db, ("record add", &facts.name(id), name), &plan, (&facts, None), &[])?;
    Ok((id, plan))
}

/// Changes what a record or a case says; an empty plan where that is so already.
pub fn change(db: &mut Database, said: &Said<'_>, id: RecordId, changes: &RecordChanges) -> Result<Plan> {
    let users: Vec<UserId> = changes.assigned_user.flatten().into_iter().collect();
    let mut facts = facts::gather_word(db, &Matter { records: &[id], users: &users, ..Matter::default() }, said.now)?;
    let there = says(&record::show(db, id)?, facts.records.get(&id));
    let plan = hand::change(id, (changes, &there), said.asked(), said.policy, &mut facts)?;
    let is_case = facts.is_case(id);
    let shown = |db: &mut Database| match is_case {
        true => Ok::<_, anyhow::Error>(serde_json::to_value(case::show(db, id)?)?),
        false => Ok(serde_json::to_value(record::show(db, id)?)?),
    };
    let before = shown(db)?;
    let told = |db: &mut Database| access::differences(&before, &shown(db)?);
    let verb = if is_case { "case set" } else { "record set" };
    said.write_told(db, (verb, &facts.name(id)), &plan, &facts, told)?;
    Ok(plan)
}

/// Deletes a record or a case (RECORD-1), whose e-mails stay. Says how many there are, and how many letters
/// that have not gone out are held now.
pub fn delete(db: &mut Database, said: &Said<'_>, id: RecordId) -> Result<(Plan, usize, usize)> {
    store::lock(db)?;
    let emails = email::of_record(db, id)?;
    let records = [vec![id], case::merged_into(db, id)?].concat();
    let mut facts = facts::gather_word(db, &Matter { records: &records, ..Matter::default() }, said.now)?;
    let plan = hand::delete(id, emails.len(), said.asked(), said.policy, &mut facts);
    let noun = if facts.is_case(id) { "case" } else { "record" };
    let because = format!("{}, which it was written in, was deleted", facts.name(id));
    let held = outbox::hold_all_in(db, id, &because.as_str().into())?;
    let called = facts.records.get(&id).map(|known| known.name.clone()).unwrap_or_default();
    said.write(db, (&format!("{noun} delete"), &facts.name(id), &called), &plan, (&facts, None), &emails)?;
    Ok((plan, emails.len(), held))
}

/// Merges a record into another of its kind (RECORD-1).
pub fn merge(db: &mut Database, said: &Said<'_>, from: RecordId, into: RecordId) -> Result<Plan> {
    store::lock(db)?;
    let emails = email::of_record(db, from)?;
    let mut facts = facts::gather_word(db, &Matter { records: &[from, into], ..Matter::default() }, said.now)?;
    let plan = hand::merge_records(from, into, said.asked(), &mut facts)?;
    let detail = format!("into {}", facts.name(into));
    said.write(db, ("record merge", &facts.name(from), &detail), &plan, (&facts, None), &emails)?;
    Ok(plan)
}

/// What a Lead is to become.
#[derive(Debug, Clone)]
pub struct Becomes {
    pub account: Make,
    pub contact: Make,
    pub opportunity: Make,
}

/// Converts a Lead (RECORD-1).
pub fn convert(db: &mut Database, said: &Said<'_>, lead: RecordId, becomes: &Becomes) -> Result<Plan> {
    store::lock(db)?;
    let emails = email::of_record(db, lead)?;
    let cases = record::cases_of_lead(db, lead)?;
    let records = [&cases[..], &[lead]].concat();
    let existing = [&becomes.account, &becomes.contact].into_iter();
    let existing = existing.filter_map(|make| if let Make::There(record) = make { Some(*record) } else { None });
    let records: Vec<RecordId> = records.into_iter().chain(existing).collect();
    let mut facts = facts::gather_word(db, &Matter { records: &records, ..Matter::default() }, said.now)?;
    let Becomes { account, contact, opportunity } = becomes.clone();
    let says = says(&record::show(db, lead)?, facts.records.get(&lead));
    let into = Conversion { account, contact, opportunity, says, emails: emails.len(), cases };
    let plan = hand::convert(lead, &into, said.asked(), said.policy, &mut facts)?;
    let made: Vec<String> = plan.all_added().map(|record| facts.name(record)).collect();
    let detail = format!("into {}", made.join(", "));
    said.write(db, ("record convert", &facts.name(lead), &detail), &plan, (&facts, None), &emails)?;
    Ok(plan)
}

/// What a record says, as changes that make another say it.
fn says(record: &Record, known: Option<&RecordFacts>) -> RecordChanges {
    RecordChanges {
        description: Some(record.description.clone()).filter(|text| !text.is_empty()),
        addresses: Some(record.addresses.clone()),
        phones: Some(record.phones.clone()),
        assigned_user: known.map(|known| known.assigned_user),
        teams: known.map(|known| known.teams.clone()),
        values: record.fields.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        ..RecordChanges::default()
    }
}

/// A record that a user who goes had: handed to another user, or to nobody (CASE-5). Says what it was.
pub fn hand_over(db: &mut Database, said: &Said<'_>, id: RecordId, to: Option<UserId>) -> Result<Plan> {
    match to {
        Some(to) if case::is_one(db, id)? => super::hand::assign(db, said, id, to),
        Some(to) => {
            let changes = RecordChanges { assigned_user: Some(Some(to)), ..RecordChanges::default() };
            change(db, said, id, &changes)
        }
        None => super::hand::put_back(db, said, id),
    }
}
