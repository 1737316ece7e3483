//! What beside e-mails is somebody's: the records that are that person, cases about them, and where else their address stands.

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::erase::{self, Person, is_full, texts};
use super::fate::FateFilter;
use super::named::RecordName;
use super::quarantine as kept;
use super::schema::{emails, filters, participants, quarantine, record_addresses, records, users};
use super::skipped::{self, SkippedMessage};
use super::{Database, erasure};
use crate::decide::access::Permit;
use crate::fault::contain;
use crate::mail::{self, Redaction, untagged};
use crate::words::{RecordId, RecordKind};

/// The records of somebody.
#[derive(Debug, Default)]
pub struct Belongings {
    /// Contacts and Leads that are this person, and what was merged into or converted to them.
    pub records: Vec<(RecordId, RecordName)>,
    /// Their names, by which they are looked for.
    pub names: Vec<String>,
    /// Cases of those.
    pub cases: Vec<RecordId>,
    /// Accounts and Opportunities that have the address; they stay.
    pub others: Vec<RecordId>,
    /// What else these records have of the person.
    pub other_addresses: Vec<String>,
}

/// Finds the records of somebody.
pub fn of(db: &mut Database, person: &Person) -> Result<Belongings> {
    let having =
        record_addresses::table.filter(record_addresses::address.eq(&person.address)).select(record_addresses::record_id);
    let having: Vec<RecordId> = having.load(db)?;
    let columns = (records::id, records::kind, records::number, records::name);
    type Row = (RecordId, RecordKind, i64, String);
    let is_person = || records::kind.eq_any([RecordKind::Contact, RecordKind::Lead]);
    let mut rows: Vec<Row> = records::table.filter(records::id.eq_any(&having)).filter(is_person()).select(columns).load(db)?;
    let others: Vec<RecordId> = having.into_iter().filter(|id| rows.iter().all(|row| row.0 != *id)).collect();
    // Who was merged into them or became them is the same person.
    let mut new: Vec<RecordId> = rows.iter().map(|row| row.0).collect();
    while !new.is_empty() {
        let became = records::merged_into_id.eq_any(new.clone()).or(records::converted_contact_id.eq_any(new.clone()));
        let more: Vec<Row> = records::table.filter(became.nullable()).filter(is_person()).select(columns).load(db)?;
        let more: Vec<Row> = more.into_iter().filter(|one| rows.iter().all(|row| row.0 != one.0)).collect();
        new = more.iter().map(|row| row.0).collect();
        rows.extend(more);
    }
    let ours: Vec<String> = users::table.select(users::name).load(db)?;
    let ids: Vec<RecordId> = rows.iter().map(|row| row.0).collect();
    let about = records::contact_id.eq_any(ids.clone()).or(records::lead_id.eq_any(ids.clone()));
    let cases =
        records::table.filter(records::kind.eq(RecordKind::Case)).filter(about.nullable()).select(records::id).load(db)?;
    let also = record_addresses::table.filter(record_addresses::record_id.eq_any(&ids));
    let also = also.filter(record_addresses::address.ne(&person.address)).select(record_addresses::address).distinct();
    Ok(Belongings {
        names: rows.iter().map(|row| row.3.clone()).filter(|name| is_full(name) && !ours.contains(name)).collect(),
        records: rows.into_iter().map(|(id, kind, number, _)| (id, RecordName { kind, number })).collect(),
        cases,
        others,
        other_addresses: also.load(db)?,
    })
}

/// Takes them away, with every row that is of the address: the last step, as by these records the person's names are known.
pub fn erase(db: &mut Database, person: &Person, of: &Belongings) -> Result<()> {
    let ids: Vec<RecordId> = of.records.iter().map(|(id, _)| *id).collect();
    erase::forget_words(db, of.records.iter().map(|(_, named)| named.to_string()))?;
    let of_them = emails::table.filter(emails::parent_id.eq_any(&ids));
    diesel::update(of_them).set((emails::parent_id.eq(None::<RecordId>), emails::parent_by.eq(None::<String>))).execute(db)?;
    diesel::delete(records::table.filter(records::id.eq_any(&ids))).execute(db)?;
    diesel::delete(record_addresses::table.filter(record_addresses::address.eq(&person.address))).execute(db)?;
    diesel::delete(participants::table.filter(participants::address.eq(&person.address))).execute(db)?;
    for table in ["deliveries", "address_states"] {
        diesel::sql_query(format!("DELETE FROM {table} WHERE address = $1")).bind::<Text, _>(&person.address).execute(db)?;
    }
    diesel::sql_query("DELETE FROM outbox_recipients WHERE lower(address) = $1").bind::<Text, _>(&person.address).execute(db)?;
    let spendings = format!("address:{}", untagged(&person.address));
    diesel::sql_query("DELETE FROM spendings WHERE subject = $1").bind::<Text, _>(spendings).execute(db)?;
    texts::redact_fields(db, person, &person.redaction(&[])?)
}

/// Finds what in quarantine is from their address, and what of others has it in it, each by its number.
pub fn in_quarantine(db: &mut Database, redaction: &Redaction) -> Result<[Vec<i64>; 2]> {
    let all = quarantine::table.filter(quarantine::raw_id.is_not_null()).order(quarantine::id).select(quarantine::id);
    let [mut theirs, mut of_others] = [Vec::new(), Vec::new()];
    for id in all.load::<i64>(db)? {
        let raw = kept::raw_of(db, id)?;
        if redaction.is_author_of(&raw) {
            theirs.push(id);
        } else if redaction.is_in_bytes(&raw) {
            of_others.push(id);
        }
    }
    Ok([theirs, of_others])
}

/// Finds what is kept of what filters skipped that is from their address, and what of others has it in it.
pub fn in_skipped(db: &mut Database, redaction: &Redaction) -> Result<[Vec<SkippedMessage>; 2]> {
    let [mut theirs, mut of_others] = [Vec::new(), Vec::new()];
    let all = skipped::list(db, &FateFilter::default())?;
    for of_mailbox in all.chunk_by(|one, other| one.position == other.position) {
        for some in of_mailbox.chunks(AT_ONCE) {
            let bytes = skipped::bytes(db, some)?;
            for kept in some {
                let Some(raw) = bytes.get(&kept.uid) else { continue };
                if redaction.is_author_of(raw) {
                    theirs.push(kept.clone());
                } else if redaction.is_in_bytes(raw) {
                    of_others.push(kept.clone());
                }
            }
        }
    }
    Ok([theirs, of_others])
}

/// How many messages are read at once.
const AT_ONCE: usize = 16;

/// Drops the bytes of messages of theirs that filters skipped, and of others in which they are named; the fates stay (FETCH-2). What is
/// theirs does not come back.
pub fn drop_skipped(db: &mut Database, [theirs, of_others]: [&[SkippedMessage]; 2], now: i64) -> Result<()> {
    for of_mailbox in theirs.chunk_by(|one, other| one.position == other.position) {
        for some in of_mailbox.chunks(AT_ONCE) {
            for raw in skipped::bytes(db, some)?.into_values() {
                remember(db, &raw, now)?;
            }
        }
    }
    skipped::forget(db, theirs)?;
    skipped::forget(db, of_others)
}

/// Drops a message in quarantine; its fate stays (FETCH-2), and a server that brings it under another UID does not bring it back.
pub fn drop_quarantined(db: &mut Database, permit: &Permit<'_>, id: i64, now: i64) -> Result<()> {
    let raw = kept::raw_of(db, id)?;
    remember(db, &raw, now)?;
    kept::remove(db, permit, id, now)
}

/// Remembers a message of theirs that is no e-mail, so that it stays out.
fn remember(db: &mut Database, raw: &[u8], now: i64) -> Result<()> {
    // What brought a parser down is known by its header.
    for part in [raw, mail::header_block(raw)] {
        let Ok(mail) = contain(|| mail::parse(part)) else { continue };
        erasure::remember(db, &[(mail.identity(), mail.content_digest.to_vec())], now)?;
        // Whoever may turn out to have written it.
        let authors = mail.from.clone().into_iter().chain(mail.behind_via()).chain(mail.reply_to.clone());
        erasure::remember_letters(db, &mail.letters_by(authors).collect::<Vec<_>>(), now)?;
        break;
    }
    Ok(())
}

/// Names filters that look for the address: whether they are still right a person must say.
pub fn filters_for(db: &mut Database, redaction: &Redaction) -> Result<Vec<String>> {
    let rows =
        filters::table.select((filters::name, filters::criteria, filters::sieve)).load::<(String, String, Option<String>)>(db)?;
    let named = rows
        .into_iter()
        .filter(|(_, criteria, sieve)| redaction.is_in(criteria) || sieve.iter().any(|sieve| redaction.is_in(sieve)));
    Ok(named.map(|(name, ..)| name).collect())
}
