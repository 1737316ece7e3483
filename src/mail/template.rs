//! Templates of letters (SEND-9): EspoCRM's `{Person.name}`, and `{{ Person.name | upper }}` and `{% if … %}` of minijinja. What
//! is put into a template is data, never template: it is rendered once, and escaped where it becomes HTML. There are no
//! loops and no variables, so what comes out is no larger than the template and its values allow.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, filters};

use super::Address;
use super::reply::{Original, html_from_text, line, text_from_html};
use crate::clock::rfc3339;
use crate::fault::{Class, Fault};
use crate::words::{RecordKind, words};

/// The largest template, in bytes.
const LARGEST: usize = 64 << 10;
/// The longest value, in characters.
const VALUE: usize = 1_000;
/// The longest value that has lines, such as a description, in characters.
const LINES: usize = 10_000;
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
    /// What every template can name, whatever fields records have.
    Placeholder {
        PersonName = "Person.name",
        PersonFirstName = "Person.firstName",
        PersonLastName = "Person.lastName",
        PersonEmailAddress = "Person.emailAddress",
        AccountName = "Account.name",
        CaseNumber = "Case.number",
        CaseName = "Case.name",
        ParentKind = "Parent.kind",
        ParentNumber = "Parent.number",
        ParentName = "Parent.name",
        UserLogin = "User.login",
        UserName = "User.name",
        UserFirstName = "User.firstName",
        UserLastName = "User.lastName",
        UserEmailAddress = "User.emailAddress",
        UserDefaultTeam = "User.defaultTeam",
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
            Self::ParentKind => ("the kind of the record that the letter belongs to", "case"),
            Self::ParentNumber => ("its number", "123"),
            Self::ParentName => ("its name", "Printer on fire"),
            Self::UserLogin => ("the login of the user who writes", "ada"),
            Self::UserName => ("their name", "Ada Example"),
            Self::UserFirstName => ("their first name", "Ada"),
            Self::UserLastName => ("their last name", "Example"),
            Self::UserEmailAddress => ("their address", "ada@example.com"),
            Self::UserDefaultTeam => ("their default team", "support"),
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

/// The fields of a record, by the name that people set them by, such as `assigned-user`.
pub type Fields = Vec<(String, String)>;

/// What templates can name: what every letter has, and the fields of records, which an organisation may add to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// Takes the fields of each kind of record; the parent may be of any kind, the person a contact or a lead.
    pub fn new(fields: impl IntoIterator<Item = (RecordKind, impl AsRef<str>)>) -> Self {
        let mut names: BTreeSet<String> = Placeholder::ALL.iter().map(|known| known.as_str().to_string()).collect();
        for (kind, field) in fields {
            let Some(field) = named(field.as_ref()) else { continue };
            let person = matches!(kind, RecordKind::Contact | RecordKind::Lead).then_some("Person");
            for group in [Some(group(kind)), Some("Parent"), person].into_iter().flatten() {
                names.extend(spellings(&field).map(|field| format!("{group}.{field}")));
            }
        }
        Self(names)
    }

    /// Lists them in order.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Finds one by its name.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns what a name stands for, and an example of it.
    pub fn about(name: &str) -> (String, String) {
        match name.parse::<Placeholder>() {
            Ok(known) => (known.about().0.to_string(), known.about().1.to_string()),
            Err(_) => ("this field of the record".to_string(), format!("[{name}]")),
        }
    }
}

/// What stands before a field of a record of this kind.
const fn group(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Account => "Account",
        RecordKind::Contact => "Contact",
        RecordKind::Lead => "Lead",
        RecordKind::Opportunity => "Opportunity",
        RecordKind::Case => "Case",
    }
}

/// Returns a field's name as templates write it: `assignedUser`. None for one that no template could name.
fn named(field: &str) -> Option<String> {
    let mut name = String::with_capacity(field.len());
    let mut begins_word = false;
    for c in field.chars() {
        match c {
            '-' | '_' | ' ' => begins_word = !name.is_empty(),
            c if c.is_ascii_alphanumeric() => {
                name.push(if begins_word { c.to_ascii_uppercase() } else { c });
                begins_word = false;
            }
            _ => return None,
        }
    }
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
}

/// A field's name, and the one that EspoCRM has for it.
fn spellings(field: &str) -> impl Iterator<Item = &str> {
    let other = match field {
        "address" => Some("emailAddress"),
        "phone" => Some("phoneNumber"),
        _ => None,
    };
    std::iter::once(field).chain(other)
}

/// What a letter is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Matter<'a> {
    /// Who is written to.
    pub person: Option<&'a Address>,
    /// Their record.
    pub known_as: Option<&'a Fields>,
    /// The record that it belongs to: its kind and number are known also to those who may not read it.
    pub parent: Option<(RecordKind, i64)>,
    /// What records say that the letter has to do with, the parent among them.
    pub records: &'a [(RecordKind, &'a Fields)],
    /// The user who writes.
    pub user: Option<Writer<'a>>,
    /// The e-mail that is answered.
    pub original: Option<&'a Original>,
    /// Name and address of the account that the letter goes out from.
    pub mailbox: (&'a str, &'a str),
    /// Seconds since 1970 UTC.
    pub now: i64,
}

/// The user who writes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Writer<'a> {
    pub login: &'a str,
    pub name: &'a str,
    pub address: &'a str,
    pub default_team: &'a str,
}

/// What stands for the placeholders of one letter. One without a value is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(HashMap<String, String>);

impl Values {
    /// Sets a value. It becomes one line, of a length that a letter can hold.
    pub fn set(&mut self, placeholder: Placeholder, value: &str) {
        self.0.insert(placeholder.to_string(), line(value, VALUE));
    }

    /// Sets what a record says, under the name of a group. What has lines keeps them.
    fn set_fields(&mut self, group: &str, fields: &Fields) {
        for (field, value) in fields {
            let Some(field) = named(field) else { continue };
            let value: Vec<String> = value.lines().map(|text| line(text, LINES)).collect();
            let value: String = value.join("\n").chars().take(LINES).collect();
            self.0.extend(spellings(&field).map(|field| (format!("{group}.{field}"), value.clone())));
        }
    }

    fn set_name(&mut self, name: &str, [whole, first, last]: [Placeholder; 3]) {
        let (given, family) = name.split_once(' ').unwrap_or((name, ""));
        [(whole, name), (first, given), (last, family)].iter().for_each(|(part, value)| self.set(*part, value));
    }

    /// Returns the values of a letter.
    pub fn of(matter: &Matter<'_>) -> Self {
        use Placeholder as P;
        let mut values = Self::default();
        for (kind, fields) in matter.records {
            values.set_fields(group(*kind), fields);
        }
        if let Some((kind, number)) = matter.parent {
            if let Some((_, fields)) = matter.records.iter().find(|(of, _)| *of == kind) {
                values.set_fields("Parent", fields);
            }
            values.set(P::ParentKind, kind.as_str());
            values.set(P::ParentNumber, &number.to_string());
            if kind == RecordKind::Case {
                values.set(P::CaseNumber, &number.to_string());
            }
        }
        let known_name = matter.known_as.and_then(|fields| fields.iter().find(|(field, _)| field == "name"));
        if let Some(to) = matter.person {
            let name = if to.name.is_empty() { to.address.split('@').next().unwrap_or_default() } else { &to.name };
            values.set_name(known_name.map_or(name, |(_, name)| name), [P::PersonName, P::PersonFirstName, P::PersonLastName]);
            if let Some(fields) = matter.known_as {
                values.set_fields("Person", fields);
            }
            values.set(P::PersonEmailAddress, &to.address);
        }
        if let Some(user) = &matter.user {
            values.set(P::UserLogin, user.login);
            values.set_name(user.name, [P::UserName, P::UserFirstName, P::UserLastName]);
            values.set(P::UserEmailAddress, user.address);
            values.set(P::UserDefaultTeam, user.default_team);
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

    /// Returns an example of everything that can be named, to look at a template.
    pub fn examples(names: &Names) -> Self {
        Self(names.all().map(|name| (name.to_string(), Names::about(name).1)).collect())
    }

    /// Returns the values as templates name them.
    fn tree(&self, names: &Names, is_html: bool) -> BTreeMap<String, minijinja::Value> {
        let mut groups: BTreeMap<&str, BTreeMap<String, minijinja::Value>> = BTreeMap::new();
        let mut tree = BTreeMap::new();
        for name in names.all() {
            let value = match self.0.get(name) {
                Some(lines) if is_html && lines.contains('\n') => minijinja::Value::from_safe_string(html_from_text(lines)),
                value => minijinja::Value::from(value.map_or("", String::as_str)),
            };
            match name.split_once('.') {
                Some((group, name)) => drop(groups.entry(group).or_default().insert(name.to_string(), value)),
                None => drop(tree.insert(name.to_string(), value)),
            }
        }
        tree.extend(groups.into_iter().map(|(group, names)| (group.to_string(), minijinja::Value::from(names))));
        tree
    }
}

/// A template that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    subject: String,
    body: String,
    /// The text beside HTML; none is made of the HTML.
    plain: Option<String>,
    is_html: bool,
    names: Names,
}

/// A template as people write it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub subject: &'a str,
    pub body: &'a str,
    /// The text beside HTML.
    pub plain: Option<&'a str>,
    pub is_html: bool,
}

/// What a template makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
}

const SUBJECT_PART: &str = "the subject";
const BODY_PART: &str = "the body";
const PLAIN_PART: &str = "the plain text";

impl Template {
    /// Reads a template and refuses what cannot be rendered: wrong syntax, a placeholder that there is not, a filter or
    /// statement that is not among the few.
    pub fn check(written: &Source<'_>, names: &Names) -> anyhow::Result<Self> {
        let template = Self {
            subject: source(SUBJECT_PART, written.subject, names)?,
            body: source(BODY_PART, written.body, names)?,
            plain: written.plain.filter(|_| written.is_html).map(|plain| source(PLAIN_PART, plain, names)).transpose()?,
            is_html: written.is_html,
            names: names.clone(),
        };
        let environment = environment();
        let plain = template.plain.as_deref().unwrap_or_default();
        for (part, text) in [(SUBJECT_PART, template.subject.as_str()), (BODY_PART, &template.body), (PLAIN_PART, plain)] {
            let parsed = environment.template_from_str(text).map_err(|error| wrong(part, &reason(&error)))?;
            let mut used: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
            used.sort();
            if let Some(name) = used.iter().find(|name| names.get(name).is_none()) {
                return Err(unknown(part, name, names));
            }
        }
        // With values and without, so that both sides of most conditions are seen.
        template.render(&Values::examples(names))?;
        template.render(&Values::default())?;
        Ok(template)
    }

    /// Writes the letter.
    pub fn render(&self, values: &Values) -> anyhow::Result<Rendered> {
        let subject = line(&self.rendered(SUBJECT_PART, &self.subject, values, false)?, SUBJECT);
        let body = self.rendered(BODY_PART, &self.body, values, self.is_html)?;
        if !self.is_html {
            return Ok(Rendered { subject, text: body, html: None });
        }
        let text = match &self.plain {
            Some(plain) => self.rendered(PLAIN_PART, plain, values, false)?,
            None => text_from_html(&body),
        };
        Ok(Rendered { subject, text, html: Some(body) })
    }

    fn rendered(&self, part: &str, source: &str, values: &Values, is_html: bool) -> anyhow::Result<String> {
        let mut environment = environment();
        environment.set_auto_escape_callback(move |_| if is_html { AutoEscape::Html } else { AutoEscape::None });
        let text = environment.render_str(source, values.tree(&self.names, is_html));
        let text = text.map_err(|error| wrong(part, &reason(&error)))?;
        if text.len() > LETTER {
            return Err(wrong(part, &format!("it becomes larger than {LETTER} bytes")));
        }
        Ok(text)
    }
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
fn source(part: &str, text: &str, names: &Names) -> anyhow::Result<String> {
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
            let (written, length) = single(part, braced, names)?;
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
fn single(part: &str, braced: &str, names: &Names) -> anyhow::Result<(String, usize)> {
    let begun = braced.get(1..).unwrap_or_default().trim_start();
    let named = names.all().find(|known| begun.starts_with(known));
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
    let placeholder = names.get(name).ok_or_else(|| unknown(part, name, names))?;
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

fn unknown(part: &str, name: &str, names: &Names) -> anyhow::Error {
    let name = line(name, BRACED);
    let fault = Fault::new(Class::Data, format!("{part} of the template has the unknown placeholder {name:?}"));
    let nearest = names.all().max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
    let hint = match nearest.filter(|known| strsim::jaro_winkler(known, &name) > 0.8) {
        Some(known) => format!("did you mean {{{known}}}? espomail template placeholders lists all"),
        None => "espomail template placeholders lists all".to_string(),
    };
    fault.hint(hint).into()
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
