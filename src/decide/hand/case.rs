//! CASE: what people do with a case: who has it, how far it is, what it says, what they note, and who follows it.

use super::super::desk::Desk;
use super::super::facts::{Facts, Policy};
use super::super::plan::{Asked, Change, Plan, RecordFields};
use super::super::reason::{Reason, reason};
use super::super::{distribute, notify};
use super::link::{Mails, join};
use crate::fault::{Class, Fault};
use crate::words::{CaseStatus, EmailId, NoteId, NoteKind, NotificationKind, RecordId, TeamId, UserId};

/// Hands a case to a user: no turn of a rotation is used up (DIST-2), and the user follows the case (FOLLOW-1). Nothing when the
/// user has it already. Who has a case has its e-mails, whether mail gave it to them or a person (CASE-1); only the user's own filters
/// ask what these say (FILTER-5).
pub fn assign(
    case: RecordId,
    user: UserId,
    mails: &Mails,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    active(user, desk.facts)?;
    if desk.facts.records.get(&case).and_then(|known| known.assigned_user) != Some(user) {
        give(case, user, desk);
        let mut emails: Vec<EmailId> =
            desk.facts.emails.iter().filter(|(_, known)| known.parent == Some(case)).map(|(id, _)| *id).collect();
        emails.sort_unstable();
        for email in emails {
            let users = vec![(user, reason!(Case1, "{} is assigned to them", desk.facts.name(case)))];
            join(email, mails, (Vec::new(), users), desk);
        }
        end_lost(case, desk);
    }
    Ok(plan)
}

/// Nobody has a record any more: a case that was only handed to somebody is new again. Whoever had it follows it on as long as they
/// may read it (FOLLOW-1).
pub fn put_back(record: RecordId, asked: Asked, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    if desk.facts.records.get(&record).is_some_and(|known| known.assigned_user.is_some()) {
        unassign(record, reason!(Case5, "a person said so"), desk);
        end_lost(record, desk);
    }
    plan
}

pub(super) fn unassign(record: RecordId, because: Reason, desk: &mut Desk<'_>) {
    let fields = RecordFields { unassigned: true, ..RecordFields::default() };
    desk.plan.add(Change::SetRecord { record, fields }, because);
    let Some(known) = desk.facts.records.get_mut(&record) else { return };
    known.assigned_user = None;
    if known.status == Some(CaseStatus::Assigned) {
        known.status = Some(CaseStatus::New);
        let change = Change::SetStatus { case: record, status: CaseStatus::New };
        desk.plan.add(change, reason!(Case2, "nobody has it any more"));
    }
    desk.add_note(record, NoteKind::Assigned, None, "nobody", reason!(Case5, "the stream says so"));
}

/// Refuses to hand anything to a user who is switched off.
pub(super) fn active(user: UserId, facts: &Facts) -> Result<(), Fault> {
    if facts.people.get(&user).is_some_and(|person| person.active) {
        return Ok(());
    }
    let login = login(user, facts);
    Err(Fault::new(Class::Data, format!("{login} is not active")).hint(format!("try: espomail user set {login} --active true")))
}

/// The case is the user's from now on.
pub(super) fn give(case: RecordId, user: UserId, desk: &mut Desk<'_>) {
    if desk.facts.records.get(&case).is_some_and(|known| known.status == Some(CaseStatus::New)) {
        desk.facts.records.entry(case).and_modify(|known| known.status = Some(CaseStatus::Assigned));
        desk.plan.add(Change::SetStatus { case, status: CaseStatus::Assigned }, reason!(Case2, "somebody has it now"));
    }
    distribute::record_turn(user, &reason!(Dist2, "a person gave it to them, so no turn is used up"), false, desk);
    take_on(case, user, desk);
}

/// A record of any kind is the user's from now on, who follows it and hears of it.
pub(super) fn take_on(record: RecordId, user: UserId, desk: &mut Desk<'_>) {
    desk.plan.add(Change::Assign { case: record, user }, reason!(Case5, "a person said so"));
    desk.facts.records.entry(record).and_modify(|known| known.assigned_user = Some(user));
    if desk.facts.followers.insert((record, user)) {
        desk.plan.add(Change::Follow { record, user }, reason!(Follow1, "the assigned user follows it"));
    }
    if !desk.plan.is_asked_by(user) {
        let kind = NotificationKind::Assigned;
        let change = Change::Notify { user, kind, email: None, note: None, record: Some(record), detail: String::new() };
        desk.plan.add(change, reason!(Case5, "{} is theirs now", desk.facts.name(record)));
    }
    desk.add_note(record, NoteKind::Assigned, None, login(user, desk.facts), reason!(Case5, "the stream says so"));
}

fn login(user: UserId, facts: &Facts) -> String {
    facts.login(user).map_or_else(|| format!("user {user}"), str::to_string)
}

/// Sets how far a case is; none re-opens it: Assigned when somebody has it, else New (CASE-4). Nothing when it is so already.
pub fn set_status(
    case: RecordId,
    status: Option<CaseStatus>,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let name = desk.facts.name(case);
    let Some(known) = desk.facts.records.get(&case) else { return Ok(plan) };
    not_merged(case, desk.facts)?;
    let status = match status {
        Some(status) => status,
        None if known.status.is_some_and(CaseStatus::is_open) => {
            return Err(Fault::new(Class::Data, format!("{name} is open")));
        }
        None if known.assigned_user.is_some() => CaseStatus::Assigned,
        None => CaseStatus::New,
    };
    if known.status != Some(status) {
        desk.plan.add(Change::SetStatus { case, status }, reason!(Case4, "a person said so"));
        desk.add_note(case, NoteKind::Status, None, status.as_str().to_string(), reason!(Case4, "the stream says so"));
        desk.facts.records.entry(case).and_modify(|known| known.status = Some(status));
    }
    Ok(plan)
}

/// CASE-4: of a record that was merged away nothing is left but where it went.
pub(super) fn not_merged(case: RecordId, facts: &Facts) -> Result<(), Fault> {
    let Some(into) = facts.records.get(&case).and_then(|known| known.merged_into) else { return Ok(()) };
    let (noun, name) = (if facts.is_case(into) { "case" } else { "record" }, facts.name(into));
    let shown = name.trim_start_matches("case:");
    let what = format!("{} was merged into {name}", facts.name(case));
    Err(Fault::new(Class::Data, what).hint(format!("try: espomail {noun} show {shown}")))
}

/// Writes a person's words into the stream of a case; those who follow it hear of them.
pub fn note(case: RecordId, words: &str, asked: Asked, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let note = NoteId(desk.facts.next.note);
    desk.add_note(case, NoteKind::Note, None, words.to_string(), reason!(Case5, "a person wrote it"));
    for user in notify::followers(case, desk.facts) {
        let is_active = desk.facts.people.get(&user).is_some_and(|person| person.active);
        if is_active && !desk.plan.is_asked_by(user) && desk.facts.may_read(user, case) {
            let (kind, record) = (NotificationKind::Note, Some(case));
            let change = Change::Notify { user, kind, email: None, note: Some(note), record, detail: String::new() };
            desk.plan.add(change, reason!(Notify1, "they follow it"));
        }
    }
    plan
}

pub(super) fn set_teams(case: RecordId, teams: Vec<TeamId>, because: Reason, desk: &mut Desk<'_>) {
    desk.facts.records.entry(case).and_modify(|known| known.teams.clone_from(&teams));
    desk.plan.add(Change::SetTeams { case, teams }, because);
}

/// Makes a user follow a record, or no longer; nothing when it is so already.
pub fn follow(record: RecordId, user: UserId, wanted: bool, asked: Asked, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    match wanted {
        true if facts.followers.insert((record, user)) => {
            plan.add(Change::Follow { record, user }, reason!(Follow1, "a person said so"));
        }
        false if facts.followers.remove(&(record, user)) => {
            plan.add(Change::Unfollow { record, user }, reason!(Follow1, "a person said so"));
        }
        _ => {}
    }
    plan
}

/// That a user follows a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    pub record: RecordId,
    pub user: UserId,
    /// The user is the one who has it.
    pub has_it: bool,
    pub may_read: bool,
}

impl Followed {
    /// FOLLOW-1: whoever may not read a record any more does not follow it any more; who has it does.
    pub const fn is_lost(&self) -> bool {
        !self.has_it && !self.may_read
    }
}

/// FOLLOW-1, where it was not the record that changed but what users may read.
pub fn end_all_lost(followed: &[Followed], asked: Asked) -> Plan {
    let mut plan = Plan::asked(asked);
    for one in followed.iter().filter(|one| one.is_lost()) {
        let change = Change::Unfollow { record: one.record, user: one.user };
        plan.add(change, reason!(Follow1, "they may not read it any more"));
    }
    plan
}

/// FOLLOW-1 of one record.
pub(super) fn end_lost(case: RecordId, desk: &mut Desk<'_>) {
    let assigned = desk.facts.records.get(&case).and_then(|known| known.assigned_user);
    let followed =
        |user| Followed { record: case, user, has_it: assigned == Some(user), may_read: desk.facts.may_read(user, case) };
    let lost: Vec<Followed> = desk.facts.followers_of(case).map(followed).filter(Followed::is_lost).collect();
    for one in lost {
        desk.facts.followers.remove(&(case, one.user));
        let change = Change::Unfollow { record: case, user: one.user };
        desk.plan.add(change, reason!(Follow1, "they may not read it any more"));
    }
}
