//! DIST: who gets the case.

use super::desk::Desk;
use super::facts::{Facts, Member, take};
use super::plan::{Change, NewCase, Plan};
use super::reason::{Reason, reason};
use crate::words::{Distribution, UserId};

/// DIST-1: chooses a user, with the reason for the choice or for there being none.
pub fn choose(facts: &Facts) -> (Option<UserId>, Reason) {
    match facts.account.distribution {
        Distribution::None => (None, reason!(Dist1, "the account hands cases to nobody")),
        Distribution::Direct => match facts.account.assigned_user {
            Some(user) => (Some(user), reason!(Dist1, "direct: the account's assigned user")),
            None => (None, reason!(Dist1, "direct: the account has no active assigned user")),
        },
        Distribution::RoundRobin => next_in_turn(facts),
        Distribution::LeastBusy => least_busy(facts),
    }
}

/// Writes down whose turn it was, so that the next case goes to somebody else; one that a filter gave moves no pointer.
pub fn record_turn(user: UserId, because: &Reason, in_turn: bool, desk: &mut Desk<'_>) {
    let assignment = take(&mut desk.facts.next.assignment);
    desk.plan.add(Change::NoteAssignment { user, assignment }, because);
    let load = desk.facts.load.entry(user).or_default();
    load.open_cases += 1;
    load.last_assignment = assignment;
    if in_turn
        && desk.facts.account.distribution == Distribution::RoundRobin
        && let Some(team) = desk.facts.account.case_team
    {
        let account = desk.facts.account.id;
        desk.plan.add(Change::AdvanceRotation { account, team, user }, reason!(Dist2, "the turn is theirs"));
        desk.facts.rotation.insert(team, user);
    }
}

/// DIST-1: active members of the case team, with the account's position if it names one, not absent; by user id.
pub fn candidates(facts: &Facts) -> Vec<UserId> {
    let Some(members) = facts.account.case_team.and_then(|team| facts.teams.get(&team)) else { return Vec::new() };
    let position = facts.account.case_position.as_deref();
    let mut users: Vec<UserId> =
        members.iter().filter(|member| !member.absent && works_on_cases(member, position)).map(|member| member.user).collect();
    users.sort_unstable();
    users
}

/// DIST-1: whether a member of the case team gets cases, unless they are absent.
pub fn works_on_cases(member: &Member, position: Option<&str>) -> bool {
    member.active && (position.is_none() || member.position.as_deref() == position)
}

/// DIST-1: whether a plan opens a case that stays nobody's though its account gives cases to somebody.
pub fn opens_for_nobody(plan: &Plan, facts: &Facts) -> bool {
    let is_nobodys = |new: &NewCase| new.assigned_user.is_none() && new.status.is_open();
    facts.account.distribution != Distribution::None && plan.opened().is_some_and(is_nobodys)
}

/// DIST-2: the next candidate after the account's last turn in this team, in the order of user ids.
fn next_in_turn(facts: &Facts) -> (Option<UserId>, Reason) {
    let users = candidates(facts);
    let last = facts.account.case_team.and_then(|team| facts.rotation.get(&team)).copied();
    let next = users.iter().copied().find(|user| last.is_some_and(|last| *user > last)).or_else(|| users.first().copied());
    match (next, last) {
        (None, _) => (None, nobody("round-robin")),
        (Some(user), None) => (Some(user), reason!(Dist2, "round-robin: the first of {} candidates", users.len())),
        (Some(user), Some(last)) => {
            (Some(user), reason!(Dist2, "round-robin: the next of {} candidates after user {last}", users.len()))
        }
    }
}

/// DIST-3: the fewest open cases; ties to the one whose last assignment is oldest.
fn least_busy(facts: &Facts) -> (Option<UserId>, Reason) {
    let load = |user: &UserId| facts.load.get(user).copied().unwrap_or_default();
    let users = candidates(facts);
    let chosen = users.iter().copied().min_by_key(|user| (load(user).open_cases, load(user).last_assignment, *user));
    match chosen {
        None => (None, nobody("least-busy")),
        Some(user) => {
            let open = load(&user).open_cases;
            (Some(user), reason!(Dist3, "least-busy: {open} open cases, the fewest of {} candidates", users.len()))
        }
    }
}

fn nobody(rule: &str) -> Reason {
    reason!(Dist1, "{rule}: the case team has no active, present member with the position")
}
