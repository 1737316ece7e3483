//! How often a pass crosses the line: a pass over idle accounts costs that and nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use crate::support::imap::{BentImap, Mailbox};

/// What a client sent, one string for each time that it waited for an answer before.
type Flights = Arc<Mutex<Vec<String>>>;

/// Passes everything on to the test's Dovecot and writes down what the client sends.
fn counting() -> (u16, Flights) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let flights = Flights::default();
    let heard = Arc::clone(&flights);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", dovecot::server().port))) else { return };
            for (mut from, mut to, is_client) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap(), true),
                (server.try_clone().unwrap(), client.try_clone().unwrap(), false),
            ] {
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(length @ 1..) = from.read(&mut buffer) {
                        let mut heard = heard.lock().unwrap();
                        match heard.last_mut() {
                            _ if !is_client => heard.push(String::new()),
                            Some(last) => last.push_str(&String::from_utf8_lossy(&buffer[..length])),
                            None => {}
                        }
                        drop(heard);
                        if to.write_all(&buffer[..length]).is_err() {
                            return;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (port, flights)
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
fn fetch_10_a_pass_over_an_idle_account_waits_twice_for_its_server() {
    let (world, server) = (World::new(), dovecot::server());
    let (port, flights) = counting();
    server.append("idle", "INBOX", [letter("a", "").as_slice()]);
    add_account(&world, "support", "idle", port, &[]);
    assert_eq!(fetched(&world), serde_json::json!({ "imported": 1 }));
    drop(verbs(&flights));
    assert_eq!(fetched(&world), serde_json::json!({}));
    // LOGOUT is not waited for. Nothing asks what nobody needs to know: no CAPABILITY, no SELECT.
    assert_eq!(verbs(&flights), ["AUTHENTICATE", "ID, EXAMINE, UID SEARCH, UID FETCH", "LOGOUT"]);
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
