//! What of the database is somebody's who is to be erased, and taking it out, a bounded part in each transaction. Whatever was done is not
//! found any more, so whoever was stopped half-way begins again and goes on.

pub mod texts;

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

use super::letters::{anywhere, lowered};
use super::named::names_of;
use super::people::People;
use super::prune::WAITS;
use super::raw::{self, all_of};
use super::schema::{
    accounts, deletions, effects, email_texts, emails, former_account_deletions, notes, outbox, quarantine, records, thread_ids,
    user_addresses, users,
};
use super::texts::{Description, Said, Text as Packed, TextRow};
use super::{Backend, Database, IN_LIST, clean, deletion, erasure, fate, search, sending};
use crate::fault::{Class, Fault};
use crate::mail::{Address, LetterKey, Redaction, address_spellings, untagged};
use crate::words::{EmailId, NoteKind, OutboxState, RecordId, RecordKind};

/// How many rows one question answers, and how many e-mails with their texts.
const WINDOW: i64 = 500;
const EMAILS: i64 = 200;
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
    /// Those of these that they take part in: a name in them is theirs.
    pub with: Vec<EmailId>,
    /// What they are called there.
    names: BTreeSet<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = emails)]
struct Candidate {
    id: EmailId,
    from_address: String,
    #[diesel(select_expression = email_texts::people, select_expression_type = email_texts::people)]
    people: String,
    subject: String,
    #[diesel(embed)]
    text: Packed,
}

#[derive(QueryableByName)]
struct Deleted {
    #[diesel(sql_type = Text)]
    t: String,
    #[diesel(sql_type = Binary)]
    d: Vec<u8>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Person {
    /// Takes an address; one of ours is refused.
    pub fn find(db: &mut Database, typed: &str) -> Result<Self> {
        let address = crate::mail::address_key(typed);
        if is_of(&ours(db)?, &address) {
            let what = format!("{address} is an address of a user or an account: their mail is the mail of others, too");
            return Err(Fault::new(Class::Data, what).hint("take the address from them first: espomail user set").into());
        }
        let forms = spellings(&address, typed);
        Ok(Self { address, forms })
    }

    /// By what they are looked for in texts, with names that are theirs.
    pub fn terms(&self, names: &[String]) -> Vec<String> {
        [&self.forms[..], names].concat()
    }

    /// What takes them out of texts; by names, too, where it is certain that theirs are meant.
    pub fn redaction(&self, names: &[String]) -> Result<Redaction> {
        Redaction::of(&self.address, &[&self.forms[..], names].concat())
    }

    /// A condition that a text has one of some terms in it, and what is bound to it, from this number on.
    fn named(columns: &[&str], terms: &[String], first: usize) -> String {
        let one = |column: &&str| {
            let each =
                (first..first + terms.len()).map(|at| format!("small_letters(COALESCE({column}, '')) LIKE ${at} ESCAPE '\\'"));
            each.collect::<Vec<_>>().join(" OR ")
        };
        format!("({})", columns.iter().map(one).collect::<Vec<_>>().join(" OR "))
    }

    /// Finds the e-mails that name them, in one go through all.
    pub fn mentioned(&self, db: &mut Database) -> Result<Mentioned> {
        let ours = ours(db)?;
        let (mut found, redaction) = (Mentioned::default(), self.redaction(&[])?);
        let by_envelope = self.envelopes(db)?;
        let forms: Vec<String> = self.forms.iter().map(|form| lowered(form)).collect();
        let mut after = EmailId(i64::MIN);
        loop {
            let all = emails::table.inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)));
            let next = all.filter(emails::id.gt(after)).order(emails::id).limit(EMAILS).select(Candidate::as_select());
            let rows = next.load::<Candidate>(db).context("looking for their mail")?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            // No SQL knows what is in a packed text.
            let has = |text: &str| {
                let text = lowered(text);
                forms.iter().any(|form| text.contains(form))
            };
            let mut named = Vec::new();
            for row in rows {
                let text = row.text.clone().read(row.id)?;
                if row.from_address == self.address || has(&row.people) || has(&row.subject) || has(&text) {
                    named.push((row, text));
                }
            }
            let ids: Vec<EmailId> = named.iter().map(|(row, _)| row.id).collect();
            let unsent = unsent(db, &ids)?;
            for (row, text) in named {
                self.classify((&row, &text), (&ours, &unsent, &redaction), &mut found)?;
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
        (row, text): (&Candidate, &str),
        (ours, unsent, redaction): (&HashSet<String>, &HashSet<EmailId>, &Redaction),
        found: &mut Mentioned,
    ) -> Result<()> {
        let id = row.id;
        let people: People = serde_json::from_str(&row.people).with_context(|| format!("the people of e-mail {id}"))?;
        let all: Vec<&Address> =
            [&people.from, &people.reply_to, &people.to, &people.cc, &people.bcc].into_iter().flatten().collect();
        let theirs = || all.iter().filter(|one| one.key() == self.address);
        let is_named = theirs().next().is_some();
        // A longer address has this one in it, and is another's.
        if row.from_address != self.address && !is_named && !redaction.is_in(&row.subject) && !redaction.is_in(text) {
            return Ok(());
        }
        let is_alone = is_named && all.iter().map(|one| one.key()).all(|key| key == self.address || is_of(ours, &key));
        let is_whole = row.from_address == self.address || is_alone || (is_named && unsent.contains(&id));
        found.names.extend(theirs().map(|one| one.name.trim().to_string()).filter(|name| is_full(name)));
        if is_whole {
            found.whole.push(id);
        } else {
            found.part.push(id);
            found.with.extend(is_named.then_some(id));
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

/// What a text may hang on, so that a name in it is this person's and no namesake's: `email:5`, `record:7`, `case:2`.
pub type Kin = HashSet<String>;

/// Returns the cases that e-mails opened, also where the e-mails are of other cases by now.
pub(super) fn opened_by(db: &mut Database, those: &[EmailId]) -> Result<Vec<RecordId>> {
    let mut begun = Vec::new();
    for some in those.chunks(IN_LIST) {
        let of = notes::table.filter(notes::kind.eq(NoteKind::Created)).filter(notes::email_id.eq_any(some));
        begun.extend(of.select(notes::record_id).load::<RecordId>(db)?);
    }
    cases_among(db, begun)
}

/// Returns the cases that e-mails are of.
pub(crate) fn cases_of(db: &mut Database, those: &[EmailId]) -> Result<Vec<RecordId>> {
    let mut parents = Vec::new();
    for some in those.chunks(IN_LIST) {
        let of = emails::table.filter(emails::id.eq_any(some)).select(emails::parent_id);
        parents.extend(of.load::<Option<RecordId>>(db)?.into_iter().flatten());
    }
    cases_among(db, parents)
}

/// Returns those of some records that are cases, each once. Found by their numbers alone: asked for the kind as well, SQLite goes through all
/// cases, and looks for each e-mail in each.
fn cases_among(db: &mut Database, those: Vec<RecordId>) -> Result<Vec<RecordId>> {
    let named = names_of(db, those.into_iter().map(Some))?;
    Ok(named.into_iter().filter(|(_, named)| named.kind == RecordKind::Case).map(|(id, _)| id).collect())
}

/// Takes away what cases are called and say, and what was said of them.
pub(super) fn erase_cases(db: &mut Database, those: &[RecordId]) -> Result<()> {
    let names = names_of(db, those.iter().copied().map(Some))?;
    for some in those.chunks(IN_LIST) {
        let all = records::table.filter(records::id.eq_any(some));
        diesel::update(all).set(records::name.eq("(erased)")).execute(db)?;
        let described = records::description.ne("").or(records::packed.is_not_null());
        let described = records::table.filter(records::id.eq_any(some)).filter(described);
        diesel::update(described).set(Description::of("(erased)")).execute(db)?;
    }
    forget_words(db, names.values().map(ToString::to_string))
}

/// Forgets what the audit says of some subjects.
pub(super) fn forget_words(db: &mut Database, subjects: impl Iterator<Item = String>) -> Result<()> {
    let subjects: Vec<String> = subjects.map(|subject| format!("'{subject}'")).collect();
    for some in subjects.chunks(IN_LIST) {
        let some = some.join(",");
        diesel::sql_query(format!("UPDATE audit SET detail = '(erased)', why = NULL WHERE subject IN ({some})")).execute(db)?;
    }
    Ok(())
}

/// First and last name: one word may be anybody, or anything.
pub fn is_full(name: &str) -> bool {
    name.len() >= 5 && name.split_whitespace().count() > 1
}

/// Returns the ways in which an address is written: with its domain in ASCII, in letters (RFC 5890, section 2.3.2.1), and as it was typed.
fn spellings(address: &str, typed: &str) -> Vec<String> {
    let mut forms = address_spellings(address);
    forms.push(lowered(typed.trim()));
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// Returns those of some e-mails that have not gone out.
fn unsent(db: &mut Database, of: &[EmailId]) -> Result<HashSet<EmailId>> {
    let unsent = outbox::table.filter(outbox::email_id.eq_any(of)).filter(outbox::state.ne(OutboxState::Sent));
    Ok(unsent.select(outbox::email_id).load(db)?.into_iter().collect())
}

/// The addresses of users and accounts, and where those are answered.
fn ours(db: &mut Database) -> Result<HashSet<String>> {
    let mut ours: HashSet<String> = user_addresses::table.select(user_addresses::address).load(db)?.into_iter().collect();
    ours.extend(accounts::table.select(accounts::address).load::<String>(db)?);
    ours.extend(sending::answered_at(db)?);
    Ok(ours)
}

/// Whether an address is one of them, or a plus-address of one.
fn is_of(ours: &HashSet<String>, key: &str) -> bool {
    ours.contains(key) || ours.contains(untagged(key).as_ref())
}

fn list(ids: &[EmailId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Leaves nothing of fates but what became of the messages.
fn forgotten() -> String {
    let why = fate::bare("'null'", "its reasons were erased");
    format!("UPDATE fates AS f SET {why}, author = NULL, subject = NULL, message_id = NULL")
}

/// Forgets why things were done with e-mails that are erased, and what people said of them. The fates stay (FETCH-2).
pub fn forget_reasons(db: &mut Database, those: &[EmailId]) -> Result<()> {
    let forget = format!("{} WHERE email_id IN ({})", forgotten(), list(those));
    diesel::sql_query(forget).execute(db)?;
    forget_words(db, those.iter().map(|id| format!("email:{id}")))
}

/// The same of some of what filters skipped of theirs; it is not asked for again with what the filter skipped. Returns how many it was.
pub fn forget_skipped(db: &mut Database, person: &Person) -> Result<usize> {
    let forget = format!(
        "{}, skipped_by = NULL WHERE (position_id, uid) IN (SELECT position_id, uid FROM fates WHERE author = $1 LIMIT {WINDOW})",
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
    let letters = emails::table.filter(emails::id.eq_any(those)).filter(emails::header_date.is_not_null());
    let letters = letters.select((emails::message_id, emails::from_address, emails::header_date.assume_not_null()));
    let letters: Vec<LetterKey> = letters.load(db)?;
    erasure::remember_letters(db, &letters, now)?;
    let opened = opened_by(db, those)?;
    erase_cases(db, &opened)?;
    // Hooks that still run are told that there is nothing to tell.
    diesel::update(effects::table.filter(effects::email_id.eq_any(those)).filter(effects::about.is_not_null()))
        .set((effects::about.eq("{}"), effects::last_error.eq(None::<String>)))
        .execute(db)?;
    let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
    diesel::delete(thread_ids::table.filter(thread_ids::message_id.eq_any(ids))).execute(db)?;
    deletion::remove(db, those)
}

/// Forgets the deletions of messages whose Message-ID has the address in it, otherwise than by digest.
pub fn forget_deletions(db: &mut Database, person: &Person, redaction: &Redaction, now: i64) -> Result<()> {
    let condition = Person::named(&["message_id"], &person.forms, 1);
    let query = diesel::sql_query(format!("SELECT message_id AS t, content_digest AS d FROM deletions WHERE {condition}"));
    let query = person.forms.iter().fold(query.into_boxed::<Backend>(), |query, form| query.bind::<Text, _>(anywhere(form)));
    let named = query.load::<Deleted>(db)?.into_iter().filter(|one| redaction.is_in(&one.t));
    let named: Vec<(String, Vec<u8>)> = named.map(|one| (one.t, one.d)).collect();
    erasure::remember(db, &named, now)?;
    for (id, digest) in named {
        let of = (former_account_deletions::message_id.eq(&id)).and(former_account_deletions::content_digest.eq(&digest));
        diesel::delete(former_account_deletions::table.filter(of)).execute(db)?;
        diesel::delete(deletions::table.find((id, digest))).execute(db)?;
    }
    Ok(())
}

/// Returns those of some e-mails of others that cannot do without their bytes yet: letters that have not gone out, and what waits for a person.
pub fn waiting(db: &mut Database, those: &[EmailId]) -> Result<Vec<EmailId>> {
    let mut waiting = Vec::new();
    for some in those.chunks(IN_LIST) {
        let query = format!("SELECT e.id AS n FROM emails e WHERE e.id IN ({}) AND {WAITS} ORDER BY e.id", list(some));
        waiting.extend(diesel::sql_query(query).load::<Number>(db)?.into_iter().map(|row| EmailId(row.n)));
    }
    Ok(waiting)
}

/// Takes somebody out of the texts of e-mails of others, and with that the raw bytes: the address anywhere, and the names where they take part
/// and nobody else there bears one of them. Who takes part goes behind all texts: by that the names are known.
pub fn part(db: &mut Database, [by_address, by_name]: [&Redaction; 2], those: &[EmailId], now: i64) -> Result<()> {
    let subjects = emails::table.filter(emails::id.eq_any(those)).select((emails::id, emails::subject));
    for (id, subject) in subjects.load::<(EmailId, String)>(db)? {
        let said = Said::by(db, id)?;
        let known = said.everybody(id)?;
        let lists = [&known.from, &known.reply_to, &known.to, &known.cc, &known.bcc];
        let (theirs, others): (Vec<&Address>, Vec<&Address>) =
            lists.into_iter().flatten().partition(|one| by_address.is_theirs(one));
        let is_certain = !theirs.is_empty() && !others.iter().any(|one| by_name.is_in(&one.name));
        let redaction = if is_certain { by_name } else { by_address };
        let within = |text: Option<String>| text.map(|text| redaction.text(&text).unwrap_or(text));
        diesel::update(emails::table.find(id))
            .set((
                emails::subject.eq(redaction.text(&subject).unwrap_or(subject)),
                // The rest of it is not fetched any more.
                emails::is_partial.eq(false),
            ))
            .execute(db)?;
        let text = redaction.text(&said.text).unwrap_or_else(|| said.text.clone());
        let (calendar, bounce) = (within(said.calendar.clone()), within(said.bounce.clone()));
        let said = TextRow::new(id, Said { text, calendar, bounce, ..said });
        diesel::update(email_texts::table.find(id)).set(&said).execute(db)?;
        // Whoever is killed behind this does not come by here again.
        search::renew(db, id)?;
    }
    let bytes = all_of(db, those)?;
    let kept = quarantine::table.filter(quarantine::raw_id.eq_any(&bytes)).select(quarantine::raw_id.assume_not_null());
    let kept: HashSet<i64> = kept.load(db)?.into_iter().collect();
    let bytes: Vec<i64> = bytes.into_iter().filter(|raw| !kept.contains(raw)).collect();
    raw::erase(db, &bytes, now)
}

/// Takes somebody from among the people of e-mails of others.
pub fn people(db: &mut Database, by_address: &Redaction, those: &[EmailId]) -> Result<()> {
    let rows = email_texts::table.filter(email_texts::email_id.eq_any(those));
    let rows = rows.select((email_texts::email_id, email_texts::people));
    for (id, people) in rows.load::<(EmailId, String)>(db)? {
        let mut known: People = serde_json::from_str(&people).with_context(|| format!("the people of e-mail {id}"))?;
        for list in [&mut known.from, &mut known.reply_to, &mut known.to, &mut known.cc, &mut known.bcc] {
            by_address.people(list);
        }
        let known = serde_json::to_string(&known)?;
        diesel::update(email_texts::table.find(id)).set(email_texts::people.eq(clean(&known).as_ref())).execute(db)?;
        search::renew(db, id)?;
    }
    Ok(())
}
