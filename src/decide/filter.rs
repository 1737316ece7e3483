//! FILTER: e-mail filters. Within a scope the first that matches wins, in the order that people gave them: those of the
//! account, then the global ones; those of a user for the mail that is new in that user's inbox.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{CriterionTrial, Facts, FilterTrial, Plan};
use crate::mail::{Address, Mail};
use crate::words::{CaseStatus, FilterId, FolderId, Priority, TeamId, UserId};

/// The most memory that one regular expression takes, in bytes.
const LARGEST_REGEX: usize = 1 << 20;

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
}

/// What a message must have; all that are given must hold (FILTER-2, FILTER-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    From(String),
    /// Any To address.
    To(String),
    Cc(String),
    Subject(String),
    /// Any of these phrases stands in the text.
    Body(Vec<String>),
    /// All of them do.
    BodyAll(Vec<String>),
    Header {
        name: String,
        value: String,
    },
    ListId(String),
    HasAttachment(bool),
    /// Larger than so many bytes.
    Larger(u64),
    Smaller(u64),
    Automatic(bool),
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

/// FILTER-4, FILTER-6: runs the account's filters, then the global ones.
pub fn import(mail: &Mail, facts: &Facts, plan: &mut Plan) -> Choices {
    let held = Held::new(mail);
    let mut choices = Choices::default();
    for scope in [Scope::Account, Scope::Global] {
        let of_scope = facts.filters.iter().filter(|filter| filter.scope == scope);
        if let Some(filter) = first(of_scope, &held, facts.trace_filters, plan) {
            let because = format!("FILTER-4: the filter {:?}", filter.name);
            filter.actions.iter().for_each(|action| choices.take(action, filter.id, &because));
        }
    }
    choices
}

/// FILTER-6: on the header alone; returns the filter that skips the message, so that its body is not fetched. A filter that
/// asks for the body cannot match. `size` is that of the whole message, in bytes.
pub fn screen<'f>(header: &Mail, size: u64, filters: &'f [Filter]) -> Option<&'f Filter> {
    let held = Held { size, header_only: true, ..Held::new(header) };
    [Scope::Account, Scope::Global].into_iter().find_map(|scope| {
        let mut of_scope = filters.iter().filter(|filter| filter.scope == scope);
        of_scope.find(|filter| filter.matches(&held)).filter(|filter| filter.actions.contains(&Action::Skip))
    })
}

/// Whether any filter could skip a message by its header.
pub fn may_screen(filters: &[Filter]) -> bool {
    filters.iter().any(|filter| filter.actions.contains(&Action::Skip) && !filter.criteria.iter().any(Criterion::needs_body))
}

/// FILTER-5: runs a user's own filters.
pub fn of_user(user: UserId, mail: &Mail, facts: &Facts, plan: &mut Plan) -> UserChoices {
    let mut choices = UserChoices::default();
    let Some(filters) = facts.user_filters.get(&user) else { return choices };
    let held = Held::new(mail);
    if let Some(filter) = first(filters.iter(), &held, facts.trace_filters, plan) {
        choices.because = format!("FILTER-5: their filter {:?}", filter.name);
        for action in &filter.actions {
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
                | Action::Hold => {}
            }
        }
    }
    choices
}

/// FILTER-8: holds one filter against a message, criterion by criterion.
pub fn trial(filter: &Filter, mail: &Mail) -> FilterTrial {
    filter.trial(&Held::new(mail))
}

/// Returns the first filter that matches; the trace has it, or all that were tried where somebody wants to see them.
fn first<'f>(filters: impl Iterator<Item = &'f Filter>, held: &Held<'_>, trace: bool, plan: &mut Plan) -> Option<&'f Filter> {
    let mut tried = 0;
    for filter in filters {
        tried += 1;
        let matched = filter.matches(held);
        if trace || matched {
            plan.filters.push(filter.trial(held));
        }
        if matched {
            return Some(filter);
        }
    }
    if tried > 0 {
        plan.note(format!("FILTER-6: none of {tried} filters of this scope matches"));
    }
    None
}

impl Choices {
    fn take(&mut self, action: &Action, filter: FilterId, because: &str) {
        let because = || because.to_string();
        match action {
            Action::Skip => self.skip = Some((filter, because())),
            Action::Folder(folder) => self.folder = self.folder.take().or(Some((*folder, because()))),
            Action::AssignUser(user) => self.assign_user = self.assign_user.take().or(Some((*user, because()))),
            Action::AssignTeam(team) => self.assign_team = self.assign_team.take().or(Some((*team, because()))),
            Action::Priority(priority) => self.priority = self.priority.take().or(Some((*priority, because()))),
            Action::Status(status) => self.status = self.status.take().or(Some((*status, because()))),
            Action::NoCase => self.no_case = Some(because()),
            Action::NoReply => self.no_reply = Some(because()),
            Action::MarkRead => self.mark_read = Some(because()),
            Action::Hold => self.hold = Some(because()),
            // `filter add` refuses it here.
            Action::SkipNotification => {}
        }
    }
}

/// A message, held against many filters: what they all ask for is made once.
struct Held<'m> {
    mail: &'m Mail,
    size: u64,
    header_only: bool,
    lower_subject: OnceCell<String>,
    lower_text: OnceCell<String>,
}

impl<'m> Held<'m> {
    fn new(mail: &'m Mail) -> Self {
        Self { mail, size: mail.size, header_only: false, lower_subject: OnceCell::new(), lower_text: OnceCell::new() }
    }

    fn text(&self, match_case: bool) -> &str {
        if match_case { &self.mail.text } else { self.lower_text.get_or_init(|| self.mail.text.to_lowercase()) }
    }
}

impl Filter {
    /// Starts a filter that asks and does nothing.
    pub fn named(name: &str, scope: Scope) -> Self {
        let (criteria, actions) = (Vec::new(), Vec::new());
        Self { id: FilterId(0), name: name.to_string(), scope, match_case: false, regex: false, criteria, actions }
    }

    /// FILTER-2: all criteria must hold; a filter with none never matches.
    fn matches(&self, held: &Held<'_>) -> bool {
        !self.criteria.is_empty() && self.criteria.iter().all(|criterion| self.holds(criterion, held))
    }

    fn trial(&self, held: &Held<'_>) -> FilterTrial {
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
        if held.header_only && criterion.needs_body() {
            return false;
        }
        let any =
            |pattern: &String, list: &[Address]| list.iter().any(|one| self.is(pattern, &one.address.to_lowercase(), false));
        match criterion {
            Criterion::From(pattern) => any(pattern, mail.from.as_slice()),
            Criterion::To(pattern) => any(pattern, &mail.to),
            Criterion::Cc(pattern) => any(pattern, &mail.cc),
            Criterion::Subject(pattern) if self.match_case => self.is(pattern, &mail.subject, true),
            Criterion::Subject(pattern) => {
                self.is(pattern, held.lower_subject.get_or_init(|| mail.subject.to_lowercase()), false)
            }
            Criterion::Body(phrases) => phrases.iter().any(|phrase| self.has(phrase, held)),
            Criterion::BodyAll(phrases) => phrases.iter().all(|phrase| self.has(phrase, held)),
            Criterion::Header { name, value } => {
                let of = |found: String| if self.match_case { found } else { found.to_lowercase() };
                mail.header_values(name).any(|found| self.is(value, &of(found), self.match_case))
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
        if match_case { glob(pattern, text) } else { glob(&pattern.to_lowercase(), text) }
    }

    fn has(&self, phrase: &str, held: &Held<'_>) -> bool {
        if self.regex {
            return regex(phrase, self.match_case).is_some_and(|regex| regex.is_match(&held.mail.text));
        }
        let text = held.text(self.match_case).as_bytes();
        let phrase = if self.match_case { phrase.to_string() } else { phrase.to_lowercase() };
        memchr::memmem::find(text, phrase.as_bytes()).is_some()
    }
}

/// Compiles a regular expression, or says what is wrong with it. It costs in proportion to what it is held against.
pub fn compile(pattern: &str, match_case: bool) -> Result<Regex, String> {
    let mut builder = regex::RegexBuilder::new(pattern);
    builder.case_insensitive(!match_case).multi_line(true).size_limit(LARGEST_REGEX).dfa_size_limit(LARGEST_REGEX);
    builder.build().map_err(|error| error.to_string())
}

/// By pattern and whether case counts; none for one that cannot be read.
type Compiled = HashMap<(String, bool), Option<Rc<Regex>>>;

/// Returns a regular expression, compiled once in a thread.
fn regex(pattern: &str, match_case: bool) -> Option<Rc<Regex>> {
    thread_local! {
        static COMPILED: RefCell<Compiled> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let key = (pattern.to_string(), match_case);
        compiled.entry(key).or_insert_with(|| compile(pattern, match_case).ok().map(Rc::new)).clone()
    })
}

/// Whether the whole of a text is like a pattern in which `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pattern.rsplit_once('*').map(|(_, last)| last) else { return rest.is_empty() };
    let mut middle: Vec<&str> = parts.collect();
    middle.pop();
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Criterion {
    /// Whether the header alone cannot tell.
    pub const fn needs_body(&self) -> bool {
        matches!(self, Self::Body(_) | Self::BodyAll(_) | Self::HasAttachment(_))
    }

    /// What is compared with texts.
    pub fn patterns(&self) -> impl Iterator<Item = &String> {
        let (one, several): (Option<&String>, &[String]) = match self {
            Self::From(pattern) | Self::To(pattern) | Self::Cc(pattern) | Self::Subject(pattern) | Self::ListId(pattern) => {
                (Some(pattern), &[])
            }
            Self::Header { value, .. } => (Some(value), &[]),
            Self::Body(phrases) | Self::BodyAll(phrases) => (None, phrases),
            Self::HasAttachment(_) | Self::Larger(_) | Self::Smaller(_) | Self::Automatic(_) => (None, &[]),
        };
        one.into_iter().chain(several)
    }

    /// What the message has there.
    fn found(&self, mail: &Mail) -> String {
        let list = |list: &[Address]| list.iter().map(|one| one.address.as_str()).collect::<Vec<_>>().join(", ");
        match self {
            Self::From(_) => format!("From is {}", list(mail.from.as_slice())),
            Self::To(_) => format!("To is {}", list(&mail.to)),
            Self::Cc(_) => format!("Cc is {}", list(&mail.cc)),
            Self::Subject(_) => format!("the subject is {:?}", mail.subject),
            Self::Body(_) | Self::BodyAll(_) => format!("the text has {} characters", mail.text.chars().count()),
            Self::Header { name, .. } => {
                let values: Vec<String> = mail.header_values(name).collect();
                if values.is_empty() { format!("there is no {name}") } else { format!("{name} is {}", values.join("; ")) }
            }
            Self::ListId(_) => match &mail.list {
                Some(id) => format!("List-Id is {id:?}"),
                None => "it is no list mail".to_string(),
            },
            Self::HasAttachment(_) => format!("it has {} files", mail.attachments.iter().filter(|file| !file.inline).count()),
            Self::Larger(_) | Self::Smaller(_) => format!("it has {} bytes", mail.size),
            Self::Automatic(_) => match mail.automatic.first() {
                Some(sign) => format!("it is automatic: {sign}"),
                None => "it is not automatic".to_string(),
            },
        }
    }
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let phrases = |phrases: &[String]| phrases.iter().map(|phrase| format!("{phrase:?}")).collect::<Vec<_>>();
        match self {
            Self::From(pattern) => write!(f, "from {pattern:?}"),
            Self::To(pattern) => write!(f, "to {pattern:?}"),
            Self::Cc(pattern) => write!(f, "cc {pattern:?}"),
            Self::Subject(pattern) => write!(f, "subject {pattern:?}"),
            Self::Body(list) => write!(f, "body has {}", phrases(list).join(" or ")),
            Self::BodyAll(list) => write!(f, "body has {}", phrases(list).join(" and ")),
            Self::Header { name, value } => write!(f, "header {name}: {value:?}"),
            Self::ListId(pattern) => write!(f, "list-id {pattern:?}"),
            Self::HasAttachment(true) => f.write_str("has an attachment"),
            Self::HasAttachment(false) => f.write_str("has no attachment"),
            Self::Larger(bytes) => write!(f, "larger than {bytes} bytes"),
            Self::Smaller(bytes) => write!(f, "smaller than {bytes} bytes"),
            Self::Automatic(true) => f.write_str("automatic"),
            Self::Automatic(false) => f.write_str("not automatic"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        crate::mail::parse(
            b"From: Ada <Ada@Example.org>\nTo: x@example.com, support@example.com\nSubject: Pump [7] Stands *still*\n\
              X-Spam-Flag: YES\nX-Spam-Flag: maybe\n\nThe Pump stands still.\n",
        )
    }

    fn filter(criteria: Vec<Criterion>) -> Filter {
        let (id, name) = (FilterId(1), "a".to_string());
        Filter { id, name, scope: Scope::Global, match_case: false, regex: false, criteria, actions: vec![Action::Skip] }
    }

    fn text(text: &str) -> String {
        text.to_string()
    }

    #[test]
    fn filter_2_a_pattern_is_the_whole_string_and_only_the_star_is_special() {
        for (pattern, given, holds) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("[7]?", "[7]?", true),
            ("[7]?", "7", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, given), holds, "{pattern} {given}");
        }
    }

    #[test]
    fn filter_2_all_criteria_must_hold_and_none_never_matches() {
        let holds = |criteria: Vec<Criterion>| trial(&filter(criteria), &mail()).matched;
        assert!(!holds(vec![]));
        for (criterion, matched) in [
            (Criterion::From(text("ADA@example.org")), true),
            (Criterion::From(text("*@example.org")), true),
            (Criterion::From(text("example.org")), false),
            (Criterion::To(text("support@*")), true),
            (Criterion::Cc(text("*")), false),
            (Criterion::Subject(text("pump [7] *")), true),
            (Criterion::Subject(text("pump")), false),
            (Criterion::Body(vec![text("valve"), text("STANDS")]), true),
            (Criterion::BodyAll(vec![text("valve"), text("stands")]), false),
            (Criterion::Header { name: text("x-spam-flag"), value: text("yes") }, true),
            (Criterion::Header { name: text("X-Other"), value: text("*") }, false),
            (Criterion::ListId(text("*")), false),
            (Criterion::HasAttachment(false), true),
            (Criterion::Larger(10), true),
            (Criterion::Smaller(10), false),
            (Criterion::Automatic(true), false),
            (Criterion::Automatic(false), true),
        ] {
            assert_eq!(holds(vec![criterion.clone()]), matched, "{criterion}");
            assert!(!holds(vec![criterion, Criterion::From(text("else"))]));
        }
    }

    #[test]
    fn filter_3_case_counts_where_it_is_asked_for_and_expressions_are_linear() {
        let mut one = filter(vec![Criterion::Subject(text("pump*"))]);
        one.match_case = true;
        assert!(!trial(&one, &mail()).matched);
        let mut regex = filter(vec![Criterion::Subject(text(r"^pump \[\d\]")), Criterion::Body(vec![text("(?i)PUMP\\b")])]);
        regex.regex = true;
        assert!(trial(&regex, &mail()).matched);
        assert!(compile("(", false).is_err() && compile(&"(a{1000}){1000}".repeat(3), false).is_err());
        let mut long = mail();
        long.subject = "a".repeat(50_000);
        let mut hostile = filter(vec![Criterion::Subject(text("(a*)*b"))]);
        hostile.regex = true;
        assert!(!trial(&hostile, &long).matched);
        assert!(!glob(&"*a".repeat(1_000), &"b".repeat(50_000)));
    }

    #[test]
    fn filter_6_the_first_of_a_scope_wins_and_the_header_alone_may_skip() {
        let named = |name: &str, scope: Scope, criteria: Vec<Criterion>, actions: Vec<Action>| Filter {
            name: name.to_string(),
            scope,
            actions,
            ..filter(criteria)
        };
        let filters = vec![
            named("body", Scope::Account, vec![Criterion::Body(vec![text("stands")])], vec![Action::NoCase]),
            named(
                "spam",
                Scope::Account,
                vec![Criterion::Header { name: text("X-Spam-Flag"), value: text("YES") }],
                vec![Action::Skip],
            ),
            named("all", Scope::Global, vec![Criterion::From(text("*"))], vec![Action::Priority(Priority::High)]),
        ];
        let mail = mail();
        assert!(may_screen(&filters));
        assert_eq!(screen(&mail, 10, &filters).map(|filter| filter.name.as_str()), Some("spam"), "the body cannot match then");
        let facts = Facts { filters, ..Facts::default() };
        let mut plan = Plan::new();
        let choices = import(&mail, &facts, &mut plan);
        assert!(choices.skip.is_none() && choices.no_case.is_some(), "on the whole, the first wins");
        assert_eq!(choices.priority.map(|(priority, _)| priority), Some(Priority::High));
        let tried: Vec<&str> = plan.filters.iter().map(|trial| trial.name.as_str()).collect();
        assert_eq!(tried, ["body", "all"]);
    }
}
