//! What people ask the rules for: whose turn it is, and what becomes of an e-mail that waited for their word.

use super::{Facts, Load, distribute};
use crate::words::{Distribution, UserId};

/// Who gets the next case of an account (DIST-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub user: Option<UserId>,
    pub because: String,
    /// Everybody it could be, with how busy they are; nobody where the account does not choose.
    pub candidates: Vec<(UserId, Load)>,
}

/// Says whose turn it is; the turn stays theirs.
pub fn next_turn(facts: &Facts) -> Turn {
    let (user, because) = distribute::choose(facts);
    let load = |user: UserId| (user, facts.load.get(&user).copied().unwrap_or_default());
    let candidates = match facts.account.distribution {
        Distribution::None | Distribution::Direct => Vec::new(),
        Distribution::RoundRobin | Distribution::LeastBusy => distribute::candidates(facts),
    };
    Turn { user, because, candidates: candidates.into_iter().map(load).collect() }
}
