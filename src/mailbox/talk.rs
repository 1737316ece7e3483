//! The conversation with a server: commands with their tags, some of which go out before they are asked for, and what is answered, one
//! response at a time, so that a malformed one spoils only itself.

use std::collections::VecDeque;
use std::io;

use anyhow::Result;
use imap_proto::types::Status;

use super::Trouble;
use super::answer;
use super::wire::Wire;
use crate::fault::{Class, Fault, Reach};
use crate::net::{Secrets, text};

/// The bytes that an answer without message bodies may have.
pub const SMALL_ANSWER: u64 = 64 << 20;

/// What is said over one connection.
pub struct Talk {
    pub(super) wire: Wire,
    tag: u32,
    /// What must not be repeated when the server's words are.
    secrets: Secrets,
    pub trouble: Option<Trouble>,
    /// What the server offers, in capitals; none before it was asked since the login.
    pub offered: Option<Vec<String>>,
    /// The bytes that the answer to the next command may have.
    pub budget: u64,
    /// How many messages the mailbox has that is open, as far as the server has told.
    pub exists: Option<u32>,
    /// The server has told of more messages than there were. It does so once, with whatever it answers.
    pub has_news: bool,
    /// The tag of the command that is being answered.
    open: Option<String>,
    /// The words with which it was refused.
    pub refusal: Option<String>,
    /// Commands whose answers nobody has read yet, the first one first.
    pub ahead: VecDeque<Ahead>,
    /// What goes out with the next command.
    unsent: Vec<u8>,
    /// Commands that go out behind the next one, and whether nobody asks for their answers.
    pub behind: Vec<(String, bool)>,
}

/// A command that goes out before it is asked for, so that the line is crossed once for several.
pub struct Ahead {
    tag: String,
    command: String,
    /// Nobody asks for its answer.
    is_dropped: bool,
}

impl Ahead {
    pub fn is_asked(&self) -> bool {
        !self.is_dropped
    }

    /// Whether what comes is its ending.
    pub fn is_of(&self, comes: &[u8]) -> bool {
        comes.strip_prefix(self.tag.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
    }
}

/// One response.
pub enum Heard {
    Untagged(Vec<u8>),
    /// The server asks for more, with `+`.
    Asked(Vec<u8>),
    /// The command that is open has ended: well, unless there is a refusal.
    Ended,
    /// What nobody asks for.
    Other,
}

impl Talk {
    pub fn new(wire: Wire, secrets: Secrets) -> Self {
        Self {
            wire,
            tag: 0,
            secrets,
            trouble: None,
            offered: None,
            budget: 0,
            exists: None,
            has_news: false,
            open: None,
            refusal: None,
            ahead: VecDeque::new(),
            unsent: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// The same over another connection. What was offered over the one before counts no more.
    pub fn over(self, connect: impl FnOnce(Wire) -> Result<Wire>) -> Result<Self> {
        Ok(Self { wire: connect(self.wire)?, offered: None, ..self })
    }

    /// Sends a command and hands each untagged response to `each`, until the tagged one.
    pub fn command(&mut self, command: &str, bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.budget = bytes;
        self.begin(command.as_bytes())?;
        loop {
            match self.hear(&mut |_| {})? {
                Heard::Untagged(line) => each(line),
                Heard::Asked(line) => return Err(self.garbled(&line).into()),
                Heard::Ended => return self.refusal.take().map_or(Ok(()), |words| Err(Said(words).into())),
                Heard::Other => {}
            }
        }
    }

    /// Lets a command go out with the next one.
    pub fn send_ahead(&mut self, command: String, is_dropped: bool) {
        let tag = self.next_tag();
        self.unsent.extend(format!("{tag} {command}\r\n").into_bytes());
        self.ahead.push_back(Ahead { tag, command, is_dropped });
    }

    /// Lets a command go out behind the next one.
    pub fn send_behind(&mut self, command: String) {
        self.behind.push((command, false));
    }

    /// Whether a command is on its way, or will go out with the next one.
    pub fn is_foreseen(&self, command: &str) -> bool {
        let ahead = self.ahead.iter().map(|one| &one.command);
        ahead.chain(self.behind.iter().map(|(behind, _)| behind)).any(|one| one == command)
    }

    fn next_tag(&mut self) -> String {
        self.tag += 1;
        format!("e{}", self.tag)
    }

    /// Sends a command, unless it is on its way. Answers that nobody asked for after all are read and dropped first.
    pub fn begin(&mut self, command: &[u8]) -> Result<(), Fault> {
        (self.open, self.refusal) = (None, None);
        let is_ahead = |one: &Ahead| !one.is_dropped && one.command.as_bytes() == command;
        // What is only said, and not asked, may be answered in between.
        let next = self.ahead.iter().position(|one| !one.is_dropped);
        let found = next.filter(|at| self.ahead.get(*at).is_some_and(is_ahead));
        let tag = match found.and_then(|at| self.ahead.remove(at)) {
            Some(Ahead { tag, .. }) => tag,
            None => {
                while self.ahead.iter().any(|one| !one.is_dropped) {
                    self.flush()?;
                    self.wire.allow(SMALL_ANSWER);
                    if let Heard::Asked(line) = self.hear(&mut |_| {})? {
                        return Err(self.garbled(&line));
                    }
                }
                let tag = self.next_tag();
                self.unsent.extend([tag.as_bytes(), b" ", command, b"\r\n"].concat());
                std::mem::take(&mut self.behind).into_iter().for_each(|(behind, is_dropped)| self.send_ahead(behind, is_dropped));
                tag
            }
        };
        self.flush()?;
        self.wire.allow(self.budget);
        self.open = Some(tag);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent.is_empty() { Ok(()) } else { self.send(&unsent) }
    }

    /// Sends what belongs to the command that is open.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.wire.send(bytes).map_err(|error| self.broken(error))
    }

    /// Whether a command is being answered.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Lets nobody wait for what the server answers.
    pub fn leave(&mut self) {
        self.open = None;
    }

    /// Reads one response. The numbers of the answer to a search go to `number`.
    pub fn hear(&mut self, number: &mut dyn FnMut(u64)) -> Result<Heard, Fault> {
        let line = self.wire.answer(number).map_err(|error| self.broken(error))?;
        if let Some(ending) = self.open.as_ref().and_then(|tag| answer::ending(&line, tag)) {
            self.open = None;
            if ending.status == Status::Ok {
                self.offered = answer::offered(ending.information).or(self.offered.take());
            } else {
                self.trouble = Some(Trouble::Refused(ending.code()));
                self.refusal = Some(self.words(ending.information));
            }
            return Ok(Heard::Ended);
        }
        if let Some(words) = answer::bye(&line) {
            (self.trouble, self.open) = (Some(Trouble::Cut), None);
            return Err(self.said_bye(words));
        }
        if line.starts_with(b"* ") {
            if let Some(number) = answer::number(&line) {
                let mut exists = self.exists.unwrap_or_default();
                self.has_news |= number.counts_more(&mut exists);
                self.exists = Some(exists);
            }
            return Ok(Heard::Untagged(line));
        }
        if self.ends_ahead(&line) {
            log::debug!("passed over: {}", text(first_line(&line)));
            return Ok(Heard::Other);
        }
        if line.starts_with(b"+") { Ok(Heard::Asked(line)) } else { Err(self.garbled(&line)) }
    }

    /// Whether a line ends a command that went ahead: what it was answered is not known any more, and it would be asked anew.
    fn ends_ahead(&mut self, line: &[u8]) -> bool {
        let before = self.ahead.len();
        self.ahead.retain(|one| answer::ending(line, &one.tag).is_none());
        self.ahead.len() < before
    }

    /// Makes ours what the crate says of a command: a refusal in the server's words, a fault of the guard as it was.
    pub fn judge<T>(&mut self, outcome: imap::Result<T>) -> Result<T> {
        let error = match outcome {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if let Some(words) = self.refusal.take() {
            return Err(Said(words).into());
        }
        match error {
            imap::Error::Io(error) => match error.downcast::<Fault>() {
                Ok(fault) => Err(fault.into()),
                Err(error) => Err(self.broken(error).into()),
            },
            other => Err(self.garbled(other.to_string().as_bytes()).into()),
        }
    }

    /// The line failed.
    pub fn broken(&mut self, error: io::Error) -> Fault {
        self.open = None;
        self.trouble = Some(match error.kind() {
            io::ErrorKind::InvalidData => Trouble::Garbled,
            io::ErrorKind::TimedOut => Trouble::Stalled,
            _ => Trouble::Cut,
        });
        broken(&error)
    }

    /// The server says what it may not say now.
    pub fn garbled(&mut self, line: &[u8]) -> Fault {
        (self.trouble, self.open) = (Some(Trouble::Garbled), None);
        self.not_understood("the server's answer", line)
    }

    /// Makes a server's words fit for a line of ours, and for our logs.
    fn words(&self, bytes: &[u8]) -> String {
        text(self.secrets.hide(&String::from_utf8_lossy(bytes)).as_bytes())
    }

    pub fn said_bye(&self, words: &[u8]) -> Fault {
        fault(Class::Unavailable, format!("the server closes the connection: {}", self.words(words)))
    }

    pub fn not_understood(&self, what: &str, line: &[u8]) -> Fault {
        fault(Class::Protocol, format!("{what} cannot be understood: {}", self.words(first_line(line))))
    }

    /// Reads why a token is not taken.
    pub fn why_refused(&self, challenge: &[u8]) -> Option<String> {
        crate::net::why_refused(challenge, &self.secrets)
    }
}

/// A command that the server answered with NO or BAD, in its words.
#[derive(Debug)]
pub struct Said(pub String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

pub fn fault(class: Class, what: String) -> Fault {
    Fault::new(class, what).reach(Reach::Account)
}

/// An answer larger or longer than any may be breaks the protocol; everything else is the line.
pub fn broken(error: &io::Error) -> Fault {
    let class = if error.kind() == io::ErrorKind::InvalidData { Class::Protocol } else { Class::Unavailable };
    fault(class, error.to_string())
}

pub fn refused(command: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Said>() {
        Ok(Said(words)) => fault(Class::Unavailable, format!("{command} was refused: {words}")).into(),
        Err(other) => other,
    }
}

/// A response up to its first literal: bodies are not for logs.
pub fn first_line(response: &[u8]) -> &[u8] {
    response.split(|byte| *byte == b'\n').next().unwrap_or_default()
}
