//! `make bench`: the same messages sent to a sink by Python's smtplib over one connection, by msmtp one after the other, and by
//! `espomail send` out of SQLite and PostgreSQL, in turn, in one run; then a message with a large attachment.
//! Settings come from the environment: `BENCH_SEND` (1000 messages), `BENCH_ROUNDS` (2), `BENCH_DIR` (/var/tmp: a disk), `BENCH_CHECK` (1 to
//! fail where a ratio is lost: benches/baseline.toml).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../baseline.rs"]
mod baseline;
#[path = "../fetch/measure.rs"]
mod measure;
#[path = "../fetch/server.rs"]
#[allow(dead_code, reason = "nobody is fetched from here")]
mod server;
mod sink;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use espomail::decide::Policy;
use espomail::decide::outgoing::Order;
use espomail::mail::Address;
use espomail::mail::compose::{self, Draft};
use espomail::pass::outgoing::{Outbound, message_id, queue_all};
use espomail::store::{Store, account};
use espomail::words::OutgoingKind;
use measure::{Measured, run};
use server::Postgresql;
use sink::Sink;

/// Every message has a text of about 4 KB, as an answer with a quotation has.
const TEXT: &str = "Thank you for your message. A technician comes this afternoon and brings the part that is missing.\r\n";
const LINES: usize = 40;

/// The size of the large attachment, in bytes.
const LARGE: usize = 25_000_000;

const NOW: i64 = 1_795_000_000;

fn setting(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text} is not a number")),
        Err(_) => Ok(default),
    }
}

fn main() -> Result<()> {
    let (messages, rounds) = (setting("BENCH_SEND", 1_000)?, setting("BENCH_ROUNDS", 2)?);
    let parent = std::env::var_os("BENCH_DIR").unwrap_or_else(|| "/var/tmp".into());
    let work = tempfile::Builder::new().prefix("espomail-bench.").tempdir_in(parent)?;
    Command::new("chmod").arg("755").arg(work.path()).status()?;
    let bench = Bench::start(work.path(), messages)?;
    // By the quickest round: what is compared takes a second or two.
    let mut rates: Vec<(&str, f64)> = Vec::new();
    for round in 1..=rounds {
        for (what, measured) in [
            ("smtplib", bench.smtplib()?),
            ("msmtp", bench.msmtp()?),
            ("espomail SQLite", bench.espomail(false)?),
            ("espomail PostgreSQL", bench.espomail(true)?),
        ] {
            let rate = messages as f64 / measured.seconds;
            match rates.iter_mut().find(|(name, _)| *name == what) {
                Some((_, best)) => *best = best.max(rate),
                None => rates.push((what, rate)),
            }
            let peak = measured.peak_kib / 1_024;
            println!("round {round}  {what:<20} {:>7.2} s  {rate:>7.0} messages/s  {peak:>4} MiB", measured.seconds);
        }
    }
    bench.large()?;
    baseline::hold("send", &rates)
}

struct Bench {
    work: PathBuf,
    messages: usize,
    sink: Sink,
    postgresql: Postgresql,
}

fn draft(number: usize) -> Draft {
    let address = |name: &str, address: String| Address { name: name.to_string(), address };
    Draft {
        from: address("Example Support", "support@example.com".to_string()),
        sender: None,
        reply_to: Vec::new(),
        to: vec![address("", format!("customer{number}@customer.example"))],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: format!("Your request {number}"),
        text: TEXT.repeat(LINES),
        html: None,
        attachments: Vec::new(),
        calendar: None,
        message_id: message_id(&Policy::default(), None, "support@example.com", random(number), NOW),
        date: NOW,
        in_reply_to: None,
        references: Vec::new(),
        automatic: None,
        extra: Vec::new(),
    }
}

fn random(number: usize) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

impl Bench {
    fn start(work: &Path, messages: usize) -> Result<Self> {
        let files = work.join("messages");
        fs::create_dir(&files)?;
        for number in 0..messages {
            fs::write(files.join(format!("{number}.eml")), compose::compose(&draft(number))?)?;
        }
        println!("{messages} messages of {} bytes, no TLS", compose::compose(&draft(0))?.len());
        let (sink, postgresql) = (Sink::start()?, Postgresql::start(work.join("postgresql"))?);
        Ok(Self { work: work.to_owned(), messages, sink, postgresql })
    }

    fn checked(&self, measured: Measured) -> Result<Measured> {
        let taken = self.sink.taken();
        ensure!(taken == self.messages as u64, "{taken} of {} messages came", self.messages);
        Ok(measured)
    }

    /// One connection, no database, nothing written down.
    fn smtplib(&self) -> Result<Measured> {
        const SCRIPT: &str = "
import glob, smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as server:
    for number, path in enumerate(glob.glob(sys.argv[2] + '/*.eml')):
        with open(path, 'rb') as file:
            server.sendmail('support@example.com', [f'customer{number}@customer.example'], file.read())
";
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT, &self.sink.port.to_string()]).arg(self.work.join("messages"));
        self.checked(run(&mut command)?)
    }

    /// A process and a connection for each message.
    fn msmtp(&self) -> Result<Measured> {
        const SCRIPT: &str = "for file in \"$2\"/*.eml; do
            msmtp --file=/dev/null --host=127.0.0.1 --port=\"$1\" --from=support@example.com --read-recipients <\"$file\" || exit
        done";
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh", &self.sink.port.to_string()]).arg(self.work.join("messages"));
        self.checked(run(&mut command)?)
    }

    /// A fresh database with an account that sends through the sink.
    fn set_up(&self, fresh: &Path, postgresql: bool) -> Result<String> {
        fs::create_dir(fresh)?;
        let database = if postgresql {
            self.postgresql.fresh_database()?
        } else {
            format!("sqlite:{}", fresh.join("espomail.db").display())
        };
        run(espomail(fresh, "init --database").arg(&database))?;
        let port = self.sink.port;
        let add = "account add support --address support@example.com --imap-host 127.0.0.1 --password-command echo x";
        let smtp = format!("--smtp-host 127.0.0.1 --smtp-port {port} --smtp-security plain --smtp-auth none --shared");
        run(&mut espomail(fresh, &format!("{add} {smtp}")))?;
        Ok(database)
    }

    fn espomail(&self, postgresql: bool) -> Result<Measured> {
        let fresh = self.work.join("fresh");
        let database = self.set_up(&fresh, postgresql)?;
        let mut store = Store::open(&database)?;
        let account = account::find(store.connection(), "support")?.id;
        let letters: Vec<Outbound> = (0..self.messages)
            .map(|number| Outbound::new(&draft(number), Order::default(), OutgoingKind::Message, Some(NOW)))
            .collect::<Result<_>>()?;
        for some in letters.chunks(256) {
            store.transaction(|db| queue_all(db, account, some, NOW))?;
        }
        drop(store);
        let measured = run(&mut espomail(&fresh, &format!("send --limit {}", self.messages)))?;
        fs::remove_dir_all(&fresh)?;
        self.checked(measured)
    }

    /// What a message with a large attachment takes: to write it, and to send it.
    fn large(&self) -> Result<()> {
        let fresh = self.work.join("fresh");
        self.set_up(&fresh, false)?;
        let large = fresh.join("large.bin");
        // Incompressible, as pictures and archives are.
        let mut state = 1_u64;
        let bytes = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        fs::write(&large, bytes.take(LARGE).collect::<Vec<u8>>())?;
        let mut compose = espomail(&fresh, "email compose --to a@customer.example --subject x --text x --queue --attach");
        let written = run(compose.arg(&large))?;
        let sent = run(&mut espomail(&fresh, "send"))?;
        ensure!(self.sink.taken() == 1, "the large message did not come");
        for (what, measured) in [("compose --queue", written), ("send", sent)] {
            let (seconds, peak) = (measured.seconds, measured.peak_kib / 1_024);
            println!("{} MB attached: {what:<16} {seconds:>5.2} s  {peak:>4} MiB", LARGE / 1_000_000);
        }
        Ok(())
    }
}

fn espomail(fresh: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espomail"));
    // A world of its own: nothing of the caller's configuration.
    command.env_clear().env("HOME", fresh).env("ESPOMAIL_CONFIG", fresh.join("config.toml")).args(line.split_whitespace());
    command
}
