//! A real Dovecot behind a line that fails, and places where there is no server at all.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use espomail::fault::{Class, Reach};
use espomail::mailbox::Session;
use espomail::words::Security;

use super::{assert_fault, at, plain, refusal};
use crate::support::dovecot::server;
use crate::support::proxy::{Harm, Proxy};

/// Where, in bytes of the server's, the literals of a large message surely are.
const INSIDE: usize = 200_000;

/// Fetches a large message of a user of this test's own through a proxy that harms what the server says.
fn fetch_through(user: &str, harm: Harm) -> anyhow::Result<Vec<u8>> {
    let dovecot = server();
    dovecot.append(user, "INBOX", [large().as_slice()]);
    let proxy = Proxy::start(dovecot.port, Harm::Pass, harm);
    let server = at(plain(proxy.port, user), |place| place.read_timeout = Duration::from_millis(700));
    let mut session = Session::open(&server)?;
    session.examine("INBOX")?;
    Ok(session.fetch(&[1])?.remove(0).bytes)
}

fn large() -> Vec<u8> {
    format!("Subject: large\r\n\r\n{}", "0123456789\r\n".repeat(100_000)).into_bytes()
}

#[test]
fn a_line_that_holds_brings_the_message() {
    assert_eq!(fetch_through("holds", Harm::Pass).unwrap(), large());
}

#[test]
fn fetch_6_a_reset_inside_a_literal_is_the_accounts_trouble() {
    let error = fetch_through("reset", Harm::Reset(INSIDE)).unwrap_err();
    assert_fault(&error, Class::Unavailable, Reach::Account, "Connection reset by peer");
    let error = fetch_through("finish", Harm::Finish(INSIDE)).unwrap_err();
    assert_fault(&error, Class::Unavailable, Reach::Account, "the connection was cut");
}

#[test]
fn fetch_10_a_stall_ends_at_the_read_limit() {
    let started = Instant::now();
    let error = fetch_through("stall", Harm::Stall(INSIDE)).unwrap_err();
    assert_fault(&error, Class::Unavailable, Reach::Account, "the server does not answer");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn fetch_6_a_corrupted_byte_inside_a_literal_stays_inside() {
    let bytes = fetch_through("corrupt", Harm::Corrupt(INSIDE)).unwrap();
    assert_eq!(bytes.len(), large().len());
    assert_eq!(bytes.iter().zip(large()).filter(|(a, b)| **a != *b).count(), 1);
}

#[test]
fn fetch_6_tls_notices_a_corrupted_byte() {
    let dovecot = server();
    dovecot.append("corrupt-tls", "INBOX", [large().as_slice()]);
    let proxy = Proxy::start(dovecot.tls_port, Harm::Pass, Harm::Corrupt(INSIDE));
    let authority = dovecot.authority();
    let ca_file = Some(authority.path().to_path_buf());
    let server = at(plain(proxy.port, "corrupt-tls"), |place| (place.security, place.ca_file) = (Security::Tls, ca_file));
    let mut session = Session::open(&server).unwrap();
    session.examine("INBOX").unwrap();
    let error = session.fetch(&[1]).unwrap_err();
    assert_fault(&error, Class::Unavailable, Reach::Account, "bad record mac");
}

#[test]
fn fetch_10_a_stalled_handshake_ends_at_the_read_limit() {
    for harm in [Harm::Stall(0), Harm::Stall(100)] {
        let proxy = Proxy::start(server().tls_port, Harm::Pass, harm);
        let server = at(plain(proxy.port, "handshake"), |place| {
            (place.security, place.read_timeout) = (Security::Tls, Duration::from_millis(300));
        });
        assert_fault(&refusal(&server), Class::Unavailable, Reach::Account, "failed: the server does not answer");
    }
    for (harm, words) in [(Harm::Reset(0), "Connection reset by peer"), (Harm::Finish(100), "the connection was cut")] {
        let proxy = Proxy::start(server().tls_port, Harm::Pass, harm);
        let server = at(plain(proxy.port, "handshake"), |place| place.security = Security::Tls);
        assert_fault(&refusal(&server), Class::Unavailable, Reach::Account, words);
    }
}

#[test]
fn no_server_no_host_and_no_time_are_told_apart() {
    let port = crate::support::ports::free_port();
    assert_fault(
        &refusal(&plain(port, "x")),
        Class::Unavailable,
        Reach::Account,
        &format!("cannot connect to 127.0.0.1:{port}: "),
    );
    let unknown = at(plain(143, "x"), |place| place.host = "nowhere.invalid".to_string());
    assert_fault(&refusal(&unknown), Class::Unavailable, Reach::Account, "the host nowhere.invalid cannot be found");
    let late = at(plain(server().port, "x"), |place| place.deadline = Instant::now());
    assert_fault(&refusal(&late), Class::Unavailable, Reach::Account, "the account's time is over");
}

#[test]
fn fetch_10_a_connection_that_nobody_accepts_ends_at_the_connect_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: once the queue is full, a connection waits for its first answer.
    let queue: Vec<_> =
        (0..200).map_while(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()).collect();
    let started = Instant::now();
    let server = at(plain(address.port(), "x"), |place| {
        (place.connect_timeout, place.read_timeout) = (Duration::from_millis(300), Duration::from_millis(300));
    });
    assert_fault(&refusal(&server), Class::Unavailable, Reach::Account, "");
    assert!(started.elapsed() < Duration::from_secs(2), "{} were queued", queue.len());
}

#[test]
fn fetch_16_nothing_is_sent_in_clear_text_beyond_this_machine() {
    // No packet is sent: this only asks which address of ours would be used.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_err() {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    }
    let host = socket.local_addr().unwrap().ip().to_string();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let server = at(plain(listener.local_addr().unwrap().port(), "x"), |place| place.host = host);
    assert_fault(
        &refusal(&server),
        Class::Refused,
        Reach::Account,
        "is not this machine, and clear text is not allowed; use --imap",
    );
    let mut heard = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
    assert!(heard.is_empty());
}
