//! How people name a record.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use anyhow::Result;
use diesel::prelude::*;

use super::Database;
use super::noun::in_lists;
use super::schema::records;
use crate::words::{RecordId, RecordKind};

/// How people name a record: `case:42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Queryable)]
pub struct RecordName {
    pub kind: RecordKind,
    pub number: i64,
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.number)
    }
}

impl FromStr for RecordName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a record's name, such as contact:7");
        let (kind, number) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self { kind: kind.parse()?, number: number.parse().map_err(|_| wrong())? })
    }
}

impl serde::Serialize for RecordName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns a record's name as people type it.
pub fn name_of(db: &mut Database, id: Option<RecordId>) -> Result<Option<RecordName>> {
    Ok(names_of(db, [id])?.into_values().next())
}

/// Returns the names of those records that are there.
pub fn names_of(db: &mut Database, ids: impl IntoIterator<Item = Option<RecordId>>) -> Result<HashMap<RecordId, RecordName>> {
    let ids: Vec<RecordId> = ids.into_iter().flatten().collect::<HashSet<_>>().into_iter().collect();
    let names = in_lists(db, &ids, |db, some| {
        let rows = records::table.filter(records::id.eq_any(some)).select((records::id, (records::kind, records::number)));
        Ok(rows.load(db)?)
    })?;
    Ok(names.into_iter().collect())
}
