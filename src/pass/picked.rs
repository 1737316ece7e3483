//! One message of a mailbox, taken in because a person says so (FETCH-2), whether passes read that mailbox or not: how far they have read it
//! stays as it is, and nothing else of it comes in. It has its fate among those that we number ourselves; what it is known by keeps it from
//! coming twice (DUP-2).

use anyhow::Result;

use super::Tally;
use super::import::{Arrived, Intake, PICKED};
use crate::decide::Policy;
use crate::decide::reason::reason;
use crate::fault::{Class, Fault, Reach};
use crate::mailbox::{Opened, Session};
use crate::plural::told_bytes;
use crate::store::account::Account;
use crate::store::{Store, fate, position};
use crate::words::Fate;

/// A mailbox that is open for reading, and of whom.
pub struct Place<'a> {
    pub account: &'a Account,
    pub mailbox: &'a str,
    pub opened: &'a Opened,
}

/// Takes one message in. Nothing on the server is changed.
pub fn take(store: &mut Store, session: &mut Session, place: &Place<'_>, uid: u32, policy: &Policy, now: i64) -> Result<Tally> {
    let Place { account, mailbox, opened } = place;
    must_be_absent(store, place, uid)?;
    let fault = |what: String| Fault::new(Class::Data, what).reach(Reach::Mailbox);
    let Some(listed) = session.sizes(&[uid])?.pop() else {
        return Err(fault(format!("mailbox {mailbox} has no UID {uid}")).into());
    };
    let most = account.fetching.max_message_mib.bytes();
    if listed.size > most {
        let what = format!("UID {uid} of mailbox {mailbox} has {}, and {} are taken", told_bytes(listed.size), told_bytes(most));
        return Err(fault(what).hint(format!("espomail account set {} --max-message-mib N", account.name)).into());
    }
    let withheld = || format!("the server does not hand over UID {uid} of mailbox {mailbox}");
    let message = match session.fetch(&[uid]) {
        Ok(mut found) => found.pop().ok_or_else(|| fault(withheld()))?,
        Err(error) if session.trouble().is_some_and(|trouble| trouble.is_refusal()) => {
            let what = format!("{}: {error:#}", withheld());
            return Err(Fault::new(Class::Unavailable, what).reach(Reach::Mailbox).into());
        }
        Err(error) => return Err(error),
    };
    let validity = opened.uidvalidity;
    let note = reason!(Fetch2, "a person had it read from mailbox {mailbox}: UID {uid} (UIDVALIDITY {validity})");
    let present = || now;
    let intake = Intake::open(store, account, (PICKED, &mut |_| Ok(())), policy, &present, (1, u64::MAX))?.noting(note);
    let arrived = Arrived::Now(message.internal_date.unwrap_or(now));
    let (tally, read) = intake.take(store, |add| add(arrived, &message.bytes))?;
    read?;
    Ok(tally)
}

/// Refuses what is here under its UID.
fn must_be_absent(store: &mut Store, place: &Place<'_>, uid: u32) -> Result<()> {
    let Place { account, mailbox, opened } = place;
    let db = store.connection();
    let Some(known) = position::position(db, account.id, mailbox, i64::from(opened.uidvalidity))? else { return Ok(()) };
    let mut fates = fate::at(db, account.id, mailbox, i64::from(uid))?;
    fates.retain(|fate| fate.position == known.id);
    let Some(fate) = fates.pop() else { return Ok(()) };
    let fault = |what: String| Fault::new(Class::Data, what).reach(Reach::Mailbox);
    let what = format!("UID {uid} of mailbox {mailbox} was read: it is {}", fate.fate);
    match (fate.email, fate.fate) {
        (Some(email), _) => Err(fault(format!("{what}, e-mail {email}")).hint(format!("see: espomail explain {email}")).into()),
        (None, Fate::Quarantined | Fate::Undelivered) => Err(fault(what).hint("see: espomail quarantine list").into()),
        (None, _) => Ok(()),
    }
}
