//! Splitting a case (CASE-5): some of its e-mails become a case of their own.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::change::hand_to;
use super::number_of;
use super::open::{NewCase, account_of_author, begun_by, insert};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::store::note::{self, NewNote};
use crate::store::schema::{emails, followers, notes, record_addresses, record_teams, records};
use crate::store::{Database, IN_LIST, access, follow, link, lock, participant};
use crate::words::{EmailId, NoteKind, ParentBy, RecordId, UserId};

/// Opens a case from e-mails of another. What answers them goes along, now and when it comes later (THREAD-1, LINK-2). The
/// new case refers to the other and has its teams and priority, and its people where the same one opened it; its name is the first
/// e-mail's subject unless given.
pub fn split(
    db: &mut Database,
    permit: &Permit<'_>,
    case: RecordId,
    chosen: &[EmailId],
    name: Option<&str>,
    now: i64,
) -> Result<RecordId> {
    lock(db)?;
    let number = number_of(db, case)?;
    let moved = with_answers(db, case, chosen, number)?;
    let Some(first) = moved.first().copied() else {
        return Err(Fault::new(Class::Usage, "name the e-mails that leave the case: --email ID").into());
    };
    let author = permit.actor().user;
    let (new, assigned) = like(db, case, first, name)?;
    let made = insert(db, &new, author, now)?;
    if let Some(user) = assigned {
        hand_to(db, made, user, author, now)?;
    }
    let following: Vec<i64> = followers::table.filter(followers::record_id.eq(case.0)).select(followers::user_id).load(db)?;
    for user in following {
        follow::add(db, made, UserId(user))?;
    }
    link::give(db, &moved, made, ParentBy::Hand, now)?;
    participant::invite_author(db, first)?;
    take_back(db, case, made, &moved)?;
    let listed = moved.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let new_number = number_of(db, made)?;
    for (record, detail) in
        [(case, format!("e-mail {listed} left for case:{new_number}")), (made, format!("split from case:{number}"))]
    {
        note::add(db, &NewNote { record, kind: NoteKind::Split, email: None, detail: &detail, author, at: now })?;
    }
    access::record(db, permit, "case split", &format!("case:{number}"), &format!("case:{new_number}: e-mail {listed}"), now)?;
    Ok(made)
}

/// A case that was merged into another by mistake leaves it again with the e-mail that opened it: its number and the tokens that
/// name it lead to the new case from now on, and what the other had from it alone goes along, so that its people have no part in
/// the other any more (LINK-1, LINK-2).
fn take_back(db: &mut Database, case: RecordId, made: RecordId, moved: &[EmailId]) -> Result<()> {
    type People = (Option<i64>, Option<i64>, Option<i64>);
    let people = (records::account_id, records::contact_id, records::lead_id);
    let moved: Vec<Option<i64>> = moved.iter().map(|email| Some(email.0)).collect();
    let merged = records::table.filter(records::merged_into_id.eq(case.0)).select(records::id);
    let mut back: Vec<i64> = Vec::new();
    for some in moved.chunks(IN_LIST) {
        let begun = notes::table
            .filter(notes::kind.eq(NoteKind::Created.as_str()))
            .filter(notes::email_id.eq_any(some))
            .filter(notes::record_id.eq_any(merged));
        back.extend(begun.select(notes::record_id).load::<i64>(db)?);
    }
    if back.is_empty() {
        return Ok(());
    }
    diesel::update(records::table.filter(records::id.eq_any(&back))).set(records::merged_into_id.eq(made.0)).execute(db)?;
    let (account, contact, lead): People = records::table.find(case.0).select(people).first(db)?;
    let came: Vec<People> = records::table.filter(records::id.eq_any(&back)).select(people).load(db)?;
    // Whose records those are that wrote what stays.
    let staying: Vec<(i64, Option<i64>)> = emails::table
        .inner_join(record_addresses::table.on(record_addresses::address.eq(emails::from_address)))
        .inner_join(records::table.on(records::id.eq(record_addresses::record_id)))
        .filter(emails::parent_id.eq(case.0))
        .select((records::id, records::account_id))
        .distinct()
        .load(db)?;
    let stays = |one: i64| staying.iter().any(|(id, account)| *id == one || *account == Some(one));
    let left = |now: Option<i64>, of: fn(&People) -> Option<i64>| {
        now.filter(|one| stays(*one) || !came.iter().any(|people| of(people) == Some(*one)))
    };
    diesel::update(records::table.find(case.0))
        .set((
            records::account_id.eq(left(account, |people| people.0)),
            records::contact_id.eq(left(contact, |people| people.1)),
            records::lead_id.eq(left(lead, |people| people.2)),
        ))
        .execute(db)?;
    Ok(())
}

/// Whether who wrote an e-mail is who opened its case; of a letter of ours nobody else is known.
fn is_of_opener(db: &mut Database, case: RecordId, email: EmailId) -> Result<bool> {
    let (author, is_ours): (String, bool) =
        emails::table.find(email.0).select((emails::from_address, emails::is_ours)).first(db)?;
    let opener: Option<String> = notes::table
        .inner_join(emails::table.on(emails::id.nullable().eq(notes::email_id)))
        .filter(notes::record_id.eq(case.0))
        .filter(notes::kind.eq(NoteKind::Created.as_str()))
        .select(emails::from_address)
        .first(db)
        .optional()?;
    Ok(is_ours || opener.is_none_or(|opener| opener == author))
}

/// Returns the chosen e-mails, which must be the case's, with those of the case that answer them, and so on; by number.
fn with_answers(db: &mut Database, case: RecordId, chosen: &[EmailId], number: i64) -> Result<Vec<EmailId>> {
    let of_case: Vec<(i64, Option<i64>)> =
        emails::table.filter(emails::parent_id.eq(case.0)).order(emails::id).select((emails::id, emails::replied_id)).load(db)?;
    let known: HashSet<i64> = of_case.iter().map(|(id, _)| *id).collect();
    if let Some(stranger) = chosen.iter().find(|email| !known.contains(&email.0)) {
        return Err(Fault::new(Class::Data, format!("e-mail {stranger} does not belong to case:{number}"))
            .hint(format!("try: espomail email list --parent case:{number}"))
            .into());
    }
    let mut answers: std::collections::HashMap<i64, Vec<i64>> = std::collections::HashMap::new();
    for (id, replied) in &of_case {
        if let Some(replied) = replied {
            answers.entry(*replied).or_default().push(*id);
        }
    }
    let mut moved: HashSet<i64> = HashSet::new();
    let mut due: Vec<i64> = chosen.iter().map(|email| email.0).collect();
    while let Some(id) = due.pop() {
        if moved.insert(id) {
            due.extend(answers.remove(&id).unwrap_or_default());
        }
    }
    let mut moved: Vec<EmailId> = moved.into_iter().map(EmailId).collect();
    moved.sort_unstable();
    Ok(moved)
}

/// Returns a case like another, begun by an e-mail, and the user to hand it to.
fn like(db: &mut Database, case: RecordId, email: EmailId, name: Option<&str>) -> Result<(NewCase, Option<UserId>)> {
    type Row = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<String>, Option<i64>);
    let (account, contact, lead, through, priority, assigned): Row = records::table
        .find(case.0)
        .select((
            records::account_id,
            records::contact_id,
            records::lead_id,
            records::through_account_id,
            records::priority,
            records::assigned_user_id,
        ))
        .first(db)?;
    let mut new = begun_by(db, email)?;
    if let Some(name) = name {
        new.name = name.to_string();
    }
    // Somebody else's matter is not that of the case's people: they would take part in it (LINK-2).
    if is_of_opener(db, case, email)? {
        new.account = account.or(new.account);
        new.contact = new.contact.or(contact);
        new.lead = lead.or(new.lead);
    } else {
        new.account = account_of_author(db, email)?;
        new.lead = new.lead.filter(|_| new.account.is_none());
    }
    new.through = through.or(new.through);
    new.priority = priority;
    new.refers_to = Some(case.0);
    new.teams = record_teams::table.filter(record_teams::record_id.eq(case.0)).select(record_teams::team_id).load(db)?;
    Ok((new, assigned.map(UserId)))
}
