//! Who from outside may write into a case, and why (LINK-2); and what is in it, for those who merge cases.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use crate::mail::Address;
use crate::store::named::{RecordName, names_of};
use crate::store::people::People;
use crate::store::record::{addresses_of, links_of};
use crate::store::schema::{email_texts, emails, participants, records};
use crate::store::{Database, participant, sending};
use crate::words::{EmailId, ParentBy, RecordId, RecordKind, UserId, words};

words! {
    /// Why somebody takes part in a case.
    Why {
        Opened = "opened",
        Wrote = "wrote",
        WrittenTo = "written-to",
        Contact = "contact",
        Account = "account",
    }
}

/// Somebody who takes part in a case, or everybody of its Account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// In comparison form; none for those of an Account.
    pub address: Option<String>,
    pub why: Why,
    /// The first e-mail by which they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordName>,
}

type Row = (String, EmailId, bool, Option<ParentBy>, Option<UserId>);

/// Returns who from outside takes part in a case, in the order in which they came to it. Whom a letter went to in Bcc is told to its author
/// alone (SEND-4), and to administrators, for whom there is no reader.
pub fn taking_part(db: &mut Database, case: RecordId, reader: Option<UserId>) -> Result<Vec<Part>> {
    type Of = (Option<RecordId>, Option<RecordId>);
    let (account, contact): Of = records::table.find(case).select((records::account_id, records::contact_id)).first(db)?;
    let rows = emails::table
        .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
        .filter(emails::parent_id.eq(case))
        .order((emails::id, participants::address))
        .select((participants::address, emails::id, emails::is_ours, emails::parent_by, emails::author_id))
        .load::<Row>(db)?;
    let everybody: HashSet<String> = rows.iter().map(|(address, ..)| address.clone()).collect();
    let answered_at = sending::answered_at(db)?;
    let internal = participant::internal(db, &everybody, &answered_at)?;
    let open = reader.map(|reader| openly_written_to(db, case, reader)).transpose()?;
    let is_told = |(address, email, ours, ..): &&Row| {
        let is_open = |open: &HashMap<EmailId, HashSet<String>>| open.get(email).is_none_or(|named| named.contains(address));
        !internal.contains(address) && (!ours || open.as_ref().is_none_or(is_open))
    };
    let mut all: Vec<Part> = Vec::new();
    let mut seen: HashSet<&String> = HashSet::new();
    for (address, email, ours, by, _) in rows.iter().filter(is_told) {
        if seen.insert(address) {
            let why = match (ours, by) {
                (true, _) => Why::WrittenTo,
                (false, Some(ParentBy::Opened)) => Why::Opened,
                (false, _) => Why::Wrote,
            };
            all.push(Part { address: Some(address.clone()), why, email: Some(*email), record: None });
        }
    }
    let contacts: Vec<RecordId> = contact.into_iter().chain(links_of(db, &[case])?.remove(&case).unwrap_or_default()).collect();
    let names = names_of(db, contacts.iter().copied().chain(account).map(Some))?;
    let mut addresses = addresses_of(db, &contacts)?;
    for contact in &contacts {
        let record = names.get(contact).copied().filter(|name| name.kind == RecordKind::Contact);
        let of = addresses.remove(contact).unwrap_or_default().into_iter().filter(|_| record.is_some());
        let new = of.filter(|address| !all.iter().any(|one| one.address.as_ref() == Some(address))).collect::<Vec<_>>();
        all.extend(new.into_iter().map(|address| Part { address: Some(address), why: Why::Contact, email: None, record }));
    }
    let account = account.and_then(|account| names.get(&account).copied());
    all.extend(account.map(|record| Part { address: None, why: Why::Account, email: None, record: Some(record) }));
    Ok(all)
}

/// Whom the letters of others in a case went to openly, by letter: those of the reader are left out.
fn openly_written_to(db: &mut Database, case: RecordId, reader: UserId) -> Result<HashMap<EmailId, HashSet<String>>> {
    let others = emails::author_id.is_null().or(emails::author_id.ne(reader).assume_not_null());
    let letters = emails::table.inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)));
    let letters = letters.filter(emails::parent_id.eq(case)).filter(emails::is_ours.eq(true)).filter(others);
    let rows = letters.select((emails::id, email_texts::people)).load::<(EmailId, String)>(db)?;
    let named = |(email, people): (EmailId, String)| {
        // Written by us; what cannot be read says nobody.
        let people: People = serde_json::from_str(&people).unwrap_or_default();
        let all = people.from.iter().chain(&people.to).chain(&people.cc);
        (email, all.map(Address::key).collect())
    };
    Ok(rows.into_iter().map(named).collect())
}

/// An e-mail of a case, as it is told when cases are merged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CaseEmail {
    pub email: EmailId,
    pub from: String,
    pub subject: String,
    #[serde(skip)]
    pub is_ours: bool,
}

/// Returns the e-mails of cases, the oldest first.
pub fn letters(db: &mut Database, cases: &[RecordId]) -> Result<BTreeMap<RecordId, Vec<CaseEmail>>> {
    let rows = emails::table
        .filter(emails::parent_id.eq_any(cases))
        .order(emails::id)
        .select((emails::parent_id.assume_not_null(), (emails::id, emails::from_address, emails::subject, emails::is_ours)))
        .load::<(RecordId, (EmailId, String, String, bool))>(db)?;
    let mut of: BTreeMap<RecordId, Vec<CaseEmail>> = BTreeMap::new();
    for (case, (email, from, subject, is_ours)) in rows {
        of.entry(case).or_default().push(CaseEmail { email, from, subject, is_ours });
    }
    Ok(of)
}
