//! Reading mail, over the wire.

mod dovecot;
mod faults;
mod guard;
mod hostile;
mod speed;

use std::time::{Duration, Instant};

use espomail::fault::{self, Class, Reach};
use espomail::mailbox::{Server, Session};
use espomail::net::{IMAP, Login, Place, Proof, Stop};
use espomail::secret::Secret;
use espomail::words::{Auth, Security};

use crate::support::dovecot::PASSWORD;

/// A server at a port of this machine, in clear text, patient enough for a busy machine.
fn plain(port: u16, user: &str) -> Server<'static> {
    let place = Place {
        host: "127.0.0.1".to_string(),
        port,
        security: Security::Plain,
        ca_file: None,
        allow_plain: false,
        internal_hosts: None,
        connect_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(10),
        deadline: Instant::now() + Duration::from_secs(60),
        stop: Stop::default(),
        options: IMAP,
    };
    let (account, user) = ("support".to_string(), user.to_string());
    let proof = Proof::Password(Secret::new(PASSWORD));
    Server { login: Login { account, place, user, auth: Auth::Password, proof }, max_response: 64 << 20 }
}

/// The same somewhere else, or in another way.
fn at(mut server: Server<'static>, change: impl FnOnce(&mut Place)) -> Server<'static> {
    change(&mut server.login.place);
    server
}

/// The same with another password.
fn with_password(mut server: Server<'static>, password: &str) -> Server<'static> {
    server.login.proof = Proof::Password(Secret::new(password));
    server
}

/// The error of a session that does not open.
fn refusal(server: &Server<'_>) -> anyhow::Error {
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
