//! What can be said of a message before it is read again, of which only the author and the subject are known (FILTER-6).

use super::{Action, Criterion, Examined, Filter, SCOPES};
use crate::mail::{Address, Mail};

/// What filters will make of a message by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreseen<'f> {
    /// This one skips it.
    Skipped(&'f Filter),
    /// None does by the header alone.
    Read,
    /// What is not known decides.
    Unknown,
}

/// Foresees it, where that can be: a filter that asks for something else as well says nothing, unless what is known speaks against it.
pub fn foresee<'f>(author: &str, subject: &str, filters: &'f [Filter]) -> Foreseen<'f> {
    let from = Address { name: String::new(), address: author.to_string() };
    let mail = Mail { from: Some(from), subject: subject.to_string(), ..Mail::default() };
    let held = Examined::new(&mail);
    let known = |criterion: &&Criterion| matches!(criterion, Criterion::From(_) | Criterion::Subject(_));
    for scope in SCOPES {
        for filter in filters.iter().filter(|filter| filter.scope == scope && !filter.needs_body()) {
            if filter.sieve.is_some() {
                return Foreseen::Unknown;
            }
            let may_match = !filter.criteria.is_empty()
                && filter.criteria.iter().filter(known).all(|criterion| filter.holds(criterion, &held));
            if may_match && filter.criteria.iter().all(|criterion| known(&criterion)) {
                if filter.actions.contains(&Action::Skip) {
                    return Foreseen::Skipped(filter);
                }
                // The first that matches counts in its scope.
                break;
            }
            if may_match {
                return Foreseen::Unknown;
            }
        }
    }
    Foreseen::Read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::filter::Scope;

    fn filter(name: &str, criteria: Vec<Criterion>, actions: Vec<Action>) -> Filter {
        Filter { criteria, actions, ..Filter::named(name, Scope::Global) }
    }

    #[test]
    fn filter_6_what_is_known_of_a_message_says_what_skips_it_or_that_nobody_knows() {
        let from = |pattern: &str| Criterion::From(pattern.to_string());
        let news = filter("news", vec![Criterion::Subject("news*".to_string())], vec![Action::Skip]);
        let shop = filter("shop", vec![from("*@shop.example"), Criterion::ListId("*".to_string())], vec![Action::Skip]);
        let ours = filter("ours", vec![from("*@friend.example")], Vec::new());
        let text = filter("text", vec![Criterion::Body(vec!["offer".to_string()])], vec![Action::Skip]);
        let filters = [text, ours, shop, news];
        let said = |author: &str, subject: &str| match foresee(author, subject, &filters) {
            Foreseen::Skipped(filter) => filter.name.clone(),
            Foreseen::Read => "read".to_string(),
            Foreseen::Unknown => "unknown".to_string(),
        };
        assert_eq!(said("a@other.example", "News of today"), "news");
        assert_eq!(said("a@other.example", "Pump"), "read");
        assert_eq!(said("a@shop.example", "Pump"), "unknown");
        assert_eq!(said("a@friend.example", "News"), "read");
    }
}
