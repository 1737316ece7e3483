//! Moving everything to the other kind of database: whole, once, and nobody works with both. Through the real binary.

use std::collections::{BTreeMap, BTreeSet};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::Value;

use crate::support::postgres::empty_database;
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with a bit of everything: people, an account with a stored password, cases, odd letters, a letter that waits.
fn lived_in(sink: &SmtpSink) -> World {
    let world = World::new();
    let port = sink.port.to_string();
    world.run(&["user", "add", "ada", "--name", "Ada Ünï", "--address", "ada@example.com"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--make-cases", "--shared"];
    world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
    world.run_with(&["template", "add", "ack", "--subject", "We have got it", "--file", "-"], "It is here.").ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    for file in ["nul", "iso-2022-jp", "winmail", "bounce", "calendar"] {
        let mail = std::fs::read(format!("{}/tests/corpus/{file}.eml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let path = world.path(file);
        std::fs::write(&path, mail).unwrap();
        world.run(&["import", path.to_str().unwrap(), "--account", "support", "--force"]).ok();
    }
    deliver(&world, "first");
    world.run(&["send"]).ok();
    deliver(&world, "second");
    world
}

fn deliver(world: &World, id: &str) {
    let mail = format!(
        "From: {id}@example.org\r\nTo: support@example.com\r\nSubject: Pump {id}\r\nMessage-ID: <{id}@example.org>\r\n\r\nIt leaks.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &mail).ok();
}

/// The digests of the tables of a move.
fn digests(report: &Value) -> BTreeMap<String, String> {
    let tables = report["tables"].as_array().unwrap().iter();
    tables.map(|one| (one["table"].as_str().unwrap().to_string(), one["digest"].as_str().unwrap().to_string())).collect()
}

fn refused(url: &str, sql: &str) -> String {
    let error = match url.strip_prefix("sqlite:") {
        Some(path) => diesel::SqliteConnection::establish(path).unwrap().batch_execute(sql).unwrap_err(),
        None => diesel::PgConnection::establish(url).unwrap().batch_execute(sql).unwrap_err(),
    };
    error.to_string()
}

/// The constraints of a PostgreSQL database, in one text.
fn constraints(url: &str) -> String {
    use diesel::RunQueryDsl;
    let of = "(SELECT string_agg(conrelid::regclass || conname || pg_get_constraintdef(oid), ';' ORDER BY conrelid::regclass::text, conname)
               FROM pg_constraint WHERE connamespace = 'public'::regnamespace)";
    let mut database = diesel::PgConnection::establish(url).unwrap();
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>(of)).get_result(&mut database).unwrap()
}

#[test]
fn send_12_everything_moves_there_and_back_and_the_old_database_refuses() {
    let sink = SmtpSink::start(Manners::default());
    let world = lived_in(&sink);
    let sent = sink.taken().len();
    let there = empty_database();
    // What it would do.
    let told = world.json(&["db", "move", "--to", &there, "--dry-run"]);
    assert!(told["rows"].as_u64().unwrap() > 100 && told["were_there"] == 0, "{told}");
    assert_eq!(world.run(&["--database", &there, "db", "status"]).status, Some(1));
    // Where somebody works, nothing goes, and no password stands on a command line.
    let used = World::on("postgresql");
    assert!(world.run(&["db", "move", "--to", &used.url()]).fails(78).contains("has something in it"));
    let said = world.run(&["db", "move", "--to", "postgresql://ada:hunter2@localhost/x"]).fails(64);
    assert!(!said.contains("hunter2") && said.contains("--to -"), "{said}");
    world.sql("UPDATE account_states SET lease_owner = 'elsewhere/1/00000000', lease_until = 99999999999");
    assert!(world.run(&["db", "move", "--to", &there]).fails(75).contains("a pass is at work with the database: elsewhere/1/"));
    world.sql("UPDATE account_states SET lease_owner = NULL, lease_until = NULL");
    deliver(&world, "third");

    let moved = world.run_with(&["-o", "json", "db", "move", "--to", "-"], &format!("{there}\n")).ok();
    let moved: Value = serde_json::from_str(&moved).unwrap();
    assert_eq!(moved["state"], "moved");
    assert_eq!(constraints(&there), constraints(&used.url()), "as migrations made them");
    let schema = include_str!("../src/store/schema.rs").lines().map(str::trim);
    let schema: BTreeSet<&str> = schema.filter_map(|line| Some(line.strip_suffix(") {")?.split_once(" (")?.0)).collect();
    let tables = digests(&moved);
    assert_eq!(tables.keys().map(String::as_str).collect::<BTreeSet<_>>(), schema, "no table is forgotten");
    for line in [&["fetch"][..], &["send"], &["case", "list"], &["db", "move", "--to", &there]] {
        let said = world.run(line).fails(78);
        assert!(said.contains("was moved to postgresql://") && said.contains("database = \"postgresql://"), "{said}");
    }
    assert!(refused(&world.url(), "UPDATE users SET name = 'x'").contains("is closed for a move"));
    assert_eq!(world.run(&["db", "status"]).status, Some(1));

    // And back, from what is whole.
    assert_eq!(world.run(&["--database", &there, "doctor", "--prove", "--offline"]).stdout.matches("wrong").count(), 0);
    let back = format!("sqlite:{}", world.path("back.sqlite").display());
    let returned = world.json(&["--database", &there, "db", "move", "--to", "sqlite:back.sqlite"]);
    let returned = digests(&returned);
    for (table, digest) in &tables {
        // These say of themselves that they moved.
        if !["settings", "counters", "audit"].contains(&table.as_str()) {
            assert_eq!(returned.get(table), Some(digest), "{table}");
        }
    }
    assert!(world.run(&["--database", &there, "fetch"]).fails(78).contains("was moved to sqlite:/"));
    assert!(refused(&there, "DELETE FROM emails WHERE id < 0").contains("is closed for a move"));
    let at = |line: &[&str]| world.run(&[&["--database", &back][..], line].concat());
    assert!(at(&["db", "check"]).ok().ends_with(": whole.\n"));
    assert_eq!(at(&["send"]).ok(), "", "it is no copy that was put back");
    assert_eq!(sink.taken().len(), sent + 2, "what waited went out");
    assert_eq!(at(&["email", "list", "--search", "pump third"]).ok().lines().count(), 2);
    assert!(at(&["audit", "list", "--limit", "3"]).ok().contains("db move"));
}

#[test]
fn a_move_that_is_killed_at_any_instant_goes_on_and_never_are_both_open() {
    let sink = SmtpSink::start(Manners::default());
    let world = lived_in(&sink);
    let state = |url: &str| {
        let done = world.run(&["-o", "json", "--database", url, "db", "status"]);
        serde_json::from_str::<Value>(&done.stdout)
            .map_or_else(|_| "none".to_string(), |told| told["state"].as_str().unwrap().to_string())
    };
    let (here, there) = (world.url(), format!("sqlite:{}", world.path("there.sqlite").display()));
    let rows = world.json(&["db", "move", "--to", &there, "--dry-run"])["rows"].clone();
    let mut seen = BTreeSet::new();
    let moved = (1..).find_map(|n| {
        let mut command = world.command(&["-o", "json", "db", "move", "--to", &there]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(12 * n));
        let _ = child.kill();
        let done = child.wait_with_output().unwrap();
        let states = (state(&here), state(&there));
        if states.0 == "current" && states.1 == "current" {
            let has = world.json(&["--database", &there, "email", "list"])["items"].clone();
            assert_eq!(has, serde_json::json!([]), "the new one was made, and nothing has come");
        }
        let is_over = states.0 == "moved" && states.1 == "current";
        seen.insert(states);
        assert!(n < 100, "it comes to an end: {seen:?}");
        is_over.then(|| serde_json::from_slice::<Value>(&done.stdout).unwrap_or_default())
    });
    assert!(seen.len() > 2, "it was killed here and there: {seen:?}");
    // It may have been killed after its last word.
    let told = moved.unwrap();
    assert!(told.is_null() || told["rows"] == rows, "{told}");
    assert_eq!((state(&here).as_str(), state(&there).as_str()), ("moved", "current"));
    assert!(world.run(&["--database", &there, "db", "check"]).ok().ends_with(": whole.\n"));
    assert_eq!(world.run(&["--database", &there, "send"]).ok(), "", "nothing is held");
}

#[test]
fn a_move_that_ended_goes_on_and_can_be_taken_back() {
    let sink = SmtpSink::start(Manners::default());
    let world = lived_in(&sink);
    let there = empty_database();
    // PostgreSQL takes no NUL: the move ends in the midst of it.
    let odd = "UPDATE templates SET plain = CAST(x'610062' AS TEXT)";
    world.sql(odd);
    let said = world.run(&["db", "move", "--to", &there]).fails(65);
    assert!(said.contains("the table templates: plain is no text that PostgreSQL takes, where id = 1"), "{said}");
    // Passes leave it alone; everybody else hears of it.
    for pass in [&["fetch"][..], &["send"], &["notify"]] {
        assert_eq!(world.run(pass).ok(), "");
    }
    let done = world.run(&["-v", "send"]);
    assert!(done.status == Some(0) && done.stderr.contains("is being moved to postgresql://"), "{done:?}");
    assert!(world.run(&["case", "list"]).fails(75).contains("is being moved to"));
    assert!(world.run(&["--database", &there, "case", "list"]).fails(78).contains("is being filled from sqlite:"));
    assert!(world.run(&["db", "status"]).stdout.contains("being moved to"));
    assert!(refused(&world.url(), odd).contains("is closed for a move"));
    assert!(world.run(&["db", "move", "--to", "sqlite:other.sqlite"]).fails(78).contains("--abandon"));
    // Mended by force, it goes on.
    let mended = |text: &str| format!("DROP TRIGGER espomail_closed_templates_UPDATE; UPDATE templates SET plain = {text}");
    world.sql(&mended("NULL"));
    let told = world.json(&["db", "move", "--to", &there, "--dry-run"]);
    let moved = world.json(&["db", "move", "--to", &there]);
    assert!(told["were_there"].as_u64().unwrap() > 50, "{told}");
    assert_eq!((&moved["state"], &moved["were_there"]), (&"moved".into(), &told["were_there"]));
    assert!(world.run(&["db", "move", "--abandon"]).fails(78).contains("move it back from there"));
    world.run(&["--database", &there, "send"]).ok();

    // Taken back, the old one is as ever; begun anew, nothing of the first time is left.
    let world = lived_in(&sink);
    let there = empty_database();
    world.sql(odd);
    world.run(&["db", "move", "--to", &there]).fails(65);
    assert!(world.run(&["db", "move", "--abandon"]).ok().starts_with("The database takes changes again."));
    world.sql("UPDATE templates SET plain = NULL");
    world.sql("DELETE FROM notes");
    deliver(&world, "fourth");
    let moved = world.json(&["db", "move", "--to", &there]);
    assert_eq!(moved["were_there"], 0);
    assert!(world.run(&["--database", &there, "db", "check"]).status.is_some());
    assert!(world.run(&["--database", &there, "email", "list", "--search", "fourth"]).ok().contains("Pump fourth"));
}
