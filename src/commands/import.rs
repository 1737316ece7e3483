//! `espomail import`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::rehearsal::Rehearsal;
use crate::context::{Context, read_stdin};
use crate::decide::access::{self, Actor, Permit};
use crate::fault::{Class, Fault};
use crate::mail::no_message;
use crate::mailbox::{FileMessage, Found, read_files};
use crate::pass::import::{Add, Arrived, IMPORTED, Intake};
use crate::pass::index;
use crate::store::account::{self, Account};
use crate::store::{Database, Store, access as trace};

/// Take in messages from files: .eml, mbox, Maildir, or folders of them
///
/// The messages go the very same way as fetched mail; what is stored already does not double, so an import that was
/// interrupted can be run again. A file that is no message (nothing in front of it is a field such as From, Date or Subject), is too
/// large or cannot be read is refused with exit status 65; the others are taken. What is passed over is named: other files of a
/// folder, and the mailboxes beside that of a Maildir.
///
/// A message arrived when its file was written or the mbox says so, or earlier: when its header says that the last server had it, else
/// that it was written. What a filter skips is kept as with "espomail deliver". What is older than --act-since of the account is an archive: it opens no case, and nobody is answered or told.
///
/// With --dry-run nobody else can write to the database meanwhile.
///
/// Users whom a role lets ("role grant ROLE import use own") import into their own inbox, through a personal account of theirs; through
/// sudo one message from standard input.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// Files and folders; - is one message on standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Account that the messages came through [default: the only personal account of the one who asks]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Take files that are no messages by the look of them, too
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// What stands for standard input.
const STDIN: &str = "-";

/// How many files that are no messages are named.
const NAMED: usize = 5;

/// Where the right is missing, of accounts of others there is not even a hint.
fn refused(context: &Context, account: &Account, actor: &Actor) -> anyhow::Error {
    match account.owner.filter(|owner| actor.user == Some(*owner)) {
        Some(_) => context.refused("no role lets you import mail; it is: espomail role grant ROLE import use own"),
        None => context.refused("only administrators import through accounts that are not their own"),
    }
}

impl Import {
    /// The account named, among those that the one who asks may know of; else the only one of their own.
    fn account(&self, context: &Context, actor: &Actor, db: &mut Database) -> Result<Account> {
        if let Some(name) = &self.account {
            return account::find_seen(db, actor, name);
        }
        let mut own = account::list(db)?;
        own.retain(|account| account.owner.is_some() && account.owner == actor.user);
        match <[Account; 1]>::try_from(own) {
            Ok([only]) => Ok(only),
            Err(own) if own.is_empty() && actor.user.is_some() && !actor.administrator => {
                Err(context.refused("you have no personal account to import through; ask an administrator for one"))
            }
            Err(_) => Err(Fault::new(Class::Usage, "say through which account: --account NAME")
                .hint("see: espomail account list")
                .into()),
        }
    }

    pub fn run(self, context: &Context) -> Result<()> {
        let actor = context.actor();
        let mut store = context.store()?;
        let account = self.account(context, &actor, store.connection())?;
        let permit = access::import(&actor, account.owner).map_err(|_| refused(context, &account, &actor))?;
        self.rehearsal.over(context, &mut store, |store| self.take(context, store, &account, &permit))
    }

    fn take(&self, context: &Context, store: &mut Store, account: &Account, permit: &Permit<'_>) -> Result<()> {
        let (fetch, start) = (&context.loaded.config.fetch, Instant::now());
        let (policy, now) = (context.policy(store.connection())?, || context.now());
        let bounds = (fetch.batch_messages.max(1), fetch.batch_mib << 20);
        let (subject, mut line) = (format!("account:{}", account.name), None);
        let mut begun = |db: &mut Database| {
            line = Some(trace::record_so_far(db, permit, None, ("import", &subject, "begun"), context.now())?);
            Ok(())
        };
        let intake = Intake::open(store, account, (IMPORTED, &mut begun), &policy, &now, bounds)?;
        let largest = account.fetching.max_message_mib.bytes();
        let (mut refused, mut passed_over) = (0, Vec::new());
        let read = |add: &mut Add<'_>| {
            let mut refuse = |fault: anyhow::Error| {
                refused += 1;
                if refused <= NAMED {
                    context.out.complain(&fault);
                }
            };
            let mut each = |found: Found| {
                let message = match found {
                    Found::Message(message) => message,
                    Found::Fault(fault) => {
                        refuse(fault);
                        return Ok(());
                    }
                    Found::PassedOver(path) => {
                        passed_over.push(path.display().to_string());
                        return Ok(());
                    }
                };
                if let Some(why) = no_message(&message.bytes).filter(|_| !self.force) {
                    let what = format!("{} is no message: {why}", message.origin);
                    refuse(Fault::new(Class::Data, what).hint("to take it anyway: --force").into());
                    return Ok(());
                }
                let arrived = match message.internal_date {
                    None if message.written_at.is_some() => Arrived::Written(message.written_at),
                    said => Arrived::Said(said),
                };
                add(arrived, &message.bytes).with_context(|| message.origin.clone())
            };
            self.paths.iter().try_for_each(|path| match path == Path::new(STDIN) {
                true => read_stdin(largest).and_then(|bytes| {
                    let origin = "standard input".to_string();
                    each(Found::Message(FileMessage { origin, internal_date: None, written_at: None, bytes }))
                }),
                false => read_files(path, largest, &mut each),
            })
        };
        let (tally, outcome) = intake.take(store, read)?;
        if !store.is_rehearsing() {
            index::follow(store, start, &|| false);
        }
        if refused > NAMED {
            let what = format!("{} more could not be taken", refused - NAMED);
            context.out.complain(&Fault::new(Class::Data, what).into());
        }
        let said = ("import", subject.as_str(), &*tally.to_string());
        store.alone(|db| trace::record_so_far(db, permit, line, said, context.now()))?;
        context.out.say(&format!("Account {}: {tally}.", account.name));
        tally.for_nobody().iter().for_each(|said| context.out.say(said));
        if !passed_over.is_empty() {
            let (count, named) = (passed_over.len(), passed_over.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>());
            let more = if count > NAMED { ", …" } else { "" };
            context.out.say(&format!(
                "Passed over, as no mail or another mailbox ({count}): {}{more}. Name those that you want.",
                named.join(", ")
            ));
        }
        if let Some(quarantined) = tally.quarantined_fault(&account.name) {
            context.out.complain(&quarantined);
        }
        if let Some(held) = tally.held_fault(&account.name) {
            context.out.complain(&held);
        }
        if let Some(waiting) = tally.review_fault(&account.name) {
            context.out.complain(&waiting);
        }
        outcome
    }
}
