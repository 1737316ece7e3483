//! A session: one message after the other, each recipient judged, the final dot last (RFC 5321).

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::answer::Buffer;
use super::{Envelope, Outcome, Reply, Server};
use crate::fault::{Class, Fault, Reach};
use crate::net::Stream;

/// How much longer than its time limit the answer to a message may take when it comes byte by byte.
const TRICKLE: Duration = Duration::from_secs(5);

/// How many commands go out before their answers are read (RFC 2920): so few that neither side waits for the other to read.
const GROUP: usize = 50;

/// A connection that is logged in.
pub struct Session {
    stream: Stream,
    buffer: Buffer,
    own_name: String,
    /// How long an answer may take, the answer to a whole message, and everything.
    answer_timeout: Duration,
    final_timeout: Duration,
    deadline: Instant,
    /// What EHLO offered, in capital letters.
    offered: Vec<String>,
    /// The connection is not to be used any more.
    is_over: bool,
    /// Why the server is to be left alone for a while.
    failure: Option<Fault>,
    /// What was said of the recipients of the message that is handed over.
    judged: Vec<Reply>,
}

impl Session {
    pub(super) fn on(stream: Stream, server: &Server<'_>) -> Self {
        Self {
            stream,
            buffer: Buffer::default(),
            own_name: server.own_name.clone(),
            answer_timeout: server.login.place.read_timeout,
            final_timeout: server.final_timeout,
            deadline: server.login.place.deadline,
            offered: Vec::new(),
            is_over: false,
            failure: None,
            judged: Vec::new(),
        }
    }

    /// Returns the connection; none when something came that nobody asked for.
    pub(super) fn into_stream(self) -> Option<Stream> {
        self.buffer.is_empty().then_some(self.stream)
    }

    /// Whether the next message needs another connection.
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes why the server is to be left alone for a while, whatever became of the message: it broke off, closes, or says that
    /// it, and not the message, is in trouble.
    pub fn take_failure(&mut self) -> Option<Fault> {
        self.failure.take()
    }

    pub(super) fn answer(&mut self) -> io::Result<Reply> {
        self.buffer.answer(&mut self.stream).map(|(reply, _)| reply)
    }

    pub(super) fn ask(&mut self, command: &str) -> io::Result<Reply> {
        self.say(&[command])?;
        self.answer()
    }

    fn say(&mut self, commands: &[impl AsRef<str>]) -> io::Result<()> {
        // A line break in an argument would be a command of its own.
        let has_break = |command: &str| command.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        if commands.iter().any(|command| has_break(command.as_ref())) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a command cannot have a line break"));
        }
        // An answer that nobody has asked for would be taken for the next one's, and every further one with it.
        if !self.buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server answers more than it is asked"));
        }
        let lines: String = commands.iter().map(|command| format!("{}\r\n", command.as_ref())).collect();
        self.stream.write_all(lines.as_bytes())?;
        self.stream.flush()
    }

    /// EHLO, or HELO to a server that knows no extensions.
    pub(super) fn hello(&mut self) -> Result<()> {
        let hello = format!("EHLO {}", self.own_name);
        self.say(&[&hello]).map_err(broken)?;
        let (answer, lines) = self.buffer.answer(&mut self.stream).map_err(broken)?;
        if answer.is_good() {
            self.offered = lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
            return Ok(());
        }
        self.offered = Vec::new();
        let hello = format!("HELO {}", self.own_name);
        let answer = self.ask(&hello).map_err(broken)?;
        if answer.is_good() { Ok(()) } else { Err(unwelcome("the server refuses us", &answer)) }
    }

    /// Whether EHLO offered an extension.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.offered.iter().any(|line| line.split(' ').next() == Some(extension))
    }

    /// The login mechanisms that were offered, also as some old servers write them.
    pub(super) fn mechanisms(&self) -> Vec<String> {
        let of_line = |line: &String| line.strip_prefix("AUTH ").or_else(|| line.strip_prefix("AUTH=")).map(str::to_string);
        self.offered.iter().filter_map(of_line).flat_map(|line| line.split(' ').map(str::to_string).collect::<Vec<_>>()).collect()
    }

    /// The largest message that the server takes, in bytes (RFC 1870).
    fn size_limit(&self) -> Option<u64> {
        self.offered.iter().find_map(|line| line.strip_prefix("SIZE ")?.trim().parse().ok()).filter(|limit| *limit > 0)
    }

    /// Sends a message to every recipient that the server takes. `hand_over` is called with what it says of each, right before the final dot leaves; when it
    /// fails, the dot does not leave.
    pub fn send(&mut self, envelope: &Envelope<'_>, bytes: &[u8], hand_over: &mut dyn FnMut(&[Reply]) -> Result<()>) -> Outcome {
        let parameters = match self.parameters(envelope, bytes) {
            Ok(parameters) => parameters,
            Err(error) => return Outcome::Broken { error, permanent: true },
        };
        match self.transact(envelope, &parameters, bytes, hand_over) {
            Ok(outcome) => outcome,
            Err(Lost { error, handed_over, by_server }) => {
                self.is_over = true;
                if by_server {
                    // What may have been sent is said of the message.
                    let class = if handed_over { Class::TempFail } else { Class::Unavailable };
                    self.failure = Some(fault(class, error.clone()));
                }
                match handed_over {
                    true => Outcome::Unknown { error, replies: std::mem::take(&mut self.judged) },
                    false => Outcome::Broken { error, permanent: false },
                }
            }
        }
    }

    /// What MAIL says beside the sender, or why the server cannot take the message.
    fn parameters(&self, envelope: &Envelope<'_>, bytes: &[u8]) -> Result<String, String> {
        let mut parameters = String::new();
        let size = bytes.len() as u64;
        if let Some(limit) = self.size_limit().filter(|limit| size > *limit) {
            return Err(format!("the message has {size} bytes, and the server takes {limit}"));
        }
        if self.offers("SIZE") {
            parameters.push_str(&format!(" SIZE={size}"));
        }
        // Such a server knows 8BITMIME, too (RFC 6531, section 3.1), so what is missing is said in the author's terms first.
        let header = memchr::memmem::find(bytes, b"\r\n\r\n").and_then(|end| bytes.get(..end)).unwrap_or(bytes);
        let is_international = !envelope.from.is_ascii() || envelope.to.iter().any(|to| !to.is_ascii()) || !header.is_ascii();
        if is_international && !self.offers("SMTPUTF8") {
            return Err("an address has letters that are not ASCII, and the server takes none (SMTPUTF8)".to_string());
        }
        if !bytes.is_ascii() {
            if !self.offers("8BITMIME") {
                return Err("the message has 8-bit characters, and the server takes none (8BITMIME)".to_string());
            }
            parameters.push_str(" BODY=8BITMIME");
        }
        if is_international {
            parameters.push_str(" SMTPUTF8");
        }
        // A report need not bring everything back, and calls the message by its Message-ID (BOUNCE-3).
        if self.offers("DSN") {
            parameters.push_str(" RET=HDRS");
            if is_envelope_id(envelope.id) {
                parameters.push_str(&format!(" ENVID={}", envelope.id));
            }
        }
        Ok(parameters)
    }

    fn transact(
        &mut self,
        envelope: &Envelope<'_>,
        parameters: &str,
        bytes: &[u8],
        hand_over: &mut dyn FnMut(&[Reply]) -> Result<()>,
    ) -> Result<Outcome, Lost> {
        let before = |error: io::Error| Lost { error: error.to_string(), handed_over: false, by_server: true };
        let mail = format!("MAIL FROM:<{}>{parameters}", envelope.from);
        let commands: Vec<String> = [mail].into_iter().chain(envelope.to.iter().map(|to| format!("RCPT TO:<{to}>"))).collect();
        // DATA goes alone in any case: only what is answered to it lets anything be handed over.
        let at_once = if self.offers("PIPELINING") { GROUP } else { 1 };
        let mut replies = Vec::with_capacity(commands.len());
        for group in commands.chunks(at_once) {
            let is_first = replies.is_empty();
            self.say(group).map_err(before)?;
            for _ in group {
                replies.push(self.answer().map_err(before)?);
            }
            let mut new = replies.iter();
            if is_first && let Some(mail) = new.next().filter(|mail| !mail.is_good()) {
                if mail.is_of_server() || mail.is_of_login() {
                    return Err(closing(mail));
                }
                let mail = mail.clone();
                return Ok(self.refuse_sender(envelope, &mail));
            }
            // It is about the connection, not about the recipient.
            if let Some(reply) = new.find(|reply| reply.code == 421) {
                return Err(closing(reply));
            }
        }
        // RFC 5321, section 4.5.3.1.10: too many at once, as some servers still say it; the others go later.
        let judged = |reply: Reply| Reply { code: if reply.code == 552 { 452 } else { reply.code }, ..reply };
        let replies: Vec<Reply> = replies.into_iter().skip(1).map(judged).collect();
        if !replies.iter().any(Reply::is_good) {
            // Many servers judge the sender no sooner than here; of a sender with a name it may be said of one recipient alone.
            let of_sender = replies.iter().find(|reply| envelope.from.is_empty() && reply.is_about_sender()).cloned();
            return Ok(match of_sender {
                Some(reply) => self.refuse_sender(envelope, &reply),
                None => self.give_up(replies),
            });
        }
        let data = self.ask("DATA").map_err(before)?;
        if data.is_of_server() {
            return Err(closing(&data));
        }
        if matches!(data.code, 400..=599) {
            return Ok(self.give_up(with(replies, &data)));
        }
        if data.code != 354 {
            // It answers something else than what it was asked: nothing that it says can be believed.
            return Err(Lost { error: format!("the server does not answer DATA: {data}"), handed_over: false, by_server: true });
        }
        write_stuffed(bytes, &mut self.stream).and_then(|()| self.stream.flush()).map_err(before)?;
        self.judged.clone_from(&replies);
        hand_over(&replies).map_err(|error| Lost { error: format!("{error:#}"), handed_over: false, by_server: false })?;
        // Not the account's deadline, but one: a server that trickles has an end, too. Whoever asks for the end waits: without the answer
        // nobody would know whether the message was taken.
        self.stream.insist(self.final_timeout, Instant::now() + self.final_timeout + TRICKLE);
        let after = |error: io::Error| Lost { error: error.to_string(), handed_over: true, by_server: true };
        self.stream.write_all(b".\r\n").and_then(|()| self.stream.flush()).map_err(after)?;
        let taken = self.answer().map_err(after)?;
        if taken.code / 100 == 3 {
            let error = format!("the server does not answer the message: {taken}");
            return Err(Lost { error, handed_over: true, by_server: true });
        }
        if taken.is_of_server() {
            self.failure = Some(fault(Class::Unavailable, format!("the server says: {taken}")));
        }
        self.is_over |= taken.code == 421;
        self.stream.allow(self.answer_timeout, self.deadline);
        if envelope.from.is_empty() && taken.is_about_sender() {
            return Ok(self.refuse_sender(envelope, &taken));
        }
        Ok(Outcome::Answered(with(replies, &taken)))
    }

    /// It is about the sender, not about the recipients.
    fn refuse_sender(&mut self, envelope: &Envelope<'_>, reply: &Reply) -> Outcome {
        let text = format!("the server refuses the sender <{}>: {}", envelope.from, reply.text);
        let refused = Reply { text, ..reply.clone() };
        match self.give_up(vec![refused.clone()]) {
            Outcome::Answered(_) => Outcome::SenderRefused(refused),
            other => other,
        }
    }

    /// Nothing was handed over: the transaction ends.
    fn give_up(&mut self, replies: Vec<Reply>) -> Outcome {
        self.is_over |= !self.ask("RSET").is_ok_and(|reply| reply.is_good());
        Outcome::Answered(replies)
    }

    /// Says good-bye; what it is answered does not matter any more.
    pub fn quit(mut self) {
        if !self.is_over
            && let Err(error) = self.ask("QUIT")
        {
            log::debug!("QUIT: {error}");
        }
    }
}

/// Whether an id can stand in ENVID as it is: printable, without what xtext encodes, and short (RFC 3461, sections 4 and 4.4).
fn is_envelope_id(id: &str) -> bool {
    (1..=100).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+' && byte != b'=')
}

/// The connection is over.
struct Lost {
    error: String,
    handed_over: bool,
    /// Not by us.
    by_server: bool,
}

/// The server says that it takes nothing now.
fn closing(reply: &Reply) -> Lost {
    Lost { error: format!("the server says: {reply}"), handed_over: false, by_server: true }
}

/// Gives the answer about the message to those recipients that were taken.
fn with(replies: Vec<Reply>, answer: &Reply) -> Vec<Reply> {
    replies.into_iter().map(|reply| if reply.is_good() { answer.clone() } else { reply }).collect()
}

/// Writes a message as DATA wants it: every line ends with CRLF, and one that begins with a dot gets another (RFC 5321, section
/// 4.5.2). A bare CR or LF would be read as a line end by some server, and the dot behind it as the end of the message.
fn write_stuffed(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    /// What is written at once, in bytes: a large message is not held twice.
    const PIECE: usize = 64 << 10;
    let mut piece = Vec::with_capacity(bytes.len().min(PIECE) + 1_024);
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        if line.first() == Some(&b'.') {
            piece.push(b'.');
        }
        piece.extend_from_slice(line);
        piece.extend_from_slice(b"\r\n");
        rest = behind.strip_prefix(b"\r\n").or_else(|| behind.get(1..)).unwrap_or_default();
        if piece.len() >= PIECE {
            out.write_all(&piece)?;
            piece.clear();
        }
    }
    out.write_all(&piece)
}

/// The server speaks SMTP, but not with us.
pub(super) fn unwelcome(what: &str, answer: &Reply) -> anyhow::Error {
    let class = if answer.is_permanent() { Class::Refused } else { Class::Unavailable };
    fault(class, format!("{what}: {answer}")).into()
}

/// A fault that ends the account's turn.
pub(super) fn fault(class: Class, what: String) -> Fault {
    Fault::new(class, what).reach(Reach::Account)
}

/// The line failed, or the server does not speak SMTP.
pub(super) fn broken(error: io::Error) -> anyhow::Error {
    let class = if error.kind() == io::ErrorKind::InvalidData { Class::Protocol } else { Class::Unavailable };
    fault(class, error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_beginning_of_any_line_is_doubled_and_every_line_ends_with_crlf() {
        for (given, wanted) in [
            ("a\r\n.b\r\n", "a\r\n..b\r\n"),
            (".\r\n", "..\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
            ("a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"),
            ("", ""),
        ] {
            let mut written = Vec::new();
            write_stuffed(given.as_bytes(), &mut written).expect("memory takes it");
            assert_eq!(String::from_utf8_lossy(&written), wanted, "{given:?}");
        }
        let (mut written, large) = (Vec::new(), ".dot\r\n".repeat(100_000));
        write_stuffed(large.as_bytes(), &mut written).expect("memory takes it");
        assert_eq!(String::from_utf8_lossy(&written), large.replace(".dot", "..dot"), "in pieces as in one");
    }
}
