//! espomail as a newcomer sets it up: a support mailbox that makes cases and hands them out in turn to a team of three.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::measure::run;
use crate::{Bench, Pair, crowd};

impl Bench {
    /// Sets up a fresh database, or one that has been used for years, and fetches into it, twice.
    pub fn espomail(&self, fresh: &Path, database: &str, crowded: bool) -> Result<Pair> {
        let espomail = |line: &str| -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_espomail"));
            // A world of its own: nothing of the caller's configuration.
            command
                .env_clear()
                .env("HOME", fresh)
                .env("ESPOMAIL_CONFIG", fresh.join("config.toml"))
                .args(line.split_whitespace());
            command
        };
        run(espomail("init --database").arg(database))?;
        // What takes a year comes in a minute here: it is counted all the same, and nothing is held.
        let limits =
            "per-address = [N, N]\nper-domain = [N, N]\nper-account = [N, N]\noverall = [N, N]\n".replace('N', "1000000000");
        let kinds = ["cases", "reopens", "notifications"].map(|kind| format!("\n[budgets.{kind}]\n{limits}"));
        fs::OpenOptions::new().append(true).open(fresh.join("config.toml"))?.write_all(kinds.concat().as_bytes())?;
        for user in ["ada", "ben", "cleo"] {
            run(&mut espomail(&format!("user add {user} --name {user} --address {user}@example.com")))?;
        }
        run(&mut espomail("team add support"))?;
        run(&mut espomail("team join support ada ben cleo"))?;
        // Some senders are known, as a contact each.
        for sender in 0..20 {
            let host = sender % 200;
            run(&mut espomail(&format!("record add contact Sender{sender} --address sender{sender}@customer{host}.example")))?;
        }
        let password = fresh.join("password");
        fs::write(&password, "secret\n")?;
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600))?;
        let mut account = espomail("account add support --address support@example.com --imap-user bench --imap-host localhost");
        account.args(["--make-cases", "--distribution", "round-robin", "--case-team", "support"]);
        // The mailbox is older than the account; without this it would be stored as archive, without cases.
        account.args(["--fetch-since", "2026-01-01", "--act-since", "2026-01-01", "--max-seconds", "3600"]);
        account.arg("--password-file").arg(&password).arg("--imap-port").arg(self.port().to_string());
        if self.tls {
            account.arg("--ca-file").arg(self.dovecot.ca_file());
        } else {
            account.args(["--imap-security", "plain"]);
        }
        run(&mut account)?;
        if crowded {
            crowd::fill(database)?;
            for options in crowd::filters() {
                run(espomail("filter add").args(options))?;
            }
        }
        let first = run(&mut espomail("fetch"))?;
        let second = run(&mut espomail("fetch"))?;
        let lines = |line: &str| -> Result<u64> {
            let output = espomail(line).output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok(output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64)
        };
        let emails = lines("-o jsonl email list --limit 10000000")?;
        ensure!(emails == self.messages, "{emails} of {} messages are in the store", self.messages);
        ensure!(lines("-o jsonl case list --all --limit 10000000")? > self.messages / 2, "too few cases");
        Ok(Pair { first, second: Some(second) })
    }
}
