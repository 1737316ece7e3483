//! Which records there are, and which are like others.

use anyhow::Result;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};

use super::search::{self, Window};
use super::show::{Record, load};
use crate::decide::access::Sight;
use crate::decide::fields::digits;
use crate::mail::address_key;
use crate::store::letters::{anywhere, lower};
use crate::store::named::{RecordName, names_of};
use crate::store::noun::in_lists;
use crate::store::schema::{record_addresses, record_fields, record_links, record_phones, record_teams, records};
use crate::store::{Backend, Database, load, relation};
use crate::words::{CaseStatus, RecordId, RecordKind, TeamId, UserId};

/// A kind to list.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub kind: RecordKind,
    /// What of it the one who asks may see.
    pub sight: Sight,
    /// Only those with these values of fields, each in its form.
    pub values: Vec<(String, String)>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    pub kinds: Vec<Wanted>,
    pub address: Option<String>,
    /// Digits that a phone number has, one behind the other.
    pub phone: Option<String>,
    pub name_part: Option<String>,
    /// Found in the name, the description, an address, a phone number, or any field.
    pub search: Option<String>,
    /// Those of this Account, or about this Contact, also as a further one.
    pub of: Option<RecordId>,
    pub assigned_user: Option<UserId>,
    /// Only those that nobody has, or somebody who is switched off.
    pub unassigned: bool,
    pub team: Option<TeamId>,
    pub active: Option<bool>,
    pub limit: i64,
    pub offset: i64,
}

/// The records of one kind that somebody asks for; what was merged into another is found there.
fn chosen<'f>(filter: &'f RecordFilter, Wanted { kind, sight, values }: &'f Wanted) -> Option<records::BoxedQuery<'f, Backend>> {
    let visible = relation::visible(sight)?;
    let mut query = records::table.filter(records::kind.eq(kind)).filter(visible).into_boxed();
    query = query.filter(records::merged_into_id.is_null());
    if let Some(part) = &filter.name_part {
        query = query.filter(lower(records::name).like(anywhere(part)).escape('\\'));
    }
    if let Some(address) = &filter.address {
        let of = record_addresses::table.filter(record_addresses::address.eq(address_key(address)));
        query = query.filter(records::id.eq_any(of.select(record_addresses::record_id)));
    }
    if let Some(phone) = &filter.phone {
        let of = record_phones::table.filter(record_phones::digits.like(anywhere(&digits(phone))).escape('\\'));
        query = query.filter(records::id.eq_any(of.select(record_phones::record_id)));
    }
    if let Some(of) = filter.of {
        query = query.filter(belongs(of));
    }
    if let Some(user) = filter.assigned_user {
        query = query.filter(records::assigned_user_id.eq(user));
    }
    if filter.unassigned {
        let is_due = records::status.is_null().nullable().or(records::status.eq_any(CaseStatus::open()));
        let left = records::assigned_user_id.eq_any(load::switched_off()).and(records::active.eq(true)).and(is_due);
        query = query.filter(records::assigned_user_id.is_null().nullable().or(left));
    }
    if let Some(team) = filter.team {
        let of = record_teams::table.filter(record_teams::team_id.eq(team)).select(record_teams::record_id);
        query = query.filter(records::id.eq_any(of));
    }
    if let Some(active) = filter.active {
        query = query.filter(records::active.eq(active));
    }
    for value in values {
        query = query.filter(says(value));
    }
    Some(query)
}

/// What holds of some records.
type Holds = Box<dyn BoxableExpression<records::table, Backend, SqlType = Bool>>;

/// Records of which a field has a value.
pub(in crate::store) fn says((name, value): &(String, String)) -> Holds {
    let of = record_fields::table.filter(record_fields::name.eq(name.clone())).filter(record_fields::value.eq(value.clone()));
    Box::new(records::id.eq_any(of.select(record_fields::record_id)))
}

/// Records of this Account, or about this Contact, also as a further one.
pub(in crate::store) fn belongs(of: RecordId) -> Box<dyn BoxableExpression<records::table, Backend, SqlType = Nullable<Bool>>> {
    let further = record_links::table.filter(record_links::other_id.eq(of)).select(record_links::record_id);
    Box::new(records::account_id.eq(of).or(records::contact_id.eq(of)).or(records::id.eq_any(further).nullable()))
}

/// Returns those of one kind that somebody asks for, the newest first.
fn newest(db: &mut Database, filter: &RecordFilter, kind: &Wanted, most: i64) -> Result<Vec<RecordId>> {
    let next = |db: &mut Database, Window { limit, offset }: Window| {
        let Some(query) = chosen(filter, kind) else { return Ok(Vec::new()) };
        Ok(query.order(records::id.desc()).limit(limit).offset(offset).select(records::id).load::<RecordId>(db)?)
    };
    match &filter.search {
        Some(text) => search::first(db, text, most, next),
        None => next(db, Window { limit: most, offset: 0 }),
    }
}

/// Counts records, of each kind no more than asked for.
pub fn count(db: &mut Database, filter: &RecordFilter, most: i64) -> Result<i64> {
    let mut count = 0;
    for kind in &filter.kinds {
        count += i64::try_from(newest(db, filter, kind, most)?.len())?;
    }
    Ok(count)
}

/// Lists records, the newest first.
pub fn list(db: &mut Database, filter: &RecordFilter) -> Result<Vec<Record>> {
    let mut ids = Vec::new();
    for kind in &filter.kinds {
        ids.extend(newest(db, filter, kind, filter.limit.saturating_add(filter.offset))?);
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let (offset, limit) = (usize::try_from(filter.offset)?, usize::try_from(filter.limit)?);
    let ids: Vec<RecordId> = ids.into_iter().skip(offset).take(limit).collect();
    in_lists(db, &ids, load)
}

/// What is to be compared: only with records that the one who asks may see.
#[derive(Debug, Clone)]
pub struct Alike<'a> {
    pub kind: RecordKind,
    pub sight: Sight,
    pub addresses: &'a [String],
}

impl Alike<'_> {
    fn visible(&self) -> Option<records::BoxedQuery<'_, Backend>> {
        let visible = relation::visible(&self.sight)?;
        let query = records::table.filter(records::kind.eq(self.kind)).filter(records::merged_into_id.is_null());
        Some(query.filter(visible).into_boxed())
    }

    fn with_an_address(&self) -> impl Iterator<Item = String> {
        self.addresses.iter().map(|address| address_key(address))
    }
}

/// Returns the oldest record that a new one of this name would be once more: of the same kind and name, and with an address of the
/// new one, where that has any.
pub fn alike(db: &mut Database, new: &Alike<'_>, name: &str) -> Result<Option<RecordName>> {
    let Some(mut query) = new.visible() else { return Ok(None) };
    query = query.filter(lower(records::name).eq(lower(name)));
    if !new.addresses.is_empty() {
        let of = record_addresses::table.filter(record_addresses::address.eq_any(new.with_an_address()));
        query = query.filter(records::id.eq_any(of.select(record_addresses::record_id)));
    }
    let id: Option<RecordId> = query.order(records::id).select(records::id).first(db).optional()?;
    Ok(names_of(db, [id])?.into_values().next())
}

/// Returns the others of the same kind that have one of the addresses, the oldest first.
pub fn sharing(db: &mut Database, of: &Alike<'_>, but: RecordId) -> Result<Vec<RecordName>> {
    let Some(query) = of.visible().filter(|_| !of.addresses.is_empty()) else { return Ok(Vec::new()) };
    let having = record_addresses::table.filter(record_addresses::address.eq_any(of.with_an_address()));
    let query = query.filter(records::id.eq_any(having.select(record_addresses::record_id))).filter(records::id.ne(but));
    let rows = query.order(records::id).select((records::kind, records::number)).load(db)?;
    Ok(rows.into_iter().map(|(kind, number)| RecordName { kind, number }).collect())
}

/// Returns the cases about a Lead, the oldest first.
pub fn cases_of_lead(db: &mut Database, lead: RecordId) -> Result<Vec<RecordId>> {
    Ok(records::table.filter(records::lead_id.eq(lead)).order(records::id).select(records::id).load(db)?)
}

/// Returns what a user has to look after, the oldest first: open cases, and records that are active.
pub fn assigned_to(db: &mut Database, user: UserId) -> Result<Vec<RecordId>> {
    let open = CaseStatus::open();
    let is_due = records::status.eq_any(open).or(records::status.is_null().nullable());
    let theirs = records::table.filter(records::assigned_user_id.eq(user)).filter(records::active.eq(true)).filter(is_due);
    Ok(theirs.order(records::id).select(records::id).load(db)?)
}

/// Whether a record is still a user's to look after.
pub fn is_assigned_to(db: &mut Database, record: RecordId, user: UserId) -> Result<bool> {
    let assigned = records::table.filter(records::id.eq(record)).select(records::assigned_user_id);
    Ok(assigned.first::<Option<UserId>>(db).optional()? == Some(Some(user)))
}

/// The same by their names.
pub fn names_assigned_to(db: &mut Database, user: UserId) -> Result<Vec<RecordName>> {
    let ids = assigned_to(db, user)?;
    let names = names_of(db, ids.iter().copied().map(Some))?;
    Ok(ids.iter().filter_map(|id| names.get(id).copied()).collect())
}

/// Counts what would be without a record if it were gone, by kind.
pub fn hanging_on(db: &mut Database, record: RecordId) -> Result<Vec<(RecordKind, i64)>> {
    let of = records::table.filter(belongs(record).or(records::lead_id.eq(record))).group_by(records::kind);
    Ok(of.order(records::kind).select((records::kind, count_star())).load(db)?)
}
