//! Reading mail: IMAP servers and files; and what is written to a server: copies of what was sent, and what an account wants done with
//! messages that are stored.
//!
//! Promises: nothing here changes a mailbox (EXAMINE, BODY.PEEK), but for `sent.rs`, which appends, and `change.rs`. Every wait has an end,
//! every answer a byte budget. What goes wrong is a [`Fault`](crate::fault::Fault) that says how far it reaches: a mailbox
//! that does not open ends that mailbox; everything else ends the account, whose session must then be thrown away. Nobody
//! retries here.
//!
//! The crate `imap` does the session: CAPABILITY, LOGIN and AUTHENTICATE, EXAMINE and SELECT, UID SEARCH, APPEND, UID STORE, COPY, MOVE
//! and EXPUNGE, NOOP, IDLE, LOGOUT. `guard.rs` stands between it and the wire, for as it is it panics on a `* NO` at EXAMINE and on an
//! IDLE that ends before it began, waits for ever, and keeps whatever a server sends. Past it, over the same `talk.rs`, go
//! - FETCH: it reads all answers as one, so that a malformed message would cost its whole batch; its structures overflow the stack;
//! - LIST: a name that it cannot read would hide all others, and RETURN (SPECIAL-USE) it cannot ask for;
//! - STARTTLS, which it has only together with a connection of its own, and the greeting, which it does not look at;
//! - ID, which it does not have, and what goes out together with another command: it writes one and waits for the answer;
//! - COMPRESS, which it does not have: from there on the wire inflates what comes (`inflate.rs`), and everybody else reads as before.

mod answer;
mod change;
mod files;
mod found;
mod guard;
mod idle;
mod inflate;
mod login;
mod mbox;
mod name;
mod sent;
mod session;
mod sought;
mod structure;
mod talk;
mod wire;

pub use change::Changed;
pub use files::read as read_files;
pub use found::MOST_LISTED;
pub use mbox::{FileMessage, Found};
pub use sent::Appended;
pub use session::{Foreseen, Session};
pub use sought::{Sighted, Sought};

use crate::net::Login;

/// Where to read, as whom, and how much at once.
#[derive(Debug, Clone)]
pub struct Server<'a> {
    pub login: Login<'a>,
    /// The most bytes that the answer to one fetch may have.
    pub max_response: u64,
}

/// A mailbox that was opened for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub uidvalidity: u32,
    pub uidnext: Option<u32>,
    /// How many messages it has; 0 where the server does not say.
    pub exists: u32,
    /// Whether the server said how many messages it has.
    pub is_counted: bool,
}

/// How the last command that failed did so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The server said NO or BAD, with this response code; the session goes on.
    Refused(Option<String>),
    /// The answer cannot be understood: another session is needed.
    Garbled,
    /// Nothing came any more: another session is needed.
    Stalled,
    /// The connection broke, or the server ended it.
    Cut,
}

impl Trouble {
    /// Whether the server speaks of its own state, not of what was asked for (RFC 5530).
    pub fn is_of_the_server(&self) -> bool {
        const STATES: [&str; 9] = [
            "UNAVAILABLE",
            "INUSE",
            "LIMIT",
            "OVERQUOTA",
            "AUTHENTICATIONFAILED",
            "AUTHORIZATIONFAILED",
            "EXPIRED",
            "PRIVACYREQUIRED",
            "CONTACTADMIN",
        ];
        matches!(self, Self::Refused(Some(code)) if STATES.contains(&code.as_str()))
    }

    /// Whether the server does not know the letters in which it was asked.
    pub fn is_of_charset(&self) -> bool {
        matches!(self, Self::Refused(Some(code)) if code == "BADCHARSET")
    }

    /// Whether the session goes on.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// A message's size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    pub uid: u32,
    pub size: u64,
}

/// A message as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    pub uid: u32,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    pub bytes: Vec<u8>,
    /// Only header and text parts are there (FETCH-8).
    pub partial: bool,
}

/// A message's header and what tells it from others (FETCH-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderOnly {
    pub uid: u32,
    pub size: u64,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: Option<i64>,
    pub header: Vec<u8>,
}
