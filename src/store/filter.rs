//! E-mail filters as people made them (FILTER-1). Within a scope their places are 1, 2, 3 … without holes.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::column::columns;
use super::noun::{not_found, number, taken};
use super::schema::{accounts, filters, folders, former_filters, users};
use super::{Database, IN_LIST};
use crate::decide::access::{Keeper, Kept, Permitted};
use crate::decide::filter::{Action, Criterion, Filter, Scope, Script};
use crate::fault::{Class, Fault};
use crate::settings::{FilterSettings, filter_settings};
use crate::words::{AccountId, FilterId, FolderId, UserId};

/// Whose mail a filter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Global,
    Account(AccountId),
    User(UserId),
}

impl Owner {
    /// Returns the scope of its filters.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Global => Scope::Global,
            Self::Account(_) => Scope::Account,
            Self::User(user) => Scope::User(user),
        }
    }

    const fn of(account: Option<AccountId>, user: Option<UserId>) -> Self {
        match (account, user) {
            (Some(account), _) => Self::Account(account),
            (None, Some(user)) => Self::User(user),
            (None, None) => Self::Global,
        }
    }

    const fn columns(self) -> (Option<AccountId>, Option<UserId>) {
        match self {
            Self::Global => (None, None),
            Self::Account(account) => (Some(account), None),
            Self::User(user) => (None, Some(user)),
        }
    }

    /// FILTER-1: who looks after its filters: administrators after the global ones and those of group accounts, users after those of
    /// their own accounts and inboxes. `of_account` is the user who owns the account.
    fn keeper(self, of_account: Option<UserId>) -> Keeper {
        let user = match self {
            Self::Global => None,
            Self::Account(_) => of_account,
            Self::User(user) => Some(user),
        };
        user.map_or(Keeper::Administrators, Keeper::User)
    }
}

/// The filters of an owner, with who looks after them (FILTER-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filters {
    pub owner: Owner,
    keeper: Keeper,
}

impl Kept for Filters {
    fn keeper(&self) -> Keeper {
        self.keeper
    }
}

/// A filter with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub filter: Filter,
    pub owner: Owner,
    keeper: Keeper,
    /// `global`, `account support` or `user ada`.
    pub scope: String,
    pub place: i64,
}

impl Kept for Stored {
    fn keeper(&self) -> Keeper {
        self.keeper
    }
}

filter_settings!(columns Settings in filters is FilterSettings);

#[derive(Queryable, Selectable)]
#[diesel(table_name = filters)]
struct Row {
    id: FilterId,
    name: String,
    account_id: Option<AccountId>,
    user_id: Option<UserId>,
    place: i64,
    #[diesel(embed)]
    settings: Settings,
    criteria: String,
    actions: String,
    sieve: Option<String>,
}

impl Row {
    fn owner(&self) -> Owner {
        Owner::of(self.account_id, self.user_id)
    }

    fn filter(self) -> Result<Filter> {
        let wrong = || format!("filter {:?}", self.name);
        Ok(Filter {
            id: self.id,
            scope: self.owner().scope(),
            criteria: serde_json::from_str::<Vec<Criterion>>(&self.criteria).with_context(wrong)?,
            actions: serde_json::from_str::<Vec<Action>>(&self.actions).with_context(wrong)?,
            settings: self.settings.into(),
            name: self.name,
            sieve: self.sieve.map(|text| Script { text, folders: BTreeMap::new() }),
        })
    }
}

/// Returns the active import filters of an account: its own, then the global ones, each in order (FILTER-6).
pub fn of_account(db: &mut Database, account: AccountId) -> Result<Vec<Filter>> {
    let rows = filters::table
        .filter(filters::active.eq(true))
        .filter(filters::user_id.is_null())
        .filter(filters::account_id.eq(account).or(filters::account_id.is_null()))
        .order((filters::place, filters::id))
        .select(Row::as_select())
        .load::<Row>(db)?;
    let (own, global): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.account_id.is_some());
    let mut filters: Vec<Filter> = own.into_iter().chain(global).map(Row::filter).collect::<Result<_>>()?;
    find_folders(db, &mut filters)?;
    Ok(filters)
}

/// Finds the folders that scripts name: group folders, or those of the user whose filter it is.
fn find_folders<'a>(db: &mut Database, filters: impl IntoIterator<Item = &'a mut Filter>) -> Result<()> {
    let mut scripts = Vec::new();
    for filter in filters {
        let user = if let Scope::User(user) = filter.scope { Some(user) } else { None };
        if let Some(script) = &mut filter.sieve {
            let names = script.folder_names();
            scripts.push((script, user, names));
        }
    }
    let names: HashSet<&String> = scripts.iter().flat_map(|(_, _, names)| names).collect();
    let mut found: HashMap<(Option<UserId>, String), FolderId> = HashMap::new();
    for some in names.into_iter().collect::<Vec<_>>().chunks(IN_LIST) {
        let rows = folders::table.filter(folders::name.eq_any(some.iter().copied()));
        let rows = rows.select((folders::id, folders::user_id, folders::name)).load::<(FolderId, Option<UserId>, String)>(db)?;
        found.extend(rows.into_iter().map(|(id, user, name)| ((user, name), id)));
    }
    for (script, user, names) in scripts {
        let known = names.into_iter().filter_map(|name| {
            let id = found.get(&(user, name.clone()))?;
            Some((name, *id))
        });
        script.folders = known.collect();
    }
    Ok(())
}

/// Returns the active filters of users, in order.
pub(super) fn of_users(db: &mut Database, users: &HashSet<UserId>) -> Result<HashMap<UserId, Vec<Filter>>> {
    let ids: Vec<&UserId> = users.iter().collect();
    let mut found: HashMap<UserId, Vec<Filter>> = HashMap::new();
    for some in ids.chunks(IN_LIST) {
        let rows = filters::table
            .filter(filters::active.eq(true))
            .filter(filters::user_id.eq_any(some.iter().copied().map(Some)))
            .order((filters::place, filters::id))
            .select(Row::as_select())
            .load::<Row>(db)?;
        for row in rows {
            if let Some(user) = row.user_id {
                found.entry(user).or_default().push(row.filter()?);
            }
        }
    }
    find_folders(db, found.values_mut().flatten())?;
    Ok(found)
}

/// Lists filters: of one owner, or all, the global ones first.
pub fn list(db: &mut Database, owner: Option<Owner>) -> Result<Vec<Stored>> {
    let mut query = filters::table.into_boxed();
    query = match owner {
        None => query,
        Some(Owner::Global) => query.filter(filters::account_id.is_null()).filter(filters::user_id.is_null()),
        Some(Owner::Account(account)) => query.filter(filters::account_id.eq(account)),
        Some(Owner::User(user)) => query.filter(filters::user_id.eq(user)),
    };
    let rows = query.order((filters::place, filters::id)).select(Row::as_select()).load::<Row>(db)?;
    let (mut accounts, mut owners) = (HashMap::new(), HashMap::new());
    for (id, name, owner) in
        accounts::table
            .select((accounts::id, accounts::name, accounts::owner_id))
            .load::<(AccountId, String, Option<UserId>)>(db)?
    {
        accounts.insert(id, name);
        owners.insert(id, owner);
    }
    let users: HashMap<UserId, String> = users::table.select((users::id, users::login)).load(db)?.into_iter().collect();
    let or_number = |name: Option<&String>, id: &dyn std::fmt::Display| name.cloned().unwrap_or_else(|| id.to_string());
    let mut stored = Vec::with_capacity(rows.len());
    for row in rows {
        let scope = match row.owner() {
            Owner::Global => "global".to_string(),
            Owner::Account(account) => format!("account {}", or_number(accounts.get(&account), &account)),
            Owner::User(user) => format!("user {}", or_number(users.get(&user), &user)),
        };
        let keeper = row.owner().keeper(row.account_id.and_then(|account| owners.get(&account).copied().flatten()));
        let (owner, place) = (row.owner(), row.place);
        stored.push(Stored { filter: row.filter()?, owner, keeper, scope, place });
    }
    find_folders(db, stored.iter_mut().map(|one| &mut one.filter))?;
    // Global ones first, then account by account, user by user.
    stored.sort_by_key(|one| match one.owner {
        Owner::Global => (0, 0, one.place),
        Owner::Account(account) => (1, account.0, one.place),
        Owner::User(user) => (2, user.0, one.place),
    });
    Ok(stored)
}

/// Finds a filter by its name or number; `owner` tells two of one name apart.
pub fn find(db: &mut Database, wanted: &str, owner: Option<Owner>) -> Result<Stored> {
    choose(list(db, owner)?, wanted)
}

/// The same among some filters.
pub fn choose(all: Vec<Stored>, wanted: &str) -> Result<Stored> {
    let by_name: Vec<&Stored> = all.iter().filter(|one| one.filter.name == wanted).collect();
    match by_name.as_slice() {
        [only] => return Ok((*only).clone()),
        [] => {}
        several => {
            let scopes: Vec<&str> = several.iter().map(|one| one.scope.as_str()).collect();
            let what = format!("there are several filters {wanted:?}: {}", scopes.join(", "));
            let hint = "name the scope: --global, --account or --user; or the number";
            return Err(Fault::new(Class::Data, what).hint(hint).into());
        }
    }
    let by_number = wanted.parse().ok().and_then(|id| all.iter().find(|one| one.filter.id == FilterId(id)));
    match by_number {
        Some(found) => Ok(found.clone()),
        None => Err(not_found("filter", wanted, &all.iter().map(|one| one.filter.name.clone()).collect::<Vec<_>>())),
    }
}

/// A filter that is there, or was, as far as what it did is concerned.
#[derive(Debug, Clone)]
pub struct Past {
    pub id: FilterId,
    pub name: String,
    pub owner: Owner,
    keeper: Keeper,
    is_gone: bool,
    /// None where it was removed, or is not used.
    pub filter: Option<Filter>,
}

impl Kept for Past {
    fn keeper(&self) -> Keeper {
        self.keeper
    }
}

/// Lists the filters that are there, and those that were, the last removed first.
pub fn past(db: &mut Database) -> Result<Vec<Past>> {
    let there = list(db, None)?.into_iter().map(|one| Past {
        id: one.filter.id,
        name: one.filter.name.clone(),
        owner: one.owner,
        keeper: one.keeper,
        is_gone: false,
        filter: Some(one.filter).filter(|filter| filter.settings.active),
    });
    let mut all: Vec<Past> = there.collect();
    let owners: HashMap<AccountId, Option<UserId>> =
        accounts::table.select((accounts::id, accounts::owner_id)).load(db)?.into_iter().collect();
    let gone = former_filters::table.order(former_filters::id.desc());
    for (id, name, account, user) in gone.load::<(FilterId, String, Option<AccountId>, Option<UserId>)>(db)? {
        let owner = Owner::of(account, user);
        let keeper = owner.keeper(account.and_then(|account| owners.get(&account).copied().flatten()));
        all.push(Past { id, name, owner, keeper, is_gone: true, filter: None });
    }
    Ok(all)
}

/// The same among those that are there, and those that were: these only where none of that name is there.
pub fn choose_past(all: Vec<Past>, wanted: &str) -> Result<Past> {
    let named = |one: &&Past| one.name == wanted;
    let there: Vec<&Past> = all.iter().filter(named).filter(|one| !one.is_gone).collect();
    let gone: Vec<&Past> = all.iter().filter(named).filter(|one| one.is_gone).collect();
    let by_number = || all.iter().filter(|one| one.id.to_string() == wanted).collect();
    let found: Vec<&Past> = [there, gone].into_iter().find(|some| !some.is_empty()).unwrap_or_else(by_number);
    match found.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(not_found("filter", wanted, &all.iter().map(|one| one.name.clone()).collect::<Vec<_>>())),
        several => {
            let numbers: Vec<String> = several.iter().map(|one| one.id.to_string()).collect();
            let what = format!("there are several filters {wanted:?}");
            Err(Fault::new(Class::Data, what).hint(format!("give a number: {}", numbers.join(", "))).into())
        }
    }
}

/// How people name one of them so that [`choose_past`] finds it, and no other that has its name.
pub fn reference(all: &[Past], one: &Past) -> String {
    match choose_past(all.to_vec(), &one.name) {
        Ok(found) if found.id == one.id => one.name.clone(),
        _ => one.id.to_string(),
    }
}

/// Returns the filters of an owner.
pub fn of(db: &mut Database, owner: Owner) -> Result<Filters> {
    let of_account = match owner {
        Owner::Account(account) => accounts::table.find(account).select(accounts::owner_id).first(db)?,
        Owner::Global | Owner::User(_) => None,
    };
    Ok(Filters { owner, keeper: owner.keeper(of_account) })
}

/// The columns of what people say of a filter.
macro_rules! said {
    ($filter:expr) => {
        (
            filters::name.eq(&$filter.name),
            Settings::from(&$filter.settings),
            filters::criteria.eq(serde_json::to_string(&$filter.criteria)?),
            filters::actions.eq(serde_json::to_string(&$filter.actions)?),
            filters::sieve.eq($filter.sieve.as_ref().map(|script| &script.text)),
        )
    };
}

/// Adds a filter behind the others of its scope.
pub fn add(db: &mut Database, to: &Permitted<'_, Filters>, filter: &Filter) -> Result<FilterId> {
    let owner = to.thing().owner;
    let others = list(db, Some(owner))?;
    if others.iter().any(|other| other.filter.name == filter.name) {
        return Err(taken("filter", &filter.name));
    }
    let id = FilterId(number(db, "filter")?);
    let (account, user) = owner.columns();
    let place = others.iter().map(|other| other.place).max().unwrap_or(0) + 1;
    let new = (filters::id.eq(id), filters::account_id.eq(account), filters::user_id.eq(user), filters::place.eq(place));
    diesel::insert_into(filters::table).values((new, said!(filter))).execute(db)?;
    Ok(id)
}

/// Changes what a filter asks and does, and whether it is used.
pub fn set(db: &mut Database, stored: &Permitted<'_, Stored>, filter: &Filter) -> Result<()> {
    diesel::update(filters::table.find(stored.thing().filter.id)).set(said!(filter)).execute(db)?;
    Ok(())
}

/// Moves a filter to a place among those of its scope; the others keep their order.
pub fn move_to(db: &mut Database, stored: &Permitted<'_, Stored>, place: usize) -> Result<()> {
    let moved = stored.thing();
    let mut order: Vec<FilterId> = list(db, Some(moved.owner))?.into_iter().map(|one| one.filter.id).collect();
    order.retain(|id| *id != moved.filter.id);
    order.insert(place.saturating_sub(1).min(order.len()), moved.filter.id);
    renumber(db, &order)
}

/// Removes a filter; what it did can still be taken back (WHY-2).
pub fn remove(db: &mut Database, stored: &Permitted<'_, Stored>) -> Result<()> {
    let removed = stored.thing();
    let (account, user) = removed.owner.columns();
    diesel::insert_into(former_filters::table)
        .values((
            former_filters::id.eq(removed.filter.id),
            former_filters::name.eq(&removed.filter.name),
            former_filters::account_id.eq(account),
            former_filters::user_id.eq(user),
        ))
        .execute(db)?;
    diesel::delete(filters::table.find(removed.filter.id)).execute(db)?;
    let order: Vec<FilterId> = list(db, Some(removed.owner))?.into_iter().map(|one| one.filter.id).collect();
    renumber(db, &order)
}

fn renumber(db: &mut Database, order: &[FilterId]) -> Result<()> {
    for (place, id) in (1_i64..).zip(order) {
        diesel::update(filters::table.find(id)).set(filters::place.eq(place)).execute(db)?;
    }
    Ok(())
}
