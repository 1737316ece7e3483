//! `espomail fetch` and its kin, through the real binary, against a real Dovecot, on both databases.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::dovecot::{self, PASSWORD};
use crate::support::imap::{ScriptedImap, Step, opened};
use crate::support::proxy::{Harm, Proxy};
use crate::support::world::World;

/// Declares tests that run in a world on SQLite and in one on PostgreSQL; each has a mail user of its own.
macro_rules! in_both_worlds {
    ($(fn $name:ident($world:ident: &mut World, $user:ident: &str) $body:block)+) => { $(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn test($world: &mut World, $user: &str) $body

            #[test]
            fn sqlite() {
                test(&mut World::on("sqlite"), concat!(stringify!($name), "-sqlite"));
            }

            #[test]
            fn postgresql() {
                test(&mut World::on("postgresql"), concat!(stringify!($name), "-postgresql"));
            }
        }
    )+ };
}

mod afterwards;
mod filters;
mod trips;
mod wait;

fn letter(id: &str, more: &str) -> Vec<u8> {
    format!(
        "From: Customer <customer@example.org>\r\nTo: support@example.com\r\nSubject: About {id}\r\n\
         Message-ID: <{id}@example.org>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n{more}\r\nText of {id}\r\n"
    )
    .into_bytes()
}

fn reply(id: &str, to: &str) -> Vec<u8> {
    letter(id, &format!("In-Reply-To: <{to}@example.org>\r\nReferences: <{to}@example.org>\r\n"))
}

/// Adds an account of the test's Dovecot on a port of this machine.
fn add_account(world: &World, name: &str, user: &str, port: u16, more: &[&str]) {
    let port = port.to_string();
    let address = format!("{name}@example.com");
    let arguments = [
        &["account", "add", name, "--address", &address, "--imap-host", "127.0.0.1", "--imap-port", &port, "--imap-security"],
        &["plain", "--imap-user", user, "--password-stdin", "--fetch-since", "2026-01-01", "--act-since", "2026-01-01"]
            as &[&str],
        more,
    ];
    let _ = world.run_with(&arguments.concat(), PASSWORD).ok();
}

const CASES: [&str; 5] = ["--make-cases", "--distribution", "round-robin", "--case-team", "support"];

/// A group account that makes cases for a team of two.
fn add_support(world: &World, user: &str, port: u16) {
    for login in ["ada", "ben"] {
        let _ = world.run(&["user", "add", login]).ok();
    }
    let _ = world.run(&["team", "add", "support"]).ok();
    let _ = world.run(&["team", "join", "support", "ada", "ben"]).ok();
    add_account(world, "support", user, port, &CASES);
}

fn emails(world: &World) -> Vec<Value> {
    world.json(&["email", "list", "--limit", "100000"])["items"].as_array().unwrap().clone()
}

fn cases(world: &World) -> Vec<Value> {
    world.json(&["case", "list", "--limit", "100000"])["items"].as_array().unwrap().clone()
}

/// What one pass did with the messages of an account.
fn fetched(world: &World) -> Value {
    world.json(&["fetch"])["items"][0]["messages"].clone()
}

in_both_worlds! {
    fn fetch_1_takes_each_message_once_and_is_silent(world: &mut World, user: &str) {
        let server = dovecot::server();
        let mail = [letter("a", ""), reply("b", "a"), letter("c", "")];
        server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
        add_support(world, user, server.port);
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!((emails(world).len(), cases(world).len()), (3, 2));
        assert_eq!(world.run(&["fetch"]).ok(), "", "a pass with nothing new");
        assert_eq!(emails(world).len(), 3);
        // \Seen is not how we know what is new, and not what we set.
        assert_eq!(server.ask(user, "INBOX", "SEARCH SEEN"), "* SEARCH");
        server.append(user, "INBOX", [letter("d", "").as_slice()]);
        assert_eq!(fetched(world), serde_json::json!({ "imported": 1 }));
        let assigned: Vec<_> = cases(world).iter().map(|case| case["assigned_user"].as_str().unwrap().to_string()).collect();
        assert_eq!(assigned, ["ada", "ben", "ada"], "DIST-2, over several passes; the newest first");
        let why = world.json(&["explain", "<b@example.org>"]);
        assert!(why["arrivals"][0]["why"].to_string().contains("LINK-2"), "WHY-1: {why}");
    }

    fn fetch_3_the_first_pass_goes_by_fetch_since(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", []);
        server.append_at(user, "INBOX", "31-Dec-2025 23:30:00 +0000", &letter("old", ""));
        server.append_at(user, "INBOX", " 1-Jan-2026 00:30:00 +0000", &letter("new", ""));
        server.append_at(user, "INBOX", " 1-Dec-2025 00:00:00 +0000", &letter("moved", ""));
        server.append_at(user, "INBOX", " 1-Nov-2026 00:00:00 +0000", &letter("newest", ""));
        add_support(world, user, server.port);
        assert_eq!(fetched(world), serde_json::json!({ "imported": 2, "filtered": 1 }), "each UID above the start has a fate");
        let subjects: Vec<_> = emails(world).iter().map(|email| email["subject"].to_string()).collect();
        assert_eq!(subjects.len(), 2, "{subjects:?}");
    }

    fn fetch_4_several_mailboxes_with_unicode_names(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", [letter("a", "").as_slice()]);
        server.append(user, "Entw&APw-rfe", [letter("b", "").as_slice()]);
        add_account(world, "support", user, server.port, &["--mailbox", "INBOX", "--mailbox", "Entwürfe", "--mailbox", "Nirgends"]);
        let line = world.run(&["fetch"]).fails(69);
        assert!(line.contains("account support: ") && line.contains("mailbox Nirgends") && line.contains("espomail account folders"), "{line}");
        assert_eq!(emails(world).len(), 2, "the other mailboxes were read");
        // FETCH-10: these are read with the next pass, too; what is wrong was said.
        server.append(user, "INBOX", [letter("c", "").as_slice()]);
        let again = world.run(&["fetch"]);
        assert_eq!((again.status, again.stderr.as_str()), (Some(69), ""));
        assert_eq!(emails(world).len(), 3);
        let folders = world.run(&["account", "folders", "support"]).ok();
        assert!(folders.contains("Entwürfe"), "{folders}");
    }

    fn fetch_5_uidvalidity_changed_and_nothing_doubles(world: &mut World, user: &str) {
        let server = dovecot::server();
        let bare = b"From: x@example.org\r\nSubject: no id\r\n\r\nbare\r\n";
        let fill = |ids: &[&str]| {
            for id in ids {
                server.append_at(user, "Shop", " 1-Nov-2026 00:00:00 +0000", &letter(id, ""));
            }
            server.append_at(user, "Shop", " 1-Nov-2026 00:00:00 +0000", bare);
        };
        server.append(user, "Shop", []);
        fill(&["a", "b"]);
        add_support(world, user, server.port);
        let _ = world.run(&["account", "set", "support", "--mailbox", "Shop"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "imported": 3 }));
        server.run(user, &["DELETE Shop"]);
        std::thread::sleep(Duration::from_millis(1_100));
        server.append(user, "Shop", []);
        fill(&["b", "new", "a"]);
        let done = world.run(&["-o", "json", "fetch"]);
        assert_eq!(done.stderr.matches("UIDVALIDITY").count(), 1, "{}", done.stderr);
        let messages: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(messages["items"][0]["messages"], serde_json::json!({ "imported": 1, "duplicate": 3 }));
        assert_eq!(emails(world).len(), 4);
        assert_eq!(world.run(&["fetch"]).ok(), "", "said once");
    }

    fn fetch_7_a_limit_moves_ahead_all_the_same(world: &mut World, user: &str) {
        let server = dovecot::server();
        let mail: Vec<_> = (0..5).map(|n| letter(&n.to_string(), "")).collect();
        server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
        add_support(world, user, server.port);
        for count in [2, 4, 5, 5] {
            let _ = world.run(&["fetch", "--limit", "2"]).ok();
            assert_eq!(emails(world).len(), count);
        }
    }

    fn fetch_8_a_giant_comes_by_header_and_text_and_is_completed_when_asked(world: &mut World, user: &str) {
        let server = dovecot::server();
        let body = "QUJD".repeat(19) + "\r\n";
        let giant = [
            // Courier sees no parts without MIME-Version.
            letter("giant", "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n").strip_suffix(b"Text of giant\r\n").unwrap(),
            b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello gi\xc3\xa4nt\r\n--b\r\nContent-Type: application/zip\r\n\
              Content-Disposition: attachment; filename=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            body.repeat(20_000).as_bytes(),
            b"--b--\r\n",
        ]
        .concat();
        server.append(user, "INBOX", [giant.as_slice(), letter("small", "").as_slice()]);
        add_support(world, user, server.port);
        let _ = world.run(&["account", "set", "support", "--max-message-mib", "1"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "imported": 2 }));
        let email = world.json(&["email", "show", "<giant@example.org>"]);
        assert_eq!((&email["partial"], email["text"].as_str().unwrap().trim()), (&Value::Bool(true), "Hello giänt"));
        assert_eq!((&email["attachments"][0]["name"], email["attachments"][0]["size"].as_u64()), (&"big.zip".into(), Some(0)));
        assert!(email["raw_size"].as_u64().unwrap() < 2_000);
        let _ = world.run(&["email", "fetch-body", "<giant@example.org>"]).ok();
        let newest = &world.json(&["audit", "list", "--limit", "1"])["items"][0];
        assert_eq!((&newest["action"], &newest["subject"]), (&"email fetch-body".into(), &format!("email:{}", email["id"]).into()));
        let email = world.json(&["email", "show", "<giant@example.org>"]);
        assert_eq!((&email["partial"], email["raw_size"].as_u64()), (&Value::Bool(false), Some(giant.len() as u64)));
        assert_eq!(email["attachments"][0]["size"].as_u64(), Some(20_000 * 57));
        assert!(world.run(&["email", "fetch-body", "<giant@example.org>"]).fails(65).contains("complete already"));
    }

    fn fetch_10_a_hanging_server_delays_no_other(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", [letter("a", "").as_slice()]);
        let hanging = ScriptedImap::start(vec![Step::Stall]);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[fetch]\nread-timeout = 2\n"), 0o600);
        add_account(world, "hanging", user, hanging.port, &[]);
        add_account(world, "works", user, server.port, &[]);
        let began = Instant::now();
        let line = world.run(&["fetch"]).fails(69);
        assert!(line.starts_with("espomail: account hanging: ") && line.contains("does not answer"), "{line}");
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(emails(world).len(), 1);
        let list = world.json(&["account", "list"]);
        assert!(list["items"][0]["last_error"].as_str().unwrap().contains("does not answer"), "FETCH-12: {list}");
        assert!(list["items"][1]["last_error"].is_null() && list["items"][1]["last_success"].is_string(), "{list}");
        let rests = world.run(&["fetch"]);
        assert_eq!((rests.status, rests.stderr.as_str()), (Some(69), ""), "it is left alone for a minute, and still fails");
        let told = world.run(&["-v", "fetch"]).stdout;
        assert!(told.contains("hanging  tried again at 2026-11-23T10:01:00Z: ") && told.contains("does not answer"), "{told}");
        let rests = world.run(&["-o", "json", "fetch"]).stdout;
        assert!(rests.contains("\"resting_until\": \"2026-11-23T10:01:00Z\""), "{rests}");
        assert!(world.run(&["fetch", "hanging"]).fails(69).contains("does not answer"), "unless it is named");
        // Whoever mends it need not wait for that.
        world.run(&["account", "set", "hanging", "--imap-port", &server.port.to_string()]).ok();
        assert_eq!(world.run(&["fetch"]).status, Some(0));
        assert!(world.run(&["account", "set", "hanging"]).ok().contains("stays as it is"));
    }

    fn fetch_11_a_second_pass_is_silent_while_one_is_at_work(world: &mut World, user: &str) {
        let mut script = opened();
        script.push(Step::Stall);
        let slow = ScriptedImap::start(script);
        add_account(world, "slow", user, slow.port, &[]);
        let mut first = world.command(&["fetch"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while !slow.heard().iter().any(|line| line.contains("EXAMINE")) {
            assert!(Instant::now() < until, "the first pass does not come to its mailbox");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(world.run(&["fetch"]).ok(), "");
        let done = world.json(&["fetch"]);
        assert_eq!(done["items"][0]["busy"], Value::Bool(true), "{done}");
        first.kill().unwrap();
        first.wait().unwrap();
    }

    fn fetch_13_a_reset_reads_anew_and_nothing_doubles(world: &mut World, user: &str) {
        let server = dovecot::server();
        let mail = [letter("a", ""), letter("b", "")];
        server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
        add_support(world, user, server.port);
        assert_eq!(fetched(world), serde_json::json!({ "imported": 2 }));
        let _ = world.run(&["account", "reset", "support", "--since", "2026-01-01"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "duplicate": 2 }));
        assert_eq!((emails(world).len(), cases(world).len()), (2, 2));
    }

    fn fetch_14_history_makes_no_cases(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", []);
        server.append_at(user, "INBOX", " 1-Jun-2026 00:00:00 +0000", &letter("history", ""));
        server.append_at(user, "INBOX", " 1-Nov-2026 00:00:00 +0000", &letter("work", ""));
        add_support(world, user, server.port);
        let _ = world.run(&["account", "set", "support", "--act-since", "2026-10-01"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "imported": 1, "archived": 1 }));
        assert_eq!(cases(world).len(), 1);
    }

    fn fetch_17_deliver_and_import_go_the_same_road(world: &mut World, user: &str) {
        add_support(world, user, 1);
        assert_eq!(world.run_with(&["deliver", "--account", "support"], std::str::from_utf8(&letter("a", "")).unwrap()).ok(), "");
        let line = world.run_with(&["deliver", "--account", "nobody"], "x").fails(75);
        assert!(line.contains("there is no account"), "{line}");
        // Any other status would have the MTA bounce to the sender, whatever is wrong with what it was told to call.
        let right = ["deliver", "--account", "support"];
        for before in [&["-o", "xml"][..], &["-vo", "xml"], &["-ojson", "--bogus"], &["-c", "/nowhere.toml"], &["--as", "x"]] {
            assert_eq!(world.run_with(&[before, &right].concat(), "x").status, Some(75), "{before:?}");
        }
        for wrong in [&["deliver"][..], &["deliver", "--acount", "support"], &["deliver", "--account", "support", "x"]] {
            assert_eq!(world.run_with(wrong, "x").status, Some(75), "{wrong:?}");
        }
        assert_eq!(world.run(&["-c", "deliver", "fetch", "--bogus"]).status, Some(64), "another command is no delivery");
        let path = world.path("mail/b.eml");
        world.write(&path, std::str::from_utf8(&reply("b", "a")).unwrap(), 0o600);
        let folder = path.parent().unwrap().to_str().unwrap();
        let _ = world.run(&["import", folder, "--account", "support"]).ok();
        let _ = world.run(&["import", folder, "--account", "support"]).ok();
        assert_eq!((emails(world).len(), cases(world).len()), (2, 1));
        let why = world.json(&["explain", path.to_str().unwrap()]);
        assert_eq!((&why["decision"]["fate"], &why["message"]["subject"]), (&"duplicate".into(), &"About b".into()));
    }

    fn a_wrong_password_is_said_once_with_what_to_do(world: &mut World, user: &str) {
        let server = dovecot::server();
        let port = server.port.to_string();
        let add = ["account", "add", "support", "--address", "s@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port];
        let more = ["--imap-security", "plain", "--imap-user", user, "--password-stdin"];
        let _ = world.run_with(&[&add[..], &more].concat(), "wrong-secret").ok();
        let line = world.run(&["fetch"]).fails(77);
        assert!(line.contains("account support: login refused") && line.ends_with("try: espomail account test support"), "{line}");
        assert!(!line.contains("wrong-secret"));
        let line = world.run(&["account", "test", "support"]).fails(77);
        assert!(line.contains("login refused"), "{line}");
        let _ = world.run_with(&["account", "set", "support", "--password-stdin"], PASSWORD).ok();
        let shown = world.run(&["account", "test", "support"]).ok();
        assert!(shown.contains("Mailbox INBOX: 0 messages."), "{shown}");
    }

    fn a_cut_inside_a_message_is_said_and_the_next_pass_goes_on(world: &mut World, user: &str) {
        let server = dovecot::server();
        let mail: Vec<_> = (0..40).map(|n| letter(&n.to_string(), &format!("X-Filler: {}\r\n", "x".repeat(500)))).collect();
        server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
        let proxy = Proxy::start(server.port, Harm::Pass, Harm::Reset(12_000));
        add_support(world, user, proxy.port);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[fetch]\nbatch-messages = 5\n"), 0o600);
        let line = world.run(&["fetch"]).fails(69);
        assert!(line.contains("account support: mailbox INBOX: UIDs ") && !line.contains("bug"), "{line}");
        let before = emails(world).len();
        assert!(before > 0 && before < 40 && before.is_multiple_of(5), "{before} are committed");
        let port = server.port.to_string();
        let _ = world.run(&["account", "set", "support", "--imap-port", &port]).ok();
        let done = world.run(&["fetch", "support"]);
        assert_eq!((done.status, done.stderr.as_str()), (Some(0), "espomail: account support: works again\n"), "in cron, too");
        assert_eq!((emails(world).len(), cases(world).len()), (40, 40));
    }

    fn fetch_6_ten_kills_lose_nothing_and_double_nothing(world: &mut World, user: &str) {
        let server = dovecot::server();
        let filler = format!("X-Filler: {}\r\n", "x".repeat(900));
        let mail: Vec<_> = (0..400).flat_map(|n| [letter(&format!("{n}"), &filler), reply(&format!("{n}r"), &format!("{n}"))]).collect();
        server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
        add_support(world, user, server.port);
        let config = std::fs::read_to_string(world.config()).unwrap();
        let more = "[fetch]\nbatch-messages = 20\n[budgets.cases]\nper-address = [400, 400]\n";
        world.write(&world.config(), &format!("{config}\n{more}"), 0o600);
        for kill in 0..10 {
            let mut pass = world.command(&["fetch", "support"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            // Long enough to be at work, and never at the same place twice.
            std::thread::sleep(Duration::from_millis(150 + 37 * kill));
            pass.kill().unwrap();
            pass.wait().unwrap();
        }
        // On a slow machine three deaths may have met one message: it is kept aside whole, and that is said.
        let _ = world.run(&["fetch", "support"]);
        let _ = world.run(&["quarantine", "retry", "--all"]).ok();
        let mut subjects: Vec<_> = emails(world).iter().map(|email| email["subject"].to_string()).collect();
        subjects.sort();
        subjects.dedup();
        assert_eq!((emails(world).len(), subjects.len()), (800, 800), "every message is there once");
        assert_eq!(cases(world).len(), 400, "each thread has one case");
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(emails(world).len(), 800);
        // ACK-3: the address has spent its budget; one more waits for a person, and the pass says so once.
        server.append(user, "INBOX", [letter("more", "").as_slice()]);
        let line = world.run(&["fetch"]).fails(65);
        assert!(line.contains("account support: a case is held back, as a budget is spent"), "{line}");
        assert_eq!((cases(world).len(), world.run(&["fetch"]).ok().as_str()), (400, ""));
    }
}

/// Kills a pass at its first step, at its second, and so on until one comes through; each time the next pass must make
/// everything good.
fn die_at_every_step(database: &str) {
    let server = dovecot::server();
    for step in 1.. {
        let user = format!("die-{database}-{step}");
        let mail: Vec<_> = (0..4).flat_map(|n| [letter(&n.to_string(), ""), reply(&format!("{n}r"), &n.to_string())]).collect();
        server.append(&user, "INBOX", mail.iter().map(Vec::as_slice));
        let mut world = World::on(database);
        add_support(&world, &user, server.port);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[fetch]\nbatch-messages = 3\n"), 0o600);
        let _ = world.run_with(&["template", "add", "ack", "--subject", "Thanks"], "It is here.").ok();
        let _ = world.run(&["account", "set", "support", "--smtp-host", "localhost", "--auto-reply", "ack"]).ok();
        world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
        let first = world.run(&["fetch"]);
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
        assert_eq!(world.run(&["fetch"]).ok(), "", "step {step}");
        let answers = world.json(&["outbox", "list"])["items"].as_array().unwrap().len();
        assert_eq!(
            (emails(&world).len(), cases(&world).len(), answers),
            (8 + 4, 4, 4),
            "each case is answered once, step {step}"
        );
        let assigned = cases(&world).iter().filter(|case| case["assigned_user"] == "ada").count();
        assert_eq!(assigned, 2, "DIST-2: no turn is lost or doubled at step {step}");
        if first.status == Some(0) {
            assert!(step > 10, "{step} steps are too few to have been at work");
            return;
        }
        assert_eq!(first.status, None, "step {step}: {}", first.stderr);
    }
}

#[test]
fn fetch_1_case_3_ack_1_a_death_at_any_step_loses_and_doubles_nothing_sqlite() {
    die_at_every_step("sqlite");
}

#[test]
fn fetch_1_case_3_ack_1_a_death_at_any_step_loses_and_doubles_nothing_postgresql() {
    die_at_every_step("postgresql");
}

#[test]
fn fetch_6_a_panic_is_contained_and_nothing_is_lost() {
    let server = dovecot::server();
    let mail: Vec<_> = (0..4).map(|n| letter(&n.to_string(), "")).collect();
    server.append("panics", "INBOX", mail.iter().map(Vec::as_slice));
    for step in 1..=6 {
        let mut world = World::on("sqlite");
        add_support(&world, "panics", server.port);
        world.set("ESPOMAIL_PANIC_AT_STEP", &step.to_string());
        let done = world.run(&["fetch"]);
        assert!(matches!(done.status, Some(0 | 70)), "step {step}: {:?} {}", done.status, done.stderr);
        world.set("ESPOMAIL_PANIC_AT_STEP", "0");
        assert_eq!(world.run(&["fetch", "support"]).status, Some(0));
        assert_eq!((emails(&world).len(), cases(&world).len()), (4, 4), "step {step}");
    }
}

#[test]
fn fetch_6_the_third_death_in_a_message_quarantines_it_alone() {
    let mut world = World::on("sqlite");
    let server = dovecot::server();
    let mail = [letter("a", ""), letter("poison", ""), letter("c", "")];
    server.append("poison", "INBOX", mail.iter().map(Vec::as_slice));
    add_support(&world, "poison", server.port);
    let _ = world.run(&["fetch", "--limit", "1"]).ok();
    // As two passes leave it that died while they worked on UID 2.
    world.sql(
        "UPDATE account_states SET careful = 1; INSERT INTO attempts (position_id, uid, count) SELECT id, 2, 2 FROM positions",
    );
    let line = world.run(&["fetch"]).fails(65);
    assert!(line.contains("account support: 1 message could not be processed and is kept whole"), "{line}");
    let subjects: Vec<_> = emails(&world).iter().map(|email| email["subject"].as_str().unwrap().to_string()).collect();
    assert_eq!(subjects, ["About c", "About a"]);
    assert_eq!(world.run(&["fetch"]).ok(), "", "the mailbox is not held up");

    // A person looks at it, and takes it through the rules again under the UID it has.
    let kept = &world.json(&["quarantine", "list"])["items"][0];
    assert_eq!((kept["id"].as_i64(), kept["account"].as_str(), kept["uid"].as_i64()), (Some(1), Some("support"), Some(2)));
    assert!(world.run(&["quarantine", "show", "1", "--raw"]).ok().contains("Subject: About poison"));
    world.set("ESPOMAIL_PANIC_AT_STEP", "1");
    let refused = world.run(&["quarantine", "retry", "1"]);
    assert!(refused.stderr.contains("message 1 stays in quarantine: espomail failed on it"), "{refused:?}");
    assert_eq!(refused.status, Some(65));
    world.set("ESPOMAIL_PANIC_AT_STEP", "0");
    let error = world.json(&["quarantine", "show", "1"])["error"].as_str().unwrap().to_string();
    assert!(error.starts_with("espomail failed on it; this is a bug (at src/"), "{error}");
    assert!(world.run(&["quarantine", "retry", "1"]).ok().contains("imported"));
    assert_eq!(world.run(&["quarantine", "list"]).ok(), "");
    assert_eq!(emails(&world).len(), 3);
    let why = world.json(&["explain", "<poison@example.org>"]);
    assert_eq!((why["arrivals"][0]["uid"].as_i64(), why["arrivals"][0]["mailbox"].as_str()), (Some(2), Some("INBOX")));
    assert_eq!(
        world.run(&["quarantine", "retry", "1"]).fails(65),
        "espomail: there is no message 1 in quarantine; try: espomail quarantine list"
    );
}

in_both_worlds! {
fn why_1_a_dry_run_decides_everything_and_changes_nothing(world: &mut World, user: &str) {
    let server = dovecot::server();
    let mail = [letter("a", ""), letter("b", "In-Reply-To: <a@example.org>\r\n")];
    server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
    add_support(world, user, server.port);
    let rehearsed = world.json(&["fetch", "--dry-run"])["items"].as_array().unwrap().clone();
    let of = |at: usize| (&rehearsed[at]["decision"]["case"], &rehearsed[at]["decision"]["parent"]["record"]);
    assert_eq!(rehearsed.len(), 2);
    assert_eq!((&of(0).0["opened"], of(0).1), (&serde_json::json!(true), &serde_json::json!("case:1")));
    assert_eq!((&of(1).0["opened"], of(1).1), (&serde_json::json!(false), &serde_json::json!("case:1")), "it sees what the one before would have done");
    assert_eq!((emails(world).len(), cases(world).len()), (0, 0));
    let text = world.run(&["fetch", "--dry-run"]).ok();
    assert!(text.contains("case:1") && text.contains("About b"), "{text}");
    assert_eq!(world.run(&["fetch"]).ok(), "");
    assert_eq!((emails(world).len(), cases(world).len()), (2, 1), "what was rehearsed is what happens");
}
}

in_both_worlds! {
    fn fetch_2_a_deleted_email_does_not_come_back(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", [letter("a", "").as_slice(), letter("b", "").as_slice()]);
        add_support(world, user, server.port);
        world.run(&["fetch"]).ok();
        world.run(&["email", "delete", "<a@example.org>"]).ok();
        // Another mailbox has a copy, and the account is read anew.
        server.append(user, "Copies", [letter("a", "").as_slice()]);
        world.run(&["account", "set", "support", "--mailbox", "INBOX", "--mailbox", "Copies"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "duplicate": 1 }));
        world.run(&["account", "reset", "support", "--since", "2026-01-01"]).ok();
        assert_eq!(fetched(world), serde_json::json!({ "duplicate": 3 }));
        assert_eq!((emails(world).len(), cases(world).len()), (1, 2));
        // A person may bring it back.
        world.write(&world.path("a.eml"), &String::from_utf8(letter("a", "")).unwrap(), 0o600);
        world.run(&["import", "a.eml", "--account", "support"]).ok();
        assert_eq!(emails(world).len(), 2);
        server.append(user, "Copies", [letter("a", "").as_slice()]);
        world.run(&["fetch"]).ok();
        assert_eq!(world.json(&["explain", "<a@example.org>"])["arrivals"].as_array().unwrap().len(), 2, "the store knows it again");
    }

    fn inbox_2_a_mailbox_is_mapped_to_a_folder_of_its_owner(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", [letter("a", "").as_slice()]);
        server.append(user, "Lists", [letter("b", "").as_slice()]);
        world.run(&["user", "add", "ada"]).ok();
        world.run(&["folder", "add", "Later", "--user", "ada"]).ok();
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}internal-hosts = [\"127.0.0.1\"]\n"), 0o600);
        let more = ["--owner", "ada", "--mailbox", "INBOX", "--mailbox", "Lists", "--mailbox-folder", "Lists=Later"];
        add_account(world, "ada", user, server.port, &more);
        assert!(world.run(&["account", "show", "ada"]).ok().contains("Lists (to folder Later)"));
        world.run(&["fetch"]).ok();
        let folder = |id: &str| world.json(&["email", "show", id])["users"][0]["folder"].clone();
        assert_eq!((folder("<a@example.org>"), folder("<b@example.org>")), (Value::Null, "Later".into()));
        for (given, status) in [("Nowhere=Later", 64), ("Lists=Nowhere", 65), ("Lists", 64)] {
            world.run(&["account", "set", "ada", "--mailbox-folder", given]).fails(status);
        }
        world.run(&["account", "set", "ada", "--mailbox-folder", "Lists="]).ok();
        server.append(user, "Lists", [letter("c", "").as_slice()]);
        world.run(&["fetch"]).ok();
        assert_eq!(folder("<c@example.org>"), Value::Null);
    }
}
