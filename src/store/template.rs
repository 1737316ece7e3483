//! Templates of letters, as people keep them (SEND-9).

use anyhow::Result;
use diesel::prelude::*;

use super::noun::{not_found, number, taken};
use super::schema::templates;
use super::{Database, access, answer};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, AsChangeset, serde::Serialize)]
#[diesel(table_name = templates)]
pub struct Stored {
    pub id: i64,
    pub name: String,
    pub subject: String,
    pub body: String,
    #[serde(rename = "html")]
    pub is_html: bool,
}

/// Adds a template under the next number.
pub fn add(db: &mut Database, permit: &Permit<'_>, new: &Stored, now: i64) -> Result<()> {
    if templates::table.filter(templates::name.eq(&new.name)).count().get_result::<i64>(db)? > 0 {
        return Err(taken("template", &new.name));
    }
    let id = number(db, "template")?;
    diesel::insert_into(templates::table)
        .values((
            templates::id.eq(id),
            templates::name.eq(&new.name),
            templates::subject.eq(&new.subject),
            templates::body.eq(&new.body),
            templates::is_html.eq(new.is_html),
        ))
        .execute(db)?;
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

/// Changes a template.
pub fn set(db: &mut Database, permit: &Permit<'_>, changed: &Stored, now: i64) -> Result<()> {
    let others = templates::table.filter(templates::name.eq(&changed.name)).filter(templates::id.ne(changed.id));
    if others.count().get_result::<i64>(db)? > 0 {
        return Err(taken("template", &changed.name));
    }
    let before = templates::table.find(changed.id).select(Stored::as_select()).first::<Stored>(db)?;
    diesel::update(templates::table.find(changed.id)).set(changed).execute(db)?;
    let changes = access::differences(&before, changed)?;
    access::record(db, permit, "template set", &format!("template:{}", before.name), &changes, now)
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
