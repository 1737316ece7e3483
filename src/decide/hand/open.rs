//! CASE-5: a person opens a case: empty, from an e-mail, or from some e-mails of another case; or brings two together.

use super::super::desk::Desk;
use super::super::reason::{Reason, reason};
use std::collections::{BTreeSet, HashMap};

use super::super::case as cases;
use super::super::facts::{EmailFacts, Facts, Policy, RecordFacts, take};
use super::super::plan::{Apart, Asked, Belongings, Change, NewCase, Plan, RecordFields};
use super::super::{author, parent};
use super::case::{give, not_merged, set_teams};
use super::link::{Mails, begin, bring, come_along, companions, invite};
use crate::fault::{Class, Fault};
use crate::mail::Mail;
use crate::words::{EmailId, NoteId, NoteKind, ParentBy, RecordId, RecordKind, UserId};

/// A person said so, whatever the account's rules are: no turn of a rotation is used up (DIST-2).
pub(super) fn said() -> Reason {
    reason!(Case5, "a person said so")
}

/// Opens a case, empty but for its name.
pub fn create(name: &str, asked: Asked, policy: &Policy, facts: &mut Facts) -> Plan {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let new = NewCase { name: name.to_string(), ..NewCase::numbered(desk.facts) };
    cases::begin(new, said(), desk);
    plan
}

/// Opens a case from an e-mail (CASE-2), which comes to it with the e-mails of its thread that had no place.
pub fn create_from(email: EmailId, mails: &Mails, asked: Asked, policy: &Policy, facts: &mut Facts) -> Result<Plan, Fault> {
    let mut plan = begin(email, asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let Some(known) = desk.facts.emails.get(&email).cloned() else { return Ok(plan) };
    if let Some(case) = known.parent.filter(|record| desk.facts.is_case(*record)) {
        let number = desk.facts.records.get(&case).map(|known| known.number).unwrap_or_default();
        return Err(Fault::new(Class::Data, format!("e-mail {email} belongs to {} already", desk.facts.name(case)))
            .hint(format!("try: espomail case split {number} --email {email}")));
    }
    let new = begun_by(email, &known, mails, desk);
    let case = cases::begin(new, said(), desk);
    let others = companions(email, case, desk.facts);
    bring(email, mails, case, said(), desk);
    for other in others {
        come_along(other, mails, (case, ParentBy::Hand), desk);
    }
    Ok(plan)
}

/// CASE-2: the case that an e-mail begins, as if the account's rules opened it.
fn begun_by(email: EmailId, known: &EmailFacts, mails: &Mails, desk: &mut Desk<'_>) -> NewCase {
    let unread = Mail::default();
    let seen =
        author::see_again(mails.get(&email).unwrap_or(&unread), (known.ours, known.author), desk.policy, desk.facts, desk.plan);
    let sender = || parent::by_address(&seen.mail, None, desk.policy, desk.facts, &mut Plan::new()).map(|link| link.record);
    let account_record = known.parent.or_else(sender).and_then(|record| desk.facts.account_of(record));
    let makes_cases = desk.facts.account.make_cases;
    let (contact, lead) = cases::people_of(seen.mail.from.as_ref(), account_record, desk.facts);
    NewCase {
        name: seen.mail.subject.clone(),
        team: desk.facts.account.case_team.filter(|_| makes_cases),
        account_record,
        contact,
        lead,
        through: Some(desk.facts.account.id).filter(|_| makes_cases),
        email: Some(email),
        ..NewCase::numbered(desk.facts)
    }
}

/// Opens a case from e-mails of another. What answers them goes along, now and when it comes later (THREAD-1, LINK-2). The
/// new case refers to the other and has its teams and priority, and its people where the same one opened it; its name is the first
/// e-mail's subject unless given.
pub fn split(
    case: RecordId,
    moved: &[EmailId],
    name: Option<&str>,
    mails: &Mails,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let first = moved.first().copied().and_then(|first| Some((first, facts.emails.get(&first)?.clone())));
    let Some((first, known)) = first else {
        return Err(Fault::new(Class::Usage, "name the e-mails that leave the case: --email ID"));
    };
    let mut plan = begin(first, asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let Some(old) = desk.facts.records.get(&case).cloned() else { return Ok(plan) };
    let mut new = begun_by(first, &known, mails, desk);
    if let Some(name) = name {
        new.name = name.to_string();
    }
    // Somebody else's matter is not that of the case's people: they would take part in it (LINK-2).
    let opener = desk.facts.openers.get(&case).map(|(_, sender)| sender);
    if known.ours || opener.is_none_or(|opener| *opener == known.sender) {
        new.account_record = old.account.or(new.account_record);
        (new.contact, new.lead) = (new.contact.or(old.contact), old.lead.or(new.lead));
    } else {
        let of_author = new.contact.or_else(|| cases::of_kind(&known.sender, RecordKind::Account, desk.facts));
        new.account_record = of_author.and_then(|record| desk.facts.account_of(record));
        new.lead = new.lead.filter(|_| new.account_record.is_none());
    }
    (new.through, new.priority, new.refers_to, new.team) = (old.through.or(new.through), old.priority, Some(case), None);
    let number = new.number;
    let made = cases::begin(new, said(), desk);
    set_teams(made, old.teams, reason!(Case5, "those of the case that it was split from"), desk);
    cases::auto_follow(made, desk);
    if let Some(user) = old.assigned_user {
        give(made, user, desk);
    }
    follow_too(case, made, desk);
    for email in moved {
        come_along(*email, mails, (made, ParentBy::Hand), desk);
    }
    invite(first, made, desk);
    take_back(case, made, moved, desk.facts, desk.plan);
    let listed = moved.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    for (record, detail) in
        [(case, format!("e-mail {listed} left for case:{number}")), (made, format!("split from case:{}", old.number))]
    {
        desk.add_note(record, NoteKind::Split, None, detail, reason!(Case5, "the stream says so"));
    }
    Ok(plan)
}

/// Returns the chosen e-mails, which must be the case's, with those of the case that answer them, and so on; by number.
pub fn with_answers(case: RecordId, chosen: &[EmailId], facts: &Facts) -> Result<Vec<EmailId>, Fault> {
    let of_case = || facts.emails.iter().filter(|(_, known)| known.parent == Some(case));
    if let Some(stranger) = chosen.iter().find(|email| !of_case().any(|(id, _)| id == *email)) {
        let name = facts.name(case);
        return Err(Fault::new(Class::Data, format!("e-mail {stranger} does not belong to {name}"))
            .hint(format!("try: espomail email list --parent {name}")));
    }
    Ok(answers(case, chosen, facts))
}

/// These e-mails, with those of the case that answer them, and so on; by number.
pub(super) fn answers(case: RecordId, chosen: &[EmailId], facts: &Facts) -> Vec<EmailId> {
    let mut answers: HashMap<EmailId, Vec<EmailId>> = HashMap::new();
    for (id, known) in facts.emails.iter().filter(|(_, known)| known.parent == Some(case)) {
        if let Some(replied) = known.replied {
            answers.entry(replied).or_default().push(*id);
        }
    }
    let (mut moved, mut due) = (BTreeSet::new(), chosen.to_vec());
    while let Some(id) = due.pop() {
        if moved.insert(id) {
            due.extend(answers.remove(&id).unwrap_or_default());
        }
    }
    moved.into_iter().collect()
}

/// A case that was merged into another by mistake leaves it again with the e-mail that opened it: its number and the tokens that
/// name it lead to the new case from now on, and what the other had from it alone goes along, so that its people have no part in
/// the other any more (LINK-1, LINK-2).
fn take_back(case: RecordId, made: RecordId, moved: &[EmailId], facts: &Facts, plan: &mut Plan) {
    let came = |(record, known): &(&RecordId, &RecordFacts)| {
        known.merged_into == Some(case) && facts.openers.get(record).is_some_and(|(opener, _)| moved.contains(opener))
    };
    let back: BTreeSet<RecordId> = facts.records.iter().filter(came).map(|(record, _)| *record).collect();
    if back.is_empty() {
        return;
    }
    for record in &back {
        let fields = RecordFields { merged_into: Some(Some(made)), ..RecordFields::default() };
        plan.add(Change::SetRecord { record: *record, fields }, reason!(Link1, "it leaves again with the e-mail that opened it"));
    }
    forget_people(case, &back, facts, plan);
}

/// LINK-2: what a case had from others that left it again is no longer its own, unless somebody who stays has it, too.
pub(super) fn forget_people(case: RecordId, back: &BTreeSet<RecordId>, facts: &Facts, plan: &mut Plan) {
    // Whose records those are that wrote what stays.
    let staying = facts.emails.values().filter(|known| known.parent == Some(case));
    let staying: BTreeSet<RecordId> = staying
        .filter_map(|known| facts.records_by_address.get(&known.sender))
        .flatten()
        .flat_map(|record| [Some(*record), facts.records.get(record).and_then(|known| known.account)])
        .flatten()
        .collect();
    let gone = |now: Option<RecordId>, of: fn(&RecordFacts) -> Option<RecordId>| {
        let came = |one: RecordId| back.iter().filter_map(|record| facts.records.get(record)).any(|known| of(known) == Some(one));
        now.is_some_and(|one| !staying.contains(&one) && came(one)).then_some(None)
    };
    let Some(known) = facts.records.get(&case) else { return };
    let fields = RecordFields {
        account: gone(known.account, |known| known.account),
        contact: gone(known.contact, |known| known.contact),
        lead: gone(known.lead, |known| known.lead),
        ..RecordFields::default()
    };
    if fields != RecordFields::default() {
        plan.add(
            Change::SetRecord { record: case, fields },
            reason!(Link2, "that came with what leaves, so those people have no part in it any more"),
        );
    }
}

/// FOLLOW-1: who follows a case follows what leaves it.
pub(super) fn follow_too(case: RecordId, made: RecordId, desk: &mut Desk<'_>) {
    for user in desk.facts.followers_of(case).collect::<Vec<UserId>>() {
        if desk.facts.followers.insert((made, user)) {
            desk.plan.add(Change::Follow { record: made, user }, reason!(Follow1, "they follow {}", desk.facts.name(case)));
        }
    }
}

/// Merges a case into another: the e-mails are where a person wants them (LINK-7). What goes along beside them is written down, so
/// that it can come back.
pub fn merge(from: RecordId, into: RecordId, belongings: Belongings, asked: Asked, facts: &mut Facts) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    if from == into {
        return Err(Fault::new(Class::Usage, format!("{} cannot be merged into itself", facts.name(from))));
    }
    not_merged(from, facts)?;
    not_merged(into, facts)?;
    let apart = facts.records.get(&from).zip(facts.records.get(&into)).map(|(ended, left)| {
        let of_case = facts.emails.iter().filter(|(_, known)| known.parent == Some(from));
        let mut emails: Vec<_> = of_case.map(|(id, known)| (*id, known.parent_by)).collect();
        emails.sort_unstable_by_key(|(id, _)| *id);
        let of_it = facts.records.iter().filter(|(_, known)| known.merged_into == Some(from));
        let mut merged: Vec<RecordId> = of_it.map(|(id, _)| *id).collect();
        merged.sort_unstable();
        Box::new(Apart {
            status: ended.status,
            closed_at: ended.closed_at,
            teams: ended.teams.clone(),
            followers: facts.followers_of(from).collect(),
            emails,
            belongings,
            merged,
            into_teams: left.teams.clone(),
            into_followers: facts.followers_of(into).collect(),
            into_account: left.account,
            into_contact: left.contact,
            into_lead: left.lead,
            next_email: facts.next.email,
        })
    });
    let notes = [NoteId(take(&mut facts.next.note)), NoteId(take(&mut facts.next.note))];
    plan.add(Change::MergeCases { from, into, notes, apart }, said());
    Ok(plan)
}
