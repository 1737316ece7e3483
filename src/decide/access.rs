//! ACCESS: who may do what. Nothing else makes a [`Permit`], and nothing that a person changes is changed without one.

pub use super::actor::{Actor, Relation, Rights};
use super::sender::Sender;
use crate::words::{RoleAction, RoleLevel, RoleScope, TeamId, UserId};

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

/// Who looks after a thing (ACCESS-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// Administrators alone.
    Administrators,
    /// This user, and administrators for them.
    User(UserId),
}

/// A thing that somebody looks after.
pub trait Kept {
    /// Returns who does.
    fn keeper(&self) -> Keeper;
}

/// What users have in their inboxes: their marks, their places, what they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbox(pub UserId);

impl Kept for Inbox {
    fn keeper(&self) -> Keeper {
        Keeper::User(self.0)
    }
}

/// A thing that somebody looks after, with the right to do so: what writes it for a person asks for nothing less, so that the right to
/// one thing is none to another. Only [`keep`] makes one.
#[derive(Debug, Clone)]
pub struct Permitted<'a, T> {
    permit: Permit<'a>,
    thing: T,
}

impl<'a, T> Permitted<'a, T> {
    /// Returns the right, for the audit.
    pub const fn permit(&self) -> &Permit<'a> {
        &self.permit
    }

    /// Returns the thing.
    pub const fn thing(&self) -> &T {
        &self.thing
    }
}

/// The right is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied;

/// How much of a kind of thing the one who asks may see; lists carry it in their SQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sight {
    /// An administrator's.
    Everything,
    /// All but what others have not sent yet.
    All(UserId),
    /// What is theirs, and what is their teams'.
    Teams(UserId, Vec<TeamId>),
    /// What is theirs.
    Own(UserId),
    #[default]
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

/// ACCESS-1: whether the actor looks after a thing; lists leave out what others do.
pub fn may_keep<T: Kept>(actor: &Actor, thing: &T) -> bool {
    match thing.keeper() {
        Keeper::Administrators => administer(actor).is_ok(),
        Keeper::User(user) => keep_own(actor, user).is_ok(),
    }
}

/// ACCESS-1: a thing, for whoever looks after it.
pub fn keep<T: Kept>(actor: &Actor, thing: T) -> Result<Permitted<'_, T>, Denied> {
    if may_keep(actor, &thing) { Ok(Permitted { permit: Permit { actor }, thing }) } else { Err(Denied) }
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

/// DUP-2: whether the actor, who may read an e-mail, may look at the bytes of one of its copies: of what came through a personal
/// account only its owner. Once the account is gone nobody knows whose it was.
pub fn read_copy(actor: &Actor, account_is_there: bool, owner: Option<UserId>) -> bool {
    actor.administrator || (account_is_there && owner.is_none_or(|owner| actor.user == Some(owner)))
}

/// SEND-3: sending as whom [`super::sender::choose`] chose for the actor.
pub const fn send<'a>(actor: &'a Actor, _chosen: &Sender) -> Permit<'a> {
    Permit { actor }
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

/// FETCH-17: taking in messages from files, through an account of this owner: administrators through any, users through their own where
/// a role lets them.
pub fn import(actor: &Actor, owner: Option<UserId>) -> Result<Permit<'_>, Denied> {
    let is_own = owner.is_some() && actor.user == owner;
    let may = is_own && actor.rights.level(RoleScope::Import, RoleAction::Use) != RoleLevel::No;
    if actor.administrator || may { Ok(Permit { actor }) } else { Err(Denied) }
}

/// ACCESS-2: how much of a kind of thing the actor may read.
pub fn sight(actor: &Actor, scope: RoleScope) -> Sight {
    sight_for(actor, scope, RoleAction::Read)
}

/// On how much of a kind of thing the actor may do something; of group accounts, through which of them they may send (SEND-3).
pub fn sight_for(actor: &Actor, scope: RoleScope, action: RoleAction) -> Sight {
    match (actor.administrator, actor.user, actor.rights.level(scope, action)) {
        (true, ..) => Sight::Everything,
        (_, Some(user), RoleLevel::All) => Sight::All(user),
        (_, Some(user), RoleLevel::Team) => Sight::Teams(user, actor.teams.clone()),
        (_, Some(user), RoleLevel::Own) => Sight::Own(user),
        (_, None, _) | (_, _, RoleLevel::No) => Sight::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Relation = Relation { own: true, team: false };
    const MATE: Relation = Relation { own: false, team: true };
    const STRANGER: Relation = Relation { own: false, team: false };

    struct Thing(Keeper);

    impl Kept for Thing {
        fn keeper(&self) -> Keeper {
            self.0
        }
    }

    fn user(rights: &[(RoleScope, RoleAction, RoleLevel)]) -> Actor {
        let mut actor = Actor { user: Some(UserId(1)), teams: vec![TeamId(7)], ..Actor::default() };
        for (scope, action, level) in rights {
            actor.rights.add(*scope, *action, *level);
        }
        actor
    }

    #[test]
    fn access_2_every_cell() {
        use RoleAction::{Delete, Edit, Read};
        for scope in RoleScope::ALL.iter().filter(|scope| scope.actions().contains(&Read)) {
            for action in [Read, Edit, Delete] {
                for (level, owner, mate, stranger) in [
                    (RoleLevel::No, false, false, false),
                    (RoleLevel::Own, true, false, false),
                    (RoleLevel::Team, true, true, false),
                    (RoleLevel::All, true, true, true),
                ] {
                    let actor = user(&[(*scope, action, level)]);
                    for (relation, allowed) in [(OWNER, owner), (MATE, mate), (STRANGER, stranger)] {
                        let cell = format!("{scope} {action} {level} {relation:?}");
                        assert_eq!(act(&actor, *scope, action, relation).is_ok(), allowed, "{cell}");
                        // A right of one action or scope is none of another.
                        for other in [Read, Edit, Delete].into_iter().filter(|other| *other != action) {
                            let inbox = (*scope, other, relation.own) == (RoleScope::Email, Read, true);
                            assert_eq!(act(&actor, *scope, other, relation).is_ok(), inbox, "{cell}: {other}");
                        }
                    }
                    let sight = sight_for(&actor, *scope, action);
                    let expected = match level {
                        RoleLevel::No => Sight::Nothing,
                        RoleLevel::Own => Sight::Own(UserId(1)),
                        RoleLevel::Team => Sight::Teams(UserId(1), vec![TeamId(7)]),
                        RoleLevel::All => Sight::All(UserId(1)),
                    };
                    assert_eq!(sight, expected, "{scope} {action} {level}");
                    let administrator = Actor { administrator: true, ..actor };
                    assert!(act(&administrator, *scope, action, STRANGER).is_ok(), "{scope} {action} {level}");
                    assert_eq!(sight_for(&administrator, *scope, action), Sight::Everything);
                }
            }
        }
    }

    #[test]
    fn access_2_the_most_permissive_role_wins_and_silence_is_no_but_for_the_inbox() {
        use RoleLevel::{All, No, Own, Team};
        let of = |levels: &[RoleLevel]| {
            let rights: Vec<_> = levels.iter().map(|level| (RoleScope::Email, RoleAction::Read, *level)).collect();
            user(&rights).rights.level(RoleScope::Email, RoleAction::Read)
        };
        assert_eq!([of(&[Team, Own]), of(&[Own, All, No]), of(&[No, No])], [Team, All, No]);
        // No role speaks of it: one reads one's own inbox, and that is all.
        let silent = user(&[]);
        assert_eq!(of(&[]), Own);
        for scope in RoleScope::ALL {
            for action in scope.actions().iter().filter(|action| (*scope, **action) != (RoleScope::Email, RoleAction::Read)) {
                assert_eq!(silent.rights.level(*scope, *action), No, "{scope} {action}");
            }
        }
        // Nobody at all: before anybody was asked for.
        assert_eq!(sight(&Actor::default(), RoleScope::Email), Sight::Nothing);
        assert!(act(&Actor::default(), RoleScope::Email, RoleAction::Read, STRANGER).is_err());
    }

    #[test]
    fn access_1_administrators_act_for_anybody_and_users_for_themselves() {
        let ada = user(&[]);
        let administrator = Actor { administrator: true, ..Actor::default() };
        assert!(administer(&ada).is_err() && administer(&administrator).is_ok());
        assert!(keep_own(&ada, UserId(1)).is_ok() && keep_own(&ada, UserId(2)).is_err());
        assert!(keep_own(&administrator, UserId(2)).is_ok() && keep_own(&Actor::default(), UserId(2)).is_err());
        for (keeper, by_ada) in
            [(Keeper::Administrators, false), (Keeper::User(UserId(1)), true), (Keeper::User(UserId(2)), false)]
        {
            assert_eq!(keep(&ada, Thing(keeper)).is_ok(), by_ada, "{keeper:?}");
            assert!(keep(&administrator, Thing(keeper)).is_ok_and(|kept| kept.thing().0 == keeper), "{keeper:?}");
            assert!(keep(&Actor::default(), Thing(keeper)).is_err(), "{keeper:?}");
        }
    }

    #[test]
    fn access_2_a_user_imports_into_an_account_of_their_own_where_a_role_says_so() {
        let may = user(&[(RoleScope::Import, RoleAction::Use, RoleLevel::Own)]);
        let administrator = Actor { administrator: true, ..user(&[]) };
        for (actor, owner, expected) in [
            (&may, Some(UserId(1)), true),
            (&may, Some(UserId(2)), false),
            (&may, None, false),
            (&user(&[]), Some(UserId(1)), false),
            (&Actor::default(), None, false),
            (&administrator, None, true),
            (&administrator, Some(UserId(2)), true),
        ] {
            assert_eq!(import(actor, owner).is_ok(), expected, "{actor:?} {owner:?}");
        }
    }

    #[test]
    fn access_1_a_personal_account_needs_a_role_and_room() {
        let may = user(&[(RoleScope::PersonalAccount, RoleAction::Use, RoleLevel::Own)]);
        let may_not = user(&[(RoleScope::PersonalAccount, RoleAction::Use, RoleLevel::No)]);
        let administrator = Actor { administrator: true, ..user(&[]) };
        for (actor, owner, kept, expected) in [
            (&may, 1, 1, Ok(())),
            (&may, 1, 2, Err(NoAccount::Enough)),
            (&may, 2, 0, Err(NoAccount::Denied)),
            (&may_not, 1, 0, Err(NoAccount::Denied)),
            (&user(&[]), 1, 0, Err(NoAccount::Denied)),
            (&administrator, 2, 9, Ok(())),
        ] {
            assert_eq!(add_account(actor, UserId(owner), kept, 2).map(|_| ()), expected, "{actor:?} {owner} {kept}");
        }
    }
}
