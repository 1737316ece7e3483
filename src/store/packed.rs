//! Text as columns keep it: packed by zstd with a dictionary that has what all of its kind say alike. What an earlier espomail wrote is plain, and
//! so is what is too short to gain by it: both forms are read.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, get_frame_content_size};

use crate::room;

/// What is shorter stays plain, in bytes.
pub(super) const LEAST: usize = 100;

/// Nothing is longer, in bytes: a damaged row must not ask for more.
const MOST: u64 = 1 << 30;

/// 6 µs for a plan, 10 for a letter of 750 bytes; the next that is smaller by a tenth takes three times as long.
const LEVEL: i32 = 3;

/// What is read in the place of a text that is damaged.
const DAMAGED: &str = "(this text is damaged, and cannot be read)";

/// What all of a kind say alike. It never changes: what was packed with it is read with it. Another one is another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dictionary {
    /// Made by `zstd --train --maxdict=16384` of 5,600 plans of all kinds, with names and addresses made of dice.
    Reasons,
    /// Made so of 6,000 letters in nine languages, of sentences that were written for it, with names, numbers and dates made of dice.
    Texts,
}

thread_local! {
    /// Making one with its dictionary costs more than packing with it.
    static COMPRESSORS: RefCell<[Option<Compressor<'static>>; 2]> = const { RefCell::new([None, None]) };
    static DECOMPRESSORS: RefCell<[Option<Decompressor<'static>>; 2]> = const { RefCell::new([None, None]) };
}

impl Dictionary {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Reasons => include_bytes!("reasons.dictionary"),
            Self::Texts => include_bytes!("texts.dictionary"),
        }
    }

    /// The first byte of what was packed with it.
    const fn form(self) -> u8 {
        match self {
            Self::Reasons => 1,
            Self::Texts => 2,
        }
    }

    /// What is packed with it.
    const fn what(self) -> &'static str {
        match self {
            Self::Reasons => "reasons",
            Self::Texts => "a text",
        }
    }

    fn compressor(self) -> std::io::Result<Compressor<'static>> {
        let mut made = Compressor::with_dictionary(LEVEL, self.bytes())?;
        // The first byte says which it is.
        made.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(made)
    }

    fn pack(self, plain: &[u8]) -> Vec<u8> {
        COMPRESSORS.with_borrow_mut(|kept| {
            let compressor = kept[self as usize].get_or_insert_with(|| self.compressor().expect("the dictionary is ours"));
            // What is large goes back to the system once it is written; what is small is no larger than it must be.
            let mut packed = room::of(compress_bound(plain.len()));
            compressor.compress_to_buffer(plain, &mut packed).expect("the output buffer has zstd's own upper bound");
            let mut formed = room::of(1 + packed.len());
            formed.push(self.form());
            formed.extend(packed);
            formed
        })
    }

    /// Packs what gets shorter by it.
    pub fn packed(self, plain: &str) -> Option<Vec<u8>> {
        (plain.len() >= LEAST).then(|| self.pack(plain.as_bytes())).filter(|packed| packed.len() < plain.len())
    }

    /// Reads what was packed.
    pub fn unpack(self, packed: &[u8]) -> Result<String> {
        let what = self.what();
        let (form, packed) = packed.split_first().with_context(|| format!("{what} that has no bytes"))?;
        ensure!(*form == self.form(), "{what} is packed in a way that this espomail does not know");
        let size = get_frame_content_size(packed).ok().flatten().filter(|size| *size <= MOST);
        let size = usize::try_from(size.with_context(|| format!("{what}, packed, is damaged"))?)?;
        let plain = DECOMPRESSORS.with_borrow_mut(|kept| {
            let of = || Decompressor::with_dictionary(self.bytes()).expect("the dictionary is ours");
            kept[self as usize].get_or_insert_with(of).decompress(packed, size).with_context(|| format!("unpacking {what}"))
        })?;
        String::from_utf8(plain).with_context(|| format!("unpacking {what}"))
    }

    /// The same for whoever goes on where it is damaged: what nobody can read says nothing, and a bad sector, say, must not end what goes over
    /// many. None then; what another espomail packed is an error.
    pub fn unpack_if_whole(self, packed: &[u8], what: std::fmt::Arguments<'_>) -> Result<Option<String>> {
        match self.unpack(packed) {
            Ok(plain) => Ok(Some(plain)),
            Err(error) if packed.first() == Some(&self.form()) => {
                log::warn!("{what} cannot be read: {error:#}");
                Ok(None)
            }
            Err(error) => Err(error.context(what.to_string())),
        }
    }
}

/// Text as two columns have it: one of them has something in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packable {
    pub(super) plain: String,
    pub(super) packed: Option<Vec<u8>>,
}

impl Packable {
    /// Packs it where that makes it shorter.
    pub(super) fn of(dictionary: Dictionary, plain: &str) -> Self {
        match dictionary.packed(plain) {
            Some(packed) => Self { plain: String::new(), packed: Some(packed) },
            None => Self { plain: plain.to_string(), packed: None },
        }
    }

    /// The text of a letter, or what is said of a record.
    pub(super) fn text(plain: &str) -> Self {
        Self::of(Dictionary::Texts, plain)
    }

    /// Reads such a text for whoever goes on without it where it is damaged.
    pub(super) fn read_if_whole(self, what: std::fmt::Arguments<'_>) -> Result<String> {
        match self.packed {
            Some(packed) if self.plain.is_empty() => {
                Ok(Dictionary::Texts.unpack_if_whole(&packed, what)?.unwrap_or_else(|| DAMAGED.to_string()))
            }
            _ => Ok(self.plain),
        }
    }

    /// Reads such a text.
    pub(super) fn read(self) -> Result<String> {
        match self.packed {
            Some(packed) if self.plain.is_empty() => Dictionary::Texts.unpack(&packed),
            _ => Ok(self.plain),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const LETTER: &str = "Hello,\n\nsince this morning pump 7 does not start, and the display says E42. We have tried to turn it off and on again. \
        Could somebody please have a look at it today?\n\nKind regards,\nDora";

    #[test]
    fn texts_are_packed_small_and_read_back_and_damaged_ones_are_said() {
        let kept = Packable::text(LETTER);
        let packed = kept.packed.clone().unwrap();
        assert!(kept.plain.is_empty() && packed.len() * 5 < LETTER.len() * 3, "{} of {}", packed.len(), LETTER.len());
        assert_eq!(kept.read().unwrap(), LETTER);
        // What cannot get shorter, and what an earlier espomail wrote.
        for text in ["", "Short.", "ü"] {
            assert_eq!(Packable::text(text), Packable { plain: text.to_string(), packed: None });
        }
        assert_eq!(Packable { plain: LETTER.to_string(), packed: None }.read().unwrap(), LETTER);
        // Reasons are of another form.
        let reasons = Dictionary::Reasons.packed(LETTER).unwrap();
        for damaged in [&[] as &[u8], &[2], &[9, 1, 2], &packed[..packed.len() - 3], &packed[1..], &reasons] {
            let damaged = Packable { plain: String::new(), packed: Some(damaged.to_vec()) };
            assert!(damaged.clone().read().is_err());
            // What is ours and damaged ends nothing that goes over many; what is not known does.
            let is_ours = damaged.packed.as_deref().is_some_and(|packed| packed.first() == Some(&2));
            assert_eq!(damaged.read_if_whole(format_args!("a text")).is_ok_and(|text| text == DAMAGED), is_ours);
        }
        assert!(Dictionary::Texts.unpack_if_whole(&packed[..packed.len() - 3], format_args!("a text")).unwrap().is_none());
        assert!(Dictionary::Texts.unpack_if_whole(&reasons, format_args!("a text")).is_err());
        assert_eq!(Dictionary::Texts.unpack(&packed).unwrap(), LETTER, "and the next one is read");
        let long = "No two of these are like another: ".to_string() + &"x".repeat(3 << 20);
        assert_eq!(Dictionary::Texts.unpack(&Dictionary::Texts.packed(&long).unwrap()).unwrap(), long);
    }
}
