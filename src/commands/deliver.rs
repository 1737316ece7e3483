//! `espomail deliver`.

use std::time::Instant;

use anyhow::Result;

use crate::commands::argument;
use crate::context::{self, Context};
use crate::fault::{Class, Fault, class_of};
use crate::pass::import::{Arrived, DELIVERED, Intake};
use crate::pass::index;
use crate::store::account::{self, Account};
use crate::store::{self, Store, notification};

/// Take one message from standard input, as an MTA hands it over
///
/// The message goes the very same way as fetched mail. Exits 0 when it is stored and 75 otherwise, so that no MTA ever
/// bounces it to its sender: it keeps the message and tries again.
///
/// What a filter skips becomes no e-mail, and its bytes are kept all the same, as no server has them: for 30 days, or as long as "skipped" in
/// [keep] of the configuration says. "espomail fate list" and "espomail trace" name it, and "espomail fate retry" takes it in after all.
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
        let most = account.fetching.max_message_mib.bytes();
        let bytes = match context::read_stdin(most) {
            Err(error) if class_of(&error) == Class::Data => return Err(too_large(context, &mut store, &account)?.into()),
            read => read?,
        };
        if bytes.is_empty() {
            return Err(Fault::new(Class::Data, "nothing came on standard input").into());
        }
        let (policy, now) = (context.policy(store.connection())?, || context.now());
        let intake = Intake::open(&mut store, &account, (DELIVERED, &mut |_| Ok(())), &policy, &now, (1, u64::MAX))?;
        let (tally, read) = intake.take(&mut store, |add| add(Arrived::Now(context.now()), &bytes))?;
        read?;
        index::follow(&mut store, begun, &|| false);
        // It is stored, so the MTA may forget it; who reads the log hears where it is.
        if let Some(quarantined) = tally.quarantined_fault(&account.name) {
            log::warn!("{quarantined:#}");
        }
        context.out.tell(&format!("account {}: {tally}", account.name));
        tally.for_nobody().iter().for_each(|said| context.out.tell(said));
        Ok(())
    }
}

/// The MTA keeps the message for some days, so those whose account it is are told what lets it in: once a day, however often it comes.
fn too_large(context: &Context, store: &mut Store, account: &Account) -> Result<Fault> {
    let mib = account.fetching.max_message_mib.mib();
    let what = format!("takes no message of more than {mib} MiB, and one waits at the mail server");
    let hint = format!("espomail account set {} --max-message-mib N", argument::quoted(&account.name));
    let words = format!("{what}: {hint}");
    store.alone(|db| notification::of_account_daily(db, account.id, &words, context.now()))?;
    Ok(Fault::new(Class::Data, what).hint(format!("try: {hint}")))
}
