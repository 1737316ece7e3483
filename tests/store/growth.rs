//! What a batch costs does not grow with what is there: as many statements, as many rows read, and no table looked through.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{Connection as _, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::Text;
use espomail::decide::{Arrival, Plan, Policy, decide};
use espomail::mail::{self, Mail};
use espomail::store::apply::{Decided, apply};
use espomail::store::facts::Matter;
use espomail::store::{Database, facts, raw};
use espomail::words::PositionId;

use super::{ACCOUNT, inbox, run, settle};
use crate::support::TestStore;

const NOW: i64 = 1_000_000;

/// The tables that grow with the mail.
const GROWING: [&str; 15] = [
    "emails",
    "email_texts",
    "raws",
    "threads",
    "thread_ids",
    "records",
    "notes",
    "followers",
    "participants",
    "notifications",
    "fates",
    "email_users",
    "email_teams",
    "email_accounts",
    "record_teams",
];

/// A letter that opens a case, of somebody who has opened many; every third answers one that is there.
fn letter(number: i64) -> String {
    let answers = if number > 10 && number % 3 == 0 { "In-Reply-To: <old7@x>\r\n" } else { "" };
    format!(
        "Message-ID: <new{number}@x>\r\nFrom: dora@example.org\r\nTo: support@example.com\r\nSubject: Fire {}\r\n{answers}\r\n\
         text {number}\r\n",
        number % 10
    )
}

/// What a batch asked of the database.
#[derive(Debug)]
struct Cost {
    statements: usize,
    /// On PostgreSQL, which counts them.
    rows_read: i64,
}

/// Takes ten letters in, and says what that cost.
fn take(store: &mut TestStore, position: PositionId, first: i64) -> Cost {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    store.connection().set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(query.to_string());
        }
    });
    let letters: Vec<String> = (first..first + 10).map(letter).collect();
    let mails: Vec<Mail> = letters.iter().map(|text| mail::parse(text.as_bytes())).collect();
    let packed: Vec<raw::Packed> =
        mails.iter().zip(&letters).map(|(mail, text)| raw::pack(text.as_bytes(), mail.raw_digest)).collect();
    let rows_read = store.transaction(|db| {
        // What earlier transactions read may not be counted away yet.
        let before = rows_read(db)?;
        let mails = mails.iter().collect::<Vec<_>>();
        let matter = Matter { account: Some(ACCOUNT), mails: &mails, ..Matter::default() };
        let mut facts = facts::gather_at(db, Some(position), &matter, NOW)?;
        let arrivals: Vec<Arrival> =
            (first..).zip(&mails).map(|(uid, _)| Arrival { position, uid, internal_date: Some(NOW), partial: false }).collect();
        let plans: Vec<Plan> =
            arrivals.iter().zip(&mails).map(|(arrival, mail)| decide(arrival, mail, &Policy::default(), &mut facts)).collect();
        let decided: Vec<Decided<'_>> = (arrivals.iter().zip(&mails).zip(packed.iter().zip(&plans)))
            .map(|((arrival, mail), (packed, plan))| Decided { arrival, mail, packed, plan, is_only_one: false })
            .collect();
        apply(db, &facts.next, &decided, NOW)?;
        Ok(rows_read(db)? - before)
    });
    store.connection().set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let asked = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
    if store.is_sqlite() {
        asked.iter().for_each(|query| looks_through_nothing(store, query));
    }
    Cost { statements: asked.len(), rows_read: rows_read.unwrap() }
}

/// How many rows were read so far.
fn rows_read(db: &mut Database) -> anyhow::Result<i64> {
    let Database::Postgresql(c) = db else { return Ok(0) };
    let read = "(SELECT SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables)";
    Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(read)).get_result(c)?)
}

/// SQLite counts no rows, but says how it goes about a question.
fn looks_through_nothing(store: &mut TestStore, query: &str) {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let query = query.split(" -- binds:").next().unwrap_or(query);
    if ["BEGIN", "COMMIT", "PRAGMA"].iter().any(|word| query.starts_with(word)) {
        return;
    }
    let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load::<Step>(store.connection()).unwrap();
    let scanned = |step: &Step| {
        // All cases are of one kind.
        let is_of_all = step.detail.contains("records_kind (kind=?)");
        is_of_all || GROWING.iter().any(|table| step.detail.split(' ').take(2).eq(["SCAN", table]))
    };
    let scans: Vec<String> = steps.into_iter().filter(scanned).map(|step| step.detail).collect();
    assert!(scans.is_empty(), "{scans:?}: {query}");
}

/// Lets PostgreSQL know how much there is, as its own upkeep does.
fn know(store: &mut TestStore) {
    if !store.is_sqlite() {
        run(store, "ANALYZE");
    }
}

/// Puts e-mails and open cases into the store, as many as from one number to another: all of the one who writes again.
fn grow(store: &mut TestStore, from: i64, to: i64) {
    let numbers = format!("WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})");
    run(
        store,
        &format!(
            "INSERT INTO threads (id) {numbers} SELECT 1000000 + i FROM n;
             INSERT INTO thread_ids (message_id, thread_id) {numbers} SELECT 'old' || i || '@x', 1000000 + i FROM n;
             INSERT INTO records (id, kind, number, name, active, description, created_at, status, assigned_user_id, through_account_id)
                 {numbers} SELECT 1000000 + i, 'case', 1000000 + i, 'Old', TRUE, '', 0, 'assigned', 1 + i % 2, 1 FROM n;
             INSERT INTO record_teams (record_id, team_id) {numbers} SELECT 1000000 + i, 1 FROM n;
             INSERT INTO followers (record_id, user_id) {numbers} SELECT 1000000 + i, 1 FROM n;
             INSERT INTO emails (id, thread_id, raw_id, message_id, content_digest, from_address, subject, date, arrived_at,
                     is_replied, parent_id, parent_by, is_partial, is_archived, id_collision, filed_by_hand, is_ours, subject_from,
                     subject_to, automatic)
                 {numbers} SELECT 1000000 + i, 1000000 + i, e.raw_id, 'old' || i || '@x', e.content_digest, e.from_address,
                     'Old', i, i - 10000000, FALSE, 1000000 + i, 'opened', FALSE, FALSE, FALSE, FALSE, FALSE, e.subject_from, 0, '[]'
                 FROM n, (SELECT * FROM emails ORDER BY id LIMIT 1) e;
             INSERT INTO email_texts (email_id, people, text, defects) {numbers} SELECT 1000000 + i, t.people, 'old', '[]'
                 FROM n, (SELECT * FROM email_texts ORDER BY email_id LIMIT 1) t;
             INSERT INTO participants (email_id, address) {numbers} SELECT 1000000 + i, 'dora@example.org' FROM n;
             INSERT INTO email_teams (email_id, team_id) {numbers} SELECT 1000000 + i, 1 FROM n;
             INSERT INTO notes (id, record_id, kind, email_id, detail, is_quiet, created_at)
                 {numbers} SELECT 1000000 + i, 1000000 + i, 'created', 1000000 + i, '', FALSE, 0 FROM n;"
        ),
    );
}

on_both_databases! {
    fn a_batch_costs_the_same_however_much_is_there(store: &mut TestStore) {
        settle(store);
        let position = inbox(store);
        take(store, position, 1);
        grow(store, 1, 300);
        know(store);
        take(store, position, 11);
        let few = take(store, position, 21);
        grow(store, 301, 3_000);
        know(store);
        let many = take(store, position, 31);
        // Which of ten answer another is not the same each time, and SQLite writes row by row; in a small store PostgreSQL reads all of a table.
        assert!(many.statements <= few.statements + 10, "{many:?}, and {few:?} with a tenth of it");
        assert!(many.rows_read <= few.rows_read * 3 / 2, "{many:?}, and {few:?} with a tenth of it");
        assert!(store.is_sqlite() || many.statements == few.statements, "{many:?}, and {few:?} with a tenth of it");
    }
}
