//! The records that a batch leads to, and those that they name.

use std::collections::HashSet;

use anyhow::{Result, anyhow};
use diesel::dsl::{max, min};
use diesel::prelude::*;

use super::{Named, in_lists};
use crate::decide::{Facts, RecordFacts};
use crate::store::Database;
use crate::store::schema::{record_addresses, record_teams, records};
use crate::words::{AccountId, RecordId, RecordKind, TeamId, UserId};

/// How many steps a record may be away from one that the batch names: a case's Contact's Account's parent Account, and a
/// few more. Beyond that references are left out.
const LEVELS: usize = 6;

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
struct RecordRow {
    id: i64,
    kind: String,
    number: i64,
    name: String,
    active: bool,
    account_id: Option<i64>,
    contact_id: Option<i64>,
    lead_id: Option<i64>,
    converted_account_id: Option<i64>,
    converted_contact_id: Option<i64>,
    merged_into_id: Option<i64>,
    closed_at: Option<i64>,
    status: Option<String>,
    priority: Option<String>,
    through_account_id: Option<i64>,
    assigned_user_id: Option<i64>,
}

impl RecordRow {
    fn names(&self) -> impl Iterator<Item = i64> {
        [self.account_id, self.contact_id, self.converted_account_id, self.converted_contact_id, self.merged_into_id]
            .into_iter()
            .flatten()
    }

    fn facts(self) -> Result<RecordFacts> {
        let id = self.id;
        let wrong = |error: String| anyhow!("record {id}: {error}");
        Ok(RecordFacts {
            kind: self.kind.parse().map_err(wrong)?,
            number: self.number,
            name: self.name,
            active: self.active,
            account: self.account_id.map(RecordId),
            contact: self.contact_id.map(RecordId),
            lead: self.lead_id.map(RecordId),
            converted_account: self.converted_account_id.map(RecordId),
            converted_contact: self.converted_contact_id.map(RecordId),
            status: self.status.map(|status| status.parse()).transpose().map_err(wrong)?,
            priority: self.priority.map(|priority| priority.parse()).transpose().map_err(wrong)?,
            through: self.through_account_id.map(AccountId),
            closed_at: self.closed_at,
            merged_into: self.merged_into_id.map(RecordId),
            assigned_user: self.assigned_user_id.map(UserId),
            teams: Vec::new(),
            open_opportunities: Vec::new(),
        })
    }
}

pub(super) fn gather(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let by_address = in_lists(&named.leading, |some| {
        record_addresses::table
            .filter(record_addresses::address.eq_any(some))
            .order(record_addresses::record_id)
            .select((record_addresses::address, record_addresses::record_id))
            .load::<(String, i64)>(db)
    })?;
    let by_number = in_lists(&named.case_numbers, |some| {
        records::table
            .filter(records::kind.eq(RecordKind::Case.as_str()))
            .filter(records::number.eq_any(some))
            .select((records::number, records::id))
            .load::<(i64, i64)>(db)
    })?;
    facts.cases_by_number = by_number.into_iter().map(|(number, id)| (number, RecordId(id))).collect();
    for (address, record) in by_address {
        facts.records_by_address.entry(address).or_default().push(RecordId(record));
    }
    let ids: HashSet<i64> = (facts.records_by_address.values().flatten())
        .chain(facts.cases_by_number.values())
        .chain(facts.thread_parents.values())
        .chain(facts.emails.values().filter_map(|email| email.parent.as_ref()))
        .map(|record| record.0)
        .chain(named.tokens.iter().copied())
        .chain(named.records.iter().copied())
        .collect();
    follow(db, ids, facts)?;
    let opportunities = opportunities(db, facts)?;
    follow(db, opportunities, facts)?;
    let ids: HashSet<i64> = facts.records.keys().map(|record| record.0).collect();
    let teams = in_lists(&ids, |some| {
        record_teams::table.filter(record_teams::record_id.eq_any(some)).order(record_teams::team_id).load::<(i64, i64)>(db)
    })?;
    for (record, team) in teams {
        facts.records.entry(RecordId(record)).and_modify(|record| record.teams.push(TeamId(team)));
    }
    Ok(())
}

/// Fetches records, those that they name, and so on.
fn follow(db: &mut Database, mut named: HashSet<i64>, facts: &mut Facts) -> Result<()> {
    for _ in 0..LEVELS {
        named.retain(|id| !facts.records.contains_key(&RecordId(*id)));
        let rows = in_lists(&named, |some| {
            records::table.filter(records::id.eq_any(some)).select(RecordRow::as_select()).load::<RecordRow>(db)
        })?;
        named = rows.iter().flat_map(RecordRow::names).collect();
        for row in rows {
            facts.records.insert(RecordId(row.id), row.facts()?);
        }
    }
    Ok(())
}

/// Fetches the oldest and the newest open Opportunity of each Account and Contact: enough to tell whether there is one.
fn opportunities(db: &mut Database, facts: &mut Facts) -> Result<HashSet<i64>> {
    let of = |kind: RecordKind| -> HashSet<i64> {
        facts.records.iter().filter(|(_, record)| record.kind == kind).map(|(id, _)| id.0).collect()
    };
    let open = || records::table.filter(records::kind.eq(RecordKind::Opportunity.as_str())).filter(records::active.eq(true));
    let mut rows = in_lists(&of(RecordKind::Account), |some| {
        let some = some.iter().copied().map(Some);
        open()
            .filter(records::account_id.eq_any(some))
            .group_by(records::account_id)
            .select((records::account_id, min(records::id), max(records::id)))
            .load::<(Option<i64>, Option<i64>, Option<i64>)>(db)
    })?;
    rows.extend(in_lists(&of(RecordKind::Contact), |some| {
        let some = some.iter().copied().map(Some);
        open()
            .filter(records::contact_id.eq_any(some))
            .group_by(records::contact_id)
            .select((records::contact_id, min(records::id), max(records::id)))
            .load::<(Option<i64>, Option<i64>, Option<i64>)>(db)
    })?);
    let mut found = HashSet::new();
    for (of, oldest, newest) in rows {
        let Some(record) = of.and_then(|of| facts.records.get_mut(&RecordId(of))) else { continue };
        record.open_opportunities = oldest.into_iter().chain(newest.filter(|_| newest != oldest)).map(RecordId).collect();
        found.extend(oldest.into_iter().chain(newest));
    }
    Ok(found)
}
