//! Notifications: what people hear of (NOTIFY). Those of incoming mail are written by the batch; here are those of what
//! people and servers do, and what users do with them.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::dialect::{insert_all, insert_new};
use super::named::{RecordName, names_of};
use super::noun::{counted, in_lists};
use super::outbox::SKEW;
use super::schema::{accounts, emails, notes, notifications, records, users};
use super::{Backend, Database, access, clean, email, lock, next_number, relation, reserve, rights};
use crate::decide::Next;
use crate::decide::access::{Actor, Inbox, Permitted, sight};
use crate::decide::digest::YOUNGEST;
use crate::fault::{Class, Fault};
use crate::plural;
use crate::words::{AccountId, EmailId, NoteId, NotificationId, NotificationKind, RecordId, RoleScope, UserId};

/// A notification as a row.
#[derive(Insertable)]
#[diesel(table_name = notifications, treat_none_as_default_value = false)]
pub(super) struct NotificationRow {
    /// Given when it is written.
    pub id: i64,
    pub user_id: UserId,
    pub kind: NotificationKind,
    pub email_id: Option<EmailId>,
    pub note_id: Option<NoteId>,
    pub record_id: Option<RecordId>,
    pub detail: String,
    pub created_at: i64,
    pub is_read: bool,
    pub is_held: bool,
    pub is_mailed: bool,
}

impl NotificationRow {
    /// A notification that has no number yet, of no e-mail and no note.
    pub(super) fn new(user: UserId, kind: NotificationKind, record: Option<RecordId>, detail: &str, now: i64) -> Self {
        Self {
            id: 0,
            user_id: user,
            kind,
            email_id: None,
            note_id: None,
            record_id: record,
            detail: clean(detail).into_owned(),
            created_at: now,
            is_read: false,
            is_held: false,
            is_mailed: false,
        }
    }
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: NotificationKind,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
    pub read: bool,
    pub record: Option<RecordName>,
    pub email: Option<EmailId>,
    /// Of the e-mail, as long as the user may read it.
    pub from: Option<String>,
    /// It says that one of us wrote it, and nothing vouches for that (ACCESS-5).
    pub sender_not_verified: bool,
    pub subject: Option<String>,
    /// What the kind alone does not say.
    pub detail: String,
}

/// Writes the notifications of a batch; a user hears of an e-mail once. What is told of new e-mails goes the faster way.
pub(super) fn insert(db: &mut Database, before: &Next, mut rows: Vec<NotificationRow>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let first = reserve(db, "notification", rows.len())?;
    for (id, row) in (first..).zip(&mut rows) {
        row.id = id;
    }
    let (new, mut old): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.email_id.is_none_or(|email| email.0 >= before.email));
    insert_all!(&mut *db, notifications::table, &new).context("writing notifications")?;
    // A note that the stream had already was not written again (NOTE-1).
    for some in old.chunks_mut(super::IN_LIST) {
        let named = some.iter().filter_map(|row| row.note_id);
        let there: HashSet<NoteId> =
            notes::table.filter(notes::id.eq_any(named)).select(notes::id).load(db)?.into_iter().collect();
        some.iter_mut().for_each(|row| row.note_id = row.note_id.filter(|note| there.contains(note)));
    }
    // That something did not arrive outdoes whatever was said of the e-mail before.
    for row in old.iter().filter(|row| row.kind == NotificationKind::Bounce) {
        let there =
            notifications::table.filter(notifications::user_id.eq(row.user_id)).filter(notifications::email_id.eq(row.email_id));
        diesel::delete(there).execute(db)?;
    }
    insert_new!(&mut *db, notifications::table, &old).context("writing notifications")?;
    Ok(())
}

/// What was told of an e-mail names the record that it belongs to now.
pub(super) fn follow_email(db: &mut Database, email: EmailId, record: Option<RecordId>) -> Result<()> {
    let told = notifications::table.filter(notifications::email_id.eq(email));
    diesel::update(told).set(notifications::record_id.eq(record)).execute(db)?;
    Ok(())
}

/// Tells a user something that is not about an e-mail.
pub(super) fn tell(
    db: &mut Database,
    user: UserId,
    kind: NotificationKind,
    record: Option<RecordId>,
    detail: &str,
    now: i64,
) -> Result<()> {
    lock(db)?;
    let mut row = NotificationRow::new(user, kind, record, detail, now);
    row.id = next_number(db, "notification")?;
    diesel::insert_into(notifications::table).values(&row).execute(db)?;
    Ok(())
}

/// FETCH-12: tells how fetching an account goes: the owner of a personal account, the administrators of a group account.
pub(super) fn of_account(db: &mut Database, account: AccountId, what: &str, now: i64) -> Result<()> {
    let (name, owner): (String, Option<i64>) =
        accounts::table.find(account).select((accounts::name, accounts::owner_id)).first(db)?;
    let mut of = users::table.filter(users::active.eq(true)).into_boxed();
    of = match owner {
        Some(owner) => of.filter(users::id.eq(owner)),
        None => of.filter(users::administrator.eq(true)),
    };
    for user in of.order(users::id).select(users::id).load(db)? {
        tell(db, user, NotificationKind::Account, None, &format!("account {name} {what}"), now)?;
    }
    Ok(())
}

/// The same, where nobody was told just that within a day.
pub fn of_account_daily(db: &mut Database, account: AccountId, what: &str, now: i64) -> Result<()> {
    let lately = notifications::table.filter(notifications::kind.eq(NotificationKind::Account));
    // What was told while the clock was ahead was told long ago.
    let lately = lately.filter(notifications::created_at.between(now - 86_400 + 1, now + SKEW));
    let lately = lately.select(notifications::detail).load::<String>(db)?;
    if lately.iter().any(|told| told.ends_with(what)) { Ok(()) } else { of_account(db, account, what, now) }
}

/// What a user sees of their notifications.
fn seen(user: UserId, unread: bool) -> notifications::BoxedQuery<'static, Backend> {
    let visible = notifications::table.filter(notifications::user_id.eq(user)).filter(notifications::is_held.eq(false));
    let query = visible.into_boxed();
    if unread { query.filter(notifications::is_read.eq(false)) } else { query }
}

/// Counts a user's notifications, no more than asked for.
pub fn count(db: &mut Database, user: UserId, unread: bool, most: i64) -> Result<i64> {
    counted!(db, seen(user, unread), notifications::id, most)
}

/// Lists a user's notifications, the newest first, with the names of those records that they may read.
pub fn list(db: &mut Database, user: UserId, unread: bool, (limit, offset): (i64, i64)) -> Result<Vec<Notification>> {
    let newest = seen(user, unread).order(notifications::id.desc()).limit(limit).offset(offset);
    let rows = newest.select(Row::as_select()).load::<Row>(db)?;
    let actor = rights::actor(db, "", user, false)?;
    let about: Vec<RecordId> = rows.iter().filter_map(|row| row.record_id).collect();
    let mut list = read(db, &actor, rows)?;
    // What somebody was given is theirs to know, whatever their roles are.
    let given = in_lists(db, &about, |db, some| {
        let theirs = records::table.filter(records::id.eq_any(some)).filter(records::assigned_user_id.eq(user));
        Ok(theirs.select((records::kind, records::number)).load::<RecordName>(db)?)
    })?;
    let mut known = relation::readable(db, &actor, list.iter().filter_map(|one| one.record))?;
    known.extend(given);
    list.iter_mut().for_each(|one| one.record = one.record.filter(|record| known.contains(record)));
    Ok(list)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = notifications)]
struct Row {
    id: NotificationId,
    kind: NotificationKind,
    created_at: i64,
    is_read: bool,
    record_id: Option<RecordId>,
    email_id: Option<EmailId>,
    detail: String,
}

/// Reads rows for their user, with as much of the e-mails as they may read; in as many queries as for one.
fn read(db: &mut Database, actor: &Actor, rows: Vec<Row>) -> Result<Vec<Notification>> {
    let names = names_of(db, rows.iter().map(|row| row.record_id))?;
    let emails: Vec<EmailId> = rows.iter().filter_map(|row| row.email_id).collect();
    let read = in_lists(db, &emails, |db, some| {
        let Some(visible) = relation::visible_emails(&sight(actor, RoleScope::Email)) else { return Ok(Vec::new()) };
        let theirs = emails::table.filter(emails::id.eq_any(some)).filter(visible);
        let columns = (emails::from_address, emails::subject, emails::is_claimed);
        Ok(theirs.select((emails::id, columns)).load::<(EmailId, (String, String, bool))>(db)?)
    })?;
    let read: HashMap<EmailId, (String, String, bool)> = read.into_iter().collect();
    let notification = |row: Row| {
        let (from, subject, sender_not_verified) = match row.email_id.and_then(|email| read.get(&email).cloned()) {
            Some((from, subject, is_claimed)) => (Some(from), Some(subject), is_claimed),
            None => (None, None, false),
        };
        let record = row.record_id.and_then(|record| names.get(&record).copied());
        let Row { id, kind, created_at: at, is_read, email_id: email, detail, .. } = row;
        Notification { id, kind, at, read: is_read, record, email, from, sender_not_verified, subject, detail }
    };
    Ok(rows.into_iter().map(notification).collect())
}

/// A notification that is to be told by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub notification: Notification,
    /// Who got its e-mail openly: To and Cc, in comparison form.
    pub recipients: BTreeSet<String>,
}

/// What was written down within a period, or, while the clock was ahead, later than anything can be: that waits for no date to come.
macro_rules! of_period {
    ($after:expr, $until:expr) => {
        notifications::created_at
            .gt($after)
            .and(notifications::created_at.le($until))
            .or(notifications::created_at.gt(i64::saturating_add($until, 2 * YOUNGEST)))
    };
}

/// Returns the users who want to be told by mail and have something of the period to be told (NOTIFY-3). Times are seconds since
/// 1970 UTC.
pub fn wanting_mail(db: &mut Database, (after, until): (i64, i64)) -> Result<Vec<UserId>> {
    let users = notifications::table
        .inner_join(users::table.on(users::id.eq(notifications::user_id)))
        .filter(users::active.eq(true).and(users::notify_by_mail.eq(true)))
        .filter(notifications::is_read.eq(false).and(notifications::is_held.eq(false)))
        .filter(notifications::is_mailed.eq(false))
        .filter(of_period!(after, until))
        .order(users::id)
        .select(users::id)
        .distinct()
        .load(db)?;
    Ok(users)
}

/// Returns what a user is to be told by mail, the oldest first.
pub fn due_by_mail(db: &mut Database, user: UserId, (after, until): (i64, i64)) -> Result<Vec<Due>> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::is_read.eq(false).and(notifications::is_held.eq(false)))
        .filter(notifications::is_mailed.eq(false))
        .filter(of_period!(after, until))
        .order(notifications::id)
        .select(Row::as_select())
        .load::<Row>(db)?;
    let actor = rights::actor(db, "", user, false)?;
    let read = read(db, &actor, rows)?;
    let emails: Vec<EmailId> = read.iter().filter_map(|one| one.email).collect();
    let recipients = email::recipients_of(db, &emails)?;
    let due = |notification: Notification| {
        let recipients = notification.email.and_then(|email| recipients.get(&email).cloned()).unwrap_or_default();
        Due { notification, recipients }
    };
    Ok(read.into_iter().map(due).collect())
}

/// Marks all as told by mail: those who want mail may have got it from another copy of the database.
pub fn mark_all_mailed(db: &mut Database) -> Result<()> {
    diesel::update(notifications::table.filter(notifications::is_mailed.eq(false)))
        .set(notifications::is_mailed.eq(true))
        .execute(db)?;
    Ok(())
}

/// Writes down that they were told of by mail: it is done once.
pub fn mark_mailed(db: &mut Database, due: &[Due]) -> Result<()> {
    for some in due.chunks(super::IN_LIST) {
        let ids = some.iter().map(|one| one.notification.id);
        diesel::update(notifications::table.filter(notifications::id.eq_any(ids)))
            .set(notifications::is_mailed.eq(true))
            .execute(db)?;
    }
    Ok(())
}

/// Marks notifications of a user as read: these, or all when none are named. Returns how many were unread.
pub fn mark_read(db: &mut Database, inbox: &Permitted<'_, Inbox>, ids: &[NotificationId], now: i64) -> Result<usize> {
    let Inbox(user) = *inbox.thing();
    for id in ids {
        let theirs = notifications::table
            .filter(notifications::id.eq(id))
            .filter(notifications::user_id.eq(user))
            .filter(notifications::is_held.eq(false));
        if theirs.count().get_result::<i64>(db)? == 0 {
            let hint = "try: espomail notification list";
            return Err(Fault::new(Class::Data, format!("there is no notification {id}")).hint(hint).into());
        }
    }
    let unread = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::is_read.eq(false))
        .filter(notifications::is_held.eq(false));
    let read = notifications::is_read.eq(true);
    let marked = match ids {
        [] => diesel::update(unread).set(read).execute(db)?,
        ids => {
            let mut marked = 0;
            for some in ids.chunks(super::IN_LIST) {
                marked += diesel::update(unread.filter(notifications::id.eq_any(some))).set(read).execute(db)?;
            }
            marked
        }
    };
    if marked > 0 {
        let login: String = users::table.find(user).select(users::login).first(db)?;
        let detail = plural::counted(marked, "notification");
        access::record(db, inbox.permit(), "notification read", &format!("user:{login}"), &detail, now)?;
    }
    Ok(marked)
}

/// Who reads an e-mail has heard of it.
pub(super) fn heard(db: &mut Database, user: UserId, email: EmailId) -> Result<()> {
    let of = notifications::table.filter(notifications::user_id.eq(user)).filter(notifications::email_id.eq(email));
    diesel::update(of).set(notifications::is_read.eq(true)).execute(db)?;
    Ok(())
}
