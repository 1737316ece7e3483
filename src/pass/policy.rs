//! Policy tests: messages with the decisions that are expected of today's accounts, users and filters. Each runs in a world
//! of its own: no stored e-mail, no case and no record of the database is seen, only what the test itself gives.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::verdict::{Names, Verdict};
use crate::clock;
use crate::decide::{AccountFacts, Arrival, Facts, Policy, RecordFacts, decide};
use crate::fault::{Class, Fault};
use crate::mail::{self, Mail, address_key};
use crate::store::account::{self, Account};
use crate::store::{Store, facts};
use crate::words::{PositionId, RecordId, RecordKind};

/// What stands in `NAME.toml` beside `NAME.eml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Test {
    /// The account it comes through; else the one it is addressed to.
    account: Option<String>,
    /// When it arrives; else at its Date.
    arrives: Option<String>,
    /// Messages that arrive before it, so that it sees what they did.
    #[serde(default)]
    after: Vec<PathBuf>,
    /// Records that are there.
    #[serde(default)]
    record: Vec<Given>,
    /// What `explain -o json` must say: of each table what is named here, of each list of named things the names.
    expect: toml::Table,
}

/// A record that a test gives.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Given {
    kind: String,
    name: String,
    #[serde(default)]
    addresses: Vec<String>,
    /// The name of the Account it belongs to, given before it.
    account: Option<String>,
}

/// How one test went.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    pub test: String,
    pub passed: bool,
    /// What differs, or why the test could not run.
    pub differences: Vec<String>,
}

/// Runs every test of a folder, in the order of their names.
pub fn run(store: &mut Store, folder: &Path, policy: &Policy, now: i64) -> Result<Vec<Outcome>> {
    let unreadable = |error| Fault::new(Class::Data, format!("cannot read {}: {error}", folder.display()));
    let mut tests: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            tests.push(path);
        }
    }
    tests.sort();
    let mut outcomes = Vec::with_capacity(tests.len());
    for path in tests {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let differences = match run_one(store, folder, &path, policy, now) {
            Ok(differences) => differences,
            Err(error) => vec![format!("{error:#}")],
        };
        outcomes.push(Outcome { test: name, passed: differences.is_empty(), differences });
    }
    Ok(outcomes)
}

fn run_one(store: &mut Store, folder: &Path, path: &Path, policy: &Policy, now: i64) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let test: Test = toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    let mut mails = Vec::new();
    for file in test.after.iter().map(|file| folder.join(file)).chain([path.with_extension("eml")]) {
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        mails.push(mail::parse(&bytes));
    }
    let mut differences = Vec::new();
    compare("", &serde_json::to_value(&test.expect)?, &document(store, &test, &mails, policy, now)?, &mut differences);
    Ok(differences)
}

/// Decides the messages one after the other and returns what `explain` would print of the last.
fn document(store: &mut Store, test: &Test, mails: &[Mail], policy: &Policy, now: i64) -> Result<Value> {
    let last = mails.last().context("a test has a message")?;
    let arrives = match &test.arrives {
        Some(text) => clock::parse(text, now).map_err(|error| Fault::new(Class::Data, error))?,
        None => last.date.unwrap_or(now),
    };
    let account = through(store, test.account.as_deref(), last)?;
    let (mut facts, mut names) = world(store, &account, mails, arrives)?;
    for given in &test.record {
        give(given, &mut facts)?;
    }
    let mut document = Value::Null;
    for mail in mails {
        let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: Some(arrives), partial: false };
        let plan = decide(&arrival, mail, policy, &mut facts);
        names.add_records(&facts);
        document = json!({ "message": mail.document(), "decision": Verdict::of(&plan, mail, &names) });
    }
    Ok(document)
}

/// What a recorded test expects, of what `explain` prints.
const RECORDED: [&str; 9] = [
    "/message/automatic/is",
    "/decision/fate",
    "/decision/parent/record",
    "/decision/parent/by",
    "/decision/teams",
    "/decision/users",
    "/decision/case/opened",
    "/decision/assignee/user",
    "/decision/answer/allowed",
];

/// Writes `NAME.eml` and `NAME.toml` that expects what is decided of the message today. Returns the path of the latter.
pub fn record(
    store: &mut Store,
    folder: &Path,
    name: &str,
    account: &str,
    message: &str,
    policy: &Policy,
    now: i64,
) -> Result<PathBuf> {
    let expect = toml::Table::new();
    let test = Test { account: Some(account.to_string()), arrives: None, after: Vec::new(), record: Vec::new(), expect };
    let document = document(store, &test, &[mail::parse(message.as_bytes())], policy, now)?;
    let mut text = format!("account = {}\n\n[expect]\n", toml::Value::String(account.to_string()));
    for pointer in RECORDED {
        let expected = match document.pointer(pointer) {
            None | Some(Value::Null) => json!("none"),
            Some(Value::Array(things)) => things.iter().map(name_of).cloned().collect(),
            Some(value) => value.clone(),
        };
        // Of texts, truths and lists of texts JSON and TOML write the same.
        text.push_str(&format!("{} = {expected}\n", pointer.trim_start_matches('/').replace('/', ".")));
    }
    let path = folder.join(name).with_extension("toml");
    for (path, text) in [(path.with_extension("eml"), message), (path.clone(), &text)] {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| cannot(&path, &error))?;
        file.write_all(text.as_bytes()).map_err(|error| cannot(&path, &error))?;
    }
    Ok(path)
}

fn cannot(path: &Path, error: &std::io::Error) -> Fault {
    Fault::unwritable(format!("cannot write {}", path.display()), error)
}

fn through(store: &mut Store, named: Option<&str>, mail: &Mail) -> Result<Account> {
    match named {
        Some(name) => account::find(store.connection(), name),
        None => account::addressed(store.connection(), mail)?.ok_or_else(|| {
            Fault::new(Class::Data, "the message is addressed to none of the accounts").hint("name one: account = \"…\"").into()
        }),
    }
}

/// The account, the users, their teams and the filters; nothing that mail has brought.
fn world(store: &mut Store, account: &Account, mails: &[Mail], now: i64) -> Result<(Facts, Names)> {
    let mails: Vec<&Mail> = mails.iter().collect();
    let known = store.rehearse(|db| facts::gather(db, account.id, &mails, now))?;
    let mailbox = account.mailboxes.first().cloned();
    let account = AccountFacts { act_since: known.account.act_since.min(now), mailbox, ..known.account };
    let facts = Facts {
        own_addresses: known.own_addresses,
        users: known.users,
        teams: known.teams,
        people: known.people,
        filters: known.filters,
        user_filters: known.user_filters,
        gone: known.gone,
        folder_teams: known.folder_teams,
        silent_folders: known.silent_folders,
        trace_filters: true,
        account,
        ..Facts::alone(now)
    };
    Ok((facts, Names::all(store.connection())?))
}

fn give(given: &Given, facts: &mut Facts) -> Result<()> {
    let kind: RecordKind = given.kind.parse().map_err(|error: String| Fault::new(Class::Data, error))?;
    let of = |name: &String| {
        let mut accounts = facts.records.iter().filter(|(_, record)| record.kind == RecordKind::Account);
        accounts.find(|(_, record)| record.name == *name).map(|(id, _)| *id)
    };
    let account = match &given.account {
        Some(name) => Some(of(name).with_context(|| format!("no account {name:?} is given before {:?}", given.name))?),
        None => None,
    };
    let id = RecordId(facts.next.record);
    facts.next.record += 1;
    let number = 1 + facts.records.values().filter(|record| record.kind == kind).count();
    let record = RecordFacts::new(kind, i64::try_from(number)?, &given.name, account);
    for address in &given.addresses {
        facts.records_by_address.entry(address_key(address)).or_default().push(id);
    }
    facts.records.insert(id, record);
    Ok(())
}

/// Holds what is expected against what came out. A list of texts that meets a list of tables means their names, in any order.
fn compare(place: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, expected) in expected {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                match found.get(key) {
                    Some(found) => compare(&place, expected, found, differences),
                    None => differences.push(format!("{place}: there is no such key in what explain prints")),
                }
            }
        }
        (Value::Array(wanted), Value::Array(there)) => {
            let named: Vec<&Value> = there.iter().map(name_of).collect();
            let same = wanted.len() == named.len() && wanted.iter().all(|one| named.contains(&one));
            if !same {
                differences.push(format!("{place}: expected {expected}, found {}", json!(named)));
            }
        }
        // "none" is how a table says null.
        (Value::String(none), Value::Null) if none == "none" => {}
        _ if expected == found => {}
        _ => differences.push(format!("{place}: expected {expected}, found {found}")),
    }
}

/// What a thing in a list is called.
fn name_of(thing: &Value) -> &Value {
    ["name", "record", "address"].iter().find_map(|key| thing.get(key).filter(|name| name.is_string())).unwrap_or(thing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_held_against_what_is_named() {
        let found = json!({ "a": { "b": 1, "c": null }, "users": [{ "name": "ada", "because": "x" }, { "name": "ben" }] });
        let differences = |expected: Value| {
            let mut differences = Vec::new();
            compare("", &expected, &found, &mut differences);
            differences
        };
        assert_eq!(differences(json!({ "a": { "b": 1, "c": "none" }, "users": ["ben", "ada"] })), [""; 0]);
        assert_eq!(differences(json!({ "a": { "b": 2 } })), ["a.b: expected 2, found 1"]);
        assert_eq!(differences(json!({ "users": ["ada"] })), ["users: expected [\"ada\"], found [\"ada\",\"ben\"]"]);
        assert_eq!(differences(json!({ "z": 1 })), ["z: there is no such key in what explain prints"]);
    }
}
