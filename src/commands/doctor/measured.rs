//! What `doctor` says of what `status --check` measures.

use super::finding::Finding;
use crate::clock::{shown_span, told_span};
use crate::commands::measure::Measure;
use crate::decide::health::Level;
use crate::output::shown_line;
use crate::store::overview::Overview;
use crate::store::round::Round;

/// The rows, what each is of, and what to say where there is nothing.
const ROWS: [(&str, &[Measure], &str); 7] = [
    ("accounts", &[Measure::Failing], "none fails"),
    (
        "outbox",
        &[Measure::OutboxAge, Measure::OutboxHeld, Measure::OutboxFailed, Measure::MaybeSent],
        "nothing is held, failed or overdue",
    ),
    ("quarantine", &[Measure::Quarantine], "empty"),
    ("reviews", &[Measure::ReviewsAge, Measure::Reviews], "nothing waits for a person's word"),
    ("budgets", &[Measure::HeldActions], "nothing is held"),
    (PEOPLE, &[Measure::UnassignedAge, Measure::Unassigned], "every open case is somebody's"),
    ("storage", &[Measure::StorageDown, Measure::StorageMissing], "reached, and nothing is missing"),
];

/// The rows of who gets cases.
pub const PEOPLE: &str = "people";

/// How grave a measure is by its usual limits.
fn level(measure: Measure, overview: &Overview, value: i64) -> Level {
    measure.judge(measure.usual(overview), value)
}

/// What waits for a person or failed, by kind; also what is well and not nothing.
pub fn rows(overview: &Overview, now: i64) -> Vec<Finding> {
    let one = |(what, measures, nothing): &(&str, &[Measure], &str)| {
        let all = measures.iter().filter_map(|measure| Some((*measure, measure.of(overview, now)?)));
        let told = |(measure, value): (Measure, i64)| {
            let told = measure.told(overview, value, now);
            Finding::measured(what, (level(measure, overview, value), measure.class()), told.said.clone(), told.next())
        };
        let bad: Vec<Finding> = all.clone().filter(|(one, value)| level(*one, overview, *value) > Level::Ok).map(told).collect();
        match bad.is_empty() {
            false => bad,
            true => match all.clone().find(|(_, value)| *value > 0) {
                Some(some) => vec![told(some)],
                None => vec![Finding::ok(*what, *nothing)],
            },
        }
    };
    let is_there = |what: &str| match what {
        "accounts" => !overview.accounts.is_empty(),
        "storage" => overview.storage.is_some(),
        _ => true,
    };
    ROWS.iter().filter(|(what, ..)| is_there(what)).flat_map(one).collect()
}

/// Whether the passes are at work that cron starts, by this command.
pub fn passes(overview: &Overview, command: &str, now: i64) -> Vec<Finding> {
    let one = |pass: &Round| {
        let (what, last) = (format!("pass: {pass}"), overview.passed_at.get(pass.as_str()).copied().flatten());
        let (measure, idle) = match pass {
            Round::Fetch => (Measure::FetchAge, "no account is active"),
            Round::Send => (Measure::SendAge, "no account sends"),
            // Of whom nobody asks for letters, nobody misses them.
            Round::Notify => (Measure::NotifyAge, "no user is told by mail"),
        };
        if let Some(why) = overview.stuck.get(pass.as_str()) {
            let level = level(Measure::Stuck, overview, 1);
            return Finding::measured(&what, (level, Measure::Stuck.class()), shown_line(why), format!("espomail {pass}"));
        }
        let Some(value) = measure.of(overview, now) else { return Finding::ok(what, idle) };
        let quiet = measure.usual(overview).warning.unwrap_or_default();
        let (level, cron) = (level(measure, overview, value), format!("crontab -e: * * * * *  {command} {pass}"));
        match last {
            None => Finding::measured(&what, (level, measure.class()), "was never at work", cron),
            Some(_) if level == Level::Ok => Finding::ok(what, format!("was at work within {}", shown_span(quiet))),
            Some(last) if now - last >= quiet => {
                Finding::measured(&what, (level, measure.class()), format!("was at work {} ago", told_span(now - last)), cron)
            }
            // It is, and does not get to an account.
            Some(_) => {
                let told = measure.told(overview, value, now);
                Finding::measured(&what, (level, measure.class()), told.said.clone(), told.next())
            }
        }
    };
    Round::ALL.iter().map(one).collect()
}
