//! The Sent mailbox: which it is, whether it has a message, and putting one there (SEND-7).

use anyhow::Result;
use jiff::Timestamp;

use super::session::Session;
use super::talk::{Said, refused};
use super::{answer, name};

/// The bytes that an answer may have.
const ANSWER: u64 = 64 << 20;

impl Session {
    /// Returns the mailbox that the server calls the one for what was sent (RFC 6154), if it does.
    pub fn sent_mailbox(&mut self) -> Result<Option<String>> {
        let is_extended = self.offers("SPECIAL-USE")? && self.offers("LIST-EXTENDED")?;
        // Some tell of it without being asked, and those that cannot be asked may tell nevertheless.
        let extended = if is_extended { " RETURN (SPECIAL-USE)" } else { "" };
        let mut sent = None;
        let list = format!("LIST \"\" \"*\"{extended}");
        self.command(&list, ANSWER, &mut |line| sent = sent.take().or_else(|| answer::listed_as_sent(&line)))
            .map_err(|error| refused("LIST", error))?;
        Ok(sent)
    }

    /// Whether a mailbox has a message with this Message-ID, which is given without its brackets.
    pub fn holds(&mut self, mailbox: &str, message_id: &str) -> Result<bool> {
        Ok(!self.found(mailbox, message_id)?.is_empty())
    }

    /// Returns the sizes of the messages of a mailbox that bear this Message-ID, of a thousand at the most.
    pub fn sizes_of(&mut self, mailbox: &str, message_id: &str) -> Result<Vec<u64>> {
        let mut found = self.found(mailbox, message_id)?;
        found.truncate(1_000);
        let sizes = if found.is_empty() { Vec::new() } else { self.sizes(&found)? };
        Ok(sizes.into_iter().map(|listed| listed.size).collect())
    }

    fn found(&mut self, mailbox: &str, message_id: &str) -> Result<Vec<u32>> {
        // Opened anew for each: what the server itself filed a moment ago must be seen.
        self.examine(mailbox)?;
        self.search(&format!("HEADER Message-ID {}", quoted(&format!("<{message_id}>"))))
    }

    /// Puts a message into a mailbox, seen, with the time of its sending as its INTERNALDATE (seconds since 1970 UTC).
    pub fn append(&mut self, mailbox: &str, sent_at: i64, bytes: &[u8]) -> Result<Appended> {
        let mailbox = name::escaped(mailbox);
        let outcome = self.ask(ANSWER, |imap| {
            let mut append = imap.append(&mailbox, bytes);
            append.flag(imap::types::Flag::Seen);
            // RFC 3339 in both crates.
            if let Ok(date) = Timestamp::from_second(sent_at).unwrap_or(Timestamp::UNIX_EPOCH).to_string().parse() {
                append.internal_date(date);
            }
            append.finish().map(drop)
        });
        match outcome {
            Ok(()) => Ok(Appended::Done),
            Err(error) => match error.downcast::<Said>() {
                Ok(Said(words)) => Ok(Appended::Refused(words)),
                Err(other) => Err(other),
            },
        }
    }
}

/// What a server made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    Done,
    /// It will not have this one, in its words; the session goes on.
    Refused(String),
}

/// Writes a quoted string; our Message-IDs have printable ASCII only.
fn quoted(text: &str) -> String {
    format!("\"{}\"", crate::net::escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn send_7_a_message_id_is_quoted() {
        assert_eq!(quoted(r#"<a"b\c@x>"#), r#""<a\"b\\c@x>""#);
    }
}
