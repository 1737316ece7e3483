//! `espomail budget`.

use anyhow::Result;
use clap::Subcommand;

use super::argument;
use super::rehearsal::Rehearsal;
use crate::clock::rfc3339;
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::pass::held::{drop_one, release};
use crate::plural::doing;
use crate::store::held::{self, HeldAction, HeldFilter};
use crate::store::{Database, account};
use crate::words::{BudgetAction, HeldId};

/// See and release what was not done because a budget was spent
///
/// How much is done by itself because of one address, one domain, one account and all mail together is limited, see [budgets] in
/// the configuration: answers, new cases, cases opened again, notifications. The mail is stored all the same.
#[derive(Debug, clap::Args)]
pub struct BudgetArgs {
    #[command(subcommand)]
    command: BudgetCommand,
}

#[derive(Debug, Subcommand)]
enum BudgetCommand {
    /// List what is held, the oldest first
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        part: argument::Part,
    },
    /// Do what was held, as today's rules want it
    Release(Chosen),
    /// Say that it is never done
    Drop(Chosen),
}

#[derive(Debug, clap::Args)]
struct Chosen {
    /// Numbers, as listed
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with_all = ["all", "action", "account"])]
    ids: Vec<i64>,
    /// Everything, or what the other options leave of it
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Chosen {
    /// Returns the held actions that were named, or all that the options leave.
    fn find(&self, db: &mut Database) -> Result<Vec<HeldAction>> {
        if self.ids.is_empty() {
            let filter = self.which.filter(db)?;
            return held::list(db, &filter);
        }
        let wanted: Vec<HeldId> = self.ids.iter().copied().map(HeldId).collect();
        if wanted.len() > argument::MOST_IDS {
            let what = format!("{} numbers are too many; name {} at the most", wanted.len(), argument::MOST_IDS);
            return Err(Fault::new(Class::Usage, what).hint("or use --all").into());
        }
        let found = held::list(db, &HeldFilter { ids: Some(wanted.clone()), ..HeldFilter::default() })?;
        match wanted.iter().find(|id| !found.iter().any(|one| one.id == **id)) {
            Some(missing) => Err(held::missing(*missing)),
            None => Ok(found),
        }
    }
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Only this kind
    #[arg(long, value_name = "ACTION")]
    action: Option<BudgetAction>,
    /// Only because of mail that came through this account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

impl Which {
    fn filter(&self, db: &mut Database) -> Result<HeldFilter> {
        let account = self.account.as_ref().map(|name| account::find(db, name)).transpose()?.map(|account| account.id);
        Ok(HeldFilter { action: self.action, account, ..HeldFilter::default() })
    }
}

impl BudgetArgs {
    pub fn run(self, context: &Context) -> Result<()> {
        let permit = context.administrator()?;
        let (out, now) = (&context.out, context.now());
        let mut store = context.store()?;
        match self.command {
            BudgetCommand::List { which, part } => {
                let db = store.connection();
                let filter = HeldFilter { limit: Some(part.limit(out)), offset: part.offset, ..which.filter(db)? };
                let waiting = held::list(db, &filter)?;
                out.list(&waiting, &["id", "action", "e-mail", "account", "from", "since", "because"], |one| {
                    let (action, since) = (one.action.to_string(), rfc3339(one.created_at));
                    let because = one.because.to_string();
                    vec![one.id.to_string(), action, one.email.to_string(), one.account.clone(), one.from.clone(), since, because]
                });
                part.tell_rest(out, waiting.len(), |most| held::count(db, &filter, most))?;
            }
            BudgetCommand::Release(chosen) => {
                let policy = context.policy(store.connection())?;
                let found = chosen.find(store.connection())?;
                // Each is a transaction of its own: one that cannot be done holds up no other.
                chosen.rehearsal.over_each(context, &mut store, &found, |store, one| {
                    match store.alone(|db| release(db, &permit, one, &policy, now)) {
                        Ok(done) => out.say(&format!("Action {} ({} of e-mail {}): {done}.", one.id, one.action, one.email)),
                        Err(error) => out.complain(&error.context(format!("held action {}", one.id))),
                    }
                    Ok(())
                })?;
            }
            BudgetCommand::Drop(chosen) => chosen.rehearsal.over(context, &mut store, |store| {
                let dropped = store.alone(|db| {
                    let chosen = chosen.find(db)?;
                    chosen.iter().try_for_each(|one| drop_one(db, &permit, one, now))?;
                    Ok(chosen.len())
                })?;
                out.say(&format!("{} dropped.", doing(dropped, "held action", "is", "are")));
                Ok(())
            })?,
        }
        Ok(())
    }
}
