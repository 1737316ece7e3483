//! What commands say is true: nothing that stays as it is is called changed, and a rehearsal says what the deed says.

use serde_json::{Value, json};

use super::{deliver, desk_on};
use crate::support::world::World;

/// How many lines the audit has.
fn written(world: &World) -> i64 {
    let all = world.json(&["audit", "list", "--limit", "1000"]);
    i64::try_from(all["items"].as_array().unwrap().len()).unwrap()
}

#[test]
fn what_stays_as_it_is_is_not_called_changed_nor_written_down() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben", "carl"]);
        let file = world.path("letter.txt");
        std::fs::write(&file, "Hello {Person.name}").unwrap();
        let file = file.to_str().unwrap();
        world.run(&["template", "add", "hello", "--subject", "Hello", "--file", file]).ok();
        world.run(&["role", "add", "agents"]).ok();
        world.run(&["role", "grant", "agents", "case", "read", "team"]).ok();
        world.run(&["role", "give", "agents", "--team", "support"]).ok();
        world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.org"]).ok();
        world.run(&["team", "join", "books", "ada", "--position", "agent"]).ok();
        let before = written(&world);
        for (line, says) in [
            ("template set hello --subject Hello", "Template hello stays as it is."),
            ("template set hello --file FILE", "Template hello stays as it is."),
            ("record set contact:1 --address dora@example.org", "contact:1 stays as it is."),
            (
                "record add contact Dora --address dora@example.org --or-set",
                "contact:1 was there already, and stays as it is: Dora.",
            ),
            ("team join support ada ben", "In team support already: ada, ben."),
            ("team join books ada", "In team books already: ada."),
            ("team set support --name support", "Team support stays as it is."),
            ("role give agents --team support", "Role agents was given already."),
            ("role grant agents case read team", "Role agents: read case: team, as it was."),
            ("account enable support", "Account support is on already."),
            ("user set ada --name ada", "User ada stays as it is."),
        ] {
            let words: Vec<&str> = line.split(' ').map(|word| if word == "FILE" { file } else { word }).collect();
            assert_eq!(world.run(&words).ok(), format!("{says}\n"), "{database}: {line}");
        }
        assert_eq!(written(&world), before, "{database}");
        let position = world.json(&["team", "show", "books"])["members"][0]["position"].clone();
        assert_eq!(position, "agent", "{database}: what is not given stays");
        for (line, says) in [
            ("template set hello --subject Dear", "Template hello changed."),
            ("team join support ada carl", "carl joined team support.\nIn team support already: ada."),
            ("team join books ada --position lead", "ada joined team books."),
            ("team set books --name ledgers", "Team books is now ledgers."),
            ("role give agents --user carl", "Role agents given."),
            ("account disable support", "Account support is off."),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(world.run(&words).ok(), format!("{says}\n"), "{database}: {line}");
        }
        assert_eq!(written(&world), before + 6, "{database}");
        // A file of the same name and size, and with other content, is another.
        let attached = world.path("note.txt");
        for (content, says) in [("one", "changed"), ("one", "stays as it is"), ("two", "changed")] {
            std::fs::write(&attached, content).unwrap();
            let said = world.run(&["template", "set", "hello", "--attach", attached.to_str().unwrap()]).ok();
            assert_eq!(said, format!("Template hello {says}.\n"), "{database}: {content}");
        }
        world.run(&["user", "set", "carl", "--default-team", "ledgers"]).ok();
        let said = world.run(&["team", "remove", "ledgers"]).ok();
        assert!(said.starts_with("Team ledgers removed. Without a default team now: carl"), "{database}: {said}");
    }
}

#[test]
fn what_is_there_already_is_not_added_again() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        for line in ["role add agents", "filter add quiet --global --subject x --skip", "folder add later --user ada"] {
            world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        world.run_with(&["template", "add", "hello", "--subject", "Hello"], "Hello").ok();
        for line in [
            "user add ada",
            "team add support",
            "role add agents",
            "filter add quiet --global --subject x --skip",
            "folder add later --user ada",
            "template add hello --subject Hello",
            "account add support --address other@example.com --imap-host 127.0.0.1 --password-stdin",
        ] {
            let said = world.run_with(&line.split(' ').collect::<Vec<_>>(), "Hello").fails(73);
            assert!(said.contains("there is already a "), "{database}: {line}: {said}");
        }
        // What is no field is wrongly typed, wherever it is typed.
        deliver(&world, "a", "Pump");
        world.run(&["case", "create", "--from-email", "1"]).ok();
        world.run(&["record", "add", "contact", "Fay"]).ok();
        for line in [
            "record add contact Eve --field nope=1",
            "record set contact:1 --field nope=1",
            "record list contact --field nope=1",
            "case create Pump --field nope=1",
            "case set 1 --field nope=1",
            "case list --field nope=1",
        ] {
            let said = world.run(&line.split(' ').collect::<Vec<_>>()).fails(64);
            assert!(said.contains("has no field \"nope\""), "{database}: {line}: {said}");
        }
    }
}

#[test]
fn case_5_a_case_can_be_nobodys_again_and_every_word_on_it_prints_the_case() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        world.run(&["case", "create", "Pump"]).ok();
        world.run(&["case", "create", "Hose"]).ok();
        assert_eq!(world.run(&["case", "assign", "1", "ada"]).ok().lines().next(), Some("case:1 is ada's."), "{database}");
        assert!(world.run(&["case", "assign", "1", "", "--dry-run"]).ok().contains("Nothing was changed."));
        assert_eq!(world.json(&["case", "show", "1"])["assigned_user"], "ada", "{database}");
        assert_eq!(world.run(&["case", "assign", "1", ""]).ok(), "case:1 is nobody's.\n", "{database}");
        assert_eq!(world.run(&["case", "assign", "1", ""]).ok(), "case:1 is nobody's already.\n", "{database}");
        let case = world.json(&["case", "show", "1"]);
        assert_eq!((&case["assigned_user"], &case["status"]), (&Value::Null, &json!("new")), "{database}");
        let ada = world.json(&["case", "assign", "1", "ada"]);
        assert_eq!((&ada["number"], &ada["assigned_user"]), (&json!(1), &json!("ada")), "{database}");
        let closed = world.json(&["case", "close", "1", "2"]);
        let statuses: Vec<&Value> = closed["items"].as_array().unwrap().iter().map(|case| &case["status"]).collect();
        assert_eq!(statuses, ["closed", "closed"], "{database}");
        assert_eq!(world.json(&["case", "reopen", "1"])["items"][0]["status"], "assigned", "{database}");
        assert_eq!(world.json(&["case", "status", "1", "pending"])["status"], "pending", "{database}");
        assert_eq!(world.json(&["case", "note", "1", "Words"])["number"], 1, "{database}");
        let follows = world.json(&["case", "follow", "1", "--user", "ben"]);
        assert_eq!((&follows["record"], &follows["user"], &follows["follows"]), (&json!("case:1"), &json!("ben"), &json!(true)));
    }
}

#[test]
fn access_2_what_is_deleted_can_be_rehearsed_and_what_is_named_twice_counts_once() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        for id in ["a", "b"] {
            deliver(&world, id, "Pump");
        }
        let mails = ["1", "<a@example.org>", "2"];
        let plan = world.run(&[&["email", "delete"][..], &mails, &["--dry-run"]].concat()).ok();
        assert_eq!(plan.matches("was deleted for everybody").count(), 2, "{database}: {plan}");
        assert!(plan.contains("e-mail 1, <a@example.org>") && plan.ends_with("Nothing was changed.\n"), "{database}: {plan}");
        assert_eq!(super::listed(&world, &[]), [1, 2], "{database}");
        world.run(&["folder", "add", "shelf", "--team", "books"]).ok();
        for (line, says) in [
            ("email mark MAILS --user ada --read", "2 e-mails are now read.\n"),
            ("email move MAILS --user ada --archive", "2 e-mails are now in the archive.\n"),
            ("email move MAILS --group-folder shelf", "2 e-mails are now in group folder shelf.\n"),
            ("email move MAILS --group-archive", "2 e-mails are now in the archive of their group folder.\n"),
        ] {
            let words: Vec<&str> =
                line.split(' ').flat_map(|word| if word == "MAILS" { mails.to_vec() } else { vec![word] }).collect();
            let before = written(&world);
            assert_eq!(world.run(&words).ok(), says, "{database}: {line}");
            assert_eq!(written(&world), before + 2, "{database}: {line}");
        }
        assert_eq!(world.json(&["email", "show", "2"])["teams"], json!(["books", "support"]), "{database}");
        // All or none of them.
        world.run(&["email", "delete", "1", "77"]).fails(65);
        let before = written(&world);
        assert_eq!(world.run(&[&["email", "delete"][..], &mails].concat()).ok(), "2 e-mails are deleted for everybody.\n");
        assert_eq!((super::listed(&world, &[]), written(&world)), (vec![], before + 2), "{database}");
        deliver(&world, "a", "Pump");
        assert!(super::listed(&world, &[]).is_empty(), "{database}: FETCH-2, an MTA hands it over once more");
    }
}

#[test]
fn record_1_a_rehearsal_says_what_the_deed_says() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        for line in ["record add contact Dora", "record add contact Dorothea", "record add lead Fay --company Foundry"] {
            world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        for line in ["record merge contact:1 contact:2", "record convert lead:1", "record delete contact:1"] {
            let words: Vec<&str> = line.split(' ').collect();
            let rehearsed = world.run(&[&words[..], &["--dry-run"]].concat()).ok();
            let rehearsed = rehearsed.strip_suffix("Nothing was changed.\n").unwrap().to_string();
            let done = world.run(&words).ok();
            assert!(rehearsed.ends_with(&done), "{database}: {line}: {rehearsed}, {done}");
        }
    }
}

#[test]
fn send_9_a_template_that_names_a_field_which_has_gone_is_found_and_what_it_can_name_fits_on_a_page() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}\n[fields.contact]\nlevel = \"text\"\n"), 0o600);
        world.run_with(&["template", "add", "hello", "--subject", "Hello"], "For {Contact.level}").ok();
        world.run(&["config", "check"]).ok();
        let told = world.run(&["template", "placeholders"]).ok();
        assert!(told.lines().count() < 50, "{told}");
        for part in ["{Person.name}  ", "\n{Contact.…}  ", "level"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let all = world.json(&["template", "placeholders"]);
        assert!(all["items"].as_array().unwrap().iter().any(|one| one["name"] == "Contact.level"), "{database}: {all}");
        world.write(&world.config(), &config, 0o600);
        let said = world.run(&["config", "check"]).stderr;
        assert!(said.contains("template hello: ") && said.contains("Contact.level"), "{database}: {said}");
    }
}

#[test]
fn record_1_what_was_merged_goes_with_what_is_left_and_a_stage_stays_what_it_is() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        for line in [
            "record add opportunity Won --stage closed-won",
            "record add opportunity Open --stage prospecting",
            "record merge opportunity:1 opportunity:2",
        ] {
            world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        let left = world.json(&["record", "show", "opportunity:1"]);
        assert_eq!((&left["active"], &left["fields"]["stage"]), (&json!(false), &json!("closed-won")), "{database}: {left}");
        for line in ["case create Pump", "case create Hose", "case merge 2 --into 1"] {
            world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        assert_eq!(
            world.run(&["case", "delete", "1"]).ok(),
            "case:1 deleted: Pump. With it case:2, merged into it.\n",
            "{database}"
        );
        world.run(&["case", "show", "2"]).fails(65);
        for line in ["record add contact Dora", "record add contact Dorothea", "record merge contact:1 contact:2"] {
            world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        }
        world.run(&["record", "delete", "contact:1"]).ok();
        world.run(&["record", "show", "contact:2"]).fails(65);
    }
}

#[test]
fn filter_4_what_a_filter_holds_and_no_run_over_stored_mail_lets_go_is_said() {
    for database in ["sqlite", "postgresql"] {
        let world = desk_on(database, &["ada", "ben"]);
        world.run(&["filter", "add", "odd", "--global", "--subject", "Pump*", "--hold"]).ok();
        for id in ["a", "b"] {
            deliver(&world, id, "Pump");
        }
        let told = world.run(&["reprocess", "--filter", "odd"]).ok();
        assert!(told.ends_with("2 e-mails that it held wait for a word: espomail review list\n"), "{database}: {told}");
        let done = world.json(&["reprocess", "--filter", "odd"]);
        assert_eq!((&done["held"], &done["skipped"]), (&json!(2), &json!([])), "{database}");
    }
}
