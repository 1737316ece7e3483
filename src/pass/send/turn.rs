//! One account's turn: claim, attempt, outcome; over one connection, until nothing is due, its time is over, or its server fails.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use super::outcome::{self, Done, Sent, follow, is_everybodys, tried};
use super::setting::{Setting, server, signed};
use crate::decide::delivery::{self, Attempt, Recipient, may_repeat};
use crate::decide::reason::{Reason, reason};
use crate::decide::sender;
use crate::fault::{Class, Fault, Reach, one_line, reach_of, sameness, step};
use crate::relay::{Envelope, Outcome, Reply, Session};
use crate::store::account::{self, Account, Resting};
use crate::store::outbox::{self, Claimed, Due};
use crate::store::sending::{self, Sending};
use crate::store::{Database, Store, generation, raw, rights, trouble, user};
use crate::words::{AccountId, Auth, OutboxState, OutgoingId, RecipientState, Rule};

/// How long a claim outlasts the time limits of its account, in seconds.
const MARGIN: i64 = 60;

/// How many messages this pass may still send.
pub(super) struct Allowance(pub Mutex<usize>);

impl Allowance {
    fn take(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let some = *left > 0;
        *left = left.saturating_sub(1);
        some
    }
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
    /// What was found out about servers, and is said once.
    pub learned: Vec<String>,
    /// Accounts that rest after a failure, through which something is due.
    pub resting: Vec<Resting>,
}

/// One account's turn.
pub(super) struct Turn<'a> {
    pub setting: &'a Setting<'a>,
    pub store: Store,
    pub account: Account,
    /// Who counts what goes out (SEND-12); none where that cannot be written down.
    writer: Option<&'a str>,
    sending: Sending,
    deadline: Instant,
    pub session: Option<Session>,
    /// Why the turn failed was said of a message already.
    pub is_said: bool,
    /// What was found out about the server in the last attempt, to be said once.
    learned: Option<String>,
}

/// What a look into the outbox found.
enum Next {
    Message(Claimed),
    /// A message that its author may not send any more, and why.
    Held(OutgoingId, Reason),
    Nothing,
}

/// How long a message is claimed, in seconds.
pub(super) fn lease(setting: &Setting<'_>) -> Result<i64> {
    let limits = setting.connection.account_timeout + setting.connection.final_timeout;
    Ok(i64::try_from(limits.as_secs())? + MARGIN)
}

impl<'a> Turn<'a> {
    pub fn begin(setting: &'a Setting<'a>, id: AccountId, writer: Option<&'a str>) -> Result<Self> {
        let mut store = Store::open(setting.database)?;
        let account = account::find(store.connection(), &id.to_string())?;
        let sending = sending::of(store.connection(), id)?;
        let deadline = Instant::now() + setting.connection.account_timeout;
        Ok(Self { setting, store, account, writer, sending, deadline, session: None, is_said: false, learned: None })
    }

    /// Writes down how the turn went, for as long as the server for sending fails (FETCH-12). Returns whether a failure is to be said.
    pub fn note(&mut self, done: &Result<()>, report: &mut Report) -> bool {
        let (account, now) = (self.account.id, (self.setting.now)());
        let noted = match done {
            Err(error) if reach_of(error) == Reach::Account => {
                let (error, same) = (one_line(error), sameness(error));
                let has_sent = report.sent.iter().any(|told| told.state == OutboxState::Sent);
                self.store.transaction(|db| {
                    if has_sent {
                        // A message that this server fails at makes the others wait no longer each time.
                        trouble::has_worked(db, account)?;
                    }
                    trouble::note(db, account, (&error, &same), now)
                })
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

    pub fn send_all(&mut self, only: Option<OutgoingId>, allowance: &Allowance, report: &mut Report) -> Result<()> {
        let mut done: Option<Done> = None;
        let mut fault = None;
        let mut sent = 0;
        loop {
            let is_over = fault.is_some() || Instant::now() >= self.deadline || self.setting.stop.requested();
            let next = self.next(done.as_ref(), is_over, only, allowance);
            if let Some(done) = done.take() {
                let told = done.told(&self.account.name);
                // A person who waits for one message sees how it failed.
                let is_seen = only.is_some() && told.state == OutboxState::Failed;
                report.faults.extend(done.fault().filter(|_| !is_seen));
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
                    report.learned.extend(self.learned.take());
                    // So it is when the server fails, whatever became of the message.
                    let failure = self.session.as_mut().and_then(Session::take_failure);
                    let settled = self.settled(claimed, attempt);
                    self.is_said = failure.is_some() && settled.settled.state == OutboxState::MaybeSent;
                    fault = fault.or(failure.map(Into::into));
                    done = Some(settled);
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
        let lease = lease(setting)?;
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
                log::info!("account {}: {most} messages went out in this hour; the rest waits ({})", account.name, Rule::Send11);
                return Ok(Next::Nothing);
            }
            let Some(due) = outbox::next(db, account.id, only, now)? else { return Ok(Next::Nothing) };
            if let Some(because) = objection(db, &due, account.id)? {
                outbox::hold(db, due.id, &because.to_string())?;
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
        let bytes = match raw::raw_of(self.store.connection(), claimed.email) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Attempt::Broken { error: "its raw bytes are gone".to_string(), permanent: true }),
            // It would be no better next time, and keeps no other.
            Err(error) if !is_everybodys(&error) => {
                return Ok(Attempt::Broken { error: format!("{error:#}"), permanent: true });
            }
            Err(error) => return Err(error),
        };
        let bytes = match signed(self.setting, &bytes) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Attempt::Broken { error: format!("{error:#}"), permanent: true }),
        };
        let kept = self.session.take().filter(|session| !session.is_over());
        // A server may end the session when the token ends (FETCH-16).
        let may_have_ended = kept.is_some() && smtp.auth.auth().is_some_and(Auth::is_token);
        let mut session = match kept {
            Some(session) => session,
            None => Session::open(&server(self.setting, &self.account, smtp, self.deadline)?)?,
        };
        // ACK-2: an automatic answer goes with an empty sender, but for servers that take none.
        let own = self.account.address.as_str();
        let is_empty = claimed.envelope_from.is_empty() && self.sending.empty_sender;
        let from = if claimed.envelope_from.is_empty() && !is_empty { own } else { &claimed.envelope_from };
        let envelope = Envelope { from, to: &claimed.recipients, id: &claimed.message_id };
        let mut unmarked = None;
        let mut hand_over = || {
            step();
            let marked = self.store.transaction(|db| {
                self.writer.map_or(Ok(()), |writer| generation::raise_for_one(db, writer))?;
                outbox::hand_over(db, claimed, (self.setting.now)())
            });
            step();
            if let (Some(writer), Ok(())) = (self.writer, &marked) {
                generation::note_one(&mut self.store, self.setting.beside, writer);
            }
            marked.map_err(|error| {
                let text = format!("{error:#}");
                unmarked = Some(error);
                anyhow!(text)
            })
        };
        let mut outcome = session.send(&envelope, &bytes, &mut hand_over);
        if may_have_ended && matches!(outcome, Outcome::Broken { permanent: false, .. }) && session.take_failure().is_some() {
            session = Session::open(&server(self.setting, &self.account, smtp, self.deadline)?)?;
            outcome = session.send(&envelope, &bytes, &mut hand_over);
        }
        let refused = match &outcome {
            Outcome::SenderRefused(reply) if is_empty && forbids_empty(reply) => Some(reply.clone()),
            _ => None,
        };
        if refused.is_some() {
            if session.is_over() {
                session = Session::open(&server(self.setting, &self.account, smtp, self.deadline)?)?;
            }
            outcome = session.send(&Envelope { from: own, ..envelope }, &bytes, &mut hand_over);
        }
        self.session = Some(session);
        step();
        if let Some(error) = unmarked {
            // The database's fault, or another pass has it in hand.
            return Err(error);
        }
        if let Some(reply) = refused.filter(|_| matches!(outcome, Outcome::Answered(_) | Outcome::Unknown { .. })) {
            self.learn(&reply);
        }
        Ok(match outcome {
            Outcome::SenderRefused(reply) => {
                Attempt::Answered(claimed.recipients.iter().map(|address| recipient((address, &reply))).collect())
            }
            Outcome::Answered(replies) => Attempt::Answered(claimed.recipients.iter().zip(&replies).map(recipient).collect()),
            Outcome::Broken { error, permanent } => Attempt::Broken { error, permanent },
            Outcome::Unknown { error } => Attempt::Unknown { error },
        })
    }

    /// ACK-2: remembers that the server takes no empty sender. That it cannot be written down is no fault of the message: it is found out
    /// anew.
    fn learn(&mut self, reply: &Reply) {
        let (id, name, address) = (self.account.id, &self.account.name, &self.account.address);
        self.sending.empty_sender = false;
        match self.store.transaction(|db| sending::refuse_empty_sender(db, id)) {
            Ok(true) => {
                let code = reply.code;
                self.learned = Some(format!(
                    "account {name}: its server takes no empty sender ({code}), so automatic answers go as <{address}> from now on; \
                     to try again: espomail account set {name} --empty-sender true"
                ));
            }
            Ok(false) => {}
            Err(error) => log::warn!("account {name}: that its server takes no empty sender cannot be written down: {error:#}"),
        }
    }
}

impl Turn<'_> {
    /// Decides what became of a message.
    pub(super) fn settled(&self, claimed: Claimed, attempt: Attempt) -> Done {
        let may_repeat = may_repeat(self.setting.repeat_replies, claimed.kind, claimed.attempts);
        let settled = delivery::settle(attempt, &tried(&claimed, may_repeat), (self.setting.now)());
        Done { claimed, settled }
    }

    /// Does what follows from the messages that the account has sent, by this pass or by one that died. A message of which that cannot
    /// be done is said, and keeps no other.
    pub(super) fn follow_up(&mut self, faults: &mut Vec<anyhow::Error>) -> Result<()> {
        let (account, now) = (self.account.id, (self.setting.now)());
        step();
        // Looked at first: the lock row is not taken, nor written, for nothing.
        while !outbox::reached(self.store.connection(), account, None, 1)?.is_empty() {
            match self.store.transaction(|db| follow(db, account, None, now)) {
                Ok(()) => {}
                Err(error) if is_everybodys(&error) => return Err(error),
                Err(_) => self.follow_singly(faults, now)?,
            }
            step();
        }
        Ok(())
    }

    fn follow_singly(&mut self, faults: &mut Vec<anyhow::Error>, now: i64) -> Result<()> {
        let account = self.account.id;
        for one in outbox::reached(self.store.connection(), account, None, outcome::BATCH)? {
            match self.store.transaction(|db| follow(db, account, Some(one.id), now)) {
                Ok(()) => {}
                Err(error) if is_everybodys(&error) => return Err(error),
                Err(error) => {
                    self.store.transaction(|db| outbox::set_followed(db, &[one.id]))?;
                    let what = format!("e-mail {} was sent, but stream and inboxes do not tell of it: {error:#}", one.email);
                    let hint = format!("see: espomail email show {}", one.email);
                    faults.push(Fault::new(Class::Software, what).hint(hint).into());
                }
            }
        }
        Ok(())
    }
}

/// ACK-2: whether a server refuses an empty sender as such.
fn forbids_empty(reply: &Reply) -> bool {
    matches!(reply.code, 501 | 550 | 553) || reply.is_about_sender()
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

/// SEND-3: the right that it was written under is gone.
fn not_allowed(id: OutgoingId, because: &Reason) -> anyhow::Error {
    Fault::new(Class::Refused, format!("message {id} of the outbox is held: {because}"))
        .hint(format!("give the right back, then: espomail outbox release {id}, or: espomail outbox drop {id}"))
        .into()
}

/// SEND-3: why a message must not go out any more, days after it was written perhaps; none where it may. What goes out by itself, or
/// by the service account's word, has no author whose right could be gone.
fn objection(db: &mut Database, due: &Due, account: AccountId) -> Result<Option<Reason>> {
    let Some(author) = due.author else { return Ok(None) };
    let known = user::show(db, author)?;
    if !known.active {
        return Ok(Some(reason!(Send3, "{}, who wrote it, is not active any more", known.login)));
    }
    let actor = rights::actor(db, "", author, false)?;
    let (own, outlets) = (user::addresses_of(db, author)?, sending::outlets(db)?);
    let may = sender::may_go(&actor, &own, &due.envelope_from, account, &outlets);
    Ok((!may).then(|| reason!(Send3, "{}, who wrote it, may not send as <{}> any more", known.login, due.envelope_from)))
}
