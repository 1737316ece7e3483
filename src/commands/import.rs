//! `espomail import`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::mail::no_message;
use crate::mailbox::read_files;
use crate::pass::import::{IMPORTED, Intake};
use crate::store::account;

/// Take in messages from files: .eml, mbox, Maildir, or folders of them
///
/// The messages go the very same way as fetched mail; what is stored already does not double, so an import that was
/// interrupted can be run again. A file that is no message (nothing in front of it is a field such as From, Date or Subject) is
/// refused with exit status 65; the others are taken.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// Files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Account that the messages came through
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
    /// Take files that are no messages by the look of them, too
    #[arg(long)]
    force: bool,
}

/// How many files that are no messages are named.
const NAMED: usize = 5;

impl Import {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let account = account::find(store.connection(), &self.account)?;
        let fetch = &context.loaded.config.fetch;
        let (policy, now) = (context.policy(store.connection())?, || context.now());
        let bounds = (fetch.batch_messages.max(1), fetch.batch_mib << 20);
        let mut intake = Intake::open(&mut store, &account, IMPORTED, &policy, &now, bounds)?;
        let largest = u64::try_from(account.max_message_size)?;
        let mut outcome = Ok(());
        let mut refused = 0;
        for path in &self.paths {
            outcome = read_files(path, largest, &mut |message| {
                if let Some(why) = no_message(&message.bytes).filter(|_| !self.force) {
                    refused += 1;
                    if refused <= NAMED {
                        let what = format!("{} is no message: {why}", message.origin);
                        context.out.complain(&Fault::new(Class::Data, what).hint("to take it anyway: --force").into());
                    }
                    return Ok(());
                }
                intake.add(&mut store, message.internal_date, &message.bytes).with_context(|| message.origin.clone())
            });
            if outcome.is_err() {
                break;
            }
        }
        if refused > NAMED {
            let what = format!("{} more files are no messages", refused - NAMED);
            context.out.complain(&Fault::new(Class::Data, what).into());
        }
        // What was read before a fault is kept.
        let tally = intake.finish(&mut store)?;
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
