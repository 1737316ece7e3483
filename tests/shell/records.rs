//! RECORD-1: records that are worth having: what they say, with fields of one's own, and how they are found again.

use serde_json::{Value, json};

use crate::support::world::World;

const FIELDS: &str =
    "\n[fields.contact]\ncustomer-number = \"number\"\nlevel = [\"gold\", \"silver\"]\n\n[fields.case]\nserial = \"text\"\n";

fn world_on(database: &str) -> World {
    let world = World::on(database);
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &(config + FIELDS), 0o600);
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "add", "desk"]).ok();
    world
}

fn names(world: &World, arguments: &[&str]) -> Vec<String> {
    let listed = world.json(&[&["record", "list"], arguments].concat());
    listed["items"].as_array().unwrap().iter().map(|one| one["record"].as_str().unwrap().to_string()).collect()
}

fn told(world: &World, user: &str) -> Value {
    let listed = world.json(&["--as", user, "notification", "list"]);
    listed["items"].as_array().unwrap().iter().map(|one| json!([one["kind"], one["record"]])).collect()
}

#[test]
fn record_1_records_say_what_is_usual_and_are_found_by_all_of_it() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        let add = |line: &[&str]| world.run(&[&["record", "add"], line].concat()).ok();
        add(&["account", "Foundry Ltd", "--type", "Customer", "--website", "https://foundry.example", "--industry", "casting"]);
        add(&["account", "Works"]);
        let said = add(&[
            "contact",
            "Fay Example",
            "--account",
            "account:1",
            "--account",
            "account:2",
            "--address",
            "fay@foundry.example",
            "--phone",
            "+49 30 1234-5",
            "--phone",
            "0171 99",
            "--title",
            "Dr.",
            "--description",
            "Likes tea",
            "--assigned-user",
            "ada",
            "--team",
            "desk",
            "--field",
            "customer-number=04711",
        ]);
        assert_eq!(said, "contact:1 added: Fay Example.\n");
        add(&["lead", "Lee", "--status", "in-process", "--source", "web-site", "--company", "Lee & Co", "--amount", "900 eur"]);
        add(&[
            "opportunity",
            "Pumps",
            "--account",
            "account:1",
            "--contact",
            "contact:1",
            "--stage",
            "proposal",
            "--amount",
            "1200.5 EUR",
        ]);
        let fay = world.json(&["record", "show", "contact:1"]);
        let expected = json!({
            "record": "contact:1", "name": "Fay Example", "active": true, "addresses": ["fay@foundry.example"],
            "phones": ["+49 30 1234-5", "0171 99"], "account": "account:1", "accounts": ["account:1", "account:2"], "contacts": [],
            "assigned_user": "ada", "teams": ["desk"], "followers": ["ada"], "description": "Likes tea",
            "fields": { "title": "Dr.", "customer-number": "4711" },
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&fay[key], value, "{database}: {key}");
        }
        assert_eq!(told(&world, "ada"), json!([["assigned", "contact:1"]]), "who has it hears of it");
        let text = world.run(&["record", "show", "contact:1", "--stream"]).ok();
        for line in ["phones:", "accounts:", "title:", "customer-number:   4711", "Likes tea", "Stream"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(world.json(&["record", "show", "opportunity:1"])["fields"]["amount"], "1200.50 EUR");
        for (arguments, found) in [
            (&["--field", "customer-number=4711.0"][..], &["contact:1"][..]),
            (&["--title", "Dr."], &["contact:1"]),
            (&["account", "--type", "customer"], &["account:1"]),
            (&["--stage", "proposal"], &["opportunity:1"]),
            (&["--status", "in-process", "--source", "web-site"], &["lead:1"]),
            (&["--phone", "30/1234"], &["contact:1"]),
            (&["--account", "account:2"], &["contact:1"]),
            (&["--of", "contact:1"], &["opportunity:1"]),
            (&["--assigned-user", "ada"], &["contact:1"]),
            (&["contact", "--unassigned"], &[]),
            (&["--team", "desk"], &["contact:1"]),
            (&["--search", "LIKES"], &["contact:1"]),
            (&["--search", "foundry.ex"], &["contact:1", "account:1"]),
            (&["--search", "lee &"], &["lead:1"]),
            (&["--search", "1234-5"], &["contact:1"]),
            (&["account", "--active", "true"], &["account:2", "account:1"]),
        ] {
            assert_eq!(names(&world, arguments), found, "{database}: {arguments:?}");
        }
        // What is empty clears, and only that.
        world
            .run(&[
                "record",
                "set",
                "contact:1",
                "--title",
                "",
                "--phone",
                "",
                "--account",
                "account:2",
                "--assigned-user",
                "ben",
            ])
            .ok();
        let fay = world.json(&["record", "show", "contact:1"]);
        assert_eq!(
            (&fay["fields"], &fay["phones"], &fay["accounts"]),
            (&json!({ "customer-number": "4711" }), &json!([]), &json!(["account:2"]))
        );
        assert_eq!(told(&world, "ben"), json!([["assigned", "contact:1"]]));
        let audit = world.json(&["audit", "list", "--subject", "contact:1", "--limit", "1"])["items"][0]["detail"].clone();
        assert!(
            audit.as_str().unwrap().contains("assigned-user: ada -> ben; ")
                && audit.to_string().contains("fields-title: Dr. -> -"),
            "{audit}"
        );
    }
}

#[test]
fn record_1_fields_of_the_configuration_are_checked_kept_and_found_on_cases_too() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "add", "contact", "Fay", "--field", "level=Gold", "--field", "customer-number=7"]).ok();
        let line = world.run(&["record", "set", "contact:1", "--field", "colour=red"]).fails(64);
        assert!(
            line.contains(
                "has no field \"colour\"; it has title, postal-address, customer-number, level; add one to [fields.contact]"
            ),
            "{line}"
        );
        let line = world.run(&["record", "set", "contact:1", "--field", "level=tin"]).fails(64);
        assert!(line.contains("level of a record of the kind contact: \"tin\" is not one of gold, silver"), "{line}");
        let line = world.run(&["record", "set", "contact:1", "--stage", "proposal"]).fails(64);
        assert!(line.contains("has no field \"stage\""), "{line}");
        let line = world.run(&["record", "list", "--field", "colour=red"]).fails(64);
        assert!(line.contains("has no field \"colour\""), "{line}");
        world
            .run(&[
                "case",
                "create",
                "Pump",
                "--field",
                "serial=X-1",
                "--type",
                "incident",
                "--priority",
                "high",
                "--description",
                "It drips",
            ])
            .ok();
        let case = world.json(&["case", "show", "1"]);
        assert_eq!(
            (&case["fields"], &case["priority"], &case["description"]),
            (&json!({ "serial": "X-1", "type": "incident" }), &json!("high"), &json!("It drips"))
        );
        assert!(world.run(&["case", "show", "1"]).ok().contains("serial:"));
        world.run(&["case", "create", "Door"]).ok();
        let listed = |arguments: &[&str]| world.json(&[&["case", "list"], arguments].concat())["items"].as_array().unwrap().len();
        assert_eq!(
            (listed(&["--field", "serial=X-1"]), listed(&["--field", "serial=X-2"]), listed(&["--search", "x-1"])),
            (1, 0, 1)
        );
        world.run(&["case", "set", "1", "--field", "serial=X-2"]).ok();
        assert_eq!((listed(&["--field", "serial=X-1"]), listed(&["--type", "incident"])), (0, 1));
        // Taken out of the configuration they stay, and JSON has them.
        let config = std::fs::read_to_string(world.config()).unwrap().replace("level = [\"gold\", \"silver\"]\n", "");
        world.write(&world.config(), &config, 0o600);
        assert_eq!(world.json(&["record", "show", "contact:1"])["fields"]["level"], "gold");
        assert!(!world.run(&["record", "show", "contact:1"]).ok().contains("gold"));
        world.run(&["record", "set", "contact:1", "--title", "Dr."]).ok();
        assert_eq!(world.json(&["record", "show", "contact:1"])["fields"]["level"], "gold");
        world.write(&world.config(), &config.replace("[fields.case]", "[fields.case]\nname = \"text\""), 0o600);
        assert!(world.run(&["case", "list"]).fails(78).contains("of case: \"name\" is what every record has"));
    }
}

#[test]
fn record_1_what_is_there_already_is_told_and_so_are_two_of_one_address() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        let add = ["record", "add", "contact", "Dora", "--address", "dora@example.org"];
        world.run(&add).ok();
        let line = world.run(&["record", "add", "contact", "dora", "--address", "Dora@Example.org"]).fails(73);
        assert!(line.contains("contact:1 of the name \"dora\" is there already; try: espomail record set contact:1"), "{line}");
        let said = world.run(&[&add[..], &["--title", "Dr.", "--or-set"]].concat()).ok();
        assert_eq!(said, "contact:1 was there already, and is changed: Dora.\n");
        assert_eq!(world.json(&["record", "show", "contact:1"])["fields"]["title"], "Dr.");
        // Another person of that name, and another of that address.
        world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.net"]).ok();
        let said = world.run(&["record", "add", "contact", "Dan", "--address", "dora@example.org"]).ok();
        let also = "contact:1 has the same address: the oldest that is active stands for it.\n";
        assert_eq!(said, format!("contact:3 added: Dan.\n{also}"));
        assert_eq!(world.json(&["record", "set", "contact:3", "--title", "Mr."])["same_address"], json!(["contact:1"]));
        world.run(&["record", "add", "contact", "Dora"]).fails(73);
        world.run(&["record", "add", "contact", "Dora", "--duplicate"]).ok();
        assert_eq!(names(&world, &[]).len(), 4);
        // Of what others have there is not even a hint.
        for right in ["read", "edit"] {
            let _ = world.run(&["role", "add", "agents"]);
            world.run(&["role", "grant", "agents", "contact", right, "own"]).ok();
        }
        world.run(&["role", "give", "agents", "--user", "ben"]).ok();
        let said = world.run(&[&["--as", "ben"], &add[..]].concat()).ok();
        assert_eq!(said, "contact:5 added: Dora.\n");
    }
}

#[test]
fn why_1_a_dry_run_says_what_a_record_would_become_and_changes_nothing() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "add", "opportunity", "Pumps", "--stage", "proposal"]).ok();
        let before = (names(&world, &[]), world.json(&["record", "show", "opportunity:1"]), world.json(&["audit", "list"]));
        let said = world.run(&["record", "add", "contact", "Fay", "--assigned-user", "ada", "--dry-run"]).ok();
        for part in [
            "contact:1 was added: Fay",
            "contact:1 is ada's",
            "ada follows contact:1",
            "because RECORD-1",
            "Nothing was changed.",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let said = world.run(&["record", "set", "opportunity:1", "--stage", "closed-won", "--dry-run"]).ok();
        assert!(
            said.contains("opportunity:1 says something else of itself") && said.contains("it is active no longer"),
            "{said}"
        );
        let after = (names(&world, &[]), world.json(&["record", "show", "opportunity:1"]), world.json(&["audit", "list"]));
        assert_eq!(after, before, "{database}");
        // Nothing more comes of it: LINK-4 does not take it any more.
        world.run(&["record", "set", "opportunity:1", "--stage", "closed-won"]).ok();
        assert_eq!(world.json(&["record", "show", "opportunity:1"])["active"], false);
        world.run(&["record", "set", "opportunity:1", "--stage", "negotiation"]).ok();
        assert_eq!(world.json(&["record", "show", "opportunity:1"])["active"], true);
    }
}

#[test]
fn link_2_every_contact_of_a_case_may_write_to_it() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
        world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
        world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.org"]).ok();
        world.run(&["record", "add", "contact", "Emil", "--address", "emil@example.net"]).ok();
        world.run(&["case", "create", "Pump", "--contact", "contact:1"]).ok();
        let write = |id: &str| {
            let message = format!(
                "From: emil@example.net\r\nTo: support@example.com\r\nSubject: [#1] Pump\r\nMessage-ID: <{id}@example.net>\r\n\
                 Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nIt drips.\r\n"
            );
            world.run_with(&["deliver", "--account", "support"], &message).ok();
        };
        write("a");
        assert_eq!(world.json(&["email", "show", "1"])["parent"], "case:2", "a stranger to case:1");
        world.run(&["case", "set", "1", "--contact", "contact:1", "--contact", "contact:2"]).ok();
        write("b");
        assert_eq!(world.json(&["email", "show", "2"])["parent"], "case:1");
        let case = world.json(&["case", "show", "1"]);
        assert_eq!(
            (&case["contact"], &case["contacts"]),
            (&json!("contact:1"), &json!(["contact:1", "contact:2"])),
            "{database}"
        );
    }
}

#[test]
fn send_9_templates_name_the_fields_of_the_configuration() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
        world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
        let fay = "record add contact Fay --address fay@example.org --title Dr. --field customer-number=4711 --phone 0301";
        world.run(&fay.split(' ').collect::<Vec<_>>()).ok();
        let message = "From: fay@example.org\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\
                       Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nIt drips.\r\n";
        world.run_with(&["deliver", "--account", "support"], message).ok();
        let body = "{Person.title} {Person.name}, no. {Contact.customerNumber}, {Person.phone}, [{Contact.level}]";
        world.run_with(&["template", "add", "hello", "--subject", "Hi"], body).ok();
        let shown = world.json(&["template", "preview", "hello", "--email", "1"]);
        assert_eq!(shown["text"].as_str().unwrap().trim(), "Dr. Fay, no. 4711, 0301, []", "{database}");
        let line = world.run_with(&["template", "add", "other", "--subject", "Hi"], "{Contact.colour}").fails(65);
        assert!(line.contains("Contact.colour"), "{line}");
    }
}
