//! What people do to e-mails and cases goes the road of mail: with filters, with reasons, and first as a rehearsal.

use serde_json::{Value, json};

use crate::support::world::World;

/// A case of Ada's, and an e-mail of Dora's that belongs to nothing; Ben follows the case.
fn world_on(database: &str) -> World {
    let world = World::on(database);
    world.run(&["team", "add", "desk"]).ok();
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["role", "add", "agents"]).ok();
    for scope in ["case", "email"] {
        world.run(&["role", "grant", "agents", scope, "read", "all"]).ok();
        world.run(&["role", "grant", "agents", scope, "edit", "all"]).ok();
    }
    for user in ["ada", "ben"] {
        world.run(&["role", "give", "agents", "--user", user]).ok();
    }
    let add =
        ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--case-team", "desk"];
    world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
    world.run(&["case", "create", "Pump", "--assigned-user", "ada"]).ok();
    world.run(&["case", "set", "1", "--team", "desk"]).ok();
    world.run(&["case", "follow", "1", "--user", "ben"]).ok();
    deliver(&world, "a", "", "Pump leaks");
    world
}

fn deliver(world: &World, id: &str, answers: &str, subject: &str) {
    let answers = if answers.is_empty() { String::new() } else { format!("In-Reply-To: <{answers}@example.org>\r\n") };
    let message = format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: {subject}\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n{answers}\r\nIt drips.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

/// Where a user has an e-mail, as the user sees it.
fn copy(world: &World, user: &str, email: &str) -> Value {
    let shown = world.json(&["--as", user, "email", "show", email]);
    let mut users = shown["users"].as_array().unwrap().clone();
    users.retain(|one| one["login"] == user);
    users.pop().unwrap_or_default()
}

fn told(world: &World, user: &str) -> Vec<Value> {
    let listed = world.json(&["--as", user, "notification", "list"]);
    listed["items"].as_array().unwrap().iter().map(|one| json!([one["kind"], one["email"], one["record"]])).collect()
}

#[test]
fn filter_5_a_users_own_filter_sorts_what_a_person_gives_them() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["folder", "add", "Pumps", "--user", "ada"]).ok();
        world.run(&["filter", "add", "pumps", "--user", "ada", "--subject", "*Pump*", "--folder", "Pumps", "--mark-read"]).ok();
        deliver(&world, "b", "a", "Re: Pump leaks");
        assert_eq!((copy(&world, "ada", "1"), copy(&world, "ada", "2")), (Value::Null, Value::Null), "{database}");
        let said = world.run(&["--as", "ben", "email", "link", "1", "case:1"]).ok();
        assert_eq!(said, "E-mail 1 belongs to case:1, and so does another of its thread.\n");
        for email in ["1", "2"] {
            let copy = copy(&world, "ada", email);
            assert_eq!((&copy["read"], &copy["folder"]), (&json!(true), &json!("Pumps")), "{database}: the filter says so");
            assert_eq!(world.json(&["email", "show", email])["teams"], json!(["desk"]), "TEAM-1");
        }
        // NOTIFY-1: Ada follows the case; Ben did it himself.
        assert_eq!(told(&world, "ada"), [json!(["note", 1, "case:1"]), json!(["assigned", null, "case:1"])]);
        assert_eq!(told(&world, "ben"), [""; 0]);
        // CASE-1: who gets the case gets its e-mails, by filters of their own.
        world.run(&["filter", "add", "none", "--user", "ben", "--subject", "Pump*", "--skip"]).ok();
        world.run(&["case", "assign", "1", "ben"]).ok();
        assert_eq!((&copy(&world, "ben", "1")["trashed"], &copy(&world, "ben", "2")["trashed"]), (&json!(true), &json!(false)));
    }
}

#[test]
fn why_1_explain_says_who_did_what_to_an_email_and_what_followed() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "b", "a", "Re: Pump leaks");
        world.run(&["--as", "ben", "email", "link", "1", "case:1"]).ok();
        world.run(&["--as", "ada", "case", "create", "Other"]).ok();
        world.run(&["--as", "ada", "case", "merge", "1", "--into", "2"]).ok();
        world.run(&["email", "unlink", "1"]).ok();
        let said = world.run(&["explain", "1"]).ok();
        for line in [
            "2026-11-23T10:00:00Z by ben: email link",
            "  the e-mail came to case:1",
            "      because LINK-7: a person said so",
            "  into the inbox of ada",
            "      because CASE-1: case:1 is assigned to them",
            "2026-11-23T10:00:00Z by ada: case merge",
            "  case:1 was merged into case:2, with 2 e-mails, 1 notification, team desk, ada as a follower, ben as a follower",
            "  the e-mail belongs to no record any more",
        ] {
            assert!(said.lines().any(|one| one == line), "{database}: {line:?} is missing: {said}");
        }
        let words = world.json(&["explain", "1"])["by_hand"].clone();
        let actions: Vec<&Value> = words.as_array().unwrap().iter().map(|word| &word["action"]).collect();
        assert_eq!(actions, ["email link", "case merge", "email unlink"]);
        // What the same word did to another e-mail is told with that one.
        assert!(!words.to_string().contains("\"email\":2"), "{words}");
        assert!(world.json(&["explain", "2"])["by_hand"][0].to_string().contains("THREAD-2: it comes along"));
        // Another's filter is nobody else's to know.
        world.run(&["filter", "add", "secret", "--user", "ada", "--subject", "Pump*", "--mark-read"]).ok();
        deliver(&world, "c", "", "Pump again");
        world.run(&["email", "link", "3", "case:2"]).ok();
        world.run(&["case", "assign", "2", "ada"]).ok();
        assert!(world.run(&["--as", "ada", "explain", "3"]).ok().contains("secret"));
        assert!(!world.json(&["--as", "ben", "explain", "3"]).to_string().contains("secret"));
    }
}

#[test]
fn why_1_a_dry_run_says_what_would_change_and_changes_nothing() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "b", "", "Door squeaks");
        world.run(&["case", "create", "Door"]).ok();
        world.run(&["email", "link", "2", "case:2"]).ok();
        world.run(&["folder", "add", "Shelf", "--group", "--team", "desk"]).ok();
        let state = || {
            let shown = [
                &["case", "show", "1"][..],
                &["case", "show", "2"],
                &["email", "show", "1"],
                &["email", "show", "2"],
                &["case", "list", "--all"],
            ];
            let mut all: Vec<Value> = shown.iter().map(|arguments| world.json(arguments)).collect();
            all.extend([world.json(&["audit", "list"]), world.json(&["--as", "ada", "notification", "list"])]);
            all
        };
        let before = state();
        for (line, part) in [
            ("email link 1 case:1", "the e-mail came to case:1"),
            ("email unlink 2", "the e-mail belongs to no record any more"),
            ("email move 1 --group-folder Shelf", "team desk was added to the e-mail"),
            ("email move 1 --no-group-folder", "out of its group folder"),
            ("case create New", "case:3 was opened, for nobody yet"),
            ("case create --from-email 1 --assigned-user ben", "case:3 is ben's"),
            ("case assign 1 ben", "case:1 is ben's"),
            ("case set 1 --priority high", "case:1 says something else of itself"),
            ("case set 1 --team ", "case:1 is of no team"),
            ("case status 1 pending", "case:1 is pending"),
            ("case close 1 2", "case:2 is closed"),
            ("case note 1 Words", "a note \"note\" in the stream of case:1"),
            ("case merge 2 --into 1", "case:2 was merged into case:1"),
            ("case split 2 --email 2", "case:3 was opened"),
            ("case follow 2 --user ben", "ben follows case:2"),
            ("case unfollow 1 --user ada", "ada does not follow case:1 any more"),
        ] {
            let arguments: Vec<&str> = line.split(' ').chain(["--dry-run"]).collect();
            let said = world.run(&arguments).ok();
            assert!(
                said.contains(part) && said.contains("because ") && said.ends_with("Nothing was changed.\n"),
                "{line}: {said}"
            );
            let said = world.json(&arguments);
            assert_eq!(said["dry_run"], true, "{said}");
            assert!(said["plans"].to_string().contains("because"), "{said}");
        }
        assert_eq!(state(), before, "{database}");
        // An e-mail whose case is closed knows it.
        world.run(&["--as", "ben", "case", "close", "2"]).ok();
        let said = world.run(&["explain", "2"]).ok();
        assert!(said.contains("by ben: case close\n  case:2 is closed\n      because CASE-4: a person said so\n"), "{said}");
        // What cannot be done is said as without it.
        assert!(world.run(&["email", "unlink", "1", "--dry-run"]).fails(65).contains("belongs to no record"));
    }
}

#[test]
fn link_7_an_unlink_takes_back_what_the_link_gave_but_not_what_somebody_has_read() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "b", "", "Door squeaks");
        for email in ["1", "2"] {
            world.run(&["email", "link", email, "case:1"]).ok();
            assert_eq!(copy(&world, "ada", email)["read"], false);
        }
        world.run(&["--as", "ada", "email", "mark", "2", "--read"]).ok();
        for email in ["1", "2"] {
            world.run(&["email", "unlink", email]).ok();
            assert_eq!(world.json(&["email", "show", email])["teams"], json!([]), "{database}");
        }
        assert_eq!((copy(&world, "ada", "1"), &copy(&world, "ada", "2")["read"]), (Value::Null, &json!(true)), "{database}");
        let said = world.run(&["explain", "1"]).ok();
        assert!(said.contains("  out of the inbox of ada\n      because LINK-7: they got the e-mail by the link"), "{said}");
        // Who got it in another way keeps it.
        world.run(&["email", "link", "1", "account:1"]).fails(65);
        world.run(&["record", "add", "account", "Works"]).ok();
        world.run(&["email", "link", "2", "account:1"]).ok();
        world.run(&["email", "unlink", "2"]).ok();
        assert_eq!(copy(&world, "ada", "2")["read"], true);
    }
}

#[test]
fn link_7_a_link_and_a_group_folder_put_right_leave_nothing_with_the_wrong_ones() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "b", "a", "Re: Pump leaks");
        world.run(&["case", "create", "Right", "--assigned-user", "ben"]).ok();
        world.run(&["team", "add", "right"]).ok();
        world.run(&["case", "set", "2", "--team", "right"]).ok();
        let whose = |email: &str| {
            let shown = world.json(&["email", "show", email]);
            let users = shown["users"].as_array().unwrap().iter().map(|one| one["login"].clone()).collect::<Vec<_>>();
            (shown["parent"].clone(), shown["teams"].clone(), json!(users))
        };
        // The same one twice, the wrong one, the right one, none: what came along goes along.
        for (record, of, user) in [("1", "desk", "ada"), ("1", "desk", "ada"), ("2", "right", "ben")] {
            world.run(&["email", "link", "1", &format!("case:{record}")]).ok();
            for email in ["1", "2"] {
                let there = (json!(format!("case:{record}")), json!([of]), json!([user]));
                assert_eq!(whose(email), there, "{database}: {email}");
            }
        }
        world.run(&["email", "unlink", "1"]).ok();
        assert_eq!([whose("1"), whose("2")], [const { Value::Null }; 2].map(|none| (none, json!([]), json!([]))), "{database}");
        for (folder, teams) in [("Desk", &["desk"][..]), ("Both", &["desk", "right"]), ("Right", &["right"])] {
            let named = teams.iter().flat_map(|team| ["--team", team]);
            world.run(&["folder", "add", folder, "--group"].into_iter().chain(named).collect::<Vec<_>>()).ok();
            world.run(&["email", "move", "1", "--group-folder", folder]).ok();
            assert_eq!(whose("1").1, json!(teams), "{database}");
        }
        // THREAD-2: what it handed on to answers, and these to theirs, goes with it; but not what another folder gives.
        for (id, answers) in [("c", "a"), ("d", "c"), ("e", "d"), ("f", "c")] {
            deliver(&world, id, answers, "Re: Pump leaks");
        }
        world.run(&["email", "move", "5", "--group-folder", "Both"]).ok();
        assert_eq!(["3", "4", "6"].map(|email| whose(email).1), [const { "right" }; 3].map(|team| json!([team])), "{database}");
        world.run(&["email", "move", "1", "--no-group-folder"]).ok();
        assert_eq!(["1", "3", "4", "6"].map(|email| whose(email).1), [(); 4].map(|()| json!([])), "{database}");
        assert_eq!(whose("5").1, json!(["desk", "right"]), "{database}");
        let said = world.run(&["explain", "4"]).ok();
        assert!(said.contains("team right was taken from e-mail 4\n      because THREAD-2: it had"), "{database}: {said}");
        deliver(&world, "g", "f", "Re: Pump leaks");
        assert_eq!(whose("7").1, json!([]), "no team that the e-mail is not of any more");
    }
}

#[test]
fn case_5_unmerge_gives_back_the_emails_and_leaves_the_rest() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.org"]).ok();
        world.run(&["case", "create", "--from-email", "1", "--assigned-user", "ben"]).ok();
        deliver(&world, "b", "", "Door squeaks");
        world.run(&["email", "link", "2", "case:1"]).ok();
        // A letter that waits goes along; no stream tells that it was sent.
        world.run(&["account", "set", "support", "--smtp-host", "127.0.0.1", "--smtp-port", "9", "--shared"]).ok();
        world.run(&["email", "reply", "1", "--text", "Soon.", "--queue"]).ok();
        world.run(&["case", "merge", "2", "--into", "1"]).ok();
        assert_eq!(world.json(&["email", "show", "1"])["parent"], "case:1");
        assert_eq!(world.json(&["case", "show", "1"])["contact"], "contact:1");
        let said = world.run(&["case", "unmerge", "2", "--dry-run"]).ok();
        assert!(said.contains("case:2 is assigned") && said.contains("the e-mail came to case:2"), "{said}");
        let told = "case:2 is a case of its own again.\n  back in it: e-mail 1 (dora@example.org: Pump leaks), e-mail 3 \
                    (support@example.com: Re: Pump leaks)\n  \
                    staying in case:1: e-mail 2 (dora@example.org: Door squeaks)\n";
        assert!(said.contains(told), "{said}");
        assert_eq!(world.run(&["case", "unmerge", "2"]).ok(), told);
        let case = world.json(&["case", "show", "2"]);
        assert_eq!(
            (&case["merged_into"], &case["status"], &case["assigned_user"]),
            (&Value::Null, &json!("assigned"), &json!("ben"))
        );
        let parents = ["1", "2"].map(|email| world.json(&["email", "show", email])["parent"].clone());
        assert_eq!(parents, ["case:2", "case:1"], "{database}");
        assert!(case["stream"].as_array().unwrap().iter().any(|entry| entry["kind"] == "email-received"), "{case}");
        assert!(case["stream"].as_array().unwrap().iter().all(|entry| entry["kind"] != "email-sent"), "NOTE-1: {case}");
        assert_eq!(world.json(&["case", "show", "1"])["contact"], Value::Null);
        // What answers it comes to where it is.
        deliver(&world, "c", "a", "Re: Pump leaks");
        assert_eq!(world.json(&["email", "show", "4"])["parent"], "case:2");
        let line = world.run(&["case", "unmerge", "2"]).fails(65);
        assert!(line.contains("case:2 is merged into no other case"), "{line}");
    }
}

/// Two cases of two customers and two teams: case:1 is desk's and Ben follows it, case:2 is sales' and Cy has it.
fn two_cases_on(database: &str) -> World {
    let world = world_on(database);
    world.run(&["email", "link", "1", "case:1"]).ok();
    world.run(&["team", "add", "sales"]).ok();
    world.run(&["user", "add", "cy", "--address", "cy@example.com"]).ok();
    world.run(&["team", "join", "sales", "cy"]).ok();
    world.run(&["team", "join", "desk", "ada", "ben"]).ok();
    world.run(&["role", "add", "own-team"]).ok();
    for scope in ["case", "email"] {
        world.run(&["role", "grant", "own-team", scope, "read", "team"]).ok();
    }
    world.run(&["role", "give", "own-team", "--user", "cy"]).ok();
    let message = "From: Emil <emil@example.net>\r\nTo: support@example.com\r\nSubject: Door squeaks\r\n\
                   Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <door@example.net>\r\n\r\nEek.\r\n";
    world.run_with(&["deliver", "--account", "support"], message).ok();
    world.run(&["case", "create", "Door", "--assigned-user", "cy"]).ok();
    world.run(&["case", "set", "2", "--team", "sales"]).ok();
    world.run(&["email", "link", "2", "case:2"]).ok();
    world.run(&["case", "note", "2", "The hinge is old"]).ok();
    world
}

fn without_notes(mut case: Value) -> Value {
    case["stream"].as_array_mut().unwrap().retain(|entry| entry["kind"] != "merged" && entry["kind"] != "status");
    case
}

#[test]
fn case_5_unmerge_puts_both_cases_back_as_they_were() {
    for (database, statuses) in [("sqlite", &["assigned", "closed", "rejected", "pending"][..]), ("postgresql", &["closed"][..])]
    {
        for status in statuses {
            let world = two_cases_on(database);
            world.run(&["case", "create", "Older"]).ok();
            world.run(&["case", "merge", "3", "--into", "2"]).ok();
            world.run(&["case", "status", "2", status]).ok();
            let state = || {
                let cases = ["1", "2", "3"].map(|case| without_notes(world.json(&["case", "show", case])));
                let emails = ["1", "2"].map(|email| world.json(&["email", "show", email]));
                (cases, emails, ["ada", "ben", "cy"].map(|user| told(&world, user)))
            };
            let before = state();
            let said = world.run(&["case", "merge", "2", "--into", "1", "--dry-run"]).ok();
            let along = "case:2 was merged into case:1, with 1 e-mail, 1 note, 2 notifications, team sales, cy as a follower";
            assert!(said.contains(along), "{said}");
            let said = world.run(&["case", "merge", "2", "--into", "1"]).ok();
            let told = "1 case merged into case:1.\n  case:2: e-mail 2 (emil@example.net: Door squeaks)\n\
                        The senders differ: dora@example.org, emil@example.net.\nTo undo it: espomail case unmerge 2\n";
            assert_eq!(said, told);
            let merged = world.json(&["case", "show", "1"]);
            assert_eq!((&merged["teams"], &merged["followers"]), (&json!(["desk", "sales"]), &json!(["ada", "ben", "cy"])));
            world.run(&["case", "unmerge", "2"]).ok();
            assert_eq!(state(), before, "{database}: {status}");
            world.run(&["--as", "cy", "case", "show", "1"]).fails(65);
        }
    }
}

#[test]
fn case_5_two_merges_in_a_row_leave_nothing_where_both_are_undone() {
    for database in ["sqlite", "postgresql"] {
        let world = two_cases_on(database);
        world.run(&["case", "create", "Gate", "--assigned-user", "ada"]).ok();
        let state = || {
            let cases = ["1", "2", "3"].map(|case| without_notes(world.json(&["case", "show", case])));
            let emails = ["1", "2"].map(|email| world.json(&["email", "show", email]));
            (cases, emails, ["ada", "ben", "cy"].map(|user| told(&world, user)))
        };
        let before = state();
        for undone in [["3", "2"], ["2", "3"]] {
            world.run(&["case", "merge", "2", "--into", "3"]).ok();
            world.run(&["case", "merge", "3", "--into", "1"]).ok();
            for case in undone {
                world.run(&["case", "unmerge", case]).ok();
            }
            assert_eq!(state(), before, "{database}: {undone:?}");
        }
    }
}

#[test]
fn case_5_unmerge_leaves_what_people_changed_since_and_what_another_merge_brought() {
    for database in ["sqlite", "postgresql"] {
        let world = two_cases_on(database);
        world.run(&["case", "create", "Gate"]).ok();
        world.run(&["case", "set", "3", "--team", "sales"]).ok();
        world.run(&["case", "follow", "3", "--user", "cy"]).ok();
        world.run(&["case", "follow", "2", "--user", "ben"]).ok();
        for case in ["2", "3"] {
            world.run(&["case", "merge", case, "--into", "1"]).ok();
        }
        world.run(&["case", "unfollow", "1", "--user", "ben"]).ok();
        world.run(&["case", "note", "1", "Written since"]).ok();
        world.run(&["case", "unmerge", "2"]).ok();
        let [left, back] = ["1", "2"].map(|case| world.json(&["case", "show", case]));
        assert_eq!((&left["teams"], &left["followers"]), (&json!(["desk", "sales"]), &json!(["ada", "cy"])), "{database}");
        assert_eq!((&back["teams"], &back["followers"]), (&json!(["sales"]), &json!(["cy"])), "{database}");
        assert!(left["stream"].to_string().contains("Written since") && !left["stream"].to_string().contains("hinge"), "{left}");
        world.run(&["case", "merge", "2", "--into", "1"]).ok();
        world.run(&["case", "set", "1", "--team", "sales"]).ok();
        world.run(&["case", "unmerge", "2"]).ok();
        assert_eq!(world.json(&["case", "show", "1"])["teams"], json!(["sales"]), "a person chose it");
    }
}

#[test]
fn case_5_unmerge_gives_back_followers_whom_the_merge_took_away_and_the_assigned_user() {
    for database in ["sqlite", "postgresql"] {
        let world = two_cases_on(database);
        world.run(&["case", "create", "Gate", "--assigned-user", "ben"]).ok();
        world.run(&["case", "follow", "2", "--user", "ada"]).ok();
        for case in ["2", "3"] {
            world.run(&["case", "merge", case, "--into", "1"]).ok();
        }
        // Cy may not read what is left without the team, so the one unmerging takes him from it while his case is still there.
        world.run(&["case", "set", "1", "--team", "desk"]).ok();
        world.run(&["case", "unmerge", "3"]).ok();
        world.run(&["case", "unfollow", "1", "--user", "ada"]).ok();
        world.run(&["case", "unmerge", "2"]).ok();
        let followers = ["1", "2", "3"].map(|case| world.json(&["case", "show", case])["followers"].clone());
        assert_eq!(followers, [json!(["ben"]), json!(["cy"]), json!(["ben"])], "{database}");
    }
}

#[test]
fn case_5_what_was_written_during_a_merge_leaves_with_the_email_that_it_answers() {
    for database in ["sqlite", "postgresql"] {
        let world = two_cases_on(database);
        world.run(&["account", "set", "support", "--smtp-host", "127.0.0.1", "--shared=true"]).ok();
        world.run(&["case", "merge", "2", "--into", "1"]).ok();
        for newest in ["1", "2"] {
            world.run(&["email", "reply", newest, "--text", "We come.", "--draft"]).ok();
        }
        world.run(&["case", "unmerge", "2"]).ok();
        // INBOX-1: what goes out from here is in nobody's inbox as new mail, whoever gets its case.
        world.run(&["case", "split", "2", "--email", "4"]).ok();
        world.run(&["case", "merge", "3", "--into", "2"]).ok();
        world.run(&["email", "link", "4", "case:2"]).ok();
        assert_eq!(world.json(&["email", "show", "4"])["users"], json!([]), "{database}");
        let parents = ["1", "2", "3", "4"].map(|email| world.json(&["email", "show", email])["parent"].clone());
        assert_eq!(parents, ["case:1", "case:2", "case:1", "case:2"], "{database}");
        let id = world.json(&["email", "show", "4"])["message_id"].as_str().unwrap().to_string();
        let message = format!(
            "From: Emil <emil@example.net>\r\nTo: support@example.com\r\nSubject: Re: Door squeaks\r\n\
             Date: Mon, 23 Nov 2026 09:30:00 +0000\r\nMessage-ID: <thanks@example.net>\r\n\
             In-Reply-To: {id}\r\nReferences: <door@example.net> {id}\r\n\r\nThanks.\r\n",
            id = format!("<{}>", id.trim_matches(['<', '>']))
        );
        world.run_with(&["deliver", "--account", "support"], &message).ok();
        assert_eq!(world.json(&["email", "show", "5"])["parent"], "case:2", "{database}");
        // A letter that refers to both makes one conversation of them: the case that leaves refers to the other.
        world.run(&["account", "set", "support", "--make-cases"]).ok();
        deliver(&world, "boiler", "", "Boiler hisses");
        deliver(&world, "oven", "", "Oven smokes");
        world.run(&["case", "merge", "5", "--into", "4"]).ok();
        let both = "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: Re: Boiler and oven\r\n\
                    Message-ID: <both@example.org>\r\nIn-Reply-To: <oven@example.org>\r\n\
                    References: <boiler@example.org> <oven@example.org>\r\n\r\nBoth still do.\r\n";
        world.run_with(&["deliver", "--account", "support"], both).ok();
        world.run(&["case", "unmerge", "5"]).ok();
        assert_eq!(world.json(&["case", "show", "5"])["refers_to"], "case:4", "{database}");
        world.run(&["doctor", "--prove"]).ok();
    }
}
