//! `email list|mark|move|delete` and the search: what users do with their e-mails.

use serde_json::{Value, json};

use crate::support::dovecot::{self, PASSWORD};
use crate::support::office::Office;
use crate::support::world::World;

fn world_on(database: &str) -> World {
    let world = World::on(database);
    world.run(&["team", "add", "support"]).ok();
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "join", "support", "ada", "ben"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
    world.run_with(&[&add[..], &["--team", "support", "--password-stdin"]].concat(), "hunter2\n").ok();
    world
}

fn message(id: &str, subject: &str, text: &str) -> String {
    format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: {subject}\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}

fn deliver(world: &World, id: &str, subject: &str, text: &str) {
    world.run_with(&["deliver", "--account", "support"], &message(id, subject, text)).ok();
}

fn ids(world: &World, arguments: &[&str]) -> Vec<i64> {
    let listed = world.json(&[&["email", "list"], arguments].concat());
    let mut ids: Vec<i64> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn inbox_2_each_user_has_marks_and_places_of_ones_own() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        for id in ["a", "b", "c", "d"] {
            deliver(&world, id, id, "x");
        }
        world.run(&["folder", "add", "Later", "--user", "ada"]).ok();
        let ada = |arguments: &[&str]| world.run(&[&["email"], arguments, &["--user", "ada"]].concat()).ok();
        ada(&["mark", "1", "2", "--read", "--important"]);
        ada(&["mark", "2", "--unimportant"]);
        ada(&["move", "2", "--folder", "Later"]);
        ada(&["move", "3", "--trash"]);
        ada(&["move", "4", "--archive"]);
        let of = |user: &str, arguments: &[&str]| ids(&world, &[&["--user", user], arguments].concat());
        for (arguments, expected) in [
            (&["--inbox"][..], &[1][..]),
            (&["--unread"], &[3, 4]),
            (&["--important"], &[1]),
            (&["--folder", "Later"], &[2]),
            (&["--trash"], &[3]),
            (&["--archived"], &[4]),
            (&["--sent"], &[]),
            (&[], &[1, 2, 3, 4]),
        ] {
            assert_eq!(of("ada", arguments), expected, "{database}: {arguments:?}");
        }
        assert_eq!(of("ben", &["--inbox", "--unread"]), [1, 2, 3, 4]);
        // From the trash it comes back.
        ada(&["move", "3", "--inbox"]);
        assert_eq!(of("ada", &["--inbox"]), [1, 3]);
        let line = world.run(&["email", "mark", "1", "--read"]).fails(64);
        assert!(line.contains("--user USER"), "{line}");

        world.run(&["folder", "add", "Bills", "--group"]).ok();
        world.run(&["email", "move", "1", "2", "--group-folder", "Bills"]).ok();
        assert_eq!(ids(&world, &["--group-folder", "Bills"]), [1, 2]);
        world.run(&["email", "move", "1", "--no-group-folder"]).ok();
        assert_eq!(ids(&world, &["--group-folder", "Bills"]), [2]);
    }
}

#[test]
fn why_1_what_people_do_with_their_copies_is_rehearsed_and_told_to_them() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "a", "Pump", "It drips.");
        world.run(&["folder", "add", "Later", "--user", "ada"]).ok();
        world.run(&["folder", "add", "Bills", "--group"]).ok();
        let state = || [&["email", "show", "1"][..], &["audit", "list"]].map(|arguments| world.json(arguments));
        for (line, part) in [
            ("email mark 1 --read --user ada", "for ada it is read"),
            ("email mark 1 --unread --important --user ada", "for ada it is not read, important"),
            ("email move 1 --archive --user ada", "into the archive of ada"),
            ("email move 1 --folder Later --user ada", "into folder Later of ada"),
            ("email move 1 --group-folder Bills", "into group folder Bills"),
            ("email move 1 --no-group-folder", "out of its group folder"),
        ] {
            let before = state();
            let arguments: Vec<&str> = line.split(' ').collect();
            let told = format!("  {part}\n      because INBOX-2: a person said so\n");
            let said = world.run(&[&arguments[..], &["--dry-run"]].concat()).ok();
            assert_eq!(said, format!("{told}Nothing was changed.\n"), "{line}");
            assert_eq!(state(), before, "{database}: {line}");
            world.run(&arguments).ok();
            assert_ne!(state(), before, "{database}: {line}");
            let said = world.run(&["--as", "ada", "explain", "1"]).ok();
            assert!(said.contains(&told), "{database}: {line}: {said}");
        }
        // What ada does with her copy is hers to know; where the e-mail is for everybody is not.
        let said = world.json(&["--as", "ben", "explain", "1"])["by_hand"].clone();
        let actions: Vec<&Value> = said.as_array().unwrap().iter().map(|word| &word["steps"]).collect();
        assert_eq!((actions.len(), said.to_string().contains("\"mark\"")), (2, false), "{said}");
    }
}

#[test]
fn why_1_of_a_deleted_email_an_administrator_is_told_who_did_it() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "a", "Pump", "It drips.");
        world.run(&["email", "delete", "1"]).ok();
        for wanted in ["1", "a@example.org", "<a@example.org>"] {
            let said = world.run(&["explain", wanted]).ok();
            assert!(said.contains(": email delete\n  note: it was email:1, <a@example.org>\n"), "{database}: {said}");
            assert_eq!(world.json(&["explain", wanted])["by_hand"][0]["action"], "email delete");
            world.run(&["--as", "ada", "explain", wanted]).fails(65);
        }
        world.run(&["explain", "2"]).fails(65);
    }
}

#[test]
fn access_2_a_deleted_email_is_gone_for_everybody_and_does_not_come_back() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "a", "Pump", "It drips.");
        assert_eq!(ids(&world, &["--search", "drips"]), [1]);
        world.run(&["email", "delete", "1"]).ok();
        world.run(&["email", "show", "1"]).fails(65);
        assert_eq!(ids(&world, &["--search", "drips"]), [] as [i64; 0]);
        let newest = &world.json(&["audit", "list", "--limit", "1"])["items"][0];
        assert_eq!((&newest["action"], &newest["detail"]), (&json!("email delete"), &json!("a@example.org")));
    }
}

#[test]
fn search_finds_words_phrases_beginnings_and_the_same_on_both_databases() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "a", "The pump leaks", "Water stands in the cellar of house 12.");
        deliver(&world, "b", "Grüße aus Köln", "Die Pumpe läuft wieder.");
        deliver(&world, "c", "請求書", "請求書をお送りします。");
        // Whoever took them in has put them into the index.
        let first = world.run(&["-v", "email", "list", "--search", "pump"]);
        assert!(first.stdout.contains("The pump leaks") && !first.stderr.contains("in the index"), "{database}: {first:?}");
        for (words, expected) in [
            ("pump", &[1][..]),
            ("pump*", &[1, 2]),
            ("PUMP", &[1]),
            ("\"stands in\"", &[1]),
            ("\"in stands\"", &[]),
            ("grusse koln", &[]),
            ("grüße", &[2]),
            ("kol*", &[2]),
            ("請求書", &[3]),
            ("求書", &[3]),
            ("dora", &[1, 2, 3]),
            ("dora -pump", &[2, 3]),
            ("dora@example.org", &[1, 2, 3]),
            ("12", &[1]),
            ("pump OR pumpe", &[]),
        ] {
            assert_eq!(ids(&world, &["--search", words]), expected, "{database}: {words}");
        }
        assert_eq!(ids(&world, &["--search", "dora", "--user", "ada", "--subject", "pump"]), [1]);
        let line = world.run(&["email", "list", "--search", "-pump"]).fails(64);
        assert!(line.contains("at least one word"), "{line}");
    }
}

#[test]
fn access_2_what_one_may_not_read_is_in_no_list_and_no_search() {
    for database in ["sqlite", "postgresql"] {
        let office = Office::on(database);
        for user in ["ada", "ben", "cleo"] {
            office.service(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
        }
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "imap.example.com"];
        office.service(&[&add[..], &["--assigned-user", "ada", "--password-command", "true"]].concat()).ok();
        let path = office.home().join("a.eml");
        std::fs::write(&path, message("a", "Pump", "It drips.")).unwrap();
        office.service(&["import", path.to_str().unwrap(), "--account", "support"]).ok();
        let sees = |user: &str, arguments: &[&str]| -> usize {
            let text = office.asks(user, &[&["-o", "json", "email", "list"], arguments].concat()).ok();
            serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().len()
        };
        for arguments in [&[][..], &["--search", "drips"], &["--from", "dora@example.org"]] {
            assert_eq!((sees("ada", arguments), sees("ben", arguments)), (1, 0), "{database}: {arguments:?}");
        }
        for arguments in [&["show", "1"][..], &["raw", "1"], &["attachments", "1"], &["delete", "1"], &["mark", "1", "--read"]] {
            let line = office.asks("ben", &[&["email"], arguments].concat()).fails(65);
            assert!(line.contains("there is no e-mail 1"), "{line}");
        }
        // One's own may be marked and thrown away, but not deleted for everybody.
        office.asks("ada", &["email", "mark", "1", "--read"]).ok();
        office.asks("ada", &["email", "move", "1", "--trash"]).ok();
        assert_eq!(sees("ada", &["--trash"]), 1);
        office.asks("ada", &["email", "delete", "1"]).fails(77);
        office.asks("ben", &["email", "list", "--user", "ada"]).fails(77);
    }
}

#[test]
fn fetch_2_who_deletes_a_copy_takes_nobody_elses_away() {
    for (database, user) in [("sqlite", "deletes-s"), ("postgresql", "deletes-p")] {
        let world = World::on(database);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}internal-hosts = [\"127.0.0.1\"]\n"), 0o600);
        let server = dovecot::server();
        let (group, own) = (format!("{user}-group"), format!("{user}-own"));
        world.run(&["user", "add", "eve", "--address", "eve@example.com"]).ok();
        let port = server.port.to_string();
        let place = ["--imap-host", "127.0.0.1", "--imap-port", &port, "--imap-security", "plain", "--password-stdin"];
        let dates = ["--fetch-since", "2026-11-01", "--act-since", "2026-11-01"];
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-user", &group, "--make-cases"];
        world.run_with(&[&add[..], &place, &dates].concat(), PASSWORD).ok();
        let add = ["account", "add", "eves", "--address", "eve@example.com", "--imap-user", &own, "--owner", "eve"];
        world.run_with(&[&add[..], &place, &dates].concat(), PASSWORD).ok();
        let complaint =
            message("a", "About Eve", "She never answers.").replace("\r\nSubject", "\r\nCc: eve@example.com\r\nSubject");
        server.append(&own, "INBOX", [complaint.as_bytes()]);
        world.run(&["fetch", "eves"]).ok();
        world.run(&["email", "delete", "1"]).ok();
        server.append(&group, "INBOX", [complaint.as_bytes()]);
        world.run(&["fetch"]).ok();
        let cases = world.json(&["case", "list"])["items"].clone();
        assert_eq!((&cases[0]["name"], ids(&world, &[]).len()), (&json!("About Eve"), 1), "{database}");
        // Its own copies stay away, from whichever place they are read again.
        let left = ids(&world, &[])[0].to_string();
        world.run(&["email", "delete", &left]).ok();
        for account in ["support", "eves"] {
            world.run(&["account", "reset", account, "--since", "2026-11-01"]).ok();
        }
        world.run(&["fetch"]).ok();
        assert_eq!(ids(&world, &[]), [] as [i64; 0], "{database}");
    }
}
