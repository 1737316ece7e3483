//! Who follows a record (FOLLOW-1).

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::schema::{followers, records};
use super::{Database, IN_LIST, relation, rights};
use crate::decide::access::{Actor, sight};
use crate::words::{RecordId, RecordKind, UserId};

/// FOLLOW-1: a user whose rights changed follows no longer what they may not read any more; who has it does. All users when none is
/// named.
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
