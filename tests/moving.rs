//! `espomail account move`: another server with the same mail. What is stored does not double, and what only it has is not lost (FETCH-5).

use serde_json::{Value, json};

use crate::support::imap::BentImap;
use crate::support::world::World;

fn letter(number: u32) -> Vec<u8> {
    format!(
        "From: Customer <customer@example.org>\r\nTo: support@example.com\r\nSubject: Matter {number}\r\n\
         Message-ID: <m{number}@example.org>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\nText\r\n"
    )
    .into_bytes()
}

/// An account that has read four messages of a server.
fn at_work(database: &str) -> (World, BentImap) {
    let (world, server) = (World::on(database), BentImap::start());
    (1..=4).for_each(|uid| server.put(uid, &letter(uid)));
    let port = server.port.to_string();
    let add = "account add support --address support@example.com --imap-host 127.0.0.1 --imap-security plain --imap-user support \
               --password-stdin --fetch-since 2026-01-01 --act-since 2026-01-01 --imap-port";
    let words: Vec<&str> = add.split_ascii_whitespace().chain([port.as_str()]).collect();
    world.run_with(&words, "secret").ok();
    assert_eq!(world.json(&["fetch"])["items"][0]["messages"], json!({ "imported": 4 }));
    (world, server)
}

/// The other server: by chance its UIDVALIDITY is the same, nothing stands where the last known message stood, and its next UID is higher.
fn elsewhere() -> BentImap {
    let server = BentImap::start();
    for (uid, number) in [(1, 3), (2, 9), (3, 1), (5, 2), (6, 4), (9, 50)] {
        server.put(uid, &letter(number));
    }
    server.with(|mailbox| {
        // One that is on the old server only now; one whose date was not kept; one that is old.
        for (uid, date) in [(2, "20-Nov-2026"), (6, "06-Jan-2026"), (9, "05-Jan-1999")] {
            mailbox.messages.get_mut(&uid).unwrap().0 = format!("{date} 10:00:00 +0000");
        }
    });
    server.bend(|mailbox, command| {
        let answer = || String::from_utf8(mailbox.answer(command, &|_| None)).unwrap();
        command.contains("SINCE").then(|| answer().replacen(" 9\r\n", "\r\n", 1).into_bytes())
    });
    server
}

fn count(world: &World) -> usize {
    world.json(&["email", "list", "--limit", "1000"])["items"].as_array().unwrap().len()
}

/// What a pass did, with what it said.
fn fetched(world: &World) -> (Value, String) {
    let done = world.run(&["-o", "json", "fetch"]);
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    (told["items"][0]["messages"].clone(), done.stderr)
}

#[test]
fn fetch_5_an_account_that_moves_finds_what_is_stored_and_loses_nothing() {
    for database in ["sqlite", "postgresql"] {
        let (world, old) = at_work(database);
        let new = elsewhere();
        let port = new.port.to_string();
        let moves = ["account", "move", "support", "--imap-host", "127.0.0.1", "--imap-port", &port, "--password-stdin"];
        let counted = world.run_with(&[&["-o", "json"], &moves[..], &["--dry-run"]].concat(), "secret").ok();
        let counted: Value = serde_json::from_str(&counted).unwrap();
        let wanted = json!({ "mailbox": "INBOX", "on_server": 6, "stored": 3, "older": 1, "new": 2, "differs": 1, "late": 1, "skipped": 0,
                             "missing": 0 });
        assert_eq!(counted, json!({ "schema": "espomail/1", "items": [wanted], "dry_run": true }));
        let text = world.run_with(&[&moves[..], &["--dry-run"]].concat(), "secret").ok();
        assert!(
            text.contains("archive them: --act-since 2026-11-23T10:00:0") && text.ends_with("Nothing was changed.\n"),
            "{text}"
        );
        // What the provider has not copied, and what a filter has skipped, is said.
        let gone = new.with(|mailbox| mailbox.messages.remove(&5).unwrap());
        world.sql("UPDATE fates SET fate = 'filtered', email_id = NULL, message_id = 'm3@example.org' WHERE uid = 3");
        let text = world.run_with(&[&moves[..], &["--dry-run"]].concat(), "secret").ok();
        assert!(text.contains("Of the new ones, 1 were skipped by a filter so far"), "{database}: {text}");
        assert!(text.contains("1 e-mail that came so far is not there: deleted on the old server since"), "{database}: {text}");
        world.sql("UPDATE fates SET fate = 'imported', email_id = 3, message_id = NULL WHERE uid = 3");
        new.with(|mailbox| mailbox.messages.insert(5, gone));
        // What it goes on sending through gets to know the new password with the next letter, and not before.
        world
            .run(&["account", "set", "support", "--smtp-host", "127.0.0.1", "--smtp-port", "9", "--smtp-security", "plain"])
            .ok();
        let still = "It still sends through 127.0.0.1:9, with the password for reading, so from now on with the new one: that server \
                     gets to know it with the next letter; where the new provider sends, too: espomail account set support --smtp-host HOST\n";
        let text = world.run_with(&[&moves[..], &["--dry-run"]].concat(), "secret").ok();
        assert!(text.contains(still), "{text}");
        let tried = world.run_with(&[&moves[..], &["--dry-run", "--smtp-port", "10"]].concat(), "secret");
        assert!(tried.status == Some(69) && !tried.stdout.contains("still sends"), "{tried:?}");
        // Where nobody can log in, nothing is changed either.
        let deaf = ["account", "move", "support", "--imap-host", "127.0.0.1", "--imap-port", "9", "--password-stdin"];
        world.run_with(&deaf, "secret").fails(69);
        assert!(world.run(&["account", "move", "support"]).fails(64).contains("--imap-host HOST"));
        old.put(8, &letter(5));
        assert_eq!(fetched(&world).0, json!({ "imported": 1 }), "still of the old server");
        let told = world.run_with(&moves, "secret").ok();
        assert!(told.starts_with("Account support moved to 127.0.0.1. ") && told.contains("espomail fetch support\n"), "{told}");
        assert!(told.ends_with(still), "{told}");
        let audit = world.json(&["audit", "list", "--limit", "1"])["items"][0].clone();
        assert_eq!((&audit["action"], &audit["subject"]), (&json!("account move"), &json!("account:support")));
        let waits = world.json(&["reconcile"])["items"][0].clone();
        assert_eq!((&waits["waiting"], &waits["because"]), (&json!(6), &json!("the account has moved to another server")));
        let (messages, said) = fetched(&world);
        assert_eq!(messages, json!({ "duplicate": 4, "filtered": 1, "imported": 1 }), "{said}");
        assert_eq!(said.matches("has moved to another server").count(), 1, "{said}");
        assert_eq!((count(&world), world.run(&["fetch"]).ok().as_str()), (6, ""), "said once");
        assert_eq!(world.json(&["reconcile"])["missing"], 0);
        world.run(&["doctor", "--prove"]).ok();
        // And back, to the server with the same UIDVALIDITY and the UIDs of then.
        let port = old.port.to_string();
        let back = ["account", "move", "support", "--imap-host", "127.0.0.1", "--imap-port", &port, "--password-stdin"];
        world.run_with(&back, "secret").ok();
        assert_eq!((fetched(&world).0, count(&world)), (json!({ "duplicate": 5 }), 6));
    }
}

#[test]
fn fetch_5_another_server_by_account_set_is_a_move_and_a_mailbox_may_have_another_name_there() {
    let (world, _) = at_work("sqlite");
    let new = elsewhere();
    let port = new.port.to_string();
    let set = ["account", "set", "support", "--imap-host", "localhost", "--imap-port", &port, "--mailbox", "Everything"];
    let told = world.run(&set).ok();
    assert!(told.contains("It reads from elsewhere now: the next pass lists its mailboxes again"), "{told}");
    let (messages, said) = fetched(&world);
    assert_eq!(messages, json!({ "duplicate": 4, "filtered": 1, "imported": 1 }), "{said}");
    let whole = new.with(|mailbox| mailbox.heard.iter().filter(|line| line.contains("BODY.PEEK[]")).cloned().collect::<Vec<_>>());
    assert!(whole.iter().all(|line| line.starts_with("UID FETCH 2,6 ")), "what is stored is not read again: {whole:?}");
    // The same words once more are no move.
    let told = world.run(&["account", "set", "support", "--imap-host", "localhost", "--from-name", "Support"]).ok();
    assert!(!told.contains("elsewhere"), "{told}");
    assert_eq!(world.run(&["fetch"]).ok(), "");
}

/// Adds the account again, or another one, on the mailbox of a server.
fn add(world: &World, name: &str, address: &str, server: &BentImap) {
    let port = server.port.to_string();
    let add = format!(
        "account add {name} --address {address} --imap-host 127.0.0.1 --imap-security plain --imap-user support --password-stdin \
         --fetch-since 2026-01-01 --act-since 2026-01-01 --imap-port {port}"
    );
    world.run_with(&add.split_ascii_whitespace().collect::<Vec<_>>(), "secret").ok();
}

#[test]
fn fetch_5_what_looks_like_a_stored_message_by_its_header_alone_is_read_and_compared() {
    // As scanners and fax gateways write: one Message-ID for ever, and here also one size and one second.
    let scan = |text: &str| [&letter(1)[..], text.as_bytes(), b"\r\n"].concat();
    let (world, old, new) = (World::on("sqlite"), BentImap::start(), BentImap::start());
    for (uid, text) in [(1, "one"), (2, "two"), (3, "six")] {
        old.put(uid, &scan(text));
    }
    old.put(4, &letter(7));
    add(&world, "support", "support@example.com", &old);
    assert_eq!(world.json(&["fetch"])["items"][0]["messages"], json!({ "imported": 4 }));
    for (uid, text) in [(1, "ten"), (2, "six"), (3, "one"), (4, "two")] {
        new.put(uid, &scan(text));
    }
    new.put(5, &letter(7));
    let port = new.port.to_string();
    let moves = ["account", "move", "support", "--imap-host", "127.0.0.1", "--imap-port", &port, "--password-stdin"];
    let counted = world.run_with(&[&["-o", "json"], &moves[..], &["--dry-run"]].concat(), "secret").ok();
    let counted: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!((&counted["items"][0]["stored"], &counted["items"][0]["new"]), (&json!(4), &json!(1)));
    world.run_with(&moves, "secret").ok();
    let (messages, said) = fetched(&world);
    assert_eq!((messages, count(&world)), (json!({ "duplicate": 4, "imported": 1 }), 5), "{said}");
    let whole = new.with(|mailbox| mailbox.heard.iter().filter(|line| line.contains("BODY.PEEK[]")).cloned().collect::<Vec<_>>());
    assert!(whole.iter().all(|line| line.starts_with("UID FETCH 1:4 ")), "of what is clear nothing is read again: {whole:?}");
}

#[test]
fn fetch_2_what_people_deleted_does_not_come_back_with_another_account_on_its_mailbox() {
    for database in ["sqlite", "postgresql"] {
        let (world, server) = at_work(database);
        let unnamed =
            String::from_utf8(letter(4)).unwrap().replace("Message-ID: <m4@example.org>\r\n", "").replace("Matter 4", "None");
        server.put(5, unnamed.as_bytes());
        assert_eq!(fetched(&world).0, json!({ "imported": 1 }));
        world.run(&["email", "delete", "1"]).ok();
        world.run(&["email", "delete", "5"]).ok();
        // Another account on the mailbox while this one is there, under another name.
        add(&world, "second", "support@example.com", &server);
        let done = world.json(&["fetch", "second"]);
        assert_eq!((&done["items"][0]["messages"], count(&world)), (&json!({ "duplicate": 5 }), 3), "{database}");
        let said = world.run(&["account", "remove", "support", "--dry-run"]).ok();
        assert!(
            said.starts_with("Account support would be removed, with its passwords and how far it was read (1 mailbox)."),
            "{said}"
        );
        assert!(said.contains("Its e-mails (3) and cases would stay") && said.ends_with("\nNothing was changed.\n"), "{said}");
        assert!(said.contains("\nTo stop it for a while: espomail account disable support\n"), "{said}");
        world.run(&["account", "remove", "support"]).ok();
        world.run(&["account", "remove", "second"]).ok();
        // Deleted when no account was there.
        world.run(&["email", "delete", "2"]).ok();
        add(&world, "support", "support@example.com", &server);
        assert_eq!((fetched(&world).0, count(&world)), (json!({ "duplicate": 5 }), 2), "{database}");
        // And with another address, by its login.
        world.run(&["account", "remove", "support"]).ok();
        add(&world, "help", "help@example.com", &server);
        assert_eq!((fetched(&world).0, count(&world)), (json!({ "duplicate": 5 }), 2), "{database}");
        // A user's own account on a mailbox that says the same is another one.
        world.run(&["user", "add", "ada"]).ok();
        world.run(&["account", "remove", "help"]).ok();
        add(&world, "own", "support@example.com", &server);
        world.sql("UPDATE accounts SET kind = 'personal', owner_id = (SELECT id FROM users)");
        let config = std::fs::read_to_string(world.config()).unwrap();
        std::fs::write(world.config(), config.trim_end().to_string() + "\ninternal-hosts = [\"127.0.0.1\"]\n").unwrap();
        assert_eq!(fetched(&world).0["imported"], json!(3), "{database}: nobody decides for others what comes to them");
        world.run(&["doctor", "--prove"]).ok();
    }
}
