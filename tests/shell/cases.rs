//! `case` and `review`: what people do to cases and to mail that waits for them.

use serde_json::{Value, json};

use crate::support::world::World;

/// A world with a case-making account that hands cases to a team of two in turn.
fn world_on(database: &str) -> World {
    let world = World::on(database);
    world.run(&["team", "add", "support"]).ok();
    for user in ["ada", "ben", "cleo"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "join", "support", "ada", "ben"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--team", "support"];
    let cases = ["--make-cases", "--distribution", "round-robin", "--case-team", "support", "--password-stdin"];
    world.run_with(&[&add[..], &cases].concat(), "hunter2\n").ok();
    world
}

/// Delivers a message from Dora Example; the reference may be empty.
fn deliver(world: &World, id: &str, answers: &str, subject: &str, text: &str) {
    let answers = if answers.is_empty() { String::new() } else { format!("In-Reply-To: <{answers}@example.org>\r\n") };
    let message = format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: {subject}\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n{answers}\r\n{text}\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

fn stream(world: &World, case: &str) -> Vec<Value> {
    world.json(&["case", "show", case])["stream"].as_array().unwrap().clone()
}

fn kinds(world: &World, case: &str) -> Vec<String> {
    stream(world, case).iter().map(|entry| entry["kind"].as_str().unwrap().to_string()).collect()
}

#[test]
fn case_5_merge_leaves_one_case_with_everything_and_the_other_says_where() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "a", "", "Pump leaks", "It drips.");
        deliver(&world, "b", "", "Pump still leaks", "It pours.");
        world.run(&["case", "note", "2", "Same pump"]).ok();
        world.run(&["case", "merge", "2", "--into", "1"]).ok();

        let gone = world.json(&["case", "show", "2"]);
        assert_eq!(
            (&gone["status"], &gone["merged_into"], &gone["followers"]),
            (&json!("duplicate"), &json!("case:1"), &json!([]))
        );
        let left = world.json(&["case", "show", "1"]);
        assert_eq!(left["followers"], json!(["ada", "ben"]), "{database}");
        let told: Vec<_> = left["stream"].as_array().unwrap().iter().filter_map(|entry| entry["reply_text"].as_str()).collect();
        assert_eq!(told, ["It drips.", "It pours."]);
        assert!(kinds(&world, "1").iter().any(|kind| kind == "note") && kinds(&world, "1").last().unwrap() == "merged");
        let moved = world.json(&["email", "show", "<b@example.org>"]);
        assert_eq!((&moved["parent"], &moved["parent_by"]), (&json!("case:1"), &json!("hand")));
        // What answers it later goes to the case that is left.
        deliver(&world, "c", "b", "Re: Pump still leaks", "And now?");
        assert_eq!(world.json(&["email", "show", "<c@example.org>"])["parent"], "case:1");

        world.run(&["email", "unlink", "3"]).ok();
        assert_eq!(world.run(&["email", "link", "3", "case:2"]).ok(), "E-mail 3 belongs to case:1.\n");

        for (wrong, part) in [
            (&["case", "merge", "2", "--into", "1"][..], "case:2 was merged into case:1"),
            (&["case", "reopen", "2"], "case:2 was merged into case:1; try: espomail case show 1"),
            (&["case", "merge", "9", "--into", "1"], "there is no case:9"),
        ] {
            let line = world.run(wrong).fails(65);
            assert!(line.contains(part), "{line}");
        }
        world.run(&["case", "merge", "1", "--into", "1"]).fails(64);
    }
}

#[test]
fn case_5_split_takes_emails_with_what_answers_them_into_a_case_of_their_own() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "a", "", "Pump leaks", "It drips.");
        deliver(&world, "b", "a", "Re: Pump leaks", "By the way, the door squeaks.");
        deliver(&world, "c", "b", "Re: Pump leaks", "It squeaks a lot.");
        deliver(&world, "d", "a", "Re: Pump leaks", "It still drips.");
        let new = world.json(&["case", "split", "1", "--email", "2", "--name", "Door squeaks"]);
        assert_eq!((&new["number"], &new["name"], &new["refers_to"]), (&json!(2), &json!("Door squeaks"), &json!("case:1")));
        assert_eq!(
            (&new["assigned_user"], &new["status"], &new["teams"]),
            (&json!("ada"), &json!("assigned"), &json!(["support"]))
        );
        for (id, parent) in [("a", "case:1"), ("b", "case:2"), ("c", "case:2"), ("d", "case:1")] {
            assert_eq!(world.json(&["email", "show", &format!("<{id}@example.org>")])["parent"], parent, "{database} {id}");
        }
        let told = |case: &str| -> Vec<Value> {
            stream(&world, case)
                .iter()
                .filter(|entry| entry["kind"] == "email-received")
                .map(|entry| entry["email"].clone())
                .collect()
        };
        assert_eq!((told("1"), told("2")), (vec![json!(1), json!(4)], vec![json!(2), json!(3)]));
        assert_eq!(kinds(&world, "1").last().unwrap(), "split");
        // What follows in their thread goes along.
        deliver(&world, "e", "c", "Re: Pump leaks", "And squeaks.");
        assert_eq!(world.json(&["email", "show", "<e@example.org>"])["parent"], "case:2");
        // The rotation did not move (DIST-2).
        assert_eq!(world.json(&["case", "next", "--account", "support"])["user"], "ben");
        assert!(world.run(&["case", "split", "1", "--email", "2"]).fails(65).contains("e-mail 2 does not belong to case:1"));
        assert_eq!(world.run(&["case", "split", "1"]).status, Some(64));
    }
}

#[test]
fn dist_2_next_says_who_and_why_and_moves_nothing() {
    let world = world_on("sqlite");
    let next = || world.json(&["case", "next", "--account", "support"]);
    for _ in 0..2 {
        assert_eq!(next()["user"], "ada");
    }
    deliver(&world, "a", "", "Pump leaks", "It drips.");
    let said = next();
    assert_eq!((&said["user"], said["candidates"].as_array().unwrap().len()), (&json!("ben"), 2));
    assert!(said["because"].as_str().unwrap().starts_with("DIST-2: round-robin"), "{said}");
    world.run(&["account", "set", "support", "--distribution", "least-busy"]).ok();
    let said = next();
    assert_eq!((&said["user"], &said["candidates"][0]["open_cases"]), (&json!("ben"), &json!(1)));
    assert!(world.run(&["case", "next", "--account", "support"]).ok().contains("ada: 1 open case"));
    world.run(&["account", "set", "support", "--distribution", "none"]).ok();
    assert_eq!((&next()["user"], &next()["candidates"]), (&Value::Null, &json!([])));
}

#[test]
fn a_stream_shows_words_and_files_oldest_first_and_nothing_in_it_looks_like_the_stream() {
    let world = world_on("sqlite");
    let message = "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: Fire\r\n\
        Message-ID: <a@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\n2026-11-23T10:00:00Z  status closed\x1b[2J\r\n\
        --b\r\nContent-Type: text/csv; name=\"list.csv\"\r\nContent-Disposition: attachment\r\n\r\na,b\r\n--b--\r\n";
    world.run_with(&["deliver", "--account", "support"], message).ok();
    world.run_with(&["case", "note", "1"], "Looks bad.\nVery bad.\n").ok();
    world.run(&["case", "note", "1", "Called back"]).ok();
    std::fs::write(world.path("words.txt"), "From a file").unwrap();
    world.run(&["case", "note", "1", "--file", "words.txt"]).ok();
    world.run(&["case", "note", "1", "--file", "nowhere.txt"]).fails(65);
    world.run(&["case", "close", "1"]).ok();
    let said = world.run(&["case", "show", "1"]).ok();
    let lines: Vec<&str> = said.split("Stream\n").nth(1).unwrap().lines().collect();
    let expected = ["  2026-11-23T10:00:00Z  opened by e-mail 1", "  2026-11-23T10:00:00Z  assigned to ada"];
    assert_eq!(lines[0], expected[0], "{said}");
    assert!(lines.contains(&"      2026-11-23T10:00:00Z  status closed\\u{1b}[2J"), "{said}");
    assert!(lines.contains(&"      attached: list.csv (text/csv, 3 bytes)") && lines.contains(&"      Very bad."), "{said}");
    assert!(lines.last().unwrap().starts_with("  2026-11-23T10:00:00Z  status closed by "), "{said}");
    let entries = stream(&world, "1");
    // Whoever is no user is the account of the operating system; the rules are nobody.
    let who = |kind: &str| entries.iter().find(|entry| entry["kind"] == kind).unwrap()["by"].clone();
    let root = who("note").as_str().unwrap().to_string();
    assert!(
        said.contains(&format!("  note by {root}\n")) && who("created").is_null() && entries[1]["author"].is_null(),
        "{said}"
    );
    let received = entries.iter().find(|entry| entry["kind"] == "email-received").unwrap();
    assert_eq!(received["attachments"], json!([{ "name": "list.csv", "type": "text/csv", "size": 3 }]));
    // Whose case it is, where there is no contact; and which cases somebody wrote in.
    let from = |address: &str| world.json(&["case", "list", "--all", "--from", address])["items"].as_array().unwrap().len();
    assert_eq!([from("Dora@Example.org"), from("eve@example.org")], [1, 0]);
    let listed = world.run(&["case", "list", "--all"]).ok();
    assert!(listed.lines().nth(1).unwrap().contains("  dora@example.org  "), "{listed}");
    // LINK-7: whose it is that was opened before is a person's word.
    world.run(&["case", "reopen", "1"]).ok();
    let add = ["record", "add", "contact", "Dora", "--address", "dora@example.org"];
    let said = world.run(&add).ok();
    let told = "1 open case was opened by this address and has no contact: espomail case set 1 --contact contact:1\n";
    assert!(said.ends_with(told), "{said}");
    world.run(&["case", "set", "1", "--contact", "contact:1"]).ok();
    assert!(!world.run(&["record", "set", "contact:1", "--name", "Dora Example"]).ok().contains("open case"));
    assert!(world.run(&["case", "list"]).ok().contains("  contact:1  "));
    world.run(&["case", "close", "1"]).ok();
    // PARSE-7: a quotation is folded away.
    deliver(&world, "b", "a", "Re: Fire", "Put it out.\r\n\r\nOn 23 Nov 2026, Support wrote:\r\n> Looks bad.\r\n> Very bad.");
    let said = world.run(&["case", "show", "1"]).ok();
    assert!(said.contains("      Put it out.\n      [3 lines of quotation]\n") && !said.contains("> Looks"), "{said}");
    let answer = stream(&world, "1").into_iter().find(|entry| entry["email"] == 2).unwrap();
    assert_eq!((&answer["reply_text"], &answer["quoted_lines"]), (&json!("Put it out."), &json!(3)));
    world.run(&["case", "close", "1"]).ok();
    let short = world.json(&["case", "show", "1", "--short"]);
    assert_eq!((short.get("stream"), &short["closed_at"]), (None, &json!("2026-11-23T10:00:00Z")));
    assert!(!world.run(&["case", "show", "1", "--short"]).ok().contains("Stream"));
    assert!(world.run_with(&["case", "note", "1", "-"], " \n").fails(64).contains("the note is empty"));
}

#[test]
fn case_4_closing_says_when_and_reopening_forgets_it() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["case", "create", "Printer"]).ok();
        world.run(&["case", "close", "1"]).ok();
        assert_eq!(world.json(&["case", "show", "1"])["closed_at"], "2026-11-23T10:00:00Z");
        assert!(world.run(&["case", "close", "1"]).ok().contains("closed already"));
        world.run(&["case", "reopen", "1"]).ok();
        let case = world.json(&["case", "show", "1"]);
        assert_eq!((&case["closed_at"], &case["status"]), (&Value::Null, &json!("new")));
        assert!(world.run(&["case", "reopen", "1"]).fails(65).contains("case:1 is open"));
        world.run(&["case", "assign", "1", "ben"]).ok();
        world.run(&["case", "status", "1", "closed"]).ok();
        world.run(&["case", "reopen", "1"]).ok();
        assert_eq!(world.json(&["case", "show", "1"])["status"], "assigned");
        world.run(&["user", "set", "cleo", "--active", "false"]).ok();
        assert!(world.run(&["case", "assign", "1", "cleo"]).fails(65).contains("cleo is not active"));
    }
}

#[test]
fn cases_are_listed_by_urgency_and_by_what_is_asked_for() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        for name in ["One", "Two", "Three"] {
            world.run(&["case", "create", name]).ok();
        }
        world.run(&["record", "add", "account", "Example Ltd"]).ok();
        world.run(&["record", "add", "contact", "Dora Example", "--account", "account:1"]).ok();
        world.run(&["case", "set", "1", "--priority", "urgent", "--name", "One 100%", "--team", "support"]).ok();
        world.run(&["case", "set", "2", "--priority", "low", "--account", "account:1", "--contact", "contact:1"]).ok();
        world.run(&["case", "assign", "3", "ada"]).ok();
        let listed = |more: &[&str]| -> Vec<i64> {
            let all = world.json(&[&["case", "list"], more].concat());
            all["items"].as_array().unwrap().iter().map(|case| case["number"].as_i64().unwrap()).collect()
        };
        assert_eq!(listed(&[]), [1, 3, 2], "{database}");
        for (more, expected) in [
            (&["--priority", "urgent"][..], &[1][..]),
            (&["--team", "support"], &[1]),
            (&["--assigned", "ada"], &[3]),
            (&["--unassigned", "--open"], &[1, 2]),
            (&["--search", "100%"], &[1]),
            (&["--search", "t"], &[3, 2]),
            (&["--status", "closed"], &[]),
            (&["--limit", "1"], &[1]),
        ] {
            assert_eq!(listed(more), expected, "{more:?}");
        }
        let set = world.json(&["case", "show", "2"]);
        assert_eq!(
            (&set["account"], &set["contact"], &set["priority"]),
            (&json!("account:1"), &json!("contact:1"), &json!("low"))
        );
        world.run(&["case", "set", "2", "--account", "none"]).ok();
        assert_eq!(world.json(&["case", "show", "2"])["account"], Value::Null);
        assert!(world.run(&["case", "set", "2", "--account", "contact:1"]).fails(65).contains("is no account"));
    }
}

#[test]
fn case_5_a_case_made_from_an_email_has_its_thread_its_contact_and_its_account() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["account", "set", "support", "--make-cases=false"]).ok();
        world.run(&["record", "add", "account", "Example Ltd"]).ok();
        world.run(&["record", "add", "contact", "Dora Example", "--account", "account:1", "--address", "dora@example.org"]).ok();
        deliver(&world, "a", "", "Pump leaks", "It drips.");
        deliver(&world, "b", "a", "Re: Pump leaks", "It pours.");
        let case = world.json(&["case", "create", "--from-email", "1", "--assigned-user", "ben"]);
        assert_eq!((&case["name"], &case["description"]), (&json!("Pump leaks"), &json!("It drips.\n")));
        assert_eq!(
            (&case["contact"], &case["account"], &case["assigned_user"]),
            (&json!("contact:1"), &json!("account:1"), &json!("ben"))
        );
        for id in ["<a@example.org>", "<b@example.org>"] {
            let email = world.json(&["email", "show", id]);
            assert_eq!((&email["parent"], &email["parent_by"]), (&json!("case:1"), &json!("hand")), "{database}");
        }
        let line = world.run(&["case", "create", "--from-email", "2"]).fails(65);
        assert!(line.contains("belongs to case:1 already; try: espomail case split 1 --email 2"), "{line}");
    }
}

#[test]
fn link_7_a_persons_choice_of_a_record_is_never_overwritten() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "add", "account", "Example Ltd"]).ok();
        world.run(&["case", "create", "Door", "--assigned-user", "cleo"]).ok();
        deliver(&world, "a", "", "Pump leaks", "It drips.");
        deliver(&world, "b", "a", "Re: Pump leaks", "It pours.");
        world.run(&["email", "link", "2", "case:1"]).ok();
        let parent = |id: &str| {
            let email = world.json(&["email", "show", id]);
            (email["parent"].clone(), email["parent_by"].clone())
        };
        assert_eq!((parent("1").0, parent("2")), (json!("case:2"), (json!("case:1"), json!("hand"))), "{database}");
        // CASE-1: the case's assigned user gets it, and its stream tells of it; the other's no more.
        let readers = world.json(&["email", "show", "2"])["users"].clone();
        assert!(readers.as_array().unwrap().iter().any(|one| one["login"] == "cleo" && one["read"] == false), "{readers}");
        assert_eq!(kinds(&world, "1").iter().filter(|kind| *kind == "email-received").count(), 1);
        assert_eq!(kinds(&world, "2").iter().filter(|kind| *kind == "email-received").count(), 1);
        assert_eq!(kinds(&world, "2").last().unwrap(), "linked");
        // THREAD-2: what answers it belongs there, too.
        deliver(&world, "c", "b", "Re: Pump leaks", "And now?");
        assert_eq!(parent("3"), (json!("case:1"), json!("thread")));

        world.run(&["email", "unlink", "2"]).ok();
        assert_eq!(parent("2"), (Value::Null, json!("hand")));
        assert!(world.run(&["email", "unlink", "2"]).fails(65).contains("belongs to no record"));
        // A whole thread without a parent: those that have none get it, but not the one that a person left without.
        world.run(&["email", "unlink", "1"]).ok();
        world.run(&["email", "link", "1", "account:1"]).ok();
        assert_eq!((parent("1").0, parent("2").0), (json!("account:1"), Value::Null));
        assert_eq!(world.json(&["email", "show", "1"])["account_record"], "account:1");
        assert!(world.run(&["email", "link", "1", "case:9"]).fails(65).contains("there is no case:9"));
    }
}

/// A world in which the e-mail 1 waits: its subject names the case 1, of which its sender is no part.
fn world_with_held_mail(database: &str) -> World {
    let world = world_on(database);
    world.run(&["account", "set", "support", "--unknown-sender", "hold"]).ok();
    world.run(&["record", "add", "account", "Example Ltd"]).ok();
    world.run(&["case", "create", "Door", "--assigned-user", "cleo"]).ok();
    deliver(&world, "a", "", "The door [#1]", "It squeaks.");
    world
}

#[test]
fn link_3_a_held_email_is_accepted_into_the_case_in_question() {
    for database in ["sqlite", "postgresql"] {
        let world = world_with_held_mail(database);
        world.run(&["case", "close", "1"]).ok();
        let listed = world.json(&["review", "list"]);
        assert_eq!((&listed["items"][0]["candidate"], &listed["items"][0]["decision"]), (&json!("case:1"), &Value::Null));
        let said = world.run(&["review", "show", "1"]).ok();
        assert!(said.contains("It squeaks.") && said.contains("its sender is no part"), "{said}");
        let said = world.run(&["review", "accept", "1", "--dry-run"]).ok();
        for part in [
            "review 1 is decided: accepted",
            "because LINK-3: a person said so",
            "case:1 was opened again",
            "Nothing was changed.",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(world.json(&["review", "show", "1"])["decision"], Value::Null);
        world.run(&["review", "accept", "1"]).ok();
        let said = world.run(&["explain", "1"]).ok();
        assert!(said.contains(": review accept\n  review 1 is decided: accepted\n"), "{said}");
        let email = world.json(&["email", "show", "1"]);
        assert_eq!((&email["parent"], &email["parent_by"]), (&json!("case:1"), &json!("hand")));
        assert!(email["users"].as_array().unwrap().iter().any(|user| user["login"] == "cleo"), "{email}");
        assert!(kinds(&world, "1").iter().any(|kind| kind == "email-received"));
        assert_eq!(world.json(&["review", "list"])["items"], json!([]));
        let decided = world.json(&["review", "list", "--all"])["items"][0].clone();
        assert_eq!((&decided["decision"], &decided["decided_at"]), (&json!("accepted"), &json!("2026-11-23T10:00:00Z")));
        for wrong in ["accept", "split", "reject"] {
            assert!(world.run(&["review", wrong, "1"]).fails(65).contains("review 1 was decided before"));
        }
        assert!(world.run(&["review", "show", "2"]).fails(65).ends_with("there is no review 2; try: espomail review list"));
        // CASE-4: nobody looks into a closed case.
        let case = world.json(&["case", "show", "1"]);
        assert_eq!((&case["status"], &case["closed_at"]), (&json!("assigned"), &Value::Null));
        // Who wrote it takes part from now on.
        deliver(&world, "b", "", "The door again [#1]", "It still squeaks.");
        assert_eq!(world.json(&["email", "show", "2"])["parent"], "case:1");
    }
}

#[test]
fn link_3_a_held_email_that_is_split_opens_a_case_by_the_accounts_rules() {
    for database in ["sqlite", "postgresql"] {
        let world = world_with_held_mail(database);
        deliver(&world, "b", "a", "Re: The door [#1]", "It still squeaks.");
        world.run(&["review", "split", "1"]).ok();
        let case = world.json(&["case", "show", "2"]);
        assert_eq!(
            (&case["name"], &case["assigned_user"], &case["through"]),
            (&json!("The door [#1]"), &json!("ada"), &json!("support"))
        );
        assert_eq!((&case["teams"], &case["refers_to"]), (&json!(["support"]), &json!("case:1")));
        assert_eq!(kinds(&world, "2"), ["created", "email-received"]);
        // DIST-2: the turn was used.
        assert_eq!(world.json(&["case", "next", "--account", "support"])["user"], "ben");
        assert_eq!(world.json(&["review", "show", "1"])["decision"], "split");
    }
}

#[test]
fn link_3_a_held_email_that_is_rejected_stays_as_it_is() {
    let world = world_with_held_mail("sqlite");
    let before = world.json(&["email", "show", "1"]);
    world.run(&["review", "reject", "1"]).ok();
    assert_eq!(world.json(&["email", "show", "1"]), before);
    assert_eq!(world.json(&["review", "show", "1"])["decision"], "rejected");

    // What a person linked meanwhile is no rule's any more.
    let world = world_with_held_mail("sqlite");
    world.run(&["email", "link", "1", "account:1"]).ok();
    assert!(world.run(&["review", "accept", "1"]).fails(65).contains("was linked or unlinked by hand meanwhile"));
    assert_eq!(world.json(&["review", "show", "1"])["decision"], Value::Null);
    world.run(&["review", "reject", "1"]).ok();
}

#[test]
fn follow_1_people_follow_and_unfollow_by_command() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["case", "create", "Door", "--assigned-user", "ada"]).ok();
        world.run(&["record", "add", "account", "Example Ltd"]).ok();
        assert_eq!(world.run(&["case", "follow", "1", "--user", "ben"]).ok(), "ben follows case:1.\n");
        assert_eq!(world.run(&["case", "follow", "1", "--user", "ben"]).ok(), "ben follows case:1 already.\n");
        assert_eq!(world.json(&["case", "show", "1"])["followers"], json!(["ada", "ben"]));
        world.run(&["case", "unfollow", "1", "--user", "ada"]).ok();
        assert_eq!(world.json(&["case", "show", "1"])["followers"], json!(["ben"]), "{database}");
        world.run(&["record", "follow", "account:1", "--user", "cleo"]).ok();
        world.run(&["record", "unfollow", "account:1", "--user", "cleo"]).ok();
        assert!(world.run(&["record", "follow", "account:1"]).fails(64).contains("say who: --user USER"));
    }
}

#[test]
fn access_2_roles_say_who_does_what_to_cases_and_their_mail() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        for (role, to, scope, rights) in [
            ("agents", ["--team", "support"], "case", &[("read", "team"), ("edit", "own")][..]),
            ("readers", ["--team", "support"], "email", &[("read", "team"), ("edit", "own")]),
            ("guests", ["--user", "cleo"], "case", &[("read", "own"), ("edit", "own")]),
        ] {
            world.run(&["role", "add", role]).ok();
            for (action, level) in rights {
                world.run(&["role", "grant", role, scope, action, level]).ok();
            }
            world.run(&[&["role", "give", role][..], &to].concat()).ok();
        }
        world.run(&["account", "set", "support", "--add-team-users=false"]).ok();
        deliver(&world, "a", "", "Pump leaks", "It drips.");
        deliver(&world, "b", "", "Door squeaks", "It squeaks.");
        let run = |user: &str, arguments: &[&str]| world.run(&[&["--as", user], arguments].concat());
        // Case 1 is ada's, case 2 ben's, both are their team's.
        run("ada", &["case", "note", "1", "On it"]).ok();
        let entries = stream(&world, "1");
        assert_eq!((&entries.last().unwrap()["author"], &entries.last().unwrap()["detail"]), (&json!("ada"), &json!("On it")));
        run("ada", &["case", "show", "2"]).ok();
        for wrong in [
            &["case", "note", "2", "Hm"][..],
            &["case", "close", "2"],
            &["case", "set", "2", "--priority", "low"],
            &["case", "assign", "2", "ada"],
            &["case", "split", "2", "--email", "2"],
            &["case", "merge", "1", "--into", "2"],
            &["case", "merge", "2", "--into", "1"],
            &["case", "follow", "2", "--user", "ben"],
            &["email", "link", "2", "case:1"],
            &["email", "unlink", "2"],
        ] {
            let line = run("ada", wrong).fails(77);
            assert!(line.contains("your roles do not let you edit") || line.contains("only administrators"), "{line}");
        }
        assert_eq!(kinds(&world, "2").last().unwrap(), "email-received", "{database}: nothing was written");
        run("ada", &["case", "follow", "2"]).ok();
        run("ada", &["case", "close", "1"]).ok();
        run("ada", &["email", "unlink", "1"]).ok();
        // What one may not read is not there.
        let missing = run("cleo", &["case", "show", "9"]).fails(65).replace('9', "2");
        for hidden in
            [&["case", "show", "2"][..], &["case", "note", "2", "Hm"], &["case", "follow", "2"], &["record", "follow", "case:2"]]
        {
            assert_eq!(run("cleo", hidden).fails(65), missing);
        }
        for hidden in [&["email", "link", "2", "case:1"][..], &["case", "create", "--from-email", "2"]] {
            assert!(run("cleo", hidden).fails(65).contains("there is no e-mail 2"));
        }
        let listed = |user: &str, noun: &str| {
            let line = run(user, &["-o", "jsonl", noun, "list"]).ok();
            line.lines().count()
        };
        assert_eq!((listed("ada", "case"), listed("cleo", "case"), listed("cleo", "review")), (1, 0, 0));
        // What one makes is one's own.
        run("cleo", &["case", "create", "Window"]).ok();
        run("cleo", &["case", "set", "3", "--priority", "high"]).ok();
        assert_eq!(listed("cleo", "case"), 1);
        run("ben", &["case", "show", "3"]).fails(65);
    }
}

#[test]
fn dist_3_how_many_open_cases_everybody_has_is_right_after_every_road() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        for (id, subject) in [("a", "Pump leaks"), ("b", "Door squeaks"), ("c", "Light flickers"), ("d", "Roof")] {
            deliver(&world, id, "", subject, "Help.");
        }
        deliver(&world, "e", "a", "Re: Pump leaks", "The window, too.");
        let counted = |when: &str| {
            let laws = world.run(&["-o", "json", "doctor", "--prove"]);
            assert_eq!(laws.status, Some(0), "{database}: after {when}: {}", laws.stdout);
        };
        counted("mail");
        for road in [
            "case assign 1 ben",
            "case close 2",
            "case reopen 2",
            "case status 3 pending",
            "case split 1 --email 5",
            "case merge 2 --into 1",
            "case unmerge 2",
            "case create More --assigned-user ada",
            "case delete 3",
            "reprocess --all --apply",
            "email delete 4",
        ] {
            let done = world.run(&road.split(' ').collect::<Vec<_>>());
            assert_eq!(done.status, Some(0), "{database}: {road}: {done:?}");
            counted(road);
        }
        deliver(&world, "f", "b", "Re: Door squeaks", "It still does.");
        let open = |login: &str| {
            let next = world.json(&["case", "next", "--account", "support"]);
            let all = next["candidates"].as_array().unwrap().clone();
            all.iter().find(|one| one["login"] == login).map(|one| one["open_cases"].as_i64().unwrap())
        };
        let listed =
            |login: &str| world.json(&["case", "list", "--assigned", login])["items"].as_array().unwrap().len().try_into().ok();
        assert!(listed("ada") > Some(0_i64) && open("ada") == listed("ada") && open("ben") == listed("ben"), "{database}");
        world.sql("UPDATE open_cases SET cases = cases + 1");
        let broken = world.run(&["doctor", "--prove"]);
        assert!(broken.status == Some(1) && broken.stdout.contains("load: ada has "), "{database}: {broken:?}");
    }
}
