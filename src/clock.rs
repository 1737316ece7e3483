//! Times as people write and read them. Inside, a time is a number of seconds since 1970 UTC; the present enters once, in
//! `context.rs`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

/// Whether something that waits until `at` is due. Nothing waits longer than its own longest pause: what lies further ahead was
/// written while the clock was wrong. For times that people chose this does not hold; in SQL it is `store::dialect::due`.
pub const fn is_due(at: i64, now: i64, longest: i64) -> bool {
    at <= now || at > now.saturating_add(longest)
}

/// Writes seconds since 1970 UTC as RFC 3339.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// What can be written as RFC 3339.
fn sayable(seconds: i64) -> Option<i64> {
    // Its years have four digits.
    (-62_135_596_800..=253_402_300_799).contains(&seconds).then_some(seconds)
}

/// Serialises seconds since 1970 UTC as RFC 3339.
pub fn time<S: Serializer>(seconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*seconds))
}

/// The same where there may be none.
pub fn optional<S: Serializer>(seconds: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    seconds.map(rfc3339).serialize(serializer)
}

/// Reads a length of time, such as `30s`, `10m`, `12h`, `3d` or `1w`, in seconds; none where the text is no such length.
pub fn span(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u32>().ok().map(|number| i64::from(number) * seconds)
}

/// Writes a length of time in seconds as [`span`] reads it, in the largest unit that says it.
pub fn shown_span(seconds: i64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    match units.into_iter().find(|(unit, _)| seconds != 0 && seconds % unit == 0) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// Writes how long something has been so, as people say it: `40 s`, `12 min`, `2 h 10 min`, `3 d 4 h`.
pub fn told_span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |first: i64, unit: &str, second: i64, smaller: &str| match second {
        0 => format!("{first} {unit}"),
        _ => format!("{first} {unit} {second} {smaller}"),
    };
    match seconds {
        86_400.. => two(days, "d", hours, "h"),
        3_600.. => two(hours, "h", minutes, "min"),
        60.. => format!("{minutes} min"),
        _ => format!("{seconds} s"),
    }
}

/// Reads a time: RFC 3339, `YYYY-MM-DD` (its first moment in UTC), `today`, `now`, or a time ago such as `3d` or `10m`.
pub fn parse(text: &str, now: i64) -> Result<i64, String> {
    let wrong = || {
        format!(
            "{text:?} is no time; write 2026-11-23, 2026-11-23T10:00:00Z, today, or 3d for three days ago, 10m for ten minutes"
        )
    };
    let day_start = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_second()).map_err(|_| wrong());
    match text {
        "now" => return Ok(now),
        "today" => return Ok(now - now.rem_euclid(86_400)),
        _ => {}
    }
    if let Some(ago) = span(text) {
        return now.checked_sub(ago).and_then(sayable).ok_or_else(wrong);
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == 10
    {
        return day_start(date);
    }
    text.parse::<Timestamp>().map(Timestamp::as_second).map_err(|_| wrong())
}

/// Reads a time as [`parse`] does, but for a length of time, which is from now on: `3d` is in three days.
pub fn parse_from_now(text: &str, now: i64) -> Result<i64, String> {
    match span(text) {
        Some(ahead) => now.checked_add(ahead).and_then(sayable).ok_or_else(|| format!("{text:?} is too long")),
        None => parse(text, now),
    }
}

/// Reads a time to come: RFC 3339, a date (its first second in UTC), or a length of time from now, such as `2h`.
pub fn parse_ahead(text: &str, now: i64) -> Result<i64, String> {
    let wrong = || {
        format!("{text:?} is no time to come; write 2026-12-24T09:00:00Z, 2026-12-24, or 10m, 2h, 3d or 1w for so long from now")
    };
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong());
    }
    let at = match span(text) {
        Some(ahead) => now.checked_add(ahead).and_then(sayable).ok_or_else(wrong)?,
        None => parse(text, now).map_err(|_| wrong())?,
    };
    if at > now { Ok(at) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_has_been_so_is_said_in_two_units_at_the_most() {
        let told = [0, 59, 60, 7_199, 7_200, 7_842, 86_399, 86_400, 97_300].map(told_span);
        assert_eq!(told, ["0 s", "59 s", "1 min", "1 h 59 min", "2 h", "2 h 10 min", "23 h 59 min", "1 d", "1 d 3 h"]);
    }

    #[test]
    fn nothing_waits_longer_than_its_longest_pause() {
        let now = 1_000_000;
        for (at, due) in [(0, true), (now, true), (now + 1, false), (now + 60, false), (now + 61, true), (i64::MAX, true)] {
            assert_eq!(is_due(at, now, 60), due, "{at}");
        }
        assert!(!is_due(i64::MAX, i64::MAX - 1, 60) && is_due(i64::MIN, i64::MIN, 60));
    }

    #[test]
    fn send_1_a_time_to_come_is_to_come() {
        let now = 1_795_392_000;
        for (text, seconds) in [
            ("90s", now + 90),
            ("10m", now + 600),
            ("2h", now + 7_200),
            ("3d", now + 259_200),
            ("2026-11-24", now + 86_400),
            ("2026-11-23T00:00:01Z", now + 1),
        ] {
            assert_eq!(parse_ahead(text, now), Ok(seconds), "{text}");
        }
        for wrong in
            ["now", "today", "2026-11-23", "2020-01-01T00:00:00Z", "tomorrow", "-2h", "0h", "99999999d", "99999999999999999d"]
        {
            assert!(parse_ahead(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_of_time_can_be_one_from_now_on() {
        let now = 1_795_392_000;
        for (text, seconds) in
            [("3d", now + 259_200), ("now", now), ("2026-11-24", now + 86_400), ("2026-11-01", now - 22 * 86_400)]
        {
            assert_eq!(parse_from_now(text, now), Ok(seconds), "{text}");
        }
        assert!(parse_from_now("soon", now).is_err());
    }

    #[test]
    fn times_are_read_in_every_form_and_written_in_one() {
        let now = 1_795_392_000 + 3_661;
        for (text, seconds) in [
            ("2026-11-23", 1_795_392_000),
            ("2026-11-23T01:01:01Z", now),
            ("today", 1_795_392_000),
            ("now", now),
            ("10m", now - 600),
            ("2h", now - 7_200),
            ("3d", now - 259_200),
            ("1w", now - 604_800),
        ] {
            assert_eq!(parse(text, now), Ok(seconds), "{text}");
        }
        for wrong in ["", "m", "-3d", "yesterday", "3y", "99999999999999999999d", "2026-13-01"] {
            assert!(parse(wrong, now).is_err(), "{wrong}");
        }
        assert_eq!(rfc3339(now), "2026-11-23T01:01:01Z");
    }
}
