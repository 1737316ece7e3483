//! The least that a client can do to see that a mailbox has nothing new: come in, open it, ask for what is new and for the last message
//! that is known, and leave. The line is crossed as often as `fetch` crosses it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Result, ensure};
use base64::Engine;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

pub fn connector(ca: &str) -> Result<native_tls::TlsConnector> {
    let ca = native_tls::Certificate::from_pem(&std::fs::read(ca)?)?;
    Ok(native_tls::TlsConnector::builder().add_root_certificate(ca).build()?)
}

pub fn look(port: u16, connector: Option<&native_tls::TlsConnector>, user: &str) -> Result<()> {
    let tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match connector {
        None => Box::new(tcp),
        Some(connector) => Box::new(connector.connect("localhost", tcp)?),
    };
    let mut stream = BufReader::new(stream);
    until(&mut stream, "* OK")?;
    let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0secret"));
    let looks = "b ID NIL\r\nc EXAMINE INBOX\r\nd UID SEARCH UID 2:*\r\ne UID FETCH 1 (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\r\n";
    stream.get_mut().write_all(format!("a AUTHENTICATE PLAIN {plain}\r\n{looks}").as_bytes())?;
    until(&mut stream, "a OK")?;
    until(&mut stream, "e OK")?;
    stream.get_mut().write_all(b"f LOGOUT\r\n")?;
    Ok(())
}

fn until(stream: &mut impl BufRead, beginning: &str) -> Result<()> {
    let mut line = String::new();
    while !line.starts_with(beginning) {
        line.clear();
        ensure!(stream.read_line(&mut line)? > 0, "the server closed the connection before {beginning}");
    }
    Ok(())
}
