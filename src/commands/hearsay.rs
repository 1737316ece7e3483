//! What the trace of one e-mail says of other e-mails, records and people: those who ask hear what they may read anyway, and nothing
//! else. Anybody can have a message come that bears a Message-ID, a number or an address, and look at what the rules make of it
//! (ACCESS-2): that something has it and may not be read must read as if nothing had it.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::right;
use crate::decide::access::Actor;
use crate::decide::reason::Reason;
use crate::store::case::Entry;
use crate::store::record::{self, RecordName};
use crate::store::{Database, email, relation};
use crate::words::{NoteKind, RecordId, RecordKind, RoleAction, Rule, ThreadId};

/// Something that is here, as reasons name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Thing {
    Email(i64),
    Thread(i64),
    Record(String),
}

/// What one who is no administrator may hear in the trace of an e-mail.
pub struct Hearsay<'a> {
    actor: &'a Actor,
    /// The thread of the e-mail that is told of.
    thread: ThreadId,
    /// Whether the actor may know that another e-mail has its Message-ID.
    collides: bool,
    asked: HashMap<Thing, bool>,
}

impl<'a> Hearsay<'a> {
    pub fn of(db: &mut Database, actor: &'a Actor, one: &email::Email) -> Result<Self> {
        let collides = one.id_collision && knows_collision(db, actor, one)?;
        Ok(Self { actor, thread: one.thread, collides, asked: HashMap::new() })
    }

    /// Takes out of a plan what tells of things that the actor may not read.
    pub fn forget(&mut self, db: &mut Database, why: &mut Value) -> Result<()> {
        for key in ["notes", "candidates"] {
            let all = why.get_mut(key).and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
            let mut kept = Vec::new();
            for one in all {
                let names = one["record"].as_str().map(|record| Thing::Record(record.to_string()));
                if self.may_hear(db, because(&one))? && self.may_read_all(db, names)? {
                    kept.push(one);
                }
            }
            if let Some(list) = why.get_mut(key) {
                *list = Value::Array(kept);
            }
        }
        for key in ["no_case", "no_answer"] {
            if let Some(one) = why.get_mut(key) {
                self.mask(db, one)?;
            }
        }
        let steps = why.get_mut("steps").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        let mut kept = Vec::new();
        for mut step in steps {
            if self.may_have(db, &mut step)? {
                self.mask(db, &mut step)?;
                kept.push(step);
            }
        }
        if let Some(steps) = why.get_mut("steps") {
            *steps = Value::Array(kept);
        }
        for again in why.get_mut("again").and_then(Value::as_array_mut).into_iter().flatten() {
            self.forget(db, again)?;
        }
        Ok(())
    }

    /// Whether a note may be heard: all that it names may be read. One that says what else is here, or is not, and names nothing of
    /// it tells by that alone; what stands behind `<` others wrote.
    fn may_hear(&mut self, db: &mut Database, text: &str) -> Result<bool> {
        let of_others = Reason::read(text)
            .rule
            .is_some_and(|rule| rule == Rule::Access2 || ["DUP", "THREAD", "LINK", "BOUNCE"].contains(&rule.family()));
        let ours = text.split('<').next().unwrap_or_default();
        Ok((!of_others || !things(ours).is_empty()) && self.may_read_all(db, things(text))?)
    }

    /// Whether a step may be known, which is something that was done: not what was done to a record that may not be read. Of the e-mail
    /// itself only where it belongs is left out.
    fn may_have(&mut self, db: &mut Database, step: &mut Value) -> Result<bool> {
        if matches!(step["do"].as_str(), Some("join-threads" | "move-emails")) {
            return Ok(true);
        }
        let is_row = step["do"] == "add-email";
        if is_row {
            step["id_collision"] = json!(self.collides);
        }
        let is_new = matches!(step["do"].as_str(), Some("open-case" | "add-record"));
        let own = is_new.then_some("id");
        for key in ["parent", "account_record", "record", "case", "from", "into"].into_iter().chain(own) {
            let Some(id) = step[key].as_i64() else { continue };
            let named = record::name_of(db, Some(RecordId(id)))?.map(|name| Thing::Record(name.to_string()));
            let may = match named {
                Some(named) => self.may_read_all(db, [named])?,
                None => false,
            };
            if may {
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
    fn mask(&mut self, db: &mut Database, one: &mut Value) -> Result<()> {
        if !self.may_read_all(db, things(because(one)))? {
            one["because"] = json!(Reason::read(because(one)).rule);
        }
        Ok(())
    }

    fn may_read_all(&mut self, db: &mut Database, things: impl IntoIterator<Item = Thing>) -> Result<bool> {
        for thing in things {
            if !self.may_read(db, thing)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn may_read(&mut self, db: &mut Database, thing: Thing) -> Result<bool> {
        if let Some(may) = self.asked.get(&thing) {
            return Ok(*may);
        }
        let may = match &thing {
            Thing::Thread(id) => self.thread.0 == *id,
            Thing::Email(id) => right::email(db, self.actor, &id.to_string(), RoleAction::Read).is_ok(),
            Thing::Record(name) => match name.parse::<RecordName>() {
                Ok(named) => right::record(db, self.actor, named, RoleAction::Read).is_ok(),
                Err(_) => false,
            },
        };
        self.asked.insert(thing, may);
        Ok(may)
    }
}

/// Leaves of the records that something names those that the actor may read: that an e-mail may be read does not make its record theirs.
pub fn hide(db: &mut Database, actor: &Actor, names: Vec<&mut Option<RecordName>>) -> Result<()> {
    if actor.administrator {
        return Ok(());
    }
    let readable = relation::readable(db, actor, names.iter().filter_map(|named| **named))?;
    for named in names {
        *named = named.filter(|named| readable.contains(named));
    }
    Ok(())
}

/// The same in words of ours: a record that may not be read is "another record".
pub fn mask(db: &mut Database, actor: &Actor, texts: Vec<&mut String>) -> Result<()> {
    if actor.administrator {
        return Ok(());
    }
    let named = |text: &str| -> Vec<RecordName> {
        let record = |thing| if let Thing::Record(name) = thing { name.parse().ok() } else { None };
        things(text).into_iter().filter_map(record).collect()
    };
    let readable = relation::readable(db, actor, texts.iter().flat_map(|text| named(text)))?;
    for text in texts {
        for name in named(text).into_iter().filter(|name| !readable.contains(name)) {
            let spoken = if name.kind == RecordKind::Case { format!("case {}", name.number) } else { name.to_string() };
            *text = without(&without(text, &name.to_string()), &spoken);
        }
    }
    Ok(())
}

/// The same in a stream, of what the rules wrote there; what people wrote is theirs.
pub fn mask_stream(db: &mut Database, actor: &Actor, entries: &mut [Entry]) -> Result<()> {
    let is_ours = |entry: &&mut Entry| matches!(entry.kind, NoteKind::Linked | NoteKind::Merged | NoteKind::Split);
    mask(db, actor, entries.iter_mut().filter(is_ours).map(|entry| &mut entry.detail).collect())
}

/// Puts other words in the place of a name, where it stands by itself.
fn without(text: &str, name: &str) -> String {
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

/// Whether the actor may know that another e-mail has the Message-ID of one: they may read it.
pub fn knows_collision(db: &mut Database, actor: &Actor, one: &email::Email) -> Result<bool> {
    let sight = crate::decide::access::sight(actor, crate::words::RoleScope::Email);
    email::has_namesake(db, one.id, &one.message_id, &sight)
}

fn because(one: &Value) -> &str {
    one.as_str().or_else(|| one["because"].as_str()).unwrap_or_default()
}

/// The things that a reason names: `e-mail 3`, `thread 2`, `case 7`, `contact:1`.
fn things(text: &str) -> Vec<Thing> {
    let bare = |word: &str| word.trim_matches(|mark: char| !mark.is_alphanumeric()).to_string();
    let words: Vec<String> = text.split_whitespace().map(bare).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if word.parse::<RecordName>().is_ok() {
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
}
