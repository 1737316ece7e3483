//! Events that the configuration has a command for (HOOK-1): rows beside those of filters, written in the transaction in which the event
//! is. Which events are wanted stands in the database, so that whoever writes knows, also where it has no configuration.

use anyhow::Result;
use diesel::prelude::*;
use serde_json::json;

use super::schema::effects;
use super::{Database, Store, lock, reserve, setting};
use crate::words::{AccountId, EmailId, Hook};

/// The setting that names the events.
const WANTED: &str = "hooks";

/// Returns which events are wanted: none unless the configuration says so.
pub fn wanted(db: &mut Database) -> Result<Vec<Hook>> {
    let text = setting::get(db, WANTED)?.unwrap_or_default();
    Ok(text.split(' ').filter_map(|word| word.parse().ok()).collect())
}

/// Notes which events the configuration wants; nothing is written where it wants the same as ever.
pub fn want(store: &mut Store, hooks: &[Hook]) -> Result<()> {
    let text = hooks.iter().map(|hook| hook.as_str()).collect::<Vec<_>>().join(" ");
    if setting::get(store.connection(), WANTED)?.unwrap_or_default() == text {
        return Ok(());
    }
    store.alone(|db| setting::set(db, WANTED, &text))
}

/// Notes an event, where it is wanted.
fn note(
    db: &mut Database,
    hook: Hook,
    of: (Option<EmailId>, Option<AccountId>),
    about: &serde_json::Value,
    now: i64,
) -> Result<()> {
    if !wanted(db)?.contains(&hook) {
        return Ok(());
    }
    lock(db)?;
    let id = reserve(db, "effect", 1)?;
    diesel::insert_into(effects::table)
        .values((
            (effects::id.eq(id), effects::email_id.eq(of.0), effects::account_id.eq(of.1)),
            (effects::filter.eq(""), effects::command.eq(""), effects::event.eq(hook)),
            (effects::about.eq(about.to_string()), effects::created_at.eq(now), effects::due_at.eq(now), effects::attempts.eq(0)),
        ))
        .execute(db)?;
    Ok(())
}

/// People are told that an account fails (FETCH-12): so is the command.
pub fn account_fails(db: &mut Database, account: AccountId, doing: &str, error: &str, now: i64) -> Result<()> {
    note(db, Hook::AccountFailing, (None, Some(account)), &json!({ "doing": doing, "error": error }), now)
}

/// A message does not arrive, or nobody knows whether it did (SEND-6).
pub fn undelivered(db: &mut Database, email: EmailId, account: AccountId, state: &str, error: &str, now: i64) -> Result<()> {
    let about = json!({ "state": state, "error": error });
    note(db, Hook::MessageUndelivered, (Some(email), Some(account)), &about, now)
}

/// An answer waits for a person's word, and no plan says so.
pub fn answer_held(db: &mut Database, email: EmailId, account: AccountId, because: &str, now: i64) -> Result<()> {
    note(db, Hook::AnswerHeld, (Some(email), Some(account)), &json!({ "because": because }), now)
}
