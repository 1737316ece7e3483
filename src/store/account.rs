//! E-mail accounts: what people set of them, monitored mailboxes, and which are due. How an account fares is `state.rs`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Deref, DerefMut};

use anyhow::Result;
use diesel::dsl::not;
use diesel::prelude::*;

use super::column::columns;
use super::dialect::due;
use super::grant::{self, Granted};
use super::noun::{find, free, in_lists, not_found, number, taken};
use super::schema::{
    account_mailboxes, account_servers, account_states, account_teams, accounts, positions, user_addresses, users,
};
use super::sending::Password;
use super::state::{self, State};
use super::{Database, access, attempt, lease, sending, undone};
use crate::clock::rfc3339;
use crate::decide::access::{Actor, Permit};
use crate::decide::failure::LONGEST_PAUSE;
use crate::decide::sender::may_use;
use crate::fault::{Class, class_of_sameness};
use crate::mail::{Mail, untagged};
use crate::settings::{
    AccountRules, AfterFetch, FetchSettings, ServerSettings, Size, account_rules, fetch_settings, server_settings,
};
use crate::words::{
    AccountId, AccountKind, Auth, AutomaticCases, Distribution, FolderId, Security, TeamId, UnknownSender, UserId,
};

/// An e-mail account with all its settings and how fetching it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// In seconds since 1970 UTC.
    pub created_at: i64,
    pub settings: Settings,
    pub state: State,
    /// The right to it that a person gave at an authorisation server.
    pub grant: Option<Granted>,
}

impl Deref for Account {
    type Target = Settings;
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Account {
    /// Whether a token of the grant proves who reads.
    pub const fn reads_by_grant(&self) -> bool {
        self.grant.is_some() && self.settings.server.auth.is_token()
    }
}

/// What people decide about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub own: Own,
    /// Where its mailboxes are.
    pub server: ServerSettings,
    /// For that server.
    pub password: Password,
    /// What is taken from it.
    pub fetching: FetchSettings,
    /// What rules ask for.
    pub rules: AccountRules,
    pub mailboxes: Vec<String>,
    /// The owner's folders that mail of these mailboxes goes to (INBOX-2).
    pub folders: BTreeMap<String, FolderId>,
    pub teams: Vec<TeamId>,
}

impl Deref for Settings {
    type Target = Own;
    fn deref(&self) -> &Own {
        &self.own
    }
}

impl DerefMut for Settings {
    fn deref_mut(&mut self) -> &mut Own {
        &mut self.own
    }
}

/// What an account is by itself: no settings of which there may be more, but what others speak of.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accounts, treat_none_as_null = true)]
pub struct Own {
    pub name: String,
    pub kind: AccountKind,
    #[diesel(column_name = owner_id)]
    pub owner: Option<UserId>,
    /// In comparison form.
    pub address: String,
    /// Whether an administrator gave it: what a user calls theirs is used to fetch with, and makes nothing theirs (AUTO-2).
    pub address_vouched: bool,
    pub active: bool,
}

server_settings!(columns Server in account_servers is ServerSettings);
fetch_settings!(columns Fetching in accounts is FetchSettings);
account_rules!(columns Rules in accounts is AccountRules);

/// Returns the number that the next account will have, so that its password can be sealed for its place.
pub fn next_id(db: &mut Database) -> Result<AccountId> {
    Ok(AccountId(number(db, "account")?))
}

/// Adds an account under a number from [`next_id`].
pub fn add(db: &mut Database, permit: &Permit<'_>, id: AccountId, settings: &Settings, now: i64) -> Result<()> {
    free!(db, "account", accounts.name, &settings.name);
    diesel::insert_into(accounts::table)
        .values((
            &settings.own,
            Fetching::from(&settings.fetching),
            Rules::from(&settings.rules),
            accounts::id.eq(id),
            accounts::created_at.eq(now),
        ))
        .execute(db)?;
    diesel::insert_into(account_servers::table)
        .values((Server::from(&settings.server), &settings.password, account_servers::account_id.eq(id)))
        .execute(db)?;
    state::begin(db, id)?;
    set_lists(db, id, settings)?;
    access::record(db, permit, "account add", &subject(&settings.name), settings.kind.as_str(), now)
}

/// What the audit calls an account.
fn subject(name: &str) -> String {
    format!("account:{name}")
}

/// Changes an account to these settings; [`note_change`] writes down what that was.
pub fn set(db: &mut Database, _: &Permit<'_>, account: &Account, settings: &Settings) -> Result<()> {
    let id = account.id;
    free!(db, "account", accounts.name, &settings.name, but id);
    let values = (&settings.own, Fetching::from(&settings.fetching), Rules::from(&settings.rules));
    diesel::update(accounts::table.find(id)).set(values).execute(db)?;
    let values = (Server::from(&settings.server), &settings.password);
    diesel::update(account_servers::table.find(id)).set(values).execute(db)?;
    set_lists(db, id, settings)
}

/// Writes down what was changed of an account.
pub fn note_change(db: &mut Database, permit: &Permit<'_>, verb: &str, account: &Account, detail: &str, now: i64) -> Result<()> {
    access::record(db, permit, verb, &subject(&account.name), detail, now)
}

fn set_lists(db: &mut Database, id: AccountId, settings: &Settings) -> Result<()> {
    diesel::delete(account_mailboxes::table.filter(account_mailboxes::account_id.eq(id))).execute(db)?;
    for (place, name) in (1_i64..).zip(&settings.mailboxes) {
        diesel::insert_into(account_mailboxes::table)
            .values((
                account_mailboxes::account_id.eq(id),
                account_mailboxes::name.eq(name),
                account_mailboxes::place.eq(place),
                account_mailboxes::folder_id.eq(settings.folders.get(name).copied()),
            ))
            .execute(db)?;
    }
    diesel::delete(account_teams::table.filter(account_teams::account_id.eq(id))).execute(db)?;
    for team in &settings.teams {
        diesel::insert_into(account_teams::table)
            .values((account_teams::account_id.eq(id), account_teams::team_id.eq(team)))
            .execute(db)?;
    }
    Ok(())
}

fn load(db: &mut Database, ids: &[AccountId]) -> Result<Vec<Account>> {
    type Row = (AccountId, i64, Own, Server, Password, Fetching, Rules, State);
    let rows = accounts::table
        .inner_join(account_servers::table.on(account_servers::account_id.eq(accounts::id)))
        .inner_join(account_states::table.on(account_states::account_id.eq(accounts::id)))
        .filter(accounts::id.eq_any(ids))
        .select((
            accounts::id,
            accounts::created_at,
            Own::as_select(),
            Server::as_select(),
            Password::as_select(),
            Fetching::as_select(),
            Rules::as_select(),
            State::as_select(),
        ))
        .load::<Row>(db)?;
    let mailboxes = account_mailboxes::table
        .filter(account_mailboxes::account_id.eq_any(ids))
        .order(account_mailboxes::place)
        .select((account_mailboxes::account_id, account_mailboxes::name, account_mailboxes::folder_id))
        .load::<(AccountId, String, Option<FolderId>)>(db)?;
    let teams = account_teams::table
        .filter(account_teams::account_id.eq_any(ids))
        .order(account_teams::team_id)
        .load::<(AccountId, TeamId)>(db)?;
    let mut grants = grant::shown(db, ids)?;
    let account = |(id, created_at, own, server, password, fetching, rules, state): Row| {
        let (mailboxes, folders, teams) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (server, fetching, rules) = (server.into(), fetching.into(), rules.into());
        let settings = Settings { own, server, password, fetching, rules, mailboxes, folders, teams };
        (id, Account { id, created_at, settings, state, grant: grants.remove(&id) })
    };
    let mut loaded: HashMap<AccountId, Account> = rows.into_iter().map(account).collect();
    for (id, name, folder) in mailboxes {
        loaded.entry(id).and_modify(|account| {
            account.settings.folders.extend(folder.map(|folder| (name.clone(), folder)));
            account.settings.mailboxes.push(name);
        });
    }
    for (id, team) in teams {
        loaded.entry(id).and_modify(|account| account.settings.teams.push(team));
    }
    Ok(ids.iter().filter_map(|id| loaded.remove(id)).collect())
}

/// Returns the account that a message is addressed to, else the only one there is. An address that nobody vouches for draws nothing.
pub fn addressed(db: &mut Database, mail: &Mail) -> Result<Option<Account>> {
    let mut accounts = list(db)?;
    if accounts.len() < 2 {
        return Ok(accounts.pop());
    }
    let is_named = |account: &Account| mail.to.iter().chain(&mail.cc).any(|address| address.key() == account.address);
    Ok(accounts.into_iter().find(|account| account.address_vouched && is_named(account)))
}

/// Whether an address, or the one that it is a plus-address of, is a group account's, one that those are answered at, or that of
/// another user.
pub fn is_of_others(db: &mut Database, user: Option<UserId>, address: &str) -> Result<bool> {
    let names = [address.to_string(), untagged(address).into_owned()];
    if sending::answered_at(db)?.iter().any(|answered| names.contains(answered)) {
        return Ok(true);
    }
    let of_group = accounts::table.filter(accounts::address.eq_any(&names)).filter(accounts::kind.eq(AccountKind::Group));
    let of_users = user_addresses::table.filter(user_addresses::address.eq_any(&names)).select(user_addresses::user_id);
    let is_others = of_users.load::<UserId>(db)?.into_iter().any(|owner| Some(owner) != user);
    Ok(is_others || of_group.count().get_result::<i64>(db)? > 0)
}

/// Finds an account by name or number.
pub fn find(db: &mut Database, wanted: &str) -> Result<Account> {
    let id: AccountId = find!(db, "account", accounts.name, wanted)?;
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

/// Lists the accounts that somebody may know of, by name: their own, and the group accounts that they may send through
/// (SEND-3); administrators all.
pub fn seen(db: &mut Database, actor: &Actor) -> Result<Vec<Account>> {
    if actor.administrator {
        return list(db);
    }
    let outlets = sending::outlets(db)?;
    let usable = outlets.iter().filter(|outlet| may_use(actor, outlet)).map(|outlet| outlet.account);
    let own = accounts::owner_id.eq(actor.user).and(accounts::owner_id.is_not_null());
    let theirs = own.or(accounts::id.eq_any(usable.collect::<Vec<_>>()).nullable());
    let ids = accounts::table.filter(theirs).order(accounts::name).select(accounts::id).load::<AccountId>(db)?;
    load(db, &ids)
}

/// Finds one of the accounts that somebody may know of, by name or number; of others there is not even a hint.
pub fn find_seen(db: &mut Database, actor: &Actor, wanted: &str) -> Result<Account> {
    let seen = seen(db, actor)?;
    let number = wanted.parse().ok().map(AccountId);
    let found = seen.iter().find(|account| account.name == wanted).or_else(|| seen.iter().find(|one| Some(one.id) == number));
    let names = || seen.iter().map(|account| account.name.clone()).collect::<Vec<_>>();
    found.cloned().ok_or_else(|| not_found("account", wanted, &names()))
}

/// Returns which of some accounts, by name, are others' own.
pub fn of_others(db: &mut Database, names: &[String], user: Option<UserId>) -> Result<HashSet<String>> {
    let own = accounts::table.filter(accounts::name.eq_any(names)).filter(accounts::owner_id.is_not_null());
    let all: Vec<(String, Option<UserId>)> = own.select((accounts::name, accounts::owner_id)).load(db)?;
    Ok(all.into_iter().filter(|(_, owner)| *owner != user).map(|(name, _)| name).collect())
}

/// Counts a user's personal accounts.
pub fn kept(db: &mut Database, owner: UserId) -> Result<i64> {
    Ok(accounts::table.filter(accounts::owner_id.eq(owner)).count().get_result(db)?)
}

/// Lists all accounts by name.
pub fn list(db: &mut Database) -> Result<Vec<Account>> {
    let ids = accounts::table.order(accounts::name).select(accounts::id).load::<AccountId>(db)?;
    load(db, &ids)
}

/// Whether somebody is there to read what would come: not to the personal account of a user who is switched off.
macro_rules! has_reader {
    () => {{
        let active = users::table.filter(users::active.eq(true)).select(users::id.nullable());
        accounts::owner_id.is_null().or(accounts::owner_id.eq_any(active))
    }};
}

/// The active accounts that somebody reads, with how they fare.
macro_rules! active {
    () => {
        accounts::table
            .inner_join(account_states::table.on(account_states::account_id.eq(accounts::id)))
            .filter(accounts::active.eq(true))
            .filter(has_reader!())
    };
}

/// Returns the personal accounts whose owners are switched off, with the logins of these.
pub fn left(db: &mut Database) -> Result<HashMap<AccountId, String>> {
    let of = accounts::table.inner_join(users::table.on(users::id.nullable().eq(accounts::owner_id)));
    let rows = of.filter(users::active.eq(false)).select((accounts::id, users::login)).load(db)?;
    Ok(rows.into_iter().collect())
}

/// Returns an account as it is now; none when it is gone or left alone, as its owner is switched off, or it itself, unless it was named.
pub fn current(db: &mut Database, id: AccountId, is_named: bool) -> Result<Option<Account>> {
    let wanted = accounts::table.filter(accounts::id.eq(id)).filter(has_reader!()).select((accounts::id, accounts::active));
    let found: Option<(AccountId, bool)> = wanted.first(db).optional()?;
    let ids: Vec<AccountId> = found.into_iter().filter(|(_, is_active)| *is_active || is_named).map(|(id, _)| id).collect();
    Ok(load(db, &ids)?.pop())
}

/// An active account that rests after a failure. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    pub name: String,
    pub error: String,
    /// Of the failure.
    pub class: Class,
    pub until: i64,
}

/// Lists the active accounts that rest after a failure (FETCH-10), by name.
pub fn resting(db: &mut Database, now: i64) -> Result<Vec<Resting>> {
    type Row = (String, Option<String>, Option<String>, Option<i64>);
    let rows = active!()
        .filter(account_states::failing_since.is_not_null())
        .filter(account_states::retry_at.is_not_null().and(not(due!(account_states::retry_at, now, LONGEST_PAUSE))))
        .order(accounts::name)
        .select((accounts::name, account_states::last_error, account_states::failure, account_states::retry_at))
        .load::<Row>(db)?;
    let resting = |(name, error, failure, until): Row| Resting {
        name,
        error: error.unwrap_or_default(),
        class: failure.as_deref().map_or(Class::Software, class_of_sameness),
        until: until.unwrap_or(now),
    };
    Ok(rows.into_iter().map(resting).collect())
}

/// Lists the active accounts that are due, longest since a successful pass first (FETCH-10).
pub fn due(db: &mut Database, now: i64) -> Result<Vec<Account>> {
    let rows = active!()
        .filter(account_states::retry_at.is_null().or(due!(account_states::retry_at, now, LONGEST_PAUSE)))
        .select((accounts::id, account_states::last_success_at))
        .load::<(AccountId, Option<i64>)>(db)?;
    let mut rows: Vec<(Option<i64>, AccountId)> = rows.into_iter().map(|(id, last)| (last, id)).collect();
    // Never fetched comes first; NULLs sort differently on the two databases.
    rows.sort_unstable();
    let ids: Vec<AccountId> = rows.into_iter().map(|(_, id)| id).collect();
    in_lists(db, &ids, load)
}

/// Switches an account on or off.
pub fn set_active(db: &mut Database, permit: &Permit<'_>, account: &Account, active: bool, now: i64) -> Result<bool> {
    let was: bool = accounts::table.find(account.id).select(accounts::active).first(db)?;
    if active {
        state::try_again(db, permit, account.id)?;
    }
    if was == active {
        return Ok(false);
    }
    diesel::update(accounts::table.find(account.id)).set(accounts::active.eq(active)).execute(db)?;
    let verb = if active { "account enable" } else { "account disable" };
    access::record(db, permit, verb, &subject(&account.name), "", now)?;
    Ok(true)
}

/// Refuses to read an account anew of which messages are kept here alone.
pub fn may_reset(db: &mut Database, account: &Account) -> Result<()> {
    undone::must_have_none_aside(db, account.id, &account.name)
}

/// Forgets how far the account's server mailboxes were read, with the fates of their UIDs (FETCH-13). A pass that runs at
/// this moment loses its lease, so it cannot write its position back.
pub fn reset(db: &mut Database, permit: &Permit<'_>, account: &Account, since: i64, now: i64) -> Result<()> {
    let id = account.id;
    may_reset(db, account)?;
    diesel::update(accounts::table.find(id)).set(accounts::fetch_since.eq(since)).execute(db)?;
    lease::end(db, id)?;
    attempt::set_careful(db, id, false)?;
    state::forget_failure(db, id)?;
    // UIDVALIDITY 0 is no server's: those are the mailboxes of `deliver` and `import`.
    diesel::delete(positions::table.filter(positions::account_id.eq(id)).filter(positions::uidvalidity.ne(0))).execute(db)?;
    access::record(db, permit, "account reset", &subject(&account.name), &format!("since {}", rfc3339(since)), now)
}
