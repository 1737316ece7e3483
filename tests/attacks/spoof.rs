//! ACCESS-5: who writes as one of us, from outside, to be believed, to be overlooked, or to be answered for us; and ordinary mail that
//! looks like it and is no attack.

use serde_json::{Value, json};

use crate::support::dovecot::{self, PASSWORD};
use crate::support::world::World;

const BORDER: &str = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\n";

/// A desk with Ada and Ben, and a case of Dora's that is Ada's.
fn desk(database: &str) -> World {
    let world = World::on(database);
    for user in ["ada", "ben"] {
        world.run(&["user", "add", user, "--address", &format!("{user}@example.com")]).ok();
    }
    world.run(&["team", "add", "desk"]).ok();
    world.run(&["team", "join", "desk", "ada", "ben"]).ok();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let cases = ["--make-cases", "--distribution", "direct", "--assigned-user", "ada", "--case-team", "desk", "--team", "desk"];
    world.run_with(&[&add[..], &cases].concat(), "hunter2\n").ok();
    deliver(&world, "support", "dora@example.org", "a", "");
    for user in ["ada", "ben"] {
        world.run(&["notification", "read", "--all", "--user", user]).ok();
    }
    world
}

/// Adds the name under which our border writes.
fn trust(world: &World) {
    let text = std::fs::read_to_string(world.config()).unwrap();
    let text = match text.contains("[security]") {
        true => text.replace("[security]", "[security]\nauthserv-id = [\"mx.example.com\"]"),
        false => format!("{text}\n[security]\nauthserv-id = [\"mx.example.com\"]\n"),
    };
    world.write(&world.config(), &text, 0o600);
}

fn deliver(world: &World, account: &str, from: &str, id: &str, more: &str) {
    let text = format!(
        "{more}From: {from}\r\nTo: support@example.com\r\nSubject: Pump {id}\r\nMessage-ID: <{id}@x.example>\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\nText {id}.\r\n"
    );
    world.run_with(&["deliver", "--account", account], &text).ok();
}

fn email(world: &World, id: &str) -> Value {
    world.json(&["email", "show", &format!("<{id}@x.example>")])
}

fn told(world: &World, user: &str) -> usize {
    world.json(&["notification", "list", "--unread", "--user", user])["items"].as_array().unwrap().len()
}

fn sent_by(world: &World, user: &str) -> Vec<Value> {
    let list = world.json(&["email", "list", "--sent", "--user", user]);
    list["items"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
}

fn unread(email: &Value) -> Vec<String> {
    let users = email["users"].as_array().unwrap().iter();
    users.filter(|user| user["read"] == false).map(|user| user["login"].as_str().unwrap().to_string()).collect()
}

/// To whom letters go out.
fn queued(world: &World) -> Vec<String> {
    let list = world.json(&["outbox", "list", "--all"]);
    let recipients = list["items"].as_array().unwrap().iter().flat_map(|one| one["recipients"].as_array().unwrap().clone());
    recipients.map(|one| one["address"].as_str().unwrap().to_string()).collect()
}

#[test]
fn access_5_mail_as_an_agent_is_received_unread_told_and_marked_and_answers_nothing() {
    for database in ["sqlite", "postgresql"] {
        let world = desk(database);
        let headers = "In-Reply-To: <a@x.example>\r\nX-Espomail-User: ada\r\nX-Espomail-Origin: ours\r\nAuthentication-Results: mx.example.com; \
                       dmarc=pass header.from=example.com\r\n";
        // Nobody is trusted by default, so the border's own word is nobody's.
        deliver(&world, "support", "Ada <ada@example.com>", "b", headers);
        let (spoofed, customers) = (email(&world, "b"), email(&world, "a"));
        assert_eq!((&spoofed["sender_not_verified"], &customers["sender_not_verified"]), (&json!(true), &json!(false)));
        assert_eq!(unread(&spoofed), ["ada", "ben"]);
        assert_eq!((told(&world, "ada"), told(&world, "ben")), (1, 1));
        assert_eq!((sent_by(&world, "ada"), sent_by(&world, "ben")), (vec![], vec![]));
        assert_eq!(customers["is_replied"], false, "the customer still waits");
        let listed = world.json(&["email", "list"]);
        let marks: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| one["sender_not_verified"].clone()).collect();
        assert_eq!(marks.iter().filter(|mark| **mark == json!(true)).count(), 1, "{marks:?}");
        let stream = world.json(&["case", "show", "1"]);
        let entry = stream["stream"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&entry["kind"], &entry["sender_not_verified"]), (&json!("email-received"), &json!(true)), "{entry}");
        for shown in [
            world.run(&["email", "show", "<b@x.example>"]).ok(),
            world.run(&["email", "list"]).ok(),
            world.run(&["case", "show", "1"]).ok(),
            world.run(&["--as", "ben", "notification", "list"]).ok(),
        ] {
            assert!(shown.contains("(sender not verified)"), "{shown}");
        }
        assert!(world.run(&["explain", "<b@x.example>"]).ok().contains("sender not verified"));
        assert_eq!(world.json(&["explain", "<b@x.example>"])["sender_not_verified"], true);
        // It goes on as a stranger's letter would: it says nothing of itself by another note either.
        world.run(&["email", "unlink", "2"]).ok();
        world.run(&["email", "link", "2", "case:1"]).ok();
        let stream = world.json(&["case", "show", "1"]);
        let kinds: Vec<_> =
            stream["stream"].as_array().unwrap().iter().filter(|one| one["email"] == 2).map(|one| one["kind"].clone()).collect();
        assert!(kinds.contains(&json!("email-received")) && !kinds.contains(&json!("email-sent")), "{kinds:?}");
        assert_eq!(world.run(&["reprocess", "2"]).status, Some(0));
        assert_eq!(email(&world, "b")["sender_not_verified"], true);
    }
}

#[test]
fn access_5_mail_that_our_border_vouches_for_is_its_authors() {
    for database in ["sqlite", "postgresql"] {
        let world = desk(database);
        trust(&world);
        deliver(&world, "support", "Ada <ada@example.com>", "b", &format!("{BORDER}In-Reply-To: <a@x.example>\r\n"));
        let verified = email(&world, "b");
        assert_eq!((verified["sender_not_verified"].clone(), unread(&verified)), (json!(false), vec!["ben".to_string()]));
        assert_eq!((sent_by(&world, "ada").len(), &email(&world, "a")["is_replied"]), (1, &json!(true)));
        let kinds = world.json(&["case", "show", "1"]);
        assert_eq!(kinds["stream"].as_array().unwrap().last().unwrap()["kind"], "email-sent");
        // The border vouches for the list and for the form, not for the one they name.
        for (id, from, reply_to) in
            [("c", "\"Ada via Desk\" <support@example.com>", "ada@example.com"), ("d", "support@example.com", "ada@example.com")]
        {
            deliver(&world, "support", from, id, &format!("{BORDER}Reply-To: {reply_to}\r\n"));
            assert_eq!(email(&world, id)["sender_not_verified"], true, "{from}");
        }
        assert_eq!(sent_by(&world, "ada").len(), 1);
    }
}

#[test]
fn access_5_a_spoofed_letter_to_the_agents_own_mailbox_is_news_to_the_agent() {
    for database in ["sqlite", "postgresql"] {
        let world = desk(database);
        let add = ["account", "add", "adas", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "192.0.2.1"];
        world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
        // Every server that takes a stranger's letter writes down from whom.
        deliver(
            &world,
            "adas",
            "ada@example.com",
            "b",
            "Received: from evil.test by mx.example.com; Mon, 23 Nov 2026 09:30:00 +0000\r\n",
        );
        let spoofed = email(&world, "b");
        assert_eq!((unread(&spoofed), told(&world, "ada"), sent_by(&world, "ada")), (vec!["ada".to_string()], 1, vec![]));
        assert_eq!(spoofed["sender_not_verified"], true);
        // What no server carried there, she put there; in others' names she can put what she likes.
        deliver(&world, "adas", "ada@example.com", "c", "");
        deliver(&world, "adas", "ben@example.com", "d", "");
        assert_eq!((sent_by(&world, "ada").len(), sent_by(&world, "ben").len(), told(&world, "ada")), (1, 0, 2));
        let inbox = world.json(&["email", "list", "--inbox", "--as", "ada"]);
        let ids: Vec<_> = inbox["items"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        let (spoofed, own) = (&spoofed["id"], &email(&world, "c")["id"]);
        assert!(!ids.contains(&own) && ids.contains(&spoofed), "INBOX-2: one's own letters are not in it: {ids:?}");
    }
}

#[test]
fn fetch_15_the_sent_mailbox_of_a_personal_account_verifies_what_the_desk_had_before() {
    for database in ["sqlite", "postgresql"] {
        let (world, user) = (desk(database), format!("spoof-sent-{database}"));
        let server = dovecot::server();
        server.run(&user, &["CREATE Sent"]);
        let config = std::fs::read_to_string(world.config()).unwrap();
        let listed = match config.contains("[security]") {
            true => config.replace("[security]", "[security]\ninternal-hosts = [\"127.0.0.1\"]"),
            false => format!("{config}\n[security]\ninternal-hosts = [\"127.0.0.1\"]\n"),
        };
        world.write(&world.config(), &listed, 0o600);
        let port = server.port.to_string();
        let add = ["account", "add", "adas", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "127.0.0.1"];
        let more =
            ["--imap-port", &port, "--imap-security", "plain", "--imap-user", &user, "--mailbox", "INBOX", "--mailbox", "Sent"];
        world
            .run_with(
                &[&add[..], &more, &["--fetch-since", "2020-01-01", "--act-since", "2020-01-01", "--password-stdin"]].concat(),
                &format!("{PASSWORD}\n"),
            )
            .ok();
        let letter = "From: ada@example.com\r\nTo: dora@example.org\r\nCc: support@example.com\r\nSubject: Re: Pump a\r\nMessage-ID: <b@x.example>\r\n\
                      In-Reply-To: <a@x.example>\r\nDate: Mon, 23 Nov 2026 09:30:00 +0000\r\n\r\nIt is on its way.\r\n";
        world.run_with(&["deliver", "--account", "support"], letter).ok();
        assert_eq!((email(&world, "b")["sender_not_verified"].clone(), sent_by(&world, "ada")), (json!(true), vec![]));
        server.append(&user, "Sent", [letter.as_bytes()]);
        server.append(
            &user,
            "INBOX",
            [format!("Received: from evil.test by mx.example.com\r\n{}", letter.replace("<b@", "<c@")).as_bytes()],
        );
        world.run(&["fetch", "adas"]).ok();
        let verified = email(&world, "b");
        assert_eq!((verified["sender_not_verified"].clone(), sent_by(&world, "ada").len()), (json!(false), 1));
        let stream = world.json(&["case", "show", "1"]);
        let of =
            |id: &Value| stream["stream"].as_array().unwrap().iter().find(|one| one["email"] == *id).unwrap()["kind"].clone();
        assert_eq!(of(&verified["id"]), "email-sent");
        let spoofed = email(&world, "c");
        assert_eq!((spoofed["sender_not_verified"].clone(), unread(&spoofed).contains(&"ada".to_string())), (json!(true), true));
    }
}

#[test]
fn auto_2_a_web_form_and_colleagues_open_cases_and_nobody_is_answered_for_us() {
    for database in ["sqlite", "postgresql"] {
        let world = desk(database);
        world.run(&["record", "add", "contact", "Dora", "--address", "dora@example.org"]).ok();
        let add =
            ["account", "add", "bens", "--owner", "ben", "--address", "ben.private@example.com", "--imap-host", "192.0.2.1"];
        world.run_with(&[&add[..], &["--password-stdin"]].concat(), "hunter2\n").ok();
        world.run_with(&["template", "add", "ack", "--subject", "We have it", "--file", "-"], "We have it.\n").ok();
        let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", "9", "--smtp-security", "plain", "--reply-to", "desk@example.com"];
        world.run(&[&["account", "set", "support", "--auto-reply", "ack"][..], &smtp].concat()).ok();
        let mut answered = Vec::new();
        for (id, from, more, to) in [
            ("b", "Website <support@example.com>", "Reply-To: Dora <dora@example.org>\r\n", Some("dora@example.org")),
            ("c", "Scanner <support@example.com>", "", None),
            ("d", "support+scan@example.com", "", None),
            ("e", "desk@example.com", "", None),
            ("f", "ben.private@example.com", "", Some("ben.private@example.com")),
            ("g", "ben@example.com", "", Some("ben@example.com")),
            ("h", "no.reply2@shop.example", "", None),
            ("i", "post_master@gateway.example", "", None),
            (
                "j",
                "eve@example.org",
                "Auto-Submitted: auto-generated\r\nX-MS-Exchange-Inbox-Rules-Loop: info@example.com\r\n",
                None,
            ),
        ] {
            deliver(&world, "support", from, id, more);
            let stored = email(&world, id);
            assert_eq!(stored["parent_by"], "opened", "{from}: {}", world.run(&["explain", &format!("<{id}@x.example>")]).ok());
            answered.extend(to.map(str::to_string));
            let to = queued(&world);
            assert_eq!(to.len(), answered.len(), "{from}: {to:?}");
            assert!(answered.iter().all(|one| to.contains(one)), "{from}: {to:?}");
        }
        // The same once more is the same e-mail (DUP-1).
        deliver(&world, "support", "Website <support@example.com>", "b", "Reply-To: Dora <dora@example.org>\r\n");
        let form = world.json(&["email", "list", "--from", "dora@example.org"]);
        assert_eq!(form["items"].as_array().unwrap().len(), 2, "the customer wrote it, and her first one");
        let case = email(&world, "b")["parent"].as_str().unwrap().trim_start_matches("case:").to_string();
        assert_eq!(world.json(&["case", "show", &case])["contact"], "contact:1");
    }
}
