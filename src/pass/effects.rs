//! What is to be done outside the database, after the commit: commands of the configuration that filters want (FILTER-4), or that hear of
//! events (HOOK-1). A command is claimed before it runs and tried again with growing pauses when it fails, so it may run twice, but is never forgotten.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{Stop, command};
use crate::clock::rfc3339;
use crate::fault::{Class, Fault, contain};
use crate::mail;
use crate::plural::counted;
use crate::store::Store;
use crate::store::effect::{self, Background, Claimed};
use crate::words::Hook;

/// How often a command is tried before it is given up.
const ATTEMPTS: i64 = 5;

/// The longest pause between two attempts, in minutes.
pub(super) const LONGEST_PAUSE: i64 = 60;

/// How long a claim outlasts the time limit of its command, in seconds.
const MARGIN: i64 = 60;

/// What commands are run with.
pub struct Setting<'a> {
    /// Program and arguments, by the name that filters use.
    pub commands: &'a BTreeMap<String, Vec<String>>,
    /// How long one of those may take.
    pub limit: Duration,
    /// The same by the event that they hear of, and how long each may take.
    pub hooks: &'a BTreeMap<Hook, Vec<String>>,
    pub hook_limit: Duration,
    /// Gives a command its environment.
    pub prepare: &'a dyn Fn(&mut Command),
    /// Seconds since 1970 UTC.
    pub now: &'a dyn Fn() -> i64,
    pub stop: &'a Stop,
    /// When to leave the rest to the next pass.
    pub until: Instant,
}

/// Runs what is due, one after the other. Returns what was given up.
pub fn run(store: &mut Store, setting: &Setting<'_>) -> Result<Vec<anyhow::Error>> {
    let mut given_up = Vec::new();
    let lease = i64::try_from(setting.limit.max(setting.hook_limit).as_secs())?.saturating_add(MARGIN);
    while !setting.stop.requested() && Instant::now() < setting.until {
        let now = (setting.now)();
        let Some(claimed) = store.transaction(|db| effect::claim(db, now, now + lease))? else { break };
        // What the database does not hand over is no failure of the command: the next pass tries again.
        let background = effect::background(store.connection(), &claimed)?;
        let outcome = attempt(background.as_ref(), setting, &claimed);
        let now = (setting.now)();
        match outcome {
            Ok(()) => store.transaction(|db| effect::finish(db, &claimed, now))?,
            Err(fault) if claimed.attempts < ATTEMPTS => {
                let minutes = pause(claimed.attempts);
                log::info!("{}; it is tried again in {}", fault.what, counted(minutes, "minute"));
                store.transaction(|db| effect::fail(db, &claimed, &fault.what, Some(now + 60 * minutes)))?;
            }
            Err(mut fault) => {
                store.transaction(|db| effect::fail(db, &claimed, &fault.what, None))?;
                fault.what = format!("{}; it is given up after {ATTEMPTS} attempts", fault.what);
                given_up.push(fault.into());
            }
        }
    }
    Ok(given_up)
}

/// 1, 2, 4 … 60 minutes.
pub(super) fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 7) - 1).unwrap_or_default();
    (1_i64 << doublings).min(LONGEST_PAUSE)
}

/// Runs a command once.
fn attempt(background: Option<&Background>, setting: &Setting<'_>, claimed: &Claimed) -> Result<(), Fault> {
    let of = claimed.email.map_or_else(String::new, |email| format!("e-mail {email}: "));
    let named = match claimed.event {
        Some(event) => format!("{of}the command for {event}"),
        None => format!("{of}the command {:?} of the filter {:?}", claimed.command, claimed.filter),
    };
    let retry =
        claimed.email.map_or_else(|| "espomail filter retry".to_string(), |email| format!("espomail filter retry {email}"));
    let fault = |class: Class, what: &str, first: &str| {
        Fault::new(class, format!("{named} {what}")).hint(format!("{first}, then: {retry}"))
    };
    if claimed.attempts > ATTEMPTS {
        // Whoever ran it died with it, time after time.
        return Err(fault(Class::Unavailable, "did not end before the pass did", "see what it does"));
    }
    let (argv, limit, table) = match claimed.event {
        Some(event) => (setting.hooks.get(&event), setting.hook_limit, "[hooks]"),
        None => (setting.commands.get(&claimed.command), setting.limit, "[filters.commands]"),
    };
    let Some(argv) = argv else {
        return Err(fault(Class::Config, "is not in the configuration", &format!("add it to {table}")));
    };
    let document =
        background.map_or_else(|| Err("has no raw message to work on".to_string()), |background| document(claimed, background));
    let document = document.map_err(|what| fault(Class::Software, &what, "see: espomail email raw"))?;
    command::run(argv, document, limit, setting.prepare).map_err(|what| fault(Class::Unavailable, &what, "mend the command"))
}

/// What a command reads: one JSON document.
fn document(claimed: &Claimed, background: &Background) -> Result<Vec<u8>, String> {
    let mut document = json!({
        "effect": claimed.id,
        "attempt": claimed.attempts,
        "account": background.account,
        "email": claimed.email,
        "record": background.record,
    });
    let mut add = |more: serde_json::Value| {
        if let (Some(fields), serde_json::Value::Object(more)) = (document.as_object_mut(), more) {
            fields.extend(more);
        }
    };
    match (claimed.event, &claimed.about) {
        (Some(event), about) => {
            add(json!({ "event": event.as_str() }));
            add(about.as_deref().and_then(|about| serde_json::from_str(about).ok()).unwrap_or_default());
        }
        (None, _) => add(json!({ "filter": claimed.filter })),
    }
    if let Some(raw) = &background.raw {
        let mail = contain(|| mail::parse(raw)).map_err(|panicked| format!("cannot be prepared: {panicked}"))?;
        add(json!({
            "from": mail.from,
            "sender_not_verified": background.sender_not_verified,
            "to": mail.to,
            "cc": mail.cc,
            "subject": mail.subject,
            "date": mail.date.map(rfc3339),
            "message_id": mail.message_id,
            "text": mail.text,
        }));
    }
    Ok(format!("{document}\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_4_pauses_double_to_an_hour() {
        let minutes: Vec<i64> = (1..9).map(pause).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
