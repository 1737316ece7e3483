//! `espomail deliver`.

use std::time::Instant;

use anyhow::Result;

use crate::context::{self, Context};
use crate::fault::{Class, Fault};
use crate::pass::import::{Arrived, DELIVERED, Intake};
use crate::pass::index;
use crate::store::{self, account};

/// Take one message from standard input, as an MTA hands it over
///
/// The message goes the very same way as fetched mail. Exits 0 when it is stored and 75 otherwise, so that no MTA ever
/// bounces it to its sender: it keeps the message and tries again.
#[derive(Debug, clap::Args)]
pub struct Deliver {
    /// Account that it came through
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
}

impl Deliver {
    pub fn run(self, context: &Context) -> Result<()> {
        self.take(context).map_err(|error| self.put_off(error))
    }

    /// Whatever it was, the MTA must keep the message.
    pub fn put_off(&self, error: anyhow::Error) -> anyhow::Error {
        let error = store::classify(error);
        log::debug!("exit status 75 stands for {:?}", store::class_of(&error));
        Fault::new(Class::TempFail, format!("account {}: {}", self.account, crate::fault::one_line(&error))).into()
    }

    fn take(&self, context: &Context) -> Result<()> {
        let begun = Instant::now();
        let mut store = context.store()?;
        let account = account::find(store.connection(), &self.account)?;
        let bytes = context::read_stdin(u64::try_from(account.max_message_size)?)?;
        let (policy, now) = (context.policy(store.connection())?, || context.now());
        let intake = Intake::open(&mut store, &account, DELIVERED, &policy, &now, (1, u64::MAX))?;
        let (tally, read) = intake.take(&mut store, |add| add(Arrived::Now(context.now()), &bytes))?;
        read?;
        index::follow(&mut store, begun, &|| false);
        // It is stored, so the MTA may forget it; who reads the log hears where it is.
        if let Some(quarantined) = tally.quarantined_fault(&account.name) {
            log::warn!("{quarantined:#}");
        }
        context.out.tell(&format!("account {}: {tally}", account.name));
        Ok(())
    }
}
