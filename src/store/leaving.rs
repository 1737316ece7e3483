//! A user who goes, and had much: what is theirs alone goes first, some rows at a time, and what names them names nobody. Their removal
//! then takes the rest, and is short.

use anyhow::Result;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::filter::{self, Owner};
use super::schema::{accounts, folders, outbox, users};
use super::{Database, access, former};
use crate::decide::access::Permit;
use crate::words::{OutboxState, UserId};

/// How many rows one transaction takes. As many count as few: they go with the user.
const WINDOW: i64 = 1_000;

/// A table of which a user may have many rows: by this column, with a key of each.
struct Theirs {
    table: &'static str,
    column: &'static str,
    key: &'static str,
    /// Whether the row goes with the user; else it stays and names nobody.
    goes: bool,
    /// Which rows, beyond that.
    which: &'static str,
}

const fn gone(table: &'static str, key: &'static str) -> Theirs {
    Theirs { table, column: "user_id", key, goes: true, which: "TRUE" }
}

const fn unnamed(table: &'static str, column: &'static str) -> Theirs {
    Theirs { table, column, key: "id", goes: false, which: "TRUE" }
}

const EMAIL_USERS: &str = "email_users";

/// As the foreign keys have it. Who wrote an e-mail stays to the end: it is asked for when personal accounts go (FETCH-2).
const THEIRS: [Theirs; 6] = [
    gone("notifications", "id"),
    gone(EMAIL_USERS, "email_id"),
    gone("followers", "record_id"),
    unnamed("notes", "author_id"),
    unnamed("emails", "assigned_user_id"),
    // What is still to be looked after is handed over, also what comes to be theirs meanwhile.
    Theirs { which: "(NOT active OR status IN ('closed', 'rejected', 'duplicate'))", ..unnamed("records", "assigned_user_id") },
];

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Whether a user has so much that others would wait for its removal.
pub fn has_much(db: &mut Database, id: UserId) -> Result<bool> {
    for Theirs { table, column, .. } in &THEIRS {
        let count =
            format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM {table} WHERE {column} = {id} LIMIT {}) AS few", WINDOW + 1);
        let found = diesel::sql_query(count).load::<Number>(db)?;
        if found.iter().any(|row| row.n > WINDOW) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses to let a user go whose personal accounts have anything left to do.
pub fn check(db: &mut Database, id: UserId) -> Result<()> {
    former::must_be_done_of(db, id).map(drop)
}

/// Begins the removal of a user: they get nothing any more, and log in no more.
pub fn begin(db: &mut Database, permit: &Permit<'_>, id: UserId, now: i64) -> Result<()> {
    diesel::update(users::table.find(id)).set(users::active.eq(false)).execute(db)?;
    let login: String = users::table.find(id).select(users::login).first(db)?;
    access::record(db, permit, "user remove", &format!("user:{login}"), "begun", now)
}

/// Lets go of the next rows; says whether there may be more. Call it once nothing is theirs to look after any more.
pub fn let_go(db: &mut Database, id: UserId) -> Result<bool> {
    for Theirs { table, column, key, goes, which } in &THEIRS {
        let mut few = format!("SELECT {key} FROM {table} WHERE {column} = {id} AND {which}");
        if *table == EMAIL_USERS {
            // The same ones in both questions.
            few.push_str(" ORDER BY email_id");
        }
        few.push_str(&format!(" LIMIT {WINDOW}"));
        if *table == EMAIL_USERS {
            leave_inbox(db, id, &format!("AND u.email_id IN ({few})"))?;
        }
        let some = format!("{column} = {id} AND {key} IN ({few})");
        let query = match goes {
            true => format!("DELETE FROM {table} WHERE {some}"),
            false => format!("UPDATE {table} SET {column} = NULL WHERE {some}"),
        };
        if diesel::sql_query(query).execute(db)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Marks e-mails that are in nobody's inbox once a user is gone.
pub(super) fn leave_inbox(db: &mut Database, id: UserId, which: &str) -> Result<()> {
    diesel::sql_query(format!(
        "UPDATE emails SET maybe_nobodys = TRUE WHERE NOT maybe_nobodys AND id IN (SELECT u.email_id FROM email_users u WHERE u.user_id = {id} {which}
         AND NOT EXISTS (SELECT 1 FROM email_users o WHERE o.email_id = u.email_id AND o.user_id <> {id}))"
    ))
    .execute(db)?;
    Ok(())
}

/// Counts the messages of a user that have not gone out.
pub fn waiting(db: &mut Database, id: UserId) -> Result<i64> {
    let waiting = [OutboxState::Draft, OutboxState::Queued, OutboxState::Sending];
    let of_author = outbox::table.filter(outbox::author_id.eq(id)).filter(outbox::state.eq_any(waiting));
    Ok(of_author.select(count_star()).first(db)?)
}

/// What only a user has, and what goes with the user, by name.
#[derive(Debug, Clone, Default)]
pub struct Own {
    accounts: Vec<String>,
    filters: Vec<String>,
    folders: Vec<String>,
}

impl Own {
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.filters.is_empty() && self.folders.is_empty()
    }

    /// As people read it.
    pub fn told(&self) -> String {
        let kinds = [("account", &self.accounts), ("filter", &self.filters), ("folder", &self.folders)];
        let all = kinds.iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}")));
        all.collect::<Vec<_>>().join(", ")
    }
}

/// Finds it.
pub fn own(db: &mut Database, id: UserId) -> Result<Own> {
    let own = accounts::table.filter(accounts::owner_id.eq(id)).order(accounts::name).select(accounts::name);
    let filters = filter::list(db, Some(Owner::User(id)))?.into_iter().map(|one| one.filter.name).collect();
    let folders = folders::table.filter(folders::user_id.eq(id)).order(folders::name).select(folders::name);
    Ok(Own { accounts: own.load(db)?, filters, folders: folders.load(db)? })
}
