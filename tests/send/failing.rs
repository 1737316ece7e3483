//! FETCH-12 for sending: a server that fails at any step is said at once and hourly, is listed, rests, and takes no other message with it.

use super::{compose, outbox, set, world_on};
use crate::support::smtp::{Manners, SmtpSink};

#[test]
fn fetch_12_send_6_a_server_that_closes_or_breaks_off_at_any_step_is_said_and_rests() {
    let fine = Manners::default;
    let closing = Some("421 4.3.2 closing");
    for (at, (what, manners, status, first)) in [
        ("MAIL closes", Manners { mail: closing, ..fine() }, 69, "queued"),
        ("MAIL breaks off", Manners { mail: None, ..fine() }, 69, "queued"),
        ("MAIL finds no room", Manners { mail: Some("452 4.3.1 insufficient storage"), ..fine() }, 69, "queued"),
        ("MAIL wants a login", Manners { mail: Some("530 5.7.0 authentication required"), ..fine() }, 69, "queued"),
        ("RCPT closes", Manners { recipients: vec![("dora", closing)], ..fine() }, 69, "queued"),
        ("RCPT breaks off", Manners { recipients: vec![("dora", None)], ..fine() }, 69, "queued"),
        ("DATA closes", Manners { data: closing, ..fine() }, 69, "queued"),
        ("DATA breaks off", Manners { data: None, ..fine() }, 69, "queued"),
        ("DATA is odd", Manners { data: Some("250 fine"), ..fine() }, 69, "queued"),
        ("the dot closes", Manners { dot: closing, ..fine() }, 69, "queued"),
        ("the dot finds no room", Manners { dot: Some("452 4.3.1 full"), ..fine() }, 69, "queued"),
        // That it may have been sent is said of the message, and once is enough.
        ("the dot breaks off", Manners { dot: None, ..fine() }, 75, "maybe-sent"),
    ]
    .into_iter()
    .enumerate()
    {
        // What the server does is no matter of the database.
        let database = ["sqlite", "postgresql"][at % 2];
        let sink = SmtpSink::start(manners.clone());
        let mut world = world_on(database, &sink);
        let queued: Vec<_> = (0..3).map(|_| compose(&world, &["--to", "dora@example.org", "--queue"])).collect();
        let line = world.run(&["send"]).fails(status);
        assert!(line.contains("account support: ") || first == "maybe-sent", "{what} {database}: {line}");
        let states: Vec<_> = queued.iter().map(|one| outbox(&world, &one["outbox"])["state"].clone()).collect();
        assert_eq!(states, [first, "queued", "queued"], "{what} {database}: the others are spared");
        assert_eq!(sink.count("MAIL"), 1, "{what} {database}");
        assert!(world.run(&["account", "list"]).ok().contains("cannot send"), "{what} {database}");
        // It rests: a minute, then two; and the same is not said again within the hour.
        let rests = world.run(&["send"]);
        assert_eq!((rests.stdout.as_str(), rests.stderr.as_str()), ("", ""), "{what} {database}");
        assert_ne!(rests.status, Some(0), "{what} {database}: the exit status stays true");
        let rests = world.run(&["-v", "send"]).stdout;
        assert!(rests.contains("resting") && rests.contains("tried again at 2026-11-23T10:01:00Z"), "{what} {database}: {rests}");
        assert_eq!(sink.count("MAIL"), 1, "{what} {database}");
        if first == "queued" {
            for (minute, tried) in [(1, 2), (2, 2), (3, 3)] {
                world.set("ESPOMAIL_NOW", &format!("2026-11-23T10:0{minute}:00Z"));
                let done = world.run(&["send"]);
                assert_eq!((done.stderr.as_str(), sink.count("MAIL")), ("", tried), "{what} {database} {minute}");
                assert_ne!(done.status, Some(0), "{what} {database} {minute}: they wait");
            }
        }
        // Mended, everything goes out once.
        let good = SmtpSink::start(fine());
        set(&world, &good);
        world.set("ESPOMAIL_NOW", "2026-11-23T16:00:00Z");
        let done = world.run(&["-v", "send"]);
        assert_eq!(done.stderr, "espomail: account support: sends again\n", "{what} {database}: {done:?}");
        assert_eq!(good.taken().len(), if first == "queued" { 3 } else { 2 }, "{what} {database}");
    }
}

#[test]
fn fetch_12_send_6_as_long_as_messages_wait_for_a_server_that_fails_the_exit_status_says_so() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners { mail: Some("421 4.3.2 closing"), ..Manners::default() });
        let mut world = world_on(database, &sink);
        let only = compose(&world, &["--to", "dora@example.org", "--queue"]);
        world.run(&["send"]).fails(69);
        // What is for later, or held, waits for something else.
        compose(&world, &["--to", "dora@example.org", "--at", "2027-01-01T00:00:00Z"]);
        for at in ["10:00:30", "10:01:00", "10:01:59", "10:02:59"] {
            world.set("ESPOMAIL_NOW", &format!("2026-11-23T{at}Z"));
            let done = world.run(&["send"]);
            assert_eq!((done.status, done.stdout.as_str(), done.stderr.as_str()), (Some(69), "", ""), "{database} {at}");
        }
        let told = world.run(&["-v", "send"]).stdout;
        assert!(told.contains("support") && told.contains("resting"), "{database}: {told}");
        world.run(&["outbox", "hold", &only["outbox"].to_string()]).ok();
        assert_eq!(world.run(&["send"]).ok(), "", "{database}");
    }
}

#[test]
fn send_6_a_message_that_its_server_breaks_off_at_holds_up_no_other() {
    let sink = SmtpSink::start(Manners { recipients: vec![("poison", None)], ..Manners::default() });
    let mut world = world_on("sqlite", &sink);
    compose(&world, &["--to", "poison@example.org", "--queue"]);
    let mut said = 0;
    for minute in 0..20 {
        world.set("ESPOMAIL_NOW", &format!("2026-11-23T10:{minute:02}:00Z"));
        compose(&world, &["--to", "dora@example.org", "--queue"]);
        let done = world.run(&["send"]);
        said += done.stderr.lines().filter(|line| !line.ends_with("account support: sends again")).count();
    }
    // One that works in between makes the rest short again: nobody waits an hour for one bad message.
    assert!(sink.taken().len() >= 16, "{} of 20 went out", sink.taken().len());
    assert!(said <= 3, "said {said} times");
}

#[test]
fn send_6_whom_the_server_refused_before_the_answer_was_lost_is_not_counted_among_those_who_may_have_it() {
    for database in ["sqlite", "postgresql"] {
        let manners = Manners {
            recipients: vec![("ben", Some("450 4.2.1 later")), ("cleo", Some("550 5.1.1 no such user"))],
            dot: None,
            ..Manners::default()
        };
        let sink = SmtpSink::start(manners);
        let mut world = world_on(database, &sink);
        let to = ["--to", "ada@example.org", "--to", "ben@example.org", "--to", "cleo@example.org", "--queue"];
        let id = compose(&world, &to)["outbox"].to_string();
        world.run(&["send"]).fails(75);
        let of = |world: &crate::support::world::World, who: &str| {
            let shown = world.json(&["outbox", "show", &id]);
            let all = shown["recipients"].as_array().unwrap();
            let one = all.iter().find(|one| one["address"] == format!("{who}@example.org")).unwrap();
            (one["state"].as_str().unwrap().to_string(), one["code"].as_i64())
        };
        let expected = [("pending", None), ("pending", Some(450)), ("failed", Some(550))];
        for (who, (state, code)) in ["ada", "ben", "cleo"].into_iter().zip(expected) {
            assert_eq!(of(&world, who), (state.to_string(), code), "{database}: {who}");
        }
        // Ada has it: that says nothing of the others.
        let said = world.run(&["outbox", "mark-sent", &id]).ok();
        assert!(said.contains("whom its server had put off gets it by the next pass"), "{database}: {said}");
        let good = SmtpSink::start(Manners::default());
        set(&world, &good);
        world.set("ESPOMAIL_NOW", "2026-11-23T16:00:00Z");
        let _ = world.run(&["send"]);
        assert_eq!(good.count("RCPT"), 1, "{database}: ben alone");
        for (who, state) in [("ada", "sent"), ("ben", "sent"), ("cleo", "failed")] {
            assert_eq!(of(&world, who).0, state, "{database}: {who}");
        }
    }
}
