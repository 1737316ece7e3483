//! A letter from a template: what it can name, of the message that is written (SEND-9).

use anyhow::Result;

use crate::context::Context;
use crate::decide::sender::Sender;
use crate::mail::Address;
use crate::mail::reply::Original;
use crate::mail::template::{CaseOf, Letter, Matter, Template, Values};
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
    let (mut account, mut shown) = (String::new(), None);
    if let Some(parent) = about.parent {
        let id = record::find(db, parent, &[])?;
        let of = if parent.kind == RecordKind::Account { Some(parent) } else { record::show(db, id)?.account };
        if let Some(of) = of {
            let id = record::find(db, of, &[])?;
            account = record::show(db, id)?.name;
        }
        if parent.kind == RecordKind::Case {
            shown = Some(case::show(db, id)?);
        }
    }
    let user = match context.actor_ref().user {
        Some(user) => Some((user::name_of(db, user)?, user::addresses_of(db, user)?.into_iter().next().unwrap_or_default())),
        None => None,
    };
    let through = account::find(db, &about.sender.account.to_string())?;
    Ok(Values::of(&Matter {
        person: about.to,
        account: &account,
        case: shown.as_ref().map(|case| CaseOf {
            number: case.number,
            name: &case.name,
            status: Some(case.status),
            priority: case.priority,
        }),
        user: user.as_ref().map(|(name, address)| (name.as_str(), address.as_str())),
        original: about.original,
        mailbox: (&through.name, &through.address),
        now: context.now(),
    }))
}
