//! What is done outside the database: rows that are written with the decision, and done after the commit (FILTER-4).

use anyhow::Result;
use diesel::prelude::*;

use super::dialect::{due, first_free};
use super::schema::{accounts, effects, emails, records};
use super::{Database, access, clean, raw};
use crate::decide::access::Permit;
use crate::decide::failure::LONGEST_PAUSE;
use crate::words::{AccountId, EffectId, EmailId, Hook, RecordKind};

/// A command that this pass has claimed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Claimed {
    pub id: EffectId,
    /// None of an event that is of no e-mail.
    pub email: Option<EmailId>,
    pub account: Option<AccountId>,
    pub filter: String,
    pub command: String,
    /// Of an event: which, and what else is known of it, as JSON.
    pub event: Option<Hook>,
    pub about: Option<String>,
    /// How often it was begun, this time included.
    pub attempts: i64,
}

/// What is known of the e-mail, for the one who acts upon it.
#[derive(Debug, Clone)]
pub struct Background {
    pub account: Option<String>,
    /// `kind:number`.
    pub record: Option<String>,
    /// None where it is of no e-mail.
    pub raw: Option<Vec<u8>>,
    /// Whether the e-mail only claims whom it is from (ACCESS-5).
    pub sender_not_verified: bool,
}

/// Claims a command that is due: it is begun, and due again at `again_at`, so that it is not lost with the one who runs it.
/// Two passes never claim the same.
pub fn claim(db: &mut Database, now: i64, again_at: i64) -> Result<Option<Claimed>> {
    // Nothing waits longer than the longest pause, or than another pass may work on it.
    let longest = LONGEST_PAUSE.max(again_at.saturating_sub(now));
    let due = effects::table.filter(due!(effects::due_at, now, longest)).order((effects::due_at, effects::id)).select((
        effects::id,
        effects::email_id,
        effects::account_id,
        effects::filter,
        effects::command,
        effects::event,
        effects::about,
        effects::attempts,
    ));
    let found = first_free!(&mut *db, due, Claimed).optional()?;
    let Some(mut claimed) = found else { return Ok(None) };
    claimed.attempts += 1;
    diesel::update(effects::table.find(claimed.id))
        .set((effects::attempts.eq(claimed.attempts), effects::due_at.eq(again_at)))
        .execute(db)?;
    Ok(Some(claimed))
}

/// Notes that a command was run.
pub fn finish(db: &mut Database, claimed: &Claimed, now: i64) -> Result<()> {
    diesel::update(ours(claimed))
        .set((effects::due_at.eq(None::<i64>), effects::done_at.eq(now), effects::last_error.eq(None::<String>)))
        .execute(db)?;
    Ok(())
}

/// Notes that a command failed, and when it is tried again; never again where there is no time.
pub fn fail(db: &mut Database, claimed: &Claimed, error: &str, again_at: Option<i64>) -> Result<()> {
    diesel::update(ours(claimed))
        .set((effects::due_at.eq(again_at), effects::last_error.eq(clean(error).as_ref())))
        .execute(db)?;
    Ok(())
}

/// The row, unless another pass has claimed it since.
#[diesel::dsl::auto_type(no_type_alias)]
fn ours<'a>(claimed: &'a Claimed) -> _ {
    let (id, attempts): (EffectId, i64) = (claimed.id, claimed.attempts);
    effects::table.filter(effects::id.eq(id)).filter(effects::attempts.eq(attempts))
}

/// Makes commands that were given up due again: those of some e-mails, or all. Returns how many.
pub fn retry(db: &mut Database, permit: &Permit<'_>, of: &[EmailId], now: i64) -> Result<usize> {
    let those = given_up(db, of)?;
    access::record(db, permit, "filter retry", "effect", &named(of), now)?;
    let again = (effects::due_at.eq(now), effects::attempts.eq(0));
    let each = |some: &[i64]| diesel::update(effects::table.filter(effects::id.eq_any(some))).set(again).execute(db);
    Ok(those.chunks(super::IN_LIST).map(each).sum::<QueryResult<usize>>()?)
}

/// Forgets commands that were given up: those of some e-mails, or all. Returns how many.
pub fn drop(db: &mut Database, permit: &Permit<'_>, of: &[EmailId], now: i64) -> Result<usize> {
    let those = given_up(db, of)?;
    access::record(db, permit, "filter retry", "effect", format!("dropped {}", named(of)).trim_end(), now)?;
    let each = |some: &[i64]| diesel::delete(effects::table.filter(effects::id.eq_any(some))).execute(db);
    Ok(those.chunks(super::IN_LIST).map(each).sum::<QueryResult<usize>>()?)
}

fn named(of: &[EmailId]) -> String {
    of.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Finds commands that were given up: those of some e-mails, or all.
fn given_up(db: &mut Database, of: &[EmailId]) -> Result<Vec<i64>> {
    let all = effects::table.filter(effects::due_at.is_null()).filter(effects::done_at.is_null()).select(effects::id);
    if of.is_empty() {
        return Ok(all.load(db)?);
    }
    let mut found = Vec::new();
    for some in of.chunks(super::IN_LIST) {
        found.extend(all.filter(effects::email_id.eq_any(some)).load::<i64>(db)?);
    }
    Ok(found)
}

/// Returns what is known of a command's e-mail; none when it has no raw message.
pub fn background(db: &mut Database, claimed: &Claimed) -> Result<Option<Background>> {
    let (mut raw, mut record, mut sender_not_verified) = (None, None, false);
    if let Some(email) = claimed.email {
        raw = raw::raw_of(db, email)?;
        if raw.is_none() {
            return Ok(None);
        }
        (record, sender_not_verified) = standing_of(db, email)?;
    }
    let account = match claimed.account {
        Some(id) => accounts::table.find(id).select(accounts::name).first::<String>(db).optional()?,
        None => None,
    };
    Ok(Some(Background { account, record, raw, sender_not_verified }))
}

/// Returns the record of an e-mail as people type it, and whether the e-mail only claims whom it is from.
fn standing_of(db: &mut Database, email: EmailId) -> Result<(Option<String>, bool)> {
    let (kind, number, is_claimed) = emails::table
        .left_join(records::table.on(records::id.nullable().eq(emails::parent_id)))
        .filter(emails::id.eq(email))
        .select((records::kind.nullable(), records::number.nullable(), emails::is_claimed))
        .first::<(Option<String>, Option<i64>, bool)>(db)?;
    let kind = kind.and_then(|kind| kind.parse::<RecordKind>().ok());
    Ok((kind.zip(number).map(|(kind, number)| format!("{kind}:{number}")), is_claimed))
}
