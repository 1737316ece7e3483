//! A database that is closed, as it is being moved to another one, was moved, or is being filled from one. A mark says so to whoever opens
//! it; in one that is moved away, triggers refuse every change besides, also of those who had opened it before.

use anyhow::Result;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::setting;
use crate::fault::{Class, Fault};

/// What the names of all settings of a move begin with: they are of one database, and do not move.
pub const OF_A_MOVE: &str = "move:";
/// The setting of a database that is being moved, or was.
pub const AWAY: &str = "move:away";
/// The setting of a database that is being filled.
pub const HERE: &str = "move:here";
/// What triggers say.
pub const SAID: &str = "is closed for a move";
/// The table that has no trigger: the marks stand in it, and everything else that writes to it writes to others first.
const MARKED: &str = "settings";
/// What their names begin with.
const TRIGGER: &str = "espomail_closed";

/// What stands in such a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which move it is: both databases have the same.
    pub id: String,
    /// The other database, without its password.
    pub other: String,
    /// Everything is there, and was compared.
    pub is_done: bool,
}

/// A database that somebody waits for.
#[derive(Debug)]
pub struct UnderWay(String);

impl std::fmt::Display for UnderWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnderWay {}

/// Whether a database was not opened because it is being moved: a pass leaves it alone as it leaves an account that another pass is at.
pub fn is_under_way(error: &anyhow::Error) -> bool {
    error.downcast_ref::<UnderWay>().is_some()
}

/// Reads a mark.
pub fn mark(db: &mut Database, name: &str) -> Result<Option<Mark>> {
    Ok(setting::get(db, name)?.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Writes a mark.
pub fn set_mark(db: &mut Database, name: &str, mark: &Mark) -> Result<()> {
    setting::set(db, name, &serde_json::to_string(mark)?)
}

/// Refuses a database that is closed.
pub fn check(db: &mut Database) -> Result<()> {
    if let Some(mark) = mark(db, AWAY)? {
        if mark.is_done {
            let what = format!("this database was moved to {}", mark.other);
            let hint = format!("write into config.toml: database = {:?}", mark.other);
            return Err(Fault::new(Class::Config, what).hint(hint).into());
        }
        let what = format!("the database is being moved to {}", mark.other);
        let hint = "wait for it; where it ended before it was done, type it again: espomail db move --to URL";
        return Err(anyhow::Error::new(Fault::new(Class::TempFail, what.clone()).hint(hint)).context(UnderWay(what)));
    }
    if let Some(mark) = mark(db, HERE)? {
        let what = format!("this database is being filled from {}, and is not whole", mark.other);
        return Err(Fault::new(Class::Config, what).hint("wait for it, or type it again: espomail db move --to URL").into());
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Refuses every change from the end of this transaction on. PostgreSQL waits for those who write.
pub fn close<'t>(db: &mut Database, tables: impl Iterator<Item = &'t str>) -> Result<()> {
    let tables = tables.filter(|table| *table != MARKED);
    match db {
        Database::Sqlite(c) => {
            for table in tables {
                for verb in ["INSERT", "UPDATE", "DELETE"] {
                    c.batch_execute(&format!(
                        "CREATE TRIGGER {TRIGGER}_{table}_{verb} BEFORE {verb} ON \"{table}\"
                         BEGIN SELECT RAISE(ABORT, 'the database {SAID}'); END"
                    ))?;
                }
            }
        }
        Database::Postgresql(c) => {
            c.batch_execute(&format!(
                "CREATE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'the database {SAID}'; END $$"
            ))?;
            for table in tables {
                c.batch_execute(&format!(
                    "CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON \"{table}\"
                     FOR EACH STATEMENT EXECUTE FUNCTION {TRIGGER}()"
                ))?;
            }
        }
    }
    Ok(())
}

/// Takes changes again.
pub fn reopen(db: &mut Database) -> Result<()> {
    match db {
        Database::Sqlite(c) => {
            let names = format!("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '{TRIGGER}%'");
            for Name { name } in diesel::sql_query(names).load::<Name>(c)? {
                c.batch_execute(&format!("DROP TRIGGER \"{name}\""))?;
            }
        }
        Database::Postgresql(c) => c.batch_execute(&format!("DROP FUNCTION IF EXISTS {TRIGGER}() CASCADE"))?,
    }
    setting::unset(db, AWAY)
}
