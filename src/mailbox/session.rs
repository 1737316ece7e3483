//! A session with an IMAP server. The `imap` crate does the login; everything behind it is read here, because the crate
//! panics on an untagged `NO [ALERT]`, fails a whole FETCH for one malformed item, and tries its parser again on each
//! line of a literal. UIDs come only from our own searches, and none outside their range is handed on.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use imap_proto::types::Status;
use jiff::Timestamp;

use super::answer::{self, Item};
use super::stream::{self, Stream};
use super::wire::Wire;
use super::{HeaderOnly, Listed, Opened, RawMessage, Server, name, structure};
use crate::fault::{Class, Fault, Reach};
use crate::words::Security;

/// The bytes that an answer without message bodies may have.
const SMALL_ANSWER: u64 = 64 << 20;
/// Seconds of a day, and how far any time zone is from UTC at the most.
const DAY: i64 = 86_400;

/// A logged-in connection.
pub struct Session {
    wire: Wire,
    account: String,
    max_response: u64,
    tag: u32,
}

impl Session {
    /// Connects, encrypts and logs in.
    pub fn open(server: &Server) -> Result<Self> {
        let tcp = stream::connect(server)?;
        if server.security == Security::Plain && !server.allow_plain && !stream::is_loopback(&tcp) {
            let what = format!("{} is not this machine, and clear text is not allowed", server.host);
            return Err(Fault::new(Class::Refused, what)
                .reach(Reach::Account)
                .hint("use --imap-security tls, or set security.allow-plain")
                .into());
        }
        let stream = match server.security {
            Security::Tls => stream::encrypt(server, tcp)?,
            Security::Plain | Security::Starttls => Stream::Clear(tcp),
        };
        let mut session =
            Self { wire: Wire::new(stream), account: server.account.clone(), max_response: server.max_response, tag: 0 };
        session.greet()?;
        if server.security == Security::Starttls {
            session = session.start_tls(server)?;
        }
        session.log_in(server)?;
        Ok(session)
    }

    /// The greeting must be OK: PREAUTH would skip the login that says who we are, and before TLS it is an attack.
    fn greet(&mut self) -> Result<()> {
        let line = self.wire.answer().map_err(broken)?;
        if let Some(words) = answer::bye(&line) {
            return Err(said_bye(&words));
        }
        if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"* OK") {
            return Ok(());
        }
        Err(fault(Class::Protocol, format!("the server's greeting is not IMAP: {}", text(&line))).into())
    }

    /// RFC 3501, section 6.2.1. Refused is an error, and so is anything that came in clear text behind the OK.
    fn start_tls(mut self, server: &Server) -> Result<Self> {
        let refused = |what: String| {
            let hint = "use --imap-security tls with port 993 if the server offers it";
            anyhow::Error::new(fault(Class::Refused, what).hint(hint))
        };
        self.command("STARTTLS", SMALL_ANSWER, &mut |_| {}).map_err(|error| refused(format!("STARTTLS was refused: {error}")))?;
        let Self { wire, account, max_response, tag } = self;
        let Some(Stream::Clear(tcp)) = wire.into_stream() else {
            return Err(refused("clear text came together with the answer to STARTTLS: somebody may be in between".to_string()));
        };
        let wire = Wire::new(stream::encrypt(server, tcp)?);
        Ok(Self { wire, account, max_response, tag })
    }

    fn log_in(&mut self, server: &Server) -> Result<()> {
        let mut capabilities = String::new();
        self.command("CAPABILITY", SMALL_ANSWER, &mut |line| {
            if line.len() > 12 && line[..12].eq_ignore_ascii_case(b"* CAPABILITY") {
                capabilities = String::from_utf8_lossy(line).to_ascii_uppercase();
            }
        })?;
        let has = |word: &str| capabilities.split_ascii_whitespace().any(|capability| capability == word);
        self.wire.allow(SMALL_ANSWER);
        let client = imap::Client::new(self.wire.clone());
        let outcome = if has("AUTH=PLAIN") {
            let credentials = Plain(format!("\0{}\0{}", server.user, server.password.reveal()));
            contained(|| client.authenticate("PLAIN", &credentials).map(drop).map_err(|(error, _)| error))?
        } else if has("LOGINDISABLED") {
            return Err(fault(Class::Refused, "the server offers no password login on this connection".into())
                .hint("use --imap-security tls or starttls")
                .into());
        } else {
            contained(|| client.login(&server.user, server.password.reveal()).map(drop).map_err(|(error, _)| error))?
        };
        outcome.map_err(|error| self.login_fault(server, error))
    }

    fn login_fault(&self, server: &Server, error: imap::Error) -> anyhow::Error {
        let said = match error {
            imap::Error::No(no) => no.information,
            imap::Error::Bad(bad) => bad.information,
            imap::Error::Io(error) => return broken(error),
            imap::Error::ConnectionLost => {
                return broken(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was cut during login"));
            }
            imap::Error::Validate(_) => "the user name or password has a line break or other control character".to_string(),
            _ => return fault(Class::Protocol, "the server's answer to the login cannot be understood".into()).into(),
        };
        // A server that repeats what it was sent must not carry the password into our logs.
        let said = text(said.as_bytes()).replace(server.password.reveal(), "…");
        fault(Class::Refused, format!("login refused: {said}"))
            .hint(format!("try: espomail account test {}", self.account))
            .into()
    }

    /// Sends a command and hands each untagged response to `each`, until the tagged one.
    fn command(&mut self, command: &str, bytes: u64, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.exchange(command, bytes, &mut |line| each(&line))
    }

    fn exchange(&mut self, command: &str, bytes: u64, each: &mut dyn FnMut(Vec<u8>)) -> Result<()> {
        self.tag += 1;
        let tag = format!("e{}", self.tag);
        self.wire.allow(bytes);
        self.wire.send(format!("{tag} {command}\r\n").as_bytes()).map_err(broken)?;
        loop {
            let line = self.wire.answer().map_err(broken)?;
            if let Some(ending) = answer::ending(&line, &tag) {
                return match ending.status {
                    Status::Ok => Ok(()),
                    _ => Err(Said(ending.information).into()),
                };
            }
            if let Some(words) = answer::bye(&line) {
                return Err(said_bye(&words));
            }
            if !line.starts_with(b"* ") {
                return Err(fault(Class::Protocol, format!("the server's answer cannot be understood: {}", text(&line))).into());
            }
            each(line);
        }
    }

    /// Lists the names of all mailboxes that hold messages.
    pub fn mailboxes(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.command("LIST \"\" \"*\"", SMALL_ANSWER, &mut |line| names.extend(answer::listed(line)))
            .map_err(|error| refused("LIST", error))?;
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Opens a mailbox for reading.
    pub fn examine(&mut self, mailbox: &str) -> Result<Opened> {
        let mut lines = Vec::new();
        let command = format!("EXAMINE {}", name::quoted(mailbox));
        self.exchange(&command, SMALL_ANSWER, &mut |line| lines.push(line)).map_err(|error| match error.downcast::<Said>() {
            Ok(Said(words)) => Fault::new(Class::Unavailable, format!("mailbox {mailbox} does not open: {words}"))
                .reach(Reach::Mailbox)
                .hint(format!("try: espomail account folders {}", self.account))
                .into(),
            Err(other) => other,
        })?;
        match answer::opened(&lines) {
            (Some(uidvalidity), uidnext, exists) => Ok(Opened { uidvalidity, uidnext, exists }),
            (None, ..) => {
                Err(Fault::new(Class::Protocol, format!("mailbox {mailbox} has no UIDVALIDITY, so its UIDs mean nothing"))
                    .reach(Reach::Mailbox)
                    .into())
            }
        }
    }

    /// Lists the UIDs above one, in order. `n:*` always names the last message, also below n (FETCH-3).
    pub fn uids_above(&mut self, last: u32) -> Result<Vec<u32>> {
        let Some(next) = last.checked_add(1) else { return Ok(Vec::new()) };
        let mut uids = self.search(&format!("UID {next}:*"))?;
        uids.retain(|uid| *uid > last);
        Ok(uids)
    }

    /// Lists the UIDs whose INTERNALDATE is not before a moment, in order; seconds since 1970 UTC.
    pub fn uids_since(&mut self, seconds: i64) -> Result<Vec<u32>> {
        if seconds <= 0 {
            return self.search("ALL");
        }
        // SINCE goes by the day of the server's zone: what is surely later needs no second look.
        let mut uids = self.search(&format!("SINCE {}", day(seconds - DAY)?))?;
        let later: std::collections::HashSet<u32> =
            self.search(&format!("SINCE {}", day(seconds + 2 * DAY)?))?.into_iter().collect();
        let unsure: Vec<u32> = uids.iter().copied().filter(|uid| !later.contains(uid)).collect();
        let mut dates: HashMap<u32, Option<i64>> = HashMap::new();
        for some in unsure.chunks(2_000) {
            self.fetch_items(some, "UID INTERNALDATE", SMALL_ANSWER, &mut |uid, item, _| {
                dates.insert(uid, item.internal_date);
            })?;
        }
        uids.retain(|uid| dates.get(uid).copied().flatten().is_none_or(|date| date >= seconds));
        Ok(uids)
    }

    fn search(&mut self, criteria: &str) -> Result<Vec<u32>> {
        let mut uids = Vec::new();
        let mut unread = None;
        self.command(&format!("UID SEARCH {criteria}"), SMALL_ANSWER, &mut |line| {
            match answer::search(line) {
                Some(found) => uids.extend(found),
                None if line.len() > 8 && line[..8].eq_ignore_ascii_case(b"* SEARCH") => unread = Some(text(line)),
                None => {}
            };
        })
        .map_err(|error| refused("UID SEARCH", error))?;
        if let Some(line) = unread {
            return Err(fault(Class::Protocol, format!("the answer to UID SEARCH cannot be understood: {line}")).into());
        }
        // RFC 3501: a UID is a non-zero number, and the last one is no message's in practice but every overflow's.
        uids.retain(|uid| (1..u32::MAX).contains(uid));
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Lists the sizes of messages; one that is gone is absent.
    pub fn sizes(&mut self, uids: &[u32]) -> Result<Vec<Listed>> {
        let mut listed = BTreeMap::new();
        self.fetch_items(uids, "UID RFC822.SIZE", SMALL_ANSWER, &mut |uid, item, _| {
            if let Some(size) = item.size {
                listed.insert(uid, Listed { uid, size });
            }
        })?;
        Ok(listed.into_values().collect())
    }

    /// Fetches messages whole, in order; one that is gone, or that the server answers for in words that cannot be read, is
    /// absent.
    pub fn fetch(&mut self, uids: &[u32]) -> Result<Vec<RawMessage>> {
        let mut messages = BTreeMap::new();
        self.fetch_items(uids, "UID INTERNALDATE BODY.PEEK[]", self.max_response, &mut |uid, item, line| {
            if let Some(section) = item.sections.iter().find(|section| section.name.is_empty()) {
                let bytes = cut(line, section.bytes.clone());
                messages.insert(uid, RawMessage { uid, internal_date: item.internal_date, bytes, partial: false });
            }
        })?;
        Ok(messages.into_values().collect())
    }

    /// Fetches messages' headers (FETCH-5).
    pub fn headers(&mut self, uids: &[u32]) -> Result<Vec<HeaderOnly>> {
        let mut headers = BTreeMap::new();
        let items = "UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER]";
        self.fetch_items(uids, items, self.max_response.max(SMALL_ANSWER), &mut |uid, item, line| {
            if let (Some(size), Some(section)) = (item.size, item.sections.first()) {
                let header = cut(line, section.bytes.clone());
                headers.insert(uid, HeaderOnly { uid, size, internal_date: item.internal_date, header });
            }
        })?;
        Ok(headers.into_values().collect())
    }

    /// Fetches a message's header and text parts only (FETCH-8); none when it is gone.
    pub fn fetch_partial(&mut self, uid: u32) -> Result<Option<RawMessage>> {
        let mut found: Option<(Item, Vec<u8>)> = None;
        self.fetch_items(&[uid], "UID INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER]", SMALL_ANSWER, &mut |_, item, line| {
            let header = item.sections.first().map(|section| cut(line, section.bytes.clone())).unwrap_or_default();
            found = Some((item, header));
        })?;
        if found.is_none() {
            // A structure that cannot be read: the header alone.
            self.fetch_items(&[uid], "UID INTERNALDATE BODY.PEEK[HEADER]", SMALL_ANSWER, &mut |_, item, line| {
                let header = item.sections.first().map(|section| cut(line, section.bytes.clone())).unwrap_or_default();
                found = Some((item, header));
            })?;
        }
        let Some((item, header)) = found else { return Ok(None) };
        let bytes = match &item.structure {
            Some(structure) => {
                let parts = self.sections(uid, structure::sections(structure))?;
                structure::assemble(&header, structure, &parts)
            }
            None => header,
        };
        Ok(Some(RawMessage { uid, internal_date: item.internal_date, bytes, partial: true }))
    }

    fn sections(&mut self, uid: u32, names: Vec<String>) -> Result<HashMap<String, Vec<u8>>> {
        let mut parts = HashMap::new();
        for some in names.chunks(50) {
            let items = some.iter().map(|name| format!("BODY.PEEK[{name}]")).collect::<Vec<_>>().join(" ");
            self.fetch_items(&[uid], &format!("UID {items}"), self.max_response, &mut |_, item, line| {
                for section in &item.sections {
                    parts.insert(section.name.clone(), line[section.bytes.clone()].to_vec());
                }
            })?;
        }
        Ok(parts)
    }

    /// Fetches items and hands on those of messages that were asked for. A response that cannot be read is passed over:
    /// its message is absent, and the caller sees to it.
    fn fetch_items(&mut self, uids: &[u32], items: &str, bytes: u64, each: &mut dyn FnMut(u32, Item, Vec<u8>)) -> Result<()> {
        if uids.is_empty() {
            return Ok(());
        }
        let asked: std::collections::HashSet<u32> = uids.iter().copied().collect();
        let command = format!("UID FETCH {} ({items})", set(uids));
        self.exchange(&command, bytes, &mut |line| match answer::item(&line) {
            Some(item) => {
                if let Some(uid) = item.uid.filter(|uid| asked.contains(uid)) {
                    each(uid, item, line);
                }
            }
            None => log::debug!("passed over: {}", text(&line)),
        })
        .map_err(|error| refused("UID FETCH", error))
    }

    /// Says goodbye; a server that does not answer any more is none of our business.
    pub fn logout(mut self) {
        self.tag += 1;
        let _ = self.wire.send(format!("e{} LOGOUT\r\n", self.tag).as_bytes());
    }
}

/// A command that the server answered with NO or BAD, in its words.
#[derive(Debug)]
struct Said(String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

/// SASL PLAIN (RFC 4616).
struct Plain(String);

impl imap::Authenticator for Plain {
    type Response = String;
    fn process(&self, _challenge: &[u8]) -> String {
        self.0.clone()
    }
}

/// Runs a piece of the `imap` crate, whose panics are the server's doing.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| fault(Class::Protocol, "the server's answer broke the IMAP library".into()).into())
}

fn fault(class: Class, what: String) -> Fault {
    Fault::new(class, what).reach(Reach::Account)
}

fn said_bye(words: &str) -> anyhow::Error {
    fault(Class::Unavailable, format!("the server closes the connection: {words}")).into()
}

/// An answer larger or longer than any may be breaks the protocol; everything else is the line.
fn broken(error: io::Error) -> anyhow::Error {
    let class = if error.kind() == io::ErrorKind::InvalidData { Class::Protocol } else { Class::Unavailable };
    fault(class, error.to_string()).into()
}

fn refused(command: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Said>() {
        Ok(Said(words)) => fault(Class::Unavailable, format!("{command} was refused: {words}")).into(),
        Err(other) => other,
    }
}

/// Takes a section out of a response without copying it.
fn cut(mut line: Vec<u8>, bytes: std::ops::Range<usize>) -> Vec<u8> {
    line.truncate(bytes.end);
    line.drain(..bytes.start);
    line
}

/// Writes ascending UIDs as a set: `1:3,7`.
fn set(uids: &[u32]) -> String {
    use std::fmt::Write;
    let mut set = String::new();
    for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let comma = if set.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = if first == last { write!(set, "{comma}{first}") } else { write!(set, "{comma}{first}:{last}") };
    }
    set
}

/// Writes a day as SEARCH wants it: `1-Jul-2026`.
fn day(seconds: i64) -> Result<String> {
    Ok(Timestamp::from_second(seconds.max(0))?.strftime("%-d-%b-%Y").to_string())
}

/// Makes a server's words fit for one line of ours: short, without control characters.
pub fn text(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    let words = String::from_utf8_lossy(bytes);
    let clean: String = words.trim().chars().map(|c| if c.is_control() { '?' } else { c }).take(LONGEST).collect();
    if clean.is_empty() { "no reason given".to_string() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_3_sets_days_and_words() {
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(day(1_782_899_065).expect("a day"), "1-Jul-2026");
        assert_eq!(text(b" a\x1b[31m\r\n"), "a?[31m");
        assert_eq!(text(&[b'x'; 5_000]).len(), 200);
    }
}
