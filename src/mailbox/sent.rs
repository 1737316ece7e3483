//! The Sent mailbox: which it is, whether it has a message, and putting one there (SEND-7).

use anyhow::Result;
use jiff::Timestamp;

use super::session::{Said, Session, refused};
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
        // Opened anew for each: what the server itself filed a moment ago must be seen.
        self.examine(mailbox)?;
        let found = self.search(&format!("HEADER Message-ID {}", quoted(&format!("<{message_id}>"))))?;
        Ok(!found.is_empty())
    }

    /// Puts a message into a mailbox, seen, with the time of its sending as its INTERNALDATE (seconds since 1970 UTC).
    pub fn append(&mut self, mailbox: &str, sent_at: i64, bytes: Vec<u8>) -> Result<Appended> {
        let (mailbox, date) = (name::quoted(mailbox), date_time(sent_at));
        let command = format!("APPEND {mailbox} (\\Seen) \"{date}\" {{{}}}", bytes.len());
        match self.converse(&[command.into_bytes(), bytes], ANSWER, &mut |_| {}) {
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
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Writes a time as APPEND wants it: ` 1-Jul-2026 09:44:25 +0000`.
fn date_time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%e-%b-%Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn send_7_times_are_written_as_they_are_read() {
        assert_eq!(date_time(1_782_899_065), " 1-Jul-2026 09:44:25 +0000");
        assert_eq!(answer::internal_date(&date_time(1_782_899_065)), Some(1_782_899_065));
        assert_eq!(quoted(r#"<a"b\c@x>"#), r#""<a\"b\\c@x>""#);
    }
}
