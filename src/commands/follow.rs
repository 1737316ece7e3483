//! `case follow`, `record follow` and their opposites (FOLLOW-1).

use anyhow::Result;
use serde_json::json;

use super::rehearsal::Rehearsal;
use super::right;
use crate::context::Context;
use crate::decide::access::Inbox;
use crate::pass::hand::{self, Said};
use crate::store::record::RecordName;
use crate::store::{Store, user};
use crate::words::RoleAction;

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
        // Oneself, or for administrators anybody.
        let inbox = right::inbox(
            context,
            db,
            login,
            ("the service account follows nothing", "only administrators say what others follow"),
        )?;
        let Inbox(user) = *inbox.thing();
        let plan = hand::follow(db, &Said { permit: inbox.permit(), policy, now }, named, (record, user), wanted)?;
        Ok(((user::login(db, user)?, !plan.steps().is_empty()), vec![plan]))
    })?;
    let Some((login, changed)) = done else { return Ok(()) };
    let verb = if wanted { "follows" } else { "does not follow" };
    let document = json!({ "record": named, "user": login, "follows": wanted });
    context.out.made(&document, &format!("{login} {verb} {named}{}.", if changed { "" } else { " already" }));
    Ok(())
}
