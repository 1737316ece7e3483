//! Users, their addresses and absences.

use anyhow::Result;
use diesel::prelude::*;

use super::noun::{not_found, number, taken};
use super::schema::{absences, auto_follows, team_members, teams, user_addresses, user_roles, users};
use super::{Database, access, account, follow, outbox, role};
use crate::clock::rfc3339;
use crate::decide::access::Permit;
use crate::mail::address_key;
use crate::words::{RecordKind, TeamId, UserId};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct User {
    pub id: UserId,
    pub login: String,
    pub name: String,
    pub active: bool,
    pub administrator: bool,
    pub default_team: Option<String>,
    pub addresses: Vec<String>,
    pub teams: Vec<String>,
    pub roles: Vec<String>,
    /// Whether they are told of e-mails that are new in their inbox (NOTIFY-2).
    pub notify_received: bool,
    /// Whether they are told by mail of what they have not read (NOTIFY-3).
    pub notify_by_mail: bool,
    /// What stands below the letters that they write (SEND-10).
    pub signature: String,
    /// The kinds of records that they follow from the beginning (FOLLOW-1).
    pub auto_follow: Vec<RecordKind>,
}

/// A user to add.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    pub login: String,
    pub name: String,
    pub administrator: bool,
    pub addresses: Vec<String>,
    pub default_team: Option<TeamId>,
}

/// What to change of a user; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    pub name: Option<String>,
    pub active: Option<bool>,
    pub administrator: Option<bool>,
    pub addresses: Option<Vec<String>>,
    /// None inside forgets it.
    pub default_team: Option<Option<TeamId>>,
    pub notify_received: Option<bool>,
    pub notify_by_mail: Option<bool>,
    pub signature: Option<String>,
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

/// Returns what stands below the letters that a user writes.
pub fn signature_of(db: &mut Database, id: UserId) -> Result<String> {
    Ok(users::table.find(id).select(users::signature).first(db)?)
}

/// A time in which a user gets no cases (DIST-1).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Absence {
    pub id: i64,
    pub login: String,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub starts_at: i64,
    #[serde(serialize_with = "crate::clock::time")]
    pub ends_at: i64,
}

type Row = (UserId, String, String, bool, bool, Option<TeamId>, (bool, bool, String));

type Columns = (
    users::id,
    users::login,
    users::name,
    users::active,
    users::administrator,
    users::default_team_id,
    (users::notify_received, users::notify_by_mail, users::signature),
);

const COLUMNS: Columns = (
    users::id,
    users::login,
    users::name,
    users::active,
    users::administrator,
    users::default_team_id,
    (users::notify_received, users::notify_by_mail, users::signature),
);

/// Adds a user.
pub fn add(db: &mut Database, permit: &Permit<'_>, new: &NewUser, now: i64) -> Result<UserId> {
    if users::table.filter(users::login.eq(&new.login)).count().get_result::<i64>(db)? > 0 {
        return Err(taken("user", &new.login));
    }
    let id = UserId(number(db, "user")?);
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::login.eq(&new.login),
            users::name.eq(&new.name),
            users::active.eq(true),
            users::administrator.eq(new.administrator),
            users::default_team_id.eq(new.default_team),
            users::last_assignment.eq(0_i64),
            users::notify_received.eq(true),
            users::notify_by_mail.eq(false),
            users::signature.eq(""),
        ))
        .execute(db)?;
    set_addresses(db, id, &new.addresses)?;
    let what = if new.administrator { "administrator" } else { "" };
    access::record(db, permit, "user add", &subject(&new.login), what, now)?;
    Ok(id)
}

/// What the audit calls a user.
fn subject(login: &str) -> String {
    format!("user:{login}")
}

fn set_addresses(db: &mut Database, user: UserId, addresses: &[String]) -> Result<()> {
    diesel::delete(user_addresses::table.filter(user_addresses::user_id.eq(user))).execute(db)?;
    for (place, address) in (1_i64..).zip(addresses) {
        diesel::insert_into(user_addresses::table)
            .values((
                user_addresses::user_id.eq(user),
                user_addresses::address.eq(address_key(address)),
                user_addresses::place.eq(place),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// Finds a user by login or number.
pub fn find(db: &mut Database, wanted: &str) -> Result<UserId> {
    let by_login = users::table.filter(users::login.eq(wanted)).select(users::id).first(db).optional()?;
    let by_number = match wanted.parse::<i64>() {
        Ok(id) => users::table.find(id).select(users::id).first(db).optional()?,
        Err(_) => None,
    };
    match by_login.or(by_number) {
        Some(id) => Ok(id),
        None => Err(not_found("user", wanted, &users::table.select(users::login).load::<String>(db)?)),
    }
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
    let rows = users::table.order(users::login).select(COLUMNS).load::<Row>(db)?;
    rows.into_iter().map(|row| user_from(db, row)).collect()
}

/// Shows one user.
pub fn show(db: &mut Database, id: UserId) -> Result<User> {
    let row = users::table.find(id).select(COLUMNS).first::<Row>(db)?;
    user_from(db, row)
}

fn user_from(db: &mut Database, row: Row) -> Result<User> {
    let (id, login, name, active, administrator, default_team, (notify_received, notify_by_mail, signature)) = row;
    let default_team = match default_team {
        Some(team) => teams::table.find(team).select(teams::name).first::<String>(db).optional()?,
        None => None,
    };
    Ok(User {
        id,
        login,
        name,
        active,
        administrator,
        default_team,
        addresses: user_addresses::table
            .filter(user_addresses::user_id.eq(id))
            .order(user_addresses::place)
            .select(user_addresses::address)
            .load(db)?,
        teams: team_members::table
            .inner_join(teams::table.on(teams::id.eq(team_members::team_id)))
            .filter(team_members::user_id.eq(id))
            .order(teams::name)
            .select(teams::name)
            .load(db)?,
        roles: {
            let held = user_roles::table.filter(user_roles::user_id.eq(id)).select(user_roles::role_id).load(db)?;
            role::names(db, held)?
        },
        notify_received,
        notify_by_mail,
        signature,
        auto_follow: {
            let kinds = auto_follows::table.filter(auto_follows::user_id.eq(id)).select(auto_follows::kind);
            let kinds = kinds.load::<RecordKind>(db)?;
            RecordKind::ALL.iter().copied().filter(|kind| kinds.contains(kind)).collect()
        },
    })
}

/// Changes a user.
pub fn set(db: &mut Database, permit: &Permit<'_>, id: UserId, changes: &UserChanges, now: i64) -> Result<()> {
    let login = login(db, id)?;
    let before = show(db, id)?;
    let row = users::table.find(id);
    if let Some(name) = &changes.name {
        diesel::update(row).set(users::name.eq(name)).execute(db)?;
    }
    if let Some(active) = changes.active {
        diesel::update(row).set(users::active.eq(active)).execute(db)?;
    }
    if let Some(administrator) = changes.administrator {
        diesel::update(row).set(users::administrator.eq(administrator)).execute(db)?;
        follow::end_lost_of(db, Some(id))?;
    }
    if let Some(team) = changes.default_team {
        diesel::update(row).set(users::default_team_id.eq(team)).execute(db)?;
    }
    if let Some(addresses) = &changes.addresses {
        set_addresses(db, id, addresses)?;
    }
    if let Some(wanted) = changes.notify_received {
        diesel::update(row).set(users::notify_received.eq(wanted)).execute(db)?;
    }
    if let Some(wanted) = changes.notify_by_mail {
        diesel::update(row).set(users::notify_by_mail.eq(wanted)).execute(db)?;
    }
    if let Some(signature) = &changes.signature {
        diesel::update(row).set(users::signature.eq(signature)).execute(db)?;
    }
    for kind in changes.auto_follow.iter().chain(&changes.no_auto_follow) {
        diesel::delete(auto_follows::table.find((id, kind))).execute(db)?;
    }
    for kind in &changes.auto_follow {
        let new = (auto_follows::user_id.eq(id), auto_follows::kind.eq(kind));
        diesel::insert_into(auto_follows::table).values(new).execute(db)?;
    }
    let changes = access::differences(&before, &show(db, id)?)?;
    access::record(db, permit, "user set", &subject(&login), &changes, now)
}

/// Removes a user, with the personal accounts that are theirs; cases and e-mails stay. Returns how many of their messages that have
/// not gone out are held now.
pub fn remove(db: &mut Database, permit: &Permit<'_>, id: UserId, now: i64) -> Result<usize> {
    let login = login(db, id)?;
    account::none_must_wait(db, id)?;
    let held = outbox::hold_all_of(db, id, &format!("{login}, who wrote it, was removed"))?;
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
    let rows = absences::table
        .inner_join(users::table.on(users::id.eq(absences::user_id)))
        .filter(absences::ends_at.gt(now))
        .order((absences::starts_at, absences::id))
        .select((absences::id, users::login, absences::starts_at, absences::ends_at))
        .load::<(i64, String, i64, i64)>(db)?;
    Ok(rows.into_iter().map(|(id, login, starts_at, ends_at)| Absence { id, login, starts_at, ends_at }).collect())
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
pub(super) fn login(db: &mut Database, id: UserId) -> Result<String> {
    Ok(users::table.find(id).select(users::login).first(db)?)
}
