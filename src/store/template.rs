//! Templates of letters, as people keep them, and the files that go out with them (SEND-9).

use anyhow::Result;
use diesel::prelude::*;

use super::noun::{free, not_found, number, taken};
use super::schema::{template_files, templates};
use super::{Database, access, answer};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::mail::compose::File;
use crate::mail::template::Source;

/// The most bytes of files that one template has: every letter made from it carries them, and those of automatic answers are many.
const FILES: usize = 5 << 20;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, AsChangeset, serde::Serialize)]
#[diesel(table_name = templates, treat_none_as_null = true)]
pub struct Stored {
    pub id: i64,
    pub name: String,
    pub subject: String,
    pub body: String,
    #[serde(rename = "html")]
    pub is_html: bool,
    /// The text beside HTML; none is made of the HTML.
    pub plain: Option<String>,
}

impl Stored {
    /// What is to be checked of it.
    pub fn source(&self) -> Source<'_> {
        Source { subject: &self.subject, body: &self.body, plain: self.plain.as_deref(), is_html: self.is_html }
    }
}

/// A file of a template, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, serde::Serialize)]
pub struct Attached {
    pub name: String,
    pub media_type: String,
    /// Whether the HTML shows it as `cid:NAME`.
    pub inline: bool,
    pub size: i64,
}

/// What to change of the files of a template.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileChanges<'a> {
    /// Each takes the place of the one of its name.
    pub attach: &'a [File],
    pub detach: &'a [String],
}

/// Adds a template under the next number.
pub fn add(db: &mut Database, permit: &Permit<'_>, new: &Stored, files: &[File], now: i64) -> Result<()> {
    free!(db, "template", templates.name, &new.name);
    let id = number(db, "template")?;
    diesel::insert_into(templates::table)
        .values((
            templates::id.eq(id),
            templates::name.eq(&new.name),
            templates::subject.eq(&new.subject),
            templates::body.eq(&new.body),
            templates::is_html.eq(new.is_html),
            templates::plain.eq(&new.plain),
        ))
        .execute(db)?;
    change_files(db, &Stored { id, ..new.clone() }, FileChanges { attach: files, detach: &[] })?;
    access::record(db, permit, "template add", &format!("template:{}", new.name), "", now)
}

/// Lists all templates by name.
pub fn list(db: &mut Database) -> Result<Vec<Stored>> {
    Ok(templates::table.order(templates::name).select(Stored::as_select()).load(db)?)
}

/// Finds a template by name or number.
pub fn find(db: &mut Database, wanted: &str) -> Result<Stored> {
    let all = list(db)?;
    let by_number = wanted.parse::<i64>().ok();
    let found = all.iter().find(|one| one.name == wanted).or_else(|| all.iter().find(|one| Some(one.id) == by_number));
    match found {
        Some(found) => Ok(found.clone()),
        None => Err(not_found("template", wanted, &all.into_iter().map(|one| one.name).collect::<Vec<_>>())),
    }
}

/// Lists the files of a template by name.
pub fn attached(db: &mut Database, template: i64) -> Result<Vec<Attached>> {
    let of = template_files::table.filter(template_files::template_id.eq(template)).order(template_files::name);
    let columns = (template_files::name, template_files::media_type, template_files::is_inline, template_files::size);
    Ok(of.select(columns).load(db)?)
}

/// Returns the files of a template, to go out.
pub fn files(db: &mut Database, template: i64) -> Result<Vec<File>> {
    let rows = template_files::table
        .filter(template_files::template_id.eq(template))
        .order(template_files::name)
        .select((template_files::name, template_files::media_type, template_files::is_inline, template_files::content))
        .load::<(String, String, bool, Vec<u8>)>(db)?;
    let file = |(name, media_type, inline, content): (String, String, bool, Vec<u8>)| {
        let content_id = inline.then(|| name.clone());
        File { name, media_type, content, content_id, inline }
    };
    Ok(rows.into_iter().map(file).collect())
}

/// What the audit compares.
#[derive(serde::Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    stored: &'a Stored,
    attachments: Vec<String>,
}

impl<'a> Whole<'a> {
    fn of(db: &mut Database, stored: &'a Stored) -> Result<Self> {
        let attachments = attached(db, stored.id)?.into_iter().map(|one| format!("{} ({} bytes)", one.name, one.size)).collect();
        Ok(Self { stored, attachments })
    }
}

/// Changes a template; says whether anything is otherwise now.
pub fn set(db: &mut Database, permit: &Permit<'_>, changed: &Stored, changes: FileChanges<'_>, now: i64) -> Result<bool> {
    free!(db, "template", templates.name, &changed.name, but changed.id);
    let stored = templates::table.find(changed.id).select(Stored::as_select()).first::<Stored>(db)?;
    let (before, carried) = (Whole::of(db, &stored)?, files(db, changed.id)?);
    diesel::update(templates::table.find(changed.id)).set(changed).execute(db)?;
    change_files(db, changed, changes)?;
    let mut told = access::differences(&before, &Whole::of(db, changed)?)?;
    if told.is_empty() && files(db, changed.id)? != carried {
        told = "attachments: other content".to_string();
    }
    if told.is_empty() {
        return Ok(false);
    }
    access::record(db, permit, "template set", &format!("template:{}", stored.name), &told, now)?;
    Ok(true)
}

fn change_files(db: &mut Database, template: &Stored, files: FileChanges<'_>) -> Result<()> {
    let there = attached(db, template.id)?;
    if let Some(absent) = files.detach.iter().find(|name| there.iter().all(|file| file.name != **name)) {
        let what = format!("the template {} has no attachment {absent:?}", template.name);
        return Err(Fault::new(Class::Data, what).hint(format!("try: espomail template show {}", template.id)).into());
    }
    for name in files.detach.iter().chain(files.attach.iter().map(|file| &file.name)) {
        diesel::delete(template_files::table.find((template.id, name))).execute(db)?;
    }
    for (place, file) in files.attach.iter().enumerate() {
        // What is given twice counts once; two files of one name are an error.
        if let Some(other) = files.attach.iter().take(place).find(|other| other.name == file.name) {
            if other == file {
                continue;
            }
            return Err(Fault::new(Class::Data, format!("two different files are called {:?}", file.name))
                .hint("give one of them another name, or leave it out")
                .into());
        }
        diesel::insert_into(template_files::table)
            .values((
                template_files::template_id.eq(template.id),
                template_files::name.eq(&file.name),
                template_files::media_type.eq(&file.media_type),
                template_files::is_inline.eq(file.inline),
                template_files::size.eq(i64::try_from(file.content.len())?),
                template_files::content.eq(&file.content),
            ))
            .execute(db)?;
    }
    let kept = attached(db, template.id)?;
    let size: i64 = kept.iter().map(|file| file.size).sum();
    if size > i64::try_from(FILES)? {
        let what = format!("the template {} would carry {size} bytes of files; {FILES} are the most", template.name);
        return Err(Fault::new(Class::Data, what).hint("leave out a file, or attach it to single letters: --attach").into());
    }
    let is_shown = |file: &&Attached| template.is_html && template.body.contains(&format!("cid:{}", file.name));
    match kept.iter().filter(|file| file.inline).find(|file| !is_shown(file)) {
        Some(unseen) => {
            Err(Fault::new(Class::Data, format!("the template {} does not show \"cid:{}\"", template.name, unseen.name))
                .hint(format!("show it with <img src=\"cid:{0}\">, or leave it out: --detach {0}", unseen.name))
                .into())
        }
        None => Ok(()),
    }
}

/// Removes a template.
pub fn remove(db: &mut Database, permit: &Permit<'_>, template: &Stored, now: i64) -> Result<()> {
    if let Some(account) = answer::using(db, template.id)?.first() {
        let what = format!("the account {account} answers with template {}", template.name);
        return Err(Fault::new(Class::Data, what).hint(format!("try: espomail account set {account} --auto-reply ''")).into());
    }
    diesel::delete(templates::table.find(template.id)).execute(db)?;
    access::record(db, permit, "template remove", &format!("template:{}", template.name), "", now)
}
