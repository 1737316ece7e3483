//! TCP in which every wait has an end: its own limit, an absolute deadline, or the wish of a person that it be over.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::stop::Stop;

pub(super) const TIME_IS_OVER: &str = "the account's time is over";
pub(super) const ASKED_TO_END: &str = "it was asked to end";

/// How often whoever waits looks whether it is to go on.
pub(super) const SLICE: Duration = Duration::from_millis(250);

/// TCP whose reads and writes end at the read limit or at the deadline, whichever comes first, or soon after a signal.
#[derive(Debug)]
pub struct Timed {
    tcp: TcpStream,
    limit: Duration,
    deadline: Instant,
    /// Nothing need come within the limit: then it is no error of the line, and whoever reads may go on later.
    is_patient: bool,
    stop: Stop,
    /// What is on its way now must not be left alone, whoever asks for the end.
    is_insistent: bool,
    /// The limit that the socket has: it is changed only near the end of a wait.
    slice: Duration,
}

impl Timed {
    pub(super) fn new(tcp: TcpStream, limit: Duration, deadline: Instant, stop: Stop) -> io::Result<Self> {
        // Commands are small and wait for their answers.
        tcp.set_nodelay(true)?;
        let (is_patient, is_insistent, slice) = (false, false, Duration::ZERO);
        Ok(Self { tcp, limit, deadline, is_patient, stop, is_insistent, slice })
    }

    /// Whether the peer is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Gives every wait from now on another limit, and the whole another end.
    pub(super) fn allow(&mut self, limit: Duration, deadline: Instant) {
        (self.limit, self.deadline) = (limit, deadline);
        (self.is_patient, self.is_insistent) = (false, false);
    }

    pub(super) fn limits(&self) -> (Duration, Instant) {
        (self.limit, self.deadline)
    }

    /// The same, for a time in which nothing need come.
    pub(super) fn be_patient(&mut self, limit: Duration, deadline: Instant) {
        self.allow(limit, deadline);
        self.is_patient = true;
    }

    /// The same, whoever asks for the end.
    pub(super) fn insist(&mut self, limit: Duration, deadline: Instant) {
        self.allow(limit, deadline);
        self.is_insistent = true;
    }

    fn wait(&mut self, mut act: impl FnMut(&mut TcpStream) -> io::Result<usize>) -> io::Result<usize> {
        let end = self.deadline.min(Instant::now() + self.limit);
        loop {
            if !self.is_insistent && self.stop.is_urgent() {
                return Err(io::Error::other(ASKED_TO_END));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.over());
            }
            self.set_slice(left.min(SLICE))?;
            match act(&mut self.tcp) {
                // With a time limit, Linux does not restart the call behind a signal's handler; and a limit shows as "would block".
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(self.over()),
                outcome => return outcome,
            }
        }
    }

    fn set_slice(&mut self, slice: Duration) -> io::Result<()> {
        if self.slice != slice {
            self.tcp.set_read_timeout(Some(slice))?;
            self.tcp.set_write_timeout(Some(slice))?;
            self.slice = slice;
        }
        Ok(())
    }

    /// A wait that is over, said as what it is.
    fn over(&self) -> io::Error {
        let is_late = Instant::now() >= self.deadline;
        if self.is_patient && !is_late {
            // The one kind that TLS can go on from.
            return io::Error::from(io::ErrorKind::WouldBlock);
        }
        io::Error::new(io::ErrorKind::TimedOut, if is_late { TIME_IS_OVER } else { "the server does not answer" })
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|tcp| tcp.read(buffer))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(|tcp| tcp.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}
