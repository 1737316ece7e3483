//! Invitations (PARSE-9): what is listed for whom, the answer that goes to the organiser (RFC 5546, RFC 6047), updates and
//! cancellations, and hostile calendars; through the real binary, on both databases.

use serde_json::{Value, json};

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with ada, who has an account of her own, and ben, who has none, but one that the house shares.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}internal-hosts = [\"127.0.0.1\"]\n"), 0o600);
    let port = sink.port.to_string();
    for login in ["ada", "ben", "eve"] {
        let (name, address) = (format!("{login} Example"), format!("{login}@example.com"));
        world.run(&["user", "add", login, "--name", &name, "--address", &address]).ok();
    }
    world.run(&["team", "add", "desk"]).ok();
    world.run(&["team", "join", "desk", "ada", "ben"]).ok();
    let smtp = ["--imap-host", "127.0.0.1", "--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
    let add = |more: &[&str]| drop(world.run_with(&[&["account", "add"], more, &smtp, &["--password-stdin"]].concat(), "x").ok());
    add(&["adas", "--owner", "ada", "--address", "ada@example.com"]);
    add(&["support", "--address", "support@example.com", "--team", "desk", "--shared"]);
    world.run(&["role", "add", "agents"]).ok();
    world.run(&["role", "grant", "agents", "group-account", "use", "team"]).ok();
    world.run(&["role", "give", "agents", "--team", "desk"]).ok();
    world
}

/// An event as a calendar has it.
fn event(uid: &str, sequence: i64, more: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nSEQUENCE:{sequence}\r\nDTSTAMP:20261120T080000Z\r\nDTSTART:20261201T090000Z\r\n\
        DTEND:20261201T100000Z\r\nSUMMARY:Pump\\, and {{User.name}}\r\nORGANIZER;CN=Olga:mailto:Olga@example.org\r\n\
        ATTENDEE;CN=\"Ada, Example\";PARTSTAT=NEEDS-ACTION:mailto:Ada@Example.com\r\n\
        ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:ben@example.com\r\n{more}END:VEVENT\r\n"
    )
}

fn mail(from: &str, to: &str, id: &str, method: &str, events: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Meeting\r\nMessage-ID: <{id}@example.org>\r\nReferences: <z@example.org>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/calendar; method={method}; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\n{events}END:VCALENDAR\r\n"
    )
}

fn deliver(world: &World, account: &str, message: &str) {
    world.run_with(&["deliver", "--account", account], message).ok();
}

fn listed(world: &World, who: &str) -> Vec<(String, String, String)> {
    let items = world.json(&["--as", who, "event", "list"])["items"].as_array().unwrap().clone();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or("-").to_string();
    let state = |one: &Value| if one["cancelled"] == true { "cancelled".to_string() } else { text(one, "answer") };
    items.iter().map(|one| (text(one, "event"), state(one), text(one, "summary"))).collect()
}

fn row(event: &str, state: &str) -> (String, String, String) {
    (event.to_string(), state.to_string(), "Pump, and {User.name}".to_string())
}

/// The calendar that a letter carries, its folds undone.
fn calendar(sink: &SmtpSink, number: usize) -> (String, Vec<String>) {
    let text = String::from_utf8(sink.taken()[number].bytes.clone()).unwrap();
    let start = text.find("BEGIN:VCALENDAR").unwrap_or_else(|| panic!("{text}"));
    let lines = text[start..].split("--=_").next().unwrap().replace("\r\n ", "");
    (text, lines.lines().map(str::to_string).collect())
}

#[test]
fn parse_9_an_invitation_is_listed_answered_updated_and_cancelled() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        deliver(&world, "adas", &mail("Olga <olga@example.org>", "ada@example.com", "a", "REQUEST", &event("u1", 0, "")));
        assert_eq!(listed(&world, "ada"), [row("1", "-")], "{database}");
        // Who may not read the e-mail has no such event.
        assert_eq!((listed(&world, "ben"), listed(&world, "eve")), (vec![], vec![]), "{database}");
        world.run(&["--as", "eve", "event", "show", "1"]).fails(65);
        world.run(&["--as", "eve", "event", "accept", "1"]).fails(65);
        let said = world.run(&["--as", "ada", "event", "accept", "1", "--comment", "With; pleasure,\nAda"]).ok();
        assert!(said.starts_with("To: Olga@example.org\nE-mail 2 is sent"), "{database}: {said}");
        let (text, lines) = calendar(&sink, 0);
        assert_eq!(sink.taken()[0].to, ["<Olga@example.org>"], "{database}");
        for head in [
            "From: ada Example <ada@example.com>",
            "Subject: Accepted: Pump, and {User.name}",
            "In-Reply-To: <a@example.org>",
            "References: <z@example.org> <a@example.org>",
            "Content-Type: text/calendar; method=REPLY; charset=utf-8",
        ] {
            assert!(text.lines().any(|line| line == head), "{database}: {head}: {text}");
        }
        for line in [
            "METHOD:REPLY",
            "UID:u1",
            "SEQUENCE:0",
            "DTSTAMP:20261123T100000Z",
            "DTSTART:20261201T090000Z",
            "ORGANIZER;CN=Olga:mailto:Olga@example.org",
            "ATTENDEE;PARTSTAT=ACCEPTED;CN=\"Ada, Example\":mailto:Ada@Example.com",
            "COMMENT:With\\; pleasure\\,\\nAda",
            "SUMMARY:Pump\\, and {User.name}",
        ] {
            assert!(lines.iter().any(|is| is == line), "{database}: {line}: {lines:?}");
        }
        assert_eq!(lines.iter().filter(|line| line.starts_with("ATTENDEE")).count(), 1, "only who answers");
        let stored = world.json(&["email", "show", "2"]);
        assert_eq!((&stored["thread"], &world.json(&["email", "show", "1"])["is_replied"]), (&json!(1), &json!(true)));
        assert_eq!(listed(&world, "ada"), [row("1", "accepted")], "{database}");
        // Asked again: the answer was to something else.
        deliver(&world, "adas", &mail("olga@example.org", "ada@example.com", "b", "REQUEST", &event("u1", 1, "")));
        assert_eq!(listed(&world, "ada"), [row("3", "-")], "{database}");
        let shown = world.json(&["--as", "ada", "event", "show", "1"]);
        assert_eq!((&shown["event"], &shown["replaces"]), (&json!("3"), &json!([1])), "{database}");
        world.run(&["--as", "ada", "event", "tentative", "1", "--queue"]).ok();
        assert_eq!(listed(&world, "ada"), [row("3", "tentative")], "the newest is answered, by whatever number");
        // A stranger who knows the UID ends nothing, nor does who only says to be one of us.
        deliver(&world, "adas", &mail("mallory@example.net", "ada@example.com", "c", "CANCEL", &event("u1", 9, "")));
        deliver(&world, "adas", &mail("ben@example.com", "ada@example.com", "d", "CANCEL", &event("u1", 9, "")));
        let rows = listed(&world, "ada");
        assert!(rows.contains(&row("3", "tentative")) && rows.len() == 3, "{database}: {rows:?}");
        let cancel = "BEGIN:VEVENT\r\nUID:u1\r\nSEQUENCE:1\r\nDTSTAMP:20261122T080000Z\r\nORGANIZER:mailto:olga@example.org\r\nEND:VEVENT\r\n";
        deliver(&world, "adas", &mail("olga@example.org", "ada@example.com", "e", "CANCEL", cancel));
        let newest = world.json(&["email", "show", "<e@example.org>"])["id"].to_string();
        assert!(listed(&world, "ada").contains(&row(&newest, "cancelled")), "{database}: {:?}", listed(&world, "ada"));
        let refused = world.run(&["--as", "ada", "event", "decline", "1"]).fails(65);
        assert!(refused.ends_with(&format!("event {newest} cannot be answered: it was cancelled")), "{refused}");
    }
}

#[test]
fn parse_9_only_who_was_invited_answers_and_says_for_whom() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        deliver(&world, "support", &mail("olga@example.org", "support@example.com", "a", "REQUEST", &event("u1", 2, "")));
        // The team has it; ben has no account of his own, and answers through the one that is shared.
        world.run(&["--as", "ben", "event", "decline", "1"]).ok();
        let (text, lines) = calendar(&sink, 0);
        assert!(text.contains("From: ben Example <support@example.com>") || text.contains("From: support@example.com"), "{text}");
        let attendee = "ATTENDEE;PARTSTAT=DECLINED;SENT-BY=\"mailto:support@example.com\":mailto:ben@example.com";
        assert!(lines.iter().any(|line| line == attendee), "{database}: {lines:?}");
        assert_eq!(listed(&world, "ben"), [row("1", "declined")]);
        assert_eq!(listed(&world, "ada"), [row("1", "-")], "each has their own answer");
        let service = world.run(&["event", "accept", "1"]).fails(64);
        assert!(service.contains("only a user answers an invitation"), "{service}");
        let mut other = event("u2", 0, "").replace("ben@example.com", "carl@example.org");
        deliver(&world, "support", &mail("olga@example.org", "support@example.com", "b", "REQUEST", &other));
        let refused = world.run(&["--as", "ben", "event", "accept", "<b@example.org>"]).fails(65);
        assert!(refused.contains("invites none of your addresses"), "{refused}");
        other = event("u3", 0, "");
        deliver(&world, "support", &mail("olga@example.org", "support@example.com", "c", "PUBLISH", &other));
        let refused = world.run(&["--as", "ben", "event", "accept", "<c@example.org>"]).fails(65);
        assert!(refused.contains("its sender asks for no answer"), "{refused}");
        // What an attendee says by mail.
        let reply = "BEGIN:VEVENT\r\nUID:u2\r\nDTSTAMP:20261122T080000Z\r\nORGANIZER:mailto:olga@example.org\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:carl@example.org\r\nEND:VEVENT\r\n";
        deliver(&world, "support", &mail("carl@example.org", "support@example.com", "d", "REPLY", reply));
        let shown = world.json(&["event", "show", "<d@example.org>"]);
        assert_eq!(
            (&shown["attendees"][1]["answer"], &shown["attendees"][0]["answer"]),
            (&json!("accepted"), &Value::Null),
            "{database}"
        );
    }
}

#[test]
fn parse_9_events_go_to_other_calendars_and_hostile_ones_do_no_harm() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let weekly = "RRULE:FREQ=WEEKLY;UNTIL=20270301T000000Z\r\nLOCATION:Hall 1\\; left\r\n";
        let berlin = event("u1", 0, weekly)
            .replace("DTSTART:20261201T090000Z", "DTSTART;TZID=Europe/Berlin:20261201T100000")
            .replace("DTEND:20261201T100000Z", "DTEND;TZID=Europe/Berlin:20261201T110000");
        let past = event("u2", 0, "").replace("20261201", "20261101");
        // One that recurs each second for ever, with a line end and an escape in its text, and one that says nothing.
        let hostile = event("u3", 0, "RRULE:FREQ=SECONDLY\r\n").replace("SUMMARY:Pump", "SUMMARY:A\\nBEGIN:VALARM\u{1b}[31m");
        let nothing = "BEGIN:VEVENT\r\nEND:VEVENT\r\n";
        let all = format!("{berlin}{past}{hostile}{nothing}");
        deliver(&world, "adas", &mail("olga@example.org", "ada@example.com", "a", "REQUEST", &all));
        let rows: Vec<String> = listed(&world, "ada").into_iter().map(|(number, ..)| number).collect();
        assert_eq!(rows, ["1.1", "1.3"], "{database}: what is over is not listed");
        assert!(world.run(&["--as", "ada", "event", "show", "1"]).fails(65).contains("name one: 1.1, 1.2, 1.3, 1.4"));
        assert!(world.run(&["--as", "ada", "event", "accept", "1.4"]).fails(65).contains("it has no UID"));
        let exported = world.run(&["--as", "ada", "event", "export", "--all"]).ok();
        let lines: Vec<&str> = exported.split("\r\n").collect();
        assert!(lines.iter().all(|line| line.len() <= 75 && !line.contains(['\n', '\u{1b}'])), "{exported}");
        let whole = exported.replace("\r\n ", "");
        for line in [
            "DTSTART;TZID=Europe/Berlin:20261201T100000",
            "TZOFFSETTO:+0200",
            "RRULE:FREQ=WEEKLY;UNTIL=20270301T000000Z",
            "LOCATION:Hall 1\\; left",
            "SUMMARY:A BEGIN:VALARM [31m\\, and {User.name}",
            "ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=\"Ada, Example\":mailto:Ada@Example.com",
        ] {
            assert!(whole.lines().any(|is| is == line), "{database}: {line}: {whole}");
        }
        assert_eq!((whole.matches("BEGIN:VEVENT").count(), whole.matches("\nBEGIN:VALARM").count()), (2, 0));
        // What we write we read.
        deliver(
            &world,
            "adas",
            &mail("other@example.org", "ada@example.com", "b", "PUBLISH", "")
                .replace("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n", &exported),
        );
        let again = world.json(&["email", "show", "<b@example.org>"])["calendar"].clone();
        let first = world.json(&["email", "show", "1"])["calendar"].clone();
        for key in ["uid", "start", "end", "rule", "location", "summary", "organizer", "time_zone"] {
            assert_eq!(again[0][key], first[0][key], "{database}: {key}: {again}");
        }
        assert_eq!(world.json(&["--as", "ada", "event", "list", "--limit", "1"])["items"].as_array().unwrap().len(), 1);
        world.run(&["--as", "ada", "email", "delete", "1"]).fails(77);
        world.run(&["email", "delete", "1"]).ok();
        assert!(!listed(&world, "ada").iter().any(|(number, ..)| number.starts_with("1.")), "{database}");
        // No UID is too long for an index, and one that is long is one still.
        let long = event(&"ü\u{1f600}".repeat(2_000), 0, "");
        for (id, sequence) in [("l1", "SEQUENCE:0"), ("l2", "SEQUENCE:1")] {
            let long = long.replace("SEQUENCE:0", sequence);
            deliver(&world, "support", &mail("olga@example.org", "support@example.com", id, "REQUEST", &long));
        }
        let newest = world.json(&["email", "show", "<l2@example.org>"])["id"].to_string();
        assert_eq!(listed(&world, "ben"), [row(&newest, "accepted")], "{database}");
    }
}

#[test]
fn parse_9_export_says_what_is_known_and_leaves_out_what_no_calendar_takes() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let told = event("u1", 0, "DESCRIPTION:Bring tools\\nand \u{1b}gloves\r\n");
        deliver(&world, "adas", &mail("olga@example.org", "ada@example.com", "a", "REQUEST", &told));
        let ada = |more: &[&str]| world.run(&[&["--as", "ada", "event"], more].concat());
        ada(&["accept", "1"]).ok();
        let again = ada(&["accept", "1"]).ok();
        assert!(again.contains("already accepted"), "{database}: {again}");
        assert_eq!(sink.taken().len(), 1, "{database}: nothing is sent twice");
        let exported = ada(&["export", "1"]).ok().replace("\r\n ", "");
        for line in
            ["ATTENDEE;PARTSTAT=ACCEPTED;CN=\"Ada, Example\":mailto:Ada@Example.com", "DESCRIPTION:Bring tools\\nand  gloves"]
        {
            assert!(exported.lines().any(|is| is == line), "{database}: {line}: {exported}");
        }
        assert!(ada(&["show", "1"]).ok().contains("Bring tools\nand"), "{database}");
        ada(&["decline", "1"]).ok();
        assert_eq!(sink.taken().len(), 2, "another answer goes out");
        // One that says only when it ends.
        let bare = event("u2", 0, "").replace("DTSTART:20261201T090000Z\r\n", "");
        deliver(&world, "adas", &mail("olga@example.org", "ada@example.com", "b", "REQUEST", &bare));
        let all = ada(&["export", "--all"]).ok();
        assert!(all.contains("UID:u1") && !all.contains("UID:u2"), "{database}: {all}");
        let number = world.json(&["email", "show", "<b@example.org>"])["id"].to_string();
        let refused = ada(&["export", &number]).fails(65);
        assert!(refused.contains("says no start"), "{refused}");
    }
}

#[test]
fn access_5_what_our_border_calls_forged_moves_and_ends_no_event() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let config = std::fs::read_to_string(world.config()).unwrap();
        assert!(config.contains("[security]"), "{config}");
        world.write(&world.config(), &config.replace("[security]", "[security]\nauthserv-id = [\"mx.example.com\"]"), 0o600);
        let border = |result: &str, mail: String| {
            format!("Authentication-Results: mx.example.com; dmarc={result} header.from=example.org\r\n{mail}")
        };
        let send = |result: &str, id: &str, method: &str, sequence: i64| {
            let mail = mail("olga@example.org", "ada@example.com", id, method, &event("u1", sequence, ""));
            deliver(&world, "adas", &border(result, mail));
        };
        send("fail", "z", "REQUEST", 7);
        send("pass", "a", "REQUEST", 0);
        send("fail", "b", "CANCEL", 9);
        send("fail", "c", "REQUEST", 9);
        assert!(listed(&world, "ada").contains(&row("2", "-")), "{database}: {:?}", listed(&world, "ada"));
        send("pass", "d", "REQUEST", 1);
        let newest = world.json(&["email", "show", "<d@example.org>"])["id"].to_string();
        assert!(listed(&world, "ada").contains(&row(&newest, "-")), "{database}: {:?}", listed(&world, "ada"));
        let shown = world.json(&["--as", "ada", "event", "show", &newest]);
        assert_eq!((&shown["cancelled"], &shown["replaces"]), (&json!(false), &json!([2])), "{database}");
    }
}

#[test]
fn access_5_a_letter_of_ours_that_comes_back_through_ones_own_account_is_ours() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let compose =
            ["email", "compose", "--from", "support@example.com", "--to", "dora@example.org", "--cc", "ada@example.com"];
        world.run(&[&compose[..], &["--subject", "Your pump", "--text", "It is on its way."]].concat()).ok();
        let copy = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
        let copy = format!("Received: from mx.example.com by mail.example.com; Mon, 23 Nov 2026 10:00:00 +0000\r\n{copy}");
        deliver(&world, "adas", &copy);
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 1, "{database}: it is the same");
        let explained = world.run(&["explain", "1"]).ok();
        let looked = world.run(&["reprocess", "--all"]);
        let said = format!("{explained}{}{}", looked.stdout, looked.stderr);
        assert!(!said.contains("did not go out from here") && !said.contains("not verified"), "{database}: {said}");
        assert_eq!(world.json(&["email", "show", "1"])["sender_not_verified"], false, "{database}");
    }
}
