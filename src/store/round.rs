//! When each kind of pass was at work last: `doctor` and `status` tell by it whether cron runs. Noted every few minutes, so that a pass
//! that has nothing to do writes nothing.

use anyhow::Result;

use super::{Database, Store, dialect, setting};
use crate::decide::failure::Failing;
use crate::words::words;

/// How old a note may be before it is written anew, in seconds.
const EXACT: i64 = 240;

/// A clock that is further ahead of the last pass than this, in seconds, may be wrong.
const LEAP: i64 = 30 * 86_400;

/// For how long passes have to go by it, in seconds, until what can be lost by that is done.
const BELIEVED: i64 = 86_400;

/// When the clock leapt ahead last.
const LEAPT: &str = "clock-leapt";

/// When "prune" was at work last: where nothing is fetched, the clock is known by that.
const PRUNED: &str = "last-prune";

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

    fn trouble(self) -> String {
        format!("stuck-{}", self.as_str())
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

/// Returns until when a clock that leapt ahead is not believed; none where it did not, or passes have gone by it since. Where no pass has
/// seen it yet, this is the first: passes on another host may go by another clock.
pub fn doubted_until(db: &mut Database, now: i64) -> Result<Option<i64>> {
    if newest(db)?.is_some_and(|last| now.saturating_sub(last) > LEAP) {
        return Ok(Some(now.saturating_add(BELIEVED)));
    }
    let leapt = setting::get(db, LEAPT)?.and_then(|text| text.parse::<i64>().ok());
    Ok(leapt.map(|at| at..at.saturating_add(BELIEVED)).filter(|doubted| doubted.contains(&now)).map(|doubted| doubted.end))
}

/// Why a kind of pass cannot begin its work, as long as that is so. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stuck {
    pub since: i64,
    said_at: Option<i64>,
    pub error: String,
}

/// Returns why such a pass cannot begin; none where it can.
pub fn stuck(db: &mut Database, round: Round) -> Result<Option<Stuck>> {
    Ok(setting::get(db, &round.trouble())?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Notes that such a pass cannot begin; returns whether to say it now (FETCH-12).
pub fn fails(store: &mut Store, round: Round, error: &str, now: i64) -> Result<bool> {
    store.alone(|db| {
        let known = stuck(db, round)?;
        let failing = known.map_or_else(Failing::default, |known| Failing {
            since: Some(known.since),
            same: Some(known.error),
            said_at: known.said_at,
            told_at: None,
        });
        let say = failing.heard(error, now).say;
        let said_at = if say { Some(now) } else { failing.said_at };
        let stuck = Stuck { since: failing.begun(now), said_at, error: error.to_string() };
        setting::set(db, &round.trouble(), &serde_json::to_string(&stuck)?)?;
        Ok(say)
    })
}

/// Notes that such a pass can begin.
pub fn works(store: &mut Store, round: Round) -> Result<()> {
    if stuck(store.connection(), round)?.is_none() {
        return Ok(());
    }
    store.alone(|db| setting::unset(db, &round.trouble()))
}

/// Returns when such a pass was at work last, within a few minutes; none where none was.
pub fn last(db: &mut Database, round: Round) -> Result<Option<i64>> {
    Ok(setting::get(db, &round.setting())?.and_then(|text| text.parse().ok()))
}

/// Notes that "prune" goes by the clock.
pub fn note_pruned(store: &mut Store, now: i64) -> Result<()> {
    store.alone(|db| setting::set(db, PRUNED, &now.to_string()))
}

/// Returns when any pass was at work last, within a few minutes; none where none was.
pub fn newest(db: &mut Database) -> Result<Option<i64>> {
    let mut all = Vec::new();
    for round in Round::ALL {
        all.push(last(db, *round)?);
    }
    all.push(setting::get(db, PRUNED)?.and_then(|text| text.parse().ok()));
    Ok(all.into_iter().flatten().max())
}
