//! espomail: a mail-to-CRM engine for the command line.
//!
//! Cron runs `espomail fetch`; one pass polls every IMAP mailbox that is set up and takes each new message into SQLite or
//! PostgreSQL exactly once, decides what becomes of it, and says why.
//!
//! # The house
//!
//! Nine floors. A file names only lower floors and its own folder; rooms on one floor do not know each other.
//! `tests/floors.rs` reads the `use` lines and fails on an arrow that runs up, and on a circle inside a room.
//!
//! ```text
//! main.rs               parses nothing itself: hands the arguments to commands/ and returns the exit status
//! commands/          6  what a person types: one file a noun or pass. No rules, no SQL
//! config context output
//!                    5  TOML; the clock, secrets and randomness; the only standard output and error
//! pass/              4  the order of work: loops, batches, transactions, retries
//! mailbox/ oauth/ relay/ store/
//!                    3  the world: reading mail (IMAP, files); tokens; sending mail (SMTP); the database (all of diesel is there)
//! depot/                raw bytes that lie outside the database: a folder, a bucket
//! net.rs                connections in which every wait has an end; TLS, logins, and what is not to be repeated
//! decide/            2  the rules. Pure: values in, a Plan out
//! mail/              1  letters. Pure: bytes in, a Mail out; a Draft in, bytes out
//! words settings fault secret clock custody room plural whereabouts
//!                    0  vocabularies; what rules ask of an account; what can go wrong and its exit status; secrets; times; whose
//!                       a file is; where one is at work
//! ```
//!
//! # The road of a message
//!
//! 1. `pass/fetch.rs` takes the lease of each due account and gives it to a worker.
//! 2. `pass/mailbox/` lists the UIDs above the position, reads them in batches, and parses one batch while the next is
//!    on its way.
//! 3. `mail/parse.rs` turns bytes into a `Mail`. It cannot fail: defects are listed on it.
//! 4. `pass/intake.rs` opens one transaction for the batch. Its first statement takes the lock row.
//! 5. `store/facts.rs` gathers what the rules may ask, in a fixed number of queries.
//! 6. `decide/road.rs` decides message by message, and folds each plan back into the facts.
//! 7. `store/apply.rs` writes everything: raw bytes, e-mails, links, cases, notes, fates with reasons, position. Commit.
//! 8. `pass/effects.rs` runs, behind all accounts, the commands that filters want.
//!
//! A message of ours takes another: `pass/outgoing.rs` gives it its bytes, its Message-ID and its place, `pass/send.rs` hands it
//! to a server and writes down the outcome, `pass/send/outcome.rs` does what follows from that (`decide/outgoing.rs`), and
//! `pass/copies.rs` puts a copy into the Sent mailbox of an account that asks for it.
//!
//! # Reading order
//!
//! `words.rs`, `mail/letter.rs`, `decide/road.rs` (the rules, from top to bottom), `decide/plan.rs`, `pass/intake.rs`,
//! `store/apply.rs`; then whatever the question is about.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(espomail::commands::run(std::env::args_os()))
}
