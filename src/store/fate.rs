//! What became of every UID, and why (FETCH-2, WHY-1). A fate outlives its e-mail.

pub(crate) mod ask;

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::dialect::insert_all;
use super::letters::{anywhere, lower};
use super::noun::{FEW, counted, in_lists, is_few};
use super::reasons::PackedReasons;
use super::schema::{accounts, emails, fates, positions, raws, record_addresses, records, skipped_raws};
use super::{Backend, Database, IN_LIST, clean};
use crate::mail::{Address, Mail};
use crate::words::{AccountId, EmailId, Fate, FilterId, PositionId, RecordKind};

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = fates, treat_none_as_default_value = false)]
pub(super) struct FateRow {
    pub position_id: PositionId,
    pub uid: i64,
    pub fate: Fate,
    pub email_id: Option<EmailId>,
    /// As JSON, unless the reasons are packed.
    pub why: String,
    pub reasons: Option<Vec<u8>>,
    pub at: i64,
    /// Of what a filter skipped, as are those below.
    pub message_id: Option<String>,
    pub author: Option<String>,
    pub subject: Option<String>,
    pub skipped_by: Option<FilterId>,
}

impl FateRow {
    pub fn new((position_id, uid): (PositionId, i64), fate: Fate, email_id: Option<EmailId>, why: String, at: i64) -> Self {
        let PackedReasons { why, reasons } = PackedReasons::of(why);
        Self {
            position_id,
            uid,
            fate,
            email_id,
            why,
            reasons,
            at,
            message_id: None,
            author: None,
            subject: None,
            skipped_by: None,
        }
    }

    /// The same with its reasons packed.
    pub fn packed(self) -> Self {
        let PackedReasons { why, reasons } = PackedReasons::of(self.why);
        Self { why, reasons, ..self }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FateOf {
    pub position: PositionId,
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
    /// It lies on the server that the account had before it moved.
    #[serde(skip)]
    pub is_left: bool,
    /// Whether its bytes are kept here, as no server has it (FILTER-7).
    pub kept: bool,
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
    /// Only what any filter skipped.
    pub is_skipped: bool,
    /// Only what a filter skipped of senders whose address a record has, or whose mail is of a case.
    pub known_senders: bool,
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
    if filter.is_skipped {
        query = query.filter(fates::skipped_by.is_not_null());
    }
    if filter.known_senders {
        let of_record = record_addresses::table.filter(record_addresses::address.nullable().eq(fates::author));
        let of_case = emails::table
            .inner_join(records::table.on(records::id.nullable().eq(emails::parent_id)))
            .filter(emails::from_address.nullable().eq(fates::author))
            .filter(records::kind.eq(RecordKind::Case));
        query = query.filter(fates::author.is_not_null()).filter(exists(of_record).or(exists(of_case)));
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

/// Returns which of some UIDs of one position are among the fates that somebody asks for.
pub(super) fn among(db: &mut Database, filter: &FateFilter, position: PositionId, uids: &[i64]) -> Result<Vec<i64>> {
    let of = chosen(db, filter)?.filter(fates::position_id.eq(position)).filter(fates::uid.eq_any(uids));
    Ok(of.select(fates::uid).load(db)?)
}

/// Returns which of some UIDs of one position have a fate.
pub fn settled_among(db: &mut Database, position: PositionId, uids: &[i64]) -> Result<HashSet<i64>> {
    let all = FateFilter::default();
    let mut settled = HashSet::new();
    for some in uids.chunks(IN_LIST) {
        settled.extend(among(db, &all, position, some)?);
    }
    Ok(settled)
}

/// Counts fates, no more than asked for.
pub fn count(db: &mut Database, filter: &FateFilter, most: i64) -> Result<i64> {
    counted!(db, chosen(db, filter)?, fates::uid, most)
}

/// How many fates there are, and how many authors what was skipped has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub messages: i64,
    pub senders: usize,
}

/// Counts fates and their authors, no more than so many.
pub fn totals(db: &mut Database, filter: &FateFilter, most: i64) -> Result<Totals> {
    let authors: Vec<Option<String>> = chosen(db, filter)?.select(fates::author).limit(most).load(db)?;
    let messages = i64::try_from(authors.len())?;
    Ok(Totals { messages, senders: authors.into_iter().flatten().collect::<HashSet<String>>().len() })
}

/// Lists fates, the newest first.
pub fn list(db: &mut Database, filter: &FateFilter) -> Result<Vec<Line>> {
    type Row = (PositionId, i64, Fate, Option<EmailId>, (String, Option<Vec<u8>>), i64, Known);
    type Known = (Option<String>, Option<String>, Option<String>, Option<FilterId>);
    let rows = chosen(db, filter)?
        .order((fates::at.desc(), fates::position_id.desc(), fates::uid.desc()))
        .limit(filter.limit)
        .offset(filter.offset)
        .select((
            fates::position_id,
            fates::uid,
            fates::fate,
            fates::email_id,
            (fates::why, fates::reasons),
            fates::at,
            (fates::message_id, fates::author, fates::subject, fates::skipped_by),
        ))
        .load::<Row>(db)?;
    let mut places: Vec<PositionId> = rows.iter().map(|row| row.0).collect();
    places.sort_unstable();
    places.dedup();
    let places: HashMap<PositionId, (String, String, i64, bool)> = in_lists(db, &places, |db, some| {
        let of = positions::table.inner_join(accounts::table.on(accounts::id.eq(positions::account_id)));
        let of = of
            .filter(positions::id.eq_any(some))
            .select((positions::id, (accounts::name, positions::mailbox, positions::uidvalidity, positions::is_left)));
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
    let kept = kept_among(db, rows.iter().filter(|row| row.2 == Fate::Filtered).map(|row| (row.0, row.1)))?;
    let line = |(position, uid, fate, email, why, at, (message_id, from, subject, skipped_by)): Row| {
        let (account, mailbox, uidvalidity, is_left) = places.get(&position).cloned().unwrap_or_default();
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
            on_server: uidvalidity != 0 && !is_left,
            is_left,
            kept: kept.contains(&(position, uid)),
            skipped_by,
            because: because(fate, why),
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Returns which of some messages have their bytes kept.
fn kept_among(db: &mut Database, those: impl Iterator<Item = (PositionId, i64)>) -> Result<HashSet<(PositionId, i64)>> {
    let mut by_position: BTreeMap<PositionId, Vec<i64>> = BTreeMap::new();
    those.for_each(|(position, uid)| by_position.entry(position).or_default().push(uid));
    let mut kept = HashSet::new();
    for (position, uids) in by_position {
        for some in uids.chunks(IN_LIST) {
            let of = skipped_raws::table.inner_join(raws::table.on(raws::id.eq(skipped_raws::raw_id)));
            let of = of.filter(skipped_raws::position_id.eq(position)).filter(skipped_raws::uid.eq_any(some));
            let of = of.filter(raws::pruned_at.is_null()).select(skipped_raws::uid);
            kept.extend(of.load::<i64>(db)?.into_iter().map(|uid| (position, uid)));
        }
    }
    Ok(kept)
}

/// Why something is no e-mail, of the reasons that were written down; of an e-mail `explain` tells.
fn because(fate: Fate, (why, reasons): (String, Option<Vec<u8>>)) -> Option<String> {
    if matches!(fate, Fate::Imported | Fate::Archived | Fate::Held) {
        return None;
    }
    let why: serde_json::Value = serde_json::from_str(&PackedReasons { why, reasons }.read().ok()?).ok()?;
    let note = |note: &serde_json::Value| note["because"].as_str().map(str::to_string);
    let error = why["error"].as_str().map(str::to_string);
    error.or_else(|| why["notes"].as_array().and_then(|notes| notes.last().and_then(note)))
}

/// Other reasons in the place of those there are; JSON that is short.
pub(super) fn said(why: &str) -> Said {
    (fates::why.eq(clean(why).into_owned()), fates::reasons.eq(None))
}

type Said = (diesel::dsl::Eq<fates::why, String>, diesel::dsl::Eq<fates::reasons, Option<Vec<u8>>>);

/// SQL that leaves of the reasons of a fate `f` alone what became of the message, the number of its e-mail, and why no more is there.
pub(super) fn bare(email: &str, why: &str) -> String {
    format!(r#"reasons = NULL, why = '{{"fate":"' || f.fate || '","email":' || {email} || ',"notes":[{{"because":"{why}"}}]}}'"#)
}

/// What was to be asked for again is gone from its server: what is known of it stays. Call it in a transaction.
pub fn note_gone(db: &mut Database, position: PositionId, uid: i64, why: &str, now: i64) -> Result<()> {
    diesel::update(fates::table.find((position, uid)))
        .set((fates::fate.eq(Fate::Gone), said(why), fates::at.eq(now)))
        .execute(db)?;
    Ok(())
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
    ($db:expr, $condition:expr) => {{
        let those = fates::table
            .inner_join(positions::table.on(positions::id.eq(fates::position_id)))
            .filter($condition)
            .order((fates::at, fates::position_id, fates::uid))
            .select((positions::account_id, positions::mailbox, FateRow::as_select()));
        those.load::<(AccountId, String, FateRow)>($db)?.into_iter().map(FateOf::of).collect()
    }};
}

impl FateOf {
    fn of((account, mailbox, row): (AccountId, String, FateRow)) -> Result<Self> {
        let FateRow { position_id: position, uid, fate, at, email_id: email, why, reasons, .. } = row;
        let why = PackedReasons { why, reasons }.read().with_context(|| format!("{mailbox}, UID {uid}"))?;
        Ok(Self { position, account, mailbox, uid, fate, why, at, email })
    }
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
