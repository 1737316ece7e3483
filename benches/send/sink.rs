//! An SMTP server that takes everything at once and keeps nothing but the count.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

pub struct Sink {
    pub port: u16,
    taken: Arc<AtomicU64>,
}

impl Sink {
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&taken);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                // A client that hangs up ends its dialogue, no more.
                std::thread::spawn(move || drop(serve(connection, &counted)));
            }
        });
        Ok(Self { port, taken })
    }

    /// Returns how many messages came since the last time.
    pub fn taken(&self) -> u64 {
        self.taken.swap(0, Ordering::SeqCst)
    }
}

fn serve(connection: TcpStream, taken: &AtomicU64) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut mouth = connection.try_clone()?;
    let mut ears = BufReader::with_capacity(64 << 10, connection);
    mouth.write_all(b"220 sink ESMTP\r\n")?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if ears.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            b"EHLO" | b"ehlo" => b"250-sink\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n",
            b"DATA" | b"data" => {
                mouth.write_all(b"354 go ahead\r\n")?;
                while line != b".\r\n" {
                    line.clear();
                    if ears.read_until(b'\n', &mut line)? == 0 {
                        return Ok(());
                    }
                }
                taken.fetch_add(1, Ordering::SeqCst);
                b"250 taken\r\n"
            }
            b"QUIT" | b"quit" => return mouth.write_all(b"221 bye\r\n"),
            _ => b"250 ok\r\n",
        };
        mouth.write_all(answer)?;
    }
}
