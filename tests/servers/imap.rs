//! Cyrus IMAP and Courier IMAP.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Private;
use crate::support::dovecot::{Client, PASSWORD};
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// What tests know of a server.
struct Kind {
    name: &'static str,
    /// What the names of mailboxes besides INBOX begin with, and what stands between their parts.
    prefix: &'static str,
    separator: char,
    /// Whether words of ours can be put on messages.
    has_keywords: bool,
    /// How long news may take to be heard of.
    patience: Duration,
}

const CYRUS: Kind = Kind { name: "cyrus", prefix: "", separator: '/', has_keywords: true, patience: Duration::from_secs(5) };
const COURIER: Kind =
    Kind { name: "courier", prefix: "INBOX.", separator: '.', has_keywords: true, patience: Duration::from_secs(70) };

fn letter(id: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Customer <customer@example.org>\r\nTo: support@example.com\r\nSubject: About {id}\r\n\
         Message-ID: <{id}@example.org>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

fn add(world: &World, server: &Private, more: &[&str]) {
    let port = server.port.to_string();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port];
    let imap = ["--imap-security", "plain", "--imap-user", "one", "--password-stdin", "--fetch-since", "2020-01-01"];
    world.run_with(&[&add[..], &imap, &["--act-since", "2020-01-01"], more].concat(), PASSWORD).ok();
}

fn emails(world: &World) -> Vec<Value> {
    world.json(&["email", "list", "--limit", "1000"])["items"].as_array().unwrap().clone()
}

/// The numbers of what a search finds.
fn found(client: &mut Client, mailbox: &str, criteria: &str) -> usize {
    let opened = client.lines(&format!("EXAMINE \"{mailbox}\""));
    assert!(opened.last().unwrap().starts_with("a OK"), "{opened:?}");
    let lines = client.lines(&format!("UID SEARCH {criteria}"));
    let search = lines.iter().find(|line| line.starts_with("* SEARCH")).cloned().unwrap_or_default();
    search.split_whitespace().skip(2).count()
}

/// Mail of every size and kind comes in as it is, from mailboxes of any name, once.
fn reads(kind: &Kind) {
    let server = Private::start(kind.name);
    let world = World::new();
    let mut client = Client::login(server.port, "one");
    let eight_bit = "Content-Type: text/plain; charset=iso-8859-1\r\nSubject: Gr\u{fc}\u{df}e";
    let eight_bit: Vec<u8> = letter("latin", "x").into_iter().chain(eight_bit.chars().map(|c| c as u8)).chain(*b"\r\n").collect();
    let large = letter("large", &"0123456789abcdef\r\n".repeat(200_000));
    let mail = [letter("plain", "words"), letter("dot", ".\r\n..\r\n* OK )\r\n) {5}"), eight_bit, large];
    mail.iter().for_each(|message| client.put("INBOX", message));
    let (prefix, separator) = (kind.prefix, kind.separator);
    let odd = [
        ("R&APw-ckfragen".to_string(), "Rückfragen".to_string()),
        ("A&-B".to_string(), "A&B".to_string()),
        ("two words".to_string(), "two words".to_string()),
        (format!("two words{separator}&ZeVnLIqe-"), format!("two words{separator}日本語")),
    ];
    let mut monitored = vec!["--mailbox".to_string(), "INBOX".to_string()];
    for (at, (wire, name)) in odd.iter().enumerate() {
        let made = client.lines(&format!("CREATE \"{prefix}{wire}\""));
        assert!(made.last().unwrap().starts_with("a OK"), "{made:?}");
        client.put(&format!("{prefix}{wire}"), &letter(&format!("odd{at}"), "words"));
        monitored.extend(["--mailbox".to_string(), format!("{prefix}{name}")]);
    }
    add(&world, &server, &monitored.iter().map(String::as_str).collect::<Vec<_>>());
    let listed = world.run(&["account", "folders", "support"]).ok();
    assert!(odd.iter().all(|(_, name)| listed.contains(&format!("{prefix}{name}"))), "{listed}");
    assert!(world.run(&["account", "test", "support"]).ok().contains("INBOX: 4 messages"));
    assert_eq!(world.run(&["fetch"]).ok(), "");
    assert_eq!(emails(&world).len(), 8);
    for message in &mail {
        let text = String::from_utf8_lossy(message).into_owned();
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
        let of_id = emails(&world)
            .into_iter()
            .find(|email| world.json(&["email", "show", &email["id"].to_string()])["message_id"] == id.trim_matches(['<', '>']));
        let raw = std::process::Command::output(&mut world.command(&["email", "raw", &of_id.unwrap()["id"].to_string()]));
        assert_eq!(raw.unwrap().stdout, *message, "{id} is as it was");
    }
    assert_eq!(world.run(&["fetch"]).ok(), "");
    assert_eq!(emails(&world).len(), 8, "once");
    assert_eq!(found(&mut client, "INBOX", "UNSEEN"), 4, "nothing changed there");
    client = Client::login(server.port, "one");
    // A mailbox is removed and made anew under its name: another UIDVALIDITY.
    let odd = format!("{prefix}two words{separator}&ZeVnLIqe-");
    for command in [format!("DELETE \"{odd}\""), format!("CREATE \"{odd}\"")] {
        let done = client.lines(&command);
        assert!(done.last().unwrap().starts_with("a OK"), "{done:?}");
    }
    client.put(&odd, &letter("odd3", "words"));
    client.put(&odd, &letter("anew", "words"));
    let said = world.run(&["fetch"]);
    assert_eq!(emails(&world).len(), 9, "{said:?}");
}

/// TLS from the first byte and after STARTTLS; a wrong password.
fn lets_in(kind: &Kind) {
    let server = Private::start(kind.name);
    let world = World::new();
    add(&world, &server, &["--ca-file", &server.authority()]);
    let tls = server.tls_port.to_string();
    for set in [&["--imap-security", "starttls"][..], &["--imap-security", "tls", "--imap-port", &tls]] {
        world.run(&[&["account", "set", "support"], set].concat()).ok();
        assert!(world.run(&["account", "test", "support"]).ok().contains("INBOX: 0 messages"), "{set:?}");
    }
    world.run_with(&["account", "set", "support", "--password-stdin"], "wrong").ok();
    let line = world.run(&["account", "test", "support"]).fails(77);
    assert!(line.contains("login refused"), "{line}");
}

/// FETCH-9.
fn acts(kind: &Kind) {
    let server = Private::start(kind.name);
    let world = World::new();
    let mut client = Client::login(server.port, "one");
    let archive = format!("{}Archive", kind.prefix);
    client.lines(&format!("CREATE \"{archive}\""));
    client.put("INBOX", &letter("theirs", "words"));
    client.lines("SELECT INBOX");
    client.lines("STORE 1 +FLAGS (\\Deleted \\Seen)");
    add(&world, &server, &[]);
    world.run(&["fetch"]).ok();
    for (setting, seen, flagged, left) in [
        ("seen".to_string(), 2, 0, 2),
        ("flag:$Stored".to_string(), 2, 1, 3),
        (format!("move:{archive}"), 2, 1, 3),
        ("delete".to_string(), 2, 1, 3),
    ] {
        let id = setting.split(':').next().unwrap();
        // Courier takes nothing into a mailbox that is open to be read.
        client = Client::login(server.port, "one");
        client.put("INBOX", &letter(id, "words"));
        world.run(&["account", "set", "support", "--after-fetch", &setting]).ok();
        let done = world.json(&["fetch"]);
        assert_eq!(done["items"][0]["on_server"], 1, "{setting}: {done}");
        let keyword = if kind.has_keywords { found(&mut client, "INBOX", "KEYWORD $Stored") } else { flagged };
        let now = (found(&mut client, "INBOX", "SEEN"), keyword, found(&mut client, "INBOX", "ALL"));
        assert_eq!(now, (seen, flagged, left), "{setting}");
    }
    assert_eq!(found(&mut client, &archive, "HEADER Message-ID move@example.org"), 1);
    assert_eq!(found(&mut client, "INBOX", "DELETED"), 1, "what somebody else has marked is theirs to remove");
    assert_eq!(world.json(&["account", "actions", "support"])["items"], json!([]));
    assert_eq!(emails(&world).len(), 5);
}

/// `fetch --wait`.
fn tells_news(kind: &Kind) {
    let server = Private::start(kind.name);
    let world = World::new();
    add(&world, &server, &[]);
    let mut client = Client::login(server.port, "one");
    client.put("INBOX", &letter("first", "words"));
    let mut command = world.command(&["fetch", "--wait", "120"]);
    let mut waiting = command.stdin(std::process::Stdio::null()).spawn().unwrap();
    let await_emails = |count: usize, patience: Duration| {
        let began = Instant::now();
        while emails(&world).len() < count {
            assert!(began.elapsed() < patience, "{count} within {patience:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        began.elapsed()
    };
    await_emails(1, Duration::from_secs(20));
    std::thread::sleep(Duration::from_secs(1));
    client.put("INBOX", &letter("second", "words"));
    let took = await_emails(2, kind.patience);
    eprintln!("{}: news after {took:?}", kind.name);
    let id = waiting.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(143));
}

/// SEND-7.
fn keeps_copies(kind: &Kind) {
    let server = Private::start(kind.name);
    let (world, sink) = (World::new(), SmtpSink::start(Manners::default()));
    let smtp_port = sink.port.to_string();
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &smtp_port, "--smtp-security", "plain", "--shared", "--save-sent"];
    add(&world, &server, &smtp);
    let sent_mailbox = format!("{}Sent", kind.prefix);
    let compose = ["email", "compose", "--to", "dora@example.org", "--subject", "Grüße", "--text", "words", "--queue"];
    let queued = world.json(&compose);
    let said = world.run(&["send"]);
    // Courier does not say which mailbox is for what was sent.
    if !said.stderr.is_empty() {
        assert!(said.stderr.contains("--sent-mailbox"), "{said:?}");
        world.run(&["account", "set", "support", "--sent-mailbox", &sent_mailbox]).ok();
        world.run(&["send"]).ok();
    }
    for _ in 0..2 {
        world.run(&["send"]).ok();
        let mut client = Client::login(server.port, "one");
        assert_eq!(found(&mut client, &sent_mailbox, "SEEN"), 1);
    }
    let shown = world.json(&["outbox", "show", &queued["outbox"].to_string()]);
    assert!(shown["sent_copy"]["done_at"].is_string(), "{shown}");
}

/// Declares the tests of a server.
macro_rules! server {
    ($name:ident, $kind:expr) => {
        mod $name {
            use super::*;

            #[test]
            #[ignore = "make servers"]
            fn fetch_1_mail_comes_in_as_it_is_once_from_mailboxes_of_any_name() {
                reads(&$kind);
            }

            #[test]
            #[ignore = "make servers"]
            fn fetch_16_login_over_tls_and_a_wrong_password() {
                lets_in(&$kind);
            }

            #[test]
            #[ignore = "make servers"]
            fn fetch_9_messages_are_seen_flagged_moved_and_deleted() {
                acts(&$kind);
            }

            #[test]
            #[ignore = "make servers"]
            fn fetch_7_a_wait_hears_of_mail() {
                tells_news(&$kind);
            }

            #[test]
            #[ignore = "make servers"]
            fn send_7_a_copy_is_filed_once() {
                keeps_copies(&$kind);
            }
        }
    };
}

server!(cyrus, CYRUS);
server!(courier, COURIER);
