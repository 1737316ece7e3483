//! ACCESS: who may do what. Nothing else makes a [`Permit`], and nothing that a person changes is changed without one.

use std::collections::BTreeMap;

use crate::words::{RoleAction, RoleLevel, RoleScope, TeamId, UserId};

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// The account of the operating system that runs the command.
    pub os_account: String,
    /// The espomail user; none for the service account itself.
    pub user: Option<UserId>,
    /// The user's login.
    pub login: Option<String>,
    /// Whether `--as` named the user.
    pub on_behalf: bool,
    pub administrator: bool,
    pub teams: Vec<TeamId>,
    pub rights: Rights,
}

/// What the roles of a user and of the user's teams allow together: the most permissive level wins (ACCESS-2, SEND-3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights(BTreeMap<(RoleScope, RoleAction), RoleLevel>);

impl Rights {
    /// Adds what one role allows.
    pub fn add(&mut self, scope: RoleScope, action: RoleAction, level: RoleLevel) {
        let held = self.0.entry((scope, action)).or_insert(level);
        *held = (*held).max(level);
    }

    /// Returns the level. What no role speaks of is not allowed, but for reading what is in one's own inbox.
    pub fn level(&self, scope: RoleScope, action: RoleAction) -> RoleLevel {
        self.0.get(&(scope, action)).copied().unwrap_or(match (scope, action) {
            (RoleScope::Email, RoleAction::Read) => RoleLevel::Own,
            _ => RoleLevel::No,
        })
    }
}

/// What a thing is to the one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relation {
    /// It is theirs: assigned to them, or in their inbox.
    pub own: bool,
    /// It belongs to one of their teams.
    pub team: bool,
}

/// The right to do one thing. Only this file makes one.
#[derive(Debug, Clone)]
pub struct Permit<'a> {
    actor: &'a Actor,
}

impl<'a> Permit<'a> {
    /// Returns who holds it.
    pub const fn actor(&self) -> &'a Actor {
        self.actor
    }
}

/// The right is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied;

/// How much of a kind of thing the one who asks may see; lists carry it in their SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    Everything,
    /// What is theirs, and what is their teams'.
    Teams(UserId, Vec<TeamId>),
    /// What is theirs.
    Own(UserId),
    Nothing,
}

/// ACCESS-1: what only administrators do.
pub const fn administer(actor: &Actor) -> Result<Permit<'_>, Denied> {
    if actor.administrator { Ok(Permit { actor }) } else { Err(Denied) }
}

/// ACCESS-1: what a user does with things of the user's own; administrators may act for anyone.
pub fn keep_own(actor: &Actor, owner: UserId) -> Result<Permit<'_>, Denied> {
    if actor.administrator || actor.user == Some(owner) { Ok(Permit { actor }) } else { Err(Denied) }
}

/// ACCESS-2: whether roles let the actor do this to a thing that is so much theirs.
pub fn act(actor: &Actor, scope: RoleScope, action: RoleAction, relation: Relation) -> Result<Permit<'_>, Denied> {
    let allowed = actor.administrator
        || match actor.rights.level(scope, action) {
            RoleLevel::No => false,
            RoleLevel::Own => relation.own,
            RoleLevel::Team => relation.own || relation.team,
            RoleLevel::All => true,
        };
    if allowed { Ok(Permit { actor }) } else { Err(Denied) }
}

/// Why a user cannot add a personal account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAccount {
    /// It would be another user's, or no role lets them have one.
    Denied,
    /// They have as many as one may.
    Enough,
}

/// ACCESS-1: adding a personal account of one's own, when a role lets one have some, up to a limit; administrators add any.
pub fn add_account(actor: &Actor, owner: UserId, kept: i64, limit: u32) -> Result<Permit<'_>, NoAccount> {
    let permit = keep_own(actor, owner).map_err(|Denied| NoAccount::Denied)?;
    if actor.administrator {
        return Ok(permit);
    }
    match actor.rights.level(RoleScope::PersonalAccount, RoleAction::Use) {
        RoleLevel::No => Err(NoAccount::Denied),
        _ if kept >= i64::from(limit) => Err(NoAccount::Enough),
        RoleLevel::Own | RoleLevel::Team | RoleLevel::All => Ok(permit),
    }
}

/// ACCESS-2: how much of a kind of thing the actor may read.
pub fn sight(actor: &Actor, scope: RoleScope) -> Sight {
    sight_for(actor, scope, RoleAction::Read)
}

/// On how much of a kind of thing the actor may do something; of group accounts, through which of them they may send (SEND-3).
pub fn sight_for(actor: &Actor, scope: RoleScope, action: RoleAction) -> Sight {
    match (actor.administrator, actor.user, actor.rights.level(scope, action)) {
        (true, ..) | (_, Some(_), RoleLevel::All) => Sight::Everything,
        (_, Some(user), RoleLevel::Team) => Sight::Teams(user, actor.teams.clone()),
        (_, Some(user), RoleLevel::Own) => Sight::Own(user),
        (_, None, _) | (_, _, RoleLevel::No) => Sight::Nothing,
    }
}
