//! What was not done because a budget was spent (ACK-3), until a person says what becomes of it.

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::dialect::insert_new;
use super::noun::{counted, in_lists};
use super::schema::{accounts, emails, held_actions, notifications};
use super::{Backend, Database, WHOLE, clean, hook, lock, reserve};
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::words::{AccountId, BudgetAction, EmailId, HeldId};

/// A held action as a row.
#[derive(Insertable)]
#[diesel(table_name = held_actions, treat_none_as_default_value = false)]
pub(super) struct HeldRow {
    /// Given when it is written.
    id: i64,
    email_id: EmailId,
    account_id: AccountId,
    action: BudgetAction,
    because: String,
    created_at: i64,
}

impl HeldRow {
    pub fn new(email: EmailId, account: AccountId, action: BudgetAction, because: &Reason, now: i64) -> Self {
        let because = clean(&because.to_string()).into_owned();
        Self { id: 0, email_id: email, account_id: account, action, because, created_at: now }
    }
}

impl HeldRow {
    /// The e-mail, the account and the reason, where it is an answer that waits.
    pub fn answer(&self) -> Option<(EmailId, AccountId, &str)> {
        (self.action == BudgetAction::Answer).then_some((self.email_id, self.account_id, self.because.as_str()))
    }
}

/// Writes held actions; the same of the same e-mail waits once.
pub(super) fn insert(db: &mut Database, mut rows: Vec<HeldRow>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let first = reserve(db, "held", rows.len())?;
    rows.iter_mut().zip(first..).for_each(|(row, id)| row.id = id);
    insert_new!(&mut *db, held_actions::table, &rows).context("writing what is held")?;
    Ok(())
}

/// Holds an action that failed, so that a person hears of it.
pub fn hold(
    db: &mut Database,
    email: EmailId,
    account: AccountId,
    action: BudgetAction,
    because: &Reason,
    now: i64,
) -> Result<()> {
    lock(db)?;
    if action == BudgetAction::Answer {
        hook::answer_held(db, email, account, &because.to_string(), now)?;
    }
    insert(db, vec![HeldRow::new(email, account, action, because, now)])
}

/// An action that waits for a person's word.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct HeldAction {
    pub id: HeldId,
    pub action: BudgetAction,
    pub email: EmailId,
    pub from: String,
    pub subject: String,
    /// The account that the e-mail came through.
    pub account: String,
    #[serde(skip)]
    pub account_id: AccountId,
    #[serde(flatten)]
    pub because: Reason,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct HeldFilter {
    pub ids: Option<Vec<HeldId>>,
    pub action: Option<BudgetAction>,
    pub account: Option<AccountId>,
    /// None is all.
    pub limit: Option<i64>,
    pub offset: i64,
}

/// The actions that somebody asks for.
fn chosen(filter: &HeldFilter) -> held_actions::BoxedQuery<'_, Backend> {
    let mut query = held_actions::table.into_boxed();
    if let Some(ids) = &filter.ids {
        query = query.filter(held_actions::id.eq_any(ids));
    }
    if let Some(action) = filter.action {
        query = query.filter(held_actions::action.eq(action));
    }
    if let Some(account) = filter.account {
        query = query.filter(held_actions::account_id.eq(account));
    }
    query
}

/// Counts what is held, no more than asked for.
pub fn count(db: &mut Database, filter: &HeldFilter, most: i64) -> Result<i64> {
    counted!(db, chosen(filter), held_actions::id, most)
}

/// Lists what is held, the oldest first.
pub fn list(db: &mut Database, filter: &HeldFilter) -> Result<Vec<HeldAction>> {
    let oldest = chosen(filter).order(held_actions::id).limit(filter.limit.unwrap_or(WHOLE)).offset(filter.offset);
    let ids = oldest.select(held_actions::id).load::<HeldId>(db)?;
    type Row = (HeldId, BudgetAction, EmailId, (String, String), (String, AccountId), String, i64);
    let held = |(id, action, email, (from, subject), (account, account_id), because, created_at): Row| HeldAction {
        id,
        action,
        email,
        from,
        subject,
        account,
        account_id,
        because: Reason::read(&because),
        created_at,
    };
    in_lists(db, &ids, |db, some| {
        let rows = held_actions::table
            .inner_join(emails::table.on(emails::id.eq(held_actions::email_id)))
            .inner_join(accounts::table.on(accounts::id.eq(held_actions::account_id)))
            .filter(held_actions::id.eq_any(some))
            .order(held_actions::id)
            .select((
                held_actions::id,
                held_actions::action,
                held_actions::email_id,
                (emails::from_address, emails::subject),
                (accounts::name, accounts::id),
                held_actions::because,
                held_actions::created_at,
            ))
            .load::<Row>(db)?;
        Ok(rows.into_iter().map(held).collect())
    })
}

/// Ends the waiting of an action: it is done by the caller, or never. Of two who say so at once the second hears that it is over.
pub fn take(db: &mut Database, held: &HeldAction) -> Result<()> {
    lock(db)?;
    if diesel::delete(held_actions::table.find(held.id)).execute(db)? == 0 {
        return Err(missing(held.id));
    }
    Ok(())
}

/// Lets the people hear who were not told of an e-mail.
pub fn tell(db: &mut Database, email: EmailId, now: i64) -> Result<()> {
    let waiting = notifications::table.filter(notifications::email_id.eq(email)).filter(notifications::is_held.eq(true));
    diesel::update(waiting).set((notifications::is_held.eq(false), notifications::created_at.eq(now))).execute(db)?;
    Ok(())
}

/// Forgets whom an e-mail was to be told.
pub fn forget(db: &mut Database, email: EmailId) -> Result<()> {
    let waiting = notifications::table.filter(notifications::email_id.eq(email)).filter(notifications::is_held.eq(true));
    diesel::delete(waiting).execute(db)?;
    Ok(())
}

/// Makes the error for an action that does not wait.
pub fn missing(id: HeldId) -> anyhow::Error {
    Fault::new(Class::Data, format!("there is no held action {id}")).hint("try: espomail budget list").into()
}
