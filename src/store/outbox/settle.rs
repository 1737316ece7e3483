//! What became of messages that a pass had in hand (SEND-6), and how far they came at each recipient (BOUNCE-2).

use std::borrow::Cow;
use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::super::dialect::put_all;
use super::super::schema::{outbox, outbox_recipients};
use super::super::{Database, clean, copy};
use super::sending::{Claimed, is_followed, judge, ours, taken_over};
use crate::decide::delivery::{Recipient, Settled};
use crate::store::address::{Came, write_deliveries};
use crate::words::{DeliveryState, OutboxState, OutgoingId, RecipientState};

/// Notes in the row of a message that its server took it for everybody, for a pass that writes down what became of some at once: one that
/// dies before that leaves no doubt. Returns whether the row was still this pass's.
pub fn note_taken(db: &mut Database, claimed: &Claimed, now: i64) -> Result<bool> {
    let sending = ours(claimed).filter(outbox::state.eq(OutboxState::Sending));
    Ok(diesel::update(sending).set(outbox::sent_at.eq(now)).execute(db)? == 1)
}

/// Writes down what became of a message, and how far it came at each recipient (BOUNCE-2). Fails, and changes nothing, when another
/// pass has it in hand. One that was given up for dead too early still says what became of a message that may have been sent.
pub fn settle(db: &mut Database, claimed: &Claimed, settled: &Settled, now: i64) -> Result<()> {
    let is_sent = matches!(settled.state, OutboxState::Sent);
    let mut open = vec![OutboxState::Sending, OutboxState::MaybeSent];
    if is_sent {
        // A person may have wanted it tried again meanwhile: it need not be.
        open.push(OutboxState::Queued);
    }
    let open = outbox::state.eq_any(open);
    let written = diesel::update(ours(claimed).filter(open))
        .set((
            outbox::state.eq(settled.state),
            outbox::due_at.eq(settled.due_at),
            outbox::last_error.eq(settled.error.as_deref().map(clean).as_deref()),
            outbox::lease_owner.eq(None::<String>),
            outbox::lease_until.eq(None::<i64>),
            outbox::sent_at.eq(is_sent.then_some(now)),
            (settled.is_first && is_followed(claimed.kind)).then(|| outbox::reached_at.eq(now)),
        ))
        .execute(db)?;
    if written != 1 {
        let is_said = is_sent && ours(claimed).filter(outbox::state.eq(OutboxState::Sent)).count().get_result::<i64>(db)? == 1;
        // Whoever gave this pass up for dead read in the row that the message was taken.
        return if is_said { Ok(()) } else { Err(taken_over(claimed)) };
    }
    if settled.is_first {
        copy::want(db, &[claimed.id], Some(now), now)?;
    }
    settled.recipients.iter().try_for_each(|one| judge(db, claimed.id, one))?;
    write_deliveries(db, settled.recipients.iter().filter_map(|one| came(claimed, one, now)))
}

fn came(claimed: &Claimed, recipient: &Recipient, now: i64) -> Option<Came> {
    let state = match recipient.state {
        RecipientState::Sent => DeliveryState::Sent,
        RecipientState::Failed => DeliveryState::Failed,
        RecipientState::Pending => return None,
    };
    Some(Came::of(claimed.email, recipient, state, now))
}

/// Writes down the same of messages that were taken for everybody at the first attempt, with a few statements for all of them. Returns
/// those whose rows were not as this pass left them: they go one by one.
pub fn settle_taken<'a>(
    db: &mut Database,
    taken: &[(&'a Claimed, &'a Settled)],
    now: i64,
) -> Result<Vec<(&'a Claimed, &'a Settled)>> {
    let mut written = HashSet::new();
    for has_more in [true, false] {
        let ids: Vec<OutgoingId> =
            taken.iter().filter(|(one, _)| is_followed(one.kind) == has_more).map(|(one, _)| one.id).collect();
        if ids.is_empty() {
            continue;
        }
        let rows = outbox::table.filter(outbox::id.eq_any(ids)).filter(outbox::attempts.eq(1));
        let rows = diesel::update(rows.filter(outbox::state.eq(OutboxState::Sending))).set((
            outbox::state.eq(OutboxState::Sent),
            outbox::due_at.eq(None::<i64>),
            outbox::last_error.eq(None::<String>),
            outbox::lease_owner.eq(None::<String>),
            outbox::lease_until.eq(None::<i64>),
            outbox::sent_at.eq(now),
            has_more.then(|| outbox::reached_at.eq(now)),
        ));
        written.extend(rows.returning(outbox::id).get_results::<OutgoingId>(db)?);
    }
    let ids: Vec<OutgoingId> = written.iter().copied().collect();
    if !ids.is_empty() {
        copy::want(db, &ids, Some(now), now)?;
    }
    let (done, rest): (Vec<_>, Vec<_>) = taken.iter().copied().partition(|(one, _)| written.contains(&one.id));
    let recipients = || done.iter().flat_map(|(one, settled)| settled.recipients.iter().map(move |recipient| (*one, recipient)));
    let answers: Vec<SaidRow<'_>> = recipients().map(|(one, recipient)| SaidRow::of(one.id, recipient)).collect();
    let key = (outbox_recipients::outbox_id, outbox_recipients::address);
    let values = (
        outbox_recipients::state.eq(excluded(outbox_recipients::state)),
        outbox_recipients::code.eq(excluded(outbox_recipients::code)),
        outbox_recipients::status.eq(excluded(outbox_recipients::status)),
        outbox_recipients::said.eq(excluded(outbox_recipients::said)),
    );
    put_all!(&mut *db, outbox_recipients::table, key, values, &answers)?;
    write_deliveries(db, recipients().filter_map(|(one, recipient)| came(one, recipient, now)))?;
    Ok(rest)
}

/// What a server said of a recipient.
#[derive(Insertable)]
#[diesel(table_name = outbox_recipients, treat_none_as_default_value = false)]
struct SaidRow<'a> {
    outbox_id: OutgoingId,
    address: &'a str,
    state: RecipientState,
    code: Option<i64>,
    status: Option<&'a str>,
    said: Option<Cow<'a, str>>,
}

impl<'a> SaidRow<'a> {
    fn of(id: OutgoingId, recipient: &'a Recipient) -> Self {
        let Recipient { address, state, code, status, said } = recipient;
        let said = said.as_deref().map(clean);
        Self { outbox_id: id, address, state: *state, code: *code, status: status.as_deref(), said }
    }
}
