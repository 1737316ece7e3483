//! `espomail db move`.

use std::path::Path;

use anyhow::Result;
use clap::ValueHint;
use serde_json::json;

use super::outlet::{self, Made, is_same};
use crate::config;
use crate::context::{self, Context};
use crate::custody;
use crate::fault::{Class, Fault};
use crate::pass::Stop;
use crate::pass::transfer::{self as pass, Report, Setting};
use crate::plural::counted;
use crate::store::{Store, backup, transfer};

/// The longest URL that is read from standard input.
const MOST: u64 = 4_096;

/// Move everything to the other kind of database, or to another place
///
/// From SQLite to PostgreSQL and back: every table as it is, with ids, case numbers and encrypted passwords (the key stays where it is).
/// The new database must be empty. From the first row to the last the old one takes no changes: passes leave it alone and end with
/// status 0, whatever else is typed ends with 75. Then all of it is read once more and compared, the old database is marked as moved
/// away, and the line for config.toml is said. What was stopped or killed goes on where it was when it is typed again. The index of
/// "email list --search" is made anew by the first search.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: espomail db move --to postgresql:///espomail\n\n\
    A password does not belong on a command line: libpq takes it from ~/.pgpass, or give the whole URL on standard input.")]
pub struct Move {
    /// The new database, as the configuration writes it: sqlite:PATH or postgresql://USER@HOST/NAME; - reads it from standard input
    #[arg(id = "target", long = "to", value_name = "URL", value_hint = ValueHint::Url, required_unless_present = "abandon")]
    to: Option<String>,
    /// Count what there is to move, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Take a move back that has not come to its end: the old database takes changes again
    #[arg(long, conflicts_with_all = ["target", "dry_run"])]
    abandon: bool,
}

impl Move {
    pub fn run(self, context: &Context) -> Result<()> {
        if self.abandon {
            return abandon(context);
        }
        let url = url(self.to.as_deref().unwrap_or_default())?;
        check(context, &url)?;
        let stop = Stop::default();
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register_usize(signal, stop.place(), usize::try_from(signal)?)?;
        }
        let (from, to) = (context.beside(), context.beside_of(&url));
        let permit = context.administrator()?;
        let setting = Setting {
            from: &from,
            to: &to,
            from_shown: &config::masked(&from.url),
            to_shown: &config::masked(&to.url),
            is_dead: &context::is_dead,
            permit: &permit,
            now: context.now(),
            stop: &stop,
            progress: &|text| context.out.progress(text),
        };
        if self.dry_run {
            let report = pass::rehearse(&setting)?;
            tell(context, &setting, &report, "dry-run");
            return Ok(());
        }
        let report = pass::run(&setting)?;
        tell(context, &setting, &report, if report.is_done { "moved" } else { "stopped" });
        if let Some(signal) = stop.signal() {
            context.out.ended_by(signal);
        }
        Ok(())
    }
}

/// Says what is there.
fn tell(context: &Context, setting: &Setting<'_>, report: &Report, state: &str) {
    let (rows, there, to) = (report.rows(), report.were_there(), setting.to_shown);
    let tables = report.tables.iter().filter(|one| one.rows > 0).count();
    let said = format!("{} of {}", counted(rows, "row"), counted(tables, "table"));
    let earlier = if there > 0 { format!(", {there} of them by an earlier run") } else { String::new() };
    let text = match state {
        "dry-run" => {
            let there = if there > 0 { format!(" {there} of them are there.") } else { String::new() };
            format!("It would move {said} to {to}.{there}")
        }
        "moved" => {
            let file = context.loaded.file.as_ref().map_or_else(|| "config.toml".to_string(), |file| file.display().to_string());
            format!(
                "Moved {said}{earlier}; all were read again and are the same.\n\
                 Write into {file}: database = {to:?}"
            )
        }
        _ => format!("{said} are there. It goes on when the same line is typed again."),
    };
    let item = json!({ "state": state, "database": to, "rows": rows, "were_there": there, "tables": report.tables });
    context.out.made(&item, &text);
}

/// Returns the URL, with a path that is right wherever one stands.
fn url(to: &str) -> Result<String> {
    let text = if to == "-" {
        let bytes = context::read_stdin(MOST)?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::new(Class::Usage, "the URL on standard input is no text"))?;
        text.lines().next().unwrap_or_default().trim().to_string()
    } else if config::has_password(to) {
        return Err(Fault::new(Class::Usage, "everybody on this machine can read a password on a command line")
            .hint("leave it to ~/.pgpass, or type: espomail db move --to - and give the URL on standard input")
            .into());
    } else {
        to.to_string()
    };
    match backup::path_of(&text)? {
        Some(path) => Ok(format!("sqlite:{}", std::path::absolute(path)?.display())),
        None => Ok(text),
    }
}

/// Refuses a place where no database of ours may be.
fn check(context: &Context, url: &str) -> Result<()> {
    if let Some(path) = backup::path_of(url)? {
        custody::check("the new database", &path)?;
        let is_itself = backup::path_of(context.database())?.is_some_and(|own| is_same(&own, &path));
        if is_itself {
            return Err(Fault::new(Class::Usage, format!("{} is the database itself", path.display())).into());
        }
        outlet::check(context, Path::new(&path), Made::Copy)?;
    }
    Ok(())
}

fn abandon(context: &Context) -> Result<()> {
    let mut from = transfer::Side::new(Store::connect(context.database())?, context.database())?;
    let text = match transfer::abandon(&mut from, &context.administrator()?, context.now())? {
        Some(mark) => format!("The database takes changes again. What came to {} is of no use; remove it.", mark.other),
        None => "The database is not being moved.".to_string(),
    };
    context.out.made(&json!({ "state": "current" }), &text);
    Ok(())
}
