//! A connection in which every wait has an end: TCP with a limit for each read and an absolute deadline, then TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::Result;
use native_tls::{Certificate, Protocol, TlsConnector, TlsStream};

use super::Server;
use super::session::text;
use crate::decide::host;
use crate::fault::{Class, Fault, Reach};

const TIME_IS_OVER: &str = "the account's time is over";

/// TCP whose reads and writes end at the read limit or at the deadline, whichever comes first.
#[derive(Debug)]
pub struct Timed {
    tcp: TcpStream,
    limit: Duration,
    deadline: Instant,
}

/// Clear or encrypted.
pub enum Stream {
    Clear(Timed),
    Tls(Box<TlsStream<Timed>>),
}

impl Timed {
    fn prepare(&self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, TIME_IS_OVER));
        }
        // The limit is set once; only near the deadline does it change.
        if left < self.limit {
            self.tcp.set_read_timeout(Some(left))?;
            self.tcp.set_write_timeout(Some(left))?;
        }
        Ok(())
    }
}

impl Timed {
    /// A limit that was reached shows as "would block": said as what it is.
    fn explained(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                let what = if Instant::now() >= self.deadline { TIME_IS_OVER } else { "the server does not answer" };
                io::Error::new(io::ErrorKind::TimedOut, what)
            }
            _ => error,
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.prepare()?;
            match self.tcp.read(buffer) {
                // With a time limit, Linux does not restart the call behind a signal's handler.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome.map_err(|error| self.explained(error)),
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.prepare()?;
            match self.tcp.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome.map_err(|error| self.explained(error)),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
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
pub fn connect(server: &Server) -> Result<Timed> {
    let unavailable = |what: String| Fault::new(Class::Unavailable, what).reach(Reach::Account);
    let place = format!("{}:{}", server.host, server.port);
    if Instant::now() >= server.deadline {
        return Err(unavailable(TIME_IS_OVER.to_string()).into());
    }
    let addresses = look_up(server).map_err(|error| unavailable(format!("the host {} cannot be found: {error}", server.host)))?;
    let mut last = None;
    for address in may_connect(server, addresses)? {
        let left = server.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, server.connect_timeout.min(left)) {
            Ok(tcp) => {
                // Commands are small and wait for their answers.
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(server.read_timeout))?;
                tcp.set_write_timeout(Some(server.read_timeout))?;
                return Ok(Timed { tcp, limit: server.read_timeout, deadline: server.deadline });
            }
            Err(error) => last = Some(error),
        }
    }
    let cause = last.map_or_else(|| "it has no address".to_string(), |error| error.to_string());
    Err(unavailable(format!("cannot connect to {place}: {cause}")).into())
}

/// ACCESS-3: judges addresses, not names: what a name resolves to is chosen by whoever owns it, and may change.
fn may_connect(server: &Server, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>> {
    let Some(listed) = server.internal_hosts.as_ref().filter(|listed| !host::is_listed(listed, &server.host)) else {
        return Ok(addresses);
    };
    let (internal, public): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| {
        let address = address.ip();
        host::is_internal(address) && !host::is_listed(listed, &address.to_string())
    });
    match internal.first() {
        Some(_) if public.is_empty() => {
            // Which address it is would tell about the network.
            let what = format!("{} is internal, and a personal account's server must not be", server.host);
            let hint = "an administrator can list it in security.internal-hosts";
            Err(Fault::new(Class::Refused, what).reach(Reach::Account).hint(hint).into())
        }
        _ => Ok(public),
    }
}

/// The system's resolver has no time limit: it works in a thread that is left behind when it takes too long.
fn look_up(server: &Server) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let place = (server.host.clone(), server.port);
    std::thread::Builder::new().name("resolver".to_string()).spawn(move || {
        // Nobody listens any more when it was too late.
        let _ = sender.send((place.0.as_str(), place.1).to_socket_addrs().map(Iterator::collect));
    })?;
    let left = server.deadline.saturating_duration_since(Instant::now());
    receiver
        .recv_timeout(server.connect_timeout.min(left))
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the name server does not answer")))
}

/// Whether the peer is this machine.
pub fn is_loopback(tcp: &Timed) -> bool {
    tcp.tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// Puts TLS on a connection; the certificate must be trusted, current and the host's.
pub fn encrypt(server: &Server, tcp: Timed) -> Result<Stream> {
    let mut builder = TlsConnector::builder();
    // RFC 8996: nothing older is to be spoken.
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(path) = &server.ca_file {
        let file = path.display();
        let bad = |what: String| Fault::new(Class::Config, what).reach(Reach::Account).hint("check the account's --ca-file");
        let pem = std::fs::read(path).map_err(|error| bad(format!("cannot read the CA file {file}: {error}")))?;
        for certificate in pem_blocks(&pem) {
            let certificate = Certificate::from_pem(&certificate)
                .map_err(|error| bad(format!("the CA file {file} has no certificate: {error}")))?;
            builder.add_root_certificate(certificate);
        }
    }
    let connector = builder.build()?;
    match connector.connect(&server.host, tcp) {
        Ok(tls) => Ok(Stream::Tls(Box::new(tls))),
        Err(error) => Err(failed_handshake(server, &error)),
    }
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
fn failed_handshake(server: &Server, error: &native_tls::HandshakeError<Timed>) -> anyhow::Error {
    let place = format!("{}:{}", server.host, server.port);
    let cause = match error {
        native_tls::HandshakeError::Failure(error) => {
            std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>())
        }
        native_tls::HandshakeError::WouldBlock(_) => None,
    };
    let error = error.to_string();
    if cause.is_some() || error.contains("unexpected EOF") {
        let cause = cause.map_or_else(|| "the connection was cut".to_string(), ToString::to_string);
        return Fault::new(Class::Unavailable, format!("TLS with {place} failed: {cause}")).reach(Reach::Account).into();
    }
    let known = [
        ("certificate has expired", "its certificate has expired", "the server's administrator must renew it"),
        ("certificate is not yet valid", "its certificate is not valid yet", "check the clocks of both machines"),
        (
            "ostname mismatch",
            "its certificate is for another host name",
            "use the name the certificate was made for as --imap-host",
        ),
        (
            "IP address mismatch",
            "its certificate is for another host name",
            "use the name the certificate was made for as --imap-host",
        ),
        ("self-signed certificate", "its certificate is not signed by a known authority", "name the authority with --ca-file"),
        ("self signed certificate", "its certificate is not signed by a known authority", "name the authority with --ca-file"),
        ("unable to get local issuer", "its certificate is not signed by a known authority", "name the authority with --ca-file"),
    ];
    let (what, hint) = known.iter().find(|(sign, ..)| error.contains(sign)).map_or_else(
        || (text(error.as_bytes()), "check host, port and --imap-security"),
        |(_, what, hint)| ((*what).to_string(), *hint),
    );
    Fault::new(Class::Refused, format!("TLS with {place} failed: {what}")).reach(Reach::Account).hint(hint).into()
}
