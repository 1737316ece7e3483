//! Who of us wrote a letter or did what a stream tells, as the trace of changes knows: also those who are no users, and those who are
//! users no more.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;
use serde_json::Value;

use crate::decide::access::Sight;
use crate::store::access::WRITTEN;
use crate::store::noun::in_lists;
use crate::store::reached::has_reached;
use crate::store::schema::{audit, emails, outbox, users};
use crate::store::{Database, relation};
use crate::words::{EmailId, NoteId, OutboxState, OutgoingKind};

/// Who acted: the user, else the account of the operating system.
type Acted = (Option<String>, String);

fn name((user, os_account): Acted) -> String {
    user.unwrap_or(os_account)
}

/// Returns who of us wrote some e-mails; what the rules wrote, and what others did, has nobody.
pub fn wrote(db: &mut Database, ids: &[EmailId]) -> Result<HashMap<EmailId, String>> {
    let rows = in_lists(db, ids, |db, some| {
        let of = emails::table.inner_join(users::table.on(users::id.nullable().eq(emails::author_id)));
        Ok(of.filter(emails::id.eq_any(some)).select((emails::id, users::login)).load::<(EmailId, String)>(db)?)
    })?;
    let mut found: HashMap<EmailId, String> = rows.into_iter().collect();
    let others: HashMap<String, EmailId> =
        ids.iter().filter(|id| !found.contains_key(id)).map(|id| (format!("email:{id}"), *id)).collect();
    let subjects: Vec<&String> = others.keys().collect();
    let rows = in_lists(db, &subjects, |db, some| {
        let of = audit::table.filter(audit::subject.eq_any(some.iter().copied())).filter(audit::action.eq_any(WRITTEN));
        Ok(of.select((audit::subject, (audit::acting, audit::os_account))).load::<(String, Acted)>(db)?)
    })?;
    found.extend(rows.into_iter().filter_map(|(subject, acted)| Some((*others.get(&subject)?, name(acted)))));
    Ok(found)
}

/// A letter that answers an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Answered {
    pub email: EmailId,
    pub by: Option<String>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
}

/// Returns the last letter of a person that answers an e-mail and has gone out, or may have: what waits is its author's alone (SEND-1).
/// Only of those that the one who asks may read.
pub fn answered(db: &mut Database, email: EmailId, sight: &Sight) -> Result<Option<Answered>> {
    let gone = outbox::state.eq_any([OutboxState::Sending, OutboxState::MaybeSent]).or(has_reached());
    let letters =
        emails::table.inner_join(outbox::table.on(outbox::email_id.eq(emails::id))).filter(emails::replied_id.eq(email));
    let by_people = letters.filter(gone).filter(outbox::kind.eq(OutgoingKind::Reply));
    let all = by_people.select((emails::id, outbox::created_at, outbox::sent_at)).load::<(EmailId, i64, Option<i64>)>(db)?;
    let ids: Vec<EmailId> = all.iter().map(|(id, ..)| *id).collect();
    let seen = in_lists(db, &ids, |db, some| {
        let Some(visible) = relation::visible_emails(sight) else { return Ok(Vec::new()) };
        Ok(emails::table.filter(emails::id.eq_any(some)).filter(visible).select(emails::id).load::<EmailId>(db)?)
    })?;
    let last = all.into_iter().filter(|(id, ..)| seen.contains(id)).max_by_key(|(id, ..)| *id);
    let Some((id, written, sent)) = last else { return Ok(None) };
    Ok(Some(Answered { email: id, by: wrote(db, &[id])?.remove(&id), at: sent.unwrap_or(written) }))
}

/// Returns who wrote some notes, each with when it was written; a note of the rules has nobody.
pub(super) fn noted(db: &mut Database, notes: &[(NoteId, i64)]) -> Result<HashMap<NoteId, String>> {
    let wanted: HashSet<i64> = notes.iter().map(|(id, _)| id.0).collect();
    let times: Vec<i64> = notes.iter().map(|(_, at)| *at).collect::<HashSet<i64>>().into_iter().collect();
    let rows = in_lists(db, &times, |db, some| {
        let of = audit::table.filter(audit::at.eq_any(some)).filter(audit::why.is_not_null());
        Ok(of.select((audit::why.assume_not_null(), (audit::acting, audit::os_account))).load::<(String, Acted)>(db)?)
    })?;
    let mut found = HashMap::new();
    for (why, acted) in rows {
        // What cannot be read says nothing.
        let plan: Value = serde_json::from_str(&why).unwrap_or_default();
        let who = name(acted);
        found.extend(notes_of(&plan).filter(|id| wanted.contains(id)).map(|id| (NoteId(id), who.clone())));
    }
    Ok(found)
}

/// The notes that a plan writes, as it was written down.
fn notes_of(plan: &Value) -> impl Iterator<Item = i64> {
    let steps = plan["steps"].as_array().into_iter().flatten();
    let of = |step: &Value| -> Vec<i64> {
        match step["do"].as_str() {
            Some("add-note") => step["id"].as_i64().into_iter().collect(),
            Some("merge-cases") => step["notes"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect(),
            _ => Vec::new(),
        }
    };
    steps.flat_map(of)
}
