//! Reasons as fates keep them (WHY-1): JSON, packed with a dictionary that has what all plans say alike. Of 3 KB some 300 bytes are left. What an
//! earlier espomail wrote is text, and so is what is too short to gain by it: both forms are read.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, get_frame_content_size};

use super::Database;
use super::letters::lowered;
use super::schema::fates;
use crate::room;
use crate::words::PositionId;

/// Made by `zstd --train --maxdict=16384` of 5,600 plans of all kinds, with names and addresses made of dice. It never changes: what was packed
/// with it is read with it. Another one is another [`FORM`].
const DICTIONARY: &[u8] = include_bytes!("reasons.dictionary");

/// How it is packed, as the first byte says.
const FORM: u8 = 1;

/// 6 µs for a plan; the next that is smaller by a tenth takes three times as long.
const LEVEL: i32 = 3;

/// What is shorter stays text.
pub(super) const LEAST: usize = 100;

/// No plan is longer, in bytes: a damaged row must not ask for more.
const MOST: u64 = 1 << 30;

/// How many packed rows are read at once.
const READ: usize = 2_000;

thread_local! {
    /// Making one with its dictionary costs more than packing with it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Reasons as the two columns have them: one of them has something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackedReasons {
    pub why: String,
    pub reasons: Option<Vec<u8>>,
}

impl PackedReasons {
    /// Packs reasons, where that makes them shorter.
    pub fn of(why: String) -> Self {
        if why.len() < LEAST {
            return Self { why, reasons: None };
        }
        let reasons = pack(why.as_bytes());
        if reasons.len() < why.len() { Self { why: String::new(), reasons: Some(reasons) } } else { Self { why, reasons: None } }
    }

    /// Reads them.
    pub fn read(self) -> Result<String> {
        match self.reasons {
            Some(packed) if self.why.is_empty() => unpack(&packed),
            _ => Ok(self.why),
        }
    }
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    let mut made = Compressor::with_dictionary(LEVEL, DICTIONARY)?;
    // The first byte says which it is.
    made.set_parameter(CParameter::DictIdFlag(false))?;
    Ok(made)
}

fn pack(why: &[u8]) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = kept.get_or_insert_with(|| compressor().expect("the dictionary is ours"));
        let mut packed = room::of(1 + compress_bound(why.len()));
        packed.extend(compressor.compress(why).expect("the output buffer has zstd's own upper bound"));
        packed.insert(0, FORM);
        packed
    })
}

fn unpack(packed: &[u8]) -> Result<String> {
    let (form, packed) = packed.split_first().context("reasons that are empty")?;
    ensure!(*form == FORM, "reasons are packed in a way that this espomail does not know");
    let size = get_frame_content_size(packed).ok().flatten().filter(|size| *size <= MOST);
    let size = usize::try_from(size.context("packed reasons are damaged")?)?;
    let why = DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = kept.get_or_insert_with(|| Decompressor::with_dictionary(DICTIONARY).expect("the dictionary is ours"));
        decompressor.decompress(packed, size).context("unpacking reasons")
    })?;
    String::from_utf8(why).context("unpacking reasons")
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

    /// What cannot be read by anybody says nothing: a bad sector, say, must not end what goes over all of them. What another espomail
    /// packed is an error.
    pub fn read(&self) -> Result<Option<String>> {
        match unpack(&self.reasons) {
            Ok(why) => Ok(Some(why)),
            Err(error) if self.reasons.first() == Some(&FORM) => {
                log::warn!("the reasons of UID {} (position {}) cannot be read: {error:#}", self.uid, self.position_id);
                Ok(None)
            }
            Err(error) => Err(error.context(format!("the reasons of UID {}", self.uid))),
        }
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
        for damaged in [&[] as &[u8], &[FORM], &[9, 1, 2], &packed[..packed.len() - 3], &packed[1..]] {
            assert!(read(damaged).is_err());
        }
        assert_eq!(read(&packed).unwrap(), why, "and the next one is read");
    }
}
