//! RECORD-1: a record ends: it is deleted, merged into another, or, as a Lead, converted into what it was about. No e-mail is lost by
//! that.

use super::super::case::auto_follow;
use super::super::desk::Desk;
use super::super::facts::{Facts, Policy, RecordFacts, take};
use super::super::fields::CONVERTED;
use super::super::plan::{Asked, Change, Plan, RecordFields};
use super::super::reason::reason;
use super::case::not_merged;
use super::record::{RecordChanges, begin_record, said, say};
use crate::fault::{Class, Fault};
use crate::words::{NoteId, NoteKind, ParentBy, RecordId, RecordKind};

/// Deletes a record. Its e-mails stay: they belong to its Account from now on, else to its Contact or Lead, else to no record, and as
/// a person said so no rule moves them (LINK-7). Nothing leads to it any more: to its tokens and its number later mail is like that
/// of any sender, so it opens a case where its account makes cases (LINK-1, LINK-3).
pub fn delete(record: RecordId, emails: usize, asked: Asked, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let Some(known) = desk.facts.records.get(&record).cloned() else { return plan };
    let name = desk.facts.name(record);
    if emails > 0 {
        let into = heir(&known, desk.facts);
        let account = into.and_then(|into| desk.facts.account_of(into));
        let because = match into {
            Some(into) => reason!(Record1, "{} is whom {name} is about, and {name} ends", desk.facts.name(into)),
            None => reason!(Record1, "{name} ends, and is about nobody"),
        };
        let by = Some(ParentBy::Hand);
        desk.plan.add(Change::MoveEmails { from: record, into, by, account, count: emails }, because);
        if let Some(into) = into {
            let detail = format!("e-mails of {name}, which was deleted ({emails})");
            desk.add_note(into, NoteKind::Linked, None, detail, reason!(Record1, "the stream says so"));
        }
    }
    // What was merged into it has nothing left, and would lead to itself again.
    let merged = desk.facts.records.iter().filter(|(_, known)| known.merged_into == Some(record)).map(|(id, _)| *id);
    let mut merged: Vec<RecordId> = merged.collect();
    merged.sort_unstable();
    for shell in merged {
        let named = desk.facts.name(shell);
        desk.plan
            .add(Change::DeleteRecord { record: shell, name: named }, reason!(Record1, "it was merged into {name}, which ends"));
    }
    desk.plan.add(Change::DeleteRecord { record, name }, said());
    plan
}

/// Whom a record is about.
fn heir(known: &RecordFacts, facts: &Facts) -> Option<RecordId> {
    let all = [known.account, known.contact, known.lead, known.converted_account, known.converted_contact];
    let is_left = |record: &RecordId| facts.records.get(record).is_some_and(|known| known.merged_into.is_none());
    all.into_iter().flatten().find(is_left)
}

/// Merges a record that was there twice into the one that is left. Cases have a way of their own ([`super::merge`]).
pub fn merge_records(from: RecordId, into: RecordId, asked: Asked, facts: &mut Facts) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let kind = |record: RecordId| facts.records.get(&record).map(|known| known.kind);
    let (from_name, into_name) = (facts.name(from), facts.name(into));
    if from == into {
        return Err(Fault::new(Class::Usage, format!("{from_name} cannot be merged into itself")));
    }
    if kind(from) != kind(into) {
        return Err(Fault::new(Class::Usage, format!("{from_name} and {into_name} are not of one kind")));
    }
    not_merged(from, facts)?;
    not_merged(into, facts)?;
    let notes = [NoteId(take(&mut facts.next.note)), NoteId(take(&mut facts.next.note))];
    plan.add(Change::MergeRecords { from, into, notes }, said());
    Ok(plan)
}

/// What becomes of a Lead in one kind of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Make {
    Nothing,
    /// One of this name.
    New(String),
    /// It was there before.
    There(RecordId),
}

/// What a Lead is converted into.
#[derive(Debug, Clone)]
pub struct Conversion {
    pub account: Make,
    pub contact: Make,
    pub opportunity: Make,
    /// What the Lead says, and whose it is; what is made says the same as far as it has such fields.
    pub says: RecordChanges,
    pub emails: usize,
    /// Cases about the Lead.
    pub cases: Vec<RecordId>,
}

/// Converts a Lead. From now on it stands for the Account made from it, in b2c for the Contact (LINK-4), to which its e-mails come as
/// later mail of its address will; its cases are theirs, too.
pub fn convert(lead: RecordId, into: &Conversion, asked: Asked, policy: &Policy, facts: &mut Facts) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    not_merged(lead, desk.facts)?;
    let name = desk.facts.name(lead);
    let Some(known) = desk.facts.records.get(&lead).cloned() else { return Ok(plan) };
    if let Some(made) = known.converted_account.or(known.converted_contact) {
        let made = desk.facts.name(made);
        return Err(Fault::new(Class::Data, format!("{name} was converted already, into {made}"))
            .hint(format!("try: espomail record show {made}")));
    }
    let made = |kind: RecordKind, make: &Make, changes: RecordChanges, desk: &mut Desk<'_>| match make {
        Make::Nothing => Ok(None),
        Make::There(record) => Ok(Some(*record)),
        Make::New(new) => {
            let record = begin_record(kind, new, reason!(Record1, "{name} is converted"), desk);
            say(record, (&of_kind(kind, changes, policy), &RecordChanges::default()), desk)?;
            auto_follow(record, desk);
            Ok(Some(record))
        }
    };
    let person = into.says.clone();
    let shared = RecordChanges { addresses: None, phones: None, description: None, ..person.clone() };
    // Where there is no Contact the Account answers at the Lead's address.
    let is_person = into.contact != Make::Nothing;
    let account = made(RecordKind::Account, &into.account, if is_person { shared.clone() } else { person.clone() }, desk)?;
    let accounts = account.map(|account| vec![account]);
    let contact = made(RecordKind::Contact, &into.contact, RecordChanges { accounts: accounts.clone(), ..person }, desk)?;
    let contacts = contact.map(|contact| vec![contact]);
    let opportunity = made(RecordKind::Opportunity, &into.opportunity, RecordChanges { accounts, contacts, ..shared }, desk)?;
    let stands_for = if policy.b2c { contact.or(account) } else { account.or(contact) };
    let Some(stands_for) = stands_for else {
        return Err(Fault::new(
            Class::Usage,
            format!("{name} would become neither an account nor a contact, so its mail had no place"),
        ));
    };
    let mut fields =
        RecordFields { converted_account: Some(account), converted_contact: Some(contact), ..RecordFields::default() };
    fields.values.insert("status".to_string(), Some(CONVERTED.to_string()));
    desk.plan.add(Change::SetRecord { record: lead, fields }, said());
    if into.emails > 0 {
        let change = Change::MoveEmails {
            from: lead,
            into: Some(stands_for),
            by: None,
            account: desk.facts.account_of(stands_for),
            count: into.emails,
        };
        desk.plan.add(change, reason!(Link4, "a converted Lead stands for it"));
    }
    for case in &into.cases {
        let Some(of) = desk.facts.records.get(case).cloned() else { continue };
        let fields = RecordFields {
            account: account.filter(|_| of.account.is_none()).map(Some),
            contact: contact.filter(|_| of.contact.is_none()).map(Some),
            ..RecordFields::default()
        };
        if fields != RecordFields::default() {
            desk.plan
                .add(Change::SetRecord { record: *case, fields }, reason!(Record1, "it is about {name}, which is converted"));
        }
    }
    let all = [account, contact, opportunity].into_iter().flatten().map(|record| desk.facts.name(record));
    let told = format!("converted into {}", all.collect::<Vec<_>>().join(", "));
    desk.add_note(lead, NoteKind::Status, None, told, reason!(Record1, "the stream says so"));
    for record in [account, contact, opportunity].into_iter().flatten() {
        desk.add_note(
            record,
            NoteKind::Linked,
            None,
            format!("{name} was converted into it"),
            reason!(Record1, "the stream says so"),
        );
    }
    Ok(plan)
}

/// What a record of a kind can say of what another says.
fn of_kind(kind: RecordKind, mut changes: RecordChanges, policy: &Policy) -> RecordChanges {
    changes.values.retain(|name, value| {
        name != "status" && value.as_deref().is_some_and(|value| policy.fields.read(kind, name, value).is_ok())
    });
    if kind == RecordKind::Opportunity {
        changes.values.entry("stage".to_string()).or_insert_with(|| Some("prospecting".to_string()));
    }
    changes
}
