//! ACCESS-4: as whom a command acts, from what the operating system says of the process. Pure; `context` asks the system.

/// What the operating system says of the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The effective user id.
    pub uid: u32,
    /// The account of that id.
    pub account: String,
    /// Who called, when they came by sudo.
    pub sudo: Option<Sudo>,
    /// Came by `doas` or `pkexec`, which do not say who asks as sudo does.
    pub otherwise: bool,
}

/// Who came by sudo, as sudo says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sudo {
    pub user: String,
    pub uid: Option<u32>,
}

/// As whom a command acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts<'a> {
    /// As the service account: an administrator who is no espomail user.
    Service,
    /// As the espomail user with this login.
    User(&'a str),
    /// As nobody: neither the service account nor come through it.
    Nobody,
}

impl Caller {
    /// Returns who came through sudo to an account that is not theirs, and does not hold all its rights already: neither root
    /// nor the account itself. What such a caller names is foreign to the account that reads it.
    pub fn guest(&self) -> Option<&str> {
        let sudo = self.sudo.as_ref().filter(|sudo| self.uid != 0 && sudo.user != "root" && sudo.uid != Some(0))?;
        if sudo.uid == Some(self.uid) { None } else { Some(&sudo.user) }
    }

    /// Returns the account of the operating system that asks, for the audit: the person behind sudo.
    pub fn os_account(&self) -> &str {
        self.sudo.as_ref().map_or(&self.account, |sudo| &sudo.user)
    }

    /// Decides as whom to act, given who owns the configuration file. Root owns it where others must not write it (a package,
    /// a container): whoever can read it then without sudo is the service account. Without a file there is nothing to own.
    pub fn acts(&self, config_owner: Option<u32>) -> Acts<'_> {
        if self.uid == 0 {
            return Acts::Service;
        }
        let is_service = config_owner.is_none_or(|owner| owner == self.uid || owner == 0);
        match self.guest() {
            _ if !is_service || self.otherwise => Acts::Nobody,
            Some(login) => Acts::User(login),
            None => Acts::Service,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: u32 = 990;
    const ADA: u32 = 1001;

    fn caller(uid: u32, sudo: Option<(&str, Option<u32>)>) -> Caller {
        let sudo = sudo.map(|(user, uid)| Sudo { user: user.to_string(), uid });
        Caller { uid, account: format!("account {uid}"), sudo, otherwise: false }
    }

    #[test]
    fn access_4_who_acts_as_whom() {
        let ada = Some(("ada", Some(ADA)));
        let root = Some(("root", Some(0)));
        for (uid, sudo, owner, acts) in [
            // Root, by login or by sudo.
            (0, None, Some(SERVICE), Acts::Service),
            (0, ada, Some(SERVICE), Acts::Service),
            // The service account: cron, and root or itself through sudo.
            (SERVICE, None, Some(SERVICE), Acts::Service),
            (SERVICE, root, Some(SERVICE), Acts::Service),
            (SERVICE, Some(("toor", Some(0))), Some(SERVICE), Acts::Service),
            (SERVICE, Some(("espomail", Some(SERVICE))), Some(SERVICE), Acts::Service),
            // Everyone else through sudo, also when the file is root's.
            (SERVICE, ada, Some(SERVICE), Acts::User("ada")),
            (SERVICE, ada, Some(0), Acts::User("ada")),
            (SERVICE, Some(("ada", None)), Some(SERVICE), Acts::User("ada")),
            (SERVICE, ada, None, Acts::User("ada")),
            // Sudo to an account that is not the service account.
            (1002, ada, Some(SERVICE), Acts::Nobody),
            // Without sudo: one's own configuration, none, root's, somebody else's.
            (ADA, None, Some(ADA), Acts::Service),
            (ADA, None, None, Acts::Service),
            (ADA, None, Some(0), Acts::Service),
            (ADA, None, Some(SERVICE), Acts::Nobody),
        ] {
            assert_eq!(caller(uid, sudo).acts(owner), acts, "{uid} {sudo:?} {owner:?}");
        }
        let otherwise = Caller { otherwise: true, ..caller(SERVICE, None) };
        assert_eq!(otherwise.acts(Some(SERVICE)), Acts::Nobody);
        assert_eq!(Caller { uid: 0, ..otherwise }.acts(Some(SERVICE)), Acts::Service);
    }

    #[test]
    fn access_4_the_audit_names_the_person_behind_sudo() {
        assert_eq!(caller(0, Some(("ada", Some(ADA)))).os_account(), "ada");
        assert_eq!(caller(SERVICE, None).os_account(), "account 990");
    }
}
