//! Records: Accounts, Contacts, Leads and Opportunities, and what they share with cases. People name one `kind:number`.

use std::collections::HashMap;

use anyhow::Result;
use diesel::prelude::*;

use super::named::names_of;
use super::note::{self, NewNote};
use super::noun::{anywhere, gathered, in_lists, lower, number};
use super::schema::{record_addresses, record_teams, records, teams, users};
use super::{Backend, Database, access, follow, next_number, notification, relation};
use crate::decide::access::{Permit, Sight};
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::words::{NoteKind, RecordId, RecordKind, TeamId, UserId};

pub use super::named::{RecordName, name_of};

/// A record, with the names of those it refers to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Record {
    #[serde(skip)]
    pub id: RecordId,
    #[serde(rename = "record")]
    pub named: RecordName,
    pub name: String,
    pub active: bool,
    pub addresses: Vec<String>,
    pub account: Option<RecordName>,
    pub converted_account: Option<RecordName>,
    pub converted_contact: Option<RecordName>,
    pub assigned_user: Option<String>,
    pub teams: Vec<String>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub created_at: i64,
}

/// What a record says; for a change, what is not given stays, and none inside forgets it.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = records)]
pub struct RecordChanges {
    pub name: Option<String>,
    pub active: Option<bool>,
    #[diesel(skip_update)]
    pub addresses: Option<Vec<String>>,
    #[diesel(column_name = account_id)]
    pub account: Option<Option<RecordId>>,
    #[diesel(column_name = converted_account_id)]
    pub converted_account: Option<Option<RecordId>>,
    #[diesel(column_name = converted_contact_id)]
    pub converted_contact: Option<Option<RecordId>>,
    #[diesel(column_name = assigned_user_id)]
    pub assigned_user: Option<Option<UserId>>,
    #[diesel(skip_update)]
    pub teams: Option<Vec<TeamId>>,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct RecordFilter {
    /// The kinds to list, and what of each the one who asks may see.
    pub kinds: Vec<(RecordKind, Sight)>,
    pub address: Option<String>,
    pub name_part: Option<String>,
    pub limit: i64,
    pub offset: i64,
}

/// Adds a record.
pub fn add(
    db: &mut Database,
    permit: &Permit<'_>,
    (kind, name): (RecordKind, &str),
    changes: &RecordChanges,
    now: i64,
) -> Result<RecordName> {
    let id = number(db, "record")?;
    let named = RecordName { kind, number: next_number(db, &format!("number:{kind}"))? };
    diesel::insert_into(records::table)
        .values((
            records::id.eq(id),
            records::kind.eq(kind),
            records::number.eq(named.number),
            records::name.eq(name),
            records::active.eq(true),
            records::description.eq(""),
            records::created_at.eq(now),
        ))
        .execute(db)?;
    let (record, author) = (RecordId(id), permit.actor().user);
    // Whoever made it keeps it, whatever it is assigned to.
    note::add(db, &NewNote { record, kind: NoteKind::Created, email: None, detail: "", author, at: now })?;
    write(db, record, changes)?;
    if let Some(Some(user)) = changes.assigned_user {
        notification::assigned(db, record, user, author, now)?;
    }
    follow::auto(db, record, kind)?;
    access::record(db, permit, "record add", &named.to_string(), name, now)?;
    Ok(named)
}

/// Removes a record; its e-mails and cases stay, without it.
pub fn remove(db: &mut Database, permit: &Permit<'_>, id: RecordId, now: i64) -> Result<()> {
    let row = records::table.find(id);
    let (kind, number, name) =
        row.select((records::kind, records::number, records::name)).first::<(RecordKind, i64, String)>(db)?;
    diesel::delete(row).execute(db)?;
    access::record(db, permit, "record remove", &format!("{kind}:{number}"), &name, now)
}

/// Changes a record.
pub fn set(db: &mut Database, permit: &Permit<'_>, id: RecordId, changes: &RecordChanges, now: i64) -> Result<()> {
    let before: Option<UserId> = records::table.find(id).select(records::assigned_user_id).first(db)?;
    let shown = show(db, id)?;
    write(db, id, changes)?;
    if let Some(Some(user)) = changes.assigned_user.filter(|user| *user != before) {
        notification::assigned(db, id, user, permit.actor().user, now)?;
    }
    if changes.assigned_user.is_some() || changes.teams.is_some() {
        follow::end_lost(db, id)?;
    }
    let told = access::differences(&shown, &show(db, id)?)?;
    access::record(db, permit, "record set", &shown.named.to_string(), &told, now)
}

fn write(db: &mut Database, id: RecordId, changes: &RecordChanges) -> Result<()> {
    diesel::update(records::table.find(id)).set(changes).execute(db).optional_empty_changeset()?;
    if let Some(user) = changes.assigned_user.flatten() {
        // FOLLOW-1.
        follow::add(db, id, user)?;
    }
    if let Some(addresses) = &changes.addresses {
        diesel::delete(record_addresses::table.filter(record_addresses::record_id.eq(id))).execute(db)?;
        for (place, address) in (1_i64..).zip(addresses) {
            diesel::insert_into(record_addresses::table)
                .values((
                    record_addresses::record_id.eq(id),
                    record_addresses::address.eq(address_key(address)),
                    record_addresses::place.eq(place),
                ))
                .execute(db)?;
        }
    }
    if let Some(teams) = &changes.teams {
        diesel::delete(record_teams::table.filter(record_teams::record_id.eq(id))).execute(db)?;
        for team in teams {
            diesel::insert_into(record_teams::table)
                .values((record_teams::record_id.eq(id), record_teams::team_id.eq(team)))
                .execute(db)?;
        }
    }
    Ok(())
}

/// Refuses a record that is of none of these kinds.
pub fn of_kind(named: RecordName, kinds: &[RecordKind]) -> Result<()> {
    if kinds.is_empty() || kinds.contains(&named.kind) {
        return Ok(());
    }
    let kinds = kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    Err(Fault::new(Class::Data, format!("{named} is no {kinds}")).into())
}

/// Finds a record by its name, which must be of one of these kinds; of any when none is given.
pub fn find(db: &mut Database, named: RecordName, kinds: &[RecordKind]) -> Result<RecordId> {
    of_kind(named, kinds)?;
    let id = records::table
        .filter(records::kind.eq(named.kind))
        .filter(records::number.eq(named.number))
        .select(records::id)
        .first(db)
        .optional()?;
    id.ok_or_else(|| missing(named))
}

/// Makes the error for a record that is not there, or not for the one who asks.
pub fn missing(named: RecordName) -> anyhow::Error {
    let hint = match named.kind {
        RecordKind::Case => "try: espomail case list".to_string(),
        kind => format!("try: espomail record list {kind}"),
    };
    Fault::new(Class::Data, format!("there is no {named}")).hint(hint).into()
}

/// The records of one kind that somebody asks for.
fn chosen<'f>(
    filter: &'f RecordFilter,
    (kind, sight): &'f (RecordKind, Sight),
    with_address: Option<&Vec<RecordId>>,
) -> Option<records::BoxedQuery<'f, Backend>> {
    let visible = relation::visible(sight)?;
    let mut query = records::table.filter(records::kind.eq(kind)).filter(visible).into_boxed();
    if let Some(part) = &filter.name_part {
        query = query.filter(lower(records::name).like(anywhere(part)).escape('\\'));
    }
    if let Some(with_address) = with_address {
        query = query.filter(records::id.eq_any(with_address.clone()));
    }
    Some(query)
}

/// The records that have the address which somebody asks for.
fn with_address(db: &mut Database, filter: &RecordFilter) -> Result<Option<Vec<RecordId>>> {
    let Some(address) = &filter.address else { return Ok(None) };
    let of = record_addresses::table.filter(record_addresses::address.eq(address_key(address)));
    Ok(Some(of.select(record_addresses::record_id).load(db)?))
}

/// Counts records.
pub fn count(db: &mut Database, filter: &RecordFilter) -> Result<i64> {
    let with_address = with_address(db, filter)?;
    let mut count = 0;
    for query in filter.kinds.iter().filter_map(|kind| chosen(filter, kind, with_address.as_ref())) {
        count += query.count().get_result::<i64>(db)?;
    }
    Ok(count)
}

/// Lists records, the newest first.
pub fn list(db: &mut Database, filter: &RecordFilter) -> Result<Vec<Record>> {
    let with_address = with_address(db, filter)?;
    let mut ids = Vec::new();
    for query in filter.kinds.iter().filter_map(|kind| chosen(filter, kind, with_address.as_ref())) {
        let newest = query.order(records::id.desc()).limit(filter.limit.saturating_add(filter.offset));
        ids.extend(newest.select(records::id).load::<RecordId>(db)?);
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let (offset, limit) = (usize::try_from(filter.offset)?, usize::try_from(filter.limit)?);
    let ids: Vec<RecordId> = ids.into_iter().skip(offset).take(limit).collect();
    in_lists(db, &ids, load)
}

/// Shows one record.
pub fn show(db: &mut Database, id: RecordId) -> Result<Record> {
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

/// Reads records, the newest first, in as many queries as for one.
fn load(db: &mut Database, ids: &[RecordId]) -> Result<Vec<Record>> {
    let rows = records::table
        .left_join(users::table.on(users::id.nullable().eq(records::assigned_user_id)))
        .filter(records::id.eq_any(ids))
        .order(records::id.desc())
        .select((
            records::id,
            (records::kind, records::number),
            records::name,
            records::active,
            (records::account_id, records::converted_account_id, records::converted_contact_id),
            users::login.nullable(),
            records::created_at,
        ))
        .load::<(RecordId, RecordName, String, bool, Accounts, Option<String>, i64)>(db)?;
    let names = names_of(db, rows.iter().flat_map(|(_, _, _, _, (one, other, third), ..)| [*one, *other, *third]))?;
    let addresses = record_addresses::table
        .filter(record_addresses::record_id.eq_any(ids))
        .order(record_addresses::place)
        .select((record_addresses::record_id, record_addresses::address))
        .load::<(RecordId, String)>(db)?;
    let (mut addresses, mut teams) = (gathered(addresses), teams_of(db, ids)?);
    let record = |(id, named, name, active, accounts, assigned_user, created_at)| {
        let (account, converted_account, converted_contact): Accounts = accounts;
        let name_of = |id: Option<RecordId>| names.get(&id?).copied();
        Record {
            addresses: addresses.remove(&id).unwrap_or_default(),
            account: name_of(account),
            converted_account: name_of(converted_account),
            converted_contact: name_of(converted_contact),
            teams: teams.remove(&id).unwrap_or_default(),
            id,
            named,
            name,
            active,
            assigned_user,
            created_at,
        }
    };
    Ok(rows.into_iter().map(record).collect())
}

/// The records that a record refers to.
type Accounts = (Option<RecordId>, Option<RecordId>, Option<RecordId>);

/// Returns the names of the teams of records.
pub(super) fn teams_of(db: &mut Database, ids: &[RecordId]) -> Result<HashMap<RecordId, Vec<String>>> {
    let rows = record_teams::table
        .inner_join(teams::table.on(teams::id.eq(record_teams::team_id)))
        .filter(record_teams::record_id.eq_any(ids))
        .order(teams::name)
        .select((record_teams::record_id, teams::name))
        .load::<(RecordId, String)>(db)?;
    Ok(gathered(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_kind_and_number() {
        let named: RecordName = "contact:7".parse().expect("it is one");
        assert_eq!((named.kind, named.number, named.to_string().as_str()), (RecordKind::Contact, 7, "contact:7"));
        for wrong in ["contact", "contact:x", "thing:7", ""] {
            assert!(wrong.parse::<RecordName>().is_err(), "{wrong}");
        }
    }
}
