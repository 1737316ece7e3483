//! SEND-12: a database that was put back from a copy does not know what went out since. What it calls queued is held until a person
//! says otherwise, and so are answers to mail that came before; taking mail in goes on.

use anyhow::Result;

use crate::decide::reason::{Reason, reason};
use crate::fault::{Class, Fault};
use crate::store::generation::{self, Beside};
use crate::store::{Database, Store, notification, outbox};
use crate::words::OutgoingId;

/// Why such a message waits.
pub fn because() -> Reason {
    reason!(Send12, "the database was put back from a copy: this may have gone out already")
}

/// Holds what is queued, but for one message that a person has just written, and remembers when. Returns how many messages that are.
pub fn hold(db: &mut Database, but: Option<OutgoingId>, now: i64) -> Result<usize> {
    let held = outbox::hold_restored(db, but, &because())?;
    // Users may have been told of them; all stand in their lists.
    notification::mark_all_mailed(db)?;
    generation::set_restored(db, now)?;
    Ok(held)
}

/// Looks whether the database is older than what this host wrote beside it. Then it holds what is queued, and returns what to say: once,
/// as from then on the database is the newer one.
pub fn notice(store: &mut Store, beside: &Beside, but: Option<OutgoingId>, now: i64) -> Result<Option<anyhow::Error>> {
    if generation::behind(store.connection(), beside)?.is_none() {
        return Ok(None);
    }
    let noticed = store.transaction(|db| {
        crate::store::lock(db)?;
        // Another pass may have been faster.
        let Some(why) = generation::behind(db, beside)? else { return Ok(None) };
        let held = hold(db, but, now)?;
        Ok(Some((why, held, generation::raise(db, beside)?)))
    })?;
    let Some((why, held, writer)) = noticed else { return Ok(None) };
    generation::note(store, beside, &writer)?;
    let what = format!(
        "the database was put back from a copy ({why}); {} held, and so are answers to mail that came before",
        count(held)
    );
    Ok(Some(Fault::new(Class::TempFail, what).hint(next()).into()))
}

/// What shows what is held, and what to do with it then: most of it has gone out.
pub const LOOK: &str = "espomail outbox list --held";
pub const THEN: &str = "by the log of your SMTP server: espomail outbox mark-sent --restored, drop --restored or release --restored (which sends them)";

/// What to type next.
pub fn next() -> String {
    format!("look at them: {LOOK}; then, {THEN}")
}

/// How many messages.
pub fn count(held: usize) -> String {
    match held {
        0 => "nothing was queued that is".to_string(),
        1 => "a message that was queued is".to_string(),
        held => format!("{held} messages that were queued are"),
    }
}
