//! THREAD-1: two threads that each have a case turn out to be one conversation. It happens when mail overtakes mail: an
//! answer to what is not here yet opens a case of its own.

use std::collections::HashSet;

use super::{Change, Facts, Plan, parent, take};
use crate::mail::{Address, Mail};
use crate::words::{CaseStatus, NoteId, RecordId};

/// Merges the cases of two threads that a message connects, if they may be merged; says whether they are one now.
/// `awaiting` is the one whose e-mails answered the message before it was here, if one did.
pub fn bring_together(
    one: RecordId,
    other: RecordId,
    mail: &Mail,
    awaiting: Option<RecordId>,
    facts: &mut Facts,
    plan: &mut Plan,
) -> bool {
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
    let because = match are_one(into, from, mail, awaiting, facts) {
        Ok(because) => because,
        Err(why) => {
            plan.note(format!("THREAD-1: {into_name} and {from_name} are not merged: {why}"));
            return false;
        }
    };
    let notes = [NoteId(take(&mut facts.next.note)), NoteId(take(&mut facts.next.note))];
    let because = format!("THREAD-1: this e-mail refers to both conversations, and {because}");
    plan.add(Change::MergeCases { from, into, notes }, because);
    fold(from, into, facts);
    true
}

fn is_open(case: RecordId, facts: &Facts) -> bool {
    facts.records.get(&case).and_then(|known| known.status).is_some_and(CaseStatus::is_open)
}

/// Says why two cases are one conversation, or why not. Somebody who takes part in one of them, or one of us, must say
/// so, and they must share somebody from outside, if only on the missing link between them: whoever merely knows two Message-IDs cannot mix two customers' matters.
fn are_one(one: RecordId, other: RecordId, mail: &Mail, awaiting: Option<RecordId>, facts: &Facts) -> Result<String, String> {
    let (Some(people), Some(others)) = (facts.participants.get(&one), facts.participants.get(&other)) else {
        return Err("it is not known who takes part".to_string());
    };
    let author = mail.from.as_ref().map(Address::key).unwrap_or_default();
    if !(people.contains(&author) || others.contains(&author) || parent::is_internal(&author, facts)) {
        return Err(format!("its author <{author}> takes part in neither"));
    }
    if people.is_empty() || others.is_empty() {
        return Ok("nobody from outside takes part in the other".to_string());
    }
    if let Some(address) = people.intersection(others).min() {
        return Ok(format!("<{address}> takes part in both"));
    }
    let on_it: HashSet<String> = mail.from.iter().chain(&mail.to).chain(&mail.cc).map(Address::key).collect();
    let awaiting = awaiting.and_then(|case| facts.participants.get(&case));
    if awaiting.is_some_and(|people| people.is_subset(&on_it)) {
        return Ok("the other is nothing but answers to it".to_string());
    }
    if awaiting.is_some() && !people.is_disjoint(&on_it) && !others.is_disjoint(&on_it) {
        return Ok("people of both stand on it, and it was awaited".to_string());
    }
    Err("nobody from outside takes part in both".to_string())
}

/// Adds the people of an e-mail to those who take part in its case. They are invited: by the e-mail that opened the case,
/// by those who took part before, or by one of us; the first from outside invites themselves. Whoever writes uninvited, and whom they name, takes no part.
pub fn invite(case: RecordId, opens: bool, ours: bool, mail: &Mail, facts: &mut Facts) {
    let all = mail.from.iter().chain(&mail.to).chain(&mail.cc).map(Address::key);
    let outside: Vec<String> = all.filter(|address| !address.is_empty() && !parent::is_internal(address, facts)).collect();
    if opens {
        facts.participants.insert(case, HashSet::new());
    }
    let Some(people) = facts.participants.get_mut(&case) else { return };
    if opens || ours || people.is_empty() || mail.from.as_ref().is_some_and(|from| people.contains(&from.key())) {
        people.extend(outside);
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
    let people = facts.participants.remove(&from).unwrap_or_default();
    if let Some(known) = facts.participants.get_mut(&into) {
        known.extend(people);
    }
    let moved: Vec<_> = facts.followers.iter().filter(|(case, _)| *case == from).copied().collect();
    facts.followers.retain(|(case, _)| *case != from);
    facts.followers.extend(moved.into_iter().map(|(_, user)| (into, user)));
    let written: HashSet<_> = facts.correspondents.iter().filter(|(case, _)| *case == from).cloned().collect();
    facts.correspondents.extend(written.into_iter().map(|(_, address)| (into, address)));
}
