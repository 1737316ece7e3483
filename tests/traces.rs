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
        assert!(text.contains("filtered") && text.contains("News"), "{text}");
        assert!(text.ends_with("… 2 more: --limit, --offset\n3 messages in all, of 2 senders.\n"), "{text}");
        // Dora is known by the mail of hers that is of a case.
        assert_eq!(fates(&world, &["--known-senders"]), known(&[(2, "filtered")]));
        world.run(&["record", "add", "contact", "Shop", "--address", "shop@example.net"]).ok();
        assert_eq!(fates(&world, &["--known-senders", "--filter", "news"]).len(), 2);

        let rehearsed = world.run(&["fate", "retry", "--filter", "news", "--dry-run"]).ok();
        let again = " Of these 2 would be skipped again: 2 by news.\n";
        assert_eq!(rehearsed, format!("2 messages would be read by the next espomail fetch support.{again}"));
        world.run(&["filter", "set", "news", "--list-id", "*"]).ok();
        let unknown = world.run(&["fate", "retry", "--all", "--dry-run"]).ok();
        assert!(unknown.ends_with(" Of 2 it cannot be said before they are read.\n"), "{unknown}");
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
        assert!(line.contains("filter news skipped nothing that is kept here or that a server can be asked for"), "{line}");
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
        // So is what no server has, and it stays here.
        let mail = String::from_utf8(letter("d", "dora@example.org", "News, too")).unwrap();
        world.run_with(&["deliver", "--account", "support"], &mail).ok();
        let said = world.run(&["fate", "retry", "--filter", "news"]).ok();
        assert!(said.starts_with("1 message that is kept here was taken again: 1 filtered. 2 messages will be read"), "{said}");
        assert_eq!(world.run(&["fate", "raw", "support/(delivered)/1"]).ok(), mail);
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

/// Delivers a letter whose subject begins as the filter "news" wants it.
fn deliver(world: &World, id: &str, from: &str) -> String {
    let mail = String::from_utf8(letter(id, from, &format!("News of {id}"))).unwrap();
    world.run_with(&["deliver", "--account", "support"], &mail).ok();
    mail
}

#[test]
fn filter_7_what_no_server_has_is_kept_though_a_filter_skips_it_and_comes_in_once() {
    for database in ["sqlite", "postgresql"] {
        let mut world = World::on(database);
        let add = "account add support --address support@example.com --imap-host imap.example.com --smtp-host smtp.example.com \
                   --password-stdin --make-cases --shared --act-since 2026-01-01 --team all --case-team desk --distribution round-robin";
        // Mail reaches the administrator, and nobody is there who could get a case.
        for made in ["user add boss --administrator", "team add all", "team add desk", "team join all boss"] {
            world.run(&made.split_ascii_whitespace().collect::<Vec<_>>()).ok();
        }
        world.run_with(&add.split_ascii_whitespace().collect::<Vec<_>>(), PASSWORD).ok();
        world.run(&["filter", "add", "news", "--account", "support", "--subject", "news*", "--skip"]).ok();
        let mail = deliver(&world, "a", "dora@example.org");
        // The same bytes once more have a fate of their own.
        deliver(&world, "a", "dora@example.org");
        let file = tempfile::NamedTempFile::with_suffix(".eml").unwrap();
        std::fs::write(file.path(), letter("b", "eve@example.net", "News of b")).unwrap();
        world.run(&["import", "--account", "support", file.path().to_str().unwrap()]).ok();

        // It is seen wherever one looks.
        let listed = world.json(&["fate", "list"]);
        assert!(
            listed["items"].as_array().unwrap().iter().all(|one| one["kept"] == true && one["on_server"] == false),
            "{listed}"
        );
        assert_eq!(traced(&world, "eve@example.net"), [place("skipped", "kept here, as no server keeps it")]);
        assert!(world.run(&["trace", "eve@example.net"]).ok().contains("espomail fate retry --filter news"));
        let told = world.run(&["explain", "support/(delivered)/1"]).ok();
        assert!(told.contains("no server keeps it for us, so its bytes are kept for a while (FILTER-7)"), "{told}");
        assert!(told.contains(" bytes are kept: espomail fate raw 'support/(delivered)/1'"), "{told}");
        assert_eq!(world.run(&["fate", "raw", "support/(delivered)/1"]).ok(), mail);
        world.run(&["fate", "raw", "support/(delivered)/9"]).fails(65);
        assert!(world.run(&["status"]).ok().contains("3 kept here"));
        let line = world.run(&["account", "remove", "support"]).fails(65);
        assert!(line.contains("3 messages of account support were skipped by a filter and are kept here alone"), "{line}");
        let proved = |world: &World| {
            let laws = world.json(&["doctor", "--prove", "--deep"])["items"].clone();
            let law = laws.as_array().unwrap().iter().find(|law| law["law"] == "skipped").cloned().unwrap();
            assert_eq!(law["broken"], 0);
            law["things"].as_i64().unwrap()
        };
        assert_eq!(proved(&world), 3);

        // It comes in by the rules of today, and what they still skip stays.
        let said = world.run(&["reprocess", "--filter", "news"]).ok();
        assert!(said.contains("3 messages that it skipped and that are kept here would be taken again: 3 filtered."), "{said}");
        let said = world.run(&["filter", "set", "news", "--from", "eve@*"]).ok();
        assert!(said.contains("It skipped 3 messages of account support: espomail fate retry --filter news"), "{said}");
        let said = world.run(&["fate", "retry", "--filter", "news", "--dry-run"]).ok();
        assert!(said.contains("would be taken again: 1 duplicate, 1 filtered, 1 imported."), "{said}");
        assert_eq!((fates(&world, &["--fate", "filtered"]).len(), proved(&world)), (3, 3));
        let said = world.run(&["fate", "retry", "--filter", "news"]).ok();
        assert!(
            said.starts_with("3 messages that are kept here were taken again: 1 duplicate, 1 filtered, 1 imported."),
            "{said}"
        );
        assert_eq!(fates(&world, &["--mailbox", "(delivered)"]), known(&[(2, "duplicate"), (1, "imported")]));
        let heard = world.run(&["notification", "list", "--user", "boss"]).ok();
        assert!(heard.contains("1 case was opened for nobody: espomail case list --unassigned"), "DIST-1: {database}: {heard}");
        let said = world.run(&["reprocess", "--filter", "news", "--apply"]).ok();
        assert!(said.contains("1 message that it skipped and that is kept here was taken again: 1 filtered."), "{said}");
        assert_eq!(world.json(&["case", "list"])["items"].as_array().unwrap().len(), 1);
        assert_eq!((proved(&world), world.json(&["status"])["skipped_kept"].as_i64()), (1, Some(1)));

        // After its time it goes, and that is said; or when a person says so.
        world.set("ESPOMAIL_NOW", "2027-01-15T10:00:00Z");
        let would = world.json(&["prune", "--dry-run"]);
        assert!(would.to_string().contains(r#""count":1,"what":"skipped""#), "{would}");
        world.run(&["prune"]).ok();
        assert_eq!(traced(&world, "b@example.org")[0].1, "not kept any more: espomail deliver or import was given it");
        let line = world.run(&["fate", "retry", "--all"]).fails(65);
        assert!(line.contains(" 1 message can not be asked for: no server has them"), "{line}");
        world.run(&["filter", "set", "news", "--from", "*"]).ok();
        deliver(&world, "c", "cyd@example.net");
        world.run_with(&["deliver", "--account", "support"], &format!("X-Copy: 1\r\n{mail}")).ok();
        // What was in quarantine is nowhere else, either; and a copy of what is here, in other bytes, is kept beside it and opens nothing.
        world.sql(
            "INSERT INTO quarantine (id, position_id, uid, raw_id, error, created_at, tries)
             SELECT 90 + uid, position_id, uid, raw_id, 'odd', 0, 0 FROM skipped_raws",
        );
        world
            .sql("UPDATE fates SET fate = 'quarantined' WHERE (position_id, uid) IN (SELECT position_id, uid FROM skipped_raws)");
        world.sql("DELETE FROM skipped_raws");
        assert_eq!(world.json(&["quarantine", "retry", "93"])["items"][0]["fate"], "filtered");
        world.run(&["filter", "set", "news", "--from", "cyd@*"]).ok();
        let email = world.json(&["email", "show", "1"]);
        assert_eq!(world.json(&["quarantine", "retry", "94"])["items"][0]["fate"], "duplicate", "{database}");
        assert_eq!(world.json(&["email", "show", "1"])["thread"], email["thread"]);
        let all = |list: [&str; 2]| world.json(&list)["items"].as_array().unwrap().len();
        assert_eq!((all(["email", "list"]), all(["case", "list"]), all(["quarantine", "list"])), (1, 1, 0), "{database}");
        assert_eq!(proved(&world), 1);
        world.run(&["doctor", "--prove", "--deep"]).ok();
        assert!(world.run(&["fate", "drop", "--all", "--dry-run"]).ok().contains("1 message that is kept here"));
        assert_eq!(world.json(&["fate", "drop", "--account", "support"])["dropped"], 1);
        assert_eq!((proved(&world), fates(&world, &["--fate", "filtered"]).len()), (0, 2));
        world.run(&["account", "remove", "support"]).ok();
        world.run(&["doctor", "--prove"]).ok();
    }
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
        // On the phone one has a name, that of the sender or of a contact.
        assert_eq!(traced(&world, "dora"), std::slice::from_ref(&stored));
        world.run(&["record", "add", "contact", "Käthe Shop", "--address", "shop@example.net"]).ok();
        assert_eq!(traced(&world, "KÄTHE"), [place("skipped", "on the server: INBOX UID 3")]);
        world.run(&["trace", "dora", "--until", "2026-11-23T09:00:00Z"]).fails(65);
        assert_eq!(
            world.json(&["trace", "dora", "--since", "2026-11-23", "--until", "2200-01-01"])["items"].as_array().unwrap().len(),
            1
        );
        let text = world.run(&["trace", "b@example.org"]).ok();
        assert!(text.contains("espomail fate retry --filter news"), "{text}");
        let line = world.run(&["trace", "nobody@example.org"]).fails(65);
        assert!(line.contains("read were account support: INBOX") && line.contains("espomail trace --servers"), "{line}");
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

#[test]
fn why_1_servers_say_where_mail_lies_that_no_pass_reads_and_one_of_it_comes_in_once() {
    let (world, server, user) = (world_on("sqlite", "servers"), dovecot::server(), "servers");
    world.run(&["fetch"]).ok();
    server.run(user, &["CREATE Junk", "CREATE \"Ablage&APw-\""]);
    let junk = [
        letter("j", "Victim <victim@gmx.example>", "My order"),
        letter("k", "spam@gmx.example", "Win"),
        letter("a", "Dora <Dora@example.org>", "Pump"),
        letter("n", "olga@gmx.example", "=?UTF-8?B?0J3QsNGB0L7RgSDQuiDQv9C10YfQuCBwdW1wIDk=?="),
    ];
    server.append(user, "Junk", junk.iter().map(Vec::as_slice));
    let before = server.messages(user, "Junk");
    let line = world.run(&["trace", "victim@gmx.example"]).fails(65);
    assert!(line.contains("espomail trace --servers"), "{line}");
    let found = world.json(&["trace", "Victim@gmx.example", "--servers"]);
    let (items, place) = (found["items"].as_array().unwrap(), "mailbox Junk UID 1, which no pass reads");
    let first = (&items[0]["whereabouts"], &items[0]["place"], &items[0]["subject"], items.len());
    assert_eq!(first, (&json!(place), &json!("support/Junk/1"), &json!("My order"), 1));
    for what in ["<j@example.org>", "my ORDER"] {
        let text = world.run(&["trace", what, "--servers"]).ok();
        assert!(text.contains("see: espomail fetch support --mailbox Junk --uid 1\n"), "{text}");
    }
    // What is stored is told as an e-mail, wherever else it lies; and nobody is believed who finds more than was asked for.
    assert_eq!(traced(&world, "<a@example.org>"), [self::place("e-mail 1", "case:1")]);
    let line = world.run(&["trace", "nobody\" OR ALL@example.org", "--servers"]).fails(65);
    assert!(line.contains("asked were account support: Ablageü, INBOX, Junk"), "{line}");
    world.run(&["trace", "x", "--servers"]).fails(64);
    // Letters of all scripts; of a server that knows ASCII alone what can be asked in it, and of others all the same.
    let deaf = BentImap::start();
    deaf.put(1, &junk[3]);
    deaf.bend(|_, command| match command {
        _ if command.contains(" CHARSET ") => Some(b"{tag} NO [BADCHARSET (US-ASCII)] what?\r\n".to_vec()),
        _ if command.contains(" SINCE ") => Some(b"* SEARCH\r\n{tag} OK done\r\n".to_vec()),
        _ => None,
    });
    let add = format!(
        "account add deaf --address deaf@example.com --imap-host 127.0.0.1 --imap-security plain --imap-user deaf --password-stdin \
         --imap-port {}",
        deaf.port
    );
    world.run_with(&add.split_ascii_whitespace().collect::<Vec<_>>(), PASSWORD).ok();
    let found = |what: &str| {
        let done = world.run(&["-o", "json", "trace", what, "--servers"]);
        let found: Value = serde_json::from_str(&done.stdout).unwrap();
        let places = found["items"].as_array().unwrap().iter().map(|one| one["place"].as_str().unwrap().to_string());
        let mut places: Vec<String> = places.collect();
        places.sort();
        (places, done.stderr)
    };
    let (places, line) = found("НАСОС К");
    assert_eq!(places, ["support/Junk/4"]);
    assert!(
        line.contains("account deaf: its server can be asked in the letters of ASCII alone") && line.lines().count() == 1,
        "{line}"
    );
    assert_eq!(found("печи PUMP"), (vec!["deaf/INBOX/1".to_string(), "support/Junk/4".to_string()], String::new()));
    // What is older than fetch-since is no miss to reconcile: it is fetched by itself.
    world.run(&["fetch", "deaf"]).ok();
    let text = world.run(&["trace", "pump 9", "--servers"]).ok();
    assert!(text.contains("see: espomail fetch deaf --mailbox INBOX --uid 1\n"), "{text}");
    world.run(&["account", "disable", "deaf"]).ok();
    let line = world.run(&["trace", "nobody@example.org", "--servers"]).fails(65);
    assert!(line.contains("account deaf is switched off and was not asked; try: espomail account enable deaf"), "{line}");
    world.run(&["account", "remove", "deaf"]).ok();

    let take = |uid: &str, more: &[&str]| world.run(&[&["fetch", "support", "--mailbox", "Junk", "--uid", uid], more].concat());
    let emails = || world.json(&["email", "list"])["items"].as_array().unwrap().len();
    assert_eq!(take("1", &["--dry-run"]).ok(), "Account support, mailbox Junk: it would be so: 1 imported.\n");
    assert_eq!(emails(), 1);
    // One that is not there holds up no other.
    let done = take("9", &["--uid", "1", "--uid", "10"]);
    assert_eq!(done.stdout, "Account support, mailbox Junk: 1 imported.\n", "{}", done.stderr);
    assert_eq!(done.status, Some(65));
    let line = done.stderr;
    assert!(line.contains("account support: mailbox Junk has no UID 9") && line.contains("no UID 10"), "{line}");
    assert_eq!(take("1", &[]).ok(), "Account support, mailbox Junk: 1 duplicate.\n");
    assert!(take("9", &[]).fails(65).contains("mailbox Junk has no UID 9"));
    let line = world.run(&["fetch", "support", "--mailbox", "INBOX", "--uid", "1"]).fails(65);
    assert!(line.contains("UID 1 of mailbox INBOX was read: it is imported, e-mail 1"), "{line}");
    world.run(&["fetch", "--mailbox", "Junk", "--uid", "1"]).fails(64);
    let told = world.run(&["explain", "<j@example.org>"]).ok();
    assert!(told.contains("FETCH-2: a person had it read from mailbox Junk: UID 1 (UIDVALIDITY "), "{told}");
    assert_eq!(world.json(&["audit", "list", "--subject", "account:support"])["items"][0]["action"], "fetch");

    // Nothing else came or changed, and whoever reads all of it later gets it no second time.
    assert_eq!((server.messages(user, "Junk"), world.run(&["fetch"]).ok(), emails()), (before, String::new(), 2));
    world.run(&["doctor", "--prove"]).ok();
    world.run(&["account", "set", "support", "--mailbox", "INBOX", "--mailbox", "Junk"]).ok();
    world.run(&["fetch"]).ok();
    assert_eq!((emails(), world.json(&["case", "list"])["items"].as_array().unwrap().len()), (4, 4));
}
