//! A scripted SMTP sink: it takes mail, keeps it, and misbehaves where it is told to; over TLS, too.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use native_tls::{Identity, TlsAcceptor, TlsStream};

use super::certificates;

/// What the sink answers at each step. `None` hangs up instead.
#[derive(Clone)]
pub struct Manners {
    pub greeting: Option<&'static str>,
    /// The answer to EHLO; its lines as on the wire, without the last line end.
    pub ehlo: Option<&'static str>,
    /// The answer to STARTTLS; after a 220 the dialogue begins anew over TLS.
    pub starttls: Option<&'static str>,
    /// The answers to AUTH and to what follows it, one after the other.
    pub auth: Vec<Option<&'static str>>,
    pub mail: Option<&'static str>,
    /// How many messages a connection takes; then the server ends it.
    pub per_connection: usize,
    /// Where an empty sender is refused, and with which words.
    pub refuses_empty: Option<(Stage, &'static str)>,
    /// The answers to recipients that are not simply taken: a part of the address, and what is said to it.
    pub recipients: Vec<(&'static str, Option<&'static str>)>,
    pub data: Option<&'static str>,
    /// The answer to the dot that ends a message. The message is kept whatever it is.
    pub dot: Option<&'static str>,
    pub rset: Option<&'static str>,
    /// A pause before each byte of an answer.
    pub trickle: Option<Duration>,
    /// Where the first connection hears and says nothing any more until [`SmtpSink::resume`]; later ones are served.
    pub stall: Option<Stage>,
    /// TLS from the first byte on.
    pub tls: bool,
}

/// A step of the dialogue: before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Greeting,
    Ehlo,
    Starttls,
    /// Inside the handshake.
    Handshake,
    Auth,
    Mail,
    Recipient,
    Data,
    /// The message is not read.
    Body,
    /// The message is kept and not answered.
    Dot,
    Quit,
}

impl Stage {
    pub const ALL: [Self; 11] = [
        Self::Greeting,
        Self::Ehlo,
        Self::Starttls,
        Self::Handshake,
        Self::Auth,
        Self::Mail,
        Self::Recipient,
        Self::Data,
        Self::Body,
        Self::Dot,
        Self::Quit,
    ];
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            greeting: Some("220 sink.example.org ESMTP"),
            ehlo: Some("250-sink.example.org\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"),
            starttls: Some("220 2.0.0 go ahead"),
            auth: vec![Some("235 2.7.0 welcome")],
            mail: Some("250 2.1.0 ok"),
            per_connection: usize::MAX,
            refuses_empty: None,
            recipients: Vec::new(),
            data: Some("354 go ahead"),
            dot: Some("250 2.0.0 taken"),
            rset: Some("250 2.0.0 ok"),
            trickle: None,
            stall: None,
            tls: false,
        }
    }
}

/// A message that was handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The parameters of MAIL, as sent: `<a@example.org> SIZE=7`.
    pub from: String,
    /// The recipients that were not refused.
    pub to: Vec<String>,
    /// What stood between DATA and the dot, with the dots unstuffed.
    pub bytes: Vec<u8>,
}

/// A running sink.
pub struct SmtpSink {
    pub port: u16,
    kept: Arc<Kept>,
}

/// What the sink has seen.
#[derive(Default)]
struct Kept {
    taken: Mutex<Vec<Taken>>,
    heard: Mutex<Vec<String>>,
    connections: AtomicUsize,
    stalled: AtomicBool,
    resumed: AtomicBool,
}

impl SmtpSink {
    pub fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Kept::default());
        let keeping = Arc::clone(&kept);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                keeping.connections.fetch_add(1, Ordering::SeqCst);
                let (manners, keeping) = (manners.clone(), Arc::clone(&keeping));
                // The client hangs up when it likes: errors end the dialogue, no more.
                std::thread::spawn(move || drop(serve(connection, &manners, &keeping)));
            }
        });
        Self { port, kept }
    }

    /// Returns the messages that were handed over so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.kept.taken.lock().unwrap().clone()
    }

    /// Returns all commands that were heard so far.
    pub fn heard(&self) -> Vec<String> {
        self.kept.heard.lock().unwrap().clone()
    }

    /// Returns how often a command was heard.
    pub fn count(&self, command: &str) -> usize {
        self.heard().iter().filter(|heard| heard.starts_with(command)).count()
    }

    /// Returns how often somebody connected.
    pub fn connections(&self) -> usize {
        self.kept.connections.load(Ordering::SeqCst)
    }

    /// Lets the connection that stalls go on.
    pub fn resume(&self) {
        self.kept.resumed.store(true, Ordering::SeqCst);
    }

    /// Waits until a connection has come to where it stalls.
    #[track_caller]
    pub fn await_stall(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.kept.stalled.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "nobody came that far: {:?}", self.heard());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The certificate of the authority that signed what every sink shows for `localhost` and 127.0.0.1.
pub fn ca_file() -> PathBuf {
    tls().1.clone()
}

fn tls() -> &'static (TlsAcceptor, PathBuf) {
    static TLS: OnceLock<(TlsAcceptor, PathBuf)> = OnceLock::new();
    TLS.get_or_init(|| {
        // Nothing removes it at the end, so it is where cargo cleans up.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        let ca_file = certificates::make(&folder);
        let [certificate, key] = ["pem", "key"].map(|end| std::fs::read(folder.join(format!("{}.{end}", certificates::GOOD))));
        let identity = Identity::from_pkcs8(&certificate.unwrap(), &key.unwrap()).unwrap();
        (TlsAcceptor::new(identity).unwrap(), ca_file)
    })
}

/// Clear or encrypted.
enum Line {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Line {
    fn encrypted(self) -> std::io::Result<Self> {
        let Self::Clear(tcp) = self else { return Err(std::io::ErrorKind::Unsupported.into()) };
        tls().0.accept(tcp).map(|tls| Self::Tls(Box::new(tls))).map_err(|_| std::io::ErrorKind::ConnectionAborted.into())
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One dialogue.
struct Dialogue<'a> {
    line: BufReader<Line>,
    manners: &'a Manners,
    kept: &'a Kept,
}

impl Dialogue<'_> {
    /// Answers a step, unless this is where the first connection stalls, or where all hang up.
    fn say(&mut self, stage: Stage, answer: Option<&str>) -> std::io::Result<()> {
        self.stall_at(stage)?;
        // To hang up is an error like those that the client makes: it ends the dialogue.
        let line = format!("{}\r\n", answer.ok_or(std::io::ErrorKind::ConnectionAborted)?);
        let mouth = self.line.get_mut();
        let Some(pause) = self.manners.trickle else { return mouth.write_all(line.as_bytes()) };
        line.bytes().try_for_each(|byte| {
            std::thread::sleep(pause);
            mouth.write_all(&[byte])
        })
    }

    fn stall_at(&self, stage: Stage) -> std::io::Result<()> {
        if self.manners.stall != Some(stage) || self.kept.stalled.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.kept.resumed.load(Ordering::SeqCst) {
            if Instant::now() > deadline {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn command(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.line.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let command = line.trim_end().to_string();
        self.kept.heard.lock().unwrap().push(command.clone());
        Ok(command)
    }
}

fn serve(connection: TcpStream, manners: &Manners, kept: &Kept) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut line = Line::Clear(connection);
    if manners.tls {
        line = line.encrypted()?;
    }
    let mut dialogue = Dialogue { line: BufReader::new(line), manners, kept };
    dialogue.say(Stage::Greeting, manners.greeting)?;
    let (mut message, mut messages) = (Taken::default(), 0);
    loop {
        let command = dialogue.command()?;
        let upper = command.to_ascii_uppercase();
        if upper.starts_with("EHLO") || upper.starts_with("HELO") {
            dialogue.say(Stage::Ehlo, manners.ehlo)?;
        } else if upper == "STARTTLS" {
            dialogue.say(Stage::Starttls, manners.starttls)?;
            if manners.starttls.is_some_and(|answer| answer.starts_with("220")) {
                dialogue.stall_at(Stage::Handshake)?;
                dialogue.line = BufReader::new(dialogue.line.into_inner().encrypted()?);
            }
        } else if upper.starts_with("AUTH") {
            for (turn, answer) in manners.auth.iter().enumerate() {
                if turn > 0 {
                    dialogue.command()?;
                }
                dialogue.say(Stage::Auth, *answer)?;
            }
        } else if upper.starts_with("MAIL FROM:") && messages >= manners.per_connection {
            return dialogue.say(Stage::Mail, Some("421 4.7.0 your token has ended"));
        } else if upper.starts_with("MAIL FROM:") {
            message = Taken { from: command[10..].trim().to_string(), ..Taken::default() };
            dialogue.say(Stage::Mail, refusal(manners, &message, Stage::Mail).or(manners.mail))?;
        } else if upper.starts_with("RCPT TO:") {
            let to = command[8..].trim().to_string();
            if let Some(refusal) = refusal(manners, &message, Stage::Recipient) {
                dialogue.say(Stage::Recipient, Some(refusal))?;
                continue;
            }
            let special = manners.recipients.iter().find(|(part, _)| to.contains(part)).map(|(_, answer)| *answer);
            let answer = special.unwrap_or(Some("250 2.1.5 ok"));
            if answer.is_some_and(|answer| answer.starts_with('2')) {
                message.to.push(to);
            }
            dialogue.say(Stage::Recipient, answer)?;
        } else if upper == "DATA" {
            dialogue.say(Stage::Data, manners.data)?;
            if manners.data.is_some_and(|answer| answer.starts_with('3')) {
                dialogue.stall_at(Stage::Body)?;
                message.bytes = read_message(&mut dialogue.line)?;
                if let Some(refusal) = refusal(manners, &message, Stage::Dot) {
                    dialogue.say(Stage::Dot, Some(refusal))?;
                    continue;
                }
                kept.taken.lock().unwrap().push(std::mem::take(&mut message));
                messages += 1;
                dialogue.say(Stage::Dot, manners.dot)?;
            }
        } else if upper == "QUIT" {
            return dialogue.say(Stage::Quit, Some("221 2.0.0 bye"));
        } else if upper == "RSET" {
            dialogue.say(Stage::Mail, manners.rset)?;
        } else {
            dialogue.say(Stage::Mail, Some("500 5.5.2 what?"))?;
        }
    }
}

/// What is said to an empty sender at a step, where it is refused.
fn refusal(manners: &Manners, message: &Taken, stage: Stage) -> Option<&'static str> {
    manners.refuses_empty.filter(|(at, _)| *at == stage && message.from.starts_with("<>")).map(|(_, words)| words)
}

/// Only CR LF dot CR LF ends a message (RFC 5321, section 4.1.1.4): a client that counts on less is found out.
fn read_message(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let mut line = Vec::new();
    let mut after_crlf = true;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if after_crlf && line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").filter(|_| after_crlf).unwrap_or(&line));
        after_crlf = line.ends_with(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends all at once and returns all answers.
    fn talk(sink: &SmtpSink, words: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", sink.port)).unwrap();
        stream.write_all(words.as_bytes()).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        answers
    }

    const LETTER: &str = "EHLO me\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\n\
                          DATA\r\nSubject: x\r\n\r\n..dot\r\nbare\n.\r\nmore\r\n.\r\nQUIT\r\n";

    #[test]
    fn it_keeps_what_it_got() {
        let sink = SmtpSink::start(Manners::default());
        assert!(talk(&sink, LETTER).ends_with("250 2.0.0 taken\r\n221 2.0.0 bye\r\n"));
        let taken = sink.taken();
        assert_eq!((taken[0].from.as_str(), taken[0].to.len()), ("<a@example.org>", 2));
        assert_eq!(taken[0].bytes, b"Subject: x\r\n\r\n.dot\r\nbare\n.\r\nmore\r\n");
        assert_eq!(sink.heard().len(), 6);
    }

    #[test]
    fn it_refuses_one_recipient_and_hangs_up_after_the_dot() {
        let recipients = vec![("b@", Some("550 5.1.1 nobody"))];
        let sink = SmtpSink::start(Manners { recipients, dot: None, ..Manners::default() });
        assert!(
            talk(&sink, LETTER.trim_end_matches("QUIT\r\n")).ends_with("550 5.1.1 nobody\r\n250 2.1.5 ok\r\n354 go ahead\r\n")
        );
        assert_eq!(sink.taken()[0].to, ["<c@example.org>"]);
    }

    #[test]
    fn it_trickles() {
        let sink = SmtpSink::start(Manners { trickle: Some(Duration::from_millis(2)), ..Manners::default() });
        let started = std::time::Instant::now();
        talk(&sink, "QUIT\r\n");
        assert!(started.elapsed() > Duration::from_millis(60));
    }
}
