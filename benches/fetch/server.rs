//! The private Dovecot and PostgreSQL that a benchmark talks to; both end with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs a program that must succeed.
fn must(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Dovecot with one mailbox, `bench`.
pub struct Dovecot {
    pub directory: PathBuf,
    pub port: u16,
    pub tls_port: u16,
}

impl Dovecot {
    fn script() -> Command {
        Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/private-dovecot"))
    }

    pub fn start(directory: PathBuf) -> Result<Self> {
        must(Self::script().arg("start").arg(&directory))?;
        let port = |name| -> Result<u16> { Ok(std::fs::read_to_string(directory.join(name))?.trim().parse()?) };
        let dovecot = Self { port: port("port")?, tls_port: port("tls-port")?, directory };
        // Its folder is the server's, and espomail trusts no certificate that somebody else could change.
        std::fs::copy(dovecot.directory.join("ca.pem"), dovecot.ca_file())?;
        Ok(dovecot)
    }

    pub fn maildir(&self) -> PathBuf {
        self.directory.join("mail/bench/Maildir")
    }

    /// Gives the server what was put into its Maildir.
    pub fn own_mail(&self) -> Result<()> {
        must(Self::script().arg("own").arg(&self.directory)).map(drop)
    }

    pub fn ca_file(&self) -> String {
        self.directory.with_extension("pem").display().to_string()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = Self::script().arg("stop").arg(&self.directory).status();
    }
}

/// PostgreSQL with its default settings, `fsync` on, reached by a Unix socket.
pub struct Postgresql {
    directory: PathBuf,
}

impl Postgresql {
    pub fn start(directory: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&directory)?;
        if is_root()? {
            must(Command::new("chown").arg("postgres:postgres").arg(&directory))?;
        }
        let data = directory.join("data");
        must(server_program("initdb")?.args(["-U", "espomail", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"]).arg(&data))?;
        let socket_only = format!("-k {} -c listen_addresses=", directory.display());
        let log = directory.join("log");
        must(server_program("pg_ctl")?.args(["-w", "start", "-o", &socket_only, "-l"]).arg(log).arg("-D").arg(&data))?;
        Ok(Self { directory })
    }

    /// Makes an empty database in place of the last one and returns its URL.
    pub fn fresh_database(&self) -> Result<String> {
        for statement in ["DROP DATABASE IF EXISTS bench", "CREATE DATABASE bench", "CHECKPOINT"] {
            must(
                server_program("psql")?.args(["-U", "espomail", "-d", "postgres", "-qc", statement, "-h"]).arg(&self.directory),
            )?;
        }
        Ok(format!("postgresql:///bench?user=espomail&host={}", self.directory.display()))
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        if let Ok(mut stop) = server_program("pg_ctl") {
            let _ = stop.args(["-m", "fast", "stop", "-D"]).arg(self.directory.join("data")).output();
        }
    }
}

fn is_root() -> Result<bool> {
    Ok(must(Command::new("id").arg("-u"))?.trim() == "0")
}

/// A program of Debian's newest PostgreSQL, as a user that it accepts: it refuses root.
fn server_program(name: &str) -> Result<Command> {
    let mut folders: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .context("no PostgreSQL; try: apt-get install postgresql")?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    folders.sort();
    let (_, folder) = folders.pop().context("no initdb in /usr/lib/postgresql/*/bin; try: apt-get install postgresql")?;
    let program: &Path = &folder.join(name);
    let mut command = if is_root()? {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    Ok(command)
}
