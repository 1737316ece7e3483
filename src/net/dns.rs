//! The TXT records of a name, asked of the name servers of this machine (RFC 1035): one question, one datagram, and every wait has an end.
//! What comes back is a stranger's word: it is read within its bounds, and nothing that matters hangs on it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Where the name servers stand.
const RESOLVERS: &str = "/etc/resolv.conf";
/// How many of them are asked, each for so long.
const MOST: usize = 2;
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer that is asked for (RFC 6891), in bytes; a key of 4,096 bits takes half of it.
const LARGEST: u16 = 4_096;

const TXT: u16 = 16;
const INTERNET: u16 = 1;

/// Returns the texts of a name; none where the servers say that there are none.
pub fn texts(name: &str) -> io::Result<Vec<String>> {
    let servers = std::fs::read_to_string(RESOLVERS)?;
    let servers: Vec<SocketAddr> = servers.lines().filter_map(server).take(MOST).collect();
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, format!("{RESOLVERS} names no server")));
    for server in servers {
        outcome = ask(name, server, PATIENCE);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn server(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
    Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, 53))
}

fn ask(name: &str, server: SocketAddr, patience: Duration) -> io::Result<Vec<String>> {
    let any: &str = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    // From no other address, then.
    socket.connect(server)?;
    let number = RandomState::new().build_hasher().finish().to_be_bytes();
    let question = question(name).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no name of DNS"))?;
    let id = [number[0], number[1]];
    // Asked to be followed to its end; one question, and one record that says how much is taken.
    let header = [&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 1]].concat();
    let size = LARGEST.to_be_bytes();
    let taken = [0, 0, 41, size[0], size[1], 0, 0, 0, 0, 0, 0];
    socket.send(&[&header[..], &question, &taken].concat())?;
    let (end, mut answer) = (Instant::now() + patience, vec![0; usize::from(LARGEST)]);
    loop {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut answer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "no answer"),
            _ => error,
        })?;
        let answer = &answer[..length];
        if answer.starts_with(&id) && answer.get(12..).is_some_and(|rest| repeats(rest, &question)) {
            return read(answer, 12 + question.len());
        }
        if Instant::now() >= end {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// Whether the answer repeats what was asked; letters may come back in another case.
fn repeats(rest: &[u8], question: &[u8]) -> bool {
    rest.get(..question.len()).is_some_and(|asked| asked.eq_ignore_ascii_case(question))
}

/// Writes a name and what is asked of it; none for what is no name.
fn question(name: &str) -> Option<Vec<u8>> {
    let mut question = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length) && label.is_ascii())?;
        question.push(length);
        question.extend_from_slice(label.as_bytes());
    }
    question.push(0);
    if question.len() > 255 {
        return None;
    }
    question.extend([TXT.to_be_bytes(), INTERNET.to_be_bytes()].concat());
    Some(question)
}

/// Reads the texts of an answer.
fn read(answer: &[u8], mut at: usize) -> io::Result<Vec<String>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "an answer of DNS that cannot be read");
    let word = |at: usize| Some(u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]));
    let (flags, count) = (word(2).ok_or_else(broken)?, word(6).ok_or_else(broken)?);
    match flags & 15 {
        0 => {}
        // There is no such name.
        3 => return Ok(Vec::new()),
        other => return Err(io::Error::other(format!("the name server answers with error {other}"))),
    }
    if flags & 0x8000 == 0 || flags & 0x0200 != 0 {
        return Err(broken());
    }
    let mut texts = Vec::new();
    for _ in 0..count {
        at = behind_name(answer, at).ok_or_else(broken)?;
        let (kind, class) = (word(at).ok_or_else(broken)?, word(at + 2).ok_or_else(broken)?);
        let length = usize::from(word(at + 8).ok_or_else(broken)?);
        let data = answer.get(at + 10..at + 10 + length).ok_or_else(broken)?;
        at += 10 + length;
        if (kind, class) == (TXT, INTERNET) {
            texts.push(joined(data).ok_or_else(broken)?);
        }
    }
    Ok(texts)
}

/// Where a name ends: with an empty label, or with a pointer, which nobody follows here.
fn behind_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xC0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

/// Puts the pieces of a text together.
fn joined(mut data: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let (piece, behind) = rest.split_at_checked(usize::from(*length))?;
        text.extend_from_slice(piece);
        data = behind;
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name server that answers one question with records behind it.
    fn answered(flags: [u8; 2], records: &[Vec<u8>], cut: usize) -> io::Result<Vec<String>> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        let count = u8::try_from(records.len()).expect("few");
        let records = records.concat();
        let served = std::thread::spawn(move || {
            let mut asked = vec![0; 512];
            let (length, from) = socket.recv_from(&mut asked).expect("a question");
            let question = &asked[12..length - 11];
            let answer = [&asked[..2], &flags, &[0, 1, 0, count, 0, 0, 0, 0], question, &records].concat();
            // Somebody guesses; then comes the answer.
            socket.send_to(&[&[asked[0] ^ 1][..], &answer[1..]].concat(), from).expect("it goes out");
            socket.send_to(&answer[..answer.len() - cut], from).expect("it goes out");
        });
        let texts = ask("desk._domainkey.Example.com", address, Duration::from_secs(5));
        served.join().expect("it ends");
        texts
    }

    fn record(kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).expect("short").to_be_bytes();
        [&[0xC0, 12, 0, kind, 0, 1, 0, 0, 0, 9][..], &length, data].concat()
    }

    #[test]
    fn texts_of_a_name_are_read_within_their_bounds() {
        let alias = record(5, b"\x05other\x00");
        let text = record(16, b"\x09v=DKIM1; \x05p=abc");
        let found = answered([0x81, 0x80], &[alias.clone(), text.clone()], 0).expect("it is read");
        assert_eq!(found, ["v=DKIM1; p=abc"]);
        assert_eq!(answered([0x81, 0x83], &[], 0).expect("there is none"), [""; 0]);
        assert_eq!(answered([0x81, 0x80], &[alias], 0).expect("there is none"), [""; 0]);
        // Refused, too large, no answer, cut off, and a piece that is longer than its record.
        for (flags, records, cut) in [
            ([0x81, 0x85], vec![], 0),
            ([0x83, 0x80], vec![text.clone()], 0),
            ([0x01, 0x80], vec![text.clone()], 0),
            ([0x81, 0x80], vec![text.clone()], 1),
            ([0x81, 0x80], vec![record(16, b"\xFFshort")], 0),
        ] {
            assert!(answered(flags, &records, cut).is_err(), "{flags:?} {records:?}");
        }
        assert_eq!((question("a..b"), question(&"x".repeat(64)), question(&"ab.".repeat(90))), (None, None, None));
        assert_eq!((server("nameserver 9.9.9.9 # x"), server("options rotate")), ("9.9.9.9:53".parse().ok(), None));
    }
}
