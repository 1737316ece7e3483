//! What keeps a database: copies, putting them back without a letter going out twice, looking whether it is whole. Through the real
//! binary, on both databases.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with a group account that makes cases, sends through the sink, and answers new cases.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let port = sink.port.to_string();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--make-cases", "--shared"];
    world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
    world.run_with(&["template", "add", "ack", "--subject", "We have got it", "--file", "-"], "It is here.").ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    world
}

fn deliver(world: &World, id: &str) {
    let mail = format!(
        "From: {id}@example.org\r\nTo: support@example.com\r\nSubject: Pump {id}\r\nMessage-ID: <{id}@example.org>\r\n\r\nIt leaks.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &mail).ok();
}

fn held(world: &World) -> Vec<Value> {
    world.json(&["outbox", "list", "--held"])["items"].as_array().unwrap().clone()
}

/// Types a line that espomail has named.
fn type_in(world: &World, line: &str) {
    let output = Command::new("sh").args(["-c", line]).current_dir(world.path("")).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a copy as the manual says.
fn back_up(world: &World) {
    let done = world.run(&["db", "backup", "copy"]);
    if world.url().starts_with("sqlite") {
        return drop(done.ok());
    }
    let line = done.fails(64);
    type_in(world, line.split_once("type: ").unwrap().1);
}

/// Puts it back without a word to espomail.
fn put_back(world: &World) {
    if !world.url().starts_with("sqlite") {
        let line = world.run(&["db", "restore", "copy"]).fails(64);
        let line = line.split_once("type: ").unwrap().1;
        return type_in(world, line.split_once(" && ").unwrap().0);
    }
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{more}", world.database().display()));
    }
    std::fs::copy(world.path("copy"), world.database()).unwrap();
}

#[test]
fn send_12_what_is_queued_in_a_restored_copy_is_noticed_and_held_and_nothing_goes_out_twice() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        deliver(&world, "first");
        world.run(&["email", "compose", "--to", "eve@example.net", "--subject", "X", "--text", "Words", "--queue"]).ok();
        back_up(&world);
        // Two go out; another one comes and is answered.
        world.run(&["send"]).ok();
        deliver(&world, "second");
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 3, "{database}");

        put_back(&world);
        // Fetching goes on, as far as there is a server.
        let said = world.run(&["notify"]).fails(75);
        assert!(
            said.contains("the database was put back from a copy") && said.contains("2 messages that were queued are held"),
            "{said}"
        );
        assert!(said.contains("espomail outbox mark-sent --restored, drop --restored or release --restored"), "{said}");
        let doctor = world.run(&["doctor", "--offline"]).stdout;
        assert!(doctor.contains("2 messages are held because the database was put back"), "{doctor}");
        assert!(doctor.contains("then by the log of your SMTP server: espomail outbox mark-sent --restored"), "{doctor}");
        assert_eq!(world.run(&["send"]).ok(), "", "it is said once");
        assert_eq!(sink.taken().len(), 3, "{database}: nothing went out twice");
        // What is fetched again is answered again, and the answer waits, too.
        deliver(&world, "second");
        world.run(&["send"]).ok();
        let waiting = held(&world);
        assert_eq!(waiting.len(), 3, "{database}: {waiting:?}");
        for one in &waiting {
            assert_eq!((&one["held_rule"], &one["state"]), (&json!("SEND-12"), &json!("queued")), "{one}");
        }
        // New mail is answered as ever.
        world.set("ESPOMAIL_NOW", "2026-11-23T11:00:00Z");
        deliver(&world, "third");
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 4, "{database}");
        assert_eq!(sink.taken()[3].to, ["<third@example.org>"]);
        // A person knows what went out: one did, one did not, of the rest nobody wants to hear.
        let letter = waiting.iter().find(|one| one["kind"] == "message").unwrap()["id"].to_string();
        let first = waiting.iter().find(|one| one["recipients"][0]["address"] == "first@example.org").unwrap()["id"].to_string();
        world.run(&["outbox", "mark-sent", &first]).ok();
        assert_eq!(world.json(&["outbox", "show", &first])["state"], "sent");
        world.run(&["outbox", "release", &letter]).ok();
        assert_eq!(world.run(&["outbox", "drop", "--restored"]).ok().lines().count(), 1);
        assert_eq!(held(&world), Vec::<Value>::new());
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 5, "{database}");
        assert_eq!(
            world.run(&["outbox", "release", "--restored"]).ok(),
            "No message is held because the database was put back.\n"
        );
    }
}

#[test]
fn send_12_a_copy_that_was_made_while_mail_went_out_sends_nothing_twice() {
    for database in ["sqlite", "postgresql"] {
        // Slow enough for a copy in between.
        let sink = SmtpSink::start(Manners { trickle: Some(Duration::from_millis(20)), ..Manners::default() });
        let world = world_on(database, &sink);
        for to in ["a", "b", "c"] {
            let to = format!("{to}@example.net");
            world.run(&["email", "compose", "--to", &to, "--subject", "X", "--text", "Words", "--queue"]).ok();
        }
        let mut pass = world.command(&["send"]).spawn().unwrap();
        while sink.taken().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        back_up(&world);
        assert!(pass.try_wait().unwrap().is_none(), "the copy is of the midst");
        assert!(pass.wait().unwrap().success());
        assert_eq!(sink.taken().len(), 3, "{database}");
        put_back(&world);
        let said = world.run(&["send"]);
        assert!(said.stderr.contains("the database was put back from a copy"), "{said:?}");
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 3, "{database}: nothing went out twice");
    }
}

#[test]
fn send_12_a_damaged_number_is_a_missing_one_and_a_link_is_no_other_database() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let compose = |subject: &str| {
        world.run(&["email", "compose", "--to", "a@example.net", "--subject", subject, "--text", "x", "--queue"]).ok()
    };
    compose("one");
    world.run(&["send"]).ok();
    let link = world.path("link.sqlite");
    std::os::unix::fs::symlink(world.database(), &link).unwrap();
    compose("two");
    world.run(&["--database", &format!("sqlite:{}", link.display()), "send"]).ok();
    assert_eq!(sink.taken().len(), 2);
    let file = format!("{}-passes", world.database().display());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{} 9223372036854775807\n", text.split(' ').next().unwrap())).unwrap();
    compose("three");
    let said = world.run(&["send"]).fails(75);
    assert!(said.contains("is missing"), "{said}");
    world.run(&["outbox", "release", "--restored"]).ok();
    world.run(&["send"]).ok();
    assert_eq!(sink.taken().len(), 3);
}

#[test]
fn send_12_a_copy_of_the_first_days_is_known_where_nothing_is_beside_it() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.run(&["email", "compose", "--to", "a@example.net", "--subject", "X", "--text", "x", "--queue"]).ok();
    back_up(&world);
    world.run(&["send"]).ok();
    put_back(&world);
    std::fs::remove_file(format!("{}-passes", world.database().display())).unwrap();
    let said = world.run(&["send"]).fails(75);
    assert!(
        said.contains("the database was put back from a copy") && said.contains("a message that was queued is held"),
        "{said}"
    );
    assert_eq!(sink.taken().len(), 1);
}

#[test]
fn send_12_a_copy_beside_the_log_of_another_database_is_refused() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.run(&["email", "compose", "--to", "a@example.net", "--subject", "X", "--text", "x", "--queue"]).ok();
    back_up(&world);
    world.run(&["send"]).ok();
    let database = world.database().display().to_string();
    // As after a pass that was killed: what it wrote last stands in the log alone.
    let log = format!("{database}-wal");
    let mut open = diesel::SqliteConnection::establish(&database).unwrap();
    open.batch_execute("INSERT INTO settings (name, value) VALUES ('late', 'word')").unwrap();
    let left = std::fs::read(&log).unwrap();
    assert!(!left.is_empty());
    drop(open);
    std::fs::copy(world.path("copy"), &database).unwrap();
    std::fs::write(&log, &left).unwrap();
    for line in [&["send"][..], &["email", "list"], &["db", "check"]] {
        let said = world.run(line).fails(78);
        assert!(said.contains(&format!("{log} is of the database that was there before")), "{said}");
        assert!(said.contains(&format!("type: rm -f {log} {database}-shm")), "{said}");
    }
    std::fs::remove_file(&log).unwrap();
    let said = world.run(&["send"]).fails(75);
    assert!(said.contains("a message that was queued is held"), "{said}");
    world.run(&["send"]).ok();
    assert_eq!(sink.taken().len(), 1);
}

#[test]
fn send_12_a_copy_that_somebody_looked_into_is_still_one() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.run(&["email", "compose", "--to", "a@example.net", "--subject", "X", "--text", "x", "--queue"]).ok();
    world.run(&["send"]).ok();
    world.run(&["email", "compose", "--to", "b@example.net", "--subject", "X", "--text", "x", "--queue"]).ok();
    back_up(&world);
    let copy = format!("sqlite:{}", world.path("copy").display());
    world.run(&["--database", &copy, "outbox", "list"]).ok();
    put_back(&world);
    // The number is the same: nothing went out since. But that it is a copy is known.
    let said = world.run(&["send"]).fails(75);
    assert!(said.contains("it is a copy that \"db backup\" made"), "{said}");
    assert_eq!(sink.taken().len(), 1);
    world.run(&["outbox", "release", "--restored"]).ok();
    world.run(&["send"]).ok();
    assert_eq!(sink.taken().len(), 2);
}

#[test]
fn send_12_answers_wait_also_where_the_clock_of_the_server_was_ahead_and_in_a_pass_that_is_older_than_the_copy() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        let import = |world: &World, id: &str, date: &str, arrived: &str| {
            let mail = format!(
                "From MAILER {arrived}\nFrom: {id}@example.org\nTo: support@example.com\nSubject: Pump {id}\n\
                 Date: {date}\nMessage-ID: <{id}@example.org>\n\nIt leaks.\n"
            );
            let file = world.path(&format!("{id}.mbox"));
            std::fs::write(&file, mail).unwrap();
            world.run(&["import", "--account", "support", file.to_str().unwrap()]).ok();
        };
        world.set("ESPOMAIL_NOW", "2026-11-23T10:30:00Z");
        world.run(&["db", "restored"]).ok();
        world.set("ESPOMAIL_NOW", "2026-11-23T10:31:00Z");
        for (id, date, arrived, is_held) in [
            ("ahead", "Mon, 23 Nov 2026 10:29:00 +0000", "Mon Nov 23 10:34:00 2026", true),
            ("new", "Mon, 23 Nov 2026 10:31:00 +0000", "Mon Nov 23 10:31:00 2026", false),
            ("undated", "never", "Mon Nov 23 10:31:00 2026", false),
            ("much-later", "Mon, 23 Nov 2026 10:00:00 +0000", "Wed Nov 25 10:31:00 2026", false),
        ] {
            if id == "much-later" {
                world.set("ESPOMAIL_NOW", "2026-11-25T10:31:00Z");
            }
            let before = held(&world).len();
            import(&world, id, date, arrived);
            assert_eq!(held(&world).len() > before, is_held, "{database}: {id}");
        }
    }
}

#[test]
fn send_12_db_restored_holds_and_a_rehearsal_does_not() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        deliver(&world, "first");
        assert_eq!(world.json(&["db", "restored", "--dry-run"])["held"], 1);
        assert_eq!(held(&world), Vec::<Value>::new());
        assert!(world.run(&["db", "restored"]).ok().starts_with("A message that was queued is held"));
        world.run(&["send"]).ok();
        assert_eq!((held(&world).len(), sink.taken().len()), (1, 0), "{database}");
        let newest = &world.json(&["audit", "list", "--limit", "1"])["items"][0];
        assert_eq!(newest["action"], "db restored");
        assert!(world.run(&["db", "restored"]).ok().starts_with("Nothing was queued"));
        assert_eq!(world.run(&["outbox", "release", "--restored"]).ok(), "Message 1 is released.\n");
        world.run(&["send"]).ok();
        assert_eq!(sink.taken().len(), 1, "{database}");
    }
}

#[test]
fn send_12_a_sqlite_file_that_was_copied_elsewhere_sends_nothing_by_itself() {
    let sink = SmtpSink::start(Manners::default());
    let mut world = world_on("sqlite", &sink);
    deliver(&world, "first");
    world.run(&["send"]).ok();
    let beside = world.path(".config/espomail/espomail.sqlite-passes");
    assert_eq!(std::fs::metadata(&beside).unwrap().permissions().mode() & 0o777, 0o600);
    deliver(&world, "second");
    std::fs::remove_file(&beside).unwrap();
    assert!(world.run(&["send"]).fails(75).contains("espomail.sqlite-passes is missing"));
    assert_eq!((held(&world).len(), sink.taken().len()), (1, 1));
    // A letter that somebody writes now goes out, and holds up nobody.
    std::fs::remove_file(&beside).unwrap();
    let done = world.run(&["email", "compose", "--to", "eve@example.net", "--subject", "X", "--text", "Words"]);
    assert_eq!((done.status, sink.taken().len()), (Some(75), 2), "{done:?}");
    // Where nothing can be written beside it, mail goes out and that is said.
    world.set("ESPOMAIL_NOW", "2026-11-23T11:00:00Z");
    deliver(&world, "third");
    std::fs::remove_file(&beside).unwrap();
    std::fs::create_dir_all(beside.join("x")).unwrap();
    world.sql("DELETE FROM counters WHERE name LIKE 'sent:%'");
    let said = world.run(&["send"]).fails(73);
    assert!(said.contains("cannot write") && said.contains("sqlite-passes"), "{said}");
    assert_eq!(sink.taken().len(), 3);
}

#[test]
fn a_backup_is_whole_private_and_replaces_nothing() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    deliver(&world, "first");
    // Somebody writes meanwhile.
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    let mut writer = diesel::SqliteConnection::establish(world.database().to_str().unwrap()).unwrap();
    writer.batch_execute("BEGIN IMMEDIATE; DELETE FROM emails").unwrap();
    let made = world.json(&["db", "backup", "copy.sqlite"]);
    writer.batch_execute("ROLLBACK").unwrap();
    let copy = world.path("copy.sqlite");
    let about = std::fs::metadata(&copy).unwrap();
    assert_eq!((about.permissions().mode() & 0o777, made["bytes"].as_u64()), (0o600, Some(about.len())));
    let url = format!("sqlite:{}", copy.display());
    assert_eq!(world.json(&["--database", &url, "email", "show", "<first@example.org>"])["subject"], "Pump first");
    assert!(world.run(&["db", "backup", "copy.sqlite"]).fails(73).contains("say --force"));
    let own = world.database().display().to_string();
    world.run(&["db", "backup", &own, "--force"]).fails(64);
    world.run(&["db", "backup", "copy.sqlite", "--force"]).ok();
    world.run(&["db", "backup", "nowhere/copy.sqlite"]).fails(73);
    // Nothing half is left behind.
    let left = std::fs::read_dir(world.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".espomail-part"));
    assert_eq!(left.count(), 0);
}

#[test]
fn send_12_db_restore_asks_before_it_replaces_waits_for_no_pass_and_holds_what_was_queued() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    deliver(&world, "first");
    world.sql("UPDATE account_states SET lease_owner = 'elsewhere/1/00000000', lease_until = 4000000000");
    world.run(&["db", "backup", "copy"]).ok();
    world.run(&["send"]).ok();
    deliver(&world, "second");
    assert!(world.run(&["db", "restore", "copy"]).fails(75).contains("elsewhere/1/00000000"));
    assert!(world.run(&["db", "restore", "copy", "--force"]).fails(75).contains("a pass is at work"));
    world.sql("UPDATE account_states SET lease_owner = NULL, lease_until = NULL");
    assert!(world.run(&["db", "restore", "copy"]).fails(73).contains("with something in it"));
    // What is no copy, or a damaged one, replaces nothing.
    std::fs::write(world.path("other"), "x".repeat(5_000)).unwrap();
    assert!(world.run(&["db", "restore", "other", "--force"]).fails(65).contains("not a database"));
    world.run(&["db", "restore", "nowhere", "--force"]).fails(65);
    let mut bytes = std::fs::read(world.path("copy")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40_000].fill(0xFF);
    std::fs::write(world.path("damaged"), bytes).unwrap();
    assert!(world.run(&["db", "restore", "damaged", "--force"]).fails(65).contains("damaged"));
    assert_eq!(world.json(&["case", "list"])["items"].as_array().unwrap().len(), 2, "nothing happened");

    let said = world.run(&["db", "restore", "copy", "--force"]).ok();
    assert!(
        said.starts_with("copy is put back") && said.contains(". A message that was queued is held; look at them: "),
        "{said}"
    );
    assert!(said.contains("The next fetch reads again what came since"), "{said}");
    assert_eq!(world.json(&["case", "list"])["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.json(&["account", "show", "support"])["state"]["lease_owner"], Value::Null);
    assert_eq!(world.run(&["send"]).ok(), "", "it was said");
    assert_eq!((held(&world).len(), sink.taken().len()), (1, 1));
    // On a machine without one.
    remove(&world.database());
    world.run(&["db", "restore", "copy"]).ok();
    assert_eq!(world.run(&["send"]).ok(), "");
    assert_eq!((held(&world).len(), sink.taken().len()), (1, 1));
    // Where the database is beyond help.
    std::fs::write(world.database(), "x".repeat(5_000)).unwrap();
    remove_logs(&world.database());
    assert!(world.run(&["db", "restore", "copy", "--force"]).fails(73).contains("move it away first: mv "));
}

fn remove(database: &Path) {
    std::fs::remove_file(database).unwrap();
    std::fs::remove_file(format!("{}-passes", database.display())).unwrap();
    remove_logs(database);
}

fn remove_logs(database: &Path) {
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{more}", database.display()));
    }
}

#[test]
fn db_check_finds_what_is_broken_and_vacuum_gives_back_room() {
    for database in ["sqlite", "postgresql"] {
        let world = World::on(database);
        world.run(&["user", "add", "ada"]).ok();
        let vacuumed = world.json(&["db", "vacuum"]);
        assert!(vacuumed["bytes"].as_i64() > Some(0), "{vacuumed}");
        if database == "sqlite" {
            assert!(world.run(&["db", "check"]).ok().ends_with(": whole.\n"));
            world.sql("PRAGMA foreign_keys = OFF; INSERT INTO absences (id, user_id, starts_at, ends_at) VALUES (1, 4711, 0, 0)");
            let done = world.run(&["db", "check"]);
            assert_eq!(
                (done.status, done.stdout.contains("foreign key: absences row 1 names a row of users")),
                (Some(1), true),
                "{done:?}"
            );
        } else {
            // As the tests run it.
            let done = world.run(&["-o", "json", "db", "check"]);
            let found: Value = serde_json::from_str(&done.stdout).unwrap();
            assert_eq!(done.status, Some(1));
            assert_eq!(found["found"], json!(["not durable: fsync = off", "not durable: full_page_writes = off"]));
        }
    }
}

#[test]
fn what_is_made_of_a_database_replaces_nothing_but_what_was_made_of_one() {
    let world = World::on("sqlite");
    let path = |name: &str| world.path(name);
    let database = world.database().display().to_string();
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    std::fs::write(path("precious"), "precious").unwrap();
    std::os::unix::fs::symlink("precious", path("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", path("loose")).unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    let beside = ["-wal", "-shm", "-journal", "-passes"].map(|ending| format!("{database}{ending}"));
    let mut places: Vec<String> =
        ["fifo", "link", "loose", "folder", "precious"].iter().map(|name| path(name).display().to_string()).collect();
    places.extend(std::fs::read_dir(path("")).unwrap().filter_map(|entry| {
        let name = entry.unwrap().path().display().to_string();
        name.ends_with(".key").then_some(name)
    }));
    places.extend(beside);
    let state = || {
        let entries = std::fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = entries
            .filter(|entry| !entry.display().to_string().starts_with(&database))
            .map(|entry| {
                let about = std::fs::symlink_metadata(&entry).unwrap();
                let content = if about.is_file() { std::fs::read(&entry).unwrap() } else { Vec::new() };
                (entry, format!("{:?}", about.file_type()), content)
            })
            .collect();
        all.sort();
        all
    };
    let before = state();
    for place in &places {
        let said = world.run(&["db", "backup", place, "--force"]).fails(73);
        assert!(said.contains("it is left as it is"), "{said}");
        let said = world.run(&["status", "--metrics-file", place]).fails(73);
        assert!(said.contains("it is left as it is"), "{said}");
    }
    assert_eq!(state(), before);
    // What was made before is made anew, and what is empty is taken.
    std::fs::write(path("m.prom"), "").unwrap();
    for _ in 0..2 {
        world.run(&["status", "--metrics-file", "m.prom"]).ok();
    }
    assert!(world.run(&["db", "backup", "m.prom", "--force"]).fails(73).contains("is not a SQLite database"));
}

#[test]
fn what_a_killed_copy_left_behind_is_named_and_goes_with_the_next_one() {
    let world = World::on("sqlite");
    let folder = world.database().parent().unwrap().to_path_buf();
    let old = std::time::SystemTime::now() - Duration::from_secs(120);
    let make = |name: &str, at: std::time::SystemTime| {
        std::fs::write(folder.join(name), "mail").unwrap();
        let file = std::fs::File::options().append(true).open(folder.join(name)).unwrap();
        file.set_modified(at).unwrap();
        file
    };
    let (dead, log) = (make(".espomail-part-dead", old), make(".espomail-part-dead-wal", old));
    drop((dead, log));
    // One that is written at this moment, one that nobody may have come to yet, and what is not ours.
    let written = make(".espomail-part-slow", old);
    rustix::fs::flock(&written, rustix::fs::FlockOperation::LockShared).unwrap();
    drop((make(".espomail-part-new", std::time::SystemTime::now()), make(".espomail-other", old)));
    let is_there = |name: &str| folder.join(name).exists();
    let copy = folder.join("copy").display().to_string();
    let doctor = world.run(&["doctor", "--offline"]).stdout;
    assert!(doctor.contains(".espomail-part-dead: left behind by") && doctor.contains("rm -f "), "{doctor}");
    assert!(!doctor.contains("part-slow") && !doctor.contains("part-new") && !doctor.contains("dead-wal:"), "{doctor}");
    world.run(&["db", "backup", &copy]).ok();
    assert!(!is_there(".espomail-part-dead") && !is_there(".espomail-part-dead-wal"));
    assert!(is_there(".espomail-part-slow") && is_there(".espomail-part-new") && is_there(".espomail-other"));
    drop(written);
    world.run(&["db", "restore", &copy, "--force"]).ok();
    assert!(!is_there(".espomail-part-slow"));
}

#[test]
fn send_12_what_a_person_holds_is_not_let_go_with_what_a_restored_copy_holds() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let compose = ["email", "compose", "--to", "dora@example.org", "--subject", "Pump", "--text", "Yes.", "--queue"];
        let ids: Vec<String> = (0..3).map(|_| world.json(&compose)["outbox"].to_string()).collect();
        world.run(&["outbox", "hold", &ids[0]]).ok();
        world.run(&["user", "add", "ben", "--administrator"]).ok();
        let bens = world.json(&[&["--as", "ben"], &compose[..]].concat())["outbox"].to_string();
        world.run(&["db", "restored"]).ok();
        // That its author leaves does not hide that it may have gone out.
        world.run(&["user", "remove", "ben"]).ok();
        let shown = world.json(&["outbox", "show", &bens]);
        assert_eq!(shown["held_rule"], "SEND-12", "{database}");
        assert!(shown["held_because"].as_str().unwrap().ends_with("; ben, who wrote it, was removed"), "{shown}");
        world.run(&["outbox", "drop", &bens]).ok();
        // Somebody keeps back one of those that wait for that as well.
        world.run(&["outbox", "hold", &ids[1]]).ok();
        let because = |id: &String| world.json(&["outbox", "show", id])["held_because"].as_str().unwrap_or_default().to_string();
        assert_eq!(
            because(&ids[0]),
            "a person holds it; and the database was put back from a copy: it may have gone out already"
        );
        assert!(because(&ids[1]) == because(&ids[0]) && because(&ids[2]).starts_with("SEND-12: "), "{database}");
        world.run(&["db", "restored"]).ok();
        assert_eq!(because(&ids[0]).matches("put back").count(), 1, "{database}: said once");
        world.run(&["outbox", "release", "--restored"]).ok();
        assert_eq!(world.run(&["send"]).ok(), "");
        assert_eq!((sink.taken().len(), held(&world).len()), (1, 2), "{database}");
        world.run(&["outbox", "release", &ids[0], &ids[1]]).ok();
        assert_eq!(world.run(&["send"]).ok(), "");
        assert_eq!(sink.taken().len(), 3, "{database}");
    }
}

#[test]
fn the_files_of_the_database_are_read_by_nobody_but_sqlite() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    deliver(&world, "first");
    let database = world.database();
    // A reader keeps the log and its index there.
    let mut reader = diesel::SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    reader.batch_execute("BEGIN; SELECT COUNT(*) FROM emails").unwrap();
    std::fs::hard_link(&database, world.path("other.eml")).unwrap();
    let beside = |ending: &str| format!("{}{ending}", database.display());
    let names = [beside(""), beside("-wal"), beside("-shm"), world.path("other.eml").display().to_string()];
    for name in &names {
        let sieve = ["filter", "add", "s", "--account", "support", "--sieve", name];
        for arguments in [
            &["email", "compose", "--to", "d@example.org", "--subject", "x", "--text", "x", "--attach", name] as &[&str],
            &["import", name, "--account", "support"],
            &["explain", name],
            &["filter", "test", name],
            &["template", "add", "t", "--subject", "x", "--file", name],
            &sieve,
        ] {
            let done = world.run(arguments);
            let is_refused = done.stderr.contains("is a file of espomail's database");
            // Where there is no filter, nothing is read.
            assert!(is_refused && done.status == Some(64) || arguments[1] == "test", "{arguments:?}: {}", done.stderr);
        }
    }
    let linked = world.path("other.eml").display().to_string();
    assert!(world.run(&["status", "--metrics-file", &linked]).fails(73).contains("it is left as it is"));
    let mut command = world.command(&["deliver", "--account", "support"]);
    let done = command.stdin(std::fs::File::open(&database).unwrap()).output().unwrap();
    assert_eq!(done.status.code(), Some(75), "{}", String::from_utf8_lossy(&done.stderr));
    // A folder with everything in it: the mail comes in, and the database is passed over.
    std::fs::write(world.path("a.eml"), "From: a@example.org\r\nSubject: a\r\nMessage-ID: <a@example.org>\r\n\r\na\r\n").unwrap();
    std::fs::remove_file(&linked).unwrap();
    let folder = world.path("").display().to_string();
    world.run(&["import", &folder, "--account", "support"]).ok();
    let newest = &world.json(&["audit", "list", "--limit", "1"])["items"][0];
    assert!(newest["action"] == "import" && newest["detail"].as_str().unwrap().contains("1 imported"), "{newest}");
    assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().iter().filter(|one| one["subject"] == "a").count(), 1);
}
