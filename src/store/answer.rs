//! What group accounts answer by themselves (ACK-1).

use anyhow::Result;
use diesel::prelude::*;

use super::schema::{account_answers, accounts};
use super::{Database, sending};
use crate::decide::access::Permit;
use crate::decide::sender::internal;
use crate::words::AccountId;

/// How an account answers by itself.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_answers, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Answers {
    #[diesel(column_name = template_id)]
    pub template: i64,
    /// As whom (ACK-2); none is the account itself.
    #[diesel(column_name = from_address)]
    pub from: Option<String>,
    pub from_name: Option<String>,
    /// Where answers to the answer go; none is where those to the account go.
    pub reply_to: Option<String>,
    /// Only senders whom our border vouches for are answered (ACK-4).
    pub authenticated_only: bool,
}

/// Returns how an account answers; none where it does not.
pub fn of(db: &mut Database, id: AccountId) -> Result<Option<Answers>> {
    Ok(account_answers::table.find(id).select(Answers::as_select()).first(db).optional()?)
}

/// Sets how an account answers.
pub fn set(db: &mut Database, _permit: &Permit<'_>, id: AccountId, answers: Option<&Answers>) -> Result<()> {
    let Some(answers) = answers else {
        diesel::delete(account_answers::table.find(id)).execute(db)?;
        return Ok(());
    };
    if diesel::update(account_answers::table.find(id)).set(answers).execute(db)? == 0 {
        diesel::insert_into(account_answers::table).values((answers, account_answers::account_id.eq(id))).execute(db)?;
    }
    Ok(())
}

/// Returns the active accounts that are to answer by themselves and have nothing to send through (ACK-2), by number and name.
pub fn mute(db: &mut Database) -> Result<Vec<(AccountId, String)>> {
    let outlets = sending::outlets(db)?;
    let answering = account_answers::table
        .inner_join(accounts::table.on(accounts::id.eq(account_answers::account_id)))
        .filter(accounts::active.eq(true))
        .order(accounts::name)
        .select((accounts::id, accounts::name))
        .load::<(AccountId, String)>(db)?;
    Ok(answering.into_iter().filter(|(id, _)| internal(*id, &outlets).is_none()).collect())
}

/// Returns the names of the accounts that answer with a template.
pub fn using(db: &mut Database, template: i64) -> Result<Vec<String>> {
    Ok(account_answers::table
        .inner_join(accounts::table.on(accounts::id.eq(account_answers::account_id)))
        .filter(account_answers::template_id.eq(template))
        .order(accounts::name)
        .select(accounts::name)
        .load(db)?)
}
