//! ACK-3: what is done by itself comes out of the budgets of whoever it is done for. What a spent one forbids is held for a
//! person's word; the mail itself is stored and linked as ever.

use super::budget::{Limits, PERIODS, Subject, subjects};
use super::desk::Desk;
use super::plan::Change;
use super::reason::{Reason, reason};
use crate::mail::Address;
use crate::words::{BudgetAction, EmailId};

/// Takes `count` actions out of every budget that mail from the sender draws on; none of them where one is spent, and says
/// which.
pub fn take(action: BudgetAction, count: i64, sender: Option<&Address>, desk: &mut Desk<'_>) -> Result<(), Reason> {
    let limits = *desk.facts.budgets.of(action);
    if limits == Limits::default() {
        return Ok(());
    }
    let Some(spent) = &mut desk.facts.spent else {
        // Whether it is a loop cannot be told. A case too many is closed; an answer too many cannot be taken back.
        return match action {
            BudgetAction::Answer => Err(reason!(Ack3, "what was answered of late cannot be read")),
            BudgetAction::Case | BudgetAction::Reopen | BudgetAction::Notification => Ok(()),
        };
    };
    let account = &desk.facts.account;
    let subjects = match account.owner {
        // The server of a personal account says what its owner likes: it spends nobody else's budget.
        Some(_) => vec![Subject::Account(account.id)],
        None => subjects(sender, account.id),
    };
    for subject in &subjects {
        let done = match spent.get(&(subject.clone(), action)) {
            Some(done) => *done,
            None if action == BudgetAction::Answer => {
                return Err(reason!(Ack3, "what was answered of late was not looked up for {subject}"));
            }
            None => Default::default(),
        };
        for ((most, done), hours) in limits.of(subject).into_iter().zip(done).zip(PERIODS.map(|seconds| seconds / 3_600)) {
            if most > 0 && done.saturating_add(count) > most {
                let whose = match subject {
                    Subject::Address(whose) | Subject::Domain(whose) => whose,
                    Subject::Account(_) => &desk.facts.account.name,
                    Subject::Overall => "all mail together",
                };
                return Err(reason!(Ack3, "the budget of {whose} is spent: {action} {most} times in {hours} hours"));
            }
        }
    }
    for subject in &subjects {
        let done = spent.entry((subject.clone(), action)).or_default();
        done.iter_mut().for_each(|done| *done = done.saturating_add(count));
    }
    desk.plan.add(Change::Spend { action, count, subjects }, reason!(Ack3, "it draws on these budgets"));
    Ok(())
}

/// Writes down that an action waits for a person's word.
pub fn hold(action: BudgetAction, email: EmailId, because: Reason, desk: &mut Desk<'_>) {
    desk.plan.add(Change::HoldAction { email, account: desk.facts.account.id, action }, because);
}

#[cfg(test)]
mod tests {
    use super::super::budget::{Budgets, Spent};
    use super::super::facts::{Facts, Policy};
    use super::super::plan::Plan;
    use super::*;
    use crate::words::{AccountId, UserId};

    fn address(text: &str) -> Address {
        Address { name: String::new(), address: text.to_string() }
    }

    fn facts(limits: Limits) -> Facts {
        let budgets = Budgets { answers: limits, ..Budgets::default() };
        let known =
            ["dora@example.org", "eve@example.org", "fay@example.org", "carl@example.org", "eve@example.net"].map(address);
        let of = |account: i64| {
            let of_senders = known.iter().flat_map(move |who| subjects(Some(who), AccountId(account)));
            of_senders.chain(subjects(None, AccountId(account)))
        };
        let spent: Spent = of(0).chain(of(99)).map(|subject| ((subject, BudgetAction::Answer), [0, 0])).collect();
        Facts { budgets, spent: Some(spent), ..Facts::alone(0) }
    }

    fn answer(sender: &str, facts: &mut Facts) -> Result<(), Reason> {
        take(
            BudgetAction::Answer,
            1,
            Some(&address(sender)),
            &mut Desk { facts, plan: &mut Plan::new(), policy: &Policy::default() },
        )
    }

    #[test]
    fn ack_3_what_comes_through_a_personal_account_spends_the_budget_of_that_account_alone() {
        let mut facts = facts(Limits { per_address: [1, 9], per_domain: [1, 9], per_account: [2, 9], overall: [1, 9] });
        facts.account.owner = Some(UserId(1));
        let closes = ["dora", "eve", "fay"].map(|who| answer(&format!("{who}@example.org"), &mut facts).is_err());
        assert_eq!(closes, [false, false, true]);
        (facts.account.owner, facts.account.id) = (None, AccountId(99));
        assert_eq!(answer("dora@example.org", &mut facts), Ok(()), "the customer's own budget is whole");
    }

    #[test]
    fn ack_3_who_was_not_looked_up_is_not_answered() {
        let because = answer("mallory@example.org", &mut facts(Budgets::USUAL.answers)).expect_err("nobody asked of mallory");
        assert!(because.text.contains("was not looked up for address:mallory@example.org"), "{because}");
    }

    #[test]
    fn ack_3_each_budget_closes_for_itself() {
        for (limits, others) in [
            (Limits { per_address: [2, 9], ..Limits::default() }, [true, true]),
            (Limits { per_domain: [2, 9], ..Limits::default() }, [false, true]),
            (Limits { per_account: [2, 9], ..Limits::default() }, [false, false]),
            (Limits { overall: [9, 2], ..Limits::default() }, [false, false]),
        ] {
            let mut facts = facts(limits);
            assert!(answer("Dora@example.org", &mut facts).is_ok() && answer("dora@EXAMPLE.org", &mut facts).is_ok());
            let because = answer("dora@example.org", &mut facts).expect_err("two are the most");
            assert!(because.text.contains("is spent: answer 2 times"), "{because}");
            let others_are = ["carl@example.org", "eve@example.net"].map(|other| answer(other, &mut facts).is_ok());
            assert_eq!(others_are, others, "{limits:?}");
        }
    }

    #[test]
    fn ack_3_what_is_refused_is_not_counted_and_what_is_unlimited_is_not_written_down() {
        let mut facts = facts(Limits { per_address: [5, 10], ..Limits::default() });
        let mut plan = Plan::new();
        let dora = address("dora@example.org");
        assert!(
            take(
                BudgetAction::Answer,
                6,
                Some(&dora),
                &mut Desk { facts: &mut facts, plan: &mut plan, policy: &Policy::default() }
            )
            .is_err()
        );
        assert!(
            plan.steps().is_empty()
                && take(
                    BudgetAction::Answer,
                    5,
                    Some(&dora),
                    &mut Desk { facts: &mut facts, plan: &mut plan, policy: &Policy::default() }
                )
                .is_ok()
        );
        assert_eq!(plan.steps().len(), 1);
        assert!(
            take(
                BudgetAction::Case,
                1_000_000,
                Some(&dora),
                &mut Desk { facts: &mut facts, plan: &mut plan, policy: &Policy::default() }
            )
            .is_ok()
        );
        assert_eq!(plan.steps().len(), 1);
        assert!(
            take(BudgetAction::Answer, 1, None, &mut Desk { facts: &mut facts, plan: &mut plan, policy: &Policy::default() })
                .is_ok(),
            "mail without a sender has no address"
        );
    }

    #[test]
    fn ack_3_a_counter_that_cannot_be_read_means_no_answer() {
        let mut facts = Facts { budgets: Budgets::USUAL, spent: None, ..Facts::alone(0) };
        assert!(answer("dora@example.org", &mut facts).is_err());
        for other in [BudgetAction::Case, BudgetAction::Reopen, BudgetAction::Notification] {
            let mut plan = Plan::new();
            assert!(
                take(other, 1, None, &mut Desk { facts: &mut facts, plan: &mut plan, policy: &Policy::default() }).is_ok()
                    && plan.steps().is_empty(),
                "{other}"
            );
        }
    }
}
