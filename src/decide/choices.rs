//! FILTER-4 to FILTER-6: what filters choose for a message. Within a scope the first that matches wins, in the order that people
//! gave them: those of the account, then the global ones; those of a user for the mail that is new in that user's inbox.

use std::borrow::Cow;

use super::facts::Facts;
use super::filter::{Action, Choices, Examined, Filter, SCOPES, Scope, UserChoices, skipping};
use super::plan::{Note, Plan};
use super::reason::{Reason, reason};
use crate::mail::Mail;
use crate::words::{AccountKind, FolderId, UserId};

/// FILTER-4, FILTER-6: runs the account's filters, then the global ones; first on the header alone, which may skip the message,
/// then on the whole. What was screened before it was read is decided alike.
pub fn import(mail: &Mail, facts: &Facts, plan: &mut Plan) -> Choices {
    let held = Examined::new(mail);
    let mut choices = Choices::default();
    let firsts = SCOPES.map(|scope| {
        let of_scope = facts.filters.iter().filter(|filter| filter.scope == scope);
        let whose = || match scope {
            Scope::Account => format!("account {}", facts.account.name),
            _ => "all accounts".to_string(),
        };
        (scope, first(of_scope, &held, (whose, None), facts.trace_filters, plan))
    });
    // By the header alone the same filters match but those that ask for the body: only where one of them was the first does
    // another one count there.
    let by_header = firsts.iter().find_map(|(scope, first)| match first {
        Some((filter, actions)) if !filter.needs_body() => actions.contains(&Action::Skip).then_some(*filter),
        Some(_) => skipping(*scope, &held, &facts.filters),
        None => None,
    });
    if let Some(filter) = by_header {
        choices.skip = Some((filter.id, reason!(Filter6, "the filter {:?}, by the header alone,", filter.name)));
        return choices;
    }
    for (filter, actions) in firsts.iter().filter_map(|(_, first)| first.as_ref()) {
        tell_gone(filter, None, facts, plan);
        let because = reason!(Filter4, "the filter {:?}", filter.name).by(Some(filter.id));
        for action in &**actions {
            if filter.scope == Scope::Account && is_of_others(action, facts) {
                plan.note(reason!(Filter4, "the filter {:?} of a personal account gives nothing to others", filter.name));
            } else {
                choices.take(action, (filter.id, &filter.name, filter.scope), &because);
            }
        }
    }
    choices.folder = choices.folder.or_else(|| group_folder(facts));
    choices
}

/// Whether a personal account's filter would file or give away what others have: its owner decides for one's own mail alone.
fn is_of_others(action: &Action, facts: &Facts) -> bool {
    let (kind, owner) = (facts.account.kind, facts.account.owner);
    kind == AccountKind::Personal
        && match action {
            Action::Folder(_) | Action::AssignTeam(_) => true,
            Action::AssignUser(user) => Some(*user) != owner,
            _ => false,
        }
}

/// INBOX-2: the group folder of the mailbox that it stood in, else of its account; but a filter's goes before.
fn group_folder(facts: &Facts) -> Option<(FolderId, Reason)> {
    let account = &facts.account;
    let is_group = account.kind == AccountKind::Group;
    let of_mailbox = account.folder.map(|folder| (folder, reason!(Inbox2, "the mailbox that it stood in")));
    let of_account = account.rules.group_folder.map(|folder| (folder, reason!(Inbox2, "the account {}", account.name)));
    of_mailbox.or(of_account).filter(|_| is_group)
}

/// FILTER-5: runs a user's own filters.
pub fn of_user(user: UserId, held: &Examined<'_>, facts: &Facts, plan: &mut Plan) -> UserChoices {
    let mut choices = UserChoices::default();
    let Some(filters) = facts.user_filters.get(&user) else { return choices };
    let login = || facts.login(user).map_or_else(|| user.to_string(), str::to_string);
    if let Some((filter, actions)) = first(filters.iter(), held, (login, Some(user)), facts.trace_filters, plan) {
        tell_gone(filter, Some(user), facts, plan);
        choices.because = Some(reason!(Filter5, "their filter {:?}", filter.name).by(Some(filter.id)));
        for action in &*actions {
            choices.take(action);
        }
    }
    choices
}

/// Says what a filter that matches names in vain.
fn tell_gone(filter: &Filter, user: Option<UserId>, facts: &Facts, plan: &mut Plan) {
    for noun in facts.gone.get(&filter.id).into_iter().flatten() {
        let reason = reason!(Filter4, "the filter {:?} names a {noun} that was removed", filter.name).by(Some(filter.id));
        plan.notes.push(Note { reason, user });
    }
}

/// Returns the first filter that matches and what it does; the trace has it, or all that were tried where somebody wants to see them.
fn first<'f>(
    filters: impl Iterator<Item = &'f Filter>,
    held: &Examined<'_>,
    (whose, user): (impl Fn() -> String, Option<UserId>),
    trace: bool,
    plan: &mut Plan,
) -> Option<(&'f Filter, Cow<'f, [Action]>)> {
    let mut tried = 0;
    for filter in filters {
        tried += 1;
        let wanted = filter.wants(held);
        if trace || wanted.is_some() {
            plan.filters.push(filter.trial(held, trace));
        }
        if let Some(actions) = wanted {
            return Some((filter, actions));
        }
    }
    if tried > 0 {
        let (filters, match_) = if tried == 1 { ("filter", "does not match") } else { ("filters", "do not match") };
        plan.notes.push(Note { reason: reason!(Filter6, "the {tried} {filters} of {} {match_}", whose()), user });
    }
    None
}
