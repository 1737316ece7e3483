//! Who follows what, and whether they may read it.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::named::RecordName;
use super::schema::{followers, records};
use super::{Database, IN_LIST, relation, rights};
use crate::decide::access::sight;
use crate::decide::hand::Followed;
use crate::words::{RecordId, RecordKind, UserId};

/// Returns what a user follows, or everybody when none is named, with how people call it: `case:1 by ada`.
pub fn all_of(db: &mut Database, user: Option<UserId>) -> Result<Vec<(Followed, String)>> {
    let following: Vec<UserId> = match user {
        Some(user) => vec![user],
        None => followers::table.select(followers::user_id).distinct().order(followers::user_id).load(db)?,
    };
    let mut all = Vec::new();
    for user in following {
        let actor = rights::actor(db, "", user, false)?;
        let login = actor.login.as_deref().unwrap_or_default();
        for kind in RecordKind::ALL {
            let followed: Vec<(RecordId, i64, Option<UserId>)> = followers::table
                .inner_join(records::table.on(records::id.eq(followers::record_id)))
                .filter(followers::user_id.eq(user))
                .filter(records::kind.eq(kind))
                .order(records::id)
                .select((records::id, records::number, records::assigned_user_id))
                .load(db)?;
            for some in followed.chunks(IN_LIST) {
                let ids = some.iter().map(|(id, ..)| *id);
                let seen: HashSet<RecordId> = match relation::visible(&sight(&actor, kind.scope())) {
                    Some(visible) => {
                        let of = records::table.filter(records::id.eq_any(ids)).filter(visible);
                        of.select(records::id).load(db)?.into_iter().collect()
                    }
                    None => HashSet::new(),
                };
                all.extend(some.iter().map(|(record, number, assigned)| {
                    let (has_it, may_read) = (*assigned == Some(user), seen.contains(record));
                    let name = RecordName { kind: *kind, number: *number };
                    (Followed { record: *record, user, has_it, may_read }, format!("{name} by {login}"))
                }));
            }
        }
    }
    Ok(all)
}
