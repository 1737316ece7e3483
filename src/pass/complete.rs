//! FETCH-8: fetches the whole of an e-mail of which only header and text parts were taken.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::fetch::{Connection, SecretOf, server_for};
use super::{intake, storage};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault, Reach};
use crate::mail::{self, Mail};
use crate::mailbox::Session;
use crate::store::account::{self, Account};
use crate::store::raw::{self, pack};
use crate::store::storage::note_unnamed;
use crate::store::{Store, email, fate};
use crate::words::EmailId;

/// Finds the message on a server it came from, and puts its raw bytes and attachments in the place of the partial ones.
pub fn complete(
    store: &mut Store,
    (id, permit): (EmailId, &Permit<'_>),
    connection: &Connection,
    secret_of: &SecretOf<'_>,
    now: i64,
) -> Result<()> {
    if !email::show(store.connection(), id)?.partial {
        return Err(Fault::new(Class::Data, format!("e-mail {id} is complete already")).into());
    }
    let header = raw::raw_of(store.connection(), id)?.map(|bytes| mail::parse_for_rules(&bytes));
    let mut last = None;
    for origin in fate::origins(store.connection(), id)? {
        let account = account::find(store.connection(), &origin.account.to_string())?;
        match fetch(&account, &origin, connection, secret_of, now) {
            Ok(bytes) => {
                let mail = mail::parse_for_rules(&bytes);
                // FETCH-5: in a mailbox that was put back from a copy the UID may be another message's.
                let known = |mail: &Mail| (mail.message_id.clone(), mail.date, mail.subject.clone(), mail.from.clone());
                if header.as_ref().is_some_and(|header| known(header) != known(&mail)) {
                    let what = format!(
                        "account {}: mailbox {}: UID {} is another message now",
                        account.name, origin.mailbox, origin.uid
                    );
                    last = Some(Fault::new(Class::Unavailable, what).into());
                    continue;
                }
                let mut packed = pack(&bytes, mail.raw_digest);
                storage::write(store, vec![&mut packed])?;
                return store.transaction(|db| {
                    email::complete(db, permit, id, (&packed, &mail), now)?;
                    note_unnamed(db, packed.written())
                });
            }
            Err(error) => last = Some(error.context(format!("account {}", account.name))),
        }
    }
    Err(last.unwrap_or_else(|| Fault::new(Class::Data, format!("e-mail {id} came from no server")).into()))
}

fn fetch(
    account: &Account,
    origin: &fate::Origin,
    connection: &Connection,
    secret_of: &SecretOf<'_>,
    now: i64,
) -> Result<Vec<u8>> {
    let mut server = server_for(account, secret_of, connection, Instant::now() + Duration::from_secs(3_600), now)?;
    let uid = u32::try_from(origin.uid).context("the stored UID is none")?;
    let gone = |what: &str| {
        Fault::new(Class::Unavailable, format!("mailbox {}: UID {uid} {what}", origin.mailbox)).reach(Reach::Account)
    };
    let mut session = Session::open(&server)?;
    if i64::from(session.examine(&origin.mailbox)?.uidvalidity) != origin.uidvalidity {
        return Err(gone("means another message now: UIDVALIDITY has changed").into());
    }
    let size = session.sizes(&[uid])?.first().map(|listed| listed.size).ok_or_else(|| gone("is not there any more"))?;
    session.logout();
    // This one was asked for: its own size is the limit.
    server.max_response = size.saturating_add(intake::RESPONSE_MARGIN);
    let mut session = Session::open(&server)?;
    session.examine(&origin.mailbox)?;
    let message = session.fetch(&[uid])?.pop().ok_or_else(|| gone("is not there any more"))?;
    session.logout();
    Ok(message.bytes)
}
