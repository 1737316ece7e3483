//! Whose filters are meant.

use anyhow::Result;

use crate::context::Context;
use crate::decide::access;
use crate::store::filter::{self, Owner, Stored};
use crate::store::{Database, account, user};

/// Whose filter.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct ScopeArguments {
    /// Of all accounts
    #[arg(long, help_heading = "Scope")]
    global: bool,
    /// Of this account
    #[arg(long, value_name = "ACCOUNT", help_heading = "Scope")]
    account: Option<String>,
    /// Of this user's inbox
    #[arg(long, value_name = "USER", help_heading = "Scope")]
    user: Option<String>,
}

impl ScopeArguments {
    pub fn owner(&self, context: &Context, db: &mut Database) -> Result<Option<Owner>> {
        Ok(match (&self.account, &self.user, self.global) {
            (Some(name), ..) => Some(Owner::Account(account::find_seen(db, context.actor_ref(), name)?.id)),
            (_, Some(login), _) => Some(Owner::User(user::find(db, login)?)),
            (_, _, true) => Some(Owner::Global),
            _ => None,
        })
    }
}

/// Lists the filters that the one who asks may keep; what one may not keep is not there.
pub fn kept(context: &Context, db: &mut Database, owner: Option<Owner>) -> Result<Vec<Stored>> {
    let mut kept = filter::list(db, owner)?;
    kept.retain(|one| access::may_keep(context.actor_ref(), one));
    Ok(kept)
}
