//! The real binary in a world of its own: a temporary directory, no environment but ours, a clock that stands still.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The present of every command.
pub const NOW: &str = "2026-11-23T10:00:00Z";

pub struct World {
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
    /// The URL of a PostgreSQL database.
    postgresql: Option<String>,
}

/// What a command did.
#[must_use]
#[derive(Debug)]
pub struct Done {
    pub stdout: String,
    pub stderr: String,
    /// The exit status; none when a signal ended it.
    pub status: Option<i32>,
}

impl World {
    /// An empty directory, nothing set up.
    pub fn empty() -> Self {
        super::usual_umask();
        Self { directory: tempfile::tempdir().unwrap(), environment: Vec::new(), postgresql: None }
    }

    /// Set up by `init` with a SQLite database.
    pub fn new() -> Self {
        let world = Self::empty();
        super::sqlite::put_migrated(&world.database());
        world.run(&["init"]).ok();
        world
    }

    /// Set up by `init` with a SQLite database, or with a PostgreSQL database of its own.
    pub fn on(database: &str) -> Self {
        if database == "postgresql" {
            return Self::at(&super::postgres::named_database());
        }
        Self::new()
    }

    /// Set up by `init` with a PostgreSQL database.
    pub fn at(url: &str) -> Self {
        let mut world = Self::empty();
        world.run(&["init", "--database", url]).ok();
        world.postgresql = Some(url.to_string());
        world
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        self.postgresql.clone().unwrap_or_else(|| format!("sqlite:{}", self.database().display()))
    }

    /// Sets a variable for all commands from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_string(), value.to_string()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path(".config/espomail/config.toml")
    }

    pub fn database(&self) -> PathBuf {
        self.path(".config/espomail/espomail.sqlite")
    }

    pub fn write(&self, path: &Path, text: &str, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Runs SQL on the database.
    pub fn sql(&self, sql: &str) {
        use diesel::Connection;
        use diesel::connection::SimpleConnection;
        if let Some(url) = &self.postgresql {
            return diesel::PgConnection::establish(url).unwrap().batch_execute(sql).unwrap();
        }
        diesel::SqliteConnection::establish(self.database().to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
    }

    /// Has the reasons of an e-mail's only fate as an earlier espomail wrote them: as text.
    pub fn write_reasons_as_text(&self, email: &str) {
        let why = self.json(&["explain", email])["arrivals"][0]["why"].to_string().replace('\'', "''");
        self.sql(&format!("UPDATE fates SET why = '{why}', reasons = NULL WHERE email_id = {email}"));
    }

    /// Has the text of an e-mail and the description of a record as an earlier espomail wrote them: plain.
    pub fn write_texts_plain(&self, email: &str, case: &str) {
        let quoted = |line: &[&str], field: &str| self.json(line)[field].as_str().unwrap().replace('\'', "''");
        let (text, description) = (quoted(&["email", "show", email], "text"), quoted(&["case", "show", case], "description"));
        self.sql(&format!(
            "UPDATE email_texts SET text = '{text}', packed = NULL WHERE email_id = {email};
             UPDATE records SET description = '{description}', packed = NULL WHERE kind = 'case' AND number = {case}"
        ));
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espomail"));
        command
            .env_clear()
            .env("HOME", self.directory.path())
            // Root's files would go to /etc: the tests may run as root.
            .env("ESPOMAIL_CONFIG", self.config())
            .env("ESPOMAIL_NOW", NOW)
            .env("PATH", "/usr/bin:/bin")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        Done::of(&mut self.command(arguments), input)
    }

    /// Runs a command that must succeed and returns what it printed as JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let done = self.run(&[&["-o", "json"], arguments].concat());
        let text = done.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

impl Done {
    /// Runs a command to its end.
    pub fn of(command: &mut Command, input: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code(),
        }
    }

    /// It succeeded and complained of nothing; returns what it printed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// It failed with this status and exactly one line; returns the line.
    #[track_caller]
    pub fn fails(self, status: i32) -> String {
        assert_eq!(self.status, Some(status), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.starts_with("espomail: ") && self.stderr.lines().count() == 1, "one line: {}", self.stderr);
        self.stderr.trim_end().to_string()
    }
}
