//! Which cases to list, and in what order.

use anyhow::Result;
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::show::{Case, load};
use crate::decide::access::Sight;
use crate::store::named::RecordName;
use crate::store::noun::{self, FEW, counted, in_lists};
use crate::store::record::{self, Window};
use crate::store::schema::{emails, record_teams, records};
use crate::store::{Backend, Database, load, relation};
use crate::words::{AccountId, CaseStatus, ParentBy, Priority, RecordId, RecordKind, TeamId, UserId};

/// What to list.
#[derive(Debug, Clone)]
pub struct CaseFilter {
    /// What the one who asks may see.
    pub sight: Sight,
    pub status: Option<CaseStatus>,
    /// Also those that are closed, rejected or duplicate.
    pub all: bool,
    pub assigned_user: Option<UserId>,
    /// Only those that nobody has.
    pub unassigned: bool,
    pub team: Option<TeamId>,
    /// The e-mail account they came through.
    pub through: Option<AccountId>,
    pub priority: Option<Priority>,
    /// Found in the name, the description, or any field.
    pub search: Option<String>,
    /// Only those with these values of fields, each in its form.
    pub values: Vec<(String, String)>,
    /// Those in which one of these wrote an e-mail; in comparison form, and anybody where there is none.
    pub from: Vec<String>,
    /// Those of this Account, or about this Contact.
    pub of: Option<RecordId>,
    pub limit: i64,
    pub offset: i64,
}

/// How urgent a case is, as a number: the lowest is looked at first. A case without a priority is normal.
const URGENCY: &str = "CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'low' THEN 3 ELSE 2 END";

/// Who has a case, for those who have many: there the order counts, and an index of the assigned would have them sorted anew.
const ASSIGNED: &str = "records.assigned_user_id + 0";

/// The cases that somebody asks for, of those that they may see; none where that is none at all.
fn chosen<'f>(db: &mut Database, filter: &'f CaseFilter) -> Result<Option<records::BoxedQuery<'f, Backend>>> {
    let Some(visible) = relation::visible(&filter.sight) else { return Ok(None) };
    // Only cases have a status, and so says the index that has them in order; that of the kinds would have them sorted anew.
    let mut query = records::table.filter(records::status.is_not_null()).into_boxed();
    query = match relation::few(db, &filter.sight)? {
        Some(few) => query.filter(records::id.eq_any(few)),
        None => query.filter(visible),
    };
    match filter.status {
        Some(status) => query = query.filter(records::status.eq(status)),
        None if !filter.all => {
            query = query.filter(records::status.eq_any(CaseStatus::open()));
        }
        None => {}
    }
    if let Some(user) = filter.assigned_user {
        query = match relation::few_assigned(db, Some(user))? {
            Some(few) => query.filter(records::id.eq_any(few)),
            None => query.filter(sql::<Nullable<BigInt>>(ASSIGNED).eq(user)),
        };
    }
    if filter.unassigned {
        query = match relation::few_assigned(db, None)? {
            Some(few) => query.filter(records::id.eq_any(few)),
            None => {
                let of = || sql::<Nullable<BigInt>>(ASSIGNED);
                let left = of().eq_any(load::switched_off()).and(records::status.eq_any(CaseStatus::open()));
                query.filter(of().is_null().nullable().or(left))
            }
        };
    }
    if let Some(team) = filter.team {
        let theirs = record_teams::table.filter(record_teams::record_id.eq(records::id));
        query = query.filter(exists(theirs.filter(record_teams::team_id.eq(team))));
    }
    if let Some(account) = filter.through {
        query = query.filter(records::through_account_id.eq(account));
    }
    if let Some(priority) = filter.priority {
        query = query.filter(records::priority.eq(priority));
    }
    for value in &filter.values {
        query = query.filter(record::says(value));
    }
    if !filter.from.is_empty() {
        let wrote = || emails::table.filter(emails::from_address.eq_any(&filter.from)).filter(emails::parent_id.is_not_null());
        let few = wrote().select(emails::parent_id.assume_not_null()).distinct().limit(FEW + 1);
        query = match noun::few(few.load::<RecordId>(db)?) {
            Some(few) => query.filter(records::id.eq_any(few)),
            None => query.filter(records::id.nullable().eq_any(wrote().select(emails::parent_id))),
        };
    }
    if let Some(of) = filter.of {
        query = query.filter(record::belongs(of));
    }
    Ok(Some(query))
}

/// Counts cases, no more than asked for.
pub fn count(db: &mut Database, filter: &CaseFilter, most: i64) -> Result<i64> {
    match filter.search {
        Some(_) => Ok(i64::try_from(ordered(db, filter, Window { limit: most, offset: 0 })?.len())?),
        None => chosen(db, filter)?.map_or(Ok(0), |query| counted!(db, query, records::id, most)),
    }
}

/// Returns the open cases that mail from some addresses opened and that have no Contact, or no Account, yet: the oldest first, no more than
/// asked for, of those that somebody may see.
pub fn opened_by(
    db: &mut Database,
    sight: &Sight,
    (addresses, kind): (&[String], RecordKind),
    most: i64,
) -> Result<Vec<RecordName>> {
    let Some(visible) = relation::visible(sight) else { return Ok(Vec::new()) };
    let opened = emails::table.filter(emails::from_address.eq_any(addresses)).filter(emails::parent_by.eq(ParentBy::Opened));
    let open = records::table.filter(records::id.nullable().eq_any(opened.select(emails::parent_id)));
    let open = open.filter(visible).filter(records::status.eq_any(CaseStatus::open())).order(records::number).limit(most);
    let found: Vec<i64> = match kind {
        RecordKind::Contact => open.filter(records::contact_id.is_null()).select(records::number).load(db)?,
        RecordKind::Account => open.filter(records::account_id.is_null()).select(records::number).load(db)?,
        _ => Vec::new(),
    };
    Ok(found.into_iter().map(|number| RecordName { kind: RecordKind::Case, number }).collect())
}

/// Returns those that somebody asks for: the most urgent first, then the newest.
fn ordered(db: &mut Database, filter: &CaseFilter, Window { limit, offset }: Window) -> Result<Vec<RecordId>> {
    let next = |db: &mut Database, Window { limit, offset }: Window| {
        let Some(query) = chosen(db, filter)? else { return Ok(Vec::new()) };
        let ordered = query.order((sql::<BigInt>(URGENCY), records::number.desc())).limit(limit).offset(offset);
        Ok(ordered.select(records::id).load::<RecordId>(db)?)
    };
    let Some(text) = &filter.search else { return next(db, Window { limit, offset }) };
    let mut found = record::first(db, text, limit.saturating_add(offset), next)?;
    Ok(found.split_off(usize::try_from(offset)?.min(found.len())))
}

/// Lists cases: the most urgent first, then the newest.
pub fn list(db: &mut Database, filter: &CaseFilter) -> Result<Vec<Case>> {
    let ids = ordered(db, filter, Window { limit: filter.limit, offset: filter.offset })?;
    in_lists(db, &ids, load)
}
