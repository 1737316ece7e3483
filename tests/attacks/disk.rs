//! A disk that is full: nothing is lost, nothing is quarantined, nothing dies, and the exit status says whose fault it is. A limit
//! on the size of files stands for it (`ulimit -f`): it needs no rights and works on every machine, and every write beyond it fails.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::dovecot::{self, PASSWORD};
use crate::support::world::{Done, World};

/// Runs a command where no file grows beyond so many blocks of 512 bytes.
fn on_a_full_disk(world: &World, blocks: u64, arguments: &[&str], input: &str) -> Done {
    let command = world.command(arguments);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\" \"$@\"")]).arg(command.get_program()).args(arguments);
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(world.path("."));
    Done::of(&mut shell, input)
}

/// Bytes that cannot be packed.
pub fn noise(length: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"[(state % 64) as usize])
    };
    (0..length).map(|place| if place % 77 == 76 { '\n' } else { next() }).collect::<String>().replace('\n', "\r\n")
}

pub fn letter(id: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Customer <{id}@example.org>\r\nTo: support@example.com\r\nSubject: About {id}\r\n\
         Message-ID: <{id}@example.org>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

/// An account of the test's Dovecot.
pub fn add_account(world: &World, user: &str) {
    let port = dovecot::server().port.to_string();
    let server =
        ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--imap-port", &port];
    let login = ["--imap-security", "plain", "--imap-user", user, "--password-stdin", "--fetch-since", "2026-01-01"];
    world.run_with(&[&server[..], &login, &["--act-since", "2026-01-01", "--make-cases"]].concat(), PASSWORD).ok();
}

pub fn count(world: &World, what: &[&str]) -> usize {
    world.json(&[what, &["list"]].concat())["items"].as_array().unwrap().len()
}

#[test]
fn fetch_6_a_full_disk_quarantines_nothing_however_often_it_is_met() {
    let user = "full-disk";
    let mail = [letter("small", "x"), letter("large", &noise(6 << 20)), letter("last", "y")];
    dovecot::server().append(user, "INBOX", mail.iter().map(Vec::as_slice));
    let world = World::on("sqlite");
    add_account(&world, user);
    // As after a death: one message at a time, an attempt before each.
    world.sql("UPDATE account_states SET careful = 1");
    let size = std::fs::metadata(world.database()).unwrap().len();
    let mut seen = Vec::new();
    for _ in 0..5 {
        // Enough for what is there, and not for the large one.
        let done = on_a_full_disk(&world, size / 512 + 4_096, &["fetch", "support"], "");
        assert_eq!(done.status, Some(74), "{}", done.stderr);
        assert!(done.stderr.starts_with("espomail: account support: ") && done.stderr.lines().count() == 1, "{}", done.stderr);
        assert!(!done.stderr.contains("bug") && done.stderr.contains(" free at "), "{}", done.stderr);
        seen.push(count(&world, &["email"]));
    }
    assert_eq!(seen, [1; 5], "what was committed stays");
    // Not even room for an attempt.
    assert_eq!(on_a_full_disk(&world, 1, &["fetch", "support"], "").status, Some(74));
    let done = world.run(&["fetch", "support"]);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), "espomail: account support: works again\n"));
    assert_eq!((count(&world, &["email"]), count(&world, &["case"]), count(&world, &["quarantine"])), (3, 3, 0));
}

#[test]
fn fetch_6_real_deaths_count_and_faults_between_them_do_not() {
    for database in ["sqlite", "postgresql"] {
        let user = format!("real-deaths-{database}");
        let mail = [letter("poison", "x"), letter("good", "y")];
        dovecot::server().append(&user, "INBOX", mail.iter().map(Vec::as_slice));
        let mut world = World::on(database);
        add_account(&world, &user);
        // Dies with the first message in hand: in its batch, then alone, with what is no death in between.
        let mut die = |step: &str, status: Option<i32>| {
            world.set("ESPOMAIL_DIE_AT_STEP", step);
            assert_eq!(world.run(&["fetch", "support"]).status, status, "{database} {step}");
            world.set("ESPOMAIL_DIE_AT_STEP", "0");
        };
        die("2", None);
        die("2", None);
        die("2", None);
        let line = world.run(&["fetch", "support"]).fails(65);
        assert!(
            line.contains("mailbox INBOX: UID 1: 2 passes died while they worked on this message alone"),
            "{database}: {line}"
        );
        assert_eq!((count(&world, &["email"]), count(&world, &["quarantine"])), (1, 1), "{database}");
        assert_eq!(world.run(&["fetch", "support"]).ok(), "", "said once, {database}");
    }
}

#[test]
fn fetch_6_a_panic_is_one_line_with_its_place_and_quarantines_no_healthy_message() {
    let user = "panic-once";
    let mail = [letter("a", "x"), letter("b", "y")];
    dovecot::server().append(user, "INBOX", mail.iter().map(Vec::as_slice));
    let mut world = World::on("sqlite");
    add_account(&world, user);
    world.sql("UPDATE account_states SET careful = 1");
    let mut said = 0;
    for step in 1..12 {
        world.set("ESPOMAIL_PANIC_AT_STEP", &step.to_string());
        let done = world.run(&["fetch", "support"]);
        world.set("ESPOMAIL_PANIC_AT_STEP", "0");
        let is_one_line = done.stderr.starts_with("espomail: account support: ") && done.stderr.lines().count() == 1;
        assert!(done.stderr.is_empty() || is_one_line, "step {step}: {}", done.stderr);
        if is_one_line && !done.stderr.ends_with(": works again\n") {
            said += 1;
            assert!(done.stderr.contains("this is a bug (at src/fault.rs:"), "step {step}: {}", done.stderr);
        }
    }
    assert!(said > 0, "too little was done");
    assert_eq!(world.run(&["fetch", "support"]).status, Some(0));
    assert_eq!((count(&world, &["email"]), count(&world, &["quarantine"])), (2, 0));
}

#[test]
fn init_on_a_full_disk_says_74_or_73_and_the_next_one_is_whole() {
    let mut seen = std::collections::BTreeSet::new();
    for blocks in [0, 1, 32, 64, 128, 512, 1_024, 2_048, 4_096, 100_000] {
        let world = World::empty();
        let done = on_a_full_disk(&world, blocks, &["init"], "");
        seen.insert(done.status);
        match done.status {
            Some(0) => {}
            Some(73 | 74) => {
                assert!(done.stderr.lines().count() == 1 && !done.stderr.contains("bug"), "{blocks}: {}", done.stderr);
            }
            other => panic!("{blocks}: {other:?} {}", done.stderr),
        }
        if done.status != Some(0) {
            world.run(&["init"]).ok();
        }
        add_account(&world, "nobody");
        assert_eq!(world.run(&["db", "status"]).status, Some(0), "{blocks}");
    }
    assert!(seen.contains(&Some(74)) && seen.contains(&Some(0)), "{seen:?}");
}

#[test]
fn every_command_that_writes_says_74_on_a_full_disk_and_changes_nothing() {
    let world = World::on("sqlite");
    add_account(&world, "nobody");
    let message = String::from_utf8(letter("a", &noise(100_000))).unwrap();
    for (arguments, input, status) in [
        (&["user", "add", "ada"][..], "", 74),
        (&["team", "add", "support"], "", 74),
        (&["record", "add", "contact", "Dora", "--address", "dora@example.org"], "", 74),
        (&["account", "set", "support", "--password-stdin"], "secret", 74),
        (&["template", "add", "ack", "--subject", "Thanks"], "It is here.", 74),
        (&["case", "create", "Pump"], "", 74),
        // An MTA keeps the message and tries again.
        (&["deliver", "--account", "support"], &message, 75),
    ] {
        let done = on_a_full_disk(&world, 1, arguments, input);
        assert_eq!(done.status, Some(status), "{arguments:?}: {}{}", done.stdout, done.stderr);
        assert!(done.stderr.lines().count() == 1 && !done.stderr.contains("bug"), "{arguments:?}: {}", done.stderr);
    }
    for what in ["user", "team", "template", "case", "email"] {
        assert_eq!(count(&world, &[what]), 0, "{what}");
    }
    assert_eq!(world.run_with(&["deliver", "--account", "support"], &message).ok(), "");
    assert_eq!(count(&world, &["email"]), 1);
    // What only reads needs no room.
    for line in [
        "status",
        "email list",
        "email show 1",
        "explain 1",
        "trace a@example.org",
        "account list",
        "case list",
        "audit list",
        "db status --room",
        "db check",
    ] {
        let done = on_a_full_disk(&world, 1, &line.split(' ').collect::<Vec<_>>(), "");
        assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""), "{line}: {}", done.stdout);
    }
    let done = on_a_full_disk(&world, 1, &["doctor", "--offline"], "");
    assert!(done.stdout.contains("\ndisk ") && done.stdout.contains("\ndatabase "), "{}{}", done.stdout, done.stderr);
}

#[test]
fn an_attachment_that_finds_no_room_is_74_and_leaves_no_half() {
    let world = World::on("sqlite");
    add_account(&world, "nobody");
    let body = noise(200_000);
    let message = format!(
        "From: a@example.org\r\nTo: support@example.com\r\nMessage-ID: <a@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=big.bin\r\n\r\n{body}\r\n--b--\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
    let save = ["email", "attachments", "<a@example.org>", "--save", "."];
    let done = on_a_full_disk(&world, 16, &save, "");
    assert_eq!(done.status, Some(74), "{}{}", done.stdout, done.stderr);
    assert!(!world.path("big.bin").exists());
    world.run(&save).ok();
    assert!(std::fs::metadata(world.path("big.bin")).unwrap().len() > 190_000);
}

#[test]
fn an_answer_that_cannot_be_written_is_74() {
    let world = World::on("sqlite");
    add_account(&world, "nobody");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = world.command(&["-o", "json", "account", "list"]).stdout(Stdio::from(full)).output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{line}");
    assert!(line.starts_with("espomail: cannot write to standard output: "), "{line}");
    let _: Value = world.json(&["account", "list"]);
}
