//! The least that a client can do: ask for every body and drop it. Nothing that keeps mail can be faster.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Reads all bodies of INBOX and returns their number.
pub fn drain(port: u16, ca: Option<&str>) -> Result<u64> {
    let tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match ca {
        None => Box::new(tcp),
        Some(file) => {
            let ca = native_tls::Certificate::from_pem(&std::fs::read(file)?)?;
            Box::new(native_tls::TlsConnector::builder().add_root_certificate(ca).build()?.connect("localhost", tcp)?)
        }
    };
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    command(&mut stream, "a LOGIN bench secret")?;
    command(&mut stream, "b SELECT INBOX")?;
    let bodies = command(&mut stream, "c UID FETCH 1:* (UID BODY.PEEK[])")?;
    command(&mut stream, "d LOGOUT")?;
    Ok(bodies)
}

/// Sends a command, drops its answer, and returns how many literals that had.
fn command(stream: &mut BufReader<Box<dyn Stream>>, command: &str) -> Result<u64> {
    let tag = command.get(..2).context("no tag")?;
    stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
    stream.get_mut().flush()?;
    let mut line = Vec::new();
    let mut literals = 0;
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line)? == 0 {
            bail!("the server closed the connection during {command}");
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(rest) = text.strip_prefix(tag) {
            return if rest.starts_with("OK") { Ok(literals) } else { bail!("{command}: {text}") };
        }
        if let Some((_, length)) = text.trim_end().strip_suffix('}').and_then(|text| text.rsplit_once('{')) {
            let mut left: usize = length.parse()?;
            literals += 1;
            while left > 0 {
                let available = stream.fill_buf()?.len().min(left);
                if available == 0 {
                    bail!("the server closed the connection inside a message");
                }
                stream.consume(available);
                left -= available;
            }
        }
    }
}
