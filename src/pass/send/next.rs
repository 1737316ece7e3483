//! The next message of an account's turn: found, asked whether it may still go, and claimed; with what became of those before it.

use anyhow::{Context, Result};

use super::outcome::Done;
use super::setting::Setting;
use super::turn::{AccountTurn, Allowance, Report};
use crate::decide::reason::{Reason, reason};
use crate::decide::sender;
use crate::fault::{Class, Fault};
use crate::plural::counted;
use crate::store::account::Account;
use crate::store::outbox::{self, Claimed, Due};
use crate::store::sending::{self, Sending};
use crate::store::{Database, rights, user};
use crate::words::{AccountId, OutgoingId, Rule};

/// How many messages are claimed at once where their server is quick, and written down at once when it took them: so few that other
/// workers find some, too.
const LOT: usize = 32;
/// How long a claim outlasts the time limits of its account, in seconds.
const MARGIN: i64 = 60;

/// What a look into the outbox found.
#[derive(Default)]
struct Look {
    claimed: Vec<Claimed>,
    /// Messages that their authors may not send any more, and why.
    held: Vec<(OutgoingId, Reason)>,
}

/// How long a message is claimed, in seconds.
pub(super) fn lease(setting: &Setting<'_>) -> Result<i64> {
    let limits = setting.connection.account_timeout + setting.connection.final_timeout;
    Ok(i64::try_from(limits.as_secs())? + MARGIN)
}

impl AccountTurn<'_> {
    /// Returns the next message, which is claimed; none when there is none, or the turn is over. What became of the last one is written
    /// down first. Where its server is quick, that it was taken is noted with the mark of the next one instead, and written down with the
    /// others that were claimed with it.
    pub fn next(
        &mut self,
        is_over: bool,
        only: Option<OutgoingId>,
        allowance: &Allowance,
        report: &mut Report,
    ) -> Result<Option<Claimed>> {
        loop {
            // What somebody is to be told of waits for nothing.
            let rides_along = self.is_quick && !is_over && self.unwritten.iter().all(Done::is_plain);
            if rides_along && let Some(claimed) = self.ahead.pop_front() {
                return Ok(Some(claimed));
            }
            let mut allowed = 0;
            let look = self.look(is_over, only, allowance, &mut allowed);
            let written = self.unwritten.drain(..).collect::<Vec<_>>();
            written.into_iter().for_each(|done| report.tell(&done, &self.account.name, only));
            let claimed = look.as_ref().map_or(0, |look| look.claimed.len());
            let unused = if is_over { self.ahead.drain(..).len() } else { 0 };
            allowance.give_back(allowed - claimed + unused);
            let Look { claimed, held } = look?;
            report.faults.extend(held.iter().map(|(id, because)| not_allowed(*id, because)));
            self.ahead.extend(claimed);
            let next = self.ahead.pop_front();
            if next.is_some() || held.is_empty() {
                return Ok(next);
            }
        }
    }

    /// Writes down what became of messages, and claims the next ones where none are claimed, in one transaction. Where that fails each is
    /// written down alone: that it went out must not be forgotten for another one's sake.
    fn look(&mut self, is_over: bool, only: Option<OutgoingId>, allowance: &Allowance, allowed: &mut usize) -> Result<Look> {
        let Self { setting, account, sending, ahead, unwritten, .. } = self;
        let now = (setting.now)();
        let lease = lease(setting)?;
        let most = if self.is_quick { LOT } else { 1 };
        let both = self.store.transaction(|db| {
            Done::write_all(unwritten, db, account.id, now)?;
            if is_over {
                outbox::give_back(db, ahead.iter())?;
            }
            // What an account that is switched off has to send waits.
            if is_over || !account.active || !ahead.is_empty() {
                return Ok(Look::default());
            }
            let most = most.min(left_of_hour(db, account, sending, now)?);
            let mut look = Look::default();
            let mut due = Vec::new();
            for one in outbox::next(db, account.id, only, most, now)? {
                match objection(db, &one, account.id)? {
                    None => due.push(one),
                    Some(because) => {
                        outbox::hold(db, one.id, &because)?;
                        look.held.push((one.id, because));
                    }
                }
            }
            // A transaction that is repeated takes them all the same.
            *allowed += allowance.take(due.len().saturating_sub(*allowed));
            due.truncate(*allowed);
            look.claimed = outbox::claim(db, due, setting.owner, now, lease)?;
            Ok(look)
        });
        let Err(error) = both else { return both };
        let alone = unwritten.iter().map(|done| {
            let told = done.told(&account.name);
            // What a server said must not be lost with the database: a person can write it down.
            let what = || format!("message {} of the outbox is {}, and that cannot be written down", told.outbox, told.state);
            self.store.transaction(|db| done.write_alone(db, now)).with_context(what)
        });
        alone.collect::<Vec<_>>().into_iter().collect::<Result<()>>().and(Err(error))
    }

    /// Writes down what a turn has left that ended in a panic.
    pub fn write_down(&mut self, report: &mut Report) {
        let now = (self.setting.now)();
        for done in std::mem::take(&mut self.unwritten) {
            report.faults.extend(self.store.transaction(|db| done.write_alone(db, now)).err());
            report.tell(&done, &self.account.name, None);
        }
        let ahead = std::mem::take(&mut self.ahead);
        report.faults.extend(self.store.transaction(|db| outbox::give_back(db, &ahead)).err());
    }
}

/// How many messages an account may still send in this hour (SEND-11).
fn left_of_hour(db: &mut Database, account: &Account, sending: &Sending, now: i64) -> Result<usize> {
    let Some(most) = sending.settings.max_per_hour else { return Ok(usize::MAX) };
    let left = usize::try_from(most - outbox::sent_since(db, account.id, now - 3_600)?).unwrap_or(0);
    if left == 0 {
        log::info!(
            "account {}: {} went out in this hour; the rest waits ({})",
            account.name,
            counted(most, "message"),
            Rule::Send11
        );
    }
    Ok(left)
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
    if !known.settings.active {
        return Ok(Some(reason!(Send3, "{}, who wrote it, is not active any more", known.login)));
    }
    let actor = rights::actor(db, "", author, false)?;
    let (own, outlets) = (user::addresses_of(db, author)?, sending::outlets(db)?);
    let may = sender::may_go(&actor, &own, &due.envelope_from, account, &outlets);
    Ok((!may).then(|| reason!(Send3, "{}, who wrote it, may not send as <{}> any more", known.login, due.envelope_from)))
}
