//! SEND-2, SEND-5, SEND-8, SEND-10: whom an answer goes to, where the next one comes back, and what colleagues get of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{compose, world_on};
use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

const QUESTION: &str = "From: dora@example.org\r\nTo: support@example.com, sales@example.com, carl@example.org\r\n\
    Cc: ada@example.com\r\nReply-To: desk@example.org\r\nSubject: x\r\nMessage-ID: <a@example.org>\r\n\r\nHi\r\n";

/// Two group accounts of a team; sales@ is never answered, and support@ wants its answers elsewhere.
fn office(database: &str, sink: &SmtpSink) -> World {
    let world = world_on(database, sink);
    world.run(&["team", "add", "desk"]).ok();
    world.run(&["account", "set", "support", "--team", "desk", "--make-cases", "--reply-to", "help@example.com"]).ok();
    let add = ["account", "add", "sales", "--address", "sales@example.com", "--imap-host", "127.0.0.1", "--password-stdin"];
    world.run_with(&[&add[..], &["--exclude-from-reply"]].concat(), "x").ok();
    world.run_with(&["deliver", "--account", "support"], QUESTION).ok();
    world
}

fn header(sink: &SmtpSink, number: usize) -> String {
    let text = String::from_utf8(sink.taken()[number].bytes.clone()).unwrap();
    text.split("\r\n\r\n").next().unwrap().to_string()
}

#[test]
fn send_5_and_10_an_answer_goes_to_reply_to_and_to_all_but_ourselves_and_comes_back_to_the_group() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = office(database, &sink);
        world.run(&["email", "reply", "<a@example.org>", "--text", "Yes."]).ok();
        assert_eq!(sink.taken()[0].to, ["<desk@example.org>"], "{database}");
        assert!(header(&sink, 0).lines().any(|line| line == "Reply-To: help@example.com"), "{}", header(&sink, 0));
        world.run(&["email", "reply", "<a@example.org>", "--text", "Yes.", "--all"]).ok();
        let head = header(&sink, 1);
        assert!(head.contains("To: desk@example.org") && head.contains("Cc: carl@example.org, ada@example.com"), "{head}");
        assert_eq!(sink.taken()[1].to, ["<ada@example.com>", "<carl@example.org>", "<desk@example.org>"]);
        let to = ["--to", "dora@example.org, zoe@example.org"];
        world.run(&[&["email", "reply", "<a@example.org>", "--text", "Yes."][..], &to].concat()).ok();
        assert_eq!(sink.taken()[2].to, ["<dora@example.org>", "<zoe@example.org>"]);
        // Whatever belongs to the case: a new letter, and one that passes mail on.
        let new = ["--to", "zoe@example.org", "--parent", "case:1", "--subject", "New", "--text", "Hello."];
        world.run(&[&["email", "compose"][..], &new].concat()).ok();
        world.run(&["email", "forward", "<a@example.org>", "--to", "expert@example.org", "--text", "Look."]).ok();
        for number in [3, 4] {
            let head = header(&sink, number);
            assert!(head.lines().any(|line| line == "Reply-To: help@example.com"), "{database}: {head}");
        }
        // THREAD-2: the teams come along.
        let sent = world.json(&["email", "reply", "<a@example.org>", "--text", "Yes."]);
        let shown = world.json(&["email", "show", &sent["email"].to_string()]);
        assert_eq!((&shown["teams"], &shown["parent"]), (&json!(["desk"]), &json!("case:1")), "{database}: {shown}");
    }
}

#[test]
fn send_8_colleagues_get_it_with_their_own_filters() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run(&["user", "add", "ben", "--address", "ben@example.com"]).ok();
        world.run(&["folder", "add", "Pumps", "--user", "ben"]).ok();
        let filter =
            ["filter", "add", "pumps", "--user", "ben", "--subject", "*pump*", "--folder", "Pumps", "--skip-notification"];
        world.run(&filter).ok();
        compose(&world, &["--to", "ada@example.com", "--cc", "ben@example.com"]);
        let listed = |arguments: &[&str]| world.json(arguments)["items"].as_array().unwrap().len();
        assert_eq!(listed(&["email", "list", "--user", "ada", "--inbox", "--unread"]), 1, "{database}");
        assert_eq!(listed(&["email", "list", "--user", "ben", "--folder", "Pumps"]), 1, "{database}");
        assert_eq!(
            (listed(&["notification", "list", "--user", "ada"]), listed(&["notification", "list", "--user", "ben"])),
            (1, 0)
        );
    }
}

#[test]
fn send_2_the_password_for_sending_is_its_own_or_that_for_reading() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.write(&world.path("password"), "from-file\nsecond line\n", 0o600);
    world.write(&world.path("credentials/smtp"), "from-credential", 0o600);
    let file = world.path("password");
    let mut seen = 0;
    let mut logs_in = |options: &[&str], input: &str, user: &str, password: &str| {
        let set: Vec<&str> = [&["account", "set", "support"][..], options].concat();
        world.run_with(&set, input).ok();
        let mut test = world.command(&["account", "test", "support", "--smtp"]);
        let _ = crate::support::world::Done::of(test.env("CREDENTIALS_DIRECTORY", world.path("credentials")), "").ok();
        let heard: Vec<String> = sink.heard().into_iter().filter(|line| line.starts_with("AUTH PLAIN ")).collect();
        let sent = STANDARD.decode(heard[seen].trim_start_matches("AUTH PLAIN ")).unwrap();
        assert_eq!(String::from_utf8(sent).unwrap(), format!("\0{user}\0{password}"), "{options:?}");
        seen += 1;
    };
    logs_in(&["--smtp-user", "sender"], "", "sender", "hunter2");
    logs_in(&["--smtp-password-stdin"], "own\n", "sender", "own");
    logs_in(&["--smtp-password-file", file.to_str().unwrap()], "", "sender", "from-file");
    logs_in(&["--smtp-password-command", "echo", "from-command"], "", "sender", "from-command");
    logs_in(&["--smtp-password-credential", "smtp"], "", "sender", "from-credential");
    logs_in(&["--smtp-user", ""], "", "support@example.com", "from-credential");
    let shown: Value = world.json(&["account", "show", "support"]);
    assert!(
        ["hunter2", "own\\n", "from-file", "from-credential"].iter().all(|secret| !shown.to_string().contains(secret)),
        "{shown}"
    );
}

#[test]
fn ack_1_only_group_accounts_answer_by_themselves() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.run_with(&["template", "add", "ack", "--subject", "x"], "x").ok();
    let add = ["account", "add", "ada", "--owner", "ada", "--address", "ada@example.com", "--imap-host", "imap.example.com"];
    world.run_with(&[&add[..], &["--password-stdin"]].concat(), "x").ok();
    let done = world.run(&["account", "set", "ada", "--auto-reply", "ack"]);
    assert!(done.status == Some(64) && done.stderr.contains("group account"), "{}", done.stderr);
}

#[test]
fn auto_2_and_send_10_what_asks_for_answers_to_ourselves_is_answered_to_its_author() {
    let sink = SmtpSink::start(Manners::default());
    let world = office("sqlite", &sink);
    world.run(&["user", "add", "zoe", "--address", "zoe@example.com"]).ok();
    let asks = |id: &str, reply_to: &str| {
        let mail = format!(
            "From: dora@example.org\r\nTo: support@example.com\r\nCc: carl@example.org\r\nReply-To: {reply_to}\r\nSubject: x\r\n\
             Message-ID: <{id}@example.org>\r\n\r\nHi {id}\r\n"
        );
        world.run_with(&["deliver", "--account", "support"], &mail).ok();
    };
    let mut sent = 0;
    let mut goes_to = |line: &[&str]| {
        let said = world.run(line).ok();
        sent += 1;
        (said, sink.taken()[sent - 1].to.clone())
    };
    let ours = ["support@example.com", "Support+news@example.com", "help@example.com", "zoe@example.com"];
    for (place, reply_to) in ours.into_iter().enumerate() {
        asks(&format!("own{place}"), reply_to);
        let (said, to) = goes_to(&["email", "reply", &format!("<own{place}@example.org>"), "--text", "Yes."]);
        assert_eq!(to, ["<dora@example.org>"], "{reply_to}: {said}");
        assert!(said.starts_with("To: dora@example.org\n"), "{said}");
    }
    let (said, to) = goes_to(&["case", "reply", "2", "--text", "Yes.", "--all"]);
    assert_eq!(to, ["<carl@example.org>", "<dora@example.org>"], "{said}");
    // What somebody else is named beside ours is for them.
    asks("both", "help@example.com, desk@example.org");
    let (said, to) = goes_to(&["email", "reply", "<both@example.org>", "--text", "Yes."]);
    assert_eq!(to, ["<desk@example.org>"], "{said}");
}
