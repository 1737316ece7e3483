//! What somebody may say of an e-mail account: which servers hear its passwords, which a personal one may have (ACCESS-3), and which
//! address is its own (AUTO-2).

use super::access::{Actor, Denied};
use super::host;
use crate::words::{AccountKind, Security};

/// A server that hears a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearer<'a> {
    pub host: &'a str,
    pub port: i64,
    pub security: Security,
    pub ca_file: Option<&'a str>,
}

/// ACCESS-3: who sends a stored password to a server of their own choice has read it, so another server needs it again. Only the service
/// account may do without. A server that nobody logs in to hears none.
pub fn tell_password(actor: &Actor, [before, now]: [Option<Hearer<'_>>; 2], is_given_again: bool) -> Result<(), Denied> {
    let is_told_elsewhere = now.is_some() && now != before && !is_given_again;
    if actor.user.is_some() && is_told_elsewhere { Err(Denied) } else { Ok(()) }
}

/// ACCESS-3: the server of a personal account is not internal, unless the configuration lists it.
pub fn connect(kind: AccountKind, host: &str, listed: &[String]) -> Result<(), Denied> {
    let is_internal = host::is_internal_name(host) && !host::is_listed(listed, host);
    if kind == AccountKind::Personal && is_internal { Err(Denied) } else { Ok(()) }
}

/// AUTO-2: whether what somebody says is the account's address is to be asked for among those of others: a user takes none of them.
pub fn must_be_nobodys(actor: &Actor, before: &str, address: &str) -> bool {
    !actor.administrator && address != before
}

/// AUTO-2: whether it is vouched for. An administrator's word makes it the account's; a user's is good for fetching.
pub fn is_vouched(actor: &Actor, (before, was_vouched): (&str, bool), address: &str) -> bool {
    actor.administrator || (was_vouched && before == address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::UserId;

    fn actors() -> [Actor; 3] {
        let user = Actor { user: Some(UserId(1)), ..Actor::default() };
        [user.clone(), Actor { administrator: true, ..user }, Actor { administrator: true, ..Actor::default() }]
    }

    #[test]
    fn access_3_another_server_hears_a_stored_password_from_the_service_account_alone() {
        let there = Hearer { host: "imap.example.org", port: 993, security: Security::Tls, ca_file: None };
        let [user, administrator, service] = &actors();
        for (now, may) in [
            (Some(there), true),
            (None, true),
            (Some(Hearer { host: "imap.example.net", ..there }), false),
            (Some(Hearer { port: 143, ..there }), false),
            (Some(Hearer { security: Security::Plain, ..there }), false),
            (Some(Hearer { ca_file: Some("/tmp/ca"), ..there }), false),
        ] {
            for actor in [user, administrator] {
                assert_eq!(tell_password(actor, [Some(there), now], false).is_ok(), may, "{now:?}");
                assert!(tell_password(actor, [Some(there), now], true).is_ok(), "{now:?}: given again");
                assert_eq!(tell_password(actor, [None, now], false).is_ok(), now.is_none(), "{now:?}: the first to hear it");
            }
            assert!(tell_password(service, [Some(there), now], false).is_ok(), "{now:?}");
        }
    }

    #[test]
    fn access_3_a_personal_account_has_no_internal_server_that_is_not_listed() {
        let listed = ["mail.lan".to_string()];
        for (host, may) in [("imap.example.org", true), ("localhost", false), ("10.0.0.1", false), ("mail.lan", true)] {
            assert_eq!(connect(AccountKind::Personal, host, &listed).is_ok(), may, "{host}");
            assert!(connect(AccountKind::Group, host, &listed).is_ok(), "{host}");
        }
    }

    #[test]
    fn auto_2_an_administrators_word_vouches_and_a_users_takes_nothing_of_others() {
        let [user, administrator, service] = &actors();
        for actor in [administrator, service] {
            assert!(is_vouched(actor, ("", false), "a@x") && !must_be_nobodys(actor, "", "a@x"));
        }
        assert!(must_be_nobodys(user, "a@x", "b@x") && !must_be_nobodys(user, "a@x", "a@x"));
        assert!(is_vouched(user, ("a@x", true), "a@x"));
        assert!(!is_vouched(user, ("a@x", true), "b@x") && !is_vouched(user, ("a@x", false), "a@x"));
    }
}
