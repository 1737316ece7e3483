//! What a pass would do, message by message: `fetch --dry-run` (WHY-1). The pass runs in a transaction that is rolled back,
//! so each message sees what the ones before it would have done.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::verdict::{Names, Verdict};
use crate::decide::{Facts, Plan};
use crate::mail::Mail;

/// What would become of one message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    pub account: String,
    pub mailbox: String,
    pub uid: i64,
    pub from: String,
    pub subject: String,
    pub decision: Verdict,
}

/// Looks on and writes down.
#[derive(Default)]
pub struct Witness {
    names: Names,
    seen: Mutex<Vec<Seen>>,
}

/// A witness of one mailbox.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub account: &'a str,
    pub mailbox: &'a str,
    pub witness: &'a Witness,
}

impl Witness {
    /// Makes a witness who knows users and teams by name.
    pub fn new(names: Names) -> Self {
        Self { names, seen: Mutex::default() }
    }

    /// Returns everything that was seen, in the order of the pass.
    pub fn tell(self) -> Vec<Seen> {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Writes down what was decided about a batch.
    pub fn see<'m>(&self, decided: impl Iterator<Item = (i64, &'m Mail, &'m Plan)>, facts: &Facts) {
        let mut names = self.witness.names.clone();
        names.add_records(facts);
        let mut seen = self.witness.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(decided.map(|(uid, mail, plan)| Seen {
            account: self.account.to_string(),
            mailbox: self.mailbox.to_string(),
            uid,
            from: mail.from.as_ref().map(|from| from.address.clone()).unwrap_or_default(),
            subject: mail.subject.clone(),
            decision: Verdict::of(plan, mail, &names),
        }));
    }
}
