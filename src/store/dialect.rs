//! Everything that must differ between SQLite and PostgreSQL, each as one named function.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::copied;
use super::database::{Database, SchemaState};
use super::failure::{self, classify, note_place, of_migration};
use super::letters;
use crate::custody;
use crate::fault::{Class, Fault};

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// How long a writer waits for another one on SQLite, in milliseconds.
const BUSY_MILLISECONDS: u32 = 30_000;

/// How long those who read in the log are waited for before it is emptied, in milliseconds.
const LOG_MILLISECONDS: u32 = 500;

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
        Ok(_) => {
            // What was written beside an earlier one of the name says nothing of it.
            let _ = std::fs::remove_file(format!("{path}-passes"));
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Fault::unwritable(format!("cannot create the database file {path}"), &error).into()),
    }
}

/// How long one statement may take on PostgreSQL, in milliseconds: as long as a pass over an account, which it would use up.
const STATEMENT_MILLISECONDS: u32 = 600_000;

/// How a connection to PostgreSQL notices that nobody is there, where its URL does not say it: libpq would wait for hours.
const POSTGRESQL_CONNECTION: [(&str, &str); 5] = [
    ("connect_timeout", "20"),
    ("keepalives_idle", "60"),
    ("keepalives_interval", "15"),
    ("keepalives_count", "4"),
    ("tcp_user_timeout", "120000"),
];

/// How a session of PostgreSQL plans: a batch looks up a few hundred keys, so an index is right from the first row on,
/// and compiling a plan takes longer than running it. Every wait has an end, a lock's the same as on SQLite; whoever waits can
/// see who we are. libpq would print warnings, such as a server's last words, to standard error by itself.
fn postgresql_session() -> String {
    format!(
        "SET client_min_messages = error; SET random_page_cost = 1.1; SET jit = off; SET lock_timeout = {BUSY_MILLISECONDS};
         SET statement_timeout = {STATEMENT_MILLISECONDS};
         SELECT set_config('application_name', 'espomail ' || {process}, FALSE) WHERE current_setting('application_name') = ''",
        process = std::process::id()
    )
}

fn with_ends(url: &str) -> String {
    POSTGRESQL_CONNECTION.iter().filter(|(name, _)| !url.contains(name)).fold(url.to_string(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}

/// What a connection to SQLite may keep of the database in memory, in KiB.
const CACHE_KIB: usize = 32 << 10;
/// The least of it that still has the upper pages of every index.
const LEAST_CACHE_KIB: usize = 2 << 10;

/// Shares that memory with as many other connections of this process as there are besides (FETCH-7). PostgreSQL keeps its own.
pub fn share_cache(connection: &mut Database, connections: usize) -> QueryResult<()> {
    match connection {
        Database::Postgresql(_) => Ok(()),
        Database::Sqlite(sqlite) => {
            let share = (CACHE_KIB / connections.max(1)).max(LEAST_CACHE_KIB);
            sqlite.batch_execute(&format!("PRAGMA cache_size = -{share}"))
        }
    }
}

/// Says that there is no database, and whether there was one: an empty one in its place would take in today's mail.
fn absent(path: &str) -> Fault {
    let was_there = copied::beside(path).exists() || Path::new(path).is_symlink();
    match was_there {
        true => Fault::new(Class::Config, format!("there is no database at {path} any more"))
            .hint("is its disk mounted, was it moved? else: espomail db restore FILE"),
        false => Fault::new(Class::Config, format!("there is no database at {path}")).hint("try: espomail init"),
    }
}

/// Connects. SQLite: WAL, large pages (which only a new file takes), full durability, foreign keys, 30 s of patience;
/// refused on network file systems.
pub fn connect(url: &str) -> Result<Database> {
    let Some(path) = sqlite_path(url)? else {
        let mut connection =
            diesel::PgConnection::establish(&with_ends(url)).map_err(|error| cannot_connect(&error.to_string()))?;
        connection.batch_execute(&postgresql_session()).context("setting up the PostgreSQL session").map_err(classify)?;
        return Ok(Database::Postgresql(connection));
    };
    if !Path::new(path).exists() {
        return Err(absent(path).into());
    }
    note_place(Path::new(path));
    custody::check_database(Path::new(path))?;
    custody::keep_off(Path::new(path));
    refuse_network_file_system(path)?;
    let is_copy = copied::look(Path::new(path))?;
    let mut connection = match open_sqlite(path, "") {
        // Others would have it open, and room for what they share.
        Err(error) if MAY_BE_ALONE.load(Ordering::Relaxed) && failure::has_no_room(&error) => open_sqlite(path, ALONE)?,
        opened => opened?,
    };
    if is_copy {
        copied::begin(&mut connection, Path::new(path)).with_context(|| format!("beginning with the copy {path}"))?;
    }
    letters::teach(&mut connection)?;
    Ok(Database::Sqlite(connection))
}

/// Keeps in memory what several processes would share in a file beside the database, and others away meanwhile. Whoever of this process
/// comes behind does not wait for itself.
const ALONE: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 1000;";

static MAY_BE_ALONE: AtomicBool = AtomicBool::new(false);

/// Lets this process, which has one connection at a time, read a database of SQLite also where its disk has no room for the file that several
/// processes share.
pub fn allow_alone() {
    MAY_BE_ALONE.store(true, Ordering::Relaxed);
}

fn open_sqlite(path: &str, first: &str) -> Result<diesel::SqliteConnection> {
    let mut connection = diesel::SqliteConnection::establish(path)
        .map_err(|error| Fault::new(Class::Io, format!("cannot open the database {path}: {error}")))?;
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {BUSY_MILLISECONDS};
             {first}
             PRAGMA page_size = 16384;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -{CACHE_KIB};
             PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
        ))
        .with_context(|| format!("setting up the database {path}"))
        .map_err(classify)?;
    Ok(connection)
}

/// Sets how long a connection waits for others, in milliseconds; as ever where none is given.
pub fn set_patience(connection: &mut Database, milliseconds: Option<u32>) -> QueryResult<()> {
    let milliseconds = milliseconds.unwrap_or(BUSY_MILLISECONDS);
    match connection {
        Database::Sqlite(c) => c.batch_execute(&format!("PRAGMA busy_timeout = {milliseconds}")),
        Database::Postgresql(c) => c.batch_execute(&format!("SET lock_timeout = {milliseconds}")),
    }
}

/// Moves what stands in the log of SQLite into the database and gives back the room that the log has, as far as nobody reads in it;
/// PostgreSQL does that itself.
pub fn empty_log(connection: &mut Database) -> QueryResult<()> {
    let Database::Sqlite(c) = connection else { return Ok(()) };
    c.batch_execute(&format!("PRAGMA busy_timeout = {LOG_MILLISECONDS}"))?;
    let done = c.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
    c.batch_execute(&format!("PRAGMA busy_timeout = {BUSY_MILLISECONDS}"))?;
    done
}

/// Tells why PostgreSQL let nobody in: a wrong password and a wrong name do not mend themselves.
fn cannot_connect(message: &str) -> Fault {
    let class = refusal(message);
    // What libpq adds on further lines is guesswork.
    let fault = Fault::new(class, format!("cannot connect to PostgreSQL: {}", message.lines().next().unwrap_or_default()));
    match class {
        Class::Config if missing(message, "database").is_some() => {
            let name = missing(message, "database").unwrap_or_default();
            fault.hint(format!("make it, as PostgreSQL's own account: createdb --owner=ROLE {name}"))
        }
        Class::Config if missing(message, "role").is_some() => {
            let name = missing(message, "role").unwrap_or_default();
            fault.hint(format!(
                "make it, as PostgreSQL's own account: createuser {name}; and a database of its own: createdb --owner={name} espomail"
            ))
        }
        Class::Unavailable => fault.hint("try later; nothing is lost meanwhile"),
        _ => fault.hint("look at the database URL: espomail config show"),
    }
}

/// The name of what PostgreSQL says does not exist.
fn missing<'m>(message: &'m str, what: &str) -> Option<&'m str> {
    let (_, rest) = message.split_once(&format!("{what} \""))?;
    rest.split_once("\" does not exist").map(|(name, _)| name)
}

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

/// A migration that was applied.
#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
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
    // Diesel's own look would make the table first, which a standby cannot.
    let applied = diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load::<Applied>(connection);
    let applied: Vec<String> = applied.context("reading the applied migrations")?.into_iter().map(|one| one.version).collect();
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
        Database::Postgresql(c) => {
            // Work on large tables takes the time it takes.
            c.batch_execute("SET statement_timeout = 0")?;
            c.run_pending_migrations(POSTGRESQL_MIGRATIONS)
        }
    }
    .map_err(|error| of_migration(error.as_ref(), "migrating the database"))?;
    Ok(ran.iter().map(ToString::to_string).collect())
}

/// Undoes the newest migration and returns its name.
pub fn revert(connection: &mut Database) -> Result<String> {
    let undone = match connection {
        Database::Sqlite(c) => c.revert_last_migration(SQLITE_MIGRATIONS),
        Database::Postgresql(c) => c.revert_last_migration(POSTGRESQL_MIGRATIONS),
    }
    .map_err(|error| of_migration(error.as_ref(), "reverting a migration"))?;
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

/// Runs `work` in a write transaction and rolls it back.
pub fn rehearse<T>(connection: &mut Database, work: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
    begin(connection)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
    roll_back(connection);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Refuses a database that cannot hold every letter: mail has all of them.
pub fn check_encoding(connection: &mut Database) -> Result<()> {
    let Database::Postgresql(c) = connection else { return Ok(()) };
    let encoding =
        diesel::select(sql::<diesel::sql_types::Text>("current_setting('server_encoding')")).get_result::<String>(c)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Fault::new(Class::Config, format!("the database holds letters of {encoding} alone"))
        .hint("make another one: createdb --encoding=UTF8 --template=template0 NAME")
        .into())
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

/// Whether a transaction is open on SQLite, of which another one would be a part.
pub fn is_part(connection: &mut Database) -> bool {
    match connection {
        Database::Sqlite(c) => is_inside(c),
        Database::Postgresql(_) => false,
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

/// Whether the database's server was started after a moment of its own clock: whoever worked then may have lost it, and not died.
/// SQLite has none.
pub fn has_restarted(connection: &mut Database, since: i64) -> Result<bool> {
    match connection {
        Database::Sqlite(_) => Ok(false),
        Database::Postgresql(c) => {
            let started = sql::<BigInt>("ceil(extract(epoch FROM pg_postmaster_start_time()))::bigint");
            Ok(diesel::select(started).get_result::<i64>(c)? > since)
        }
    }
}

/// Makes the fault for what others held on to for too long, and names them as far as they can be found.
pub fn held_by_others(connection: &mut Database) -> Fault {
    let holder = match connection {
        Database::Sqlite(c) => sqlite_writer(c),
        Database::Postgresql(c) => postgresql_writer(c),
    };
    let who = holder.map_or_else(|| "others have".to_string(), |holder| format!("{holder} has"));
    let seconds = BUSY_MILLISECONDS / 1_000;
    Fault::new(Class::TempFail, format!("the database: {who} held it for more than {seconds} seconds"))
        .hint("try later; nothing is lost meanwhile")
}

/// The session whose transaction is the oldest: all that write wait for one row.
fn postgresql_writer(connection: &mut diesel::PgConnection) -> Option<String> {
    let oldest = "(SELECT 'the session ' || pid || ' (' || application_name || ')' FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
                   ORDER BY xact_start LIMIT 1)";
    diesel::select(sql::<Nullable<Text>>(oldest)).get_result::<Option<String>>(connection).ok().flatten()
}

/// The process that holds the lock of the one writer: byte 120 of the shared memory file (walformat, section 2.3.1).
fn sqlite_writer(connection: &mut diesel::SqliteConnection) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let file = sql::<Text>("(SELECT file FROM pragma_database_list WHERE name = 'main')");
    let file = diesel::select(file).get_result::<String>(connection).ok()?;
    let inode = format!(":{}", std::fs::metadata(format!("{file}-shm")).ok()?.ino());
    // Such as: 3: POSIX  ADVISORY  WRITE 4711 08:02:1234567 120 120
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let process = locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, "WRITE", process, file, first, last] = fields[..] else { return None };
        let covers = first.parse::<u64>().ok()? <= 120 && last.parse::<u64>().is_ok_and(|last| last >= 120);
        (covers && file.ends_with(&inode)).then(|| process.to_string())
    })?;
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    Some(format!("the process {process} ({})", name.trim()))
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

/// Whether a column that something waits by is due, as `clock::is_due` has it: a time further ahead than the longest pause was
/// written while the clock was wrong.
macro_rules! due {
    ($column:expr, $now:expr, $longest:expr) => {
        $column.le($now).or($column.gt(i64::saturating_add($now, $longest)))
    };
}

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

/// Inserts rows, or gives those that are there the new values of some columns: prepared single rows on SQLite, one statement on PostgreSQL.
macro_rules! put_all {
    ($connection:expr, $table:expr, $key:expr, $set:expr, $rows:expr) => {
        match ($connection, $rows) {
            (_, rows) if rows.is_empty() => Ok(0),
            ($crate::store::Database::Sqlite(c), rows) => rows.iter().try_fold(0, |done, row| {
                let put = diesel::insert_into($table).values(row).on_conflict($key).do_update().set($set);
                Ok::<usize, diesel::result::Error>(done + diesel::RunQueryDsl::execute(put, c)?)
            }),
            ($crate::store::Database::Postgresql(c), rows) => {
                rows.chunks($crate::store::dialect::ROWS).try_fold(0, |done, some| {
                    let put = diesel::insert_into($table).values(some).on_conflict($key).do_update().set($set);
                    Ok::<usize, diesel::result::Error>(done + diesel::RunQueryDsl::execute(put, c)?)
                })
            }
        }
    };
}

/// Takes the first rows of a query that no other worker has in hand: PostgreSQL locks them and passes over locked ones, SQLite has
/// one writer at a time.
macro_rules! all_free {
    ($connection:expr, $query:expr, $most:expr, $row:ty) => {
        match $connection {
            $crate::store::Database::Sqlite(c) => diesel::RunQueryDsl::load::<$row>($query.limit($most), c),
            $crate::store::Database::Postgresql(c) => {
                diesel::RunQueryDsl::load::<$row>($query.limit($most).for_update().skip_locked(), c)
            }
        }
    };
}

/// Takes the first such row.
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

pub(super) use {all_free, due, first_free, insert_all, insert_new, put_all};
