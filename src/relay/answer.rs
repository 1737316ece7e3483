//! Answers of SMTP servers: a code of three digits and text, over one or several lines (RFC 5321, section 4.2).

use std::io::{self, Read};

use super::Reply;
use crate::net::text;

/// The longest line of an answer, and the most lines: both far beyond what servers send (RFC 5321, section 4.5.3.1.5).
const LONGEST: usize = 4_096;
const LINES: usize = 100;

/// How much of an answer's text is kept, in characters.
const KEPT: usize = 500;

/// Reads from a connection, line by line, never past an answer's end unless the server said more.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// Whether something came that nobody has asked for.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn line(&mut self, from: &mut impl Read) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.bytes) {
                let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            if self.bytes.len() > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer of the server has no end"));
            }
            let mut chunk = [0; 1_024];
            match from.read(&mut chunk)? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
                read => self.bytes.extend(chunk.get(..read).unwrap_or_default()),
            }
        }
    }

    /// Reads one answer and its lines.
    pub fn answer(&mut self, from: &mut impl Read) -> io::Result<(Reply, Vec<String>)> {
        let mut lines = Vec::new();
        let mut code = None;
        while lines.len() < LINES {
            let line = self.line(from)?;
            let (its, is_last, words) = parse(&line).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("the server does not speak SMTP: {}", text(&line)))
            })?;
            if code.is_some_and(|code| code != its) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer of the server has two codes"));
            }
            code = Some(its);
            lines.push(words);
            if is_last {
                return Ok((reply(its, &lines), lines));
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "an answer of the server has no end"))
    }
}

/// `250-text` and `250 text`.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(digits.first(), Some(b'2'..=b'5')) {
        return None;
    }
    let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (is_last, words) = match rest.split_first() {
        None => (true, &rest[..0]),
        Some((b' ', words)) => (true, words),
        Some((b'-', words)) => (false, words),
        Some(_) => return None,
    };
    Some((code, is_last, if words.is_empty() { String::new() } else { text(words) }))
}

/// Puts the lines together; the enhanced status code stands at the beginning of each (RFC 2034, section 4).
fn reply(code: u16, lines: &[String]) -> Reply {
    let mut status = None;
    let mut words = Vec::new();
    for line in lines {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if is_status(first, code) {
            status.get_or_insert_with(|| first.to_string());
            words.push(rest);
        } else {
            words.push(line);
        }
    }
    Reply { code, status, text: words.join(" ").trim().chars().take(KEPT).collect() }
}

/// `5.1.1`, of the class of the code (RFC 3463, section 2).
fn is_status(word: &str, code: u16) -> bool {
    let mut parts = word.split('.');
    let class = parts.next().and_then(|class| class.parse::<u16>().ok());
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| part.len() <= 3 && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    class == Some(code / 100) && is_number(parts.next()) && is_number(parts.next()) && parts.next().is_none()
}

impl Reply {
    /// Whether the server did what was asked.
    pub const fn is_good(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether asking again is of no use.
    pub const fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Whether it is the sender that is refused, for good, by the enhanced status code: RFC 3463, section 3.2; RFC 7505, section 4.3;
    /// and what Exchange says of one who may not send as somebody.
    pub fn is_about_sender(&self) -> bool {
        const SENDER: [&str; 5] = ["5.1.7", "5.1.8", "5.7.27", "5.7.60", "5.2.252"];
        self.is_permanent() && self.status.as_deref().is_some_and(|status| SENDER.contains(&status))
    }
}

impl Reply {
    /// Whether it is about the server: it closes (421), or its mail system or its network is in trouble for now (RFC 3463, sections
    /// 3.4 and 3.5). The next message would fare no better.
    pub fn is_of_server(&self) -> bool {
        let of_system = |status: &str| status.starts_with("4.3.") || status.starts_with("4.4.");
        let is_bare = || self.status.is_none() && self.code == 452;
        self.code == 421 || (self.code / 100 == 4 && (is_bare() || self.status.as_deref().is_some_and(of_system)))
    }

    /// Whether it is about how we logged in, or did not (RFC 4954, section 6; RFC 3207, section 4): every message would be refused.
    pub const fn is_of_login(&self) -> bool {
        matches!(self.code, 454 | 530 | 534 | 535 | 538)
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = &self.status {
            write!(f, " {status}")?;
        }
        write!(f, " {}", self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Reply> {
        Buffer::default().answer(&mut &bytes[..]).map(|(reply, _)| reply)
    }

    #[test]
    fn an_answer_has_a_code_a_status_and_text() {
        let reply = read(b"550-5.1.1 no such\r\n550 5.1.1 user\r\n").unwrap();
        assert_eq!((reply.code, reply.status.as_deref(), reply.text.as_str()), (550, Some("5.1.1"), "no such user"));
        assert_eq!(read(b"250 ok\n").unwrap().status, None);
        assert_eq!(read(b"250\r\n").unwrap().text, "");
        assert_eq!(read(b"450 5.1.1 of another class\r\n").unwrap().status, None);
        assert_eq!(read(b"250 \x1b[31mred\r\n").unwrap().text, "\\u{1b}[31mred");
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_bytes_bring_it_down(bytes in "(2|3|5|[0-9]{3}| |-|\r|\n|\\PC|\\x00){0,60}", more in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let all = [bytes.as_bytes(), &more].concat();
            let (mut buffer, mut from) = (Buffer::default(), &all[..]);
            while let Ok((reply, lines)) = buffer.answer(&mut from) {
                proptest::prop_assert!((200..600).contains(&reply.code) && !lines.is_empty() && reply.text.chars().count() <= KEPT);
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error_and_costs_little() {
        for wrong in [&b"hello\r\n"[..], b"150 x\r\n", b"25", b"250x\r\n", b"250-a\r\n251 b\r\n", b"", b"2\xc3\xa950 a\r\n"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&b"250-more\r\n".repeat(1_000)).is_err());
        assert!(read(&vec![b'2'; 100_000]).is_err());
    }
}
