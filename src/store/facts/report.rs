//! What delivery reports of a batch speak of: to whom we sent the e-mails that they name, and what is known of the addresses
//! (BOUNCE), and of senders who may be answered (ACK-3). Asks nothing where there are none.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::named::in_lists;
use crate::decide::{AddressFacts, Facts};
use crate::mail::{Bounce, Mail, Recipient, address_key};
use crate::store::Database;
use crate::store::schema::{address_states, deliveries, outbox, outbox_recipients};
use crate::words::{AddressState, DeliveryState, EmailId, OutboxState, RecipientState};

/// Gathers it; call it when e-mails are known.
pub(super) fn gather(db: &mut Database, mails: &[&Mail], senders: &HashSet<String>, facts: &mut Facts) -> Result<()> {
    let bounces = || mails.iter().filter_map(|mail| mail.bounce.as_ref());
    let named = bounces().flat_map(Bounce::ids).filter_map(|id| facts.emails_by_message_id.get(id)).flatten();
    let named: HashSet<EmailId> = named.copied().collect();
    let rows = in_lists(&named, |some| {
        deliveries::table
            .filter(deliveries::email_id.eq_any(some))
            .select((deliveries::email_id, deliveries::address, deliveries::state))
            .load::<(EmailId, String, DeliveryState)>(db)
    })?;
    let mut sent_to = HashSet::new();
    for (email, address, state) in rows {
        sent_to.insert(address.clone());
        facts.deliveries.entry(email).or_default().insert(address, state);
    }
    // Of a letter of which nobody knows whether it left a report is the proof that it did (SEND-6).
    let rows = in_lists(&named, |some| {
        outbox_recipients::table
            .inner_join(outbox::table.on(outbox::id.eq(outbox_recipients::outbox_id)))
            .filter(outbox::email_id.eq_any(some))
            .filter(outbox::state.eq_any([OutboxState::MaybeSent, OutboxState::Sending]))
            .filter(outbox_recipients::state.eq(RecipientState::Pending))
            .select((outbox::email_id, outbox_recipients::address))
            .load::<(EmailId, String)>(db)
    })?;
    for (email, address) in rows {
        let address = address_key(&address);
        sent_to.insert(address.clone());
        facts.deliveries.entry(email).or_default().entry(address).or_insert(DeliveryState::Sent);
    }
    // Of addresses that we sent nothing to a report says nothing.
    let spoken_of: HashSet<String> =
        bounces().flat_map(|bounce| &bounce.recipients).flat_map(Recipient::names).map(|name| address_key(name)).collect();
    let mut wanted: HashSet<String> = spoken_of.intersection(&sent_to).cloned().collect();
    wanted.extend(senders.iter().cloned());
    let rows = in_lists(&wanted, |some| {
        address_states::table
            .filter(address_states::address.eq_any(some))
            .select((address_states::address, address_states::state, address_states::soft))
            .load::<(String, AddressState, String)>(db)
    })?;
    for (address, state, soft) in rows {
        // Written by us; what cannot be read says nothing.
        let soft = serde_json::from_str(&soft).unwrap_or_default();
        facts.address_states.insert(address, AddressFacts { state, soft });
    }
    Ok(())
}
