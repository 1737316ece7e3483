//! Every incoming e-mail reaches somebody, or says that it did not; what a filter skipped can be asked for; an inbox has what others
//! wrote. Through the real binary, on both databases.

use serde_json::{Value, json};

use crate::support::world::{Done, World};

/// A world with two agents in a team, an administrator, and a group account that makes cases for the team.
fn world_on(database: &str, more: &[&str]) -> World {
    let world = World::on(database);
    for login in ["ada", "ben"] {
        world.run(&["user", "add", login, "--address", &format!("{login}@example.com")]).ok();
    }
    world.run(&["user", "add", "boss", "--administrator"]).ok();
    world.run(&["team", "add", "desk"]).ok();
    world.run(&["team", "join", "desk", "ada", "ben"]).ok();
    add(&world, "support", more);
    world
}

fn add(world: &World, name: &str, more: &[&str]) {
    let address = format!("{name}@example.com");
    let add = ["account", "add", name, "--address", &address, "--imap-host", "imap.example.org", "--password-stdin"];
    let _ = world.run_with(&[&add[..], more].concat(), "hunter2\n");
}

const CASES: [&str; 5] = ["--make-cases", "--distribution", "round-robin", "--case-team", "desk"];

fn deliver(world: &World, account: &str, id: &str, from: &str, subject: &str) -> Done {
    let message = format!(
        "From: {from}\r\nTo: {account}@example.com\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\n\r\nText {id}.\r\n"
    );
    world.run_with(&["deliver", "--account", account], &message)
}

/// What a user has not read.
fn unread(world: &World, user: &str) -> Vec<Value> {
    world.json(&["notification", "list", "--unread", "--user", user])["items"].as_array().unwrap().clone()
}

fn all_read(world: &World) {
    for user in ["ada", "ben", "boss"] {
        world.run(&["notification", "read", "--all", "--user", user]).ok();
    }
}

fn ids(world: &World, arguments: &[&str]) -> Vec<i64> {
    let listed = world.json(&[&["email", "list"], arguments].concat());
    listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[test]
fn link_3_who_may_decide_hears_of_what_is_held_once() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &[&CASES[..], &["--unknown-sender", "hold"]].concat());
        deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
        all_read(&world);
        // Ada has the case and no role: she hears of it and has it to read, and who may decide hears, too.
        deliver(&world, "support", "b", "eve@example.net", "Re: [#1] Pump").ok();
        let kinds = |user: &str| unread(&world, user).iter().map(|one| one["kind"].clone()).collect::<Vec<_>>();
        assert_eq!(
            (kinds("ada"), kinds("ben"), kinds("boss")),
            (vec![json!("review")], vec![], vec![json!("review")]),
            "{database}"
        );
        assert_eq!(ids(&world, &["--user", "ada", "--inbox"])[0], 2);
        let told = world.run(&["notification", "list", "--user", "boss"]).ok();
        assert!(told.contains("case:1, e-mail 2") && told.contains("it is held and waits for a word: Re: [#1] Pump"), "{told}");
        all_read(&world);
        // With a role of the team both may decide, and no administrator need be called.
        world.run(&["role", "add", "agents"]).ok();
        world.run(&["role", "grant", "agents", "email", "read", "team"]).ok();
        world.run(&["role", "grant", "agents", "email", "edit", "team"]).ok();
        world.run(&["role", "give", "agents", "--team", "desk"]).ok();
        deliver(&world, "support", "c", "eve@example.net", "Re: [#1] Pump").ok();
        assert_eq!((kinds("ada").len(), kinds("ben").len(), kinds("boss").len()), (1, 1, 0), "{database}");
        world.run(&["--as", "ben", "review", "reject", "2"]).ok();
        all_read(&world);
        // Held by a filter, of no case: those of the account; of an account without people: the administrators.
        add(&world, "info", &[]);
        world.run(&["filter", "add", "wait", "--global", "--subject", "wait*", "--hold"]).ok();
        deliver(&world, "support", "d", "fay@example.net", "wait a moment").ok();
        assert_eq!((kinds("ada").len(), kinds("ben").len(), kinds("boss").len()), (1, 1, 0), "{database}");
        all_read(&world);
        deliver(&world, "info", "e", "fay@example.net", "wait for me").ok();
        assert_eq!((kinds("ada").len(), kinds("ben").len(), kinds("boss").len()), (0, 0, 1), "{database}");
        // Who runs a pass hears of it in one line.
        let file = world.path("held.eml");
        world.write(&file, "From: gil@example.net\r\nSubject: wait, I say\r\nMessage-ID: <f@example.org>\r\n\r\nx\r\n", 0o600);
        let line = world.run(&["import", "--account", "info", file.to_str().unwrap()]).fails(65);
        assert!(
            line.contains("account info: an e-mail is held and waits for a person's word; try: espomail review list"),
            "{line}"
        );
    }
}

#[test]
fn inbox_1_mail_of_nobody_is_counted_listed_and_told_once_a_day() {
    for database in ["sqlite", "postgresql"] {
        let mut world = world_on(database, &CASES);
        add(&world, "info", &[]);
        deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
        let file = world.path("b.eml");
        world.write(&file, "From: eve@example.net\r\nSubject: b\r\nMessage-ID: <b@example.org>\r\n\r\nx\r\n", 0o600);
        world.set("ESPOMAIL_NOW", "2026-11-24T10:00:00Z");
        let said = world.run(&["import", "--account", "info", file.to_str().unwrap()]).ok();
        assert!(said.contains("1 imported; 1 in nobody's inbox and of no case, see espomail email list --of-nobody"), "{said}");
        assert_eq!(ids(&world, &["--of-nobody"]), [2], "{database}");
        assert!(world.run(&["explain", "2"]).ok().contains("in nobody's inbox and of no case"));
        let told = || unread(&world, "boss").iter().map(|one| one["detail"].as_str().unwrap().to_string()).collect::<Vec<_>>();
        let first = "1 e-mail is in nobody's inbox and of no case: espomail email list --of-nobody";
        assert_eq!(told(), [first], "{database}");
        deliver(&world, "info", "c", "eve@example.net", "c").ok();
        assert_eq!(told().len(), 1, "once a day");
        world.set("ESPOMAIL_NOW", "2026-11-25T11:00:00Z");
        deliver(&world, "info", "d", "eve@example.net", "d").ok();
        let told = unread(&world, "boss").iter().map(|one| one["detail"].as_str().unwrap().to_string()).collect::<Vec<_>>();
        assert!(told.len() == 2 && told[0].starts_with("2 e-mails are"), "{database}: {told:?}");
        // Whoever takes it in hand ends that; what waits for a word, or lies in a group folder, is somebody's already.
        world.run(&["email", "link", "2", "case:1"]).ok();
        world.run(&["folder", "add", "Bills", "--group"]).ok();
        world.run(&["email", "move", "3", "--group-folder", "Bills"]).ok();
        assert_eq!(ids(&world, &["--of-nobody"]), [4], "{database}");
    }
}

#[test]
fn why_1_what_a_filter_skipped_answers_by_its_message_id_and_its_place() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &CASES);
        world.run(&["filter", "add", "no spam", "--global", "--subject", "spam*", "--skip"]).ok();
        deliver(&world, "support", "a", "dora@example.net", "spam offer").ok();
        deliver(&world, "support", "b", "dora@example.net", "Pump").ok();
        assert_eq!(ids(&world, &[]), [1], "{database}");
        for asked in ["<a@example.org>", "a@example.org", "support/(delivered)/1"] {
            let told = world.run(&["explain", asked]).ok();
            assert!(told.contains("through account support, mailbox (delivered), UID 1: filtered"), "{database}: {told}");
            assert!(told.contains("the filter \"no spam\", by the header alone, skips it"), "{database}: {told}");
        }
        let json = world.json(&["explain", "support/(delivered)/1"]);
        assert_eq!((&json["email"], &json["arrivals"][0]["fate"]), (&Value::Null, &json!("filtered")));
        assert_eq!(world.json(&["explain", "support/(delivered)/2"])["email"], 1, "an e-mail is told whole");
        for nothing in ["support/(delivered)/3", "nobody/INBOX/1", "<c@example.org>"] {
            assert!(world.run(&["explain", nothing]).fails(65).contains(&format!("there is no e-mail {nothing}")));
        }
        // Mail of the group that nobody has is not everybody's to know of.
        world.run(&["--as", "ben", "explain", "<a@example.org>"]).fails(65);
        let line = world.run(&["--as", "ben", "explain", "support/(delivered)/2"]).fails(65);
        assert!(line.contains("there is no e-mail support/(delivered)/2"), "{line}");
    }
}

#[test]
fn why_1_verbose_says_a_line_a_message_and_then_every_reason() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &CASES);
        let take = |verbosity: &str, id: &str| {
            let message = format!("From: dora@example.net\r\nSubject: Pump\r\nMessage-ID: <{id}@example.org>\r\n\r\nx\r\n");
            world.run_with(&[verbosity, "deliver", "--account", "support"], &message).stderr
        };
        assert!(!take("-v", "a").contains("UID"));
        let said = take("-vv", "b");
        let line = "account support: mailbox (delivered): UID 2: imported, e-mail 2: from dora@example.net: Pump";
        assert!(said.contains(line) && !said.contains("because"), "{said}");
        let said = take("-vvv", "c");
        assert!(said.contains("UID 3: imported") && said.contains("UID 3: open-case: because CASE-1: the first"), "{said}");
    }
}

#[test]
fn inbox_2_an_inbox_has_neither_ones_own_letters_nor_what_lies_in_a_group_folder() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &[]);
        add(&world, "ada", &["--owner", "ada"]);
        deliver(&world, "ada", "a", "ada@example.com", "I wrote this").ok();
        deliver(&world, "ada", "b", "dora@example.net", "To me").ok();
        deliver(&world, "ada", "c", "dora@example.net", "To the folder").ok();
        world.run(&["folder", "add", "Bills", "--group"]).ok();
        world.run(&["email", "move", "3", "--group-folder", "Bills"]).ok();
        // From alone proves nothing; what went out from here is one's own.
        world.sql("UPDATE emails SET author_id = (SELECT id FROM users WHERE login = 'ada'), is_claimed = FALSE WHERE id = 1");
        assert_eq!(ids(&world, &["--user", "ada", "--inbox"]), [2], "{database}");
        assert_eq!(ids(&world, &["--user", "ada", "--sent"]), [1]);
        world.run(&["email", "move", "3", "--no-group-folder"]).ok();
        assert_eq!(ids(&world, &["--user", "ada", "--inbox"]), [3, 2]);
    }
}
