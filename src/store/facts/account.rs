//! What the rules ask about the account that a batch came through.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use diesel::prelude::*;

use crate::decide::answer::Answering;
use crate::decide::{AccountFacts, sender};
use crate::store::schema::{account_teams, accounts, users};
use crate::store::{Database, answer, sending};
use crate::words::{AccountId, TeamId, UserId};

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct Row {
    name: String,
    address: String,
    kind: String,
    owner_id: Option<i64>,
    add_team_users: bool,
    assigned_user_id: Option<i64>,
    make_cases: bool,
    distribution: String,
    case_team_id: Option<i64>,
    case_position: Option<String>,
    act_since: i64,
    unknown_sender: String,
    reopen_within: Option<i64>,
    list_cases: bool,
    take_forwards: bool,
}

/// Gathers the settings of an account that rules ask about.
pub(super) fn gather(db: &mut Database, id: AccountId) -> Result<AccountFacts> {
    let row = accounts::table.find(id.0).select(Row::as_select()).first::<Row>(db).optional()?;
    let row = row.with_context(|| format!("there is no account {id}"))?;
    let teams = account_teams::table.filter(account_teams::account_id.eq(id.0)).order(account_teams::team_id);
    let teams = teams.select(account_teams::team_id).load::<i64>(db)?;
    let people: HashMap<i64, (bool, Option<i64>)> = users::table
        .filter(users::id.eq_any(row.owner_id.into_iter().chain(row.assigned_user_id)))
        .select((users::id, (users::active, users::default_team_id)))
        .load::<(i64, (bool, Option<i64>))>(db)?
        .into_iter()
        .collect();
    let wrong = |error: String| anyhow!("account {}: {error}", row.name);
    let answering = match answer::of(db, id)? {
        Some(answers) => {
            let outlet = sender::internal(id, &sending::outlets(db)?).map(|outlet| outlet.account);
            Some(Answering { outlet, authenticated_only: answers.authenticated_only })
        }
        None => None,
    };
    Ok(AccountFacts {
        id,
        kind: row.kind.parse().map_err(wrong)?,
        owner: row.owner_id.map(UserId),
        folder: None,
        owner_team: row.owner_id.and_then(|owner| people.get(&owner)?.1).map(TeamId),
        teams: teams.into_iter().map(TeamId).collect(),
        add_team_users: row.add_team_users,
        assigned_user: row.assigned_user_id.filter(|user| people.get(user).is_some_and(|(active, _)| *active)).map(UserId),
        make_cases: row.make_cases,
        distribution: row.distribution.parse().map_err(wrong)?,
        case_team: row.case_team_id.map(TeamId),
        case_position: row.case_position,
        act_since: row.act_since,
        unknown_sender: row.unknown_sender.parse().map_err(wrong)?,
        reopen_within: row.reopen_within,
        list_cases: row.list_cases,
        take_forwards: row.take_forwards,
        answering,
        address: row.address,
        name: row.name,
    })
}
