//! The command line from outside: set-up, round trips of every noun, exit codes, and what must never be printed.

mod accounts;
mod cases;
mod emails;
mod endings;
mod filters;
mod hand;
mod inbox;
mod people;
mod policy;
mod records;
mod reprocess;
mod said;
mod sharing;
mod taken_back;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::json;

use crate::support::world::World;

/// A team support with ada and ben, another, books, and the group account of the first.
fn desk_on(database: &str, users: &[&str]) -> World {
    let world = World::on(database);
    for team in ["support", "books"] {
        world.run(&["team", "add", team]).ok();
    }
    for user in users {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "join", "support", "ada", "ben"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
    world.run_with(&[&add[..], &["--team", "support", "--password-stdin"]].concat(), "hunter2\n").ok();
    world
}

fn deliver(world: &World, id: &str, subject: &str) {
    let message = format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: {subject}\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n\r\nWords.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

/// The numbers of the e-mails that a list has.
fn listed(world: &World, arguments: &[&str]) -> Vec<i64> {
    let list = world.json(&[&["email", "list"], arguments].concat());
    let mut numbers: Vec<i64> = list["items"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn init_makes_configuration_key_and_database_for_their_owner_alone_and_keeps_what_is_there() {
    let world = World::empty();
    let said = world.run(&["init"]).ok();
    assert!(said.contains("Configuration: ") && said.contains("Next: espomail account add"), "{said}");
    for path in [world.config(), world.config().with_file_name("espomail.key"), world.path(".config/espomail/espomail.sqlite")] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let key = std::fs::read(world.config().with_file_name("espomail.key")).unwrap();
    let line = world.run(&["init"]).fails(73);
    assert!(line.ends_with("; try: espomail db status"), "{line}");
    std::fs::remove_file(world.config()).unwrap();
    assert_eq!(world.json(&["init"])["config"], json!(world.config()));
    assert_eq!(std::fs::read(world.config().with_file_name("espomail.key")).unwrap(), key);
    world.run(&["user", "list"]).ok();
}

#[test]
fn init_takes_another_database_and_a_missing_one_is_made_anew() {
    let world = World::empty();
    let url = format!("sqlite:{}", world.path("elsewhere/mail.sqlite").display());
    world.run(&["--database", "sqlite:elsewhere/mail.sqlite", "init"]).ok();
    assert_eq!(world.json(&["db", "status"])["database"], json!(url));
    std::fs::remove_file(world.path("elsewhere/mail.sqlite")).unwrap();
    assert_eq!(world.json(&["init"])["database"], json!(url));
    let line = world.run(&["--database", "sqlite:other.sqlite", "init"]).fails(73);
    assert!(line.contains("names another database"), "{line}");
}

#[test]
fn a_wrong_configuration_ends_in_78_with_file_line_and_next_step() {
    let world = World::new();
    let good = std::fs::read_to_string(world.config()).unwrap();
    for (text, part) in [
        (format!("{good}\n[fetch]\nworkrs = 3\n"), "unknown key `workrs`; did you mean `workers`?"),
        (format!("{good}\n[fetch]\nworkers = \"many\"\n"), "invalid type"),
        (format!("{good}\n[fetch\n"), "config.toml:9: "),
        (good.replace("sqlite:", "mysql:"), "it must begin with sqlite: or postgresql://"),
        (good.replace("espomail.sqlite", "gone.sqlite"), "try: espomail init"),
    ] {
        world.write(&world.config(), &text, 0o600);
        let line = world.run(&["user", "list"]).fails(78);
        assert!(line.contains(part), "{line}");
    }
    world.write(&world.config(), &format!("{good}\n[fetch]\nworkrs = 3\n"), 0o600);
    let line = world.run(&["config", "check"]).fails(78);
    assert!(line.contains("config.toml:10: "), "{line}");
    std::fs::remove_file(world.config()).unwrap();
    let line = world.run(&["config", "show"]).fails(78);
    assert!(line.ends_with("; try: espomail init"), "{line}");
}

#[test]
fn an_older_newer_or_empty_schema_ends_in_78_with_the_line_to_type() {
    let world = World::new();
    world.sql("CREATE TABLE kept AS SELECT * FROM __diesel_schema_migrations");
    world.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let line = world.run(&["case", "list"]).fails(78);
    assert!(line.contains("newer than this program") && line.contains("install the espomail that made it"), "{line}");
    assert!(world.run(&["db", "migrate"]).fails(78).contains("newer than this program"));
    assert_eq!(world.run(&["db", "status"]).status, Some(1));
    world.sql("DELETE FROM __diesel_schema_migrations");
    assert!(world.run(&["case", "list"]).fails(78).contains("; try: espomail "));
    world.sql("DELETE FROM __diesel_schema_migrations; INSERT INTO __diesel_schema_migrations SELECT * FROM kept");
    world.run(&["case", "list"]).ok();
    assert_eq!(world.json(&["db", "migrate"])["applied"], json!([]));
    assert_eq!(world.json(&["db", "status"])["state"], json!("current"));
    // A file without our tables.
    std::fs::write(world.path("empty.sqlite"), "").unwrap();
    let line = world.run(&["--database", "sqlite:empty.sqlite", "case", "list"]).fails(78);
    assert!(line.contains("the database is empty"), "{line}");
    assert_eq!(world.run(&["--database", "sqlite:empty.sqlite", "db", "status"]).status, Some(1));
    world.run(&["--database", "sqlite:empty.sqlite", "db", "migrate"]).ok();
    world.run(&["--database", "sqlite:empty.sqlite", "case", "list"]).ok();
}

#[test]
fn secrets_that_others_can_read_are_refused_with_the_chmod_line() {
    let mut world = World::new();
    world.write(&world.config(), "database = \"postgresql://me:hunter2@localhost/x\"\n", 0o640);
    let line = world.run(&["config", "show"]).fails(77);
    assert!(line.contains("; try: chmod 600 ") && !line.contains("hunter2"), "{line}");
    world.write(&world.config(), "database = \"postgresql://me:hunter2@localhost/x\"\n", 0o600);
    let shown = world.run(&["config", "show"]).ok();
    assert!(shown.contains("postgresql://me:…@localhost/x") && !shown.contains("hunter2"), "{shown}");
    world.set("ESPOMAIL_DATABASE", "postgresql://me:hunter2@127.0.0.1:1/x");
    let done = world.run(&["-vvv", "db", "status"]);
    assert_eq!(done.status, Some(69), "{}", done.stderr);
    assert!(!done.stderr.contains("hunter2") && !done.stdout.contains("hunter2"), "{}", done.stderr);

    let world = World::new();
    std::fs::set_permissions(world.config().with_file_name("espomail.key"), PermissionsExt::from_mode(0o644)).unwrap();
    let line = world.run(&["config", "check"]).fails(77);
    assert!(line.contains("; try: chmod 600 "), "{line}");
}

#[test]
fn settings_tell_where_they_came_from() {
    let mut world = World::new();
    world.set("ESPOMAIL_DATABASE", "sqlite:from-environment.sqlite");
    let from = |world: &World, more: &[&str]| {
        let shown = world.json(&[more, &["config", "show"]].concat());
        let setting =
            |key: &str| shown["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap()["from"].clone();
        (setting("database"), setting("security.key-file"), setting("fetch.workers"))
    };
    let file = json!(world.config());
    assert_eq!(from(&world, &[]), (json!("ESPOMAIL_DATABASE"), file.clone(), json!("default")));
    assert_eq!(from(&world, &["--database", "sqlite:x"]).0, json!("--database"));
}

#[test]
fn wrong_use_ends_in_64_and_help_in_0() {
    let world = World::new();
    for wrong in [
        &["frobnicate"][..],
        &[],
        &["user", "add"],
        &["user", "add", "7"],
        &["user", "add", "ada", "--address", "nobody"],
        &["case", "list", "--limit", "-1"],
        &["record", "add", "case", "x"],
        &["case", "status", "1", "lost"],
        &["case", "show", "contact:1"],
        &["user", "list", "--format", "json"],
        &["user", "absence", "add", "ada", "--until", "yesterday"],
        &["account", "add", "a", "--address", "nobody", "--imap-host", "h"],
    ] {
        assert_eq!(world.run(wrong).status, Some(64), "{wrong:?}");
    }
    for right in [&["--help"][..], &["--version"], &["account", "add", "--help"], &["help", "case"]] {
        let said = world.run(right).ok();
        assert!(!said.is_empty());
    }
}

#[test]
fn users_teams_and_roles_make_their_round() {
    ["sqlite", "postgresql"].map(World::on).iter().for_each(users_teams_and_roles);
}

fn users_teams_and_roles(world: &World) {
    world.run(&["team", "add", "first level"]).ok();
    world
        .run(&["user", "add", "ada", "--name", "Ada Example", "--address", "Ada@Example.com", "--default-team", "first level"])
        .ok();
    world.run(&["user", "add", "ben"]).ok();
    world.run(&["team", "join", "first level", "ada", "--position", "agent"]).ok();
    world.run(&["role", "add", "agents"]).ok();
    world.run(&["role", "grant", "agents", "email", "read", "team"]).ok();
    world.run(&["role", "give", "agents", "--team", "first level"]).ok();
    world.run(&["role", "give", "agents", "--user", "ben"]).ok();

    let ada = world.json(&["user", "show", "ada"]);
    assert_eq!(ada["schema"], "espomail/1");
    assert_eq!((&ada["addresses"], &ada["teams"]), (&json!(["ada@example.com"]), &json!(["first level"])));
    let team = world.json(&["team", "show", "first level"]);
    assert_eq!(team["members"], json!([{ "login": "ada", "position": "agent", "active": true }]));
    let role = world.json(&["role", "show", "agents"]);
    assert_eq!(role["rights"], json!([{ "scope": "email", "action": "read", "level": "team" }]));
    assert_eq!((&role["users"], &role["teams"]), (&json!(["ben"]), &json!(["first level"])));

    world.run(&["user", "set", "ada", "--active", "false", "--address", ""]).ok();
    let ada = world.json(&["user", "show", "ada"]);
    assert_eq!((&ada["active"], &ada["addresses"], &ada["name"]), (&json!(false), &json!([]), &json!("Ada Example")));

    world.run(&["user", "absence", "add", "ben", "--until", "2026-12-01"]).ok();
    let absence = &world.json(&["user", "absence", "list"])["items"][0];
    assert_eq!((&absence["starts_at"], &absence["ends_at"]), (&json!("2026-11-23T10:00:00Z"), &json!("2026-12-01T00:00:00Z")));
    world.run(&["user", "absence", "add", "ben", "--from", "2026-12-02", "--until", "2026-12-01"]).fails(64);
    world.run(&["user", "absence", "remove", "1"]).ok();
    world.run(&["user", "absence", "remove", "1"]).fails(65);

    world.run(&["role", "take", "agents", "--user", "ben"]).ok();
    world.run(&["role", "take", "agents", "--user", "ben"]).fails(65);
    world.run(&["team", "leave", "first level", "ada"]).ok();
    world.run(&["team", "leave", "first level", "ada"]).fails(65);
    world.run(&["team", "set", "first level", "--name", "support"]).ok();
    assert!(world.run(&["user", "show", "benn"]).fails(65).ends_with("; did you mean ben?"));
    assert!(world.run(&["user", "add", "ben"]).fails(73).contains("there is already a user"));
    for (noun, name) in [("user", "ben"), ("team", "support"), ("role", "agents")] {
        world.run(&[noun, "remove", name]).ok();
        world.run(&[noun, "show", name]).fails(65);
    }
    assert_eq!(world.json(&["user", "list"])["items"].as_array().unwrap().len(), 1);
}

#[test]
fn records_and_cases_make_their_round() {
    ["sqlite", "postgresql"].map(World::on).iter().for_each(records_and_cases);
}

fn records_and_cases(world: &World) {
    world.run(&["user", "add", "ada"]).ok();
    world.run(&["team", "add", "support"]).ok();
    world.run(&["record", "add", "account", "Example Ltd", "--address", "info@example.org"]).ok();
    let added = ["record", "add", "contact", "Cleo Example", "--address", "cleo@example.org", "--address", "c@example.org"];
    world.run(&[&added[..], &["--account", "account:1", "--team", "support"]].concat()).ok();
    let contact = world.json(&["record", "show", "contact:1"]);
    assert_eq!((&contact["record"], &contact["account"]), (&json!("contact:1"), &json!("account:1")));
    assert_eq!(contact["addresses"], json!(["cleo@example.org", "c@example.org"]));
    world.run(&["record", "set", "contact:1", "--address", "cleo@example.net", "--assigned-user", "ada"]).ok();
    let found = world.json(&["record", "list", "contact", "--address", "CLEO@example.net"]);
    assert_eq!(found["items"][0]["assigned_user"], "ada");
    assert_eq!(world.json(&["record", "list", "--name", "EXAMPLE"])["items"].as_array().unwrap().len(), 2);
    assert!(world.run(&["record", "set", "contact:1", "--account", "contact:1"]).fails(65).contains("is no account"));
    assert!(world.run(&["record", "show", "lead:9"]).fails(65).contains("there is no lead:9"));

    world.run(&["case", "create", "Printer on fire"]).ok();
    world.run(&["case", "assign", "1", "ada"]).ok();
    world.run(&["case", "status", "case:1", "pending"]).ok();
    let case = world.json(&["case", "show", "#1"]);
    assert_eq!(
        (&case["status"], &case["assigned_user"], &case["followers"]),
        (&json!("pending"), &json!("ada"), &json!(["ada"]))
    );
    let kinds: Vec<_> = case["stream"].as_array().unwrap().iter().map(|note| note["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["created", "assigned", "status"]);
    assert_eq!(case["stream"][0]["at"], "2026-11-23T10:00:00Z");
    world.run(&["case", "status", "1", "closed"]).ok();
    assert_eq!(world.json(&["case", "list"])["items"], json!([]));
    let line = world.run(&["-o", "jsonl", "case", "list", "--all"]).ok();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["number"], 1);
    assert!(world.run(&["case", "show", "7"]).fails(65).ends_with("; try: espomail case list"));
    assert_eq!(world.json(&["email", "list"])["items"], json!([]));
    world.run(&["email", "show", "1"]).fails(65);
    world.run(&["email", "raw", "<a@b>"]).fails(65);
    world.run(&["case", "create", "--from-email", "1"]).fails(65);
}

#[test]
fn what_a_name_carries_never_reaches_the_terminal_raw() {
    let world = World::new();
    let name = "a\u{1b}[31mred\u{202e}";
    for command in [["case", "create", name], ["role", "add", name], ["team", "add", name]] {
        let refused = world.run(&command);
        assert_eq!(refused.status, Some(64));
        assert!(refused.stderr.contains("control characters"), "{:?}", refused.stderr);
        assert!(!refused.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", refused.stderr);
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let world = World::new();
    for command in [&["config", "show"][..], &["--help"], &["-o", "json", "user", "list"]] {
        let mut child = world.command(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{command:?}");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = world.command(&["config", "show"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(74));
    // Standard error may be closed, too.
    let mut child = world.command(&["frobnicate"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(64));
    let mut child = world.command(&["user", "show", "nobody"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(65));
}

#[test]
fn the_demo_comes_to_its_end() {
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/run");
    let output = std::process::Command::new(run).arg(env!("CARGO_BIN_EXE_espomail")).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("7 e-mails, 4 cases."), "{said}{errors}");
}
