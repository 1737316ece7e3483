//! SEND-3: who may send as whom, with real roles, for people who come through sudo; and what hostile mail makes of an answer.

use serde_json::Value;

use super::{compose, world_on};
use crate::support::office::Office;
use crate::support::smtp::{Manners, SmtpSink};

/// Adds an account that sends through the sink; the options say whose it is and who may use it.
fn account(office: &Office, sink: &SmtpSink, name: &str, more: &[&str]) {
    let (port, address) = (sink.port.to_string(), format!("{name}@example.com"));
    let add = ["account", "add", name, "--address", &address, "--imap-host", "127.0.0.1", "--password-command", "echo", "x"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
    office.service(&[&add[..], &smtp, more].concat()).ok();
}

/// Four people: no right, their team's accounts, all accounts by their own role, and all by their team's role beside a lesser one.
const PEOPLE: [&str; 4] = ["nina", "theo", "alma", "ruth"];

fn office_on(database: &str, sink: &SmtpSink) -> Office {
    let office = Office::on(database);
    let config = std::fs::read_to_string(office.config()).unwrap();
    std::fs::write(office.config(), format!("{config}internal-hosts = [\"127.0.0.1\"]\n")).unwrap();
    let run = |line: &str| drop(office.service(&line.split(' ').collect::<Vec<_>>()).ok());
    for user in PEOPLE.into_iter().chain(["boss"]) {
        run(&format!("user add {user} --address {user}@example.com"));
    }
    run("team add desk");
    run("team add sales");
    run("team add lead");
    run("team join desk nina theo alma ruth");
    run("team join lead ruth");
    for level in ["team", "all"] {
        run(&format!("role add {level}"));
        run(&format!("role grant {level} group-account use {level}"));
        run(&format!("role grant {level} email read all"));
    }
    run("role give team --user theo");
    run("role give all --user alma");
    run("role give team --user ruth");
    run("role give all --team lead");
    account(&office, sink, "support", &["--shared", "--team", "desk"]);
    account(&office, sink, "sales", &["--shared", "--team", "sales"]);
    account(&office, sink, "secret", &["--team", "desk"]);
    account(&office, sink, "old", &["--shared", "--team", "desk"]);
    run("account disable old");
    account(&office, sink, "crm", &["--shared", "--system"]);
    account(&office, sink, "boss", &["--owner", "boss"]);
    office
}

#[test]
fn send_3_every_row_of_the_permission_with_real_roles() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let office = office_on(database, &sink);
        let mut sent = 0;
        for (from, allowed) in [
            ("support", &["theo", "alma", "ruth"][..]),
            ("sales", &["alma", "ruth"]),
            ("secret", &[]),
            ("old", &[]),
            ("crm", &PEOPLE),
            ("boss", &[]),
            ("nobody", &[]),
        ] {
            for user in PEOPLE {
                let from = format!("{from}@example.com");
                let options = ["--to", "dora@example.org", "--subject", "x", "--text", "x", "--from", &from];
                let done = office.asks(user, &[&["email", "compose"][..], &options].concat());
                if allowed.contains(&user) {
                    let _ = done.ok();
                    sent += 1;
                    let taken = sink.taken();
                    let text = String::from_utf8(taken[taken.len() - 1].bytes.clone()).unwrap();
                    assert!(text.contains(&format!("From: {from}")) || text.contains(&format!("<{from}>")), "{text}");
                } else {
                    let line = done.fails(77);
                    assert!(line.contains(&format!("you may not send as <{from}>")), "{database}: {user}: {line}");
                }
            }
        }
        // As oneself through the system account, whatever the role says.
        for user in PEOPLE {
            let from = format!("{user}@example.com");
            let options = ["--to", "dora@example.org", "--subject", "x", "--text", "x", "--from", &from];
            let _ = office.asks(user, &[&["email", "compose"][..], &options].concat()).ok();
            let taken = sink.taken();
            sent += 1;
            assert!(taken[taken.len() - 1].from.starts_with(&format!("<{from}>")), "{}", taken[taken.len() - 1].from);
        }
        assert_eq!(sink.taken().len(), sent, "nothing else went out");
    }
}

#[test]
fn send_3_no_option_makes_a_user_somebody_else() {
    let sink = SmtpSink::start(Manners::default());
    let office = office_on("sqlite", &sink);
    let options = ["email", "compose", "--to", "dora@example.org", "--subject", "x", "--text", "x"];
    for (user, more, status) in [
        ("alma", &["--as", "boss"][..], 77),
        ("alma", &["--from", "Boss <boss@example.com>"], 77),
        ("alma", &["--from", "BOSS@EXAMPLE.COM"], 77),
        ("alma", &["--from", "boss@example.com\nFrom: boss@example.com"], 77),
        ("alma", &["--from", "alma@example.com,boss@example.com"], 77),
        ("alma", &["--from", "boss"], 77),
        ("alma", &["--from", ""], 77),
        ("nina", &["--from", "Support@Example.Com"], 77),
        ("alma", &["--to", "x@example.org\r\nFrom: boss@example.com"], 64),
        ("alma", &["--cc", "\"x\r\nSender: boss@example.com\" <x@example.org>"], 64),
        ("alma", &["--bcc", "x@example.org\n"], 64),
    ] {
        let done = office.asks(user, &[&options[..], more].concat());
        assert_eq!(done.status, Some(status), "{more:?}: {}{}", done.stdout, done.stderr);
    }
    assert!(sink.taken().is_empty());
    // What a user wrote is theirs: nobody else sends, holds or drops it, nor learns that it is there.
    let draft = ["-o", "json", "email", "compose", "--to", "d@example.org", "--subject", "x", "--text", "x", "--draft"];
    let draft: Value = serde_json::from_str(&office.asks("alma", &draft).ok()).unwrap();
    let id = draft["outbox"].to_string();
    for verb in ["show", "release", "retry", "hold", "drop", "mark-sent"] {
        let line = office.asks("theo", &["outbox", verb, &id]).fails(65);
        assert!(line.contains(&format!("there is no message {id} in the outbox")), "{verb}: {line}");
    }
    assert_eq!(office.asks("theo", &["outbox", "list"]).ok(), "");
}

#[test]
fn send_4_hostile_mail_is_answered_as_it_should_be_or_not_at_all() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let deliver = |id: &str, header: &str| {
        let message = format!("{header}\r\nTo: support@example.com\r\nMessage-ID: <{id}@example.org>\r\n\r\nHello.\r\n");
        world.run_with(&["deliver", "--account", "support"], &message).ok();
    };
    let answer = |id: &str, more: &[&str]| {
        world.run(&[&["email", "reply", &format!("<{id}@example.org>"), "--text", "Yes."][..], more].concat())
    };
    for (id, from) in [
        ("percent", "dora%example.net@example.org"),
        ("bang", "example.net!dora@example.org"),
        ("quoted", "\"dora@example.net\"@example.org"),
        ("literal", "dora@[192.0.2.1]"),
        ("bidi", "dora\u{202E}gro@example.org"),
        ("invisible", "do\u{200B}ra@example.org"),
    ] {
        deliver(id, &format!("From: <{from}>\r\nSubject: {id}"));
        let line = answer(id, &[]).fails(65);
        assert!(line.contains("is no address that can be written to") || line.contains("names nobody"), "{id}: {line}");
    }
    assert!(sink.taken().is_empty());
    for (id, from, to) in [
        ("comment", "dora (eve@example.net) <dora@example.org> (or eve@example.net)", "<dora@example.org>"),
        ("name", "\"eve@example.net\" <dora@example.org>", "<dora@example.org>"),
        ("encoded", "=?utf-8?q?x=0D=0ABcc:_eve@example.net?= <dora@example.org>", "<dora@example.org>"),
        ("needless", "\"dora\"@example.org", "<dora@example.org>"),
        ("nul", "Do\0ra <dora@example.org>", "<dora@example.org>"),
    ] {
        deliver(id, &format!("From: {from}\r\nSubject: =?utf-8?q?{id}=0D=0ABcc:_eve@example.net?="));
        answer(id, &[]).ok();
        let taken = sink.taken();
        let last = &taken[taken.len() - 1];
        assert_eq!(last.to, [to], "{id}");
        let text = String::from_utf8(last.bytes.clone()).unwrap();
        let header = text.split("\r\n\r\n").next().unwrap();
        assert!(!header.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{id}: {header}");
    }
    // Thousands of recipients are refused at once, and so is an answer to all of them.
    let many: Vec<String> = (0..9_000).map(|n| format!("a{n}@example.net")).collect();
    deliver("many", &format!("From: dora@example.org\r\nCc: {}\r\nSubject: many", many.join(",\r\n ")));
    let line = answer("many", &["--all"]).fails(65);
    assert!(line.contains("Cc") && line.contains("100"), "{line}");
    answer("many", &[]).ok();
    let mut options = vec!["email", "compose", "--subject", "x", "--text", "x"];
    options.extend(many.iter().flat_map(|to| ["--bcc", to]));
    let line = world.run(&options).fails(65);
    assert!(line.contains("Bcc") && line.contains("100") && line.len() < 500, "{line}");
    compose(&world, &["--to", "dora@example.org"]);
}
