//! Which e-mails may be of a case for no other reason than that their conversation is (ACCESS-2, THREAD-2). Whoever may read the case reads
//! what is in it, so nothing comes that was somebody else's until then: it is mail of the desk in question, or shared with a team of the
//! case. Asked when one e-mail brings others of its thread along, when one goes to the case of its thread by itself, and when the rules are
//! asked again about one, of what came after it.

use crate::words::{AccountId, TeamId};

/// Who brings e-mails along when one of them comes to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Mail through this account.
    Mail(AccountId),
    /// A person's word.
    Person,
}

/// Whose an e-mail is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owners<'a> {
    /// The accounts that it came through; where something else brings it, those that are nobody's own.
    pub accounts: &'a [AccountId],
    /// It came through one that makes cases.
    pub at_desk: bool,
    pub teams: &'a [TeamId],
}

/// By which desk an e-mail may come.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    /// What came through this account comes along with other mail through it.
    Account(AccountId),
    /// What came through an account of another e-mail comes along with that one.
    With(Owners<'a>),
    /// What came through an account that makes cases goes to the case of its thread by itself, and so does what came through the one that
    /// the case came through: a thread may be of several desks, and of somebody's own mail.
    Thread(Option<AccountId>),
}

impl<'a> Brought {
    /// The door for others when an e-mail of theirs is named.
    pub const fn door(self, named: Owners<'a>) -> Door<'a> {
        match self {
            Self::Mail(account) => Door::Account(account),
            Self::Person => Door::With(named),
        }
    }
}

impl Door<'_> {
    /// Whether an e-mail may come to a case of these teams.
    pub fn lets(self, email: Owners<'_>, case_teams: &[TeamId]) -> bool {
        let came = |account: &AccountId| email.accounts.contains(account);
        let is_of_desk = match self {
            Self::Account(account) => came(&account),
            Self::With(other) => other.accounts.iter().any(came),
            Self::Thread(through) => email.at_desk || through.as_ref().is_some_and(came),
        };
        is_of_desk || email.teams.iter().any(|team| case_teams.contains(team))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_2_nothing_comes_to_a_case_that_was_somebody_elses() {
        const DESK: AccountId = AccountId(1);
        let desk = Owners { accounts: &[DESK], at_desk: true, teams: &[] };
        let sales = Owners { accounts: &[AccountId(2)], at_desk: true, teams: &[TeamId(20)] };
        let silent = Owners { accounts: &[AccountId(3)], at_desk: false, teams: &[] };
        let private = Owners::default();
        let brought = [Brought::Mail(DESK).door(desk), Brought::Person.door(desk)];
        for door in brought {
            let all = [desk, sales, silent, private].map(|email| door.lets(email, &[TeamId(10)]));
            assert_eq!(all, [true, false, false, false], "{door:?}");
            assert!(door.lets(sales, &[TeamId(10), TeamId(20)]), "{door:?}: its team has the case");
        }
        assert!(!Brought::Mail(AccountId(9)).door(private).lets(private, &[]), "a personal account brings nothing");
        assert!(!Brought::Person.door(private).lets(private, &[]), "nor what is nobody's desk's");
        // By itself each desk goes to the case of its thread.
        for (through, silent_goes) in [(None, false), (Some(DESK), false), (Some(AccountId(3)), true)] {
            let all = [desk, sales, silent, private].map(|email| Door::Thread(through).lets(email, &[]));
            assert_eq!(all, [true, true, silent_goes, false], "{through:?}");
        }
        assert!(Door::Thread(None).lets(Owners { teams: &[TeamId(7)], ..private }, &[TeamId(7)]), "its team has the case");
    }
}
