//! The records that a batch leads to, and those that they name.

use std::collections::HashSet;

use anyhow::Result;
use diesel::dsl::{max, min};
use diesel::prelude::*;

use super::named::{Named, in_lists};
use crate::decide::{Facts, RecordFacts};
use crate::store::Database;
use crate::store::schema::{record_addresses, record_links, record_teams, records};
use crate::words::{AccountId, CaseStatus, Priority, RecordId, RecordKind, TeamId, UserId};

/// How many steps a record may be away from one that the batch names: a case's Contact's Account's parent Account, and a
/// few more. Beyond that references are left out.
const LEVELS: usize = 6;

#[derive(Queryable, Selectable)]
#[diesel(table_name = records)]
struct RecordRow {
    id: RecordId,
    kind: RecordKind,
    number: i64,
    name: String,
    active: bool,
    created_at: i64,
    account_id: Option<RecordId>,
    contact_id: Option<RecordId>,
    lead_id: Option<RecordId>,
    converted_account_id: Option<RecordId>,
    converted_contact_id: Option<RecordId>,
    merged_into_id: Option<RecordId>,
    closed_at: Option<i64>,
    status: Option<CaseStatus>,
    priority: Option<Priority>,
    through_account_id: Option<AccountId>,
    assigned_user_id: Option<UserId>,
}

impl RecordRow {
    fn names(&self) -> impl Iterator<Item = RecordId> {
        let whom = [self.account_id, self.contact_id, self.lead_id, self.converted_account_id, self.converted_contact_id];
        whom.into_iter().chain([self.merged_into_id]).flatten()
    }

    fn facts(self) -> RecordFacts {
        RecordFacts {
            kind: self.kind,
            number: self.number,
            name: self.name,
            active: self.active,
            created_at: self.created_at,
            account: self.account_id,
            contact: self.contact_id,
            lead: self.lead_id,
            converted_account: self.converted_account_id,
            converted_contact: self.converted_contact_id,
            status: self.status,
            priority: self.priority,
            through: self.through_account_id,
            closed_at: self.closed_at,
            merged_into: self.merged_into_id,
            assigned_user: self.assigned_user_id,
            teams: Vec::new(),
            others: Vec::new(),
            open_opportunities: Vec::new(),
        }
    }
}

pub(super) fn gather(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let by_address = in_lists(&named.leading, |some| {
        record_addresses::table
            .filter(record_addresses::address.eq_any(some))
            .order(record_addresses::record_id)
            .select((record_addresses::address, record_addresses::record_id))
            .load::<(String, RecordId)>(db)
    })?;
    let by_number = in_lists(&named.case_numbers, |some| {
        records::table
            .filter(records::kind.eq(RecordKind::Case))
            .filter(records::number.eq_any(some))
            .select((records::number, records::id))
            .load(db)
    })?;
    facts.cases_by_number = by_number.into_iter().collect();
    for (address, record) in by_address {
        facts.records_by_address.entry(address).or_default().push(record);
    }
    let ids: HashSet<RecordId> = (facts.records_by_address.values().flatten())
        .chain(facts.cases_by_number.values())
        .chain(facts.thread_parents.values())
        .chain(facts.thread_cases.values().flatten())
        .chain(facts.emails.values().filter_map(|email| email.parent.as_ref()))
        .chain(&named.tokens)
        .chain(&named.records)
        .copied()
        .collect();
    follow(db, ids, facts)?;
    let opportunities = opportunities(db, facts)?;
    follow(db, opportunities, facts)?;
    let ids: HashSet<RecordId> = facts.records.keys().copied().collect();
    let teams = in_lists(&ids, |some| {
        record_teams::table
            .filter(record_teams::record_id.eq_any(some))
            .order(record_teams::team_id)
            .load::<(RecordId, TeamId)>(db)
    })?;
    for (record, team) in teams {
        facts.records.entry(record).and_modify(|record| record.teams.push(team));
    }
    let others = in_lists(&ids, |some| {
        record_links::table
            .filter(record_links::record_id.eq_any(some))
            .order((record_links::record_id, record_links::place))
            .select((record_links::record_id, record_links::other_id))
            .load::<(RecordId, RecordId)>(db)
    })?;
    for (record, other) in others {
        facts.records.entry(record).and_modify(|record| record.others.push(other));
    }
    Ok(())
}

/// Fetches records, those that they name, and so on.
fn follow(db: &mut Database, mut named: HashSet<RecordId>, facts: &mut Facts) -> Result<()> {
    for _ in 0..LEVELS {
        named.retain(|id| !facts.records.contains_key(id));
        let rows = in_lists(&named, |some| {
            records::table.filter(records::id.eq_any(some)).select(RecordRow::as_select()).load::<RecordRow>(db)
        })?;
        named = rows.iter().flat_map(RecordRow::names).collect();
        for row in rows {
            facts.records.insert(row.id, row.facts());
        }
    }
    Ok(())
}

/// Fetches the oldest and the newest open Opportunity of each Account and Contact: enough to tell whether there is one.
fn opportunities(db: &mut Database, facts: &mut Facts) -> Result<HashSet<RecordId>> {
    let of = |kind: RecordKind| -> HashSet<RecordId> {
        facts.records.iter().filter(|(_, record)| record.kind == kind).map(|(id, _)| *id).collect()
    };
    let open = || records::table.filter(records::kind.eq(RecordKind::Opportunity)).filter(records::active.eq(true));
    let mut rows = in_lists(&of(RecordKind::Account), |some| {
        open()
            .filter(records::account_id.eq_any(some))
            .group_by(records::account_id)
            .select((records::account_id, min(records::id), max(records::id)))
            .load::<(Option<RecordId>, Option<RecordId>, Option<RecordId>)>(db)
    })?;
    rows.extend(in_lists(&of(RecordKind::Contact), |some| {
        open()
            .filter(records::contact_id.eq_any(some))
            .group_by(records::contact_id)
            .select((records::contact_id, min(records::id), max(records::id)))
            .load::<(Option<RecordId>, Option<RecordId>, Option<RecordId>)>(db)
    })?);
    let mut found = HashSet::new();
    for (of, oldest, newest) in rows {
        let Some(record) = of.and_then(|of| facts.records.get_mut(&of)) else { continue };
        record.open_opportunities = oldest.into_iter().chain(newest.filter(|_| newest != oldest)).collect();
        found.extend(oldest.into_iter().chain(newest));
    }
    Ok(found)
}
