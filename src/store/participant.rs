//! Who takes part in a case (LINK-2), as far as people's commands ask: what the rules of incoming mail ask comes with the facts.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::schema::{accounts, email_texts, emails, participants, record_addresses, records, user_addresses};
use super::{Database, IN_LIST, sending};
use crate::mail::{Address, untagged};
use crate::words::{EmailId, ParentBy, RecordId};

/// Somebody wrote an e-mail of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub email: EmailId,
    /// In comparison form.
    pub from: String,
    /// It opened the case.
    pub opens: bool,
}

/// What there is to answer in a case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// The newest e-mail of a person who takes part in the case; where no person wrote, the one that opened it.
    pub of_participant: Option<Written>,
    /// The newest e-mail of a person, whoever that is.
    pub newest: Option<Written>,
}

/// Finds what there is to answer in a case: nothing of ours, no report, and nothing that a machine wrote.
pub fn waiting(db: &mut Database, case: RecordId) -> Result<Waiting> {
    let rows: Vec<(EmailId, String, Option<ParentBy>, String)> = emails::table
        .inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)))
        .filter(emails::parent_id.eq(case).and(emails::is_ours.eq(false)).and(email_texts::bounce.is_null()))
        .filter(emails::from_address.ne(""))
        .order(emails::id.desc())
        .select((emails::id, emails::from_address, emails::parent_by, emails::automatic))
        .load(db)?;
    let authors: HashSet<String> = rows.iter().map(|(_, from, ..)| from.clone()).collect();
    let answered_at = sending::answered_at(db)?;
    let internal = internal(db, &authors, &answered_at)?;
    let taking_part = of_case(db, case, &authors)?;
    let of = |row: &(EmailId, String, Option<ParentBy>, String)| Written {
        email: row.0,
        from: row.1.clone(),
        opens: row.2 == Some(ParentBy::Opened),
    };
    let rows: Vec<_> = rows.into_iter().filter(|(_, from, ..)| !internal.contains(from)).collect();
    let mut by_person = rows.iter().filter(|(.., automatic)| automatic == "[]").map(of);
    let opener = || rows.iter().map(of).find(|written| written.opens);
    let newest = by_person.clone().next().or_else(opener);
    let of_participant = by_person.find(|written| taking_part.contains(&written.from)).or_else(opener);
    Ok(Waiting { of_participant, newest })
}

/// Of some addresses returns those that take part in a case from outside: by an e-mail, as its Contact or Lead, or as one of its
/// Account.
pub fn of_case(db: &mut Database, case: RecordId, addresses: &HashSet<String>) -> Result<HashSet<String>> {
    type People = (Option<RecordId>, Option<RecordId>, Option<RecordId>);
    let (account, contact, lead): People =
        records::table.find(case).select((records::account_id, records::contact_id, records::lead_id)).first(db)?;
    let addresses: Vec<&String> = addresses.iter().collect();
    let mut found = HashSet::new();
    for some in addresses.chunks(IN_LIST) {
        let by_email = emails::table
            .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
            .filter(emails::parent_id.eq(case))
            .filter(participants::address.eq_any(some))
            .select(participants::address)
            .distinct();
        found.extend(by_email.load::<String>(db)?);
        let of_records = record_addresses::table
            .inner_join(records::table.on(records::id.eq(record_addresses::record_id)))
            .filter(record_addresses::address.eq_any(some))
            .select((record_addresses::address, records::id, records::account_id))
            .load::<(String, RecordId, Option<RecordId>)>(db)?;
        let is_part = |id: RecordId, of: Option<RecordId>| {
            let one = Some(id);
            one == contact || one == lead || (account.is_some() && (one == account || of == account))
        };
        found.extend(of_records.into_iter().filter(|(_, id, of)| is_part(*id, *of)).map(|(address, ..)| address));
    }
    Ok(found)
}

/// Of some addresses returns those of our users and accounts: their plus-addresses, too, and where accounts are answered.
pub fn internal(db: &mut Database, addresses: &HashSet<String>, answered_at: &HashSet<String>) -> Result<HashSet<String>> {
    let names: HashSet<String> = addresses.iter().flat_map(|address| [address.clone(), untagged(address).into_owned()]).collect();
    let names: Vec<String> = names.into_iter().collect();
    let mut found = answered_at.clone();
    for some in names.chunks(IN_LIST) {
        let users = user_addresses::table.filter(user_addresses::address.eq_any(some)).select(user_addresses::address);
        found.extend(users.load::<String>(db)?);
        let vouched = accounts::table.filter(accounts::address.eq_any(some)).filter(accounts::address_vouched.eq(true));
        found.extend(vouched.select(accounts::address).load::<String>(db)?);
    }
    let is_ours = |address: &&String| found.contains(*address) || found.contains(&*untagged(address));
    Ok(addresses.iter().filter(is_ours).cloned().collect())
}

/// AUTO-2, SEND-10: takes out of where a letter asks for answers what is ours, for whom that is no answer: lists, forms and programs write
/// the address there that they were written to. What is left is somebody else's word; where nothing is, the author is answered.
pub fn drop_ours(db: &mut Database, reply_to: &mut Vec<Address>) -> Result<()> {
    let asked: HashSet<String> = reply_to.iter().map(Address::key).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let answered_at = sending::answered_at(db)?;
    let ours = internal(db, &asked, &answered_at)?;
    reply_to.retain(|address| !ours.contains(&address.key()));
    Ok(())
}
