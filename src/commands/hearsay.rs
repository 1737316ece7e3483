//! What one who is no administrator hears of e-mails, records and people that are not theirs (ACCESS-2): `decide::hearsay` says what,
//! and here is asked what they may read.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;

use super::right;
use crate::decide::access::Actor;
use crate::decide::hearsay::{self, Thing, things, without};
use crate::store::case::Entry;
use crate::store::record::{self, RecordName};
use crate::store::{Database, email, relation};
use crate::words::{NoteKind, RecordId, RecordKind, RoleAction, ThreadId};

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
        hearsay::forget(why, self.collides, &mut |thing| self.may_read(db, thing))
    }

    fn may_read(&mut self, db: &mut Database, thing: Thing) -> Result<bool> {
        if let Some(may) = self.asked.get(&thing) {
            return Ok(*may);
        }
        let named = match &thing {
            Thing::Record(name) => name.parse().ok(),
            Thing::RecordId(id) => record::name_of(db, Some(RecordId(*id)))?,
            Thing::Thread(_) | Thing::Email(_) => None,
        };
        let may = match &thing {
            Thing::Thread(id) => self.thread.0 == *id,
            Thing::Email(id) => right::email(db, self.actor, &id.to_string(), RoleAction::Read).is_ok(),
            Thing::Record(_) | Thing::RecordId(_) => {
                named.is_some_and(|named| right::record(db, self.actor, named, RoleAction::Read).is_ok())
            }
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

/// Whether the actor may know that another e-mail has the Message-ID of one: they may read it.
pub fn knows_collision(db: &mut Database, actor: &Actor, one: &email::Email) -> Result<bool> {
    let sight = crate::decide::access::sight(actor, crate::words::RoleScope::Email);
    email::has_namesake(db, one.id, &one.message_id, &sight)
}
