//! `espomail case`.

mod change;
mod merge;
mod part;
mod show;

use anyhow::Result;
use clap::Subcommand;

use self::change::{Assign, Close, Create, Note, Reopen, Set, Status};
use self::merge::{Merge, Split, Unmerge};
use self::show::{List, Next, Show};
use super::email::CaseReply;
use super::record::ending::delete;
use super::rehearsal::Rehearsal;
use super::{follow, right};
use crate::context::Context;

/// Work on cases
#[derive(Debug, clap::Args)]
pub struct Case {
    #[command(subcommand)]
    command: CaseCommand,
}

#[derive(Debug, Subcommand)]
enum CaseCommand {
    /// List open cases: the most urgent first, then the newest
    List(List),
    /// Show a case with its stream: e-mails, notes and what was done, the newest last
    Show(Show),
    /// Say who gets the next case of an e-mail account, and why
    Next(Next),
    /// Open a case by hand
    Create(Create),
    /// Change what a case says; what is not given stays
    Set(Set),
    /// Hand a case to a user
    Assign(Assign),
    /// Set the status of a case
    Status(Status),
    /// Close a case
    Close(Close),
    /// Open a closed case again
    Reopen(Reopen),
    /// Write a note into the stream of a case
    Note(Note),
    /// Answer the newest e-mail of a case that one of us did not write
    Reply(Box<CaseReply>),
    /// Merge cases into another; "case unmerge" undoes it
    Merge(Merge),
    /// Undo a merge: the case is one of its own again, with the e-mails that came from it
    Unmerge(Unmerge),
    /// Delete cases; their e-mails stay: they belong to the case's account from now on, else to its contact, else to no record
    Delete(Delete),
    /// Open a new case from some e-mails of a case
    Split(Split),
    /// Follow a case, to be told of what happens to it
    Follow(Follow),
    /// Follow a case no longer
    Unfollow(Follow),
}

#[derive(Debug, clap::Args)]
struct Delete {
    /// Numbers, or case:NUMBER
    #[arg(required = true)]
    cases: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
struct Follow {
    /// Number, or case:NUMBER
    case: String,
    /// Another user; for administrators
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Case {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            CaseCommand::List(command) => command.run(context, &mut store),
            CaseCommand::Show(command) => command.run(context, &mut store),
            CaseCommand::Next(command) => command.run(context, &mut store),
            CaseCommand::Create(command) => command.run(context, &mut store),
            CaseCommand::Set(command) => command.run(context, &mut store),
            CaseCommand::Assign(command) => command.run(context, &mut store),
            CaseCommand::Status(command) => command.run(context, &mut store),
            CaseCommand::Close(command) => command.run(context, &mut store),
            CaseCommand::Reopen(command) => command.run(context, &mut store),
            CaseCommand::Note(command) => command.run(context, &mut store),
            CaseCommand::Reply(command) => command.run(context, &mut store),
            CaseCommand::Merge(command) => command.run(context, &mut store),
            CaseCommand::Unmerge(command) => command.run(context, &mut store),
            CaseCommand::Split(command) => command.run(context, &mut store),
            CaseCommand::Delete(Delete { cases, rehearsal }) => {
                let cases = cases.iter().map(|case| right::case_name(case)).collect::<Result<Vec<_>>>()?;
                delete(context, &mut store, rehearsal, &cases)
            }
            CaseCommand::Follow(Follow { case, user, rehearsal }) => {
                follow::run(context, &mut store, rehearsal, right::case_name(&case)?, user.as_deref(), true)
            }
            CaseCommand::Unfollow(Follow { case, user, rehearsal }) => {
                follow::run(context, &mut store, rehearsal, right::case_name(&case)?, user.as_deref(), false)
            }
        }
    }
}
