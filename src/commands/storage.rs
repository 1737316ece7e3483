//! `espomail storage`.

use anyhow::Result;
use clap::{Subcommand, ValueHint};
use serde_json::json;

use crate::context::Context;
use crate::depot::{self, Depot};
use crate::fault::{Class, Fault};
use crate::pass::Stop;
use crate::pass::storage::{self as pass, Checked, Moved, Setting};
use crate::plural::told_bytes;
use crate::store::storage;

/// Look after raw messages that lie outside the database
///
/// By default the bytes of all messages are in the database. With [storage] in the configuration those of messages that come go into a
/// folder or a bucket, and the database names them: each lies there, for good, before anything says that the message came. What was
/// there before, and letters of ours, is moved by "espomail storage move". A storage that is not reached holds up what needs the bytes
/// of a message, such as fetching, and nothing else; nothing is lost by it.
#[derive(Debug, clap::Args)]
pub struct StorageArgs {
    #[command(subcommand)]
    command: StorageCommand,
}

#[derive(Debug, Subcommand)]
enum StorageCommand {
    /// Say what lies where
    #[command(after_help = "Example: espomail storage show")]
    Show,
    /// Move all raw messages to where new ones go, or to another place
    ///
    /// Some at a time, while passes are at work: each message is copied, read again and compared, then the database says that it lies there,
    /// then what it was is deleted. What was stopped or killed goes on when it is typed again. Letters that are not sent yet stay where
    /// they are. For cron, too, where letters of ours are to follow.
    #[command(after_help = "Examples: espomail storage move --dry-run\n          espomail storage move --to database")]
    Move {
        /// "database", or a storage of the configuration by its URL [default: where new messages go]
        #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
        to: Option<String>,
        /// Count what there is to move, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Say that a storage has another URL by now, such as a folder that was moved
    ///
    /// For a folder or bucket with everything in it that has another name, or was put back from its copy under another one. Add the new URL
    /// to the configuration, and take the old one out. Every message is looked for there first; where one is missing nothing is changed.
    #[command(after_help = "Example: espomail storage rename file:///old/mail file:///new/mail --dry-run")]
    Rename {
        /// The URL that "espomail storage show" says
        #[arg(value_name = "OLD-URL", value_hint = ValueHint::Url)]
        from: String,
        /// A storage of the configuration
        #[arg(value_name = "NEW-URL", value_hint = ValueHint::Url)]
        to: String,
        /// Do it though messages are missing there, which no command can read then
        #[arg(long)]
        anyway: bool,
        /// Look whether everything is there, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Hold what lies outside against what the database names (exit 1 where something is missing)
    ///
    /// Names what is missing, and counts what nothing names: what a pass wrote that died before its commit, or what came after the copy
    /// of the database that was put back. Whether the bytes are still the same is found by "espomail doctor --prove --deep".
    #[command(after_help = "Example: espomail storage check --delete")]
    Check {
        /// Delete what nothing names and is older than a day
        ///
        /// Not where another copy of this database is in use with the same storage: to this one its messages are of nobody.
        #[arg(long)]
        delete: bool,
    },
}

impl StorageArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            StorageCommand::Show => show(context),
            StorageCommand::Move { to, dry_run } => carry(context, to.as_deref(), dry_run),
            StorageCommand::Rename { from, to, anyway, dry_run } => rename(context, (&from, &to), anyway, dry_run),
            StorageCommand::Check { delete } => check(context, delete),
        }
    }
}

fn show(context: &Context) -> Result<()> {
    let shares = storage::shares(context.store()?.connection())?;
    context.out.list(&shares, &["place", "messages", "size", "to delete"], |one| {
        let size = told_bytes(u64::try_from(one.bytes).unwrap_or_default());
        vec![one.place.clone(), one.messages.to_string(), size, one.to_delete.to_string()]
    });
    let goes = depot::current().map_or("the database", |depot| &depot.url);
    context.out.say(&format!("New messages go to {goes}. Sizes are those of the messages; they lie there compressed."));
    Ok(())
}

/// Finds where to; none is the database.
fn target(to: Option<&str>) -> Result<Option<&'static Depot>> {
    match to {
        None => Ok(depot::current()),
        Some("database") => Ok(None),
        Some(url) => depot::at(url).map(Some).map_err(|_| {
            let what = format!("the configuration names no storage {url}");
            Fault::new(Class::Usage, what).hint("add it as url of [storage] or of [[storage.also]]").into()
        }),
    }
}

fn carry(context: &Context, to: Option<&str>, is_rehearsal: bool) -> Result<()> {
    let to = target(to)?;
    let stop = Stop::default();
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register_usize(signal, stop.place(), usize::try_from(signal)?)?;
    }
    let (mut store, permit) = (context.store()?, context.administrator()?);
    let progress = |text: &str| context.out.progress(text);
    let setting = Setting { to, is_rehearsal, permit: &permit, now: context.now(), stop: &stop, progress: &progress };
    let moved = pass::move_all(&mut store, &setting)?;
    let deleted = if is_rehearsal { (0, None) } else { pass::clean(&mut store)? };
    told(context, &moved, is_rehearsal);
    if !moved.unreadable.is_empty() {
        let what = format!("{} messages cannot be read where they lie, and stay named there", moved.unreadable.len());
        context.out.complain(&Fault::new(Class::Io, what).hint("see: espomail doctor --prove --deep").into());
    }
    deleted.1.map_or(Ok(()), Err)?;
    if let Some(signal) = stop.signal() {
        context.out.ended_by(signal);
    }
    Ok(())
}

fn told(context: &Context, moved: &Moved, is_rehearsal: bool) {
    let size = told_bytes(u64::try_from(moved.bytes).unwrap_or_default());
    let Moved { to, messages, .. } = moved;
    let mut text = match (is_rehearsal, moved.is_done) {
        (true, _) => format!("It would move {messages} messages ({size}) to {to}."),
        (false, true) => format!("Moved {messages} messages ({size}) to {to}; all were read again there and are the same."),
        (false, false) => format!("Moved {messages} messages ({size}) to {to}. It goes on when the same line is typed again."),
    };
    moved.unreadable.iter().for_each(|line| text.push_str(&format!("\n{line}")));
    let mut item = json!(moved);
    item["dry_run"] = json!(is_rehearsal);
    context.out.made(&item, &text);
}

fn rename(context: &Context, (from, to): (&str, &str), anyway: bool, is_rehearsal: bool) -> Result<()> {
    let Some(to) = target(Some(to))? else {
        let what = "the database is no storage that could have another URL";
        return Err(Fault::new(Class::Usage, what).hint("try: espomail storage move --to database").into());
    };
    let (mut store, permit) = (context.store()?, context.administrator()?);
    let found = pass::rename(&mut store, &permit, (from, to), (anyway, is_rehearsal), context.now())?;
    let would = if is_rehearsal { "would be" } else { "is" };
    let mut text = format!("{from} {would} {} from now on, with {} messages.", found.to, found.messages);
    if !found.missing.is_empty() {
        text.push_str(&format!(" Missing: {}.", found.missing.len()));
        found.missing.iter().for_each(|line| text.push_str(&format!("\nmissing: {line}")));
    }
    context.out.made(&json!(found), &text);
    Ok(())
}

fn check(context: &Context, delete: bool) -> Result<()> {
    let found = pass::check(&mut context.store()?, delete, context.now())?;
    let unnamed = if delete { "deleted" } else { "unnamed" };
    context.out.list(&found, &["storage", "messages", "missing", unnamed, "size"], |one| {
        let Checked { storage, messages, missing, unnamed, unnamed_bytes, .. } = one;
        vec![storage.clone(), messages.to_string(), missing.len().to_string(), unnamed.to_string(), told_bytes(*unnamed_bytes)]
    });
    for one in found.iter().filter(|one| !one.missing.is_empty()) {
        context.out.remember(Class::No);
        one.missing.iter().for_each(|line| context.out.say(&format!("missing: {line}")));
    }
    if !delete && found.iter().any(|one| one.unnamed > 0) {
        context.out.say("What nothing names is deleted by: espomail storage check --delete");
    }
    Ok(())
}
