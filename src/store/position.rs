//! How far each mailbox has been read: (account, mailbox, UIDVALIDITY, last UID) (FETCH-1).

use std::collections::HashSet;

use anyhow::{Context, Result};
use diesel::dsl::count;
use diesel::prelude::*;

use super::schema::{attempts, emails, fates, positions, quarantine, raws};
use super::{Database, IN_LIST, attempt, clean, lease, lock, next_number};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault, Reach};
use crate::mail::{Mail, digest};
use crate::words::{AccountId, EmailId, Fate, PositionId};

/// The mailbox name under which imported files have their fates.
pub const IMPORTED: &str = "(imported)";

/// One position: every UID above `start_uid` and up to `last_uid` has a fate.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = positions)]
pub struct Position {
    #[diesel(deserialize_as = i64)]
    pub id: PositionId,
    #[diesel(deserialize_as = i64, column_name = account_id)]
    pub account: AccountId,
    pub mailbox: String,
    pub uidvalidity: i64,
    pub start_uid: i64,
    pub last_uid: i64,
    pub era: i64,
    /// Up to this UID the messages were there when the position began: the account's fetch-since holds for them (FETCH-3).
    pub listed_to: Option<i64>,
    /// The mailbox was listed again: what is older than this is not answered (FETCH-5). Seconds since 1970 UTC.
    pub quiet_before: Option<i64>,
    /// In the answer for the messages up to this UID the connection broke (FETCH-6).
    pub broken_to: Option<i64>,
    mark_uid: Option<i64>,
    mark: Option<String>,
    mark_date: Option<i64>,
    /// The account has moved to another server since.
    pub is_left: bool,
}

/// What a message is known by when its mailbox may have been put back from a copy (FETCH-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub uid: i64,
    known_by: String,
    /// INTERNALDATE in seconds since 1970 UTC.
    date: Option<i64>,
}

impl Mark {
    /// Makes the mark of a message, of which the header is enough.
    pub fn of(uid: i64, mail: &Mail, date: Option<i64>) -> Self {
        let known_by = match &mail.message_id {
            Some(id) => format!("<{id}>"),
            None => {
                let from = mail.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
                let all = format!("{:?}\n{from}\n{}", mail.date, mail.subject);
                digest(all.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
            }
        };
        Self { uid, known_by, date }
    }

    /// Whether both are of the same message. Where there is no Message-ID, INTERNALDATE has its say, too.
    pub fn is_same(&self, other: &Self) -> bool {
        let dates = self.date.zip(other.date).is_none_or(|(own, its)| own == its);
        self.known_by == other.known_by && (self.known_by.starts_with('<') || dates)
    }
}

impl Position {
    /// Returns the last message that is known.
    pub fn mark(&self) -> Option<Mark> {
        Some(Mark { uid: self.mark_uid?, known_by: self.mark.clone()?, date: self.mark_date })
    }

    /// Whether a UID was there when the position began, whatever has become of it.
    pub fn was_there(&self, uid: i64) -> bool {
        uid <= self.listed_to.unwrap_or_default().max(self.start_uid)
    }

    /// Whether a message that came to the server at this time is older than what is to be fetched, and was there when the position began: that
    /// it was not taken is no miss.
    pub fn is_older(&self, uid: i64, came_at: Option<i64>, fetch_since: i64) -> bool {
        self.was_there(uid) && came_at.is_some_and(|date| date < fetch_since)
    }

    /// Whether a UID was there when the position began and has no fate yet.
    pub fn is_begun(&self, uid: i64) -> bool {
        self.listed_to.is_some_and(|listed_to| uid <= listed_to)
    }
}

/// How a position begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beginning {
    pub uidvalidity: i64,
    /// The UID before the first one that gets a fate.
    pub last_uid: i64,
    pub listed_to: Option<i64>,
    pub quiet_before: Option<i64>,
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

/// Returns the position of a mailbox under one UIDVALIDITY: of the latest era, on the account's server of now.
pub fn position(db: &mut Database, account: AccountId, mailbox: &str, uidvalidity: i64) -> Result<Option<Position>> {
    Ok(positions::table
        .filter(positions::account_id.eq(account))
        .filter(positions::mailbox.eq(mailbox))
        .filter(positions::uidvalidity.eq(uidvalidity))
        .filter(positions::is_left.eq(false))
        .order(positions::era.desc())
        .select(Position::as_select())
        .first(db)
        .optional()?)
}

/// Returns every position of a mailbox, the latest last.
pub fn positions_of(db: &mut Database, account: AccountId, mailbox: &str) -> Result<Vec<Position>> {
    Ok(positions::table
        .filter(positions::account_id.eq(account))
        .filter(positions::mailbox.eq(mailbox))
        .order(positions::id)
        .select(Position::as_select())
        .load(db)?)
}

/// Returns the last UID that has a fate.
pub fn last_uid(db: &mut Database, position: PositionId) -> Result<i64> {
    Ok(positions::table.find(position).select(positions::last_uid).first(db)?)
}

/// Returns the name of a position's mailbox.
pub fn mailbox_of(db: &mut Database, position: PositionId) -> Result<String> {
    Ok(positions::table.find(position).select(positions::mailbox).first(db)?)
}

/// Starts a position. Call it in a transaction: it takes the lock row.
pub fn start(db: &mut Database, account: AccountId, mailbox: &str, uidvalidity: i64, last_uid: i64) -> Result<Position> {
    begin(db, account, mailbox, &Beginning { uidvalidity, last_uid, ..Beginning::default() })
}

/// Starts a position; where the mailbox has one under this UIDVALIDITY, a new era. Messages that the server did not hand over
/// under UIDs that mean nothing any more are not asked for again.
pub fn begin(db: &mut Database, account: AccountId, mailbox: &str, beginning: &Beginning) -> Result<Position> {
    lock(db)?;
    let Beginning { uidvalidity, last_uid, listed_to, quiet_before } = beginning;
    let of_mailbox = positions::table.filter(positions::account_id.eq(account)).filter(positions::mailbox.eq(mailbox));
    let earlier = of_mailbox.select(positions::id).load::<PositionId>(db)?;
    let undelivered = quarantine::table.filter(quarantine::position_id.eq_any(earlier)).filter(quarantine::raw_id.is_null());
    diesel::delete(undelivered).execute(db)?;
    let eras = of_mailbox.filter(positions::uidvalidity.eq(uidvalidity)).select(diesel::dsl::max(positions::era));
    let era = eras.first::<Option<i64>>(db)?.map_or(0, |era| era + 1);
    let id = next_number(db, "position")?;
    diesel::insert_into(positions::table)
        .values((
            positions::id.eq(id),
            positions::account_id.eq(account),
            positions::mailbox.eq(mailbox),
            positions::uidvalidity.eq(uidvalidity),
            positions::start_uid.eq(last_uid),
            positions::last_uid.eq(last_uid),
            positions::era.eq(era),
            positions::listed_to.eq(listed_to),
            positions::quiet_before.eq(quiet_before),
        ))
        .execute(db)
        .with_context(|| format!("starting the position of mailbox {mailbox:?}"))?;
    Ok(positions::table.find(id).select(Position::as_select()).first(db)?)
}

/// Leaves the account's server: what its UIDs meant is known, and no UID of another server is one of them. A pass that runs at this moment
/// loses its lease. Returns how many mailboxes were read there.
pub fn leave(db: &mut Database, _permit: &Permit<'_>, account: AccountId) -> Result<usize> {
    lease::end(db, account)?;
    attempt::set_careful(db, account, false)?;
    let of_server = positions::table
        .filter(positions::account_id.eq(account))
        .filter(positions::uidvalidity.ne(0))
        .filter(positions::is_left.eq(false));
    let left = of_server.select((positions::id, positions::mailbox)).load::<(PositionId, String)>(db)?;
    let ids: Vec<PositionId> = left.iter().map(|(id, _)| *id).collect();
    diesel::update(of_server).set(positions::is_left.eq(true)).execute(db)?;
    for some in ids.chunks(IN_LIST) {
        // Nobody can be asked for them any more; their fates stay.
        let undelivered = quarantine::table.filter(quarantine::position_id.eq_any(some)).filter(quarantine::raw_id.is_null());
        diesel::delete(undelivered).execute(db)?;
        diesel::delete(attempts::table.filter(attempts::position_id.eq_any(some))).execute(db)?;
    }
    let mut mailboxes: Vec<String> = left.into_iter().map(|(_, mailbox)| mailbox).collect();
    mailboxes.sort_unstable();
    mailboxes.dedup();
    Ok(mailboxes.len())
}

/// Whether the account has moved to another server before: what a mailbox has may have come through one of another name there.
pub fn has_moved(db: &mut Database, account: AccountId) -> Result<bool> {
    let left = positions::table.filter(positions::account_id.eq(account)).filter(positions::is_left.eq(true));
    Ok(left.count().get_result::<i64>(db)? > 0)
}

/// How many e-mails came through a mailbox of the server that the account reads.
pub fn stored_of(db: &mut Database, account: AccountId, mailbox: &str) -> Result<i64> {
    let of_mailbox = positions::table.filter(positions::account_id.eq(account)).filter(positions::mailbox.eq(mailbox));
    let read = of_mailbox.filter(positions::is_left.eq(false)).select(positions::id);
    let stored = fates::table.filter(fates::position_id.eq_any(read)).select(count(fates::email_id).aggregate_distinct());
    Ok(stored.first(db)?)
}

/// How many messages filters of an account have skipped that bear one of these Message-IDs, and are on the server that it reads.
pub fn skipped_among(db: &mut Database, account: AccountId, message_ids: &[String]) -> Result<i64> {
    let mut skipped = 0;
    for some in message_ids.chunks(IN_LIST) {
        let of_account = positions::table.filter(positions::account_id.eq(account)).filter(positions::is_left.eq(false));
        let found = fates::table
            .filter(fates::message_id.eq_any(some))
            .filter(fates::fate.eq(Fate::Filtered))
            .filter(fates::position_id.eq_any(of_account.select(positions::id)));
        skipped += found.count().get_result::<i64>(db)?;
    }
    Ok(skipped)
}

/// Remembers the last message that is known.
pub fn set_mark(db: &mut Database, position: PositionId, mark: &Mark) -> Result<()> {
    diesel::update(positions::table.find(position))
        .set((
            positions::mark_uid.eq(mark.uid),
            positions::mark.eq(clean(&mark.known_by).as_ref()),
            positions::mark_date.eq(mark.date),
        ))
        .execute(db)?;
    Ok(())
}

/// Remembers up to which UID messages are read alone, as the connection broke among them (FETCH-6).
pub fn set_broken(db: &mut Database, position: PositionId, uid: i64) -> Result<()> {
    diesel::update(positions::table.find(position)).set(positions::broken_to.eq(uid)).execute(db)?;
    Ok(())
}

/// Moves a position ahead, never back. A position that a reset took away is an error, so nothing is committed beside it.
pub fn advance(db: &mut Database, position: PositionId, last_uid: i64) -> Result<()> {
    let moved = diesel::update(positions::table.find(position).filter(positions::last_uid.lt(last_uid)))
        .set(positions::last_uid.eq(last_uid))
        .execute(db)?;
    if moved == 0 {
        let there = positions::table.find(position).count().get_result::<i64>(db)?;
        if there == 0 {
            let what = format!("position {position} is gone: the account was reset or removed");
            return Err(Fault::new(Class::TempFail, what).reach(Reach::Account).hint("the next pass continues").into());
        }
    }
    Ok(())
}

/// Finds the e-mails with these Message-IDs that this mailbox brought before, or any of the account (FETCH-5).
pub fn known_elsewhere(
    db: &mut Database,
    account: AccountId,
    mailbox: Option<&str>,
    message_ids: &[String],
) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for some in message_ids.chunks(IN_LIST) {
        let mut query = emails::table
            .inner_join(fates::table.on(fates::email_id.eq(emails::id.nullable())))
            .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
            .inner_join(raws::table.on(raws::id.eq(emails::raw_id)))
            .filter(positions::account_id.eq(account))
            .filter(emails::message_id.eq_any(some))
            .order(emails::id)
            .distinct()
            .select((emails::message_id, raws::size, emails::arrived_at, emails::id))
            .into_boxed();
        if let Some(mailbox) = mailbox {
            query = query.filter(positions::mailbox.eq(mailbox));
        }
        let rows = query.load::<(String, i64, i64, EmailId)>(db)?;
        known.extend(rows.into_iter().map(|(message_id, size, arrived_at, email)| Known {
            message_id,
            raw_size: size.unsigned_abs(),
            arrived_at,
            email,
        }));
    }
    Ok(known)
}

/// Returns which of some e-mails a message of this position was found to be before.
pub fn answered_for(db: &mut Database, position: PositionId, of: &[EmailId]) -> Result<HashSet<EmailId>> {
    let mut found = HashSet::new();
    for some in of.chunks(IN_LIST) {
        let here =
            fates::table.filter(fates::email_id.eq_any(some.iter().copied().map(Some))).filter(fates::position_id.eq(position));
        found.extend(here.select(fates::email_id.assume_not_null()).load::<EmailId>(db)?);
    }
    Ok(found)
}
