//! FETCH-10, FETCH-12: when an account that fails is tried again, when that is said, and when its people are told. The same for
//! reading and for sending.

/// The same failure is said again after this many seconds.
const SAY_AGAIN: i64 = 3_600;

/// People are told of an account that has failed for so many seconds.
const TELL_AFTER: i64 = 600;

/// The longest pause between two attempts, in minutes.
const LONGEST_BACK_OFF: i64 = 60;

/// The same in seconds: nothing rests longer, whatever the clock said when it failed.
pub const LONGEST_PAUSE: i64 = 60 * LONGEST_BACK_OFF;

/// What is known of an account's failures so far. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failing {
    /// None where it works.
    pub since: Option<i64>,
    /// What the last failure has in common with the same one at another time: class and place, not words.
    pub same: Option<String>,
    /// When it was said last, and when people were told.
    pub said_at: Option<i64>,
    pub told_at: Option<i64>,
}

/// What another failure makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Whether to say it now: a new failure at once, the same one hourly.
    pub say: bool,
    /// Since when it has failed, where people are to be told now.
    pub tell_since: Option<i64>,
}

impl Failing {
    /// Returns since when it has failed, now that it fails again; never a time to come.
    pub fn begun(&self, now: i64) -> i64 {
        self.since.map_or(now, |since| since.min(now))
    }

    /// Hears of another failure.
    pub fn heard(&self, same: &str, now: i64) -> Heard {
        let begun = self.since.filter(|since| now.saturating_sub(*since) >= TELL_AFTER);
        let is_same = self.since.is_some() && self.same.as_deref() == Some(same);
        Heard {
            // Said in the future: by a clock that was wrong, so it may be long ago.
            say: !is_same || self.said_at.is_none_or(|said| said > now || now.saturating_sub(said) >= SAY_AGAIN),
            tell_since: begun.filter(|_| self.told_at.is_none()),
        }
    }
}

/// How long an account rests that has failed so often before: 1, 2, 4 … 60 minutes.
pub fn back_off_minutes(failures_before: i64) -> i64 {
    let doublings = u32::try_from(failures_before.clamp(0, 6)).unwrap_or(6);
    (1_i64 << doublings).min(LONGEST_BACK_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_10_back_off_doubles_to_an_hour() {
        let minutes: Vec<i64> = (0..9).map(back_off_minutes).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn fetch_12_a_failure_is_said_at_once_then_hourly_and_told_once_after_ten_minutes() {
        let new = Failing::default();
        assert_eq!(new.heard("down", 0), Heard { say: true, tell_since: None });
        let failing = |said_at, told_at| Failing { since: Some(0), same: Some("down".to_string()), said_at, told_at };
        assert_eq!(failing(Some(0), None).heard("down", 599), Heard { say: false, tell_since: None });
        assert!(failing(Some(900_000), None).heard("down", 1).say, "it was said by a clock that was wrong");
        assert_eq!((failing(None, None).begun(7), Failing { since: Some(9), ..Failing::default() }.begun(7)), (0, 7));
        assert_eq!(failing(Some(0), None).heard("refused", 1), Heard { say: true, tell_since: None });
        assert_eq!(failing(Some(0), None).heard("down", 600), Heard { say: false, tell_since: Some(0) });
        assert_eq!(failing(Some(0), Some(600)).heard("down", 3_600), Heard { say: true, tell_since: None });
    }
}
