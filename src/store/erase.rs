//! What of the database is somebody's who is to be erased, and taking it out, a bounded part in each transaction. Whatever was done is not
//! found any more, so whoever was stopped half-way begins again and goes on.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::erasure;
use super::people::People;
use super::raw::all_of;
use super::schema::{accounts, emails, outbox, quarantine, raws, thread_ids, user_addresses, users};
use super::{Backend, Database, clean, deletion, fate, letters, search};
use crate::fault::{Class, Fault};
use crate::mail::{Address, Redaction};
use crate::words::{EmailId, OutboxState};

/// How many rows one question answers, and how many e-mails with their texts.
const WINDOW: i64 = 500;
const EMAILS: i64 = 100;
/// As many names are looked for as people have, however many somebody called themselves.
const NAMES: usize = 50;

/// Whom it is about: an address as it is compared, and as it was typed.
#[derive(Debug)]
pub struct Person {
    pub address: String,
    forms: Vec<String>,
}

/// The e-mails that name somebody.
#[derive(Debug, Default)]
pub struct Mentioned {
    /// Those they wrote, that went to nobody else outside, or that have not gone out.
    pub whole: Vec<EmailId>,
    /// Those of others that name them, too.
    pub part: Vec<EmailId>,
    /// What they are called there.
    names: BTreeSet<String>,
}

#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Text)]
    people: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = BigInt)]
    a: i64,
    #[diesel(sql_type = BigInt)]
    b: i64,
    #[diesel(sql_type = Text)]
    t: String,
}

impl Person {
    /// Takes an address; one of ours is refused.
    pub fn find(db: &mut Database, typed: &str) -> Result<Self> {
        let address = crate::mail::address_key(typed);
        let ours = user_addresses::table.filter(user_addresses::address.eq(&address)).count().get_result::<i64>(db)?;
        if ours + accounts::table.filter(accounts::address.eq(&address)).count().get_result::<i64>(db)? > 0 {
            let what = format!("{address} is an address of a user or an account: their mail is the mail of others, too");
            return Err(Fault::new(Class::Data, what).hint("take the address from them first: espomail user set").into());
        }
        let mut forms = vec![address.clone(), typed.trim().to_lowercase()];
        forms.dedup();
        Ok(Self { address, forms })
    }

    /// What takes them out of texts; by names, too, where it is certain that theirs are meant.
    pub fn redaction(&self, names: &[String]) -> Result<Redaction> {
        Redaction::of(&self.address, &[&self.forms[..], names].concat())
    }

    /// A condition that a text has one of some terms in it, and what is bound to it, from this number on.
    fn named(columns: &[&str], terms: &[String], first: usize, db: &Database) -> String {
        let like = if matches!(db, Database::Sqlite(_)) { "LIKE" } else { "ILIKE" };
        let one = |column: &&str| {
            let each = (first..first + terms.len()).map(|at| format!("{column} {like} ${at} ESCAPE '\\'"));
            each.collect::<Vec<_>>().join(" OR ")
        };
        format!("({})", columns.iter().map(one).collect::<Vec<_>>().join(" OR "))
    }

    /// Finds the e-mails that name them, in one go through all.
    pub fn mentioned(&self, db: &mut Database) -> Result<Mentioned> {
        let ours = ours(db)?;
        let (mut found, redaction) = (Mentioned::default(), self.redaction(&[])?);
        let by_envelope = self.envelopes(db)?;
        let condition = Self::named(&["e.people", "e.subject", "e.text"], &self.forms, 2, db);
        let mut after = -i64::MAX;
        loop {
            let query = format!(
                "SELECT e.id AS id, e.from_address AS author, e.people AS people, e.subject AS subject, e.text AS text FROM emails e
                 WHERE (e.from_address = $1 OR {condition}) AND e.id > {after} ORDER BY e.id LIMIT {EMAILS}"
            );
            let query = diesel::sql_query(query).into_boxed::<Backend>().bind::<Text, _>(self.address.clone());
            let query = self.forms.iter().fold(query, |query, form| query.bind::<Text, _>(letters::within(form)));
            let rows = query.load::<Candidate>(db).context("looking for their mail")?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            let ids: Vec<EmailId> = rows.iter().map(|row| EmailId(row.id)).collect();
            let unsent = unsent(db, &ids)?;
            for row in rows {
                self.classify(&row, (&ours, &unsent, &redaction), &mut found)?;
            }
        }
        // Whoever stands in the envelope alone.
        let known: HashSet<EmailId> = found.whole.iter().chain(&found.part).copied().collect();
        let alone: Vec<EmailId> = by_envelope.into_iter().filter(|id| !known.contains(id)).collect();
        let unsent = unsent(db, &alone)?;
        let (whole, part): (Vec<_>, Vec<_>) = alone.into_iter().partition(|id| unsent.contains(id));
        found.whole.extend(whole);
        found.part.extend(part);
        Ok(found)
    }

    fn envelopes(&self, db: &mut Database) -> Result<Vec<EmailId>> {
        let query =
            "SELECT o.email_id AS n FROM outbox o JOIN outbox_recipients r ON r.outbox_id = o.id WHERE lower(r.address) = $1";
        let rows = diesel::sql_query(query).bind::<Text, _>(&self.address).load::<Number>(db)?;
        Ok(rows.into_iter().map(|row| EmailId(row.n)).collect())
    }

    fn classify(
        &self,
        row: &Candidate,
        (ours, unsent, redaction): (&HashSet<String>, &HashSet<EmailId>, &Redaction),
        found: &mut Mentioned,
    ) -> Result<()> {
        let id = EmailId(row.id);
        let people: People = serde_json::from_str(&row.people).with_context(|| format!("the people of e-mail {id}"))?;
        let all: Vec<&Address> =
            [&people.from, &people.reply_to, &people.to, &people.cc, &people.bcc].into_iter().flatten().collect();
        let theirs = || all.iter().filter(|one| one.key() == self.address);
        let is_named = theirs().next().is_some();
        // A longer address has this one in it, and is another's.
        if row.author != self.address && !is_named && !redaction.is_in(&row.subject) && !redaction.is_in(&row.text) {
            return Ok(());
        }
        let is_alone = is_named && all.iter().map(|one| one.key()).all(|key| key == self.address || ours.contains(&key));
        let is_whole = row.author == self.address || is_alone || (is_named && unsent.contains(&id));
        found.names.extend(theirs().map(|one| one.name.trim().to_string()).filter(|name| is_full(name)));
        if is_whole {
            found.whole.push(id);
        } else {
            found.part.push(id);
        }
        Ok(())
    }
}

impl Mentioned {
    /// Returns what they are called in these e-mails, as far as that can be nobody else: not as one of us.
    pub fn names(&self, db: &mut Database) -> Result<Vec<String>> {
        let taken: HashSet<String> = users::table.select(users::name).load::<String>(db)?.into_iter().collect();
        Ok(self.names.iter().filter(|name| !taken.contains(*name)).take(NAMES).cloned().collect())
    }
}

/// First and last name: one word may be anybody, or anything.
pub fn is_full(name: &str) -> bool {
    name.len() >= 5 && name.split_whitespace().count() > 1
}

/// Returns those of some e-mails that have not gone out.
fn unsent(db: &mut Database, of: &[EmailId]) -> Result<HashSet<EmailId>> {
    let unsent = outbox::table.filter(outbox::email_id.eq_any(of)).filter(outbox::state.ne(OutboxState::Sent));
    Ok(unsent.select(outbox::email_id).load(db)?.into_iter().collect())
}

fn ours(db: &mut Database) -> Result<HashSet<String>> {
    let mut ours: HashSet<String> = user_addresses::table.select(user_addresses::address).load(db)?.into_iter().collect();
    ours.extend(accounts::table.select(accounts::address).load::<String>(db)?);
    Ok(ours)
}

/// A column that may say who somebody is, with the key of its table.
pub struct Column {
    table: &'static str,
    key: (&'static str, &'static str),
    column: &'static str,
}

const fn column(table: &'static str, key: (&'static str, &'static str), column: &'static str) -> Column {
    Column { table, key, column }
}

const ID: (&str, &str) = ("id", "id");

/// All of them beside the e-mails' own.
pub const COLUMNS: &[Column] = &[
    column("fates", ("position_id", "uid"), "why"),
    column("audit", ID, "subject"),
    column("audit", ID, "detail"),
    column("audit", ID, "why"),
    column("notes", ID, "detail"),
    column("notifications", ID, "detail"),
    column("records", ID, "name"),
    column("records", ID, "description"),
    column("reviews", ID, "because"),
    column("held_actions", ID, "because"),
    column("effects", ID, "last_error"),
    column("outbox", ID, "last_error"),
    column("outbox", ID, "held_because"),
    column("sent_copies", ("email_id", "email_id"), "last_error"),
    column("quarantine", ID, "error"),
    column("accounts", ID, "last_error"),
];

impl Column {
    /// Finds the next rows behind a place that may name somebody, by their keys. Nothing is locked: it may take a look at all rows.
    pub fn find(&self, db: &mut Database, terms: &[String], (a, b): (i64, i64)) -> Result<Vec<(i64, i64)>> {
        let Self { table, key: (k, i), column } = self;
        let condition = Person::named(&[column], terms, 1, db);
        let query = format!(
            "SELECT {k} AS a, {i} AS b, '' AS t FROM {table} WHERE {condition} AND ({k}, {i}) > ({a}, {b}) ORDER BY {k}, {i} LIMIT {WINDOW}"
        );
        let query = diesel::sql_query(query).into_boxed::<Backend>();
        let query = terms.iter().fold(query, |query, term| query.bind::<Text, _>(letters::within(term)));
        let rows = query.load::<TextRow>(db).with_context(|| format!("looking into {table}"))?;
        Ok(rows.into_iter().map(|row| (row.a, row.b)).collect())
    }

    /// Takes somebody out of such rows, in the caller's transaction. Returns how many had them.
    pub fn redact(&self, db: &mut Database, redaction: &Redaction, those: &[(i64, i64)]) -> Result<usize> {
        let Self { table, key: (k, i), column } = self;
        // By the index, however the database reads pairs.
        let one = |(a, b): &(i64, i64)| if k == i { a.to_string() } else { format!("({a}, {b})") };
        let keys = those.iter().map(one).collect::<Vec<_>>().join(", ");
        let within = if k == i { format!("{k} IN ({keys})") } else { format!("({k}, {i}) IN (VALUES {keys})") };
        let query = format!("SELECT {k} AS a, {i} AS b, COALESCE({column}, '') AS t FROM {table} WHERE {within}");
        let mut done = 0;
        for TextRow { a, b, t } in diesel::sql_query(query).load::<TextRow>(db)? {
            if let Some(text) = redaction.text(&t) {
                let update = format!("UPDATE {table} SET {column} = $1 WHERE {k} = {a} AND {i} = {b}");
                done += diesel::sql_query(update).bind::<Text, _>(text).execute(db)?;
            }
        }
        Ok(done)
    }
}

impl Person {
    /// By what they are looked for in texts, with names that are certainly theirs.
    pub fn terms(&self, names: &[String]) -> Vec<String> {
        [&self.forms[..], names].concat()
    }
}

fn list(ids: &[EmailId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Leaves nothing of fates but what became of the messages.
fn forgotten() -> String {
    let why = fate::bare("'null'", "its reasons were erased");
    format!("UPDATE fates AS f SET why = {why}, author = NULL, subject = NULL, message_id = NULL")
}

/// Forgets why things were done with e-mails that are erased, and what people said of them. The fates stay (FETCH-2).
pub fn forget_reasons(db: &mut Database, those: &[EmailId]) -> Result<()> {
    let forget = format!("{} WHERE email_id IN ({})", forgotten(), list(those));
    diesel::sql_query(forget).execute(db)?;
    let subjects = those.iter().map(|id| format!("'email:{id}'")).collect::<Vec<_>>().join(",");
    diesel::sql_query(format!("UPDATE audit SET detail = '(erased)', why = NULL WHERE subject IN ({subjects})")).execute(db)?;
    Ok(())
}

/// The same of some of what filters skipped of theirs. Returns how many it was.
pub fn forget_skipped(db: &mut Database, person: &Person) -> Result<usize> {
    let forget = format!(
        "{} WHERE (position_id, uid) IN (SELECT position_id, uid FROM fates WHERE author = $1 LIMIT {WINDOW})",
        forgotten()
    );
    Ok(diesel::sql_query(forget).bind::<Text, _>(&person.address).execute(db)?)
}

/// Erases e-mails whole; cases that they opened keep their numbers.
pub fn whole(db: &mut Database, person: &Person, those: &[EmailId], now: i64) -> Result<()> {
    let on_its_way = outbox::table.filter(outbox::email_id.eq_any(those)).filter(outbox::state.eq(OutboxState::Sending));
    if on_its_way.count().get_result::<i64>(db)? > 0 {
        let what = format!("a letter to {} is being sent just now", person.address);
        return Err(Fault::new(Class::TempFail, what).hint("type it again; what was done is done").into());
    }
    let known = emails::table.filter(emails::id.eq_any(those)).select((emails::message_id, emails::content_digest));
    let known: Vec<(String, Vec<u8>)> = known.load(db)?;
    erasure::remember(db, &known, now)?;
    let opened = format!(
        "UPDATE records SET name = '(erased)', description = CASE WHEN description = '' THEN '' ELSE '(erased)' END
         WHERE kind = 'case' AND id IN (SELECT parent_id FROM emails WHERE id IN ({}) AND parent_by = 'opened' AND from_address = $1)",
        list(those)
    );
    diesel::sql_query(opened).bind::<Text, _>(&person.address).execute(db)?;
    let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
    diesel::delete(thread_ids::table.filter(thread_ids::message_id.eq_any(ids))).execute(db)?;
    deletion::remove(db, those)
}

/// Takes somebody out of e-mails of others: address and names go, and with them the raw bytes.
pub fn part(db: &mut Database, redaction: &Redaction, those: &[EmailId], now: i64) -> Result<()> {
    type Row = (EmailId, String, String, String, Option<String>, Option<String>);
    let columns = (emails::id, emails::people, emails::subject, emails::text, emails::calendar, emails::bounce);
    for (id, people, subject, text, calendar, bounce) in
        emails::table.filter(emails::id.eq_any(those)).select(columns).load::<Row>(db)?
    {
        let mut known: People = serde_json::from_str(&people).with_context(|| format!("the people of e-mail {id}"))?;
        for list in [&mut known.from, &mut known.reply_to, &mut known.to, &mut known.cc, &mut known.bcc] {
            redaction.people(list);
        }
        let within = |text: Option<String>| text.map(|text| redaction.text(&text).unwrap_or(text));
        diesel::update(emails::table.find(id))
            .set((
                emails::people.eq(clean(&serde_json::to_string(&known)?).as_ref()),
                emails::subject.eq(redaction.text(&subject).unwrap_or(subject)),
                emails::text.eq(redaction.text(&text).unwrap_or(text)),
                emails::calendar.eq(within(calendar)),
                emails::bounce.eq(within(bounce)),
            ))
            .execute(db)?;
        search::renew(db, id)?;
    }
    let bytes = all_of(db, those)?;
    let kept = quarantine::table.filter(quarantine::raw_id.eq_any(&bytes)).select(quarantine::raw_id.assume_not_null());
    let kept: HashSet<i64> = kept.load(db)?.into_iter().collect();
    let bytes: Vec<i64> = bytes.into_iter().filter(|raw| !kept.contains(raw)).collect();
    diesel::update(raws::table.filter(raws::id.eq_any(bytes)).filter(raws::pruned_at.is_null()))
        .set((raws::packed.eq(&[][..]), raws::pruned_at.eq(now)))
        .execute(db)?;
    Ok(())
}
