//! What of somebody is handed out: their e-mails row by row, so that however much it is only a part is in memory.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::case::{self, Case, Texts};
use super::named::names_of;
use super::noun::gathered;
use super::raw::{Left, Row, open};
use super::schema::{attachments, email_copies, email_texts, emails, fates, raws};
use super::texts::Text;
use super::{Database, record};
use crate::clock::rfc3339;
use crate::decide::access::Sight;
use crate::words::{EmailId, RecordId};

/// Tells of e-mails what stands in the database of them.
pub fn emails_of(db: &mut Database, those: &[EmailId]) -> Result<Vec<Value>> {
    type Row = (EmailId, String, String, String, Text, (i64, i64), Option<RecordId>, (i64, Option<i64>));
    let rows = emails::table
        .inner_join(raws::table.on(raws::id.eq(emails::raw_id)))
        .inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)))
        .filter(emails::id.eq_any(those))
        .order(emails::id)
        .select((
            emails::id,
            emails::message_id,
            email_texts::people,
            emails::subject,
            Text::as_select(),
            (emails::date, emails::arrived_at),
            emails::parent_id,
            (raws::size, raws::pruned_at),
        ))
        .load::<Row>(db)?;
    let files = attachments::table.filter(attachments::email_id.eq_any(those)).order((attachments::email_id, attachments::place));
    let files =
        files.select((attachments::email_id, (attachments::name, attachments::size))).load::<(EmailId, (String, i64))>(db)?;
    let mut files: HashMap<EmailId, Vec<(String, i64)>> = gathered(files);
    let names = names_of(db, rows.iter().map(|row| row.6))?;
    let one = |(id, message_id, people, subject, text, (date, arrived_at), parent, (size, pruned_at)): Row| {
        let people: Value = serde_json::from_str(&people).with_context(|| format!("the people of e-mail {id}"))?;
        let files = files.remove(&id).unwrap_or_default();
        let files: Vec<Value> = files.into_iter().map(|(name, size)| json!({ "name": name, "size": size })).collect();
        Ok(json!({
            "id": id, "message_id": message_id, "date": rfc3339(date), "arrived_at": rfc3339(arrived_at), "people": people,
            "subject": subject, "text": text.read_if_whole(id)?, "record": parent.and_then(|parent| names.get(&parent)), "attachments": files,
            "raw_size": size, "raw_pruned_at": pruned_at.map(rfc3339),
        }))
    };
    rows.into_iter().map(one).collect()
}

/// Raw bytes of an e-mail, or of a copy of it.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    pub email: EmailId,
    raw: i64,
}

/// Lists the raw bytes of e-mails, their copies' as well: the first of each e-mail is its own. In lots that are read at once.
pub fn raws_of(db: &mut Database, those: &[EmailId]) -> Result<Vec<Vec<Bytes>>> {
    let own = emails::table.inner_join(raws::table.on(raws::id.eq(emails::raw_id))).filter(emails::id.eq_any(those));
    let mut all: Vec<(EmailId, i64, i64)> = own.select((emails::id, raws::id, raws::size)).load(db)?;
    let copies = email_copies::table.inner_join(raws::table.on(raws::id.eq(email_copies::raw_id)));
    let copies = copies.filter(email_copies::email_id.eq_any(those)).order(email_copies::id);
    all.extend(copies.select((email_copies::email_id, raws::id, raws::size)).load::<(EmailId, i64, i64)>(db)?);
    all.sort_by_key(|(email, ..)| *email);
    let mut lots: Vec<Vec<Bytes>> = Vec::new();
    let mut room = 0;
    for (email, raw, size) in all {
        match lots.last_mut().filter(|_| size <= room) {
            Some(lot) => lot.push(Bytes { email, raw }),
            None => {
                lots.push(vec![Bytes { email, raw }]);
                room = LOT;
            }
        }
        room -= size;
    }
    Ok(lots)
}

/// How many raw bytes are read at once; one message may have more.
const LOT: i64 = 8 << 20;

/// Reads raw bytes, in the order of a lot; none where they were pruned.
pub fn bytes(db: &mut Database, lot: &[Bytes]) -> Result<Vec<Option<Vec<u8>>>> {
    let ids: Vec<i64> = lot.iter().map(|one| one.raw).collect();
    let rows = raws::table.filter(raws::id.eq_any(&ids)).select(Row::as_select()).load::<Row>(db)?;
    let rows: HashMap<i64, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut read = Vec::with_capacity(lot.len());
    for one in lot {
        // The same bytes may be those of two.
        let row = rows.get(&one.raw).cloned().with_context(|| format!("the raw bytes of e-mail {}", one.email))?;
        read.push(match open(db, row)? {
            Left::Kept(bytes) => Some(bytes),
            Left::Pruned(_) => None,
        });
    }
    Ok(read)
}

/// Tells of a record.
pub fn record_of(db: &mut Database, id: RecordId) -> Result<Value> {
    Ok(serde_json::to_value(record::show(db, id)?)?)
}

/// Tells of cases with their streams; of e-mails that are not among some, which are others', there is nothing.
pub fn told_cases(db: &mut Database, those: &[RecordId], theirs: &HashSet<EmailId>) -> Result<Vec<Value>> {
    let mut streams = case::streams(db, those, &Sight::Everything, Texts::Remembered)?;
    let one = |case: Case| {
        let mut stream = streams.remove(&case.id).unwrap_or_default();
        stream.retain(|entry| entry.email.is_none_or(|email| theirs.contains(&email)));
        let mut told = serde_json::to_value(case)?;
        told["stream"] = serde_json::to_value(stream)?;
        Ok(told)
    };
    case::load(db, those)?.into_iter().map(one).collect()
}

/// Tells of what filters skipped of theirs.
pub fn skipped_of(db: &mut Database, address: &str) -> Result<Vec<Value>> {
    let rows = fates::table.filter(fates::author.eq(address)).order(fates::at);
    let rows = rows.select((fates::at, fates::message_id, fates::subject)).load::<(i64, Option<String>, Option<String>)>(db)?;
    Ok(rows.into_iter().map(|(at, id, subject)| json!({ "at": rfc3339(at), "message_id": id, "subject": subject })).collect())
}
