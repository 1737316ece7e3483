//! A server that lies, dawdles, floods, forgets and breaks: what it costs, and whom it holds up.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::imap::{BentImap, Mailbox};
use crate::support::peak_of;
use crate::support::world::World;

const DAY_LATER: &str = "2026-11-24T10:00:01Z";

fn letter(number: u32) -> Vec<u8> {
    format!(
        "From: Customer <customer@example.org>\r\nTo: support@example.com\r\nSubject: Matter {number}\r\n\
         Message-ID: <m{number}@example.org>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\nText\r\n"
    )
    .into_bytes()
}

/// A mail without a Message-ID.
fn bare(number: u32) -> Vec<u8> {
    let text = String::from_utf8(letter(number)).unwrap();
    text.replace(&format!("Message-ID: <m{number}@example.org>\r\n"), "").into_bytes()
}

fn account(world: &World, name: &str, port: u16, more: &[&str]) {
    let (port, address) = (port.to_string(), format!("{name}@example.com"));
    let arguments = [
        &["account", "add", name, "--address", &address, "--imap-host", "127.0.0.1", "--imap-port", &port, "--imap-security"],
        &["plain", "--imap-user", name, "--password-stdin", "--fetch-since", "2000-01-01", "--act-since", "2000-01-01"]
            as &[&str],
        more,
    ];
    let _ = world.run_with(&arguments.concat(), "secret").ok();
}

/// A server with messages, and a world with an account on it.
fn at_work(database: &str, messages: u32) -> (World, BentImap) {
    let (world, server) = (World::on(database), BentImap::start());
    (1..=messages).for_each(|uid| server.put(uid, &letter(uid)));
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write(&world.config(), &format!("{config}\n[fetch]\nread-timeout = 2\n"), 0o600);
    account(&world, "support", server.port, &[]);
    (world, server)
}

fn subjects(world: &World) -> Vec<String> {
    let emails = world.json(&["email", "list", "--limit", "1000"]);
    let mut subjects: Vec<String> =
        emails["items"].as_array().unwrap().iter().map(|email| email["subject"].as_str().unwrap().to_string()).collect();
    subjects.sort();
    subjects
}

fn matters(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|number| format!("Matter {number}")).collect()
}

fn kept(world: &World) -> Vec<Value> {
    world.json(&["quarantine", "list"])["items"].as_array().unwrap().clone()
}

const DATABASES: [&str; 2] = ["sqlite", "postgresql"];

/// Whether a command asks for the bytes, or the header, of a message.
fn asks_for(mailbox: &Mailbox, command: &str, uid: u32) -> bool {
    let words: Vec<&str> = command.splitn(4, ' ').collect();
    matches!(words.as_slice(), ["UID", "FETCH", set, items] if items.contains("BODY") && mailbox.in_set(set).contains(&uid))
}

/// What a server says to a command.
type Answers = fn(&Mailbox, &str) -> Vec<u8>;

/// The ways of a server not to hand over UID 2.
fn ways() -> Vec<(&'static str, Answers)> {
    fn spoiled(mailbox: &Mailbox, command: &str, instead: &'static [u8]) -> Vec<u8> {
        mailbox.answer(command, &|uid| (uid == 2).then(|| instead.to_vec()))
    }
    vec![
        ("hands over nothing", |mailbox, command| spoiled(mailbox, command, b"")),
        ("[SERVERBUG] st\u{fffd}rung", |_, _| b"{tag} NO [SERVERBUG] st\xf6rung\r\n".to_vec()),
        ("[UNAVAILABLE] later", |_, _| b"{tag} NO [UNAVAILABLE] later\r\n".to_vec()),
        ("cannot", |_, _| b"{tag} BAD cannot\r\n".to_vec()),
        ("hands over nothing", |mailbox, command| spoiled(mailbox, command, b"* 2 FETCH (UID 2 NONSENSE)\r\n")),
        ("cannot be understood: \\u{7}\\u{1}", |mailbox, command| spoiled(mailbox, command, b"\x07\x01 what?\r\n")),
        // Its literal is longer than it says, and what is left of it is taken for answers.
        ("cannot be understood: rest", |mailbox, command| {
            spoiled(mailbox, command, b"* 2 FETCH (UID 2 BODY[] {2}\r\nbody)\r\nrest\r\n")
        }),
        // Its literal is shorter than it says: nothing more comes.
        ("does not answer", |mailbox, command| {
            let answer = spoiled(mailbox, command, b"* 2 FETCH (UID 2 BODY[] {90000}\r\nbo)\r\n");
            answer.into_iter().collect()
        }),
    ]
}

#[test]
fn fetch_6_what_a_server_does_not_hand_over_holds_up_nobody_and_is_said_once() {
    for (at, (words, way)) in ways().into_iter().enumerate() {
        let (mut world, server) = at_work(DATABASES[at % 2], 4);
        server.bend(move |mailbox, command| asks_for(mailbox, command, 2).then(|| way(mailbox, command)));
        for pass in 1..=2 {
            assert_eq!(world.run(&["fetch"]).ok(), "", "{words}: pass {pass} is silent");
            assert_eq!(subjects(&world), matters(&[1, 3, 4]), "{words}: the others come in at once");
        }
        server.put(5, &letter(5));
        let line = world.run(&["fetch"]).fails(65);
        assert!(
            line.contains("account support: the server lists a message and does not hand it over: mailbox INBOX: UID 2: "),
            "{line}"
        );
        assert!(line.contains(words), "{line}");
        assert_eq!(world.run(&["fetch"]).ok(), "", "{words}: said once");
        assert_eq!(subjects(&world), matters(&[1, 3, 4, 5]));
        let listed = kept(&world);
        assert_eq!((listed.len(), listed[0]["uid"].as_u64(), listed[0]["size"].is_null()), (1, Some(2), true));
        assert!(listed[0]["error"].as_str().unwrap().contains(words), "{listed:?}");
        assert_eq!(listed[0]["next_attempt"], "2026-11-24T10:00:00Z", "once a day");
        // A person looks at it.
        assert!(world.run(&["quarantine", "show", "1"]).ok().contains("in 3 passes"));
        assert!(world.run(&["quarantine", "show", "1", "--raw"]).fails(65).contains("never handed it over"));
        // The next day it is asked for again; and once the server is mended, it comes in under its own UID.
        server.with(|mailbox| mailbox.heard.clear());
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert!(!server.with(|mailbox| mailbox.heard.iter().any(|line| line.contains("FETCH 2 "))), "not before");
        world.set("ESPOMAIL_NOW", DAY_LATER);
        assert_eq!(world.run(&["fetch"]).ok(), "");
        assert_eq!(kept(&world).len(), 1);
        server.straighten();
        let _ = world.run(&["quarantine", "retry", "1"]).ok();
        assert_eq!(world.json(&["fetch"])["items"][0]["messages"], serde_json::json!({ "imported": 1 }));
        assert_eq!((subjects(&world), kept(&world).len()), (matters(&[1, 2, 3, 4, 5]), 0));
        let why = world.json(&["explain", "<m2@example.org>"]);
        assert_eq!(why["arrivals"][0]["uid"], 2, "{why}");
    }
}

#[test]
fn fetch_6_a_date_that_is_none_costs_nothing() {
    for database in DATABASES {
        let (world, server) = at_work(database, 3);
        server.bend(|mailbox, command| {
            let nil = |uid| {
                let item = String::from_utf8(mailbox.item(uid, command)).unwrap();
                (uid == 2).then(|| item.replace("\"05-Jan-2026 10:00:00 +0000\"", "NIL").into_bytes())
            };
            command.starts_with("UID FETCH").then(|| mailbox.answer(command, &nil))
        });
        assert_eq!(world.json(&["fetch"])["items"][0]["messages"], serde_json::json!({ "imported": 3 }));
        assert_eq!((subjects(&world), kept(&world).len()), (matters(&[1, 2, 3]), 0));
    }
}

#[test]
fn fetch_6_a_server_that_dies_of_a_message_costs_that_message_alone() {
    for database in DATABASES {
        let (mut world, server) = at_work(database, 4);
        server.bend(|mailbox, command| asks_for(mailbox, command, 3).then(Vec::new));
        let line = world.run(&["fetch"]).fails(69);
        assert!(line.contains("mailbox INBOX: UIDs 1 to 4"), "it may be the line: {line}");
        world.set("ESPOMAIL_NOW", "2026-11-23T11:00:00Z");
        let second = world.run(&["fetch"]);
        assert_eq!((subjects(&world), second.status), (matters(&[1, 2, 4]), Some(0)), "{}", second.stderr);
        let _ = world.run(&["fetch"]).ok();
        assert!(world.run(&["fetch"]).fails(65).contains("UID 3: the connection was cut"));
        assert_eq!(world.run(&["fetch"]).ok(), "");
    }
}

#[test]
fn fetch_6_a_server_in_trouble_blames_no_message() {
    for database in DATABASES {
        let (mut world, server) = at_work(database, 3);
        server.bend(|_, command| command.starts_with("UID FETCH").then(|| b"{tag} NO [UNAVAILABLE] st\xf6rung\r\n".to_vec()));
        for _ in 0..4 {
            assert!(world.run(&["fetch", "support"]).fails(69).contains("[UNAVAILABLE] st"));
        }
        assert!(kept(&world).is_empty());
        server.straighten();
        world.set("ESPOMAIL_NOW", DAY_LATER);
        let _ = world.run(&["fetch", "support"]);
        assert_eq!(subjects(&world), matters(&[1, 2, 3]));
    }
}

#[test]
fn fetch_2_what_is_expunged_before_it_is_handed_over_is_gone() {
    for database in DATABASES {
        let (world, server) = at_work(database, 3);
        server.bend(|mailbox, command| {
            asks_for(mailbox, command, 2).then(|| mailbox.answer(command, &|uid| (uid == 2).then(Vec::new)))
        });
        assert_eq!(world.run(&["fetch"]).ok(), "");
        server.with(|mailbox| mailbox.messages.remove(&2));
        assert_eq!(world.json(&["fetch"])["items"][0]["messages"], serde_json::json!({ "gone": 1 }));
        assert!(kept(&world).is_empty());
    }
}

#[test]
fn fetch_12_the_same_failure_in_other_words_is_said_once() {
    let (world, server) = at_work("sqlite", 1);
    let number = std::sync::atomic::AtomicU32::new(0);
    server.bend(move |_, command| {
        let count = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        command.starts_with("UID SEARCH").then(|| format!("{{tag}} NO failed at 10:00:{count} on host{count}\r\n").into_bytes())
    });
    assert!(world.run(&["fetch"]).fails(69).contains("failed at 10:00:"));
    world.sql("UPDATE account_states SET retry_at = NULL");
    let again = world.run(&["fetch"]);
    assert_eq!((again.status, again.stderr.as_str()), (Some(69), ""), "the hour is not over");
}

#[test]
fn fetch_3_what_comes_while_a_mailbox_is_listed_for_the_first_time_is_read() {
    for database in DATABASES {
        let (world, server) = at_work(database, 3);
        // It has mail from before fetch-since alone; between two answers something comes.
        world.run(&["account", "reset", "support", "--since", "today"]).ok();
        let (here, comes) = (server.clone(), std::sync::Arc::new(std::sync::Mutex::new(Some(4))));
        let next = std::sync::Arc::clone(&comes);
        server.bend(move |mailbox, command| {
            let late = |date: &str| command.contains("SINCE 22-Nov") && date.starts_with("23-Nov");
            let found = mailbox.messages.iter().filter(|(_, (date, _))| late(date)).map(|(uid, _)| format!(" {uid}"));
            let answer =
                command.contains("SINCE").then(|| format!("* SEARCH{}\r\n{{tag}} OK done\r\n", found.collect::<String>()))?;
            if let Some(uid) = next.lock().unwrap().take() {
                let date = "23-Nov-2026 10:00:00 +0000".to_string();
                here.with(|mailbox| mailbox.messages.insert(uid, (date, letter(uid))));
            }
            Some(answer.into_bytes())
        });
        for _ in 0..2 {
            assert_eq!(world.run(&["fetch"]).ok(), "", "{database}");
        }
        assert_eq!(subjects(&world), matters(&[4]), "{database}: behind what is old");
        // The same behind what is due, of a server that does not say how far its UIDs go.
        world.run(&["account", "reset", "support", "--since", "today"]).ok();
        server.with(|mailbox| mailbox.uidnext = Some(0));
        *comes.lock().unwrap() = Some(5);
        for _ in 0..2 {
            assert_eq!(world.run(&["fetch"]).ok(), "", "{database}");
        }
        assert_eq!(subjects(&world), matters(&[4, 5]), "{database}");
        assert_eq!(world.run(&["reconcile"]).ok().lines().last(), Some("Missing: 0"), "{database}");
    }
}

#[test]
fn fetch_3_silence_is_no_answer_to_a_search() {
    let silent: fn(&Mailbox, &str) -> Option<Vec<u8>> =
        |_, command| command.starts_with("UID SEARCH").then(|| b"{tag} OK done\r\n".to_vec());
    let empty: fn(&Mailbox, &str) -> Option<Vec<u8>> = |_, command| {
        (command.starts_with("UID SEARCH") && !command.contains("SINCE")).then(|| b"* SEARCH\r\n{tag} OK done\r\n".to_vec())
    };
    let extended: fn(&Mailbox, &str) -> Option<Vec<u8>> =
        |_, command| command.starts_with("UID SEARCH").then(|| b"* ESEARCH (TAG \"{tag}\") UID\r\n{tag} OK done\r\n".to_vec());
    let odd: fn(&Mailbox, &str) -> Option<Vec<u8>> = |_, command| {
        let found = b"* SEARCH 3 0 4294967295 2 2 99999999999999999999 1\r\n{tag} OK done\r\n";
        command.starts_with("UID SEARCH").then(|| found.to_vec())
    };
    let uncounted: fn(&Mailbox, &str) -> Option<Vec<u8>> = |_, command| match command {
        _ if command.starts_with("EXAMINE") => Some(b"* OK [UIDVALIDITY 5]\r\n* OK [UIDNEXT 0]\r\n{tag} OK done\r\n".to_vec()),
        _ => command.starts_with("UID SEARCH").then(|| b"{tag} OK done\r\n".to_vec()),
    };
    for (at, bend) in [silent, empty, extended, uncounted].into_iter().enumerate() {
        let (world, server) = at_work(DATABASES[at % 2], 3);
        server.bend(bend);
        assert_eq!(world.run(&["fetch"]).ok(), "", "{at}: there is another way of listing");
        assert_eq!(subjects(&world), matters(&[1, 2, 3]), "{at}");
        server.put(4, &letter(4));
        let _ = world.run(&["fetch"]).ok();
        assert_eq!(subjects(&world), matters(&[1, 2, 3, 4]), "{at}");
        // Neither way lists anything: that is no success.
        server.put(5, &letter(5));
        server.bend(move |mailbox, command| {
            bend(mailbox, command)
                .or_else(|| (command.contains("FETCH") && !command.contains("BODY")).then(|| b"{tag} OK done\r\n".to_vec()))
        });
        let line = world.run(&["fetch"]).fails(76);
        assert!(line.contains("and lists none"), "{line}");
    }
    let (world, server) = at_work("sqlite", 3);
    server.bend(odd);
    let _ = world.run(&["fetch"]).ok();
    assert_eq!(subjects(&world), matters(&[1, 2, 3]), "out of order, out of range and twice");
}

#[test]
fn fetch_2_a_uid_beyond_all_does_not_carry_the_position_away() {
    for database in DATABASES {
        let (world, server) = at_work(database, 2);
        server.bend(|_, command| command.starts_with("UID SEARCH").then(|| b"* SEARCH 1 2 4294967290\r\n{tag} OK\r\n".to_vec()));
        assert!(world.run(&["fetch"]).fails(76).contains("lists UID 4294967290 beyond its own next UID"));
        server.straighten();
        server.put(3, &letter(3));
        let _ = world.run(&["fetch", "support"]);
        assert_eq!(subjects(&world), matters(&[1, 2, 3]));
    }
}

/// A mailbox that is put back from a copy, in every way that it shows; nothing doubles, and nothing is lost.
#[test]
fn fetch_5_a_mailbox_that_was_put_back_loses_and_doubles_nothing() {
    for (at, mail) in [letter as fn(u32) -> Vec<u8>, bare, letter, bare].into_iter().enumerate() {
        for grown in [4, 6, 9] {
            let (world, server) = at_work(DATABASES[at % 2], 0);
            (1..=6).for_each(|uid| server.put(uid, &mail(uid)));
            let _ = world.run(&["fetch"]).ok();
            assert_eq!(subjects(&world), matters(&[1, 2, 3, 4, 5, 6]));
            // A copy of when there were three; then other mail came under the UIDs that are free again.
            server.with(|mailbox| mailbox.messages.retain(|uid, _| *uid <= 3));
            (4..=grown).for_each(|uid| server.put(uid, &mail(uid + 100)));
            let done = world.run(&["-o", "json", "fetch"]);
            assert_eq!(done.stderr.matches("was put back from a copy").count(), 1, "{grown}: {}", done.stderr);
            assert_eq!(done.status, Some(0));
            let all: Vec<u32> = (1..=6).chain(104..=grown + 100).collect();
            let mut expected = matters(&all);
            expected.sort();
            assert_eq!(subjects(&world), expected, "{grown}");
            assert_eq!(world.run(&["fetch"]).ok(), "", "said once");
            server.put(grown + 1, &mail(200));
            let _ = world.run(&["fetch"]).ok();
            assert_eq!(subjects(&world).len(), expected.len() + 1);
        }
    }
}

#[test]
fn fetch_5_a_next_uid_that_lies_is_no_sign() {
    let (world, server) = at_work("sqlite", 3);
    let _ = world.run(&["fetch"]).ok();
    for uidnext in [1, 3, 4_000_000_000] {
        server.with(|mailbox| mailbox.uidnext = Some(uidnext));
        assert_eq!(world.run(&["fetch"]).ok(), "", "{uidnext}");
    }
    server.put(4, &letter(4));
    let _ = world.run(&["fetch"]).ok();
    assert_eq!(subjects(&world), matters(&[1, 2, 3, 4]));
}

/// The most memory that a pass had, in kilobytes.
fn peak_of_pass(world: &World, arguments: &[&str]) -> u64 {
    let mut pass = world.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (began, mut peak) = (Instant::now(), 0);
    while pass.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(240), "it does not end");
        peak = peak.max(peak_of(pass.id()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// FETCH-7: lines, UIDs and flags are bounded as bytes are, for one account and for twenty at once.
#[test]
fn fetch_7_a_flood_costs_no_memory() {
    const MOST: u64 = 150_000;
    // As much as the messages of all may take, the answers that nobody asked for, and what each worker has.
    const BODIES_OF_MANY: u64 = 256_000;
    let lines = |line: &'static [u8], bytes: usize| line.repeat(bytes / line.len());
    // Of many accounts each has less: the servers of this test have memory, too.
    let numbers: String = (0..(40 << 20) / 10).map(|number| format!(" {}", 10_000_000 + 2 * number)).collect();
    let flood = move |mailbox: &Mailbox, kind: usize, size: usize, command: &str| -> Option<Vec<u8>> {
        let done = b"{tag} OK done\r\n".to_vec();
        match kind {
            0 if command.starts_with("EXAMINE") => {
                Some([lines(b"* 1 FETCH (FLAGS ())\r\n", size), mailbox.answer(command, &|_| None)].concat())
            }
            1 if command.starts_with("UID SEARCH") => {
                Some(["* SEARCH", &numbers[..size / 10 * 9], "\r\n{tag} OK done\r\n"].concat().into_bytes())
            }
            2 if command.starts_with("UID FETCH") => {
                let flags = [b"* 1 FETCH (UID 1 FLAGS (".to_vec(), lines(b"a ", 1 << 20), b"a))\r\n".to_vec()].concat();
                Some([flags.repeat(size >> 20), done].concat())
            }
            3 if command.starts_with("UID FETCH") => Some(
                [b"* 1 FETCH (UID 1 BODY[] {8000000}\r\n".to_vec(), lines(b"x", 8_000_000), b")\r\n".to_vec(), done].concat(),
            ),
            _ => None,
        }
    };
    for kind in 0..4 {
        for accounts in [1, 12] {
            let (world, server) = at_work("sqlite", 3);
            for more in 1..accounts {
                account(&world, &format!("other{more}"), server.port, &["--max-seconds", "2"]);
            }
            // What floods has its own time, and no more.
            world.run(&["account", "set", "support", "--max-seconds", "2"]).ok();
            let size = if accounts == 1 { 40 << 20 } else { 6 << 20 };
            let flood = flood.clone();
            server.bend(move |mailbox, command| flood(mailbox, kind, size, command));
            let peak = peak_of_pass(&world, &["fetch"]);
            let most = if kind == 3 && accounts > 1 { BODIES_OF_MANY } else { MOST };
            assert!(peak < most, "flood {kind} of {accounts} accounts costs {peak} kB");
        }
    }
}
