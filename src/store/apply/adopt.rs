//! E-mails of a thread that comes to a case: those that have no parent, or one by address alone, become the case's, and
//! their notes go with them. What a person chose stays (LINK-7), and so does what waits for a person's word. Whoever may read
//! the case reads what comes to it, so not everything may (`decide/along.rs`, ACCESS-2).

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::{Brought, Owners};
use crate::store::email::no_letter;
use crate::store::note::unsent_among;
use crate::store::noun::{gathered, in_lists};
use crate::store::schema::{accounts, email_accounts, email_teams, emails, notes, record_teams, records, reviews};
use crate::store::{Database, IN_LIST};
use crate::words::{AccountId, EmailId, NoteId, NoteKind, ParentBy, RecordId, RecordKind, TeamId, ThreadId};

/// A thread and the case that it comes to.
#[derive(Debug, Clone, Copy)]
pub struct Adoption {
    pub thread: ThreadId,
    pub case: RecordId,
    pub account: Option<RecordId>,
    /// The e-mail that this is about, and how it came to the case; it moves whatever its parent was.
    pub email: Option<(EmailId, ParentBy)>,
    pub brought: Brought,
    /// E-mails behind this one were decided later.
    pub last_email: EmailId,
}

/// An e-mail that may move.
struct Loose {
    id: EmailId,
    ours: bool,
}

/// The e-mails that adoptions of one batch move.
pub struct Movable {
    by_thread: HashMap<ThreadId, Vec<Loose>>,
    reach: Reach,
}

/// Whose the e-mails are, and the cases.
#[derive(Default)]
struct Reach {
    /// The accounts that each came through and that are nobody's own.
    accounts: HashMap<EmailId, Vec<AccountId>>,
    teams: HashMap<EmailId, Vec<TeamId>>,
    case_teams: HashMap<RecordId, Vec<TeamId>>,
}

impl Reach {
    fn gather(db: &mut Database, emails: &[EmailId], adoptions: &[Adoption]) -> Result<Self> {
        let came = in_lists(db, emails, |db, some| {
            let of = email_accounts::table.inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)));
            let of = of.filter(email_accounts::email_id.eq_any(some)).filter(accounts::owner_id.is_null());
            Ok(of.select((email_accounts::email_id, email_accounts::account_id)).load::<(EmailId, AccountId)>(db)?)
        })?;
        let shared = in_lists(db, emails, |db, some| {
            let of = email_teams::table.filter(email_teams::email_id.eq_any(some));
            Ok(of.select((email_teams::email_id, email_teams::team_id)).load::<(EmailId, TeamId)>(db)?)
        })?;
        let cases: Vec<RecordId> = adoptions.iter().filter(|_| !emails.is_empty()).map(|adoption| adoption.case).collect();
        let of_cases = in_lists(db, &cases, |db, some| {
            let of = record_teams::table.filter(record_teams::record_id.eq_any(some));
            Ok(of.select((record_teams::record_id, record_teams::team_id)).load::<(RecordId, TeamId)>(db)?)
        })?;
        Ok(Self { accounts: gathered(came), teams: gathered(shared), case_teams: gathered(of_cases) })
    }

    /// Whether this e-mail may come to the case.
    fn allows(&self, email: EmailId, adoption: &Adoption) -> bool {
        let owners = |email: EmailId| Owners {
            accounts: self.accounts.get(&email).map_or(&[], Vec::as_slice),
            teams: self.teams.get(&email).map_or(&[], Vec::as_slice),
        };
        let named = adoption.email.map(|(named, _)| named);
        let (with, case_teams) = (named.map(owners).unwrap_or_default(), self.case_teams.get(&adoption.case));
        named == Some(email) || adoption.brought.lets(owners(email), with, case_teams.map_or(&[], Vec::as_slice))
    }
}

impl Movable {
    /// Finds them all at once.
    pub fn gather(db: &mut Database, adoptions: &[Adoption]) -> Result<Self> {
        let mut threads: Vec<ThreadId> = adoptions.iter().map(|adoption| adoption.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        let named: Vec<EmailId> = adoptions.iter().filter_map(|adoption| Some(adoption.email?.0)).collect();
        let soft = [RecordKind::Account, RecordKind::Contact, RecordKind::Lead];
        let mut movable: HashMap<ThreadId, Vec<Loose>> = HashMap::new();
        for some in threads.chunks(IN_LIST / 2) {
            let no_parent = emails::parent_id.is_null().and(emails::parent_by.is_null());
            let by_address = emails::parent_by.eq(ParentBy::Address);
            let by_thread = emails::parent_by
                .eq(ParentBy::Thread)
                .and(emails::parent_id.eq_any(records::table.filter(records::kind.eq_any(soft)).select(records::id.nullable())));
            let not_by_hand = emails::parent_by.is_null().or(emails::parent_by.ne(ParentBy::Hand));
            let chosen = emails::id.eq_any(named.iter().copied()).and(not_by_hand);
            let waiting = reviews::table.filter(reviews::decision.is_null()).select(reviews::email_id);
            let rows = emails::table
                .filter(emails::thread_id.eq_any(some))
                .filter(no_letter!())
                // A copy with other content is its own people's (DUP-2).
                .filter(
                    no_parent
                        .or(by_address)
                        .or(by_thread)
                        .and(emails::id.ne_all(waiting))
                        .and(emails::id_collision.eq(false))
                        .or(chosen),
                )
                .order(emails::id)
                .select((emails::thread_id, emails::id, emails::is_ours))
                .load::<(ThreadId, EmailId, bool)>(db)?;
            for (thread, id, ours) in rows {
                movable.entry(thread).or_default().push(Loose { id, ours });
            }
        }
        let all: Vec<EmailId> = movable.values().flatten().map(|email| email.id).collect();
        let reach = Reach::gather(db, &all, adoptions)?;
        Ok(Self { by_thread: movable, reach })
    }

    /// Moves what there is for one adoption. New notes are quiet: the mail is not.
    pub fn adopt(&mut self, db: &mut Database, adoption: &Adoption, next_note: &mut i64, now: i64) -> Result<()> {
        let Some(all) = self.by_thread.remove(&adoption.thread) else { return Ok(()) };
        let may = |email: &Loose| email.id <= adoption.last_email && self.reach.allows(email.id, adoption);
        let (moved, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(may);
        self.by_thread.insert(adoption.thread, rest);
        let case = adoption.case;
        let kinds = [NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce];
        for some in moved.chunks(IN_LIST / 2) {
            let ids: Vec<EmailId> = some.iter().map(|email| email.id).collect();
            let told = notes::table
                .filter(notes::email_id.eq_any(&ids))
                .filter(notes::kind.eq_any(kinds))
                .select((notes::id, notes::record_id, notes::email_id.assume_not_null()))
                .load::<(NoteId, RecordId, EmailId)>(db)?;
            let here: HashSet<EmailId> = told.iter().filter(|note| note.1 == case).map(|note| note.2).collect();
            let elsewhere: Vec<_> = told.iter().filter(|note| note.1 != case && !here.contains(&note.2)).collect();
            let coming: Vec<NoteId> = elsewhere.iter().map(|note| note.0).collect();
            diesel::update(notes::table.filter(notes::id.eq_any(coming))).set(notes::record_id.eq(case)).execute(db)?;
            let mut noted: HashSet<EmailId> = elsewhere.iter().map(|note| note.2).chain(here).collect();
            let ours: Vec<EmailId> = some.iter().filter(|email| email.ours).map(|email| email.id).collect();
            if !ours.is_empty() {
                noted.extend(unsent_among(db, &ours)?);
            }
            for email in some.iter().filter(|email| !noted.contains(&email.id)) {
                let kind = if email.ours { NoteKind::EmailSent } else { NoteKind::EmailReceived };
                diesel::insert_into(notes::table)
                    .values((
                        notes::id.eq(*next_note),
                        notes::record_id.eq(case),
                        notes::kind.eq(kind),
                        notes::email_id.eq(email.id),
                        notes::detail.eq(""),
                        notes::is_quiet.eq(true),
                        notes::created_at.eq(now),
                    ))
                    .execute(db)?;
                *next_note += 1;
            }
            diesel::update(emails::table.filter(emails::id.eq_any(ids)))
                .set((
                    emails::parent_id.eq(case),
                    emails::parent_by.eq(ParentBy::Thread),
                    emails::account_record_id.eq(adoption.account),
                ))
                .execute(db)?;
        }
        if let Some((email, by)) = adoption.email.filter(|(email, _)| moved.iter().any(|moved| moved.id == *email)) {
            diesel::update(emails::table.find(email)).set(emails::parent_by.eq(by)).execute(db)?;
        }
        Ok(())
    }
}
