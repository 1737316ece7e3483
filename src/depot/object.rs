//! What objects are called, and what can be said of one.

use std::fmt;

use crate::fault::Class;

/// What an object is called: in whose folder it lies, what it has, and its own number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'a> {
    pub folder: &'a str,
    pub digest: [u8; 32],
    pub upload: i64,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:02x}/", self.folder, self.digest.first().copied().unwrap_or_default())?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "-{:016x}", self.upload)
    }
}

/// Reads the last part of a name; none of what we never wrote.
pub(super) fn read_name(text: &str) -> Option<([u8; 32], i64)> {
    let (digest, upload) = text.split_once('-')?;
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digest.len() != 64 || upload.len() != 16 || !is_hex(digest) || !is_hex(upload) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digest.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some((bytes, i64::from_str_radix(upload, 16).ok()?))
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub digest: [u8; 32],
    pub upload: i64,
    pub bytes: u64,
    /// When it was written, by the clock of where it lies; seconds since 1970 UTC.
    pub written_at: i64,
}

/// Why something was not done.
pub(super) struct Trouble {
    pub class: Class,
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written_and_nothing_else_is() {
        let name = Name { folder: "0011223344556677", digest: crate::mail::digest(b"x"), upload: 0x1234 };
        let written = name.to_string();
        let last = written.rsplit('/').next().expect("a last part");
        assert_eq!(read_name(last), Some((name.digest, name.upload)));
        for wrong in ["", "-", "ab-01", &last[1..], &last.to_uppercase(), &format!("{last}0"), &last.replace('-', "+")] {
            assert_eq!(read_name(wrong), None, "{wrong}");
        }
    }
}
