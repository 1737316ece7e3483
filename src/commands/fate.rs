//! `espomail fate`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::argument;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::shown_line;
use crate::plural::counted;
use crate::store::Database;
use crate::store::account::{self, Account};
use crate::store::fate::{self, Asked, FateFilter, Line, Unread};
use crate::store::filter::{self, Past};
use crate::words::Fate;

/// Look at what became of every message of every mailbox
///
/// Each UID that was ever listed by a server has one fate, also when no e-mail came of it: imported, archived (older than the account,
/// so nothing followed), held for review, duplicate, filtered (skipped by a filter, and left on the server), quarantined, undelivered (the
/// server lists it and does not hand it over) or gone (expunged before it was read). Why, rule by rule: espomail explain. Where the mail
/// of one person is: espomail trace.
#[derive(Debug, clap::Args)]
pub struct FateCommand {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List fates, the newest first
    List(List),
    /// Have servers asked again for what a filter skipped
    ///
    /// What a filter skips is not read, and stays on the server. Where the filter was wrong, change or remove it; after this command the
    /// next pass reads what it skipped, by the rules of then. Cases are opened and answers are sent as if it came today. What is gone from
    /// the server by then has the fate gone.
    #[command(
        after_help = "Example:\n  espomail filter remove newsletters\n  espomail fate retry --filter newsletters\n  espomail fetch"
    )]
    Retry {
        /// The filter: its name or number, also of one that was removed
        #[arg(long, value_name = "FILTER")]
        filter: String,
        /// Only what it skipped in mail of this account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Only what it skipped not before this time: 2026-11-23, RFC 3339, today, 3d
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Say how many those are, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
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
    /// Only what came not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what came before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    part: argument::Part,
}

impl FateCommand {
    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            Verb::List(list) => list.run(context),
            Verb::Retry { filter, account, since, dry_run } => {
                let permit = context.administrator()?;
                let mut store = context.store()?;
                let db = store.connection();
                let all = filter::past(db)?;
                let skipper = filter::choose_past(all.clone(), &filter)?;
                let wanted = FateFilter {
                    account: account.map(|name| account::find(db, &name)).transpose()?.map(|account| account.id),
                    since: since.map(|text| context.time(&text)).transpose()?,
                    skipped_by: Some(skipper.id),
                    ..FateFilter::default()
                };
                let ask =
                    |db: &mut Database| fate::ask_again(db, &permit, &wanted, &format!("filter:{}", skipper.name), context.now());
                let asked = if dry_run { store.rehearse(ask)? } else { store.alone(ask)? };
                let told = told(&asked, &skipper, dry_run);
                if asked.messages == 0 {
                    let accounts = account::list(store.connection())?;
                    return Err(Fault::new(Class::Data, told).hint(way_back(&asked, &accounts, &skipper, &all)).into());
                }
                context.out.made(&json!({ "asked": asked, "dry_run": dry_run }), &told);
                Ok(())
            }
        }
    }
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
        self.part.tell_rest(&context.out, fates.len(), |most| fate::count(store.connection(), &wanted, most))
    }
}

/// What it is about; of what nobody has read, why.
fn about(line: &Line) -> Option<String> {
    line.subject.clone().or_else(|| line.because.as_ref().map(|because| format!("({because})")))
}

/// Finds a filter that is there, or was.
fn past(db: &mut Database, wanted: &str) -> Result<Past> {
    filter::choose_past(filter::past(db)?, wanted)
}

/// What to type where a server can be asked for nothing.
fn way_back(asked: &Asked, accounts: &[Account], skipper: &Past, all: &[Past]) -> String {
    let of = |unread: &Unread| accounts.iter().find(|account| account.name == unread.account);
    let ways: Vec<String> =
        asked.unread.iter().filter_map(|unread| of(unread).map(|account| reading(account, &unread.mailbox))).collect();
    if !ways.is_empty() {
        return format!("try: {}; then this again", ways.join("; "));
    }
    let older: Vec<String> =
        all.iter().filter(|one| one.name == skipper.name && one.id != skipper.id).map(|one| one.id.to_string()).collect();
    match older.as_slice() {
        [] => "see: espomail fate list --filter NAME".to_string(),
        numbers => {
            format!("other filters had the name {}; give a number: {}", argument::quoted(&skipper.name), numbers.join(", "))
        }
    }
}

/// The command by which passes read a mailbox of an account again.
pub fn reading(account: &Account, mailbox: &str) -> String {
    let name = argument::quoted(&account.name);
    let mut ways = Vec::new();
    if !account.active {
        ways.push(format!("espomail account enable {name}"));
    }
    if !account.mailboxes.iter().any(|read| read == mailbox) {
        let all = account.mailboxes.iter().map(String::as_str).chain([mailbox]);
        let all: Vec<String> = all.map(|mailbox| format!("--mailbox {}", argument::quoted(mailbox))).collect();
        ways.push(format!("espomail account set {name} {}", all.join(" ")));
    }
    ways.join(" && ")
}

fn told(asked: &Asked, skipper: &Past, dry_run: bool) -> String {
    let messages = |count: usize| counted(count, "message");
    let name = argument::quoted(&skipper.name);
    let mut rest = match asked.out_of_reach {
        0 => String::new(),
        away => format!(
            " {} can not be asked for: no server has them under the number that they had. Give them to espomail import.",
            messages(away)
        ),
    };
    for unread in &asked.unread {
        let why =
            if unread.account_is_off { "the account is switched off" } else { "the account does not read that mailbox any more" };
        let (count, name) = (messages(unread.messages), argument::quoted(&unread.account));
        rest.push_str(&format!(
            " {count} in mailbox {} of account {name} can not be asked for: {why}.",
            shown_line(&unread.mailbox)
        ));
    }
    if asked.messages == 0 {
        return format!("filter {name} skipped nothing that a server can be asked for.{rest}").trim_end_matches('.').to_string();
    }
    let skips = if skipper.filter.is_some() && !dry_run {
        format!(" Filter {name} is still in use: what it matches is skipped again.")
    } else {
        String::new()
    };
    let (does, accounts) = (if dry_run { "would be" } else { "will be" }, asked.accounts.join(" "));
    format!("{} {does} read by the next espomail fetch {accounts}.{rest}{skips}", messages(asked.messages))
}
