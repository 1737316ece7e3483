//! Finds a record or an e-mail for somebody, with the right to read or to change it (ACCESS-2). What one may not read is not
//! there: "not found" and "not allowed" read the same.

use anyhow::Result;

use crate::context::Context;
use crate::decide::access::{Actor, Permit, act, administer, keep_own};
use crate::fault::{Class, Fault};
use crate::store::account::{self, Account};
use crate::store::record::{self, RecordName};
use crate::store::{Database, email, relation};
use crate::words::{EmailId, RecordId, RecordKind, RoleAction, RoleScope};

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
    let id = email::find(db, wanted)?;
    let relation = relation::of_email(db, actor, id)?;
    if act(actor, RoleScope::Email, RoleAction::Read, relation).is_err() {
        return Err(email::missing(wanted));
    }
    match act(actor, RoleScope::Email, action, relation) {
        Ok(permit) => Ok((id, permit)),
        Err(_) => Err(refused(action, &format!("e-mail {id}"))),
    }
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

fn refused(action: RoleAction, what: &str) -> anyhow::Error {
    Fault::new(Class::Refused, format!("your roles do not let you {action} {what}"))
        .hint("ask an administrator; espomail role list names the roles")
        .into()
}
