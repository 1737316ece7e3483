//! `espomail notification`.

use anyhow::Result;
use clap::Subcommand;

use super::rehearsal::Rehearsal;
use super::show::yes;
use super::{argument, right};
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::access::{Inbox, Permitted};
use crate::decide::digest::{phrase, sender};
use crate::plural::counted;
use crate::store::notification::{self, Notification};
use crate::store::{Database, Store};
use crate::words::NotificationId;

/// Read what there is to hear of: new e-mail, records one follows, cases one got, mail that waits for one's word
#[derive(Debug, clap::Args)]
pub struct NotificationArgs {
    #[command(subcommand)]
    command: NotificationCommand,
}

#[derive(Debug, Subcommand)]
enum NotificationCommand {
    /// List notifications, the newest first
    List {
        /// Only those that are not read
        #[arg(long)]
        unread: bool,
        /// This user's; for administrators [default: of the one who asks]
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        #[command(flatten)]
        part: argument::Part,
    },
    /// Mark notifications as read
    Read {
        /// Numbers, as listed
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// All of them
        #[arg(long)]
        all: bool,
        /// This user's; for administrators [default: of the one who asks]
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

impl NotificationArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        match self.command {
            NotificationCommand::List { unread, user, part } => {
                let db = store.connection();
                let Inbox(user) = *whose(context, db, user.as_deref())?.thing();
                let list = notification::list(db, user, unread, (part.limit(&context.out), part.offset))?;
                context.out.list(&list, &["id", "at", "read", "about", "what"], |one| {
                    vec![one.id.to_string(), rfc3339(one.at), yes(one.read), about(one), what(one)]
                });
                part.tell_rest(&context.out, list.len(), |most| notification::count(db, user, unread, most))
            }
            NotificationCommand::Read { ids, all: _, user, rehearsal } => {
                let ids: Vec<NotificationId> = ids.into_iter().map(NotificationId).collect();
                rehearsal.over(context, &mut store, |store| read(context, store, &ids, user.as_deref()))
            }
        }
    }
}

fn whose<'a>(context: &'a Context, db: &mut Database, login: Option<&str>) -> Result<Permitted<'a, Inbox>> {
    right::inbox(context, db, login, ("the service account hears of nothing", "only administrators see what others hear of"))
}

fn read(context: &Context, store: &mut Store, ids: &[NotificationId], login: Option<&str>) -> Result<()> {
    let marked = store.alone(|db| {
        let inbox = whose(context, db, login)?;
        notification::mark_read(db, &inbox, ids, context.now())
    })?;
    context.out.say(&format!("{} marked as read.", counted(marked, "notification")));
    Ok(())
}

fn about(one: &Notification) -> String {
    let record = one.record.map(|record| record.to_string());
    let email = one.email.map(|email| format!("e-mail {email}"));
    record.into_iter().chain(email).collect::<Vec<_>>().join(", ")
}

fn what(one: &Notification) -> String {
    let from = one.from.as_deref().map(|from| sender(from, one.sender_not_verified));
    phrase(one.kind, &one.detail, from.as_deref(), one.subject.as_deref())
}
