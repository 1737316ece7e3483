//! The rules. Pure: values in, a [`Plan`] out, every change with its reason. This file reads from top to bottom like the
//! manual: what a message is (date, archive), whether it is known, its conversation, its record, its people, its case.
//! Each plan is folded back into the facts, so the second message of a batch sees what the first one did.

pub mod access;
mod again;
pub mod answer;
mod author;
mod bounce;
pub mod budget;
pub mod caller;
mod case;
pub mod delivery;
pub mod digest;
mod distribute;
mod duplicate;
mod facts;
pub mod failure;
pub mod filter;
mod hand;
pub mod host;
mod merge;
mod note;
mod notify;
pub mod outgoing;
mod parent;
mod people;
mod plan;
pub mod sender;
mod thread;

#[cfg(test)]
mod tests;

pub use again::*;
pub use facts::*;
pub use hand::*;
pub use plan::*;

use crate::mail::{Address, Mail, subject, token};
use crate::words::{BudgetAction, EmailId, Fate, ParentBy, RecordId};
use answer::Role;
use case::{Course, Occasion};
use duplicate::Known;
use filter::{Choices, Scope};
use note::note;
use parent::{Found, Link};
use thread::Conversation;

/// 1990-01-01 UTC: no mail in the store is older, so an earlier Date is an error of its sender (PARSE-5).
const FIRST_CREDIBLE_DATE: i64 = 631_152_000;

/// Decides everything about one message and keeps the facts current.
pub fn decide(arrival: &Arrival, mail: &Mail, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    let choices = filter::import(mail, facts, &mut plan);
    if let Some((skipped_by, because)) = &choices.skip {
        plan.fate = Fate::Filtered;
        plan.skipped_by = Some(*skipped_by);
        plan.note(format!("{because} skips it; it is left alone on the server (FILTER-7)"));
        return plan;
    }
    let mail = &*author::unveil(mail, facts, &mut plan);
    let collision = match duplicate::find(mail, facts, &mut plan) {
        Known::Same(email) => {
            arrive_again(email, arrival, mail, policy, choices, facts, &mut plan);
            return plan;
        }
        Known::Deleted => {
            plan.fate = Fate::Duplicate;
            return plan;
        }
        Known::Collision => true,
        Known::New => false,
    };
    arrive(arrival, mail, policy, choices, collision, facts, &mut plan);
    plan
}

/// The road of a message that is new to the store.
fn arrive(
    arrival: &Arrival,
    mail: &Mail,
    policy: &Policy,
    choices: Choices,
    collision: bool,
    facts: &mut Facts,
    plan: &mut Plan,
) {
    let email = EmailId(take(&mut facts.next.email));
    let occasion = occasion(arrival, mail, policy, choices, facts);
    plan.email = Some(email);
    plan.fate = if occasion.archived { Fate::Archived } else { Fate::Imported };

    let conversation = thread::place(mail, occasion.arrived_at, collision, facts, plan);
    let outgoing = bounce::outgoing(mail, facts);
    let customer = author::customer(mail, policy, facts, plan);
    let Found { link, named } = parent::find(mail, customer.as_ref(), &conversation, policy, facts, plan);
    // The e-mail's row comes first in the plan, its links after it.
    let row = plan.steps.len();
    let mut teams = people::teams(&conversation, &occasion.choices, facts);
    let mut users = people::users(mail, &occasion.choices, facts);
    let account_record = link.as_ref().and_then(|link| parent::account_of(link.record, facts));

    let mut role = if conversation.known { Role::FollowUp } else { Role::First };
    let link =
        match afford(case::course(&occasion, link.as_ref().map(|link| link.record), named, facts), email, mail, facts, plan) {
            Course::Open { refers_to, because } => {
                let record = case::open(email, &occasion, customer.as_ref(), (account_record, refers_to), because, facts, plan);
                role = Role::Opener(record);
                Some(Link { record, by: ParentBy::Opened, because: "it opens a case".to_string() })
            }
            Course::Reopen { case, status, because } => {
                case::reopen(case, status, because, facts, plan);
                link
            }
            Course::Hold { candidate, because } => {
                plan.fate = Fate::Held;
                case::hold(email, candidate, because, facts, plan);
                None
            }
            Course::Stay { because } => {
                plan.note(format!("no new case: {because}"));
                link
            }
        };
    if let Some(link) = &link {
        people::add_case_people(link.record, facts, &mut teams, &mut users);
    }
    let because = link.as_ref().map_or("no record was found for it", |link| &link.because).to_string();
    let new = new_email(email, &occasion, &conversation, link.as_ref(), account_record, collision, arrival, facts);
    plan.steps.insert(row, Step { change: Change::AddEmail(new.clone()), because });
    let account = facts.account.id;
    plan.add(Change::AddAccount { email, account }, "it came through this account");
    if let Some(replied) = conversation.replied.filter(|_| mail.bounce.is_none()) {
        plan.add(Change::MarkReplied { email: replied }, "THREAD-2: this e-mail answers it");
    }
    people::join(email, &teams, &users, &occasion, facts, plan);
    run(email, &occasion, |_| true, facts, plan);
    if let Some(because) = &occasion.choices.no_reply {
        plan.no_answer.get_or_insert_with(|| because.clone());
    }
    if let Some(link) = &link {
        note(email, link.record, mail, outgoing, facts, plan);
        case::adopt(link, &conversation, facts, plan);
    }
    remember(&new, &occasion, &teams, &users, facts);
    let record = link.as_ref().map(|link| link.record);
    let is_genuine = bounce::file(email, outgoing, record, &occasion, facts, plan);
    answer::consider(email, &occasion, role, policy, facts, plan);
    tell(email, record, &occasion, (is_genuine, true), facts, plan);
}

/// ACK-3: a case is opened, or opened again, as long as there is a budget for it; else that waits for a person's word.
fn afford(course: Course, email: EmailId, mail: &Mail, facts: &mut Facts, plan: &mut Plan) -> Course {
    let action = match &course {
        Course::Open { .. } => BudgetAction::Case,
        Course::Reopen { .. } => BudgetAction::Reopen,
        Course::Hold { .. } | Course::Stay { .. } => return course,
    };
    match budget::take(action, 1, mail.from.as_ref(), facts, plan) {
        Ok(()) => course,
        Err(because) => {
            budget::hold(action, email, because.clone(), facts, plan);
            Course::Stay { because }
        }
    }
}

/// NOTIFY: people hear of the e-mail, unless nobody does; or later, where a budget is spent (ACK-3).
fn tell(
    email: EmailId,
    record: Option<RecordId>,
    occasion: &Occasion<'_>,
    (is_report, is_new): (bool, bool),
    facts: &mut Facts,
    plan: &mut Plan,
) {
    let silence = if occasion.archived {
        Some("FETCH-14: it is older than the account's act-since".to_string())
    } else if occasion.sent_by_us && !occasion.mail.automatic.is_empty() {
        Some("AUTO-2: it went out from here by itself".to_string())
    } else if is_report {
        Some("BOUNCE-2: it is a delivery report; who wrote the e-mail hears when it did not arrive".to_string())
    } else {
        let sign = case::automatic(occasion.mail, facts).filter(|_| record.is_some_and(|record| facts.is_case(record)));
        sign.map(|sign| format!("AUTO-3: it is automatic: {sign}"))
    };
    // Who wrote as a group account is known by more than From.
    let author = facts.emails.get(&email).and_then(|known| known.author);
    let sender = author.or_else(|| occasion.mail.from.as_ref().and_then(|from| facts.users.get(&from.key())).copied());
    let (arrived_at, silence) = (occasion.arrived_at, silence.as_deref());
    notify::tell(&notify::News { email, record, sender, arrived_at, silence, is_new }, facts, plan);
    let told = plan.steps.iter().filter(|step| matches!(step.change, Change::Notify { .. })).count();
    if told == 0 {
        return;
    }
    let count = i64::try_from(told).unwrap_or(i64::MAX);
    if let Err(because) = budget::take(BudgetAction::Notification, count, occasion.mail.from.as_ref(), facts, plan) {
        budget::hold(BudgetAction::Notification, email, because, facts, plan);
    }
}

/// What the rules of cases ask of a message.
fn occasion<'a>(arrival: &Arrival, mail: &'a Mail, policy: &Policy, choices: Choices, facts: &Facts) -> Occasion<'a> {
    let arrived_at = arrived_at(arrival, mail, facts.now);
    Occasion {
        mail,
        // FETCH-14: mail older than the account's `act-since` is history, not work.
        archived: arrived_at < facts.account.act_since,
        arrived_at,
        choices,
        sent_by_us: mail.message_id.as_ref().is_some_and(|id| token::is_ours(&policy.tokens, id)),
        quiet: facts.quiet_before.is_some_and(|before| arrival.internal_date.is_none_or(|date| date < before)),
    }
}

/// The message as a row.
#[expect(clippy::too_many_arguments, reason = "it brings together what every rule before it found")]
fn new_email(
    id: EmailId,
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    link: Option<&Link>,
    account_record: Option<RecordId>,
    id_collision: bool,
    arrival: &Arrival,
    facts: &Facts,
) -> NewEmail {
    let mail = occasion.mail;
    let sender = mail.from.as_ref().map(Address::key).unwrap_or_default();
    let subject = subject::read(&mail.subject);
    let by_subject = |address: &str| subject::key(&subject.base, address).unwrap_or_default();
    NewEmail {
        id,
        thread: conversation.thread,
        identity: mail.identity(),
        date: sort_date(occasion, facts.now),
        replied: conversation.replied,
        parent: link.map(|link| link.record),
        parent_by: link.map(|link| link.by),
        account_record,
        id_collision,
        partial: arrival.partial,
        archived: occasion.archived,
        folder: occasion.choices.folder.as_ref().map(|(folder, _)| *folder),
        ours: people::author_is_ours(mail, facts),
        author: facts.users.get(&sender).copied(),
        subject_from: by_subject(&sender),
        subject_to: mail.to.first().map(|to| by_subject(&to.key())).unwrap_or_default(),
        sender,
    }
}

/// The road of a message that is already in the store (DUP-1): things are added, nothing is removed.
fn arrive_again(
    email: EmailId,
    arrival: &Arrival,
    mail: &Mail,
    policy: &Policy,
    choices: Choices,
    facts: &mut Facts,
    plan: &mut Plan,
) {
    plan.fate = Fate::Duplicate;
    plan.email = Some(email);
    let Some(known) = facts.emails.get(&email).cloned() else { return };
    let account = facts.account.id;
    let occasion = occasion(arrival, mail, policy, choices, facts);
    let first_time_here = !known.accounts.contains(&account);
    if first_time_here {
        plan.add(Change::AddAccount { email, account }, "DUP-1: it came through this account too");
    } else if occasion.sent_by_us {
        plan.note("SEND-7: it went out through this account, and this is its copy: nobody gets it anew");
        return;
    }

    let conversation = Conversation { thread: facts.thread(known.thread), replied: None, known: true, mixed: false };
    let mut teams = people::teams(&conversation, &occasion.choices, facts);
    let mut users = people::users(mail, &occasion.choices, facts);
    let mut parent = facts.parent_of(email).map(|(record, _)| record);
    let mut opened = None;
    if first_time_here && known.parent_by != Some(ParentBy::Hand) {
        opened = open_late(email, &occasion, &conversation, parent, facts, plan);
        parent = opened.or(parent);
    }
    if let Some(record) = parent {
        people::add_case_people(record, facts, &mut teams, &mut users);
    }
    teams.retain(|(team, _)| !known.teams.contains(team));
    users.retain(|(user, _)| !known.users.contains(user));
    people::join(email, &teams, &users, &occasion, facts, plan);
    if first_time_here {
        // The global filters spoke when it came first.
        run(email, &occasion, |scope| scope == Scope::Account, facts, plan);
    }

    if let Some(entry) = facts.emails.get_mut(&email) {
        if first_time_here {
            entry.accounts.push(account);
        }
        entry.teams.extend(teams.iter().map(|(team, _)| *team));
        entry.users.extend(users.iter().map(|(user, _)| *user));
    }
    if let Some(case) = opened {
        answer::consider(email, &occasion, Role::Opener(case), policy, facts, plan);
    }
    tell(email, parent, &occasion, (false, false), facts, plan);
}

/// FILTER-4: the commands that filters of these scopes want run; mail that is history is no work for them either (FETCH-14).
fn run(email: EmailId, occasion: &Occasion<'_>, of: impl Fn(Scope) -> bool, facts: &Facts, plan: &mut Plan) {
    for wanted in occasion.choices.run.iter().filter(|wanted| of(wanted.scope)) {
        if occasion.archived {
            plan.note(format!("FETCH-14: the command {:?} is not run for mail older than act-since", wanted.command));
            continue;
        }
        let (filter, command) = (wanted.filter.clone(), wanted.command.clone());
        plan.add(Change::Run { email, account: facts.account.id, filter, command }, &wanted.because);
    }
}

/// DUP-3: mail that was first seen by an account that makes no cases makes its case at the first that does.
fn open_late(
    email: EmailId,
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    parent: Option<RecordId>,
    facts: &mut Facts,
    plan: &mut Plan,
) -> Option<RecordId> {
    if parent.is_some_and(|record| facts.is_case(record)) {
        plan.note("no new case: CASE-1: it belongs to one");
        return None;
    }
    let because = match afford(case::course(occasion, parent, None, facts), email, occasion.mail, facts, plan) {
        Course::Open { because, .. } => format!("DUP-3: first here by a case-making account; {because}"),
        Course::Stay { because } => {
            plan.note(format!("no new case: {because}"));
            return None;
        }
        Course::Reopen { .. } | Course::Hold { .. } => return None,
    };
    let account = parent.and_then(|record| parent::account_of(record, facts));
    let record = case::open(email, occasion, None, (account, None), because, facts, plan);
    let thread = conversation.thread;
    let change = Change::SetParent { email, thread, parent: record, by: ParentBy::Opened, account };
    plan.add(change, "DUP-3: the e-mail opened this case");
    // The note that it has in the stream of another record comes along (NOTE-1).
    if parent.is_none() {
        note(email, record, occasion.mail, None, facts, plan);
    }
    facts.thread_parents.insert(thread, record);
    if let Some(entry) = facts.emails.get_mut(&email) {
        (entry.parent, entry.parent_by) = (Some(record), Some(ParentBy::Opened));
    }
    Some(record)
}

/// Returns when the message reached us: INTERNALDATE, else its Date, else now; seconds since 1970 UTC.
fn arrived_at(arrival: &Arrival, mail: &Mail, now: i64) -> i64 {
    arrival.internal_date.or_else(|| mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=now).contains(date))).unwrap_or(now)
}

/// PARSE-5: the date to sort by. A Date in the future or before 1990 sorts by arrival.
fn sort_date(occasion: &Occasion<'_>, now: i64) -> i64 {
    occasion.mail.date.filter(|date| (FIRST_CREDIBLE_DATE..=now).contains(date)).unwrap_or(occasion.arrived_at)
}

/// Folds a new e-mail back into the facts, for the messages behind it in the batch.
fn remember(new: &NewEmail, occasion: &Occasion<'_>, teams: &people::Teams, users: &people::Users, facts: &mut Facts) {
    let mail = occasion.mail;
    let known = EmailFacts {
        thread: new.thread,
        arrived_at: occasion.arrived_at,
        content_digest: mail.content_digest,
        parent: new.parent,
        parent_by: new.parent_by,
        teams: teams.iter().map(|(team, _)| *team).collect(),
        users: users.iter().map(|(user, _)| *user).collect(),
        accounts: vec![facts.account.id],
        ours: new.ours,
        author: new.author,
    };
    facts.emails.insert(new.id, known);
    facts.emails_by_message_id.entry(new.identity.clone()).or_default().push(new.id);
    for key in [new.subject_from, new.subject_to] {
        if key != 0 {
            facts.by_subject.insert(key, new.id);
        }
    }
    let Some(record) = new.parent else { return };
    facts.thread_parents.insert(new.thread, record);
    if facts.is_case(record) {
        if !new.sender.is_empty() {
            facts.correspondents.insert((record, new.sender.clone()));
        }
        merge::invite(record, new.parent_by == Some(ParentBy::Opened), new.ours, mail, facts);
    }
}

/// Returns the next number of a kind and moves on.
fn take(next: &mut i64) -> i64 {
    let number = *next;
    *next += 1;
    number
}
