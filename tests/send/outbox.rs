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
        assert!(
            world.run(&["email", "show", "1"]).ok().contains("message 1 of the outbox is draft"),
            "nobody takes it for an answer"
        );
        for wrong in ["retry", "hold", "mark-sent"] {
            assert!(verb(&world, wrong, &draft).fails(65).contains("is draft"), "{database}: {wrong}");
        }
        verb(&world, "release", &draft).ok();
        verb(&world, "hold", &later).ok();
        verb(&world, "release", &later).ok();
        world.run(&["send"]).ok();
        assert_eq!((sink.taken().len(), outbox(&world, &draft["outbox"])["state"].clone()), (1, json!("sent")), "{database}");
        assert_eq!(outbox(&world, &later["outbox"])["due_at"], "2026-12-24T09:00:00Z", "its time stays");
        assert!(!world.run(&["email", "show", "1"]).ok().contains("of the outbox"), "it is sent");
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
fn send_1_a_draft_and_what_is_scheduled_is_listed_and_written_anew() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        let picture = world.path("plan.txt");
        world.write(&picture, "The plan.", 0o600);
        let draft = compose(
            &world,
            &["--to", "Dora <dora@example.org>", "--bcc", "boss@example.com", "--attach", picture.to_str().unwrap(), "--draft"],
        );
        let later = compose(&world, &["--to", "dora@example.org", "--at", "2h"]);
        let ids = |world: &World, flags: &[&str]| {
            let list = world.json(&[&["email", "list"], flags].concat());
            list["items"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        let number = |one: &Value| one["email"].as_i64().unwrap();
        assert_eq!(ids(&world, &["--drafts"]), [number(&draft)], "{database}");
        assert_eq!(ids(&world, &["--scheduled"]), [number(&later)]);
        assert_eq!(ids(&world, &["--drafts", "--scheduled"]), [number(&later), number(&draft)]);
        // What is not given stays: recipients, the hidden one, the file.
        let edit = |world: &World, of: &Value, more: &[&str]| {
            let email = number(of).to_string();
            world.json(&[&["email", "edit", &email], more].concat())
        };
        let second = edit(&world, &draft, &["--subject", "The plan", "--text", "Here it is."]);
        assert_eq!((&second["state"], ids(&world, &["--drafts"])), (&json!("draft"), vec![number(&second)]));
        let third = edit(&world, &second, &["--cc", "carl@example.org"]);
        let shown = world.json(&["email", "show", &number(&third).to_string()]);
        assert_eq!((&shown["subject"], &shown["to"][0]["name"]), (&json!("The plan"), &json!("Dora")));
        assert_eq!(
            (shown["text"].as_str().unwrap().trim_end(), &shown["attachments"][0]["name"]),
            ("Here it is.", &json!("plan.txt"))
        );
        let to = |of: &Value| {
            let recipients = outbox(&world, &of["outbox"])["recipients"].clone();
            recipients.as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(to(&third), ["boss@example.com", "carl@example.org", "dora@example.org"]);
        let fourth = edit(&world, &third, &["--bcc", "", "--detach", "plan.txt", "--at", "1h"]);
        assert_eq!(
            (to(&fourth), &fourth["state"]),
            (vec!["carl@example.org".to_string(), "dora@example.org".into()], &json!("queued"))
        );
        assert_eq!(ids(&world, &["--scheduled"]), [number(&fourth), number(&later)]);
        assert_eq!(world.json(&["email", "show", &number(&fourth).to_string()])["attachments"], json!([]));
        assert!(world.run(&["email", "edit", &number(&fourth).to_string()]).fails(64).contains("say what to change"));
        assert!(world.run(&["email", "edit", &number(&fourth).to_string(), "--detach", "x"]).fails(65).contains("no attachment"));
        // A held one stays held; of one that left there is nothing to change.
        verb(&world, "hold", &fourth).ok();
        let fifth = edit(&world, &fourth, &["--subject", "The last plan"]);
        assert!(outbox(&world, &fifth["outbox"])["held_because"].is_string());
        verb(&world, "release", &fifth).ok();
        world.set("ESPOMAIL_NOW", "2026-11-23T11:00:01Z");
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 1, "{database}: what was edited left once, in its last form");
        assert!(String::from_utf8_lossy(&sink.taken()[0].bytes).contains("Subject: The last plan"));
        assert!(world.run(&["email", "edit", &number(&fifth).to_string(), "--subject", "x"]).fails(65).contains("is no draft"));
        assert!(world.run(&["email", "show", &number(&draft).to_string()]).fails(65).contains("no e-mail"));
    }
}

#[test]
fn send_1_what_a_person_writes_can_be_called_back_within_the_delay() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[send]\ndelay = \"30s\"\n"), 0o600);
        let shown = world.run(&["email", "compose", "--to", "dora@example.org", "--subject", "x", "--text", "x"]).ok();
        assert!(shown.contains("goes out at 2026-11-23T10:00:30Z") && shown.contains("outbox drop 1"), "{shown}");
        let kept = compose(&world, &["--to", "dora@example.org"]);
        world.run(&["send"]).ok();
        assert!(sink.taken().is_empty(), "{database}");
        world.run(&["outbox", "drop", "1"]).ok();
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:30Z");
        world.run(&["send"]).ok();
        assert_eq!((sink.taken().len(), outbox(&world, &kept["outbox"])["state"].clone()), (1, json!("sent")));
        world.write(&world.config(), &format!("{config}\n[send]\ndelay = \"soon\"\n"), 0o600);
        assert!(world.run(&["send"]).fails(78).contains("\"soon\" is no length of time"));
    }
}

#[test]
fn send_1_a_time_to_come_is_read_as_one() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    for (at, due) in [
        ("10m", "2026-11-23T10:10:00Z"),
        ("2h", "2026-11-23T12:00:00Z"),
        ("3d", "2026-11-26T10:00:00Z"),
        ("2026-12-24", "2026-12-24T00:00:00Z"),
    ] {
        let later = compose(&world, &["--to", "dora@example.org", "--at", at]);
        assert_eq!((&later["state"], &outbox(&world, &later["outbox"])["due_at"]), (&json!("queued"), &json!(due)), "{at}");
    }
    for past in ["2020-12-24T09:00:00Z", "today", "tomorrow"] {
        let done = world.run(&["email", "compose", "--to", "d@example.org", "--subject", "x", "--text", "x", "--at", past]);
        assert!(done.fails(64).contains("is no time to come"), "{past}");
    }
    assert!(sink.taken().is_empty());
}

#[test]
fn fetch_12_a_server_for_sending_that_fails_is_said_at_once_and_hourly_rests_and_is_told() {
    for database in BOTH {
        let down = SmtpSink::start(Manners { greeting: None, ..Manners::default() });
        let mut world = world_on(database, &down);
        world.run(&["user", "set", "ada", "--administrator", "true"]).ok();
        let mut said = Vec::new();
        for minute in 0..=70 {
            let now = format!("2026-11-23T{}:{:02}:00Z", 10 + minute / 60, minute % 60);
            world.set("ESPOMAIL_NOW", &now);
            compose(&world, &["--to", "dora@example.org", "--queue"]);
            let done = world.run(&["send"]);
            if !done.stderr.is_empty() {
                assert!(
                    done.status == Some(69) && done.stderr.contains("account support: the server closed the connection"),
                    "{}",
                    done.stderr
                );
                said.push(minute);
            }
        }
        assert_eq!(said, [0, 63], "{database}: at once, and with the first attempt behind the hour");
        let attempts = down.connections();
        assert_eq!(attempts, 7, "{database}: it rests 1, 2, 4 … minutes");
        let told: Vec<String> = heard(&world, "ada").iter().map(|one| one["detail"].as_str().unwrap().to_string()).collect();
        assert!(told.len() == 1 && told[0].contains("account support cannot send since 2026-11-23T10:00:00Z"), "{told:?}");
        assert!(world.run(&["account", "list"]).ok().contains("cannot send for 70 min"));
        assert!(world.run(&["account", "show", "support"]).ok().contains("cannot send:"));
        // A changed setting ends the rest.
        let up = SmtpSink::start(Manners::default());
        set(&world, &up);
        world.set("ESPOMAIL_NOW", "2026-11-23T11:11:00Z");
        let done = world.run(&["-v", "send", "--limit", "1000"]);
        assert!(
            done.status == Some(0) && done.stderr == "espomail: account support: sends again\n",
            "{database}: {}",
            done.stdout
        );
        assert!(up.taken().len() > 60 && heard(&world, "ada").len() == 2, "{}", up.taken().len());
        assert_eq!(world.run(&["send"]).ok(), "");
    }
}

#[test]
fn send_6_somebody_hears_of_what_failed_and_of_what_nobody_knows() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners { dot: None, ..Manners::default() });
        let world = world_on(database, &sink);
        let_ada_send(&world);
        let doubtful = compose(&world, &["--as", "ada", "--to", "dora@example.org", "--queue"]);
        world.run(&["send"]).fails(75);
        assert!(heard(&world, "ada")[0]["detail"].as_str().unwrap().contains("it may have been sent"), "{database}");
        let line = verb(&world, "drop", &doubtful).fails(65);
        assert!(line.contains("so its e-mail stays; say what is true: espomail outbox mark-sent"), "{line}");
        // The service account is no user, and reads what cron prints.
        let refusing = SmtpSink::start(Manners { mail: Some("553 5.7.1 not yours"), ..Manners::default() });
        set(&world, &refusing);
        compose(&world, &["--to", "dora@example.org", "--queue"]);
        let done = world.run(&["send"]);
        let line = "espomail: message 2 of the outbox failed: dora@example.org: the server refuses the sender";
        assert!(done.status == Some(65) && done.stderr.starts_with(line), "{done:?}");
        assert_eq!(world.run(&["send"]).ok(), "");
    }
}

#[test]
fn send_1_html_alone_is_readable_as_text_and_what_an_editor_wrote_is_kept_when_it_fails() {
    let sink = SmtpSink::start(Manners::default());
    let mut world = world_on("sqlite", &sink);
    world.write(&world.path("a.html"), "<p>Dear <b>Dora</b></p>", 0o600);
    world.run(&["email", "compose", "--to", "dora@example.org", "--subject", "x", "--html", "a.html"]).ok();
    let text = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
    let plain = text.split("text/plain").nth(1).unwrap();
    assert!(plain.split("text/html").next().unwrap().contains("Dear Dora"), "{text}");
    // An editor needs a terminal, which script(1) is.
    world.write(&world.path("editor"), "#!/bin/sh\necho 'Long words.' > \"$1\"\n", 0o700);
    world.set("EDITOR", world.path("editor").to_str().unwrap());
    world.set("TMPDIR", world.path("").to_str().unwrap());
    let command = world.command(&[]);
    let line =
        format!("'{}' email compose --to dora@example.org --subject \"$(printf 'a\\nb')\"", command.get_program().display());
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env_clear().current_dir(world.path(""));
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let done = Done::of(&mut script, "");
    let place = done.stdout.split("what you wrote is in ").nth(1).unwrap_or_else(|| panic!("{done:?}"));
    let place = place.split(".txt").next().unwrap().to_string() + ".txt";
    assert_eq!(std::fs::read_to_string(place).unwrap(), "Long words.\n");
    assert_eq!(sink.taken().len(), 1);
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
        assert_eq!(
            outbox(&world, &draft["outbox"])["held_because"],
            "SEND-3: ada, who wrote it, is not active any more; ada, who wrote it, was removed"
        );
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
            let mut first = world.command(&["-o", "json", "send"]);
            let first = first.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            sink.await_stall();
            // Only of another host nobody can tell that it lives.
            world.sql("UPDATE outbox SET lease_until = 0, lease_owner = 'elsewhere/1/00000000/0/0'");
            assert_eq!(world.run(&["send"]).status, Some(second), "{database} {stage:?}");
            assert_eq!(outbox(&world, &queued["outbox"])["state"], state, "{database} {stage:?}");
            sink.resume();
            let first = first.wait_with_output().unwrap();
            let said = String::from_utf8(first.stderr).unwrap();
            // Before the mark it leaves the message alone; behind it, it is the one who knows.
            let (status, words) = if second == 0 { (75, "another pass took it over") } else { (0, "") };
            assert!(first.status.code() == Some(status) && said.contains(words), "{database} {stage:?}: {said}");
            // What it tells is how it is, not how it would be without the other.
            let told: Value = serde_json::from_slice(&first.stdout).unwrap();
            assert_eq!(told["items"][0]["state"], "sent", "{database} {stage:?}: {told}");
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
        // A server that breaks off takes nothing more in this turn, and rests.
        for (minute, wanted) in [
            (0, ["queued", "queued"]),
            (1, ["queued", "maybe-sent"]),
            (3, ["queued", "maybe-sent"]),
            (7, ["maybe-sent", "maybe-sent"]),
        ] {
            world.set("ESPOMAIL_NOW", &format!("2026-11-23T10:0{minute}:00Z"));
            let _ = world.run(&["send"]);
            assert_eq!(states(&world), wanted, "{database} {minute}");
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
        assert_eq!(world.run(&["send"]).status, Some(0));
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
        for _ in 0..2 {
            assert_eq!((sent_notes(), is_replied(), heard(&world, "ada").len()), (1, json!(true), 1), "{database}");
            world.run(&["send"]).ok();
        }
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
        let line = world.run(&["email", "delete", &sent["email"].to_string()]).fails(65);
        assert!(line.contains("which is queued"), "{line}");
        // The other one fails, too, five days later; it is said, and the stream says nothing twice.
        let no_more = SmtpSink::start(Manners { recipients: vec![("later", Some("550 5.2.1 gone"))], ..Manners::default() });
        set(&world, &no_more);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:01:00Z");
        world.run(&["send"]).ok();
        assert_eq!(outbox(&world, &sent["outbox"])["state"], "sent");
        let told = heard(&world, "ada");
        let detail = told[0]["detail"].as_str().unwrap();
        assert!(detail.contains("later@example.org: gone") && detail.contains("eve@example.org: nobody"), "{told:?}");
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((sent_notes(&world), no_more.taken().len()), (1, 0), "{database}");
    }
}

#[test]
fn send_6_what_some_have_got_is_given_up_for_the_others_by_a_persons_word() {
    for database in BOTH {
        let later = vec![("later", Some("450 4.2.1 greylisted"))];
        let sink = SmtpSink::start(Manners { recipients: later, ..Manners::default() });
        let world = world_on(database, &sink);
        let sent = compose(&world, &["--to", "dora@example.org", "--cc", "later@example.org"]);
        assert_eq!(sent["state"], "queued", "{database}");
        assert!(verb(&world, "drop", &sent).ok().contains("has reached somebody; it is given up for the others"));
        let shown = outbox(&world, &sent["outbox"]);
        let states: Vec<_> = shown["recipients"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert_eq!((shown["state"].as_str(), states), (Some("sent"), vec![json!("sent"), json!("failed")]), "{shown}");
        world.run(&["email", "show", &sent["email"].to_string()]).ok();
        world.run(&["account", "remove", "support"]).ok();
    }
}

#[test]
fn send_6_an_outcome_is_kept_whatever_became_of_its_author() {
    for database in BOTH {
        let recipients = vec![("eve", Some("550 5.1.1 nobody"))];
        let sink = SmtpSink::start(Manners { recipients, stall: Some(Stage::Dot), ..Manners::default() });
        let world = world_on(database, &sink);
        let_ada_send(&world);
        let to = ["--as", "ada", "--to", "dora@example.org", "--cc", "eve@example.org", "--queue"];
        let queued = compose(&world, &to);
        std::thread::scope(|scope| {
            let pass = scope.spawn(|| world.run(&["send"]));
            sink.await_stall();
            world.run(&["user", "remove", "ada"]).ok();
            sink.resume();
            assert_eq!(pass.join().unwrap().ok(), "", "{database}");
        });
        let shown = outbox(&world, &queued["outbox"]);
        assert_eq!((shown["state"].as_str(), &shown["held_because"]), (Some("sent"), &Value::Null), "{database}: {shown}");
    }
}

#[test]
fn send_8_a_message_of_which_nothing_can_follow_keeps_no_other() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners { stall: Some(Stage::Dot), ..Manners::default() });
        let world = world_on(database, &sink);
        world.run(&["case", "create", "Pump"]).ok();
        for to in ["broken@example.org", "dora@example.org"] {
            compose(&world, &["--to", to, "--parent", "case:1", "--queue"]);
        }
        let done = std::thread::scope(|scope| {
            let pass = scope.spawn(|| world.run(&["send"]));
            sink.await_stall();
            // While it is on its way, the disk loses what was in it.
            world.sql("UPDATE raws SET packed = packed || packed WHERE id = 1");
            sink.resume();
            pass.join().unwrap()
        });
        assert_eq!(done.stderr.lines().count(), 1, "{database}: {}", done.stderr);
        assert!(done.stderr.contains("e-mail 1 was sent, but stream and inboxes do not tell of it"), "{}", done.stderr);
        let notes = world.json(&["case", "show", "1"]).to_string().matches("email-sent").count();
        assert_eq!((sink.taken().len(), notes), (2, 1), "{database}");
        assert_eq!(world.run(&["send"]).ok(), "", "it is said once");
        // One that cannot be read before it goes out fails, and keeps no other, either.
        for to in ["broken@example.org", "dora@example.org"] {
            compose(&world, &["--to", to, "--queue"]);
        }
        world.sql("UPDATE raws SET packed = packed || packed WHERE id = 3");
        assert!(world.run(&["send"]).fails(65).contains("message 3 of the outbox failed"), "{database}");
        assert_eq!(sink.taken().len(), 3, "{database}");
    }
}

#[test]
fn send_8_who_writes_as_the_group_is_not_told_of_their_own_message() {
    for database in BOTH {
        let later = vec![("later", Some("450 4.2.1 greylisted"))];
        let sink = SmtpSink::start(Manners { recipients: later, ..Manners::default() });
        let mut world = world_on(database, &sink);
        let_ada_send(&world);
        world.run(&["case", "create", "Pump"]).ok();
        world.run(&["--as", "ada", "case", "follow", "1"]).ok();
        let to = ["--to", "dora@example.org", "--cc", "later@example.org", "--parent", "case:1"];
        compose(&world, &[&["--as", "ada"][..], &to].concat());
        assert_eq!(heard(&world, "ada"), Vec::<Value>::new(), "{database}");
        let refusing = SmtpSink::start(Manners { recipients: vec![("later", Some("550 5.2.1 gone"))], ..Manners::default() });
        set(&world, &refusing);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:01:00Z");
        world.run(&["send"]).ok();
        assert!(heard(&world, "ada")[0]["detail"].as_str().unwrap().contains("later@example.org: gone"), "{database}");
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
    assert!(world.run(&["user", "remove", "ada"]).fails(65).contains("1 message of the outbox goes out through account ada"));
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

#[test]
fn send_1_a_letter_that_another_edits_stays_its_authors() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let_ada_send(&world);
        world.run(&["user", "set", "ada", "--name", "Ada Example"]).ok();
        world.run(&["account", "set", "support", "--from-name", ""]).ok();
        world.run(&["user", "add", "boss", "--administrator"]).ok();
        let draft = compose(&world, &["--as", "ada", "--to", "dora@example.org", "--draft"]);
        let shown = |of: &Value| world.json(&["--as", "ada", "email", "show", &of["email"].to_string()]);
        let from = shown(&draft)["from"].clone();
        assert_eq!(from[0]["name"], "Ada Example", "{database}");
        let edited = world.json(&["--as", "boss", "email", "edit", &draft["email"].to_string(), "--text", "Better."]);
        let edited = world.json(&["email", "edit", &edited["email"].to_string(), "--subject", "Best"]);
        assert_eq!((&shown(&edited)["from"], &outbox(&world, &edited["outbox"])["author"]), (&from, &json!("ada")), "{database}");
        assert!(world.run(&["--as", "ada", "email", "list", "--drafts"]).ok().contains("Best"));
        let trace = world.json(&["audit", "list"])["items"].clone();
        let who: Vec<&Value> =
            trace.as_array().unwrap().iter().filter(|one| one["action"] == "email edit").map(|one| &one["user"]).collect();
        assert_eq!(who, [&Value::Null, &json!("boss")], "{database}: {trace}");
        verb(&world, "hold", &edited).fails(65);
        world.run(&["--as", "ada", "outbox", "drop", &edited["outbox"].to_string()]).ok();
    }
}

#[test]
fn link_7_an_edited_draft_stays_without_the_record_that_a_person_took_it_from() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run(&["case", "create", "Pump"]).ok();
        let question =
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: x\r\nMessage-ID: <a@example.org>\r\n\r\nHi\r\n";
        world.run_with(&["deliver", "--account", "support"], question).ok();
        world.run(&["email", "link", "1", "case:1"]).ok();
        let mut draft = world.json(&["email", "reply", "1", "--text", "Yes.", "--draft"])["email"].to_string();
        world.run(&["email", "unlink", &draft]).ok();
        for text in ["No.", "Perhaps."] {
            draft = world.json(&["email", "edit", &draft, "--text", text])["email"].to_string();
            let shown = world.json(&["email", "show", &draft]);
            assert_eq!((&shown["parent"], &shown["replied"]), (&Value::Null, &json!(1)), "{database}");
        }
    }
}

#[test]
fn send_1_a_released_draft_waits_as_everything_that_people_write() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[send]\ndelay = \"10m\"\n"), 0o600);
        let draft = compose(&world, &["--to", "dora@example.org", "--draft"]);
        let said = verb(&world, "release", &draft).ok();
        assert_eq!(said, "Message 1 is released, and goes out at 2026-11-23T10:10:00Z.\n", "{database}");
        world.run(&["send"]).ok();
        assert!(sink.taken().is_empty(), "{database}");
        // What was held meanwhile keeps its time.
        verb(&world, "hold", &draft).ok();
        verb(&world, "release", &draft).ok();
        assert_eq!(outbox(&world, &draft["outbox"])["due_at"], "2026-11-23T10:10:00Z");
    }
}

#[test]
fn send_1_edit_says_how_the_letter_stands() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let_ada_send(&world);
        let later = compose(&world, &["--to", "dora@example.org", "--at", "2h"]);
        verb(&world, "hold", &later).ok();
        let said = world.run(&["email", "edit", &later["email"].to_string(), "--subject", "Later"]).ok();
        assert!(said.ends_with("is held: message 2 of the outbox. Next: espomail outbox release 2\n"), "{database}: {said}");
        let said = world.run(&["--as", "ada", "email", "edit", "2", "--subject", "Mine"]).fails(65);
        assert!(said.contains("there is no e-mail 2"), "{database}: {said}");
        let tried = compose(&world, &["--to", "dora@example.org", "--queue"]);
        world.sql("UPDATE outbox SET attempts = 1 WHERE id = 3");
        let said = world.run(&["email", "edit", &tried["email"].to_string(), "--subject", "Again"]).fails(65);
        assert!(said.contains("was tried already") && said.contains("outbox drop 3"), "{database}: {said}");
        assert!(world.run(&["email", "edit", "--help"]).ok().contains("else what there is stays"));
    }
}

#[test]
fn send_6_a_letter_goes_out_once_more_by_a_persons_word_and_nothing_follows_twice() {
    for database in BOTH {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run(&["case", "create", "Pump"]).ok();
        let both = ["--to", "dora@example.org", "--cc", "eve@example.org"];
        let letter = compose(&world, &both);
        let email = letter["email"].to_string();
        world.run(&["email", "link", &email, "case:1"]).ok();
        let told = || {
            let stream = world.json(&["case", "show", "1"])["stream"].clone();
            stream.as_array().unwrap().iter().filter(|entry| entry["kind"] == "email-sent").count()
        };
        assert_eq!((sink.taken().len(), told()), (1, 1), "{database}");
        let resend = |more: &[&str]| world.run(&[&["email", "resend", &email], more].concat());
        let line = resend(&["--to", "vera@example.org"]).fails(65);
        assert!(line.contains("did not go to vera@example.org, but to dora@example.org, eve@example.org"), "{line}");
        assert!(resend(&["--dry-run"]).ok().contains("Nothing was changed."));
        // One that is taken back is what it was.
        resend(&[]).ok();
        verb(&world, "drop", &letter).ok();
        assert_eq!(outbox(&world, &letter["outbox"])["state"], "sent", "{database}");
        let said = resend(&["--to", "Eve@example.org"]).ok();
        assert!(
            said.contains(&format!("E-mail {email} goes out once more to eve@example.org (message 1 of the outbox)")),
            "{said}"
        );
        assert!(resend(&[]).fails(65).contains("message 1 of the outbox is queued"));
        world.run(&["send"]).ok();
        let taken = sink.taken();
        assert_eq!((taken.len(), taken[1].to.clone()), (2, vec!["<eve@example.org>".to_string()]), "{database}");
        assert_eq!(taken[0].bytes, taken[1].bytes, "the same bytes");
        // Also to all, of whom everybody has it: what follows from it has followed.
        resend(&[]).ok();
        world.run(&["send"]).ok();
        assert_eq!((sink.taken().len(), told()), (3, 1), "{database}");
        let sent = outbox(&world, &letter["outbox"]);
        assert_eq!(sent["state"], "sent");
        // Nobody has it, as far as the server says: it failed, whatever somebody had marked; until that is taken back.
        let refusing =
            SmtpSink::start(Manners { recipients: vec![("example", Some("550 5.1.1 no such user"))], ..Manners::default() });
        set(&world, &refusing);
        resend(&["--to", "dora@example.org"]).ok();
        world.run(&["send"]).ok();
        let states = || {
            let shown = outbox(&world, &letter["outbox"]);
            let of = |one: &Value| json!([one["address"], one["state"], one["code"]]);
            (
                shown["state"].clone(),
                shown["recipients"].as_array().unwrap().iter().map(of).collect::<Value>(),
                shown["sent_at"].clone(),
            )
        };
        let eve = json!(["eve@example.org", "sent", 250]);
        assert_eq!(states().1, json!([["dora@example.org", "failed", 550], eve]), "{database}");
        assert_eq!(states().0, "sent", "eve has it");
        // One that had been refused is so again where the letter does not go out.
        resend(&[]).ok();
        verb(&world, "drop", &letter).ok();
        assert_eq!(states().1, json!([["dora@example.org", "failed", 550], eve]), "{database}");
        resend(&[]).ok();
        world.run(&["send"]).fails(65);
        assert_eq!(states().0, "failed", "{database}");
        assert_eq!(world.json(&["outbox", "list", "--state", "failed"])["items"].as_array().unwrap().len(), 1);
        verb(&world, "drop", &letter).ok();
        assert_eq!(
            states(),
            (
                json!("sent"),
                json!([["dora@example.org", "failed", 550], ["eve@example.org", "sent", 550]]),
                sent["sent_at"].clone()
            ),
            "{database}"
        );
        world.run(&["doctor", "--prove"]).ok();
    }
}
