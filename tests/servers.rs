//! Mail servers that are not Dovecot and Postfix, from Debian, each in a view of the system of its own (`tests/servers/private`):
//! `make servers`. What differs between them stands in `docs/servers.md`.

mod imap;
mod ordinary;
mod s3;
mod smtp;

use std::io::Read;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::certificates;
use crate::support::ports::free_ports;

/// A server that ends with the test.
pub struct Private {
    /// In clear text and with STARTTLS.
    pub port: u16,
    /// Over TLS.
    pub tls_port: u16,
    pub folder: tempfile::TempDir,
    process: Child,
}

impl Private {
    pub fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates::make(folder.path());
        let [port, tls_port] = free_ports();
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/private"));
        command.args(["run", name, &port.to_string(), &tls_port.to_string()]).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        let server = Self { port, tls_port, folder, process: command.spawn().unwrap() };
        server.await_greeting();
        server
    }

    fn await_greeting(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let is_up = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            let mut greeting = [0; 4];
            stream.read_exact(&mut greeting)?;
            Ok(&greeting == b"* OK" || &greeting == b"220 ")
        };
        while !is_up().unwrap_or(false) {
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "it does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The certificate of the authority, in a file of ours.
    fn authority(&self) -> String {
        self.folder.path().join("authority.pem").display().to_string()
    }

    /// Where it delivers.
    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
