//! What the messages of a batch name, and queries over many of it.

use std::collections::HashSet;
use std::hash::Hash;

use anyhow::Result;
use diesel::prelude::*;

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
            named.authors.extend(mail.letters());
            named.message_ids.extend(mail.ancestors().chain(&mail.thread_index).cloned());
            // Whose mail was passed on may turn out to be the sender, too (CASE-6).
            let behind: Vec<Address> =
                mail.maybe_authors().into_iter().chain(mail.forward().map(|forward| forward.sender)).collect();
            let recipients = mail.to.iter().chain(&mail.cc).chain(&mail.bcc);
            let people = mail.from.iter().chain(&mail.reply_to).chain(recipients).chain(&behind);
            named.people.extend(people.map(Address::key));
            let leading = mail.to.iter().take(1).chain(&behind);
            named.leading.extend(leading.map(Address::key));
            named.senders.extend(behind.iter().map(Address::key));
            named.case_numbers.extend(case_numbers(&mail.subject));
            named.tokens.extend(mail.token_places().flat_map(|place| claimed(&place)));
            named.subjects.extend(subjects(mail));
            named.oldest = named.oldest.into_iter().chain(mail.date).min();
        }
        // PostgreSQL refuses NUL in a value, and no stored text has one.
        named.contents.retain(|(text, _)| !text.contains('\0'));
        named.authors.retain(|(id, author, _)| !id.contains('\0') && !author.contains('\0'));
        // A plus-address is whose the address is.
        let untagged: Vec<String> = named.people.iter().map(|person| mail::untagged(person).into_owned()).collect();
        named.people.extend(untagged);
        for texts in [&mut named.message_ids, &mut named.people, &mut named.leading, &mut named.senders] {
            texts.retain(|text| !text.contains('\0'));
        }
        named
    }
}

/// The records that tokens in an address or Message-ID name, were they genuine.
fn claimed(place: &str) -> Vec<RecordId> {
    token::parts(place).filter_map(token::claimed).collect()
}

/// Where an answer may find what it answers: by who may be its sender, or by its first recipient when one of us wrote it.
pub(super) fn subjects(mail: &Mail) -> Vec<i64> {
    let subject = subject::read(&mail.subject);
    if !subject.is_answer && mail.thread_index.is_none() {
        return Vec::new();
    }
    let authors = mail.maybe_authors();
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
