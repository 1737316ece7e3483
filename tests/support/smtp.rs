//! A scripted SMTP sink: it takes mail, keeps it, and misbehaves where it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the sink answers at each step. `None` hangs up instead.
#[derive(Clone)]
pub struct Manners {
    pub greeting: Option<&'static str>,
    /// The answer to EHLO; its lines as on the wire, without the last line end.
    pub ehlo: Option<&'static str>,
    pub auth: Option<&'static str>,
    pub mail: Option<&'static str>,
    /// The answers to recipients that are not simply taken: a part of the address, and what is said to it.
    pub recipients: Vec<(&'static str, Option<&'static str>)>,
    pub data: Option<&'static str>,
    /// The answer to the dot that ends a message. The message is kept whatever it is.
    pub dot: Option<&'static str>,
    /// A pause before each byte of an answer.
    pub trickle: Option<Duration>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            greeting: Some("220 sink.example.org ESMTP"),
            ehlo: Some("250-sink.example.org\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN"),
            auth: Some("235 2.7.0 welcome"),
            mail: Some("250 2.1.0 ok"),
            recipients: Vec::new(),
            data: Some("354 go ahead"),
            dot: Some("250 2.0.0 taken"),
            trickle: None,
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
    kept: Arc<Mutex<(Vec<Taken>, Vec<String>)>>,
}

impl SmtpSink {
    pub fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new((Vec::new(), Vec::new())));
        let keeping = Arc::clone(&kept);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let (manners, keeping) = (manners.clone(), Arc::clone(&keeping));
                // The client hangs up when it likes: errors end the dialogue, no more.
                std::thread::spawn(move || drop(serve(connection, &manners, &keeping)));
            }
        });
        Self { port, kept }
    }

    /// Returns the messages that were handed over so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.kept.lock().unwrap().0.clone()
    }

    /// Returns all commands that were heard so far.
    pub fn heard(&self) -> Vec<String> {
        self.kept.lock().unwrap().1.clone()
    }
}

fn serve(connection: TcpStream, manners: &Manners, kept: &Mutex<(Vec<Taken>, Vec<String>)>) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut mouth = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    let mut say = |answer: Option<&str>| {
        // To hang up is an error like those that the client makes: it ends the dialogue.
        let answer = answer.ok_or(std::io::ErrorKind::ConnectionAborted)?;
        let line = format!("{answer}\r\n");
        let Some(pause) = manners.trickle else { return mouth.write_all(line.as_bytes()) };
        line.bytes().try_for_each(|byte| {
            std::thread::sleep(pause);
            mouth.write_all(&[byte])
        })
    };
    say(manners.greeting)?;
    let mut message = Taken::default();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let command = std::mem::take(&mut line).trim_end().to_string();
        kept.lock().unwrap().1.push(command.clone());
        let upper = command.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            say(manners.ehlo)?;
        } else if upper.starts_with("AUTH") {
            say(manners.auth)?;
        } else if upper.starts_with("MAIL FROM:") {
            message = Taken { from: command[10..].trim().to_string(), ..Taken::default() };
            say(manners.mail)?;
        } else if upper.starts_with("RCPT TO:") {
            let to = command[8..].trim().to_string();
            let special = manners.recipients.iter().find(|(part, _)| to.contains(part)).map(|(_, answer)| *answer);
            let answer = special.unwrap_or(Some("250 2.1.5 ok"));
            if answer.is_some_and(|answer| answer.starts_with('2')) {
                message.to.push(to);
            }
            say(answer)?;
        } else if upper == "DATA" {
            say(manners.data)?;
            if manners.data.is_some_and(|answer| answer.starts_with('3')) {
                message.bytes = read_message(&mut reader)?;
                kept.lock().unwrap().0.push(std::mem::take(&mut message));
                say(manners.dot)?;
            }
        } else if upper == "QUIT" {
            return say(Some("221 2.0.0 bye"));
        } else if matches!(upper.as_str(), "RSET" | "NOOP") {
            say(Some("250 2.0.0 ok"))?;
        } else {
            say(Some("500 5.5.2 what?"))?;
        }
    }
    Ok(())
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
    use std::io::Read;

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
