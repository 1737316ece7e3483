//! `espomail db`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Subcommand, ValueHint};
use serde_json::json;

use super::outlet::{self, Made, is_same};
use crate::clock::rfc3339;
use crate::config;
use crate::context::{self, Context};
use crate::custody;
use crate::fault::{Class, Fault};
use crate::pass::{prune, restored};
use crate::plural::told_bytes;
use crate::store::backup::{self, Incoming};
use crate::store::closed::{self, AWAY, HERE};
use crate::store::volume::{self, Share};
use crate::store::{SchemaState, Store, access, dialect, generation, part, round, search, upkeep};

/// Look after the database
///
/// A copy made with "espomail db backup" is of one moment, whatever runs meanwhile. A copy that is put back does not know what went out
/// since it was made: whatever way it is put back, messages that were queued in it are held until "espomail outbox release", so that
/// nobody gets a letter twice.
#[derive(Debug, clap::Args)]
pub struct Db {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Bring the tables up to this version of espomail
    Migrate,
    /// Say which database this is and whether its tables fit (exit 1 when they do not)
    ///
    /// With --room SQLite looks at every page: of a large database it takes as long as reading it.
    #[command(after_help = "Example: espomail db status --room")]
    Status {
        /// Say as well what takes how much room
        #[arg(long)]
        room: bool,
    },
    /// Copy a SQLite database into a file, while others work with it
    ///
    /// The file is for its owner alone, is looked at when it is whole, and only then has its name. Keep the configuration and the key
    /// (espomail.key) with it: stored passwords cannot be read without the key. For PostgreSQL it names the line to type.
    #[command(after_help = "Example: espomail db backup /var/backups/espomail-$(date +%F).sqlite")]
    Backup {
        /// The file to make
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Replace a SQLite database that is there; nothing else is ever replaced
        #[arg(long)]
        force: bool,
    },
    /// Put back a copy of a SQLite database
    ///
    /// Refused while a pass runs. What was queued in the copy is held, as with "db restored", before anybody can see it; mail that came
    /// since is fetched again, and what is answered of it by itself is held, too. For PostgreSQL it names the lines to type.
    #[command(after_help = "Example: espomail db restore /var/backups/espomail-2026-11-27.sqlite --force")]
    Restore {
        /// The copy
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Replace a database that has something in it
        #[arg(long)]
        force: bool,
    },
    /// Say that this database was put back from a copy, or is a copy of one that is in use
    ///
    /// Whatever is queued is held until "outbox release --restored", "outbox mark-sent --restored" or "outbox drop --restored", and so
    /// are automatic answers to mail that came before now. A pass that finds the database older than the number it wrote beside it
    /// does this by itself, and says so once, with exit status 75.
    #[command(after_help = "Example: espomail db restored")]
    Restored {
        /// Say what would be held, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    Move(super::transfer::Move),
    /// Look whether the database is whole (exit 1 when it is not)
    ///
    /// SQLite: every page, index and foreign key. PostgreSQL: indexes and constraints that are not valid, checksums that did not fit,
    /// settings that are not durable. "espomail doctor --prove" looks at what stands in it.
    #[command(after_help = "Example: espomail db check")]
    Check,
    /// Give back the room of what was deleted, and count anew what queries are planned by
    ///
    /// On SQLite it needs as much room again for a while, and others wait: up to 30 seconds, then they end with exit status 75.
    #[command(after_help = "Example: espomail db vacuum")]
    Vacuum,
}

#[derive(serde::Serialize)]
struct Status {
    database: String,
    state: &'static str,
    migrations: Vec<String>,
    /// Where it goes, went, or comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<String>,
    /// What takes how much room; of tables that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Vec<Share>>,
}

impl Db {
    /// Whether it looks at the database, and no more.
    pub const fn is_reading(&self) -> bool {
        matches!(self.command, DbCommand::Status { .. } | DbCommand::Check)
    }

    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            DbCommand::Migrate => migrate(context),
            DbCommand::Status { room } => status(context, room),
            DbCommand::Backup { file, force } => backup(context, &file, force),
            DbCommand::Restore { file, force } => restore(context, &file, force),
            DbCommand::Restored { dry_run } => restored(context, dry_run),
            DbCommand::Move(command) => command.run(context),
            DbCommand::Check => check(context),
            DbCommand::Vacuum => vacuum(context),
        }
    }
}

fn migrate(context: &Context) -> Result<()> {
    let mut store = Store::connect(context.database())?;
    if matches!(store.schema_state()?, SchemaState::Newer(_)) {
        // Says so, and what to install.
        return Store::open(context.database()).map(|_| ());
    }
    let ran = store.migrate()?;
    generation::begin(&mut store, &context.beside())?;
    let text = if ran.is_empty() { "Nothing to do.".to_string() } else { format!("Applied {}.", ran.join(", ")) };
    context.out.made(&json!({ "applied": ran }), &text);
    Ok(())
}

fn status(context: &Context, room: bool) -> Result<()> {
    let mut store = Store::connect(context.database())?;
    let (mut state, migrations) = match store.schema_state()? {
        SchemaState::Current => ("current", Vec::new()),
        SchemaState::Empty => ("empty", Vec::new()),
        SchemaState::Older(missing) => ("older", missing),
        SchemaState::Newer(unknown) => ("newer", unknown),
    };
    let away = if state == "current" { closed::mark(store.connection(), AWAY)? } else { None };
    let here = if state == "current" { closed::mark(store.connection(), HERE)? } else { None };
    state = match (&away, &here) {
        (Some(mark), _) if mark.is_done => "moved",
        (Some(_), _) => "moving",
        (None, Some(_)) => "being-filled",
        (None, None) => state,
    };
    let other = away.or(here).map(|mark| mark.other);
    if state != "current" {
        context.out.remember(Class::No);
    }
    let room = (room && state == "current").then(|| volume::shares(store.connection())).transpose()?;
    let status = Status { database: config::masked(context.database()), state, migrations, other, room };
    let other = status.other.clone().unwrap_or_default();
    context.out.item(&status, || match state {
        "moved" => format!("{}: moved to {other}; write into config.toml: database = {other:?}", status.database),
        "moving" => format!("{}: being moved to {other}", status.database),
        "being-filled" => format!("{}: being filled from {other}, and not whole", status.database),
        "current" => format!("{}: the tables fit.{}", status.database, told_room(status.room.as_deref().unwrap_or_default())),
        "empty" => format!("{}: there are no tables; try: espomail init", status.database),
        "older" => format!("{}: {} missing; try: espomail db migrate", status.database, status.migrations.join(", ")),
        _ => format!("{}: made by a newer espomail ({})", status.database, status.migrations.join(", ")),
    });
    Ok(())
}

/// A line for each kind, the largest first.
fn told_room(shares: &[Share]) -> String {
    let all: i64 = shares.iter().map(|share| share.bytes).sum();
    let mut shares: Vec<&Share> = shares.iter().collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.bytes));
    let line = |share: &Share| {
        let (bytes, part) = (told_bytes(share.bytes.unsigned_abs()), 100 * share.bytes / all.max(1));
        format!("\n  {:<8} {bytes:>12} {part:>3} %  {}", share.what, share.of)
    };
    shares.into_iter().map(line).collect()
}

fn backup(context: &Context, file: &Path, force: bool) -> Result<()> {
    let Some(database) = backup::path_of(context.database())? else {
        let url = config::masked(context.database());
        let file = in_shell(&file.display().to_string());
        return Err(Fault::new(Class::Usage, "a PostgreSQL database is copied by its own tool")
            .hint(format!("type: (umask 077; pg_dump --format=custom --file={file} {})", in_shell(&url)))
            .into());
    };
    // It is looked at, and there.
    Store::open(context.database())?;
    if is_same(file, &database) {
        return Err(Fault::new(Class::Usage, format!("{} is the database itself", file.display())).into());
    }
    outlet::check(context, file, Made::Copy)?;
    let bytes = backup::copy(&database, file, force)?;
    let made = json!({ "file": file, "bytes": bytes });
    context.out.made(&made, &format!("{}: a whole copy, {}.", file.display(), told_bytes(bytes)));
    Ok(())
}

fn restore(context: &Context, file: &Path, force: bool) -> Result<()> {
    let Some(database) = backup::path_of(context.database())? else {
        let url = in_shell(&config::masked(context.database()));
        let file = in_shell(&file.display().to_string());
        return Err(Fault::new(Class::Usage, "a PostgreSQL database is put back by its own tool")
            .hint(format!(
                "stop cron, and type: pg_restore --clean --if-exists --no-owner --single-transaction --dbname={url} {file} && \
                 espomail db restored"
            ))
            .into());
    };
    custody::check("the copy", file)?;
    custody::check("the database", &database)?;
    if is_same(file, &database) {
        return Err(Fault::new(Class::Usage, format!("{} is the database itself", file.display())).into());
    }
    custody::check_free(file)?;
    if database.exists() {
        may_be_replaced(context, &database, force)?;
    }
    let incoming = Incoming::take(file, &database)?;
    let state = Store::connect(&incoming.url())?.schema_state()?;
    if let SchemaState::Newer(unknown) = &state {
        let what = format!("{} was made by a newer espomail ({} unknown)", file.display(), unknown.join(", "));
        return Err(Fault::new(Class::Config, what).hint("install the espomail that made it").into());
    }
    let is_older = state != SchemaState::Current;
    let (mut store, beside) = (Store::connect(&incoming.url())?, context.beside());
    // An older one may know of no passes.
    let last_pass = round::newest(store.connection()).ok().flatten();
    // In the copy, before anybody can see it: there is no moment in which a pass could send.
    let (held, writer) = store.alone(|db| {
        let held = restored::hold(db, None, context.now())?;
        upkeep::forget_leases(db)?;
        access::record(db, &context.administrator()?, "db restore", "db", &file.display().to_string(), context.now())?;
        Ok((held, generation::raise(db, &beside)?))
    })?;
    drop(store);
    incoming.put().map_err(|error| match error.downcast::<Fault>() {
        Ok(fault) => fault.hint(format!("where the database is damaged, move it away first: {}", database.display())).into(),
        Err(other) => other,
    })?;
    generation::note(&mut Store::connect(context.database())?, &beside, &writer)?;
    let last_pass = last_pass.map(rfc3339);
    let mut said = told_restored(file, last_pass.as_deref(), held);
    if is_older {
        said.push_str(" Next: espomail db migrate");
    }
    let schema = if is_older { "older" } else { "current" };
    context.out.made(&json!({ "file": file, "held": held, "schema": schema, "last_pass_at": last_pass }), &said);
    Ok(())
}

/// What was put back, of when it is, and what that means.
fn told_restored(file: &Path, last_pass: Option<&str>, held: usize) -> String {
    let of = last_pass.map(|at| format!("; the last pass that it knows of was at {at}")).unwrap_or_default();
    let held = match held {
        0 => "Nothing is held, as nothing was queued".to_string(),
        held => format!("{} held; {}", capital(&restored::count(held)), restored::next()),
    };
    format!(
        "{} is put back{of}. {held}. The next fetch reads again what came since; what is answered of it by itself will be held, too. \
         What people did since the copy was made (cases, notes, letters) is not in it.",
        file.display(),
    )
}

/// Refuses to replace a database that is in use, or, unless that is said, has something in it.
fn may_be_replaced(context: &Context, database: &Path, force: bool) -> Result<()> {
    let mut store = match Store::connect(context.database()) {
        Ok(store) => store,
        Err(error) => {
            let what = format!("{} cannot be opened: {error:#}", database.display());
            let hint = format!("move it away first: mv {0} {0}.damaged", in_shell(&database.display().to_string()));
            return Err(Fault::new(Class::CannotCreate, what).hint(hint).into());
        }
    };
    if store.schema_state()? != SchemaState::Current {
        return if force { Ok(()) } else { Err(in_the_way(database)) };
    }
    let owners = upkeep::at_work(store.connection(), &context::is_dead, context.now())?;
    if !owners.is_empty() {
        let what = format!("a pass is at work with the database: {}", owners.join(", "));
        return Err(Fault::new(Class::TempFail, what).hint("stop cron, wait for it, and try again").into());
    }
    if upkeep::is_used(store.connection())? && !force { Err(in_the_way(database)) } else { Ok(()) }
}

fn in_the_way(database: &Path) -> anyhow::Error {
    Fault::new(Class::CannotCreate, format!("there is a database with something in it: {}", database.display()))
        .hint("keep a copy of it with: espomail db backup FILE; then say --force")
        .into()
}

fn restored(context: &Context, dry_run: bool) -> Result<()> {
    let mut store = context.store()?;
    let (permit, now, beside) = (context.administrator()?, context.now(), context.beside());
    if dry_run {
        let held = store.rehearse(|db| restored::hold(db, None, now))?;
        context.out.made(&json!({ "held": held, "dry_run": true }), &format!("It would be so: {}.", told_held(held)));
        return Ok(());
    }
    let (held, writer) = store.alone(|db| {
        let held = restored::hold(db, None, now)?;
        access::record(db, &permit, "db restored", "db", "", now)?;
        Ok((held, generation::raise(db, &beside)?))
    })?;
    generation::note(&mut store, &beside, &writer)?;
    let next = if held > 0 { format!(" Next: {}", restored::next()) } else { String::new() };
    context.out.made(&json!({ "held": held }), &format!("{}.{next}", capital(&told_held(held))));
    Ok(())
}

fn check(context: &Context) -> Result<()> {
    let mut store = context.store()?;
    let found = upkeep::check(store.connection())?;
    if !found.is_empty() {
        context.out.remember(Class::No);
    }
    let database = config::masked(context.database());
    let item = json!({ "database": database, "whole": found.is_empty(), "found": found });
    context.out.item(&item, || if found.is_empty() { format!("{database}: whole.") } else { found.join("\n") });
    Ok(())
}

fn vacuum(context: &Context) -> Result<()> {
    let mut store = context.store()?;
    let before = upkeep::size(store.connection())?;
    search::forget_words(&mut store)?;
    prune::pack_reasons(&mut store, &|text| context.out.progress(text))?;
    has_room(context, &mut store)?;
    upkeep::vacuum(store.connection())?;
    let after = upkeep::size(store.connection())?;
    let told = |bytes: i64| told_bytes(u64::try_from(bytes).unwrap_or_default());
    context.out.made(&json!({ "bytes_before": before, "bytes": after }), &format!("From {} to {}.", told(before), told(after)));
    Ok(())
}

/// Refuses to begin what would fill the disk, and let no pass store anything meanwhile.
fn has_room(context: &Context, store: &mut Store) -> Result<()> {
    let Some(path) = dialect::sqlite_path(context.database())?.map(Path::new) else { return Ok(()) };
    let (needs, free) = (u64::try_from(volume::in_use(store.connection())?)?, part::room(path)?);
    if needs <= free {
        return Ok(());
    }
    let what = format!(
        "this takes {} of the disk for a while, and {} are free at {}",
        told_bytes(needs),
        told_bytes(free),
        part::folder_of(path).display()
    );
    Err(Fault::new(Class::Io, what).hint("free as much with other means first; nothing was given back").into())
}

fn told_held(held: usize) -> String {
    format!("{} held, and so are answers to mail that came before now", restored::count(held))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A word as it is typed in a shell.
fn in_shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_string() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
