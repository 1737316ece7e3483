//! When each kind of pass was at work last: `doctor` and `status` tell by it whether cron runs. Noted every few minutes, so that a pass
//! that has nothing to do writes nothing.

use anyhow::Result;

use super::{Database, Store, dialect, setting};
use crate::words::words;

/// How old a note may be before it is written anew, in seconds.
const EXACT: i64 = 240;

/// A clock that is further ahead of the last pass than this, in seconds, may be wrong.
const LEAP: i64 = 30 * 86_400;

/// For how long passes have to go by it, in seconds, until what can be lost by that is done.
const BELIEVED: i64 = 86_400;

/// When the clock leapt ahead last.
const LEAPT: &str = "clock-leapt";

/// How long to wait for others, in milliseconds.
const PATIENCE: u32 = 200;

words! {
    /// What cron starts.
    Round { Fetch = "fetch", Send = "send", Notify = "notify" }
}

impl Round {
    fn setting(self) -> String {
        format!("last-{}", self.as_str())
    }
}

/// Notes that a pass is at work. It is no reason to wait for others, nor to fail: the next pass notes it.
pub fn note(store: &mut Store, round: Round, now: i64) -> Result<()> {
    let known = last(store.connection(), round)?;
    if known.is_some_and(|last| (last..last.saturating_add(EXACT)).contains(&now)) {
        return Ok(());
    }
    let (name, value) = (round.setting(), now.to_string());
    let leaps = newest(store.connection())?.is_some_and(|last| now.saturating_sub(last) > LEAP);
    dialect::set_patience(store.connection(), Some(PATIENCE))?;
    let noted = store.transaction(|db| {
        // Of two that begin at once, the second waits for the first.
        super::lock(db)?;
        if leaps {
            setting::set(db, LEAPT, &value)?;
        }
        setting::set(db, &name, &value)
    });
    dialect::set_patience(store.connection(), None)?;
    if let Err(error) = noted {
        log::debug!("that {round} is at work is not noted: {error:#}");
    }
    Ok(())
}

/// Returns until when a clock that leapt ahead is not believed; none where it did not, or passes have gone by it since.
pub fn doubted_until(db: &mut Database, now: i64) -> Result<Option<i64>> {
    let leapt = setting::get(db, LEAPT)?.and_then(|text| text.parse::<i64>().ok());
    Ok(leapt.map(|at| at..at.saturating_add(BELIEVED)).filter(|doubted| doubted.contains(&now)).map(|doubted| doubted.end))
}

/// Returns when such a pass was at work last, within a few minutes; none where none was.
pub fn last(db: &mut Database, round: Round) -> Result<Option<i64>> {
    Ok(setting::get(db, &round.setting())?.and_then(|text| text.parse().ok()))
}

/// Returns when any pass was at work last, within a few minutes; none where none was.
pub fn newest(db: &mut Database) -> Result<Option<i64>> {
    let mut all = Vec::new();
    for round in Round::ALL {
        all.push(last(db, *round)?);
    }
    Ok(all.into_iter().flatten().max())
}
