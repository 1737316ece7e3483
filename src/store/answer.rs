//! What group accounts answer by themselves (ACK-1).

use anyhow::Result;
use diesel::prelude::*;

use super::column::columns;
use super::schema::{account_answers, accounts};
use super::{Database, sending};
use crate::decide::access::Permit;
use crate::decide::sender::internal;
use crate::settings::{AnswerSettings, answer_settings};
use crate::words::AccountId;

/// How an account answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    pub template: i64,
    pub settings: AnswerSettings,
}

answer_settings!(columns Row in account_answers is AnswerSettings);

/// Returns how an account answers; none where it does not.
pub fn of(db: &mut Database, id: AccountId) -> Result<Option<Answers>> {
    let of = account_answers::table.find(id).select((account_answers::template_id, Row::as_select()));
    let found = of.first::<(i64, Row)>(db).optional()?;
    Ok(found.map(|(template, row)| Answers { template, settings: row.into() }))
}

/// Sets how an account answers.
pub fn set(db: &mut Database, _permit: &Permit<'_>, id: AccountId, answers: Option<&Answers>) -> Result<()> {
    let Some(answers) = answers else {
        diesel::delete(account_answers::table.find(id)).execute(db)?;
        return Ok(());
    };
    let row = || (account_answers::template_id.eq(answers.template), Row::from(&answers.settings));
    if diesel::update(account_answers::table.find(id)).set(row()).execute(db)? == 0 {
        let (template, settings) = row();
        let new = (account_answers::account_id.eq(id), template, settings);
        diesel::insert_into(account_answers::table).values(new).execute(db)?;
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
