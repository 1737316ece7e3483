//! ACCESS-2: what of a plan that was written down somebody may hear who is no administrator. Anybody can have a message come that bears a
//! Message-ID, a number or an address, and look at what the rules make of it: that something has it and may not be read must read as if
//! nothing had it. And what users keep to themselves: their filters, their folders, and what they want to hear of.

use serde_json::{Value, json};

use super::reason::Reason;
use crate::words::{FilterId, RecordKind, Rule, UserId};

/// Something that is here, as plans name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Thing {
    Email(i64),
    Thread(i64),
    /// By its name: `case:7`.
    Record(String),
    /// By its number in the database.
    RecordId(i64),
}

/// Says whether the one who asks may read a thing.
pub type MayRead<'a, E> = &'a mut dyn FnMut(Thing) -> Result<bool, E>;

/// Takes out of a plan what tells of things that may not be read. `collides` says whether it may be told that another e-mail has the same
/// Message-ID.
pub fn forget<E>(why: &mut Value, collides: bool, may_read: MayRead<'_, E>) -> Result<(), E> {
    for key in ["notes", "candidates"] {
        let all = list(why, key).map(std::mem::take).unwrap_or_default();
        let mut kept = Vec::new();
        for one in all {
            let names = one["record"].as_str().map(|record| Thing::Record(record.to_string()));
            if may_hear(&one, may_read)? && may_read_all(names, may_read)? {
                kept.push(one);
            }
        }
        if let Some(list) = list(why, key) {
            *list = kept;
        }
    }
    for key in ["no_case", "no_answer"] {
        if let Some(one) = why.get_mut(key) {
            mask(one, may_read)?;
        }
    }
    let steps = list(why, "steps").map(std::mem::take).unwrap_or_default();
    let mut kept = Vec::new();
    for mut step in steps {
        if may_have(&mut step, collides, may_read)? {
            mask(&mut step, may_read)?;
            kept.push(step);
        }
    }
    if let Some(steps) = list(why, "steps") {
        *steps = kept;
    }
    list(why, "again").into_iter().flatten().try_for_each(|again| forget(again, collides, may_read))
}

/// Whether a note may be heard: all that it names may be read. One that says what else is here, or is not, and names nothing of
/// it tells by that alone; what stands behind `<` others wrote.
fn may_hear<E>(one: &Value, may_read: MayRead<'_, E>) -> Result<bool, E> {
    let is_of_others = |rule: Rule| rule == Rule::Access2 || ["DUP", "THREAD", "LINK", "BOUNCE"].contains(&rule.family());
    // A rule that a later release wrote down may be one of them.
    let of_others = rule(one).map_or(one["rule"].is_string(), is_of_others);
    let ours = because(one).split('<').next().unwrap_or_default();
    Ok((!of_others || !things(ours).is_empty()) && may_read_all(things(because(one)), may_read)?)
}

/// Whether a step may be known, which is something that was done: not what was done to a record that may not be read. Of the e-mail
/// itself only where it belongs is left out.
fn may_have<E>(step: &mut Value, collides: bool, may_read: MayRead<'_, E>) -> Result<bool, E> {
    if matches!(step["do"].as_str(), Some("join-threads" | "move-emails")) {
        return Ok(true);
    }
    let is_row = step["do"] == "add-email";
    if is_row {
        step["id_collision"] = json!(collides);
    }
    let is_new = matches!(step["do"].as_str(), Some("open-case" | "add-record"));
    let own = is_new.then_some("id");
    for key in ["parent", "account_record", "record", "case", "from", "into"].into_iter().chain(own) {
        let Some(id) = step[key].as_i64() else { continue };
        if may_read(Thing::RecordId(id))? {
            continue;
        }
        if !is_row {
            return Ok(false);
        }
        step[key] = Value::Null;
        if key == "parent" {
            step["because"] = json!("no record was found for it");
            step["rule"] = Value::Null;
        }
    }
    Ok(true)
}

/// Leaves of a reason that names what may not be read only the rule.
fn mask<E>(one: &mut Value, may_read: MayRead<'_, E>) -> Result<(), E> {
    if !may_read_all(things(because(one)), may_read)? {
        one["because"] = json!(rule(one));
    }
    Ok(())
}

fn may_read_all<E>(things: impl IntoIterator<Item = Thing>, may_read: MayRead<'_, E>) -> Result<bool, E> {
    for thing in things {
        if !may_read(thing)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What changes for a user and is everybody's to know.
const OF_ALL: &[&str] =
    &["add-user", "remove-user", "assign-email", "assign", "follow", "unfollow", "notify", "note-assignment", "advance-rotation"];

/// Takes out of a plan what users other than the one who asks keep to themselves; `filters` are those that are not another user's. In
/// `email show` it is theirs to know, too.
pub fn forget_others(why: &mut Value, user: Option<UserId>, filters: &[FilterId]) {
    if let Some(steps) = list(why, "steps") {
        // What is not told of here is a user's own affair: where they put their copy, and whether they read it.
        let is_of_all = |step: &Value| OF_ALL.contains(&step["do"].as_str().unwrap_or_default());
        let is_own = |step: &Value| step["user"].as_i64().map(UserId) == user;
        steps.retain(|step| step.get("user").is_none() || is_of_all(step) || is_own(step));
    }
    for step in list(why, "steps").into_iter().flatten() {
        if step["do"] == "add-user" && step["user"].as_i64().map(UserId) != user {
            if step.get("own").is_none() {
                // Written before what their filter says stood for itself.
                step["because"] = json!(rule(step));
            }
            for (key, nothing) in
                [("read", json!(false)), ("trashed", json!(false)), ("folder", json!(null)), ("own", json!(null))]
            {
                step[key] = nothing;
            }
        }
    }
    if let Some(notes) = list(why, "notes") {
        // Written before it stood beside it whose own matter a note is.
        let is_old = |note: &Value| {
            note.get("user").is_none() && matches!(rule(note), Some(Rule::Notify1 | Rule::Notify2 | Rule::Filter6))
        };
        notes.retain(|note| !is_old(note) && note["user"].as_i64().is_none_or(|theirs| user == Some(UserId(theirs))));
    }
    if let Some(trials) = list(why, "filters") {
        trials.retain(|trial| filters.iter().any(|known| trial["filter"].as_i64() == Some(known.0)));
    }
    list(why, "again").into_iter().flatten().for_each(|again| forget_others(again, user, filters));
}

/// The rule of a step, a note or a candidate; of what was written before it stood for itself, that in front of the words.
pub fn rule(one: &Value) -> Option<Rule> {
    match one["rule"].as_str() {
        Some(rule) => rule.parse().ok(),
        None => Reason::read(because(one)).rule,
    }
}

/// A list of a plan.
pub fn list<'v>(why: &'v mut Value, key: &str) -> Option<&'v mut Vec<Value>> {
    why.get_mut(key).and_then(Value::as_array_mut)
}

fn because(one: &Value) -> &str {
    one.as_str().or_else(|| one["because"].as_str()).unwrap_or_default()
}

/// The things that a reason names: `e-mail 3`, `thread 2`, `case 7`, `contact:1`.
pub fn things(text: &str) -> Vec<Thing> {
    let bare = |word: &str| word.trim_matches(|mark: char| !mark.is_alphanumeric()).to_string();
    let words: Vec<String> = text.split_whitespace().map(bare).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if is_name(word) {
            found.push(Thing::Record(word.clone()));
        }
        let Ok(number) = word.parse::<i64>() else { continue };
        match at.checked_sub(1).map(|before| words[before].as_str()) {
            Some("e-mail") => found.push(Thing::Email(number)),
            Some("thread") => found.push(Thing::Thread(number)),
            Some("case") => found.push(Thing::Record(format!("case:{number}"))),
            _ => {}
        }
    }
    found
}

/// Whether a word is the name of a record: `contact:1`.
fn is_name(word: &str) -> bool {
    let Some((kind, number)) = word.split_once(':') else { return false };
    kind.parse::<RecordKind>().is_ok() && number.parse::<i64>().is_ok()
}

/// Puts other words in the place of a name, where it stands by itself.
pub fn without(text: &str, name: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, behind) = (&rest[..at], &rest[at + name.len()..]);
        let is_whole = !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric);
        left.push_str(before);
        left.push_str(if is_whole { "another record" } else { name });
        rest = behind;
    }
    left + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_2_a_name_goes_where_it_stands_by_itself() {
        for (text, name, left) in [
            ("e-mail 3 moved to case:4", "case:4", "e-mail 3 moved to another record"),
            ("case:4, case:42 and xcase:4", "case:4", "another record, case:42 and xcase:4"),
            ("nothing", "case:4", "nothing"),
        ] {
            assert_eq!(without(text, name), left);
        }
    }

    #[test]
    fn access_2_a_reason_names_what_it_is_about() {
        let (email, thread, record) = (Thing::Email, Thing::Thread, |name: &str| Thing::Record(name.to_string()));
        for (text, named) in [
            (
                "LINK-2: e-mail 3, which it names, belongs to case:4, but its sender <a@x> takes no part",
                vec![email(3), record("case:4")],
            ),
            ("THREAD-1: thread 12 has one of its ids", vec![thread(12)]),
            ("LINK-3: the subject names case 77, which does not exist", vec![record("case:77")]),
            ("LINK-4: From <a@x> is that of contact:1; by address", vec![record("contact:1")]),
            ("DUP-2: others have the same", vec![]),
        ] {
            assert_eq!(things(text), named, "{text}");
        }
    }

    #[test]
    fn access_2_of_a_plan_is_left_what_names_nothing_that_may_not_be_read() {
        let mut why = json!({
            "steps": [
                { "do": "add-email", "parent": 7, "id_collision": true, "rule": "LINK-2", "because": "LINK-2: e-mail 3 belongs to case:4" },
                { "do": "add-note", "record": 7, "rule": "NOTE-1", "because": "NOTE-1: the stream says so" },
                { "do": "add-user", "user": 2, "rule": "INBOX-1", "because": "INBOX-1: it names them" },
            ],
            "notes": [
                { "rule": "DUP-2", "because": "DUP-2: others have the same" },
                { "rule": "DUP-99", "because": "DUP-99: e-mails three and four have it" },
                { "rule": "THREAD-1", "because": "THREAD-1: thread 12 has one of its ids" },
                { "rule": "CASE-4", "because": "CASE-4: case:4 was closed long ago" },
                { "rule": "CASE-4", "because": "CASE-4: it is over" },
            ],
            "no_case": { "rule": "CASE-1", "because": "CASE-1: it belongs to case:4" },
        });
        let mut may_read = |thing| Ok::<_, ()>(thing == Thing::Thread(12));
        assert_eq!(forget(&mut why, false, &mut may_read), Ok(()));
        assert_eq!(
            why,
            json!({
                "steps": [
                    { "do": "add-email", "parent": null, "id_collision": false, "rule": null, "because": "no record was found for it" },
                    { "do": "add-user", "user": 2, "rule": "INBOX-1", "because": "INBOX-1: it names them" },
                ],
                "notes": [
                    { "rule": "THREAD-1", "because": "THREAD-1: thread 12 has one of its ids" },
                    { "rule": "CASE-4", "because": "CASE-4: it is over" },
                ],
                "no_case": { "rule": "CASE-1", "because": "CASE-1" },
            })
        );
    }

    #[test]
    fn access_2_what_others_do_with_a_copy_of_their_own_is_theirs() {
        let mut why = json!({
            "steps": [
                { "do": "mark", "user": 2 },
                { "do": "mark", "user": 1 },
                { "do": "a-change-to-come", "user": 2 },
                { "do": "follow", "user": 2 },
            ],
            "notes": [{ "rule": "FILTER-6", "because": "FILTER-6: x", "user": 2 }, { "rule": "FILTER-6", "because": "FILTER-6: y", "user": 1 }],
            "filters": [{ "filter": 1 }, { "filter": 2 }],
        });
        forget_others(&mut why, Some(UserId(1)), &[FilterId(1)]);
        assert_eq!(
            why,
            json!({
                "steps": [{ "do": "mark", "user": 1 }, { "do": "follow", "user": 2 }],
                "notes": [{ "rule": "FILTER-6", "because": "FILTER-6: y", "user": 1 }],
                "filters": [{ "filter": 1 }],
            })
        );
    }
}
