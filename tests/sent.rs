//! SEND-7: copies of what was sent, against a real Dovecot, on both databases.

use serde_json::{Value, json};

use crate::support::dovecot::{self, PASSWORD};
use crate::support::imap::{ScriptedImap, Step, answer, logged_in, say};
use crate::support::ports::free_port;
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A shared group account that sends through the sink and reads from an IMAP server on this port.
fn add_support(world: &World, user: &str, port: u16, sink: &SmtpSink, more: &[&str]) {
    let (port, smtp_port) = (port.to_string(), sink.port.to_string());
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port];
    let imap = ["--imap-security", "plain", "--imap-user", user, "--password-stdin", "--fetch-since", "2026-01-01"];
    let smtp = ["--act-since", "2026-01-01", "--smtp-host", "127.0.0.1", "--smtp-port", &smtp_port, "--smtp-security", "plain"];
    world.run_with(&[&add[..], &imap, &smtp, &["--shared", "--save-sent"], more].concat(), PASSWORD).ok();
}

/// Writes a message and leaves it in the outbox, or sends it.
fn compose(world: &World, more: &[&str]) -> Value {
    let compose = ["email", "compose", "--to", "dora@example.org", "--subject", "Your pump", "--text", "It is on its way."];
    world.json(&[&compose[..], more].concat())
}

fn copy_of(world: &World, sent: &Value) -> Value {
    world.json(&["outbox", "show", &sent["outbox"].to_string()])["sent_copy"].clone()
}

/// Runs a test on both databases, each with a mail user of its own.
fn on_both(name: &str, test: impl Fn(&mut World, &str)) {
    for database in ["sqlite", "postgresql"] {
        test(&mut World::on(database), &format!("{name}-{database}"));
    }
}

#[test]
fn send_7_a_copy_is_filed_once_and_does_not_come_back_as_new() {
    on_both("send-7-once", |world, user| {
        let (server, sink) = (dovecot::server(), SmtpSink::start(Manners::default()));
        server.run(user, &["CREATE Sent"]);
        world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
        world.run(&["team", "add", "support"]).ok();
        world.run(&["team", "join", "support", "ada"]).ok();
        let cases = ["--make-cases", "--distribution", "round-robin", "--case-team", "support", "--team", "support"];
        let mailboxes = ["--mailbox", "INBOX", "--mailbox", "Sent"];
        add_support(world, user, server.port, &sink, &[&cases[..], &mailboxes].concat());
        let sent = compose(world, &["--bcc", "eve@example.org", "--queue"]);
        assert_eq!(copy_of(world, &sent), Value::Null, "it is not sent yet");
        assert_eq!(world.run(&["send"]).ok(), "");
        assert_eq!(server.ask(user, "Sent", "SEARCH SEEN"), "* SEARCH 1");
        let date = server.ask(user, "Sent", "FETCH 1 INTERNALDATE");
        assert!(date.contains("23-Nov-2026 10:00:00 +0000"), "{date}");
        let size = server.ask(user, "Sent", "FETCH 1 RFC822.SIZE");
        assert!(size.contains(&format!("RFC822.SIZE {})", sink.taken()[0].bytes.len())), "{size}: as it was sent");
        assert_eq!(server.ask(user, "Sent", "SEARCH HEADER Bcc \"\""), "* SEARCH", "SEND-4");
        assert_eq!(copy_of(world, &sent)["done_at"], "2026-11-23T10:00:00Z");
        assert_eq!(world.run(&["send"]).ok(), "");
        assert_eq!(server.ask(user, "Sent", "SEARCH ALL"), "* SEARCH 1");
        // Our own mail comes back from the server: it is known (DUP-2), nobody hears of it, and no case is opened.
        assert_eq!(world.json(&["fetch"])["items"][0]["messages"], json!({ "duplicate": 1 }));
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 1);
        assert_eq!(world.json(&["case", "list"])["items"], json!([]));
        assert_eq!(world.json(&["notification", "list", "--user", "ada"])["items"], json!([]));
        assert_eq!(sink.taken().len(), 1);
    });
}

#[test]
fn send_7_what_the_server_filed_itself_is_not_filed_again() {
    on_both("send-7-there", |world, user| {
        let (server, sink) = (dovecot::server(), SmtpSink::start(Manners::default()));
        add_support(world, user, server.port, &sink, &[]);
        let sent = compose(world, &[]);
        assert_eq!(sent["state"], "sent");
        server.append(user, "Sent", [sink.taken()[0].bytes.as_slice(), b"Message-ID: <other@example.org>\r\n\r\nanother\r\n"]);
        world.run(&["send"]).ok();
        assert_eq!(server.ask(user, "Sent", "SEARCH ALL"), "* SEARCH 1 2");
        assert!(copy_of(world, &sent)["done_at"].is_string());
    });
}

/// Kills `send` at its first step, at its second, and so on until one comes through. Every message that counts as sent has one
/// copy in the end.
fn die_at_every_step(database: &str) {
    let server = dovecot::server();
    for step in 1.. {
        let (mut world, user) = (World::on(database), format!("send-7-die-{database}-{step}"));
        let sink = SmtpSink::start(Manners::default());
        server.run(&user, &["CREATE Sent"]);
        add_support(&world, &user, server.port, &sink, &[]);
        for _ in 0..2 {
            compose(&world, &["--queue"]);
        }
        world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
        let first = world.run(&["send"]);
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
        let _ = world.run(&["send"]);
        // A claim that was left behind has run out by then.
        world.set("ESPOMAIL_NOW", "2026-11-23T12:00:00Z");
        let _ = world.run(&["send"]);
        for waiting in world.json(&["outbox", "list", "--state", "maybe-sent"])["items"].as_array().unwrap() {
            world.run(&["outbox", "mark-sent", &waiting["id"].to_string()]).ok();
        }
        world.run(&["send"]).ok();
        assert_eq!(world.json(&["outbox", "list", "--state", "sent"])["items"].as_array().unwrap().len(), 2, "step {step}");
        assert_eq!(server.ask(&user, "Sent", "SEARCH SEEN"), "* SEARCH 1 2", "step {step}: one copy of each");
        if first.status == Some(0) {
            assert!(step > 14, "{step} steps are too few to have been at work");
            return;
        }
        assert_eq!(first.status, None, "step {step}: {}", first.stderr);
    }
}

#[test]
fn send_7_a_death_at_any_step_makes_no_second_copy_and_loses_none_sqlite() {
    die_at_every_step("sqlite");
}

#[test]
fn send_7_a_death_at_any_step_makes_no_second_copy_and_loses_none_postgresql() {
    die_at_every_step("postgresql");
}

#[test]
fn send_7_without_a_sent_mailbox_the_error_names_the_option_and_the_copy_waits() {
    on_both("send-7-absent", |world, user| {
        let (server, sink) = (dovecot::server(), SmtpSink::start(Manners::default()));
        add_support(world, user, server.port, &sink, &[]);
        let line = world.run(&["account", "test", "support"]).fails(78);
        assert!(line.contains("account support: the server says of no mailbox") && line.contains("--sent-mailbox"), "{line}");
        let sent = compose(world, &["--queue"]);
        compose(world, &["--queue"]);
        let line = world.run(&["send"]).fails(78);
        assert!(line.contains("account support: e-mail 1: it was sent, but has no copy yet"), "{line}");
        assert!(line.contains("the server says of no mailbox that it is the Sent one"), "{line}");
        assert!(line.ends_with("try: espomail account set support --sent-mailbox MAILBOX"), "{line}");
        let outbox = world.json(&["outbox", "show", &sent["outbox"].to_string()]);
        assert_eq!((&outbox["state"], &outbox["sent_copy"]["due_at"]), (&json!("sent"), &json!("2026-11-23T10:01:00Z")));
        assert_eq!(world.run(&["send"]).ok(), "", "it is not due");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:02:00Z");
        let again = world.run(&["send"]);
        assert_eq!((again.status, again.stderr.as_str()), (Some(78), ""), "people have heard of it");
        assert_eq!(copy_of(world, &sent)["due_at"], "2026-11-23T10:04:00Z");
        world.run(&["account", "set", "support", "--sent-mailbox", "Gesendet/Übrig"]).ok();
        let line = world.run(&["send"]).fails(78);
        assert!(line.contains("mailbox Gesendet/Übrig does not open") && line.contains("account folders support"), "{line}");
        server.run(user, &["CREATE \"Gesendet/&ANw-brig\""]);
        world.run(&["account", "set", "support", "--sent-mailbox", "Gesendet/Übrig"]).ok();
        let told = world.run(&["account", "test", "support"]).ok();
        assert!(told.contains("Copies of what is sent go to mailbox Gesendet/Übrig."), "{told}");
        world.run(&["send"]).ok();
        assert_eq!(server.ask(user, "Gesendet/&ANw-brig", "SEARCH SEEN"), "* SEARCH 1 2");
        assert!(world.run(&["account", "show", "support"]).ok().contains("Gesendet/Übrig"));
    });
}

#[test]
fn send_7_a_server_that_is_down_holds_up_no_mail_and_gets_its_copies_later() {
    on_both("send-7-down", |world, user| {
        let (server, sink) = (dovecot::server(), SmtpSink::start(Manners::default()));
        server.run(user, &["CREATE Sent"]);
        let nobody = free_port();
        add_support(world, user, nobody, &sink, &[]);
        let sent = compose(world, &["--queue"]);
        let line = world.run(&["send"]).fails(69);
        assert!(line.contains("account support: e-mail 1: it was sent"), "{line}");
        // A minute later another message goes out: it tells nothing new.
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:30Z");
        compose(world, &["--queue"]);
        let again = world.run(&["send"]);
        assert_eq!((again.status, again.stderr.as_str(), sink.taken().len()), (Some(69), "", 2));
        world.set("ESPOMAIL_NOW", "2026-11-29T10:00:00Z");
        let line = world.run(&["send"]).fails(69);
        assert!(line.contains("account support: e-mail 1: its copy is given up after five days, and 1 more: "), "{line}");
        assert!(world.run(&["outbox", "show", "1"]).ok().contains("given up: "));
        assert_eq!(world.run(&["send"]).ok(), "");
        // Whoever mends the account has them nevertheless.
        world.run(&["account", "set", "support", "--imap-port", &server.port.to_string()]).ok();
        assert_eq!(world.run(&["send"]).ok(), "");
        assert_eq!(server.ask(user, "Sent", "SEARCH SEEN"), "* SEARCH 1 2");
        assert!(copy_of(world, &sent)["last_error"].is_null());
    });
}

#[test]
fn send_7_two_passes_side_by_side_file_each_message_once() {
    on_both("send-7-two", |world, user| {
        let (server, sink) = (dovecot::server(), SmtpSink::start(Manners::default()));
        server.run(user, &["CREATE Sent"]);
        add_support(world, user, server.port, &sink, &[]);
        for _ in 0..8 {
            compose(world, &[]);
        }
        let world = &*world;
        std::thread::scope(|scope| {
            let passes: Vec<_> = (0..2).map(|_| scope.spawn(|| world.run(&["send"]))).collect();
            passes.into_iter().for_each(|pass| drop(pass.join().unwrap().ok()));
        });
        assert_eq!(server.ask(user, "Sent", "SEARCH SEEN"), "* SEARCH 1 2 3 4 5 6 7 8");
    });
}

#[test]
fn send_7_what_was_marked_sent_has_a_copy_and_what_nobody_asks_for_has_none() {
    on_both("send-7-marked", |world, user| {
        let (server, sink) = (dovecot::server(), SmtpSink::start(Manners { dot: None, ..Manners::default() }));
        server.run(user, &["CREATE Sent"]);
        add_support(world, user, server.port, &sink, &[]);
        let sent = compose(world, &["--queue"]);
        world.run(&["send"]).fails(75);
        assert_eq!((copy_of(world, &sent), server.ask(user, "Sent", "SEARCH ALL")), (Value::Null, "* SEARCH".to_string()));
        world.set("ESPOMAIL_NOW", "2026-11-23T11:00:00Z");
        world.run(&["outbox", "mark-sent", &sent["outbox"].to_string()]).ok();
        world.run(&["send"]).ok();
        let date = server.ask(user, "Sent", "FETCH 1 INTERNALDATE");
        assert!(date.contains("23-Nov-2026 10:00:00 +0000"), "{date}: when it was sent, not when somebody said so");
        // Switched off, it makes none, and those that wait are forgotten.
        let other = compose(world, &["--queue"]);
        let _ = world.run(&["send"]);
        world.run(&["outbox", "mark-sent", &other["outbox"].to_string()]).ok();
        world.run(&["account", "set", "support", "--save-sent=false"]).ok();
        world.run(&["send"]).ok();
        assert_eq!(server.ask(user, "Sent", "SEARCH ALL"), "* SEARCH 1");
    });
}

#[test]
fn send_7_a_message_that_the_mailbox_refuses_is_named_and_the_others_are_filed() {
    let sink = SmtpSink::start(Manners::default());
    let capabilities = answer("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n");
    let list = answer("LIST \"\" \"*\"\r", "* LIST (\\Noselect) \"/\" x\r\n* LIST (\\Sent) \"/\" \"Sent\"\r\n{tag} OK done\r\n");
    let examine = || answer("EXAMINE \"Sent\"", "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n{tag} OK done\r\n");
    let search = || answer("UID SEARCH HEADER Message-ID \"<", "* SEARCH\r\n{tag} OK done\r\n");
    let script = [
        logged_in(),
        [capabilities, list, examine(), examine(), search()].concat(),
        vec![
            Step::Hear("APPEND \"Sent\" (\\Seen) \"23-Nov-2026 10:00:00 +0000\" {"),
            say("{tag} NO [OVERQUOTA] hunter2 full\r\n"),
        ],
        [examine(), search()].concat(),
        vec![Step::Hear("APPEND"), say("{tag} NO [OVERQUOTA] full\r\n")],
        [examine(), search()].concat(),
        vec![Step::Hear("APPEND"), say("+ go ahead\r\n"), Step::Hear("From: ")],
    ]
    .concat();
    let server = ScriptedImap::start(script);
    let world = World::on("sqlite");
    add_support(&world, "somebody", server.port, &sink, &[]);
    let sent: Vec<Value> = (0..3).map(|_| compose(&world, &["--queue"])).collect();
    let done = world.run(&["send"]);
    assert_eq!(done.stderr.lines().count(), 1, "once for an account: {}", done.stderr);
    assert!(done.stderr.contains("mailbox Sent does not take it: [OVERQUOTA] hunter2 full"), "{}", done.stderr);
    let errors: Vec<String> = sent.iter().map(|sent| copy_of(&world, sent)["last_error"].as_str().unwrap().to_string()).collect();
    // What it has not read resets the connection, or does not.
    let is_cut = errors[2].contains("the connection was cut") || errors[2].contains("Connection reset");
    assert!(errors[1].contains("OVERQUOTA") && is_cut, "{errors:?}");
}

#[test]
fn send_7_a_server_that_takes_nothing_into_a_mailbox_that_is_open_to_be_read_gets_the_copy() {
    let sink = SmtpSink::start(Manners::default());
    let examine = || answer("EXAMINE", "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n{tag} OK done\r\n");
    let search = answer("UID SEARCH HEADER Message-ID", "* SEARCH\r\n{tag} OK done\r\n");
    let script = [
        logged_in(),
        [examine(), examine(), search].concat(),
        vec![Step::Hear("APPEND"), say("{tag} NO Current box is selected READ-ONLY.\r\n")],
        examine().to_vec(),
        vec![Step::Hear("APPEND"), say("+ go ahead\r\n"), Step::HearAll("on its way.\r\n\r\n"), say("{tag} OK done\r\n")],
    ]
    .concat();
    let server = ScriptedImap::start(script);
    let world = World::on("sqlite");
    add_support(&world, "somebody", server.port, &sink, &["--sent-mailbox", "Sent"]);
    let sent = compose(&world, &["--queue"]);
    let done = world.run(&["send"]);
    assert!(copy_of(&world, &sent)["done_at"].is_string(), "{done:?} {:?}", server.heard());
}

#[test]
fn send_7_a_signal_leaves_a_copy_to_the_next_pass_as_if_nobody_had_begun_it() {
    on_both("send-7-signal", |world, _| {
        let sink = SmtpSink::start(Manners::default());
        let offered = answer("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n");
        let stalls = [&logged_in()[..], &offered, &[Step::Hear("LIST"), Step::Stall]].concat();
        let server = ScriptedImap::start(stalls);
        add_support(world, "anybody", server.port, &sink, &[]);
        let sent = compose(world, &["--queue"]);
        let sender = world.command(&["send"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !server.heard().iter().any(|line| line.contains("LIST")) {
            assert!(std::time::Instant::now() < end, "{:?}", server.heard());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let asked = std::time::Instant::now();
        assert!(std::process::Command::new("kill").args(["-TERM", &sender.id().to_string()]).status().unwrap().success());
        let output = sender.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(143), ""));
        assert!(asked.elapsed() < std::time::Duration::from_millis(1_800), "{:?}", asked.elapsed());
        let copy = copy_of(world, &sent);
        assert_eq!((&copy["due_at"], &copy["last_error"]), (&json!("2026-11-23T10:00:00Z"), &Value::Null), "{copy}");
    });
}
