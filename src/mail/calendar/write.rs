//! Calendars that go out (RFC 5545): answers to invitations (RFC 5546, section 3.2.3), and events for other programs. Whatever a
//! stranger wrote is made one clean value first; lines are folded, and every one ends in CRLF.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Answer, Attendee, Event, zone};
use crate::mail::Address;

/// The longest line, in bytes (RFC 5545, section 3.1).
const LINE: usize = 75;
/// For how many years the changes of a zone are written down, for what recurs.
const YEARS: i64 = 10;
const YEAR: i64 = 366 * 86_400;

/// An answer to an invitation.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    pub event: &'a Event,
    /// As the invitation names them.
    pub attendee: &'a Attendee,
    /// Who answers for them, where that is another address.
    pub sent_by: Option<&'a str>,
    pub answer: Answer,
    pub comment: &'a str,
    /// Seconds since 1970 UTC.
    pub now: i64,
}

/// Writes an answer.
pub fn reply(reply: &Reply<'_>) -> String {
    let event = reply.event;
    let mut out = Lines::begin();
    out.add("METHOD", &[], "REPLY");
    out.add("BEGIN", &[], "VEVENT");
    let mut parameters = vec![("PARTSTAT", reply.answer.partstat())];
    if !reply.attendee.name.is_empty() {
        parameters.push(("CN", reply.attendee.name.as_str()));
    }
    let sent_by = reply.sent_by.map(mailto);
    if let Some(sent_by) = &sent_by {
        parameters.push(("SENT-BY", sent_by));
    }
    out.add("ATTENDEE", &parameters, &mailto(&reply.attendee.address));
    out.add("COMMENT", &[], &escaped(reply.comment));
    out.add("DTSTAMP", &[], &stamp(reply.now));
    out.identity(event);
    out.organizer(event);
    // What recurs is named by its UID alone: its start in UTC would be another one in the other half of the year.
    if event.rule.is_none() {
        out.time("DTSTART", event.start.as_deref());
        out.time("DTEND", event.end.as_deref());
    }
    out.add("SUMMARY", &[], &escaped(&event.summary));
    out.add("END", &[], "VEVENT");
    out.end()
}

/// Writes events for other programs, with what became of each.
pub fn export<'a>(events: impl IntoIterator<Item = (&'a Event, bool)>, now: i64) -> String {
    let mut out = Lines::begin();
    out.add("METHOD", &[], "PUBLISH");
    let events: Vec<_> = events.into_iter().map(|(event, cancelled)| (event, cancelled, Recurring::of(event))).collect();
    let mut zones: Vec<&Recurring> = events.iter().filter_map(|(_, _, recurring)| recurring.as_ref()).collect();
    zones.sort_by_key(|recurring| (&recurring.zone, recurring.start));
    zones.dedup_by_key(|recurring| &recurring.zone);
    zones.into_iter().for_each(|recurring| out.zone(recurring));
    for (event, cancelled, recurring) in &events {
        out.add("BEGIN", &[], "VEVENT");
        out.add("DTSTAMP", &[], &stamp(now));
        out.identity(event);
        match recurring {
            Some(recurring) => {
                let local = |text: Option<&String>| text.and_then(|text| recurring.local(text));
                for (name, time) in [("DTSTART", local(event.start.as_ref())), ("DTEND", local(event.end.as_ref()))] {
                    if let Some(time) = time {
                        out.add(name, &[("TZID", &recurring.zone)], &time);
                    }
                }
            }
            None => {
                out.time("DTSTART", event.start.as_deref());
                out.time("DTEND", event.end.as_deref());
            }
        }
        // In a zone that nobody knows its occurrences cannot be told from its first one.
        let is_known = recurring.is_some() || event.time_zone.is_none();
        if let Some(rule) = event.rule.as_ref().filter(|_| is_known) {
            out.add("RRULE", &[], rule);
        }
        out.add("SUMMARY", &[], &escaped(&event.summary));
        out.add("DESCRIPTION", &[], &escaped(&event.description));
        out.add("LOCATION", &[], &escaped(&event.location));
        out.add("STATUS", &[], if *cancelled { "CANCELLED" } else { "CONFIRMED" });
        out.organizer(event);
        for attendee in &event.attendees {
            let mut parameters = vec![("PARTSTAT", attendee.answer.as_deref().unwrap_or("NEEDS-ACTION"))];
            if !attendee.name.is_empty() {
                parameters.push(("CN", &attendee.name));
            }
            out.add("ATTENDEE", &parameters, &mailto(&attendee.address));
        }
        out.add("END", &[], "VEVENT");
    }
    out.end()
}

/// Something that recurs in a zone whose changes are known.
struct Recurring {
    zone: String,
    named: TimeZone,
    start: Timestamp,
}

impl Recurring {
    fn of(event: &Event) -> Option<Self> {
        let zone = event.time_zone.as_ref().filter(|_| event.rule.is_some())?;
        let named = zone::named(zone)?;
        let start = event.start.as_ref()?.parse().ok()?;
        Some(Self { zone: zone.clone(), named, start })
    }

    /// A time in UTC as this zone has it.
    fn local(&self, utc: &str) -> Option<String> {
        let local = self.named.to_datetime(utc.parse::<Timestamp>().ok()?);
        Some(local.strftime("%Y%m%dT%H%M%S").to_string())
    }
}

/// A calendar that is being written.
struct Lines(String);

impl Lines {
    fn begin() -> Self {
        let mut out = Self(String::new());
        out.add("BEGIN", &[], "VCALENDAR");
        out.add("PRODID", &[], concat!("-//espomail//espomail ", env!("CARGO_PKG_VERSION"), "//EN"));
        out.add("VERSION", &[], "2.0");
        out
    }

    fn end(mut self) -> String {
        self.add("END", &[], "VCALENDAR");
        self.0
    }

    /// Adds a line; one without a value says nothing.
    fn add(&mut self, name: &str, parameters: &[(&str, &str)], value: &str) {
        if value.is_empty() {
            return;
        }
        let mut line = name.to_string();
        for (name, value) in parameters {
            line.push_str(&format!(";{name}={}", quoted(value)));
        }
        line.push(':');
        line.push_str(value);
        let mut room = LINE;
        for c in line.chars().filter(|c| !c.is_control() || *c == '\t') {
            if c.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LINE - 1;
            }
            self.0.push(c);
            room -= c.len_utf8();
        }
        self.0.push_str("\r\n");
    }

    fn identity(&mut self, event: &Event) {
        self.add("UID", &[], &escaped(event.uid.as_deref().unwrap_or_default()));
        self.add("SEQUENCE", &[], &event.sequence.to_string());
        self.time("RECURRENCE-ID", event.recurrence.as_deref());
    }

    fn organizer(&mut self, event: &Event) {
        let Some(Address { name, address }) = event.organizer.as_ref().filter(|organizer| !organizer.address.is_empty()) else {
            return;
        };
        let name = [("CN", name.as_str())];
        let parameters = if name[0].1.is_empty() { &[][..] } else { &name };
        self.add("ORGANIZER", parameters, &mailto(address));
    }

    /// Adds a time as events have it: with or without a zone, or a whole day.
    fn time(&mut self, name: &str, time: Option<&str>) {
        let Some(time) = time else { return };
        let basic: String = time.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let parameters = [("VALUE", "DATE")];
        self.add(name, if time.contains('T') { &[] } else { &parameters }, &basic);
    }

    /// Describes a zone from before a start on, change by change.
    fn zone(&mut self, recurring: &Recurring) {
        let Recurring { zone, named, start } = recurring;
        self.add("BEGIN", &[], "VTIMEZONE");
        self.add("TZID", &[], &escaped(zone));
        let before = start.as_second().saturating_sub(YEAR);
        let end = start.as_second().saturating_add(YEARS * YEAR);
        let first = Timestamp::from_second(before).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut offset = named.to_offset(first).seconds();
        let begun = named.to_datetime(first).strftime("%Y%m%dT%H%M%S").to_string();
        self.observance(named.to_offset_info(first).dst().is_dst(), &begun, offset, offset);
        for change in named.following(first).take_while(|change| change.timestamp().as_second() < end).take(64) {
            // An onset is written in the time that was before it (RFC 5545, section 3.6.5).
            let onset = Timestamp::from_second(change.timestamp().as_second() + i64::from(offset)).unwrap_or(change.timestamp());
            let onset = TimeZone::UTC.to_datetime(onset).strftime("%Y%m%dT%H%M%S").to_string();
            let next = change.offset().seconds();
            self.observance(change.dst().is_dst(), &onset, offset, next);
            offset = next;
        }
        self.add("END", &[], "VTIMEZONE");
    }

    fn observance(&mut self, is_summer: bool, onset: &str, from: i32, to: i32) {
        let kind = if is_summer { "DAYLIGHT" } else { "STANDARD" };
        let offset = |seconds: i32| {
            let sign = if seconds < 0 { '-' } else { '+' };
            format!("{sign}{:02}{:02}", seconds.abs() / 3_600, seconds.abs() / 60 % 60)
        };
        self.add("BEGIN", &[], kind);
        self.add("DTSTART", &[], onset);
        self.add("TZOFFSETFROM", &[], &offset(from));
        self.add("TZOFFSETTO", &[], &offset(to));
        self.add("END", &[], kind);
    }
}

/// RFC 5545, section 3.3.11.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out
}

/// RFC 5545, section 3.2, and RFC 6868 for what a parameter must not contain.
fn quoted(value: &str) -> String {
    let value = value.replace('^', "^^").replace('"', "^'").replace(['\r', '\n'], " ");
    if value.contains([':', ';', ',']) { format!("\"{value}\"") } else { value }
}

fn mailto(address: &str) -> String {
    format!("mailto:{address}")
}

fn stamp(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ").to_string()
}
