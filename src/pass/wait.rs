//! `fetch --wait`: after the pass a connection stays with each account, and new mail is fetched when its server tells of it. A lease is taken
//! for the fetching alone, so that other passes do their work meanwhile; whoever comes second leaves the account alone, as ever.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::fetch::{AccountReport, End, LEASE_SECONDS, Setting, due, server_for, work};
use super::heartbeat::Heartbeat;
use super::index;
use super::memory::Memory;
use super::restored;
use crate::fault::contain;
use crate::mailbox::Session;
use crate::store::account::{self, Account};
use crate::store::{Store, position};
use crate::words::AccountId;

/// How often accounts are polled for which there is no connection left, and how often it is looked whether others were changed.
const POLL_EVERY: Duration = Duration::from_secs(60);
/// How often whoever waits looks whether to go on.
const SLICE: Duration = Duration::from_millis(250);
/// How long a server may take for an answer before somebody can wait.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);
/// The longest pause after news that brought nothing.
const LONGEST_PAUSE: u64 = 60;

/// One wait.
struct Wait<'a> {
    setting: &'a Setting<'a>,
    end: End,
    memory: Memory,
    heartbeat: Heartbeat,
    /// How many accounts may be fetched side by side now.
    free: Mutex<usize>,
    returned: Condvar,
    tell: &'a (dyn Fn(AccountReport) + Sync),
}

/// Waits for news of the named accounts, or of all that are due, until the end. What comes of it is told at once. Returns sooner where there is
/// nothing to wait for.
pub fn wait(
    setting: &Setting<'_>,
    named: &[String],
    connections: usize,
    end: End,
    tell: &(dyn Fn(AccountReport) + Sync),
) -> Result<()> {
    let mut store = Store::open(setting.database)?;
    let mut watched: Vec<AccountId> = due(setting, &mut store, named)?.into_iter().map(|account| account.id).collect();
    drop(store);
    let others = watched.split_off(connections.min(watched.len()));
    let wait = Wait {
        setting,
        end,
        memory: Memory::new(setting.memory_bytes),
        heartbeat: Heartbeat::default(),
        free: Mutex::new(setting.workers.max(1)),
        returned: Condvar::new(),
        tell,
    };
    let done = std::thread::scope(|scope| {
        scope.spawn(|| wait.heartbeat.run(setting.database, LEASE_SECONDS, setting.now));
        let done = contain(|| {
            std::thread::scope(|scope| {
                for id in &watched {
                    scope.spawn(|| wait.watch(*id));
                }
                if !others.is_empty() {
                    scope.spawn(|| wait.poll_others(others.clone()));
                }
            });
        });
        wait.heartbeat.end();
        done
    });
    done.map_err(anyhow::Error::new)
}

impl Wait<'_> {
    fn is_over(&self) -> bool {
        self.setting.is_ending()
    }

    /// Waits for news of one account, and fetches it then. Neither a server that tells of news without end nor one that lets nobody wait
    /// keeps us busy: each time that nothing comes of it, the next pause is longer.
    fn watch(&self, id: AccountId) {
        let mut vain = 0_u32;
        while !self.is_over() {
            let account = match self.find(id) {
                Ok(Some(account)) => account,
                Ok(None) => return,
                Err(error) => return log::warn!("account {id}: it is not waited for: {error:#}"),
            };
            let heard = contain(|| self.hear(&account)).unwrap_or_else(|panicked| Err(anyhow!(panicked)));
            match heard {
                Ok(true) => {}
                Ok(false) => continue,
                // What is wrong with the server is said by the poll, as ever.
                Err(error) => log::info!("account {}: waiting for news: {error:#}", account.name),
            }
            let Some(is_vain) = self.poll(&account) else { return };
            vain = if is_vain { vain.saturating_add(1) } else { 0 };
            if vain > 0 {
                self.pause(Duration::from_secs((1_u64 << (vain - 1).min(6)).min(LONGEST_PAUSE)));
            }
        }
    }

    /// Polls in turn what there is no connection for.
    fn poll_others(&self, mut ids: Vec<AccountId>) {
        while !ids.is_empty() {
            self.pause(POLL_EVERY);
            ids.retain(|id| {
                if self.is_over() {
                    return false;
                }
                match self.find(*id) {
                    Ok(Some(account)) => self.poll(&account).is_some(),
                    Ok(None) => false,
                    Err(error) => {
                        log::warn!("account {id}: it is not polled: {error:#}");
                        false
                    }
                }
            });
        }
    }

    /// The account as it is now; none when it is gone or was switched off.
    fn find(&self, id: AccountId) -> Result<Option<Account>> {
        account::current(Store::open(self.setting.database)?.connection(), id, self.setting.named)
    }

    /// Waits until there is something to read in the first mailbox; false when the time is over, or the account is not what it was.
    fn hear(&self, account: &Account) -> Result<bool> {
        let setting = self.setting;
        let mailbox = account.mailboxes.first().context("it has no mailbox")?;
        // Nothing is in hand: whoever is asked to end does not wait long for a server that stalls.
        let mut connection = setting.connection.clone();
        connection.terms.connect_timeout = connection.terms.connect_timeout.min(LONGEST_ANSWER);
        connection.terms.read_timeout = connection.terms.read_timeout.min(LONGEST_ANSWER);
        let server = server_for(account, setting.secret_of, &connection, self.end.is_over, (setting.now)())?;
        let mut session = Session::open(&server)?;
        let opened = session.examine(mailbox)?;
        let mut store = Store::open(setting.database)?;
        let known = position::position(store.connection(), account.id, mailbox, i64::from(opened.uidvalidity))?;
        drop(store);
        let Some(known) = known else { return Ok(true) };
        // What came since the last poll is told by nobody any more.
        let last = u32::try_from(known.last_uid).context("the stored position is no UID")?;
        if !session.uids_above(last)?.is_empty() {
            session.logout();
            return Ok(true);
        }
        session.await_news(self.end.begins_nothing, end_of_hearing(setting, account))
    }

    /// Fetches an account as a pass does, and tells what came of it. Returns whether nothing did; none when the time is over, or when the
    /// account rests longer than there is time.
    fn poll(&self, account: &Account) -> Option<bool> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            if self.is_over() {
                return None;
            }
            (free, _) = self.returned.wait_timeout(free, SLICE).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let (mut noticed, begun) = (None, Instant::now());
        let report = if self.is_over() {
            None
        } else {
            noticed = self.notice();
            let mut store = None;
            let report = work(self.setting, self.setting.workers, &mut store, account, &self.memory, &self.heartbeat);
            if let (Some(store), Some(report)) = (&mut store, &report)
                && !report.tally.is_empty()
            {
                index::follow(store, begun, &|| self.is_over());
            }
            report
        };
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.returned.notify_one();
        let report = report?;
        let is_vain = report.tally.is_empty();
        // It rests, as it would between passes (FETCH-10), and is polled as they would where it does not.
        let rest = (!report.faults.is_empty()).then(|| report.rest(account.state.failures));
        (self.tell)(report.after(noticed));
        if let Some(rest) = rest {
            self.pause(Duration::from_secs(u64::try_from(rest).unwrap_or_default()).max(POLL_EVERY));
        }
        (!self.is_over()).then_some(is_vain)
    }

    /// SEND-12: a database may be put back from a copy while we wait.
    fn notice(&self) -> Option<anyhow::Error> {
        let setting = self.setting;
        let noticed = Store::open(setting.database)
            .and_then(|mut store| restored::notice(&mut store, &setting.beside, None, (setting.now)()));
        noticed.unwrap_or_else(Some)
    }

    fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.is_over() {
            std::thread::sleep(SLICE.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

/// Says whether nobody listens any more: somebody asked for the end, or the account was changed, switched off or removed meanwhile.
fn end_of_hearing(setting: &Setting<'_>, account: &Account) -> impl Fn() -> bool + use<> {
    let (stop, database, is_named) = (setting.stop.clone(), setting.database.to_string(), setting.named);
    let (id, settings) = (account.id, account.settings.clone());
    let (looked, is_other) = (Cell::new(Instant::now()), Cell::new(false));
    move || {
        if looked.get().elapsed() >= POLL_EVERY {
            looked.set(Instant::now());
            let now = Store::open(&database).and_then(|mut store| account::current(store.connection(), id, is_named));
            is_other.set(now.is_ok_and(|now| now.is_none_or(|now| now.settings != settings)));
        }
        stop.requested() || is_other.get()
    }
}
