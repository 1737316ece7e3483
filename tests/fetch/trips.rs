//! How often a pass crosses the line: a pass over idle accounts costs that and nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::*;
use crate::support::imap::{BentImap, DEAF, Mailbox};

/// What a client sent, one string for each time that it waited for an answer before.
type Flights = Arc<Mutex<Vec<String>>>;

/// What a server says in the place of what it should.
type Answer = Option<&'static [u8]>;

/// Passes everything on to a server and writes down what the client sends. What the server says comes so many bytes in a second, where it
/// is said how many; they are counted.
fn counting(server: u16, rate: Option<f64>) -> (u16, Flights, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let flights = Flights::default();
    let (heard, said) = (Arc::clone(&flights), Arc::<Mutex<usize>>::default());
    let counted = Arc::clone(&said);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else { return };
            for (mut from, mut to, is_client) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap(), true),
                (server.try_clone().unwrap(), client.try_clone().unwrap(), false),
            ] {
                let (heard, counted) = (Arc::clone(&heard), Arc::clone(&counted));
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 16_384];
                    while let Ok(length @ 1..) = from.read(&mut buffer) {
                        let mut heard = heard.lock().unwrap();
                        match heard.last_mut() {
                            _ if !is_client => heard.push(String::new()),
                            Some(last) => last.push_str(&String::from_utf8_lossy(&buffer[..length])),
                            None => {}
                        }
                        drop(heard);
                        if !is_client {
                            *counted.lock().unwrap() += length;
                            std::thread::sleep(rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(length as f64 / rate)));
                        }
                        if to.write_all(&buffer[..length]).is_err() {
                            return;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (port, flights, said)
}

/// The verbs of the commands of each flight.
fn verbs(flights: &Flights) -> Vec<String> {
    let verb = |line: &str| {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        if words.first() == Some(&"UID") { words[..2].join(" ") } else { words.first().unwrap_or(&"").to_string() }
    };
    let flights = std::mem::take(&mut *flights.lock().unwrap());
    let sent = flights.iter().filter(|flight| !flight.is_empty());
    sent.map(|flight| flight.lines().map(verb).collect::<Vec<_>>().join(", ")).collect()
}

#[test]
fn fetch_10_a_pass_over_an_idle_account_waits_once_for_its_server() {
    let (world, server) = (World::new(), dovecot::server());
    let (port, flights, _) = counting(server.port, None);
    server.append("idle", "INBOX", [letter("a", "").as_slice()]);
    add_account(&world, "support", "idle", port, &[]);
    assert_eq!(fetched(&world), serde_json::json!({ "imported": 1 }));
    drop(verbs(&flights));
    assert_eq!(fetched(&world), serde_json::json!({}));
    // LOGOUT is not waited for. Nothing asks what nobody needs to know: no CAPABILITY, no SELECT.
    assert_eq!(verbs(&flights), ["AUTHENTICATE, ID, EXAMINE, UID SEARCH, UID FETCH", "LOGOUT"]);
    // What went out with the login is not asked again; a password that is refused is so once, whatever comes behind that.
    server.append("idle", "INBOX", [letter("b", "").as_slice()]);
    assert_eq!(fetched(&world), serde_json::json!({ "imported": 1 }));
    let with_mail = verbs(&flights);
    assert_eq!(
        with_mail.iter().filter(|flight| flight.contains("EXAMINE") || flight.contains("SEARCH")).count(),
        1,
        "{with_mail:?}"
    );
    world.run_with(&["account", "set", "support", "--password-stdin"], "wrong\n").ok();
    assert!(world.run(&["fetch", "support"]).fails(77).contains("login refused"));
    assert_eq!(verbs(&flights), ["AUTHENTICATE, ID, EXAMINE, UID SEARCH, UID FETCH"]);
}

#[test]
fn fetch_10_what_goes_out_behind_a_login_may_be_lost_or_confuse_and_costs_no_mail() {
    let (world, server) = (World::new(), BentImap::start());
    let config = std::fs::read_to_string(world.config()).unwrap();
    std::fs::write(world.config(), format!("{config}\n[fetch]\nread-timeout = 1\n")).unwrap();
    server.with(|mailbox| mailbox.greeting = "Dovecot, or what calls itself so");
    server.put(1, &letter("1", ""));
    add_account(&world, "support", "anybody", server.port, &[]);
    let logins = |mailbox: &Mailbox| mailbox.heard.iter().filter(|line| line.starts_with("LOGIN")).count();
    let pass = |world: &World, uid: u32, first: Answer, behind: Answer| {
        server.put(uid, &letter(&uid.to_string(), ""));
        server.with(|mailbox| mailbox.heard.clear());
        server.bend(move |mailbox, command| match command.split(' ').next() {
            Some("LOGIN") if logins(mailbox) == 1 => first.map(<[u8]>::to_vec),
            Some("EXAMINE" | "UID") if logins(mailbox) == 1 => behind.map(<[u8]>::to_vec),
            _ => None,
        });
        let done = world.run(&["fetch", "support"]);
        (done, server.with(|mailbox| (logins(mailbox), mailbox.heard.len())))
    };
    pass(&world, 1, None, None).0.ok();
    let odd: [(u32, Answer, Answer, usize); 5] = [
        (2, None, None, 1),
        // Lost, as Courier does; taken for the answer to a challenge; the line cut; answered as Cyrus does.
        (3, None, Some(DEAF), 2),
        (4, Some(b"+ and?\r\n"), Some(DEAF), 2),
        (5, Some(b""), None, 2),
        (6, Some(b"{tag} OK in\r\n{tag} BAD you are in already\r\n"), Some(DEAF), 2),
    ];
    for (uid, first, behind, times) in odd {
        let (done, (logins, heard)) = pass(&world, uid, first, behind);
        assert_eq!((done.ok().as_str(), logins), ("", times), "{uid}");
        assert!(emails(&world).len() == uid as usize && heard < 20, "{uid}");
    }
    let (done, (logins, _)) = pass(&world, 7, Some(b"{tag} NO not you\r\n"), Some(b""));
    assert!(done.fails(77).contains("login refused: not you"));
    assert_eq!(logins, 1);
    let (done, _) = pass(&world, 8, None, None);
    assert_eq!((done.status, done.stderr.as_str()), (Some(0), "espomail: account support: works again\n"));
    assert_eq!(emails(&world).len(), 8);
}

/// Words of everyday life, in no order: letters of which deflate makes a third or less.
fn prose(id: u32, length: usize) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["pump ", "leaks ", "since ", "Monday ", "the ", "valve ", "and ", "we ", "cannot ", "ship\r\n", "order ", "please "];
    let mut state = id;
    let mut text = letter(&format!("prose{id}"), "");
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend(WORDS[(state >> 16) as usize % WORDS.len()].bytes());
    }
    text
}

#[test]
fn fetch_10_over_a_slow_line_the_rest_comes_deflated_whatever_the_server_makes_of_it() {
    const EACH: usize = 120 << 10;
    const SLOW: Option<f64> = Some(900_000.0);
    let mail: Vec<Vec<u8>> = (0..8).map(|id| prose(id, EACH)).collect();
    let (world, dovecot) = (World::new(), dovecot::server());
    dovecot.append("slow", "INBOX", mail.iter().map(Vec::as_slice));
    let (port, flights, said) = counting(dovecot.port, SLOW);
    add_account(&world, "dovecot", "slow", port, &[]);
    // A bomb, what is not deflated, what never becomes anything, and no.
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'x'; 4 << 20], 6);
    let odd: [Vec<u8>; 4] = [bomb, Vec::new(), [0, 0, 0, 0xff, 0xff].repeat(40_000), b"{no}".to_vec()];
    let servers: Vec<BentImap> = odd
        .into_iter()
        .map(|behind| {
            let server = BentImap::start();
            (0..).zip(&mail).for_each(|(at, message)| server.put(at + 1, message));
            server.bend(move |_, command| match command.split(' ').next() {
                Some("LOGIN") => Some(b"{tag} OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n".to_vec()),
                Some("COMPRESS") if behind == b"{no}" => Some(b"{tag} NO not now\r\n".to_vec()),
                Some("COMPRESS") => Some([b"{tag} OK go\r\n", behind.as_slice()].concat()),
                _ => None,
            });
            server
        })
        .collect();
    for (at, server) in servers.iter().enumerate() {
        let (port, ..) = counting(server.port, SLOW);
        add_account(&world, &format!("odd{at}"), "anybody", port, &[]);
    }
    let reports = world.json(&["fetch"]);
    for report in reports["items"].as_array().unwrap() {
        let of = &report["messages"];
        assert_eq!(of["imported"].as_u64().unwrap_or_default() + of["duplicate"].as_u64().unwrap_or_default(), 8, "{reports}");
    }
    assert_eq!((emails(&world).len(), reports["items"].as_array().unwrap().len()), (8, 5));
    for (at, server) in servers.iter().enumerate() {
        let asked = server.with(|mailbox| mailbox.heard.iter().filter(|line| line.contains("COMPRESS")).count());
        assert_eq!(asked, 1, "odd{at}");
    }
    let of_dovecot = verbs(&flights);
    assert_eq!(of_dovecot.iter().filter(|flight| flight.contains("COMPRESS")).count(), 1, "{of_dovecot:?}");
    let said = *said.lock().unwrap();
    assert!(said < 8 * EACH * 6 / 10, "{said} bytes of {}", 8 * EACH);
    for email in emails(&world) {
        let raw = Command::output(&mut world.command(&["email", "raw", &email["id"].to_string()])).unwrap().stdout;
        assert!(mail.contains(&raw), "as it was");
    }
}

#[test]
fn fetch_10_id_is_only_said_to_servers_that_offer_it_and_whatever_they_answer() {
    for (offered, answer, is_said) in [
        ("", "", false),
        (" ID", "* ID (\"name\" \"a server\")\r\n{tag} OK done\r\n", true),
        (" ID", "* ID NIL\r\n{tag} NO not to you\r\n", true),
        (" ID", "{tag} BAD what\r\n", true),
    ] {
        let (world, server) = (World::new(), BentImap::start());
        server.put(1, &letter("a", ""));
        server.bend(move |_, command| match command.split(' ').next() {
            Some("CAPABILITY") => Some(format!("* CAPABILITY IMAP4rev1{offered}\r\n{{tag}} OK done\r\n").into_bytes()),
            Some("ID") => Some(answer.as_bytes().to_vec()),
            _ => None,
        });
        add_account(&world, "support", "anybody", server.port, &[]);
        assert_eq!(world.run(&["fetch"]).ok(), "", "{answer}");
        assert_eq!(emails(&world).len(), 1, "{answer}");
        assert_eq!(world.run(&["fetch"]).ok(), "", "{answer}");
        let heard = server.with(|mailbox| mailbox.heard.clone());
        assert_eq!(heard.iter().any(|line| line.starts_with("ID (\"name\" \"espomail\" \"version\"")), is_said, "{heard:?}");
    }
}

#[test]
fn fetch_10_answers_in_another_order_cost_nothing_but_time() {
    let (world, server) = (World::new(), BentImap::start());
    server.put(1, &letter("a", ""));
    add_account(&world, "support", "anybody", server.port, &[]);
    assert_eq!(fetched(&world), serde_json::json!({ "imported": 1 }));
    server.put(2, &letter("b", ""));
    // What was asked second is answered first: e4 is what is new, e5 the known message; what was answered too soon is asked anew.
    const MARK: &str = "UID FETCH 1 (UID RFC822.SIZE INTERNALDATE";
    fn count(mailbox: &Mailbox, words: &str) -> usize {
        mailbox.heard.iter().filter(|line| line.starts_with(words)).count()
    }
    server.bend(|mailbox, command| {
        if command.starts_with("UID SEARCH UID 2:*") && count(mailbox, "UID SEARCH UID 2:*") == 1 {
            return Some(b"* OK in a moment\r\n".to_vec());
        }
        (command.starts_with(MARK) && count(mailbox, MARK) == 1).then(|| {
            let known = mailbox.item(1, command);
            [known, b"{tag} OK done\r\n* SEARCH 2\r\ne4 OK done\r\n".to_vec()].concat()
        })
    });
    assert_eq!(fetched(&world), serde_json::json!({ "imported": 1 }));
    assert_eq!(server.with(|mailbox| count(mailbox, MARK)), 2);
}
