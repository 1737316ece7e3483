//! CASE: what people do with a case: who has it, how far it is, what it says, what they note, and who follows it.

use super::super::facts::{Facts, Policy};
use super::super::plan::{Asked, CaseFields, Change, Plan};
use super::super::{distribute, notify};
use super::link::{Mails, add_note, join};
use crate::fault::{Class, Fault};
use crate::words::{CaseStatus, EmailId, NoteId, NoteKind, NotificationKind, Priority, RecordId, TeamId, UserId};

/// What to change; what is not given stays. An inner none clears.
#[derive(Debug, Clone, Default)]
pub struct CaseChanges {
    pub name: Option<String>,
    pub priority: Option<Priority>,
    pub teams: Option<Vec<TeamId>>,
    pub account: Option<Option<RecordId>>,
    pub contact: Option<Option<RecordId>>,
}

impl CaseChanges {
    /// Returns what is changed, for the audit.
    pub fn told(&self) -> String {
        let told = [
            self.name.as_ref().map(|_| "name"),
            self.priority.map(|_| "priority"),
            self.account.map(|_| "account"),
            self.contact.map(|_| "contact"),
            self.teams.as_ref().map(|_| "team"),
        ];
        told.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

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
    if facts.people.get(&user).is_none_or(|person| !person.active) {
        let login = login(user, facts);
        return Err(Fault::new(Class::Data, format!("{login} is not active"))
            .hint(format!("try: espomail user set {login} --active true")));
    }
    if facts.records.get(&case).and_then(|known| known.assigned_user) != Some(user) {
        give(case, user, facts, &mut plan);
        let mut emails: Vec<EmailId> =
            facts.emails.iter().filter(|(_, known)| known.parent == Some(case)).map(|(id, _)| *id).collect();
        emails.sort_unstable();
        for email in emails {
            let users = vec![(user, format!("CASE-1: {} is assigned to them", facts.name(case)))];
            join(email, mails, (Vec::new(), users), policy, facts, &mut plan);
        }
        end_lost(case, facts, &mut plan);
    }
    Ok(plan)
}

/// The case is the user's from now on.
pub(super) fn give(case: RecordId, user: UserId, facts: &mut Facts, plan: &mut Plan) {
    plan.add(Change::Assign { case, user }, "CASE-5: a person said so");
    let Some(known) = facts.records.get_mut(&case) else { return };
    known.assigned_user = Some(user);
    if known.status == Some(CaseStatus::New) {
        known.status = Some(CaseStatus::Assigned);
        plan.add(Change::SetStatus { case, status: CaseStatus::Assigned }, "CASE-2: somebody has it now");
    }
    distribute::record_turn(user, "DIST-2: a person gave it to them, so no turn is used up", false, facts, plan);
    if facts.followers.insert((case, user)) {
        plan.add(Change::Follow { record: case, user }, "FOLLOW-1: the assigned user follows the case");
    }
    if !plan.is_asked_by(user) {
        let (kind, record) = (NotificationKind::Assigned, Some(case));
        let change = Change::Notify { user, kind, email: None, note: None, record, detail: String::new() };
        plan.add(change, format!("CASE-5: {} is theirs now", facts.name(case)));
    }
    add_note(case, NoteKind::Assigned, login(user, facts), "CASE-5: the stream says so", facts, plan);
}

fn login(user: UserId, facts: &Facts) -> String {
    facts.login(user).map_or_else(|| format!("user {user}"), str::to_string)
}

/// Sets how far a case is; none re-opens it: Assigned when somebody has it, else New (CASE-4). Nothing when it is so already.
pub fn set_status(case: RecordId, status: Option<CaseStatus>, asked: Asked, facts: &mut Facts) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let name = facts.name(case);
    let Some(known) = facts.records.get(&case) else { return Ok(plan) };
    not_merged(case, facts)?;
    let status = match status {
        Some(status) => status,
        None if known.status.is_some_and(CaseStatus::is_open) => {
            return Err(Fault::new(Class::Data, format!("{name} is open")));
        }
        None if known.assigned_user.is_some() => CaseStatus::Assigned,
        None => CaseStatus::New,
    };
    if known.status != Some(status) {
        plan.add(Change::SetStatus { case, status }, "CASE-4: a person said so");
        add_note(case, NoteKind::Status, status.as_str().to_string(), "CASE-4: the stream says so", facts, &mut plan);
        facts.records.entry(case).and_modify(|known| known.status = Some(status));
    }
    Ok(plan)
}

/// CASE-4: of a case that was merged away nothing is left but where it went.
pub(super) fn not_merged(case: RecordId, facts: &Facts) -> Result<(), Fault> {
    let Some(into) = facts.records.get(&case).and_then(|known| known.merged_into) else { return Ok(()) };
    let number = facts.records.get(&into).map_or_else(|| into.to_string(), |known| known.number.to_string());
    let what = format!("{} was merged into {}", facts.name(case), facts.name(into));
    Err(Fault::new(Class::Data, what).hint(format!("try: espomail case show {number}")))
}

/// Writes a person's words into the stream of a case; those who follow it hear of them.
pub fn note(case: RecordId, words: &str, asked: Asked, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    let note = NoteId(facts.next.note);
    add_note(case, NoteKind::Note, words.to_string(), "CASE-5: a person wrote it", facts, &mut plan);
    for user in notify::followers(case, facts) {
        let is_active = facts.people.get(&user).is_some_and(|person| person.active);
        if is_active && !plan.is_asked_by(user) && facts.may_read(user, case) {
            let (kind, record) = (NotificationKind::Note, Some(case));
            let change = Change::Notify { user, kind, email: None, note: Some(note), record, detail: String::new() };
            plan.add(change, "NOTIFY-1: they follow it");
        }
    }
    plan
}

/// Changes what a case says. Its e-mails' Account follows its own (LINK-6).
pub fn change(case: RecordId, changes: &CaseChanges, asked: Asked, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    let CaseChanges { name, priority, teams, account, contact } = changes.clone();
    let fields = CaseFields { name, priority, account, contact, ..CaseFields::default() };
    if fields != CaseFields::default() {
        plan.add(Change::SetCase { case, fields }, "CASE-5: a person said so");
    }
    if let Some(teams) = teams {
        set_teams(case, teams, "CASE-5: a person said so", facts, &mut plan);
        end_lost(case, facts, &mut plan);
    }
    plan
}

pub(super) fn set_teams(case: RecordId, teams: Vec<TeamId>, because: &str, facts: &mut Facts, plan: &mut Plan) {
    facts.records.entry(case).and_modify(|known| known.teams.clone_from(&teams));
    plan.add(Change::SetTeams { case, teams }, because);
}

/// Makes a user follow a record, or no longer; nothing when it is so already.
pub fn follow(record: RecordId, user: UserId, wanted: bool, asked: Asked, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    match wanted {
        true if facts.followers.insert((record, user)) => {
            plan.add(Change::Follow { record, user }, "FOLLOW-1: a person said so");
        }
        false if facts.followers.remove(&(record, user)) => {
            plan.add(Change::Unfollow { record, user }, "FOLLOW-1: a person said so");
        }
        _ => {}
    }
    plan
}

/// FOLLOW-1: whoever may not read a case any more does not follow it any more; who has it does.
fn end_lost(case: RecordId, facts: &mut Facts, plan: &mut Plan) {
    let assigned = facts.records.get(&case).and_then(|known| known.assigned_user);
    let lost: Vec<UserId> =
        facts.followers_of(case).filter(|user| Some(*user) != assigned && !facts.may_read(*user, case)).collect();
    for user in lost {
        facts.followers.remove(&(case, user));
        plan.add(Change::Unfollow { record: case, user }, "FOLLOW-1: they may not read it any more");
    }
}
