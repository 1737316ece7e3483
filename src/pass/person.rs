//! Erasing a person: what is theirs goes, step by step, each in short transactions. Where it was stopped, the same line goes on: what is done
//! is not found any more. Names go before what they are known by: texts, e-mails of others, their own e-mails, their records.

use std::collections::HashSet;

use anyhow::Result;

use crate::decide::access::Permit;
use crate::plural;
use crate::store::belongings::{self, Belongings};
use crate::store::erase::texts::COLUMNS;
use crate::store::erase::{self, Mentioned, Person};
use crate::store::named::names_of;
use crate::store::{Database, Store, access, erasure, search, theirs};
use crate::words::EmailId;

/// How many e-mails one transaction erases.
const BATCH: usize = 100;

/// What was, or would be, erased.
#[derive(Debug, Default, serde::Serialize)]
pub struct Erased {
    pub emails: usize,
    /// E-mails of others, which lost the address, the name and the raw bytes.
    pub emails_of_others: usize,
    /// Records that are gone.
    pub records: Vec<String>,
    /// Their cases, which keep their numbers: those that their mail opened, or that were made for them.
    pub cases: Vec<String>,
    /// Those of these that are open still.
    pub open_cases: usize,
    /// Their messages in quarantine.
    pub quarantined: usize,
    /// Messages of others in quarantine that have the address in them: whether they are mail a person says first.
    pub quarantined_of_others: Vec<i64>,
    /// What filters skipped of theirs, and of others who name them, and was kept here.
    pub kept: usize,
    pub kept_of_others: usize,
    /// Reasons, notes and other texts that had the address or the name in them.
    pub texts: usize,
    /// Fates of what filters skipped of theirs.
    pub skipped: usize,
    /// E-mails of others that were left as they are, as they have not gone out or wait for somebody.
    pub waiting: Vec<EmailId>,
    /// Addresses that the records had beside this one.
    pub other_addresses: Vec<String>,
    /// Filters that look for the address; they stay.
    pub filters: Vec<String>,
}

/// Says what would be erased.
pub fn rehearse(db: &mut Database, address: &str) -> Result<Erased> {
    let person = Person::find(db, address)?;
    let (mentioned, of) = (person.mentioned(db)?, belongings::of(db, &person)?);
    let redaction = person.redaction(&[])?;
    let mut erased = counted(db, &mentioned, &of, &redaction)?;
    let [theirs, of_others] = belongings::in_quarantine(db, &redaction)?;
    (erased.quarantined, erased.quarantined_of_others) = (theirs.len(), of_others);
    let [theirs, of_others] = belongings::in_skipped(db, &redaction)?;
    (erased.kept, erased.kept_of_others) = (theirs.len(), of_others.len());
    Ok(erased)
}

fn counted(db: &mut Database, mentioned: &Mentioned, of: &Belongings, redaction: &crate::mail::Redaction) -> Result<Erased> {
    let (cases, waiting) = (theirs::cases(db, mentioned, of)?, erase::waiting(db, &mentioned.part)?);
    let named = names_of(db, cases.iter().copied().map(Some))?;
    Ok(Erased {
        emails: mentioned.whole.len(),
        emails_of_others: mentioned.part.len() - waiting.len(),
        waiting,
        records: of.records.iter().map(|(_, named)| named.to_string()).collect(),
        open_cases: theirs::open_among(db, &cases)?,
        cases: cases.iter().filter_map(|case| named.get(case)).map(ToString::to_string).collect(),
        other_addresses: of.other_addresses.clone(),
        filters: belongings::filters_for(db, redaction)?,
        ..Erased::default()
    })
}

/// Erases somebody; `progress` hears how far it is.
pub fn erase(store: &mut Store, permit: &Permit<'_>, address: &str, now: i64, progress: &dyn Fn(&str)) -> Result<Erased> {
    let db = store.connection();
    let person = Person::find(db, address)?;
    let (mentioned, of) = (person.mentioned(db)?, belongings::of(db, &person)?);
    let by_address = person.redaction(&[])?;
    let mut erased = counted(db, &mentioned, &of, &by_address)?;
    // By what they are called only where they take part: others may bear the name, and anybody may call themselves anything.
    let called = [of.names.clone(), mentioned.names(db)?].concat();
    let (by_name, kin) = (person.redaction(&called)?, theirs::kin(db, &mentioned, &of)?);
    let how = [&by_address, &by_name];
    let subject = store.alone(|db| {
        let subject = erasure::name(db, &person.address)?;
        access::record(db, permit, "person erase", &subject, "begun", now)?;
        Ok(subject)
    })?;
    batches(store, &mentioned.whole, &mut |db, some| erase::forget_reasons(db, some))?;
    progress("The reasons of their mail are gone.");
    let terms = person.terms(&called);
    for column in COLUMNS {
        let mut behind = (-i64::MAX, -i64::MAX);
        loop {
            let those = column.find(store.connection(), &terms, behind)?;
            let Some(last) = those.last() else { break };
            behind = *last;
            erased.texts += store.alone(|db| column.redact(db, how, &kin, &those))?;
        }
    }
    // Before its fates: by those it is found.
    let [theirs, of_others] = belongings::in_skipped(store.connection(), &by_address)?;
    (erased.kept, erased.kept_of_others) = (theirs.len(), of_others.len());
    for some in theirs.chunks(BATCH) {
        store.alone(|db| belongings::drop_skipped(db, [some, &[]], now))?;
    }
    for some in of_others.chunks(BATCH) {
        store.alone(|db| belongings::drop_skipped(db, [&[], some], now))?;
    }
    loop {
        let skipped = store.alone(|db| erase::forget_skipped(db, &person))?;
        erased.skipped += skipped;
        if skipped == 0 {
            break;
        }
    }
    progress("Reasons, notes and notifications name them no more.");
    let waiting: HashSet<EmailId> = erased.waiting.iter().copied().collect();
    let part: Vec<EmailId> = mentioned.part.iter().copied().filter(|id| !waiting.contains(id)).collect();
    batches(store, &part, &mut |db, some| erase::part(db, how, some, now))?;
    batches(store, &part, &mut |db, some| erase::people(db, &by_address, some))?;
    progress("Mail of others names them no more.");
    batches(store, &mentioned.whole, &mut |db, some| erase::whole(db, &person, some, now))?;
    progress("Their mail is gone.");
    let [theirs, of_others] = belongings::in_quarantine(store.connection(), &by_address)?;
    erased.quarantined_of_others = of_others;
    for id in theirs {
        store.alone(|db| belongings::drop_quarantined(db, permit, id, now))?;
        erased.quarantined += 1;
    }
    store.alone(|db| {
        erase::forget_deletions(db, &person, &by_address, now)?;
        theirs::erase_made(db, &of)?;
        belongings::erase(db, &person, &of)?;
        let detail = format!(
            "{}, {} of others, {}, {}",
            plural::counted(erased.emails, "e-mail"),
            erased.emails_of_others,
            plural::counted(erased.records.len(), "record"),
            plural::counted(erased.cases.len(), "case")
        );
        access::record(db, permit, "person erase", &subject, &detail, now)
    })?;
    search::forget_words(store)?;
    Ok(erased)
}

fn batches(store: &mut Store, those: &[EmailId], work: &mut dyn FnMut(&mut Database, &[EmailId]) -> Result<()>) -> Result<()> {
    for some in those.chunks(BATCH) {
        store.alone(|db| work(db, some))?;
    }
    Ok(())
}
