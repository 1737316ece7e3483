//! Calendar parts, alone and in messages (PARSE-9).
#![allow(clippy::unwrap_used)]

use super::line::KEPT;
use super::*;
use crate::mail::parse;

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Our Town Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\n\
    TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n\
    DTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\n\
    END:DAYLIGHT\r\nEND:VTIMEZONE\r\n";

fn event(lines: &str) -> Event {
    read(&format!("BEGIN:VCALENDAR\r\n{ZONE}BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), None).remove(0)
}

#[test]
fn parse_9_an_invitation_is_kept_once_beside_the_file_that_it_came_as() {
    let calendar = "BEGIN:VCALENDAR\r\nMETHOD:request\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nSUMMARY:Fire drill\\, all\r\n  floors\r\n\
        ORGANIZER;ROLE=CHAIR;CN=\"Example: Ada\":MAILTO:ada@example.org\r\nDTSTART:20261124T100000Z\r\nDTEND:20261124T113000Z\r\n\
        BEGIN:VALARM\r\nUID:alarm\r\nSUMMARY:Soon\r\nDURATION:PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let raw = format!(
        "From: ada@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nCome\r\n--b\r\n\
         Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n{calendar}--b\r\n\
         Content-Type: application/ics; name=invite.ics\r\n\r\n{calendar}--b--\r\n"
    );
    let mail = parse(raw.as_bytes());
    let expected = Event {
        method: Some("REQUEST".to_string()),
        uid: Some("1@example.org".to_string()),
        summary: "Fire drill, all floors".to_string(),
        start: Some("2026-11-24T10:00:00Z".to_string()),
        end: Some("2026-11-24T11:30:00Z".to_string()),
        all_day: false,
        time_zone: None,
        organizer: Some(Address { name: "Example: Ada".to_string(), address: "ada@example.org".to_string() }),
        ..Event::default()
    };
    assert_eq!(mail.calendar, [expected]);
    assert_eq!((mail.attachments.len(), mail.text.trim()), (2, "Come"));
    assert_eq!(mail.document()["calendar"][0]["uid"], "1@example.org");
    // Where the calendar names no method, its Content-Type does.
    let raw = raw.replace("METHOD:request\r\n", "").replace("application/ics", "application/zip");
    assert_eq!(parse(raw.as_bytes()).calendar[0].method.as_deref(), Some("REQUEST"));
}

#[test]
fn parse_9_times_in_utc_in_a_zone_floating_and_whole_days() {
    for (lines, start, end, all_day) in [
        ("DTSTART:20260724T100000Z\r\nDURATION:PT1H30M", "2026-07-24T10:00:00Z", "2026-07-24T11:30:00Z", false),
        ("DTSTART;TZID=Our Town Time:20260724T100000", "2026-07-24T08:00:00Z", "", false),
        ("DTSTART;TZID=\"Our Town Time\":20261124T100000", "2026-11-24T09:00:00Z", "", false),
        // The last Sunday of October 2026 is the 25th.
        ("DTSTART;TZID=Our Town Time:20261025T013000", "2026-10-24T23:30:00Z", "", false),
        ("DTSTART;TZID=Our Town Time:20261025T033000", "2026-10-25T02:30:00Z", "", false),
        ("DTSTART;TZID=America/New_York:20260724T100000", "2026-07-24T14:00:00Z", "", false),
        ("DTSTART;TZID=/example.org/2026/America/New_York:20260724T100000", "2026-07-24T14:00:00Z", "", false),
        ("DTSTART;TZID=Nowhere:20260724T100000", "2026-07-24T10:00:00", "", false),
        ("DTSTART;TZID=W. Europe Standard Time:20260724T100000", "2026-07-24T08:00:00Z", "", false),
        ("DTSTART;TZID=\"Tokyo Standard Time\":20260724T100000", "2026-07-24T01:00:00Z", "", false),
        ("DTSTART;TZID=(UTC+01:00) Amsterdam, Berlin, Bern:20260724T100000", "2026-07-24T08:00:00Z", "", false),
        ("DTSTART;TZID=\"(GMT-05:00) Eastern Time (US & Canada)\":20260724T100000", "2026-07-24T14:00:00Z", "", false),
        ("DTSTART;TZID=(UTC-08:00) Pacific Time (US & Canada):20260724T100000", "2026-07-24T17:00:00Z", "", false),
        ("DTSTART;VALUE=DATE-TIME;TZID=(UTC) Dublin, Lisbon:20260724T100000", "2026-07-24T09:00:00Z", "", false),
        ("DTSTART:20260724T100000\r\nDTEND:20260724T110000", "2026-07-24T10:00:00", "2026-07-24T11:00:00", false),
        ("DTSTART;VALUE=DATE:20260724\r\nDTEND;VALUE=DATE:20260726", "2026-07-24", "2026-07-26", true),
        ("DTSTART;VALUE=DATE:20260724\r\nDURATION:P1D", "2026-07-24", "2026-07-25", true),
        ("DTSTART:20261324T100000Z\r\nDTEND:soon", "", "", false),
    ] {
        let event = event(lines);
        let found = (event.start.unwrap_or_default(), event.end.unwrap_or_default(), event.all_day);
        assert_eq!(found, (start.to_string(), end.to_string(), all_day), "{lines}");
    }
    assert_eq!(event("DTSTART;TZID=Nowhere:20260724T100000").time_zone.as_deref(), Some("Nowhere"));
}

#[test]
fn parse_9_what_is_broken_or_hostile_is_left_out_in_linear_time() {
    assert_eq!(event("ORGANIZER:invalid:nomail\r\nSUMMARY").organizer, None);
    assert_eq!(event("SUMMARY;X=\"open:value\r\n;:=\r\n:\r\nX;\r\nÜ;ä=\"ö\";:ß\r\nSUMMARY:ok\\").summary, "ok\\");
    assert_eq!(event("DTSTART:20260724T100000Z\r\nDURATION:P99999999999999999W").end, None);
    assert_eq!(event("DTSTART:99991231T235959Z\r\nDURATION:PT1H").end, None);
    assert_eq!(event(&format!("SUMMARY:{}", "ü".repeat(5_000))).summary.chars().count(), KEPT);
    for hostile in [
        "BEGIN:VEVENT\r\nEND:VEVENT\r\n".repeat(30_000),
        "BEGIN:VEVENT\r\n".repeat(50_000),
        format!("BEGIN:VEVENT\r\nSUMMARY:x\r\n{}", " x\r\n".repeat(200_000)),
        format!("BEGIN:VEVENT\r\nSUMMARY{}:x", ";A=b".repeat(200_000)),
        "BEGIN:VTIMEZONE\r\nBEGIN:STANDARD\r\n".repeat(20_000),
        format!("BEGIN:VEVENT\r\nSUMMARY;CN=\"{}", "^^".repeat(400_000)),
    ] {
        let raw = format!("From: ada@example.org\r\nContent-Type: text/calendar\r\n\r\n{hostile}");
        let started = std::time::Instant::now();
        assert!(parse(raw.as_bytes()).calendar.len() <= EVENTS);
        assert!(started.elapsed().as_secs() < 3, "{:?} for {:.40}", started.elapsed(), hostile);
    }
}

#[test]
fn parse_9_what_goes_out_is_folded_and_says_what_was_read() {
    let long = "é".repeat(300);
    let read = event(&format!(
        "UID:a\\,b\r\nSEQUENCE:3\r\nSUMMARY:{long}\r\nDTSTART;VALUE=DATE:20261201\r\nRECURRENCE-ID;VALUE=DATE:20261208\r\n\
        ORGANIZER;CN=\"O^'lga^n\":mailto:olga@example.org\r\nATTENDEE;CN=Ada;X=1:mailto:ada@example.com"
    ));
    let reply = write::Reply {
        event: &read,
        attendee: &read.attendees[0],
        sent_by: None,
        answer: Answer::Tentative,
        comment: "",
        now: 1_795_428_000,
    };
    let written = write::reply(&reply);
    assert!(written.split("\r\n").all(|line| line.len() <= 75), "{written}");
    assert_eq!((written.matches('\n').count(), written.contains("COMMENT")), (written.matches("\r\n").count(), false));
    let raw = format!("Content-Type: text/calendar; charset=utf-8\r\n\r\n{written}");
    let again = parse(raw.as_bytes()).calendar.remove(0);
    let attendee = Attendee { answer: Some("TENTATIVE".into()), ..read.attendees[0].clone() };
    assert_eq!(again.method.as_deref(), Some("REPLY"));
    let expected = Event { method: again.method.clone(), stamp: again.stamp.clone(), attendees: vec![attendee], ..read };
    assert_eq!(again, expected);
}

#[test]
fn parse_9_when_it_is_over_is_told_without_expanding_anything() {
    let ends = |lines: &str| event(lines).ends_at();
    assert_eq!(ends("DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z"), Some(1_796_119_200));
    assert_eq!(ends("DTSTART:20261201T090000"), Some(1_796_115_600 + ANY_ZONE));
    assert_eq!(ends("DTSTART;VALUE=DATE:20261201"), Some(1_796_083_200 + ANY_ZONE));
    assert_eq!(ends("DTSTART:20261201T090000Z\r\nRRULE:FREQ=SECONDLY"), Some(NEVER));
    assert_eq!(ends("DTSTART:20261201T090000Z\r\nRRULE:FREQ=DAILY;UNTIL=20261203T090000Z"), Some(1_796_288_400 + ANY_ZONE));
    assert_eq!((ends("SUMMARY:x"), event("RRULE:FREQ=X:\u{7}").rule), (None, None));
    let many = (0..5_000).map(|n| format!("ATTENDEE:mailto:a{n}@example.org\r\n")).collect::<String>();
    assert_eq!(event(&many).attendees.len(), ATTENDEES);
}
