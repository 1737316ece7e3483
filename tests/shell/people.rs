//! `notification`, `address` and what users set for themselves: people hear of mail, and reports of addresses.

use serde_json::{Value, json};

use crate::support::office::Office;
use crate::support::world::World;

const SENT: &str = "From: Ada <ada@example.com>\r\nTo: dora@example.org\r\nSubject: Pump\r\nMessage-ID: <ours@example.com>\r\n\
     Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nReferences: <first@example.org>\r\n\r\nHave you tried water?\r\n";

fn question() -> String {
    "From: Dora <dora@example.org>\r\nTo: support@example.com\r\nSubject: Pump\r\nMessage-ID: <first@example.org>\r\n\
     Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n\r\nIt stands still.\r\n"
        .to_string()
}

/// A delivery report as mail systems write them (RFC 3464), about an e-mail that went to an address.
fn report(id: &str, about: &str, address: &str) -> String {
    format!(
        "From: Mail Delivery System <mailer-daemon@mx.example.org>\r\nTo: support@example.com\r\nSubject: Undelivered\r\n\
         Message-ID: <{id}@mx.example.org>\r\nDate: Mon, 23 Nov 2026 09:30:00 +0000\r\nAuto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n\
         Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{about}>\r\nSubject: Pump\r\n\r\n--b--\r\n"
    )
}

fn deliver(world: &World, message: &str) {
    world.run_with(&["deliver", "--account", "support"], message).ok();
}

/// A team of two behind a group account that makes cases and gives them to Ada.
fn world_on(database: &str) -> World {
    let world = World::on(database);
    world.run(&["team", "add", "support"]).ok();
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "join", "support", "ada", "ben"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1"];
    let makes =
        ["--team", "support", "--make-cases", "--distribution", "direct", "--assigned-user", "ada", "--case-team", "support"];
    world.run_with(&[&add[..], &makes, &["--password-stdin"]].concat(), "hunter2\n").ok();
    world
}

/// What a user hears of: kind, and what it is about.
fn heard(world: &World, user: &str) -> Vec<(String, Value)> {
    let list = world.json(&["notification", "list", "--unread", "--user", user]);
    let of = |item: &Value| (item["kind"].as_str().unwrap().to_string(), item["record"].clone());
    list["items"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn notify_1_and_2_people_hear_of_mail_and_explain_says_why() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.write(&world.path("one.eml"), &question(), 0o600);
        let path = world.path("one.eml");
        let explained = world.json(&["explain", path.to_str().unwrap()]);
        let expected = json!([
            { "name": "ada", "rule": "DIST-1", "because": "DIST-1: case:1 is theirs" },
            { "name": "ben", "rule": "NOTIFY-2", "because": "NOTIFY-2: it is new in their inbox" },
        ]);
        assert_eq!(explained["decision"]["notifications"], expected);
        let told = world.run(&["explain", path.to_str().unwrap()]).ok();
        assert!(told.contains("ben is told (email-received)\n      because NOTIFY-2"), "{told}");
        assert_eq!(heard(&world, "ben"), []);

        deliver(&world, &question());
        assert_eq!(heard(&world, "ada"), [("assigned".to_string(), json!("case:1"))]);
        // No role of his lets Ben read the case.
        assert_eq!(heard(&world, "ben"), [("email-received".to_string(), Value::Null)]);
        let told = world.run(&["notification", "list", "--user", "ben"]).ok();
        assert!(
            told.contains("new e-mail: Pump (from dora@example.org)") && told.contains("e-mail 1") && !told.contains("case:1"),
            "{told}"
        );
        assert_eq!(world.run(&["notification", "read", "--all", "--user", "ben"]).ok(), "1 notification marked as read.\n");
        // The same again, and then what Ben wants to hear no longer.
        deliver(&world, &question());
        assert_eq!(heard(&world, "ben"), []);
        world.run(&["user", "set", "ben", "--notify-received", "false", "--auto-follow", "lead"]).ok();
        let shown = world.json(&["user", "show", "ben"]);
        assert_eq!((&shown["notify_received"], &shown["auto_follow"]), (&json!(false), &json!(["lead"])));
        deliver(&world, &question().replace("first@", "second@"));
        assert_eq!(heard(&world, "ben"), []);
        let stored = world.run(&["explain", "2"]).ok();
        assert!(stored.contains("note: NOTIFY-2: ben is not told: they do not want to be"), "{stored}");
        // A case is handed over.
        world.run(&["case", "assign", "1", "ben"]).ok();
        assert_eq!(heard(&world, "ben"), [("assigned".to_string(), json!("case:1"))]);
        let line = world.run(&["notification", "read", "99", "--user", "ben"]).fails(65);
        assert!(line.contains("there is no notification 99; try: espomail notification list"), "{line}");
        world.run(&["notification", "list"]).fails(64);
    }
}

#[test]
fn why_1_reasons_read_back_with_their_rule_and_so_do_those_written_before() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database);
        world.run(&["filter", "add", "quiet", "--user", "ben", "--subject", "*", "--mark-read"]).ok();
        deliver(&world, &question());
        let why = || world.json(&["explain", "1"])["arrivals"][0]["why"].clone();
        let all = |why: &Value, key: &str| why[key].as_array().unwrap().clone();
        let (new, step) = (why(), |why: &Value| {
            let mut steps = all(why, "steps").into_iter().filter(|step| step["do"] == "add-user");
            steps.find(|step| step["user"] == 2).unwrap()
        });
        // Of each its text begins with the rule that stands beside it.
        for one in [all(&new, "steps"), all(&new, "notes")].concat() {
            let is_said = |rule: &str| one["because"].as_str().unwrap().starts_with(&format!("{rule}: "));
            assert!(one["rule"].as_str().is_none_or(is_said), "{database}: {one}");
        }
        assert_eq!(
            (&step(&new)["rule"], &step(&new)["own"]["rule"]),
            (&json!("INBOX-1"), &json!("FILTER-5")),
            "{database}: {new}"
        );
        let told = world.run(&["explain", "1"]).ok();
        assert!(told.contains("a member of the account's team; FILTER-5: their filter \"quiet\"\n"), "{told}");
        // As it was written before the rule stood beside it.
        world.sql(
            r#"UPDATE fates SET why = '{"fate":"imported","steps":[{"do":"add-user","email":1,"user":2,"read":true,"trashed":false,
               "folder":null,"because":"INBOX-1: a member; FILTER-5: their filter \"quiet\""}],
               "notes":["LINK-4: nobody", "NOTIFY-2: ben is not told: x"]}'"#,
        );
        let old = why();
        assert_eq!(
            (&step(&old)["rule"], &old["notes"][0]),
            (&json!("INBOX-1"), &json!({ "rule": "LINK-4", "because": "LINK-4: nobody" }))
        );
        assert!(world.run(&["explain", "1"]).ok().contains("note: LINK-4: nobody\n"), "{database}");
        let others = world.run(&["--as", "ada", "explain", "1"]).ok();
        assert!(others.contains("INBOX-1") && !others.contains("quiet") && !others.contains("is not told"), "{others}");
        // Which record an address is of may be none of theirs to know (ACCESS-2).
        assert!(!others.contains("LINK-4"), "{others}");
    }
}

#[test]
fn bounce_2_and_3_a_genuine_report_counts_and_a_forged_one_is_filed() {
    let world = world_on("sqlite");
    deliver(&world, &question());
    deliver(&world, SENT);
    // What sending leaves behind.
    world.sql(
        "INSERT INTO deliveries (email_id, address, state, changed_at) VALUES (2, 'dora@example.org', 'sent', 0);
         UPDATE emails SET is_ours = TRUE, is_claimed = FALSE, author_id = (SELECT id FROM users WHERE login = 'ada') WHERE id = 2",
    );
    deliver(&world, &report("forged", "ours@example.com", "victim@example.net"));
    assert_eq!(world.json(&["address", "list"])["items"], json!([]));
    deliver(&world, &report("genuine", "ours@example.com", "Dora@Example.org"));
    let known = &world.json(&["address", "list", "--state", "invalid"])["items"][0];
    assert_eq!((&known["address"], &known["state"]), (&json!("dora@example.org"), &json!("invalid")));
    assert!(known["because"].as_str().unwrap().starts_with("BOUNCE-3: "), "{known}");
    // Who wrote it hears of it; it stands in the stream of the case, and with the e-mail.
    assert_eq!(heard(&world, "ada")[0], ("bounce".to_string(), json!("case:1")));
    let told = world.run(&["notification", "list", "--user", "ada"]).ok();
    assert!(told.contains("not delivered: Dora@Example.org: failed (5.1.1)"), "{told}");
    assert!(heard(&world, "ben").iter().all(|(kind, _)| kind == "email-received" || kind == "note"));
    let stream = world.run(&["case", "show", "1"]).ok();
    assert!(stream.contains("Dora@Example.org: failed (5.1.1)"), "{stream}");
    let shown = world.run(&["email", "show", "2"]).ok();
    assert!(shown.contains(" dora@example.org: failed (5.1.1), see e-mail 4"), "{shown}");
    assert_eq!(world.json(&["email", "show", "4"])["replied"], json!(2));
    assert_eq!(world.json(&["email", "show", "2"])["is_replied"], json!(false));
    // A person knows better.
    assert_eq!(world.run(&["address", "clear", "DORA@example.org"]).ok(), "Address DORA@example.org is good again.\n");
    let line = world.run(&["address", "show", "dora@example.org"]).fails(65);
    assert!(line.contains("no delivery report has spoken of dora@example.org"), "{line}");
    let newest = &world.json(&["audit", "list", "--limit", "1"])["items"][0];
    assert_eq!((&newest["action"], &newest["subject"]), (&json!("address clear"), &json!("address:dora@example.org")));
}

#[test]
fn access_1_what_users_hear_of_is_their_own_affair() {
    let office = Office::on("sqlite");
    for user in ["ada", "ben"] {
        office.service(&["user", "add", user]).ok();
    }
    office.asks("ada", &["user", "set", "ada", "--notify-received", "false", "--auto-follow", "case"]).ok();
    office.asks("ada", &["user", "set", "ada", "--notify-received", "false", "--administrator", "true"]).fails(77);
    office.asks("ada", &["user", "set", "ben", "--notify-received", "false"]).fails(77);
    office.asks("ada", &["notification", "list"]).ok();
    office.asks("ada", &["notification", "list", "--user", "ben"]).fails(77);
    office.asks("ada", &["notification", "read", "--all", "--user", "ben"]).fails(77);
    office.asks("ada", &["address", "list"]).fails(77);
    office.asks("ada", &["address", "clear", "dora@example.org"]).fails(77);
}
