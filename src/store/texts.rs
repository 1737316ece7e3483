//! What e-mails and records say, as their rows have it. Texts are packed where that makes them shorter (`packed.rs`): whoever looks into one unpacks
//! it, and no SQL knows what is in it. That of e-mails stands in a table of its own, so that whatever goes through many e-mails reads short rows.

use anyhow::{Context, Result};
use diesel::prelude::*;

use super::packed::Packable;
use super::people::People;
use super::schema::{email_texts, records};
use super::{Database, clean};
use crate::mail::{Address, Event, Mail};
use crate::words::EmailId;

/// The text of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = email_texts)]
pub(super) struct Text {
    text: String,
    packed: Option<Vec<u8>>,
}

impl Text {
    pub fn read(self, email: EmailId) -> Result<String> {
        let read = Packable { plain: self.text, packed: self.packed }.read();
        read.with_context(|| format!("the text of e-mail {email}"))
    }

    /// The same for whoever goes on without it where it is damaged.
    pub fn read_if_whole(self, email: EmailId) -> Result<String> {
        Packable { plain: self.text, packed: self.packed }.read_if_whole(format_args!("the text of e-mail {email}"))
    }
}

/// The description of a record.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = records, treat_none_as_null = true)]
pub(super) struct Description {
    pub description: String,
    pub packed: Option<Vec<u8>>,
}

impl Description {
    pub fn of(text: &str) -> Self {
        let Packable { plain, packed } = Packable::text(text);
        Self { description: plain, packed }
    }

    pub fn read(self) -> Result<String> {
        Packable { plain: self.description, packed: self.packed }.read().context("the description of a record")
    }

    /// The same for whoever goes on without it where it is damaged.
    pub fn read_if_whole(self) -> Result<String> {
        Packable { plain: self.description, packed: self.packed }.read_if_whole(format_args!("the description of a record"))
    }
}

/// Everything that stands beside an e-mail's row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Said {
    /// JSON, as [`People`] has it.
    pub people: String,
    pub text: String,
    pub list_id: Option<String>,
    /// JSON: a delivery report, calendar events, a list of words.
    pub bounce: Option<String>,
    pub calendar: Option<String>,
    pub defects: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = email_texts, primary_key(email_id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct TextRow {
    pub email_id: EmailId,
    people: String,
    text: String,
    packed: Option<Vec<u8>>,
    bounce: Option<String>,
    calendar: Option<String>,
    defects: String,
    list_id: Option<String>,
}

impl Said {
    /// What a message says. Events are noted as disowned where those who wrote them may not speak for them.
    pub fn of(mail: &Mail, disowned: bool) -> Result<Self> {
        Ok(Self { text: clean(&mail.text).into_owned(), ..Self::beside(mail, disowned)? })
    }

    /// The same without its text.
    fn beside(mail: &Mail, disowned: bool) -> Result<Self> {
        Ok(Self {
            people: people(mail)?,
            text: String::new(),
            list_id: mail.list.as_deref().map(|list| clean(list).into_owned()),
            bounce: mail.bounce.as_ref().map(serde_json::to_string).transpose()?,
            calendar: calendar(mail, disowned)?,
            defects: serde_json::to_string(&mail.defects)?,
        })
    }

    /// What a stored e-mail says.
    pub fn by(db: &mut Database, email: EmailId) -> Result<Self> {
        let row = email_texts::table.find(email).select(TextRow::as_select()).first::<TextRow>(db);
        let row = row.with_context(|| format!("reading what e-mail {email} says"))?;
        Ok(Self {
            people: row.people,
            text: Text { text: row.text, packed: row.packed }.read_if_whole(email)?,
            list_id: row.list_id,
            bounce: row.bounce,
            calendar: row.calendar,
            defects: row.defects,
        })
    }

    /// Everybody whom it names.
    pub fn everybody(&self, email: EmailId) -> Result<People> {
        serde_json::from_str(&self.people).with_context(|| format!("the people of e-mail {email}"))
    }
}

impl TextRow {
    pub fn new(email: EmailId, said: Said) -> Self {
        let text = Packable::text(&said.text);
        Self::packed(email, said, text)
    }

    /// The row of a message whose text may be packed already.
    pub fn of(email: EmailId, (mail, text): (&Mail, Option<&Packable>), disowned: bool) -> Result<Self> {
        let text = text.map_or_else(|| Packable::text(&clean(&mail.text)), Clone::clone);
        Ok(Self::packed(email, Said::beside(mail, disowned)?, text))
    }

    fn packed(email: EmailId, said: Said, text: Packable) -> Self {
        let Said { people, list_id, bounce, calendar, defects, .. } = said;
        Self { email_id: email, people, text: text.plain, packed: text.packed, bounce, calendar, defects, list_id }
    }
}

/// The events that a message speaks of, as JSON.
fn calendar(mail: &Mail, disowned: bool) -> Result<Option<String>> {
    let events: Vec<Event> = mail.calendar.iter().map(|event| Event { disowned, ..event.clone() }).collect();
    Ok((!events.is_empty()).then(|| serde_json::to_string(&events)).transpose()?)
}

/// Everybody that a message names, as JSON.
fn people(mail: &Mail) -> Result<String> {
    #[derive(serde::Serialize)]
    struct Named<'a> {
        from: &'a [Address],
        reply_to: &'a [Address],
        to: &'a [Address],
        cc: &'a [Address],
        bcc: &'a [Address],
    }
    let named = Named { from: mail.from.as_slice(), reply_to: &mail.reply_to, to: &mail.to, cc: &mail.cc, bcc: &mail.bcc };
    serde_json::to_string(&named).context("writing addresses as JSON")
}
