//! What conversations ask beyond Message-IDs: e-mails of the same subject, and who takes part in cases that mail of this
//! batch may bring together.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::dsl::max;
use diesel::prelude::*;

use super::{Named, in_lists};
use crate::decide::Facts;
use crate::mail::{Address, Mail};
use crate::store::Database;
use crate::store::schema::{accounts, emails, user_addresses};
use crate::words::{EmailId, RecordId, ThreadId};

/// How far before a message its conversation is looked for by subject: the rule's 14 days, and clocks that differ
/// (THREAD-3).
const BY_SUBJECT: i64 = 16 * 86_400;

/// How many e-mails of each case say who takes part in it, and of all cases of a batch together.
const EMAILS_OF_A_CASE: usize = 200;
const EMAILS_OF_ALL: usize = 20_000;

/// Finds the newest e-mail of late for each base subject and address (THREAD-3); returns the e-mails to be read.
pub(super) fn by_subject(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<HashSet<i64>> {
    let since = named.oldest.unwrap_or(facts.now).min(facts.now).saturating_sub(BY_SUBJECT);
    let mut newest: HashMap<i64, i64> = HashMap::new();
    let from = in_lists(&named.subjects, |some| {
        emails::table
            .filter(emails::subject_from.eq_any(some))
            .filter(emails::arrived_at.ge(since))
            .group_by(emails::subject_from)
            .select((emails::subject_from, max(emails::id)))
            .load::<(i64, Option<i64>)>(db)
    })?;
    let to = in_lists(&named.subjects, |some| {
        emails::table
            .filter(emails::subject_to.eq_any(some))
            .filter(emails::arrived_at.ge(since))
            .group_by(emails::subject_to)
            .select((emails::subject_to, max(emails::id)))
            .load::<(i64, Option<i64>)>(db)
    })?;
    for (key, id) in from.into_iter().chain(to) {
        let newer = id.unwrap_or_default();
        newest.entry(key).and_modify(|id| *id = newer.max(*id)).or_insert(newer);
    }
    facts.by_subject = newest.iter().map(|(key, id)| (*key, EmailId(*id))).collect();
    Ok(newest.into_values().collect())
}

/// Gathers who takes part in cases that a message of this batch may bring together (THREAD-1); asks nothing where there
/// are none.
pub(super) fn participants(db: &mut Database, mails: &[&Mail], facts: &mut Facts) -> Result<()> {
    let cases = may_meet(mails, facts);
    let limit = i64::try_from((cases.len() * EMAILS_OF_A_CASE).min(EMAILS_OF_ALL)).unwrap_or_default();
    let rows = in_lists(&cases, |some| {
        emails::table
            .filter(emails::parent_id.eq_any(some.iter().copied().map(Some)))
            // By case first, so that PostgreSQL does not walk all e-mails to meet the limit.
            .order((emails::parent_id, emails::id))
            .limit(limit)
            .select((emails::parent_id, emails::is_ours, emails::people))
            .load::<(Option<i64>, bool, String)>(db)
    })?;
    let mut letters = Vec::new();
    for (case, ours, people) in rows {
        // Written by us; what cannot be read says nobody.
        let people: People = serde_json::from_str(&people).unwrap_or_default();
        letters.push((RecordId(case.unwrap_or_default()), ours, people));
    }
    let everybody = letters.iter().flat_map(|(_, _, people)| people.all()).collect();
    let internal = internal(db, &everybody)?;
    for (case, ours, people) in letters {
        // The first e-mail of a case opened it; see `decide` for who is invited.
        let invited = facts.participants.entry(case).or_default();
        let by_one_of_them = people.from.iter().any(|from| invited.contains(&from.key()));
        if invited.is_empty() || ours || by_one_of_them {
            invited.extend(people.all().filter(|address| !address.is_empty() && !internal.contains(address)));
        }
    }
    Ok(())
}

/// The people of a stored e-mail.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct People {
    from: Vec<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
}

impl People {
    fn all(&self) -> impl Iterator<Item = String> {
        self.from.iter().chain(&self.to).chain(&self.cc).map(Address::key)
    }
}

/// Returns those of some addresses that are users' or our accounts'.
fn internal(db: &mut Database, addresses: &HashSet<String>) -> Result<HashSet<String>> {
    let accounts = in_lists(addresses, |some| {
        accounts::table.filter(accounts::address.eq_any(some)).select(accounts::address).load::<String>(db)
    })?;
    let users = in_lists(addresses, |some| {
        user_addresses::table.filter(user_addresses::address.eq_any(some)).select(user_addresses::address).load::<String>(db)
    })?;
    Ok(accounts.into_iter().chain(users).collect())
}

/// Returns the cases of stored threads that messages of this batch connect, directly or over one another, with another
/// case or with mail that may open one.
fn may_meet(mails: &[&Mail], facts: &Facts) -> HashSet<i64> {
    let mut groups = Groups::default();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut of_thread: HashMap<ThreadId, usize> = HashMap::new();
    // The cases of each group, and whether it has mail that leads to no case by itself.
    let mut cases: Vec<(usize, i64)> = Vec::new();
    let mut loose: Vec<usize> = Vec::new();
    for mail in mails {
        let message = groups.add();
        let mut has_case = false;
        for id in mail.message_id.iter().chain(mail.ancestors()) {
            let place = *known.entry(id).or_insert_with(|| groups.add());
            groups.join(message, place);
            let email = facts.emails_by_message_id.get(id).and_then(|found| facts.emails.get(found.last()?));
            let Some(thread) = facts.thread_of.get(id).copied().or(email.map(|email| email.thread)) else { continue };
            let place = *of_thread.entry(thread).or_insert_with(|| groups.add());
            groups.join(message, place);
            if let Some(case) = facts.parent_of_thread(thread).filter(|record| facts.is_case(*record)) {
                cases.push((message, case.0));
                has_case = true;
            }
        }
        if !has_case {
            loose.push(message);
        }
    }
    let loose: HashSet<usize> = loose.into_iter().map(|message| groups.top(message)).collect();
    let mut by_group: HashMap<usize, HashSet<i64>> = HashMap::new();
    for (message, case) in cases {
        by_group.entry(groups.top(message)).or_default().insert(case);
    }
    by_group.into_iter().filter(|(group, cases)| cases.len() > 1 || loose.contains(group)).flat_map(|(_, cases)| cases).collect()
}

/// Sets that grow together.
#[derive(Default)]
struct Groups(Vec<usize>);

impl Groups {
    fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    fn top(&mut self, of: usize) -> usize {
        let mut at = of;
        while let Some(above) = self.0.get(at).copied().filter(|above| *above != at) {
            // Halving the way keeps it short.
            let next = self.0.get(above).copied().unwrap_or(above);
            if let Some(place) = self.0.get_mut(at) {
                *place = next;
            }
            at = next;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.top(one), self.top(other));
        if let Some(place) = self.0.get_mut(other) {
            *place = one;
        }
    }
}
