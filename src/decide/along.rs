//! Whose a case is: which mail is of it by its thread alone, and by nobody's word (ACCESS-2). A thread may be of several desks, and of
//! somebody's own mail: whoever may read a case reads what is in it, so nothing comes to it that was somebody else's until then. This is
//! the one place that says so: what comes in, what answers it, what goes on elsewhere, what is read again (WHY-2) and what is merged is held
//! against [`Part::is_of`]; what comes along with another e-mail (THREAD-2) against [`Brought::lets`].

use crate::words::{AccountId, TeamId};

/// Whose something is that may have a part in a case: an e-mail, what comes through an account, another case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The accounts that it came through.
    pub accounts: Vec<AccountId>,
    pub teams: Vec<TeamId>,
    /// One of the accounts makes cases.
    pub makes_cases: bool,
}

impl Part {
    /// Whether it may be of the case that came through this account, and has these teams, by its thread alone: it came through the same
    /// account, or shares a team with it; and where neither has a team, all accounts that make cases are one desk.
    pub fn is_of(&self, through: Option<AccountId>, teams: &[TeamId]) -> bool {
        let came = through.is_some_and(|account| self.accounts.contains(&account));
        let is_nobodys = self.makes_cases && self.teams.is_empty() && teams.is_empty();
        came || is_nobodys || self.teams.iter().any(|team| teams.contains(team))
    }
}

/// Who brings e-mails along when one of them comes to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Mail through this account: what came through it as well.
    Mail(AccountId),
    /// A person's word: what came through an account of the e-mail that is meant.
    Person,
}

/// Whose an e-mail is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owners<'a> {
    /// The accounts that it came through; where something else brings it, those that are nobody's own.
    pub accounts: &'a [AccountId],
    pub teams: &'a [TeamId],
}

impl Brought {
    /// Whether an e-mail comes along with another one to a case of these teams.
    pub fn lets(self, email: Owners<'_>, with: Owners<'_>, case_teams: &[TeamId]) -> bool {
        let is_of_desk = match self {
            Self::Mail(account) => email.accounts.contains(&account),
            Self::Person => with.accounts.iter().any(|account| email.accounts.contains(account)),
        };
        is_of_desk || email.teams.iter().any(|team| case_teams.contains(team))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_2_a_case_is_of_the_desk_that_it_came_through_or_shares_a_team_with() {
        let part = |account: i64, teams: &[i64], makes_cases: bool| Part {
            accounts: vec![AccountId(account)],
            teams: teams.iter().copied().map(TeamId).collect(),
            makes_cases,
        };
        // The case came through account 1.
        for (one, case_teams, is_of) in [
            (part(1, &[], false), &[10][..], true),
            (part(2, &[10], false), &[10, 11], true),
            (part(2, &[20], true), &[10], false),
            (part(2, &[], true), &[10], false),
            (part(2, &[20], true), &[], false),
            (part(2, &[], true), &[], true),
            (part(2, &[], false), &[], false),
        ] {
            let teams: Vec<TeamId> = case_teams.iter().copied().map(TeamId).collect();
            assert_eq!(one.is_of(Some(AccountId(1)), &teams), is_of, "{one:?} {case_teams:?}");
        }
    }

    #[test]
    fn access_2_nothing_comes_along_that_was_somebody_elses() {
        const DESK: AccountId = AccountId(1);
        let desk = Owners { accounts: &[DESK], teams: &[] };
        let sales = Owners { accounts: &[AccountId(2)], teams: &[TeamId(20)] };
        let private = Owners::default();
        for who in [Brought::Mail(DESK), Brought::Person] {
            let all = [desk, sales, private].map(|email| who.lets(email, desk, &[TeamId(10)]));
            assert_eq!(all, [true, false, false], "{who:?}");
            assert!(who.lets(sales, desk, &[TeamId(10), TeamId(20)]), "{who:?}: its team has the case");
        }
        assert!(!Brought::Mail(AccountId(9)).lets(private, private, &[]), "a personal account brings nothing");
        assert!(!Brought::Person.lets(private, private, &[]), "nor what is nobody's desk's");
    }
}
