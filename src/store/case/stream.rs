//! A record's stream: everything that happened to it, oldest first, with what people wrote.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use diesel::prelude::*;

use super::who;
use crate::decide::access::Sight;
use crate::mail::split;
use crate::store::noun::{gathered, in_lists};
use crate::store::relation::visible_emails;
use crate::store::schema::{attachments, email_texts, emails, notes, users};
use crate::store::texts::Text;
use crate::store::{Database, remembered};
use crate::words::{EmailId, NoteId, NoteKind, RecordId};

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub at: i64,
    pub kind: NoteKind,
    /// The login of the user who did it; none for the rules, for the service account, and for e-mails.
    pub author: Option<String>,
    /// Who of us did it or wrote the e-mail: a login, or where it was no user the account of the operating system; none for the rules.
    pub by: Option<String>,
    pub detail: String,
    pub email: Option<EmailId>,
    pub from: Option<String>,
    /// The e-mail is not for the one who asks to read: of it there is its number alone (ACCESS-2).
    pub email_withheld: bool,
    /// From is one of us, and nothing vouches for that (ACCESS-5).
    pub sender_not_verified: bool,
    pub subject: Option<String>,
    /// What the e-mail says, without what it quotes and its signature (PARSE-7).
    pub reply_text: Option<String>,
    /// How many lines are folded away.
    pub quoted_lines: usize,
    pub signature_lines: usize,
    pub attachments: Vec<Attached>,
}

/// An attachment, by name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable)]
pub struct Attached {
    pub name: String,
    #[serde(rename = "type")]
    pub media_type: String,
    pub size: i64,
}

/// Where the reply texts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// The raw bytes of each, so that they follow today's rules.
    Raw,
    /// What the database has of all.
    Remembered,
}

/// Returns a record's stream, with as much of its e-mails as somebody may see.
pub fn stream(db: &mut Database, record: RecordId, sight: &Sight) -> Result<Vec<Entry>> {
    Ok(streams(db, &[record], sight, Texts::Raw)?.remove(&record).unwrap_or_default())
}

type Row = (RecordId, (NoteId, i64), NoteKind, Option<String>, String, Option<EmailId>, Told);
/// From, whether it only claims to be from there, and the subject.
type Told = (Option<String>, Option<bool>, Option<String>);

/// The same of some records, in as many queries as for one.
pub fn streams(db: &mut Database, of: &[RecordId], sight: &Sight, texts: Texts) -> Result<HashMap<RecordId, Vec<Entry>>> {
    let rows = notes::table
        .left_join(emails::table.on(emails::id.nullable().eq(notes::email_id)))
        .left_join(users::table.on(users::id.nullable().eq(notes::author_id)))
        .filter(notes::record_id.eq_any(of))
        .order((notes::created_at, notes::id))
        .select((
            notes::record_id,
            (notes::id, notes::created_at),
            notes::kind,
            users::login.nullable(),
            notes::detail,
            notes::email_id,
            (emails::from_address.nullable(), emails::is_claimed.nullable(), emails::subject.nullable()),
        ))
        .load::<Row>(db)?;
    let named: HashSet<EmailId> = rows.iter().filter_map(|row| row.5).collect();
    let named = visible(db, named, sight)?;
    let mut files = attached(db, &named)?;
    let sent: Vec<EmailId> = rows.iter().filter(|row| row.2 == NoteKind::EmailSent).filter_map(|row| row.5).collect();
    let of_mail = [NoteKind::EmailReceived, NoteKind::EmailSent, NoteKind::Bounce];
    let without = rows.iter().filter(|row| row.3.is_none() && !of_mail.contains(&row.2));
    let without: Vec<(NoteId, i64)> = without.map(|row| row.1).collect();
    let (wrote, noted) = (who::wrote(db, &sent)?, who::noted(db, &without)?);
    let remembered = if texts == Texts::Remembered { remembered(db, &named)? } else { HashMap::new() };
    let mut streams: HashMap<RecordId, Vec<Entry>> = HashMap::new();
    for (record, (id, at), kind, author, mut detail, email, (mut from, mut claimed, mut subject)) in rows {
        let tells = matches!(kind, NoteKind::EmailReceived | NoteKind::EmailSent | NoteKind::Bounce);
        let email_withheld = email.is_some_and(|email| !named.contains(&email));
        if email_withheld {
            (from, claimed, subject) = (None, None, None);
            if tells {
                detail.clear();
            }
        }
        let writer = email.filter(|_| kind == NoteKind::EmailSent && !email_withheld).and_then(|email| wrote.get(&email));
        let by = author.as_ref().or_else(|| noted.get(&id)).or(writer).cloned();
        let says = email.filter(|_| tells && !email_withheld);
        let parts = match (says, texts) {
            (Some(email), Texts::Raw) => {
                remembered::shown(db, email, false)?.map(|mail| parts(&mail.reply_text, &mail.quoted_text, &mail.signature))
            }
            (Some(email), Texts::Remembered) => remembered.get(&email).cloned(),
            (None, _) => None,
        };
        let (reply_text, quoted_lines, signature_lines) =
            parts.map_or((None, 0, 0), |(reply, quoted, signature)| (Some(reply), quoted, signature));
        let attachments = says.and_then(|email| files.remove(&email)).unwrap_or_default();
        streams.entry(record).or_default().push(Entry {
            at,
            kind,
            author,
            by,
            detail,
            email,
            from,
            email_withheld,
            sender_not_verified: claimed.unwrap_or_default(),
            subject,
            reply_text,
            quoted_lines,
            signature_lines,
            attachments,
        });
    }
    Ok(streams)
}

/// Returns those of some e-mails that somebody may see.
fn visible(db: &mut Database, named: HashSet<EmailId>, sight: &Sight) -> Result<HashSet<EmailId>> {
    if matches!(sight, Sight::Everything) {
        return Ok(named);
    }
    let named: Vec<EmailId> = named.into_iter().collect();
    let seen = in_lists(db, &named, |db, some| {
        let Some(visible) = visible_emails(sight) else { return Ok(Vec::new()) };
        Ok(emails::table.filter(emails::id.eq_any(some)).filter(visible).select(emails::id).load(db)?)
    })?;
    Ok(seen.into_iter().collect())
}

/// What an e-mail says, and how many lines of quotation and of signature it has beside.
type Parts = (String, usize, usize);

fn parts(reply: &str, quoted: &str, signature: &str) -> Parts {
    let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    (reply.trim_end().to_string(), lines(quoted), lines(signature))
}

/// Returns those of some e-mails, as the database has their texts.
fn remembered(db: &mut Database, named: &HashSet<EmailId>) -> Result<HashMap<EmailId, Parts>> {
    let named: Vec<EmailId> = named.iter().copied().collect();
    let rows = in_lists(db, &named, |db, some| {
        let of = emails::table.inner_join(email_texts::table.on(email_texts::email_id.eq(emails::id)));
        let of = of.filter(emails::id.eq_any(some)).select((emails::id, emails::subject, Text::as_select()));
        Ok(of.load::<(EmailId, String, Text)>(db)?)
    })?;
    let one = |(id, subject, text): (EmailId, String, Text)| {
        let split = split(&text.read_if_whole(id)?, &subject);
        Ok((id, parts(&split.reply, &split.quoted, &split.signature)))
    };
    rows.into_iter().map(one).collect()
}

/// Returns the attachments of e-mails, without those that only the HTML shows.
fn attached(db: &mut Database, named: &HashSet<EmailId>) -> Result<HashMap<EmailId, Vec<Attached>>> {
    let named: Vec<EmailId> = named.iter().copied().collect();
    let rows = in_lists(db, &named, |db, some| {
        Ok(attachments::table
            .filter(attachments::email_id.eq_any(some))
            .filter(attachments::is_inline.eq(false))
            .order((attachments::email_id, attachments::place))
            .select((attachments::email_id, (attachments::name, attachments::media_type, attachments::size)))
            .load(db)?)
    })?;
    Ok(gathered(rows))
}
