//! `send`: what is due in the outbox, account by account, over one connection each (SEND-1). `sending` is committed before the
//! connection is used for a message, a mark right before the final dot, and the outcome at once, together with the claim of the
//! next message (SEND-6); what follows from it (SEND-8) is noted there and done for some messages at once.

mod author;
mod outcome;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use super::{Stop, crew};
use crate::decide::delivery::{Attempt, Recipient, may_repeat};
use crate::fault::{Class, Fault, Reach, one_line, reach_of, step};
use crate::mail;
use crate::mail::dkim::{self, SigningKey};
use crate::net::{Options, Place};
use crate::relay::{Envelope, Outcome, Reply, Server, Session};
use crate::secret::Secret;
use crate::store::account::{self, Account};
use crate::store::outbox::{self, Claimed};
use crate::store::sending::{self, Sending, Smtp};
use crate::store::{Store, raw, trouble};
use crate::words::{AccountId, AccountKind, EmailId, OutboxState, OutgoingId, RecipientState, SmtpAuth};

use outcome::Done;
pub use outcome::mark_sent;

/// How long a claim outlasts the time limits of its account, in seconds.
const MARGIN: i64 = 60;

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
    /// Whether a reply whose answer was lost is sent again.
    pub repeat_replies: bool,
}

/// How connections are made.
#[derive(Debug, Clone)]
pub struct Connection {
    pub connect_timeout: Duration,
    /// How long each answer may take (RFC 5321, section 4.5.3.2).
    pub read_timeout: Duration,
    /// How long the answer to a whole message may take.
    pub final_timeout: Duration,
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
    /// Failures of accounts that were said within the hour.
    pub known: Vec<anyhow::Error>,
    /// Accounts that send again.
    pub recovered: Vec<String>,
}

/// How many messages this pass may still send.
struct Allowance(Mutex<usize>);

impl Allowance {
    fn take(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let some = *left > 0;
        *left = left.saturating_sub(1);
        some
    }
}

/// Sends everything that is due, or one message.
pub fn run(setting: &Setting<'_>, only: Option<OutgoingId>) -> Result<Report> {
    let mut store = Store::open(setting.database)?;
    let mut report = Report::default();
    let now = (setting.now)();
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
            accounts
        }
    };
    drop(store);
    let allowance = Allowance(Mutex::new(setting.limit));
    let reports = Mutex::new(report);
    crew::each(setting.workers, accounts, &|account| {
        let work = || visit(setting, account, only, &allowance);
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            let error = anyhow!("account {account}: espomail failed on it; this is a bug");
            Report { faults: vec![error], ..Report::default() }
        });
        let mut all = reports.lock().unwrap_or_else(PoisonError::into_inner);
        all.sent.extend(done.sent);
        all.faults.extend(done.faults);
        all.known.extend(done.known);
        all.recovered.extend(done.recovered);
    });
    let mut report = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.sent.sort_by_key(|sent| sent.outbox);
    Ok(report)
}

/// Settles what passes have left behind that died at work.
fn recover(setting: &Setting<'_>, store: &mut Store, report: &mut Report) -> Result<()> {
    let now = (setting.now)();
    let settled = store.transaction(|db| {
        let (clock, mut settled) = (outbox::lease_clock(db, now)?, Vec::new());
        for id in outbox::under_way(db)? {
            let left = outbox::unsettled(db, id)?;
            if let Some(left) = left.filter(|left| left.is_left_behind(setting.is_dead, clock)) {
                let (account, claimed) = (left.account, &left.claimed);
                let may_repeat = may_repeat(setting.repeat_replies, claimed.kind, claimed.attempts);
                let done = Done::after_death(left, may_repeat, now);
                match account {
                    Some(account) => done.write(db, account, now)?,
                    None => done.write_alone(db, now)?,
                }
                settled.push(done);
            }
        }
        Ok(settled)
    })?;
    let unsure = settled.iter().map(|done| done.told("")).filter(|told| told.state == OutboxState::MaybeSent);
    report.faults.extend(unsure.map(|told| unsure_of(&told)));
    Ok(())
}

/// Sends what is due of one account. A fault ends its turn; what was claimed then is due again.
fn visit(setting: &Setting<'_>, id: AccountId, only: Option<OutgoingId>, allowance: &Allowance) -> Report {
    let mut report = Report::default();
    let done = Turn::begin(setting, id).and_then(|mut turn| {
        let sent = turn.send_all(only, allowance, &mut report);
        // Whatever ended the turn, what was sent has its consequences.
        let followed = turn.follow_up(&mut report.faults);
        if let Some(session) = turn.session.take() {
            session.quit();
        }
        let done = sent.and(followed);
        // A person who waits for one message hears of it anyway.
        let say = only.is_some() || turn.note(&done, &mut report);
        let done = done.with_context(|| format!("account {}", turn.account.name));
        if !say {
            report.known.extend(done.err());
            return Ok(());
        }
        done
    });
    report.faults.extend(done.err());
    report
}

/// One account's turn.
struct Turn<'a> {
    setting: &'a Setting<'a>,
    store: Store,
    account: Account,
    sending: Sending,
    deadline: Instant,
    session: Option<Session>,
}

/// What a look into the outbox found.
enum Next {
    Message(Claimed),
    /// A message that its author may not send any more, and why.
    Held(OutgoingId, String),
    Nothing,
}

impl<'a> Turn<'a> {
    fn begin(setting: &'a Setting<'a>, id: AccountId) -> Result<Self> {
        let mut store = Store::open(setting.database)?;
        let account = account::find(store.connection(), &id.to_string())?;
        let sending = sending::of(store.connection(), id)?;
        let deadline = Instant::now() + setting.connection.account_timeout;
        Ok(Self { setting, store, account, sending, deadline, session: None })
    }

    /// Writes down how the turn went, for as long as the server for sending fails (FETCH-12). Returns whether a failure is to be said.
    fn note(&mut self, done: &Result<()>, report: &mut Report) -> bool {
        let (account, now) = (self.account.id, (self.setting.now)());
        let noted = match done {
            Err(error) if reach_of(error) == Reach::Account => {
                let error = one_line(error);
                self.store.transaction(|db| trouble::note(db, account, &error, now))
            }
            Ok(()) if !report.sent.is_empty() => self.store.transaction(|db| trouble::over(db, account, now)).map(|is_over| {
                report.recovered.extend(is_over.then(|| self.account.name.clone()));
                true
            }),
            _ => Ok(true),
        };
        // Where the database is the trouble itself, the first fault tells.
        noted.unwrap_or(true)
    }

    fn send_all(&mut self, only: Option<OutgoingId>, allowance: &Allowance, report: &mut Report) -> Result<()> {
        let mut done: Option<Done> = None;
        let mut fault = None;
        let mut sent = 0;
        loop {
            let is_over = fault.is_some() || Instant::now() >= self.deadline || self.setting.stop.requested();
            let next = self.next(done.as_ref(), is_over, only, allowance);
            if let Some(done) = done.take() {
                let told = done.told(&self.account.name);
                if told.state == OutboxState::MaybeSent {
                    report.faults.push(unsure_of(&told));
                }
                if only.is_none() && done.is_unheard() {
                    let what =
                        format!("message {} of the outbox failed: {}", told.outbox, told.error.as_deref().unwrap_or_default());
                    let hint = format!("see: espomail outbox show {}", told.outbox);
                    report.faults.push(Fault::new(Class::Data, what).hint(hint).into());
                }
                report.sent.push(told);
                sent += 1;
            }
            let next = next?;
            match next {
                Next::Message(claimed) => {
                    step();
                    if sent > 0 && sent % outcome::BATCH == 0 {
                        fault = self.follow_up(&mut report.faults).err();
                    }
                    // An error is the connection's fault, not the message's: it is due again, and the account's turn is over.
                    let attempt = self.attempt(&claimed).unwrap_or_else(|error| {
                        let broken = Attempt::Broken { error: format!("{error:#}"), permanent: false };
                        fault = Some(error);
                        broken
                    });
                    done = Some(self.settled(claimed, attempt));
                }
                Next::Held(id, because) => report.faults.push(not_allowed(id, &because)),
                Next::Nothing => return fault.map_or(Ok(()), Err),
            }
        }
    }

    /// Writes down what became of the last message, and claims the next one, in one transaction. Where that fails the last one is
    /// written down alone: that it went out must not be forgotten for another one's sake.
    fn next(&mut self, done: Option<&Done>, is_over: bool, only: Option<OutgoingId>, allowance: &Allowance) -> Result<Next> {
        let Self { setting, account, sending, .. } = self;
        let now = (setting.now)();
        let limits = setting.connection.account_timeout + setting.connection.final_timeout;
        let lease = i64::try_from(limits.as_secs())? + MARGIN;
        let mut is_allowed = false;
        let both = self.store.transaction(|db| {
            if let Some(done) = done {
                done.write(db, account.id, now)?;
            }
            // What an account that is switched off has to send waits.
            if is_over || !account.active {
                return Ok(Next::Nothing);
            }
            if let Some(most) = sending.max_per_hour
                && outbox::sent_since(db, account.id, now - 3_600)? >= most
            {
                log::info!("account {}: {most} messages went out in this hour; the rest waits (SEND-11)", account.name);
                return Ok(Next::Nothing);
            }
            let Some(due) = outbox::next(db, account.id, only, now)? else { return Ok(Next::Nothing) };
            if let Some(because) = author::objection(db, &due, account.id)? {
                outbox::hold(db, due.id, &because)?;
                return Ok(Next::Held(due.id, because));
            }
            // A transaction that is repeated takes one all the same.
            is_allowed = is_allowed || allowance.take();
            if !is_allowed {
                return Ok(Next::Nothing);
            }
            outbox::claim(db, due, setting.owner, now, lease).map(Next::Message)
        });
        match (both, done) {
            (Err(error), Some(done)) => {
                let alone = self.store.transaction(|db| done.write_alone(db, now));
                let told = done.told(&account.name);
                // What a server said must not be lost with the database: a person can write it down.
                let what = || format!("message {} of the outbox is {}, and that cannot be written down", told.outbox, told.state);
                alone.with_context(what).and(Err(error))
            }
            (both, _) => both,
        }
    }

    /// Tries to send one message. An error is the connection's.
    fn attempt(&mut self, claimed: &Claimed) -> Result<Attempt> {
        let Some(smtp) = &self.sending.smtp else {
            return Err(Fault::new(Class::Config, "it has no server to send through")
                .reach(Reach::Account)
                .hint(format!("try: espomail account set {} --smtp-host HOST", self.account.name))
                .into());
        };
        let Some(bytes) = raw::raw_of(self.store.connection(), claimed.email)? else {
            return Ok(Attempt::Broken { error: "its raw bytes are gone".to_string(), permanent: true });
        };
        let bytes = match signed(self.setting, &bytes) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Attempt::Broken { error: format!("{error:#}"), permanent: true }),
        };
        let mut session = match self.session.take().filter(|session| !session.is_over()) {
            Some(session) => session,
            None => Session::open(&server(self.setting, &self.account, smtp, self.deadline)?)?,
        };
        let envelope = Envelope { from: &claimed.envelope_from, to: &claimed.recipients, id: &claimed.message_id };
        let mut hand_over = || {
            step();
            let marked = self.store.transaction(|db| outbox::hand_over(db, claimed, (self.setting.now)()));
            step();
            marked
        };
        let outcome = session.send(&envelope, &bytes, &mut hand_over);
        self.session = Some(session);
        step();
        Ok(match outcome {
            Outcome::Answered(replies) => Attempt::Answered(claimed.recipients.iter().zip(&replies).map(recipient).collect()),
            Outcome::Broken { error, permanent } => Attempt::Broken { error, permanent },
            Outcome::Unknown { error } => Attempt::Unknown { error },
        })
    }
}

/// Signs a message when the domain of its author has a key (SEND-11); the time of the signature is that of the attempt.
fn signed<'m>(setting: &Setting<'_>, bytes: &'m [u8]) -> Result<Cow<'m, [u8]>> {
    if setting.keys.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    let from = mail::parse(bytes).from.map(|from| from.address).unwrap_or_default();
    // Of a domain and one below it, the nearer one signs.
    match setting.keys.iter().filter(|key| key.is_for(&from)).max_by_key(|key| key.domain().len()) {
        Some(key) => dkim::sign(bytes, key, (setting.now)()).map(Cow::Owned),
        None => Ok(Cow::Borrowed(bytes)),
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
        final_timeout: connection.final_timeout,
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
fn unsure_of(told: &Sent) -> anyhow::Error {
    let (id, why) = (told.outbox, told.error.as_deref().unwrap_or_default());
    Fault::new(Class::TempFail, format!("message {id} of the outbox may have been sent: {why}"))
        .hint(format!("find out, then: espomail outbox mark-sent {id}, or: espomail outbox retry {id}"))
        .into()
}

/// SEND-3: the right that it was written under is gone.
fn not_allowed(id: OutgoingId, because: &str) -> anyhow::Error {
    Fault::new(Class::Refused, format!("message {id} of the outbox is held: {because}"))
        .hint(format!("give the right back, then: espomail outbox release {id}, or: espomail outbox drop {id}"))
        .into()
}
