//! What all nouns share: finding one by its name or number, and saying so when there is none.

use anyhow::Result;

use super::{Database, lock, next_number};
use crate::fault::{Class, Fault};

/// Makes the error for a thing that is not there, with the nearest name that is.
pub(super) fn not_found(noun: &str, wanted: &str, names: &[String]) -> anyhow::Error {
    let nearest = names.iter().max_by(|a, b| strsim::jaro_winkler(a, wanted).total_cmp(&strsim::jaro_winkler(b, wanted)));
    let hint = match nearest.filter(|name| strsim::jaro_winkler(name, wanted) > 0.7) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("try: espomail {noun} list"),
    };
    Fault::new(Class::Data, format!("there is no {noun} {wanted:?}")).hint(hint).into()
}

/// Makes the error for a name that is taken.
pub(super) fn taken(noun: &str, name: &str) -> anyhow::Error {
    Fault::new(Class::Data, format!("there is already a {noun} {name:?}"))
        .hint(format!("try: espomail {noun} show {name}"))
        .into()
}

/// Takes the lock row and the next number of a kind.
pub(super) fn number(db: &mut Database, name: &str) -> Result<i64> {
    lock(db)?;
    next_number(db, name)
}

/// Writes a text as a LIKE pattern that finds it anywhere.
pub(super) fn anywhere(text: &str) -> String {
    format!("%{}%", text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

diesel::define_sql_function! {
    /// Lower case: of ASCII letters on SQLite, of all letters on PostgreSQL.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}
