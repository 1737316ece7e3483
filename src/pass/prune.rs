//! `prune`: what is old goes, window by window, each in a transaction of its own: whoever kills it loses nothing, and nobody waits for
//! it for long.

use anyhow::Result;

use crate::decide::access::Permit;
use crate::store::prune::{Times, windows};
use crate::store::{Store, access};
use crate::words::Pruning;

/// What became, or would become, of one kind.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Pruned {
    pub what: Pruning,
    /// What was older than this went; none where it is kept for good.
    #[serde(serialize_with = "crate::clock::optional")]
    pub before: Option<i64>,
    pub count: i64,
}

/// Prunes one kind of what came, or was finished, more than so many seconds ago.
pub fn one(
    store: &mut Store,
    permit: &Permit<'_>,
    what: Pruning,
    seconds: Option<i64>,
    (now, is_rehearsal): (i64, bool),
) -> Result<Pruned> {
    let Some(before) = seconds.map(|seconds| now.saturating_sub(seconds)) else {
        return Ok(Pruned { what, before: None, count: 0 });
    };
    let mut count = 0;
    for mut windows in windows(store.connection(), what, Times { before, now })? {
        while let Some(window) = windows.next(store.connection())? {
            if is_rehearsal {
                count += window.count;
            } else if window.count > 0 {
                count += store.alone(|db| windows.take(db, &window))?;
            }
        }
        if !is_rehearsal {
            store.alone(|db| windows.finish(db))?;
        }
    }
    if !is_rehearsal && count > 0 {
        let detail = format!("{count} of before {}", crate::clock::rfc3339(before));
        store.transaction(|db| access::record(db, permit, "prune", &format!("prune:{what}"), &detail, now))?;
    }
    Ok(Pruned { what, before: Some(before), count })
}
