//! `reprocess`: today's rules over stored mail (WHY-2).

use diesel::connection::{Connection as _, SimpleConnection as _};
use serde_json::{Value, json};

use crate::support::world::World;

fn world_on(database: &str, cases: bool) -> World {
    let world = World::on(database);
    world.run(&["team", "add", "support"]).ok();
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "join", "support", "ada", "ben"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--team", "support"];
    let making: &[&str] = if cases { &["--make-cases", "--distribution", "round-robin", "--case-team", "support"] } else { &[] };
    world.run_with(&[&add[..], making, &["--password-stdin"]].concat(), "hunter2\n").ok();
    world
}

/// Delivers a message from Dora Example; the reference may be empty.
fn deliver(world: &World, id: &str, answers: &str, subject: &str) {
    let answers = if answers.is_empty() { String::new() } else { format!("In-Reply-To: <{answers}@example.org>\r\n") };
    let message = format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: {subject}\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n{answers}\r\nWords.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

/// What would be, or was, different: the numbers of e-mails.
fn different(world: &World, arguments: &[&str]) -> Vec<i64> {
    let done = world.json(&[&["reprocess"], arguments].concat());
    done["emails"].as_array().unwrap().iter().map(|one| one["email"].as_i64().unwrap()).collect()
}

fn parent(world: &World, id: &str) -> Value {
    world.json(&["email", "show", id])["parent"].clone()
}

#[test]
fn why_2_where_no_rule_changed_nothing_differs() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, true);
        world.run(&["record", "add", "account", "Example Ltd"]).ok();
        world.run(&["record", "add", "contact", "Dora Example", "--account", "account:1", "--address", "dora@example.org"]).ok();
        world.run(&["import", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"), "--account", "support", "--force"]).ok();
        world.run(&["import", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/mail"), "--account", "support"]).ok();
        for (id, answers, subject) in
            [("a", "", "Pump"), ("b", "a", "Re: Pump"), ("c", "b", "Re: Pump"), ("d", "", "Re: Pump"), ("e", "x", "[#1] Pump")]
        {
            deliver(&world, id, answers, subject);
        }
        // What a person split off leaves the rest where it is, and so does a case that a later letter opened.
        for (id, answers) in [("p", ""), ("q", "p"), ("r", "q"), ("s", "q")] {
            deliver(&world, id, answers, "Roof");
        }
        let case = parent(&world, "<p@example.org>").as_str().unwrap().trim_start_matches("case:").to_string();
        world.run(&["case", "split", &case, "--email", "<r@example.org>"]).ok();
        deliver(&world, "t", "p", "Re: Roof");
        assert_eq!(parent(&world, "<t@example.org>"), format!("case:{case}"), "{database}");
        world.run(&["case", "status", &case, "rejected"]).ok();
        deliver(&world, "u", "p", "Re: Roof");
        assert_ne!(parent(&world, "<u@example.org>"), format!("case:{case}"), "{database}");
        let text = world.run(&["reprocess", "--all"]).ok();
        assert_eq!(different(&world, &["--all"]), [] as [i64; 0], "{database}: {text}");
        let seen = world.json(&["reprocess", "--all", "--apply"])["seen"].as_i64().unwrap();
        assert!(seen > 30, "{seen}");
    }
}

#[test]
fn why_2_a_record_that_was_added_later_is_found_for_the_whole_thread() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, false);
        deliver(&world, "a", "", "Pump");
        deliver(&world, "b", "a", "Re: Pump");
        world.run(&["record", "add", "account", "Example Ltd"]).ok();
        world.run(&["record", "add", "contact", "Dora Example", "--account", "account:1", "--address", "dora@example.org"]).ok();
        assert_eq!(different(&world, &["--account", "support"]), [1, 2], "{database}");
        assert_eq!(parent(&world, "1"), Value::Null, "nothing changed");
        let text = world.run(&["reprocess", "1"]).ok();
        assert!(text.contains("the e-mail came to account:1") && text.contains("LINK-4") && text.contains("--apply"), "{text}");
        world.run(&["reprocess", "--since", "2026-11-01", "--apply"]).ok();
        assert_eq!((parent(&world, "1"), parent(&world, "2")), (json!("account:1"), json!("account:1")));
        assert_eq!(different(&world, &["--all"]), [] as [i64; 0]);
        // The stream of the record tells of them, and the trace says why (NOTE-1, WHY-1).
        let told = world.run(&["explain", "1"]).ok();
        assert!(told.contains("reprocessed:") && told.contains("came to account:1"), "{told}");
        let newest = &world.json(&["audit", "list", "--limit", "1"])["items"][0];
        assert_eq!((&newest["action"], &newest["subject"]), (&json!("reprocess"), &json!("email:2")));
        // The contact moved to another company.
        world.run(&["record", "add", "account", "Other Ltd"]).ok();
        world.run(&["record", "set", "contact:1", "--account", "account:2"]).ok();
        world.run(&["reprocess", "--all", "--apply"]).ok();
        assert_eq!((parent(&world, "1"), parent(&world, "2")), (json!("account:2"), json!("account:2")));
        world.run(&["record", "set", "contact:1", "--active", "false"]).ok();
        world.run(&["reprocess", "--all", "--apply"]).ok();
        assert_eq!((parent(&world, "1"), parent(&world, "2")), (Value::Null, Value::Null));
    }
}

#[test]
fn why_2_an_account_that_makes_cases_now_opens_one_for_each_thread_and_a_persons_choice_stays() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, false);
        for (id, answers, subject) in [("a", "", "Pump"), ("b", "a", "Re: Pump"), ("c", "", "Door"), ("d", "", "Roof")] {
            deliver(&world, id, answers, subject);
        }
        world.run(&["record", "add", "contact", "Dora Example"]).ok();
        world.run(&["email", "link", "3", "contact:1"]).ok();
        world.run(&["email", "link", "4", "contact:1"]).ok();
        world.run(&["email", "unlink", "4"]).ok();
        let cases = ["--make-cases=true", "--distribution", "round-robin", "--case-team", "support"];
        world.run(&[&["account", "set", "support"], &cases[..]].concat()).ok();
        assert_eq!(different(&world, &["--all"]), [1], "{database}: the second comes along");
        assert_eq!(world.json(&["case", "list"])["items"], json!([]), "nothing changed");
        world.run(&["reprocess", "--all", "--apply"]).ok();
        let parents: Vec<Value> = ["1", "2", "3", "4"].iter().map(|id| parent(&world, id)).collect();
        assert_eq!(parents, [json!("case:1"), json!("case:1"), json!("contact:1"), Value::Null]);
        let case = world.json(&["case", "show", "1"]);
        assert_eq!((&case["status"], &case["assigned_user"]), (&json!("assigned"), &json!("ada")));
        let kinds: Vec<&str> = case["stream"].as_array().unwrap().iter().map(|note| note["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "email-received").count(), 2, "{kinds:?}");
        assert_eq!(different(&world, &["--all"]), [] as [i64; 0]);
        // What a person closed stays closed, and opens no other case.
        world.run(&["case", "close", "1"]).ok();
        world.run(&["reprocess", "--all", "--apply"]).ok();
        assert_eq!(world.json(&["case", "show", "1"])["status"], "closed");
        world.run(&["case", "show", "2"]).fails(65);
    }
}

#[test]
fn why_2_teams_users_and_folders_are_added_and_a_filter_that_would_skip_is_only_told() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, false);
        deliver(&world, "a", "", "Invoice");
        deliver(&world, "b", "", "Spam");
        world.run(&["folder", "add", "Bills", "--group"]).ok();
        world.run(&["filter", "add", "bills", "--global", "--subject", "Invoice", "--folder", "Bills"]).ok();
        world.run(&["filter", "add", "spam", "--global", "--subject", "Spam", "--skip"]).ok();
        world.run(&["user", "add", "cleo", "--address", "cleo@example.com"]).ok();
        world.run(&["team", "join", "support", "cleo"]).ok();
        let text = world.run(&["reprocess", "--all"]).ok();
        assert!(text.contains("would skip it today"), "{text}");
        world.run(&["email", "move", "1", "--group-folder", "Bills"]).ok();
        world.run(&["email", "move", "1", "--no-group-folder"]).ok();
        world.run(&["reprocess", "--all", "--apply"]).ok();
        let shown = world.json(&["email", "show", "1"]);
        assert_eq!((&shown["group_folder"], &shown["users"].as_array().unwrap().len()), (&Value::Null, &3), "{database}");
        assert_eq!(world.json(&["email", "show", "2"])["users"].as_array().unwrap().len(), 2, "a skipped one is left alone");
    }
}

#[test]
fn why_2_without_a_selection_or_right_nothing_is_done() {
    let world = world_on("sqlite", false);
    world.run(&["reprocess", "7"]).fails(65);
    world.run(&["--as", "ada", "reprocess", "--all"]).fails(77);
    assert_eq!(world.run(&["reprocess", "--quarantine"]).ok().trim(), "Nothing is in quarantine.");
}

#[test]
fn why_2_people_hear_of_what_is_new_to_them_only_when_told_so() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, false);
        deliver(&world, "a", "", "Pump");
        world.run(&["user", "add", "cleo", "--address", "cleo@example.com"]).ok();
        world.run(&["team", "join", "support", "cleo"]).ok();
        let heard = |user: &str| world.json(&["notification", "list", "--user", user])["items"].as_array().unwrap().len();
        assert_eq!((heard("ada"), heard("cleo")), (1, 0), "{database}");
        world.run(&["reprocess", "1", "--apply"]).ok();
        assert_eq!((heard("ada"), heard("cleo")), (1, 0));
        world.run(&["user", "add", "dan", "--address", "dan@example.com"]).ok();
        world.run(&["team", "join", "support", "dan"]).ok();
        world.run(&["reprocess", "1", "--apply", "--notify"]).ok();
        assert_eq!((heard("ada"), heard("cleo"), heard("dan")), (1, 0, 1));
    }
}

#[test]
fn why_2_those_of_a_case_that_an_email_does_not_come_to_get_nothing() {
    for database in ["sqlite", "postgresql"] {
        for distribution in ["round-robin", "least-busy", "direct"] {
            let world = world_on(database, true);
            let set = ["account", "set", "support", "--add-team-users", "false", "--distribution", distribution];
            let more = [
                "--assigned-user",
                "ada",
                "--smtp-host",
                "127.0.0.1",
                "--smtp-port",
                "9",
                "--smtp-security",
                "plain",
                "--shared",
            ];
            world.run(&[&set[..], &more].concat()).ok();
            deliver(&world, "a", "", "Pump");
            deliver(&world, "b", "", "Valve");
            world.run(&["case", "assign", "2", "ben"]).ok();
            // Another desk, whose people see neither.
            world.run(&["user", "add", "cy", "--address", "cy@example.com"]).ok();
            world.run(&["team", "add", "sales"]).ok();
            world.run(&["team", "join", "sales", "cy"]).ok();
            let add =
                ["account", "add", "sales", "--address", "sales@example.com", "--imap-host", "127.0.0.1", "--team", "sales"];
            let making = ["--make-cases", "--distribution", "round-robin", "--case-team", "sales", "--password-stdin"];
            world.run_with(&[&add[..], &making].concat(), "hunter2\n").ok();
            let offer = "From: dora@example.org\r\nTo: sales@example.com\r\nSubject: Offer\r\nMessage-ID: <c@example.org>\r\n\
                         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nWords.\r\n";
            world.run_with(&["deliver", "--account", "sales"], offer).ok();
            // A person puts an answer to the first into the matter of the others: the rules would have it elsewhere.
            deliver(&world, "d", "c", "Re: Offer");
            world.run(&["email", "link", "4", "case:1"]).ok();
            // An answer that has not left is no reason to read anything in what it answers.
            world.run(&["case", "reply", "1", "--text", "Soon.", "--draft"]).ok();
            let of = |id: i64| {
                let shown = world.json(&["email", "show", &id.to_string()]);
                (shown["users"].clone(), shown["teams"].clone(), shown["parent"].clone())
            };
            let before: Vec<_> = (1..=5).map(of).collect();
            let text = world.run(&["reprocess", "--all"]).ok();
            assert_eq!(different(&world, &["--all"]), [] as [i64; 0], "{database} {distribution}: {text}");
            world.run(&["reprocess", "--all", "--apply", "--notify"]).ok();
            assert_eq!((1..=5).map(of).collect::<Vec<_>>(), before, "{database} {distribution}");
        }
    }
}

#[test]
fn why_2_a_look_at_what_no_filter_matches_takes_no_lock_and_one_at_the_rest_gives_it_back() {
    let world = world_on("sqlite", false);
    for id in ["a", "b"] {
        deliver(&world, id, "", "Pump");
    }
    world.run(&["filter", "add", "offers", "--global", "--subject", "offer*", "--skip"]).ok();
    let mut other = diesel::SqliteConnection::establish(world.database().to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE; UPDATE counters SET value = value WHERE name = 'lock'").unwrap();
    assert_eq!(world.run(&["reprocess", "--filter", "offers"]).ok(), "0 of 0 e-mails would change.\n");
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(world.run(&["reprocess", "--all"]).ok(), "0 of 2 e-mails would change.\n");
    assert_eq!(world.run(&["reprocess", "--quarantine"]).ok(), "Nothing is in quarantine.\n");
}
