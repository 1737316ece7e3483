//! What is done with messages that are stored (FETCH-9): flags, moves, deletions. Each acts on exactly the UIDs that it is given, and
//! comes to the same when it is done again.

use anyhow::Result;

use super::answer::{self, is_about};
use super::session::{Said, Session, refused, sets};
use super::{Opened, name};

/// The bytes that an answer may have: a server may tell of every message that is gone.
const ANSWER: u64 = 64 << 20;

/// The bytes that the answer to CAPABILITY may have, before a login, too.
const CAPABILITIES: u64 = 256 << 10;

/// What a server made of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// It refused, in its words; the session goes on.
    Refused(String),
}

impl Session {
    /// Opens a mailbox to change it. It is never closed again by CLOSE, which would expunge what others have marked.
    pub fn select(&mut self, mailbox: &str) -> Result<Opened> {
        self.open_by("SELECT", mailbox)
    }

    /// Whether the server offers an extension, now that somebody is logged in; it is asked once.
    pub fn offers(&mut self, word: &str) -> Result<bool> {
        if self.offered.is_none() {
            let mut offered = Vec::new();
            self.command("CAPABILITY", CAPABILITIES, &mut |line| {
                if is_about(&line, "CAPABILITY") {
                    offered = answer::capabilities(&line);
                }
            })
            .map_err(|error| refused("CAPABILITY", error))?;
            self.offered = Some(offered);
        }
        Ok(self.offered.iter().flatten().any(|offer| offer == word))
    }

    /// Adds a flag or a keyword.
    pub fn add_flag(&mut self, uids: &[u32], flag: &str) -> Result<Changed> {
        self.change(uids, &|set| format!("UID STORE {set} +FLAGS.SILENT ({flag})"))
    }

    /// Moves messages in one step (RFC 6851).
    pub fn relocate(&mut self, uids: &[u32], mailbox: &str) -> Result<Changed> {
        self.change(uids, &|set| format!("UID MOVE {set} {}", name::quoted(mailbox)))
    }

    /// Copies messages.
    pub fn copy(&mut self, uids: &[u32], mailbox: &str) -> Result<Changed> {
        self.change(uids, &|set| format!("UID COPY {set} {}", name::quoted(mailbox)))
    }

    /// Takes away messages that are marked as deleted, and no others (RFC 4315).
    pub fn expunge(&mut self, uids: &[u32]) -> Result<Changed> {
        self.change(uids, &|set| format!("UID EXPUNGE {set}"))
    }

    /// Does something to UIDs in order, with as few commands as lines have room for them.
    fn change(&mut self, uids: &[u32], command: &dyn Fn(&str) -> String) -> Result<Changed> {
        for set in sets(uids) {
            match self.command(&command(&set), ANSWER, &mut |_| {}) {
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
