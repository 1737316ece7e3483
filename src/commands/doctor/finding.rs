//! One thing that `doctor` looked at.

use crate::decide::health::Level;
use crate::fault::{Class, Fault, one_line};
use crate::output::shown_line;
use crate::store;
use crate::words::words;

words! {
    /// How something is.
    State { Ok = "ok", Warning = "warning", Fault = "fault" }
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
pub struct Finding {
    pub what: String,
    pub state: State,
    pub said: String,
    pub next: Option<String>,
    #[serde(skip)]
    pub class: Option<Class>,
}

impl Finding {
    pub fn ok(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Ok, said: said.into(), next: None, class: None }
    }

    pub fn warning(what: impl Into<String>, said: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Warning, said: said.into(), next: Some(next.into()), class: Some(Class::No) }
    }

    /// What an error says, with its class.
    pub fn fault(what: impl Into<String>, error: anyhow::Error) -> Self {
        let error = store::classify(error);
        let class = store::class_of(&error);
        let next = error.downcast_ref::<Fault>().and_then(|fault| fault.hint.clone());
        let line = one_line(&error);
        let said = next.as_ref().and_then(|next| line.strip_suffix(&format!("; {next}"))).unwrap_or(&line).to_string();
        Self { what: what.into(), state: State::Fault, said, next, class: Some(class) }
    }

    /// What was measured, as grave as `status --check` calls it.
    pub fn measured(what: &str, (level, grave): (Level, Class), said: impl Into<String>, next: impl Into<String>) -> Self {
        let (state, class) = match level {
            Level::Ok => (State::Ok, None),
            Level::Warning => (State::Warning, Some(Class::No)),
            Level::Critical => (State::Fault, Some(grave)),
        };
        Self { what: what.to_string(), state, said: said.into(), next: Some(next.into()), class }
    }
}

/// What was found, as lines: what to type next stands on one of its own, and is never cut.
pub fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|one| one.what.chars().count()).max().unwrap_or(0);
    let line = |one: &Finding| {
        let next = one.next.iter().map(|next| format!("\n{:width$}  next:    {}", "", shown_line(next)));
        format!("{:width$}  {:<7}  {}{}", one.what, one.state, shown_line(&one.said), next.collect::<String>())
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}
