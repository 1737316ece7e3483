//! Everything that must differ between SQLite and PostgreSQL, each as one named function.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::BigInt;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Database, SchemaState};
use crate::custody;
use crate::fault::{Class, Fault};

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// How long a writer waits for another one on SQLite, in milliseconds.
const BUSY_MILLISECONDS: u32 = 30_000;

/// How many pages (of 16 KiB) may gather in the write-ahead log before they move into the database: a page that several
/// batches touch moves once. Measured at 300,000 e-mails: 4,300 messages/s with 8,000, 3,300 with 1,000.
const CHECKPOINT_PAGES: u32 = 4_000;

/// Returns the path of a SQLite URL (`sqlite:PATH`), or none for PostgreSQL; any other URL is refused.
pub fn sqlite_path(url: &str) -> Result<Option<&str>> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return Ok(Some(path.strip_prefix("//").unwrap_or(path)));
    }
    if url.starts_with("postgresql://") || url.starts_with("postgres://") {
        return Ok(None);
    }
    // The URL may carry a password: only its scheme is said.
    let scheme = url.split(':').next().unwrap_or_default();
    Err(Fault::new(Class::Config, format!("the database URL begins with {scheme:?}"))
        .hint("it must begin with sqlite: or postgresql://")
        .into())
}

/// Makes the SQLite file, for its owner alone; does nothing for PostgreSQL or for a file that is there.
pub fn create(url: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let Some(path) = sqlite_path(url)? else { return Ok(()) };
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Fault::new(Class::CannotCreate, format!("cannot create the database file {path}: {error}")).into()),
    }
}

/// How a session of PostgreSQL plans: a batch looks up a few hundred keys, so an index is right from the first row on,
/// and compiling a plan takes longer than running it.
const POSTGRESQL_SESSION: &str = "SET random_page_cost = 1.1; SET jit = off";

/// Connects. SQLite: WAL, large pages (which only a new file takes), full durability, foreign keys, 30 s of patience;
/// refused on network file systems.
pub fn connect(url: &str) -> Result<Database> {
    let Some(path) = sqlite_path(url)? else {
        let mut connection = diesel::PgConnection::establish(url)
            .map_err(|error| Fault::new(refusal(&error.to_string()), format!("cannot connect to PostgreSQL: {error}")))?;
        connection.batch_execute(POSTGRESQL_SESSION).context("setting up the PostgreSQL session")?;
        return Ok(Database::Postgresql(connection));
    };
    if !Path::new(path).exists() {
        return Err(Fault::new(Class::Config, format!("there is no database at {path}")).hint("try: espomail init").into());
    }
    custody::check_database(Path::new(path))?;
    refuse_network_file_system(path)?;
    let mut connection = diesel::SqliteConnection::establish(path)
        .map_err(|error| Fault::new(Class::Io, format!("cannot open the database {path}: {error}")))?;
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {BUSY_MILLISECONDS};
             PRAGMA page_size = 16384;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -32768;
             PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
        ))
        .with_context(|| format!("setting up the database {path}"))
        .map_err(classify)?;
    Ok(Database::Sqlite(connection))
}

/// Tells why PostgreSQL let nobody in: a wrong password and a wrong name do not mend themselves.
fn refusal(message: &str) -> Class {
    if message.contains("authentication failed") || message.contains("no pg_hba.conf entry") || message.contains("no password") {
        Class::Refused
    } else if message.contains("does not exist") {
        Class::Config
    } else {
        Class::Unavailable
    }
}

/// SQLite's locks and shared memory do not work over a network.
fn refuse_network_file_system(path: &str) -> Result<()> {
    const NETWORK: [(u32, &str); 5] =
        [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB2"), (0x0102_1997, "9P"), (0x5346_414F, "AFS")];
    let status = rustix::fs::statfs(path).with_context(|| format!("looking at the file system of {path}"))?;
    // The magic number's type differs between machines; its low 32 bits are what counts.
    let magic = (status.f_type as u64 & 0xFFFF_FFFF) as u32;
    match NETWORK.iter().find(|(number, _)| *number == magic) {
        Some((_, name)) => Err(Fault::new(Class::Config, format!("the database {path} is on {name}, where SQLite cannot lock"))
            .hint("move it to a local disk, or use PostgreSQL")
            .into()),
        None => Ok(()),
    }
}

fn migrations<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let mut names: Vec<String> = MigrationSource::<DB>::migrations(source)
        .map_err(|error| anyhow!("reading the embedded migrations: {error}"))?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    names.sort();
    Ok(names)
}

/// Compares the applied migrations with the embedded ones.
pub fn schema_state(connection: &mut Database) -> Result<SchemaState> {
    let (known, has_table) = match connection {
        Database::Sqlite(c) => (
            migrations::<diesel::sqlite::Sqlite>(&SQLITE_MIGRATIONS)?,
            diesel::select(sql::<BigInt>("(SELECT COUNT(*) FROM sqlite_master WHERE name = '__diesel_schema_migrations')")).get_result::<i64>(c)? > 0,
        ),
        Database::Postgresql(c) => (
            migrations::<diesel::pg::Pg>(&POSTGRESQL_MIGRATIONS)?,
            diesel::select(sql::<BigInt>("(SELECT COUNT(*) FROM pg_tables WHERE tablename = '__diesel_schema_migrations' AND schemaname = current_schema())")).get_result::<i64>(c)? > 0,
        ),
    };
    if !has_table {
        return Ok(SchemaState::Empty);
    }
    let applied: Vec<String> = match connection {
        Database::Sqlite(c) => c.applied_migrations(),
        Database::Postgresql(c) => c.applied_migrations(),
    }
    .map_err(|error| anyhow!("reading the applied migrations: {error}"))?
    .iter()
    .map(ToString::to_string)
    .collect();
    let unknown: Vec<String> = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    let missing: Vec<String> = known.into_iter().filter(|name| !applied.contains(name)).collect();
    Ok(match (unknown.is_empty(), missing.is_empty()) {
        (false, _) => SchemaState::Newer(unknown),
        (true, true) => SchemaState::Current,
        (true, false) if applied.is_empty() => SchemaState::Empty,
        (true, false) => SchemaState::Older(missing),
    })
}

/// Applies missing migrations and returns their names.
pub fn migrate(connection: &mut Database) -> Result<Vec<String>> {
    let ran = match connection {
        Database::Sqlite(c) => c.run_pending_migrations(SQLITE_MIGRATIONS),
        Database::Postgresql(c) => c.run_pending_migrations(POSTGRESQL_MIGRATIONS),
    }
    .map_err(|error| anyhow!("migrating the database: {error}"))?;
    Ok(ran.iter().map(ToString::to_string).collect())
}

/// Undoes the newest migration and returns its name.
pub fn revert(connection: &mut Database) -> Result<String> {
    let undone = match connection {
        Database::Sqlite(c) => c.revert_last_migration(SQLITE_MIGRATIONS),
        Database::Postgresql(c) => c.revert_last_migration(POSTGRESQL_MIGRATIONS),
    }
    .map_err(|error| anyhow!("reverting a migration: {error}"))?;
    Ok(undone.to_string())
}

/// Runs `work` in one transaction that may write: `BEGIN IMMEDIATE` on SQLite, so that it never fails to upgrade its lock.
/// Whatever ends it but success, a panic too, rolls back.
pub fn transaction<T>(connection: &mut Database, work: &mut impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
    begin(connection)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let value = work(connection)?;
        <Database as diesel::Connection>::TransactionManager::commit_transaction(connection)?;
        Ok(value)
    }));
    if !matches!(outcome, Ok(Ok(_))) {
        roll_back(connection);
    }
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Gives an error of the database its class, so that it is not taken for ours or for a message's: the server is gone, the
/// disk is full, others hold the database. Any other stays as it is.
pub fn classify(error: anyhow::Error) -> anyhow::Error {
    if error.chain().any(|cause| cause.is::<Fault>()) {
        return error;
    }
    let class = error.chain().find_map(|cause| match cause.downcast_ref::<DieselError>()? {
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
        | DieselError::BrokenTransactionManager => Some(Class::Unavailable),
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Some(Class::TempFail),
        DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => Some(Class::Io),
        DieselError::DatabaseError(_, information) => class_by_message(information.message()),
        _ => None,
    });
    match class {
        Some(class) => Fault::new(class, format!("the database: {error:#}")).into(),
        None => error,
    }
}

/// Diesel has no kind for these. SQLite's messages are fixed; PostgreSQL's are in English unless `lc_messages` says else.
fn class_by_message(message: &str) -> Option<Class> {
    const MESSAGES: [(&str, Class); 11] = [
        ("database is locked", Class::TempFail),
        ("deadlock detected", Class::TempFail),
        ("canceling statement due to lock timeout", Class::TempFail),
        ("database or disk is full", Class::Io),
        ("disk I/O error", Class::Io),
        ("attempt to write a readonly database", Class::Io),
        ("No space left on device", Class::Io),
        ("database disk image is malformed", Class::Io),
        ("file is not a database", Class::Config),
        ("terminating connection", Class::Unavailable),
        ("server closed the connection", Class::Unavailable),
    ];
    MESSAGES.iter().find(|(part, _)| message.contains(part)).map(|(_, class)| *class)
}

/// Runs `work` in a write transaction and rolls it back.
pub fn rehearse<T>(connection: &mut Database, work: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
    begin(connection)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
    roll_back(connection);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Begins a write transaction; inside another one, a part of it that can be rolled back alone.
pub fn begin(connection: &mut Database) -> QueryResult<()> {
    match connection {
        Database::Sqlite(c) => {
            if is_inside(c) {
                AnsiTransactionManager::begin_transaction(c)
            } else {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")
            }
        }
        Database::Postgresql(c) => <diesel::PgConnection as diesel::Connection>::TransactionManager::begin_transaction(c),
    }
}

fn is_inside(connection: &mut diesel::SqliteConnection) -> bool {
    let status = AnsiTransactionManager::transaction_manager_status_mut(connection);
    matches!(status.transaction_depth(), Ok(Some(_)))
}

/// The first error is the one to tell; a failing rollback follows from it.
pub fn roll_back(connection: &mut Database) {
    if let Err(error) = <Database as diesel::Connection>::TransactionManager::rollback_transaction(connection) {
        log::debug!("rolling back: {error}");
    }
}

/// Returns the time to judge leases by: the database's own on PostgreSQL, `now` on SQLite, which has but one host.
pub fn clock(connection: &mut Database, now: i64) -> Result<i64> {
    match connection {
        Database::Sqlite(_) => Ok(now),
        Database::Postgresql(c) => {
            Ok(diesel::select(sql::<BigInt>("floor(extract(epoch FROM clock_timestamp()))::bigint")).get_result(c)?)
        }
    }
}

/// How many rows one `INSERT` of PostgreSQL takes; no table that goes this way has more than six columns, and a
/// statement may have 65,535 values.
pub const ROWS: usize = 10_000;

/// Inserts many rows: prepared single rows on SQLite, COPY on PostgreSQL. A row that is there already is an error.
macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr) => {
        match ($connection, $rows) {
            (_, rows) if rows.is_empty() => Ok(0),
            ($crate::store::Database::Sqlite(c), rows) => rows.iter().try_fold(0, |done, row| {
                let one = diesel::RunQueryDsl::execute(diesel::insert_into($table).values(row), c)?;
                Ok::<usize, diesel::result::Error>(done + one)
            }),
            ($crate::store::Database::Postgresql(c), rows) => {
                diesel::ExecuteCopyFromDsl::execute(diesel::copy_from($table).from_insertable(rows), c)
            }
        }
    };
}

/// Inserts those of many rows whose keys are new, and leaves the others as they are.
macro_rules! insert_new {
    ($connection:expr, $table:expr, $rows:expr) => {
        match ($connection, $rows) {
            (_, rows) if rows.is_empty() => Ok(0),
            ($crate::store::Database::Sqlite(c), rows) => rows.iter().try_fold(0, |done, row| {
                let insert = diesel::insert_into($table).values(row).on_conflict_do_nothing();
                Ok::<usize, diesel::result::Error>(done + diesel::RunQueryDsl::execute(insert, c)?)
            }),
            ($crate::store::Database::Postgresql(c), rows) => {
                rows.chunks($crate::store::dialect::ROWS).try_fold(0, |done, some| {
                    let insert = diesel::insert_into($table).values(some).on_conflict_do_nothing();
                    Ok::<usize, diesel::result::Error>(done + diesel::RunQueryDsl::execute(insert, c)?)
                })
            }
        }
    };
}

/// Takes the first row of a query that no other worker has in hand: PostgreSQL locks it and passes over locked ones, SQLite has
/// one writer at a time.
macro_rules! first_free {
    ($connection:expr, $query:expr, $row:ty) => {
        match $connection {
            $crate::store::Database::Sqlite(c) => diesel::RunQueryDsl::get_result::<$row>($query.limit(1), c),
            $crate::store::Database::Postgresql(c) => {
                diesel::RunQueryDsl::get_result::<$row>($query.limit(1).for_update().skip_locked(), c)
            }
        }
    };
}

pub(super) use {first_free, insert_all, insert_new};

/// Whether running the transaction again can help: PostgreSQL's 40001 and 40P01.
pub fn is_serialisation_failure(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<DieselError>() {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        // Diesel has no kind for a deadlock (40P01); the server's message is fixed in English by `lc_messages` or not at all.
        Some(DieselError::DatabaseError(_, information)) => information.message().contains("deadlock detected"),
        _ => false,
    })
}

/// Whether the content of a row was refused: a constraint, an encoding, a size. A full disk or a lost connection is not it.
pub fn is_content_refused(error: &anyhow::Error) -> bool {
    const REFUSALS: [&str; 4] = ["invalid byte sequence", "string or blob too big", "index row size", "index row requires"];
    error.chain().any(|cause| match cause.downcast_ref::<DieselError>() {
        Some(DieselError::SerializationError(_)) => true,
        Some(DieselError::DatabaseError(kind, information)) => match kind {
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation => true,
            _ => REFUSALS.iter().any(|refusal| information.message().contains(refusal)),
        },
        _ => false,
    })
}
