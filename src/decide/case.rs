//! CASE: e-mail-to-case.

use super::{Change, Facts, NewCase, Plan, RecordFacts, distribute, take};
use crate::mail::{Address, Mail};
use crate::words::{CaseStatus, EmailId, NoteId, NoteKind, ParentBy, RecordId, RecordKind};

/// CASE-1: whether the message opens a case, with the reason either way.
pub fn should_open(mail: &Mail, archived: bool, parent: Option<(RecordId, ParentBy)>, facts: &Facts) -> Result<String, String> {
    if !facts.account.make_cases {
        return Err(format!("the account {} makes none", facts.account.name));
    }
    if let Some((record, _)) = parent
        && let Some(known) = facts.records.get(&record).filter(|known| known.kind == RecordKind::Case)
    {
        return Err(format!("CASE-1: it belongs to case:{}", known.number));
    }
    if archived {
        return Err("FETCH-14: it is older than the account's act-since".to_string());
    }
    if let Some(sign) = mail.automatic.first() {
        return Err(format!("AUTO-3: it is automatic: {sign}"));
    }
    if let Some(from) = mail.from.as_ref().map(Address::key).filter(|from| facts.own_addresses.contains(from)) {
        return Err(format!("AUTO-2: <{from}> is our own account"));
    }
    Ok(format!("CASE-1: the first e-mail of its thread, and the account {} makes cases", facts.account.name))
}

/// CASE-2: opens the case and hands it to somebody; returns its id. The facts know it afterwards.
pub fn open(
    email: EmailId,
    mail: &Mail,
    account_record: Option<RecordId>,
    because: String,
    facts: &mut Facts,
    plan: &mut Plan,
) -> RecordId {
    let id = RecordId(take(&mut facts.next.record));
    let number = take(&mut facts.next.case_number);
    let contact = sender_of_kind(mail, RecordKind::Contact, facts);
    let lead = if contact.is_none() && account_record.is_none() { sender_of_kind(mail, RecordKind::Lead, facts) } else { None };
    let (assigned_user, chosen) = distribute::choose(facts);
    let team = facts.account.case_team;
    let status = if assigned_user.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
    let new = NewCase {
        id,
        number,
        name: mail.subject.clone(),
        status,
        team,
        account_record,
        contact,
        lead,
        assigned_user,
        through: facts.account.id,
        email,
    };
    plan.add(Change::OpenCase(new), because);
    let note = NoteId(take(&mut facts.next.note));
    plan.add(Change::AddNote { id: note, record: id, kind: NoteKind::Created, email: Some(email) }, "CASE-2: the stream begins");
    match assigned_user {
        Some(user) => {
            distribute::record_turn(user, &chosen, facts, plan);
            plan.add(Change::Follow { record: id, user }, "FOLLOW-1: the assigned user follows the case");
            facts.followers.insert((id, user));
        }
        None => plan.note(chosen),
    }
    facts.cases_by_number.insert(number, id);
    facts.records.insert(
        id,
        RecordFacts {
            kind: RecordKind::Case,
            number,
            name: mail.subject.clone(),
            active: true,
            account: account_record,
            contact,
            converted_account: None,
            converted_contact: None,
            status: Some(status),
            assigned_user,
            teams: team.into_iter().collect(),
            open_opportunities: Vec::new(),
        },
    );
    id
}

/// Returns the oldest active record of a kind that has the From address.
fn sender_of_kind(mail: &Mail, kind: RecordKind, facts: &Facts) -> Option<RecordId> {
    let records = facts.records_by_address.get(&mail.from.as_ref()?.key())?;
    records.iter().copied().find(|id| facts.records.get(id).is_some_and(|record| record.kind == kind && record.active))
}
