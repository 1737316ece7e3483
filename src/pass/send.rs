//! `send`: what is due in the outbox, account by account, over one connection each (SEND-1). `sending` is committed before the
//! connection is used for a message, a mark right before the final dot, and the outcome with all that follows from it in one
//! transaction (SEND-6, SEND-8).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use super::{Stop, crew};
use crate::decide::delivery::{self, Attempt, Recipient, Settled};
use crate::decide::outgoing;
use crate::fault::{Class, Fault, step};
use crate::mail;
use crate::mail::dkim::{self, SigningKey};
use crate::net::{Options, Place};
use crate::relay::{Envelope, Outcome, Reply, Server, Session};
use crate::secret::Secret;
use crate::store::account::{self, Account};
use crate::store::outbox::{self, Claimed};
use crate::store::sending::{self, Smtp};
use crate::store::{Store, apply, facts, raw};
use crate::words::{
    AccountId, AccountKind, EmailId, OutboxState, OutgoingId, OutgoingKind, PositionId, RecipientState, SmtpAuth,
};

/// How long a claim outlasts the time limit of its account, in seconds.
const MARGIN: i64 = 600;

/// What a pass is run with.
pub struct Setting<'a> {
    pub database: &'a str,
    /// Who sends: host, process and a number of its own.
    pub owner: &'a str,
    /// Whether the owner of a claim is known to be dead.
    pub is_dead: &'a (dyn Fn(&str) -> bool + Sync),
    /// Seconds since 1970 UTC.
    pub now: &'a (dyn Fn() -> i64 + Sync),
    pub password_of: &'a (dyn Fn(&Account, &Smtp) -> Result<Secret> + Sync),
    pub stop: &'a Stop,
    pub workers: usize,
    /// How many messages one pass sends.
    pub limit: usize,
    pub connection: Connection,
    /// The keys of domains that sign what they send.
    pub keys: &'a [SigningKey],
}

/// How connections are made.
#[derive(Debug, Clone)]
pub struct Connection {
    pub connect_timeout: Duration,
    /// How long each answer may take (RFC 5321, section 4.5.3.2).
    pub read_timeout: Duration,
    /// How long one account may take.
    pub account_timeout: Duration,
    pub allow_plain: bool,
    /// The internal servers that personal accounts may have (ACCESS-3).
    pub internal_hosts: Vec<String>,
    /// How we call ourselves.
    pub own_name: String,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub outbox: OutgoingId,
    pub email: EmailId,
    pub account: String,
    pub state: OutboxState,
    pub error: Option<String>,
}

/// What a pass did.
#[derive(Default)]
pub struct Report {
    pub sent: Vec<Sent>,
    pub faults: Vec<anyhow::Error>,
}

/// Sends everything that is due, or one message.
pub fn run(setting: &Setting<'_>, only: Option<OutgoingId>) -> Result<Report> {
    let mut store = Store::open(setting.database)?;
    let mut report = Report::default();
    let now = (setting.now)();
    for id in store.transaction(|db| outbox::recover(db, setting.is_dead, now))? {
        report.faults.push(unsure(id, "the pass that sent it died"));
    }
    let accounts = match only {
        Some(id) => outbox::account_of(store.connection(), id)?.into_iter().collect(),
        None => outbox::due_accounts(store.connection(), now)?,
    };
    drop(store);
    let left = Mutex::new(setting.limit);
    let reports = Mutex::new(report);
    crew::each(setting.workers, accounts, &|account| {
        let work = || visit(setting, account, only, &left);
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            let error = anyhow!("account {account}: espomail failed on it; this is a bug");
            Report { sent: Vec::new(), faults: vec![error] }
        });
        let mut all = reports.lock().unwrap_or_else(PoisonError::into_inner);
        all.sent.extend(done.sent);
        all.faults.extend(done.faults);
    });
    let mut report = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.sent.sort_by_key(|sent| sent.outbox);
    Ok(report)
}

/// Sends what is due of one account. A fault ends its turn; what was claimed then is due again.
fn visit(setting: &Setting<'_>, id: AccountId, only: Option<OutgoingId>, left: &Mutex<usize>) -> Report {
    let mut report = Report::default();
    if let Err(error) = send_all(setting, id, only, left, &mut report) {
        report.faults.push(error);
    }
    report
}

fn send_all(
    setting: &Setting<'_>,
    id: AccountId,
    only: Option<OutgoingId>,
    left: &Mutex<usize>,
    report: &mut Report,
) -> Result<()> {
    let mut store = Store::open(setting.database)?;
    let account = account::find(store.connection(), &id.to_string())?;
    let sending = sending::of(store.connection(), id)?;
    let Some(smtp) = &sending.smtp else {
        return Err(Fault::new(Class::Config, format!("account {}: it has no server to send through", account.name))
            .hint(format!("try: espomail account set {} --smtp-host HOST", account.name))
            .into());
    };
    let deadline = Instant::now() + setting.connection.account_timeout;
    let mut session: Option<Session> = None;
    while Instant::now() < deadline && !setting.stop.requested() {
        if !take_one(left) {
            break;
        }
        let now = (setting.now)();
        let until = now + i64::try_from(setting.connection.account_timeout.as_secs())? + MARGIN;
        let claimed = store.transaction(|db| match sending.max_per_hour {
            Some(most) if outbox::sent_since(db, id, now - 3_600)? >= most => {
                log::info!("account {}: {most} messages went out in this hour; the rest waits (SEND-11)", account.name);
                Ok(None)
            }
            _ => outbox::claim(db, id, only, setting.owner, now, until),
        })?;
        let Some(claimed) = claimed else { break };
        step();
        let attempt = attempt(setting, &mut store, &account, smtp, &claimed, deadline, &mut session);
        let (attempt, fault) = match attempt {
            Ok(attempt) => (attempt, None),
            // The connection is at fault, not the message: it is due again, and the account's turn is over.
            Err(error) => (Attempt::Broken { error: format!("{error:#}"), permanent: false }, Some(error)),
        };
        report.sent.push(settle(setting, &mut store, &account, &claimed, attempt)?);
        if let Some(last) = report.sent.last().filter(|sent| sent.state == OutboxState::MaybeSent) {
            report.faults.push(unsure(last.outbox, last.error.as_deref().unwrap_or_default()));
        }
        if let Some(error) = fault {
            return Err(error.context(format!("account {}", account.name)));
        }
        if session.as_ref().is_some_and(Session::is_over) {
            session = None;
        }
    }
    if let Some(session) = session {
        session.quit();
    }
    Ok(())
}

fn take_one(left: &Mutex<usize>) -> bool {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

/// Tries to send one message. An error is the connection's.
fn attempt(
    setting: &Setting<'_>,
    store: &mut Store,
    account: &Account,
    smtp: &Smtp,
    claimed: &Claimed,
    deadline: Instant,
    session: &mut Option<Session>,
) -> Result<Attempt> {
    let Some(bytes) = raw::raw_of(store.connection(), claimed.email)? else {
        return Ok(Attempt::Broken { error: "its raw bytes are gone".to_string(), permanent: true });
    };
    if session.is_none() {
        *session = Some(Session::open(&server(setting, account, smtp, deadline)?)?);
    }
    let bytes = match signed(setting, &bytes) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Attempt::Broken { error: format!("{error:#}"), permanent: true }),
    };
    let Some(open) = session.as_mut() else { return Err(anyhow!("there is no session")) };
    let envelope = Envelope { from: &claimed.envelope_from, to: &claimed.recipients };
    let mut hand_over = || {
        step();
        let marked = store.transaction(|db| outbox::hand_over(db, claimed));
        step();
        marked
    };
    let outcome = open.send(&envelope, &bytes, &mut hand_over);
    step();
    Ok(match outcome {
        Outcome::Answered(replies) => Attempt::Answered(claimed.recipients.iter().zip(&replies).map(recipient).collect()),
        Outcome::Broken { error, permanent } => Attempt::Broken { error, permanent },
        Outcome::Unknown { error } => Attempt::Unknown { error },
    })
}

/// Signs a message when the domain of its author has a key (SEND-11); the time of the signature is that of the attempt.
fn signed(setting: &Setting<'_>, bytes: &[u8]) -> Result<Vec<u8>> {
    if setting.keys.is_empty() {
        return Ok(bytes.to_vec());
    }
    let from = mail::parse(bytes).from.map(|from| from.address).unwrap_or_default();
    match setting.keys.iter().find(|key| key.is_for(&from)) {
        Some(key) => dkim::sign(bytes, key, (setting.now)()),
        None => Ok(bytes.to_vec()),
    }
}

fn recipient((address, reply): (&String, &Reply)) -> Recipient {
    let state = if reply.is_good() {
        RecipientState::Sent
    } else if reply.is_permanent() {
        RecipientState::Failed
    } else {
        RecipientState::Pending
    };
    let (code, status) = (Some(i64::from(reply.code)), reply.status.clone());
    Recipient { address: address.clone(), state, code, status, said: Some(reply.text.clone()) }
}

/// Writes down what became of a message, and what follows from it.
fn settle(setting: &Setting<'_>, store: &mut Store, account: &Account, claimed: &Claimed, attempt: Attempt) -> Result<Sent> {
    let now = (setting.now)();
    let Claimed { id, email, recipients, attempts, first_tried_at, reached, .. } = claimed;
    let settled: Settled = delivery::settle(attempt, recipients, *reached, *attempts, *first_tried_at, now);
    store.transaction(|db| {
        outbox::settle(db, claimed, &settled, now)?;
        let failed: Vec<&Recipient> = settled.recipients.iter().filter(|one| one.state == RecipientState::Failed).collect();
        // A digest tells of what is in the store already: nothing follows from it (NOTIFY-3).
        let is_first = settled.state == OutboxState::Sent && claimed.kind != OutgoingKind::Notification;
        if !is_first && failed.is_empty() {
            return Ok(());
        }
        let bytes = raw::raw_of(db, *email)?.context("its raw bytes are gone")?;
        let mail = mail::parse(&bytes);
        let mut facts = facts::gather(db, account.id, &[&mail], now)?;
        let mut plan = if is_first { outgoing::sent(*email, &mail, &mut facts) } else { crate::decide::Plan::new() };
        if let Some(author) = claimed.author.filter(|_| !failed.is_empty()) {
            outgoing::tell_of_failure(*email, author, &failed, &facts, &mut plan);
        }
        let arrival = crate::decide::Arrival { position: PositionId(0), uid: 0, internal_date: Some(now), partial: false };
        apply::apply_to_stored(db, &facts.next, &arrival, &mail, &plan, now).map(|_| ())
    })?;
    Ok(Sent { outbox: *id, email: *email, account: account.name.clone(), state: settled.state, error: settled.error })
}

fn server(setting: &Setting<'_>, account: &Account, smtp: &Smtp, deadline: Instant) -> Result<Server> {
    let connection = &setting.connection;
    let password = match smtp.auth {
        SmtpAuth::None => None,
        SmtpAuth::Password | SmtpAuth::Xoauth2 => Some((setting.password_of)(account, smtp)?),
    };
    Ok(Server {
        account: account.name.clone(),
        place: Place {
            host: smtp.host.clone(),
            port: u16::try_from(smtp.port).context("the port is not one")?,
            security: smtp.security,
            ca_file: smtp.ca_file.as_ref().map(PathBuf::from),
            allow_plain: connection.allow_plain,
            internal_hosts: (account.kind == AccountKind::Personal).then(|| connection.internal_hosts.clone()),
            connect_timeout: connection.connect_timeout,
            read_timeout: connection.read_timeout,
            deadline,
            options: Options { host: "--smtp-host", security: "--smtp-security", ca_file: "--smtp-ca-file" },
        },
        auth: smtp.auth,
        user: smtp.user.clone().unwrap_or_else(|| account.imap_user.clone()),
        password,
        own_name: connection.own_name.clone(),
    })
}

/// Opens a session, hands over a test message where there is one, and closes it again. Returns what was answered for each
/// recipient.
pub fn test(setting: &Setting<'_>, account: &Account, smtp: &Smtp, letter: Option<(&[u8], &Envelope<'_>)>) -> Result<Vec<Reply>> {
    let deadline = Instant::now() + setting.connection.account_timeout;
    let signed = letter.map(|(bytes, envelope)| Ok::<_, anyhow::Error>((signed(setting, bytes)?, envelope))).transpose()?;
    let mut session = Session::open(&server(setting, account, smtp, deadline)?)?;
    let outcome = signed.map(|(bytes, envelope)| session.send(envelope, &bytes, &mut || Ok(())));
    session.quit();
    match outcome {
        None => Ok(Vec::new()),
        Some(Outcome::Answered(replies)) => Ok(replies),
        Some(Outcome::Broken { error, permanent }) => {
            let class = if permanent { Class::Data } else { Class::Unavailable };
            Err(Fault::new(class, format!("the test message was not sent: {error}")).into())
        }
        Some(Outcome::Unknown { error }) => {
            Err(Fault::new(Class::TempFail, format!("the test message may have been sent: {error}")).into())
        }
    }
}

/// Only a person can find out whether it arrived.
fn unsure(id: OutgoingId, why: &str) -> anyhow::Error {
    Fault::new(Class::TempFail, format!("message {id} of the outbox may have been sent: {why}"))
        .hint(format!("find out, then: espomail outbox mark-sent {id}, or: espomail outbox retry {id}"))
        .into()
}
