//! What is left of e-mails of people who were erased: a digest of each, with a key of this database, so that what a server or a file brings
//! again is known, and nobody reads in it whose it was.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::dialect::insert_new;
use super::schema::erasures;
use super::{Database, IN_LIST, setting};
use crate::decide::Bygone;
use crate::mail::{LetterKey, hex};

/// The setting that has the key; there is none before somebody is erased.
const KEY: &str = "erasure-key";

#[derive(Insertable)]
#[diesel(table_name = erasures)]
struct ErasureRow {
    digest: Vec<u8>,
    erased_at: i64,
}

/// Makes digests that nobody can make without the database.
struct Marks(blake3::Hasher);

impl Marks {
    /// Returns the ones of this database; none before somebody is erased.
    fn of(db: &mut Database) -> Result<Option<Self>> {
        let key = setting::get(db, KEY)?;
        Ok(key.map(|key| Self(blake3::Hasher::new_keyed(&blake3::derive_key("espomail erasures", key.as_bytes())))))
    }

    /// The same, with a key that is made where there is none. Call it under the lock row.
    fn new(db: &mut Database) -> Result<Self> {
        if setting::get(db, KEY)?.is_none() {
            let parts = (0..4).map(|_| setting::random()).collect::<Result<Vec<_>>>()?;
            setting::set(db, KEY, &parts.concat())?;
        }
        Self::of(db)?.ok_or_else(|| anyhow::anyhow!("the key of erasures was not written"))
    }

    /// Of a letter whatever its content: the same, with another footer, is the same letter.
    fn letter(&self, (message_id, author, date): &LetterKey) -> [u8; 32] {
        self.mark(message_id, format!("{date} {author}").as_bytes())
    }

    fn mark(&self, message_id: &str, content: &[u8]) -> [u8; 32] {
        *self.0.clone().update(message_id.as_bytes()).update(&[0]).update(content).finalize().as_bytes()
    }
}

/// Message-ID and content digest.
pub type Content = (String, [u8; 32]);

/// Returns by what a person is named in the audit. Call it under the lock row.
pub fn name(db: &mut Database, address: &str) -> Result<String> {
    let mark = Marks::new(db)?.mark(address, &[]);
    Ok(format!("person:{}", &hex(&mark)[..16]))
}

/// Writes down e-mails, by Message-ID and content. Call it under the lock row.
pub(super) fn remember(db: &mut Database, those: &[(String, Vec<u8>)], now: i64) -> Result<()> {
    let marks = Marks::new(db)?;
    write(db, those.iter().map(|(id, content)| marks.mark(id, content)), now)
}

/// Writes down letters, whatever their content is. Call it under the lock row.
pub(super) fn remember_letters(db: &mut Database, those: &[LetterKey], now: i64) -> Result<()> {
    let marks = Marks::new(db)?;
    write(db, those.iter().map(|letter| marks.letter(letter)), now)
}

fn write(db: &mut Database, marks: impl Iterator<Item = [u8; 32]>, now: i64) -> Result<()> {
    let rows: Vec<ErasureRow> = marks.map(|mark| ErasureRow { digest: mark.to_vec(), erased_at: now }).collect();
    insert_new!(&mut *db, erasures::table, &rows)?;
    Ok(())
}

/// Returns which of some messages are such e-mails, by their contents and as letters.
pub(super) fn known(db: &mut Database, contents: &[Content], letters: &[LetterKey]) -> Result<Bygone> {
    let Some(marks) = Marks::of(db)? else { return Ok(Bygone::default()) };
    let contents = among(db, contents, |(id, content)| marks.mark(id, content))?;
    Ok(Bygone { contents, letters: among(db, letters, |letter| marks.letter(letter))? })
}

fn among<T: Clone + Eq + std::hash::Hash>(db: &mut Database, all: &[T], mark: impl Fn(&T) -> [u8; 32]) -> Result<HashSet<T>> {
    let of: HashMap<[u8; 32], &T> = all.iter().map(|one| (mark(one), one)).collect();
    let mut found = HashSet::new();
    let digests: Vec<&[u8]> = of.keys().map(<[u8; 32]>::as_slice).collect();
    for some in digests.chunks(IN_LIST) {
        let rows = erasures::table.filter(erasures::digest.eq_any(some.iter().copied())).select(erasures::digest);
        let known = rows.load::<Vec<u8>>(db)?.into_iter().filter_map(|digest| <[u8; 32]>::try_from(digest).ok());
        found.extend(known.filter_map(|digest| of.get(&digest).map(|one| (*one).clone())));
    }
    Ok(found)
}
