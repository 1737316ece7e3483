//! Numbers for Prometheus, in its text format (version 0.0.4).

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;

use super::outlet::{self, Made};
use crate::context::Context;
use crate::fault::Fault;
use crate::store::overview::Overview;
use crate::store::part;

/// The text, family by family.
#[derive(Default)]
struct Text(String);

impl Text {
    /// Writes one family: a gauge with a line for each of its labels.
    fn family(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Option<(&'static str, String)>, i64)>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }
        let _ = writeln!(self.0, "# HELP espomail_{name} {help}\n# TYPE espomail_{name} gauge");
        for (label, value) in values {
            let label = label.map(|(label, value)| format!("{{{label}=\"{}\"}}", escaped(&value))).unwrap_or_default();
            let _ = writeln!(self.0, "espomail_{name}{label} {value}");
        }
    }

    fn one(&mut self, name: &str, help: &str, value: i64) {
        self.family(name, help, [(None, value)]);
    }
}

/// The value of a label as it is written.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Makes the text. Without an overview the database could not be read.
fn text(overview: Option<&Overview>, pass: Option<(&'static str, u8)>, now: i64) -> String {
    let mut text = Text::default();
    text.one("up", "Whether the database could be read.", i64::from(overview.is_some()));
    text.one("written_timestamp_seconds", "When this was written.", now);
    if let Some((pass, status)) = pass {
        let status = (Some(("pass", pass.to_string())), i64::from(status));
        text.family("pass_exit_status", "The exit status of the pass that wrote this.", [status]);
    }
    let Some(overview) = overview else { return text.0 };
    let accounts = |value: &dyn Fn(&crate::store::overview::AccountState) -> Option<i64>| {
        let values = overview.accounts.iter().filter_map(|one| Some((Some(("account", one.account.clone())), value(one)?)));
        values.collect::<Vec<_>>()
    };
    text.family("account_active", "Whether an account is switched on.", accounts(&|one| Some(i64::from(one.active))));
    let reading = accounts(&|one| Some(i64::from(one.failing_since.is_some())));
    text.family("account_failing", "Whether reading an account fails.", reading);
    let sending = accounts(&|one| Some(i64::from(one.sending_failing_since.is_some())));
    text.family("account_sending_failing", "Whether sending through an account fails.", sending);
    let success = accounts(&|one| one.last_success_at);
    text.family("account_last_success_timestamp_seconds", "When an account was last read without a fault.", success);
    let of = |label: &'static str, values: &[(&'static str, i64)]| {
        values.iter().map(|(name, value)| (Some((label, (*name).to_string())), *value)).collect::<Vec<_>>()
    };
    let outbox: Vec<_> = overview.outbox.iter().map(|(state, count)| (*state, *count)).collect();
    text.family("outbox_messages", "Messages that go out, by state.", of("state", &outbox));
    text.one("outbox_due_messages", "Messages that are due.", overview.outbox_due);
    let age = overview.outbox_due_since.map_or(0, |since| (now - since).max(0));
    text.one("outbox_oldest_due_seconds", "How long the oldest of them has been due.", age);
    text.one("outbox_held_messages", "Messages that wait for a person.", overview.outbox_held);
    let restored = overview.outbox_held_restored;
    text.one("outbox_held_restored_messages", "Those of them that wait because the database was put back.", restored);
    let effects = [("due", overview.effects_due), ("given-up", overview.effects_given_up)];
    text.family("effects", "Commands of filters that are not done.", of("state", &effects));
    let copies = [("due", overview.copies_due), ("given-up", overview.copies_given_up)];
    text.family("sent_copies", "Copies for Sent mailboxes that are not there.", of("state", &copies));
    let on_servers = [
        ("due", overview.server_actions_due),
        ("given-up", overview.server_actions_given_up),
        ("unwatched", overview.server_actions_unwatched),
    ];
    text.family("server_actions", "What is to be done with messages on servers and is not done.", of("state", &on_servers));
    let quarantine = [("put-aside", overview.quarantined), ("undelivered", overview.undelivered)];
    text.family("quarantine_messages", "Messages that could not be processed or read.", of("kind", &quarantine));
    text.one("skipped_kept_messages", "Messages that a filter skipped and that are kept here.", overview.skipped_kept);
    text.one("reviews", "E-mails that wait for a person's word.", overview.reviews);
    let waits = overview.reviews_since.map_or(0, |since| (now - since).max(0));
    text.one("reviews_oldest_seconds", "How long the oldest of them has waited.", waits);
    text.one("held_actions", "Actions that wait because a budget is spent.", overview.held_actions);
    text.one("emails", "E-mails in the database.", overview.emails);
    text.one("cases_open", "Cases that are not closed.", overview.open_cases);
    text.one("cases_unassigned", "Open cases that nobody has.", overview.unassigned);
    let waits = overview.unassigned_since.map_or(0, |since| (now - since).max(0));
    let help = "How long ago the oldest of them was opened whose account gives cases to somebody.";
    text.one("cases_unassigned_oldest_seconds", help, waits);
    text.one("database_bytes", "The size of the database.", overview.bytes);
    let free = overview.disk_free.map(|free| (None, free));
    text.family("disk_free_bytes", "What is free on the disk of a SQLite database.", free);
    if let Some(storage) = &overview.storage {
        text.one(
            "storage_up",
            "Whether all places that raw messages lie in outside the database are reached.",
            i64::from(storage.unreached.is_empty()),
        );
        text.one("storage_to_move_messages", "Messages that do not lie where new ones go, 1000 at the most.", storage.to_move);
        text.one("storage_to_delete_objects", "Objects of no use any more.", storage.to_delete);
        let checked = storage.checked_at.map(|_| (None, storage.missing));
        text.family("storage_missing_messages", "Messages that the last storage check missed.", checked);
    }
    let passes = overview.passed_at.iter().filter_map(|(pass, at)| Some((Some(("pass", (*pass).to_string())), (*at)?)));
    text.family("pass_last_timestamp_seconds", "When a kind of pass was at work last, within minutes.", passes);
    text.0
}

/// Writes the file in one piece.
pub fn write(context: &Context, file: &Path, overview: Option<&Overview>, pass: Option<(&'static str, u8)>) -> Result<()> {
    outlet::check(context, file, Made::Metrics)?;
    let text = text(overview, pass, context.now());
    let mode = context.loaded.config.metrics.mode;
    let written = || -> std::io::Result<()> {
        let mut new = part::begin(file)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(Permissions::from_mode(mode))?;
        new.persist(file).map(drop).map_err(|error| error.error)
    };
    written().map_err(|error| Fault::unwritable(format!("cannot write {}", file.display()), &error).into())
}
