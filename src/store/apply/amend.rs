//! Reads a stored e-mail again (WHY-2): what is derived from its bytes is compared, and written where it differs.

use std::collections::BTreeMap;

use anyhow::Result;
use diesel::prelude::*;
use serde_json::Value;

use super::rows::{AttachmentRow, EmailRow};
use crate::store::email::attachments_of;
use crate::store::event::{self, EventRow};
use crate::store::schema::{attachments, email_texts, emails};
use crate::store::texts::{Said, TextRow};
use crate::store::{Database, dialect};
use crate::words::{EmailId, FilterId, FolderId, ThreadId, UserId};

/// Columns that people do not ask for.
const SILENT: [&str; 5] = ["content_digest", "filed_by", "subject_from", "subject_to", "thread_id"];

/// What was read and what is read now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    pub field: String,
    pub was: Value,
    pub is: Value,
}

/// What is derived from the bytes of an e-mail, and what the rules of the day read in it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, AsChangeset, serde::Serialize)]
#[diesel(table_name = emails, treat_none_as_null = true)]
struct Reading {
    pub thread_id: ThreadId,
    pub message_id: String,
    pub content_digest: Vec<u8>,
    pub from_address: String,
    pub subject: String,
    pub date: i64,
    pub header_date: Option<i64>,
    pub replied_id: Option<EmailId>,
    pub is_archived: bool,
    pub folder_id: Option<FolderId>,
    pub filed_by: Option<FilterId>,
    pub is_ours: bool,
    pub is_claimed: bool,
    pub author_id: Option<UserId>,
    pub subject_from: i64,
    pub subject_to: i64,
    pub automatic: String,
}

impl From<EmailRow<'_>> for Reading {
    fn from(row: EmailRow<'_>) -> Self {
        Self {
            thread_id: row.thread_id,
            message_id: row.message_id.into_owned(),
            content_digest: row.content_digest.to_vec(),
            from_address: row.from_address,
            subject: row.subject.into_owned(),
            date: row.date,
            header_date: row.header_date,
            replied_id: row.replied_id,
            is_archived: row.is_archived,
            folder_id: row.folder_id,
            filed_by: row.filed_by,
            is_ours: row.is_ours,
            is_claimed: row.is_claimed,
            author_id: row.author_id,
            subject_from: row.subject_from,
            subject_to: row.subject_to,
            automatic: row.automatic,
        }
    }
}

/// An e-mail that is read again.
pub(super) struct Amended<'a> {
    pub row: EmailRow<'a>,
    pub said: Said,
    pub attachments: Vec<AttachmentRow<'a>>,
    pub events: Vec<EventRow<'a>>,
}

impl Amended<'_> {
    /// Writes it where something differs; says what.
    pub(super) fn write(self, db: &mut Database) -> Result<Vec<Difference>> {
        let id = self.row.id;
        let now = Reading::from(self.row);
        let was = emails::table.find(id).select(Reading::as_select()).first::<Reading>(db)?;
        let (said, had) = (self.said, Said::by(db, id)?);
        let mut differences = differences((&was, &had), (&now, &said))?;
        if now != was {
            diesel::update(emails::table.find(id)).set(&now).execute(db)?;
        }
        if said != had {
            diesel::update(email_texts::table.find(id)).set(&TextRow::new(id, said)).execute(db)?;
        }
        let named = |name: &str, part: &str, size: i64, inline: bool| format!("{name} ({part}, {size} bytes, inline {inline})");
        let were = attachments_of(db, id)?;
        let size = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        let were: Vec<String> = were.iter().map(|one| named(&one.name, &one.part, size(one.size), one.inline)).collect();
        let are: Vec<String> = self.attachments.iter().map(|one| named(&one.name, &one.part, one.size, one.is_inline)).collect();
        if were != are {
            diesel::delete(attachments::table.filter(attachments::email_id.eq(id))).execute(db)?;
            dialect::insert_all!(&mut *db, attachments::table, &self.attachments)?;
            differences.push(Difference { field: "attachments".to_string(), was: were.into(), is: are.into() });
        }
        if differences.iter().any(|difference| difference.field == "calendar") {
            event::rewrite(db, id, &self.events)?;
        }
        if !differences.is_empty() {
            crate::store::search::renew(db, id)?;
        }
        Ok(differences)
    }
}

/// What people ask for that is read otherwise now, by the name of its field.
fn differences(was: (&Reading, &Said), is: (&Reading, &Said)) -> Result<Vec<Difference>> {
    let fields = |(reading, said): (&Reading, &Said)| -> Result<BTreeMap<String, Value>> {
        let both = [serde_json::to_value(reading)?, serde_json::to_value(said)?].into_iter();
        Ok(both.flat_map(|one| one.as_object().cloned().unwrap_or_default()).collect())
    };
    let mut now = fields(is)?;
    let mut differences = Vec::new();
    for (field, was) in fields(was)? {
        let is = now.remove(&field).unwrap_or_default();
        if was != is && !SILENT.contains(&field.as_str()) {
            differences.push(Difference { field, was, is });
        }
    }
    Ok(differences)
}
