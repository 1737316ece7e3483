//! What delivery reports said: how far e-mails of ours came (BOUNCE-2), and which addresses are no good (BOUNCE-3).

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Result;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::dialect::put_all;
use super::schema::{address_states, deliveries};
use super::{Database, access, clean, lock};
use crate::decide::access::Permit;
use crate::decide::delivery::Recipient;
use crate::decide::reason::Reason;
use crate::fault::{Class, Fault};
use crate::mail::address_key;
use crate::words::{AddressState, DeliveryState, EmailId};

/// What a report says of a delivery.
pub(super) struct DeliveryRow {
    pub email: EmailId,
    pub address: String,
    pub state: DeliveryState,
    pub status: Option<String>,
    pub diagnostic: Option<String>,
    pub report: EmailId,
}

/// What is known of an address now.
pub(super) struct AddressRow {
    pub state: AddressState,
    /// JSON.
    pub soft: String,
    pub because: String,
    pub changed_at: i64,
}

/// How far an e-mail came on its way to a recipient.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Queryable)]
pub struct Delivery {
    pub address: String,
    pub state: DeliveryState,
    pub status: Option<String>,
    pub diagnostic: Option<String>,
    /// The delivery report.
    pub report: Option<EmailId>,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub changed_at: i64,
}

/// An address that reports have spoken of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Known {
    pub address: String,
    pub state: AddressState,
    #[serde(flatten)]
    pub because: Reason,
    /// How many reports said of late that it is out of reach for now.
    pub soft: usize,
    /// Seconds since 1970 UTC.
    #[serde(serialize_with = "crate::clock::time")]
    pub changed_at: i64,
}

/// Writes down what a report says of a delivery. The row was made when the e-mail was sent, as far as that is known (SEND-6).
pub(super) fn set_delivery(db: &mut Database, row: &DeliveryRow, now: i64) -> Result<()> {
    let changed = diesel::update(deliveries::table.find((row.email, &row.address)))
        .set((
            deliveries::state.eq(row.state),
            deliveries::status.eq(&row.status),
            deliveries::diagnostic.eq(&row.diagnostic),
            deliveries::report_id.eq(row.report),
            deliveries::changed_at.eq(now),
        ))
        .execute(db)?;
    if changed == 0 {
        let what = (deliveries::email_id.eq(row.email), deliveries::address.eq(&row.address), deliveries::state.eq(row.state));
        let said = (deliveries::status.eq(&row.status), deliveries::diagnostic.eq(&row.diagnostic));
        let by = (deliveries::report_id.eq(row.report), deliveries::changed_at.eq(now));
        diesel::insert_into(deliveries::table).values((what, said, by)).execute(db)?;
    }
    Ok(())
}

/// What reports said of an e-mail's deliveries.
pub(super) fn reported(db: &mut Database, email: EmailId) -> Result<Vec<DeliveryRow>> {
    type Columns = (String, DeliveryState, Option<String>, Option<String>, EmailId);
    let said = (deliveries::status, deliveries::diagnostic, deliveries::report_id.assume_not_null());
    let of = deliveries::table.filter(deliveries::email_id.eq(email)).filter(deliveries::report_id.is_not_null());
    let rows = of.select((deliveries::address, deliveries::state, said.0, said.1, said.2)).load::<Columns>(db)?;
    let row = |(address, state, status, diagnostic, report)| DeliveryRow { email, address, state, status, diagnostic, report };
    Ok(rows.into_iter().map(row).collect())
}

/// Writes down what is known of an address.
pub(super) fn set(db: &mut Database, address: &str, row: &AddressRow) -> Result<()> {
    diesel::delete(address_states::table.find(address)).execute(db)?;
    diesel::insert_into(address_states::table)
        .values((
            address_states::address.eq(address),
            address_states::state.eq(row.state),
            address_states::soft.eq(&row.soft),
            address_states::because.eq(&row.because),
            address_states::changed_at.eq(row.changed_at),
        ))
        .execute(db)?;
    Ok(())
}

/// Returns how far an e-mail of ours came, recipient by recipient.
pub fn deliveries_of(db: &mut Database, email: EmailId) -> Result<Vec<Delivery>> {
    Ok(deliveries::table
        .filter(deliveries::email_id.eq(email))
        .order(deliveries::address)
        .select((
            deliveries::address,
            deliveries::state,
            deliveries::status,
            deliveries::diagnostic,
            deliveries::report_id,
            deliveries::changed_at,
        ))
        .load(db)?)
}

type Row = (String, AddressState, String, String, i64);

fn known((address, state, soft, because, changed_at): Row) -> Known {
    // Written by us; what cannot be read says nothing.
    let soft: Vec<i64> = serde_json::from_str(&soft).unwrap_or_default();
    Known { address, state, because: Reason::read(&because), soft: soft.len(), changed_at }
}

/// Lists addresses by their state: this one, or all that are no good.
pub fn list(db: &mut Database, state: Option<AddressState>) -> Result<Vec<Known>> {
    let states = match state {
        Some(state) => vec![state],
        None => vec![AddressState::Doubtful, AddressState::Invalid],
    };
    let rows = address_states::table.filter(address_states::state.eq_any(states)).order(address_states::address);
    Ok(rows.load::<Row>(db)?.into_iter().map(known).collect())
}

/// Shows what is known of an address.
pub fn show(db: &mut Database, address: &str) -> Result<Known> {
    let key = address_key(address);
    match address_states::table.find(&key).first::<Row>(db).optional()? {
        Some(row) => Ok(known(row)),
        None => Err(Fault::new(Class::Data, format!("no delivery report has spoken of {key}"))
            .hint("try: espomail address list")
            .into()),
    }
}

/// Forgets what reports said of an address: it is good again.
pub fn clear(db: &mut Database, permit: &Permit<'_>, address: &str, now: i64) -> Result<()> {
    lock(db)?;
    let known = show(db, address)?;
    diesel::delete(address_states::table.find(&known.address)).execute(db)?;
    access::record(db, permit, "address clear", &format!("address:{}", known.address), known.state.as_str(), now)
}

/// How far an e-mail came at a recipient, as the server took it or a person says.
#[derive(Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
pub(super) struct Came {
    email_id: EmailId,
    address: String,
    state: DeliveryState,
    status: Option<String>,
    diagnostic: Option<String>,
    changed_at: i64,
}

impl Came {
    pub fn of(email: EmailId, recipient: &Recipient, state: DeliveryState, now: i64) -> Self {
        Self {
            email_id: email,
            address: address_key(&recipient.address),
            state,
            status: recipient.status.clone(),
            diagnostic: recipient.said.as_deref().map(clean).map(Cow::into_owned),
            changed_at: now,
        }
    }
}

/// Writes down how far e-mails came. Of two that are one address, the last one counts.
pub(super) fn write_deliveries(db: &mut Database, all: impl IntoIterator<Item = Came>) -> Result<()> {
    let once: BTreeMap<(EmailId, String), Came> =
        all.into_iter().map(|came| ((came.email_id, came.address.clone()), came)).collect();
    let rows: Vec<Came> = once.into_values().collect();
    let key = (deliveries::email_id, deliveries::address);
    let values = (
        deliveries::state.eq(excluded(deliveries::state)),
        deliveries::status.eq(excluded(deliveries::status)),
        deliveries::diagnostic.eq(excluded(deliveries::diagnostic)),
        deliveries::changed_at.eq(excluded(deliveries::changed_at)),
    );
    put_all!(&mut *db, deliveries::table, key, values, &rows)?;
    Ok(())
}
