//! `espomail fetch`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueHint;

use crate::clock::rfc3339;
use crate::context::{self, Context};
use crate::fault::one_line;
use crate::net::Terms;
use crate::pass::effects;
use crate::pass::fetch::{self, AccountReport, Connection, End, Setting};
use crate::pass::verdict::Verdict;
use crate::pass::wait;
use crate::pass::witness::Seen;
use crate::pass::{Stop, Tally};
use crate::store::round::Round;
use crate::store::{self, answer};
use crate::whereabouts;
use crate::words::Fate;

/// Poll e-mail accounts and take in what is new
///
/// Without names, every active account that is due is polled, several side by side. Silent unless something needs a person:
/// one line on standard error for each account that fails, at once and then hourly, and one when it works again. An account that
/// fails rests for 1, 2, 4 … 60 minutes; so long the exit status of each pass is that of its failure. A personal account whose owner
/// is switched off is left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  espomail fetch\n  espomail fetch support --mailbox Junk --uid 17 --dry-run")]
pub struct Fetch {
    /// Only these accounts, also when they are switched off or being left alone after a failure
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Take in single messages of this mailbox of one account, whether passes read it or not, and nothing else: nothing of how the account
    /// is set up, or of how far it was read, changes. What is stored already does not come twice
    #[arg(long, value_name = "MAILBOX", requires = "uid", conflicts_with_all = ["limit", "wait", "metrics_file"])]
    mailbox: Option<String>,
    /// The UIDs of those messages, as "espomail trace --servers" names them
    #[arg(long, value_name = "UID", value_delimiter = ',', requires = "mailbox")]
    uid: Vec<u32>,
    /// Take this many messages from each mailbox at the most; the next pass goes on
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// After the pass, stay connected until so many seconds have passed since its beginning, and fetch what is new as soon as a server
    /// tells of it: with "fetch --wait 290" each five minutes, mail is here within a second. So long lasts the pass as well: what it
    /// does not come to is the next one's. Of each account the first mailbox is watched, the others are read along; a server without
    /// IDLE is asked every 15 seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400), conflicts_with = "dry_run")]
    wait: Option<u64>,
    /// Print what would become of each message and why, and change nothing; other passes wait meanwhile
    #[arg(long)]
    dry_run: bool,
    /// Write numbers for Prometheus into this file at the end, also when the pass fails; see "espomail status --help"
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "dry_run")]
    metrics_file: Option<PathBuf>,
}

/// What one account's pass came to, for `-o json`.
#[derive(serde::Serialize)]
struct Line<'a> {
    account: &'a str,
    messages: &'a Tally,
    /// How many wait for a person's word, and how many reached nobody.
    for_review: u64,
    of_nobody: u64,
    /// How many cases were opened for nobody, though the account gives them to somebody.
    for_nobody: u64,
    busy: bool,
    /// With how many messages something was done on the server, and what could not be done.
    on_server: usize,
    on_server_errors: Vec<String>,
    /// Until when it rests after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    resting_until: Option<String>,
    errors: Vec<String>,
}

/// Single messages that are wanted, and no pass.
pub struct Picked<'a> {
    pub accounts: &'a [String],
    pub mailbox: &'a str,
    pub uids: &'a [u32],
    pub is_rehearsal: bool,
}

impl Fetch {
    /// What is picked, if anything is.
    pub fn picked(&self) -> Option<Picked<'_>> {
        let mailbox = self.mailbox.as_deref()?;
        Some(Picked { accounts: &self.accounts, mailbox, uids: &self.uid, is_rehearsal: self.dry_run })
    }

    pub fn run(self, context: &Context) -> Result<()> {
        let done = self.poll(context);
        self.write_metrics(context, &done);
        done
    }

    fn write_metrics(&self, context: &Context, done: &Result<()>) {
        if let Some(file) = &self.metrics_file
            && let Err(error) = super::status::write_after(context, file, done)
        {
            context.out.complain(&error);
        }
    }

    fn poll(&self, context: &Context) -> Result<()> {
        let (stop, begun) = (Stop::default(), Instant::now());
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register_usize(signal, stop.place(), usize::try_from(signal)?)?;
        }
        if !self.dry_run {
            super::round::begin(context, Round::Fetch)?;
        }
        with_setting(context, &stop, |setting| {
            let end = self.wait.map(|seconds| end_of(begun, Duration::from_secs(seconds)));
            let setting = Setting { limit: self.limit, named: !self.accounts.is_empty(), end, ..setting };
            if self.dry_run {
                let (reports, seen) = fetch::rehearse(&setting, &self.accounts)?;
                complain(context, &reports);
                context.out.list(&seen, &["account", "uid", "fate", "parent", "case for", "from", "subject", "why"], line);
            } else {
                let mut reports = fetch::run(&setting, &self.accounts)?;
                if let Some(end) = end {
                    reports = self.wait(context, setting, reports, end)?;
                }
                if reports.is_empty() && context.out.is_text() {
                    context.out.tell(if end.is_some() { "The time to wait is over." } else { "No account was due." });
                } else {
                    report(context, &reports);
                }
                if context.out.talkative {
                    for (_, name) in answer::mute(context.store()?.connection())? {
                        context.out.tell(&one_line(&super::account::mute(&name).into()));
                    }
                }
                run_commands(context, &stop, end)?;
            }
            Ok(())
        })?;
        if let Some(signal) = stop.signal() {
            context.out.ended_by(signal);
        }
        Ok(())
    }

    /// Tells of the pass, waits for news until then, and tells of that as it comes; what is one document is told whole, in the end.
    fn wait(&self, context: &Context, setting: Setting<'_>, first: Vec<AccountReport>, end: End) -> Result<Vec<AccountReport>> {
        // Whoever reads them does not wait.
        self.write_metrics(context, &Ok(()));
        let is_document = context.out.format == crate::output::Format::Json;
        let untold = Mutex::new(Vec::new());
        if is_document {
            untold.lock().unwrap_or_else(PoisonError::into_inner).extend(first);
        } else {
            report(context, &first);
            run_commands(context, setting.stop, Some(end))?;
        }
        let tell = |heard: AccountReport| {
            // One at a time.
            let mut untold = untold.lock().unwrap_or_else(PoisonError::into_inner);
            if is_document {
                untold.push(heard);
                return;
            }
            if !heard.is_nothing() {
                report(context, &[heard]);
            }
            if let Err(error) = run_commands(context, setting.stop, Some(end)) {
                context.out.complain(&error);
            }
        };
        wait::wait(&setting, &self.accounts, context.loaded.config.fetch.wait_connections, end, &tell)?;
        Ok(untold.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How long before its end a pass that waits begins nothing any more.
const MARGIN: Duration = Duration::from_secs(10);

fn end_of(begun: Instant, time: Duration) -> End {
    let is_over = begun + time;
    End { begins_nothing: is_over - (time / 5).min(MARGIN), is_over }
}

/// FILTER-4, HOOK-1: runs the commands that filters want for what is stored now, and those that hear of events; none is begun after the
/// end.
pub(super) fn run_commands(context: &Context, stop: &Stop, end: Option<End>) -> Result<()> {
    let config = &context.loaded.config;
    // What others could have changed is said at once; whatever is wanted of the commands waits for the next pass.
    let hooks = config.hooks.commands();
    let of_filters = config.filters.commands.iter().map(|(name, argv)| (format!("filters.commands.{name}"), argv));
    let of_events = hooks.iter().map(|(hook, argv)| (format!("hooks.{hook}"), argv));
    let refused: Vec<_> = of_filters
        .chain(of_events)
        .filter_map(|(name, argv)| context::check_hook(argv).err().map(|fault| fault.context(name)))
        .collect();
    if !refused.is_empty() {
        refused.iter().for_each(|fault| context.out.complain(fault));
        return Ok(());
    }
    let until = Instant::now() + Duration::from_secs(u64::try_from(config.fetch.max_seconds).unwrap_or_default());
    let setting = effects::Setting {
        commands: &config.filters.commands,
        limit: Duration::from_secs(config.filters.command_timeout),
        hooks: &hooks,
        hook_limit: Duration::from_secs(config.hooks.timeout),
        prepare: &context::hook_environment,
        now: &|| context.now(),
        stop,
        until: end.map_or(until, |end| end.begins_nothing.min(until)),
    };
    for fault in effects::run(&mut context.store()?, &setting)? {
        context.out.complain(&fault);
    }
    Ok(())
}

/// Returns on what terms connections are made, with how many seconds they and each answer may take.
pub fn terms(context: &Context, stop: &Stop, connect: u64, read: u64) -> Terms {
    let security = &context.loaded.config.security;
    Terms {
        connect_timeout: Duration::from_secs(connect),
        read_timeout: Duration::from_secs(read),
        allow_plain: security.allow_plain,
        internal_hosts: security.internal_hosts.clone(),
        stop: stop.clone(),
    }
}

/// Does something with accounts, as the configuration says: no limit, no end, and no account named.
pub fn with_setting<T>(context: &Context, stop: &Stop, work: impl FnOnce(Setting<'_>) -> Result<T>) -> Result<T> {
    let owner = context.owner()?;
    let config = &context.loaded.config;
    let now = || context.now();
    let secret_of = |account: &_, refused: Option<&_>| context.secret_of(account, refused);
    work(Setting {
        database: context.database(),
        owner: &owner,
        is_dead: &context::is_dead,
        now: &now,
        secret_of: &secret_of,
        stop,
        policy: context.policy(context.store()?.connection())?,
        beside: context.beside(),
        workers: config.fetch.workers,
        memory_bytes: config.fetch.memory_mib << 20,
        batch_messages: config.fetch.batch_messages.max(1),
        connection: connection(context, stop),
        limit: None,
        end: None,
        named: false,
    })
}

/// Returns how connections are made.
pub fn connection(context: &Context, stop: &Stop) -> Connection {
    let config = &context.loaded.config;
    Connection {
        terms: terms(context, stop, config.fetch.connect_timeout.max(1), config.fetch.read_timeout.max(1)),
        batch_bytes: config.fetch.batch_mib << 20,
    }
}

/// One message of a rehearsal with the reason that tells most; `-o json` has every one.
fn line(seen: &Seen) -> Vec<String> {
    let decision = &seen.decision;
    let parent = decision.case.record.as_ref().or(decision.parent.record.as_ref());
    let dash = |text: Option<&String>| text.map_or_else(|| "-".to_string(), Clone::clone);
    vec![
        seen.account.clone(),
        seen.uid.to_string(),
        decision.fate.to_string(),
        dash(parent),
        dash(decision.assignee.user.as_ref()),
        seen.from.clone(),
        seen.subject.clone(),
        why(decision),
    ]
}

fn why(decision: &Verdict) -> String {
    match decision.fate {
        Fate::Filtered => decision.notes.last().map(ToString::to_string).unwrap_or_default(),
        Fate::Duplicate => decision.duplicate.because.to_string(),
        _ => decision.case.because.to_string(),
    }
}

fn complain(context: &Context, reports: &[AccountReport]) {
    for report in reports {
        let _here = whereabouts::account(&report.account);
        for fault in &report.faults {
            if report.say {
                context.out.complain(fault);
            } else {
                context.out.remember(store::class_of(fault));
            }
        }
        if let Some(resting) = &report.resting {
            context.out.remember(resting.class);
        }
        let mut is_said = false;
        for failure in &report.afterwards.failures {
            // Once for an account.
            if failure.say && !is_said {
                context.out.complain(&failure.error);
                is_said = true;
            } else {
                context.out.remember(store::class_of(&failure.error));
            }
        }
        report.afterwards.words.iter().for_each(|word| context.out.announce(word));
    }
}

/// Says what somebody should know of a pass.
pub(super) fn complain_of_all(context: &Context, reports: &[AccountReport]) {
    complain(context, reports);
    for report in reports {
        let _here = whereabouts::account(&report.account);
        complain_of(context, &report.account, &report.tally);
        if report.recovered {
            context.out.announce(&format!("account {}: works again", report.account));
        }
    }
}

/// Says what somebody should know of the messages of an account.
pub(super) fn complain_of(context: &Context, account: &str, tally: &Tally) {
    let faults =
        [tally.quarantined_fault(account), tally.lost_fault(account), tally.held_fault(account), tally.review_fault(account)];
    faults.into_iter().flatten().for_each(|fault| context.out.complain(&fault));
}

fn report(context: &Context, reports: &[AccountReport]) {
    let out = &context.out;
    complain_of_all(context, reports);
    let lines: Vec<Line<'_>> = reports
        .iter()
        .map(|report| Line {
            account: &report.account,
            messages: &report.tally,
            for_review: report.tally.for_review,
            of_nobody: report.tally.of_nobody,
            for_nobody: report.tally.for_nobody,
            busy: report.busy,
            on_server: report.afterwards.done,
            on_server_errors: report.afterwards.failures.iter().map(|failure| one_line(&failure.error)).collect(),
            resting_until: report.resting.as_ref().map(|resting| rfc3339(resting.until)),
            errors: {
                let resting = report.resting.as_ref().map(|resting| resting.error.clone());
                report.faults.iter().map(crate::fault::one_line).chain(resting).collect()
            },
        })
        .collect();
    if out.talkative || out.format != crate::output::Format::Text {
        out.list(&lines, &["account", "messages"], |line| {
            let what = match &line.resting_until {
                Some(until) => format!("tried again at {until}: {}", line.errors.join("; ")),
                None if line.busy => "another pass is at work".to_string(),
                None if line.errors.is_empty() => line.messages.to_string(),
                // Nobody knows whether there is anything new.
                None if line.messages.is_empty() => "failed".to_string(),
                None => format!("{}, then failed", line.messages),
            };
            vec![line.account.to_string(), what]
        });
        let mut all = Tally::default();
        reports.iter().for_each(|report| all.merge(&report.tally));
        all.for_nobody().iter().for_each(|said| out.tell(said));
    }
}
