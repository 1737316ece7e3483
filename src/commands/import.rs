//! `espomail import`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::mailbox::read_files;
use crate::pass::import::{IMPORTED, Intake};
use crate::store::account;

/// Take in messages from files: .eml, mbox, Maildir, or folders of them
///
/// The messages go the very same way as fetched mail; what is stored already does not double, so an import that was
/// interrupted can be run again.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// Files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Account that the messages came through
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
}

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
        for path in &self.paths {
            outcome = read_files(path, largest, &mut |message| {
                intake.add(&mut store, message.internal_date, &message.bytes).with_context(|| message.origin.clone())
            });
            if outcome.is_err() {
                break;
            }
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
