//! Exim, OpenSMTPD, and Postfix for what the tests beside its place do not ask of it (`tests/circle.rs`).

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Private;
use crate::support::dovecot::PASSWORD;
use crate::support::world::World;

/// What tests know of a server.
struct Kind {
    name: &'static str,
    takes_utf8: bool,
    /// Whether it does TLS, and lets people log in.
    has_tls: bool,
}

fn world_of(server: &Private, kind: &Kind) -> World {
    let world = World::new();
    let (port, authority) = (server.port.to_string(), server.authority());
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-user", "one"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "starttls", "--smtp-ca-file", &authority];
    world.run_with(&[&add[..], &smtp, &["--shared", "--password-stdin"]].concat(), PASSWORD).ok();
    if !kind.has_tls {
        world.run(&["account", "set", "support", "--smtp-security", "plain", "--smtp-auth", "none"]).ok();
    }
    world
}

fn compose(world: &World, more: &[&str]) -> Value {
    let compose = ["email", "compose", "--subject", "Grüße"];
    world.json(&[&compose[..], more].concat())
}

fn outbox(world: &World, sent: &Value) -> Value {
    world.json(&["outbox", "show", &sent["outbox"].to_string()])
}

/// All that was delivered so far.
fn delivered(folder: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(folder) else { return String::new() };
    let of = |path: std::path::PathBuf| {
        if path.is_dir() {
            delivered(&path)
        } else {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
        }
    };
    entries.map(|entry| of(entry.unwrap().path())).collect()
}

fn await_delivered(server: &Private, words: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let all = delivered(&server.out());
        if all.contains(words) {
            return all;
        }
        let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "{words:?} is not in {all}\n{log}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn takes_mail(kind: &Kind) {
    let server = Private::start(kind.name);
    let world = world_of(&server, kind);
    let tested = world.run(&["account", "test", "support", "--smtp"]).ok();
    assert!(!kind.has_tls || tested.contains("Logged in as one"), "{tested}");
    // Dots, and what looks like the end of a message.
    let text = "first\n.\n..\n.dot\nFrom here\nlast";
    assert_eq!(compose(&world, &["--to", "dora@example.org", "--text", text])["state"], "sent");
    let all = await_delivered(&server, "Subject: =?utf-8?b?R3LDvMOfZQ==?=");
    assert!(all.replace("\r\n", "\n").contains("\nlast"), "{all}");
    // One of two is refused.
    let some = compose(&world, &["--to", "dora@example.org", "--to", "eve@example.org", "--text", "to two"]);
    let shown = outbox(&world, &some);
    let states: Vec<&Value> = shown["recipients"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, [&json!("sent"), &json!("failed")], "{shown}");
    await_delivered(&server, "to two");
    // To come again later.
    let grey = compose(&world, &["--to", "grey@example.org", "--text", "to grey"]);
    let shown = outbox(&world, &grey);
    assert_eq!((&shown["state"], &shown["due_at"]), (&json!("queued"), &json!("2026-11-23T10:01:00Z")), "{shown}");
    assert!(shown["recipients"][0]["said"].as_str().unwrap().contains("come again later"), "{shown}");
    // A large one.
    let bytes: Vec<u8> = (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(world.path("large.bin"), bytes).unwrap();
    let large = compose(&world, &["--to", "dora@example.org", "--text", "large", "--attach", "large.bin"]);
    assert_eq!(large["state"], "sent", "{}", outbox(&world, &large));
    await_delivered(&server, "filename=\"large.bin\"");
    // An address beyond ASCII.
    let compose_utf8 = ["email", "compose", "--subject", "x", "--text", "to jörg", "--to", "jörg@example.org"];
    let done = world.run(&compose_utf8);
    if kind.takes_utf8 {
        assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""), "{}", done.stdout);
        await_delivered(&server, "jörg@example.org");
    } else {
        assert_eq!(done.status, Some(65), "{done:?}");
        assert!(done.stdout.contains("(SMTPUTF8)"), "{done:?}");
    }
    // Many over one connection.
    for _ in 0..30 {
        compose(&world, &["--to", "dora@example.org", "--text", "one of many", "--queue"]);
    }
    world.run(&["send"]).ok();
    let sent = world.json(&["outbox", "list", "--state", "sent"])["items"].as_array().unwrap().len();
    assert_eq!(sent, if kind.takes_utf8 { 34 } else { 33 });
    if kind.has_tls {
        logs_in(&server, &world);
    }
}

/// TLS from the first byte; a wrong password.
fn logs_in(server: &Private, world: &World) {
    let tls = server.tls_port.to_string();
    world.run(&["account", "set", "support", "--smtp-security", "tls", "--smtp-port", &tls]).ok();
    assert_eq!(compose(world, &["--to", "dora@example.org", "--text", "over TLS"])["state"], "sent");
    await_delivered(server, "over TLS");
    world.run_with(&["account", "set", "support", "--password-stdin"], "wrong").ok();
    let line = world.run(&["account", "test", "support", "--smtp"]).fails(77);
    assert!(line.contains("login refused: 535"), "{line}");
}

#[test]
#[ignore = "make servers"]
fn send_6_exim_takes_refuses_and_delays() {
    takes_mail(&Kind { name: "exim", takes_utf8: true, has_tls: true });
}

#[test]
#[ignore = "make servers"]
fn send_6_postfix_takes_refuses_and_delays() {
    takes_mail(&Kind { name: "postfix", takes_utf8: true, has_tls: true });
}

#[test]
#[ignore = "make servers"]
fn send_6_opensmtpd_takes_refuses_and_delays() {
    takes_mail(&Kind { name: "opensmtpd", takes_utf8: false, has_tls: false });
}
