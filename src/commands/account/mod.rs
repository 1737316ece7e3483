//! `espomail account`.

mod actions;
mod answers;
mod authorize;
mod change;
mod moving;
mod sending;
mod settings;
mod show;
mod test;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use self::actions::Actions;
pub use self::answers::mute;
use self::authorize::Authorize;
use self::change::{Add, Remove, Reset, Set, switch};
use self::moving::Move;
pub use self::test::{connect, connect_for};
use super::rehearsal::Rehearsal;
use super::right;
use super::show::yes;
use crate::context::Context;
use crate::store::Store;

/// Manage e-mail accounts: group mailboxes and users' personal ones
#[derive(Debug, clap::Args)]
pub struct Account {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Add an account; without an option for the password, it is asked for
    Add(Box<Add>),
    /// List the accounts that you may use and how fetching them goes; administrators see all
    List,
    /// Show an account with all its settings
    Show(Named),
    /// Change an account; what is not given stays
    Set(Box<Set>),
    /// Move an account to another server; what it has of what is stored does not come twice
    ///
    /// Logs in there first and opens every mailbox: where that fails, nothing is changed. From then on no UID of the old server means
    /// anything. The next pass lists the mailboxes again and finds what is stored, whatever mailbox of the old server it came through, by
    /// Message-ID, date of arrival and size; what has none of these, or others, is read and compared whole (DUP-2). What is not stored and
    /// arrived since the account's fetch-since comes in, and what is older than the last pass that went well is not answered; what filters
    /// skipped on the old server is held against the filters of today, and what went to quarantine is tried again. What was
    /// still to be done on the old server is given up, and what it never handed over is not asked for any more. "account set" does the
    /// same where it names another server or user. Count first, with --dry-run: a server that did not take over the dates of
    /// arrival makes old mail new.
    /// For example: espomail account move support --imap-host imap.example.net --password-stdin --dry-run
    Move(Box<Move>),
    /// Remove an account and how far it was read; e-mails and cases stay
    ///
    /// Not as long as there is anything left to do: messages in quarantine, kept though a filter skipped them, or that its server did not
    /// hand over yet, messages of the outbox, copies for its Sent mailbox, actions that are held or to be done on its server, e-mails that wait for review. It says what
    /// there is and what to type. Who adds an account on the mailbox again gets nothing that was deleted before.
    /// For example: espomail account remove support --dry-run
    Remove(Remove),
    /// Switch an account on
    Enable(Switched),
    /// Switch an account off; passes leave it out
    Disable(Switched),
    /// Log in and open every monitored mailbox; change nothing
    Test {
        /// Name or number
        account: String,
        /// Log in to the server for sending instead
        #[arg(long)]
        smtp: bool,
        /// Send a test message to this address, too, and print what the server answers; may be given several times
        #[arg(long, value_name = "ADDRESS", requires = "smtp", value_parser = super::argument::one_address)]
        send_to: Vec<String>,
    },
    /// Get the right to read and send with tokens in the place of a password, as Gmail and Microsoft 365 want it (OAuth 2.0)
    ///
    /// A person logs in at the provider with a browser and agrees; from then on the passes renew the token by themselves, and say so
    /// when the right has ended. The provider is google or microsoft, another name of the configuration, or a file; see espomail.toml(5)
    /// and the README.
    Authorize(Authorize),
    /// List the mailboxes that the server has
    Folders(Named),
    /// List what is to be done on the server and is not done yet, do it again, or drop it; see --after-fetch of "account set"
    ///
    /// It is done by fetch once the mail is stored. What the server refuses is tried again after 1, 2, 4 … 60 minutes, without end.
    /// For example: espomail account actions support --retry
    Actions(Actions),
    /// Forget how far an account was read; the next pass reads it anew, and what is stored does not double
    ///
    /// Not as long as messages of it are in quarantine, or kept though a filter skipped them: the server may have them no more.
    Reset(Reset),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Name or number
    account: String,
}

#[derive(Debug, clap::Args)]
struct Switched {
    /// Name or number
    account: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Switched {
    fn run(self, context: &Context, store: &mut Store, active: bool) -> Result<()> {
        self.rehearsal.over(context, store, |store| switch(context, store, &self.account, active))
    }
}

impl Account {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            AccountCommand::Add(command) => command.run(context, &mut store),
            AccountCommand::List => show::list(context, &mut store),
            AccountCommand::Show(Named { account }) => show::one(context, &mut store, &account),
            AccountCommand::Set(command) => command.run(context, &mut store),
            AccountCommand::Move(command) => command.run(context, &mut store),
            AccountCommand::Remove(command) => command.run(context, &mut store),
            AccountCommand::Enable(command) => command.run(context, &mut store, true),
            AccountCommand::Disable(command) => command.run(context, &mut store, false),
            AccountCommand::Test { account, smtp: true, send_to } => test::sending(context, store, &account, &send_to),
            AccountCommand::Test { account, smtp: false, .. } => test::reading(context, store, &account),
            AccountCommand::Authorize(command) => command.run(context, store),
            AccountCommand::Folders(Named { account }) => folders(context, store, &account),
            AccountCommand::Actions(command) => command.run(context, &mut store),
            AccountCommand::Reset(command) => command.run(context, &mut store),
        }
    }
}

fn folders(context: &Context, mut store: Store, wanted: &str) -> Result<()> {
    let (account, _) = right::account(store.connection(), context, context.actor_ref(), wanted)?;
    drop(store);
    let mut session = test::connect(context, &account).with_context(|| format!("account {}", account.name))?;
    let folders: Vec<Folder> = session
        .mailboxes()
        .with_context(|| format!("account {}", account.name))?
        .into_iter()
        .map(|name| Folder { monitored: account.mailboxes.contains(&name), name })
        .collect();
    session.logout();
    context.out.list(&folders, &["mailbox", "monitored"], |folder| vec![folder.name.clone(), yes(folder.monitored)]);
    Ok(())
}

#[derive(serde::Serialize)]
struct Folder {
    name: String,
    monitored: bool,
}
