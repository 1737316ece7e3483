//! Who follows a record (FOLLOW-1).

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::schema::{auto_follows, followers, records, users};
use super::{Database, IN_LIST, relation, rights};
use crate::decide::access::{Actor, act, sight};
use crate::words::{RecordId, RecordKind, RoleAction, UserId};

/// Adds a follower, whoever asked; false when the user followed before.
pub(super) fn add(db: &mut Database, record: RecordId, user: UserId) -> Result<bool> {
    if followers::table.find((record, user)).count().get_result::<i64>(db)? > 0 {
        return Ok(false);
    }
    diesel::insert_into(followers::table).values((followers::record_id.eq(record), followers::user_id.eq(user))).execute(db)?;
    Ok(true)
}

/// FOLLOW-1: users who follow every record of a kind follow this new one, if they may read it.
pub(super) fn auto(db: &mut Database, record: RecordId, kind: RecordKind) -> Result<()> {
    let users = auto_follows::table
        .inner_join(users::table.on(users::id.eq(auto_follows::user_id)))
        .filter(auto_follows::kind.eq(kind))
        .filter(users::active.eq(true))
        .order(users::id)
        .select(users::id)
        .load(db)?;
    for user in users {
        if may_read(db, user, record, kind)? {
            add(db, record, user)?;
        }
    }
    Ok(())
}

/// FOLLOW-1: whoever may not read a record any more does not follow it any more; who has it does.
pub(super) fn end_lost(db: &mut Database, record: RecordId) -> Result<()> {
    let (kind, assigned): (RecordKind, Option<UserId>) =
        records::table.find(record).select((records::kind, records::assigned_user_id)).first(db)?;
    let following: Vec<UserId> = followers::table.filter(followers::record_id.eq(record)).select(followers::user_id).load(db)?;
    for user in following.into_iter().filter(|user| Some(*user) != assigned) {
        if !may_read(db, user, record, kind)? {
            diesel::delete(followers::table.find((record, user))).execute(db)?;
        }
    }
    Ok(())
}

/// The same for a user whose rights changed; for all users when none is named.
pub(super) fn end_lost_of(db: &mut Database, user: Option<UserId>) -> Result<()> {
    let following: Vec<UserId> = match user {
        Some(user) => vec![user],
        None => followers::table.select(followers::user_id).distinct().load(db)?,
    };
    for user in following {
        let actor = rights::actor(db, "", user, false)?;
        for kind in RecordKind::ALL {
            end_lost_of_kind(db, &actor, user, *kind)?;
        }
    }
    Ok(())
}

fn end_lost_of_kind(db: &mut Database, actor: &Actor, user: UserId, kind: RecordKind) -> Result<()> {
    let followed: Vec<(RecordId, Option<UserId>)> = followers::table
        .inner_join(records::table.on(records::id.eq(followers::record_id)))
        .filter(followers::user_id.eq(user))
        .filter(records::kind.eq(kind))
        .select((records::id, records::assigned_user_id))
        .load(db)?;
    let others: Vec<RecordId> = followed.into_iter().filter(|(_, assigned)| *assigned != Some(user)).map(|(id, _)| id).collect();
    for some in others.chunks(IN_LIST) {
        let seen: Vec<RecordId> = match relation::visible(&sight(actor, kind.scope())) {
            Some(visible) => records::table.filter(records::id.eq_any(some)).filter(visible).select(records::id).load(db)?,
            None => Vec::new(),
        };
        let seen: HashSet<RecordId> = seen.into_iter().collect();
        let lost: Vec<RecordId> = some.iter().copied().filter(|id| !seen.contains(id)).collect();
        let of = followers::table.filter(followers::user_id.eq(user)).filter(followers::record_id.eq_any(lost));
        diesel::delete(of).execute(db)?;
    }
    Ok(())
}

fn may_read(db: &mut Database, user: UserId, record: RecordId, kind: RecordKind) -> Result<bool> {
    let actor = rights::actor(db, "", user, false)?;
    let relation = relation::of_record(db, &actor, record)?;
    Ok(act(&actor, kind.scope(), RoleAction::Read, relation).is_ok())
}
