//! NOTIFY-3: users who want it are told by mail what they have not read, through the real binary, on both databases.

use serde_json::{Value, json};

use crate::support::smtp::{Manners, SmtpSink};
use crate::support::world::World;

/// A world whose support account makes cases for ada, who wants to be told by mail; crm@ is the system account.
fn world_on(database: &str, sink: &SmtpSink) -> World {
    let world = World::on(database);
    let port = sink.port.to_string();
    world.run(&["user", "add", "ada", "--name", "Ada Example", "--address", "ada@example.com", "--administrator"]).ok();
    for (name, more) in [
        ("support", ["--make-cases", "--assigned-user=ada", "--distribution=direct"]),
        ("crm", ["--system", "--from-name=CRM", "--shared"]),
    ] {
        let address = format!("{name}@example.com");
        let add = ["account", "add", name, "--address", &address, "--imap-host", "127.0.0.1", "--password-stdin"];
        let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-security", "plain"];
        world.run_with(&[&add[..], &smtp, &more].concat(), "hunter2\n").ok();
    }
    world
}

fn deliver(world: &World, id: &str, to: &str, more: &str) {
    let message = format!(
        "From: Dora <dora@example.org>\r\nTo: {to}\r\nSubject: Pump {id}\r\nMessage-ID: <{id}@example.org>\r\n{more}\r\nIt leaks.\r\n"
    );
    world.run_with(&["deliver", "--account", "support"], &message).ok();
}

fn queued(world: &World) -> Vec<Value> {
    let list = world.json(&["outbox", "list", "--all"])["items"].as_array().unwrap().clone();
    list.into_iter().filter(|one| one["kind"] == "notification").collect()
}

#[test]
fn notify_3_one_letter_of_what_is_unread_once_and_not_of_what_one_got_anyway() {
    for database in ["sqlite", "postgresql"] {
        let sink = SmtpSink::start(Manners::default());
        let mut world = world_on(database, &sink);
        deliver(&world, "a", "support@example.com", "");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
        assert_eq!(world.run(&["notify"]).ok(), "");
        assert!(queued(&world).is_empty(), "nobody wants it yet");
        world.run(&["user", "set", "ada", "--notify-by-mail", "true"]).ok();
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:20Z");
        world.run(&["notify"]).ok();
        assert!(queued(&world).is_empty(), "it is too young");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
        assert_eq!(world.run(&["notify"]).ok(), "", "silent in cron");
        assert_eq!(queued(&world).len(), 1);
        world.run(&["notify"]).ok();
        assert_eq!(queued(&world).len(), 1, "once");
        world.run(&["send"]).ok();
        let text = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
        for line in [
            "From: CRM <crm@example.com>",
            "To: Ada Example <ada@example.com>",
            "Reply-To: support@example.com",
            "Subject: [case:1] Pump a: it is yours: Pump a (from dora@example.org)",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(text.lines().any(|is| is == line), "{line}: {text}");
        }
        // What she answers comes to the case.
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
        let config = std::fs::read_to_string(world.config()).unwrap();
        let trusting = config.replacen("[security]", "[security]\nauthserv-id = [\"mx.example.com\"]", 1);
        let trusting = if trusting == config { config + "\n[security]\nauthserv-id = [\"mx.example.com\"]\n" } else { trusting };
        world.write(&world.config(), &trusting, 0o600);
        let answer = format!(
            "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\r\nFrom: ada@example.com\r\nTo: support@example.com\r\nSubject: Re: x\r\nMessage-ID: <r@example.com>\r\nIn-Reply-To: {id}\r\n\r\nMine.\r\n"
        );
        world.run_with(&["deliver", "--account", "support"], &answer).ok();
        assert_eq!(world.json(&["email", "show", "<r@example.com>"])["parent"], "case:1");
        // Follow-ups: one that went to her as well is not told, one that she has read is not, the others come in one letter.
        deliver(&world, "b", "support@example.com, ada@example.com", "In-Reply-To: <a@example.org>\r\n");
        deliver(&world, "c", "support@example.com", "In-Reply-To: <a@example.org>\r\n");
        deliver(&world, "d", "support@example.com", "In-Reply-To: <a@example.org>\r\n");
        world.set("ESPOMAIL_NOW", "2026-11-23T10:10:00Z");
        let read =
            world.json(&["--as", "ada", "notification", "list", "--unread"])["items"].as_array().unwrap()[0]["id"].to_string();
        world.run(&["--as", "ada", "notification", "read", &read]).ok();
        world.run(&["notify"]).ok();
        let letters = queued(&world);
        assert_eq!(
            (letters.len(), &letters[0]["subject"]),
            (2, &json!("[case:1] Pump a: e-mail: Pump c (from dora@example.org)"))
        );
        // What is older than five hours is no news.
        deliver(&world, "e", "support@example.com", "");
        world.set("ESPOMAIL_NOW", "2026-11-23T15:30:00Z");
        world.run(&["notify"]).ok();
        assert_eq!(queued(&world).len(), 2);
    }
}

#[test]
fn notify_3_a_letter_that_comes_back_is_no_news_and_opens_nothing() {
    let sink = SmtpSink::start(Manners::default());
    let mut world = world_on("sqlite", &sink);
    world.run(&["user", "set", "ada", "--notify-by-mail", "true"]).ok();
    let add = [
        "account",
        "add",
        "own",
        "--owner",
        "ada",
        "--address",
        "ada@example.com",
        "--imap-host",
        "imap.example.com",
        "--password-stdin",
    ];
    world.run_with(&add, "hunter2\n").ok();
    deliver(&world, "a", "support@example.com", "");
    world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
    world.run(&["notify"]).ok();
    world.run(&["send"]).ok();
    let letter = String::from_utf8(sink.taken()[0].bytes.clone()).unwrap();
    let heard = || world.json(&["notification", "list", "--user", "ada"])["items"].as_array().unwrap().len();
    let before = heard();
    world.run_with(&["deliver", "--account", "own"], &letter).ok();
    world.run_with(&["deliver", "--account", "support"], &letter).ok();
    let cases = world.json(&["case", "list"])["items"].as_array().unwrap().len();
    assert_eq!((heard(), cases), (before, 1));
}

#[test]
fn notify_3_without_a_system_account_it_says_what_to_do() {
    let sink = SmtpSink::start(Manners::default());
    let mut world = world_on("sqlite", &sink);
    world.run(&["account", "set", "crm", "--system=false"]).ok();
    assert_eq!(world.run(&["notify"]).ok(), "", "nobody wants anything");
    world.run(&["user", "set", "ada", "--notify-by-mail", "true"]).ok();
    deliver(&world, "a", "support@example.com", "");
    world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
    assert!(world.run(&["notify"]).fails(78).contains("try: espomail account set ACCOUNT --system"));
    // FETCH-12: said at once, then hourly; and by who looks.
    let again = world.run(&["notify"]);
    assert_eq!((again.status, again.stderr.as_str()), (Some(78), ""));
    assert!(world.run(&["status", "--check"]).stdout.contains("notify cannot do anything: there is no system account"));
    assert!(world.run(&["doctor", "--offline"]).stdout.contains("there is no system account"));
    world.run(&["account", "set", "crm", "--system"]).ok();
    world.run(&["account", "disable", "crm"]).ok();
    assert!(
        world
            .run(&["notify"])
            .fails(78)
            .contains("crm is switched off, so nobody is told by mail; try: espomail account enable crm")
    );
    world.run(&["account", "enable", "crm"]).ok();
    world.run(&["notify"]).ok();
    assert_eq!(queued(&world).len(), 1, "nothing was lost");
    assert!(world.run(&["status", "--check"]).stdout.contains("stuck=0;1;;0"));
}
