//! SEND-2, SEND-3: as whom somebody sends, and through which account. From is the user's own address, the address of a group
//! account that the user may use, or that of the shared system account; nothing else, whoever asks.

use super::actor::Actor;
use super::reason::{Reason, reason};
use crate::mail::address_key;
use crate::words::{AccountId, AccountKind, RoleAction, RoleLevel, RoleScope, TeamId, UserId};

/// An account that can send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    pub account: AccountId,
    pub name: String,
    /// In comparison form.
    pub address: String,
    pub from_name: String,
    pub kind: AccountKind,
    pub owner: Option<UserId>,
    pub teams: Vec<TeamId>,
    /// It has a server to send through.
    pub can_send: bool,
    pub shared: bool,
    pub system: bool,
}

/// As whom, and through which account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::manual_non_exhaustive, reason = "in this crate, too, nobody else may make one")]
pub struct Sender {
    pub from: String,
    pub from_name: String,
    pub account: AccountId,
    pub because: Reason,
    /// Only this file makes one.
    chosen: (),
}

/// Chooses for a person. `own` are the user's addresses, the first one first; `preferred` is the account that a conversation came
/// through. Without `wanted` it is the user's own account, else the preferred group account, else the first that they may use,
/// else the system account.
pub fn choose(
    actor: &Actor,
    own: &[String],
    wanted: Option<&str>,
    preferred: Option<AccountId>,
    outlets: &[Outlet],
) -> Result<Sender, String> {
    match wanted {
        Some(wanted) => as_wanted(actor, own, &address_key(wanted), outlets),
        None => as_usual(actor, own, preferred, outlets),
    }
}

/// Colleagues read it, too: what an account of one's own is called is nobody else's to know (ACCESS-1).
const OWN: &str = "through the own account of who writes it";

fn as_wanted(actor: &Actor, own: &[String], wanted: &str, outlets: &[Outlet]) -> Result<Sender, String> {
    let sender = |outlet: &Outlet, because: Reason| Sender {
        from: wanted.to_string(),
        from_name: outlet.from_name.clone(),
        account: outlet.account,
        because,
        chosen: (),
    };
    if own.iter().any(|address| address == wanted) {
        if let Some(outlet) = personal(actor, outlets).find(|outlet| outlet.address == wanted) {
            return Ok(sender(outlet, reason!(Send2, "{OWN}")));
        }
        let Some(system) = system(outlets) else {
            return Err(format!(
                "<{wanted}> is yours, but there is neither an account of yours nor a shared system account to send it"
            ));
        };
        // The system's name is not the user's.
        let through =
            Sender { from_name: String::new(), ..sender(system, reason!(Send2, "through the system account {}", system.name)) };
        return Ok(through);
    }
    if let Some(outlet) = outlets.iter().find(|outlet| outlet.address == wanted && may_use(actor, outlet)) {
        return Ok(sender(outlet, reason!(Send3, "you may send through {}", outlet.name)));
    }
    Err(format!("you may not send as <{wanted}>"))
}

fn as_usual(actor: &Actor, own: &[String], preferred: Option<AccountId>, outlets: &[Outlet]) -> Result<Sender, String> {
    let with_own = |outlet: &&Outlet| own.contains(&outlet.address);
    let found = personal(actor, outlets)
        .find(with_own)
        .map(|outlet| (outlet, None))
        .or_else(|| {
            let usable = || outlets.iter().filter(|outlet| !outlet.system && may_use(actor, outlet));
            let chosen = usable().find(|outlet| Some(outlet.account) == preferred).or_else(|| usable().next());
            chosen.map(|outlet| (outlet, Some("is a group account that you may use")))
        })
        .or_else(|| outlets.iter().find(|outlet| may_use(actor, outlet)).map(|outlet| (outlet, Some("is the system account"))));
    let Some((outlet, because)) = found else {
        return Err("there is no account that you may send through".to_string());
    };
    Ok(Sender {
        from: outlet.address.clone(),
        from_name: outlet.from_name.clone(),
        account: outlet.account,
        because: because.map_or_else(|| reason!(Send2, "{OWN}"), |because| reason!(Send2, "{} {because}", outlet.name)),
        chosen: (),
    })
}

/// SEND-3: whether somebody may send as `from` through an account, as was decided when the message was written. Other accounts
/// that came meanwhile do not matter.
pub fn may_go(actor: &Actor, own: &[String], from: &str, account: AccountId, outlets: &[Outlet]) -> bool {
    let from = address_key(from);
    outlets.iter().filter(|outlet| outlet.account == account).any(|outlet| match outlet.kind {
        AccountKind::Personal => outlet.can_send && outlet.owner == actor.user && outlet.address == from && own.contains(&from),
        AccountKind::Group => may_use(actor, outlet) && (outlet.address == from || outlet.system && own.contains(&from)),
    })
}

/// SEND-2: what goes out by itself for an account: through its own server, else the system account.
pub fn internal(account: AccountId, outlets: &[Outlet]) -> Option<&Outlet> {
    let own = outlets.iter().find(|outlet| outlet.account == account && outlet.can_send);
    own.or_else(|| outlets.iter().find(|outlet| outlet.system && outlet.can_send))
}

fn personal<'o>(actor: &Actor, outlets: &'o [Outlet]) -> impl Iterator<Item = &'o Outlet> {
    let user = actor.user;
    outlets
        .iter()
        .filter(move |outlet| outlet.kind == AccountKind::Personal && outlet.can_send && user.is_some() && outlet.owner == user)
}

fn system(outlets: &[Outlet]) -> Option<&Outlet> {
    outlets.iter().find(|outlet| outlet.system && outlet.shared && outlet.can_send)
}

/// SEND-3: whether a group account is shared, and a role lets the one who asks use it; the shared system account is everybody's.
pub fn may_use(actor: &Actor, outlet: &Outlet) -> bool {
    if outlet.kind != AccountKind::Group || !outlet.shared || !outlet.can_send {
        return false;
    }
    if outlet.system || actor.administrator {
        return true;
    }
    match actor.rights.level(RoleScope::GroupAccount, RoleAction::Use) {
        RoleLevel::All => true,
        RoleLevel::Team => outlet.teams.iter().any(|team| actor.teams.contains(team)),
        RoleLevel::Own | RoleLevel::No => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::access::Rights;

    fn outlet(id: i64, address: &str) -> Outlet {
        Outlet {
            account: AccountId(id),
            name: format!("a{id}"),
            address: address.to_string(),
            from_name: String::new(),
            kind: AccountKind::Group,
            owner: None,
            teams: vec![TeamId(id)],
            can_send: true,
            shared: true,
            system: false,
        }
    }

    fn outlets() -> Vec<Outlet> {
        vec![
            outlet(1, "support@example.com"),
            outlet(2, "sales@example.com"),
            Outlet { shared: false, ..outlet(3, "secret@example.com") },
            Outlet { kind: AccountKind::Personal, owner: Some(UserId(1)), ..outlet(4, "ada@example.com") },
            Outlet { kind: AccountKind::Personal, owner: Some(UserId(2)), ..outlet(5, "ben@example.com") },
            Outlet { system: true, ..outlet(6, "crm@example.com") },
            Outlet { can_send: false, ..outlet(7, "reads@example.com") },
        ]
    }

    fn user(id: i64, level: RoleLevel, teams: &[i64]) -> Actor {
        let mut rights = Rights::default();
        rights.add(RoleScope::GroupAccount, RoleAction::Use, level);
        Actor { user: Some(UserId(id)), teams: teams.iter().map(|team| TeamId(*team)).collect(), rights, ..Actor::default() }
    }

    fn through(actor: &Actor, own: &[&str], wanted: Option<&str>, outlets: &[Outlet]) -> Option<(i64, String)> {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        choose(actor, &own, wanted, None, outlets).ok().map(|sender| (sender.account.0, sender.from))
    }

    #[test]
    fn send_3_every_row_of_the_permission() {
        let all = outlets();
        let administrator = Actor { administrator: true, ..user(9, RoleLevel::No, &[]) };
        for (who, wanted, account) in [
            (user(3, RoleLevel::No, &[1]), "support@example.com", None),
            (user(3, RoleLevel::Team, &[1]), "support@example.com", Some(1)),
            (user(3, RoleLevel::Team, &[1]), "Support@EXAMPLE.com", Some(1)),
            (user(3, RoleLevel::Team, &[1]), "sales@example.com", None),
            (user(3, RoleLevel::All, &[]), "sales@example.com", Some(2)),
            (user(3, RoleLevel::All, &[]), "secret@example.com", None),
            (user(3, RoleLevel::All, &[]), "reads@example.com", None),
            (user(3, RoleLevel::All, &[]), "ada@example.com", None),
            (user(3, RoleLevel::No, &[]), "crm@example.com", Some(6)),
            (user(3, RoleLevel::All, &[]), "ceo@example.com", None),
            (administrator.clone(), "sales@example.com", Some(2)),
            (administrator.clone(), "secret@example.com", None),
            (administrator, "ada@example.com", None),
        ] {
            let found = through(&who, &["cleo@example.com"], Some(wanted), &all).map(|found| found.0);
            assert_eq!(found, account, "{wanted}");
        }
    }

    #[test]
    fn send_3_what_was_written_goes_only_where_its_author_may_still_send() {
        let all = outlets();
        let may = |who: &Actor, own: &str, from: &str, account| may_go(who, &[own.to_string()], from, AccountId(account), &all);
        let (ada, none) = (user(1, RoleLevel::All, &[]), user(1, RoleLevel::No, &[]));
        assert!(
            may(&ada, "ada@example.com", "support@example.com", 1) && !may(&none, "ada@example.com", "support@example.com", 1)
        );
        assert!(!may(&ada, "ada@example.com", "sales@example.com", 1), "another account's address");
        assert!(may(&none, "ada@example.com", "Ada@example.com", 4) && !may(&none, "new@example.com", "ada@example.com", 4));
        assert!(!may(&user(2, RoleLevel::All, &[]), "ada@example.com", "ada@example.com", 4), "another user's account");
        assert!(may(&none, "x@example.com", "x@example.com", 6) && !may(&none, "x@example.com", "x@example.com", 1));
        assert!(!may(&ada, "ada@example.com", "secret@example.com", 3) && !may(&ada, "ada@example.com", "gone@example.com", 9));
    }

    #[test]
    fn send_2_the_own_account_then_a_group_account_then_the_system() {
        let all = outlets();
        let ada = user(1, RoleLevel::All, &[]);
        let own = ["ada@example.com", "a@example.com"];
        assert_eq!(through(&ada, &own, None, &all), Some((4, "ada@example.com".to_string())));
        assert_eq!(through(&ada, &own, Some("a@example.com"), &all), Some((6, "a@example.com".to_string())));
        assert_eq!(through(&ada, &own, Some("ben@example.com"), &all), None);
        let cleo = user(3, RoleLevel::Team, &[2]);
        assert_eq!(through(&cleo, &["cleo@example.com"], None, &all).map(|found| found.0), Some(2));
        assert_eq!(through(&user(3, RoleLevel::No, &[]), &["cleo@example.com"], None, &all).map(|found| found.0), Some(6));
        assert_eq!(through(&user(3, RoleLevel::No, &[]), &["cleo@example.com"], None, &all[..5]), None);
        let preferred = choose(&user(3, RoleLevel::All, &[]), &[], None, Some(AccountId(2)), &all).map(|sender| sender.account);
        assert_eq!(preferred, Ok(AccountId(2)));
        assert_eq!(internal(AccountId(1), &all).map(|outlet| outlet.account), Some(AccountId(1)));
        assert_eq!(internal(AccountId(7), &all).map(|outlet| outlet.account), Some(AccountId(6)));
    }
}
