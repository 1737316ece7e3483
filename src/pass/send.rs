//! `send`: what is due in the outbox, account by account, over one connection each (SEND-1). `sending` is committed before the
//! connection is used for a message, a mark right before the final dot, and the outcome at once, together with the claim of the
//! next message (SEND-6); what follows from it (SEND-8) is noted there and done for some messages at once.
//!
//! A commit waits for the disk. So where a server is quicker than that, some messages are claimed at once, that one was taken is noted in
//! its row with the mark of the next one, and what that means for all of them is written down at once: a death leaves no more than one
//! message in doubt, as ever, and what was claimed and not marked is due again.

mod next;
mod outcome;
mod setting;
mod turn;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use super::{crew, restored};
use crate::decide::delivery::may_repeat;
use crate::fault::{Class, Fault, contain};
use crate::relay::{Envelope, Outcome, Reply, Session};
use crate::store::account::Account;
use crate::store::generation::Writer;
use crate::store::sending::Smtp;
use crate::store::{Database, Store, generation, outbox, trouble};
use crate::whereabouts::{self, Here};
use crate::words::{AccountId, OutboxState, OutgoingId};

use outcome::Done;
pub use outcome::{Sent, mark_sent};
pub use setting::{Connection, Setting};
use setting::{server, signed};
pub use turn::Report;
use turn::{AccountTurn, Allowance};

/// Sends everything that is due, or one message.
pub fn run(setting: &Setting<'_>, only: Option<OutgoingId>) -> Result<Report> {
    let mut store = Store::open(setting.database)?;
    let mut report = Report::default();
    let now = (setting.now)();
    report.faults.extend(restored::notice(&mut store, setting.beside, only, now)?);
    if only.is_none() {
        // Not where a person waits for one message: what became of others is the pass's to say.
        recover(setting, &mut store, &mut report)?;
    }
    let accounts = match only {
        Some(id) => outbox::account_of(store.connection(), id)?.into_iter().collect(),
        None => {
            let mut accounts = outbox::due_accounts(store.connection(), now)?;
            let left = outbox::reached_accounts(store.connection())?.into_iter();
            accounts.extend(left.filter(|account| !accounts.contains(account)).collect::<Vec<_>>());
            let resting = trouble::resting(store.connection(), now)?;
            accounts.retain(|account| !resting.contains(account));
            report.resting = trouble::waited_for(store.connection(), &accounts, now)?;
            accounts
        }
    };
    // Mail goes out even where it cannot be written down that it did; that is said each time.
    let mut writer = None;
    if !accounts.is_empty() {
        match store.transaction(|db| generation::raise(db, setting.beside)) {
            Ok(raised) => {
                report.faults.extend(generation::note(&mut store, setting.beside, &raised).err());
                writer = Writer::of(&mut store, setting.beside, &raised).ok();
            }
            Err(error) => report.faults.push(error),
        }
    }
    drop(store);
    let allowance = Allowance(Mutex::new(setting.limit));
    let reports = Mutex::new(report);
    crew::each(setting.workers, accounts, &|| (), &|(), account| {
        let work = || visit(setting, account, (only, writer.as_ref()), &allowance);
        let done = contain(work).unwrap_or_else(|panicked| {
            let error = anyhow!(panicked).context(format!("account {account}"));
            Report { faults: vec![error], ..Report::default() }
        });
        let mut all = reports.lock().unwrap_or_else(PoisonError::into_inner);
        all.sent.extend(done.sent);
        all.faults.extend(done.faults);
        all.known.extend(done.known);
        all.recovered.extend(done.recovered);
        all.learned.extend(done.learned);
    });
    let mut report = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.sent.sort_by_key(|sent| sent.outbox);
    look_again(setting, &mut report);
    Ok(report)
}

/// What this pass could not send another one may have taken over meanwhile, as this one was given up for dead: it is told as it is now.
fn look_again(setting: &Setting<'_>, report: &mut Report) {
    let unsent: Vec<OutgoingId> =
        report.sent.iter().filter(|sent| sent.state != OutboxState::Sent).map(|sent| sent.outbox).collect();
    if unsent.is_empty() {
        return;
    }
    let states = Store::open(setting.database).and_then(|mut store| outbox::states(store.connection(), &unsent));
    // Where the database is the trouble, that was said.
    let states = states.unwrap_or_default();
    for sent in &mut report.sent {
        if let Some(state) = states.get(&sent.outbox).filter(|state| **state != sent.state) {
            sent.state = *state;
            sent.error = sent.error.take().filter(|_| *state != OutboxState::Sent);
        }
    }
}

/// Settles what passes have left behind that died at work, each by itself: one that cannot be told of keeps no other.
fn recover(setting: &Setting<'_>, store: &mut Store, report: &mut Report) -> Result<()> {
    let now = (setting.now)();
    for id in outbox::under_way(store.connection())? {
        let settled = store
            .transaction(|db| settle_after_death(setting, db, id, true, now))
            .or_else(|_| store.transaction(|db| settle_after_death(setting, db, id, false, now)));
        report.faults.extend(settled?.and_then(|done| done.fault()));
    }
    Ok(())
}

/// Settles one, where its pass is dead, and tells its author where that is wanted; none where it is not dead.
fn settle_after_death(setting: &Setting<'_>, db: &mut Database, id: OutgoingId, tells: bool, now: i64) -> Result<Option<Done>> {
    let left = outbox::unsettled(db, id, now, next::lease(setting)?)?
        .filter(|left| left.is_left_behind(setting.is_dead, setting.is_alive));
    let Some(left) = left else { return Ok(None) };
    let (account, claimed) = (left.account, &left.claimed);
    let may_repeat = may_repeat(setting.repeat_replies, claimed.kind, claimed.attempts);
    let done = Done::after_death(left, may_repeat, now);
    match account.filter(|_| tells) {
        Some(account) => done.write(db, account, now)?,
        None => done.write_alone(db, now)?,
    }
    Ok(Some(done))
}

/// Sends what is due of one account. A fault ends its turn; what was claimed then is due again.
fn visit(
    setting: &Setting<'_>,
    id: AccountId,
    (only, writer): (Option<OutgoingId>, Option<&Writer>),
    allowance: &Allowance,
) -> Report {
    let mut report = Report::default();
    let done = AccountTurn::begin(setting, id, writer).and_then(|mut turn| {
        let _here = whereabouts::account(&turn.account.name);
        let sent = contain(|| turn.send_all(only, allowance, &mut report));
        let sent = sent.unwrap_or_else(|panicked| {
            turn.write_down(&mut report);
            Err(panicked.into())
        });
        // Whatever ended the turn, what was sent has its consequences.
        let followed = turn.follow_up(&mut report.faults);
        if let Some(session) = turn.session.take() {
            session.quit();
        }
        let done = sent.and(followed);
        // A person who waits for one message hears of it anyway.
        let say = (only.is_some() || turn.note(&done, &mut report)) && !turn.is_said;
        let done = done.with_context(|| Here::account(&turn.account.name));
        if !say {
            report.known.extend(done.err());
            return Ok(());
        }
        done
    });
    report.faults.extend(done.err());
    report
}

/// Opens a session, hands over a test message where there is one, and closes it again. Returns what was answered for each
/// recipient.
pub fn test(setting: &Setting<'_>, account: &Account, smtp: &Smtp, letter: Option<(&[u8], &Envelope<'_>)>) -> Result<Vec<Reply>> {
    let deadline = Instant::now() + setting.connection.account_timeout;
    let signed = letter.map(|(bytes, envelope)| Ok::<_, anyhow::Error>((signed(setting, bytes)?, envelope))).transpose()?;
    let mut session = Session::open(&server(setting, account, smtp, deadline)?)?;
    let to = letter.map(|(_, envelope)| envelope.to.len());
    let outcome = signed.map(|(bytes, envelope)| session.send(envelope, &bytes, &mut |_| Ok(())));
    session.quit();
    match outcome {
        None => Ok(Vec::new()),
        Some(Outcome::Answered(replies)) => Ok(replies),
        Some(Outcome::SenderRefused(reply)) => Ok(vec![reply; to.unwrap_or_default()]),
        Some(Outcome::Broken { error, permanent }) => {
            let class = if permanent { Class::Data } else { Class::Unavailable };
            Err(Fault::new(class, format!("the test message was not sent: {error}")).into())
        }
        Some(Outcome::Unknown { error, .. }) => {
            Err(Fault::new(Class::TempFail, format!("the test message may have been sent: {error}")).into())
        }
    }
}
