//! What of an account is not done yet and would go with it: mail that is nowhere else, and what people or servers are still to do. Nobody
//! lets go of it by removing the account; each has a command of its own.

use anyhow::Result;
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::schema::{held_actions, positions, quarantine, reviews, sent_copies, server_actions, skipped_raws};
use super::{Database, outbox};
use crate::fault::{Class, Fault};
use crate::plural::doing;
use crate::words::AccountId;

/// What there is of one kind, in words, and what to type.
struct Undone {
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
    let (with, at) = (format!("of account {name} "), format!("of what account {name} sent "));
    let (through, server) = (format!("through account {name}"), format!("the server of account {name}"));
    type Kind<'k> = (i64, &'k str, [String; 2], &'k str);
    let skipped = skipped_raws::table.inner_join(positions::table.on(positions::id.eq(skipped_raws::position_id)));
    let skipped = skipped.filter(positions::account_id.eq(id)).select(count_star());
    let kinds: [Kind<'_>; 8] = [
        (
            outbox::waiting(db, id)?,
            "message",
            ["goes", "go"].map(|go| format!("of the outbox {go} out {through}")),
            "outbox list --account",
        ),
        (
            in_quarantine!(quarantine::raw_id.is_not_null()),
            "message",
            ["is", "are"].map(|is| format!("{with}{is} in quarantine")),
            "quarantine list --account",
        ),
        (
            skipped.first(db)?,
            "message",
            ["was", "were"].map(|was| {
                format!("{with}{was} skipped by a filter and {is} kept here alone", is = if was == "was" { "is" } else { "are" })
            }),
            "fate list --fate filtered --account",
        ),
        (
            undelivered,
            "message",
            ["was", "were"].map(|was| format!("{was} not handed over by {server}")),
            "quarantine list --account",
        ),
        (held, "action", ["is", "are"].map(|is| format!("because of mail to account {name} {is} held")), "budget list --account"),
        (
            waiting.select(count_star()).first(db)?,
            "e-mail",
            ["waits", "wait"].map(|wait| format!("{with}{wait} for a person's word")),
            "review list --account",
        ),
        (
            copies.select(count_star()).first(db)?,
            "copy",
            ["is", "are"].map(|is| format!("{at}{is} due in its Sent mailbox")),
            "send, or drop them: espomail account set --save-sent=false",
        ),
        (
            actions.select(count_star()).first(db)?,
            "thing",
            ["is", "are"].map(|is| format!("{is} to be done on {server}")),
            "account actions",
        ),
    ];
    let undone = |(count, noun, [one, many], see): Kind<'_>| Undone {
        what: doing(count, noun, &one, &many),
        see: format!("espomail {see} {typed}"),
    };
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

/// Refuses to forget where messages came from that are kept here whole: the server may have them no more.
pub(super) fn must_have_none_aside(db: &mut Database, id: AccountId, name: &str) -> Result<()> {
    let of_server =
        || positions::table.filter(positions::account_id.eq(id)).filter(positions::uidvalidity.ne(0)).select(positions::id);
    let kept = quarantine::table.filter(quarantine::position_id.eq_any(of_server())).filter(quarantine::raw_id.is_not_null());
    let skipped = skipped_raws::table.filter(skipped_raws::position_id.eq_any(of_server()));
    let mut all = Vec::new();
    let count = kept.select(count_star()).first::<i64>(db)?;
    if count > 0 {
        let [one, many] = ["is", "are"].map(|is| format!("of account {name} {is} in quarantine"));
        all.push(Undone { what: doing(count, "message", &one, &many), see: "espomail quarantine list".to_string() });
    }
    let count = skipped.select(count_star()).first::<i64>(db)?;
    if count > 0 {
        let [one, many] = ["is", "are"].map(|is| format!("of account {name} that a filter skipped {is} kept here"));
        all.push(Undone { what: doing(count, "message", &one, &many), see: "espomail fate list --fate filtered".to_string() });
    }
    refuse(&all, "retry or drop them first")
}

fn refuse(all: &[Undone], then: &str) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let what = all.iter().map(|one| one.what.as_str()).collect::<Vec<_>>().join("; ");
    let mut see: Vec<&str> = all.iter().map(|one| one.see.as_str()).collect();
    see.dedup();
    Err(Fault::new(Class::Data, what).hint(format!("see: {}; {then}", see.join("; "))).into())
}
