//! `fetch`: accounts → mailboxes → batches. Each account is polled by one worker, under a lease, isolated from the others:
//! what hangs, refuses or breaks there ends that account (or only that mailbox) and nothing else (FETCH-10).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::afterwards::{self, Done};
use super::crew;
use super::heartbeat::Heartbeat;
use super::index;
use super::mailbox::{Limits, Poll, foreseen, poll};
use super::memory::Memory;
use super::verdict::Names;
use super::witness::{Seen, Witness};
use super::{Stop, Tally, storage};
use crate::decide::Policy;
use crate::decide::failure::back_off_minutes;
use crate::fault::{Class, Fault, Reach, class_of, contain, one_line, reach_of, sameness, step};
use crate::mailbox::{Server, Session, Trouble};
use crate::net::{self, Login, Place, Proof, Terms, Tokens};
use crate::secret::Secret;
use crate::store::account::{self, Account, Resting};
use crate::store::generation::Beside;
use crate::store::grant::Granted;
use crate::store::lease::{self, Lease};
use crate::store::{Store, attempt, classify, farewell, nobody, search, state};
use crate::whereabouts::{self, Here};
use crate::words::{AccountKind, Auth};

/// How long a lease lasts without a heartbeat, in seconds.
pub(super) const LEASE_SECONDS: i64 = 120;

/// Gives what proves that we may read an account; behind a token that its server has just refused another one, where there is one.
pub type SecretOf<'a> = dyn Fn(&Account, Option<&Secret>) -> Result<Option<Secret>> + Sync + 'a;

/// What a pass is run with.
pub struct Setting<'a> {
    pub database: &'a str,
    /// Who takes the leases: host, process and a number of its own.
    pub owner: &'a str,
    /// Whether the owner of a lease is known to be dead, so that it need not run out.
    pub is_dead: &'a (dyn Fn(&str) -> bool + Sync),
    /// Seconds since 1970 UTC.
    pub now: &'a (dyn Fn() -> i64 + Sync),
    pub secret_of: &'a SecretOf<'a>,
    pub stop: &'a Stop,
    pub policy: Policy,
    /// Where this host writes down what it sent (SEND-12).
    pub beside: Beside,
    pub workers: usize,
    pub memory_bytes: u64,
    pub batch_messages: usize,
    pub connection: Connection,
    /// Messages per mailbox (`--limit`).
    pub limit: Option<usize>,
    /// The end of a pass that waits for news.
    pub end: Option<End>,
    /// A person named the accounts: a failure is said, however often it was said before.
    pub named: bool,
}

/// When a pass ends that was given a time.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// Nothing is begun after this, so that what is begun can end in time.
    pub begins_nothing: Instant,
    /// Everything is over then, whatever a server does.
    pub is_over: Instant,
}

impl Setting<'_> {
    /// Whether nothing is to be begun any more.
    pub(super) fn is_ending(&self) -> bool {
        self.stop.requested() || self.end.is_some_and(|end| Instant::now() >= end.begins_nothing)
    }

    /// Whether an error is no failure: nothing is waited for any more, as somebody asked for the end.
    pub(super) fn is_cut_short(&self, error: &anyhow::Error) -> bool {
        self.stop.requested() && class_of(error) == Class::Unavailable
    }
}

/// How connections are made.
#[derive(Debug, Clone)]
pub struct Connection {
    pub terms: Terms,
    /// The bytes of a batch; the answer to a fetch may have them, or those of the largest message, and some more.
    pub batch_bytes: u64,
}

/// What became of one account.
pub struct AccountReport {
    pub account: String,
    pub tally: Tally,
    pub faults: Vec<anyhow::Error>,
    /// Whether the faults should be said now: at once, then hourly.
    pub say: bool,
    /// It had been failing and works again.
    pub recovered: bool,
    /// Another pass has the lease.
    pub busy: bool,
    /// At least one of its mailboxes was read.
    pub is_read: bool,
    /// It was left in the middle, as somebody asked for the end: it neither worked nor failed.
    pub is_cut_short: bool,
    /// It was not polled: it rests after a failure (FETCH-10).
    pub resting: Option<Resting>,
    /// What was done on its server once everything was stored (FETCH-9).
    pub afterwards: Done,
}

impl AccountReport {
    /// Something else is to be said first.
    pub(super) fn after(mut self, noticed: Option<anyhow::Error>) -> Self {
        self.say |= noticed.is_some();
        self.faults.splice(0..0, noticed);
        self
    }

    pub(super) fn new(account: &str) -> Self {
        Self {
            account: account.to_string(),
            tally: Tally::default(),
            faults: Vec::new(),
            say: false,
            recovered: false,
            busy: false,
            is_read: false,
            is_cut_short: false,
            resting: None,
            afterwards: Done::default(),
        }
    }
}

impl AccountReport {
    /// For how many seconds it rests now that it failed, and had failed so often before (FETCH-10): not at all where mailboxes alone failed,
    /// and others were read.
    pub fn rest(&self, failures_before: i64) -> i64 {
        let rests = !self.is_read || self.faults.iter().any(|fault| reach_of(fault) != Reach::Mailbox);
        if rests { 60 * back_off_minutes(failures_before) } else { 0 }
    }

    /// Whether there is nothing to tell.
    pub fn is_nothing(&self) -> bool {
        let Done { done, failures, words } = &self.afterwards;
        let did_nothing = *done == 0 && failures.is_empty() && words.is_empty();
        did_nothing && self.tally.is_empty() && self.faults.is_empty() && !self.recovered
    }
}

/// Polls the named accounts, or all that are due.
pub fn run(setting: &Setting<'_>, named: &[String]) -> Result<Vec<AccountReport>> {
    let begun = Instant::now();
    let mut store = Store::open(setting.database)?;
    farewell::carry_out(&mut store, setting.database)?;
    tell_of_nobody(&mut store, (setting.now)())?;
    // What fails does so as long as it rests, too: the exit status of each pass says so.
    let resting = if named.is_empty() { account::resting(store.connection(), (setting.now)())? } else { Vec::new() };
    let accounts = due(setting, &mut store, named)?;
    let is_behind = search::is_behind(store.connection())?;
    drop(store);
    let stores = setting.workers.min(accounts.len());
    let reports = Mutex::new(Vec::new());
    let memory = Memory::new(setting.memory_bytes);
    let heartbeat = Heartbeat::default();
    let done = std::thread::scope(|scope| {
        scope.spawn(|| heartbeat.run(setting.database, LEASE_SECONDS, setting.now));
        // A worker contains its accounts' panics; one of its own is our bug and must be seen, not waited for by the heartbeat.
        let done = contain(|| {
            crew::each(setting.workers, accounts, &|| None, &|store, account| {
                if let Some(report) = work(setting, stores, store, &account, &memory, &heartbeat) {
                    reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
            });
        });
        heartbeat.end();
        done
    });
    done.map_err(anyhow::Error::new)?;
    let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.extend(resting.into_iter().map(|one| AccountReport { resting: Some(one.clone()), ..AccountReport::new(&one.name) }));
    reports.sort_by(|a: &AccountReport, b| a.account.cmp(&b.account));
    let has_news = reports.iter().any(|report| !report.tally.is_empty());
    if is_behind || has_news {
        let store = &mut Store::open(setting.database)?;
        if reports.iter().any(|report| report.tally.is_news_of_nobody()) {
            tell_of_nobody(store, (setting.now)())?;
        }
        if has_news {
            storage::tidy(store);
        }
        index::follow(store, begun, &|| setting.stop.requested());
    }
    Ok(reports)
}

/// INBOX-1: administrators hear once a day of mail that reached nobody.
pub fn tell_of_nobody(store: &mut Store, now: i64) -> Result<()> {
    if nobody::may_tell(store.connection(), now)? {
        store.transaction(|db| nobody::tell(db, now))?;
    }
    Ok(())
}

/// Polls like [`run`], in one transaction that is rolled back: nothing is stored, and each message sees what the ones before
/// it would have done (WHY-1). One account after the other; others who decide wait meanwhile.
pub fn rehearse(setting: &Setting<'_>, named: &[String]) -> Result<(Vec<AccountReport>, Vec<Seen>)> {
    let mut store = Store::open(setting.database)?;
    let accounts = due(setting, &mut store, named)?;
    for account in accounts.iter().filter(|account| account.reads_by_grant()) {
        // It may have to be renewed, which nobody can inside the transaction; what is wrong with it is said there.
        if let Err(error) = (setting.secret_of)(account, None) {
            log::debug!("account {}: {error:#}", account.name);
        }
    }
    let witness = Witness::new(Names::all(store.connection())?);
    let (memory, heartbeat) = (Memory::new(setting.memory_bytes), Heartbeat::default());
    let mut reports = Vec::new();
    store.rehearse_all(|store| {
        for account in accounts {
            let mut report = visit(setting, store, &account, &memory, &heartbeat, Some(&witness))?;
            report.say = true;
            reports.push(report);
        }
        Ok(())
    })?;
    Ok((reports, witness.tell()))
}

/// Returns the named accounts, or all that are due.
pub(super) fn due(setting: &Setting<'_>, store: &mut Store, named: &[String]) -> Result<Vec<Account>> {
    if named.is_empty() {
        return account::due(store.connection(), (setting.now)());
    }
    let left = account::left(store.connection())?;
    let fetched = |name: &String| {
        let account = account::find(store.connection(), name)?;
        match left.get(&account.id) {
            None => Ok(account),
            Some(owner) => {
                let what = format!("account {}: its owner {owner} is switched off, so it is not fetched", account.name);
                Err(Fault::new(Class::Config, what).hint(format!("try: espomail user set {owner} --active true")).into())
            }
        }
    };
    named.iter().map(fetched).collect()
}

/// Does an account's turn with the worker's connection to the database; none when the pass is asked to end.
pub(super) fn work(
    setting: &Setting<'_>,
    stores: usize,
    store: &mut Option<Store>,
    account: &Account,
    memory: &Memory,
    heartbeat: &Heartbeat,
) -> Option<AccountReport> {
    if setting.is_ending() {
        return None;
    }
    let name = &account.name;
    let outcome = contained(setting, stores, store, name, |store| visit(setting, store, account, memory, heartbeat, None));
    let failed = |error| AccountReport { faults: vec![error], say: true, ..AccountReport::new(name) };
    let report = outcome.unwrap_or_else(failed);
    if !report.faults.is_empty() {
        // It may be the connection that is broken, or inside a transaction.
        *store = None;
    }
    Some(report)
}

/// Works on an account with the worker's connection, which is opened where there is none. What goes wrong, a panic too, is the account's.
pub(super) fn contained<T>(
    setting: &Setting<'_>,
    stores: usize,
    store: &mut Option<Store>,
    account: &str,
    work: impl FnOnce(&mut Store) -> Result<T>,
) -> Result<T> {
    let _here = whereabouts::account(account);
    let outcome = contain(|| {
        let store = match &mut *store {
            Some(store) => store,
            none => none.insert(Store::open_one_of(setting.database, stores)?),
        };
        work(store)
    });
    let outcome = outcome.map_or_else(|panicked| Err(panicked.into()), |done| done.map_err(classify));
    outcome.with_context(|| Here::account(account))
}

/// Takes the lease of an account, polls it, writes down how it went, and lets it go.
fn visit(
    setting: &Setting<'_>,
    store: &mut Store,
    account: &Account,
    memory: &Memory,
    heartbeat: &Heartbeat,
    witness: Option<&Witness>,
) -> Result<AccountReport> {
    let mut report = AccountReport::new(&account.name);
    let now = (setting.now)();
    let Some(lease) = lease::take(store, account.id, setting.owner, setting.is_dead, now, LEASE_SECONDS)? else {
        report.busy = true;
        return Ok(report);
    };
    let Some(account) = &current(setting, store, &lease)? else { return Ok(report) };
    heartbeat.add(lease.clone());
    step();
    let polled = contain(|| poll_mailboxes(setting, store, account, &lease, memory, witness, &mut report));
    heartbeat.remove(&lease);
    if let Err(panicked) = polled {
        report.faults.push(anyhow::Error::new(panicked).context(Here::account(&account.name)));
        if witness.is_none() {
            // The connection may be inside a transaction.
            *store = Store::open(setting.database)?;
        }
    }
    step();

    let now = (setting.now)();
    match report.faults.first() {
        None => {
            report.recovered = account.state.failing_since.is_some() && !report.is_cut_short;
            let noted = store.transaction(|db| {
                if !report.is_cut_short {
                    state::note_success(db, account.id, now)?;
                }
                lease::release(db, &lease)
            });
            if noted.is_err() && witness.is_none() {
                give_back_later(setting, account, &lease);
            }
            noted?;
        }
        Some(first) => {
            let (error, same) = (one_line(first), sameness(first));
            let is_its_own = reach_of(first) != Reach::Run;
            let retry_at = is_its_own.then(|| now + report.rest(account.state.failures));
            let note = |store: &mut Store| {
                store.transaction(|db| {
                    let say = state::note_failure(db, account.id, now, (&error, &same), retry_at)?;
                    lease::release(db, &lease)?;
                    Ok(say)
                })
            };
            let noted = match note(store) {
                // The connection alone may be gone.
                Err(_) if witness.is_none() => Store::open(setting.database).and_then(|mut store| note(&mut store)),
                noted => noted,
            };
            match noted {
                Ok(say) => report.say = say || setting.named,
                // The database is the trouble itself; the first fault tells.
                Err(_) => {
                    report.say = true;
                    if witness.is_none() {
                        give_back_later(setting, account, &lease);
                    }
                }
            }
        }
    }
    Ok(report)
}

/// Returns the account of a lease as it is now: it may have been changed since the pass or the waiting began. None, and the lease is let go,
/// where it was switched off or removed.
pub(super) fn current(setting: &Setting<'_>, store: &mut Store, lease: &Lease) -> Result<Option<Account>> {
    let current = account::current(store.connection(), lease.account, setting.named)?;
    if current.is_none() {
        store.transaction(|db| {
            if lease.found_dead {
                attempt::set_careful(db, lease.account, true)?;
            }
            lease::release(db, lease)
        })?;
    }
    Ok(current)
}

/// FETCH-6: the database takes nothing, but nobody died.
pub(super) fn give_back_later(setting: &Setting<'_>, account: &Account, lease: &Lease) {
    if let Err(error) = farewell::leave(setting.database, lease) {
        log::warn!("account {}: the next pass takes this one for dead: {error:#}", account.name);
    }
}

fn poll_mailboxes(
    setting: &Setting<'_>,
    store: &mut Store,
    account: &Account,
    lease: &Lease,
    memory: &Memory,
    witness: Option<&Witness>,
    report: &mut AccountReport,
) {
    let in_account = Here::account(&account.name);
    let (server, careful, mut session) = match open(setting, store, account, lease, true).map_err(classify) {
        Ok(opened) => opened,
        Err(error) if setting.is_cut_short(&error) => return report.is_cut_short = true,
        Err(error) => return report.faults.push(error.context(in_account)),
    };
    let limits = limits(setting, account, memory);
    let visit = Poll {
        account,
        server: &server,
        lease,
        lease_seconds: LEASE_SECONDS,
        policy: &setting.policy,
        limits: &limits,
        now: setting.now,
        careful,
        witness,
    };
    let mut polled = Vec::new();
    for mailbox in &account.mailboxes {
        let _here = whereabouts::mailbox(mailbox);
        if let Err(error) = poll_over(&visit, &mut session, store, mailbox, &mut report.tally).map_err(classify) {
            if setting.is_cut_short(&error) {
                return report.is_cut_short = true;
            }
            let reach = reach_of(&error);
            let what = format!("{error:#}");
            // Where it is named already, it is not named twice.
            let is_named = what.contains(mailbox.as_str());
            report.faults.push(error.context(Here { is_named, ..in_account.clone().mailbox(mailbox) }));
            // Another mailbox may still work, another account will.
            match reach {
                Reach::Mailbox => {}
                Reach::Account | Reach::Run => return,
            }
        } else {
            polled.push(mailbox);
        }
    }
    report.is_read = !polled.is_empty();
    // While it is rehearsed, nothing outside is done.
    if witness.is_none() {
        match afterwards::act(&visit, &mut session, store, &polled) {
            Ok(done) => report.afterwards = done,
            Err(error) => report.faults.push(classify(error).context(in_account.clone())),
        }
    }
    session.logout();
    if careful
        && report.faults.is_empty()
        && !setting.stop.requested()
        && let Err(error) = store.transaction(|db| {
            attempt::forget(db, account.id)?;
            attempt::set_careful(db, account.id, false)
        })
    {
        report.faults.push(error.context(in_account));
    }
}

/// Polls a mailbox. A server ends the session when its token ends: as long as that brings the pass further, it goes on with another
/// session, and with another token where there is one (FETCH-16).
fn poll_over(visit: &Poll<'_>, session: &mut Session, store: &mut Store, mailbox: &str, tally: &mut Tally) -> Result<()> {
    let mut last = None;
    loop {
        let polled = poll(visit, session, store, mailbox, tally);
        let is_cut = session.trouble() == Some(Trouble::Cut) && visit.account.server.auth.is_token();
        let Err(error) = polled else { return Ok(()) };
        if !is_cut || last.as_ref() == Some(&*tally) || visit.limits.spent() {
            return Err(error);
        }
        log::info!("mailbox {mailbox}: {error:#}; going on with another session");
        last = Some(tally.clone());
        *session = Session::open(visit.server)?;
    }
}

fn at_the_latest(moment: Instant, end: Option<Instant>) -> Instant {
    end.map_or(moment, |end| end.min(moment))
}

/// What bounds the work on an account, from now on.
pub(super) fn limits<'a>(setting: &'a Setting<'_>, account: &Account, memory: &'a Memory) -> Limits<'a> {
    let seconds = Duration::from_secs(u64::try_from(account.fetching.max_seconds).unwrap_or_default());
    Limits {
        messages: setting.limit,
        until: at_the_latest(Instant::now() + seconds, setting.end.map(|end| end.begins_nothing)),
        batch_messages: setting.batch_messages,
        batch_bytes: setting.connection.batch_bytes,
        max_message_size: account.fetching.max_message_mib.bytes(),
        memory,
        stop: setting.stop,
    }
}

/// Opens a session with an account's server; for a pass, what that will ask of the first mailbox may go out with the login. Says whether its
/// messages are taken one at a time, as a pass died at them.
pub(super) fn open<'a>(
    setting: &'a Setting<'_>,
    store: &mut Store,
    account: &'a Account,
    lease: &Lease,
    is_pass: bool,
) -> Result<(Server<'a>, bool, Session)> {
    if lease.found_dead {
        log::info!("account {}: the last pass died; going message by message", account.name);
        store.transaction(|db| attempt::set_careful(db, account.id, true))?;
    }
    let careful = attempt::is_careful(store.connection(), account.id)?;
    let seconds = Duration::from_secs(u64::try_from(account.fetching.max_seconds).unwrap_or_default());
    // Reading stops at max-seconds between batches; a server that trickles is cut off a little later.
    let late = Instant::now() + seconds + setting.connection.terms.read_timeout;
    let deadline = at_the_latest(late, setting.end.map(|end| end.is_over));
    let server = server_for(account, setting.secret_of, &setting.connection, deadline, (setting.now)())?;
    let first = account.mailboxes.first().filter(|_| is_pass);
    let foreseen = first.map(|first| foreseen(store, account.id, first)).transpose()?.flatten();
    let session = Session::open_for(&server, foreseen.as_ref())?;
    Ok((server, careful, session))
}

/// Says where and as whom to connect for an account.
pub fn server_for<'a>(
    account: &'a Account,
    secret_of: &'a SecretOf<'a>,
    connection: &Connection,
    deadline: Instant,
    now: i64,
) -> Result<Server<'a>> {
    let place = Place {
        host: account.server.imap_host.clone(),
        port: u16::try_from(account.server.imap_port).context("the port is not one")?,
        security: account.server.imap_security,
        ca_file: account.server.ca_file.as_ref().map(PathBuf::from),
        ..connection.terms.place(account.kind == AccountKind::Personal, deadline, net::IMAP)
    };
    let grant = account.grant.as_ref().filter(|_| account.reads_by_grant());
    let proof = proof(account.server.auth, grant, now, move |refused| secret_of(account, refused))?;
    let login =
        Login { account: account.name.clone(), place, user: account.server.imap_user.clone(), auth: account.server.auth, proof };
    let largest = account.fetching.max_message_mib.bytes();
    Ok(Server { login, max_response: response_budget(connection.batch_bytes, largest) })
}

/// Says how a login is proved. A password is read once; a token ends, and is asked for at each login.
pub fn proof<'a>(
    auth: Auth,
    grant: Option<&Granted>,
    now: i64,
    ask: impl Fn(Option<&Secret>) -> Result<Option<Secret>> + Send + Sync + 'a,
) -> Result<Proof<'a>> {
    if auth.is_token() {
        return Ok(Proof::Token(Tokens { ask: Arc::new(ask), grant: grant.map(|grant| grant.told(now)) }));
    }
    Ok(ask(None)?.map_or(Proof::Nothing, Proof::Password))
}

/// The bytes that one answer may have: a batch or the largest message, and room for what stands around them.
fn response_budget(batch_bytes: u64, max_message_size: u64) -> u64 {
    let largest = batch_bytes.max(max_message_size);
    largest.saturating_add(largest / 4).saturating_add(super::intake::RESPONSE_MARGIN)
}
