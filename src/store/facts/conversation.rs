//! What conversations ask beyond Message-IDs: e-mails of the same subject, and who takes part in the cases and threads that
//! mail of this batch names, or may bring together.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Result;
use diesel::dsl::{max, min, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::named::{Named, in_lists, in_lists_of};
use crate::decide::{Facts, answers_to, authors};
use crate::mail::{Address, Mail};
use crate::store::people::People;
use crate::store::schema::{email_accounts, email_texts, email_users, emails, notes, participants, positions, server_actions};
use crate::store::{Database, IN_LIST, participant};
use crate::words::{AccountId, EmailId, NoteKind, RecordId, RecordKind, ServerVerb, ThreadId};

diesel::allow_columns_to_appear_in_same_group_by_clause!(emails::subject_from, email_accounts::account_id);
diesel::allow_columns_to_appear_in_same_group_by_clause!(emails::subject_to, email_accounts::account_id);

/// How far before a message its conversation is looked for by subject: the rule's 14 days, and clocks that differ
/// (THREAD-3).
const BY_SUBJECT: i64 = 16 * 86_400;

/// Finds the newest e-mail of late for each base subject and address, and account that it came through (THREAD-3); returns the e-mails
/// to be read.
pub(super) fn by_subject(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<HashSet<EmailId>> {
    let since = named.oldest.unwrap_or(facts.now).min(facts.now).saturating_sub(BY_SUBJECT);
    let mut newest: HashMap<i64, BTreeSet<EmailId>> = HashMap::new();
    let from = in_lists(&named.subjects, |some| {
        emails::table
            .inner_join(email_accounts::table.on(email_accounts::email_id.eq(emails::id)))
            .filter(emails::subject_from.eq_any(some))
            .filter(emails::arrived_at.ge(since))
            .group_by((emails::subject_from, email_accounts::account_id))
            .select((emails::subject_from, max(emails::id)))
            .load::<(i64, Option<EmailId>)>(db)
    })?;
    let to = in_lists(&named.subjects, |some| {
        emails::table
            .inner_join(email_accounts::table.on(email_accounts::email_id.eq(emails::id)))
            .filter(emails::subject_to.eq_any(some))
            // Whom others wrote to has had no part in it; as the index has it.
            .filter(sql::<Bool>("emails.is_ours"))
            .filter(emails::arrived_at.ge(since))
            .group_by((emails::subject_to, email_accounts::account_id))
            .select((emails::subject_to, max(emails::id)))
            .load::<(i64, Option<EmailId>)>(db)
    })?;
    for (key, id) in from.into_iter().chain(to) {
        newest.entry(key).or_default().extend(id);
    }
    let found = newest.values().flatten().copied().collect();
    facts.by_subject = newest.into_iter().map(|(key, all)| (key, all.into_iter().rev().collect())).collect();
    Ok(found)
}

/// FETCH-9: which of the e-mails we moved into the mailbox that the batch stands in, or were about to when a pass died.
pub(super) fn moved(db: &mut Database, account: AccountId, facts: &mut Facts) -> Result<()> {
    let Some(mailbox) = &facts.account.mailbox else { return Ok(()) };
    let ids: HashSet<EmailId> = facts.emails.keys().copied().collect();
    let moved = in_lists(&ids, |some| {
        server_actions::table
            .inner_join(positions::table.on(positions::id.eq(server_actions::position_id)))
            .filter(server_actions::email_id.eq_any(some))
            .filter(server_actions::verb.eq(ServerVerb::Move))
            .filter(server_actions::target.eq(mailbox))
            .filter(positions::account_id.eq(account))
            .select(server_actions::email_id)
            .load::<EmailId>(db)
    })?;
    facts.moved_here = moved.into_iter().collect();
    Ok(())
}

/// How often a Message-ID is used, by ours or not, and by the first or by another (DUP-2): the first and the last of each.
type Uses = (String, bool, bool, Option<EmailId>, Option<EmailId>);

/// The first e-mails that a Message-ID may stand for, and the first and the last of all.
type Ends = (Vec<EmailId>, Option<EmailId>, Option<EmailId>);

/// Of the e-mails that bear each Message-ID returns the first and the last, and the first of those it may stand for (THREAD-1).
pub(super) fn bearers(uses: Vec<Uses>) -> Vec<(String, Option<EmailId>, Option<EmailId>)> {
    let mut of_id: HashMap<String, Ends> = HashMap::new();
    for (message_id, ours, id_collision, first, last) in uses {
        let (firsts, lowest, highest) = of_id.entry(message_id).or_default();
        *lowest = lowest.iter().copied().chain(first).min();
        *highest = highest.iter().copied().chain(last).max();
        firsts.extend(first.filter(|_| ours || !id_collision));
    }
    let mut ends = Vec::new();
    for (message_id, (firsts, lowest, highest)) in of_id {
        let others = firsts.into_iter().map(Some).filter(|first| *first != lowest && *first != highest);
        ends.extend(others.map(|first| (message_id.clone(), first, highest)));
        ends.push((message_id, lowest, highest));
    }
    ends
}

/// Of Message-IDs that several e-mails bear returns the first e-mail of each sender of the batch.
pub(super) fn by_senders(db: &mut Database, several: &HashSet<&str>, named: &Named) -> Result<Vec<EmailId>> {
    let several: Vec<&str> = several.iter().copied().collect();
    let mut found = Vec::new();
    for some in several.chunks(IN_LIST / 2) {
        let rows = in_lists_of(IN_LIST / 2, &named.leading, |senders| {
            emails::table
                .filter(emails::message_id.eq_any(some).and(emails::from_address.eq_any(senders)))
                .group_by((emails::message_id, emails::from_address))
                .select(min(emails::id))
                .load::<Option<EmailId>>(db)
        })?;
        found.extend(rows.into_iter().flatten());
    }
    Ok(found)
}

/// Gathers the people of e-mails, where the rules ask for them: several bear one Message-ID (THREAD-1), the batch has the same content
/// (DUP-2), or the account makes no cases (LINK-2).
pub(super) fn people(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let several = facts.emails_by_message_id.values().filter(|found| found.len() > 1).flatten();
    let contents: HashSet<&[u8; 32]> = named.contents.iter().map(|(_, digest)| digest).collect();
    let same = facts.emails.iter().filter(|(_, known)| contents.contains(&known.content_digest)).map(|(id, _)| id);
    let wanted: HashSet<EmailId> = match facts.account.make_cases || named.message_ids.is_empty() {
        true => several.chain(same).copied().collect(),
        false => facts.emails.keys().copied().collect(),
    };
    let rows = in_lists(&wanted, |some| {
        let of = email_texts::table.filter(email_texts::email_id.eq_any(some));
        of.select((email_texts::email_id, email_texts::people)).load::<(EmailId, String)>(db)
    })?;
    for (email, people) in rows {
        // Written by us; what cannot be read says nobody.
        let people: People = serde_json::from_str(&people).unwrap_or_default();
        let asked = answers_to(&people.from, &people.reply_to);
        let people = people.from.iter().chain(&people.to).chain(&people.cc).map(Address::key);
        facts.emails.entry(email).and_modify(|known| {
            // Who wrote it need not stand in From (PARSE-10, AUTO-2), and asks for no answers elsewhere then.
            known.people = people.chain([known.sender.clone()]).collect();
            known.answers_to = asked.into_iter().filter(|to| *to != known.sender).collect();
        });
    }
    Ok(())
}

/// Gathers which senders of the batch take part in which of its cases and threads, by what is written in them (LINK-2).
pub(super) fn participants(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let cases: HashSet<RecordId> =
        facts.records.iter().filter(|(_, record)| record.kind == RecordKind::Case).map(|(id, _)| *id).collect();
    let threads: HashSet<ThreadId> = threads(facts).collect();
    let senders: Vec<&String> = named.leading.iter().collect();
    for some_senders in senders.chunks(IN_LIST / 2) {
        let rows = in_lists_of(IN_LIST / 2, &cases, |some| {
            emails::table
                .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
                .filter(emails::parent_id.eq_any(some))
                .filter(participants::address.eq_any(some_senders.iter().copied()))
                .select((emails::parent_id, participants::address))
                .distinct()
                .load::<(Option<RecordId>, String)>(db)
        })?;
        facts.correspondents.extend(rows.into_iter().filter_map(|(case, who)| Some((case?, who))));
        let rows = in_lists_of(IN_LIST / 2, &threads, |some| {
            emails::table
                .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
                .filter(emails::thread_id.eq_any(some))
                .filter(participants::address.eq_any(some_senders.iter().copied()))
                .select((emails::thread_id, participants::address))
                .distinct()
                .load::<(ThreadId, String)>(db)
        })?;
        facts.in_threads.extend(rows);
    }
    // Of a thread with a case the case says it.
    let loose = threads.into_iter().filter(|thread| !facts.parent_of_thread(*thread).is_some_and(|record| facts.is_case(record)));
    let rows = in_lists(&loose.collect(), |some| {
        emails::table
            .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
            .filter(emails::thread_id.eq_any(some))
            .select(emails::thread_id)
            .distinct()
            .load::<ThreadId>(db)
    })?;
    facts.peopled.extend(rows);
    Ok(())
}

/// Gathers what the owner of a personal account has made, and of which threads they have an e-mail (ACCESS-2).
pub(super) fn reached(db: &mut Database, facts: &mut Facts) -> Result<()> {
    let Some(owner) = facts.account.owner else { return Ok(()) };
    let records: HashSet<RecordId> = facts.records.keys().copied().collect();
    let made = in_lists(&records, |some| {
        notes::table
            .filter(notes::record_id.eq_any(some))
            .filter(notes::kind.eq(NoteKind::Created))
            .filter(notes::author_id.eq(owner))
            .select(notes::record_id)
            .load::<RecordId>(db)
    })?;
    facts.made_by.extend(made.into_iter().map(|record| (record, owner)));
    let threads: HashSet<ThreadId> = threads(facts).collect();
    let reached = in_lists(&threads, |some| {
        emails::table
            .inner_join(email_users::table.on(email_users::email_id.eq(emails::id)))
            .filter(emails::thread_id.eq_any(some))
            .filter(email_users::user_id.eq(owner))
            .select(emails::thread_id)
            .distinct()
            .load::<ThreadId>(db)
    })?;
    facts.reached.extend(reached);
    Ok(())
}

/// The stored threads that the batch names.
fn threads(facts: &Facts) -> impl Iterator<Item = ThreadId> + '_ {
    facts.thread_of.values().copied().chain(facts.emails.values().map(|email| email.thread))
}

/// Gathers everybody from outside who takes part in threads, and their cases, that a message of this batch may bring together
/// (THREAD-1); asks nothing where there are none.
pub(super) fn all_participants(
    db: &mut Database,
    mails: &[&Mail],
    answered_at: &HashSet<String>,
    facts: &mut Facts,
) -> Result<()> {
    let threads = may_meet(mails, facts);
    let cases: HashSet<RecordId> = threads.iter().filter_map(|thread| facts.parent_of_thread(*thread)).collect();
    let of_cases = in_lists(&cases, |some| {
        emails::table
            .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
            .filter(emails::parent_id.eq_any(some))
            .select((emails::parent_id.assume_not_null(), participants::address))
            .distinct()
            .load::<(RecordId, String)>(db)
    })?;
    let of_threads = in_lists(&threads, |some| {
        emails::table
            .inner_join(participants::table.on(participants::email_id.eq(emails::id)))
            .filter(emails::thread_id.eq_any(some))
            .select((emails::thread_id, participants::address))
            .distinct()
            .load::<(ThreadId, String)>(db)
    })?;
    let everybody = of_cases.iter().map(|(_, who)| who).chain(of_threads.iter().map(|(_, who)| who)).cloned().collect();
    let internal = participant::internal(db, &everybody, answered_at)?;
    for case in cases.into_iter().filter(|case| facts.is_case(*case)).collect::<Vec<_>>() {
        facts.participants.entry(case).or_default();
    }
    for (case, who) in of_cases.into_iter().filter(|(_, who)| !internal.contains(who)) {
        facts.participants.entry(case).and_modify(|all| all.extend([who]));
    }
    for thread in threads {
        facts.thread_people.entry(thread).or_default();
    }
    for (thread, who) in of_threads.into_iter().filter(|(_, who)| !internal.contains(who)) {
        facts.thread_people.entry(thread).and_modify(|all| all.extend([who]));
    }
    Ok(())
}

/// Returns the stored threads that messages of this batch connect, directly or over one another, with another thread or with
/// mail that may begin one.
fn may_meet(mails: &[&Mail], facts: &Facts) -> HashSet<ThreadId> {
    let mut groups = Groups::default();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut of_thread: HashMap<ThreadId, usize> = HashMap::new();
    // The threads of each group, and whether it has mail that leads to none by itself.
    let mut threads: Vec<(usize, ThreadId)> = Vec::new();
    let mut loose: Vec<usize> = Vec::new();
    for mail in mails {
        let message = groups.add();
        let senders: Vec<String> = authors(mail, facts).iter().map(Address::key).collect();
        let mut has_thread = false;
        for id in mail.message_id.iter().chain(mail.ancestors()) {
            let place = *known.entry(id).or_insert_with(|| groups.add());
            groups.join(message, place);
            let borne = senders.iter().filter_map(|sender| facts.emails.get(facts.bearers(id, sender).first()?));
            for thread in facts.thread_of.get(id).copied().into_iter().chain(borne.map(|email| email.thread)) {
                let place = *of_thread.entry(thread).or_insert_with(|| groups.add());
                groups.join(message, place);
                threads.push((message, thread));
                has_thread = true;
            }
        }
        if !has_thread {
            loose.push(message);
        }
    }
    let loose: HashSet<usize> = loose.into_iter().map(|message| groups.top(message)).collect();
    let mut by_group: HashMap<usize, HashSet<ThreadId>> = HashMap::new();
    for (message, thread) in threads {
        by_group.entry(groups.top(message)).or_default().insert(thread);
    }
    let meet = |(group, threads): &(usize, HashSet<ThreadId>)| threads.len() > 1 || loose.contains(group);
    by_group.into_iter().filter(meet).flat_map(|(_, threads)| threads).collect()
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
