//! What people ask the rules for: whose turn it is, and what becomes of an e-mail that waited for their word.

use super::case::Occasion;
use super::filter::Choices;
use super::{Change, Facts, Load, Plan, Policy, case, distribute, note, parent, people};
use crate::mail::Mail;
use crate::words::{Distribution, EmailId, ParentBy, RecordId, UserId};

/// Who gets the next case of an account (DIST-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub user: Option<UserId>,
    pub because: String,
    /// Everybody it could be, with how busy they are; nobody where the account does not choose.
    pub candidates: Vec<(UserId, Load)>,
}

/// Says whose turn it is; the turn stays theirs.
pub fn next_turn(facts: &Facts) -> Turn {
    let (user, because) = distribute::choose(facts);
    let load = |user: UserId| (user, facts.load.get(&user).copied().unwrap_or_default());
    let candidates = match facts.account.distribution {
        Distribution::None | Distribution::Direct => Vec::new(),
        Distribution::RoundRobin | Distribution::LeastBusy => distribute::candidates(facts),
    };
    Turn { user, because, candidates: candidates.into_iter().map(load).collect() }
}

/// What a person says of an e-mail that waited for it (LINK-3, FILTER-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It belongs to this record, as if its sender took part in it.
    Accept(RecordId),
    /// It opens a case, by the account's rules (CASE-2, DIST-1).
    Split,
}

/// Decides what becomes of a stored e-mail by a person's word. Like the rest of [`super::decide`], it keeps the facts current.
pub fn by_hand(email: EmailId, mail: &Mail, word: Word, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::new();
    plan.email = Some(email);
    let Some(known) = facts.emails.get(&email).cloned() else { return plan };
    let occasion = Occasion { mail, archived: false, arrived_at: facts.now, choices: Choices::default(), sent_by_us: false };
    let (record, because) = match word {
        Word::Accept(record) => (record, "LINK-7: a person said so"),
        Word::Split => {
            let known = known.parent.or_else(|| parent::by_address(mail, None, policy, facts, &mut plan).map(|link| link.record));
            let account = known.and_then(|record| parent::account_of(record, facts));
            let because = "LINK-3: a person said that it opens a case of its own".to_string();
            (case::open(email, &occasion, None, (account, None), because, facts, &mut plan), "LINK-7: it opened this case")
        }
    };
    let account = parent::account_of(record, facts);
    plan.add(Change::SetParent { email, thread: known.thread, parent: record, by: ParentBy::Hand, account }, because);
    let (mut teams, mut users) = (people::Teams::new(), people::Users::new());
    people::add_case_people(record, facts, &mut teams, &mut users);
    teams.retain(|(team, _)| !known.teams.contains(team));
    users.retain(|(user, _)| !known.users.contains(user));
    people::join(email, &teams, &users, &occasion, facts, &mut plan);
    note(email, record, mail, facts, &mut plan);
    facts.thread_parents.insert(known.thread, record);
    if let Some(entry) = facts.emails.get_mut(&email) {
        (entry.parent, entry.parent_by) = (Some(record), Some(ParentBy::Hand));
        entry.teams.extend(teams.iter().map(|(team, _)| *team));
        entry.users.extend(users.iter().map(|(user, _)| *user));
    }
    plan
}
