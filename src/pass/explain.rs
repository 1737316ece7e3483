//! `explain FILE`: what would become of a message, without changing anything: the road up to the decision.

use anyhow::Result;

use super::verdict::Names;
use crate::decide::{Arrival, Facts, Plan, Policy, decide};
use crate::mail::{self, Mail};
use crate::store::account::Account;
use crate::store::{Store, facts, team, user};
use crate::words::{PositionId, TeamId, UserId};

/// A message with what was decided about it.
pub struct Explained {
    pub mail: Mail,
    pub plan: Plan,
    pub names: Names,
}

/// Parses a message and decides as if it came through the account now. Without an account, as if it came through a group
/// account that has no settings into an empty store.
pub fn explain(through: Option<(&mut Store, &Account)>, bytes: &[u8], policy: &Policy, now: i64) -> Result<Explained> {
    let mail = mail::parse(bytes);
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false };
    let mut names = Names::default();
    let mut facts = match through {
        Some((store, account)) => {
            names = names_of(store)?;
            store.rehearse(|db| facts::gather(db, account.id, &[&mail], now))?
        }
        None => Facts::alone(now),
    };
    let plan = decide(&arrival, &mail, policy, &mut facts);
    names.add_records(&facts);
    Ok(Explained { mail, plan, names })
}

/// Returns the names of users and teams.
pub fn names_of(store: &mut Store) -> Result<Names> {
    let users = user::logins(store.connection())?.into_iter().map(|(id, login)| (UserId(id), login));
    let teams = team::names(store.connection())?.into_iter().map(|(id, name)| (TeamId(id), name));
    Ok(Names { users: users.collect(), teams: teams.collect(), ..Names::default() })
}
