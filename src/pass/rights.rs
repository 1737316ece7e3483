//! What changes who may read what: roles, teams, who is an administrator. Who follows a record that they may not read any more does so no
//! longer (FOLLOW-1): that is decided like any other word of a person, and stands in the audit with it.

use anyhow::Result;

use super::hand::apply;
use crate::decide::access::Permit;
use crate::decide::{Asked, hand};
use crate::plural::first_of;
use crate::store::facts::{Matter, gather_word};
use crate::store::role::{self, Holder};
use crate::store::user::{self, User};
use crate::store::{Database, access, follow, team};
use crate::words::{RoleAction, RoleLevel, RoleScope, TeamId, UserId};

/// How many of the records that are followed no more the audit names.
const NAMED: usize = 10;

/// Sets one right of a role; says whether it is otherwise now.
pub fn grant(
    db: &mut Database,
    permit: &Permit<'_>,
    role: i64,
    right: (RoleScope, RoleAction, RoleLevel),
    now: i64,
) -> Result<bool> {
    let Some((subject, detail)) = role::grant(db, permit, role, right)? else { return Ok(false) };
    let audit = ("role grant", &*subject, &*detail);
    if right.1 == RoleAction::Read {
        write(db, permit, audit, None, now)?;
    } else {
        access::record(db, permit, audit.0, audit.1, audit.2, now)?;
    }
    Ok(true)
}

/// Takes a role from a user or team; returns whether they had it.
pub fn take(db: &mut Database, permit: &Permit<'_>, role: i64, holder: Holder, now: i64) -> Result<bool> {
    let Some((subject, holder)) = role::take(db, permit, role, holder)? else { return Ok(false) };
    write(db, permit, ("role take", &subject, &holder), None, now)?;
    Ok(true)
}

/// Removes a team; returns the users whose default team it was.
pub fn remove_team(db: &mut Database, permit: &Permit<'_>, id: TeamId, now: i64) -> Result<Vec<String>> {
    let (subject, without) = team::remove(db, permit, id)?;
    write(db, permit, ("team remove", &subject, ""), None, now)?;
    Ok(without)
}

/// Ends a membership; returns whether there was one.
pub fn leave_team(db: &mut Database, permit: &Permit<'_>, id: TeamId, user: UserId, now: i64) -> Result<bool> {
    let Some((subject, login)) = team::leave(db, permit, id, user)? else { return Ok(false) };
    write(db, permit, ("team leave", &subject, &login), Some(user), now)?;
    Ok(true)
}

/// Writes down what was changed of a user.
pub fn note_user(db: &mut Database, permit: &Permit<'_>, before: &User, changes: &str, now: i64) -> Result<()> {
    let is_administrator = user::show(db, before.id)?.settings.administrator;
    let subject = user::subject(&before.login);
    if is_administrator == before.settings.administrator {
        return access::record(db, permit, "user set", &subject, changes, now);
    }
    write(db, permit, ("user set", &subject, changes), Some(before.id), now)
}

/// Writes the audit row of what was changed, with what follows from it for a user, or for all of them.
fn write(
    db: &mut Database,
    permit: &Permit<'_>,
    (verb, subject, detail): (&str, &str, &str),
    user: Option<UserId>,
    now: i64,
) -> Result<()> {
    let (followed, names): (Vec<_>, Vec<_>) = follow::all_of(db, user)?.into_iter().unzip();
    let plan = hand::end_all_lost(&followed, Asked { user: permit.actor().user });
    if plan.steps().is_empty() {
        return access::record(db, permit, verb, subject, detail, now);
    }
    let lost: Vec<String> = followed.iter().zip(names).filter(|(one, _)| one.is_lost()).map(|(_, name)| name).collect();
    let told = format!("followed no more: {}", first_of(&lost, NAMED));
    let detail = if detail.is_empty() { told } else { format!("{detail}; {told}") };
    let facts = gather_word(db, &Matter::default(), now)?;
    apply(db, &plan, &facts, None, now)?;
    access::record_plan(db, permit, (verb, subject, &detail), (&plan, &[]), now)
}
