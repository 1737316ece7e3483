//! SEND-6, SEND-8: what people do with messages on their way, and what follows from what became of them.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{compose, outbox, set, world_on};
use crate::support::smtp::{Manners, SmtpSink, Stage};
use crate::support::world::{Done, World};

const BOTH: [&str; 2] = ["sqlite", "postgresql"];

fn verb(world: &World, verb: &str, message: &Value) -> Done {
    world.run(&["outbox", verb, &message["outbox"].to_string()])
}

fn heard(world: &World, user: &str) -> Vec<Value> {
    world.json(&["notification", "list", "--user", user])["items"].as_array().unwrap().clone()
}

/// Lets ada send through every shared group account, and read everything.
fn let_ada_send(world: &World) {
    world.run(&["role", "add", "agents"]).ok();
    world.run(&["role", "grant", "agents", "group-account", "use", "all"]).ok();
    for scope in ["case", "email"] {
        world.run(&["role", "grant", "agents", scope, "read", "all"]).ok();
    }
    world.run(&["role", "give", "agents", "--user", "ada"]).ok();
}

#[test]
fn send_1_a_draft_goes_out_when_it_is_released_and_scheduled_mail_at_its_time() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        let draft = compose(&world, &["--to", "dora@example.org", "--draft"]);
        let later = compose(&world, &["--to", "dora@example.org", "--at", "2026-12-24T09:00:00Z"]);
        world.run(&["send"]).ok();
        assert!(sink.taken().is_empty(), "{database}");
        for wrong in ["retry", "hold", "mark-sent"] {
            assert!(verb(&world, wrong, &draft).fails(65).contains("is draft"), "{database}: {wrong}");
        }
        verb(&world, "release", &draft).ok();
        verb(&world, "hold", &later).ok();
        verb(&world, "release", &later).ok();
        world.run(&["send"]).ok();
        assert_eq!((sink.taken().len(), outbox(&world, &draft["outbox"])["state"].clone()), (1, json!("sent")), "{database}");
        assert_eq!(outbox(&world, &later["outbox"])["due_at"], "2026-12-24T09:00:00Z", "its time stays");
        verb(&world, "hold", &later).ok();
        world.set("ESPOMAIL_NOW", "2026-12-24T09:00:00Z");
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 1, "what is held is held");
        verb(&world, "release", &later).ok();
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 2);
    }
}

#[test]
fn send_1_a_pass_sends_so_many_and_leaves_the_rest() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let port = sink.port.to_string();
        let add = ["account", "add", "sales", "--address", "sales@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
        let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--shared"];
        world.run_with(&[&add[..], &smtp].concat(), "x").ok();
        for from in ["support@example.com", "sales@example.com", "sales@example.com"] {
            compose(&world, &["--to", "dora@example.org", "--queue", "--from", from]);
        }
        for (limit, taken) in [("2", 2), ("2", 3), ("2", 3)] {
            world.run(&["send", "--limit", limit]).ok();
            assert_eq!(sink.taken().len(), taken, "{database}");
        }
    }
}

#[test]
fn send_2_what_waits_for_an_account_that_is_switched_off_waits() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        compose(&world, &["--to", "dora@example.org", "--queue"]);
        world.run(&["account", "disable", "support"]).ok();
        assert_eq!(world.run(&["send"]).ok(), "");
        assert!(sink.taken().is_empty(), "{database}");
        world.run(&["account", "enable", "support"]).ok();
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 1);
    }
}

#[test]
fn send_3_a_right_that_is_gone_sends_nothing_that_was_written_under_it() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let_ada_send(&world);
        let write = || compose(&world, &["--as", "ada", "--to", "dora@example.org", "--queue"]);
        let (queued, draft) = (write(), compose(&world, &["--as", "ada", "--to", "dora@example.org", "--draft"]));
        world.run(&["role", "take", "agents", "--user", "ada"]).ok();
        verb(&world, "release", &draft).ok();
        let done = world.run(&["send"]);
        assert_eq!((done.status, done.stderr.lines().count()), (Some(77), 2), "{database}: {}", done.stderr);
        let because = "SEND-3: ada, who wrote it, may not send as <support@example.com> any more";
        assert!(done.stderr.contains(because) && done.stderr.contains("outbox release 1"), "{}", done.stderr);
        assert_eq!(outbox(&world, &queued["outbox"])["held_because"], because);
        assert_eq!(world.run(&["send"]).ok(), "", "it is said once");
        // Given back and released it goes; a user who is switched off sends nothing.
        world.run(&["role", "give", "agents", "--user", "ada"]).ok();
        verb(&world, "release", &queued).ok();
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 1);
        world.run(&["user", "set", "ada", "--active", "false"]).ok();
        verb(&world, "release", &draft).ok();
        assert!(world.run(&["send"]).fails(77).contains("ada, who wrote it, is not active any more"));
        // Who is removed leaves it to an administrator.
        world.run(&["user", "remove", "ada"]).ok();
        assert_eq!(world.run(&["send"]).ok(), "");
        assert_eq!(outbox(&world, &draft["outbox"])["held_because"], "ada, who wrote it, was removed");
        assert_eq!(sink.taken().len(), 1);
    }
}

#[test]
fn send_6_a_pass_that_was_given_up_for_dead_too_early_neither_doubles_nor_hides() {
    for database in BOTH {
        for (stage, second, state) in [(Stage::Recipient, 0, "sent"), (Stage::Dot, 75, "maybe-sent")] {
            let sink = SmtpSink::start(Manners { stall: Some(stage), ..Manners::default() });
            let world = world_on(database, &sink);
            let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
            let mut first = world.command(&["send"]);
            let first = first.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            sink.await_stall();
            world.sql("UPDATE outbox SET lease_until = 0");
            assert_eq!(world.run(&["send"]).status, Some(second), "{database} {stage:?}");
            assert_eq!(outbox(&world, &queued["outbox"])["state"], state, "{database} {stage:?}");
            sink.resume();
            let first = first.wait_with_output().unwrap();
            let said = String::from_utf8(first.stderr).unwrap();
            // Before the mark it leaves the message alone; behind it, it is the one who knows.
            let (status, words) = if second == 0 { (75, "another pass took it over") } else { (0, "") };
            assert!(first.status.code() == Some(status) && said.contains(words), "{database} {stage:?}: {said}");
            assert_eq!(outbox(&world, &queued["outbox"])["state"], "sent", "{database} {stage:?}");
            let _ = world.run(&["send"]);
            assert_eq!(sink.taken().len(), 1, "{database} {stage:?}");
        }
    }
}

#[test]
fn send_6_a_reply_whose_answer_was_lost_may_be_repeated_where_that_is_wanted() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners { dot: None, ..Manners::default() });
        let mut world = world_on(database, &sink);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[send]\nrepeat-replies = true\n"), 0o600);
        let question =
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: x\r\nMessage-ID: <a@example.org>\r\n\r\nHi\r\n";
        world.run_with(&["deliver", "--account", "support"], question).ok();
        let reply = world.json(&["email", "reply", "<a@example.org>", "--text", "Yes.", "--queue"]);
        let other = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let states = |world: &World| [&reply, &other].map(|one| outbox(world, &one["outbox"])["state"].clone());
        for (minute, repeated) in [(0, "queued"), (1, "queued"), (3, "maybe-sent")] {
            world.set("ESPOMAIL_NOW", &format!("2026-11-23T10:0{minute}:00Z"));
            let _ = world.run(&["send"]);
            assert_eq!(states(&world), [repeated, "maybe-sent"], "{database} {minute}");
        }
        let taken = sink.taken();
        assert_eq!(taken.len(), 4, "three times, and the other one once");
        let ids = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).lines().find(|line| line.starts_with("Message-ID:")).map(str::to_string)
        };
        let replies: Vec<_> = taken.iter().filter(|one| one.bytes.windows(4).any(|some| some == b"Yes.")).collect();
        assert!(replies.iter().all(|one| ids(&one.bytes) == ids(&replies[0].bytes)) && replies.len() == 3);
        // A person's word goes with the same Message-ID, too.
        let good = SmtpSink::start(Manners::default());
        set(&world, &good);
        verb(&world, "retry", &reply).ok();
        world.run(&["send"]).ok();
        assert_eq!(ids(&good.taken()[0].bytes), ids(&replies[0].bytes));
        assert_eq!(states(&world), ["sent", "maybe-sent"]);
    }
}

#[test]
fn send_8_what_was_sent_after_all_has_what_follows_once() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners { dot: None, ..Manners::default() });
        let world = world_on(database, &sink);
        world.run(&["case", "create", "Pump"]).ok();
        let question =
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: x\r\nMessage-ID: <a@example.org>\r\n\r\nHi\r\n";
        world.run_with(&["deliver", "--account", "support"], question).ok();
        world.run(&["email", "link", "<a@example.org>", "case:1"]).ok();
        let reply = ["email", "reply", "<a@example.org>", "--text", "Yes.", "--queue", "--cc", "ada@example.com"];
        let reply = world.json(&reply);
        let sent_notes = || world.json(&["case", "show", "1"]).to_string().matches("email-sent").count();
        let is_replied = || world.json(&["email", "show", "<a@example.org>"])["is_replied"].clone();
        world.run(&["send"]).fails(75);
        assert_eq!((sent_notes(), is_replied(), heard(&world, "ada").len()), (0, json!(false), 0), "{database}");
        verb(&world, "mark-sent", &reply).ok();
        assert_eq!((sent_notes(), is_replied(), heard(&world, "ada").len()), (1, json!(true), 1), "{database}");
    }
}

#[test]
fn send_8_who_is_in_bcc_has_it_in_the_inbox_and_hears_of_it() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let sent = compose(&world, &["--to", "dora@example.org", "--bcc", "ada@example.com"]);
        let shown = world.json(&["email", "show", &sent["email"].to_string()]);
        assert_eq!((&shown["users"][0]["login"], heard(&world, "ada").len()), (&json!("ada"), 1), "{database}: {shown}");
        assert!(!String::from_utf8_lossy(&sink.taken()[0].bytes).contains("ada@"), "SEND-4");
    }
}

#[test]
fn send_8_what_follows_does_not_wait_for_the_last_recipient_and_each_failure_is_told() {
    for database in BOTH {
        let recipients = vec![("eve", Some("550 5.1.1 nobody")), ("later", Some("450 4.2.1 greylisted"))];
        let sink = SmtpSink::start(Manners { recipients, ..Manners::default() });
        let mut world = world_on(database, &sink);
        let_ada_send(&world);
        world.run(&["case", "create", "Pump"]).ok();
        let to = ["--to", "dora@example.org", "--cc", "eve@example.org", "--cc", "later@example.org", "--parent", "case:1"];
        let sent = compose(&world, &[&["--as", "ada"][..], &to].concat());
        assert_eq!(sent["state"], "queued", "{database}");
        let sent_notes = |world: &World| world.json(&["case", "show", "1"]).to_string().matches("email-sent").count();
        assert_eq!(sent_notes(&world), 1, "one has it");
        assert!(heard(&world, "ada")[0]["detail"].as_str().unwrap().contains("eve@example.org: nobody"));
        let shown = outbox(&world, &sent["outbox"]);
        let of_eve = shown["recipients"].as_array().unwrap().iter().find(|one| one["address"] == "eve@example.org").unwrap();
        assert_eq!((&of_eve["code"], &of_eve["status"]), (&json!(550), &json!("5.1.1")), "{shown}");
        let line = verb(&world, "drop", &sent).fails(65);
        assert!(line.contains("has reached some of its recipients"), "{line}");
        let line = world.run(&["email", "delete", &sent["email"].to_string()]).fails(65);
        assert!(line.contains("which is queued"), "{line}");
        // The other one fails, too, five days later; it is said, and the stream says nothing twice.
        let no_more = SmtpSink::start(Manners { recipients: vec![("later", Some("550 5.2.1 gone"))], ..Manners::default() });
        set(&world, &no_more);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:01:00Z");
        world.run(&["send"]).ok();
        assert_eq!(outbox(&world, &sent["outbox"])["state"], "sent");
        let told = heard(&world, "ada");
        assert!(told.len() == 1 && told[0]["detail"].as_str().unwrap().contains("later@example.org: gone"), "{told:?}");
        assert_eq!((sent_notes(&world), no_more.taken().len()), (1, 0), "{database}");
    }
}

#[test]
fn send_6_a_user_whose_own_account_has_messages_on_their_way_is_not_removed() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}internal-hosts = [\"127.0.0.1\"]\n"), 0o600);
    let port = sink.port.to_string();
    let add = ["account", "add", "ada", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "127.0.0.1"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--password-stdin"];
    world.run_with(&[&add[..], &smtp].concat(), "x").ok();
    let queued = compose(&world, &["--as", "ada", "--to", "dora@example.org", "--queue"]);
    assert!(world.run(&["user", "remove", "ada"]).fails(65).contains("1 messages of the outbox go out through account ada"));
    verb(&world, "drop", &queued).ok();
    world.run(&["user", "remove", "ada"]).ok();
}

#[test]
fn send_6_a_message_is_queued_whatever_keeps_it_from_being_tried_at_once() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let config = std::fs::read_to_string(world.config()).unwrap();
    let dkim = "[send.dkim]\n\"example.com\" = { selector = \"desk\", key-file = \"missing.pem\" }\n";
    world.write(&world.config(), &format!("{config}\n{dkim}"), 0o600);
    let done = world.run(&["email", "compose", "--to", "dora@example.org", "--subject", "x", "--text", "x"]);
    assert!(done.status != Some(0) && done.stdout.contains("E-mail 1 is queued: message 1 of the outbox."), "{done:?}");
    world.write(&world.config(), &config, 0o600);
    world.run(&["send"]).ok();
    assert_eq!(sink.taken().len(), 1);
}

#[test]
fn send_1_the_text_comes_from_a_file_from_standard_input_or_from_an_editor_and_is_not_nothing_by_mistake() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let write = ["email", "compose", "--to", "dora@example.org", "--subject", "x"];
    let with = |more: &[&str], input: &str| world.run_with(&[&write[..], more].concat(), input);
    world.write(&world.path("letter.txt"), "From a file.\n", 0o600);
    with(&["--file", "letter.txt"], "").ok();
    with(&[], "From standard input.\n").ok();
    with(&["--file", "-"], "By name.\n").ok();
    with(&["--text", ""], "").ok();
    let texts: Vec<String> = sink.taken().iter().map(|one| String::from_utf8_lossy(&one.bytes).into_owned()).collect();
    for (text, words) in texts.iter().zip(["From a file.", "From standard input.", "By name."]) {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(texts.len(), 4);
    for nothing in ["", " \n\n"] {
        let line = with(&[], nothing).fails(65);
        assert!(line.contains("there is no text on standard input; to send none, say so: --text ''"), "{line}");
    }
    assert!(with(&["--file", "nowhere.txt"], "").fails(65).contains("nowhere.txt"));
    assert_eq!(sink.taken().len(), 4);
}
