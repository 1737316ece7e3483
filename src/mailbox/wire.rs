//! IMAP lines and literals over a [`Stream`](crate::net::Stream), under a byte budget for each answer (RFC 3501,
//! section 2.2).

use std::io::{self, Read, Write};

use crate::net::Stream;

/// The buffer between the connection and us, in bytes.
const BUFFER: usize = 128 << 10;
/// The longest line outside of literals: a search that finds three million messages has 33 million bytes.
const LONGEST_LINE: usize = 40 << 20;

/// One connection.
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that the answer at hand may still have.
    budget: u64,
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0, budget: 0 }
    }

    /// Gives the stream back; none while bytes are waiting that nobody asked for.
    pub fn into_stream(self) -> Option<Stream> {
        (self.start == self.end).then_some(self.stream)
    }

    /// Allows the next answer so many bytes.
    pub fn allow(&mut self, bytes: u64) {
        self.budget = bytes;
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads one response: a line, and as often as it ends in a literal, the literal and the line behind it.
    pub fn answer(&mut self) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        loop {
            let start = answer.len();
            self.line(&mut answer)?;
            match literal_length(&answer[start..]) {
                Some(length) => self.literal(length, &mut answer)?,
                None => return Ok(answer),
            }
        }
    }

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
pub fn literal_length(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?.strip_suffix(b"}")?;
    let digits = &line[line.iter().rposition(|byte| *byte == b'{')? + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // More digits than fit are more bytes than any budget.
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
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
