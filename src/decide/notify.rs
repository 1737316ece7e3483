//! NOTIFY: who is told of an e-mail, and who nearly was. A user hears of an e-mail once: as the one who got its case, else
//! as a follower, else because it is new in the inbox.

use std::collections::BTreeSet;

use super::access::{Relation, act};
use super::{Change, Facts, Person, Plan, parent};
use crate::words::{EmailId, NoteId, NoteKind, NotificationKind, RecordId, RoleAction, RoleScope, UserId};

/// Older mail is no news to an inbox (NOTIFY-2).
const NEWS: i64 = 2 * 86_400;

/// What there is to tell; the rest stands in the plan, and in the facts that it was folded into.
pub struct News<'a> {
    pub email: EmailId,
    pub record: Option<RecordId>,
    /// The user who wrote it.
    pub sender: Option<UserId>,
    /// Seconds since 1970 UTC.
    pub arrived_at: i64,
    /// Why nobody hears of it.
    pub silence: Option<&'a str>,
    /// Nobody can have been told of it before.
    pub is_new: bool,
}

/// Adds the notifications of one e-mail to its plan.
pub fn tell(news: &News<'_>, facts: &Facts, plan: &mut Plan) {
    let mut told = already_told(plan);
    tell_assigned(news, facts, plan, &mut told);
    if let Some(silence) = news.silence {
        plan.note(format!("NOTIFY-2: nobody is told of it: {silence}"));
        return;
    }
    let heard = tell_followers(news, facts, plan, &mut told);
    tell_readers(news, facts, plan, &told, heard);
}

fn already_told(plan: &Plan) -> BTreeSet<UserId> {
    let of = |change: &Change| if let Change::Notify { user, .. } = change { Some(*user) } else { None };
    plan.steps.iter().filter_map(|step| of(&step.change)).collect()
}

/// Who gets a case hears of it, also by mail that nobody else hears of.
fn tell_assigned(news: &News<'_>, facts: &Facts, plan: &mut Plan, told: &mut BTreeSet<UserId>) {
    let Some((case, number, user)) = plan.opened().and_then(|case| Some((case.id, case.number, case.assigned_user?))) else {
        return;
    };
    if facts.people.get(&user).is_some_and(|person| person.active) {
        told.insert(user);
        let change = Change::Notify {
            user,
            kind: NotificationKind::Assigned,
            // They may have heard of an e-mail that was there before; of the case they have not.
            email: Some(news.email).filter(|_| news.is_new),
            note: None,
            record: Some(case),
            detail: String::new(),
        };
        plan.add(change, format!("DIST-1: case:{number} is theirs"));
    }
}

/// NOTIFY-1: followers of the record and of its Account hear of the note, provided they may read the e-mail. Says whether
/// there is a note to hear of.
fn tell_followers(news: &News<'_>, facts: &Facts, plan: &mut Plan, told: &mut BTreeSet<UserId>) -> bool {
    let Some((note, record, quiet)) = note_of(news.email, plan) else { return false };
    if quiet {
        plan.note("NOTIFY-1: followers are not told: the note is quiet (AUTO-3)");
        return false;
    }
    for user in followers(record, facts) {
        let Some(person) = facts.people.get(&user).filter(|person| person.active) else { continue };
        if Some(user) == news.sender || plan.is_asked_by(user) || told.contains(&user) {
            continue;
        }
        if plan.silent_for.contains(&user) {
            not_told("NOTIFY-1", person, "a filter or folder of theirs says so", plan);
        } else if may_read(news.email, user, true, facts) {
            told.insert(user);
            let of = if facts.followers.contains(&(record, user)) {
                record
            } else {
                parent::account_of(record, facts).unwrap_or(record)
            };
            let change = Change::Notify {
                user,
                kind: NotificationKind::Note,
                email: Some(news.email),
                note: Some(note),
                record: Some(record),
                detail: String::new(),
            };
            plan.add(change, format!("NOTIFY-1: they follow {}", parent::name(of, facts)));
        } else {
            not_told("NOTIFY-1", person, "they follow the record, but may not read the e-mail", plan);
        }
    }
    true
}

/// NOTIFY-2: users who have the e-mail in their inbox from now on hear of it. `heard` is whether followers were told just now.
fn tell_readers(news: &News<'_>, facts: &Facts, plan: &mut Plan, told: &BTreeSet<UserId>, heard: bool) {
    let follow: BTreeSet<UserId> = news.record.map(|record| followers(record, facts)).unwrap_or_default();
    let added = plan.steps.iter().filter_map(|step| match step.change {
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
        let served = follows && !news.is_new && may_read(news.email, user, false, facts);
        let why_not = [
            (served, "they follow the record, and NOTIFY-1 served when it came first"),
            (!person.notify_received, "they do not want to be"),
            (facts.now - news.arrived_at > NEWS, "the e-mail is over 2 days old"),
            (trashed, "it went to their trash"),
            (read, "it is marked as read"),
            (plan.silent_for.contains(&user), "a filter or folder of theirs says so"),
            (!may_read(news.email, user, true, facts), "they may not read it"),
        ];
        if let Some((_, why)) = why_not.into_iter().find(|(holds, _)| *holds) {
            not_told("NOTIFY-2", person, why, plan);
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
        plan.add(change, "NOTIFY-2: it is new in their inbox");
    }
}

/// Returns the note that tells of the e-mail, if this plan writes one: its number, its record, and whether it is quiet.
fn note_of(email: EmailId, plan: &Plan) -> Option<(NoteId, RecordId, bool)> {
    plan.steps.iter().find_map(|step| match &step.change {
        Change::AddNote { id, record, kind, email: Some(of), quiet, .. } if *of == email && *kind != NoteKind::Created => {
            Some((*id, *record, *quiet))
        }
        _ => None,
    })
}

/// Returns who follows a record or its Account.
pub fn followers(record: RecordId, facts: &Facts) -> BTreeSet<UserId> {
    let account = parent::account_of(record, facts).filter(|account| *account != record);
    facts.followers_of(record).chain(account.into_iter().flat_map(|account| facts.followers_of(account))).collect()
}

/// ACCESS-2: whether a user may read the e-mail; `as_reader` counts that it may be in their inbox.
fn may_read(email: EmailId, user: UserId, as_reader: bool, facts: &Facts) -> bool {
    let (Some(person), Some(known)) = (facts.people.get(&user), facts.emails.get(&email)) else { return false };
    let relation = Relation {
        own: as_reader && known.users.contains(&user),
        team: known.teams.iter().any(|team| person.actor.teams.contains(team)),
    };
    act(&person.actor, RoleScope::Email, RoleAction::Read, relation).is_ok()
}

fn not_told(rule: &str, person: &Person, why: &str, plan: &mut Plan) {
    let login = person.actor.login.as_deref().unwrap_or_default();
    plan.note(format!("{rule}: {login} is not told: {why}"));
}
