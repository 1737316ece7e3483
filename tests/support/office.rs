//! An organisation: a service account that owns configuration and database, and people who reach it through sudo. Everything
//! is as in production, but for the file that says which accounts the system has.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::{Done, NOW};

/// The service account when the tests run as root, who would be an administrator: nobody's number.
const SERVICE: u32 = 65_534;

pub struct Office {
    directory: tempfile::TempDir,
    /// The program, where the service account can reach it.
    binary: PathBuf,
    /// Root takes the service account's place; another user is it.
    is_root: bool,
}

impl Office {
    /// Set up by `init`, with a SQLite or a PostgreSQL database.
    pub fn on(database: &str) -> Self {
        let office = Self::empty();
        match database {
            "postgresql" => office.service(&["init", "--database", &super::postgres::named_database()]).ok(),
            _ => office.service(&["init"]).ok(),
        };
        office
    }

    /// The service account's home, and nothing in it.
    pub fn empty() -> Self {
        super::usual_umask();
        let directory = tempfile::tempdir().unwrap();
        let is_root = own_uid() == 0;
        let mut office = Self { directory, binary: PathBuf::from(env!("CARGO_BIN_EXE_espomail")), is_root };
        let uid = if is_root { SERVICE } else { own_uid() };
        if is_root {
            chown(office.home(), Some(SERVICE), Some(SERVICE)).unwrap();
        }
        let accounts = format!("root:x:0:0::/root:/bin/sh\nespomail:x:{uid}:{uid}::{}:/bin/sh\n", office.home().display());
        std::fs::write(office.home().join("passwd"), accounts).unwrap();
        std::fs::set_permissions(office.home().join("passwd"), PermissionsExt::from_mode(0o644)).unwrap();
        if office.command(&["--version"]).output().is_err() {
            // A folder above it is closed to others.
            let copy = office.home().join("espomail");
            std::fs::copy(&office.binary, &copy).unwrap();
            office.binary = copy;
        }
        office
    }

    pub fn home(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.home().join(".config/espomail/config.toml")
    }

    /// The program as the service account runs it, nothing said of who asks.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("ESPOMAIL_PASSWD", self.home().join("passwd"));
        command.current_dir("/").args(arguments);
        if self.is_root {
            command.uid(SERVICE).gid(SERVICE);
        }
        command
    }

    /// The service account itself, as in cron.
    pub fn service(&self, arguments: &[&str]) -> Done {
        self.service_with(arguments, "")
    }

    pub fn service_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut command = self.command(arguments);
        Done::of(command.env("HOME", self.home()).env("ESPOMAIL_NOW", NOW), input)
    }

    /// The program as somebody reaches it through sudo.
    pub fn sudo(&self, login: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        // Whatever home sudo leaves: it does not count.
        command.env("HOME", "/nonexistent").env("SUDO_USER", login).env("SUDO_UID", "4711");
        command.env("SUDO_COMMAND", format!("/usr/local/bin/espomail {}", arguments.join(" ")));
        command
    }

    /// Somebody through sudo.
    pub fn asks(&self, login: &str, arguments: &[&str]) -> Done {
        self.asks_with(login, arguments, "")
    }

    pub fn asks_with(&self, login: &str, arguments: &[&str], input: &str) -> Done {
        Done::of(&mut self.sudo(login, arguments), input)
    }

    /// What the service account is told, as JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.service(&[&["-o", "json"], arguments].concat()).ok();
        serde_json::from_str(&text).unwrap()
    }
}

pub fn own_uid() -> u32 {
    let output = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}
