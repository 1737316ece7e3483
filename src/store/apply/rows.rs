//! The rows that a batch writes, one struct for each table.

use std::borrow::Cow;

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::{Arrival, NewEmail, NewRecord, Plan};
use crate::mail::Mail;
use crate::store::clean;
use crate::store::raw::Packed;
use crate::store::schema::{
    attachments, effects, email_accounts, email_copies, email_teams, email_users, emails, followers, notes, participants,
    record_teams, records, reviews, thread_ids, threads,
};
use crate::words::{
    AccountId, CaseStatus, EmailId, Fate, FilterId, FolderId, Hook, NoteId, NoteKind, ParentBy, Priority, RecordId, RecordKind,
    ReviewId, TeamId, ThreadId, UserId,
};

/// One message with everything that was decided about it.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    pub arrival: &'a Arrival,
    pub mail: &'a Mail,
    pub packed: &'a Packed,
    pub plan: &'a Plan,
    /// No server keeps it for us.
    pub is_only_one: bool,
}

impl Decided<'_> {
    /// When it reached us.
    pub fn arrived_at(&self, now: i64) -> i64 {
        self.arrival.internal_date.unwrap_or(now)
    }

    /// Whether its bytes are kept although a filter skips it (FILTER-7).
    pub fn is_kept(&self) -> bool {
        self.is_only_one && self.plan.fate == Fate::Filtered
    }
}

#[derive(Insertable)]
#[diesel(table_name = threads, treat_none_as_default_value = false)]
pub struct ThreadRow {
    pub id: ThreadId,
}

#[derive(Insertable)]
#[diesel(table_name = thread_ids, treat_none_as_default_value = false)]
pub struct ThreadIdRow<'a> {
    pub message_id: Cow<'a, str>,
    pub thread_id: ThreadId,
}

#[derive(Insertable)]
#[diesel(table_name = records, treat_none_as_default_value = false)]
pub struct RecordRow {
    pub id: RecordId,
    pub kind: RecordKind,
    pub number: i64,
    pub name: String,
    pub active: bool,
    pub status: Option<CaseStatus>,
    pub priority: Option<Priority>,
    pub description: String,
    pub packed: Option<Vec<u8>>,
    pub account_id: Option<RecordId>,
    pub contact_id: Option<RecordId>,
    pub lead_id: Option<RecordId>,
    pub assigned_user_id: Option<UserId>,
    pub through_account_id: Option<AccountId>,
    pub refers_to_id: Option<RecordId>,
    pub created_at: i64,
}

impl RecordRow {
    /// A record that says nothing yet.
    pub fn of(new: &NewRecord, now: i64) -> Self {
        Self {
            id: new.id,
            kind: new.kind,
            number: new.number,
            name: clean(&new.name).into_owned(),
            active: true,
            status: None,
            priority: None,
            description: String::new(),
            packed: None,
            account_id: None,
            contact_id: None,
            lead_id: None,
            assigned_user_id: None,
            through_account_id: None,
            refers_to_id: None,
            created_at: now,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = record_teams, treat_none_as_default_value = false)]
pub struct RecordTeamRow {
    pub record_id: RecordId,
    pub team_id: TeamId,
}

#[derive(Insertable)]
#[diesel(table_name = followers, treat_none_as_default_value = false)]
pub struct FollowerRow {
    pub record_id: RecordId,
    pub user_id: UserId,
}

#[derive(Insertable)]
#[diesel(table_name = emails, treat_none_as_default_value = false)]
pub struct EmailRow<'a> {
    pub id: EmailId,
    pub thread_id: ThreadId,
    pub raw_id: i64,
    pub message_id: Cow<'a, str>,
    pub content_digest: &'a [u8],
    pub from_address: String,
    pub subject: Cow<'a, str>,
    pub date: i64,
    pub header_date: Option<i64>,
    pub arrived_at: i64,
    pub replied_id: Option<EmailId>,
    pub is_replied: bool,
    pub parent_id: Option<RecordId>,
    pub parent_by: Option<ParentBy>,
    pub account_record_id: Option<RecordId>,
    pub is_partial: bool,
    pub is_archived: bool,
    pub id_collision: bool,
    pub folder_id: Option<FolderId>,
    pub filed_by_hand: bool,
    pub filed_by: Option<FilterId>,
    pub is_ours: bool,
    pub is_claimed: bool,
    pub author_id: Option<UserId>,
    pub subject_from: i64,
    pub subject_to: i64,
    pub automatic: String,
    /// Whether no user has it; known once all is gathered.
    pub maybe_nobodys: bool,
}

impl<'a> EmailRow<'a> {
    /// Makes the row of a message; its thread is the one that was decided.
    pub fn new(email: &'a NewEmail, one: &Decided<'a>, raw_id: i64, now: i64) -> Result<Self> {
        let mail = one.mail;
        Ok(Self {
            id: email.id,
            thread_id: email.thread,
            raw_id,
            message_id: clean(&email.identity),
            content_digest: &mail.content_digest,
            from_address: clean(&email.sender).into_owned(),
            subject: clean(&mail.subject),
            date: email.date,
            header_date: mail.date,
            arrived_at: one.arrived_at(now),
            replied_id: email.replied,
            is_replied: false,
            parent_id: email.parent,
            parent_by: email.parent_by,
            account_record_id: email.account_record,
            is_partial: email.partial,
            is_archived: email.archived,
            id_collision: email.id_collision,
            folder_id: email.folder,
            filed_by_hand: false,
            filed_by: email.filed_by,
            is_ours: email.ours,
            is_claimed: email.claimed,
            author_id: email.author,
            subject_from: email.subject_from,
            subject_to: email.subject_to,
            automatic: serde_json::to_string(&mail.automatic)?,
            maybe_nobodys: false,
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = attachments, treat_none_as_default_value = false)]
pub struct AttachmentRow<'a> {
    pub email_id: EmailId,
    pub place: i64,
    pub name: Cow<'a, str>,
    pub media_type: Cow<'a, str>,
    pub size: i64,
    pub content_id: Option<Cow<'a, str>>,
    pub is_inline: bool,
    pub part: Cow<'a, str>,
}

impl<'a> AttachmentRow<'a> {
    /// Makes the rows of everything that a message carries, in order.
    pub fn all(email: EmailId, mail: &'a Mail) -> Vec<Self> {
        let mut rows = Vec::with_capacity(mail.attachments.len());
        for (place, attachment) in (1..).zip(&mail.attachments) {
            rows.push(Self {
                email_id: email,
                place,
                name: clean(&attachment.name),
                media_type: clean(&attachment.media_type),
                size: i64::try_from(attachment.size).unwrap_or(i64::MAX),
                content_id: attachment.content_id.as_deref().map(clean),
                is_inline: attachment.inline,
                part: clean(&attachment.part),
            });
        }
        rows
    }
}

#[derive(Insertable)]
#[diesel(table_name = email_accounts, treat_none_as_default_value = false)]
pub struct EmailAccountRow {
    pub email_id: EmailId,
    pub account_id: AccountId,
}

#[derive(Clone, Insertable)]
#[diesel(table_name = email_copies, treat_none_as_default_value = false)]
pub struct CopyRow {
    pub id: i64,
    pub email_id: EmailId,
    pub raw_id: i64,
    pub account_id: Option<AccountId>,
    pub arrived_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = participants, treat_none_as_default_value = false)]
pub struct ParticipantRow<'a> {
    pub email_id: EmailId,
    pub address: &'a str,
}

#[derive(Insertable)]
#[diesel(table_name = email_teams, treat_none_as_default_value = false)]
pub struct EmailTeamRow {
    pub email_id: EmailId,
    pub team_id: TeamId,
    pub given_by: Option<FilterId>,
    pub handed_by: Option<EmailId>,
}

#[derive(Clone, Insertable)]
#[diesel(table_name = email_users, treat_none_as_default_value = false)]
pub struct EmailUserRow {
    pub email_id: EmailId,
    pub user_id: UserId,
    pub is_read: bool,
    pub is_important: bool,
    pub is_archived: bool,
    pub is_trashed: bool,
    pub trashed_at: Option<i64>,
    pub folder_id: Option<FolderId>,
    pub given_by: Option<FilterId>,
    pub read_by: Option<FilterId>,
    pub sorted_by: Option<FilterId>,
    pub is_placed_by_hand: bool,
    pub is_marked_by_hand: bool,
}

#[derive(Insertable)]
#[diesel(table_name = notes, treat_none_as_default_value = false)]
pub struct NoteRow {
    pub id: NoteId,
    pub record_id: RecordId,
    pub kind: NoteKind,
    pub email_id: Option<EmailId>,
    pub detail: String,
    pub author_id: Option<UserId>,
    pub is_quiet: bool,
    pub created_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = effects, treat_none_as_default_value = false)]
pub struct EffectRow {
    pub id: i64,
    pub email_id: Option<EmailId>,
    pub account_id: Option<AccountId>,
    pub filter: String,
    pub command: String,
    pub created_at: i64,
    pub due_at: Option<i64>,
    pub attempts: i64,
    pub event: Option<Hook>,
    pub about: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = reviews, treat_none_as_default_value = false)]
pub struct ReviewRow {
    pub id: ReviewId,
    pub email_id: EmailId,
    pub account_id: Option<AccountId>,
    pub candidate_id: Option<RecordId>,
    pub because: String,
    pub created_at: i64,
}
