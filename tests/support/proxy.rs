//! A fault proxy: a TCP relay to a server on this machine that passes bytes on until it is told to do harm, in either
//! direction, at a byte of choice.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// What is done to one direction of every connection.
#[derive(Debug, Clone, Copy)]
pub enum Harm {
    /// Nothing.
    Pass,
    /// After so many bytes, none is passed on any more; the connection stays open.
    Stall(usize),
    /// After so many bytes, both ends are reset.
    Reset(usize),
    /// After so many bytes, the direction is ended in order, as by a server that goes away.
    Finish(usize),
    /// After so many bytes, each byte comes alone, after a pause.
    Trickle(usize, Duration),
    /// The byte with this number, from 0, has all its bits turned.
    Corrupt(usize),
}

/// A running proxy.
pub struct Proxy {
    pub port: u16,
}

impl Proxy {
    /// Starts a proxy to a port of 127.0.0.1, with what is done to the client's bytes and to the server's.
    pub fn start(server: u16, to_server: Harm, to_client: Harm) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else { return };
                for (from, to, harm) in [(&client, &server, to_server), (&server, &client, to_client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    // Either end may go at any time: errors end the direction, no more.
                    std::thread::spawn(move || drop(relay(from, to, harm)));
                }
            }
        });
        Self { port }
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream, harm: Harm) -> std::io::Result<()> {
    to.set_nodelay(true)?;
    let mut passed = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        let bytes = &mut buffer[..length];
        // How many of these bytes stand before the place of the harm.
        let before = |at: usize| at.saturating_sub(passed).min(length);
        match harm {
            Harm::Pass => to.write_all(bytes)?,
            Harm::Stall(at) => to.write_all(&bytes[..before(at)])?,
            Harm::Reset(at) => {
                to.write_all(&bytes[..before(at)])?;
                if passed + length > at {
                    return reset(&from, &to);
                }
            }
            Harm::Finish(at) => {
                to.write_all(&bytes[..before(at)])?;
                if passed + length > at {
                    return to.shutdown(Shutdown::Write);
                }
            }
            Harm::Trickle(at, pause) => {
                to.write_all(&bytes[..before(at)])?;
                for byte in &bytes[before(at)..] {
                    std::thread::sleep(pause);
                    to.write_all(&[*byte])?;
                }
            }
            Harm::Corrupt(at) => {
                if let Some(byte) = at.checked_sub(passed).and_then(|at| bytes.get_mut(at)) {
                    *byte = !*byte;
                }
                to.write_all(bytes)?;
            }
        }
        passed += length;
    }
}

/// Closing with a linger of zero sends RST. What was written before is given a moment to arrive, since RST overtakes it.
fn reset(from: &TcpStream, to: &TcpStream) -> std::io::Result<()> {
    std::thread::sleep(Duration::from_millis(100));
    for end in [from, to] {
        rustix::net::sockopt::set_socket_linger(end, Some(Duration::ZERO))?;
    }
    // The other direction holds clones of both: only a shutdown wakes it, so that the last handle closes.
    from.shutdown(Shutdown::Read)?;
    to.shutdown(Shutdown::Read)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Instant;

    use super::*;

    /// A server that repeats what it hears, behind a proxy that harms what it says.
    fn through(to_client: Harm) -> TcpStream {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut ear, _) = listener.accept().unwrap();
            let mut mouth = ear.try_clone().unwrap();
            drop(std::io::copy(&mut ear, &mut mouth));
        });
        let proxy = Proxy::start(port, Harm::Pass, to_client);
        let client = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        client
    }

    fn send_and_read(to_client: Harm) -> (Vec<u8>, std::io::Result<usize>) {
        let mut client = through(to_client);
        client.write_all(b"0123456789").unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 10];
        loop {
            match client.read(&mut buffer) {
                Ok(length) if length > 0 => heard.extend_from_slice(&buffer[..length]),
                end => return (heard, end),
            }
        }
    }

    #[test]
    fn each_harm_is_done_at_its_byte() {
        let (heard, end) = send_and_read(Harm::Pass);
        assert_eq!((heard.as_slice(), end.unwrap_err().kind()), (&b"0123456789"[..], ErrorKind::WouldBlock));
        let (heard, end) = send_and_read(Harm::Stall(4));
        assert_eq!((heard.as_slice(), end.unwrap_err().kind()), (&b"0123"[..], ErrorKind::WouldBlock));
        let (heard, end) = send_and_read(Harm::Finish(4));
        assert_eq!((heard.as_slice(), end.unwrap()), (&b"0123"[..], 0));
        let (heard, end) = send_and_read(Harm::Reset(4));
        assert_eq!((heard.as_slice(), end.unwrap_err().kind()), (&b"0123"[..], ErrorKind::ConnectionReset));
        let (heard, _) = send_and_read(Harm::Corrupt(4));
        assert_eq!(heard, b"0123\xCB56789");
    }

    #[test]
    fn a_trickle_takes_its_time() {
        let started = Instant::now();
        let mut client = through(Harm::Trickle(4, Duration::from_millis(20)));
        client.write_all(b"0123456789").unwrap();
        let mut heard = [0; 10];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"0123456789");
        assert!(started.elapsed() >= Duration::from_millis(6 * 20));
    }
}
