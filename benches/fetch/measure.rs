//! Runs a program and says how long it took and how much memory it had at the most.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One run of a program.
#[derive(Clone, Copy)]
pub struct Measured {
    pub seconds: f64,
    pub peak_kib: u64,
}

/// Runs the program to its end; what it prints is dropped unless it fails.
pub fn run(command: &mut Command) -> Result<Measured> {
    // What an earlier run has left to write must not slow this one.
    let _ = Command::new("sync").status();
    let log = tempfile::NamedTempFile::new()?;
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.reopen()?)
        .stderr(log.reopen()?)
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let status = loop {
        // The kernel keeps the high-water mark, so looking now and then is enough.
        peak_kib = peak(&status_file).unwrap_or(peak_kib).max(peak_kib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = began.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{command:?}: {status}\n{}", std::fs::read_to_string(log.path())?);
    }
    Ok(Measured { seconds, peak_kib })
}

fn peak(status_file: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status_file).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}
