//! Runs a command of the configuration: without a shell, with a time limit, with bounded output. At the limit the whole
//! process group is killed.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::custody;
use crate::fault::Fault;

/// How much of what a command complains of is kept: the end of it, in bytes.
const KEPT: usize = 4 << 10;

/// How many characters of its last line are told.
const TOLD: usize = 200;

/// How long the last words of a command that ended are waited for: what it left behind may hold its output open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs a command with an input, or says how it failed.
pub fn run(argv: &[String], input: Vec<u8>, limit: Duration, prepare: &dyn Fn(&mut Command)) -> Result<(), String> {
    let (program, arguments) = argv.split_first().ok_or("names no program")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").process_group(0);
    prepare(&mut command);
    // Each time: it may have changed since the last look.
    custody::check_command(&command).map_err(refused)?;
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("does not start: {program}: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Not joined: a command need not read its input, nor what it leaves behind.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let (said, words) = mpsc::channel();
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || {
            // Nobody listens after the time limit.
            let _ = said.send(end_of(stderr));
        });
    }
    let status = wait(&mut child, limit)?;
    if status.success() {
        return Ok(());
    }
    let words = words.recv_timeout(LAST_WORDS).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let last: String =
        words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().chars().take(TOLD).collect();
    Err(if last.is_empty() { format!("failed: {status}") } else { format!("failed: {status}: {last}") })
}

fn refused(fault: Fault) -> String {
    let hint = fault.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("is not run: {}{hint}", fault.what)
}

/// Waits for the end of a command, and makes one at the limit.
fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            other => {
                // It was not waited for, so its number is still its own. It may have ended meanwhile; either way it is over.
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                if group.is_none_or(|group| kill_process_group(group, Signal::KILL).is_err()) {
                    let _ = child.kill();
                }
                let _ = child.wait();
                return Err(match other {
                    Err(error) => format!("cannot be waited for: {error}"),
                    Ok(_) => format!("takes longer than {} seconds and was killed", limit.as_secs()),
                });
            }
        }
    }
}

/// Reads to the end and keeps the last of it, so that a command never stands still because nobody reads.
fn end_of(mut output: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; KEPT]);
    while let Ok(read) = output.read(&mut buffer) {
        let Some(new) = buffer.get(..read).filter(|new| !new.is_empty()) else { break };
        kept.extend_from_slice(new);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(script: &str, input: &str, limit: Duration) -> Result<(), String> {
        let argv = ["sh", "-c", script].map(str::to_string);
        run(&argv, input.as_bytes().to_vec(), limit, &|_| ())
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn filter_4_a_command_reads_its_input_and_fails_with_its_last_line() {
        assert_eq!(said("read word; test \"$word\" = hello", "hello\n", LONG), Ok(()));
        assert_eq!(said("exit 0", &"x".repeat(1 << 20), LONG), Ok(()), "it need not read");
        assert_eq!(said("echo one >&2; echo two >&2; exit 3", "", LONG).expect_err("it fails"), "failed: exit status: 3: two");
        assert_eq!(said("head -c 1000000 /dev/zero >&2; echo; exit 0", "", LONG), Ok(()), "it is never held up");
        assert!(said("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", "", LONG).expect_err("it fails").len() < 300);
        assert!(
            run(&["/nonexistent".to_string()], Vec::new(), LONG, &|_| ()).expect_err("it fails").starts_with("does not start")
        );
        assert!(run(&[], Vec::new(), LONG, &|_| ()).is_err());
        let begin = Instant::now();
        assert_eq!(said("sleep 60 & exit 1", "", LONG).expect_err("it fails"), "failed: exit status: 1");
        assert!(begin.elapsed() < Duration::from_secs(10), "what it leaves behind is not waited for");
    }

    #[test]
    fn filter_4_at_the_limit_the_whole_group_is_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("late");
        let script = format!("(sleep 2; echo > {}) & sleep 60", file.display());
        let error = said(&script, "", Duration::from_millis(200)).expect_err("it fails");
        assert!(error.contains("was killed"), "{error}");
        thread::sleep(Duration::from_millis(2_500));
        assert!(!file.exists(), "its child went with it");
    }
}
