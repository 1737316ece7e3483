//! The trace that every change by a person leaves.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use diesel::dsl::max;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::noun::{counted, in_lists, number};
use super::schema::{audit, audit_emails, reviews};
use super::{Backend, Database, clean, dialect};
use crate::decide::Plan;
use crate::decide::access::Permit;
use crate::words::{EmailId, ReviewId};

/// One change by a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub struct Trace {
    pub id: i64,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
    /// The account of the operating system that asked.
    pub os_account: String,
    /// The login of the espomail user that acted; none for the service account itself.
    #[diesel(column_name = acting)]
    pub user: Option<String>,
    /// Whether `--as` named the user.
    #[diesel(column_name = is_on_behalf)]
    pub on_behalf: bool,
    /// Noun and verb as typed (`case close`).
    pub action: String,
    pub subject: String,
    pub detail: String,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct TraceFilter {
    pub subject: Option<String>,
    /// A login or an account of the operating system.
    pub who: Option<String>,
    pub since: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// The changes that somebody asks for.
fn chosen(filter: &TraceFilter) -> audit::BoxedQuery<'_, Backend> {
    let mut query = audit::table.into_boxed();
    if let Some(subject) = &filter.subject {
        query = query.filter(audit::subject.eq(subject));
    }
    if let Some(who) = &filter.who {
        query = query.filter(audit::acting.eq(who).or(audit::os_account.eq(who).nullable()));
    }
    if let Some(since) = filter.since {
        query = query.filter(audit::at.ge(since));
    }
    query
}

/// Counts changes by people, no more than asked for.
pub fn count(db: &mut Database, filter: &TraceFilter, most: i64) -> Result<i64> {
    counted!(db, chosen(filter), audit::id, most)
}

/// Lists changes by people, the newest first.
pub fn list(db: &mut Database, filter: &TraceFilter) -> Result<Vec<Trace>> {
    Ok(chosen(filter).select(Trace::as_select()).order(audit::id.desc()).limit(filter.limit).offset(filter.offset).load(db)?)
}

/// How much of a value the audit keeps, in characters.
const KEPT: usize = 80;

/// Tells what of a thing was changed, from what to what, as it is shown in JSON. Of a password it says only that.
pub fn differences(before: &impl Serialize, after: &impl Serialize) -> Result<String> {
    let mut told = Vec::new();
    differ("", &serde_json::to_value(before)?, &serde_json::to_value(after)?, &mut told);
    Ok(told.join("; "))
}

fn differ(name: &str, before: &Value, after: &Value, told: &mut Vec<String>) {
    let fields = |value: &Value| match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Null => Some(Map::new()),
        _ => None,
    };
    if (before.is_object() || after.is_object())
        && let (Some(old), Some(new)) = (fields(before), fields(after))
    {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let of = |fields: &Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
            let name = if name.is_empty() { key.clone() } else { format!("{name}-{key}") };
            differ(&name.replace('_', "-"), &of(&old), &of(&new), told);
        }
        return;
    }
    let (old, new) = (shown(before), shown(after));
    let is_less = |one: &Value, other: &Value| one.is_null() && *other == Value::Bool(false);
    if old == new || is_less(before, after) || is_less(after, before) {
        return;
    }
    if name.ends_with("password") {
        told.push(name.to_string());
    } else {
        told.push(format!("{name}: {old} -> {new}"));
    }
}

/// What is not there and what is empty read the same.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    match text.char_indices().nth(KEPT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.is_empty() => "-".to_string(),
        None => text,
    }
}

/// Returns what people did to an e-mail, the oldest first, each with the plan as JSON (WHY-1).
pub fn words_on(db: &mut Database, email: EmailId) -> Result<Vec<(Trace, String)>> {
    Ok(audit::table
        .inner_join(audit_emails::table.on(audit_emails::audit_id.eq(audit::id)))
        .filter(audit_emails::email_id.eq(email))
        .filter(audit::why.is_not_null())
        .order(audit::id)
        .select((Trace::as_select(), audit::why.assume_not_null()))
        .load(db)?)
}

/// How a person's letter is begun.
pub(super) const WRITTEN: [&str; 7] =
    ["email compose", "email reply", "email forward", "case reply", "event accept", "event decline", "event tentative"];

/// What else is said of an e-mail, and stands in no plan.
const SAID: [&str; 4] = ["email edit", "review accept", "review split", "review reject"];

/// Returns how a letter of ours came to be, and how a review of an e-mail ended, with what was said to that: no plan stands beside it.
pub fn said_of(db: &mut Database, email: EmailId) -> Result<Vec<Trace>> {
    let reviews = reviews::table.filter(reviews::email_id.eq(email)).select(reviews::id).load::<ReviewId>(db)?;
    let subjects = reviews.into_iter().map(|id| format!("review:{id}")).chain([format!("email:{email}")]);
    let of = audit::table.filter(audit::subject.eq_any(subjects.collect::<Vec<_>>())).filter(audit::why.is_null());
    Ok(of
        .filter(audit::action.eq_any(WRITTEN.iter().chain(&SAID).copied()))
        .order(audit::id)
        .select(Trace::as_select())
        .load(db)?)
}

/// Returns who deleted an e-mail for everybody, by its number or its Message-ID (ACCESS-2).
pub fn deletions_of(db: &mut Database, wanted: &str) -> Result<Vec<Trace>> {
    let mut of = audit::table.filter(audit::action.eq("email delete")).into_boxed::<Backend>();
    of = match wanted.parse::<i64>() {
        Ok(email) => of.filter(audit::subject.eq(format!("email:{email}"))),
        Err(_) => of.filter(audit::detail.eq(wanted)),
    };
    Ok(of.order(audit::id).select(Trace::as_select()).load(db)?)
}

/// Returns the last plan of an action on a subject, as JSON, with its e-mails; none where there was no such action, or it was undone.
pub fn last_plan(db: &mut Database, [action, undo]: [&str; 2], subject: &str) -> Result<Option<(Vec<EmailId>, String)>> {
    let of = audit::table.filter(audit::subject.eq(subject)).filter(audit::action.eq_any([action, undo]));
    let of = of.filter(audit::why.is_not_null()).order(audit::id.desc());
    let columns = (audit::id, audit::action, audit::why.assume_not_null());
    let last = of.select(columns).first::<(i64, String, String)>(db).optional()?;
    let Some((last, _, why)) = last.filter(|(_, last, _)| last == action) else { return Ok(None) };
    let ids = audit_emails::table.filter(audit_emails::audit_id.eq(last)).order(audit_emails::email_id);
    Ok(Some((ids.select(audit_emails::email_id).load(db)?, why)))
}

/// Returns the last plan by which a person put each of some e-mails into a group folder, or took it out, as JSON.
pub fn last_filed(db: &mut Database, emails: &[EmailId]) -> Result<HashMap<EmailId, String>> {
    let rows = in_lists(db, emails, |db, some| {
        let of = audit::table.inner_join(audit_emails::table.on(audit_emails::audit_id.eq(audit::id)));
        let of = of.filter(audit_emails::email_id.eq_any(some)).filter(audit::action.eq("email move"));
        let filed = of.filter(audit::detail.like("group folder %").or(audit::detail.eq("no group folder")));
        let filed = filed.filter(audit::why.is_not_null()).order(audit::id);
        Ok(filed.select((audit_emails::email_id, audit::why.assume_not_null())).load::<(EmailId, String)>(db)?)
    })?;
    Ok(rows.into_iter().collect())
}

/// Returns what was said of an action on one subject since the last time that another was done to another one.
pub fn since_last(
    db: &mut Database,
    (marked, marked_subject): (&str, &str),
    (action, subject): (&str, &str),
) -> Result<Vec<String>> {
    let last = audit::table.filter(audit::subject.eq(marked_subject)).filter(audit::action.eq(marked));
    let Some(last) = last.select(max(audit::id)).first::<Option<i64>>(db)? else { return Ok(Vec::new()) };
    let of = audit::table.filter(audit::subject.eq(subject)).filter(audit::action.eq(action)).filter(audit::id.gt(last));
    Ok(of.order(audit::id).select(audit::detail).load(db)?)
}

/// Records who changed what, in the transaction of the change. `action` is verb and noun as typed (`case close`).
pub fn record(db: &mut Database, permit: &Permit<'_>, action: &str, subject: &str, detail: &str, now: i64) -> Result<()> {
    write(db, permit, (action, subject, detail), None, now).map(|_| ())
}

/// The same of what takes several transactions: one line, written in the first that changes anything, where there is none yet, and made to
/// say in each later one what is done by then. Returns its number, which is good once that transaction is committed.
pub fn record_so_far(
    db: &mut Database,
    permit: &Permit<'_>,
    line: Option<i64>,
    (action, subject, detail): (&str, &str, &str),
    now: i64,
) -> Result<i64> {
    let Some(line) = line else { return write(db, permit, (action, subject, detail), None, now) };
    diesel::update(audit::table.find(line)).set(audit::detail.eq(clean(detail))).execute(db)?;
    Ok(line)
}

#[derive(Insertable)]
#[diesel(table_name = audit_emails, treat_none_as_default_value = false)]
struct AuditEmailRow {
    email_id: EmailId,
    audit_id: i64,
}

/// The same of what rules decided by a person's word: the plan with its reasons stands beside it, for each e-mail that it concerns.
pub fn record_plan(
    db: &mut Database,
    permit: &Permit<'_>,
    (action, subject, detail): (&str, &str, &str),
    (plan, emails): (&Plan, &[EmailId]),
    now: i64,
) -> Result<()> {
    let audit_id = write(db, permit, (action, subject, detail), Some(plan), now)?;
    let rows: Vec<AuditEmailRow> = emails.iter().map(|email| AuditEmailRow { email_id: *email, audit_id }).collect();
    dialect::insert_all!(&mut *db, audit_emails::table, &rows)?;
    Ok(())
}

fn write(
    db: &mut Database,
    permit: &Permit<'_>,
    (action, subject, detail): (&str, &str, &str),
    plan: Option<&Plan>,
    now: i64,
) -> Result<i64> {
    let actor = permit.actor();
    let id = number(db, "audit")?;
    diesel::insert_into(audit::table)
        .values((
            audit::id.eq(id),
            audit::at.eq(now),
            audit::os_account.eq(&actor.os_account),
            audit::acting.eq(&actor.login),
            audit::is_on_behalf.eq(actor.on_behalf),
            audit::action.eq(action),
            audit::subject.eq(subject),
            audit::detail.eq(clean(detail)),
            audit::why.eq(plan.map(serde_json::to_string).transpose()?),
        ))
        .execute(db)?;
    Ok(id)
}
