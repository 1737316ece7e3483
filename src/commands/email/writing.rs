//! What people give for every message: whom it goes to, its text from wherever it is, files, and when.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueHint;
use tempfile::NamedTempFile;

use super::filled::{self, About, Filled};
use crate::clock::parse_ahead;
use crate::commands::file::{self, LARGEST};
use crate::commands::rehearsal::Rehearsal;
use crate::context::{self, Context};
use crate::decide::sender::Sender;
use crate::fault::{Class, Fault};
use crate::mail::body::{Body, Signature, Written};
use crate::mail::compose::{File, typed_addresses};
use crate::mail::reply::Original;
use crate::mail::{Address, text_from_html};
use crate::store::record::RecordName;
use crate::store::{Database, sending, template, user};
use crate::words::UserId;

/// What becomes of a message once it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendWhen {
    /// It is tried at once, where it is due.
    Now,
    /// The next pass takes it.
    Queue,
    /// It waits until somebody releases it.
    Held,
}

/// What every message of ours can be given.
#[derive(Debug, clap::Args)]
pub struct Writing {
    /// Recipient of a copy; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub cc: Vec<String>,
    /// Recipient that the others do not see; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub bcc: Vec<String>,
    /// Send as this address: your own, or one of a group account that you may use
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// The text; else it is read from standard input, or written in $EDITOR on a terminal
    #[arg(long, value_name = "TEXT", group = "body")]
    pub text: Option<String>,
    /// Read the text from this file; "-" is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "body")]
    pub file: Option<PathBuf>,
    /// Take the text from this template
    #[arg(long, value_name = "TEMPLATE", group = "body")]
    pub template: Option<String>,
    /// Read the text as HTML from this file, beside the plain one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Attach this file; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub attach: Vec<PathBuf>,
    /// Picture that the HTML shows as "cid:NAME", by the name of its file; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub inline: Vec<PathBuf>,
    /// Leave out your signature, or that of the account
    #[arg(long)]
    pub no_signature: bool,
    /// Send it then: 2026-12-24T09:00:00Z, a date, or 10m, 2h, 3d or 1w from now
    #[arg(long, value_name = "TIME", conflicts_with = "draft")]
    pub at: Option<String>,
    /// Leave it to the next "espomail send" instead of trying at once
    #[arg(long)]
    pub queue: bool,
    /// Keep it as a draft; "outbox release" sends it
    #[arg(long)]
    pub draft: bool,
    #[command(flatten)]
    pub rehearsal: Rehearsal,
    /// What was written in an editor, until it is stored.
    #[arg(skip)]
    kept: RefCell<Option<NamedTempFile>>,
}

impl Writing {
    /// Does what makes a letter of what was written; where that fails, or is only rehearsed, what was written in an editor stays.
    pub fn keeping(&self, context: &Context, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let done = work();
        let kept = self.kept.borrow_mut().take().filter(|_| done.is_err() || self.rehearsal.is_one());
        let Some(file) = kept else { return done };
        let place = file.into_temp_path().keep().map(|path| path.display().to_string());
        let told = format!("what you wrote is in {}", place.unwrap_or_default());
        if done.is_ok() {
            context.out.announce(&told);
        }
        done.context(told)
    }

    /// Returns what was written: by the template, else from wherever it is; `begin` is what an editor shows.
    pub fn written(&self, filled: Option<Filled>, begin: &str) -> Result<Written> {
        let html = self.html()?;
        if let Some(Filled { letter, files }) = filled {
            return Ok(Written { text: letter.text, html: html.or(letter.html), files, is_whole: false });
        }
        let (text, is_whole) = self.typed(begin)?;
        // Who reads plain text gets what the HTML says.
        let text = html.as_deref().filter(|_| text.trim().is_empty()).map_or(text, text_from_html);
        Ok(Written { text, html, files: Vec::new(), is_whole })
    }

    /// Returns what was typed, and whether that was in an editor, which shows everything.
    fn typed(&self, begin: &str) -> Result<(String, bool)> {
        if let Some(text) = &self.text {
            return Ok((text.clone(), false));
        }
        let is_named = self.file.as_ref().is_some_and(|file| file.as_os_str() == "-");
        if let Some(file) = self.file.as_ref().filter(|_| !is_named) {
            let text = String::from_utf8(file::bytes(file)?);
            let text = text.map_err(|_| Fault::new(Class::Data, format!("{} is not UTF-8", file.display())))?;
            return Ok((text, false));
        }
        if is_named || !std::io::stdin().is_terminal() {
            let text = String::from_utf8(context::read_stdin(LARGEST)?);
            let text = text.map_err(|_| Fault::new(Class::Data, "standard input is not UTF-8"))?;
            // In cron and in scripts it is often nothing by mistake.
            if text.trim().is_empty() && self.html.is_none() {
                let what = "there is no text on standard input";
                return Err(Fault::new(Class::Data, what).hint("to send none, say so: --text ''").into());
            }
            return Ok((text, false));
        }
        // Through sudo an editor would run with the rights of the service account.
        if context::caller().guest().is_some() {
            return Err(Fault::new(Class::Usage, "say what to write").hint("use --text, or standard input").into());
        }
        for file in self.attach.iter().chain(&self.inline).chain(&self.html) {
            // Said before anybody writes.
            file::bytes(file)?;
        }
        let (text, file) = edited(begin)?;
        *self.kept.borrow_mut() = Some(file);
        Ok((text, true))
    }

    /// Returns the signature of the one who writes, else that of the account that it goes out through; empty where there is none, or
    /// none is wanted (SEND-10).
    pub fn signature(&self, author: Option<UserId>, sender: &Sender, db: &mut Database) -> Result<Signature> {
        if self.no_signature {
            return Ok(Signature::default());
        }
        let own = author.map(|user| user::signature_of(db, user)).transpose()?.filter(|own| !own.is_empty());
        own.map_or_else(|| Ok(sending::of(db, sender.account)?.signature()), Ok)
    }

    /// Fills the template that was named.
    pub fn letter(
        &self,
        context: &Context,
        db: &mut Database,
        to: Option<&Address>,
        parent: Option<RecordName>,
        original: Option<&Original>,
        sender: &Sender,
    ) -> Result<Option<Filled>> {
        let Some(wanted) = &self.template else { return Ok(None) };
        let about = About { to, parent, original, account: Some(sender.account) };
        let stored = template::find(db, wanted)?;
        filled::fill(context, db, &stored, &about).map(Some)
    }

    /// Reads the HTML.
    pub fn html(&self) -> Result<Option<String>> {
        let Some(file) = &self.html else { return Ok(None) };
        let text = String::from_utf8(file::bytes(file)?);
        text.map(Some).map_err(|_| Fault::new(Class::Data, format!("{} is not UTF-8", file.display())).into())
    }

    /// Reads the files to attach, and the pictures that the HTML shows; those of the template go before them.
    pub fn attachments(&self, body: &Body) -> Result<Vec<File>> {
        let is_shown = |one: &File| body.html.as_ref().is_some_and(|html| html.contains(&format!("cid:{}", one.name)));
        let inline = self.inline.iter().map(|path| file::read(path, true)).collect::<Result<Vec<File>>>()?;
        if let Some(unseen) = inline.iter().find(|one| !is_shown(one)) {
            return Err(Fault::new(Class::Usage, format!("no HTML shows \"cid:{}\"", unseen.name))
                .hint("give --html with <img src=\"cid:NAME\">, or --attach the file")
                .into());
        }
        let attached = self.attach.iter().map(|path| file::read(path, false)).collect::<Result<Vec<File>>>()?;
        // Other HTML was given in place of the template's.
        let of_template = body.files.iter().filter(|one| !one.inline || is_shown(one)).cloned();
        Ok(of_template.chain(inline).chain(attached).collect())
    }

    /// Whether it is tried at once.
    pub fn turn(&self) -> SendWhen {
        if self.queue { SendWhen::Queue } else { SendWhen::Now }
    }

    /// Returns when it is to go out; none for a draft.
    pub fn due_at(&self, context: &Context) -> Result<Option<i64>> {
        if self.draft {
            return Ok(None);
        }
        let Some(text) = &self.at else { return Ok(Some(context.now() + context.loaded.config.send.delay)) };
        parse_ahead(text, context.now()).map(Some).map_err(|error| Fault::new(Class::Usage, error).into())
    }
}

/// Reads addresses as people write them: with or without a name, several with commas between them.
pub fn addresses(given: &[String]) -> Result<Vec<Address>> {
    let mut addresses = Vec::new();
    for text in given {
        let typed = typed_addresses(text)
            .ok_or_else(|| Fault::new(Class::Usage, format!("{text:?} is no e-mail address that can be written to")))?;
        addresses.extend(typed);
    }
    Ok(addresses)
}

/// What is said of an editor that was left as it was opened.
pub const UNWRITTEN: &str = "nothing was written, so nothing is sent";

/// Lets somebody write in their editor. An empty text is no message.
fn edited(begin: &str) -> Result<(String, NamedTempFile)> {
    let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR")).unwrap_or_else(|_| "vi".to_string());
    let file = tempfile::Builder::new().prefix("espomail-").suffix(".txt").tempfile()?;
    std::fs::write(file.path(), begin)?;
    // The variable may hold arguments; the shell reads them as it does everywhere.
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file.path()).status();
    let status = status.map_err(|error| Fault::new(Class::Config, format!("the editor {editor:?} does not start: {error}")))?;
    if !status.success() {
        return Err(Fault::new(Class::Config, format!("the editor {editor:?} failed: {status}")).into());
    }
    let text = std::fs::read_to_string(file.path())?;
    if text.trim().is_empty() || text == begin {
        return Err(Fault::new(Class::Usage, UNWRITTEN).into());
    }
    Ok((text, file))
}
