//! Ports that nobody else takes. The system gives numbers of its ephemeral range to whoever asks for any, so a port of that range
//! that was let go of may be another's when a server wants it. These are from below, and each is claimed until the tests end.

use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Below what Linux gives by itself (net.ipv4.ip_local_port_range begins at 32768).
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Where a port is claimed: on a loopback address that no server listens on, which other test runs look at, too.
const CLAIMS: &str = "127.77.0.1";

static CLAIMED: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// Claims ports, and returns them.
pub fn free_ports<const N: usize>() -> [u16; N] {
    std::array::from_fn(|_| free_port())
}

/// Claims a port. Until a server is told to, nobody listens on it.
pub fn free_port() -> u16 {
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    // Runs that begin at once begin at different places.
    let start = u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start)).unwrap();
    for offset in 0..PORTS.end - PORTS.start {
        let port = PORTS.start + (start + offset) % (PORTS.end - PORTS.start);
        let Ok(claim) = TcpListener::bind((CLAIMS, port)) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            claimed.push(claim);
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}

#[test]
fn a_port_is_given_once_and_nobody_listens_on_it() {
    let [one, two] = free_ports();
    assert!(one != two && TcpListener::bind((CLAIMS, one)).is_err());
    assert!(std::net::TcpStream::connect(("127.0.0.1", two)).is_err());
}
