//! The words of a text as PostgreSQL keeps them for searching, a `tsvector`, made here: its own way there takes longer than all else that it does
//! with an e-mail, and what a letter is to it depends on how the server was set up.

use std::collections::HashMap;
use std::io::Write;

use diesel::pg::Pg;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;

/// The type in the database.
#[derive(Debug, Clone, Copy, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct Tsvector;

/// The longest word that it has, in bytes (`MAXSTRLEN`).
const LONGEST: usize = 2_046;
/// The highest place: all words behind it stand there (`MAXENTRYPOS`).
const LAST_PLACE: u16 = 16_383;
/// The most places of a word (`MAXNUMPOS`).
const PLACES: usize = 255;
/// The most bytes of all words and places (`MAXSTRPOS`).
const ROOM: usize = (1 << 20) - 1;

/// Words with their places, as they go over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector(Vec<u8>);

impl Vector {
    /// Of a text that is folded: words with a space between them. What there is no room for is left out.
    pub fn of(folded: &str) -> Self {
        let mut places: HashMap<&str, Vec<u16>> = HashMap::new();
        let (mut place, mut room) = (0, ROOM);
        for word in folded.split(' ') {
            place = LAST_PLACE.min(place + 1);
            if word.is_empty() || word.len() > LONGEST {
                continue;
            }
            let known = places.get_mut(word);
            // A new one is aligned, and has the number of its places before them.
            let takes = if known.is_some() { 2 } else { word.len() + 5 };
            if takes > room {
                continue;
            }
            match known {
                Some(at) if at.len() == PLACES || at.last() == Some(&place) => continue,
                Some(at) => at.push(place),
                None => drop(places.insert(word, vec![place])),
            }
            room -= takes;
        }
        let mut words: Vec<(&str, Vec<u16>)> = places.into_iter().collect();
        words.sort_unstable_by_key(|(word, _)| *word);
        // As many bytes as they take there; and neither number is above `ROOM`, or `PLACES`.
        let mut bytes = Vec::with_capacity(4 + ROOM - room);
        bytes.extend((words.len() as u32).to_be_bytes());
        for (word, at) in words {
            bytes.extend(word.as_bytes());
            bytes.push(0);
            bytes.extend((at.len() as u16).to_be_bytes());
            at.iter().for_each(|place| bytes.extend(place.to_be_bytes()));
        }
        Self(bytes)
    }
}

impl ToSql<Tsvector, Pg> for Vector {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_order_with_their_places_and_what_there_is_no_room_for_is_left_out() {
        let bytes = [0, 0, 0, 2, b'a', 0, 0, 1, 0, 2, b'b', 0, 0, 2, 0, 1, 0, 3];
        assert_eq!(Vector::of("b a b"), Vector(bytes.to_vec()));
        assert_eq!(Vector::of(""), Vector(vec![0; 4]));
        assert_eq!(Vector::of(&"x".repeat(LONGEST + 1)), Vector(vec![0; 4]));
        // A word that stands everywhere.
        assert_eq!(Vector::of(&"a ".repeat(70_000)).0.len(), 4 + 2 + 2 + 2 * PLACES);
        let many: String = (0..200_000).map(|n| format!("w{n} ")).collect();
        let Vector(bytes) = Vector::of(&many);
        assert!(bytes.len() > ROOM - 16 && bytes.len() <= ROOM + 4, "{}", bytes.len());
    }
}
