//! A private Dovecot for this test process: started on first use in a temporary directory, on free ports of 127.0.0.1 to
//! 127.0.0.4 (see `certificates`), stopped and removed by a watchdog when the process ends, however it ends.
//!
//! Every user name is somebody, with [`PASSWORD`], so each test takes a user of its own and shares nothing with others.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::certificates::{self, EXPIRED, FOREIGN, GOOD, WRONG_NAME};
use super::oauth;
use super::ports::free_ports;
use crate::servers::Private;

/// Everybody's password; it has what must be quoted.
pub const PASSWORD: &str = r#"pass "word\ 1"#;

/// Makes a directory, starts Dovecot when told, and waits: its standard input ends when the test process does.
const WATCHDOG: &str = r#"
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/espomail-dovecot.XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
echo "directory $dir"
read -r _ || exit 0
"$1" -F -c "$dir/dovecot.conf" >>"$dir/log" 2>&1 &
server=$!
read -r _ || true
kill -TERM "$server" 2>/dev/null || true
wait "$server" || true
"#;

/// The running server.
pub struct Dovecot {
    /// IMAP, in clear text and with STARTTLS.
    pub port: u16,
    /// IMAP over TLS.
    pub tls_port: u16,
    /// Where other servers ask who somebody is (SASL).
    pub auth_port: u16,
    /// Where its files are: the certificates, and everybody's mail under `mail/USER/Maildir`.
    pub directory: PathBuf,
    /// The certificate of the authority that signed the good one.
    pub ca_file: PathBuf,
    /// Its standard input must stay open as long as this process lives.
    _watchdog: Option<Child>,
}

static DOVECOT: OnceLock<Dovecot> = OnceLock::new();

/// Returns the server, started when it was not; another one where `make servers` runs the tests that any server passes.
pub fn server() -> &'static Dovecot {
    DOVECOT.get_or_init(|| match std::env::var(INSTEAD) {
        Ok(name) => another(&name),
        Err(_) => start(),
    })
}

/// Which server there is in the place of Dovecot: one that `tests/servers/private` knows.
pub const INSTEAD: &str = "ESPOMAIL_TEST_IMAP";

fn another(name: &str) -> Dovecot {
    // As long as this process lives.
    let server = Box::leak(Box::new(Private::start(name)));
    let directory = server.folder.path().to_path_buf();
    let ca_file = directory.join("authority.pem");
    Dovecot { port: server.port, tls_port: server.tls_port, auth_port: 0, directory, ca_file, _watchdog: None }
}

impl Dovecot {
    /// Puts messages into a user's mailbox, which is made when it is not there; the name as it is on the wire.
    pub fn append<'m>(&self, user: &str, mailbox: &str, messages: impl IntoIterator<Item = &'m [u8]>) {
        let mut client = self.client(user);
        client.attempt(&format!("CREATE \"{mailbox}\""));
        for message in messages {
            client.append(mailbox, "", message);
        }
    }

    /// Puts a message into a mailbox that is there, with an INTERNALDATE such as `18-Jul-2026 11:00:00 +0000`.
    pub fn append_at(&self, user: &str, mailbox: &str, date: &str, message: &[u8]) {
        self.client(user).append(mailbox, &format!("\"{date}\" "), message);
    }

    /// Returns the messages of a mailbox, in their order.
    pub fn messages(&self, user: &str, mailbox: &str) -> Vec<String> {
        let mut client = self.client(user);
        client.attempt(&format!("EXAMINE \"{mailbox}\""));
        client.send(b"a FETCH 1:* BODY.PEEK[]\r\n");
        let mut messages = Vec::new();
        loop {
            let line = client.line();
            if line.starts_with("a ") {
                return messages;
            }
            let size = line.trim_end().strip_suffix('}').and_then(|line| line.rsplit_once('{')).map(|(_, size)| size.parse());
            if let Some(Ok(size)) = size {
                let mut bytes = vec![0; size];
                client.stream.read_exact(&mut bytes).unwrap();
                messages.push(String::from_utf8(bytes).unwrap());
            }
        }
    }

    /// Returns the first line of what a command in a mailbox is answered.
    pub fn ask(&self, user: &str, mailbox: &str, command: &str) -> String {
        let mut client = self.client(user);
        client.attempt(&format!("EXAMINE \"{mailbox}\""));
        client.send(format!("a {command}\r\n").as_bytes());
        client.line().trim_end().to_string()
    }

    /// Returns the certificate of the authority in a file of our own: whoever owns such a file could change whom we trust, and the
    /// server's folder is the server's.
    pub fn authority(&self) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&std::fs::read(&self.ca_file).unwrap()).unwrap();
        file
    }

    /// Runs IMAP commands as a user; each must succeed.
    pub fn run(&self, user: &str, commands: &[&str]) {
        let mut client = self.client(user);
        for command in commands {
            let answer = client.attempt(command);
            // Some servers make some mailboxes by themselves.
            let is_there = command.starts_with("CREATE") && answer.contains("already exists");
            assert!(answer.starts_with("a OK") || is_there, "{command}: {answer}");
        }
    }

    fn client(&self, user: &str) -> Client {
        Client::login(self.port, user)
    }
}

/// As much of an IMAP client as it takes to fill mailboxes.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Logs in with everybody's password at a port of this machine.
    pub fn login(port: u16, user: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream: BufReader::new(stream) };
        client.line();
        let password = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
        let answer = client.attempt(&format!("LOGIN \"{user}\" \"{password}\""));
        assert!(answer.starts_with("a OK"), "{answer}");
        client
    }

    /// Returns the lines of an answer, the last one included.
    pub fn lines(&mut self, command: &str) -> Vec<String> {
        self.send(format!("a {command}\r\n").as_bytes());
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.starts_with("a ")) {
            lines.push(self.line().trim_end().to_string());
        }
        lines
    }

    /// Puts a message into a mailbox; the server may say when it wants it.
    pub fn put(&mut self, mailbox: &str, message: &[u8]) {
        self.append(mailbox, "", message);
    }

    fn append(&mut self, mailbox: &str, date: &str, message: &[u8]) {
        self.send(format!("a APPEND \"{mailbox}\" {date}{{{}}}\r\n", message.len()).as_bytes());
        loop {
            let line = self.line();
            assert!(!line.starts_with("a "), "{line}");
            if line.starts_with('+') {
                break;
            }
        }
        self.send(message);
        self.send(b"\r\n");
        let answer = self.answer();
        assert!(answer.starts_with("a OK"), "{answer}");
    }

    fn attempt(&mut self, command: &str) -> String {
        self.send(format!("a {command}\r\n").as_bytes());
        self.answer()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stream.read_line(&mut line).unwrap() > 0, "Dovecot hung up");
        line
    }

    fn answer(&mut self) -> String {
        loop {
            let line = self.line();
            if line.starts_with("a ") {
                return line;
            }
        }
    }
}

fn start() -> Dovecot {
    let binary = binary();
    let mut command = as_ordinary_user();
    command.args(["sh", "-c", WATCHDOG, "sh"]).arg(&binary);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A Ctrl-C meant for the tests must not reach the watchdog, which still has to clean up.
    let mut watchdog = command.process_group(0).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(watchdog.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let directory = PathBuf::from(line.trim_end().strip_prefix("directory ").expect("a directory for Dovecot"));

    let ca_file = certificates::make(&directory);
    for entry in std::fs::read_dir(&directory).unwrap() {
        // The server may run as somebody else than the tests; the keys are worth nothing.
        std::fs::set_permissions(entry.unwrap().path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let ports = free_ports();
    let (owner, group) = owner();
    std::fs::write(directory.join("passwords"), format!("everybody:{PASSWORD}\n")).unwrap();
    let asked = format!("http://127.0.0.1:{}/introspect", oauth::introspection());
    let tokens = format!(
        "introspection_mode = post\nintrospection_url = {asked}\nusername_attribute = username\nactive_attribute = active\n\
         active_value = true\n"
    );
    std::fs::write(directory.join("tokens.conf"), tokens).unwrap();
    let configuration = configuration(&directory, has_old_settings(&binary), &owner, &group, ports);
    std::fs::write(directory.join("dovecot.conf"), configuration).unwrap();
    let [port, tls_port, auth_port] = ports;
    watchdog.stdin.as_mut().unwrap().write_all(b"start\n").unwrap();
    await_greeting(port, &directory);
    Dovecot { port, tls_port, auth_port, directory, ca_file, _watchdog: Some(watchdog) }
}

/// The user and the group whose mail everybody's is.
pub fn owner() -> (String, String) {
    if is_root() { ("dovecot".to_string(), id("-gn dovecot")) } else { (id("-un"), id("-gn")) }
}

fn await_greeting(port: u16, directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut greeting = [0; 4];
        let greeted = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.read_exact(&mut greeting)
        });
        if greeted.is_ok() && &greeting == b"* OK" {
            return;
        }
        let log = || std::fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "Dovecot does not answer:\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the settings are those from before Dovecot 2.4 (Debian 12), which has renamed them (Debian 13).
fn has_old_settings(binary: &Path) -> bool {
    let version = Command::new(binary).arg("--version").output().unwrap().stdout;
    [b"2.2.", b"2.3."].iter().any(|old| version.starts_with(*old))
}

fn configuration(directory: &Path, old: bool, owner: &str, group: &str, [port, tls_port, auth_port]: [u16; 3]) -> String {
    let dir = directory.display();
    // Where the settings are new ones, it does so unasked.
    let deflating = if old { "protocol imap {\n  mail_plugins = imap_zlib\n}" } else { "" };
    let by_version = if old { old_settings } else { new_settings }(&dir.to_string(), owner, group);
    format!(
        r#"{by_version}
{deflating}
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
listen = 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4
protocols = imap
first_valid_uid = 1
default_internal_user = {owner}
default_internal_group = {group}
default_login_user = {owner}
mail_fsync = never
mail_max_userip_connections = 100
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
ssl = yes
namespace inbox {{
  inbox = yes
  separator = /
  # It is not there before a test makes it.
  mailbox Sent {{
    special_use = \Sent
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # Wrong passwords of one test must not slow down the others.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  inet_listener postfix {{
    port = {auth_port}
  }}
}}
"#
    )
}

/// The addresses that show something else than the good certificate.
const BAD: [(&str, &str); 3] = [("127.0.0.2", EXPIRED), ("127.0.0.3", FOREIGN), ("127.0.0.4", WRONG_NAME)];

fn old_settings(dir: &str, owner: &str, group: &str) -> String {
    let certificate = |name: &str| format!("ssl_cert = <{dir}/{name}.pem\nssl_key = <{dir}/{name}.key\n");
    let bad = BAD.map(|(address, name)| format!("local {address} {{\n{}}}\n", certificate(name))).concat();
    format!(
        r#"mail_location = maildir:~/Maildir
disable_plaintext_auth = no
{good}{bad}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=everybody {dir}/passwords
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/tokens.conf
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={dir}/mail/%u
}}
"#,
        good = certificate(GOOD)
    )
}

fn new_settings(dir: &str, owner: &str, group: &str) -> String {
    let certificate = |name: &str| format!("ssl_server_cert_file = {dir}/{name}.pem\nssl_server_key_file = {dir}/{name}.key\n");
    let bad = BAD.map(|(address, name)| format!("local {address} {{\n{}}}\n", certificate(name))).concat();
    let password = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        r#"dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
mail_driver = maildir
mail_path = ~/Maildir
auth_allow_cleartext = yes
{good}{bad}
passdb static {{
  mechanisms_filter = plain login
  password = "{password}"
}}
oauth2 {{
  introspection_mode = post
  introspection_url = http://127.0.0.1:{tokens}/introspect
  username_attribute = username
  active_attribute = active
  active_value = true
}}
passdb oauth2 {{
  mechanisms_filter = xoauth2 oauthbearer
}}
userdb static {{
  fields {{
    uid = {owner}
    gid = {group}
    home = {dir}/mail/%{{user}}
  }}
}}
"#,
        good = certificate(GOOD),
        tokens = oauth::introspection()
    )
}

pub fn id(arguments: &str) -> String {
    let output = Command::new("id").args(arguments.split(' ')).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

pub fn is_root() -> bool {
    id("-u") == "0"
}

/// As root, everything runs as Dovecot's own user: mail of root's is refused.
fn as_ordinary_user() -> Command {
    let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        command.args(["--reuid=dovecot", "--regid=dovecot", "--clear-groups", "--"]);
    }
    command
}

fn binary() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join("dovecot"))
        .find(|binary| binary.is_file())
        .expect("no dovecot in PATH or /usr/sbin; try: apt install dovecot-imapd")
}
