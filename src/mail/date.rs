//! Dates of header fields (PARSE-5): RFC 5322 with its obsolete forms, and the few others that programs have written for
//! decades and that can mean one time only. Everything else is no date: a guess may be wrong by hours or months.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Zones by name, in minutes to the east of UTC: those of RFC 5322, section 4.3, and those that stand for one zone wherever
/// they are written. `IST`, `BST` of winter and summer, `AST` and the like are several, so they are none.
const ZONES: [(&str, i32); 50] = [
    ("UT", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("NDT", -150),
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("MET", 60),
    ("MEST", 120),
    ("MEZ", 60),
    ("MESZ", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("MSD", 240),
    ("SAST", 120),
    ("CAT", 120),
    ("EAT", 180),
    ("TRT", 180),
    ("PKT", 300),
    ("WIB", 420),
    ("WITA", 480),
    ("HKT", 480),
    ("SGT", 480),
    ("PHT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("BRT", -180),
    ("BRST", -120),
    ("ART", -180),
];

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The longest date that is read, in bytes.
const LONGEST: usize = 200;

/// Reads a date in seconds since 1970 UTC.
pub fn read(text: &str) -> Option<i64> {
    let bare = without_comments(text);
    // White space around the colons of a time (RFC 5322, section 4.3).
    let bare = bare.split(':').map(str::trim).collect::<Vec<_>>().join(":");
    let bare = bare.trim().trim_matches(['"', '\'']);
    if bare.len() > LONGEST {
        return None;
    }
    let words = bare.split(|c: char| c.is_whitespace() || c == ',').flat_map(time_and_zone);
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    // The day of the week says nothing, in whatever language it stands there.
    if words.len() > 3
        && words[0].chars().all(|c| c.is_alphabetic() || c == '.')
        && (month(words[0]).is_none() || is_day(words[0]))
    {
        words.remove(0);
    }
    let (date, time, zone) = fields(&words)?;
    let utc = DateTime::from_parts(date, time).to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(utc - i64::from(offset(&zone)?) * 60)
}

/// Splits a time from a zone right behind it: `10:00:00+0100`.
fn time_and_zone(word: &str) -> [&str; 2] {
    let end = word.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(word.len());
    let (time, zone) = word.split_at(end);
    if time.contains(':') { [time, zone] } else { [word, ""] }
}

/// Tells the fields apart; the zone is what is left.
fn fields<'w>(words: &[&'w str]) -> Option<(Date, Time, Vec<&'w str>)> {
    match words {
        // ISO 8601: `2026-01-05T10:00:00+01:00`, `2026-01-05 10:00:00 +0100`.
        [whole, rest @ ..] if whole.len() >= 10 && whole.as_bytes()[4] == b'-' => {
            let (day, behind) = whole.split_at_checked(10)?;
            let date: Date = day.parse().ok()?;
            let (written, rest) = match behind.strip_prefix(['T', 't']) {
                Some(time) => (time, rest),
                None if behind.is_empty() => (*rest.first()?, &rest[1..]),
                None => return None,
            };
            let end = written.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(written.len());
            let (time, zone) = written.split_at(end);
            let (time, rest) = clock(time, rest)?;
            Some((date, time, [zone].into_iter().filter(|zone| !zone.is_empty()).chain(rest.iter().copied()).collect()))
        }
        // RFC 850: `05-Jan-26 10:00:00 GMT`.
        [whole, time, rest @ ..] if whole.split('-').count() == 3 => {
            let mut parts = whole.split('-');
            let date = date(parts.next()?, parts.next()?, parts.next()?)?;
            let (time, rest) = clock(time, rest)?;
            Some((date, time, rest.to_vec()))
        }
        // RFC 5322.
        [day, month, year, time, rest @ ..] if self::month(month).is_some() && is_number(day) => {
            let date = date(day, month, year)?;
            let (time, rest) = clock(time, rest)?;
            Some((date, time, rest.to_vec()))
        }
        // `Jan 5 2026 10:00:00 GMT+0100`, and asctime: `Jan 5 10:00:00 2026`, with a zone before or behind the year.
        [month, day, rest @ ..] if self::month(month).is_some() && is_number(day) => {
            let (year, time, rest) = match rest {
                [year, time, rest @ ..] if is_number(year) => {
                    let (time, rest) = clock(time, rest)?;
                    (*year, time, rest.to_vec())
                }
                [time, rest @ ..] => {
                    let (time, rest) = clock(time, rest)?;
                    let place = rest.iter().position(|word| word.len() == 4 && is_number(word))?;
                    let zone = rest.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, word)| *word).collect();
                    (rest[place], time, zone)
                }
                [] => return None,
            };
            Some((date(day, month, year)?, time, rest))
        }
        _ => None,
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_day(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    word.len() >= 2 && DAYS.iter().any(|day| day.starts_with(&word))
}

/// Reads `Jan`, `Jan.`, `Sept` and `January`.
fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let is_month = |month: &&str| word == **month || word == month[..3] || (word == "sept" && month.starts_with("sept"));
    MONTHS.iter().position(is_month).and_then(|place| i8::try_from(place + 1).ok())
}

fn date(day: &str, month: &str, year: &str) -> Option<Date> {
    if !is_number(day) || !is_number(year) {
        return None;
    }
    let written: i16 = year.parse().ok()?;
    // RFC 5322, section 4.3: years of two digits, and those of programs that count from 1900.
    let year = match year.len() {
        2 if written < 50 => 2_000 + written,
        2 | 3 => 1_900 + written,
        4 => written,
        _ => return None,
    };
    Date::new(year, self::month(month)?, day.parse().ok()?).ok()
}

/// Reads `10:00`, `10:00:00` and `10:00:00.5`, with `AM` or `PM` behind it; returns what follows.
fn clock<'r, 'w>(time: &str, rest: &'r [&'w str]) -> Option<(Time, &'r [&'w str])> {
    let mut parts = time.split(':');
    let number = |part: Option<&str>| part.filter(|part| part.len() <= 2 && is_number(part))?.parse::<i8>().ok();
    let (mut hour, minute) = (number(parts.next())?, number(parts.next())?);
    let second = match parts.next() {
        // The second that is put in now and then is the last of its minute.
        Some(second) => number(second.split('.').next())?.min(59),
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    let half = rest.first().map(|word| word.to_ascii_uppercase()).filter(|word| matches!(word.as_str(), "AM" | "PM"));
    if let Some(half) = &half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if half == "PM" { 12 } else { 0 };
    }
    let rest = if half.is_some() { &rest[1..] } else { rest };
    Time::new(hour, minute, second, 0).ok().map(|time| (time, rest))
}

/// Reads the zone in minutes: by number, else by name. Without one the time is that of UTC (RFC 5322, section 4.3, on -0000).
fn offset(zone: &[&str]) -> Option<i32> {
    let mut named = None;
    for word in zone {
        let start = word.find(['+', '-']).unwrap_or(word.len());
        let (name, number) = word.split_at(start);
        // `GMT+0100`, `UTC+1`, and `+0100 CET`, where the number says all.
        if !number.is_empty() {
            if !name.is_empty() && !name.chars().all(|c| c.is_ascii_alphabetic()) {
                return None;
            }
            return minutes(number);
        }
        let known = ZONES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, minutes)| *minutes);
        // A letter of the military says nothing (RFC 5322, section 4.3).
        let military = (name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(0);
        named = Some(named.unwrap_or(known.or(military)));
    }
    match named {
        Some(named) => named,
        None => Some(0),
    }
}

/// Reads `+0100`, `+01:00`, `+01` and `+1`.
fn minutes(number: &str) -> Option<i32> {
    let (sign, digits) = number.split_at_checked(1)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    if hours.len() > 2 || minutes.len() > 2 || !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let whole = hours * 60 + minutes;
    // No place is further from UTC.
    (minutes < 60 && whole <= 14 * 60).then_some(if sign == "-" { -whole } else { whole })
}

/// Leaves out comments, also those that are not closed.
fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut bare = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars() {
        match c {
            '(' => {
                depth += 1;
                bare.push(' ');
            }
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn parse_5_dates_that_mean_one_time() {
        for text in [
            "Mon, 5 Jan 2026 10:00:00 +0100",
            "5 Jan 2026 10:00 +0100",
            "Mon,5 Jan 2026 10:00:00 +0100 (CET)",
            "Mon, 05 Jan 2026 10:00:00 +0100 CET",
            "Mon,5 Jan 2026 10:00:00+0100",
            "Mon, 5 Jan 2026 04:00:00-05:00",
            "Mon, 5 Jan 2026 09:00:00GMT",
            "Mon, 5 Jan 2026 09:00:00AM +0000",
            "Mon Jan  5 10:00:00+0100 2026",
            "Mon, 5 Jan 26 10:00:00 +0100",
            "Mon, 5 Jan 126 10:00:00 +0100",
            "Monday, 5 January 2026 10:00:00 +01:00",
            "mon, 5 jan 2026 09:00:00 gmt",
            "Mon, 5 Jan 2026 09:00:00 UT",
            "Mon, 5 Jan 2026 09:00:00 Z",
            "Mon, 5 Jan 2026 10:00:00 CET",
            "Mon, 5 Jan 2026 18:00:00 JST",
            "Mon, 5 Jan 2026 04:00:00 EST",
            "Mon, 5 Jan 2026 04:00:00 -0500 (EST)",
            "Mon, 5 Jan 2026 10:00:00 GMT+0100",
            "Mon, 5 Jan 2026 10:00:00 GMT+01:00",
            "Mon, 5 Jan 2026 10:00:00 UTC+1",
            "Mon, 5 Jan 2026 10:00:00 GMT +0100",
            "Mon Jan  5 10:00:00 2026 +0100",
            "Mon Jan  5 09:00:00 2026",
            "Mon Jan  5 10:00:00 CET 2026",
            "Mon Jan 05 2026 10:00:00 GMT+0100 (Central European Standard Time)",
            "Jan 5, 2026 10:00:00 AM +0100",
            "Mon, 5 Jan 2026 09:00:00 PM +1200",
            "Monday, 05-Jan-26 09:00:00 GMT",
            "5-Jan-2026 10:00:00 +0100",
            "2026-01-05T10:00:00+01:00",
            "2026-01-05T09:00:00Z",
            "2026-01-05T09:00:00.123Z",
            "2026-01-05 10:00:00 +0100",
            "Mon, 5 Jan 2026 09:00:00",
            "Mon, 5 Jan 2026 09:00:00 -0000",
            "(a comment) Mon (day), 5 Jan 2026 (ad) 10:00:00 +0100",
            "Mo, 5 Jan 2026 10:00:00 +0100",
            "Mon, 5 Jan 2026 10(hours) : 00 : 00 +0100",
            "lun., 5 Jan 2026 10:00:00 +0100",
            "Mon, 5 Jan 2026 10:00:00.25 +0100",
            "\"Mon, 5 Jan 2026 10:00:00 +0100\"",
        ] {
            assert_eq!(read(text), Some(1_767_603_600), "{text}");
        }
    }

    #[test]
    fn parse_5_a_zone_of_characters_of_several_bytes_is_none() {
        for zone in ["+0\u{142}#", "-\u{142}00", "+\u{1F552}", "+000\u{e9}", "GMT+0\u{142}#", "+0\u{142}:00"] {
            let date = format!("Mon, 23 Nov 2026 10:00:00 {zone}");
            assert_eq!(read(&date), None, "{date}");
        }
    }

    #[test]
    fn parse_5_what_may_mean_another_time_is_no_date() {
        for text in [
            "",
            "yesterday",
            "Mon, 5 Jan 2026",
            "Mon, 5 Jan 2026 10:00:00 IST",
            "Mon, 5 Jan 2026 10:00:00 XYZ",
            "Mon, 5 Jan 2026 10:00:00 Europe/Berlin",
            "Mon, 5 Jan 2026 10:00:00 +9900",
            "Mon, 5 Jan 2026 10:00:00 +100",
            "Mon, 5 Jan 2026 25:00:00 +0100",
            "Mon, 30 Feb 2026 10:00:00 +0100",
            "Mon, 0 Jan 2026 10:00:00 +0100",
            "mar., 3 févr. 2026 09:15:00 +0100",
            "Di, 3 Mär 2026 09:15:00 +0100",
            "03/02/2026 10:00:00 +0100",
            "03.02.2026 10:00:00 +0100",
            "2026/02/03 10:00:00 +0100",
            "20260105T100000Z",
            "1767603600",
            "Jan 2026 10:00:00 +0100",
            "5 Jan 10:00:00 +0100",
            "Mon, 5 Jan 99999 10:00:00 +0100",
            "Mon, 5 Jan 2026 13:00:00 PM +0100",
            "Mon, 5 Jan 2026 10 +0100",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
