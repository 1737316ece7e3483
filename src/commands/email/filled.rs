//! A letter from a template: what it can name, of the message that is written (SEND-9).

use anyhow::Result;

use crate::clock::rfc3339;
use crate::context::Context;
use crate::decide::sender::Sender;
use crate::mail::Address;
use crate::mail::reply::Original;
use crate::mail::template::{Letter, Placeholder, Template, Values};
use crate::store::record::{self, RecordName};
use crate::store::{Database, account, case, template, user};
use crate::words::RecordKind;

/// What a letter is about.
pub struct About<'a> {
    pub to: Option<&'a Address>,
    pub parent: Option<RecordName>,
    pub original: Option<&'a Original>,
    pub sender: &'a Sender,
}

/// Fills a template.
pub fn letter(context: &Context, db: &mut Database, wanted: &str, about: &About<'_>) -> Result<Letter> {
    let stored = template::find(db, wanted)?;
    let checked = Template::check(&stored.subject, &stored.body, stored.is_html)?;
    checked.render(&values(context, db, about)?)
}

fn values(context: &Context, db: &mut Database, about: &About<'_>) -> Result<Values> {
    use Placeholder as P;
    let mut values = Values::default();
    if let Some(to) = about.to {
        let name = if to.name.is_empty() { to.address.split('@').next().unwrap_or_default() } else { &to.name };
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        values.set(P::PersonName, name);
        values.set(P::PersonFirstName, first);
        values.set(P::PersonLastName, last);
        values.set(P::PersonEmailAddress, &to.address);
    }
    if let Some(parent) = about.parent {
        let id = record::find(db, parent, &[])?;
        let mut account = record::show(db, id)?.account;
        if parent.kind == RecordKind::Account {
            account = Some(parent);
        }
        if let Some(account) = account {
            let id = record::find(db, account, &[])?;
            values.set(P::AccountName, &record::show(db, id)?.name);
        }
        if parent.kind == RecordKind::Case {
            let case = case::show(db, id)?;
            values.set(P::CaseNumber, &case.number.to_string());
            values.set(P::CaseName, &case.name);
            values.set(P::CaseStatus, case.status.as_str());
            values.set(P::CasePriority, case.priority.map_or("", |priority| priority.as_str()));
        }
    }
    if let Some(user) = context.actor_ref().user {
        values.set(P::UserName, &user::name_of(db, user)?);
        values.set(P::UserEmailAddress, user::addresses_of(db, user)?.first().map_or("", String::as_str));
    }
    if let Some(original) = about.original {
        values.set(P::EmailSubject, &original.subject);
        if let Some(from) = &original.from {
            values.set(P::EmailFromName, if from.name.is_empty() { &from.address } else { &from.name });
            values.set(P::EmailFromAddress, &from.address);
        }
        let date = original.date.map(rfc3339).unwrap_or_default();
        values.set(P::EmailDate, date.get(..10).unwrap_or_default());
    }
    let through = account::find(db, &about.sender.account.to_string())?;
    values.set(P::MailboxName, &through.name);
    values.set(P::MailboxEmailAddress, &through.address);
    let now = rfc3339(context.now());
    values.set(P::Today, now.get(..10).unwrap_or_default());
    values.set(P::Now, &now.get(..16).unwrap_or_default().replace('T', " "));
    values.set(P::CurrentYear, now.get(..4).unwrap_or_default());
    Ok(values)
}
