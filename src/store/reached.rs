//! Whether a letter of ours has come to somebody.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::schema::{outbox, outbox_recipients};
use crate::words::{OutboxState, RecipientState};

/// Whether a message is sent, has reached somebody, or goes out once more: it is known from then on.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn has_reached() -> _ {
    let (sent, taken): (OutboxState, RecipientState) = (OutboxState::Sent, RecipientState::Sent);
    let took =
        outbox_recipients::table.filter(outbox_recipients::outbox_id.eq(outbox::id)).filter(outbox_recipients::state.eq(taken));
    outbox::state.eq(sent).or(outbox::is_resent).or(exists(took))
}
