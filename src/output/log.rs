//! Lines on standard error: of the log, and what somebody must know. For people, or one JSON object a line; where the journal of systemd
//! reads them, each begins with its priority.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};

use super::beside::{Line, hand_on};
use super::{in_json, shown};
use crate::whereabouts::{Here, here};
use crate::words::words;

words! {
    /// How lines on standard error are written.
    LogFormat { Text = "text", Json = "json" }
}

static IS_JSON: AtomicBool = AtomicBool::new(false);
static HAS_PRIORITIES: AtomicBool = AtomicBool::new(false);

/// Says how lines are written from now on, and whether the journal reads them.
pub fn set_log_format(format: LogFormat, is_journal: bool) {
    IS_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
    HAS_PRIORITIES.store(is_journal, Ordering::Relaxed);
}

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    name: &'static str,
    /// As syslog counts.
    priority: u8,
}

pub const ERROR: Weight = Weight { name: "error", priority: 3 };
pub const NOTICE: Weight = Weight { name: "notice", priority: 5 };

impl Weight {
    const fn of(level: log::Level) -> Self {
        match level {
            log::Level::Error => ERROR,
            log::Level::Warn => Self { name: "warn", priority: 4 },
            log::Level::Info => Self { name: "info", priority: 6 },
            log::Level::Debug => Self { name: "debug", priority: 7 },
            log::Level::Trace => Self { name: "trace", priority: 7 },
        }
    }
}

/// Writes a line that somebody must read, also when there is no output yet.
pub(super) fn say(weight: Weight, text: &str, at: Option<&Here>) {
    let at = at.cloned().unwrap_or_else(here);
    if is_told_beside(weight, None, text, &at) {
        return;
    }
    let line = if IS_JSON.load(Ordering::Relaxed) {
        in_json(object(weight, None, text, at))
    } else {
        format!("espomail: {}", shown(text))
    };
    // When standard error is closed there is nobody left to tell; `eprintln!` would panic.
    let _ = writeln!(std::io::stderr(), "{}{line}", priority(weight));
}

/// Writes a line of the log.
pub(super) fn write(out: &mut env_logger::fmt::Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    let weight = Weight::of(record.level());
    // A line of the log may quote a server: it stays one line, and fit for a terminal.
    let said = record.args().to_string();
    if is_told_beside(weight, Some(record.target()), &said, &here()) {
        return Ok(());
    }
    if IS_JSON.load(Ordering::Relaxed) {
        let line = in_json(object(weight, Some(record.target()), &said, here()));
        return writeln!(out, "{}{line}", priority(weight));
    }
    let said = shown(&said).replace('\n', "\\n");
    // What cron mails is like every other line of ours; what somebody follows says when, and from where.
    if record.level() <= log::Level::Warn {
        return writeln!(out, "{}espomail: {said}", priority(weight));
    }
    let (time, level, target) = (out.timestamp_seconds(), record.level(), record.target());
    writeln!(out, "{}[{time} {level:<5} {target}] {said}", priority(weight))
}

/// Hands a line on to whoever reads along; whether that is enough: the journal, which reads standard error, has it with all fields.
fn is_told_beside(weight: Weight, target: Option<&str>, text: &str, at: &Here) -> bool {
    let text = shown(text).replace('\n', "\\n");
    let line = Line { priority: weight.priority, target, text: &text, at: at.clone() };
    hand_on(&line) && HAS_PRIORITIES.load(Ordering::Relaxed)
}

fn priority(weight: Weight) -> String {
    if HAS_PRIORITIES.load(Ordering::Relaxed) { format!("<{}>", weight.priority) } else { String::new() }
}

fn object(weight: Weight, target: Option<&str>, text: &str, at: Here) -> String {
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| {
        if !value.is_null() {
            fields.insert(name.to_string(), value);
        }
    };
    add("time", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into());
    add("level", weight.name.into());
    add("target", target.into());
    add("account", at.account.into());
    add("mailbox", at.mailbox.into());
    add("uid", at.uid.into());
    add("message", text.into());
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_stands_in_it() {
        let at = Here { uid: Some(7), ..Here::account("a\"b").mailbox("IN\nBOX") };
        let line = object(ERROR, Some("espomail::pass"), "two\nlines \u{1b}[31m", at);
        assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line}");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&value["account"], &value["mailbox"], &value["uid"]), (&"a\"b".into(), &"IN\nBOX".into(), &7.into()));
        assert_eq!((&value["level"], &value["message"]), (&"error".into(), &"two\nlines \u{1b}[31m".into()));
    }
}
