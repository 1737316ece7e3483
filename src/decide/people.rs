//! TEAM and INBOX: whose e-mail it is.

use super::case::Occasion;
use super::filter::{self, Choices, UserChoices};
use super::thread::Conversation;
use super::{Change, Facts, Plan};
use crate::mail::Mail;
use crate::words::{AccountKind, EmailId, RecordId, RecordKind, TeamId, UserId};

/// Teams with the reason for each, without doubles.
pub type Teams = Vec<(TeamId, String)>;
/// Users with the reason for each, without doubles.
pub type Users = Vec<(UserId, String)>;

/// TEAM-1: the account's teams, its case team, the replied e-mail's teams; a personal account's owner's default team.
pub fn teams(conversation: &Conversation, choices: &Choices, facts: &Facts) -> Teams {
    let mut teams = Teams::new();
    let account = &facts.account;
    for team in &account.teams {
        push(&mut teams, *team, || "TEAM-1: a team of the account".to_string());
    }
    if account.make_cases
        && let Some(team) = account.case_team
    {
        push(&mut teams, team, || "TEAM-1: the account's case team".to_string());
    }
    if account.kind == AccountKind::Personal
        && let Some(team) = account.owner_team
    {
        push(&mut teams, team, || "TEAM-1: the owner's default team".to_string());
    }
    if let Some((team, because)) = &choices.assign_team {
        push(&mut teams, *team, || because.clone());
    }
    if let Some((folder, because)) = &choices.folder {
        for team in facts.folder_teams.get(folder).into_iter().flatten() {
            push(&mut teams, *team, || format!("TEAM-1: a team of the group folder; {because}"));
        }
    }
    if let Some(email) = conversation.replied
        && let Some(known) = facts.emails.get(&email)
    {
        for team in &known.teams {
            push(&mut teams, *team, || format!("THREAD-2: a team of e-mail {email}, which it answers"));
        }
    }
    teams
}

/// INBOX-1: team members where the account says so, its assigned user, the owner, and users in From, To or Cc.
pub fn users(mail: &Mail, choices: &Choices, facts: &Facts) -> Users {
    let mut users = Users::new();
    if let Some((user, because)) = &choices.assign_user {
        push(&mut users, *user, || because.clone());
    }
    let account = &facts.account;
    match account.kind {
        AccountKind::Personal => {
            if let Some(owner) = account.owner {
                push(&mut users, owner, || "INBOX-1: the account is theirs".to_string());
            }
        }
        AccountKind::Group => {
            if account.add_team_users {
                let members = account.teams.iter().filter_map(|team| facts.teams.get(team)).flatten();
                for member in members.filter(|member| member.active) {
                    push(&mut users, member.user, || "INBOX-1: a member of the account's team".to_string());
                }
            }
            if let Some(user) = account.assigned_user {
                push(&mut users, user, || "INBOX-1: the account's assigned user".to_string());
            }
        }
    }
    let addressed = [("From", mail.from.as_slice()), ("To", &mail.to), ("Cc", &mail.cc)];
    for (header, addresses) in addressed {
        for user in addresses.iter().filter_map(|address| facts.user_of(&address.key())) {
            push(&mut users, user, || format!("INBOX-1: their address is in {header}"));
        }
    }
    users
}

/// SEND-8: the users in To, Cc or Bcc of a message that went out.
pub fn recipients(mail: &Mail, facts: &Facts) -> Users {
    let mut users = Users::new();
    for (header, addresses) in [("To", &mail.to), ("Cc", &mail.cc), ("Bcc", &mail.bcc)] {
        for user in addresses.iter().filter_map(|address| facts.user_of(&address.key())) {
            push(&mut users, user, || format!("INBOX-1: their address is in {header}"));
        }
    }
    users
}

/// TEAM-1 and CASE-1: a parent Case's teams and its assigned user.
pub fn add_case_people(record: RecordId, facts: &Facts, teams: &mut Teams, users: &mut Users) {
    let Some(case) = facts.records.get(&record).filter(|known| known.kind == RecordKind::Case) else { return };
    for team in &case.teams {
        push(teams, *team, || format!("TEAM-1: a team of case:{}", case.number));
    }
    if let Some(user) = case.assigned_user {
        push(users, user, || format!("CASE-1: case:{} is assigned to them", case.number));
    }
}

/// Adds teams and users to the e-mail. Unread for everyone but its sender (INBOX-1); each user's own filters decide where it
/// goes (FILTER-5), but never the sender's.
pub fn join(email: EmailId, teams: &Teams, users: &Users, occasion: &Occasion<'_>, facts: &Facts, plan: &mut Plan) {
    let mail = occasion.mail;
    for (team, because) in teams {
        plan.add(Change::AddTeam { email, team: *team }, because);
    }
    // Whoever says to be one of us has not read it for them (ACCESS-5).
    let sender = occasion.origin.author();
    let held = filter::Held::new(mail);
    for (user, because) in users {
        let is_sender = sender == Some(*user);
        let own = if is_sender { UserChoices::default() } else { filter::of_user(*user, &held, facts, plan) };
        let mapped = facts.account.folder.filter(|_| facts.account.owner == Some(*user));
        let folder = own.folder.or(mapped);
        if own.silent || own.trash || folder.is_some_and(|folder| facts.silent_folders.contains(&folder)) {
            plan.silent_for.push(*user);
        }
        let read = is_sender || own.read || occasion.choices.mark_read.is_some();
        let because = if own.because.is_empty() { because.clone() } else { format!("{because}; {}", own.because) };
        plan.add(Change::AddUser { email, user: *user, read, trashed: own.trash, folder }, because);
    }
}

fn push<T: PartialEq>(list: &mut Vec<(T, String)>, item: T, because: impl FnOnce() -> String) {
    if !list.iter().any(|(known, _)| *known == item) {
        list.push((item, because()));
    }
}
