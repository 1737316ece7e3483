//! `espomail quarantine`.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::show::lines;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::access;
use crate::fault::{Class, Fault};
use crate::pass::quarantine::retry;
use crate::store::access as trace;
use crate::store::quarantine;

/// Look after messages that could not be processed
///
/// A message that the program or the database cannot take is kept whole, with the error, and the pass goes on behind it.
/// After an update or a change of the rules, retry it.
#[derive(Debug, clap::Args)]
pub struct Quarantine {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// List messages, the oldest first
    List,
    /// Show one message
    Show {
        /// Number, as listed
        #[arg(value_name = "ID")]
        id: i64,
        /// Write its bytes as they were received
        #[arg(long)]
        raw: bool,
    },
    /// Take messages through the rules again; exit 65 when one of them stays
    Retry {
        /// Numbers, as listed
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,
        /// Every message in quarantine
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Drop messages for good; they are not read from the server again
    Drop {
        /// Numbers, as listed
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,
    },
}

impl Quarantine {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut store = context.store()?;
        let out = &context.out;
        let actor = context.actor();
        let permit = access::administer(&actor).map_err(|_| refused())?;
        match self.command {
            QuarantineCommand::List => {
                let kept = quarantine::list(store.connection(), None)?;
                out.list(&kept, &["id", "account", "mailbox", "uid", "size", "since", "error"], |one| {
                    let (account, mailbox, error) = (one.account.clone(), one.mailbox.clone(), one.error.clone());
                    vec![
                        one.id.to_string(),
                        account,
                        mailbox,
                        one.uid.to_string(),
                        one.size.to_string(),
                        rfc3339(one.since),
                        error,
                    ]
                });
            }
            QuarantineCommand::Show { id, raw } => {
                let kept = quarantine::find(store.connection(), id)?;
                if raw {
                    return out.bytes(&quarantine::raw_of(store.connection(), id)?);
                }
                out.item(&kept, || {
                    lines(&[
                        ("message", kept.id.to_string()),
                        ("account", kept.account.clone()),
                        ("mailbox", kept.mailbox.clone()),
                        ("uid", kept.uid.to_string()),
                        ("size", format!("{} bytes", kept.size)),
                        ("since", rfc3339(kept.since)),
                        ("error", kept.error.clone()),
                        ("next", format!("espomail quarantine show {id} --raw; espomail quarantine retry {id}")),
                    ])
                });
            }
            QuarantineCommand::Retry { ids, all } => {
                for id in &ids {
                    quarantine::find(store.connection(), *id)?;
                }
                let policy = context.policy(store.connection())?;
                let retried = retry(&mut store, (!all).then_some(ids.as_slice()), &policy, context.now())?;
                for one in &retried {
                    let subject = format!("quarantine:{}", one.id);
                    store.transaction(|db| {
                        trace::record(db, &permit, "quarantine retry", &subject, one.fate.as_str(), context.now())
                    })?;
                    if let Some(error) = &one.error {
                        out.complain(&Fault::new(Class::Data, format!("message {} stays in quarantine: {error}", one.id)).into());
                    }
                }
                out.list(&retried, &["id", "fate"], |one| vec![one.id.to_string(), one.fate.to_string()]);
            }
            QuarantineCommand::Drop { ids } => {
                for id in &ids {
                    quarantine::find(store.connection(), *id)?;
                }
                store.transaction(|db| {
                    for id in &ids {
                        quarantine::remove(db, *id)?;
                        trace::record(db, &permit, "quarantine drop", &format!("quarantine:{id}"), "", context.now())?;
                    }
                    Ok(())
                })?;
                out.made(&json!({ "dropped": ids }), &format!("{} dropped.", messages(ids.len())));
            }
        }
        Ok(())
    }
}

fn messages(count: usize) -> String {
    if count == 1 { "1 message".to_string() } else { format!("{count} messages") }
}

fn refused() -> Fault {
    Fault::new(Class::Refused, "only administrators look after the quarantine")
}
