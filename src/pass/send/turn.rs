//! One account's turn: claim, attempt, outcome; over one connection, until nothing is due, its time is over, or its server fails.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::outcome::{self, Done, Sent, follow, is_everybodys, tried};
use super::setting::{Setting, server, signed};
use crate::decide::delivery::{self, Attempt, Recipient, may_repeat};
use crate::fault::{Class, Fault, Reach, class_of, one_line, reach_of, sameness, step};
use crate::relay::{Envelope, Outcome, Reply, Session};
use crate::store::account::{self, Account, Resting};
use crate::store::generation::Writer;
use crate::store::outbox::{self, Claimed};
use crate::store::sending::{self, Sending};
use crate::store::{Store, raw, trouble};
use crate::words::{AccountId, Auth, OutboxState, OutgoingId, RecipientState};

/// How long a message may take a server that counts as quick: so long it is not written down that the one before was taken.
const QUICK: Duration = Duration::from_millis(30);

/// How many messages this pass may still send.
pub(super) struct Allowance(pub Mutex<usize>);

impl Allowance {
    /// Takes so many, or as many as there are.
    pub fn take(&self, most: usize) -> usize {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = most.min(*left);
        *left -= taken;
        taken
    }

    pub fn give_back(&self, count: usize) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += count;
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
pub(super) struct AccountTurn<'a> {
    pub setting: &'a Setting<'a>,
    pub store: Store,
    pub account: Account,
    /// Who counts what goes out (SEND-12); none where that cannot be written down.
    writer: Option<&'a Writer>,
    pub sending: Sending,
    deadline: Instant,
    pub session: Option<Session>,
    /// Why the turn failed was said of a message already.
    pub is_said: bool,
    /// What was found out about the server in the last attempt, to be said once.
    learned: Option<String>,
    /// Claimed, and not begun.
    pub ahead: VecDeque<Claimed>,
    /// What became of messages and is not written down yet.
    pub unwritten: Vec<Done>,
    /// Whether the last message took its server no longer than a commit takes us.
    pub is_quick: bool,
}

impl<'a> AccountTurn<'a> {
    pub fn begin(setting: &'a Setting<'a>, id: AccountId, writer: Option<&'a Writer>) -> Result<Self> {
        let mut store = Store::open(setting.database)?;
        let account = account::find(store.connection(), &id.to_string())?;
        let sending = sending::of(store.connection(), id)?;
        let deadline = Instant::now() + setting.connection.account_timeout;
        Ok(Self {
            setting,
            store,
            account,
            writer,
            sending,
            deadline,
            session: None,
            is_said: false,
            learned: None,
            ahead: VecDeque::new(),
            unwritten: Vec::new(),
            is_quick: false,
        })
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
        let mut fault = None;
        let mut sent = 0;
        loop {
            let is_over = fault.is_some() || Instant::now() >= self.deadline || self.setting.stop.requested();
            let Some(claimed) = self.next(is_over, only, allowance, report)? else { return fault.map_or(Ok(()), Err) };
            step();
            if sent > 0 && sent % outcome::BATCH == 0 {
                fault = self.follow_up(&mut report.faults).err();
            }
            sent += 1;
            // An error is the connection's fault, not the message's: it is due again, and the account's turn is over.
            let attempt = self.attempt(&claimed, only, report);
            if self.is_cut_short(&attempt) {
                self.session = None;
                self.ahead.push_front(claimed);
                continue;
            }
            let attempt = attempt.unwrap_or_else(|error| {
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
            self.unwritten.push(settled);
        }
    }

    /// Whether an attempt was left, as somebody asked for the end: it is as if nobody had begun it. What was handed over is waited for.
    fn is_cut_short(&self, attempt: &Result<Attempt>) -> bool {
        let is_of_the_line = match attempt {
            Ok(attempt) => matches!(attempt, Attempt::Broken { permanent: false, .. }),
            Err(error) => class_of(error) == Class::Unavailable && reach_of(error) == Reach::Account,
        };
        is_of_the_line && self.setting.stop.requested()
    }

    /// Tries to send one message. An error is the connection's.
    fn attempt(&mut self, claimed: &Claimed, only: Option<OutgoingId>, report: &mut Report) -> Result<Attempt> {
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
        let is_empty = claimed.envelope_from.is_empty() && self.sending.settings.empty_sender;
        let from = if claimed.envelope_from.is_empty() && !is_empty { own } else { &claimed.envelope_from };
        let envelope = Envelope { from, to: &claimed.recipients, id: &claimed.message_id };
        let (mut unmarked, mut marking, began) = (None, Duration::ZERO, Instant::now());
        let refused = |replies: &[Reply]| -> Vec<Recipient> {
            let judged = claimed.recipients.iter().zip(replies).map(recipient);
            judged.filter(|one| one.state != RecipientState::Sent).collect()
        };
        let mut hand_over = |replies: &[Reply]| {
            step();
            let began = Instant::now();
            let now = (self.setting.now)();
            let marked = self.store.transaction(|db| {
                // Of those before it each was noted with the mark of the one behind it.
                let is_noted = match self.unwritten.last() {
                    Some(last) => last.is_plain() && outbox::note_taken(db, &last.claimed, now)?,
                    None => true,
                };
                if !is_noted {
                    Done::write_all(&self.unwritten, db, self.account.id, now)?;
                }
                let number = self.writer.map(|writer| writer.raise_for_one(db)).transpose()?;
                outbox::hand_over(db, claimed, &refused(replies), now).map(|()| (number, is_noted))
            });
            step();
            if let (Some(writer), Ok((Some(number), _))) = (self.writer, &marked) {
                writer.note_one(*number);
            }
            marking += began.elapsed();
            if let Ok((_, false)) = marked {
                self.unwritten.drain(..).for_each(|done| report.tell(&done, &self.account.name, only));
            }
            marked.map(drop).map_err(|error| {
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
        let sender_refused = match &outcome {
            Outcome::SenderRefused(reply) if is_empty && forbids_empty(reply) => Some(reply.clone()),
            _ => None,
        };
        if sender_refused.is_some() {
            if session.is_over() {
                session = Session::open(&server(self.setting, &self.account, smtp, self.deadline)?)?;
            }
            outcome = session.send(&Envelope { from: own, ..envelope }, &bytes, &mut hand_over);
        }
        self.session = Some(session);
        self.is_quick = began.elapsed().saturating_sub(marking) < QUICK;
        step();
        if let Some(error) = unmarked {
            // The database's fault, or another pass has it in hand.
            return Err(error);
        }
        if let Some(reply) = sender_refused.filter(|_| matches!(outcome, Outcome::Answered(_) | Outcome::Unknown { .. })) {
            self.learn(&reply);
        }
        Ok(match outcome {
            Outcome::SenderRefused(reply) => {
                Attempt::Answered(claimed.recipients.iter().map(|address| recipient((address, &reply))).collect())
            }
            Outcome::Answered(replies) => Attempt::Answered(claimed.recipients.iter().zip(&replies).map(recipient).collect()),
            Outcome::Broken { error, permanent } => Attempt::Broken { error, permanent },
            Outcome::Unknown { error, replies } => Attempt::Unknown { error, refused: refused(&replies) },
        })
    }

    /// ACK-2: remembers that the server takes no empty sender. That it cannot be written down is no fault of the message: it is found out
    /// anew.
    fn learn(&mut self, reply: &Reply) {
        let (id, name, address) = (self.account.id, &self.account.name, &self.account.address);
        self.sending.settings.empty_sender = false;
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

impl Report {
    /// Tells what became of a message.
    pub(super) fn tell(&mut self, done: &Done, account: &str, only: Option<OutgoingId>) {
        let told = done.told(account);
        // A person who waits for one message sees how it failed.
        let is_seen = only.is_some() && told.state == OutboxState::Failed;
        self.faults.extend(done.fault().filter(|_| !is_seen));
        self.sent.push(told);
    }
}

impl AccountTurn<'_> {
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
