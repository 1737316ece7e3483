//! `make bench`: a pass of `fetch` over many accounts that have nothing new, beside a bare client that crosses the line as often for each
//! account and does nothing else, at the same concurrency, in turn, in one run. Settings come from the environment: `BENCH_IDLE` (200
//! accounts), `BENCH_ROUNDS` (2), `BENCH_TLS` (1 for TLS), `BENCH_DELAY_MS` (0: how long the line takes there and back), `BENCH_DIR`
//! (/var/tmp: a disk).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod floor;
mod line;
#[path = "../fetch/measure.rs"]
mod measure;
#[path = "../fetch/server.rs"]
#[allow(dead_code, reason = "here are many mailboxes instead of one")]
mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use measure::{Measured, run};
use server::{Dovecot, Postgresql};

/// How many accounts are looked at at once: what `fetch.workers` is where nothing is set.
const WORKERS: usize = 8;

fn setting(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text} is not a number")),
        Err(_) => Ok(default),
    }
}

fn main() -> Result<()> {
    let (accounts, rounds) = (setting("BENCH_IDLE", 200)?, setting("BENCH_ROUNDS", 2)?);
    let (tls, delay) = (setting("BENCH_TLS", 0)? != 0, setting("BENCH_DELAY_MS", 0)?);
    let parent = std::env::var_os("BENCH_DIR").unwrap_or_else(|| "/var/tmp".into());
    let work = tempfile::Builder::new().prefix("espomail-bench.").tempdir_in(parent)?;
    Command::new("chmod").arg("755").arg(work.path()).status()?;
    let bench = Bench::start(work.path(), accounts, tls, Duration::from_millis(delay as u64))?;
    println!("{accounts} accounts, {} at once, {}, {delay} ms there and back", WORKERS, if tls { "TLS" } else { "no TLS" });
    let server = Postgresql::start(work.path().join("postgresql"))?;
    let sqlite = bench.set_up("sqlite", &format!("sqlite:{}", work.path().join("espomail.db").display()))?;
    let postgresql = bench.set_up("postgresql", &server.fresh_database()?)?;
    for round in 1..=rounds {
        let floor = bench.floor()?;
        println!("round {round}  {:<20} {floor:>7.2} s", "floor");
        for (what, home) in [("espomail SQLite", &sqlite), ("espomail PostgreSQL", &postgresql)] {
            let Measured { seconds, peak_kib } = run(&mut espomail(home, "fetch"))?;
            let (ratio, peak) = (seconds / floor, peak_kib / 1_024);
            println!("round {round}  {what:<20} {seconds:>7.2} s  {ratio:>5.2} of the floor  {peak:>4} MiB");
        }
    }
    Ok(())
}

struct Bench {
    work: PathBuf,
    accounts: usize,
    dovecot: Dovecot,
    /// Where the line begins that everybody goes through.
    port: u16,
    tls: bool,
}

impl Bench {
    fn start(work: &Path, accounts: usize, tls: bool, delay: Duration) -> Result<Self> {
        let dovecot = Dovecot::start(work.join("dovecot"))?;
        for number in 0..accounts {
            let new = dovecot.directory.join(format!("mail/user{number}/Maildir/new"));
            fs::create_dir_all(&new)?;
            let mail = format!(
                "From: a@customer.example\nTo: user{number}@example.com\nSubject: {number}\nMessage-ID: <{number}@customer.example>\n\
                 Date: Mon, 23 Nov 2026 10:00:00 +0000\n\nThe pump is broken.\n"
            );
            fs::write(new.join("1795000000.M1P1.bench"), mail)?;
        }
        dovecot.own_mail()?;
        let port = if tls { dovecot.tls_port } else { dovecot.port };
        let port = if delay.is_zero() { port } else { line::start(port, delay)? };
        Ok(Self { work: work.to_owned(), accounts, dovecot, port, tls })
    }

    /// Sets up a store with all accounts that has everything.
    fn set_up(&self, name: &str, database: &str) -> Result<PathBuf> {
        let home = self.work.join(format!("store-{name}"));
        fs::create_dir(&home)?;
        run(espomail(&home, "init --database").arg(database))?;
        let password = home.join("password");
        fs::write(&password, "secret\n")?;
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600))?;
        for number in 0..self.accounts {
            let line = format!("account add user{number} --address user{number}@example.com --imap-user user{number}");
            let mut account = espomail(&home, &line);
            account.args(["--fetch-since", "2026-01-01", "--imap-host", "localhost", "--imap-port", &self.port.to_string()]);
            account.arg("--password-file").arg(&password);
            if self.tls {
                account.arg("--ca-file").arg(self.dovecot.ca_file());
            } else {
                account.args(["--imap-security", "plain"]);
            }
            ensure!(account.output()?.status.success(), "account {number} cannot be added");
        }
        run(&mut espomail(&home, "fetch"))?;
        Ok(home)
    }

    /// Does for each account what must be done, and nothing else.
    fn floor(&self) -> Result<f64> {
        let connector = self.tls.then(|| floor::connector(&self.dovecot.ca_file())).transpose()?;
        let next = std::sync::atomic::AtomicUsize::new(0);
        let began = Instant::now();
        std::thread::scope(|scope| {
            let work = || -> Result<()> {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    if number >= self.accounts {
                        return Ok(());
                    }
                    floor::look(self.port, connector.as_ref(), &format!("user{number}"))?;
                }
            };
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap())
        })?;
        Ok(began.elapsed().as_secs_f64())
    }
}

fn espomail(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espomail"));
    // A world of its own: nothing of the caller's configuration.
    command.env_clear().env("HOME", home).env("ESPOMAIL_CONFIG", home.join("config.toml")).args(line.split_whitespace());
    command
}
