//! How fast messages come from Dovecot, beside a client that reads the same bytes and drops them. Not run by default:
//! `cargo test --release --test main mailbox::speed -- --ignored --nocapture`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use espomail::mailbox::Session;

use super::plain;
use crate::support::dovecot::{PASSWORD, server};

const MESSAGES: u32 = 4_000;

#[test]
#[ignore = "a measurement"]
fn fetch_beside_a_raw_drain() {
    let dovecot = server();
    let letter = format!("Subject: x\r\n\r\n{}", "0123456789012345678901234567890123456789\r\n".repeat(548)).into_bytes();
    dovecot.append("speed", "INBOX", (0..MESSAGES).map(|_| letter.as_slice()));
    for _ in 0..3 {
        let started = Instant::now();
        let bytes = drain(dovecot.port);
        report("raw drain", bytes, started);

        let started = Instant::now();
        let mut session = Session::open(&plain(dovecot.port, "speed")).unwrap();
        session.examine("INBOX").unwrap();
        let uids = session.uids_above(0).unwrap();
        let mut bytes = 0;
        for some in uids.chunks(256) {
            bytes += session.fetch(some).unwrap().iter().map(|message| message.bytes.len()).sum::<usize>();
        }
        report("session", bytes, started);
        assert_eq!(bytes, MESSAGES as usize * letter.len());
    }
}

/// Asks for everything at once and drops it.
fn drain(port: u16) -> usize {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let password = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
    write!(stream, "a LOGIN speed \"{password}\"\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* (BODY.PEEK[])\r\nd LOGOUT\r\n").unwrap();
    let (mut buffer, mut bytes) = (vec![0; 128 << 10], 0);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return bytes,
            length => bytes += length,
        }
    }
}

fn report(what: &str, bytes: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{what}: {:.0} messages/s, {:.0} MB/s", f64::from(MESSAGES) / seconds, bytes as f64 / seconds / 1e6);
}
