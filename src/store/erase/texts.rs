//! The texts beside the e-mails' own that may say who somebody is: reasons, notes, the audit. The address goes from all of them, a name only
//! from what hangs on their mail or their records: others may bear it.

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{Kin, Person, WINDOW};
use crate::mail::Redaction;
use crate::store::letters::{anywhere, lowered};
use crate::store::schema::records;
use crate::store::texts::Description;
use crate::store::{Backend, Database, IN_LIST, clean, reasons};
use crate::words::RecordId;

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = BigInt)]
    a: i64,
    #[diesel(sql_type = BigInt)]
    b: i64,
    #[diesel(sql_type = Text)]
    t: String,
    #[diesel(sql_type = Text)]
    of: String,
}

/// A column, with the key of its table, and what a row hangs on as an expression: words as a [`Kin`] has them.
pub struct Column {
    table: &'static str,
    key: (&'static str, &'static str),
    column: &'static str,
    of: &'static str,
}

const fn column(table: &'static str, key: (&'static str, &'static str), column: &'static str, of: &'static str) -> Column {
    Column { table, key, column, of }
}

const ID: (&str, &str) = ("id", "id");
const UID: (&str, &str) = ("position_id", "uid");
const EMAIL: &str = "'email:' || COALESCE(email_id, 0)";
const BOTH: &str = "'record:' || COALESCE(record_id, 0) || ' email:' || COALESCE(email_id, 0)";

const REASONS: &str = "reasons";
const PACKED: &str = "packed";

/// How many packed descriptions are read at once.
const READ: i64 = 2_000;

/// All of them.
pub const COLUMNS: &[Column] = &[
    column("fates", UID, "why", EMAIL),
    // The same, packed.
    column("fates", UID, REASONS, EMAIL),
    column("fates", UID, "subject", EMAIL),
    column("audit", ID, "subject", "subject"),
    column("audit", ID, "detail", "subject"),
    column("audit", ID, "why", "subject"),
    column("notes", ID, "detail", BOTH),
    column("notifications", ID, "detail", BOTH),
    column("records", ID, "name", "'record:' || id"),
    column("records", ID, "description", "'record:' || id"),
    // The same, packed.
    column("records", ID, PACKED, "'record:' || id"),
    column("reviews", ID, "because", EMAIL),
    column("held_actions", ID, "because", EMAIL),
    column("effects", ID, "last_error", EMAIL),
    column("effects", ID, "about", EMAIL),
    column("outbox", ID, "last_error", EMAIL),
    column("outbox", ID, "held_because", EMAIL),
    column("sent_copies", ("email_id", "email_id"), "last_error", EMAIL),
    column("attachments", ("email_id", "place"), "name", EMAIL),
    column("server_actions", UID, "last_error", EMAIL),
    column("sending_failures", ("account_id", "account_id"), "last_error", "''"),
    column("quarantine", ID, "error", "''"),
    column("account_states", ("account_id", "account_id"), "last_error", "''"),
];

impl Column {
    /// Finds the next rows behind a place that may name somebody, by their keys. Nothing is locked: it may take a look at all rows.
    pub fn find(&self, db: &mut Database, terms: &[String], (a, b): (i64, i64)) -> Result<Vec<(i64, i64)>> {
        #[derive(QueryableByName)]
        struct Key {
            #[diesel(sql_type = BigInt)]
            a: i64,
            #[diesel(sql_type = BigInt)]
            b: i64,
        }
        let Self { table, key: (k, i), column, .. } = self;
        if *column == REASONS {
            return reasons::naming(db, terms, (a, b));
        }
        if *column == PACKED {
            return described(db, terms, a);
        }
        let condition = Person::named(&[column], terms, 1);
        let query = format!(
            "SELECT {k} AS a, {i} AS b FROM {table} WHERE {condition} AND ({k}, {i}) > ({a}, {b}) ORDER BY {k}, {i} LIMIT {WINDOW}"
        );
        let query = diesel::sql_query(query).into_boxed::<Backend>();
        let query = terms.iter().fold(query, |query, term| query.bind::<Text, _>(anywhere(term)));
        let rows = query.load::<Key>(db).with_context(|| format!("looking into {table}"))?;
        Ok(rows.into_iter().map(|row| (row.a, row.b)).collect())
    }

    /// Takes somebody out of such rows, in the caller's transaction. Returns how many had them.
    pub fn redact(
        &self,
        db: &mut Database,
        [by_address, by_name]: [&Redaction; 2],
        kin: &Kin,
        those: &[(i64, i64)],
    ) -> Result<usize> {
        let Self { table, key: (k, i), column, of } = self;
        if *column == REASONS {
            return redact_packed(db, [by_address, by_name], kin, those);
        }
        if *column == PACKED {
            return redact_described(db, [by_address, by_name], kin, those);
        }
        // By the index, however the database reads pairs.
        let one = |(a, b): &(i64, i64)| if k == i { a.to_string() } else { format!("({a}, {b})") };
        let keys = those.iter().map(one).collect::<Vec<_>>().join(", ");
        let within = if k == i { format!("{k} IN ({keys})") } else { format!("({k}, {i}) IN (VALUES {keys})") };
        let query = format!("SELECT {k} AS a, {i} AS b, COALESCE({column}, '') AS t, {of} AS \"of\" FROM {table} WHERE {within}");
        let mut done = 0;
        for TextRow { a, b, t, of } in diesel::sql_query(query).load::<TextRow>(db)? {
            let redaction = if of.split(' ').any(|one| kin.contains(one)) { by_name } else { by_address };
            if let Some(text) = redaction.text(&t) {
                let update = format!("UPDATE {table} SET {column} = $1 WHERE {k} = {a} AND {i} = {b} AND {column} = $2");
                done += diesel::sql_query(update).bind::<Text, _>(text).bind::<Text, _>(t).execute(db)?;
            }
        }
        Ok(done)
    }
}

/// Takes somebody out of packed reasons.
fn redact_packed(db: &mut Database, [by_address, by_name]: [&Redaction; 2], kin: &Kin, those: &[(i64, i64)]) -> Result<usize> {
    let mut done = 0;
    for some in those.chunks(IN_LIST) {
        let keys = some.iter().map(|(a, b)| format!("({a}, {b})")).collect::<Vec<_>>().join(", ");
        for row in reasons::packed(db, &format!("(position_id, uid) IN (VALUES {keys})"))? {
            let is_kin = kin.contains(&format!("email:{}", row.email_id.unwrap_or_default()));
            let redaction = if is_kin { by_name } else { by_address };
            let left = row.read()?.map_or_else(|| Some("{}".to_string()), |why| redaction.text(&why));
            if let Some(why) = left {
                reasons::put(db, &row, why)?;
                done += 1;
            }
        }
    }
    Ok(done)
}

/// Finds the next records behind one whose packed description has one of some words in it, or cannot be read.
fn described(db: &mut Database, terms: &[String], behind: i64) -> Result<Vec<(i64, i64)>> {
    let (mut behind, terms) = (RecordId(behind), terms.iter().map(|term| lowered(term)).collect::<Vec<_>>());
    loop {
        let next = records::table.filter(records::packed.is_not_null()).filter(records::id.gt(behind));
        let rows = next.order(records::id).limit(READ).select((records::id, Description::as_select()));
        let rows = rows.load::<(RecordId, Description)>(db).context("looking into records")?;
        let Some((last, _)) = rows.last() else { return Ok(Vec::new()) };
        behind = *last;
        let has = |text: String| {
            let text = lowered(&text);
            terms.iter().any(|term| text.contains(term))
        };
        let named = rows.into_iter().filter_map(|(id, description)| description.read().map_or(true, has).then_some((id.0, id.0)));
        let named: Vec<(i64, i64)> = named.collect();
        if !named.is_empty() {
            return Ok(named);
        }
    }
}

/// Takes somebody out of packed descriptions; of what cannot be read nothing is left, as nobody knows what is in it.
fn redact_described(db: &mut Database, [by_address, by_name]: [&Redaction; 2], kin: &Kin, those: &[(i64, i64)]) -> Result<usize> {
    let mut done = 0;
    for some in those.chunks(IN_LIST) {
        let ids = some.iter().map(|(id, _)| RecordId(*id));
        let rows = records::table.filter(records::id.eq_any(ids)).filter(records::packed.is_not_null());
        for (id, description) in rows.select((records::id, Description::as_select())).load::<(RecordId, Description)>(db)? {
            let redaction = if kin.contains(&format!("record:{id}")) { by_name } else { by_address };
            let left = description.read().map_or_else(|_| Some("(erased)".to_string()), |text| redaction.text(&text));
            if let Some(text) = left {
                diesel::update(records::table.find(id)).set(Description::of(&clean(&text))).execute(db)?;
                done += 1;
            }
        }
    }
    Ok(done)
}

/// Takes the address out of what the fields of records say.
pub fn redact_fields(db: &mut Database, person: &Person, redaction: &Redaction) -> Result<()> {
    #[derive(QueryableByName)]
    struct Field {
        #[diesel(sql_type = BigInt)]
        record_id: i64,
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        value: String,
    }
    let condition = Person::named(&["value"], &person.forms, 1);
    let query = diesel::sql_query(format!("SELECT record_id, name, value FROM record_fields WHERE {condition}"));
    let query = person.forms.iter().fold(query.into_boxed::<Backend>(), |query, form| query.bind::<Text, _>(anywhere(form)));
    for Field { record_id, name, value } in query.load::<Field>(db)? {
        if let Some(text) = redaction.text(&value) {
            let update = format!("UPDATE record_fields SET value = $1 WHERE record_id = {record_id} AND name = $2");
            diesel::sql_query(update).bind::<Text, _>(text).bind::<Text, _>(name).execute(db)?;
        }
    }
    Ok(())
}
