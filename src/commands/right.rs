//! Finds a record or an e-mail for somebody, with the right to read or to change it (ACCESS-2). What one may not read is not
//! there: "not found" and "not allowed" read the same.

use anyhow::Result;

use super::argument::quoted;
use crate::context::Context;
use crate::decide::access::{Actor, Inbox, Permit, Permitted, Sight, act, administer, keep, keep_own, read_copy, sight};
use crate::fault::{Class, Fault};
use crate::plural::counted;
use crate::store::account::{self, Account};
use crate::store::email::EmailFilter;
use crate::store::raw::{self, Copy};
use crate::store::record::{self, RecordName};
use crate::store::{Database, email, relation, user};
use crate::words::{AccountId, EmailId, RecordId, RecordKind, RoleAction, RoleScope, UserId};

/// Reads a case's number, `case:NUMBER` or `#NUMBER`.
pub fn case_name(wanted: &str) -> Result<RecordName> {
    let number = wanted.strip_prefix("case:").or_else(|| wanted.strip_prefix('#')).unwrap_or(wanted);
    let number =
        number.parse().map_err(|_| Fault::new(Class::Usage, format!("{wanted:?} is no case number, such as 42 or case:42")))?;
    Ok(RecordName { kind: RecordKind::Case, number })
}

/// Finds a case by its number.
pub fn case<'a>(db: &mut Database, actor: &'a Actor, wanted: &str, action: RoleAction) -> Result<(RecordId, Permit<'a>)> {
    record(db, actor, case_name(wanted)?, action)
}

/// Finds a record of any kind.
pub fn record<'a>(db: &mut Database, actor: &'a Actor, named: RecordName, action: RoleAction) -> Result<(RecordId, Permit<'a>)> {
    let id = record::find(db, named, &[])?;
    let relation = relation::of_record(db, actor, id)?;
    if act(actor, named.kind.scope(), RoleAction::Read, relation).is_err() {
        return Err(record::missing(named));
    }
    match act(actor, named.kind.scope(), action, relation) {
        Ok(permit) => Ok((id, permit)),
        Err(_) => Err(refused(action, &named.to_string())),
    }
}

/// Finds an e-mail by its number or Message-ID.
pub fn email<'a>(db: &mut Database, actor: &'a Actor, wanted: &str, action: RoleAction) -> Result<(EmailId, Permit<'a>)> {
    // Several may bear one Message-ID (DUP-2); what others have must not stand before what one may read.
    let id = email::find_seen(db, wanted, &sight(actor, RoleScope::Email))?;
    let relation = relation::of_email(db, actor, id)?;
    if act(actor, RoleScope::Email, RoleAction::Read, relation).is_err() {
        return Err(email::missing(wanted));
    }
    match act(actor, RoleScope::Email, action, relation) {
        Ok(permit) => Ok((id, permit)),
        Err(_) => Err(refused(action, &format!("e-mail {id}"))),
    }
}

/// Lists those copies of an e-mail that the actor may read that they may look at, too: the header of each says how it came.
pub fn copies(db: &mut Database, actor: &Actor, id: EmailId) -> Result<Vec<Copy>> {
    let mut copies = raw::copies_of(db, id)?;
    copies.retain(|copy| read_copy(actor, copy.account.is_some(), copy.owner));
    Ok(copies)
}

/// Finds an e-mail account to ask what came through it: one that the actor may know of, or through which something came that the
/// actor may read.
pub fn through(db: &mut Database, actor: &Actor, wanted: &str) -> Result<AccountId> {
    account::find_seen(db, actor, wanted).map(|account| account.id).or_else(|missing| {
        // Somebody's own account is theirs, whoever else got its mail.
        let Some(found) = account::find(db, wanted).ok().filter(|found| found.owner.is_none()) else { return Err(missing) };
        let (through, sight) = (Some(found.id), sight(actor, RoleScope::Email));
        let seen = email::list(db, &EmailFilter { through, sight, limit: 1, ..EmailFilter::default() })?;
        if seen.is_empty() { Err(missing) } else { Ok(found.id) }
    })
}

/// Finds an e-mail account for changing it or for looking into it: one's own, or as an administrator any (ACCESS-1). Of the
/// accounts of others there is not even a hint.
pub fn account<'a>(db: &mut Database, context: &Context, actor: &'a Actor, wanted: &str) -> Result<(Account, Permit<'a>)> {
    let account = account::find_seen(db, actor, wanted)?;
    let permit = account.owner.map_or_else(|| administer(actor), |owner| keep_own(actor, owner));
    match permit {
        Ok(permit) => Ok((account, permit)),
        Err(_) => Err(context.refused("only administrators look after group accounts")),
    }
}

/// Says of an empty list that it is empty because no role lets the one who asks read such things.
pub fn tell_if_blind(context: &Context, scope: RoleScope, found: usize) {
    let actor = context.actor_ref();
    if let Some(login) = actor.login.as_ref().filter(|_| found == 0 && sight(actor, scope) == Sight::Nothing) {
        let things = counted(2, scope.as_str().replace("email", "e-mail").as_str()).replacen("2 ", "", 1);
        context.out.announce(&format!("no role lets you read {things}; see: espomail user rights {}", quoted(login)));
    }
}

/// ACCESS-1: what is a user's own they do themselves, and administrators for them.
pub fn own(context: &Context, user: UserId) -> Result<Permit<'_>> {
    keep_own(context.actor_ref(), user).map_err(|_| context.refused("only administrators do this for others"))
}

/// Finds whose inbox is meant: a named user's, or that of the one who asks (ACCESS-1). `nobodys` says what the service account has none
/// of, `anothers` what is refused.
pub fn inbox<'a>(
    context: &'a Context,
    db: &mut Database,
    login: Option<&str>,
    (nobodys, anothers): (&str, &str),
) -> Result<Permitted<'a, Inbox>> {
    let actor = context.actor_ref();
    let user = match (login, actor.user) {
        (Some(login), _) => user::find(db, login)?,
        (None, Some(user)) => user,
        (None, None) => return Err(Fault::new(Class::Usage, nobodys).hint("say who: --user USER").into()),
    };
    keep(actor, Inbox(user)).map_err(|_| context.refused(anothers))
}

fn refused(action: RoleAction, what: &str) -> anyhow::Error {
    Fault::new(Class::Refused, format!("your roles do not let you {action} {what}"))
        .hint("ask an administrator; espomail role list names the roles")
        .into()
}
