//! Where secrets come from: standard input, the terminal, a systemd credential, a file that nobody else may read, a command.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::caller;
use crate::custody;
use crate::fault::{Class, Fault};
use crate::output;
use crate::secret::Secret;

/// How long a command that prints a secret may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Reads a password from standard input, or asks for it on a terminal.
pub fn read_password(from_stdin: bool) -> Result<Secret> {
    // Who types it is asked for it, and sees nothing of it.
    if from_stdin && !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().take(64 << 10).read_line(&mut line).context("reading the password")?;
        return not_empty(line.trim_end_matches(['\r', '\n']), "standard input");
    }
    if !std::io::stdin().is_terminal() {
        return Err(Fault::new(Class::Usage, "there is no terminal to ask for the password")
            .hint("use --password-stdin, --password-command, --password-file or --password-credential")
            .into());
    }
    not_empty(&output::ask_secret("Password").context("reading the password")?, "the terminal")
}

fn not_empty(text: &str, place: &str) -> Result<Secret> {
    if text.is_empty() {
        return Err(Fault::new(Class::Data, format!("the password from {place} is empty")).into());
    }
    Ok(Secret::new(text))
}

/// A credential's name is no path: it stays in its directory.
pub fn credential_path(name: &str) -> Option<PathBuf> {
    Some(Path::new(&std::env::var_os("CREDENTIALS_DIRECTORY")?).join(Path::new(name).file_name()?))
}

/// Reads the first line of a systemd credential.
pub fn credential(name: &str) -> Result<Secret> {
    let path = credential_path(name)
        .ok_or_else(|| Fault::new(Class::Config, format!("there is no $CREDENTIALS_DIRECTORY for the credential {name:?}")))?;
    custody::check("the credential", &path)?;
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Fault::new(Class::Config, format!("cannot read the credential {}: {error}", path.display())))?;
    not_empty(text.lines().next().unwrap_or_default(), "the credential")
}

/// Reads the first line of such a file.
pub fn first_line_of_file(path: &Path) -> Result<Secret> {
    let text = secret_of_file(path)?;
    not_empty(text.lines().next().unwrap_or_default(), &path.display().to_string())
}

/// Reads a file that nobody else may read or write.
pub fn secret_of_file(path: &Path) -> Result<String> {
    check_secret(path)?;
    custody::check_free(path)?;
    Ok(std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(Class::Config, format!("cannot read the secret in {}: {error}", path.display()))
}

/// Refuses a file that others may read, or could change.
pub fn check_secret(path: &Path) -> Result<()> {
    let name = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.mode() & 0o077 != 0 {
        let what = format!("others can read the secret in {name}");
        return Err(Fault::new(Class::Refused, what).hint(format!("try: chmod 600 {name}")).into());
    }
    Ok(custody::check("the secret", path)?)
}

/// Refuses a command that prints a secret and that others could change.
pub fn check_secret_command(arguments: &[String]) -> Result<()> {
    let Some((program, rest)) = arguments.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(rest);
    caller::own_environment(&mut command);
    Ok(custody::check_command(&command)?)
}

/// Runs a command without a shell and takes its first line.
pub fn first_line_of_command(arguments: &[String]) -> Result<Secret> {
    let Some((program, rest)) = arguments.split_first() else {
        return Err(Fault::new(Class::Config, "the password command is empty").into());
    };
    let fault = |what: String| Fault::new(Class::Config, format!("the password command {program:?} {what}"));
    let mut command = Command::new(program);
    command.args(rest);
    caller::own_environment(&mut command);
    custody::check_command(&command)?;
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| fault(format!("does not start: {error}")))?;
    let stdout = child.stdout.take().context("the command's output")?;
    let (said, line) = mpsc::channel();
    // Not joined: something the command left behind may hold its output open for ever.
    std::thread::spawn(move || {
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        let read = output.by_ref().take(64 << 10).read_line(&mut line).map(|_| line);
        // Nobody listens after the time limit.
        let _ = said.send(read);
        // A command that has more to say must not die of a closed pipe.
        let _ = std::io::copy(&mut output, &mut std::io::sink());
    });
    let until = Instant::now() + COMMAND_LIMIT;
    let too_long = || fault(format!("takes longer than {} seconds", COMMAND_LIMIT.as_secs()));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= until {
            // It may have ended meanwhile; either way it is over.
            let _ = child.kill();
            let _ = child.wait();
            return Err(too_long().into());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    if !status.success() {
        return Err(fault(format!("failed: {status}")).into());
    }
    let line = line.recv_timeout(until.saturating_duration_since(Instant::now())).map_err(|_| too_long())?;
    let line = line.context("reading the command's output")?;
    not_empty(line.trim_end_matches(['\r', '\n']), &format!("{program:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(script: &str) -> Result<Secret> {
        first_line_of_command(&["sh".to_string(), "-c".to_string(), script.to_string()])
    }

    #[test]
    fn a_command_gives_its_first_line_whatever_follows() {
        let secret = said("echo hunter2; sleep 0.1; head -c 300000 /dev/zero; echo").expect("it ended well");
        assert_eq!(secret.reveal(), "hunter2");
        // What it leaves behind keeps its output open.
        assert_eq!(said("sleep 20 & echo hunter2").expect("it ended well").reveal(), "hunter2");
        for script in ["exit 3", "true", "echo", "kill $$"] {
            assert!(said(script).is_err(), "{script}");
        }
    }
}
