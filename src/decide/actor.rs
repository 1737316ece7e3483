//! ACCESS-2: who is asking, what their roles allow, and what a thing is to them.

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
