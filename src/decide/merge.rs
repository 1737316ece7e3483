//! THREAD-1: two threads that each have a case turn out to be one conversation. It happens when mail overtakes mail: an
//! answer to what is not here yet opens a case of its own.

use std::collections::HashSet;

use super::{Change, Facts, Plan, parent, take};
use crate::mail::{Address, Mail};
use crate::words::{CaseStatus, NoteId, RecordId};

/// Merges the cases of two threads that a message connects, if they may be merged; says whether they are one now.
pub fn bring_together(one: RecordId, other: RecordId, mail: &Mail, facts: &mut Facts, plan: &mut Plan) -> bool {
    if !(facts.is_case(one) && facts.is_case(other)) {
        return false;
    }
    // The older number survives.
    let number = |case| facts.records.get(&case).map(|known| known.number);
    let (into, from) = if number(one) <= number(other) { (one, other) } else { (other, one) };
    let (into_name, from_name) = (parent::name(into, facts), parent::name(from, facts));
    if let Some(over) = [into, from].into_iter().find(|case| !is_open(*case, facts)) {
        plan.note(format!("THREAD-1: {into_name} and {from_name} are not merged: {} is over", parent::name(over, facts)));
        return false;
    }
    let Some(address) = in_both(into, from, mail, facts) else {
        plan.note(format!("THREAD-1: {into_name} and {from_name} are not merged: nobody from outside takes part in both"));
        return false;
    };
    let notes = [NoteId(take(&mut facts.next.note)), NoteId(take(&mut facts.next.note))];
    let because = format!("THREAD-1: this e-mail refers to both conversations, and <{address}> takes part in both");
    plan.add(Change::MergeCases { from, into, notes }, because);
    fold(from, into, facts);
    true
}

fn is_open(case: RecordId, facts: &Facts) -> bool {
    facts.records.get(&case).and_then(|known| known.status).is_some_and(CaseStatus::is_open)
}

/// Returns somebody from outside who stands on the message and takes part in both cases.
fn in_both(one: RecordId, other: RecordId, mail: &Mail, facts: &Facts) -> Option<String> {
    let people = mail.from.iter().chain(&mail.to).chain(&mail.cc).map(Address::key);
    let mut outside = people.filter(|address| !address.is_empty() && !parent::is_internal(address, facts));
    outside.find(|address| takes_part(address, one, facts) && takes_part(address, other, facts))
}

/// Whether an address is on an e-mail of the case, is its contact's, or belongs to its Account.
fn takes_part(address: &str, case: RecordId, facts: &Facts) -> bool {
    facts.participants.get(&case).is_some_and(|people| people.contains(address))
        || parent::role_of(address, case, facts).is_some()
}

/// What the store does when the batch is written, done to the facts.
fn fold(from: RecordId, into: RecordId, facts: &mut Facts) {
    let Some(ended) = facts.records.get_mut(&from) else { return };
    (ended.status, ended.merged_into) = (Some(CaseStatus::Duplicate), Some(into));
    let (teams, assigned_user) = (ended.teams.clone(), ended.assigned_user);
    if let Some(load) = assigned_user.and_then(|user| facts.load.get_mut(&user)) {
        load.open_cases = (load.open_cases - 1).max(0);
    }
    if let Some(known) = facts.records.get_mut(&into) {
        let missing: Vec<_> = teams.into_iter().filter(|team| !known.teams.contains(team)).collect();
        known.teams.extend(missing);
    }
    let people = facts.participants.remove(&from).unwrap_or_default();
    facts.participants.entry(into).or_default().extend(people);
    let moved: HashSet<_> = facts.followers.iter().filter(|(case, _)| *case == from).copied().collect();
    facts.followers.retain(|(case, _)| *case != from);
    facts.followers.extend(moved.into_iter().map(|(_, user)| (into, user)));
    let written: HashSet<_> = facts.correspondents.iter().filter(|(case, _)| *case == from).cloned().collect();
    facts.correspondents.extend(written.into_iter().map(|(_, address)| (into, address)));
}
