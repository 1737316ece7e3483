//! What of an account is not done yet and would go with it: mail that is nowhere else, and what people or servers are still to do. Nobody
//! lets go of it by removing the account; each has a command of its own.

use anyhow::Result;
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::schema::{held_actions, positions, quarantine, reviews, sent_copies, server_actions};
use super::{Database, outbox};
use crate::fault::{Class, Fault};
use crate::words::AccountId;

/// How much of one kind there is, how that reads behind the number, and what to type.
struct Undone {
    count: i64,
    what: String,
    see: String,
}

/// Returns what an account has; nothing of what it has none of.
fn of(db: &mut Database, id: AccountId, name: &str) -> Result<Vec<Undone>> {
    let typed = if name.contains(char::is_whitespace) { id.to_string() } else { name.to_string() };
    macro_rules! in_quarantine {
        ($condition:expr) => {
            quarantine::table
                .inner_join(positions::table.on(positions::id.eq(quarantine::position_id)))
                .filter(positions::account_id.eq(id))
                .filter($condition)
                .select(count_star())
                .first::<i64>(db)?
        };
    }
    let undelivered = in_quarantine!(quarantine::raw_id.is_null());
    let held = held_actions::table.filter(held_actions::account_id.eq(id)).select(count_star()).first::<i64>(db)?;
    let waiting = reviews::table.filter(reviews::account_id.eq(id)).filter(reviews::decision.is_null());
    let copies = sent_copies::table.filter(sent_copies::account_id.eq(id)).filter(sent_copies::due_at.is_not_null());
    let actions = server_actions::table
        .inner_join(positions::table.on(positions::id.eq(server_actions::position_id)))
        .filter(positions::account_id.eq(id))
        .filter(server_actions::done_at.is_null())
        .filter(server_actions::due_at.is_not_null());
    let kinds = [
        (outbox::waiting(db, id)?, format!("messages of the outbox go out through account {name}"), "outbox list --account"),
        (
            in_quarantine!(quarantine::raw_id.is_not_null()),
            format!("messages of account {name} are in quarantine"),
            "quarantine list --account",
        ),
        (undelivered, format!("messages were not handed over by the server of account {name}"), "quarantine list --account"),
        (held, format!("actions because of mail to account {name} are held"), "budget list --account"),
        (
            waiting.select(count_star()).first(db)?,
            format!("e-mails of account {name} wait for a person's word"),
            "review list --account",
        ),
        (
            copies.select(count_star()).first(db)?,
            format!("copies of what account {name} sent are due in its Sent mailbox"),
            "send, or drop them: espomail account set --save-sent=false",
        ),
        (
            actions.select(count_star()).first(db)?,
            format!("things are to be done on the server of account {name}"),
            "account actions",
        ),
    ];
    let undone = |(count, what, see): (i64, String, &str)| Undone { count, what, see: format!("espomail {see} {typed}") };
    Ok(kinds.into_iter().filter(|(count, ..)| *count > 0).map(undone).collect())
}

/// Refuses to let go of accounts that have anything left to do.
pub(super) fn must_be_done(db: &mut Database, accounts: &[(AccountId, String)]) -> Result<()> {
    let mut all = Vec::new();
    for (id, name) in accounts {
        all.extend(of(db, *id, name)?);
    }
    refuse(&all, "send, retry, decide or drop what is there first")
}

/// Refuses to forget where messages in quarantine came from: the server may have them no more.
pub(super) fn must_have_no_quarantine(db: &mut Database, id: AccountId, name: &str) -> Result<()> {
    let of_server = positions::table.filter(positions::account_id.eq(id)).filter(positions::uidvalidity.ne(0));
    let kept = quarantine::table
        .filter(quarantine::position_id.eq_any(of_server.select(positions::id)))
        .filter(quarantine::raw_id.is_not_null());
    let count = kept.select(count_star()).first::<i64>(db)?;
    let what = format!("messages of account {name} are in quarantine");
    let see = "espomail quarantine list".to_string();
    let all: Vec<Undone> = (count > 0).then_some(Undone { count, what, see }).into_iter().collect();
    refuse(&all, "retry or drop them first")
}

fn refuse(all: &[Undone], then: &str) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let what = all.iter().map(|one| format!("{} {}", one.count, one.what)).collect::<Vec<_>>().join("; ");
    let mut see: Vec<&str> = all.iter().map(|one| one.see.as_str()).collect();
    see.dedup();
    Err(Fault::new(Class::Data, what).hint(format!("see: {}; {then}", see.join("; "))).into())
}
