//! A line that takes its time: bytes go through it unchanged, each half of the delay later.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Starts a line to a port of this machine; returns the port where it begins.
pub fn start(to: u16, delay: Duration) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // To connect takes as long as everything else does.
                std::thread::sleep(delay);
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { return };
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { return };
                pass_on(near, far, delay / 2);
                pass_on(far_too, near_too, delay / 2);
            });
        }
    });
    Ok(port)
}

/// Reads on one thread and writes on another, so that what comes meanwhile is not later than it should be.
fn pass_on(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let _ = to.set_nodelay(true);
    let (sender, receiver) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut chunk = [0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut chunk) {
            if sender.send((Instant::now() + delay, chunk[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
