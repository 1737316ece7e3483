//! CASE-5: a person undoes a merge.

use std::collections::BTreeSet;

use super::super::desk::Desk;
use super::super::facts::{Facts, Policy, RecordFacts};
use super::super::plan::{Apart, Asked, Change, Plan, RecordFields};
use super::super::reason::reason;
use super::case::{end_lost, set_teams};
use super::link::{Mails, Written, come_along, relink};
use super::open::{answers, follow_too, forget_people, said};
use crate::fault::{Class, Fault};
use crate::words::{CaseStatus, EmailId, NoteKind, ParentBy, RecordId, TeamId, UserId};

/// A merge by a person, as it was written down: the e-mails that went along, and the plan (WHY-1).
pub struct Merged {
    /// The case that was merged away.
    pub case: RecordId,
    pub emails: Vec<EmailId>,
    pub written: Written,
    /// Who said since that they want to hear no more of the case that it went into.
    pub unfollowed: BTreeSet<UserId>,
}

impl Merged {
    /// Who followed the case before.
    pub fn followers(&self) -> &[UserId] {
        self.written.apart().map_or(&[], |apart| &apart.followers)
    }

    /// The cases that had been merged into it before: they leave with it.
    pub fn leaving(&self) -> &[RecordId] {
        self.written.apart().map_or(&[], |apart| &apart.merged)
    }
}

/// Undoes a merge by hand: both cases are as they were before, as far as nobody changed them since; `others` are the merges that
/// stay. What answers an e-mail of the case goes where that is; what people noted since stays where it is.
pub fn unmerge(
    case: RecordId,
    (merged, others): (Option<&Merged>, &[Merged]),
    mails: &Mails,
    asked: Asked,
    policy: &Policy,
    facts: &mut Facts,
) -> Result<Plan, Fault> {
    let mut plan = Plan::asked(asked);
    let desk = &mut Desk { facts, plan: &mut plan, policy };
    let name = desk.facts.name(case);
    let known = desk.facts.records.get(&case).cloned();
    let Some((known, into)) = known.and_then(|known| known.merged_into.map(|into| (known, into))) else {
        return Err(Fault::new(Class::Data, format!("{name} is merged into no other case")));
    };
    let into_name = desk.facts.name(into);
    let Some(merged) = merged else {
        let hint = format!("try: espomail case split {} --email ID", into_name.trim_start_matches("case:"));
        return Err(Fault::new(Class::Data, format!("mail merged {name} into {into_name}, not a person")).hint(hint));
    };
    let apart = merged.written.apart();
    let open = if known.assigned_user.is_some() { CaseStatus::Assigned } else { CaseStatus::New };
    // Somebody may have got it meanwhile.
    let before = apart.and_then(|apart| apart.status).filter(|status| *status != CaseStatus::New);
    let (status, because) = match before {
        Some(status) => (status, reason!(Case5, "it was {status} before the merge")),
        None => (open, reason!(Case4, "it is open again")),
    };
    desk.plan.add(Change::SetStatus { case, status }, because);
    let back = returning(into, merged, desk.facts);
    let fields = RecordFields {
        merged_into: Some(None),
        refers_to: share_a_thread(&back, into, desk.facts).then_some(into),
        closed_at: apart.map(|apart| apart.closed_at),
        returned: apart.map(|apart| apart.belongings.clone()),
        ..RecordFields::default()
    };
    desk.plan.add(Change::SetRecord { record: case, fields }, said());
    desk.facts.records.entry(case).and_modify(|known| (known.merged_into, known.status) = (None, Some(status)));
    if apart.is_none() {
        follow_too(into, case, desk);
    }
    follow_again(case, merged, desk);
    for (email, by) in back {
        match apart.is_some_and(|apart| apart.emails.iter().any(|(before, _)| *before == email)) {
            // Nobody lost it by the merge; and what came by an earlier one goes on to where it is from.
            true => relink(email, case, (by, reason!(Case5, "it was there before the merge")), desk),
            false => come_along(email, mails, (case, by), desk),
        }
    }
    match apart {
        Some(apart) => give_up(into, &known, (merged, apart), others, desk),
        None => forget_people(into, &BTreeSet::from([case]), desk.facts, desk.plan),
    }
    take_along(case, into, merged, desk);
    for (record, detail) in [(case, format!("left {into_name} again")), (into, format!("{name} left it again"))] {
        desk.add_note(record, NoteKind::Merged, None, detail, reason!(Case5, "the stream says so"));
    }
    Ok(plan)
}

/// What had been merged into the case before goes with it, unless it left by itself.
fn take_along(case: RecordId, into: RecordId, merged: &Merged, desk: &mut Desk<'_>) {
    for record in merged.leaving() {
        if desk.facts.records.get(record).is_some_and(|known| known.merged_into == Some(into)) {
            let fields = RecordFields { merged_into: Some(Some(case)), ..RecordFields::default() };
            let because = reason!(Case5, "it was merged into {} before", desk.facts.name(case));
            desk.plan.add(Change::SetRecord { record: *record, fields }, because);
        }
    }
}

/// The e-mails of a merge that are still where they went, as they belonged to their case before; and what was written since and
/// answers them.
pub fn returning(into: RecordId, merged: &Merged, facts: &Facts) -> Vec<(EmailId, ParentBy)> {
    let apart = merged.written.apart();
    let mut there = merged.emails.clone();
    there.retain(|email| facts.emails.get(email).is_some_and(|known| known.parent == Some(into)));
    let is_new = |email: &EmailId| apart.is_some_and(|apart| email.0 >= apart.next_email);
    let by = |email: &EmailId| {
        let before = apart.into_iter().flat_map(|apart| &apart.emails).find(|(id, _)| id == email);
        before.and_then(|(_, by)| *by).unwrap_or(ParentBy::Hand)
    };
    let mut all = answers(into, &there, facts);
    all.retain(|email| there.contains(email) || is_new(email));
    all.into_iter().map(|email| (email, by(&email))).collect()
}

/// Whether e-mails leave others of their thread behind, as a letter that refers to both brought the two together meanwhile.
fn share_a_thread(leaving: &[(EmailId, ParentBy)], left: RecordId, facts: &Facts) -> bool {
    let goes = |email: &EmailId| leaving.iter().any(|(leaving, _)| leaving == email);
    let threads = |goes_so: bool| {
        let of = facts.emails.iter().filter(move |(email, known)| known.parent == Some(left) && goes(email) == goes_so);
        of.map(|(_, known)| facts.thread(known.thread)).collect::<BTreeSet<_>>()
    };
    !threads(true).is_disjoint(&threads(false))
}

/// Who followed a case before it was merged away follows it again, also where the other case was none of theirs to read, unless they said
/// since that they want to hear no more of it. Who has it follows it.
fn follow_again(case: RecordId, merged: &Merged, desk: &mut Desk<'_>) {
    let assigned = desk.facts.records.get(&case).and_then(|known| known.assigned_user);
    let before: BTreeSet<UserId> = merged.followers().iter().copied().collect();
    for user in before.iter().copied().chain(assigned).collect::<BTreeSet<UserId>>() {
        let has_it = assigned == Some(user);
        let is_active = desk.facts.people.get(&user).is_some_and(|person| person.active);
        let may = has_it && is_active || desk.facts.may_read(user, case);
        if may && !merged.unfollowed.contains(&user) && desk.facts.followers.insert((case, user)) {
            let because =
                if before.contains(&user) { "they followed it before the merge" } else { "the assigned user follows it" };
            desk.plan.add(Change::Follow { record: case, user }, reason!(Follow1, "{because}"));
        }
    }
}

/// The cases that have what a merge brought: the one that was left then, and each that this one went into since; with what each was
/// before it came.
fn reached<'m>(merged: &'m Merged, others: &'m [Merged], left: RecordId) -> Vec<(RecordId, &'m Apart)> {
    let (mut found, mut next): (Vec<(RecordId, &Apart)>, _) = (Vec::new(), Some(merged));
    while let Some((into, apart)) = next.and_then(|one| one.written.merged()).filter(|_| found.len() <= others.len()) {
        found.push((into, apart));
        next = others.iter().find(|other| other.case == into);
    }
    // Mail merged it further, which wrote down nothing.
    if let Some((_, apart)) = found.last().copied().filter(|(last, _)| *last != left) {
        found.push((left, apart));
    }
    found
}

/// What cases have by a merge alone that is undone they have no longer; what another that is merged into them brought, too, stays.
fn give_up(left: RecordId, from: &RecordFacts, (merged, apart): (&Merged, &Apart), others: &[Merged], desk: &mut Desk<'_>) {
    let way = reached(merged, others, left);
    for (into, before) in &way {
        // Of each other case, whether it came to this one by what is written down of it, or by mail.
        let came = |record: &RecordId| match others.iter().find(|other| other.case == *record) {
            Some(other) => reached(other, others, left).iter().any(|(reached, _)| reached == into),
            None => true,
        };
        let stays = |(record, known): &(&RecordId, &RecordFacts)| {
            known.merged_into == Some(left) && *record != into && !apart.merged.contains(record) && came(record)
        };
        let staying: Vec<RecordFacts> = desk.facts.records.iter().filter(stays).map(|(_, known)| known.clone()).collect();
        lose(*into, from, (&apart.teams, before), &staying, desk);
    }
    let Some((_, before)) = way.last() else { return };
    let assigned = desk.facts.records.get(&left).and_then(|known| known.assigned_user);
    for user in apart.followers.iter().filter(|user| !before.into_followers.contains(user)) {
        // A case that it went through had them from it alone, unless they followed that before.
        let own = |other: &Merged| {
            let came_through = way.iter().find(|(case, _)| *case == other.case);
            came_through.is_none_or(|(_, before)| before.into_followers.contains(user))
        };
        let stays = assigned == Some(*user) || others.iter().any(|other| other.followers().contains(user) && own(other));
        if !stays && desk.facts.followers.remove(&(left, *user)) {
            desk.plan.add(Change::Unfollow { record: left, user: *user }, reason!(Follow1, "they followed what leaves"));
        }
    }
    end_lost(left, desk);
}

/// One case loses the people and teams that came with what leaves; `before` is what it was without them.
fn lose(
    into: RecordId,
    from: &RecordFacts,
    (brought, before): (&[TeamId], &Apart),
    staying: &[RecordFacts],
    desk: &mut Desk<'_>,
) {
    let Some(known) = desk.facts.records.get(&into).cloned() else { return };
    let gone = |now: Option<RecordId>, before: Option<RecordId>, of: fn(&RecordFacts) -> Option<RecordId>| {
        let is_brought = before.is_none() && now.is_some() && now == of(from) && !staying.iter().any(|other| of(other) == now);
        is_brought.then_some(None)
    };
    let fields = RecordFields {
        account: gone(known.account, before.into_account, |known| known.account),
        contact: gone(known.contact, before.into_contact, |known| known.contact),
        lead: gone(known.lead, before.into_lead, |known| known.lead),
        ..RecordFields::default()
    };
    desk.facts.records.entry(into).and_modify(|known| {
        known.account = fields.account.unwrap_or(known.account);
        known.contact = fields.contact.unwrap_or(known.contact);
        known.lead = fields.lead.unwrap_or(known.lead);
    });
    if fields != RecordFields::default() {
        desk.plan.add(Change::SetRecord { record: into, fields }, reason!(Case5, "that came with what leaves"));
    }
    let mut teams = known.teams.clone();
    teams.retain(|team| {
        let is_own = before.into_teams.contains(team) || !brought.contains(team);
        is_own || staying.iter().any(|other| other.teams.contains(team))
    });
    // Where its own are gone a person chose those that it has.
    let is_as_merged = before.into_teams.iter().all(|team| known.teams.contains(team));
    if is_as_merged && teams != known.teams {
        set_teams(into, teams, reason!(Case5, "the others came with what leaves"), desk);
    }
}
