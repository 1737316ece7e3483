//! What becomes of e-mails that somebody deletes for everybody (ACCESS-2), or that lay in the trash for long enough.

use anyhow::Result;
use diesel::prelude::*;

use super::desk::is_at_desk;
use super::dialect::insert_new;
use super::named::names_of;
use super::raw;
use super::schema::{
    accounts, deletion_accounts, deletions, email_accounts, emails, former_account_deletions, former_account_emails, outbox,
};
use super::{Database, IN_LIST, search};
use crate::decide::LONG_ON_ITS_WAY;
use crate::mail::letter_digest;
use crate::words::{AccountId, EmailId, OutgoingKind, ParentBy, RecordId, RecordKind};

#[derive(Insertable)]
#[diesel(table_name = deletions)]
struct DeletionRow {
    message_id: String,
    content_digest: Vec<u8>,
    letter: Option<Vec<u8>>,
    deleted_at: i64,
    is_for_all: bool,
}

#[derive(Insertable)]
#[diesel(table_name = deletion_accounts)]
struct DeletionAccountRow {
    message_id: String,
    content_digest: Vec<u8>,
    account_id: AccountId,
}

#[derive(Insertable)]
#[diesel(table_name = former_account_deletions)]
struct FormerDeletionRow {
    message_id: String,
    content_digest: Vec<u8>,
    former_id: i64,
}

/// What an e-mail is known by.
type Known = (String, Vec<u8>);

/// The same, and its author and Date, where that is believed.
type Written = (String, Vec<u8>, String, Option<i64>);

/// The same as it is stored: the Date, what it is sorted by, and when it came.
type Row = (String, Vec<u8>, String, (Option<i64>, i64, i64));

/// Deletes e-mails for everybody. Their fates stay, so that they do not come back (FETCH-2); their Message-IDs stay known to their
/// threads, so that answers find them.
pub(super) fn delete(db: &mut Database, those: &[EmailId], now: i64) -> Result<()> {
    for some in those.chunks(IN_LIST) {
        remember(db, some, now)?;
    }
    remove(db, those)
}

/// Writes down what is deleted and for which accounts: those that it came through, and where a server may have a copy of what went out
/// from here, the one that it went through and the author's own. What another account gets is its own. Beside it what was answered by
/// itself (ACK-1), also where only the answer goes, as the e-mail may go later.
fn remember(db: &mut Database, some: &[EmailId], now: i64) -> Result<()> {
    let (known, answered) = (written_of(db, some)?, answered_among(db, some)?);
    let answered = written_of(db, &answered)?;
    for some in [&known, &answered] {
        insert_new!(&mut *db, deletions::table, &some.iter().map(|one| row(one, now)).collect::<Vec<_>>())?;
    }
    let answered: Vec<Known> = answered.into_iter().map(|(id, digest, ..)| (id, digest)).collect();
    // What was deleted before and came back has its row already.
    macro_rules! mark {
        ($known:expr, $column:expr) => {
            for some in $known.chunks(IN_LIST / 2) {
                let (ids, digests): (Vec<_>, Vec<_>) = some.iter().map(|(id, digest)| (id, digest)).unzip();
                let there = deletions::table.filter(deletions::message_id.eq_any(ids));
                let there = there.filter(deletions::content_digest.eq_any(digests));
                diesel::update(there).set($column.eq(true)).execute(db)?;
            }
        };
    }
    mark!(answered, deletions::was_answered);
    let content = (emails::message_id, emails::content_digest);
    // By number: asked for the kind as well, SQLite goes through all cases, and looks for each e-mail in each.
    let parents = emails::table.filter(emails::id.eq_any(some));
    let parents = parents.select((content, is_at_desk!(), emails::parent_id, emails::parent_by));
    let parents = parents.load::<(Known, bool, Option<RecordId>, Option<ParentBy>)>(db)?;
    let named = names_of(db, parents.iter().map(|(_, _, parent, _)| *parent))?;
    let is_case = |parent: &RecordId| named.get(parent).is_some_and(|named| named.kind == RecordKind::Case);
    // Where a person said that it belongs elsewhere, it was of a case as well, perhaps of one that they deleted; but what only accounts
    // had that make none (DUP-3).
    let is_settled = |at_desk: bool, parent: &Option<RecordId>, by: &Option<ParentBy>| {
        let by_hand = *by == Some(ParentBy::Hand) && (parent.is_none() || at_desk);
        by_hand || parent.as_ref().is_some_and(is_case)
    };
    let of_cases = parents.into_iter().filter(|(_, at_desk, parent, by)| is_settled(*at_desk, parent, by));
    let of_cases: Vec<Known> = of_cases.map(|(content, ..)| content).collect();
    mark!(of_cases, deletions::was_of_case);
    let came = email_accounts::table.inner_join(emails::table.on(emails::id.eq(email_accounts::email_id)));
    let came = came.filter(emails::id.eq_any(some)).select((content, email_accounts::account_id));
    let mut through: Vec<(Known, AccountId)> = came.load(db)?;
    let went = outbox::table.inner_join(emails::table.on(emails::id.eq(outbox::email_id))).filter(emails::id.eq_any(some));
    let went = went.filter(outbox::account_id.is_not_null()).select((content, outbox::account_id.assume_not_null()));
    through.extend(went.load::<(Known, AccountId)>(db)?);
    let own = emails::table.inner_join(accounts::table.on(accounts::owner_id.eq(emails::author_id)));
    through.extend(own.filter(emails::id.eq_any(some)).select((content, accounts::id)).load::<(Known, AccountId)>(db)?);
    let row = |((message_id, content_digest), account_id)| DeletionAccountRow { message_id, content_digest, account_id };
    let rows: Vec<DeletionAccountRow> = through.into_iter().map(row).collect();
    insert_new!(&mut *db, deletion_accounts::table, &rows)?;
    let former = former_account_emails::table.inner_join(emails::table.on(emails::id.eq(former_account_emails::email_id)));
    let former = former.filter(emails::id.eq_any(some)).select((content, former_account_emails::former_id));
    let row = |((message_id, content_digest), former_id)| FormerDeletionRow { message_id, content_digest, former_id };
    let rows: Vec<FormerDeletionRow> = former.load::<(Known, i64)>(db)?.into_iter().map(row).collect();
    insert_new!(&mut *db, former_account_deletions::table, &rows)?;
    Ok(())
}

/// Returns which e-mails were answered by itself: of some, and of those that some answer.
fn answered_among(db: &mut Database, some: &[EmailId]) -> Result<Vec<EmailId>> {
    let answers = || {
        let answers = outbox::table.inner_join(emails::table.on(emails::id.eq(outbox::email_id)));
        answers.filter(outbox::kind.eq(OutgoingKind::Answer)).select(emails::replied_id.assume_not_null())
    };
    let mut answered = answers().filter(emails::replied_id.eq_any(some.iter().copied().map(Some))).load::<EmailId>(db)?;
    let gone = answers().filter(emails::id.eq_any(some)).filter(emails::replied_id.is_not_null());
    answered.extend(gone.load::<EmailId>(db)?);
    Ok(answered)
}

fn row((message_id, content_digest, author, date): &Written, now: i64) -> DeletionRow {
    let letter = date.map(|date| letter_digest(&(message_id.clone(), author.clone(), date)).to_vec());
    let (message_id, content_digest) = (message_id.clone(), content_digest.clone());
    DeletionRow { message_id, content_digest, letter, deleted_at: now, is_for_all: false }
}

/// A Date by which a letter can be told from others of its Message-ID: one that is believed (PARSE-5), so that the e-mail is sorted by it,
/// and of about when it came. A device whose clock stands still writes the same one into all that it sends.
fn believed(header_date: Option<i64>, sorted_by: i64, arrived_at: i64) -> Option<i64> {
    header_date.filter(|date| *date == sorted_by && arrived_at.saturating_sub(*date) <= LONG_ON_ITS_WAY)
}

/// Returns by what e-mails are known.
fn written_of(db: &mut Database, those: &[EmailId]) -> Result<Vec<Written>> {
    let mut known = Vec::with_capacity(those.len());
    for some in those.chunks(IN_LIST) {
        let of = emails::table.filter(emails::id.eq_any(some));
        let dates = (emails::header_date, emails::date, emails::arrived_at);
        let columns = (emails::message_id, emails::content_digest, emails::from_address, dates);
        for (message_id, digest, author, (header_date, date, arrived_at)) in of.select(columns).load::<Row>(db)? {
            known.push((message_id, digest, author, believed(header_date, date, arrived_at)));
        }
    }
    Ok(known)
}

/// Takes e-mails away with all that hangs on them.
pub(super) fn remove(db: &mut Database, those: &[EmailId]) -> Result<()> {
    let raws = raw::all_of(db, those)?;
    search::forget(db, those)?;
    for some in those.chunks(IN_LIST) {
        diesel::delete(emails::table.filter(emails::id.eq_any(some))).execute(db)?;
    }
    raw::drop_unused(db, &raws)
}
