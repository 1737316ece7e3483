//! Where a message stands, as people name it: ACCOUNT/MAILBOX/UID.

use anyhow::Result;

use crate::store::Database;
use crate::store::account::{self, Account};

/// Reads it; both names may have a slash in them. None where the text is no such place.
pub fn read(db: &mut Database, text: &str) -> Result<Option<(Account, String, i64)>> {
    let Some((place, uid)) = text.rsplit_once('/') else { return Ok(None) };
    let Ok(uid) = uid.parse() else { return Ok(None) };
    let of = |account: Account| {
        let mailbox = place.strip_prefix(account.name.as_str())?.strip_prefix('/')?.to_string();
        Some((account, mailbox, uid))
    };
    Ok(account::list(db)?.into_iter().filter_map(of).max_by_key(|(_, mailbox, _)| std::cmp::Reverse(mailbox.len())))
}

/// Writes it as it is typed.
pub fn written(account: &str, mailbox: &str, uid: i64) -> String {
    super::argument::quoted(&format!("{account}/{mailbox}/{uid}"))
}
