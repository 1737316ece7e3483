//! Templates of letters (SEND-9): EspoCRM's `{Person.name}`, and `{{ Person.name | upper }}` and `{% if … %}` of minijinja. What
//! is put into a template is data, never template: it is rendered once, and escaped where it becomes HTML. There are no
//! loops and no variables, so what comes out is no larger than the template and its values allow.

use std::collections::{BTreeMap, HashMap};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, filters};

use super::Address;
use super::reply::{Original, line, text_from_html};
use crate::clock::rfc3339;
use crate::fault::{Class, Fault};
use crate::words::{CaseStatus, Priority, words};

/// The largest template, in bytes.
const LARGEST: usize = 64 << 10;
/// The longest value, in characters.
const VALUE: usize = 1_000;
/// The longest subject that a template makes, in characters.
const SUBJECT: usize = 500;
/// The largest letter that a template makes, in bytes.
const LETTER: usize = 1 << 20;
/// The most steps of one rendering.
const FUEL: u64 = 100_000;
/// The statements that a template may have.
const STATEMENTS: [&str; 4] = ["if", "elif", "else", "endif"];
/// The longest text between single braces that is taken for a placeholder, in bytes.
const BRACED: usize = 60;

words! {
    /// What a template can name.
    Placeholder {
        PersonName = "Person.name",
        PersonFirstName = "Person.firstName",
        PersonLastName = "Person.lastName",
        PersonEmailAddress = "Person.emailAddress",
        AccountName = "Account.name",
        CaseNumber = "Case.number",
        CaseName = "Case.name",
        CaseStatus = "Case.status",
        CasePriority = "Case.priority",
        UserName = "User.name",
        UserEmailAddress = "User.emailAddress",
        EmailSubject = "Email.subject",
        EmailFromName = "Email.fromName",
        EmailFromAddress = "Email.fromAddress",
        EmailDate = "Email.date",
        MailboxName = "Mailbox.name",
        MailboxEmailAddress = "Mailbox.emailAddress",
        Today = "today",
        Now = "now",
        CurrentYear = "currentYear",
    }
}

impl Placeholder {
    /// Returns what the placeholder stands for, for the manual, and an example of it.
    pub const fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::PersonName => ("the name of the person written to", "Dora Example"),
            Self::PersonFirstName => ("their first name", "Dora"),
            Self::PersonLastName => ("their last name", "Example"),
            Self::PersonEmailAddress => ("their address", "dora@example.org"),
            Self::AccountName => ("the name of their company", "Example Inc"),
            Self::CaseNumber => ("the number of the case", "123"),
            Self::CaseName => ("the name of the case", "Printer on fire"),
            Self::CaseStatus => ("how far the case has come", "new"),
            Self::CasePriority => ("how urgent the case is", "normal"),
            Self::UserName => ("the name of the user who writes", "Ada Example"),
            Self::UserEmailAddress => ("their address", "ada@example.com"),
            Self::EmailSubject => ("the subject of the e-mail that is answered", "Printer on fire"),
            Self::EmailFromName => ("the name of its author", "Dora Example"),
            Self::EmailFromAddress => ("the address of its author", "dora@example.org"),
            Self::EmailDate => ("when it was sent", "2026-11-23"),
            Self::MailboxName => ("the name of the account that the letter goes out from", "Support"),
            Self::MailboxEmailAddress => ("its address", "support@example.com"),
            Self::Today => ("the day", "2026-11-23"),
            Self::Now => ("the day and the time", "2026-11-23 10:00"),
            Self::CurrentYear => ("the year", "2026"),
        }
    }
}

/// What a letter is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Matter<'a> {
    /// Who is written to.
    pub person: Option<&'a Address>,
    /// The name of their company.
    pub account: &'a str,
    pub case: Option<CaseOf<'a>>,
    /// Name and address of the user who writes.
    pub user: Option<(&'a str, &'a str)>,
    /// The e-mail that is answered.
    pub original: Option<&'a Original>,
    /// Name and address of the account that the letter goes out from.
    pub mailbox: (&'a str, &'a str),
    /// Seconds since 1970 UTC.
    pub now: i64,
}

/// The case that a letter is about.
#[derive(Debug, Clone, Copy)]
pub struct CaseOf<'a> {
    pub number: i64,
    pub name: &'a str,
    pub status: Option<CaseStatus>,
    pub priority: Option<Priority>,
}

/// What stands for the placeholders of one letter. One without a value is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(HashMap<Placeholder, String>);

impl Values {
    /// Sets a value. It becomes one line, of a length that a letter can hold.
    pub fn set(&mut self, placeholder: Placeholder, value: &str) {
        self.0.insert(placeholder, line(value, VALUE));
    }

    /// Returns the values of a letter.
    pub fn of(matter: &Matter<'_>) -> Self {
        use Placeholder as P;
        let mut values = Self::default();
        if let Some(to) = matter.person {
            let name = if to.name.is_empty() { to.address.split('@').next().unwrap_or_default() } else { &to.name };
            let (first, last) = name.split_once(' ').unwrap_or((name, ""));
            values.set(P::PersonName, name);
            values.set(P::PersonFirstName, first);
            values.set(P::PersonLastName, last);
            values.set(P::PersonEmailAddress, &to.address);
        }
        values.set(P::AccountName, matter.account);
        if let Some(case) = &matter.case {
            values.set(P::CaseNumber, &case.number.to_string());
            values.set(P::CaseName, case.name);
            values.set(P::CaseStatus, case.status.map_or("", CaseStatus::as_str));
            values.set(P::CasePriority, case.priority.map_or("", Priority::as_str));
        }
        if let Some((name, address)) = matter.user {
            values.set(P::UserName, name);
            values.set(P::UserEmailAddress, address);
        }
        if let Some(original) = matter.original {
            values.set(P::EmailSubject, &original.subject);
            if let Some(from) = &original.from {
                values.set(P::EmailFromName, if from.name.is_empty() { &from.address } else { &from.name });
                values.set(P::EmailFromAddress, &from.address);
            }
            let date = original.date.map(rfc3339).unwrap_or_default();
            values.set(P::EmailDate, date.get(..10).unwrap_or_default());
        }
        values.set(P::MailboxName, matter.mailbox.0);
        values.set(P::MailboxEmailAddress, matter.mailbox.1);
        let now = rfc3339(matter.now);
        values.set(P::Today, now.get(..10).unwrap_or_default());
        values.set(P::Now, &now.get(..16).unwrap_or_default().replace('T', " "));
        values.set(P::CurrentYear, now.get(..4).unwrap_or_default());
        values
    }

    /// Returns the values of the table's examples, to look at a template.
    pub fn examples() -> Self {
        let mut values = Self::default();
        for placeholder in Placeholder::ALL {
            values.set(*placeholder, placeholder.about().1);
        }
        values
    }

    /// Returns the values as templates name them.
    fn tree(&self) -> BTreeMap<&'static str, minijinja::Value> {
        let mut groups: BTreeMap<&str, BTreeMap<&str, minijinja::Value>> = BTreeMap::new();
        let mut tree = BTreeMap::new();
        for placeholder in Placeholder::ALL {
            let value = minijinja::Value::from(self.0.get(placeholder).map_or("", String::as_str));
            match placeholder.as_str().split_once('.') {
                Some((group, name)) => drop(groups.entry(group).or_default().insert(name, value)),
                None => drop(tree.insert(placeholder.as_str(), value)),
            }
        }
        tree.extend(groups.into_iter().map(|(group, names)| (group, minijinja::Value::from(names))));
        tree
    }
}

/// A template that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    subject: String,
    body: String,
    is_html: bool,
}

/// What a template makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
}

impl Template {
    /// Reads a template and refuses what cannot be rendered: wrong syntax, a placeholder that is not in the table, a filter
    /// or statement that is not among the few.
    pub fn check(subject: &str, body: &str, is_html: bool) -> anyhow::Result<Self> {
        let template = Self { subject: source("the subject", subject)?, body: source("the body", body)?, is_html };
        let environment = environment();
        for (part, text) in [("the subject", &template.subject), ("the body", &template.body)] {
            let parsed = environment.template_from_str(text).map_err(|error| wrong(part, &reason(&error)))?;
            let mut names: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
            names.sort();
            if let Some(name) = names.iter().find(|name| name.parse::<Placeholder>().is_err()) {
                return Err(unknown(part, name));
            }
        }
        // With values and without, so that both sides of most conditions are seen.
        template.render(&Values::examples())?;
        template.render(&Values::default())?;
        Ok(template)
    }

    /// Writes the letter.
    pub fn render(&self, values: &Values) -> anyhow::Result<Letter> {
        let subject = line(&rendered("the subject", &self.subject, values, AutoEscape::None)?, SUBJECT);
        let (escape, part) = (if self.is_html { AutoEscape::Html } else { AutoEscape::None }, "the body");
        let body = rendered(part, &self.body, values, escape)?;
        if !self.is_html {
            return Ok(Letter { subject, text: body, html: None });
        }
        Ok(Letter { subject, text: text_from_html(&body), html: Some(body) })
    }
}

fn rendered(part: &str, source: &str, values: &Values, escape: AutoEscape) -> anyhow::Result<String> {
    let mut environment = environment();
    environment.set_auto_escape_callback(move |_| escape.clone());
    let text = environment.render_str(source, values.tree());
    let text = text.map_err(|error| wrong(part, &reason(&error)))?;
    if text.len() > LETTER {
        return Err(wrong(part, &format!("it becomes larger than {LETTER} bytes")));
    }
    Ok(text)
}

/// An environment with nothing in it that could grow a text or leave its HTML unescaped.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("default", filters::default);
    environment
}

/// Turns EspoCRM's `{Person.name}` into `{{ Person.name }}`, and refuses statements that are not among the few.
fn source(part: &str, text: &str) -> anyhow::Result<String> {
    if text.len() > LARGEST {
        return Err(wrong(part, &format!("it has {} bytes; {LARGEST} are the most", text.len())));
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, braced) = rest.split_at(at);
        out.push_str(before);
        let end = match braced.get(..2) {
            Some("{{") => Some("}}"),
            Some("{%") => Some("%}"),
            Some("{#") => Some("#}"),
            _ => None,
        };
        let Some(end) = end else {
            let (written, length) = single(part, braced)?;
            out.push_str(&written);
            rest = braced.get(length..).unwrap_or_default();
            continue;
        };
        let length = braced.find(end).map(|at| at + end.len());
        let length = length.ok_or_else(|| wrong(part, &format!("a {:?} has no {end:?}", braced.get(..2).unwrap_or_default())))?;
        let (inside, behind) = braced.split_at(length);
        check_inside(part, inside)?;
        out.push_str(inside);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// Reads what begins with a single brace: a placeholder, or text such as a style sheet's. Returns what to write, and how
/// many bytes it stands for.
fn single(part: &str, braced: &str) -> anyhow::Result<(String, usize)> {
    let begun = braced.get(1..).unwrap_or_default().trim_start();
    let named = Placeholder::ALL.iter().find(|known| begun.starts_with(known.as_str()));
    let literal = || match named {
        Some(name) => Err(wrong(part, &format!("the placeholder {:?} has no \"}}\"", format!("{{{name}")))),
        None => Ok(("{".to_string(), 1)),
    };
    let Some(end) = braced.bytes().take(BRACED + 2).position(|byte| byte == b'}') else { return literal() };
    let inner = braced.get(1..end).unwrap_or_default();
    let name = inner.trim();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | ' ' | '-');
    if name.is_empty() || !name.chars().all(is_name) {
        return literal();
    }
    let placeholder = name.parse::<Placeholder>().map_err(|_| unknown(part, name))?;
    Ok((format!("{{{{ {placeholder} }}}}"), end + 1))
}

/// Refuses what could make a text grow: loops, variables and the repetition of a text.
fn check_inside(part: &str, inside: &str) -> anyhow::Result<()> {
    let is_text = inside.starts_with("{#");
    if !is_text && inside.contains('*') {
        return Err(wrong(part, "it has a \"*\" between braces"));
    }
    if let Some(statement) = inside.strip_prefix("{%") {
        let word = statement.trim_start_matches(['-', '+']).split_whitespace().next().unwrap_or_default();
        let word = word.trim_end_matches(['%', '}', '-', '+']);
        if !STATEMENTS.contains(&word) {
            return Err(wrong(part, &format!("{word:?} is no statement of templates; there are {}", STATEMENTS.join(", "))));
        }
    }
    Ok(())
}

fn unknown(part: &str, name: &str) -> anyhow::Error {
    let known: Vec<&str> = Placeholder::ALL.iter().map(|known| known.as_str()).collect();
    let fault = Fault::new(Class::Data, format!("{part} of the template has the unknown placeholder {:?}", line(name, BRACED)));
    fault.hint(format!("there are {}", known.join(", "))).into()
}

fn wrong(part: &str, why: &str) -> anyhow::Error {
    Fault::new(Class::Data, format!("{part} of the template cannot be used: {why}")).into()
}

fn reason(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_string);
    match error.line() {
        Some(at) => format!("{detail}, line {at}"),
        None => detail,
    }
}

#[cfg(test)]
mod tests;
