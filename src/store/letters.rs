//! Capital and small letters: what people search for is found whichever way it is written, in every script and on both databases.

use anyhow::{Context, Result};

/// Writes a text in small letters, letter by letter: what a letter becomes does not depend on those beside it, as a Greek sigma at the end
/// of a word would.
pub(super) fn lowered(text: &str) -> String {
    let mut small = String::with_capacity(text.len());
    let mut rest = text;
    // Most texts are of plain letters for the most part, and for these no table is asked.
    while !rest.is_empty() {
        let plain = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let from = small.len();
        small.push_str(&rest[..plain]);
        small[from..].make_ascii_lowercase();
        rest = &rest[plain..];
        let other = rest.find(|letter: char| letter.is_ascii()).unwrap_or(rest.len());
        let letters = rest[..other].chars().flat_map(char::to_lowercase);
        small.extend(letters.map(|letter| if letter == 'ς' { 'σ' } else { letter }));
        rest = &rest[other..];
    }
    small
}

/// Writes a text as a LIKE pattern that finds it anywhere in what is [`lower`].
pub(super) fn anywhere(text: &str) -> String {
    format!("%{}%", lowered(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

diesel::define_sql_function! {
    /// A text in small letters. The databases' own functions may know ASCII letters alone, PostgreSQL's by the locale that a database was made
    /// with: this one is ours, made by a migration there, and taught to each connection of SQLite (see [`teach`]).
    #[sql_name = "small_letters"]
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Teaches a SQLite connection the small letters beyond ASCII. No index and no constraint is made of this function: it is there only in
/// connections of ours.
pub(super) fn teach(connection: &mut diesel::SqliteConnection) -> Result<()> {
    lower_utils::register_impl(connection, |text: String| lowered(&text)).context("teaching SQLite small letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters_do_not_depend_on_their_neighbours() {
        for (text, small) in [
            ("ÄRGER mit PUMPE", "ärger mit pumpe"),
            ("НАСОС", "насос"),
            ("ΟΔΟΣ", "οδοσ"),
            ("οδός", "οδόσ"),
            ("aÄB ς Iİ", "aäb σ ii\u{307}"),
            ("", ""),
        ] {
            assert_eq!(lowered(text), small);
        }
        assert_eq!(anywhere("Ä_1%"), r"%ä\_1\%%");
    }
}
