//! `reprocess --filter`: a filter over mail that came before it, and what a wrong one did is taken back (WHY-2, FILTER-5).

use serde_json::{Value, json};

use crate::shell::{deliver, desk_on, listed};
use crate::support::world::World;

fn different(world: &World, arguments: &[&str]) -> Vec<i64> {
    let done = world.json(&[&["reprocess"], arguments].concat());
    done["emails"].as_array().unwrap().iter().map(|one| one["email"].as_i64().unwrap()).collect()
}

/// Delivers what answers another one.
fn answer(world: &World, id: &str, answers: &str) {
    let message = format!(
        "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nSubject: Pump\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\nIn-Reply-To: <{answers}@example.org>\r\n\r\nMore.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

#[test]
fn filter_5_a_users_own_filter_sorts_what_came_before_it_and_what_it_did_is_taken_back() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        for (id, subject) in [("a", "News 1"), ("b", "News 2"), ("c", "Pump"), ("d", "News 3")] {
            deliver(&world, id, subject);
        }
        world.run(&["--as", "ada", "folder", "add", "Later"]).ok();
        world.run(&["--as", "ada", "folder", "add", "Mine"]).ok();
        // What she sorted herself stays where she put it; what she read is sorted like the rest.
        world.run(&["--as", "ada", "email", "move", "2", "--folder", "Mine"]).ok();
        world.run(&["--as", "ada", "email", "mark", "4", "--read"]).ok();
        let criteria = ["--subject", "News*", "--folder", "Later", "--mark-read"];
        world.run(&[&["--as", "ada", "filter", "add", "news", "--user", "ada"], &criteria[..]].concat()).ok();
        let told = world.run(&["--as", "ada", "reprocess", "--filter", "news"]).ok();
        for part in
            ["into folder Later, marked as read for ada", "FILTER-5: their filter \"news\"", "3 of 4 e-mails would change"]
        {
            assert!(told.contains(part), "{database}: {part}: {told}");
        }
        assert_eq!(listed(&world, &["--user", "ada", "--folder", "Later"]), [] as [i64; 0], "nothing changed");
        assert_eq!(different(&world, &["--filter", "news", "--apply"]), [1, 2, 4], "an administrator may, too");
        assert_eq!(listed(&world, &["--user", "ada", "--folder", "Later"]), [1, 4]);
        assert_eq!(listed(&world, &["--user", "ada", "--folder", "Mine"]), [2]);
        assert_eq!(listed(&world, &["--user", "ada", "--unread"]), [3]);
        assert_eq!(listed(&world, &["--user", "ben", "--inbox", "--unread"]), [1, 2, 3, 4], "it is her filter alone");
        assert_eq!(different(&world, &["--filter", "news"]), [] as [i64; 0]);
        // The reasons tell of it, those who are not meant do not hear (WHY-1).
        let told = world.run(&["--as", "ada", "explain", "1"]).ok();
        assert!(told.contains("reprocess") && told.contains("into folder Later"), "{told}");
        assert!(!world.run(&["--as", "ben", "explain", "1"]).ok().contains("Later"));

        // New mail that it sorts is taken back as well; what she put elsewhere or marked meanwhile stays.
        deliver(&world, "e", "News 4");
        assert_eq!(listed(&world, &["--user", "ada", "--folder", "Later"]), [1, 4, 5]);
        world.run(&["--as", "ada", "email", "move", "5", "--archive"]).ok();
        world.run(&["--as", "ada", "filter", "set", "news", "--subject", "News 2"]).ok();
        let told = world.run(&["--as", "ada", "reprocess", "--filter", "news"]).ok();
        assert!(told.contains("WHY-2: their filter \"news\" did that, and does not any more"), "{told}");
        assert_eq!(different(&world, &["--filter", "news", "--apply"]), [1, 4, 5], "{database}");
        assert_eq!(listed(&world, &["--user", "ada", "--inbox"]), [1, 3, 4]);
        assert_eq!(listed(&world, &["--user", "ada", "--archived"]), [5]);
        assert_eq!(listed(&world, &["--user", "ada", "--unread"]), [1, 3, 5], "4 is read by her own word");
        // A filter that was removed is known by its name as well.
        world.run(&["filter", "add", "pump", "--user", "ada", "--subject", "Pump", "--skip"]).ok();
        world.run(&["reprocess", "--filter", "pump", "--apply"]).ok();
        assert_eq!(listed(&world, &["--user", "ada", "--trash"]), [3]);
        let said = world.run(&["filter", "remove", "pump"]).ok();
        assert!(said.ends_with("removed. It filed, gave away or marked 1 e-mail: espomail reprocess --filter pump\n"), "{said}");
        world.run(&["reprocess", "--filter", "pump", "--apply"]).ok();
        assert_eq!(listed(&world, &["--user", "ada", "--trash"]), [] as [i64; 0]);
        // Filters of others are not there.
        world.run(&["--as", "ben", "reprocess", "--filter", "news"]).fails(65);
        world.run(&["reprocess", "--filter", "nothing"]).fails(65);
    }
}

#[test]
fn why_2_what_an_import_filter_did_is_taken_back_unless_a_person_or_another_rule_wants_it() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        world.run(&["user", "add", "cleo", "--address", "cleo@example.com"]).ok();
        deliver(&world, "a", "Invoice 1");
        world.run(&["folder", "add", "Bills", "--group", "--team", "books"]).ok();
        let actions = ["--folder", "Bills", "--assign", "cleo", "--assign-team", "support", "--mark-read"];
        world.run(&[&["filter", "add", "bills", "--global", "--subject", "Invoice*"], &actions[..]].concat()).ok();
        for (id, subject) in [("b", "Invoice 2"), ("c", "Invoice 3"), ("d", "Pump")] {
            deliver(&world, id, subject);
        }
        // An answer has its team by THREAD-2, and what answers that, too.
        for (id, answers) in [("e", "b"), ("f", "e")] {
            answer(&world, id, answers);
        }
        // It reaches what came before it, and nothing else.
        assert_eq!(different(&world, &["--filter", "bills"]), [1], "{database}");
        let told = world.run(&["reprocess", "--filter", "bills", "--apply"]).ok();
        for part in [
            "group folder Bills",
            "the filter \"bills\" files it",
            "marked as read for ada",
            "team books",
            "1 of 3 e-mails changed",
        ] {
            assert!(told.contains(part), "{database}: {part}: {told}");
        }
        let shown = |id: &str| {
            let shown = world.json(&["email", "show", id]);
            let of = |key: &str| {
                shown[key].as_array().unwrap().iter().map(|one| one.as_str().unwrap_or_default().to_string()).collect::<Vec<_>>()
            };
            (shown["group_folder"].clone(), of("teams"), shown["users"].as_array().unwrap().len())
        };
        let filed = (json!("Bills"), vec!["books".to_string(), "support".to_string()], 3);
        assert_eq!((shown("1"), shown("2"), shown("3")), (filed.clone(), filed.clone(), filed.clone()));
        assert_eq!((shown("5").1, shown("6").1), (filed.1.clone(), filed.1.clone()));
        assert_eq!(listed(&world, &["--user", "ada", "--unread"]), [4, 5, 6]);
        assert_eq!(different(&world, &["--filter", "bills"]), [] as [i64; 0]);

        // The filter was wrong. What a person confirmed or changed stays: a folder, a read mark, a copy in an archive.
        world.run(&["email", "move", "2", "--group-folder", "Bills"]).ok();
        world.run(&["email", "mark", "3", "--read", "--user", "ada"]).ok();
        world.run(&["email", "move", "3", "--archive", "--user", "cleo"]).ok();
        let said = world.run(&["filter", "set", "bills", "--active", "false"]).ok();
        assert!(
            said.ends_with("changed. It filed, gave away or marked 3 e-mails: espomail reprocess --filter bills\n"),
            "{said}"
        );
        let told = world.run(&["reprocess", "--filter", "bills", "--apply"]).ok();
        for part in [
            "the filter \"bills\" put it into its group folder, and does not any more",
            "no group folder",
            "out of the inbox of cleo",
        ] {
            assert!(told.contains(part), "{database}: {part}: {told}");
        }
        let support = vec!["support".to_string()];
        assert_eq!(shown("1"), (Value::Null, support.clone(), 2), "{database}");
        assert_eq!(shown("2"), (json!("Bills"), support.clone(), 2));
        assert_eq!(shown("3"), (Value::Null, support.clone(), 3));
        assert_eq!((shown("5").1, shown("6").1), (support.clone(), support), "{database}: it was handed on by e-mail 2");
        assert_eq!(listed(&world, &["--user", "ada", "--unread"]), [1, 2, 4, 5, 6]);
        assert_eq!(listed(&world, &["--user", "ben", "--unread"]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(different(&world, &["--filter", "bills"]), [] as [i64; 0]);
        assert!(world.run(&["explain", "1"]).ok().contains("team books was taken from e-mail 1"));
        let said = world.run(&["explain", "6"]).ok();
        assert!(said.contains("team books was taken from e-mail 6\n      because THREAD-2: it had the e-mail as"), "{said}");
        world.run(&["--as", "ada", "reprocess", "--filter", "bills"]).fails(65);
    }
}
