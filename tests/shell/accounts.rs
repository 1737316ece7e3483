//! `account`: settings, passwords, and what `account test` says of servers that are not there.

use serde_json::json;

use crate::support::world::World;

const PASSWORD: &str = "hunter2-and-more";

fn add(world: &World, more: &[&str]) -> crate::support::world::Done {
    let fixed = ["-o", "json", "account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
    world.run_with(&[&fixed[..], more].concat(), &format!("{PASSWORD}\n"))
}

#[test]
fn an_account_is_added_with_defaults_changed_switched_and_removed() {
    let world = World::new();
    let said = add(&world, &["--password-stdin"]).ok();
    assert!(!said.contains(PASSWORD));
    let shown = world.json(&["account", "show", "support"]);
    for (key, value) in [
        ("kind", json!("group")),
        ("imap_port", json!(993)),
        ("imap_security", json!("tls")),
        ("imap_user", json!("support@example.com")),
        ("mailboxes", json!(["INBOX"])),
        ("fetch_since", json!("2026-11-23T00:00:00Z")),
        ("act_since", json!("2026-11-23T10:00:00Z")),
        ("max_seconds", json!(600)),
        ("max_message_mib", json!(50)),
        ("password", json!("kept encrypted in the database")),
        ("make_cases", json!(false)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    world.run(&["account", "set", "support", "--imap-security", "starttls", "--mailbox", "INBOX", "--mailbox", "Grüße"]).ok();
    let shown = world.json(&["account", "show", "1"]);
    assert_eq!((&shown["imap_port"], &shown["mailboxes"]), (&json!(143), &json!(["INBOX", "Grüße"])));
    world.run(&["account", "set", "support", "--imap-port", "1143", "--imap-security", "tls"]).ok();
    world.run(&["account", "set", "support", "--imap-security", "plain"]).ok();
    assert_eq!(world.json(&["account", "show", "support"])["imap_port"], 1143);
    world.run(&["account", "reset", "support", "--since", "3d"]).ok();
    assert_eq!(world.json(&["account", "show", "support"])["fetch_since"], "2026-11-20T10:00:00Z");
    world.run(&["account", "disable", "support"]).ok();
    assert_eq!(world.json(&["account", "list"])["items"][0]["active"], json!(false));
    world.run(&["account", "enable", "support"]).ok();
    world.run(&["account", "set", "support", "--name", "help desk"]).ok();
    assert!(world.run(&["account", "show", "support"]).fails(65).contains("there is no account"));
    world.run(&["account", "set", "--make-cases", "help desk"]).ok();
    assert_eq!(world.json(&["account", "show", "help desk"])["make_cases"], json!(true));
    world.run(&["account", "remove", "help desk"]).ok();
    assert_eq!(world.json(&["account", "list"])["items"], json!([]));
}

/// A mail in quarantine, one that the server did not hand over, and something of every other kind that waits.
fn with_everything_undone(database: &str) -> World {
    let world = World::on(database);
    world.run(&["user", "add", "ada"]).ok();
    add(&world, &["--password-stdin"]).ok();
    let mail =
        "From: dora@example.org\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\r\nIt leaks.\r\n";
    world.run_with(&["deliver", "--account", "support"], mail).ok();
    let digest = if database == "sqlite" { "X'00'" } else { "'\\x00'::bytea" };
    let kept = "INSERT INTO quarantine (id, position_id, uid, raw_id, error, created_at, tries) SELECT";
    world.sql(&format!(
        "INSERT INTO raws (id, digest, size, packed) SELECT 2, {digest}, size, packed FROM raws WHERE id = 1;
         UPDATE counters SET value = 3 WHERE name = 'raw';
         {kept} 1, id, 1, 2, 'odd', 0, 0 FROM positions;
         {kept} 2, id, 2, NULL, 'not handed over', 0, 1 FROM positions;
         INSERT INTO held_actions (id, email_id, account_id, action, because, created_at) VALUES (1, 1, 1, 'answer', 'x', 0);
         INSERT INTO reviews (id, email_id, account_id, because, created_at) VALUES (1, 1, 1, 'x', 0);
         INSERT INTO sent_copies (email_id, account_id, sent_at, due_at, attempts) VALUES (1, 1, 0, 0, 0);
         INSERT INTO server_actions (position_id, uid, verb, email_id, target, asked_by, created_at, due_at, attempts)
         SELECT id, 1, 'seen', 1, '', 'account', 0, 0, 0 FROM positions"
    ));
    world
}

#[test]
fn fetch_6_an_account_is_not_removed_as_long_as_anything_of_it_is_left_to_do() {
    for database in ["sqlite", "postgresql"] {
        let world = with_everything_undone(database);
        let all = [
            "1 message of account support is in quarantine",
            "1 message was not handed over by the server of account support",
            "1 action because of mail to account support is held",
            "1 e-mail of account support waits for a person's word",
            "1 copy of what account support sent is due in its Sent mailbox",
            "1 thing is to be done on the server of account support",
        ];
        let commands = [
            "espomail quarantine list --account support",
            "espomail budget list --account support",
            "espomail review list --account support",
            "espomail account set --save-sent=false support",
            "espomail account actions support",
        ];
        let named = |line: &str| all.iter().chain(&commands).all(|words| line.contains(words));
        for arguments in [&["account", "remove", "support"][..], &["account", "remove", "support", "--dry-run"]] {
            let line = world.run(arguments).fails(65);
            assert!(named(&line), "{database}: {line}");
        }
        // The same where the account is a user's own and goes with the user.
        world.sql("UPDATE accounts SET kind = 'personal', owner_id = (SELECT id FROM users)");
        for arguments in [&["user", "remove", "ada"][..], &["user", "remove", "ada", "--dry-run"]] {
            let line = world.run(arguments).fails(65);
            assert!(named(&line), "{database}: {line}");
        }
        world.sql("UPDATE accounts SET kind = 'group', owner_id = NULL; UPDATE positions SET uidvalidity = 5");
        // What is in quarantine may be nowhere else any more: it is not forgotten with how far the account was read.
        let line = world.run(&["account", "reset", "support", "--since", "today"]).fails(65);
        assert!(line.contains(all[0]) && !line.contains(all[2]), "{line}");
        assert_eq!(world.json(&["quarantine", "list", "--account", "support"])["items"].as_array().unwrap().len(), 2);
        world.run(&["quarantine", "drop", "--account", "support"]).ok();
        world.run(&["budget", "drop", "--all", "--account", "support"]).ok();
        world.run(&["review", "reject", "1"]).ok();
        world.run(&["account", "actions", "support", "--drop"]).ok();
        world.run(&["account", "set", "support", "--save-sent=false"]).ok();
        world.run(&["account", "remove", "support", "--dry-run"]).ok();
        assert_eq!(world.json(&["account", "list"])["items"].as_array().unwrap().len(), 1);
        world.run(&["account", "remove", "support"]).ok();
        // Nothing is left that belongs to nothing.
        world.run(&["doctor", "--prove"]).ok();
    }
}

#[test]
fn cases_need_what_they_are_handed_out_by() {
    let world = World::new();
    world.run(&["user", "add", "ada"]).ok();
    world.run(&["team", "add", "agents"]).ok();
    let more = |more: &[&str]| add(&world, &[&["--password-stdin"], more].concat());
    assert!(more(&["--make-cases", "--distribution", "direct"]).fails(64).ends_with("--assigned-user"));
    assert!(more(&["--make-cases", "--distribution", "least-busy"]).fails(64).ends_with("--case-team"));
    assert!(more(&["--make-cases", "--owner", "ada"]).fails(64).contains("only a group account makes cases"));
    assert!(more(&["--team", "agnts"]).fails(65).ends_with("; did you mean agents?"));
    more(&[
        "--make-cases",
        "--distribution",
        "round-robin",
        "--case-team",
        "agents",
        "--case-position",
        "first",
        "--team",
        "agents",
    ])
    .ok();
    let shown = world.json(&["account", "show", "support"]);
    assert_eq!(
        (&shown["case_team"], &shown["case_position"], &shown["teams"]),
        (&json!("agents"), &json!("first"), &json!(["agents"]))
    );
    world.run(&["account", "set", "support", "--case-team", ""]).fails(64);
    world
        .run(&["account", "set", "support", "--make-cases=false", "--distribution", "none", "--case-team", "", "--team", ""])
        .ok();
    let shown = world.json(&["account", "show", "support"]);
    assert_eq!((&shown["case_team"], &shown["make_cases"], &shown["teams"]), (&json!(null), &json!(false), &json!([])));
}

#[test]
fn a_password_is_never_shown_nor_kept_in_clear_text() {
    let world = World::new();
    add(&world, &["--password-stdin"]).ok();
    let outputs = [
        world.run(&["account", "show", "support"]),
        world.run(&["-o", "json", "account", "list"]),
        world.run(&["-vvv", "account", "test", "support"]),
    ];
    for done in outputs {
        assert!(!done.stdout.contains(PASSWORD) && !done.stderr.contains(PASSWORD), "{done:?}");
    }
    for name in ["espomail.sqlite", "espomail.sqlite-wal"] {
        let bytes = std::fs::read(world.database().with_file_name(name)).unwrap_or_default();
        assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()), "{name}");
    }
}

#[test]
fn a_password_comes_from_where_it_is_said_to() {
    let mut world = World::new();
    let line = world.run(&["account", "add", "a", "--address", "a@example.com", "--imap-host", "127.0.0.1"]).fails(64);
    assert!(line.contains("no terminal") && line.contains("--password-stdin"), "{line}");
    let file = world.path("password");
    world.write(&file, "hunter2\n", 0o644);
    add(&world, &["--password-file", "password"]).ok();
    assert_eq!(world.json(&["account", "show", "support"])["password"], json!(format!("from the file {}", file.display())));
    let line = world.run(&["account", "test", "support"]).fails(77);
    assert!(line.contains("; try: chmod 600 "), "{line}");

    world.run(&["account", "set", "support", "--password-command", "false", "x", "--imap-port", "1"]).ok();
    assert_eq!(world.json(&["account", "show", "support"])["password"], json!("from the command [\"false\",\"x\"]"));
    let line = world.run(&["account", "test", "support"]).fails(78);
    assert!(line.contains("account support: the password command \"false\" failed"), "{line}");
    world.run(&["account", "set", "support", "--password-command", "echo", "hunter2"]).ok();
    let line = world.run(&["account", "test", "support"]).fails(69);
    assert!(line.starts_with("espomail: account support: cannot connect to 127.0.0.1:1"), "{line}");

    world.run(&["account", "set", "support", "--password-credential", "imap"]).ok();
    assert!(world.run(&["account", "test", "support"]).fails(78).contains("CREDENTIALS_DIRECTORY"));
    let folder = world.path("credentials");
    world.write(&folder.join("imap"), "hunter2\n", 0o400);
    world.set("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    world.run(&["account", "test", "support"]).fails(69);
    assert!(world.run_with(&["account", "set", "support", "--password-stdin"], "\n").fails(65).contains("is empty"));
}

#[test]
fn a_stored_password_needs_its_key() {
    let world = World::new();
    add(&world, &["--password-stdin"]).ok();
    let key = world.config().with_file_name("espomail.key");
    world.write(&key, &"00".repeat(32), 0o600);
    assert!(world.run(&["account", "test", "support"]).fails(78).contains("does not open with this key"));
    world.write(&key, "short\n", 0o600);
    assert!(world.run(&["account", "folders", "support"]).fails(78).contains("the key is not 32 bytes"));
    std::fs::remove_file(&key).unwrap();
    let line = world.run(&["account", "set", "support", "--password-stdin"]).fails(78);
    assert!(line.contains("espomail.key"), "{line}");
}

#[test]
fn what_is_known_of_an_account_that_goes_goes_some_at_a_time_and_whoever_is_stopped_types_it_again() {
    for database in ["sqlite", "postgresql"] {
        let mut world = World::on(database);
        let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--make-cases"];
        world.run_with(&[&add[..], &["--password-stdin", "--act-since", "2026-01-01"]].concat(), "hunter2\n").ok();
        let mail =
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <a@example.org>\r\n\r\nX\r\n";
        world.run_with(&["deliver", "--account", "support"], mail).ok();
        world.sql(
            "WITH RECURSIVE n (uid) AS (SELECT 2 UNION ALL SELECT uid + 1 FROM n WHERE uid < 2500)
             INSERT INTO fates (position_id, uid, fate, why, at) SELECT p.id, n.uid, 'archived', '{}', 0 FROM n, positions p",
        );
        world.sql("UPDATE positions SET last_uid = 2500");
        // Every law holds, and so many fates there are.
        let proved = |world: &World| world.json(&["doctor", "--prove"])["items"][0]["things"].clone();
        world.run(&["account", "remove", "support", "--dry-run"]).ok();
        assert_eq!(proved(&world), 2500, "{database}");

        world.set("ESPOMAIL_DIE_AT_STEP", "2");
        assert_eq!(world.run(&["account", "remove", "support"]).status, None, "{database}: it dies");
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
        assert_eq!(proved(&world), 500, "{database}");
        assert_eq!(world.json(&["account", "show", "support"])["active"], false, "no pass reads it any more");
        let said = world.run(&["account", "remove", "support"]).ok();
        assert!(said.starts_with("Account support removed, with how far it was read"), "{said}");
        assert_eq!(proved(&world), 0, "{database}");
        assert_eq!(world.json(&["case", "list"])["items"][0]["number"], 1, "{database}: its case stays");
        let audit = world.json(&["audit", "list", "--subject", "account:support"]);
        let rows = audit["items"].as_array().unwrap().iter().filter(|row| row["action"] == "account remove");
        assert_eq!(rows.map(|row| &row["detail"]).collect::<Vec<_>>(), ["", "begun"], "{database}");
        // What came through it is known: deleted, it does not come back to an account on the same mailbox.
        world.run(&["case", "delete", "1"]).ok();
        world.run(&["email", "delete", "1"]).ok();
        world.run_with(&[&add[..], &["--password-stdin", "--act-since", "2026-01-01"]].concat(), "hunter2\n").ok();
        world.run_with(&["deliver", "--account", "support"], mail).ok();
        assert_eq!(world.json(&["email", "list"])["items"], json!([]), "{database}");
    }
}
