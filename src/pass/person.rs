//! Erasing a person: what is theirs goes, step by step, each in short transactions. Where it was stopped, the same line goes on: what is done
//! is not found any more. Names go before what they are known by: texts, e-mails of others, their own e-mails, their records.

use anyhow::Result;

use crate::decide::access::Permit;
use crate::plural;
use crate::store::belongings::{self, Belongings};
use crate::store::erase::{self, COLUMNS, Mentioned, Person};
use crate::store::{Database, Store, access, erasure};
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
    /// Their cases, which keep their numbers.
    pub cases: usize,
    /// Messages in quarantine.
    pub quarantined: usize,
    /// Reasons, notes and other texts that had the address or the name in them.
    pub texts: usize,
    /// Fates of what filters skipped of theirs.
    pub skipped: usize,
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
    erased.quarantined = belongings::in_quarantine(db, &redaction)?.len();
    Ok(erased)
}

fn counted(db: &mut Database, mentioned: &Mentioned, of: &Belongings, redaction: &crate::mail::Redaction) -> Result<Erased> {
    Ok(Erased {
        emails: mentioned.whole.len(),
        emails_of_others: mentioned.part.len(),
        records: of.records.iter().map(|(_, named)| named.to_string()).collect(),
        cases: of.cases.len(),
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
    let by_address = person.redaction(&of.names)?;
    let mut erased = counted(db, &mentioned, &of, &by_address)?;
    // By what they are called in mail only where they take part in it: anybody may call themselves anything.
    let called = [of.names.clone(), mentioned.names(db)?].concat();
    let by_name = person.redaction(&called)?;
    let subject = store.alone(|db| {
        let subject = erasure::name(db, &person.address)?;
        access::record(db, permit, "person erase", &subject, "begun", now)?;
        Ok(subject)
    })?;
    batches(store, &mentioned.whole, &mut |db, some| erase::forget_reasons(db, some))?;
    progress("The reasons of their mail are gone.");
    let terms = person.terms(&of.names);
    for column in COLUMNS {
        let mut behind = (-i64::MAX, -i64::MAX);
        loop {
            let those = column.find(store.connection(), &terms, behind)?;
            let Some(last) = those.last() else { break };
            behind = *last;
            erased.texts += store.alone(|db| column.redact(db, &by_address, &those))?;
        }
    }
    loop {
        let skipped = store.alone(|db| erase::forget_skipped(db, &person))?;
        erased.skipped += skipped;
        if skipped == 0 {
            break;
        }
    }
    progress("Reasons, notes and notifications name them no more.");
    batches(store, &mentioned.part, &mut |db, some| erase::part(db, &by_name, some, now))?;
    progress("Mail of others names them no more.");
    batches(store, &mentioned.whole, &mut |db, some| erase::whole(db, &person, some, now))?;
    progress("Their mail is gone.");
    for id in belongings::in_quarantine(store.connection(), &by_address)? {
        store.alone(|db| belongings::drop_quarantined(db, permit, id, now))?;
        erased.quarantined += 1;
    }
    store.alone(|db| {
        belongings::erase(db, &person, &of)?;
        let detail = format!(
            "{}, {} of others, {}",
            plural::counted(erased.emails, "e-mail"),
            erased.emails_of_others,
            plural::counted(erased.records.len(), "record")
        );
        access::record(db, permit, "person erase", &subject, &detail, now)
    })?;
    Ok(erased)
}

fn batches(store: &mut Store, those: &[EmailId], work: &mut dyn FnMut(&mut Database, &[EmailId]) -> Result<()>) -> Result<()> {
    for some in those.chunks(BATCH) {
        store.alone(|db| work(db, some))?;
    }
    Ok(())
}
