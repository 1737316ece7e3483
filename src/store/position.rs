//! How far each mailbox has been read: (account, mailbox, UIDVALIDITY, last UID) (FETCH-1).

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::schema::{emails, fates, positions, raws};
use super::{Database, IN_LIST, lock, next_number};
use crate::fault::{Class, Fault, Reach};
use crate::words::{AccountId, EmailId, PositionId};

/// One position: every UID above `start_uid` and up to `last_uid` has a fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub id: PositionId,
    pub account: AccountId,
    pub mailbox: String,
    pub uidvalidity: i64,
    pub start_uid: i64,
    pub last_uid: i64,
}

/// An e-mail that this mailbox brought before, under whatever UIDVALIDITY (FETCH-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its identity: Message-ID, or what stands in for it.
    pub message_id: String,
    pub raw_size: u64,
    /// INTERNALDATE where the server gave one.
    pub arrived_at: i64,
    pub email: EmailId,
}

type Row = (i64, i64, String, i64, i64, i64);

fn position_from((id, account, mailbox, uidvalidity, start_uid, last_uid): Row) -> Position {
    Position { id: PositionId(id), account: AccountId(account), mailbox, uidvalidity, start_uid, last_uid }
}

/// Returns the position of a mailbox under one UIDVALIDITY.
pub fn position(db: &mut Database, account: AccountId, mailbox: &str, uidvalidity: i64) -> Result<Option<Position>> {
    let row = positions::table
        .filter(positions::account_id.eq(account.0))
        .filter(positions::mailbox.eq(mailbox))
        .filter(positions::uidvalidity.eq(uidvalidity))
        .first::<Row>(db)
        .optional()?;
    Ok(row.map(position_from))
}

/// Returns every position of a mailbox, the latest last.
pub fn positions_of(db: &mut Database, account: AccountId, mailbox: &str) -> Result<Vec<Position>> {
    let rows = positions::table
        .filter(positions::account_id.eq(account.0))
        .filter(positions::mailbox.eq(mailbox))
        .order(positions::id)
        .load::<Row>(db)?;
    Ok(rows.into_iter().map(position_from).collect())
}

/// Returns the last UID that has a fate.
pub fn last_uid(db: &mut Database, position: PositionId) -> Result<i64> {
    Ok(positions::table.find(position.0).select(positions::last_uid).first(db)?)
}

/// Returns the name of a position's mailbox.
pub fn mailbox_of(db: &mut Database, position: PositionId) -> Result<String> {
    Ok(positions::table.find(position.0).select(positions::mailbox).first(db)?)
}

/// Starts a position. Call it in a transaction: it takes the lock row.
pub fn start(db: &mut Database, account: AccountId, mailbox: &str, uidvalidity: i64, last_uid: i64) -> Result<Position> {
    lock(db)?;
    let row: Row = (next_number(db, "position")?, account.0, mailbox.to_string(), uidvalidity, last_uid, last_uid);
    diesel::insert_into(positions::table)
        .values((
            positions::id.eq(row.0),
            positions::account_id.eq(row.1),
            positions::mailbox.eq(&row.2),
            positions::uidvalidity.eq(row.3),
            positions::start_uid.eq(row.4),
            positions::last_uid.eq(row.5),
        ))
        .execute(db)
        .with_context(|| format!("starting the position of mailbox {mailbox:?}"))?;
    Ok(position_from(row))
}

/// Moves a position ahead, never back. A position that a reset took away is an error, so nothing is committed beside it.
pub fn advance(db: &mut Database, position: PositionId, last_uid: i64) -> Result<()> {
    let moved = diesel::update(positions::table.find(position.0).filter(positions::last_uid.lt(last_uid)))
        .set(positions::last_uid.eq(last_uid))
        .execute(db)?;
    if moved == 0 {
        let there = positions::table.find(position.0).count().get_result::<i64>(db)?;
        if there == 0 {
            let what = format!("position {position} is gone: the account was reset or removed");
            return Err(Fault::new(Class::TempFail, what).reach(Reach::Account).hint("the next pass continues").into());
        }
    }
    Ok(())
}

/// Finds the e-mails with these Message-IDs that this mailbox brought before (FETCH-5).
pub fn known_elsewhere(db: &mut Database, account: AccountId, mailbox: &str, message_ids: &[String]) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for some in message_ids.chunks(IN_LIST) {
        let rows = emails::table
            .inner_join(fates::table.on(fates::email_id.eq(emails::id.nullable())))
            .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
            .inner_join(raws::table.on(raws::id.eq(emails::raw_id)))
            .filter(positions::account_id.eq(account.0))
            .filter(positions::mailbox.eq(mailbox))
            .filter(emails::message_id.eq_any(some))
            .order(emails::id)
            .distinct()
            .select((emails::message_id, raws::size, emails::arrived_at, emails::id))
            .load::<(String, i64, i64, i64)>(db)?;
        known.extend(rows.into_iter().map(|(message_id, size, arrived_at, email)| Known {
            message_id,
            raw_size: size.unsigned_abs(),
            arrived_at,
            email: EmailId(email),
        }));
    }
    Ok(known)
}
