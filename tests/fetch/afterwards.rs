//! FETCH-9: what is done with messages on their server once they are stored, against a real Dovecot, on both databases.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::*;

/// A server that hides what Dovecot offers: what stands in `hidden` is spelt in another way on its way to the client.
pub fn hiding(hidden: &'static [&'static str]) -> u16 {
    lying(hidden, &[]).0
}

/// The same; and as long as it lies, it says OK to commands with some words and does nothing.
fn lying(hidden: &'static [&'static str], swallowed: &'static [&'static str]) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = dovecot::server().port;
    let lies = Arc::new(AtomicBool::new(true));
    let is_lying = Arc::clone(&lies);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(mut client), Ok(mut server)) = (client, TcpStream::connect(("127.0.0.1", upstream))) else { return };
            let (from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let is_lying = Arc::clone(&is_lying);
            std::thread::spawn(move || {
                let (mut from_client, mut line) = (BufReader::new(from_client), Vec::new());
                while from_client.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    let text = String::from_utf8_lossy(&line);
                    if is_lying.load(Ordering::SeqCst) && swallowed.iter().any(|word| text.contains(word)) {
                        line = format!("{} NOOP\r\n", text.split(' ').next().unwrap()).into_bytes();
                    }
                    if to_server.write_all(&line).is_err() {
                        break;
                    }
                    line.clear();
                }
                let _ = to_server.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let mut buffer = vec![0; 65_536];
                while let Ok(length @ 1..) = server.read(&mut buffer) {
                    let mut text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    for word in hidden {
                        text = text.replace(&format!(" {word}"), &format!(" X{}", &word[1..]));
                    }
                    if client.write_all(text.as_bytes()).is_err() {
                        break;
                    }
                }
                let _ = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    (port, lies)
}

/// The UIDs of what a search finds in a mailbox.
fn found(user: &str, mailbox: &str, criteria: &str) -> String {
    let answer = dovecot::server().ask(user, mailbox, &format!("UID SEARCH {criteria}"));
    answer.trim_start_matches("* SEARCH").trim().to_string()
}

/// What waits of an account.
fn waiting(world: &World, account: &str) -> Vec<Value> {
    world.json(&["account", "actions", account])["items"].as_array().unwrap().clone()
}

fn put(user: &str, mailbox: &str, ids: &[&str]) {
    let letters: Vec<Vec<u8>> = ids.iter().map(|id| letter(id, "")).collect();
    dovecot::server().append(user, mailbox, letters.iter().map(Vec::as_slice));
}

in_both_worlds! {
    fn fetch_9_messages_are_left_seen_flagged_moved_or_deleted(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "INBOX", []);
        // Older than what is fetched, and marked by somebody else: neither is ours to touch.
        server.append_at(user, "INBOX", "31-Dec-2025 10:00:00 +0000", &letter("old", ""));
        server.append_at(user, "INBOX", "31-Dec-2025 10:00:00 +0000", &letter("theirs", ""));
        server.run(user, &["CREATE Archive/2026", "SELECT INBOX", "UID STORE 2 +FLAGS (\\Deleted)"]);
        add_account(world, "support", user, server.port, &[]);
        let after = |setting: &str| world.run(&["account", "set", "support", "--after-fetch", setting]).ok();
        put(user, "INBOX", &["a"]);
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(found(user, "INBOX", "SEEN"), "", "nothing is done unless it is wanted");
        for (setting, id, seen, flagged, left) in [
            ("seen", "b", "4", "", "1 2 3 4"),
            ("flag:$Stored", "c", "4", "5", "1 2 3 4 5"),
            ("move:Archive/2026", "d", "4", "5", "1 2 3 4 5"),
            ("delete", "e", "4", "5", "1 2 3 4 5"),
            ("leave", "f", "4", "5", "1 2 3 4 5 8"),
        ] {
            let _ = after(setting);
            put(user, "INBOX", &[id]);
            let done = world.json(&["fetch"]);
            assert_eq!(done["items"][0]["on_server"], if setting == "leave" { 0 } else { 1 }, "{done}");
            let now = (found(user, "INBOX", "SEEN"), found(user, "INBOX", "KEYWORD $Stored"), found(user, "INBOX", "ALL"));
            assert_eq!(now, (seen.to_string(), flagged.to_string(), left.to_string()), "{setting}");
        }
        assert_eq!(found(user, "Archive/2026", "HEADER Message-ID <d@example.org>"), "1");
        assert_eq!(emails(world).len(), 6, "all are stored");
        assert_eq!(waiting(world, "support"), Vec::<Value>::new());
        let told = world.run(&["explain", "<d@example.org>"]).ok();
        assert!(told.contains("on the server: into mailbox Archive/2026\n      because FETCH-9: the account support"), "{told}");
        assert!(told.contains("mailbox INBOX, UID 6: on the server: into mailbox Archive/2026: done at 2026-11-23T10:00:00Z"), "{told}");
        assert!(world.run(&["account", "show", "support"]).ok().lines().all(|line| !line.starts_with("after fetch")));
        let line = world.run(&["account", "set", "support", "--after-fetch", "move:INBOX"]).fails(64);
        assert!(line.contains("is the one that is fetched"), "{line}");
    }

    fn fetch_9_what_was_moved_does_not_come_in_again(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.run(user, &["CREATE Done"]);
        add_support(world, user, server.port);
        let to = ["--mailbox", "INBOX", "--mailbox", "Done", "--after-fetch", "move:Done", "--team", "support"];
        let _ = world.run(&[&["account", "set", "support"] as &[&str], &to].concat()).ok();
        put(user, "INBOX", &["a", "b"]);
        put(user, "Done", &["c"]);
        server.append(user, "INBOX", [b"From: x@example.org\r\nSubject: no id\r\n\r\nbare\r\n".as_slice()]);
        assert_eq!(fetched(world), json!({ "imported": 4 }), "before anything was moved");
        // Nobody gets anew what they had, whatever has changed meanwhile.
        let _ = world.run(&["user", "add", "cyd"]).ok();
        let _ = world.run(&["team", "join", "support", "cyd"]).ok();
        assert_eq!(fetched(world), json!({ "duplicate": 3 }));
        assert_eq!(fetched(world), json!({}));
        assert_eq!((found(user, "INBOX", "ALL"), found(user, "Done", "ALL")), (String::new(), "1 2 3 4".to_string()));
        assert_eq!((emails(world).len(), cases(world).len()), (4, 4));
        assert_eq!(world.json(&["email", "list", "--inbox", "--user", "cyd"])["items"], json!([]));
        assert_eq!(world.json(&["notification", "list", "--user", "cyd"])["items"], json!([]));
        let why = world.json(&["explain", "<a@example.org>"]).to_string();
        assert!(why.contains("FETCH-9: we moved it here"), "{why}");
    }

    fn fetch_9_filters_say_where_mail_goes_on_the_server(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.run(user, &["CREATE Lists"]);
        add_account(world, "support", user, server.port, &["--after-fetch", "delete"]);
        let add = ["filter", "add", "lists", "--account", "support", "--subject", "*list*", "--server-move", "Lists"];
        let shown = world.json(&add);
        assert_eq!(shown["actions"], json!(["move it to mailbox Lists of its server"]));
        let _ = world.run(&["filter", "add", "seen", "--global", "--subject", "*list*", "--server-seen"]).ok();
        let line = world.run(&["filter", "add", "no", "--account", "support", "--from", "x", "--skip", "--server-seen"]).fails(64);
        assert!(line.contains("left alone on the server"), "{line}");
        let line = world.run(&["filter", "add", "no", "--user", "ada", "--from", "x", "--server-seen"]);
        assert_ne!(line.status, Some(0), "a user's filter has no say there");
        put(user, "INBOX", &["list-1", "b", "list-2"]);
        let rehearsed = world.json(&["fetch", "--dry-run"]);
        let names: Vec<&Value> = rehearsed["items"][0]["decision"]["on_server"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["seen", "move Lists"], "{rehearsed}");
        assert_eq!((found(user, "INBOX", "ALL"), found(user, "Lists", "ALL")), ("1 2 3".to_string(), String::new()), "WHY-1");
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!((found(user, "INBOX", "ALL"), found(user, "Lists", "SEEN")), (String::new(), "1 2".to_string()));
    }

    fn fetch_9_what_a_server_refuses_rests_and_is_said(world: &mut World, user: &str) {
        let server = dovecot::server();
        add_account(world, "support", user, server.port, &["--after-fetch", "move:Nirgends"]);
        put(user, "INBOX", &["a", "b"]);
        let line = world.run(&["fetch"]).fails(69);
        assert!(line.contains("account support: mailbox INBOX: UID 1 and 1 more: move \"Nirgends\" on the server: "), "{line}");
        assert!(line.contains("TRYCREATE") && line.contains("tried again in 1 minute"), "{line}");
        assert!(line.ends_with("see: espomail account folders support; espomail account actions support"), "{line}");
        assert_eq!(emails(world).len(), 2, "the mail is in");
        let shown = world.json(&["account", "show", "support"]);
        assert_eq!((&shown["on_server"]["due"], &shown["on_server"]["failing"], &shown["failing_since"]), (&json!(2), &json!(2), &Value::Null));
        assert!(world.run(&["account", "list"]).ok().contains("on the server: 2 due"));
        assert!(world.run(&["explain", "<a@example.org>"]).ok().contains("failed, tried again at 2026-11-23T10:01:00Z"));
        put(user, "INBOX", &["c"]);
        world.run(&["fetch", "--quiet"]).fails(69);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:00:30Z");
        assert_eq!(world.run(&["fetch"]).ok(), "", "all rest");
        assert_eq!(waiting(world, "support").len(), 3);
        assert_eq!(world.json(&["account", "actions", "support", "--retry", "--dry-run"])["retried"], 3);
        assert_eq!(waiting(world, "support")[0]["attempts"], 1, "nothing was changed");
        server.run(user, &["CREATE Nirgends"]);
        assert_eq!(world.run(&["account", "actions", "support", "--retry"]).ok(), "3 due with the next fetch.\n");
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!((found(user, "INBOX", "ALL"), found(user, "Nirgends", "ALL")), (String::new(), "1 2 3".to_string()));
        // What is not wanted any more is not done.
        let _ = world.run(&["account", "set", "support", "--after-fetch", "move:Away"]).ok();
        put(user, "INBOX", &["d"]);
        world.run(&["fetch"]).fails(69);
        assert_eq!(world.json(&["account", "actions", "support", "--drop", "--dry-run"])["dropped"], 1);
        let _ = world.run(&["account", "set", "support", "--after-fetch", "leave"]).ok();
        assert_eq!(waiting(world, "support"), Vec::<Value>::new());
    }

    fn fetch_9_what_is_held_or_not_here_whole_is_not_taken_away(world: &mut World, user: &str) {
        let server = dovecot::server();
        let more = ["--after-fetch", "delete", "--max-message-mib", "1"];
        add_account(world, "support", user, server.port, &more);
        let _ = world.run(&["filter", "add", "wait", "--account", "support", "--subject", "*held*", "--hold"]).ok();
        let _ = world.run(&["filter", "add", "spam", "--account", "support", "--subject", "*spam*", "--skip"]).ok();
        put(user, "INBOX", &["held", "spam"]);
        let large = [letter("large", ""), vec![b'x'; 2 << 20]].concat();
        server.append(user, "INBOX", [large.as_slice()]);
        let done = world.run(&["-o", "json", "fetch"]);
        let done: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(done["items"][0]["messages"], json!({ "filtered": 1, "held": 1, "imported": 1 }));
        assert_eq!(found(user, "INBOX", "ALL"), "1 2 3");
        assert_eq!(waiting(world, "support")[0]["held"], true);
        assert!(world.run(&["explain", "<large@example.org>"]).ok().contains("only a part of it is here: it stays on the server"));
        assert_eq!(world.run(&["fetch"]).ok(), "");
        let _ = world.run(&["review", "accept", "1"]).status;
        let _ = world.run(&["review", "reject", "1"]).status;
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(found(user, "INBOX", "ALL"), "2 3", "now that somebody has decided");
    }

    fn fetch_9_nothing_is_done_under_uids_that_mean_other_messages(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.append(user, "Shop", []);
        add_account(world, "support", user, server.port, &["--mailbox", "Shop", "--after-fetch", "move:Later"]);
        put(user, "Shop", &["a"]);
        world.run(&["fetch"]).fails(69);
        server.run(user, &["DELETE Shop"]);
        std::thread::sleep(Duration::from_millis(1_100));
        server.run(user, &["CREATE Shop", "CREATE Later"]);
        put(user, "Shop", &["other"]);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:05:00Z");
        // What comes under the new UIDs is moved; what was to be done under the old ones is not.
        let _ = world.run(&["account", "set", "support", "--after-fetch", "leave"]).ok();
        let _ = world.run(&["filter", "add", "all", "--account", "support", "--subject", "*", "--server-move", "Later"]).ok();
        let _ = world.run(&["fetch"]);
        assert_eq!(found(user, "Later", "ALL"), "1");
        let _ = world.run(&["filter", "set", "all", "--account", "support", "--server-move", "Nowhere"]).ok();
        put(user, "Shop", &["third"]);
        world.run(&["fetch"]).fails(69);
        server.run(user, &["DELETE Shop"]);
        std::thread::sleep(Duration::from_millis(1_100));
        server.run(user, &["CREATE Shop", "CREATE Nowhere"]);
        put(user, "Shop", &["x", "y", "z"]);
        let _ = world.run(&["filter", "remove", "all", "--account", "support"]).ok();
        world.set("ESPOMAIL_NOW", "2026-11-23T10:15:00Z");
        let done = world.run(&["fetch"]);
        let line = done.stderr.trim_end().to_string();
        assert_eq!(done.status, Some(65), "{line}");
        assert!(line.contains("its UIDs mean other messages now") && line.contains("account actions support"), "{line}");
        assert_eq!((found(user, "Shop", "ALL"), found(user, "Nowhere", "ALL")), ("1 2 3".to_string(), String::new()));
        assert_eq!(waiting(world, "support")[0]["due_at"], Value::Null, "given up");
    }

    fn fetch_9_a_uid_that_is_another_messages_by_now_stays_and_one_that_is_gone_is_done(world: &mut World, user: &str) {
        let server = dovecot::server();
        add_account(world, "support", user, server.port, &[]);
        let _ = world.run(&["filter", "add", "all", "--account", "support", "--subject", "*", "--server-move", "Nowhere"]).ok();
        put(user, "INBOX", &["a", "gone"]);
        world.run(&["fetch"]).fails(69);
        let _ = world.run(&["filter", "remove", "all", "--account", "support"]).ok();
        put(user, "INBOX", &["b"]);
        // As on a server that gives a UID to another message and keeps its UIDVALIDITY.
        world.sql("UPDATE server_actions SET uid = 3 WHERE uid = 1");
        server.run(user, &["CREATE Nowhere", "SELECT INBOX", "UID STORE 2 +FLAGS (\\Deleted)", "EXPUNGE"]);
        world.set("ESPOMAIL_NOW", "2026-11-23T10:15:00Z");
        let done = world.run(&["fetch"]);
        let (said, left) = (done.stderr.clone(), waiting(world, "support"));
        assert_eq!(done.status, Some(65), "{said} {left:?} {} {}", found(user, "INBOX", "ALL"), found(user, "Nowhere", "ALL"));
        assert!(said.contains("it is not moved: it is not the message that is stored"), "{said}");
        assert_eq!((found(user, "INBOX", "ALL"), found(user, "Nowhere", "ALL")), ("1 3".to_string(), String::new()));
        assert_eq!((left.len(), &left[0]["uid"], &left[0]["due_at"]), (1, &3.into(), &Value::Null), "{left:?}");
    }

    fn fetch_9_a_server_without_move_copies_and_expunges_exactly_ours(world: &mut World, user: &str) {
        let server = dovecot::server();
        server.run(user, &["CREATE Old"]);
        put(user, "INBOX", &["theirs"]);
        server.run(user, &["SELECT INBOX", "UID STORE 1 +FLAGS (\\Deleted)"]);
        add_account(world, "support", user, hiding(&["MOVE"]), &["--after-fetch", "move:Old"]);
        let _ = world.run(&["filter", "add", "not", "--account", "support", "--subject", "*theirs*", "--skip"]).ok();
        put(user, "INBOX", &["a", "b"]);
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!((found(user, "INBOX", "ALL"), found(user, "Old", "UNDELETED")), ("1".to_string(), "1 2".to_string()));
    }

    fn fetch_9_what_a_server_only_says_it_has_moved_stays_and_is_said(world: &mut World, user: &str) {
        let server = dovecot::server();
        for (name, setting, hidden, said) in [
            ("copies", "move:Old", &["MOVE"] as &'static [&'static str], "the server says that it has copied it, and it is not to be seen there"),
            ("moves", "move:Old", &[], "the server says that it has moved it, and it is still there"),
            ("deletes", "delete", &[], "the server says that it has taken it away, and it is still there"),
        ] {
            let user = format!("{user}-{name}");
            server.run(&user, &["CREATE Old"]);
            // What bears the Message-ID there is another message.
            server.append(&user, "Old", [letter("b", "X-Other: yes\r\n").as_slice()]);
            let (port, lies) = lying(hidden, &["UID COPY", "UID MOVE", "UID EXPUNGE"]);
            add_account(world, name, &user, port, &["--after-fetch", setting]);
            put(&user, "INBOX", &["a", "b"]);
            let line = world.run(&["fetch", name]).fails(69);
            assert!(line.contains("UID 1 and 1 more: ") && line.contains(said), "{line}");
            let now = || (found(&user, "INBOX", "ALL"), found(&user, "INBOX", "DELETED"), found(&user, "Old", "ALL"));
            let marked = if name == "deletes" { "1 2" } else { "" };
            assert_eq!(now(), ("1 2".to_string(), marked.to_string(), "1".to_string()), "{name}");
            assert_eq!((waiting(world, name).len(), &waiting(world, name)[0]["attempts"]), (2, &json!(1)));
            lies.store(false, Ordering::SeqCst);
            let _ = world.run(&["account", "actions", name, "--retry"]).ok();
            assert_eq!(world.run(&["fetch", name]).ok(), "");
            let there = if name == "deletes" { "1" } else { "1 2 3" };
            assert_eq!(now(), (String::new(), String::new(), there.to_string()), "{name}");
        }
    }

    fn fetch_9_what_was_to_be_done_is_done_under_the_uids_of_now(world: &mut World, user: &str) {
        let server = dovecot::server();
        let dates = ["20-Nov-2026 10:00:00 +0000", "20-Nov-2026 11:00:00 +0000", "20-Nov-2026 12:00:00 +0000"];
        server.append(user, "Shop", []);
        add_account(world, "support", user, server.port, &["--mailbox", "Shop", "--after-fetch", "move:Later"]);
        for (id, date) in ["a", "b", "c"].iter().zip(dates) {
            server.append_at(user, "Shop", date, &letter(id, ""));
        }
        world.run(&["fetch"]).fails(69);
        // One of them was given up before.
        world.sql("UPDATE server_actions SET due_at = NULL WHERE uid = 2");
        assert!(world.run(&["status", "--check"]).stdout.contains("server_actions=1;1;;0"));
        server.run(user, &["DELETE Shop"]);
        std::thread::sleep(Duration::from_millis(1_100));
        server.run(user, &["CREATE Shop", "CREATE Later"]);
        for (id, date) in ["b", "a"].iter().zip([dates[1], dates[0]]) {
            server.append_at(user, "Shop", date, &letter(id, ""));
        }
        world.set("ESPOMAIL_NOW", "2026-11-23T10:15:00Z");
        let done = world.run(&["fetch"]);
        // What is not there any more is said, and stays known.
        assert!(done.status == Some(65) && done.stderr.contains("its UIDs mean other messages now, and it was not found again"), "{}", done.stderr);
        assert_eq!((found(user, "Shop", "ALL"), found(user, "Later", "ALL")), (String::new(), "1 2".to_string()));
        assert_eq!((waiting(world, "support").len(), &waiting(world, "support")[0]["uid"]), (1, &json!(3)));
        // Where nobody reads any more, that is said as well.
        let _ = world.run(&["account", "set", "support", "--mailbox", "INBOX"]).ok();
        let status = world.json(&["status"]);
        assert_eq!((&status["server_actions_unwatched"], &status["server_actions_given_up"]), (&json!(1), &json!(0)));
        assert!(world.run(&["account", "actions", "support"]).ok().contains("mailbox not read"));
        let doctor = world.run(&["doctor", "--offline"]);
        assert!(doctor.stdout.contains("1 action waits in mailboxes that are not read any more"), "{}", doctor.stdout);
        assert!(doctor.stdout.contains("espomail account actions support --mailbox Shop --drop"), "{}", doctor.stdout);
        let metrics = world.path("metrics");
        let _ = world.run(&["status", "--metrics-file", metrics.to_str().unwrap()]).ok();
        assert!(std::fs::read_to_string(metrics).unwrap().contains("espomail_server_actions{state=\"unwatched\"} 1\n"));
        assert_eq!(world.json(&["account", "actions", "support", "--mailbox", "INBOX", "--drop"])["dropped"], 0);
        assert_eq!(world.json(&["account", "actions", "support", "--mailbox", "Shop", "--drop"])["dropped"], 1);
        assert!(world.run(&["status", "--check"]).stdout.contains("server_actions=0;1;;0"));
    }

    fn fetch_9_a_server_that_cannot_expunge_single_messages_marks_them_and_the_user_is_told_once(world: &mut World, user: &str) {
        let server = dovecot::server();
        add_account(world, "support", user, hiding(&["MOVE", "UIDPLUS"]), &["--after-fetch", "delete"]);
        put(user, "INBOX", &["a"]);
        let done = world.run(&["fetch"]);
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        assert!(done.stderr.contains("account support: mailbox INBOX: the server cannot take away single messages"), "{}", done.stderr);
        put(user, "INBOX", &["b"]);
        assert_eq!(world.run(&["fetch"]).ok(), "", "it was said");
        assert_eq!(found(user, "INBOX", "DELETED"), "1 2");
        let _ = server;
    }

    fn fetch_9_what_its_owner_has_read_is_seen_on_the_server(world: &mut World, user: &str) {
        let server = dovecot::server();
        let config = std::fs::read_to_string(world.config()).unwrap();
        world.write(&world.config(), &format!("{config}internal-hosts = [\"127.0.0.1\"]\n"), 0o600);
        let _ = world.run(&["user", "add", "ada", "--address", "ada@example.com"]).ok();
        add_account(world, "adas", user, server.port, &["--owner", "ada", "--seen-back", "true"]);
        let line = world.run(&["account", "add", "group", "--address", "g@example.com", "--imap-host", "h.example.com", "--password-file", "/x", "--seen-back", "true"]);
        assert!(line.stderr.contains("--seen-back is for a personal account"), "{}", line.stderr);
        put(user, "INBOX", &["a", "b", "c"]);
        assert_eq!(world.run(&["fetch"]).ok(), "");
        for (id, how) in [("<a@example.org>", "--read"), ("<b@example.org>", "--read"), ("<b@example.org>", "--unread")] {
            let _ = world.run(&["email", "mark", id, how, "--user", "ada"]).ok();
        }
        assert_eq!(found(user, "INBOX", "SEEN"), "", "with the next pass");
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(found(user, "INBOX", "SEEN"), "1");
        let told = world.run(&["explain", "<a@example.org>"]).ok();
        assert!(told.contains("on the server: seen: done at"), "{told}");
        // A mailbox that was listed again has other UIDs, and one that is not read any more has none that count.
        server.append(user, "Shop", []);
        server.append_at(user, "Shop", "20-Nov-2026 10:00:00 +0000", &letter("d", ""));
        let _ = world.run(&["account", "set", "adas", "--mailbox", "INBOX", "--mailbox", "Shop"]).ok();
        assert_eq!(world.run(&["fetch"]).ok(), "");
        server.run(user, &["DELETE Shop"]);
        std::thread::sleep(Duration::from_millis(1_100));
        server.run(user, &["CREATE Shop"]);
        server.append_at(user, "Shop", "20-Nov-2026 09:00:00 +0000", &letter("e", ""));
        server.append_at(user, "Shop", "20-Nov-2026 10:00:00 +0000", &letter("d", ""));
        assert_eq!(world.run(&["fetch"]).status, Some(0), "it says that UIDVALIDITY has changed");
        let _ = world.run(&["email", "mark", "<d@example.org>", "--read", "--user", "ada"]).ok();
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(found(user, "Shop", "SEEN"), "2");
        let _ = world.run(&["account", "set", "adas", "--mailbox", "INBOX"]).ok();
        let _ = world.run(&["email", "mark", "<e@example.org>", "--read", "--user", "ada"]).ok();
        assert_eq!(waiting(world, "adas"), Vec::<Value>::new());
    }
}

/// Kills `fetch` at its first step, at its second, and so on until one comes through. Every message is stored once, and is once where
/// it was to go.
fn die_at_every_step(database: &str, name: &str, port: u16) {
    let server = dovecot::server();
    for step in 1.. {
        let (mut world, user) = (World::on(database), format!("fetch-9-{name}-{database}-{step}"));
        server.run(&user, &["CREATE Old"]);
        add_account(&world, "support", &user, port, &["--after-fetch", "move:Old"]);
        let _ = world.run(&["filter", "add", "seen", "--account", "support", "--subject", "*", "--server-seen"]).ok();
        put(&user, "INBOX", &["a", "b"]);
        world.set("ESPOMAIL_DIE_AT_STEP", &step.to_string());
        let first = world.run(&["fetch"]);
        world.set("ESPOMAIL_DIE_AT_STEP", "0");
        assert_eq!(world.run(&["fetch"]).status, Some(0), "step {step}");
        assert_eq!(world.run(&["fetch"]).ok(), "", "step {step}");
        let now = (found(&user, "INBOX", "ALL"), found(&user, "Old", "SEEN"), found(&user, "Old", "ALL"));
        assert_eq!(now, (String::new(), "1 2".to_string(), "1 2".to_string()), "step {step}");
        assert_eq!(emails(&world).len(), 2, "step {step}");
        if first.status == Some(0) {
            assert!(step > 10, "{step} steps are too few to have been at work");
            return;
        }
        assert_eq!(first.status, None, "step {step}: {}", first.stderr);
    }
}

#[test]
fn fetch_9_a_death_at_any_step_moves_each_message_once_sqlite() {
    die_at_every_step("sqlite", "move", dovecot::server().port);
}

#[test]
fn fetch_9_a_death_at_any_step_moves_each_message_once_postgresql() {
    die_at_every_step("postgresql", "move", dovecot::server().port);
}

#[test]
fn fetch_9_a_death_at_any_step_copies_each_message_once_sqlite() {
    die_at_every_step("sqlite", "copy", hiding(&["MOVE"]));
}

#[test]
fn fetch_9_a_death_at_any_step_copies_each_message_once_postgresql() {
    die_at_every_step("postgresql", "copy", hiding(&["MOVE"]));
}
