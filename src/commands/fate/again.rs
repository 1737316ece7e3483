//! What is asked for again: by which filter it was skipped, and what reads its mailbox.

use anyhow::Result;

use crate::commands::argument;
use crate::store::Database;
use crate::store::account::Account;
use crate::store::filter::{self, Past};

/// Finds a filter that is there, or was.
pub fn past(db: &mut Database, wanted: &str) -> Result<Past> {
    filter::choose_past(filter::past(db)?, wanted)
}

/// The command by which passes read a mailbox of an account again.
pub fn reading(account: &Account, mailbox: &str) -> String {
    let name = argument::quoted(&account.name);
    let mut ways = Vec::new();
    if !account.active {
        ways.push(format!("espomail account enable {name}"));
    }
    if !account.mailboxes.iter().any(|read| read == mailbox) {
        let all = account.mailboxes.iter().map(String::as_str).chain([mailbox]);
        let all: Vec<String> = all.map(|mailbox| format!("--mailbox {}", argument::quoted(mailbox))).collect();
        ways.push(format!("espomail account set {name} {}", all.join(" ")));
    }
    ways.join(" && ")
}
