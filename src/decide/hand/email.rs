//! ACCESS-2: what people say of an e-mail that is there: which teams it is of, whose it is to look after, who has it, too, and
//! whether it is important.

use super::super::author;
use super::super::desk::Desk;
use super::super::facts::{Facts, Policy};
use super::super::filter::Choices;
use super::super::occasion::Occasion;
use super::super::people::{self, Teams, Users};
use super::super::plan::{Asked, Change, Plan};
use super::super::reason::reason;
use super::super::road::{News, tell};
use super::link::{Mails, begin};
use crate::fault::{Class, Fault};
use crate::mail::Mail;
use crate::words::{EmailId, NotificationKind, TeamId, UserId};

/// What to change; what is not given stays. An inner none clears.
#[derive(Debug, Clone, Default)]
pub struct EmailChanges {
    pub teams: Option<Vec<TeamId>>,
    pub assigned_user: Option<Option<UserId>>,
    pub users: Vec<UserId>,
    pub important: Option<bool>,
}

impl EmailChanges {
    /// Returns what is changed, for the audit.
    pub fn told(&self) -> String {
        let told = [
            self.teams.as_ref().map(|_| "team"),
            self.assigned_user.map(|_| "assigned user"),
            (!self.users.is_empty()).then_some("user"),
            self.important.map(|_| "important"),
        ];
        told.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Whom it names.
    pub fn named(&self) -> Vec<UserId> {
        self.users.iter().copied().chain(self.assigned_user.flatten()).collect()
    }
}

/// Changes an e-mail that `assigned` looks after. Whoever gets it has it in the inbox, or where their own filters say (FILTER-5), and
/// hears of it as of new mail (NOTIFY-2).
pub fn change_email(
    email: EmailId,
    (changes, assigned): (&EmailChanges, Option<UserId>),
    mails: &Mails,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    for user in changes.named() {
        if facts.people.get(&user).is_none_or(|person| !person.active) {
            let login = facts.login(user).map_or_else(|| format!("user {user}"), str::to_string);
            return Err(Fault::new(Class::Data, format!("{login} is not active"))
                .hint(format!("try: espomail user set {login} --active true")));
        }
    }
    let mut plan = begin(email, asked);
    let Some(known) = facts.emails.get(&email).cloned() else { return Ok(plan) };
    let said = || reason!(Access2, "a person said so");
    if let Some(teams) = &changes.teams {
        let sorted = |teams: &[TeamId]| {
            let mut teams = teams.to_vec();
            teams.sort_unstable();
            teams
        };
        if sorted(teams) != sorted(&known.teams) {
            plan.add(Change::ShareEmail { email, teams: sorted(teams) }, said());
            facts.emails.entry(email).and_modify(|known| known.teams.clone_from(teams));
        }
    }
    let mut users: Users = changes.users.iter().map(|user| (*user, said())).collect();
    let given = changes.assigned_user.filter(|user| *user != assigned);
    if let Some(user) = given {
        plan.add(Change::AssignEmail { email, user }, said());
    }
    if let Some(user) = given.flatten() {
        users.retain(|(other, _)| *other != user);
        users.push((user, reason!(Access2, "it is theirs to look after")));
        if !plan.is_asked_by(user) {
            let (kind, record) = (NotificationKind::Assigned, known.parent);
            let change = Change::Notify { user, kind, email: Some(email), note: None, record, detail: String::new() };
            plan.add(change, reason!(Access2, "the e-mail is theirs now"));
        }
    }
    if !users.is_empty() {
        let unread = Mail::default();
        let mail = mails.get(&email).unwrap_or(&unread);
        let seen = author::see_again(mail, (known.ours, known.author), policy, facts, &mut Plan::new());
        let occasion = Occasion::of_stored(email, &seen.mail, &known, Choices::default());
        let desk = &mut Desk { facts, plan: &mut plan, policy };
        people::join_new((Teams::new(), users), &occasion, desk);
        tell(known.parent, &occasion, News::Old, desk);
    }
    if let Some(important) = changes.important {
        plan.add(Change::MarkImportant { email, important }, said());
    }
    Ok(plan)
}
