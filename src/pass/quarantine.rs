//! `quarantine retry`: messages that could not be processed go through the road again, one by one (FETCH-6).

use anyhow::Result;

use super::intake;
use crate::decide::Policy;
use crate::decide::access::Permit;
use crate::store::{Store, access, quarantine};
use crate::words::Fate;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Retried {
    pub id: i64,
    pub fate: Fate,
    /// Why it stays in quarantine.
    pub error: Option<String>,
}

/// Retries these messages, or all; `action` is what the audit calls it.
pub fn retry(
    store: &mut Store,
    (permit, action): (&Permit<'_>, &str),
    ids: Option<&[i64]>,
    policy: &Policy,
    now: i64,
) -> Result<Vec<Retried>> {
    let mut retried = Vec::new();
    for kept in quarantine::list(store.connection(), ids)? {
        if kept.size.is_none() {
            // Only its server has it: the next pass asks for it.
            store.transaction(|db| quarantine::ask_again(db, kept.id, now))?;
            retried.push(Retried { id: kept.id, fate: Fate::Undelivered, error: None });
            continue;
        }
        let (fate, error) = match intake::take_again(store, &kept, policy, now)? {
            Ok(fate) => (fate, None),
            Err(error) => (Fate::Quarantined, Some(error)),
        };
        retried.push(Retried { id: kept.id, fate, error });
    }
    for one in &retried {
        let subject = format!("quarantine:{}", one.id);
        store.transaction(|db| access::record(db, permit, action, &subject, one.fate.as_str(), now))?;
    }
    Ok(retried)
}
