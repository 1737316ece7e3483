//! `case follow`, `record follow` and their opposites (FOLLOW-1).

use anyhow::Result;
use serde_json::json;

use super::rehearsal::Rehearsal;
use super::right;
use crate::context::Context;
use crate::decide::access::{Actor, Permit, keep_own};
use crate::fault::{Class, Fault};
use crate::pass::hand::{self, Said};
use crate::store::record::RecordName;
use crate::store::{Database, Store, user};
use crate::words::{RoleAction, UserId};

/// Makes somebody follow a record, or no longer.
pub fn run(
    context: &Context,
    store: &mut Store,
    rehearsal: Rehearsal,
    named: RecordName,
    login: Option<&str>,
    wanted: bool,
) -> Result<()> {
    let (actor, now) = (context.actor(), context.now());
    let done = rehearsal.act(context, store, |db, policy| {
        let (record, _) = right::record(db, &actor, named, RoleAction::Read)?;
        let (user, permit) = whom(db, &actor, login)?;
        let plan = hand::follow(db, &Said { permit: &permit, policy, now }, named, (record, user), wanted)?;
        Ok(((user::login(db, user)?, !plan.steps().is_empty()), vec![plan]))
    })?;
    let Some((login, changed)) = done else { return Ok(()) };
    let verb = if wanted { "follows" } else { "does not follow" };
    let document = json!({ "record": named, "user": login, "follows": wanted });
    context.out.made(&document, &format!("{login} {verb} {named}{}.", if changed { "" } else { " already" }));
    Ok(())
}

/// Oneself, or for administrators anybody (ACCESS-1).
fn whom<'a>(db: &mut Database, actor: &'a Actor, login: Option<&str>) -> Result<(UserId, Permit<'a>)> {
    let user = match (login, actor.user) {
        (Some(login), _) => user::find(db, login)?,
        (None, Some(user)) => user,
        (None, None) => return Err(Fault::new(Class::Usage, "say who: --user USER").into()),
    };
    match keep_own(actor, user) {
        Ok(permit) => Ok((user, permit)),
        Err(_) => Err(Fault::new(Class::Refused, "only administrators say what others follow").into()),
    }
}
