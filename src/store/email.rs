//! Stored e-mails, for those who look at them.

pub(crate) mod known;
mod list;
mod view;

use std::collections::HashMap;

use anyhow::{Context, Result};
use diesel::prelude::*;

pub use self::list::{EmailFilter, Line, Unsent, Waits, count, list};
pub(super) use self::list::{no_letter, recipients_of};
pub use self::view::{Place, View};
use super::address::{Delivery, deliveries_of};
use super::named::{RecordName, name_of};
use super::people::People;
use super::raw::Packed;
use super::relation::visible_emails;
use super::schema::{
    accounts, attachments, email_accounts, email_teams, email_texts, email_users, emails, folders, raws, teams, users,
};
use super::texts::{Said, TextRow};
use super::{Database, access, event};
use crate::decide::access::{Permit, Sight};
use crate::fault::{Class, Fault};
use crate::mail::{Attachment, Event, Mail, Sign};
use crate::words::{AccountId, EmailId, FolderId, GroupPlace, ParentBy, RecordId, ThreadId, UserId};

/// An e-mail whole. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Email {
    pub id: EmailId,
    pub thread: ThreadId,
    pub message_id: String,
    #[serde(serialize_with = "crate::clock::time")]
    pub date: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub header_date: Option<i64>,
    #[serde(serialize_with = "crate::clock::time")]
    pub arrived_at: i64,
    #[serde(flatten)]
    pub people: People,
    /// From is one of us, and nothing vouches for that (ACCESS-5).
    pub sender_not_verified: bool,
    pub subject: String,
    pub text: String,
    pub replied: Option<EmailId>,
    pub is_replied: bool,
    pub parent: Option<RecordName>,
    pub parent_by: Option<ParentBy>,
    pub account_record: Option<RecordName>,
    pub partial: bool,
    pub archived: bool,
    pub id_collision: bool,
    pub automatic: Vec<Sign>,
    pub defects: Vec<String>,
    pub raw_size: i64,
    /// When its raw bytes were pruned; its size is that of then.
    #[serde(serialize_with = "crate::clock::optional")]
    pub raw_pruned_at: Option<i64>,
    pub accounts: Vec<String>,
    pub teams: Vec<String>,
    pub users: Vec<Reader>,
    pub group_folder: Option<String>,
    /// Whether it is in the archive or the trash of that.
    pub group_place: Option<GroupPlace>,
    /// Who is to look after it.
    pub assigned_user: Option<String>,
    pub calendar: Vec<Event>,
    pub attachments: Vec<Attachment>,
    /// How far an e-mail of ours came (BOUNCE-2).
    pub deliveries: Vec<Delivery>,
    /// The user who wrote it.
    #[serde(skip)]
    pub author: Option<UserId>,
}

/// A user who has an e-mail in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Reader {
    pub login: String,
    pub read: bool,
    /// None where it is not for the one who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub important: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trashed: Option<bool>,
    /// The user's own folder; none for the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// Finds an e-mail by its number or Message-ID.
pub fn find(db: &mut Database, wanted: &str) -> Result<EmailId> {
    let id = match wanted.parse::<i64>() {
        Ok(id) => emails::table.find(id).select(emails::id).first(db).optional()?,
        Err(_) => {
            let bare = wanted.trim_start_matches('<').trim_end_matches('>');
            // As the rules read it (THREAD-1): ours first, and last what repeats the id of another.
            let bearers = emails::table.filter(emails::message_id.eq(bare)).select(emails::id);
            bearers.order((emails::is_ours.desc(), emails::id_collision, emails::id)).first(db).optional()?
        }
    };
    id.ok_or_else(|| missing(wanted))
}

/// Finds an e-mail by its number or Message-ID among those that somebody may see; of several that bear one Message-ID the first.
pub fn find_seen(db: &mut Database, wanted: &str, sight: &Sight) -> Result<EmailId> {
    let visible = visible_emails(sight).ok_or_else(|| missing(wanted))?;
    let query = emails::table.filter(visible).order(emails::id).select(emails::id);
    let id = match wanted.parse::<i64>() {
        Ok(id) => query.filter(emails::id.eq(id)).first(db).optional()?,
        Err(_) => {
            let bare = wanted.trim_start_matches('<').trim_end_matches('>');
            query.filter(emails::message_id.eq(bare)).first(db).optional()?
        }
    };
    id.ok_or_else(|| missing(wanted))
}

/// Whether somebody may see another e-mail that bears the Message-ID of this one (DUP-2).
pub fn has_namesake(db: &mut Database, id: EmailId, message_id: &str, sight: &Sight) -> Result<bool> {
    let Some(visible) = visible_emails(sight) else { return Ok(false) };
    let others = emails::table.filter(visible).filter(emails::message_id.eq(message_id)).filter(emails::id.ne(id));
    Ok(others.select(emails::id).first::<EmailId>(db).optional()?.is_some())
}

/// Makes the error for an e-mail that is not there, or not for the one who asks.
pub fn missing(wanted: &str) -> anyhow::Error {
    Fault::new(Class::Data, format!("there is no e-mail {wanted}")).hint("try: espomail email list").into()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = emails)]
struct Row {
    thread_id: ThreadId,
    raw_id: i64,
    message_id: String,
    date: i64,
    header_date: Option<i64>,
    arrived_at: i64,
    is_claimed: bool,
    subject: String,
    replied_id: Option<EmailId>,
    is_replied: bool,
    parent_id: Option<RecordId>,
    parent_by: Option<ParentBy>,
    account_record_id: Option<RecordId>,
    is_partial: bool,
    is_archived: bool,
    id_collision: bool,
    folder_id: Option<FolderId>,
    group_place: Option<GroupPlace>,
    assigned_user_id: Option<UserId>,
    author_id: Option<UserId>,
    automatic: String,
}

/// Shows one e-mail.
pub fn show(db: &mut Database, id: EmailId) -> Result<Email> {
    let row = emails::table.find(id).select(Row::as_select()).first::<Row>(db)?;
    let said = Said::by(db, id)?;
    let (raw_size, raw_pruned_at) = raws::table.find(row.raw_id).select((raws::size, raws::pruned_at)).first(db)?;
    let readers = email_users::table
        .inner_join(users::table.on(users::id.eq(email_users::user_id)))
        .left_join(folders::table.on(folders::id.nullable().eq(email_users::folder_id)))
        .filter(email_users::email_id.eq(id))
        .order(users::login)
        .select((
            users::login,
            email_users::is_read,
            email_users::is_important,
            email_users::is_archived,
            email_users::is_trashed,
            folders::name.nullable(),
        ))
        .load::<(String, bool, bool, bool, bool, Option<String>)>(db)?;
    let users = readers.into_iter().map(|(login, read, important, archived, trashed, folder)| Reader {
        login,
        read,
        important: Some(important),
        archived: Some(archived),
        trashed: Some(trashed),
        folder,
    });
    Ok(Email {
        id,
        deliveries: deliveries_of(db, id)?,
        author: row.author_id,
        thread: row.thread_id,
        message_id: row.message_id,
        date: row.date,
        header_date: row.header_date,
        arrived_at: row.arrived_at,
        people: said.everybody(id)?,
        sender_not_verified: row.is_claimed,
        subject: row.subject,
        text: said.text,
        replied: row.replied_id,
        is_replied: row.is_replied,
        parent: name_of(db, row.parent_id)?,
        parent_by: row.parent_by,
        account_record: name_of(db, row.account_record_id)?,
        partial: row.is_partial,
        archived: row.is_archived,
        id_collision: row.id_collision,
        automatic: serde_json::from_str(&row.automatic)?,
        defects: serde_json::from_str(&said.defects)?,
        calendar: said.calendar.as_deref().map_or(Ok(Vec::new()), serde_json::from_str)?,
        raw_size,
        raw_pruned_at,
        accounts: email_accounts::table
            .inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)))
            .filter(email_accounts::email_id.eq(id))
            .order(accounts::name)
            .select(accounts::name)
            .load(db)?,
        teams: email_teams::table
            .inner_join(teams::table.on(teams::id.eq(email_teams::team_id)))
            .filter(email_teams::email_id.eq(id))
            .order(teams::name)
            .select(teams::name)
            .load(db)?,
        users: users.collect(),
        group_folder: folders::table
            .filter(folders::id.nullable().eq(row.folder_id))
            .select(folders::name)
            .first(db)
            .optional()?,
        group_place: row.group_place,
        assigned_user: users::table
            .filter(users::id.nullable().eq(row.assigned_user_id))
            .select(users::login)
            .first(db)
            .optional()?,
        attachments: attachments_of(db, id)?,
    })
}

/// Returns the group folders of those of some e-mails that are in one.
pub fn folders_of(db: &mut Database, ids: &[EmailId]) -> Result<HashMap<EmailId, FolderId>> {
    let mut folders = HashMap::new();
    for some in ids.chunks(super::IN_LIST) {
        let rows = emails::table.filter(emails::id.eq_any(some)).filter(emails::folder_id.is_not_null());
        folders.extend(rows.select((emails::id, emails::folder_id.assume_not_null())).load::<(EmailId, FolderId)>(db)?);
    }
    Ok(folders)
}

/// Returns who is to look after an e-mail.
pub fn assigned_to(db: &mut Database, id: EmailId) -> Result<Option<UserId>> {
    Ok(emails::table.find(id).select(emails::assigned_user_id).first(db)?)
}

/// Returns the e-mails of an e-mail's thread that somebody sees.
pub fn of_thread(db: &mut Database, id: EmailId, sight: &Sight) -> Result<Vec<EmailId>> {
    let thread: ThreadId = emails::table.find(id).select(emails::thread_id).first(db)?;
    let Some(visible) = visible_emails(sight) else { return Ok(Vec::new()) };
    let ids = emails::table.filter(emails::thread_id.eq(thread)).filter(visible).order(emails::id).select(emails::id);
    Ok(ids.load(db)?)
}

/// Returns the account by whose rules a person's word on an e-mail is judged: of those that it came through the first that makes
/// cases, else the first.
pub fn judged_by(db: &mut Database, id: EmailId) -> Result<Option<AccountId>> {
    Ok(email_accounts::table
        .inner_join(accounts::table.on(accounts::id.eq(email_accounts::account_id)))
        .filter(email_accounts::email_id.eq(id))
        .order((accounts::make_cases.desc(), accounts::id))
        .select(accounts::id)
        .first(db)
        .optional()?)
}

/// Returns everybody who wrote an e-mail of a record, in comparison form.
pub fn authors_of(db: &mut Database, record: RecordId) -> Result<Vec<String>> {
    let authors = emails::table.filter(emails::parent_id.eq(record)).select(emails::from_address).distinct();
    Ok(authors.load(db)?)
}

/// Returns the e-mails of a record.
pub fn of_record(db: &mut Database, record: RecordId) -> Result<Vec<EmailId>> {
    let ids = emails::table.filter(emails::parent_id.eq(record)).order(emails::id).select(emails::id);
    Ok(ids.load(db)?)
}

/// Lists the attachments of an e-mail, in order.
pub fn attachments_of(db: &mut Database, id: EmailId) -> Result<Vec<Attachment>> {
    type Row = (String, String, i64, Option<String>, bool, String);
    let rows = attachments::table
        .filter(attachments::email_id.eq(id))
        .order(attachments::place)
        .select((
            attachments::name,
            attachments::media_type,
            attachments::size,
            attachments::content_id,
            attachments::is_inline,
            attachments::part,
        ))
        .load::<Row>(db)?;
    let attachment = |(name, media_type, size, content_id, inline, part): Row| Attachment {
        name,
        media_type,
        size: size.unsigned_abs(),
        content_id,
        inline,
        part,
    };
    Ok(rows.into_iter().map(attachment).collect())
}

/// Puts the whole message in the place of a partial one (FETCH-8): raw bytes, text and attachments.
pub fn complete(db: &mut Database, permit: &Permit<'_>, id: EmailId, (packed, mail): (&Packed, &Mail), now: i64) -> Result<()> {
    super::lock(db)?;
    let raw = super::raw::store(db, &[packed])?.get(&packed.digest).copied().context("its raw bytes were not stored")?;
    let earlier: i64 = emails::table.find(id).select(emails::raw_id).first(db)?;
    let had = Said::by(db, id)?;
    let events: Vec<Event> = had.calendar.as_deref().map_or(Ok(Vec::new()), serde_json::from_str)?;
    let Said { text, calendar, defects, .. } = Said::of(mail, events.iter().any(|event| event.disowned))?;
    diesel::update(emails::table.find(id))
        .set((emails::raw_id.eq(raw), emails::content_digest.eq(mail.content_digest.as_slice()), emails::is_partial.eq(false)))
        .execute(db)?;
    diesel::update(email_texts::table.find(id)).set(&TextRow::new(id, Said { text, calendar, defects, ..had })).execute(db)?;
    if earlier != raw {
        super::raw::drop_unused(db, &[earlier])?;
    }
    super::search::renew(db, id)?;
    event::rewrite(db, id, &event::EventRow::all(id, mail))?;
    diesel::delete(attachments::table.filter(attachments::email_id.eq(id))).execute(db)?;
    for (place, attachment) in (1_i64..).zip(&mail.attachments) {
        diesel::insert_into(attachments::table)
            .values((
                attachments::email_id.eq(id),
                attachments::place.eq(place),
                attachments::name.eq(&attachment.name),
                attachments::media_type.eq(&attachment.media_type),
                attachments::size.eq(i64::try_from(attachment.size).unwrap_or(i64::MAX)),
                attachments::content_id.eq(attachment.content_id.as_deref()),
                attachments::is_inline.eq(attachment.inline),
                attachments::part.eq(&attachment.part),
            ))
            .execute(db)?;
    }
    access::record(db, permit, "email fetch-body", &format!("email:{id}"), "", now)
}
