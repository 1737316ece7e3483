//! Reasons as fates keep them (WHY-1): JSON, packed with a dictionary that has what all plans say alike. Of 3 KB some 300 bytes are left. What an
//! earlier espomail wrote is text, and so is what is too short to gain by it: both forms are read.

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};

use super::Database;
use super::letters::lowered;
use super::packed::{Dictionary, Packable};
use super::schema::fates;
use crate::words::PositionId;

/// How many packed rows are read at once.
const READ: usize = 2_000;

/// Reasons as the two columns have them: one of them has something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackedReasons {
    pub why: String,
    pub reasons: Option<Vec<u8>>,
}

impl PackedReasons {
    /// Packs reasons, where that makes them shorter.
    pub fn of(why: String) -> Self {
        let Packable { plain, packed } = Packable::of(Dictionary::Reasons, &why);
        Self { why: plain, reasons: packed }
    }

    /// Reads them.
    pub fn read(self) -> Result<String> {
        match self.reasons {
            Some(packed) if self.why.is_empty() => Dictionary::Reasons.unpack(&packed),
            _ => Ok(self.why),
        }
    }
}

pub(super) type Key = (i64, i64);

/// Rows with packed reasons: a key, the reasons, and what they hang on.
#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = BigInt)]
    pub position_id: i64,
    #[diesel(sql_type = BigInt)]
    pub uid: i64,
    #[diesel(sql_type = Binary)]
    reasons: Vec<u8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub email_id: Option<i64>,
}

impl Row {
    pub const fn key(&self) -> Key {
        (self.position_id, self.uid)
    }

    /// None where they are damaged.
    pub fn read(&self) -> Result<Option<String>> {
        let Self { position_id, uid, .. } = self;
        Dictionary::Reasons.unpack_if_whole(&self.reasons, format_args!("the reasons of UID {uid} (position {position_id})"))
    }
}

/// Finds the next rows behind a key whose packed reasons have one of some words in them, as the database would by LIKE, or cannot be read: nobody
/// knows what is in those. Nothing is locked: it may take a look at all.
pub(super) fn naming(db: &mut Database, words: &[String], behind: Key) -> Result<Vec<Key>> {
    let (mut behind, words) = (behind, words.iter().map(|word| lowered(word)).collect::<Vec<_>>());
    loop {
        let (a, b) = behind;
        let rows = packed(db, &format!("(position_id, uid) > ({a}, {b}) ORDER BY position_id, uid LIMIT {READ}"))?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        behind = last.key();
        let mut found = Vec::new();
        for row in rows {
            let why = row.read()?.map(|why| lowered(&why));
            if why.is_none_or(|why| words.iter().any(|word| why.contains(word.as_str()))) {
                found.push(row.key());
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
}

/// Reads packed reasons.
pub(super) fn packed(db: &mut Database, which: &str) -> Result<Vec<Row>> {
    let query =
        format!("SELECT position_id, uid, reasons, email_id FROM fates WHERE why = '' AND reasons IS NOT NULL AND {which}");
    diesel::sql_query(query).load(db).context("reading reasons")
}

/// Writes other reasons in the place of those of a row.
pub(super) fn put(db: &mut Database, row: &Row, why: String) -> Result<()> {
    let PackedReasons { why, reasons } = PackedReasons::of(why);
    diesel::update(fates::table.find((PositionId(row.position_id), row.uid)))
        .set((fates::why.eq(why), fates::reasons.eq(reasons)))
        .execute(db)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn why_1_reasons_are_packed_small_and_read_back_and_damaged_ones_are_said() {
        let user = |n: i64| {
            format!(
                r#"{{"do":"add-user","email":7,"user":{n},"read":false,"trashed":false,"folder":null,"own":null,"rule":"INBOX-1","because":"INBOX-1: a member of the account's team"}}"#
            )
        };
        let why =
            format!(r#"{{"fate":"imported","email":7,"steps":[{}],"notes":[]}}"#, (1..9).map(user).collect::<Vec<_>>().join(","));
        let kept = PackedReasons::of(why.clone());
        let packed = kept.reasons.clone().unwrap();
        assert!(kept.why.is_empty() && packed.len() * 8 < why.len(), "{} of {}", packed.len(), why.len());
        assert_eq!(kept.read().unwrap(), why);
        // What cannot get shorter, and what an earlier espomail wrote.
        for text in ["{}".to_string(), "ü".to_string(), String::new()] {
            assert_eq!(PackedReasons::of(text.clone()), PackedReasons { why: text.clone(), reasons: None });
            assert_eq!(PackedReasons { why: text.clone(), reasons: None }.read().unwrap(), text);
        }
        assert_eq!(PackedReasons { why: "text".to_string(), reasons: Some(packed.clone()) }.read().unwrap(), "text");
        let read = |packed: &[u8]| PackedReasons { why: String::new(), reasons: Some(packed.to_vec()) }.read();
        for damaged in [&[] as &[u8], &[1], &[9, 1, 2], &packed[..packed.len() - 3], &packed[1..]] {
            assert!(read(damaged).is_err());
        }
        assert_eq!(read(&packed).unwrap(), why, "and the next one is read");
    }
}
