//! Where one is at work: the account, its mailbox, the message. A line of the log says so in fields of their own, where it is asked for
//! as JSON; an error takes it along.

use std::cell::RefCell;
use std::fmt;

/// As far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    pub account: Option<String>,
    pub mailbox: Option<String>,
    pub uid: Option<i64>,
    /// What is said names the mailbox by itself.
    pub is_named: bool,
}

impl fmt::Display for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_ref().map(|account| format!("account {account}"));
        let mailbox = self.mailbox.as_ref().filter(|_| !self.is_named).map(|mailbox| format!("mailbox {mailbox}"));
        let uid = self.uid.map(|uid| format!("UID {uid}"));
        f.write_str(&[account, mailbox, uid].into_iter().flatten().collect::<Vec<_>>().join(": "))
    }
}

impl Here {
    /// In an account.
    pub fn account(name: &str) -> Self {
        Self { account: Some(name.to_string()), ..Self::default() }
    }

    /// In one of its mailboxes.
    #[must_use]
    pub fn mailbox(self, name: &str) -> Self {
        Self { mailbox: Some(name.to_string()), ..self }
    }
}

thread_local! {
    static HERE: RefCell<Here> = RefCell::new(Here::default());
}

/// Where this thread is at work.
pub fn here() -> Here {
    HERE.with_borrow(Clone::clone)
}

/// It is there until this goes; then it is where it was.
#[must_use]
pub struct Stay(Here);

impl Drop for Stay {
    fn drop(&mut self) {
        HERE.with_borrow_mut(|here| *here = std::mem::take(&mut self.0));
    }
}

/// Goes to work on an account.
pub fn account(name: &str) -> Stay {
    go(Here::account(name))
}

/// On a mailbox of it.
pub fn mailbox(name: &str) -> Stay {
    go(Here { uid: None, ..here().mailbox(name) })
}

/// On a message in it.
pub fn uid(uid: i64) -> Stay {
    go(Here { uid: Some(uid), ..here() })
}

fn go(to: Here) -> Stay {
    Stay(HERE.with_borrow_mut(|here| std::mem::replace(here, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_where_one_was_before() {
        let _account = account("support");
        {
            let _mailbox = mailbox("INBOX");
            let _uid = uid(7);
            assert_eq!(here().to_string(), "account support: mailbox INBOX: UID 7");
        }
        assert_eq!(here(), Here::account("support"));
    }
}
