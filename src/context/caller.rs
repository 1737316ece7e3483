//! Asks the operating system who calls, and fixes what a caller through sudo must not choose (ACCESS-4).

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::config::Overrides;
use crate::custody;
use crate::decide::caller::{Caller, Sudo};

/// Returns who calls.
pub fn caller() -> Caller {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let uid = rustix::process::geteuid().as_raw();
    Caller {
        uid,
        account: known(uid).map_or_else(|| format!("uid {uid}"), |(name, _)| name),
        sudo: variable("SUDO_USER").map(|user| Sudo {
            user,
            uid: variable("SUDO_UID").and_then(|uid| uid.parse().ok()),
            command: variable("SUDO_COMMAND").unwrap_or_default(),
        }),
        otherwise: ["DOAS_USER", "PKEXEC_UID"].iter().any(|name| std::env::var_os(name).is_some()),
    }
}

/// Returns where the configuration is for one who comes through sudo: at the service account's home as the system knows it,
/// or in /etc; nothing of the environment counts.
pub fn fixed_places(caller: &Caller) -> Overrides {
    let home = known(caller.uid).map(|(_, home)| home.join(".config"));
    Overrides { config_home: home, ..Overrides::default() }
}

/// Returns the folder for what a host keeps beside a database on a server: systemd's, else the one that the home folder has for it. Of
/// one who comes through sudo, the environment says nothing.
pub fn state_folder() -> Option<PathBuf> {
    let caller = caller();
    if caller.guest().is_some() {
        return known(caller.uid).map(|(_, home)| home.join(".local/state/espomail"));
    }
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // Of several, the first.
    let given = std::env::var("STATE_DIRECTORY").ok().filter(|value| !value.is_empty());
    let given = given.and_then(|folders| folders.split(':').next().map(PathBuf::from));
    let home = || path("HOME").map(|home| home.join(".local/state"));
    given.or_else(|| path("XDG_STATE_HOME").or_else(home).map(|folder| folder.join("espomail")))
}

/// Returns the names of all variables of the environment.
pub fn variables() -> Vec<String> {
    std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
}

/// Gives a command of the configuration the service account's own surroundings when somebody comes through sudo: the caller's
/// PATH would choose the program, the caller's folder what it finds there.
pub fn own_environment(command: &mut Command) {
    let caller = caller();
    if caller.guest().is_some() {
        command.env_clear().env("PATH", OWN_PATH).current_dir("/");
        if let Some((name, home)) = known(caller.uid) {
            command.env("HOME", home).env("USER", &name).env("LOGNAME", &name);
        }
    }
}

/// Gives a command that works on mail its surroundings: nothing that opens our database or our secrets.
pub fn hook_environment(command: &mut Command) {
    own_environment(command);
    for (name, _) in std::env::vars_os() {
        let is_ours = name
            .to_str()
            .is_none_or(|name| name.starts_with("ESPOMAIL_") || name.starts_with("PG") || name == "CREDENTIALS_DIRECTORY");
        if is_ours {
            command.env_remove(name);
        }
    }
}

/// Refuses a command that works on mail and that others could change.
pub fn check_hook(argv: &[String]) -> Result<()> {
    let Some((program, arguments)) = argv.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/");
    hook_environment(&mut command);
    Ok(custody::check_command(&command)?)
}

/// Where programs are, for commands of the configuration that run while somebody comes through sudo.
const OWN_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns name and home of a local account.
fn known(uid: u32) -> Option<(String, PathBuf)> {
    let text = std::fs::read_to_string(accounts_file()).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id, home) = (fields.next()?, fields.nth(1)?, fields.nth(2)?);
        (id.parse() == Ok(uid)).then(|| (name.to_string(), PathBuf::from(home)))
    })
}

/// The system's accounts. A test cannot add one: debug builds take another file.
fn accounts_file() -> PathBuf {
    #[cfg(debug_assertions)]
    if let Some(file) = std::env::var_os("ESPOMAIL_PASSWD") {
        return file.into();
    }
    "/etc/passwd".into()
}
