//! Full text search over subject, people and text: FTS5 on SQLite, tsvector on PostgreSQL. The index is derived, and whoever
//! searches brings it up to date first: mail that comes in does not wait for it. Both databases index and look up the same
//! folded words, so that they find the same.

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::people::People;
use super::schema::{emails, settings};
use super::{Database, IN_LIST, Store, lock};
use crate::fault::{Class, Fault};
use crate::words::EmailId;

/// How many e-mails are indexed in one transaction.
const BATCH: i64 = 200;
/// How much of a text is indexed, in characters: PostgreSQL takes no more than a MiB of words.
const INDEXED: usize = 200_000;
/// How many hits are looked at, the newest first.
pub const MOST: u16 = 10_000;
/// The last e-mail that is in the index.
const POSITION: &str = "search:last-email";

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
/// is a word.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).take(INDEXED) {
        if !c.is_alphanumeric() {
            if !folded.ends_with(' ') {
                folded.push(' ');
            }
        } else if is_word_alone(c) {
            folded.push(' ');
            folded.push(c);
            folded.push(' ');
        } else {
            folded.push(c);
        }
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

const fn is_word_alone(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Puts what came since the last search into the index; `progress` hears of each batch.
pub fn bring_up_to_date(store: &mut Store, progress: &mut dyn FnMut(usize)) -> Result<()> {
    loop {
        let done = store.transaction(|db| {
            lock(db)?;
            let last = position(db)?;
            let rows = emails::table
                .filter(emails::id.gt(last))
                .order(emails::id)
                .limit(BATCH)
                .select((emails::id, emails::subject, emails::people, emails::text))
                .load::<(i64, String, String, String)>(db)?;
            for (id, subject, people, text) in &rows {
                insert(db, *id, subject, people, text)?;
            }
            if let Some((last, ..)) = rows.last() {
                set_position(db, *last)?;
            }
            Ok(rows.len())
        })?;
        if done == 0 {
            return Ok(());
        }
        progress(done);
    }
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

/// Takes e-mails out of the index.
pub fn forget(db: &mut Database, those: &[EmailId]) -> Result<()> {
    for some in those.chunks(IN_LIST) {
        let ids = some.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match db {
            Database::Sqlite(c) => diesel::sql_query(format!("DELETE FROM email_search WHERE rowid IN ({ids})")).execute(c)?,
            Database::Postgresql(c) => diesel::sql_query(format!("DELETE FROM email_search WHERE id IN ({ids})")).execute(c)?,
        };
    }
    Ok(())
}

/// Indexes an e-mail again whose text has changed; one that is not in the index yet comes with the others.
pub fn renew(db: &mut Database, email: EmailId) -> Result<()> {
    if email.0 > position(db)? {
        return Ok(());
    }
    forget(db, &[email])?;
    let (subject, people, text) =
        emails::table
            .find(email)
            .select((emails::subject, emails::people, emails::text))
            .first::<(String, String, String)>(db)?;
    insert(db, email.0, &subject, &people, &text)
}

fn insert(db: &mut Database, id: i64, subject: &str, people: &str, text: &str) -> Result<()> {
    let people: People = serde_json::from_str(people).with_context(|| format!("the people of e-mail {id}"))?;
    let everybody = people.from.iter().chain(&people.reply_to).chain(&people.to).chain(&people.cc).chain(&people.bcc);
    let people: String = everybody.map(|one| format!("{} {} ", one.name, one.address)).collect();
    let words = fold(&format!("{subject}\n{people}\n{text}"));
    match db {
        Database::Sqlite(c) => diesel::sql_query("INSERT INTO email_search (rowid, words) VALUES (?, ?)")
            .bind::<BigInt, _>(id)
            .bind::<Text, _>(words)
            .execute(c)?,
        Database::Postgresql(c) => {
            diesel::sql_query("INSERT INTO email_search (id, words) VALUES ($1, to_tsvector('simple', $2))")
                .bind::<BigInt, _>(id)
                .bind::<Text, _>(words)
                .execute(c)?
        }
    };
    Ok(())
}

fn position(db: &mut Database) -> Result<i64> {
    let text = settings::table.find(POSITION).select(settings::value).first::<String>(db).optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn set_position(db: &mut Database, last: i64) -> Result<()> {
    let value = last.to_string();
    if diesel::update(settings::table.find(POSITION)).set(settings::value.eq(&value)).execute(db)? == 0 {
        diesel::insert_into(settings::table).values((settings::name.eq(POSITION), settings::value.eq(&value))).execute(db)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_typed_is_words_and_never_a_language() {
        assert_eq!(fold("Jörg's  ÉTÉ, 請求書 x_y"), "jorg s ete 請 求 書 x y");
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
