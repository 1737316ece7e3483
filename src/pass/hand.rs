//! A person's word on e-mails and cases goes the road of mail: facts → decide → apply, in the caller's transaction. Here is the one
//! place that writes its line into the audit, with the reasons beside it (WHY-1).

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};

use super::answer;
use crate::decide::access::{Inbox, Permit, Permitted, sight_for};
use crate::decide::hand::{self, EmailChanges, Mails, Merged, Word, Written};
use crate::decide::{Arrival, Asked, Facts, Marks, Plan, Policy, Spot};
use crate::fault::{Class, Fault};
use crate::mail::{Mail, parse_for_rules};
use crate::store::facts::Matter;
use crate::store::raw::{self, Left};
use crate::store::record::RecordName;
use crate::store::review::{self, Review};
use crate::store::{self, Database, access, apply, email, facts, outbox, remembered, reprocess};
use crate::words::{
    CaseStatus, EmailId, FilterId, FolderId, GroupPlace, PositionId, RecordId, RecordKind, RoleAction, RoleScope, UserId,
};

/// Who says it, by which rules, and when.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    pub permit: &'a Permit<'a>,
    pub policy: &'a Policy,
    /// Seconds since 1970 UTC.
    pub now: i64,
}

impl Said<'_> {
    pub(super) fn asked(&self) -> Asked {
        Asked { user: self.permit.actor().user }
    }

    /// Writes what was decided, and who asked for it; nothing where nothing changes.
    pub(super) fn write(
        &self,
        db: &mut Database,
        (verb, subject, detail): (&str, &str, &str),
        plan: &Plan,
        (facts, mail): (&Facts, Option<&Mail>),
        emails: &[EmailId],
    ) -> Result<()> {
        if plan.steps().is_empty() {
            return Ok(());
        }
        apply(db, plan, facts, mail, self.now)?;
        access::record_plan(db, self.permit, (verb, subject, detail), (plan, emails), self.now)
    }

    /// The same where only what is there afterwards says what was changed.
    pub(super) fn write_told(
        &self,
        db: &mut Database,
        (verb, subject): (&str, &str),
        plan: &Plan,
        facts: &Facts,
        told: impl FnOnce(&mut Database) -> Result<String>,
    ) -> Result<()> {
        if plan.steps().is_empty() {
            return Ok(());
        }
        apply(db, plan, facts, None, self.now)?;
        let detail = told(db)?;
        access::record_plan(db, self.permit, (verb, subject, &detail), (plan, &[]), self.now)
    }
}

/// Writes what was decided by a person's word.
pub(super) fn apply(db: &mut Database, plan: &Plan, facts: &Facts, mail: Option<&Mail>, now: i64) -> Result<()> {
    let came_at = plan.email.and_then(|email| facts.emails.get(&email)).map(|known| known.arrived_at);
    let arrival = Arrival { position: PositionId(0), uid: 0, internal_date: came_at, partial: false };
    let nothing = Mail::default();
    apply::apply_to_stored(db, &facts.next, &arrival, mail.unwrap_or(&nothing), plan, now)?;
    Ok(())
}

/// Gives an e-mail its record (LINK-7).
pub fn link(db: &mut Database, said: &Said<'_>, id: EmailId, record: RecordId) -> Result<Plan> {
    store::lock(db)?;
    let (mut facts, mut mails) = about(db, said, id, &[record])?;
    let record = facts.survivor(record);
    let linked = linked(db, id)?;
    let others = [hand::companions(id, record, &facts), linked.as_ref().map(Written::mates).unwrap_or_default()].concat();
    read_for(db, &others, assigned(record, &facts), &facts, &mut mails)?;
    let plan = hand::link(id, (record, linked.as_ref()), &mails, said.asked(), said.policy, &mut facts);
    let emails: Vec<EmailId> = plan.emails().into_iter().collect();
    let audit = ("email link", &*format!("email:{id}"), &*facts.name(record));
    said.write(db, audit, &plan, (&facts, mails.get(&id)), &emails)?;
    Ok(plan)
}

/// Takes an e-mail from its record (LINK-7).
pub fn unlink(db: &mut Database, said: &Said<'_>, id: EmailId) -> Result<Plan> {
    let linked = linked(db, id)?;
    let emails: Vec<EmailId> = std::iter::once(id).chain(linked.iter().flat_map(Written::mates)).collect();
    let mut facts = facts::gather_word(db, &Matter { emails: &emails, ..Matter::default() }, said.now)?;
    let before = facts.emails.get(&id).and_then(|known| known.parent).map(|record| facts.name(record));
    let plan = hand::unlink(id, linked.as_ref(), said.asked(), said.policy, &mut facts)?;
    let audit = ("email unlink", &*format!("email:{id}"), &*before.unwrap_or_default());
    let emails: Vec<EmailId> = plan.emails().into_iter().collect();
    said.write(db, audit, &plan, (&facts, None), &emails)?;
    Ok(plan)
}

/// What was written down of the last link by hand that moved an e-mail; none where it was undone.
fn linked(db: &mut Database, id: EmailId) -> Result<Option<Written>> {
    let mut words = access::words_on(db, id)?;
    words.retain(|(trace, _)| trace.action == "email link" || trace.action == "email unlink");
    let linked = words.pop().filter(|(trace, _)| trace.action == "email link");
    Ok(linked.map(|(_, why)| serde_json::from_str(&why)).transpose()?)
}

/// Marks a user's copies (INBOX-2).
pub fn mark(
    db: &mut Database,
    said: &Said<'_>,
    inbox: &Permitted<'_, Inbox>,
    emails: &[EmailId],
    marks: Marks,
) -> Result<Vec<Plan>> {
    let Inbox(user) = *inbox.thing();
    let decide = |email, facts: &Facts| hand::mark(email, user, marks, said.asked(), facts);
    on_copies(db, said, (emails, user), ("email mark", &marks.to_string()), decide)
}

/// Moves a user's copies (INBOX-2).
pub fn put(
    db: &mut Database,
    said: &Said<'_>,
    inbox: &Permitted<'_, Inbox>,
    emails: &[EmailId],
    (place, told): (Spot, &str),
) -> Result<Vec<Plan>> {
    let Inbox(user) = *inbox.thing();
    let decide = |email, facts: &Facts| hand::put(email, user, place, said.asked(), facts);
    on_copies(db, said, (emails, user), ("email move", told), decide)
}

/// Puts e-mails into a group folder, or takes them out (INBOX-2).
pub fn file(db: &mut Database, said: &Said<'_>, emails: &[EmailId], folder: Option<FolderId>) -> Result<Vec<Plan>> {
    let told = folder.map_or_else(|| "no group folder".to_string(), |folder| format!("group folder {folder}"));
    store::lock(db)?;
    let mut filed: HashMap<EmailId, Written> = HashMap::new();
    for (email, why) in access::last_filed(db, emails)? {
        filed.insert(email, serde_json::from_str(&why)?);
    }
    let decide = |email, facts: &Facts| Ok(hand::file(email, folder, filed.get(&email), said.asked(), facts));
    on_each(db, said, Matter { emails, folder, ..Matter::default() }, ("email move", &told), decide)
}

/// Puts e-mails into the archive or the trash of their group folders, for everybody (INBOX-2).
pub fn file_away(db: &mut Database, said: &Said<'_>, emails: &[EmailId], place: GroupPlace) -> Result<Vec<Plan>> {
    store::lock(db)?;
    let folders = email::folders_of(db, emails)?;
    let decide = |email, _: &Facts| hand::file_away(email, folders.get(&email).copied(), place, said.asked());
    let told = format!("{place} of its group folder");
    on_each(db, said, Matter { emails, ..Matter::default() }, ("email move", &told), decide)
}

/// Deletes e-mails for everybody (ACCESS-2); not what is on its way out.
pub fn delete(db: &mut Database, said: &Said<'_>, emails: &[EmailId]) -> Result<Vec<Plan>> {
    let facts = facts::gather_word(db, &Matter { emails, ..Matter::default() }, said.now)?;
    let mut plans = Vec::with_capacity(emails.len());
    for email in emails {
        outbox::must_not_wait(db, *email)?;
        let plan = hand::delete_email(*email, said.asked(), &facts);
        let message_id = plan.deletes().unwrap_or_default();
        // Nothing is left that its reasons could be told of.
        said.write(db, ("email delete", &format!("email:{email}"), message_id), &plan, (&facts, None), &[])?;
        plans.push(plan);
    }
    Ok(plans)
}

/// Decides and writes for each of some e-mails that a user has.
fn on_copies(
    db: &mut Database,
    said: &Said<'_>,
    (emails, user): (&[EmailId], UserId),
    audit: (&str, &str),
    decide: impl Fn(EmailId, &Facts) -> Result<Plan, Fault>,
) -> Result<Vec<Plan>> {
    on_each(db, said, Matter { emails, users: &[user], ..Matter::default() }, audit, decide)
}

/// Decides and writes for each e-mail of a matter; the facts are gathered once.
fn on_each(
    db: &mut Database,
    said: &Said<'_>,
    matter: Matter<'_>,
    (verb, detail): (&str, &str),
    decide: impl Fn(EmailId, &Facts) -> Result<Plan, Fault>,
) -> Result<Vec<Plan>> {
    let facts = facts::gather_word(db, &matter, said.now)?;
    let mut plans = Vec::with_capacity(matter.emails.len());
    for email in matter.emails {
        let plan = decide(*email, &facts)?;
        // Answers may lose a team with it.
        let about: Vec<EmailId> = plan.emails().into_iter().filter(|other| other != email).chain([*email]).collect();
        said.write(db, (verb, &format!("email:{email}"), detail), &plan, (&facts, None), &about)?;
        plans.push(plan);
    }
    Ok(plans)
}

/// Does what a person says of an e-mail that waited for it (LINK-3, FILTER-4): it goes the road from where it stopped.
pub fn settle(db: &mut Database, said: &Said<'_>, held: &Review, word: Word) -> Result<Plan> {
    let (id, email) = (held.id, held.email);
    let (verb, records) = match word {
        Word::Accept(record) => ("review accept", vec![record]),
        Word::Split { refers_to } => ("review split", refers_to.into_iter().collect()),
        Word::Reject => ("review reject", Vec::new()),
    };
    store::lock(db)?;
    let account = review::account_of(db, id)?;
    let mail = if word == Word::Reject { Mail::default() } else { read(db, email)? };
    let matter = Matter { account, mails: &[&mail], records: &records, emails: &[email], ..Matter::default() };
    let mut facts = facts::gather_word(db, &matter, said.now)?;
    let plan = hand::settle((id, email), &mail, word, said.asked(), said.policy, &mut facts)?;
    if account.is_none() && word != Word::Reject {
        return Err(Fault::new(Class::Data, format!("the e-mail account that held e-mail {email} is gone"))
            .hint(format!("try: espomail email link {email} RECORD"))
            .into());
    }
    let audit = (verb, &*format!("review:{id}"), &*format!("e-mail {email}"));
    said.write(db, audit, &plan, (&facts, Some(&mail)), &[email])?;
    answer::queue(db, [(&mail, &plan)], &facts, said.policy, said.now)?;
    Ok(plan)
}

/// Opens a case, empty but for its name (CASE-5).
pub fn create(db: &mut Database, said: &Said<'_>, name: &str) -> Result<Plan> {
    let mut facts = facts::gather_word(db, &Matter::default(), said.now)?;
    let plan = hand::create(name, said.asked(), said.policy, &mut facts);
    opened(db, said, "", &plan, (&facts, None), &[])?;
    Ok(plan)
}

/// Opens a case from an e-mail (CASE-5).
pub fn create_from(db: &mut Database, said: &Said<'_>, id: EmailId) -> Result<Plan> {
    store::lock(db)?;
    let (mut facts, mails) = about(db, said, id, &[])?;
    let plan = hand::create_from(id, &mails, said.asked(), said.policy, &mut facts)?;
    let emails: Vec<EmailId> = plan.emails().into_iter().collect();
    opened(db, said, &format!("from e-mail {id}"), &plan, (&facts, mails.get(&id)), &emails)?;
    Ok(plan)
}

fn opened(
    db: &mut Database,
    said: &Said<'_>,
    detail: &str,
    plan: &Plan,
    (facts, mail): (&Facts, Option<&Mail>),
    emails: &[EmailId],
) -> Result<()> {
    let subject = plan.opened().map(|case| format!("case:{}", case.number)).unwrap_or_default();
    said.write(db, ("case create", &subject, detail), plan, (facts, mail), emails)
}

/// Opens a case from e-mails of another, and from those that answer them (CASE-5).
pub fn split(db: &mut Database, said: &Said<'_>, case: RecordId, chosen: &[EmailId], name: Option<&str>) -> Result<Plan> {
    store::lock(db)?;
    let (emails, addresses) = (email::of_record(db, case)?, email::authors_of(db, case)?);
    let records = [vec![case], store::case::merged_into(db, case)?].concat();
    let mut mails = Mails::new();
    if let Some(first) = chosen.iter().min() {
        mails.insert(*first, read(db, *first)?);
    }
    let account = chosen.iter().min().map(|first| email::judged_by(db, *first)).transpose()?.flatten();
    let first: Vec<&Mail> = mails.values().collect();
    let matter =
        Matter { account, mails: &first, records: &records, emails: &emails, addresses: &addresses, ..Matter::default() };
    let mut facts = facts::gather_word(db, &matter, said.now)?;
    let moved = hand::with_answers(case, chosen, &facts)?;
    if let Some(first) = moved.first().filter(|first| !mails.contains_key(first)) {
        mails.insert(*first, read(db, *first)?);
    }
    read_for(db, &moved, assigned(case, &facts), &facts, &mut mails)?;
    let plan = hand::split(case, &moved, name, &mails, said.asked(), said.policy, &mut facts)?;
    let listed = moved.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let number = plan.opened().map(|case| case.number).unwrap_or_default();
    let detail = format!("case:{number}: e-mail {listed}");
    let mail = moved.first().and_then(|first| mails.get(first));
    said.write(db, ("case split", &facts.name(case), &detail), &plan, (&facts, mail), &moved)?;
    Ok(plan)
}

/// Merges a case into another (CASE-5).
pub fn merge(db: &mut Database, said: &Said<'_>, from: RecordId, into: RecordId) -> Result<Plan> {
    store::lock(db)?;
    let emails = email::of_record(db, from)?;
    let records = [vec![from, into], store::case::merged_into(db, from)?].concat();
    let matter = Matter { records: &records, emails: &emails, ..Matter::default() };
    let mut facts = facts::gather_word(db, &matter, said.now)?;
    let plan = hand::merge(from, into, apply::belongings(db, from)?, said.asked(), &mut facts)?;
    let detail = format!("into {}", facts.name(into));
    said.write(db, ("case merge", &facts.name(from), &detail), &plan, (&facts, None), &emails)?;
    Ok(plan)
}

/// Undoes a merge by hand (CASE-5), as far as what was written down of it goes.
pub fn unmerge(db: &mut Database, said: &Said<'_>, case: RecordId, subject: RecordName) -> Result<Plan> {
    store::lock(db)?;
    let mut merged = merge_of(db, case, &subject.to_string())?;
    let into = store::case::left_of(db, case)?.unwrap_or(case);
    let staying: Vec<RecordId> = store::case::merged_into(db, into)?.into_iter().filter(|other| *other != case).collect();
    let (emails, addresses) = (email::of_record(db, into)?, email::authors_of(db, into)?);
    let records = [vec![case, into], staying.clone()].concat();
    let users = merged.as_ref().map(|merged| merged.followers().to_vec()).unwrap_or_default();
    let matter = Matter { records: &records, emails: &emails, users: &users, addresses: &addresses, ..Matter::default() };
    let mut facts = facts::gather_word(db, &matter, said.now)?;
    if let Some(merged) = &mut merged {
        let logins = access::since_last(db, ("case merge", &subject.to_string()), ("case unfollow", &facts.name(into)))?;
        let wants_no_more = |user: &&UserId| facts.login(**user).is_some_and(|login| logins.iter().any(|one| one == login));
        merged.unfollowed = users.iter().filter(wants_no_more).copied().collect();
    }
    let mut mails = Mails::new();
    let back = merged.iter().flat_map(|merged| hand::returning(into, merged, &facts));
    let back: Vec<EmailId> = back.map(|(email, _)| email).collect();
    read_for(db, &back, assigned(case, &facts), &facts, &mut mails)?;
    let mut others = Vec::new();
    let leaves = |other: &RecordId| merged.as_ref().is_some_and(|merged| merged.leaving().contains(other));
    for other in staying.into_iter().filter(|other| !leaves(other)) {
        others.extend(merge_of(db, other, &facts.name(other))?);
    }
    let plan = hand::unmerge(case, (merged.as_ref(), &others), &mails, said.asked(), said.policy, &mut facts)?;
    let moved: Vec<EmailId> = plan.emails().into_iter().collect();
    let detail = format!("from {}", facts.name(into));
    said.write(db, ("case unmerge", &subject.to_string(), &detail), &plan, (&facts, None), &moved)?;
    Ok(plan)
}

/// What was written down of the merge that a case was merged away by; none where mail did it.
fn merge_of(db: &mut Database, case: RecordId, subject: &str) -> Result<Option<Merged>> {
    let Some((emails, why)) = access::last_plan(db, ["case merge", "case unmerge"], subject)? else { return Ok(None) };
    Ok(Some(Merged { case, emails, written: serde_json::from_str(&why)?, unfollowed: BTreeSet::new() }))
}

/// Hands a case to a user (CASE-5); an empty plan when the user has it already.
pub fn assign(db: &mut Database, said: &Said<'_>, case: RecordId, user: UserId) -> Result<Plan> {
    store::lock(db)?;
    let emails = email::of_record(db, case)?;
    let matter = Matter { records: &[case], emails: &emails, users: &[user], ..Matter::default() };
    let mut facts = facts::gather_word(db, &matter, said.now)?;
    let mut mails = Mails::new();
    read_for(db, &emails, Some(user), &facts, &mut mails)?;
    let plan = hand::assign(case, user, &mails, said.asked(), said.policy, &mut facts)?;
    let emails: Vec<EmailId> = plan.emails().into_iter().collect();
    said.write(db, ("case assign", &facts.name(case), facts.login(user).unwrap_or_default()), &plan, (&facts, None), &emails)?;
    Ok(plan)
}

/// Takes a case or a record from whoever has it; an empty plan when nobody does.
pub fn put_back(db: &mut Database, said: &Said<'_>, record: RecordId) -> Result<Plan> {
    let decide = |facts: &mut Facts| Ok(hand::put_back(record, said.asked(), said.policy, facts));
    let mut verb = "record set";
    if store::case::is_one(db, record)? {
        verb = "case assign";
    }
    on_record(db, said, (record, &[]), verb, decide, |_| "nobody".to_string())
}

/// Sets how far a case is; none re-opens it (CASE-4). An empty plan when it is so already.
pub fn set_status(db: &mut Database, said: &Said<'_>, case: RecordId, status: Option<CaseStatus>) -> Result<Plan> {
    let verb = match status {
        Some(CaseStatus::Closed) => "case close",
        Some(_) => "case status",
        None => "case reopen",
    };
    let is_now = |facts: &Facts| facts.records.get(&case).and_then(|known| known.status).map(CaseStatus::as_str);
    let mut facts = facts::gather_word(db, &Matter { records: &[case], ..Matter::default() }, said.now)?;
    let plan = hand::set_status(case, status, said.asked(), said.policy, &mut facts)?;
    let emails = email::of_record(db, case)?;
    said.write(db, (verb, &facts.name(case), is_now(&facts).unwrap_or_default()), &plan, (&facts, None), &emails)?;
    Ok(plan)
}

/// Writes a person's words into the stream of a case.
pub fn note(db: &mut Database, said: &Said<'_>, case: RecordId, words: &str) -> Result<Plan> {
    let decide = |facts: &mut Facts| Ok(hand::note(case, words, said.asked(), said.policy, facts));
    on_record(db, said, (case, &[]), "case note", decide, |facts| format!("note {}", facts.next.note - 1))
}

/// Makes a user follow a record, or no longer (FOLLOW-1); an empty plan when it is so already.
pub fn follow(
    db: &mut Database,
    said: &Said<'_>,
    record: RecordName,
    (id, user): (RecordId, UserId),
    wanted: bool,
) -> Result<Plan> {
    let noun = if record.kind == RecordKind::Case { "case" } else { "record" };
    let verb = format!("{noun} {}", if wanted { "follow" } else { "unfollow" });
    let decide = |facts: &mut Facts| Ok(hand::follow(id, user, wanted, said.asked(), facts));
    on_record(db, said, (id, &[user]), &verb, decide, |facts| facts.login(user).unwrap_or_default().to_string())
}

/// Changes what an e-mail is of, and to whom (ACCESS-2); an empty plan when it is so already.
pub fn change_email(db: &mut Database, said: &Said<'_>, id: EmailId, changes: &EmailChanges) -> Result<Plan> {
    store::lock(db)?;
    let mail = read(db, id)?;
    let (account, assigned) = (email::judged_by(db, id)?, email::assigned_to(db, id)?);
    let users = changes.named();
    let matter = Matter { account, mails: &[&mail], emails: &[id], users: &users, ..Matter::default() };
    let mut facts = facts::gather_word(db, &matter, said.now)?;
    let mails = Mails::from([(id, mail)]);
    let plan = hand::change_email(id, (changes, assigned), &mails, said.asked(), said.policy, &mut facts)?;
    said.write(db, ("email set", &format!("email:{id}"), &changes.told()), &plan, (&facts, mails.get(&id)), &[id])?;
    Ok(plan)
}

/// Sorts a user's copies of e-mails by one of that user's filters, as far as the user did not (FILTER-5, WHY-2); `told` hears of each
/// with its subject.
pub fn sort(
    db: &mut Database,
    said: &Said<'_>,
    (user, filter, name): (UserId, FilterId, &str),
    of: &[EmailId],
    told: &mut dyn FnMut(EmailId, &str, Plan),
) -> Result<()> {
    let facts = facts::gather_word(db, &Matter { users: &[user], ..Matter::default() }, said.now)?;
    for copy in reprocess::copies(db, user, of)? {
        // Where the header is gone a filter could only fail to match.
        let Some(Left::Kept(bytes)) = raw::left_of(db, copy.email)? else { continue };
        let mail = parse_for_rules(&bytes);
        let plan = hand::sort(&copy, &mail, (filter, name), said.asked(), &facts);
        let (subject, detail) = (format!("email:{}", copy.email), format!("filter {name:?}"));
        said.write(db, ("reprocess", &subject, &detail), &plan, (&facts, None), &[copy.email])?;
        told(copy.email, &mail.subject, plan);
    }
    Ok(())
}

/// Gathers, decides and writes what concerns a record and no mail.
fn on_record(
    db: &mut Database,
    said: &Said<'_>,
    (record, users): (RecordId, &[UserId]),
    verb: &str,
    decide: impl FnOnce(&mut Facts) -> Result<Plan, Fault>,
    detail: impl FnOnce(&Facts) -> String,
) -> Result<Plan> {
    let mut facts = facts::gather_word(db, &Matter { records: &[record], users, ..Matter::default() }, said.now)?;
    let plan = decide(&mut facts)?;
    said.write(db, (verb, &facts.name(record), &detail(&facts)), &plan, (&facts, None), &[])?;
    Ok(plan)
}

/// What the rules ask when an e-mail comes to a record: what it says, and what is known of its whole thread.
fn about(db: &mut Database, said: &Said<'_>, id: EmailId, records: &[RecordId]) -> Result<(Facts, Mails)> {
    let mail = read(db, id)?;
    let account = email::judged_by(db, id)?;
    // What they may not change does not move by their word.
    let sight = sight_for(said.permit.actor(), RoleScope::Email, RoleAction::Edit);
    let mut emails = email::of_thread(db, id, &sight)?;
    emails.push(id);
    let matter = Matter { account, mails: &[&mail], records, emails: &emails, ..Matter::default() };
    let facts = facts::gather_word(db, &matter, said.now)?;
    Ok((facts, Mails::from([(id, mail)])))
}

/// Reads e-mails that come to somebody who has, or is to have, their case: only that user's filters ask what they say (FILTER-5).
fn read_for(db: &mut Database, emails: &[EmailId], user: Option<UserId>, facts: &Facts, mails: &mut Mails) -> Result<()> {
    if user.is_some_and(|user| facts.user_filters.contains_key(&user)) {
        for id in emails {
            mails.insert(*id, read(db, *id)?);
        }
    }
    Ok(())
}

fn assigned(case: RecordId, facts: &Facts) -> Option<UserId> {
    facts.records.get(&case).and_then(|known| known.assigned_user)
}

fn read(db: &mut Database, id: EmailId) -> Result<Mail> {
    remembered::mail(db, id, false)?.with_context(|| format!("e-mail {id} has no raw message"))
}
