//! `espomail person`.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Subcommand, ValueHint};
use serde_json::json;

use super::argument;
use super::outlet::{self, Made};
use crate::context::Context;
use crate::fault::Class;
use crate::pass::handout;
use crate::pass::person::{self, Erased};
use crate::pass::storage;
use crate::plural::{counted, first_of};
use crate::store::{access, erasure};

/// Erase or hand out what there is of a person outside (GDPR, Articles 15 to 20); for administrators
///
/// A person is known by an address. Somebody who has several is erased address by address; "person erase" names those that their
/// records have.
#[derive(Debug, clap::Args)]
pub struct Person {
    #[command(subcommand)]
    command: PersonCommand,
}

#[derive(Debug, Subcommand)]
enum PersonCommand {
    /// Erase a person: their mail, their records, and their name and address elsewhere
    ///
    /// Erased whole are e-mails that they wrote, those that went to nobody else outside, and letters to them that have not gone out; in
    /// quarantine what is from the address; the bytes of what filters skipped from it, or naming it; Contacts and Leads that have the address,
    /// with what was merged into them. Of mail between
    /// others that names them the address is replaced, in the text, too, and the name where they take part in it; the raw bytes go. Cases
    /// that their mail opened, or that were made for them, keep number and state; name and description become "(erased)". So does the
    /// address in reasons, notes, notifications and the audit, and the name where that hangs on their mail, cases or records: others who
    /// bear it keep it.
    ///
    /// What servers still have of that mail is not taken in again, whatever brings it: what became of each UID is kept, and of each
    /// message a digest that nobody can read. E-mails of others that have not gone out, wait for somebody or are in quarantine are left as they are
    /// and named, with exit status 75: type it again when they are done. New mail from the person is mail like any other. It works in short transactions; where it
    /// was stopped, type it again. What it cannot reach it says at its end.
    #[command(after_help = "Example: espomail person erase dora@example.org --dry-run")]
    Erase {
        /// Address
        #[arg(value_parser = argument::any_address)]
        address: String,
        /// Say what would be erased, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write all there is of a person into a ZIP archive, for handing it out
    ///
    /// In it are "espomail-person.json" (Contacts, Leads and other records with the address; cases with their streams; what filters
    /// skipped), "emails.jsonl" (a line for each e-mail that names the person), and each message as it was received, as
    /// "emails/NUMBER.eml" with what is attached; what filters skipped as "skipped/NUMBER.eml" where it is kept here. Of e-mails whose raw bytes were pruned there is the line alone. It is for its owner
    /// alone. Look into it before you hand it out: what others wrote is in it, too.
    #[command(after_help = "Example: espomail person export dora@example.org dora.zip")]
    Export {
        /// Address
        #[arg(value_parser = argument::any_address)]
        address: String,
        /// The archive to make
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Replace an archive of a person that is there; nothing else is ever replaced
        #[arg(long)]
        force: bool,
    },
}

impl Person {
    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            PersonCommand::Erase { address, dry_run } => erase(context, &address, dry_run),
            PersonCommand::Export { address, file, force } => export(context, &address, &file, force),
        }
    }
}

/// What no command reaches.
const OUT_OF_REACH: [&str; 7] = [
    "their mail in mailboxes on servers",
    "copies of the database: one that is put back brings all of it back, so type this again then",
    "log files, and files that were saved or exported",
    "letters and copies that others have",
    "mail and notes in which they stand by name alone, or by another address",
    "what a pass that was killed had written to a storage of raw bytes: espomail storage check --delete, a day later",
    "room on the disk that is not written over yet: espomail db vacuum",
];

/// How many cases are named in a line.
const NAMED: usize = 10;

fn erase(context: &Context, address: &str, dry_run: bool) -> Result<()> {
    let mut store = context.store()?;
    let permit = context.administrator()?;
    let (erased, left) = if dry_run {
        (person::rehearse(store.connection(), address)?, None)
    } else {
        let erased = person::erase(&mut store, &permit, address, context.now(), &|text| context.out.progress(text))?;
        (erased, storage::clean(&mut store)?.1)
    };
    let mut document = serde_json::to_value(&erased)?;
    if !(dry_run || erased.waiting.is_empty() && erased.quarantined_of_others.is_empty()) {
        context.out.remember(Class::TempFail);
    }
    document["dry_run"] = json!(dry_run);
    document["out_of_reach"] = json!(OUT_OF_REACH);
    context.out.item(&document, || told(&erased, dry_run));
    if let Some(error) = left {
        context
            .out
            .complain(&error.context("the bytes of their mail are forgotten, and not deleted yet: espomail prune deletes them"));
    }
    Ok(())
}

fn told(erased: &Erased, dry_run: bool) -> String {
    let head = if dry_run { "It would be so:\n" } else { "Erased:\n" };
    let mut text = format!(
        "{head}  e-mails:           {}\n  e-mails of others: {} (without address, name and raw bytes)\n",
        erased.emails, erased.emails_of_others
    );
    let those = |all: &[String]| match all {
        [] => "none".to_string(),
        all => first_of(all, NAMED),
    };
    text.push_str(&format!("  records:           {}\n", those(&erased.records)));
    text.push_str(&format!("  cases:             {} (they keep their numbers)\n", those(&erased.cases)));
    text.push_str(&format!("  in quarantine:     {}\n", erased.quarantined));
    if erased.kept + erased.kept_of_others > 0 {
        let of_others = erased.kept_of_others;
        text.push_str(&format!(
            "  skipped and kept:  {}, and {of_others} of others who name the address (the bytes)\n",
            erased.kept
        ));
    }
    if !dry_run {
        text.push_str(&format!("  other texts:       {}\n  skipped mail:      {}\n", erased.texts, erased.skipped));
    }
    if !erased.other_addresses.is_empty() {
        text.push_str(&format!("Their records have other addresses, too: {}\n", erased.other_addresses.join(", ")));
    }
    if erased.open_cases > 0 {
        text.push_str(&format!("Of these cases {} are open, and stay so: espomail case close CASE...\n", erased.open_cases));
    }
    if !erased.quarantined_of_others.is_empty() {
        let those = erased.quarantined_of_others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "In quarantine, of others who name the address, and left there: {those}\n  look at each with espomail quarantine show; when they are \
             decided: espomail person erase\n"
        ));
    }
    if !erased.waiting.is_empty() {
        let those = erased.waiting.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "E-mails of others that have not gone out, or wait for somebody, are left as they are: {those}\n  look at each with espomail email show; \
             when they are done: espomail person erase\n"
        ));
    }
    if !erased.filters.is_empty() {
        text.push_str(&format!("These filters look for the address, and stay: {}\n", erased.filters.join(", ")));
    }
    text.push_str("Out of reach:\n");
    OUT_OF_REACH.iter().for_each(|what| text.push_str(&format!("  {what}\n")));
    text
}

fn export(context: &Context, address: &str, file: &Path, force: bool) -> Result<()> {
    let mut store = context.store()?;
    let (permit, now) = (context.administrator()?, context.now());
    outlet::check(context, file, Made::Person)?;
    let progress = |text: &str| context.out.progress(text);
    let made = outlet::make(file, force, |to| {
        let made = handout::write(store.connection(), address, now, BufWriter::new(to), &progress)?;
        // Written down before the file stands where others find it.
        store.alone(|db| {
            let subject = erasure::name(db, address)?;
            access::record(db, &permit, "person export", &subject, &counted(made.emails, "e-mail"), now)
        })?;
        Ok(made)
    })?;
    let mut document = serde_json::to_value(&made)?;
    document["file"] = json!(file);
    let pruned = if made.pruned > 0 { format!(" ({} without raw bytes, which were pruned)", made.pruned) } else { String::new() };
    let said = format!(
        "{}: {}{pruned}, {}, {}. Look into it before you hand it out: what others wrote is in it, too.",
        file.display(),
        counted(made.emails, "e-mail"),
        counted(made.records, "record"),
        counted(made.cases, "case")
    );
    context.out.made(&document, &said);
    Ok(())
}
