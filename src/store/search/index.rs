//! Bringing the full-text index up to date, in steps. What a step indexes is read and folded while others write; only then it is
//! written, in one small transaction, so that mail that comes in never waits for long. Deciders do not meet it on PostgreSQL at all: it takes
//! a row of its own.

use anyhow::{Context, Result};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use super::vector::{Tsvector, Vector};
use super::{INDEXED, fold};
use crate::store::people::People;
use crate::store::schema::{email_texts, emails, settings};
use crate::store::texts::Text;
use crate::store::{Database, IN_LIST, Store, setting};
use crate::words::EmailId;

diesel::table! {
    /// As SQLite has it: a statement that is known by its type is prepared once.
    email_search (rowid) {
        rowid -> BigInt,
        words -> Text,
    }
}

/// How many e-mails a step takes at the most, and how much of their words in bytes: what is written in a few hundredths of a second.
const EMAILS: usize = 512;
const BYTES: usize = 1 << 20;
/// How many are read at once.
const READ: i64 = 64;

/// The last e-mail that is in the index.
const POSITION: &str = "search:last-email";
/// How often an e-mail changed, or went, before it was in the index.
const CHANGES: &str = "search:changes";

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many e-mails more are in the index.
    Indexed(usize),
    /// Others write at this moment, or bring it up to date themselves.
    Held,
    /// Nothing is left.
    Done,
}

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    last: i64,
    changes: i64,
}

/// Words that are to be written, if the index still stands where they were read.
struct Folded {
    from: State,
    words: Vec<(i64, String)>,
}

/// Whether there are e-mails that are not in the index.
pub fn is_behind(db: &mut Database) -> Result<bool> {
    let newest = emails::table.select(max(emails::id)).first::<Option<i64>>(db)?;
    Ok(newest.unwrap_or_default() > state(db)?.last)
}

/// Takes a step. With `patience` it waits for whoever writes, as everybody does; without, it is for those who have time.
pub fn step(store: &mut Store, patience: bool) -> Result<Step> {
    let Some(folded) = read(store.connection())? else { return Ok(Step::Done) };
    let written = match patience {
        true => Some(store.transaction(|db| write(db, &folded))?),
        false => store.transaction_if_free(|db| write(db, &folded))?,
    };
    Ok(if written == Some(true) { Step::Indexed(folded.words.len()) } else { Step::Held })
}

/// Reads and folds what comes next.
fn read(db: &mut Database) -> Result<Option<Folded>> {
    // First: whoever changes what is read below is seen by it.
    let from = state(db)?;
    let (mut last, mut bytes, mut words) = (from.last, 0, Vec::new());
    while words.len() < EMAILS && bytes < BYTES {
        let next = emails::table.filter(emails::id.gt(last)).order(emails::id).limit(READ);
        let next = next.inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)));
        let rows = next.select(Worded::as_select()).load::<Worded>(db)?;
        let (many, newest) = (rows.len(), rows.last().map(|row| row.id.0));
        for row in rows {
            let id = row.id.0;
            let folded = row.words()?;
            bytes += folded.len();
            words.push((id, folded));
        }
        match newest {
            Some(newest) if i64::try_from(many) == Ok(READ) => last = newest,
            _ => break,
        }
    }
    Ok(if words.is_empty() { None } else { Some(Folded { from, words }) })
}

/// Writes it, unless somebody was quicker, or changed what was read.
fn write(db: &mut Database, folded: &Folded) -> Result<bool> {
    take(db)?;
    if state(db)? != folded.from {
        return Ok(false);
    }
    insert(db, &folded.words)?;
    if let Some((last, _)) = folded.words.last() {
        set(db, POSITION, *last)?;
    }
    Ok(true)
}

/// Begins anew, in a database whose index is empty.
pub fn begin(db: &mut Database) -> Result<()> {
    [POSITION, CHANGES].iter().try_for_each(|name| setting::set(db, name, "0"))
}

/// Takes e-mails out of the index.
pub fn forget(db: &mut Database, those: &[EmailId]) -> Result<()> {
    let Some(newest) = those.iter().max() else { return Ok(()) };
    is_indexed(db, *newest)?;
    those.chunks(IN_LIST).try_for_each(|some| remove(db, some))
}

/// Indexes an e-mail again whose text has changed; one that is not in the index yet comes with the others.
pub fn renew(db: &mut Database, email: EmailId) -> Result<()> {
    if !is_indexed(db, email)? {
        return Ok(());
    }
    remove(db, &[email])?;
    let of = emails::table.inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)));
    let row = of.filter(emails::id.eq(email)).select(Worded::as_select()).first::<Worded>(db)?;
    insert(db, &[(email.0, row.words()?)])
}

/// Whether an e-mail that is about to change is in the index; where it is not, whoever has read it to put it there reads it again.
fn is_indexed(db: &mut Database, email: EmailId) -> Result<bool> {
    take(db)?;
    let State { last, changes } = state(db)?;
    if email.0 <= last {
        return Ok(true);
    }
    set(db, CHANGES, changes + 1)?;
    Ok(false)
}

fn remove(db: &mut Database, some: &[EmailId]) -> Result<()> {
    let ids = some.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match db {
        Database::Sqlite(c) => diesel::sql_query(format!("DELETE FROM email_search WHERE rowid IN ({ids})")).execute(c)?,
        Database::Postgresql(c) => diesel::sql_query(format!("DELETE FROM email_search WHERE id IN ({ids})")).execute(c)?,
    };
    Ok(())
}

/// Lets go of the words of e-mails that are gone: FTS5 only marks them as gone, and has them in its file until what is indexed together is
/// written anew. PostgreSQL's VACUUM does that by itself. In steps, so that mail that comes in never waits for long.
pub fn forget_words(store: &mut Store) -> Result<()> {
    // What is merged in a step, in pages; below 0 it begins with all there is (https://sqlite.org/fts5.html#the_merge_command).
    const PAGES: i64 = 512;
    let mut pages = -PAGES;
    loop {
        let changed = store.transaction(|db| {
            let Database::Sqlite(c) = db else { return Ok(0) };
            let merge = format!("INSERT INTO email_search(email_search, rank) VALUES('merge', {pages})");
            let changes = diesel::dsl::sql::<BigInt>("total_changes()");
            let before: i64 = diesel::select(changes.clone()).get_result(c)?;
            diesel::sql_query(merge).execute(c)?;
            Ok(diesel::select(changes).get_result::<i64>(c)? - before)
        })?;
        // The statement itself counts as one.
        if changed < 2 {
            return Ok(());
        }
        pages = PAGES;
    }
}

/// What of an e-mail is looked for.
#[derive(Queryable, Selectable)]
#[diesel(table_name = emails)]
struct Worded {
    id: EmailId,
    subject: String,
    #[diesel(select_expression = email_texts::people, select_expression_type = email_texts::people)]
    people: String,
    #[diesel(embed)]
    text: Text,
}

impl Worded {
    fn words(self) -> Result<String> {
        let Self { id, subject, people, text } = self;
        let people: People = serde_json::from_str(&people).with_context(|| format!("the people of e-mail {id}"))?;
        let everybody = people.from.iter().chain(&people.reply_to).chain(&people.to).chain(&people.cc).chain(&people.bcc);
        let people: String = everybody.map(|one| format!("{} {} ", one.name, one.address)).collect();
        // What is damaged is said where it is shown; here it must not keep all others out of the index.
        let text = text.read(id).unwrap_or_else(|error| {
            log::warn!("{error:#}; it is found by its subject alone");
            String::new()
        });
        // No more of it is looked for, and no more is copied.
        let end = text.char_indices().nth(INDEXED).map_or(text.len(), |(end, _)| end);
        Ok(fold(&format!("{subject}\n{people}\n{}", &text[..end])))
    }
}

fn insert(db: &mut Database, all: &[(i64, String)]) -> Result<()> {
    match db {
        Database::Sqlite(c) => {
            for (id, words) in all {
                let row = (email_search::rowid.eq(id), email_search::words.eq(words));
                diesel::insert_into(email_search::table).values(row).execute(c)?;
            }
        }
        Database::Postgresql(c) => {
            let (ids, words): (Vec<i64>, Vec<Vector>) = all.iter().map(|(id, words)| (*id, Vector::of(words))).unzip();
            diesel::sql_query("INSERT INTO email_search (id, words) SELECT * FROM unnest($1, $2)")
                .bind::<Array<BigInt>, _>(ids)
                .bind::<Array<Tsvector>, _>(words)
                .execute(c)?;
        }
    }
    Ok(())
}

/// Takes the row by which those who change the index wait for each other.
fn take(db: &mut Database) -> Result<()> {
    let taken = diesel::update(settings::table.find(POSITION)).set(settings::value.eq(settings::value)).execute(db)?;
    anyhow::ensure!(taken == 1, "the row {POSITION} is missing from the table settings");
    Ok(())
}

fn state(db: &mut Database) -> Result<State> {
    let rows = settings::table.filter(settings::name.eq_any([POSITION, CHANGES]));
    let rows = rows.select((settings::name, settings::value)).load::<(String, String)>(db)?;
    let number = |name: &str| rows.iter().find(|row| row.0 == name).and_then(|row| row.1.parse().ok()).unwrap_or(0);
    Ok(State { last: number(POSITION), changes: number(CHANGES) })
}

fn set(db: &mut Database, name: &str, value: i64) -> Result<()> {
    diesel::update(settings::table.find(name)).set(settings::value.eq(value.to_string())).execute(db)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use diesel::connection::SimpleConnection;

    use super::super::{Query, find};
    use super::*;
    use crate::store::texts::{Said, TextRow};

    const ROWS: &str = "INSERT INTO threads (id) VALUES (1);
        INSERT INTO raws (id, digest, size, packed) VALUES (1, x'00', 1, x'00');
        INSERT INTO emails (id, thread_id, raw_id, message_id, content_digest, from_address, subject, date, arrived_at,
                is_replied, is_partial, is_archived, id_collision, filed_by_hand, is_ours, subject_from, subject_to, automatic)
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
            SELECT i, 1, 1, i, x'00', '', 'Subject', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '[]' FROM n;
        INSERT INTO email_texts (email_id, people, text, defects) SELECT id, '{}', 'old', '[]' FROM emails;";

    fn write_text(store: &mut Store, email: i64, text: &str) {
        let written = store.transaction(|db| {
            let said = Said { text: text.to_string(), ..Said::by(db, EmailId(email))? };
            diesel::update(email_texts::table.find(email)).set(&TextRow::new(EmailId(email), said)).execute(db)?;
            renew(db, EmailId(email))
        });
        written.unwrap();
    }

    fn found(store: &mut Store, words: &str) -> usize {
        find(store.connection(), &Query::parse(words).unwrap()).unwrap().len()
    }

    #[test]
    fn what_changes_before_it_is_written_is_read_again_and_what_is_there_is_renewed() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::create(&format!("sqlite:{}", directory.path().join("store.db").display())).unwrap();
        store.migrate().unwrap();
        store.connection().batch_execute(ROWS).unwrap();
        let stale = read(store.connection()).unwrap().unwrap();
        write_text(&mut store, 2, "new");
        assert!(!store.transaction(|db| write(db, &stale)).unwrap());
        assert!(is_behind(store.connection()).unwrap());
        // A step is bounded; the next one goes on where it ended.
        assert_eq!(step(&mut store, false).unwrap(), Step::Indexed(EMAILS));
        assert_eq!((found(&mut store, "new"), found(&mut store, "old")), (1, EMAILS - 1));
        write_text(&mut store, 3, "newer");
        write_text(&mut store, 600, "newest");
        assert_eq!(step(&mut store, true).unwrap(), Step::Indexed(600 - EMAILS));
        assert_eq!(step(&mut store, true).unwrap(), Step::Done);
        assert!(!is_behind(store.connection()).unwrap());
        assert_eq!((found(&mut store, "new*"), found(&mut store, "old"), found(&mut store, "subject")), (3, 597, 600));
        // Nobody waits for one who writes: whoever has time takes the step later.
        let mut other = Store::open(&format!("sqlite:{}", directory.path().join("store.db").display())).unwrap();
        diesel::update(settings::table.find(POSITION)).set(settings::value.eq("599")).execute(store.connection()).unwrap();
        store.connection().batch_execute("BEGIN IMMEDIATE").unwrap();
        assert_eq!(step(&mut other, false).unwrap(), Step::Held);
        store.connection().batch_execute("ROLLBACK").unwrap();
    }
}
