//! Invitations and other calendar events that came with a message (PARSE-9): RFC 5545, as far as it says what, when and
//! by whom. What cannot be read is left out.

mod line;
mod windows;
pub mod write;
mod zone;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::structure::{Leaf, Structure};
use super::{Address, charset};
use crate::words::words;
use line::{KEPT, Property, date_time, kept};
use zone::Zones;

/// The most events that are kept of one message.
const EVENTS: usize = 100;
/// The most bytes of one part, as they stand in the message, that are read.
const PART: usize = 1 << 20;
/// The most parts of one message that are read.
const PARTS: usize = 8;
/// The most attendees that are kept of one message.
const ATTENDEES: usize = 1_000;
/// When what recurs without an end is over, in seconds since 1970 UTC: nobody works it out.
const NEVER: i64 = 32_503_680_000;
/// How far a time without a zone may be from the same one in UTC, in seconds.
const ANY_ZONE: i64 = 14 * 3_600;

words! {
    /// What somebody says to an invitation (RFC 5545, section 3.2.12).
    Answer {
        Accepted = "accepted",
        Declined = "declined",
        Tentative = "tentative",
    }
}

impl Answer {
    /// Returns it as calendars write it.
    pub const fn partstat(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::Tentative => "TENTATIVE",
        }
    }
}

/// Who was invited, or who answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attendee {
    pub name: String,
    pub address: String,
    /// In upper case, such as `ACCEPTED`.
    pub answer: Option<String>,
}

/// An event of a calendar part. A time is `2026-11-24T10:00:00Z` where its zone is known, without the `Z` where it is
/// local to whoever reads it, and only the date for whole days.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// What the sender wants, in upper case, such as `REQUEST` (RFC 5546).
    pub method: Option<String>,
    pub uid: Option<String>,
    pub summary: String,
    pub start: Option<String>,
    /// When it is over; for whole days the day after the last one.
    pub end: Option<String>,
    pub all_day: bool,
    /// The zone of the start as the sender names it; none for UTC and for local times.
    pub time_zone: Option<String>,
    pub organizer: Option<Address>,
    /// The newer of two that are the same has the higher one (RFC 5546, section 2.1.4).
    pub sequence: i64,
    /// When its sender wrote it: the newer of two with one sequence has the later one.
    pub stamp: Option<String>,
    /// Which one of those that recur it is, as a time.
    pub recurrence: Option<String>,
    /// How it recurs, as it is written; nobody expands it.
    pub rule: Option<String>,
    /// In upper case, such as `CANCELLED`.
    pub status: Option<String>,
    pub location: String,
    pub attendees: Vec<Attendee>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Our border says that the message is not from whom it says (ACCESS-5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disowned: bool,
}

impl Event {
    /// Returns when it is over, at the latest, in seconds since 1970 UTC; none where it says no time.
    pub fn ends_at(&self) -> Option<i64> {
        let ends = seconds(self.end.as_deref().or(self.start.as_deref())?)?;
        let Some(rule) = &self.rule else { return Some(ends) };
        let until = rule.split(';').find_map(|part| part.strip_prefix("UNTIL="));
        let until = until.and_then(|until| {
            let bare = until.trim_end_matches('Z');
            let time = date_time(bare).or_else(|| Date::strptime("%Y%m%d", bare).ok().map(|day| day.at(23, 59, 59, 0)))?;
            Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second() + ANY_ZONE)
        });
        Some(until.unwrap_or(NEVER).max(ends))
    }

    /// Returns what the sender wants, where that is said.
    pub fn wants(&self) -> &str {
        self.method.as_deref().unwrap_or_default()
    }
}

/// Reads a time as events have it; one without a zone ends when it has ended everywhere.
fn seconds(time: &str) -> Option<i64> {
    if let Ok(utc) = time.parse::<Timestamp>() {
        return Some(utc.as_second());
    }
    let local = time.parse::<DateTime>().ok().or_else(|| Some(time.parse::<Date>().ok()?.at(0, 0, 0, 0)))?;
    Some(TimeZone::UTC.to_timestamp(local).ok()?.as_second() + ANY_ZONE)
}

/// Returns the events of all calendar parts, in order, each once.
pub fn events(structure: &Structure<'_>) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut attendees = ATTENDEES;
    for leaf in structure.leaves.iter().filter(|leaf| is_calendar(structure, leaf)).take(PARTS) {
        let head = structure.head_of(leaf);
        let start = leaf.body.get(..PART).unwrap_or(leaf.body);
        // A fold may stand inside a character (RFC 5545, section 3.1).
        let bytes = line::unfolded(&head.encoding().decode(start));
        let text = charset::decode(&bytes, Some(head.token("charset").as_deref().unwrap_or("utf-8")));
        for mut event in read(&text, head.token("method").as_deref()) {
            event.attendees.truncate(attendees);
            // An invitation often comes twice, as a body and as a file.
            if events.len() < EVENTS && !events.contains(&event) {
                attendees -= event.attendees.len();
                events.push(event);
            }
        }
    }
    events
}

fn is_calendar(structure: &Structure<'_>, leaf: &Leaf<'_>) -> bool {
    match leaf.media_type.as_str() {
        "text/calendar" | "application/ics" => true,
        "application/octet-stream" => {
            let name = structure.head_of(leaf).file_name().unwrap_or_default();
            name.trim_end().to_ascii_lowercase().ends_with(".ics")
        }
        _ => false,
    }
}

/// An event whose times wait for the zones, which may stand behind it.
#[derive(Default)]
struct Draft {
    event: Event,
    start: Option<Time>,
    end: Option<Time>,
    duration: Option<String>,
    recurrence: Option<Time>,
}

/// A time as it is written.
#[derive(Clone)]
enum Time {
    Day(Date),
    Utc(DateTime),
    Local(DateTime, Option<String>),
}

/// Reads the events of one calendar part; `method` is that of its Content-Type.
fn read(text: &str, method: Option<&str>) -> Vec<Event> {
    let mut method = method.map(|method| kept(method).to_ascii_uppercase());
    let mut zones = Zones::default();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut open: Option<Draft> = None;
    // Alarms and the like inside an event have fields of the same names.
    let mut inside = 0_usize;
    for property in line::properties(text) {
        let value = property.value.trim();
        match (property.name.as_str(), &mut open) {
            ("BEGIN", None) if value.eq_ignore_ascii_case("VEVENT") => {
                (open, inside) = (Some(Draft::default()), 0);
            }
            ("END", Some(_)) if value.eq_ignore_ascii_case("VEVENT") => drafts.extend(open.take()),
            ("BEGIN", Some(_)) => inside += 1,
            ("END", Some(_)) => inside = inside.saturating_sub(1),
            (_, Some(draft)) if inside == 0 => draft.take(&property),
            (_, Some(_)) => {}
            ("METHOD", None) if !value.is_empty() => method = Some(kept(value).to_ascii_uppercase()),
            (_, None) => zones.take(&property),
        }
        if drafts.len() >= EVENTS {
            break;
        }
    }
    drafts.into_iter().map(|draft| draft.finish(&zones, method.clone())).collect()
}

impl Draft {
    fn take(&mut self, property: &Property) {
        match property.name.as_str() {
            "UID" => self.event.uid = Some(kept(&property.text())).filter(|uid| !uid.is_empty()),
            "SUMMARY" => self.event.summary = kept(&property.text()),
            "DTSTART" => self.start = time(property),
            "DTEND" => self.end = time(property),
            "DURATION" => self.duration = Some(property.value.trim().to_string()),
            "ORGANIZER" => self.event.organizer = person(property),
            "SEQUENCE" => self.event.sequence = property.value.trim().parse().unwrap_or_default(),
            "DTSTAMP" => {
                self.event.stamp = match time(property) {
                    Some(Time::Utc(utc) | Time::Local(utc, _)) => Some(format!("{utc}Z")),
                    _ => None,
                }
            }
            "RECURRENCE-ID" => self.recurrence = time(property),
            "RRULE" => self.event.rule = rule(property.value.trim()),
            "STATUS" => {
                let status = kept(property.value.trim()).to_ascii_uppercase();
                self.event.status = Some(status).filter(|status| !status.is_empty());
            }
            "DESCRIPTION" => self.event.description = line::kept_lines(&property.text()),
            "LOCATION" => self.event.location = kept(&property.text()),
            "ATTENDEE" if self.event.attendees.len() < ATTENDEES => {
                let Some(Address { name, address }) = person(property).filter(|person| !person.address.is_empty()) else {
                    return;
                };
                let answer = property.parameter("PARTSTAT").map(|answer| kept(answer).to_ascii_uppercase());
                let answer = answer.filter(|answer| answer.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
                self.event.attendees.push(Attendee { name, address, answer: answer.filter(|answer| !answer.is_empty()) });
            }
            _ => {}
        }
    }

    fn finish(self, zones: &Zones, method: Option<String>) -> Event {
        // RFC 5545, section 3.6.1: an event has an end or a duration.
        let end = self.end.or_else(|| later(self.start.as_ref()?, self.duration.as_deref()?));
        let time_zone = match &self.start {
            Some(Time::Local(_, zone)) => zone.clone(),
            _ => None,
        };
        Event {
            method,
            all_day: matches!(self.start, Some(Time::Day(_))),
            start: self.start.map(|time| written(&time, zones)),
            end: end.map(|time| written(&time, zones)),
            recurrence: self.recurrence.map(|time| written(&time, zones)),
            time_zone,
            ..self.event
        }
    }
}

/// Reads a DATE or a DATE-TIME (RFC 5545, sections 3.3.4 and 3.3.5).
fn time(property: &Property) -> Option<Time> {
    let value = property.value.trim();
    if let Some(utc) = value.strip_suffix(['Z', 'z']) {
        return date_time(utc).map(Time::Utc);
    }
    match date_time(value) {
        Some(local) => Some(Time::Local(local, property.parameter("TZID").map(kept).filter(|zone| !zone.is_empty()))),
        None => Date::strptime("%Y%m%d", value).ok().map(Time::Day),
    }
}

fn later(start: &Time, duration: &str) -> Option<Time> {
    let duration: jiff::Span = duration.parse().ok()?;
    Some(match start {
        Time::Day(day) => Time::Day(day.checked_add(duration).ok()?),
        Time::Utc(utc) => Time::Utc(utc.checked_add(duration).ok()?),
        Time::Local(local, zone) => Time::Local(local.checked_add(duration).ok()?, zone.clone()),
    })
}

fn written(time: &Time, zones: &Zones) -> String {
    match time {
        Time::Day(day) => day.to_string(),
        Time::Utc(utc) => format!("{utc}Z"),
        Time::Local(local, zone) => match zone.as_deref().and_then(|zone| zones.utc(zone, *local)) {
            Some(utc) => format!("{utc}Z"),
            None => local.to_string(),
        },
    }
}

fn person(property: &Property) -> Option<Address> {
    let value = property.value.trim();
    let address = match value.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &value[7..],
        _ => value,
    };
    let address = kept(address);
    let name = kept(property.parameter("CN").unwrap_or_default());
    // Some programs write what is no address, such as `invalid:nomail`; it says nothing.
    let address = if address.contains('@') { address } else { String::new() };
    (!address.is_empty() || !name.is_empty()).then_some(Address { name, address })
}

/// Returns how something recurs (RFC 5545, section 3.3.10), where it is written as others can read it.
fn rule(value: &str) -> Option<String> {
    let is_rule = |byte: u8| byte.is_ascii_alphanumeric() || b"=;,+-".contains(&byte);
    let is_short = (1..=KEPT / 2).contains(&value.len());
    (is_short && value.bytes().all(is_rule) && value.contains('=')).then(|| value.to_ascii_uppercase())
}

#[cfg(test)]
mod tests;
