//! FILTER: e-mail filters. Within a scope the first that matches wins, in the order that people gave them: those of the
//! account, then the global ones; those of a user for the mail that is new in that user's inbox.

mod criterion;
mod pattern;
mod sieve;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use criterion::Criterion;
pub use pattern::compile;
use pattern::{folded, glob, regex};
pub use sieve::Script;

use super::{CriterionTrial, Facts, FilterTrial, Plan};
use crate::mail::{Address, Mail};
use crate::words::{CaseStatus, FilterId, FolderId, Priority, TeamId, UserId};

/// Whose mail a filter is for (FILTER-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Account,
    Global,
    User(UserId),
}

/// A filter, as people made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub id: FilterId,
    pub name: String,
    pub scope: Scope,
    pub match_case: bool,
    /// Whether the patterns are regular expressions.
    pub regex: bool,
    pub criteria: Vec<Criterion>,
    pub actions: Vec<Action>,
    /// A script in the place of criteria and actions (FILTER-3).
    pub sieve: Option<Script>,
}

/// What a filter does (FILTER-4, FILTER-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Not imported by this account; of a user's filter: to that user's trash.
    Skip,
    /// Into a group folder, or the user's own.
    Folder(FolderId),
    AssignUser(UserId),
    AssignTeam(TeamId),
    Priority(Priority),
    Status(CaseStatus),
    NoCase,
    NoReply,
    MarkRead,
    Hold,
    SkipNotification,
    /// Run a command that the configuration has under this name, once the e-mail is stored.
    Run(String),
}

/// What the import filters chose for one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// The filter that skips it.
    pub skip: Option<(FilterId, String)>,
    pub folder: Option<(FolderId, String)>,
    pub assign_user: Option<(UserId, String)>,
    pub assign_team: Option<(TeamId, String)>,
    pub priority: Option<(Priority, String)>,
    pub status: Option<(CaseStatus, String)>,
    pub no_case: Option<String>,
    pub no_reply: Option<String>,
    pub mark_read: Option<String>,
    pub hold: Option<String>,
    pub run: Vec<Run>,
}

/// A command to run, by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub command: String,
    pub filter: String,
    pub scope: Scope,
    pub because: String,
}

/// What a user's own filters chose for that user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserChoices {
    pub trash: bool,
    pub folder: Option<FolderId>,
    pub read: bool,
    /// Nobody tells them of it (NOTIFY-2).
    pub silent: bool,
    pub because: String,
}

/// FILTER-4, FILTER-6: runs the account's filters, then the global ones; first on the header alone, which may skip the message,
/// then on the whole. What was screened before it was read is decided alike.
pub fn import(mail: &Mail, facts: &Facts, plan: &mut Plan) -> Choices {
    let held = Held::new(mail);
    let mut choices = Choices::default();
    let firsts = SCOPES.map(|scope| {
        let of_scope = facts.filters.iter().filter(|filter| filter.scope == scope);
        let whose = || match scope {
            Scope::Account => format!("account {}", facts.account.name),
            _ => "all accounts".to_string(),
        };
        (scope, first(of_scope, &held, whose, facts.trace_filters, plan))
    });
    // By the header alone the same filters match but those that ask for the body: only where one of them was the first does
    // another one count there.
    let by_header = firsts.iter().find_map(|(scope, first)| match first {
        Some((filter, actions)) if !filter.needs_body() => actions.contains(&Action::Skip).then_some(*filter),
        Some(_) => skipping(*scope, &held, &facts.filters),
        None => None,
    });
    if let Some(filter) = by_header {
        choices.skip = Some((filter.id, format!("FILTER-6: the filter {:?}, by the header alone,", filter.name)));
        return choices;
    }
    for (filter, actions) in firsts.iter().filter_map(|(_, first)| first.as_ref()) {
        actions.iter().for_each(|action| choices.take(action, filter));
    }
    choices
}

/// FILTER-6: on the header alone; returns the filter that skips the message, so that its body is not fetched. A filter that
/// asks for the body cannot match. `size` is that of the whole message, in bytes.
pub fn screen<'f>(header: &Mail, size: u64, filters: &'f [Filter]) -> Option<&'f Filter> {
    let held = Held { size, ..Held::new(header) };
    SCOPES.into_iter().find_map(|scope| skipping(scope, &held, filters))
}

/// The scopes of import filters, the first one first (FILTER-6).
const SCOPES: [Scope; 2] = [Scope::Account, Scope::Global];

/// Returns the filter of a scope that skips a message by its header: the first that matches without the body counts.
fn skipping<'f>(scope: Scope, header: &Held<'_>, filters: &'f [Filter]) -> Option<&'f Filter> {
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

/// FILTER-5: runs a user's own filters.
pub fn of_user(user: UserId, held: &Held<'_>, facts: &Facts, plan: &mut Plan) -> UserChoices {
    let mut choices = UserChoices::default();
    let Some(filters) = facts.user_filters.get(&user) else { return choices };
    let login = || facts.login(user).map_or_else(|| user.to_string(), str::to_string);
    if let Some((filter, actions)) = first(filters.iter(), held, login, facts.trace_filters, plan) {
        choices.because = format!("FILTER-5: their filter {:?}", filter.name);
        for action in &*actions {
            match action {
                Action::Skip => choices.trash = true,
                Action::Folder(folder) => choices.folder = Some(*folder),
                Action::MarkRead => choices.read = true,
                Action::SkipNotification => choices.silent = true,
                // `filter add` refuses these for users.
                Action::AssignUser(_)
                | Action::AssignTeam(_)
                | Action::Priority(_)
                | Action::Status(_)
                | Action::NoCase
                | Action::NoReply
                | Action::Hold
                | Action::Run(_) => {}
            }
        }
    }
    choices
}

/// FILTER-8: holds one filter against a message, criterion by criterion.
pub fn trial(filter: &Filter, mail: &Mail) -> FilterTrial {
    filter.trial(&Held::new(mail))
}

/// Returns the first filter that matches and what it does; the trace has it, or all that were tried where somebody wants to see them.
fn first<'f>(
    filters: impl Iterator<Item = &'f Filter>,
    held: &Held<'_>,
    whose: impl Fn() -> String,
    trace: bool,
    plan: &mut Plan,
) -> Option<(&'f Filter, Cow<'f, [Action]>)> {
    let mut tried = 0;
    for filter in filters {
        tried += 1;
        let wanted = filter.wants(held);
        if trace || wanted.is_some() {
            plan.filters.push(filter.trial(held));
        }
        if let Some(actions) = wanted {
            return Some((filter, actions));
        }
    }
    if tried > 0 {
        let (filters, match_) = if tried == 1 { ("filter", "does not match") } else { ("filters", "do not match") };
        plan.note(format!("FILTER-6: the {tried} {filters} of {} {match_}", whose()));
    }
    None
}

impl Choices {
    fn take(&mut self, action: &Action, filter: &Filter) {
        let because = || format!("FILTER-4: the filter {:?}", filter.name);
        match action {
            Action::Skip => self.skip = Some((filter.id, because())),
            Action::Folder(folder) => self.folder = self.folder.take().or(Some((*folder, because()))),
            Action::AssignUser(user) => self.assign_user = self.assign_user.take().or(Some((*user, because()))),
            Action::AssignTeam(team) => self.assign_team = self.assign_team.take().or(Some((*team, because()))),
            Action::Priority(priority) => self.priority = self.priority.take().or(Some((*priority, because()))),
            Action::Status(status) => self.status = self.status.take().or(Some((*status, because()))),
            Action::NoCase => self.no_case = Some(because()),
            Action::NoReply => self.no_reply = Some(because()),
            Action::MarkRead => self.mark_read = Some(because()),
            Action::Hold => self.hold = Some(because()),
            Action::Run(command) => self.run.push(Run {
                command: command.clone(),
                filter: filter.name.clone(),
                scope: filter.scope,
                because: because(),
            }),
            // `filter add` refuses it here.
            Action::SkipNotification => {}
        }
    }
}

/// A message, held against many filters: what they all ask for is made once.
pub struct Held<'m> {
    mail: &'m Mail,
    size: u64,
    lower_subject: OnceCell<String>,
    lower_text: OnceCell<String>,
    /// From, To and Cc in lower case.
    people: [OnceCell<Vec<String>>; 3],
    /// The values of each header field, by its name in lower case.
    fields: OnceCell<HashMap<String, Vec<String>>>,
}

impl<'m> Held<'m> {
    /// Makes nothing yet: what nobody asks for costs nothing.
    pub fn new(mail: &'m Mail) -> Self {
        Self {
            mail,
            size: mail.size,
            lower_subject: OnceCell::new(),
            lower_text: OnceCell::new(),
            people: Default::default(),
            fields: OnceCell::new(),
        }
    }

    fn people(&self, place: usize, list: &[Address]) -> &[String] {
        self.people
            .get(place)
            .map_or(&[], |cell| cell.get_or_init(|| list.iter().map(|one| one.address.to_lowercase()).collect()))
    }

    fn values(&self, name: &str) -> &[String] {
        let fields = self.fields.get_or_init(|| {
            let mut fields: HashMap<String, Vec<String>> = HashMap::new();
            for (name, value) in self.mail.header_fields() {
                fields.entry(name.to_lowercase()).or_default().push(value);
            }
            fields
        });
        fields.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default()
    }

    fn text(&self, match_case: bool) -> &str {
        if match_case { &self.mail.text } else { self.lower_text.get_or_init(|| self.mail.text.to_lowercase()) }
    }
}

impl Filter {
    /// Starts a filter that asks and does nothing.
    pub fn named(name: &str, scope: Scope) -> Self {
        let (criteria, actions) = (Vec::new(), Vec::new());
        let name = name.to_string();
        Self { id: FilterId(0), name, scope, match_case: false, regex: false, criteria, actions, sieve: None }
    }

    /// Whether the header alone does not tell.
    fn needs_body(&self) -> bool {
        self.sieve.as_ref().map_or_else(|| self.criteria.iter().any(Criterion::needs_body), Script::needs_body)
    }

    /// FILTER-2: all criteria must hold; a filter with none never matches.
    fn matches(&self, held: &Held<'_>) -> bool {
        !self.criteria.is_empty() && self.criteria.iter().all(|criterion| self.holds(criterion, held))
    }

    /// What it does with a message, if it matches.
    fn wants(&self, held: &Held<'_>) -> Option<Cow<'_, [Action]>> {
        match &self.sieve {
            Some(script) => script.run(held).0.map(|action| Cow::Owned(vec![action])),
            None => self.matches(held).then_some(Cow::Borrowed(&self.actions)),
        }
    }

    fn trial(&self, held: &Held<'_>) -> FilterTrial {
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
                because: criterion.found(held.mail),
            })
            .collect();
        let matched = !criteria.is_empty() && criteria.iter().all(|criterion| criterion.matched);
        FilterTrial { filter: self.id, name: self.name.clone(), matched, criteria }
    }

    fn holds(&self, criterion: &Criterion, held: &Held<'_>) -> bool {
        let mail = held.mail;
        let any = |pattern: &String, people: &[String]| people.iter().any(|address| self.is(pattern, address, false));
        match criterion {
            Criterion::From(pattern) => any(pattern, held.people(0, mail.from.as_slice())),
            Criterion::To(pattern) => any(pattern, held.people(1, &mail.to)),
            Criterion::Cc(pattern) => any(pattern, held.people(2, &mail.cc)),
            Criterion::Subject(pattern) if self.match_case => self.is(pattern, &mail.subject, true),
            Criterion::Subject(pattern) => {
                self.is(pattern, held.lower_subject.get_or_init(|| mail.subject.to_lowercase()), false)
            }
            Criterion::Body(phrases) => phrases.iter().any(|phrase| self.has(phrase, held)),
            Criterion::BodyAll(phrases) => phrases.iter().all(|phrase| self.has(phrase, held)),
            Criterion::Header { name, value } => {
                let of = |found: &String| if self.match_case { found.clone() } else { found.to_lowercase() };
                held.values(name).iter().any(|found| self.is(value, &of(found), self.match_case))
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
        if self.regex {
            return regex(pattern, match_case).is_some_and(|regex| regex.is_match(text));
        }
        if match_case { glob(pattern, text) } else { glob(&folded(pattern), text) }
    }

    fn has(&self, phrase: &str, held: &Held<'_>) -> bool {
        if self.regex {
            return regex(phrase, self.match_case).is_some_and(|regex| regex.is_match(&held.mail.text));
        }
        let text = held.text(self.match_case).as_bytes();
        let phrase = if self.match_case { Cow::Borrowed(phrase) } else { folded(phrase) };
        memchr::memmem::find(text, phrase.as_bytes()).is_some()
    }
}
