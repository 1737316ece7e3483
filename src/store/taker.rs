//! Whom each account gives cases to, and where there is nobody or where they may not read them (DIST-1, ACCESS-2).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::schema::{absences, accounts, role_rights, roles, team_members, team_roles, teams, user_roles, users};
use crate::decide::{Member, works_on_cases};
use crate::words::{Distribution, RoleAction, RoleLevel, RoleScope, TeamId, UserId};

/// Who gets the cases of an account, absent or not.
#[derive(Debug, Clone)]
struct Giving {
    account: String,
    rule: Distribution,
    team: Option<String>,
    position: Option<String>,
    users: Vec<UserId>,
}

/// An account that gives cases to somebody, and has nobody to give them to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Idle {
    pub account: String,
    /// Its case team, and the position in it.
    pub team: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    #[serde(serialize_with = "crate::clock::time")]
    pub since: i64,
}

/// Users who get cases and may not read them, as no role lets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blind {
    /// The team by which they get cases; none where an account gives them to one user.
    pub team: Option<String>,
    pub logins: Vec<String>,
}

/// Who gets the cases of all active accounts that make some.
#[derive(Debug, Clone)]
pub struct Takers {
    accounts: Vec<Giving>,
    absences: Vec<(UserId, i64, i64)>,
    blind: Vec<Blind>,
}

impl Takers {
    /// Finds out who gets cases, and who of them may not read any.
    pub fn of(db: &mut Database) -> Result<Self> {
        let accounts = giving(db)?;
        let absences = absences::table.select((absences::user_id, absences::starts_at, absences::ends_at)).load(db)?;
        let blind = blind(db, &accounts)?;
        Ok(Self { accounts, absences, blind })
    }

    /// DIST-1: whether an account has nobody to give a case to at a moment. One that gives them to one user does not ask where they are.
    fn is_idle(&self, giving: &Giving, at: i64) -> bool {
        let is_absent =
            |user: &UserId| self.absences.iter().any(|(absent, from, until)| absent == user && (*from..*until).contains(&at));
        match giving.rule {
            Distribution::None => false,
            Distribution::Direct => giving.users.is_empty(),
            Distribution::RoundRobin | Distribution::LeastBusy => giving.users.iter().all(is_absent),
        }
    }

    /// The accounts that have nobody now.
    pub fn idle(&self, now: i64) -> Vec<Idle> {
        self.accounts.iter().filter(|giving| self.is_idle(giving, now)).map(|giving| giving.idle(now)).collect()
    }

    /// The accounts that have nobody from some moment on at which they had somebody before.
    pub fn newly_idle(&self, before: &Self, now: i64) -> Vec<Idle> {
        let moments: BTreeSet<i64> =
            self.absences.iter().map(|(_, from, _)| *from).filter(|from| *from > now).chain([now]).collect();
        let is_new = |giving: &Giving, at: i64| {
            let was = before.accounts.iter().find(|known| known.account == giving.account);
            self.is_idle(giving, at) && !was.is_some_and(|was| before.is_idle(was, at))
        };
        let first = |giving: &Giving| moments.iter().copied().find(|at| is_new(giving, *at));
        self.accounts.iter().filter_map(|giving| first(giving).map(|at| giving.idle(at))).collect()
    }

    /// Those who get cases and may not read them.
    pub fn blind(&self) -> &[Blind] {
        &self.blind
    }

    /// Those of them who could before, or got none.
    pub fn newly_blind(&self, before: &Self) -> Vec<Blind> {
        let was = |blind: &Blind, login: &String| {
            before.blind.iter().any(|known| known.team == blind.team && known.logins.contains(login))
        };
        let new = |blind: &Blind| {
            let logins: Vec<String> = blind.logins.iter().filter(|login| !was(blind, login)).cloned().collect();
            (!logins.is_empty()).then_some(Blind { team: blind.team.clone(), logins })
        };
        self.blind.iter().filter_map(new).collect()
    }
}

impl Giving {
    fn idle(&self, since: i64) -> Idle {
        Idle { account: self.account.clone(), team: self.team.clone(), position: self.position.clone(), since }
    }
}

fn giving(db: &mut Database) -> Result<Vec<Giving>> {
    type Row = (String, Distribution, Option<TeamId>, Option<String>, Option<UserId>, Option<String>);
    let rows = accounts::table
        .left_join(teams::table.on(teams::id.nullable().eq(accounts::case_team_id)))
        .filter(accounts::active.eq(true))
        .filter(accounts::make_cases.eq(true))
        .order(accounts::name)
        .select((
            accounts::name,
            accounts::distribution,
            accounts::case_team_id,
            accounts::case_position,
            accounts::assigned_user_id,
            teams::name.nullable(),
        ))
        .load::<Row>(db)?;
    let of_teams: Vec<TeamId> = rows.iter().filter_map(|row| row.2).collect();
    let members = team_members::table
        .inner_join(users::table.on(users::id.eq(team_members::user_id)))
        .filter(team_members::team_id.eq_any(of_teams))
        .order(team_members::user_id)
        .select((team_members::team_id, team_members::user_id, team_members::position, users::active))
        .load::<(TeamId, UserId, Option<String>, bool)>(db)?;
    let mut by_team: HashMap<TeamId, Vec<Member>> = HashMap::new();
    for (team, user, position, active) in members {
        by_team.entry(team).or_default().push(Member { user, position, active, absent: false });
    }
    let named = users::table.filter(users::id.eq_any(rows.iter().filter_map(|row| row.4))).filter(users::active.eq(true));
    let named: HashSet<UserId> = named.select(users::id).load(db)?.into_iter().collect();
    let giving = |(account, rule, of_team, position, assigned, team): Row| {
        let members = of_team.and_then(|team| by_team.get(&team)).into_iter().flatten();
        let working = members.filter(|member| works_on_cases(member, position.as_deref()));
        let users: Vec<UserId> = working.map(|member| member.user).collect();
        match rule {
            Distribution::Direct => {
                let users = assigned.filter(|user| named.contains(user)).into_iter().collect();
                Giving { account, rule, team: None, position: None, users }
            }
            _ => Giving { account, rule, team, position, users },
        }
    };
    Ok(rows.into_iter().map(giving).collect())
}

/// ACCESS-2: who gets cases though no role, of their own or of a team, lets them read any.
fn blind(db: &mut Database, accounts: &[Giving]) -> Result<Vec<Blind>> {
    let all: BTreeSet<UserId> = accounts.iter().flat_map(|giving| giving.users.iter().copied()).collect();
    let reads = role_rights::scope.eq(RoleScope::Case).and(role_rights::action.eq(RoleAction::Read));
    let reading = || role_rights::table.filter(reads).filter(role_rights::level.ne(RoleLevel::No)).select(role_rights::role_id);
    let own = user_roles::table.filter(user_roles::role_id.eq_any(reading())).select(user_roles::user_id);
    let of_teams = team_roles::table.filter(team_roles::role_id.eq_any(reading())).select(team_roles::team_id);
    let by_team = team_members::table.filter(team_members::team_id.eq_any(of_teams)).select(team_members::user_id);
    let without = users::table
        .filter(users::id.eq_any(all))
        .filter(users::administrator.eq(false))
        .filter(users::id.ne_all(own))
        .filter(users::id.ne_all(by_team))
        .select((users::id, users::login));
    let without: HashMap<UserId, String> = without.load::<(UserId, String)>(db)?.into_iter().collect();
    let mut found: BTreeMap<Option<&String>, BTreeSet<&String>> = BTreeMap::new();
    for giving in accounts {
        let mut logins = giving.users.iter().filter_map(|user| without.get(user)).peekable();
        if logins.peek().is_some() {
            found.entry(giving.team.as_ref()).or_default().extend(logins);
        }
    }
    let blind = |(team, logins): (Option<&String>, BTreeSet<&String>)| Blind {
        team: team.cloned(),
        logins: logins.into_iter().cloned().collect(),
    };
    Ok(found.into_iter().map(blind).collect())
}

/// The first role that lets somebody read cases.
pub fn reading_role(db: &mut Database) -> Result<Option<String>> {
    let reads = role_rights::scope.eq(RoleScope::Case).and(role_rights::action.eq(RoleAction::Read));
    let of = roles::table.inner_join(role_rights::table.on(role_rights::role_id.eq(roles::id))).filter(reads);
    Ok(of.filter(role_rights::level.ne(RoleLevel::No)).order(roles::id).select(roles::name).first(db).optional()?)
}
