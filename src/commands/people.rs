//! What is said of those who get cases: that there is nobody (DIST-1), or that they may not read them (ACCESS-2).

use anyhow::Result;

use super::argument::quoted;
use crate::clock::rfc3339;
use crate::output::shown_line;
use crate::plural::doing;
use crate::store::Database;
use crate::store::taker::{self, Blind, Idle, Takers};

/// How many users a line names.
const NAMED: usize = 5;

/// What is said of something, and what to type then.
pub struct Said {
    pub said: String,
    pub next: String,
}

/// That an account has nobody to give cases to.
pub fn idle(one: &Idle, now: i64) -> Said {
    let who = match (&one.team, &one.position) {
        (Some(team), None) => format!("nobody of team {} is there", shown_line(team)),
        (Some(team), Some(position)) => {
            format!("nobody of team {} with the position {} is there", shown_line(team), shown_line(position))
        }
        (None, _) => "it names nobody who is active".to_string(),
    };
    let since = if one.since > now { format!("from {} on", rfc3339(one.since)) } else { "from now on".to_string() };
    let next = match &one.team {
        Some(team) => format!("espomail team join {} USER, or: espomail user absence list", quoted(team)),
        None => format!("espomail account set {} --help", quoted(&one.account)),
    };
    let said = format!("new cases of account {} go to nobody {since}: {who}", shown_line(&one.account));
    Said { said, next: format!("{next}; what is nobody's: espomail case list --unassigned") }
}

/// Names users, of many the first.
fn named(logins: &[&String]) -> String {
    let some = logins.iter().take(NAMED).map(|login| shown_line(login)).collect::<Vec<_>>().join(", ");
    let more = logins.len().saturating_sub(NAMED);
    if more > 0 { format!("{some} and {more} more") } else { some }
}

/// That users who are switched off have open cases.
pub fn gone(left: &[(String, i64)]) -> Option<Said> {
    let (login, _) = left.first()?;
    let named = named(&left.iter().map(|(login, _)| login).collect::<Vec<_>>());
    let cases: usize = left.iter().map(|(_, cases)| usize::try_from(*cases).unwrap_or(0)).sum();
    Some(Said {
        said: format!("{} of users who are switched off: {named}", doing(cases, "open case", "is", "are")),
        next: format!("espomail case list --unassigned; then: espomail user remove {} --to USER", quoted(login)),
    })
}

/// That some get cases and may not read them.
pub fn blind(db: &mut Database, one: &Blind) -> Result<Said> {
    let named = named(&one.logins.iter().collect::<Vec<_>>());
    let said = doing(one.logins.len(), "user", "gets cases and may not read them", "get cases and may not read them");
    let of = match (&one.team, one.logins.as_slice()) {
        (Some(team), _) => format!("--team {}", quoted(team)),
        (None, [login]) => format!("--user {}", quoted(login)),
        (None, _) => "--user USER".to_string(),
    };
    let next = match taker::reading_role(db)? {
        Some(role) => format!("espomail role give {} {of}", quoted(&role)),
        None => format!(
            "espomail role add agents; espomail role grant agents case read team; espomail role give agents {of}; see espomail-access(7)"
        ),
    };
    Ok(Said { said: format!("{said}, as no role lets them: {named}"), next })
}

/// What is otherwise since something was changed, in sentences for whoever did it.
pub fn since(db: &mut Database, before: &Takers, now: i64) -> Result<Vec<String>> {
    let after = Takers::of(db)?;
    let mut all = of_idle(&after.newly_idle(before, now), now);
    for one in after.newly_blind(before) {
        all.push(sentence(&blind(db, &one)?));
    }
    Ok(all)
}

/// Says that accounts have nobody to give cases to, for whoever made it so.
pub fn of_idle(all: &[Idle], now: i64) -> Vec<String> {
    all.iter().map(|one| sentence(&idle(one, now))).collect()
}

fn sentence(one: &Said) -> String {
    format!("{}; try: {}", upper(&one.said), one.next)
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The same, each on a line of its own behind what was said.
pub fn lines(sentences: &[String]) -> String {
    sentences.iter().map(|one| format!("\n{one}")).collect()
}
