//! A clock that was wrong once: what was written down then silences nothing once it is right again.

use crate::support::imap::BentImap;
use crate::support::world::World;

const NEXT_YEAR: &str = "2027-11-23T10:00:00Z";
const NOW: i64 = 1_795_428_000;
const AHEAD: i64 = NOW + 365 * 86_400;

fn add(world: &World, port: u16, more: &[&str]) {
    let port = port.to_string();
    let arguments = [
        &["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port],
        &["--imap-security", "plain", "--imap-user", "support", "--password-stdin", "--fetch-since", "2000-01-01"] as &[&str],
        more,
    ];
    let _ = world.run_with(&arguments.concat(), "secret").ok();
}

#[test]
fn fetch_10_an_account_that_failed_while_the_clock_was_ahead_is_asked_at_once_and_heard_of() {
    for database in ["sqlite", "postgresql"] {
        let (mut world, server) = (World::on(database), BentImap::start());
        add(&world, server.port, &[]);
        server.bend(|_, command| command.starts_with("UID SEARCH").then(|| b"{tag} NO not now\r\n".to_vec()));
        world.set("ESPOMAIL_NOW", NEXT_YEAR);
        assert!(world.run(&["fetch"]).fails(69).contains("not now"));
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:00Z");
        assert!(world.run(&["fetch"]).fails(69).contains("not now"), "asked, and said: it may be long ago that it was");
        let list = world.json(&["account", "list"]);
        assert_eq!(list["items"][0]["failing_seconds"], 0, "never a time to come: {list}");
        // It rests now, and no longer than its pause.
        assert_eq!(world.run(&["fetch"]).stderr, "");
        server.straighten();
        world.set("ESPOMAIL_NOW", "2026-11-23T11:00:01Z");
        let done = world.run(&["fetch"]);
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        // Whoever held the account while the clock was ahead does not hold it until then.
        world.sql(&format!("UPDATE account_states SET lease_owner = 'elsewhere:1:1', lease_until = {AHEAD}"));
        assert_eq!(world.json(&["fetch"])["items"][0]["busy"], false);
    }
}

#[test]
fn send_6_what_was_queued_while_the_clock_was_ahead_goes_out_and_what_is_scheduled_stays() {
    for database in ["sqlite", "postgresql"] {
        let mut world = World::on(database);
        // Nobody listens there: each attempt is an error that is seen.
        add(&world, 1, &["--smtp-host", "127.0.0.1", "--smtp-port", "1", "--smtp-security", "plain", "--shared"]);
        let _ = world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
        let send = ["email", "compose", "--to", "x@example.org", "--subject", "s", "--text", "t"];
        let letter = |world: &World, more: &[&str]| {
            let done = world.run(&[&send[..], more].concat());
            assert_eq!(done.status, Some(0), "{}", done.stderr);
        };
        world.set("ESPOMAIL_NOW", NEXT_YEAR);
        letter(&world, &["--queue"]);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:00Z");
        letter(&world, &["--at", "2027-12-24"]);
        let _ = world.run(&["send"]);
        let attempts = |world: &World, id: &str| world.json(&["outbox", "show", id])["attempts"].clone();
        assert_eq!((attempts(&world, "1"), attempts(&world, "2")), (1.into(), 0.into()));
        // One that rests since then; the account does not rest, either.
        world.sql(&format!("UPDATE outbox SET due_at = {AHEAD} WHERE id = 1; UPDATE sending_failures SET retry_at = {AHEAD}"));
        let _ = world.run(&["send"]);
        assert_eq!((attempts(&world, "1"), attempts(&world, "2")), (2.into(), 0.into()));
    }
}

#[test]
fn filter_4_a_command_that_waits_since_the_clock_was_ahead_is_run() {
    for database in ["sqlite", "postgresql"] {
        let (world, server) = (World::on(database), BentImap::start());
        add(&world, server.port, &[]);
        let ran = world.path("ran");
        let config = std::fs::read_to_string(world.config()).unwrap();
        let command = format!("\n[filters]\n[filters.commands]\nnote = [\"/bin/sh\", \"-c\", \"echo >> {}\"]\n", ran.display());
        world.write(&world.config(), &format!("{config}{command}"), 0o600);
        world.run(&["filter", "add", "all", "--global", "--subject", "*", "--run", "note"]).ok();
        let letter =
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\r\nHi.\r\n";
        world.run_with(&["deliver", "--account", "support"], letter).ok();
        let _ = std::fs::remove_file(&ran);
        // It failed once while the clock was ahead, and is to be tried again then.
        world.sql(&format!("UPDATE effects SET due_at = {AHEAD}, attempts = 1, done_at = NULL"));
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(std::fs::read_to_string(&ran).unwrap_or_default().lines().count(), 1, "{database}");
    }
}

#[test]
fn fetch_6_what_was_to_be_asked_for_again_while_the_clock_was_ahead_is() {
    for database in ["sqlite", "postgresql"] {
        let (world, server) = (World::on(database), BentImap::start());
        server.put(1, b"From: dora@example.org\r\nSubject: One\r\nMessage-ID: <a@example.org>\r\n\r\nHi.\r\n");
        server.put(2, b"From: dora@example.org\r\nSubject: Two\r\nMessage-ID: <b@example.org>\r\n\r\nHi.\r\n");
        add(&world, server.port, &[]);
        server.bend(|mailbox, command| {
            let is_first = |line: &str| line.starts_with("UID FETCH 1 ") || line.starts_with("UID FETCH 1:");
            is_first(command).then(|| mailbox.answer(command, &|uid| (uid == 1).then(Vec::new)))
        });
        for _ in 0..3 {
            let _ = world.run(&["fetch"]);
        }
        assert_eq!(world.json(&["quarantine", "list"])["items"].as_array().unwrap().len(), 1, "{database}");
        server.straighten();
        world.sql(&format!("UPDATE quarantine SET due_at = {AHEAD}"));
        let _ = world.run(&["fetch"]);
        assert_eq!(world.json(&["quarantine", "list"])["items"].as_array().unwrap().len(), 0, "{database}");
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn parse_5_a_date_in_the_future_is_held_against_the_time_of_arrival() {
    for database in ["sqlite", "postgresql"] {
        let mut world = World::on(database);
        let add =
            ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
        world.run_with(&add, "hunter2\n").ok();
        let letter = "From: dora@example.org\r\nTo: support@example.com\r\nSubject: Soon\r\nMessage-ID: <a@x.example>\r\n\
            Date: Wed, 25 Nov 2026 10:00:00 +0000\r\n\r\nText.\r\n";
        world.run_with(&["deliver", "--account", "support"], letter).ok();
        assert_eq!(world.json(&["email", "show", "1"])["date"], "2026-11-23T10:00:00Z", "{database}");
        world.set("ESPOMAIL_NOW", "2026-12-01T10:00:00Z");
        let looked = world.run(&["reprocess", "--all"]);
        assert!(!format!("{}{}", looked.stdout, looked.stderr).contains("date"), "{database}: {}", looked.stdout);
        world.run(&["reprocess", "--all", "--apply"]).ok();
        assert_eq!(world.json(&["email", "show", "1"])["date"], "2026-11-23T10:00:00Z", "{database}");
    }
}
