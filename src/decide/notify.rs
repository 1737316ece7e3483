//! NOTIFY: who is told of an e-mail, and who nearly was. A user hears of an e-mail once: as the one who got its case, else
//! as a follower, else because it is new in the inbox.

use super::desk::Desk;
use super::reason::{Reason, reason};
use std::collections::BTreeSet;

use super::facts::{EmailFacts, Facts, Person};
use super::plan::{Change, Plan};
use crate::words::{EmailId, NoteId, NoteKind, NotificationKind, RecordId, Rule, TeamId, UserId};

/// Older mail is no news to an inbox (NOTIFY-2).
const NEWS: i64 = 2 * 86_400;

/// What there is to tell; the rest stands in the plan, and in the facts that it was folded into.
pub struct News {
    pub email: EmailId,
    pub record: Option<RecordId>,
    /// The user who wrote it.
    pub sender: Option<UserId>,
    /// Seconds since 1970 UTC.
    pub arrived_at: i64,
    /// Why nobody hears of it.
    pub silence: Option<Reason>,
    /// The e-mail as it was, where people may have been told of it before.
    pub before: Option<EmailFacts>,
}

/// Adds the notifications of one e-mail to its plan.
pub fn tell(news: &News, desk: &mut Desk<'_>) {
    let mut told = already_told(desk.plan);
    tell_assigned(news, desk.facts, desk.plan, &mut told);
    tell_reviewers(news, desk.facts, desk.plan, &mut told);
    if let Some(silence) = &news.silence {
        desk.plan.note(reason!(Notify2, "nobody is told of it: {silence}"));
        return;
    }
    let heard = tell_followers(news, desk.facts, desk.plan, &mut told);
    tell_readers(news, desk.facts, desk.plan, &told, heard);
}

fn already_told(plan: &Plan) -> BTreeSet<UserId> {
    let of = |change: &Change| if let Change::Notify { user, .. } = change { Some(*user) } else { None };
    plan.steps().iter().filter_map(|step| of(&step.change)).collect()
}

/// Who gets a case hears of it, also by mail that nobody else hears of.
fn tell_assigned(news: &News, facts: &Facts, plan: &mut Plan, told: &mut BTreeSet<UserId>) {
    let Some((case, number, user)) = plan.opened().and_then(|case| Some((case.id, case.number, case.assigned_user?))) else {
        return;
    };
    if facts.people.get(&user).is_some_and(|person| person.active) {
        told.insert(user);
        let change = Change::Notify {
            user,
            kind: NotificationKind::Assigned,
            // They may have heard of an e-mail that was there before; of the case they have not.
            email: Some(news.email).filter(|_| news.before.is_none()),
            note: None,
            record: Some(case),
            detail: String::new(),
        };
        plan.add(change, reason!(Dist1, "case:{number} is theirs"));
    }
}

/// LINK-3: what waits for a person's word is told to who may give it: whoever has the case in question and its team, else those
/// whose account it came through, else the administrators; these also where none of the others may decide. History waits silently.
fn tell_reviewers(news: &News, facts: &Facts, plan: &mut Plan, told: &mut BTreeSet<UserId>) {
    let held = plan
        .steps()
        .iter()
        .find_map(|step| if let Change::Hold { candidate, .. } = step.change { Some(candidate) } else { None });
    let Some(candidate) = held else { return };
    if plan.steps().iter().any(|step| matches!(&step.change, Change::AddEmail(new) if new.archived)) {
        return;
    }
    let members = |teams: &[TeamId]| -> Vec<UserId> {
        let members = teams.iter().filter_map(|team| facts.teams.get(team)).flatten();
        members.filter(|member| member.active).map(|member| member.user).collect()
    };
    let case = candidate.and_then(|record| facts.records.get(&record));
    let of_case = case.map(|case| case.assigned_user.into_iter().chain(members(&case.teams)).collect::<Vec<_>>());
    let account = &facts.account;
    let of_account = account.owner.into_iter().chain(account.assigned_user).chain(members(&account.teams));
    let of_account = of_account.chain(members(account.case_team.as_slice()).into_iter().filter(|_| account.make_cases));
    let readers = |users: Vec<UserId>| -> BTreeSet<UserId> {
        let is_there = |user: &UserId| facts.people.get(user).is_some_and(|person| person.active);
        users.into_iter().filter(|user| is_there(user) && facts.may_read_email(*user, news.email, true)).collect()
    };
    let of_case = readers(of_case.unwrap_or_default());
    let (mut those, mut why) = match of_case.is_empty() {
        false => (of_case, "the case in question is theirs or their team's"),
        true => (readers(of_account.collect()), "it came through their account"),
    };
    if !those.iter().any(|user| facts.may_edit_email(*user, news.email)) {
        if those.is_empty() {
            why = "nobody else could decide";
        }
        those.extend(facts.administrators.iter().copied());
    }
    for user in those {
        if told.insert(user) {
            let kind = NotificationKind::Review;
            let change =
                Change::Notify { user, kind, email: Some(news.email), note: None, record: candidate, detail: String::new() };
            plan.add(change, reason!(Link3, "it waits for a person's word, and {why}"));
        }
    }
}

/// NOTIFY-1: followers of the record and of its Account hear of the note, provided they may read the e-mail. Says whether
/// there is a note to hear of.
fn tell_followers(news: &News, facts: &Facts, plan: &mut Plan, told: &mut BTreeSet<UserId>) -> bool {
    let Some((note, record, quiet)) = note_of(news.email, plan) else { return false };
    if quiet {
        plan.note(reason!(Notify1, "followers are not told: the note is quiet ({})", Rule::Auto3));
        return false;
    }
    for user in followers(record, facts) {
        let Some(person) = facts.people.get(&user).filter(|person| person.active) else { continue };
        if Some(user) == news.sender || plan.is_asked_by(user) || told.contains(&user) {
            continue;
        }
        if plan.silent_for.contains(&user) {
            not_told(Rule::Notify1, (user, person), "a filter or folder of theirs says so", plan);
        } else if facts.may_read_email(user, news.email, true) {
            told.insert(user);
            let of = if facts.followers.contains(&(record, user)) { record } else { facts.account_of(record).unwrap_or(record) };
            let change = Change::Notify {
                user,
                kind: NotificationKind::Note,
                email: Some(news.email),
                note: Some(note),
                record: Some(record),
                detail: String::new(),
            };
            plan.add(change, reason!(Notify1, "they follow {}", facts.name(of)));
        } else {
            not_told(Rule::Notify1, (user, person), "they follow the record, but may not read the e-mail", plan);
        }
    }
    true
}

/// NOTIFY-2: users who have the e-mail in their inbox from now on hear of it. `heard` is whether followers were told just now.
fn tell_readers(news: &News, facts: &Facts, plan: &mut Plan, told: &BTreeSet<UserId>, heard: bool) {
    let follow: BTreeSet<UserId> = news.record.map(|record| followers(record, facts)).unwrap_or_default();
    let added = plan.steps().iter().filter_map(|step| match step.change {
        Change::AddUser { user, read, trashed, .. } => Some((user, read, trashed)),
        _ => None,
    });
    for (user, read, trashed) in added.collect::<Vec<_>>() {
        let Some(person) = facts.people.get(&user).filter(|person| person.active) else { continue };
        let follows = follow.contains(&user);
        if Some(user) == news.sender || plan.is_asked_by(user) || told.contains(&user) || (follows && heard) {
            continue;
        }
        // A follower was told when the e-mail came first, if it was theirs to read then.
        let served = follows && news.before.as_ref().is_some_and(|before| facts.may_read_as(user, before));
        let why_not = [
            (served, "they follow the record, and heard of it when it came first"),
            (!person.notify_received, "they do not want to be"),
            (facts.now - news.arrived_at > NEWS, "the e-mail is over 2 days old"),
            (trashed, "it went to their trash"),
            (read, "it is marked as read"),
            (plan.silent_for.contains(&user), "a filter or folder of theirs says so"),
            (!facts.may_read_email(user, news.email, true), "they may not read it"),
        ];
        if let Some((_, why)) = why_not.into_iter().find(|(holds, _)| *holds) {
            not_told(Rule::Notify2, (user, person), why, plan);
            continue;
        }
        let change = Change::Notify {
            user,
            kind: NotificationKind::EmailReceived,
            email: Some(news.email),
            note: None,
            record: news.record,
            detail: String::new(),
        };
        plan.add(change, reason!(Notify2, "it is new in their inbox"));
    }
}

/// Returns the note that tells of the e-mail, if this plan writes one: its number, its record, and whether it is quiet.
fn note_of(email: EmailId, plan: &Plan) -> Option<(NoteId, RecordId, bool)> {
    plan.steps().iter().find_map(|step| match &step.change {
        Change::AddNote { id, record, kind, email: Some(of), quiet, .. } if *of == email && *kind != NoteKind::Created => {
            Some((*id, *record, *quiet))
        }
        _ => None,
    })
}

/// Returns who follows a record or its Account.
pub fn followers(record: RecordId, facts: &Facts) -> BTreeSet<UserId> {
    let account = facts.account_of(record).filter(|account| *account != record);
    facts.followers_of(record).chain(account.into_iter().flat_map(|account| facts.followers_of(account))).collect()
}

fn not_told(rule: Rule, (user, person): (UserId, &Person), why: &str, plan: &mut Plan) {
    let login = person.actor.login.as_deref().unwrap_or_default();
    plan.note_of(user, rule.because(format_args!("{login} is not told: {why}")));
}
