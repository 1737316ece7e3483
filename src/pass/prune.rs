//! `prune`: what is old goes, window by window, each in a transaction of its own: whoever kills it loses nothing, and nobody waits for
//! it for long.

use anyhow::Result;

use crate::clock::rfc3339;
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::store::prune::{Times, Windows, windows};
use crate::store::{self, Database, Store, access, packing};
use crate::words::Pruning;

/// What became, or would become, of one kind.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Pruned {
    pub what: Pruning,
    /// What was older than this went; none where it is kept for good.
    #[serde(serialize_with = "crate::clock::optional")]
    pub before: Option<i64>,
    pub count: i64,
    /// What that is in the database, about.
    pub bytes: i64,
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
        return Ok(Pruned { what, before: None, count: 0, bytes: 0 });
    };
    let (mut count, mut bytes, mut taken, mut line) = (0, 0, 0, None);
    let subject = format!("prune:{what}");
    let mut kinds = windows(store.connection(), what, Times { before, now })?.into_iter();
    while let Some(mut windows) = kinds.next() {
        while let Some(window) = windows.next(store.connection())? {
            bytes += window.bytes;
            if is_rehearsal {
                count += window.count;
            } else if window.count > 0 {
                let take = |db: &mut Database| {
                    let gone = windows.take(db, &window)?;
                    if gone == 0 {
                        return Ok((gone, line));
                    }
                    let detail = format!("{} of before {}", count + gone, rfc3339(before));
                    Ok((gone, Some(access::record_so_far(db, permit, line, ("prune", &subject, &detail), now)?)))
                };
                match store.alone(take) {
                    Ok((gone, said)) => (count, line) = (count + gone, said),
                    Err(error) if store::class_of(&error) == Class::Io => {
                        let left = window.count + rest(store, windows, kinds);
                        return Err(not_all(&error, what, left));
                    }
                    Err(error) => return Err(error),
                }
                taken += 1;
                // The log must not take what room there is: it may be a full disk that this is typed for.
                if taken % WINDOWS_IN_LOG == 0 {
                    store.empty_log()?;
                }
            }
        }
        if !is_rehearsal {
            store.alone(|db| windows.finish(db))?;
        }
    }
    Ok(Pruned { what, before: Some(before), count, bytes })
}

/// Packs the reasons and texts that an earlier espomail wrote plain; `progress` hears how far it is. Where it was stopped, the next time goes on.
pub fn pack_reasons(store: &mut Store, progress: &dyn Fn(&str)) -> Result<()> {
    let (mut taken, mut packed) = (0, 0);
    while let Some(window) = packing::next(store.connection())? {
        packed += store.alone(|db| packing::pack_window(db, window))?;
        taken += 1;
        if taken % WINDOWS_IN_LOG == 0 {
            store.empty_log()?;
        }
        if taken % WINDOWS_TOLD == 0 {
            progress(&format!("{packed} reasons and texts of an earlier espomail are packed."));
        }
    }
    Ok(())
}

/// After how many windows somebody hears of it.
const WINDOWS_TOLD: i64 = 20;

/// How many windows may stand in the log of SQLite.
const WINDOWS_IN_LOG: i64 = 4;

/// Counts what is left of a kind.
fn rest(store: &mut Store, windows: Windows, others: impl Iterator<Item = Windows>) -> i64 {
    let mut left = 0;
    for mut windows in std::iter::once(windows).chain(others) {
        while let Ok(Some(window)) = windows.next(store.connection()) {
            left += window.count;
        }
    }
    left
}

/// Says that a disk ended it, and that it goes on from there.
fn not_all(error: &anyhow::Error, what: Pruning, left: i64) -> anyhow::Error {
    let fault = error.chain().find_map(|cause| cause.downcast_ref::<Fault>());
    let said = fault.map_or_else(|| format!("{error:#}"), |fault| fault.what.clone());
    let fault = Fault::new(Class::Io, format!("{said}; {left} of {what} are left"));
    fault.hint("make room on its disk and type it again: it goes on from there").into()
}
