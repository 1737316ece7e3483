//! The road of a message through the rules. This file reads from top to bottom like the manual: what a message is (date,
//! archive), whether it is known, its conversation, its record, its people, its case. Each plan is folded back into the facts, so
//! the second message of a batch sees what the first one did.

use super::answer::Role;
use super::author::{Origin, Seen};
use super::case::Course;
use super::choices::{self, Choices};
use super::duplicate::{self, Known, Other};
use super::facts::{Arrival, EmailFacts, Facts, Policy, take};
use super::filter::Scope;
use super::gate::Gate;
use super::note::note;
use super::occasion::{Occasion, occasion, sort_date};
use super::parent::{self, Found, Link};
use super::plan::{Change, NewEmail, Plan, Step};
use super::thread::{self, Conversation};
use super::{answer, author, bounce, case, notify, people, spend, twin};
use crate::mail::{Address, Mail, subject};
use crate::words::{BudgetAction, EmailId, Fate, ParentBy, RecordId};

/// Decides everything about one message and keeps the facts current.
pub fn decide(arrival: &Arrival, mail: &Mail, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    let choices = choices::import(mail, facts, &mut plan);
    if let Some((skipped_by, because)) = &choices.skip {
        plan.fate = Fate::Filtered;
        plan.skipped_by = Some(*skipped_by);
        plan.note(format!("{because} skips it; it is left alone on the server (FILTER-7)"));
        return plan;
    }
    let seen = author::see(mail, policy, facts, &mut plan);
    let other = match duplicate::find(arrival, &seen.mail, facts, &mut plan) {
        Known::Same(email) => {
            arrive_again(email, arrival, &seen, policy, choices, facts, &mut plan);
            return plan;
        }
        Known::Deleted => {
            plan.fate = Fate::Duplicate;
            return plan;
        }
        Known::Collision(other) => Some(other),
        Known::New => None,
    };
    arrive(arrival, &seen, policy, choices, other, facts, &mut plan);
    plan.of_nobody = people::reaches_nobody(&plan, facts);
    plan
}

/// The road of a message that is new to the store; `other` is what another e-mail with its Message-ID is to it.
pub fn arrive(
    arrival: &Arrival,
    seen: &Seen<'_>,
    policy: &Policy,
    choices: Choices,
    other: Option<Other>,
    facts: &mut Facts,
    plan: &mut Plan,
) {
    let mail = &*seen.mail;
    let email = EmailId(take(&mut facts.next.email));
    let occasion = occasion(arrival, seen, policy, choices, facts);
    plan.email = Some(email);
    plan.fate = if occasion.archived { Fate::Archived } else { Fate::Imported };

    let customer = author::customer(mail, seen.origin, facts, plan);
    let gate = Gate::of(mail, customer.as_ref(), seen.origin, policy, facts, plan);
    let first = other.and_then(Other::twin);
    let conversation = match first {
        Some(first) => twin::conversation(first, facts),
        None => thread::place(mail, occasion.arrived_at, other.is_some(), &gate, facts, plan),
    };
    let outgoing = bounce::outgoing(mail, facts);
    let Found { link, named } = match first {
        Some(first) => Found { link: twin::link(first, facts), named: None },
        None => parent::find(mail, customer.as_ref(), &conversation, (&gate, policy), facts, plan),
    };
    // The e-mail's row comes first in the plan, its links after it.
    let row = plan.steps.len();
    let mut teams = people::teams(&conversation, &occasion.choices, facts);
    let mut users = people::users(mail, &occasion.choices, facts);
    let account_record = link.as_ref().and_then(|link| facts.account_of(link.record));

    let mut role = if conversation.known { Role::FollowUp } else { Role::First };
    let record = link.as_ref().map(|link| link.record);
    let course = match first.zip(record.filter(|record| facts.is_case(*record))) {
        Some((first, case)) if occasion.choices.hold.is_none() => twin::course(first, case, facts),
        _ => case::course(&occasion, record, named, facts),
    };
    let link = match afford(course, email, mail, facts, plan) {
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
            if let Some(candidate) = candidate {
                people::add_people_in_question(candidate, facts, &mut teams, &mut users);
            }
            None
        }
        Course::Stay { because } => {
            plan.note(format!("no new case: {because}"));
            link
        }
    };
    // The case of a copy that came another way is the case of others (DUP-2).
    let apart = first.filter(|first| !matches!(role, Role::Opener(_)) && !twin::came_the_same_way(*first, facts));
    if let Some(link) = link.as_ref().filter(|_| apart.is_none()) {
        people::add_case_people(link.record, facts, &mut teams, &mut users);
    }
    let because = link.as_ref().map_or("no record was found for it", |link| &link.because).to_string();
    let mut new = new_email(email, &occasion, &conversation, link.as_ref(), account_record, other, arrival, facts);
    // Whoever repeats a Message-ID invites nobody (DUP-2).
    if first.is_none() || matches!(role, Role::Opener(_)) {
        new.invites = people::invited(mail, customer.as_ref(), (&conversation, link.as_ref()), &gate, facts);
    }
    plan.steps.insert(row, Step { change: Change::AddEmail(new.clone()), because });
    let account = facts.account.id;
    plan.add(Change::AddAccount { email, account }, "it came through this account");
    mark_replied(&conversation, &occasion, facts, plan);
    people::join(email, &teams, &users, &occasion, facts, plan);
    run(email, &occasion, |_| true, facts, plan);
    if let Some(because) = &occasion.choices.no_reply {
        plan.no_answer.get_or_insert_with(|| because.clone());
    }
    if let Some(link) = &link {
        match apart.filter(|_| facts.is_case(link.record)) {
            Some(first) => twin::note(email, first, link.record, facts, plan),
            None => note(email, link.record, &occasion, outgoing, facts, plan),
        }
        if first.is_none() {
            case::adopt(link, &conversation, facts, plan);
        }
    }
    remember(&new, &occasion, &teams, &users, facts);
    let record = link.as_ref().map(|link| link.record);
    let is_genuine = bounce::file(email, outgoing, record, &occasion, facts, plan);
    answer::consider(email, &occasion, role, policy, facts, plan);
    tell(email, record, &occasion, (is_genuine, true), facts, plan);
}

/// THREAD-2: what it answers is answered; a customer's e-mail not by somebody who only says to be one of us (ACCESS-5).
fn mark_replied(conversation: &Conversation, occasion: &Occasion<'_>, facts: &Facts, plan: &mut Plan) {
    let Some(email) = conversation.replied.filter(|_| occasion.mail.bounce.is_none()) else { return };
    let is_theirs = facts.emails.get(&email).is_none_or(|known| !known.ours);
    if occasion.origin.is_claimed() && is_theirs {
        plan.note(format!("ACCESS-5: e-mail {email} is not answered by it: its sender is not verified"));
    } else {
        plan.add(Change::MarkReplied { email }, "THREAD-2: this e-mail answers it");
    }
}

/// ACK-3: a case is opened, or opened again, as long as there is a budget for it; else that waits for a person's word.
fn afford(course: Course, email: EmailId, mail: &Mail, facts: &mut Facts, plan: &mut Plan) -> Course {
    let action = match &course {
        Course::Open { .. } => BudgetAction::Case,
        Course::Reopen { .. } => BudgetAction::Reopen,
        Course::Hold { .. } | Course::Stay { .. } => return course,
    };
    match spend::take(action, 1, mail.from.as_ref(), facts, plan) {
        Ok(()) => course,
        Err(because) => {
            spend::hold(action, email, because.clone(), facts, plan);
            Course::Stay { because }
        }
    }
}

/// NOTIFY: people hear of the e-mail, unless nobody does; or later, where a budget is spent (ACK-3).
pub fn tell(
    email: EmailId,
    record: Option<RecordId>,
    occasion: &Occasion<'_>,
    (is_report, is_new): (bool, bool),
    facts: &mut Facts,
    plan: &mut Plan,
) {
    let silence = if occasion.archived {
        Some("FETCH-14: it is older than the account's act-since".to_string())
    } else if occasion.sent_by_us && occasion.origin.is_own_word() && !occasion.mail.automatic.is_empty() {
        Some("AUTO-2: it went out from here by itself".to_string())
    } else if is_report {
        Some("BOUNCE-2: it is a delivery report; who wrote the e-mail hears when it did not arrive".to_string())
    } else {
        let sign = occasion.mail.reply_of_machine().filter(|_| record.is_some_and(|record| facts.is_case(record)));
        sign.map(|sign| format!("AUTO-3: it is automatic: {sign}"))
    };
    let sender = facts.emails.get(&email).and_then(|known| known.author).or(occasion.origin.author());
    let (arrived_at, silence) = (occasion.arrived_at, silence.as_deref());
    notify::tell(&notify::News { email, record, sender, arrived_at, silence, is_new }, facts, plan);
    let told = plan.steps.iter().filter(|step| matches!(step.change, Change::Notify { .. })).count();
    if told == 0 {
        return;
    }
    let count = i64::try_from(told).unwrap_or(i64::MAX);
    if let Err(because) = spend::take(BudgetAction::Notification, count, occasion.mail.from.as_ref(), facts, plan) {
        spend::hold(BudgetAction::Notification, email, because, facts, plan);
    }
}

/// The message as a row.
#[expect(clippy::too_many_arguments, reason = "it brings together what every rule before it found")]
pub fn new_email(
    id: EmailId,
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    link: Option<&Link>,
    account_record: Option<RecordId>,
    other: Option<Other>,
    arrival: &Arrival,
    facts: &Facts,
) -> NewEmail {
    let mail = occasion.mail;
    let sender = mail.from.as_ref().map(Address::key).unwrap_or_default();
    let subject = subject::read(&mail.subject);
    // Answers by subject go to the first of several copies (DUP-2).
    let is_copy = other.and_then(Other::twin).is_some();
    let by_subject = |address: &str| subject::key(&subject.base, address).filter(|_| !is_copy).unwrap_or_default();
    NewEmail {
        id,
        thread: conversation.thread,
        identity: mail.identity(),
        date: sort_date(occasion, facts.now),
        replied: conversation.replied,
        parent: link.map(|link| link.record),
        parent_by: link.map(|link| link.by),
        account_record,
        id_collision: other.is_some(),
        partial: arrival.partial,
        archived: occasion.archived,
        folder: occasion.choices.folder.as_ref().map(|(folder, _)| *folder),
        ours: occasion.origin.is_ours(),
        author: occasion.origin.author(),
        claimed: occasion.origin.is_claimed(),
        invites: Vec::new(),
        subject_from: by_subject(&sender),
        subject_to: mail.to.first().map(|to| by_subject(&to.key())).unwrap_or_default(),
        sender,
    }
}

/// The road of a message that is already in the store (DUP-1): things are added, nothing is removed.
pub fn arrive_again(
    email: EmailId,
    arrival: &Arrival,
    seen: &Seen<'_>,
    policy: &Policy,
    choices: Choices,
    facts: &mut Facts,
    plan: &mut Plan,
) {
    plan.fate = Fate::Duplicate;
    plan.email = Some(email);
    let Some(known) = facts.emails.get(&email).cloned() else { return };
    let account = facts.account.id;
    let mail = &*seen.mail;
    if !known.raws.contains(&mail.raw_digest) {
        plan.add(Change::KeepCopy { email, account }, "DUP-2: it came in other bytes, which are kept, too");
        facts.emails.entry(email).and_modify(|known| known.raws.push(mail.raw_digest));
    }
    let mut occasion = occasion(arrival, seen, policy, choices, facts);
    occasion.origin = verify(email, &known, seen.origin, facts, plan);
    let first_time_here = !known.accounts.contains(&account);
    if first_time_here {
        plan.add(Change::AddAccount { email, account }, "DUP-1: it came through this account too");
    } else if occasion.sent_by_us {
        plan.note("SEND-7: it went out through this account, and this is its copy: nobody gets it anew");
        return;
    }

    let conversation = Conversation::of(known.thread, facts);
    let mut teams = people::teams(&conversation, &occasion.choices, facts);
    let mut users = people::users_of_copy(mail, &occasion.choices, facts);
    let mut parent = facts.parent_of(email).map(|(record, _)| record);
    let mut opened = None;
    if first_time_here && known.parent_by != Some(ParentBy::Hand) {
        opened = open_late(email, &occasion, &conversation, parent, facts, plan);
        parent = opened.or(parent);
    }
    // Of a case that is there its people have the e-mail, or they are not meant to: it may be its thread's, or a copy's (DUP-2).
    if let Some(record) = opened {
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

/// ACCESS-5: what is known of the author of an e-mail that is here. Another copy of it may show that one of us wrote it, as it says.
fn verify(email: EmailId, known: &EmailFacts, seen: Origin, facts: &mut Facts, plan: &mut Plan) -> Origin {
    if known.ours || !seen.is_ours() {
        return Origin::of_stored(known);
    }
    let author = seen.author();
    plan.add(Change::Verify { email, author }, "ACCESS-5: this copy shows that one of us wrote it");
    if let Some(entry) = facts.emails.get_mut(&email) {
        (entry.ours, entry.author, entry.claimed) = (true, author, false);
    }
    seen
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
pub fn open_late(
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
    let account = parent.and_then(|record| facts.account_of(record));
    let record = case::open(email, occasion, None, (account, None), because, facts, plan);
    // The note that it has in the stream of another record comes along (NOTE-1).
    if parent.is_none() {
        note(email, record, occasion, None, facts, plan);
    }
    let gate = Gate::without_tokens(occasion.mail, None, occasion.origin, facts);
    let by = (ParentBy::Opened, "DUP-3: the e-mail opened this case");
    case::come_to(email, conversation.thread, (record, account), by, &gate, facts, plan);
    Some(record)
}

/// Folds a new e-mail back into the facts, for the messages behind it in the batch.
pub fn remember(new: &NewEmail, occasion: &Occasion<'_>, teams: &people::Teams, users: &people::Users, facts: &mut Facts) {
    let mail = occasion.mail;
    let known = EmailFacts {
        sender: new.sender.clone(),
        header_date: mail.date,
        partial: new.partial,
        thread: new.thread,
        arrived_at: occasion.arrived_at,
        content_digest: mail.content_digest,
        raws: vec![mail.raw_digest],
        parent: new.parent,
        parent_by: new.parent_by,
        teams: teams.iter().map(|(team, _)| *team).collect(),
        users: users.iter().map(|(user, _)| *user).collect(),
        accounts: vec![facts.account.id],
        ours: new.ours,
        author: new.author,
        replied: new.replied,
        id_collision: new.id_collision,
        people: mail.from.iter().chain(&mail.to).chain(&mail.cc).map(Address::key).collect(),
        claimed: new.claimed,
        automatic: !mail.automatic.is_empty(),
    };
    facts.emails.insert(new.id, known);
    facts.emails_by_message_id.entry(new.identity.clone()).or_default().push(new.id);
    // Whom somebody else wrote to has not written of it, and was not written to by us (THREAD-3).
    for key in [new.subject_from, new.subject_to].into_iter().take(if new.ours { 2 } else { 1 }) {
        if key != 0 {
            facts.by_subject.insert(key, new.id);
        }
    }
    people::let_in(&new.invites, new.parent.filter(|record| facts.is_case(*record)), new.thread, facts);
    let Some(record) = new.parent else { return };
    facts.thread_parents.insert(new.thread, record);
}
