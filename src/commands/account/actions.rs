//! `espomail account actions`: what is done with messages on their server (FETCH-9), as long as it is not done.

use anyhow::Result;
use serde_json::json;

use crate::clock::rfc3339;
use crate::commands::right;
use crate::context::Context;
use crate::store::Store;
use crate::store::server_action::{self, Shown};

#[derive(Debug, clap::Args)]
pub struct Actions {
    /// Name or number
    account: String,
    /// Make all of it due with the next fetch, what was given up included; copies for the Sent mailbox, too, with the next send
    #[arg(long)]
    retry: bool,
    /// Forget all of it: the messages stay on the server as they are, and copies for the Sent mailbox that are not there are not made
    #[arg(long, conflicts_with = "retry")]
    drop: bool,
    /// Only what is about messages in this mailbox, also one that is not read any more
    #[arg(long, value_name = "MAILBOX")]
    mailbox: Option<String>,
    /// Only say how much --retry or --drop is about
    #[arg(long)]
    dry_run: bool,
    /// List so many at the most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

impl Actions {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now, out) = (context.actor_ref(), context.now(), &context.out);
        if !self.retry && !self.drop {
            let (account, _) = right::account(store.connection(), context, actor, &self.account)?;
            let (shown, more) = server_action::pending(store.connection(), account.id, self.mailbox.as_deref(), self.limit)?;
            out.list(&shown, &["email", "mailbox", "uid", "what", "because of", "next attempt", "error"], line);
            out.rest(more, false);
            return Ok(());
        }
        let work = |db: &mut _| {
            let (account, permit) = right::account(db, context, actor, &self.account)?;
            let named = (account.id, account.name.as_str(), self.mailbox.as_deref());
            if self.retry { server_action::retry(db, &permit, named, now) } else { server_action::drop(db, &permit, named, now) }
        };
        let count = if self.dry_run { store.rehearse(work)? } else { store.alone(work)? };
        let (key, what) = if self.retry { ("retried", "due with the next fetch") } else { ("dropped", "dropped") };
        let done = json!({ key: count, "dry_run": self.dry_run });
        let would = if self.dry_run { " Nothing was changed." } else { "" };
        out.made(&done, &format!("{count} {what}.{would}"));
        Ok(())
    }
}

fn line(one: &Shown) -> Vec<String> {
    let next = match one.due_at {
        _ if one.held => "after review".to_string(),
        _ if !one.watched => "mailbox not read".to_string(),
        Some(at) => rfc3339(at),
        None => "given up".to_string(),
    };
    vec![
        one.email.to_string(),
        one.mailbox.clone(),
        one.uid.to_string(),
        format!("{} {}", one.verb, one.target).trim_end().to_string(),
        one.asked_by.to_string(),
        next,
        one.last_error.clone().unwrap_or_default(),
    ]
}
