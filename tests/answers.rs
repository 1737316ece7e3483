//! Automatic answers and the budgets that end loops (ACK), through the real binary, on both databases.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world with a group account that makes cases, sends through the sink, and answers new cases.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    support(&world, "support", "support@example.com", sink.port, &["--make-cases"]);
    let template = ["template", "add", "ack", "--subject", "We have got it: {Email.subject}"];
    let body = "Dear {Person.name},\n\nyour case is {Case.number} at {Mailbox.name}.\n";
    world.run_with(&[&template[..], &["--file", "-"]].concat(), body).ok();
    world.run(&["account", "set", "support", "--auto-reply", "ack"]).ok();
    world
}

fn support(world: &World, name: &str, address: &str, port: u16, more: &[&str]) {
    let port = port.to_string();
    let add = ["account", "add", name, "--address", address, "--imap-host", "127.0.0.1", "--password-stdin"];
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain", "--from-name", "Support"];
    world.run_with(&[&add[..], &smtp, more].concat(), "hunter2\n").ok();
}

fn mail(from: &str, id: &str, more: &str) -> String {
    format!(
        "From: {from}\r\nTo: support@example.com\r\nSubject: Pump {id}\r\nMessage-ID: <{id}@example.org>\r\n{more}\r\nIt leaks.\r\n"
    )
}

/// Delivers a message and returns what `explain` says of it.
fn deliver(world: &World, account: &str, message: &str) {
    world.run_with(&["deliver", "--account", account], message).ok();
}

fn outbox(world: &World) -> Vec<Value> {
    world.json(&["outbox", "list", "--all"])["items"].as_array().unwrap().clone()
}

fn held(world: &World) -> Vec<Value> {
    world.json(&["budget", "list"])["items"].as_array().unwrap().clone()
}

fn explained(world: &World, id: &str) -> String {
    world.run(&["explain", &format!("<{id}@example.org>")]).ok()
}

#[test]
fn ack_1_ack_2_ack_5_a_new_case_is_answered_once_and_the_answer_leads_back_to_it() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        deliver(&world, "support", &mail("Dora {{ 7*7 }} <dora@example.org>", "a", "References: <z@example.org>\r\n"));
        assert_eq!(outbox(&world).len(), 1, "{}", explained(&world, "a"));
        assert_eq!((&outbox(&world)[0]["kind"], &outbox(&world)[0]["state"]), (&json!("answer"), &json!("queued")));
        assert!(explained(&world, "a").contains("an answer was queued\n      because ACK-1: it opened a case"));
        assert_eq!(world.run(&["send"]).ok(), "");
        let taken = sink.taken();
        let text = String::from_utf8(taken[0].bytes.clone()).unwrap();
        assert_eq!(
            (taken.len(), taken[0].from.split(' ').next(), &taken[0].to),
            (1, Some("<>"), &vec!["<dora@example.org>".to_string()])
        );
        for line in [
            "From: Support <support@example.com>",
            "To: dora@example.org",
            "Subject: [#1] We have got it: Pump a",
            "In-Reply-To: <a@example.org>",
            "References: <z@example.org> <a@example.org>",
            "Auto-Submitted: auto-replied",
            "X-Auto-Response-Suppress: All",
            "Precedence: auto_reply",
            "Dear Dora {{ 7*7 }},",
            "your case is 1 at support.",
        ] {
            assert!(text.lines().any(|is| is == line), "{line}: {text}");
        }
        // It is filed with the case, as sent, and does not answer for a person.
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
        let answer = world.json(&["email", "show", id]);
        assert_eq!((&answer["parent"], &answer["deliveries"][0]["state"]), (&json!("case:1"), &json!("sent")));
        assert_eq!(world.json(&["email", "show", "<a@example.org>"])["is_replied"], false, "{database}: nobody has answered it");
        // The customer's answer to it comes to the case, whatever its subject; it is a follow-up, and not answered.
        let answered = format!(
            "From: dora@example.org\r\nTo: support@example.com\r\nSubject: thanks\r\nMessage-ID: <b@example.org>\r\nIn-Reply-To: {id}\r\n\r\nGood.\r\n"
        );
        deliver(&world, "support", &answered);
        assert_eq!(world.json(&["email", "show", "<b@example.org>"])["parent"], "case:1");
        assert!(explained(&world, "b").contains("ACK-1: no answer: it is a follow-up"));
        // Nor is what came before.
        deliver(&world, "support", &mail("dora@example.org", "a", "References: <z@example.org>\r\n"));
        assert_eq!((outbox(&world).len(), world.json(&["case", "list"])["items"].as_array().unwrap().len()), (1, 1));
    }
}

#[test]
fn ack_1_who_was_answered_is_not_answered_again_when_what_was_deleted_comes_in_once_more() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        for id in ["a", "b"] {
            deliver(&world, "support", &mail("dora@example.org", id, ""));
        }
        world.run(&["send"]).ok();
        // Of the one the letter goes first, and then what it answers.
        let answer =
            outbox(&world).iter().find(|one| one["subject"].as_str().unwrap().ends_with("Pump b")).unwrap()["email"].to_string();
        world.run(&["email", "delete", &answer]).ok();
        for id in ["a", "b"] {
            world.run(&["email", "delete", &format!("<{id}@example.org>")]).ok();
            // FETCH-2: an MTA that hands it over once more brings nothing back; a person may, and it is not answered.
            deliver(&world, "support", &mail("dora@example.org", id, ""));
            world.run(&["email", "show", &format!("<{id}@example.org>")]).fails(65);
            let file = world.path(&format!("{id}.eml"));
            world.write(&file, &mail("dora@example.org", id, ""), 0o600);
            world.run(&["import", file.to_str().unwrap(), "--account", "support"]).ok();
            assert!(explained(&world, id).contains("ACK-1: no answer: it was answered already"), "{database}");
        }
        assert_eq!(outbox(&world).len(), 1, "{database}");
        // Whatever else has that Message-ID is another letter.
        world.run(&["email", "delete", "<a@example.org>"]).ok();
        deliver(&world, "support", &mail("eve@example.net", "a", ""));
        assert_eq!(outbox(&world).len(), 2, "{database}: {}", explained(&world, "a"));
        // Nor is one answered by each account that gets it.
        support(&world, "sales", "sales@example.com", sink.port, &[]);
        world.run(&["account", "set", "sales", "--auto-reply", "ack"]).ok();
        for account in ["sales", "support"] {
            deliver(&world, account, &mail("fred@example.org", "c", ""));
        }
        assert_eq!(outbox(&world).len(), 3, "{database}: {}", explained(&world, "c"));
        world.run(&["doctor", "--prove"]).ok();
    }
}

#[test]
fn ack_1_an_account_without_cases_answers_the_first_of_each_conversation() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.run(&["account", "set", "support", "--make-cases=false", "--reply-to", "desk@example.com"]).ok();
    deliver(&world, "support", &mail("dora@example.org", "a", ""));
    deliver(&world, "support", &mail("dora@example.org", "b", "In-Reply-To: <a@example.org>\r\n"));
    // What is older than act-since is history (FETCH-14).
    world.run(&["account", "set", "support", "--act-since", "2026-11-24"]).ok();
    deliver(&world, "support", &mail("carl@example.org", "c", ""));
    world.run(&["account", "set", "support", "--act-since", "2026-11-23"]).ok();
    assert_eq!(outbox(&world).len(), 1);
    world.run(&["send"]).ok();
    let text = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
    assert!(text.contains("Subject: We have got it: Pump a") && text.contains("Reply-To: desk@example.com"), "{text}");
    // ACK-2: a name and an address of its own.
    let own =
        ["--auto-reply-from", "hello@example.com", "--auto-reply-name", "Ä Desk", "--auto-reply-reply-to", "in@example.com"];
    world.run(&[&["account", "set", "support"], &own[..]].concat()).ok();
    assert!(
        world
            .run(&["account", "show", "support"])
            .ok()
            .contains("with template ack, as hello@example.com, by the name of Ä Desk")
    );
    deliver(&world, "support", &mail("eve@example.org", "d", ""));
    world.run(&["send"]).ok();
    let text = String::from_utf8(sink.taken()[1].bytes.clone()).unwrap();
    assert!(text.contains("<hello@example.com>") && text.contains("Reply-To: in@example.com"), "{text}");
    // ACK-2: through the system account, as the system account, with answers to the group.
    let port = sink.port;
    support(&world, "crm", "crm@example.com", port, &["--system"]);
    world
        .run(&[
            "account",
            "set",
            "support",
            "--smtp-host",
            "",
            "--auto-reply-from",
            "",
            "--auto-reply-name",
            "",
            "--auto-reply-reply-to",
            "",
        ])
        .ok();
    deliver(&world, "support", &mail("fay@example.org", "e", ""));
    world.run(&["send"]).ok();
    let text = String::from_utf8(sink.taken()[2].bytes.clone()).unwrap();
    assert!(text.contains("From: Support <crm@example.com>") && text.contains("Reply-To: desk@example.com"), "{text}");
}

#[test]
fn ack_3_nobody_is_answered_who_is_no_person_or_no_stranger() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        support(&world, "sales", "sales@example.com", sink.port, &[]);
        world.sql(
            "INSERT INTO address_states (address, state, soft, because, changed_at) VALUES ('gone@example.org', 'invalid', '[]', '', 0)",
        );
        for (from, more, because) in [
            ("dora@example.org", "Auto-Submitted: auto-replied\r\n", "AUTO-1: Auto-Submitted"),
            ("dora@example.org", "Precedence: bulk\r\n", "AUTO-1"),
            ("dora@example.org", "List-Id: <l.example.org>\r\n", "AUTO-1"),
            ("dora@example.org", "Return-Path: <>\r\n", "AUTO-1"),
            ("dora@example.org", "X-Auto-Response-Suppress: OOF\r\n", "AUTO-1"),
            ("MAILER-DAEMON@example.org", "", "AUTO-1"),
            ("no-reply@example.org", "", "AUTO-1"),
            ("sales@example.com", "", "AUTO-2"),
            ("support@example.com", "", "AUTO-2"),
            ("gone@example.org", "", "ACK-3: <gone@example.org> is known to be invalid"),
            ("a%b@example.org", "", "ACK-3: nobody can write to its sender"),
            ("\"a@b\"@example.org", "", "ACK-3: nobody can write to its sender"),
        ] {
            let id = format!("x{}", because.len() + more.len() * 7 + from.len() * 31);
            deliver(&world, "support", &mail(from, &id, more));
            let why = explained(&world, &id);
            assert!(outbox(&world).is_empty(), "{database} {from} {more}: {why}");
            assert!(why.contains("no answer: ") && why.contains(because), "{from} {more}: {why}");
        }
        let report = "From: a@example.org\r\nTo: support@example.com\r\nSubject: report\r\nMessage-ID: <r@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; y@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n";
        deliver(&world, "support", report);
        // FILTER-4: and where a filter says so.
        world.run(&["filter", "add", "quiet", "--account", "support", "--from", "zoe@*", "--no-reply"]).ok();
        deliver(&world, "support", &mail("zoe@example.org", "zoe", ""));
        assert!(outbox(&world).is_empty() && held(&world).is_empty());
    }
}

#[test]
fn ack_4_with_the_option_only_authenticated_senders_are_answered() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(
        &world.config(),
        &format!("{config}\n[security]\nauthserv-id = [\"mx.example.com\"]\n").replacen("[security]\n", "[security]\n", 1),
        0o600,
    );
    if !world.run(&["config", "check"]).stderr.is_empty() {
        let with = config.replacen("[security]", "[security]\nauthserv-id = [\"mx.example.com\"]", 1);
        world.write(&world.config(), &with, 0o600);
    }
    world.run(&["account", "set", "support", "--require-authenticated-sender"]).ok();
    let results =
        |id: &str, who: &str| format!("Authentication-Results: {who}; dmarc=pass header.from=example.org\r\nX-Id: {id}\r\n");
    deliver(&world, "support", &mail("dora@example.org", "a", ""));
    deliver(&world, "support", &mail("dora@example.org", "b", &results("b", "mx.example.net")));
    assert!(outbox(&world).is_empty());
    assert!(explained(&world, "b").contains("ACK-4: our border does not vouch for <dora@example.org>"));
    deliver(&world, "support", &mail("dora@example.org", "c", &results("c", "mx.example.com")));
    assert_eq!(outbox(&world).len(), 1, "{}", explained(&world, "c"));
}

#[test]
fn ack_3_five_answers_in_two_hours_ten_in_a_day_and_the_rest_is_held() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        let mut number = 0;
        let mut burst = |world: &World, count: usize| {
            for _ in 0..count {
                number += 1;
                deliver(world, "support", &mail("dora@example.org", &format!("n{number}"), ""));
            }
            (outbox(world).len(), held(world).len())
        };
        assert_eq!(burst(&world, 7), (5, 2));
        assert_eq!(world.json(&["case", "list"])["items"].as_array().unwrap().len(), 7, "the mail is in, with its cases");
        let why = explained(&world, "n6");
        assert!(
            why.contains("a budget is spent: answer is held")
                && why.contains("dora@example.org is spent: answer 5 times in 2 hours"),
            "{why}"
        );
        deliver(&world, "support", &mail("carl@example.org", "carl", ""));
        assert_eq!(outbox(&world).len(), 6, "others are answered");
        world.set("ESPOMAIL_NOW", "2026-11-23T12:06:00Z");
        assert_eq!(burst(&world, 7), (11, 4), "the two hours are over");
        world.set("ESPOMAIL_NOW", "2026-11-23T15:00:00Z");
        assert_eq!(burst(&world, 1), (11, 5), "ten in a day");
        assert!(explained(&world, &format!("n{}", 15)).contains("answer 10 times in 24 hours"));
        // A person says what becomes of them.
        let waiting = held(&world);
        assert_eq!((&waiting[0]["action"], &waiting[0]["from"]), (&json!("answer"), &json!("dora@example.org")));
        let id = waiting[0]["id"].to_string();
        assert!(world.run(&["budget", "release", &id]).ok().contains("an answer is queued"));
        assert_eq!((outbox(&world).len(), held(&world).len()), (12, 4));
        assert!(world.run(&["budget", "release", &id]).fails(65).contains("there is no held action"));
        assert_eq!(world.run(&["budget", "drop", "--all", "--action", "answer"]).ok(), "4 held actions are dropped.\n");
        world.set("ESPOMAIL_NOW", "2026-11-24T15:10:00Z");
        assert_eq!(burst(&world, 1), (13, 0), "the day is over");
        // Whoever a form names as the one to answer has the budget of anybody (AUTO-2), and is found by subject (THREAD-3).
        for (at, reply_to) in
            ["victim@example.net", "support@example.com, victim@example.net"].into_iter().cycle().take(7).enumerate()
        {
            let more = format!("Reply-To: {reply_to}\r\n");
            deliver(&world, "support", &mail("Support <support@example.com>", &format!("form{at}"), &more));
        }
        assert_eq!((outbox(&world).len(), held(&world).len()), (18, 2), "{}", explained(&world, "form6"));
        let cases = world.json(&["case", "list"])["items"].as_array().unwrap().len();
        let again = "From: support@example.com\r\nReply-To: victim@example.net\r\nTo: support@example.com\r\nSubject: Re: Pump form3\r\n\r\nHm.\r\n";
        deliver(&world, "support", again);
        assert_eq!(world.json(&["case", "list"])["items"].as_array().unwrap().len(), cases);
    }
}

#[test]
fn ack_3_cases_reopenings_and_notifications_are_held_and_released() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        let config = std::fs::read_to_string(world.config()).unwrap();
        let budgets = "\n[budgets.cases]\nper-address = [1, 0]\n[budgets.reopens]\nper-domain = [1, 0]\n[budgets.notifications]\noverall = [2, 0]\n";
        world.write(&world.config(), &(config + budgets), 0o600);
        world.run(&["user", "add", "ada", "--address", "ada@example.com", "--administrator"]).ok();
        world.run(&["account", "set", "support", "--assigned-user", "ada", "--distribution", "direct"]).ok();
        let cases = || world.json(&["case", "list"])["items"].as_array().unwrap().len();
        let heard = || world.json(&["notification", "list", "--user", "ada"])["items"].as_array().unwrap().len();
        deliver(&world, "support", &mail("dora@example.org", "a", ""));
        deliver(&world, "support", &mail("dora@example.org", "b", ""));
        assert_eq!((cases(), heard()), (1, 2));
        assert!(explained(&world, "b").contains("case is held"), "{}", explained(&world, "b"));
        let waiting = held(&world);
        assert_eq!((waiting.len(), &waiting[0]["action"]), (1, &json!("case")));
        // Notifications: two are told of; the third waits, unseen.
        deliver(&world, "support", &mail("carl@example.org", "c", ""));
        assert_eq!((cases(), heard(), held(&world).len()), (2, 2, 2));
        assert!(world.run(&["budget", "release", "--all", "--action", "notification"]).ok().contains("people hear of it"));
        assert_eq!(heard(), 3);
        // The case is opened by a person's word, and answered.
        let before = outbox(&world).len();
        let done = world.run(&["budget", "release", "--all"]).ok();
        assert!(done.contains("it opened case:3, an answer is queued"), "{done}");
        assert_eq!((cases(), outbox(&world).len(), held(&world).len()), (3, before + 1, 0));
        assert_eq!(world.json(&["email", "show", "<b@example.org>"])["parent"], "case:3");
        // Re-openings.
        for (id, case, state) in [("d", "1", "assigned"), ("e", "2", "closed")] {
            world.run(&["case", "close", case]).ok();
            let (parent, from) = if case == "1" { ("a", "dora@example.org") } else { ("c", "carl@example.org") };
            deliver(&world, "support", &mail(from, id, &format!("In-Reply-To: <{parent}@example.org>\r\n")));
            assert_eq!(world.json(&["case", "show", case])["status"], state, "{}", explained(&world, id));
        }
        let done = world.run(&["budget", "release", "--all", "--action", "reopen"]).ok();
        assert!(done.contains("its case is open again"), "{done}");
        assert_eq!(world.json(&["case", "show", "2"])["status"], "assigned");
    }
}

#[test]
fn ack_3_a_counter_that_cannot_be_read_means_no_answer_and_the_mail_is_in() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.sql("ALTER TABLE spendings RENAME TO lost");
        let done = world.run_with(&["deliver", "--account", "support"], &mail("dora@example.org", "a", ""));
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        assert!(done.stderr.contains("cannot be read, so nothing is answered"), "{}", done.stderr);
        assert_eq!((outbox(&world).len(), world.json(&["case", "list"])["items"].as_array().unwrap().len()), (0, 1));
        assert!(explained(&world, "a").contains("what was answered of late cannot be read"));
    }
}

#[test]
fn ack_2_an_answer_that_cannot_be_written_is_held_and_the_mail_is_in() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    world.sql("UPDATE templates SET body = '{Person.nme}'");
    let done = world.run_with(&["deliver", "--account", "support"], &mail("dora@example.org", "a", ""));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!((held(&world).len(), world.json(&["case", "list"])["items"].as_array().unwrap().len()), (1, 1), "{}", done.stderr);
    assert!(world.run(&["template", "remove", "ack"]).fails(65).contains("the account support answers with template ack"));
}

#[test]
fn ack_1_a_case_by_a_persons_word_is_answered_and_one_by_reprocessing_is_not() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let world = world_on(database, &sink);
        world.run(&["filter", "add", "look", "--account", "support", "--from", "eve@*", "--hold"]).ok();
        deliver(&world, "support", &mail("eve@example.org", "a", ""));
        assert!(outbox(&world).is_empty(), "it waits");
        world.run(&["review", "split", "1"]).ok();
        assert_eq!((outbox(&world).len(), &outbox(&world)[0]["subject"]), (1, &json!("[#1] We have got it: Pump a")));
        world.run(&["account", "set", "support", "--make-cases=false"]).ok();
        world.run(&["filter", "add", "quiet", "--account", "support", "--from", "carl@*", "--no-reply"]).ok();
        deliver(&world, "support", &mail("carl@example.org", "b", ""));
        world.run(&["filter", "remove", "quiet"]).ok();
        world.run(&["account", "set", "support", "--make-cases"]).ok();
        let again = world.run(&["reprocess", "--all", "--apply"]).ok();
        assert!(again.contains("case:2 was opened"), "{again}");
        assert_eq!((outbox(&world).len(), held(&world).len()), (1, 0));
    }
}

#[test]
fn ack_1_a_rehearsal_says_whether_there_would_be_an_answer_and_gives_none() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    let file = world.path("a.eml");
    let verdict = |more: &str| {
        world.write(&file, &mail("dora@example.org", "a", more), 0o600);
        world.json(&["explain", file.to_str().unwrap(), "--account", "support"])["decision"]["answer"].clone()
    };
    assert_eq!(verdict(""), json!({ "allowed": true, "given": true, "rule": "ACK-1", "because": "ACK-1: it opened a case" }));
    let refused = verdict("Precedence: bulk\r\n");
    assert_eq!((&refused["allowed"], &refused["given"]), (&json!(false), &json!(false)), "{refused}");
    assert!(outbox(&world).is_empty());
}

/// Carries what a sink took to somebody else, as their server would.
fn carry(sink: &SmtpSink, from: usize, to: &World, account: &str) -> usize {
    let taken = sink.taken();
    for one in &taken[from..] {
        let path = format!("Return-Path: {}\r\n", one.from.split(' ').next().unwrap());
        deliver(to, account, &(path + &String::from_utf8(one.bytes.clone()).unwrap()));
    }
    taken.len()
}

#[test]
fn ack_3_two_installations_that_answer_each_other_stop_after_one_answer() {
    for database in ["sqlite", "postgresql"] {
        let (here, there) = (SmtpSink::start(Manners::default()), SmtpSink::start(Manners::default()));
        let ours = world_on(database, &here);
        let theirs = World::on(database);
        support(&theirs, "help", "help@example.org", there.port, &["--make-cases"]);
        theirs.run_with(&["template", "add", "ack", "--subject", "Thanks"], "We are on it.").ok();
        theirs.run(&["account", "set", "help", "--auto-reply", "ack"]).ok();
        // A person there begins; each side takes what the other sends, until nothing is sent any more.
        deliver(&ours, "support", &mail("help@example.org", "a", ""));
        let (mut seen_here, mut seen_there) = (0, 0);
        for _ in 0..5 {
            ours.run(&["send"]).ok();
            seen_here = carry(&here, seen_here, &theirs, "help");
            theirs.run(&["send"]).ok();
            seen_there = carry(&there, seen_there, &ours, "support");
        }
        assert_eq!((seen_here, seen_there), (1, 0), "{database}: the answer is not answered");
        assert_eq!(ours.json(&["case", "list"])["items"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn ack_3_a_vacation_responder_without_manners_gets_no_more_than_its_budget() {
    let sink = SmtpSink::start(Manners::default());
    let world = world_on("sqlite", &sink);
    // One that answers everything anew, without a sign of what it is.
    deliver(&world, "support", &mail("dora@example.org", "a", ""));
    let mut seen = 0;
    for turn in 0..20 {
        world.run(&["send"]).ok();
        let taken = sink.taken();
        for number in seen..taken.len() {
            deliver(&world, "support", &mail("dora@example.org", &format!("v{turn}-{number}"), ""));
        }
        seen = taken.len();
    }
    assert_eq!(sink.taken().len(), 5);
    // One with manners gets a single answer.
    deliver(&world, "support", &mail("carl@example.org", "c", ""));
    world.run(&["send"]).ok();
    assert_eq!(sink.taken().len(), 6);
    deliver(&world, "support", &mail("carl@example.org", "c2", "Auto-Submitted: auto-replied\r\nSubject-Was: x\r\n"));
    world.run(&["send"]).ok();
    assert_eq!(sink.taken().len(), 6);
    assert!(Path::new(&world.config()).exists());
}
