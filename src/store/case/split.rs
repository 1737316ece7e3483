//! Splitting a case (CASE-5): some of its e-mails become a case of their own.

use std::collections::HashSet;

use anyhow::Result;
use diesel::prelude::*;

use super::change::hand_to;
use super::number_of;
use super::open::{NewCase, begun_by, insert};
use crate::decide::access::Permit;
use crate::fault::{Class, Fault};
use crate::store::note::{self, NewNote};
use crate::store::schema::{emails, followers, record_teams, records};
use crate::store::{Database, access, follow, link, lock};
use crate::words::{EmailId, NoteKind, ParentBy, RecordId, UserId};

/// Opens a case from e-mails of another. What answers them goes along, now and when it comes later (THREAD-1, LINK-2). The
/// new case refers to the other and has its people, teams and priority; its name is the first e-mail's subject unless given.
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
    new.account = account.or(new.account);
    new.contact = new.contact.or(contact);
    new.lead = lead.or(new.lead);
    new.through = through.or(new.through);
    new.priority = priority;
    new.refers_to = Some(case.0);
    new.teams = record_teams::table.filter(record_teams::record_id.eq(case.0)).select(record_teams::team_id).load(db)?;
    Ok((new, assigned.map(UserId)))
}
