//! What is done with messages that are stored (FETCH-9): flags, moves, deletions. Each acts on exactly the UIDs that it is given, and
//! comes to the same when it is done again.

use anyhow::Result;

use super::guard::{Guarded, offers};
use super::name;
use super::session::{Session, sets};
use super::talk::Said;

/// The bytes that an answer may have: a server may tell of every message that is gone.
const ANSWER: u64 = 64 << 20;

/// What a server made of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// It refused, in its words; the session goes on.
    Refused(String),
}

impl Session {
    /// Whether the server offers an extension, now that somebody is logged in; it is asked once.
    pub fn offers(&mut self, word: &str) -> Result<bool> {
        offers(&self.guard, word, || self.imap.capabilities())
    }

    /// Adds a flag or a keyword.
    pub fn add_flag(&mut self, uids: &[u32], flag: &str) -> Result<Changed> {
        self.change(uids, &|imap, set| imap.uid_store(set, format!("+FLAGS.SILENT ({flag})")).map(drop))
    }

    /// Moves messages in one step (RFC 6851).
    pub fn relocate(&mut self, uids: &[u32], mailbox: &str) -> Result<Changed> {
        self.change(uids, &|imap, set| imap.uid_mv(set, name::encode(mailbox)))
    }

    /// Copies messages.
    pub fn copy(&mut self, uids: &[u32], mailbox: &str) -> Result<Changed> {
        // Here alone the crate puts no quotation marks around the name.
        self.change(uids, &|imap, set| imap.uid_copy(set, name::quoted(mailbox)))
    }

    /// Takes away messages that are marked as deleted, and no others (RFC 4315).
    pub fn expunge(&mut self, uids: &[u32]) -> Result<Changed> {
        self.change(uids, &|imap, set| imap.uid_expunge(set).map(drop))
    }

    /// Does something to UIDs in order, with as few commands as lines have room for them.
    fn change(&mut self, uids: &[u32], one: &dyn Fn(&mut imap::Session<Guarded>, &str) -> imap::Result<()>) -> Result<Changed> {
        for set in sets(uids) {
            match self.ask(ANSWER, |imap| one(imap, &set)) {
                Ok(()) => {}
                Err(error) => match error.downcast::<Said>() {
                    Ok(Said(words)) => return Ok(Changed::Refused(words)),
                    Err(other) => return Err(other),
                },
            }
        }
        Ok(Changed::Done)
    }
}
