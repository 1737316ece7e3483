//! The dialogue with the server: TLS, login, what it offers, and how long it may take.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{compose, outbox, set, world_on};
use crate::support::imap::{ScriptedImap, Step, answer, say};
use crate::support::smtp::{Manners, SmtpSink, Stage, ca_file};
use crate::support::world::World;

/// Points the account at another server.
fn point(world: &World, port: u16, security: &str) {
    let ca_file = ca_file();
    let port = port.to_string();
    let more = ["--smtp-port", &port, "--smtp-security", security, "--smtp-ca-file", ca_file.to_str().unwrap()];
    world.run(&[&["account", "set", "support"][..], &more].concat()).ok();
}

#[test]
fn send_2_tls_from_the_first_byte_or_after_starttls_with_an_authority_of_ones_own() {
    for (security, tls) in [("tls", true), ("starttls", false)] {
        let sink = SmtpSink::start(Manners { tls, ..Manners::default() });
        let world = world_on("sqlite", &sink);
        point(&world, sink.port, security);
        assert_eq!(compose(&world, &["--to", "dora@example.org"])["state"], "sent", "{security}");
        // RFC 3207, section 4.2: what was offered before TLS counts no more, so the client asks again.
        let hello: Vec<String> = sink.heard().iter().map(|line| line.split(' ').next().unwrap().to_string()).collect();
        let begin: &[&str] = if tls { &["EHLO", "AUTH"] } else { &["EHLO", "STARTTLS", "EHLO", "AUTH"] };
        assert_eq!(hello[..begin.len()], *begin, "{security}");
        // Nobody known has signed it.
        world.run(&["account", "set", "support", "--smtp-ca-file", ""]).ok();
        let line = world.run(&["account", "test", "support", "--smtp"]).fails(77);
        assert!(line.contains("not signed by a known authority; name the authority with --smtp-ca-file"), "{line}");
    }
}

#[test]
fn send_2_starttls_that_is_stripped_refused_or_injected_into_is_an_error_and_nothing_follows_in_clear_text() {
    let offered = "250-mx.example.org\r\n250 STARTTLS\r\n";
    for (ehlo, answer, words) in [
        ("250-mx.example.org\r\n250 AUTH PLAIN\r\n", "", "the server offers no STARTTLS"),
        (offered, "454 4.7.0 not now\r\n", "STARTTLS was refused: 454 4.7.0 not now"),
        (offered, "220 go\r\n250-mx.example.org\r\n250 AUTH PLAIN\r\n", "clear text came together with the answer to STARTTLS"),
        (offered, "220 go\r\n", "TLS with 127.0.0.1"),
    ] {
        let mut script = vec![say("220 mx.example.org\r\n"), Step::Hear("EHLO"), say(ehlo)];
        if !answer.is_empty() {
            script.extend([Step::Hear("STARTTLS"), say(answer)]);
        }
        if answer == "220 go\r\n" {
            // What comes instead of the handshake is no TLS.
            script.push(Step::Trickle(b"250 AUTH PLAIN\r\n".to_vec(), Duration::from_millis(5)));
        }
        let server = ScriptedImap::start([script, vec![Step::Stall]].concat());
        let sink = SmtpSink::start(Manners::default());
        let world = world_on("sqlite", &sink);
        point(&world, server.port, "starttls");
        let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let line = world.run(&["send"]).fails(77);
        assert!(line.contains("account support: ") && line.contains(words), "{line}");
        assert_eq!(outbox(&world, &queued["outbox"])["state"], "queued", "it is not the message's fault");
        let heard = server.heard().join("\n");
        assert!(!heard.contains("AUTH") && !heard.contains("MAIL") && !heard.contains("@"), "{heard}");
    }
}

#[test]
fn send_2_each_way_to_log_in_is_spoken_and_no_secret_is_repeated() {
    let offers = |mechanisms: &'static str| Manners { ehlo: Some(mechanisms), ..Manners::default() };
    let plain = "AUTH PLAIN AHN1cHBvcnRAZXhhbXBsZS5jb20AaHVudGVyMg==";
    let login = ["AUTH LOGIN", "c3VwcG9ydEBleGFtcGxlLmNvbQ==", "aHVudGVyMg=="];
    let token = "dXNlcj1zdXBwb3J0QGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIGh1bnRlcjIBAQ==";
    let xoauth2 = format!("AUTH XOAUTH2 {token}");
    let twice = vec![Some("334 VXNlcm5hbWU6"), Some("334 UGFzc3dvcmQ6"), Some("235 2.7.0 welcome")];
    for (auth, manners, said) in [
        ("password", offers("250-x\r\n250 AUTH LOGIN PLAIN"), &[plain][..]),
        ("password", offers("250-x\r\n250 AUTH=PLAIN"), &[plain]),
        ("password", Manners { auth: twice, ..offers("250-x\r\n250 AUTH LOGIN") }, &login),
        ("xoauth2", offers("250-x\r\n250 AUTH XOAUTH2 PLAIN"), &[&xoauth2]),
        ("none", offers("250 x"), &[]),
    ] {
        let sink = SmtpSink::start(manners);
        let world = world_on("sqlite", &sink);
        world.run(&["account", "set", "support", "--smtp-auth", auth]).ok();
        world.run(&["account", "test", "support", "--smtp"]).ok();
        let heard = sink.heard();
        assert_eq!(heard[1..heard.len() - 1], *said, "{auth}");
    }
    // A token that is refused is explained in a challenge, and an empty line ends it.
    let refused = vec![Some("334 eyJzdGF0dXMiOiI0MDAifQ=="), Some("535 5.7.8 hunter2 is no token")];
    let sink = SmtpSink::start(Manners { auth: refused, ..offers("250-x\r\n250 AUTH XOAUTH2") });
    let world = world_on("sqlite", &sink);
    world.run(&["account", "set", "support", "--smtp-auth", "xoauth2"]).ok();
    let line = world.run(&["account", "test", "support", "--smtp"]).fails(77);
    assert!(line.contains("login refused: 535 (what it said repeats the login)"), "{line}");
    assert_eq!(sink.heard()[2], "");
    // A server that repeats what it was sent, whole or in part, as an answer or as nonsense, is not quoted.
    for said in [
        "500 5.5.1 unrecognized: AUTH PLAIN AHN1cHBvcnRAZXhhbXBsZS5jb20AaHVudGVyMg==",
        "500 5.5.1 PLAIN AHN1cHBvcnRAZXhhbXBsZS5jb20AaHVu",
        "what is AUTH PLAIN AHN1cHBvcnRAZXhhbXBsZS5jb20AaHVudGVyMg==?",
    ] {
        let sink = SmtpSink::start(Manners { auth: vec![Some(said)], ..offers("250-x\r\n250 AUTH PLAIN") });
        let world = world_on("sqlite", &sink);
        let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let done = world.run(&["send"]);
        let shown = outbox(&world, &queued["outbox"])["last_error"].to_string();
        for line in [&done.stderr, &shown] {
            assert!(line.contains("what it said repeats the login") && !line.contains("AHN1cHBv"), "{line}");
        }
    }
    for (auth, manners, words) in [
        ("xoauth2", offers("250-x\r\n250 AUTH PLAIN"), "the server offers no login by XOAUTH2"),
        ("password", offers("250-x\r\n250 AUTH GSSAPI"), "the server offers no login by PLAIN or LOGIN"),
        ("password", offers("250 x"), "the server offers no login by PLAIN or LOGIN"),
    ] {
        let sink = SmtpSink::start(manners);
        let world = world_on("sqlite", &sink);
        world.run(&["account", "set", "support", "--smtp-auth", auth]).ok();
        let line = world.run(&["account", "test", "support", "--smtp"]).fails(77);
        assert!(line.contains(words), "{line}");
        assert_eq!(sink.count("AUTH"), 0);
    }
}

#[test]
fn send_4_what_the_server_cannot_take_fails_at_once_and_says_why() {
    let offers = |ehlo: &'static str| SmtpSink::start(Manners { ehlo: Some(ehlo), ..Manners::default() });
    let modest = offers("250-x\r\n250-SIZE 100\r\n250 AUTH PLAIN");
    let world = world_on("sqlite", &modest);
    let told = |to: &str| {
        let done = world.run(&["email", "compose", "--subject", "x", "--text", "x", "--to", to]);
        assert_eq!((done.status, done.stderr.as_str()), (Some(65), ""), "{}", done.stdout);
        done.stdout
    };
    let line = told("dora@example.org");
    assert!(line.starts_with("E-mail 1 could not be sent (message 1 of the outbox): the message has "), "{line}");
    let shown = outbox(&world, &json!(1));
    assert!(shown["last_error"].as_str().unwrap().ends_with("bytes, and the server takes 100"), "{shown}");
    let plain = offers("250-x\r\n250 AUTH PLAIN");
    set(&world, &plain);
    let line = told("jörg@example.org");
    assert!(line.contains("an address has letters that are not ASCII, and the server takes none (SMTPUTF8)"), "{line}");
    // A domain beyond ASCII needs nothing of the server, nor does text.
    let sent = compose(&world, &["--to", "Jörg <joerg@bücher.example>", "--cc", "dora@example.org"]);
    assert_eq!(sent["state"], "sent", "{sent}");
    assert_eq!(plain.taken()[0].to, ["<dora@example.org>", "<joerg@xn--bcher-kva.example>"]);
    assert_eq!(plain.taken()[0].from, "<support@example.com>");
    let able = offers("250-x\r\n250-SIZE 0\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN");
    set(&world, &able);
    assert_eq!(compose(&world, &["--to", "jörg@example.org"])["state"], "sent");
    let from = &able.taken()[0].from;
    assert!(from.contains(" SIZE=") && from.ends_with(" BODY=8BITMIME SMTPUTF8"), "{from}");
    // BOUNCE-3: a report names the message by what we call it (RFC 3461).
    let reporting = offers("250-x\r\n250-DSN\r\n250 AUTH PLAIN");
    set(&world, &reporting);
    let sent = compose(&world, &["--to", "dora@example.org"]);
    let id = world.json(&["email", "show", &sent["email"].to_string()])["message_id"].clone();
    let envelope = format!("<support@example.com> RET=HDRS ENVID={}", id.as_str().unwrap());
    assert_eq!(reporting.taken()[0].from, envelope);
}

#[test]
fn send_6_a_server_that_answers_something_else_is_not_believed() {
    for (what, manners, state) in [
        ("DATA is good", Manners { data: Some("250 2.0.0 taken"), ..Manners::default() }, "queued"),
        ("one answer too many", Manners { mail: Some("250 ok\r\n250 ok"), ..Manners::default() }, "queued"),
        ("the dot is half an answer", Manners { dot: Some("354 more"), ..Manners::default() }, "maybe-sent"),
        ("too many at once", Manners { recipients: vec![("dora", Some("552 5.5.3 too many"))], ..Manners::default() }, "queued"),
    ] {
        let sink = SmtpSink::start(manners);
        let world = world_on("sqlite", &sink);
        let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let done = world.run(&["send"]);
        let shown = outbox(&world, &queued["outbox"]);
        assert_eq!(shown["state"], state, "{what}: {shown} {}", done.stderr);
    }
}

#[test]
fn send_6_a_second_recipient_that_ends_the_connection_and_a_server_that_falls_silent() {
    for answer in [Some("421 4.3.2 closing"), None] {
        let sink = SmtpSink::start(Manners { recipients: vec![("eve", answer)], ..Manners::default() });
        let world = world_on("sqlite", &sink);
        let queued = compose(&world, &["--to", "dora@example.org", "--to", "eve@example.org", "--queue"]);
        let _ = world.run(&["send"]);
        let shown = outbox(&world, &queued["outbox"]);
        let states: Vec<_> = shown["recipients"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert_eq!((shown["state"].as_str(), states), (Some("queued"), vec![json!("pending"); 2]), "{answer:?}");
        assert!(sink.taken().is_empty());
    }
    for (stage, state) in [(Stage::Starttls, "queued"), (Stage::Mail, "queued"), (Stage::Dot, "maybe-sent")] {
        let sink = SmtpSink::start(Manners { stall: Some(stage), ..Manners::default() });
        let world = world_on("sqlite", &sink);
        point(&world, sink.port, "starttls");
        let config = std::fs::read_to_string(world.config()).unwrap();
        let limits = "[send]\nanswer-timeout = 3\nfinal-timeout = 3\n";
        world.write(&world.config(), &format!("{config}\n{limits}"), 0o600);
        let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let line = world.run(&["send"]);
        assert!(line.stderr.contains("the server does not answer") || state == "queued", "{}", line.stderr);
        assert_eq!(outbox(&world, &queued["outbox"])["state"], state, "{stage:?}");
    }
}

#[test]
fn send_6_what_was_handed_over_waits_for_its_answer_longer_than_the_account_has_time() {
    let sink = SmtpSink::start(Manners { stall: Some(Stage::Dot), ..Manners::default() });
    let world = world_on("sqlite", &sink);
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}\n[send]\nanswer-timeout = 3\nmax-seconds = 3\n"), 0o600);
    let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
    std::thread::scope(|scope| {
        let pass = scope.spawn(|| world.run(&["send"]));
        sink.await_stall();
        std::thread::sleep(Duration::from_secs(4));
        sink.resume();
        pass.join().unwrap().ok();
    });
    assert_eq!(outbox(&world, &queued["outbox"])["state"], "sent");
}

#[test]
fn send_1_many_messages_go_over_one_connection_by_time_then_number() {
    for database in ["sqlite", "postgresql"] {
        let recipients = vec![("no", Some("550 5.1.1 nobody")), ("closing", Some("421 4.3.2 closing"))];
        let sink = SmtpSink::start(Manners { recipients, ..Manners::default() });
        let mut world = world_on(database, &sink);
        compose(&world, &["--to", "later@example.org", "--at", "2026-11-23T10:01:00Z"]);
        for to in ["a@example.org", "no@example.org", "b@example.org"] {
            compose(&world, &["--to", to, "--queue"]);
        }
        world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
        // Who wrote as the service account hears of what failed by cron.
        assert!(world.run(&["send"]).fails(65).contains("message 3 of the outbox failed: no@example.org: nobody"));
        let to: Vec<String> = sink.taken().into_iter().flat_map(|taken| taken.to).collect();
        assert_eq!(to, ["<a@example.org>", "<b@example.org>", "<later@example.org>"], "{database}");
        assert_eq!((sink.count("EHLO"), sink.count("RSET"), sink.count("QUIT")), (1, 1, 1));
        // A server that closes in the middle is said, and left alone for a while; then the message it failed at comes last.
        for to in ["closing@example.org", "c@example.org"] {
            compose(&world, &["--to", to, "--queue"]);
        }
        let line = world.run(&["send"]).fails(69);
        assert!(line.starts_with("espomail: account support: the server says: 421 4.3.2 closing"), "{line}");
        let rests = world.run(&["send"]);
        assert_eq!((sink.taken().len(), rests.stderr.as_str(), rests.status), (3, "", Some(69)), "it rests");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:06:00Z");
        assert_eq!(world.run(&["send"]).status, Some(69));
        assert_eq!((sink.taken().len(), sink.count("EHLO")), (4, 3));
    }
}

#[test]
fn send_1_a_server_that_trickles_is_left_when_the_accounts_time_is_over() {
    let sink = SmtpSink::start(Manners { trickle: Some(Duration::from_millis(40)), ..Manners::default() });
    let world = world_on("sqlite", &sink);
    let config = std::fs::read_to_string(world.config()).unwrap();
    let limits = "[send]\nmax-seconds = 2\nanswer-timeout = 1\n";
    world.write(&world.config(), &format!("{config}\n{limits}"), 0o600);
    let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
    let began = Instant::now();
    let line = world.run(&["send"]).fails(69);
    assert!(line.contains("account support: the account's time is over"), "{line}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let shown = outbox(&world, &queued["outbox"]);
    assert_eq!((&shown["state"], &shown["due_at"]), (&json!("queued"), &json!("2026-11-23T10:01:00Z")), "{shown}");
    assert!(sink.taken().is_empty());
}

#[test]
fn send_11_an_account_sends_no_more_in_an_hour_than_it_may() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        world.run(&["account", "set", "support", "--max-per-hour", "3"]).ok();
        for _ in 0..5 {
            compose(&world, &["--to", "dora@example.org", "--queue"]);
        }
        let world_now = |world: &World, taken: usize| {
            std::thread::scope(|scope| {
                let passes: Vec<_> = (0..3).map(|_| scope.spawn(|| world.run(&["send"]))).collect();
                passes.into_iter().for_each(|pass| assert_eq!(pass.join().unwrap().ok(), ""));
            });
            assert_eq!(sink.taken().len(), taken, "{database}");
        };
        world_now(&world, 3);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:59:59Z");
        world_now(&world, 3);
        world.set("ESPOMAIL_NOW", "2026-11-23T11:00:01Z");
        world_now(&world, 5);
        // What was handed over counts, also where somebody has not got it yet.
        let some = SmtpSink::start(Manners { recipients: vec![("later", Some("450 4.2.1 later"))], ..Manners::default() });
        set(&world, &some);
        world.set("ESPOMAIL_NOW", "2026-11-23T15:00:00Z");
        for _ in 0..4 {
            compose(&world, &["--to", "dora@example.org", "--cc", "later@example.org", "--queue"]);
        }
        world.run(&["send"]).ok();
        assert_eq!(some.taken().len(), 3, "{database}");
    }
}

#[test]
fn send_4_a_server_that_takes_several_commands_at_once_gets_them_and_each_answer_is_its_own() {
    let hello = |offer: &str| {
        let [ehlo, offered] = answer("EHLO", &format!("250-x\r\n250-{offer}\r\n250 AUTH PLAIN\r\n"));
        [vec![say("220 x\r\n"), ehlo, offered], answer("AUTH", "235 2.7.0 ok\r\n").to_vec()].concat()
    };
    // It hears all before it answers anything: who waits for an answer in between waits for ever.
    let envelope = |answers: &str| vec![Step::Hear("MAIL"), Step::Hear("RCPT"), Step::Hear("RCPT"), say(answers)];
    let taken = [answer("DATA", "354 go\r\n").to_vec(), vec![Step::HearAll("\r\n.\r\n"), say("250 taken\r\n")]].concat();
    let to = ["--to", "dora@example.org", "--cc", "eve@example.org"];
    for (answers, more, states) in [
        ("250 ok\r\n250 ok\r\n550 5.1.1 nobody\r\n", taken.clone(), ["sent", "failed"]),
        ("250 ok\r\n552 5.5.3 too many\r\n250 ok\r\n", taken.clone(), ["pending", "sent"]),
        ("550 5.7.1 not you\r\n503 5.5.1 no\r\n503 5.5.1 no\r\n", answer("RSET", "250 ok\r\n").to_vec(), ["failed", "failed"]),
        // Nothing is handed over.
        ("250 ok\r\n250 ok\r\n421 4.3.2 closing\r\n", Vec::new(), ["pending", "pending"]),
        ("250 ok\r\n250 ok\r\n250 ok\r\n250 one more\r\n", Vec::new(), ["pending", "pending"]),
    ] {
        let server = ScriptedImap::start([hello("PIPELINING"), envelope(answers), more].concat());
        let sink = SmtpSink::start(Manners::default());
        let world = world_on("sqlite", &sink);
        point(&world, server.port, "plain");
        let queued = compose(&world, &[&to[..], &["--queue"]].concat());
        let _ = world.run(&["send"]);
        let shown = outbox(&world, &queued["outbox"]);
        let told: Vec<&str> = shown["recipients"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(told, states, "{answers}: {shown}\n{:?}", server.heard());
    }
}
