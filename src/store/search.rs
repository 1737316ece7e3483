//! Full text search over subject, people and text: FTS5 on SQLite, tsvector on PostgreSQL. The index is derived: a pass that has taken
//! mail in goes on with it afterwards, and whoever searches does what is left. Both databases index and look up the same folded words,
//! so that they find the same.

mod index;
mod vector;

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub use self::index::{Step, begin, forget, forget_words, is_behind, renew, step};
use super::Database;
use crate::fault::{Class, Fault};
use crate::words::EmailId;

/// How much of a text is indexed, in characters: PostgreSQL takes no more than a MiB of words.
const INDEXED: usize = 200_000;
/// How many hits are looked at, the newest first.
pub const MOST: u16 = 10_000;

/// What to look for: all of the first, none of the second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    wanted: Vec<Term>,
    unwanted: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// Folded words, one after the other.
    words: String,
    /// Whether the last word may go on.
    is_prefix: bool,
}

impl Query {
    /// Reads what a person typed: words, "phrases", beginnings*, -unwanted. It is never taken for a language of the database.
    pub fn parse(text: &str) -> Result<Self> {
        let mut query = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let is_unwanted = rest.starts_with('-') && rest.len() > 1;
            rest = if is_unwanted { &rest[1..] } else { rest };
            let (term, behind) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            let is_prefix = term.ends_with('*');
            let words = fold(term);
            if !words.is_empty() {
                let terms = if is_unwanted { &mut query.unwanted } else { &mut query.wanted };
                terms.push(Term { words, is_prefix });
            }
            rest = behind.trim_start();
        }
        if query.wanted.is_empty() {
            return Err(Fault::new(Class::Usage, "say what to search for: at least one word that is wanted").into());
        }
        Ok(query)
    }

    /// FTS5: every term is a quoted string, so that nothing in it is an operator.
    fn fts5(&self) -> String {
        let term = |term: &Term| format!("\"{}\"{}", term.words, if term.is_prefix { "*" } else { "" });
        let wanted = self.wanted.iter().map(term).collect::<Vec<_>>().join(" AND ");
        let unwanted: String = self.unwanted.iter().map(|one| format!(" NOT {}", term(one))).collect();
        format!("({wanted}){unwanted}")
    }

    /// tsquery: every word is a quoted lexeme.
    fn tsquery(&self) -> String {
        let term = |term: &Term| {
            let words: Vec<String> = term.words.split(' ').map(|word| format!("'{word}'")).collect();
            format!("({}{})", words.join(" <-> "), if term.is_prefix { ":*" } else { "" })
        };
        let wanted = self.wanted.iter().map(term);
        wanted.chain(self.unwanted.iter().map(|one| format!("!{}", term(one)))).collect::<Vec<_>>().join(" & ")
    }
}

/// Folds a text for comparing: no accents, small letters, words apart; each character of a script that writes without spaces
/// is a word. No more than [`INDEXED`] characters of it.
fn fold(text: &str) -> String {
    let mut folded = Folded { text: String::with_capacity(text.len().min(4 * INDEXED)), left: INDEXED, is_apart: false };
    let mut rest = text;
    while !rest.is_empty() && folded.left > 0 {
        // Most letters of most texts need no tables; accents that stand by themselves belong to the letter before them, and go.
        let (plain, other) = rest.split_at(rest.bytes().take_while(u8::is_ascii).count());
        folded.plain(plain);
        let (other, behind) = other.split_at(other.find(|c: char| c.is_ascii()).unwrap_or(other.len()));
        other.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).for_each(|c| folded.push(c));
        rest = behind;
    }
    folded.text
}

struct Folded {
    text: String,
    left: usize,
    /// Whether the next letter begins a word.
    is_apart: bool,
}

impl Folded {
    /// Takes ASCII, a word at once.
    fn plain(&mut self, text: &str) {
        let mut rest = &text[..text.len().min(self.left)];
        self.left -= rest.len();
        while !rest.is_empty() {
            let word = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            self.is_apart |= word.len() < rest.len();
            let (word, behind) = word.split_at(word.bytes().take_while(u8::is_ascii_alphanumeric).count());
            if !word.is_empty() {
                if self.is_apart && !self.text.is_empty() {
                    self.text.push(' ');
                }
                let start = self.text.len();
                self.text.push_str(word);
                self.text[start..].make_ascii_lowercase();
                self.is_apart = false;
            }
            rest = behind;
        }
    }

    fn push(&mut self, c: char) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if !c.is_alphanumeric() {
            self.is_apart = true;
            return;
        }
        let is_alone = is_word_alone(c);
        if (self.is_apart || is_alone) && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push(c);
        self.is_apart = is_alone;
    }
}

const fn is_word_alone(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Finds e-mails, the newest first, at most [`MOST`].
pub fn find(db: &mut Database, query: &Query) -> Result<Vec<EmailId>> {
    #[derive(QueryableByName)]
    struct Hit {
        #[diesel(sql_type = BigInt)]
        id: EmailId,
    }
    let hits: Vec<Hit> = match db {
        Database::Sqlite(c) => {
            diesel::sql_query("SELECT rowid AS id FROM email_search WHERE email_search MATCH ? ORDER BY rowid DESC LIMIT ?")
                .bind::<Text, _>(query.fts5())
                .bind::<BigInt, _>(i64::from(MOST))
                .load(c)?
        }
        Database::Postgresql(c) => {
            diesel::sql_query("SELECT id FROM email_search WHERE words @@ $1::tsquery ORDER BY id DESC LIMIT $2")
                .bind::<Text, _>(query.tsquery())
                .bind::<BigInt, _>(i64::from(MOST))
                .load(c)?
        }
    };
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_typed_is_words_and_never_a_language() {
        assert_eq!(fold("Jörg's  ÉTÉ, 請求書 x_y"), "jorg s ete 請 求 書 x y");
        assert_eq!(fold("  One-TWO\u{301}3 é4 .請a. "), "one two3 e4 請 a");
        assert_eq!(fold(&"ab ".repeat(INDEXED)).len(), INDEXED);
        let query = Query::parse("pump \"stands still\" val* -oil \"unclosed").unwrap();
        assert_eq!(query.fts5(), "(\"pump\" AND \"stands still\" AND \"val\"* AND \"unclosed\") NOT \"oil\"");
        assert_eq!(query.tsquery(), "('pump') & ('stands' <-> 'still') & ('val':*) & ('unclosed') & !('oil')");
        for hostile in ["a' OR '1'='1", "NEAR(a b)", "a AND NOT", "col:x", "(((", "\"\"\"a", "a'':*&!|"] {
            if let Ok(query) = Query::parse(hostile) {
                let words = query.wanted.iter().all(|term| term.words.chars().all(|c| c.is_alphanumeric() || c == ' '));
                assert!(words, "{hostile}");
            }
        }
        for nothing in ["", "   ", "-oil", "\"\"", "***", "-"] {
            assert!(Query::parse(nothing).is_err(), "{nothing}");
        }
    }
}
