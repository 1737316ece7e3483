//! Who follows a record (FOLLOW-1).

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::schema::{auto_follows, followers, records, users};
use super::{Database, IN_LIST, access, relation};
use crate::decide::access::{Actor, act, sight};
use crate::words::{RecordId, RecordKind, RoleAction, UserId};

/// Adds a follower, whoever asked; false when the user followed before.
pub(super) fn add(db: &mut Database, record: RecordId, user: UserId) -> Result<bool> {
    if followers::table.find((record.0, user.0)).count().get_result::<i64>(db)? > 0 {
        return Ok(false);
    }
    diesel::insert_into(followers::table)
        .values((followers::record_id.eq(record.0), followers::user_id.eq(user.0)))
        .execute(db)?;
    Ok(true)
}

/// FOLLOW-1: users who follow every record of a kind follow this new one, if they may read it.
pub(super) fn auto(db: &mut Database, record: RecordId, kind: RecordKind) -> Result<()> {
    let users = auto_follows::table
        .inner_join(users::table.on(users::id.eq(auto_follows::user_id)))
        .filter(auto_follows::kind.eq(kind.as_str()))
        .filter(users::active.eq(true))
        .order(users::id)
        .select(users::id)
        .load::<i64>(db)?;
    for user in users.into_iter().map(UserId) {
        if may_read(db, user, record, kind)? {
            add(db, record, user)?;
        }
    }
    Ok(())
}

/// FOLLOW-1: whoever may not read a record any more does not follow it any more; who has it does.
pub(super) fn end_lost(db: &mut Database, record: RecordId) -> Result<()> {
    let (kind, assigned): (String, Option<i64>) =
        records::table.find(record.0).select((records::kind, records::assigned_user_id)).first(db)?;
    let Ok(kind) = kind.parse::<RecordKind>() else { return Ok(()) };
    let following: Vec<i64> = followers::table.filter(followers::record_id.eq(record.0)).select(followers::user_id).load(db)?;
    for user in following.into_iter().filter(|user| Some(*user) != assigned).map(UserId) {
        if !may_read(db, user, record, kind)? {
            diesel::delete(followers::table.find((record.0, user.0))).execute(db)?;
        }
    }
    Ok(())
}

/// The same for a user whose rights changed; for all users when none is named.
pub(super) fn end_lost_of(db: &mut Database, user: Option<UserId>) -> Result<()> {
    let following: Vec<i64> = match user {
        Some(user) => vec![user.0],
        None => followers::table.select(followers::user_id).distinct().load(db)?,
    };
    for user in following.into_iter().map(UserId) {
        let actor = access::actor(db, "", user, false)?;
        for kind in RecordKind::ALL {
            end_lost_of_kind(db, &actor, user, *kind)?;
        }
    }
    Ok(())
}

fn end_lost_of_kind(db: &mut Database, actor: &Actor, user: UserId, kind: RecordKind) -> Result<()> {
    let followed: Vec<(i64, Option<i64>)> = followers::table
        .inner_join(records::table.on(records::id.eq(followers::record_id)))
        .filter(followers::user_id.eq(user.0))
        .filter(records::kind.eq(kind.as_str()))
        .select((records::id, records::assigned_user_id))
        .load(db)?;
    let others: Vec<i64> = followed.into_iter().filter(|(_, assigned)| *assigned != Some(user.0)).map(|(id, _)| id).collect();
    for some in others.chunks(IN_LIST) {
        let seen: Vec<i64> = match relation::visible(&sight(actor, kind.scope())) {
            Some(visible) => records::table.filter(records::id.eq_any(some)).filter(visible).select(records::id).load(db)?,
            None => Vec::new(),
        };
        let seen: HashSet<i64> = seen.into_iter().collect();
        let lost: Vec<i64> = some.iter().copied().filter(|id| !seen.contains(id)).collect();
        let of = followers::table.filter(followers::user_id.eq(user.0)).filter(followers::record_id.eq_any(lost));
        diesel::delete(of).execute(db)?;
    }
    Ok(())
}

fn may_read(db: &mut Database, user: UserId, record: RecordId, kind: RecordKind) -> Result<bool> {
    let actor = access::actor(db, "", user, false)?;
    let relation = relation::of_record(db, &actor, record)?;
    Ok(act(&actor, kind.scope(), RoleAction::Read, relation).is_ok())
}
