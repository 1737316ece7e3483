//! What stands between the crate `imap` and the server. The crate reads and writes a stream, as it would a connection; what it writes
//! becomes a command of our [`Talk`], and it reads of the answer what it needs, once that is known to be what it can read: `+`, what
//! CAPABILITY, EXAMINE, SEARCH and IDLE tell, and how the command ended. Everything else (BYE, nonsense, lines without end, an answer
//! that does not come) is a fault of ours before the crate sees any of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use imap_proto::types::Capability;

use super::answer::{self, Number};
use super::found::Found;
use super::talk::{Heard, Talk, refused};
use crate::fault::Fault;

/// The bytes that the answer to CAPABILITY may have, before a login, too.
const CAPABILITIES: u64 = 256 << 10;
/// The bytes of one answer that the crate may read: it keeps them.
const MOST_GIVEN: usize = 256 << 10;
/// How often whoever waits is asked whether to go on.
pub const SLICE: Duration = Duration::from_millis(250);
/// How long a line may take once it has begun.
pub const LINE: Duration = Duration::from_secs(3);

/// The stream that the crate has.
pub struct Guarded(pub Rc<RefCell<Guard>>);

pub struct Guard {
    pub talk: Talk,
    /// What the search at hand finds.
    pub found: Found,
    /// What the server said when it asked for more, where it said anything.
    pub challenge: Vec<u8>,
    /// Nothing need come for now.
    pub patience: Option<Patience>,
    /// The server has ended the last command.
    pub has_ended: bool,
    command: Kind,
    /// The crate's tag of it; over the wire goes ours.
    tag: Vec<u8>,
    /// What the crate has written of the next one.
    written: Vec<u8>,
    /// What of it the server has to ask for.
    literals: VecDeque<Vec<u8>>,
    /// How often the server may ask the crate for more.
    asks: usize,
    /// What the crate has not read yet, and how much it was given of this answer.
    given: VecDeque<u8>,
    spent: usize,
}

/// How long to wait in IDLE, and who says whether to go on.
#[derive(Clone)]
pub struct Patience {
    pub until: Instant,
    /// When the server must have begun.
    pub begun_by: Instant,
    /// When it is to be begun anew.
    pub anew: Instant,
    pub stop: Rc<dyn Fn() -> bool>,
}

/// A command, by what the crate reads of its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Capability,
    Opening,
    Search,
    Idle,
    Other,
}

impl Kind {
    fn of(command: &[u8]) -> (Self, usize) {
        let begins = |word: &str| command.starts_with(word.as_bytes());
        match command {
            b"CAPABILITY" => (Self::Capability, 0),
            b"IDLE" => (Self::Idle, 1),
            _ if begins("EXAMINE ") || begins("SELECT ") => (Self::Opening, 0),
            _ if begins("UID SEARCH ") => (Self::Search, 0),
            _ if begins("APPEND ") => (Self::Other, 1),
            // For the response, and for an answer to why that is not taken.
            _ if begins("AUTHENTICATE ") => (Self::Other, 2),
            _ => (Self::Other, 0),
        }
    }
}

impl Guard {
    pub fn of(talk: Talk) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            talk,
            found: Found::default(),
            challenge: Vec::new(),
            patience: None,
            has_ended: false,
            command: Kind::Other,
            tag: Vec::new(),
            written: Vec::new(),
            literals: VecDeque::new(),
            asks: 0,
            given: VecDeque::new(),
            spent: 0,
        }))
    }

    /// Begins the command that the crate has written. What ends an IDLE that is over is none, and has no tag.
    fn begin(&mut self) -> Result<(), Fault> {
        let written = std::mem::take(&mut self.written);
        let line = written.strip_suffix(b"\r\n").unwrap_or(&written);
        let Some(at) = memchr::memchr(b' ', line) else { return Ok(()) };
        let (tag, command) = (&line[..at], &line[at + 1..]);
        (self.command, self.asks) = Kind::of(command);
        if !self.talk.behind.is_empty() {
            // What goes out behind it would be taken for the answer.
            self.asks = 0;
        }
        (self.tag, self.spent, self.has_ended) = (tag.to_vec(), 0, false);
        self.challenge.clear();
        self.given.clear();
        self.literals = in_literals(command);
        let first = self.literals.pop_front().unwrap_or_default();
        self.talk.begin(&first)
    }

    /// Reads one response.
    fn read_on(&mut self) -> io::Result<()> {
        if !self.talk.is_open() {
            return Err(io::Error::other("nobody waits for an answer"));
        }
        self.be_patient()?;
        let found = &mut self.found;
        match self.talk.hear(&mut |number| found.take(number)).map_err(io::Error::other)? {
            Heard::Untagged(line) => self.tell(line),
            Heard::Asked(line) => self.ask(&line),
            Heard::Ended => self.end(),
            Heard::Other => Ok(()),
        }
        .map_err(io::Error::other)
    }

    fn give(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.spent += line.len();
        if self.spent > MOST_GIVEN {
            return Err(self.talk.garbled(b"it is larger than any of its kind may be"));
        }
        self.given.extend(line);
        Ok(())
    }

    fn tell(&mut self, line: Vec<u8>) -> Result<(), Fault> {
        match self.command {
            Kind::Capability if answer::is_about(&line, "CAPABILITY") => self.give(&capabilities(&line)),
            Kind::Opening => readable(&line).map_or(Ok(()), |line| self.give(&line)),
            Kind::Search => {
                self.found.hear(line);
                Ok(())
            }
            Kind::Idle if self.asks == 0 => self.tell_news(),
            _ => Ok(()),
        }
    }

    /// News that come before IDLE has begun wait until it has: the crate would take them for its end.
    fn tell_news(&mut self) -> Result<(), Fault> {
        if !self.talk.has_news {
            return Ok(());
        }
        let exists = self.talk.exists.unwrap_or_default();
        self.give(format!("* {exists} EXISTS\r\n").as_bytes())
    }

    /// The server asks for a literal, or for what only the crate knows.
    fn ask(&mut self, line: &[u8]) -> Result<(), Fault> {
        if let Some(literal) = self.literals.pop_front() {
            return self.talk.send(&[&literal[..], b"\r\n"].concat());
        }
        let Some(left) = self.asks.checked_sub(1) else { return Err(self.talk.garbled(line)) };
        self.asks = left;
        let words = line.get(1..).unwrap_or_default().trim_ascii();
        if !words.is_empty() {
            self.challenge = words.to_vec();
        }
        // The crate would have Base64 behind it, and some servers have words.
        self.give(b"+ \r\n")?;
        if self.command == Kind::Idle { self.tell_news() } else { Ok(()) }
    }

    /// The crate reads no more of an ending than how it is: what the words are, and whether they can be read, is our matter.
    fn end(&mut self) -> Result<(), Fault> {
        let is_refused = self.talk.refusal.is_some();
        if self.command == Kind::Idle && self.asks > 0 && !is_refused {
            return Err(self.talk.garbled(b"IDLE ends before it has begun"));
        }
        if self.command == Kind::Search && !is_refused {
            let uids: String = self.found.sorted().iter().map(|uid| format!(" {uid}")).collect();
            self.give(format!("* SEARCH{uids}\r\n").as_bytes())?;
        }
        self.has_ended = true;
        let ending: &[u8] = if is_refused { b" NO refused\r\n" } else { b" OK done\r\n" };
        self.given.extend([&self.tag, ending].concat());
        Ok(())
    }

    /// Waits in IDLE until a line begins. Whoever waits is asked again and again whether to go on.
    fn be_patient(&mut self) -> io::Result<()> {
        let Some(Patience { until, begun_by, anew, stop }) = self.patience.clone() else { return Ok(()) };
        loop {
            let now = Instant::now();
            if stop() || now >= until {
                self.done();
                return Err(io::Error::other("nobody waits any more"));
            }
            if self.asks == 0 && now >= anew {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if self.asks > 0 && now >= begun_by {
                let late = io::Error::new(io::ErrorKind::TimedOut, "the server does not begin IDLE");
                return Err(io::Error::other(self.talk.broken(late)));
            }
            let wire = &mut self.talk.wire;
            match wire.wait(SLICE, until + SLICE) {
                Ok(true) => {
                    // Once a line has begun, it has an end.
                    wire.allow_time(LINE, (until + SLICE).min(now + SLICE + LINE));
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) => return Err(io::Error::other(self.talk.broken(error))),
            }
        }
    }

    /// Ends IDLE, and waits for no answer.
    pub fn done(&mut self) {
        let _ = self.talk.wire.send(b"DONE\r\n");
        self.talk.leave();
    }

    /// Sends what the crate says within a command.
    fn go_on(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.patience.take().is_some() {
            // The end of IDLE: from here on there is something to wait for.
            self.talk.wire.allow_time(LINE, Instant::now() + 2 * LINE);
        }
        self.talk.send(bytes)
    }
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut guard = self.0.borrow_mut();
        while guard.given.is_empty() {
            guard.read_on()?;
        }
        guard.given.read(buffer)
    }
}

impl Write for Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut guard = self.0.borrow_mut();
        if guard.talk.is_open() {
            guard.go_on(bytes).map_err(io::Error::other)?;
        } else {
            guard.written.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut guard = self.0.borrow_mut();
        if guard.written.is_empty() { Ok(()) } else { guard.begin().map_err(io::Error::other) }
    }
}

impl imap::extensions::idle::SetReadTimeout for Guarded {
    /// What limits a wait is known here.
    fn set_read_timeout(&mut self, _: Option<Duration>) -> imap::Result<()> {
        Ok(())
    }
}

/// Whether the server offers an extension; it is asked once.
pub fn offers(guard: &RefCell<Guard>, word: &str, ask: impl FnOnce() -> imap::Result<imap::types::Capabilities>) -> Result<bool> {
    if guard.borrow().talk.offered.is_none() {
        guard.borrow_mut().talk.budget = CAPABILITIES;
        let asked = ask();
        let talk = &mut guard.borrow_mut().talk;
        let all = talk.judge(asked).map_err(|error| refused("CAPABILITY", error))?;
        talk.offered = Some(all.iter().map(name_of).collect());
    }
    Ok(guard.borrow().talk.offered.iter().flatten().any(|offer| offer == word))
}

fn name_of(capability: &Capability<'_>) -> String {
    match capability {
        Capability::Imap4rev1 => "IMAP4REV1".to_string(),
        Capability::Auth(mechanism) => format!("AUTH={mechanism}"),
        Capability::Atom(word) => word.to_string(),
    }
}

/// Writes a CAPABILITY response as the crate can read it: words that are atoms, and IMAP4rev1 first, without which it reads none.
fn capabilities(line: &[u8]) -> Vec<u8> {
    let is_atom = |word: &String| word.bytes().all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte));
    let words = answer::capabilities(line).into_iter().filter(is_atom).filter(|word| !word.starts_with("IMAP4REV1"));
    let words: String = words.map(|word| format!(" {word}")).collect();
    format!("* CAPABILITY IMAP4rev1{words}\r\n").into_bytes()
}

/// Writes what an answer to EXAMINE tells as the crate can read it: a code without the words behind it, in whatever charset they are, or
/// how many messages there are. None for anything else: the crate panics on a NO among it.
fn readable(line: &[u8]) -> Option<Vec<u8>> {
    let line = match line.get(5..).filter(|_| answer::is_about(line, "OK ")).and_then(answer::code) {
        Some(code) => format!("* OK [{code}] ok\r\n"),
        None => match answer::number(line)? {
            Number::Exists(count) => format!("* {count} EXISTS\r\n"),
            Number::Expunged => return None,
        },
    };
    answer::parse(line.as_bytes())?;
    Some(line.into_bytes())
}

/// Divides a command before each quoted string that may not be one (RFC 3501, section 4.3: those are ASCII): it goes as a literal, which
/// the server asks for.
fn in_literals(command: &[u8]) -> VecDeque<Vec<u8>> {
    let (mut parts, mut part, mut rest) = (VecDeque::new(), Vec::new(), command);
    while let Some(at) = memchr::memchr(b'"', rest) {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        let (quoted, after) = behind.split_at(answer::quoted_length(behind));
        part.extend_from_slice(before);
        if quoted.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            part.push(b'"');
            part.extend_from_slice(quoted);
        } else {
            let literal = answer::unescaped(quoted.strip_suffix(b"\"").unwrap_or(quoted));
            part.extend(format!("{{{}}}", literal.len()).into_bytes());
            parts.push_back(std::mem::replace(&mut part, literal));
        }
        rest = after;
    }
    part.extend_from_slice(rest);
    parts.push_back(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server has said already.
    struct Said(io::Cursor<Vec<u8>>);

    impl Read for Said {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn client(said: &[&[u8]]) -> imap::Client<Said> {
        imap::Client::new(Said(io::Cursor::new(said.concat())))
    }

    #[test]
    fn fetch_6_the_crate_reads_codes_whatever_the_words_are_and_nothing_that_breaks_it() {
        let lines: [&[u8]; 13] = [
            b"* OK [UIDVALIDITY 5] UIDs g\xfcltig\r\n",
            b"* ok [uidnext 9] n\xc3\xa4chste\r\n",
            b"* 7 exists\r\n",
            b"* OK [UIDNEXT 12]\xc3\xa4\r\n",
            b"* OK [UIDVALIDITY 99999999999] ok\r\n",
            b"* OK [x {7}\r\na2 OK x\r\n] ok\r\n",
            b"* 99999999999 EXISTS\r\n",
            b"* FLAGS (\\Seen)\r\n",
            b"* 8 RECENT\r\n",
            b"* NO [ALERT] \xff\xfe\r\n",
            b"* PREAUTH hello\r\n",
            b"* 3 FETCH (INTERNALDATE NIL)\r\n",
            b"* 4 EXPUNGE\r\n",
        ];
        let read: Vec<Vec<u8>> = lines.iter().filter_map(|line| readable(line)).collect();
        assert_eq!(read.len(), 5, "{:?}", read.iter().map(|line| line.escape_ascii().to_string()).collect::<Vec<_>>());
        let client = client(&[b"a1 OK\r\n", &read.concat(), b"a2 OK done\r\n"]);
        let mut imap = client.login("x", "y").map_err(|(error, _)| error).expect("it is let in");
        let opened = imap.examine("x").expect("it can be read");
        assert_eq!((opened.uid_validity, opened.uid_next, opened.exists), (Some(5), Some(12), 7));
    }

    #[test]
    fn the_crate_reads_what_any_server_offers() {
        for (line, words) in [
            ("* CAPABILITY IMAP4rev1 auth=plain IDLE\r\n", "AUTH=PLAIN IDLE IMAP4REV1"),
            ("* CAPABILITY IMAP4rev2 AUTH=\r\n", "AUTH= IMAP4REV1 IMAP4REV2"),
            ("* capability x(y g\u{fc} \"q {9} IMAP4rev1x MOVE\r\n", "IMAP4REV1 MOVE"),
            ("* CAPABILITY\r\n", "IMAP4REV1"),
        ] {
            let all = client(&[&capabilities(line.as_bytes()), b"a1 OK done\r\n"]).capabilities().expect("it can be read");
            let mut all: Vec<String> = all.iter().map(name_of).collect();
            all.sort();
            assert_eq!(all.join(" "), words);
        }
    }

    #[test]
    fn a_login_is_quoted_or_sent_as_literals() {
        for (command, parts) in [
            (r#"LOGIN "ada" "a \"b\\c""#, vec![r#"LOGIN "ada" "a \"b\\c""#]),
            (r#"LOGIN "ada" "pä\"ss""#, vec![r#"LOGIN "ada" {6}"#, "pä\"ss"]),
            (r#"LOGIN "bö" "ä\\""#, vec!["LOGIN {3}", "bö {3}", "ä\\"]),
            (r#"LOGIN "bö" """#, vec!["LOGIN {3}", r#"bö """#]),
            ("NOOP", vec!["NOOP"]),
        ] {
            let divided = in_literals(command.as_bytes());
            assert_eq!(divided.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>(), parts);
        }
    }
}
