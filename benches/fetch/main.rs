//! `make bench`: the same mailbox fetched by a raw drain, mbsync, and espomail into SQLite and PostgreSQL, in turn, in one run.
//! Ratios are what counts: the numbers belong to the machine. Settings come from the environment:
//! `BENCH_MESSAGES` (20000), `BENCH_ROUNDS` (2), `BENCH_TLS` (1 for TLS), `BENCH_SEED` (1), `BENCH_DIR` (/var/tmp: a disk),
//! `BENCH_CHECK` (1 to fail where a ratio is lost: benches/baseline.toml).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../baseline.rs"]
mod baseline;
mod crowd;
mod drain;
mod espomail;
mod mailbox;
mod measure;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use measure::{Measured, run};
use server::{Dovecot, Postgresql};

fn setting(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text} is not a number")),
        Err(_) => Ok(default),
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    // The drain is a program of its own, so that its memory can be measured like that of the others.
    if let [_, verb, port, ca @ ..] = arguments.as_slice()
        && verb == "drain"
    {
        let bodies = drain::drain(port.parse()?, ca.first().map(String::as_str))?;
        anyhow::ensure!(bodies == setting("BENCH_MESSAGES", bodies)?, "only {bodies} messages came");
        return Ok(());
    }

    let messages = setting("BENCH_MESSAGES", 20_000)?;
    let rounds = setting("BENCH_ROUNDS", 2)?;
    let parent = std::env::var_os("BENCH_DIR").unwrap_or_else(|| "/var/tmp".into());
    let work = tempfile::Builder::new().prefix("espomail-bench.").tempdir_in(parent)?;
    // Both servers run as users of their own and must pass through.
    Command::new("chmod").arg("755").arg(work.path()).status()?;
    let bench = Bench::start(work.path(), messages, setting("BENCH_TLS", 0)? != 0)?;
    let mut results: Vec<(&str, Vec<Pair>)> = Vec::new();
    for round in 1..=rounds {
        for what in WHAT {
            let pair = bench.measure(what)?;
            println!("round {round}  {what:<20} {:>7.2} s  {:>7.0} messages/s", pair.first.seconds, bench.rate(&pair.first));
            match results.iter_mut().find(|(name, _)| *name == what) {
                Some((_, pairs)) => pairs.push(pair),
                None => results.push((what, vec![pair])),
            }
        }
    }
    bench.print(&results);
    let rate = |pairs: &[Pair]| 1.0 / median(pairs.iter().map(|pair| pair.first.seconds));
    baseline::hold("fetch", &results.iter().map(|(what, pairs)| (*what, rate(pairs))).collect::<Vec<_>>())
}

const DRAIN: &str = "raw drain";
const MBSYNC: &str = "mbsync";
const SQLITE: &str = "espomail SQLite";
const POSTGRESQL: &str = "espomail PostgreSQL";
/// With 200 filters, 50,000 records and 10,000 open cases in the store.
const CROWDED_SQLITE: &str = "crowded SQLite";
const CROWDED_POSTGRESQL: &str = "crowded PostgreSQL";
const WHAT: [&str; 6] = [DRAIN, MBSYNC, SQLITE, CROWDED_SQLITE, POSTGRESQL, CROWDED_POSTGRESQL];

/// A run that fetches everything, and one that finds nothing new.
struct Pair {
    first: Measured,
    second: Option<Measured>,
}

struct Bench {
    work: PathBuf,
    messages: u64,
    bytes: u64,
    tls: bool,
    dovecot: Dovecot,
    postgresql: Postgresql,
}

impl Bench {
    fn start(work: &Path, messages: u64, tls: bool) -> Result<Self> {
        let dovecot = Dovecot::start(work.join("dovecot"))?;
        let bytes = mailbox::build(&dovecot.maildir(), usize::try_from(messages)?, setting("BENCH_SEED", 1)?)?;
        dovecot.own_mail()?;
        let postgresql = Postgresql::start(work.join("postgresql"))?;
        println!(
            "{messages} messages, {} MB ({:.1} KB on average), {}",
            bytes / 1_000_000,
            bytes as f64 / messages as f64 / 1_000.0,
            if tls { "TLS" } else { "no TLS" }
        );
        let bench = Self { work: work.to_owned(), messages, bytes, tls, dovecot, postgresql };
        // Dovecot indexes a mailbox that it sees for the first time; that is nobody's time.
        bench.measure(DRAIN)?;
        Ok(bench)
    }

    fn port(&self) -> u16 {
        if self.tls { self.dovecot.tls_port } else { self.dovecot.port }
    }

    fn measure(&self, what: &str) -> Result<Pair> {
        let fresh = self.work.join("fresh");
        fs::create_dir(&fresh)?;
        let pair = match what {
            DRAIN => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("drain").arg(self.port().to_string()).env("BENCH_MESSAGES", self.messages.to_string());
                if self.tls {
                    command.arg(self.dovecot.ca_file());
                }
                Pair { first: run(&mut command)?, second: None }
            }
            MBSYNC => self.mbsync(&fresh)?,
            SQLITE | CROWDED_SQLITE => {
                self.espomail(&fresh, &format!("sqlite:{}", fresh.join("espomail.db").display()), what == CROWDED_SQLITE)?
            }
            _ => self.espomail(&fresh, &self.postgresql.fresh_database()?, what == CROWDED_POSTGRESQL)?,
        };
        fs::remove_dir_all(&fresh)?;
        Ok(pair)
    }

    /// mbsync as its manual's example has it: default settings, `FSync` on, into a fresh Maildir.
    fn mbsync(&self, fresh: &Path) -> Result<Pair> {
        let settings = fresh.join("mbsyncrc");
        let security =
            if self.tls { format!("SSLType IMAPS\nCertificateFile {}", self.dovecot.ca_file()) } else { "SSLType None".into() };
        fs::write(
            &settings,
            format!(
                "IMAPAccount bench\nHost localhost\nPort {}\nUser bench\nPass secret\nAuthMechs LOGIN\n{security}\n\n\
                 IMAPStore far\nAccount bench\n\nMaildirStore near\nPath {here}/mail/\nInbox {here}/mail/INBOX\n\n\
                 Channel bench\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n",
                self.port(),
                here = fresh.display()
            ),
        )?;
        fs::create_dir(fresh.join("mail"))?;
        let mut command = Command::new("mbsync");
        command.arg("-c").arg(&settings).arg("-a").env("HOME", fresh);
        let first = run(&mut command)?;
        let stored = ["cur", "new"].iter().map(|folder| fs::read_dir(fresh.join("mail/INBOX").join(folder)).unwrap().count());
        anyhow::ensure!(stored.sum::<usize>() as u64 == self.messages, "mbsync did not fetch every message");
        Ok(Pair { first, second: Some(run(&mut command)?) })
    }

    fn rate(&self, measured: &Measured) -> f64 {
        self.messages as f64 / measured.seconds
    }

    fn print(&self, results: &[(&str, Vec<Pair>)]) {
        println!("\nmedian of {} round(s)", results.first().map_or(0, |(_, pairs)| pairs.len()));
        println!("{:<20} {:>9} {:>11} {:>7} {:>9} {:>13}", "", "seconds", "messages/s", "MB/s", "peak MiB", "second pass s");
        for (what, pairs) in results {
            let seconds = median(pairs.iter().map(|pair| pair.first.seconds));
            let second = median(pairs.iter().filter_map(|pair| Some(pair.second?.seconds)));
            let peak = pairs.iter().map(|pair| pair.first.peak_kib).max().unwrap_or_default() / 1024;
            println!(
                "{what:<20} {seconds:>9.2} {:>11.0} {:>7.1} {peak:>9} {:>13}",
                self.messages as f64 / seconds,
                self.bytes as f64 / seconds / 1e6,
                if second.is_nan() { String::from("-") } else { format!("{second:.2}") },
            );
        }
    }
}

/// The middle value, the mean of the two in the middle, or NaN when there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}
