//! Users, their addresses and absences.

use anyhow::Result;
use diesel::prelude::*;

use super::column::columns;
use super::noun::{find, free, gathered, in_lists, linked, not_found, number, once, taken};
use super::schema::{absences, auto_follows, roles, team_members, teams, user_addresses, user_roles, users};
use super::{Database, access, former, leaving, load, outbox};
use crate::clock::rfc3339;
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::mail::body::Signature;
use crate::settings::{UserSettings, user_settings};
use crate::words::{RecordKind, TeamId, UserId};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct User {
    pub id: UserId,
    pub login: String,
    #[serde(skip)]
    pub settings: UserSettings,
    /// The name of it.
    #[serde(skip)]
    pub default_team: Option<String>,
    pub addresses: Vec<String>,
    pub teams: Vec<String>,
    pub roles: Vec<String>,
    /// The kinds of records that they follow from the beginning (FOLLOW-1).
    pub auto_follow: Vec<RecordKind>,
}

user_settings!(columns Row in users is UserSettings);

/// What to change of a user's lists; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    pub addresses: Option<Vec<String>>,
    /// Kinds of records to follow from the beginning, and kinds no longer to (FOLLOW-1).
    pub auto_follow: Vec<RecordKind>,
    pub no_auto_follow: Vec<RecordKind>,
}

/// Returns a user's addresses, the first one first.
pub fn addresses_of(db: &mut Database, id: UserId) -> Result<Vec<String>> {
    let of_user = user_addresses::table.filter(user_addresses::user_id.eq(id)).order(user_addresses::place);
    Ok(of_user.select(user_addresses::address).load(db)?)
}

/// Returns a user's name.
pub fn name_of(db: &mut Database, id: UserId) -> Result<String> {
    Ok(users::table.find(id).select(users::name).first(db)?)
}

/// Whether there is such a user still.
pub fn is_there(db: &mut Database, id: UserId) -> Result<bool> {
    Ok(users::table.find(id).count().get_result::<i64>(db)? > 0)
}

/// Returns what stands below the letters that a user writes.
pub fn signature_of(db: &mut Database, id: UserId) -> Result<Signature> {
    let (text, html) = users::table.find(id).select((users::signature, users::signature_html)).first(db)?;
    Ok(Signature { text, html })
}

/// A time in which a user gets no cases (DIST-1).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable)]
pub struct Absence {
    pub id: i64,
    pub login: String,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub starts_at: i64,
    #[serde(serialize_with = "crate::clock::time")]
    pub ends_at: i64,
}

/// Adds a user.
pub fn add(
    db: &mut Database,
    permit: &Permit<'_>,
    login: &str,
    (settings, addresses): (&UserSettings, &[String]),
    now: i64,
) -> Result<UserId> {
    free!(db, "user", users.login, login);
    let id = UserId(number(db, "user")?);
    let new = (users::id.eq(id), users::login.eq(login), Row::from(settings), users::last_assignment.eq(0_i64));
    diesel::insert_into(users::table).values(new).execute(db)?;
    set_addresses(db, id, addresses)?;
    let what = if settings.administrator { "administrator" } else { "" };
    access::record(db, permit, "user add", &subject(login), what, now)?;
    Ok(id)
}

/// What the audit calls a user.
pub(crate) fn subject(login: &str) -> String {
    format!("user:{login}")
}

fn set_addresses(db: &mut Database, user: UserId, addresses: &[String]) -> Result<()> {
    let keys = once(addresses.iter().map(|address| address_key(address)).collect());
    let others = user_addresses::table
        .inner_join(users::table.on(users::id.eq(user_addresses::user_id)))
        .filter(user_addresses::user_id.ne(user))
        .filter(user_addresses::address.eq_any(&keys))
        .select((user_addresses::address, users::login));
    if let Some((address, login)) = others.first::<(String, String)>(db).optional()? {
        return Err(Fault::new(Class::Data, format!("the address {address} is {login}'s"))
            .hint(format!("an address is one user's; take it from {login} first, or leave it out"))
            .into());
    }
    diesel::delete(user_addresses::table.filter(user_addresses::user_id.eq(user))).execute(db)?;
    for (place, key) in (1_i64..).zip(keys) {
        diesel::insert_into(user_addresses::table)
            .values((user_addresses::user_id.eq(user), user_addresses::address.eq(key), user_addresses::place.eq(place)))
            .execute(db)?;
    }
    Ok(())
}

/// Whether anybody is told by mail of what they have not read (NOTIFY-3).
pub fn is_any_told_by_mail(db: &mut Database) -> Result<bool> {
    let told = users::table.filter(users::active.eq(true)).filter(users::notify_by_mail.eq(true));
    Ok(told.count().get_result::<i64>(db)? > 0)
}

/// Returns how many cases a user has that are not done.
pub fn open_cases(db: &mut Database, user: UserId) -> Result<i64> {
    Ok(load::of(db, &[user])?.first().map_or(0, |(_, cases)| *cases))
}

/// Returns the logins of those whose addresses these are, in comparison form.
pub fn logins_at(db: &mut Database, addresses: &[String]) -> Result<Vec<String>> {
    let of = user_addresses::table.filter(user_addresses::address.eq_any(addresses)).select(user_addresses::user_id);
    Ok(users::table.filter(users::id.eq_any(of)).select(users::login).load(db)?)
}

/// Finds a user by login or number.
pub fn find(db: &mut Database, wanted: &str) -> Result<UserId> {
    find!(db, "user", users.login, wanted)
}

/// Finds users by login or number; one who is named twice counts once.
pub fn find_all(db: &mut Database, wanted: &[String]) -> Result<Vec<UserId>> {
    Ok(once(wanted.iter().map(|login| find(db, login)).collect::<Result<_>>()?))
}

/// Returns the active user with this login; only a login names the one who asks.
pub fn active(db: &mut Database, login: &str) -> Result<Option<UserId>> {
    let id = users::table.filter(users::login.eq(login)).filter(users::active.eq(true)).select(users::id);
    Ok(id.first(db).optional()?)
}

/// Returns every user's login by number.
pub fn logins(db: &mut Database) -> Result<std::collections::HashMap<UserId, String>> {
    Ok(users::table.select((users::id, users::login)).load(db)?.into_iter().collect())
}

/// Lists all users by login.
pub fn list(db: &mut Database) -> Result<Vec<User>> {
    let ids: Vec<UserId> = users::table.order(users::login).select(users::id).load(db)?;
    in_lists(db, &ids, load)
}

/// Shows one user.
pub fn show(db: &mut Database, id: UserId) -> Result<User> {
    Ok(load(db, &[id])?.pop().ok_or(diesel::NotFound)?)
}

/// Reads users by login, in as many queries as for one.
fn load(db: &mut Database, ids: &[UserId]) -> Result<Vec<User>> {
    let addresses = user_addresses::table
        .filter(user_addresses::user_id.eq_any(ids))
        .order(user_addresses::place)
        .select((user_addresses::user_id, user_addresses::address))
        .load::<(UserId, String)>(db)?;
    let mut teams = linked!(db, team_members.user_id: UserId, team_id of teams.name, ids);
    let mut held = linked!(db, user_roles.user_id: UserId, role_id of roles.name, ids);
    let kinds = auto_follows::table.filter(auto_follows::user_id.eq_any(ids)).load::<(UserId, RecordKind)>(db)?;
    let (mut addresses, mut kinds) = (gathered(addresses), gathered(kinds));
    let rows = users::table
        .left_join(teams::table.on(teams::id.nullable().eq(users::default_team_id)))
        .filter(users::id.eq_any(ids))
        .order(users::login)
        .select((users::id, users::login, Row::as_select(), teams::name.nullable()))
        .load::<(UserId, String, Row, Option<String>)>(db)?;
    let user = |(id, login, row, default_team): (UserId, String, Row, Option<String>)| {
        let mut auto_follow = kinds.remove(&id).unwrap_or_default();
        auto_follow.sort_unstable();
        User {
            addresses: addresses.remove(&id).unwrap_or_default(),
            teams: teams.remove(&id).unwrap_or_default(),
            roles: held.remove(&id).unwrap_or_default(),
            settings: row.into(),
            id,
            login,
            default_team,
            auto_follow,
        }
    };
    Ok(rows.into_iter().map(user).collect())
}

/// Changes a user; `pass::rights` writes down what that was.
pub fn set(db: &mut Database, _permit: &Permit<'_>, user: &User, settings: &UserSettings, lists: &Lists) -> Result<()> {
    let id = user.id;
    diesel::update(users::table.find(id)).set(Row::from(settings)).execute(db)?;
    if let Some(addresses) = &lists.addresses {
        set_addresses(db, id, addresses)?;
    }
    for kind in lists.auto_follow.iter().chain(&lists.no_auto_follow) {
        diesel::delete(auto_follows::table.find((id, kind))).execute(db)?;
    }
    for kind in once(lists.auto_follow.clone()) {
        let new = (auto_follows::user_id.eq(id), auto_follows::kind.eq(kind));
        diesel::insert_into(auto_follows::table).values(new).execute(db)?;
    }
    Ok(())
}

/// Removes a user, with the personal accounts that are theirs; cases and e-mails stay. Returns how many of their messages that have
/// not gone out are held now.
pub fn remove(db: &mut Database, permit: &Permit<'_>, id: UserId, now: i64) -> Result<usize> {
    let login = login(db, id)?;
    former::leave_all_of(db, id)?;
    let held = outbox::hold_all_of(db, id, &format!("{login}, who wrote it, was removed").as_str().into())?;
    leaving::leave_inbox(db, id, "")?;
    diesel::delete(users::table.find(id)).execute(db)?;
    access::record(db, permit, "user remove", &subject(&login), "", now)?;
    Ok(held)
}

/// Adds an absence; seconds since 1970 UTC, the end not included.
pub fn add_absence(
    db: &mut Database,
    permit: &Permit<'_>,
    user: UserId,
    (starts_at, ends_at): (i64, i64),
    now: i64,
) -> Result<i64> {
    let id = number(db, "absence")?;
    diesel::insert_into(absences::table)
        .values((
            absences::id.eq(id),
            absences::user_id.eq(user),
            absences::starts_at.eq(starts_at),
            absences::ends_at.eq(ends_at),
        ))
        .execute(db)?;
    let (login, when) = (login(db, user)?, format!("{} until {}", rfc3339(starts_at), rfc3339(ends_at)));
    access::record(db, permit, "user absence add", &subject(&login), &when, now)?;
    Ok(id)
}

/// Lists absences that are not over.
pub fn absences(db: &mut Database, now: i64) -> Result<Vec<Absence>> {
    Ok(absences::table
        .inner_join(users::table.on(users::id.eq(absences::user_id)))
        .filter(absences::ends_at.gt(now))
        .order((absences::starts_at, absences::id))
        .select((absences::id, users::login, absences::starts_at, absences::ends_at))
        .load(db)?)
}

/// Returns whose absence it is, if there is one.
pub fn absent(db: &mut Database, id: i64) -> Result<Option<UserId>> {
    Ok(absences::table.find(id).select(absences::user_id).first(db).optional()?)
}

/// Removes an absence.
pub fn remove_absence(db: &mut Database, permit: &Permit<'_>, id: i64, now: i64) -> Result<()> {
    if let Some(user) = absent(db, id)? {
        diesel::delete(absences::table.find(id)).execute(db)?;
        let login = login(db, user)?;
        access::record(db, permit, "user absence remove", &subject(&login), &format!("absence {id}"), now)?;
    }
    Ok(())
}

/// Returns a user's login.
pub fn login(db: &mut Database, id: UserId) -> Result<String> {
    Ok(users::table.find(id).select(users::login).first(db)?)
}
