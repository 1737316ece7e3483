//! RECORD-1: how records end: deleted, merged, converted; and what becomes of the work of a user who goes. No mail is lost by it.

use serde_json::{Value, json};

use crate::support::world::World;

/// Dora of the Works (account:1, contact:1), and case:1, which her first e-mail opened.
fn world_on(database: &str) -> World {
    let world = World::on(database);
    world.run(&["team", "add", "desk"]).ok();
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
        world.run(&["team", "join", "desk", user]).ok();
    }
    world.run(&["role", "add", "agents"]).ok();
    for right in ["case read", "case edit", "email read", "contact read", "account read", "lead read"] {
        let words: Vec<&str> = right.split(' ').collect();
        world.run(&[&["role", "grant", "agents"], &words[..], &["all"]].concat()).ok();
    }
    world.run(&["role", "give", "agents", "--team", "desk"]).ok();
    let add = "account add support --address support@example.com --imap-host 127.0.0.1 --make-cases --case-team desk --distribution direct \
               --assigned-user ada --password-stdin";
    world.run_with(&add.split_ascii_whitespace().collect::<Vec<_>>(), "hunter2\n").ok();
    world.run(&["record", "add", "account", "Works"]).ok();
    world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.org", "--account", "account:1"]).ok();
    deliver(&world, "dora@example.org", "a", "", "Pump leaks");
    world
}

fn deliver(world: &World, from: &str, id: &str, answers: &str, subject: &str) {
    let answers = if answers.is_empty() { String::new() } else { format!("In-Reply-To: <{answers}@example.org>\r\n") };
    let message = format!(
        "From: {from}\r\nTo: support@example.com\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\
         Message-ID: <{id}@example.org>\r\n{answers}\r\nIt drips.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

fn place(world: &World, email: &str) -> (Value, Value) {
    let shown = world.json(&["email", "show", email]);
    (shown["parent"].clone(), shown["account_record"].clone())
}

fn parent(world: &World, email: &str) -> Value {
    place(world, email).0
}

#[test]
fn record_1_a_deleted_case_leaves_its_mail_and_what_answers_it_opens_another() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        deliver(&world, "dora@example.org", "b", "a", "Re: Pump leaks");
        assert_eq!((parent(&world, "1"), parent(&world, "2")), (json!("case:1"), json!("case:1")));
        let before = (world.json(&["case", "show", "1"]), world.json(&["audit", "list"]));
        let said = world.run(&["case", "delete", "1", "--dry-run"]).ok();
        for part in [
            "2 e-mails came to account:1",
            "because RECORD-1: account:1 is whom case:1 is about",
            "case:1 was deleted",
            "Nothing was",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!((world.json(&["case", "show", "1"]), world.json(&["audit", "list"])), before, "{database}");
        // The right to edit is none to delete.
        assert!(world.run(&["--as", "ben", "case", "delete", "1"]).fails(77).contains("your roles do not let you delete case:1"));
        assert_eq!(
            world.run(&["case", "delete", "1"]).ok(),
            "case:1 deleted: Pump leaks. Its 2 e-mails belong to account:1 now.\n"
        );
        assert!(world.run(&["case", "show", "1"]).fails(65).contains("there is no case:1"));
        assert_eq!(parent(&world, "1"), "account:1", "{database}");
        let stream = world.json(&["record", "show", "account:1", "--stream"])["stream"].clone();
        let kinds: Vec<&Value> = stream.as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
        assert_eq!(kinds, ["created", "email-received", "email-received", "linked"], "{stream}");
        // Who had them has them, and explain says why they are elsewhere.
        let shown = world.json(&["--as", "ada", "email", "list", "--inbox"]);
        assert_eq!(shown["items"].as_array().unwrap().len(), 2);
        let why = world.run(&["explain", "1"]).ok();
        assert!(why.contains("case delete") && why.contains("case:1 was deleted"), "{why}");
        // Nobody would look into what is gone: what answers it, or names it, is a case of its own.
        deliver(&world, "dora@example.org", "c", "b", "Re: [#1] Pump leaks");
        assert_eq!(parent(&world, "3"), "case:2", "{database}");
        assert_eq!(
            (parent(&world, "1"), world.json(&["case", "show", "2"])["assigned_user"].clone()),
            (json!("account:1"), json!("ada"))
        );
        // Nobody's matter: the e-mails stay without a record.
        deliver(&world, "eve@example.net", "d", "", "Spam");
        assert_eq!(
            world.run(&["case", "delete", "3"]).ok(),
            "case:3 deleted: Spam. Its 1 e-mail stays and belongs to no record now.\n"
        );
        assert_eq!(parent(&world, "4"), Value::Null);
        world.run(&["reprocess", "4", "--apply"]).ok();
        assert_eq!(parent(&world, "4"), Value::Null, "a person said so");
        deliver(&world, "eve@example.net", "e", "d", "Re: Spam");
        assert_eq!(parent(&world, "5"), "case:4", "{database}");
    }
}

#[test]
fn record_1_letters_of_a_deleted_case_wait_for_a_word() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        let server = ["--smtp-host", "127.0.0.1", "--smtp-port", "1", "--smtp-security", "plain", "--shared"];
        world.run(&[&["account", "set", "support"][..], &server].concat()).ok();
        for how in [&["--at", "2027-01-01"][..], &["--draft"]] {
            world.run(&[&["case", "reply", "1", "--text", "Soon."][..], how].concat()).ok();
        }
        let held = || world.json(&["outbox", "list", "--held"])["items"].as_array().unwrap().len();
        let waits = "2 letters wait for a word: espomail outbox list --held";
        let said = world.run(&["case", "delete", "1", "--dry-run"]).ok();
        assert!(said.contains(waits), "{said}");
        assert_eq!(held(), 0, "{database}");
        let said = world.run(&["case", "delete", "1"]).ok();
        assert!(said.contains(waits), "{said}");
        assert_eq!(held(), 2, "{database}");
        // Its day comes, and it does not go.
        let mut later = world.command(&["send"]);
        crate::support::world::Done::of(later.env("ESPOMAIL_NOW", "2027-01-02T00:00:00Z"), "").ok();
        assert_eq!(held(), 2, "{database}");
    }
}

#[test]
fn record_1_a_deleted_record_leaves_mail_cases_and_contacts() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "add", "opportunity", "Pumps", "--account", "account:1", "--contact", "contact:1"]).ok();
        world.run(&["record", "add", "contact", "Emil", "--address", "emil@example.net"]).ok();
        world.run(&["email", "link", "1", "contact:1"]).ok();
        let said = world.run(&["record", "delete", "contact:1"]).ok();
        assert_eq!(
            said,
            "contact:1 deleted: Dora. Its 1 e-mail belongs to account:1 now. Without it now: 1 case, 1 opportunity.\n"
        );
        assert_eq!(parent(&world, "1"), "account:1", "{database}");
        assert_eq!(world.json(&["case", "show", "1"])["contacts"], json!([]));
        let said = world.run(&["record", "delete", "account:1", "contact:2"]).ok();
        assert!(
            said.starts_with("account:1 deleted: Works. Its 1 e-mail stays and belongs to no record now. Without it now: 1 case"),
            "{said}"
        );
        assert!(said.ends_with("contact:2 deleted: Emil.\n"), "{said}");
        assert_eq!(
            (place(&world, "1"), world.json(&["email", "list"])["items"].as_array().unwrap().len()),
            ((Value::Null, Value::Null), 1)
        );
        assert!(world.run(&["record", "delete", "case:1"]).fails(64).contains("try: espomail case delete 1"));
        // A number is not given twice.
        world.run(&["record", "add", "account", "More"]).ok();
        assert_eq!(world.json(&["record", "list", "account"])["items"][0]["record"], "account:2");
    }
}

#[test]
fn record_1_a_merged_record_brings_everything_and_says_where_it_went() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        let twin = "record add contact Dora --address dora@example.net --phone 0301 --title Dr. --description Tea --assigned-user ben --team desk";
        world.run(&twin.split(' ').collect::<Vec<_>>()).ok();
        world.run(&["record", "follow", "contact:2", "--user", "ada"]).ok();
        world.run(&["record", "set", "contact:1", "--phone", "0171"]).ok();
        deliver(&world, "dora@example.net", "b", "", "Door squeaks");
        world.run(&["email", "link", "2", "contact:2"]).ok();
        world.run(&["case", "create", "Both", "--contact", "contact:1", "--contact", "contact:2"]).ok();
        assert_eq!(world.json(&["case", "show", "2"])["contact"], "contact:2");
        let said = world.run(&["record", "merge", "contact:1", "contact:2", "--dry-run"]).ok();
        assert!(said.contains("contact:2 was merged into contact:1") && said.contains("Nothing was changed."), "{said}");
        for (arguments, status, says) in [
            (&["contact:1", "contact:1"][..], 64, "cannot be merged into itself"),
            (&["contact:1", "account:1"], 64, "are not of one kind"),
            (&["case:1", "case:2"], 64, "try: espomail case merge CASE --into 1"),
            (&["contact:1", "contact:9"], 65, "there is no contact:9"),
        ] {
            let line = world.run(&[&["record", "merge"], arguments].concat()).fails(status);
            assert!(line.contains(says), "{line}");
        }
        assert_eq!(world.run(&["record", "merge", "contact:1", "contact:2"]).ok(), "1 record merged into contact:1: Dora.\n");
        let left = world.json(&["record", "show", "contact:1"]);
        let expected = json!({
            "addresses": ["dora@example.org", "dora@example.net"], "phones": ["0171", "0301"], "description": "Tea", "teams": ["desk"],
            "fields": { "title": "Dr." }, "followers": ["ada", "ben"], "assigned_user": "ben", "account": "account:1",
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&left[key], value, "{database}: {key}");
        }
        assert_eq!(place(&world, "2"), (json!("contact:1"), json!("account:1")));
        assert_eq!(world.json(&["case", "show", "2"])["contacts"], json!(["contact:1"]));
        assert_eq!(world.json(&["case", "show", "3"])["contacts"], json!(["contact:1"]), "once");
        let gone = world.json(&["record", "show", "contact:2"]);
        assert_eq!((&gone["merged_into"], &gone["active"], &gone["addresses"]), (&json!("contact:1"), &json!(false), &json!([])));
        let listed = world.json(&["record", "list", "contact"]);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
        let line = world.run(&["record", "set", "contact:2", "--title", "Mr."]).fails(65);
        assert!(line.contains("contact:2 was merged into contact:1; try: espomail record show contact:1"), "{line}");
        world.run(&["record", "merge", "contact:1", "contact:2"]).fails(65);
        // LINK-4: later mail of either address is the one's.
        deliver(&world, "dora@example.net", "c", "", "Window jams");
        assert_eq!(world.json(&["case", "show", "4"])["contact"], "contact:1");
        assert!(world.run(&["explain", "2"]).ok().contains("contact:2 was merged into contact:1"));
        // What the merged one led to leads to the one that is left.
        world.run(&["email", "link", "3", "contact:2"]).ok();
        assert_eq!(parent(&world, "3"), "contact:1");
        // Accounts: their contacts and what is told of them.
        world.run(&["record", "add", "account", "Works Ltd"]).ok();
        world.run(&["record", "merge", "account:2", "account:1"]).ok();
        assert_eq!(world.json(&["record", "show", "contact:1"])["account"], "account:2");
        assert_eq!(
            (place(&world, "1").1, world.json(&["case", "show", "1"])["account"].clone()),
            (json!("account:2"), json!("account:2"))
        );
    }
}

#[test]
fn link_4_a_converted_lead_stands_for_its_account_or_in_b2c_for_its_contact() {
    for (database, b2c) in [("sqlite", false), ("sqlite", true), ("postgresql", false), ("postgresql", true)] {
        let world = world_on(database);
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(
            &world.config(),
            &format!(
                "{config}\n[link]\nb2c = {b2c}\n\n[fields.lead]\nsize = \"number\"\n\n[fields.contact]\nsize = \"number\"\n"
            ),
            0o600,
        );
        let lead = [
            "record",
            "add",
            "lead",
            "Lee",
            "--address",
            "lee@example.net",
            "--phone",
            "0301",
            "--company",
            "Lee & Co",
            "--title",
            "Dr.",
            "--website",
            "https://lee.example",
            "--amount",
            "900 EUR",
            "--source",
            "call",
            "--assigned-user",
            "ben",
            "--team",
            "desk",
            "--description",
            "Wants pumps",
            "--field",
            "size=7",
            "--status",
            "in-process",
        ];
        world.run(&lead).ok();
        deliver(&world, "lee@example.net", "b", "", "An offer, please");
        assert_eq!((parent(&world, "2"), world.json(&["case", "show", "2"])["lead"].clone()), (json!("case:2"), json!("lead:1")));
        deliver(&world, "lee@example.net", "c", "", "And a list");
        world.run(&["email", "link", "3", "lead:1"]).ok();
        let said = world.run(&["record", "convert", "lead:1", "--dry-run"]).ok();
        assert!(said.contains("contact:2 was added: Lee") && said.contains("1 e-mail came to"), "{said}");
        let said = world.run(&["record", "convert", "lead:1"]).ok();
        let made = if b2c { "contact:2, opportunity:1" } else { "account:2, contact:2, opportunity:1" };
        assert_eq!(said, format!("lead:1 converted into {made}.\n"), "{database}");
        let (contact, opportunity) =
            (world.json(&["record", "show", "contact:2"]), world.json(&["record", "show", "opportunity:1"]));
        let account = if b2c { Value::Null } else { json!("account:2") };
        assert_eq!((&contact["addresses"], &contact["phones"]), (&json!(["lee@example.net"]), &json!(["0301"])));
        assert_eq!((&contact["account"], &contact["fields"]), (&account, &json!({ "title": "Dr.", "size": "7" })));
        assert_eq!(
            (&contact["assigned_user"], &contact["teams"], &contact["description"]),
            (&json!("ben"), &json!(["desk"]), &json!("Wants pumps"))
        );
        assert_eq!(opportunity["fields"], json!({ "amount": "900 EUR", "source": "call", "stage": "prospecting" }));
        assert_eq!((&opportunity["account"], &opportunity["contacts"]), (&account, &json!(["contact:2"])));
        if !b2c {
            assert_eq!(world.json(&["record", "show", "account:2"])["fields"], json!({ "website": "https://lee.example" }));
        }
        let lead = world.json(&["record", "show", "lead:1"]);
        assert_eq!((&lead["converted_account"], &lead["converted_contact"]), (&account, &json!("contact:2")));
        assert_eq!((&lead["fields"]["status"], &lead["active"]), (&json!("converted"), &json!(true)));
        // Its mail is reached there, and so is its case, and so is what comes later.
        let stands_for = if b2c { json!("contact:2") } else { json!("account:2") };
        assert_eq!(parent(&world, "3"), stands_for, "{database}");
        let case = world.json(&["case", "show", "2"]);
        assert_eq!((&case["contact"], &case["account"]), (&json!("contact:2"), &account));
        world.run(&["account", "set", "support", "--make-cases=false", "--distribution", "none"]).ok();
        deliver(&world, "lee@example.net", "d", "", "Thanks");
        assert_eq!(parent(&world, "4"), stands_for, "{database}: b2c {b2c}");
        let line = world.run(&["record", "convert", "lead:1"]).fails(65);
        assert!(line.contains("lead:1 was converted already, into "), "{line}");
    }
}

#[test]
fn record_1_a_conversion_makes_what_is_asked_for() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "add", "lead", "Lee", "--company", "Works", "--address", "lee@example.net"]).ok();
        let line = world.run(&["record", "convert", "lead:1"]).fails(73);
        assert!(line.contains("account:1 of the name \"Works\" is there already; try: --account account:1"), "{line}");
        let line = world.run(&["record", "convert", "lead:1", "--account", "none", "--contact", "none"]).fails(64);
        assert!(line.contains("neither an account nor a contact"), "{line}");
        let said = world.run(&["record", "convert", "lead:1", "--account", "account:1", "--opportunity", "Valves"]).ok();
        assert_eq!(said, "lead:1 converted into account:1, contact:2, opportunity:1.\n");
        assert_eq!(world.json(&["record", "show", "opportunity:1"])["name"], "Valves");
        world.run(&["record", "add", "lead", "Lu", "--address", "lu@example.net"]).ok();
        let said = world.run(&["record", "convert", "lead:2", "--account", "Lu Ltd", "--contact", "none"]).ok();
        assert_eq!(said, "lead:2 converted into account:2.\n");
        assert_eq!(world.json(&["record", "show", "account:2"])["addresses"], json!(["lu@example.net"]));
        assert!(world.run(&["record", "convert", "contact:1"]).fails(65).contains("contact:1 is no lead"));
    }
}

#[test]
fn case_5_a_user_who_goes_leaves_no_case_to_nobody_without_a_word() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["record", "set", "contact:1", "--assigned-user", "ada"]).ok();
        world.run(&["case", "create", "Old", "--assigned-user", "ada"]).ok();
        world.run(&["case", "close", "2"]).ok();
        let line = world.run(&["user", "remove", "ada"]).fails(65);
        assert!(line.contains("ada has contact:1, case:1; ada is given mail or cases by the account support; try: espomail user remove ada --to USER"), "{line}");
        let said = world.run(&["user", "remove", "ada", "--to", "ben", "--dry-run"]).ok();
        let kinds = "1 contact would be ben's.\n1 case would be ben's.\nGiven to ben by the account support.\nUser ada would be removed.\n";
        assert_eq!(said, format!("{kinds}Nothing was changed.\n"));
        let said = world.run(&["-v", "user", "remove", "ada", "--to", "ben", "--dry-run"]).ok();
        assert!(said.contains("case:1 is ben's") && said.contains("contact:1 is ben's") && said.contains(kinds), "{said}");
        assert_eq!(
            world.run(&["user", "remove", "ada", "--to", "ben"]).ok(),
            "User ada removed. 2 records are now ben's. Given to ben now by the account support.\n"
        );
        assert_eq!(world.json(&["case", "show", "1"])["assigned_user"], "ben");
        let told = world.json(&["--as", "ben", "notification", "list"]);
        let assigned = told["items"].as_array().unwrap().iter().filter(|one| one["kind"] == "assigned").count();
        assert_eq!(assigned, 2, "{database}: {told}");
        // CASE-1: its e-mails are theirs, too.
        assert_eq!(world.json(&["--as", "ben", "email", "list", "--inbox"])["items"].as_array().unwrap().len(), 1);
        world.run(&["user", "remove", "ben", "--unassign"]).fails(65);
        world.run(&["account", "set", "support", "--distribution", "round-robin", "--assigned-user", ""]).ok();
        world.run(&["user", "remove", "ben"]).fails(65);
        let said = world.run(&["user", "remove", "ben", "--unassign"]).ok();
        let told = "User ben removed. 2 records are now nobody's. Cases among them: espomail case list --unassigned\n\
                    New cases of account support go to nobody from now on: nobody of team desk is there; try: ";
        assert!(said.starts_with(told), "{said}");
        let case = world.json(&["case", "show", "1"]);
        assert_eq!((&case["assigned_user"], &case["status"]), (&Value::Null, &json!("new")), "{database}");
        assert_eq!(world.json(&["case", "list", "--unassigned"])["items"].as_array().unwrap().len(), 1);
        world.run(&["user", "add", "cy"]).ok();
        assert_eq!(world.run(&["user", "remove", "cy"]).ok(), "User cy removed.\n");
    }
}

#[test]
fn case_5_a_user_who_had_much_goes_some_at_a_time_and_whoever_is_stopped_goes_on() {
    let world = world_on("sqlite");
    world.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
         INSERT INTO records (id, kind, number, name, active, status, description, assigned_user_id, created_at)
             SELECT 1000 + i, 'case', 1000 + i, 'Old ' || i, TRUE, 'assigned', '', 1, 1 FROM n;
         UPDATE open_cases SET cases = 301 WHERE user_id = 1;
         UPDATE counters SET value = 2000 WHERE name IN ('record', 'number:case');
         CREATE TRIGGER stop BEFORE UPDATE ON records WHEN OLD.id = 1299 BEGIN SELECT RAISE(ABORT, 'stopped'); END;",
    );
    let remove = ["user", "remove", "ada", "--to", "ben"];
    let stopped = world.run(&remove);
    assert_ne!(stopped.status, Some(0));
    // What was handed over is, and nothing new comes to who goes.
    let of = |user: &str| world.json(&["case", "list", "--assigned", user, "--limit", "1000"])["items"].as_array().unwrap().len();
    let (left, handed) = (of("ada"), of("ben"));
    assert!(handed >= 20 && left + handed == 301, "{handed} of {left}");
    assert_eq!(world.json(&["user", "show", "ada"])["active"], false);
    // DIST-1: nobody looks after what is still theirs, and so it is said.
    let half = format!("ada is switched off, and {left} records are still theirs: type it again");
    assert!(stopped.stderr.contains(&half), "{stopped:?}");
    let nobodys = world.json(&["case", "list", "--unassigned", "--limit", "1000"])["items"].as_array().unwrap().len();
    let status = world.json(&["status"]);
    assert_eq!((nobodys, &status["unassigned"], &status["open_cases"]), (left, &json!(left), &json!(301)));
    let doctor = world.run(&["doctor"]).stdout;
    assert!(doctor.contains(&format!("{left} open cases are of users who are switched off: ada")), "{doctor}");
    deliver(&world, "eve@example.net", "b", "", "Another");
    assert_eq!(of("ben"), handed + 1);
    world.sql("DROP TRIGGER stop");
    let said = world.run(&remove).ok();
    assert_eq!(said, format!("User ada removed. {left} records are now ben's.\n"));
    assert_eq!(of("ben"), 302);
    world.run(&["doctor", "--prove"]).ok();
}

#[test]
fn filter_4_what_filters_and_accounts_give_to_is_not_removed_without_a_word() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["user", "add", "tmp"]).ok();
        world.run(&["team", "add", "tt"]).ok();
        world.run(&["filter", "add", "tof", "--account", "support", "--subject", "zz*", "--assign", "tmp"]).ok();
        world.run(&["filter", "add", "tot", "--global", "--subject", "yy*", "--assign-team", "tt"]).ok();
        for arguments in [&["user", "remove", "tmp"][..], &["user", "remove", "tmp", "--unassign"]] {
            let line = world.run(arguments).fails(65);
            assert!(line.contains("the filter \"tof\" (account support); try: espomail user remove tmp --to USER"), "{line}");
        }
        let line = world.run(&["team", "remove", "tt"]).fails(65);
        assert!(line.contains("mail goes to team tt by the filter \"tot\" (global)"), "{line}");
        let line = world.run(&["role", "remove", "agents"]).fails(65);
        assert!(line.contains("is given to team desk; take it from them first: espomail role take agents --team desk"), "{line}");
        let said = world.run(&["user", "remove", "tmp", "--to", "ben", "--dry-run"]).ok();
        assert_eq!(
            said,
            "Given to ben by the filter \"tof\" (account support).\nUser tmp would be removed.\nNothing was changed.\n"
        );
        world.run(&["user", "remove", "tmp", "--to", "ben"]).ok();
        assert_eq!(world.json(&["filter", "show", "tof"])["actions"], json!(["give it to ben"]), "{database}");
        deliver(&world, "eve@example.net", "z", "", "zz one");
        assert_eq!(world.json(&["case", "show", "2"])["assigned_user"], "ben");
        // The account hands its cases to ada, and cannot be without anybody.
        world.run(&["case", "assign", "1", "ben"]).ok();
        world.run(&["user", "remove", "ada", "--unassign"]).fails(65);
        world.run(&["user", "remove", "ada", "--to", "ben"]).ok();
        world.run(&["account", "set", "support", "--name", "help"]).ok();
        world.run(&["account", "set", "help", "--name", "support"]).ok();
        // What is gone all the same, from a database of before, keeps no mail away.
        world.sql("DELETE FROM teams WHERE name = 'tt'");
        deliver(&world, "eve@example.net", "y", "", "yy two");
        assert_eq!(world.json(&["quarantine", "list"])["items"], json!([]));
        let told = world.run(&["explain", "3"]).ok();
        assert!(told.contains("FILTER-4: the filter \"tot\" names a team that was removed"), "{told}");
    }
}

#[test]
fn record_1_what_is_given_twice_counts_once() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["user", "add", "dup", "--address", "d@x.example", "--address", "D@x.example"]).ok();
        world.run(&["user", "set", "dup", "--auto-follow", "case", "--auto-follow", "case"]).ok();
        assert_eq!(world.json(&["user", "show", "dup"])["addresses"], json!(["d@x.example"]), "{database}");
        world.run(&["user", "set", "dup", "--address", "e@x.example", "--address", "e@x.example"]).ok();
        for command in [
            "account set support --team desk --team 1",
            "record set contact:1 --team desk --team 1",
            "record add contact New --team desk --team desk",
            "case create Twice --team desk --team 1",
            "case set 1 --team desk --team 1",
            "email set 1 --team desk --team 1 --user ben --user ben",
            "folder add Both --group --team desk --team 1",
            "folder set Both --group --team desk --team 1",
            "account set support --mailbox INBOX --mailbox inbox",
        ] {
            world.run(&command.split(' ').collect::<Vec<_>>()).ok();
        }
        assert_eq!(world.json(&["account", "show", "support"])["mailboxes"], json!(["INBOX"]));
        let file = world.path("f.txt");
        world.write(&file, "text", 0o600);
        let file = file.display().to_string();
        world.run(&["template", "add", "t", "--subject", "S", "--file", &file, "--attach", &file, "--attach", &file]).ok();
        let said = world.run(&["case", "merge", "2", "2", "--into", "1", "--dry-run"]).ok();
        assert!(said.contains("case:2 was merged into case:1") && said.contains("Nothing was changed."), "{said}");
        assert!(world.run(&["case", "merge", "2", "2", "--into", "1"]).ok().starts_with("1 case merged into case:1.\n"));
        // LINK-4: an active record that is merged into an inactive one keeps its mail.
        world.run(&["record", "set", "contact:2", "--active", "false"]).ok();
        world.run(&["record", "merge", "contact:2", "contact:1", "contact:1"]).ok();
        assert_eq!(world.json(&["record", "show", "contact:2"])["active"], true);
        deliver(&world, "dora@example.org", "n", "", "More");
        assert_eq!(world.json(&["case", "show", "3"])["contact"], "contact:2");
    }
}
