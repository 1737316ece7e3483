//! Copies of what was sent, for Sent mailboxes (SEND-7): rows that are written with the outcome, and done after the commit.

use std::collections::HashMap;

use anyhow::Result;
use diesel::dsl::min;
use diesel::prelude::*;

use super::dialect::{due, first_free, insert_all};
use super::schema::{account_sending, emails, outbox, sent_copies};
use super::{Database, clean};
use crate::decide::access::Permit;
use crate::decide::failure::LONGEST_PAUSE;
use crate::words::{AccountId, EmailId, OutgoingId};

/// A copy that this pass has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub email: EmailId,
    /// Without angle brackets.
    pub message_id: String,
    /// Seconds since 1970 UTC.
    pub sent_at: i64,
    /// How often it was begun, this time included.
    pub attempts: i64,
}

#[derive(Insertable)]
#[diesel(table_name = sent_copies, treat_none_as_default_value = false)]
struct Wanted {
    email_id: EmailId,
    account_id: AccountId,
    sent_at: i64,
    due_at: i64,
    attempts: i64,
}

/// How far a copy has come. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, serde::Serialize)]
pub struct SentCopy {
    /// When it is tried next; none when it is in the Sent mailbox or given up.
    #[serde(serialize_with = "crate::clock::optional")]
    pub due_at: Option<i64>,
    #[serde(serialize_with = "crate::clock::optional")]
    pub done_at: Option<i64>,
    pub last_error: Option<String>,
}

/// Notes that messages were sent, and are to have copies where their accounts ask for them. Without a time, each was sent when it was
/// first tried.
pub fn want(db: &mut Database, ids: &[OutgoingId], sent_at: Option<i64>, now: i64) -> Result<()> {
    let asked = outbox::table
        .inner_join(account_sending::table.on(account_sending::account_id.nullable().eq(outbox::account_id)))
        .filter(outbox::id.eq_any(ids))
        .filter(account_sending::save_sent.eq(true))
        .select((outbox::email_id, account_sending::account_id, outbox::first_tried_at))
        .load::<(EmailId, AccountId, Option<i64>)>(db)?;
    let row = |(email_id, account_id, first_tried_at): (EmailId, AccountId, Option<i64>)| {
        let sent_at = sent_at.or(first_tried_at).unwrap_or(now);
        Wanted { email_id, account_id, sent_at, due_at: now, attempts: 0 }
    };
    let rows: Vec<Wanted> = asked.into_iter().map(row).collect();
    insert_all!(&mut *db, sent_copies::table, &rows)?;
    Ok(())
}

/// Returns how far the copies of e-mails have come, by the e-mail; none where none was asked for.
pub fn of_all(db: &mut Database, emails: &[EmailId]) -> Result<HashMap<EmailId, SentCopy>> {
    let rows = sent_copies::table
        .filter(sent_copies::email_id.eq_any(emails))
        .select((sent_copies::email_id, (sent_copies::due_at, sent_copies::done_at, sent_copies::last_error)))
        .load(db)?;
    Ok(rows.into_iter().collect())
}

/// Returns the accounts that have a copy due, the one that waits longest first.
pub fn due_accounts(db: &mut Database, now: i64) -> Result<Vec<AccountId>> {
    let rows = sent_copies::table
        .filter(due!(sent_copies::due_at, now, LONGEST_PAUSE))
        .group_by(sent_copies::account_id)
        .order(min(sent_copies::due_at))
        .select(sent_copies::account_id)
        .load(db)?;
    Ok(rows)
}

/// Claims the next copy of an account that is due: it is begun, and due again at `again_at`, so that it is not lost with the one
/// who files it. Two passes never claim the same.
pub fn claim(db: &mut Database, account: AccountId, now: i64, again_at: i64) -> Result<Option<Claimed>> {
    // Nothing waits longer than the longest pause, or than another pass may work on it.
    let longest = LONGEST_PAUSE.max(again_at.saturating_sub(now));
    let due = sent_copies::table
        .filter(sent_copies::account_id.eq(account))
        .filter(due!(sent_copies::due_at, now, longest))
        .order((sent_copies::due_at, sent_copies::email_id))
        .select((sent_copies::email_id, sent_copies::sent_at, sent_copies::attempts));
    let found = first_free!(&mut *db, due, (EmailId, i64, i64)).optional()?;
    let Some((email, sent_at, seen)) = found else { return Ok(None) };
    let attempts = seen + 1;
    diesel::update(sent_copies::table.find(email))
        .set((sent_copies::attempts.eq(attempts), sent_copies::due_at.eq(again_at), sent_copies::last_error.eq(None::<String>)))
        .execute(db)?;
    let message_id = emails::table.find(email).select(emails::message_id).first(db)?;
    Ok(Some(Claimed { email, message_id, sent_at, attempts }))
}

/// Notes that the Sent mailbox has the copy.
pub fn finish(db: &mut Database, claimed: &Claimed, now: i64) -> Result<()> {
    diesel::update(ours(claimed))
        .set((sent_copies::due_at.eq(None::<i64>), sent_copies::done_at.eq(now), sent_copies::last_error.eq(None::<String>)))
        .execute(db)?;
    Ok(())
}

/// Notes that it failed, and when it is tried again; never again where there is no time.
pub fn fail(db: &mut Database, claimed: &Claimed, error: &str, again_at: Option<i64>) -> Result<()> {
    diesel::update(ours(claimed))
        .set((sent_copies::due_at.eq(again_at), sent_copies::last_error.eq(clean(error).as_ref())))
        .execute(db)?;
    Ok(())
}

/// Gives back what was claimed, as if nobody had begun it.
pub fn give_back(db: &mut Database, claimed: &Claimed, now: i64) -> Result<()> {
    diesel::update(ours(claimed))
        .set((sent_copies::due_at.eq(now), sent_copies::attempts.eq(claimed.attempts - 1)))
        .execute(db)?;
    Ok(())
}

/// The row, unless another pass has claimed it since.
#[diesel::dsl::auto_type(no_type_alias)]
fn ours<'a>(claimed: &'a Claimed) -> _ {
    let (email, attempts): (EmailId, i64) = (claimed.email, claimed.attempts);
    sent_copies::table.filter(sent_copies::email_id.eq(email)).filter(sent_copies::attempts.eq(attempts))
}

/// Puts off what else is due of an account whose server fails, and gives up what was sent before a moment. Returns how many were
/// given up.
pub fn postpone(db: &mut Database, account: AccountId, error: &str, now: i64, until: i64, too_old: i64) -> Result<usize> {
    let of_account = sent_copies::table.filter(sent_copies::account_id.eq(account));
    let due = of_account.filter(due!(sent_copies::due_at, now, LONGEST_PAUSE));
    let error = clean(error);
    let given_up = diesel::update(due.filter(sent_copies::sent_at.lt(too_old)))
        .set((sent_copies::due_at.eq(None::<i64>), sent_copies::last_error.eq(error.as_ref())))
        .execute(db)?;
    diesel::update(due).set((sent_copies::due_at.eq(until), sent_copies::last_error.eq(error.as_ref()))).execute(db)?;
    Ok(given_up)
}

/// Whether an older copy of the account waits because it failed: people have heard of that one.
pub fn is_older_failing(db: &mut Database, account: AccountId, email: EmailId) -> Result<bool> {
    let older = sent_copies::table
        .filter(sent_copies::account_id.eq(account))
        .filter(sent_copies::email_id.lt(email))
        .filter(sent_copies::due_at.is_not_null())
        .filter(sent_copies::last_error.is_not_null());
    Ok(diesel::select(diesel::dsl::exists(older)).get_result(db)?)
}

/// Makes every copy of an account that failed due again: its settings have changed. What a pass is at is left to it. Returns how many.
pub fn retry(db: &mut Database, _permit: &Permit<'_>, account: AccountId, now: i64) -> Result<usize> {
    let failed = sent_copies::table.filter(sent_copies::account_id.eq(account)).filter(sent_copies::last_error.is_not_null());
    Ok(diesel::update(failed).set((sent_copies::due_at.eq(now), sent_copies::attempts.eq(0))).execute(db)?)
}

/// Forgets the copies of an account that are not done: nobody asks for them any more. Returns how many.
pub fn forget(db: &mut Database, _permit: &Permit<'_>, account: AccountId) -> Result<usize> {
    let waiting = sent_copies::table.filter(sent_copies::account_id.eq(account)).filter(sent_copies::done_at.is_null());
    Ok(diesel::delete(waiting).execute(db)?)
}
