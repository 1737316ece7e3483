//! `espomail record`.

mod change;
pub(super) mod ending;
pub(super) mod fields;
mod list;
mod show;

use anyhow::Result;
use clap::Subcommand;

use self::change::{Add, Set};
use self::ending::{Convert, Delete, Merge};
use self::list::List;
use self::show::Show;
use super::follow;
use super::rehearsal::Rehearsal;
use crate::context::Context;
use crate::store::record::RecordName;

/// Manage Accounts, Contacts, Leads and Opportunities
#[derive(Debug, clap::Args)]
pub struct Record {
    #[command(subcommand)]
    command: RecordCommand,
}

#[derive(Debug, Subcommand)]
enum RecordCommand {
    /// Add a record; one of the same kind and name, and with one of the addresses if any is given, is there already: exit status 73
    Add(Box<Add>),
    /// List records, the newest first
    List(Box<List>),
    /// Show a record
    Show(Show),
    /// Change a record; what is not given stays
    Set(Box<Set>),
    /// Delete records; their e-mails stay: they belong to the record's account from now on, else to its contact, else to none
    #[command(visible_alias = "remove")]
    Delete(Delete),
    /// Convert a lead into a contact, an account and an opportunity; its e-mails belong to these from now on
    Convert(Convert),
    /// Merge records that are there twice into one of their kind, where everything of theirs is found then; it cannot be undone
    Merge(Merge),
    /// Follow a record, to be told of what happens to it
    Follow(Follow),
    /// Follow a record no longer
    Unfollow(Follow),
}

#[derive(Debug, clap::Args)]
struct Follow {
    /// Kind and number, such as contact:7
    record: RecordName,
    /// Another user; for administrators
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Record {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            RecordCommand::Add(command) => command.run(context, &mut store),
            RecordCommand::List(command) => command.run(context, &mut store),
            RecordCommand::Show(command) => command.run(context, &mut store),
            RecordCommand::Set(command) => command.run(context, &mut store),
            RecordCommand::Delete(command) => command.run(context, &mut store),
            RecordCommand::Convert(command) => command.run(context, &mut store),
            RecordCommand::Merge(command) => command.run(context, &mut store),
            RecordCommand::Follow(Follow { record, user, rehearsal }) => {
                follow::run(context, &mut store, rehearsal, record, user.as_deref(), true)
            }
            RecordCommand::Unfollow(Follow { record, user, rehearsal }) => {
                follow::run(context, &mut store, rehearsal, record, user.as_deref(), false)
            }
        }
    }
}
