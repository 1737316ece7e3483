//! Commands that hear of events (HOOK-1): rows of the same transaction, run behind passes, never in the way of mail. Through
//! the real binary, on both databases.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with an account that makes cases and may answer nobody, and a command for every event that writes down what it hears.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let port = sink.port.to_string();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", "1"];
    let more = ["--imap-security", "plain", "--password-stdin", "--make-cases", "--shared"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
    world.run_with(&[&add[..], &more, &smtp].concat(), "hunter2\n").ok();
    world.run_with(&["template", "add", "ack", "--subject", "We have got it", "--file", "-"], "It is here.").ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    world
}

fn configure(world: &World, script: &str) {
    let config = std::fs::read_to_string(world.config()).unwrap();
    let config = config.split("\n[budgets.answers]").next().unwrap();
    let events = ["email-imported", "case-created", "answer-held", "message-undelivered", "account-failing"];
    let lines: String =
        events.iter().map(|event| format!("{event} = [\"/bin/sh\", \"-c\", '''{script}''', \"{event}\"]\n")).collect();
    let text = format!("{config}\n[budgets.answers]\nper-address = [1, 1]\n[hooks]\ntimeout = 1\n{lines}");
    world.write(&world.config(), &text, 0o600);
}

fn deliver(world: &World, id: &str) {
    let mail = format!(
        "From: dora@example.org\r\nTo: support@example.com\r\nSubject: $(touch /tmp/x) {id}\r\nMessage-ID: <{id}@example.org>\r\n\r\nIt leaks.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &mail).ok();
}

/// What the commands heard, by event.
fn heard(world: &World) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(world.path("heard")).unwrap_or_default();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.map(|one| (one["event"].as_str().unwrap().to_string(), one)).collect()
}

#[test]
fn hook_1_commands_hear_of_events_once_they_are_stored() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners {
            recipients: vec![("nobody@", Some("550 5.1.1 There is nobody\u{1b}[31m of that name"))],
            ..Manners::default()
        });
        let mut world = world_on(database, &sink);
        deliver(&world, "before");
        world.run(&["send"]).ok();
        let all = "cat >> HEARD; test $0 != answer-held || env | cut -d= -f1 | sort > ENV";
        let all = all.replace("HEARD", world.path("heard").to_str().unwrap()).replace("ENV", world.path("env").to_str().unwrap());
        configure(&world, &all);
        world.run(&["send"]).ok();
        assert_eq!(heard(&world), BTreeMap::new(), "{database}: what was before is no event");

        deliver(&world, "first");
        assert_eq!(heard(&world), BTreeMap::new(), "{database}: mail does not wait for them");
        world.run(&["send"]).ok();
        let said = heard(&world);
        assert_eq!(said.keys().collect::<Vec<_>>(), ["answer-held", "case-created", "email-imported"], "{database}");
        let case = &said["case-created"];
        assert_eq!((&case["record"], &case["account"]), (&json!("case:2"), &json!("support")));
        assert_eq!(case["email"], said["email-imported"]["email"]);
        assert_eq!((&case["from"]["address"], &case["attempt"]), (&json!("dora@example.org"), &json!(1)));
        assert_eq!(said["email-imported"]["subject"], "$(touch /tmp/x) first");
        assert!(said["answer-held"]["because"].as_str().unwrap().starts_with("ACK-3: "), "{said:?}");
        let variables = std::fs::read_to_string(world.path("env")).unwrap();
        assert!(!variables.contains("ESPOMAIL") && variables.contains("PATH"), "{variables}");
        // What does not arrive, and an account that fails for long enough.
        world.run(&["email", "compose", "--to", "nobody@example.net", "--subject", "X", "--text", "Words", "--queue"]).ok();
        world.run(&["send"]).fails(65);
        world.run(&["fetch"]).fails(69);
        world.set("ESPOMAIL_NOW", "2026-11-23T12:00:00Z");
        assert_eq!(world.run(&["fetch"]).status, Some(69));
        let said = heard(&world);
        assert_eq!(said["message-undelivered"]["state"], "failed", "{said:?}");
        let failing = &said["account-failing"];
        assert_eq!(
            (&failing["account"], &failing["doing"], &failing["email"]),
            (&json!("support"), &json!("fetch"), &Value::Null)
        );

        // One that takes too long is killed and tried again, and no mail waits for it.
        configure(&world, "test $0 != case-created || sleep 60");
        deliver(&world, "second");
        world.run(&["send"]).ok();
        let status = world.json(&["status"]);
        assert_eq!(status["effects_due"], 0, "{database}: it rests: {status}");
        world.set("ESPOMAIL_NOW", "2026-11-23T12:02:00Z");
        configure(&world, &all);
        world.run(&["send"]).ok();
        let case = &heard(&world)["case-created"];
        assert_eq!((&case["record"], &case["attempt"]), (&json!("case:3"), &json!(2)), "{database}");
        // Of what nobody wants to hear there is no row.
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), config.split("\n[hooks]").next().unwrap(), 0o600);
        world.run(&["send"]).ok();
        std::fs::remove_file(world.path("heard")).unwrap();
        deliver(&world, "third");
        world.run(&["send"]).ok();
        assert_eq!((heard(&world), &world.json(&["status"])["effects_due"]), (BTreeMap::new(), &json!(0)), "{database}");
    }
}
