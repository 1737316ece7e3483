//! LINK-7: a person says which record an e-mail belongs to, or that it belongs to none.

use super::super::desk::Desk;
use super::super::reason::{Reason, reason};
use std::collections::HashMap;

use serde::Deserialize;

use super::super::along::{Brought, Owners};
use super::super::author;
use super::super::bounce;
use super::super::choices;
use super::super::facts::{EmailFacts, Facts, Policy};
use super::super::filter::Choices;
use super::super::note::note;
use super::super::occasion::Occasion;
use super::super::people;
use super::super::plan::{Apart, Asked, Change, Plan};
use super::super::road::{News, tell};
use crate::fault::{Class, Fault};
use crate::mail::Mail;
use crate::words::{AccountId, EmailId, NoteKind, ParentBy, RecordId, TeamId, UserId};

/// What stored e-mails say, by their numbers; of those that nobody asks it may be missing.
pub type Mails = HashMap<EmailId, Mail>;

/// Starts the plan of what a person asked for.
pub(super) fn begin(email: EmailId, asked: Asked) -> Plan {
    let mut plan = Plan::asked(asked);
    plan.email = Some(email);
    plan
}

/// Decides what follows when a person gives an e-mail to a record: its people get it (CASE-1), with their own filters (FILTER-5),
/// its stream tells of it (NOTE-1), those who follow it hear of it (NOTIFY-1), its author takes part from now on (LINK-2), and so
/// do e-mails of its thread come along that had no place (THREAD-2). What the last link by hand gave, `linked`, is taken back first:
/// whoever puts a wrong one right means that it was none.
pub fn link(
    email: EmailId,
    (record, linked): (RecordId, Option<&Written>),
    mails: &Mails,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Plan {
    let mut plan = begin(email, asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let Some(known) = desk.facts.emails.get(&email).cloned() else { return plan };
    let record = desk.facts.survivor(record);
    let back = known.parent.map(|before| take_back(email, before, linked, desk.facts)).unwrap_or_default();
    let others = companions(email, record, desk.facts);
    bring(email, mails, record, reason!(Link7, "a person said so"), desk);
    let name = desk.facts.name(record);
    if known.parent != Some(record) {
        let detail = format!("e-mail {email} was linked by hand");
        desk.add_note(record, NoteKind::Linked, None, detail, reason!(Link7, "the stream says so"));
        if let Some(before) = known.parent {
            let detail = format!("e-mail {email} was linked to {name} by hand");
            desk.add_note(before, NoteKind::Linked, None, detail, reason!(Link7, "the stream says where it went"));
        }
    }
    for other in others {
        come_along(other, mails, (record, ParentBy::Thread), desk);
    }
    for (change, because) in back {
        if !desk.plan.steps().iter().any(|step| is_given_anew(&change, &step.change)) {
            take(change, because, desk);
        }
    }
    plan
}

/// Takes something back; a team with what it was handed on to.
fn take(change: Change, because: Reason, desk: &mut Desk<'_>) {
    match change {
        Change::RemoveTeam { email, team } => people::take_team(email, team, because, desk.facts, desk.plan),
        change => desk.plan.add(change, because),
    }
}

/// Whether one change gives what another takes.
fn is_given_anew(taken: &Change, given: &Change) -> bool {
    match (taken, given) {
        (Change::Relink { email, .. }, Change::Relink { email: given, .. }) => email == given,
        (Change::RemoveTeam { email, team }, Change::AddTeam { email: of, team: given }) => (email, team) == (of, given),
        (Change::RemoveUser { email, user }, Change::AddUser { email: of, user: given, .. }) => (email, user) == (of, given),
        _ => false,
    }
}

/// What a plan that was written down did (WHY-1), as far as another word undoes it.
#[derive(Debug, Deserialize)]
pub struct Written {
    /// The e-mail that was named.
    email: Option<EmailId>,
    steps: Vec<Done>,
}

impl Written {
    /// The e-mails that came along by it.
    pub fn mates(&self) -> Vec<EmailId> {
        let came = |step: &Done| match step {
            Done::Relink { email, parent: Some(_), by: Some(ParentBy::Thread) } => Some(*email),
            _ => None,
        };
        self.steps.iter().filter_map(came).collect()
    }

    /// The teams that got an e-mail by it.
    pub fn teams_of(&self, email: EmailId) -> Vec<TeamId> {
        let given = |step: &Done| match step {
            Done::AddTeam { email: of, team } if *of == email => Some(*team),
            _ => None,
        };
        self.steps.iter().filter_map(given).collect()
    }

    /// What two cases were before they were merged; none in a plan of old.
    pub(super) fn apart(&self) -> Option<&Apart> {
        self.merged().map(|(_, apart)| apart)
    }

    /// The same with the case that is left.
    pub(super) fn merged(&self) -> Option<(RecordId, &Apart)> {
        let merged = |step| match step {
            &Done::MergeCases { into, ref apart } => Some((into, apart.as_deref()?)),
            _ => None,
        };
        self.steps.iter().find_map(merged)
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Done {
    MergeCases {
        into: RecordId,
        apart: Option<Box<Apart>>,
    },
    AddTeam {
        email: EmailId,
        team: TeamId,
    },
    AddUser {
        email: EmailId,
        user: UserId,
        read: bool,
    },
    Relink {
        email: EmailId,
        parent: Option<RecordId>,
        by: Option<ParentBy>,
    },
    #[serde(other)]
    Other,
}

/// The same when a person takes an e-mail from its record: no stream tells of it any more, and whom the link had given it has it no
/// longer; but who has read it meanwhile keeps it. What had come along with it goes as well, unless it has another place since.
pub fn unlink(email: EmailId, linked: Option<&Written>, asked: Asked, policy: &Policy, facts: &mut Facts) -> Result<Plan, Fault> {
    let mut plan = begin(email, asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let Some(before) = desk.facts.emails.get(&email).and_then(|known| known.parent) else {
        return Err(Fault::new(Class::Data, format!("e-mail {email} belongs to no record")));
    };
    let change = Change::Relink { email, parent: None, by: Some(ParentBy::Hand), account: None };
    desk.plan.add(change, reason!(Link7, "a person said so"));
    let detail = format!("e-mail {email} was taken away by hand");
    desk.add_note(before, NoteKind::Linked, None, detail, reason!(Link7, "the stream says so"));
    for (change, because) in take_back(email, before, linked, desk.facts) {
        take(change, because, desk);
    }
    desk.facts.emails.entry(email).and_modify(|known| (known.parent, known.parent_by) = (None, Some(ParentBy::Hand)));
    Ok(plan)
}

/// Takes back what a link by hand gave: of the e-mails that came along and of the e-mail itself; returns what there is to be written.
fn take_back(email: EmailId, before: RecordId, linked: Option<&Written>, facts: &mut Facts) -> Vec<(Change, Reason)> {
    let (mut leave, mut taken) = (vec![email], Vec::new());
    // What came along with another stays with that.
    let linked_itself = linked.filter(|linked| linked.email == Some(email));
    for mate in linked_itself.map(Written::mates).unwrap_or_default() {
        let is_there = |known: &EmailFacts| (known.parent, known.parent_by) == (Some(before), Some(ParentBy::Thread));
        if mate != email && facts.emails.get(&mate).is_some_and(is_there) {
            let change = Change::Relink { email: mate, parent: None, by: None, account: None };
            taken.push((change, reason!(Link7, "it came along by the link")));
            facts.emails.entry(mate).and_modify(|known| (known.parent, known.parent_by) = (None, None));
            leave.push(mate);
        }
    }
    for gift in linked.into_iter().flat_map(|linked| &linked.steps) {
        match *gift {
            Done::AddTeam { email, team } if leave.contains(&email) => {
                facts.emails.entry(email).and_modify(|known| known.teams.retain(|one| *one != team));
                taken.push((Change::RemoveTeam { email, team }, reason!(Link7, "it got the e-mail by the link")));
            }
            Done::AddUser { email, user, read } if leave.contains(&email) && read != facts.unread.contains(&(email, user)) => {
                facts.emails.entry(email).and_modify(|known| known.users.retain(|one| *one != user));
                let because = reason!(Link7, "they got the e-mail by the link, and left it as it came");
                taken.push((Change::RemoveUser { email, user }, because));
            }
            _ => {}
        }
    }
    taken
}

/// THREAD-2: which e-mails of its thread come along when an e-mail comes to a record: those that have no place, and to a case
/// those that have one by address alone. What a person chose stays, what waits for a person's word waits, and a copy with other
/// content is its own people's (DUP-2). To a case come only those that its people may read for that (ACCESS-2); what the
/// one who asks may not change is not among the facts.
pub fn companions(email: EmailId, record: RecordId, facts: &Facts) -> Vec<EmailId> {
    let Some(named) = facts.emails.get(&email) else { return Vec::new() };
    let (thread, with) = (facts.thread(named.thread), group_accounts(named, facts));
    let with = Owners { accounts: &with, teams: &named.teams };
    let is_case = facts.is_case(record);
    let case_teams = facts.records.get(&record).map_or(&[][..], |known| &known.teams);
    // To somebody who is no case it brings what came through the same accounts: their owners gave their word for all of that.
    let came_the_same_way = |known: &EmailFacts| known.accounts.iter().any(|account| named.accounts.contains(account));
    let may_come = |known: &EmailFacts| {
        let accounts = group_accounts(known, facts);
        let owners = Owners { accounts: &accounts, teams: &known.teams };
        Brought::Person.lets(owners, with, case_teams) || (!is_case && came_the_same_way(known))
    };
    let is_loose = |known: &EmailFacts| match (known.parent, known.parent_by) {
        (None, None) => true,
        (Some(_), Some(ParentBy::Address)) => is_case,
        (Some(of), Some(ParentBy::Thread)) => is_case && !facts.is_firm(of),
        _ => false,
    };
    let comes = |(id, known): &(&EmailId, &EmailFacts)| {
        **id != email
            && facts.thread(known.thread) == thread
            && is_loose(known)
            && !known.id_collision
            && !facts.waiting.contains_key(id)
            && may_come(known)
    };
    let mut found: Vec<EmailId> = facts.emails.iter().filter(comes).map(|(id, _)| *id).collect();
    found.sort_unstable();
    found
}

/// The accounts that it came through and are nobody's own.
fn group_accounts(known: &EmailFacts, facts: &Facts) -> Vec<AccountId> {
    known.accounts.iter().copied().filter(|account| facts.group_accounts.contains(account)).collect()
}

/// An e-mail comes to a record by a person's word, and its people hear of it.
pub(super) fn bring(email: EmailId, mails: &Mails, record: RecordId, because: Reason, desk: &mut Desk<'_>) {
    let Some(known) = desk.facts.emails.get(&email).cloned() else { return };
    let unread = Mail::default();
    let mail = mails.get(&email).unwrap_or(&unread);
    // What filters chose for it when it came, such as that it is read, counts for those who get it now (FILTER-4).
    let choices = choices::import(mail, desk.facts, desk.plan);
    let seen = author::see_again(mail, (known.ours, known.author), desk.policy, desk.facts, desk.plan);
    let occasion = Occasion::of_stored(email, &seen.mail, &known, choices);
    relink(email, record, (ParentBy::Hand, because), desk);
    invite(email, record, desk);
    people::join_record(record, &occasion, desk);
    if known.parent != Some(record) {
        note(record, &occasion, bounce::outgoing(&seen.mail, desk.facts), desk);
    }
    tell(Some(record), &occasion, News::Old, desk);
}

/// The same for another e-mail of its thread, of which nobody hears: it is no news.
pub(super) fn come_along(email: EmailId, mails: &Mails, (record, by): (RecordId, ParentBy), desk: &mut Desk<'_>) {
    relink(email, record, (by, reason!(Thread2, "it comes along")), desk);
    let (mut teams, mut users) = (people::Teams::new(), people::Users::new());
    people::add_case_people(record, desk.facts, &mut teams, &mut users);
    join(email, mails, (teams, users), desk);
}

/// People get an e-mail that is no news, with their own filters (CASE-1, FILTER-5); but not a copy with other content, which is for
/// those it came to (DUP-2).
pub(super) fn join(email: EmailId, mails: &Mails, people: (people::Teams, people::Users), desk: &mut Desk<'_>) {
    let Some(known) = desk.facts.emails.get(&email).filter(|known| !known.id_collision).cloned() else { return };
    let unread = Mail::default();
    let mail = mails.get(&email).unwrap_or(&unread);
    let seen = author::see_again(mail, (known.ours, known.author), desk.policy, desk.facts, &mut Plan::new());
    people::join_new(people, &Occasion::of_stored(email, &seen.mail, &known, Choices::default()), desk);
}

/// LINK-2: a person put the e-mail there, so its author takes part in that.
pub(super) fn invite(email: EmailId, record: RecordId, desk: &mut Desk<'_>) {
    let Some(known) = desk.facts.emails.get(&email) else { return };
    let (author, thread) = (known.sender.clone(), known.thread);
    if !known.ours && !author.is_empty() && !desk.facts.is_own(&author) {
        let case = Some(record).filter(|record| desk.facts.is_case(*record));
        people::let_in(std::slice::from_ref(&author), case, thread, desk.facts);
        desk.plan.add(
            Change::Invite { email, addresses: vec![author] },
            reason!(Link2, "a person put it there, so its author takes part"),
        );
    }
}

/// The e-mail belongs to the record, and what streams tell of it comes along (NOTE-1).
pub(super) fn relink(email: EmailId, record: RecordId, (by, because): (ParentBy, Reason), desk: &mut Desk<'_>) {
    // LINK-6: its Account is the record's.
    let account = desk.facts.account_of(record);
    desk.plan.add(Change::Relink { email, parent: Some(record), by: Some(by), account }, because);
    desk.facts.emails.entry(email).and_modify(|known| (known.parent, known.parent_by) = (Some(record), Some(by)));
}
