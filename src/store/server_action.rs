//! What is done with messages on their server (FETCH-9): rows that are written with the decision, and done after the commit, under the
//! account's lease. What waits for a person's word is not due, and what is no e-mail any more has no row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use diesel::dsl::{count_star, exists, max, not};
use diesel::prelude::*;

use super::dialect::{due, insert_new};
use super::lease::{self, Lease};
use super::schema::{account_mailboxes, accounts, emails, fates, positions, raws, reviews, server_actions};
use super::{Database, IN_LIST, access, clean, copy};
use crate::decide::access::Permit;
use crate::decide::failure::LONGEST_PAUSE;
use crate::words::{AccountId, AskedBy, EmailId, MoveStage, PositionId, ServerVerb, UserId};

/// How many rows one statement takes: PostgreSQL has room for 65,535 values.
const ROWS: usize = 5_000;

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = server_actions, treat_none_as_default_value = false)]
pub(super) struct ActionRow {
    pub position_id: PositionId,
    pub uid: i64,
    pub verb: ServerVerb,
    pub email_id: EmailId,
    pub target: String,
    pub asked_by: AskedBy,
    pub created_at: i64,
    pub due_at: Option<i64>,
    pub attempts: i64,
}

/// Writes what is to be done; what is written down already stays as it is.
pub(super) fn insert(db: &mut Database, rows: &[ActionRow]) -> Result<()> {
    for some in rows.chunks(ROWS) {
        insert_new!(&mut *db, server_actions::table, some)?;
    }
    Ok(())
}

/// One thing that is due.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Due {
    pub position: PositionId,
    pub uid: i64,
    pub verb: ServerVerb,
    pub email: EmailId,
    pub target: String,
    pub stage: Option<MoveStage>,
    /// How often it failed.
    pub attempts: i64,
}

/// A mailbox in which something is due.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Place {
    pub position: PositionId,
    pub mailbox: String,
    pub uidvalidity: i64,
}

/// Whether no person has to decide about it first (LINK-3).
macro_rules! is_decided {
    () => {{
        let waiting = reviews::table.filter(reviews::email_id.eq(server_actions::email_id)).filter(reviews::decision.is_null());
        not(exists(waiting))
    }};
}

/// Returns the mailboxes of an account in which something is due.
pub fn places(db: &mut Database, account: AccountId, now: i64) -> Result<Vec<Place>> {
    let waiting = server_actions::table
        .filter(server_actions::position_id.eq(positions::id))
        .filter(server_actions::due_at.is_not_null())
        .filter(due!(server_actions::due_at, now, LONGEST_PAUSE))
        .filter(is_decided!());
    let of_account = positions::table.filter(positions::account_id.eq(account)).filter(exists(waiting)).order(positions::id);
    Ok(of_account.select((positions::id, positions::mailbox, positions::uidvalidity)).load(db)?)
}

/// Returns what is due in a mailbox, by UID, this many rows at the most: all of a UID or nothing.
pub fn due_in(db: &mut Database, position: PositionId, now: i64, most: usize) -> Result<Vec<Due>> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows: Vec<Due> = server_actions::table
        .filter(server_actions::position_id.eq(position))
        .filter(server_actions::due_at.is_not_null())
        .filter(due!(server_actions::due_at, now, LONGEST_PAUSE))
        .filter(is_decided!())
        .order((server_actions::uid, server_actions::verb))
        .limit(limit)
        .select((
            server_actions::position_id,
            server_actions::uid,
            server_actions::verb,
            server_actions::email_id,
            server_actions::target,
            server_actions::stage,
            server_actions::attempts,
        ))
        .load(db)?;
    if rows.len() >= most
        && let Some(last) = rows.last().map(|row| row.uid)
        && rows.first().is_some_and(|first| first.uid != last)
    {
        rows.retain(|row| row.uid != last);
    }
    Ok(rows)
}

/// What a stored message is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Message-ID, or what stands in for it.
    pub message_id: String,
    pub size: u64,
}

/// Returns what e-mails are known by; only those whose bytes are here whole.
pub fn known(db: &mut Database, of: &[EmailId]) -> Result<HashMap<EmailId, Known>> {
    let mut known = HashMap::new();
    for some in of.chunks(IN_LIST) {
        let rows = emails::table
            .inner_join(raws::table.on(raws::id.eq(emails::raw_id)))
            .filter(emails::id.eq_any(some))
            .filter(emails::is_partial.eq(false))
            .select((emails::id, emails::message_id, raws::size))
            .load::<(EmailId, String, i64)>(db)?;
        known.extend(
            rows.into_iter()
                .map(|(id, message_id, size)| (id, Known { message_id, size: u64::try_from(size).unwrap_or_default() })),
        );
    }
    Ok(known)
}

/// Does something to rows of one mailbox and one verb, under a lease that is still ours.
macro_rules! set_rows {
    ($db:expr, $lease:expr, $of:expr, $set:expr) => {{
        let (position, verb, uids): (PositionId, ServerVerb, &[u32]) = $of;
        lease::hold($db, $lease)?;
        for some in uids.chunks(IN_LIST) {
            let some: Vec<i64> = some.iter().map(|uid| i64::from(*uid)).collect();
            let rows = server_actions::table
                .filter(server_actions::position_id.eq(position))
                .filter(server_actions::verb.eq(verb))
                .filter(server_actions::uid.eq_any(some))
                .filter(server_actions::done_at.is_null());
            diesel::update(rows).set($set).execute($db)?;
        }
        Ok(())
    }};
}

/// Which rows: of a position and a verb, those of some UIDs.
pub type Of<'a> = (PositionId, ServerVerb, &'a [u32]);

/// Notes that it is done; with a word, not quite as it was meant.
pub fn finish(db: &mut Database, lease: &Lease, of: Of<'_>, word: Option<&str>, now: i64) -> Result<()> {
    set_rows!(
        db,
        lease,
        of,
        (
            server_actions::due_at.eq(None::<i64>),
            server_actions::done_at.eq(now),
            server_actions::last_error.eq(word),
            server_actions::stage.eq(None::<MoveStage>),
        )
    )
}

/// Notes how far a move has come.
pub fn set_stage(db: &mut Database, lease: &Lease, of: Of<'_>, stage: Option<MoveStage>) -> Result<()> {
    set_rows!(db, lease, of, server_actions::stage.eq(stage))
}

/// Notes that it failed, and when it is tried again; never by itself where there is no time.
pub fn fail(db: &mut Database, lease: &Lease, of: Of<'_>, error: &str, again_at: Option<i64>) -> Result<()> {
    let error = clean(error);
    set_rows!(
        db,
        lease,
        of,
        (
            server_actions::due_at.eq(again_at),
            server_actions::attempts.eq(server_actions::attempts + 1),
            server_actions::last_error.eq(error.as_ref()),
        )
    )
}

/// Gives what is not done with some e-mails in mailboxes whose UIDs mean other messages now the UIDs that they have in the position of now
/// (FETCH-5), what was given up for that included. Returns how much.
pub fn carry_over(db: &mut Database, lease: &Lease, to: PositionId, of: &[EmailId], now: i64) -> Result<usize> {
    lease::hold(db, lease)?;
    let (account, mailbox): (AccountId, String) =
        positions::table.find(to).select((positions::account_id, positions::mailbox)).first(db)?;
    // On another server the mailbox may have had another name.
    let earlier: Vec<PositionId> = positions::table
        .filter(positions::account_id.eq(account))
        .filter(positions::id.ne(to))
        .filter(positions::uidvalidity.ne(0))
        .filter(positions::mailbox.eq(&mailbox).or(positions::is_left.eq(true)))
        .select(positions::id)
        .load(db)?;
    let mut carried = 0;
    for some in of.chunks(IN_LIST) {
        let waiting = |some: &[EmailId]| {
            server_actions::table
                .filter(server_actions::position_id.eq_any(earlier.clone()))
                .filter(server_actions::email_id.eq_any(some.to_vec()))
                .filter(server_actions::done_at.is_null())
        };
        let rows = waiting(some)
            .inner_join(fates::table.on(fates::email_id.eq(server_actions::email_id.nullable())))
            .filter(fates::position_id.eq(to))
            .select((
                fates::uid,
                server_actions::verb,
                server_actions::email_id,
                server_actions::target,
                server_actions::asked_by,
                server_actions::created_at,
                server_actions::stage.is_not_null(),
            ))
            .load::<(i64, ServerVerb, EmailId, String, AskedBy, i64, bool)>(db)?;
        // A copy of it may be where it was to go: it is looked for there first.
        let begun: Vec<EmailId> = rows.iter().filter(|row| row.6).map(|row| row.2).collect();
        let (mut known, mut new) = (BTreeSet::new(), Vec::new());
        for (uid, verb, email_id, target, asked_by, created_at, _) in rows {
            if known.insert((uid, verb)) {
                let (due_at, attempts) = (Some(now), 0);
                new.push(ActionRow { position_id: to, uid, verb, email_id, target, asked_by, created_at, due_at, attempts });
            }
        }
        let found: Vec<EmailId> = new.iter().map(|row| row.email_id).collect();
        carried += new.len();
        insert(db, &new)?;
        let moved = server_actions::table
            .filter(server_actions::position_id.eq(to))
            .filter(server_actions::email_id.eq_any(&begun))
            .filter(server_actions::verb.eq(ServerVerb::Move))
            .filter(server_actions::done_at.is_null());
        diesel::update(moved).set(server_actions::stage.eq(MoveStage::Copying)).execute(db)?;
        diesel::delete(waiting(&found)).execute(db)?;
    }
    Ok(carried)
}

/// Whether something of the account was done with these words before: its people have heard of that.
pub fn was_said(db: &mut Database, account: AccountId, word: &str) -> Result<bool> {
    let of_account = positions::table.filter(positions::account_id.eq(account)).select(positions::id);
    let done = server_actions::table
        .filter(server_actions::position_id.eq_any(of_account))
        .filter(server_actions::done_at.is_not_null())
        .filter(server_actions::last_error.eq(word));
    Ok(diesel::select(exists(done)).get_result(db)?)
}

/// How much of an account waits, as people see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Waiting {
    /// Not done, what waits for a person's word included.
    pub due: i64,
    /// Of these, what failed at least once.
    pub failing: i64,
    /// Not tried any more by itself.
    pub given_up: i64,
    pub last_error: Option<String>,
}

/// Says how much waits of some accounts; those of which nothing does are left out.
pub fn waiting(db: &mut Database, of: &[AccountId]) -> Result<BTreeMap<AccountId, Waiting>> {
    let mut all: BTreeMap<AccountId, Waiting> = BTreeMap::new();
    macro_rules! counted {
        ($some:expr, $condition:expr) => {
            server_actions::table
                .inner_join(positions::table.on(positions::id.eq(server_actions::position_id)))
                .filter(positions::account_id.eq_any($some))
                .filter(server_actions::done_at.is_null())
                .filter($condition)
                .group_by(positions::account_id)
                .select((positions::account_id, count_star(), max(server_actions::last_error)))
                .load::<(AccountId, i64, Option<String>)>(db)?
        };
    }
    for some in of.chunks(IN_LIST) {
        for (account, count, error) in counted!(some, server_actions::due_at.is_not_null()) {
            let waiting = all.entry(account).or_default();
            (waiting.due, waiting.last_error) = (count, error);
        }
        let failed = server_actions::due_at.is_not_null().and(server_actions::last_error.is_not_null());
        for (account, count, _) in counted!(some, failed) {
            all.entry(account).or_default().failing = count;
        }
        for (account, count, error) in counted!(some, server_actions::due_at.is_null()) {
            let waiting = all.entry(account).or_default();
            waiting.given_up = count;
            waiting.last_error = waiting.last_error.take().or(error);
        }
    }
    Ok(all)
}

/// Whether the mailbox is one that is read: whatever waits in another one waits until it is.
macro_rules! is_watched {
    () => {{
        let read = account_mailboxes::table
            .filter(account_mailboxes::account_id.eq(positions::account_id))
            .filter(account_mailboxes::name.eq(positions::mailbox));
        exists(read).and(positions::is_left.eq(false))
    }};
}

/// How much is not done on the server of an account, where that is something for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stuck {
    pub given_up: i64,
    /// Why the last of them was.
    pub last_error: Option<String>,
    /// In mailboxes that are not read any more, and one of those.
    pub unwatched: i64,
    pub mailbox: Option<String>,
}

/// Says how much is due now, and by the name of the account what does not go on by itself.
pub fn stuck(db: &mut Database, now: i64) -> Result<(i64, BTreeMap<String, Stuck>)> {
    macro_rules! waiting {
        ($condition:expr) => {
            server_actions::table
                .inner_join(positions::table.on(positions::id.eq(server_actions::position_id)))
                .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
                .filter(server_actions::done_at.is_null())
                .filter($condition)
        };
    }
    let is_due = || server_actions::due_at.is_not_null().and(server_actions::due_at.le(now));
    let due = waiting!(is_watched!()).filter(is_due()).filter(is_decided!()).count().get_result(db)?;
    let mut stuck: BTreeMap<String, Stuck> = BTreeMap::new();
    let given_up = waiting!(is_watched!())
        .filter(server_actions::due_at.is_null())
        .group_by(accounts::name)
        .select((accounts::name, count_star(), max(server_actions::last_error)))
        .load::<(String, i64, Option<String>)>(db)?;
    for (account, count, error) in given_up {
        stuck.insert(account, Stuck { given_up: count, last_error: error, ..Stuck::default() });
    }
    let unwatched = waiting!(not(is_watched!()))
        .group_by(accounts::name)
        .select((accounts::name, count_star(), max(positions::mailbox)))
        .load::<(String, i64, Option<String>)>(db)?;
    for (account, count, mailbox) in unwatched {
        let of = stuck.entry(account).or_default();
        (of.unwatched, of.mailbox) = (count, mailbox);
    }
    Ok((due, stuck))
}

/// One row as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, serde::Serialize)]
pub struct Shown {
    pub account: String,
    pub mailbox: String,
    pub uid: i64,
    pub email: EmailId,
    pub verb: ServerVerb,
    pub target: String,
    pub asked_by: AskedBy,
    #[serde(serialize_with = "crate::clock::optional")]
    pub due_at: Option<i64>,
    pub attempts: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub done_at: Option<i64>,
    pub last_error: Option<String>,
    /// It waits for a person's word.
    pub held: bool,
    /// Its mailbox is read; else it waits until it is.
    pub watched: bool,
}

macro_rules! shown {
    ($db:expr, $condition:expr) => {{
        let waiting = reviews::table.filter(reviews::email_id.eq(server_actions::email_id)).filter(reviews::decision.is_null());
        server_actions::table
            .inner_join(positions::table.on(positions::id.eq(server_actions::position_id)))
            .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
            .filter($condition)
            .select((
                accounts::name,
                positions::mailbox,
                server_actions::uid,
                server_actions::email_id,
                server_actions::verb,
                server_actions::target,
                server_actions::asked_by,
                server_actions::due_at,
                server_actions::attempts,
                server_actions::done_at,
                server_actions::last_error,
                exists(waiting),
                is_watched!(),
            ))
    }};
}

/// Lists what is not done of an account, or of one of its mailboxes, the oldest first, this many at the most; says how many there are besides.
pub fn pending(db: &mut Database, of: AccountId, mailbox: Option<&str>, most: i64) -> Result<(Vec<Shown>, i64)> {
    let positions = positions_of(db, of, mailbox)?;
    let condition = || server_actions::position_id.eq_any(positions.clone()).and(server_actions::done_at.is_null());
    let order = (server_actions::created_at, server_actions::position_id, server_actions::uid, server_actions::verb);
    let shown = shown!(db, condition()).order(order).limit(most).load::<Shown>(db)?;
    let all: i64 = server_actions::table.filter(condition()).count().get_result(db)?;
    Ok((shown, all.saturating_sub(most).max(0)))
}

/// The positions of an account, or of one of its mailboxes.
fn positions_of(db: &mut Database, account: AccountId, mailbox: Option<&str>) -> Result<Vec<PositionId>> {
    let mut query = positions::table.filter(positions::account_id.eq(account)).select(positions::id).into_boxed();
    if let Some(mailbox) = mailbox {
        query = query.filter(positions::mailbox.eq(mailbox));
    }
    Ok(query.load(db)?)
}

/// Returns everything that was to be done with an e-mail, the oldest first.
pub fn of_email(db: &mut Database, email: EmailId) -> Result<Vec<Shown>> {
    let order = (server_actions::created_at, server_actions::position_id, server_actions::uid);
    let mut shown = shown!(db, server_actions::email_id.eq(email)).order(order).load::<Shown>(db)?;
    shown.sort_by_key(|one| (one.done_at.is_none(), one.verb));
    Ok(shown)
}

/// An account, by number and name, and one of its mailboxes where only that is meant.
pub type Which<'a> = (AccountId, &'a str, Option<&'a str>);

/// Makes what is not done of an account due again, what was given up included. Returns how much.
pub fn retry(db: &mut Database, permit: &Permit<'_>, (account, name, mailbox): Which<'_>, now: i64) -> Result<usize> {
    let copies = if mailbox.is_none() { copy::retry(db, permit, account, now)? } else { 0 };
    let again = due_again(db, account, mailbox, now)? + copies;
    access::record(db, permit, "account actions", &format!("account:{name}"), &format!("{again} due again"), now)?;
    Ok(again)
}

/// The same without a word in the audit: what it waited for may have changed with the account.
pub fn try_again(db: &mut Database, _permit: &Permit<'_>, account: AccountId, now: i64) -> Result<usize> {
    due_again(db, account, None, now)
}

fn due_again(db: &mut Database, account: AccountId, mailbox: Option<&str>, now: i64) -> Result<usize> {
    let positions = positions_of(db, account, mailbox)?;
    let waiting =
        server_actions::table.filter(server_actions::position_id.eq_any(positions)).filter(server_actions::done_at.is_null());
    Ok(diesel::update(waiting).set((server_actions::due_at.eq(now), server_actions::attempts.eq(0))).execute(db)?)
}

/// Forgets what is not done of an account: messages stay on the server as they are. Returns how much.
pub fn drop(db: &mut Database, permit: &Permit<'_>, (account, name, mailbox): Which<'_>, now: i64) -> Result<usize> {
    let positions = positions_of(db, account, mailbox)?;
    let waiting =
        server_actions::table.filter(server_actions::position_id.eq_any(positions)).filter(server_actions::done_at.is_null());
    let copies = if mailbox.is_none() { copy::forget(db, permit, account)? } else { 0 };
    let dropped = diesel::delete(waiting).execute(db)? + copies;
    access::record(db, permit, "account actions", &format!("account:{name}"), &format!("{dropped} dropped"), now)?;
    Ok(dropped)
}

/// Forgets what is not done because of the account's own setting: it says something else now.
pub fn forget(db: &mut Database, _permit: &Permit<'_>, account: AccountId) -> Result<()> {
    let of_account = positions::table.filter(positions::account_id.eq(account)).select(positions::id);
    let waiting = server_actions::table
        .filter(server_actions::position_id.eq_any(of_account))
        .filter(server_actions::done_at.is_null())
        .filter(server_actions::asked_by.eq(AskedBy::Account));
    diesel::delete(waiting).execute(db)?;
    Ok(())
}

/// A user has read an e-mail, or says that it is unread: in the mailboxes of a personal account of theirs that wants it, it is seen.
pub(super) fn read_by(db: &mut Database, email: EmailId, user: UserId, read: bool, now: i64) -> Result<()> {
    let of_user = positions::table
        .inner_join(accounts::table.on(accounts::id.eq(positions::account_id)))
        .inner_join(fates::table.on(fates::position_id.eq(positions::id)))
        .filter(fates::email_id.eq(email))
        .filter(accounts::owner_id.eq(user))
        .filter(accounts::seen_back.eq(true))
        .filter(positions::uidvalidity.ne(0))
        .filter(positions::is_left.eq(false));
    let rows = of_user.select((positions::id, fates::uid, positions::account_id, positions::mailbox)).load::<(
        PositionId,
        i64,
        AccountId,
        String,
    )>(db)?;
    if rows.is_empty() {
        return Ok(());
    }
    if !read {
        let waiting = server_actions::table
            .filter(server_actions::email_id.eq(email))
            .filter(server_actions::asked_by.eq(AskedBy::Reader))
            .filter(server_actions::done_at.is_null());
        diesel::delete(waiting).execute(db)?;
        return Ok(());
    }
    let places = in_force(db, rows)?;
    let row = |(position_id, uid): (PositionId, i64)| ActionRow {
        position_id,
        uid,
        verb: ServerVerb::Seen,
        email_id: email,
        target: String::new(),
        asked_by: AskedBy::Reader,
        created_at: now,
        due_at: Some(now),
        attempts: 0,
    };
    insert(db, &places.into_iter().map(row).collect::<Vec<_>>())
}

/// Of UIDs of some mailboxes, those that mean what they did, in mailboxes that are read: a mailbox that was listed again has others now (FETCH-5).
fn in_force(db: &mut Database, rows: Vec<(PositionId, i64, AccountId, String)>) -> Result<Vec<(PositionId, i64)>> {
    let accounts: Vec<AccountId> = rows.iter().map(|row| row.2).collect();
    let watched = account_mailboxes::table
        .filter(account_mailboxes::account_id.eq_any(&accounts))
        .select((account_mailboxes::account_id, account_mailboxes::name))
        .load::<(AccountId, String)>(db)?;
    let latest = positions::table
        .filter(positions::account_id.eq_any(&accounts))
        .filter(positions::uidvalidity.ne(0))
        .filter(positions::is_left.eq(false))
        .group_by((positions::account_id, positions::mailbox))
        .select((positions::account_id, positions::mailbox, max(positions::id)))
        .load::<(AccountId, String, Option<PositionId>)>(db)?;
    let is_read = |account: AccountId, mailbox: &String| watched.iter().any(|(of, name)| *of == account && name == mailbox);
    let latest: BTreeSet<PositionId> =
        latest.into_iter().filter(|(account, mailbox, _)| is_read(*account, mailbox)).filter_map(|(.., id)| id).collect();
    Ok(rows.into_iter().filter(|(id, ..)| latest.contains(id)).map(|(id, uid, ..)| (id, uid)).collect())
}
