//! `espomail template`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgAction, Subcommand, ValueHint};

use super::email::filled::{self, Filled};
use super::rehearsal::Rehearsal;
use super::show::{changed, yes};
use super::{argument, file};
use crate::context::{self, Context};
use crate::custody;
use crate::fault::{Class, Fault};
use crate::mail::compose::File;
use crate::mail::template::{Names, Placeholder, Template as Checked};
use crate::output::shown;
use crate::store::template::{self, Attached, FileChanges, Stored};
use crate::store::{Database, Store, answer, fields};

/// The largest template that is read, in bytes.
const LARGEST: u64 = 64 << 10;

/// Manage templates of letters
///
/// A template names what is put into it as {Person.name} or {{ Person.name }}, and may say {% if Case.number %}…{% endif %}.
/// "template placeholders" lists everything it can name: every field of the record that a letter belongs to, as {Parent.…} or by its
/// kind, of the person written to, of the user who writes. What is put in is data: it is never read as template, and in HTML
/// it is escaped. A wrong name is an error here, never mail with braces in it.
#[derive(Debug, clap::Args)]
pub struct TemplateArgs {
    #[command(subcommand)]
    command: TemplateCommand,
}

#[derive(Debug, Subcommand)]
enum TemplateCommand {
    /// Add a template; its text comes from standard input
    Add(Add),
    /// List templates
    List,
    /// Show a template
    Show {
        /// Name or number
        template: String,
    },
    /// Change a template; what is not given stays
    Set(Set),
    /// Remove a template
    Remove {
        /// Name or number
        template: String,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Print what a template makes of examples, or as an answer to a stored e-mail
    Preview {
        /// Name or number
        template: String,
        /// Number or Message-ID of the e-mail that it would answer
        #[arg(long, value_name = "ID")]
        email: Option<String>,
    },
    /// List what a template can name
    Placeholders,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Name
    #[arg(value_parser = argument::name)]
    name: String,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: String,
    /// Read the text from this file; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// The text is HTML
    #[arg(long)]
    html: bool,
    /// Read the plain text that stands beside the HTML from this file [default: it is made of the HTML]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "html")]
    plain: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Name or number
    template: String,
    /// New name
    #[arg(long, value_parser = argument::name)]
    name: Option<String>,
    /// New subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Read the new text from this file; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Whether the text is HTML
    #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
    html: Option<bool>,
    /// Read the plain text that stands beside the HTML from this file; '' makes it of the HTML again
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    plain: Option<String>,
    #[command(flatten)]
    files: Files,
    /// Take out the file of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    detach: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// Files that go out with every letter made from a template.
#[derive(Debug, clap::Args)]
struct Files {
    /// File that every letter made from it carries, in place of one of the same name; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    attach: Vec<PathBuf>,
    /// Picture that its HTML shows as "cid:NAME", by the name of its file; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    inline: Vec<PathBuf>,
}

impl Files {
    fn read(&self) -> Result<Vec<File>> {
        let attached = self.attach.iter().map(|path| file::read(path, false));
        attached.chain(self.inline.iter().map(|path| file::read(path, true))).collect()
    }
}

/// A template with its files, as it is shown.
#[derive(serde::Serialize)]
struct Shown {
    #[serde(flatten)]
    template: Stored,
    attachments: Vec<Attached>,
}

impl Shown {
    fn of(db: &mut Database, template: Stored) -> Result<Self> {
        Ok(Self { attachments: template::attached(db, template.id)?, template })
    }

    fn text(&self) -> String {
        let Self { template: Stored { subject, body, plain, .. }, attachments } = self;
        let mut text =
            format!("subject: {}\n{}\n{}", shown(subject), named(attachments.iter().map(|one| &one.name)), shown(body));
        if let Some(plain) = plain {
            text.push_str(&format!("\n\nAs plain text:\n\n{}", shown(plain)));
        }
        text
    }
}

/// A line that names files, where there are some.
fn named<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names = names.map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if names.is_empty() { String::new() } else { format!("attachments: {names}\n") }
}

impl TemplateArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let store = &mut context.store()?;
        match self.command {
            TemplateCommand::Add(command) => command.run(context, store),
            TemplateCommand::List => list(context, store),
            TemplateCommand::Show { template } => show(context, store, &template),
            TemplateCommand::Set(command) => command.run(context, store),
            TemplateCommand::Remove { template, rehearsal } => {
                rehearsal.over(context, store, |store| remove(context, store, &template))
            }
            TemplateCommand::Preview { template, email } => preview(context, store, &template, email.as_deref()),
            TemplateCommand::Placeholders => placeholders(context),
        }
    }
}

impl Add {
    fn run(&self, context: &Context, store: &mut Store) -> Result<()> {
        let permit = context.administrator()?;
        let body = read(self.file.as_deref().unwrap_or(Path::new("-")))?;
        let plain = self.plain.as_deref().map(read).transpose()?;
        let (name, subject) = (self.name.clone(), self.subject.clone());
        let new = Stored { id: 0, name, subject, body, is_html: self.html, plain };
        check(context, &new)?;
        let files = self.files.read()?;
        self.rehearsal.over(context, store, |store| {
            store.alone(|db| template::add(db, &permit, &new, &files, context.now()))?;
            let db = store.connection();
            let made = template::find(db, &self.name).and_then(|made| Shown::of(db, made))?;
            let next = format!("Next: espomail template preview {}", argument::quoted(&self.name));
            context.out.made(&made, &format!("Template {} added. {next}", self.name));
            Ok(())
        })
    }
}

fn list(context: &Context, store: &mut Store) -> Result<()> {
    let templates = template::list(store.connection())?;
    context.out.list(&templates, &["id", "template", "html", "subject"], |one| {
        vec![one.id.to_string(), one.name.clone(), yes(one.is_html), one.subject.clone()]
    });
    Ok(())
}

fn show(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let db = store.connection();
    let found = template::find(db, wanted).and_then(|found| Shown::of(db, found))?;
    context.out.item(&found, || found.text());
    Ok(())
}

impl Set {
    fn run(&self, context: &Context, store: &mut Store) -> Result<()> {
        let permit = context.administrator()?;
        let body = self.file.as_deref().map(read).transpose()?;
        let plain = match &self.plain {
            Some(none) if none.is_empty() => Some(None),
            Some(file) => Some(Some(read(Path::new(file))?)),
            None => None,
        };
        let attach = self.files.read()?;
        self.rehearsal.over(context, store, |store| {
            let is_changed = store.alone(|db| {
                let before = template::find(db, &self.template)?;
                let is_html = self.html.unwrap_or(before.is_html);
                let new = Stored {
                    id: before.id,
                    name: self.name.clone().unwrap_or(before.name),
                    subject: self.subject.clone().unwrap_or(before.subject),
                    body: body.clone().unwrap_or(before.body),
                    is_html,
                    plain: plain.clone().unwrap_or(before.plain).filter(|_| is_html),
                };
                check(context, &new)?;
                template::set(db, &permit, &new, FileChanges { attach: &attach, detach: &self.detach }, context.now())
            })?;
            let name = self.name.as_ref().unwrap_or(&self.template);
            context.out.say(&format!("Template {name} {}.", changed(is_changed)));
            Ok(())
        })
    }
}

/// Refuses a template that names what there is not.
fn check(context: &Context, template: &Stored) -> Result<()> {
    Checked::check(&template.source(), &Names::new(fields::names(&context.switches().fields)))?;
    Ok(())
}

fn remove(context: &Context, store: &mut Store, wanted: &str) -> Result<()> {
    let permit = context.administrator()?;
    store.alone(|db| {
        let found = template::find(db, wanted)?;
        template::remove(db, &permit, &found, context.now())
    })?;
    context.out.say(&format!("Template {wanted} removed."));
    Ok(())
}

fn preview(context: &Context, store: &mut Store, wanted: &str, email: Option<&str>) -> Result<()> {
    let db = store.connection();
    let found = template::find(db, wanted)?;
    let Filled { letter, files } = match email {
        Some(email) => filled::for_email(context, db, &found, email)?,
        None => filled::for_examples(context, db, &found)?,
    };
    // ACK-2: what answers by itself has the number of the case that it opened in front.
    let is_answer = email.is_none() && !answer::using(db, found.id)?.is_empty();
    let answers = is_answer.then(|| format!("[#{}] {}", Names::about("Case.number").1, letter.subject));
    let document = serde_json::json!({
        "subject": letter.subject,
        "subject_of_case": answers,
        "text": letter.text,
        "html": letter.html,
        "attachments": files.iter().map(|file| &file.name).collect::<Vec<_>>(),
    });
    context.out.item(&document, || {
        let names = named(files.iter().map(|file| &file.name));
        let answers = answers.map(|subject| format!("for a case: {}\n", shown(&subject))).unwrap_or_default();
        format!("subject: {}\n{answers}{names}\n{}", shown(&letter.subject), shown(&letter.text))
    });
    Ok(())
}

fn placeholders(context: &Context) -> Result<()> {
    let names = Names::new(fields::names(&context.switches().fields));
    let one = |name: &str| {
        let (about, example) = Names::about(name);
        serde_json::json!({ "name": name, "about": about, "example": example })
    };
    let all: Vec<_> = names.all().map(one).collect();
    match context.out.is_text() {
        true => context.out.item(&all, || grouped(&names)),
        false => context.out.list(&all, &[], |_| Vec::new()),
    }
    Ok(())
}

/// What every letter has, a line each; behind it the fields of records, which are called alike in several.
fn grouped(names: &Names) -> String {
    let (mut text, mut groups) = (String::new(), BTreeMap::<&str, Vec<&str>>::new());
    for name in names.all() {
        match (name.parse::<Placeholder>(), name.split_once('.')) {
            (Err(_), Some((group, field))) => groups.entry(group).or_default().push(field),
            _ => {
                let (about, example) = Names::about(name);
                text.push_str(&format!("{{{name}}}{:width$}{about}, such as {example}\n", "", width = 26 - name.len().min(24)));
            }
        }
    }
    text.push_str("\nFields of the records that the letter has to do with; what one may not read is empty:\n\n");
    for (group, fields) in groups {
        text.push_str(&format!("{{{group}.…}}  {}\n", fields.join(", ")));
    }
    text
}

fn read(path: &Path) -> Result<String> {
    let bytes = if path == Path::new("-") {
        context::read_stdin(LARGEST)?
    } else {
        custody::check_free(path)?;
        std::fs::read(path).map_err(|error| Fault::new(Class::Data, format!("cannot read {}: {error}", path.display())))?
    };
    String::from_utf8(bytes).map_err(|_| Fault::new(Class::Data, "the template is not UTF-8").into())
}
