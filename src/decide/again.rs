//! WHY-2: today's rules over an e-mail that is in the store. The facts are those of a world in which it never came; what the
//! rules would do with it now is held against what is there, and only what differs is left. What a person chose stays, nothing
//! is taken from anybody, and an e-mail leaves a case only for another one.

use super::along::Part;
use super::reason::{Reason, reason};

use super::desk::Desk;
use super::facts::{Arrival, Facts, Policy};
use super::filter::Choices;
use super::plan::{Change, Given, NewEmail, Note, Plan, Sorter, Step};
use super::road::{arrive, arrive_again};
use super::{author, choices, duplicate, people};
use crate::mail::Mail;
use crate::words::{EmailId, Fate, FilterId, FolderId, NoteKind, ParentBy, RecordId, Rule, TeamId, ThreadId, UserId};

/// An e-mail as it is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: EmailId,
    pub thread: ThreadId,
    pub replied: Option<EmailId>,
    pub parent: Option<RecordId>,
    pub parent_by: Option<ParentBy>,
    pub id_collision: bool,
    /// The group folder, and whether a person chose it.
    pub folder: Option<FolderId>,
    pub filed_by_hand: bool,
    pub filed_by: Option<FilterId>,
    pub teams: Vec<TeamId>,
    /// A person said which teams it is of.
    pub teams_by_hand: bool,
    pub users: Vec<UserId>,
    /// It waits for a person's word, or waited.
    pub reviewed: bool,
    /// A budget that is spent keeps it from opening a case (ACK-3).
    pub holds_case: bool,
    /// One of us wrote it, and who.
    pub ours: bool,
    pub author: Option<UserId>,
    /// It was written here, and never came: it is in nobody's inbox by its account, and no filter is asked (SEND-7).
    pub is_letter: bool,
    /// What one import filter did to it, where it is asked for by that filter.
    pub done: Option<Done>,
}

/// What an import filter did to an e-mail, as far as no person changed it since; and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub filter: FilterId,
    pub name: String,
    pub gave_teams: Vec<TeamId>,
    pub gave_users: Vec<UserId>,
    pub marked: Vec<UserId>,
    /// Whose copies are not read, and not by their own word.
    pub unread: Vec<UserId>,
}

impl Done {
    /// Whether it did anything that could be taken back.
    pub fn is_any(&self) -> bool {
        !(self.gave_teams.is_empty() && self.gave_users.is_empty() && self.marked.is_empty())
    }

    fn no_more(&self) -> Reason {
        reason!(Why2, "the filter {:?} did that, and does not any more", self.name)
    }
}

/// Decides what is to change about an e-mail, as if it came through the account that it first came through.
/// `tell` says whether people hear of what is new to them.
pub fn again(arrival: &Arrival, mail: &Mail, stored: &Stored, tell: bool, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    plan.email = Some(stored.id);
    let choices = if stored.is_letter { Choices::default() } else { choices::import(mail, facts, &mut plan) };
    if let Some((_, because)) = &choices.skip {
        plan.fate = Fate::Filtered;
        plan.note(because.and(format_args!(" would skip it today; it stays, as it was imported ({})", Rule::Filter7)));
        return plan;
    }
    let marks = choices.mark_read.clone();
    let seen = author::see_again(mail, (stored.ours, stored.author), policy, facts, &mut plan);
    let before = facts.next.clone();
    // What was not answered when it came is not answered now.
    facts.account.answering = None;
    facts.next.email = stored.id.0;
    let other = stored.id_collision.then(|| duplicate::other(&seen.mail, facts));
    arrive(arrival, &seen, choices, other, &mut Desk { facts, plan: &mut plan, policy });
    facts.next.email = before.email;
    plan.fate = Fate::Imported;
    plan.notes.retain(|note| tell || !is_of_telling(note));
    let wanted = plan.take_steps();
    let Some((mut new, because)) = wanted.iter().find_map(row) else { return plan };
    // A thread that was begun for it alone is the one it is in.
    if new.thread.0 >= before.thread {
        (new.thread, facts.next.thread) = (stored.thread, before.thread);
    }
    // What a letter of ours answers was said when it was written. What led to other mail may be gone, or not look at mail that its own
    // thread knows already (THREAD-3).
    new.replied = if stored.is_letter { stored.replied } else { new.replied.or(stored.replied) };
    let moves = moves(stored, &new, facts, &mut plan);
    let opens = moves && new.parent_by == Some(ParentBy::Opened);
    // Where it does not come to a record, those of that record do not get it, and do not hear of it.
    let stays_in = stored.parent.map(|record| facts.survivor(record));
    let denied = plan.given.take().filter(|given| !moves && Some(facts.survivor(given.record)) != stays_in);
    if !opens {
        let next = &mut facts.next;
        (next.record, next.case_number, next.assignment) = (before.record, before.case_number, before.assignment);
    }
    if let Some(done) = &stored.done {
        take_back(stored.id, done, &wanted, facts, &mut plan);
        mark(stored.id, done, marks, &mut plan);
    }
    for step in wanted {
        if !denied.as_ref().is_some_and(|given| is_for(&step.change, given))
            && !is_no_news(&step, facts)
            && let Some(step) = keep(step, stored, &new, Redone { moves, opens, tell }, &mut plan)
        {
            plan.put_back(step);
        }
    }
    if moves {
        let (email, parent, by, account) = (stored.id, new.parent, new.parent_by, new.account_record);
        plan.add(Change::Relink { email, parent, by, account }, because);
    }
    if !moves && stays_in != new.parent.map(|record| facts.survivor(record)) {
        // It stays where the rules would not let its author in.
        new.invites.clear();
    }
    let is_taken_back = stored.done.as_ref().is_some_and(|done| stored.filed_by == Some(done.filter));
    if stored.filed_by_hand || (new.folder.is_none() && !is_taken_back) {
        (new.folder, new.filed_by) = (stored.folder, stored.filed_by);
    } else if let Some(done) = stored.done.as_ref().filter(|_| is_taken_back && new.folder != stored.folder) {
        plan.note(reason!(Why2, "the filter {:?} put it into its group folder, and does not any more", done.name));
    }
    if arrival.partial {
        // What the whole message would say is not known (FETCH-8).
        return plan;
    }
    plan.add_at(0, Change::Amend(new), reason!(Why2, "it was read again"));
    plan
}

/// What a filter gave and does not give today is taken back, unless a rule gives it today as well.
fn take_back(email: EmailId, done: &Done, wanted: &[Step], facts: &Facts, plan: &mut Plan) {
    let gives = |change: &dyn Fn(&Change) -> bool| wanted.iter().any(|step| change(&step.change));
    for team in done.gave_teams.iter().copied() {
        if !gives(&|change| matches!(change, Change::AddTeam { team: to, .. } if *to == team)) {
            people::take_team(email, team, done.no_more(), facts, plan);
        }
    }
    for user in done.gave_users.iter().copied() {
        if !gives(&|change| matches!(change, Change::AddUser { user: to, .. } if *to == user)) {
            plan.add(Change::RemoveUser { email, user }, done.no_more());
        }
    }
}

/// Copies are read as the filter says today; what a user marked stays.
fn mark(email: EmailId, done: &Done, marks: Option<Reason>, plan: &mut Plan) {
    let by = marks.as_ref().and_then(|because| because.filter);
    let (users, read, because) = match marks.filter(|_| by == Some(done.filter)) {
        Some(because) => (&done.unread, true, because.and(" marks it as read")),
        None if by.is_some() => return,
        None => (&done.marked, false, done.no_more()),
    };
    for user in users.iter().copied() {
        plan.add(Change::Sort { email, user, place: None, read: Some(read), by: Sorter::Import(by) }, &because);
    }
}

/// The same for each further account that it came through (DUP-1): what is missing is added.
pub fn again_elsewhere(arrival: &Arrival, mail: &Mail, stored: &Stored, tell: bool, policy: &Policy, facts: &mut Facts) -> Plan {
    let (email, done) = (stored.id, stored.done.as_ref());
    let mut plan = Plan::new();
    let choices = choices::import(mail, facts, &mut plan);
    if choices.skip.is_some() {
        return plan;
    }
    let seen = author::see_again(mail, (stored.ours, stored.author), policy, facts, &mut plan);
    facts.account.answering = None;
    let (account, marks) = (facts.account.id, choices.mark_read.clone());
    if let Some(known) = facts.emails.get_mut(&email) {
        known.accounts.retain(|known| *known != account);
        // What the filter gave is asked for once more.
        known.teams.retain(|team| !done.is_some_and(|done| done.gave_teams.contains(team)));
        known.users.retain(|user| !done.is_some_and(|done| done.gave_users.contains(user)));
    }
    arrive_again(email, arrival, &seen, choices, &mut Desk { facts, plan: &mut plan, policy });
    if let Some(done) = done {
        let wanted = plan.steps().to_vec();
        take_back(email, done, &wanted, facts, &mut plan);
        mark(email, done, marks, &mut plan);
    }
    plan.keep(|step| match step.change {
        Change::AddTeam { team, .. } => !stored.teams_by_hand && !stored.teams.contains(&team) && !is_no_news(step, facts),
        Change::AddUser { user, .. } => !stored.users.contains(&user),
        Change::Notify { .. } => tell,
        // All else that a further account brings.
        ref other => other.comes_again(),
    });
    plan.notes.retain(|note| tell || !is_of_telling(note));
    plan
}

/// Whether a note says why somebody is not told: nobody would be.
fn is_of_telling(note: &Note) -> bool {
    matches!(note.reason.rule, Some(Rule::Notify1 | Rule::Notify2))
}

fn row(step: &Step) -> Option<(NewEmail, Reason)> {
    if let Change::AddEmail(new) = &step.change { Some((new.clone(), step.because.clone())) } else { None }
}

/// Whether it comes to another record.
fn moves(stored: &Stored, new: &NewEmail, facts: &Facts, plan: &mut Plan) -> bool {
    let of = |record: Option<RecordId>| record.map(|record| facts.survivor(record));
    if of(stored.parent) == of(new.parent) {
        return false;
    }
    let told = new.parent.map_or_else(|| "no record".to_string(), |record| facts.name(record));
    if stored.parent_by == Some(ParentBy::Hand) {
        plan.note(reason!(Link7, "a person said where it belongs; the rules would say {told}"));
        return false;
    }
    if stored.reviewed {
        plan.note(reason!(Link3, "it is a person's word where it belongs; the rules would say {told}"));
        return false;
    }
    if stored.holds_case && new.parent_by == Some(ParentBy::Opened) {
        plan.note(reason!(Ack3, "its case is held, as a budget is spent; see espomail budget list"));
        return false;
    }
    // Whatever answers it, or came to its case since: nothing that came before goes to another desk by that (ACCESS-2).
    let part = Part { accounts: vec![facts.account.id], teams: stored.teams.clone(), makes_cases: false };
    let case = new.parent.filter(|record| new.parent_by == Some(ParentBy::Thread) && facts.is_case(*record));
    if case.is_some_and(|case| !facts.is_of_part(case, &part)) {
        plan.note(reason!(Access2, "it stays where it is: it came for others than {told}, where its conversation is now"));
        return false;
    }
    let Some(current) = stored.parent else { return true };
    let is_another_matter = match new.parent_by {
        Some(ParentBy::Opened) => false,
        // Where the conversation of a case has gone on is no news of what it said before (CASE-4).
        Some(ParentBy::Thread) if facts.is_case(current) => false,
        _ => new.parent.is_some_and(|record| facts.is_firm(record)),
    };
    if stored.parent_by == Some(ParentBy::Opened) || (facts.is_firm(current) && !is_another_matter) {
        if new.parent_by != Some(ParentBy::Opened) {
            plan.note(reason!(Why2, "it stays in {}; a new one would come to {told}", facts.name(current)));
        }
        return false;
    }
    true
}

/// THREAD-2: whether a team comes from what the e-mail answers, and that one has it by no rule that could say something else today: if
/// it had it when this one came, this one has it, too; and what it got since by another account, or its case, is no word about this one.
fn is_no_news(step: &Step, facts: &Facts) -> bool {
    let Change::AddTeam { team, .. } = step.change else { return false };
    step.because.answered.is_some_and(|answered| !facts.spread.contains(&(answered, team)))
}

/// Whether a change is for those of a record.
fn is_for(change: &Change, given: &Given) -> bool {
    match change {
        Change::AddTeam { team, .. } => given.teams.contains(team),
        Change::AddUser { user, .. } => given.users.contains(user),
        Change::Notify { user, record, .. } => given.users.contains(user) || *record == Some(given.record),
        _ => false,
    }
}

/// What of a plan is kept.
#[derive(Clone, Copy)]
struct Redone {
    moves: bool,
    opens: bool,
    tell: bool,
}

/// Returns what of a step is to be done for an e-mail that is there.
fn keep(step: Step, stored: &Stored, new: &NewEmail, kept: Redone, plan: &mut Plan) -> Option<Step> {
    let Redone { moves, opens, tell } = kept;
    let is_due = match &step.change {
        Change::AddTeam { team, .. } => !stored.teams_by_hand && !stored.teams.contains(team),
        Change::AddUser { user, .. } => !stored.is_letter && !stored.users.contains(user),
        Change::MarkReplied { email } => !stored.is_letter && stored.replied != Some(*email),
        Change::JoinThreads { .. } | Change::MergeCases { .. } => true,
        Change::RememberId { message_id, .. } => {
            let change = Change::RememberId { message_id: message_id.clone(), thread: new.thread };
            return Some(Step { change, because: step.because });
        }
        // Its own id leads to its thread, as long as that is the same.
        Change::MoveId { .. } if new.thread == stored.thread => return None,
        Change::MoveId { message_id, .. } => {
            let change = Change::MoveId { message_id: message_id.clone(), thread: new.thread };
            return Some(Step { change, because: step.because });
        }
        Change::AdoptThread { .. } => moves,
        Change::OpenCase(_) | Change::Follow { .. } | Change::AdvanceRotation { .. } | Change::NoteAssignment { .. } => opens,
        // The note that tells of the e-mail itself comes along with it.
        Change::AddNote { kind, .. } => {
            opens && !matches!(kind, NoteKind::EmailReceived | NoteKind::EmailSent | NoteKind::Bounce)
        }
        Change::Reopen { .. } | Change::Hold { .. } => {
            plan.note(reason!(Why2, "left alone, though a new one would do it: {}", step.because));
            false
        }
        // Who has it already was told; the note that tells of it is there already.
        Change::Notify { user, kind, email, record, detail, .. } => {
            if !tell || stored.is_letter || stored.users.contains(user) {
                return None;
            }
            let (user, kind, email, record, detail) = (*user, *kind, *email, *record, detail.clone());
            let change = Change::Notify { user, kind, email, note: None, record, detail };
            return Some(Step { change, because: step.because });
        }
        // The row that is amended says it.
        Change::AddEmail(_) | Change::Amend(_) | Change::Relink { .. } | Change::Invite { .. } | Change::Verify { .. } => false,
        // It was done when it came: reports are counted, answers went out, commands ran, servers are left alone (FILTER-4, FETCH-9). Or people
        // alone ask for it, or a filter that says something else now, of which the caller takes care.
        _ => false,
    };
    is_due.then_some(step)
}
