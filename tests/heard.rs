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

fn message(account: &str, id: &str, from: &str, subject: &str) -> String {
    format!(
        "From: {from}\r\nTo: {account}@example.com\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\n\r\nText {id}.\r\n"
    )
}

fn deliver(world: &World, account: &str, id: &str, from: &str, subject: &str) -> Done {
    world.run_with(&["deliver", "--account", account], &message(account, id, from, subject))
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
        assert!(said.contains("1 imported; 1 reached nobody, see espomail email list --of-nobody"), "{said}");
        assert_eq!(ids(&world, &["--of-nobody"]), [2], "{database}");
        assert!(world.run(&["explain", "2"]).ok().contains("it reached nobody; see"));
        let told = || unread(&world, "boss").iter().map(|one| one["detail"].as_str().unwrap().to_string()).collect::<Vec<_>>();
        let first = "1 e-mail reached nobody: espomail email list --of-nobody";
        assert_eq!(told(), [first], "{database}");
        deliver(&world, "info", "c", "eve@example.net", "c").ok();
        assert_eq!(told().len(), 1, "once a day");
        world.set("ESPOMAIL_NOW", "2026-11-25T11:00:00Z");
        deliver(&world, "info", "d", "eve@example.net", "d").ok();
        let told = unread(&world, "boss").iter().map(|one| one["detail"].as_str().unwrap().to_string()).collect::<Vec<_>>();
        assert!(told.len() == 2 && told[0].starts_with("2 e-mails reached"), "{database}: {told:?}");
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
            assert!(world.run(&["explain", nothing]).fails(65).contains(&format!("e-mail {nothing}")));
        }
        // Mail of the group that nobody has is not everybody's to know of.
        world.run(&["--as", "ben", "explain", "<a@example.org>"]).fails(65);
        let [there, nowhere] = ["support/(delivered)/2", "support/(delivered)/3"]
            .map(|place| world.run(&["--as", "ben", "explain", place]).fails(65).replace(place, "PLACE"));
        assert_eq!(there, nowhere);
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

#[test]
fn access_2_the_role_of_the_readme_lets_an_agent_open_and_answer_the_case_they_got() {
    let readme = std::fs::read_to_string(format!("{}/README.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let role: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("$ espomail role ")).collect();
    assert!(role.len() > 3, "{role:?}");
    for database in ["sqlite", "postgresql"] {
        let world = World::on(database);
        world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
        world.run(&["team", "add", "support"]).ok();
        world.run(&["team", "join", "support", "ada"]).ok();
        let more = ["--make-cases", "--distribution", "round-robin", "--case-team", "support", "--team", "support", "--shared"];
        add(&world, "support", &[&more[..], &["--smtp-host", "smtp.example.org"]].concat());
        for line in &role {
            world.run(&[&["role"], &line.split(' ').collect::<Vec<_>>()[..]].concat()).ok();
        }
        deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
        assert!(world.run(&["--as", "ada", "case", "list"]).ok().contains("Pump"), "{database}");
        assert!(world.run(&["--as", "ada", "case", "show", "1"]).ok().contains("assigned user: ada"), "{database}");
        let answered = world.run(&["--as", "ada", "case", "reply", "1", "--text", "x", "--queue"]).ok();
        assert!(answered.contains("To: dora@example.net"), "{database}: {answered}");
        world.run(&["--as", "ada", "case", "close", "1"]).ok();
    }
}

#[test]
fn ack_2_an_account_that_is_to_answer_and_cannot_send_says_so() {
    for database in ["sqlite", "postgresql"] {
        let world = World::on(database);
        world.run_with(&["template", "add", "t", "--subject", "x"], "x").ok();
        let says = |done: Done, name: &str| {
            let line = format!(
                "espomail: account {name}: it is to answer by itself, but neither it nor the system has a server to send through; try: espomail account set {name} --smtp-host HOST"
            );
            assert!(done.status == Some(0) && done.stderr.trim_end() == line, "{database}: {done:?}");
        };
        let account = |name: &str, more: &[&str]| {
            let address = format!("{name}@example.com");
            let add = [
                "account",
                "add",
                name,
                "--address",
                &address,
                "--imap-host",
                "127.0.0.1",
                "--imap-port",
                "9",
                "--password-stdin",
            ];
            world.run_with(&[&add[..], more].concat(), "hunter2\n")
        };
        says(account("support", &["--auto-reply", "t"]), "support");
        says(world.run(&["account", "set", "support", "--from-name", "S"]), "support");
        world.run(&["account", "set", "support", "--auto-reply", ""]).ok();
        says(world.run(&["account", "set", "support", "--auto-reply", "t"]), "support");
        let tested = world.run(&["account", "test", "support"]);
        assert!(tested.status == Some(78) && tested.stderr.contains("it is to answer by itself"), "{database}: {tested:?}");
        let fetched = world.run(&["-v", "fetch"]);
        assert!(fetched.stdout.contains("account support: it is to answer by itself"), "{database}: {fetched:?}");
        assert!(!world.run(&["fetch"]).stderr.contains("answer by itself"), "not in cron");
        // Through the system account it can; until that is away.
        account("crm", &["--system", "--smtp-host", "smtp.example.org"]).ok();
        world.run(&["account", "set", "support", "--from-name", "T"]).ok();
        says(world.run(&["account", "set", "crm", "--smtp-host", ""]), "support");
        world.run(&["account", "set", "crm", "--smtp-host", "smtp.example.org"]).ok();
        says(world.run(&["account", "disable", "crm"]), "support");
        world.run(&["account", "enable", "crm"]).ok();
        says(world.run(&["account", "remove", "crm"]), "support");
    }
}

#[test]
fn fetch_10_the_account_of_a_user_who_is_switched_off_is_not_fetched() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &[]);
        world.run(&["account", "disable", "support"]).ok();
        add(&world, "ada", &["--owner", "ada"]);
        world.run(&["user", "set", "ada", "--active", "false"]).ok();
        assert_eq!(world.json(&["fetch"])["items"], json!([]), "{database}");
        let list = world.run(&["account", "list"]).ok();
        assert!(list.contains("not fetched: its owner ada is switched off"), "{database}: {list}");
        assert_eq!(world.json(&["account", "list"])["items"][0]["left_by"], "ada");
        let line = world.run(&["fetch", "ada"]).fails(78);
        assert!(
            line.contains("its owner ada is switched off, so it is not fetched; try: espomail user set ada --active true"),
            "{line}"
        );
        world.run(&["user", "set", "ada", "--active", "true"]).ok();
        assert!(world.json(&["account", "list"])["items"][0]["left_by"].is_null());
    }
}

#[test]
fn notify_3_a_letter_is_no_email_and_its_answer_comes_alone() {
    for database in ["sqlite", "postgresql"] {
        let mut world = World::on(database);
        world.run(&["user", "add", "ada", "--address", "ada@example.com", "--administrator"]).ok();
        world.run(&["user", "set", "ada", "--notify-by-mail", "true"]).ok();
        add(&world, "support", &["--make-cases", "--distribution", "direct", "--assigned-user", "ada"]);
        add(&world, "crm", &["--system", "--shared", "--smtp-host", "smtp.example.org"]);
        deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
        world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
        world.run(&["notify"]).ok();
        let letter = world.json(&["email", "show", "2"]);
        assert_eq!(world.json(&["outbox", "list"])["items"][0]["email"], 2);
        assert_eq!(ids(&world, &[]), [1], "{database}");
        assert_eq!(ids(&world, &["--search", "pump"]), [1], "{database}");
        let answer = format!(
            "From: ada@example.com\r\nTo: support@example.com\r\nSubject: Re: x\r\nMessage-ID: <r@example.com>\r\nIn-Reply-To: <{}>\r\n\r\nMine.\r\n",
            letter["message_id"].as_str().unwrap()
        );
        world.run_with(&["deliver", "--account", "support"], &answer).ok();
        assert_eq!(world.json(&["email", "show", "3"])["parent"], "case:1", "{database}");
        assert!(world.json(&["email", "show", "2"])["parent"].is_null(), "{database}: it is not dragged along");
        let stream = world.run(&["case", "show", "1"]).ok();
        assert!(stream.contains("e-mail 3") && !stream.contains("e-mail 2"), "{database}: {stream}");
        assert_eq!(ids(&world, &[]), [3, 1], "{database}");
    }
}

#[test]
fn send_3_a_user_sees_the_accounts_they_may_send_through_and_no_more() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &["--team", "desk"]);
        add(&world, "sales", &["--team", "desk", "--shared", "--smtp-host", "smtp.example.org"]);
        add(&world, "crm", &["--system", "--shared", "--smtp-host", "smtp.example.org"]);
        add(&world, "own", &["--owner", "ada"]);
        let seen = |user: &str| {
            let list = world.json(&["--as", user, "account", "list"]);
            list["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!((seen("ada"), seen("ben")), (vec!["crm".into(), "own".to_string()], vec!["crm".to_string()]), "{database}");
        world.run(&["role", "add", "agents"]).ok();
        world.run(&["role", "grant", "agents", "group-account", "use", "team"]).ok();
        world.run(&["role", "give", "agents", "--team", "desk"]).ok();
        // Nobody sends through an account that is not shared, or has no server to send through.
        assert_eq!(seen("ben"), ["crm", "sales"], "{database}");
        assert_eq!(seen("boss"), ["crm", "own", "sales", "support"], "{database}");
    }
}

#[test]
fn lists_never_end_without_a_word_and_are_whole_for_programs() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &[&CASES[..], &["--unknown-sender", "hold"]].concat());
        for id in ["a", "b", "c", "d"] {
            deliver(&world, "support", id, "dora@example.net", "Pump").ok();
            world.run(&["record", "add", "contact", id]).ok();
            deliver(&world, "support", &format!("{id}2"), "eve@example.net", "Re: [#1] Pump").ok();
        }
        let lists: [&[&str]; 6] = [
            &["case", "list"],
            &["record", "list", "contact"],
            &["email", "list"],
            &["review", "list"],
            &["audit", "list"],
            &["notification", "list", "--user", "boss"],
        ];
        for list in lists {
            let whole = world.json(list)["items"].as_array().unwrap().clone();
            assert!(whole.len() >= 4, "{database}: {list:?}: {whole:?}");
            let said = world.run(&[list, &["--limit", "1"]].concat()).ok();
            assert!(said.ends_with(&format!("… {} more: --limit, --offset\n", whole.len() - 1)), "{database}: {list:?}: {said}");
            let said = world.run(&[list, &["--limit", "2", "--offset", "1"]].concat()).ok();
            assert!(said.ends_with(&format!("… {} more: --limit, --offset\n", whole.len() - 3)), "{database}: {list:?}: {said}");
            let said = world.run(&[list, &["--limit", "9", "--offset", &(whole.len() - 1).to_string()]].concat()).ok();
            assert!(!said.contains("more"), "{database}: {list:?}: {said}");
            let part = world.json(&[list, &["--limit", "2", "--offset", "1"]].concat())["items"].as_array().unwrap().clone();
            assert_eq!(part, whole[1..3], "{database}: {list:?}");
        }
        let rows: Vec<String> =
            (0..120).map(|n| format!("({}, 0, 'x', NULL, FALSE, 'case note', 'case:9', '')", 9_000 + n)).collect();
        let into = "INSERT INTO audit (id, at, os_account, acting, is_on_behalf, action, subject, detail) VALUES ";
        world.sql(&format!("{into}{}", rows.join(", ")));
        assert_eq!(world.json(&["audit", "list", "--subject", "case:9"])["items"].as_array().unwrap().len(), 120, "{database}");
        let lines = world.run(&["-o", "jsonl", "audit", "list", "--subject", "case:9"]).ok();
        assert_eq!(lines.lines().count(), 120, "{database}");
        let said = world.run(&["audit", "list", "--subject", "case:9"]).ok();
        assert!(said.lines().count() == 102 && said.ends_with("… 20 more: --limit, --offset\n"), "{database}: {said}");
    }
}

#[test]
fn fetch_17_import_takes_messages_and_refuses_other_files() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &CASES);
        let write = |name: &str, bytes: &[u8]| std::fs::write(world.path(name), bytes).unwrap();
        let noise: Vec<u8> = (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        write("noise", &noise);
        write("empty.eml", b"");
        write("list.csv", b"name,address\nDora,dora@example.org\n");
        let import = |more: &[&str]| world.run(&[&["import", "--account", "support"], more].concat());
        for file in ["noise", "empty.eml", "list.csv", "/bin/true"] {
            let done = import(&[file]);
            let line = done.stderr.trim_end();
            assert!(done.status == Some(65) && line.contains(&format!("{file} is no message: ")), "{database}: {done:?}");
            assert!(line.ends_with("; to take it anyway: --force"), "{line}");
        }
        assert_eq!((world.json(&["case", "list"])["items"].clone(), ids(&world, &[])), (json!([]), vec![]), "{database}");
        // The messages beside them are taken; and with a person's word anything is.
        write("a.eml", b"From: dora@example.net\r\nSubject: Pump\r\n\r\nx\r\n");
        let done = import(&["list.csv", "a.eml"]);
        assert!(done.status == Some(65) && done.stderr.lines().count() == 1, "{database}: {done:?}");
        assert_eq!(world.json(&["case", "list"])["items"][0]["name"], "Pump", "{database}");
        import(&["list.csv", "--force"]).ok();
        assert_eq!(ids(&world, &[]).len(), 2, "{database}");
    }
}

#[test]
fn access_4_the_audit_says_from_what_to_what_and_finds_a_filter_by_its_name() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &CASES);
        let newest = |subject: &str| {
            let list = world.json(&["audit", "list", "--subject", subject, "--limit", "1"]);
            list["items"][0]["detail"].as_str().unwrap().to_string()
        };
        let set = ["account", "set", "support", "--assigned-user", "ada", "--distribution", "direct", "--max-seconds", "60"];
        world.run(&set).ok();
        let told = newest("account:support");
        assert!(
            told.contains("assigned-user: - -> ada; distribution: round-robin -> direct; max-seconds: "),
            "{database}: {told}"
        );
        world.run_with(&["account", "set", "support", "--password-stdin"], "hunter3\n").ok();
        assert_eq!(newest("account:support"), "password", "{database}: nothing but that");
        world.run(&["account", "set", "support", "--smtp-host", "smtp.example.org", "--shared"]).ok();
        let told = newest("account:support");
        assert!(
            told.contains("shared: false -> true") && told.contains("smtp-host: - -> smtp.example.org"),
            "{database}: {told}"
        );
        world.run(&["filter", "add", "spam", "--global", "--subject", "SPAM*", "--skip"]).ok();
        world.run(&["filter", "set", "spam", "--subject", "spam*", "--skip"]).ok();
        let told = newest("filter:spam");
        assert!(told.contains("global: criteria: ") && told.contains("SPAM*") && told.contains(" -> "), "{database}: {told}");
        assert_eq!(world.json(&["audit", "list", "--subject", "filter:spam"])["items"].as_array().unwrap().len(), 2);
        assert!(!world.json(&["audit", "list"]).to_string().contains("hunter"));
        // Cases would be nobody's.
        let line = world.run(&["team", "remove", "desk"]).fails(65);
        let hint =
            "the account support hands its cases to team desk; try first: espomail account set support --case-team ANOTHER";
        assert!(line.contains(hint), "{database}: {line}");
        let mail =
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <t@example.org>\r\n\r\nX\r\n";
        world.run_with(&["deliver", "--account", "support"], mail).ok();
        world.run(&["case", "assign", "1", ""]).ok();
        world.run(&["team", "add", "other"]).ok();
        world.run(&["account", "set", "support", "--case-team", "other"]).ok();
        let line = world.run(&["team", "remove", "desk"]).fails(65);
        assert!(line.contains("1 open case that nobody has is of team desk alone"), "{database}: {line}");
        world.run(&["case", "set", "1", "--team", "other"]).ok();
        world.run(&["team", "remove", "desk"]).ok();
    }
}

#[test]
fn inbox_1_mail_for_a_case_that_nobody_looks_after_is_mail_of_nobody() {
    for database in ["sqlite", "postgresql"] {
        let mut world = world_on(database, &CASES);
        let reply = |world: &World, id: &str| {
            let head =
                "From: dora@example.net\r\nTo: support@example.com\r\nSubject: Re: Pump\r\nIn-Reply-To: <a@example.org>\r\n";
            world
                .run_with(&["deliver", "--account", "support"], &format!("{head}Message-ID: <{id}@example.org>\r\n\r\nx\r\n"))
                .ok();
        };
        deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
        let said = world.run(&["user", "set", "ada", "--active", "false"]).ok();
        assert!(said.contains("1 open case stays theirs: espomail case list --assigned ada"), "{database}: {said}");
        reply(&world, "b");
        assert_eq!(ids(&world, &["--of-nobody"]), [2], "{database}");
        world.run(&["case", "assign", "1", "ben"]).ok();
        assert_eq!(ids(&world, &["--of-nobody"]), [] as [i64; 0], "{database}: ben has it");
        // All are away: the next case is nobody's, and both who made it so and the administrators hear of it.
        let away = world.run(&["user", "absence", "add", "ben", "--from", "2026-01-01", "--until", "2099-01-01"]).ok();
        let idle = "ew cases of account support go to nobody from now on: nobody of team desk is there";
        assert!(away.contains(&format!("N{idle}; try: espomail team join desk USER, or: espomail user absence list")), "{away}");
        all_read(&world);
        let said =
            world.run_with(&["-v", "deliver", "--account", "support"], &message("support", "c", "eve@example.net", "Valve"));
        assert!(said.ok().ends_with("1 case was opened for nobody: espomail case list --unassigned\n"), "{database}");
        assert_eq!(ids(&world, &["--of-nobody"]), [3], "{database}");
        let told = unread(&world, "boss");
        let told = told.iter().filter(|one| one["detail"] == "1 case was opened for nobody: espomail case list --unassigned");
        assert_eq!(told.count(), 1, "{database}");
        let people = |world: &World| {
            let looked = world.run(&["-o", "json", "doctor", "--offline"]);
            let found: Value = serde_json::from_str(&looked.stdout).unwrap();
            let rows = found["items"].as_array().unwrap().iter().filter(|one| one["what"] == "people");
            rows.map(|one| (one["state"].clone(), one["said"].as_str().unwrap().to_string())).collect::<Vec<_>>()
        };
        let blind = "1 user gets cases and may not read them, as no role lets them: ben";
        let rows = |state: &str, since: &str| {
            [(state, format!("1 open case is nobody's{since}")), ("warning", format!("n{idle}")), ("warning", blind.to_string())]
                .map(|(state, said)| (json!(state), said))
        };
        assert_eq!(people(&world), rows("ok", ""), "{database}");
        world.set("ESPOMAIL_NOW", "2026-11-23T14:00:01Z");
        assert_eq!(people(&world), rows("warning", ", the oldest for 4 h"), "{database}");
        let checked = world.run(&["status", "--check", "--threshold", "unassigned=2,1"]);
        let said = "1 open case is nobody's: espomail case list --unassigned; ";
        assert!(checked.status == Some(2) && checked.stdout.contains(said), "{checked:?}");
        assert!(checked.stdout.contains(" unassigned=1;2;1;0 unassigned_age=14401s;14400;86400;0"), "{checked:?}");
        assert!(world.run(&["explain", "3"]).ok().contains("it reached nobody"), "{database}");
        world.run(&["case", "close", "2"]).ok();
        // Where people take the cases themselves they look for them.
        world.run(&["account", "set", "support", "--distribution", "none"]).ok();
        deliver(&world, "support", "d", "fay@example.net", "Hose").ok();
        assert_eq!(ids(&world, &["--of-nobody"]), [] as [i64; 0], "{database}");
    }
}

#[test]
fn dist_1_whoever_takes_the_last_one_away_and_whoever_cannot_read_hears_of_it() {
    let world = World::on("sqlite");
    for user in ["ada", "ben", "eve"] {
        world.run(&["user", "add", user]).ok();
    }
    world.run(&["team", "add", "desk"]).ok();
    world.run(&["team", "join", "desk", "ada", "ben", "--position", "agent"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "imap.example.org"];
    let said =
        world.run_with(&[&add[..], &["--password-stdin"], &CASES, &["--case-position", "agent"]].concat(), "hunter2\n").ok();
    // Of a team whose members get cases and find nothing, once.
    let blind =
        |who: &str| format!("may not read them, as no role lets them: {who}; try: espomail role add agents; espomail role grant");
    assert!(said.contains(&format!("2 users get cases and {}", blind("ada, ben"))), "{said}");
    let list = world.run(&["--as", "ada", "case", "list"]);
    let line = "espomail: no role lets you read cases; see: espomail user rights ada\n";
    assert_eq!((list.status, list.stdout.as_str(), list.stderr.as_str()), (Some(0), "", line));
    world.run(&["role", "add", "reader"]).ok();
    world.run(&["role", "grant", "reader", "case", "read", "own"]).ok();
    world.run(&["role", "grant", "reader", "email", "read", "no"]).ok();
    world.run(&["role", "give", "reader", "--user", "ada"]).ok();
    assert_eq!(world.run(&["--as", "ada", "case", "list"]).ok(), "", "nothing is there to read");
    assert!(world.run(&["--as", "ada", "email", "list"]).stderr.contains("no role lets you read e-mails;"));
    let said = world.run(&["team", "join", "desk", "eve"]).ok();
    assert_eq!(said, "eve joined team desk.\n", "without the position she gets none");
    let said = world.run(&["team", "join", "desk", "eve", "--position", "agent"]).ok();
    assert!(said.contains(
        "1 user gets cases and may not read them, as no role lets them: eve; try: espomail role give reader --team desk"
    ));
    // The last one: by leaving, by another position, by being removed or switched off, from another day on.
    let idle = |from: &str| {
        format!(
            "New cases of account support go to nobody from {from} on: nobody of team desk with the position agent is there; try: "
        )
    };
    let last = |command: &[&str]| world.run(command).ok().contains(&idle("now"));
    assert!(!last(&["team", "leave", "desk", "ben"]));
    assert!(!last(&["user", "absence", "add", "ada", "--from", "2026-12-01", "--until", "2026-12-10"]));
    let absent = ["user", "absence", "add", "eve", "--from", "2026-12-05", "--until", "2026-12-20"];
    let added = world.json(&absent);
    assert_eq!(added["without"][0]["since"], "2026-12-05T00:00:00Z", "{added}");
    let said = world.run(&absent).ok();
    assert!(!said.contains("nobody"), "that is so already: {said}");
    assert!(!last(&["user", "remove", "eve", "--dry-run"]) && !last(&["user", "remove", "ada", "--dry-run"]));
    world.run(&["user", "remove", "eve"]).ok();
    for command in [&["user", "remove", "ada", "--dry-run"][..], &["user", "set", "ada", "--active", "false"]] {
        assert!(last(command), "{command:?}");
    }
    world.run(&["user", "set", "ada", "--active", "true"]).ok();
    assert!(last(&["team", "join", "desk", "ada", "--position", "head"]));
    world.run(&["team", "join", "desk", "ada", "--position", "agent"]).ok();
    assert!(last(&["team", "leave", "desk", "ada"]));
    assert!(!last(&["account", "set", "support", "--distribution", "none"]));
    assert!(last(&["account", "set", "support", "--distribution", "least-busy"]));
}

#[test]
fn filter_2_what_every_text_is_like_is_no_criterion() {
    let world = world_on("sqlite", &CASES);
    let add = |more: &[&str]| world.run(&[&["filter", "add", "f", "--global", "--skip"], more].concat());
    for wrong in [&["--body", ""][..], &["--body-all", " "], &["--body", "pump", "--body", ""]] {
        assert!(add(wrong).fails(64).contains("an empty phrase stands in every text"), "{wrong:?}");
    }
    for wrong in [&["--regex", "--subject", ""][..], &["--regex", "--from", "x|"], &["--regex", "--body", "a*"]] {
        assert!(add(wrong).fails(64).contains("is like every text"), "{wrong:?}");
    }
    // One that is there already matches nothing.
    add(&["--body", "pump"]).ok();
    world.sql("UPDATE filters SET criteria = REPLACE(criteria, 'pump', '')");
    deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
    assert_eq!(ids(&world, &[]), [1]);
    // A personal account's is for its owner.
    world.run(&["user", "add", "eve", "--address", "eve@example.com"]).ok();
    add_own(&world);
    world.run(&["folder", "add", "Void", "--group"]).ok();
    let own = |more: &[&str]| world.run(&[&["filter", "add", "g", "--account", "eves", "--subject", "x*"], more].concat());
    for wrong in [&["--folder", "Void"][..], &["--assign-team", "desk"], &["--assign", "ada"]] {
        assert!(own(wrong).fails(64).contains("gives it to nobody else"), "{wrong:?}");
    }
    own(&["--assign", "eve"]).ok();
}

fn add_own(world: &World) {
    let add = ["account", "add", "eves", "--owner", "eve", "--address", "eve@example.com", "--imap-host", "imap.example.org"];
    world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
}

#[test]
fn fetch_14_an_old_message_in_a_new_file_is_history() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &CASES);
        let head = "From: dora@example.net\r\nTo: support@example.com\r\n";
        let write = |name: &str, text: &str| world.write(&world.path("old").join(name), text, 0o600);
        write("a.eml", &format!("{head}Subject: a\r\nDate: Mon, 07 Jan 2019 09:00:00 +0000\r\n\r\nx\r\n"));
        // The writer's clock says nothing where a server's is there.
        let new = "Received: from a by b; Mon, 23 Nov 2099 09:00:00 +0000\r\n";
        write("b.eml", &format!("{new}{head}Subject: b\r\nDate: Mon, 07 Jan 2019 09:00:00 +0000\r\n\r\nx\r\n"));
        let old = "Received: from a by b; Mon, 07 Jan 2019 09:00:00 +0000\r\n";
        write("c.eml", &format!("{old}{head}Subject: c\r\nDate: Mon, 23 Nov 2099 09:00:00 +0000\r\n\r\nx\r\n"));
        write("d.mbox", &format!("From - Mon Nov 23 10:00:00 2099\r\n{old}{head}Subject: d\r\n\r\nx\r\n"));
        write("list.csv", "name\n");
        let said = world.run(&["import", "--account", "support", world.path("old").to_str().unwrap()]).ok();
        assert!(said.starts_with("Account support: 3 archived, 1 imported."), "{database}: {said}");
        assert!(
            said.contains("Passed over, as no mail or another mailbox (1): ") && said.contains("list.csv. Name"),
            "{database}: {said}"
        );
        let cases = world.json(&["case", "list"])["items"].clone();
        assert_eq!((cases.as_array().unwrap().len(), &cases[0]["name"]), (1, &json!("b")), "{database}");
    }
}

#[test]
fn of_several_commands_at_once_the_second_finds_what_the_first_did() {
    let world = world_on("postgresql", &CASES);
    let at_once = |arguments: &[&str]| -> Vec<Option<i32>> {
        let children: Vec<_> =
            (0..5).map(|_| world.command(arguments).stderr(std::process::Stdio::null()).spawn().unwrap()).collect();
        let mut codes: Vec<_> = children.into_iter().map(|mut child| child.wait().unwrap().code()).collect();
        codes.sort_unstable();
        codes
    };
    let once = |code: i32| [Some(0)].into_iter().chain([Some(code); 4]).collect::<Vec<_>>();
    for noun in
        [&["team", "add", "new"][..], &["user", "add", "new"], &["filter", "add", "new", "--global", "--subject", "x", "--skip"]]
    {
        assert_eq!(at_once(noun), once(73), "{noun:?}");
    }
    assert_eq!(at_once(&["record", "add", "contact", "Fay", "--address", "fay@example.net"]), once(73));
    deliver(&world, "support", "a", "dora@example.net", "Pump").ok();
    assert_eq!(at_once(&["case", "delete", "1"]), once(65));
    assert_eq!(at_once(&["email", "delete", "1"]), once(65));
}
