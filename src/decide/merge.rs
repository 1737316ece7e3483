//! THREAD-1: two threads that each have a case turn out to be one conversation. It happens when mail overtakes mail: an
//! answer to what is not here yet opens a case of its own.

use super::desk::Desk;
use super::reason::reason;
use std::collections::HashSet;

use super::facts::{Facts, take};
use super::gate::Gate;
use super::plan::Change;
use crate::words::{CaseStatus, NoteId, RecordId, ThreadId};

/// Merges the cases of two threads that a message connects, if they may be merged; says whether they are one now.
pub fn bring_together(one: (ThreadId, RecordId), other: (ThreadId, RecordId), gate: &Gate, desk: &mut Desk<'_>) -> bool {
    if !(desk.facts.is_case(one.1) && desk.facts.is_case(other.1)) {
        return false;
    }
    // The older number survives.
    let number = |case| desk.facts.records.get(&case).map(|known| known.number);
    let (into, from) = if number(one.1) <= number(other.1) { (one.1, other.1) } else { (other.1, one.1) };
    let (into_name, from_name) = (desk.facts.name(into), desk.facts.name(from));
    if let Some(over) = [into, from].into_iter().find(|case| !is_open(*case, desk.facts)) {
        desk.plan.note(reason!(Thread1, "{into_name} and {from_name} are not merged: {} is over", desk.facts.name(over)));
        return false;
    }
    if !desk.facts.are_of_one_desk(one.1, other.1) {
        desk.plan.note(reason!(Access2, "{into_name} and {from_name} are not merged: they are of different desks"));
        return false;
    }
    let because = match are_one(one, other, gate, desk.facts) {
        Ok(because) => because,
        Err(why) => {
            desk.plan.note(reason!(Thread1, "{into_name} and {from_name} are not merged: {why}"));
            return false;
        }
    };
    let notes = [NoteId(take(&mut desk.facts.next.note)), NoteId(take(&mut desk.facts.next.note))];
    let because = reason!(Thread1, "this e-mail refers to both conversations, and {because}");
    desk.plan.add(Change::MergeCases { from, into, notes, apart: None }, because);
    fold(from, into, desk.facts);
    true
}

fn is_open(case: RecordId, facts: &Facts) -> bool {
    facts.records.get(&case).and_then(|known| known.status).is_some_and(CaseStatus::is_open)
}

/// Says why two cases are one conversation, or why not. Whoever takes part in both says so, by naming both; nobody else can
/// mix two customers' matters: neither who knows two Message-IDs, nor one of us who answers a letter that quotes them, nor who
/// only says to be one of us. Being named in the Cc of somebody's mail is no part in it.
fn are_one(one: (ThreadId, RecordId), other: (ThreadId, RecordId), gate: &Gate, facts: &Facts) -> Result<String, String> {
    if gate.is_of_house() {
        return match gate.may_join(one.0, other.0, facts) {
            true => Ok("the same people from outside take part in both".to_string()),
            false => Err("not the same people from outside take part in both".to_string()),
        };
    }
    let author = gate.sender();
    match (gate.takes_part(one.1, facts), gate.takes_part(other.1, facts)) {
        (true, true) => Ok(format!("its author <{author}> takes part in both")),
        (false, false) => Err(format!("its author <{author}> takes part in neither")),
        _ => Err(format!("its author <{author}> takes part in one of them only")),
    }
}

/// What the store does when the batch is written, done to the facts.
fn fold(from: RecordId, into: RecordId, facts: &mut Facts) {
    let Some(ended) = facts.records.get_mut(&from) else { return };
    (ended.status, ended.merged_into) = (Some(CaseStatus::Duplicate), Some(into));
    let (teams, assigned_user) = (ended.teams.clone(), ended.assigned_user);
    let (account, contact) = (ended.account, ended.contact);
    if let Some(load) = assigned_user.and_then(|user| facts.load.get_mut(&user)) {
        load.open_cases = (load.open_cases - 1).max(0);
    }
    if let Some(known) = facts.records.get_mut(&into) {
        let missing: Vec<_> = teams.into_iter().filter(|team| !known.teams.contains(team)).collect();
        known.teams.extend(missing);
        (known.account, known.contact) = (known.account.or(account), known.contact.or(contact));
    }
    match facts.participants.remove(&from) {
        Some(people) => drop(facts.participants.entry(into).and_modify(|all| all.extend(people))),
        None => drop(facts.participants.remove(&into)),
    }
    let moved: Vec<_> = facts.followers.iter().filter(|(case, _)| *case == from).copied().collect();
    facts.followers.retain(|(case, _)| *case != from);
    facts.followers.extend(moved.into_iter().map(|(_, user)| (into, user)));
    let written: HashSet<_> = facts.correspondents.iter().filter(|(case, _)| *case == from).cloned().collect();
    facts.correspondents.extend(written.into_iter().map(|(_, address)| (into, address)));
}
