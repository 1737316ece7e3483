//! INBOX-2: what users do with their copies of e-mails, and where a person files an e-mail for everybody.

use super::super::facts::Facts;
use super::super::people::take_team;
use super::super::plan::{Asked, Change, Marks, Plan, Spot};
use super::super::reason::reason;
use super::link::{Written, begin};
use crate::fault::{Class, Fault};
use crate::words::{EmailId, FolderId, GroupPlace, TeamId, UserId};

/// Marks a user's copy.
pub fn mark(email: EmailId, user: UserId, marks: Marks, asked: Asked, facts: &Facts) -> Result<Plan, Fault> {
    of_copy(email, user, Change::Mark { email, user, marks }, asked, facts)
}

/// Moves a user's copy; the trash is the user's own, too.
pub fn put(email: EmailId, user: UserId, place: Spot, asked: Asked, facts: &Facts) -> Result<Plan, Fault> {
    of_copy(email, user, Change::Put { email, user, place }, asked, facts)
}

fn of_copy(email: EmailId, user: UserId, change: Change, asked: Asked, facts: &Facts) -> Result<Plan, Fault> {
    if facts.emails.get(&email).is_none_or(|known| !known.users.contains(&user)) {
        let whose = match facts.login(user).filter(|_| asked.user != Some(user)) {
            Some(login) => format!("{login}'s"),
            None => "your".to_string(),
        };
        return Err(Fault::new(Class::Data, format!("e-mail {email} is not among {whose} e-mails"))
            .hint("try: espomail email list --user USER"));
    }
    let mut plan = begin(email, asked);
    plan.add(change, reason!(Inbox2, "a person said so"));
    Ok(plan)
}

/// Deletes an e-mail for everybody (ACCESS-2); it does not come back (FETCH-2), and answers find its thread.
pub fn delete_email(email: EmailId, asked: Asked, facts: &Facts) -> Plan {
    let mut plan = begin(email, asked);
    let bears = |of: &(&String, &Vec<EmailId>)| of.1.contains(&email);
    let message_id = facts.emails_by_message_id.iter().find(bears).map(|(id, _)| id.clone()).unwrap_or_default();
    if let Some((record, _)) = facts.parent_of(email) {
        plan.note(reason!(Access2, "the stream of {} does not tell of it any more", facts.name(record)));
    }
    for user in facts.emails.get(&email).into_iter().flat_map(|known| &known.users) {
        plan.note(reason!(Access2, "{} does not have it any more", facts.login(*user).unwrap_or("a user")));
    }
    plan.add(Change::DeleteEmail { email, message_id }, reason!(Access2, "a person said so"));
    plan
}

/// Puts an e-mail into a group folder, whose teams get it (TEAM-1), or takes it out. What the folder gave that a person put it into
/// before, by `filed`, is taken back, unless its record is of that team.
pub fn file(email: EmailId, folder: Option<FolderId>, filed: Option<&Written>, asked: Asked, facts: &Facts) -> Plan {
    let mut plan = begin(email, asked);
    plan.add(Change::File { email, folder }, reason!(Inbox2, "a person said so"));
    let Some(known) = facts.emails.get(&email) else { return plan };
    let of_record = |team: &TeamId| {
        known.parent.and_then(|parent| facts.records.get(&parent)).is_some_and(|record| record.teams.contains(team))
    };
    let mut given = filed.map(|filed| filed.teams_of(email)).unwrap_or_default();
    given.retain(|team| known.teams.contains(team) && !of_record(team));
    let theirs = folder.and_then(|folder| facts.folder_teams.get(&folder)).map_or(&[][..], Vec::as_slice);
    for team in theirs.iter().filter(|team| !known.teams.contains(team) || given.contains(team)) {
        plan.add(Change::AddTeam { email, team: *team }, reason!(Team1, "a team of the group folder"));
    }
    for team in given.into_iter().filter(|team| !theirs.contains(team)) {
        let because = reason!(Team1, "it got the e-mail by the group folder that it was in");
        take_team(email, team, because, facts, &mut plan);
    }
    plan
}

/// Puts an e-mail into the archive or the trash of the group folder that it is in.
pub fn file_away(email: EmailId, folder: Option<FolderId>, place: GroupPlace, asked: Asked) -> Result<Plan, Fault> {
    if folder.is_none() {
        return Err(Fault::new(Class::Data, format!("e-mail {email} is in no group folder"))
            .hint(format!("try: espomail email move {email} --group-folder FOLDER")));
    }
    let mut plan = begin(email, asked);
    plan.add(Change::FileAway { email, place }, reason!(Inbox2, "a person said so"));
    Ok(plan)
}
