//! Which e-mails of a thread come along when one of them comes to a case (THREAD-2). Whoever may read the case reads what is in it, so
//! nothing comes that was somebody else's until then: not what came through personal accounts alone, and of another mailbox only
//! what is shared with a team of the case (ACCESS-2).

use std::collections::HashSet;

use crate::words::{AccountId, TeamId};

/// Who brings them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Mail through this account: what came through it as well.
    Mail(AccountId),
    /// A person's word: what came through the same accounts as the e-mail that is meant.
    Person,
}

/// Whose an e-mail is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners {
    /// The group accounts that it came through.
    pub group_accounts: HashSet<AccountId>,
    pub teams: HashSet<TeamId>,
}

impl Brought {
    /// Whether an e-mail comes along with another one to a case of these teams.
    pub fn lets(self, email: &Owners, with: Option<&Owners>, case_teams: &HashSet<TeamId>) -> bool {
        let is_theirs = match self {
            Self::Mail(account) => email.group_accounts.contains(&account),
            Self::Person => with.is_some_and(|with| !with.group_accounts.is_disjoint(&email.group_accounts)),
        };
        is_theirs || !email.teams.is_disjoint(case_teams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(accounts: &[i64], teams: &[i64]) -> Owners {
        Owners {
            group_accounts: accounts.iter().copied().map(AccountId).collect(),
            teams: teams.iter().copied().map(TeamId).collect(),
        }
    }

    #[test]
    fn access_2_nothing_comes_along_that_was_somebody_elses() {
        let (desk, sales, private) = (owners(&[1], &[]), owners(&[2], &[20]), owners(&[], &[]));
        let mail = Brought::Mail(AccountId(1));
        let lets = |who: Brought, email: &Owners, teams: &[i64]| {
            who.lets(email, Some(&desk), &teams.iter().copied().map(TeamId).collect())
        };
        for who in [mail, Brought::Person] {
            assert_eq!([&desk, &sales, &private].map(|email| lets(who, email, &[10])), [true, false, false], "{who:?}");
        }
        assert!(lets(mail, &sales, &[10, 20]), "its team has the case");
        assert!(!Brought::Mail(AccountId(9)).lets(&private, None, &HashSet::new()), "a personal account brings nothing");
    }
}
