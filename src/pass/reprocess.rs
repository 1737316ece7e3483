//! `reprocess`: today's rules over stored mail (WHY-2): facts → decide → what differs → apply. Each e-mail is a transaction of
//! its own, so that one which cannot be read holds up no other. What is only rehearsed is rolled back some at a time, and others write
//! in between: a look must not cost anybody their work.

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use crate::decide::access::Permit;
use crate::decide::filter::trial;
use crate::decide::{Plan, Policy, again, again_elsewhere};
use crate::fault::{Fault, contain};
use crate::mail::{self, Mail};
use crate::store::apply::{self, Difference};
use crate::store::filter::{Owner, Past};
use crate::store::raw::{self, Left};
use crate::store::reprocess::{self, Through};
use crate::store::{self, Database, Store, access, facts};
use crate::words::{EmailId, Fate, FolderId};

use super::verdict::Names;

/// What differs, or would differ, of one e-mail.
#[derive(Debug, Clone, Serialize)]
pub struct Reprocessed {
    pub email: EmailId,
    pub subject: String,
    /// What is read in it now and was not.
    pub differences: Vec<Difference>,
    /// The changes, account by account.
    #[serde(serialize_with = "steps")]
    pub plans: Vec<Plan>,
    #[serde(skip)]
    pub names: Names,
}

fn steps<S: serde::Serializer>(plans: &[Plan], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(plans.iter().map(|plan| serde_json::json!({ "steps": plan.steps(), "notes": plan.notes })))
}

impl Reprocessed {
    /// What one plan makes of an e-mail.
    pub fn by_plan(email: EmailId, subject: String, plan: Plan, names: Names) -> Self {
        Self { email, subject, differences: Vec::new(), plans: vec![plan], names }
    }

    /// Whether anything is, or would be, different.
    pub fn is_different(&self) -> bool {
        !self.differences.is_empty() || self.plans.iter().any(|plan| !plan.steps().is_empty())
    }
}

/// What it is done by.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub policy: &'a Policy,
    /// Whether people hear of what is new to them.
    pub tell: bool,
    pub names: &'a Names,
    /// Only e-mails that this import filter matches, or did something to, which is taken back where it does not any more.
    pub filter: Option<&'a Past>,
    /// Whether it is so afterwards, or only looked at.
    pub apply: bool,
    /// Seconds since 1970 UTC.
    pub now: i64,
}

/// What became of one e-mail.
enum Outcome {
    Done(Box<Reprocessed>),
    /// It is no matter of the filter that it is done for.
    Passed,
    /// Its raw bytes are gone, perhaps since it was chosen: most of what rules ask is not known any more.
    Pruned,
}

/// An e-mail as it came; none where its raw bytes were pruned.
fn read(db: &mut Database, id: EmailId) -> Result<Option<Mail>> {
    let left = raw::left_of(db, id)?.with_context(|| format!("e-mail {id} has no raw message"))?;
    let Left::Kept(bytes) = left else { return Ok(None) };
    let mail = contain(|| mail::parse_for_rules(&bytes));
    Ok(Some(mail.map_err(|panicked| anyhow!(panicked).context(format!("reading e-mail {id}")))?))
}

/// Whether an e-mail is a matter of the filter that it is done for.
fn is_matter(db: &mut Database, id: EmailId, mail: &Mail, filter: Option<&Past>) -> Result<bool> {
    let Some(past) = filter else { return Ok(true) };
    let is_matched = past.filter.as_ref().is_some_and(|filter| trial(filter, mail).matched);
    Ok(is_matched || reprocess::was_touched(db, id, past.id)?)
}

/// Reprocesses one e-mail, in the caller's transaction: what differs is written, with its reasons, and the audit says who
/// asked for it.
fn one(db: &mut Database, permit: &Permit<'_>, id: EmailId, rules: Rules<'_>) -> Result<Outcome> {
    store::lock(db)?;
    let Some(mail) = read(db, id)? else { return Ok(Outcome::Pruned) };
    if !is_matter(db, id, &mail, rules.filter)? {
        return Ok(Outcome::Passed);
    }
    let mut done = Reprocessed {
        email: id,
        subject: mail.subject.clone(),
        differences: Vec::new(),
        plans: Vec::new(),
        names: rules.names.clone(),
    };
    let through = reprocess::through(db, id)?;
    for (place, through) in through.iter().enumerate() {
        let is_first = place == 0;
        let plan = step(db, &mut done, *through, is_first, &mail, rules)?;
        if !plan.steps().is_empty() {
            reprocess::trace(db, id, Some(through.account), &plan, rules.now)?;
            for (answer, taken) in plan.taken_from_answers(id) {
                reprocess::trace(db, answer, None, &taken, rules.now)?;
            }
        }
        done.plans.push(plan);
    }
    if done.is_different() {
        let fields: Vec<String> = done.differences.iter().map(|one| told(one, rules.names)).collect();
        let by = rules.filter.map(|past| format!("filter {:?}: ", past.name)).unwrap_or_default();
        access::record(db, permit, "reprocess", &format!("email:{id}"), &format!("{by}{}", fields.join(", ")), rules.now)?;
    }
    Ok(Outcome::Done(Box::new(done)))
}

/// Says what differs; a folder by its name.
fn told(found: &Difference, names: &Names) -> String {
    match (found.field.as_str(), found.is.as_i64()) {
        ("folder_id", Some(id)) => format!("group folder {}", names.folder(FolderId(id))),
        ("folder_id", None) => "no group folder".to_string(),
        (field, _) => field.to_string(),
    }
}

/// Does what one account's rules say.
fn step(
    db: &mut Database,
    done: &mut Reprocessed,
    through: Through,
    is_first: bool,
    mail: &Mail,
    rules: Rules<'_>,
) -> Result<Plan> {
    let id = done.email;
    let (mut stored, arrival) = reprocess::read(db, id)?;
    // What a filter of all accounts did is looked at once, that of an account by the rules of that account.
    if let Some(past) =
        rules.filter.filter(|past| is_first && past.owner == Owner::Global || past.owner == Owner::Account(through.account))
    {
        stored.done = Some(reprocess::done(db, id, (past.id, &past.name))?);
    }
    let taken_at = reprocess::taken_at(db, id)?.or(Some(rules.now));
    let (mut plan, facts) = if is_first {
        let records: Vec<_> = stored.parent.into_iter().collect();
        let mut facts = facts::gather_without(db, id, (through.account, through.position), mail, &records, rules.now)?;
        facts.taken_at = taken_at;
        (again(&arrival, mail, &stored, rules.tell, rules.policy, &mut facts), facts)
    } else {
        let mut facts = facts::gather_elsewhere(db, id, (through.account, through.position), mail, rules.now)?;
        facts.taken_at = taken_at;
        (again_elsewhere(&arrival, mail, &stored, rules.tell, rules.policy, &mut facts), facts)
    };
    done.names.add_records(&facts);
    if plan.fate == Fate::Filtered || plan.steps().is_empty() {
        return Ok(plan);
    }
    let found = apply::apply_to_stored(db, &facts.next, &arrival, mail, &plan, rules.now)?;
    plan.say_found(&found.iter().map(|one| told(one, rules.names)).collect::<Vec<_>>());
    done.differences.extend(found);
    Ok(plan)
}

/// Reprocesses e-mails, each in a transaction of its own; `told` hears of each, and of each that failed alone. Returns how many stay as
/// they are, as their raw bytes are gone.
pub fn all(
    store: &mut Store,
    permit: &Permit<'_>,
    emails: &[EmailId],
    rules: Rules<'_>,
    told: &mut dyn FnMut(EmailId, Result<Reprocessed>),
) -> Result<i64> {
    let mut pruned = 0;
    let mut chosen = Vec::with_capacity(emails.len());
    for id in emails {
        // What is no matter of the filter is known without the lock.
        if rules.filter.is_none() || is_chosen(store.connection(), *id, rules.filter) {
            chosen.push(*id);
        }
    }
    let mut each = |store: &mut Store, id: &EmailId| {
        let work = || store.transaction(|db| one(db, permit, *id, rules));
        match contain(work).unwrap_or_else(|panicked| Err(anyhow!(panicked).context(format!("e-mail {id}")))) {
            // A fault of the database is not the e-mail's; bytes that are missing or damaged are.
            Err(error) if error.chain().any(|cause| cause.is::<Fault>()) && !raw::is_alone(&error) => return Err(error),
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Pruned) => pruned += 1,
            Ok(Outcome::Done(done)) => told(*id, Ok(*done)),
            Err(error) => told(*id, Err(error)),
        }
        Ok(())
    };
    if rules.apply {
        chosen.iter().try_for_each(|id| each(store, id))?;
    } else {
        store.rehearse_each(&chosen, each)?;
    }
    Ok(pruned)
}

/// Whether the filter may have to do with an e-mail; so it has where that cannot be said: it is looked at again under the lock.
fn is_chosen(db: &mut Database, id: EmailId, filter: Option<&Past>) -> bool {
    let mut look = || match read(db, id)? {
        Some(mail) => is_matter(db, id, &mail, filter),
        None => Ok(true),
    };
    look().unwrap_or(true)
}
