//! `espomail fate`.

mod again;
mod retry;

use anyhow::Result;
use clap::Subcommand;

use self::again::past;
pub use self::again::reading;
use super::{argument, place};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::plural::counted;
use crate::store::account;
use crate::store::fate::{self, FateFilter, Line, Totals};
use crate::store::skipped;
use crate::words::Fate;

/// Look at what became of every message of every mailbox
///
/// Each UID that was ever listed by a server has one fate, also when no e-mail came of it: imported, archived (older than the account,
/// so nothing followed), held for review, duplicate, filtered (skipped by a filter, and left on the server, or kept here where no server
/// has it), quarantined, undelivered (the
/// server lists it and does not hand it over) or gone (expunged before it was read). Why, rule by rule: espomail explain. Where the mail
/// of one person is: espomail trace.
#[derive(Debug, clap::Args)]
pub struct FateArgs {
    #[command(subcommand)]
    command: FateCommand,
}

#[derive(Debug, Subcommand)]
enum FateCommand {
    /// List fates, the newest first
    List(List),
    /// Take in after all what a filter skipped
    Retry(retry::Retry),
    /// Write the bytes of what a filter skipped as they were received, where no server has them
    #[command(after_help = "Example: espomail fate raw 'support/(delivered)/17'")]
    Raw {
        /// The message: ACCOUNT/MAILBOX/UID, as listed
        #[arg(value_name = "PLACE")]
        place: String,
    },
    /// Drop the bytes of what a filter skipped; they are kept where no server has them, and what became of each message stays known
    #[command(after_help = "Example: espomail fate drop --account support --dry-run")]
    Drop(retry::Drop),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  espomail fate list --account support --fate filtered --since 7d")]
struct List {
    /// Only mail of this account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Only that of this mailbox
    #[arg(long, value_name = "MAILBOX")]
    mailbox: Option<String>,
    /// Only these fates
    #[arg(long, value_name = "FATE", value_delimiter = ',')]
    fate: Vec<Fate>,
    /// Only what this filter skipped: its name or number, also of one that was removed
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Only what a filter skipped of senders who are somebody's: a record has their address, or mail of theirs is of a case
    #[arg(long)]
    known_senders: bool,
    /// Only what came not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what came before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    part: argument::Part,
}

impl FateArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            FateCommand::List(list) => list.run(context),
            FateCommand::Retry(retry) => retry.run(context),
            FateCommand::Raw { place } => raw(context, &place),
            FateCommand::Drop(drop) => drop.run(context),
        }
    }
}

/// Writes what is kept of a message; where there are several under one UID, of the latest.
fn raw(context: &Context, place: &str) -> Result<()> {
    context.administrator()?;
    let mut store = context.store()?;
    let db = store.connection();
    let Some((account, mailbox, uid)) = place::read(db, place)? else {
        return Err(Fault::new(Class::Usage, format!("{place:?} is no ACCOUNT/MAILBOX/UID"))
            .hint("see: espomail fate list")
            .into());
    };
    let Some(fate) = fate::at(db, account.id, &mailbox, uid)?.pop() else {
        return Err(Fault::new(Class::Data, format!("nothing is known of {place:?}")).hint("see: espomail fate list").into());
    };
    context.out.bytes(&skipped::raw_of(db, fate.position, uid)?)
}

impl List {
    fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let db = store.connection();
        let wanted = FateFilter {
            account: self.account.map(|name| account::find(db, &name)).transpose()?.map(|account| account.id),
            mailbox: self.mailbox,
            fates: self.fate,
            skipped_by: self.filter.map(|name| past(db, &name)).transpose()?.map(|filter| filter.id),
            known_senders: self.known_senders,
            since: self.since.map(|text| context.time(&text)).transpose()?,
            until: self.until.map(|text| context.time(&text)).transpose()?,
            limit: self.part.limit(&context.out),
            offset: self.part.offset,
            ..FateFilter::default()
        };
        let fates = fate::list(db, &wanted)?;
        context.out.list(&fates, &["at", "account", "mailbox", "uid", "fate", "~email", "from", "subject"], |line| {
            let dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_string());
            vec![
                rfc3339(line.at),
                line.account.clone(),
                line.mailbox.clone(),
                line.uid.to_string(),
                line.fate.to_string(),
                dash(line.email.map(|email| email.to_string())),
                dash(line.from.clone()),
                dash(about(line)),
            ]
        });
        self.part.tell_rest(&context.out, fates.len(), |most| fate::count(store.connection(), &wanted, most))?;
        if context.out.is_text() && !fates.is_empty() {
            context.out.say(&total(fate::totals(store.connection(), &wanted, MOST_COUNTED)?));
        }
        Ok(())
    }
}

/// So many are counted; of more nobody waits for the number.
const MOST_COUNTED: i64 = 100_000;

/// How many there are in all, and of how many senders as far as that is known: of what was skipped.
fn total(totals: Totals) -> String {
    let more = if totals.messages >= MOST_COUNTED { "at least " } else { "" };
    let senders = if totals.senders > 0 { format!(", of {}", counted(totals.senders, "sender")) } else { String::new() };
    format!("{more}{} in all{senders}.", counted(totals.messages, "message"))
}

/// What it is about; of what nobody has read, why.
fn about(line: &Line) -> Option<String> {
    line.subject.clone().or_else(|| line.because.as_ref().map(|because| format!("({because})")))
}
