//! `espomail reconcile`: every UID on a server against its fate (WHY-3), also where the server lies, and where the mailbox is another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::imap::{BentImap, Mailbox};
use crate::support::world::World;

const DATABASES: [&str; 2] = ["sqlite", "postgresql"];

fn letter(number: u32) -> Vec<u8> {
    format!(
        "From: Customer <customer@example.org>\r\nTo: support@example.com\r\nSubject: Matter {number}\r\n\
         Message-ID: <m{number}@example.org>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\nText\r\n"
    )
    .into_bytes()
}

fn at_work(database: &str, messages: u32) -> (World, BentImap) {
    let (world, server) = (World::on(database), BentImap::start());
    (1..=messages).for_each(|uid| server.put(uid, &letter(uid)));
    let port = server.port.to_string();
    let add = "account add support --address support@example.com --imap-host 127.0.0.1 --imap-security plain --imap-user support \
               --password-stdin --fetch-since 2026-01-01 --act-since 2026-01-01 --imap-port";
    let words: Vec<&str> = add.split_ascii_whitespace().chain([port.as_str()]).collect();
    world.run_with(&words, "secret").ok();
    (world, server)
}

/// Answers a search with all but some UIDs.
fn search_without(mailbox: &Mailbox, command: &str, hidden: impl Fn(u32) -> bool) -> Option<Vec<u8>> {
    if !command.starts_with("UID SEARCH") {
        return None;
    }
    let answer = String::from_utf8(mailbox.answer(command, &|_| None)).unwrap();
    let (found, done) = answer.split_once("\r\n").unwrap();
    let found = found.split(' ').filter(|word| word.parse().is_ok_and(|uid| !hidden(uid)));
    Some(format!("* SEARCH{}\r\n{done}", found.map(|uid| format!(" {uid}")).collect::<String>()).into_bytes())
}

fn count(world: &World) -> usize {
    world.json(&["email", "list", "--limit", "1000"])["items"].as_array().unwrap().len()
}

/// What was compared, with the exit status.
fn reconciled(world: &World, more: &[&str]) -> (Option<i32>, Value) {
    let done = world.run(&[&["-o", "json", "reconcile"], more].concat());
    let told: Value =
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", done.stdout, done.stderr));
    (done.status, told)
}

fn proves(world: &World) {
    let proved = world.run(&["-o", "json", "doctor", "--prove"]);
    assert_eq!(proved.status, Some(0), "{}{}", proved.stdout, proved.stderr);
}

#[test]
fn why_3_what_is_missing_is_named_and_taken_in_once() {
    for database in DATABASES {
        let (world, server) = at_work(database, 5);
        server.with(|mailbox| mailbox.messages.get_mut(&1).unwrap().0 = "05-Jan-1999 10:00:00 +0000".to_string());
        // It finds too few messages since the beginning, and leaves out one of those behind.
        server
            .bend(|mailbox, command| search_without(mailbox, command, |uid| uid == 4 || (command.contains("SINCE") && uid < 3)));
        assert_eq!(world.json(&["fetch"])["items"][0]["messages"], json!({ "imported": 2 }));
        server.straighten();
        let (status, told) = reconciled(&world, &[]);
        let one = &told["items"][0];
        assert_eq!((status, &told["missing"], &told["is_whole"]), (Some(1), &json!(2), &json!(true)), "{told}");
        assert_eq!(
            (&one["missing_uids"], &one["older"], &one["on_server"]),
            (&json!(["2", "4"]), &json!(1), &json!(5)),
            "{told}"
        );
        assert_eq!(one["fates"], json!({ "imported": 2 }));
        let done = world.run(&["reconcile", "support"]);
        assert!(done.stdout.ends_with("\nMissing: 2\n"), "{}", done.stdout);
        let line = "espomail: account support, mailbox INBOX: missing: UID 2 4; try: espomail reconcile support --import-missing";
        assert_eq!(done.fails(1), line);
        assert_eq!(count(&world), 2, "nothing is changed");
        // What came since is no miss.
        server.put(6, &letter(6));
        assert_eq!(reconciled(&world, &[]).1["items"][0]["waiting"], 1);
        let (status, told) = reconciled(&world, &["--import-missing"]);
        let one = &told["items"][0];
        assert_eq!((status, &told["missing"], &one["taken"]), (Some(0), &json!(0), &json!({ "imported": 2 })), "{told}");
        assert_eq!((count(&world), &one["fates"], &one["waiting"]), (5, &json!({ "imported": 5 }), &json!(0)), "{told}");
        proves(&world);
        // A message that was gone for a while and is there again.
        world.sql("UPDATE fates SET fate = 'gone', email_id = NULL WHERE uid = 5");
        assert_eq!(reconciled(&world, &[]).1["items"][0]["missing_uids"], json!(["5"]));
        assert_eq!(reconciled(&world, &["--import-missing"]).1["items"][0]["taken"], json!({ "duplicate": 1 }));
        // From an earlier moment on: all that lies between has its fate then.
        world.run(&["account", "set", "support", "--fetch-since", "1999-01-01"]).ok();
        assert_eq!(reconciled(&world, &["--import-missing"]).1["items"][0]["taken"], json!({ "archived": 1 }), "FETCH-14");
        assert_eq!((reconciled(&world, &["--import-missing"]).0, count(&world)), (Some(0), 6));
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(world.run(&["reconcile"]).ok().lines().last(), Some("Missing: 0"));
        proves(&world);
    }
}

#[test]
fn why_3_a_server_is_not_believed_in_one_way_only() {
    let (world, server) = at_work("sqlite", 4);
    // What a search never finds, its UID brings.
    server.bend(|mailbox, command| search_without(mailbox, command, |uid| uid == 2));
    assert_eq!(world.json(&["fetch"])["items"][0]["messages"], json!({ "imported": 3 }));
    assert_eq!(reconciled(&world, &[]).1["items"][0]["missing_uids"], json!(["2"]));
    assert_eq!(reconciled(&world, &["--import-missing"]).0, Some(0));
    assert_eq!(count(&world), 4);
    // A server that lists fewer than it says it has proves nothing.
    server.bend(|mailbox, command| {
        let examined = || String::from_utf8(mailbox.answer(command, &|_| None)).unwrap();
        command.starts_with("EXAMINE").then(|| examined().replace("* 4 EXISTS", "* 7 EXISTS").into_bytes())
    });
    let done = world.run(&["reconcile"]);
    assert_eq!(done.status, Some(76), "{}", done.stdout);
    assert!(done.stderr.contains("says that it has 7 messages, and lists 4: of the others nothing is known"), "{}", done.stderr);
    assert!(done.stdout.ends_with("Missing: 0, and not everything was compared\n"), "{}", done.stdout);
    // One that lists a message and does not hand it over is named, and nothing is called missing or complete.
    server.straighten();
    server.put(5, &letter(5));
    server.bend(|mailbox, command| {
        let nothing = |uid| (uid == 5 && command.contains("BODY")).then(Vec::new);
        command.starts_with("UID FETCH").then(|| mailbox.answer(command, &nothing))
    });
    world.run(&["fetch"]).ok();
    let told = world.run(&["reconcile"]).ok();
    assert!(told.contains("the server does not hand over 1: espomail quarantine list"), "{told}");
    // One that closes the door is told as in a fetch.
    server.bend(|_, command| command.starts_with("UID SEARCH").then(|| b"{tag} NO [UNAVAILABLE] later\r\n".to_vec()));
    let done = world.run(&["reconcile"]);
    assert_eq!(done.status, Some(69), "{}", done.stderr);
    assert!(done.stdout.ends_with("not everything was compared\n"), "{}", done.stdout);
}

#[test]
fn why_3_a_mailbox_that_is_another_one_waits_and_is_found_again() {
    for database in DATABASES {
        let (world, server) = at_work(database, 4);
        assert_eq!(reconciled(&world, &[]).1["items"][0]["because"], "no pass has read it yet");
        world.run(&["fetch"]).ok();
        server.with(|mailbox| mailbox.uidvalidity = 6);
        let (status, told) = reconciled(&world, &[]);
        let one = &told["items"][0];
        assert_eq!((status, &one["waiting"], &one["because"]), (Some(0), &json!(4), &json!("UIDVALIDITY changed to 6")));
        // Nothing doubles.
        assert_eq!(reconciled(&world, &["--import-missing"]).1["items"][0]["fates"], json!({ "duplicate": 4 }));
        // Put back from a copy and filled again, where the last known message is gone: only the headers tell.
        server.with(|mailbox| {
            mailbox.messages.remove(&4);
            mailbox.messages.get_mut(&2).unwrap().1 = letter(22);
        });
        server.put(5, &letter(5));
        world.run(&["fetch"]).ok();
        assert_eq!((reconciled(&world, &[]).0, count(&world)), (Some(0), 5));
        let (status, told) = reconciled(&world, &["--deep"]);
        assert_eq!((status, &told["items"][0]["replaced"], &told["missing"]), (Some(1), &json!(1), &json!(1)), "{told}");
        assert_eq!(told["items"][0]["missing_uids"], json!(["2"]));
        let (status, told) = reconciled(&world, &["--deep", "--import-missing"]);
        assert_eq!((status, count(&world)), (Some(0), 6), "{told}");
        assert_eq!(told["items"][0]["fates"], json!({ "imported": 1, "duplicate": 3 }), "{told}");
        proves(&world);
    }
}

#[test]
fn why_3_while_another_pass_is_at_work_nothing_is_called_complete() {
    let (world, server) = at_work("sqlite", 2);
    let reads = Arc::new(AtomicBool::new(false));
    let begun = Arc::clone(&reads);
    // The fetch is held up in the middle.
    server.bend(move |_, command| {
        if command.contains("BODY") && !begun.swap(true, Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(1_500));
        }
        None
    });
    let mut fetch = world.command(&["fetch"]).spawn().unwrap();
    while !reads.load(Ordering::SeqCst) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let done = world.run(&["reconcile", "--patience", "0"]);
    assert_eq!(done.status, Some(75), "{}", done.stdout);
    assert!(
        done.stderr.contains("account support: another pass is at work, so nothing was compared; try again"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.ends_with("Missing: 0, and not everything was compared\n"), "{}", done.stdout);
    // Cron starts both in one minute: it waits for its turn.
    assert_eq!(reconciled(&world, &[]).0, Some(0));
    assert!(fetch.wait().unwrap().success());
}

/// Kills `reconcile --import-missing` at its first step, at its second, and so on until one comes through.
#[test]
fn why_3_a_death_at_any_step_takes_each_missing_message_in_once() {
    let (mut world, server) = at_work("sqlite", 3);
    server.bend(|mailbox, command| search_without(mailbox, command, |uid| command.contains("SINCE") && uid < 3));
    world.run(&["fetch"]).ok();
    let (database, copy) = (world.database(), world.path("copy"));
    std::fs::copy(&database, &copy).unwrap();
    for step in 1.. {
        for beside in ["sqlite-wal", "sqlite-shm"] {
            let _ = std::fs::remove_file(database.with_extension(beside));
        }
        std::fs::copy(&copy, &database).unwrap();
        world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
        let first = world.run(&["reconcile", "--import-missing"]);
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
        let (status, told) = reconciled(&world, &["--import-missing"]);
        assert_eq!((status, count(&world)), (Some(0), 3), "step {step}: {told}");
        assert_eq!(told["items"][0]["fates"], json!({ "imported": 3 }), "step {step}: {told}");
        if first.status == Some(0) {
            assert!(step > 8, "{step} steps are too few to have been at work");
            proves(&world);
            return;
        }
        assert_eq!(first.status, None, "step {step}: {}", first.stderr);
    }
}
