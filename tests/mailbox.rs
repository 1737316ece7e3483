//! Reading mail, over the wire.

mod dovecot;
mod faults;
mod hostile;
mod speed;

use std::time::{Duration, Instant};

use espomail::fault::{self, Class, Reach};
use espomail::mailbox::{Server, Session};
use espomail::secret::Secret;
use espomail::words::Security;

use crate::support::dovecot::PASSWORD;

/// A server at a port of this machine, in clear text, patient enough for a busy machine.
fn plain(port: u16, user: &str) -> Server {
    Server {
        account: "support".to_string(),
        host: "127.0.0.1".to_string(),
        port,
        security: Security::Plain,
        ca_file: None,
        user: user.to_string(),
        password: Secret::new(PASSWORD),
        allow_plain: false,
        internal_hosts: None,
        connect_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(10),
        deadline: Instant::now() + Duration::from_secs(60),
        max_response: 64 << 20,
    }
}

/// The error of a session that does not open.
fn refusal(server: &Server) -> anyhow::Error {
    match Session::open(server) {
        Ok(_) => panic!("the session opened"),
        Err(error) => error,
    }
}

/// Checks an error's class and reach, and that its line has some words and not the password.
#[track_caller]
fn assert_fault(error: &anyhow::Error, class: Class, reach: Reach, words: &str) {
    let line = fault::one_line(error);
    assert_eq!((fault::class_of(error), fault::reach_of(error)), (class, reach), "{line}");
    assert!(line.contains(words), "{line}");
    assert!(!line.contains(PASSWORD), "{line}");
}
