//! `prune`: what is old goes as the configuration says, and nothing that somebody needs. Through the real binary, on both databases.

use diesel::connection::{Connection as _, SimpleConnection as _};
use espomail::store::Store;
use serde_json::{Value, json};

use crate::store::numbers;
use crate::support::world::World;

const KEEP: &str = "[keep]\nraw = \"30d\"\ntrash = \"30d\"\ndigests = \"30d\"\nnotifications = \"30d\"\nreasons = \"30d\"\n";

fn told(world: &World, line: &str) {
    world.run_with(&line.split(' ').collect::<Vec<_>>(), "hunter2\n").ok();
}

fn deliver(world: &World, account: &str, mail: &str) {
    world.run_with(&["deliver", "--account", account], &mail.replace('\n', "\r\n")).ok();
}

/// With a file, so that it cannot be passed on without its raw bytes.
const PUMP: &str = "From: Dora <dora@example.org>\nTo: support@example.com\nSubject: Pump\nMessage-ID: <a@example.org>\n\
    Content-Type: multipart/mixed; boundary=b\n\n--b\n\nIt is broken.\nCould somebody please have a look at it today? We have tried to turn it \
    off and on again, and it does not start.\n--b\nContent-Type: text/csv\n\
    Content-Disposition: attachment; filename=log.csv\n\n1;2\n--b--\n";

fn plain(from: &str, to: &str, id: &str) -> String {
    format!("From: {from}\nTo: {to}\nSubject: About {id}\nMessage-ID: <{id}>\n\nWords.\n")
}

/// Five e-mails: of a closed case, of an open one, in the trash of all who have it, a letter that was not sent, and one that a user has in the
/// trash and that is the group account's.
fn office(database: &str) -> World {
    let world = World::on(database);
    told(&world, "user add ada --address ada@example.com");
    let server = "--imap-host imap.example.com --smtp-host smtp.example.com --password-stdin";
    told(
        &world,
        &format!(
            "account add support --address support@example.com --make-cases --distribution direct --assigned-user ada --shared {server}"
        ),
    );
    told(&world, &format!("account add adas --address ada@example.com --owner ada {server}"));
    deliver(&world, "support", PUMP);
    deliver(&world, "support", &plain("eve@example.net", "support@example.com", "b@example.net"));
    deliver(&world, "adas", &plain("shop@example.net", "ada@example.com", "c@example.net"));
    told(&world, "email compose --from support@example.com --to eve@example.net --subject Plan --text Here. --queue");
    told(&world, &format!("account add info --address info@example.com --shared {server}"));
    deliver(&world, "info", &plain("shop@example.net", "info@example.com, ada@example.com", "e@example.net"));
    told(&world, "case close 1");
    told(&world, "email move 3 --trash --user ada");
    told(&world, "email move 5 --trash --user ada");
    told(&world, "notification read --all --user ada");
    let config = std::fs::read_to_string(world.config()).unwrap();
    std::fs::write(world.config(), config + KEEP).unwrap();
    world
}

/// How much of each kind a line says.
fn counts(world: &World, line: &[&str]) -> Value {
    let said = world.json(line);
    let items = said["items"].as_array().unwrap();
    items
        .iter()
        .map(|one| (one["what"].as_str().unwrap().to_string(), one["count"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn prune_takes_what_is_old_and_nobody_needs() {
    for database in ["sqlite", "postgresql"] {
        let mut world = office(database);
        // WHY-1: what an earlier espomail wrote as text is packed, and reads the same.
        let why = world.json(&["explain", "1"]);
        world.write_reasons_as_text("1");
        let says: [&[&str]; 4] = [
            &["email", "show", "1"],
            &["case", "show", "1"],
            &["case", "list", "--all", "--search", "HAVE tried"],
            &["case", "list", "--all", "--search", "off AND on"],
        ];
        let said = || says.map(|line| world.json(line));
        let before = said();
        assert!(before.iter().all(|one| one.to_string().contains("and it does not start")), "{database}: {before:?}");
        world.write_texts_plain("1", "1");
        assert_eq!(said(), before, "{database}");
        assert_eq!(world.json(&["explain", "1"]), why, "{database}");
        let none = json!({ "raw": 0, "skipped": 0, "trash": 0, "digests": 0, "notifications": 0, "reasons": 0, "finished": 0 });
        assert_eq!(counts(&world, &["prune"]), none, "{database}: nothing is old");
        let mut store = Store::open(&world.url()).unwrap();
        assert_eq!(numbers(&mut store, "SELECT count(*) AS n FROM fates WHERE why <> '' OR reasons IS NULL"), [0], "{database}");
        assert_eq!(world.json(&["explain", "1"]), why, "{database}");
        let packed = "SELECT (SELECT count(*) FROM email_texts WHERE text = '' AND packed IS NOT NULL)
                           + (SELECT count(*) FROM records WHERE description = '' AND packed IS NOT NULL) AS n";
        assert_eq!(numbers(&mut store, packed), [2], "{database}");
        assert_eq!(said(), before, "{database}");

        world.set("ESPOMAIL_NOW", "2027-01-05T10:00:00Z");
        let fates = world.json(&["fate", "list"])["items"].as_array().unwrap().len();
        let would = counts(&world, &["prune", "--dry-run"]);
        let notifications = would["notifications"].as_i64().unwrap();
        assert!(notifications > 0, "{database}: {would}");
        let expected = json!({ "raw": 3, "skipped": 0, "trash": 1, "digests": 0, "notifications": notifications, "reasons": 4, "finished": 0 });
        assert_eq!(would, expected, "{database}");
        let bytes = world.json(&["prune", "--dry-run"])["items"][0]["bytes"].as_i64().unwrap();
        assert!(bytes > 300, "{database}: {bytes} bytes of raw");
        let room = world.json(&["db", "status", "--room"]);
        let of =
            |what: &str| room["room"].as_array().unwrap().iter().find(|one| one["what"] == what).map(|one| one["bytes"].as_i64());
        assert!(["raw", "texts", "reasons", "indices"].iter().all(|what| of(what).flatten() > Some(100)), "{database}: {room}");
        // Of a database of SQLite that is young most pages are almost empty.
        let free = of("free").flatten();
        assert!(free > Some(10_000) || database == "postgresql", "{database}: {room}");
        assert!(world.run(&["email", "raw", "1"]).ok().contains("1;2"), "a dry run changes nothing");
        assert_eq!(world.run(&["prune", "--anyway"]).ok(), "", "cron hears nothing; the clock went ahead on purpose");
        assert_eq!(counts(&world, &["prune"]), none, "{database}: once is enough");
        let audit = world.json(&["audit", "list"]).to_string();
        assert!(audit.contains("prune:raw") && audit.contains("3 of before 2026-12-06T10:00:00Z"), "{audit}");

        // What is needed is there: of an open case, and of a letter that is on its way.
        world.run(&["email", "raw", "2"]).ok();
        assert!(world.run(&["email", "raw", "4"]).ok().contains("Here."));
        // Of the trash nothing is.
        world.run(&["email", "show", "3"]).fails(65);
        world.run(&["email", "show", "5"]).ok();
        // FETCH-2: what became of each is.
        assert_eq!(world.json(&["fate", "list"])["items"].as_array().unwrap().len(), fates);
        without_raw(&world);
        // DUP-2: what comes again is the same.
        deliver(&world, "support", PUMP);
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 5, "{database}: four and the reply");
        assert!(world.run(&["explain", "1"]).ok().contains(": duplicate"));
        world.run(&["doctor", "--prove"]).ok();
        if database == "sqlite" {
            world.run(&["db", "check"]).ok();
        }
    }
}

/// What can be done with the e-mail of the closed case, whose raw bytes are gone.
fn without_raw(world: &World) {
    for line in
        ["email raw 1", "email attachments 1 --extract 1", "email forward 1 --to eve@example.net --text X --queue", "reprocess 1"]
    {
        let said = world.run(&line.split(' ').collect::<Vec<_>>()).fails(65);
        assert!(said.contains("were pruned on 2027-01-05T10:00:00Z"), "{line}: {said}");
    }
    let shown = world.json(&["email", "show", "1"]);
    assert_eq!(
        (&shown["raw_pruned_at"], &shown["reply_text"]),
        (
            &json!("2027-01-05T10:00:00Z"),
            &json!(
                "It is broken.\nCould somebody please have a look at it today? We have tried to turn it off and on again, and it does not start."
            )
        ),
        "{shown}"
    );
    assert_eq!(shown["attachments"][0]["name"], "log.csv");
    assert!(world.run(&["email", "attachments", "1"]).ok().contains("log.csv"));
    let explained = world.run(&["explain", "1"]).ok();
    assert!(
        explained.starts_with("its raw bytes were pruned on") && explained.contains("its reasons were pruned"),
        "{explained}"
    );
    assert!(world.run(&["reprocess", "--all"]).ok().contains("2 e-mails stay as they are: their raw bytes were pruned."));
    // WHY-2: nor does one whose bytes went since it was chosen hold up the others.
    let done = world.run(&["reprocess", "1", "2", "--apply"]);
    assert!(done.stdout.contains("of 1 e-mail changed.\n1 e-mail stays as it is: its raw bytes were pruned."), "{done:?}");
    assert_eq!(done.status, Some(65));
    assert!(world.json(&["case", "show", "1"]).to_string().contains("It is broken."));
    // It can be answered, and its case can be worked on.
    world.run(&["email", "reply", "1", "--from", "support@example.com", "--text", "Yes.", "--queue"]).ok();
    world.run(&["case", "reopen", "1"]).ok();
    world.run(&["case", "assign", "1", ""]).ok();
    world.run(&["email", "link", "1", "case:2"]).ok();
}

#[test]
fn prune_keeps_nothing_for_less_than_a_day_and_does_not_believe_a_clock_that_leapt() {
    let mut world = World::new();
    for line in ["fetch", "prune"] {
        world.run(&[line]).ok();
    }
    world.set("ESPOMAIL_NOW", "2036-01-05T10:00:00Z");
    world.run(&["fetch"]).ok();
    assert!(world.run(&["prune"]).fails(75).contains("nothing is taken before 2036-01-06T10:00:00Z"));
    world.run(&["prune", "--dry-run"]).ok();
    assert_eq!(world.run(&["prune", "--anyway"]).ok(), "");
    world.set("ESPOMAIL_NOW", "2036-01-06T10:00:00Z");
    assert_eq!(world.run(&["prune"]).ok(), "");
    // Also where it is the first to see it, on a host whose clock is another one than that of the passes.
    world.set("ESPOMAIL_NOW", "2046-01-05T10:00:00Z");
    for _ in 0..2 {
        world.run(&["prune"]).fails(75);
    }
    world.run(&["prune", "--anyway"]).ok();
    assert_eq!(world.run(&["prune"]).ok(), "");
    let config = std::fs::read_to_string(world.config()).unwrap();
    std::fs::write(world.config(), config + "[keep]\nraw = \"1m\"\n").unwrap();
    assert!(world.run(&["prune"]).fails(78).contains("write 30d, 52w or forever"));
}

#[test]
fn prune_keeps_the_log_short_and_says_how_much_a_full_disk_has_left() {
    let mut world = World::new();
    std::fs::write(world.config(), std::fs::read_to_string(world.config()).unwrap() + KEEP).unwrap();
    world.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO raws (id, digest, size, packed) SELECT i, randomblob(32), 4000, randomblob(4000) FROM n;
         UPDATE counters SET value = 3001 WHERE name = 'raw';
         CREATE TRIGGER full BEFORE UPDATE ON raws WHEN OLD.id = 1200
         BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END;
         PRAGMA wal_checkpoint(TRUNCATE)",
    );
    world.set("ESPOMAIL_NOW", "2027-01-05T10:00:00Z");
    let line = world.run(&["prune"]).fails(74);
    assert!(
        line.contains("disk is full")
            && line.contains("; 2000 of raw are left")
            && line.ends_with("type it again: it goes on from there"),
        "{line}"
    );
    world.sql("DROP TRIGGER full");
    // As long as somebody has the database open, nobody else takes the log away.
    let open = diesel::SqliteConnection::establish(world.database().to_str().unwrap());
    let mut open = open.unwrap();
    open.batch_execute("SELECT COUNT(*) FROM raws").unwrap();
    world.run(&["prune"]).ok();
    let log = std::fs::metadata(world.database().with_extension("sqlite-wal")).unwrap().len();
    assert!(log < 2 << 20, "{log} bytes are in the log");
    assert_eq!(counts(&world, &["prune"])["raw"], 0);
}
