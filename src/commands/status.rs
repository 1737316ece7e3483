//! `espomail status`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueHint;

use super::measure::Measure;
use super::metrics;
use super::show::lines;
use crate::clock::{self, rfc3339};
use crate::context::Context;
use crate::decide::health::{Level, Limits};
use crate::fault::one_line;
use crate::output::{Output, shown_line};
use crate::plural::{counted, told_bytes};
use crate::store::overview::{Overview, overview};
use crate::store::storage::state::State;

/// Limits of one measure, as they are typed.
#[derive(Debug, Clone, Copy)]
struct Threshold {
    measure: Measure,
    limits: Limits,
}

/// Reads `NAME=WARNING,CRITICAL`; either may be missing.
fn threshold(text: &str) -> Result<Threshold, String> {
    let (name, limits) = text.split_once('=').ok_or("write NAME=WARNING,CRITICAL")?;
    let measure: Measure = name.parse()?;
    let (warning, critical) = limits.split_once(',').unwrap_or((limits, ""));
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        text => {
            let number = text.parse().ok().or_else(|| clock::span(text).filter(|_| measure.is_time()));
            number.filter(|number| *number >= 0).map(Some).ok_or_else(|| format!("{text:?} is no number"))
        }
    };
    Ok(Threshold { measure, limits: Limits { warning: number(warning)?, critical: number(critical)? } })
}

/// Say how everything is
///
/// Accounts, what waits in the outbox, what is held, in quarantine or for review, when passes were at work, and how large the database is.
///
/// With --check it is a plugin for Nagios, Icinga and their kin: one line, and the exit status 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3
/// (UNKNOWN, where the database cannot be read). --threshold NAME=WARNING,CRITICAL says from where on a number is one to worry about;
/// either may be missing, which is never. The names, with what holds where nothing is said: fetch_age=15m,1h and send_age=15m,1h,
/// notify_age=15m,1h (where a user is told by mail), outbox_age=30m,4h, reviews_age=4h,24h, unassigned_age=4h,24h (open cases that
/// nobody has, of accounts that give cases to somebody), failing=1 stuck=1 (passes that cannot begin) outbox_held=1 outbox_failed=1
/// maybe_sent=1 quarantine=1 held_actions=1 server_actions=1, storage_down=1,1 and storage_missing=1,1 (with [storage]), storage_to_move,
/// reviews, unassigned and database_bytes without any, and disk_free (SQLite), of which less
/// is worse: what the database has, and 100 MiB. The line says what it is, and the command that shows it; "espomail doctor" judges by the
/// same.
///
/// With --metrics-file it writes the same for Prometheus, in its text format, for the textfile collector of node_exporter: in one piece,
/// and readable as metrics.mode of the configuration says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples: espomail status --check --threshold outbox_age=10m,1h --threshold reviews=50,200\n          \
                        espomail status --metrics-file /var/lib/prometheus/node-exporter/espomail.prom")]
pub struct Status {
    /// Print one line for monitoring, and end with 0, 1, 2 or 3
    #[arg(long)]
    check: bool,
    /// From where on a number is one to worry about; may be given several times
    #[arg(long = "threshold", value_name = "NAME=WARNING,CRITICAL", value_parser = threshold, requires = "check")]
    thresholds: Vec<Threshold>,
    /// Write numbers for Prometheus into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    metrics_file: Option<PathBuf>,
}

/// The exit status of a plugin that does not know.
pub const UNKNOWN: u8 = 3;

impl Status {
    pub fn run(self, context: &Context) -> Result<()> {
        let found = context.store().and_then(|mut store| overview(store.connection(), context.database(), context.now()));
        if let Some(file) = &self.metrics_file {
            let written = metrics::write(context, file, found.as_ref().ok(), None);
            // That nothing can be written is one more fault, not the one to hide the other.
            if let Err(error) = written {
                context.out.complain(&error);
            }
        }
        let overview = match found {
            Ok(overview) => overview,
            Err(error) if self.check => {
                unknown(&context.out, &crate::store::classify(error));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if self.check {
            self.judge(context, &overview);
        } else if self.metrics_file.is_none() {
            context.out.item(&overview, || told(&overview));
        }
        Ok(())
    }

    /// Whether a plugin is asked for, whose exit status means something else.
    pub const fn is_check(&self) -> bool {
        self.check
    }

    fn judge(&self, context: &Context, overview: &Overview) {
        let now = context.now();
        let (mut worst, mut said, mut data) = (Level::Ok, Vec::new(), String::new());
        for measure in Measure::ALL {
            let Some(value) = measure.of(overview, now) else { continue };
            let own = self.thresholds.iter().rev().find(|own| own.measure == *measure);
            let limits = own.map_or(measure.usual(overview), |own| own.limits);
            let (level, unit) = (measure.judge(limits, value), measure.unit());
            if level > Level::Ok {
                let told = measure.told(overview, value, now);
                // What stands behind a bar is data.
                said.push((level, format!("{}: {}", told.said, told.see).replace('|', "/")));
            }
            worst = worst.max(level);
            // Too little is written as a range.
            let end = if measure.is_room() { ":" } else { "" };
            let limit = |limit: Option<i64>| limit.map(|limit| format!("{limit}{end}")).unwrap_or_default();
            let _ = write!(data, " {measure}={value}{unit};{};{};0", limit(limits.warning), limit(limits.critical));
        }
        said.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let said: Vec<String> = said.into_iter().map(|(_, said)| said).collect();
        let said = if said.is_empty() { counted(overview.accounts.len(), "account") } else { said.join("; ") };
        context.out.item(&serde_json::json!({ "level": worst.word(), "said": said, "perfdata": data.trim_start() }), || {
            format!("ESPOMAIL {} - {said} |{data}", worst.word())
        });
        context.out.end_with(worst as u8);
    }
}

/// Says as a plugin that nothing is known, and why.
pub fn unknown(out: &Output, error: &anyhow::Error) {
    // What stands behind a bar is data.
    let why = shown_line(&one_line(error)).replace('|', "/");
    out.item(&serde_json::json!({ "level": "UNKNOWN", "said": why }), || format!("ESPOMAIL UNKNOWN - {why}"));
    out.end_with(UNKNOWN);
}

fn told(overview: &Overview) -> String {
    let mut text = String::new();
    for account in &overview.accounts {
        let at = |at: Option<i64>| at.map_or_else(|| "never".to_string(), rfc3339);
        let how = match (account.active, account.failing_since, account.sending_failing_since) {
            (false, ..) => "switched off".to_string(),
            (true, Some(since), _) => {
                let error = account.last_error.as_deref().unwrap_or_default();
                format!("fails since {}: {}", rfc3339(since), shown_line(error))
            }
            (true, None, Some(since)) => format!("cannot send since {}", rfc3339(since)),
            (true, None, None) => format!("fetched {}", at(account.last_success_at)),
        };
        let _ = writeln!(text, "account {}: {how}", account.account);
    }
    let of = |state: &str| overview.outbox.get(state).copied().unwrap_or_default();
    let since = |since: Option<i64>| since.map(|since| format!(" since {}", rfc3339(since))).unwrap_or_default();
    let due = since(overview.outbox_due_since);
    let restored = match overview.outbox_held_restored {
        0 => String::new(),
        restored => format!(", {restored} of them as the database was put back"),
    };
    let unwatched = match overview.server_actions_unwatched {
        0 => String::new(),
        unwatched => format!(", {unwatched} in mailboxes that are not read"),
    };
    let numbers = |first: i64, what: &str, second: i64, other: &str| format!("{first} {what}, {second} {other}");
    let last = |pass: &str| overview.passes.get(pass).cloned().flatten().unwrap_or_else(|| "never".to_string());
    let told = |bytes: i64| told_bytes(u64::try_from(bytes).unwrap_or_default());
    let free = overview.disk_free.map(|free| format!(", {} free", told(free))).unwrap_or_default();
    let database = format!("{}{free}", told(overview.bytes));
    text + &lines(&[
        ("e-mails", overview.emails.to_string()),
        ("open cases", format!("{}, {} of nobody{}", overview.open_cases, overview.unassigned, since(overview.unassigned_since))),
        (
            "outbox",
            format!(
                "{} queued, {} due{due}, {} sending, {} drafts",
                of("queued"),
                overview.outbox_due,
                of("sending"),
                of("draft")
            ),
        ),
        ("held", format!("{}{restored}", overview.outbox_held)),
        ("for a person", numbers(of("failed"), "failed", of("maybe-sent"), "maybe sent")),
        ("effects", numbers(overview.effects_due, "due", overview.effects_given_up, "given up")),
        ("sent copies", numbers(overview.copies_due, "due", overview.copies_given_up, "given up")),
        (
            "on servers",
            format!("{}{unwatched}", numbers(overview.server_actions_due, "due", overview.server_actions_given_up, "given up")),
        ),
        ("quarantine", numbers(overview.quarantined, "put aside", overview.undelivered, "not handed over")),
        ("skipped", format!("{} kept here", overview.skipped_kept)),
        ("reviews", format!("{}{}", overview.reviews, since(overview.reviews_since))),
        ("budgets", format!("{} actions held", overview.held_actions)),
        ("passes", format!("fetch {}, send {}, notify {}; noted every few minutes", last("fetch"), last("send"), last("notify"))),
        ("database", database),
        ("storage", overview.storage.as_ref().map(stored).unwrap_or_default()),
    ])
}

/// How the places outside the database are.
fn stored(state: &State) -> String {
    let reached = match state.unreached.as_slice() {
        [] => "reached".to_string(),
        some => some.join("; "),
    };
    let checked = state.checked_at.map(|at| format!(" when checked {}", rfc3339(at)));
    let missing = checked.map_or_else(|| "never checked".to_string(), |checked| format!("{} missing{checked}", state.missing));
    let State { goes_to, to_move, to_delete, .. } = state;
    format!("{goes_to}, {reached}, {to_move} to move, {to_delete} to delete, {missing}")
}

/// Writes numbers for Prometheus of a pass, whatever became of it.
pub fn write_after(context: &Context, file: &Path, done: &Result<()>) -> Result<()> {
    let found = context.store().and_then(|mut store| overview(store.connection(), context.database(), context.now()));
    // A pass that leaves a database alone that is being moved ends with 0.
    let error = done.as_ref().err().filter(|error| !crate::store::closed::is_under_way(error));
    let own = error.map(|error| crate::store::class_of(error).exit_status());
    // Of what was complained of and of what ended it, the pass shows one.
    let status = own.filter(|_| context.out.status() == 0).unwrap_or_else(|| context.out.status());
    metrics::write(context, file, found.as_ref().ok(), Some(("fetch", status)))
}
