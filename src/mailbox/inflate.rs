//! What comes deflated (RFC 1951, RFC 4978), inflated as it is read: a buffer and the 32 KiB that deflating looks back upon, however much comes
//! of it. How much that may be is counted behind this, in bytes that are inflated already (`wire.rs`).

use std::io::{self, Read};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// The bytes of the line that are read at once.
const BUFFER: usize = 32 << 10;
/// The bytes of the line from which nothing may come: blocks can be empty, and there can be any number of them.
const MOST_BARREN: usize = 64 << 10;
/// The most bytes that a block has which is not packed (RFC 1951, section 3.2.4).
const BLOCK: usize = u16::MAX as usize;

pub struct Inflater {
    state: Box<InflateState>,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    /// The bytes that were read since something came of them.
    barren: usize,
}

impl Inflater {
    /// Begins with what has come already.
    pub fn of(waiting: &[u8]) -> Self {
        let (mut raw, end) = (waiting.to_vec(), waiting.len());
        raw.resize(end.max(BUFFER), 0);
        Self { state: InflateState::new_boxed(DataFormat::Raw), raw, start: 0, end, barren: 0 }
    }

    /// Reads as [`Read`] does: some bytes, and none where it has ended.
    pub fn read(&mut self, line: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let done = inflate(&mut self.state, &self.raw[self.start..self.end], into, MZFlush::None);
            self.start += done.bytes_consumed;
            if done.bytes_written > 0 {
                self.barren = 0;
                return Ok(done.bytes_written);
            }
            match done.status {
                Ok(MZStatus::StreamEnd) => return Ok(0),
                // Nothing more comes of what is there.
                Ok(_) | Err(MZError::Buf) if self.start == self.end => {}
                _ => return Err(bad("what the server deflates cannot be inflated")),
            }
            (self.start, self.end) = (0, 0);
            self.end = line.read(&mut self.raw)?;
            self.barren += self.end;
            if self.end == 0 {
                return Ok(0);
            }
            if self.barren > MOST_BARREN {
                return Err(bad("the server deflates nothing, and does not end"));
            }
        }
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes bytes as blocks that are not packed: what we say is short.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let block = |some: &[u8]| {
        let length = u16::try_from(some.len()).unwrap_or_default();
        [&[0], &length.to_le_bytes()[..], &(!length).to_le_bytes(), some].concat()
    };
    bytes.chunks(BLOCK).flat_map(block).collect()
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::core::CompressorOxide;
    use miniz_oxide::deflate::stream::deflate;

    use super::*;

    /// A line on which so many bytes come at once.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut state = CompressorOxide::default();
        state.set_format_and_level(DataFormat::Raw, 6);
        let mut packed = vec![0; bytes.len() + 1_024];
        let done = deflate(&mut state, bytes, &mut packed, MZFlush::Sync);
        packed.truncate(done.bytes_written);
        packed
    }

    fn inflated(packed: &[u8], at_once: usize, waiting: usize) -> io::Result<Vec<u8>> {
        let mut inflater = Inflater::of(&packed[..waiting]);
        let (mut line, mut all, mut some) = (Drip(&packed[waiting..], at_once), Vec::new(), [0; 700]);
        loop {
            match inflater.read(&mut line, &mut some)? {
                0 => return Ok(all),
                length => all.extend_from_slice(&some[..length]),
            }
        }
    }

    #[test]
    fn fetch_10_what_was_deflated_is_what_it_was_however_it_comes() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
        let packed = [deflated(&text), stored(b"and so on")].concat();
        assert!(packed.len() < text.len() / 2 + text.len() / 5);
        for (at_once, waiting) in [(1_500, 0), (1 << 20, 0), (7, 9_000), (1, packed.len())] {
            let came = inflated(&packed, at_once, waiting).expect("it is whole");
            assert!(came == [&text[..], b"and so on"].concat(), "{at_once} at once, {waiting} already there");
        }
        let long = b"x".repeat(3 * BLOCK + 1);
        assert!(inflated(&stored(&long), 4_096, 0).expect("it is whole") == long);
    }

    #[test]
    fn fetch_7_what_cannot_be_inflated_or_never_becomes_anything_is_an_error() {
        let words = |packed: &[u8]| inflated(packed, 4_096, 0).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(words(&[6, 6, 6]).contains("cannot be inflated"));
        assert!(words(&[0, 0, 0, 0xff, 0xff].repeat(40_000)).contains("deflates nothing"));
        // A block that is the last one ends it, whatever stands behind.
        assert_eq!(inflated(&[&[1, 2, 0, 0xfd, 0xff][..], b"hi", b"* OK more"].concat(), 4_096, 0).expect("it has ended"), b"hi");
        assert_eq!(inflated(&[], 1, 0).expect("it has ended"), b"", "the connection was cut");
    }
}
