//! `espomail template`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgAction, Subcommand, ValueHint};

use super::argument;
use super::show::yes;
use crate::context::{self, Context};
use crate::fault::{Class, Fault};
use crate::mail::template::{Placeholder, Template as Checked, Values};
use crate::output::shown;
use crate::store::template::{self, Stored};

/// The largest template that is read, in bytes.
const LARGEST: u64 = 64 << 10;

/// Manage templates of letters
///
/// A template names what is put into it as {Person.name} or {{ Person.name }}, and may say {% if Case.number %}…{% endif %}.
/// "template placeholders" lists everything it can name. What is put in is data: it is never read as template, and in HTML
/// it is escaped. A wrong name is an error here, never mail with braces in it.
#[derive(Debug, clap::Args)]
pub struct TemplateCommand {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a template; its text comes from standard input
    Add {
        /// Name
        #[arg(value_parser = argument::name)]
        name: String,
        /// Subject
        #[arg(long, value_name = "TEXT")]
        subject: String,
        /// Read the text from this file instead
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// The text is HTML
        #[arg(long)]
        html: bool,
    },
    /// List templates
    List,
    /// Show a template
    Show {
        /// Name or number
        template: String,
    },
    /// Change a template; what is not given stays
    Set {
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
    },
    /// Remove a template
    Remove {
        /// Name or number
        template: String,
    },
    /// Print what a template makes of examples
    Preview {
        /// Name or number
        template: String,
    },
    /// List what a template can name
    Placeholders,
}

impl TemplateCommand {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, now) = (&context.out, context.now());
        match self.command {
            Verb::Add { name, subject, file, html } => {
                let permit = context.administrator()?;
                let body = read(file.as_deref().unwrap_or(Path::new("-")))?;
                let new = Stored { id: 0, name: name.clone(), subject, body, is_html: html };
                Checked::check(&new.subject, &new.body, html)?;
                store.transaction(|db| template::add(db, &permit, &new, now))?;
                let made = template::find(store.connection(), &name)?;
                let next = format!("Next: espomail template preview {}", argument::quoted(&name));
                out.made(&made, &format!("Template {name} added. {next}"));
            }
            Verb::List => {
                let templates = template::list(store.connection())?;
                out.list(&templates, &["id", "template", "html", "subject"], |one| {
                    vec![one.id.to_string(), one.name.clone(), yes(one.is_html), one.subject.clone()]
                });
            }
            Verb::Show { template: wanted } => {
                let found = template::find(store.connection(), &wanted)?;
                out.item(&found, || format!("subject: {}\n\n{}", shown(&found.subject), shown(&found.body)));
            }
            Verb::Set { template: wanted, name, subject, file, html } => {
                let permit = context.administrator()?;
                let body = file.as_deref().map(read).transpose()?;
                store.transaction(|db| {
                    let before = template::find(db, &wanted)?;
                    let changed = Stored {
                        id: before.id,
                        name: name.clone().unwrap_or(before.name),
                        subject: subject.clone().unwrap_or(before.subject),
                        body: body.clone().unwrap_or(before.body),
                        is_html: html.unwrap_or(before.is_html),
                    };
                    Checked::check(&changed.subject, &changed.body, changed.is_html)?;
                    template::set(db, &permit, &changed, now)
                })?;
                out.say(&format!("Template {} changed.", name.unwrap_or(wanted)));
            }
            Verb::Remove { template: wanted } => {
                let permit = context.administrator()?;
                store.transaction(|db| {
                    let found = template::find(db, &wanted)?;
                    template::remove(db, &permit, &found, now)
                })?;
                out.say(&format!("Template {wanted} removed."));
            }
            Verb::Preview { template: wanted } => {
                let found = template::find(store.connection(), &wanted)?;
                let letter = Checked::check(&found.subject, &found.body, found.is_html)?.render(&Values::examples())?;
                let document = serde_json::json!({ "subject": letter.subject, "text": letter.text, "html": letter.html });
                out.item(&document, || format!("subject: {}\n\n{}", shown(&letter.subject), shown(&letter.text)));
            }
            Verb::Placeholders => {
                let all: Vec<_> = Placeholder::ALL
                    .iter()
                    .map(|one| serde_json::json!({ "name": one, "about": one.about().0, "example": one.about().1 }))
                    .collect();
                out.list(&all, &["name", "about", "example"], |one| {
                    ["name", "about", "example"].map(|key| one[key].as_str().unwrap_or_default().to_string()).to_vec()
                });
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String> {
    let bytes = if path == Path::new("-") {
        context::read_stdin(LARGEST)?
    } else {
        std::fs::read(path).map_err(|error| Fault::new(Class::Data, format!("cannot read {}: {error}", path.display())))?
    };
    String::from_utf8(bytes).map_err(|_| Fault::new(Class::Data, "the template is not UTF-8").into())
}
