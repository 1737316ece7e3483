//! FILTER: e-mail filters: what they ask, what they do, and whether a message is like that. What they choose for it:
//! [`super::choices`].

mod action;
mod criterion;
mod examined;
mod foresight;
mod pattern;
mod place;
mod sieve;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

pub use action::{Action, Choices, Run, Scope, UserChoices};
pub use criterion::Criterion;
pub use examined::Examined;
pub use foresight::{Foreseen, foresee};
pub use pattern::compile;
use pattern::{folded, glob, regex};
pub use sieve::Script;

use crate::mail::Mail;
use crate::plural::counted;
use crate::settings::FilterSettings;
use crate::words::FilterId;

/// A filter, as people made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub id: FilterId,
    pub name: String,
    pub scope: Scope,
    pub settings: FilterSettings,
    pub criteria: Vec<Criterion>,
    pub actions: Vec<Action>,
    /// A script in the place of criteria and actions (FILTER-3).
    pub sieve: Option<Script>,
}

/// FILTER-6: on the header alone; returns the filter that skips the message, so that its body is not fetched. A filter that
/// asks for the body cannot match. `size` is that of the whole message, in bytes.
pub fn screen<'f>(header: &Mail, size: u64, filters: &'f [Filter]) -> Option<&'f Filter> {
    let held = Examined::header(header, size);
    SCOPES.into_iter().find_map(|scope| skipping(scope, &held, filters))
}

/// The scopes of import filters, the first one first (FILTER-6).
pub(super) const SCOPES: [Scope; 2] = [Scope::Account, Scope::Global];

/// Returns the filter of a scope that skips a message by its header: the first that matches without the body counts.
pub(super) fn skipping<'f>(scope: Scope, header: &Examined<'_>, filters: &'f [Filter]) -> Option<&'f Filter> {
    let mut without_body = filters.iter().filter(|filter| filter.scope == scope && !filter.needs_body());
    let (filter, actions) = without_body.find_map(|filter| filter.wants(header).map(|actions| (filter, actions)))?;
    actions.contains(&Action::Skip).then_some(filter)
}

/// Whether any filter could skip a message by its header.
pub fn may_screen(filters: &[Filter]) -> bool {
    filters.iter().any(|filter| match &filter.sieve {
        Some(script) => script.may_screen(),
        None => filter.actions.contains(&Action::Skip) && !filter.criteria.iter().any(Criterion::needs_body),
    })
}

/// One filter, held against the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterTrial {
    pub filter: FilterId,
    pub name: String,
    pub matched: bool,
    pub criteria: Vec<CriterionTrial>,
}

/// One criterion of a filter, held against the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CriterionTrial {
    /// As it is shown by `filter show`.
    pub criterion: String,
    pub matched: bool,
    pub because: String,
}

/// FILTER-8: holds one filter against a message, criterion by criterion, with the place where a phrase stands in the text.
pub fn trial(filter: &Filter, mail: &Mail) -> FilterTrial {
    filter.trial(&Examined::new(mail), true)
}

impl Filter {
    /// Starts a filter that asks and does nothing.
    pub fn named(name: &str, scope: Scope) -> Self {
        let (name, settings, criteria, actions) = (name.to_string(), FilterSettings::default(), Vec::new(), Vec::new());
        Self { id: FilterId(0), name, scope, settings, criteria, actions, sieve: None }
    }

    /// Whether the header alone does not tell.
    pub(super) fn needs_body(&self) -> bool {
        self.sieve.as_ref().map_or_else(|| self.criteria.iter().any(Criterion::needs_body), Script::needs_body)
    }

    /// FILTER-2: all criteria must hold; a filter with none never matches.
    fn matches(&self, held: &Examined<'_>) -> bool {
        !self.criteria.is_empty() && self.criteria.iter().all(|criterion| self.holds(criterion, held))
    }

    /// What it does with a message, if it matches.
    pub(super) fn wants(&self, held: &Examined<'_>) -> Option<Cow<'_, [Action]>> {
        match &self.sieve {
            Some(script) => script.run(held).0.map(|action| Cow::Owned(vec![action])),
            None => self.matches(held).then_some(Cow::Borrowed(&self.actions)),
        }
    }

    /// Holds it against a message. What is kept with an e-mail has no words of its text: `is_looked_at` says that somebody has it before them.
    pub(super) fn trial(&self, held: &Examined<'_>, is_looked_at: bool) -> FilterTrial {
        if let Some(script) = &self.sieve {
            let (wanted, because) = script.run(held);
            let matched = wanted.is_some();
            let criteria = vec![CriterionTrial { criterion: "sieve".to_string(), matched, because }];
            return FilterTrial { filter: self.id, name: self.name.clone(), matched, criteria };
        }
        let criteria: Vec<CriterionTrial> = self
            .criteria
            .iter()
            .map(|criterion| CriterionTrial {
                criterion: criterion.to_string(),
                matched: self.holds(criterion, held),
                because: self.places(criterion, held).filter(|_| is_looked_at).unwrap_or_else(|| criterion.found(held.mail)),
            })
            .collect();
        let matched = !criteria.is_empty() && criteria.iter().all(|criterion| criterion.matched);
        FilterTrial { filter: self.id, name: self.name.clone(), matched, criteria }
    }

    fn holds(&self, criterion: &Criterion, held: &Examined<'_>) -> bool {
        let mail = held.mail;
        let any = |pattern: &String, people: &[String]| people.iter().any(|address| self.is(pattern, address, false));
        match criterion {
            Criterion::From(pattern) => any(pattern, held.people(0, mail.from.as_slice())),
            Criterion::To(pattern) => any(pattern, held.people(1, &mail.to)),
            Criterion::Cc(pattern) => any(pattern, held.people(2, &mail.cc)),
            Criterion::Subject(pattern) if self.settings.match_case => self.is(pattern, &mail.subject, true),
            Criterion::Subject(pattern) => {
                self.is(pattern, held.lower_subject.get_or_init(|| mail.subject.to_lowercase()), false)
            }
            Criterion::Body(phrases) => phrases.iter().any(|phrase| self.has(phrase, held)),
            Criterion::BodyAll(phrases) => phrases.iter().all(|phrase| self.has(phrase, held)),
            Criterion::Header { name, value } => {
                let of = |found: &String| if self.settings.match_case { found.clone() } else { found.to_lowercase() };
                held.values(name).iter().any(|found| self.is(value, &of(found), self.settings.match_case))
            }
            Criterion::ListId(pattern) => mail.list.as_ref().is_some_and(|id| self.is(pattern, id, false)),
            Criterion::HasAttachment(wanted) => mail.attachments.iter().any(|file| !file.inline) == *wanted,
            Criterion::Larger(bytes) => held.size > *bytes,
            Criterion::Smaller(bytes) => held.size < *bytes,
            Criterion::Automatic(wanted) => mail.automatic.is_empty() != *wanted,
        }
    }

    /// Whether the whole of a text is like a pattern. A text that is compared without case comes in lower case.
    fn is(&self, pattern: &str, text: &str, match_case: bool) -> bool {
        if self.settings.regex {
            return regex(pattern, match_case).is_some_and(|regex| regex.is_match(text));
        }
        if match_case { glob(pattern, text) } else { glob(&folded(pattern), text) }
    }

    /// Whether a phrase stands in the text.
    fn has(&self, phrase: &str, held: &Examined<'_>) -> bool {
        self.place(phrase, held).is_some()
    }

    /// Where a phrase stands in the text as it is compared; one that says nothing stands nowhere.
    fn place(&self, phrase: &str, held: &Examined<'_>) -> Option<Range<usize>> {
        if phrase.trim().is_empty() {
            return None;
        }
        if self.settings.regex {
            return regex(phrase, self.settings.match_case)?.find(&held.mail.text).map(|found| found.range());
        }
        let text = held.text(self.settings.match_case).as_bytes();
        let phrase = if self.settings.match_case { Cow::Borrowed(phrase) } else { folded(phrase) };
        memchr::memmem::find(text, phrase.as_bytes()).map(|at| at..at + phrase.len())
    }

    /// What the text says where phrases stand, or which of them it does not have; none for what asks for something else.
    fn places(&self, criterion: &Criterion, held: &Examined<'_>) -> Option<String> {
        let (phrases, are_all_asked) = match criterion {
            Criterion::Body(phrases) => (phrases, false),
            Criterion::BodyAll(phrases) => (phrases, true),
            _ => return None,
        };
        let text = &held.mail.text;
        let is_lower = !self.settings.regex && !self.settings.match_case;
        let shown = |phrase: &String| {
            let place = self.place(phrase, held)?;
            Some(place::excerpt(text, &if is_lower { place::unfolded(text, &place) } else { place }))
        };
        let (mut said, mut missing) = (Vec::new(), Vec::new());
        for phrase in phrases {
            match shown(phrase) {
                Some(words) => said.push(format!("{words:?}")),
                None => missing.push(format!("{phrase:?}")),
            }
        }
        let of_all = format!("its {}", counted(text.chars().count(), "character"));
        Some(match (said.as_slice(), missing.as_slice()) {
            ([], _) => format!("nowhere in {of_all}"),
            (_, [_, ..]) if are_all_asked => format!("{} is nowhere in {of_all}", missing.join(", ")),
            ([first, ..], _) if !are_all_asked => format!("it says {first}"),
            _ => format!("it says {}", said.join(" and ")),
        })
    }
}
