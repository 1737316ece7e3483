//! `quarantine retry`: messages that could not be processed go through the road again, one by one (FETCH-6).

use anyhow::Result;

use super::intake;
use crate::decide::Policy;
use crate::decide::access::Permit;
use crate::store::quarantine::{self, Quarantined};
use crate::store::{Database, Store, access};
use crate::words::Fate;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Retried {
    pub id: i64,
    pub fate: Fate,
    /// Why it stays in quarantine.
    pub error: Option<String>,
}

/// Retries all messages; `action` is what the audit calls it.
pub fn retry(store: &mut Store, by: (&Permit<'_>, &str), policy: &Policy, now: i64) -> Result<Vec<Retried>> {
    let kept = quarantine::list(store.connection(), None)?;
    kept.iter().map(|kept| retry_one(store, by, kept, policy, now)).collect()
}

/// Retries a message; what becomes of it is written down with it.
pub fn retry_one(
    store: &mut Store,
    (permit, action): (&Permit<'_>, &str),
    kept: &Quarantined,
    policy: &Policy,
    now: i64,
) -> Result<Retried> {
    let subject = format!("quarantine:{}", kept.id);
    let said = |db: &mut Database, fate: Fate| access::record(db, permit, action, &subject, fate.as_str(), now);
    if kept.size.is_none() {
        // Only its server has it: the next pass asks for it.
        store.transaction(|db| {
            quarantine::ask_again(db, permit, kept.id, now)?;
            said(db, Fate::Undelivered)
        })?;
        return Ok(Retried { id: kept.id, fate: Fate::Undelivered, error: None });
    }
    let (fate, error) = match intake::take_again(store, kept, policy, &said, now)? {
        Ok(fate) => (fate, None),
        Err(error) => (Fate::Quarantined, Some(error)),
    };
    Ok(Retried { id: kept.id, fate, error })
}
