//! `espomail quarantine`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::rehearsal::Rehearsal;
use super::show::lines;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::access::{self, Permit};
use crate::fault::{Class, Fault};
use crate::pass::quarantine::retry_one;
use crate::plural::counted;
use crate::store::quarantine::{self, Quarantined};
use crate::store::{Database, Store, account};
use crate::words::Fate;

/// Look after messages that could not be processed
///
/// A message that the program or the database cannot take is kept whole, with the error, and the pass goes on behind it.
/// After an update or a change of the rules, retry it. A message that its server lists and does not hand over stands here, too,
/// with the server's words: fetch asks for it again once a day for 14 days.
#[derive(Debug, clap::Args)]
pub struct Quarantine {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// List messages, the oldest first
    List {
        /// Only those of this account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },
    /// Show one message
    Show {
        /// Number, as listed
        #[arg(value_name = "ID")]
        id: i64,
        /// Write its bytes as they were received
        #[arg(long)]
        raw: bool,
    },
    /// Take messages through the rules again, and ask servers again for those that they did not hand over; exit 65 when one stays
    Retry {
        /// Numbers, as listed
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,
        /// Every message in quarantine
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
    /// Drop messages for good; they are not read from the server again
    Drop {
        /// Numbers, as listed
        #[arg(value_name = "ID", required_unless_present = "account")]
        ids: Vec<i64>,
        /// All of this account
        #[arg(long, value_name = "ACCOUNT", conflicts_with = "ids")]
        account: Option<String>,
        #[command(flatten)]
        rehearsal: Rehearsal,
    },
}

impl Quarantine {
    pub fn run(self, context: &Context) -> Result<()> {
        let store = &mut context.store()?;
        let permit = access::administer(context.actor_ref()).map_err(|_| refused())?;
        match self.command {
            QuarantineCommand::List { account } => list(context, store, account.as_deref()),
            QuarantineCommand::Show { id, raw } => show(context, store, id, raw),
            QuarantineCommand::Retry { ids, all, rehearsal } => {
                retry(context, store, &permit, (!all).then_some(ids.as_slice()), rehearsal)
            }
            QuarantineCommand::Drop { ids, account, rehearsal } => {
                rehearsal.over(context, store, |store| drop_some(context, store, &permit, &ids, account.as_deref()))
            }
        }
    }
}

fn list(context: &Context, store: &mut Store, account: Option<&str>) -> Result<()> {
    let kept = listed(store.connection(), account)?;
    context.out.list(&kept, &["id", "account", "mailbox", "uid", "size", "since", "next attempt", "error"], |one| {
        let (account, mailbox, error) = (one.account.clone(), one.mailbox.clone(), one.error.clone());
        vec![
            one.id.to_string(),
            account,
            mailbox,
            one.uid.to_string(),
            one.size.map_or_else(|| "-".to_string(), |size| size.to_string()),
            rfc3339(one.since),
            one.next_attempt.map_or_else(|| "-".to_string(), rfc3339),
            error,
        ]
    });
    Ok(())
}

fn show(context: &Context, store: &mut Store, id: i64, raw: bool) -> Result<()> {
    let kept = quarantine::find(store.connection(), id)?;
    if raw {
        return context.out.bytes(&quarantine::raw_of(store.connection(), id)?);
    }
    let size = |size| format!("{size} bytes");
    context.out.item(&kept, || {
        lines(&[
            ("message", kept.id.to_string()),
            ("account", kept.account.clone()),
            ("mailbox", kept.mailbox.clone()),
            ("uid", kept.uid.to_string()),
            ("size", kept.size.map_or_else(|| "unknown: it was not handed over".to_string(), size)),
            ("since", rfc3339(kept.since)),
            ("error", kept.error.clone()),
            ("not handed over", passes(&kept)),
            ("next attempt", kept.next_attempt.map(rfc3339).unwrap_or_default()),
            ("next", next(&kept)),
        ])
    });
    Ok(())
}

fn retry(context: &Context, store: &mut Store, permit: &Permit<'_>, ids: Option<&[i64]>, rehearsal: Rehearsal) -> Result<()> {
    for id in ids.unwrap_or_default() {
        quarantine::find(store.connection(), *id)?;
    }
    let (out, policy) = (&context.out, context.policy(store.connection())?);
    let kept = quarantine::list(store.connection(), ids)?;
    let mut retried = Vec::with_capacity(kept.len());
    rehearsal.over_each(context, store, &kept, |store, kept| {
        let one = retry_one(store, (permit, "quarantine retry"), kept, &policy, context.now())?;
        if let Some(error) = &one.error {
            out.complain(&Fault::new(Class::Data, format!("message {} stays in quarantine: {error}", one.id)).into());
        }
        if out.is_rehearsing() {
            out.made(&one, &format!("Message {}: {}.", one.id, one.fate));
        }
        retried.push(one);
        Ok(())
    })?;
    if rehearsal.is_one() {
        return Ok(());
    }
    out.list(&retried, &["id", "fate"], |one| vec![one.id.to_string(), one.fate.to_string()]);
    if retried.iter().any(|one| one.fate == Fate::Undelivered) {
        out.say("What a server did not hand over is asked for again by the next espomail fetch.");
    }
    Ok(())
}

fn drop_some(context: &Context, store: &mut Store, permit: &Permit<'_>, ids: &[i64], account: Option<&str>) -> Result<()> {
    for id in ids {
        quarantine::find(store.connection(), *id)?;
    }
    let ids = store.alone(|db| {
        let ids = match account {
            Some(_) => listed(db, account)?.into_iter().map(|kept| kept.id).collect(),
            None => ids.to_vec(),
        };
        ids.iter().try_for_each(|id| quarantine::remove(db, permit, *id, context.now()))?;
        Ok(ids)
    })?;
    context.out.made(&json!({ "dropped": ids }), &format!("{} dropped.", counted(ids.len(), "message")));
    Ok(())
}

/// What is in quarantine; of one account where one is named.
fn listed(db: &mut Database, account: Option<&str>) -> Result<Vec<Quarantined>> {
    let account = account.map(|name| account::find(db, name)).transpose()?.map(|account| account.id);
    let mut kept = quarantine::list(db, None)?;
    kept.retain(|one| account.is_none_or(|account| one.account_id == account));
    Ok(kept)
}

/// In how many passes the server was asked in vain.
fn passes(kept: &Quarantined) -> String {
    match (kept.size, kept.tries) {
        (Some(_), _) => String::new(),
        (None, 1) => "in 1 pass".to_string(),
        (None, tries) => format!("in {tries} passes"),
    }
}

/// What to type next.
fn next(kept: &Quarantined) -> String {
    let id = kept.id;
    match kept.size {
        Some(_) => format!("espomail quarantine show {id} --raw; espomail quarantine retry {id}"),
        None => format!("espomail quarantine retry {id}; espomail fetch {}", kept.account),
    }
}

fn refused() -> Fault {
    Fault::new(Class::Refused, "only administrators look after the quarantine")
}
