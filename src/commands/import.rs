//! `espomail import`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::context::{Context, read_stdin};
use crate::decide::access::{self, Actor};
use crate::fault::{Class, Fault};
use crate::mail::no_message;
use crate::mailbox::{FileMessage, read_files};
use crate::pass::import::{Add, IMPORTED, Intake};
use crate::store::account::{self, Account};
use crate::store::{Database, access as trace};

/// Take in messages from files: .eml, mbox, Maildir, or folders of them
///
/// The messages go the very same way as fetched mail; what is stored already does not double, so an import that was
/// interrupted can be run again. A file that is no message (nothing in front of it is a field such as From, Date or Subject) is
/// refused with exit status 65; the others are taken.
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
        let fetch = &context.loaded.config.fetch;
        let (policy, now) = (context.policy(store.connection())?, || context.now());
        let bounds = (fetch.batch_messages.max(1), fetch.batch_mib << 20);
        let intake = Intake::open(&mut store, &account, IMPORTED, &policy, &now, bounds)?;
        let largest = u64::try_from(account.max_message_size)?;
        let mut refused = 0;
        let read = |add: &mut Add<'_>| {
            let mut each = |message: FileMessage| {
                if let Some(why) = no_message(&message.bytes).filter(|_| !self.force) {
                    refused += 1;
                    if refused <= NAMED {
                        let what = format!("{} is no message: {why}", message.origin);
                        context.out.complain(&Fault::new(Class::Data, what).hint("to take it anyway: --force").into());
                    }
                    return Ok(());
                }
                add(message.internal_date, &message.bytes).with_context(|| message.origin.clone())
            };
            self.paths.iter().try_for_each(|path| match path == Path::new(STDIN) {
                true => read_stdin(largest)
                    .and_then(|bytes| each(FileMessage { origin: "standard input".to_string(), internal_date: None, bytes })),
                false => read_files(path, largest, &mut each),
            })
        };
        let (tally, outcome) = intake.take(&mut store, read)?;
        if refused > NAMED {
            let what = format!("{} more files are no messages", refused - NAMED);
            context.out.complain(&Fault::new(Class::Data, what).into());
        }
        // What is run as the service account is no person's word.
        if actor.user.is_some() {
            let subject = format!("account:{}", account.name);
            store.transaction(|db| trace::record(db, &permit, "import", &subject, &tally.to_string(), context.now()))?;
        }
        context.out.say(&format!("Account {}: {tally}.", account.name));
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
