//! Waiting for news of a mailbox that is open: by IDLE (RFC 2177), or by asking now and then where the server has none. What a server says
//! meanwhile has a budget, each of its lines an end, and whoever waits is asked again and again whether to go on.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use imap::extensions::idle::WaitOutcome;

use super::guard::{LINE, Patience, SLICE};
use super::session::Session;
use super::talk::{Said, refused};

/// How long one IDLE lasts: servers may end what says nothing for 30 minutes.
const LONGEST: Duration = Duration::from_secs(25 * 60);
/// How often a server without IDLE is asked.
const ASK_EVERY: Duration = Duration::from_secs(15);
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
    pub fn await_news(mut self, until: Instant, stop: impl Fn() -> bool + 'static) -> Result<bool> {
        let stop: Rc<dyn Fn() -> bool> = Rc::new(stop);
        let has_news = self.guard.borrow().talk.has_news;
        let mut by_idle = !has_news && self.offers("IDLE")?;
        let mut ended = if has_news { Ended::News } else { Ended::Again };
        loop {
            match ended {
                Ended::News | Ended::Over => {
                    self.logout();
                    return Ok(matches!(ended, Ended::News));
                }
                Ended::Again => {}
                Ended::Refused => by_idle = false,
            }
            ended = if by_idle { self.idle(until, &stop)? } else { self.look(until, &stop)? };
        }
    }

    fn idle(&mut self, until: Instant, stop: &Rc<dyn Fn() -> bool>) -> Result<Ended> {
        let (begun, guard) = (Instant::now(), Rc::clone(&self.guard));
        let (begun_by, anew) = (begun + 10 * LINE, begun + LONGEST);
        guard.borrow_mut().patience = Some(Patience { until, begun_by, anew, stop: Rc::clone(stop) });
        let waited = self.ask(BUDGET, |imap| {
            // Of all that comes, news alone come to the crate: nobody waits for the answer then.
            imap.idle().keepalive(false).wait_while(|_| {
                guard.borrow_mut().done();
                false
            })
        });
        guard.borrow_mut().patience = None;
        match waited {
            Ok(WaitOutcome::MailboxChanged) => Ok(Ended::News),
            Ok(WaitOutcome::TimedOut) => Ok(Ended::Again),
            Err(error) if error.is::<Said>() => Ok(Ended::Refused),
            Err(_) if stop() || Instant::now() >= until => Ok(Ended::Over),
            Err(_) if guard.borrow().has_ended && begun.elapsed() > SHORTEST => Ok(Ended::Again),
            Err(error) => Err(error),
        }
    }

    /// Asks a server that has no IDLE now and then.
    fn look(&mut self, until: Instant, stop: &Rc<dyn Fn() -> bool>) -> Result<Ended> {
        let next = Instant::now() + ASK_EVERY;
        while Instant::now() < next {
            if stop() || Instant::now() >= until {
                return Ok(Ended::Over);
            }
            std::thread::sleep(SLICE.min(until.saturating_duration_since(Instant::now())));
        }
        self.guard.borrow_mut().talk.wire.allow_time(10 * LINE, until);
        self.ask(BUDGET, imap::Session::noop).map_err(|error| refused("NOOP", error))?;
        Ok(if self.guard.borrow().talk.has_news { Ended::News } else { Ended::Again })
    }
}
