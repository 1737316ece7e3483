//! Waiting for news of a mailbox that is open: by IDLE (RFC 2177), or by asking now and then where the server has none. What a server says
//! meanwhile has a budget, each of its lines an end, and whoever waits is asked again and again whether to go on.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;
use imap_proto::types::Status;

use super::answer;
use super::session::Session;
use super::{Trouble, answer::ending};

/// How long one IDLE lasts: servers may end what says nothing for 30 minutes.
const LONGEST: Duration = Duration::from_secs(25 * 60);
/// How often a server without IDLE is asked.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// How often whoever waits is asked whether to go on.
const SLICE: Duration = Duration::from_millis(250);
/// How long a line may take once it has begun.
const LINE: Duration = Duration::from_secs(3);
/// The bytes that a server may say in one IDLE: more is no news.
const BUDGET: u64 = 64 << 10;
/// An IDLE that the server ends sooner than this was none.
const SHORTEST: Duration = Duration::from_secs(10);

/// How one wait ended.
enum Ended {
    News,
    /// It is to be begun anew.
    Again,
    /// Whoever waits has had enough.
    Over,
    /// The server does not do this.
    Refused,
}

impl Session {
    /// Waits until the mailbox that is open has more messages than it had, or until then, or until `stop` says so. Returns whether there
    /// are more. The session is over afterwards.
    pub fn await_news(mut self, until: Instant, stop: &dyn Fn() -> bool) -> Result<bool> {
        if self.has_news {
            self.logout();
            return Ok(true);
        }
        let mut exists = self.opened.as_ref().map_or(0, |opened| opened.exists);
        let mut by_idle = self.offers("IDLE")?;
        loop {
            let ended = if by_idle { self.idle(&mut exists, until, stop)? } else { self.ask(&mut exists, until, stop)? };
            match ended {
                Ended::News | Ended::Over => {
                    self.logout();
                    return Ok(matches!(ended, Ended::News));
                }
                Ended::Again => {}
                Ended::Refused => by_idle = false,
            }
        }
    }

    fn idle(&mut self, exists: &mut u32, until: Instant, stop: &dyn Fn() -> bool) -> Result<Ended> {
        let begun = Instant::now();
        let end = until.min(begun + LONGEST);
        self.tag += 1;
        let tag = format!("e{}", self.tag);
        self.wire.allow(BUDGET);
        self.wire.send(format!("{tag} IDLE\r\n").as_bytes()).map_err(|error| self.lost(error))?;
        let (mut has_begun, mut is_over) = (false, false);
        loop {
            let is_time = stop() || Instant::now() >= end;
            if is_time && (stop() || Instant::now() >= until) {
                // Nobody waits for the answer.
                let _ = self.wire.send(b"DONE\r\n");
                return Ok(Ended::Over);
            }
            if is_time && has_begun && !is_over {
                self.wire.send(b"DONE\r\n").map_err(|error| self.lost(error))?;
                is_over = true;
            }
            if is_time && begun.elapsed() > LONGEST + 2 * LINE {
                return Err(self.lost(io::Error::new(io::ErrorKind::TimedOut, "the server does not end IDLE")));
            }
            if !self.wire.wait(SLICE, until + SLICE).map_err(|error| self.lost(error))? {
                if !has_begun && begun.elapsed() > 10 * LINE {
                    return Err(self.lost(io::Error::new(io::ErrorKind::TimedOut, "the server does not begin IDLE")));
                }
                continue;
            }
            let line = self.line(until)?;
            if let Some(ending) = ending(&line, &tag) {
                return match ending.status {
                    Status::Ok if is_over || begun.elapsed() > SHORTEST => Ok(Ended::Again),
                    Status::Ok => Err(self.not_understood("the end of IDLE", &line)),
                    _ => Ok(Ended::Refused),
                };
            }
            if line.starts_with(b"+") {
                has_begun = true;
            } else if self.is_news(&line, exists)? {
                let _ = self.wire.send(b"DONE\r\n");
                return Ok(Ended::News);
            }
        }
    }

    /// Asks a server that has no IDLE now and then.
    fn ask(&mut self, exists: &mut u32, until: Instant, stop: &dyn Fn() -> bool) -> Result<Ended> {
        let next = Instant::now() + ASK_EVERY;
        while Instant::now() < next {
            if stop() || Instant::now() >= until {
                return Ok(Ended::Over);
            }
            std::thread::sleep(SLICE.min(until.saturating_duration_since(Instant::now())));
        }
        self.wire.allow_time(10 * LINE, until).map_err(|error| self.lost(error))?;
        let mut lines = Vec::new();
        self.command("NOOP", BUDGET, &mut |line| lines.extend(answer::number(&line)))
            .map_err(|error| super::session::refused("NOOP", error))?;
        let more = lines.into_iter().any(|number| number.counts_more(exists));
        Ok(if more { Ended::News } else { Ended::Again })
    }

    /// Reads a line that has begun.
    fn line(&mut self, until: Instant) -> Result<Vec<u8>> {
        let end = (until + SLICE).min(Instant::now() + LINE);
        let line = self.wire.allow_time(LINE, end).and_then(|()| self.wire.answer(&mut |_| {}));
        line.map_err(|error| self.lost(error))
    }

    /// Whether a line says that there are more messages.
    fn is_news(&mut self, line: &[u8], exists: &mut u32) -> Result<bool> {
        if let Some(words) = answer::bye(line) {
            self.trouble = Some(Trouble::Cut);
            return Err(self.said_bye(words));
        }
        Ok(answer::number(line).is_some_and(|number| number.counts_more(exists)))
    }

    fn lost(&mut self, error: io::Error) -> anyhow::Error {
        self.trouble = Some(Trouble::Cut);
        super::session::broken(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_7_only_more_messages_are_news() {
        let mut exists = 3;
        let mut hear = |line: &str| answer::number(line.as_bytes()).is_some_and(|number| number.counts_more(&mut exists));
        let heard = ["* 3 EXISTS\r\n", "* 1 EXPUNGE\r\n", "* 2 EXISTS\r\n", "* 3 exists\r\n", "* 1 RECENT\r\n", "* x EXISTS\r\n"];
        assert_eq!(heard.map(&mut hear), [false, false, false, true, false, false]);
    }
}
