//! The rules. Pure: values in, a [`Plan`] out, every change with its reason. This file reads from top to bottom like the
//! manual: what a message is (date, archive), whether it is known, its conversation, its record, its people, its case.
//! Each plan is folded back into the facts, so the second message of a batch sees what the first one did.

pub mod access;
pub mod caller;
mod case;
mod distribute;
mod duplicate;
mod facts;
mod hand;
pub mod host;
mod parent;
mod people;
mod plan;
mod thread;

#[cfg(test)]
mod tests;

pub use facts::*;
pub use hand::*;
pub use plan::*;

use crate::mail::Mail;
use crate::words::{EmailId, Fate, NoteId, NoteKind, ParentBy, RecordId, RecordKind};
use duplicate::Known;

/// 1990-01-01 UTC: no mail in the store is older, so an earlier Date is an error of its sender (PARSE-5).
const FIRST_CREDIBLE_DATE: i64 = 631_152_000;

/// Decides everything about one message and keeps the facts current.
pub fn decide(arrival: &Arrival, mail: &Mail, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    let collision = match duplicate::find(mail, facts, &mut plan) {
        Known::Same(email) => {
            arrive_again(email, arrival, mail, facts, &mut plan);
            return plan;
        }
        Known::Collision => true,
        Known::New => false,
    };
    arrive(arrival, mail, policy, collision, facts, &mut plan);
    plan
}

/// The road of a message that is new to the store.
fn arrive(arrival: &Arrival, mail: &Mail, policy: &Policy, collision: bool, facts: &mut Facts, plan: &mut Plan) {
    let email = EmailId(take(&mut facts.next.email));
    let archived = is_archive(arrival, mail, facts);
    plan.email = Some(email);
    plan.fate = if archived { Fate::Archived } else { Fate::Imported };

    let conversation = thread::place(mail, collision, facts, plan);
    let found = parent::find(mail, &conversation, policy, facts, plan);
    // The e-mail's row comes first in the plan, its links after it.
    let row = plan.steps.len();
    let mut teams = people::teams(&conversation, facts);
    let mut users = people::users(mail, facts);

    let mut parent = found.as_ref().map(|link| (link.record, link.by));
    let account_record = found.as_ref().and_then(|link| parent::account_of(link.record, facts));
    let opened = match case::should_open(mail, archived, parent, facts) {
        Ok(because) => {
            let case = case::open(email, mail, account_record, because, facts, plan);
            parent = Some((case, ParentBy::Opened));
            true
        }
        Err(because) => {
            plan.note(format!("no new case: {because}"));
            false
        }
    };
    if let Some((record, _)) = parent {
        people::add_case_people(record, facts, &mut teams, &mut users);
    }

    let because = match (&found, opened) {
        (_, true) => "it opens a case".to_string(),
        (Some(link), false) => link.because.clone(),
        (None, false) => "no record was found for it".to_string(),
    };
    let new = NewEmail {
        id: email,
        thread: conversation.thread,
        identity: mail.identity(),
        date: sort_date(arrival, mail, facts.now),
        replied: conversation.replied,
        parent: parent.map(|(record, _)| record),
        parent_by: parent.map(|(_, by)| by),
        account_record,
        id_collision: collision,
        partial: arrival.partial,
        archived,
    };
    plan.steps.insert(row, Step { change: Change::AddEmail(new), because });
    let account = facts.account.id;
    plan.add(Change::AddAccount { email, account }, "it came through this account");
    if let Some(replied) = conversation.replied {
        plan.add(Change::MarkReplied { email: replied }, "THREAD-2: this e-mail answers it");
    }
    people::join(email, &teams, &users, mail, facts, plan);
    if let Some((record, _)) = parent {
        note(email, record, mail, facts, plan);
    }
    remember(email, mail, &conversation, parent.map(|(record, _)| record), &teams, &users, facts);
}

/// The road of a message that is already in the store (DUP-1): things are added, nothing is removed.
fn arrive_again(email: EmailId, arrival: &Arrival, mail: &Mail, facts: &mut Facts, plan: &mut Plan) {
    plan.fate = Fate::Duplicate;
    plan.email = Some(email);
    let Some(known) = facts.emails.get(&email).cloned() else { return };
    let account = facts.account.id;
    let first_time_here = !known.accounts.contains(&account);
    if first_time_here {
        plan.add(Change::AddAccount { email, account }, "DUP-1: it came through this account too");
    }

    let conversation = thread::Conversation { thread: known.thread, replied: None };
    let mut teams = people::teams(&conversation, facts);
    let mut users = people::users(mail, facts);
    let mut parent = known.parent;
    if first_time_here && known.parent_by != Some(ParentBy::Hand) {
        let archived = is_archive(arrival, mail, facts);
        let current = known.parent.map(|record| (record, known.parent_by.unwrap_or(ParentBy::Address)));
        match case::should_open(mail, archived, current, facts) {
            Ok(because) => {
                let account_record = known.parent.and_then(|record| parent::account_of(record, facts));
                let case = case::open(
                    email,
                    mail,
                    account_record,
                    format!("DUP-3: first here by a case-making account; {because}"),
                    facts,
                    plan,
                );
                let change = Change::SetParent {
                    email,
                    thread: known.thread,
                    parent: case,
                    by: ParentBy::Opened,
                    account: account_record,
                };
                plan.add(change, "DUP-3: the e-mail opened this case");
                note(email, case, mail, facts, plan);
                facts.thread_parents.insert(known.thread, case);
                parent = Some(case);
            }
            Err(because) => plan.note(format!("no new case: {because}")),
        }
    }
    if let Some(record) = parent {
        people::add_case_people(record, facts, &mut teams, &mut users);
    }
    teams.retain(|(team, _)| !known.teams.contains(team));
    users.retain(|(user, _)| !known.users.contains(user));
    people::join(email, &teams, &users, mail, facts, plan);

    if let Some(entry) = facts.emails.get_mut(&email) {
        if first_time_here {
            entry.accounts.push(account);
        }
        entry.parent = parent;
        entry.teams.extend(teams.iter().map(|(team, _)| *team));
        entry.users.extend(users.iter().map(|(user, _)| *user));
    }
}

/// Returns when the message reached us: INTERNALDATE, else its Date, else now; seconds since 1970 UTC.
fn arrived_at(arrival: &Arrival, mail: &Mail, now: i64) -> i64 {
    arrival.internal_date.or_else(|| mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=now).contains(date))).unwrap_or(now)
}

/// PARSE-5: the date to sort by. A Date in the future or before 1990 sorts by arrival.
fn sort_date(arrival: &Arrival, mail: &Mail, now: i64) -> i64 {
    mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=now).contains(date)).unwrap_or_else(|| arrived_at(arrival, mail, now))
}

/// FETCH-14: mail older than the account's `act-since` is history, not work.
fn is_archive(arrival: &Arrival, mail: &Mail, facts: &Facts) -> bool {
    arrived_at(arrival, mail, facts.now) < facts.account.act_since
}

/// NOTE-1: the record's stream tells of the e-mail.
fn note(email: EmailId, record: RecordId, mail: &Mail, facts: &mut Facts, plan: &mut Plan) {
    let ours = people::author_is_ours(mail, facts);
    let (kind, because) = if ours {
        (NoteKind::EmailSent, "NOTE-1: one of us wrote it")
    } else {
        (NoteKind::EmailReceived, "NOTE-1: the record's stream tells of it")
    };
    let id = NoteId(take(&mut facts.next.note));
    plan.add(Change::AddNote { id, record, kind, email: Some(email) }, because);
}

/// Folds a new e-mail back into the facts, for the messages behind it in the batch.
fn remember(
    email: EmailId,
    mail: &Mail,
    conversation: &thread::Conversation,
    parent: Option<RecordId>,
    teams: &[(crate::words::TeamId, String)],
    users: &[(crate::words::UserId, String)],
    facts: &mut Facts,
) {
    facts.emails.insert(
        email,
        EmailFacts {
            thread: conversation.thread,
            content_digest: mail.content_digest,
            parent,
            parent_by: None,
            teams: teams.iter().map(|(team, _)| *team).collect(),
            users: users.iter().map(|(user, _)| *user).collect(),
            accounts: vec![facts.account.id],
        },
    );
    facts.emails_by_message_id.entry(mail.identity()).or_default().push(email);
    if let Some(record) = parent {
        facts.thread_parents.insert(conversation.thread, record);
        if let (Some(from), Some(RecordKind::Case)) = (&mail.from, facts.records.get(&record).map(|r| r.kind)) {
            facts.correspondents.insert((record, from.key()));
        }
    }
}

/// Returns the next number of a kind and moves on.
fn take(next: &mut i64) -> i64 {
    let number = *next;
    *next += 1;
    number
}
