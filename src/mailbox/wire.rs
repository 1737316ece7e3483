//! IMAP lines and literals over a [`Stream`](crate::net::Stream), under a byte budget for each answer (RFC 3501,
//! section 2.2).

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::inflate::{Inflater, stored};
use crate::net::Stream;
use crate::room;

/// The buffer between the connection and us, in bytes.
const BUFFER: usize = 128 << 10;
/// The longest line outside of literals. The numbers that a search finds do not count: they are handed on as they come.
const LONGEST_LINE: usize = 1_280 << 10;
/// How the answer to a search begins.
const SEARCH: &[u8] = b"* SEARCH ";

/// One connection.
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that the answer at hand may still have.
    budget: u64,
    /// What comes is deflated, and so is what goes (RFC 4978).
    inflater: Option<Inflater>,
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0, budget: 0, inflater: None }
    }

    /// From here on both sides deflate what they say; what has come already belongs to it.
    pub fn deflate(&mut self) {
        self.inflater = Some(Inflater::of(&self.buffer[self.start..self.end]));
        (self.start, self.end) = (0, 0);
    }

    /// Gives the stream back; none while bytes are waiting that nobody asked for.
    pub fn into_stream(self) -> Option<Stream> {
        (self.start == self.end).then_some(self.stream)
    }

    /// Allows the next answer so many bytes.
    pub fn allow(&mut self, bytes: u64) {
        self.budget = bytes;
    }

    /// Gives every wait from now on another limit, and the whole another end.
    pub fn allow_time(&mut self, limit: Duration, deadline: Instant) {
        self.stream.allow(limit, deadline);
    }

    /// Waits for something to come, so long at the most; says whether something has.
    pub fn wait(&mut self, limit: Duration, deadline: Instant) -> io::Result<bool> {
        if self.start < self.end {
            return Ok(true);
        }
        self.stream.be_patient(limit, deadline);
        match self.fill() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What has come and was not read yet.
    pub fn waiting(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The same as `wait` with the limits as they are; they are what they were afterwards.
    pub fn comes_within(&mut self, limit: Duration) -> io::Result<bool> {
        let (usual, deadline) = self.stream.limits();
        let has_come = self.wait(limit.min(usual), deadline);
        self.stream.allow(usual, deadline);
        has_come
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.inflater {
            None => self.stream.write_all(bytes)?,
            Some(_) => self.stream.write_all(&stored(bytes))?,
        }
        self.stream.flush()
    }

    /// Reads one response: a line, and as often as it ends in a literal, the literal and the line behind it. The numbers of the
    /// answer to a search are handed to `number` and left out: a server may find as many as it likes.
    pub fn answer(&mut self, number: &mut dyn FnMut(u64)) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        loop {
            let start = answer.len();
            self.line(&mut answer, number)?;
            match literal_length(&answer[start..]) {
                Some(length) => self.literal(length, &mut answer)?,
                None => return Ok(answer),
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.start = 0;
        self.end = 0;
        self.end = match &mut self.inflater {
            None => self.stream.read(&mut self.buffer)?,
            Some(inflater) => inflater.read(&mut self.stream, &mut self.buffer)?,
        };
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
    fn line(&mut self, answer: &mut Vec<u8>, number: &mut dyn FnMut(u64)) -> io::Result<()> {
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
            if began == 0 {
                take_numbers(answer, number);
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Appends a literal. Room is made as bytes come, not as the server announces them.
    fn literal(&mut self, length: u64, answer: &mut Vec<u8>) -> io::Result<()> {
        self.spend(length)?;
        let mut left = length;
        // Within the budget, and a batch was asked for by its size. No more than that, or it would double as it grows; what is
        // announced and does not come takes no memory.
        room::make(answer, usize::try_from(length).unwrap_or_default());
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

/// Takes the numbers out of what has come of the answer to a search, but for one that may go on.
fn take_numbers(answer: &mut Vec<u8>, number: &mut dyn FnMut(u64)) {
    if !answer.get(..SEARCH.len()).is_some_and(|start| start.eq_ignore_ascii_case(SEARCH)) {
        return;
    }
    let mut taken = SEARCH.len();
    while let Some(end) = answer[taken..].iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')) {
        let word = &answer[taken..taken + end];
        if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
            break;
        }
        // More digits than fit are no UID's.
        number(std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX));
        // The end of the line stays.
        let is_last = answer[taken + end] != b' ';
        taken += end + usize::from(!is_last);
        if is_last {
            break;
        }
    }
    answer.drain(SEARCH.len()..taken);
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
    fn fetch_7_the_numbers_of_a_search_are_not_kept() {
        let mut found = Vec::new();
        let mut answer = b"* search 1 22 33".to_vec();
        take_numbers(&mut answer, &mut |number| found.push(number));
        assert_eq!((answer.as_slice(), found.as_slice()), (b"* search 33".as_slice(), [1, 22].as_slice()));
        answer.extend_from_slice(b"3 4 (MODSEQ 9)\r\n");
        take_numbers(&mut answer, &mut |number| found.push(number));
        assert_eq!((answer.as_slice(), found.as_slice()), (b"* search (MODSEQ 9)\r\n".as_slice(), [1, 22, 333, 4].as_slice()));
        for (line, left) in
            [("* SEARCH 7\r\n", "* SEARCH \r\n"), ("* SEARCH\r\n", "* SEARCH\r\n"), ("* 5 EXISTS\r\n", "* 5 EXISTS\r\n")]
        {
            let mut answer = line.as_bytes().to_vec();
            take_numbers(&mut answer, &mut |_| {});
            assert_eq!(answer, left.as_bytes());
        }
    }

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
