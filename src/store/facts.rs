//! Fills [`Facts`] for a whole batch in a fixed number of set-based queries: what is asked depends on the kinds of things
//! the batch names, never on how many messages it has. Rows that other rows name (a Contact's Account, a Lead's Contact)
//! are fetched level by level, and there are only so many of them.

mod account;
mod conversation;
mod filter;
mod handed;
mod named;
mod past;
mod person;
mod record;
mod report;
mod word;

use std::collections::{HashMap, HashSet};

use anyhow::{Result, anyhow};
use diesel::dsl::{exists, max, min};
use diesel::prelude::*;

use self::named::{Named, in_lists};
use super::desk::is_at_desk;
use super::named::names_of;
use super::noun::gathered;
use super::position::IMPORTED;
use super::schema::{
    absences, counters, deletion_accounts, deletions, email_accounts, email_copies, email_teams, email_users, emails,
    former_account_deletions, notes, outbox, positions, raws, rotations, team_members, thread_ids, user_addresses, users,
};
use super::{Database, IN_LIST, erasure, former, load, lock, sending};
use crate::decide::{EmailFacts, Facts, Load, Member, Next};
use crate::mail::{self, Mail};
use crate::words::{
    AccountId, Distribution, EmailId, FolderId, NoteKind, OutgoingKind, ParentBy, PositionId, RecordId, RecordKind, TeamId,
    ThreadId, UserId,
};

/// Gathers what the rules may ask about a batch of one account. Its first statement takes the lock row, so nobody else
/// decides until this transaction ends.
pub fn gather(db: &mut Database, account: AccountId, mails: &[&Mail], now: i64) -> Result<Facts> {
    gather_at(db, None, &Matter { account: Some(account), mails, ..Matter::default() }, now)
}

/// The same for letters of ours, with the e-mails that they go on from.
pub fn gather_for(
    db: &mut Database,
    account: AccountId,
    mails: &[&Mail],
    (records, emails): (&[RecordId], &[EmailId]),
    now: i64,
) -> Result<Facts> {
    gather_at(db, None, &Matter { account: Some(account), mails, records, emails, ..Matter::default() }, now)
}

/// What a person says something of: e-mails, records and users. Which of the e-mails is parsed, and by which account's rules it is
/// judged, is for the caller to say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Matter<'a> {
    pub account: Option<AccountId>,
    pub mails: &'a [&'a Mail],
    pub records: &'a [RecordId],
    pub emails: &'a [EmailId],
    pub users: &'a [UserId],
    /// A group folder.
    pub folder: Option<FolderId>,
    /// In comparison form: whose records these are is asked, too.
    pub addresses: &'a [String],
}

/// The same for a person's word (LINK-7, CASE-5), with who made the records and which e-mails wait for another.
pub fn gather_word(db: &mut Database, matter: &Matter<'_>, now: i64) -> Result<Facts> {
    let mut facts = gather_at(db, None, matter, now)?;
    word::gather(db, &mut facts)?;
    Ok(facts)
}

/// The same for what came through one mailbox, which may be mapped to a folder of the account's owner (INBOX-2).
pub fn gather_at(db: &mut Database, position: Option<PositionId>, matter: &Matter<'_>, now: i64) -> Result<Facts> {
    let Matter { account, mails, records, emails, users, folder, addresses } = *matter;
    lock(db)?;
    let mut named = Named::by(mails);
    named.leading.extend(addresses.iter().cloned());
    named.records.extend(records);
    named.emails.extend(emails);
    let account_facts = account.map(|account| account::gather(db, account)).transpose()?.unwrap_or_default();
    let mut facts = Facts { now, next: next(db)?, account: account_facts, ..Facts::default() };
    let answered_at = sending::answered_at(db)?;
    gather_addresses(db, &named, &answered_at, &mut facts)?;
    named.add_authors(mails, &facts);
    gather_emails(db, &named, &mut facts)?;
    gather_answers(db, &named, &mut facts)?;
    if let Some(position) = position {
        gather_deletions(db, &named, position, &mut facts)?;
    }
    gather_threads(db, &named, &mut facts)?;
    facts.begun = begun(db, &facts)?;
    named.records.extend(facts.begun.values().flatten().map(|(_, record)| *record));
    record::gather(db, &named, &mut facts)?;
    conversation::people(db, &named, &mut facts)?;
    conversation::participants(db, &named, &mut facts)?;
    conversation::all_participants(db, mails, &answered_at, &mut facts)?;
    conversation::reached(db, &mut facts)?;
    if let Some(position) = position {
        facts.account.folder = filter::mapped(db, position)?;
    }
    gather_teams(db, &mut facts)?;
    if let Some((account, position)) = account.zip(position) {
        facts.account.mailbox = account::mailbox(db, position)?;
        facts.account.is_sent_mailbox = account::is_sent_mailbox(db, account, facts.account.mailbox.as_deref())?;
        conversation::moved(db, account, &mut facts)?;
        facts.account.importer = account::importer(db, &facts.account, position)?;
    }
    filter::gather(db, users, folder, &mut facts)?;
    person::gather(db, users, &mut facts)?;
    report::gather(db, mails, &named.senders, &mut facts)?;
    Ok(facts)
}

pub use past::{gather_elsewhere, gather_without};
pub(super) use word::counter;

/// The counters, in the order of [`Next`].
pub(super) fn counters(next: &Next) -> [(&'static str, i64); 7] {
    [
        ("email", next.email),
        ("thread", next.thread),
        ("record", next.record),
        ("note", next.note),
        ("number:case", next.case_number),
        ("assignment", next.assignment),
        ("review", next.review),
    ]
}

/// Reads the next free numbers; one that was never given is 1.
pub(super) fn next(db: &mut Database) -> Result<Next> {
    let names = counters(&Next::default()).map(|(name, _)| name);
    let rows: HashMap<String, i64> = counters::table
        .filter(counters::name.eq_any(names))
        .select((counters::name, counters::value))
        .load::<(String, i64)>(db)?
        .into_iter()
        .collect();
    let value = |name: &str| rows.get(name).copied().unwrap_or(1);
    let [email, thread, record, note, case_number, assignment, review] = names.map(value);
    Ok(Next { email, thread, record, note, case_number, assignment, review })
}

fn gather_addresses(db: &mut Database, named: &Named, answered_at: &HashSet<String>, facts: &mut Facts) -> Result<()> {
    let owners = in_lists(&named.people, |some| {
        user_addresses::table
            .inner_join(users::table.on(users::id.eq(user_addresses::user_id)))
            .filter(users::active.eq(true))
            .filter(user_addresses::address.eq_any(some))
            .order(users::id)
            .select((user_addresses::address, users::id))
            .load::<(String, UserId)>(db)
    })?;
    for (address, user) in owners {
        // An address that two users claim is the first one's.
        facts.users.entry(address).or_insert(user);
    }
    account::gather_addresses(db, &named.people, answered_at, facts)
}

type EmailColumns = (
    EmailId,
    String,
    ThreadId,
    i64,
    Vec<u8>,
    Option<RecordId>,
    Option<ParentBy>,
    (bool, Option<UserId>, Option<EmailId>, bool),
    (String, Option<i64>, bool),
    (bool, bool, bool),
);

/// The e-mails that messages of a batch name, or may be copies or answers of.
fn wanted(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<HashSet<EmailId>> {
    // A sender may use one Message-ID ten thousand times: the first, the last, the first of those it may stand for (THREAD-1) and
    // those with our content say it all.
    let ends = in_lists(&named.message_ids, |some| {
        emails::table
            .filter(emails::message_id.eq_any(some))
            .group_by((emails::message_id, emails::is_ours, emails::id_collision))
            .select((emails::message_id, emails::is_ours, emails::id_collision, min(emails::id), max(emails::id)))
            .load::<(String, bool, bool, Option<EmailId>, Option<EmailId>)>(db)
    })?;
    let ends = conversation::bearers(ends);
    let several: HashSet<&str> = ends.iter().filter(|(_, first, last)| first != last).map(|(id, ..)| id.as_str()).collect();
    let contents: Vec<_> = named.contents.iter().filter(|(id, _)| several.contains(id.as_str())).collect();
    let mut same = Vec::new();
    for some in contents.chunks(IN_LIST / 2) {
        let (ids, digests): (Vec<&str>, Vec<&[u8]>) = some.iter().map(|(id, digest)| (id.as_str(), digest.as_slice())).unzip();
        let both = emails::message_id.eq_any(ids).and(emails::content_digest.eq_any(digests));
        same.extend(emails::table.filter(both).select(emails::id).load::<EmailId>(db)?);
    }
    same.extend(conversation::by_senders(db, &several, named)?);
    let authors: Vec<_> = named.authors.iter().filter(|(id, ..)| several.contains(id.as_str())).collect();
    for some in authors.chunks(IN_LIST / 3) {
        let ids = some.iter().map(|(id, ..)| id.as_str());
        let of_them = emails::message_id.eq_any(ids).and(emails::from_address.eq_any(some.iter().map(|(_, author, _)| author)));
        let first = emails::table
            .filter(of_them.and(emails::header_date.eq_any(some.iter().map(|(.., date)| Some(*date)))))
            .group_by((emails::message_id, emails::from_address, emails::header_date))
            .select(min(emails::id));
        same.extend(first.load::<Option<EmailId>>(db)?.into_iter().flatten());
    }
    let by_subject = conversation::by_subject(db, named, facts)?;
    let ids = ends.into_iter().flat_map(|(_, first, last)| first.into_iter().chain(last));
    Ok(ids.chain(same).chain(by_subject).chain(named.emails.iter().copied()).collect())
}

fn gather_emails(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let ids = wanted(db, named, facts)?;
    let mut rows = in_lists(&ids, |some| {
        emails::table
            .filter(emails::id.eq_any(some))
            .select((
                emails::id,
                emails::message_id,
                emails::thread_id,
                emails::arrived_at,
                emails::content_digest,
                emails::parent_id,
                emails::parent_by,
                (emails::is_ours, emails::author_id, emails::replied_id, emails::id_collision),
                (emails::from_address, emails::header_date, emails::is_partial),
                (emails::is_claimed, emails::automatic.ne("[]"), is_at_desk!()),
            ))
            .load::<EmailColumns>(db)
    })?;
    rows.sort_unstable_by_key(|row| row.0);
    for (
        id,
        message_id,
        thread,
        arrived_at,
        digest,
        parent,
        parent_by,
        (ours, author, replied, id_collision),
        written,
        (claimed, automatic, at_desk),
    ) in rows
    {
        let (sender, header_date, partial) = written;
        let content_digest = digest.try_into().map_err(|_| anyhow!("the content digest of e-mail {id} is not 32 bytes"))?;
        facts.emails_by_message_id.entry(message_id).or_default().push(id);
        let email = EmailFacts {
            sender,
            header_date,
            partial,
            thread,
            arrived_at,
            content_digest,
            parent,
            parent_by,
            ours,
            author,
            replied,
            id_collision,
            claimed,
            automatic,
            at_desk,
            ..EmailFacts::default()
        };
        facts.emails.insert(id, email);
    }
    gather_raws(db, named, facts)?;
    gather_owners(db, facts)
}

/// Whose the e-mails are: teams, users, and the accounts that they came through.
fn gather_owners(db: &mut Database, facts: &mut Facts) -> Result<()> {
    let ids: HashSet<EmailId> = facts.emails.keys().copied().collect();
    let teams = in_lists(&ids, |some| {
        let of = email_teams::table.filter(email_teams::email_id.eq_any(some)).order(email_teams::team_id);
        of.select((email_teams::email_id, email_teams::team_id)).load::<(EmailId, TeamId)>(db)
    })?;
    for (email, team) in teams {
        facts.emails.entry(email).and_modify(|email| email.teams.push(team));
    }
    let users = in_lists(&ids, |some| {
        email_users::table
            .filter(email_users::email_id.eq_any(some))
            .order(email_users::user_id)
            .select((email_users::email_id, email_users::user_id))
            .load::<(EmailId, UserId)>(db)
    })?;
    for (email, user) in users {
        facts.emails.entry(email).and_modify(|email| email.users.push(user));
    }
    let through = in_lists(&ids, |some| {
        let of = email_accounts::table.filter(email_accounts::email_id.eq_any(some)).order(email_accounts::account_id);
        of.select((email_accounts::email_id, email_accounts::account_id)).load::<(EmailId, AccountId)>(db)
    })?;
    for (email, account) in through {
        facts.emails.entry(email).and_modify(|email| email.accounts.push(account));
    }
    Ok(())
}

/// Which bytes are kept of e-mails that messages of this batch may be copies of (DUP-2).
fn gather_raws(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let of_batch = named.contents.iter().filter_map(|(id, _)| facts.emails_by_message_id.get(id)).flatten();
    let ids: HashSet<EmailId> = of_batch.copied().collect();
    let own = in_lists(&ids, |some| {
        emails::table
            .inner_join(raws::table.on(raws::id.eq(emails::raw_id)))
            .filter(emails::id.eq_any(some))
            .select((emails::id, raws::digest))
            .load::<(EmailId, Vec<u8>)>(db)
    })?;
    let copies = in_lists(&ids, |some| {
        email_copies::table
            .inner_join(raws::table.on(raws::id.eq(email_copies::raw_id)))
            .filter(email_copies::email_id.eq_any(some))
            .select((email_copies::email_id, raws::digest))
            .load::<(EmailId, Vec<u8>)>(db)
    })?;
    for (email, digest) in own.into_iter().chain(copies) {
        let digest = digest.try_into().map_err(|_| anyhow!("the digest of bytes of e-mail {email} is not 32 bytes"))?;
        facts.emails.entry(email).and_modify(|known| known.raws.push(digest));
    }
    Ok(())
}

/// FETCH-2: what people deleted and the account's server may bring again; not what somebody imports. One account's copy says nothing
/// of another's: who deletes theirs takes nobody's away. Accounts that have or had the same mailbox count as one. What was answered
/// before somebody deleted it is not answered again, and what was of a case opens none, whatever brings it, and whatever a gateway has
/// changed in it.
fn gather_deletions(db: &mut Database, named: &Named, position: PositionId, facts: &mut Facts) -> Result<()> {
    facts.erased = erasure::known(db, &named.contents, &named.authors)?;
    let ids: HashSet<&str> = named.contents.iter().map(|(id, _)| id.as_str()).collect();
    type Deleted = (String, Vec<u8>, Option<Vec<u8>>, bool, bool);
    let there = in_lists(&ids, |some| {
        let content = (deletions::message_id, deletions::content_digest, deletions::letter);
        let columns = (content.0, content.1, content.2, deletions::was_answered, deletions::was_of_case);
        deletions::table.filter(deletions::message_id.eq_any(some.iter().copied())).select(columns).load::<Deleted>(db)
    })?;
    if there.is_empty() {
        return Ok(());
    }
    let content = |id: &String, digest: &[u8]| Some((id.clone(), digest.try_into().ok()?));
    let letters: HashMap<[u8; 32], &mail::LetterKey> = named.authors.iter().map(|one| (mail::letter_digest(one), one)).collect();
    let letter = |digest: &Option<Vec<u8>>| Some((*letters.get(digest.as_deref()?)?).clone());
    for (id, digest, letter_digest, was_answered, was_of_case) in &there {
        for (of, is_so) in [(&mut facts.answered, *was_answered), (&mut facts.settled, *was_answered || *was_of_case)] {
            if is_so {
                of.contents.extend(content(id, digest));
                of.letters.extend(letter(letter_digest));
            }
        }
    }
    // What somebody imports is to come back.
    let is_from_elsewhere = positions::uidvalidity.ne(0).or(positions::mailbox.ne(IMPORTED));
    let of = positions::table.find(position).filter(is_from_elsewhere).select(positions::account_id);
    let Some(account) = of.first::<AccountId>(db).optional()? else { return Ok(()) };
    let same = former::same(db, account)?;
    let rows = in_lists(&ids, |some| {
        let is_same = deletion_accounts::message_id
            .eq(deletions::message_id)
            .and(deletion_accounts::content_digest.eq(deletions::content_digest));
        let came_through = deletion_accounts::table.filter(is_same).filter(deletion_accounts::account_id.eq_any(&same.accounts));
        let is_former = former_account_deletions::message_id
            .eq(deletions::message_id)
            .and(former_account_deletions::content_digest.eq(deletions::content_digest));
        let came_before =
            former_account_deletions::table.filter(is_former).filter(former_account_deletions::former_id.eq_any(&same.former));
        deletions::table
            .filter(deletions::message_id.eq_any(some.iter().copied()))
            .filter(deletions::is_for_all.or(exists(came_through)).or(exists(came_before)))
            .select((deletions::message_id, deletions::content_digest, deletions::deleted_at))
            .load::<(String, Vec<u8>, i64)>(db)
    })?;
    facts.deleted = rows.iter().filter_map(|(id, digest, at)| Some((content(id, digest)?, *at))).collect();
    Ok(())
}

/// ACK-1: what is here and was answered by itself, through whichever account it came.
fn gather_answers(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    if facts.account.answering.is_none() {
        return Ok(());
    }
    let of = |id: &String| facts.emails_by_message_id.get(id).into_iter().flatten().copied();
    let bearers = |(id, digest): &(String, [u8; 32])| {
        let same = of(id).filter(|email| facts.emails.get(email).is_some_and(|known| known.content_digest == *digest));
        same.map(|email| (email, (id.clone(), *digest))).collect::<Vec<_>>()
    };
    let there: HashMap<EmailId, (String, [u8; 32])> = named.contents.iter().flat_map(bearers).collect();
    let twins = |letter: &mail::LetterKey| {
        let is_it = |known: &EmailFacts| known.sender == letter.1 && known.header_date == Some(letter.2);
        let same = of(&letter.0).filter(|email| facts.emails.get(email).is_some_and(is_it));
        same.map(|email| (email, letter.clone())).collect::<Vec<_>>()
    };
    let letters: HashMap<EmailId, mail::LetterKey> = named.authors.iter().flat_map(twins).collect();
    let all: HashSet<EmailId> = there.keys().chain(letters.keys()).copied().collect();
    for some in all.into_iter().collect::<Vec<_>>().chunks(IN_LIST) {
        let answers = outbox::table.inner_join(emails::table.on(emails::id.eq(outbox::email_id)));
        let answers = answers.filter(outbox::kind.eq(OutgoingKind::Answer));
        let answers = answers.filter(emails::replied_id.eq_any(some.iter().copied().map(Some)));
        let answered = answers.select(emails::replied_id.assume_not_null()).load::<EmailId>(db)?;
        facts.answered.contents.extend(answered.iter().filter_map(|email| there.get(email).cloned()));
        facts.answered.letters.extend(answered.iter().filter_map(|email| letters.get(email).cloned()));
    }
    Ok(())
}

fn gather_threads(db: &mut Database, named: &Named, facts: &mut Facts) -> Result<()> {
    let rows = in_lists(&named.message_ids, |some| {
        thread_ids::table.filter(thread_ids::message_id.eq_any(some)).load::<(String, ThreadId)>(db)
    })?;
    facts.thread_of = rows.into_iter().collect();
    let threads: HashSet<ThreadId> =
        facts.thread_of.values().copied().chain(facts.emails.values().map(|email| email.thread)).collect();
    // The newest is the one stored last: a Date header is the sender's word.
    let parents = in_lists(&threads, |some| {
        emails::table
            .filter(emails::thread_id.eq_any(some))
            .filter(emails::parent_id.is_not_null())
            .group_by((emails::thread_id, emails::parent_id, emails::parent_by))
            .select((emails::thread_id, emails::parent_id.assume_not_null(), emails::parent_by, max(emails::id)))
            .load::<(ThreadId, RecordId, Option<ParentBy>, Option<EmailId>)>(db)
    })?;
    let named = names_of(db, parents.iter().map(|(_, parent, ..)| Some(*parent)))?;
    let is_case = |parent: &RecordId| named.get(parent).is_some_and(|named| named.kind == RecordKind::Case);
    // What a person put elsewhere leaves the rest where it is (LINK-7).
    let place = |(thread, parent, by, newest)| (thread, (is_case(&parent), by != Some(ParentBy::Hand), newest, parent));
    let of_threads: HashMap<ThreadId, Vec<_>> = gathered(parents.into_iter().map(place).collect());
    for (thread, mut all) in of_threads {
        all.sort_unstable_by(|one, other| other.cmp(one));
        let mut all = all.into_iter().map(|(is_case, .., parent)| (is_case, parent));
        let Some((_, best)) = all.next() else { continue };
        facts.thread_parents.insert(thread, best);
        let mut cases: Vec<RecordId> = Vec::new();
        for (_, case) in all.filter(|(is_case, case)| *is_case && *case != best) {
            if !cases.contains(&case) {
                cases.push(case);
            }
        }
        if !cases.is_empty() {
            facts.thread_cases.insert(thread, cases);
        }
    }
    Ok(())
}

/// LINK-7: the cases that conversations opened of which a person put an e-mail elsewhere.
fn begun(db: &mut Database, facts: &Facts) -> Result<HashMap<ThreadId, Vec<(EmailId, RecordId)>>> {
    let by_hand = facts.emails.values().filter(|known| known.parent_by == Some(ParentBy::Hand));
    let threads: HashSet<ThreadId> = by_hand.map(|known| known.thread).collect();
    let rows = in_lists(&threads, |some| {
        notes::table
            .inner_join(emails::table.on(emails::id.nullable().eq(notes::email_id)))
            .filter(emails::thread_id.eq_any(some))
            .filter(notes::kind.eq(NoteKind::Created))
            .select((emails::thread_id, (emails::id, notes::record_id)))
            .load::<(ThreadId, (EmailId, RecordId))>(db)
    })?;
    Ok(gathered(rows))
}

fn gather_teams(db: &mut Database, facts: &mut Facts) -> Result<()> {
    // The second message of a batch sees what filters gave to the first.
    let given = filter::gather_imports(db, facts)?;
    let account = &facts.account;
    let teams: HashSet<TeamId> = (account.teams.iter())
        .chain(&account.case_team)
        .chain(&account.owner_team)
        .chain(&given)
        .chain(facts.emails.values().flat_map(|email| &email.teams))
        .chain(facts.records.values().flat_map(|record| &record.teams))
        .copied()
        .collect();
    let members = in_lists(&teams, |some| {
        team_members::table
            .inner_join(users::table.on(users::id.eq(team_members::user_id)))
            .filter(team_members::team_id.eq_any(some))
            .order((team_members::team_id, team_members::user_id))
            .select((team_members::team_id, users::id, team_members::position, users::active, users::last_assignment))
            .load::<(TeamId, UserId, Option<String>, bool, i64)>(db)
    })?;
    let people: HashSet<UserId> = members.iter().map(|member| member.1).collect();
    let absent: HashSet<UserId> = in_lists(&people, |some| {
        absences::table
            .filter(absences::user_id.eq_any(some))
            .filter(absences::starts_at.le(facts.now))
            .filter(absences::ends_at.gt(facts.now))
            .select(absences::user_id)
            .load(db)
    })?
    .into_iter()
    .collect();
    facts.teams = teams.into_iter().map(|team| (team, Vec::new())).collect();
    for (team, user, position, active, last_assignment) in members {
        let absent = absent.contains(&user);
        facts.teams.entry(team).or_default().push(Member { user, position, active, absent });
        if facts.account.case_team == Some(team) {
            facts.load.insert(user, Load { open_cases: 0, last_assignment });
        }
    }
    let rows =
        rotations::table.filter(rotations::account_id.eq(facts.account.id)).select((rotations::team_id, rotations::user_id));
    facts.rotation = rows.load(db)?.into_iter().collect();
    // Nobody else asks how many there are.
    if facts.account.distribution == Distribution::LeastBusy { gather_load(db, facts) } else { Ok(()) }
}

/// Gathers how many open cases the case team's members have (DIST-3).
pub fn gather_load(db: &mut Database, facts: &mut Facts) -> Result<()> {
    let members: HashSet<UserId> = facts.load.keys().copied().collect();
    for (user, open_cases) in in_lists(&members, |some| load::of(db, some))? {
        facts.load.entry(user).and_modify(|load| load.open_cases = open_cases);
    }
    Ok(())
}
