//! What became of every UID, and why (FETCH-2, WHY-1). A fate outlives its e-mail.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::dialect::insert_all;
use super::letters::{anywhere, lower};
use super::noun::{FEW, counted, in_lists, is_few};
use super::schema::{account_mailboxes, accounts, emails, fates, positions, quarantine};
use super::{Backend, Database, IN_LIST, access, clean, lock, reserve};
use crate::decide::access::Permit;
use crate::decide::reason::reason;
use crate::mail::{Address, Mail};
use crate::plural::counted;
use crate::words::{AccountId, EmailId, Fate, FilterId, PositionId};

#[derive(Insertable)]
#[diesel(table_name = fates, treat_none_as_default_value = false)]
pub(super) struct FateRow {
    pub position_id: PositionId,
    pub uid: i64,
    pub fate: Fate,
    pub email_id: Option<EmailId>,
    pub why: String,
    pub at: i64,
    /// Of what a filter skipped, as are those below.
    pub message_id: Option<String>,
    pub author: Option<String>,
    pub subject: Option<String>,
    pub skipped_by: Option<FilterId>,
}

impl FateRow {
    pub fn new((position_id, uid): (PositionId, i64), fate: Fate, email_id: Option<EmailId>, why: String, at: i64) -> Self {
        Self { position_id, uid, fate, email_id, why, at, message_id: None, author: None, subject: None, skipped_by: None }
    }

    /// Adds what is kept of a message that a filter skipped.
    pub fn of(self, skipped: Option<&Skipped>) -> Self {
        let Some(skipped) = skipped else { return self };
        Self {
            message_id: Some(clean(&skipped.message_id).into_owned()),
            author: skipped.author.as_deref().map(|author| clean(author).into_owned()),
            subject: Some(clean(&skipped.subject).into_owned()),
            skipped_by: Some(skipped.by),
            ..self
        }
    }
}

/// What is kept of a message that a filter skipped, so that it can be asked for (WHY-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub by: FilterId,
    pub message_id: String,
    /// The address in From, in comparison form.
    pub author: Option<String>,
    pub subject: String,
}

impl Skipped {
    /// Of a message, or its header alone.
    pub fn of(mail: &Mail, by: FilterId) -> Self {
        let subject = mail.subject.chars().take(LONGEST_SUBJECT).collect();
        Self { by, message_id: mail.identity(), author: mail.from.as_ref().map(Address::key), subject }
    }
}

/// How much of the subject of what was skipped is kept, in characters.
const LONGEST_SUBJECT: usize = 200;

/// One fate, with where the message stood.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct FateOf {
    pub account: AccountId,
    pub mailbox: String,
    pub uid: i64,
    pub fate: Fate,
    /// The plan as JSON.
    pub why: String,
    pub at: i64,
    /// The e-mail that it became or already was, as long as that is there.
    pub email: Option<EmailId>,
}

/// A fate in a list: what became of one UID, and of what message as far as that is known. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
    pub account: String,
    pub mailbox: String,
    pub uid: i64,
    pub fate: Fate,
    /// As long as the e-mail is there.
    pub email: Option<EmailId>,
    pub message_id: Option<String>,
    pub from: Option<String>,
    pub subject: Option<String>,
    /// Not where it was given to `deliver` or `import`.
    pub on_server: bool,
    /// The filter that skipped it; it may be gone.
    pub skipped_by: Option<FilterId>,
    /// Why it is no e-mail.
    pub because: Option<String>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct FateFilter {
    pub account: Option<AccountId>,
    pub mailbox: Option<String>,
    pub fates: Vec<Fate>,
    pub skipped_by: Option<FilterId>,
    /// Only what a filter skipped, of this author.
    pub author: Option<String>,
    /// Only what a filter skipped, with this in the subject.
    pub subject_part: Option<String>,
    /// Only what a filter skipped, of this Message-ID.
    pub message_id: Option<String>,
    pub since: Option<i64>,
    pub until: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// The fates that somebody asks for, by their keys.
fn chosen<'f>(db: &mut Database, filter: &'f FateFilter) -> Result<fates::BoxedQuery<'f, Backend>> {
    let mut query = fates::table.into_boxed();
    if filter.account.is_some() || filter.mailbox.is_some() {
        let places = places(db, filter)?;
        let few = fates::table.filter(fates::position_id.eq_any(&places)).select(fates::uid).limit(FEW + 1);
        query = match is_few(&few.load::<i64>(db)?) {
            true => query.filter(fates::position_id.eq_any(places)),
            // In the order of the list: to read all of them and to sort them takes longer.
            false => query.filter(sql::<BigInt>("fates.position_id + 0").eq_any(places)),
        };
    }
    if !filter.fates.is_empty() {
        query = query.filter(fates::fate.eq_any(&filter.fates));
    }
    if let Some(by) = filter.skipped_by {
        query = query.filter(fates::skipped_by.eq(by));
    }
    if let Some(author) = &filter.author {
        query = query.filter(fates::author.eq(author));
    }
    if let Some(part) = &filter.subject_part {
        query = query.filter(fates::skipped_by.is_not_null());
        query = query.filter(lower(fates::subject.assume_not_null()).like(anywhere(part)).escape('\\'));
    }
    if let Some(id) = &filter.message_id {
        query = query.filter(fates::message_id.eq(id));
    }
    if let Some(since) = filter.since {
        query = query.filter(fates::at.ge(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(fates::at.lt(until));
    }
    Ok(query)
}

/// The positions of an account, of mailboxes with a name, or of both.
fn places(db: &mut Database, filter: &FateFilter) -> Result<Vec<PositionId>> {
    let mut of = positions::table.select(positions::id).into_boxed::<Backend>();
    if let Some(account) = filter.account {
        of = of.filter(positions::account_id.eq(account));
    }
    if let Some(mailbox) = &filter.mailbox {
        of = of.filter(positions::mailbox.eq(mailbox));
    }
    Ok(of.load(db)?)
}

/// Counts fates, no more than asked for.
pub fn count(db: &mut Database, filter: &FateFilter, most: i64) -> Result<i64> {
    counted!(db, chosen(db, filter)?, fates::uid, most)
}

/// Lists fates, the newest first.
pub fn list(db: &mut Database, filter: &FateFilter) -> Result<Vec<Line>> {
    type Row = (PositionId, i64, Fate, Option<EmailId>, String, i64, Kept);
    type Kept = (Option<String>, Option<String>, Option<String>, Option<FilterId>);
    let rows = chosen(db, filter)?
        .order((fates::at.desc(), fates::position_id.desc(), fates::uid.desc()))
        .limit(filter.limit)
        .offset(filter.offset)
        .select((
            fates::position_id,
            fates::uid,
            fates::fate,
            fates::email_id,
            fates::why,
            fates::at,
            (fates::message_id, fates::author, fates::subject, fates::skipped_by),
        ))
        .load::<Row>(db)?;
    let mut places: Vec<PositionId> = rows.iter().map(|row| row.0).collect();
    places.sort_unstable();
    places.dedup();
    let places: HashMap<PositionId, (String, String, i64)> = in_lists(db, &places, |db, some| {
        let of = positions::table.inner_join(accounts::table.on(accounts::id.eq(positions::account_id)));
        let of = of
            .filter(positions::id.eq_any(some))
            .select((positions::id, (accounts::name, positions::mailbox, positions::uidvalidity)));
        Ok(of.load(db)?)
    })?
    .into_iter()
    .collect();
    let ids: Vec<EmailId> = rows.iter().filter_map(|row| row.3).collect();
    let known: HashMap<EmailId, (String, String, String)> = in_lists(db, &ids, |db, some| {
        let of = emails::table.filter(emails::id.eq_any(some));
        Ok(of.select((emails::id, (emails::message_id, emails::from_address, emails::subject))).load(db)?)
    })?
    .into_iter()
    .collect();
    let line = |(position, uid, fate, email, why, at, (message_id, from, subject, skipped_by)): Row| {
        let (account, mailbox, uidvalidity) = places.get(&position).cloned().unwrap_or_default();
        let (message_id, from, subject) = match email.and_then(|email| known.get(&email).cloned()) {
            Some((id, from, subject)) => (Some(id), Some(from), Some(subject)),
            None => (message_id, from, subject),
        };
        Line {
            at,
            account,
            mailbox,
            uid,
            fate,
            email,
            message_id,
            from,
            subject,
            on_server: uidvalidity != 0,
            skipped_by,
            because: because(fate, &why),
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Why something is no e-mail, of the reasons that were written down; of an e-mail `explain` tells.
fn because(fate: Fate, why: &str) -> Option<String> {
    if matches!(fate, Fate::Imported | Fate::Archived | Fate::Held) {
        return None;
    }
    let why: serde_json::Value = serde_json::from_str(why).ok()?;
    let note = |note: &serde_json::Value| note["because"].as_str().map(str::to_string);
    let error = why["error"].as_str().map(str::to_string);
    error.or_else(|| why["notes"].as_array().and_then(|notes| notes.last().and_then(note)))
}

/// What was asked for again, and what cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Asked {
    /// The accounts whose servers are asked with their next pass.
    pub accounts: Vec<String>,
    pub messages: usize,
    /// What did not come from a server, or from a mailbox that the server has numbered anew since.
    pub out_of_reach: usize,
    /// What lies in mailboxes that no pass reads as things are: it is left as it is.
    pub unread: Vec<Unread>,
}

/// Messages in a mailbox that no pass reads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unread {
    pub account: String,
    pub mailbox: String,
    pub messages: usize,
    /// Whether the account is switched off; else it does not read the mailbox any more.
    pub account_is_off: bool,
}

/// A mailbox as a server numbers it now.
struct Within {
    account: String,
    mailbox: String,
    is_active: bool,
    is_read: bool,
}

/// The mailboxes whose messages a server has under the numbers that they had here.
fn within(db: &mut Database) -> Result<HashMap<PositionId, Within>> {
    let latest = positions::table.group_by((positions::account_id, positions::mailbox)).select(diesel::dsl::max(positions::id));
    let latest: HashSet<PositionId> = latest.load::<Option<PositionId>>(db)?.into_iter().flatten().collect();
    let read = account_mailboxes::table.select((account_mailboxes::account_id, account_mailboxes::name));
    let read: HashSet<(AccountId, String)> = read.load(db)?.into_iter().collect();
    let all = positions::table.inner_join(accounts::table.on(accounts::id.eq(positions::account_id)));
    let columns = (positions::id, accounts::id, accounts::name, accounts::active, positions::mailbox);
    let all = all.filter(positions::uidvalidity.ne(0)).filter(positions::is_left.eq(false)).select(columns);
    let place = |(position, id, account, is_active, mailbox): (PositionId, AccountId, String, bool, String)| {
        let place = (id, mailbox);
        let is_read = read.contains(&place);
        (position, Within { account, mailbox: place.1, is_active, is_read })
    };
    Ok(all.load(db)?.into_iter().map(place).filter(|(position, _)| latest.contains(position)).collect())
}

/// Has the servers asked again for what a filter skipped: with the next pass they come by today's rules, as those do that a server did
/// not hand over (FETCH-6). Call it in a transaction: it takes the lock row.
pub fn ask_again(db: &mut Database, permit: &Permit<'_>, filter: &FateFilter, subject: &str, now: i64) -> Result<Asked> {
    lock(db)?;
    let skipped = chosen(db, filter)?.filter(fates::fate.eq(Fate::Filtered)).order((fates::position_id, fates::uid));
    let rows = skipped.select((fates::position_id, fates::uid)).load::<(PositionId, i64)>(db)?;
    let within = within(db)?;
    let (known, away): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(position, _)| within.contains_key(position));
    let is_asked = |position: &PositionId| within.get(position).is_some_and(|place| place.is_active && place.is_read);
    let (there, unread): (Vec<_>, Vec<_>) = known.into_iter().partition(|(position, _)| is_asked(position));
    let note = reason!(Fetch6, "the server is asked for it again by a person's word");
    let why = serde_json::json!({ "fate": Fate::Undelivered, "tries": 0, "notes": [note] }).to_string();
    if !there.is_empty() {
        let first = reserve(db, "quarantine", there.len())?;
        let rows: Vec<AskedRow> = (first..)
            .zip(&there)
            .map(|(id, (position_id, uid))| AskedRow {
                id,
                position_id: *position_id,
                uid: *uid,
                error: note.text.clone(),
                created_at: now,
                tries: 0,
                due_at: Some(now),
            })
            .collect();
        insert_all!(&mut *db, quarantine::table, &rows)?;
    }
    for position in within.keys().filter(|position| is_asked(position)) {
        let uids: Vec<i64> = there.iter().filter(|(of, _)| of == position).map(|(_, uid)| *uid).collect();
        for some in uids.chunks(IN_LIST) {
            diesel::update(fates::table.filter(fates::position_id.eq(position)).filter(fates::uid.eq_any(some)))
                // Which filter it was stays, so that it can be found until it is read.
                .set((fates::fate.eq(Fate::Undelivered), fates::why.eq(&why)))
                .execute(db)?;
        }
    }
    let mut names: Vec<String> =
        there.iter().filter_map(|(position, _)| within.get(position)).map(|place| place.account.clone()).collect();
    names.sort();
    names.dedup();
    let unread = unread_of(&within, &unread);
    let asked = Asked { accounts: names, messages: there.len(), out_of_reach: away.len(), unread };
    access::record(db, permit, "fate retry", subject, &counted(asked.messages, "message"), now)?;
    Ok(asked)
}

/// Counts messages by the mailbox that they lie in.
fn unread_of(within: &HashMap<PositionId, Within>, messages: &[(PositionId, i64)]) -> Vec<Unread> {
    let mut found: BTreeMap<(String, String), Unread> = BTreeMap::new();
    for place in messages.iter().filter_map(|(position, _)| within.get(position)) {
        let one = found.entry((place.account.clone(), place.mailbox.clone())).or_insert_with(|| Unread {
            account: place.account.clone(),
            mailbox: place.mailbox.clone(),
            messages: 0,
            account_is_off: !place.is_active,
        });
        one.messages += 1;
    }
    found.into_values().collect()
}

/// SQL of what is left of the reasons of a fate `f`: what became of the message, the number of its e-mail, and why no more is there.
pub(super) fn bare(email: &str, why: &str) -> String {
    format!(r#"'{{"fate":"' || f.fate || '","email":' || {email} || ',"notes":[{{"because":"{why}"}}]}}'"#)
}

/// What was to be asked for again is gone from its server: what is known of it stays. Call it in a transaction.
pub fn note_gone(db: &mut Database, position: PositionId, uid: i64, why: &str, now: i64) -> Result<()> {
    diesel::update(fates::table.find((position, uid)))
        .set((fates::fate.eq(Fate::Gone), fates::why.eq(clean(why).as_ref()), fates::at.eq(now)))
        .execute(db)?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = quarantine, treat_none_as_default_value = false)]
struct AskedRow {
    id: i64,
    position_id: PositionId,
    uid: i64,
    error: String,
    created_at: i64,
    tries: i64,
    due_at: Option<i64>,
}

/// A UID that was not imported by a plan.
pub struct Settled {
    pub uid: i64,
    pub fate: Fate,
    pub email: Option<EmailId>,
    /// As JSON.
    pub why: String,
    /// Of what a filter skipped by its header.
    pub skipped: Option<Skipped>,
}

/// Records fates of UIDs that were not imported by a plan, each with why as JSON. A second fate for a UID is an error.
pub fn record_fates(db: &mut Database, position: PositionId, rows: &[Settled], now: i64) -> Result<()> {
    let row = |settled: &Settled| {
        let why = clean(&settled.why).into_owned();
        FateRow::new((position, settled.uid), settled.fate, settled.email, why, now).of(settled.skipped.as_ref())
    };
    insert(db, &rows.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn insert(db: &mut Database, rows: &[FateRow]) -> Result<()> {
    insert_all!(db, fates::table, rows).context("recording fates")?;
    Ok(())
}

macro_rules! fates_where {
    ($db:expr, $condition:expr) => {
        Ok(fates::table
            .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
            .filter($condition)
            .order((fates::at, fates::position_id, fates::uid))
            .select((positions::account_id, positions::mailbox, fates::uid, fates::fate, fates::why, fates::at, fates::email_id))
            .load($db)?)
    };
}

/// Returns every fate that led to this e-mail, oldest first: one for each place it came from.
pub fn fates_of(db: &mut Database, email: EmailId) -> Result<Vec<FateOf>> {
    fates_where!(db, fates::email_id.eq(email))
}

/// Returns every fate of a message that a filter skipped, by its Message-ID, oldest first.
pub fn skipped(db: &mut Database, message_id: &str) -> Result<Vec<FateOf>> {
    fates_where!(db, fates::message_id.eq(message_id))
}

/// Returns every fate that a UID of a mailbox has, oldest first: one for each UIDVALIDITY.
pub fn at(db: &mut Database, account: AccountId, mailbox: &str, uid: i64) -> Result<Vec<FateOf>> {
    let place = positions::account_id.eq(account).and(positions::mailbox.eq(mailbox));
    fates_where!(db, place.and(fates::uid.eq(uid)))
}

/// A place on a server that an e-mail came from.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Origin {
    pub account: AccountId,
    pub mailbox: String,
    pub uidvalidity: i64,
    pub uid: i64,
}

/// Returns every place on a server that an e-mail came from; UIDVALIDITY 0 is of `deliver` and `import`.
pub fn origins(db: &mut Database, email: EmailId) -> Result<Vec<Origin>> {
    Ok(fates::table
        .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
        .filter(fates::email_id.eq(email))
        .filter(positions::uidvalidity.ne(0))
        .filter(positions::is_left.eq(false))
        .order(positions::id.desc())
        .select((positions::account_id, positions::mailbox, positions::uidvalidity, fates::uid))
        .load(db)?)
}
