//! IMAP lines and literals over a [`Stream`](super::stream::Stream), under a byte budget for each answer (RFC 3501,
//! section 2.2). The `imap` crate reads through the same wire while it logs in: it is handed a line at a time, so it never
//! keeps bytes that belong to the next answer.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use super::stream::Stream;

/// The buffer between the connection and us, in bytes.
const BUFFER: usize = 128 << 10;
/// The longest line outside of literals: a search over a million messages has eight million bytes.
const LONGEST_LINE: usize = 16 << 20;

/// One connection, shared by two handles during login.
#[derive(Clone)]
pub struct Wire(Rc<RefCell<Inner>>);

struct Inner {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that the answer at hand may still have.
    budget: u64,
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self(Rc::new(RefCell::new(Inner { stream, buffer: vec![0; BUFFER], start: 0, end: 0, budget: LONGEST_LINE as u64 })))
    }

    /// Gives the stream back; none while another handle lives or bytes are waiting that nobody asked for.
    pub fn into_stream(self) -> Option<Stream> {
        let inner = Rc::try_unwrap(self.0).ok()?.into_inner();
        (inner.start == inner.end).then_some(inner.stream)
    }

    /// Allows the next answer so many bytes.
    pub fn allow(&self, bytes: u64) {
        self.0.borrow_mut().budget = bytes;
    }

    /// Sends bytes.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        inner.stream.write_all(bytes)?;
        inner.stream.flush()
    }

    /// Reads one answer: a line, and as often as it ends in a literal, the literal and the line behind it.
    pub fn answer(&self) -> io::Result<Vec<u8>> {
        let mut inner = self.0.borrow_mut();
        let mut answer = Vec::new();
        loop {
            let start = answer.len();
            inner.line(&mut answer)?;
            match literal_length(&answer[start..]) {
                Some(length) => inner.literal(length, &mut answer)?,
                None => return Ok(answer),
            }
        }
    }
}

impl Inner {
    fn fill(&mut self) -> io::Result<()> {
        self.start = 0;
        self.end = 0;
        self.end = self.stream.read(&mut self.buffer)?;
        if self.end == 0 { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was cut")) } else { Ok(()) }
    }

    fn spend(&mut self, bytes: u64) -> io::Result<()> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "the server's answer is larger than any message may be")),
        }
    }

    /// Appends one line with its end.
    fn line(&mut self, answer: &mut Vec<u8>) -> io::Result<()> {
        let began = answer.len();
        loop {
            if self.start == self.end {
                self.fill()?;
            }
            let waiting = &self.buffer[self.start..self.end];
            let (length, ended) = memchr::memchr(b'\n', waiting).map_or((waiting.len(), false), |at| (at + 1, true));
            if answer.len() - began + length > LONGEST_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the server sends a line without end"));
            }
            answer.extend_from_slice(&waiting[..length]);
            self.start += length;
            self.spend(length as u64)?;
            if ended {
                return Ok(());
            }
        }
    }

    /// Appends a literal. Room is made as bytes come, not as the server announces them.
    fn literal(&mut self, length: u64, answer: &mut Vec<u8>) -> io::Result<()> {
        self.spend(length)?;
        let mut left = length;
        // Within the budget, and a batch was asked for by its size: this much is coming.
        answer.reserve(usize::try_from(length.min(1 << 20)).unwrap_or_default());
        while left > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let here = (self.end - self.start).min(usize::try_from(left).unwrap_or(usize::MAX));
            answer.extend_from_slice(&self.buffer[self.start..self.start + here]);
            self.start += here;
            left -= here as u64;
        }
        Ok(())
    }
}

/// Returns the length of the literal that a line announces at its end: `{123}`.
fn literal_length(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?.strip_suffix(b"}")?;
    let digits = &line[line.iter().rposition(|byte| *byte == b'{')? + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // More digits than fit are more bytes than any budget.
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.0.borrow_mut();
        if inner.start == inner.end {
            inner.fill()?;
        }
        let waiting = &inner.buffer[inner.start..inner.end];
        let line = memchr::memchr(b'\n', waiting).map_or(waiting.len(), |at| at + 1);
        let length = line.min(buffer.len());
        buffer[..length].copy_from_slice(&waiting[..length]);
        inner.start += length;
        inner.spend(length as u64)?;
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line_only() {
        for (line, length) in [
            ("* 1 FETCH (BODY[] {12}\r\n", Some(12)),
            ("x {0}\n", Some(0)),
            ("x {7+}\r\n", Some(7)),
            ("x {99999999999999999999999}\r\n", Some(u64::MAX)),
            ("x {} \r\n", None),
            ("x {a}\r\n", None),
            ("plain\r\n", None),
        ] {
            assert_eq!(literal_length(line.as_bytes()), length, "{line:?}");
        }
    }
}
