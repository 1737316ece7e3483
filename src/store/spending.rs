//! What was done by itself of late because of mail (ACK-3): a row for each subject and slot of time, so that a flood does not
//! make the table larger than the number of its senders.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use diesel::dsl::{max, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::dialect::{self, insert_all};
use super::schema::spendings;
use super::{Database, IN_LIST, failure};
use crate::decide::budget::{PERIODS, Spent, Subject, subjects};
use crate::decide::{Facts, authors};
use crate::fault::Class;
use crate::mail::Mail;
use crate::words::BudgetAction;

/// How long a slot is, in seconds. What lies partly in a period counts whole.
const SLOT: i64 = 300;

/// What a batch adds.
#[derive(Debug, Default)]
pub(super) struct Slot(BTreeMap<String, [i64; BudgetAction::ALL.len()]>);

impl Slot {
    pub fn add(&mut self, action: BudgetAction, count: i64, subjects: &[Subject]) {
        for subject in subjects {
            let row = self.0.entry(super::clean(&subject.to_string()).into_owned()).or_default();
            row[action as usize] += count;
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = spendings, treat_none_as_default_value = false)]
struct Row {
    subject: String,
    slot: i64,
    answers: i64,
    cases: i64,
    reopens: i64,
    notifications: i64,
}

/// Returns what was done because of whoever may have written a batch, through its account and overall; none when that cannot be read.
pub fn of_late(db: &mut Database, mails: &[&Mail], facts: &Facts) -> Option<Spent> {
    // A part of the transaction that can fail alone: on PostgreSQL an error would end all of it.
    let read = dialect::transaction(db, &mut |db: &mut Database| read(db, mails, facts));
    read.inspect_err(|error| {
        // Where the database is away, the next question says so, and the pass ends.
        let is_away = matches!(failure::class_of(error), Class::Unavailable | Class::TempFail);
        let level = if is_away { log::Level::Debug } else { log::Level::Warn };
        log::log!(level, "what was done of late cannot be read, so nothing is answered: {error:#}");
    })
    .ok()
}

fn read(db: &mut Database, mails: &[&Mail], facts: &Facts) -> Result<Spent> {
    let (account, now) = (facts.account.id, facts.now);
    let senders = mails.iter().flat_map(|mail| authors(mail, facts));
    let wanted = senders.flat_map(|sender| subjects(Some(&sender), account)).chain(subjects(None, account));
    let mut wanted: BTreeMap<String, Subject> = wanted.map(|subject| (subject.to_string(), subject)).collect();
    wanted.retain(|text, _| !text.contains('\0'));
    let texts: Vec<&String> = wanted.keys().collect();
    let none =
        |subject: &Subject| BudgetAction::ALL.iter().map(|action| ((subject.clone(), *action), Default::default())).collect();
    let mut spent: Spent = wanted.values().flat_map(|subject| -> Vec<_> { none(subject) }).collect();
    for (place, period) in PERIODS.into_iter().enumerate() {
        for some in texts.chunks(IN_LIST) {
            let total = |column: &str| sql::<BigInt>(&format!("CAST(SUM({column}) AS BIGINT)"));
            let rows = spendings::table
                .filter(spendings::subject.eq_any(some.iter().copied()))
                .filter(spendings::slot.gt(now - period - SLOT))
                // What a clock that was ahead wrote down draws on no budget of today.
                .filter(spendings::slot.le(now + SLOT))
                .group_by(spendings::subject)
                .select((spendings::subject, total("answers"), total("cases"), total("reopens"), total("notifications")))
                .load::<(String, i64, i64, i64, i64)>(db)?;
            for (text, answers, cases, reopens, notifications) in rows {
                let Some(subject) = wanted.get(&text) else { continue };
                for (action, done) in BudgetAction::ALL.iter().zip([answers, cases, reopens, notifications]) {
                    spent.entry((subject.clone(), *action)).or_default()[place] = done;
                }
            }
        }
    }
    Ok(spent)
}

/// Forgets what no period reaches any more, with the first batch of each slot: no index is kept for that alone.
fn forget(db: &mut Database, slot: i64) -> Result<()> {
    let overall =
        spendings::table.filter(spendings::subject.eq(Subject::Overall.to_string())).filter(spendings::slot.le(slot + SLOT));
    let newest = overall.select(max(spendings::slot)).first::<Option<i64>>(db)?;
    if newest.is_some_and(|newest| newest >= slot) {
        return Ok(());
    }
    let longest = PERIODS.into_iter().max().unwrap_or_default();
    let out_of_reach = spendings::slot.lt(slot - longest - 2 * SLOT).or(spendings::slot.gt(slot + SLOT));
    diesel::delete(spendings::table.filter(out_of_reach)).execute(db)?;
    Ok(())
}

/// Adds what a batch did. Rows of this slot are written anew with their sums: inserting is what both databases do fastest.
pub(super) fn add(db: &mut Database, done: Slot, now: i64) -> Result<()> {
    if done.0.is_empty() {
        return Ok(());
    }
    let slot = now - now.rem_euclid(SLOT);
    forget(db, slot)?;
    let mut done = done.0;
    let subjects: Vec<String> = done.keys().cloned().collect();
    for some in subjects.chunks(IN_LIST) {
        let of_slot = || spendings::table.filter(spendings::subject.eq_any(some)).filter(spendings::slot.eq(slot));
        let there = of_slot().load::<(String, i64, i64, i64, i64, i64)>(db)?;
        if there.is_empty() {
            continue;
        }
        for (subject, _, answers, cases, reopens, notifications) in there {
            let counts = done.entry(subject).or_default();
            counts.iter_mut().zip([answers, cases, reopens, notifications]).for_each(|(count, before)| *count += before);
        }
        diesel::delete(of_slot()).execute(db)?;
    }
    let mut rows = Vec::with_capacity(done.len());
    for (subject, [answers, cases, reopens, notifications]) in done {
        rows.push(Row { subject, slot, answers, cases, reopens, notifications });
    }
    insert_all!(&mut *db, spendings::table, &rows).context("counting what was done")?;
    Ok(())
}
