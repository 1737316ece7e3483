//! PostgreSQL goes away: refused, shut, cut in the middle of anything. Every command says 69 or 75 in one line, none says that it
//! is a bug, nothing is lost, doubled or quarantined, and the next one goes on.

use super::disk::{add_account, count, letter, noise};
use crate::support::dovecot;
use crate::support::postgres::{self, Door};
use crate::support::world::{Done, World};

/// A world whose database is behind a door.
fn behind(door: &Door) -> World {
    World::at(&door.url(&postgres::empty_database()))
}

#[track_caller]
fn is_an_outage(done: &Done, what: &str) {
    assert!(matches!(done.status, Some(69 | 75)), "{what}: {:?} {}{}", done.status, done.stdout, done.stderr);
    assert!(!done.stderr.is_empty() && done.stderr.lines().all(|line| line.starts_with("espomail: ")), "{what}: {}", done.stderr);
    assert!(!done.stderr.contains("bug") && !done.stderr.contains("panic"), "{what}: {}", done.stderr);
}

/// One command of each kind, with what it reads.
fn commands() -> Vec<(Vec<&'static str>, String)> {
    let message = String::from_utf8(letter("delivered", "x")).unwrap();
    [
        "fetch",
        "send",
        "notify",
        "import a.eml --account support",
        "explain a.eml --account support",
        "reprocess --all",
        "account list",
        "account show support",
        "account set support --from-name S",
        "user add ben",
        "user list",
        "team add sales",
        "team list",
        "role list",
        "record add contact Eve --address eve@example.org",
        "record list",
        "case list",
        "case create Valve",
        "case show 1",
        "review list",
        "email list",
        "email list --search pump",
        "email compose --to dora@example.org --subject x --text x --queue",
        "filter list",
        "folder list",
        "notification list --user ada",
        "template list",
        "outbox list",
        "budget list",
        "quarantine list",
        "audit list",
        "token list",
        "db status",
        "status",
        "doctor --prove",
        "db migrate",
        "init",
        "db restored",
    ]
    .into_iter()
    .map(|line| (line.split(' ').collect(), String::new()))
    .chain([(vec!["deliver", "--account", "support"], message)])
    .collect()
}

fn furnished(door: &Door, user: &str) -> World {
    let world = behind(door);
    world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
    add_account(&world, user);
    world.run(&["account", "set", "support", "--smtp-host", "127.0.0.1", "--smtp-port", "1", "--system"]).ok();
    world.run_with(&["deliver", "--account", "support"], std::str::from_utf8(&letter("a", "pump")).unwrap()).ok();
    world.write(&world.path("a.eml"), std::str::from_utf8(&letter("b", "x")).unwrap(), 0o600);
    world
}

#[test]
fn every_command_says_69_or_75_while_postgresql_is_away() {
    let door = Door::open();
    let world = furnished(&door, "away");
    door.let_in(Some(0));
    for (arguments, input) in commands() {
        is_an_outage(&world.run_with(&arguments, &input), &arguments.join(" "));
    }
    door.let_in(None);
    assert_eq!(count(&world, &["email"]), 1);
}

#[test]
fn every_command_says_69_or_75_where_postgresql_goes_away_in_the_middle() {
    let door = Door::open();
    dovecot::server().append("cut", "INBOX", [letter("fetched", "x").as_slice(), letter("too", "y").as_slice()]);
    let world = furnished(&door, "cut");
    let mut cuts = 0;
    for (arguments, input) in commands() {
        let what = arguments.join(" ");
        // The beginning of a session, then further and further in, until it comes through.
        let mut bytes = 300;
        loop {
            door.let_in(Some(bytes));
            let done = world.run_with(&arguments, &input);
            let is_through = door.is_left();
            door.let_in(None);
            if is_through {
                break;
            }
            // What was done before the cut may be all there was to do, or have been done the time before.
            if !matches!(done.status, Some(0 | 65 | 73)) || done.stderr.contains("bug") {
                is_an_outage(&done, &format!("{what}, cut behind {bytes} bytes"));
                cuts += 1;
            }
            bytes *= 2;
        }
    }
    assert!(cuts > 60, "{cuts} cuts are too few");
    world.run(&["fetch", "support"]).ok();
    assert_eq!(count(&world, &["quarantine"]), 0);
    let found = world.json(&["email", "list"]).to_string();
    for id in ["a", "b", "fetched", "too", "delivered"] {
        assert_eq!(found.matches(&format!("\"About {id}\"")).count(), 1, "{id}: {found}");
    }
}

#[test]
fn fetch_6_an_outage_in_the_middle_of_a_message_quarantines_nothing_however_often() {
    let door = Door::open();
    let mail = [letter("small", "x"), letter("large", &noise(3 << 20)), letter("last", "y")];
    dovecot::server().append("outage", "INBOX", mail.iter().map(Vec::as_slice));
    let world = behind(&door);
    add_account(&world, "outage");
    world.sql("UPDATE account_states SET careful = TRUE");
    for _ in 0..5 {
        door.let_in(Some(1 << 20));
        is_an_outage(&world.run(&["fetch", "support"]), "cut in the large one");
        door.let_in(None);
        assert_eq!((count(&world, &["email"]), count(&world, &["quarantine"])), (1, 0));
    }
    assert_eq!(world.run(&["fetch", "support"]).ok(), "");
    assert_eq!((count(&world, &["email"]), count(&world, &["case"]), count(&world, &["quarantine"])), (3, 3, 0));
}

#[test]
fn a_server_that_takes_no_writes_or_no_sessions_is_unavailable() {
    let door = Door::open();
    dovecot::server().append("read-only", "INBOX", [letter("a", "x").as_slice()]);
    let world = behind(&door);
    add_account(&world, "read-only");
    let alter = |what: &str| {
        world.sql(&format!("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {what}', current_database()); END $$"));
    };
    // As a standby is (25006).
    alter("SET default_transaction_read_only = on");
    for arguments in [&["fetch", "support"][..], &["user", "add", "ada"], &["case", "create", "x"]] {
        is_an_outage(&world.run(arguments), &arguments.join(" "));
    }
    world.run(&["account", "list"]).ok();
    world.sql("SET transaction_read_only = off; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$");
    world.run(&["fetch", "support"]).ok();
    assert_eq!(count(&world, &["email"]), 1);
}

/// Sets a flag when it goes out of scope.
struct AtTheEnd<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_session_that_is_ended_in_the_middle_of_a_pass_is_unavailable() {
    // 57P01, again and again, from the side.
    let mail: Vec<_> = (0..40).map(|n| letter(&format!("m{n}"), &noise(20_000))).collect();
    dovecot::server().append("terminated", "INBOX", mail.iter().map(Vec::as_slice));
    let world = World::on("postgresql");
    add_account(&world, "terminated");
    let config = std::fs::read_to_string(world.config()).unwrap();
    let more = "[fetch]\nbatch-messages = 2\n";
    world.write(&world.config(), &format!("{config}\n{more}"), 0o600);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also when what is asserted below does not hold: nobody waits for it for ever.
        let _end = AtTheEnd(&over);
        let over = &over;
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                std::thread::sleep(std::time::Duration::from_millis(130));
                world.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'espomail%'",
                );
            }
        });
        let mut was_failing = false;
        for _ in 0..12 {
            let done = world.run(&["fetch", "support"]);
            // The same failure is said once an hour.
            if was_failing && done.stderr.is_empty() {
                assert!(matches!(done.status, Some(0 | 69 | 75)), "{:?}", done.status);
            } else if done.status != Some(0) {
                is_an_outage(&done, "terminated");
            }
            was_failing = done.status != Some(0);
        }
    });
    assert_eq!(world.run(&["fetch", "support"]).status, Some(0));
    assert_eq!(
        (count(&world, &["quarantine"]), world.json(&["email", "list", "--limit", "100"])["items"].as_array().unwrap().len()),
        (0, 40)
    );
}
