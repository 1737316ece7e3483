//! A private Postfix for this test process, as a company's mail server is: it takes mail for [`DOMAINS`] and delivers it into
//! the mailboxes of the private Dovecot, lets whom Dovecot knows send to others, and reports what cannot be delivered. Started on
//! first use in a temporary directory on free ports of 127.0.0.1, stopped and removed by a watchdog when the process ends,
//! however it ends. Nothing leaves this machine: mail for other domains goes to a sink, where nobody is called eve.
//!
//! Postfix starts as root only, and Debian has room for one mail server. Where it cannot run, [`server`] says why.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::certificates::GOOD;
use super::dovecot::{self, Dovecot, id, is_root};
use super::ports::free_ports;
use super::smtp::{Manners, SmtpSink};

/// One domain for each test world, so that they share no mailbox.
pub const DOMAINS: [&str; 2] = ["sqlite.test", "postgresql.test"];

/// Who has a mailbox in each domain. An address is also the name of its user at Dovecot.
const PEOPLE: [&str; 6] = ["support", "crm", "ada", "ben", "dora", "outlook"];

/// Makes a directory, starts Postfix when told, and waits: its standard input ends when the test process does.
const WATCHDOG: &str = r#"
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/espomail-postfix.XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
echo "directory $dir"
read -r _ || exit 0
mkdir "$dir/queue" "$dir/data"
chown postfix "$dir/data"
"$1" -c "$dir" start >>"$dir/start.log" 2>&1
read -r _ || true
"$1" -c "$dir" abort >/dev/null 2>&1
"#;

/// The running server.
pub struct Postfix {
    /// SMTP in clear text, where nobody can log in, and with STARTTLS.
    pub port: u16,
    /// SMTP over TLS.
    pub tls_port: u16,
    directory: PathBuf,
    /// Its standard input must stay open as long as this process lives.
    _watchdog: Child,
}

/// Returns the server, started when it was not; or why there is none.
pub fn server() -> Result<&'static Postfix, &'static str> {
    static POSTFIX: OnceLock<Postfix> = OnceLock::new();
    if !is_root() {
        return Err("Postfix starts as root only");
    }
    if !Path::new("/usr/sbin/postfix").exists() {
        return Err("Postfix is not installed");
    }
    Ok(POSTFIX.get_or_init(|| start(dovecot::server())))
}

impl Postfix {
    /// Hands a message over, as the server of somebody outside does.
    pub fn deliver(&self, from: &str, to: &str, message: &str) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut reader = BufReader::new(stream);
        let mut answered = |command: &str, code: &str| {
            reader.get_mut().write_all(command.as_bytes()).unwrap();
            let mut line = "-".repeat(4);
            while line.as_bytes()[3] == b'-' {
                line.clear();
                assert!(reader.read_line(&mut line).unwrap() > 3, "Postfix hung up after {command}");
            }
            assert!(line.starts_with(code), "{command}: {line}");
        };
        answered("", "220");
        answered("EHLO client.example\r\n", "250");
        answered(&format!("MAIL FROM:<{from}>\r\n"), "250");
        answered(&format!("RCPT TO:<{to}>\r\n"), "250");
        answered("DATA\r\n", "354");
        answered(&format!("{message}\r\n.\r\n"), "250");
        answered("QUIT\r\n", "221");
    }

    /// Waits until a mailbox has so many messages, and returns them.
    #[track_caller]
    pub fn await_messages(&self, user: &str, count: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let messages = dovecot::server().messages(user, "INBOX");
            if messages.len() >= count {
                assert_eq!(messages.len(), count, "{user}: {messages:#?}");
                return messages;
            }
            let log = || std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{user} has {} of {count} messages:\n{}", messages.len(), log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn start(dovecot: &Dovecot) -> Postfix {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHDOG, "sh", "/usr/sbin/postfix"]);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A Ctrl-C meant for the tests must not reach the watchdog, which still has to clean up.
    let mut watchdog = command.process_group(0).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watchdog.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let directory = PathBuf::from(line.trim_end().strip_prefix("directory ").expect("a directory for Postfix"));
    let [port, tls_port] = free_ports();
    let recipients = vec![("eve", Some("550 5.1.1 there is no such user"))];
    let outside = SmtpSink::start(Manners { recipients, ..Manners::default() });
    std::fs::write(directory.join("main.cf"), settings(&directory, dovecot, &outside)).unwrap();
    std::fs::write(directory.join("master.cf"), services(port, tls_port)).unwrap();
    let mailbox = |domain: &str, person: &str| format!("{person}@{domain} {person}@{domain}/Maildir/\n");
    let mailboxes: String = DOMAINS.iter().flat_map(|domain| PEOPLE.map(|person| mailbox(domain, person))).collect();
    std::fs::write(directory.join("mailboxes"), mailboxes).unwrap();
    watchdog.stdin.as_mut().unwrap().write_all(b"start\n").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
        assert!(Instant::now() < deadline, "Postfix does not answer:\n{}{}", log("start.log"), log("log"));
        std::thread::sleep(Duration::from_millis(20));
    }
    Postfix { port, tls_port, directory, _watchdog: watchdog }
}

fn settings(directory: &Path, dovecot: &Dovecot, outside: &SmtpSink) -> String {
    let (owner, _) = dovecot::owner();
    format!(
        "compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.sqlite.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
biff = no
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{dir}/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relayhost = [127.0.0.1]:{outside}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_cert_file = {certificates}/{GOOD}.pem
smtpd_tls_key_file = {certificates}/{GOOD}.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
",
        dir = directory.display(),
        domains = DOMAINS.join(", "),
        mail = dovecot.directory.join("mail").display(),
        uid = id(&format!("-u {owner}")),
        gid = id(&format!("-g {owner}")),
        certificates = dovecot.directory.display(),
        auth = dovecot.auth_port,
        outside = outside.port,
    )
}

fn services(port: u16, tls_port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"
    )
}
