//! Values as both databases have them, and what a table's rows come to.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Number(i64),
    Truth(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// How many bytes it takes, about.
    pub const fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Number(_) | Self::Truth(_) => 8,
        }
    }

    /// Adds it so that no other value, nor two others, read the same.
    fn feed(&self, hasher: &mut blake3::Hasher) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Number(number) => (1, &number.to_be_bytes()),
            Self::Truth(truth) => (2, &[u8::from(*truth)]),
            Self::Text(text) => (3, text.as_bytes()),
            Self::Bytes(bytes) => (4, bytes),
        };
        hasher.update(&[kind]).update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
    }
}

/// How many rows a table has, and the sum of their digests: the same in whatever order they are read, as both databases sort texts in
/// their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    pub rows: u64,
    digest: [u64; 4],
}

impl Sum {
    /// Adds a row, whose columns come in the order of their names.
    pub fn add(&mut self, row: &[Value]) {
        let mut hasher = blake3::Hasher::new();
        row.iter().for_each(|value| value.feed(&mut hasher));
        let digest = hasher.finalize();
        let (words, _) = digest.as_bytes().as_chunks::<8>();
        for (sum, word) in self.digest.iter_mut().zip(words) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*word));
        }
        self.rows += 1;
    }

    /// The digest, in 64 digits.
    pub fn digest(&self) -> String {
        self.digest.iter().fold(String::new(), |mut text, word| {
            let _ = write!(text, "{word:016x}");
            text
        })
    }

    /// Reads it again.
    pub fn read(rows: u64, text: &str) -> Option<Self> {
        let mut digest = [0; 4];
        for (at, word) in digest.iter_mut().enumerate() {
            *word = u64::from_str_radix(text.get(16 * at..16 * at + 16)?, 16).ok()?;
        }
        Some(Self { rows, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_know_rows_and_not_their_order() {
        let rows = [
            vec![Value::Number(1), Value::Text("ab".to_string()), Value::Text("c".to_string())],
            vec![Value::Number(1), Value::Text("a".to_string()), Value::Text("bc".to_string())],
            vec![Value::Truth(true), Value::Null, Value::Bytes(b"c".to_vec())],
            vec![Value::Number(1), Value::Text(String::new()), Value::Text("c".to_string())],
        ];
        let sum = |rows: &[&Vec<Value>]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum
        };
        let [a, b, c, d] = &rows;
        assert_eq!(sum(&[a, b, c, d]), sum(&[d, c, b, a]));
        assert_eq!(sum(&[a, a, b]).rows, 3);
        for (one, other) in [(a, b), (b, c), (c, d), (a, d)] {
            assert_ne!(sum(&[one]), sum(&[other]));
        }
        assert_ne!(sum(&[a, a]), sum(&[b, b]));
        let all = sum(&[a, b, c]);
        assert_eq!(Sum::read(3, &all.digest()), Some(all));
        assert!(Sum::read(3, "12").is_none());
    }
}
