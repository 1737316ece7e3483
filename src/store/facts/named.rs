//! What the messages of a batch name, and queries over many of it.

use std::collections::HashSet;
use std::hash::Hash;

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::{Facts, authors};
use crate::mail::{self, Address, Mail, case_numbers, subject, token};
use crate::store::IN_LIST;
use crate::words::{EmailId, RecordId};

/// What the messages of a batch name.
#[derive(Default)]
pub(super) struct Named {
    /// Message-IDs: their own, or what stands in for it, and those they refer to.
    pub message_ids: HashSet<String>,
    /// Each message's identity and content (DUP-2).
    pub contents: Vec<(String, [u8; 32])>,
    /// Each message's identity, author and date, which several copies of one have in common (DUP-2).
    pub authors: Vec<(String, String, i64)>,
    /// Everybody in From, Reply-To, To, Cc and Bcc.
    pub people: HashSet<String>,
    /// Who may be the author, and the first of Reply-To and To: those that lead to a record (LINK-4).
    pub leading: HashSet<String>,
    /// Who may be the author, or may have written what is passed on.
    pub senders: HashSet<String>,
    pub case_numbers: HashSet<i64>,
    /// Records that tokens name, genuine or not (LINK-1).
    pub tokens: HashSet<RecordId>,
    /// Where answers without References may find what they answer (THREAD-3).
    pub subjects: HashSet<i64>,
    /// The oldest Date.
    pub oldest: Option<i64>,
    /// Records that a person named.
    pub records: HashSet<RecordId>,
    /// E-mails that letters of ours go on from.
    pub emails: HashSet<EmailId>,
}

impl Named {
    pub fn by(mails: &[&Mail]) -> Self {
        let mut named = Self::default();
        for mail in mails {
            named.contents.push((mail.identity(), mail.content_digest));
            named.message_ids.insert(mail.identity());
            // Another of a device that says the same each time (FETCH-2).
            let of_passage = mail.identity_of_passage();
            named.contents.extend(of_passage.iter().map(|id| (id.clone(), mail.content_digest)));
            named.message_ids.extend(of_passage);
            named.message_ids.extend(mail.ancestors().chain(&mail.thread_index).cloned());
            // Who stands behind a list, and whose mail was passed on, may turn out to be the sender (PARSE-10, CASE-6).
            let behind: Vec<Address> =
                mail.behind_via().into_iter().chain(mail.forward().map(|forward| forward.sender)).collect();
            let recipients = mail.to.iter().chain(&mail.cc).chain(&mail.bcc);
            let people = mail.from.iter().chain(&mail.reply_to).chain(recipients).chain(&behind);
            named.people.extend(people.map(Address::key));
            named.leading.extend(mail.reply_to.first().into_iter().chain(mail.to.first()).map(Address::key));
            named.case_numbers.extend(case_numbers(&mail.subject));
            named.tokens.extend(mail.token_places().flat_map(|place| claimed(&place)));
            named.oldest = named.oldest.into_iter().chain(mail.date).min();
        }
        // PostgreSQL refuses NUL in a value, and no stored text has one.
        named.contents.retain(|(text, _)| !text.contains('\0'));
        // A plus-address is whose the address is.
        let untagged: Vec<String> = named.people.iter().map(|person| mail::untagged(person).into_owned()).collect();
        named.people.extend(untagged);
        named.retain_clean();
        named
    }

    /// Adds who may turn out to be the author of each message; call it when it is known which of the addresses are ours.
    pub fn add_authors(&mut self, mails: &[&Mail], facts: &Facts) {
        for mail in mails {
            let authors = authors(mail, facts);
            self.subjects.extend(subjects(mail, &authors));
            let senders: Vec<String> =
                authors.iter().chain(mail.forward().as_ref().map(|forward| &forward.sender)).map(Address::key).collect();
            self.leading.extend(senders.iter().cloned());
            self.senders.extend(senders);
            self.authors.extend(mail.letters_by(authors));
        }
        self.authors.retain(|(id, author, _)| !id.contains('\0') && !author.contains('\0'));
        self.retain_clean();
    }

    fn retain_clean(&mut self) {
        for texts in [&mut self.message_ids, &mut self.people, &mut self.leading, &mut self.senders] {
            texts.retain(|text| !text.contains('\0'));
        }
    }
}

/// The records that tokens in an address or Message-ID name, were they genuine.
fn claimed(place: &str) -> Vec<RecordId> {
    token::parts(place).filter_map(token::claimed).collect()
}

/// Where an answer may find what it answers: by whoever wrote it, or by its first recipient when one of us did.
pub(super) fn subjects(mail: &Mail, authors: &[Address]) -> Vec<i64> {
    let subject = subject::read(&mail.subject);
    if !subject.is_answer && mail.thread_index.is_none() {
        return Vec::new();
    }
    authors.iter().chain(mail.to.first()).filter_map(|person| subject::key(&subject.base, &person.key())).collect()
}

/// Runs a query once for each [`IN_LIST`] keys; not at all when there are none.
pub(super) fn in_lists<K: Clone + Ord + Hash, R>(
    keys: &HashSet<K>,
    load: impl FnMut(&[K]) -> QueryResult<Vec<R>>,
) -> Result<Vec<R>> {
    in_lists_of(IN_LIST, keys, load)
}

/// The same for lists of another length: a query with two lists shares it among them.
pub(super) fn in_lists_of<K: Clone + Ord + Hash, R>(
    length: usize,
    keys: &HashSet<K>,
    mut load: impl FnMut(&[K]) -> QueryResult<Vec<R>>,
) -> Result<Vec<R>> {
    let mut keys: Vec<K> = keys.iter().cloned().collect();
    keys.sort_unstable();
    let mut rows = Vec::new();
    for some in keys.chunks(length) {
        rows.extend(load(some)?);
    }
    Ok(rows)
}
