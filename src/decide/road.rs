//! The road of a message through the rules. This file reads from top to bottom like the manual: what a message is (date,
//! archive), whether it is known, its conversation, its record, its people, its case. Each plan is folded back into the facts, so
//! the second message of a batch sees what the first one did.

use super::answer::Role;
use super::author::{Origin, Seen};
use super::case::Course;
use super::choices;
use super::desk::Desk;
use super::duplicate::{self, Known, Other};
use super::facts::{Arrival, EmailFacts, Facts, Policy, take};
use super::filter::{Choices, Scope};
use super::gate::Gate;
use super::note::note;
use super::occasion::{Occasion, occasion, sort_date};
use super::parent::{self, Found, Link};
use super::plan::{Change, NewEmail, Plan};
use super::reason::{Reason, reason};
use super::thread::{self, Conversation};
use super::{afterwards, answer, author, bounce, case, distribute, notify, people, spend, twin};
use crate::mail::{Address, Mail, subject};
use crate::words::{AccountKind, BudgetAction, EmailId, Fate, Machine, ParentBy, RecordId, Rule};

/// Decides everything about one message and keeps the facts current.
pub fn decide(arrival: &Arrival, mail: &Mail, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    let choices = choices::import(mail, facts, &mut plan);
    if let Some((skipped_by, because)) = &choices.skip {
        plan.fate = Fate::Filtered;
        plan.skipped_by = Some(*skipped_by);
        let where_it_is = match facts.account.mailbox {
            Some(_) => "it is left alone on the server",
            None => "no server keeps it for us, so its bytes are kept for a while",
        };
        plan.note(because.and(format_args!(" skips it; {where_it_is} ({})", Rule::Filter7)));
        return plan;
    }
    let seen = match author::letter(arrival, mail, policy, facts) {
        Some(letter) => letter,
        None => author::see(mail, policy, facts, &mut plan),
    };
    let seen = duplicate::another(arrival, seen, facts, &mut plan);
    let other = match duplicate::find(arrival, &seen.mail, facts, &mut plan) {
        Known::Same(email) => {
            arrive_again(email, arrival, &seen, choices, &mut Desk { facts, plan: &mut plan, policy });
            plan.for_nobody = distribute::opens_for_nobody(&plan, facts);
            return plan;
        }
        Known::Deleted => {
            plan.fate = Fate::Duplicate;
            return plan;
        }
        Known::Collision(other) => Some(other),
        Known::New => None,
    };
    arrive(arrival, &seen, choices, other, &mut Desk { facts, plan: &mut plan, policy });
    plan.of_nobody = people::reaches_nobody(&plan, &seen.mail, facts);
    plan.for_nobody = distribute::opens_for_nobody(&plan, facts);
    plan
}

/// The road of a message that is new to the store; `other` is what another e-mail with its Message-ID is to it.
pub fn arrive(arrival: &Arrival, seen: &Seen<'_>, choices: Choices, other: Option<Other>, desk: &mut Desk<'_>) {
    let mail = &*seen.mail;
    let email = EmailId(take(&mut desk.facts.next.email));
    let occasion = occasion(email, arrival, seen, desk.policy, choices, desk.facts);
    desk.plan.email = Some(email);
    desk.plan.fate = if occasion.archived { Fate::Archived } else { Fate::Imported };

    let customer = author::customer(mail, seen.origin, desk.facts, desk.plan);
    let gate = Gate::of(mail, customer.as_ref().or(occasion.list), seen.origin, desk.policy, desk.facts, desk.plan);
    let first = other.and_then(Other::twin).filter(|first| gate.may_touch(*first, desk.facts));
    let conversation = match first {
        Some(first) => twin::conversation(first, desk.facts),
        None => thread::place(mail, occasion.arrived_at, other.is_some(), &gate, desk),
    };
    if let Some(Other::Behind(_)) = other {
        thread::take_over(mail, conversation.thread, desk);
    }
    let outgoing = bounce::outgoing(mail, desk.facts).filter(|letter| gate.may_touch(*letter, desk.facts));
    let Found { link, named, left } = match first {
        Some(first) => twin::find(first, &conversation, &gate, desk.facts),
        None => parent::find(&occasion, customer.as_ref(), &conversation, (&gate, desk.policy), desk.facts, desk.plan),
    };
    // The letter itself, for this desk: the copy that others have is of no case.
    let beside = first.filter(|first| link.as_ref().is_none_or(|link| !twin::is_letter_here(*first, link.record, desk.facts)));
    // The e-mail's row comes first in the plan, its links after it.
    let row = desk.plan.steps().len();
    let mut teams = people::teams(&conversation, &occasion.choices, desk.facts);
    let mut users = match other {
        // Whom it names has the first one, or is to get nothing by this one.
        Some(Other::Apart) => people::users_of_copy(mail, &occasion.choices, desk.facts),
        Some(Other::Twin(_) | Other::Stranger | Other::Behind(_)) | None => people::users(mail, &occasion.choices, desk.facts),
    };
    let account_record = link.as_ref().and_then(|link| desk.facts.account_of(link.record));

    let mut role = if conversation.known { Role::FollowUp } else { Role::First };
    let record = link.as_ref().map(|link| link.record);
    let course = match beside.zip(record.filter(|record| desk.facts.is_case(*record))) {
        Some((first, case)) if occasion.choices.hold.is_none() => twin::course(first, case, desk.facts),
        _ if first.is_some() && twin::is_any_settled(mail, desk.facts) => {
            Course::Stay { because: reason!(Dup2, "it is another copy of an e-mail of which a person said where it belongs") }
        }
        _ => case::course(&occasion, record, named, desk.facts),
    };
    let link = match afford(course, &occasion, desk) {
        Course::Open { refers_to, because } => {
            let record = case::open(&occasion, customer.as_ref(), account_record, refers_to.or(left), because, desk);
            role = Role::Opener(record);
            Some(Link { record, by: ParentBy::Opened, because: "it opens a case".into() })
        }
        Course::Reopen { case, status, because } => {
            case::reopen(case, status, because, desk);
            link
        }
        Course::Hold { candidate, because } => {
            desk.plan.fate = Fate::Held;
            case::hold(email, candidate, because, desk);
            if let Some(candidate) = candidate {
                let given = people::add_people_in_question(candidate, desk.facts, &mut teams, &mut users);
                desk.plan.given = Some(given);
            }
            None
        }
        Course::Stay { because } => {
            desk.plan.opens_none(because);
            link
        }
    };
    // The case of a copy that came another way is the case of others (DUP-2).
    let apart = beside.filter(|first| !matches!(role, Role::Opener(_)) && !twin::came_the_same_way(*first, desk.facts));
    if let Some(link) = link.as_ref().filter(|_| apart.is_none()) {
        desk.plan.given = Some(people::add_case_people(link.record, desk.facts, &mut teams, &mut users));
    }
    let because = link.as_ref().map_or_else(|| "no record was found for it".into(), |link| link.because.clone());
    let mut new = new_email(&occasion, &conversation, link.as_ref(), account_record, other, desk.facts);
    // Whoever repeats a Message-ID invites nobody (DUP-2).
    if first.is_none() || matches!(role, Role::Opener(_)) {
        new.invites = people::invited(mail, customer.as_ref(), (&conversation, link.as_ref()), &gate, desk.facts);
    }
    desk.plan.add_at(row, Change::AddEmail(new.clone()), because);
    let account = desk.facts.account.id;
    desk.plan.add(Change::AddAccount { email, account }, "it came through this account");
    mark_replied(&conversation, &occasion, desk);
    people::join(&teams, &users, &occasion, desk);
    run(&occasion, |_| true, desk);
    afterwards::decide(&occasion, desk);
    if let Some((_, because)) = &occasion.choices.folder {
        desk.plan.note(because.and(" files it into a group folder"));
    }
    if let Some(because) = &occasion.choices.no_reply {
        desk.plan.no_answer.get_or_insert_with(|| because.clone());
    }
    if let Some(link) = &link {
        match apart.filter(|_| desk.facts.is_case(link.record)) {
            Some(first) => twin::note(email, first, link.record, desk),
            None => note(link.record, &occasion, outgoing, desk),
        }
        if first.is_none() {
            case::adopt(link, &conversation, desk);
        }
    }
    remember(&new, &occasion, &teams, &users, desk.facts);
    let record = link.as_ref().map(|link| link.record);
    let is_genuine = bounce::file(outgoing, record, &occasion, desk);
    answer::consider(&occasion, role, desk);
    bounce::hear_from(&occasion, desk);
    let news = if is_genuine { News::Report } else { News::New };
    tell(record, &occasion, news, desk);
}

/// THREAD-2: what it answers is answered; a customer's e-mail not by somebody who only says to be one of us (ACCESS-5).
fn mark_replied(conversation: &Conversation, occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let Some(email) = conversation.replied.filter(|_| occasion.mail.bounce.is_none()) else { return };
    let is_theirs = desk.facts.emails.get(&email).is_none_or(|known| !known.ours);
    if occasion.origin.is_claimed() && is_theirs {
        desk.plan.note(reason!(Access5, "e-mail {email} is not answered by it: its sender is not verified"));
    } else {
        desk.plan.add(Change::MarkReplied { email }, reason!(Thread2, "this e-mail answers it"));
    }
}

/// ACK-3: a case is opened, or opened again, as long as there is a budget for it; else that waits for a person's word.
fn afford(course: Course, occasion: &Occasion<'_>, desk: &mut Desk<'_>) -> Course {
    let action = match &course {
        Course::Open { .. } => BudgetAction::Case,
        Course::Reopen { .. } => BudgetAction::Reopen,
        Course::Hold { .. } | Course::Stay { .. } => return course,
    };
    match spend::take(action, 1, occasion.mail.from.as_ref(), desk) {
        Ok(()) => course,
        Err(because) => {
            spend::hold(action, occasion.email, because.clone(), desk);
            Course::Stay { because }
        }
    }
}

/// What an e-mail is to those who may hear of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum News<'a> {
    New,
    /// A delivery report of something that we did send.
    Report,
    /// It was here before.
    Old,
    /// It was here before as it is told here, and came once more.
    Copy(&'a EmailFacts),
}

/// NOTIFY: people hear of the e-mail, unless nobody does; or later, where a budget is spent (ACK-3).
pub fn tell(record: Option<RecordId>, occasion: &Occasion<'_>, news: News<'_>, desk: &mut Desk<'_>) {
    let email = occasion.email;
    let silence = if occasion.archived {
        Some(reason!(Fetch14, "it is older than the account's act-since"))
    } else if occasion.sent_by_us && occasion.origin.is_own_word() && !occasion.mail.automatic.is_empty() {
        Some(reason!(Auto2, "it went out from here by itself"))
    } else if is_own_bulk(occasion.mail, desk.facts) {
        Some(reason!(Auto2, "it comes from our own account, and is bulk: such as what told of other mail, sent on"))
    } else if news == News::Report {
        Some(reason!(Bounce2, "it is a delivery report; who wrote the e-mail hears when it did not arrive"))
    } else {
        let sign = occasion.mail.reply_of_machine().filter(|_| record.is_some_and(|record| desk.facts.is_case(record)));
        sign.map(|sign| reason!(Auto3, "it is automatic: {sign}"))
    };
    let sender = desk.facts.emails.get(&email).and_then(|known| known.author).or(occasion.origin.author());
    let arrived_at = occasion.arrived_at;
    let before = match news {
        News::New | News::Report => None,
        News::Old => desk.facts.emails.get(&email).cloned(),
        News::Copy(known) => Some(known.clone()),
    };
    notify::tell(&notify::News { email, record, sender, arrived_at, silence, before }, desk);
    let told = desk.plan.steps().iter().filter(|step| matches!(step.change, Change::Notify { .. })).count();
    if told == 0 {
        return;
    }
    let count = i64::try_from(told).unwrap_or(i64::MAX);
    if let Err(because) = spend::take(BudgetAction::Notification, count, occasion.mail.from.as_ref(), desk) {
        spend::hold(BudgetAction::Notification, email, because, desk);
    }
}

/// Whether it is like our own digests (NOTIFY-3) that a rule of somebody's mailbox sends on as new mail: to tell of them makes the next.
fn is_own_bulk(mail: &Mail, facts: &Facts) -> bool {
    let is_bulk = mail.automatic.iter().any(|sign| sign.kind == Machine::Bulk);
    is_bulk && mail.from.as_ref().is_some_and(|from| facts.is_own(&from.key()))
}

/// The message as a row.
pub fn new_email(
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    link: Option<&Link>,
    account_record: Option<RecordId>,
    other: Option<Other>,
    facts: &Facts,
) -> NewEmail {
    let mail = occasion.mail;
    let sender = mail.from.as_ref().map(Address::key).unwrap_or_default();
    let subject = subject::read(&mail.subject);
    // Answers by subject go to the first of several copies (DUP-2).
    let is_copy = other.and_then(Other::twin).is_some();
    let by_subject = |address: &str| subject::key(&subject.base, address).filter(|_| !is_copy).unwrap_or_default();
    NewEmail {
        id: occasion.email,
        thread: conversation.thread,
        identity: mail.identity(),
        date: sort_date(occasion, facts.taken_at.unwrap_or(facts.now)),
        replied: conversation.replied,
        parent: link.map(|link| link.record),
        parent_by: link.map(|link| link.by),
        account_record,
        id_collision: matches!(other, Some(other) if !matches!(other, Other::Behind(_))),
        partial: occasion.partial,
        archived: occasion.archived,
        folder: occasion.choices.folder.as_ref().map(|(folder, _)| *folder),
        filed_by: occasion.choices.folder.as_ref().and_then(|(_, because)| because.filter),
        ours: occasion.origin.is_ours(),
        author: occasion.origin.author(),
        claimed: occasion.origin.is_claimed(),
        disowned: occasion.disowned,
        invites: Vec::new(),
        subject_from: by_subject(&sender),
        subject_to: mail.to.first().map(|to| by_subject(&to.key())).unwrap_or_default(),
        sender,
    }
}

/// The road of a message that is already in the store (DUP-1): things are added, nothing is removed.
pub fn arrive_again(email: EmailId, arrival: &Arrival, seen: &Seen<'_>, choices: Choices, desk: &mut Desk<'_>) {
    desk.plan.fate = Fate::Duplicate;
    desk.plan.email = Some(email);
    let Some(known) = desk.facts.emails.get(&email).cloned() else { return };
    let account = desk.facts.account.id;
    let mail = &*seen.mail;
    if !known.raws.contains(&mail.raw_digest) {
        desk.plan.add(Change::KeepCopy { email, account }, reason!(Dup2, "it came in other bytes, which are kept, too"));
        desk.facts.emails.entry(email).and_modify(|known| known.raws.push(mail.raw_digest));
    }
    let mut occasion = occasion(email, arrival, seen, desk.policy, choices, desk.facts);
    occasion.origin = verify(email, &known, seen.origin, desk);
    let first_time_here = !known.accounts.contains(&account);
    if first_time_here {
        desk.plan.add(Change::AddAccount { email, account }, reason!(Dup1, "it came through this account too"));
    } else if occasion.sent_by_us {
        desk.plan.note(reason!(Send7, "it went out through this account, and this is its copy: nobody gets it anew"));
        return;
    }
    if desk.facts.moved_here.contains(&email) {
        desk.plan.note(reason!(Fetch9, "we moved it here: it is what came before"));
        return;
    }
    afterwards::decide(&occasion, desk);

    let mut conversation = Conversation::of(known.thread, desk.facts);
    let mut parent = desk.facts.parent_of(email).map(|(record, _)| record);
    if parent.is_none() && desk.facts.account.make_cases {
        // Another copy of it may have opened one.
        let copies = duplicate::twins(mail, desk.facts).filter(|copy| *copy != email);
        let mut cases = copies.filter_map(|copy| desk.facts.parent_of(copy)).map(|(record, _)| record);
        parent = cases.find(|record| desk.facts.is_case(*record));
    }
    let first = first_of(email, &known, mail, desk.facts);
    let mut late = Late::Nothing;
    if first_time_here && !twin::is_settled(email, desk.facts) {
        late = place_late(&occasion, &mut conversation, (parent, first), desk);
    } else if first_time_here && desk.facts.account.make_cases {
        desk.plan.opens_none(reason!(Link7, "a person said where it belongs"));
    }
    let (mut teams, mut users) =
        (people::teams(&conversation, &occasion.choices, desk.facts), people::users_of_copy(mail, &occasion.choices, desk.facts));
    match late {
        // Of a case that is there its people have the e-mail, or they are not meant to: it may be its thread's, or a copy's (DUP-2).
        Late::Entered(case) | Late::Opened(case) => {
            parent = Some(case);
            people::add_case_people(case, desk.facts, &mut teams, &mut users);
        }
        // The case of a copy that came another way is the case of others (DUP-2).
        Late::Beside(case) => parent = Some(case),
        Late::Held(Some(candidate)) => {
            people::add_people_in_question(candidate, desk.facts, &mut teams, &mut users);
        }
        Late::Held(None) | Late::Nothing => {}
    }
    teams.retain(|(team, _)| !known.teams.contains(team));
    users.retain(|(user, _)| !known.users.contains(user));
    people::join(&teams, &users, &occasion, desk);
    if first_time_here {
        file_copy(&occasion, desk);
        // The global filters spoke when it came first.
        run(&occasion, |scope| scope == Scope::Account, desk);
    }

    if let Some(entry) = desk.facts.emails.get_mut(&email) {
        if first_time_here {
            entry.accounts.push(account);
            entry.at_desk |= desk.facts.account.make_cases;
        }
        entry.teams.extend(teams.iter().map(|(team, _)| *team));
        entry.users.extend(users.iter().map(|(user, _)| *user));
    }
    if let Late::Opened(case) = late {
        answer::consider(&occasion, Role::Opener(case), desk);
    }
    // Of a case that it came to just now nobody has heard.
    let is_news = matches!(late, Late::Entered(_) | Late::Beside(_));
    tell(parent, &occasion, if is_news { News::New } else { News::Copy(&known) }, desk);
}

/// FILTER-4, INBOX-2: an e-mail has one group folder at most; that of the first account which says one.
fn file_copy(occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let Some((folder, because)) = &occasion.choices.folder else { return };
    let change = Change::FileCopy { email: occasion.email, folder: *folder, filed_by: because.filter };
    desk.plan.add(change, because.and(" files it into a group folder"));
}

/// What becomes of an e-mail by an account that it came through later.
#[derive(Clone, Copy)]
enum Late {
    Entered(RecordId),
    /// It came to the case of another copy, which is the case of others.
    Beside(RecordId),
    Opened(RecordId),
    /// It waits for a person's word, perhaps about a case.
    Held(Option<RecordId>),
    Nothing,
}

/// DUP-3: another account may have brought it first, by which it entered no case of others (ACCESS-2). Now it is what this account got:
/// it finds its case, opens one or waits, as of any mail.
fn place_late(
    occasion: &Occasion<'_>,
    conversation: &mut Conversation,
    (parent, first): (Option<RecordId>, Option<EmailId>),
    desk: &mut Desk<'_>,
) -> Late {
    if parent.is_some_and(|record| desk.facts.is_case(record)) {
        desk.plan.opens_none(reason!(Case1, "it belongs to one"));
        if let Some(because) = &occasion.choices.hold {
            desk.plan.note(because.and(" would hold it for review, but it belongs to a case"));
        }
        return Late::Nothing;
    }
    if desk.facts.account.kind == AccountKind::Personal {
        if let Course::Stay { because } = case::course(occasion, parent, None, desk.facts) {
            desk.plan.opens_none(because);
        }
        return Late::Nothing;
    }
    let mail = occasion.mail;
    let customer = author::customer(mail, occasion.origin, desk.facts, desk.plan);
    let in_place = customer.as_ref().or(occasion.list);
    let gate = Gate::of(mail, in_place, occasion.origin, desk.policy, desk.facts, desk.plan);
    let of_copy = first.and_then(|first| twin::of_first(first, desk.facts)).filter(|link| desk.facts.is_case(link.record));
    let first = first.filter(|_| of_copy.is_some());
    let Found { link, named, left } = match of_copy {
        Some(link) => Found { link: Some(link), named: None, left: None },
        None => {
            let own = conversation.thread;
            *conversation = thread::again(mail, (occasion.email, own), occasion.arrived_at, &gate, desk);
            let found = parent::find(occasion, customer.as_ref(), conversation, (&gate, desk.policy), desk.facts, desk.plan);
            conversation.thread = own;
            found
        }
    };
    // What answers a letter of a case may come to it as mail, and not by a look at what was here before (WHY-2).
    let is_looked_at = desk.facts.taken_at.is_some();
    let may_enter = |link: &Link| !is_looked_at || link.by != ParentBy::Thread || desk.facts.may_enter_by_thread(link.record);
    let link = link.filter(|link| desk.facts.is_case(link.record) && may_enter(link));
    let course = match (first, &link) {
        (Some(first), Some(link)) if occasion.choices.hold.is_none() => twin::course(first, link.record, desk.facts),
        _ => case::course(occasion, link.as_ref().map(|link| link.record).or(parent), named, desk.facts),
    };
    match afford(course, occasion, desk) {
        Course::Open { refers_to, because } => {
            let because = reason!(Dup3, "first here by a case-making account; {because}");
            Late::Opened(open_for(occasion, conversation, parent, (customer.as_ref(), refers_to.or(left), because), desk))
        }
        Course::Hold { candidate, because } => {
            case::hold(occasion.email, candidate, because, desk);
            Late::Held(candidate)
        }
        Course::Reopen { case, status, because } => {
            case::reopen(case, status, because, desk);
            link.map_or(Late::Nothing, |link| enter_late(occasion, conversation, (parent, link, first), desk))
        }
        Course::Stay { because } => {
            desk.plan.opens_none(because);
            link.map_or(Late::Nothing, |link| enter_late(occasion, conversation, (parent, link, first), desk))
        }
    }
}

/// The same e-mail comes to a case, by itself: who else wrote into its thread is let in by their own account or not at all.
fn enter_late(
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    (parent, link, first): (Option<RecordId>, Link, Option<EmailId>),
    desk: &mut Desk<'_>,
) -> Late {
    let email = occasion.email;
    let (case, by) = (link.record, link.by);
    let account = desk.facts.account_of(case);
    let because = reason!(Dup3, "first here by an account that may let it in; {}", link.because);
    desk.plan.add(Change::Relink { email, parent: Some(case), by: Some(by), account }, because);
    if let Some(entry) = desk.facts.emails.get_mut(&email) {
        (entry.parent, entry.parent_by) = (Some(case), Some(by));
    }
    desk.facts.lead(conversation.thread, case);
    mark_replied(conversation, occasion, desk);
    // The note that it has in the stream of another record comes along (NOTE-1).
    match first.filter(|first| !twin::came_the_same_way(*first, desk.facts)) {
        Some(first) => {
            twin::note(email, first, case, desk);
            Late::Beside(case)
        }
        None => {
            if parent.is_none() {
                note(case, occasion, None, desk);
            }
            Late::Entered(case)
        }
    }
}

/// The e-mail that a stored one is another copy of, by its Message-ID, author and date (DUP-2).
fn first_of(email: EmailId, known: &EmailFacts, mail: &Mail, facts: &Facts) -> Option<EmailId> {
    let other = known.id_collision.then(|| duplicate::other(mail, facts));
    other.and_then(Other::twin).filter(|first| *first != email)
}

/// ACCESS-5: what is known of the author of an e-mail that is here. Another copy of it may show that one of us wrote it, as it says.
fn verify(email: EmailId, known: &EmailFacts, seen: Origin, desk: &mut Desk<'_>) -> Origin {
    if known.ours || !seen.is_ours() {
        return Origin::of_stored(known);
    }
    let author = seen.author();
    desk.plan.add(Change::Verify { email, author }, reason!(Access5, "this copy shows that one of us wrote it"));
    if let Some(entry) = desk.facts.emails.get_mut(&email) {
        (entry.ours, entry.author, entry.claimed) = (true, author, false);
    }
    seen
}

/// FILTER-4: the commands that filters of these scopes want run; mail that is history is no work for them either (FETCH-14).
fn run(occasion: &Occasion<'_>, of: impl Fn(Scope) -> bool, desk: &mut Desk<'_>) {
    for wanted in occasion.choices.run.iter().filter(|wanted| of(wanted.scope)) {
        if occasion.archived {
            desk.plan.note(reason!(Fetch14, "the command {:?} is not run for mail older than act-since", wanted.command));
            continue;
        }
        let (filter, command) = (wanted.filter.clone(), wanted.command.clone());
        desk.plan.add(Change::Run { email: occasion.email, account: desk.facts.account.id, filter, command }, &wanted.because);
    }
}

/// DUP-3: mail that is here and of no case opens one, if the account makes cases.
pub fn open_late(
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    parent: Option<RecordId>,
    desk: &mut Desk<'_>,
) -> Option<RecordId> {
    if parent.is_some_and(|record| desk.facts.is_case(record)) {
        desk.plan.opens_none(reason!(Case1, "it belongs to one"));
        return None;
    }
    let (refers_to, because) = match afford(case::course(occasion, parent, None, desk.facts), occasion, desk) {
        Course::Open { refers_to, because } => (refers_to, reason!(Dup3, "first here by a case-making account; {because}")),
        Course::Stay { because } => {
            desk.plan.opens_none(because);
            return None;
        }
        Course::Reopen { .. } | Course::Hold { .. } => return None,
    };
    Some(open_for(occasion, conversation, parent, (None, refers_to, because), desk))
}

/// An e-mail that is here opens a case, which may be a customer's for whom one of us wrote, and may refer to another.
fn open_for(
    occasion: &Occasion<'_>,
    conversation: &Conversation,
    parent: Option<RecordId>,
    (customer, refers_to, because): (Option<&Address>, Option<RecordId>, Reason),
    desk: &mut Desk<'_>,
) -> RecordId {
    let account = parent.and_then(|record| desk.facts.account_of(record));
    let record = case::open(occasion, customer, account, refers_to, because, desk);
    // The note that it has in the stream of another record comes along (NOTE-1).
    if parent.is_none() {
        note(record, occasion, None, desk);
    }
    let gate = Gate::without_tokens(occasion.mail, customer.or(occasion.list), occasion.origin, desk.facts);
    let by = (ParentBy::Opened, reason!(Dup3, "the e-mail opened this case"));
    case::come_to(occasion.email, conversation.thread, record, by, &gate, desk);
    record
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
        at_desk: facts.account.make_cases,
        ours: new.ours,
        author: new.author,
        replied: new.replied,
        id_collision: new.id_collision,
        people: mail.from.iter().chain(&mail.to).chain(&mail.cc).map(Address::key).collect(),
        claimed: new.claimed,
        automatic: !mail.automatic.is_empty(),
        answers_to: duplicate::answers_to(mail.from.as_slice(), &mail.reply_to),
    };
    facts.emails.insert(new.id, known);
    facts.emails_by_message_id.entry(new.identity.clone()).or_default().push(new.id);
    // Whom somebody else wrote to has not written of it, and was not written to by us (THREAD-3).
    for key in [new.subject_from, new.subject_to].into_iter().take(if new.ours { 2 } else { 1 }) {
        if key != 0 {
            facts.by_subject.entry(key).or_default().insert(0, new.id);
        }
    }
    people::let_in(&new.invites, new.parent.filter(|record| facts.is_case(*record)), new.thread, facts);
    let Some(record) = new.parent else { return };
    let has_case = facts.parent_of_thread(new.thread).is_some_and(|record| facts.is_case(record));
    if !has_case || facts.is_case(record) {
        facts.lead(new.thread, record);
    }
    if new.parent_by == Some(ParentBy::Opened) {
        facts.begun.entry(new.thread).or_default().push((new.id, record));
    }
}
