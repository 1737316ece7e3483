//! `filter` and `folder`: kept from the shell, and what they do to mail that comes in.

use serde_json::{Value, json};

use crate::support::world::World;

fn world_on(database: &str) -> World {
    let world = World::on(database);
    world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
    world.run_with(&[&add[..], &["--assigned-user", "ada", "--password-stdin"]].concat(), "hunter2\n").ok();
    world
}

fn deliver(world: &World, id: &str, subject: &str, text: &str) {
    let message = format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: {subject}\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n\r\n{text}\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

/// What a list says of one thing, line by line.
fn listed(world: &World, arguments: &[&str], key: &str) -> Vec<Value> {
    world.json(arguments)["items"].as_array().unwrap().iter().map(|item| item[key].clone()).collect()
}

#[test]
fn filter_6_the_order_is_shown_changed_and_stable() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        for name in ["a", "b", "c", "d"] {
            world.run(&["filter", "add", name, "--global", "--subject", name, "--skip"]).ok();
        }
        world.run(&["filter", "add", "e", "--account", "support", "--subject", "e", "--no-case"]).ok();
        let order = || listed(&world, &["filter", "list", "--global"], "name");
        for (arguments, after) in [
            (&["d", "--first"][..], ["d", "a", "b", "c"]),
            (&["d", "--last"], ["a", "b", "c", "d"]),
            (&["a", "--to", "3"], ["b", "c", "a", "d"]),
            (&["d", "--before", "c"], ["b", "d", "c", "a"]),
            (&["b", "--after", "c"], ["d", "c", "b", "a"]),
            (&["b", "--to", "99"], ["d", "c", "a", "b"]),
        ] {
            world.run(&[&["filter", "move"], arguments].concat()).ok();
            assert_eq!(order(), after.map(|name| json!(name)), "{database}: {arguments:?}");
        }
        world.run(&["filter", "remove", "c"]).ok();
        assert_eq!(listed(&world, &["filter", "list", "--global"], "place"), [json!(1), json!(2), json!(3)]);
        assert_eq!(listed(&world, &["filter", "list"], "name").len(), 4);
    }
}

#[test]
fn filter_1_what_makes_no_sense_is_refused_with_the_reason() {
    let world = world_on("sqlite");
    for (arguments, status, part) in [
        (&["x", "--subject", "a", "--skip"][..], 64, "--global, --account or --user"),
        (&["x", "--global", "--skip"], 64, "never matches"),
        (&["x", "--global", "--from", "a"], 64, "say what it does"),
        (&["x", "--global", "--from", "(", "--regex", "--skip"], 64, "no regular expression"),
        (&["x", "--global", "--from", "a", "--folder", "Bills"], 65, "Bills"),
        (&["x", "--user", "ada", "--from", "a", "--no-case"], 64, "user"),
        (&["x", "--user", "nobody", "--from", "a", "--skip"], 65, "nobody"),
        (&["x", "--user", "ada", "--from", "a", "--run", "b"], 64, "a user's filter can"),
        (&["x", "--global", "--from", "a", "--run", "b"], 65, "the configuration has no command \"b\"; there is none"),
        (&["x", "--global", "--sieve", "/nonexistent"], 65, "cannot read /nonexistent"),
    ] {
        let line = world.run(&[&["filter", "add"], arguments].concat()).fails(status);
        assert!(line.contains(part), "{arguments:?}: {line}");
    }
    world.run(&["filter", "show", "x"]).fails(65);
}

#[test]
fn filter_3_a_sieve_script_takes_the_place_of_criteria_and_actions() {
    let world = world_on("sqlite");
    let add =
        |scope: &[&str], script: &str| world.run_with(&[&["filter", "add", "x"], scope, &["--sieve", "-"]].concat(), script);
    for (scope, script, part) in [
        (&["--global"][..], "keep;\nredirect \"a@example.org\";", "line 2: \"redirect\" cannot be used in a filter"),
        (&["--global"], "require \"fileinto\"; fileinto \"Bills\";", "Bills"),
        (&["--user", "ada"], "require \"fileinto\"; fileinto \"Later\";", "Later"),
    ] {
        let line = add(scope, script).fails(65);
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(add(&["--global", "--skip"], "discard;").status, Some(64), "not both");
    add(&["--global"], "if header :is \"subject\" \"one\" { discard; }\n").ok();
    let tested = world.run_with(&["filter", "test", "-"], "Subject: one\r\n\r\n").ok();
    assert!(tested.contains("  matches x\n    + sieve: the script says discard\n"), "{tested}");
    let line = world.run(&["filter", "set", "x", "--regex"]).fails(64);
    assert!(line.contains("not for a Sieve script"), "{line}");
    world.run(&["filter", "set", "x", "--skip"]).fails(64);
    world.run(&["filter", "set", "x", "--subject", "two", "--skip"]).ok();
    let shown = world.json(&["filter", "show", "x"]);
    assert_eq!((&shown["sieve"], &shown["criteria"]), (&Value::Null, &json!(["subject \"two\""])));
    // And back; a folder that is renamed takes the script's mail no more.
    world.run(&["folder", "add", "Bills", "--group"]).ok();
    let script = "require \"fileinto\"; fileinto \"Bills\";\n";
    world.run_with(&["filter", "set", "x", "--sieve", "-"], script).ok();
    let shown = world.json(&["filter", "show", "x"]);
    assert_eq!((&shown["sieve"], &shown["criteria"], &shown["actions"]), (&json!(script), &json!([]), &json!([])));
    deliver(&world, "one", "one", "x");
    world.run(&["folder", "set", "Bills", "--group", "--name", "Invoices"]).ok();
    deliver(&world, "two", "two", "x");
    let folder = |id: &str| world.json(&["email", "show", &format!("<{id}@example.org>")])["group_folder"].clone();
    assert_eq!((folder("one"), folder("two")), (json!("Invoices"), Value::Null));
}

#[test]
fn filter_4_and_5_they_act_on_mail_that_comes_in() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["folder", "add", "Bills", "--group"]).ok();
        world.run(&["folder", "add", "Later", "--user", "ada"]).ok();
        for filter in [
            &["spam", "--global", "--subject", "SPAM*", "--skip"][..],
            &["bills", "--account", "support", "--body", "invoice", "--folder", "Bills", "--no-case"],
            &["urgent", "--account", "support", "--subject", "*urgent*", "--priority", "urgent"],
            &["later", "--user", "ada", "--subject", "Later *", "--folder", "Later", "--mark-read"],
            &["trash", "--user", "ada", "--subject", "Trash *", "--skip"],
        ] {
            world.run(&[&["filter", "add"], filter].concat()).ok();
        }
        for (id, subject, text) in [
            ("spam", "spam for you", "x"),
            ("bill", "Number 7", "Our Invoice."),
            ("urgent", "It is urgent!", "x"),
            ("later", "Later on", "x"),
            ("trash", "Trash it", "x"),
        ] {
            deliver(&world, id, subject, text);
        }
        world.run(&["email", "show", "<spam@example.org>"]).fails(65);
        let shown = |id: &str| world.json(&["email", "show", &format!("<{id}@example.org>")]);
        let bill = shown("bill");
        assert_eq!((&bill["group_folder"], &bill["parent"]), (&json!("Bills"), &Value::Null), "{database}");
        let case = shown("urgent")["parent"].as_str().unwrap().to_string();
        assert_eq!(world.json(&["case", "show", &case])["priority"], "urgent");
        let later = &shown("later")["users"][0];
        assert_eq!((&later["read"], &later["folder"]), (&json!(true), &json!("Later")));
        assert_eq!(shown("trash")["users"][0]["trashed"], true);

        let subjects = |arguments: &[&str]| listed(&world, &[&["email", "list"], arguments].concat(), "subject");
        assert_eq!(subjects(&["--group-folder", "Bills"]), ["Number 7"]);
        assert_eq!(subjects(&["--user", "ada", "--folder", "Later"]), ["Later on"]);
        assert_eq!(subjects(&["--user", "ada", "--trash"]), ["Trash it"]);
        assert_eq!(
            subjects(&["--user", "ada", "--inbox"]),
            ["It is urgent!"],
            "what lies in a group folder is elsewhere (INBOX-2)"
        );
        // One that is not used does nothing; a folder that is gone leaves its mail in the inbox.
        world.run(&["filter", "set", "trash", "--active", "false"]).ok();
        deliver(&world, "kept", "Trash is kept", "x");
        assert_eq!(shown("kept")["users"][0]["trashed"], false);
        world.run(&["folder", "remove", "Later", "--user", "ada"]).fails(65);
        world.run(&["filter", "remove", "later"]).ok();
        world.run(&["folder", "remove", "Later", "--user", "ada"]).ok();
        assert_eq!(subjects(&["--user", "ada", "--inbox", "--from", "dora@example.org"]).len(), 3);
    }
}

#[test]
fn filter_8_test_prints_what_matched_and_changes_nothing() {
    let world = world_on("sqlite");
    world.run(&["filter", "add", "both", "--global", "--subject", "Number *", "--body-all", "invoice", "--skip"]).ok();
    let message = "From: dora@example.org\r\nSubject: Number 7\r\n\r\nOur bill.\r\n";
    let tested: Value = serde_json::from_str(&world.run_with(&["-o", "json", "filter", "test", "-"], message).ok()).unwrap();
    let trial = &tested["messages"][0]["filters"][0];
    assert_eq!((&trial["name"], &trial["matched"]), (&json!("both"), &json!(false)));
    let matched: Vec<&Value> = trial["criteria"].as_array().unwrap().iter().map(|one| &one["matched"]).collect();
    assert_eq!(matched, [&json!(true), &json!(false)]);
    // Over stored mail only what matches is printed.
    world.run(&["filter", "set", "both", "--active", "false"]).ok();
    deliver(&world, "a", "Number 8", "An invoice.");
    deliver(&world, "b", "Number 9", "A letter.");
    let tested = world.json(&["filter", "test", "--last", "7d"]);
    assert_eq!(tested["messages"].as_array().unwrap().len(), 1, "{tested}");
    assert_eq!(tested["messages"][0]["subject"], "Number 8");
    assert_eq!((&tested["seen"], &tested["matched"], &tested["known"]), (&json!(2), &json!(1), &json!(1)), "of an open case");
    world.run(&["record", "add", "contact", "Dora Example", "--address", "dora@example.org"]).ok();
    let text = world.run(&["filter", "test", "--last", "7d"]).ok();
    let known = "; 1 of these from senders whom a record knows, or of open cases.\n";
    assert!(text.ends_with(&format!("1 of 2 e-mails since 7d matches{known}")), "{text}");
    world.run(&["filter", "set", "both", "--subject", "Nothing"]).ok();
    assert_eq!(world.run(&["filter", "test", "--last", "7d"]).ok(), "0 of 2 e-mails since 7d match.\n");
    world.run(&["filter", "set", "both", "--subject", "Number *", "--body-all", "invoice", "--active", "true"]).ok();
    deliver(&world, "c", "Number 10", "An invoice.");
    let text = world.run(&["filter", "test", "--last", "7d"]).ok();
    assert!(text.ends_with("Not among these: 1 message that both has skipped: espomail fate list --filter both\n"), "{text}");
    assert!(text.contains("    + body has \"invoice\": it says \"An invoice.\"\n"), "{text}");
    let text = world.run(&["filter", "test", "1"]).ok();
    assert!(text.contains("Number 8") && text.contains("invoice"), "{text}");
}
