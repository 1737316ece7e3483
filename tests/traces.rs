//! What became of every message can be listed, asked for again, and found by whose it is. Through the real binary, on both databases.

use serde_json::{Value, json};

use crate::support::dovecot::{self, PASSWORD};
use crate::support::imap::BentImap;
use crate::support::world::World;

fn letter(id: &str, from: &str, subject: &str) -> Vec<u8> {
    format!("From: {from}\r\nTo: support@example.com\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nText {id}.\r\n").into_bytes()
}

/// Newsletters are skipped, as is a customer whose subject is like them.
fn world_on(database: &str, user: &str) -> World {
    let (world, server) = (World::on(database), dovecot::server());
    let mail = [
        letter("a", "Dora <Dora@example.org>", "Pump"),
        letter("b", "dora@example.org", "News of the pump"),
        letter("c", "shop@example.net", "News"),
    ];
    server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
    let port = server.port.to_string();
    let place = ["--imap-host", "127.0.0.1", "--imap-port", &port, "--imap-security", "plain", "--imap-user", user];
    let sends = ["--smtp-host", "127.0.0.1", "--smtp-port", "9", "--smtp-security", "plain"];
    let more = ["--password-stdin", "--fetch-since", "2026-01-01", "--act-since", "2026-01-01", "--make-cases", "--shared"];
    let add = ["account", "add", "support", "--address", "support@example.com"];
    world.run_with(&[&add[..], &place, &sends, &more].concat(), PASSWORD).ok();
    world.run(&["user", "add", "boss", "--administrator"]).ok();
    world.run(&["filter", "add", "news", "--global", "--subject", "news*", "--skip"]).ok();
    world
}

fn fates(world: &World, more: &[&str]) -> Vec<(i64, String)> {
    let listed = world.json(&[&["fate", "list"], more].concat());
    let of = |item: &Value| (item["uid"].as_i64().unwrap(), item["fate"].as_str().unwrap().to_string());
    listed["items"].as_array().unwrap().iter().map(of).collect()
}

fn known(fate: &[(i64, &str)]) -> Vec<(i64, String)> {
    fate.iter().map(|(uid, fate)| (*uid, (*fate).to_string())).collect()
}

#[test]
fn fetch_2_what_a_filter_skipped_is_listed_and_comes_in_after_all() {
    for database in ["sqlite", "postgresql"] {
        let user = format!("fates-{database}");
        let world = world_on(database, &user);
        world.run(&["fetch"]).ok();
        assert_eq!(fates(&world, &[]), known(&[(3, "filtered"), (2, "filtered"), (1, "imported")]));
        assert_eq!(fates(&world, &["--filter", "news"]).len(), 2);
        assert_eq!(
            fates(&world, &["--fate", "imported,archived", "--account", "support", "--mailbox", "INBOX"]),
            known(&[(1, "imported")])
        );
        assert!(fates(&world, &["--since", "2026-11-24"]).is_empty() && fates(&world, &["--until", "2026-11-23"]).is_empty());
        let first = world.json(&["fate", "list", "--filter", "news"])["items"][1].clone();
        let told = (&first["from"], &first["subject"], &first["message_id"], &first["email"]);
        assert_eq!(told, (&json!("dora@example.org"), &json!("News of the pump"), &json!("b@example.org"), &Value::Null));
        let text = world.run(&["fate", "list", "--limit", "1"]).ok();
        assert!(text.contains("filtered") && text.contains("News") && text.ends_with("… 2 more: --limit, --offset\n"), "{text}");

        let rehearsed = world.run(&["fate", "retry", "--filter", "news", "--dry-run"]).ok();
        assert_eq!(rehearsed, "2 messages would be read by the next espomail fetch support.\n");
        assert_eq!(fates(&world, &["--fate", "filtered"]).len(), 2);
        world.run(&["filter", "remove", "news"]).ok();
        // One is gone from the server by then.
        dovecot::server().run(&user, &["SELECT INBOX", "UID STORE 3 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 3"]);
        let asked = world.run(&["fate", "retry", "--filter", "news"]).ok();
        assert_eq!(asked, "2 messages will be read by the next espomail fetch support.\n");
        world.run(&["fetch"]).ok();
        assert_eq!(fates(&world, &[]), known(&[(3, "gone"), (2, "imported"), (1, "imported")]));
        assert_eq!(world.json(&["case", "list"])["items"].as_array().unwrap().len(), 2);
        assert_eq!(world.json(&["quarantine", "list"])["items"], json!([]));
        let line = world.run(&["fate", "retry", "--filter", "news"]).fails(65);
        assert!(line.contains("filter news skipped nothing that a server can be asked for"), "{line}");
        let traces = world.json(&["audit", "list", "--subject", "filter:news"]);
        assert_eq!(traces["items"][0]["action"], "fate retry");
        // Nothing comes twice.
        world.run(&["fetch"]).ok();
        assert_eq!(world.json(&["email", "list"])["items"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn fetch_2_a_filter_that_is_still_in_use_skips_it_again_and_says_so() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &format!("still-{database}"));
        world.run(&["fetch"]).ok();
        let said = world.run(&["fate", "retry", "--filter", "news", "--account", "support"]).ok();
        assert!(said.ends_with(" Filter news is still in use: what it matches is skipped again.\n"), "{said}");
        world.run(&["fetch"]).ok();
        assert_eq!(fates(&world, &["--filter", "news"]), known(&[(3, "filtered"), (2, "filtered")]));
        // What no server has cannot be asked for.
        let mail = String::from_utf8(letter("d", "dora@example.org", "News, too")).unwrap();
        world.run_with(&["deliver", "--account", "support"], &mail).ok();
        let said = world.run(&["fate", "retry", "--filter", "news"]).ok();
        assert!(said.contains(" 1 message can not be asked for"), "{said}");
    }
}

#[test]
fn fetch_6_what_is_asked_for_again_comes_in_batches_and_alone_only_where_the_server_refuses() {
    let (world, server) = (World::on("sqlite"), BentImap::start());
    for uid in 1..=6_u32 {
        server.put(uid, &letter(&uid.to_string(), "shop@example.net", "News"));
    }
    let port = server.port.to_string();
    let add = format!(
        "account add support --address support@example.com --imap-host 127.0.0.1 --imap-security plain --imap-user support \
         --password-stdin --fetch-since 2026-01-01 --act-since 2026-01-01 --imap-port {port}"
    );
    world.run_with(&add.split_ascii_whitespace().collect::<Vec<_>>(), PASSWORD).ok();
    world.run(&["filter", "add", "news", "--global", "--subject", "news*", "--skip"]).ok();
    world.run(&["fetch"]).ok();
    world.run(&["filter", "remove", "news"]).ok();
    let asked = || {
        let heard = server.with(|mailbox| std::mem::take(&mut mailbox.heard));
        heard.into_iter().filter(|line| line.starts_with("UID FETCH")).collect::<Vec<_>>()
    };
    world.run(&["fate", "retry", "--filter", "news"]).ok();
    // One of them spoils every answer that it is in.
    server.bend(|mailbox, command| {
        let set = command.strip_prefix("UID FETCH ").filter(|rest| rest.contains("BODY.PEEK["))?.split(' ').next()?;
        mailbox.in_set(set).contains(&4).then(|| b"{tag} NO cannot read that\r\n".to_vec())
    });
    asked();
    assert_eq!(world.run(&["fetch"]).ok(), "");
    let lines = asked();
    let bodies: Vec<&String> = lines.iter().filter(|line| line.contains("BODY.PEEK[]")).collect();
    assert!(bodies[0].starts_with("UID FETCH 1:6 ") && bodies.len() > 6, "together, then each: {lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("(UID RFC822.SIZE)")).count(), 1, "sizes in one: {lines:?}");
    assert_eq!(fates(&world, &["--fate", "imported"]).len(), 5);
    server.straighten();
    world.run(&["fetch"]).ok();
    world.run(&["filter", "add", "all", "--global", "--subject", "*", "--skip"]).ok();
    (7..=300).for_each(|uid| server.put(uid, &letter(&uid.to_string(), "shop@example.net", "News")));
    world.run(&["fetch"]).ok();
    world.run(&["filter", "remove", "all"]).ok();
    world.run(&["fate", "retry", "--filter", "all"]).ok();
    asked();
    world.run(&["fetch"]).ok();
    let lines = asked();
    assert!(lines.iter().filter(|line| line.contains("BODY.PEEK[]")).count() <= 3, "{lines:?}");
    assert_eq!(fates(&world, &["--fate", "imported", "--limit", "1000"]).len(), 300);
}

fn traced(world: &World, what: &str) -> Vec<(String, String)> {
    let found = world.json(&["trace", what]);
    let text = |value: &Value| value.as_str().unwrap().to_string();
    found["items"].as_array().unwrap().iter().map(|one| (text(&one["what"]), text(&one["whereabouts"]))).collect()
}

fn place(what: &str, whereabouts: &str) -> (String, String) {
    (what.to_string(), whereabouts.to_string())
}

#[test]
fn why_1_a_trace_finds_mail_wherever_it_is() {
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &format!("trace-{database}"));
        // Nothing was read yet.
        let line = world.run(&["trace", "dora@example.org"]).fails(65);
        assert!(
            line.contains("no mail of \"dora@example.org\" is known; it may lie on a server: account support was not read yet"),
            "{line}"
        );
        world.run(&["fetch"]).ok();
        let (stored, skipped) = (place("e-mail 1", "case:1"), place("skipped", "on the server: INBOX UID 2"));
        let mut found = traced(&world, "DORA@example.org");
        found.sort();
        assert_eq!(found, [stored.clone(), skipped.clone()]);
        assert_eq!(traced(&world, "<a@example.org>"), std::slice::from_ref(&stored));
        assert_eq!(traced(&world, "b@example.org"), std::slice::from_ref(&skipped));
        assert_eq!(traced(&world, "the PUMP"), [skipped]);
        let text = world.run(&["trace", "b@example.org"]).ok();
        assert!(text.contains("espomail fate retry --filter news"), "{text}");
        let line = world.run(&["trace", "nobody@example.org"]).fails(65);
        assert!(line.contains("read were account support: INBOX") && line.contains("espomail account folders"), "{line}");
        assert!(line.contains("what people deleted is known by its Message-ID alone"), "{line}");
        world.run(&["trace", " "]).fails(64);

        // A letter of ours, where it is held and where it failed.
        world
            .run(&[
                "email",
                "compose",
                "--from",
                "support@example.com",
                "--to",
                "eve@example.org",
                "--subject",
                "Offer",
                "--text",
                "Here.",
                "--draft",
            ])
            .ok();
        assert_eq!(traced(&world, "eve@example.org")[0].1, "draft");
        // What was deleted for everybody.
        world.run(&["email", "delete", "1"]).ok();
        let found = traced(&world, "a@example.org");
        assert!(found[0].0 == "deleted" && found[0].1.starts_with("email:1 was deleted by "), "{found:?}");
    }
}

#[test]
fn fetch_6_what_no_pass_reads_is_not_asked_for_and_a_trace_finds_it_until_it_is_here() {
    for database in ["sqlite", "postgresql"] {
        let user = format!("unread-{database}");
        let world = world_on(database, &user);
        world.run(&["fetch"]).ok();
        let where_it_is = || traced(&world, "c@example.org").pop().unwrap().1;
        // Its mailbox is not read any more, and then neither is its account.
        world.run(&["account", "set", "support", "--mailbox", "Other"]).ok();
        let line = world.run(&["fate", "retry", "--filter", "news"]).fails(65);
        assert!(line.contains("2 messages in mailbox INBOX of account support can not be asked for"), "{line}");
        assert!(line.contains("try: espomail account set support --mailbox Other --mailbox INBOX"), "{line}");
        assert_eq!(where_it_is(), "on the server: INBOX UID 3, which no pass reads");
        world.run(&["account", "set", "support", "--mailbox", "INBOX"]).ok();
        world.run(&["account", "disable", "support"]).ok();
        let line = world.run(&["fate", "retry", "--filter", "news", "--dry-run"]).fails(65);
        assert!(line.contains("the account is switched off") && line.contains("espomail account enable support"), "{line}");
        assert_eq!(fates(&world, &["--filter", "news"]), known(&[(3, "filtered"), (2, "filtered")]));
        world.run(&["account", "enable", "support"]).ok();

        // Another filter has its name by now.
        world.run(&["filter", "remove", "news"]).ok();
        world.run(&["filter", "add", "news", "--global", "--subject", "other*", "--skip"]).ok();
        let text = world.run(&["trace", "c@example.org"]).ok();
        assert!(text.contains("espomail fate retry --filter 1\n"), "{text}");
        let line = world.run(&["fate", "retry", "--filter", "news"]).fails(65);
        assert!(line.contains("other filters had the name news; give a number: 1"), "{line}");
        world.run(&["fate", "retry", "--filter", "1"]).ok();
        assert_eq!(where_it_is(), "on the server: INBOX UID 3, asked for again");
        assert_eq!(fates(&world, &["--filter", "1"]), known(&[(3, "undelivered"), (2, "undelivered")]));
        world.run(&["account", "set", "support", "--mailbox", "Other"]).ok();
        let text = world.run(&["trace", "News"]).ok();
        assert!(
            text.contains("which no pass reads; see: espomail account set support --mailbox Other --mailbox INBOX"),
            "{text}"
        );
        world.run(&["account", "set", "support", "--mailbox", "INBOX"]).ok();
        dovecot::server().run(&user, &["SELECT INBOX", "UID STORE 3 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 3"]);
        world.run(&["fetch"]).ok();
        assert_eq!(where_it_is(), "gone from the server when it was asked for again");
        assert_eq!(traced(&world, "b@example.org").len(), 1);
    }
}

#[test]
fn why_1_small_and_capital_letters_are_the_same_in_every_script() {
    // The locale of the test's PostgreSQL is C, whose own lower() knows ASCII letters alone.
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &format!("letters-{database}"));
        for (id, subject) in [("u1", "ÄRGER mit PUMPE"), ("u2", "НАСОС"), ("u3", "ΟΔΟΣ"), ("u4", "NEWS über ÖL")] {
            let mail = String::from_utf8(letter(id, &format!("{id}@example.net"), subject)).unwrap();
            world.run_with(&["deliver", "--account", "support"], &mail).ok();
        }
        for (part, found) in [("ÄRGER", 1), ("ärger MIT", 1), ("Насос", 1), ("οδΟΣ", 1), ("οδος", 1), ("Öl", 1), ("Ä%", 0)]
        {
            let listed = world.run(&["trace", part]);
            assert_eq!(
                listed.status,
                Some(if found == 1 { 0 } else { 65 }),
                "{database}: {part}: {}{}",
                listed.stdout,
                listed.stderr
            );
        }
        assert_eq!(world.json(&["email", "list", "--subject", "ärger"])["items"].as_array().unwrap().len(), 1);
        world.run(&["record", "add", "contact", "Österreich Ärzte"]).ok();
        for part in ["Österreich Ärzte", "österreich", "ÄRZTE"] {
            let listed = world.json(&["record", "list", "contact", "--search", part]);
            assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{database}: {part}");
        }
        let again = world.run(&["record", "add", "contact", "ÖSTERREICH ÄRZTE"]);
        assert!(again.status != Some(0) || again.stderr.contains("contact:1"), "{database}: {}{}", again.stdout, again.stderr);
    }
}

#[test]
fn why_1_what_is_looked_for_has_a_limit_and_each_of_several_authors_is_found() {
    let long = "x".repeat(100_000);
    for database in ["sqlite", "postgresql"] {
        let world = world_on(database, &format!("limits-{database}"));
        for arguments in [
            &["trace", &long] as &[&str],
            &["email", "list", "--subject", &long],
            &["email", "list", "--search", &long],
            &["case", "list", "--search", &long],
            &["record", "list", "--search", &long],
            &["record", "list", "--name", &long],
            &["record", "list", "--phone", &"1".repeat(100_000)],
        ] {
            let said = world.run(arguments).fails(64);
            assert!(said.contains("1000 characters at the most") && said.len() < 200, "{database}: {:?}", arguments[0]);
        }
        let several = letter("several", "dora@example.org\r\nFrom: Ben <ben@example.org>", "Pump");
        let list = letter("list", "cyd@example.org, eve@example.org", "Pump");
        for mail in [several, list, letter("nobody", "no address", "Pump")] {
            world.run_with(&["deliver", "--account", "support"], &String::from_utf8(mail).unwrap()).ok();
        }
        for (author, id) in [("dora", "several"), ("Ben", "several"), ("cyd", "list"), ("eve", "list")] {
            let found = traced(&world, &format!("{author}@example.org"));
            let number = world.json(&["email", "show", &format!("<{id}@example.org>")])["id"].to_string();
            assert!(found.iter().any(|(what, _)| *what == format!("e-mail {number}")), "{database}: {author}: {found:?}");
        }
    }
}
