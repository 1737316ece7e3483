//! Time zones of a calendar: those that it describes itself (VTIMEZONE, RFC 5545, section 3.6.5), else by their IANA name,
//! by the name that Windows has for them, or by a city in their label.

use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::line::{Property, date_time, kept};
use super::windows;

/// The most zones of one part, and the most observances of one zone.
const ZONES: usize = 32;
const OBSERVANCES: usize = 32;
/// The most cities of a label that are looked up.
const CITIES: usize = 8;

/// The zones that come with the program: what a message says must not depend on the machine that reads it.
static NAMED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zones that a calendar describes.
#[derive(Default)]
pub struct Zones {
    zones: Vec<(String, Vec<Observance>)>,
    is_open: bool,
}

/// Standard or summer time.
#[derive(Default)]
struct Observance {
    onset: Option<DateTime>,
    /// Seconds to the east of UTC.
    offset: Option<i64>,
    yearly: Option<Yearly>,
}

/// On the so-manieth such day of a month, from the end where negative.
struct Yearly {
    month: i8,
    day: Weekday,
    place: i8,
    until: Option<i16>,
}

impl Zones {
    /// Reads one content line.
    pub fn take(&mut self, property: &Property) {
        let value = property.value.trim();
        match property.name.as_str() {
            "BEGIN" if value.eq_ignore_ascii_case("VTIMEZONE") => {
                self.is_open = self.zones.len() < ZONES;
                if self.is_open {
                    self.zones.push((String::new(), Vec::new()));
                }
                return;
            }
            "END" if value.eq_ignore_ascii_case("VTIMEZONE") => self.is_open = false,
            _ => {}
        }
        let Some((name, observances)) = self.zones.last_mut().filter(|_| self.is_open) else { return };
        if property.name == "BEGIN" && observances.len() < OBSERVANCES {
            observances.push(Observance::default());
        }
        match (property.name.as_str(), observances.last_mut()) {
            ("TZID", _) => *name = kept(value),
            ("DTSTART", Some(observance)) => observance.onset = date_time(value),
            ("TZOFFSETTO", Some(observance)) => observance.offset = offset(value),
            ("RRULE", Some(observance)) => observance.yearly = yearly(value),
            _ => {}
        }
    }

    /// Returns a local time of a zone in UTC.
    pub fn utc(&self, zone: &str, local: DateTime) -> Option<DateTime> {
        let described = self.zones.iter().find(|(name, _)| name == zone);
        if let Some(offset) = described.and_then(|(_, observances)| offset_at(observances, local)) {
            return local.checked_sub(SignedDuration::from_secs(offset)).ok();
        }
        let instant = local.to_zoned(named(zone)?).ok()?.timestamp();
        Some(TimeZone::UTC.to_datetime(instant))
    }
}

/// Returns the zone that a name means.
pub fn named(zone: &str) -> Option<TimeZone> {
    let named = NAMED.get(zone).or_else(|error| {
        // Some programs write a path of their own before the name.
        let mut slashes = zone.rmatch_indices('/').map(|(at, _)| at);
        slashes.nth(1).and_then(|at| zone.get(at + 1..)).map_or(Err(error), |name| NAMED.get(name))
    });
    named.ok().or_else(|| windows::zone(zone).and_then(|name| NAMED.get(name).ok())).or_else(|| of_city(zone))
}

/// Finds the zone of a label such as `(UTC+01:00) Amsterdam, Berlin, Bern`, by the first city that has one of its own.
fn of_city(label: &str) -> Option<TimeZone> {
    let is_offset = label.starts_with("(UTC") || label.starts_with("(GMT");
    let cities = if is_offset { label.split_once(')')?.1 } else { label };
    // `Eastern Time (US & Canada)` is a zone of its own by its first word.
    let bare = |city: &str| city.split(" Time").next().unwrap_or_default().trim().replace(' ', "_");
    let cities = cities.split([',', '/']).map(bare).filter(|city| !city.is_empty());
    cities.take(CITIES).find_map(|city| {
        let is_of_city = |name: &str| name.rsplit_once('/').is_some_and(|(_, last)| last.eq_ignore_ascii_case(&city));
        let name = NAMED.available().map(|name| name.to_string()).find(|name| is_of_city(name))?;
        NAMED.get(&name).ok()
    })
}

/// The offset of the observance that began last before a local time; before all of them, that of the first.
fn offset_at(observances: &[Observance], local: DateTime) -> Option<i64> {
    let known = observances.iter().filter_map(|observance| Some((observance, observance.onset?, observance.offset?)));
    let begun = known.clone().filter_map(|(observance, onset, offset)| Some((observance.last_onset(onset, local)?, offset)));
    let last = begun.max_by_key(|(onset, _)| *onset);
    last.or_else(|| known.map(|(_, onset, offset)| (onset, offset)).min_by_key(|(onset, _)| *onset)).map(|(_, offset)| offset)
}

impl Observance {
    fn last_onset(&self, first: DateTime, local: DateTime) -> Option<DateTime> {
        let Some(yearly) = &self.yearly else { return Some(first).filter(|first| *first <= local) };
        let latest = yearly.until.unwrap_or(i16::MAX).min(local.year());
        let of_year = |year| Some(yearly.in_year(year)?.to_datetime(first.time()));
        let onset = [latest, latest.checked_sub(1)?].into_iter().filter_map(of_year).find(|onset| *onset <= local);
        onset.into_iter().chain([first]).filter(|onset| *onset <= local && *onset >= first).max()
    }
}

impl Yearly {
    fn in_year(&self, year: i16) -> Option<Date> {
        Date::new(year, self.month, 1).ok()?.nth_weekday_of_month(self.place, self.day).ok()
    }
}

/// Reads `FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU`, the form in which zones are described.
fn yearly(rule: &str) -> Option<Yearly> {
    let part = |name: &str| {
        let mut parts = rule.split(';').filter_map(|part| part.split_once('='));
        parts.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if !part("FREQ")?.eq_ignore_ascii_case("YEARLY") {
        return None;
    }
    let day = part("BYDAY")?;
    let (place, day) = day.split_at_checked(day.len().checked_sub(2)?)?;
    let day = match day.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    Some(Yearly {
        month: part("BYMONTH")?.parse().ok()?,
        day,
        place: place.parse().ok()?,
        until: part("UNTIL").and_then(|until| until.get(..4)?.parse().ok()),
    })
}

/// Reads `+0100` and `-023000` (RFC 5545, section 3.3.14) as seconds.
fn offset(value: &str) -> Option<i64> {
    let (sign, digits) = match value.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
    let seconds = two(0)? * 3_600 + two(2)? * 60 + two(4)?;
    (seconds <= 24 * 3_600).then_some(sign * seconds)
}
