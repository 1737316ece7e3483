//! `send` and what fills the outbox, through the real binary against a scripted SMTP server, on both databases.

mod answers;
mod deaths;
mod empty;
mod failing;
mod outbox;
mod relay;
mod rights;

use serde_json::{Value, json};

use espomail::mail::dkim::SigningKey;

use crate::dkim::is_accepted;
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with a shared group account that sends through the sink.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    world.run(&["user", "add", "ada", "--name", "Ada Example", "--address", "ada@example.com"]).ok();
    let port = sink.port.to_string();
    let add = ["account", "add", "support", "--address", "support@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp =
        ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--shared", "--from-name", "Support"];
    world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
    world
}

fn compose(world: &World, more: &[&str]) -> Value {
    let compose = ["email", "compose", "--subject", "Your pump", "--text", "It is on its way."];
    world.json(&[&compose[..], more].concat())
}

/// Sends through another sink from now on.
fn set(world: &World, sink: &SmtpSink) {
    world.run(&["account", "set", "support", "--smtp-port", &sink.port.to_string()]).ok();
}

fn outbox(world: &World, id: &Value) -> Value {
    world.json(&["outbox", "show", &id.to_string()])
}

#[test]
fn send_1_a_message_goes_out_at_once_with_an_id_of_ours_and_is_filed() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        assert!(world.run(&["account", "test", "support", "--smtp"]).ok().contains("Logged in as support@example.com"));
        world.run(&["case", "create", "Pump"]).ok();
        let more = [
            "--to",
            "Dora Example <dora@example.org>",
            "--cc",
            "ada@example.com",
            "--bcc",
            "eve@example.org",
            "--parent",
            "case:1",
        ];
        let sent = compose(&world, &more);
        assert_eq!(sent["state"], "sent", "{database}: {sent}");
        let taken = sink.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].from.split(' ').next(), Some("<support@example.com>"));
        assert_eq!(taken[0].to, ["<ada@example.com>", "<dora@example.org>", "<eve@example.org>"]);
        let text = String::from_utf8(taken[0].bytes.clone()).unwrap();
        assert!(text.contains("From: Support <support@example.com>") && text.contains("It is on its way."), "{text}");
        assert!(!text.contains("eve@") && !text.to_lowercase().contains("bcc"), "SEND-4: {text}");
        let shown = world.json(&["email", "show", &sent["email"].to_string()]);
        assert_eq!((&shown["parent"], &shown["deliveries"].as_array().unwrap().len()), (&json!("case:1"), &3), "{shown}");
        // SEND-8: the stream tells of it, and one of us who is in Cc has it in the inbox.
        let stream = world.json(&["case", "show", "1"])["stream"].to_string();
        assert!(stream.contains("email-sent"), "{stream}");
        assert_eq!(shown["users"][0]["login"], "ada");
        let heard = world.json(&["notification", "list", "--user", "ada"])["items"].clone();
        assert_eq!(heard.as_array().unwrap().len(), 1, "{heard}");
        // LINK-1: an answer, even with another subject and only that id, comes to the case.
        let answer = format!(
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: thanks\r\nMessage-ID: <b@example.org>\r\n\
             In-Reply-To: <{}>\r\n\r\nThank you.\r\n",
            shown["message_id"].as_str().unwrap()
        );
        world.run_with(&["deliver", "--account", "support"], &answer).ok();
        let answered = world.json(&["email", "show", "<b@example.org>"]);
        assert_eq!((&answered["parent"], &answered["parent_by"]), (&json!("case:1"), &json!("token")));
        assert_eq!(world.run(&["send"]).ok(), "", "there is nothing left, and nothing to say");
    }
}

#[test]
fn send_2_a_test_message_goes_through_the_account_and_its_server_is_quoted() {
    let recipients = vec![("eve", Some("550 5.1.1 nobody")), ("later", Some("450 4.2.1 greylisted"))];
    let sink = SmtpSink::start(Manners { recipients, ..Manners::default() });
    let world = world_on("sqlite", &sink);
    let test = |to: &[&str]| {
        let to = to.iter().flat_map(|to| ["--send-to", to]).collect::<Vec<_>>();
        world.run(&[&["account", "test", "support", "--smtp"][..], &to].concat())
    };
    let told = test(&["dora@example.org"]).ok();
    assert!(told.contains("Logged in as support@example.com"), "{told}");
    assert!(told.contains("The server took the test message for dora@example.org: 250 2.0.0 taken"), "{told}");
    let taken = sink.taken();
    assert_eq!(taken[0].from.split(' ').next(), Some("<support@example.com>"));
    assert_eq!(taken[0].to, ["<dora@example.org>"]);
    let text = String::from_utf8(taken[0].bytes.clone()).unwrap();
    for part in ["From: Support <support@example.com>", "Subject: espomail test message", "Auto-Submitted: auto-generated"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let line = test(&["eve@example.org", "dora@example.org"]).fails(77);
    assert!(
        line.contains("account support: the server refused the test message for eve@example.org: 550 5.1.1 nobody"),
        "{line}"
    );
    assert_eq!(sink.taken()[1].to, ["<dora@example.org>"], "one that is refused holds up no other");
    assert!(test(&["later@example.org"]).fails(75).contains("450 4.2.1 greylisted"));
    let answers = world.json(&["account", "test", "support", "--smtp", "--send-to", "dora@example.org"])["items"].clone();
    assert_eq!(
        answers[0],
        json!({ "address": "dora@example.org", "taken": true, "code": 250, "status": "2.0.0", "text": "taken" })
    );
    assert_eq!(world.run(&["account", "test", "support", "--send-to", "dora@example.org"]).status, Some(64), "only with --smtp");
    assert_eq!(test(&["dora@example.org\nBcc: eve@example.org"]).status, Some(64));
    assert_eq!(world.json(&["email", "list"])["items"], json!([]), "nothing of it is kept");
    assert!(world.run(&["audit", "list"]).ok().contains("a message to dora@example.org"));
    let cut = SmtpSink::start(Manners { data: None, ..Manners::default() });
    world.run(&["account", "set", "support", "--smtp-port", &cut.port.to_string()]).ok();
    assert!(test(&["dora@example.org"]).fails(69).contains("account support: the test message was not sent"));
}

#[test]
fn send_6_what_breaks_before_the_last_dot_is_tried_again_and_what_breaks_behind_it_is_not() {
    let fine = Manners::default;
    for (what, manners, state, attempts_again) in [
        ("greeting", Manners { greeting: None, ..fine() }, "queued", true),
        ("refused greeting", Manners { greeting: Some("554 no"), ..fine() }, "queued", true),
        ("EHLO", Manners { ehlo: None, ..fine() }, "queued", true),
        ("AUTH", Manners { auth: vec![Some("535 5.7.8 hunter2 is wrong")], ..fine() }, "queued", true),
        ("MAIL", Manners { mail: Some("451 4.3.0 later"), ..fine() }, "queued", true),
        ("MAIL refused", Manners { mail: Some("550 5.1.8 no"), ..fine() }, "failed", false),
        ("RCPT later", Manners { recipients: vec![("dora", Some("450 4.2.1 greylisted"))], ..fine() }, "queued", true),
        ("RCPT refused", Manners { recipients: vec![("dora", Some("550 5.1.1 nobody"))], ..fine() }, "failed", false),
        ("RCPT 421", Manners { recipients: vec![("dora", Some("421 4.3.2 closing"))], ..fine() }, "queued", true),
        ("RCPT hangs up", Manners { recipients: vec![("dora", None)], ..fine() }, "queued", true),
        ("DATA", Manners { data: Some("451 later"), ..fine() }, "queued", true),
        ("DATA hangs up", Manners { data: None, ..fine() }, "queued", true),
        ("dot later", Manners { dot: Some("452 4.3.1 full"), ..fine() }, "queued", true),
        ("dot refused", Manners { dot: Some("554 5.7.1 spam"), ..fine() }, "failed", false),
        ("dot hangs up", Manners { dot: None, ..fine() }, "maybe-sent", false),
        ("garbage", Manners { mail: Some("hello there"), ..fine() }, "queued", true),
    ] {
        let sink = SmtpSink::start(manners);
        let world = world_on("sqlite", &sink);
        let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
        let sent = world.run(&["send"]);
        assert!(!sent.stderr.contains("hunter2"), "{what}: {}", sent.stderr);
        let shown = outbox(&world, &queued["outbox"]);
        assert_eq!(shown["state"], state, "{what}: {shown} {}", sent.stderr);
        assert_eq!(shown["due_at"].is_string(), attempts_again, "{what}: {shown}");
        assert_eq!(sink.taken().len(), usize::from(what.starts_with("dot")), "{what}");
        // Nothing is doubled: what is not due yet, or over, is left alone.
        let _ = world.run(&["send"]);
        assert_eq!(sink.taken().len(), usize::from(what.starts_with("dot")), "{what}");
    }
}

#[test]
fn send_6_a_recipient_that_is_refused_holds_up_no_other_and_its_author_hears_of_it() {
    for database in ["sqlite", "postgresql"] {
        let recipients = vec![("eve", Some("550 5.1.1 nobody")), ("later", Some("450 4.2.1 greylisted"))];
        let sink = SmtpSink::start(Manners { recipients, ..Manners::default() });
        let world = world_on(database, &sink);
        world.run(&["role", "add", "agents"]).ok();
        world.run(&["role", "grant", "agents", "group-account", "use", "all"]).ok();
        world.run(&["role", "give", "agents", "--user", "ada"]).ok();
        let to = ["--to", "dora@example.org", "--to", "eve@example.org", "--to", "later@example.org"];
        let sent = compose(&world, &[&["--as", "ada"][..], &to].concat());
        let shown = outbox(&world, &sent["outbox"]);
        let states: Vec<&str> =
            shown["recipients"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!((states, &shown["state"]), (vec!["sent", "failed", "pending"], &json!("queued")), "{database}: {shown}");
        let heard = world.json(&["notification", "list", "--user", "ada"]).to_string();
        assert!(heard.contains("eve@example.org: nobody"), "{heard}");
    }
}

#[test]
fn send_11_what_goes_out_is_signed_where_the_domain_has_a_key() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let key = || openssl::pkey::PKey::generate_ed25519().unwrap().private_key_to_pem_pkcs8().unwrap();
    let (above, nearer) = (key(), key());
    let config = std::fs::read_to_string(world.config()).unwrap();
    let entry = |domain: &str, file: &str| format!("\"{domain}\" = {{ selector = \"desk\", key-file = \"{file}\" }}\n");
    let dkim = format!("[send.dkim]\n{}{}", entry("com", "above.pem"), entry("example.com", "dkim.pem"));
    world.write(&world.config(), &format!("{config}\n{dkim}"), 0o600);
    let file = |name: &str| world.config().with_file_name(name);
    world.write(&file("above.pem"), std::str::from_utf8(&above).unwrap(), 0o600);
    world.write(&file("dkim.pem"), std::str::from_utf8(&nearer).unwrap(), 0o644);
    let line = world.run(&["send"]).fails(77);
    assert!(line.contains("others can read") && line.contains("chmod 600"), "{line}");
    world.write(&file("dkim.pem"), std::str::from_utf8(&nearer).unwrap(), 0o600);
    compose(&world, &["--to", "Dora Döring <dora@example.org>", "--bcc", "eve@example.org"]);
    let sent = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
    assert!(sent.starts_with("DKIM-Signature:") && sent.contains("d=example.com") && sent.contains("s=desk"), "{sent}");
    // As it came over the wire, an independent verifier accepts it.
    let record = SigningKey::read("example.com", "desk", &nearer).unwrap().record().unwrap();
    assert!(is_accepted(sent.as_bytes(), &record), "{sent}");
    assert!(!is_accepted(sent.replacen("Your pump", "My pump", 1).as_bytes(), &record));
}

#[test]
fn send_3_nobody_sends_as_somebody_else() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let refused = |arguments: &[&str], part: &str| {
        let line =
            world.run(&[&["email", "compose", "--subject", "x", "--text", "x", "--to", "d@example.org"], arguments].concat());
        let line = line.fails(77);
        assert!(line.contains(part), "{arguments:?}: {line}");
    };
    refused(&["--as", "ada"], "there is no account that you may send through");
    refused(&["--as", "ada", "--from", "support@example.com"], "you may not send as <support@example.com>");
    refused(&["--from", "ada@example.com"], "you may not send as <ada@example.com>");
    refused(&["--from", "ceo@example.com"], "you may not send as <ceo@example.com>");
    for (given, status) in [("a\nBcc: x@example.org", 65), ("a\r", 65)] {
        world.run(&["email", "compose", "--subject", given, "--text", "x", "--to", "d@example.org"]).fails(status);
    }
    assert!(sink.taken().is_empty());
}

#[test]
fn send_6_people_look_after_the_outbox() {
    let sink = SmtpSink::start(Manners { dot: None, ..Manners::default() });
    let world = world_on("sqlite", &sink);
    let queued = compose(&world, &["--to", "dora@example.org", "--queue"]);
    let id = queued["outbox"].to_string();
    let outbox = |verb: &str| world.run(&["outbox", verb, &id]);
    outbox("hold").ok();
    world.run(&["send"]).ok();
    assert!(sink.taken().is_empty());
    outbox("retry").fails(65);
    outbox("release").ok();
    let line = world.run(&["send"]).fails(75);
    assert!(line.contains("may have been sent") && line.contains(&format!("outbox mark-sent {id}")), "{line}");
    outbox("hold").fails(65);
    outbox("mark-sent").ok();
    assert_eq!(world.json(&["outbox", "list", "--all"])["items"][0]["state"], "sent");
    outbox("drop").fails(65);
    // Whoever writes at once hears of it once, with what to type.
    let done = world.run(&["email", "compose", "--subject", "x", "--text", "x", "--to", "dora@example.org"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(75), ""), "{done:?}");
    assert!(done.stderr.lines().count() == 1 && done.stderr.contains("outbox mark-sent "), "{done:?}");
    let later = compose(&world, &["--to", "dora@example.org", "--at", "2026-12-24T09:00:00Z"]);
    assert_eq!(self::outbox(&world, &later["outbox"])["due_at"], "2026-12-24T09:00:00Z");
    world.run(&["outbox", "drop", &later["outbox"].to_string()]).ok();
    world.run(&["email", "show", &later["email"].to_string()]).fails(65);
}

#[test]
fn send_5_and_10_an_agent_answers_from_an_account_of_their_own_and_the_customer_comes_back_to_the_case() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run(&["account", "set", "support", "--make-cases"]).ok();
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}internal-hosts = [\"127.0.0.1\"]\n"), 0o600);
        let port = sink.port.to_string();
        let add = ["account", "add", "ada", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "127.0.0.1"];
        let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--password-stdin"];
        world.run_with(&[&add[..], &smtp].concat(), "hunter2\n").ok();
        let question = "From: Dora Example <dora@example.org>\r\nTo: support@example.com\r\nCc: bob@example.net\r\n\
            Subject: =?utf-8?q?Pumpe_f=C3=BCr_K=C3=B6ln?=\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\
            Message-ID: <a@example.org>\r\nReferences: <first@example.org>\r\n\r\nDoes it fit?\r\n";
        world.run_with(&["deliver", "--account", "support"], question).ok();
        world.run(&["case", "assign", "1", "ada"]).ok();
        world.run(&["role", "add", "agents"]).ok();
        for scope in ["case", "email"] {
            world.run(&["role", "grant", "agents", scope, "read", "all"]).ok();
        }
        world.run(&["role", "give", "agents", "--user", "ada"]).ok();
        let sent = world.json(&["--as", "ada", "case", "reply", "1", "--all", "--text", "Yes, it does."]);
        assert_eq!(sent["state"], "sent", "{database}");
        let taken = sink.taken();
        assert_eq!(taken[0].from.split(' ').next(), Some("<ada@example.com>"));
        assert_eq!(taken[0].to, ["<bob@example.net>", "<dora@example.org>"]);
        let answer = String::from_utf8(taken[0].bytes.clone()).unwrap();
        assert!(answer.contains("Reply-To: support@example.com"), "SEND-5: {answer}");
        assert!(answer.contains("In-Reply-To: <a@example.org>") && answer.contains("<first@example.org>"), "SEND-4: {answer}");
        assert!(answer.contains("> Does it fit?") && answer.contains("Ada Example"), "{answer}");
        let shown = world.json(&["email", "show", &sent["email"].to_string()]);
        assert_eq!((&shown["subject"], &shown["parent"]), (&json!("Re: Pumpe für Köln"), &json!("case:1")));
        assert_eq!(shown["reply_text"].as_str().unwrap().trim(), "Yes, it does.", "our own quotation is known again");
        assert_eq!(world.json(&["email", "show", "<a@example.org>"])["is_replied"], true);
        // The customer answers to the group account, with nothing but the reference.
        let thanks = format!(
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: thanks\r\nMessage-ID: <c@example.org>\r\n\
             In-Reply-To: <{}>\r\n\r\nThank you.\r\n",
            shown["message_id"].as_str().unwrap()
        );
        world.run_with(&["deliver", "--account", "support"], &thanks).ok();
        assert_eq!(world.json(&["email", "show", "<c@example.org>"])["parent"], "case:1");
        let heard = world.json(&["notification", "list", "--user", "ada"]).to_string();
        assert!(heard.contains("thanks"), "{heard}");
        // CASE-2: who may write into it and why, who of us wrote what; whom a letter went to in Bcc is its author's to know (SEND-4).
        let wrong = ["--to", "wrong@other.example", "--bcc", "hidden@other.example", "--text", "Our prices."];
        let wrong = world.json(&[&["email", "reply", "<a@example.org>"][..], &wrong].concat());
        let answered = json!({ "email": 2, "by": "ada", "at": "2026-11-23T10:00:00Z" });
        assert_eq!(wrong["answered"], answered, "whoever answers once more hears of it");
        // Not of an answer that they may not read.
        world.run(&["user", "add", "ben", "--address", "ben@example.com"]).ok();
        world.run(&["role", "add", "few"]).ok();
        for grant in [["email", "read", "own"], ["email", "edit", "own"], ["group-account", "use", "all"]] {
            world.run(&[&["role", "grant", "few"][..], &grant].concat()).ok();
        }
        world.run(&["role", "give", "few", "--user", "ben"]).ok();
        world.run(&["email", "set", "<a@example.org>", "--user", "ben"]).ok();
        for (user, is_told) in [("ada", true), ("ben", false)] {
            let again = ["--as", user, "email", "reply", "<a@example.org>", "--text", "Hello.", "--dry-run"];
            assert_eq!(world.json(&again).to_string().contains("\"answered\":{"), is_told, "{database}: {user}");
            assert_eq!(world.run(&again).ok().contains("It was answered"), is_told, "{database}: {user}");
        }
        let wrong = wrong["email"].to_string();
        let case = world.run(&["--as", "ada", "case", "show", "1"]).ok();
        let part = |case: &str| case.lines().find_map(|line| line.strip_prefix("takes part:")).unwrap().trim().to_string();
        assert_eq!(
            part(&case),
            format!(
                "dora@example.org (opened it), bob@example.net (was sent e-mail 2), wrong@other.example (was sent e-mail {wrong})"
            )
        );
        assert!(case.contains("  sent e-mail 2 by ada from ada@example.com: Re: "), "{case}");
        assert!(part(&world.run(&["case", "show", "1"]).ok()).contains("hidden@other.example"), "an administrator may know");
        let by = world.json(&["outbox", "list", "--all"])["items"][0]["by"].clone();
        assert!(by.is_string() && world.json(&["email", "show", &wrong])["author"] == by, "{by}");
        assert!(case.contains(&format!("  sent e-mail {wrong} by {} from support@", by.as_str().unwrap())), "{case}");
        // Taken from the case, the letter lets nobody into it.
        world.run(&["email", "unlink", &wrong]).ok();
        assert_eq!(
            part(&world.run(&["case", "show", "1"]).ok()),
            "dora@example.org (opened it), bob@example.net (was sent e-mail 2)"
        );
        // It is passed on with what came with it.
        let forward = world.json(&["email", "forward", "<a@example.org>", "--to", "plant@example.com", "--text", "Please look."]);
        assert_eq!(forward["state"], "sent");
        let forwarded = String::from_utf8(sink.taken().pop().unwrap().bytes).unwrap();
        assert!(forwarded.contains("Please look.") && forwarded.contains("Does it fit?"), "{forwarded}");
    }
}

#[test]
fn send_9_templates_are_checked_when_they_are_added_and_what_is_put_in_is_data() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let add = ["template", "add", "hello", "--subject", "About case {Case.number}"];
        world.run_with(&add, "Dear {Person.name},\nyour {{ Case.name }} is {Case.status}.\n{Nobody.name}\n").fails(65);
        world.run_with(&add, "Dear {Person.name},\nyour {{ Case.name }} is {Case.status}.\n").ok();
        assert!(world.run(&["template", "preview", "hello"]).ok().contains("Dear Dora Example,"));
        assert!(world.run(&["template", "list"]).ok().contains("hello"));
        assert!(world.run(&["template", "show", "hello"]).ok().contains("{{ Case.name }} is {Case.status}"));
        world.run(&["case", "create", "Pump {{ 7 * 7 }} {User.name}"]).ok();
        let to = ["--to", "Dora {Case.name} <dora@example.org>", "--parent", "case:1", "--template", "hello"];
        let sent = world.json(&[&["email", "compose"][..], &to].concat());
        assert_eq!(sent["state"], "sent", "{database}: {sent}");
        let shown = world.json(&["email", "show", &sent["email"].to_string()]);
        assert_eq!(shown["subject"], "About case 1");
        let text = shown["text"].as_str().unwrap();
        assert!(text.contains("Dear Dora {Case.name},") && text.contains("your Pump {{ 7 * 7 }} {User.name} is new."), "{text}");
        world.run(&["template", "set", "hello", "--subject", "{Person.nam}"]).fails(65);
        world.run(&["email", "compose", "--to", "a@example.org", "--template", "nothing"]).fails(65);
    }
}

#[test]
fn send_6_an_account_with_messages_on_their_way_is_not_removed() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    compose(&world, &["--to", "dora@example.org", "--queue"]);
    let line = world.run(&["account", "remove", "support"]).fails(65);
    assert!(line.contains("1 message of the outbox goes out through account support"), "{line}");
    world.run(&["send"]).ok();
    world.run(&["account", "remove", "support"]).ok();
}
