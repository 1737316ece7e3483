//! `make grow`: a store that grows by blocks of small letters, with the rate of each block; then what a person waits for every list,
//! search and look at that size. What does not stay flat is a fault. Settings come from the environment: `BENCH_GROW` (200000
//! letters), `BENCH_BLOCK` (50000), `BENCH_SEED` (1), `BENCH_POSTGRESQL` (1 for PostgreSQL as well), `BENCH_RULE` (round-robin or
//! least-busy), `BENCH_DIR` (/var/tmp: a disk), `BENCH_KEEP` (1 to leave the store), `BENCH_STORE` (one that was left: it is asked and
//! does not grow), `BENCH_ASK` (only the questions with this in them).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod letters;
#[path = "../fetch/mailbox.rs"]
#[allow(dead_code, reason = "only its words and its dice are used here")]
mod mailbox;
#[path = "../fetch/measure.rs"]
mod measure;
#[path = "../fetch/server.rs"]
#[allow(dead_code, reason = "nobody is fetched from here")]
mod server;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use letters::Letters;
use measure::run;
use server::Postgresql;

/// How long a person may wait, in milliseconds.
const PATIENCE: f64 = 50.0;

/// What is asked of the store; `{…}` is filled in.
const ASKED: &[&str] = &[
    "email list --search word77",
    "email list --search \"invoice garden\"",
    "email list --search invoice",
    "email list",
    "email list --offset 10000",
    "email list --inbox --user ada",
    "email list --inbox --unread --user ada",
    "email list --important --user ada",
    "email list --archived --user ada",
    "email list --sent --user ada",
    "email list --of-nobody",
    "email list --account support",
    "email list --from {sender}",
    "email list --subject invoice",
    "email list --subject nowhere-to-be-found",
    "email list --since 2026-01-06 --until 2026-01-07",
    "email list --drafts",
    "email list --scheduled",
    "email list --assigned-user ada",
    "--as ada email list",
    "--as ada email list --inbox --unread",
    "email show {middle}",
    "explain {middle}",
    "case list",
    "case list --all",
    "case list --assigned ada",
    "case list --search invoice",
    "case list --search nowhere-to-be-found",
    "case list --status closed",
    "case list --unassigned",
    "case list --team support",
    "--as ada case list",
    "case show {case}",
    "record list case",
    "record list contact",
    "notification list --user ada",
    "notification list --unread --user ada",
    "review list",
    "event list",
    "trace {sender}",
    "trace invoice",
    "trace nowhere-to-be-found",
    "fate list",
    "fate list --account support",
    "fate list --fate duplicate",
    "quarantine list",
    "outbox list",
    "address list",
    "audit list",
    "budget list",
    "account list",
    "user list",
    "folder list",
    "status",
    "status --check",
    "status --metrics-file {home}/metrics",
    "doctor --offline",
    "notify",
];

fn setting(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text} is not a number")),
        Err(_) => Ok(default),
    }
}

fn main() -> Result<()> {
    let (letters, block) = (setting("BENCH_GROW", 200_000)?, setting("BENCH_BLOCK", 50_000)?.max(1));
    if let Some(home) = std::env::var_os("BENCH_STORE") {
        let grown = Grown { home: home.into(), letters, block };
        grown.must("db migrate")?;
        return grown.ask("as it was left");
    }
    let parent = std::env::var_os("BENCH_DIR").unwrap_or_else(|| "/var/tmp".into());
    let mut work = tempfile::Builder::new().prefix("espomail-grow.").tempdir_in(parent)?;
    work.disable_cleanup(setting("BENCH_KEEP", 0)? != 0);
    Command::new("chmod").arg("755").arg(work.path()).status()?;
    let sqlite = Grown { home: work.path().join("sqlite"), letters, block };
    sqlite.measure("SQLite", &format!("sqlite:{}", sqlite.home.join("espomail.db").display()))?;
    if setting("BENCH_POSTGRESQL", 0)? != 0 {
        let server = Postgresql::start(work.path().join("server"))?;
        let grown = Grown { home: work.path().join("postgresql"), letters, block };
        grown.measure("PostgreSQL", &server.fresh_database()?)?;
    }
    Ok(())
}

struct Grown {
    home: PathBuf,
    letters: u64,
    block: u64,
}

impl Grown {
    fn espomail<'a>(&self, line: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espomail"));
        // A world of its own: nothing of the caller's configuration.
        command.env_clear().env("HOME", &self.home).env("ESPOMAIL_CONFIG", self.home.join("config.toml")).args(line);
        command
    }

    fn must(&self, line: &str) -> Result<()> {
        run(&mut self.espomail(line.split_whitespace())).map(drop)
    }

    fn measure(&self, what: &str, database: &str) -> Result<()> {
        fs::create_dir(&self.home)?;
        self.set_up(database)?;
        self.grow(what)?;
        self.ask(what)
    }

    /// A support mailbox that makes cases and hands them out to a team of three, who all get its mail.
    fn set_up(&self, database: &str) -> Result<()> {
        run(self.espomail(["init", "--database"]).arg(database))?;
        // What takes months comes in a minute here: it is counted all the same, and nothing is held.
        let limits =
            "per-address = [N, N]\nper-domain = [N, N]\nper-account = [N, N]\noverall = [N, N]\n".replace('N', "1000000000");
        let kinds = ["cases", "reopens", "notifications"].map(|kind| format!("\n[budgets.{kind}]\n{limits}"));
        fs::OpenOptions::new().append(true).open(self.home.join("config.toml"))?.write_all(kinds.concat().as_bytes())?;
        for user in ["ada", "ben", "cleo"] {
            self.must(&format!("user add {user} --name {user} --address {user}@example.com"))?;
        }
        self.must("team add support")?;
        self.must("team join support ada ben cleo")?;
        self.must("role add agents")?;
        for right in ["case read", "email read"] {
            self.must(&format!("role grant agents {right} team"))?;
        }
        self.must("role give agents --team support")?;
        for number in 0..20 {
            self.must(&format!("record add contact Sender{number} --address {}", letters::sender(number)))?;
        }
        let rule = std::env::var("BENCH_RULE").unwrap_or_else(|_| "round-robin".to_string());
        self.must(&format!(
            "account add support --address support@example.com --imap-host localhost --password-command true --act-since 2026-01-01 \
             --make-cases --distribution {rule} --case-team support --team support"
        ))
    }

    fn grow(&self, what: &str) -> Result<()> {
        let mut letters = Letters::new(setting("BENCH_SEED", 1)?);
        let mbox = self.home.join("block.mbox");
        let mut there = 0;
        while there < self.letters {
            let some = self.block.min(self.letters - there);
            letters.write(&mbox, some)?;
            let measured = run(self.espomail(["import", "--account", "support"]).arg(&mbox))?;
            there += some;
            println!(
                "{what:<10} {there:>9} letters  {:>7.0} messages/s  {:>4} MiB",
                some as f64 / measured.seconds,
                measured.peak_kib / 1_024
            );
        }
        fs::remove_file(&mbox)?;
        Ok(())
    }

    /// Asks everything four times, and says how long the first took and the quickest of the others: the machine may be busy.
    fn ask(&self, what: &str) -> Result<()> {
        println!("\n{what}, {} letters{:>33} {:>9}", self.letters, "first ms", "then ms");
        let mut slow = 0;
        let only = std::env::var("BENCH_ASK").unwrap_or_default();
        for asked in ASKED.iter().filter(|asked| asked.contains(&only)) {
            let line = asked
                .replace("{sender}", &letters::sender(5))
                .replace("{middle}", &(self.letters / 2).to_string())
                .replace("{case}", &(self.letters / 3).to_string())
                .replace("{home}", &self.home.display().to_string());
            let (first, then) = self.time(&line)?;
            slow += usize::from(then > PATIENCE);
            let mark = if then > PATIENCE { "  slow" } else { "" };
            println!("{asked:<48} {first:>9.1} {then:>9.1}{mark}");
        }
        println!("{slow} of {} take longer than {PATIENCE} ms", ASKED.len());
        Ok(())
    }

    fn time(&self, line: &str) -> Result<(f64, f64)> {
        let mut times = Vec::new();
        for _ in 0..4 {
            let began = std::time::Instant::now();
            let output = self.espomail(words(line)).output()?;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
            let is_told = matches!(output.status.code(), Some(0..=2 | 65));
            ensure!(is_told, "espomail {line}: {}{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok((times[0], times[1..].iter().copied().fold(f64::INFINITY, f64::min)))
    }
}

/// Takes a line apart; what stands between quotation marks is one word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').enumerate().flat_map(|(place, part)| -> Vec<&str> {
        if place % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }
    })
}
