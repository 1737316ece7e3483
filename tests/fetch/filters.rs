//! Filters on mail that is fetched, and the commands that they run after the commit (FILTER).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{add_support, emails, fetched, letter};
use crate::support::dovecot;
use crate::support::proxy::{Harm, Proxy};
use crate::support::world::World;

const SIEVE: &str = "# Spam is left on the server.\nif header :is \"X-Spam-Flag\" \"YES\" {\n    discard;\n}\n";

fn add(world: &World, filter: &[&str]) {
    world.run(&[&["filter", "add"], filter].concat()).ok();
}

/// Configures commands, each a script of the shell.
fn configure(world: &World, commands: &[(&str, &str)]) {
    let config = std::fs::read_to_string(world.config()).unwrap();
    let config = config.split("\n[filters]").next().unwrap();
    let lines: String =
        commands.iter().map(|(name, script)| format!("{name} = [\"/bin/sh\", \"-c\", '''{script}''']\n")).collect();
    world.write(&world.config(), &format!("{config}\n[filters]\ncommand-timeout = 1\n[filters.commands]\n{lines}"), 0o600);
}

in_both_worlds! {
fn filter_6_filter_7_what_is_skipped_is_not_downloaded_and_stays_as_it_is(world: &mut World, user: &str) {
    let server = dovecot::server();
    let spam = letter("spam", &format!("X-Spam-Flag: YES\r\n\r\n{}", "All of it is spam.\r\n".repeat(50_000)));
    let mail = [letter("a", ""), spam, letter("b", "")];
    server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
    // It would not get through.
    let narrow = Proxy::start(server.port, Harm::Pass, Harm::Reset(100_000));
    add_support(world, user, narrow.port);
    world.run_with(&["filter", "add", "spam", "--account", "support", "--sieve", "-"], SIEVE).ok();
    assert_eq!(fetched(world), json!({ "imported": 2, "filtered": 1 }));
    assert_eq!(server.ask(user, "INBOX", "SEARCH UNSEEN"), "* SEARCH 1 2 3");
    let told = world.run(&["reprocess", "--filter", "spam"]).ok();
    assert!(told.contains("1 message that it skipped is not here") && told.contains("fate retry --filter spam"), "{told}");
    assert_eq!(world.json(&["reprocess", "--filter", "spam"])["skipped"], json!([{ "account": "support", "count": 1 }]));
    let shown = world.run(&["filter", "show", "spam"]).ok();
    assert!(shown.contains("  if header :is \"X-Spam-Flag\" \"YES\" {\n      discard;\n"), "{shown}");
    // With criteria in the place of the script it is the same.
    world.run(&["account", "reset", "support", "--since", "2026-01-01"]).ok();
    world.run(&["filter", "set", "spam", "--header", "X-Spam-Flag: yes", "--skip"]).ok();
    assert_eq!(fetched(world)["filtered"], 1);
    world.run(&["account", "reset", "support", "--since", "2026-01-01"]).ok();
    world.run(&["filter", "remove", "spam"]).ok();
    world.run(&["fetch"]).fails(69);
}

fn filter_4_what_a_filter_holds_waits_for_a_persons_word(world: &mut World, user: &str) {
    let server = dovecot::server();
    server.append(user, "INBOX", [letter("odd", "").as_slice()]);
    add_support(world, user, server.port);
    add(world, &["odd", "--global", "--subject", "*odd", "--hold"]);
    let done = world.run(&["-o", "json", "fetch"]);
    let line = "espomail: account support: an e-mail is held and waits for a person's word; try: espomail review list\n";
    assert_eq!((done.status, done.stderr.as_str()), (Some(65), line));
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&told["items"][0]["messages"], &told["items"][0]["for_review"]), (&json!({ "held": 1 }), &json!(1)));
    let held = world.json(&["review", "list"])["items"][0].clone();
    assert_eq!((&held["email"], &held["decision"]), (&json!(1), &Value::Null));
    assert_eq!(world.json(&["case", "list"])["items"], json!([]));
    world.run(&["review", "split", "1"]).ok();
    assert_eq!(emails(world)[0]["parent"], "case:1");
}

fn filter_5_users_filters_move_to_their_own_folder_and_trash(world: &mut World, user: &str) {
    let server = dovecot::server();
    let mail = [letter("later", ""), letter("trash", ""), letter("plain", "")];
    server.append(user, "INBOX", mail.iter().map(Vec::as_slice));
    add_support(world, user, server.port);
    world.run(&["account", "set", "support", "--team", "support", "--add-team-users", "true"]).ok();
    world.run(&["folder", "add", "Later", "--user", "ada"]).ok();
    add(world, &["trash", "--user", "ada", "--subject", "*trash", "--skip"]);
    let script = "require [\"fileinto\", \"body\"];\nif body :contains \"text of later\" { fileinto \"Later\"; }\n";
    world.run_with(&["filter", "add", "later", "--user", "ada", "--sieve", "-"], script).ok();
    world.run(&["fetch"]).ok();
    let subjects = |of: &str, arguments: &[&str]| {
        let listed = world.json(&[&["email", "list", "--user", of], arguments].concat());
        let mut subjects: Vec<String> =
            listed["items"].as_array().unwrap().iter().map(|item| item["subject"].as_str().unwrap().to_string()).collect();
        subjects.sort();
        subjects
    };
    assert_eq!(subjects("ada", &["--folder", "Later"]), ["About later"]);
    assert_eq!(subjects("ada", &["--trash"]), ["About trash"]);
    assert_eq!(subjects("ada", &["--inbox"]), ["About plain"]);
    assert_eq!(subjects("ben", &["--inbox"]).len(), 3, "another's filters are not his");
}

fn filter_4_a_command_gets_the_email_after_the_commit_and_once(world: &mut World, user: &str) {
    let server = dovecot::server();
    server.append(user, "INBOX", [letter("a", "").as_slice(), letter("b", "").as_slice()]);
    add_support(world, user, server.port);
    let out = world.path("out");
    configure(world, &[("ticket", &format!("cat >> {out}; env >> {out}.env", out = out.display()))]);
    add(world, &["first", "--global", "--subject", "About a", "--run", "ticket"]);
    world.set("ESPOMAIL_SECRET", "hunter2");
    // Whoever only looks runs nothing.
    world.run(&["fetch", "--dry-run"]).ok();
    let explained = world.run_with(&["-o", "json", "explain", "-", "--account", "support"], &String::from_utf8(letter("a", "")).unwrap());
    let explained: Value = serde_json::from_str(&explained.ok()).unwrap();
    assert_eq!(explained["decision"]["commands"][0]["name"], "ticket", "{explained}");
    assert!(!out.exists());
    assert_eq!(world.run(&["fetch"]).ok(), "");
    world.run(&["fetch"]).ok();
    world.run(&["reprocess", "--apply", "--all"]).ok();
    world.run(&["fetch"]).ok();
    let told = std::fs::read_to_string(&out).unwrap();
    assert_eq!(told.lines().count(), 1, "once: {told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told,
        json!({
            "effect": 1, "attempt": 1, "filter": "first", "account": "support", "email": 1, "record": "case:1",
            "from": { "name": "Customer", "address": "customer@example.org" },
            "sender_not_verified": false,
            "to": [{ "name": "", "address": "support@example.com" }], "cc": [],
            "subject": "About a", "date": "2026-11-23T09:00:00Z", "message_id": "a@example.org", "text": "Text of a\n"
        })
    );
    let environment = std::fs::read_to_string(out.with_extension("env")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("ESPOMAIL_") && !environment.contains("hunter2"));
}

fn filter_4_a_command_that_fails_or_hangs_is_tried_again_and_then_given_up(world: &mut World, user: &str) {
    let server = dovecot::server();
    server.append(user, "INBOX", [letter("a", "").as_slice()]);
    add_support(world, user, server.port);
    let tried = world.path("tried");
    let fail = format!("echo >> {}; echo Out of paper >&2; exit 3", tried.display());
    configure(world, &[("print", &fail), ("hang", "sleep 600")]);
    add(world, &["print", "--account", "support", "--subject", "About *", "--run", "print"]);
    add(world, &["hang", "--global", "--subject", "About *", "--run", "hang"]);
    let started = Instant::now();
    assert_eq!(world.run(&["fetch"]).ok(), "", "it is tried again: nobody needs to know yet");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(emails(world).len(), 1);
    world.run(&["fetch"]).ok();
    assert_eq!(std::fs::read_to_string(&tried).unwrap().lines().count(), 1, "not yet");
    // After 1, 2 and 4 minutes; after 8 it is the fifth time.
    for now in ["10:01", "10:03", "10:07"] {
        world.set("ESPOMAIL_NOW", &format!("2026-11-23T{now}:05Z"));
        world.run(&["fetch"]).ok();
    }
    world.set("ESPOMAIL_NOW", "2026-11-23T10:16:00Z");
    let done = world.run(&["fetch"]);
    assert_eq!(done.status, Some(69));
    let lines: Vec<&str> = done.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "espomail: e-mail 1: the command \"print\" of the filter \"print\" failed: exit status: 3: Out of paper; it is given up \
             after 5 attempts; mend the command, then: espomail filter retry 1",
            "espomail: e-mail 1: the command \"hang\" of the filter \"hang\" takes longer than 1 seconds and was killed; it is given up \
             after 5 attempts; mend the command, then: espomail filter retry 1",
        ]
    );
    assert_eq!(world.run(&["fetch"]).ok(), "");
    // Mended, and asked for again.
    let ticket = world.path("ticket");
    configure(world, &[("print", &format!("cat > {}", ticket.display()))]);
    assert_eq!(world.json(&["filter", "retry", "1"])["commands"], 2);
    assert_eq!(world.json(&["audit", "list"])["items"][0]["action"], "filter retry");
    world.run(&["fetch"]).ok();
    assert!(std::fs::read_to_string(&ticket).unwrap().contains("\"attempt\":1"));
    // One that is not configured any more says so in the end, too.
    for minutes in [20, 25, 30] {
        world.set("ESPOMAIL_NOW", &format!("2026-11-23T10:{minutes}:00Z"));
        world.run(&["fetch"]).ok();
    }
    world.set("ESPOMAIL_NOW", "2026-11-23T12:00:00Z");
    let line = world.run(&["fetch"]).fails(78);
    assert!(line.contains("is not in the configuration") && line.contains("add it to [filters.commands], then: espomail filter retry 1"), "{line}");
}
}
