//! Connections to mail servers in which every wait has an end: TCP with a limit for each read and an absolute deadline, then
//! TLS with a certificate that must be trusted, current and the host's. As whom to log in stands in `login.rs`. Rooms that speak a
//! protocol stand on this.

pub(crate) mod dns;
pub(crate) mod http;
mod login;
mod stop;
mod timed;

pub use login::{Credentials, Login, Proof, Secrets, Tokens, escaped, give_up, why_refused};
pub use stop::Stop;
pub use timed::Timed;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use native_tls::{Certificate, Protocol, TlsConnector, TlsStream};

use self::timed::{ASKED_TO_END, SLICE, TIME_IS_OVER};
use crate::custody;
use crate::decide::host;
use crate::fault::{Class, Fault, Reach};
use crate::words::Security;

/// Where to connect, how, and for how long.
#[derive(Debug, Clone)]
pub struct Place {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether clear text may leave this machine.
    pub allow_plain: bool,
    /// A personal account's server must not be internal (ACCESS-3), but for these; none when it may be anywhere.
    pub internal_hosts: Option<Vec<String>>,
    pub connect_timeout: Duration,
    /// How long a single read or write may take.
    pub read_timeout: Duration,
    /// When everything must be over.
    pub deadline: Instant,
    /// Who may ask for the end sooner.
    pub stop: Stop,
    /// How people set these, for what to type next.
    pub options: Options,
}

/// The names of the options that say where to connect, and the usual ports.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    host: &'static str,
    security: &'static str,
    ca_file: &'static str,
    /// What follows `espomail account test ACCOUNT`.
    test: &'static str,
    tls_port: i64,
    clear_port: i64,
}

/// Those of a server that mail is read from.
pub const IMAP: Options =
    Options { host: "--imap-host", security: "--imap-security", ca_file: "--ca-file", test: "", tls_port: 993, clear_port: 143 };

/// Those of a server that mail is sent through.
pub const SMTP: Options = Options {
    host: "--smtp-host",
    security: "--smtp-security",
    ca_file: "--smtp-ca-file",
    test: " --smtp",
    tls_port: 465,
    clear_port: 587,
};

/// Those of a server that gives tokens, as the configuration says where it is.
pub const OAUTH: Options = Options {
    host: "the host of token-url",
    security: "an https URL:",
    ca_file: "ca-file",
    test: "",
    tls_port: 443,
    clear_port: 80,
};

/// Those of a server that keeps raw bytes, as the configuration says where it is.
pub const STORAGE: Options = Options {
    host: "the host of endpoint",
    security: "an https URL:",
    ca_file: "ca-file",
    test: "",
    tls_port: 443,
    clear_port: 80,
};

impl Options {
    /// Returns the port that servers have for such a connection.
    pub fn usual_port(self, security: Security) -> i64 {
        if security == Security::Tls { self.tls_port } else { self.clear_port }
    }
}

/// On what terms connections are made, wherever to.
#[derive(Debug, Clone)]
pub struct Terms {
    pub connect_timeout: Duration,
    pub read_timeout: Duration,
    pub allow_plain: bool,
    /// The internal servers that personal accounts may have (ACCESS-3).
    pub internal_hosts: Vec<String>,
    /// Who may ask for the end of it.
    pub stop: Stop,
}

impl Terms {
    /// Makes a place of which nothing but these terms is known.
    pub fn place(&self, is_personal: bool, deadline: Instant, options: Options) -> Place {
        Place {
            host: String::new(),
            port: 0,
            security: Security::Tls,
            ca_file: None,
            allow_plain: self.allow_plain,
            internal_hosts: is_personal.then(|| self.internal_hosts.clone()),
            connect_timeout: self.connect_timeout,
            read_timeout: self.read_timeout,
            deadline,
            stop: self.stop.clone(),
            options,
        }
    }
}

impl Place {
    /// Connects; with TLS at once where that is what was asked for. Clear text leaves this machine only where it may.
    pub fn connect(&self) -> Result<Stream> {
        let tcp = connect(self)?;
        match self.security {
            Security::Tls => encrypt(self, tcp),
            Security::Plain if !self.allow_plain && !tcp.is_loopback() => {
                let what = format!("{} is not this machine, and clear text is not allowed", self.host);
                let hint = format!("use {} tls, or set security.allow-plain", self.options.security);
                Err(Fault::new(Class::Refused, what).reach(Reach::Account).hint(hint).into())
            }
            Security::Plain | Security::Starttls => Ok(Stream::Clear(tcp)),
        }
    }

    /// Puts TLS on a connection whose server agreed to it; there is none where more came in clear text behind its answer, which
    /// would be taken for one that came through TLS.
    pub fn start_tls(&self, clear: Option<Stream>) -> Result<Stream> {
        match clear {
            Some(Stream::Clear(tcp)) => encrypt(self, tcp),
            _ => Err(self.no_tls("clear text came together with the answer to STARTTLS: somebody may be in between".to_string())),
        }
    }

    /// The connection cannot be protected as it was asked for.
    pub fn no_tls(&self, what: String) -> anyhow::Error {
        let Options { security, tls_port, .. } = self.options;
        let hint = format!("use {security} tls with port {tls_port} if the server offers it");
        Fault::new(Class::Refused, what).reach(Reach::Account).hint(hint).into()
    }
}

/// Clear or encrypted.
pub enum Stream {
    Clear(Timed),
    Tls(Box<TlsStream<Timed>>),
}

impl Stream {
    /// Gives every wait from now on another limit, and the whole another end.
    pub fn allow(&mut self, limit: Duration, deadline: Instant) {
        self.timed().allow(limit, deadline);
    }

    /// The same for a time in which nothing need come: a read that finds nothing is [`io::ErrorKind::WouldBlock`].
    pub fn be_patient(&mut self, limit: Duration, deadline: Instant) {
        self.timed().be_patient(limit, deadline);
    }

    /// The same for what must be waited for, also when somebody asks for the end.
    pub fn insist(&mut self, limit: Duration, deadline: Instant) {
        self.timed().insist(limit, deadline);
    }

    /// The limit of every wait, and the end of the whole.
    pub fn limits(&mut self) -> (Duration, Instant) {
        self.timed().limits()
    }

    fn timed(&mut self) -> &mut Timed {
        match self {
            Self::Clear(tcp) => tcp,
            Self::Tls(tls) => tls.get_mut(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// Connects to the first address that answers.
fn connect(place: &Place) -> Result<Timed> {
    let unavailable = |what: String| Fault::new(Class::Unavailable, what).reach(Reach::Account);
    let named = format!("{}:{}", place.host, place.port);
    if Instant::now() >= place.deadline {
        return Err(unavailable(TIME_IS_OVER.to_string()).into());
    }
    let addresses = look_up(place).map_err(|error| unavailable(format!("the host {} cannot be found: {error}", place.host)))?;
    let mut last = None;
    for address in may_connect(place, addresses)? {
        let left = place.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let limit = place.connect_timeout.min(left);
        match apart(place, limit, "no answer", move || TcpStream::connect_timeout(&address, limit)) {
            Ok(tcp) => return Ok(Timed::new(tcp, place.read_timeout, place.deadline, place.stop.clone())?),
            Err(error) => last = Some(error),
        }
    }
    let cause = last.map_or_else(|| "it has no address".to_string(), |error| error.to_string());
    Err(unavailable(format!("cannot connect to {named}: {cause}")).into())
}

/// ACCESS-3: judges addresses, not names: what a name resolves to is chosen by whoever owns it, and may change.
fn may_connect(place: &Place, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>> {
    let Some(listed) = place.internal_hosts.as_ref().filter(|listed| !host::is_listed(listed, &place.host)) else {
        return Ok(addresses);
    };
    let (internal, public): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| {
        let address = address.ip();
        host::is_internal(address) && !host::is_listed(listed, &address.to_string())
    });
    match internal.first() {
        Some(_) if public.is_empty() => {
            // Which address it is would tell about the network.
            let what = format!("{} is internal, and a personal account's server must not be", place.host);
            let hint = "an administrator can list it in security.internal-hosts";
            Err(Fault::new(Class::Refused, what).reach(Reach::Account).hint(hint).into())
        }
        _ => Ok(public),
    }
}

/// The system's resolver has no time limit.
fn look_up(place: &Place) -> io::Result<Vec<SocketAddr>> {
    let named = (place.host.clone(), place.port);
    let limit = place.connect_timeout.min(place.deadline.saturating_duration_since(Instant::now()));
    apart(place, limit, "the name server does not answer", move || {
        (named.0.as_str(), named.1).to_socket_addrs().map(Iterator::collect)
    })
}

/// Does what nobody can interrupt in a thread, which is left behind when it takes too long or when somebody asks for the end.
fn apart<T: Send + 'static>(
    place: &Place,
    limit: Duration,
    late: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    // What has a limit of its own says itself that it was too long.
    let end = Instant::now() + limit + SLICE;
    std::thread::Builder::new().name("connecting".to_string()).spawn(move || {
        // Nobody listens any more when it was too late.
        let _ = sender.send(work());
    })?;
    loop {
        if place.stop.is_urgent() {
            return Err(io::Error::other(ASKED_TO_END));
        }
        let left = end.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left.min(SLICE)) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, late)),
        }
    }
}

/// What connects, by the certificates that it trusts beside the system's. Those of the system are more than a hundred, and take tens
/// of milliseconds to read: once in a pass, and not for each connection.
static CONNECTORS: LazyLock<Mutex<HashMap<Option<Vec<u8>>, TlsConnector>>> = LazyLock::new(Mutex::default);

/// Puts TLS on a connection; the certificate must be trusted, current and the host's.
fn encrypt(place: &Place, tcp: Timed) -> Result<Stream> {
    let connector = match &place.ca_file {
        Some(path) => trusting(path).map_err(|fault| match fault.class {
            Class::Config => fault.reach(Reach::Account).hint(format!("check the account's {}", place.options.ca_file)),
            _ => fault.reach(Reach::Account),
        })?,
        None => connector(None)?,
    };
    match connector.connect(&place.host, tcp) {
        Ok(tls) => Ok(Stream::Tls(Box::new(tls))),
        Err(error) => Err(failed_handshake(place, &error)),
    }
}

/// Returns what trusts the certificates of a file, too; the file is read each time, as it may have changed.
fn trusting(path: &Path) -> Result<TlsConnector, Fault> {
    custody::check("the CA file", path)?;
    custody::check_free(path)?;
    let bad = |what: String| Fault::new(Class::Config, what);
    let file = path.display();
    let pem = std::fs::read(path).map_err(|error| bad(format!("cannot read the CA file {file}: {error}")))?;
    connector(Some(pem)).map_err(|error| bad(format!("the CA file {file} has no certificate: {error}")))
}

/// Makes what connects, unless there is one for these certificates already. Who comes at the same time waits, and has it then.
fn connector(pem: Option<Vec<u8>>) -> native_tls::Result<TlsConnector> {
    let mut known = CONNECTORS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connector) = known.get(&pem) {
        return Ok(connector.clone());
    }
    let mut builder = TlsConnector::builder();
    // RFC 8996: nothing older is to be spoken.
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    for certificate in pem.iter().flat_map(|pem| pem_blocks(pem)) {
        builder.add_root_certificate(Certificate::from_pem(&certificate)?);
    }
    let connector = builder.build()?;
    known.insert(pem, connector.clone());
    Ok(connector)
}

/// A CA file may hold several certificates.
fn pem_blocks(pem: &[u8]) -> Vec<Vec<u8>> {
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let mut blocks = Vec::new();
    let mut rest = pem;
    while let Some(at) = memchr::memmem::find(rest, END) {
        let (block, behind) = rest.split_at(at + END.len());
        blocks.push(block.to_vec());
        rest = behind;
    }
    if blocks.is_empty() { vec![pem.to_vec()] } else { blocks }
}

/// The line failed, or one of both sides did not like the other.
fn failed_handshake(place: &Place, error: &native_tls::HandshakeError<Timed>) -> anyhow::Error {
    let named = format!("{}:{}", place.host, place.port);
    let cause = match error {
        native_tls::HandshakeError::Failure(error) => {
            std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>())
        }
        native_tls::HandshakeError::WouldBlock(_) => None,
    };
    let error = error.to_string();
    if cause.is_some() || error.contains("unexpected EOF") {
        let cause = cause.map_or_else(|| "the connection was cut".to_string(), ToString::to_string);
        return Fault::new(Class::Unavailable, format!("TLS with {named} failed: {cause}")).reach(Reach::Account).into();
    }
    let name_it = format!("use the name the certificate was made for as {}", place.options.host);
    let trust_it = format!("name the authority with {}", place.options.ca_file);
    let other_host = "its certificate is for another host name";
    let unknown = "its certificate is not signed by a known authority";
    let renew_it = "the server's administrator must renew it".to_string();
    let set_it = "check the clocks of both machines".to_string();
    let known: [(&str, &str, String); 8] = [
        ("certificate has expired", "its certificate has expired", renew_it),
        ("certificate is not yet valid", "its certificate is not valid yet", set_it),
        ("ostname mismatch", other_host, name_it.clone()),
        ("IP address mismatch", other_host, name_it),
        (
            "wrong version number",
            "the server does not speak TLS at once on this port",
            format!("try {} starttls", place.options.security),
        ),
        ("self-signed certificate", unknown, trust_it.clone()),
        ("self signed certificate", unknown, trust_it.clone()),
        ("unable to get local issuer", unknown, trust_it),
    ];
    let (what, hint) = known.into_iter().find(|(sign, ..)| error.contains(sign)).map_or_else(
        || (text(error.as_bytes()), format!("check host, port and {}", place.options.security)),
        |(_, what, hint)| (what.to_string(), hint),
    );
    Fault::new(Class::Refused, format!("TLS with {named} failed: {what}")).reach(Reach::Account).hint(hint).into()
}

/// Makes a server's words fit for one line of ours: short, and nothing in them that a terminal would obey.
pub fn text(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    let words = String::from_utf8_lossy(bytes);
    let mut clean = String::new();
    for c in words.trim().chars().take(LONGEST) {
        match c {
            _ if c.is_control() => clean.extend(c.escape_default()),
            // Zero-width and bidirectional marks can make a line read as another.
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' => {
                clean.extend(c.escape_unicode());
            }
            _ => clean.push(c),
        }
    }
    if clean.is_empty() { "no reason given".to_string() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_16_certificates_are_read_once_and_a_file_without_any_is_refused() {
        let kept = || CONNECTORS.lock().unwrap_or_else(PoisonError::into_inner).len();
        assert!(connector(None).is_ok());
        let before = kept();
        assert!(connector(None).is_ok() && kept() == before, "there is one already");
        for nothing in ["", "no certificate"] {
            assert!(connector(Some(nothing.as_bytes().to_vec())).is_err() && kept() == before, "{nothing:?}");
        }
    }
}
