//! What people say of an e-mail (ACCESS-2), and group folders (INBOX-2).

use serde_json::{Value, json};

use crate::shell::{deliver, desk_on, listed};
use crate::support::world::World;

/// Teams, users and assigned user of an e-mail.
fn of(world: &World, email: &str) -> (Value, Vec<String>, Value) {
    let shown = world.json(&["email", "show", email]);
    let users = shown["users"].as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap().to_string()).collect();
    (shown["teams"].clone(), users, shown["assigned_user"].clone())
}

#[test]
fn access_2_a_person_says_which_teams_an_e_mail_is_of_and_whose_it_is() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben", "cleo"]);
        deliver(&world, "a", "Pump");
        deliver(&world, "b", "Door");
        world.run(&["folder", "add", "Dora", "--user", "cleo"]).ok();
        world.run(&["filter", "add", "dora", "--user", "cleo", "--from", "dora@example.org", "--folder", "Dora"]).ok();
        let set = ["email", "set", "1", "--team", "books", "--assigned-user", "cleo", "--important", "true"];
        let told = world.run(&[&set[..], &["--dry-run"]].concat()).ok();
        for part in ["the e-mail is of books", "the e-mail is cleo's", "ACCESS-2: a person said so", "into folder Dora of cleo"] {
            assert!(told.contains(part), "{database}: {part}: {told}");
        }
        let before = (json!(["support"]), vec!["ada".to_string(), "ben".to_string()], Value::Null);
        assert_eq!(of(&world, "1"), before, "{database}: nothing changed");
        assert_eq!(world.run(&set).ok(), "1 e-mail changed.\n");
        let everybody = ["ada", "ben", "cleo"].map(str::to_string).to_vec();
        assert_eq!(of(&world, "1"), (json!(["books"]), everybody.clone(), json!("cleo")));
        assert_eq!(listed(&world, &["--assigned-user", "cleo"]), [1]);
        assert_eq!(listed(&world, &["--user", "cleo", "--folder", "Dora", "--important"]), [1], "her own filter sorts it");
        assert_eq!(listed(&world, &["--user", "ada", "--important"]), [1]);
        let told = world.json(&["--as", "cleo", "notification", "list"]);
        assert_eq!((&told["items"][0]["kind"], &told["items"][0]["email"]), (&json!("assigned"), &json!(1)), "{told}");
        // What a person chose, no rule changes; the reasons stand in the audit and in explain (WHY-1, WHY-2).
        world.run(&["reprocess", "1", "--apply"]).ok();
        assert_eq!(of(&world, "1").0, json!(["books"]));
        let told = world.run(&["explain", "1"]).ok();
        assert!(told.contains("email set") && told.contains("the e-mail is cleo's"), "{told}");
        let newest = &world.json(&["audit", "list", "--limit", "2"])["items"];
        assert!(newest.as_array().unwrap().iter().any(|one| one["detail"] == "team, assigned user, important"), "{newest}");

        assert_eq!(world.run(&["email", "set", "1", "--assigned-user", "cleo"]).ok(), "The e-mail stays as it is.\n");
        world.run(&["email", "set", "1", "2", "--user", "cleo", "--assigned-user", "", "--team", ""]).ok();
        assert_eq!(of(&world, "1"), (json!([]), everybody.clone(), Value::Null));
        assert_eq!(of(&world, "2"), (json!([]), everybody, Value::Null));
        assert_eq!(world.run(&["email", "set", "1"]).status, Some(64));
        world.run(&["user", "set", "ben", "--active", "false"]).ok();
        assert!(world.run(&["email", "set", "1", "--assigned-user", "ben"]).fails(65).contains("ben is not active"));
        // Whoever may only read may not.
        world.run(&["role", "add", "readers"]).ok();
        world.run(&["role", "grant", "readers", "email", "read", "all"]).ok();
        world.run(&["role", "give", "readers", "--user", "ada"]).ok();
        world.run(&["--as", "ada", "email", "set", "1", "--important", "false"]).fails(77);
        world.run(&["role", "grant", "readers", "email", "edit", "all"]).ok();
        world.run(&["--as", "ada", "email", "set", "1", "--important", "false"]).ok();
        assert_eq!(listed(&world, &["--user", "ada", "--important"]), [] as [i64; 0]);
    }
}

#[test]
fn inbox_2_an_accounts_mail_goes_to_its_group_folder_which_has_an_archive_and_a_trash() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben", "cleo"]);
        world.run(&["folder", "add", "Orders", "--group", "--team", "books"]).ok();
        world.run(&["folder", "add", "Urgent", "--group"]).ok();
        world.run(&["account", "set", "support", "--group-folder", "Orders"]).ok();
        world.run(&["filter", "add", "urgent", "--account", "support", "--subject", "Urgent*", "--folder", "Urgent"]).ok();
        for (id, subject) in [("a", "Pump"), ("b", "Urgent"), ("c", "Door")] {
            deliver(&world, id, subject);
        }
        assert_eq!(listed(&world, &["--group-folder", "Orders"]), [1, 3], "{database}");
        assert_eq!(listed(&world, &["--group-folder", "Urgent"]), [2], "a filter's folder goes before");
        assert_eq!(listed(&world, &["--user", "ada", "--inbox"]), [] as [i64; 0]);
        assert_eq!(of(&world, "1").0, json!(["books", "support"]));
        let told = world.run(&["explain", "1"]).ok();
        assert!(told.contains("in group folder Orders") && told.contains("INBOX-2: the account support files it"), "{told}");

        world.run(&["email", "move", "1", "--group-archive"]).ok();
        world.run(&["email", "move", "3", "--group-trash"]).ok();
        assert_eq!(listed(&world, &["--group-folder", "Orders"]), [] as [i64; 0]);
        assert_eq!(listed(&world, &["--group-folder", "Orders", "--archived"]), [1]);
        assert_eq!(listed(&world, &["--group-folder", "Orders", "--trash"]), [3]);
        assert!(world.run(&["email", "show", "3"]).ok().contains("Orders (trash)"));
        world.run(&["email", "move", "3", "--group-folder", "Orders"]).ok();
        assert_eq!(listed(&world, &["--group-folder", "Orders"]), [3]);
        world.run(&["email", "move", "3", "--no-group-folder"]).ok();
        assert!(world.run(&["email", "move", "3", "--group-trash"]).fails(65).contains("is in no group folder"));
        assert_eq!(listed(&world, &["--user", "ada", "--inbox"]), [3]);

        // What is used is not removed.
        let line = world.run(&["folder", "remove", "Orders", "--group"]).fails(65);
        assert!(line.contains("the account support puts its mail into the folder Orders"), "{line}");
        let line = world.run(&["folder", "remove", "Urgent", "--group"]).fails(65);
        assert!(line.contains("the filter \"urgent\" (account support) puts mail into the folder Urgent"), "{line}");
        world.run(&["account", "set", "support", "--group-folder", "", "--mailbox-folder", "INBOX=Orders"]).ok();
        let line = world.run(&["folder", "remove", "Orders", "--group"]).fails(65);
        assert!(line.contains("mailbox INBOX"), "{line}");
        assert!(world.run(&["account", "show", "support"]).ok().contains("INBOX (to folder Orders)"));
        world.run(&["account", "set", "support", "--mailbox-folder", "INBOX="]).ok();
        world.run(&["folder", "remove", "Orders", "--group"]).ok();
        deliver(&world, "d", "Roof");
        assert_eq!(listed(&world, &["--user", "ada", "--inbox"]), [1, 3, 4]);
        // A personal account has none.
        let add = ["account", "add", "hers", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "imap.example.com"];
        let line = world.run_with(&[&add[..], &["--group-folder", "Urgent", "--password-stdin"]].concat(), "x\n").fails(64);
        assert!(line.contains("only a group account has a group folder"), "{line}");
    }
}
