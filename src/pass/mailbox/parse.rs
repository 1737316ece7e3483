//! One message of a mailbox, parsed.

use anyhow::Result;

use crate::decide::Arrival;
use crate::fault::step;
use crate::mailbox::RawMessage;
use crate::pass::intake::{self, Arrived, Gate, Refused};
use crate::store::{Store, attempt};
use crate::words::PositionId;

/// The death of a pass that quarantines the message it was working on (FETCH-6).
const LAST_DEATH: i64 = 3;

pub(super) fn parse_one(position: PositionId, message: RawMessage) -> Result<Arrived, Box<Refused>> {
    let arrival =
        Arrival { position, uid: i64::from(message.uid), internal_date: message.internal_date, partial: message.partial };
    intake::prepare(arrival, &message.bytes)
}

/// Parses a message, an attempt row committed before.
pub(super) fn parse_carefully(store: &mut Store, gate: &Gate<'_>, message: RawMessage) -> Result<Result<Arrived, Box<Refused>>> {
    let uid = i64::from(message.uid);
    let deaths = store.transaction(|db| attempt::begin(db, gate.position, uid))?;
    step();
    // The first death was that of the batch: it made this pass careful.
    if deaths + 1 < LAST_DEATH {
        return Ok(parse_one(gate.position, message));
    }
    let arrival = Arrival { position: gate.position, uid, internal_date: message.internal_date, partial: message.partial };
    let packed = intake::pack_unparsed(&message.bytes);
    let error = format!("{deaths} passes died while they worked on this message alone");
    Ok(Err(Box::new(Refused { arrival, packed, error })))
}
