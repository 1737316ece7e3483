//! How everything is, in numbers, for those who look after it. As many questions however much there is.

use std::collections::BTreeMap;

use anyhow::Result;
use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::round::{self, Round};
use super::schema::{
    account_sending, accounts, effects, emails, held_actions, outbox, quarantine, reviews, sending_failures, sent_copies,
};
use super::storage::state::{self, State};
use super::{Database, WHOLE, account, backup, load, outbox as messages, part, server_action, skipped, upkeep, user};
use crate::words::{OutboxState, Rule};

/// How an account fares. Times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AccountState {
    pub account: String,
    pub active: bool,
    #[serde(serialize_with = "crate::clock::optional")]
    pub last_success_at: Option<i64>,
    #[serde(serialize_with = "crate::clock::optional")]
    pub failing_since: Option<i64>,
    pub last_error: Option<String>,
    #[serde(serialize_with = "crate::clock::optional")]
    pub sending_failing_since: Option<i64>,
    /// Since when nothing was fetched: the last success, or when it was added.
    #[serde(skip)]
    pub fetched_at: i64,
    #[serde(skip)]
    pub added_at: i64,
}

impl AccountState {
    pub fn is_failing(&self) -> bool {
        self.failing_since.is_some() || self.sending_failing_since.is_some()
    }
}

/// What is there and what waits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Overview {
    pub accounts: Vec<AccountState>,
    pub emails: i64,
    pub open_cases: i64,
    /// Those of them that nobody has, and when the oldest was opened of those that were to be somebody's (DIST-1).
    pub unassigned: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub unassigned_since: Option<i64>,
    /// Messages that go out, by state.
    pub outbox: BTreeMap<&'static str, i64>,
    /// What of it is due, since when, and what is held, also because the database was put back (SEND-12).
    pub outbox_due: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub outbox_due_since: Option<i64>,
    pub outbox_held: i64,
    pub outbox_held_restored: i64,
    /// Commands of filters, and copies for Sent mailboxes.
    pub effects_due: i64,
    pub effects_given_up: i64,
    pub copies_due: i64,
    pub copies_given_up: i64,
    /// What is to be done with messages on servers (FETCH-9); the last in mailboxes that are not read any more.
    pub server_actions_due: i64,
    pub server_actions_given_up: i64,
    pub server_actions_unwatched: i64,
    pub quarantined: i64,
    /// What filters skipped and is kept here, as no server has it.
    pub skipped_kept: i64,
    /// What servers list and do not hand over.
    pub undelivered: i64,
    pub reviews: i64,
    #[serde(serialize_with = "crate::clock::optional")]
    pub reviews_since: Option<i64>,
    pub held_actions: i64,
    /// When each kind of pass was at work last, within a few minutes.
    pub passes: BTreeMap<&'static str, Option<String>>,
    #[serde(skip)]
    pub passed_at: BTreeMap<&'static str, Option<i64>>,
    /// Which of them cannot begin their work, and why.
    pub stuck: BTreeMap<&'static str, String>,
    /// Whether an active account sends, and whether a user is told by mail: what "send" and "notify" are for.
    #[serde(skip)]
    pub sends: bool,
    #[serde(skip)]
    pub notifies: bool,
    /// What lies outside the database, and what is to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<State>,
    pub bytes: i64,
    /// Where a SQLite database is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free: Option<i64>,
}

/// Looks at everything in the database that this is the URL of.
pub fn overview(db: &mut Database, url: &str, now: i64) -> Result<Overview> {
    let count = |state: OutboxState, found: &[(OutboxState, i64)]| {
        found.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count)
    };
    let states: Vec<(OutboxState, i64)> = outbox::table.group_by(outbox::state).select((outbox::state, count_star())).load(db)?;
    let is_due = outbox::state.eq(OutboxState::Queued).and(outbox::due_at.le(now)).and(outbox::held_because.is_null());
    let (due, since) =
        outbox::table.filter(is_due).select((count_star(), min(outbox::due_at))).first::<(i64, Option<i64>)>(db)?;
    let mut held =
        |rule| messages::count(db, &messages::OutboxFilter { held: true, rule, ..messages::OutboxFilter::default() }, WHOLE);
    let (outbox_held, outbox_held_restored) = (held(None)?, held(Some(Rule::Send12))?);
    let given_up = effects::due_at.is_null().and(effects::done_at.is_null());
    let copies_given_up = sent_copies::due_at.is_null().and(sent_copies::done_at.is_null());
    let (server_actions_due, stuck) = server_action::stuck(db, now)?;
    let mut passed_at = BTreeMap::new();
    for pass in Round::ALL {
        passed_at.insert(pass.as_str(), round::last(db, *pass)?);
    }
    let mut stuck_passes = BTreeMap::new();
    for pass in Round::ALL {
        stuck_passes.extend(round::stuck(db, *pass)?.map(|stuck| (pass.as_str(), stuck.error)));
    }
    let waiting = reviews::table.filter(reviews::decision.is_null()).select((count_star(), min(reviews::created_at)));
    let (reviews, reviews_since) = waiting.first::<(i64, Option<i64>)>(db)?;
    let sending = account_sending::table.inner_join(accounts::table.on(accounts::id.eq(account_sending::account_id)));
    let sending = sending.filter(accounts::active.eq(true)).filter(account_sending::smtp_host.is_not_null());
    let (unassigned, unassigned_since) = load::unassigned(db)?;
    // What cannot be looked at is a row of "doctor".
    let room = backup::path_of(url)?.and_then(|path| part::room(&path).ok());
    Ok(Overview {
        accounts: accounts_of(db)?,
        emails: emails::table.select(count_star()).first(db)?,
        open_cases: load::assigned(db)? + unassigned,
        unassigned,
        unassigned_since,
        outbox: OutboxState::ALL.iter().map(|state| (state.as_str(), count(*state, &states))).collect(),
        outbox_due: due,
        outbox_due_since: since,
        outbox_held,
        outbox_held_restored,
        effects_due: effects::table.filter(effects::due_at.le(now)).select(count_star()).first(db)?,
        effects_given_up: effects::table.filter(given_up).select(count_star()).first(db)?,
        copies_due: sent_copies::table.filter(sent_copies::due_at.le(now)).select(count_star()).first(db)?,
        copies_given_up: sent_copies::table.filter(copies_given_up).select(count_star()).first(db)?,
        server_actions_due,
        server_actions_given_up: stuck.values().map(|stuck| stuck.given_up).sum(),
        server_actions_unwatched: stuck.values().map(|stuck| stuck.unwatched).sum(),
        quarantined: quarantine::table.filter(quarantine::raw_id.is_not_null()).select(count_star()).first(db)?,
        skipped_kept: skipped::count(db)?,
        undelivered: quarantine::table.filter(quarantine::raw_id.is_null()).select(count_star()).first(db)?,
        reviews,
        reviews_since,
        held_actions: held_actions::table.select(count_star()).first(db)?,
        passes: passed_at.iter().map(|(pass, at)| (*pass, at.map(crate::clock::rfc3339))).collect(),
        passed_at,
        stuck: stuck_passes,
        sends: sending.select(count_star()).first::<i64>(db)? > 0,
        notifies: user::is_any_told_by_mail(db)?,
        storage: state::state(db)?,
        bytes: upkeep::size(db)?,
        disk_free: room.map(|room| i64::try_from(room).unwrap_or(i64::MAX)),
    })
}

fn accounts_of(db: &mut Database) -> Result<Vec<AccountState>> {
    let sending = sending_failures::table
        .inner_join(accounts::table.on(accounts::id.eq(sending_failures::account_id)))
        .select((accounts::name, sending_failures::since));
    let sending: BTreeMap<String, i64> = sending.load::<(String, i64)>(db)?.into_iter().collect();
    let state = |account: account::Account| AccountState {
        account: account.name.clone(),
        active: account.active,
        last_success_at: account.state.last_success_at,
        failing_since: account.state.failing_since,
        last_error: account.state.failing_since.and(account.state.last_error.clone()),
        sending_failing_since: sending.get(&account.name).copied(),
        fetched_at: account.state.last_success_at.unwrap_or(account.created_at),
        added_at: account.created_at,
    };
    Ok(account::list(db)?.into_iter().map(state).collect())
}
