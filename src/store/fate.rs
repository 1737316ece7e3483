//! What became of every UID, and why (FETCH-2, WHY-1). A fate outlives its e-mail.

use anyhow::{Context, Result, anyhow};
use diesel::prelude::*;

use super::dialect::insert_all;
use super::schema::{fates, positions};
use super::{Database, clean};
use crate::words::{AccountId, EmailId, Fate, PositionId};

#[derive(Insertable)]
#[diesel(table_name = fates, treat_none_as_default_value = false)]
pub(super) struct FateRow {
    pub position_id: i64,
    pub uid: i64,
    pub fate: &'static str,
    pub email_id: Option<i64>,
    pub why: String,
    pub at: i64,
}

/// One fate, with where the message stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FateOf {
    pub account: AccountId,
    pub mailbox: String,
    pub uid: i64,
    pub fate: Fate,
    /// The plan as JSON.
    pub why: String,
    pub at: i64,
}

/// Records fates of UIDs that were not imported by a plan, each with why as JSON. A second fate for a UID is an error.
pub fn record_fates(
    db: &mut Database,
    position: PositionId,
    rows: &[(i64, Fate, Option<EmailId>, String)],
    now: i64,
) -> Result<()> {
    let rows: Vec<FateRow> = rows
        .iter()
        .map(|(uid, fate, email, why)| FateRow {
            position_id: position.0,
            uid: *uid,
            fate: fate.as_str(),
            email_id: email.map(|email| email.0),
            why: clean(why).into_owned(),
            at: now,
        })
        .collect();
    insert(db, &rows)
}

pub(super) fn insert(db: &mut Database, rows: &[FateRow]) -> Result<()> {
    insert_all!(db, fates::table, rows).context("recording fates")?;
    Ok(())
}

/// Returns every fate that led to this e-mail, oldest first: one for each place it came from.
pub fn fates_of(db: &mut Database, email: EmailId) -> Result<Vec<FateOf>> {
    let rows = fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .filter(fates::email_id.eq(email.0))
        .order((fates::at, fates::position_id, fates::uid))
        .select((positions::account_id, positions::mailbox, fates::uid, fates::fate, fates::why, fates::at))
        .load::<(i64, String, i64, String, String, i64)>(db)?;
    rows.into_iter()
        .map(|(account, mailbox, uid, fate, why, at)| {
            let fate = fate.parse().map_err(|error: String| anyhow!("a fate of e-mail {email}: {error}"))?;
            Ok(FateOf { account: AccountId(account), mailbox, uid, fate, why, at })
        })
        .collect()
}

/// A place on a server that an e-mail came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub account: AccountId,
    pub mailbox: String,
    pub uidvalidity: i64,
    pub uid: i64,
}

/// Returns every place on a server that an e-mail came from; UIDVALIDITY 0 is of `deliver` and `import`.
pub fn origins(db: &mut Database, email: EmailId) -> Result<Vec<Origin>> {
    let rows = fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .filter(fates::email_id.eq(email.0))
        .filter(positions::uidvalidity.ne(0))
        .order(positions::id.desc())
        .select((positions::account_id, positions::mailbox, positions::uidvalidity, fates::uid))
        .load::<(i64, String, i64, i64)>(db)?;
    let origin = |(account, mailbox, uidvalidity, uid)| Origin { account: AccountId(account), mailbox, uidvalidity, uid };
    Ok(rows.into_iter().map(origin).collect())
}
