//! What became of every UID, and why (FETCH-2, WHY-1). A fate outlives its e-mail.

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::dialect::insert_all;
use super::schema::{fates, positions};
use super::{Database, clean};
use crate::words::{AccountId, EmailId, Fate, PositionId};

#[derive(Insertable)]
#[diesel(table_name = fates, treat_none_as_default_value = false)]
pub(super) struct FateRow {
    pub position_id: PositionId,
    pub uid: i64,
    pub fate: Fate,
    pub email_id: Option<EmailId>,
    pub why: String,
    pub at: i64,
    /// Of what a filter skipped.
    pub message_id: Option<String>,
}

/// One fate, with where the message stood.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct FateOf {
    pub account: AccountId,
    pub mailbox: String,
    pub uid: i64,
    pub fate: Fate,
    /// The plan as JSON.
    pub why: String,
    pub at: i64,
    /// The e-mail that it became or already was, as long as that is there.
    pub email: Option<EmailId>,
}

/// A UID that was not imported by a plan.
pub struct Settled {
    pub uid: i64,
    pub fate: Fate,
    pub email: Option<EmailId>,
    /// As JSON.
    pub why: String,
    /// Of what a filter skipped by its header.
    pub message_id: Option<String>,
}

/// Records fates of UIDs that were not imported by a plan, each with why as JSON. A second fate for a UID is an error.
pub fn record_fates(db: &mut Database, position: PositionId, rows: &[Settled], now: i64) -> Result<()> {
    let row = |settled: &Settled| FateRow {
        position_id: position,
        uid: settled.uid,
        fate: settled.fate,
        email_id: settled.email,
        why: clean(&settled.why).into_owned(),
        at: now,
        message_id: settled.message_id.as_deref().map(|id| clean(id).into_owned()),
    };
    insert(db, &rows.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn insert(db: &mut Database, rows: &[FateRow]) -> Result<()> {
    insert_all!(db, fates::table, rows).context("recording fates")?;
    Ok(())
}

macro_rules! fates_where {
    ($db:expr, $condition:expr) => {
        Ok(fates::table
            .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
            .filter($condition)
            .order((fates::at, fates::position_id, fates::uid))
            .select((positions::account_id, positions::mailbox, fates::uid, fates::fate, fates::why, fates::at, fates::email_id))
            .load($db)?)
    };
}

/// Returns every fate that led to this e-mail, oldest first: one for each place it came from.
pub fn fates_of(db: &mut Database, email: EmailId) -> Result<Vec<FateOf>> {
    fates_where!(db, fates::email_id.eq(email))
}

/// Returns every fate of a message that a filter skipped, by its Message-ID, oldest first.
pub fn skipped(db: &mut Database, message_id: &str) -> Result<Vec<FateOf>> {
    fates_where!(db, fates::message_id.eq(message_id))
}

/// Returns every fate that a UID of a mailbox has, oldest first: one for each UIDVALIDITY.
pub fn at(db: &mut Database, account: AccountId, mailbox: &str, uid: i64) -> Result<Vec<FateOf>> {
    let place = positions::account_id.eq(account).and(positions::mailbox.eq(mailbox));
    fates_where!(db, place.and(fates::uid.eq(uid)))
}

/// A place on a server that an e-mail came from.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Origin {
    pub account: AccountId,
    pub mailbox: String,
    pub uidvalidity: i64,
    pub uid: i64,
}

/// Returns every place on a server that an e-mail came from; UIDVALIDITY 0 is of `deliver` and `import`.
pub fn origins(db: &mut Database, email: EmailId) -> Result<Vec<Origin>> {
    Ok(fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .filter(fates::email_id.eq(email))
        .filter(positions::uidvalidity.ne(0))
        .order(positions::id.desc())
        .select((positions::account_id, positions::mailbox, positions::uidvalidity, fates::uid))
        .load(db)?)
}
