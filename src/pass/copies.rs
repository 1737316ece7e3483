//! Copies of what was sent, into the Sent mailboxes of the accounts that ask for them (SEND-7). Each is looked for before it is
//! put there: neither a server that files by itself nor an answer that was lost makes a second one. What fails is tried again
//! with growing pauses for five days; the message itself was sent, whatever becomes of its copy.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};

use super::effects::{LONGEST_PAUSE, pause};
use super::fetch::{Connection, SecretOf, server_for};
use super::{Stop, crew};
use crate::fault::{Class, Fault, Reach, contain, one_line, step};
use crate::mailbox::{Appended, Session};
use crate::store::account::{self, Account};
use crate::store::copy::{self, Claimed};
use crate::store::{Store, raw, sending};
use crate::words::AccountId;

/// How long a claim outlasts the time limit of its account, in seconds.
const MARGIN: i64 = 60;

/// How long a copy is tried, in seconds.
const GIVE_UP: i64 = 5 * 86_400;

/// What a pass is run with.
pub struct Setting<'a> {
    pub database: &'a str,
    /// Seconds since 1970 UTC.
    pub now: &'a (dyn Fn() -> i64 + Sync),
    pub secret_of: &'a SecretOf<'a>,
    pub stop: &'a Stop,
    pub workers: usize,
    pub connection: Connection,
}

/// A copy that is not where it should be.
pub struct Failure {
    pub error: Error,
    /// Whether it should be said now: at once, then hourly, once for an account.
    pub say: bool,
}

/// Files what is due, account by account, over one connection each.
pub fn run(setting: &Setting<'_>) -> Result<Vec<Failure>> {
    let mut store = Store::open(setting.database)?;
    let accounts = copy::due_accounts(store.connection(), (setting.now)())?;
    drop(store);
    let failures = Mutex::new(Vec::new());
    crew::each(setting.workers, accounts, &|| (), &|(), id| {
        let mut failed = Vec::new();
        let error = match contain(|| visit(setting, id, &mut failed)) {
            Ok(outcome) => outcome.err(),
            Err(panicked) => Some(anyhow!(panicked).context(format!("account {id}: its Sent mailbox"))),
        };
        failed.extend(error.map(|error| Failure { error, say: true }));
        failures.lock().unwrap_or_else(PoisonError::into_inner).extend(failed);
    });
    Ok(failures.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One account's turn.
struct AccountTurn<'a> {
    setting: &'a Setting<'a>,
    store: Store,
    account: Account,
    /// The mailbox that a person named; else the server is asked.
    named: Option<String>,
    deadline: Instant,
    open: Option<(Session, String)>,
}

/// How one copy failed.
enum Trouble {
    /// The server will not have this one.
    Message(Error),
    /// None of the account's can be filed.
    Account(Error),
}

fn visit(setting: &Setting<'_>, id: AccountId, failures: &mut Vec<Failure>) -> Result<()> {
    let mut store = Store::open(setting.database)?;
    let account = account::find(store.connection(), &id.to_string())?;
    let named = sending::of(store.connection(), id)?.settings.sent_mailbox;
    let deadline = Instant::now() + Duration::from_secs(u64::try_from(account.fetching.max_seconds).unwrap_or_default());
    let lease = account.fetching.max_seconds + i64::try_from(setting.connection.terms.read_timeout.as_secs())? + MARGIN;
    let mut turn = AccountTurn { setting, store, account, named, deadline, open: None };
    while Instant::now() < deadline && !setting.stop.requested() {
        let now = (setting.now)();
        let Some(claimed) = turn.store.transaction(|db| copy::claim(db, id, now, now + lease))? else { break };
        step();
        match turn.file(&claimed) {
            Ok(()) => turn.store.transaction(|db| copy::finish(db, &claimed, (setting.now)()))?,
            // It may be there or not: that is looked for the next time.
            Err(Trouble::Account(_)) if setting.stop.requested() => {
                return turn.store.transaction(|db| copy::give_back(db, &claimed, (setting.now)()));
            }
            Err(Trouble::Message(error)) => {
                let mut failure = turn.put_off(&claimed, error, false)?;
                // Once for an account.
                failure.say &= !failures.iter().any(|failure| failure.say);
                failures.push(failure);
            }
            Err(Trouble::Account(error)) => {
                failures.push(turn.put_off(&claimed, error, true)?);
                return Ok(());
            }
        }
    }
    if let Some((session, _)) = turn.open {
        session.logout();
    }
    Ok(())
}

impl AccountTurn<'_> {
    /// Puts one copy into the Sent mailbox, unless it is there.
    fn file(&mut self, claimed: &Claimed) -> Result<(), Trouble> {
        let bytes = raw::raw_of(self.store.connection(), claimed.email)
            .and_then(|bytes| bytes.context("its raw bytes are gone"))
            .map_err(Trouble::Message)?;
        if self.open.is_none() {
            self.open = Some(self.log_in().map_err(Trouble::Account)?);
        }
        let Some((session, mailbox)) = &mut self.open else {
            return Err(Trouble::Account(anyhow!("there is no session")));
        };
        if session.holds(mailbox, &claimed.message_id).map_err(Trouble::Account)? {
            log::debug!("account {}: mailbox {mailbox} has <{}> already", self.account.name, claimed.message_id);
            return Ok(());
        }
        step();
        let mut appended = session.append(mailbox, claimed.sent_at, &bytes).map_err(Trouble::Account)?;
        if is_for_reading(&appended) {
            session.examine("INBOX").map_err(Trouble::Account)?;
            appended = session.append(mailbox, claimed.sent_at, &bytes).map_err(Trouble::Account)?;
        }
        step();
        match appended {
            Appended::Done => Ok(()),
            Appended::Refused(words) => {
                let what = format!("mailbox {mailbox} does not take it: {words}");
                Err(Trouble::Message(Fault::new(Class::Unavailable, what).into()))
            }
        }
    }

    /// Logs in and finds the Sent mailbox.
    fn log_in(&self) -> Result<(Session, String)> {
        let setting = self.setting;
        let server = server_for(&self.account, setting.secret_of, &setting.connection, self.deadline, (setting.now)())?;
        let mut session = Session::open(&server)?;
        let mailbox = find(&mut session, &self.account.name, self.named.as_deref())?;
        Ok((session, mailbox))
    }

    /// Writes down when it is tried again. Where no copy of the account can be filed, the others wait as long.
    fn put_off(&mut self, claimed: &Claimed, error: Error, others_too: bool) -> Result<Failure> {
        let (now, account, email) = ((self.setting.now)(), self.account.id, claimed.email);
        let minutes = pause(claimed.attempts);
        let until = now + 60 * minutes;
        let too_old = until - GIVE_UP;
        let given_up = claimed.sent_at < too_old;
        let text = one_line(&error);
        let (is_told, others) = self.store.transaction(|db| {
            let is_told = copy::is_older_failing(db, account, email)?;
            copy::fail(db, claimed, &text, Some(until).filter(|_| !given_up))?;
            let others = if others_too { copy::postpone(db, account, &text, now, until, too_old)? } else { 0 };
            Ok((is_told, others))
        })?;
        log::info!("account {}: e-mail {email}: {text}; attempt {}", self.account.name, claimed.attempts);
        let is_time = claimed.attempts == 1 || minutes == LONGEST_PAUSE;
        let what = match others {
            _ if !given_up => "it was sent, but has no copy yet".to_string(),
            0 => "its copy is given up after five days".to_string(),
            others => format!("its copy is given up after five days, and {others} more"),
        };
        let error = error.context(format!("account {}: e-mail {email}: {what}", self.account.name));
        Ok(Failure { error, say: given_up || (is_time && !is_told) })
    }
}

/// Whether a server takes nothing into a mailbox for as long as it is open to be read, as Courier does.
fn is_for_reading(appended: &Appended) -> bool {
    matches!(appended, Appended::Refused(words) if words.to_ascii_lowercase().contains("read-only"))
}

/// Returns the Sent mailbox of an account: the one that a person named, else the one that the server calls so. It is there and
/// can be opened.
pub fn find(session: &mut Session, account: &str, named: Option<&str>) -> Result<String> {
    let hint = format!("try: espomail account set {account} --sent-mailbox MAILBOX");
    let mailbox = match named {
        Some(named) => named.to_string(),
        None => session
            .sent_mailbox()?
            .ok_or_else(|| Fault::new(Class::Config, "the server says of no mailbox that it is the Sent one").hint(&hint))?,
    };
    match session.examine(&mailbox) {
        Ok(_) => Ok(mailbox),
        Err(error) => Err(match error.downcast::<Fault>() {
            Ok(fault) if fault.reach == Reach::Mailbox => {
                let hint = format!("see: espomail account folders {account}; {hint}");
                Fault::new(Class::Config, fault.what).hint(hint).into()
            }
            Ok(fault) => fault.into(),
            Err(other) => other,
        }),
    }
}
