//! Looks into the mailbox that messages were copied to: what a server says it has copied is taken away from where it was only when it was seen
//! there.

use std::collections::{HashMap, HashSet};

use anyhow::{Error, Result};

use crate::fault::{Fault, Reach};
use crate::mail;
use crate::mailbox::Session;

/// How many headers are read at once.
const AT_ONCE: usize = 500;

/// By what a message is known on both sides: its Message-ID, where it has one, and its size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sign {
    pub message_id: Option<String>,
    pub size: u64,
}

/// How a mailbox was before messages were copied into it: what stands behind that has come since.
pub struct Before {
    uidvalidity: u32,
    next: u32,
}

/// Looks at a mailbox before messages are copied into it; none where it does not open, or does not say what its next UID is.
pub fn before(session: &mut Session, mailbox: &str) -> Result<Option<Before>> {
    match session.examine(mailbox) {
        Ok(opened) => Ok(opened.uidnext.map(|next| Before { uidvalidity: opened.uidvalidity, next })),
        // The copy itself says why.
        Err(error) if is_of_mailbox(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns those of some messages that have come into a mailbox since: each of its messages stands for one.
pub fn arrived(session: &mut Session, mailbox: &str, before: Option<&Before>, wanted: &[(u32, Sign)]) -> Result<HashSet<u32>> {
    let opened = match session.examine(mailbox) {
        Ok(opened) => opened,
        Err(error) if is_of_mailbox(&error) => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    let Some(before) = before.filter(|before| before.uidvalidity == opened.uidvalidity) else {
        return by_name(session, mailbox, wanted);
    };
    let mut there: HashMap<Sign, usize> = HashMap::new();
    for some in session.uids_above(before.next.saturating_sub(1))?.chunks(AT_ONCE) {
        for header in session.headers(some)? {
            *there.entry(Sign { message_id: mail::parse(&header.header).message_id, size: header.size }).or_default() += 1;
        }
    }
    let is_there = |(_, sign): &&(u32, Sign)| match there.get_mut(sign) {
        Some(left @ 1..) => {
            *left -= 1;
            true
        }
        _ => false,
    };
    Ok(wanted.iter().filter(is_there).map(|(uid, _)| *uid).collect())
}

/// The same where a mailbox does not say what is new in it: each is looked for by its Message-ID.
fn by_name(session: &mut Session, mailbox: &str, wanted: &[(u32, Sign)]) -> Result<HashSet<u32>> {
    let mut there = HashSet::new();
    for (uid, sign) in wanted {
        if let Some(id) = sign.message_id.as_ref().filter(|id| can_be_looked_for(id))
            && session.sizes_of(mailbox, id)?.contains(&sign.size)
        {
            there.insert(*uid);
        }
    }
    Ok(there)
}

/// What stands in for a Message-ID is on no server, and what cannot be written into a command is not asked for.
pub fn can_be_looked_for(message_id: &str) -> bool {
    message_id.len() <= 500 && message_id.contains('@') && message_id.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Whether a mailbox does not open, and others may.
pub fn is_of_mailbox(error: &Error) -> bool {
    error.downcast_ref::<Fault>().is_some_and(|fault| fault.reach == Reach::Mailbox)
}
