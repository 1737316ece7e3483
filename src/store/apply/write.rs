//! Writes the rows of a batch, each table once: what is new first, then changes to rows of any age, then counters.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::adopt::Movable;
use super::merge::merge_records;
use super::record::{move_emails, set_record};
use super::rows::{
    CopyRow, EmailAccountRow, EmailTeamRow, FollowerRow, ParticipantRow, RecordRow, RecordTeamRow, ThreadIdRow, ThreadRow,
};
use super::{Batch, Difference, Later, Relink, merge};
use crate::decide::{Marks, Next, Spot};
use crate::mail::NOBODY;
use crate::store::dialect::{insert_all, insert_new};
use crate::store::notification::{self, NotificationRow};
use crate::store::schema::{
    attachments, effects, email_accounts, email_copies, email_teams, email_texts, email_users, emails, events, followers, notes,
    participants, record_teams, records, reviews, rotations, thread_ids, threads, users,
};
use crate::store::{
    Database, IN_LIST, address, clean, deletion, facts, fate, held, load, note, position, raw, reserve, server_action,
    set_counter, skipped, spending,
};
use crate::words::{CaseStatus, EmailId, GroupPlace, NoteKind, RecordId, RecordKind, ThreadId, UserId};

impl Batch<'_> {
    /// Writes everything. Says what is read in stored e-mails now and was not.
    pub(super) fn write(mut self, db: &mut Database, before: &Next, next: &Next) -> Result<Vec<Difference>> {
        let touched = self.touched();
        let had = load::among(db, &touched)?;
        let new_threads: Vec<ThreadRow> = (before.thread..next.thread).map(|id| ThreadRow { id: ThreadId(id) }).collect();
        insert_all!(&mut *db, threads::table, &new_threads).context("writing threads")?;
        insert_all!(&mut *db, records::table, &self.records).context("writing records")?;
        // Of cases the counter is one of those that every batch has.
        for row in self.records.iter().filter(|row| row.kind != RecordKind::Case) {
            set_counter(db, &facts::counter(row.kind), row.number + 1)?;
        }
        self.write_joins(db, before)?;
        self.write_replied(db)?;
        self.write_emails(db)?;
        let mut differences = Vec::new();
        for mut amended in std::mem::take(&mut self.amended) {
            amended.row.thread_id = self.left(amended.row.thread_id);
            differences.extend(amended.write(db)?);
        }
        self.write_links(db, before)?;
        self.write_copies(db)?;
        let mut told: Vec<NotificationRow> = std::mem::take(&mut self.notifications).into_values().collect();
        told.iter_mut().for_each(|row| row.is_held = row.email_id.is_some_and(|email| self.silenced.contains(&email)));
        notification::insert(db, before, told)?;
        spending::add(db, std::mem::take(&mut self.spent), self.now)?;
        held::insert(db, std::mem::take(&mut self.held))?;
        self.deliveries.iter().try_for_each(|row| address::set_delivery(db, row, self.now))?;
        self.addresses.iter().try_for_each(|(address, row)| address::set(db, address, row))?;
        let mut next = next.clone();
        self.write_later(db, &mut next.note)?;
        self.write_load(db, &touched, &had)?;
        self.end_threads(db)?;
        self.write_turns(db)?;
        fate::insert(db, &self.fates)?;
        skipped::insert(db, &self.kept)?;
        for (id, last_uid) in &self.positions {
            position::advance(db, *id, *last_uid)?;
        }
        for ((name, before), (_, after)) in facts::counters(before).into_iter().zip(facts::counters(&next)) {
            if before != after {
                set_counter(db, name, after)?;
            }
        }
        Ok(differences)
    }

    /// The records that may be somebody else's afterwards, or open no longer, or again.
    fn touched(&self) -> HashSet<RecordId> {
        let of = |change: &Later| match change {
            Later::SetStatus(record, _) | Later::Assign(record, _) | Later::SetRecord(record, _) | Later::Delete(record) => {
                vec![*record]
            }
            Later::Merge(one) | Later::MergeRecords(one) => vec![one.from, one.into],
            Later::Adopt(_)
            | Later::Relink(..)
            | Later::MoveEmails(..)
            | Later::DeleteEmail(_)
            | Later::SetTeams(..)
            | Later::RemoveTeam(..)
            | Later::RemoveUser(..)
            | Later::Mark(..)
            | Later::Put(..)
            | Later::File(..)
            | Later::FileCopy(..)
            | Later::FileAway(..)
            | Later::Decide(..)
            | Later::Unfollow(..)
            | Later::Sort(_)
            | Later::ShareEmail(..)
            | Later::AssignEmail(..)
            | Later::MarkImportant(..)
            | Later::Verify(..) => Vec::new(),
        };
        self.later.iter().flat_map(of).collect()
    }

    /// Writes how many open cases more or fewer each user has (DIST-3), once everything else is written.
    fn write_load(&self, db: &mut Database, touched: &HashSet<RecordId>, had: &HashMap<UserId, i64>) -> Result<()> {
        let mut changes: BTreeMap<UserId, i64> = load::among(db, touched)?.into_iter().collect();
        had.iter().for_each(|(user, cases)| *changes.entry(*user).or_default() -= cases);
        let is_open = |row: &&RecordRow| row.status.is_some_and(CaseStatus::is_open) && !touched.contains(&row.id);
        for user in self.records.iter().filter(is_open).filter_map(|row| row.assigned_user_id) {
            *changes.entry(user).or_default() += 1;
        }
        load::add(db, &changes)
    }

    /// Moves what was in joined threads before the batch; rows of the batch are written with the thread that is left.
    fn write_joins(&self, db: &mut Database, before: &Next) -> Result<()> {
        let mut ended: BTreeMap<ThreadId, Vec<ThreadId>> = BTreeMap::new();
        for thread in self.joined.keys().filter(|thread| thread.0 < before.thread) {
            ended.entry(self.left(*thread)).or_default().push(*thread);
        }
        for (into, from) in &ended {
            diesel::update(emails::table.filter(emails::thread_id.eq_any(from))).set(emails::thread_id.eq(into)).execute(db)?;
            diesel::update(thread_ids::table.filter(thread_ids::thread_id.eq_any(from)))
                .set(thread_ids::thread_id.eq(into))
                .execute(db)?;
        }
        Ok(())
    }

    fn write_replied(&self, db: &mut Database) -> Result<()> {
        for some in self.replied.chunks(IN_LIST) {
            diesel::update(emails::table.filter(emails::id.eq_any(some))).set(emails::is_replied.eq(true)).execute(db)?;
        }
        Ok(())
    }

    /// Changes rows of any age, in the order decided, now that all rows of the batch are there.
    fn write_later(&mut self, db: &mut Database, next_note: &mut i64) -> Result<()> {
        let mut later = std::mem::take(&mut self.later);
        let mut adoptions = Vec::new();
        for change in &mut later {
            if let Later::Adopt(adoption) = change {
                adoption.thread = self.left(adoption.thread);
                adoptions.push(*adoption);
            }
        }
        let mut movable = Movable::gather(db, &adoptions)?;
        for change in &later {
            match change {
                Later::Adopt(adoption) => movable.adopt(db, adoption, next_note, self.now)?,
                Later::Relink(email, Relink { parent, by, account }) => {
                    diesel::update(emails::table.find(email))
                        .set((emails::parent_id.eq(parent), emails::parent_by.eq(by), emails::account_record_id.eq(account)))
                        .execute(db)?;
                    note::follow_email(db, *email, *parent, next_note, self.now)?;
                    notification::follow_email(db, *email, *parent)?;
                }
                Later::Verify(email, author) => {
                    diesel::update(emails::table.find(email))
                        .set((emails::is_ours.eq(true), emails::author_id.eq(author), emails::is_claimed.eq(false)))
                        .execute(db)?;
                    let told = notes::email_id.eq(email).and(notes::kind.eq(NoteKind::EmailReceived));
                    diesel::update(notes::table.filter(told)).set(notes::kind.eq(NoteKind::EmailSent)).execute(db)?;
                }
                Later::Merge(one) => merge(db, one, self.now)?,
                Later::SetStatus(case, status) => {
                    let closed_at = (*status == CaseStatus::Closed).then_some(self.now);
                    diesel::update(records::table.find(case))
                        .set((records::status.eq(status), records::closed_at.eq(closed_at)))
                        .execute(db)?;
                }
                Later::Assign(case, user) => {
                    diesel::update(records::table.find(case)).set(records::assigned_user_id.eq(user)).execute(db)?;
                }
                Later::SetRecord(record, fields) => set_record(db, *record, fields)?,
                Later::MoveEmails(from, place) => move_emails(db, *from, place)?,
                Later::MergeRecords(one) => merge_records(db, one, self.now)?,
                Later::Delete(record) => {
                    diesel::delete(records::table.find(record)).execute(db)?;
                }
                Later::DeleteEmail(email) => deletion::delete(db, &[*email], self.now)?,
                Later::SetTeams(case, teams) => {
                    diesel::delete(record_teams::table.filter(record_teams::record_id.eq(case))).execute(db)?;
                    let rows: Vec<RecordTeamRow> =
                        teams.iter().map(|team| RecordTeamRow { record_id: *case, team_id: *team }).collect();
                    insert_all!(&mut *db, record_teams::table, &rows)?;
                }
                Later::RemoveTeam(email, team) => {
                    diesel::delete(email_teams::table.find((email, team))).execute(db)?;
                }
                Later::RemoveUser(email, user) => {
                    diesel::delete(email_users::table.find((email, user))).execute(db)?;
                    diesel::update(emails::table.find(email)).set(emails::maybe_nobodys.eq(true)).execute(db)?;
                }
                Later::Sort(sorted) => sorted.write(db, self.now)?,
                Later::ShareEmail(email, teams) => {
                    diesel::delete(email_teams::table.filter(email_teams::email_id.eq(email))).execute(db)?;
                    let rows = teams.iter().map(|team| EmailTeamRow {
                        email_id: *email,
                        team_id: *team,
                        given_by: None,
                        handed_by: None,
                    });
                    insert_all!(&mut *db, email_teams::table, &rows.collect::<Vec<_>>())?;
                    diesel::update(emails::table.find(email)).set(emails::teams_by_hand.eq(true)).execute(db)?;
                }
                Later::AssignEmail(email, user) => {
                    diesel::update(emails::table.find(email)).set(emails::assigned_user_id.eq(user)).execute(db)?;
                }
                Later::MarkImportant(email, important) => {
                    let copies = email_users::table.filter(email_users::email_id.eq(email));
                    diesel::update(copies).set(email_users::is_important.eq(important)).execute(db)?;
                }
                Later::Mark(email, user, marks) => mark(db, (*email, *user), *marks, self.now)?,
                Later::Put(email, user, place) => put(db, (*email, *user), *place, self.now)?,
                Later::File(email, folder) => {
                    let place = emails::group_place.eq(None::<GroupPlace>);
                    let filed = (emails::folder_id.eq(folder), emails::filed_by_hand.eq(true), place);
                    let filed = (filed, emails::group_trashed_at.eq(None::<i64>));
                    diesel::update(emails::table.find(email)).set(filed).execute(db)?;
                }
                Later::FileCopy(email, folder, filed_by) => {
                    let unfiled =
                        emails::table.find(email).filter(emails::folder_id.is_null()).filter(emails::filed_by_hand.eq(false));
                    let filed = (emails::folder_id.eq(folder), emails::filed_by.eq(filed_by));
                    diesel::update(unfiled).set(filed).execute(db)?;
                }
                Later::FileAway(email, place) => {
                    let trashed = (*place == GroupPlace::Trash).then_some(self.now);
                    let filed = (emails::group_place.eq(place), emails::filed_by_hand.eq(true));
                    let filed = (filed, emails::group_trashed_at.eq(trashed));
                    diesel::update(emails::table.find(email)).set(filed).execute(db)?;
                }
                Later::Decide(review, decision) => {
                    let decided = (reviews::decision.eq(decision), reviews::decided_at.eq(self.now));
                    diesel::update(reviews::table.find(review)).set(decided).execute(db)?;
                }
                Later::Unfollow(user, records) => {
                    for some in records.chunks(IN_LIST) {
                        let of = followers::table.filter(followers::user_id.eq(user)).filter(followers::record_id.eq_any(some));
                        diesel::delete(of).execute(db)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_emails(&mut self, db: &mut Database) -> Result<()> {
        let mut rows = std::mem::take(&mut self.emails);
        for row in &mut rows {
            row.thread_id = self.left(row.thread_id);
            let all = (row.id, UserId(i64::MIN))..=(row.id, UserId(i64::MAX));
            row.maybe_nobodys = self.email_users.range(all).next().is_none();
        }
        insert_all!(&mut *db, emails::table, &rows).context("writing e-mails")?;
        insert_all!(&mut *db, email_texts::table, &self.texts).context("writing what e-mails say")?;
        insert_all!(&mut *db, attachments::table, &self.attachments).context("writing attachments")?;
        insert_all!(&mut *db, events::table, &self.events).context("writing events")?;
        let rows: Vec<ThreadIdRow<'_>> = self
            .thread_ids
            .iter()
            .map(|(id, thread)| ThreadIdRow { message_id: clean(id), thread_id: self.left(*thread) })
            .collect();
        insert_new!(&mut *db, thread_ids::table, &rows).context("remembering Message-IDs")?;
        for (id, thread) in &self.moved_ids {
            let leads = thread_ids::thread_id.eq(self.left(*thread));
            diesel::update(thread_ids::table.find(clean(id))).set(leads).execute(db).context("moving a Message-ID")?;
        }
        insert_new!(&mut *db, notes::table, &self.notes).context("writing notes")?;
        insert_new!(&mut *db, reviews::table, &self.reviews).context("writing what is held")?;
        server_action::insert(db, &self.server_actions).context("writing what is to be done on a server")?;
        self.write_effects(db)
    }

    /// Effects are rare: their numbers are reserved here, and only where there are some.
    fn write_effects(&mut self, db: &mut Database) -> Result<()> {
        self.hear(db)?;
        if !self.effects.is_empty() {
            let first = reserve(db, "effect", self.effects.len())?;
            self.effects.iter_mut().zip(first..).for_each(|(row, id)| row.id = id);
            insert_all!(&mut *db, effects::table, &self.effects).context("writing what is to be done")?;
        }
        Ok(())
    }

    /// What hangs on rows of this batch cannot be there yet, and goes the faster way.
    fn write_links(&self, db: &mut Database, before: &Next) -> Result<()> {
        macro_rules! insert {
            ($table:path, $rows:expr, $key:ident >= $first_new:expr) => {{
                let (new, old): (Vec<_>, Vec<_>) = $rows.partition(|row| row.$key.0 >= $first_new);
                insert_all!(&mut *db, $table, &new).context(concat!("writing ", stringify!($table)))?;
                insert_new!(&mut *db, $table, &old).context(concat!("writing ", stringify!($table)))?;
            }};
        }
        let rows = self.email_accounts.iter().map(|(email, account)| EmailAccountRow { email_id: *email, account_id: *account });
        insert!(email_accounts::table, rows, email_id >= before.email);
        // Whoever was erased takes part in nothing, whoever writes by the address that stands in their place.
        let there = self.participants.iter().filter(|(_, address)| address.as_str() != NOBODY);
        let rows = there.map(|(email, address)| ParticipantRow { email_id: *email, address });
        insert!(participants::table, rows, email_id >= before.email);
        let rows = self.email_teams.iter().map(|((email, team), (filter, answered))| EmailTeamRow {
            email_id: *email,
            team_id: *team,
            given_by: *filter,
            handed_by: *answered,
        });
        insert!(email_teams::table, rows, email_id >= before.email);
        let rows = self.email_users.values().cloned();
        insert!(email_users::table, rows, email_id >= before.email);
        let rows = self.record_teams.iter().map(|(record, team)| RecordTeamRow { record_id: *record, team_id: *team });
        insert!(record_teams::table, rows, record_id >= before.record);
        let rows = self.followers.iter().map(|(record, user)| FollowerRow { record_id: *record, user_id: *user });
        insert!(followers::table, rows, record_id >= before.record);
        Ok(())
    }

    /// Bytes of copies are rare beside e-mails: like effects, they are numbered here.
    fn write_copies(&mut self, db: &mut Database) -> Result<()> {
        let mut rows: Vec<CopyRow> = std::mem::take(&mut self.copies).into_values().collect();
        if !rows.is_empty() {
            let first = reserve(db, "email-copy", rows.len())?;
            rows.iter_mut().zip(first..).for_each(|(row, id)| row.id = id);
            insert_new!(&mut *db, email_copies::table, &rows).context("writing copies")?;
            let bytes: Vec<i64> = rows.iter().map(|row| row.raw_id).collect();
            raw::keep_erased(db, &bytes, self.now)?;
        }
        Ok(())
    }

    fn end_threads(&self, db: &mut Database) -> Result<()> {
        let ended: Vec<&ThreadId> = self.joined.keys().collect();
        for some in ended.chunks(IN_LIST) {
            diesel::delete(threads::table.filter(threads::id.eq_any(some))).execute(db).context("ending joined threads")?;
        }
        Ok(())
    }

    fn write_turns(&self, db: &mut Database) -> Result<()> {
        for ((account, team), user) in &self.rotations {
            let there = diesel::update(rotations::table.find((account, team))).set(rotations::user_id.eq(user));
            if there.execute(db)? == 0 {
                diesel::insert_into(rotations::table)
                    .values((rotations::account_id.eq(account), rotations::team_id.eq(team), rotations::user_id.eq(user)))
                    .execute(db)?;
            }
        }
        for (user, assignment) in &self.assignments {
            diesel::update(users::table.find(user)).set(users::last_assignment.eq(assignment)).execute(db)?;
        }
        Ok(())
    }
}

/// Marks a user's copy (INBOX-2).
fn mark(db: &mut Database, (email, user): (EmailId, UserId), marks: Marks, now: i64) -> Result<()> {
    let copy = email_users::table.find((email, user));
    if let Some(read) = marks.read {
        let marked = (email_users::is_read.eq(read), email_users::is_marked_by_hand.eq(true));
        diesel::update(copy).set(marked).execute(db)?;
        server_action::read_by(db, email, user, read, now)?;
        if read {
            notification::heard(db, user, email)?;
        }
    }
    if let Some(important) = marks.important {
        diesel::update(copy).set(email_users::is_important.eq(important)).execute(db)?;
    }
    Ok(())
}

/// Moves a user's copy (INBOX-2); no filter changes what a person chose (WHY-2).
fn put(db: &mut Database, of: (EmailId, UserId), place: Spot, now: i64) -> Result<()> {
    let copy = diesel::update(email_users::table.find(of));
    let by_hand = email_users::is_placed_by_hand.eq(true);
    let (archived, folder) = match place {
        Spot::Trash => {
            copy.set((email_users::is_trashed.eq(true), email_users::trashed_at.eq(now), by_hand)).execute(db)?;
            return Ok(());
        }
        Spot::Inbox => (false, None),
        Spot::Archive => (true, None),
        Spot::Folder(folder) => (false, Some(folder)),
    };
    let to = (email_users::is_trashed.eq(false), email_users::is_archived.eq(archived), email_users::folder_id.eq(folder));
    copy.set((to, email_users::trashed_at.eq(None::<i64>), by_hand)).execute(db)?;
    Ok(())
}
