//! `espomail fate retry` and `espomail fate drop`: what a filter skipped, taken in after all or let go of.

use anyhow::Result;
use serde_json::json;

use super::again::{past, reading};
use crate::commands::argument;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::shown_line;
use crate::pass::skipped::{Foresight, Taken, foresee, take_again};
use crate::plural::{counted, doing};
use crate::store::account::{self, Account};
use crate::store::fate::FateFilter;
use crate::store::fate::ask::{self, Asked, Unread};
use crate::store::filter::{self, Past};
use crate::store::{Database, skipped};
use crate::words::Fate;

/// Take in after all what a filter skipped
///
/// What a filter skips is left on the server, or kept here where no server has it: what "espomail deliver" and "espomail import" were given.
/// Where the filter was wrong, change or remove it, and type this. What is kept here is processed at once; what is on a server is read by the
/// next pass, by the rules of then. Cases are opened and answers are sent as if it came today. What today's rules skip again stays as it
/// is; what is gone from the server by then has the fate gone. With --dry-run it says, too, what the filters of today would skip again: for
/// certain of what is kept here, by author and subject of what is on a server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  espomail filter remove newsletters\n  espomail fate retry --filter newsletters\n  espomail fetch"
)]
pub struct Retry {
    #[command(flatten)]
    which: Which,
    /// Say how many those are and what would become of them, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub struct Drop {
    #[command(flatten)]
    which: Which,
    /// Say how many those are, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which of what was skipped.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whole").required(true).multiple(true)))]
struct Which {
    /// What this filter skipped: its name or number, also of one that was removed
    #[arg(long, value_name = "FILTER", group = "whole")]
    filter: Option<String>,
    /// Only what was skipped in mail of this account
    #[arg(long, value_name = "ACCOUNT", group = "whole")]
    account: Option<String>,
    /// Only what was skipped not before this time: 2026-11-23, RFC 3339, today, 3d
    #[arg(long, value_name = "TIME", group = "whole")]
    since: Option<String>,
    /// What any filter skipped
    #[arg(long, group = "whole")]
    all: bool,
}

impl Which {
    /// What is meant, by which filter where one is named, and how the audit calls it.
    fn find(&self, context: &Context, db: &mut Database) -> Result<(FateFilter, Option<Past>, String)> {
        let skipper = self.filter.as_ref().map(|name| past(db, name)).transpose()?;
        let account = self.account.as_ref().map(|name| account::find(db, name)).transpose()?;
        let subject = match (&skipper, &account) {
            (Some(skipper), _) => format!("filter:{}", skipper.name),
            (None, Some(account)) => format!("account:{}", account.name),
            (None, None) => "fates".to_string(),
        };
        let wanted = FateFilter {
            account: account.map(|account| account.id),
            since: self.since.as_ref().map(|text| context.time(text)).transpose()?,
            skipped_by: skipper.as_ref().map(|skipper| skipper.id),
            is_skipped: true,
            ..FateFilter::default()
        };
        Ok((wanted, skipper, subject))
    }
}

impl Retry {
    pub fn run(&self, context: &Context) -> Result<()> {
        let permit = context.administrator()?;
        let mut store = context.store()?;
        let (wanted, skipper, subject) = self.which.find(context, store.connection())?;
        let kept = skipped::list(store.connection(), &wanted)?;
        let ask = |db: &mut Database| ask::again(db, &permit, &wanted, &kept, (&subject, context.now()));
        let foresight = if self.dry_run { foresee(store.connection(), &wanted, &kept)? } else { Foresight::default() };
        let asked = if self.dry_run { store.rehearse(ask)? } else { store.alone(ask)? };
        let policy = context.policy(store.connection())?;
        let taken = take_again(&mut store, &kept, &policy, self.dry_run, context.now())?;
        let told = self.told(&asked, skipper.as_ref(), (kept.len(), &taken), &foresight);
        if asked.messages == 0 && kept.is_empty() {
            let (accounts, all) = (account::list(store.connection())?, filter::past(store.connection())?);
            return Err(Fault::new(Class::Data, told).hint(way_back(&asked, &accounts, skipper.as_ref(), &all)).into());
        }
        let of_kept = json!({ "messages": kept.len(), "unreadable": taken.unread.len(), "fates": taken.tally });
        let mut document = json!({ "asked": asked, "kept": of_kept, "dry_run": self.dry_run });
        if self.dry_run {
            document["would_be_skipped"] = json!(foresight);
        }
        context.out.made(&document, &told);
        taken.unread.iter().chain(&taken.tally.held_fault("of what was kept")).for_each(|fault| context.out.complain(fault));
        Ok(())
    }

    fn told(&self, asked: &Asked, skipper: Option<&Past>, (kept, taken): (usize, &Taken), foresight: &Foresight) -> String {
        let name = skipper.map(|skipper| argument::quoted(&skipper.name));
        let by = name.as_ref().map_or_else(|| "filters".to_string(), |name| format!("filter {name}"));
        let rest = out_of_reach(asked);
        if asked.messages == 0 && kept == 0 {
            let nothing = format!("{by} skipped nothing that is kept here or that a server can be asked for.{rest}");
            return nothing.trim_end_matches('.').to_string();
        }
        let mut told = String::new();
        let read = kept - taken.unread.len();
        if read > 0 {
            let [one, many] = if self.dry_run { ["would be"; 2] } else { ["was", "were"] };
            let [one, many] = [format!("that is kept here {one}"), format!("that are kept here {many}")];
            told = format!("{} taken again: {}.", doing(read, "message", &one, &many), taken.tally);
        }
        told.push_str(&unread(&taken.unread, !told.is_empty()));
        if asked.messages > 0 {
            let does = if self.dry_run { "would be" } else { "will be" };
            let space = if told.is_empty() { "" } else { " " };
            let messages = counted(asked.messages, "message");
            told.push_str(&format!("{space}{messages} {does} read by the next espomail fetch {}.", asked.accounts.join(" ")));
        }
        told.push_str(&foreseen(foresight));
        told.push_str(&rest);
        if let Some(name) = name.filter(|_| !self.dry_run && skipper.is_some_and(|skipper| skipper.filter.is_some())) {
            told.push_str(&format!(" Filter {name} is still in use: what it matches is skipped again."));
        }
        told
    }
}

/// How many of those that are kept here stay as they are.
fn unread(unread: &[anyhow::Error], is_behind: bool) -> String {
    let [one, many] = ["that is kept here stays as it is", "that are kept here stay as they are"];
    match unread.len() {
        0 => String::new(),
        count => format!("{}{}.", if is_behind { " " } else { "" }, doing(count, "message", one, many)),
    }
}

/// What today's filters would skip again.
fn foreseen(foresight: &Foresight) -> String {
    let mut told = String::new();
    let again: usize = foresight.skipped_by.values().sum();
    if again > 0 {
        let by: Vec<String> =
            foresight.skipped_by.iter().map(|(name, count)| format!("{count} by {}", argument::quoted(name))).collect();
        told.push_str(&format!(" Of these {again} would be skipped again: {}.", by.join(", ")));
    }
    if foresight.unknown > 0 {
        told.push_str(&format!(" Of {} it cannot be said before they are read.", foresight.unknown));
    }
    told
}

/// What nobody can be asked for.
fn out_of_reach(asked: &Asked) -> String {
    let messages = |count: usize| counted(count, "message");
    let mut rest = match asked.out_of_reach {
        0 => String::new(),
        away => format!(
            " {} can not be asked for: no server has them under the number that they had, and they are not kept here. Give them to espomail \
             import.",
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
    rest
}

/// What to type where a server can be asked for nothing.
fn way_back(asked: &Asked, accounts: &[Account], skipper: Option<&Past>, all: &[Past]) -> String {
    let of = |unread: &Unread| accounts.iter().find(|account| account.name == unread.account);
    let ways: Vec<String> =
        asked.unread.iter().filter_map(|unread| of(unread).map(|account| reading(account, &unread.mailbox))).collect();
    if !ways.is_empty() {
        return format!("try: {}; then this again", ways.join("; "));
    }
    let others = |skipper: &Past| {
        let older = all.iter().filter(|one| one.name == skipper.name && one.id != skipper.id);
        let older: Vec<String> = older.map(|one| one.id.to_string()).collect();
        (!older.is_empty()).then(|| (argument::quoted(&skipper.name), older.join(", ")))
    };
    match skipper.and_then(others) {
        None => "see: espomail fate list --filter NAME".to_string(),
        Some((name, numbers)) => format!("other filters had the name {name}; give a number: {numbers}"),
    }
}

impl Drop {
    pub fn run(&self, context: &Context) -> Result<()> {
        let permit = context.administrator()?;
        let mut store = context.store()?;
        let (wanted, _, subject) = self.which.find(context, store.connection())?;
        let wanted = FateFilter { fates: vec![Fate::Filtered], ..wanted };
        let drop = |db: &mut Database| {
            let kept = skipped::list(db, &wanted)?;
            skipped::drop(db, &permit, &kept, &subject, context.now())?;
            Ok(kept.len())
        };
        let dropped = if self.dry_run { store.rehearse(drop)? } else { store.alone(drop)? };
        let [one, many] = if self.dry_run { ["would be", "would be"] } else { ["are", "are"] };
        let bytes = |be: &str| format!("that {} kept here: the bytes {be} dropped", if dropped == 1 { "is" } else { "are" });
        let told = format!("{}.", doing(dropped, "message", &bytes(one), &bytes(many)));
        context.out.made(&json!({ "dropped": dropped, "dry_run": self.dry_run }), &told);
        Ok(())
    }
}
