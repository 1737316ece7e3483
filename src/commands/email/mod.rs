//! `espomail email`.

mod answer;
mod attachments;
pub mod compose;
mod edit;
pub mod filled;
mod inbox;
mod link;
mod list;
mod resend;
mod set;
mod show;
pub mod writing;

pub use answer::CaseReply;

use anyhow::Result;
use clap::Subcommand;

use super::right;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::pass::complete;
use crate::store::raw;
use crate::words::RoleAction;

/// Look at stored e-mails, sort them, link them
#[derive(Debug, clap::Args)]
pub struct Email {
    #[command(subcommand)]
    command: EmailCommand,
}

#[derive(Debug, Subcommand)]
enum EmailCommand {
    /// List e-mails, the newest first
    List(Box<list::List>),
    /// Show an e-mail: what is new in it first
    Show(show::Show),
    /// Write the message as it was received to standard output
    Raw {
        /// Number or Message-ID
        email: String,
        /// Another copy of it, which came in other bytes; "email show" lists them, the first is 1
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        copy: i64,
    },
    /// List the attachments, save them, or write one to standard output
    Attachments(attachments::Attachments),
    /// Fetch the whole of an e-mail of which only header and text were taken
    FetchBody {
        /// Number or Message-ID
        email: String,
    },
    /// Write a message, into the outbox
    Compose(Box<compose::Compose>),
    Reply(Box<answer::Reply>),
    Forward(Box<answer::Forward>),
    Edit(Box<edit::Edit>),
    Resend(resend::Resend),
    /// Mark a user's e-mails as read or important
    Mark(inbox::Mark),
    /// Move e-mails to a user's folder, archive, trash or inbox, or to a group folder
    Move(inbox::Move),
    Set(set::Set),
    /// Say which record an e-mail belongs to; no rule overwrites it
    Link(link::Link),
    /// Say that an e-mail belongs to no record; no rule overwrites it
    Unlink(link::Unlink),
    /// Delete e-mails for everybody; no server brings them back, and "espomail import" of a copy does
    Delete(inbox::Delete),
}

impl Email {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let (out, actor) = (&context.out, context.actor_ref());
        match self.command {
            EmailCommand::List(list) => list.run(context, &mut store),
            EmailCommand::Show(show) => show.run(context, store.connection()),
            EmailCommand::Raw { email, copy } => {
                let db = store.connection();
                let (id, _) = right::email(db, actor, &email, RoleAction::Read)?;
                let bytes = match copy {
                    1 => raw::raw_of(db, id)?.unwrap_or_default(),
                    number => {
                        let copies = right::copies(db, actor, id)?;
                        let copy = copies.iter().find(|copy| copy.number == number).ok_or_else(|| {
                            Fault::new(Class::Data, format!("e-mail {id} has no copy {number}"))
                                .hint(format!("try: espomail email show {id}"))
                        })?;
                        raw::raw_of_copy(db, copy)?
                    }
                };
                out.bytes(&bytes)
            }
            EmailCommand::Attachments(attachments) => attachments.run(context, store.connection()),
            EmailCommand::FetchBody { email } => {
                let (id, permit) = right::email(store.connection(), actor, &email, RoleAction::Read)?;
                let setting = super::fetch::connection(context, &crate::pass::Stop::default());
                complete::complete(
                    &mut store,
                    (id, &permit),
                    &setting,
                    &|account, refused| context.secret_of(account, refused),
                    context.now(),
                )?;
                out.say(&format!("E-mail {id} is complete."));
                Ok(())
            }
            EmailCommand::Compose(command) => command.run(context, &mut store),
            EmailCommand::Reply(command) => command.run(context, &mut store),
            EmailCommand::Forward(command) => command.run(context, &mut store),
            EmailCommand::Edit(command) => command.run(context, &mut store),
            EmailCommand::Resend(command) => command.run(context, &mut store),
            EmailCommand::Mark(command) => command.run(context, &mut store),
            EmailCommand::Move(command) => command.run(context, &mut store),
            EmailCommand::Set(command) => command.run(context, &mut store),
            EmailCommand::Link(command) => command.run(context, &mut store),
            EmailCommand::Unlink(command) => command.run(context, &mut store),
            EmailCommand::Delete(command) => command.run(context, &mut store),
        }
    }
}
