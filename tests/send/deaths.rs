//! SEND-6: the sender is killed, and several send at once: nothing is lost, and nothing is doubled beyond `maybe-sent`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{compose, outbox, set, world_on};
use crate::support::smtp::{Manners, SmtpSink, Stage, ca_file};
use crate::support::world::{Done, World};

fn in_state(world: &World, state: &str) -> usize {
    world.json(&["outbox", "list", "--state", state])["items"].as_array().unwrap().len()
}

/// Kills the sender at its first step, at its second, and so on until one comes through. What was not handed over is sent by
/// the next pass; what was is sent once, or waits for a person. Some are claimed together: the server is quick.
fn die_at_every_step(database: &str) {
    const MESSAGES: usize = 3;
    for step in 1.. {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        world.run(&["case", "create", "Pump"]).ok();
        for _ in 0..MESSAGES {
            compose(&world, &["--to", "dora@example.org", "--parent", "case:1", "--queue"]);
        }
        world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
        let first = world.run(&["send"]);
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
        let _ = world.run(&["send"]);
        let (sent, unsure) = (in_state(&world, "sent"), in_state(&world, "maybe-sent"));
        assert_eq!(sent + unsure, MESSAGES, "step {step}: nothing is lost");
        assert!(unsure <= 1, "step {step}");
        let taken = sink.taken().len();
        assert!((sent..=sent + unsure).contains(&taken), "step {step}: {taken} taken, {sent} sent, {unsure} unsure");
        let filed = world.json(&["email", "list"])["items"].as_array().unwrap().len();
        assert_eq!(filed, MESSAGES, "step {step}");
        // SEND-8: what follows from a message follows once, whoever died in between.
        let notes = world.json(&["case", "show", "1"]).to_string().matches("email-sent").count();
        assert_eq!(notes, sent, "step {step}");
        if first.status == Some(0) {
            assert!(step > 6, "{step} steps are too few to have been at work");
            return;
        }
        assert_eq!(first.status, None, "step {step}: {}", first.stderr);
    }
}

#[test]
fn send_6_a_death_at_any_step_loses_nothing_and_doubles_nothing_sqlite() {
    die_at_every_step("sqlite");
}

#[test]
fn send_6_a_death_at_any_step_loses_nothing_and_doubles_nothing_postgresql() {
    die_at_every_step("postgresql");
}

/// Kills the sender while the server says nothing, at each step of the dialogue.
fn killed_at_every_stage(database: &str) {
    let ca_file = ca_file();
    for stage in Stage::ALL {
        let sink = SmtpSink::start(Manners { stall: Some(stage), ..Manners::default() });
        let world = world_on(database, &sink);
        let ca_file = ca_file.to_str().unwrap();
        world.run(&["account", "set", "support", "--smtp-security", "starttls", "--smtp-ca-file", ca_file]).ok();
        // Too large to disappear between the two ends.
        world.write(&world.path("large"), &"x".repeat(12 << 20), 0o600);
        let attach: &[&str] = if stage == Stage::Body { &["--attach", "large"] } else { &[] };
        let queued: Vec<Value> =
            (0..2).map(|_| compose(&world, &[&["--to", "dora@example.org", "--queue"], attach].concat())).collect();
        let mut sender = world.command(&["send"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sink.await_stall();
        sender.kill().unwrap();
        sender.wait().unwrap();
        let next = world.run(&["send"]);
        let states: Vec<Value> = queued.iter().map(|one| outbox(&world, &one["outbox"])["state"].clone()).collect();
        let first = if stage == Stage::Dot { "maybe-sent" } else { "sent" };
        assert_eq!(states, [first, "sent"], "{stage:?} {database}: {}", next.stderr);
        assert_eq!(next.status, Some(if stage == Stage::Dot { 75 } else { 0 }), "{stage:?}: {}", next.stderr);
        assert_eq!(sink.taken().len(), 2, "{stage:?} {database}");
        assert_eq!(distinct_ids(&sink).len(), 2, "{stage:?} {database}");
        let _ = world.run(&["send"]);
        assert_eq!(sink.taken().len(), 2, "{stage:?} {database}: a further pass changes nothing");
    }
}

#[test]
fn send_6_killed_while_the_server_is_silent_loses_nothing_and_doubles_nothing_sqlite() {
    killed_at_every_stage("sqlite");
}

#[test]
fn send_6_killed_while_the_server_is_silent_loses_nothing_and_doubles_nothing_postgresql() {
    killed_at_every_stage("postgresql");
}

#[test]
fn send_6_a_signal_ends_a_pass_where_its_server_stalls_but_not_while_it_has_the_message() {
    let one = |database: &str, stage: Stage| {
        let sink = SmtpSink::start(Manners { stall: Some(stage), ..Manners::default() });
        let world = world_on(database, &sink);
        let queued: Vec<Value> = (0..2).map(|_| compose(&world, &["--to", "dora@example.org", "--queue"])).collect();
        let before = outbox(&world, &queued[0]["outbox"]);
        let mut sender = world.command(&["send"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        sink.await_stall();
        let asked = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &sender.id().to_string()]).status().unwrap().success());
        if stage == Stage::Dot {
            std::thread::sleep(Duration::from_millis(1_500));
            assert!(sender.try_wait().unwrap().is_none(), "{database}: whether it was taken is not known yet");
            sink.resume();
        }
        let output = sender.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(143), ""), "{database} {stage:?}");
        assert!(stage == Stage::Dot || asked.elapsed() < Duration::from_millis(1_800), "{stage:?}: {:?}", asked.elapsed());
        let after = outbox(&world, &queued[0]["outbox"]);
        if stage == Stage::Dot {
            assert_eq!((&after["state"], sink.taken().len()), (&Value::from("sent"), 1), "{database}");
        } else {
            assert_eq!(after, before, "{database} {stage:?}: as if nobody had begun it");
        }
        assert_eq!(world.run(&["send"]).ok(), "", "{database} {stage:?}");
        assert_eq!((in_state(&world, "sent"), sink.taken().len()), (2, 2), "{database} {stage:?}");
    };
    std::thread::scope(|scope| {
        for (database, stage) in [("sqlite", Stage::Ehlo), ("sqlite", Stage::Data), ("sqlite", Stage::Dot)] {
            scope.spawn(move || one(database, stage));
        }
        for (database, stage) in [("postgresql", Stage::Recipient), ("postgresql", Stage::Dot)] {
            scope.spawn(move || one(database, stage));
        }
    });
}

fn distinct_ids(sink: &SmtpSink) -> BTreeSet<String> {
    let id = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_string()
    };
    sink.taken().into_iter().map(|taken| id(taken.bytes)).collect()
}

#[test]
fn send_6_several_passes_at_once_send_each_message_once() {
    const MESSAGES: usize = 40;
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners { stall: Some(Stage::Mail), ..Manners::default() });
        let world = world_on(database, &sink);
        let compose = "for n in $(seq 20); do \"$0\" email compose --to d@example.org --subject x --text x --queue || exit; done";
        let outputs: Vec<Done> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..MESSAGES / 20)
                .map(|_| {
                    scope.spawn(|| {
                        let command = world.command(&[]);
                        let mut shell = Command::new("/bin/sh");
                        shell.args(["-c", compose]).arg(command.get_program()).env_clear();
                        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
                        Done::of(&mut shell, "")
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        outputs.into_iter().for_each(|output| drop(output.ok()));
        assert_eq!(in_state(&world, "queued"), MESSAGES);
        std::thread::scope(|scope| {
            let passes: Vec<_> = (0..4).map(|_| scope.spawn(|| world.run(&["send"]))).collect();
            // The first one waits until another is at work, too.
            sink.await_stall();
            let deadline = Instant::now() + Duration::from_secs(30);
            while sink.count("DATA") == 0 && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            sink.resume();
            passes.into_iter().for_each(|pass| assert_eq!(pass.join().unwrap().ok(), ""));
        });
        assert!(sink.count("EHLO") > 1, "the passes were at work together");
        assert_eq!((in_state(&world, "sent"), sink.taken().len(), distinct_ids(&sink).len()), (MESSAGES, MESSAGES, MESSAGES));
    }
}

#[test]
fn send_6_what_was_claimed_together_and_not_begun_is_given_back_as_it_was() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners { per_connection: 4, ..Manners::default() });
        let world = world_on(database, &sink);
        let queued: Vec<Value> = (0..8).map(|_| compose(&world, &["--to", "dora@example.org", "--queue"])).collect();
        let shown = |at: usize| outbox(&world, &queued[at]["outbox"]);
        let before: Vec<Value> = (5..8).map(shown).collect();
        let said = world.run(&["send"]).fails(69);
        assert!(said.contains("421 4.7.0 your token has ended"), "{said}");
        assert_eq!((in_state(&world, "sent"), in_state(&world, "queued"), sink.taken().len()), (4, 4, 4), "{database}");
        assert_eq!((&shown(4)["attempts"], &shown(4)["due_at"]), (&1.into(), &"2026-11-23T10:01:00Z".into()), "{database}");
        assert_eq!((5..8).map(shown).collect::<Vec<_>>(), before, "{database}: nobody has tried them");
    }
}

#[test]
fn send_6_a_server_that_is_down_or_closes_at_any_step_gets_the_message_later() {
    let fine = Manners::default;
    let closing = Some("421 4.3.2 closing");
    for (what, manners) in [
        ("greeting", Manners { greeting: closing, ..fine() }),
        ("EHLO", Manners { ehlo: closing, ..fine() }),
        ("AUTH", Manners { auth: vec![closing], ..fine() }),
        ("MAIL", Manners { mail: closing, ..fine() }),
        ("RCPT", Manners { recipients: vec![("dora", closing)], ..fine() }),
        ("DATA", Manners { data: closing, ..fine() }),
        ("dot", Manners { dot: closing, ..fine() }),
        ("RSET", Manners { recipients: vec![("dora", Some("450 4.2.1 later"))], rset: closing, ..fine() }),
        ("RSET hangs up", Manners { recipients: vec![("dora", Some("450 4.2.1 later"))], rset: None, ..fine() }),
    ] {
        let sink = SmtpSink::start(manners);
        let mut world = world_on("sqlite", &sink);
        let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let first = world.run(&["send"]);
        let shown = outbox(&world, &queued["outbox"]);
        assert_eq!((shown["state"].as_str(), shown["due_at"].as_str()), (Some("queued"), Some("2026-11-23T10:01:00Z")), "{what}");
        assert!(first.stderr.lines().count() <= 1, "{what}: {}", first.stderr);
        let good = SmtpSink::start(fine());
        set(&world, &good);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:01:00Z");
        assert_eq!(world.run(&["send"]).status, Some(0));
        assert_eq!((outbox(&world, &queued["outbox"])["state"].as_str(), good.taken().len()), (Some("sent"), 1), "{what}");
    }
    // Nobody listens.
    let port = crate::support::ports::free_port();
    let sink = SmtpSink::start(fine());
    let world = world_on("sqlite", &sink);
    world.run(&["account", "set", "support", "--smtp-port", &port.to_string()]).ok();
    let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
    let line = world.run(&["send"]).fails(69);
    assert!(line.contains("account support: cannot connect to 127.0.0.1:"), "{line}");
    assert_eq!(outbox(&world, &queued["outbox"])["state"], "queued");
}
