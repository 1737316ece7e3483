//! A held e-mail goes the road from where it stopped, by a person's word: facts → decide → apply.

use anyhow::{Context, Result};

use crate::decide::access::Permit;
use crate::decide::{Arrival, Policy, Word, by_hand};
use crate::fault::{Class, Fault};
use crate::mail;
use crate::store::review::{self, Review};
use crate::store::{Database, apply, email, facts, raw};
use crate::words::{ParentBy, PositionId, ReviewDecision};

use super::answer;

/// Does what a person said, in the caller's transaction, and writes the decision down.
pub fn settle(db: &mut Database, permit: &Permit<'_>, held: &Review, word: Word, policy: &Policy, now: i64) -> Result<()> {
    let id = held.id;
    let (decision, records) = match word {
        Word::Accept(record) => (ReviewDecision::Accepted, vec![record]),
        Word::Split { refers_to } => (ReviewDecision::Split, refers_to.into_iter().collect()),
    };
    // First of all: it takes the lock row, and a review is decided once.
    review::decide(db, permit, id, decision, &format!("e-mail {}", held.email), now)?;
    if email::show(db, held.email)?.parent_by == Some(ParentBy::Hand) {
        return Err(Fault::new(Class::Data, format!("e-mail {} was linked or unlinked by hand meanwhile", held.email))
            .hint(format!("try: espomail review reject {id}"))
            .into());
    }
    let Some(account) = review::account_of(db, id)? else {
        return Err(Fault::new(Class::Data, format!("the e-mail account that held e-mail {} is gone", held.email))
            .hint(format!("try: espomail email link {} RECORD", held.email))
            .into());
    };
    let raw = raw::raw_of(db, held.email)?.context("its raw bytes are gone")?;
    let mail = mail::parse(&raw);
    let mut facts = facts::gather_with(db, account, &[&mail], &records, now)?;
    let plan = by_hand(held.email, &mail, word, policy, &mut facts);
    // Nothing that is asked for here depends on how it arrived.
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: None, partial: false };
    apply::apply_to_stored(db, &facts.next, &arrival, &mail, &plan, now)?;
    answer::queue(db, [(&mail, &plan)], &facts, policy, now)
}
