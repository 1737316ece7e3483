//! WHY-1: whatever changes something can be rehearsed, and leaves a line in the audit (ACCESS-4). What does neither stands here, with its
//! reason. The table of commands runs them: a rehearsal changes no byte, of the database, the key or the configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diesel::connection::Connection;
use diesel::prelude::*;

use crate::support::commands;

/// Commands that only look.
const READ: &[&str] = &[
    "explain",
    "trace",
    "test",
    "account list",
    "account show",
    "account test",
    "account folders",
    "user list",
    "user show",
    "user rights",
    "user absence list",
    "team list",
    "team show",
    "role list",
    "role show",
    "token list",
    "token make",
    "record list",
    "record show",
    "case list",
    "case show",
    "case next",
    "review list",
    "review show",
    "email list",
    "email show",
    "email raw",
    "email attachments",
    "event list",
    "event show",
    "event export",
    "filter list",
    "filter show",
    "filter test",
    "folder list",
    "folder show",
    "notification list",
    "address list",
    "address show",
    "template list",
    "template show",
    "template preview",
    "template placeholders",
    "outbox list",
    "outbox show",
    "budget list",
    "quarantine list",
    "quarantine show",
    "fate list",
    "fate raw",
    "audit list",
    "config show",
    "config check",
    "db status",
    "db check",
    "db backup",
    "storage show",
    "doctor",
    "status",
];

/// Commands that look unless an option says that it is to be done.
const LOOK_FIRST: &[(&str, &str)] = &[("reprocess", "apply"), ("reconcile", "import-missing"), ("storage check", "delete")];

/// Commands that reach outside the database, and why they have no `--dry-run`.
const NOT_REHEARSED: &[(&str, &str)] = &[
    ("init", "it makes the files that everything else needs, and replaces none"),
    ("send", "what is due stands in outbox list; what a server says is known when it has it"),
    ("notify", "what is to be told stands in notification list"),
    ("deliver", "an MTA hands over one message; explain - says what becomes of one"),
    ("account authorize", "a person agrees at a provider, or does not"),
    ("email fetch-body", "what a server has is known when it was asked"),
    ("person export", "it makes a file, and replaces none"),
    ("db migrate", "db status says what is missing"),
    ("db restore", "it replaces no database that is in use, and db check looks into a copy"),
    ("db vacuum", "it changes no row"),
];

/// What changes the database and is no person's word: passes.
const PASSES: &[&str] = &["fetch", "send", "notify", "deliver", "reconcile"];

/// All that stand in one of the lists above.
pub fn listed() -> Vec<&'static str> {
    let others = LOOK_FIRST.iter().chain(NOT_REHEARSED).map(|(command, _)| command);
    READ.iter().chain(others).copied().collect()
}

/// The command that a line is of: `user absence add`.
pub fn command_of(line: &str) -> String {
    let is_of = |command: &String| line == command || line.starts_with(&format!("{command} "));
    commands().into_iter().filter(is_of).max_by_key(String::len).unwrap()
}

fn offers(command: &str, option: &str) -> bool {
    let mut found = espomail::commands::command_line();
    for word in command.split(' ') {
        found = found.find_subcommand(word).unwrap().clone();
    }
    found.get_arguments().any(|argument| argument.get_long() == Some(option))
}

/// Whether a line can be rehearsed as it stands.
pub fn can_be_rehearsed(line: &str) -> bool {
    let only_looks = ["account actions adas", "account actions support", "db move --abandon"].contains(&line);
    offers(&command_of(line), "dry-run") && !line.contains("--dry-run") && !only_looks
}

/// Every file of the service account, with what is in it.
pub fn files(home: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

/// What is in a database: the actions of its audit, the oldest first, and every row but those of counters and of how far passes are.
pub fn rows(database: &Path) -> (Vec<String>, Vec<String>) {
    let mut connection = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    let mut load = |query: &str| -> Vec<String> {
        let lines = diesel::sql_query(query).load::<Line>(&mut connection).unwrap();
        lines.into_iter().map(|line| line.line).collect()
    };
    let tables = load(
        "SELECT 'SELECT ' || quote(m.name) || ' || ' || group_concat('quote(\"' || c.name || '\")', ' || ') || ' AS line FROM ' || m.name AS line
         FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT IN ('settings', 'counters')
         AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '__diesel%' AND m.name NOT LIKE 'email_search%' GROUP BY m.name",
    );
    let all = tables.iter().flat_map(|table| load(table)).collect();
    (load("SELECT action AS line FROM audit ORDER BY id"), all)
}

/// What is wrong with a line that changed the database, or did not: by a person each change is written down, and what only looks changes
/// nothing.
pub fn wrongly_written(line: &str, is_changed: bool, new: &[String]) -> Option<String> {
    let command = command_of(line);
    match (READ.contains(&command.as_str()), PASSES.contains(&command.as_str())) {
        (true, _) if is_changed => Some(format!("espomail {line} changes something")),
        (false, false) if is_changed && !new.contains(&command) => {
            Some(format!("espomail {line} changes something and leaves no line in the audit: {new:?}"))
        }
        _ => None,
    }
}

#[test]
fn why_1_whatever_changes_something_can_be_rehearsed() {
    let listed = listed();
    let mut wrong = Vec::new();
    for command in commands() {
        let times = listed.iter().filter(|one| **one == command).count() + usize::from(offers(&command, "dry-run"));
        if times != 1 {
            wrong.push(command);
        }
    }
    assert!(wrong.is_empty(), "they need --dry-run (Rehearsal), or a reason in one of these lists: {wrong:?}");
    assert!(LOOK_FIRST.iter().all(|(command, option)| offers(command, option)));
    assert!(listed.iter().all(|one| commands().contains(&one.to_string())));
}
