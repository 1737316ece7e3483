//! A letter from a template: what it can name, of the message that is written (SEND-9).

use anyhow::Result;

use crate::commands::right;
use crate::context::Context;
use crate::decide::access::act;
use crate::mail::Address;
use crate::mail::compose::File;
use crate::mail::reply::Original;
use crate::mail::template::{Matter, Names, Rendered, Template, Values, Writer};
use crate::store::record::{self, RecordName};
use crate::store::template::{self, Stored};
use crate::store::{Database, account, email, fields, participant, relation, remembered, user};
use crate::words::{AccountId, RecordId, RecordKind, RoleAction};

/// What a letter is about.
pub struct About<'a> {
    pub to: Option<&'a Address>,
    pub parent: Option<RecordName>,
    pub original: Option<&'a Original>,
    /// The account that it goes out through; none is there any more.
    pub account: Option<AccountId>,
}

/// A letter that a template made, with the files that go along.
pub struct Filled {
    pub letter: Rendered,
    pub files: Vec<File>,
}

/// Fills a template.
pub fn fill(context: &Context, db: &mut Database, stored: &Stored, about: &About<'_>) -> Result<Filled> {
    let checked = Template::check(&stored.source(), &Names::new(fields::names(&context.switches().fields)))?;
    let letter = checked.render(&values(context, db, about)?)?;
    Ok(Filled { letter, files: template::files(db, stored.id)? })
}

/// Fills a template as an answer to a stored e-mail, to look at it; nothing is written.
pub fn for_email(context: &Context, db: &mut Database, stored: &Stored, wanted: &str) -> Result<Filled> {
    let (id, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
    let answered = email::show(db, id)?;
    let mut original = Original::from(&remembered::mail(db, id, true)?.unwrap_or_default());
    participant::drop_ours(db, &mut original.reply_to)?;
    let to = original.reply_to.first().or(original.from.as_ref()).cloned();
    let through = answered.accounts.first().map(|name| account::find(db, name)).transpose()?;
    let account = through.map(|account| account.id);
    fill(context, db, stored, &About { to: to.as_ref(), parent: answered.parent, original: Some(&original), account })
}

/// Fills a template with an example of everything that it can name.
pub fn for_examples(context: &Context, db: &mut Database, stored: &Stored) -> Result<Filled> {
    let names = Names::new(fields::names(&context.switches().fields));
    let letter = Template::check(&stored.source(), &names)?.render(&Values::examples(&names))?;
    Ok(Filled { letter, files: template::files(db, stored.id)? })
}

fn values(context: &Context, db: &mut Database, about: &About<'_>) -> Result<Values> {
    let person = about.to.map(|to| fields::person(db, &to.address)).transpose()?.flatten();
    let parent = about.parent.map(|named| record::find(db, named, &[])).transpose()?;
    let mut concerned = parent.map(|id| fields::around(db, id)).transpose()?.unwrap_or_default();
    concerned.extend(person.filter(|(kind, _)| concerned.iter().all(|(of, _)| of != kind)));
    // What one may not read does not get into a letter either (ACCESS-2).
    let mut readable = Vec::with_capacity(concerned.len());
    for (kind, id) in concerned.iter().copied().chain(person) {
        if may_read(context, db, kind, id)? {
            readable.push(id);
        }
    }
    let said = fields::of(db, &readable, &mut |db, kind, id| may_read(context, db, kind, id))?;
    let records: Vec<_> = concerned.iter().filter_map(|(kind, id)| Some((*kind, said.get(id)?))).collect();
    let writer = context.actor_ref().user.map(|id| user::show(db, id)).transpose()?;
    let through = about.account.map(|id| account::find(db, &id.to_string())).transpose()?;
    Ok(Values::of(&Matter {
        person: about.to,
        known_as: person.and_then(|(_, id)| said.get(&id)),
        parent: about.parent.map(|named| (named.kind, named.number)),
        records: &records,
        user: writer.as_ref().map(|user| Writer {
            login: &user.login,
            name: &user.settings.name,
            address: user.addresses.first().map_or("", String::as_str),
            default_team: user.default_team.as_deref().unwrap_or_default(),
        }),
        original: about.original,
        mailbox: through.as_ref().map_or(("", ""), |account| (&account.name, &account.address)),
        now: context.now(),
    }))
}

fn may_read(context: &Context, db: &mut Database, kind: RecordKind, id: RecordId) -> Result<bool> {
    let actor = context.actor_ref();
    let relation = relation::of_record(db, actor, id)?;
    Ok(act(actor, kind.scope(), RoleAction::Read, relation).is_ok())
}
