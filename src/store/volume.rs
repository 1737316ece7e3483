//! What takes the room that a database has: its tables by what is in them, and its indices.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::Database;

/// What is in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Raw,
    Texts,
    Reasons,
    Records,
    Search,
    Other,
    Indices,
    Free,
}

impl Kind {
    const ALL: [Self; 8] =
        [Self::Raw, Self::Texts, Self::Reasons, Self::Records, Self::Search, Self::Other, Self::Indices, Self::Free];

    const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Texts => "texts",
            Self::Reasons => "reasons",
            Self::Records => "records",
            Self::Search => "search",
            Self::Other => "other",
            Self::Indices => "indices",
            Self::Free => "free",
        }
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Raw => "bytes of e-mails as received",
            Self::Texts => "subject, people and text of e-mails, names of files",
            Self::Reasons => "what became of messages and why, the audit",
            Self::Records => "cases and other records, streams, who follows",
            Self::Search => "the full-text index",
            Self::Other => "inboxes, notifications, the outbox, settings",
            Self::Indices => "by which rows are found",
            Self::Free => "for what comes; espomail db vacuum gives it back",
        }
    }

    fn of(table: &str) -> Self {
        match table {
            "raws" => Self::Raw,
            "emails" | "email_texts" | "attachments" | "events" => Self::Texts,
            "fates" | "audit" => Self::Reasons,
            "followers" | "notes" => Self::Records,
            _ if table.starts_with("record") => Self::Records,
            _ if table.starts_with("email_search") => Self::Search,
            _ => Self::Other,
        }
    }
}

/// How much one kind takes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Share {
    pub what: &'static str,
    pub bytes: i64,
    /// What that is.
    pub of: &'static str,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_index: bool,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    /// How many of them nothing stands in, as rows have become shorter since.
    #[diesel(sql_type = BigInt)]
    unused: i64,
}

/// Of each table and index, a page after the other.
const SQLITE: &str = "SELECT s.name AS name, COALESCE(m.type = 'index', FALSE) AS is_index, s.pgsize AS bytes, s.unused AS unused
     FROM dbstat s LEFT JOIN sqlite_master m ON m.name = s.name WHERE s.aggregate = 1";

const SQLITE_FREE: &str = "SELECT '' AS name, FALSE AS is_index, freelist_count * page_size AS bytes, 0 AS unused
     FROM pragma_freelist_count, pragma_page_size";

const POSTGRESQL: &str = "SELECT c.relname::text AS name, i.is_index, CASE WHEN i.is_index THEN pg_indexes_size(c.oid) ELSE pg_table_size(c.oid) END AS bytes, 0::bigint AS unused
     FROM pg_class c CROSS JOIN (VALUES (FALSE), (TRUE)) AS i (is_index)
     WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace";

/// Says what takes how much. SQLite looks at each page for that; what PostgreSQL has free in its tables it does not say.
pub fn shares(db: &mut Database) -> Result<Vec<Share>> {
    let mut sums: BTreeMap<Kind, i64> = BTreeMap::new();
    let (rows, free) = match db {
        Database::Sqlite(c) => {
            (diesel::sql_query(SQLITE).load::<Row>(c), diesel::sql_query(SQLITE_FREE).load::<Row>(c).map(Some))
        }
        Database::Postgresql(c) => (diesel::sql_query(POSTGRESQL).load::<Row>(c), Ok(None)),
    };
    for row in rows.context("measuring the tables")? {
        // What finds words is of the search, whatever it is made of.
        let kind = match Kind::of(&row.name) {
            Kind::Search => Kind::Search,
            _ if row.is_index => Kind::Indices,
            kind => kind,
        };
        *sums.entry(kind).or_default() += row.bytes - row.unused;
        if row.unused > 0 {
            *sums.entry(Kind::Free).or_default() += row.unused;
        }
    }
    for row in free.context("measuring what is free")?.into_iter().flatten() {
        *sums.entry(Kind::Free).or_default() += row.bytes;
    }
    let share = |kind: &Kind| Some(Share { what: kind.name(), bytes: *sums.get(kind)?, of: kind.says() });
    Ok(Kind::ALL.iter().filter_map(share).collect())
}

/// How much of it is in use: what a copy without holes would have.
pub fn in_use(db: &mut Database) -> Result<i64> {
    Ok(shares(db)?.iter().filter(|share| share.what != Kind::Free.name()).map(|share| share.bytes).sum())
}
