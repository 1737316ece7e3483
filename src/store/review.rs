//! E-mails that wait for a person's word (LINK-3, FILTER-4).

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::named::{RecordName, names_of};
use super::noun::{counted, in_lists};
use super::schema::{accounts, email_accounts, email_teams, email_users, emails, reviews};
use super::{Backend, Database};
use crate::decide::access::Sight;
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::words::{AccountId, EmailId, RecordId, ReviewDecision, ReviewId, UserId};

/// An e-mail that waits, or waited. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Review {
    pub id: ReviewId,
    pub email: EmailId,
    pub from: String,
    pub subject: String,
    /// The e-mail account it came through.
    pub account: Option<String>,
    /// The record it may belong to.
    pub candidate: Option<RecordName>,
    #[serde(flatten)]
    pub because: Reason,
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
    pub decision: Option<ReviewDecision>,
    #[serde(serialize_with = "crate::clock::optional")]
    pub decided_at: Option<i64>,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ReviewFilter {
    /// What the one who asks may see of e-mails.
    pub sight: Sight,
    pub account: Option<AccountId>,
    /// Also those that are decided.
    pub all: bool,
    pub limit: i64,
    pub offset: i64,
}

type Row =
    (ReviewId, EmailId, (String, String), Option<String>, Option<RecordId>, String, (i64, Option<i64>), Option<ReviewDecision>);

fn review(names: &HashMap<RecordId, RecordName>, row: Row) -> Review {
    let (id, email, (from, subject), account, candidate, because, (created_at, decided_at), decision) = row;
    Review {
        id,
        email,
        from,
        subject,
        account,
        candidate: candidate.and_then(|candidate| names.get(&candidate).copied()),
        because: Reason::read(&because),
        created_at,
        decision,
        decided_at,
    }
}

/// The reviews that somebody asks for; none where they may see none at all.
fn chosen(filter: &ReviewFilter) -> Option<reviews::BoxedQuery<'_, Backend>> {
    let mut query = reviews::table.into_boxed();
    if !filter.all {
        query = query.filter(reviews::decision.is_null());
    }
    if let Some(account) = filter.account {
        query = query.filter(reviews::account_id.eq(account));
    }
    let of = |user: UserId| email_users::table.filter(email_users::user_id.eq(user)).select(email_users::email_id);
    match &filter.sight {
        Sight::Everything | Sight::All(_) => {}
        Sight::Teams(user, teams) => {
            let shared = email_teams::table.filter(email_teams::team_id.eq_any(teams)).select(email_teams::email_id);
            query = query.filter(reviews::email_id.eq_any(of(*user)).or(reviews::email_id.eq_any(shared)));
        }
        Sight::Own(user) => query = query.filter(reviews::email_id.eq_any(of(*user))),
        Sight::Nothing => return None,
    }
    Some(query)
}

/// Counts what waits, no more than asked for.
pub fn count(db: &mut Database, filter: &ReviewFilter, most: i64) -> Result<i64> {
    chosen(filter).map_or(Ok(0), |query| counted!(db, query, reviews::id, most))
}

/// Lists what waits, the oldest first.
pub fn list(db: &mut Database, filter: &ReviewFilter) -> Result<Vec<Review>> {
    let Some(query) = chosen(filter) else { return Ok(Vec::new()) };
    let oldest = query.order(reviews::id).limit(filter.limit).offset(filter.offset);
    let ids = oldest.select(reviews::id).load::<ReviewId>(db)?;
    in_lists(db, &ids, load)
}

/// Shows one.
pub fn show(db: &mut Database, id: ReviewId) -> Result<Review> {
    load(db, &[id])?.pop().ok_or_else(|| missing(id))
}

/// Reads reviews, the oldest first, in as many queries as for one.
fn load(db: &mut Database, ids: &[ReviewId]) -> Result<Vec<Review>> {
    let rows = reviews::table
        .inner_join(emails::table.on(emails::id.eq(reviews::email_id)))
        .left_join(accounts::table.on(accounts::id.nullable().eq(reviews::account_id)))
        .filter(reviews::id.eq_any(ids))
        .order(reviews::id)
        .select((
            reviews::id,
            reviews::email_id,
            (emails::from_address, emails::subject),
            accounts::name.nullable(),
            reviews::candidate_id,
            reviews::because,
            (reviews::created_at, reviews::decided_at),
            reviews::decision,
        ))
        .load::<Row>(db)?;
    let names = names_of(db, rows.iter().map(|row| row.4))?;
    Ok(rows.into_iter().map(|row| review(&names, row)).collect())
}

/// Makes the error for a review that is not there, or not for the one who asks.
pub fn missing(id: ReviewId) -> anyhow::Error {
    Fault::new(Class::Data, format!("there is no review {id}")).hint("try: espomail review list").into()
}

/// Returns the account by whose rules the e-mail is judged: the one that held it, else the first that it came through.
pub fn account_of(db: &mut Database, id: ReviewId) -> Result<Option<AccountId>> {
    let (email, account): (EmailId, Option<AccountId>) =
        reviews::table.find(id).select((reviews::email_id, reviews::account_id)).first(db)?;
    Ok(match account {
        Some(account) => Some(account),
        None => email_accounts::table
            .filter(email_accounts::email_id.eq(email))
            .order(email_accounts::account_id)
            .select(email_accounts::account_id)
            .first(db)
            .optional()?,
    })
}
