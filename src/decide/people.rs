//! TEAM and INBOX: whose e-mail it is.

use std::collections::HashSet;

use super::choices;
use super::desk::Desk;
use super::facts::Facts;
use super::filter::{Choices, Examined, UserChoices};
use super::gate::Gate;
use super::occasion::Occasion;
use super::parent::Link;
use super::plan::{Change, Given, Plan};
use super::reason::{Reason, reason};
use super::thread::Conversation;
use crate::mail::{Address, Mail};
use crate::words::{AccountKind, Distribution, EmailId, FolderId, ParentBy, RecordId, RecordKind, TeamId, ThreadId, UserId};

/// Teams with the reason for each, without doubles.
pub type Teams = Vec<(TeamId, Reason)>;
/// Users with the reason for each, without doubles.
pub type Users = Vec<(UserId, Reason)>;

/// TEAM-1: the account's teams, its case team, the replied e-mail's teams; a personal account's owner's default team.
pub fn teams(conversation: &Conversation, choices: &Choices, facts: &Facts) -> Teams {
    let mut teams = Teams::new();
    let account = &facts.account;
    for team in &account.teams {
        push(&mut teams, *team, || reason!(Team1, "a team of the account"));
    }
    if account.make_cases
        && let Some(team) = account.case_team
    {
        push(&mut teams, team, || reason!(Team1, "the account's case team"));
    }
    if account.kind == AccountKind::Personal
        && let Some(team) = account.owner_team
    {
        push(&mut teams, team, || reason!(Team1, "the owner's default team"));
    }
    if let Some((team, because)) = &choices.assign_team {
        push(&mut teams, *team, || because.clone());
    }
    if let Some((folder, because)) = &choices.folder {
        for team in facts.folder_teams.get(folder).into_iter().flatten() {
            push(&mut teams, *team, || reason!(Team1, "a team of the group folder; {because}").by(because.filter));
        }
    }
    if let Some(email) = conversation.replied.filter(|_| !conversation.guessed)
        && let Some(known) = facts.emails.get(&email)
    {
        for team in &known.teams {
            push(&mut teams, *team, || reason!(Thread2, "a team of e-mail {email}, which it answers").on(email));
        }
    }
    teams
}

/// INBOX-1: team members where the account says so, its assigned user, the owner, and users in From, To or Cc.
pub fn users(mail: &Mail, choices: &Choices, facts: &Facts) -> Users {
    let mut users = of_account(choices, facts);
    for (header, user) in addressed(mail, facts) {
        push(&mut users, user, || reason!(Inbox1, "their address is in {header}"));
    }
    users
}

/// DUP-2: whom a copy adds to an e-mail that is here: those of the account it came through, and of the users in its To or Cc
/// those who belong to that account. Its header is not what was stored: whoever sends a message once more can name anybody in
/// it, and being named must not open the stored one with its people, its case and its raw bytes. Who belongs to the account
/// gets nothing by it that the account did not bring: the whole content came through it. A genuine copy has the same To and Cc
/// as the first, so nobody misses anything.
pub fn users_of_copy(mail: &Mail, choices: &Choices, facts: &Facts) -> Users {
    let mut users = of_account(choices, facts);
    let account = &facts.account;
    let teams = account.teams.iter().chain(account.case_team.as_ref().filter(|_| account.make_cases));
    let members: Vec<UserId> = teams.filter_map(|team| facts.teams.get(team)).flatten().map(|member| member.user).collect();
    for (header, user) in addressed(mail, facts) {
        if members.contains(&user) {
            push(&mut users, user, || reason!(Inbox1, "their address is in {header}, and they are in a team of the account"));
        }
    }
    users
}

/// Users in From, To or Cc.
fn addressed<'a>(mail: &'a Mail, facts: &'a Facts) -> impl Iterator<Item = (&'static str, UserId)> + 'a {
    let fields = [("From", mail.from.as_slice()), ("To", &mail.to), ("Cc", &mail.cc)];
    let all = fields.into_iter().flat_map(|(header, list)| list.iter().map(move |address| (header, address)));
    all.filter_map(|(header, address)| Some((header, facts.user_of(&address.key())?)))
}

/// Users who get the mail of the account: by its settings, or by a filter.
fn of_account(choices: &Choices, facts: &Facts) -> Users {
    let mut users = Users::new();
    if let Some((user, because)) = &choices.assign_user {
        push(&mut users, *user, || because.clone());
    }
    let account = &facts.account;
    match account.kind {
        AccountKind::Personal => {
            if let Some(owner) = account.owner {
                push(&mut users, owner, || reason!(Inbox1, "the account is theirs"));
            }
        }
        AccountKind::Group => {
            if account.add_team_users {
                let members = account.teams.iter().filter_map(|team| facts.teams.get(team)).flatten();
                for member in members.filter(|member| member.active) {
                    push(&mut users, member.user, || reason!(Inbox1, "a member of the account's team"));
                }
            }
            if let Some(user) = account.assigned_user {
                push(&mut users, user, || reason!(Inbox1, "the account's assigned user"));
            }
        }
    }
    users
}

/// SEND-8: the users in To, Cc or Bcc of a message that went out.
pub fn recipients(mail: &Mail, facts: &Facts) -> Users {
    let mut users = Users::new();
    for (header, addresses) in [("To", &mail.to), ("Cc", &mail.cc), ("Bcc", &mail.bcc)] {
        for user in addresses.iter().filter_map(|address| facts.user_of(&address.key())) {
            push(&mut users, user, || reason!(Inbox1, "their address is in {header}"));
        }
    }
    users
}

/// TEAM-1 and CASE-1: a parent Case's teams and its assigned user. Returns who came by that.
pub fn add_case_people(record: RecordId, facts: &Facts, teams: &mut Teams, users: &mut Users) -> Given {
    add_people_of(record, facts, (teams, users), |case| {
        (reason!(Team1, "a team of case:{case}"), reason!(Case1, "case:{case} is assigned to them"))
    })
}

/// LINK-3: what is held for a case is its people's to decide about, so they have it, where mail of this account is theirs anyway: anybody
/// can write a number, and what came for another desk is not theirs by that. Returns who came by that.
pub fn add_people_in_question(record: RecordId, facts: &Facts, teams: &mut Teams, users: &mut Users) -> Given {
    let account = &facts.account;
    let is_theirs = facts.records.get(&record).is_some_and(|case| {
        let shares = |team: &TeamId| account.teams.contains(team) || account.case_team == Some(*team);
        case.through == Some(account.id) || case.teams.iter().any(shares)
    });
    if !is_theirs {
        return Given { record, teams: Vec::new(), users: Vec::new() };
    }
    add_people_of(record, facts, (teams, users), |case| {
        (
            reason!(Link3, "a team of case:{case}, for which it is held"),
            reason!(Link3, "it is held for case:{case}, which is assigned to them"),
        )
    })
}

/// Adds the teams of a case and its assigned user, for the reasons that its number makes.
fn add_people_of(
    record: RecordId,
    facts: &Facts,
    (teams, users): (&mut Teams, &mut Users),
    because: impl Fn(i64) -> (Reason, Reason),
) -> Given {
    let (had_teams, had_users) = (teams.len(), users.len());
    if let Some(case) = facts.records.get(&record).filter(|known| known.kind == RecordKind::Case) {
        let (of_team, of_user) = because(case.number);
        for team in &case.teams {
            push(teams, *team, || of_team.clone());
        }
        // Who is not active any more has no inbox that anybody looks into.
        let is_active = |user: &UserId| facts.people.get(user).is_none_or(|person| person.active);
        if let Some(user) = case.assigned_user.filter(is_active) {
            push(users, user, || of_user);
        }
    }
    let teams = teams.iter().skip(had_teams).map(|(team, _)| *team).collect();
    let users = users.iter().skip(had_users).map(|(user, _)| *user).collect();
    Given { record, teams, users }
}

/// INBOX-1: whether somebody outside wrote it and nobody here has it: it is in no inbox, in no group folder, of no case that somebody looks
/// after, waits for nobody's word, and nobody is told of it. What is history is no work for anybody (FETCH-14), and what a machine
/// answers in a case is quiet (AUTO-3).
pub fn reaches_nobody(plan: &Plan, mail: &Mail, facts: &Facts) -> bool {
    let new = plan.steps().iter().find_map(|step| if let Change::AddEmail(new) = &step.change { Some(new) } else { None });
    let is_left = new.is_some_and(|new| {
        let case = new.parent.filter(|parent| facts.is_case(*parent));
        !new.ours
            && !new.archived
            && new.folder.is_none()
            && case.is_none_or(|case| mail.automatic.is_empty() && !is_in_hands(case, facts))
    });
    let reaches = |change: &Change| matches!(change, Change::AddUser { .. } | Change::Hold { .. } | Change::Notify { .. });
    is_left && !plan.steps().iter().any(|step| reaches(&step.change))
}

/// Whether people take the case themselves, as its account gives none to anybody. An active user who has it would have got the e-mail.
fn is_in_hands(case: RecordId, facts: &Facts) -> bool {
    facts.account.distribution == Distribution::None
        && facts.records.get(&case).is_some_and(|known| known.assigned_user.is_none())
}

/// Adds teams and users to the e-mail. Unread for everyone but its sender (INBOX-1); each user's own filters decide where it
/// goes (FILTER-5), but never the sender's.
pub fn join(teams: &Teams, users: &Users, occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let (email, mail) = (occasion.email, occasion.mail);
    for (team, because) in teams {
        desk.plan.add(Change::AddTeam { email, team: *team }, because);
    }
    // Whoever says to be one of us has not read it for them (ACCESS-5).
    let sender = occasion.origin.author();
    let held = Examined::new(mail);
    for (user, because) in users {
        let is_sender = sender == Some(*user);
        let own = if is_sender { UserChoices::default() } else { choices::of_user(*user, &held, desk.facts, desk.plan) };
        let mapped = desk.facts.account.folder.filter(|_| desk.facts.account.owner == Some(*user));
        let folder = own.folder.or(mapped);
        if is_silent(&own, folder, desk.facts) {
            desk.plan.silent_for.push(*user);
        }
        let marked = occasion.choices.mark_read.as_ref();
        let read_by = marked.and_then(|because| because.filter).filter(|_| !is_sender && !own.read);
        let read = is_sender || own.read || marked.is_some();
        let change = Change::AddUser { email, user: *user, read, trashed: own.trash, folder, own: own.because, read_by };
        desk.plan.add(change, because);
    }
}

/// A team loses an e-mail, and with it those that had it from there (THREAD-2), and so on.
pub fn take_team(email: EmailId, team: TeamId, because: impl Into<Reason>, facts: &Facts, plan: &mut Plan) {
    plan.add(Change::RemoveTeam { email, team }, because);
    let (mut left, mut seen) = (vec![email], HashSet::from([email]));
    while let Some(email) = left.pop() {
        for answer in facts.handed.get(&(email, team)).into_iter().flatten().copied().filter(|answer| seen.insert(*answer)) {
            let because = reason!(Thread2, "it had the e-mail as it had e-mail {email}, which this one answers");
            plan.add(Change::RemoveTeam { email: answer, team }, because);
            left.push(answer);
        }
    }
}

/// A stored e-mail comes to a record: of a case, its teams and its assigned user get it; who has it already keeps it as it is, and
/// whoever wants to hear nothing of such mail hears nothing of it now (FILTER-5).
pub fn join_record(record: RecordId, occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let (mut teams, mut users) = (Teams::new(), Users::new());
    add_case_people(record, desk.facts, &mut teams, &mut users);
    join_new((teams, users), occasion, desk);
}

/// The same of these teams and users.
pub fn join_new((mut teams, mut users): (Teams, Users), occasion: &Occasion<'_>, desk: &mut Desk<'_>) {
    let (email, held) = (occasion.email, Examined::new(occasion.mail));
    let have = desk.facts.emails.get(&email).map(|known| known.users.clone()).unwrap_or_default();
    let silent = have
        .into_iter()
        .filter(|user| is_silent(&choices::of_user(*user, &held, desk.facts, &mut Plan::new()), None, desk.facts));
    desk.plan.silent_for.extend(silent);
    if let Some(known) = desk.facts.emails.get_mut(&email) {
        teams.retain(|(team, _)| !known.teams.contains(team));
        // INBOX-1: what went out from here is in nobody's inbox as new mail.
        users.retain(|(user, _)| !known.users.contains(user) && !desk.facts.letters.contains(&email));
        known.teams.extend(teams.iter().map(|(team, _)| *team));
        known.users.extend(users.iter().map(|(user, _)| *user));
    }
    join(&teams, &users, occasion, desk);
}

/// NOTIFY-2: whether a user's own filter, or the folder that the e-mail goes to, says that they are not told of it.
fn is_silent(own: &UserChoices, folder: Option<FolderId>, facts: &Facts) -> bool {
    own.silent || own.trash || own.folder.or(folder).is_some_and(|folder| facts.silent_folders.contains(&folder))
}

/// LINK-2: who takes part in the case or the conversation of an e-mail on its account: who wrote it, where it is the first, or its
/// author took part already; those it went to, where one of us wrote it. Nobody by being named by somebody from outside.
pub fn invited(
    mail: &Mail,
    customer: Option<&Address>,
    (conversation, link): (&Conversation, Option<&Link>),
    gate: &Gate,
    facts: &Facts,
) -> Vec<String> {
    if gate.is_ours() {
        return written_to(mail, customer, facts);
    }
    let case = link.filter(|link| facts.is_case(link.record));
    let takes_part = match case {
        Some(link) if link.by == ParentBy::Opened => true,
        // Who only says to be one of us may come in, and has no part by that (ACCESS-5).
        _ if gate.is_of_house() => false,
        Some(link) => gate.takes_part(link.record, facts),
        None => !conversation.known || gate.is_in_thread(conversation.thread, facts),
    };
    let author = [gate.sender().to_string()].into_iter();
    author.filter(|author| takes_part && !author.is_empty() && !facts.is_own(author)).collect()
}

/// The same of a letter of ours: its author and those it goes to; not our own accounts.
pub fn written_to(mail: &Mail, customer: Option<&Address>, facts: &Facts) -> Vec<String> {
    let all = customer.into_iter().chain(&mail.from).chain(&mail.to).chain(&mail.cc).chain(&mail.bcc).map(Address::key);
    let mut invited: Vec<String> = all.filter(|key| !key.is_empty() && !facts.is_own(key)).collect();
    invited.sort_unstable();
    invited.dedup();
    invited
}

/// Folds that into the facts.
pub fn let_in(invited: &[String], case: Option<RecordId>, thread: ThreadId, facts: &mut Facts) {
    let thread = facts.thread(thread);
    for person in invited {
        if let Some(case) = case {
            facts.correspondents.insert((case, person.clone()));
            // Of a case that was not gathered whole nobody is to think that these are all.
            facts.participants.entry(case).and_modify(|all| all.extend([person.clone()]));
        }
        facts.in_threads.insert((thread, person.clone()));
        facts.thread_people.entry(thread).and_modify(|all| all.extend([person.clone()]));
        facts.peopled.insert(thread);
    }
}

fn push<T: PartialEq>(list: &mut Vec<(T, Reason)>, item: T, because: impl FnOnce() -> Reason) {
    if !list.iter().any(|(known, _)| *known == item) {
        list.push((item, because()));
    }
}
