//! Where lines of standard error go as well: to syslog, as every daemon of its kind reads it (RFC 3164), and to the journal of systemd, with
//! fields of their own (systemd's "Native Journal Protocol"). Nobody waits for either: what it does not take at once is lost there.

use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;

use crate::mail::shorter;
use crate::whereabouts::Here;

/// The longest line, in bytes: one datagram, of which many readers take no more.
const LONGEST: usize = 8 << 10;
/// What syslog calls the mail system, as its messages count it.
const MAIL: u8 = 2 << 3;

/// Who reads along.
#[derive(Default)]
pub struct Beside {
    syslog: Option<UnixDatagram>,
    journal: Option<UnixDatagram>,
}

static BESIDE: OnceLock<Beside> = OnceLock::new();

/// Lets lines go to these sockets as well from now on. One that is not there is left out: what is said of that would go there, too.
pub fn write_to(syslog: Option<&str>, journal: Option<&str>) {
    let open = |path: &str| {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(path).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    };
    BESIDE.get_or_init(|| Beside { syslog: syslog.and_then(open), journal: journal.and_then(open) });
}

/// A line, which has no line ends in it.
pub struct Line<'a> {
    /// As syslog counts.
    pub priority: u8,
    pub target: Option<&'a str>,
    pub text: &'a str,
    pub at: Here,
}

/// Hands on a line. Says whether the journal has taken it: it need not read it once more.
pub fn hand_on(line: &Line<'_>) -> bool {
    let Some(beside) = BESIDE.get() else { return false };
    if let Some(syslog) = &beside.syslog {
        let now = jiff::Zoned::now().strftime("%b %e %H:%M:%S").to_string();
        let _ = syslog.send(for_syslog(line, &now, std::process::id()).as_bytes());
    }
    beside.journal.as_ref().is_some_and(|journal| journal.send(for_journal(line).as_bytes()).is_ok())
}

fn for_syslog(line: &Line<'_>, now: &str, process: u32) -> String {
    format!("<{}>{now} espomail[{process}]: {}", MAIL + line.priority, shorter(line.text, LONGEST))
}

/// A field a line.
fn for_journal(Line { priority, target, text, at }: &Line<'_>) -> String {
    let mut fields = format!("PRIORITY={priority}\nSYSLOG_IDENTIFIER=espomail\nSYSLOG_FACILITY={}\n", MAIL >> 3);
    let uid = at.uid.map(|uid| uid.to_string());
    let named =
        [("ACCOUNT", at.account.as_deref()), ("MAILBOX", at.mailbox.as_deref()), ("UID", uid.as_deref()), ("TARGET", *target)];
    for (name, value) in named {
        if let Some(value) = value {
            // A name with a line end in it would begin a field of its own.
            fields.push_str(&format!("ESPOMAIL_{name}={}\n", shorter(value, LONGEST).replace(char::is_control, "?")));
        }
    }
    fields + &format!("MESSAGE={}\n", shorter(text, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_datagram_whatever_stands_in_it() {
        let at = Here { uid: Some(7), ..Here::account("a").mailbox("IN\nPRIORITY=0") };
        let line = Line { priority: 3, target: None, text: &"x".repeat(9_000), at };
        let (syslog, journal) = (for_syslog(&line, "Nov 23 10:00:00", 42), for_journal(&line));
        assert!(syslog.starts_with("<19>Nov 23 10:00:00 espomail[42]: xxx") && syslog.len() < 8_300, "{syslog}");
        let lines: Vec<&str> = journal.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "PRIORITY=3",
                "SYSLOG_IDENTIFIER=espomail",
                "SYSLOG_FACILITY=2",
                "ESPOMAIL_ACCOUNT=a",
                "ESPOMAIL_MAILBOX=IN?PRIORITY=0"
            ]
        );
        assert!(lines[5] == "ESPOMAIL_UID=7" && lines[6].starts_with("MESSAGE=xx") && lines.len() == 7, "{journal}");
    }
}
