//! An e-mail as its row remembers it: what its raw bytes said, as far as that stands in the database, where they were pruned.

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::email::attachments_of;
use super::raw::{Left, left_of};
use super::schema::{emails, raws};
use super::texts::Said;
use crate::fault::{Class, class_of};
use crate::mail::{self, Mail, split};
use crate::words::EmailId;

/// Reads an e-mail for the rules, or with its HTML; where its raw bytes were pruned, as it is remembered. None where there is none.
pub fn mail(db: &mut Database, id: EmailId, with_html: bool) -> Result<Option<Mail>> {
    match left_of(db, id)? {
        None => Ok(None),
        Some(Left::Kept(bytes)) if with_html => Ok(Some(mail::parse(&bytes))),
        Some(Left::Kept(bytes)) => Ok(Some(mail::parse_for_rules(&bytes))),
        Some(Left::Pruned(_)) => remembered(db, id).map(Some),
    }
}

/// The same for whoever only shows it: where its raw bytes lie outside the database and cannot be had now, as it is remembered.
pub fn shown(db: &mut Database, id: EmailId, with_html: bool) -> Result<Option<Mail>> {
    match mail(db, id, with_html) {
        Err(error) if matches!(class_of(&error), Class::Unavailable | Class::Io | Class::Config) => {
            log::warn!("{error:#}; e-mail {id} is shown as the database remembers it");
            remembered(db, id).map(Some)
        }
        other => other,
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = emails)]
struct Row {
    raw_id: i64,
    message_id: String,
    content_digest: Vec<u8>,
    subject: String,
    header_date: Option<i64>,
    automatic: String,
}

/// What is not known is not there: the header, ancestors, HTML, a delivery report. Nor is Bcc, which stood in no header of ours.
fn remembered(db: &mut Database, id: EmailId) -> Result<Mail> {
    let row = emails::table.find(id).select(Row::as_select()).first::<Row>(db)?;
    let said = Said::by(db, id)?;
    let people = said.everybody(id)?;
    let parts = split(&said.text, &row.subject);
    let (raw_digest, size) = raws::table.find(row.raw_id).select((raws::digest, raws::size)).first::<(Vec<u8>, i64)>(db)?;
    let digest_of = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).unwrap_or_default();
    // Where there is no Message-ID, a digest stands for it.
    let message_id = Some(row.message_id).filter(|id| !id.starts_with("blake3:"));
    Ok(Mail {
        message_id,
        from: people.from.into_iter().next(),
        reply_to: people.reply_to,
        to: people.to,
        cc: people.cc,
        subject: row.subject,
        date: row.header_date,
        text: said.text,
        reply_text: parts.reply,
        quoted_text: parts.quoted,
        signature: parts.signature,
        attachments: attachments_of(db, id)?,
        automatic: serde_json::from_str(&row.automatic)?,
        defects: serde_json::from_str(&said.defects)?,
        calendar: said.calendar.as_deref().map_or(Ok(Vec::new()), serde_json::from_str)?,
        list: said.list_id,
        content_digest: digest_of(row.content_digest),
        raw_digest: digest_of(raw_digest),
        size: size.unsigned_abs(),
        ..Mail::default()
    })
}
