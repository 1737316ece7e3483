//! `reconcile`: every UID on the servers against its fate (WHY-3). Accounts side by side, each under its lease and isolated, as `fetch` does
//! it; what is missing is taken in by the same road.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::crew;
use super::fetch::{self, AccountReport, LEASE_SECONDS, Setting};
use super::heartbeat::Heartbeat;
use super::mailbox::{Compared, Poll, Wanted, compare};
use super::memory::Memory;
use crate::fault::{Reach, contain, reach_of};
use crate::store::account::{self, Account};
use crate::store::lease::{self, Lease};
use crate::store::{Store, classify, farewell};

/// The pause before an account is asked again that another pass has.
const AGAIN: Duration = Duration::from_secs(1);

/// What was found in one account.
#[derive(Debug, Default)]
pub struct Report {
    pub account: String,
    /// Another pass has the lease: nothing was compared.
    pub busy: bool,
    pub mailboxes: Vec<Compared>,
    pub faults: Vec<anyhow::Error>,
}

/// Compares the named accounts, or all that are active, also those that rest after a failure. Where what is missing is to be taken in, each is
/// fetched first; what that came to is returned, too. An account that another pass has is asked again as long as there is patience.
pub fn run(
    setting: &Setting<'_>,
    named: &[String],
    wanted: Wanted,
    patience: Duration,
) -> Result<(Vec<Report>, Vec<AccountReport>)> {
    let mut store = Store::open(setting.database)?;
    farewell::carry_out(&mut store, setting.database)?;
    let accounts = chosen(setting, &mut store, named)?;
    drop(store);
    let stores = setting.workers.min(accounts.len());
    let (reports, fetched) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let (memory, heartbeat) = (Memory::new(setting.memory_bytes), Heartbeat::default());
    let done = std::thread::scope(|scope| {
        scope.spawn(|| heartbeat.run(setting.database, LEASE_SECONDS, setting.now));
        let done = contain(|| {
            crew::each(setting.workers, accounts, &|| None, &|store, account| {
                if wanted.import
                    && let Some(report) = fetch::work(setting, stores, store, &account, &memory, &heartbeat)
                {
                    fetched.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
                let begun = Instant::now();
                let mut report = work(setting, stores, store, &account, (&memory, &heartbeat), wanted);
                // Cron starts it in the same minute as "fetch", which has an account for seconds.
                while report.as_ref().is_some_and(|report| report.busy) && begun.elapsed() < patience && !setting.stop.requested()
                {
                    std::thread::sleep(AGAIN);
                    report = work(setting, stores, store, &account, (&memory, &heartbeat), wanted);
                }
                if let Some(report) = report {
                    reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
            });
        });
        heartbeat.end();
        done
    });
    done.map_err(anyhow::Error::new)?;
    let mut reports: Vec<Report> = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.sort_by(|a, b| a.account.cmp(&b.account));
    let mut fetched: Vec<AccountReport> = fetched.into_inner().unwrap_or_else(PoisonError::into_inner);
    fetched.sort_by(|a, b| a.account.cmp(&b.account));
    if wanted.import {
        fetch::tell_of_nobody(&mut Store::open(setting.database)?, (setting.now)())?;
    }
    Ok((reports, fetched))
}

fn chosen(setting: &Setting<'_>, store: &mut Store, named: &[String]) -> Result<Vec<Account>> {
    if !named.is_empty() {
        return fetch::due(setting, store, named);
    }
    let left = account::left(store.connection())?;
    let all = account::list(store.connection())?;
    Ok(all.into_iter().filter(|account| account.active && !left.contains_key(&account.id)).collect())
}

/// Does an account's turn with the worker's connection to the database; none when the pass is asked to end, or the account is not there
/// any more.
fn work(
    setting: &Setting<'_>,
    stores: usize,
    store: &mut Option<Store>,
    account: &Account,
    shared: (&Memory, &Heartbeat),
    wanted: Wanted,
) -> Option<Report> {
    if setting.stop.requested() {
        return None;
    }
    let mut report = Report { account: account.name.clone(), ..Report::default() };
    let visit = |store: &mut Store| visit(setting, store, account, shared, wanted, &mut report);
    match fetch::contained(setting, stores, store, &account.name, visit) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => report.faults.push(error),
    }
    if !report.faults.is_empty() {
        // It may be the connection that is broken, or inside a transaction.
        *store = None;
    }
    Some(report)
}

/// Takes the lease of an account, compares its mailboxes, and lets it go; says whether there is such an account. How it fares is not noted:
/// nothing was fetched.
fn visit(
    setting: &Setting<'_>,
    store: &mut Store,
    account: &Account,
    (memory, heartbeat): (&Memory, &Heartbeat),
    wanted: Wanted,
    report: &mut Report,
) -> Result<bool> {
    let now = (setting.now)();
    let Some(lease) = lease::take(store, account.id, setting.owner, setting.is_dead, now, LEASE_SECONDS)? else {
        report.busy = true;
        return Ok(true);
    };
    let Some(account) = &fetch::current(setting, store, &lease)? else { return Ok(false) };
    heartbeat.add(lease.clone());
    let compared = contain(|| mailboxes(setting, store, account, &lease, memory, wanted, report));
    heartbeat.remove(&lease);
    if let Err(panicked) = compared {
        report.faults.push(anyhow::Error::new(panicked).context(format!("account {}", account.name)));
        // The connection may be inside a transaction.
        *store = Store::open(setting.database)?;
    }
    let returned = store.transaction(|db| lease::release(db, &lease));
    if returned.is_err() {
        fetch::give_back_later(setting, account, &lease);
    }
    returned.map(|()| true)
}

fn mailboxes(
    setting: &Setting<'_>,
    store: &mut Store,
    account: &Account,
    lease: &Lease,
    memory: &Memory,
    wanted: Wanted,
    report: &mut Report,
) {
    let in_account = format!("account {}", account.name);
    let (server, careful, mut session) = match fetch::open(setting, store, account, lease, false).map_err(classify) {
        Ok(opened) => opened,
        Err(error) if setting.is_cut_short(&error) => return,
        Err(error) => return report.faults.push(error.context(in_account)),
    };
    let limits = fetch::limits(setting, account, memory);
    let poll = Poll {
        account,
        server: &server,
        lease,
        lease_seconds: LEASE_SECONDS,
        policy: &setting.policy,
        limits: &limits,
        now: setting.now,
        careful,
        witness: None,
    };
    for mailbox in &account.mailboxes {
        match compare(&poll, &mut session, store, mailbox, wanted).map_err(classify) {
            Ok(mut compared) => {
                report.faults.extend(compared.fault.take().map(anyhow::Error::from));
                report.mailboxes.push(compared);
            }
            Err(error) if setting.is_cut_short(&error) => return,
            Err(error) => {
                let reach = reach_of(&error);
                let is_named = format!("{error:#}").contains(mailbox.as_str());
                let error = if is_named { error } else { error.context(format!("mailbox {mailbox}")) };
                report.faults.push(error.context(in_account.clone()));
                if reach != Reach::Mailbox {
                    return;
                }
            }
        }
    }
    session.logout();
}
