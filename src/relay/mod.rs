//! Sending mail: one SMTP connection, many messages (RFC 5321). We speak it ourselves, over [`crate::net`]. lettre, which writes our
//! letters, has a client, too, but with 0.11.23 a message is not safe: a dot behind a bare LF leaves as it is and ends the message
//! (RUSTSEC-2026-0561); what somebody wrote behind the answer to STARTTLS counts as an answer that came through TLS; an answer too
//! many is taken for the next command's, and every further one with it; 354 to the final dot is success; a server that trickles has no
//! end; the first recipient that is refused ends it. Tests hold ours to each: `session.rs`, `tests/send/relay.rs`, `failing.rs`.
//!
//! Promises: every wait has an end, every answer a limit. Each recipient gets an answer of its own. What was not handed over
//! when something broke can be sent again; what was, and has no answer, is [`Outcome::Unknown`]. A password never leaves
//! before the connection is what was asked for, and stands in no error.

mod answer;
mod login;
mod session;

pub use session::Session;

use std::time::Duration;

use crate::net::Login;

/// Where to send through, and as whom.
#[derive(Debug, Clone)]
pub struct Server<'a> {
    pub login: Login<'a>,
    /// How we call ourselves (RFC 5321, section 4.1.1.1).
    pub own_name: String,
    /// How long the answer to a whole message may take (RFC 5321, section 4.5.3.2.6); the deadline of the place does not shorten
    /// it, as nobody would know whether the message was taken.
    pub final_timeout: Duration,
}

/// Who a message is from and to, on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Empty is the null path.
    pub from: &'a str,
    pub to: &'a [String],
    /// What a delivery report calls the message (RFC 3461, section 4.4): its Message-ID without angle brackets.
    pub id: &'a str,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// Enhanced status code (RFC 2034).
    pub status: Option<String>,
    pub text: String,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer for each recipient, in their order: one that is 2xx was taken.
    Answered(Vec<Reply>),
    /// The server takes no message from this sender, whoever it goes to.
    SenderRefused(Reply),
    /// Nothing was handed over. It may be tried again, unless it is refused for good.
    Broken { error: String, permanent: bool },
    /// It was handed over, and the answer never came; `replies` is what was said of each recipient before, in their order.
    Unknown { error: String, replies: Vec<Reply> },
}
