//! Whether the one who wrote a message may still send it (SEND-3). Between writing and sending there may be days.

use crate::decide::reason::{Reason, reason};
use anyhow::Result;

use crate::decide::sender;
use crate::store::outbox::Due;
use crate::store::{Database, access, sending, user};
use crate::words::AccountId;

/// Why a message must not go out any more; none where it may. What goes out by itself, or by the service account's word, has no
/// author whose right could be gone.
pub fn objection(db: &mut Database, due: &Due, account: AccountId) -> Result<Option<Reason>> {
    let Some(author) = due.author else { return Ok(None) };
    let known = user::show(db, author)?;
    if !known.active {
        return Ok(Some(reason!(Send3, "{}, who wrote it, is not active any more", known.login)));
    }
    let actor = access::actor(db, "", author, false)?;
    let (own, outlets) = (user::addresses_of(db, author)?, sending::outlets(db)?);
    let may = sender::may_go(&actor, &own, &due.envelope_from, account, &outlets);
    Ok((!may).then(|| reason!(Send3, "{}, who wrote it, may not send as <{}> any more", known.login, due.envelope_from)))
}
